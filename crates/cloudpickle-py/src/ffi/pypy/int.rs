//! Ints.

use pyo3::{ffi, prelude::*, types::PyInt};

use crate::ffi::{Kind, kind};

/// The value of an `int` that has 64 bits or less, or `None` if it has more or if the object is no `int`.
pub(crate) fn small_int(int: &Bound<'_, PyAny>) -> Option<i64> {
    if kind(int) != Kind::Int {
        return None;
    }
    let mut overflow = 0;
    // SAFETY: it is exactly an int, for which this neither fails nor runs Python code.
    let value = unsafe { ffi::PyLong_AsLongLongAndOverflow(int.as_ptr(), &mut overflow) };
    (overflow == 0).then_some(value)
}

/// An int.
pub(crate) fn new_int(py: Python<'_>, value: i64) -> PyResult<Bound<'_, PyAny>> {
    Ok(PyInt::new(py, value).into_any())
}

/// Whether this interpreter's ints have the digits that this module counts on: it counts on none.
pub(crate) fn has_known_digits(_py: Python<'_>) -> PyResult<bool> {
    Ok(true)
}
