//! Function objects: their fields, and how to make one.

use cloud_reduce::function::FunctionState;
use pyo3::{Borrowed, ffi, prelude::*, types::PyTuple};

use super::FunctionFields;

impl<'a, 'py> FunctionFields<Borrowed<'a, 'py, PyAny>> {
    /// The fields of an object, if it is a function. It never fails here; on PyPy it may.
    ///
    /// They are as they were at this moment: Python code that runs later may set others. Whoever runs Python code in between
    /// makes those he needs his own first (`Borrowed::to_owned`).
    #[inline]
    pub(crate) fn of(function: &'a Bound<'py, PyAny>) -> PyResult<Option<Self>> {
        if super::kind(function) != super::Kind::Function {
            return Ok(None);
        }
        let py = function.py();
        // SAFETY: it is exactly a function, so that it has this layout; code, globals, name and qualname are never null.
        // Every field is an owned reference of the function.
        unsafe {
            let fields = &*function.as_ptr().cast::<ffi::PyFunctionObject>();
            let optional = |field| Borrowed::from_ptr_or_opt(py, field);
            Ok(Some(FunctionFields {
                code: Borrowed::from_ptr(py, fields.func_code),
                globals: Borrowed::from_ptr(py, fields.func_globals),
                name: Borrowed::from_ptr(py, fields.func_name),
                qualname: Borrowed::from_ptr(py, fields.func_qualname),
                defaults: optional(fields.func_defaults),
                kwdefaults: optional(fields.func_kwdefaults),
                module: optional(fields.func_module),
                doc: optional(fields.func_doc),
                closure: optional(fields.func_closure),
                dict: optional(fields.func_dict),
            }))
        }
    }
}

/// Whether an object is a function that was written in Python.
#[inline]
pub(crate) fn is_python_function(object: &Bound<'_, PyAny>) -> bool {
    super::kind(object) == super::Kind::Function
}

/// Sets a field of a function as assigning the attribute does. Says whether it did: not where the object is no function, where the
/// value is of another type than the field takes, or where assigning raises an audit event.
pub(crate) fn set_function_field(function: &Bound<'_, PyAny>, field: FunctionState, value: &Bound<'_, PyAny>) -> bool {
    if super::kind(function) != super::Kind::Function {
        return false;
    }
    let is_str = super::kind(value) == super::Kind::Str;
    // SAFETY: it is exactly a function, so that it has this layout. Each of the fields is an owned reference of the function, or
    // null; the one that it had is dropped once the new one is in its place, since that may run Python code.
    unsafe {
        let fields = function.as_ptr().cast::<ffi::PyFunctionObject>();
        let place = match field {
            FunctionState::Name if is_str => &raw mut (*fields).func_name,
            FunctionState::Qualname if is_str => &raw mut (*fields).func_qualname,
            FunctionState::Module => &raw mut (*fields).func_module,
            FunctionState::Doc => &raw mut (*fields).func_doc,
            FunctionState::Annotations if super::kind(value) == super::Kind::Dict => {
                // fails for other types than these alone
                return ffi::PyFunction_SetAnnotations(function.as_ptr(), value.as_ptr()) == 0;
            }
            _ => return false,
        };
        let replaced = std::mem::replace(&mut *place, value.clone().into_ptr());
        ffi::Py_XDECREF(replaced);
    }
    true
}

/// A new function of a code object and a dict of globals, with a tuple of as many cells as the code has free variables.
pub(crate) fn new_function<'py>(
    code: &Bound<'py, PyAny>,
    globals: &Bound<'py, pyo3::types::PyDict>,
    closure: Option<&Bound<'py, PyTuple>>,
) -> PyResult<Bound<'py, PyAny>> {
    let py = code.py();
    super::closure::check(code, closure)?;
    // SAFETY: they are a code object and a dict. The result is a new reference or null.
    let function = unsafe { Bound::from_owned_ptr_or_err(py, ffi::PyFunction_New(code.as_ptr(), globals.as_ptr()))? };
    let Some(closure) = closure else { return Ok(function) };
    // SAFETY: it is a tuple of cells of the length that the code counts on, and the function takes its own reference.
    match unsafe { ffi::PyFunction_SetClosure(function.as_ptr(), closure.as_ptr()) } {
        0 => Ok(function),
        _ => Err(PyErr::fetch(py)),
    }
}
