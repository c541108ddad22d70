//! What each opcode does.

use pickle_opcodes::{GlobalName, Op, Protocol};

use super::{Fault, Machine};
use crate::{
    Builder, ErrorKind, Items,
    arg::{self, Int},
    utf8,
};

/// Whether an op ended the pickle.
pub(super) enum Flow<V> {
    Next,
    Stop(V),
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
    /// Each arm is a call, since this is inlined once for each opcode, of which one arm is left then.
    #[inline(always)]
    pub(super) fn execute(&mut self, op: &Op<'_>) -> Result<Flow<B::Value>, Fault<B::Error>> {
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
        whole_name(global, utf8::strict)?;
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
        whole_name(class, utf8::ascii)?;
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

/// Checks that neither line is empty. CPython decodes the module before it reads the name.
#[inline]
fn whole_name(global: GlobalName<'_>, decode: fn(&[u8]) -> Result<&str, ErrorKind>) -> Result<(), ErrorKind> {
    if global.module.is_empty() {
        return Err(ErrorKind::Truncated);
    }
    if global.name.is_empty() {
        return Err(decode(global.module).err().unwrap_or(ErrorKind::Truncated));
    }
    Ok(())
}
