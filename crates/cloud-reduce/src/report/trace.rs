//! [`Trace`]: a pickle executed to its end or its error, with what it did and where.

use bytes::Bytes;
use pickle_graph::{Graph, Node, NodeId};
use pickle_opcodes::{ArgKind, Opcode};
use pickle_parse::{Builder, Error, ErrorKind, GraphBuilder, Items, Loader, Machine, MachineError, Ops, Strings};
use rustc_hash::FxHashMap;

use super::{joblib, sizes::OwnBytes};
use crate::{ScanLimits, scan::Budget};

/// One thing that loading a pickle does beside making plain data.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Event {
    /// Where the opcode stands that does it, in bytes from the start of the pickle.
    pub offset: u64,
    /// The object that is imported, made or changed.
    pub node: NodeId,
    /// What is done.
    pub action: Action,
}

/// What an [`Event`] does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Action {
    /// The object is looked up in its module, which is imported before if need be.
    Import,
    /// As [`Import`](Action::Import), by names that only running the pickle gives: the node is a call of `Unpickler.find_class`
    /// with the two objects that are to be the names.
    ImportComputed,
    /// The object is what a call returns: by `REDUCE`, or by `INST` or `OBJ`, which call a class.
    Call,
    /// The object is what `__new__` of a class returns: `NEWOBJ` or `NEWOBJ_EX`.
    New,
    /// The object is whatever the reader's `persistent_load` makes of an id.
    Persistent,
    /// The object gets a state: by its `__setstate__`, or else its `__dict__` and attributes are set.
    SetState {
        /// The state.
        state: NodeId,
    },
    /// A method of the object is called with items: it is no list, dict or set of the pickle.
    AddItems {
        /// The method: `"append"`, `"extend"`, `"__setitem__"` or `"add"`.
        method: &'static str,
    },
}

/// A pickle that was executed, as far as it could be. Nothing was imported and nothing called.
#[derive(Debug)]
pub(crate) struct Trace {
    pub(crate) graph: Graph,
    pub(crate) events: Vec<Event>,
    pub(crate) own_bytes: OwnBytes,
    /// How many bytes the pickle has through `STOP`, or through the last op before the error.
    pub(crate) length: usize,
    pub(crate) error: Option<Error>,
    /// How many bytes the input would have to have for the error to be another one, as far as is told; 0 where it would be the same
    /// whatever followed the input, or where there is none.
    pub(crate) wants: u64,
    /// Where the first op begins that crosses the end of a frame, or the first frame that begins in another.
    pub(crate) crossed_frame: Option<u64>,
    /// How many ops push an object that another one made: `DUP`, `GET` and its like.
    pub(crate) shares: u32,
    /// How many of these are `DUP`.
    pub(crate) dups: u32,
    /// How often the list or dict holds itself that does so most often.
    pub(crate) most_in_itself: u32,
    /// The pickles of joblib's arrays of objects, which stand in the midst of this one, and where each begins.
    pub(crate) arrays: Vec<(usize, Trace)>,
    /// Whether raw numbers of joblib's were passed over.
    skips_numbers: bool,
    /// The same pickle as `pickle.load` reads it, to which joblib's raw numbers are opcodes; where there are such numbers.
    pub(crate) plain: Option<Box<Trace>>,
    /// Where an array of joblib begins whose size cannot be told.
    pub(crate) untold_array: Option<u64>,
}

impl Trace {
    /// Executes the pickle that `input` begins with. Names of Python 2 become those of Python 3, as `pickle.loads` does it unless
    /// told otherwise, and its `str`s become `str`s, so that no name can hide in one.
    /// No more opcodes are executed than the budget has.
    pub(crate) fn run(input: &Bytes, budget: &Budget) -> Trace {
        Self::run_noting(input, &OwnBytes::unkept(), budget)
    }

    /// As [`run`](Self::run), with how many bytes each object takes, and all opcodes.
    pub(crate) fn run_with_sizes(input: &Bytes) -> Trace {
        Self::run_noting(input, &OwnBytes::default(), &Budget::new(&ScanLimits::DEFAULT, input.len() as u64))
    }

    fn run_noting(input: &Bytes, own_bytes: &OwnBytes, budget: &Budget) -> Trace {
        let (plain, announces_arrays) = Self::run_as(input, own_bytes.clone(), false, budget);
        if !announces_arrays {
            return plain;
        }
        // Up to the first array, both go alike.
        let (mut trace, _) = Self::run_as(input, own_bytes.clone(), true, budget);
        // The longer the input, the more of it may be numbers.
        trace.wants = input.len() as u64 + 1;
        trace.plain = trace.skips_numbers.then(|| Box::new(plain));
        trace
    }

