//! Pickling: the classes and functions that Python sees, over the walk that does the work.

mod cells;
mod class;
mod code;
mod container;
mod function;
mod global;
mod lookup;
mod reduce;
mod scalar;
mod submodules;
mod walk;

use cloud_reduce::{Dialect, Reconstructor};
use pickle_emit::Encoder;
use pickle_opcodes::Protocol;
use pyo3::{
    PyTraverseError, PyVisit,
    exceptions::{PyRecursionError, PyTypeError, PyValueError},
    intern,
    prelude::*,
    types::{PyBytes, PyCFunction, PyDict, PyString, PyTuple},
};

pub(crate) use code::CodeFacts;
pub(crate) use lookup::{find, get_dotted, is_registered_by_value, should_pickle_by_reference};
pub(crate) use walk::copied_str;

use crate::{
    failure::Failure,
    ffi::{self, BytesWriter, Memo, StackLimit},
    state::State,
};
use cells::{SharedCells, new_cells, own_cells};
use walk::{Hooks, Kept, Walk};

impl From<pickle_emit::Error> for Failure {
    #[cold]
    #[inline(never)]
    fn from(error: pickle_emit::Error) -> Self {
        Failure::from(match error.kind() {
            pickle_emit::ErrorKind::TooLarge { .. } | pickle_emit::ErrorKind::IntTooLarge => {
                pyo3::exceptions::PyOverflowError::new_err(error.to_string())
            }
            _ => Python::attach(|py| match State::get(py) {
                Ok(state) => state.pickling_error(py, error.to_string()),
                Err(error) => error,
            }),
        })
    }
}

/// The protocol of a number as users give it: `None` for the default, which is the highest, and a negative one for the highest.
fn protocol_of(protocol: Option<&Bound<'_, PyAny>>) -> PyResult<Protocol> {
    let Some(protocol) = protocol.filter(|protocol| !protocol.is_none()) else { return Ok(Protocol::HIGHEST) };
    let number: i64 = protocol.extract()?;
    if number < 0 {
        return Ok(Protocol::HIGHEST);
    }
    u8::try_from(number)
        .ok()
        .and_then(|number| Protocol::try_from(number).ok())
        .ok_or_else(|| PyValueError::new_err(format!("pickle protocol must be <= {}", Protocol::HIGHEST)))
}

fn check_buffer_callback(callback: Option<&Bound<'_, PyAny>>, protocol: Protocol) -> PyResult<()> {
    match callback {
        Some(_) if protocol < Protocol::V5 => Err(PyValueError::new_err("buffer_callback needs protocol >= 5")),
        _ => Ok(()),
    }
}

/// A file's `write`, once both arguments were found to be right, in the order of the interpreter's own pickler: that of PyPy, which is
/// `pickle.py`'s, looks at the file last.
fn checked_write_method<'py>(
    file: &Bound<'py, PyAny>,
    protocol: Protocol,
    buffer_callback: Option<&Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyAny>> {
    if cfg!(PyPy) {
        check_buffer_callback(buffer_callback, protocol)?;
        return write_method(file);
    }
    let write = write_method(file)?;
    check_buffer_callback(buffer_callback, protocol)?;
    Ok(write)
}

/// Runs one dump. Gives the pickle and where its frames and large payloads end.
fn run_walk<'py>(
    py: Python<'py>,
    object: &Bound<'py, PyAny>,
    protocol: Protocol,
    fix_imports: bool,
    kept: &mut Kept,
    hooks: &Hooks<'py>,
    keep_pieces: bool,
) -> PyResult<(Bound<'py, PyBytes>, Vec<usize>)> {
    let state = State::get(py)?;
    let encoder = Encoder::new(BytesWriter::new(py, keep_pieces)?, protocol);
    let stack = StackLimit::of_thread();
    let mut walk = Walk { py, state, encoder, kept, hooks, fix_imports, stack, module_name: None, fast_nesting: Vec::new() };
    if let Err(failure) = walk.dump(object) {
        let error = failure.into_error(py);
        if error.is_instance_of::<PyRecursionError>(py) {
            let message = "Could not pickle object as excessively deep recursion required.";
            let refusal = state.pickling_error(py, message);
            refusal.set_cause(py, Some(error));
            return Err(refusal);
        }
        return Err(error);
    }
    let mut writer = walk.encoder.into_sink();
    let pieces = writer.take_pieces();
    Ok((writer.finish()?, pieces))
}

