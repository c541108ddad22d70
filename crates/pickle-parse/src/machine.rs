//! [`Machine`]: the pickle machine, which goes from op to op and from frame to frame.

mod error;
mod execute;
mod memo;
mod memory;
mod popped;
mod stack;

use std::io::BufRead;

use pickle_opcodes::{Op, Opcode};

pub use self::error::MachineError;
use self::{error::Fault, execute::Flow, popped::Popped};
use crate::{
    Builder, Error, ErrorKind, Limits, Memo, OpReader, Rules,
    frame::Frames,
    op::{OpError, Then, error_at, op_then},
    utf8,
};

/// The machine that executes pickles: a stack with marks, and a memo.
///
/// It accepts what CPython's `_pickle.Unpickler` accepts, by the [`Rules`] of which version there is a choice, and its errors are
/// that one's, with where they occurred. It does nothing by itself: a [`Builder`] makes the objects, and decides what a global or
/// a call is.
///
/// A machine can run one pickle after another. As with CPython's, the memo lives on between them, so that a later pickle of the
/// same pickler can refer to objects of an earlier one; [`clear_memo`](Self::clear_memo) forgets them.
pub struct Machine<B: Builder> {
    builder: B,
    stack: Vec<B::Value>,
    /// The height of the stack at each mark.
    marks: Vec<usize>,
    /// The topmost mark, or 0: what lies below it is out of reach.
    fence: usize,
    memo: Memo<B::Value>,
    limits: Limits,
    rules: Rules,
    frames: Frames,
    /// Whether a pickle was begun by [`Machine::step`].
    inside_pickle: bool,
    /// From which offset on `step` has more to do than to execute its op: to begin a pickle, or to look at the memory.
    due: u64,
    /// Empty unless [`Builder::FOLLOWS_POPPED`].
    popped: Popped<B::Value>,
}

/// How far [`Machine::run_part`] came.
#[derive(Debug)]
pub struct Part<V> {
    /// How many bytes of its input were executed.
    pub executed: usize,
    /// The pickle's value, if its `STOP` was among them.
    pub value: Option<V>,
    /// The `FRAME` that was the last of them, if its frame is longer than the rest of the input: its offset, and how many bytes
    /// the frame has, behind it.
    pub frame: Option<(u64, u64)>,
}

/// A low guess at how many bytes of a pickle there are for each object in the memo.
const BYTES_PER_MEMOIZED_OBJECT: usize = 8;

/// For how many objects room is made before they are seen. More of them come cheaper than a guess that is wrong.
const MAX_RESERVED: usize = 1024;

/// The same for the stack, which few pickles fill higher.
const MAX_RESERVED_ON_STACK: usize = 64;

