//! [`GraphBuilder`]: the machine's builder that notes what it is told to make.

use bytes::Bytes;
use pickle_graph::{Graph, Names, Node, NodeId, Str};
use pickle_opcodes::Protocol;

use super::{
    Loader, Strings,
    origin::{Signs, TextSigns},
};
use crate::{
    Builder, ErrorKind, Items, frame, refusal,
    utf8::{self, Surrogates},
};

/// How many items picklers append or set at once.
const BATCH: usize = 1000;

/// From how many bytes on picklers put a payload outside of frames.
const LARGE: usize = 64 * 1024;

/// A frame that picklers since 3.7 leave away is shorter than this, in bytes.
const SHORT_FRAME: u64 = 4;

/// The [`Builder`] by which a [`Loader`] makes graphs; made by [`Loader::builder`].
///
/// It is for builders that make a graph and do something beside: they hold one and call its methods, as in
/// `cloud_reduce::Report`, which notes where in the pickle each call stands, and keeps what was made before an error.
///
/// ```
/// use pickle_parse::{GraphBuilder, Loader, Machine};
///
/// // The pickle ends too early; what it made is there.
/// let pickle = &b"]K\x01aK\x02"[..];
/// let mut machine = Machine::new(Loader::new().builder(pickle.into()));
/// assert!(machine.run(pickle).is_err());
/// assert_eq!(machine.builder().graph().len(), 1);
/// ```
pub struct GraphBuilder {
    graph: Graph,
    loader: Loader,
    /// The offset of the op that is executed.
    offset: u64,
    /// Where the last frame ends.
    frame_end: u64,
    /// How many out-of-band buffers were used.
    buffers: u32,
    protocol: Protocol,
    /// Whether the input is so long that the graph may become too large.
    may_be_too_large: bool,
    signs: Signs,
    /// What was discarded, and how many nodes there were then.
    popped: Vec<(NodeId, usize)>,
}

// Boxed, so that results come back in registers.
type Built = Result<NodeId, Box<ErrorKind>>;
type Done = Result<(), Box<ErrorKind>>;

impl GraphBuilder {
    pub(super) fn new(loader: Loader, source: Bytes, may_be_too_large: bool) -> GraphBuilder {
        GraphBuilder {
            graph: Graph::with_source(source),
            loader,
            offset: 0,
            frame_end: 0,
            buffers: 0,
            protocol: Protocol::V0,
            may_be_too_large,
            signs: Signs::default(),
            popped: Vec::new(),
        }
    }

    /// The graph so far.
    #[must_use]
    pub fn graph(&self) -> &Graph {
        &self.graph
    }

    /// The graph so far, to be added to.
    pub fn graph_mut(&mut self) -> &mut Graph {
        &mut self.graph
    }

    /// The graph of the pickle whose value is `root` and whose bytes are `pickle`. Where an error came before there was a value,
    /// the root is [`NodeId::NONE`], and the bytes are those that were executed.
    #[must_use]
    pub fn finish(self, root: NodeId, pickle: &[u8]) -> Graph {
        let text = if self.is_without_proto() { TextSigns::of(pickle) } else { TextSigns::default() };
        self.finish_with(root, text)
    }

    /// The graph of the pickle whose value is `root`, and of whose text the opcodes tell more, unless a `PROTO` came among them.
    pub(super) fn finish_with(mut self, root: NodeId, text: TextSigns) -> Graph {
        let (protocol, text) = match self.protocol {
            Protocol::V0 if text.binary == Some(true) => (Protocol::V1, text),
            Protocol::V0 => (Protocol::V0, text),
            protocol => (protocol, TextSigns::default()),
        };
        self.graph.set_root(root);
        self.graph.set_protocol(protocol);
        self.graph.set_pickler(self.signs.pickler(protocol, &text));
        if protocol <= Protocol::V2 && !self.loader.python3_names {
            self.graph.set_names(Names::Python2);
        }
        self.graph
    }

    /// Whether no `PROTO` has told the protocol, so that opcodes have to tell more.
    pub(super) fn is_without_proto(&self) -> bool {
        self.protocol == Protocol::V0
    }

