//! Reconstructors: the functions that pickles name in order to make functions, classes and cells again.
//!
//! Each has the name and the parameters of its counterpart upstream, so that plain `pickle.loads` finds it too.

mod class;
mod code;
mod function;
mod view;

use cloud_reduce::Reconstructor;
use pyo3::{
    prelude::*,
    types::{PyDict, PyString, PyTuple},
};

use crate::state::State;

/// Calls a reconstructor that is common enough to be worth more than a Python call. `None` for any other callable, and for
/// arguments that are not as cloudpickle writes them. A code object of another Python version is refused.
#[inline]
pub(crate) fn call<'py>(
    state: &State,
    callable: &Bound<'py, PyAny>,
    args: &Bound<'py, PyAny>,
) -> Option<PyResult<Bound<'py, PyAny>>> {
    if callable.as_ptr() == state.code_type.as_ptr() {
        return code::refuse_other_versions(callable.py(), args.cast::<PyTuple>().ok()?).err().map(Err);
    }
    let reconstructor = *state.reconstructors_by_address.get(&(callable.as_ptr() as usize))?;
    let args = args.cast::<PyTuple>().ok()?;
    let arg = |index: usize| args.get_borrowed_item(index).ok();
    match (reconstructor, args.len()) {
        (Reconstructor::MakeFunction, 5) => {
            Some(function::make_function(state, &*arg(0)?, &*arg(1)?, &*arg(2)?, &*arg(3)?, &*arg(4)?))
        }
        (Reconstructor::FunctionSetstate, 2) => Some(function::set_function_state(state, &*arg(0)?, &*arg(1)?)),
        (Reconstructor::MakeCell, 1) => Some(function::make_cell(state, &*arg(0)?)),
        (Reconstructor::MakeEmptyCell, 0) => Some(crate::ffi::new_cell(callable.py(), None)),
        (Reconstructor::BuiltinType, 1) => Some(class::builtin_type(state, &*arg(0)?)),
        (Reconstructor::Subimport, 1) => Some(view::subimport(&*arg(0)?.cast::<PyString>().ok()?)),
        (Reconstructor::MakeSkeletonClass, 6) => {
            let (constructor, name, bases, type_kwargs, id) = (arg(0)?, arg(1)?, arg(2)?, arg(3)?, arg(4)?);
            let type_kwargs = type_kwargs.cast::<PyDict>().ok()?;
            Some(class::make_skeleton_class(state, &constructor, &name, &bases, &type_kwargs, &id))
        }
        (Reconstructor::ClassSetstate, 2) => Some(class::set_class_state(&*arg(0)?, &*arg(1)?)),
        _ => None,
    }
}

/// Adds the reconstructors to a module.
pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("_empty_cell_value", Py::new(module.py(), function::EmptyCellValue)?)?;
    module.add_function(wrap_pyfunction!(function::_make_function, module)?)?;
    module.add_function(wrap_pyfunction!(function::_function_setstate, module)?)?;
    module.add_function(wrap_pyfunction!(function::_make_cell, module)?)?;
    module.add_function(wrap_pyfunction!(function::_make_empty_cell, module)?)?;
    module.add_function(wrap_pyfunction!(class::_builtin_type, module)?)?;
    module.add_function(wrap_pyfunction!(class::_make_skeleton_class, module)?)?;
    module.add_function(wrap_pyfunction!(class::_make_skeleton_enum, module)?)?;
    module.add_function(wrap_pyfunction!(class::_class_setstate, module)?)?;
    module.add_function(wrap_pyfunction!(class::_make_typevar, module)?)?;
    module.add_function(wrap_pyfunction!(class::_get_dataclass_field_type_sentinel, module)?)?;
    module.add_function(wrap_pyfunction!(view::subimport, module)?)?;
    module.add_function(wrap_pyfunction!(view::dynamic_subimport, module)?)?;
    module.add_function(wrap_pyfunction!(view::_make_dict_keys, module)?)?;
    module.add_function(wrap_pyfunction!(view::_make_dict_values, module)?)?;
    module.add_function(wrap_pyfunction!(view::_make_dict_items, module)?)?;
    module.add_function(wrap_pyfunction!(view::_file_reconstructor, module)?)
}
