//! [`Str`]: Python's text, which may hold lone surrogates.

use std::{borrow::Cow, fmt};

use crate::{Error, ErrorKind};

/// A Python `str`: UTF-8 in which surrogates may stand, each as three bytes, as Python's `surrogatepass` writes them.
///
/// ```
/// use pickle_graph::Str;
///
/// let text = Str::from_bytes(b"caf\xc3\xa9")?;
/// assert_eq!(text.as_str(), Some("café"));
/// assert_eq!(text, "café");
///
/// // "\udc80", as os.fsdecode makes it of a file name that is not UTF-8
/// let lone = Str::from_bytes(b"\xed\xb2\x80")?;
/// assert_eq!(lone.as_str(), None);
/// assert_eq!(lone.to_string(), "\\udc80");
/// # Ok::<(), pickle_graph::Error>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Str<'a>(&'a [u8]);

impl<'a> Str<'a> {
    /// Text without surrogates.
    #[inline]
    #[must_use]
    pub const fn new(text: &'a str) -> Str<'a> {
        Str(text.as_bytes())
    }

    /// Text from UTF-8 in which surrogates may stand.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidUtf8`] where the bytes are anything else.
    #[inline]
    pub fn from_bytes(utf8: &'a [u8]) -> Result<Str<'a>, Error> {
        // Most text is, and it is told faster.
        if utf8.is_ascii() {
            return Ok(Str(utf8));
        }
        match std::str::from_utf8(utf8) {
            Ok(_) => Ok(Str(utf8)),
            Err(error) => from_bytes_with_surrogates(utf8, error.valid_up_to()),
        }
    }

    /// The bytes have been through [`Str::from_bytes`] before.
    #[inline]
    pub(crate) const fn from_valid(utf8: &'a [u8]) -> Str<'a> {
        Str(utf8)
    }

    /// The text, or `None` where it holds surrogates.
    #[inline]
    #[must_use]
    pub fn as_str(self) -> Option<&'a str> {
        std::str::from_utf8(self.0).ok()
    }

    /// The bytes of its UTF-8, surrogates as three bytes each.
    #[inline]
    #[must_use]
    pub const fn as_bytes(self) -> &'a [u8] {
        self.0
    }

    /// How many bytes of UTF-8 it has.
    #[inline]
    #[must_use]
    pub const fn len(self) -> usize {
        self.0.len()
    }

    /// Whether it is `""`.
    #[inline]
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0.is_empty()
    }

    /// The text, with U+FFFD in place of each surrogate.
    #[must_use]
    pub fn to_string_lossy(self) -> Cow<'a, str> {
        match self.as_str() {
            Some(text) => Cow::Borrowed(text),
            None => Cow::Owned(self.code_points().map(|point| char::from_u32(point).unwrap_or('\u{fffd}')).collect()),
        }
    }

    /// The code points, as Python's `ord` gives them: surrogates included.
    #[must_use]
    pub const fn code_points(self) -> CodePoints<'a> {
        CodePoints(self.0)
    }
}

/// The code points of a [`Str`]; made by [`Str::code_points`].
#[derive(Clone, Debug)]
pub struct CodePoints<'a>(&'a [u8]);

impl Iterator for CodePoints<'_> {
    type Item = u32;

    #[inline]
    fn next(&mut self) -> Option<u32> {
        let (&first, _) = self.0.split_first()?;
        let (length, bits) = match first {
            0..0x80 => (1, first),
            0x80..0xe0 => (2, first & 0x1f),
            0xe0..0xf0 => (3, first & 0x0f),
            0xf0.. => (4, first & 0x07),
        };
        let (point, rest) = self.0.split_at(length.min(self.0.len()));
        self.0 = rest;
        Some(point[1..].iter().fold(u32::from(bits), |point, &byte| point << 6 | u32::from(byte & 0x3f)))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.0.len().div_ceil(4), Some(self.0.len()))
    }
}

/// `valid` bytes are UTF-8; what follows may be a surrogate.
#[cold]
fn from_bytes_with_surrogates(utf8: &[u8], mut valid: usize) -> Result<Str<'_>, Error> {
    loop {
        match utf8[valid..] {
            [0xed, 0xa0..=0xbf, 0x80..=0xbf, ..] => valid += 3,
            _ => return Err(Error::new(ErrorKind::InvalidUtf8 { valid_up_to: valid })),
        }
        match std::str::from_utf8(&utf8[valid..]) {
            Ok(_) => return Ok(Str(utf8)),
            Err(error) => valid += error.valid_up_to(),
        }
    }
}

impl<'a> From<&'a str> for Str<'a> {
    #[inline]
    fn from(text: &'a str) -> Str<'a> {
        Str::new(text)
    }
}

impl<'a> From<&'a String> for Str<'a> {
    #[inline]
    fn from(text: &'a String) -> Str<'a> {
        Str::new(text)
    }
}

impl PartialEq<str> for Str<'_> {
    #[inline]
    fn eq(&self, other: &str) -> bool {
        self.0 == other.as_bytes()
    }
}

impl PartialEq<&str> for Str<'_> {
    #[inline]
    fn eq(&self, other: &&str) -> bool {
        self.0 == other.as_bytes()
    }
}

/// Writes the text as it is, and surrogates as `\udc80`.
impl fmt::Display for Str<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use fmt::Write;
        match self.as_str() {
            Some(text) => f.pad(text),
            None => self.code_points().try_for_each(|point| match char::from_u32(point) {
                Some(c) => f.write_char(c),
                None => write!(f, "\\u{point:04x}"),
            }),
        }
    }
}

/// Writes it quoted, as Python's `repr` does.
impl fmt::Debug for Str<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        crate::repr::write_str(f, *self, usize::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_surrogatepass_decodes_is_text() {
        let cases: [(&[u8], Option<&[u32]>); 12] = [
            (b"", Some(&[])),
            (b"ascii", Some(&[97, 115, 99, 105, 105])),
            ("aé€😀".as_bytes(), Some(&[97, 0xe9, 0x20ac, 0x1f600])),
            (b"\xed\xa0\x80", Some(&[0xd800])),
            (b"a\xed\xbf\xbfb", Some(&[97, 0xdfff, 98])),
            (b"\xed\xa0\xbd\xed\xb8\x80", Some(&[0xd83d, 0xde00])),
            (b"\xed\xa0", None),
            (b"\xed\xa0\x80\xff", None),
            (b"\xff", None),
            (b"\xc0\x80", None),
            (b"\xf4\x90\x80\x80", None),
            (b"caf\xe9", None),
        ];
        for (bytes, expected) in cases {
            let points = Str::from_bytes(bytes).ok().map(|text| text.code_points().collect::<Vec<_>>());
            assert_eq!(points.as_deref(), expected, "{bytes:?}");
        }
    }

    #[test]
    fn an_error_tells_the_first_wrong_byte() {
        for (bytes, position) in [(&b"ab\xff"[..], 2), (b"\xed\xa0\x80a\xff", 4), (b"a\xed\xa0", 1)] {
            let error = Str::from_bytes(bytes).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidUtf8 { valid_up_to: position });
        }
    }

    #[test]
    fn surrogates_are_shown_as_escapes_and_lost_when_lossy() {
        let text = Str::from_bytes(b"a\xed\xb2\x80\n").unwrap();
        assert_eq!(text.to_string(), "a\\udc80\n");
        assert_eq!(format!("{text:?}"), "'a\\udc80\\n'");
        assert_eq!(text.to_string_lossy(), "a\u{fffd}\n");
    }
}
