//! Unpickling: the class and functions that Python sees, over the pickle machine with the live builder.

mod builder;
mod file;
mod global;
mod rules;

use std::borrow::Cow;

use pickle_opcodes::{Op, Opcode};
use pickle_parse::{Error, ErrorKind, Limits, Machine, MachineError, Memo, OpReader, PythonException};
use pyo3::{
    PyTraverseError, PyVisit,
    exceptions::{PyAttributeError, PyBufferError, PyOSError, PyTypeError, PyUnicodeDecodeError, PyValueError},
    intern,
    prelude::*,
    types::{PyBytes, PyDict, PyInt, PyMemoryView, PyString, PyTuple},
};

use crate::{
    pickler::{no_owner, uninitialized},
    report,
    state::State,
};
use builder::{BuildError, BuildErrorKind, LiveBuilder, Options};
use file::{File, Stream};

pub(crate) use rules::of_interpreter as rules_of_interpreter;

type LiveMachine<'py> = Machine<LiveBuilder<'py>>;

/// The Python exception of a machine's error: with the offset and the opcode, in its message if the pickle is at fault, and in a
/// note (Python 3.11 and later) if something that the pickle asked for raised.
#[cold]
fn exception(py: Python<'_>, error: MachineError<BuildError>) -> PyErr {
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
fn op_exception(py: Python<'_>, error: &Error, op: &[u8]) -> PyErr {
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

/// Makes an iterator of what the `buffers` argument is, `None` standing for none.
fn buffers_of<'py>(buffers: Option<Bound<'py, PyAny>>) -> PyResult<Option<Bound<'py, PyAny>>> {
    match buffers.filter(|buffers| !buffers.is_none()) {
        Some(buffers) => Ok(Some(buffers.try_iter()?.into_any())),
        None => Ok(None),
    }
}

/// Makes the object that a pickle describes.
///
/// Reads pickles of every protocol, cloudpickle's among them. Only load data that you trust: a pickle can run any code.
///
/// With `allow`, a list of rules, the pickle is judged before anything of it is loaded: it may import and call what cloudpickle
/// itself does, and what the rules say. Loading then imports and calls what was judged and nothing else, should names mean another
/// thing in this process than in the judgement. `DisallowedPickleError` tells what it would do besides. The rules are `module.name`,
/// `module.*` or `package.**`, and `module:name.attribute`, with `import:` before one that may be held and not called, or `new:`
/// before one of which instances may be made.
#[pyfunction]
#[pyo3(
    signature = (data, /, *, fix_imports=true, encoding="ASCII", errors="strict", buffers=None, allow=None),
    text_signature = "(data, /, *, fix_imports=True, encoding='ASCII', errors='strict', buffers=(), allow=None)"
)]
pub(crate) fn loads<'py>(
    data: &Bound<'py, PyAny>,
    #[pyo3(from_py_with = is_true)] fix_imports: bool,
    encoding: &str,
    errors: &str,
    buffers: Option<Bound<'py, PyAny>>,
    allow: Option<Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyAny>> {
    let py = data.py();
    let checked;
    let mut judged = None;
    let data = match allow.filter(|allow| !allow.is_none()) {
        None => data,
        Some(_) if !fix_imports => {
            // The names that are judged are those that Python 3 has.
            return Err(PyValueError::new_err("allow needs fix_imports"));
        }
        Some(allow) => {
            // What is judged is what is loaded, whoever writes to the data meanwhile.
            checked = bytes_of(data)?;
            judged = Some(report::check(py, &checked, &allow)?);
            checked.as_any()
        }
    };
    let options = Options { buffers: buffers_of(buffers)?, ..Options::new(fix_imports, encoding, errors) };
    if let Ok(bytes) = data.cast::<PyBytes>() {
        let bytes = bytes.as_bytes();
        // the later protocols write ints in binary
        let is_binary = bytes.first() == Some(&Opcode::Proto.byte());
        let limits = if is_binary { Limits::default() } else { limits(py)? };
        let mut machine = machine(py, options, limits)?;
        if let Some(judged) = judged {
            machine.builder_mut().keep_to(judged);
        }
        return run(py, &mut machine, bytes);
    }
    let mut machine = machine(py, options, limits(py)?)?;
    let bytes = bytes_of(data)?;
    run(py, &mut machine, bytes.as_bytes())
}

