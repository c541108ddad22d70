//! What this crate would keep beside a code object, for which PyPy has no place: it is gathered anew each time.

use pyo3::prelude::*;

use crate::pickler::CodeFacts;

/// The data of a code object: there never is any.
pub(crate) fn code_extra<'a>(_code: &'a Bound<'_, PyAny>) -> Option<&'a CodeFacts> {
    None
}

/// Hands the data back: there is no place to store it.
pub(crate) fn set_code_extra<'a>(_code: &'a Bound<'_, PyAny>, facts: CodeFacts) -> Result<&'a CodeFacts, CodeFacts> {
    Err(facts)
}
