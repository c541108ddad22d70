//! Arguments as `pickletools` decodes them, and what it says where it cannot.

use std::borrow::Cow;

use num_bigint::BigInt;
use pickle_opcodes::{ArgKind, Op, Opcode};

use super::{Fault, listing};
use crate::{
    ErrorKind,
    arg::{self, Int, IntFault, float_prefix, python_int, trim, unescape},
    repr, utf8,
};

/// The argument of an opcode as a Python object.
pub(super) enum Arg<'a> {
    Absent,
    Bool(bool),
    Int(i128),
    Big(BigInt),
    Float(f64),
    /// As UTF-8 in which lone surrogates may stand.
    Str(Cow<'a, [u8]>),
    Bytes(&'a [u8]),
    ByteArray(&'a [u8]),
}

impl<'a> Arg<'a> {
    /// Decodes an op's argument.
    pub(super) fn new(op: &Op<'a>, max_digits: usize) -> Result<Arg<'a>, Fault> {
        Ok(match *op {
            Op::BinInt(value) | Op::Ext4(value) => Arg::Int(value.into()),
            Op::BinInt1(value) | Op::BinGet(value) | Op::BinPut(value) | Op::Ext1(value) | Op::Proto(value) => {
                Arg::Int(value.into())
            }
            Op::BinInt2(value) | Op::Ext2(value) => Arg::Int(value.into()),
            Op::LongBinGet(value) | Op::LongBinPut(value) => Arg::Int(value.into()),
            Op::Frame(value) => Arg::Int(value.into()),
            Op::BinFloat(value) => Arg::Float(value),
            Op::Int(text) | Op::Get(text) | Op::Put(text) => match text {
                b"00" => Arg::Bool(false),
                b"01" => Arg::Bool(true),
                _ => decimal(text, max_digits)?,
            },
            Op::Long(text) => decimal(text.strip_suffix(b"L").unwrap_or(text), max_digits)?,
            Op::Long1(bytes) | Op::Long4(bytes) => twos_complement(bytes),
            Op::Float(text) => Arg::Float(float(text)?),
            Op::String(text) => Arg::Str(escaped(unquote(text)?)?),
            Op::PersId(text) => Arg::Str(escaped(text)?),
            Op::Global(names) | Op::Inst(names) => {
                let (module, name) = (escaped(names.module)?, escaped(names.name)?);
                Arg::Str([&module, &b" "[..], &name].concat().into())
            }
            Op::Unicode(text) => Arg::Str(arg::unicode(text).map_err(|kind| said(&kind))?),
            Op::ShortBinUnicode(text) | Op::BinUnicode(text) | Op::BinUnicode8(text) => {
                utf8::check(text, utf8::Surrogates::Pass).map_err(|kind| said(&kind))?;
                Arg::Str(text.into())
            }
            Op::BinString(bytes) if i32::try_from(bytes.len()).is_err() => {
                return Err(listing(format!("string4 byte count < 0: {}", bytes.len() as u32 as i32)));
            }
            Op::ShortBinString(bytes) | Op::BinString(bytes) => Arg::Str(latin1(bytes)),
            Op::ShortBinBytes(bytes) | Op::BinBytes(bytes) | Op::BinBytes8(bytes) => Arg::Bytes(bytes),
            Op::ByteArray8(bytes) => Arg::ByteArray(bytes),
            _ => Arg::Absent,
        })
    }

    /// Appends its repr, which an integer of too many digits has not.
    pub(super) fn repr(&self, out: &mut Vec<u8>, max_digits: usize) -> Result<(), Fault> {
        match self {
            Arg::Absent => out.extend_from_slice(b"None"),
            Arg::Bool(value) => repr::bool(out, *value),
            Arg::Int(value) => repr::int(out, *value),
            Arg::Big(value) => {
                let too_long = || said(&ErrorKind::IntDigits { limit: max_digits, digits: None });
                return repr::big_int(out, value, max_digits).ok_or_else(too_long);
            }
            Arg::Float(value) => repr::float(out, *value),
            Arg::Str(utf8) => repr::str(out, utf8),
            Arg::Bytes(bytes) => repr::bytes(out, bytes),
            Arg::ByteArray(bytes) => repr::bytearray(out, bytes),
        }
        Ok(())
    }
}

/// What `pickletools` says of an op that cannot be read: `rest` does not begin with one, and stands at `offset`.
#[cold]
pub(super) fn unreadable(rest: &[u8], offset: u64) -> Fault {
    let Some((&byte, rest)) = rest.split_first() else {
        return listing("pickle exhausted before seeing STOP".to_owned());
    };
    let Some(opcode) = Opcode::from_byte(byte) else {
        return listing(format!("at position {offset}, opcode {} unknown", bytes_repr(&[byte])));
    };
    let Some(kind) = opcode.arg() else {
        // Opcodes without an argument can be read.
        return ErrorKind::Truncated;
    };
    let count = match kind {
        ArgKind::Unicodestringnl => return no_newline("unicodestringnl"),
        ArgKind::StringnlNoescapePair => {
            // The first line is decoded before the second is read.
            let module = rest.split(|&byte| byte == b'\n').next().filter(|module| module.len() < rest.len());
            return module.and_then(|module| escaped(module).err()).unwrap_or_else(|| no_newline("stringnl"));
        }
        ArgKind::Stringnl | ArgKind::StringnlNoescape | ArgKind::DecimalnlShort | ArgKind::DecimalnlLong | ArgKind::Floatnl => {
            return no_newline("stringnl");
        }
        ArgKind::Uint1 | ArgKind::Uint2 | ArgKind::Int4 | ArgKind::Uint4 | ArgKind::Uint8 | ArgKind::Float8 => {
            return not_enough(kind);
        }
        ArgKind::String1 | ArgKind::Bytes1 | ArgKind::Unicodestring1 | ArgKind::Long1 => ArgKind::Uint1,
        ArgKind::Bytes4 | ArgKind::Unicodestring4 => ArgKind::Uint4,
        ArgKind::String4 | ArgKind::Long4 => ArgKind::Int4,
        ArgKind::Bytes8 | ArgKind::Bytearray8 | ArgKind::Unicodestring8 => ArgKind::Uint8,
    };
    let (size, signed) = match count {
        ArgKind::Uint1 => (1, false),
        ArgKind::Uint4 => (4, false),
        ArgKind::Int4 => (4, true),
        _ => (8, false),
    };
    let Some((count_bytes, rest)) = rest.split_at_checked(size) else {
        return not_enough(count);
    };
    let length = count_bytes.iter().rev().fold(0, |length, &byte| length << 8 | i128::from(byte));
    let length = if signed { i128::from(length as u32 as i32) } else { length };
    listing(match kind {
        _ if length < 0 => format!("{} byte count < 0: {length}", kind.name()),
        _ if length > i128::from(i64::MAX) => format!("{} byte count > sys.maxsize: {length}", kind.name()),
        ArgKind::Long1 | ArgKind::Long4 => return not_enough(kind),
        _ => format!("expected {length} bytes in a {}, but only {} remain", kind.name(), rest.len()),
    })
}

fn not_enough(kind: ArgKind) -> Fault {
    listing(format!("not enough data in stream to read {}", kind.name()))
}

fn no_newline(kind: &str) -> Fault {
    listing(format!("no newline found when trying to read {kind}"))
}

/// A fault in the same words, but told as the listing's.
fn said(kind: &ErrorKind) -> Fault {
    listing(kind.to_string())
}

fn bytes_repr(bytes: &[u8]) -> String {
    let mut out = Vec::new();
    repr::bytes(&mut out, bytes);
    String::from_utf8_lossy(&out).into_owned()
}

/// `int(text)` of `bytes`.
fn decimal<'a>(text: &[u8], max_digits: usize) -> Result<Arg<'a>, Fault> {
    match python_int(text, 10, max_digits) {
        Ok(Int::Bool(value)) => Ok(Arg::Bool(value)),
        Ok(Int::Small(value)) => Ok(Arg::Int(value.into())),
        Ok(Int::Big(value)) => Ok(Arg::Big(value)),
        Err(IntFault::Digits(digits)) => Err(said(&ErrorKind::IntDigits { limit: max_digits, digits: Some(digits) })),
        Err(IntFault::Literal(_)) => {
            let literal: String = bytes_repr(&text[..text.len().min(200)]).chars().take(200).collect();
            Err(listing(format!("invalid literal for int() with base 10: {literal}")))
        }
    }
}

fn twos_complement<'a>(bytes: &[u8]) -> Arg<'a> {
    if bytes.len() > 16 {
        return Arg::Big(BigInt::from_signed_bytes_le(bytes));
    }
    let negative = bytes.last().is_some_and(|&last| last & 0x80 != 0);
    let mut extended = [if negative { 0xff } else { 0 }; 16];
    extended[..bytes.len()].copy_from_slice(bytes);
    Arg::Int(i128::from_le_bytes(extended))
}

/// `float(text)` of `bytes`.
fn float(text: &[u8]) -> Result<f64, Fault> {
    let number = trim(text);
    let parsed = match memchr::memchr(b'_', number) {
        None => whole_float(number),
        Some(_) => without_underscores(number).and_then(|number| whole_float(&number)),
    };
    parsed.ok_or_else(|| listing(format!("could not convert string to float: {}", bytes_repr(text))))
}

fn whole_float(number: &[u8]) -> Option<f64> {
    let infinity = if number.first() == Some(&b'-') { f64::NEG_INFINITY } else { f64::INFINITY };
    match float_prefix(number) {
        Some((value, length)) if length == number.len() => Some(value.unwrap_or(infinity)),
        _ => None,
    }
}

/// Underscores may stand between digits.
fn without_underscores(number: &[u8]) -> Option<Vec<u8>> {
    let is_digit = |index: Option<usize>| index.and_then(|index| number.get(index)).is_some_and(u8::is_ascii_digit);
    let underscores =
        |&(index, &byte): &(usize, &u8)| byte == b'_' && !(is_digit(index.checked_sub(1)) && is_digit(Some(index + 1)));
    if number.iter().enumerate().any(|at| underscores(&at)) {
        return None;
    }
    Some(number.iter().copied().filter(|&byte| byte != b'_').collect())
}

/// The text between the quotes of `STRING`.
fn unquote(text: &[u8]) -> Result<&[u8], Fault> {
    match text {
        [quote @ (b'"' | b'\''), .., end] if quote == end => Ok(&text[1..text.len() - 1]),
        // As slicing in Python, which finds one quote at both ends of itself.
        [b'"' | b'\''] => Ok(b""),
        [quote @ (b'"' | b'\''), ..] => {
            let quote = bytes_repr(&[*quote]);
            Err(listing(format!("strinq quote {quote} not found at both ends of {}", bytes_repr(text))))
        }
        _ => Err(listing(format!("no string quotes around {}", bytes_repr(text)))),
    }
}

/// Text with Python's escapes that is ASCII once they are undone.
fn escaped(text: &[u8]) -> Result<Cow<'_, [u8]>, Fault> {
    let text = unescape(text).map_err(|kind| said(&kind))?;
    match text.iter().position(|byte| !byte.is_ascii()) {
        None => Ok(text),
        Some(start) => Err(said(&ErrorKind::Undecodable {
            encoding: "ascii",
            byte: text[start],
            start,
            end: start + 1,
            reason: "ordinal not in range(128)",
        })),
    }
}

fn latin1(bytes: &[u8]) -> Cow<'_, [u8]> {
    if bytes.is_ascii() {
        return Cow::Borrowed(bytes);
    }
    let mut utf8 = Vec::with_capacity(bytes.len() + bytes.len() / 2);
    bytes.iter().for_each(|&byte| utf8::push(&mut utf8, u32::from(byte)));
    Cow::Owned(utf8)
}
