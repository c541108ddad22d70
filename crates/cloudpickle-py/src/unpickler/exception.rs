//! The exceptions of pickles that cannot be loaded.

use pickle_opcodes::Opcode;
use pickle_parse::{Error, ErrorKind, MachineError, PythonException};
use pyo3::{
    exceptions::{PyAttributeError, PyOSError, PyTypeError, PyUnicodeDecodeError},
    intern,
    prelude::*,
    types::{PyBytes, PyTuple},
};

use super::builder::{BuildError, BuildErrorKind};
use crate::state::State;

/// The Python exception of a machine's error: with the offset and the opcode, in its message if the pickle is at fault, and in a
/// note (Python 3.11 and later) if something that the pickle asked for raised.
#[cold]
pub(super) fn exception(py: Python<'_>, error: MachineError<BuildError>) -> PyErr {
    match error {
        MachineError::Pickle(error) => pickle_exception(py, &error),
        MachineError::Builder { offset, opcode, error } => match (error.into_kind(), State::get(py)) {
            (BuildErrorKind::Pickle(message), Ok(state)) => {
                state.unpickling_error(py, format!("{message} ({opcode} at byte {offset})"))
            }
            (BuildErrorKind::Raised(error), Ok(state)) if is_bad_text(py, &error, opcode) => {
                text_exception(py, state, error, opcode, offset)
            }
            (BuildErrorKind::Raised(error), _) => {
                let note = format!("while unpickling: {opcode} at byte {offset}");
                // an exception that cannot take notes is raised without
                let _ = error.value(py).call_method1(intern!(py, "add_note"), (note,));
                error
            }
            (_, Err(error)) => error,
        },
    }
}

/// Whether an error is about the text that an opcode itself holds.
fn is_bad_text(py: Python<'_>, error: &PyErr, opcode: Opcode) -> bool {
    let has_text = matches!(
        opcode,
        Opcode::ShortBinUnicode | Opcode::BinUnicode | Opcode::BinUnicode8 | Opcode::Unicode | Opcode::Global | Opcode::Inst
    );
    has_text && error.get_type(py).is(py.get_type::<PyUnicodeDecodeError>())
}

/// The `UnicodeDecodeError` of an opcode's text as one that tells the place and is an `UnpicklingError` too.
fn text_exception(py: Python<'_>, state: &State, error: PyErr, opcode: Opcode, offset: u64) -> PyErr {
    let args = error.value(py).getattr("args");
    match args.and_then(|args| state.text_error.bind(py).call1(args.cast::<PyTuple>()?)) {
        Ok(made) => {
            let _ = made.setattr("place", format!("{opcode} at byte {offset}"));
            PyErr::from_value(made)
        }
        Err(_) => error,
    }
}

/// As [`pickle_exception`], with the bytes from the opcode on: a number whose line is no UTF-8 raises what decoding that line does.
#[cold]
pub(super) fn op_exception(py: Python<'_>, error: &Error, op: &[u8]) -> PyErr {
    if let (ErrorKind::Undecodable { encoding: "utf-8", .. }, Some(opcode), Ok(state)) =
        (error.kind(), error.opcode().filter(|opcode| has_number_line(*opcode)), State::get(py))
        && let Err(raised) = PyBytes::new(py, number_line(opcode, op)).call_method1(intern!(py, "decode"), ("utf-8",))
    {
        return text_exception(py, state, raised, opcode, error.offset());
    }
    pickle_exception(py, error)
}

/// What CPython's unpickler decodes of such an op: its line, and of a `LONG` that ends in `L` what comes before that (`load_long`).
fn number_line(opcode: Opcode, op: &[u8]) -> &[u8] {
    let line = op.get(1..).unwrap_or_default();
    let line = &line[..line.iter().position(|&byte| byte == b'\n').map_or(line.len(), |end| end + 1)];
    line.strip_suffix(b"L\n").filter(|_| opcode == Opcode::Long).unwrap_or(line)
}

/// Whether an opcode's argument is a line that CPython's unpickler makes a `str` of before it looks for the number.
fn has_number_line(opcode: Opcode) -> bool {
    matches!(opcode, Opcode::Put | Opcode::Get | Opcode::Long)
}

#[cold]
pub(crate) fn pickle_exception(py: Python<'_>, error: &Error) -> PyErr {
    let state = match State::get(py) {
        Ok(state) => state,
        Err(error) => return error,
    };
    let class = match error.kind().python_exception() {
        PythonException::EOFError => &state.truncated_error,
        PythonException::ValueError | PythonException::UnicodeDecodeError => &state.invalid_value_error,
        PythonException::OverflowError => &state.overflow_error,
        PythonException::TypeError => return PyTypeError::new_err(error.to_string()),
        PythonException::AttributeError => return PyAttributeError::new_err(error.to_string()),
        PythonException::OSError => return PyOSError::new_err(error.to_string()),
        PythonException::UnpicklingError => &state.unpickling_error,
    };
    PyErr::from_type(class.bind(py).clone(), (error.to_string(),))
}
