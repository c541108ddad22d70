//! [`Writer`]: the walk over a graph that writes it, without recursion.

use std::collections::HashMap;

use bytes::Bytes;
use pickle_graph::{Graph, IntForm, Node, NodeId, Pickler, Step};
use pickle_opcodes::{Opcode, Protocol};

use super::{
    GraphEncoder, Pickled,
    attempts::Attempts,
    frames::Frame,
    habits::Habits,
    items::{Items, Next},
    memo::Memo,
};
use crate::{Encoder, Error, ErrorKind, Sink, arg, by_call::ByCall};

/// Writes one pickle of a graph.
pub(super) struct Writer<'g, S> {
    pub(super) graph: &'g Graph,
    pub(super) encoder: Encoder<S>,
    pub(super) protocol: Protocol,
    pub(super) fix_imports: bool,
    in_band: Option<&'g [Bytes]>,
    pub(super) habits: Habits,
    /// Whether the pickle is written at the protocol that the graph was read at, so that it may be written as it was.
    as_read: bool,
    /// Whether integers are written in the form that they were read in.
    keeps_int_forms: bool,
    memo: Memo,
    /// How often each node is held, two standing for more, once there was a node that need not be put in the memo.
    held: Option<Vec<u8>>,
    /// Strings and globals in the memo that are no nodes: module names, and what conversions call.
    pub(super) strings: HashMap<&'g [u8], usize>,
    pub(super) globals: HashMap<(&'g str, &'g str), usize>,
    pub(super) frames: Vec<Frame<'g>>,
    buffers: Vec<u32>,
    attempts: Attempts,
    /// What is written and thrown away again before an object.
    pub(super) discarded_before: HashMap<NodeId, Vec<NodeId>>,
}

impl<'g, S: Sink> Writer<'g, S> {
    pub(super) fn new(how: &GraphEncoder<'g>, graph: &'g Graph, sink: S, protocol: Protocol, pickler: Pickler) -> Self {
        let habits = Habits::of(pickler, protocol);
        let as_read = protocol == graph.protocol();
        let encoder = Encoder::new(sink, protocol);
        Writer {
            graph,
            encoder: if habits.early_frames { encoder.with_early_frames() } else { encoder },
            protocol,
            fix_imports: how.fix_imports,
            in_band: how.in_band,
            habits,
            as_read,
            // The `int` and the `long` of Python 2 are two types.
            keeps_int_forms: as_read
                || protocol <= Protocol::V2 && matches!(graph.pickler(), Pickler::Pickle2 | Pickler::CPickle),
            memo: Memo::new(graph.len()),
            held: None,
            strings: HashMap::new(),
            globals: HashMap::new(),
            frames: Vec::new(),
            buffers: Vec::new(),
            attempts: Attempts::of(graph),
            discarded_before: discarded_before(graph),
        }
    }

    pub(super) fn write(mut self, root: NodeId) -> Result<Pickled<S>, Error> {
        self.encoder.begin();
        self.frames.push(Frame::Save(root));
        while let Some(top) = self.frames.len().checked_sub(1) {
            match &mut self.frames[top] {
                &mut Frame::Items(items) => self.items(top, items)?,
                Frame::All(ids) => match ids.next() {
                    Some(&id) => _ = self.save(id)?,
                    None => self.frames.truncate(top),
                },
                _ => self.finish_top()?,
            }
        }
        self.encoder.end();
        Ok(Pickled { sink: self.encoder.into_sink(), buffers: self.buffers })
    }

    /// Writes items until one of them needs more than an op.
    fn items(&mut self, top: usize, mut items: Items<'g>) -> Result<(), Error> {
        loop {
            match items.next() {
                Next::Id(id) => {
                    if self.save(id)? {
                        self.frames[top] = Frame::Items(items);
                        return Ok(());
                    }
                }
                Next::Ops(a, b) => [a, b].into_iter().flatten().for_each(|op| self.encoder.op(op)),
                Next::Done => {
                    self.frames.truncate(top);
                    return Ok(());
                }
            }
        }
    }

