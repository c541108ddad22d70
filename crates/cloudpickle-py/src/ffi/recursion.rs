//! The interpreter's guard against running out of C stack.

use pyo3::{ffi, prelude::*};

/// One level of recursion, which ends when this is dropped.
pub(crate) struct RecursionGuard<'py>(Python<'py>);

impl<'py> RecursionGuard<'py> {
    /// Enters one more level, or raises `RecursionError`.
    #[inline]
    pub(crate) fn enter(py: Python<'py>) -> PyResult<Self> {
        // SAFETY: the interpreter is attached; each successful call is paired with one `Py_LeaveRecursiveCall` in `drop`.
        match unsafe { ffi::Py_EnterRecursiveCall(c" while pickling an object".as_ptr()) } {
            0 => Ok(RecursionGuard(py)),
            _ => Err(PyErr::fetch(py)),
        }
    }
}

impl Drop for RecursionGuard<'_> {
    #[inline]
    fn drop(&mut self) {
        let _attached = self.0;
        // SAFETY: paired with the successful call in `enter`.
        unsafe { ffi::Py_LeaveRecursiveCall() };
    }
}
