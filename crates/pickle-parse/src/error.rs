//! [`Error`]: what was wrong with a pickle, and where.

use std::fmt;

use pickle_opcodes::Opcode;

use crate::repr;

/// What was wrong with a pickle, with the byte offset and the opcode where it was found.
///
/// One word wide, so that functions which return it stay fast while all goes well.
///
/// ```
/// use pickle_parse::{ErrorKind, Ops};
///
/// let error = Ops::new(b"K").next().unwrap().unwrap_err();
/// assert_eq!(error.kind(), &ErrorKind::Truncated);
/// assert_eq!(error.offset(), 0);
/// assert_eq!(error.to_string(), "pickle data was truncated (BININT1 at byte 0)");
/// ```
pub struct Error(Box<Inner>);

struct Inner {
    kind: ErrorKind,
    /// `None` where the error is yet to be told where it is.
    offset: Option<u64>,
    opcode: Option<Opcode>,
    /// The way from the pickle's value to the one at fault, the innermost step first.
    path: Vec<Box<str>>,
    io: Option<std::io::Error>,
}

impl Error {
    /// An error of `kind`, found at `offset` bytes from the start of the input, in `opcode` if an opcode was there.
    #[cold]
    #[inline(never)]
    #[must_use]
    pub fn new(kind: ErrorKind, offset: u64, opcode: Option<Opcode>) -> Error {
        Error(Box::new(Inner { kind, offset: Some(offset), opcode, path: Vec::new(), io: None }))
    }

    /// The input could not be read at `offset`.
    #[cold]
    #[inline(never)]
    pub(crate) fn input(error: std::io::Error, offset: u64, opcode: Option<Opcode>) -> Error {
        Error(Box::new(Inner {
            kind: ErrorKind::Input(error.kind()),
            offset: Some(offset),
            opcode,
            path: Vec::new(),
            io: Some(error),
        }))
    }

    /// The listing could not be written behind the op at `offset`.
    #[cold]
    #[inline(never)]
    pub(crate) fn output(error: std::io::Error, offset: u64, opcode: Option<Opcode>) -> Error {
        Error(Box::new(Inner {
            kind: ErrorKind::Output(error.kind()),
            offset: Some(offset),
            opcode,
            path: Vec::new(),
            io: Some(error),
        }))
    }

    /// An error that is yet to be told where it is.
    #[cfg(feature = "serde")]
    #[cold]
    #[inline(never)]
    pub(crate) fn unlocated(kind: ErrorKind) -> Error {
        Error(Box::new(Inner { kind, offset: None, opcode: None, path: Vec::new(), io: None }))
    }

    /// The same error, at this offset and opcode unless it has been told already.
    #[cfg(feature = "serde")]
    pub(crate) fn or_at(mut self, offset: u64, opcode: Option<Opcode>) -> Error {
        if self.0.offset.is_none() {
            (self.0.offset, self.0.opcode) = (Some(offset), opcode);
        }
        self
    }

    /// The same error, in a pickle that stands at `start` in the input.
    #[cfg(feature = "serde")]
    pub(crate) fn in_pickle_at(mut self, start: u64) -> Error {
        self.0.offset = self.0.offset.map(|offset| offset + start);
        self
    }

    /// The same error, of a value that another one holds there: `[3]` or `.name`.
    #[cfg(feature = "serde")]
    #[cold]
    #[inline(never)]
    pub(crate) fn within(mut self, step: String) -> Error {
        self.0.path.push(step.into());
        self
    }

    /// What was wrong. Its text is CPython's own where CPython has one.
    #[must_use]
    pub fn kind(&self) -> &ErrorKind {
        &self.0.kind
    }

    /// Where, in bytes from the start of the input: the offset of the opcode that could not be read or executed.
    #[must_use]
    pub fn offset(&self) -> u64 {
        self.0.offset.unwrap_or_default()
    }

    /// The opcode that could not be read or executed; `None` where the byte is no opcode or there is none.
    #[must_use]
    pub fn opcode(&self) -> Option<Opcode> {
        self.0.opcode
    }

    /// The way from the pickle's value to the one that is not of the type that was asked for, such as `[3].address.zip`; empty
    /// where that is the pickle's value itself, and where the fault is in the pickle.
    #[must_use]
    pub fn path(&self) -> String {
        self.0.path.iter().rev().map(|step| &**step).collect()
    }

