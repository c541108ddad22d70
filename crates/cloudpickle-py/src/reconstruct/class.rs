//! Makes classes, enums and type variables.

use cloud_reduce::class::{ABC_IMPL, FIRSTLINENO};
use pyo3::{
    exceptions::{PyAttributeError, PyKeyError},
    intern,
    prelude::*,
    types::{PyCFunction, PyDict, PyString, PyTuple, PyType},
};

use crate::{ffi, state::State, tracker};

/// Finds a type of the `types` module.
pub(super) fn builtin_type<'py>(state: &State, name: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    let py = name.py();
    let name = name.cast::<PyString>()?;
    match ffi::utf8(name) {
        Ok("CodeType") => Ok(state.code_type.bind(py).clone().into_any()),
        // what a class of Python 2 is in pickles of cloudpickle before 1.3
        Ok("ClassType") => Ok(py.get_type::<PyType>().into_any()),
        _ => state.types_module.bind(py).getattr(name),
    }
}

/// Sets a class's attributes.
pub(super) fn set_class_state<'py>(class: &Bound<'py, PyAny>, state: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    let py = class.py();
    let (attributes, _) = state.extract::<(Bound<'py, PyDict>, Bound<'py, PyAny>)>()?;
    let mut registry = None;
    for entry in ffi::DictEntries::new(&attributes)? {
        let (name, value) = entry?;
        let name = name.cast_into::<PyString>()?;
        if name == ABC_IMPL {
            registry = Some(value);
        } else {
            class.setattr(name, value)?;
        }
    }
    // Setting any attribute deletes this one, which CPython 3.13 introduced.
    if cfg!(Py_3_13)
        && let Some(line) = attributes.get_item(intern!(py, FIRSTLINENO))?
    {
        class.setattr(intern!(py, FIRSTLINENO), line)?;
    }
    if let Some(registry) = registry.filter(|registry| !registry.is_none()) {
        for subclass in registry.try_iter()? {
            class.call_method1(intern!(py, "register"), (subclass?,))?;
        }
    }
    Ok(class.clone())
}

/// Finds a type of the `types` module by its name there.
#[pyfunction]
pub(crate) fn _builtin_type<'py>(name: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    builtin_type(State::get(name.py())?, name)
}

/// Sets the attributes of a class that `_make_skeleton_class` or `_make_skeleton_enum` made.
#[pyfunction]
pub(crate) fn _class_setstate<'py>(obj: &Bound<'py, PyAny>, state: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    set_class_state(obj, state)
}

/// Makes a class without its attributes, or finds the one that already has its tracker id.
#[pyfunction]
pub(crate) fn _make_skeleton_class<'py>(
    type_constructor: &Bound<'py, PyAny>,
    name: &Bound<'py, PyAny>,
    bases: &Bound<'py, PyAny>,
    type_kwargs: &Bound<'py, PyDict>,
    class_tracker_id: &Bound<'py, PyAny>,
    extra: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyAny>> {
    let _ = extra;
    make_skeleton_class(State::get(name.py())?, type_constructor, name, bases, type_kwargs, class_tracker_id)
}

/// Makes a class without its attributes, or finds the one that already has its tracker id.
pub(super) fn make_skeleton_class<'py>(
    state: &State,
    type_constructor: &Bound<'py, PyAny>,
    name: &Bound<'py, PyAny>,
    bases: &Bound<'py, PyAny>,
    type_kwargs: &Bound<'py, PyDict>,
    class_tracker_id: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyAny>> {
    let py = name.py();
    let silent = is_made_silently(state, type_constructor, bases, type_kwargs)?;
    if silent && let Some(class) = tracker::lookup(class_tracker_id)? {
        return Ok(class);
    }
    // Interned names make the class's later pickles the same as those of one that was made by a `class` statement.
    let namespace = PyDict::new(py);
    for (key, value) in type_kwargs {
        namespace.set_item(ffi::intern(key.cast_into::<PyString>()?), value)?;
    }
    if silent {
        let class = type_constructor.call1((name, bases, namespace))?;
        return tracker::lookup_or_track(class_tracker_id, class);
    }
    let keywords = PyDict::new(py);
    keywords.set_item(intern!(py, "metaclass"), type_constructor)?;
    let namespace = namespace.unbind();
    let fill = PyCFunction::new_closure(py, None, None, move |args, _| -> PyResult<()> {
        args.get_item(0)?.call_method1(intern!(args.py(), "update"), (&namespace,))?;
        Ok(())
    })?;
    let class = state.types_module.bind(py).call_method1(intern!(py, "new_class"), (name, bases, keywords, fill))?;
    tracker::lookup_or_track(class_tracker_id, class)
}

