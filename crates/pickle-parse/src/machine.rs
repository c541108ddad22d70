//! [`Machine`]: the pickle machine, with its stack, marks and memo.

use std::{fmt, io::BufRead};

use pickle_opcodes::{GlobalName, Op, Opcode, Protocol};

use crate::{
    Builder, Error, ErrorKind, Items, Limits, Memo, OpReader, Rules,
    arg::{self, Int},
    frame::Frames,
    op::{OpError, Then, error_at, op_then},
};

/// Why a pickle could not be executed.
#[derive(Debug)]
pub enum MachineError<E> {
    /// The pickle is at fault.
    Pickle(Error),
    /// The builder could not make an object.
    Builder {
        /// The offset of the opcode, in bytes.
        offset: u64,
        /// The opcode.
        opcode: Opcode,
        /// The builder's error.
        error: E,
    },
}

impl<E> From<Error> for MachineError<E> {
    fn from(error: Error) -> Self {
        MachineError::Pickle(error)
    }
}

impl From<MachineError<ErrorKind>> for Error {
    /// A builder whose errors are [`ErrorKind`]s has them completed by where they occurred.
    fn from(error: MachineError<ErrorKind>) -> Error {
        match error {
            MachineError::Pickle(error) => error,
            MachineError::Builder { offset, opcode, error } => Error::new(error, offset, Some(opcode)),
        }
    }
}

impl From<MachineError<Box<ErrorKind>>> for Error {
    /// As for a builder whose errors are not boxed.
    fn from(error: MachineError<Box<ErrorKind>>) -> Error {
        match error {
            MachineError::Pickle(error) => error,
            MachineError::Builder { offset, opcode, error } => Error::new(*error, offset, Some(opcode)),
        }
    }
}

impl<E: fmt::Display> fmt::Display for MachineError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            MachineError::Pickle(error) => error.fmt(f),
            MachineError::Builder { offset, opcode, error } => write!(f, "{error} ({opcode} at byte {offset})"),
        }
    }
}

impl<E: fmt::Debug + fmt::Display> std::error::Error for MachineError<E> {}

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

/// Why an op could not be executed.
enum Fault<E> {
    // Boxed, so that results come back in registers where the builder's error is as small.
    Pickle(Box<ErrorKind>),
    Builder(E),
}

impl<E> From<ErrorKind> for Fault<E> {
    #[cold]
    #[inline(never)]
    fn from(kind: ErrorKind) -> Self {
        Fault::Pickle(Box::new(kind))
    }
}

/// What `APPENDS`, `SETITEMS` and `ADDITEMS` work on, and where on the stack the items for it begin; nothing if there are none.
type Target<V> = Option<(V, usize)>;

/// Whether an op ended the pickle.
enum Flow<V> {
    Next,
    Stop(V),
}

/// Why a pickle is not executed further.
enum End<'a, V, E> {
    /// It came to its end: its value, and what comes behind it.
    Stop(V, &'a [u8]),
    /// A frame begins: its length, and what comes behind its header.
    Frame(u64, &'a [u8]),
    Fault(Fault<E>, Opcode),
    Unreadable(OpError),
}

/// Executes an op, and returns what comes behind it.
struct Execute<'m, B: Builder>(&'m mut Machine<B>);

impl<'a, B: Builder> Then<'a> for Execute<'_, B> {
    type Out = Result<&'a [u8], End<'a, B::Value, B::Error>>;

    #[inline(always)]
    fn then(self, read: Result<(&'a [u8], Op<'a>), OpError>) -> Self::Out {
        let Execute(machine) = self;
        let (after, op) = match read {
            Ok(read) => read,
            Err(error) => return Err(End::Unreadable(error)),
        };
        if let Op::Frame(length) = op {
            return Err(End::Frame(length, after));
        }
        match machine.execute(&op) {
            Ok(Flow::Next) => Ok(after),
            Ok(Flow::Stop(value)) => Err(End::Stop(value, after)),
            Err(fault) => Err(End::Fault(fault, op.opcode())),
        }
    }
}

