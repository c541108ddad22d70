//! Reducers of the types that `pickle` cannot handle and cloudpickle can, but for functions and classes.
//!
//! Each has the name and the result of its counterpart upstream: a tuple as `__reduce__` returns it.

use cloud_reduce::Reconstructor;
use pyo3::{
    exceptions::{PyOSError, PyTypeError},
    intern,
    prelude::*,
    types::{PyBytes, PyDict, PyList, PyMappingProxy, PyModule, PyString, PyTuple},
};

use crate::{
    ffi,
    pickler::{copied_str, find, is_registered_by_value, should_pickle_by_reference},
    state::State,
    tracker,
};

type Reduced<'py> = PyResult<Bound<'py, PyTuple>>;

/// A call of a reconstructor.
fn call<'py, const N: usize>(py: Python<'py>, reconstructor: Reconstructor, arguments: [Bound<'py, PyAny>; N]) -> Reduced<'py> {
    let function = State::get(py)?.reconstructor(py, reconstructor)?;
    (function, PyTuple::new(py, arguments)?).into_pyobject(py)
}

fn list_of<'py>(items: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    let list = PyList::empty(items.py());
    for item in items.try_iter()? {
        list.append(item?)?;
    }
    Ok(list.into_any())
}

fn dict_of<'py>(items: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    items.py().get_type::<PyDict>().call1((items,))
}

fn truth(py: Python<'_>) -> Bound<'_, PyAny> {
    pyo3::types::PyBool::new(py, true).to_owned().into_any()
}

/// Reduces a `classmethod`, `staticmethod` or one of their subclasses.
#[pyfunction]
fn _classmethod_reduce<'py>(obj: &Bound<'py, PyAny>) -> Reduced<'py> {
    let py = obj.py();
    (obj.get_type(), (obj.getattr(intern!(py, "__func__"))?,)).into_pyobject(py)
}

/// Reduces a closure cell.
#[pyfunction]
fn _cell_reduce<'py>(obj: &Bound<'py, PyAny>) -> Reduced<'py> {
    match ffi::cell_contents(obj) {
        Some(contents) => call(obj.py(), Reconstructor::MakeCell, [contents]),
        None => call(obj.py(), Reconstructor::MakeEmptyCell, []),
    }
}

/// Reduces a code object.
#[pyfunction]
fn _code_reduce<'py>(obj: &Bound<'py, PyAny>) -> Reduced<'py> {
    let py = obj.py();
    let state = State::get(py)?;
    let mut arguments = Vec::with_capacity(state.code_attributes.len());
    for (field, attribute) in &state.code_attributes {
        let value = obj.getattr(attribute.bind(py))?;
        arguments.push(match value.cast::<PyTuple>() {
            _ if !field.is_copied() => value,
            Ok(names) => PyTuple::new(py, names.iter().collect::<Vec<_>>())?.into_any(),
            Err(_) => copied_str(&value)?,
        });
    }
    (state.code_type.bind(py), PyTuple::new(py, arguments)?).into_pyobject(py)
}

/// Reduces an open text file to its contents.
#[pyfunction]
fn _file_reduce<'py>(obj: &Bound<'py, PyAny>) -> Reduced<'py> {
    let py = obj.py();
    let state = State::get(py)?;
    let refused = |why: &str| Err(state.pickling_error(py, why));
    if !obj.hasattr("name")? || !obj.hasattr("mode")? {
        return refused("Cannot pickle files that do not map to an actual file");
    }
    let sys = state.sys.bind(py);
    for name in ["stdout", "stderr"] {
        if obj.is(&sys.getattr(name)?) {
            return (state.getattr.bind(py), (sys, PyString::intern(py, name))).into_pyobject(py);
        }
    }
    if obj.is(&sys.getattr("stdin")?) {
        return refused("Cannot pickle standard input");
    }
    if obj.getattr("closed")?.is_truthy()? {
        return refused("Cannot pickle closed files");
    }
    if obj.hasattr("isatty")? && obj.call_method0("isatty")?.is_truthy()? {
        return refused("Cannot pickle files that map to tty objects");
    }
    let mode = obj.getattr("mode")?;
    if !mode.contains("r")? && !mode.contains("+")? {
        return refused(&format!("Cannot pickle files that are not opened for reading: {mode}"));
    }
    let name = obj.getattr("name")?;
    let read = || -> PyResult<_> {
        let position = obj.call_method0("tell")?;
        obj.call_method1("seek", (0,))?;
        let contents = obj.call_method0("read")?;
        obj.call_method1("seek", (&position,))?;
        Ok((position, contents))
    };
    let (position, contents) = match read() {
        Ok(read) => read,
        Err(error) if error.is_instance_of::<PyOSError>(py) => {
            let refusal = state.pickling_error(py, format!("Cannot pickle file {name} as it cannot be read"));
            refusal.set_cause(py, Some(error));
            return Err(refusal);
        }
        Err(error) => return Err(error),
    };
    let copy = py.import("io")?.getattr("StringIO")?.call0()?;
    copy.call_method1("write", (contents,))?;
    copy.call_method1("seek", (position,))?;
    copy.setattr("name", name)?;
    call(py, Reconstructor::FileReconstructor, [copy])
}

