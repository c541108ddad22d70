//! Function objects: their attributes, and how to make one.

use cloud_reduce::function::FunctionState;
use pyo3::{
    intern,
    prelude::*,
    types::{PyDict, PyTuple},
};

use crate::ffi::{FunctionFields, Kind, kind};

impl<'py> FunctionFields<Bound<'py, PyAny>> {
    /// The attributes of an object, if it is a function that was written in Python.
    ///
    /// # Errors
    /// What the interpreter says of an attribute that cannot be had, which is not one that is `None`.
    pub(crate) fn of(function: &Bound<'py, PyAny>) -> PyResult<Option<Self>> {
        if !is_python_function(function) {
            return Ok(None);
        }
        let py = function.py();
        let optional = |name| function.getattr(name).map(|value| Some(value).filter(|value| !value.is_none()));
        Ok(Some(FunctionFields {
            code: function.getattr(intern!(py, "__code__"))?,
            globals: function.getattr(intern!(py, "__globals__"))?,
            name: function.getattr(intern!(py, "__name__"))?,
            qualname: function.getattr(intern!(py, "__qualname__"))?,
            defaults: optional(intern!(py, "__defaults__"))?,
            kwdefaults: optional(intern!(py, "__kwdefaults__"))?,
            module: optional(intern!(py, "__module__"))?,
            doc: optional(intern!(py, "__doc__"))?,
            closure: optional(intern!(py, "__closure__"))?,
            dict: optional(intern!(py, "__dict__"))?,
        }))
    }
}

/// Whether an object is a function that was written in Python. Methods of builtin types are of the same type here; their code is no
/// code object.
pub(crate) fn is_python_function(object: &Bound<'_, PyAny>) -> bool {
    kind(object) == Kind::Function && object.getattr(intern!(object.py(), "__code__")).is_ok_and(|code| kind(&code) == Kind::Code)
}

/// Sets a field of a function without assigning the attribute, which is all that can be done here. Says that it did not.
pub(crate) fn set_function_field(_function: &Bound<'_, PyAny>, _field: FunctionState, _value: &Bound<'_, PyAny>) -> bool {
    false
}

/// A new function of a code object and a dict of globals, with a tuple of as many cells as the code has free variables.
pub(crate) fn new_function<'py>(
    code: &Bound<'py, PyAny>,
    globals: &Bound<'py, PyDict>,
    closure: Option<&Bound<'py, PyTuple>>,
) -> PyResult<Bound<'py, PyAny>> {
    let py = code.py();
    crate::ffi::closure::check(code, closure)?;
    let closure = closure.filter(|closure| !closure.is_empty());
    super::types::Types::get(py)?.function.bind(py).call1((code, globals, py.None(), py.None(), closure))
}
