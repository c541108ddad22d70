//! What the safe API lacks: making strings and instances, and audit events.

use pyo3::{
    exceptions::PyTypeError,
    ffi,
    prelude::*,
    types::{PyDict, PyString, PyTuple, PyType},
};

/// A string of UTF-8 in which lone surrogates may stand, or `UnicodeDecodeError`.
#[inline]
pub(crate) fn decode_utf8<'py>(py: Python<'py>, utf8: &[u8]) -> PyResult<Bound<'py, PyAny>> {
    // SAFETY: pointer and length are those of a slice, whose length never exceeds `isize::MAX`; the error handler's name is a C
    // string. The result is a new reference or null.
    unsafe {
        let string = ffi::PyUnicode_DecodeUTF8(utf8.as_ptr().cast(), utf8.len() as ffi::Py_ssize_t, c"surrogatepass".as_ptr());
        Bound::from_owned_ptr_or_err(py, string)
    }
}

/// The interpreter's one string that equals a string, as it keeps them for attribute names.
#[inline]
pub(crate) fn intern(string: Bound<'_, PyString>) -> Bound<'_, PyAny> {
    let py = string.py();
    let mut pointer = string.into_ptr();
    // SAFETY: `pointer` is an owned reference to a string; interning swaps it for an owned reference to an equal one.
    unsafe {
        ffi::PyUnicode_InternInPlace(&mut pointer);
        Bound::from_owned_ptr(py, pointer)
    }
}

/// What the `tp_new` of a class makes of arguments. `None` where the class has no `tp_new`.
pub(crate) fn new_instance<'py>(
    class: &Bound<'py, PyType>,
    args: &Bound<'py, PyTuple>,
    kwargs: Option<&Bound<'py, PyDict>>,
) -> Option<PyResult<Bound<'py, PyAny>>> {
    // SAFETY: it is a type that is alive; the slot is read, not written.
    let tp_new = unsafe { (*class.as_type_ptr()).tp_new }?;
    let kwargs = kwargs.map_or(std::ptr::null_mut(), |kwargs| kwargs.as_ptr());
    // SAFETY: `tp_new` takes the class, a tuple and a dict or null; the result is a new reference or null with an exception.
    Some(unsafe { Bound::from_owned_ptr_or_err(class.py(), tp_new(class.as_type_ptr(), args.as_ptr(), kwargs)) })
}

/// Calls an object with a tuple of arguments.
#[inline]
pub(crate) fn call<'py>(callable: &Bound<'py, PyAny>, args: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    let Ok(args) = args.cast::<PyTuple>() else {
        return Err(PyTypeError::new_err("argument list must be a tuple"));
    };
    // SAFETY: a callable (or not: then it raises) and a tuple; the result is a new reference or null with an exception.
    unsafe {
        Bound::from_owned_ptr_or_err(callable.py(), ffi::PyObject_Call(callable.as_ptr(), args.as_ptr(), std::ptr::null_mut()))
    }
}

/// The module of a name, if it was imported. Imports nothing.
#[inline]
pub(crate) fn imported_module<'py>(py: Python<'py>, name: &Bound<'py, PyString>) -> Option<Bound<'py, PyAny>> {
    // SAFETY: the interpreter's dict of modules is a borrowed reference that lives as long as the interpreter; the item is a
    // borrowed reference that is made our own before any other code runs. A failed look-up leaves no exception.
    unsafe {
        let modules = ffi::PyImport_GetModuleDict();
        Bound::from_borrowed_ptr_or_opt(py, ffi::PyDict_GetItem(modules, name.as_ptr()))
    }
}

/// Raises the audit event that `pickle` raises before it looks a global up (PEP 578).
#[inline]
pub(crate) fn audit_find_class(module: &Bound<'_, PyString>, name: &Bound<'_, PyString>) -> PyResult<()> {
    // SAFETY: the format string names two objects, which are what follows.
    match unsafe { PySys_Audit(c"pickle.find_class".as_ptr(), c"OO".as_ptr(), module.as_ptr(), name.as_ptr()) } {
        0 => Ok(()),
        _ => Err(PyErr::fetch(module.py())),
    }
}

unsafe extern "C" {
    /// Of CPython's `sysmodule.h` (3.8 and later), which the bindings lack.
    fn PySys_Audit(event: *const std::ffi::c_char, format: *const std::ffi::c_char, ...) -> std::ffi::c_int;
}
