//! Values as Python's `repr` writes them, appended to a text.

use std::io::Write as _;

use num_bigint::BigInt;

use pickle_graph::is_printable;

use crate::utf8;

/// Appends the repr of a `str`, which is given as UTF-8 in which lone surrogates may stand.
pub(crate) fn str(out: &mut Vec<u8>, utf8: &[u8]) {
    let quote = quote(utf8);
    out.push(quote);
    // What stands for itself is copied in runs.
    let (mut start, mut at) = (0, 0);
    while let Some(&byte) = utf8.get(at) {
        if is_plain(byte, quote) {
            at += 1;
            continue;
        }
        let (code_point, end) = match byte {
            0..0x80 => (u32::from(byte), at + 1),
            _ => utf8::code_point(utf8, at),
        };
        if code_point < 0x80 || !is_printable(code_point) {
            out.extend_from_slice(&utf8[start..at]);
            odd_code_point(out, code_point);
            start = end;
        }
        at = end;
    }
    out.extend_from_slice(&utf8[start..]);
    out.push(quote);
}

/// Appends a character that is a quote or a backslash or that cannot be printed.
fn odd_code_point(out: &mut Vec<u8>, code_point: u32) {
    match code_point {
        0..0x80 => odd_byte(out, code_point as u8),
        _ if code_point <= 0xff => append(out, format_args!("\\x{code_point:02x}")),
        _ if code_point <= 0xffff => append(out, format_args!("\\u{code_point:04x}")),
        _ => append(out, format_args!("\\U{code_point:08x}")),
    }
}

/// Appends the repr of a `bytes` object.
pub(crate) fn bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    let quote = quote(bytes);
    out.extend_from_slice(&[b'b', quote]);
    escape(out, bytes, quote == b'"');
    out.push(quote);
}

/// Appends the repr of a `bytearray`, which escapes single quotes also where it need not.
pub(crate) fn bytearray(out: &mut Vec<u8>, bytes: &[u8]) {
    let quote = quote(bytes);
    out.extend_from_slice(b"bytearray(b");
    out.push(quote);
    escape(out, bytes, false);
    out.extend_from_slice(&[quote, b')']);
}

/// A byte in a repr, in the first so many bytes.
#[derive(Clone, Copy)]
struct Escape([u8; 4], u8);

/// Each byte as it stands between single quotes.
static ESCAPES: [Escape; 256] = {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let mut escapes = [Escape([0; 4], 0); 256];
    let mut byte = 0;
    while byte < 256 {
        let b = byte as u8;
        escapes[byte] = match b {
            b'\t' => Escape(*b"\\t  ", 2),
            b'\n' => Escape(*b"\\n  ", 2),
            b'\r' => Escape(*b"\\r  ", 2),
            b'\'' | b'\\' => Escape([b'\\', b, b' ', b' '], 2),
            b' '..=b'~' => Escape([b, b' ', b' ', b' '], 1),
            _ => Escape([b'\\', b'x', HEX[byte >> 4], HEX[byte & 15]], 4),
        };
        byte += 1;
    }
    escapes
};

/// Appends bytes as they stand between quotes; single quotes as they are where `plain_quotes` says so.
fn escape(out: &mut Vec<u8>, bytes: &[u8], plain_quotes: bool) {
    const AT_ONCE: usize = 64;
    for some in bytes.chunks(AT_ONCE) {
        // Four bytes are written for each, whatever it needs: that takes no decision.
        let mut escaped = [0; 4 * AT_ONCE + 4];
        let mut end = 0;
        for &byte in some {
            let mut escape = ESCAPES[usize::from(byte)];
            if plain_quotes && byte == b'\'' {
                escape = Escape([byte; 4], 1);
            }
            escaped[end..end + 4].copy_from_slice(&escape.0);
            end += usize::from(escape.1);
        }
        out.extend_from_slice(&escaped[..end]);
    }
}

/// Appends the repr of a `bool`.
pub(crate) fn bool(out: &mut Vec<u8>, value: bool) {
    out.extend_from_slice(if value { b"True" } else { b"False" });
}

/// Appends the repr of an `int`.
pub(crate) fn int(out: &mut Vec<u8>, value: i128) {
    match u64::try_from(value) {
        Ok(value) => decimal(out, value, 0),
        Err(_) => append(out, format_args!("{value}")),
    }
}