/// Writes a pickle into a file, one `write` for each frame and each large payload.
fn write_pieces(write: &Bound<'_, PyAny>, pickle: &Bound<'_, PyBytes>, mut pieces: Vec<usize>) -> PyResult<()> {
    let bytes = pickle.as_bytes();
    if pieces.len() < 2 || writes_at_once(write)? {
        write.call1((pickle,))?;
        return Ok(());
    }
    pieces.push(bytes.len());
    let mut start = 0;
    for end in pieces {
        if end > start {
            write.call1((PyBytes::new(write.py(), &bytes[start..end]),))?;
            start = end;
        }
    }
    Ok(())
}

/// Whether a `write` is that of a file of the `io` module that keeps what it is given, or a copy, however much that is.
fn writes_at_once(write: &Bound<'_, PyAny>) -> PyResult<bool> {
    let py = write.py();
    let Ok(write) = write.cast::<PyCFunction>() else { return Ok(false) };
    let file = write.getattr(intern!(py, "__self__"))?;
    State::get(py)?.whole_writers.bind(py).contains(file.get_type())
}

/// Serializes an object into `bytes`.
///
/// The protocol is the highest unless another one is given. With a `buffer_callback` the buffers of `pickle.PickleBuffer` objects
/// for which it returns a false value are not part of the result (PEP 574).
#[pyfunction]
#[pyo3(signature = (obj, protocol=None, buffer_callback=None))]
pub(crate) fn dumps<'py>(
    obj: &Bound<'py, PyAny>,
    protocol: Option<&Bound<'py, PyAny>>,
    buffer_callback: Option<Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyBytes>> {
    let protocol = protocol_of(protocol)?;
    check_buffer_callback(buffer_callback.as_ref(), protocol)?;
    let hooks = Hooks { buffer_callback, ..Hooks::default() };
    Ok(run_walk(obj.py(), obj, protocol, true, &mut Kept::default(), &hooks, false)?.0)
}

/// Serializes an object into `bytes` in which cloudpickle's reconstructors are named in another module: that of a copy of
/// cloudpickle, which has them under the same names.
#[pyfunction]
pub(crate) fn _dumps_for<'py>(
    module_name: Bound<'py, PyString>,
    obj: &Bound<'py, PyAny>,
    protocol: Option<&Bound<'py, PyAny>>,
    buffer_callback: Option<Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyBytes>> {
    let protocol = protocol_of(protocol)?;
    check_buffer_callback(buffer_callback.as_ref(), protocol)?;
    let hooks = Hooks { buffer_callback, reconstructors_module: Some(module_name), ..Hooks::default() };
    Ok(run_walk(obj.py(), obj, protocol, true, &mut Kept::default(), &hooks, false)?.0)
}

/// Serializes an object into a binary file. When the object cannot be pickled, nothing is written.
#[pyfunction]
#[pyo3(signature = (obj, file, protocol=None, buffer_callback=None))]
pub(crate) fn dump<'py>(
    obj: &Bound<'py, PyAny>,
    file: &Bound<'py, PyAny>,
    protocol: Option<&Bound<'py, PyAny>>,
    buffer_callback: Option<Bound<'py, PyAny>>,
) -> PyResult<()> {
    let protocol = protocol_of(protocol)?;
    let write = checked_write_method(file, protocol, buffer_callback.as_ref())?;
    let hooks = Hooks { buffer_callback, ..Hooks::default() };
    let (pickle, pieces) = run_walk(obj.py(), obj, protocol, true, &mut Kept::default(), &hooks, true)?;
    write_pieces(&write, &pickle, pieces)
}

fn write_method<'py>(file: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    file.getattr_opt(intern!(file.py(), "write"))?.ok_or_else(|| PyTypeError::new_err("file must have a 'write' attribute"))
}

