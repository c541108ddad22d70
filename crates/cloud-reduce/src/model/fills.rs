//! [`Fills`]: which call gives which object its state.

use pickle_graph::{Graph, NodeId};
use rustc_hash::FxHashMap;

use super::callee::Callee;
use crate::Reconstructor;

/// Which call fills which object. Before cloudpickle 1.5, under Pythons before 3.8, what gave an object its state was a call whose
/// first argument was the object.
#[derive(Clone, Default, Debug)]
pub(super) struct Fills(FxHashMap<NodeId, NodeId>);

impl Fills {
    /// Those of one reconstructor.
    pub(super) fn of(graph: &Graph, filler: Reconstructor) -> Fills {
        Fills(graph.ids().filter_map(|id| Some((filled(graph, id, filler)?, id))).collect())
    }

    /// The call that fills an object.
    pub(super) fn get(&self, id: NodeId) -> Option<NodeId> {
        self.0.get(&id).copied()
    }

    /// Whether a node is the call that fills an object.
    pub(super) fn is_filler(&self, graph: &Graph, id: NodeId) -> bool {
        !self.0.is_empty() && matches!(Callee::of_call(graph, id), Some((_, &[object, ..])) if self.get(object) == Some(id))
    }
}

/// The object that a node fills by a call of a reconstructor.
fn filled(graph: &Graph, id: NodeId, filler: Reconstructor) -> Option<NodeId> {
    match Callee::of_call(graph, id)? {
        (Callee::Reconstructor(_, reconstructor), [object, ..]) if reconstructor == filler => Some(*object),
        _ => None,
    }
}

/// The object that a node is: of a call that fills an object, that object.
pub(super) fn filled_object(graph: &Graph, id: NodeId, filler: Reconstructor) -> NodeId {
    filled(graph, id, filler).unwrap_or(id)
}
