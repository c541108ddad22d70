//! [`Graph`]: the arena of nodes, how it is filled and how it is read.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use num_bigint::BigInt;
use pickle_opcodes::Protocol;

use crate::{
    Error, ErrorKind, IntForm, Names, Node, NodeId, Pickler, Str,
    id::Constant,
    items::{Items, Range},
    slot::{ContainerKind, GlobalSlot, Slot, Span, TextKind},
    step::{StepSlot, Steps, Tail},
    text,
};

/// The objects that a pickle describes, and how they refer to one another.
///
/// A graph is an arena: [`push`](Graph::push) puts a node in and gives its [`NodeId`], [`node`](Graph::node) shows it. Two
/// references to one id are two references to one Python object. Nodes are made after what they hold, so cycles are closed by
/// what is done to lists, dicts, sets and objects afterwards ([`append`](Graph::append), [`set_item`](Graph::set_item),
/// [`build`](Graph::build), ...), as in a pickle.
///
/// ```
/// use pickle_graph::{Graph, Node};
///
/// let mut graph = Graph::new();
/// let list = graph.push(Node::List(&[]));
/// let one = graph.push(Node::Int(1));
/// graph.extend(list, &[one, list]); // l = [1]; l.append(l)
/// graph.set_root(list);
///
/// assert_eq!(graph.node(graph.root()).as_list(), Some(&[one, list][..]));
/// assert_eq!(graph.to_string(), "&1 list\n  1\n  *1\n");
/// ```
///
/// # What it costs
///
/// A node takes 16 bytes, an item of a container 4, `None`, bools, small ints and empty tuples nothing. All nodes, all items and
/// all texts stand in a few vectors, so that dropping a graph takes no walk. A graph made [`with_source`](Graph::with_source)
/// holds the pickle that it was read from, and strings and bytes that stand in the pickle are kept as their place in it.
#[derive(Clone)]
pub struct Graph {
    pub(crate) source: Bytes,
    pub(crate) slots: Vec<Slot>,
    pub(crate) items: Items,
    /// Texts that stand neither in `source` nor in `shared`, one behind the other.
    pub(crate) texts: Vec<u8>,
    pub(crate) shared: Vec<Bytes>,
    /// How many bytes those in `shared` and `big_ints` have, beside what is there for each.
    pub(crate) bytes_elsewhere: usize,
    big_ints: Vec<BigInt>,
    pub(crate) globals: Vec<GlobalSlot>,
    pub(crate) steps: Vec<StepSlot>,
    /// The steps of nodes that seldom have any.
    other_steps: BTreeMap<NodeId, Tail>,
    pub(crate) discarded: Vec<NodeId>,
    /// Of those, before what they were made: the other object first.
    pub(crate) discarded_before: Vec<(NodeId, NodeId)>,
    root: NodeId,
    protocol: Protocol,
    names: Names,
    /// Who wrote the pickle that the graph was read from, and how many nodes there were when this was said.
    pickler: Option<(Pickler, usize)>,
    /// A bit for each node that a pickle put in the memo.
    memoized: Vec<u64>,
    /// Tuples of up to three items that `TUPLE` made.
    long_tuples: BTreeSet<NodeId>,
}

#[cold]
#[inline(never)]
#[expect(clippy::panic, reason = "as Vec does; Graph::check_room tells beforehand")]
pub(crate) fn too_large() -> ! {
    panic!("{}", Error::new(ErrorKind::TooLarge))
}

/// A graph of nothing but `None`.
impl Default for Graph {
    fn default() -> Graph {
        Graph::with_source(Bytes::new())
    }
}

impl Graph {
    /// A graph of nothing but `None`.
    #[must_use]
    pub fn new() -> Graph {
        Graph::default()
    }

