//! Functions, by reference or by value.

use cloud_reduce::Reconstructor;
use cloud_reduce::function::{FunctionArg, FunctionState};
use pickle_emit::BATCH_SIZE;
use pickle_opcodes::{Opcode, Protocol};
use pyo3::{
    intern,
    prelude::*,
    types::{PyDict, PyString, PyTuple},
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

/// Names and values, such as the globals that a function carries.
type Items<'py> = Vec<(Bound<'py, PyAny>, Bound<'py, PyAny>)>;

/// What a function's pickle is made of. Python code that runs while it is written may give the function other fields.
struct Parts<'py> {
    code: Bound<'py, PyAny>,
    base_globals: Bound<'py, PyDict>,
    closure: Option<Closure<'py>>,
    attributes: Items<'py>,
    name: Bound<'py, PyAny>,
    qualname: Bound<'py, PyAny>,
    annotations: Bound<'py, PyAny>,
    kwdefaults: Option<Bound<'py, PyAny>>,
    defaults: Option<Bound<'py, PyAny>>,
    module: Option<Bound<'py, PyAny>>,
    doc: Option<Bound<'py, PyAny>>,
    submodules: Vec<Bound<'py, PyAny>>,
    function_globals: Bound<'py, PyAny>,
    globals: Items<'py>,
}

/// The cells of a closure.
struct Closure<'py> {
    cells: Bound<'py, PyTuple>,
    /// The empty ones that stand for them.
    stand_ins: Vec<Bound<'py, PyAny>>,
}

