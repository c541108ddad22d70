//! [`find_class`]: what the names in a pickle stand for.

use cloud_reduce::{Dialect, Reconstructor};
use pyo3::{
    exceptions::PyAttributeError,
    intern,
    prelude::*,
    types::{PyDict, PyString},
};

use crate::{ffi, pickler::get_dotted, state::State};

/// The object that a module and a name stand for. Cloudpickle's reconstructors, and those of its unchanged copies in other
/// projects, are this module's own, whether upstream or the copy is installed or not.
pub(crate) fn find_class<'py>(
    state: &State,
    protocol: u8,
    fix_imports: bool,
    module: &Bound<'py, PyString>,
    name: &Bound<'py, PyString>,
) -> PyResult<Bound<'py, PyAny>> {
    let py = module.py();
    ffi::audit_find_class(module, name)?;
    if let Some(function) = state.known_reconstructor(module, name) {
        return Ok(function.bind(py).clone());
    }
    if let (Ok(module), Ok(name)) = (ffi::utf8(module), ffi::utf8(name))
        && let Some((Dialect::Cloudpickle | Dialect::PySpark | Dialect::Ray | Dialect::Joblib, reconstructor)) =
            Reconstructor::from_global(module, name)
        && let Some(function) = &state.reconstructors[reconstructor as usize]
    {
        return Ok(function.bind(py).clone());
    }
    let (module, name) = python3_name(state, protocol, fix_imports, module, name)?;
    if let Some(found) = builtin(state, &module, &name)? {
        return Ok(found);
    }
    let imported = ffi::import(&module)?;
    if cfg!(Py_3_14) {
        return match ffi::utf8(&name) {
            Ok(path) if protocol >= 4 && path.contains('.') => {
                follow(&imported, path).map_err(|error| unresolved(&module, &name, error))
            }
            _ => imported.getattr(&name),
        };
    }
    let found = match protocol {
        ..4 => imported.getattr_opt(&name)?,
        4.. => get_dotted(&imported, &name)?.map(|(found, _)| found),
    };
    found.ok_or_else(|| missing(protocol, &imported, &name))
}

/// What `builtins` has under a name: the types in annotations and the bases of classes are from there, and it needs no import.
/// `None` where that is more than a look into its `__dict__`: a path, a name that modules themselves may have, one that is not
/// there, or another module in its place.
fn builtin<'py>(
    state: &State,
    module: &Bound<'py, PyString>,
    name: &Bound<'py, PyString>,
) -> PyResult<Option<Bound<'py, PyAny>>> {
    let py = module.py();
    // On PyPy a module's class may be another one than C sees.
    if cfg!(PyPy) || !matches!(ffi::utf8(module), Ok("builtins")) {
        return Ok(None);
    }
    let is_plain = name.cast_exact::<PyString>().is_ok()
        && ffi::utf8(name).is_ok_and(|name| !name.starts_with(['_', '<']) && !name.contains('.'));
    match ffi::imported_module(py, module) {
        Some(module) if is_plain && module.is(&state.builtins_module) && module.cast_exact::<PyModule>().is_ok() => {
            state.builtins.bind(py).get_item(name)
        }
        _ => Ok(None),
    }
}

/// The name that Python 3 has for an object, of which a pickle has the one that Python 2 has.
pub(super) fn python3_name<'py>(
    state: &State,
    protocol: u8,
    fix_imports: bool,
    module: &Bound<'py, PyString>,
    name: &Bound<'py, PyString>,
) -> PyResult<(Bound<'py, PyString>, Bound<'py, PyString>)> {
    let py = module.py();
    let (mut module, mut name) = (module.clone(), name.clone());
    if protocol < 3 && fix_imports {
        let tables = state.compat_pickle.bind(py);
        let names = tables.getattr(intern!(py, "NAME_MAPPING"))?.cast_into::<PyDict>()?;
        if let Some(mapped) = names.get_item((&module, &name))? {
            (module, name) = mapped.extract()?;
        } else {
            let modules = tables.getattr(intern!(py, "IMPORT_MAPPING"))?.cast_into::<PyDict>()?;
            if let Some(mapped) = modules.get_item(&module)? {
                module = mapped.cast_into::<PyString>()?;
            }
        }
    }
    Ok((module, name))
}

/// What a path of names, with dots between them, leads to.
fn follow<'py>(object: &Bound<'py, PyAny>, path: &str) -> PyResult<Bound<'py, PyAny>> {
    path.split('.').try_fold(object.clone(), |object, name| object.getattr(name))
}

/// The error of a path that leads nowhere from Python 3.14 on: as its context, why.
#[cold]
fn unresolved(module: &Bound<'_, PyString>, path: &Bound<'_, PyString>, why: PyErr) -> PyErr {
    let py = module.py();
    if !why.is_instance_of::<PyAttributeError>(py) {
        return why;
    }
    let told = || {
        let error = PyAttributeError::new_err(format!("Can't resolve path {} on module {}", path.repr()?, module.repr()?));
        error.value(py).setattr(intern!(py, "__context__"), why.into_value(py))?;
        Ok(error)
    };
    told().unwrap_or_else(|error| error)
}

/// The error of a name or path that leads nowhere before Python 3.14.
#[cold]
fn missing(protocol: u8, module: &Bound<'_, PyAny>, name: &Bound<'_, PyString>) -> PyErr {
    let is_local = protocol >= 4 && name.to_string_lossy().split('.').any(|part| part == "<locals>");
    let cannot = match is_local {
        true if cfg!(Py_3_13) => "get local",
        true => "pickle local",
        false => "get",
    };
    let told = || Ok(PyAttributeError::new_err(format!("Can't {cannot} attribute {} on {}", name.repr()?, module.repr()?)));
    told().unwrap_or_else(|error: PyErr| error)
}
