//! [`Walk`] and [`Children`]: what a node holds, and all that it leads to.

use crate::{Graph, Node, NodeId, Step, Steps};

impl Graph {
    /// What a node holds, in the order in which a pickle would make it: its items, class, arguments, and then what its steps
    /// hold.
    #[must_use]
    pub fn children(&self, id: NodeId) -> Children<'_> {
        let (parts, items): ([Option<NodeId>; 3], &[NodeId]) = match self.node(id) {
            Node::List(items) | Node::Tuple(items) | Node::Set(items) | Node::FrozenSet(items) => ([None; 3], items),
            Node::Dict(items) => ([None; 3], items.as_flattened()),
            Node::Reduce { callable: a, args: b } | Node::NewObj { class: a, args: b } => ([Some(a), Some(b), None], &[]),
            Node::NewObjEx { class, args, kwargs } => ([Some(class), Some(args), Some(kwargs)], &[]),
            Node::Inst { class, args } | Node::Obj { class, args } => ([Some(class), None, None], args),
            Node::BinPersistentId(id) => ([Some(id), None, None], &[]),
            _ => ([None; 3], &[]),
        };
        Children { parts, items: items.iter(), steps: self.steps(id) }
    }
}

/// What a node holds; made by [`Graph::children`].
#[derive(Clone, Debug)]
pub struct Children<'a> {
    parts: [Option<NodeId>; 3],
    items: std::slice::Iter<'a, NodeId>,
    steps: Steps<'a>,
}

impl Iterator for Children<'_> {
    type Item = NodeId;

    fn next(&mut self) -> Option<NodeId> {
        loop {
            if let Some(part) = self.parts.iter_mut().find_map(Option::take) {
                return Some(part);
            }
            if let Some(&item) = self.items.next() {
                return Some(item);
            }
            match self.steps.next()? {
                Step::Append(items) | Step::AddItems(items) => self.items = items.iter(),
                Step::SetItems(items) => self.items = items.as_flattened().iter(),
                Step::Build(state) => self.parts[0] = Some(state),
                Step::SetState { setter, state } => self.parts = [Some(setter), Some(state), None],
            }
        }
    }
}

/// All that a node leads to; made by [`Graph::preorder`] and [`Graph::postorder`]. It keeps its own stack: depth costs no call.
///
/// ```
/// use pickle_graph::{Graph, Node, NodeId};
///
/// let mut graph = Graph::new();
/// let inner = graph.push(Node::List(&[NodeId::TRUE]));
/// let outer = graph.push(Node::Tuple(&[inner, inner]));
/// graph.append(inner, outer);
///
/// assert!(graph.preorder(outer).eq([outer, inner, NodeId::TRUE]));
/// assert!(graph.postorder(outer).eq([NodeId::TRUE, inner, outer]));
/// ```
#[derive(Clone, Debug)]
pub struct Walk<'a> {
    graph: &'a Graph,
    postorder: bool,
    seen: Vec<u64>,
    stack: Vec<Pending>,
}

#[derive(Clone, Copy, Debug)]
enum Pending {
    Enter(NodeId),
    Leave(NodeId),
}

impl<'a> Walk<'a> {
    pub(crate) fn new(graph: &'a Graph, id: NodeId, postorder: bool) -> Walk<'a> {
        Walk { graph, postorder, seen: Vec::new(), stack: vec![Pending::Enter(id)] }
    }

    /// Goes on, after what there was, with what another node leads to and was not yet come by.
    pub fn and_from(&mut self, id: NodeId) {
        self.stack.insert(0, Pending::Enter(id));
    }

    fn see(&mut self, id: NodeId) -> bool {
        let Some(index) = id.index() else { return true };
        if self.seen.is_empty() {
            self.seen.resize(self.graph.len().div_ceil(64), 0);
        }
        let (word, bit) = (&mut self.seen[index / 64], 1 << (index % 64));
        let new = *word & bit == 0;
        *word |= bit;
        new
    }
}

impl Iterator for Walk<'_> {
    type Item = NodeId;

    fn next(&mut self) -> Option<NodeId> {
        loop {
            match self.stack.pop()? {
                Pending::Leave(id) => return Some(id),
                Pending::Enter(id) if !self.see(id) => {}
                Pending::Enter(id) => {
                    if self.postorder {
                        self.stack.push(Pending::Leave(id));
                    }
                    let first = self.stack.len();
                    self.stack.extend(self.graph.children(id).map(Pending::Enter));
                    self.stack[first..].reverse();
                    if !self.postorder {
                        return Some(id);
                    }
                }
            }
        }
    }
}

impl std::iter::FusedIterator for Walk<'_> {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_million_levels_are_walked_without_recursion() {
        let mut graph = Graph::new();
        let first = graph.push(Node::List(&[]));
        let last = (0..1_000_000).fold(first, |inner, _| graph.push(Node::List(&[inner])));
        assert_eq!(graph.preorder(last).count(), 1_000_001);
        assert_eq!(graph.postorder(last).next(), Some(first));
    }

    #[test]
    fn children_come_in_the_order_in_which_a_pickle_makes_them() {
        let mut graph = Graph::new();
        let ids: Vec<NodeId> = (0..10).map(|i| graph.push(Node::Float(f64::from(i)))).collect();
        let object = graph.push(Node::NewObjEx { class: ids[0], args: ids[1], kwargs: ids[2] });
        graph.extend(object, &[ids[3], ids[4]]);
        graph.set_item(object, ids[5], ids[6]);
        graph.set_state(object, ids[7], ids[8]);
        graph.build(object, ids[9]);
        assert!(graph.children(object).eq(ids));
    }
}
