//! Which of a process's interpreters is running.

use pyo3::prelude::*;

/// What tells an interpreter from the others of its process.
#[cfg(not(PyPy))]
pub(crate) fn interpreter_id(_: Python<'_>) -> i64 {
    // SAFETY: the thread is attached, so that it has an interpreter, which has an identifier.
    unsafe { pyo3::ffi::PyInterpreterState_GetID(pyo3::ffi::PyInterpreterState_Get()) }
}

/// PyPy has one interpreter in a process.
#[cfg(PyPy)]
pub(crate) fn interpreter_id(_: Python<'_>) -> i64 {
    0
}
