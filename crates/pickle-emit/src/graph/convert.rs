//! What a protocol has no opcode for, written as a call; and globals, which every protocol writes in its own way.

use pickle_graph::{Graph, Names, Node, NodeId, Str};
use pickle_opcodes::{Opcode, Protocol};

use super::{frames::Frame, items::Items, walk::Writer};
use crate::{Encoder, Error, ErrorKind, Sink, by_call::ByCall};

impl<'g, S: Sink> Writer<'g, S> {
    /// A set or frozenset below protocol 4.
    pub(super) fn set_by_call(&mut self, id: NodeId, node: Node<'g>, items: &'g [NodeId]) -> Result<(), Error> {
        self.save_known_global("builtins", if matches!(node, Node::Set(_)) { "set" } else { "frozenset" })?;
        self.encoder.begin_tuple(1);
        self.encoder.empty_list();
        self.memoize_nameless()?;
        let items = Items::list(items, true, self.protocol, &self.habits);
        self.frames.extend([Frame::Make(id, Opcode::Reduce), Frame::NamelessTuple(1), Frame::Items(items)]);
        Ok(())
    }

    /// What `NEWOBJ` made, below protocol 2.
    pub(super) fn new_obj_by_call(&mut self, id: NodeId, class: NodeId, args: NodeId) -> Result<(), Error> {
        let Node::Tuple(items) = self.graph.node(args) else {
            return Err(ErrorKind::NeedsProtocol { opcode: Opcode::NewObj.name(), needs: Protocol::V2 }.into());
        };
        self.save_known_global("copyreg", "__newobj__")?;
        self.encoder.begin_tuple(1 + items.len());
        self.frames.extend([
            Frame::Make(id, Opcode::Reduce),
            Frame::NamelessTuple(1 + items.len()),
            Frame::All(items.iter()),
            Frame::Save(class),
        ]);
        Ok(())
    }

    /// What `NEWOBJ_EX` made, below protocol 4.
    pub(super) fn new_obj_ex_by_call(&mut self, id: NodeId, class: NodeId, args: NodeId, kwargs: NodeId) -> Result<(), Error> {
        self.save_known_global("copyreg", "__newobj_ex__")?;
        self.encoder.begin_tuple(3);
        self.frames.extend([
            Frame::Make(id, Opcode::Reduce),
            Frame::NamelessTuple(3),
            Frame::Save(kwargs),
            Frame::Save(args),
            Frame::Save(class),
        ]);
        Ok(())
    }

    /// A persistent id that is a text.
    pub(super) fn persistent_id(&mut self, text: Str<'g>) -> Result<(), Error> {
        let bytes = text.as_bytes();
        if self.protocol == Protocol::V0 && bytes.is_ascii() && !bytes.contains(&b'\n') {
            self.encoder.text(Opcode::PersId, bytes);
        } else {
            self.save_string(bytes)?;
            self.encoder.op(Opcode::BinPersId);
        }
        Ok(())
    }

    /// Writes a global, but for its place in the memo.
    pub(super) fn save_global(&mut self, id: NodeId) -> Result<(), Error> {
        let (module, name) = self.global_names(id)?;
        if self.protocol >= Protocol::V4 {
            let strings = self.graph.global_strings(id);
            self.save_name(strings.map(|strings| strings.0), module)?;
            self.save_name(strings.map(|strings| strings.1), name)?;
            self.encoder.op(Opcode::StackGlobal);
            return Ok(());
        }
        // In a pickle that was read at protocol 3 or below, a dot in a name is a dot in a name.
        if name.contains('.') && self.graph.protocol() >= Protocol::V4 {
            return self.save_attribute(id);
        }
        self.encoder.global(module, name)
    }

    /// Writes `getattr(parent, name)` for each dot of a global's name.
    fn save_attribute(&mut self, id: NodeId) -> Result<(), Error> {
        let graph: &'g Graph = self.graph;
        let (module, path) = graph.node(id).as_global().unwrap_or_default();
        let names: Vec<&'g str> = path.split('.').collect();
        for _ in 1..names.len() {
            self.save_known_global("builtins", "getattr")?;
            self.encoder.begin_tuple(2);
        }
        self.save_known_global(module, names[0])?;
        for (depth, name) in names.iter().enumerate().skip(1) {
            self.value_str(name)?;
            self.tuple_of_values(2)?;
            self.encoder.op(Opcode::Reduce);
            if depth + 1 < names.len() {
                self.memoize_nameless()?;
            }
        }
        Ok(())
    }

