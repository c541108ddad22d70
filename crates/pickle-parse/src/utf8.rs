//! Python's UTF-8: as everyone's, but lone surrogates may stand in it (the `surrogatepass` error handler).

use crate::ErrorKind;

/// Whether surrogates (U+D800 to U+DFFF) may be encoded.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Surrogates {
    /// As `str` in pickles: yes.
    Pass,
    /// As names: no.
    Strict,
}

/// From so many bytes on, vector instructions check faster than the standard library.
pub(crate) const LONG: usize = 64;

/// The text that `bytes` are in UTF-8, if they are: Python's strings may have lone surrogates besides, which Rust's have not.
///
/// As [`std::str::from_utf8`], by vector instructions where the text is long.
///
/// ```
/// use pickle_parse::utf8_text;
///
/// assert_eq!(utf8_text("caf\u{e9}".as_bytes()), Some("caf\u{e9}"));
/// assert_eq!(utf8_text(b"\xed\xa0\x80"), None); // U+D800
/// ```
#[inline]
pub fn text(bytes: &[u8]) -> Option<&str> {
    if bytes.len() < LONG { std::str::from_utf8(bytes).ok() } else { simdutf8::basic::from_utf8(bytes).ok() }
}

/// Checks that `bytes` are UTF-8; the error is the one that CPython's decoder raises.
#[inline]
pub(crate) fn check(bytes: &[u8], surrogates: Surrogates) -> Result<(), ErrorKind> {
    match text(bytes) {
        Some(_) => Ok(()),
        None => check_slowly(bytes, surrogates),
    }
}

#[cold]
fn check_slowly(bytes: &[u8], surrogates: Surrogates) -> Result<(), ErrorKind> {
    let mut start = 0;
    while let Err(error) = std::str::from_utf8(&bytes[start..]) {
        start += error.valid_up_to();
        if surrogates == Surrogates::Pass && surrogate(&bytes[start..]).is_some() {
            start += 3;
            continue;
        }
        let (end, reason) = match error.error_len() {
            None => (bytes.len(), "unexpected end of data"),
            Some(_) if !matches!(bytes[start], 0xc2..=0xf4) => (start + 1, "invalid start byte"),
            Some(length) => (start + length, "invalid continuation byte"),
        };
        return Err(ErrorKind::Undecodable { encoding: "utf-8", byte: bytes[start], start, end, reason });
    }
    Ok(())
}

/// Text that is ASCII.
pub(crate) fn ascii(text: &[u8]) -> Result<&str, ErrorKind> {
    match text.iter().position(|byte| !byte.is_ascii()) {
        None => Ok(std::str::from_utf8(text).unwrap_or_default()),
        Some(start) => Err(ErrorKind::Undecodable {
            encoding: "ascii",
            byte: text[start],
            start,
            end: start + 1,
            reason: "ordinal not in range(128)",
        }),
    }
}

/// Text that is UTF-8 without surrogates.
pub(crate) fn strict(text: &[u8]) -> Result<&str, ErrorKind> {
    match self::text(text) {
        Some(text) => Ok(text),
        None => check_slowly(text, Surrogates::Strict).map(|()| ""),
    }
}

/// The surrogate that `bytes` begin with.
fn surrogate(bytes: &[u8]) -> Option<u32> {
    match bytes {
        &[0xed, b @ 0xa0..=0xbf, c @ 0x80..=0xbf, ..] => Some(0xd000 | u32::from(b & 0x3f) << 6 | u32::from(c & 0x3f)),
        _ => None,
    }
}

/// The code points of `bytes`, surrogates included. What is not UTF-8 becomes U+FFFD.
#[cfg(any(test, feature = "serde"))]
pub(crate) fn code_points(bytes: &[u8]) -> impl Iterator<Item = u32> {
    let (mut valid, mut rest) = ("".chars(), bytes);
    std::iter::from_fn(move || {
        if let Some(c) = valid.next() {
            return Some(u32::from(c));
        }
        if let Some(surrogate) = surrogate(rest) {
            rest = &rest[3..];
            return Some(surrogate);
        }
        let chunk = rest.utf8_chunks().next()?;
        if chunk.valid().is_empty() {
            rest = &rest[chunk.invalid().len()..];
            return Some(0xfffd);
        }
        rest = &rest[chunk.valid().len()..];
        valid = chunk.valid().chars();
        valid.next().map(u32::from)
    })
}

/// The code point that begins at `at`, surrogates included, and where it ends. Of what is not UTF-8, it is some number.
#[inline]
pub(crate) fn code_point(bytes: &[u8], at: usize) -> (u32, usize) {
    let bits = |index: usize, mask: u8| bytes.get(at + index).map_or(0, |&byte| u32::from(byte & mask));
    let (code_point, length) = match bytes.get(at) {
        Some(0xf0..) => (bits(0, 0x07) << 18 | bits(1, 0x3f) << 12 | bits(2, 0x3f) << 6 | bits(3, 0x3f), 4),
        Some(0xe0..) => (bits(0, 0x0f) << 12 | bits(1, 0x3f) << 6 | bits(2, 0x3f), 3),
        Some(0x80..) => (bits(0, 0x1f) << 6 | bits(1, 0x3f), 2),
        _ => (bits(0, 0x7f), 1),
    };
    (code_point, bytes.len().min(at + length))
}

/// Appends one code point, surrogates included.
pub(crate) fn push(to: &mut Vec<u8>, code_point: u32) {
    match char::from_u32(code_point) {
        Some(c) => to.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
        None => to.extend_from_slice(&[
            0xe0 | (code_point >> 12 & 0x0f) as u8,
            0x80 | (code_point >> 6 & 0x3f) as u8,
            0x80 | (code_point & 0x3f) as u8,
        ]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_those_of_cpython() {
        for (bytes, surrogates, expected) in [
            (&b"ab\xff"[..], Surrogates::Pass, "byte 0xff in position 2: invalid start byte"),
            (b"\xed\xa0", Surrogates::Pass, "byte 0xed in position 0: invalid continuation byte"),
            (b"\xed\xa0\x80", Surrogates::Strict, "byte 0xed in position 0: invalid continuation byte"),
            (b"\xed\xa0\x80\x80", Surrogates::Pass, "byte 0x80 in position 3: invalid start byte"),
            (b"\xe3\x81", Surrogates::Pass, "bytes in position 0-1: unexpected end of data"),
            (b"\xc3", Surrogates::Pass, "byte 0xc3 in position 0: unexpected end of data"),
            (b"\xf0\x9f\x98a", Surrogates::Pass, "bytes in position 0-2: invalid continuation byte"),
            (b"\xc0\x80", Surrogates::Pass, "byte 0xc0 in position 0: invalid start byte"),
        ] {
            let error = check(bytes, surrogates).unwrap_err();
            assert_eq!(error.to_string(), format!("'utf-8' codec can't decode {expected}"));
        }
        assert_eq!(check(b"a\xed\xa0\x80\xed\xbf\xbfb", Surrogates::Pass), Ok(()));
    }

    #[test]
    fn code_points_are_read_as_they_were_pushed() {
        let pushed = [0x61, 0xe9, 0xd800, 0xdfff, 0xd7ff, 0xe000, 0x10_ffff, 0];
        let mut bytes = Vec::new();
        pushed.iter().for_each(|&c| push(&mut bytes, c));
        assert!(code_points(&bytes).eq(pushed));
        assert!(code_points(b"a\xffb\xed\xa0").eq([0x61, 0xfffd, 0x62, 0xfffd, 0xfffd]));
    }
}
