//! [`Walk`]: the way through an arena, and what objects are on it.

use std::borrow::Cow;

use pickle_opcodes::{GlobalName, Op};

use super::{
    arena::{Arena, Kind, Made, Place, Value},
    builder::op_at,
    class::Class,
    options::Options,
    seen::{self, Seen, opcode_at},
};
use crate::{Error, ErrorKind};

/// The way through what a pickle makes, with what is left of the limits.
pub(super) struct Walk<'de, 's> {
    pub(super) pickle: &'de [u8],
    pub(super) arena: &'s Arena,
    pub(super) options: &'s Options,
    /// The out-of-band buffers, if any were given.
    pub(super) buffers: Option<&'s [&'de [u8]]>,
    /// How much may still be handed over.
    pub(super) left: u64,
    /// The containers and objects that are being read, the outermost first.
    pub(super) path: Vec<Value>,
    /// What the class of the last object is; often, the next one is of the same.
    last_class: Option<(Value, Class)>,
}

/// How many characters of a key a path has.
const LONG_KEY: usize = 40;

/// What levels of nesting are limited by.
const NESTING: &str = "levels of nesting (see `Deserializer::max_depth`)";

pub(super) type Found<T> = Result<T, Box<ErrorKind>>;

/// What is found where an object is looked at.
pub(super) enum Look<'de, 's> {
    Seen(Seen<'de, 's>),
    /// Another value stands for it.
    Value(Value),
}