    /// What was wrong, without where.
    #[must_use]
    pub fn into_kind(self) -> ErrorKind {
        self.0.kind
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { kind, offset, opcode, path, io } = &*self.0;
        match io {
            Some(io) => write!(f, "{io}")?,
            None => write!(f, "{kind}")?,
        }
        if !path.is_empty() {
            write!(f, " in {}", self.path())?;
        }
        match (opcode, offset) {
            (Some(opcode), Some(offset)) => write!(f, " ({opcode} at byte {offset})"),
            (None, Some(offset)) => write!(f, " (at byte {offset})"),
            (_, None) => Ok(()),
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { kind, opcode, .. } = &*self.0;
        let mut debug = f.debug_struct("Error");
        debug.field("kind", kind).field("offset", &self.offset()).field("opcode", opcode);
        if !self.0.path.is_empty() {
            debug.field("path", &self.path());
        }
        debug.finish()
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.io.as_ref().map(|io| io as _)
    }
}

/// What can be wrong with a pickle; the texts are those of CPython 3.13's `_pickle.Unpickler` where it has one.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The input ends where an opcode should stand.
    #[error("Ran out of input")]
    RanOut,
    /// The input ends inside an opcode's argument, or before the end of a frame.
    #[error("pickle data was truncated")]
    Truncated,
    /// A byte that is no opcode stands where an opcode should.
    #[error("invalid load key, '{}'.", load_key(*.0))]
    InvalidLoadKey(u8),
    /// `PROTO` names a protocol that does not exist.
    #[error("unsupported pickle protocol: {0}")]
    UnsupportedProtocol(u8),
    /// An op crosses the end of its frame, where [`Rules::enclosing_frames`](crate::Rules::enclosing_frames) forbids it.
    #[error("pickle exhausted before end of frame")]
    FrameExhausted,
    /// A frame begins in another one, where [`Rules::enclosing_frames`](crate::Rules::enclosing_frames) forbids it.
    #[error("beginning of a new frame before end of current frame")]
    FrameInFrame,
    /// A `FRAME`'s length is beyond 2^63 - 1.
    #[error("FRAME length exceeds system's maximum of {} bytes", i64::MAX)]
    FrameTooLong,
    /// An eight-byte length is beyond 2^63 - 1; the name is CPython's for this family of opcodes.
    #[error("{0} exceeds system's maximum size of {max} bytes", max = i64::MAX)]
    TooLong(&'static str),
    /// What the length of a `BINUNICODE8` or a `FRAME` counts would end more than 2^63 - 1 bytes from the start of the input.
    #[error("read would overflow (invalid bytecode)")]
    ReadOverflow,
    /// `LONG4` has a negative length.
    #[error("LONG pickle has negative byte count")]
    NegativeLongSize,
    /// `BINSTRING` has a negative length, where [`Rules::signed_lengths`](crate::Rules::signed_lengths) says that it is signed.
    #[error("BINSTRING pickle has negative byte count")]
    NegativeStringSize,
    /// An opcode needs more objects than the stack has, and there is no mark on it.
    #[error("unpickling stack underflow")]
    StackUnderflow,
    /// An opcode needs more objects than the stack has above its topmost mark.
    #[error("unexpected MARK found")]
    UnexpectedMark,
    /// An opcode that takes all objects above the topmost mark finds no mark.
    #[error("could not find MARK")]
    NoMark,
    /// Nothing was ever stored in the memo at this index.
    #[error("Memo value not found at index {0}")]
    MemoMissing(i64),
    /// `PUT` with a negative index.
    #[error("negative PUT argument")]
    NegativePut,
    /// `GET` or `PUT` with an index that does not fit 64 bits.
    #[error("Python int too large to convert to C ssize_t")]
    MemoIndexTooLarge,
    /// `DICT` finds a key without a value.
    #[error("odd number of items for DICT")]
    OddDictItems,
    /// `SETITEMS` finds a key without a value.
    #[error("odd number of items for SETITEMS")]
    OddSetItems,
    /// `EXT1`, `EXT2` or `EXT4` with a code that cannot be registered.
    #[error("EXT specifies code <= 0")]
    ExtensionCode,
    /// `STRING` without matching quotes.
    #[error("the STRING opcode argument must be quoted")]
    StringUnquoted,
    /// `STRING` with a `\x` that no two hexadecimal digits follow, at this position between the quotes.
    #[error("invalid \\x escape at position {0}")]
    StringEscape(usize),
    /// `STRING` that ends in a backslash.
    #[error("Trailing \\ in string")]
    StringTrailingBackslash,
    /// `INT` whose text is no integer.
    #[error("could not convert string to int")]
    IntText,
    /// `LONG`, `GET` or `PUT` whose text is no integer. The text ends with the newline that CPython leaves on it.
    #[error("invalid literal for int() with base {base}: {}", literal(.text))]
    IntLiteral {
        /// The base that the text was read in; 0 where leading zeros are not allowed.
        base: u32,
        /// The text.
        text: Box<[u8]>,
    },
    /// A decimal integer with more digits than [`Limits::int_digits`](crate::Limits::int_digits); `digits` is how many, where
    /// known.
    #[error(
        "Exceeds the limit ({limit} digits) for integer string conversion{}; use sys.set_int_max_str_digits() to increase the limit",
        value_has(*.digits)
    )]
    IntDigits {
        /// The limit.
        limit: usize,
        /// How many digits the integer has, where that was counted.
        digits: Option<usize>,
    },
    /// `FLOAT` whose text begins as a number but does not end as one.
    #[error("could not convert string to float")]
    FloatText,
    /// `FLOAT` whose text does not begin as a number.
    #[error("could not convert string to float: '{}'", String::from_utf8_lossy(.0))]
    FloatLiteral(Box<[u8]>),
    /// `FLOAT` whose number is beyond the range of a double.
    #[error("value too large to convert to float: '{}'", String::from_utf8_lossy(.0))]
    FloatOverflow(Box<[u8]>),
    /// Text that is not in the encoding that it should be in: `UnicodeDecodeError` in Python.
    #[error("'{encoding}' codec can't decode {}: {reason}", undecodable(.byte, *.start, *.end))]
    Undecodable {
        /// The encoding, by the name that CPython's error gives it.
        encoding: &'static str,
        /// The byte at `start`.
        byte: u8,
        /// Where the bytes that cannot be decoded start, counted from the start of the text.
        start: usize,
        /// Where they end, exclusively.
        end: usize,
        /// Why they cannot be decoded.
        reason: &'static str,
    },
    /// `PERSID` whose line is not ASCII.
    #[error("persistent IDs in protocol 0 must be ASCII strings")]
    PersistentIdNotAscii,
    /// `PERSID` or `BINPERSID` where the reader knows no persistent objects.
    #[error("A load persistent id instruction was encountered, but no persistent_load function was specified.")]
    NoPersistentLoad,
    /// `STACK_GLOBAL` whose module or name is not a string.
    #[error("STACK_GLOBAL requires str")]
    StackGlobalRequiresStr,
    /// `NEXT_BUFFER` where no out-of-band buffers were given.
    #[error("pickle stream refers to out-of-band data but no *buffers* argument was given")]
    NoBuffers,
    /// `NEXT_BUFFER` more often than there are out-of-band buffers.
    #[error("not enough out-of-band buffers")]
    NotEnoughBuffers,
    /// An op needs an attribute that its object has not, such as `append` of an `int`; the text is CPython's.
    #[error("{0}")]
    NoAttribute(Box<str>),
    /// An op needs an object of another type, such as one that can be called; the text is CPython's.
    #[error("{0}")]
    WrongType(Box<str>),
    /// An op refuses its object of itself, such as `NEWOBJ` what is no class; the text is CPython's where it has one.
    #[error("{0}")]
    Value(Box<str>),
    /// An argument longer than [`Limits::arg_bytes`](crate::Limits::arg_bytes).
    #[error("argument of {bytes} bytes is beyond the limit of {limit} bytes")]
    ArgTooLong {
        /// The length that the argument has or claims, in bytes.
        bytes: u64,
        /// The limit, in bytes.
        limit: u64,
    },
    /// A limit was reached: of [`Limits`](crate::Limits), of a deserializer, or of what there is room for.
    #[error("more than {limit} {what}")]
    Limit {
        /// What there was too much of.
        what: &'static str,
        /// The limit.
        limit: u64,
    },
    /// The listing found a fault; the text is what `pickletools.dis` says of it.
    #[error("{0}")]
    Listing(Box<str>),
    /// A value holds itself, so that it has no end as a tree.
    #[error("a value holds itself, which no tree can: read it as a graph")]
    Cycle,
    /// A `str` holds a lone surrogate, which no string of Rust's can hold.
    #[error("a str holds the lone surrogate U+{0:04X}: read it as bytes, or let surrogates be replaced")]
    Surrogate(u16),
    /// The pickle's value is not one of the type that was asked for; the text is serde's or that type's.
    #[error("{0}")]
    Data(Box<str>),
    /// The input could not be read.
    #[error("{0}")]
    Input(std::io::ErrorKind),
    /// The listing could not be written.
    #[error("{0}")]
    Output(std::io::ErrorKind),
}