    /// Notes what a payload that could stand outside of frames shows.
    #[inline]
    fn payload(&mut self, bytes: &[u8]) {
        if bytes.len() >= LARGE && self.offset < self.frame_end {
            self.signs.large_in_frame = true;
        }
    }

    /// Notes how the items of a dict or set are batched, which has so many now, the last `added` by one opcode.
    #[inline]
    fn batch(&mut self, items: usize, added: usize) {
        self.signs.open_batches += i64::from(added == BATCH && items.is_multiple_of(BATCH));
        self.signs.open_batches -= i64::from(is_full_batch(items - added));
    }

    #[inline(always)]
    fn push(&mut self, node: Node<'_>) -> Built {
        self.room(1)?;
        Ok(self.graph.push(node))
    }

    #[inline]
    fn room(&self, items: usize) -> Done {
        if self.may_be_too_large { self.check_room(items) } else { Ok(()) }
    }

    #[cold]
    fn check_room(&self, items: usize) -> Done {
        self.graph.check_room(items).map_err(|_| ErrorKind::Limit { what: "nodes or references", limit: (1 << 31) - 1 }.into())
    }

    /// Puts a container in; `node` makes it of its items.
    #[inline]
    fn container(&mut self, items: &Items<'_, NodeId>, node: impl for<'i> FnOnce(&'i [NodeId]) -> Node<'i>) -> Built {
        self.room(items.len())?;
        Ok(self.graph.push(node(items.as_slice())))
    }

    /// The type of an object that is sure to be of a built-in type.
    fn python_type(&self, id: NodeId) -> Option<&'static str> {
        python_type(self.graph.node(id))
    }

