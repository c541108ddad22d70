//! What the module looks up once: the objects of the interpreter and its standard library that pickling needs.

use std::sync::OnceLock;

use pyo3::{
    exceptions::PyImportError,
    prelude::*,
    sync::PyOnceLock,
    types::{PyDict, PyString, PyTuple, PyType},
};
use rustc_hash::FxHashMap;

use cloud_reduce::{
    Implementation, PythonVersion, Reconstructor,
    code::{CodeField, CodeLayout, GlobalOps},
    function, names,
};
use pickle_parse::Rules;

use crate::{ffi, known_names::KnownNames, unpickler::rules_of_interpreter};

/// Which implementation of Python this is built for.
pub(crate) const IMPLEMENTATION: Implementation = if cfg!(PyPy) { Implementation::PyPy } else { Implementation::CPython };

/// Objects that live as long as the process.
pub(crate) struct State {
    pub(crate) pickling_error: Py<PyType>,
    pub(crate) unpickling_error: Py<PyType>,
    /// `UnpicklingError`s that are other exceptions too, as `_errors.py` tells.
    pub(crate) truncated_error: Py<PyType>,
    pub(crate) invalid_value_error: Py<PyType>,
    pub(crate) overflow_error: Py<PyType>,
    pub(crate) text_error: Py<PyType>,
    pub(crate) disallowed_error: Py<PyType>,
    pub(crate) sys: Py<PyModule>,
    pub(crate) builtins_module: Py<PyModule>,
    /// `builtins.__dict__`.
    pub(crate) builtins: Py<PyDict>,
    pub(crate) getattr: Py<PyAny>,
    pub(crate) property_type: Py<PyType>,
    pub(crate) code_type: Py<PyType>,
    pub(crate) method_type: Py<PyType>,
    pub(crate) bytes_io_type: Py<PyAny>,
    /// Types of files whose `write` takes all that it is given: `BytesIO` and the buffered ones of `io`.
    pub(crate) whole_writers: Py<PyTuple>,
    /// Types of the `types` module by address, with the name that they have there.
    pub(crate) builtin_type_names: FxHashMap<usize, Py<PyString>>,
    /// The same as a dict, for classes whose metaclass has its own idea of equality.
    pub(crate) builtin_type_names_dict: Py<PyDict>,
    pub(crate) types_module: Py<PyModule>,
    pub(crate) none_type: Py<PyType>,
    pub(crate) ellipsis_type: Py<PyType>,
    pub(crate) not_implemented_type: Py<PyType>,
    pub(crate) enum_type: Py<PyAny>,
    pub(crate) abc_meta: Py<PyAny>,
    pub(crate) abc_get_dump: Py<PyAny>,
    pub(crate) type_var: Py<PyAny>,
    pub(crate) copyreg_dispatch_table: Py<PyDict>,
    pub(crate) extension_registry: Py<PyDict>,
    pub(crate) inverted_registry: Py<PyDict>,
    pub(crate) extension_cache: Py<PyDict>,
    pub(crate) codecs_encode: Py<PyAny>,
    pub(crate) partial: Py<PyAny>,
    /// `_compat_pickle`'s tables of names of Python 2.
    pub(crate) compat_pickle: Py<PyModule>,
    /// The name of the module that reconstructors are written under, as one string object.
    pub(crate) module_name: Py<PyString>,
    /// This module's reconstructors, at the places of `Reconstructor::ALL`; `None` for those of past releases.
    pub(crate) reconstructors: Vec<Option<Py<PyAny>>>,
    /// The same, by their addresses.
    pub(crate) reconstructors_by_address: FxHashMap<usize, Reconstructor>,
    /// The reducers of upstream's `Pickler._dispatch_table`, by type.
    pub(crate) dispatch_table: Py<PyDict>,
    /// The class attribute `Pickler.dispatch_table`.
    pub(crate) chained_dispatch_table: Py<PyAny>,
    /// `collections.ChainMap`.
    pub(crate) chain_map: Py<PyAny>,
    pub(crate) code_reduce: Py<PyAny>,
    pub(crate) cell_reduce: Py<PyAny>,
    pub(crate) module_reduce: Py<PyAny>,
    /// Where this interpreter's bytecode names globals.
    pub(crate) global_ops: GlobalOps,
    /// The interned attribute names of code objects, in the order of the arguments of `types.CodeType`.
    pub(crate) code_attributes: Vec<(CodeField, Py<PyString>)>,
    /// Interned: the keys of a function's state.
    pub(crate) function_state_keys: Vec<Py<PyString>>,
    /// Interned: the globals that every function carries.
    pub(crate) base_globals: Vec<Py<PyString>>,
    /// Interned: the names of the reconstructors.
    pub(crate) reconstructor_names: Vec<Py<PyString>>,
    pub(crate) empty_tuple: Py<PyTuple>,
    /// By which rules the interpreter's own unpickler reads, and so ours.
    pub(crate) rules: Rules,
    /// The strings that every pickled function has, each as the interpreter's one interned object: see `known_name`.
    known_names: KnownNames,
}