/// Writes pickles into a binary file, one for each call of `dump`.
///
/// Objects that one dump has written are referred to by later ones, until `clear_memo` is called. Subclasses may define
/// `persistent_id`, `reducer_override` and `dispatch_table`, as those of `pickle.Pickler` may.
#[pyclass(subclass, dict, weakref, module = "cloudpickle_rs.cloudpickle")]
pub(crate) struct Pickler {
    /// `None` until it is needed. The one field: PyPy's `object.__new__` takes this class too, as a pickle can have it do, and gives
    /// memory that is zero, which is what such a `None` is.
    contents: Option<Box<Contents>>,
}

/// What a pickler is made of.
#[derive(Default)]
struct Contents {
    target: Option<Target>,
    memo: Memo,
    cells: SharedCells,
    /// For each dict of globals, by its `id`, the dict that stands for it in the pickles. Made when it is needed.
    globals_ref: Option<Py<PyDict>>,
    /// Whether to do without the memo; an int, as in `pickle.Pickler`.
    fast: i32,
}

/// Where and how a pickler writes.
struct Target {
    write: Py<PyAny>,
    protocol: Protocol,
    fix_imports: bool,
    buffer_callback: Option<Py<PyAny>>,
}

#[pymethods]
impl Pickler {
    #[new]
    #[pyo3(signature = (*_args, **_kwargs), text_signature = "(file, protocol=None, buffer_callback=None)")]
    fn new(_args: &Bound<'_, PyTuple>, _kwargs: Option<&Bound<'_, PyDict>>) -> Self {
        Pickler { contents: None }
    }

    #[pyo3(signature = (file, protocol=None, buffer_callback=None))]
    fn __init__(
        slf: &Bound<'_, Self>,
        file: &Bound<'_, PyAny>,
        protocol: Option<&Bound<'_, PyAny>>,
        buffer_callback: Option<Bound<'_, PyAny>>,
    ) -> PyResult<()> {
        let protocol = protocol_of(protocol)?;
        let write = checked_write_method(file, protocol, buffer_callback.as_ref())?.unbind();
        let target = Target { write, protocol, fix_imports: true, buffer_callback: buffer_callback.map(Bound::unbind) };
        let replaced = {
            let mut this = slf.borrow_mut();
            let contents = this.contents();
            contents.fast = 0;
            (contents.target.replace(target), contents.globals_ref.take())
        };
        // objects may die here, and their destructors may call this pickler
        drop(replaced);
        Self::replace_memo(slf, Memo::default());
        Ok(())
    }

    /// The table from types to reducers, which a subclass or an instance may replace.
    #[classattr]
    fn dispatch_table(py: Python<'_>) -> PyResult<Py<PyAny>> {
        Ok(State::get(py)?.chained_dispatch_table.clone_ref(py))
    }

    /// The same table under its older name.
    #[classattr]
    fn dispatch(py: Python<'_>) -> PyResult<Py<PyAny>> {
        Pickler::dispatch_table(py)
    }

    /// The reducers of cloudpickle's own, without those of `copyreg`.
    #[classattr]
    fn _dispatch_table(py: Python<'_>) -> PyResult<Py<PyDict>> {
        Ok(State::get(py)?.dispatch_table.clone_ref(py))
    }

    /// The protocol that is written.
    #[getter]
    fn proto(slf: &Bound<'_, Self>) -> PyResult<u8> {
        Ok(slf.borrow().target(slf)?.protocol.version())
    }

    /// Whether the protocol is a binary one: not 0.
    #[getter]
    fn bin(slf: &Bound<'_, Self>) -> PyResult<bool> {
        Ok(slf.borrow().target(slf)?.protocol > Protocol::V0)
    }

    #[getter]
    fn globals_ref(&mut self, py: Python<'_>) -> Py<PyDict> {
        self.contents().globals_ref(py)
    }

    #[getter]
    fn fast(&self) -> i32 {
        self.contents.as_ref().map_or(0, |contents| contents.fast)
    }

    #[setter]
    fn set_fast(&mut self, fast: i32) {
        self.contents().fast = fast;
    }