    /// Checks that a tuple of arguments may be one.
    #[inline]
    fn arguments(&self, args: NodeId, refuse: impl FnOnce(Option<&'static str>) -> Done) -> Done {
        match self.graph.node(args) {
            Node::Tuple(_) => Ok(()),
            node => refuse(python_type(node)),
        }
    }

    /// Checks that a state may be one of an object of a built-in type.
    fn check_state(&self, type_name: &'static str, state: NodeId) -> Done {
        let (dict, slots) = match self.graph.node(state) {
            Node::Tuple(&[dict, slots]) => (dict, Some(self.graph.node(slots))),
            _ => (state, None),
        };
        refusal::state(type_name, self.python_type(dict))?;
        match slots {
            Some(Node::Dict(&[[key, _], ..])) => match self.graph.node(key) {
                Node::Str(name) => refusal::slot(type_name, &name.to_string_lossy()),
                Node::String(name) => refusal::slot(type_name, &String::from_utf8_lossy(name)),
                key => refusal::slot_name(python_type(key)),
            },
            Some(slots) => refusal::slots(python_type(slots)),
            None => Ok(()),
        }
    }

    fn global_node(&mut self, module: &str, name: &str) -> Built {
        let (module, name) = match self.loader.python3_names && self.protocol <= Protocol::V2 {
            true => Names::Python3.of(module, name),
            false => (module, name),
        };
        self.push(Node::Global { module: module.into(), name: name.into() })
    }
}

fn python_type(node: Node<'_>) -> Option<&'static str> {
    Some(match node {
        Node::None => "NoneType",
        Node::Str(_) | Node::String(_) => "str",
        Node::Bool(_)
        | Node::Int(_)
        | Node::BigInt(_)
        | Node::Float(_)
        | Node::Bytes(_)
        | Node::ByteArray(_)
        | Node::List(_)
        | Node::Tuple(_)
        | Node::Dict(_)
        | Node::Set(_)
        | Node::FrozenSet(_) => node.kind(),
        _ => return None,
    })
}

impl Builder for GraphBuilder {
    type Value = NodeId;
    type Error = Box<ErrorKind>;

    #[inline]
    fn at(&mut self, offset: u64) {
        self.offset = offset;
    }

    fn memory(&self) -> usize {
        self.graph.memory() + self.popped.capacity() * size_of::<(NodeId, usize)>()
    }

    fn frame(&mut self, offset: u64, length: u64) {
        self.frame_end = offset.saturating_add(frame::HEADER).saturating_add(length);
        self.signs.short_frame |= length < SHORT_FRAME;
    }

    fn proto(&mut self, version: u8) -> Done {
        self.protocol = Protocol::try_from(version).map_err(|_| ErrorKind::UnsupportedProtocol(version))?;
        Ok(())
    }

    #[inline]
    fn none(&mut self) -> Built {
        Ok(NodeId::NONE)
    }

    #[inline]
    fn bool(&mut self, value: bool) -> Built {
        Ok(if value { NodeId::TRUE } else { NodeId::FALSE })
    }

    #[inline]
    fn int(&mut self, value: i64) -> Built {
        self.room(1)?;
        if i32::try_from(value).is_err() {
            self.signs.python2 = true;
        }
        Ok(self.graph.push_int(value))
    }

    #[inline]
    fn long(&mut self, twos_complement_le: &[u8]) -> Built {
        self.room(1)?;
        let id = self.graph.push_long(twos_complement_le);
        if let Node::Int(value) = self.graph.node(id)
            && i32::try_from(value).is_ok()
        {
            self.signs.small_long = true;
        }
        Ok(id)
    }

    #[inline]
    fn float(&mut self, value: f64) -> Built {
        self.push(Node::Float(value))
    }

    #[inline]
    fn str(&mut self, utf8: &[u8]) -> Built {
        self.payload(utf8);
        if utf8.len() >= utf8::LONG
            && let Some(text) = utf8::text(utf8)
        {
            return self.push(Node::Str(text.into()));
        }
        match Str::from_bytes(utf8) {
            Ok(text) => self.push(Node::Str(text)),
            Err(_) => utf8::check(utf8, Surrogates::Pass).map(|()| NodeId::NONE).map_err(Box::new),
        }
    }

    #[inline]
    fn string(&mut self, bytes: &[u8]) -> Built {
        self.signs.python2 = true;
        match self.loader.strings {
            Strings::Keep => self.push(Node::String(bytes)),
            Strings::Bytes => self.push(Node::Bytes(bytes)),
            Strings::Ascii => self.push(Node::Str(utf8::ascii(bytes)?.into())),
            Strings::Utf8 => self.push(Node::Str(utf8::strict(bytes)?.into())),
            Strings::Latin1 => match std::str::from_utf8(bytes) {
                Ok(text) if bytes.is_ascii() => self.push(Node::Str(text.into())),
                _ => {
                    let text: String = bytes.iter().copied().map(char::from).collect();
                    self.push(Node::Str((&text).into()))
                }
            },
        }
    }

    #[inline]
    fn bytes(&mut self, bytes: &[u8]) -> Built {
        self.payload(bytes);
        self.push(Node::Bytes(bytes))
    }

    #[inline]
    fn bytearray(&mut self, bytes: &[u8]) -> Built {
        self.payload(bytes);
        self.push(Node::ByteArray(bytes))
    }

    fn next_buffer(&mut self) -> Built {
        match self.loader.buffers {
            Some(0) => return Err(ErrorKind::NoBuffers.into()),
            Some(buffers) if self.buffers as usize >= buffers => return Err(ErrorKind::NotEnoughBuffers.into()),
            _ => {}
        }
        let id = self.push(Node::Buffer { index: self.buffers, readonly: false })?;
        self.buffers = self.buffers.checked_add(1).ok_or(ErrorKind::NotEnoughBuffers)?;
        Ok(id)
    }

    fn readonly_buffer(&mut self, buffer: NodeId) -> Built {
        match self.graph.node(buffer) {
            Node::Buffer { index, .. } => self.push(Node::Buffer { index, readonly: true }),
            Node::Bytes(_) | Node::ByteArray(_) => Ok(buffer),
            node => refusal::buffer(python_type(node)).map(|()| buffer),
        }
    }

    #[inline]
    fn empty_list(&mut self) -> Built {
        self.push(Node::List(&[]))
    }

    #[inline]
    fn empty_dict(&mut self) -> Built {
        self.push(Node::Dict(&[]))
    }

    #[inline]
    fn empty_set(&mut self) -> Built {
        self.push(Node::Set(&[]))
    }

    #[inline]
    fn empty_tuple(&mut self) -> Built {
        Ok(NodeId::EMPTY_TUPLE)
    }

    #[inline]
    fn tuple(&mut self, items: Items<'_, NodeId>) -> Built {
        self.container(&items, |items| Node::Tuple(items))
    }

    #[inline]
    fn list(&mut self, items: Items<'_, NodeId>) -> Built {
        self.container(&items, |items| Node::List(items))
    }

    #[inline]
    fn dict(&mut self, items: Items<'_, NodeId>) -> Built {
        self.container(&items, |items| Node::Dict(items.as_chunks().0))
    }

    #[inline]
    fn frozenset(&mut self, items: Items<'_, NodeId>) -> Built {
        self.container(&items, |items| Node::FrozenSet(items))
    }

    #[inline]
    fn append(&mut self, list: &NodeId, item: NodeId) -> Done {
        self.room(1)?;
        match self.graph.list_len(*list) {
            Some(items) => self.signs.alone_behind_batch |= is_full_batch(items),
            None => refusal::append(self.python_type(*list))?,
        }
        self.graph.append(*list, item);
        Ok(())
    }

    #[inline]
    fn extend(&mut self, list: &NodeId, items: Items<'_, NodeId>) -> Done {
        self.room(items.len())?;
        if self.graph.list_len(*list).is_none() {
            refusal::append(self.python_type(*list))?;
        }
        self.graph.extend(*list, items.as_slice());
        Ok(())
    }

    #[inline]
    fn set_item(&mut self, dict: &NodeId, key: NodeId, value: NodeId) -> Done {
        self.room(2)?;
        match self.graph.dict_len(*dict) {
            Some(items) => self.signs.alone_behind_batch |= is_full_batch(items),
            None => refusal::set_item(self.python_type(*dict))?,
        }
        self.graph.set_item(*dict, key, value);
        Ok(())
    }

    #[inline]
    fn set_items(&mut self, dict: &NodeId, items: Items<'_, NodeId>) -> Done {
        self.room(items.len())?;
        let added = items.len() / 2;
        match self.graph.dict_len(*dict) {
            Some(items) => self.batch(items + added, added),
            None => refusal::set_item(self.python_type(*dict))?,
        }
        self.graph.set_items(*dict, items.as_slice().as_chunks().0);
        Ok(())
    }

    #[inline]
    fn add_items(&mut self, set: &NodeId, items: Items<'_, NodeId>) -> Done {
        self.room(items.len())?;
        let added = items.len();
        match self.graph.set_len(*set) {
            Some(items) => self.batch(items + added, added),
            None => refusal::add(self.python_type(*set))?,
        }
        self.graph.add_items(*set, items.as_slice());
        Ok(())
    }

    fn long_tuple(&mut self, tuple: &NodeId) {
        if self.protocol >= Protocol::V2 {
            self.graph.set_long_tuple(*tuple);
        }
    }

    fn no_items(&mut self, target: &NodeId) {
        let items = self.graph.dict_len(*target).or_else(|| self.graph.set_len(*target));
        self.signs.open_batches -= i64::from(items.is_some_and(is_full_batch));
    }

    fn global(&mut self, module: &[u8], name: &[u8]) -> Built {
        if self.loader.python3_names {
            return self.global_node(utf8::strict(module)?, utf8::strict(name)?);
        }
        // Not copied, unlike names that were looked up.
        self.push(Node::Global { module: utf8::strict(module)?.into(), name: utf8::strict(name)?.into() })
    }

    fn stack_global(&mut self, module: NodeId, name: NodeId) -> Built {
        self.room(1)?;
        let Some(id) = self.graph.push_stack_global(module, name) else {
            return Err(ErrorKind::StackGlobalRequiresStr.into());
        };
        if !self.loader.python3_names || self.protocol > Protocol::V2 {
            return Ok(id);
        }
        let Some((module, name)) = self.graph.node(id).as_global() else { return Ok(id) };
        match Names::Python3.of(module, name) {
            same if same == (module, name) => Ok(id),
            (module, name) => {
                let (module, name) = (module.to_owned(), name.to_owned());
                self.push(Node::Global { module: (&module).into(), name: (&name).into() })
            }
        }
    }

    fn extension(&mut self, code: i32) -> Built {
        self.push(Node::Extension(code))
    }

    fn reduce(&mut self, callable: NodeId, args: NodeId) -> Built {
        self.arguments(args, refusal::call_args)?;
        refusal::call(self.python_type(callable))?;
        self.push(Node::Reduce { callable, args })
    }

    fn new_obj(&mut self, class: NodeId, args: NodeId) -> Built {
        refusal::class(self.python_type(class), "NEWOBJ")?;
        self.arguments(args, |type_name| refusal::args(type_name, "NEWOBJ"))?;
        self.push(Node::NewObj { class, args })
    }

    fn new_obj_ex(&mut self, class: NodeId, args: NodeId, kwargs: NodeId) -> Built {
        refusal::class(self.python_type(class), "NEWOBJ_EX")?;
        self.arguments(args, |type_name| refusal::args(type_name, "NEWOBJ_EX"))?;
        if !matches!(self.graph.node(kwargs), Node::Dict(_)) {
            refusal::kwargs(self.python_type(kwargs))?;
        }
        self.room(3)?;
        self.push(Node::NewObjEx { class, args, kwargs })
    }

    fn inst(&mut self, module: &[u8], name: &[u8], args: Items<'_, NodeId>) -> Built {
        self.room(args.len())?;
        let class = self.global(utf8::ascii(module)?.as_bytes(), utf8::ascii(name)?.as_bytes())?;
        Ok(self.graph.push(Node::Inst { class, args: args.as_slice() }))
    }

    fn obj(&mut self, class: NodeId, args: Items<'_, NodeId>) -> Built {
        self.room(args.len())?;
        refusal::call(self.python_type(class))?;
        Ok(self.graph.push(Node::Obj { class, args: args.as_slice() }))
    }

    fn build(&mut self, object: &NodeId, state: NodeId) -> Done {
        self.room(1)?;
        if let Some(type_name) = python_type(self.graph.node(*object)) {
            self.check_state(type_name, state)?;
            if state == NodeId::NONE {
                // Nothing to do, which every object can have done to it.
                return Ok(());
            }
        }
        self.graph.build(*object, state);
        Ok(())
    }

    fn persistent_id(&mut self, id: &[u8]) -> Built {
        let id = utf8::ascii(id).map_err(|_| ErrorKind::PersistentIdNotAscii)?;
        self.push(Node::PersistentId(id.into()))
    }

    fn bin_persistent_id(&mut self, id: NodeId) -> Built {
        self.push(Node::BinPersistentId(id))
    }

    #[inline]
    fn memoized(&mut self, index: usize, value: &NodeId) {
        if self.signs.first_index.is_none() {
            self.signs.first_index = Some(index);
        }
        self.graph.set_memoized(*value);
    }

    const FOLLOWS_POPPED: bool = true;

    fn discard(&mut self, value: NodeId) -> Option<usize> {
        self.room(1).ok()?;
        let before = self.graph.discarded().len();
        self.graph.discard(value);
        (self.graph.discarded().len() > before).then(|| {
            self.popped.push((value, self.graph.len()));
            self.popped.len() - 1
        })
    }

    fn replaced(&mut self, popped: usize, first: &NodeId, last: &NodeId) {
        let Some(&(popped, made)) = self.popped.get(popped) else { return };
        let is_new = |id: &NodeId| id.index().is_some_and(|index| index >= made);
        // What was there already is what a recursive tuple gives way to, by the first item of which it is known.
        let gives_way = || self.graph.node(*first).as_tuple().is_some_and(|items| items.first() == Some(&popped));
        if is_new(last) && (is_new(first) || !gives_way()) {
            self.graph.discard_before(*last, popped);
        }
    }
}

/// Whether a container with so many items was filled by whole batches.
fn is_full_batch(items: usize) -> bool {
    items > 0 && items.is_multiple_of(BATCH)
}
