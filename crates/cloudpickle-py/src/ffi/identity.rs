//! What tells objects apart.

use pyo3::prelude::*;

/// What `id` gives for an object: its address.
#[inline]
pub(crate) fn identity(object: &Bound<'_, PyAny>) -> usize {
    object.as_ptr() as usize
}

/// Whether two objects are the same, as `is` tells.
#[inline]
pub(crate) fn is_same(left: &Bound<'_, PyAny>, right: &Bound<'_, PyAny>) -> bool {
    left.is(right)
}
