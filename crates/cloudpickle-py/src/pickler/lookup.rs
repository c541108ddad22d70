//! Whether a function, class or module is pickled by reference: by a name under which another process can import it.

use pyo3::{
    exceptions::{PyAttributeError, PyTypeError, PyValueError},
    intern,
    prelude::*,
    sync::PyOnceLock,
    types::{PyDict, PyFunction, PyModule, PySet, PyString, PyType},
};

use cloud_reduce::names;

use crate::{ffi, state::State};

/// The name of the Python package that this is.
const PACKAGE: &str = "cloudpickle_rs";

/// Its module with what upstream's main module has.
const NAMESAKE: &str = "cloudpickle_rs.cloudpickle";

/// Where an object was found: the module, the module's name, and the object's name in it (which may have dots).
pub(crate) struct Found<'py> {
    pub(crate) module: Bound<'py, PyAny>,
    pub(crate) module_name: Bound<'py, PyAny>,
    pub(crate) name: Bound<'py, PyAny>,
}

/// The names of modules whose functions and classes are pickled by value.
pub(crate) fn by_value_modules(py: Python<'_>) -> PyResult<&Bound<'_, PySet>> {
    static MODULES: PyOnceLock<Py<PySet>> = PyOnceLock::new();
    Ok(MODULES.get_or_try_init(py, || PySet::empty(py).map(Bound::unbind))?.bind(py))
}

/// Registers a module, so that its functions and classes are pickled by value: a process that cannot import it can load them.
#[pyfunction]
pub(crate) fn register_pickle_by_value(module: &Bound<'_, PyAny>) -> PyResult<()> {
    let py = module.py();
    let name = module_name(module)?;
    if !State::get(py)?.modules(py)?.contains(&name)? {
        return Err(PyValueError::new_err(format!(
            "{} was not imported correctly, have you used an `import` statement to access it?",
            module.str()?
        )));
    }
    by_value_modules(py)?.add(name)
}

/// Undoes `register_pickle_by_value`.
#[pyfunction]
pub(crate) fn unregister_pickle_by_value(module: &Bound<'_, PyAny>) -> PyResult<()> {
    let name = module_name(module)?;
    if !by_value_modules(module.py())?.discard(name)? {
        return Err(PyValueError::new_err(format!("{} is not registered for pickle by value", module.str()?)));
    }
    Ok(())
}

/// The names of the modules that are registered to be pickled by value, as a new set.
#[pyfunction]
pub(crate) fn list_registry_pickle_by_value(py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
    by_value_modules(py)?.call_method0(intern!(py, "copy"))
}

fn module_name<'py>(module: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    if module.cast::<PyModule>().is_err() {
        return Err(PyValueError::new_err(format!("Input should be a module object, got {} instead", module.str()?)));
    }
    module.getattr(intern!(module.py(), "__name__"))
}

/// Whether a module, or a package that it is in, is registered to be pickled by value.
pub(crate) fn is_registered_by_value(name: &Bound<'_, PyAny>) -> PyResult<bool> {
    let registered = by_value_modules(name.py())?;
    if registered.is_empty() {
        return Ok(false);
    }
    let name = name.str()?;
    let mut name = name.to_str()?;
    loop {
        if registered.contains(name)? {
            return Ok(true);
        }
        match name.rsplit_once('.') {
            Some((parent, _)) => name = parent,
            None => return Ok(false),
        }
    }
}

/// Whether a module, or a package that it is in, is registered to be pickled by value.
#[pyfunction]
pub(crate) fn _is_registered_pickle_by_value(module: &Bound<'_, PyAny>) -> PyResult<bool> {
    is_registered_by_value(&module.getattr(intern!(module.py(), "__name__"))?)
}

