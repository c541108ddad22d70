//! The tracking of dynamic classes, which makes a class that is loaded twice in a process the same class.

use std::cell::Cell;

use pyo3::{
    exceptions::PyTypeError,
    intern,
    prelude::*,
    sync::PyOnceLock,
    types::{IntoPyDict, PyDict, PyString, PyWeakrefReference},
};

use crate::{ffi, state::State};

/// Two weak dicts, from classes to ids and back, and the lock over both.
struct Tracker {
    by_class: Py<PyAny>,
    by_id: Py<PyAny>,
    lock: Py<PyAny>,
}

/// The names under which upstream's module has them.
const NAMES: [&str; 3] = ["_DYNAMIC_CLASS_TRACKER_BY_CLASS", "_DYNAMIC_CLASS_TRACKER_BY_ID", "_DYNAMIC_CLASS_TRACKER_LOCK"];

/// The same, interned.
fn names(py: Python<'_>) -> [&Bound<'_, PyString>; 3] {
    [intern!(py, NAMES[0]), intern!(py, NAMES[1]), intern!(py, NAMES[2])]
}

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

    /// Upstream's tracker, where upstream is imported.
    fn upstreams(py: Python<'_>) -> PyResult<Option<Tracker>> {
        let state = State::get(py)?;
        let modules = state.modules(py)?;
        let Ok(modules) = modules.cast::<PyDict>() else { return Ok(None) };
        let Some(upstream) = modules.get_item(&state.module_name)? else { return Ok(None) };
        let mut parts = [None, None, None];
        for (part, name) in parts.iter_mut().zip(names(py)) {
            *part = ffi::getattr_opt(&upstream, name)?;
        }
        let [Some(by_class), Some(by_id), Some(lock)] = parts else { return Ok(None) };
        Ok(Some(Tracker { by_class: by_class.unbind(), by_id: by_id.unbind(), lock: lock.unbind() }))
    }

    /// The tracker of this process: upstream's where upstream is imported, so that a class keeps its id whichever of the two
    /// meets it. What was tracked before upstream was imported moves there.
    fn current(py: Python<'_>) -> PyResult<Tracker> {
        let own = Tracker::own(py)?;
        let Some(theirs) = Tracker::upstreams(py)? else {
            return Ok(Tracker {
                by_class: own.by_class.clone_ref(py),
                by_id: own.by_id.clone_ref(py),
                lock: own.lock.clone_ref(py),
            });
        };
        if !theirs.by_class.is(&own.by_class) && own.by_class.bind(py).is_truthy()? {
            theirs.locked(py, || {
                theirs.by_class.call_method1(py, "update", (&own.by_class,))?;
                theirs.by_id.call_method1(py, "update", (&own.by_id,))?;
                Ok(())
            })?;
            own.by_class.call_method0(py, "clear")?;
            own.by_id.call_method0(py, "clear")?;
        }
        Ok(theirs)
    }

    /// What `WeakValueDictionary.get` gives: the class that has an id, if there is one.
    fn class_of<'py>(&self, id: &Bound<'py, PyAny>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let py = id.py();
        let by_id = self.by_id.bind(py);
        let found = match weak_entries(by_id, &Tracker::own(py)?.by_id)? {
            Some(entries) => match entries.get_item(id)? {
                Some(reference) => reference.call0()?,
                None => return Ok(None),
            },
            None => by_id.call_method1(intern!(py, "get"), (id,))?,
        };
        Ok(Some(found).filter(|found| !found.is_none()))
    }

    /// What `WeakKeyDictionary.get` gives: the id of a class, if it has one.
    fn id_of<'py>(&self, class: &Bound<'py, PyAny>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let py = class.py();
        let by_class = self.by_class.bind(py);
        if let Some(entries) = weak_entries(by_class, &Tracker::own(py)?.by_class)? {
            return entries.get_item(PyWeakrefReference::new(class)?);
        }
        Ok(Some(by_class.call_method1(intern!(py, "get"), (class,))?).filter(|id| !id.is_none()))
    }

    /// Runs something that no other thread may come into. What this thread does meanwhile and needs the lock for, as a `__del__`, a
    /// signal's handler or the `__hash__` of a metaclass may dump or load, does not wait for it.
    fn locked<R>(&self, py: Python<'_>, run: impl FnOnce() -> PyResult<R>) -> PyResult<R> {
        thread_local! {
            static IS_INSIDE: Cell<bool> = const { Cell::new(false) };
        }
        struct Inside;
        impl Drop for Inside {
            fn drop(&mut self) {
                IS_INSIDE.set(false);
            }
        }

        if IS_INSIDE.replace(true) {
            return run();
        }
        let _inside = Inside;
        self.lock.call_method0(py, intern!(py, "acquire"))?;
        let result = run();
        self.lock.call_method0(py, intern!(py, "release"))?;
        result
    }
}

