//! Runs of the machine over bytes, files and streams.

use pickle_opcodes::{Op, Opcode};
use pickle_parse::{Error, ErrorKind, Limits, Machine, MachineError, OpReader};
use pyo3::{intern, prelude::*, types::PyBytes};

use super::{
    builder::{BuildError, LiveBuilder, Options},
    exception::{exception, op_exception, pickle_exception},
    file::{File, Stream},
};
use crate::{ffi, state::State};

pub(super) type LiveMachine<'py> = Machine<LiveBuilder<'py>>;

/// From how many bytes on a `bytes` object is taken over from a file.
const LARGE: usize = 1 << 14;

/// The limits of a pickle that may write ints in decimal: as many digits as the interpreter converts.
pub(super) fn limits(py: Python<'_>) -> PyResult<Limits> {
    let mut limits = Limits::default();
    if let Some(digits) = State::get(py)?.sys.bind(py).getattr_opt(intern!(py, "get_int_max_str_digits"))? {
        limits.int_digits = match digits.call0()?.extract()? {
            // 0 stands for no limit
            0 => usize::MAX,
            digits => digits,
        };
    }
    Ok(limits)
}

/// The machine that reads by the rules of this interpreter's own unpickler.
pub(super) fn machine<'py>(py: Python<'py>, options: Options<'py>, limits: Limits) -> PyResult<LiveMachine<'py>> {
    Ok(Machine::with_limits(LiveBuilder::new(py, options)?, limits).with_rules(State::get(py)?.rules))
}

pub(super) fn run<'py>(py: Python<'py>, machine: &mut LiveMachine<'py>, pickle: &[u8]) -> PyResult<Bound<'py, PyAny>> {
    ffi::look_for_tracer(py);
    match machine.run(pickle) {
        Ok((value, _)) => Ok(value),
        Err(MachineError::Pickle(error)) => {
            let start = usize::try_from(error.offset()).unwrap_or(usize::MAX);
            Err(op_exception(py, &error, pickle.get(start..).unwrap_or_default()))
        }
        Err(error) => Err(exception(py, error)),
    }
}

/// Runs the machine over the next pickle of a file.
pub(super) fn run_file<'py>(machine: &mut LiveMachine<'py>, file: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    let py = file.py();
    // PyPy would copy all of its bytes for each load
    if !cfg!(PyPy) && machine.builder().has_no_hooks() && file.get_type().is(&State::get(py)?.bytes_io_type) {
        return run_bytes_io(machine, file);
    }
    let mut reader = OpReader::new(File::new(file)?);
    let result = run_stream(py, machine, &mut reader);
    // What the file raised says more than that it could not be read.
    match reader.into_inner().finish() {
        Some(error) => Err(error),
        None => result,
    }
}

/// Runs the machine over the next pickle in a `BytesIO`, whose bytes need not be read: they are at hand. No code of a user's
/// unpickler runs meanwhile, which could look at where it stands.
fn run_bytes_io<'py>(machine: &mut LiveMachine<'py>, file: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    let py = file.py();
    let start: usize = file.call_method0(intern!(py, "tell"))?.extract()?;
    let bytes = file.call_method0(intern!(py, "getvalue"))?.cast_into::<PyBytes>()?;
    let bytes = bytes.as_bytes().get(start..).unwrap_or_default();
    let mut reader = OpReader::new(bytes);
    let result = run_stream(py, machine, &mut reader);
    let mut used = bytes.len() - reader.into_inner().len();
    if result.is_err() {
        used = frame_end(bytes, used);
    }
    file.call_method1(intern!(py, "seek"), (start + used,))?;
    result
}

/// Where the frame ends in which the `used` bytes of a pickle end, or `used` outside of frames: a frame is read as a whole, so that
/// this is where CPython's unpickler leaves a file without `peek` when an op fails.
#[cold]
fn frame_end(pickle: &[u8], used: usize) -> usize {
    let (mut rest, mut end) = (pickle, 0);
    while let Ok((after, op)) = pickle_parse::op(rest)
        && pickle.len() - after.len() <= used
    {
        if let Op::Frame(length) = op {
            end = usize::try_from(length)
                .ok()
                .filter(|&length| length <= after.len())
                .map_or(pickle.len(), |length| pickle.len() - after.len() + length);
        }
        rest = after;
    }
    end.max(used)
}

