//! Which imported submodules a function reaches through a package that it refers to.

use std::sync::Mutex;

use pyo3::{
    intern,
    prelude::*,
    types::{PyDict, PyModule, PyString, PyTuple},
};
use rustc_hash::FxHashMap;

use crate::{ffi, state::State};

/// The names in `sys.modules` by the package that they are below, for those packages that functions have referred to. There are
/// thousands of names, and functions refer to the same few packages again and again.
#[derive(Default)]
struct Index {
    /// The dict that was indexed, by its address and its version at that time.
    of: Option<(usize, u64)>,
    packages: FxHashMap<String, Vec<Py<PyString>>>,
}

static INDEX: Mutex<Option<Index>> = Mutex::new(None);

/// Adds the imported submodules of a package (if the object is one) whose names the code uses as attributes.
pub(super) fn push_submodules<'py>(
    state: &State,
    package: &Bound<'py, PyAny>,
    names: &Bound<'py, PyTuple>,
    submodules: &mut Vec<Bound<'py, PyAny>>,
) -> PyResult<()> {
    let py = package.py();
    if package.cast::<PyModule>().is_err() {
        return Ok(());
    }
    match ffi::getattr_opt(package, intern!(py, "__package__"))? {
        Some(name) if name.is_truthy()? => {}
        _ => return Ok(()),
    }
    let prefix = package.getattr(intern!(py, "__name__"))?;
    let prefix = prefix.cast::<PyString>()?.to_str()?;
    let modules = state.modules(py)?;
    let Ok(modules) = modules.cast::<PyDict>() else { return Ok(()) };
    let mut found = Vec::new();
    let add = |name: &Bound<'py, PyString>| {
        if names_all_parts_below(name, prefix, names) {
            found.push(name.clone());
        }
    };
    // once they are found, since looking them up can run code of other keys
    each_below(modules, prefix, add);
    for name in found {
        submodules.extend(modules.get_item(name)?);
    }
    Ok(())
}

/// Whether the code's names have each part of a module's name that comes behind the package's.
fn names_all_parts_below(name: &Bound<'_, PyString>, package: &str, names: &Bound<'_, PyTuple>) -> bool {
    below(name, package).is_some_and(|below| {
        below.split('.').all(|part| names.iter_borrowed().any(|name| name.cast::<PyString>().is_ok_and(|name| *name == *part)))
    })
}

/// What comes behind the package's name, if the module is below the package.
fn below<'a>(name: &'a Bound<'_, PyString>, package: &str) -> Option<&'a str> {
    name.to_str().ok()?.strip_prefix(package)?.strip_prefix('.')
}

/// Calls a function with the name of each imported module below a package, in the order of `sys.modules`.
fn each_below<'py>(modules: &Bound<'py, PyDict>, package: &str, mut call: impl FnMut(&Bound<'py, PyString>)) {
    let py = modules.py();
    // This runs no Python code, so that the dict stays as it is.
    let scan = |call: &mut dyn FnMut(&Bound<'py, PyString>)| {
        for (name, _) in ffi::DictEntries::new(modules) {
            if let Ok(name) = name.cast::<PyString>()
                && below(name, package).is_some()
            {
                call(name);
            }
        }
    };
    let (Some(version), Ok(mut index)) = (ffi::modules_version(modules), INDEX.try_lock()) else {
        return scan(&mut call);
    };
    let index = index.get_or_insert_default();
    let of = Some((modules.as_ptr() as usize, version));
    if index.of != of {
        index.packages.clear();
        index.of = of;
    }
    if let Some(names) = index.packages.get(package) {
        return names.iter().for_each(|name| call(name.bind(py)));
    }
    let mut names = Vec::new();
    scan(&mut |name| names.push(name.clone().unbind()));
    names.iter().for_each(|name| call(name.bind(py)));
    index.packages.insert(package.to_owned(), names);
}
