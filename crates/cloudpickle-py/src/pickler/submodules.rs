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
    packages: FxHashMap<String, Vec<Submodule>>,
}

/// The name of a module below a package.
struct Submodule {
    name: Py<PyString>,
    /// What comes behind the package's name, each part of it interned, as the names of code objects are.
    parts: Vec<Py<PyString>>,
}

impl Submodule {
    /// `None` where the name is not below the package.
    fn new(name: &Bound<'_, PyAny>, package: &str) -> Option<Submodule> {
        let name = name.cast::<PyString>().ok()?;
        let below = ffi::utf8(name).ok()?.strip_prefix(package)?.strip_prefix('.')?;
        let parts = below.split('.').map(|part| PyString::intern(name.py(), part).unbind()).collect();
        Some(Submodule { name: name.clone().unbind(), parts })
    }

    /// Whether the code's names have each part.
    fn is_named_by(&self, names: &Bound<'_, PyTuple>) -> bool {
        self.parts.iter().all(|part| names.iter_borrowed().any(|name| ffi::is_same(&name, part.bind(name.py()).as_any())))
    }
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
    // once they are found, since looking them up can run code of other keys
    for name in named_below(modules, prefix, names)? {
        submodules.extend(modules.get_item(name)?);
    }
    Ok(())
}

/// The names of the imported modules below a package whose parts are all among the code's names, in the order of `sys.modules`.
fn named_below<'py>(
    modules: &Bound<'py, PyDict>,
    package: &str,
    names: &Bound<'py, PyTuple>,
) -> PyResult<Vec<Bound<'py, PyString>>> {
    let py = modules.py();
    let named = |submodules: &[Submodule]| {
        submodules
            .iter()
            .filter(|submodule| submodule.is_named_by(names))
            .map(|submodule| submodule.name.bind(py).clone())
            .collect()
    };
    // this runs no Python code, so that the dict stays as it is
    let all_below = || {
        let below = |entry: PyResult<(_, _)>| entry.map(|(name, _)| Submodule::new(&name, package)).transpose();
        ffi::DictEntries::new(modules)?.filter_map(below).collect::<PyResult<Vec<_>>>()
    };
    let (Some(version), Ok(mut index)) = (ffi::modules_version(modules), INDEX.try_lock()) else {
        return Ok(named(&all_below()?));
    };
    let index = index.get_or_insert_default();
    let of = Some((modules.as_ptr() as usize, version));
    if index.of != of {
        index.packages.clear();
        index.of = of;
    }
    if let Some(submodules) = index.packages.get(package) {
        return Ok(named(submodules));
    }
    let submodules = index.packages.entry(package.to_owned()).insert_entry(all_below()?).into_mut();
    Ok(named(submodules))
}