/// Runs the machine over the next pickle of a stream.
fn run_stream<'py, R: Stream<'py>>(
    py: Python<'py>,
    machine: &mut LiveMachine<'py>,
    reader: &mut OpReader<R>,
) -> PyResult<Bound<'py, PyAny>> {
    ffi::look_for_tracer(py);
    loop {
        let offset = reader.offset();
        let buffered = reader.buffered().map_err(|error| pickle_exception(py, &error))?;
        let part = match machine.run_part(offset, buffered) {
            Ok(part) => part,
            Err(error) => {
                let failed = from_failed(buffered, offset, &error);
                let used = buffered.len() - failed.len() + length_of_failed(failed);
                let error = match error {
                    MachineError::Pickle(error) => op_exception(py, &error, failed),
                    error => exception(py, error),
                };
                reader.skip(used, false);
                return Err(error);
            }
        };
        reader.skip(part.executed, part.value.is_some());
        if let Some(value) = part.value {
            return Ok(value);
        }
        if let Some((offset, length)) = part.frame {
            begin_frame(py, reader, offset, length)?;
            continue;
        }
        // an op that is not in the buffer as a whole
        if run_bytes(py, machine, reader)? {
            continue;
        }
        let (done, frame) = match reader.next_op() {
            Ok(Some((offset, op))) => {
                let frame = if let Op::Frame(length) = op { Some((offset, length)) } else { None };
                match machine.step(offset, &op) {
                    Ok(done) => (done, frame),
                    Err(MachineError::Pickle(error)) => return Err(op_exception(py, &error, reader.gathered())),
                    Err(error) => return Err(exception(py, error)),
                }
            }
            Ok(None) => {
                let error = Error::new(ErrorKind::RanOut, reader.offset(), None::<Opcode>);
                return Err(pickle_exception(py, &error));
            }
            Err(error) => {
                let error = machine.unread(error, reader);
                if matches!(error.kind(), ErrorKind::InvalidLoadKey(_)) {
                    reader.skip(1, false);
                }
                return Err(op_exception(py, &error, reader.gathered()));
            }
        };
        if let Some(value) = done {
            return Ok(value);
        }
        if let Some((offset, length)) = frame {
            // the op was gathered, and is consumed
            begin_frame(py, reader, offset, length)?;
        }
    }
}

/// The bytes from the op on that failed, in a part of a stream that begins at `offset`.
#[cold]
fn from_failed<'a>(buffered: &'a [u8], offset: u64, error: &MachineError<BuildError>) -> &'a [u8] {
    let failed = match error {
        MachineError::Pickle(error) => error.offset(),
        MachineError::Builder { offset, .. } => *offset,
    };
    let start = usize::try_from(failed.saturating_sub(offset)).unwrap_or(usize::MAX);
    buffered.get(start..).unwrap_or_default()
}

/// How long the op is that `failed` begins with, or that it fails at: as with CPython's unpickler, the next load begins behind it.
#[cold]
fn length_of_failed(failed: &[u8]) -> usize {
    match pickle_parse::op(failed) {
        Ok((after, _)) => failed.len() - after.len(),
        // its opcode
        Err(_) => failed.len().min(1),
    }
}

/// Has the stream, which stands behind the `FRAME` at `offset`, take the whole frame into its buffer.
fn begin_frame<'py, R: Stream<'py>>(py: Python<'py>, reader: &mut OpReader<R>, offset: u64, length: u64) -> PyResult<()> {
    if reader.get_mut().begin_frame(length)? {
        return Ok(());
    }
    Err(pickle_exception(py, &Error::new(ErrorKind::Truncated, offset, Some(Opcode::Frame))))
}

/// Runs the machine over an op that makes an object of bytes, if that is next and the stream makes the object itself: a large one,
/// which need not be copied, or any one. Says whether it did.
fn run_bytes<'py, R: Stream<'py>>(py: Python<'py>, machine: &mut LiveMachine<'py>, reader: &mut OpReader<R>) -> PyResult<bool> {
    let offset = reader.offset();
    let buffered = reader.buffered().map_err(|error| pickle_exception(py, &error))?;
    let Some(opcode) = buffered.first().and_then(|&byte| Opcode::from_byte(byte)) else { return Ok(false) };
    let size = match opcode {
        Opcode::ShortBinBytes => size_of::<u8>(),
        Opcode::BinBytes => size_of::<u32>(),
        Opcode::BinBytes8 | Opcode::ByteArray8 => size_of::<u64>(),
        _ => return Ok(false),
    };
    let takes_all = reader.get_mut().begin_object(1 + size)?;
    let buffered = reader.buffered().map_err(|error| pickle_exception(py, &error))?;
    let Some(length) = buffered.get(1..1 + size) else { return Ok(false) };
    let length = length.iter().rev().fold(0, |length, &byte| length << 8 | u64::from(byte));
    let least = match (takes_all, opcode) {
        (true, _) => 1,
        (false, Opcode::BinBytes | Opcode::BinBytes8) => LARGE,
        (false, _) => return Ok(false),
    };
    let Some(length) = usize::try_from(length).ok().filter(|&length| length >= least) else { return Ok(false) };
    let Some(object) = reader.get_mut().take_object(1 + size, length)? else { return Ok(false) };
    reader.passed(1 + size + object.as_bytes().len());
    if object.as_bytes().len() < length {
        return Err(pickle_exception(py, &Error::new(ErrorKind::Truncated, offset, Some(opcode))));
    }
    let bytes = object.as_bytes();
    let op = if opcode == Opcode::ByteArray8 {
        Op::ByteArray8(bytes)
    } else {
        machine.builder_mut().lend(object.clone());
        Op::BinBytes(bytes)
    };
    match machine.step(offset, &op) {
        Ok(_) => Ok(true),
        Err(error) => Err(exception(py, error)),
    }
}
