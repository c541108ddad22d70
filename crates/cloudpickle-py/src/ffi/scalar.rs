//! Objects taken out of containers, scalars by their values.

use pyo3::{ffi, prelude::*};

/// An object out of a container that may change: a scalar by its value, anything else with a reference of its own.
///
/// Scalars are most of what data consists of. Taking a reference and dropping it again costs more than writing the value does.
pub(crate) enum Item<'py> {
    None,
    Bool(bool),
    /// An `int` of few digits, which most are.
    Int(i64),
    Float(f64),
    Object(Bound<'py, PyAny>),
}

/// What an object is.
///
/// # Safety
/// The pointer must be to an object that is alive.
#[inline]
pub(super) unsafe fn item<'py>(py: Python<'py>, object: *mut ffi::PyObject) -> Item<'py> {
    // SAFETY: the object is alive; a type that is compared exactly tells its layout.
    unsafe {
        let object_type = ffi::Py_TYPE(object);
        if object_type == &raw mut ffi::PyLong_Type {
            if let Some(value) = super::int::short_value(object) {
                return Item::Int(value);
            }
        } else if object_type == &raw mut ffi::PyFloat_Type {
            return Item::Float(ffi::PyFloat_AS_DOUBLE(object));
        } else if object == ffi::Py_None() {
            return Item::None;
        } else if object_type == &raw mut ffi::PyBool_Type {
            return Item::Bool(object == ffi::Py_True());
        }
        Item::Object(super::reference::own(py, object))
    }
}
