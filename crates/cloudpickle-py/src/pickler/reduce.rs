//! Objects that are written by how they are made: what `reducer_override`, a dispatch table or `__reduce_ex__` says of them.

use cloud_reduce::Reconstructor;
use pickle_opcodes::{Opcode, Protocol};
use pyo3::{
    exceptions::PyKeyError,
    intern,
    prelude::*,
    types::{PyDict, PyIterator, PyModule, PyString, PyTuple, PyType},
};

use crate::{
    failure::{Failure, To, type_name},
    ffi::{self, Kind, ReducedByDefault, same_object},
    pickler::{lookup, walk::Walk},
};

/// How an object is written that has no opcode of its own.
enum Dispatched<'py> {
    Reconstructor(Reconstructor),
    Code,
    Cell,
    /// A module, by its name.
    Module,
    Global,
    /// A new object of its class, and this state.
    Instance(Bound<'py, PyAny>),
    /// What its reducer returned.
    Reduced(Bound<'py, PyAny>),
}

/// What a reducer returned, checked.
struct Reduced<'py> {
    callable: Bound<'py, PyAny>,
    arguments: Bound<'py, PyTuple>,
    list_items: Option<Bound<'py, PyIterator>>,
    dict_items: Option<Bound<'py, PyIterator>>,
    state: Option<Bound<'py, PyAny>>,
    setter: Option<Bound<'py, PyAny>>,
}

