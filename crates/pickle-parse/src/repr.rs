//! Values as Python's `repr` writes them, appended to a text.

use std::io::Write as _;

use num_bigint::BigInt;

use pickle_graph::is_printable;

use crate::utf8;

/// Appends the repr of a `str`, which is given as UTF-8 in which lone surrogates may stand.
pub(crate) fn str(out: &mut Vec<u8>, utf8: &[u8]) {
    let quote = quote(utf8);
    out.push(quote);
    let mut rest = utf8;
    while !rest.is_empty() {
        let plain = rest.iter().take_while(|&&byte| is_plain(byte, quote)).count();
        out.extend_from_slice(&rest[..plain]);
        rest = &rest[plain..];
        // Up to the next character that needs no thought.
        let odd = rest.iter().take_while(|&&byte| !is_plain(byte, quote)).count();
        for code_point in utf8::code_points(&rest[..odd]) {
            odd_code_point(out, code_point);
        }
        rest = &rest[odd..];
    }
    out.push(quote);
}

/// Appends a character that is a quote, a backslash or not printable ASCII.
fn odd_code_point(out: &mut Vec<u8>, code_point: u32) {
    match code_point {
        0..0x80 => odd_byte(out, code_point as u8),
        _ if is_printable(code_point) => utf8::push(out, code_point),
        _ if code_point <= 0xff => append(out, format_args!("\\x{code_point:02x}")),
        _ if code_point <= 0xffff => append(out, format_args!("\\u{code_point:04x}")),
        _ => append(out, format_args!("\\U{code_point:08x}")),
    }
}

/// Appends the repr of a `bytes` object.
pub(crate) fn bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    let quote = quote(bytes);
    out.extend_from_slice(&[b'b', quote]);
    for &byte in bytes {
        if is_plain(byte, quote) { out.push(byte) } else { odd_byte(out, byte) }
    }
    out.push(quote);
}

/// Appends the repr of a `bytearray`, which escapes single quotes also where it need not.
pub(crate) fn bytearray(out: &mut Vec<u8>, bytes: &[u8]) {
    let quote = quote(bytes);
    out.extend_from_slice(b"bytearray(b");
    out.push(quote);
    for &byte in bytes {
        if is_plain(byte, b'\'') && byte != quote { out.push(byte) } else { odd_byte(out, byte) }
    }
    out.extend_from_slice(&[quote, b')']);
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
pub(crate) fn decimal(out: &mut Vec<u8>, value: u64, width: usize) {
    let mut digits = [b' '; 20];
    let (mut left, mut start) = (value, digits.len());
    loop {
        start -= 1;
        digits[start] = b'0' + (left % 10) as u8;
        left /= 10;
        if left == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[start.min(digits.len() - width.min(digits.len()))..]);
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
    match byte {
        b'\t' => out.extend_from_slice(b"\\t"),
        b'\n' => out.extend_from_slice(b"\\n"),
        b'\r' => out.extend_from_slice(b"\\r"),
        b' '..=b'~' => out.extend_from_slice(&[b'\\', byte]),
        _ => {
            let hex = |digit: u8| b"0123456789abcdef"[usize::from(digit)];
            out.extend_from_slice(&[b'\\', b'x', hex(byte >> 4), hex(byte & 0xf)]);
        }
    }
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
