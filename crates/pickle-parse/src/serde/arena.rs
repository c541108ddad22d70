//! [`Arena`]: what a pickle makes, as the places in it where things stand.

use std::num::NonZeroU32;

use crate::ErrorKind;

/// An object: a scalar by the offset of the op that writes it, anything else by its node.
///
/// Scalars are not decoded before they are wanted, so that four bytes hold any of them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Value(NonZeroU32);

/// Where the object of a [`Value`] is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Place {
    /// Written by the op at this offset.
    Op(usize),
    /// In [`Arena::nodes`].
    Node(usize),
}

/// Set in values that are no offset.
const NOT_OFFSET: u32 = 1 << 31;
/// Set, beside [`NOT_OFFSET`], in indexes of [`Arena::far`].
const FAR: u32 = 1 << 30;
/// How many nodes there can be, and how many offsets too far for a value.
const MAX_INDEX: usize = FAR as usize - 1;

impl Value {
    /// Inverted, so that it is not zero for any but the one index that is left out.
    #[inline]
    const fn new(raw: u32) -> Value {
        match NonZeroU32::new(!raw) {
            Some(raw) => Value(raw),
            None => Value(NonZeroU32::MAX),
        }
    }

    #[inline]
    const fn raw(self) -> u32 {
        !self.0.get()
    }
}

/// What a node is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    List,
    Tuple,
    Dict,
    Set,
    FrozenSet,
    /// The items are the module and the name.
    Global,
    /// The length is which of the out-of-band buffers.
    Buffer,
    /// The start is an index of [`Arena::objects`].
    Object,
}

/// A range of [`Arena::items`] that can grow.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Span {
    start: u32,
    len: u32,
    /// Whether it has moved, and so has room for a power of two of items.
    moved: bool,
}

/// Anything that is not a scalar.
#[derive(Clone, Copy, Debug)]
pub(super) struct Node {
    pub(super) kind: Kind,
    moved: bool,
    /// The offset of the op that made it, in two parts.
    offset_high: u16,
    offset_low: u32,
    start: u32,
    len: u32,
}

const _: () = assert!(size_of::<Node>() == 16);
const _: () = assert!(size_of::<Option<Value>>() == 4);

impl Node {
    #[inline]
    pub(super) fn offset(&self) -> u64 {
        u64::from(self.offset_high) << 32 | u64::from(self.offset_low)
    }

    /// Which buffer, of a [`Kind::Buffer`]; which object, of a [`Kind::Object`].
    #[inline]
    pub(super) fn index(&self) -> usize {
        self.start as usize
    }

    #[inline]
    fn span(&self) -> Span {
        Span { start: self.start, len: self.len, moved: self.moved }
    }
}

/// How an object was made.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Made {
    /// By a call: `REDUCE`.
    Reduce,
    /// By a class's `__new__`, or as an instance of Python 2: `NEWOBJ`, `NEWOBJ_EX`, `INST`, `OBJ`.
    New,
}

/// An object that is made by a call, and what was done to it afterwards.
#[derive(Clone, Copy, Debug)]
pub(super) struct Object {
    pub(super) made: Made,
    /// What is called: the class, or a function.
    pub(super) callable: Value,
    /// The tuple of arguments.
    pub(super) args: Value,
    /// The dict of keyword arguments.
    pub(super) kwargs: Option<Value>,
    /// The state given last.
    pub(super) state: Option<Value>,
    /// Items appended or added.
    pub(super) appended: Span,
    /// Keys and values set, alternating.
    pub(super) set: Span,
}

/// What a pickle makes.
#[derive(Debug, Default)]
pub(super) struct Arena {
    pub(super) nodes: Vec<Node>,
    pub(super) objects: Vec<Object>,
    /// The items of all containers.
    items: Vec<Value>,
    /// Offsets that are too large for a value.
    far: Vec<u64>,
}

#[cold]
fn full() -> Box<ErrorKind> {
    ErrorKind::Limit { what: "containers and objects", limit: MAX_INDEX as u64 }.into()
}

type Built = Result<Value, Box<ErrorKind>>;

