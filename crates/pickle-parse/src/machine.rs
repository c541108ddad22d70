//! [`Machine`]: the pickle machine, with its stack, marks and memo. What the objects are is up to a [`Builder`].

use std::fmt;

use pickle_opcodes::{Op, Opcode, Protocol};

use crate::{
    Error, ErrorKind, Limits, Memo,
    arg::{self, Int},
    frame,
    op::{error_at, op},
};

/// Objects taken off the stack, the bottommost first.
pub type Items<'a, V> = std::vec::Drain<'a, V>;

/// Makes the objects that a pickle describes.
///
/// The machine calls it in the order in which CPython's unpickler makes them. Whatever a method returns as an error ends the run and
/// comes back as [`MachineError::Builder`], with the offset and the opcode.
pub trait Builder {
    /// What the stack and the memo hold. Cloning it is cheap: an id, a reference count.
    type Value: Clone;
    /// Why an object could not be made, such as a Python exception.
    type Error;

    /// `PROTO` was read (0 is told at the start of every run). It matters to the names of globals.
    ///
    /// # Errors
    ///
    /// Where the builder does not read this protocol.
    fn proto(&mut self, version: u8) -> Result<(), Self::Error> {
        let _ = version;
        Ok(())
    }

    /// `None`.
    ///
    /// # Errors
    ///
    /// As every method of this trait: what the builder cannot make.
    fn none(&mut self) -> Result<Self::Value, Self::Error>;

    /// A `bool`.
    #[expect(clippy::missing_errors_doc)]
    fn bool(&mut self, value: bool) -> Result<Self::Value, Self::Error>;

    /// An `int` that fits 64 bits, however it was written.
    #[expect(clippy::missing_errors_doc)]
    fn int(&mut self, value: i64) -> Result<Self::Value, Self::Error>;

    /// An `int` of more than eight bytes, in little-endian two's complement. It may have more bytes than it needs.
    #[expect(clippy::missing_errors_doc)]
    fn long(&mut self, twos_complement_le: &[u8]) -> Result<Self::Value, Self::Error>;

    /// A `float`.
    #[expect(clippy::missing_errors_doc)]
    fn float(&mut self, value: f64) -> Result<Self::Value, Self::Error>;

    /// A `str`: bytes that should be UTF-8 in which lone surrogates may stand (`surrogatepass`). The machine has not checked it.
    #[expect(clippy::missing_errors_doc)]
    fn str(&mut self, utf8: &[u8]) -> Result<Self::Value, Self::Error>;

    /// A `str` of Python 2, its escapes undone: bytes whose encoding the pickle does not tell.
    #[expect(clippy::missing_errors_doc)]
    fn string(&mut self, bytes: &[u8]) -> Result<Self::Value, Self::Error>;

    /// A `bytes` object.
    #[expect(clippy::missing_errors_doc)]
    fn bytes(&mut self, bytes: &[u8]) -> Result<Self::Value, Self::Error>;

    /// A `bytearray`.
    #[expect(clippy::missing_errors_doc)]
    fn bytearray(&mut self, bytes: &[u8]) -> Result<Self::Value, Self::Error>;

    /// The next out-of-band buffer.
    #[expect(clippy::missing_errors_doc)]
    fn next_buffer(&mut self) -> Result<Self::Value, Self::Error>;

    /// A read-only view of an out-of-band buffer.
    #[expect(clippy::missing_errors_doc)]
    fn readonly_buffer(&mut self, buffer: Self::Value) -> Result<Self::Value, Self::Error>;

    /// An empty list, to be filled.
    #[expect(clippy::missing_errors_doc)]
    fn empty_list(&mut self) -> Result<Self::Value, Self::Error>;

    /// An empty dict, to be filled.
    #[expect(clippy::missing_errors_doc)]
    fn empty_dict(&mut self) -> Result<Self::Value, Self::Error>;

    /// An empty set, to be filled.
    #[expect(clippy::missing_errors_doc)]
    fn empty_set(&mut self) -> Result<Self::Value, Self::Error>;

    /// The empty tuple.
    #[expect(clippy::missing_errors_doc)]
    fn empty_tuple(&mut self) -> Result<Self::Value, Self::Error>;

