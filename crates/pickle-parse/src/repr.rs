//! Values as Python's `repr` writes them.

use std::fmt;

use crate::{printable::is_printable, utf8};

/// The repr of a `str`, given as UTF-8 in which lone surrogates may stand.
pub(crate) fn str(utf8: &[u8]) -> Str<'_> {
    Str(utf8)
}

/// See [`str`].
pub(crate) struct Str<'a>(&'a [u8]);

impl fmt::Display for Str<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use fmt::Write as _;
        let quote = quote(self.0);
        f.write_char(quote)?;
        for code_point in utf8::code_points(self.0) {
            match char::from_u32(code_point) {
                Some(c @ ('\\' | '\'' | '"')) if c == '\\' || c == quote => write!(f, "\\{c}")?,
                Some('\t') => f.write_str("\\t")?,
                Some('\n') => f.write_str("\\n")?,
                Some('\r') => f.write_str("\\r")?,
                Some(c) if is_printable(code_point) => f.write_char(c)?,
                _ if code_point <= 0xff => write!(f, "\\x{code_point:02x}")?,
                _ if code_point <= 0xffff => write!(f, "\\u{code_point:04x}")?,
                _ => write!(f, "\\U{code_point:08x}")?,
            }
        }
        f.write_char(quote)
    }
}

/// The quotes that Python puts around a text: single ones, unless only those stand in it.
fn quote(text: &[u8]) -> char {
    if memchr::memchr(b'\'', text).is_some() && memchr::memchr(b'"', text).is_none() { '"' } else { '\'' }
}
