//! What a pickle does to an object after it was made: items, states, calls whose result is thrown away.

use crate::{
    Graph, Node, NodeId,
    items::Range,
    slot::{ContainerKind, Slot},
    step::{StepData, StepSlot, Tail},
};

/// These are what the opcodes of the same names do. They take any object, since any Python object may have an `append`
/// method, say: on a list, dict or set the items become the node's own, on other objects they become a
/// [`Step`](crate::Step). Nothing can be done to `None`, a bool, a number or an empty tuple (loading such a pickle fails): what
/// it was to be done with is [discarded](Graph::discarded).
///
/// # Panics
///
/// All of them as [`Graph::push`] does.
impl Graph {
    /// `APPEND`: appends one item.
    #[inline]
    pub fn append(&mut self, list: NodeId, item: NodeId) {
        self.extend(list, &[item]);
    }

    /// `APPENDS`: appends items.
    #[inline]
    pub fn extend(&mut self, list: NodeId, items: &[NodeId]) {
        if !self.extend_container(ContainerKind::List, list, items) {
            self.extend_step(list, StepData::Append(Range::EMPTY), items);
        }
    }

    /// `SETITEM`: sets one item. A key that the dict already has is there twice then, and the later value is the one that
    /// counts; see [`Graph::insert`].
    #[inline]
    pub fn set_item(&mut self, dict: NodeId, key: NodeId, value: NodeId) {
        self.set_items(dict, &[[key, value]]);
    }

    /// `SETITEMS`: sets items, each a key and a value.
    #[inline]
    pub fn set_items(&mut self, dict: NodeId, items: &[[NodeId; 2]]) {
        let items = items.as_flattened();
        if !self.extend_container(ContainerKind::Dict, dict, items) {
            self.extend_step(dict, StepData::SetItems(Range::EMPTY), items);
        }
    }

    /// `ADDITEMS`: adds items.
    #[inline]
    pub fn add_items(&mut self, set: NodeId, items: &[NodeId]) {
        if !self.extend_container(ContainerKind::Set, set, items) {
            self.extend_step(set, StepData::AddItems(Range::EMPTY), items);
        }
    }

    /// `BUILD`: gives an object its state.
    pub fn build(&mut self, object: NodeId, state: NodeId) {
        self.push_step(object, StepData::Build(state));
    }

    /// Gives an object its state by a call of `setter` with the object and the state: the sixth value of a reduction.
    pub fn set_state(&mut self, object: NodeId, setter: NodeId, state: NodeId) {
        self.push_step(object, StepData::SetState { setter, state });
    }

    /// `POP`: notes that an object was thrown away.
    ///
    /// The call of a state setter, which a pickle writes as `setter(object, state)` with the result popped and nothing of it in
    /// the memo, becomes the object's [`Step::SetState`](crate::Step::SetState). Whatever else can have an effect is in
    /// [`Graph::discarded`]. A call whose arguments are in the memo is there too: CPython's pickler puts those of a recursive
    /// object there. (In an optimized pickle they no longer are, so that such a call reads as a step, to the same effect.)
    pub fn discard(&mut self, id: NodeId) {
        let node = self.node(id);
        if let Node::Reduce { callable, args } = node
            && let Node::Tuple(&[object, state]) = self.node(args)
            && self.tail(id) == Tail::NONE
            && object != id
            // CPython does not put these arguments in the memo, but all others.
            && !self.has_memo_bit(args)
            && matches!(
                self.node(object),
                Node::Reduce { .. } | Node::NewObj { .. } | Node::NewObjEx { .. } | Node::Inst { .. } | Node::Obj { .. }
            )
        {
            return self.set_state(object, callable, state);
        }
        let inert = matches!(
            node,
            Node::None
                | Node::Bool(_)
                | Node::Int(_)
                | Node::BigInt(_)
                | Node::Float(_)
                | Node::Str(_)
                | Node::String(_)
                | Node::Bytes(_)
                | Node::ByteArray(_)
                | Node::Tuple([])
        );
        if !inert {
            self.discarded.push(id);
        }
    }

    /// Notes that an object that was [discarded](Self::discard) was made right before another was begun, in the same place of the
    /// stack: see [`Graph::discarded_before`].
    pub fn discard_before(&mut self, next: NodeId, discarded: NodeId) {
        self.discarded_before.push((next, discarded));
    }