impl<'de, 's> Walk<'de, 's> {
    pub(super) fn new(
        pickle: &'de [u8],
        arena: &'s Arena,
        options: &'s Options,
        buffers: Option<&'s [&'de [u8]]>,
    ) -> Walk<'de, 's> {
        let left = options.expansion(pickle.len());
        Walk { pickle, arena, options, buffers, left, path: Vec::new(), last_class: None }
    }

    /// An error, with the op that made the value that it is about.
    #[cold]
    #[inline(never)]
    #[expect(clippy::boxed_local, reason = "it comes in a box")]
    pub(super) fn error(&self, kind: Box<ErrorKind>, value: Value) -> Error {
        self.locate(Error::unlocated(*kind), value)
    }

    /// The error with the op that made the value that it is about, unless it has one.
    #[cold]
    #[inline(never)]
    pub(super) fn locate(&self, error: Error, value: Value) -> Error {
        let offset = self.arena.offset(value);
        error.or_at(offset, opcode_at(self.pickle, offset))
    }

    /// The step of a path to what a dict has under a key.
    #[cold]
    #[inline(never)]
    pub(super) fn step_by_key(&self, key: Value) -> String {
        let text = self.text_of_key(key);
        let is_name = |text: &str| {
            let mut chars = text.chars();
            chars.next().is_some_and(|first| first.is_alphabetic() || first == '_')
                && chars.all(|c| c.is_alphanumeric() || c == '_')
        };
        if is_name(&text) { format!(".{text}") } else { format!("[{text}]") }
    }

    /// A key as a path has it: names as they are, other text in quotes, and not all of what is long.
    #[cold]
    #[inline(never)]
    pub(super) fn text_of_key(&self, key: Value) -> String {
        let Place::Op(offset) = self.arena.place(key) else { return "...".to_owned() };
        match seen::scalar(self.pickle, offset, self.options) {
            Ok(Seen::Str(text)) if text.chars().all(|c| c.is_alphanumeric() || c == '_') && text.len() <= LONG_KEY => {
                text.into_owned()
            }
            Ok(Seen::Str(text)) => match text.char_indices().nth(LONG_KEY) {
                Some((end, _)) => format!("{:?}...", &text[..end]),
                None => format!("{text:?}"),
            },
            Ok(Seen::Int(value)) => value.to_string(),
            Ok(Seen::Float(value)) => value.to_string(),
            Ok(Seen::Bool(value)) => if value { "True" } else { "False" }.to_owned(),
            Ok(Seen::None) => "None".to_owned(),
            _ => "...".to_owned(),
        }
    }

    /// Begins to read what a value holds.
    #[inline]
    pub(super) fn enter(&mut self, value: Value) -> Result<(), Error> {
        if self.path.len() >= self.options.max_depth {
            return Err(self.too_deep(value));
        }
        self.path.push(value);
        Ok(())
    }

    /// Ends reading what the last value holds that was entered.
    #[inline]
    pub(super) fn leave(&mut self) {
        self.path.pop();
    }

    #[cold]
    fn too_deep(&self, value: Value) -> Error {
        let kind = match self.path.contains(&value) {
            true => ErrorKind::Cycle,
            false => ErrorKind::Limit { what: NESTING, limit: self.options.max_depth as u64 },
        };
        self.error(kind.into(), value)
    }

    #[inline]
    pub(super) fn spend(&mut self, amount: usize) -> Found<()> {
        match self.left.checked_sub(amount as u64) {
            Some(left) => {
                self.left = left;
                Ok(())
            }
            None => Err(self.expanded()),
        }
    }

    #[cold]
    fn expanded(&self) -> Box<ErrorKind> {
        let limit = self.options.expansion(self.pickle.len());
        ErrorKind::Limit {
            what: "values and bytes, shared ones counted wherever they are held (see `Deserializer::max_expansion`)",
            limit,
        }
        .into()
    }

    /// What a value is. An object that is known by its only argument is [`Seen::Args`] of that.
    #[inline]
    pub(super) fn look(&mut self, value: Value) -> Result<Seen<'de, 's>, Error> {
        let seen = match self.arena.place(value) {
            Place::Op(offset) => self.scalar(offset),
            Place::Node(_) => self.look_at_node(value),
        };
        seen.map_err(|kind| self.error(kind, value))
    }

    /// What a value is, where the only argument of an object stands for the object; and the value that is seen then.
    #[inline]
    pub(super) fn look_through(&mut self, value: Value) -> Result<(Value, Seen<'de, 's>), Error> {
        match self.look(value)? {
            Seen::Args(&[arg]) => self.look_through_args(arg),
            seen => Ok((value, seen)),
        }
    }

    #[inline(never)]
    fn look_through_args(&mut self, arg: Value) -> Result<(Value, Seen<'de, 's>), Error> {
        let mut value = arg;
        let mut steps = 0;
        loop {
            match self.look(value)? {
                Seen::Args(&[arg]) => value = arg,
                seen => return Ok((value, seen)),
            }
            steps += 1;
            if steps > self.options.max_depth {
                return Err(self.too_deep(value));
            }
        }
    }

    #[inline]
    pub(super) fn scalar(&mut self, offset: usize) -> Found<Seen<'de, 's>> {
        let seen = seen::scalar(self.pickle, offset, self.options)?;
        let bytes = match &seen {
            Seen::Str(text) => text.len(),
            Seen::Surrogates(bytes) | Seen::Bytes(bytes) | Seen::Long(bytes) => bytes.len(),
            _ => 0,
        };
        self.spend(1 + bytes)?;
        Ok(seen)
    }

    #[inline]
    fn look_at_node(&mut self, value: Value) -> Found<Seen<'de, 's>> {
        let arena = self.arena;
        self.spend(1)?;
        let Some(node) = arena.node(value) else { return Ok(Seen::Empty) };
        Ok(match node.kind {
            Kind::List | Kind::Tuple | Kind::Set | Kind::FrozenSet => Seen::Seq(arena.items(node)),
            Kind::Dict => Seen::Map(arena.items(node), &[]),
            Kind::Global | Kind::Buffer | Kind::Object => return self.look_at_object(value),
        })
    }

    #[inline(never)]
    fn look_at_object(&mut self, value: Value) -> Found<Seen<'de, 's>> {
        let arena = self.arena;
        let mut value = value;
        // Twice as many as there may be, so that a ring of that many is found to be one.
        let mut met = value;
        for step in 0..=2 * self.options.max_depth {
            let Some(node) = arena.node(value) else {
                return match arena.place(value) {
                    Place::Op(offset) => self.scalar(offset),
                    Place::Node(_) => Ok(Seen::Empty),
                };
            };
            let look = match node.kind {
                Kind::Object => self.object(&arena.objects[node.index()])?,
                Kind::Global => Look::Seen(self.global(arena.items(node))?),
                Kind::Buffer => Look::Seen(self.buffer(node.index())?),
                Kind::List | Kind::Tuple | Kind::Set | Kind::FrozenSet => Look::Seen(Seen::Seq(arena.items(node))),
                Kind::Dict => Look::Seen(Seen::Map(arena.items(node), &[])),
            };
            match look {
                Look::Seen(seen) => return Ok(seen),
                Look::Value(other) if other == met => return Err(ErrorKind::Cycle.into()),
                Look::Value(other) => value = other,
            }
            if step == self.options.max_depth {
                met = value;
            }
            self.spend(1)?;
        }
        Err(ErrorKind::Limit { what: NESTING, limit: self.options.max_depth as u64 }.into())
    }

    fn buffer(&mut self, index: usize) -> Found<Seen<'de, 's>> {
        let buffers = self.buffers.ok_or(ErrorKind::NoBuffers)?;
        let buffer = *buffers.get(index).ok_or(ErrorKind::NotEnoughBuffers)?;
        Ok(Seen::Bytes(Cow::Borrowed(buffer)))
    }

    fn global(&mut self, names: &'s [Value]) -> Found<Seen<'de, 's>> {
        let mut text = String::new();
        for &name in names {
            let Place::Op(offset) = self.arena.place(name) else { continue };
            let Seen::Str(name) = self.scalar(offset)? else { return Err(ErrorKind::StackGlobalRequiresStr.into()) };
            if !text.is_empty() {
                text.push('.');
            }
            text.push_str(&name);
        }
        Ok(Seen::Str(Cow::Owned(text)))
    }

    /// The items of a tuple.
    pub(super) fn tuple(&self, value: Value) -> &'s [Value] {
        let arena = self.arena;
        match arena.node(value) {
            Some(node) if node.kind == Kind::Tuple => arena.items(node),
            _ => &[],
        }
    }

    pub(super) fn is_none(&self, value: Value) -> bool {
        match self.arena.place(value) {
            Place::Op(offset) => matches!(op_at(self.pickle, offset), Some(Op::None)),
            Place::Node(_) => false,
        }
    }

    pub(super) fn is_tuple(&self, value: Value) -> bool {
        match self.arena.place(value) {
            Place::Op(offset) => matches!(op_at(self.pickle, offset), Some(Op::EmptyTuple)),
            Place::Node(index) => self.arena.nodes[index].kind == Kind::Tuple,
        }
    }

    /// The module and name of a global.
    fn names(&self, global: Value) -> Option<(&'de [u8], &'de [u8])> {
        match self.arena.place(global) {
            Place::Op(offset) => match op_at(self.pickle, offset)? {
                Op::Global(GlobalName { module, name }) | Op::Inst(GlobalName { module, name }) => Some((module, name)),
                _ => None,
            },
            Place::Node(index) => {
                let node = &self.arena.nodes[index];
                let &[module, name] = self.arena.items(node) else { return None };
                if node.kind != Kind::Global {
                    return None;
                }
                Some((self.plain_text(module)?, self.plain_text(name)?))
            }
        }
    }

    pub(super) fn plain_text(&self, text: Value) -> Option<&'de [u8]> {
        let Place::Op(offset) = self.arena.place(text) else { return None };
        match op_at(self.pickle, offset)? {
            Op::ShortBinUnicode(text) | Op::BinUnicode(text) | Op::BinUnicode8(text) | Op::Unicode(text) => Some(text),
            Op::ShortBinString(text) | Op::BinString(text) => Some(text),
            _ => None,
        }
    }

    pub(super) fn class(&mut self, callable: Value) -> Class {
        match self.last_class {
            Some((last, class)) if last == callable => class,
            _ => {
                let class = self.names(callable).map_or(Class::Other, |(module, name)| Class::of(module, name));
                self.last_class = Some((callable, class));
                class
            }
        }
    }

    /// The name of the class of an object that is of no class known here, without its module and without what it is nested in.
    pub(super) fn class_name(&mut self, value: Value) -> Option<&'de str> {
        let arena = self.arena;
        let node = arena.node(value).filter(|node| node.kind == Kind::Object)?;
        let object = &arena.objects[node.index()];
        let class = match self.class(object.callable) {
            Class::Other => object.callable,
            Class::Reconstructor | Class::NewObj | Class::NewObjEx => *self.tuple(object.args).first()?,
            _ => return None,
        };
        let (_, name) = self.names(class)?;
        std::str::from_utf8(name.rsplit(|&byte| byte == b'.').next()?).ok()
    }

    /// Whether an object was made by a class's `__new__`, with its arguments as they are.
    pub(super) fn is_new(&self, value: Value) -> bool {
        self.arena.node(value).is_some_and(|node| node.kind == Kind::Object && self.arena.objects[node.index()].made == Made::New)
    }
}
