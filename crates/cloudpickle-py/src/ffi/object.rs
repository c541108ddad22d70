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
    // the interpreter has but one empty string and one of each character
    if utf8.len() > 1 && utf8.is_ascii() {
        return ascii(py, utf8);
    }
    // SAFETY: pointer and length are those of a slice, whose length never exceeds `isize::MAX`; the error handler's name is a C
    // string. The result is a new reference or null.
    unsafe {
        let string = ffi::PyUnicode_DecodeUTF8(utf8.as_ptr().cast(), utf8.len() as ffi::Py_ssize_t, c"surrogatepass".as_ptr());
        Bound::from_owned_ptr_or_err(py, string)
    }
}

/// A new string of ASCII characters.
#[inline]
fn ascii<'py>(py: Python<'py>, text: &[u8]) -> PyResult<Bound<'py, PyAny>> {
    // SAFETY: a new string of so many ASCII characters, or null. Such a string is compact: its characters, one byte each, lie at
    // `PyUnicode_DATA`; nobody sees the string before they are written.
    unsafe {
        let string = Bound::from_owned_ptr_or_err(py, ffi::PyUnicode_New(text.len() as ffi::Py_ssize_t, 0x7f))?;
        std::ptr::copy_nonoverlapping(text.as_ptr(), ffi::PyUnicode_DATA(string.as_ptr()).cast(), text.len());
        Ok(string)
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

/// An attribute of an object, or `None` where it has none, for which no `AttributeError` is made and thrown away.
#[inline]
pub(crate) fn getattr_opt<'py>(object: &Bound<'py, PyAny>, name: &Bound<'py, PyString>) -> PyResult<Option<Bound<'py, PyAny>>> {
    let mut found = std::ptr::null_mut();
    // SAFETY: `found` becomes a new reference where the result is 1, and null otherwise; below 0 there is an exception.
    unsafe {
        match PyObject_GetOptionalAttr(object.as_ptr(), name.as_ptr(), &mut found) {
            0 | 1 => Ok(Bound::from_owned_ptr_or_opt(object.py(), found)),
            _ => Err(PyErr::fetch(object.py())),
        }
    }
}

/// What a class or one of its bases has under a name, as it stands there: no descriptor is bound.
#[inline]
pub(crate) fn class_attribute<'py>(class: &Bound<'py, PyType>, name: &Bound<'py, PyString>) -> Option<Bound<'py, PyAny>> {
    // SAFETY: it is a type that is alive. The result is a borrowed reference, made our own at once, or null without an exception.
    unsafe { Bound::from_borrowed_ptr_or_opt(class.py(), _PyType_Lookup(class.as_type_ptr(), name.as_ptr())) }
}

/// Whether the attributes of an object lie in a `__dict__` of the usual kind, so that setting an item there is setting an attribute,
/// save for those that the class has data descriptors for: see [`set_plain_attribute`].
#[inline]
pub(crate) fn plain_attributes(object: &Bound<'_, PyAny>, dict_name: &Bound<'_, PyString>) -> bool {
    let class = object.get_type_ptr();
    // SAFETY: the class of an object that is alive; its slots are read, not written. The look-up is as in `class_attribute`.
    unsafe {
        let managed_dict = if cfg!(Py_3_11) { 1 << 4 } else { 0 };
        let has_dict = (*class).tp_dictoffset != 0 || (*class).tp_flags & managed_dict != 0;
        if !has_dict
            || (*class).tp_flags & ffi::Py_TPFLAGS_HEAPTYPE == 0
            || !(*class)
                .tp_getattro
                .is_some_and(|get| std::ptr::fn_addr_eq(get, ffi::PyObject_GenericGetAttr as ffi::getattrofunc))
        {
            return false;
        }
        let descriptor = _PyType_Lookup(class, dict_name.as_ptr());
        !descriptor.is_null() && ffi::Py_TYPE(descriptor) == &raw mut ffi::PyGetSetDescr_Type
    }
}

/// Sets an attribute of an object with [`plain_attributes`]. Says whether it did: not where the class has a data descriptor of the name.
#[inline]
pub(crate) fn set_plain_attribute(
    object: &Bound<'_, PyAny>,
    name: &Bound<'_, PyAny>,
    value: &Bound<'_, PyAny>,
) -> PyResult<bool> {
    if super::kind(name) != super::Kind::Str {
        return Ok(false);
    }
    // SAFETY: an object, a string and a value. The descriptor is a borrowed reference, of which only its type is looked at, at once.
    unsafe {
        let descriptor = _PyType_Lookup(object.get_type_ptr(), name.as_ptr());
        if !descriptor.is_null() && (*ffi::Py_TYPE(descriptor)).tp_descr_set.is_some() {
            return Ok(false);
        }
        match ffi::PyObject_GenericSetAttr(object.as_ptr(), name.as_ptr(), value.as_ptr()) {
            0 => Ok(true),
            _ => Err(PyErr::fetch(object.py())),
        }
    }
}

/// Imports a module, by a look at `sys.modules` if it is there and is not being imported by another thread.
#[inline]
pub(crate) fn import<'py>(name: &Bound<'py, PyString>) -> PyResult<Bound<'py, PyAny>> {
    let py = name.py();
    // SAFETY: a string; the result is a new reference, or null with or without an exception.
    match unsafe { Bound::from_owned_ptr_or_opt(py, ffi::PyImport_GetModule(name.as_ptr())) } {
        Some(module) if !module.is_none() => Ok(module),
        _ => match PyErr::take(py) {
            Some(error) => Err(error),
            None => Ok(py.import(name)?.into_any()),
        },
    }
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

/// Refuses an object that `object.__reduce_ex__` would take for one that its class can make again: here that refuses it itself.
#[inline]
pub(crate) fn check_reducible(_object: &Bound<'_, PyAny>) -> PyResult<()> {
    Ok(())
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
    /// Up to 3.12 under the name that it had before it was made public.
    #[cfg_attr(not(Py_3_13), link_name = "_PyObject_LookupAttr")]
    fn PyObject_GetOptionalAttr(
        object: *mut ffi::PyObject,
        name: *mut ffi::PyObject,
        result: *mut *mut ffi::PyObject,
    ) -> std::ffi::c_int;
    /// Of `cpython/object.h`, which the bindings lack.
    fn _PyType_Lookup(class: *mut ffi::PyTypeObject, name: *mut ffi::PyObject) -> *mut ffi::PyObject;
    /// Of CPython's `sysmodule.h` (3.8 and later), which the bindings lack.
    fn PySys_Audit(event: *const std::ffi::c_char, format: *const std::ffi::c_char, ...) -> std::ffi::c_int;
}
