//! Editing: items in place, nodes replaced, globals renamed, parts of other graphs taken over.

use crate::{
    Error, ErrorKind, Graph, Node, NodeId, Step, Walk,
    slot::Slot,
    step::{StepData, Tail},
};

impl Graph {
    /// Puts another node in a node's place: whatever held the old one holds the new one. What had been done to the old one
    /// ([`Graph::steps`]) is gone.
    ///
    /// ```
    /// use pickle_graph::{Graph, Node};
    ///
    /// let mut graph = Graph::new();
    /// let name = graph.push(Node::Str("old".into()));
    /// let pair = graph.push(Node::Tuple(&[name, name]));
    /// graph.set_root(pair);
    /// graph.replace(name, Node::Str("new".into()))?;
    /// assert_eq!(graph.to_string(), "tuple\n  'new'\n  'new'\n");
    /// # Ok::<(), pickle_graph::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Constant`] where the id holds a constant: see [`Graph::items_mut`] and [`Graph::replace_references`].
    ///
    /// # Panics
    ///
    /// As [`Graph::push`].
    pub fn replace(&mut self, id: NodeId, node: Node<'_>) -> Result<(), Error> {
        if id.is_constant() {
            return Err(Error::new(ErrorKind::Constant));
        }
        self.set_tail(id, Tail::NONE);
        let slot = self.make_slot(node);
        if let Some(place) = self.slot_mut(id) {
            *place = slot;
        }
        Ok(())
    }

    /// The items of a list, tuple, set or frozenset, the keys and values of a dict by turns, the class and the arguments of
    /// `INST` and `OBJ`, to be changed in place; no items for other nodes.
    #[must_use]
    pub fn items_mut(&mut self, id: NodeId) -> &mut [NodeId] {
        match self.slot(id) {
            Slot::Container { items, .. } => self.items.get_mut(items),
            Slot::Inst { parts } | Slot::Obj { parts } => self.items.get_mut(parts),
            _ => &mut [],
        }
    }

    /// The value of a key in a dict: of the last item whose key is that `str`.
    #[must_use]
    pub fn get(&self, dict: NodeId, key: &str) -> Option<NodeId> {
        let items = self.node(dict).as_dict()?;
        items.iter().rev().find(|&&[k, _]| self.is_str(k, key)).map(|&[_, value]| value)
    }

    /// Sets the value of a key in a dict, in the place where it has that key already, or else at its end.
    ///
    /// # Panics
    ///
    /// As [`Graph::push`].
    pub fn insert(&mut self, dict: NodeId, key: &str, value: NodeId) {
        let items = self.node(dict).as_dict().unwrap_or_default();
        match items.iter().rposition(|&[k, _]| self.is_str(k, key)) {
            Some(index) => self.items_mut(dict)[2 * index + 1] = value,
            None => {
                let key = self.push(Node::Str(key.into()));
                self.set_item(dict, key, value);
            }
        }
    }

    /// Lets everything that held one node hold another, the root included.
    pub fn replace_references(&mut self, old: NodeId, new: NodeId) {
        let put = |id: &mut NodeId| {
            if *id == old {
                *id = new;
            }
        };
        for slot in self.slots_mut() {
            match slot {
                Slot::Constant(id) | Slot::BinPersistentId(id) => put(id),
                Slot::Reduce { callable: a, args: b, .. } | Slot::NewObj { class: a, args: b, .. } => {
                    put(a);
                    put(b);
                }
                _ => {}
            }
        }
        self.items.all_mut().iter_mut().for_each(put);
        for step in &mut self.steps {
            match &mut step.data {
                StepData::Build(state) => put(state),
                StepData::SetState { setter, state } => {
                    put(setter);
                    put(state);
                }
                StepData::Append(_) | StepData::SetItems(_) | StepData::AddItems(_) => {}
            }
        }
        if self.root() == old {
            self.set_root(new);
        }
    }

