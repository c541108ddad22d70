//! [`SharedCells`]: what is in the closure cells that functions have in common when they are loaded.

use std::sync::Arc;

use pickle_graph::{Graph, NodeId, Step};
use rustc_hash::FxHashMap;

use super::callee::Callee;
use crate::{Reconstructor, function::FunctionState};

/// The cells that a function is made with, by which another function's state names them.
///
/// A function is made with empty cells, and its state brings others, whose contents are put into its own. So functions that shared
/// a cell do not share it when they are loaded, unless they are made with the same empty cell, as `cloudpickle_rs` does it. The
/// state of the second one then has that cell in its own place; what is in it, the state of the first tells.
#[derive(Clone, Debug, Default)]
pub(crate) struct SharedCells(Option<Arc<FxHashMap<NodeId, NodeId>>>);

/// How many cells are looked at for each object of the graph. Only a forged pickle, in which many functions have one closure, has
/// more.
const CELLS_PER_NODE: usize = 4;

impl SharedCells {
    /// Those of a graph.
    pub(super) fn of(graph: &Graph) -> SharedCells {
        let mut filled_by = FxHashMap::default();
        let mut is_shared = false;
        let mut patience = graph.len().saturating_mul(CELLS_PER_NODE);
        for id in graph.ids() {
            let Some((made_with, state)) = cells(graph, id) else { continue };
            patience = patience.saturating_sub(made_with.len());
            if patience == 0 {
                break;
            }
            for (&own, &filler) in made_with.iter().zip(state) {
                if own == filler {
                    is_shared = true;
                } else {
                    filled_by.entry(own).or_insert(filler);
                }
            }
        }
        SharedCells(is_shared.then(|| Arc::new(filled_by)))
    }

    /// Those of a graph, as far as one function needs them.
    pub(crate) fn of_function(graph: &Graph, id: NodeId) -> SharedCells {
        match cells(graph, id) {
            Some((made_with, state)) if made_with.iter().zip(state).any(|(own, filler)| own == filler) => Self::of(graph),
            _ => SharedCells::default(),
        }
    }

    /// The cell that tells what is in a cell of a function's state.
    pub(crate) fn filler(&self, cell: NodeId) -> NodeId {
        self.0.as_ref().and_then(|filled_by| filled_by.get(&cell).copied()).unwrap_or(cell)
    }
}

/// The cells that a function is made with, and those of its state.
fn cells(graph: &Graph, id: NodeId) -> Option<(&[NodeId], &[NodeId])> {
    let (Callee::Reconstructor(_, Reconstructor::MakeFunction), &[_, _, _, _, made_with]) = Callee::of_call(graph, id)? else {
        return None;
    };
    let made_with = graph.node(made_with).as_tuple()?;
    let state = graph.steps(id).find_map(|step| match step {
        Step::SetState { state, .. } => Some(state),
        _ => None,
    });
    let &[_, slots] = graph.node(state?).as_tuple()? else { return None };
    let slots = graph.node(slots).as_dict().filter(|slots| slots.len() <= FunctionState::ALL.len())?;
    let is_closure = |key| graph.node(key).as_str() == Some(FunctionState::Closure.key());
    let closure = slots.iter().find(|[key, _]| is_closure(*key)).map(|&[_, closure]| closure)?;
    Some((made_with, graph.node(closure).as_tuple()?))
}

#[cfg(test)]
mod tests {
    use pickle_graph::Node;

    use super::*;
    use crate::{Captured, Dialect, Function, FunctionMut, Model, Models, Writer, functions};

    /// A pickle in which `up` and `down` share the cell of `count` when they are loaded.
    fn sharing() -> (Graph, [NodeId; 2]) {
        let mut graph =
            pickle_parse::graph(std::fs::read("tests/data/cpython-3.13-cloudpickle-3.1.2-protocol-5.pkl").unwrap()).unwrap();
        let named = |name: &str| functions(&graph).map(Result::unwrap).find(|function| function.name == name).unwrap().id;
        let [up, down] = ["up", "down"].map(named);
        let (of_up, of_down) = (cells(&graph, up).unwrap(), cells(&graph, down).unwrap());
        let (shared, own) = (of_up.0[0], of_down.0[0]);
        assert_eq!(of_up.1[0], of_down.1[0]);
        let Node::Reduce { args, .. } = graph.node(down) else { panic!() };
        let made_with = graph.node(args).as_tuple().unwrap()[4];
        let closure = Function::read(&graph, down).unwrap().parts().unwrap().closure;
        assert_eq!(graph.items_mut(made_with), [own]);
        graph.items_mut(made_with)[0] = shared;
        graph.items_mut(closure)[0] = shared;
        (graph, [up, down])
    }

    fn count<'a>(function: &Function<'a>) -> Captured<'a> {
        let count = function.closure().map(Result::unwrap).find(|captured| captured.name == "count").unwrap();
        assert!(count.cell.contents.is_some());
        count
    }

    #[test]
    fn functions_that_are_made_with_one_cell_have_one_cell_here_too() {
        let (graph, [up, down]) = sharing();
        let read = |id| Function::read(&graph, id).unwrap();
        assert_eq!(count(&read(up)), count(&read(down)));
        let models = Models::new(&graph);
        let of_models = [up, down].map(|id| match models.read(id) {
            Some(Ok(Model::Function(function))) => count(&function),
            _ => panic!(),
        });
        assert_eq!(of_models, [count(&read(up)); 2]);
        assert!(
            functions(&graph).map(Result::unwrap).filter(|function| [up, down].contains(&function.id)).all(|function| count(
                &function
            ) == count(
                &read(up)
            ))
        );
    }

    #[test]
    fn functions_that_are_written_anew_still_share_their_cells() {
        let (mut graph, both) = sharing();
        let pickle = pickle_emit::graph_to_vec(&graph).unwrap();
        for old in both {
            let parts = Function::read(&graph, old).unwrap().parts().unwrap();
            let new = Writer::new(&mut graph, Dialect::Cloudpickle).function(&parts);
            graph.replace_references(old, new);
        }
        assert!(pickle_emit::graph_to_vec(&graph).unwrap() == pickle);
    }

    #[test]
    fn a_variable_is_set_for_all_that_share_it_whichever_is_asked() {
        for which in 0..2 {
            let (mut graph, both) = sharing();
            FunctionMut::new(&mut graph, both[which]).unwrap().set_cell("count", 77).unwrap();
            for id in both {
                let contents = count(&Function::read(&graph, id).unwrap()).cell.contents.unwrap();
                assert!(matches!(graph.node(contents), Node::Int(77)));
            }
        }
    }
}
