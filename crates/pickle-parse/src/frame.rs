//! Frames: what `FRAME` promises (PEP 3154).

use pickle_opcodes::{Op, Opcode};

use crate::{ErrorKind, reader::Shape};

/// How many bytes a `FRAME` has, before those that it counts.
pub(crate) const HEADER: u64 = 9;

/// Checks that the bytes that a frame claims are there, as CPython's unpickler does (`load_frame` of `_pickle.c`).
///
/// # Errors
///
/// [`ErrorKind::FrameTooLong`] if the length is beyond 2^63 - 1, [`ErrorKind::Truncated`] if fewer bytes are left.
#[inline]
pub(crate) fn check(length: u64, left: u64) -> Result<(), ErrorKind> {
    if length > i64::MAX as u64 {
        Err(ErrorKind::FrameTooLong)
    } else if length > left {
        Err(ErrorKind::Truncated)
    } else {
        Ok(())
    }
}

/// Where the frame ends that a machine is in, and whether that matters
/// ([`Rules::enclosing_frames`](crate::Rules::enclosing_frames)). Offsets are in bytes from the start of the stream.
///
/// What may not cross the end is what CPython's unpickler reads at once: an opcode; then an argument of fixed size, a length,
/// what a length counts, or a line. So an op may have its opcode in a frame and its argument behind it.
#[derive(Default, Debug)]
pub(crate) struct Frames {
    pub(crate) enclose: bool,
    /// Where the last frame ends.
    end: u64,
}

impl Frames {
    /// The frame ends here, at the latest.
    #[inline]
    pub(crate) fn leave(&mut self, offset: u64) {
        self.end = self.end.min(offset);
    }

    /// A `FRAME` stands at `offset`, for a frame of `length` bytes, and behind it so many are `left`.
    ///
    /// # Errors
    ///
    /// [`check`]'s, [`ErrorKind::ReadOverflow`] where the frame would end beyond 2^63 - 1, and [`ErrorKind::FrameInFrame`] if the
    /// op is in a frame that does not end with it and has to.
    #[inline]
    pub(crate) fn begin(&mut self, offset: u64, length: u64, left: u64) -> Result<(), ErrorKind> {
        let start = offset.saturating_add(HEADER);
        if self.enclose && start < self.end {
            return Err(ErrorKind::FrameInFrame);
        }
        if length <= i64::MAX as u64 && start.saturating_add(length) > i64::MAX as u64 {
            return Err(ErrorKind::ReadOverflow);
        }
        check(length, left)?;
        self.end = start.saturating_add(length);
        Ok(())
    }

    /// How many of the `left` bytes from `offset` on the op there may have: those through the end of its frame.
    #[inline]
    pub(crate) fn reach(&self, offset: u64, left: usize) -> usize {
        match self.end.checked_sub(offset) {
            Some(in_frame @ 1..) if self.enclose => usize::try_from(in_frame).map_or(left, |in_frame| in_frame.min(left)),
            _ => left,
        }
    }

    /// Whether an op at `offset`, whole or not, keeps within its frame, as far as `op` has it.
    pub(crate) fn hold(&self, offset: u64, opcode: Opcode, op: &[u8]) -> bool {
        let in_frame = self.end.checked_sub(offset).filter(|_| self.enclose).and_then(|in_frame| usize::try_from(in_frame).ok());
        match in_frame.and_then(|in_frame| op.get(..in_frame)) {
            None | Some([] | [_]) => true,
            Some(inside @ [.., last]) => match opcode.arg().map(Shape::of) {
                Some(Shape::Counted(length)) => inside.len() == 1 + length,
                Some(Shape::Lines(_)) => *last == b'\n',
                Some(Shape::Fixed(_)) | None => false,
            },
        }
    }

    /// Whether a whole op at `offset` keeps within its frame.
    #[inline]
    pub(crate) fn hold_op(&self, offset: u64, op: &Op<'_>) -> bool {
        !self.enclose || offset >= self.end || self.hold_reads(offset, *op)
    }

    // By value: what a pointer leads to would have to lie in memory even where frames do not matter.
    #[cold]
    #[inline(never)]
    fn hold_reads(&self, offset: u64, op: Op<'_>) -> bool {
        let mut start = offset;
        reads(&op).into_iter().all(|bytes| {
            let end = start.saturating_add(bytes as u64);
            let holds = start >= self.end || end <= self.end;
            start = end;
            holds
        })
    }
}

/// How many bytes of an op CPython's unpickler reads at once.
fn reads(op: &Op<'_>) -> [usize; 3] {
    let (first, second) = match *op {
        Op::Global(names) | Op::Inst(names) => (names.module.len() + 1, names.name.len() + 1),
        Op::Int(line) | Op::Long(line) | Op::Float(line) | Op::Get(line) | Op::Put(line) => (line.len() + 1, 0),
        Op::String(line) | Op::Unicode(line) | Op::PersId(line) => (line.len() + 1, 0),
        Op::ShortBinString(bytes) | Op::ShortBinBytes(bytes) | Op::ShortBinUnicode(bytes) | Op::Long1(bytes) => (1, bytes.len()),
        Op::BinString(bytes) | Op::BinBytes(bytes) | Op::BinUnicode(bytes) | Op::Long4(bytes) => (4, bytes.len()),
        Op::BinBytes8(bytes) | Op::BinUnicode8(bytes) | Op::ByteArray8(bytes) => (8, bytes.len()),
        _ => match op.opcode().arg().map(Shape::of) {
            Some(Shape::Fixed(bytes)) => (bytes, 0),
            _ => (0, 0),
        },
    };
    [1, first, second]
}
