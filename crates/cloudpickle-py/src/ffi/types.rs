//! The types that the safe API does not know.

use pyo3::{ffi, prelude::*};

/// The type of code objects.
#[inline]
pub(super) fn code_type(_py: Python<'_>) -> *mut ffi::PyTypeObject {
    &raw mut ffi::PyCode_Type
}

/// The type `pickle.PickleBuffer`.
#[inline]
pub(super) fn pickle_buffer_type(_py: Python<'_>) -> *mut ffi::PyTypeObject {
    &raw mut PyPickleBuffer_Type
}

unsafe extern "C" {
    /// Of CPython's `picklebufobject.h` (3.8 and later), which the bindings lack. Only its address is taken.
    static mut PyPickleBuffer_Type: ffi::PyTypeObject;
}
