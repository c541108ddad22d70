//! [`op`] and [`Ops`]: bytes to opcodes and their arguments, one at a time, nothing copied.

use nom::{Err, IResult, error::ParseError};
use pickle_opcodes::{ArgKind, GlobalName, Op, Opcode};

use crate::{Error, ErrorKind};

/// The opcodes of one pickle, each with its offset, from the first through `STOP`.
///
/// ```
/// use pickle_opcodes::Op;
/// use pickle_parse::Ops;
///
/// let ops: Result<Vec<_>, _> = Ops::new(b"\x80\x02K\x01\x85.").collect();
/// assert_eq!(ops.unwrap(), [(0, Op::Proto(2)), (2, Op::BinInt1(1)), (4, Op::Tuple1), (5, Op::Stop)]);
/// ```
#[derive(Clone, Debug)]
pub struct Ops<'a> {
    rest: &'a [u8],
    /// The length of the whole input.
    length: usize,
    done: bool,
}

impl<'a> Ops<'a> {
    /// The opcodes of the pickle that `input` begins with.
    #[inline]
    #[must_use]
    pub fn new(input: &'a [u8]) -> Self {
        Ops { rest: input, length: input.len(), done: false }
    }

    /// The offset of the next opcode, in bytes. After `STOP`: how long the pickle is.
    #[inline]
    #[must_use]
    pub fn offset(&self) -> usize {
        self.length - self.rest.len()
    }
}

impl<'a> Iterator for Ops<'a> {
    /// An opcode and its offset in bytes. The error is the last item.
    type Item = Result<(usize, Op<'a>), Error>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        if self.done {
            return None;
        }
        op_then(self.rest, Advance(self))
    }
}

/// Goes on to the next op of an iterator.
struct Advance<'o, 'a>(&'o mut Ops<'a>);

impl<'a> Then<'a> for Advance<'_, 'a> {
    type Out = Option<Result<(usize, Op<'a>), Error>>;

    #[inline(always)]
    fn then(self, read: Result<(&'a [u8], Op<'a>), OpError>) -> Self::Out {
        let Advance(ops) = self;
        let (rest, offset) = (ops.rest, ops.offset());
        Some(match read {
            Ok((after, op)) => {
                ops.rest = after;
                if matches!(op, Op::Stop) {
                    ops.done = true;
                }
                Ok((offset, op))
            }
            Err(error) => {
                ops.done = true;
                Err(error_at(error, rest, offset as u64))
            }
        })
    }
}

impl std::iter::FusedIterator for Ops<'_> {}

/// Why no op could be read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum OpError {
    /// There is no byte.
    RanOut,
    /// The byte is no opcode.
    UnknownOpcode(u8),
    /// The input ends inside the opcode's argument.
    Truncated,
    /// The argument's length is beyond 2^63 - 1; the name is CPython's for this family of opcodes.
    TooLong(&'static str),
    /// `LONG4` has a negative length.
    NegativeLongSize,
}

impl From<OpError> for ErrorKind {
    fn from(error: OpError) -> ErrorKind {
        match error {
            OpError::RanOut => ErrorKind::RanOut,
            OpError::UnknownOpcode(byte) => ErrorKind::InvalidLoadKey(byte),
            OpError::Truncated => ErrorKind::Truncated,
            OpError::TooLong(name) => ErrorKind::TooLong(name),
            OpError::NegativeLongSize => ErrorKind::NegativeLongSize,
        }
    }
}

impl<'a> ParseError<&'a [u8]> for OpError {
    fn from_error_kind(_: &'a [u8], _: nom::error::ErrorKind) -> Self {
        OpError::Truncated
    }