/// Which exception CPython raises for an error.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum PythonException {
    /// `pickle.UnpicklingError`.
    UnpicklingError,
    /// `EOFError`.
    EOFError,
    /// `ValueError`.
    ValueError,
    /// `OverflowError`.
    OverflowError,
    /// `UnicodeDecodeError`.
    UnicodeDecodeError,
    /// `TypeError`.
    TypeError,
    /// `AttributeError`.
    AttributeError,
    /// `OSError`.
    OSError,
}

impl ErrorKind {
    /// Which exception CPython's unpickler raises where it finds this.
    #[must_use]
    pub fn python_exception(&self) -> PythonException {
        use PythonException as P;
        match self {
            Self::RanOut => P::EOFError,
            Self::UnsupportedProtocol(_)
            | Self::NegativePut
            | Self::StringEscape(_)
            | Self::StringTrailingBackslash
            | Self::IntText
            | Self::IntLiteral { .. }
            | Self::IntDigits { .. }
            | Self::FloatText
            | Self::FloatLiteral(_)
            | Self::Listing(_) => P::ValueError,
            Self::FrameTooLong | Self::TooLong(_) | Self::MemoIndexTooLarge | Self::FloatOverflow(_) => P::OverflowError,
            Self::Undecodable { .. } => P::UnicodeDecodeError,
            Self::WrongType(_) => P::TypeError,
            Self::NoAttribute(_) => P::AttributeError,
            Self::Input(_) | Self::Output(_) => P::OSError,
            _ => P::UnpicklingError,
        }
    }
}

