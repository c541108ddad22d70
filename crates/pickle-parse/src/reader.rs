//! [`OpReader`]: ops from a stream that holds many pickles, or more than memory.

use std::io::{BufRead, ErrorKind as IoErrorKind, Read};

use pickle_opcodes::{ArgKind, Op, Opcode};

use crate::{
    Error, ErrorKind, Limits,
    op::{OpError, error_at, of_nom, op},
};

/// How much memory is kept for the next op's argument.
const KEEP: usize = 1 << 16;

/// Reads opcodes and their arguments from a stream, pickle after pickle.
///
/// It takes no more from the stream than the ops it returned: behind a `STOP`, the stream stands at the first byte that follows.
/// A length that an argument claims is not allocated before that many bytes have come.
///
/// ```
/// use pickle_opcodes::Op;
/// use pickle_parse::OpReader;
///
/// let mut reader = OpReader::new(&b"K\x01.N."[..]);
/// let mut ops = Vec::new();
/// while let Some((offset, op)) = reader.next_op()? {
///     ops.push((offset, op.opcode().name()));
/// }
/// assert_eq!(ops, [(0, "BININT1"), (2, "STOP"), (3, "NONE"), (4, "STOP")]);
/// # Ok::<(), pickle_parse::Error>(())
/// ```
#[derive(Debug)]
pub struct OpReader<R> {
    input: R,
    limits: Limits,
    /// Of the next op, in bytes from where the stream was first.
    offset: u64,
    /// How many bytes the op returned last has in the stream's own buffer.
    pending: usize,
    inside_pickle: bool,
    /// An op that did not stand in the stream's buffer as a whole.
    buffer: Vec<u8>,
}

impl<R: BufRead> OpReader<R> {
    /// Reads from where the stream stands, with the default limits.
    pub fn new(input: R) -> Self {
        Self::with_limits(input, Limits::default())
    }

    /// Reads from where the stream stands.
    pub fn with_limits(input: R, limits: Limits) -> Self {
        OpReader { input, limits, offset: 0, pending: 0, inside_pickle: false, buffer: Vec::new() }
    }

    /// The offset of the next op, in bytes from where the stream stood first.
    #[must_use]
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// The stream, which stands behind the op that was returned last.
    pub fn into_inner(mut self) -> R {
        self.consume();
        self.input
    }

    /// The stream, of which the op that was returned last is still to be consumed; so nothing may be read from it here.
    pub fn get_mut(&mut self) -> &mut R {
        &mut self.input
    }

    /// The next op and its offset; `None` where the stream ends and no pickle has begun.
    ///
    /// # Errors
    ///
    /// As [`op`]'s; [`ErrorKind::Input`] where the stream fails; [`ErrorKind::ArgTooLong`] where the limit says so.
    pub fn next_op(&mut self) -> Result<Option<(u64, Op<'_>)>, Error> {
        self.consume();
        let offset = self.offset;
        let opcode = {
            let buffered = fill(&mut self.input).map_err(|error| Error::input(error, offset, None))?;
            match buffered.first() {
                None if self.inside_pickle => return Err(Error::new(ErrorKind::RanOut, offset, None)),
                None => return Ok(None),
                Some(&byte) => {
                    Opcode::from_byte(byte).ok_or_else(|| Error::new(ErrorKind::InvalidLoadKey(byte), offset, None))?
                }
            }
        };
        self.inside_pickle = opcode != Opcode::Stop;
        if opcode == Opcode::Stop {
            self.input.consume(1);
            self.offset += 1;
            return Ok(Some((offset, Op::Stop)));
        }
        let whole = match op(fill(&mut self.input).map_err(|error| Error::input(error, offset, Some(opcode)))?) {
            // How long it is, not itself: it would keep the stream borrowed.
            Ok((after, _)) => Some(after.len()),
            Err(_) => None,
        };
        match whole {
            Some(after) => {
                let buffered = fill(&mut self.input).map_err(|error| Error::input(error, offset, Some(opcode)))?;
                self.pending = buffered.len() - after;
                if let Err(kind) = check(opcode, self.pending, self.limits) {
                    return Err(Error::new(kind, offset, Some(opcode)));
                }
                self.offset += self.pending as u64;
                match op(&buffered[..self.pending]) {
                    Ok((_, op)) => Ok(Some((offset, op))),
                    Err(error) => Err(error_at(of_nom(&error), buffered, offset)),
                }
            }
            None => self.gather(opcode),
        }
    }

