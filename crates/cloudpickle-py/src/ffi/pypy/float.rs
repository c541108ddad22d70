//! Floats.

use pyo3::{prelude::*, types::PyFloat};

/// A float.
pub(crate) fn new_float(py: Python<'_>, value: f64) -> PyResult<Bound<'_, PyAny>> {
    Ok(PyFloat::new(py, value).into_any())
}
