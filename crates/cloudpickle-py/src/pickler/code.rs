//! Code objects and closure cells.

use cloud_reduce::{Reconstructor, code::CodeField};
use pickle_opcodes::Opcode;
use pyo3::{
    intern,
    prelude::*,
    types::{PyBytes, PyString, PyTuple},
};
use rustc_hash::FxHashSet;

use crate::{
    failure::{Failure, To},
    ffi::{self, Kind, RecursionGuard, StackLimit, kind},
    pickler::walk::Walk,
    state::State,
};

/// What pickling needs of a code object, kept for as long as the code object lives: none of it can change.
pub(crate) struct CodeFacts {
    /// The values of its attributes, in the order of the arguments of `types.CodeType`.
    fields: Vec<Py<PyAny>>,
    /// The names of the globals that it and the code objects among its constants use, in the order in which they first do.
    pub(crate) globals: Vec<Py<PyString>>,
    /// `co_names`.
    pub(crate) names: Py<PyTuple>,
    /// The places in `co_freevars` of cells that no source names.
    pub(crate) generated_cells: Vec<usize>,
}

impl CodeFacts {
    fn of(state: &State, code: &Bound<'_, PyAny>) -> PyResult<Self> {
        let py = code.py();
        let mut fields = Vec::with_capacity(state.code_attributes.len());
        for (_, attribute) in &state.code_attributes {
            fields.push(code.getattr(attribute.bind(py))?.unbind());
        }
        let names = code.getattr(intern!(py, "co_names"))?.cast_into::<PyTuple>()?;
        let bytecode = code.getattr(intern!(py, "co_code"))?.cast_into::<PyBytes>()?;
        let mut globals = Vec::new();
        let mut seen = FxHashSet::default();
        // names in code objects are interned: the same name is the same object
        let mut add = |name: Bound<'_, PyString>| {
            if seen.insert(ffi::identity(name.as_any())) {
                globals.push(name.unbind());
            }
        };
        for index in state.global_ops.name_indices(bytecode.as_bytes()) {
            add(names.get_item(index as usize)?.cast_into::<PyString>()?);
        }
        let constants = code.getattr(intern!(py, "co_consts"))?.cast_into::<PyTuple>()?;
        for constant in constants.iter_borrowed() {
            if kind(&constant) == Kind::Code {
                let _level = RecursionGuard::enter(py, StackLimit::of_thread())?;
                with_code_facts(state, &constant, |nested| {
                    nested.globals.iter().for_each(|name| add(name.bind(py).clone()));
                })?;
            }
        }
        Ok(CodeFacts { fields, globals, names: names.unbind(), generated_cells: generated_cells(code)? })
    }

    /// Drops what it refers to at once, also where pyo3 does not know that the thread is attached.
    #[cfg(not(PyPy))]
    pub(crate) fn release(self, py: Python<'_>) {
        let CodeFacts { fields, globals, names, generated_cells: _ } = self;
        fields.into_iter().for_each(|field| field.drop_ref(py));
        globals.into_iter().for_each(|name| name.drop_ref(py));
        names.drop_ref(py);
    }
}

/// The places in a code object's `co_freevars` of cells that no source names: that of `__class__`, which the compiler makes for
/// `super()`, and those that `dataclasses` (3.13 and later) gives the two methods which keep a frozen instance as it is.
fn generated_cells(code: &Bound<'_, PyAny>) -> PyResult<Vec<usize>> {
    let py = code.py();
    let free = code.getattr(intern!(py, "co_freevars"))?.cast_into::<PyTuple>()?;
    if free.is_empty() {
        return Ok(Vec::new());
    }
    let is_one_of = |name: &Bound<'_, PyAny>, names: &[&str]| {
        name.cast::<PyString>().is_ok_and(|name| names.iter().any(|other| *name == **other))
    };
    let is_guard = is_one_of(&code.getattr(intern!(py, "co_name"))?, &["__setattr__", "__delattr__"]);
    let names: &[&str] = if is_guard { &["__class__", "cls", "FrozenInstanceError"] } else { &["__class__"] };
    Ok(free.iter().enumerate().filter(|(_, name)| is_one_of(name, names)).map(|(index, _)| index).collect())
}

/// Runs a function on the facts of a code object, which are gathered the first time and kept with it.
pub(crate) fn with_code_facts<R>(state: &State, code: &Bound<'_, PyAny>, run: impl FnOnce(&CodeFacts) -> R) -> PyResult<R> {
    if let Some(facts) = ffi::code_extra(code) {
        return Ok(run(facts));
    }
    match ffi::set_code_extra(code, CodeFacts::of(state, code)?) {
        Ok(facts) => Ok(run(facts)),
        // the interpreter has no place for them
        Err(facts) => Ok(run(&facts)),
    }
}

impl<'py> Walk<'_, 'py> {
    /// Writes a code object: `types.CodeType` and its arguments.
    #[inline(never)]
    pub(super) fn save_code(&mut self, code: &Bound<'py, PyAny>) -> Result<(), Failure> {
        let state = self.state;
        self.save(state.code_type.bind(self.py).as_any())?;
        let len = state.code_attributes.len();
        self.begin_tuple(len);
        with_code_facts(state, code, |facts| {
            for ((field, _), value) in state.code_attributes.iter().zip(&facts.fields) {
                self.save_code_field(*field, value.bind(self.py))?;
            }
            Ok::<(), Failure>(())
        })??;
        self.end_tuple(len)?;
        self.encoder.op(Opcode::Reduce);
        self.memoize(code)
    }

    #[inline]
    fn save_code_field(&mut self, field: CodeField, value: &Bound<'py, PyAny>) -> Result<(), Failure> {
        if !field.is_copied() {
            return self.save(value);
        }
        match value.cast::<PyTuple>() {
            Ok(names) => {
                self.begin_tuple(names.len());
                for name in names.iter_borrowed() {
                    self.save(&name)?;
                }
                self.end_tuple(names.len())
            }
            Err(_) => self.put_copied_str(value),
        }
    }

    /// Writes a cell with what it holds.
    #[inline(never)]
    pub(super) fn save_cell(&mut self, cell: &Bound<'py, PyAny>) -> Result<(), Failure> {
        match ffi::cell_contents(cell) {
            None => self.put_empty_cell_call()?,
            Some(contents) => {
                self.put_reconstructor(Reconstructor::MakeCell)?;
                self.begin_tuple(1);
                self.save(&contents).map_err(|failure| {
                    failure.at(cell, To::Index(0)).at(cell, To::ReconstructorArguments).at(cell, To::Object)
                })?;
                self.end_tuple(1)?;
                self.encoder.op(Opcode::Reduce);
                // What it holds may have led back to it.
                if let Some(index) = self.kept.memo.get(cell) {
                    self.encoder.op(Opcode::Pop);
                    return Ok(self.encoder.get(index)?);
                }
            }
        }
        self.memoize(cell)
    }

    /// Writes a call that makes an empty cell, which is not memoized yet.
    pub(super) fn put_empty_cell_call(&mut self) -> Result<(), Failure> {
        self.put_reconstructor(Reconstructor::MakeEmptyCell)?;
        self.begin_tuple(0);
        self.end_tuple(0)?;
        self.encoder.op(Opcode::Reduce);
        Ok(())
    }
}