/// Why a pickle is not executed further.
enum End<'a, V, E> {
    /// It came to its end: its value, and what comes behind it.
    Stop(V, &'a [u8]),
    /// A frame begins: its length, and what comes behind its header.
    Frame(u64, &'a [u8]),
    Fault(Fault<E>, Opcode),
    Unreadable(OpError),
}

/// Executes an op, and returns what comes behind it. `None` if the pickle is not executed further, and `end` says why: a place of
/// its own for that lets the common way out be a pointer in a register.
struct Execute<'m, 'a, B: Builder> {
    machine: &'m mut Machine<B>,
    end: &'m mut End<'a, B::Value, B::Error>,
}

impl<'a, B: Builder> Then<'a> for Execute<'_, 'a, B> {
    type Out = Option<&'a [u8]>;

    #[inline(always)]
    fn then(self, read: Result<(&'a [u8], Op<'a>), OpError>) -> Self::Out {
        let Execute { machine, end } = self;
        *end = match read {
            Ok((after, Op::Frame(length))) => End::Frame(length, after),
            Ok((after, op)) => match machine.execute(&op) {
                Ok(Flow::Next) => return Some(after),
                Ok(Flow::Stop(value)) => End::Stop(value, after),
                Err(fault) => End::Fault(fault, op.opcode()),
            },
            Err(error) => End::Unreadable(error),
        };
        None
    }
}

impl<B: Builder> Machine<B> {
    /// A machine with an empty memo and the default limits.
    #[must_use]
    pub fn new(builder: B) -> Self {
        Self::with_limits(builder, Limits::default())
    }

    /// A machine with an empty memo.
    #[must_use]
    pub fn with_limits(builder: B, limits: Limits) -> Self {
        Machine {
            builder,
            stack: Vec::new(),
            marks: Vec::new(),
            fence: 0,
            memo: Memo::new(),
            limits,
            rules: Rules::default(),
            frames: Frames::default(),
            inside_pickle: false,
            due: 0,
            popped: Popped::new(),
        }
    }

    /// The same machine, by other rules than the default ones.
    #[must_use]
    pub fn with_rules(mut self, rules: Rules) -> Self {
        self.rules = rules;
        self.frames.enclose = rules.enclosing_frames;
        self
    }

    /// The builder.
    #[must_use]
    pub fn builder(&self) -> &B {
        &self.builder
    }

    /// The builder.
    pub fn builder_mut(&mut self) -> &mut B {
        &mut self.builder
    }

    /// The builder, without the machine.
    #[must_use]
    pub fn into_builder(self) -> B {
        self.builder
    }

    /// The memo.
    #[must_use]
    pub fn memo(&self) -> &Memo<B::Value> {
        &self.memo
    }

    /// The memo.
    pub fn memo_mut(&mut self) -> &mut Memo<B::Value> {
        &mut self.memo
    }

    /// Forgets all objects of the memo.
    pub fn clear_memo(&mut self) {
        self.memo.clear();
    }

    /// Executes the pickle that `input` begins with. Returns its value, and its length in bytes, through `STOP`; what comes
    /// behind is not looked at.
    ///
    /// # Errors
    ///
    /// [`MachineError::Pickle`] for what CPython's unpickler does not accept, [`MachineError::Builder`] for what the builder does
    /// not.
    pub fn run(&mut self, input: &[u8]) -> Result<(B::Value, usize), MachineError<B::Error>> {
        self.reset();
        self.start(0)?;
        self.reserve(input.len());
        match self.run_ops::<false>(0, input)? {
            Part { executed, value: Some(value), .. } => Ok((value, executed)),
            // not reached: without a value the ops end in an error
            Part { executed, .. } => Err(Error::new(ErrorKind::RanOut, executed as u64, None).into()),
        }
    }

    /// Executes those ops that stand as a whole in `input`, a part of a stream that begins `offset` bytes from its start: through
    /// `STOP`, or through a `FRAME` that is longer than what comes behind it here. An op that is not whole is left, and so is one
    /// that cannot be read at all: what [`OpReader::next_op`] says of it goes through [`unread`](Self::unread).
    ///
    /// That a frame is there as a whole is not checked here, where the rest of the stream is not known.
    ///
    /// # Errors
    ///
    /// As [`step`](Self::step).
    pub fn run_part(&mut self, offset: u64, input: &[u8]) -> Result<Part<B::Value>, MachineError<B::Error>> {
        self.due_step(offset)?;
        self.run_ops::<true>(offset, input)
    }

    /// Executes ops through `STOP`. Of a stream's `PART`, through the last one that is there.
    #[inline(always)]
    fn run_ops<const PART: bool>(&mut self, start: u64, input: &[u8]) -> Result<Part<B::Value>, MachineError<B::Error>> {
        let mut executed = 0;
        let mut piece = self.piece();
        loop {
            let here = start + executed as u64;
            if piece != usize::MAX {
                self.check_memory(here)?;
            }
            // What an op may have ends with its frame, or with the input; and the memory is looked at after each piece.
            let in_frame = self.frames.reach(here, input.len() - executed);
            let reach = executed + in_frame.min(piece);
            let end = start + reach as u64;
            let mut why = End::Unreadable(OpError::RanOut);
            let rest = self.run_piece(end, &input[executed..reach], &mut why);
            let offset = end - rest.len() as u64;
            executed = reach - rest.len();
            match why {
                End::Stop(value, after) => {
                    self.reset();
                    return Ok(Part { executed: reach - after.len(), value: Some(value), frame: None });
                }
                End::Frame(length, after) => {
                    executed = reach - after.len();
                    let left = (input.len() - executed) as u64;
                    self.begin_frame(offset, length, if PART { u64::MAX } else { left })?;
                    if length > left {
                        return Ok(Part { executed, value: None, frame: Some((offset, length)) });
                    }
                }
                End::Fault(fault, opcode) => return Err(self.failed(fault, offset, opcode)),
                // The frame or the piece has ended where an op has.
                End::Unreadable(OpError::RanOut) if reach < input.len() => piece = self.piece(),
                End::Unreadable(error) => {
                    let opcode = rest.first().and_then(|&byte| Opcode::from_byte(byte));
                    let error = match self.other_fault(&error.into(), offset, opcode, rest) {
                        Some(kind) => Error::new(kind, offset, opcode),
                        None if in_frame > piece => {
                            // An op that is longer still is tried again; twice as many bytes each time, since it may be a line.
                            piece = if rest.len() < piece { self.piece() } else { piece.saturating_mul(2) };
                            continue;
                        }
                        None if reach < input.len() => {
                            self.frames.leave(offset);
                            continue;
                        }
                        None if PART => return Ok(Part { executed, value: None, frame: None }),
                        None => error_at(error, rest, offset),
                    };
                    self.reset();
                    return Err(error.into());
                }
            }
        }
    }

    /// Executes the ops of a piece, which ends at the offset `end`, until one of them ends more than itself, as `why` says.
    /// Returns that op and what comes behind it.
    // By itself, so that its registers are for what it needs at every op.
    #[inline(never)]
    fn run_piece<'a>(&mut self, end: u64, piece: &'a [u8], why: &mut End<'a, B::Value, B::Error>) -> &'a [u8] {
        let mut rest = piece;
        loop {
            self.builder.at(end - rest.len() as u64);
            if B::FOLLOWS_POPPED && !self.popped.is_empty() {
                self.follow_popped();
            }
            match op_then(rest, Execute { machine: self, end: why }) {
                Some(after) => rest = after,
                None => return rest,
            }
        }
    }

    /// Executes one op, which stands at `offset` bytes from the start of the stream. Returns the pickle's value at `STOP`; the op
    /// after that begins the next pickle.
    ///
    /// That a frame is there as a whole is not checked here, where the rest of the input is not known.
    ///
    /// # Errors
    ///
    /// As [`run`](Self::run). The pickle cannot be continued then; the next op begins the next one.
    pub fn step(&mut self, offset: u64, op: &Op<'_>) -> Result<Option<B::Value>, MachineError<B::Error>> {
        if offset >= self.due {
            self.due_step(offset)?;
        }
        if !self.frames.hold_op(offset, op) {
            return Err(self.failed(self.fault_at_frame_end(offset, op).into(), offset, op.opcode()));
        }
        self.builder.at(offset);
        if let Op::Frame(length) = *op {
            self.begin_frame(offset, length, u64::MAX)?;
        }
        if B::FOLLOWS_POPPED && !self.popped.is_empty() {
            self.follow_popped();
        }
        match self.execute(op) {
            Ok(Flow::Next) => Ok(None),
            Ok(Flow::Stop(value)) => {
                self.reset();
                Ok(Some(value))
            }
            Err(fault) => Err(self.failed(fault, offset, op.opcode())),
        }
    }

    /// What is wrong with the op that `reader` could not read, where that is not what `error` says: the reader does not know what
    /// the machine knows. The next op begins the next pickle.
    #[must_use]
    pub fn unread<R: BufRead>(&mut self, error: Error, reader: &OpReader<R>) -> Error {
        let (offset, opcode) = (error.offset(), error.opcode());
        let other = self.other_fault(error.kind(), offset, opcode, reader.gathered());
        self.reset();
        other.map_or(error, |kind| Error::new(kind, offset, opcode))
    }

    /// Makes room for what a short pickle of so many bytes puts on the stack and into the memo, so that neither has to grow.
    fn reserve(&mut self, length: usize) {
        let objects = (length / BYTES_PER_MEMOIZED_OBJECT).min(MAX_RESERVED);
        self.stack.reserve(objects.min(MAX_RESERVED_ON_STACK));
        self.memo.reserve(objects);
    }

    fn start(&mut self, offset: u64) -> Result<(), MachineError<B::Error>> {
        self.builder.proto(0).map_err(|error| MachineError::Builder { offset, opcode: Opcode::Proto, error })
    }

    /// Begins a pickle, unless that is begun, and looks at the memory.
    #[cold]
    #[inline(never)]
    fn due_step(&mut self, offset: u64) -> Result<(), MachineError<B::Error>> {
        if !self.inside_pickle {
            self.start(offset)?;
            self.inside_pickle = true;
        }
        self.check_memory(offset)?;
        self.due = offset.saturating_add(self.piece() as u64);
        Ok(())
    }

    /// Begins a frame, whose `FRAME` stands at `offset`, with so many bytes `left` behind it.
    #[inline(never)]
    fn begin_frame(&mut self, offset: u64, length: u64, left: u64) -> Result<(), MachineError<B::Error>> {
        match self.frames.begin(offset, length, left) {
            Ok(()) => {
                self.builder.frame(offset, length);
                Ok(())
            }
            Err(kind) => Err(self.failed(kind.into(), offset, Opcode::Frame)),
        }
    }

    /// Discards what is on the stack.
    fn reset(&mut self) {
        while let Some((popped, [first, last])) = self.popped.follow(0, None) {
            self.builder.replaced(popped, &first, &last);
        }
        self.popped.clear();
        for value in self.stack.drain(..) {
            self.builder.discard(value);
        }
        self.marks.clear();
        self.fence = 0;
        self.frames.leave(0);
        self.inside_pickle = false;
        self.due = 0;
    }

    #[cold]
    #[inline(never)]
    fn failed(&mut self, fault: Fault<B::Error>, offset: u64, opcode: Opcode) -> MachineError<B::Error> {
        self.reset();
        match fault {
            Fault::Pickle(kind) => MachineError::Pickle(Error::new(*kind, offset, Some(opcode))),
            Fault::Builder(error) => MachineError::Builder { offset, opcode, error },
        }
    }

    /// What is wrong with an op that does not keep within its frame: what CPython finds before it comes to the frame's end, if
    /// anything.
    #[cold]
    #[inline(never)]
    fn fault_at_frame_end(&self, offset: u64, op: &Op<'_>) -> ErrorKind {
        let fault = match *op {
            Op::Inst(_) if self.marks.is_empty() => Some(ErrorKind::NoMark),
            Op::Global(name) | Op::Inst(name) => {
                let module = [&[op.opcode().byte()], name.module, b"\n"].concat();
                module_fault(op.opcode(), &module[..self.frames.reach(offset, module.len())])
            }
            _ => None,
        };
        fault.unwrap_or(ErrorKind::FrameExhausted)
    }

    /// What else is wrong with an op that could not be read, of which `op` is what there is. CPython reads an argument piece by
    /// piece, and finds it before it finds that the input has ended.
    #[cold]
    #[inline(never)]
    fn other_fault(&self, fault: &ErrorKind, offset: u64, opcode: Option<Opcode>, op: &[u8]) -> Option<ErrorKind> {
        match opcode? {
            _ if *fault != ErrorKind::Truncated => None,
            Opcode::Inst if self.marks.is_empty() => Some(ErrorKind::NoMark),
            Opcode::BinString if self.rules.signed_lengths && op.get(4) >= Some(&0x80) => Some(ErrorKind::NegativeStringSize),
            opcode => {
                let in_frame = &op[..self.frames.reach(offset, op.len())];
                let exhausted = || (!self.frames.hold(offset, opcode, op)).then_some(ErrorKind::FrameExhausted);
                match opcode {
                    Opcode::BinUnicode8 if ends_nowhere(offset, in_frame) => Some(ErrorKind::ReadOverflow),
                    opcode => module_fault(opcode, in_frame).or_else(exhausted),
                }
            }
        }
    }
}

/// What is wrong with the module of a `GLOBAL` or `INST`, if that is whole.
fn module_fault(opcode: Opcode, op: &[u8]) -> Option<ErrorKind> {
    let decode = match opcode {
        Opcode::Global => utf8::strict,
        Opcode::Inst => utf8::ascii,
        _ => return None,
    };
    let lines = op.get(1..)?;
    match &lines[..memchr::memchr(b'\n', lines)?] {
        [] => Some(ErrorKind::Truncated),
        module => decode(module).err(),
    }
}

/// Whether what the eight-byte length of an op counts, which stands at `offset`, would end where CPython cannot count to.
fn ends_nowhere(offset: u64, op: &[u8]) -> bool {
    let length = op.get(1..).and_then(|arg| arg.first_chunk()).map_or(0, |&length| u64::from_le_bytes(length));
    offset.saturating_add(9).saturating_add(length) > i64::MAX as u64
}

#[cfg(test)]
mod tests;
