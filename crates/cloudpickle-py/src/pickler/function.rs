//! Functions, by reference or by value.

use cloud_reduce::Reconstructor;
use cloud_reduce::function::{FunctionArg, FunctionState};
use pickle_emit::BATCH_SIZE;
use pickle_opcodes::{Opcode, Protocol};
use pyo3::{
    intern,
    prelude::*,
    types::{PyDict, PyList, PyString, PyTuple},
};

use crate::{
    failure::{Failure, To},
    ffi::{self, FunctionFields},
    pickler::{
        code::with_code_facts,
        container::BATCHES_TO_THE_POINT,
        lookup,
        submodules::push_submodules,
        walk::{Walk, copied_str},
    },
    state::State,
};

/// The globals that a function carries, each with its value.
type Globals<'py> = Vec<(Bound<'py, PyAny>, Bound<'py, PyAny>)>;

impl<'py> Walk<'_, 'py> {
    /// Writes a function: by its name, if another process can import it, and else by its parts.
    #[inline(never)]
    pub(super) fn save_function(&mut self, function: &Bound<'py, PyAny>) -> Result<(), Failure> {
        let fields = FunctionFields::of(function);
        let of_main = fields
            .as_ref()
            .and_then(|fields| fields.module.as_ref())
            .and_then(|module| module.cast::<PyString>().ok().map(|module| *module == *"__main__"));
        if of_main != Some(true)
            && let Some(found) = lookup::find(self.state, function, None)?
            && !lookup::is_registered_by_value(&found.module_name)?
        {
            return match fields {
                Some(_) => self.put_found(function, &found),
                None => self.save_by_dispatch(function, ffi::Kind::Other),
            };
        }
        if self.hooks.persistent_id.is_some() || fields.is_none() {
            // The hook is to see every object, those that only pickling makes included.
            let value = dynamic_function_reduce(self.state, &self.kept.globals_ref(self.py), function)?;
            return self.save_reduced(value.as_any(), function);
        }
        self.put_function(function).map_err(|failure| failure.at(function, To::Object))
    }

    /// Writes a function by its parts, as `dynamic_function_reduce` lays them out, without making Python objects of them.
    fn put_function(&mut self, function: &Bound<'py, PyAny>) -> Result<(), Failure> {
        let (py, state) = (self.py, self.state);
        let Some(fields) = FunctionFields::of(function) else { return Ok(()) };
        // Python code that runs on the way may give the function other fields.
        let [code, name, qualname] = [fields.code, fields.name, fields.qualname].map(|field| field.to_owned());
        let [defaults, kwdefaults, module, doc, closure, dict] =
            [fields.defaults, fields.kwdefaults, fields.module, fields.doc, fields.closure, fields.dict]
                .map(|field| field.map(|field| field.to_owned()));
        let function_globals = fields.globals.to_owned();
        let annotations = function.getattr(intern!(py, "__annotations__"))?;
        let closure = match closure {
            Some(closure) => Some(closure.cast_into::<PyTuple>().map_err(PyErr::from)?),
            None => None,
        };
        let base_globals = base_globals(state, &self.kept.globals_ref(py), &function_globals)?;
        let (globals, submodules) = globals_and_submodules(state, &code, &function_globals, closure.as_ref())?;

        self.put_reconstructor(Reconstructor::MakeFunction)?;
        self.begin_tuple(FunctionArg::ALL.len());
        for argument in FunctionArg::ALL {
            match argument {
                FunctionArg::Code => self
                    .save(&code)
                    .map_err(|failure| failure.at(code.as_any(), To::Index(0)).at(function, To::ReconstructorArguments))?,
                FunctionArg::Globals => self.save(base_globals.as_any())?,
                FunctionArg::Name | FunctionArg::Argdefs => self.put_none(),
                FunctionArg::Closure => match &closure {
                    Some(closure) => self.put_empty_cells(closure.len())?,
                    None => self.put_none(),
                },
            }
        }
        self.end_tuple(FunctionArg::ALL.len())?;
        self.encoder.op(Opcode::Reduce);
        self.memoize(function)?;

        self.put_reconstructor(Reconstructor::FunctionSetstate)?;
        self.save(function)?;
        self.begin_tuple(2);
        let attributes: Globals<'py> = match &dict {
            Some(dict) => dict.cast::<PyDict>().map_err(PyErr::from)?.iter().collect(),
            None => Vec::new(),
        };
        let in_state = |failure: Failure| failure.at(function, To::State);
        self.put_fresh_dict(&attributes, |walk, (key, value)| {
            walk.put_copied_str(key)?;
            walk.save(value).map_err(|failure| in_state(failure.at(function, To::key(key))))
        })?;
        self.put_fresh_dict(&FunctionState::ALL, |walk, key| {
            let key_name = state.function_state_keys[*key as usize].bind(py).as_any();
            let in_attribute = |failure: Failure| in_state(failure.at(function, To::key(key_name)));
            walk.save(key_name)?;
            let attribute = match key {
                FunctionState::Name => return walk.put_copied_str(&name),
                FunctionState::Qualname => return walk.put_copied_str(&qualname),
                FunctionState::Submodules => return walk.put_fresh_list(&submodules),
                FunctionState::Globals => {
                    return walk.put_fresh_dict(&globals, |walk, (key, value)| {
                        walk.save(key)?;
                        walk.save(value).map_err(|failure| in_attribute(failure.at(function_globals.as_any(), To::key(key))))
                    });
                }
                FunctionState::Annotations => Some(&annotations),
                FunctionState::Kwdefaults => kwdefaults.as_ref(),
                FunctionState::Defaults => defaults.as_ref(),
                FunctionState::Module => module.as_ref(),
                FunctionState::Doc => doc.as_ref(),
                FunctionState::Closure => closure.as_ref().map(|closure| closure.as_any()),
            };
            match attribute {
                Some(attribute) => walk.save(attribute).map_err(in_attribute),
                None => {
                    walk.put_none();
                    Ok(())
                }
            }
        })?;
        self.end_tuple(2)?;
        self.put_state_setter_call();
        Ok(())
    }

    /// Writes a tuple of new empty cells.
    fn put_empty_cells(&mut self, count: usize) -> Result<(), Failure> {
        self.begin_tuple(count);
        for _ in 0..count {
            self.encoder.boundary();
            self.put_empty_cell_call()?;
            self.memoize_unshared()?;
        }
        self.end_tuple(count)
    }

    /// Writes a dict that nothing else can refer to, in the way of `save_dict`.
    fn put_fresh_dict<T>(
        &mut self,
        entries: &[T],
        mut put: impl FnMut(&mut Self, &T) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        self.encoder.boundary();
        self.put_empty_dict();
        self.memoize_unshared()?;
        if entries.len() == 1 || self.encoder.protocol() == Protocol::V0 {
            for entry in entries {
                put(self, entry)?;
                self.encoder.op(Opcode::SetItem);
            }
            return Ok(());
        }
        for batch in entries.chunks(BATCH_SIZE) {
            if let ([entry], true) = (batch, BATCHES_TO_THE_POINT) {
                put(self, entry)?;
                self.encoder.op(Opcode::SetItem);
                continue;
            }
            self.encoder.op(Opcode::Mark);
            for entry in batch {
                put(self, entry)?;
            }
            self.encoder.op(Opcode::SetItems);
        }
        if !BATCHES_TO_THE_POINT && !entries.is_empty() && entries.len().is_multiple_of(BATCH_SIZE) {
            self.encoder.op(Opcode::Mark);
            self.encoder.op(Opcode::SetItems);
        }
        Ok(())
    }

    /// Writes a list that nothing else can refer to, in the way of `save_list`.
    fn put_fresh_list(&mut self, items: &[Bound<'py, PyAny>]) -> Result<(), Failure> {
        self.encoder.boundary();
        if self.encoder.protocol() > Protocol::V0 {
            self.encoder.op(Opcode::EmptyList);
        } else {
            self.encoder.op(Opcode::Mark);
            self.encoder.op(Opcode::List);
        }
        self.memoize_unshared()?;
        if items.len() == 1 || self.encoder.protocol() == Protocol::V0 {
            for item in items {
                self.save(item)?;
                self.encoder.op(Opcode::Append);
            }
            return Ok(());
        }
        for batch in items.chunks(BATCH_SIZE) {
            if let ([item], true) = (batch, BATCHES_TO_THE_POINT) {
                self.save(item)?;
                self.encoder.op(Opcode::Append);
                continue;
            }
            self.encoder.op(Opcode::Mark);
            for item in batch {
                self.save(item)?;
            }
            self.encoder.op(Opcode::Appends);
        }
        Ok(())
    }
}

