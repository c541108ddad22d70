//! [`Attempts`]: the objects that a pickle made and threw away, because making what they hold had made them already.

use std::collections::{HashMap, HashSet};

use pickle_graph::{Graph, Node, NodeId};

/// How much of the arguments of two objects is compared.
const COMPARED: usize = 8;

/// For objects that hold themselves in their arguments, the attempts at making them that came too late. CPython gets the arguments
/// anew at each attempt, so they are nodes of their own.
#[derive(Debug, Default)]
pub(super) struct Attempts(HashMap<NodeId, Vec<NodeId>>);

/// What an attempt and the object that replaced it have in common.
type Likeness = (&'static str, NodeId, Vec<(NodeId, usize)>);

impl Attempts {
    pub(super) fn of(graph: &Graph) -> Attempts {
        let discarded: Vec<(NodeId, Likeness)> =
            graph.discarded().iter().filter_map(|&id| Some((id, likeness(graph, id)?))).collect();
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
        let mut attempts: HashMap<NodeId, Vec<NodeId>> = HashMap::new();
        for (attempt, likeness) in discarded.into_iter().filter(|(id, _)| kept.binary_search(id).is_err()) {
            // The object was made before the attempt came to its end.
            let objects = made.get(&likeness).map_or(&[][..], Vec::as_slice);
            if let Some(before) = objects.partition_point(|&id| id < attempt).checked_sub(1) {
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