    /// A graph whose strings and bytes stand, for the most part, in `source`: those that are pushed as slices of it are not
    /// copied. (That is told from their address.)
    ///
    /// ```
    /// use bytes::Bytes;
    /// use pickle_graph::{Graph, Node};
    ///
    /// let source = Bytes::from(vec![0; 1 << 20]);
    /// let mut graph = Graph::with_source(source.clone());
    /// let blob = graph.push(Node::Bytes(&source[16..]));
    /// assert_eq!(graph.node(blob).as_bytes().unwrap().as_ptr(), source[16..].as_ptr());
    /// ```
    #[must_use]
    pub fn with_source(source: Bytes) -> Graph {
        Graph {
            source,
            slots: Vec::new(),
            items: Items::default(),
            texts: Vec::new(),
            shared: Vec::new(),
            bytes_elsewhere: 0,
            big_ints: Vec::new(),
            globals: Vec::new(),
            steps: Vec::new(),
            other_steps: BTreeMap::new(),
            discarded: Vec::new(),
            discarded_before: Vec::new(),
            root: NodeId::NONE,
            protocol: Protocol::HIGHEST,
            names: Names::Python3,
            pickler: None,
            memoized: Vec::new(),
            long_tuples: BTreeSet::new(),
        }
    }

    /// The object that the pickle is of.
    #[inline]
    #[must_use]
    pub fn root(&self) -> NodeId {
        self.root
    }

    /// Says which object the pickle is of.
    pub fn set_root(&mut self, root: NodeId) {
        self.root = root;
    }

    /// The protocol that the pickle was written at; [`Protocol::HIGHEST`] where nobody said.
    #[must_use]
    pub fn protocol(&self) -> Protocol {
        self.protocol
    }

    /// Says at which protocol the pickle was written.
    pub fn set_protocol(&mut self, protocol: Protocol) {
        self.protocol = protocol;
    }

    /// Which Python's names the globals have; Python 3's where nobody said.
    #[must_use]
    pub fn names(&self) -> Names {
        self.names
    }

    /// Says which Python's names the globals have. It changes none of them.
    pub fn set_names(&mut self, names: Names) {
        self.names = names;
    }

    /// Which pickler wrote the pickle that the graph was read from; [`Pickler::default`] where nobody said.
    #[must_use]
    pub fn pickler(&self) -> Pickler {
        self.pickler.map_or_else(Pickler::default, |(pickler, _)| pickler)
    }

    /// Says which pickler wrote the pickle that the graph was read from, and that of the nodes so far this pickle put none in the
    /// memo but those that [`Graph::set_memoized`] tells of.
    pub fn set_pickler(&mut self, pickler: Pickler) {
        self.pickler = Some((pickler, self.slots.len()));
    }

    /// Whether the pickle that the graph was read from put a node in the memo, or `None` where the node was read from none.
    /// CPython 3's picklers put all nodes there that have an identity; `cPickle` and `pickletools.optimize` do not.
    #[inline]
    #[must_use]
    pub fn is_memoized(&self, id: NodeId) -> Option<bool> {
        let (_, read) = self.pickler?;
        id.index().is_none_or(|index| index < read).then(|| self.has_memo_bit(id))
    }

    #[inline]
    pub(crate) fn has_memo_bit(&self, id: NodeId) -> bool {
        id.index().is_some_and(|index| self.memoized.get(index / 64).is_some_and(|word| word >> (index % 64) & 1 != 0))
    }

    /// Says that the pickle that the graph was read from put a node in the memo, and nothing there of which this is not said.
    #[inline]
    pub fn set_memoized(&mut self, id: NodeId) {
        if let Some(index) = id.index() {
            if self.memoized.len() * 64 <= index {
                self.memoized.resize(self.slots.len().max(index + 1).div_ceil(64), 0);
            }
            self.memoized[index / 64] |= 1 << (index % 64);
        }
    }

    /// Whether the pickle that the graph was read from made a tuple of up to three items by `TUPLE` although its protocol has
    /// opcodes for such tuples. No pickler of Python's does; cloudpickle up to 1.4 did where it wrote opcodes by itself.
    #[must_use]
    pub fn is_long_tuple(&self, id: NodeId) -> bool {
        !self.long_tuples.is_empty() && self.long_tuples.contains(&id)
    }

    /// Says that the pickle that the graph was read from made a short tuple by `TUPLE`.
    pub fn set_long_tuple(&mut self, id: NodeId) {
        self.long_tuples.insert(id);
    }

    /// The bytes that texts may stand in.
    #[must_use]
    pub fn source(&self) -> &Bytes {
        &self.source
    }

    /// How many nodes there are, reachable or not; constants held in ids do not count.
    #[inline]
    #[must_use]
    pub fn len(&self) -> usize {
        self.slots.len()
    }