    fn append(_: &'a [u8], _: nom::error::ErrorKind, other: Self) -> Self {
        other
    }
}

/// The error of `op(rest)`, where `rest` stands at `offset`.
#[cold]
#[inline(never)]
pub(crate) fn error_at(error: OpError, rest: &[u8], offset: u64) -> Error {
    Error::new(error.into(), offset, rest.first().and_then(|&byte| Opcode::from_byte(byte)))
}

/// The error in nom's. Told to be rare, as it is: else the compiler takes every opcode for rare, since half of them would end so,
/// and keeps what they do out of line.
#[cold]
#[inline(never)]
pub(crate) fn of_nom(error: &Err<OpError>) -> OpError {
    match error {
        Err::Error(error) | Err::Failure(error) => *error,
        Err::Incomplete(_) => OpError::Truncated,
    }
}

type Parsed<'a, T> = IResult<&'a [u8], T, OpError>;

/// Reads the op that `input` begins with, and returns what comes behind it first, as nom's parsers do.
///
/// ```
/// use pickle_opcodes::Op;
///
/// assert_eq!(pickle_parse::op(b"C\x02ab."), Ok((&b"."[..], Op::ShortBinBytes(b"ab"))));
/// ```
///
/// # Errors
///
/// An [`OpError`] as [`nom::Err::Error`]. Never `Incomplete`: what is not there does not come.
#[inline]
pub fn op(input: &[u8]) -> IResult<&[u8], Op<'_>, OpError> {
    op_then(input, AsRead)
}

/// What is done with an op that was read, or with why none could be. A closure cannot be told to be inlined.
pub(crate) trait Then<'a> {
    type Out;

    /// Takes what comes behind the op, and the op.
    fn then(self, read: Result<(&'a [u8], Op<'a>), OpError>) -> Self::Out;
}

/// Returns it.
struct AsRead;

impl<'a> Then<'a> for AsRead {
    type Out = Parsed<'a, Op<'a>>;

    #[inline(always)]
    fn then(self, read: Result<(&'a [u8], Op<'a>), OpError>) -> Self::Out {
        read.map_err(Err::Error)
    }
}

macro_rules! define_op {
    ($($variant:ident $name:literal $byte:literal $(($arg:ident))? [$($before:ident)*] [$($after:ident)*] $protocol:ident
       $doc:literal;)*) => {
        /// [`op`], which hands its result over to `then` for each opcode by itself: what that makes of an op is dispatched on
        /// once, together with the opcode's byte.
        #[inline(always)]
        pub(crate) fn op_then<'a, T: Then<'a>>(input: &'a [u8], then: T) -> T::Out {
            let Some((&byte, input)) = input.split_first() else {
                return then.then(Err(OpError::RanOut));
            };
            match byte {
                $($byte => define_op!(@read input then $variant $($arg)?),)*
                _ => then.then(Err(OpError::UnknownOpcode(byte))),
            }
        }
    };
    (@read $input:ident $then:ident $variant:ident) => {
        $then.then(Ok(($input, Op::$variant)))
    };
    (@read $input:ident $then:ident $variant:ident $arg:ident) => {
        match read::$arg($input) {
            Ok((rest, arg)) => $then.then(Ok((rest, Op::$variant(arg)))),
            Err(error) => $then.then(Err(of_nom(&error))),
        }
    };
}
pickle_opcodes::for_each_opcode!(define_op);

/// One parser per [`ArgKind`].
#[allow(non_snake_case, reason = "the names are those of the kinds, so that the table can name them")]
pub(crate) mod read {
    use super::*;

    const _: () = assert!(ArgKind::ALL.len() == 24, "a new kind needs a parser");

