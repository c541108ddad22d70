//! [`ArenaBuilder`]: the machine's builder that notes where things stand.

use std::borrow::Cow;

use pickle_opcodes::{Op, Opcode, Protocol};

use super::arena::{Arena, Kind, Made, Place, Value};
use crate::{Builder, ErrorKind, Items, arg, op::op, refusal};

/// Fills an [`Arena`].
pub(super) struct ArenaBuilder<'p> {
    pickle: &'p [u8],
    arena: Arena,
    /// Of the op that is executed.
    offset: u64,
    /// How many out-of-band buffers were used.
    buffers: u32,
    protocol: Protocol,
}

// Boxed, so that results come back in registers.
type Built = Result<Value, Box<ErrorKind>>;
type Done = Result<(), Box<ErrorKind>>;

impl<'p> ArenaBuilder<'p> {
    pub(super) fn new(pickle: &'p [u8]) -> Self {
        ArenaBuilder { pickle, arena: Arena::default(), offset: 0, buffers: 0, protocol: Protocol::V0 }
    }

    pub(super) fn into_arena(self) -> Arena {
        self.arena
    }

    #[inline]
    fn here(&mut self) -> Built {
        self.arena.scalar(self.offset)
    }

    #[inline]
    fn container(&mut self, kind: Kind, items: &[Value]) -> Built {
        self.arena.container(kind, self.offset, items)
    }

    fn object(&mut self, made: Made, callable: Value, args: Value, kwargs: Option<Value>) -> Built {
        self.arena.object(self.offset, made, callable, args, kwargs)
    }

    /// The opcode that wrote a scalar.
    fn opcode(&self, offset: usize) -> Option<Opcode> {
        self.pickle.get(offset).and_then(|&byte| Opcode::from_byte(byte))
    }

    /// The type of an object that is sure to be of a built-in type.
    #[cold]
    #[inline(never)]
    fn python_type(&self, value: Value) -> Option<&'static str> {
        let offset = match self.arena.place(value) {
            Place::Op(offset) => offset,
            Place::Node(index) => {
                return match self.arena.nodes[index].kind {
                    Kind::List => Some("list"),
                    Kind::Tuple => Some("tuple"),
                    Kind::Dict => Some("dict"),
                    Kind::Set => Some("set"),
                    Kind::FrozenSet => Some("frozenset"),
                    Kind::Global | Kind::Buffer | Kind::Object => None,
                };
            }
        };
        use Opcode as O;
        match self.opcode(offset)? {
            O::None => Some("NoneType"),
            O::NewTrue | O::NewFalse => Some("bool"),
            O::Int => match self.pickle.get(offset + 1..offset + 4) {
                Some(b"00\n" | b"01\n") => Some("bool"),
                _ => Some("int"),
            },
            O::BinInt | O::BinInt1 | O::BinInt2 | O::Long | O::Long1 | O::Long4 => Some("int"),
            O::Float | O::BinFloat => Some("float"),
            O::String | O::BinString | O::ShortBinString => Some("str"),
            O::Unicode | O::ShortBinUnicode | O::BinUnicode | O::BinUnicode8 => Some("str"),
            O::BinBytes | O::ShortBinBytes | O::BinBytes8 => Some("bytes"),
            O::ByteArray8 => Some("bytearray"),
            O::EmptyTuple => Some("tuple"),
            _ => None,
        }
    }

    fn is_tuple(&self, value: Value) -> bool {
        match self.arena.place(value) {
            Place::Op(offset) => self.opcode(offset) == Some(Opcode::EmptyTuple),
            Place::Node(index) => self.arena.nodes[index].kind == Kind::Tuple,
        }
    }

    /// Whether a value is a `str`, of Python 2 or 3.
    fn is_str(&self, value: Value) -> bool {
        let Place::Op(offset) = self.arena.place(value) else { return false };
        matches!(
            self.opcode(offset),
            Some(
                Opcode::Unicode
                    | Opcode::ShortBinUnicode
                    | Opcode::BinUnicode
                    | Opcode::BinUnicode8
                    | Opcode::String
                    | Opcode::BinString
                    | Opcode::ShortBinString
            )
        )
    }

    /// The items of a container of this type; none where it is something else.
    fn items_of(&self, type_name: &str, value: Value) -> &[Value] {
        match self.arena.node(value) {
            Some(node) if self.python_type(value) == Some(type_name) => self.arena.items(node),
            _ => &[],
        }
    }

    /// The text of a `str`, of Python 2 or 3.
    fn text(&self, value: Value) -> Option<Cow<'p, [u8]>> {
        let Place::Op(offset) = self.arena.place(value) else { return None };
        match op_at(self.pickle, offset)? {
            Op::ShortBinUnicode(text) | Op::BinUnicode(text) | Op::BinUnicode8(text) => Some(text.into()),
            Op::ShortBinString(text) | Op::BinString(text) => Some(text.into()),
            Op::Unicode(text) => arg::unicode(text).ok(),
            Op::String(text) => arg::string(text).ok(),
            _ => None,
        }
    }

    /// What of an object that only a running Python knows takes items or a state.
    #[cold]
    fn unknown(&self) -> Box<ErrorKind> {
        ErrorKind::Value("an object that is not in the pickle, only named there, cannot be added to".into()).into()
    }

    /// Adds items; what is neither an object nor a container of a kind says by `refuse` that it cannot.
    #[inline]
    fn add(&mut self, to: Value, items: &[Value], kinds: [Kind; 1], refuse: impl Fn(Option<&'static str>) -> Done) -> Done {
        if let Place::Node(index) = self.arena.place(to) {
            let node = &self.arena.nodes[index];
            if kinds.contains(&node.kind) {
                return self.arena.extend_node(index, items);
            }
            if node.kind == Kind::Object {
                let object = node.index();
                return match kinds {
                    [Kind::Dict] => self.arena.set_in_object(object, items),
                    _ => self.arena.append_to_object(object, items),
                };
            }
        }
        refuse(self.python_type(to))?;
        Err(self.unknown())
    }
}

