//! What tells objects apart.

use pyo3::prelude::*;

use super::types::Types;

/// What `id` gives for an object: two objects are the same if, and while both live only if, these are equal.
///
/// Addresses do not tell: each look at an item of a list of strings gives another box around the same string.
pub(crate) fn identity(object: &Bound<'_, PyAny>) -> usize {
    let id = Types::get(object.py()).and_then(|types| types.id.bind(object.py()).call1((object,)));
    // Numbers have ids that are made of their values and may be larger. No other object's id has the highest bit, but for those of
    // strings of one character, which are little below zero.
    let by_address = || object.as_ptr() as isize | isize::MIN;
    id.and_then(|id| id.extract::<isize>()).unwrap_or_else(|_| by_address()) as usize
}

/// Whether two objects are the same, as `is` tells.
pub(crate) fn is_same(left: &Bound<'_, PyAny>, right: &Bound<'_, PyAny>) -> bool {
    let py = left.py();
    let told = || Types::get(py)?.is.bind(py).call1((left, right))?.is_truthy();
    left.is(right) || told().unwrap_or(false)
}