/// Appends a number, with blanks before it up to this width, of at most 20.
#[inline]
pub(crate) fn decimal(out: &mut Vec<u8>, value: u64, width: usize) {
    const PAIRS: &[u8; 200] = b"\
        0001020304050607080910111213141516171819202122232425262728293031323334353637383940414243444546474849\
        5051525354555657585960616263646566676869707172737475767778798081828384858687888990919293949596979899";
    // Copied in one piece of a size that is known, and then cut.
    const SIZE: usize = 20;
    let mut digits = [b' '; 2 * SIZE];
    let (mut left, mut start) = (value, SIZE);
    while left >= 100 {
        let pair = (left % 100) as usize * 2;
        left /= 100;
        start -= 2;
        digits[start..start + 2].copy_from_slice(&PAIRS[pair..pair + 2]);
    }
    if left >= 10 {
        start -= 2;
        digits[start..start + 2].copy_from_slice(&PAIRS[left as usize * 2..][..2]);
    } else {
        start -= 1;
        digits[start] = b'0' + left as u8;
    }
    let start = start.min(SIZE - width.min(SIZE));
    cut_to(out, digits[start..].first_chunk::<SIZE>(), SIZE - start);
}

/// Appends the first `length` bytes of a piece: copying all of it takes no call and no decision.
#[inline]
pub(crate) fn cut_to<const N: usize>(out: &mut Vec<u8>, piece: Option<&[u8; N]>, length: usize) {
    if let Some(piece) = piece {
        let end = out.len() + length;
        out.extend_from_slice(piece);
        out.truncate(end);
    }
}

/// Appends the repr of an `int`; `None` if it has more digits than that.
pub(crate) fn big_int(out: &mut Vec<u8>, value: &BigInt, max_digits: usize) -> Option<()> {
    // A decimal digit is a little more than 3.32 bits: what has that many bits has too many digits for sure.
    if value.bits() as f64 > (max_digits as f64 + 1.0) * 3.33 {
        return None;
    }
    let digits = value.magnitude().to_str_radix(10);
    if digits.len() > max_digits {
        return None;
    }
    if value.sign() == num_bigint::Sign::Minus {
        out.push(b'-');
    }
    out.extend_from_slice(digits.as_bytes());
    Some(())
}

/// Appends the repr of a `float`.
pub(crate) fn float(out: &mut Vec<u8>, value: f64) {
    pickle_graph::float_repr(value, out);
}

/// Whether a byte stands for itself between these quotes.
fn is_plain(byte: u8, quote: u8) -> bool {
    matches!(byte, b' '..=b'~') && byte != quote && byte != b'\\'
}

/// Appends a byte that does not.
fn odd_byte(out: &mut Vec<u8>, byte: u8) {
    let Escape(escape, length) = ESCAPES[usize::from(byte)];
    out.extend_from_slice(&escape[..usize::from(length)]);
}

/// The quotes that Python puts around a text: single ones, unless only those stand in it.
fn quote(text: &[u8]) -> u8 {
    if memchr::memchr(b'\'', text).is_some() && memchr::memchr(b'"', text).is_none() { b'"' } else { b'\'' }
}

fn append(out: &mut Vec<u8>, text: std::fmt::Arguments<'_>) {
    // Writing to a vector does not fail.
    let _ = out.write_fmt(text);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(write: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn strings_are_quoted_and_escaped_as_python_does() {
        for (utf8, expected) in [
            (&b""[..], "''"),
            (b"it's", r#""it's""#),
            (b"it's \"it\"", r#"'it\'s "it"'"#),
            (b"\"", "'\"'"),
            (b"\\ \t\n\r\x00\x7f", r"'\\ \t\n\r\x00\x7f'"),
            ("é\u{a0}あ\u{3000}😀\u{e0001}".as_bytes(), r"'é\xa0あ\u3000😀\U000e0001'"),
            (b"a\xed\xa0\x80b", r"'a\ud800b'"),
        ] {
            assert_eq!(text(|out| str(out, utf8)), expected);
        }
        assert_eq!(text(|out| bytes(out, b"it's\x00\xff\\")), r#"b"it's\x00\xff\\""#);
        assert_eq!(text(|out| bytearray(out, b"'\"")), r#"bytearray(b'\'"')"#);
        assert_eq!(text(|out| bytearray(out, b"it's")), r#"bytearray(b"it\'s")"#);
    }

    #[test]
    fn integers_have_as_many_digits_as_are_allowed() {
        for (value, expected) in [("123", Some("123")), ("-123", Some("-123")), ("1000", None), ("-9999", None)] {
            let mut out = Vec::new();
            let value = BigInt::parse_bytes(value.as_bytes(), 10).unwrap();
            assert_eq!(big_int(&mut out, &value, 3).map(|()| out), expected.map(|text| text.as_bytes().to_vec()));
        }
        assert_eq!(big_int(&mut Vec::new(), &(BigInt::from(1) << 10_000_000), 4300), None);
        assert_eq!(text(|out| int(out, i128::from(u64::MAX))), "18446744073709551615");
    }
}