    /// The id under which an object is kept elsewhere, for a subclass to define. `None` for one that goes into the pickle: here, all.
    #[pyo3(signature = (_obj, /), text_signature = "($self, obj, /)")]
    fn persistent_id(&self, _obj: &Bound<'_, PyAny>) {}

    /// Reduces functions and classes; `NotImplemented` for everything else, and for what is pickled by reference.
    fn reducer_override<'py>(slf: &Bound<'py, Self>, obj: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        if let Ok(class) = obj.cast::<pyo3::types::PyType>() {
            return class::class_reduce(class);
        }
        if !lookup::is_function(obj)? {
            return Ok(slf.py().NotImplemented().into_bound(slf.py()));
        }
        Self::_function_reduce(slf, obj)
    }

    /// Reduces a function to its parts; `NotImplemented` where it is pickled by reference.
    fn _function_reduce<'py>(slf: &Bound<'py, Self>, obj: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        if should_pickle_by_reference(obj, None)? {
            return Ok(slf.py().NotImplemented().into_bound(slf.py()));
        }
        Ok(Self::_dynamic_function_reduce(slf, obj)?.into_any())
    }

    /// The arguments of `_make_function` for a function.
    fn _function_getnewargs<'py>(slf: &Bound<'py, Self>, func: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        Self::_dynamic_function_reduce(slf, func)?.get_item(1)
    }

    /// Reduces a function to its parts.
    fn _dynamic_function_reduce<'py>(slf: &Bound<'py, Self>, func: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyTuple>> {
        let py = slf.py();
        let state = State::get(py)?;
        let globals_ref = slf.borrow_mut().contents().globals_ref(py).into_bound(py);
        function::dynamic_function_reduce(state, &globals_ref, func, |code, closure| {
            let (new, own) = (new_cells(closure)?, own_cells(state, code, closure)?);
            Ok((slf.borrow_mut().contents().cells.stand_ins(closure, new, &own), closure.clone()))
        })
    }

    /// Writes the pickle of an object. When the object cannot be pickled, nothing is written.
    fn dump(slf: &Bound<'_, Self>, obj: &Bound<'_, PyAny>) -> PyResult<()> {
        let py = slf.py();
        // a subclass's properties may call this pickler
        let mut hooks = overridden(slf)?;
        let (write, protocol, fix_imports) = {
            let this = slf.borrow();
            let target = this.target(slf)?;
            hooks.buffer_callback = target.buffer_callback.as_ref().map(|callback| callback.bind(py).clone());
            hooks.fast = this.fast() != 0;
            (target.write.bind(py).clone(), target.protocol, target.fix_imports)
        };
        let mut kept = {
            let mut this = slf.borrow_mut();
            let contents = this.contents();
            let (memo, globals_ref) = (std::mem::take(&mut contents.memo), Some(contents.globals_ref(py)));
            // where a hook reduces functions it asks the pickler, and here they are not needed
            let reduces = hooks.reducer_override.is_none();
            let cells = if reduces { std::mem::take(&mut contents.cells) } else { SharedCells::default() };
            Kept { memo, globals_ref, cells }
        };
        let result = run_walk(py, obj, protocol, fix_imports, &mut kept, &hooks, true);
        let replaced = {
            let mut this = slf.borrow_mut();
            let contents = this.contents();
            let reduces = hooks.reducer_override.is_none();
            let cells = if reduces { std::mem::replace(&mut contents.cells, kept.cells) } else { kept.cells };
            (std::mem::replace(&mut contents.memo, kept.memo), cells)
        };
        drop(replaced);
        let (pickle, pieces) = result?;
        write_pieces(&write, &pickle, pieces)
    }

    /// The objects that were written, with their places in the memo: a view that can be copied, cleared and given to another
    /// pickler.
    #[getter]
    fn memo(slf: Bound<'_, Self>) -> PicklerMemoProxy {
        PicklerMemoProxy { pickler: Some(slf.unbind()) }
    }

    /// Takes over the memo of another pickler, or a dict from `id(object)` to `(index, object)`.
    #[setter]
    fn set_memo(slf: &Bound<'_, Self>, memo: &Bound<'_, PyAny>) -> PyResult<()> {
        let py = slf.py();
        let memo = if let Ok(proxy) = memo.cast::<PicklerMemoProxy>() {
            let pickler = proxy.borrow().pickler(py)?;
            let pickler = pickler.borrow();
            pickler.contents.as_ref().map_or_else(Memo::default, |contents| contents.memo.duplicate(py))
        } else if let Ok(entries) = memo.cast::<PyDict>() {
            let mut memo = Memo::default();
            for entry in entries.values() {
                let (index, object) = entry
                    .extract::<(usize, Bound<'_, PyAny>)>()
                    .map_err(|_| PyTypeError::new_err("'memo' values must be 2-item tuples"))?;
                memo.insert_at(&object, index)?;
            }
            memo
        } else {
            let class = memo.get_type().name()?;
            return Err(PyTypeError::new_err(format!("'memo' attribute must be a PicklerMemoProxy object or dict, not {class}")));
        };
        Self::replace_memo(slf, memo);
        Ok(())
    }

    /// Forgets all objects that were written.
    fn clear_memo(slf: &Bound<'_, Self>) {
        Self::replace_memo(slf, Memo::default());
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        let Some(contents) = &self.contents else { return Ok(()) };
        if let Some(target) = &contents.target {
            visit.call(&target.write)?;
            if let Some(callback) = &target.buffer_callback {
                visit.call(callback)?;
            }
        }
        visit.call(&contents.globals_ref)?;
        contents.cells.traverse(&visit)?;
        contents.memo.traverse(&visit)
    }

    fn __clear__(&mut self) {
        self.contents = None;
    }
}