/// Follows a dotted name from an object. Says where it ends and on which object the last name was looked up, or `None` if there is
/// no such attribute on the way.
pub(crate) fn get_dotted<'py>(
    object: &Bound<'py, PyAny>,
    name: &Bound<'py, PyString>,
) -> PyResult<Option<(Bound<'py, PyAny>, Bound<'py, PyAny>)>> {
    // lone surrogates, which names may have, are no dots
    let text = name.to_string_lossy();
    if !text.contains('.') {
        if text == "<locals>" {
            return Ok(None);
        }
        return Ok(object.getattr_opt(name)?.map(|found| (found, object.clone())));
    }
    let mut parent = object.clone();
    let mut current = object.clone();
    for part in text.split('.') {
        if part == "<locals>" {
            return Ok(None);
        }
        let Some(next) = current.getattr_opt(part)? else { return Ok(None) };
        parent = std::mem::replace(&mut current, next);
    }
    Ok(Some((current, parent)))
}

/// What is raised where a dotted name leads to an attribute that there is not.
pub(crate) fn missing_attribute(object: &Bound<'_, PyAny>, name: &Bound<'_, PyString>) -> Option<PyErr> {
    let mut current = object.clone();
    for part in name.to_string_lossy().split('.') {
        match current.getattr(part) {
            Ok(next) => current = next,
            Err(error) => return Some(error),
        }
    }
    None
}

/// Finds the module that an object belongs to: by its `__module__`, or else by looking into every module. `None` if there is none.
pub(crate) fn which_module<'py>(
    state: &State,
    object: &Bound<'py, PyAny>,
    name: &Bound<'py, PyAny>,
) -> PyResult<Option<Bound<'py, PyAny>>> {
    let py = object.py();
    if let Some(module_name) = object.getattr_opt(intern!(py, "__module__"))?
        && !module_name.is_none()
    {
        return Ok(Some(module_name));
    }
    let Ok(name) = name.cast::<PyString>() else { return Ok(None) };
    // A copy, since looking at attributes may import modules.
    let modules = state.modules(py)?.call_method0(intern!(py, "copy"))?.cast_into::<PyDict>()?;
    for (module_name, module) in &modules {
        let is_main = module_name.extract::<&str>().is_ok_and(|name| name == "__main__" || name == "__mp_main__");
        if is_main || module.cast::<PyModule>().is_err() {
            continue;
        }
        if !has(&module, name, object) {
            continue;
        }
        let is_ours = module_name.extract::<&str>().is_ok_and(|name| name.split('.').next() == Some(PACKAGE));
        let namesake = intern!(py, NAMESAKE);
        if is_ours && modules.get_item(namesake)?.is_some_and(|namesake| has(&namesake, name, object)) {
            // What stands in for upstream's is upstream's, which every process that has either one can import.
            let upstream = intern!(py, names::MODULE);
            let stands_in = modules.get_item(upstream)?.is_none_or(|upstream| has(&upstream, name, object));
            return Ok(Some(if stands_in { upstream } else { namesake }.clone().into_any()));
        }
        return Ok(Some(module_name));
    }
    Ok(None)
}

/// Whether a module has an object under a name. What a module's attributes raise is not the object's fault.
fn has(module: &Bound<'_, PyAny>, name: &Bound<'_, PyString>, object: &Bound<'_, PyAny>) -> bool {
    get_dotted(module, name).is_ok_and(|found| found.is_some_and(|(found, _)| ffi::is_same(&found, object)))
}

