//! Strings in text.

use std::borrow::Cow;

use crate::{ErrorKind, utf8};

/// What `STRING`'s line means (`load_string`): what stands between its quotes, with Python's string escapes undone.
///
/// ```
/// assert_eq!(pickle_parse::arg::string(br"'a\n\x41'").unwrap().as_ref(), b"a\nA");
/// ```
///
/// # Errors
///
/// [`ErrorKind::StringUnquoted`], [`ErrorKind::StringEscape`], [`ErrorKind::StringTrailingBackslash`].
#[inline]
pub fn string(text: &[u8]) -> Result<Cow<'_, [u8]>, ErrorKind> {
    match text {
        [b'\'', inner @ .., b'\''] | [b'"', inner @ .., b'"'] => unescape(inner),
        _ => Err(ErrorKind::StringUnquoted),
    }
}

/// Undoes the escapes of a `bytes` literal (`PyBytes_DecodeEscape`). An escape that is none stays as it is.
///
/// # Errors
///
/// [`ErrorKind::StringEscape`], [`ErrorKind::StringTrailingBackslash`].
pub(crate) fn unescape(text: &[u8]) -> Result<Cow<'_, [u8]>, ErrorKind> {
    let Some(first) = memchr::memchr(b'\\', text) else {
        return Ok(Cow::Borrowed(text));
    };
    let mut out = Vec::with_capacity(text.len());
    let mut at = 0;
    let mut next = Some(first);
    while let Some(backslash) = next {
        out.extend_from_slice(&text[at..backslash]);
        let escaped = *text.get(backslash + 1).ok_or(ErrorKind::StringTrailingBackslash)?;
        at = backslash + 2;
        match escaped {
            b'\n' => {}
            b'\\' | b'\'' | b'"' => out.push(escaped),
            b'b' => out.push(0x08),
            b'f' => out.push(0x0c),
            b't' => out.push(b'\t'),
            b'n' => out.push(b'\n'),
            b'r' => out.push(b'\r'),
            b'v' => out.push(0x0b),
            b'a' => out.push(0x07),
            b'0'..=b'7' => {
                let more = text[at..].iter().take(2).take_while(|digit| matches!(digit, b'0'..=b'7')).count();
                let value = text[at - 1..at + more].iter().fold(0u32, |value, digit| value * 8 + u32::from(digit - b'0'));
                at += more;
                out.push(value as u8);
            }
            b'x' => match text.get(at..at + 2).and_then(hex) {
                Some(value) => {
                    out.push(value as u8);
                    at += 2;
                }
                None => return Err(ErrorKind::StringEscape(backslash)),
            },
            _ => out.extend_from_slice(&[b'\\', escaped]),
        }
        next = memchr::memchr(b'\\', &text[at..]).map(|position| at + position);
    }
    out.extend_from_slice(&text[at..]);
    Ok(Cow::Owned(out))
}

/// What `UNICODE`'s line means (`PyUnicode_DecodeRawUnicodeEscape`): Latin-1 with `\uXXXX` and `\UXXXXXXXX`. The result is UTF-8
/// in which lone surrogates may stand.
///
/// # Errors
///
/// [`ErrorKind::Undecodable`].
#[inline]
pub fn unicode(text: &[u8]) -> Result<Cow<'_, [u8]>, ErrorKind> {
    if text.is_ascii() && memchr::memchr(b'\\', text).is_none() { Ok(Cow::Borrowed(text)) } else { raw_unicode_escape(text) }
}

