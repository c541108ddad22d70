//! [`is_isomorphic`]: whether two graphs are the same but for their ids.

use crate::{Graph, Node, NodeId, Step};

/// Whether the roots of two graphs lead to the same values, made in the same way, with the same sharing and the same cycles.
///
/// The order of items matters, that of dicts and sets included, and so does which equal objects are one object (but for `None`,
/// bools, numbers and empty tuples, which pickles cannot tell apart). Floats are compared bit by bit. Which ids the nodes have,
/// in what order they were made, where their texts stand and how their ints were written does not matter.
///
/// ```
/// use pickle_graph::{Graph, Node, is_isomorphic};
///
/// let mut shared = Graph::new();
/// let list = shared.push(Node::List(&[]));
/// let pair = shared.push(Node::Tuple(&[list, list]));
/// shared.set_root(pair);
///
/// let mut separate = Graph::new();
/// let lists = [separate.push(Node::List(&[])), separate.push(Node::List(&[]))];
/// let pair = separate.push(Node::Tuple(&lists));
/// separate.set_root(pair);
///
/// assert!(is_isomorphic(&shared, &shared.clone()));
/// assert!(!is_isomorphic(&shared, &separate));
/// ```
#[must_use]
pub fn is_isomorphic(a: &Graph, b: &Graph) -> bool {
    let mut pairs = Pairs { to_b: vec![NodeId::NONE; a.len()], to_a: vec![NodeId::NONE; b.len()] };
    let mut stack = vec![(a.root(), b.root())];
    while let Some((id_a, id_b)) = stack.pop() {
        let (node_a, node_b) = (a.node(id_a), b.node(id_b));
        if node_a.has_identity() {
            match pairs.pair(id_a, id_b) {
                Some(true) => continue,
                Some(false) => {}
                None => return false,
            }
        }
        let (mut steps_a, mut steps_b) = (a.steps(id_a), b.steps(id_b));
        if !same(node_a, node_b)
            || !loop {
                match (steps_a.next(), steps_b.next()) {
                    (None, None) => break true,
                    (Some(a), Some(b)) if same_step(a, b) => {}
                    _ => break false,
                }
            }
        {
            return false;
        }
        stack.extend(a.children(id_a).zip(b.children(id_b)));
    }
    true
}

/// Which node of one graph is which of the other.
struct Pairs {
    to_b: Vec<NodeId>,
    to_a: Vec<NodeId>,
}

impl Pairs {
    /// Pairs two nodes: whether they were a pair before, or `None` where one of them has another partner.
    fn pair(&mut self, a: NodeId, b: NodeId) -> Option<bool> {
        let (to_b, to_a) = (&mut self.to_b[a.index()?], &mut self.to_a[b.index()?]);
        if (*to_b, *to_a) == (b, a) {
            Some(true)
        } else if (*to_b, *to_a) == (NodeId::NONE, NodeId::NONE) {
            (*to_b, *to_a) = (b, a);
            Some(false)
        } else {
            None
        }
    }
}

/// Whether two nodes are the same but for what they hold, of which they hold as much.
fn same(a: Node<'_>, b: Node<'_>) -> bool {
    match (a, b) {
        (Node::Float(a), Node::Float(b)) => a.to_bits() == b.to_bits(),
        (Node::List(a), Node::List(b))
        | (Node::Tuple(a), Node::Tuple(b))
        | (Node::Set(a), Node::Set(b))
        | (Node::FrozenSet(a), Node::FrozenSet(b))
        | (Node::Inst { args: a, .. }, Node::Inst { args: b, .. })
        | (Node::Obj { args: a, .. }, Node::Obj { args: b, .. }) => a.len() == b.len(),
        (Node::Dict(a), Node::Dict(b)) => a.len() == b.len(),
        (Node::Reduce { .. }, Node::Reduce { .. })
        | (Node::NewObj { .. }, Node::NewObj { .. })
        | (Node::NewObjEx { .. }, Node::NewObjEx { .. })
        | (Node::BinPersistentId(_), Node::BinPersistentId(_)) => true,
        (a, b) => a == b,
    }
}

fn same_step(a: Step<'_>, b: Step<'_>) -> bool {
    match (a, b) {
        (Step::Append(a), Step::Append(b)) | (Step::AddItems(a), Step::AddItems(b)) => a.len() == b.len(),
        (Step::SetItems(a), Step::SetItems(b)) => a.len() == b.len(),
        (Step::Build(_), Step::Build(_)) | (Step::SetState { .. }, Step::SetState { .. }) => true,
        _ => false,
    }
}