/// Reduces an attribute descriptor of a builtin type.
#[pyfunction]
fn _getset_descriptor_reduce<'py>(obj: &Bound<'py, PyAny>) -> Reduced<'py> {
    let py = obj.py();
    let arguments = (obj.getattr(intern!(py, "__objclass__"))?, obj.getattr(intern!(py, "__name__"))?);
    (State::get(py)?.getattr.bind(py), arguments).into_pyobject(py)
}

/// Reduces a read-only view of a dict.
#[pyfunction]
fn _mappingproxy_reduce<'py>(obj: &Bound<'py, PyAny>) -> Reduced<'py> {
    let py = obj.py();
    (py.get_type::<PyMappingProxy>(), (dict_of(obj)?,)).into_pyobject(py)
}

/// Reduces a memory view to its bytes.
#[pyfunction]
fn _memoryview_reduce<'py>(obj: &Bound<'py, PyAny>) -> Reduced<'py> {
    let py = obj.py();
    (py.get_type::<PyBytes>(), (obj.call_method0(intern!(py, "tobytes"))?,)).into_pyobject(py)
}

/// Reduces a module: to its name, or to all of its attributes if no import finds it.
#[pyfunction]
fn _module_reduce<'py>(obj: &Bound<'py, PyAny>) -> Reduced<'py> {
    let py = obj.py();
    let name = obj.getattr(intern!(py, "__name__"))?;
    if should_pickle_by_reference(obj, None)? {
        return call(py, Reconstructor::Subimport, [name]);
    }
    let attributes = obj.getattr(intern!(py, "__dict__"))?.cast_into::<PyDict>()?.copy()?;
    // Loading puts the process's own builtins there.
    let builtins = cloud_reduce::function::BUILTINS;
    if attributes.contains(builtins)? {
        attributes.del_item(builtins)?;
    }
    call(py, Reconstructor::DynamicSubimport, [name, attributes.into_any()])
}

/// Reduces a bound method.
#[pyfunction]
fn _method_reduce<'py>(obj: &Bound<'py, PyAny>) -> Reduced<'py> {
    let py = obj.py();
    let arguments = (obj.getattr(intern!(py, "__func__"))?, obj.getattr(intern!(py, "__self__"))?);
    (State::get(py)?.method_type.bind(py), arguments).into_pyobject(py)
}

/// Reduces a logger to its name.
#[pyfunction]
fn _logger_reduce<'py>(obj: &Bound<'py, PyAny>) -> Reduced<'py> {
    let py = obj.py();
    (py.import("logging")?.getattr("getLogger")?, (obj.getattr(intern!(py, "name"))?,)).into_pyobject(py)
}

/// Reduces the root logger.
#[pyfunction]
fn _root_logger_reduce<'py>(obj: &Bound<'py, PyAny>) -> Reduced<'py> {
    let py = obj.py();
    (py.import("logging")?.getattr("getLogger")?, PyTuple::empty(py)).into_pyobject(py)
}

/// Reduces a property.
#[pyfunction]
fn _property_reduce<'py>(obj: &Bound<'py, PyAny>) -> Reduced<'py> {
    let py = obj.py();
    let arguments = (
        obj.getattr(intern!(py, "fget"))?,
        obj.getattr(intern!(py, "fset"))?,
        obj.getattr(intern!(py, "fdel"))?,
        obj.getattr(intern!(py, "__doc__"))?,
    );
    (State::get(py)?.property_type.bind(py), arguments).into_pyobject(py)
}