    /// Renames globals: `rename` gets each one's module and name and returns others, or `None` to leave them. Names with lone
    /// surrogates, which no module has, are left as they are.
    ///
    /// ```
    /// use pickle_graph::{Graph, Node};
    ///
    /// let mut graph = Graph::new();
    /// let class = graph.push(Node::Global { module: "old.place".into(), name: "Thing".into() });
    /// graph.map_globals(|module, name| (module == "old.place").then(|| ("new.place".into(), name.into())));
    /// assert_eq!(graph.node(class).as_global(), Some(("new.place", "Thing")));
    /// ```
    ///
    /// # Panics
    ///
    /// As [`Graph::push`].
    pub fn map_globals(&mut self, mut rename: impl FnMut(&str, &str) -> Option<(String, String)>) {
        for index in 0..self.globals.len() {
            let (module, name) = self.global(index);
            if let (Some(module), Some(name)) = (module.as_str(), name.as_str())
                && let Some((module, name)) = rename(module, name)
            {
                self.set_global(index, &module, &name);
            }
        }
    }

    /// Copies what a node of another graph leads to into this one, sharing and cycles included, and gives the copy's id.
    ///
    /// # Panics
    ///
    /// As [`Graph::push`].
    pub fn graft(&mut self, other: &Graph, id: NodeId) -> NodeId {
        let mut copies = vec![NodeId::NONE; other.len()];
        let order: Vec<NodeId> = other.preorder(id).filter(|id| !id.is_constant()).collect();
        // Every node gets its id first, so that what it holds can be named however the graph goes round.
        for id in &order {
            if let Some(index) = id.index() {
                copies[index] = self.reserve_node();
            }
        }
        let copy = |id: NodeId| id.index().map_or(id, |index| copies[index]);
        let mut items = Vec::new();
        for &id in &order {
            let to = copy(id);
            items.clear();
            items.extend(other.node_items(id).iter().map(|&id| copy(id)));
            let node = match other.node(id) {
                Node::List(_) => Node::List(&items),
                Node::Tuple(_) => Node::Tuple(&items),
                Node::Dict(_) => Node::Dict(items.as_chunks().0),
                Node::Set(_) => Node::Set(&items),
                Node::FrozenSet(_) => Node::FrozenSet(&items),
                Node::Reduce { callable, args } => Node::Reduce { callable: copy(callable), args: copy(args) },
                Node::NewObj { class, args } => Node::NewObj { class: copy(class), args: copy(args) },
                Node::NewObjEx { class, args, kwargs } => {
                    Node::NewObjEx { class: copy(class), args: copy(args), kwargs: copy(kwargs) }
                }
                Node::Inst { class, .. } => Node::Inst { class: copy(class), args: &items },
                Node::Obj { class, .. } => Node::Obj { class: copy(class), args: &items },
                Node::BinPersistentId(id) => Node::BinPersistentId(copy(id)),
                node => node,
            };
            let slot = self.make_slot(node);
            if let Some(place) = self.slot_mut(to) {
                *place = slot;
            }
            for step in other.steps(id) {
                items.clear();
                match step {
                    Step::Append(more) | Step::AddItems(more) => items.extend(more.iter().map(|&id| copy(id))),
                    Step::SetItems(more) => items.extend(more.as_flattened().iter().map(|&id| copy(id))),
                    Step::Build(_) | Step::SetState { .. } => {}
                }
                match step {
                    Step::Append(_) => self.extend(to, &items),
                    Step::SetItems(_) => self.set_items(to, items.as_chunks().0),
                    Step::AddItems(_) => self.add_items(to, &items),
                    Step::Build(state) => self.build(to, copy(state)),
                    Step::SetState { setter, state } => self.set_state(to, copy(setter), copy(state)),
                }
            }
        }
        copy(id)
    }

    fn reserve_node(&mut self) -> NodeId {
        self.push(Node::Extension(0))
    }

    fn node_items(&self, id: NodeId) -> &[NodeId] {
        match self.node(id) {
            Node::List(items) | Node::Tuple(items) | Node::Set(items) | Node::FrozenSet(items) => items,
            Node::Dict(items) => items.as_flattened(),
            Node::Inst { args, .. } | Node::Obj { args, .. } => args,
            _ => &[],
        }
    }

    fn is_str(&self, id: NodeId, text: &str) -> bool {
        matches!(self.node(id), Node::Str(value) if value == text)
    }

    /// Every node that an id leads to, itself first, each before what it holds, in the order in which a pickle would make
    /// them; each node once, constants every time.
    #[must_use]
    pub fn preorder(&self, id: NodeId) -> Walk<'_> {
        Walk::new(self, id, false)
    }

    /// Every node that an id leads to, itself last, each after what it holds (but for cycles); each node once, constants every
    /// time.
    #[must_use]
    pub fn postorder(&self, id: NodeId) -> Walk<'_> {
        Walk::new(self, id, true)
    }
}
