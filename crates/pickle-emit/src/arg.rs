//! Arguments that protocol 0 writes as text.

/// Appends a float as C's `%.17g` writes it: 17 digits without the zeros at their end, with an exponent below 1e-4 and from 1e17
/// on.
pub(crate) fn float_17_digits(value: f64, out: &mut Vec<u8>) {
    if !value.is_finite() {
        return pickle_graph::float_repr(value, out);
    }
    let scientific = format!("{value:.16e}");
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let decimals = 16 - exponent;
    let without_zeros = |text: &str| match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text.to_owned(),
    };
    if (-4..17).contains(&exponent) {
        out.extend_from_slice(without_zeros(&format!("{value:.*}", decimals as usize)).as_bytes());
    } else {
        let sign = if exponent < 0 { '-' } else { '+' };
        out.extend_from_slice(format!("{}e{sign}{:02}", without_zeros(mantissa), exponent.abs()).as_bytes());
    }
}

/// Appends bytes as Python 2's `repr` of a `str` writes them, which is what `STRING` reads.
pub(crate) fn string_repr(bytes: &[u8], out: &mut Vec<u8>) {
    let quote = if bytes.contains(&b'\'') && !bytes.contains(&b'"') { b'"' } else { b'\'' };
    out.push(quote);
    for &byte in bytes {
        match byte {
            b'\t' => out.extend_from_slice(b"\\t"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\\' => out.extend_from_slice(b"\\\\"),
            _ if byte == quote => out.extend_from_slice(&[b'\\', quote]),
            b' '..=b'~' => out.push(byte),
            _ => out.extend_from_slice(format!("\\x{byte:02x}").as_bytes()),
        }
    }
    out.push(quote);
}

/// Appends a string in the form that `UNICODE` reads, `raw-unicode-escape` with the line break and the backslash escaped as well,
/// and, where `all` says so, what else could end a line or a text: carriage return, NUL and 0x1a.
///
/// The string comes as UTF-8 in which lone surrogates may stand as three bytes each.
pub(crate) fn raw_unicode_escape(utf8: &[u8], all: bool, out: &mut Vec<u8>) {
    for code_point in code_points(utf8) {
        match code_point {
            0 | 0x0d | 0x1a if !all => out.push(code_point as u8),
            0 | 0x0a | 0x0d | 0x1a | 0x5c | 0x100..=0xffff => out.extend_from_slice(format!("\\u{code_point:04x}").as_bytes()),
            0x10000.. => out.extend_from_slice(format!("\\U{code_point:08x}").as_bytes()),
            _ => out.push(code_point as u8),
        }
    }
}

/// The code points of UTF-8 text, surrogates included.
///
/// Bytes that are no UTF-8 come out as some code point or other and never panic: callers hand over what a `str` holds.
fn code_points(mut utf8: &[u8]) -> impl Iterator<Item = u32> {
    std::iter::from_fn(move || {
        let (&lead, rest) = utf8.split_first()?;
        let (mut code_point, following) = match lead {
            0..=0x7f => (u32::from(lead), 0),
            0x80..=0xdf => (u32::from(lead & 0x1f), 1),
            0xe0..=0xef => (u32::from(lead & 0x0f), 2),
            0xf0..=0xff => (u32::from(lead & 0x07), 3),
        };
        let (continuation, rest) = rest.split_at(following.min(rest.len()));
        for byte in continuation {
            code_point = code_point << 6 | u32::from(byte & 0x3f);
        }
        utf8 = rest;
        Some(code_point)
    })
}

/// Appends the decimal text of an integer in little-endian two's complement.
pub(crate) fn decimal(twos_complement: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(num_bigint::BigInt::from_signed_bytes_le(twos_complement).to_string().as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_with_17_digits_are_written_as_cpickle_writes_them() {
        let cases = [
            (0.0, "0"),
            (-0.0, "-0"),
            (1.5, "1.5"),
            (0.1, "0.10000000000000001"),
            (1e16, "10000000000000000"),
            (1e17, "1e+17"),
            (1e-4, "0.0001"),
            (1e-5, "1.0000000000000001e-05"),
            (123456789.123, "123456789.123"),
            (1.0 / 7.0, "0.14285714285714285"),
            (f64::NEG_INFINITY, "-inf"),
        ];
        for (value, expected) in cases {
            let mut out = Vec::new();
            float_17_digits(value, &mut out);
            assert_eq!(String::from_utf8(out).unwrap(), expected);
        }
    }

    #[test]
    fn python_2_strings_are_quoted_as_python_2_quotes_them() {
        for (bytes, expected) in [
            (&b"abc"[..], "'abc'"),
            (b"it's", "\"it's\""),
            (b"it's \"", "'it\\'s \"'"),
            (b"\xff\n\t\r\0\\", "'\\xff\\n\\t\\r\\x00\\\\'"),
        ] {
            let mut out = Vec::new();
            string_repr(bytes, &mut out);
            assert_eq!(String::from_utf8(out).unwrap(), expected);
        }
    }

    #[test]
    fn unicode_text_is_escaped_as_cpython_escapes_it() {
        let cases: &[(&[u8], &str)] = &[
            (b"plain", "plain"),
            (b"a\nb\\c\0\r\x1a", "a\\u000ab\\u005cc\\u0000\\u000d\\u001a"),
            ("caf\u{e9}".as_bytes(), "caf\u{e9}"),
            ("\u{20ac}\u{1f600}".as_bytes(), "\\u20ac\\U0001f600"),
            (b"\xed\xa0\x80", "\\ud800"),
        ];
        for (utf8, expected) in cases {
            let mut out = Vec::new();
            raw_unicode_escape(utf8, true, &mut out);
            // what stands in the pickle is latin-1
            assert_eq!(out.iter().map(|&byte| char::from(byte)).collect::<String>(), *expected);
        }
    }

    #[test]
    fn bytes_that_are_no_utf8_do_not_panic() {
        for bytes in [&b"\xff"[..], b"\xf0\x80", b"\x80\x80", b"\xe0"] {
            raw_unicode_escape(bytes, true, &mut Vec::new());
        }
    }
}