    fn finish_top(&mut self) -> Result<(), Error> {
        let Some(frame) = self.frames.pop() else { return Ok(()) };
        match frame {
            Frame::Items(_) | Frame::All(_) => {}
            Frame::Save(id) => _ = self.save(id)?,
            Frame::Op(opcode) => self.encoder.op(opcode),
            Frame::Tuple(id) => self.finish_tuple(id)?,
            Frame::NamelessTuple(len) => self.tuple_of_values(len)?,
            Frame::FrozenSet(id) => {
                if self.memo.get(id).is_some() {
                    self.encoder.op(Opcode::PopMark);
                    self.get(id)?;
                } else {
                    self.encoder.op(Opcode::FrozenSet);
                    self.made(id)?;
                }
            }
            Frame::Make(id, opcode) => {
                self.encoder.op(opcode);
                self.finish_object(id)?;
            }
            Frame::Inst(id) => {
                if let Node::Inst { class, .. } | Node::Obj { class, .. } = self.graph.node(id) {
                    let (module, name) = self.global_names(class)?;
                    self.encoder.inst(module, name)?;
                }
                self.finish_object(id)?;
            }
            Frame::Steps(mut steps, id) => {
                if let Some(step) = steps.next() {
                    self.frames.push(Frame::Steps(steps, id));
                    self.step(id, step);
                }
            }
        }
        Ok(())
    }

    /// Writes a node, or a reference to it; says whether frames were pushed for the rest of it.
    #[inline]
    pub(super) fn save(&mut self, id: NodeId) -> Result<bool, Error> {
        self.encoder.boundary();
        if let Some(place) = self.memo.get(id) {
            self.encoder.get(place + self.habits.memo_start)?;
            return Ok(false);
        }
        if !self.discarded_before.is_empty()
            && let Some(discarded) = self.discarded_before.remove(&id)
        {
            self.frames.push(Frame::Save(id));
            self.frames.extend(discarded.into_iter().rev().flat_map(|id| [Frame::Op(Opcode::Pop), Frame::Save(id)]));
            return Ok(true);
        }
        match self.graph.node(id) {
            Node::Str(text) => {
                if self.habits.raw_controls {
                    self.raw_text(text.as_bytes());
                } else {
                    self.encoder.str(text.as_bytes())?;
                }
                self.made(id)
            }
            Node::Int(value) => {
                self.int(id, value)?;
                Ok(false)
            }
            Node::Float(value) => {
                if self.habits.float_17_digits {
                    let mut text = Vec::new();
                    arg::float_17_digits(value, &mut text);
                    self.encoder.text(Opcode::Float, &text);
                } else {
                    self.encoder.float(value);
                }
                Ok(false)
            }
            Node::None => {
                self.encoder.none();
                Ok(false)
            }
            Node::Bool(value) => {
                self.encoder.bool(value);
                Ok(false)
            }
            node => self.save_other(id, node),
        }
    }

