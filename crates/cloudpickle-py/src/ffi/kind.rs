//! Which of the types that the pickler treats by itself an object is exactly of.

use pyo3::{ffi, prelude::*};

use super::types::{code_type, pickle_buffer_type};

/// A type that the pickler treats by itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    None,
    Bool,
    Int,
    Float,
    Str,
    Bytes,
    Dict,
    List,
    Tuple,
    Set,
    FrozenSet,
    ByteArray,
    PickleBuffer,
    Function,
    Code,
    Cell,
    /// Exactly `type`.
    Type,
    /// None of these, subclasses of these included.
    Other,
}

/// The kind of an object, by one pointer comparison after the other, the frequent types first.
#[inline]
pub(crate) fn kind(object: &Bound<'_, PyAny>) -> Kind {
    let object_type = object.get_type_ptr();
    if object_type == &raw mut ffi::PyUnicode_Type {
        Kind::Str
    } else if object_type == &raw mut ffi::PyLong_Type {
        Kind::Int
    } else if object.is_none() {
        Kind::None
    } else if object_type == &raw mut ffi::PyFloat_Type {
        Kind::Float
    } else if object_type == &raw mut ffi::PyDict_Type {
        Kind::Dict
    } else if object_type == &raw mut ffi::PyTuple_Type {
        Kind::Tuple
    } else if object_type == &raw mut ffi::PyList_Type {
        Kind::List
    } else if object_type == &raw mut ffi::PyBool_Type {
        Kind::Bool
    } else if object_type == &raw mut ffi::PyBytes_Type {
        Kind::Bytes
    } else if object_type == &raw mut ffi::PyFunction_Type {
        Kind::Function
    } else if object_type == code_type(object.py()) {
        Kind::Code
    } else if object_type == &raw mut ffi::PyType_Type {
        Kind::Type
    } else if object_type == &raw mut ffi::PyCell_Type {
        Kind::Cell
    } else if object_type == &raw mut ffi::PySet_Type {
        Kind::Set
    } else if object_type == &raw mut ffi::PyFrozenSet_Type {
        Kind::FrozenSet
    } else if object_type == &raw mut ffi::PyByteArray_Type {
        Kind::ByteArray
    } else if object_type == pickle_buffer_type(object.py()) {
        Kind::PickleBuffer
    } else {
        Kind::Other
    }
}

/// Whether an object is the very one that a handle refers to.
#[inline]
pub(crate) fn same_object<T>(object: &Bound<'_, PyAny>, handle: &Py<T>) -> bool {
    object.as_ptr() == handle.as_ptr()
}
