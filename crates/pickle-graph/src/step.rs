//! [`Step`] and [`Steps`]: what was done to an object after it was made, in order.

use std::fmt;

use crate::{
    Graph, NodeId,
    items::{Items, Range},
};

/// One thing that was done to an object after it was made.
///
/// CPython's pickler writes them in this order, at most one of each: appended items, set items, then the state.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Step<'a> {
    /// Items appended (`APPEND`, `APPENDS`): the fourth of a reduction's six values.
    Append(&'a [NodeId]),
    /// Items set (`SETITEM`, `SETITEMS`), each a key and a value: the fifth of a reduction's six values.
    SetItems(&'a [[NodeId; 2]]),
    /// Items added (`ADDITEMS`).
    AddItems(&'a [NodeId]),
    /// A state given to `__setstate__`, or put into the `__dict__` (`BUILD`): the third of a reduction's six values.
    Build(NodeId),
    /// A state given to `setter(object, state)`: the sixth and the third of a reduction's six values.
    SetState {
        /// What is called with the object and the state.
        setter: NodeId,
        /// The state.
        state: NodeId,
    },
}

/// One step; the steps of an object are a ring.
#[derive(Clone, Copy, Debug)]
pub(crate) struct StepSlot {
    pub(crate) data: StepData,
    /// The index of the step that follows; of the last one, that of the first.
    pub(crate) next: u32,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum StepData {
    Append(Range),
    SetItems(Range),
    AddItems(Range),
    Build(NodeId),
    SetState { setter: NodeId, state: NodeId },
}

impl StepData {
    pub(crate) fn view(self, items: &Items) -> Step<'_> {
        match self {
            StepData::Append(range) => Step::Append(items.get(range)),
            StepData::SetItems(range) => Step::SetItems(items.get(range).as_chunks().0),
            StepData::AddItems(range) => Step::AddItems(items.get(range)),
            StepData::Build(state) => Step::Build(state),
            StepData::SetState { setter, state } => Step::SetState { setter, state },
        }
    }
}

/// The last step of an object's ring, by its index; or none.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Tail(u32);

impl Tail {
    pub(crate) const NONE: Tail = Tail(0);

    #[inline]
    pub(crate) fn get(self) -> Option<usize> {
        (self.0 as usize).checked_sub(1)
    }

    pub(crate) fn at(index: usize) -> Tail {
        Tail(u32::try_from(index + 1).unwrap_or_else(|_| crate::graph::too_large()))
    }
}

/// The steps of an object, in order; made by [`Graph::steps`].
#[derive(Clone)]
pub struct Steps<'a> {
    graph: &'a Graph,
    next: usize,
    last: Option<usize>,
}

impl<'a> Steps<'a> {
    #[inline]
    pub(crate) fn new(graph: &'a Graph, tail: Tail) -> Steps<'a> {
        let last = tail.get();
        Steps { graph, next: last.map_or(0, |last| graph.steps[last].next as usize), last }
    }
}

impl<'a> Iterator for Steps<'a> {
    type Item = Step<'a>;

    #[inline]
    fn next(&mut self) -> Option<Step<'a>> {
        let last = self.last?;
        let slot = self.graph.steps[self.next];
        if self.next == last {
            self.last = None;
        }
        self.next = slot.next as usize;
        Some(slot.data.view(&self.graph.items))
    }
}

impl std::iter::FusedIterator for Steps<'_> {}

impl fmt::Debug for Steps<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.clone()).finish()
    }
}