impl Arena {
    /// How much memory it takes, in bytes, but for what objects have in memory of their own.
    pub(super) fn memory(&self) -> usize {
        self.nodes.capacity() * size_of::<Node>()
            + self.objects.capacity() * size_of::<Object>()
            + self.items.capacity() * size_of::<Value>()
            + self.far.capacity() * size_of::<u64>()
    }

    /// Where the object of a value is.
    #[inline]
    pub(super) fn place(&self, value: Value) -> Place {
        let raw = value.raw();
        if raw & NOT_OFFSET == 0 {
            Place::Op(raw as usize)
        } else if raw & FAR == 0 {
            Place::Node((raw & !NOT_OFFSET) as usize)
        } else {
            Place::Op(self.far[(raw & !(NOT_OFFSET | FAR)) as usize] as usize)
        }
    }

    /// Which op made an object.
    pub(super) fn offset(&self, value: Value) -> u64 {
        match self.place(value) {
            Place::Op(offset) => offset as u64,
            Place::Node(index) => self.nodes[index].offset(),
        }
    }

    /// The node of an object that is no scalar.
    #[inline]
    pub(super) fn node(&self, value: Value) -> Option<&Node> {
        match self.place(value) {
            Place::Op(_) => None,
            Place::Node(index) => Some(&self.nodes[index]),
        }
    }

    #[inline]
    pub(super) fn items(&self, node: &Node) -> &[Value] {
        self.range(node.span())
    }

    #[inline]
    pub(super) fn range(&self, span: Span) -> &[Value] {
        &self.items[span.start as usize..][..span.len as usize]
    }

    /// The scalar that the op at `offset` writes.
    #[inline]
    pub(super) fn scalar(&mut self, offset: u64) -> Built {
        match u32::try_from(offset) {
            Ok(offset) if offset < NOT_OFFSET => Ok(Value::new(offset)),
            _ => self.far_scalar(offset),
        }
    }

    #[cold]
    fn far_scalar(&mut self, offset: u64) -> Built {
        if self.far.len() >= MAX_INDEX {
            return Err(ErrorKind::Limit { what: "scalars behind 2 GiB", limit: MAX_INDEX as u64 }.into());
        }
        self.far.push(offset);
        Ok(Value::new(NOT_OFFSET | FAR | (self.far.len() - 1) as u32))
    }

    /// Puts a container in that the op at `offset` makes.
    #[inline]
    pub(super) fn container(&mut self, kind: Kind, offset: u64, items: &[Value]) -> Built {
        let mut span = Span::default();
        self.extend(&mut span, items)?;
        self.push(kind, offset, span.start, span.len)
    }

    /// Puts an out-of-band buffer in.
    pub(super) fn buffer(&mut self, offset: u64, index: u32) -> Built {
        self.push(Kind::Buffer, offset, index, 0)
    }

    /// Puts an object in that the op at `offset` makes.
    pub(super) fn object(&mut self, offset: u64, made: Made, callable: Value, args: Value, kwargs: Option<Value>) -> Built {
        let (appended, set) = (Span::default(), Span::default());
        self.objects.push(Object { made, callable, args, kwargs, state: None, appended, set });
        // As many at most as there are nodes.
        self.push(Kind::Object, offset, (self.objects.len() - 1) as u32, 0)
    }

    #[inline]
    fn push(&mut self, kind: Kind, offset: u64, start: u32, len: u32) -> Built {
        let index = self.nodes.len();
        if index >= MAX_INDEX {
            return Err(full());
        }
        // 256 TiB is more than any slice has.
        let (offset_high, offset_low) = ((offset >> 32) as u16, offset as u32);
        self.nodes.push(Node { kind, moved: false, offset_high, offset_low, start, len });
        Ok(Value::new(NOT_OFFSET | index as u32))
    }

    /// Adds items to a container.
    #[inline]
    pub(super) fn extend_node(&mut self, index: usize, items: &[Value]) -> Result<(), Box<ErrorKind>> {
        let mut span = self.nodes[index].span();
        self.extend(&mut span, items)?;
        let node = &mut self.nodes[index];
        (node.start, node.len, node.moved) = (span.start, span.len, span.moved);
        Ok(())
    }