/// Wraps a builder's error.
macro_rules! built {
    ($result:expr) => {
        match $result {
            Ok(value) => value,
            Err(error) => return Err(fault_of_builder(error)),
        }
    };
}

/// Told to be rare, so that what is done with what was made is not taken for rare itself and kept out of line.
#[cold]
#[inline(never)]
fn fault_of_builder<E>(error: E) -> Fault<E> {
    Fault::Builder(error)
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
        self.start_step(offset)?;
        self.run_ops::<true>(offset, input)
    }

    /// Executes ops through `STOP`. Of a stream's `PART`, through the last one that is there.
    #[inline(always)]
    fn run_ops<const PART: bool>(&mut self, start: u64, input: &[u8]) -> Result<Part<B::Value>, MachineError<B::Error>> {
        let mut executed = 0;
        loop {
            // What an op may have ends with its frame, or with the input.
            let left = input.len() - executed;
            let reach = executed + self.frames.reach(start + executed as u64, left);
            let end = start + reach as u64;
            let mut rest = &input[executed..reach];
            let (offset, why) = loop {
                let offset = end - rest.len() as u64;
                self.builder.at(offset);
                match op_then(rest, Execute(self)) {
                    Ok(after) => rest = after,
                    Err(why) => break (offset, why),
                }
            };
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
                // The frame has ended where an op has.
                End::Unreadable(OpError::RanOut) if reach < input.len() => {}
                End::Unreadable(error) => {
                    let opcode = rest.first().and_then(|&byte| Opcode::from_byte(byte));
                    let error = match self.other_fault(&error.into(), offset, opcode, rest) {
                        Some(kind) => Error::new(kind, offset, opcode),
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

    /// Executes one op, which stands at `offset` bytes from the start of the stream. Returns the pickle's value at `STOP`; the op
    /// after that begins the next pickle.
    ///
    /// That a frame is there as a whole is not checked here, where the rest of the input is not known.
    ///
    /// # Errors
    ///
    /// As [`run`](Self::run). The pickle cannot be continued then; the next op begins the next one.
    pub fn step(&mut self, offset: u64, op: &Op<'_>) -> Result<Option<B::Value>, MachineError<B::Error>> {
        self.start_step(offset)?;
        if !self.frames.hold_op(offset, op) {
            return Err(self.failed(ErrorKind::FrameExhausted.into(), offset, op.opcode()));
        }
        self.builder.at(offset);
        if let Op::Frame(length) = *op {
            self.begin_frame(offset, length, u64::MAX)?;
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
        let other = self.other_fault(error.kind(), offset, opcode, reader.unread());
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

    /// Begins a pickle, unless that is begun.
    #[inline]
    fn start_step(&mut self, offset: u64) -> Result<(), MachineError<B::Error>> {
        if !self.inside_pickle {
            self.start(offset)?;
            self.inside_pickle = true;
        }
        Ok(())
    }

    /// Begins a frame, whose `FRAME` stands at `offset`, with so many bytes `left` behind it.
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
        for value in self.stack.drain(..) {
            self.builder.discard(value);
        }
        self.marks.clear();
        self.fence = 0;
        self.frames.leave(0);
        self.inside_pickle = false;
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

    /// What else is wrong with an op that could not be read, of which `op` is what there is. CPython reads an argument piece by
    /// piece, and finds it before it finds that the input has ended.
    #[cold]
    #[inline(never)]
    fn other_fault(&self, fault: &ErrorKind, offset: u64, opcode: Option<Opcode>, op: &[u8]) -> Option<ErrorKind> {
        match opcode? {
            _ if *fault != ErrorKind::Truncated => None,
            Opcode::Inst if self.marks.is_empty() => Some(ErrorKind::NoMark),
            Opcode::BinString if self.rules.signed_lengths && op.get(4) >= Some(&0x80) => Some(ErrorKind::NegativeStringSize),
            opcode if !self.frames.hold(offset, opcode, op) => Some(ErrorKind::FrameExhausted),
            _ => None,
        }
    }

    /// Each arm is a call, since this is inlined once for each opcode, of which one arm is left then.
    #[inline(always)]
    fn execute(&mut self, op: &Op<'_>) -> Result<Flow<B::Value>, Fault<B::Error>> {
        macro_rules! push {
            ($method:ident($($arg:expr),*)) => {{
                let built = self.builder.$method($($arg),*);
                self.push(built)
            }};
        }
        let done = match *op {
            Op::Proto(version) => self.proto(version),
            Op::Frame(_) => Ok(()),
            Op::Stop => return self.pop().map(Flow::Stop),

            Op::None => push!(none()),
            Op::NewTrue => push!(bool(true)),
            Op::NewFalse => push!(bool(false)),
            Op::BinInt(value) => push!(int(i64::from(value))),
            Op::BinInt1(value) => push!(int(i64::from(value))),
            Op::BinInt2(value) => push!(int(i64::from(value))),
            Op::Long1(bytes) | Op::Long4(bytes) => push!(long(bytes)),
            Op::Int(text) => self.int_text(text),
            Op::Long(text) => self.long_text(text),
            Op::BinFloat(value) => push!(float(value)),
            Op::Float(text) => self.float_text(text),

            Op::ShortBinUnicode(text) | Op::BinUnicode(text) | Op::BinUnicode8(text) => push!(str(text)),
            Op::Unicode(text) => self.unicode_text(text),
            Op::ShortBinString(bytes) => push!(string(bytes)),
            Op::BinString(bytes) => self.bin_string(bytes),
            Op::String(text) => self.string_text(text),
            Op::ShortBinBytes(bytes) | Op::BinBytes(bytes) | Op::BinBytes8(bytes) => push!(bytes(bytes)),
            Op::ByteArray8(bytes) => push!(bytearray(bytes)),
            Op::NextBuffer => push!(next_buffer()),
            Op::ReadonlyBuffer => self.readonly_buffer(),

            Op::Mark => self.mark_op(),
            Op::Pop => self.pop_op(),
            Op::PopMark => self.pop_mark(),
            Op::Dup => self.dup(),

            Op::BinGet(index) => self.get(i64::from(index)),
            Op::LongBinGet(index) => self.get(i64::from(index)),
            Op::Get(text) => self.get_text(text),
            Op::Memoize => self.put(self.memo.len()),
            Op::BinPut(index) => self.put(usize::from(index)),
            Op::LongBinPut(index) => self.put(index as usize),
            Op::Put(text) => self.put_text(text),

            Op::EmptyTuple => push!(empty_tuple()),
            Op::Tuple1 => self.tuple(1),
            Op::Tuple2 => self.tuple(2),
            Op::Tuple3 => self.tuple(3),
            Op::Tuple => self.tuple_of_slice(),

            Op::EmptyList => push!(empty_list()),
            Op::List => self.of_slice(B::list),
            Op::Append => self.append(),
            Op::Appends => self.appends(),

            Op::EmptyDict => push!(empty_dict()),
            Op::Dict => self.dict(),
            Op::SetItem => self.set_item(),
            Op::SetItems => self.set_items(),

            Op::EmptySet => push!(empty_set()),
            Op::AddItems => self.add_items(),
            Op::FrozenSet => self.of_slice(B::frozenset),

            Op::Global(global) => self.global(global),
            Op::StackGlobal => self.stack_global(),
            Op::Ext1(code) => self.extension(i32::from(code)),
            Op::Ext2(code) => self.extension(i32::from(code)),
            Op::Ext4(code) => self.extension(code),

            Op::Reduce => self.reduce(),
            Op::NewObj => self.new_obj(),
            Op::NewObjEx => self.new_obj_ex(),
            Op::Build => self.build(),
            Op::Inst(class) => self.inst(class),
            Op::Obj => self.obj(),

            Op::PersId(id) => push!(persistent_id(id)),
            Op::BinPersId => self.bin_persistent_id(),
        };
        match done {
            Ok(()) => Ok(Flow::Next),
            Err(fault) => Err(fault),
        }
    }

    /// Puts on the stack what the builder made.
    #[inline]
    fn push(&mut self, built: Result<B::Value, B::Error>) -> Result<(), Fault<B::Error>> {
        self.stack.push(built!(built));
        Ok(())
    }

    /// Puts on the stack what the builder makes of all that lies above the topmost mark.
    #[inline]
    fn of_slice(
        &mut self,
        make: impl FnOnce(&mut B, Items<'_, B::Value>) -> Result<B::Value, B::Error>,
    ) -> Result<(), Fault<B::Error>> {
        let mark = self.mark()?;
        let built = make(&mut self.builder, self.stack.drain(mark..));
        self.push(built)
    }

    #[inline]
    fn tuple_of_slice(&mut self) -> Result<(), Fault<B::Error>> {
        let mark = self.mark()?;
        let is_short = (1..=3).contains(&(self.stack.len() - mark));
        let tuple = built!(self.builder.tuple(self.stack.drain(mark..)));
        if is_short {
            self.builder.long_tuple(&tuple);
        }
        self.stack.push(tuple);
        Ok(())
    }

    fn float_text(&mut self, text: &[u8]) -> Result<(), Fault<B::Error>> {
        let built = self.builder.float(arg::float(text)?);
        self.push(built)
    }

    fn unicode_text(&mut self, text: &[u8]) -> Result<(), Fault<B::Error>> {
        let built = self.builder.str(&arg::unicode(text)?);
        self.push(built)
    }

    fn string_text(&mut self, text: &[u8]) -> Result<(), Fault<B::Error>> {
        let built = self.builder.string(&arg::string(text)?);
        self.push(built)
    }

    fn bin_string(&mut self, bytes: &[u8]) -> Result<(), Fault<B::Error>> {
        if self.rules.signed_lengths && i32::try_from(bytes.len()).is_err() {
            return Err(ErrorKind::NegativeStringSize.into());
        }
        let built = self.builder.string(bytes);
        self.push(built)
    }

    fn readonly_buffer(&mut self) -> Result<(), Fault<B::Error>> {
        let buffer = self.pop()?;
        let built = self.builder.readonly_buffer(buffer);
        self.push(built)
    }

    #[inline]
    fn mark_op(&mut self) -> Result<(), Fault<B::Error>> {
        self.fence = self.stack.len();
        self.marks.push(self.fence);
        Ok(())
    }

    fn pop_mark(&mut self) -> Result<(), Fault<B::Error>> {
        let mark = self.mark()?;
        for value in self.stack.drain(mark..) {
            self.builder.discard(value);
        }
        Ok(())
    }

    #[inline]
    fn dup(&mut self) -> Result<(), Fault<B::Error>> {
        let top = self.top()?.clone();
        self.stack.push(top);
        Ok(())
    }

    fn get_text(&mut self, text: &[u8]) -> Result<(), Fault<B::Error>> {
        self.get(arg::memo_index(text)?)
    }

    #[inline]
    fn appends(&mut self) -> Result<(), Fault<B::Error>> {
        if let Some((list, items)) = self.target(self.rules.empty_batches)? {
            built!(self.builder.extend(&list, self.stack.drain(items..)));
        }
        Ok(())
    }

    #[inline]
    fn dict(&mut self) -> Result<(), Fault<B::Error>> {
        let mark = self.mark()?;
        if !(self.stack.len() - mark).is_multiple_of(2) {
            return Err(ErrorKind::OddDictItems.into());
        }
        let built = self.builder.dict(self.stack.drain(mark..));
        self.push(built)
    }

    #[inline]
    fn set_items(&mut self) -> Result<(), Fault<B::Error>> {
        if let Some((dict, items)) = self.target(false)? {
            if !(self.stack.len() - items).is_multiple_of(2) {
                return Err(ErrorKind::OddSetItems.into());
            }
            built!(self.builder.set_items(&dict, self.stack.drain(items..)));
        }
        Ok(())
    }

    #[inline]
    fn add_items(&mut self) -> Result<(), Fault<B::Error>> {
        if let Some((set, items)) = self.target(self.rules.empty_batches)? {
            built!(self.builder.add_items(&set, self.stack.drain(items..)));
        }
        Ok(())
    }

    fn global(&mut self, global: GlobalName<'_>) -> Result<(), Fault<B::Error>> {
        if global.module.is_empty() || global.name.is_empty() {
            return Err(ErrorKind::Truncated.into());
        }
        let built = self.builder.global(global.module, global.name);
        self.push(built)
    }

    #[inline]
    fn stack_global(&mut self) -> Result<(), Fault<B::Error>> {
        let name = self.pop()?;
        let module = self.pop()?;
        let built = self.builder.stack_global(module, name);
        self.push(built)
    }

    #[inline]
    fn reduce(&mut self) -> Result<(), Fault<B::Error>> {
        let args = self.pop()?;
        let callable = self.pop()?;
        let built = self.builder.reduce(callable, args);
        self.push(built)
    }

    #[inline]
    fn new_obj(&mut self) -> Result<(), Fault<B::Error>> {
        let args = self.pop()?;
        let class = self.pop()?;
        let built = self.builder.new_obj(class, args);
        self.push(built)
    }

    fn new_obj_ex(&mut self) -> Result<(), Fault<B::Error>> {
        let kwargs = self.pop()?;
        let args = self.pop()?;
        let class = self.pop()?;
        let built = self.builder.new_obj_ex(class, args, kwargs);
        self.push(built)
    }

    fn inst(&mut self, class: GlobalName<'_>) -> Result<(), Fault<B::Error>> {
        let mark = self.mark()?;
        if class.module.is_empty() || class.name.is_empty() {
            return Err(ErrorKind::Truncated.into());
        }
        let built = self.builder.inst(class.module, class.name, self.stack.drain(mark..));
        self.push(built)
    }

    fn obj(&mut self) -> Result<(), Fault<B::Error>> {
        let mark = self.mark()?;
        let Some(class) = self.stack.get(mark).cloned() else {
            return Err(self.underflow());
        };
        let instance = built!(self.builder.obj(class, self.stack.drain(mark + 1..)));
        self.stack.truncate(mark);
        self.stack.push(instance);
        Ok(())
    }

    fn bin_persistent_id(&mut self) -> Result<(), Fault<B::Error>> {
        let id = self.pop()?;
        let built = self.builder.bin_persistent_id(id);
        self.push(built)
    }

    fn proto(&mut self, version: u8) -> Result<(), Fault<B::Error>> {
        if version > Protocol::HIGHEST.version() {
            return Err(ErrorKind::UnsupportedProtocol(version).into());
        }
        built!(self.builder.proto(version));
        Ok(())
    }

    #[inline(never)]
    fn int_text(&mut self, text: &[u8]) -> Result<(), Fault<B::Error>> {
        let value = match arg::int(text, self.limits.int_digits, self.rules)? {
            Int::Bool(value) => self.builder.bool(value),
            Int::Small(value) => self.builder.int(value),
            Int::Big(value) => self.builder.long(&value.to_signed_bytes_le()),
        };
        self.stack.push(built!(value));
        Ok(())
    }

    #[inline(never)]
    fn long_text(&mut self, text: &[u8]) -> Result<(), Fault<B::Error>> {
        let value = match arg::long(text, self.limits.int_digits, self.rules)? {
            Int::Big(value) => self.builder.long(&value.to_signed_bytes_le()),
            Int::Small(value) => self.builder.long(&value.to_le_bytes()),
            Int::Bool(value) => self.builder.long(&[u8::from(value)]),
        };
        self.stack.push(built!(value));
        Ok(())
    }

    #[cold]
    #[inline(never)]
    fn underflow(&self) -> Fault<B::Error> {
        if self.marks.is_empty() { ErrorKind::StackUnderflow } else { ErrorKind::UnexpectedMark }.into()
    }

    #[inline]
    fn pop(&mut self) -> Result<B::Value, Fault<B::Error>> {
        if self.stack.len() > self.fence
            && let Some(value) = self.stack.pop()
        {
            return Ok(value);
        }
        Err(self.underflow())
    }

    #[inline]
    fn top(&self) -> Result<&B::Value, Fault<B::Error>> {
        match self.stack.last() {
            Some(top) if self.stack.len() > self.fence => Ok(top),
            _ => Err(self.underflow()),
        }
    }

    /// Takes the topmost mark off; returns the height of the stack at it.
    #[inline]
    fn mark(&mut self) -> Result<usize, Fault<B::Error>> {
        match self.marks.pop() {
            Some(mark) => {
                self.fence = self.marks.last().copied().unwrap_or(0);
                Ok(mark)
            }
            None => Err(ErrorKind::NoMark.into()),
        }
    }

    fn pop_op(&mut self) -> Result<(), Fault<B::Error>> {
        if self.marks.last() == Some(&self.stack.len()) {
            self.mark()?;
        } else {
            let value = self.pop()?;
            self.builder.discard(value);
        }
        Ok(())
    }

    /// For `APPENDS`, `SETITEMS` and `ADDITEMS`: the object below the topmost mark, and where the items for it begin. `None` if
    /// there are no items, unless it matters even then what object it is.
    #[inline]
    fn target(&mut self, even_if_empty: bool) -> Result<Target<B::Value>, Fault<B::Error>> {
        let mark = self.mark()?;
        if mark <= self.fence {
            return Err(self.underflow());
        }
        let target = &self.stack[mark - 1];
        if mark == self.stack.len() {
            self.builder.no_items(target);
            if !even_if_empty {
                return Ok(None);
            }
        }
        Ok(Some((target.clone(), mark)))
    }

    #[inline]
    fn get(&mut self, index: i64) -> Result<(), Fault<B::Error>> {
        let value = usize::try_from(index).ok().and_then(|index| self.memo.get(index));
        let Some(value) = value else {
            return Err(ErrorKind::MemoMissing(index).into());
        };
        self.stack.push(value.clone());
        Ok(())
    }

    #[inline]
    fn put(&mut self, index: usize) -> Result<(), Fault<B::Error>> {
        let top = self.top()?.clone();
        self.builder.memoized(index, &top);
        self.memo.set(index, top);
        Ok(())
    }

    fn put_text(&mut self, text: &[u8]) -> Result<(), Fault<B::Error>> {
        if text.is_empty() {
            return Err(ErrorKind::Truncated.into());
        }
        self.top()?;
        match usize::try_from(arg::memo_index(text)?) {
            Ok(index) => self.put(index),
            Err(_) => Err(ErrorKind::NegativePut.into()),
        }
    }

    #[inline]
    fn tuple(&mut self, length: usize) -> Result<(), Fault<B::Error>> {
        match self.stack.len().checked_sub(length) {
            Some(start) if start >= self.fence => {
                let tuple = built!(self.builder.tuple(self.stack.drain(start..)));
                self.stack.push(tuple);
                Ok(())
            }
            _ => Err(self.underflow()),
        }
    }

    #[inline]
    fn append(&mut self) -> Result<(), Fault<B::Error>> {
        if self.stack.len() > self.fence + 1
            && let Some(item) = self.stack.pop()
            && let Some(list) = self.stack.last()
        {
            built!(self.builder.append(list, item));
            return Ok(());
        }
        Err(self.underflow())
    }

    #[inline]
    fn set_item(&mut self) -> Result<(), Fault<B::Error>> {
        if self.stack.len() > self.fence + 2
            && let Some(value) = self.stack.pop()
            && let Some(key) = self.stack.pop()
            && let Some(dict) = self.stack.last()
        {
            built!(self.builder.set_item(dict, key, value));
            return Ok(());
        }
        Err(self.underflow())
    }

    #[inline]
    fn build(&mut self) -> Result<(), Fault<B::Error>> {
        if self.stack.len() > self.fence + 1
            && let Some(state) = self.stack.pop()
            && let Some(object) = self.stack.last()
        {
            built!(self.builder.build(object, state));
            return Ok(());
        }
        Err(self.underflow())
    }

    #[inline]
    fn extension(&mut self, code: i32) -> Result<(), Fault<B::Error>> {
        if code <= 0 {
            return Err(ErrorKind::ExtensionCode.into());
        }
        self.stack.push(built!(self.builder.extension(code)));
        Ok(())
    }
}

#[cfg(test)]
mod tests;