impl Builder for ArenaBuilder<'_> {
    type Value = Value;
    type Error = Box<ErrorKind>;

    #[inline(always)]
    fn at(&mut self, offset: u64) {
        self.offset = offset;
    }

    fn memory(&self) -> usize {
        self.arena.memory()
    }

    fn proto(&mut self, version: u8) -> Done {
        self.protocol = Protocol::try_from(version).map_err(|_| ErrorKind::UnsupportedProtocol(version))?;
        Ok(())
    }

    #[inline]
    fn none(&mut self) -> Built {
        self.here()
    }

    #[inline]
    fn bool(&mut self, _: bool) -> Built {
        self.here()
    }

    #[inline]
    fn int(&mut self, _: i64) -> Built {
        self.here()
    }

    #[inline]
    fn long(&mut self, _: &[u8]) -> Built {
        self.here()
    }

    #[inline]
    fn float(&mut self, _: f64) -> Built {
        self.here()
    }

    #[inline]
    fn str(&mut self, _: &[u8]) -> Built {
        self.here()
    }

    #[inline]
    fn string(&mut self, _: &[u8]) -> Built {
        self.here()
    }

    #[inline]
    fn bytes(&mut self, _: &[u8]) -> Built {
        self.here()
    }

    #[inline]
    fn bytearray(&mut self, _: &[u8]) -> Built {
        self.here()
    }

    fn next_buffer(&mut self) -> Built {
        let index = self.buffers;
        self.buffers = index.checked_add(1).ok_or(ErrorKind::NotEnoughBuffers)?;
        self.arena.buffer(self.offset, index)
    }

    fn readonly_buffer(&mut self, buffer: Value) -> Built {
        match self.python_type(buffer) {
            Some("bytes" | "bytearray") => {}
            type_name => refusal::buffer(type_name)?,
        }
        Ok(buffer)
    }

    #[inline]
    fn empty_list(&mut self) -> Built {
        self.container(Kind::List, &[])
    }

    #[inline]
    fn empty_dict(&mut self) -> Built {
        self.container(Kind::Dict, &[])
    }

    #[inline]
    fn empty_set(&mut self) -> Built {
        self.container(Kind::Set, &[])
    }

    #[inline]
    fn empty_tuple(&mut self) -> Built {
        self.here()
    }

    #[inline]
    fn tuple(&mut self, items: Items<'_, Value>) -> Built {
        self.container(Kind::Tuple, items.as_slice())
    }

    #[inline]
    fn list(&mut self, items: Items<'_, Value>) -> Built {
        self.container(Kind::List, items.as_slice())
    }

    #[inline]
    fn dict(&mut self, items: Items<'_, Value>) -> Built {
        self.container(Kind::Dict, items.as_slice())
    }

    #[inline]
    fn frozenset(&mut self, items: Items<'_, Value>) -> Built {
        self.container(Kind::FrozenSet, items.as_slice())
    }

    #[inline]
    fn append(&mut self, list: &Value, item: Value) -> Done {
        self.add(*list, &[item], [Kind::List], refusal::append)
    }

    #[inline]
    fn extend(&mut self, list: &Value, items: Items<'_, Value>) -> Done {
        self.add(*list, items.as_slice(), [Kind::List], refusal::append)
    }

    #[inline]
    fn set_item(&mut self, dict: &Value, key: Value, value: Value) -> Done {
        self.add(*dict, &[key, value], [Kind::Dict], refusal::set_item)
    }

    #[inline]
    fn set_items(&mut self, dict: &Value, items: Items<'_, Value>) -> Done {
        self.add(*dict, items.as_slice(), [Kind::Dict], refusal::set_item)
    }

    #[inline]
    fn add_items(&mut self, set: &Value, items: Items<'_, Value>) -> Done {
        self.add(*set, items.as_slice(), [Kind::Set], refusal::add)
    }

    fn global(&mut self, _: &[u8], _: &[u8]) -> Built {
        self.here()
    }

    fn stack_global(&mut self, module: Value, name: Value) -> Built {
        if !self.is_str(module) || !self.is_str(name) {
            return Err(ErrorKind::StackGlobalRequiresStr.into());
        }
        self.container(Kind::Global, &[module, name])
    }

    fn extension(&mut self, _: i32) -> Built {
        self.here()
    }

    fn reduce(&mut self, callable: Value, args: Value) -> Built {
        if !self.is_tuple(args) {
            refusal::call_args(self.python_type(args))?;
        }
        refusal::call(self.python_type(callable))?;
        self.object(Made::Reduce, callable, args, None)
    }

    fn new_obj(&mut self, class: Value, args: Value) -> Built {
        refusal::class(self.python_type(class), Opcode::NewObj.name())?;
        if !self.is_tuple(args) {
            refusal::args(self.python_type(args), Opcode::NewObj.name())?;
        }
        self.object(Made::New, class, args, None)
    }

    fn new_obj_ex(&mut self, class: Value, args: Value, kwargs: Value) -> Built {
        refusal::class(self.python_type(class), Opcode::NewObjEx.name())?;
        if !self.is_tuple(args) {
            refusal::args(self.python_type(args), Opcode::NewObjEx.name())?;
        }
        match self.python_type(kwargs) {
            Some("dict") => {}
            type_name => refusal::kwargs(type_name)?,
        }
        self.object(Made::New, class, args, Some(kwargs))
    }

    fn inst(&mut self, _: &[u8], _: &[u8], args: Items<'_, Value>) -> Built {
        let class = self.here()?;
        let args = self.container(Kind::Tuple, args.as_slice())?;
        self.object(Made::New, class, args, None)
    }

    fn obj(&mut self, class: Value, args: Items<'_, Value>) -> Built {
        refusal::call(self.python_type(class))?;
        let args = self.container(Kind::Tuple, args.as_slice())?;
        self.object(Made::New, class, args, None)
    }

    fn build(&mut self, object: &Value, state: Value) -> Done {
        if let Some(node) = self.arena.node(*object)
            && node.kind == Kind::Object
        {
            let index = node.index();
            self.arena.objects[index].state = Some(state);
            return Ok(());
        }
        let Some(type_name) = self.python_type(*object) else { return Err(self.unknown()) };
        // A state that is not known is none that could be kept here.
        let state_type = |value| self.python_type(value).or(Some("object"));
        let (dict, slots) = match *self.items_of("tuple", state) {
            [dict, slots] => (dict, Some(slots)),
            _ => (state, None),
        };
        refusal::state(type_name, state_type(dict))?;
        let Some(slots) = slots else { return Ok(()) };
        match *self.items_of("dict", slots) {
            [key, ..] => match self.text(key) {
                Some(name) => refusal::slot(type_name, &String::from_utf8_lossy(&name)),
                None => refusal::slot_name(self.python_type(key)),
            },
            [] => refusal::slots(state_type(slots)),
        }
    }

    fn persistent_id(&mut self, id: &[u8]) -> Built {
        if !id.is_ascii() {
            return Err(ErrorKind::PersistentIdNotAscii.into());
        }
        self.here()
    }

    fn bin_persistent_id(&mut self, id: Value) -> Built {
        Ok(id)
    }
}

/// The op at an offset that the machine has been at.
#[inline]
pub(super) fn op_at(pickle: &[u8], offset: usize) -> Option<Op<'_>> {
    op(pickle.get(offset..)?).ok().map(|(_, op)| op)
}
