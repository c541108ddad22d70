//! The tracking of dynamic classes, which makes a class that is loaded twice in a process the same class.

use pyo3::{exceptions::PyTypeError, intern, prelude::*, sync::PyOnceLock, types::PyDict};

use crate::state::State;

/// Two weak dicts, from classes to ids and back, and the lock over both.
struct Tracker {
    by_class: Py<PyAny>,
    by_id: Py<PyAny>,
    lock: Py<PyAny>,
}

/// The names under which upstream's module has them.
const NAMES: [&str; 3] = ["_DYNAMIC_CLASS_TRACKER_BY_CLASS", "_DYNAMIC_CLASS_TRACKER_BY_ID", "_DYNAMIC_CLASS_TRACKER_LOCK"];

impl Tracker {
    /// This module's own tracker.
    fn own(py: Python<'_>) -> PyResult<&Tracker> {
        static OWN: PyOnceLock<Tracker> = PyOnceLock::new();
        OWN.get_or_try_init(py, || {
            let weakref = py.import("weakref")?;
            Ok(Tracker {
                by_class: weakref.getattr("WeakKeyDictionary")?.call0()?.unbind(),
                by_id: weakref.getattr("WeakValueDictionary")?.call0()?.unbind(),
                lock: py.import("threading")?.getattr("Lock")?.call0()?.unbind(),
            })
        })
    }

    /// The tracker of this process: upstream's where upstream is imported, so that a class keeps its id whichever of the two
    /// meets it. What was tracked before upstream was imported moves there.
    fn current(py: Python<'_>) -> PyResult<Tracker> {
        let own = Tracker::own(py)?;
        let own =
            || Tracker { by_class: own.by_class.clone_ref(py), by_id: own.by_id.clone_ref(py), lock: own.lock.clone_ref(py) };
        let modules = State::get(py)?.modules(py)?;
        let Ok(modules) = modules.cast::<PyDict>() else { return Ok(own()) };
        let Some(upstream) = modules.get_item(cloud_reduce::names::MODULE)? else { return Ok(own()) };
        let mut parts = Vec::with_capacity(NAMES.len());
        for name in NAMES {
            match upstream.getattr_opt(name)? {
                Some(part) => parts.push(part.unbind()),
                None => return Ok(own()),
            }
        }
        let Ok([by_class, by_id, lock]) = <[Py<PyAny>; 3]>::try_from(parts) else { return Ok(own()) };
        let theirs = Tracker { by_class, by_id, lock };
        let ours = own();
        if !theirs.by_class.is(&ours.by_class) && ours.by_class.bind(py).is_truthy()? {
            theirs.locked(py, || {
                theirs.by_class.call_method1(py, "update", (&ours.by_class,))?;
                theirs.by_id.call_method1(py, "update", (&ours.by_id,))?;
                Ok(())
            })?;
            ours.by_class.call_method0(py, "clear")?;
            ours.by_id.call_method0(py, "clear")?;
        }
        Ok(theirs)
    }

    fn locked<R>(&self, py: Python<'_>, run: impl FnOnce() -> PyResult<R>) -> PyResult<R> {
        self.lock.call_method0(py, intern!(py, "acquire"))?;
        let result = run();
        self.lock.call_method0(py, intern!(py, "release"))?;
        result
    }
}

/// The id of a class, a new one (32 hexadecimal digits) if it has none yet. `None` for a class that cannot be hashed: upstream
/// could not track it when it loads the class.
pub(crate) fn get_or_create_id<'py>(class: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    let py = class.py();
    if let Err(error) = class.hash() {
        return if error.is_instance_of::<PyTypeError>(py) { Ok(py.None().into_bound(py)) } else { Err(error) };
    }
    let tracker = Tracker::current(py)?;
    tracker.locked(py, || {
        let known = tracker.by_class.bind(py).call_method1(intern!(py, "get"), (class,))?;
        if !known.is_none() {
            return Ok(known);
        }
        let id = py.import("uuid")?.call_method0("uuid4")?.getattr("hex")?;
        tracker.by_class.bind(py).set_item(class, &id)?;
        tracker.by_id.bind(py).set_item(&id, class)?;
        Ok(id)
    })
}

/// The class that has an id: the one that already has it, or else the one given. An id of `None` tracks nothing.
pub(crate) fn lookup_or_track<'py>(id: &Bound<'py, PyAny>, class: Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    let py = class.py();
    if id.is_none() {
        return Ok(class);
    }
    let tracker = Tracker::current(py)?;
    tracker.locked(py, || {
        let class = tracker.by_id.bind(py).call_method1(intern!(py, "setdefault"), (id, class))?;
        tracker.by_class.bind(py).set_item(&class, id)?;
        Ok(class)
    })
}

/// The id of a class, a new one if it has none yet.
#[pyfunction]
#[pyo3(name = "_get_or_create_tracker_id")]
pub(crate) fn py_get_or_create_id<'py>(class_def: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    get_or_create_id(class_def)
}

/// The class that has an id: the one that already has it, or else the one given.
#[pyfunction]
#[pyo3(name = "_lookup_class_or_track")]
pub(crate) fn py_lookup_or_track<'py>(
    class_tracker_id: &Bound<'py, PyAny>,
    class_def: Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyAny>> {
    lookup_or_track(class_tracker_id, class_def)
}

/// Adds the tracker to a module.
pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    let own = Tracker::own(module.py())?;
    for (name, part) in NAMES.into_iter().zip([&own.by_class, &own.by_id, &own.lock]) {
        module.add(name, part)?;
    }
    module.add_function(wrap_pyfunction!(py_get_or_create_id, module)?)?;
    module.add_function(wrap_pyfunction!(py_lookup_or_track, module)?)
}