    fn save_other(&mut self, id: NodeId, node: Node<'g>) -> Result<bool, Error> {
        match node {
            Node::None | Node::Bool(_) | Node::Int(_) | Node::Float(_) | Node::Str(_) => return Ok(false),
            Node::BigInt(value) => {
                self.encoder.long(&value.to_signed_bytes_le())?;
                return Ok(false);
            }
            Node::Tuple([]) => {
                self.encoder.empty_tuple();
                return Ok(false);
            }
            Node::String(bytes) => self.encoder.string(bytes)?,
            Node::Bytes(bytes) if self.protocol >= Protocol::V3 => self.encoder.bytes(bytes)?,
            Node::Bytes(bytes) => self.bytes_by_call(bytes)?,
            Node::ByteArray(bytes) if self.protocol >= Protocol::V5 => self.encoder.bytearray(bytes)?,
            Node::ByteArray(bytes) => self.bytearray_by_call(bytes)?,
            Node::Global { .. } => {
                if let Some([module, name]) = self.names_behind_discarded(id) {
                    self.frames.extend([Frame::Make(id, Opcode::StackGlobal), Frame::Save(name), Frame::Save(module)]);
                    return Ok(true);
                }
                self.save_global(id)?;
            }
            Node::List(items) => {
                self.encoder.empty_list();
                let items = Items::list(items, true, self.protocol, &self.habits);
                return self.made_then(id, Some(Frame::Items(items)));
            }
            Node::Dict(items) => {
                self.encoder.empty_dict();
                let items = (!items.is_empty()).then(|| Items::dict(items, true, self.protocol, &self.habits));
                return self.made_then(id, items.map(Frame::Items));
            }
            Node::Set(items) if self.protocol >= Protocol::V4 => {
                self.encoder.op(Opcode::EmptySet);
                let items = (!items.is_empty()).then(|| Items::set(items, &self.habits));
                return self.made_then(id, items.map(Frame::Items));
            }
            Node::FrozenSet(items) if self.protocol >= Protocol::V4 => {
                self.memo.open(id, items.len())?;
                self.encoder.op(Opcode::Mark);
                self.frames.extend([Frame::FrozenSet(id), Frame::All(items.iter())]);
                return Ok(true);
            }
            Node::Set(items) | Node::FrozenSet(items) => {
                self.memo.open(id, items.len())?;
                self.set_by_call(id, node, items)?;
                return Ok(true);
            }
            Node::Tuple(items) => {
                self.memo.open(id, items.len())?;
                if self.is_long_tuple(id) {
                    self.encoder.op(Opcode::Mark);
                } else {
                    self.encoder.begin_tuple(items.len());
                }
                self.frames.extend([Frame::Tuple(id), Frame::All(items.iter())]);
                return Ok(true);
            }
            Node::Extension(code) => {
                self.encoder.extension(code)?;
                return self.made_if_said(id);
            }
            Node::PersistentId(text) => {
                self.persistent_id(text)?;
                return self.made_if_said(id);
            }
            Node::BinPersistentId(of) => {
                self.memo.open(id, 1)?;
                self.frames.extend([Frame::Make(id, Opcode::BinPersId), Frame::Save(of)]);
                return Ok(true);
            }
            Node::Buffer { index, readonly } => {
                if self.save_buffer(index, readonly)? {
                    return self.made_if_said(id);
                }
            }
            Node::Reduce { .. } | Node::NewObj { .. } | Node::NewObjEx { .. } | Node::Inst { .. } | Node::Obj { .. } => {
                self.memo.open(id, 1)?;
                let made_first = self.attempts.take(id).map(|attempt| self.graph.node(attempt));
                self.save_object(id, made_first.unwrap_or(node))?;
                return Ok(true);
            }
        }
        self.made(id)
    }