    /// Adds items to an object, as a list or a set has them.
    pub(super) fn append_to_object(&mut self, index: usize, items: &[Value]) -> Result<(), Box<ErrorKind>> {
        let mut span = self.objects[index].appended;
        self.extend(&mut span, items)?;
        self.objects[index].appended = span;
        Ok(())
    }

    /// Adds keys and values to an object, as a dict has them.
    pub(super) fn set_in_object(&mut self, index: usize, items: &[Value]) -> Result<(), Box<ErrorKind>> {
        let mut span = self.objects[index].set;
        self.extend(&mut span, items)?;
        self.objects[index].set = span;
        Ok(())
    }

    /// Adds items to the end of a range, which moves where there is no room behind it.
    #[inline]
    fn extend(&mut self, span: &mut Span, items: &[Value]) -> Result<(), Box<ErrorKind>> {
        // A range that moves takes up to twice its size, and what it needs.
        let most = self.items.len() as u64 + 2 * (u64::from(span.len) + items.len() as u64);
        if most >= u64::from(u32::MAX) {
            return Err(ErrorKind::Limit { what: "items", limit: u64::from(u32::MAX) }.into());
        }
        if span.len == 0 {
            span.start = self.items.len() as u32;
        }
        let end = (span.start + span.len) as usize;
        if end == self.items.len() && !span.moved {
            self.items.extend_from_slice(items);
        } else {
            self.extend_elsewhere(span, items);
        }
        span.len += items.len() as u32;
        Ok(())
    }

    #[cold]
    fn extend_elsewhere(&mut self, span: &mut Span, items: &[Value]) {
        let from = span.start as usize..(span.start + span.len) as usize;
        let room = if span.moved { from.len().next_power_of_two() } else { from.len() };
        let len = from.len() + items.len();
        if len > room {
            let start = self.items.len();
            self.items.reserve(len.next_power_of_two());
            self.items.extend_from_within(from);
            self.items.resize(start + len.next_power_of_two(), Value::new(0));
            *span = Span { start: start as u32, len: span.len, moved: true };
        }
        let end = (span.start + span.len) as usize;
        self.items[end..end + items.len()].copy_from_slice(items);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(range: std::ops::Range<u64>) -> Vec<Value> {
        let mut arena = Arena::default();
        range.map(|offset| arena.scalar(offset).unwrap()).collect()
    }

    #[test]
    fn values_tell_where_they_are() {
        let mut arena = Arena::default();
        let near = [0, 1, (1 << 31) - 1].map(|offset| (offset, arena.scalar(offset).unwrap()));
        let far = [1 << 31, u64::from(u32::MAX), 1 << 40].map(|offset| (offset, arena.scalar(offset).unwrap()));
        for (offset, value) in near.into_iter().chain(far) {
            assert_eq!(arena.place(value), Place::Op(offset as usize));
        }
        let list = arena.container(Kind::List, (1 << 40) + 5, &[near[0].1]).unwrap();
        assert_eq!(arena.place(list), Place::Node(0));
        assert_eq!(arena.offset(list), (1 << 40) + 5);
    }

    #[test]
    fn containers_grow_side_by_side_without_touching_each_other() {
        let mut arena = Arena::default();
        let mut expected = [Vec::new(), Vec::new(), Vec::new()];
        for _ in 0..3 {
            arena.container(Kind::List, 0, &[]).unwrap();
        }
        for round in 0..400 {
            let which = [0, 1, 0, 2, 2][round % 5];
            let more = values(round as u64 * 10..round as u64 * 10 + [0, 1, 3, 7, 16][round % 4]);
            arena.extend_node(which, &more).unwrap();
            expected[which].extend(more);
            for (node, expected) in arena.nodes.iter().zip(&expected) {
                assert_eq!(arena.items(node), expected);
            }
        }
    }

    #[test]
    fn appending_one_by_one_in_turns_costs_a_small_multiple() {
        let mut arena = Arena::default();
        for _ in 0..10 {
            arena.container(Kind::List, 0, &[]).unwrap();
        }
        for round in 0..10_000 {
            arena.extend_node(round % 10, &values(0..1)).unwrap();
        }
        assert!(arena.items.len() < 50_000, "{}", arena.items.len());
    }
}
