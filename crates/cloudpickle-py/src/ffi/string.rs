//! Strings.

use pyo3::{ffi, prelude::*, types::PyString};

/// A string of UTF-8 in which lone surrogates may stand, or `UnicodeDecodeError`.
#[inline]
pub(crate) fn decode_utf8<'py>(py: Python<'py>, utf8: &[u8]) -> PyResult<Bound<'py, PyAny>> {
    // the interpreter has but one empty string and one of each character
    #[cfg(not(PyPy))]
    if utf8.len() > 1 && super::ascii::is_ascii(utf8) {
        return super::ascii::ascii(py, utf8);
    }
    #[cfg(not(PyPy))]
    if utf8.len() > 2
        && let Some(text) = pickle_parse::utf8_text(utf8)
    {
        return super::wide::string(py, text);
    }
    // SAFETY: pointer and length are those of a slice, whose length never exceeds `isize::MAX`; the error handler's name is a C
    // string. The result is a new reference or null.
    unsafe {
        let string = ffi::PyUnicode_DecodeUTF8(utf8.as_ptr().cast(), utf8.len() as ffi::Py_ssize_t, c"surrogatepass".as_ptr());
        Bound::from_owned_ptr_or_err(py, string)
    }
}

/// A string's UTF-8, or `UnicodeEncodeError` for lone surrogates.
#[inline]
pub(crate) fn utf8<'a>(string: &'a Bound<'_, PyString>) -> PyResult<&'a str> {
    #[cfg(not(PyPy))]
    if let Some(text) = super::ascii::text_of(string) {
        return Ok(text);
    }
    utf8_of_interpreter(string)
}

#[inline(never)]
fn utf8_of_interpreter<'a>(string: &'a Bound<'_, PyString>) -> PyResult<&'a str> {
    #[cfg(not(PyPy))]
    super::ascii::learn(string.py());
    string.to_str()
}

/// The interpreter's one string that equals a string, as it keeps them for attribute names.
#[inline]
pub(crate) fn intern(string: Bound<'_, PyString>) -> Bound<'_, PyString> {
    let py = string.py();
    let mut pointer = string.into_ptr();
    // SAFETY: `pointer` is an owned reference to a string; interning swaps it for an owned reference to an equal one.
    unsafe {
        ffi::PyUnicode_InternInPlace(&mut pointer);
        Bound::from_owned_ptr(py, pointer).cast_into_unchecked()
    }
}