    /// What the stream has in its buffer behind the op that was returned last; nothing where it ends. Tell by
    /// [`skip`](Self::skip) which ops of it were taken.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Input`] where the stream fails.
    pub fn buffered(&mut self) -> Result<&[u8], Error> {
        self.consume();
        let offset = self.offset;
        fill(&mut self.input).map_err(|error| Error::input(error, offset, None))
    }

    /// Of [`buffered`](Self::buffered), so many bytes that no argument in it is beyond the limit.
    pub(crate) fn buffered_within_limit(&mut self) -> Result<&[u8], Error> {
        let limit = usize::try_from(self.limits.arg_bytes).unwrap_or(usize::MAX);
        self.buffered().map(|buffered| &buffered[..buffered.len().min(limit)])
    }

    /// Skips so many bytes of [`buffered`](Self::buffered), which are whole ops; `stop` says whether the last one is `STOP`.
    pub fn skip(&mut self, bytes: usize, stop: bool) {
        self.input.consume(bytes);
        self.passed(bytes);
        if stop {
            self.inside_pickle = false;
        }
    }

    /// Tells that so many bytes, which are whole ops of the pickle that is being read, were consumed from the stream itself.
    pub fn passed(&mut self, bytes: usize) {
        self.offset += bytes as u64;
        self.inside_pickle |= bytes > 0;
    }

    /// Appends the next pickle's bytes to `pickle`, through `STOP`; `false` where the stream ends and no pickle has begun.
    ///
    /// ```
    /// use pickle_parse::OpReader;
    ///
    /// let mut reader = OpReader::new(&b"K\x01.N."[..]);
    /// let mut pickle = Vec::new();
    /// assert!(reader.read_pickle(&mut pickle)?);
    /// assert_eq!(pickle, b"K\x01.");
    /// # Ok::<(), pickle_parse::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`next_op`](Self::next_op).
    pub fn read_pickle(&mut self, pickle: &mut Vec<u8>) -> Result<bool, Error> {
        loop {
            if self.read_buffered(pickle)? {
                return Ok(true);
            }
            // An op that does not stand in the stream's buffer as a whole, or a fault, or the end.
            match self.next_op()? {
                None => return Ok(false),
                Some((_, Op::Stop)) => {
                    pickle.push(Opcode::Stop.byte());
                    return Ok(true);
                }
                Some(_) => {}
            }
            if self.pending == 0 {
                pickle.extend_from_slice(&self.buffer);
            } else {
                let offset = self.offset;
                let buffered = fill(&mut self.input).map_err(|error| Error::input(error, offset, None))?;
                pickle.extend_from_slice(&buffered[..self.pending]);
            }
        }
    }

    /// Appends the ops that stand in the stream's buffer as a whole, and says whether the last one is `STOP`.
    fn read_buffered(&mut self, pickle: &mut Vec<u8>) -> Result<bool, Error> {
        self.consume();
        let offset = self.offset;
        let buffered = fill(&mut self.input).map_err(|error| Error::input(error, offset, None))?;
        let (mut rest, mut stop) = (buffered, false);
        while !stop
            && let Ok((after, op)) = op(rest)
            && check(op.opcode(), rest.len() - after.len(), self.limits).is_ok()
        {
            rest = after;
            stop = op == Op::Stop;
        }
        let whole = buffered.len() - rest.len();
        pickle.extend_from_slice(&buffered[..whole]);
        self.skip(whole, stop);
        Ok(stop)
    }

    /// The op that [`next_op`](Self::next_op) gathered last because the stream's buffer had not all of it, or could not read: its
    /// opcode, and as much of its argument as was taken from the stream.
    pub fn gathered(&self) -> &[u8] {
        &self.buffer
    }

    fn consume(&mut self) {
        self.input.consume(std::mem::take(&mut self.pending));
    }

    /// Reads an op byte by byte, as it comes.
    fn gather(&mut self, opcode: Opcode) -> Result<Option<(u64, Op<'_>)>, Error> {
        let offset = self.offset;
        self.buffer.clear();
        self.buffer.shrink_to(KEEP);
        let gathered = self.gather_bytes(opcode);
        self.offset += self.buffer.len() as u64;
        match gathered {
            Ok(()) => {}
            Err(Gather::Input(error)) => return Err(Error::input(error, offset, Some(opcode))),
            Err(Gather::TooLong(bytes)) => {
                let kind = ErrorKind::ArgTooLong { bytes, limit: self.limits.arg_bytes };
                return Err(Error::new(kind, offset, Some(opcode)));
            }
        }
        match op(&self.buffer) {
            Ok((_, op)) => match check(opcode, self.buffer.len(), self.limits) {
                Ok(()) => Ok(Some((offset, op))),
                Err(kind) => Err(Error::new(kind, offset, Some(opcode))),
            },
            Err(error) => Err(error_at(of_nom(&error), &self.buffer, offset)),
        }
    }