    /// The names of a global at the protocol that is written.
    pub(super) fn global_names(&self, id: NodeId) -> Result<(&'g str, &'g str), Error> {
        let graph: &'g Graph = self.graph;
        let Some((module, name)) = graph.node(id).as_global() else {
            let (module, name) = match graph.node(id) {
                Node::Global { module, name } => (module.to_string(), name.to_string()),
                _ => Default::default(),
            };
            return Err(ErrorKind::GlobalName { module, name, protocol: self.protocol }.into());
        };
        let wanted = if self.protocol < Protocol::V3 { Names::Python2 } else { Names::Python3 };
        Ok(if self.fix_imports && graph.names() != wanted { wanted.of(module, name) } else { (module, name) })
    }

    /// The strings of a `STACK_GLOBAL`, where something is to be discarded before one of them: then they are written like any
    /// nodes.
    pub(super) fn names_behind_discarded(&self, id: NodeId) -> Option<[NodeId; 2]> {
        if self.discarded_before.is_empty() || self.protocol < Protocol::V4 {
            return None;
        }
        let (module, name) = self.global_names(id).ok()?;
        let (module_id, name_id) = self.graph.global_strings(id)?;
        let is_behind = [module_id, name_id].iter().any(|id| self.discarded_before.contains_key(id));
        (is_behind && self.is_name(module_id, module) && self.is_name(name_id, name)).then_some([module_id, name_id])
    }

    /// Whether a string of a `STACK_GLOBAL` is still the name.
    fn is_name(&self, id: NodeId, text: &str) -> bool {
        matches!(self.graph.node(id), Node::Str(found) if found == text) && self.graph.steps(id).next().is_none()
    }

    /// Writes one of the strings of `STACK_GLOBAL`: the node, if the graph has it, and nothing has to be done before.
    fn save_name(&mut self, id: Option<NodeId>, text: &'g str) -> Result<(), Error> {
        if let Some(id) = id
            && self.is_name(id, text)
            && !self.discarded_before.contains_key(&id)
        {
            self.save(id)?;
            return Ok(());
        }
        self.save_string(text.as_bytes())
    }

    /// Writes a string that is no node.
    fn save_string(&mut self, text: &'g [u8]) -> Result<(), Error> {
        self.encoder.boundary();
        if let Some(&place) = self.strings.get(text) {
            return self.encoder.get(place);
        }
        self.encoder.str(text)?;
        let place = self.memoize_nameless()?;
        self.strings.insert(text, place);
        Ok(())
    }

    /// Writes a global that is no node, by its names in Python 3.
    fn save_known_global(&mut self, module: &'g str, name: &'g str) -> Result<(), Error> {
        self.encoder.boundary();
        let key = (module, name);
        if let Some(&place) = self.globals.get(&key) {
            return self.encoder.get(place);
        }
        if self.protocol >= Protocol::V4 {
            self.save_string(module.as_bytes())?;
            self.save_string(name.as_bytes())?;
            self.encoder.op(Opcode::StackGlobal);
        } else if self.protocol < Protocol::V3 && self.fix_imports {
            let (module, name) = Names::Python2.of(module, name);
            self.encoder.global(module, name)?;
        } else {
            self.encoder.global(module, name)?;
        }
        let place = self.memoize_nameless()?;
        self.globals.insert(key, place);
        Ok(())
    }
}

impl<S: Sink> ByCall for Writer<'_, S> {
    type Sink = S;

    fn encoder(&mut self) -> &mut Encoder<S> {
        &mut self.encoder
    }

    fn memoize_top(&mut self) -> Result<(), Error> {
        self.memoize_nameless().map(|_| ())
    }

    fn known_global(&mut self, module: &'static str, name: &'static str) -> Result<(), Error> {
        self.save_known_global(module, name)
    }

    fn known_str(&mut self, text: &'static str) -> Result<(), Error> {
        self.save_string(text.as_bytes())
    }

    fn value_str(&mut self, text: &str) -> Result<(), Error> {
        self.encoder.boundary();
        self.encoder.str(text.as_bytes())?;
        self.memoize_top()
    }

    fn value_bytes(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.encoder.boundary();
        if self.protocol >= Protocol::V3 {
            self.encoder.bytes(bytes)?;
        } else {
            self.bytes_by_call(bytes)?;
        }
        self.memoize_top()
    }
}
