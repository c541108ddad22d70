//! What models are made of: texts, bytes, numbers, tuples of names and dicts of attributes, as graphs hold them.

use std::{borrow::Cow, fmt};

use pickle_graph::{Graph, Node, NodeId, Step, Str};

use crate::{Error, ErrorKind};

/// A dict whose keys are names, such as a function's globals or a class's attributes. It borrows from the graph; a copy costs
/// nothing.
#[derive(Clone, Copy)]
pub struct Attributes<'a> {
    graph: &'a Graph,
    id: NodeId,
    items: &'a [[NodeId; 2]],
}

impl<'a> Attributes<'a> {
    /// The dict, by which it can be edited, or `None`'s id where the pickle has no dict.
    #[must_use]
    pub fn id(self) -> NodeId {
        self.id
    }

    /// The value of a name: of the last item that has it, as in Python.
    #[must_use]
    pub fn get(self, name: &str) -> Option<NodeId> {
        self.items.iter().rev().find(|[key, _]| self.graph.node(*key).as_str() == Some(name)).map(|[_, value]| *value)
    }

    /// Names and values in the pickle's order. Keys that are no `str`, which only a forged pickle has, are left out;
    /// [`items`](Self::items) has them.
    pub fn iter(self) -> impl Iterator<Item = (Str<'a>, NodeId)> {
        self.items.iter().filter_map(move |[key, value]| Some((text(self.graph, *key)?, *value)))
    }

    /// The names in the pickle's order, as [`iter`](Self::iter) has them.
    pub fn names(self) -> impl Iterator<Item = Str<'a>> {
        self.iter().map(|(name, _)| name)
    }

    /// All keys and values, whatever they are.
    #[must_use]
    pub fn items(self) -> &'a [[NodeId; 2]] {
        self.items
    }

    /// How many items there are.
    #[must_use]
    pub fn len(self) -> usize {
        self.items.len()
    }

    /// Whether there are no items.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.items.is_empty()
    }
}

impl fmt::Debug for Attributes<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

/// A tuple of names, such as `co_names`. It borrows from the graph; a copy costs nothing.
#[derive(Clone, Copy)]
pub struct Names<'a> {
    graph: &'a Graph,
    items: &'a [NodeId],
}

impl<'a> Names<'a> {
    pub(super) fn new(graph: &'a Graph, items: &'a [NodeId]) -> Names<'a> {
        Names { graph, items }
    }

    /// The name at an index, or `None` where there is none (or, in a forged pickle, something that is no `str`).
    #[must_use]
    pub fn get(self, index: usize) -> Option<Str<'a>> {
        self.items.get(index).and_then(|id| text(self.graph, *id))
    }

    /// The names in order. What is no `str`, which only a forged pickle has, is left out.
    pub fn iter(self) -> impl Iterator<Item = Str<'a>> {
        self.items.iter().filter_map(move |id| text(self.graph, *id))
    }

    /// How many items there are.
    #[must_use]
    pub fn len(self) -> usize {
        self.items.len()
    }

    /// Whether there are no items.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.items.is_empty()
    }
}

impl fmt::Debug for Names<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

/// Reads the fields of one model, and says of a wrong one where it is.
#[derive(Clone, Copy)]
pub(super) struct Fields<'a> {
    pub(super) graph: &'a Graph,
    pub(super) model: &'static str,
    pub(super) node: NodeId,
}

impl<'a> Fields<'a> {
    #[cold]
    pub(super) fn error(self, kind: ErrorKind, field: &'static str) -> Error {
        Error::new(kind, self.model, self.node, field)
    }

    #[cold]
    pub(super) fn not_this(self) -> Error {
        self.error(ErrorKind::NotThis { found: self.graph.node(self.node).kind() }, "")
    }

    /// The arguments of a call, where they are as many as it takes.
    pub(super) fn arguments<const N: usize>(self, args: &[NodeId]) -> Result<[NodeId; N], Error> {
        args.try_into().map_err(|_| self.error(ErrorKind::ArgumentCount { found: args.len() }, ""))
    }

    #[cold]
    pub(super) fn missing(self, field: &'static str) -> Error {
        self.error(ErrorKind::Missing, field)
    }

    #[cold]
    pub(super) fn wrong(self, field: &'static str, expected: &'static str, id: NodeId) -> Error {
        self.error(ErrorKind::Type { expected, found: self.graph.node(id).kind() }, field)
    }