    /// Whether there are no nodes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// All nodes in the order in which they were made, also those that the root does not lead to: what a pickle makes and throws
    /// away, for its effects, is here.
    pub fn ids(&self) -> impl DoubleEndedIterator<Item = NodeId> + ExactSizeIterator + use<> {
        (0..self.slots.len() as u32).map(|index| NodeId::from_index(index as usize))
    }

    /// Makes room for `nodes` nodes more, and `items` items of containers.
    pub fn reserve(&mut self, nodes: usize, items: usize) {
        self.slots.reserve(nodes);
        self.items.reserve(items);
    }

    /// Gives back the memory that is kept for growth.
    pub fn shrink_to_fit(&mut self) {
        self.slots.shrink_to_fit();
        self.texts.shrink_to_fit();
        self.steps.shrink_to_fit();
    }

    /// How many bytes of memory it takes, the source left out. To tell takes the same time whatever the graph holds.
    #[must_use]
    pub fn memory(&self) -> usize {
        self.slots.capacity() * size_of::<Slot>()
            + self.items.memory()
            + self.texts.capacity()
            + self.shared.capacity() * size_of::<Bytes>()
            + self.big_ints.capacity() * size_of::<BigInt>()
            + self.bytes_elsewhere
            + (self.other_steps.len() * size_of::<(NodeId, Tail)>() + self.long_tuples.len() * size_of::<NodeId>()) * 2
            + self.discarded.capacity() * size_of::<NodeId>()
            + self.discarded_before.capacity() * size_of::<(NodeId, NodeId)>()
            + self.memoized.capacity() * size_of::<u64>()
            + self.globals.capacity() * size_of::<GlobalSlot>()
            + self.steps.capacity() * size_of::<StepSlot>()
    }

    /// Whether a few nodes more, with `additional` items in all, can be added. Who builds from bytes that are not trusted
    /// asks before; the methods that add panic where there is no room.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::TooLarge`] where they would not all have an id.
    #[inline]
    pub fn check_room(&self, additional: usize) -> Result<(), Error> {
        const A_FEW: usize = 8;
        let most = NodeId::MAX_INDEX - A_FEW;
        if self.slots.len() < most && self.steps.len() < most && self.items.has_room(additional + A_FEW) {
            Ok(())
        } else {
            Err(Error::new(ErrorKind::TooLarge))
        }
    }

    /// Puts a node in. Strings and bytes are copied, unless they stand in the graph's source.
    ///
    /// # Panics
    ///
    /// When the graph holds 2^31 - 1 nodes or some 2^32 references already (see [`Graph::check_room`]), and, here and in every
    /// method that takes an id, it may panic on an id of another graph.
    #[inline(always)]
    pub fn push(&mut self, node: Node<'_>) -> NodeId {
        // Most callers know the kind: what is here comes down to a few instructions for them.
        let slot = match node {
            Node::None => return NodeId::NONE,
            Node::Bool(value) => return NodeId::from_bool(value),
            Node::Tuple([]) => return NodeId::EMPTY_TUPLE,
            Node::Int(value) => match NodeId::from_int(value) {
                Some(id) => return id,
                None => Slot::Int { form: IntForm::Shortest, value },
            },
            Node::Float(value) => Slot::Float(value),
            Node::Str(value) => self.text_slot(TextKind::Str, value.as_bytes()),
            Node::List(items) => self.container(ContainerKind::List, items),
            Node::Tuple(items) => self.container(ContainerKind::Tuple, items),
            Node::Dict(items) => self.container(ContainerKind::Dict, items.as_flattened()),
            node => self.make_slot(node),
        };
        self.push_slot(slot)
    }

    /// Puts an integer in that was written by `INT`, `BININT`, `BININT1` or `BININT2`, and remembers what `push` would
    /// forget: its [`IntForm`].
    #[inline]
    pub fn push_int(&mut self, value: i64) -> NodeId {
        match NodeId::from_int(value) {
            Some(id) => id,
            None => {
                let form = if i32::try_from(value).is_ok() { IntForm::Shortest } else { IntForm::Int };
                self.push_slot(Slot::Int { form, value })
            }
        }
    }

