//! Closure cells.

use pyo3::{ffi, prelude::*};

/// What a cell holds, or `None` if it is empty or if the object is no cell.
pub(crate) fn cell_contents<'py>(cell: &Bound<'py, PyAny>) -> Option<Bound<'py, PyAny>> {
    if super::kind(cell) != super::Kind::Cell {
        return None;
    }
    // SAFETY: it is a cell; the result is a new reference, or null (without an exception) where the cell is empty.
    unsafe { Bound::from_owned_ptr_or_opt(cell.py(), ffi::PyCell_Get(cell.as_ptr())) }
}

/// A new cell, empty where there is no value.
pub(crate) fn new_cell<'py>(py: Python<'py>, value: Option<&Bound<'py, PyAny>>) -> PyResult<Bound<'py, PyAny>> {
    let value = value.map_or(std::ptr::null_mut(), |value| value.as_ptr());
    // SAFETY: null stands for an empty cell; the cell takes its own reference. The result is a new reference or null.
    unsafe { Bound::from_owned_ptr_or_err(py, ffi::PyCell_New(value)) }
}

/// Fills a cell. Does nothing if the object is no cell.
pub(crate) fn set_cell_contents(cell: &Bound<'_, PyAny>, value: &Bound<'_, PyAny>) -> PyResult<()> {
    if super::kind(cell) != super::Kind::Cell {
        return Ok(());
    }
    // SAFETY: it is a cell, which takes its own reference to the value.
    match unsafe { ffi::PyCell_Set(cell.as_ptr(), value.as_ptr()) } {
        0 => Ok(()),
        _ => Err(PyErr::fetch(cell.py())),
    }
}