    /// Reads an op into the buffer: all of it, or as much as there is.
    fn gather_bytes(&mut self, opcode: Opcode) -> Result<(), Gather> {
        let shape = opcode.arg().map_or(Shape::Fixed(0), Shape::of);
        let fixed = match shape {
            Shape::Fixed(bytes) | Shape::Counted(bytes) => bytes,
            Shape::Lines(_) => 0,
        };
        self.take(1 + fixed as u64)?;
        match shape {
            Shape::Fixed(_) => {}
            Shape::Counted(_) => {
                // What is wrong with a length shows before what it counts has come.
                if self.buffer.len() == 1 + fixed && matches!(op(&self.buffer), Err(nom::Err::Error(OpError::Truncated))) {
                    let length = self.buffer[1..].iter().rev().fold(0, |length, &byte| length << 8 | u64::from(byte));
                    if length > self.limits.arg_bytes {
                        return Err(Gather::TooLong(length));
                    }
                    self.take(length)?;
                }
            }
            Shape::Lines(lines) => {
                for _ in 0..lines {
                    self.take_line()?;
                }
            }
        }
        Ok(())
    }

    fn take(&mut self, bytes: u64) -> Result<(), Gather> {
        // Reads in pieces that grow with what has come.
        self.input.by_ref().take(bytes).read_to_end(&mut self.buffer)?;
        Ok(())
    }

    fn take_line(&mut self) -> Result<(), Gather> {
        let limit = self.limits.arg_bytes;
        if limit == u64::MAX {
            // a stream may know better than byte by byte
            self.input.read_until(b'\n', &mut self.buffer)?;
            return Ok(());
        }
        let taken = self.input.by_ref().take(limit.saturating_add(1)).read_until(b'\n', &mut self.buffer)?;
        if taken as u64 > limit && self.buffer.last() != Some(&b'\n') {
            return Err(Gather::TooLong(taken as u64));
        }
        Ok(())
    }
}

/// Why an op could not be gathered.
enum Gather {
    Input(std::io::Error),
    TooLong(u64),
}

impl From<std::io::Error> for Gather {
    fn from(error: std::io::Error) -> Self {
        Gather::Input(error)
    }
}

/// How to tell where an argument ends.
pub(crate) enum Shape {
    /// It has so many bytes.
    Fixed(usize),
    /// Its length stands in its first bytes, so many.
    Counted(usize),
    /// It is so many lines.
    Lines(usize),
}

impl Shape {
    pub(crate) fn of(kind: ArgKind) -> Shape {
        match kind {
            ArgKind::Uint1 => Shape::Fixed(1),
            ArgKind::Uint2 => Shape::Fixed(2),
            ArgKind::Int4 | ArgKind::Uint4 => Shape::Fixed(4),
            ArgKind::Uint8 | ArgKind::Float8 => Shape::Fixed(8),
            ArgKind::String1 | ArgKind::Bytes1 | ArgKind::Unicodestring1 | ArgKind::Long1 => Shape::Counted(1),
            ArgKind::String4 | ArgKind::Bytes4 | ArgKind::Unicodestring4 | ArgKind::Long4 => Shape::Counted(4),
            ArgKind::Bytes8 | ArgKind::Bytearray8 | ArgKind::Unicodestring8 => Shape::Counted(8),
            ArgKind::Stringnl
            | ArgKind::StringnlNoescape
            | ArgKind::Unicodestringnl
            | ArgKind::DecimalnlShort
            | ArgKind::DecimalnlLong
            | ArgKind::Floatnl => Shape::Lines(1),
            ArgKind::StringnlNoescapePair => Shape::Lines(2),
        }
    }
}

/// Checks the argument's length, of an op that has so many bytes.
fn check(opcode: Opcode, op_bytes: usize, limits: Limits) -> Result<(), ErrorKind> {
    let around = match opcode.arg().map(Shape::of) {
        Some(Shape::Counted(bytes)) => bytes,
        Some(Shape::Lines(lines)) => lines,
        Some(Shape::Fixed(_)) | None => return Ok(()),
    };
    let bytes = (op_bytes - 1 - around) as u64;
    if bytes > limits.arg_bytes { Err(ErrorKind::ArgTooLong { bytes, limit: limits.arg_bytes }) } else { Ok(()) }
}