/// The bytes of a bytes-like object: copied where they could be written to, since a pickle may run code that does.
///
/// # Errors
/// `TypeError` in CPython's words for any other object, `BufferError` for bytes that do not lie one behind the other.
pub(crate) fn bytes_of<'py>(data: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyBytes>> {
    if let Ok(bytes) = data.cast::<PyBytes>() {
        return Ok(bytes.clone());
    }
    let py = data.py();
    let view = PyMemoryView::from(data).map_err(|error| match error.is_instance_of::<PyTypeError>(py) {
        true => PyTypeError::new_err(format!("a bytes-like object is required, not '{}'", builder::type_name(data))),
        false => error,
    })?;
    if !view.getattr(intern!(py, "c_contiguous"))?.is_truthy()? {
        return Err(PyBufferError::new_err("memoryview: underlying buffer is not C-contiguous"));
    }
    Ok(view.call_method0(intern!(py, "tobytes"))?.cast_into::<PyBytes>()?)
}

/// The limits of a pickle that may write ints in decimal: as many digits as the interpreter converts.
fn limits(py: Python<'_>) -> PyResult<Limits> {
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
fn machine<'py>(py: Python<'py>, options: Options<'py>, limits: Limits) -> PyResult<LiveMachine<'py>> {
    Ok(Machine::with_limits(LiveBuilder::new(py, options)?, limits).with_rules(State::get(py)?.rules))
}

fn run<'py>(py: Python<'py>, machine: &mut LiveMachine<'py>, pickle: &[u8]) -> PyResult<Bound<'py, PyAny>> {
    match machine.run(pickle) {
        Ok((value, _)) => Ok(value),
        Err(MachineError::Pickle(error)) => {
            let start = usize::try_from(error.offset()).unwrap_or(usize::MAX);
            Err(op_exception(py, &error, pickle.get(start..).unwrap_or_default()))
        }
        Err(error) => Err(exception(py, error)),
    }
}

/// Whether an argument is true: as the interpreter takes its own, it may be any object.
fn is_true(argument: &Bound<'_, PyAny>) -> PyResult<bool> {
    argument.is_truthy()
}

/// Makes the object that the next pickle of a binary file describes, and leaves the file behind that pickle.
#[pyfunction]
#[pyo3(
    signature = (file, *, fix_imports=true, encoding="ASCII", errors="strict", buffers=None),
    text_signature = "(file, *, fix_imports=True, encoding='ASCII', errors='strict', buffers=())"
)]
pub(crate) fn load<'py>(
    file: &Bound<'py, PyAny>,
    #[pyo3(from_py_with = is_true)] fix_imports: bool,
    encoding: &str,
    errors: &str,
    buffers: Option<Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyAny>> {
    let options = Options { buffers: buffers_of(buffers)?, ..Options::new(fix_imports, encoding, errors) };
    let mut machine = machine(file.py(), options, limits(file.py())?)?;
    run_file(&mut machine, file)
}

/// Runs the machine over the next pickle of a file.
fn run_file<'py>(machine: &mut LiveMachine<'py>, file: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
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

/// From how many bytes on a `bytes` object is taken over from a file.
const LARGE: usize = 1 << 14;

/// Reads pickles from a binary file, one for each call of `load`.
///
/// Later pickles may refer to objects of earlier ones, as those of one `Pickler` do. Subclasses may define `find_class` and
/// `persistent_load`, as those of `pickle.Unpickler` may.
#[pyclass(subclass, dict, weakref, module = "cloudpickle_rs.cloudpickle")]
pub(crate) struct Unpickler {
    /// `None` until it is needed; the one field, as that of `Pickler`, for PyPy's `object.__new__`.
    contents: Option<Box<Contents>>,
}

/// What an unpickler is made of.
#[derive(Default)]
struct Contents {
    source: Option<Source>,
    memo: Memo<Py<PyAny>>,
    /// The protocol of the pickle that is being read.
    protocol: u8,
}

/// What and how an unpickler reads.
struct Source {
    file: Py<PyAny>,
    fix_imports: bool,
    encoding: Cow<'static, str>,
    errors: Cow<'static, str>,
    buffers: Option<Py<PyAny>>,
}