/// The dict that stands for a function's globals in a pickle: the same one for all functions with the same globals.
fn base_globals<'py>(
    state: &State,
    globals_ref: &Bound<'py, PyDict>,
    globals: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyDict>> {
    let py = globals.py();
    let id = globals.as_ptr() as usize;
    let base = match globals_ref.get_item(id)? {
        Some(base) => base.cast_into::<PyDict>()?,
        None => {
            let base = PyDict::new(py);
            globals_ref.set_item(id, &base)?;
            base
        }
    };
    if base.is_empty()
        && let Ok(globals) = globals.cast::<PyDict>()
    {
        for key in &state.base_globals {
            if let Some(value) = globals.get_item(key)? {
                base.set_item(key, value)?;
            }
        }
    }
    Ok(base)
}

/// The globals that a function's code names, and the submodules that it reaches through packages among them (or in its closure).
fn globals_and_submodules<'py>(
    state: &State,
    code: &Bound<'py, PyAny>,
    function_globals: &Bound<'py, PyAny>,
    closure: Option<&Bound<'py, PyTuple>>,
) -> PyResult<(Globals<'py>, Vec<Bound<'py, PyAny>>)> {
    let py = code.py();
    let function_globals = function_globals.cast::<PyDict>()?;
    with_code_facts(state, code, |facts| {
        let mut globals = Vec::with_capacity(facts.globals.len());
        for name in &facts.globals {
            if let Some(value) = function_globals.get_item(name)? {
                globals.push((name.bind(py).clone().into_any(), value));
            }
        }
        let names = facts.names.bind(py);
        let mut submodules = Vec::new();
        if !names.is_empty() {
            for (_, value) in &globals {
                push_submodules(state, value, names, &mut submodules)?;
            }
            for cell in closure.into_iter().flatten() {
                if let Some(value) = ffi::cell_contents(&cell) {
                    push_submodules(state, &value, names, &mut submodules)?;
                }
            }
        }
        Ok((globals, submodules))
    })?
}

