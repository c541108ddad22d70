//! [`Attempts`]: the objects that a pickle made and threw away, because making what they hold had made them already.

use std::collections::{HashMap, HashSet};

use pickle_graph::{Graph, Node, NodeId};

use super::walk::held;

/// How much of the arguments of two objects is compared.
const COMPARED: usize = 8;

/// For objects that hold themselves in their arguments, the attempts at making them that came too late. CPython gets the
/// arguments anew at each attempt, so they are nodes of their own.
#[derive(Debug, Default)]
pub(super) struct Attempts(HashMap<NodeId, Vec<NodeId>>);

/// What an attempt and the object that replaced it have in common.
type Likeness = (&'static str, NodeId, Vec<(NodeId, usize)>);

impl Attempts {
    pub(super) fn of(graph: &Graph) -> Attempts {
        let written: HashSet<NodeId> = graph.discarded_before().iter().map(|&(_, discarded)| discarded).collect();
        let left = graph.discarded().iter().filter(|id| !written.contains(id));
        let discarded: Vec<(NodeId, Likeness)> = left.filter_map(|&id| Some((id, likeness(graph, id)?))).collect();
        if discarded.is_empty() {
            return Attempts::default();
        }
        let callables: HashSet<NodeId> = discarded.iter().map(|(_, likeness)| likeness.1).collect();
        // What is left of a recursive tuple is thrown away too, but held elsewhere.
        let mut kept: Vec<NodeId> = graph
            .preorder(graph.root())
            .filter(|&id| callable(graph, id).is_some_and(|callable| callables.contains(&callable)))
            .collect();
        kept.sort_unstable();
        let mut made: HashMap<Likeness, Vec<NodeId>> = HashMap::new();
        for &id in &kept {
            if let Some(likeness) = likeness(graph, id) {
                made.entry(likeness).or_default().push(id);
            }
        }
        let held = held(graph);
        // Arguments can be shared by many calls: all in all, no more is compared than the graph is large.
        let mut patience = 10_000 + 4 * graph.len();
        let mut attempts: HashMap<NodeId, Vec<NodeId>> = HashMap::new();
        for (attempt, likeness) in discarded.into_iter().filter(|(id, _)| kept.binary_search(id).is_err()) {
            // The object was made before the attempt came to its end.
            let objects = made.get(&likeness).map_or(&[][..], Vec::as_slice);
            if let Some(before) = objects.partition_point(|&id| id < attempt).checked_sub(1)
                && is_as_good(graph, attempt, objects[before], &held, &mut patience)
            {
                attempts.entry(objects[before]).or_default().push(attempt);
            }
        }
        Attempts(attempts)
    }

    /// The attempt to begin with, when the object is come by: the one that was given up last.
    pub(super) fn take(&mut self, id: NodeId) -> Option<NodeId> {
        if self.0.is_empty() { None } else { self.0.get_mut(&id)?.pop() }
    }
}

fn callable(graph: &Graph, id: NodeId) -> Option<NodeId> {
    match graph.node(id) {
        Node::Reduce { callable, .. } => Some(callable),
        Node::NewObj { class, .. } | Node::NewObjEx { class, .. } => Some(class),
        _ => None,
    }
}

/// Whether an object can be made of the arguments of another and nobody could tell: they are the same, but for containers that
/// hold the same and that nothing else holds.
fn is_as_good(graph: &Graph, attempt: NodeId, object: NodeId, held: &[u8], patience: &mut usize) -> bool {
    let mut same_items = |a: &[NodeId], b: &[NodeId]| {
        *patience = patience.saturating_sub(a.len() + 1);
        a.len() == b.len() && *patience > 0
    };
    let is_held =
        |id: NodeId, times: u8| id.index().is_some_and(|index| held[index] == times) && graph.steps(id).next().is_none();
    let parts = |id| match graph.node(id) {
        Node::Reduce { args, .. } | Node::NewObj { args, .. } => [args, NodeId::NONE],
        Node::NewObjEx { args, kwargs, .. } => [args, kwargs],
        _ => [NodeId::NONE; 2],
    };
    let mut pairs: Vec<(NodeId, NodeId, usize)> = parts(attempt).into_iter().zip(parts(object)).map(|(a, b)| (a, b, 0)).collect();
    while let Some((a, b, depth)) = pairs.pop() {
        if a == b {
            continue;
        }
        let (items_a, items_b) = match (graph.node(a), graph.node(b)) {
            (Node::List(a), Node::List(b))
            | (Node::Tuple(a), Node::Tuple(b))
            | (Node::Set(a), Node::Set(b))
            | (Node::FrozenSet(a), Node::FrozenSet(b)) => (a, b),
            (Node::Dict(a), Node::Dict(b)) => (a.as_flattened(), b.as_flattened()),
            _ => return false,
        };
        if depth > 1 || !is_held(a, 0) || !is_held(b, 1) || !same_items(items_a, items_b) {
            return false;
        }
        pairs.extend(items_a.iter().zip(items_b).map(|(&a, &b)| (a, b, depth + 1)));
    }
    true
}

fn likeness(graph: &Graph, id: NodeId) -> Option<Likeness> {
    let node = graph.node(id);
    let (Node::Reduce { args, .. } | Node::NewObj { args, .. } | Node::NewObjEx { args, .. }) = node else { return None };
    let args = graph.node(args).as_tuple()?;
    let mut parts = vec![(NodeId::NONE, args.len())];
    for &arg in args.iter().take(COMPARED) {
        // Containers may have been made anew for each attempt; what they hold was not.
        let items = match graph.node(arg) {
            Node::List(items) | Node::Tuple(items @ [_, ..]) | Node::Set(items) | Node::FrozenSet(items) => items,
            Node::Dict(items) => items.as_flattened(),
            _ => {
                parts.push((arg, 0));
                continue;
            }
        };
        parts.push((NodeId::NONE, items.len()));
        parts.extend(items.iter().take(COMPARED).map(|&id| (id, 0)));
    }
    Some((node.kind(), callable(graph, id)?, parts))
}