    #[inline]
    fn extend_container(&mut self, expected: ContainerKind, id: NodeId, more: &[NodeId]) -> bool {
        let Slot::Container { kind, items: mut range } = self.slot(id) else { return false };
        if kind != expected {
            return false;
        }
        self.items.extend(&mut range, more);
        if let Some(Slot::Container { items, .. }) = self.slot_mut(id) {
            *items = range;
        }
        true
    }

    /// Items that follow items of the same kind join them.
    fn extend_step(&mut self, id: NodeId, new: StepData, more: &[NodeId]) {
        if let Some(last) = self.tail(id).get()
            && let (StepData::Append(range), StepData::Append(_))
            | (StepData::SetItems(range), StepData::SetItems(_))
            | (StepData::AddItems(range), StepData::AddItems(_)) = (&mut self.steps[last].data, new)
        {
            return self.items.extend(range, more);
        }
        let range = self.items.add(more);
        self.push_step(
            id,
            match new {
                StepData::SetItems(_) => StepData::SetItems(range),
                StepData::AddItems(_) => StepData::AddItems(range),
                _ => StepData::Append(range),
            },
        );
    }

    fn push_step(&mut self, id: NodeId, data: StepData) {
        if !self.node(id).has_identity() {
            let ids = match data {
                StepData::Append(items) | StepData::SetItems(items) | StepData::AddItems(items) => self.items.get(items),
                StepData::Build(state) => &[state],
                StepData::SetState { setter, state } => &[setter, state],
            };
            return self.discarded.extend(ids.iter().filter(|id| !id.is_constant()));
        }
        let index = self.steps.len();
        let tail = Tail::at(index);
        let next = match self.tail(id).get() {
            Some(last) => std::mem::replace(&mut self.steps[last].next, index as u32),
            None => index as u32,
        };
        self.steps.push(StepSlot { data, next });
        self.set_tail(id, tail);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Step;

    fn object(graph: &mut Graph) -> NodeId {
        let class = graph.push(Node::Global { module: "m".into(), name: "C".into() });
        graph.push(Node::NewObj { class, args: NodeId::EMPTY_TUPLE })
    }

    #[test]
    fn items_of_containers_are_in_the_node_and_those_of_objects_in_the_steps() {
        let mut graph = Graph::new();
        let (list, dict, set, object) =
            (graph.push(Node::List(&[])), graph.push(Node::Dict(&[])), graph.push(Node::Set(&[])), object(&mut graph));
        let [one, two] = [1, 2].map(|value| graph.push(Node::Int(value)));
        for id in [list, dict, set, object] {
            graph.append(id, one);
            graph.extend(id, &[two]);
            graph.set_item(id, one, two);
            graph.add_items(id, &[two, one]);
            graph.build(id, list);
        }
        assert_eq!(graph.node(list), Node::List(&[one, two]));
        assert_eq!(graph.node(dict), Node::Dict(&[[one, two]]));
        assert_eq!(graph.node(set), Node::Set(&[two, one]));
        let steps = [Step::Append(&[one, two]), Step::SetItems(&[[one, two]]), Step::AddItems(&[two, one]), Step::Build(list)];
        assert!(graph.steps(object).eq(steps));
        assert!(graph.steps(list).eq(steps[1..].iter().copied()));
    }

    #[test]
    fn a_discarded_call_with_an_object_and_its_state_is_the_objects_step() {
        let mut graph = Graph::new();
        let object = object(&mut graph);
        let setter = graph.push(Node::Global { module: "m".into(), name: "set".into() });
        let state = graph.push(Node::Dict(&[]));
        let args = graph.push(Node::Tuple(&[object, state]));
        let call = graph.push(Node::Reduce { callable: setter, args });
        graph.discard(call);
        assert!(graph.steps(object).eq([Step::SetState { setter, state }]));
        assert_eq!(graph.discarded(), []);
    }

    #[test]
    fn what_may_have_an_effect_is_remembered_when_discarded() {
        let mut graph = Graph::new();
        let text = graph.push(Node::Str("rm -rf /".into()));
        let system = graph.push(Node::Global { module: "os".into(), name: "system".into() });
        let args = graph.push(Node::Tuple(&[text]));
        let call = graph.push(Node::Reduce { callable: system, args });
        for id in [text, system, call, NodeId::NONE] {
            graph.discard(id);
        }
        assert_eq!(graph.discarded(), [system, call]);
    }
}