/// The names of the globals that a code object and those nested in it use, as the keys of a dict.
#[pyfunction]
pub(crate) fn _extract_code_globals<'py>(co: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyDict>> {
    let py = co.py();
    let names = PyDict::new(py);
    with_code_facts(State::get(py)?, co, |facts| facts.globals.iter().try_for_each(|name| names.set_item(name, py.None())))??;
    Ok(names)
}

/// The imported submodules that code reaches through packages among the given objects.
#[pyfunction]
pub(crate) fn _find_imported_submodules<'py>(
    code: &Bound<'py, PyAny>,
    top_level_dependencies: &Bound<'py, PyAny>,
) -> PyResult<Vec<Bound<'py, PyAny>>> {
    let py = code.py();
    let names = code.getattr(intern!(py, "co_names"))?.cast_into::<PyTuple>()?;
    let mut submodules = Vec::new();
    for package in top_level_dependencies.try_iter()? {
        push_submodules(State::get(py)?, &package?, &names, &mut submodules)?;
    }
    Ok(submodules)
}

/// The state of a function, as `_function_setstate` takes it.
#[pyfunction]
pub(crate) fn _function_getstate<'py>(func: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    dynamic_function_reduce(State::get(func.py())?, &PyDict::new(func.py()), func)?.get_item(2)
}

/// What upstream's reducer returns for a function that is pickled by value: the tuple of `__reduce_ex__`.
pub(crate) fn dynamic_function_reduce<'py>(
    state: &State,
    globals_ref: &Bound<'py, PyDict>,
    function: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyTuple>> {
    let py = function.py();
    let none = || py.None().into_bound(py);
    let code = function.getattr(intern!(py, "__code__"))?;
    let function_globals = function.getattr(intern!(py, "__globals__"))?;
    let closure = function.getattr(intern!(py, "__closure__"))?;
    let closure = if closure.is_none() { None } else { Some(closure.cast_into::<PyTuple>()?) };

    let mut arguments = Vec::with_capacity(FunctionArg::ALL.len());
    for argument in FunctionArg::ALL {
        arguments.push(match argument {
            FunctionArg::Code => code.clone(),
            FunctionArg::Globals => base_globals(state, globals_ref, &function_globals)?.into_any(),
            FunctionArg::Name | FunctionArg::Argdefs => none(),
            FunctionArg::Closure => match &closure {
                None => none(),
                Some(closure) => {
                    let cells = closure.iter_borrowed().map(|_| ffi::new_cell(py, None)).collect::<PyResult<Vec<_>>>()?;
                    PyTuple::new(py, cells)?.into_any()
                }
            },
        });
    }

    let (globals, submodules) = globals_and_submodules(state, &code, &function_globals, closure.as_ref())?;
    let slot_state = PyDict::new(py);
    for key in FunctionState::ALL {
        let name = state.function_state_keys[key as usize].bind(py);
        let value = match key {
            FunctionState::Name | FunctionState::Qualname => copied_str(&function.getattr(name)?)?,
            FunctionState::Submodules => PyList::new(py, &submodules)?.into_any(),
            FunctionState::Globals => {
                let dict = PyDict::new(py);
                for (name, value) in &globals {
                    dict.set_item(name, value)?;
                }
                dict.into_any()
            }
            _ => function.getattr(name)?,
        };
        slot_state.set_item(name, value)?;
    }
    let attributes = PyDict::new(py);
    for (name, value) in function.getattr(intern!(py, "__dict__"))?.cast::<PyDict>()? {
        attributes.set_item(copied_str(&name)?, value)?;
    }
    let function_state = PyTuple::new(py, [attributes, slot_state])?;
    PyTuple::new(
        py,
        [
            state.reconstructor(py, Reconstructor::MakeFunction)?.clone(),
            PyTuple::new(py, arguments)?.into_any(),
            function_state.into_any(),
            none(),
            none(),
            state.reconstructor(py, Reconstructor::FunctionSetstate)?.clone(),
        ],
    )
}
