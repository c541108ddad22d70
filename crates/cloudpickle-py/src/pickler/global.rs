//! Objects that are written as a module and a name in it.

use cloud_reduce::Reconstructor;
use pickle_opcodes::{Opcode, Protocol};
use pyo3::{
    exceptions::{PyAttributeError, PyImportError, PyTypeError, PyValueError},
    intern,
    prelude::*,
    types::{PyDict, PyModule, PyString, PyTuple},
};

use crate::{
    failure::Failure,
    ffi,
    pickler::{
        lookup::{self, Found},
        walk::Walk,
    },
};

impl<'py> Walk<'_, 'py> {
    /// Writes an object by the name under which it can be imported, or by the one that is given.
    #[inline(never)]
    pub(super) fn save_global(&mut self, object: &Bound<'py, PyAny>, name: Option<&Bound<'py, PyString>>) -> Result<(), Failure> {
        let py = self.py;
        let name = match name {
            Some(name) => name.clone().into_any(),
            None => match object.getattr_opt(intern!(py, "__qualname__"))? {
                Some(name) => name,
                None => object.getattr(intern!(py, "__name__"))?,
            },
        };
        let name = name.cast_into::<PyString>().map_err(PyErr::from)?;
        if name.to_string_lossy().split('.').any(|part| part == "<locals>") {
            let repr = || object.repr();
            return Err(if cfg!(Py_3_14) {
                self.error(format!("Can't pickle local object {}", repr()?))
            } else if cfg!(Py_3_13) {
                PyAttributeError::new_err(format!("Can't get local object {}", name.repr()?)).into()
            } else {
                PyAttributeError::new_err(format!("Can't pickle local object {}", name.repr()?)).into()
            });
        }
        let module_name = match lookup::which_module(self.state, object, &name)? {
            Some(module_name) => module_name,
            None => intern!(py, "__main__").clone().into_any(),
        };
        let imported = match module_name.cast::<PyString>() {
            Ok(name) => py.import(name),
            Err(_) => Err(PyTypeError::new_err("module name must be a string")),
        };
        let module = match imported {
            Ok(module) => module.into_any(),
            // CPython 3.14 and later leave other exceptions as they are
            Err(error)
                if cfg!(Py_3_14) && !error.is_instance_of::<PyImportError>(py) && !error.is_instance_of::<PyValueError>(py) =>
            {
                return Err(error.into());
            }
            Err(error) => {
                let repr = object.repr()?;
                return Err(self.in_context(
                    if cfg!(Py_3_14) {
                        format!("Can't pickle {repr}: {}", error.value(py).str()?)
                    } else {
                        format!("Can't pickle {repr}: import of module {} failed", module_name.repr()?)
                    },
                    error,
                ));
            }
        };
        match lookup::get_dotted(&module, &name)? {
            Some((found, _)) if ffi::is_same(&found, object) => {}
            Some(_) => {
                let repr = object.repr()?;
                return Err(self.error(format!("Can't pickle {repr}: it's not the same object as {module_name}.{name}")));
            }
            None => {
                let repr = object.repr()?;
                if !cfg!(Py_3_14) {
                    return Err(self.error(format!("Can't pickle {repr}: attribute lookup {name} on {module_name} failed")));
                }
                let message = format!("Can't pickle {repr}: it's not found as {module_name}.{name}");
                return Err(match lookup::missing_attribute(&module, &name) {
                    Some(error) => self.in_context(message, error),
                    None => self.error(message),
                });
            }
        }
        self.put_found(object, &Found { module, module_name, name: name.into_any() })
    }

    /// Writes an object by the name under which it was found.
    pub(super) fn put_found(&mut self, object: &Bound<'py, PyAny>, found: &Found<'py>) -> Result<(), Failure> {
        if self.encoder.protocol() >= Protocol::V2 && self.put_extension(object, found)? {
            return Ok(());
        }
        if self.encoder.protocol() >= Protocol::V4 {
            self.save(&found.module_name)?;
            self.save(&found.name)?;
            self.encoder.op(Opcode::StackGlobal);
            return self.memoize(object);
        }
        if cfg!(Py_3_14) {
            self.check_names(found)?;
        }
        let name = found.name.cast::<PyString>().map_err(PyErr::from)?;
        let text = name.to_str()?;
        match text.rsplit_once('.') {
            None => self.put_global_lines(&found.module_name, text)?,
            // Before protocol 4 a global's name has no dots: the rest of the way are calls of `getattr`.
            Some((path, last)) if !cfg!(Py_3_13) => {
                let path = PyString::new(self.py, path);
                let Some((parent, _)) = lookup::get_dotted(&found.module, &path)? else {
                    return Err(lookup::attribute_error(&found.module, text).into());
                };
                let arguments = PyTuple::new(self.py, [parent, PyString::new(self.py, last).into_any()])?;
                self.save_call(&self.state.getattr.bind(self.py).clone(), &arguments, None)?;
            }
            Some(_) => self.put_getattr_chain(found, text)?,
        }
        self.memoize(object)
    }

    /// Writes a dotted name as nested calls of `getattr`, as CPython 3.13 and later do.
    fn put_getattr_chain(&mut self, found: &Found<'py>, name: &str) -> Result<(), Failure> {
        let mut parts = name.split('.');
        let first = parts.next().unwrap_or_default();
        let marked = self.encoder.protocol() < Protocol::V2;
        for _ in parts.clone() {
            self.save(&self.state.getattr.bind(self.py).clone())?;
            if marked {
                self.encoder.op(Opcode::Mark);
            }
        }
        self.put_global_lines(&found.module_name, first)?;
        for part in parts {
            self.save(&PyString::new(self.py, part))?;
            self.encoder.op(self.encoder.tuple_opcode(2));
            self.encoder.op(Opcode::Reduce);
        }
        Ok(())
    }

    /// Writes a `GLOBAL`, with the names of Python 2 if the protocol is one that Python 2 reads.
    fn put_global_lines(&mut self, module_name: &Bound<'py, PyAny>, name: &str) -> Result<(), Failure> {
        let module_name = module_name.cast::<PyString>().map_err(PyErr::from)?.to_str()?;
        if self.encoder.protocol() < Protocol::V3
            && self.fix_imports
            && let Some((module_name, name)) = self.python_2_name(module_name, name)?
        {
            return self.put_global(&module_name, &name);
        }
        self.put_global(module_name, name)
    }

    fn put_global(&mut self, module_name: &str, name: &str) -> Result<(), Failure> {
        match self.encoder.global(module_name, name) {
            Ok(()) => Ok(()),
            // the words are CPython's
            Err(error) => Err(self.error(error.to_string())),
        }
    }

    /// The name that Python 2 has for a global, if it has another one.
    fn python_2_name(&self, module_name: &str, name: &str) -> PyResult<Option<(String, String)>> {
        let py = self.py;
        let tables = self.state.compat_pickle.bind(py);
        let names = tables.getattr(intern!(py, "REVERSE_NAME_MAPPING"))?.cast_into::<PyDict>()?;
        if let Some(mapped) = names.get_item((module_name, name))? {
            return Ok(Some(mapped.extract()?));
        }
        let modules = tables.getattr(intern!(py, "REVERSE_IMPORT_MAPPING"))?.cast_into::<PyDict>()?;
        match modules.get_item(module_name)? {
            Some(mapped) => Ok(Some((mapped.extract()?, name.to_owned()))),
            None => Ok(None),
        }
    }

    /// Writes an object's extension code, if it has one.
    #[inline]
    fn put_extension(&mut self, object: &Bound<'py, PyAny>, found: &Found<'py>) -> Result<bool, Failure> {
        let registry = self.state.extension_registry.bind(self.py);
        if registry.is_empty() {
            return Ok(false);
        }
        let Some(code) = registry.get_item((&found.module_name, &found.name))? else { return Ok(false) };
        let code = match code.extract::<i64>() {
            Ok(code) => code,
            Err(error) if cfg!(Py_3_13) => return Err(error.into()),
            Err(_) => {
                let repr = object.repr()?;
                return Err(self.error(format!("Can't pickle {repr}: extension code {} isn't an integer", code.repr()?)));
            }
        };
        match i32::try_from(code) {
            Ok(code) if code > 0 => self.encoder.extension(code)?,
            _ => {
                let message = if cfg!(Py_3_13) {
                    format!("extension code {code} is out of range")
                } else {
                    format!("Can't pickle {}: extension code {code} is out of range", object.repr()?)
                };
                return Err(pyo3::exceptions::PyRuntimeError::new_err(message).into());
            }
        }
        Ok(true)
    }

    /// Writes one of cloudpickle's reconstructors, under upstream's name for it.
    pub(super) fn put_reconstructor(&mut self, reconstructor: Reconstructor) -> Result<(), Failure> {
        self.encoder.boundary();
        let function = self.state.reconstructor(self.py, reconstructor)?;
        if let Some(index) = self.kept.memo.get(function) {
            return Ok(self.encoder.get(index)?);
        }
        if self.encoder.protocol() >= Protocol::V4 {
            let module_name = self.reconstructors_module();
            self.save(module_name.as_any())?;
            self.save(self.state.reconstructor_names[reconstructor as usize].bind(self.py).as_any())?;
            self.encoder.op(Opcode::StackGlobal);
        } else {
            let module_name = self.hooks.reconstructors_module.as_ref().map(|name| name.to_str()).transpose()?;
            self.encoder.global(module_name.unwrap_or(cloud_reduce::names::MODULE), reconstructor.name())?;
        }
        self.memoize(function)
    }

    /// The name of the reconstructors' module: where upstream is imported the very string that its own objects have, since a string
    /// that a pickle already has is not written again.
    fn reconstructors_module(&mut self) -> Bound<'py, PyString> {
        let (py, state) = (self.py, self.state);
        let module_name = self.hooks.reconstructors_module.as_ref().unwrap_or(state.module_name.bind(py));
        self.module_name
            .get_or_insert_with(|| {
                ffi::imported_module(py, module_name)
                    .and_then(|module| module.cast::<PyModule>().ok()?.dict().get_item(intern!(py, "__name__")).ok()?)
                    .and_then(|name| name.cast_into_exact::<PyString>().ok())
                    .filter(|name| name.as_any().eq(module_name).unwrap_or(false))
                    .unwrap_or_else(|| module_name.clone())
            })
            .clone()
    }

    /// A `PicklingError` that another exception led to: as its cause, or its context where CPython has it there.
    #[cold]
    fn in_context(&self, message: String, other: PyErr) -> Failure {
        let error = self.state.pickling_error(self.py, message);
        if !cfg!(Py_3_14) {
            error.set_cause(self.py, Some(other));
        } else if let Err(refused) = error.value(self.py).setattr(intern!(self.py, "__context__"), other.into_value(self.py)) {
            return refused.into();
        }
        error.into()
    }

    /// CPython 3.14 and later say which of a global's two names cannot be written before protocol 4, and why.
    fn check_names(&self, found: &Found<'py>) -> Result<(), Failure> {
        let protocol = self.encoder.protocol();
        let encoding = if protocol < Protocol::V3 { "ascii" } else { "utf-8" };
        for (what, name) in [("module", &found.module_name), ("global", &found.name)] {
            let can_be_written = name.cast::<PyString>().is_ok_and(|name| name.to_str().is_ok_and(|name| name.is_ascii()));
            if !can_be_written && let Err(error) = name.call_method1(intern!(self.py, "encode"), (encoding,)) {
                let (name, version) = (name.repr()?, protocol.version());
                return Err(
                    self.in_context(format!("can't pickle {what} identifier {name} using pickle protocol {version}"), error)
                );
            }
        }
        Ok(())
    }
}
