//! [`Failure`]: a Python exception on its way up.

use pyo3::prelude::*;

/// A Python exception, in one word.
pub(crate) struct Failure(Box<PyErr>);

impl From<PyErr> for Failure {
    #[cold]
    fn from(error: PyErr) -> Self {
        Failure(Box::new(error))
    }
}

impl From<Failure> for PyErr {
    fn from(failure: Failure) -> Self {
        *failure.0
    }
}
