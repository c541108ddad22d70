//! What a function's closure has to be.

use pyo3::{exceptions::PyTypeError, intern, prelude::*, types::PyTuple};

use crate::ffi::{Kind, kind};

/// Refuses what no function can be made of.
///
/// # Errors
/// `TypeError` for what is no code object, and for a closure that is not as many cells as the code has free variables.
pub(super) fn check(code: &Bound<'_, PyAny>, closure: Option<&Bound<'_, PyTuple>>) -> PyResult<()> {
    if kind(code) != Kind::Code {
        return Err(PyTypeError::new_err("_make_function() argument 'code' must be a code object"));
    }
    let free_variables = code.getattr(intern!(code.py(), "co_freevars"))?.len()?;
    let cells = closure.map_or(0, |closure| closure.len());
    if cells != free_variables {
        return Err(PyTypeError::new_err(format!(
            "a function whose code has {free_variables} free variables needs as many closure cells, not {cells}"
        )));
    }
    if closure.is_some_and(|closure| closure.iter_borrowed().any(|cell| kind(&cell) != Kind::Cell)) {
        return Err(PyTypeError::new_err("a function's closure must be a tuple of cells"));
    }
    Ok(())
}
