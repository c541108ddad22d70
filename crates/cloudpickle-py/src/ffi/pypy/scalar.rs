//! Objects taken out of containers, scalars by their values.

use pyo3::{prelude::*, types::PyFloat};

use crate::ffi::{Kind, kind, small_int};

/// An object out of a container that may change: a scalar by its value, anything else with a reference of its own.
pub(crate) enum Item<'py> {
    None,
    Bool(bool),
    /// An `int` of 64 bits or less.
    Int(i64),
    Float(f64),
    Object(Bound<'py, PyAny>),
}

/// What an object is.
pub(super) fn item(object: Bound<'_, PyAny>) -> Item<'_> {
    match kind(&object) {
        Kind::None => Item::None,
        Kind::Int => small_int(&object).map_or(Item::Object(object), Item::Int),
        Kind::Float => match object.cast::<PyFloat>() {
            Ok(float) => Item::Float(float.value()),
            Err(_) => Item::Object(object),
        },
        Kind::Bool => object.is_truthy().map_or(Item::Object(object), Item::Bool),
        _ => Item::Object(object),
    }
}
