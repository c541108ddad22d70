//! Whether `sys.modules` is still as it was.

use pyo3::{ffi, prelude::*, types::PyDict};

/// A number that is another one once the dict of modules has changed, or `None` where the interpreter does not tell. It is asked for
/// one dict at a time: numbers of different dicts are not compared.
///
/// Up to 3.11 the interpreter keeps such a number itself.
#[cfg(not(Py_3_12))]
pub(crate) fn modules_version(modules: &Bound<'_, PyDict>) -> Option<u64> {
    // SAFETY: it is a dict, so that it has this layout.
    Some(unsafe { (*modules.as_ptr().cast::<ffi::PyDictObject>()).ma_version_tag })
}

/// From 3.12 on it calls back when a dict changes.
#[cfg(Py_3_12)]
pub(crate) fn modules_version(modules: &Bound<'_, PyDict>) -> Option<u64> {
    use std::{
        ffi::c_int,
        sync::{
            OnceLock,
            atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed},
        },
    };

    /// How often the watched dict has changed.
    static VERSION: AtomicU64 = AtomicU64::new(0);
    /// The address of the watched dict.
    static WATCHED: AtomicUsize = AtomicUsize::new(0);
    /// By which the interpreter knows us; negative if it takes no more watchers.
    static WATCHER: OnceLock<c_int> = OnceLock::new();

    /// Called before a watched dict changes, or dies: then it is watched no more, and another one may come to have its address.
    unsafe extern "C" fn changed(event: c_int, dict: *mut ffi::PyObject, _: *mut ffi::PyObject, _: *mut ffi::PyObject) -> c_int {
        VERSION.fetch_add(1, Relaxed);
        if event == DEALLOCATED {
            let _ = WATCHED.compare_exchange(dict as usize, 0, Relaxed, Relaxed);
        }
        0
    }

    /// `PyDict_EVENT_DEALLOCATED` of `cpython/dictobject.h`.
    const DEALLOCATED: c_int = 5;

    type Callback = unsafe extern "C" fn(c_int, *mut ffi::PyObject, *mut ffi::PyObject, *mut ffi::PyObject) -> c_int;

    unsafe extern "C" {
        /// Of `cpython/dictobject.h` (3.12 and later), which the bindings lack.
        fn PyDict_AddWatcher(callback: Callback) -> c_int;
    }

    let py = modules.py();
    // SAFETY: the interpreter is attached. The callback is safe to call at any time: it touches nothing but numbers.
    let watcher = *WATCHER.get_or_init(|| unsafe { PyDict_AddWatcher(changed) });
    if watcher < 0 {
        PyErr::take(py);
        return None;
    }
    let address = modules.as_ptr() as usize;
    if WATCHED.load(Relaxed) != address {
        // A dict that was watched before, and is no longer `sys.modules`, only makes the version change more often.
        // SAFETY: it is a dict, and the watcher is ours.
        if unsafe { ffi::PyDict_Watch(watcher, modules.as_ptr()) } < 0 {
            PyErr::take(py);
            return None;
        }
        WATCHED.store(address, Relaxed);
        VERSION.fetch_add(1, Relaxed);
    }
    Some(VERSION.load(Relaxed))
}
