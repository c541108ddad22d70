//! Unpickling: the class and functions that Python sees, over the pickle machine with the live builder.

mod builder;
mod exception;
mod file;
mod global;
mod rules;
mod run;

use std::borrow::Cow;

use pickle_opcodes::Opcode;
use pickle_parse::{Limits, Memo};
use pyo3::{
    PyTraverseError, PyVisit,
    exceptions::{PyBufferError, PyTypeError, PyValueError},
    intern,
    prelude::*,
    types::{PyBytes, PyDict, PyInt, PyMemoryView, PyString, PyTuple},
};

use crate::{
    pickler::{no_owner, uninitialized},
    report,
    state::State,
};
use builder::Options;
use file::File;
use run::{limits, machine, run, run_file};

pub(crate) use exception::pickle_exception;
pub(crate) use rules::of_interpreter as rules_of_interpreter;

/// Makes an iterator of what the `buffers` argument is, `None` standing for none.
fn buffers_of<'py>(buffers: Option<Bound<'py, PyAny>>) -> PyResult<Option<Bound<'py, PyAny>>> {
    match buffers.filter(|buffers| !buffers.is_none()) {
        Some(buffers) => Ok(Some(buffers.try_iter()?.into_any())),
        None => Ok(None),
    }
}

/// An argument as it was given, if it was.
fn as_given<'py>(argument: &Bound<'py, PyAny>) -> PyResult<Option<Bound<'py, PyAny>>> {
    Ok(Some(argument.clone()))
}

/// The options that these arguments of a function stand for, or what CPython says of them.
fn options<'py>(
    function: &str,
    fix_imports: bool,
    encoding: Option<Bound<'py, PyAny>>,
    errors: Option<Bound<'py, PyAny>>,
    buffers: Option<Bound<'py, PyAny>>,
) -> PyResult<Options<'py>> {
    let text = |name: &str, given: Option<Bound<'_, PyAny>>, usual: Cow<'static, str>| {
        let Some(given) = given else { return Ok(usual) };
        let Ok(text) = given.cast::<PyString>() else {
            let class = if given.is_none() { "None".into() } else { builder::type_name(&given) };
            return Err(PyTypeError::new_err(format!("{function}() argument '{name}' must be str, not {class}")));
        };
        match text.to_str()? {
            text if text.contains('\0') => Err(PyValueError::new_err("embedded null character")),
            text => Ok(text.to_owned().into()),
        }
    };
    let usual = Options::default();
    Ok(Options {
        fix_imports,
        encoding: text("encoding", encoding, usual.encoding)?,
        errors: text("errors", errors, usual.errors)?,
        buffers: buffers_of(buffers)?,
        ..Options::default()
    })
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
    signature = (data, /, *, fix_imports=true, encoding=None, errors=None, buffers=None, allow=None),
    text_signature = "(data, /, *, fix_imports=True, encoding='ASCII', errors='strict', buffers=(), allow=None)"
)]
pub(crate) fn loads<'py>(
    data: &Bound<'py, PyAny>,
    #[pyo3(from_py_with = is_true)] fix_imports: bool,
    #[pyo3(from_py_with = as_given)] encoding: Option<Bound<'py, PyAny>>,
    #[pyo3(from_py_with = as_given)] errors: Option<Bound<'py, PyAny>>,
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
    let options = options("loads", fix_imports, encoding, errors, buffers)?;
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

/// Whether an argument is true: as the interpreter takes its own, it may be any object.
fn is_true(argument: &Bound<'_, PyAny>) -> PyResult<bool> {
    argument.is_truthy()
}

/// Makes the object that the next pickle of a binary file describes, and leaves the file behind that pickle.
#[pyfunction]
#[pyo3(
    signature = (file, *, fix_imports=true, encoding=None, errors=None, buffers=None),
    text_signature = "(file, *, fix_imports=True, encoding='ASCII', errors='strict', buffers=())"
)]
pub(crate) fn load<'py>(
    file: &Bound<'py, PyAny>,
    #[pyo3(from_py_with = is_true)] fix_imports: bool,
    #[pyo3(from_py_with = as_given)] encoding: Option<Bound<'py, PyAny>>,
    #[pyo3(from_py_with = as_given)] errors: Option<Bound<'py, PyAny>>,
    buffers: Option<Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyAny>> {
    let options = options("load", fix_imports, encoding, errors, buffers)?;
    let mut machine = machine(file.py(), options, limits(file.py())?)?;
    run_file(&mut machine, file)
}

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

    #[pyo3(signature = (file, *, fix_imports=true, encoding=None, errors=None, buffers=None))]
    fn __init__(
        slf: &Bound<'_, Self>,
        file: &Bound<'_, PyAny>,
        #[pyo3(from_py_with = is_true)] fix_imports: bool,
        #[pyo3(from_py_with = as_given)] encoding: Option<Bound<'_, PyAny>>,
        #[pyo3(from_py_with = as_given)] errors: Option<Bound<'_, PyAny>>,
        buffers: Option<Bound<'_, PyAny>>,
    ) -> PyResult<()> {
        // refuses what is no file
        File::new(file)?;
        let Options { fix_imports, encoding, errors, buffers, .. } =
            options("Unpickler", fix_imports, encoding, errors, buffers)?;
        let buffers = buffers.map(Bound::unbind);
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