    /// Puts an integer in that was written by `LONG`, `LONG1` or `LONG4`, in little-endian two's complement, and remembers
    /// its [`IntForm`].
    #[inline]
    pub fn push_long(&mut self, twos_complement_le: &[u8]) -> NodeId {
        if twos_complement_le.len() <= 8 {
            let negative = twos_complement_le.last().is_some_and(|&byte| byte >= 0x80);
            let mut bytes = [if negative { 0xff } else { 0 }; 8];
            bytes[..twos_complement_le.len()].copy_from_slice(twos_complement_le);
            let value = i64::from_le_bytes(bytes);
            let form = if i32::try_from(value).is_ok() { IntForm::Long } else { IntForm::Shortest };
            self.push_slot(Slot::Int { form, value })
        } else {
            let value = BigInt::from_signed_bytes_le(twos_complement_le);
            let slot = self.big_int(&value);
            self.push_slot(slot)
        }
    }

    /// Puts a global in whose names are two nodes, as `STACK_GLOBAL` takes them; or gives `None` where they are not two strings.
    ///
    /// # Panics
    ///
    /// As [`Graph::push`].
    pub fn push_stack_global(&mut self, module: NodeId, name: NodeId) -> Option<NodeId> {
        let slot = GlobalSlot { module: self.name_span(module)?, name: self.name_span(name)?, ids: Some((module, name)) };
        let index = position(self.globals.len());
        self.globals.push(slot);
        Some(self.push_slot(Slot::Global { index }))
    }

