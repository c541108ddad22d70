//! Values as Python's `repr` shows them, cut short where they are long.

use std::fmt::{self, Write};

use crate::Str;

/// Writes text as `repr` does; after `limit` characters, `...` and how many bytes there are.
pub(crate) fn write_str(f: &mut dyn Write, text: Str<'_>, limit: usize) -> fmt::Result {
    let quote = quote(text.as_bytes());
    f.write_char(quote)?;
    for (i, point) in text.code_points().enumerate() {
        if i >= limit {
            return write!(f, "{quote}... ({} bytes)", text.len());
        }
        match char::from_u32(point) {
            None => write!(f, "\\u{point:04x}")?,
            Some('\n') => f.write_str("\\n")?,
            Some('\r') => f.write_str("\\r")?,
            Some('\t') => f.write_str("\\t")?,
            Some('\\') => f.write_str("\\\\")?,
            Some(c) if c == quote => write!(f, "\\{c}")?,
            Some(c) if is_printable(c) => f.write_char(c)?,
            Some(_) if point < 0x100 => write!(f, "\\x{point:02x}")?,
            Some(_) if point < 0x10000 => write!(f, "\\u{point:04x}")?,
            Some(_) => write!(f, "\\U{point:08x}")?,
        }
    }
    f.write_char(quote)
}

/// Writes bytes as `repr` does, without the `b`; after `limit` bytes, `...` and how many bytes there are.
pub(crate) fn write_bytes(f: &mut dyn Write, bytes: &[u8], limit: usize) -> fmt::Result {
    let quote = quote(bytes);
    f.write_char(quote)?;
    for &byte in bytes.iter().take(limit) {
        match byte {
            b'\n' => f.write_str("\\n")?,
            b'\r' => f.write_str("\\r")?,
            b'\t' => f.write_str("\\t")?,
            b'\\' => f.write_str("\\\\")?,
            b' '..=b'~' if char::from(byte) == quote => write!(f, "\\{quote}")?,
            b' '..=b'~' => f.write_char(char::from(byte))?,
            _ => write!(f, "\\x{byte:02x}")?,
        }
    }
    f.write_char(quote)?;
    if bytes.len() > limit { write!(f, "... ({} bytes)", bytes.len()) } else { Ok(()) }
}

/// Writes a float as `repr` does: the shortest digits that give it back, with an exponent where Python has one.
pub(crate) fn write_float(f: &mut dyn Write, value: f64) -> fmt::Result {
    let size = value.abs();
    if value.is_nan() {
        f.write_str("nan")
    } else if size.is_infinite() {
        f.write_str(if value > 0.0 { "inf" } else { "-inf" })
    } else if size != 0.0 && !(1e-4..1e16).contains(&size) {
        let text = format!("{value:e}");
        let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        let (sign, exponent) = exponent.strip_prefix('-').map_or(('+', exponent), |exponent| ('-', exponent));
        write!(f, "{digits}e{sign}{exponent:0>2}")
    } else {
        write!(f, "{value:?}")
    }
}

fn quote(bytes: &[u8]) -> char {
    if bytes.contains(&b'\'') && !bytes.contains(&b'"') { '"' } else { '\'' }
}

/// Close to `str.isprintable`, whose table is that of the running Python's Unicode version.
fn is_printable(c: char) -> bool {
    matches!(c, ' '..='~') || (c > '\u{a0}' && c != '\u{ad}' && !c.is_whitespace() && c.escape_debug().len() == 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_are_written_as_python_writes_them() {
        let cases = [
            (0.0, "0.0"),
            (-0.0, "-0.0"),
            (1.0, "1.0"),
            (0.1, "0.1"),
            (1e16, "1e+16"),
            (9999999999999998.0, "9999999999999998.0"),
            (1.5e300, "1.5e+300"),
            (0.0001, "0.0001"),
            (0.00001, "1e-05"),
            (5e-324, "5e-324"),
            (f64::INFINITY, "inf"),
            (f64::NEG_INFINITY, "-inf"),
            (f64::NAN, "nan"),
        ];
        for (value, expected) in cases {
            let mut text = String::new();
            write_float(&mut text, value).unwrap();
            assert_eq!(text, expected);
        }
    }

    #[test]
    fn quotes_are_chosen_as_python_chooses_them() {
        for (text, expected) in [("it's", "\"it's\""), ("\"it's\"", "'\"it\\'s\"'"), ("\u{7f}é\u{a0}😀", "'\\x7fé\\xa0😀'")]
        {
            let mut out = String::new();
            write_str(&mut out, Str::new(text), usize::MAX).unwrap();
            assert_eq!(out, expected);
        }
        let mut out = String::new();
        write_bytes(&mut out, b"a'\x00\xff", 3).unwrap();
        assert_eq!(out, "\"a'\\x00\"... (4 bytes)");
    }
}