/// Finds the name under which an object can be imported, or `None` if there is none.
pub(crate) fn find<'py>(
    state: &State,
    object: &Bound<'py, PyAny>,
    name: Option<Bound<'py, PyAny>>,
) -> PyResult<Option<Found<'py>>> {
    let py = object.py();
    let name = match name {
        Some(name) => name,
        None => match object.getattr_opt(intern!(py, "__qualname__"))?.filter(|name| !name.is_none()) {
            Some(name) => name,
            None => match object.getattr_opt(intern!(py, "__name__"))? {
                Some(name) => name,
                None => py.None().into_bound(py),
            },
        },
    };
    let Some(module_name) = which_module(state, object, &name)? else { return Ok(None) };
    if module_name.cast::<PyString>().is_ok_and(|name| name == "__main__") {
        return Ok(None);
    }
    let modules = state.modules(py)?;
    let module = match modules.cast::<PyDict>() {
        Ok(modules) => modules.get_item(&module_name)?,
        Err(_) => Some(modules.call_method1(intern!(py, "get"), (&module_name,))?),
    };
    let Some(module) = module.filter(|module| !module.is_none()) else { return Ok(None) };
    let found = match name.cast::<PyString>() {
        Ok(name) => get_dotted(&module, name)?,
        // upstream splits the name, and takes an object that cannot be split for one that is in no module
        Err(_) => match name.call_method1(intern!(py, "split"), (".",)) {
            Err(error) if error.is_instance_of::<PyAttributeError>(py) => None,
            Err(error) => return Err(error),
            Ok(_) => return Err(PyTypeError::new_err("attribute name must be string")),
        },
    };
    match found {
        Some((found, _)) if ffi::is_same(&found, object) => Ok(Some(Found { module, module_name, name })),
        _ => Ok(None),
    }
}

/// Whether an object is a function, or says so: proxies have the `__class__` of what they stand for.
pub(crate) fn is_function(object: &Bound<'_, PyAny>) -> PyResult<bool> {
    object.is_instance(&object.py().get_type::<PyFunction>())
}

/// Whether a function, class or module is pickled by reference.
#[pyfunction]
#[pyo3(name = "_should_pickle_by_reference", signature = (obj, name=None))]
pub(crate) fn should_pickle_by_reference(obj: &Bound<'_, PyAny>, name: Option<Bound<'_, PyAny>>) -> PyResult<bool> {
    let py = obj.py();
    let state = State::get(py)?;
    // what is exactly a module does not say that it is a function
    if obj.cast_exact::<PyModule>().is_err() && (is_function(obj)? || obj.cast::<PyType>().is_ok()) {
        match find(state, obj, name)? {
            Some(found) => Ok(!is_registered_by_value(&found.module_name)?),
            None => Ok(false),
        }
    } else if obj.cast::<PyModule>().is_ok() {
        let name = obj.getattr(intern!(py, "__name__"))?;
        Ok(!is_registered_by_value(&name)? && state.modules(py)?.contains(&name)?)
    } else {
        Err(PyTypeError::new_err(format!("cannot check importability of {} instances", obj.get_type().name()?)))
    }
}

/// The module and name under which an object can be imported, as a pair, or `None`.
#[pyfunction]
#[pyo3(name = "_lookup_module_and_qualname", signature = (obj, name=None))]
pub(crate) fn lookup_module_and_qualname<'py>(
    obj: &Bound<'py, PyAny>,
    name: Option<Bound<'py, PyAny>>,
) -> PyResult<Option<(Bound<'py, PyAny>, Bound<'py, PyAny>)>> {
    Ok(find(State::get(obj.py())?, obj, name)?.map(|found| (found.module, found.name)))
}

/// The name of the module that an object belongs to, or `None`.
#[pyfunction]
#[pyo3(name = "_whichmodule")]
pub(crate) fn whichmodule<'py>(obj: &Bound<'py, PyAny>, name: &Bound<'py, PyAny>) -> PyResult<Option<Bound<'py, PyAny>>> {
    which_module(State::get(obj.py())?, obj, name)
}

/// What follows the last attribute error of a chain of names, as `pickle` words it.
pub(crate) fn attribute_error(module: &Bound<'_, PyAny>, name: &str) -> PyErr {
    PyAttributeError::new_err(match module.repr() {
        Ok(module) => format!("Can't get attribute '{name}' on {module}"),
        Err(_) => format!("Can't get attribute '{name}'"),
    })
}
