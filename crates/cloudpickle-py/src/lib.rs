//! The Python module `cloudpickle_rs`: cloudpickle's interface, format and bytes, over this project's pickle crates.
//!
//! The Python package in `python/cloudpickle_rs` re-exports what this native module defines. Unsafe code stands in [`ffi`] alone.
#![deny(unsafe_code)]

#[cfg(GraalPy)]
compile_error!("cloudpickle_rs supports CPython and PyPy only");
#[cfg(all(PyPy, any(not(Py_3_11), Py_3_12)))]
compile_error!("cloudpickle_rs supports PyPy 3.11 only: its native part depends on how that version keeps code objects");
#[cfg(not(Py_3_9))]
compile_error!("cloudpickle_rs needs Python 3.9 or later");
#[cfg(Py_GIL_DISABLED)]
compile_error!("cloudpickle_rs does not support free-threaded Python yet: use a build with the global interpreter lock");

mod failure;
mod ffi;
mod known_names;
mod pickler;
mod reconstruct;
mod reducers;
mod report;
mod state;
mod tracker;
mod unpickler;

/// The native part of `cloudpickle_rs`.
#[pyo3::pymodule(gil_used = true, name = "_native")]
mod native {
    use pyo3::{prelude::*, types::PyCFunction};

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        let py = module.py();
        super::state::State::check_interpreter(py)?;
        // classes come last: their attributes need the state, which needs the functions
        super::pickler::register(module)?;
        super::reducers::register(module)?;
        super::reconstruct::register(module)?;
        super::unpickler::register(module)?;
        super::report::register(module)?;
        super::tracker::register(module)?;
        // They are found in the public module, whatever this one is called.
        for (_, object) in module.dict() {
            if object.is_instance_of::<PyCFunction>() {
                object.setattr("__module__", "cloudpickle_rs.cloudpickle")?;
            }
        }
        super::state::State::initialize(py, module)?;
        module.add_class::<super::pickler::Pickler>()?;
        module.add_class::<super::unpickler::Unpickler>()?;
        module.add("__version__", env!("CARGO_PKG_VERSION"))
    }
}
