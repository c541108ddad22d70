//! Classes, by reference or by value.

use cloud_reduce::{
    PythonVersion, Reconstructor,
    class::{self, ClassArg, ClassKind, EnumArg},
};
use pickle_opcodes::Opcode;
use pyo3::{
    exceptions::PyTypeError,
    intern,
    prelude::*,
    types::{PyDict, PyList, PyString, PyTuple, PyType},
};

use crate::{
    failure::Failure,
    ffi::{self, Kind, kind},
    pickler::{
        lookup,
        walk::{Walk, copied_str},
    },
    state::State,
    tracker,
};

impl<'py> Walk<'_, 'py> {
    /// Writes the class of a singleton, if it is one that no name leads to, as a call of `type`. Says whether it was one.
    pub(super) fn save_singleton_type(&mut self, class: &Bound<'py, PyType>) -> Result<bool, Failure> {
        let Some(singleton) = singleton_of(self.state, class) else { return Ok(false) };
        let arguments = PyTuple::new(self.py, [singleton])?;
        self.save_call(self.py.get_type::<PyType>().as_any(), &arguments, Some(class.as_any()))?;
        Ok(true)
    }

    /// Writes a class: by its name, if another process can import it, and else by its parts.
    #[inline(never)]
    pub(super) fn save_class(&mut self, class: &Bound<'py, PyType>, kind: Kind) -> Result<(), Failure> {
        let (py, state) = (self.py, self.state);
        let object = class.as_any();
        if self.save_singleton_type(class)? {
            return Ok(());
        }
        if let Some(name) = name_in_types(state, class)? {
            if self.hooks.persistent_id.is_some() {
                self.save(state.reconstructor(py, Reconstructor::BuiltinType)?)?;
            } else {
                self.put_reconstructor(Reconstructor::BuiltinType)?;
            }
            self.save_single(&name)?;
            self.encoder.op(Opcode::Reduce);
            return self.memoize(object);
        }
        match lookup::find(state, object, None)? {
            Some(found) if !lookup::is_registered_by_value(&found.module_name)? => {
                // A metaclass may have its own entry in a dispatch table.
                if kind == Kind::Type { self.put_found(object, &found) } else { self.save_by_dispatch(object, kind) }
            }
            _ => {
                let value = reduce_by_value(class, self.hooks.class_setter.as_ref())?;
                self.save_reduced(value.as_any(), object)
            }
        }
    }

    /// Writes a tuple of one object, which nothing else can refer to.
    pub(super) fn save_single(&mut self, item: &Bound<'py, PyAny>) -> Result<(), Failure> {
        if self.hooks.persistent_id.is_some() {
            return self.save(PyTuple::new(self.py, [item])?.as_any());
        }
        self.begin_tuple(1);
        self.save(item)?;
        self.end_tuple(1)
    }
}

/// The one instance of a class that has just one and no name of its own.
fn singleton_of<'py>(state: &State, class: &Bound<'py, PyType>) -> Option<Bound<'py, PyAny>> {
    let py = class.py();
    if class.is(&state.none_type) {
        Some(py.None().into_bound(py))
    } else if class.is(&state.ellipsis_type) {
        Some(py.Ellipsis().into_bound(py))
    } else if class.is(&state.not_implemented_type) {
        Some(py.NotImplemented().into_bound(py))
    } else {
        None
    }
}

/// The name that a class has in the `types` module, if it is one of those or, as its metaclass sees it, equals one of those.
fn name_in_types<'py>(state: &State, class: &Bound<'py, PyType>) -> PyResult<Option<Bound<'py, PyAny>>> {
    let py = class.py();
    if let Some(name) = state.builtin_type_names.get(&(class.as_ptr() as usize)) {
        return Ok(Some(name.bind(py).clone().into_any()));
    }
    if kind(class.as_any()) == Kind::Type {
        return Ok(None);
    }
    match state.builtin_type_names_dict.bind(py).get_item(class) {
        // a class that cannot be hashed is in no dict
        Err(error) if error.is_instance_of::<PyTypeError>(py) => Ok(None),
        name => name,
    }
}

/// What upstream's reducer returns for a class: the tuple of `__reduce_ex__`, or `NotImplemented` where the class is pickled by
/// reference.
#[pyfunction]
#[pyo3(name = "_class_reduce")]
pub(crate) fn class_reduce<'py>(obj: &Bound<'py, PyType>) -> PyResult<Bound<'py, PyAny>> {
    let py = obj.py();
    let state = State::get(py)?;
    if let Some(singleton) = singleton_of(state, obj) {
        return Ok((py.get_type::<PyType>(), (singleton,)).into_pyobject(py)?.into_any());
    }
    if let Some(name) = name_in_types(state, obj)? {
        let function = state.reconstructor(py, Reconstructor::BuiltinType)?;
        return Ok((function, (name,)).into_pyobject(py)?.into_any());
    }
    match lookup::find(state, obj.as_any(), None)? {
        Some(found) if !lookup::is_registered_by_value(&found.module_name)? => Ok(py.NotImplemented().into_bound(py)),
        _ => Ok(dynamic_class_reduce(obj)?.into_any()),
    }
}