fn load_key(byte: u8) -> String {
    match byte {
        0x20..=0x7e if byte != b'\'' && byte != b'\\' => char::from(byte).to_string(),
        _ => format!("\\x{byte:02x}"),
    }
}

/// The first 200 bytes' repr, of which again the first 200 characters (`PyLong_FromString` of CPython 3.13).
fn literal(text: &[u8]) -> String {
    let mut out = Vec::new();
    repr::str(&mut out, &text[..text.len().min(200)]);
    String::from_utf8_lossy(&out).chars().take(200).collect()
}

fn value_has(digits: Option<usize>) -> String {
    digits.map(|digits| format!(": value has {digits} digits")).unwrap_or_default()
}

fn undecodable(byte: &u8, start: usize, end: usize) -> String {
    match end - start {
        1 => format!("byte 0x{byte:02x} in position {start}"),
        _ => format!("bytes in position {start}-{}", end.saturating_sub(1)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_one_word_wide() {
        assert_eq!(size_of::<Error>(), size_of::<usize>());
        assert_eq!(size_of::<Result<(), Error>>(), size_of::<usize>());
    }

    #[test]
    fn texts_are_those_of_cpython() {
        for (kind, text) in [
            (ErrorKind::InvalidLoadKey(b'z'), "invalid load key, 'z'."),
            (ErrorKind::InvalidLoadKey(b'\''), "invalid load key, '\\x27'."),
            (ErrorKind::InvalidLoadKey(0xff), "invalid load key, '\\xff'."),
            (ErrorKind::TooLong("BINBYTES"), "BINBYTES exceeds system's maximum size of 9223372036854775807 bytes"),
            (ErrorKind::IntLiteral { base: 10, text: (*b"12x\n").into() }, "invalid literal for int() with base 10: '12x\\n'"),
            (
                ErrorKind::Undecodable {
                    encoding: "rawunicodeescape",
                    byte: b'\\',
                    start: 2,
                    end: 6,
                    reason: "truncated \\uXXXX escape",
                },
                "'rawunicodeescape' codec can't decode bytes in position 2-5: truncated \\uXXXX escape",
            ),
            (
                ErrorKind::Undecodable { encoding: "utf-8", byte: 0xff, start: 0, end: 1, reason: "invalid start byte" },
                "'utf-8' codec can't decode byte 0xff in position 0: invalid start byte",
            ),
        ] {
            assert_eq!(kind.to_string(), text);
        }
    }
}
