//! Closure cells, by their attribute: PyPy's C API knows their type and no more.

use pyo3::{intern, prelude::*};

use crate::ffi::{Kind, kind};

/// What a cell holds, or `None` if it is empty or if the object is no cell.
pub(crate) fn cell_contents<'py>(cell: &Bound<'py, PyAny>) -> Option<Bound<'py, PyAny>> {
    if kind(cell) != Kind::Cell {
        return None;
    }
    // an empty cell raises `ValueError`, and nothing else is raised
    cell.getattr(intern!(cell.py(), "cell_contents")).ok()
}

/// A new cell, empty where there is no value.
pub(crate) fn new_cell<'py>(py: Python<'py>, value: Option<&Bound<'py, PyAny>>) -> PyResult<Bound<'py, PyAny>> {
    let class = super::types::Types::get(py)?.cell.bind(py);
    match value {
        Some(value) => class.call1((value,)),
        None => class.call0(),
    }
}

/// Fills a cell. Does nothing if the object is no cell.
pub(crate) fn set_cell_contents(cell: &Bound<'_, PyAny>, value: &Bound<'_, PyAny>) -> PyResult<()> {
    if kind(cell) != Kind::Cell {
        return Ok(());
    }
    cell.setattr(intern!(cell.py(), "cell_contents"), value)
}