/// What CPython says of an object of a subclass whose `__init__` did not call that of `class`.
#[cold]
pub(crate) fn uninitialized(object: &Bound<'_, PyAny>, class: &str) -> String {
    let own = object.get_type().name().map_or_else(|_| class.to_owned(), |name| name.to_string());
    format!("{class}.__init__() was not called by {own}.__init__()")
}

/// A view of a pickler's memo.
#[pyclass(frozen, module = "cloudpickle_rs.cloudpickle")]
pub(crate) struct PicklerMemoProxy {
    /// `None` only in one that PyPy's `object.__new__` made ([`Pickler`]).
    pickler: Option<Py<Pickler>>,
}

impl PicklerMemoProxy {
    fn pickler<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, Pickler>> {
        self.pickler.as_ref().map(|pickler| pickler.bind(py).clone()).ok_or_else(|| no_owner("pickler"))
    }
}

/// What a view of a memo says that nobody's memo is behind.
#[cold]
pub(crate) fn no_owner(owner: &str) -> PyErr {
    PyTypeError::new_err(format!("the view of a memo has no {owner}: take its 'memo' attribute"))
}

#[pymethods]
impl PicklerMemoProxy {
    /// A dict from `id(object)` to `(index, object)`.
    fn copy<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let copy = PyDict::new(py);
        let pickler = self.pickler(py)?;
        let entries: Vec<_> =
            pickler.borrow().contents.as_ref().map(|contents| contents.memo.iter(py).collect()).unwrap_or_default();
        for (object, index) in entries {
            copy.set_item(ffi::identity(&object), (index, object))?;
        }
        Ok(copy)
    }

    /// Forgets all objects.
    fn clear(&self, py: Python<'_>) -> PyResult<()> {
        Pickler::clear_memo(&self.pickler(py)?);
        Ok(())
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        (py.get_type::<PyDict>(), (self.copy(py)?,)).into_pyobject(py)
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.pickler)
    }
}

impl Contents {
    fn globals_ref(&mut self, py: Python<'_>) -> Py<PyDict> {
        self.globals_ref.get_or_insert_with(|| PyDict::new(py).unbind()).clone_ref(py)
    }
}

impl Pickler {
    fn contents(&mut self) -> &mut Contents {
        self.contents.get_or_insert_default()
    }

    /// Takes over a memo. Functions to come share no cells with those of the old one.
    fn replace_memo(slf: &Bound<'_, Self>, memo: Memo) {
        let replaced = {
            let mut this = slf.borrow_mut();
            let contents = this.contents();
            (std::mem::replace(&mut contents.memo, memo), std::mem::take(&mut contents.cells))
        };
        // objects may die here, and their destructors may call this pickler
        drop(replaced);
    }

    /// Where this pickler, which is `slf`, writes to.
    fn target(&self, slf: &Bound<'_, Self>) -> PyResult<&Target> {
        self.contents.as_ref().and_then(|contents| contents.target.as_ref()).ok_or_else(|| {
            let message = uninitialized(slf, "Pickler");
            match State::get(slf.py()) {
                Ok(state) => state.pickling_error(slf.py(), message),
                Err(error) => error,
            }
        })
    }
}