/// What the stream has in its buffer; nothing where it ends.
fn fill<R: BufRead>(input: &mut R) -> std::io::Result<&[u8]> {
    loop {
        match input.fill_buf() {
            Ok(_) => break,
            Err(error) if error.kind() == IoErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    input.fill_buf()
}

#[cfg(test)]
mod tests {
    use std::io::{BufReader, Cursor};

    use super::*;
    use crate::Ops;

    const PICKLES: &[u8] = b"\x80\x04\x95\x10\0\0\0\0\0\0\0I42\ncos\npath\nX\x05\0\0\0hello\
        G\x3f\xf0\0\0\0\0\0\0\x8a\x03abc\x96\x02\0\0\0\0\0\0\0xyJ\x01\0\0\0.N.";

    #[test]
    fn ops_are_those_of_the_slice_however_small_the_pieces_in_which_they_come() {
        for capacity in [1, 2, 3, 7, 64] {
            let mut reader = OpReader::new(BufReader::with_capacity(capacity, PICKLES));
            let mut pickles = OpReader::new(BufReader::with_capacity(capacity, PICKLES));
            for pickle in [&PICKLES[..PICKLES.len() - 2], b"N."] {
                let mut read = Vec::new();
                assert!(pickles.read_pickle(&mut read).unwrap());
                assert_eq!(read, pickle);
            }
            assert!(!pickles.read_pickle(&mut Vec::new()).unwrap());
            for expected in Ops::new(PICKLES) {
                let (offset, op) = reader.next_op().unwrap().unwrap();
                assert_eq!((offset as usize, op), expected.unwrap());
            }
            assert_eq!(reader.next_op().unwrap(), Some((PICKLES.len() as u64 - 2, Op::None)));
            assert_eq!(reader.next_op().unwrap(), Some((PICKLES.len() as u64 - 1, Op::Stop)));
            assert_eq!(reader.next_op().unwrap(), None);
        }
    }

    #[test]
    fn the_stream_stands_behind_stop() {
        let mut stream = Cursor::new(b"K\x01.rest");
        let mut reader = OpReader::new(&mut stream);
        while reader.next_op().unwrap().unwrap().1 != Op::Stop {}
        assert_eq!(stream.position(), 3);
        let mut reader = OpReader::new(Cursor::new(b"K\x01.rest"));
        reader.next_op().unwrap();
        assert_eq!(reader.into_inner().position(), 2);
    }

    #[test]
    fn every_truncation_is_an_error_at_the_op_that_is_cut() {
        let pickle = &PICKLES[..PICKLES.len() - 2];
        for end in 1..pickle.len() {
            for capacity in [1, 64] {
                let mut reader = OpReader::new(BufReader::with_capacity(capacity, &pickle[..end]));
                let error = loop {
                    match reader.next_op() {
                        Ok(op) => assert!(op.is_some()),
                        Err(error) => break error,
                    }
                };
                let expected = Ops::new(&pickle[..end]).last().unwrap().unwrap_err();
                assert_eq!(error.to_string(), expected.to_string());
                let mut reader = OpReader::new(BufReader::with_capacity(capacity, &pickle[..end]));
                assert_eq!(reader.read_pickle(&mut Vec::new()).unwrap_err().to_string(), expected.to_string());
            }
        }
    }

    #[test]
    fn claimed_lengths_are_checked_and_not_allocated() {
        for (input, expected) in [
            (&b"\x8e\xff\xff\xff\xff\xff\xff\xff\x7fabc"[..], "pickle data was truncated (BINBYTES8 at byte 0)"),
            (
                b"\x8e\xff\xff\xff\xff\xff\xff\xff\xffabc",
                "BINBYTES exceeds system's maximum size of 9223372036854775807 bytes (BINBYTES8 at byte 0)",
            ),
            (b"\x8b\xff\xff\xff\xffabc", "LONG pickle has negative byte count (LONG4 at byte 0)"),
        ] {
            let error = OpReader::new(BufReader::with_capacity(4, input)).next_op().unwrap_err();
            assert_eq!(error.to_string(), expected);
        }
        let limits = Limits { arg_bytes: 3, ..Limits::default() };
        for input in [&b"B\x04\0\0\0abcd"[..], b"Vabcd\n"] {
            for capacity in [2, 100] {
                let mut reader = OpReader::with_limits(BufReader::with_capacity(capacity, input), limits);
                let error = reader.next_op().unwrap_err();
                assert_eq!(error.kind(), &ErrorKind::ArgTooLong { bytes: 4, limit: 3 });
            }
        }
        let mut reader = OpReader::with_limits(BufReader::with_capacity(2, &b"Vabc\n"[..]), limits);
        assert_eq!(reader.next_op().unwrap(), Some((0, Op::Unicode(b"abc"))));
    }
}