    fn save_object(&mut self, id: NodeId, node: Node<'g>) -> Result<(), Error> {
        match node {
            Node::Reduce { callable, args } => {
                self.frames.extend([Frame::Make(id, Opcode::Reduce), Frame::Save(args), Frame::Save(callable)]);
            }
            Node::NewObj { class, args } if self.protocol >= Protocol::V2 => {
                self.frames.extend([Frame::Make(id, Opcode::NewObj), Frame::Save(args), Frame::Save(class)]);
            }
            Node::NewObjEx { class, args, kwargs } if self.protocol >= Protocol::V4 => {
                let parts = [Frame::Make(id, Opcode::NewObjEx), Frame::Save(kwargs), Frame::Save(args), Frame::Save(class)];
                self.frames.extend(parts);
            }
            Node::NewObj { class, args } => self.new_obj_by_call(id, class, args)?,
            Node::NewObjEx { class, args, kwargs } => self.new_obj_ex_by_call(id, class, args, kwargs)?,
            Node::Inst { class, args } | Node::Obj { class, args } => {
                self.encoder.op(Opcode::Mark);
                let by_inst = self.protocol == Protocol::V0
                    && self.graph.node(class).as_global().is_some()
                    && self.graph.steps(class).next().is_none();
                if by_inst {
                    self.frames.extend([Frame::Inst(id), Frame::All(args.iter())]);
                } else {
                    self.frames.extend([Frame::Make(id, Opcode::Obj), Frame::All(args.iter()), Frame::Save(class)]);
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn finish_tuple(&mut self, id: NodeId) -> Result<(), Error> {
        let len = self.graph.node(id).as_tuple().map_or(0, <[NodeId]>::len);
        if self.memo.get(id).is_none() {
            if self.is_long_tuple(id) {
                self.encoder.op(Opcode::Tuple);
            } else {
                self.encoder.op(self.encoder.tuple_opcode(len));
            }
            self.made(id)?;
        } else {
            if self.encoder.tuple_opcode(len) != Opcode::Tuple && !self.is_long_tuple(id) {
                (0..len).for_each(|_| self.encoder.op(Opcode::Pop));
            } else if self.protocol > Protocol::V0 {
                self.encoder.op(Opcode::PopMark);
            } else {
                (0..=len).for_each(|_| self.encoder.op(Opcode::Pop));
            }
            self.get(id)?;
        }
        Ok(())
    }

    /// An object's opcode was written: it is on the stack, unless it was made meanwhile.
    pub(super) fn finish_object(&mut self, id: NodeId) -> Result<(), Error> {
        if matches!(self.graph.node(id), Node::BinPersistentId(_)) {
            self.made_if_said(id)?;
        } else if self.memo.get(id).is_some() {
            self.encoder.op(Opcode::Pop);
            self.get(id)?;
        } else {
            self.made(id)?;
        }
        Ok(())
    }

    fn step(&mut self, id: NodeId, step: Step<'g>) {
        let items = match step {
            Step::Append(items) => Items::list(items, false, self.protocol, &self.habits),
            Step::SetItems(items) => Items::dict(items, false, self.protocol, &self.habits),
            Step::AddItems(items) => Items::set(items, &self.habits),
            Step::Build(state) => return self.frames.extend([Frame::Op(Opcode::Build), Frame::Save(state)]),
            Step::SetState { setter, state } => {
                return self.frames.extend([
                    Frame::Op(Opcode::Pop),
                    Frame::Op(Opcode::Reduce),
                    Frame::Op(Opcode::Tuple2),
                    Frame::Save(state),
                    Frame::Save(id),
                    Frame::Save(setter),
                ]);
            }
        };
        self.frames.push(Frame::Items(items));
    }

    /// A node is on the stack: puts it in the memo, and goes on with what was done to it. Says whether there is more to write.
    #[inline]
    fn made(&mut self, id: NodeId) -> Result<bool, Error> {
        self.made_then(id, None)
    }

    /// The same, with its items before what else was done to it.
    #[inline]
    fn made_then(&mut self, id: NodeId, items: Option<Frame<'g>>) -> Result<bool, Error> {
        self.memoize(id)?;
        let before = self.frames.len();
        let steps = self.graph.steps(id);
        if steps.clone().next().is_some() {
            self.frames.push(Frame::Steps(steps, id));
        }
        self.frames.extend(items);
        Ok(self.frames.len() > before)
    }

    /// The same for what CPython does not put in the memo, unless a pickle did, or something is done to it.
    fn made_if_said(&mut self, id: NodeId) -> Result<bool, Error> {
        let said = self.as_read && self.graph.is_memoized(id) == Some(true);
        if said || self.graph.steps(id).next().is_some() {
            return self.made(id);
        }
        self.memo.forget(id);
        Ok(false)
    }

    #[inline]
    fn memoize(&mut self, id: NodeId) -> Result<(), Error> {
        if self.as_read && self.graph.is_memoized(id) == Some(false) && !self.is_held_twice(id) {
            self.memo.forget(id);
            return Ok(());
        }
        let place = self.memo.put(id)?;
        self.encoder.memoize(place + self.habits.memo_start)
    }

    fn is_held_twice(&mut self, id: NodeId) -> bool {
        let held = self.held.get_or_insert_with(|| held(self.graph));
        id.index().is_some_and(|index| held[index] > 1)
    }

    /// Puts in the memo what is no node.
    pub(super) fn memoize_nameless(&mut self) -> Result<usize, Error> {
        let place = self.memo.put_nameless()? + self.habits.memo_start;
        self.encoder.memoize(place)?;
        Ok(place)
    }

    fn get(&mut self, id: NodeId) -> Result<(), Error> {
        match self.memo.get(id) {
            Some(place) => self.encoder.get(place + self.habits.memo_start),
            None => Ok(()),
        }
    }

    fn int(&mut self, id: NodeId, value: i64) -> Result<(), Error> {
        let form = if self.keeps_int_forms { self.graph.int_form(id) } else { IntForm::Shortest };
        match form {
            IntForm::Int => self.encoder.text(Opcode::Int, value.to_string().as_bytes()),
            IntForm::Long if self.protocol >= Protocol::V2 => return self.encoder.small_long(value),
            IntForm::Long => self.encoder.text(Opcode::Long, format!("{value}L").as_bytes()),
            IntForm::Shortest if self.habits.int_by_long => {
                self.encoder.text(Opcode::Long, format!("{value}L").as_bytes());
            }
            IntForm::Shortest => self.encoder.int(value),
        }
        Ok(())
    }

    fn raw_text(&mut self, utf8: &[u8]) {
        let mut text = Vec::with_capacity(utf8.len());
        arg::raw_unicode_escape(utf8, false, &mut text);
        self.encoder.text(Opcode::Unicode, &text);
    }

    /// Whether a short tuple is written as the long one that it was read as.
    fn is_long_tuple(&self, id: NodeId) -> bool {
        self.as_read && self.graph.is_long_tuple(id)
    }

    /// Writes an out-of-band buffer; says whether it is out of band.
    fn save_buffer(&mut self, index: u32, readonly: bool) -> Result<bool, Error> {
        match self.in_band {
            Some(buffers) => {
                let bytes = buffers.get(index as usize).ok_or(ErrorKind::NoBuffer { index })?;
                match readonly {
                    true if self.protocol >= Protocol::V3 => self.encoder.bytes(bytes)?,
                    true => self.bytes_by_call(bytes)?,
                    false if self.protocol >= Protocol::V5 => self.encoder.bytearray(bytes)?,
                    false => self.bytearray_by_call(bytes)?,
                }
                Ok(false)
            }
            None if self.protocol < Protocol::V5 => {
                Err(ErrorKind::NeedsProtocol { opcode: Opcode::NextBuffer.name(), needs: Protocol::V5 }.into())
            }
            None => {
                self.buffers.push(index);
                self.encoder.op(Opcode::NextBuffer);
                if readonly {
                    self.encoder.op(Opcode::ReadonlyBuffer);
                }
                Ok(true)
            }
        }
    }
}

/// What was discarded before each object.
fn discarded_before(graph: &Graph) -> HashMap<NodeId, Vec<NodeId>> {
    let mut before: HashMap<NodeId, Vec<NodeId>> = HashMap::new();
    for &(next, discarded) in graph.discarded_before() {
        before.entry(next).or_default().push(discarded);
    }
    before
}

/// How often each node is held by what the root leads to, and by what is discarded on the way, two standing for more.
pub(super) fn held(graph: &Graph) -> Vec<u8> {
    let mut held = vec![0u8; graph.len()];
    let mut hold = |id: NodeId| {
        if let Some(index) = id.index() {
            held[index] = (held[index] + 1).min(2);
        }
    };
    let mut walk = graph.preorder(graph.root());
    let starts = std::iter::once(graph.root()).chain(graph.discarded_before().iter().map(|&(_, discarded)| discarded));
    for start in starts {
        hold(start);
        walk.and_from(start);
        for id in walk.by_ref() {
            graph.children(id).for_each(&mut hold);
            if let Some((module, name)) = graph.global_strings(id) {
                hold(module);
                hold(name);
            }
            if graph.steps(id).any(|step| matches!(step, Step::SetState { .. })) {
                hold(id);
            }
        }
    }
    held
}
