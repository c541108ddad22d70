//! What the safe API lacks, by the C API that there is, and by the names that Python code uses.

use pyo3::{
    exceptions::PyTypeError,
    intern,
    prelude::*,
    types::{PyDict, PyString, PyTuple, PyType},
};

/// PyPy makes all objects itself, and has no tracer of references.
pub(crate) fn look_for_tracer(_py: Python<'_>) {}

/// Calls an object with a tuple of arguments.
pub(crate) fn call<'py>(callable: &Bound<'py, PyAny>, args: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    match args.cast::<PyTuple>() {
        Ok(args) => callable.call1(args),
        Err(_) => Err(PyTypeError::new_err("argument list must be a tuple")),
    }
}

/// An attribute of an object, or `None` where it has none.
pub(crate) fn getattr_opt<'py>(object: &Bound<'py, PyAny>, name: &Bound<'py, PyString>) -> PyResult<Option<Bound<'py, PyAny>>> {
    object.getattr_opt(name)
}

/// What a class or one of its bases has under a name, as it stands there: no descriptor is bound.
pub(crate) fn class_attribute<'py>(class: &Bound<'py, PyType>, name: &Bound<'py, PyString>) -> Option<Bound<'py, PyAny>> {
    class.mro().iter().find_map(|base| base.getattr(intern!(class.py(), "__dict__")).ok()?.get_item(name).ok())
}

/// Whether setting an item of an object's `__dict__` is setting an attribute: nobody can tell here.
pub(crate) fn plain_attributes(_object: &Bound<'_, PyAny>, _dict_name: &Bound<'_, PyString>) -> bool {
    false
}

/// A class as it was at a moment: nobody can tell here.
#[derive(Clone, Copy)]
pub(crate) struct ClassVersion;

/// Objects that `object.__reduce_ex__` reduces in its usual way: nothing is known of any here.
pub(crate) enum ReducedByDefault {}

impl ReducedByDefault {
    /// What is known of an object's class: nothing.
    pub(crate) fn of(_object: &Bound<'_, PyAny>) -> Option<ReducedByDefault> {
        None
    }

    /// Remembers nothing.
    pub(crate) fn remember(_object: &Bound<'_, PyAny>) {}

    /// The state of an object, of which there is none.
    pub(crate) fn state<'py>(&self, _object: &Bound<'py, PyAny>) -> PyResult<Option<Bound<'py, PyAny>>> {
        match *self {}
    }
}

/// Sets an attribute of an object with [`plain_attributes`], of which there are none here. Says that it did not.
pub(crate) fn set_plain_attribute(
    _object: &Bound<'_, PyAny>,
    _name: &Bound<'_, PyAny>,
    _value: &Bound<'_, PyAny>,
    _free: &mut Option<ClassVersion>,
) -> PyResult<bool> {
    Ok(false)
}

/// Imports a module.
pub(crate) fn import<'py>(name: &Bound<'py, PyString>) -> PyResult<Bound<'py, PyAny>> {
    Ok(name.py().import(name)?.into_any())
}

/// What the `__new__` of a class makes of arguments. Every class has one.
pub(crate) fn new_instance<'py>(
    class: &Bound<'py, PyType>,
    args: &Bound<'py, PyTuple>,
    kwargs: Option<&Bound<'py, PyDict>>,
) -> Option<PyResult<Bound<'py, PyAny>>> {
    let py = class.py();
    let make = || {
        let arguments = PyTuple::new(py, std::iter::once(class.as_any().clone()).chain(args.iter()).collect::<Vec<_>>())?;
        class.getattr(intern!(py, "__new__"))?.call(arguments, kwargs)
    };
    Some(make())
}

/// `Py_TPFLAGS_HEAPTYPE`: the class was made by a `class` statement or a call of `type`.
const HEAP_TYPE: u64 = 1 << 9;

/// Refuses an object that `object.__reduce_ex__` would take for one that its class can make again: a lock, a generator, a frame.
/// CPython's refuses those itself.
///
/// # Errors
/// `TypeError`, in CPython's words.
pub(crate) fn check_reducible(object: &Bound<'_, PyAny>) -> PyResult<()> {
    let py = object.py();
    let class = object.get_type();
    if class.getattr(intern!(py, "__flags__"))?.extract::<u64>()? & HEAP_TYPE != 0 {
        return Ok(());
    }
    let base = py.get_type::<PyAny>();
    for name in [intern!(py, "__reduce_ex__"), intern!(py, "__reduce__")] {
        if !class.getattr(name)?.is(&base.getattr(name)?) {
            return Ok(());
        }
    }
    for name in [intern!(py, "__getnewargs_ex__"), intern!(py, "__getnewargs__")] {
        if class.hasattr(name)? {
            return Ok(());
        }
    }
    match class.call_method1(intern!(py, "__new__"), (&class,)) {
        Err(error) if error.is_instance_of::<PyTypeError>(py) => {
            let (module, name) = (class.module()?, class.qualname()?);
            let module = if module == "builtins" { String::new() } else { format!("{module}.") };
            Err(PyTypeError::new_err(format!("cannot pickle '{module}{name}' object")))
        }
        _ => Ok(()),
    }
}

/// The module of a name, if it was imported. Imports nothing.
pub(crate) fn imported_module<'py>(py: Python<'py>, name: &Bound<'py, PyString>) -> Option<Bound<'py, PyAny>> {
    let modules = py.import(intern!(py, "sys")).and_then(|sys| sys.getattr(intern!(py, "modules"))).ok()?;
    modules.cast::<PyDict>().ok()?.get_item(name).ok()?
}

/// Raises the audit event that `pickle` raises before it looks a global up (PEP 578).
pub(crate) fn audit_find_class(module: &Bound<'_, PyString>, name: &Bound<'_, PyString>) -> PyResult<()> {
    let py = module.py();
    py.import(intern!(py, "sys"))?.call_method1(intern!(py, "audit"), (intern!(py, "pickle.find_class"), module, name))?;
    Ok(())
}
