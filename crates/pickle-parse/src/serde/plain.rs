//! [`Plain`]: the scalars that most pickles are made of.

use pickle_opcodes::Opcode;
use serde::de::Visitor;

use super::seen;
use crate::{op::read, utf8};

/// Opcodes' bytes, to be matched on.
macro_rules! opcodes {
    ($($name:ident $variant:ident;)*) => {
        $(pub(super) const $name: u8 = Opcode::$variant.byte();)*
    };
}

opcodes! {
    PROTO Proto;
    FRAME Frame;
    STOP Stop;
    MARK Mark;
    NONE None;
    NEWTRUE NewTrue;
    NEWFALSE NewFalse;
    INT Int;
    BININT BinInt;
    BININT1 BinInt1;
    BININT2 BinInt2;
    LONG Long;
    LONG1 Long1;
    LONG4 Long4;
    BINFLOAT BinFloat;
    SHORT_BINUNICODE ShortBinUnicode;
    BINUNICODE BinUnicode;
    BINUNICODE8 BinUnicode8;
    SHORT_BINBYTES ShortBinBytes;
    BINBYTES BinBytes;
    BINBYTES8 BinBytes8;
    BYTEARRAY8 ByteArray8;
    BINGET BinGet;
    LONG_BINGET LongBinGet;
    BINPUT BinPut;
    LONG_BINPUT LongBinPut;
    MEMOIZE Memoize;
    EMPTY_TUPLE EmptyTuple;
    TUPLE Tuple;
    TUPLE1 Tuple1;
    TUPLE2 Tuple2;
    TUPLE3 Tuple3;
    EMPTY_LIST EmptyList;
    APPEND Append;
    APPENDS Appends;
    EMPTY_DICT EmptyDict;
    SETITEM SetItem;
    SETITEMS SetItems;
    EMPTY_SET EmptySet;
    ADDITEMS AddItems;
    FROZENSET FrozenSet;
}

/// A scalar as most pickles have it: in binary, integers of up to 64 bits, strings without lone surrogates.
#[derive(Clone, Copy)]
pub(super) enum Plain<'de> {
    None,
    Bool(bool),
    /// Not negative.
    Unsigned(u64),
    /// Of any sign.
    Signed(i64),
    Float(f64),
    Str(&'de str),
    Bytes(&'de [u8]),
}

/// Who takes a [`Plain`] scalar.
///
/// A trait rather than an `Option` that is returned, so that each opcode is dispatched on once.
pub(super) trait TakePlain<'de>: Sized {
    /// What comes of it.
    type Taken;

    /// Takes the scalar; `rest` is what comes behind its argument.
    fn plain(self, rest: &'de [u8], plain: Plain<'de>) -> Self::Taken;

    /// The opcode writes none that is plain, or its argument is not whole.
    fn other(self) -> Self::Taken;
}

/// Hands over the scalar that an opcode with its argument writes.
#[inline(always)]
pub(super) fn take_plain<'de, T: TakePlain<'de>>(opcode: u8, arg: &'de [u8], take: T) -> T::Taken {
    macro_rules! read {
        ($kind:ident, $value:ident => $plain:expr) => {
            match read::$kind(arg) {
                Ok((rest, $value)) => take.plain(rest, $plain),
                Err(_) => take.other(),
            }
        };
    }
    let text = match opcode {
        NONE => return take.plain(arg, Plain::None),
        NEWTRUE => return take.plain(arg, Plain::Bool(true)),
        NEWFALSE => return take.plain(arg, Plain::Bool(false)),
        BININT1 => return read!(Uint1, value => Plain::Unsigned(value.into())),
        BININT2 => return read!(Uint2, value => Plain::Unsigned(value.into())),
        BININT => return read!(Int4, value => Plain::Signed(value.into())),
        BINFLOAT => return read!(Float8, value => Plain::Float(value)),
        LONG1 => {
            return match read::Long1(arg) {
                Ok((rest, bytes)) => match seen::small(seen::significant(bytes)) {
                    Some(value) => take.plain(rest, Plain::Signed(value)),
                    None => take.other(),
                },
                Err(_) => take.other(),
            };
        }
        SHORT_BINBYTES => return read!(Bytes1, bytes => Plain::Bytes(bytes)),
        BINBYTES => return read!(Bytes4, bytes => Plain::Bytes(bytes)),
        BINBYTES8 => return read!(Bytes8, bytes => Plain::Bytes(bytes)),
        BYTEARRAY8 => return read!(Bytearray8, bytes => Plain::Bytes(bytes)),
        SHORT_BINUNICODE => read::Unicodestring1(arg),
        BINUNICODE => read::Unicodestring4(arg),
        BINUNICODE8 => read::Unicodestring8(arg),
        _ => return take.other(),
    };
    if let Ok((rest, text)) = text
        && let Some(text) = utf8::text(text)
    {
        take.plain(rest, Plain::Str(text))
    } else {
        take.other()
    }
}

/// The scalar that an opcode with its argument writes, behind what comes after it, as parsers return it; nothing where it is none
/// that is plain.
#[inline]
pub(super) fn plain(opcode: u8, arg: &[u8]) -> Option<(&[u8], Plain<'_>)> {
    struct Return;

    impl<'de> TakePlain<'de> for Return {
        type Taken = Option<(&'de [u8], Plain<'de>)>;

        #[inline(always)]
        fn plain(self, rest: &'de [u8], plain: Plain<'de>) -> Self::Taken {
            Some((rest, plain))
        }

        #[inline(always)]
        fn other(self) -> Self::Taken {
            None
        }
    }

    take_plain(opcode, arg, Return)
}

impl<'de> Plain<'de> {
    /// Hands it over.
    #[inline(always)]
    pub(super) fn visit<E: serde::de::Error, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, E> {
        match self {
            Plain::None => visitor.visit_unit(),
            Plain::Bool(value) => visitor.visit_bool(value),
            Plain::Unsigned(value) => visitor.visit_u64(value),
            Plain::Signed(value) => match u64::try_from(value) {
                Ok(value) => visitor.visit_u64(value),
                Err(_) => visitor.visit_i64(value),
            },
            Plain::Float(value) => visitor.visit_f64(value),
            Plain::Str(text) => visitor.visit_borrowed_str(text),
            Plain::Bytes(bytes) => visitor.visit_borrowed_bytes(bytes),
        }
    }

    /// Whether it is a string or bytes, which are put in the memo.
    #[inline(always)]
    pub(super) fn is_text(self) -> bool {
        matches!(self, Plain::Str(_) | Plain::Bytes(_))
    }

    /// How many bytes of text it has.
    #[inline(always)]
    pub(super) fn len(self) -> usize {
        match self {
            Plain::Str(text) => text.len(),
            Plain::Bytes(bytes) => bytes.len(),
            _ => 0,
        }
    }
}