/// Whether making a class is nothing but a call of `type`, which nobody notices: its metaclass and those of its bases are `type`, no
/// base has an `__init_subclass__` of its own, the class has a `__module__`, which would else be that of the caller, and none of its
/// attributes has a `__set_name__`.
fn is_made_silently(
    state: &State,
    type_constructor: &Bound<'_, PyAny>,
    bases: &Bound<'_, PyAny>,
    type_kwargs: &Bound<'_, PyDict>,
) -> PyResult<bool> {
    let py = bases.py();
    let Ok(bases) = bases.cast_exact::<PyTuple>() else { return Ok(false) };
    if !type_constructor.is(py.get_type::<PyType>()) || !type_kwargs.contains(intern!(py, "__module__"))? {
        return Ok(false);
    }
    let init_subclass = intern!(py, "__init_subclass__");
    let of_object = ffi::class_attribute(&py.get_type::<PyAny>(), init_subclass);
    for base in bases {
        let Ok(base) = base.cast_into_exact::<PyType>() else { return Ok(false) };
        match (ffi::class_attribute(&base, init_subclass), &of_object) {
            (Some(inherited), Some(of_object)) if inherited.is(of_object) => {}
            _ => return Ok(false),
        }
    }
    for entry in ffi::DictEntries::new(type_kwargs)? {
        let (_, value) = entry?;
        if value.cast_exact::<PyString>().is_err() && !value.get_type().is(&state.property_type) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Makes an enum with its members, or finds the one that already has its tracker id.
#[pyfunction]
pub(crate) fn _make_skeleton_enum<'py>(
    bases: &Bound<'py, PyTuple>,
    name: &Bound<'py, PyAny>,
    qualname: &Bound<'py, PyAny>,
    members: &Bound<'py, PyDict>,
    module: &Bound<'py, PyAny>,
    class_tracker_id: &Bound<'py, PyAny>,
    extra: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyAny>> {
    let _ = extra;
    let py = name.py();
    // an enum's last base is an enum
    let metaclass = bases.get_item(bases.len().wrapping_sub(1))?.getattr(intern!(py, "__class__"))?;
    let namespace = metaclass.call_method1(intern!(py, "__prepare__"), (name, bases))?;
    for (member, value) in members {
        namespace.set_item(member, value)?;
    }
    let class = metaclass.call_method1(intern!(py, "__new__"), (&metaclass, name, bases, namespace))?;
    class.setattr(intern!(py, "__module__"), module)?;
    class.setattr(intern!(py, "__qualname__"), qualname)?;
    tracker::lookup_or_track(class_tracker_id, class)
}

/// Makes a type variable, or finds the one that already has its tracker id.
#[pyfunction]
pub(crate) fn _make_typevar<'py>(
    name: &Bound<'py, PyAny>,
    bound: &Bound<'py, PyAny>,
    constraints: &Bound<'py, PyTuple>,
    covariant: &Bound<'py, PyAny>,
    contravariant: &Bound<'py, PyAny>,
    class_tracker_id: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyAny>> {
    let py = name.py();
    let keywords = PyDict::new(py);
    keywords.set_item(intern!(py, "bound"), bound)?;
    keywords.set_item(intern!(py, "covariant"), covariant)?;
    keywords.set_item(intern!(py, "contravariant"), contravariant)?;
    let arguments = PyTuple::new(py, std::iter::once(name.clone()).chain(constraints.iter()).collect::<Vec<_>>())?;
    let variable = State::get(py)?.type_var.bind(py).call(arguments, Some(&keywords))?;
    tracker::lookup_or_track(class_tracker_id, variable)
}

/// Finds the object by which `dataclasses` marks a kind of field.
#[pyfunction]
pub(crate) fn _get_dataclass_field_type_sentinel<'py>(name: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    let py = name.py();
    let dataclasses = py.import("dataclasses")?;
    for attribute in ["_FIELD", "_FIELD_CLASSVAR", "_FIELD_INITVAR"] {
        let sentinel = dataclasses.getattr(attribute)?;
        match sentinel.getattr(intern!(py, "name")) {
            Ok(known) if known.eq(name)? => return Ok(sentinel),
            Ok(_) => {}
            Err(error) if error.is_instance_of::<PyAttributeError>(py) => {}
            Err(error) => return Err(error),
        }
    }
    Err(PyKeyError::new_err((name.clone().unbind(),)))
}
