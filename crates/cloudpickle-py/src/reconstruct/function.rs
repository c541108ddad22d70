//! Makes functions and cells.

use cloud_reduce::function::{BUILTINS, FunctionState};
use pyo3::{
    exceptions::{PyKeyError, PyTypeError},
    intern,
    prelude::*,
    types::{PyDict, PyString, PyTuple},
};

use crate::{ffi, state::State};

/// Stands for what an empty cell holds.
#[pyclass(frozen, name = "_empty_cell_value", module = "cloudpickle.cloudpickle")]
pub(crate) struct EmptyCellValue;

#[pymethods]
impl EmptyCellValue {
    fn __reduce__(&self) -> &'static str {
        "_empty_cell_value"
    }
}

/// Makes a function, whose state follows.
pub(super) fn make_function<'py>(
    state: &State,
    code: &Bound<'py, PyAny>,
    globals: &Bound<'py, PyAny>,
    name: &Bound<'py, PyAny>,
    argdefs: &Bound<'py, PyAny>,
    closure: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyAny>> {
    let py = code.py();
    let Ok(globals) = globals.cast::<PyDict>() else {
        return Err(PyTypeError::new_err("_make_function() argument 'globals' must be a dict"));
    };
    globals.set_item(intern!(py, BUILTINS), state.builtins.bind(py))?;
    let closure = match closure.cast::<PyTuple>() {
        Ok(closure) => Some(closure),
        Err(_) if closure.is_none() => None,
        Err(_) => return Err(PyTypeError::new_err("_make_function() argument 'closure' must be a tuple or None")),
    };
    let function = ffi::new_function(code, globals, closure)?;
    if !name.is_none() {
        function.setattr(intern!(py, "__name__"), name)?;
    }
    if !argdefs.is_none() {
        function.setattr(intern!(py, "__defaults__"), argdefs)?;
    }
    Ok(function)
}

/// Sets a function's state: a pair of its `__dict__` and of its other attributes.
pub(super) fn set_function_state<'py>(
    state: &State,
    function: &Bound<'py, PyAny>,
    function_state: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyAny>> {
    let py = function.py();
    let (attributes, slots) = function_state.extract::<(Bound<'py, PyAny>, Bound<'py, PyDict>)>()?;
    if attributes.is_truthy()? {
        function.getattr(intern!(py, "__dict__"))?.call_method1(intern!(py, "update"), (attributes,))?;
    }
    let key = |key: FunctionState| state.function_state_keys[key as usize].bind(py);
    let mut parts = Vec::with_capacity(slots.len());
    for entry in ffi::DictEntries::new(&slots)? {
        let (slot, value) = entry?;
        parts.push((state_key(state, &slot, parts.len()), slot, value));
    }
    for required in [FunctionState::Globals, FunctionState::Closure, FunctionState::Submodules] {
        if !parts.iter().any(|(field, ..)| *field == Some(required)) {
            return Err(PyKeyError::new_err((key(required).clone().unbind(),)));
        }
    }
    // what a new function lacks need not be taken from it
    let fields = ffi::FunctionFields::of(function)?;
    let globals = match &fields {
        Some(fields) => fields.globals.to_owned(),
        None => function.getattr(key(FunctionState::Globals))?,
    };
    let has = |field| match (&fields, field) {
        (Some(fields), FunctionState::Kwdefaults) => fields.kwdefaults.is_some(),
        (Some(fields), FunctionState::Defaults) => fields.defaults.is_some(),
        _ => true,
    };
    for (field, slot, value) in parts {
        match field {
            // the modules were imported in order to get here, which is all they are for
            Some(FunctionState::Submodules) => {}
            Some(FunctionState::Globals) if value.cast_exact::<PyDict>().is_ok_and(PyDictMethods::is_empty) => {}
            Some(FunctionState::Globals) => match (globals.cast::<PyDict>(), value.cast::<PyDict>()) {
                (Ok(globals), Ok(value)) => globals.update(value.as_mapping())?,
                _ => drop(globals.call_method1(intern!(py, "update"), (value,))?),
            },
            Some(FunctionState::Closure) if value.is_none() => {}
            Some(FunctionState::Closure) => {
                let own = function.getattr(key(FunctionState::Closure))?;
                for (index, cell) in value.try_iter()?.enumerate() {
                    if let Some(contents) = ffi::cell_contents(&cell?) {
                        ffi::set_cell_contents(&own.get_item(index)?, &contents)?;
                    }
                }
            }
            Some(field) if value.is_none() && !has(field) => {}
            Some(field) if ffi::set_function_field(function, field, &value) => {}
            _ => function.setattr(slot.cast::<PyString>()?, value)?,
        }
    }
    globals.set_item(intern!(py, BUILTINS), state.builtins.bind(py))?;
    Ok(py.None().into_bound(py))
}

/// Which part of a function's state a key stands for, where most likely it is the one of this index.
#[inline]
fn state_key(state: &State, slot: &Bound<'_, PyAny>, index: usize) -> Option<FunctionState> {
    match state.function_state_keys.get(index) {
        Some(key) if key.as_ptr() == slot.as_ptr() => Some(FunctionState::ALL[index]),
        _ => FunctionState::from_key(slot.extract::<&str>().ok()?),
    }
}

/// Makes a cell.
pub(super) fn make_cell<'py>(state: &State, value: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    let py = value.py();
    let empty = state.reconstructor(py, cloud_reduce::Reconstructor::EmptyCellValue)?;
    ffi::new_cell(py, Some(value).filter(|value| !value.is(empty)))
}

/// Makes a function of a code object, its future globals and empty cells; `_function_setstate` does the rest.
#[pyfunction]
pub(crate) fn _make_function<'py>(
    code: &Bound<'py, PyAny>,
    globals: &Bound<'py, PyAny>,
    name: &Bound<'py, PyAny>,
    argdefs: &Bound<'py, PyAny>,
    closure: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyAny>> {
    make_function(State::get(code.py())?, code, globals, name, argdefs, closure)
}

/// Sets the state of a function that `_make_function` made.
#[pyfunction]
pub(crate) fn _function_setstate<'py>(obj: &Bound<'py, PyAny>, state: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    set_function_state(State::get(obj.py())?, obj, state)
}

/// Makes a closure cell, empty unless it is given a value.
#[pyfunction]
// `None` is a value that a cell can have: the one that stands for none cannot be told in a signature
#[pyo3(signature = (*args, value=None), text_signature = "(value=...)")]
pub(crate) fn _make_cell<'py>(args: &Bound<'py, PyTuple>, value: Option<Bound<'py, PyAny>>) -> PyResult<Bound<'py, PyAny>> {
    let py = args.py();
    match (args.len(), value) {
        (0, None) => ffi::new_cell(py, None),
        (0, Some(value)) => make_cell(State::get(py)?, &value),
        (1, None) => make_cell(State::get(py)?, &args.get_item(0)?),
        (given, _) => Err(PyTypeError::new_err(format!("_make_cell() takes at most one argument ({given} given)"))),
    }
}

/// Makes an empty closure cell.
#[pyfunction]
pub(crate) fn _make_empty_cell(py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
    ffi::new_cell(py, None)
}
