//! Floats.

use pyo3::{ffi, prelude::*};

/// A float.
///
/// Up to 3.13 it is made here: the interpreter's function first looks for one that is kept for reuse, of which there are a hundred at
/// most. That of 3.14 does so, and the rest, in as few steps as this.
#[inline]
pub(crate) fn new_float(py: Python<'_>, value: f64) -> PyResult<Bound<'_, PyAny>> {
    if cfg!(Py_3_14) {
        // SAFETY: a new reference, or null.
        return unsafe { Bound::from_owned_ptr_or_err(py, ffi::PyFloat_FromDouble(value)) };
    }
    // SAFETY: `PyFloatObject` is what a float is in every version.
    unsafe {
        let float = super::object::allocate(py, size_of::<ffi::PyFloatObject>(), &raw mut ffi::PyFloat_Type)?;
        (*float.as_ptr().cast::<ffi::PyFloatObject>()).ob_fval = value;
        Ok(float)
    }
}
