//! [`Seen`]: what a scalar is to serde.

use std::borrow::Cow;

use num_bigint::BigInt;
use pickle_opcodes::{GlobalName, Op, Opcode};

use super::{arena::Value, builder::op_at, options::Options};
use crate::{
    ErrorKind, Rules, Strings,
    arg::{self, Int},
    utf8,
};

/// What an object is, as far as serde can tell such things apart.
#[derive(Clone, Debug)]
pub(super) enum Seen<'de, 's> {
    None,
    Bool(bool),
    Int(i64),
    /// An integer of more than 64 bits: two's complement, little-endian, no more bytes than it needs.
    Long(Cow<'de, [u8]>),
    Float(f64),
    Str(Cow<'de, str>),
    /// A `str` that holds lone surrogates, which no Rust string can hold.
    Surrogates(Cow<'de, [u8]>),
    Bytes(Cow<'de, [u8]>),
    Seq(&'s [Value]),
    /// Keys and values, alternating, in two parts.
    Map(&'s [Value], &'s [Value]),
    /// Sequences of a key and a value each.
    Pairs(&'s [Value]),
    /// An object of which nothing is known but the arguments that its class was called with, at least one.
    Args(&'s [Value]),
    /// An object of which nothing is known.
    Empty,
}

/// The scalar that the op at an offset writes.
#[inline]
pub(super) fn scalar<'de, 's>(pickle: &'de [u8], offset: usize, options: &Options) -> Result<Seen<'de, 's>, Box<ErrorKind>> {
    let Some(op) = op_at(pickle, offset) else { return Err(ErrorKind::Truncated.into()) };
    Ok(match op {
        Op::None => Seen::None,
        Op::NewTrue => Seen::Bool(true),
        Op::NewFalse => Seen::Bool(false),
        Op::BinInt(value) => Seen::Int(i64::from(value)),
        Op::BinInt1(value) => Seen::Int(i64::from(value)),
        Op::BinInt2(value) => Seen::Int(i64::from(value)),
        Op::Long1(bytes) | Op::Long4(bytes) => long(bytes),
        Op::BinFloat(value) => Seen::Float(value),
        Op::ShortBinUnicode(text) | Op::BinUnicode(text) | Op::BinUnicode8(text) => str(Cow::Borrowed(text), options)?,
        Op::ShortBinBytes(bytes) | Op::BinBytes(bytes) | Op::BinBytes8(bytes) | Op::ByteArray8(bytes) => {
            Seen::Bytes(Cow::Borrowed(bytes))
        }
        Op::EmptyTuple => Seen::Seq(&[]),
        op => return odd_scalar(&op, options),
    })
}

#[inline(never)]
fn odd_scalar<'de, 's>(op: &Op<'de>, options: &Options) -> Result<Seen<'de, 's>, Box<ErrorKind>> {
    Ok(match *op {
        Op::Int(text) => int(arg::int(text, options.limits.int_digits, Rules::default())?),
        Op::Long(text) => int(arg::long(text, options.limits.int_digits, Rules::default())?),
        Op::Float(text) => Seen::Float(arg::float(text)?),
        Op::Unicode(text) => str(arg::unicode(text)?, options)?,
        Op::String(text) => string(arg::string(text)?, options)?,
        Op::ShortBinString(bytes) | Op::BinString(bytes) => string(Cow::Borrowed(bytes), options)?,
        Op::PersId(id) => str(Cow::Borrowed(id), options)?,
        Op::Global(global) | Op::Inst(global) => Seen::Str(Cow::Owned(global_text(global)?)),
        Op::Ext1(_) | Op::Ext2(_) | Op::Ext4(_) => {
            return Err(ErrorKind::Value("what an extension code stands for is not in the pickle".into()).into());
        }
        _ => return Err(ErrorKind::Value(format!("{} makes no value", op.opcode()).into()).into()),
    })
}

/// A global's module and name.
fn global_text(global: GlobalName<'_>) -> Result<String, ErrorKind> {
    Ok(format!("{}.{}", utf8::strict(global.module)?, utf8::strict(global.name)?))
}

fn int<'s>(value: Int) -> Seen<'static, 's> {
    match value {
        Int::Bool(value) => Seen::Bool(value),
        Int::Small(value) => Seen::Int(value),
        Int::Big(value) => Seen::Long(Cow::Owned(value.to_signed_bytes_le())),
    }
}

#[inline]
fn long<'de, 's>(bytes: &'de [u8]) -> Seen<'de, 's> {
    let bytes = significant(bytes);
    match small(bytes) {
        Some(value) => Seen::Int(value),
        None => Seen::Long(Cow::Borrowed(bytes)),
    }
}

/// The integer of up to eight bytes, little-endian, two's complement.
#[inline]
pub(super) fn small(bytes: &[u8]) -> Option<i64> {
    if bytes.len() > 8 {
        return None;
    }
    let mut eight = [sign(bytes); 8];
    eight[..bytes.len()].copy_from_slice(bytes);
    Some(i64::from_le_bytes(eight))
}

/// The byte that continues an integer.
#[inline]
fn sign(bytes: &[u8]) -> u8 {
    if bytes.last().is_some_and(|&last| last >= 0x80) { 0xff } else { 0 }
}

/// Without the bytes that only continue the sign.
#[inline]
pub(super) fn significant(mut bytes: &[u8]) -> &[u8] {
    while let [rest @ .., last] = bytes
        && bytes.len() > 8
        && sign(rest) == *last
    {
        bytes = rest;
    }
    bytes
}

/// An integer of more than 64 bits, as the smallest type that holds it.
pub(super) enum Wide {
    U64(u64),
    I128(i128),
    U128(u128),
    Big(BigInt),
}

/// An integer of [`significant`] bytes, more than eight.
pub(super) fn wide(bytes: &[u8]) -> Wide {
    let mut sixteen = [sign(bytes); 16];
    match bytes {
        [low @ .., 0] if low.len() == 8 => Wide::U64(low.iter().rev().fold(0, |value, &byte| value << 8 | u64::from(byte))),
        [low @ .., 0] if low.len() == 16 => {
            sixteen.copy_from_slice(low);
            Wide::U128(u128::from_le_bytes(sixteen))
        }
        _ if bytes.len() <= 16 => {
            sixteen[..bytes.len()].copy_from_slice(bytes);
            Wide::I128(i128::from_le_bytes(sixteen))
        }
        _ => Wide::Big(BigInt::from_signed_bytes_le(bytes)),
    }
}

#[inline]
fn str<'de, 's>(text: Cow<'de, [u8]>, options: &Options) -> Result<Seen<'de, 's>, Box<ErrorKind>> {
    match text {
        Cow::Borrowed(text) => match utf8::text(text) {
            Some(text) => Ok(Seen::Str(Cow::Borrowed(text))),
            None => with_surrogates(Cow::Borrowed(text), options),
        },
        Cow::Owned(text) => match String::from_utf8(text) {
            Ok(text) => Ok(Seen::Str(Cow::Owned(text))),
            Err(error) => with_surrogates(Cow::Owned(error.into_bytes()), options),
        },
    }
}

#[cold]
fn with_surrogates<'de, 's>(text: Cow<'de, [u8]>, options: &Options) -> Result<Seen<'de, 's>, Box<ErrorKind>> {
    utf8::check(&text, utf8::Surrogates::Pass)?;
    if !options.lossy {
        return Ok(Seen::Surrogates(text));
    }
    let lossy = utf8::code_points(&text).map(|point| char::from_u32(point).unwrap_or(char::REPLACEMENT_CHARACTER));
    Ok(Seen::Str(Cow::Owned(lossy.collect())))
}

/// A `str` of Python 2.
fn string<'de, 's>(bytes: Cow<'de, [u8]>, options: &Options) -> Result<Seen<'de, 's>, Box<ErrorKind>> {
    match options.strings {
        Strings::Keep => {}
        Strings::Bytes => return Ok(Seen::Bytes(bytes)),
        Strings::Ascii => _ = utf8::ascii(&bytes)?,
        Strings::Utf8 => _ = utf8::strict(&bytes)?,
        Strings::Latin1 if bytes.is_ascii() => {}
        Strings::Latin1 => return Ok(Seen::Str(Cow::Owned(bytes.iter().copied().map(char::from).collect()))),
    }
    Ok(match bytes {
        Cow::Borrowed(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) => Seen::Str(Cow::Borrowed(text)),
            Err(_) => Seen::Bytes(Cow::Borrowed(bytes)),
        },
        Cow::Owned(bytes) => match String::from_utf8(bytes) {
            Ok(text) => Seen::Str(Cow::Owned(text)),
            Err(error) => Seen::Bytes(Cow::Owned(error.into_bytes())),
        },
    })
}

/// The first of the surrogates in a `str`.
pub(super) fn surrogate(text: &[u8]) -> ErrorKind {
    let first = utf8::code_points(text).find(|&point| char::from_u32(point).is_none());
    ErrorKind::Surrogate(first.unwrap_or_default() as u16)
}

/// The opcode that stands at an offset.
pub(super) fn opcode_at(pickle: &[u8], offset: u64) -> Option<Opcode> {
    pickle.get(usize::try_from(offset).ok()?).and_then(|&byte| Opcode::from_byte(byte))
}