/// What a subclass or an instance has put in place of the pickler's own methods and tables.
fn overridden<'py>(pickler: &Bound<'py, Pickler>) -> PyResult<Hooks<'py>> {
    let py = pickler.py();
    let object = pickler.as_any();
    let own = py.get_type::<Pickler>();
    let state = State::get(py)?;
    let dispatch_table = object.getattr(intern!(py, "dispatch_table"))?;
    let instance = object.getattr(intern!(py, "__dict__"))?;
    // a method of ours that nothing stands in the place of is no hook
    let hook = |name| -> PyResult<Option<Bound<'py, PyAny>>> {
        let of_instance = match instance.cast::<PyDict>() {
            Ok(dict) => dict.get_item(name)?,
            Err(_) => None,
        };
        let is_own = of_instance.is_none() && object.get_type().getattr(name)?.is(&own.getattr(name)?);
        if is_own { Ok(None) } else { object.getattr(name).map(Some) }
    };
    let mut hooks = Hooks {
        persistent_id: hook(intern!(py, "persistent_id"))?,
        reducer_override: hook(intern!(py, "reducer_override"))?,
        dispatch_table: (!dispatch_table.is(&state.chained_dispatch_table)).then_some(dispatch_table),
        ..Hooks::default()
    };
    if !object.get_type().is(&own) {
        let module_name = object.getattr_opt(intern!(py, "_reconstructors_module"))?;
        hooks.reconstructors_module = module_name.map(Bound::cast_into::<PyString>).transpose()?;
        hooks.class_setter = object.getattr_opt(intern!(py, "_class_state_setter"))?;
    }
    Ok(hooks)
}

/// Adds the pickling functions and classes to a module.
pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(dumps, module)?)?;
    module.add_function(wrap_pyfunction!(_dumps_for, module)?)?;
    module.add_function(wrap_pyfunction!(dump, module)?)?;
    module.add_function(wrap_pyfunction!(class::class_reduce, module)?)?;
    module.add_function(wrap_pyfunction!(class::dynamic_class_reduce, module)?)?;
    module.add_function(wrap_pyfunction!(lookup::register_pickle_by_value, module)?)?;
    module.add_function(wrap_pyfunction!(lookup::unregister_pickle_by_value, module)?)?;
    module.add_function(wrap_pyfunction!(lookup::list_registry_pickle_by_value, module)?)?;
    module.add_function(wrap_pyfunction!(lookup::should_pickle_by_reference, module)?)?;
    module.add_function(wrap_pyfunction!(lookup::lookup_module_and_qualname, module)?)?;
    module.add_function(wrap_pyfunction!(lookup::whichmodule, module)?)?;
    module.add_function(wrap_pyfunction!(lookup::_is_registered_pickle_by_value, module)?)?;
    module.add_function(wrap_pyfunction!(class::class_arguments, module)?)?;
    module.add_function(wrap_pyfunction!(class::enum_arguments, module)?)?;
    module.add_function(wrap_pyfunction!(class::class_getstate, module)?)?;
    module.add_function(wrap_pyfunction!(class::enum_getstate, module)?)?;
    module.add_function(wrap_pyfunction!(class::own_attributes, module)?)?;
    module.add_function(wrap_pyfunction!(function::_extract_code_globals, module)?)?;
    module.add_function(wrap_pyfunction!(function::_find_imported_submodules, module)?)?;
    module.add_function(wrap_pyfunction!(function::_function_getstate, module)?)?;
    module.add("_PICKLE_BY_VALUE_MODULES", lookup::by_value_modules(module.py())?)?;
    let others = Dialect::KNOWN.into_iter().filter(|dialect| *dialect != Dialect::CloudpickleRs);
    let modules: Vec<_> = others.filter_map(Dialect::module).collect();
    module.add("_DIALECT_MODULES", PyTuple::new(module.py(), modules)?)?;
    let written: Vec<_> = Reconstructor::ALL.into_iter().filter(|it| it.is_current()).map(Reconstructor::name).collect();
    module.add("_RECONSTRUCTORS", PyTuple::new(module.py(), written)?)
}
