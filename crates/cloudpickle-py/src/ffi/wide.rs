//! Strings of characters that are not all ASCII, made as wide as they are to be.
//!
//! The interpreter's own function begins with the narrowest string, and makes a wider one when it comes to a character that does not
//! fit.

use pyo3::{ffi, prelude::*};

/// The lowest bytes that characters beyond Latin-1 and beyond 16 bits begin with.
const BEYOND_LATIN_1: u8 = 0xc4;
const BEYOND_16_BITS: u8 = 0xf0;

/// A new string. It must be more than one character of Latin-1, of which the interpreter has but one.
pub(super) fn string<'py>(py: Python<'py>, text: &str) -> PyResult<Bound<'py, PyAny>> {
    let highest = text.bytes().fold(0, u8::max);
    let len = text.chars().count() as ffi::Py_ssize_t;
    let max = match highest {
        BEYOND_16_BITS.. => char::MAX,
        BEYOND_LATIN_1.. => '\u{ffff}',
        _ => '\u{ff}',
    };
    // SAFETY: a new string of so many characters, or null. They are as wide as `max` needs, which is not below any of them, and nobody
    // sees the string before all are written.
    unsafe {
        let string = Bound::from_owned_ptr_or_err(py, ffi::PyUnicode_New(len, max.into()))?;
        let place = ffi::PyUnicode_DATA(string.as_ptr());
        match highest {
            BEYOND_16_BITS.. => write(text, place.cast(), |character| character as u32),
            BEYOND_LATIN_1.. => write(text, place.cast(), |character| character as u16),
            _ => write(text, place.cast(), |character| character as u8),
        }
        Ok(string)
    }
}

/// Writes each character of a text, cut to a number of some width.
///
/// # Safety
/// There must be room for all of them.
#[inline(always)]
unsafe fn write<T>(text: &str, mut place: *mut T, cut: impl Fn(char) -> T) {
    let mut characters = text.chars();
    loop {
        while let Some(run) = characters.as_str().as_bytes().first_chunk::<8>()
            && u64::from_ne_bytes(*run) & super::ascii::HIGH_BITS == 0
        {
            // SAFETY: there is room, and what follows eight characters of a byte each is text again.
            unsafe {
                for (index, &byte) in run.iter().enumerate() {
                    place.add(index).write(cut(byte.into()));
                }
                place = place.add(run.len());
                characters = characters.as_str().get_unchecked(run.len()..).chars();
            }
        }
        // up to where ASCII characters follow one that is not
        loop {
            let Some(character) = characters.next() else { return };
            // SAFETY: there is room.
            unsafe {
                place.write(cut(character));
                place = place.add(1);
            }
            if !character.is_ascii() && characters.as_str().as_bytes().first().is_some_and(u8::is_ascii) {
                break;
            }
        }
    }
}