/// The dict inside a weak dict, if that is of the very class of the module's own one: looking into it runs no Python code.
fn weak_entries<'py>(weak_dict: &Bound<'py, PyAny>, own: &Py<PyAny>) -> PyResult<Option<Bound<'py, PyDict>>> {
    let py = weak_dict.py();
    if !weak_dict.get_type().is(own.bind(py).get_type()) {
        return Ok(None);
    }
    Ok(ffi::getattr_opt(weak_dict, intern!(py, "data"))?.and_then(|entries| entries.cast_into_exact::<PyDict>().ok()))
}

/// The id of a class, a new one (32 hexadecimal digits) if it has none yet. `None` for a class that cannot be hashed: upstream
/// could not track it when it loads the class.
pub(crate) fn get_or_create_id<'py>(class: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    let py = class.py();
    if let Err(error) = class.hash() {
        return if error.is_instance_of::<PyTypeError>(py) { Ok(py.None().into_bound(py)) } else { Err(error) };
    }
    let tracker = Tracker::current(py)?;
    if let Some(known) = tracker.locked(py, || tracker.id_of(class))? {
        return Ok(known);
    }
    let new = py.import("uuid")?.call_method0("uuid4")?.getattr("hex")?;
    tracker.locked(py, || {
        // whoever was faster has given it one
        let id = tracker.by_class.bind(py).call_method1(intern!(py, "setdefault"), (class, new))?;
        tracker.by_id.bind(py).set_item(&id, class)?;
        Ok(id)
    })
}

/// The class that already has an id.
pub(crate) fn lookup<'py>(id: &Bound<'py, PyAny>) -> PyResult<Option<Bound<'py, PyAny>>> {
    let py = id.py();
    if id.is_none() {
        return Ok(None);
    }
    let tracker = Tracker::current(py)?;
    tracker.locked(py, || {
        let Some(class) = tracker.class_of(id)? else { return Ok(None) };
        match tracker.id_of(&class)? {
            Some(known) if known.is(id) || known.eq(id)? => {}
            _ => tracker.by_class.bind(py).set_item(&class, id)?,
        }
        Ok(Some(class))
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

/// Moves what is tracked to upstream's tracker, which is in use from then on: to be called once upstream is imported. Upstream looks
/// for classes by itself then, before anything here is asked.
#[pyfunction]
pub(crate) fn _unite_trackers(py: Python<'_>) -> PyResult<()> {
    Tracker::current(py).map(drop)
}

/// Frees the locks in a process that was forked: the thread that had one may not be there.
#[pyfunction]
fn _free_tracker_after_fork(py: Python<'_>) -> PyResult<()> {
    for tracker in [Some(Tracker::own(py)?), Tracker::upstreams(py)?.as_ref()].into_iter().flatten() {
        if let Some(free) = ffi::getattr_opt(tracker.lock.bind(py), intern!(py, "_at_fork_reinit"))? {
            free.call0()?;
        }
    }
    Ok(())
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
    let py = module.py();
    if let Some(register) = py.import("os")?.getattr_opt("register_at_fork")? {
        let free = wrap_pyfunction!(_free_tracker_after_fork, module)?;
        register.call((), Some(&[("after_in_child", free)].into_py_dict(py)?))?;
    }
    module.add_function(wrap_pyfunction!(_unite_trackers, module)?)?;
    module.add_function(wrap_pyfunction!(py_get_or_create_id, module)?)?;
    module.add_function(wrap_pyfunction!(py_lookup_or_track, module)?)
}
