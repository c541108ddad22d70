//! Integers, indexes and floats in text.

use num_bigint::BigInt;

use crate::{ErrorKind, Rules, utf8};

/// An integer or bool that was written as text.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Int {
    /// `INT` writes `True` as `01` and `False` as `00`.
    Bool(bool),
    /// One that fits 64 bits.
    Small(i64),
    /// One that does not.
    Big(BigInt),
}

/// What `INT`'s line means (`load_int` of CPython's `_pickle.c`): an integer in decimal, or a bool, written with two characters.
/// By [older rules](Rules::decimal_ints), the integer may be in hexadecimal (`0x`), octal (`0o`, `0`) or binary (`0b`) too.
///
/// ```
/// use pickle_parse::{Rules, arg::{Int, int}};
///
/// assert_eq!(int(b"42", 4300, Rules::default()), Ok(Int::Small(42)));
/// assert_eq!(int(b"01", 4300, Rules::default()), Ok(Int::Bool(true)));
/// assert_eq!(int(b"010", 4300, Rules::PYTHON_3_13), Ok(Int::Small(8)));
/// assert_eq!(int(b"010", 4300, Rules::PYTHON_3_14), Ok(Int::Small(10)));
/// ```
///
/// # Errors
///
/// [`ErrorKind::IntText`] if it is no integer, or one of more than `max_digits` decimal digits; [`ErrorKind::Truncated`] if it
/// is empty.
#[inline]
pub fn int(text: &[u8], max_digits: usize, rules: Rules) -> Result<Int, ErrorKind> {
    match text {
        b"00" => Ok(Int::Bool(false)),
        b"01" => Ok(Int::Bool(true)),
        b"-0" if !rules.literal_bools => Ok(Int::Bool(false)),
        b"" => Err(ErrorKind::Truncated),
        _ => match plain_decimal(text) {
            Some(value) => Ok(Int::Small(value)),
            None => odd_int(text, max_digits, rules),
        },
    }
}

#[inline(never)]
fn odd_int(text: &[u8], max_digits: usize, rules: Rules) -> Result<Int, ErrorKind> {
    let Some(value) = strtol(text, rules.decimal_ints) else {
        return integer(text, base(rules), max_digits).map_err(|_| ErrorKind::IntText);
    };
    Ok(match value {
        0 | 1 if text.len() == 2 && !rules.literal_bools => Int::Bool(value == 1),
        _ => Int::Small(value),
    })
}

/// The base in which integers stand; 0 where their prefix tells.
fn base(rules: Rules) -> u32 {
    if rules.decimal_ints { 10 } else { 0 }
}

/// What `LONG`'s line means (`load_long`): as [`int`], but octal needs `0o`, and an `L` may stand behind it.
///
/// # Errors
///
/// [`ErrorKind::IntLiteral`] if it is no integer, [`ErrorKind::IntDigits`] if it has more than `max_digits` decimal digits,
/// [`ErrorKind::Truncated`] if it is empty.
#[inline]
pub fn long(text: &[u8], max_digits: usize, rules: Rules) -> Result<Int, ErrorKind> {
    if text.is_empty() {
        return Err(ErrorKind::Truncated);
    }
    let number = text.strip_suffix(b"L");
    match plain_decimal(number.unwrap_or(text)) {
        Some(value) => Ok(Int::Small(value)),
        None => match number {
            Some(number) => integer_at_end(number, base(rules), max_digits),
            None => integer(text, base(rules), max_digits),
        },
    }
}

/// What `GET`'s and `PUT`'s line means: an index into the memo, in decimal. It can be negative.
///
/// # Errors
///
/// [`ErrorKind::IntLiteral`] if it is no integer, [`ErrorKind::MemoIndexTooLarge`] if it does not fit 64 bits,
/// [`ErrorKind::IntDigits`] if it has more than 4300 digits, [`ErrorKind::Truncated`] if it is empty.
#[inline]
pub fn memo_index(text: &[u8]) -> Result<i64, ErrorKind> {
    match plain_decimal(text) {
        Some(index) => Ok(index),
        None if text.is_empty() => Err(ErrorKind::Truncated),
        None => match integer(text, 10, crate::Limits::DEFAULT.int_digits)? {
            Int::Small(index) => Ok(index),
            Int::Bool(_) | Int::Big(_) => Err(ErrorKind::MemoIndexTooLarge),
        },
    }
}

