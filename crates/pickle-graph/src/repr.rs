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
            Some(c) if crate::is_printable(point) => f.write_char(c)?,
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

/// Writes a float as `repr` does.
pub(crate) fn write_float(f: &mut dyn Write, value: f64) -> fmt::Result {
    let mut text = Vec::new();
    crate::float_repr(value, &mut text);
    text.iter().try_for_each(|&byte| f.write_char(char::from(byte)))
}

fn quote(bytes: &[u8]) -> char {
    if bytes.contains(&b'\'') && !bytes.contains(&b'"') { '"' } else { '\'' }
}

#[cfg(test)]
mod tests {
    use super::*;

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