impl<'py> Walk<'_, 'py> {
    /// Writes a function: by its name, if another process can import it, and else by its parts.
    #[inline(never)]
    pub(super) fn save_function(&mut self, function: &Bound<'py, PyAny>) -> Result<(), Failure> {
        if self.save_importable_function(function)? {
            return Ok(());
        }
        if self.hooks.persistent_id.is_some() || !ffi::is_python_function(function) {
            return self.save_function_for_hooks(function);
        }
        self.put_function(function).map_err(|failure| failure.at(function, To::Object))
    }

    /// Writes a function by its name. Says whether it has one under which another process can import it.
    #[inline(never)]
    fn save_importable_function(&mut self, function: &Bound<'py, PyAny>) -> Result<bool, Failure> {
        let fields = FunctionFields::of(function)?;
        let of_main = fields
            .as_ref()
            .and_then(|fields| fields.module.as_ref())
            .is_some_and(|module| module.cast::<PyString>().is_ok_and(|module| *module == *"__main__"));
        if of_main {
            return Ok(false);
        }
        match lookup::find(self.state, function, None)? {
            Some(found) if !lookup::is_registered_by_value(&found.module_name)? => match fields {
                Some(_) => self.put_found(function, &found)?,
                // PyPy's methods of builtin types
                None if ffi::kind(function) == ffi::Kind::Function => self.put_found(function, &found)?,
                None => self.save_by_dispatch(function, ffi::Kind::Other)?,
            },
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Writes a function by the objects that upstream's reducer makes: a hook is to see every object, those that only pickling makes
    /// included, and what only says that it is a function has no fields.
    #[cold]
    #[inline(never)]
    fn save_function_for_hooks(&mut self, function: &Bound<'py, PyAny>) -> Result<(), Failure> {
        let globals_ref = self.kept.globals_ref(self.py);
        let value = dynamic_function_reduce(self.state, &globals_ref, function, |code, closure| {
            Ok((self.stand_ins(code, closure)?, self.state_cells(closure)?))
        })?;
        self.save_reduced(value.as_any(), function)?;
        if let Ok(closure) = function.getattr(intern!(self.py, "__closure__"))?.cast::<PyTuple>() {
            self.closure_is_filled(closure);
        }
        Ok(())
    }

    /// The parts of a function; `None` if it is none.
    #[inline(never)]
    fn parts(&mut self, function: &Bound<'py, PyAny>) -> PyResult<Option<Box<Parts<'py>>>> {
        let (py, state) = (self.py, self.state);
        let Some(fields) = FunctionFields::of(function)? else { return Ok(None) };
        let [code, name, qualname] = [fields.code, fields.name, fields.qualname].map(|field| field.to_owned());
        let [defaults, kwdefaults, module, doc, closure, dict] =
            [fields.defaults, fields.kwdefaults, fields.module, fields.doc, fields.closure, fields.dict]
                .map(|field| field.map(|field| field.to_owned()));
        let function_globals = fields.globals.to_owned();
        let closure = match closure {
            Some(cells) => {
                let cells = cells.cast_into::<PyTuple>()?;
                Some(Closure { stand_ins: self.stand_ins(&code, &cells)?, cells })
            }
            None => None,
        };
        let annotations = function.getattr(intern!(py, "__annotations__"))?;
        let base_globals = base_globals(state, &self.kept.globals_ref(py), &function_globals)?;
        let cells = closure.as_ref().map(|closure| &closure.cells);
        let (globals, submodules) = globals_and_submodules(state, &code, &function_globals, cells)?;
        let attributes = match &dict {
            Some(dict) => dict.cast::<PyDict>()?.iter().collect(),
            None => Vec::new(),
        };
        Ok(Some(Box::new(Parts {
            code,
            base_globals,
            closure,
            attributes,
            name,
            qualname,
            annotations,
            kwdefaults,
            defaults,
            module,
            doc,
            submodules,
            function_globals,
            globals,
        })))
    }

    /// Writes a function by its parts, as `dynamic_function_reduce` lays them out, without making Python objects of them.
    #[inline(never)]
    fn put_function(&mut self, function: &Bound<'py, PyAny>) -> Result<(), Failure> {
        let Some(parts) = self.parts(function).map_err(Failure::from)? else { return Ok(()) };
        self.put_function_arguments(&parts).map_err(|failure| failure.at(function, To::ReconstructorArguments))?;
        self.memoize(function)?;

        self.put_reconstructor(Reconstructor::FunctionSetstate)?;
        self.save(function)?;
        self.put_function_state(&parts).map_err(|failure| failure.at(function, To::State))?;
        self.put_state_setter_call();
        if let Some(closure) = &parts.closure {
            self.closure_is_filled(&closure.cells);
        }
        Ok(())
    }

    /// Writes the call of `_make_function`.
    #[inline(never)]
    fn put_function_arguments(&mut self, parts: &Parts<'py>) -> Result<(), Failure> {
        self.put_reconstructor(Reconstructor::MakeFunction)?;
        self.begin_tuple(FunctionArg::ALL.len());
        for argument in FunctionArg::ALL {
            match argument {
                FunctionArg::Code => {
                    self.save(&parts.code).map_err(|failure| failure.at(self.state.empty_tuple.bind(self.py), To::Index(0)))?
                }
                FunctionArg::Globals => self.save(parts.base_globals.as_any())?,
                FunctionArg::Name | FunctionArg::Argdefs => self.put_none(),
                FunctionArg::Closure => match &parts.closure {
                    Some(closure) => self.put_empty_cells(&closure.stand_ins)?,
                    None => self.put_none(),
                },
            }
        }
        self.end_tuple(FunctionArg::ALL.len())?;
        self.encoder.op(Opcode::Reduce);
        Ok(())
    }

    /// Writes the state of a function: the pair of its `__dict__` and of its other attributes.
    #[inline(never)]
    fn put_function_state(&mut self, parts: &Parts<'py>) -> Result<(), Failure> {
        let state = self.state;
        // Upstream has a dict and a tuple there: the notes of an exception (Python 3.14 and later) name their types.
        let (dict, pair) = (&parts.base_globals, state.empty_tuple.bind(self.py));
        self.begin_tuple(2);
        self.put_fresh_dict(&parts.attributes, |walk, (key, value)| {
            walk.put_copied_str(key)?;
            walk.save(value).map_err(|failure| failure.at(dict, To::key(key)).at(pair, To::Index(0)))
        })?;
        self.put_fresh_dict(&FunctionState::ALL, |walk, key| {
            let key_name = state.function_state_keys[*key as usize].bind(walk.py).as_any();
            walk.save(key_name)?;
            let attribute = walk.put_function_attribute(parts, *key);
            attribute.map_err(|failure| failure.at(dict, To::key(key_name)).at(pair, To::Index(1)))
        })?;
        self.end_tuple(2)
    }

    #[inline(never)]
    fn put_function_attribute(&mut self, parts: &Parts<'py>, key: FunctionState) -> Result<(), Failure> {
        let attribute = match key {
            FunctionState::Name => return self.put_copied_str(&parts.name),
            FunctionState::Qualname => return self.put_copied_str(&parts.qualname),
            FunctionState::Submodules => return self.put_fresh_list(&parts.submodules),
            FunctionState::Globals => {
                return self.put_fresh_dict(&parts.globals, |walk, (key, value)| {
                    walk.save(key)?;
                    walk.save(value).map_err(|failure| failure.at(&parts.function_globals, To::key(key)))
                });
            }
            FunctionState::Closure => match &parts.closure {
                Some(closure) => return self.save(self.state_cells(&closure.cells)?.as_any()),
                None => None,
            },
            FunctionState::Annotations => Some(&parts.annotations),
            FunctionState::Kwdefaults => parts.kwdefaults.as_ref(),
            FunctionState::Defaults => parts.defaults.as_ref(),
            FunctionState::Module => parts.module.as_ref(),
            FunctionState::Doc => parts.doc.as_ref(),
        };
        match attribute {
            Some(attribute) => self.save(attribute),
            None => {
                self.put_none();
                Ok(())
            }
        }
    }

    /// Writes a dict that nothing else can refer to, in the way of `save_dict`.
    fn put_fresh_dict<T>(
        &mut self,
        entries: &[T],
        mut put: impl FnMut(&mut Self, &T) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        self.encoder.boundary();
        self.encoder.empty_dict();
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
        self.encoder.empty_list();
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
    let id = ffi::identity(globals);
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
) -> PyResult<(Items<'py>, Vec<Bound<'py, PyAny>>)> {
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
    let no_cells = |_: &Bound<'py, PyAny>, closure: &Bound<'py, PyTuple>| Ok((Vec::new(), closure.clone()));
    dynamic_function_reduce(State::get(func.py())?, &PyDict::new(func.py()), func, no_cells)?.get_item(2)
}

/// The empty cells that stand for those of a closure, and the cells from which they are filled.
type Cells<'py> = (Vec<Bound<'py, PyAny>>, Bound<'py, PyTuple>);

/// What upstream's reducer returns for a function that is pickled by value: the tuple of `__reduce_ex__`. `cells` gives the cells of
/// its closure, from its code and the closure.
pub(crate) fn dynamic_function_reduce<'py>(
    state: &State,
    globals_ref: &Bound<'py, PyDict>,
    function: &Bound<'py, PyAny>,
    cells: impl FnOnce(&Bound<'py, PyAny>, &Bound<'py, PyTuple>) -> PyResult<Cells<'py>>,
) -> PyResult<Bound<'py, PyTuple>> {
    let py = function.py();
    let none = || py.None().into_bound(py);
    let code = function.getattr(intern!(py, "__code__"))?;
    if cfg!(PyPy) && ffi::kind(function) == ffi::Kind::Function && ffi::kind(&code) != ffi::Kind::Code {
        return builtin_function_reduce(function, code);
    }
    let function_globals = function.getattr(intern!(py, "__globals__"))?;
    let closure = function.getattr(intern!(py, "__closure__"))?;
    let closure = if closure.is_none() { None } else { Some(closure.cast_into::<PyTuple>()?) };
    let cells = closure.as_ref().map(|closure| cells(&code, closure)).transpose()?;

    let mut arguments = Vec::with_capacity(FunctionArg::ALL.len());
    for argument in FunctionArg::ALL {
        arguments.push(match argument {
            FunctionArg::Code => code.clone(),
            FunctionArg::Globals => base_globals(state, globals_ref, &function_globals)?.into_any(),
            FunctionArg::Name | FunctionArg::Argdefs => none(),
            FunctionArg::Closure => match &cells {
                None => none(),
                Some((empty, _)) => PyTuple::new(py, empty)?.into_any(),
            },
        });
    }

    let (globals, submodules) = globals_and_submodules(state, &code, &function_globals, closure.as_ref())?;
    let slot_state = PyDict::new(py);
    for key in FunctionState::ALL {
        let name = state.function_state_keys[key as usize].bind(py);
        let value = match key {
            FunctionState::Name | FunctionState::Qualname => copied_str(&function.getattr(name)?)?,
            FunctionState::Submodules => ffi::new_list(py, submodules.iter().cloned())?.into_any(),
            FunctionState::Globals => {
                let dict = PyDict::new(py);
                for (name, value) in &globals {
                    dict.set_item(name, value)?;
                }
                dict.into_any()
            }
            FunctionState::Closure => match &cells {
                None => none(),
                Some((_, state_cells)) => state_cells.clone().into_any(),
            },
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

/// What upstream's reducer returns on PyPy for a function of a builtin type: there it is a function like others, with code that
/// `pickle` finds by its name.
fn builtin_function_reduce<'py>(function: &Bound<'py, PyAny>, code: Bound<'py, PyAny>) -> PyResult<Bound<'py, PyTuple>> {
    let py = function.py();
    let arguments = [
        code,
        PyDict::new(py).into_any(),
        function.getattr(intern!(py, "__name__"))?,
        function.getattr(intern!(py, "__defaults__"))?,
        function.getattr(intern!(py, "__closure__"))?,
    ];
    let state = function.getattr(intern!(py, "__dict__"))?;
    (function.get_type(), PyTuple::new(py, arguments)?, state).into_pyobject(py)
}
