//! Closure cells that functions share. Upstream gives each function cells of its own: `_make_function` takes empty ones, and the
//! state that follows brings the contents. Here functions that share a cell are given the same empty one.

use pyo3::{
    PyTraverseError, PyVisit,
    prelude::*,
    types::{PyTuple, PyType},
};
use rustc_hash::FxHashMap;

use crate::{
    failure::Failure,
    ffi,
    pickler::{code::with_code_facts, walk::Walk},
    state::State,
};

/// The cells that a pickler met in closures, by their addresses.
#[derive(Default)]
pub(crate) struct SharedCells(FxHashMap<usize, SharedCell>);

struct SharedCell {
    /// Keeps the cell alive, so that no other one comes to have its address.
    cell: Py<PyAny>,
    /// The empty cell that stands for it among the arguments of `_make_function`.
    empty: Py<PyAny>,
    /// Whether the pickle already has a state, written to its end, that fills the empty cell.
    filled: bool,
}

impl SharedCells {
    /// The empty cells that stand for those of a closure: known ones, or else the new ones, which are entered. The cells at the
    /// places `own` get new ones in any case. No Python code runs here.
    pub(super) fn stand_ins<'py>(
        &mut self,
        closure: &Bound<'py, PyTuple>,
        new: Vec<Bound<'py, PyAny>>,
        own: &[usize],
    ) -> Vec<Bound<'py, PyAny>> {
        let enter = |(index, (cell, new)): (usize, (Borrowed<'_, 'py, PyAny>, Bound<'py, PyAny>))| {
            if own.contains(&index) {
                return new;
            }
            let shared = self.0.entry(address(&cell)).or_insert_with(|| SharedCell {
                cell: cell.to_owned().unbind(),
                empty: new.unbind(),
                filled: false,
            });
            shared.empty.bind(closure.py()).clone()
        };
        closure.iter_borrowed().zip(new).enumerate().map(enter).collect()
    }

    /// Shows the garbage collector what it holds.
    pub(super) fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        for shared in self.0.values() {
            visit.call(&shared.cell)?;
            visit.call(&shared.empty)?;
        }
        Ok(())
    }
}

fn address(object: &Bound<'_, PyAny>) -> usize {
    ffi::identity(object)
}

/// New empty cells, one for each of a closure.
pub(super) fn new_cells<'py>(closure: &Bound<'py, PyTuple>) -> PyResult<Vec<Bound<'py, PyAny>>> {
    (0..closure.len()).map(|_| ffi::new_cell(closure.py(), None)).collect()
}

/// The places of the cells that a function need not share: those that hold a class for good, such as that of `__class__`, by which
/// `super()` works. All methods of a class have them, and nobody can tell whether they share them: upstream's bytes are kept.
pub(super) fn own_cells(state: &State, code: &Bound<'_, PyAny>, closure: &Bound<'_, PyTuple>) -> PyResult<Vec<usize>> {
    let mut own = with_code_facts(state, code, |facts| facts.generated_cells.clone())?;
    own.retain(|&index| {
        let contents = closure.get_item(index).ok().and_then(|cell| ffi::cell_contents(&cell));
        contents.is_some_and(|contents| contents.is_instance_of::<PyType>())
    });
    Ok(own)
}

impl<'py> Walk<'_, 'py> {
    /// The empty cells that stand for the cells of a closure.
    pub(super) fn stand_ins(
        &mut self,
        code: &Bound<'py, PyAny>,
        closure: &Bound<'py, PyTuple>,
    ) -> PyResult<Vec<Bound<'py, PyAny>>> {
        let new = new_cells(closure)?;
        let own = own_cells(self.state, code, closure)?;
        Ok(self.kept.cells.stand_ins(closure, new, &own))
    }

    /// Writes the tuple of a function's empty cells.
    pub(super) fn put_empty_cells(&mut self, empty_cells: &[Bound<'py, PyAny>]) -> Result<(), Failure> {
        self.begin_tuple(empty_cells.len());
        for empty in empty_cells {
            self.encoder.boundary();
            match self.kept.memo.get(empty) {
                Some(index) => self.encoder.get(index)?,
                None => {
                    self.put_empty_cell_call()?;
                    self.memoize(empty)?;
                }
            }
        }
        self.end_tuple(empty_cells.len())
    }

    /// The cells of a function's state, from which its closure is filled. A cell that an earlier function's state has filled stands
    /// for itself there: what has happened to it since, in the process that loads, is not undone.
    pub(super) fn state_cells(&self, closure: &Bound<'py, PyTuple>) -> PyResult<Bound<'py, PyTuple>> {
        let filled = |cell: &Bound<'py, PyAny>| {
            let shared = self.kept.cells.0.get(&address(cell)).filter(|shared| shared.filled)?;
            let empty = shared.empty.bind(self.py);
            self.kept.memo.get(empty).map(|_| empty.clone())
        };
        if !closure.iter().any(|cell| filled(&cell).is_some()) {
            return Ok(closure.clone());
        }
        PyTuple::new(self.py, closure.iter().map(|cell| filled(&cell).unwrap_or(cell)).collect::<Vec<_>>())
    }

    /// Notes that a function's state, with the contents of its closure, is written.
    pub(super) fn closure_is_filled(&mut self, closure: &Bound<'py, PyTuple>) {
        for cell in closure.iter_borrowed() {
            if let Some(shared) = self.kept.cells.0.get_mut(&address(&cell)) {
                shared.filled = true;
            }
        }
    }
}