    /// A tuple.
    #[expect(clippy::missing_errors_doc)]
    fn tuple(&mut self, items: Items<'_, Self::Value>) -> Result<Self::Value, Self::Error>;

    /// A list with its items; more can follow.
    #[expect(clippy::missing_errors_doc)]
    fn list(&mut self, items: Items<'_, Self::Value>) -> Result<Self::Value, Self::Error>;

    /// A dict with its items, key and value alternating; the machine has checked that no value is missing. More can follow.
    #[expect(clippy::missing_errors_doc)]
    fn dict(&mut self, items: Items<'_, Self::Value>) -> Result<Self::Value, Self::Error>;

    /// A frozenset.
    #[expect(clippy::missing_errors_doc)]
    fn frozenset(&mut self, items: Items<'_, Self::Value>) -> Result<Self::Value, Self::Error>;

    /// Appends to a list, or to an object that takes appended items.
    #[expect(clippy::missing_errors_doc)]
    fn append(&mut self, list: &Self::Value, item: Self::Value) -> Result<(), Self::Error>;

    /// Appends all of `items`, of which there is at least one.
    #[expect(clippy::missing_errors_doc)]
    fn extend(&mut self, list: &Self::Value, items: Items<'_, Self::Value>) -> Result<(), Self::Error>;

    /// Sets an item of a dict, or of an object that takes set items.
    #[expect(clippy::missing_errors_doc)]
    fn set_item(&mut self, dict: &Self::Value, key: Self::Value, value: Self::Value) -> Result<(), Self::Error>;

    /// Sets all of `items`, key and value alternating, of which there is at least one pair and no value is missing.
    #[expect(clippy::missing_errors_doc)]
    fn set_items(&mut self, dict: &Self::Value, items: Items<'_, Self::Value>) -> Result<(), Self::Error>;

    /// Adds all of `items`, of which there is at least one, to a set, or to an object that takes added items.
    #[expect(clippy::missing_errors_doc)]
    fn add_items(&mut self, set: &Self::Value, items: Items<'_, Self::Value>) -> Result<(), Self::Error>;

    /// A global by the names on `GLOBAL`'s two lines, neither empty. CPython reads them as UTF-8.
    #[expect(clippy::missing_errors_doc)]
    fn global(&mut self, module: &[u8], name: &[u8]) -> Result<Self::Value, Self::Error>;

    /// A global by names that are objects. CPython takes nothing but `str`.
    #[expect(clippy::missing_errors_doc)]
    fn stack_global(&mut self, module: Self::Value, name: Self::Value) -> Result<Self::Value, Self::Error>;

    /// The object of an extension code (`copyreg.add_extension`), which is above 0.
    #[expect(clippy::missing_errors_doc)]
    fn extension(&mut self, code: i32) -> Result<Self::Value, Self::Error>;

    /// What `callable` returns for the tuple `args`.
    #[expect(clippy::missing_errors_doc)]
    fn reduce(&mut self, callable: Self::Value, args: Self::Value) -> Result<Self::Value, Self::Error>;

    /// What `class.__new__` returns for the tuple `args`.
    #[expect(clippy::missing_errors_doc)]
    fn new_obj(&mut self, class: Self::Value, args: Self::Value) -> Result<Self::Value, Self::Error>;

    /// What `class.__new__` returns for the tuple `args` and the dict `kwargs`.
    #[expect(clippy::missing_errors_doc)]
    fn new_obj_ex(&mut self, class: Self::Value, args: Self::Value, kwargs: Self::Value) -> Result<Self::Value, Self::Error>;

    /// An instance of the class named on `INST`'s two lines, neither empty. CPython reads them as ASCII.
    #[expect(clippy::missing_errors_doc)]
    fn inst(&mut self, module: &[u8], name: &[u8], args: Items<'_, Self::Value>) -> Result<Self::Value, Self::Error>;

    /// An instance of a class.
    #[expect(clippy::missing_errors_doc)]
    fn obj(&mut self, class: Self::Value, args: Items<'_, Self::Value>) -> Result<Self::Value, Self::Error>;

    /// Gives an object its state.
    #[expect(clippy::missing_errors_doc)]
    fn build(&mut self, object: &Self::Value, state: Self::Value) -> Result<(), Self::Error>;

    /// The persistent object of the id on `PERSID`'s line. CPython reads it as ASCII.
    #[expect(clippy::missing_errors_doc)]
    fn persistent_id(&mut self, id: &[u8]) -> Result<Self::Value, Self::Error>;

    /// The persistent object of an id that is an object.
    #[expect(clippy::missing_errors_doc)]
    fn bin_persistent_id(&mut self, id: Self::Value) -> Result<Self::Value, Self::Error>;

    /// An object came off the stack unused: by `POP` or `POP_MARK`, or because the run ended.
    fn discard(&mut self, value: Self::Value) {
        drop(value);
    }
}

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
/// It accepts what CPython's `_pickle.Unpickler` accepts, and its errors are that one's, with where they occurred. It does nothing
/// by itself: a [`Builder`] makes the objects, and decides what a global or a call is.
///
/// A machine can run one pickle after another. As with CPython's, the memo lives on between them, so that a later pickle of the same
/// pickler can refer to objects of an earlier one; [`clear_memo`](Self::clear_memo) forgets them.
pub struct Machine<B: Builder> {
    builder: B,
    stack: Vec<B::Value>,
    /// The height of the stack at each mark.
    marks: Vec<usize>,
    /// The topmost mark, or 0: what lies below it is out of reach.
    fence: usize,
    memo: Memo<B::Value>,
    limits: Limits,
}

/// Why an op could not be executed.
enum Fault<E> {
    Pickle(ErrorKind),
    Builder(E),
}

impl<E> From<ErrorKind> for Fault<E> {
    #[cold]
    fn from(kind: ErrorKind) -> Self {
        Fault::Pickle(kind)
    }
}

/// Whether an op ended the pickle.
enum Flow<V> {
    Next,
    Stop(V),
}

/// Wraps a builder's error.
macro_rules! built {
    ($result:expr) => {
        match $result {
            Ok(value) => value,
            Err(error) => return Err(Fault::Builder(error)),
        }
    };
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
        Machine { builder, stack: Vec::new(), marks: Vec::new(), fence: 0, memo: Memo::new(), limits }
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

    /// Executes the pickle that `input` begins with. Returns its value, and its length in bytes, through `STOP`; what comes behind is
    /// not looked at.
    ///
    /// # Errors
    ///
    /// [`MachineError::Pickle`] for what CPython's unpickler does not accept, [`MachineError::Builder`] for what the builder does not.
    pub fn run(&mut self, input: &[u8]) -> Result<(B::Value, usize), MachineError<B::Error>> {
        self.start(0)?;
        let mut rest = input;
        loop {
            let (after, op) = match op(rest) {
                Ok(read) => read,
                Err(error) => return Err(self.unreadable(error, rest, (input.len() - rest.len()) as u64)),
            };
            let done = match op {
                Op::Frame(length) => match frame::check(length, after.len()) {
                    Ok(()) => Ok(Flow::Next),
                    Err(kind) => Err(Fault::Pickle(kind)),
                },
                _ => self.execute(&op),
            };
            match done {
                Ok(Flow::Next) => rest = after,
                Ok(Flow::Stop(value)) => {
                    self.reset();
                    return Ok((value, input.len() - after.len()));
                }
                Err(fault) => return Err(self.failed(fault, (input.len() - rest.len()) as u64, op.opcode())),
            }
        }
    }

    /// Executes one op, which stands at `offset` bytes from the start of the stream. Returns the pickle's value at `STOP`; the op after
    /// that begins the next pickle.
    ///
    /// The lengths of frames are not checked here, where the rest of the input is not known.
    ///
    /// # Errors
    ///
    /// As [`run`](Self::run). The pickle cannot be continued then; the next op begins the next one.
    pub fn step(&mut self, offset: u64, op: &Op<'_>) -> Result<Option<B::Value>, MachineError<B::Error>> {
        match self.execute(op) {
            Ok(Flow::Next) => Ok(None),
            Ok(Flow::Stop(value)) => {
                self.reset();
                self.start(offset)?;
                Ok(Some(value))
            }
            Err(fault) => Err(self.failed(fault, offset, op.opcode())),
        }
    }

    fn start(&mut self, offset: u64) -> Result<(), MachineError<B::Error>> {
        self.builder.proto(0).map_err(|error| MachineError::Builder { offset, opcode: Opcode::Proto, error })
    }

    /// Discards what is on the stack.
    fn reset(&mut self) {
        for value in self.stack.drain(..) {
            self.builder.discard(value);
        }
        self.marks.clear();
        self.fence = 0;
    }

    #[cold]
    #[inline(never)]
    fn failed(&mut self, fault: Fault<B::Error>, offset: u64, opcode: Opcode) -> MachineError<B::Error> {
        self.reset();
        match fault {
            Fault::Pickle(kind) => MachineError::Pickle(Error::new(kind, offset, Some(opcode))),
            Fault::Builder(error) => MachineError::Builder { offset, opcode, error },
        }
    }

    #[cold]
    #[inline(never)]
    fn unreadable(&mut self, error: nom::Err<crate::OpError>, rest: &[u8], offset: u64) -> MachineError<B::Error> {
        let no_mark = self.marks.is_empty();
        self.reset();
        match rest.first() {
            // CPython looks for the mark first.
            Some(&byte) if byte == Opcode::Inst.byte() && no_mark => {
                Error::new(ErrorKind::NoMark, offset, Some(Opcode::Inst)).into()
            }
            _ => error_at(error, rest, offset).into(),
        }
    }

    #[inline(always)]
    fn execute(&mut self, op: &Op<'_>) -> Result<Flow<B::Value>, Fault<B::Error>> {
        match *op {
            Op::Proto(version) => self.proto(version)?,
            Op::Frame(_) => {}
            Op::Stop => return Ok(Flow::Stop(self.pop()?)),

            Op::None => self.stack.push(built!(self.builder.none())),
            Op::NewTrue => self.stack.push(built!(self.builder.bool(true))),
            Op::NewFalse => self.stack.push(built!(self.builder.bool(false))),
            Op::BinInt(value) => self.stack.push(built!(self.builder.int(i64::from(value)))),
            Op::BinInt1(value) => self.stack.push(built!(self.builder.int(i64::from(value)))),
            Op::BinInt2(value) => self.stack.push(built!(self.builder.int(i64::from(value)))),
            Op::Long1(bytes) | Op::Long4(bytes) => self.long(bytes)?,
            Op::Int(text) => self.number(arg::int(text, self.limits.int_digits)?)?,
            Op::Long(text) => self.number(arg::long(text, self.limits.int_digits)?)?,
            Op::BinFloat(value) => self.stack.push(built!(self.builder.float(value))),
            Op::Float(text) => self.stack.push(built!(self.builder.float(arg::float(text)?))),

            Op::ShortBinUnicode(text) | Op::BinUnicode(text) | Op::BinUnicode8(text) => {
                self.stack.push(built!(self.builder.str(text)));
            }
            Op::Unicode(text) => self.stack.push(built!(self.builder.str(&arg::unicode(text)?))),
            Op::ShortBinString(bytes) | Op::BinString(bytes) => self.stack.push(built!(self.builder.string(bytes))),
            Op::String(text) => self.stack.push(built!(self.builder.string(&arg::string(text)?))),
            Op::ShortBinBytes(bytes) | Op::BinBytes(bytes) | Op::BinBytes8(bytes) => {
                self.stack.push(built!(self.builder.bytes(bytes)));
            }
            Op::ByteArray8(bytes) => self.stack.push(built!(self.builder.bytearray(bytes))),
            Op::NextBuffer => self.stack.push(built!(self.builder.next_buffer())),
            Op::ReadonlyBuffer => {
                let buffer = self.pop()?;
                self.stack.push(built!(self.builder.readonly_buffer(buffer)));
            }

            Op::Mark => {
                self.fence = self.stack.len();
                self.marks.push(self.fence);
            }
            Op::Pop => self.pop_op()?,
            Op::PopMark => {
                let mark = self.mark()?;
                for value in self.stack.drain(mark..) {
                    self.builder.discard(value);
                }
            }
            Op::Dup => {
                let top = self.top()?.clone();
                self.stack.push(top);
            }

            Op::BinGet(index) => self.get(i64::from(index))?,
            Op::LongBinGet(index) => self.get(i64::from(index))?,
            Op::Get(text) => self.get(arg::memo_index(text)?)?,
            Op::Memoize => self.put(self.memo.len())?,
            Op::BinPut(index) => self.put(usize::from(index))?,
            Op::LongBinPut(index) => self.put(index as usize)?,
            Op::Put(text) => self.put_text(text)?,

            Op::EmptyTuple => self.stack.push(built!(self.builder.empty_tuple())),
            Op::Tuple1 => self.tuple(1)?,
            Op::Tuple2 => self.tuple(2)?,
            Op::Tuple3 => self.tuple(3)?,
            Op::Tuple => {
                let mark = self.mark()?;
                let tuple = built!(self.builder.tuple(self.stack.drain(mark..)));
                self.stack.push(tuple);
            }

            Op::EmptyList => self.stack.push(built!(self.builder.empty_list())),
            Op::List => {
                let mark = self.mark()?;
                let list = built!(self.builder.list(self.stack.drain(mark..)));
                self.stack.push(list);
            }
            Op::Append => self.append()?,
            Op::Appends => {
                if let Some((list, items)) = self.target()? {
                    built!(self.builder.extend(&list, self.stack.drain(items..)));
                }
            }

            Op::EmptyDict => self.stack.push(built!(self.builder.empty_dict())),
            Op::Dict => {
                let mark = self.mark()?;
                if (self.stack.len() - mark) % 2 != 0 {
                    return Err(ErrorKind::OddDictItems.into());
                }
                let dict = built!(self.builder.dict(self.stack.drain(mark..)));
                self.stack.push(dict);
            }
            Op::SetItem => self.set_item()?,
            Op::SetItems => {
                if let Some((dict, items)) = self.target()? {
                    if (self.stack.len() - items) % 2 != 0 {
                        return Err(ErrorKind::OddSetItems.into());
                    }
                    built!(self.builder.set_items(&dict, self.stack.drain(items..)));
                }
            }

            Op::EmptySet => self.stack.push(built!(self.builder.empty_set())),
            Op::AddItems => {
                if let Some((set, items)) = self.target()? {
                    built!(self.builder.add_items(&set, self.stack.drain(items..)));
                }
            }
            Op::FrozenSet => {
                let mark = self.mark()?;
                let frozenset = built!(self.builder.frozenset(self.stack.drain(mark..)));
                self.stack.push(frozenset);
            }

            Op::Global(global) => {
                if global.module.is_empty() || global.name.is_empty() {
                    return Err(ErrorKind::Truncated.into());
                }
                self.stack.push(built!(self.builder.global(global.module, global.name)));
            }
            Op::StackGlobal => {
                let name = self.pop()?;
                let module = self.pop()?;
                self.stack.push(built!(self.builder.stack_global(module, name)));
            }
            Op::Ext1(code) => self.extension(i32::from(code))?,
            Op::Ext2(code) => self.extension(i32::from(code))?,
            Op::Ext4(code) => self.extension(code)?,

            Op::Reduce => {
                let args = self.pop()?;
                let callable = self.pop()?;
                self.stack.push(built!(self.builder.reduce(callable, args)));
            }
            Op::NewObj => {
                let args = self.pop()?;
                let class = self.pop()?;
                self.stack.push(built!(self.builder.new_obj(class, args)));
            }
            Op::NewObjEx => {
                let kwargs = self.pop()?;
                let args = self.pop()?;
                let class = self.pop()?;
                self.stack.push(built!(self.builder.new_obj_ex(class, args, kwargs)));
            }
            Op::Build => self.build()?,
            Op::Inst(class) => {
                let mark = self.mark()?;
                if class.module.is_empty() || class.name.is_empty() {
                    return Err(ErrorKind::Truncated.into());
                }
                let instance = built!(self.builder.inst(class.module, class.name, self.stack.drain(mark..)));
                self.stack.push(instance);
            }
            Op::Obj => {
                let mark = self.mark()?;
                let Some(class) = self.stack.get(mark).cloned() else {
                    return Err(self.underflow());
                };
                let instance = built!(self.builder.obj(class, self.stack.drain(mark + 1..)));
                self.stack.truncate(mark);
                self.stack.push(instance);
            }

            Op::PersId(id) => self.stack.push(built!(self.builder.persistent_id(id))),
            Op::BinPersId => {
                let id = self.pop()?;
                self.stack.push(built!(self.builder.bin_persistent_id(id)));
            }
        }
        Ok(Flow::Next)
    }

    fn proto(&mut self, version: u8) -> Result<(), Fault<B::Error>> {
        if version > Protocol::HIGHEST.version() {
            return Err(ErrorKind::UnsupportedProtocol(version).into());
        }
        built!(self.builder.proto(version));
        Ok(())
    }

    #[inline]
    fn long(&mut self, bytes: &[u8]) -> Result<(), Fault<B::Error>> {
        let value = if bytes.len() <= 8 {
            let negative = bytes.last().is_some_and(|&last| last & 0x80 != 0);
            let mut extended = [if negative { 0xff } else { 0 }; 8];
            extended[..bytes.len()].copy_from_slice(bytes);
            self.builder.int(i64::from_le_bytes(extended))
        } else {
            self.builder.long(bytes)
        };
        self.stack.push(built!(value));
        Ok(())
    }

    #[inline]
    fn number(&mut self, value: Int) -> Result<(), Fault<B::Error>> {
        let value = match value {
            Int::Bool(value) => self.builder.bool(value),
            Int::Small(value) => self.builder.int(value),
            Int::Big(value) => self.builder.long(&value.to_signed_bytes_le()),
        };
        self.stack.push(built!(value));
        Ok(())
    }

    #[cold]
    #[inline(never)]
    fn underflow(&self) -> Fault<B::Error> {
        Fault::Pickle(if self.marks.is_empty() { ErrorKind::StackUnderflow } else { ErrorKind::UnexpectedMark })
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

    /// For `APPENDS`, `SETITEMS` and `ADDITEMS`: the object below the topmost mark, and where the items for it begin. `None` if there are
    /// no items.
    #[inline]
    fn target(&mut self) -> Result<Option<(B::Value, usize)>, Fault<B::Error>> {
        let mark = self.mark()?;
        if mark <= self.fence {
            return Err(self.underflow());
        }
        if mark == self.stack.len() {
            return Ok(None);
        }
        Ok(Some((self.stack[mark - 1].clone(), mark)))
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
mod tests {
    use super::*;

    /// Builds texts that tell what was called.
    #[derive(Default)]
    struct Told {
        discarded: Vec<String>,
    }

    type Built = Result<String, String>;

    fn all(items: Items<'_, String>) -> String {
        items.collect::<Vec<_>>().join(",")
    }

    macro_rules! told {
        ($($name:ident($($arg:ident: $ty:ty),*) $format:literal;)*) => {
            $(fn $name(&mut self, $($arg: $ty),*) -> Built { Ok(format!($format)) })*
        };
    }

    impl Builder for Told {
        type Value = String;
        type Error = String;

        told! {
            none() "None";
            bool(value: bool) "{value}";
            int(value: i64) "{value}";
            long(value: &[u8]) "long{value:?}";
            float(value: f64) "{value:?}";
            next_buffer() "buffer";
            readonly_buffer(buffer: String) "readonly({buffer})";
            empty_list() "[]";
            empty_dict() "{{}}";
            empty_set() "set()";
            empty_tuple() "()";
            stack_global(module: String, name: String) "{module}.{name}";
            extension(code: i32) "ext{code}";
            reduce(callable: String, args: String) "{callable}{args}";
            new_obj(class: String, args: String) "new {class}{args}";
            new_obj_ex(class: String, args: String, kwargs: String) "new {class}{args}{kwargs}";
            bin_persistent_id(id: String) "pid({id})";
        }

        fn str(&mut self, utf8: &[u8]) -> Built {
            Ok(format!("{:?}", String::from_utf8_lossy(utf8)))
        }
        fn string(&mut self, bytes: &[u8]) -> Built {
            Ok(format!("s'{}'", bytes.escape_ascii()))
        }
        fn bytes(&mut self, bytes: &[u8]) -> Built {
            Ok(format!("b'{}'", bytes.escape_ascii()))
        }
        fn bytearray(&mut self, bytes: &[u8]) -> Built {
            Ok(format!("bytearray'{}'", bytes.escape_ascii()))
        }
        fn tuple(&mut self, items: Items<'_, String>) -> Built {
            Ok(format!("({})", all(items)))
        }
        fn list(&mut self, items: Items<'_, String>) -> Built {
            Ok(format!("[{}]", all(items)))
        }
        fn dict(&mut self, items: Items<'_, String>) -> Built {
            Ok(format!("{{{}}}", all(items)))
        }
        fn frozenset(&mut self, items: Items<'_, String>) -> Built {
            Ok(format!("frozenset({})", all(items)))
        }
        fn append(&mut self, list: &String, item: String) -> Result<(), String> {
            self.discarded.push(format!("{list}+{item}"));
            Ok(())
        }
        fn extend(&mut self, list: &String, items: Items<'_, String>) -> Result<(), String> {
            self.append(list, all(items))
        }
        fn set_item(&mut self, dict: &String, key: String, value: String) -> Result<(), String> {
            self.append(dict, format!("{key},{value}"))
        }
        fn set_items(&mut self, dict: &String, items: Items<'_, String>) -> Result<(), String> {
            self.append(dict, all(items))
        }
        fn add_items(&mut self, set: &String, items: Items<'_, String>) -> Result<(), String> {
            self.append(set, all(items))
        }
        fn global(&mut self, module: &[u8], name: &[u8]) -> Built {
            if name == b"missing" {
                return Err("no such name".to_owned());
            }
            Ok(format!("{}.{}", module.escape_ascii(), name.escape_ascii()))
        }
        fn inst(&mut self, module: &[u8], name: &[u8], args: Items<'_, String>) -> Built {
            Ok(format!("{}.{}({})", module.escape_ascii(), name.escape_ascii(), all(args)))
        }
        fn obj(&mut self, class: String, args: Items<'_, String>) -> Built {
            Ok(format!("{class}({})", all(args)))
        }
        fn build(&mut self, object: &String, state: String) -> Result<(), String> {
            self.append(object, state)
        }
        fn persistent_id(&mut self, id: &[u8]) -> Built {
            Ok(format!("pid({})", id.escape_ascii()))
        }
        fn discard(&mut self, value: String) {
            self.discarded.push(format!("-{value}"));
        }
    }

    /// The value, and the changes and discards on the way.
    fn run(input: &[u8]) -> String {
        let mut machine = Machine::new(Told::default());
        match machine.run(input) {
            Ok((value, length)) => {
                assert!(input[..length].ends_with(b"."));
                let discarded = machine.into_builder().discarded.join(" ");
                [value, discarded].join(" ").trim_end().to_owned()
            }
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn each_opcode_does_what_its_name_says() {
        for (input, expected) in [
            (&b"N."[..], "None"),
            (b"\x88\x89\x86.", "(true,false)"),
            (b"(I01\nI-7\nL12345678901234567890L\nJ\xff\xff\xff\xffM\x01\x01K\x05t.", {
                "(true,-7,long[210, 10, 31, 235, 140, 169, 84, 171, 0],-1,257,5)"
            }),
            (b"\x8a\x02\x00\xff\x8a\x00\x8b\x09\0\0\0aaaaaaaaa\x87.", "(-256,0,long[97, 97, 97, 97, 97, 97, 97, 97, 97])"),
            (b"F1.5\nG\xbf\xf0\0\0\0\0\0\0\x86.", "(1.5,-1.0)"),
            (b"(Va\\u00e9\nX\x01\0\0\0bt.", "(\"a\u{e9}\",\"b\")"),
            (b"(S'a\\n'\nU\x01bT\x01\0\0\0ct.", "(s'a\\n',s'b',s'c')"),
            (b"(C\x01aB\x01\0\0\0b\x96\x01\0\0\0\0\0\0\0ct.", "(b'a',b'b',bytearray'c')"),
            (b"\x97\x98.", "readonly(buffer)"),
            (b"](K\x01K\x02e.", "[] []+1,2"),
            (b"](e.", "[]"),
            (b"]K\x01a.", "[] []+1"),
            (b"(K\x01l.", "[1]"),
            (b"}(K\x01K\x02u.", "{} {}+1,2"),
            (b"}K\x01K\x02s.", "{} {}+1,2"),
            (b"(K\x01K\x02d.", "{1,2}"),
            (b"\x8f(K\x01K\x02\x90.", "set() set()+1,2"),
            (b"(K\x01\x91.", "frozenset(1)"),
            (b")K\x01\x85\x86.", "((),(1))"),
            (b"K\x01K\x02K\x03K\x04\x87.", "(2,3,4) -1"),
            (b"K\x01K\x020.", "1 -2"),
            (b"K\x01(K\x02K\x031.", "1 -2 -3"),
            (b"K\x01(0.", "1"),
            (b"K\x012\x86.", "(1,1)"),
            (b"K\x01\x94p7\nq\x08r\x09\0\0\0N(g0\ng7\nh\x08j\x09\0\0\0t.", "(1,1,1,1) -1 -None"),
            (b"cos\npath.join\n.", "os.path.join"),
            (b"\x8c\x01a\x8c\x01b\x93.", "\"a\".\"b\""),
            (b"\x82\x01\x83\x00\x01\x84\0\0\0\x01\x87.", "(ext1,ext256,ext16777216)"),
            (b"ca\nf\n(K\x01tR.", "a.f(1)"),
            (b"ca\nC\n)\x81.", "new a.C()"),
            (b"ca\nC\n)}\x92.", "new a.C(){}"),
            (b"ca\nC\n)\x81}b.", "new a.C() new a.C()+{}"),
            (b"(K\x01ia\nC\n.", "a.C(1)"),
            (b"(ca\nC\nK\x01o.", "a.C(1)"),
            (b"Pmy id\n.", "pid(my id)"),
            (b"K\x01Q.", "pid(1)"),
            (b"\x80\x04\x95\x02\0\0\0\0\0\0\0N..", "None"),
            (b"(K\x01.", "1"),
        ] {
            assert_eq!(run(input), expected, "{}", input.escape_ascii());
        }
    }

    #[test]
    fn what_cpython_refuses_is_refused_in_its_words() {
        for (input, expected) in [
            (&b""[..], "Ran out of input (at byte 0)"),
            (b"N", "Ran out of input (at byte 1)"),
            (b"NK", "pickle data was truncated (BININT1 at byte 1)"),
            (b".", "unpickling stack underflow (STOP at byte 0)"),
            (b"(.", "unexpected MARK found (STOP at byte 1)"),
            (b"N(.", "unexpected MARK found (STOP at byte 2)"),
            (b"0", "unpickling stack underflow (POP at byte 0)"),
            (b"(K\x01000", "unpickling stack underflow (POP at byte 5)"),
            (b"t", "could not find MARK (TUPLE at byte 0)"),
            (b"ia", "could not find MARK (INST at byte 0)"),
            (b"(ia", "pickle data was truncated (INST at byte 1)"),
            (b"(ia\n\n", "pickle data was truncated (INST at byte 1)"),
            (b"(o", "unpickling stack underflow (OBJ at byte 1)"),
            (b"(K\x01d", "odd number of items for DICT (DICT at byte 3)"),
            (b"}(K\x01u", "odd number of items for SETITEMS (SETITEMS at byte 4)"),
            (b"K\x01a", "unpickling stack underflow (APPEND at byte 2)"),
            (b"](K\x01a", "unexpected MARK found (APPEND at byte 4)"),
            (b"(e", "unpickling stack underflow (APPENDS at byte 1)"),
            (b"((e", "unexpected MARK found (APPENDS at byte 2)"),
            (b"}K\x01(K\x02s", "unexpected MARK found (SETITEM at byte 6)"),
            (b"K\x01(K\x01b", "unexpected MARK found (BUILD at byte 5)"),
            (b"K\x01(\x85", "unexpected MARK found (TUPLE1 at byte 3)"),
            (b"K\x01(\x94", "unexpected MARK found (MEMOIZE at byte 3)"),
            (b"p1\n", "unpickling stack underflow (PUT at byte 0)"),
            (b"Np-1\n", "negative PUT argument (PUT at byte 1)"),
            (b"Npx\n", "invalid literal for int() with base 10: 'x\\n' (PUT at byte 1)"),
            (b"g-1\n", "Memo value not found at index -1 (GET at byte 0)"),
            (b"Nq\x01h\x02", "Memo value not found at index 2 (BINGET at byte 3)"),
            (b"j\xff\xff\xff\xff", "Memo value not found at index 4294967295 (LONG_BINGET at byte 0)"),
            (b"\x80\x06", "unsupported pickle protocol: 6 (PROTO at byte 0)"),
            (b"\x95\x02\0\0\0\0\0\0\0.", "pickle exhausted before end of frame (FRAME at byte 0)"),
            (b"\x82\0", "EXT specifies code <= 0 (EXT1 at byte 0)"),
            (b"\x84\xff\xff\xff\xff", "EXT specifies code <= 0 (EXT4 at byte 0)"),
            (b"c\nx\n", "pickle data was truncated (GLOBAL at byte 0)"),
            (b"Ncos\nmissing\n.", "no such name (GLOBAL at byte 1)"),
        ] {
            assert_eq!(run(input), expected, "{}", input.escape_ascii());
        }
    }

    #[test]
    fn the_memo_lives_on_until_it_is_cleared() {
        let mut machine = Machine::new(Told::default());
        assert_eq!(machine.run(b"K\x07q\x00.K\x08.").unwrap(), ("7".to_owned(), 5));
        assert_eq!(machine.run(b"h\x00.").unwrap().0, "7");
        machine.clear_memo();
        assert!(machine.run(b"h\x00.").is_err());
    }

    #[test]
    fn a_run_that_failed_leaves_nothing_to_the_next() {
        let mut machine = Machine::new(Told::default());
        assert!(machine.run(b"K\x01(K\x02t\x00").is_err());
        assert_eq!(machine.run(b".").unwrap_err().to_string(), "unpickling stack underflow (STOP at byte 0)");
    }

    #[test]
    fn steps_do_what_a_run_does() {
        let mut machine = Machine::new(Told::default());
        let values = ops(b"K\x01K\x02\x86.").map(|(offset, op)| machine.step(offset as u64, &op).unwrap());
        assert_eq!(values.last().unwrap().as_deref(), Some("(1,2)"));
    }

    fn ops(input: &[u8]) -> impl Iterator<Item = (usize, Op<'_>)> {
        crate::Ops::new(input).map(|op| op.unwrap())
    }
}
