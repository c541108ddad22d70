//! What the nodes of a graph are to cloudpickle: functions, classes, enums, code objects and cells.

mod cell;
mod class;
mod code;
mod function;
mod value;

pub use cell::Cell;
pub use class::{Class, Enum, classes, enums};
pub use code::{Code, Variables};
pub use function::{Captured, Function, functions};
pub use value::{Attributes, Names};

use std::collections::HashMap;

use pickle_graph::{Graph, NodeId};

use crate::Reconstructor;
use value::Callee;

/// Which call fills which object. Before cloudpickle 1.5, under Pythons before 3.8, what gave an object its state was a call whose
/// first argument was the object.
#[derive(Clone, Default, Debug)]
struct Fills(HashMap<NodeId, NodeId>);

impl Fills {
    /// Those of one reconstructor.
    fn of(graph: &Graph, filler: Reconstructor) -> Fills {
        Fills(graph.ids().filter_map(|id| Some((filled(graph, id, filler)?, id))).collect())
    }

    /// The call that fills an object.
    fn get(&self, id: NodeId) -> Option<NodeId> {
        self.0.get(&id).copied()
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
fn filled_object(graph: &Graph, id: NodeId, filler: Reconstructor) -> NodeId {
    filled(graph, id, filler).unwrap_or(id)
}