/// What `FLOAT`'s line means (`load_float`): digits with a point or an exponent, or `inf`, `infinity` or `nan` in any case, with
/// an optional sign; no spaces.
///
/// # Errors
///
/// [`ErrorKind::FloatText`], [`ErrorKind::FloatLiteral`] or [`ErrorKind::FloatOverflow`] as CPython tells them apart,
/// [`ErrorKind::Truncated`] if it is empty.
#[inline]
pub fn float(text: &[u8]) -> Result<f64, ErrorKind> {
    if text.is_empty() {
        return Err(ErrorKind::Truncated);
    }
    let text = c_string(text);
    match float_prefix(text.0) {
        None => Err(ErrorKind::FloatLiteral(text.with_newline())),
        Some((None, _)) => Err(ErrorKind::FloatOverflow(text.with_newline())),
        Some((Some(_), length)) if length < text.0.len() => Err(ErrorKind::FloatText),
        Some((Some(value), _)) => Ok(value),
    }
}

/// The usual case: a sign, if any, and up to 18 digits, nothing else.
#[inline]
fn plain_decimal(text: &[u8]) -> Option<i64> {
    let (negative, digits) = match text {
        [b'-', digits @ ..] => (true, digits),
        _ => (false, text),
    };
    if digits.is_empty() || digits.len() > 18 || (digits[0] == b'0' && digits.len() > 1) {
        return None;
    }
    let mut value = 0i64;
    for &digit in digits {
        if !digit.is_ascii_digit() {
            return None;
        }
        value = value * 10 + i64::from(digit - b'0');
    }
    Some(if negative { -value } else { value })
}

/// A line as C sees it: up to the first NUL, and ending with the newline if there is none.
#[derive(Clone, Copy)]
struct CString<'a>(&'a [u8], bool);

fn c_string(text: &[u8]) -> CString<'_> {
    match memchr::memchr(0, text) {
        Some(end) => CString(&text[..end], false),
        None => CString(text, true),
    }
}

impl CString<'_> {
    /// The text as it stands in CPython's messages.
    fn with_newline(self) -> Box<[u8]> {
        let newline: &[u8] = if self.1 { b"\n" } else { b"" };
        [&self.0[..self.0.len().min(200)], if self.0.len() < 200 { newline } else { b"" }].concat().into()
    }
}

/// The number that C's `strtol` with base 10 or 0 reads from a line, if it reads all of it and it fits.
fn strtol(text: &[u8], decimal: bool) -> Option<i64> {
    let text = c_string(text).0;
    if text.is_empty() {
        // Nothing read, and the end reached.
        return Some(0);
    }
    let start = text.iter().position(|&byte| !is_space(byte))?;
    let (negative, digits) = sign(&text[start..]);
    let (base, digits) = match digits {
        _ if decimal => (10, digits),
        [b'0', b'x' | b'X', digits @ ..] => (16, digits),
        [b'0', ..] => (8, digits),
        _ => (10, digits),
    };
    if digits.is_empty() {
        return None;
    }
    let mut value = 0i128;
    for &digit in digits {
        value = value * base + i128::from(char::from(digit).to_digit(base as u32)?);
        if value > i128::from(u64::MAX) {
            return None;
        }
    }
    i64::try_from(if negative { -value } else { value }).ok()
}

/// The integer that `PyLong_FromString` reads from a line with its newline.
fn integer(text: &[u8], base: u32, max_digits: usize) -> Result<Int, ErrorKind> {
    c_integer(c_string(text), base, max_digits)
}

/// The integer that `PyLong_FromString` reads from a text that ends where it ends.
fn integer_at_end(text: &[u8], base: u32, max_digits: usize) -> Result<Int, ErrorKind> {
    c_integer(CString(c_string(text).0, false), base, max_digits)
}

fn c_integer(string: CString<'_>, base: u32, max_digits: usize) -> Result<Int, ErrorKind> {
    let text = string.0;
    match python_int(text, base, max_digits) {
        Ok(value) => Ok(value),
        Err(IntFault::Digits(digits)) => Err(ErrorKind::IntDigits { limit: max_digits, digits: Some(digits) }),
        Err(IntFault::Literal(base)) => {
            let text = string.with_newline();
            utf8::check(&text, utf8::Surrogates::Strict)?;
            Err(ErrorKind::IntLiteral { base, text })
        }
    }
}