static STATE: PyOnceLock<State> = PyOnceLock::new();

impl State {
    /// The state, made by the module's initialization.
    #[inline]
    pub(crate) fn get(py: Python<'_>) -> PyResult<&'static State> {
        STATE.get(py).ok_or_else(|| pyo3::exceptions::PyRuntimeError::new_err("cloudpickle_rs is not initialized"))
    }

    /// Refuses a second interpreter of the process: the state has the first one's `builtins`, exceptions and all else.
    ///
    /// # Errors
    /// `ImportError`.
    pub(crate) fn check_interpreter(py: Python<'_>) -> PyResult<()> {
        static FIRST: OnceLock<i64> = OnceLock::new();
        let running = ffi::interpreter_id(py);
        if *FIRST.get_or_init(|| running) == running {
            return Ok(());
        }
        Err(PyImportError::new_err(
            "cloudpickle_rs works in one interpreter of a process, and another one has imported it: use it there, or in a process of its \
             own",
        ))
    }

    /// Makes the state, with the reconstructors and reducers that the module has registered by then.
    pub(crate) fn initialize(py: Python<'_>, native: &Bound<'_, PyModule>) -> PyResult<()> {
        let state = State::new(py, native)?;
        // a second initialization of the module in one interpreter keeps the first one's state
        let _ = STATE.set(py, state);
        Ok(())
    }

    fn new(py: Python<'_>, native: &Bound<'_, PyModule>) -> PyResult<State> {
        let pickle = py.import("pickle")?;
        let sys = py.import("sys")?;
        let builtins = py.import("builtins")?;
        let types = py.import("types")?;
        let copyreg = py.import("copyreg")?;
        let io = py.import("io")?;
        let abc = py.import("abc")?;
        let class = |module: &Bound<'_, PyModule>, name: &str| -> PyResult<Py<PyType>> {
            Ok(module.getattr(name)?.cast_into::<PyType>()?.unbind())
        };
        let dict = |object: Bound<'_, PyAny>| -> PyResult<Py<PyDict>> { Ok(object.cast_into::<PyDict>()?.unbind()) };
        let errors = py.import("cloudpickle_rs._errors")?;

        let type_of_type = py.get_type::<PyType>();
        let mut builtin_type_names = FxHashMap::default();
        let builtin_type_names_dict = PyDict::new(py);
        for (name, value) in types.dict() {
            if value.get_type().is(&type_of_type) {
                builtin_type_names_dict.set_item(&value, &name)?;
                // a type with two names is known by the later one
                builtin_type_names.insert(value.as_ptr() as usize, name.cast_into::<PyString>()?.unbind());
            }
        }

        let version = py.version_info();
        let unknown_version = || {
            pyo3::exceptions::PyImportError::new_err(format!(
                "cloudpickle_rs does not know the code objects of Python {}.{}",
                version.major, version.minor
            ))
        };
        if !crate::ffi::has_known_digits(py)? {
            return Err(pyo3::exceptions::PyImportError::new_err("cloudpickle_rs does not know the ints of this Python"));
        }
        let layout = CodeLayout::for_python(version.major, version.minor).ok_or_else(unknown_version)?;
        let intern = |text: &str| PyString::intern(py, text).unbind();

        let dispatch_table = PyDict::new(py);
        crate::reducers::fill_dispatch_table(native, &dispatch_table)?;
        let chain_map = py.import("collections")?.getattr("ChainMap")?;
        let chained = chain_map.call1((&dispatch_table, copyreg.getattr("dispatch_table")?))?;
        let reconstructors: Vec<Option<Py<PyAny>>> =
            Reconstructor::ALL.iter().map(|reconstructor| native.getattr(reconstructor.name()).ok().map(Bound::unbind)).collect();
        let reconstructors_by_address = Reconstructor::ALL
            .into_iter()
            .zip(&reconstructors)
            .filter_map(|(reconstructor, function)| Some((function.as_ref()?.as_ptr() as usize, reconstructor)))
            .collect();

        let module_name = PyString::intern(py, names::MODULE);
        let known_names = names_of_functions().map(|name| (name, intern(name)));
        let known_names = KnownNames::new(known_names.chain([(names::MODULE, module_name.clone().unbind())]));

        Ok(State {
            pickling_error: class(&pickle, "PicklingError")?,
            unpickling_error: class(&pickle, "UnpicklingError")?,
            truncated_error: class(&errors, "TruncatedPickleError")?,
            invalid_value_error: class(&errors, "InvalidPickleValueError")?,
            overflow_error: class(&errors, "PickleOverflowError")?,
            text_error: class(&errors, "InvalidPickleTextError")?,
            disallowed_error: class(&errors, "DisallowedPickleError")?,
            builtins: builtins.dict().unbind(),
            getattr: builtins.getattr("getattr")?.unbind(),
            property_type: class(&builtins, "property")?,
            code_type: class(&types, "CodeType")?,
            method_type: class(&types, "MethodType")?,
            bytes_io_type: io.getattr("BytesIO")?.unbind(),
            whole_writers: PyTuple::new(
                py,
                [io.getattr("BytesIO")?, io.getattr("BufferedWriter")?, io.getattr("BufferedRandom")?],
            )?
            .unbind(),
            builtin_type_names,
            builtin_type_names_dict: builtin_type_names_dict.unbind(),
            none_type: py.None().bind(py).get_type().unbind(),
            ellipsis_type: py.Ellipsis().bind(py).get_type().unbind(),
            not_implemented_type: py.NotImplemented().bind(py).get_type().unbind(),
            enum_type: py.import("enum")?.getattr("Enum")?.unbind(),
            abc_meta: abc.getattr("ABCMeta")?.unbind(),
            abc_get_dump: abc.getattr("_get_dump")?.unbind(),
            type_var: py.import("typing")?.getattr("TypeVar")?.unbind(),
            copyreg_dispatch_table: dict(copyreg.getattr("dispatch_table")?)?,
            extension_registry: dict(copyreg.getattr("_extension_registry")?)?,
            inverted_registry: dict(copyreg.getattr("_inverted_registry")?)?,
            extension_cache: dict(copyreg.getattr("_extension_cache")?)?,
            codecs_encode: py.import("codecs")?.getattr("encode")?.unbind(),
            partial: py.import("functools")?.getattr("partial")?.unbind(),
            compat_pickle: py.import("_compat_pickle")?.unbind(),
            module_name: module_name.unbind(),
            known_names,
            reconstructors,
            reconstructors_by_address,
            dispatch_table: dispatch_table.unbind(),
            chained_dispatch_table: chained.unbind(),
            chain_map: chain_map.unbind(),
            code_reduce: native.getattr("_code_reduce")?.unbind(),
            cell_reduce: native.getattr("_cell_reduce")?.unbind(),
            module_reduce: native.getattr("_module_reduce")?.unbind(),
            global_ops: GlobalOps::of(IMPLEMENTATION, PythonVersion::new(version.major, version.minor))
                .ok_or_else(unknown_version)?,
            code_attributes: layout.fields().iter().map(|&field| (field, intern(field.attribute()))).collect(),
            function_state_keys: function::STATE.iter().map(|key| intern(key)).collect(),
            base_globals: function::BASE_GLOBALS.iter().map(|key| intern(key)).collect(),
            reconstructor_names: Reconstructor::ALL.iter().map(|reconstructor| intern(reconstructor.name())).collect(),
            empty_tuple: PyTuple::empty(py).unbind(),
            rules: rules_of_interpreter(py)?,
            builtins_module: builtins.unbind(),
            types_module: types.unbind(),
            sys: sys.unbind(),
        })
    }

