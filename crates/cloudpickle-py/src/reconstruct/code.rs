//! Tells code objects of other Python versions and corrupt ones, which would not run here, or would crash.

use std::{
    hash::{Hash, Hasher},
    sync::{
        LazyLock,
        atomic::{AtomicU64, Ordering},
    },
};

use cloud_reduce::{
    Implementation, PythonVersion,
    code::{CodeField, CodeLayout, CodeShape},
};
use pyo3::{
    prelude::*,
    types::{PyBytes, PyTuple},
};

use rustc_hash::FxHasher;

use crate::state::{IMPLEMENTATION, State};

/// Refuses the arguments of `types.CodeType` if this Python cannot have made them and another one can.
///
/// # Errors
/// `UnpicklingError` that tells which Python made them, or which opcode no Python has.
pub(super) fn refuse_other_versions(py: Python<'_>, args: &Bound<'_, PyTuple>) -> PyResult<()> {
    // What is no code object's arguments at all, `types.CodeType` itself refuses.
    let Some(shape) = shape(args) else { return Ok(()) };
    let hash = hash(&shape);
    let seen = &ACCEPTED[hash as usize % ACCEPTED.len()];
    if seen.load(Ordering::Relaxed) == hash {
        return Ok(());
    }
    let running = py.version_info();
    let running = PythonVersion::new(running.major, running.minor);
    if shape.may_be_made_by(IMPLEMENTATION, running) {
        seen.store(hash, Ordering::Relaxed);
        return Ok(());
    }
    refuse(py, &shape, running)
}

/// The hashes of shapes that were found to be this Python's, since the same functions are loaded again and again.
static ACCEPTED: [AtomicU64; 256] = [const { AtomicU64::new(0) }; 256];

fn hash(shape: &CodeShape<'_>) -> u64 {
    let mut hasher = FxHasher::default();
    shape.hash(&mut hasher);
    hasher.finish()
}

#[cold]
fn refuse(py: Python<'_>, shape: &CodeShape<'_>, running: PythonVersion) -> PyResult<()> {
    let makers: Vec<String> = shape.versions().map(|(implementation, version)| name(implementation, version)).collect();
    let this = name(IMPLEMENTATION, running);
    if makers.is_empty() {
        // Bytecode that no compiler made is left to the interpreter, unless it could crash on it.
        return match shape.alien_opcode(IMPLEMENTATION, running) {
            None => Ok(()),
            Some((offset, opcode)) => Err(State::get(py)?.unpickling_error(
                py,
                format!("the function's bytecode has opcode {opcode} at byte {offset}, which {this} does not have"),
            )),
        };
    }
    let message = format!(
        "this function was pickled by {}; this is {this}: pickle and load functions with the same minor version",
        makers.join(" or ")
    );
    Err(State::get(py)?.unpickling_error(py, message))
}

/// A version of Python as users call it.
fn name(implementation: Implementation, version: PythonVersion) -> String {
    match implementation {
        Implementation::CPython => format!("Python {version}"),
        Implementation::PyPy => format!("PyPy {version}"),
    }
}

/// Where the fields of a [`CodeShape`] are among the arguments of layouts of one length.
struct Positions {
    argument_count: usize,
    code: usize,
    line_table: usize,
    exception_table: Option<usize>,
    flags: usize,
    consts: usize,
    names: usize,
    locals: usize,
    cellvars: usize,
    freevars: usize,
}

impl Positions {
    fn of(layout: &CodeLayout) -> Option<Positions> {
        let position = |field| layout.position(field);
        Some(Positions {
            argument_count: layout.fields().len(),
            code: position(CodeField::Code)?,
            line_table: position(CodeField::Lnotab).or_else(|| position(CodeField::Linetable))?,
            exception_table: position(CodeField::Exceptiontable),
            flags: position(CodeField::Flags)?,
            consts: position(CodeField::Consts)?,
            names: position(CodeField::Names)?,
            locals: position(CodeField::Varnames)?,
            cellvars: position(CodeField::Cellvars)?,
            freevars: position(CodeField::Freevars)?,
        })
    }
}

/// Those of each layout. Layouts of one length have these fields at the same places.
static POSITIONS: LazyLock<Vec<Positions>> = LazyLock::new(|| CodeLayout::ALL.into_iter().filter_map(Positions::of).collect());

/// What the arguments tell of the Python that made them. `None` if they are no code object's.
fn shape<'a>(args: &'a Bound<'_, PyTuple>) -> Option<CodeShape<'a>> {
    let args = args.as_slice();
    let positions = POSITIONS.iter().find(|positions| positions.argument_count == args.len())?;
    let bytes = |position: usize| Some(args.get(position)?.cast::<PyBytes>().ok()?.as_bytes());
    let tuple = |position: usize| Some(args.get(position)?.cast::<PyTuple>().ok()?.len());
    Some(CodeShape {
        argument_count: args.len(),
        co_code: bytes(positions.code)?,
        line_table: bytes(positions.line_table)?,
        exception_table: positions.exception_table.and_then(bytes).unwrap_or_default(),
        flags: args.get(positions.flags)?.extract().ok()?,
        consts: tuple(positions.consts)?,
        names: tuple(positions.names)?,
        locals: tuple(positions.locals)?,
        cellvars: tuple(positions.cellvars)?,
        freevars: tuple(positions.freevars)?,
    })
}