/// Why a text is no integer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum IntFault {
    /// It is none in this base; 0 stands for decimal without leading zeros.
    Literal(u32),
    /// It has this many digits.
    Digits(usize),
}

/// An integer as Python's `int(text, base)` reads it, for base 0 (the base's prefix decides) or 10: spaces around it, a sign, and
/// single underscores between digits.
pub(crate) fn python_int(text: &[u8], base: u32, max_digits: usize) -> Result<Int, IntFault> {
    let (negative, number) = sign(trim(text));
    let (base, mut digits, octal_of_c) = match number {
        _ if base != 0 => (base, number, false),
        [b'0', b'x' | b'X', digits @ ..] => (16, digits, false),
        [b'0', b'o' | b'O', digits @ ..] => (8, digits, false),
        [b'0', b'b' | b'B', digits @ ..] => (2, digits, false),
        [b'0', ..] => (10, number, true),
        _ => (10, number, false),
    };
    if let ([b'_', rest @ ..], false) = (digits, digits.len() == number.len()) {
        digits = rest;
    }
    let mut plain = Vec::with_capacity(digits.len());
    let mut after_digit = false;
    for &byte in digits {
        match char::from(byte).to_digit(base) {
            Some(_) => plain.push(byte),
            None if byte == b'_' && after_digit => {}
            None => return Err(IntFault::Literal(base)),
        }
        after_digit = byte != b'_';
    }
    if !after_digit {
        return Err(IntFault::Literal(base));
    }
    if base == 10 && plain.len() > max_digits {
        return Err(IntFault::Digits(plain.len()));
    }
    let Some(value) = BigInt::parse_bytes(&plain, base) else {
        return Err(IntFault::Literal(base));
    };
    if octal_of_c && value != BigInt::ZERO {
        return Err(IntFault::Literal(0));
    }
    let value = if negative { -value } else { value };
    Ok(i64::try_from(&value).map_or_else(|_| Int::Big(value), Int::Small))
}

fn sign(text: &[u8]) -> (bool, &[u8]) {
    match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        _ => (false, text),
    }
}

/// What C's `isspace` and Python's `bytes.isspace` call a space.
fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t'..=b'\r')
}

/// Without the spaces at both ends.
pub(crate) fn trim(text: &[u8]) -> &[u8] {
    let start = text.iter().position(|&byte| !is_space(byte)).unwrap_or(text.len());
    let end = text.iter().rposition(|&byte| !is_space(byte)).map_or(start, |last| last + 1);
    &text[start..end]
}