    /// Executes a pickle as joblib does, or as `pickle.load` does, and tells whether it announces arrays of joblib.
    fn run_as(input: &Bytes, own_bytes: OwnBytes, with_arrays: bool, budget: &Budget) -> (Trace, bool) {
        let mut inner = Loader::new().strings(Strings::Latin1).python3_names(true).builder(input.clone());
        // So that nothing grows bit by bit in a small pickle.
        let nodes = (input.len() / BYTES_PER_NODE).min(MAX_RESERVED);
        inner.graph_mut().reserve(nodes, nodes);
        let recorder = Recorder {
            input: input.clone(),
            shares: 0,
            dups: 0,
            in_itself: FxHashMap::default(),
            opcodes: 0,
            inner,
            offset: 0,
            events: Vec::new(),
            own_bytes,
            raw: None,
            announces_arrays: false,
            skips_numbers: false,
            untold_array: None,
            frame_end: 0,
            crossed_frame: None,
        };
        let mut machine = Machine::new(recorder);
        let mut arrays = Vec::new();
        // No opcode is shorter than a byte.
        let run = if with_arrays || input.len() as u64 > budget.left() {
            run_step_by_step(&mut machine, input, with_arrays.then_some(&mut arrays), budget)
        } else {
            machine.run(input)
        };
        let mut recorder = machine.into_builder();
        budget.spend(recorder.opcodes);
        let mut wants = 0;
        let (root, length, error) = match run {
            Ok((root, length)) => (root, length, None),
            Err(error) => {
                let error = completed(error);
                // Another reader may be able to read the op, and what stands behind it, in its own way.
                recorder.at_error(error.offset(), input);
                wants = wanted(&error, input, recorder.frame_end);
                (NodeId::NONE, recorder.offset as usize, Some(error))
            }
        };
        recorder.own_bytes.end(root, length as u64);
        if error.is_none() {
            recorder.leave_op(length as u64);
        }
        let trace = Trace {
            graph: recorder.inner.finish(root, &input[..length]),
            events: recorder.events,
            own_bytes: recorder.own_bytes,
            length,
            error,
            wants,
            crossed_frame: recorder.crossed_frame,
            shares: recorder.shares,
            dups: recorder.dups,
            most_in_itself: recorder.in_itself.into_values().max().unwrap_or_default(),
            arrays,
            skips_numbers: recorder.skips_numbers,
            plain: None,
            untold_array: recorder.untold_array,
        };
        (trace, recorder.announces_arrays)
    }
}

/// A low guess at how many bytes of a pickle there are for each node of its graph, and for how many nodes room is made before they
/// are seen.
const BYTES_PER_NODE: usize = 8;
const MAX_RESERVED: usize = 256;

/// How many bytes the op has that `input` begins with, though its argument may be none that can be read.
fn failed_op_length(input: &[u8]) -> usize {
    let mut ops = Ops::new(input);
    if let Some(Ok(_)) = ops.next() {
        return ops.offset();
    }
    let lines = match input.first().and_then(|&byte| Opcode::from_byte(byte)?.arg()) {
        Some(ArgKind::StringnlNoescapePair) => 2,
        Some(
            ArgKind::Stringnl
            | ArgKind::StringnlNoescape
            | ArgKind::Unicodestringnl
            | ArgKind::DecimalnlShort
            | ArgKind::DecimalnlLong
            | ArgKind::Floatnl,
        ) => 1,
        // Cut by the end of the input, or no opcode.
        Some(_) => return input.len(),
        None => return input.len().min(1),
    };
    memchr::memchr_iter(b'\n', input).nth(lines - 1).map_or(input.len(), |end| end + 1)
}

/// How many bytes the input would have to have for a pickle to end in another error than in this one; 0 where it is the same
/// whatever follows. `frame_end` is where the last frame ends that began.
#[cold]
fn wanted(error: &Error, input: &[u8], frame_end: u64) -> u64 {
    let offset = error.offset();
    let rest = usize::try_from(offset).ok().and_then(|offset| input.get(offset..)).unwrap_or_default();
    let is_cut = matches!(error.kind(), ErrorKind::Truncated | ErrorKind::RanOut);
    if !is_cut && failed_op_length(rest) < rest.len() {
        return 0;
    }
    let told = if offset < frame_end { None } else { told_length(rest) };
    told.map_or(input.len() as u64 + 1, |length| offset.saturating_add(length))
}

