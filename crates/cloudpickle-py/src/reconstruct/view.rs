//! Makes modules, views of dicts, and the stand-ins of files.

use cloud_reduce::function::BUILTINS;
use pyo3::{
    intern,
    prelude::*,
    types::{PyDict, PyModule, PyString},
};

use crate::{ffi, state::State};

/// Imports a module by its full name.
#[pyfunction]
pub(crate) fn subimport<'py>(name: &Bound<'py, PyString>) -> PyResult<Bound<'py, PyAny>> {
    let py = name.py();
    ffi::import(name)?;
    State::get(py)?.modules(py)?.get_item(name)
}

/// Makes a module that no import finds, of its name and its attributes.
#[pyfunction]
pub(crate) fn dynamic_subimport<'py>(name: &Bound<'py, PyString>, vars: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyModule>> {
    let py = name.py();
    let module = py.get_type::<PyModule>().call1((name,))?.cast_into::<PyModule>()?;
    module.dict().call_method1(intern!(py, "update"), (vars,))?;
    module.dict().set_item(intern!(py, BUILTINS), State::get(py)?.builtins.bind(py))?;
    Ok(module)
}

/// The dict class to make a view of.
fn dict_class<'py>(py: Python<'py>, is_ordered: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    if is_ordered.is_truthy()? {
        py.import("collections")?.getattr("OrderedDict")
    } else {
        Ok(py.get_type::<PyDict>().into_any())
    }
}

fn flag<'py>(py: Python<'py>, is_ordered: Option<Bound<'py, PyAny>>) -> Bound<'py, PyAny> {
    is_ordered.unwrap_or_else(|| pyo3::types::PyBool::new(py, false).to_owned().into_any())
}

/// Makes a view of the keys of a dict that has no values.
#[pyfunction]
#[pyo3(signature = (obj, is_ordered=None), text_signature = "(obj, is_ordered=False)")]
pub(crate) fn _make_dict_keys<'py>(
    obj: &Bound<'py, PyAny>,
    is_ordered: Option<Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyAny>> {
    let py = obj.py();
    let dict = dict_class(py, &flag(py, is_ordered))?.call_method1(intern!(py, "fromkeys"), (obj,))?;
    dict.call_method0(intern!(py, "keys"))
}

/// Makes a view of the values of a dict whose keys are numbers.
#[pyfunction]
#[pyo3(signature = (obj, is_ordered=None), text_signature = "(obj, is_ordered=False)")]
pub(crate) fn _make_dict_values<'py>(
    obj: &Bound<'py, PyAny>,
    is_ordered: Option<Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyAny>> {
    let py = obj.py();
    let dict = dict_class(py, &flag(py, is_ordered))?.call0()?;
    for (index, value) in obj.try_iter()?.enumerate() {
        dict.set_item(index, value?)?;
    }
    dict.call_method0(intern!(py, "values"))
}

/// Makes a view of the items of a dict.
#[pyfunction]
#[pyo3(signature = (obj, is_ordered=None), text_signature = "(obj, is_ordered=False)")]
pub(crate) fn _make_dict_items<'py>(
    obj: &Bound<'py, PyAny>,
    is_ordered: Option<Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyAny>> {
    let py = obj.py();
    let is_ordered = flag(py, is_ordered);
    if is_ordered.is_truthy()? {
        return dict_class(py, &is_ordered)?.call1((obj,))?.call_method0(intern!(py, "items"));
    }
    obj.call_method0(intern!(py, "items"))
}

/// Gives back what stands for a file.
#[pyfunction]
pub(crate) fn _file_reconstructor(retval: Bound<'_, PyAny>) -> Bound<'_, PyAny> {
    retval
}