/// The float that a text begins with and its length (`_PyOS_ascii_strtod`); no float where it is beyond a double's range.
pub(crate) fn float_prefix(text: &[u8]) -> Option<(Option<f64>, usize)> {
    let (negative, unsigned) = sign(text);
    let signs = text.len() - unsigned.len();
    for (word, value) in [(&b"infinity"[..], f64::INFINITY), (b"inf", f64::INFINITY), (b"nan", f64::NAN)] {
        if unsigned.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word)) {
            return Some((Some(value.copysign(if negative { -1.0 } else { 1.0 })), signs + word.len()));
        }
    }
    let digits = |from: usize| unsigned[from..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let whole = digits(0);
    let mut length = whole;
    if unsigned.get(whole) == Some(&b'.') {
        length += 1 + digits(whole + 1);
        if length == 1 {
            return None;
        }
    }
    if length == 0 {
        return None;
    }
    if let Some(b'e' | b'E') = unsigned.get(length) {
        let digits_from = length + 1 + usize::from(matches!(unsigned.get(length + 1), Some(b'+' | b'-')));
        if unsigned.get(digits_from).is_some_and(u8::is_ascii_digit) {
            length = digits_from + digits(digits_from);
        }
    }
    let length = signs + length;
    let value = std::str::from_utf8(&text[..length]).ok()?.parse::<f64>().ok()?;
    Some((value.is_finite().then_some(value), length))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text<T: std::fmt::Debug>(result: Result<T, ErrorKind>) -> String {
        match result {
            Ok(value) => format!("{value:?}"),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn int_reads_what_cpython_reads() {
        for (line, expected) in [
            (&b"12"[..], "Small(12)"),
            (b"-12", "Small(-12)"),
            (b" 12", "Small(12)"),
            (b"12 ", "Small(12)"),
            (b"\x0b12\x0b", "Small(12)"),
            (b"0x1f", "Small(31)"),
            (b"010", "Small(8)"),
            (b"08", "could not convert string to int"),
            (b"00", "Bool(false)"),
            (b"01", "Bool(true)"),
            (b" 1", "Bool(true)"),
            (b"+1", "Bool(true)"),
            (b"-0", "Bool(false)"),
            (b"1\0", "Bool(true)"),
            (b"1\0x", "Small(1)"),
            (b"\0", "Small(0)"),
            (b"000", "Small(0)"),
            (b"0", "Small(0)"),
            (b"1", "Small(1)"),
            (b"9223372036854775807", "Small(9223372036854775807)"),
            (b"-9223372036854775808", "Small(-9223372036854775808)"),
            (b"9223372036854775808", "Big(9223372036854775808)"),
            (b"99999999999999999999", "Big(99999999999999999999)"),
            (b"1_000", "Small(1000)"),
            (b"0b11", "Small(3)"),
            (b"0o17", "Small(15)"),
            (b"_1", "could not convert string to int"),
            (b"1L", "could not convert string to int"),
            (b"0x", "could not convert string to int"),
            (b"  ", "could not convert string to int"),
            (b"-", "could not convert string to int"),
            (b"010000000000000000000000000", "could not convert string to int"),
            (b"", "pickle data was truncated"),
        ] {
            assert_eq!(text(int(line, 4300, Rules::PYTHON_3_13)), expected, "{}", line.escape_ascii());
        }
        for rules in [Rules::PYTHON_3_13, Rules::PYTHON_3_15] {
            assert_eq!(int(&[b'1'; 4301], 4300, rules), Err(ErrorKind::IntText));
            assert!(int(&[b'1'; 4301], 5000, rules).is_ok());
        }
    }

    #[test]
    fn int_reads_what_cpython_reads_from_3_14_on() {
        let refused = "could not convert string to int";
        for (line, in_3_14, in_3_15) in [
            (&b"00"[..], "Bool(false)", "Bool(false)"),
            (b"01", "Bool(true)", "Bool(true)"),
            (b"0", "Small(0)", "Small(0)"),
            (b"1", "Small(1)", "Small(1)"),
            (b"+0", "Bool(false)", "Small(0)"),
            (b"-0", "Bool(false)", "Small(0)"),
            (b"+1", "Bool(true)", "Small(1)"),
            (b" 1", "Bool(true)", "Small(1)"),
            (b"1\0", "Bool(true)", "Small(1)"),
            (b"1 ", "Small(1)", "Small(1)"),
            (b"001", "Small(1)", "Small(1)"),
            (b"01\0", "Small(1)", "Small(1)"),
            (b"01\r", "Small(1)", "Small(1)"),
            (b"\0", "Small(0)", "Small(0)"),
            (b"010", "Small(10)", "Small(10)"),
            (b"-010", "Small(-10)", "Small(-10)"),
            (b"08", "Small(8)", "Small(8)"),
            (b"0_1", "Small(1)", "Small(1)"),
            (b"0099999999999999999999", "Big(99999999999999999999)", "Big(99999999999999999999)"),
            (b"0x10", refused, refused),
            (b"0o10", refused, refused),
            (b"0b10", refused, refused),
            (b"-", refused, refused),
            (b"_1", refused, refused),
        ] {
            assert_eq!(text(int(line, 4300, Rules::PYTHON_3_14)), in_3_14, "{}", line.escape_ascii());
            assert_eq!(text(int(line, 4300, Rules::PYTHON_3_15)), in_3_15, "{}", line.escape_ascii());
        }
    }

    #[test]
    fn long_reads_what_cpython_reads() {
        for (line, expected) in [
            (&b"12"[..], "Small(12)"),
            (b"12L", "Small(12)"),
            (b"0L", "Small(0)"),
            (b"-123456789012345678901234L", "Big(-123456789012345678901234)"),
            (b"0x12L", "Small(18)"),
            (b"0x_1", "Small(1)"),
            (b"-0x1FL", "Small(-31)"),
            (b" 12 L", "Small(12)"),
            (b"1_0", "Small(10)"),
            (b"0_0", "Small(0)"),
            (b"00L", "Small(0)"),
            (b"12\0x", "Small(12)"),
            (b"+12", "Small(12)"),
            (b"", "pickle data was truncated"),
            (b"L", "invalid literal for int() with base 10: ''"),
            (b"12LL", "invalid literal for int() with base 10: '12L'"),
            (b"\x0012", "invalid literal for int() with base 10: ''"),
            (b"012", "invalid literal for int() with base 0: '012\\n'"),
            (b"1__0", "invalid literal for int() with base 10: '1__0\\n'"),
            (b"1_", "invalid literal for int() with base 10: '1_\\n'"),
            (b"0_", "invalid literal for int() with base 10: '0_\\n'"),
            (b"- 1", "invalid literal for int() with base 10: '- 1\\n'"),
            (b"0b102", "invalid literal for int() with base 2: '0b102\\n'"),
            (b"0bL", "invalid literal for int() with base 2: '0b'"),
            (b"0o", "invalid literal for int() with base 8: '0o\\n'"),
            (b"0x1__2", "invalid literal for int() with base 16: '0x1__2\\n'"),
            (b"1'", "invalid literal for int() with base 10: \"1'\\n\""),
            (b"\xff", "'utf-8' codec can't decode byte 0xff in position 0: invalid start byte"),
        ] {
            assert_eq!(text(long(line, 4300, Rules::PYTHON_3_13)), expected, "{}", line.escape_ascii());
        }
        for (line, expected) in [
            (&b"12L"[..], "Small(12)"),
            (b"010", "Small(10)"),
            (b"-010L", "Small(-10)"),
            (b"0_1L", "Small(1)"),
            (b"0x10", "invalid literal for int() with base 10: '0x10\\n'"),
            (b"0x10L", "invalid literal for int() with base 10: '0x10'"),
            (b"0o", "invalid literal for int() with base 10: '0o\\n'"),
            (b"0b102", "invalid literal for int() with base 10: '0b102\\n'"),
        ] {
            assert_eq!(text(long(line, 4300, Rules::PYTHON_3_14)), expected, "{}", line.escape_ascii());
        }
        assert_eq!(
            text(long(&[b'1'; 5000], 4300, Rules::PYTHON_3_13)),
            "Exceeds the limit (4300 digits) for integer string conversion: value has 5000 digits; use sys.set_int_max_str_digits() \
             to increase the limit"
        );
    }

    #[test]
    fn memo_index_reads_what_cpython_reads() {
        for (line, expected) in [
            (&b"1"[..], "1"),
            (b"-1", "-1"),
            (b" 1 ", "1"),
            (b"1_0", "10"),
            (b"01", "1"),
            (b"000", "0"),
            (b"9223372036854775807", "9223372036854775807"),
            (b"9223372036854775808", "Python int too large to convert to C ssize_t"),
            (b"0x1", "invalid literal for int() with base 10: '0x1\\n'"),
            (b"1L", "invalid literal for int() with base 10: '1L\\n'"),
            (b"", "pickle data was truncated"),
        ] {
            assert_eq!(text(memo_index(line)), expected, "{}", line.escape_ascii());
        }
    }

    #[test]
    fn float_reads_what_cpython_reads() {
        for (line, expected) in [
            (&b"1"[..], "1.0"),
            (b"-1.5e3", "-1500.0"),
            (b".5", "0.5"),
            (b"5.", "5.0"),
            (b"inf", "inf"),
            (b"-InFinity", "-inf"),
            (b"+nan", "NaN"),
            (b"1e-999", "0.0"),
            (b"1\0x", "1.0"),
            (b"", "pickle data was truncated"),
            (b" 1", "could not convert string to float: ' 1\n'"),
            (b"1 ", "could not convert string to float"),
            (b"infinityx", "could not convert string to float"),
            (b"infin", "could not convert string to float"),
            (b"0x1p3", "could not convert string to float"),
            (b"1_0", "could not convert string to float"),
            (b"1e", "could not convert string to float"),
            (b"1e+", "could not convert string to float"),
            (b".", "could not convert string to float: '.\n'"),
            (b"e5", "could not convert string to float: 'e5\n'"),
            (b"--1", "could not convert string to float: '--1\n'"),
            (b"\0", "could not convert string to float: ''"),
            (b"1e999x", "value too large to convert to float: '1e999x\n'"),
            (b"1e999", "value too large to convert to float: '1e999\n'"),
        ] {
            assert_eq!(text(float(line)), expected, "{}", line.escape_ascii());
        }
        assert!(float(b"-nan").unwrap().is_sign_negative());
    }
}