#[pymethods]
impl Unpickler {
    #[new]
    #[pyo3(
        signature = (*_args, **_kwargs),
        text_signature = "(file, *, fix_imports=True, encoding='ASCII', errors='strict', buffers=())"
    )]
    fn new(_args: &Bound<'_, PyTuple>, _kwargs: Option<&Bound<'_, PyDict>>) -> Self {
        Unpickler { contents: None }
    }

    #[pyo3(signature = (file, *, fix_imports=true, encoding="ASCII", errors="strict", buffers=None))]
    fn __init__(
        slf: &Bound<'_, Self>,
        file: &Bound<'_, PyAny>,
        #[pyo3(from_py_with = is_true)] fix_imports: bool,
        encoding: &str,
        errors: &str,
        buffers: Option<Bound<'_, PyAny>>,
    ) -> PyResult<()> {
        // refuses what is no file
        File::new(file)?;
        let Options { fix_imports, encoding, errors, .. } = Options::new(fix_imports, encoding, errors);
        let buffers = buffers_of(buffers)?.map(Bound::unbind);
        let source = Source { file: file.clone().unbind(), fix_imports, encoding, errors, buffers };
        let replaced = {
            let mut this = slf.borrow_mut();
            let contents = this.contents();
            (contents.source.replace(source), std::mem::take(&mut contents.memo))
        };
        // objects may die here, and their destructors may call this unpickler
        drop(replaced);
        Ok(())
    }

    /// Makes the object that the file's next pickle describes.
    fn load<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        let py = slf.py();
        let own = py.get_type::<Unpickler>();
        let name = intern!(py, "find_class");
        let is_subclass = !slf.get_type().is(&own);
        let find_class = if is_subclass && !slf.get_type().getattr(name)?.is(&own.getattr(name)?) {
            Some(slf.getattr(name)?)
        } else {
            instance_attribute(slf.as_any(), "find_class")?
        };
        let persistent_load = match slf.getattr_opt(intern!(py, "persistent_load"))? {
            Some(load) if is_subclass || instance_attribute(slf.as_any(), "persistent_load")?.is_some() => Some(load),
            _ => None,
        };
        let (options, file) = {
            let this = slf.borrow();
            let source = this.source().ok_or_else(|| match State::get(py) {
                Ok(state) => state.unpickling_error(py, uninitialized(slf, "Unpickler")),
                Err(error) => error,
            })?;
            let options = Options {
                fix_imports: source.fix_imports,
                encoding: source.encoding.clone(),
                errors: source.errors.clone(),
                buffers: source.buffers.as_ref().map(|buffers| buffers.bind(py).clone()),
                find_class: find_class.map(|find_class| (slf.clone(), find_class)),
                persistent_load,
            };
            (options, source.file.bind(py).clone())
        };
        let mut machine = machine(py, options, limits(py)?)?;
        *machine.memo_mut() = std::mem::take(&mut slf.borrow_mut().contents().memo).map(|object| object.into_bound(py));
        let result = run_file(&mut machine, &file);
        let memo = std::mem::take(machine.memo_mut()).map(Bound::unbind);
        let replaced = {
            let mut this = slf.borrow_mut();
            let contents = this.contents();
            contents.protocol = machine.builder().protocol();
            std::mem::replace(&mut contents.memo, memo)
        };
        drop(replaced);
        result
    }

    /// The objects that were read, with their places in the memo: a view that can be copied, cleared and given to another unpickler.
    #[getter]
    fn memo(slf: Bound<'_, Self>) -> UnpicklerMemoProxy {
        UnpicklerMemoProxy { unpickler: Some(slf.unbind()) }
    }

    /// Takes over the memo of another unpickler, or a dict from indexes to objects.
    #[setter]
    fn set_memo(slf: &Bound<'_, Self>, memo: &Bound<'_, PyAny>) -> PyResult<()> {
        let py = slf.py();
        let entries = if let Ok(proxy) = memo.cast::<UnpicklerMemoProxy>() {
            proxy.borrow().copy(py)?
        } else if let Ok(entries) = memo.cast::<PyDict>() {
            entries.clone()
        } else {
            let class = memo.get_type().name()?;
            return Err(PyTypeError::new_err(format!(
                "'memo' attribute must be an UnpicklerMemoProxy object or dict, not {class}"
            )));
        };
        let mut memo = Memo::new();
        for (index, object) in entries {
            let Ok(index) = index.cast::<PyInt>() else { return Err(PyTypeError::new_err("memo key must be integers")) };
            let index = index.extract().map_err(|_| PyValueError::new_err("memo key must be positive integers."))?;
            memo.set(index, object.unbind());
        }
        let replaced = std::mem::replace(&mut slf.borrow_mut().contents().memo, memo);
        drop(replaced);
        Ok(())
    }

    /// The object that a module and a name in it stand for; imports the module.
    #[pyo3(signature = (module_name, global_name, /))]
    fn find_class<'py>(
        slf: &Bound<'py, Self>,
        module_name: &Bound<'py, PyString>,
        global_name: &Bound<'py, PyString>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let py = slf.py();
        let (protocol, fix_imports) = {
            let this = slf.borrow();
            let protocol = this.contents.as_ref().map_or(0, |contents| contents.protocol);
            (protocol, this.source().is_some_and(|source| source.fix_imports))
        };
        global::find_class(State::get(py)?, protocol, fix_imports, module_name, global_name)
    }

    /// The object of a persistent id. A subclass says which.
    #[pyo3(signature = (pid, /))]
    fn persistent_load<'py>(slf: &Bound<'py, Self>, pid: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let _ = pid;
        let message = "A load persistent id instruction was encountered, but no persistent_load function was specified.";
        Err(State::get(slf.py())?.unpickling_error(slf.py(), message))
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        let Some(contents) = &self.contents else { return Ok(()) };
        if let Some(source) = &contents.source {
            visit.call(&source.file)?;
            if let Some(buffers) = &source.buffers {
                visit.call(buffers)?;
            }
        }
        contents.memo.iter().try_for_each(|(_, object)| visit.call(object))
    }

    fn __clear__(&mut self) {
        self.contents = None;
    }
}