fn raw_unicode_escape(text: &[u8]) -> Result<Cow<'_, [u8]>, ErrorKind> {
    let mut out = Vec::with_capacity(text.len());
    let mut at = 0;
    while let Some(&byte) = text.get(at) {
        let digits = match (byte, text.get(at + 1)) {
            (b'\\', Some(b'u')) => 4,
            (b'\\', Some(b'U')) => 8,
            (b'\\', Some(&escaped)) => {
                out.push(b'\\');
                utf8::push(&mut out, u32::from(escaped));
                at += 2;
                continue;
            }
            _ => {
                utf8::push(&mut out, u32::from(byte));
                at += 1;
                continue;
            }
        };
        let found = text[at + 2..].iter().take(digits).take_while(|digit| digit.is_ascii_hexdigit()).count();
        let end = at + 2 + found;
        let fault = |reason| ErrorKind::Undecodable { encoding: "rawunicodeescape", byte, start: at, end, reason };
        match hex(&text[at + 2..end]) {
            Some(code_point @ 0..=0x10_ffff) if found == digits => utf8::push(&mut out, code_point),
            _ if found == digits => return Err(fault("\\Uxxxxxxxx out of range")),
            _ if digits == 4 => return Err(fault("truncated \\uXXXX escape")),
            _ => return Err(fault("truncated \\UXXXXXXXX escape")),
        }
        at = end;
    }
    Ok(Cow::Owned(out))
}

/// The value of up to eight hexadecimal digits.
fn hex(digits: &[u8]) -> Option<u32> {
    digits.iter().try_fold(0, |value, &digit| Some(value << 4 | char::from(digit).to_digit(16)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn string_reads_what_cpython_reads() {
        for (line, expected) in [
            (&b"''"[..], Ok(&b""[..])),
            (b"'a'", Ok(b"a")),
            (b"\"a'b\"", Ok(b"a'b")),
            (br"'\x41\101\n\q\8'", Ok(b"AA\n\\q\\8")),
            (br"'\\\'\a\b\f\r\t\v\0\12\1234'", Ok(b"\\'\x07\x08\x0c\r\t\x0b\0\nS4")),
            (br"'\777'", Ok(b"\xff")),
            (b"'\xe9'", Ok(b"\xe9")),
            (b"", Err(ErrorKind::StringUnquoted)),
            (b"'", Err(ErrorKind::StringUnquoted)),
            (b"a", Err(ErrorKind::StringUnquoted)),
            (b"'a", Err(ErrorKind::StringUnquoted)),
            (b"'a\"", Err(ErrorKind::StringUnquoted)),
            (b"'a' ", Err(ErrorKind::StringUnquoted)),
            (br"'\x4'", Err(ErrorKind::StringEscape(0))),
            (br"'abc\xg0'", Err(ErrorKind::StringEscape(3))),
            (br"'\'", Err(ErrorKind::StringTrailingBackslash)),
        ] {
            assert_eq!(string(line), expected.map(Cow::Borrowed), "{}", line.escape_ascii());
        }
    }

    #[test]
    fn unicode_reads_what_cpython_reads() {
        for (line, expected) in [
            (&b""[..], &b""[..]),
            (b"a", b"a"),
            (br"\u1234", "\u{1234}".as_bytes()),
            (br"\U0001F600", "\u{1f600}".as_bytes()),
            (br"\ud83d\ude00", b"\xed\xa0\xbd\xed\xb8\x80"),
            (br"\\u1234", br"\\u1234"),
            (br"\\\u1234", "\\\\\u{1234}".as_bytes()),
            (br"\x41", br"\x41"),
            (b"\xe9", "\u{e9}".as_bytes()),
            (b"\\\xe9", "\\\u{e9}".as_bytes()),
            (b"a\\", b"a\\"),
        ] {
            assert_eq!(unicode(line).unwrap(), expected, "{}", line.escape_ascii());
        }
        for (line, expected) in [
            (&br"\u12"[..], "bytes in position 0-3: truncated \\uXXXX escape"),
            (br"ab\u12g4x", "bytes in position 2-5: truncated \\uXXXX escape"),
            (br"\u", "bytes in position 0-1: truncated \\uXXXX escape"),
            (br"\U0000", "bytes in position 0-5: truncated \\UXXXXXXXX escape"),
            (br"\U00110000", "bytes in position 0-9: \\Uxxxxxxxx out of range"),
        ] {
            assert_eq!(unicode(line).unwrap_err().to_string(), format!("'rawunicodeescape' codec can't decode {expected}"));
        }
    }
}