/// What upstream's reducer returns for a class that is pickled by value: the tuple of `__reduce_ex__`.
#[pyfunction]
#[pyo3(name = "_dynamic_class_reduce")]
pub(crate) fn dynamic_class_reduce<'py>(obj: &Bound<'py, PyType>) -> PyResult<Bound<'py, PyTuple>> {
    reduce_by_value(obj, None)
}

/// The same, with what sets the state of the copy, where that is not `_class_setstate`.
fn reduce_by_value<'py>(class: &Bound<'py, PyType>, setter: Option<&Bound<'py, PyAny>>) -> PyResult<Bound<'py, PyTuple>> {
    let py = class.py();
    let state = State::get(py)?;
    let none = || py.None().into_bound(py);
    let kind = kind_of(class)?;
    let (reconstructor, arguments) = if kind.is_enum {
        (Reconstructor::MakeSkeletonEnum, enum_arguments(class)?)
    } else {
        (Reconstructor::MakeSkeletonClass, class_arguments(class)?)
    };
    let attributes = class_state(class, kind)?;
    PyTuple::new(
        py,
        [
            state.reconstructor(py, reconstructor)?.clone(),
            arguments.into_any(),
            PyTuple::new(py, [attributes, PyDict::new(py)])?.into_any(),
            none(),
            none(),
            match setter {
                Some(setter) => setter.clone(),
                None => state.reconstructor(py, Reconstructor::ClassSetstate)?.clone(),
            },
        ],
    )
}

/// What kind of class it is, as far as its pickle depends on that.
fn kind_of(class: &Bound<'_, PyType>) -> PyResult<ClassKind> {
    let py = class.py();
    let state = State::get(py)?;
    Ok(ClassKind {
        is_abstract: class.get_type().is_subclass(state.abc_meta.bind(py))?,
        is_enum: class.is_subclass(state.enum_type.bind(py))?,
    })
}

/// The arguments of `_make_skeleton_class` for a class.
#[pyfunction]
#[pyo3(name = "_class_getnewargs")]
pub(crate) fn class_arguments<'py>(obj: &Bound<'py, PyType>) -> PyResult<Bound<'py, PyTuple>> {
    let class = obj;
    let py = class.py();
    let state = State::get(py)?;
    let own = class.getattr(intern!(py, "__dict__"))?;
    let mut arguments = Vec::with_capacity(ClassArg::ALL.len());
    for argument in ClassArg::ALL {
        arguments.push(match argument {
            ClassArg::Metaclass => class.get_type().into_any(),
            ClassArg::Name => class.getattr(intern!(py, "__name__"))?,
            ClassArg::Bases if own.contains(intern!(py, "__orig_bases__"))? => class.getattr(intern!(py, "__orig_bases__"))?,
            ClassArg::Bases => class.getattr(intern!(py, "__bases__"))?,
            ClassArg::TypeKwargs => {
                let [module, dict] = class::TYPE_KWARGS.map(|key| PyString::intern(py, key));
                let kwargs = PyDict::new(py);
                if own.contains(&module)? {
                    kwargs.set_item(&module, class.getattr(&module)?)?;
                }
                if own.contains(&dict)? {
                    let value = own.get_item(&dict)?;
                    if value.is_instance(state.property_type.bind(py))? {
                        kwargs.set_item(&dict, value)?;
                    }
                }
                kwargs.into_any()
            }
            ClassArg::TrackerId => tracker::get_or_create_id(class.as_any())?,
            ClassArg::Extra => py.None().into_bound(py),
        });
    }
    PyTuple::new(py, arguments)
}

/// The arguments of `_make_skeleton_enum` for an enum.
#[pyfunction]
#[pyo3(name = "_enum_getnewargs")]
pub(crate) fn enum_arguments<'py>(obj: &Bound<'py, PyType>) -> PyResult<Bound<'py, PyTuple>> {
    let class = obj;
    let py = class.py();
    let mut arguments = Vec::with_capacity(EnumArg::ALL.len());
    for argument in EnumArg::ALL {
        arguments.push(match argument {
            EnumArg::Bases => class.getattr(intern!(py, "__bases__"))?,
            EnumArg::Name => class.getattr(intern!(py, "__name__"))?,
            EnumArg::Qualname => class.getattr(intern!(py, "__qualname__"))?,
            EnumArg::Members => enum_members(class)?.into_any(),
            EnumArg::Module => class.getattr(intern!(py, "__module__"))?,
            EnumArg::TrackerId => tracker::get_or_create_id(class.as_any())?,
            EnumArg::Extra => py.None().into_bound(py),
        });
    }
    PyTuple::new(py, arguments)
}

/// The members of an enum without its aliases: names and values.
fn enum_members<'py>(class: &Bound<'py, PyType>) -> PyResult<Bound<'py, PyDict>> {
    let py = class.py();
    let members = PyDict::new(py);
    for member in class.as_any().try_iter()? {
        let member = member?;
        members.set_item(member.getattr(intern!(py, "name"))?, member.getattr(intern!(py, "value"))?)?;
    }
    Ok(members)
}

