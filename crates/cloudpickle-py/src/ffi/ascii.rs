//! Strings of ASCII characters, made and read as they lie in CPython's memory.

use std::sync::atomic::{AtomicU32, Ordering};

use pyo3::{ffi, prelude::*, types::PyString};

/// The bits that the bytes of ASCII characters do not have.
pub(super) const HIGH_BITS: u64 = 0x8080_8080_8080_8080;

/// As the slice's own method, which looks at the last bytes one by one.
#[inline]
pub(super) fn is_ascii(text: &[u8]) -> bool {
    let Some(last) = text.last_chunk() else { return text.is_ascii() };
    let words = text.as_chunks().0.iter().chain([last]);
    words.fold(0, |bits, &word| bits | u64::from_ne_bytes(word)) & HIGH_BITS == 0
}

/// How a string of ASCII characters begins (`PyASCIIObject`). Its characters follow, and a NUL.
#[repr(C)]
struct Ascii {
    base: ffi::PyObject,
    length: ffi::Py_ssize_t,
    /// -1 until somebody asks for it.
    hash: ffi::Py_hash_t,
    /// In the first byte, bits that tell what characters there are and where, which differ from version to version. The rest is
    /// unused, and may be anything.
    state: u32,
    /// The same characters in another form, null until somebody asks for it.
    #[cfg(not(Py_3_12))]
    wide: *mut std::ffi::c_void,
}

/// The part of `Ascii::state` that is in use.
const IN_USE: u32 = u32::from_ne_bytes([0xff, 0, 0, 0]);

/// `Ascii::state` of a new string. 0 as long as none was seen that lies in memory as `Ascii` says.
static NEW_STATE: AtomicU32 = AtomicU32::new(0);

/// A new string of ASCII characters.
#[inline]
pub(super) fn ascii<'py>(py: Python<'py>, text: &[u8]) -> PyResult<Bound<'py, PyAny>> {
    let state = NEW_STATE.load(Ordering::Relaxed);
    if state == 0 {
        return ascii_of_interpreter(py, text);
    }
    // SAFETY: strings are allocated in that size and lie in memory so, which the first one has shown. Each field is set, the
    // characters are as many as there is room for, and nobody sees the string before.
    unsafe {
        let string = super::object::allocate(py, size_of::<Ascii>() + text.len() + 1, &raw mut ffi::PyUnicode_Type)?;
        let head = string.as_ptr().cast::<Ascii>();
        (*head).length = text.len() as ffi::Py_ssize_t;
        (*head).hash = -1;
        (*head).state = state;
        #[cfg(not(Py_3_12))]
        {
            (*head).wide = std::ptr::null_mut();
        }
        let characters = head.add(1).cast::<u8>();
        std::ptr::copy_nonoverlapping(text.as_ptr(), characters, text.len());
        characters.add(text.len()).write(0);
        Ok(string)
    }
}

/// The characters of a string, if it is seen to keep them as `Ascii` says, as strings of ASCII characters do unless they are of a
/// subclass.
#[inline]
pub(super) fn text_of<'a>(string: &'a Bound<'_, PyString>) -> Option<&'a str> {
    let state = NEW_STATE.load(Ordering::Relaxed);
    let head = string.as_ptr().cast::<Ascii>();
    // SAFETY: the object is a string, and all strings begin with these fields. One in which all bits are set that are set in a
    // new one of ASCII characters is compact and ASCII too: each of the two is a bit (whether it is interned is in others), which
    // `differs_from_latin_1` has shown of the second. So its `length` characters follow. They never change, and the handle keeps
    // the string alive.
    unsafe {
        if state == 0 || (*head).state & state != state {
            return None;
        }
        let characters = std::slice::from_raw_parts(head.add(1).cast::<u8>(), (*head).length as usize);
        Some(std::str::from_utf8_unchecked(characters))
    }
}

/// Lets [`text_of`] and [`ascii`] know how new strings look, unless they do.
#[cold]
#[inline(never)]
pub(super) fn learn(py: Python<'_>) {
    if NEW_STATE.load(Ordering::Relaxed) == 0 {
        // without memory for a string all goes the interpreter's way
        let _ = ascii_of_interpreter(py, b"ASCII");
    }
}

/// The same by the interpreter's own function, from which [`ascii`] learns.
#[cold]
#[inline(never)]
fn ascii_of_interpreter<'py>(py: Python<'py>, text: &[u8]) -> PyResult<Bound<'py, PyAny>> {
    // SAFETY: a new string of so many ASCII characters, or null. Such a string is compact: it has at least the fields of `Ascii`,
    // and its characters, one byte each, lie at `PyUnicode_DATA`; nobody sees the string before they are written.
    unsafe {
        let string = Bound::from_owned_ptr_or_err(py, ffi::PyUnicode_New(text.len() as ffi::Py_ssize_t, 0x7f))?;
        let characters = ffi::PyUnicode_DATA(string.as_ptr()).cast::<u8>();
        let head = string.as_ptr().cast::<Ascii>();
        std::ptr::copy_nonoverlapping(text.as_ptr(), characters, text.len());
        let state = (*head).state & IN_USE;
        let lies_so = characters == head.add(1).cast() && (*head).length == text.len() as ffi::Py_ssize_t && (*head).hash == -1;
        if lies_so && differs_from_latin_1(py, state) {
            NEW_STATE.store(state, Ordering::Relaxed);
        }
        Ok(string)
    }
}

/// Whether a compact string with a character that is not ASCII lacks some bit of a new ASCII string's state. Where there is no
/// memory for such a string, that is not known, and `false`.
fn differs_from_latin_1(py: Python<'_>, ascii_state: u32) -> bool {
    // SAFETY: a new string of one character, or null. It is compact: the fields of `Ascii` come first, the character, one byte,
    // lies at `PyUnicode_DATA`, and nobody sees the string before that is written.
    unsafe {
        Bound::from_owned_ptr_or_err(py, ffi::PyUnicode_New(1, 0xff)).is_ok_and(|latin_1| {
            ffi::PyUnicode_DATA(latin_1.as_ptr()).cast::<u8>().write(0xff);
            (*latin_1.as_ptr().cast::<Ascii>()).state & ascii_state != ascii_state
        })
    }
}