/// How many bytes the op that `input` begins with says that it has, or, of `FRAME`, its frame; `None` where it says nothing or too
/// little of it is there.
fn told_length(input: &[u8]) -> Option<u64> {
    use ArgKind::{Bytearray8, Bytes4, Bytes8, Long4, String4, Unicodestring4, Unicodestring8};
    let opcode = Opcode::from_byte(*input.first()?)?;
    let (told, width) = match opcode.arg()? {
        Bytes4 | String4 | Unicodestring4 | Long4 => (u64::from(u32::from_le_bytes(*input[1..].first_chunk()?)), 4),
        Bytes8 | Unicodestring8 | Bytearray8 => (u64::from_le_bytes(*input[1..].first_chunk()?), 8),
        _ if opcode == Opcode::Frame => (u64::from_le_bytes(*input[1..].first_chunk()?), 8),
        _ => return None,
    };
    Some(told.saturating_add(1 + width))
}

#[cold]
fn completed(error: MachineError<Box<ErrorKind>>) -> Error {
    error.into()
}

/// Runs a pickle as far as the budget goes; with `arrays` as joblib does, whose arrays stand as raw numbers between the opcodes.
fn run_step_by_step(
    machine: &mut Machine<Recorder>,
    input: &Bytes,
    mut arrays: Option<&mut Vec<(usize, Trace)>>,
    budget: &Budget,
) -> Result<(NodeId, usize), MachineError<Box<ErrorKind>>> {
    let mut position = 0;
    loop {
        let mut ops = Ops::new(&input[position..]);
        let (op, length) = match ops.next() {
            Some(Ok((_, op))) => (op, ops.offset()),
            Some(Err(error)) => {
                let offset = position as u64 + error.offset();
                let opcode = error.opcode();
                return Err(Error::new(error.into_kind(), offset, opcode).into());
            }
            None => return Err(Error::new(ErrorKind::RanOut, position as u64, None).into()),
        };
        if machine.builder().opcodes >= budget.left() {
            return Err(budget.exceed(position as u64).into());
        }
        let root = machine.step(position as u64, &op)?;
        position += length;
        if let Some(root) = root {
            return Ok((root, position));
        }
        if let Some(arrays) = &mut arrays
            && let Some(array) = machine.builder_mut().raw.take()
        {
            machine.builder_mut().leave_op(position as u64);
            machine.builder_mut().frame_end = 0;
            machine.builder_mut().skips_numbers = true;
            match array.end(input, position) {
                Some(end) => position = end,
                None => {
                    let objects = Trace::run_as(&input.slice(position..), OwnBytes::unkept(), false, budget).0;
                    let start = position;
                    position += objects.length;
                    let is_broken = objects.error.is_some();
                    arrays.push((start, objects));
                    if is_broken {
                        return Err(Error::new(ErrorKind::Truncated, position as u64, None).into());
                    }
                }
            }
        }
    }
}

/// How many bytes `FRAME` has with its argument.
const FRAME_OP: u64 = 9;

/// Builds the graph and writes down what is done.
struct Recorder {
    input: Bytes,
    shares: u32,
    dups: u32,
    /// By list or dict that holds itself: how often.
    in_itself: FxHashMap<NodeId, u32>,
    /// How many ops were begun.
    opcodes: u64,
    inner: GraphBuilder,
    offset: u64,
    events: Vec<Event>,
    own_bytes: OwnBytes,
    /// The array of which the numbers follow the op that is executed.
    raw: Option<joblib::RawArray>,
    announces_arrays: bool,
    skips_numbers: bool,
    untold_array: Option<u64>,
    /// Where the last frame ends.
    frame_end: u64,
    crossed_frame: Option<u64>,
}

type Built = Result<NodeId, Box<ErrorKind>>;
type Done = Result<(), Box<ErrorKind>>;

impl Recorder {
    /// The op that began last ends at an offset.
    #[inline]
    fn leave_op(&mut self, end: u64) {
        if self.offset < self.frame_end && self.frame_end < end {
            self.crossed_frame.get_or_insert(self.offset);
        }
    }

    /// The op at an offset is an error.
    #[cold]
    fn at_error(&mut self, offset: u64, input: &[u8]) {
        let rest = usize::try_from(offset).ok().and_then(|offset| input.get(offset..)).unwrap_or_default();
        if offset < self.frame_end && offset + (failed_op_length(rest) as u64) > self.frame_end {
            self.crossed_frame.get_or_insert(offset);
        }
    }

    #[inline]
    fn made(&mut self, node: NodeId) -> Built {
        self.own_bytes.claim(node);
        Ok(node)
    }

    fn did(&mut self, action: Action, node: NodeId) -> Built {
        self.events.push(Event { offset: self.offset, node, action });
        self.made(node)
    }