impl Unpickler {
    fn contents(&mut self) -> &mut Contents {
        self.contents.get_or_insert_default()
    }

    /// Notes the protocol of the pickle that is being read.
    fn reads_protocol(&mut self, protocol: u8) {
        self.contents().protocol = protocol;
    }

    fn source(&self) -> Option<&Source> {
        self.contents.as_ref()?.source.as_ref()
    }
}

/// A view of an unpickler's memo.
#[pyclass(frozen, module = "cloudpickle_rs.cloudpickle")]
pub(crate) struct UnpicklerMemoProxy {
    /// `None` only in one that PyPy's `object.__new__` made.
    unpickler: Option<Py<Unpickler>>,
}

impl UnpicklerMemoProxy {
    fn unpickler<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, Unpickler>> {
        self.unpickler.as_ref().map(|unpickler| unpickler.bind(py).clone()).ok_or_else(|| no_owner("unpickler"))
    }
}

#[pymethods]
impl UnpicklerMemoProxy {
    /// A dict from indexes to objects.
    fn copy<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let copy = PyDict::new(py);
        let unpickler = self.unpickler(py)?;
        for (index, object) in unpickler.borrow().contents.iter().flat_map(|contents| contents.memo.iter()) {
            copy.set_item(index, object)?;
        }
        Ok(copy)
    }

    /// Forgets all objects.
    fn clear(&self, py: Python<'_>) -> PyResult<()> {
        let unpickler = self.unpickler(py)?;
        let memo = std::mem::take(&mut unpickler.borrow_mut().contents().memo);
        drop(memo);
        Ok(())
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        (py.get_type::<PyDict>(), (self.copy(py)?,)).into_pyobject(py)
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.unpickler)
    }
}

/// An attribute of an object's own `__dict__`.
fn instance_attribute<'py>(object: &Bound<'py, PyAny>, name: &str) -> PyResult<Option<Bound<'py, PyAny>>> {
    match object.getattr(intern!(object.py(), "__dict__"))?.cast_into::<PyDict>() {
        Ok(attributes) => attributes.get_item(name),
        Err(_) => Ok(None),
    }
}

/// Adds the unpickling functions to a module.
pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(loads, module)?)?;
    module.add_function(wrap_pyfunction!(load, module)?)
}