    /// The Python function of a reconstructor that the module has.
    #[inline]
    pub(crate) fn reconstructor<'py>(&self, py: Python<'py>, reconstructor: Reconstructor) -> PyResult<&Bound<'py, PyAny>> {
        match &self.reconstructors[reconstructor as usize] {
            Some(function) => Ok(function.bind(py)),
            None => Err(pyo3::exceptions::PyAttributeError::new_err(format!(
                "cloudpickle_rs has no reconstructor {}",
                reconstructor.name()
            ))),
        }
    }

    /// The interned string of a name that cloudpickle writes with every function, given as UTF-8. `None` for any other text.
    ///
    /// Loading such a name then takes no new string, and setting an attribute by it no interning.
    #[inline]
    pub(crate) fn known_name(&self, utf8: &[u8]) -> Option<&Py<PyString>> {
        // nearly all of them, and hardly any other text, begin with an underscore
        match utf8.first() {
            Some(b'_') => self.look_known_name_up(utf8),
            Some(b'c') if utf8.len() == names::MODULE.len() => self.look_known_name_up(utf8),
            _ => None,
        }
    }

    /// Kept out of what reads every string.
    #[inline(never)]
    fn look_known_name_up(&self, utf8: &[u8]) -> Option<&Py<PyString>> {
        self.known_names.get(utf8)
    }

    /// The reconstructor of a module and a name, if both are the objects that `known_name` gives.
    #[inline]
    pub(crate) fn known_reconstructor(&self, module: &Bound<'_, PyString>, name: &Bound<'_, PyString>) -> Option<&Py<PyAny>> {
        if module.as_ptr() != self.module_name.as_ptr() {
            return None;
        }
        let index = self.reconstructor_names.iter().position(|known| known.as_ptr() == name.as_ptr())?;
        self.reconstructors[index].as_ref()
    }

    /// `sys.modules` as it now is.
    pub(crate) fn modules<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.sys.bind(py).getattr(pyo3::intern!(py, "modules"))
    }

    /// A `PicklingError`.
    #[cold]
    pub(crate) fn pickling_error(&self, py: Python<'_>, message: impl Into<String>) -> PyErr {
        PyErr::from_type(self.pickling_error.bind(py).clone(), (message.into(),))
    }

    /// An `UnpicklingError`.
    #[cold]
    pub(crate) fn unpickling_error(&self, py: Python<'_>, message: impl Into<String>) -> PyErr {
        PyErr::from_type(self.unpickling_error.bind(py).clone(), (message.into(),))
    }
}

/// The names that cloudpickle writes with every function: of its reconstructors, the state and the globals.
fn names_of_functions() -> impl Iterator<Item = &'static str> {
    let reconstructors = Reconstructor::ALL.into_iter().map(Reconstructor::name);
    reconstructors.chain(function::STATE).chain(function::BASE_GLOBALS)
}