    /// Whether a state is one that `pickle.py` and PyPy pass over whatever object gets it, where CPython's own reader ends: they run what
    /// stands behind.
    fn gives_nothing(&self, state: NodeId) -> bool {
        let graph = self.inner.graph();
        let is_false = |id: NodeId| match graph.node(id) {
            Node::None | Node::Bool(false) | Node::Int(0) | Node::List([]) | Node::Tuple([]) | Node::Dict([]) => true,
            Node::Str(text) => text.is_empty(),
            Node::Bytes(bytes) | Node::String(bytes) => bytes.is_empty(),
            _ => false,
        };
        match graph.node(state) {
            Node::Tuple(&[dict, slots]) => is_false(dict) && is_false(slots),
            _ => is_false(state),
        }
    }

    /// An object that holds itself among its items is written down.
    #[inline]
    fn holds(&mut self, holder: NodeId, items: &[NodeId]) {
        let times = items.iter().filter(|&&item| item == holder).count();
        if times > 0 {
            let known = self.in_itself.entry(holder).or_default();
            *known = known.saturating_add(u32::try_from(times).unwrap_or(u32::MAX));
        }
    }

    /// Items were given to an object; that of lists, dicts and sets goes without saying.
    #[inline]
    fn filled(&mut self, node: NodeId, method: &'static str) -> Done {
        self.own_bytes.claim(node);
        if !matches!(self.inner.graph().node(node), Node::List(_) | Node::Dict(_) | Node::Set(_)) {
            self.events.push(Event { offset: self.offset, node, action: Action::AddItems { method } });
        }
        Ok(())
    }
}

/// Methods that make an object and have nothing to write down but who made it.
macro_rules! making {
    ($($name:ident($($arg:ident: $type:ty),*);)*) => {
        $(
            #[inline]
            fn $name(&mut self, $($arg: $type),*) -> Built {
                let node = self.inner.$name($($arg),*)?;
                self.made(node)
            }
        )*
    };
}

/// Methods that make an object by doing what is to be told.
macro_rules! doing {
    ($($name:ident($($arg:ident: $type:ty),*) $action:ident;)*) => {
        $(
            fn $name(&mut self, $($arg: $type),*) -> Built {
                let node = self.inner.$name($($arg),*)?;
                self.did(Action::$action, node)
            }
        )*
    };
}

impl Builder for Recorder {
    type Value = NodeId;
    type Error = Box<ErrorKind>;

    #[inline]
    fn at(&mut self, offset: u64) {
        self.leave_op(offset);
        self.opcodes += 1;
        let opcode = usize::try_from(offset).ok().and_then(|offset| self.input.get(offset));
        if matches!(opcode, Some(b'2' | b'g' | b'h' | b'j')) {
            self.shares = self.shares.saturating_add(1);
            self.dups = self.dups.saturating_add(u32::from(opcode == Some(&b'2')));
        }
        self.inner.at(offset);
        self.own_bytes.begin(offset);
        self.offset = offset;
    }

    fn frame(&mut self, offset: u64, length: u64) {
        if offset < self.frame_end {
            self.crossed_frame.get_or_insert(offset);
        }
        self.frame_end = offset.saturating_add(FRAME_OP).saturating_add(length);
        self.inner.frame(offset, length);
    }

    fn proto(&mut self, version: u8) -> Done {
        self.inner.proto(version)
    }