    /// The node of an id.
    ///
    /// # Panics
    ///
    /// It may panic, here and in every method that takes an id, when the id is another graph's.
    #[inline]
    #[must_use]
    pub fn node(&self, id: NodeId) -> Node<'_> {
        match id.constant() {
            Some(constant) => constant_node(constant),
            None => self.slot_node(self.slot(id)),
        }
    }

    /// How many items a list has, or `None` for what is no list. It costs less than to look at the node.
    #[inline]
    #[must_use]
    pub fn list_len(&self, id: NodeId) -> Option<usize> {
        self.container_len(ContainerKind::List, id)
    }

    /// How many items a dict has, those with a key that comes again included, or `None` for what is no dict.
    #[inline]
    #[must_use]
    pub fn dict_len(&self, id: NodeId) -> Option<usize> {
        self.container_len(ContainerKind::Dict, id).map(|len| len / 2)
    }

    /// How many items a set has, or `None` for what is no set.
    #[inline]
    #[must_use]
    pub fn set_len(&self, id: NodeId) -> Option<usize> {
        self.container_len(ContainerKind::Set, id)
    }

    #[inline]
    fn container_len(&self, expected: ContainerKind, id: NodeId) -> Option<usize> {
        match self.slots[id.index()?] {
            Slot::Container { kind, items } if kind == expected => Some(items.len()),
            _ => None,
        }
    }

    /// How an integer was written.
    #[must_use]
    pub fn int_form(&self, id: NodeId) -> IntForm {
        match id.index().map(|index| self.slots[index]) {
            Some(Slot::Int { form, .. }) => form,
            _ => IntForm::Shortest,
        }
    }

    /// The two strings that a global's names were taken from, where `STACK_GLOBAL` made it.
    #[must_use]
    pub fn global_strings(&self, id: NodeId) -> Option<(NodeId, NodeId)> {
        match self.slots[id.index()?] {
            Slot::Global { index } => self.globals[index as usize].ids,
            _ => None,
        }
    }

    /// What was done to an object after it was made. Items of a list, dict or set are not here: they are in the node.
    #[inline]
    #[must_use]
    pub fn steps(&self, id: NodeId) -> Steps<'_> {
        Steps::new(self, if self.steps.is_empty() { Tail::NONE } else { self.tail(id) })
    }

    /// What was made and then thrown away, in order: a pickle does that for the effect that making it has, or to get rid of
    /// what is left of a recursive tuple. The calls that [`Step::SetState`](crate::Step::SetState) tells of are not here.
    #[must_use]
    pub fn discarded(&self) -> &[NodeId] {
        &self.discarded
    }

    /// Where discarded objects were made: each with the object before it that came to stand in its place on the stack next, as
    /// far as that was made for it, in order. What is written of the graph has them there again.
    ///
    /// ```
    /// use pickle_graph::{Graph, Node};
    ///
    /// // Something is imported for what importing it does, and then there is a list.
    /// let mut graph = Graph::new();
    /// let import = graph.push(Node::Global { module: "readline".into(), name: "parse_and_bind".into() });
    /// graph.discard(import);
    /// let list = graph.push(Node::List(&[]));
    /// graph.discard_before(list, import);
    /// assert_eq!(graph.discarded_before(), [(list, import)]);
    /// ```
    #[must_use]
    pub fn discarded_before(&self) -> &[(NodeId, NodeId)] {
        &self.discarded_before
    }

    pub(crate) fn tail(&self, id: NodeId) -> Tail {
        match id.index().map(|index| self.slots[index]) {
            Some(Slot::Reduce { steps, .. } | Slot::NewObj { steps, .. } | Slot::NewObjEx { steps, .. }) => steps,
            _ if self.other_steps.is_empty() => Tail::NONE,
            _ => self.other_steps.get(&id).copied().unwrap_or_default(),
        }
    }

    pub(crate) fn set_tail(&mut self, id: NodeId, tail: Tail) {
        match id.index().map(|index| &mut self.slots[index]) {
            Some(Slot::Reduce { steps, .. } | Slot::NewObj { steps, .. } | Slot::NewObjEx { steps, .. }) => *steps = tail,
            _ if tail == Tail::NONE => _ = self.other_steps.remove(&id),
            _ => _ = self.other_steps.insert(id, tail),
        }
    }

    #[inline]
    pub(crate) fn slot(&self, id: NodeId) -> Slot {
        match id.index() {
            Some(index) => self.slots[index],
            None => Slot::Constant(id),
        }
    }

    #[inline]
    pub(crate) fn slot_mut(&mut self, id: NodeId) -> Option<&mut Slot> {
        self.slots.get_mut(id.index()?)
    }

    pub(crate) fn slots_mut(&mut self) -> &mut [Slot] {
        &mut self.slots
    }

    #[inline]
    pub(crate) fn push_slot(&mut self, slot: Slot) -> NodeId {
        let index = self.slots.len();
        if index >= NodeId::MAX_INDEX {
            too_large();
        }
        self.slots.push(slot);
        NodeId::from_index(index)
    }

    pub(crate) fn make_slot(&mut self, node: Node<'_>) -> Slot {
        match node {
            Node::None => Slot::Constant(NodeId::NONE),
            Node::Bool(value) => Slot::Constant(NodeId::from_bool(value)),
            Node::Int(value) => match NodeId::from_int(value) {
                Some(id) => Slot::Constant(id),
                None => Slot::Int { form: IntForm::Shortest, value },
            },
            Node::BigInt(value) => self.big_int(value),
            Node::Float(value) => Slot::Float(value),
            Node::Str(value) => self.text_slot(TextKind::Str, value.as_bytes()),
            Node::String(value) => self.text_slot(TextKind::String, value),
            Node::Bytes(value) => self.text_slot(TextKind::Bytes, value),
            Node::ByteArray(value) => self.text_slot(TextKind::ByteArray, value),
            Node::List(items) => self.container(ContainerKind::List, items),
            Node::Tuple([]) => Slot::Constant(NodeId::EMPTY_TUPLE),
            Node::Tuple(items) => self.container(ContainerKind::Tuple, items),
            Node::Dict(items) => self.container(ContainerKind::Dict, items.as_flattened()),
            Node::Set(items) => self.container(ContainerKind::Set, items),
            Node::FrozenSet(items) => self.container(ContainerKind::FrozenSet, items),
            Node::Global { module, name } => {
                let slot = GlobalSlot { module: self.span(module.as_bytes()), name: self.span(name.as_bytes()), ids: None };
                self.globals.push(slot);
                Slot::Global { index: position(self.globals.len() - 1) }
            }
            Node::Extension(code) => Slot::Extension(code),
            Node::Reduce { callable, args } => Slot::Reduce { callable, args, steps: Tail::NONE },
            Node::NewObj { class, args } => Slot::NewObj { class, args, steps: Tail::NONE },
            Node::NewObjEx { class, args, kwargs } => {
                let parts = self.items.add(&[class, args, kwargs]).start();
                Slot::NewObjEx { parts, steps: Tail::NONE }
            }
            Node::Inst { class, args } => Slot::Inst { parts: self.parts(class, args) },
            Node::Obj { class, args } => Slot::Obj { parts: self.parts(class, args) },
            Node::PersistentId(id) => self.text_slot(TextKind::PersistentId, id.as_bytes()),
            Node::BinPersistentId(id) => Slot::BinPersistentId(id),
            Node::Buffer { index, readonly } => Slot::Buffer { readonly, index },
        }
    }

    #[inline]
    fn slot_node(&self, slot: Slot) -> Node<'_> {
        match slot {
            Slot::Constant(id) => id.constant().map_or(Node::None, constant_node),
            Slot::Int { value, .. } => Node::Int(value),
            Slot::BigInt { index } => Node::BigInt(&self.big_ints[index as usize]),
            Slot::Float(value) => Node::Float(value),
            Slot::Text { kind, place, len, start } => {
                let text = self.text(Span { place, len, start });
                match kind {
                    TextKind::Str => Node::Str(Str::from_valid(text)),
                    TextKind::String => Node::String(text),
                    TextKind::Bytes => Node::Bytes(text),
                    TextKind::ByteArray => Node::ByteArray(text),
                    TextKind::PersistentId => Node::PersistentId(Str::from_valid(text)),
                }
            }
            Slot::Container { kind, items } => {
                let items = self.items.get(items);
                match kind {
                    ContainerKind::List => Node::List(items),
                    ContainerKind::Tuple => Node::Tuple(items),
                    ContainerKind::Dict => Node::Dict(items.as_chunks().0),
                    ContainerKind::Set => Node::Set(items),
                    ContainerKind::FrozenSet => Node::FrozenSet(items),
                }
            }
            Slot::Global { index } => {
                let global = &self.globals[index as usize];
                Node::Global { module: Str::from_valid(self.text(global.module)), name: Str::from_valid(self.text(global.name)) }
            }
            Slot::Extension(code) => Node::Extension(code),
            Slot::Reduce { callable, args, .. } => Node::Reduce { callable, args },
            Slot::NewObj { class, args, .. } => Node::NewObj { class, args },
            Slot::NewObjEx { parts, .. } => match *self.items.get(Range::three(parts)) {
                [class, args, kwargs] => Node::NewObjEx { class, args, kwargs },
                _ => Node::None,
            },
            Slot::Inst { parts } => match self.items.get(parts) {
                [class, args @ ..] => Node::Inst { class: *class, args },
                [] => Node::None,
            },
            Slot::Obj { parts } => match self.items.get(parts) {
                [class, args @ ..] => Node::Obj { class: *class, args },
                [] => Node::None,
            },
            Slot::BinPersistentId(id) => Node::BinPersistentId(id),
            Slot::Buffer { index, readonly } => Node::Buffer { index, readonly },
        }
    }

    fn parts(&mut self, class: NodeId, args: &[NodeId]) -> Range {
        let mut parts = self.items.add(&[class]);
        self.items.extend(&mut parts, args);
        parts
    }

    #[inline]
    fn container(&mut self, kind: ContainerKind, items: &[NodeId]) -> Slot {
        Slot::Container { kind, items: self.items.add(items) }
    }

    #[inline]
    fn text_slot(&mut self, kind: TextKind, bytes: &[u8]) -> Slot {
        text::text_slot(kind, self.span(bytes))
    }

    fn big_int(&mut self, value: &BigInt) -> Slot {
        match i64::try_from(value) {
            Ok(value) => self.make_slot(Node::Int(value)),
            Err(_) => {
                self.bytes_elsewhere += value.bits() as usize / 8;
                self.big_ints.push(value.clone());
                Slot::BigInt { index: position(self.big_ints.len() - 1) }
            }
        }
    }
}

#[inline]
fn position(index: usize) -> u32 {
    u32::try_from(index).unwrap_or_else(|_| too_large())
}

#[inline]
fn constant_node(constant: Constant) -> Node<'static> {
    match constant {
        Constant::None => Node::None,
        Constant::Bool(value) => Node::Bool(value),
        Constant::Int(value) => Node::Int(i64::from(value)),
        Constant::EmptyTuple => Node::Tuple(&[]),
    }
}