/// The attributes of a class that its pickle carries, by copies of their names.
fn class_state<'py>(class: &Bound<'py, PyType>, kind: ClassKind) -> PyResult<Bound<'py, PyDict>> {
    let py = class.py();
    let state = State::get(py)?;
    let version = py.version_info();
    let version = PythonVersion::new(version.major, version.minor);
    let attributes = own_attributes(class)?;

    let mut registry = None;
    if kind.is_abstract {
        // Registries were plain sets of weak references before they moved behind `_abc_impl`.
        let own_registry = attributes.get_item("_abc_registry")?;
        let subclasses = PyList::empty(py);
        match own_registry {
            Some(own_registry) => {
                for subclass in own_registry.try_iter()? {
                    subclasses.append(subclass?)?;
                }
            }
            None => {
                for reference in state.abc_get_dump.bind(py).call1((class,))?.get_item(0)?.try_iter()? {
                    subclasses.append(reference?.call0()?)?;
                }
            }
        }
        registry = Some(subclasses);
    }
    for name in attributes.keys() {
        if class::is_unpickled(ffi::utf8(name.cast::<PyString>()?)?, kind, version) {
            attributes.del_item(name)?;
        }
    }
    if let Some(registry) = registry {
        attributes.set_item(PyString::intern(py, class::ABC_IMPL), registry)?;
    }
    if attributes.contains(class::SLOTS)? {
        // The interpreter makes the descriptors of slots again.
        let slots = class.getattr(class::SLOTS)?;
        if slots.is_instance_of::<PyString>() {
            attributes.del_item(mangled(class, &slots)?)?;
        } else {
            for slot in slots.try_iter()? {
                let slot = slot?;
                for name in [mangled(class, &slot)?, slot] {
                    if attributes.contains(&name)? {
                        attributes.del_item(name)?;
                    }
                }
            }
        }
    }
    if kind.is_enum {
        for member in enum_members(class)?.keys() {
            attributes.del_item(member)?;
        }
    }
    Ok(attributes)
}

/// The name under which a class has the descriptor of a slot: that of a private one is mangled (`_Py_Mangle`). Upstream leaves that
/// descriptor among the attributes, and no other process can load them.
fn mangled<'py>(class: &Bound<'py, PyType>, slot: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    if let Ok(text) = slot.cast::<PyString>()
        && let Ok(text) = ffi::utf8(text)
        && text.starts_with("__")
        && !text.ends_with("__")
    {
        let class_name = class.getattr(intern!(class.py(), "__name__"))?;
        let class_name = class_name.str()?.to_string_lossy().trim_start_matches('_').to_owned();
        if !class_name.is_empty() {
            return Ok(PyString::new(class.py(), &format!("_{class_name}{text}")).into_any());
        }
    }
    Ok(slot.clone())
}

/// The state of a class, as `_class_setstate` takes it.
#[pyfunction]
#[pyo3(name = "_class_getstate")]
pub(crate) fn class_getstate<'py>(obj: &Bound<'py, PyType>) -> PyResult<(Bound<'py, PyDict>, Bound<'py, PyDict>)> {
    Ok((class_state(obj, ClassKind { is_enum: false, ..kind_of(obj)? })?, PyDict::new(obj.py())))
}

/// The state of an enum, as `_class_setstate` takes it.
#[pyfunction]
#[pyo3(name = "_enum_getstate")]
pub(crate) fn enum_getstate<'py>(obj: &Bound<'py, PyType>) -> PyResult<(Bound<'py, PyDict>, Bound<'py, PyDict>)> {
    Ok((class_state(obj, ClassKind { is_enum: true, ..kind_of(obj)? })?, PyDict::new(obj.py())))
}

/// The attributes of a class that it does not have from a base, sorted, by copies of their names.
#[pyfunction]
#[pyo3(name = "_extract_class_dict")]
pub(crate) fn own_attributes<'py>(cls: &Bound<'py, PyType>) -> PyResult<Bound<'py, PyDict>> {
    let class = cls;
    let py = class.py();
    let own = class.getattr(intern!(py, "__dict__"))?;
    let names = PyList::empty(py);
    for name in own.try_iter()? {
        names.append(name?)?;
    }
    names.sort()?;
    let bases = class.getattr(intern!(py, "__bases__"))?.cast_into::<PyTuple>()?;
    let mut base_dicts = Vec::with_capacity(bases.len());
    for base in &bases {
        base_dicts.push(base.getattr(intern!(py, "__dict__"))?);
    }
    let attributes = PyDict::new(py);
    for name in &names {
        let value = own.get_item(&name)?;
        if name.cast::<PyString>().is_err() {
            return Err(PyTypeError::new_err(format!("the class attribute name {} is not a str", name.repr()?)));
        }
        let mut inherited = None;
        for base in &base_dicts {
            if base.contains(&name)? {
                inherited = Some(base.get_item(&name)?);
                break;
            }
        }
        if !inherited.is_some_and(|inherited| ffi::is_same(&inherited, &value)) {
            attributes.set_item(copied_str(&name)?, value)?;
        }
    }
    Ok(attributes)
}