/// Reduces a `weakref.WeakSet` to the objects that are still alive.
#[pyfunction]
fn _weakset_reduce<'py>(obj: &Bound<'py, PyAny>) -> Reduced<'py> {
    let py = obj.py();
    (py.import("weakref")?.getattr("WeakSet")?, (list_of(obj)?,)).into_pyobject(py)
}

/// The parts of a type variable that `_make_typevar` takes.
#[pyfunction]
fn _decompose_typevar<'py>(obj: &Bound<'py, PyAny>) -> Reduced<'py> {
    let py = obj.py();
    let mut parts = Vec::with_capacity(6);
    for attribute in ["__name__", "__bound__", "__constraints__", "__covariant__", "__contravariant__"] {
        parts.push(obj.getattr(attribute)?);
    }
    parts.push(tracker::get_or_create_id(obj)?);
    PyTuple::new(py, parts)
}

/// Reduces a type variable: to its name, or to its parts if no import finds it.
#[pyfunction]
fn _typevar_reduce<'py>(obj: &Bound<'py, PyAny>) -> Reduced<'py> {
    let py = obj.py();
    let state = State::get(py)?;
    let name = obj.getattr(intern!(py, "__name__"))?;
    match find(state, obj, Some(name))? {
        Some(found) if !is_registered_by_value(&found.module_name)? => {
            (state.getattr.bind(py), (found.module, found.name)).into_pyobject(py)
        }
        _ => (state.reconstructor(py, Reconstructor::MakeTypevar)?, _decompose_typevar(obj)?).into_pyobject(py),
    }
}

/// Reduces the keys of a dict, without its values.
#[pyfunction]
fn _dict_keys_reduce<'py>(obj: &Bound<'py, PyAny>) -> Reduced<'py> {
    call(obj.py(), Reconstructor::MakeDictKeys, [list_of(obj)?])
}

/// Reduces the values of a dict, without its keys.
#[pyfunction]
fn _dict_values_reduce<'py>(obj: &Bound<'py, PyAny>) -> Reduced<'py> {
    call(obj.py(), Reconstructor::MakeDictValues, [list_of(obj)?])
}

/// Reduces the items of a dict.
#[pyfunction]
fn _dict_items_reduce<'py>(obj: &Bound<'py, PyAny>) -> Reduced<'py> {
    call(obj.py(), Reconstructor::MakeDictItems, [dict_of(obj)?])
}

/// Reduces the keys of an `OrderedDict`, without its values.
#[pyfunction]
fn _odict_keys_reduce<'py>(obj: &Bound<'py, PyAny>) -> Reduced<'py> {
    call(obj.py(), Reconstructor::MakeDictKeys, [list_of(obj)?, truth(obj.py())])
}

/// Reduces the values of an `OrderedDict`, without its keys.
#[pyfunction]
fn _odict_values_reduce<'py>(obj: &Bound<'py, PyAny>) -> Reduced<'py> {
    call(obj.py(), Reconstructor::MakeDictValues, [list_of(obj)?, truth(obj.py())])
}

/// Reduces the items of an `OrderedDict`.
#[pyfunction]
fn _odict_items_reduce<'py>(obj: &Bound<'py, PyAny>) -> Reduced<'py> {
    call(obj.py(), Reconstructor::MakeDictItems, [dict_of(obj)?, truth(obj.py())])
}

/// Reduces one of the objects by which `dataclasses` marks kinds of fields.
#[pyfunction]
fn _dataclass_field_base_reduce<'py>(obj: &Bound<'py, PyAny>) -> Reduced<'py> {
    call(obj.py(), Reconstructor::GetDataclassFieldTypeSentinel, [obj.getattr(intern!(obj.py(), "name"))?])
}