    making! {
        none();
        bool(value: bool);
        int(value: i64);
        long(twos_complement_le: &[u8]);
        float(value: f64);
        str(utf8: &[u8]);
        string(bytes: &[u8]);
        bytes(bytes: &[u8]);
        bytearray(bytes: &[u8]);
        next_buffer();
        readonly_buffer(buffer: NodeId);
        empty_list();
        empty_dict();
        empty_set();
        empty_tuple();
        tuple(items: Items<'_, NodeId>);
        list(items: Items<'_, NodeId>);
        dict(items: Items<'_, NodeId>);
        frozenset(items: Items<'_, NodeId>);
    }

    doing! {
        global(module: &[u8], name: &[u8]) Import;
        extension(code: i32) Import;
        reduce(callable: NodeId, args: NodeId) Call;
        new_obj(class: NodeId, args: NodeId) New;
        new_obj_ex(class: NodeId, args: NodeId, kwargs: NodeId) New;
        obj(class: NodeId, args: Items<'_, NodeId>) Call;
        persistent_id(id: &[u8]) Persistent;
        bin_persistent_id(id: NodeId) Persistent;
    }

    fn stack_global(&mut self, module: NodeId, name: NodeId) -> Built {
        let graph = self.inner.graph();
        let is_made = |id| {
            use Node::{Extension, Global, Inst, NewObj, NewObjEx, Obj, PersistentId, Reduce};
            matches!(
                graph.node(id),
                Reduce { .. } | NewObj { .. } | NewObjEx { .. } | Inst { .. } | Obj { .. } | Global { .. } | Extension(_)
            ) || matches!(graph.node(id), PersistentId(_) | Node::BinPersistentId(_))
        };
        // What a call returned may be a `str`: a reader that runs the call goes on.
        if is_made(module) || is_made(name) {
            let find = self.inner.global(b"pickle", b"Unpickler.find_class")?;
            let graph = self.inner.graph_mut();
            let args = graph.push(Node::Tuple(&[module, name]));
            let node = graph.push(Node::Reduce { callable: find, args });
            return self.did(Action::ImportComputed, node);
        }
        let node = self.inner.stack_global(module, name)?;
        self.did(Action::Import, node)
    }

    fn inst(&mut self, module: &[u8], name: &[u8], args: Items<'_, NodeId>) -> Built {
        let node = self.inner.inst(module, name, args)?;
        if let Node::Inst { class, .. } = self.inner.graph().node(node) {
            self.did(Action::Import, class)?;
        }
        self.did(Action::Call, node)
    }

    fn append(&mut self, list: &NodeId, item: NodeId) -> Done {
        self.holds(*list, &[item]);
        self.inner.append(list, item)?;
        self.filled(*list, "append")
    }

    fn extend(&mut self, list: &NodeId, items: Items<'_, NodeId>) -> Done {
        self.holds(*list, items.as_slice());
        self.inner.extend(list, items)?;
        self.filled(*list, "extend")
    }

    fn set_item(&mut self, dict: &NodeId, key: NodeId, value: NodeId) -> Done {
        self.holds(*dict, &[value]);
        self.inner.set_item(dict, key, value)?;
        self.filled(*dict, "__setitem__")
    }

    fn set_items(&mut self, dict: &NodeId, items: Items<'_, NodeId>) -> Done {
        self.holds(*dict, items.as_slice());
        self.inner.set_items(dict, items)?;
        self.filled(*dict, "__setitem__")
    }

    fn add_items(&mut self, set: &NodeId, items: Items<'_, NodeId>) -> Done {
        self.inner.add_items(set, items)?;
        self.filled(*set, "add")
    }

    fn build(&mut self, object: &NodeId, state: NodeId) -> Done {
        match self.inner.build(object, state) {
            Err(refused) if !self.gives_nothing(state) => return Err(refused),
            _ => {}
        }
        self.events.push(Event { offset: self.offset, node: *object, action: Action::SetState { state } });
        self.raw = None;
        if joblib::is_announced(self.inner.graph(), *object) {
            self.announces_arrays = true;
            self.raw = joblib::RawArray::of(self.inner.graph(), state);
            if self.raw.is_none() {
                self.untold_array.get_or_insert(self.offset);
            }
        }
        self.own_bytes.claim(*object);
        Ok(())
    }

    #[inline]
    fn memoized(&mut self, index: usize, value: &NodeId) {
        self.inner.memoized(index, value);
        self.own_bytes.claim(*value);
    }

    const FOLLOWS_POPPED: bool = GraphBuilder::FOLLOWS_POPPED;

    fn discard(&mut self, value: NodeId) -> Option<usize> {
        self.inner.discard(value)
    }

    fn replaced(&mut self, popped: usize, first: &NodeId, last: &NodeId) {
        self.inner.replaced(popped, first, last);
    }
}

impl Event {
    /// The opcode that does it, where one opcode alone does such a thing.
    #[must_use]
    pub fn opcode(&self, graph: &Graph) -> Option<Opcode> {
        Some(match (self.action, graph.node(self.node)) {
            (Action::Call, Node::Reduce { .. }) => Opcode::Reduce,
            (Action::Call, Node::Inst { .. }) => Opcode::Inst,
            (Action::Call, Node::Obj { .. }) => Opcode::Obj,
            (Action::New, Node::NewObj { .. }) => Opcode::NewObj,
            (Action::New, Node::NewObjEx { .. }) => Opcode::NewObjEx,
            (Action::ImportComputed, _) => Opcode::StackGlobal,
            (Action::SetState { .. }, _) => Opcode::Build,
            (Action::Persistent, Node::PersistentId(_)) => Opcode::PersId,
            (Action::Persistent, Node::BinPersistentId(_)) => Opcode::BinPersId,
            _ => return None,
        })
    }
}