impl<'py> Walk<'_, 'py> {
    /// Writes an object of a type that has no opcode of its own.
    #[inline(never)]
    pub(super) fn save_other(&mut self, object: &Bound<'py, PyAny>, kind: Kind) -> Result<(), Failure> {
        if let Some(hook) = &self.hooks.reducer_override {
            let value = hook.call1((object,))?;
            if !value.is(self.py.NotImplemented()) {
                return self.save_reduced(&value, object);
            }
            if matches!(kind, Kind::Function | Kind::Type) {
                if let Ok(class) = object.cast::<PyType>()
                    && self.save_singleton_type(class)?
                {
                    return Ok(());
                }
                return self.save_global(object, None);
            }
        } else if kind == Kind::Function {
            return self.save_function(object);
        } else if let Ok(class) = object.cast::<PyType>() {
            return self.save_class(class, kind);
        } else if kind == Kind::Other && ReducedByDefault::of(object).is_none() && lookup::is_function(object)? {
            // a proxy that says it is a function
            return self.save_function(object);
        }
        self.save_by_dispatch(object, kind)
    }

    /// Writes an object as its type's entry in a dispatch table, or else its `__reduce_ex__`, says.
    pub(super) fn save_by_dispatch(&mut self, object: &Bound<'py, PyAny>, kind: Kind) -> Result<(), Failure> {
        match self.dispatch(object, kind)? {
            Dispatched::Reconstructor(reconstructor) => self.put_reconstructor(reconstructor),
            Dispatched::Code => self.save_code(object),
            Dispatched::Cell => self.save_cell(object),
            Dispatched::Module => self.save_imported_module(object),
            Dispatched::Global => self.save_global(object, None),
            Dispatched::Instance(state) => self.save_instance(object, &state).map_err(|failure| failure.at(object, To::Object)),
            Dispatched::Reduced(value) => self.save_reduced(&value, object),
        }
    }

    #[inline(never)]
    fn dispatch(&mut self, object: &Bound<'py, PyAny>, kind: Kind) -> PyResult<Dispatched<'py>> {
        let py = self.py;
        if let Some(&reconstructor) = self.state.reconstructors_by_address.get(&(object.as_ptr() as usize)) {
            return Ok(Dispatched::Reconstructor(reconstructor));
        }
        let class = object.get_type();
        let reducer = match &self.hooks.dispatch_table {
            Some(table) => match self.entry_of(table, &class) {
                Ok(reducer) => reducer,
                // a class that cannot be hashed is in no table
                Err(_) if class.hash().is_err() => None,
                Err(error) => return Err(error),
            },
            None => match self.state.dispatch_table.bind(py).get_item(&class) {
                Ok(Some(reducer)) => Some(reducer),
                Ok(None) => self.state.copyreg_dispatch_table.bind(py).get_item(&class)?,
                Err(_) if class.hash().is_err() => None,
                Err(error) => return Err(error),
            },
        };
        Ok(Dispatched::Reduced(match reducer {
            Some(reducer) => {
                // Without hooks nobody can tell whether the reducer was called.
                if self.hooks.persistent_id.is_none() {
                    if kind == Kind::Code && same_object(&reducer, &self.state.code_reduce) {
                        return Ok(Dispatched::Code);
                    }
                    if kind == Kind::Cell && same_object(&reducer, &self.state.cell_reduce) {
                        return Ok(Dispatched::Cell);
                    }
                    if same_object(&reducer, &self.state.module_reduce)
                        && object.cast_exact::<PyModule>().is_ok()
                        && lookup::should_pickle_by_reference(object, None)?
                    {
                        return Ok(Dispatched::Module);
                    }
                }
                reducer.call1((object,))?
            }
            None if object.cast::<PyType>().is_ok() => return Ok(Dispatched::Global),
            None => {
                let protocol = self.encoder.protocol();
                if protocol >= Protocol::V2
                    && let Some(reduced) = ReducedByDefault::of(object)
                    && let Some(state) = reduced.state(object)?
                {
                    if object.get_type().is(&class) {
                        return Ok(Dispatched::Instance(state));
                    }
                    // `__getstate__` gave the object another class, which the pickler says of what `object.__reduce_ex__` returns
                    let new_object = py.import("copyreg")?.getattr("__newobj__")?;
                    return Ok(Dispatched::Reduced((new_object, (class,), state).into_pyobject(py)?.into_any()));
                }
                ffi::check_reducible(object)?;
                let value = object.call_method1(intern!(py, "__reduce_ex__"), (protocol.version(),))?;
                if protocol >= Protocol::V2 {
                    ReducedByDefault::remember(object);
                }
                value
            }
        }))
    }

    /// What a dispatch table has for a class. A `ChainMap` looks into its dicts in Python; here it is done for it.
    fn entry_of(&self, table: &Bound<'py, PyAny>, class: &Bound<'py, PyType>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let missing = |error: PyErr| if error.is_instance_of::<PyKeyError>(self.py) { Ok(None) } else { Err(error) };
        if !table.get_type().is(&self.state.chain_map) {
            return table.get_item(class).map_or_else(missing, |reducer| Ok(Some(reducer)));
        }
        for map in table.getattr(intern!(self.py, "maps"))?.try_iter()? {
            let map = map?;
            let reducer = match map.cast_exact::<PyDict>() {
                Ok(dict) => dict.get_item(class)?,
                Err(_) => map.get_item(class).map_or_else(missing, |reducer| Ok(Some(reducer)))?,
            };
            if reducer.is_some() {
                return Ok(reducer);
            }
        }
        Ok(None)
    }

    /// Writes what `object.__reduce_ex__` tells of most objects: a new one of its class, and its state.
    #[inline(never)]
    fn save_instance(&mut self, object: &Bound<'py, PyAny>, state: &Bound<'py, PyAny>) -> Result<(), Failure> {
        self.save(&object.get_type()).map_err(|failure| failure.at(object, To::Class))?;
        self.save(self.state.empty_tuple.bind(self.py)).map_err(|failure| failure.at(object, To::NewArguments))?;
        self.encoder.op(Opcode::NewObj);
        if self.memoize_made(Some(object))? && !state.is_none() {
            self.save(state).map_err(|failure| failure.at(object, To::State))?;
            self.encoder.op(Opcode::Build);
        }
        Ok(())
    }

    /// Writes a module that another process can import: a call of `subimport`.
    fn save_imported_module(&mut self, module: &Bound<'py, PyAny>) -> Result<(), Failure> {
        let name = module.getattr(intern!(self.py, "__name__"))?;
        self.put_reconstructor(Reconstructor::Subimport)?;
        self.save_single(&name)?;
        self.encoder.op(Opcode::Reduce);
        self.memoize(module)
    }

    /// Writes an object by what a reducer returned: the name of a global, or a tuple that says how to make the object.
    pub(super) fn save_reduced(&mut self, value: &Bound<'py, PyAny>, object: &Bound<'py, PyAny>) -> Result<(), Failure> {
        if let Ok(name) = value.cast::<PyString>() {
            return self.save_global(object, Some(name));
        }
        let Ok(value) = value.cast::<PyTuple>() else {
            let failure = self.reduce_error("__reduce__ must return a string or tuple", value);
            return Err(failure.at(object, To::Object));
        };
        self.save_reduce(value, object).map_err(|failure| failure.at(object, To::Object))
    }

    /// Writes a call of an object with arguments, whose result is an object (to be memoized, if it is given).
    pub(super) fn save_call(
        &mut self,
        callable: &Bound<'py, PyAny>,
        arguments: &Bound<'py, PyTuple>,
        object: Option<&Bound<'py, PyAny>>,
    ) -> Result<(), Failure> {
        self.save(callable)?;
        self.save(arguments).map_err(|failure| match object {
            Some(object) => failure.at(object, To::ReconstructorArguments),
            None => failure,
        })?;
        self.encoder.op(Opcode::Reduce);
        self.memoize_made(object).map(drop)
    }

    /// Memoizes an object that was made on the stack. Where it is in the memo by now (a tuple that holds itself) it is taken from
    /// there instead; says whether it was not.
    fn memoize_made(&mut self, object: Option<&Bound<'py, PyAny>>) -> Result<bool, Failure> {
        let Some(object) = object else { return Ok(true) };
        if let Some(index) = self.kept.memo.get(object) {
            self.encoder.op(Opcode::Pop);
            self.encoder.get(index)?;
            return Ok(false);
        }
        self.memoize(object)?;
        Ok(true)
    }

    /// The parts of what a reducer returned, if it is what a reducer may return.
    #[inline(never)]
    fn reduced(&self, value: &Bound<'py, PyTuple>) -> Result<Reduced<'py>, Failure> {
        let len = value.len();
        if !(2..=6).contains(&len) {
            return Err(self.error("tuple returned by __reduce__ must contain 2 through 6 elements"));
        }
        let optional = |index: usize| -> PyResult<Option<Bound<'py, PyAny>>> {
            if index >= len {
                return Ok(None);
            }
            Ok(Some(value.get_item(index)?).filter(|item| !item.is_none()))
        };
        let callable = value.get_item(0)?;
        let arguments = value.get_item(1)?;
        if !callable.is_callable() {
            return Err(self.reduce_error("first item of the tuple returned by __reduce__ must be callable", &callable));
        }
        let arguments = match arguments.cast_into::<PyTuple>() {
            Ok(arguments) => arguments,
            Err(error) => {
                let message = "second item of the tuple returned by __reduce__ must be a tuple";
                return Err(self.reduce_error(message, &error.into_inner()));
            }
        };
        let (state, setter) = (optional(2)?, optional(5)?);
        let list_items = self.iterator(optional(3)?, "fourth")?;
        let dict_items = self.iterator(optional(4)?, "fifth")?;
        if let Some(setter) = &setter
            && !setter.is_callable()
        {
            let what = if cfg!(Py_3_14) {
                "sixth item of the tuple returned by __reduce__ must be callable, not "
            } else {
                "sixth element of the tuple returned by __reduce__ must be a function, not "
            };
            return Err(self.type_error_of(what, setter));
        }
        Ok(Reduced { callable, arguments, list_items, dict_items, state, setter })
    }

    fn save_reduce(&mut self, value: &Bound<'py, PyTuple>, object: &Bound<'py, PyAny>) -> Result<(), Failure> {
        let Reduced { callable, arguments, list_items, dict_items, state, setter } = self.reduced(value)?;
        if !self.save_new_object(&callable, &arguments, object)? {
            self.save(&callable).map_err(|failure| failure.at(object, To::Reconstructor))?;
            self.save(arguments.as_any()).map_err(|failure| failure.at(object, To::ReconstructorArguments))?;
            self.encoder.op(Opcode::Reduce);
        }
        if !self.memoize_made(Some(object))? {
            return Ok(());
        }
        if let Some(items) = list_items {
            self.put_appended(object, items)?;
        }
        if let Some(items) = dict_items {
            self.put_set_items(object, items)?;
        }
        let Some(state) = state else { return Ok(()) };
        if let Some(setter) = &setter {
            self.save(setter).map_err(|failure| failure.at(object, To::StateSetter))?;
            self.save(object)?;
        }
        self.save(&state).map_err(|failure| failure.at(object, To::State))?;
        match setter {
            Some(_) => self.put_state_setter_call(),
            None => self.encoder.op(Opcode::Build),
        }
        Ok(())
    }

    /// Writes the call of a state setter with the two objects on top of it, whose result nobody wants.
    #[inline]
    pub(super) fn put_state_setter_call(&mut self) {
        // CPython writes this opcode in every protocol, though 0 and 1 do not have it
        self.encoder.op(Opcode::Tuple2);
        self.encoder.op(Opcode::Reduce);
        self.encoder.op(Opcode::Pop);
    }

    /// Writes an object that `copyreg.__newobj__` or `copyreg.__newobj_ex__` makes, with the opcodes that stand for them. Says
    /// whether it was such an object.
    #[inline(never)]
    fn save_new_object(
        &mut self,
        callable: &Bound<'py, PyAny>,
        arguments: &Bound<'py, PyTuple>,
        object: &Bound<'py, PyAny>,
    ) -> Result<bool, Failure> {
        let py = self.py;
        if self.encoder.protocol() < Protocol::V2 {
            return Ok(false);
        }
        let Some(name) = callable.getattr_opt(intern!(py, "__name__"))? else { return Ok(false) };
        let Some(name) = name.cast::<PyString>().ok().and_then(|name| ffi::utf8(name).ok()) else { return Ok(false) };
        match name {
            "__newobj_ex__" => self.save_new_object_ex(arguments, object)?,
            "__newobj__" => {
                if arguments.is_empty() {
                    let message = if cfg!(Py_3_14) {
                        "__newobj__ expected at least 1 argument, got 0"
                    } else {
                        "__newobj__ arglist is empty"
                    };
                    return Err(self.error(message));
                }
                let class = arguments.get_item(0)?;
                if class.cast::<PyType>().is_err() {
                    let what = if cfg!(Py_3_14) {
                        "first argument to __newobj__() must be a class, not "
                    } else {
                        "first item from NEWOBJ argument tuple must be a class, not "
                    };
                    return Err(self.type_error_of(what, &class));
                }
                if !object.getattr(intern!(py, "__class__"))?.is(&class) {
                    return Err(self.error(if cfg!(Py_3_14) {
                        let wanted = object.getattr(intern!(py, "__class__"))?;
                        format!("first argument to __newobj__() must be {}, not {}", wanted.repr()?, class.repr()?)
                    } else {
                        "args[0] from __newobj__ args has the wrong class".to_owned()
                    }));
                }
                self.save(&class).map_err(|failure| failure.at(object, To::Class))?;
                let rest = arguments.get_slice(1, arguments.len());
                self.save(&rest).map_err(|failure| failure.at(object, To::NewArguments))?;
                self.encoder.op(Opcode::NewObj);
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    #[inline(never)]
    fn save_new_object_ex(&mut self, arguments: &Bound<'py, PyTuple>, object: &Bound<'py, PyAny>) -> Result<(), Failure> {
        let py = self.py;
        if arguments.len() != 3 {
            let len = arguments.len();
            return Err(self.error(if cfg!(Py_3_14) {
                format!("__newobj_ex__ expected 3 arguments, got {len}")
            } else {
                format!("length of the NEWOBJ_EX argument tuple must be exactly 3, not {len}")
            }));
        }
        let (class, args, kwargs) = (arguments.get_item(0)?, arguments.get_item(1)?, arguments.get_item(2)?);
        let new_words = cfg!(Py_3_14);
        if class.cast::<PyType>().is_err() {
            let what = if new_words {
                "first argument to __newobj_ex__() must be a class, not "
            } else {
                "first item from NEWOBJ_EX argument tuple must be a class, not "
            };
            return Err(self.type_error_of(what, &class));
        }
        let Ok(args) = args.cast::<PyTuple>() else {
            let what = if new_words {
                "second argument to __newobj_ex__() must be a tuple, not "
            } else {
                "second item from NEWOBJ_EX argument tuple must be a tuple, not "
            };
            return Err(self.type_error_of(what, &args));
        };
        let Ok(kwargs) = kwargs.cast::<PyDict>() else {
            let what = if new_words {
                "third argument to __newobj_ex__() must be a dict, not "
            } else {
                "third item from NEWOBJ_EX argument tuple must be a dict, not "
            };
            return Err(self.type_error_of(what, &kwargs));
        };
        if self.encoder.protocol() >= Protocol::V4 {
            self.save(&class).map_err(|failure| failure.at(object, To::Class))?;
            self.save(args).map_err(|failure| failure.at(object, To::NewArguments))?;
            self.save(kwargs).map_err(|failure| failure.at(object, To::NewArguments))?;
            self.encoder.op(Opcode::NewObjEx);
            return Ok(());
        }
        // Protocols 2 and 3 have no such opcode: `functools.partial` carries the keyword arguments.
        let mut partial_args = vec![class.getattr(intern!(py, "__new__"))?, class];
        partial_args.extend(args.iter());
        let callable = self.state.partial.bind(py).call(PyTuple::new(py, partial_args)?, Some(kwargs))?;
        self.save(&callable).map_err(|failure| failure.at(object, To::Reconstructor))?;
        self.save(&PyTuple::empty(py))?;
        self.encoder.op(Opcode::Reduce);
        Ok(())
    }

    fn iterator(&self, items: Option<Bound<'py, PyAny>>, which: &str) -> Result<Option<Bound<'py, PyIterator>>, Failure> {
        let Some(items) = items else { return Ok(None) };
        match items.cast_into::<PyIterator>() {
            Ok(iterator) => Ok(Some(iterator)),
            Err(error) => {
                let thing = if cfg!(Py_3_14) { "item" } else { "element" };
                let what = format!("{which} {thing} of the tuple returned by __reduce__ must be an iterator, not ");
                Err(self.type_error_of(&what, &error.into_inner()))
            }
        }
    }

    /// A `PicklingError` about what a reducer returned, with the type of the offending object where the interpreter's own pickler
    /// tells it.
    #[cold]
    fn reduce_error(&self, message: &str, object: &Bound<'py, PyAny>) -> Failure {
        if cfg!(Py_3_14) { self.type_error_of(&format!("{message}, not "), object) } else { self.error(message) }
    }

    #[cold]
    fn type_error_of(&self, message: &str, object: &Bound<'py, PyAny>) -> Failure {
        let name = if cfg!(Py_3_14) { type_name(object) } else { object.get_type().name().map(|name| name.to_string()) };
        match name {
            Ok(name) => self.error(format!("{message}{name}")),
            Err(error) => error.into(),
        }
    }
}