/// Adds the reducers to a module.
pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(_classmethod_reduce, module)?)?;
    module.add_function(wrap_pyfunction!(_cell_reduce, module)?)?;
    module.add_function(wrap_pyfunction!(_code_reduce, module)?)?;
    module.add_function(wrap_pyfunction!(_file_reduce, module)?)?;
    module.add_function(wrap_pyfunction!(_getset_descriptor_reduce, module)?)?;
    module.add_function(wrap_pyfunction!(_mappingproxy_reduce, module)?)?;
    module.add_function(wrap_pyfunction!(_memoryview_reduce, module)?)?;
    module.add_function(wrap_pyfunction!(_module_reduce, module)?)?;
    module.add_function(wrap_pyfunction!(_method_reduce, module)?)?;
    module.add_function(wrap_pyfunction!(_logger_reduce, module)?)?;
    module.add_function(wrap_pyfunction!(_root_logger_reduce, module)?)?;
    module.add_function(wrap_pyfunction!(_property_reduce, module)?)?;
    module.add_function(wrap_pyfunction!(_weakset_reduce, module)?)?;
    module.add_function(wrap_pyfunction!(_decompose_typevar, module)?)?;
    module.add_function(wrap_pyfunction!(_typevar_reduce, module)?)?;
    module.add_function(wrap_pyfunction!(_dict_keys_reduce, module)?)?;
    module.add_function(wrap_pyfunction!(_dict_values_reduce, module)?)?;
    module.add_function(wrap_pyfunction!(_dict_items_reduce, module)?)?;
    module.add_function(wrap_pyfunction!(_odict_keys_reduce, module)?)?;
    module.add_function(wrap_pyfunction!(_odict_values_reduce, module)?)?;
    module.add_function(wrap_pyfunction!(_odict_items_reduce, module)?)?;
    module.add_function(wrap_pyfunction!(_dataclass_field_base_reduce, module)?)
}

/// Fills the table from types to their reducers, in upstream's order. The reducers must be registered.
pub(crate) fn fill_dispatch_table(native: &Bound<'_, PyModule>, table: &Bound<'_, PyDict>) -> PyResult<()> {
    let py = table.py();
    let types = [
        ("builtins", "classmethod", "_classmethod_reduce"),
        ("io", "TextIOWrapper", "_file_reduce"),
        ("logging", "Logger", "_logger_reduce"),
        ("logging", "RootLogger", "_root_logger_reduce"),
        ("builtins", "memoryview", "_memoryview_reduce"),
        ("builtins", "property", "_property_reduce"),
        ("builtins", "staticmethod", "_classmethod_reduce"),
        ("types", "CellType", "_cell_reduce"),
        ("types", "CodeType", "_code_reduce"),
        ("types", "GetSetDescriptorType", "_getset_descriptor_reduce"),
        ("types", "ModuleType", "_module_reduce"),
        ("types", "MethodType", "_method_reduce"),
        ("types", "MappingProxyType", "_mappingproxy_reduce"),
        ("weakref", "WeakSet", "_weakset_reduce"),
        ("typing", "TypeVar", "_typevar_reduce"),
        ("_collections_abc", "dict_keys", "_dict_keys_reduce"),
        ("_collections_abc", "dict_values", "_dict_values_reduce"),
        ("_collections_abc", "dict_items", "_dict_items_reduce"),
    ];
    // CPython's reduce themselves, to the same
    let of_slots = ("types", "MemberDescriptorType", "_getset_descriptor_reduce");
    for (module, name, reducer) in types.into_iter().chain(cfg!(PyPy).then_some(of_slots)) {
        table.set_item(py.import(module)?.getattr(name)?, native.getattr(reducer)?)?;
    }
    let ordered = py.import("collections")?.getattr("OrderedDict")?.call0()?;
    for (view, reducer) in [("keys", "_odict_keys_reduce"), ("values", "_odict_values_reduce"), ("items", "_odict_items_reduce")]
    {
        table.set_item(ordered.call_method0(view)?.get_type(), native.getattr(reducer)?)?;
    }
    let abstracts = [
        ("abstractmethod", "_classmethod_reduce"),
        ("abstractclassmethod", "_classmethod_reduce"),
        ("abstractstaticmethod", "_classmethod_reduce"),
        ("abstractproperty", "_property_reduce"),
    ];
    for (name, reducer) in abstracts {
        // the deprecated ones will go some day
        if let Some(class) = py.import("abc")?.getattr_opt(name)? {
            table.set_item(class, native.getattr(reducer)?)?;
        }
    }
    let field_base = py.import("dataclasses")?.getattr("_FIELD_BASE")?;
    if field_base.is_none() {
        return Err(PyTypeError::new_err("dataclasses._FIELD_BASE is no type"));
    }
    table.set_item(field_base, native.getattr("_dataclass_field_base_reduce")?)
}
