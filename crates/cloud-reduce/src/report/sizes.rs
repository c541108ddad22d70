//! [`Sizes`]: where the bytes of a pickle go.

use pickle_graph::{Graph, NodeId};

/// How many bytes of the pickle each node takes for itself: its opcodes and their arguments, not what it holds.
///
/// What has no node (small integers, `None`, marks, looks into the memo) counts with the next object that the pickle makes or
/// fills: it is with what holds it, or beside it there.
#[derive(Clone, Debug, Default)]
pub(crate) struct OwnBytes {
    /// Nobody wants to know: nothing is noted.
    is_unkept: bool,
    by_node: Vec<u64>,
    /// Bytes that nobody has claimed.
    unclaimed: u64,
    /// Where the op began that is executed.
    offset: u64,
    claim: Option<usize>,
}

impl OwnBytes {
    /// What notes nothing.
    pub(super) fn unkept() -> OwnBytes {
        OwnBytes { is_unkept: true, ..OwnBytes::default() }
    }

    /// The op at an offset begins, and the one before has ended.
    #[inline]
    pub(super) fn begin(&mut self, offset: u64) {
        if self.is_unkept {
            return;
        }
        let bytes = offset - self.offset;
        self.offset = offset;
        match self.claim.take() {
            Some(index) => {
                if self.by_node.len() <= index {
                    self.by_node.resize(index + 1, 0);
                }
                self.by_node[index] += bytes + std::mem::take(&mut self.unclaimed);
            }
            None => self.unclaimed += bytes,
        }
    }

    /// The pickle of `root` ends, by `STOP`.
    pub(super) fn end(&mut self, root: NodeId, length: u64) {
        self.claim(root);
        self.begin(length);
    }

    /// The op that is executed belongs to a node.
    #[inline]
    pub(super) fn claim(&mut self, node: NodeId) {
        if let Some(index) = node.index() {
            self.claim = Some(index);
        }
    }

    fn of(&self, node: NodeId) -> u64 {
        node.index().and_then(|index| self.by_node.get(index)).copied().unwrap_or_default()
    }
}

/// How many bytes of a pickle each object takes with all that it holds. What is held more than once counts with the first that
/// holds it.
#[derive(Clone, Debug)]
pub struct Sizes {
    /// For each node, the bytes with all it holds.
    total: Vec<u64>,
    /// For each node, by whom it was come by first: the index plus one, or 0 for who was come by from nowhere.
    parent: Vec<u32>,
    own: OwnBytes,
    all: u64,
}

impl Sizes {
    pub(super) fn new(graph: &Graph, own: &OwnBytes, length: usize) -> Sizes {
        let mut parent = vec![0u32; graph.len()];
        let mut seen = vec![false; graph.len()];
        let mut order = Vec::with_capacity(graph.len());
        // First what the pickle is of, then what it made and threw away, then whatever else it made.
        let starts = std::iter::once(graph.root()).chain(graph.discarded().iter().copied()).chain(graph.ids().rev());
        let mut stack = Vec::new();
        for start in starts {
            stack.push((start, 0u32));
            while let Some((id, from)) = stack.pop() {
                let Some(index) = id.index() else { continue };
                if std::mem::replace(&mut seen[index], true) {
                    continue;
                }
                parent[index] = from;
                order.push(index);
                let first = stack.len();
                // An index is below 2^31.
                stack.extend(graph.children(id).filter(|child| child.index().is_some()).map(|child| (child, index as u32 + 1)));
                stack[first..].reverse();
            }
        }
        let mut total: Vec<u64> = graph.ids().map(|id| own.of(id)).collect();
        for &index in order.iter().rev() {
            if let Some(holder) = (parent[index] as usize).checked_sub(1) {
                total[holder] += total[index];
            }
        }
        Sizes { total, parent, own: own.clone(), all: length as u64 }
    }

    /// The bytes of an object with all that it holds and that nothing held before; 0 where the value is in the id.
    #[must_use]
    pub fn total(&self, id: NodeId) -> u64 {
        id.index().and_then(|index| self.total.get(index)).copied().unwrap_or_default()
    }

    /// The bytes of an object alone: its opcodes and their arguments.
    #[must_use]
    pub fn own(&self, id: NodeId) -> u64 {
        self.own.of(id)
    }

    /// The bytes of the whole pickle.
    #[must_use]
    pub fn pickle(&self) -> u64 {
        self.all
    }

    /// Whether the bytes of `child` count with those of `holder`: whether `holder` was the first to hold it.
    #[must_use]
    pub fn counts_with(&self, child: NodeId, holder: NodeId) -> bool {
        match (child.index(), holder.index()) {
            (Some(child), Some(holder)) => self.parent.get(child).is_some_and(|&parent| parent as usize == holder + 1),
            _ => false,
        }
    }
}