    /// So many bytes, in one piece: nom's own numbers are put together byte by byte.
    #[inline(always)]
    fn chunk<const N: usize>(input: &[u8]) -> Parsed<'_, [u8; N]> {
        match input.split_first_chunk() {
            Some((&chunk, rest)) => Ok((rest, chunk)),
            None => Err(Err::Error(OpError::Truncated)),
        }
    }

    #[inline(always)]
    fn counted(input: &[u8], length: usize) -> Parsed<'_, &[u8]> {
        match input.split_at_checked(length) {
            Some((counted, rest)) => Ok((rest, counted)),
            None => Err(Err::Error(OpError::Truncated)),
        }
    }

    #[inline(always)]
    pub(crate) fn Uint1(input: &[u8]) -> Parsed<'_, u8> {
        chunk(input).map(|(rest, [byte])| (rest, byte))
    }

    #[inline(always)]
    pub(crate) fn Uint2(input: &[u8]) -> Parsed<'_, u16> {
        chunk(input).map(|(rest, bytes)| (rest, u16::from_le_bytes(bytes)))
    }

    #[inline(always)]
    pub(crate) fn Int4(input: &[u8]) -> Parsed<'_, i32> {
        chunk(input).map(|(rest, bytes)| (rest, i32::from_le_bytes(bytes)))
    }

    #[inline(always)]
    pub(crate) fn Uint4(input: &[u8]) -> Parsed<'_, u32> {
        chunk(input).map(|(rest, bytes)| (rest, u32::from_le_bytes(bytes)))
    }

    #[inline(always)]
    pub(crate) fn Uint8(input: &[u8]) -> Parsed<'_, u64> {
        chunk(input).map(|(rest, bytes)| (rest, u64::from_le_bytes(bytes)))
    }

    #[inline(always)]
    pub(crate) fn Float8(input: &[u8]) -> Parsed<'_, f64> {
        chunk(input).map(|(rest, bytes)| (rest, f64::from_be_bytes(bytes)))
    }

    /// Up to the newline, which is consumed.
    #[inline(always)]
    pub(crate) fn line(input: &[u8]) -> Parsed<'_, &[u8]> {
        match memchr::memchr(b'\n', input) {
            Some(end) => Ok((&input[end + 1..], &input[..end])),
            None => Err(Err::Error(OpError::Truncated)),
        }
    }

    pub(crate) use line as Stringnl;
    pub(crate) use line as StringnlNoescape;
    pub(crate) use line as Unicodestringnl;
    pub(crate) use line as DecimalnlShort;
    pub(crate) use line as DecimalnlLong;
    pub(crate) use line as Floatnl;

    #[inline(always)]
    pub(crate) fn StringnlNoescapePair(input: &[u8]) -> Parsed<'_, GlobalName<'_>> {
        let (input, module) = line(input)?;
        let (input, name) = line(input)?;
        Ok((input, GlobalName { module, name }))
    }

    #[inline(always)]
    pub(crate) fn counted1(input: &[u8]) -> Parsed<'_, &[u8]> {
        let (input, length) = Uint1(input)?;
        counted(input, usize::from(length))
    }

    #[inline(always)]
    pub(crate) fn counted4(input: &[u8]) -> Parsed<'_, &[u8]> {
        let (input, length) = Uint4(input)?;
        match usize::try_from(length) {
            Ok(length) => counted(input, length),
            Err(_) => Err(Err::Error(OpError::Truncated)),
        }
    }

    #[inline(always)]
    fn counted8<'a>(input: &'a [u8], name: &'static str) -> Parsed<'a, &'a [u8]> {
        let (input, length) = Uint8(input)?;
        if length > i64::MAX as u64 {
            return Err(Err::Error(OpError::TooLong(name)));
        }
        match usize::try_from(length) {
            Ok(length) => counted(input, length),
            Err(_) => Err(Err::Error(OpError::Truncated)),
        }
    }

    pub(crate) use counted1 as String1;
    pub(crate) use counted1 as Bytes1;
    pub(crate) use counted1 as Unicodestring1;
    pub(crate) use counted1 as Long1;
    // Unsigned although `pickletools` says signed: so reads CPython's unpickler, in C, since 3.0.
    pub(crate) use counted4 as String4;
    pub(crate) use counted4 as Bytes4;
    pub(crate) use counted4 as Unicodestring4;

    #[inline(always)]
    pub(crate) fn Long4(input: &[u8]) -> Parsed<'_, &[u8]> {
        let (_, length) = Int4(input)?;
        if length < 0 {
            return Err(Err::Error(OpError::NegativeLongSize));
        }
        counted4(input)
    }

    #[inline(always)]
    pub(crate) fn Bytes8(input: &[u8]) -> Parsed<'_, &[u8]> {
        counted8(input, "BINBYTES")
    }

    #[inline(always)]
    pub(crate) fn Bytearray8(input: &[u8]) -> Parsed<'_, &[u8]> {
        counted8(input, "BYTEARRAY8")
    }

    #[inline(always)]
    pub(crate) fn Unicodestring8(input: &[u8]) -> Parsed<'_, &[u8]> {
        counted8(input, "BINUNICODE")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_argument_is_read() {
        for (input, expected) in [
            (&b"I42\n"[..], Op::Int(b"42")),
            (b"J\xfe\xff\xff\xff", Op::BinInt(-2)),
            (b"K\xff", Op::BinInt1(255)),
            (b"M\x01\x02", Op::BinInt2(513)),
            (b"L7L\n", Op::Long(b"7L")),
            (b"\x8a\x02\x01\xff", Op::Long1(b"\x01\xff")),
            (b"\x8b\x01\0\0\0\x05", Op::Long4(b"\x05")),
            (b"S'a'\n", Op::String(b"'a'")),
            (b"T\x01\0\0\0a", Op::BinString(b"a")),
            (b"X\x01\0\0\0a", Op::BinUnicode(b"a")),
            (b"\x8e\x01\0\0\0\0\0\0\0a", Op::BinBytes8(b"a")),
            (b"\x96\x00\0\0\0\0\0\0\0", Op::ByteArray8(b"")),
            (b"F1.5\n", Op::Float(b"1.5")),
            (b"G\x3f\xf8\0\0\0\0\0\0", Op::BinFloat(1.5)),
            (b"cos\npath.join\n", Op::Global(GlobalName { module: b"os", name: b"path.join" })),
            (b"j\xff\xff\xff\xff", Op::LongBinGet(u32::MAX)),
            (b"\x84\xff\xff\xff\xff", Op::Ext4(-1)),
            (b"\x95\x01\0\0\0\0\0\0\x80", Op::Frame((1 << 63) + 1)),
            (b"N", Op::None),
        ] {
            let with_more = [input, b"rest"].concat();
            assert_eq!(op(&with_more), Ok((&b"rest"[..], expected)));
            for end in 1..input.len() {
                assert_eq!(op(&input[..end]), Err(Err::Error(OpError::Truncated)), "{}", input[..end].escape_ascii());
            }
        }
    }

    #[test]
    fn what_is_no_op_is_an_error_with_its_offset() {
        for (input, kind, offset) in [
            (&b""[..], ErrorKind::RanOut, 0),
            (b"N", ErrorKind::RanOut, 1),
            (b"Nz", ErrorKind::InvalidLoadKey(b'z'), 1),
            (b"N\x8b\xff\xff\xff\xff", ErrorKind::NegativeLongSize, 1),
            (b"\x8e\0\0\0\0\0\0\0\x80", ErrorKind::TooLong("BINBYTES"), 0),
            (b"\x8d\0\0\0\0\0\0\0\x80", ErrorKind::TooLong("BINUNICODE"), 0),
            (b"\x96\0\0\0\0\0\0\0\x80", ErrorKind::TooLong("BYTEARRAY8"), 0),
            (b"\x96\xff\xff\xff\xff\xff\xff\xff\x7f", ErrorKind::Truncated, 0),
            (b"X\xff\xff\xff\xff.", ErrorKind::Truncated, 0),
        ] {
            let mut ops = Ops::new(input);
            let error = ops.by_ref().find_map(Result::err).unwrap();
            assert_eq!((error.kind(), error.offset()), (&kind, offset));
            assert!(ops.next().is_none());
        }
    }

    #[test]
    fn reading_ends_behind_stop() {
        let mut ops = Ops::new(b"N.N.");
        assert_eq!(ops.by_ref().map(|op| op.unwrap()).collect::<Vec<_>>(), [(0, Op::None), (1, Op::Stop)]);
        assert_eq!(ops.offset(), 2);
    }
}