    pub(super) fn text(self, field: &'static str, id: NodeId) -> Result<Str<'a>, Error> {
        text(self.graph, id).ok_or_else(|| self.wrong(field, "a str", id))
    }

    pub(super) fn optional_text(self, field: &'static str, id: NodeId) -> Result<Option<Str<'a>>, Error> {
        if id == NodeId::NONE { Ok(None) } else { self.text(field, id).map(Some) }
    }

    pub(super) fn tuple(self, field: &'static str, id: NodeId) -> Result<&'a [NodeId], Error> {
        self.graph.node(id).as_tuple().ok_or_else(|| self.wrong(field, "a tuple", id))
    }

    pub(super) fn optional_tuple(self, field: &'static str, id: NodeId) -> Result<Option<&'a [NodeId]>, Error> {
        if id == NodeId::NONE { Ok(None) } else { self.tuple(field, id).map(Some) }
    }

    pub(super) fn attributes(self, field: &'static str, id: NodeId) -> Result<Attributes<'a>, Error> {
        match self.graph.node(id).as_dict() {
            Some(items) => Ok(Attributes { graph: self.graph, id, items }),
            None => Err(self.wrong(field, "a dict", id)),
        }
    }

    pub(super) fn bool(self, field: &'static str, id: NodeId) -> Result<bool, Error> {
        match self.graph.node(id) {
            Node::Bool(value) => Ok(value),
            _ => Err(self.wrong(field, "a bool", id)),
        }
    }

    pub(super) fn list(self, field: &'static str, id: NodeId) -> Result<&'a [NodeId], Error> {
        self.graph.node(id).as_list().ok_or_else(|| self.wrong(field, "a list", id))
    }

    /// A dict in which keys are looked up one by one, so that it must not be long: many models may share a long one.
    pub(super) fn small_dict(self, field: &'static str, id: NodeId) -> Result<Attributes<'a>, Error> {
        const MAX_KEYS: usize = 64;
        let dict = self.attributes(field, id)?;
        if dict.len() > MAX_KEYS { Err(self.error(ErrorKind::Range, field)) } else { Ok(dict) }
    }

    /// A dict, or none of `None`.
    pub(super) fn optional_attributes(self, field: &'static str, id: NodeId) -> Result<Attributes<'a>, Error> {
        if id == NodeId::NONE { Ok(self.no_attributes()) } else { self.attributes(field, id) }
    }

    /// A dict or an instance of a subclass of `dict`, such as the `OrderedDict` of annotations that `typing.NamedTuple` of Python
    /// 3.6 to 3.8 makes; none of `None`.
    pub(super) fn mapping(self, field: &'static str, id: NodeId) -> Result<Attributes<'a>, Error> {
        if !matches!(self.graph.node(id), Node::Reduce { .. } | Node::NewObj { .. }) {
            return self.optional_attributes(field, id);
        }
        let mut batches = self.graph.steps(id).filter_map(|step| match step {
            Step::SetItems(items) => Some(items),
            _ => None,
        });
        match (batches.next(), batches.next()) {
            (Some(items), None) => Ok(Attributes { graph: self.graph, id, items }),
            _ => Err(self.wrong(field, "a dict", id)),
        }
    }

    pub(super) fn no_attributes(self) -> Attributes<'a> {
        Attributes { graph: self.graph, id: NodeId::NONE, items: &[] }
    }

    /// A number of C's `int`, as code objects have them.
    pub(super) fn int(self, field: &'static str, id: NodeId) -> Result<i32, Error> {
        match self.graph.node(id) {
            Node::Int(value) => i32::try_from(value).map_err(|_| self.error(ErrorKind::Range, field)),
            Node::BigInt(_) => Err(self.error(ErrorKind::Range, field)),
            _ => Err(self.wrong(field, "an int", id)),
        }
    }

    pub(super) fn number(self, field: &'static str, id: NodeId) -> Result<i64, Error> {
        match self.graph.node(id) {
            Node::Int(value) => Ok(value),
            Node::BigInt(_) => Err(self.error(ErrorKind::Range, field)),
            _ => Err(self.wrong(field, "an int", id)),
        }
    }

    pub(super) fn check_bytes(self, field: &'static str, id: NodeId) -> Result<(), Error> {
        if EncodedBytes::of(self.graph, id).is_some() { Ok(()) } else { Err(self.wrong(field, "bytes", id)) }
    }

    /// The two halves of a state: an object's `__dict__`, and its other attributes.
    pub(super) fn state(self, field: &'static str, id: NodeId) -> Result<[NodeId; 2], Error> {
        match self.graph.node(id).as_tuple() {
            Some(&[dict, slots]) => Ok([dict, slots]),
            _ => Err(self.wrong(field, "a tuple of two dicts", id)),
        }
    }
}

pub(super) fn text(graph: &Graph, id: NodeId) -> Option<Str<'_>> {
    match graph.node(id) {
        Node::Str(text) => Some(text),
        _ => None,
    }
}

/// A `bytes` object. Up to protocol 2, which has no opcode for them, pickles make them by a call.
#[derive(Clone, Copy)]
enum EncodedBytes<'a> {
    Plain(&'a [u8]),
    /// `_codecs.encode(text, 'latin1')`, and for `b''` a call of `bytes` without arguments.
    Latin1(Str<'a>),
}

impl<'a> EncodedBytes<'a> {
    fn of(graph: &'a Graph, id: NodeId) -> Option<EncodedBytes<'a>> {
        let (callable, args) = match graph.node(id) {
            Node::Bytes(bytes) => return Some(EncodedBytes::Plain(bytes)),
            Node::Reduce { callable, args } => (graph.node(callable).as_global()?, graph.node(args).as_tuple()?),
            _ => return None,
        };
        match (callable, args) {
            (("_codecs", "encode"), &[value, codec]) if matches!(graph.node(codec).as_str()?, "latin1" | "latin-1") => {
                Some(EncodedBytes::Latin1(text(graph, value)?))
            }
            (("builtins" | "__builtin__", "bytes"), []) => Some(EncodedBytes::Plain(&[])),
            _ => None,
        }
    }
}

/// The contents of a `bytes` object, also of one that protocol 2 writes as a call; `None` where Python would not encode the text
/// of that call.
pub(crate) fn bytes(graph: &Graph, id: NodeId) -> Option<Cow<'_, [u8]>> {
    match EncodedBytes::of(graph, id)? {
        EncodedBytes::Plain(bytes) => Some(Cow::Borrowed(bytes)),
        EncodedBytes::Latin1(text) => {
            text.code_points().map(|point| u8::try_from(point).ok()).collect::<Option<Vec<u8>>>().map(Cow::Owned)
        }
    }
}
