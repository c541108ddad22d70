//! [`Cell`]: a closure cell.

use pickle_graph::{Graph, NodeId};

use super::{callee::Callee, value::Fields};
use crate::{Error, ErrorKind, Reconstructor};

/// A closure cell: the variable that a nested function shares with the function around it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Cell {
    /// The cell, or `None` where a pickle tells only what is in it (cloudpickle before 1.5, under Pythons before 3.8). Two
    /// functions that had one cell in common have one here, too.
    pub id: Option<NodeId>,
    /// What is in it, or `None` where it is empty.
    pub contents: Option<NodeId>,
}

impl Cell {
    pub(crate) const MODEL: &'static str = "cell";

    /// Reads the cell that a node is.
    ///
    /// # Errors
    ///
    /// Where the node is no cell, or one made with more than one value.
    pub fn read(graph: &Graph, id: NodeId) -> Result<Cell, Error> {
        let fields = Fields { graph, model: Self::MODEL, node: id };
        let contents = match Callee::of_call(graph, id) {
            Some((Callee::Reconstructor(_, Reconstructor::MakeEmptyCell), [])) => None,
            Some((Callee::Reconstructor(_, Reconstructor::MakeCell) | Callee::Type("CellType"), args)) => match *args {
                [] => None,
                [value] => Cell::contents_of(graph, value),
                _ => return Err(fields.error(ErrorKind::ArgumentCount { found: args.len() }, "")),
            },
            _ => return Err(fields.not_this()),
        };
        Ok(Cell { id: Some(id), contents })
    }

    /// A value of a list of what cells hold, in which an object of cloudpickle's stands for nothing.
    pub(super) fn contents_of(graph: &Graph, value: NodeId) -> Option<NodeId> {
        let empty = Callee::of(graph, value);
        (!matches!(empty, Callee::Reconstructor(_, Reconstructor::EmptyCellValue))).then_some(value)
    }
}
