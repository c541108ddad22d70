//! What the safe API lacks: making instances, looking attributes up, and audit events.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

use pyo3::{
    exceptions::{PyMemoryError, PyTypeError},
    ffi, intern,
    prelude::*,
    types::{PyDict, PyString, PyTuple, PyType},
};

/// Whether the interpreter had a tracer of references when it was last asked.
static HAS_TRACER: AtomicBool = AtomicBool::new(false);

/// Asks whether the interpreter has a tracer of references, which C code may set from 3.13 on: what is made from now on is told to it.
/// One that is set later hears of nothing until this is called again, which is at the beginning of each load.
#[inline]
pub(crate) fn look_for_tracer(_py: Python<'_>) {
    #[cfg(Py_3_13)]
    {
        // SAFETY: the interpreter is attached, and the data need not be asked for.
        let tracer = unsafe { PyRefTracer_GetTracer(std::ptr::null_mut()) };
        HAS_TRACER.store(tracer.is_some(), Ordering::Relaxed);
    }
}

/// Whether more is to be done with a new object than to fill its head: a debug build counts objects, or has a list of them.
#[inline]
fn is_watched() -> bool {
    cfg!(any(py_sys_config = "Py_REF_DEBUG", py_sys_config = "Py_TRACE_REFS")) || HAS_TRACER.load(Ordering::Relaxed)
}

/// A new object of a static type that the garbage collector does not track, with one reference, as `PyObject_New` makes it.
///
/// # Safety
/// The size is what the type's objects take, and its `tp_free` is `PyObject_Free`. Whoever calls this fills what follows the type
/// before any other code runs.
#[inline]
pub(super) unsafe fn allocate(py: Python<'_>, size: usize, object_type: *mut ffi::PyTypeObject) -> PyResult<Bound<'_, PyAny>> {
    // SAFETY: memory of that size, or null. The reference count is a number of a pointer's size in every version; where it has flags
    // in its upper half, from 3.14 on, a new object has none. The type is static, so that it counts no references.
    unsafe {
        let object: *mut ffi::PyObject = ffi::PyObject_Malloc(size).cast();
        if object.is_null() {
            return Err(PyMemoryError::new_err(()));
        }
        if is_watched() {
            ffi::PyObject_Init(object, object_type);
        } else {
            object.cast::<ffi::Py_ssize_t>().write(1);
            (*object).ob_type = object_type;
        }
        Ok(Bound::from_owned_ptr(py, object))
    }
}

/// What the `tp_new` of a class makes of arguments. `None` where the class has no `tp_new`.
pub(crate) fn new_instance<'py>(
    class: &Bound<'py, PyType>,
    args: &Bound<'py, PyTuple>,
    kwargs: Option<&Bound<'py, PyDict>>,
) -> Option<PyResult<Bound<'py, PyAny>>> {
    // SAFETY: it is a type that is alive; the slot is read, not written.
    let tp_new = unsafe { (*class.as_type_ptr()).tp_new }?;
    let kwargs = kwargs.map_or(std::ptr::null_mut(), |kwargs| kwargs.as_ptr());
    // SAFETY: `tp_new` takes the class, a tuple and a dict or null; the result is a new reference or null with an exception.
    Some(unsafe { Bound::from_owned_ptr_or_err(class.py(), tp_new(class.as_type_ptr(), args.as_ptr(), kwargs)) })
}

/// An attribute of an object, or `None` where it has none, for which no `AttributeError` is made and thrown away.
#[inline]
pub(crate) fn getattr_opt<'py>(object: &Bound<'py, PyAny>, name: &Bound<'py, PyString>) -> PyResult<Option<Bound<'py, PyAny>>> {
    let mut found = std::ptr::null_mut();
    // SAFETY: `found` becomes a new reference where the result is 1, and null otherwise; below 0 there is an exception.
    unsafe {
        match PyObject_GetOptionalAttr(object.as_ptr(), name.as_ptr(), &mut found) {
            0 | 1 => Ok(Bound::from_owned_ptr_or_opt(object.py(), found)),
            _ => Err(PyErr::fetch(object.py())),
        }
    }
}

/// What a class or one of its bases has under a name, as it stands there: no descriptor is bound.
#[inline]
pub(crate) fn class_attribute<'py>(class: &Bound<'py, PyType>, name: &Bound<'py, PyString>) -> Option<Bound<'py, PyAny>> {
    // SAFETY: it is a type that is alive. The result is a borrowed reference, made our own at once, or null without an exception.
    unsafe { Bound::from_borrowed_ptr_or_opt(class.py(), _PyType_Lookup(class.as_type_ptr(), name.as_ptr())) }
}

/// Whether a class's objects have a `__dict__`: one at an offset or, from 3.11 on, one that `Py_TPFLAGS_MANAGED_DICT` tells of.
#[inline]
fn has_dict(dict_offset: ffi::Py_ssize_t, flags: std::ffi::c_ulong) -> bool {
    const MANAGED_DICT: std::ffi::c_ulong = 1 << 4;
    dict_offset != 0 || (cfg!(Py_3_11) && flags & MANAGED_DICT != 0)
}

/// Whether the attributes of an object lie in a `__dict__` of the usual kind, so that setting an item there is setting an attribute,
/// save for those that the class has data descriptors for: see [`set_plain_attribute`].
#[inline]
pub(crate) fn plain_attributes(object: &Bound<'_, PyAny>, dict_name: &Bound<'_, PyString>) -> bool {
    let class = object.get_type_ptr();
    // SAFETY: the class of an object that is alive; its slots are read, not written. The look-up is as in `class_attribute`.
    unsafe {
        if !has_dict((*class).tp_dictoffset, (*class).tp_flags)
            || (*class).tp_flags & ffi::Py_TPFLAGS_HEAPTYPE == 0
            || !(*class)
                .tp_getattro
                .is_some_and(|get| std::ptr::fn_addr_eq(get, ffi::PyObject_GenericGetAttr as ffi::getattrofunc))
        {
            return false;
        }
        let descriptor = _PyType_Lookup(class, dict_name.as_ptr());
        !descriptor.is_null() && ffi::Py_TYPE(descriptor) == &raw mut ffi::PyGetSetDescr_Type
    }
}

/// A class as it was at a moment. Whenever an attribute of a class or of one of its bases changes, the interpreter, whose caches go by
/// that too, gives the class another version, or none.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct ClassVersion {
    class: *mut ffi::PyTypeObject,
    version: std::ffi::c_uint,
}

impl ClassVersion {
    /// That of an object's class as it is now, if it has one.
    #[inline]
    fn of(object: &Bound<'_, PyAny>) -> Option<ClassVersion> {
        let class = object.get_type_ptr();
        // SAFETY: the class of an object that is alive.
        let (version, flags) = unsafe { ((*class).tp_version_tag, (*class).tp_flags) };
        // 3.9 left the number of a version that is no more
        let is_valid = version != 0 && (cfg!(Py_3_10) || flags & ffi::Py_TPFLAGS_VALID_VERSION_TAG != 0);
        is_valid.then_some(ClassVersion { class, version })
    }
}

/// How many classes [`ReducedByDefault`] is remembered of. Classes whose places are the same take turns.
const KNOWN_CLASSES: usize = 64;

/// For a class in its place: its address, and its version shifted by [`HOW_BITS`], below which is how its objects are reduced. They
/// are read and written with the interpreter attached, so that the two belong together.
static KNOWN: [(AtomicUsize, AtomicU64); KNOWN_CLASSES] = [const { (AtomicUsize::new(0), AtomicU64::new(0)) }; KNOWN_CLASSES];

const HOW_BITS: u32 = 2;
const BY_DEFAULT: u64 = 0;
const WITH_OWN_STATE: u64 = 1;
const OTHERWISE: u64 = 2;

/// Objects that `object.__reduce_ex__` reduces to a call of `copyreg.__newobj__` with their class alone, and to their state.
///
/// Those of a class that has none of the methods by which a class says otherwise, as was seen after one of them was so reduced,
/// without an error: what it depends on besides is the same for all of them, save for what their own `__dict__` may have.
pub(crate) enum ReducedByDefault {
    /// Their state is what the class's own `__getstate__` returns; they have no `__dict__`.
    OwnState,
    /// Their state is what `object.__getstate__` returns.
    DefaultState,
}

impl ReducedByDefault {
    fn place(class: *mut ffi::PyTypeObject) -> &'static (AtomicUsize, AtomicU64) {
        // classes are larger than a kilobyte
        &KNOWN[(class as usize >> 10 ^ class as usize >> 4) % KNOWN_CLASSES]
    }

    /// How objects of a class as it is now are known to be reduced.
    #[inline]
    fn known(ClassVersion { class, version }: ClassVersion) -> Option<u64> {
        let (known_class, known) = Self::place(class);
        let known = known.load(Ordering::Relaxed);
        let is_known = known_class.load(Ordering::Relaxed) == class as usize && known >> HOW_BITS == u64::from(version);
        is_known.then_some(known & ((1 << HOW_BITS) - 1))
    }

    /// What is known of an object's class as it is now: nothing before one of its objects was reduced, and where they are reduced
    /// otherwise.
    #[inline]
    pub(crate) fn of(object: &Bound<'_, PyAny>) -> Option<ReducedByDefault> {
        let version = ClassVersion::of(object)?;
        let reduced = match Self::known(version)? {
            BY_DEFAULT => ReducedByDefault::DefaultState,
            WITH_OWN_STATE => ReducedByDefault::OwnState,
            _ => return None,
        };
        Self::is_asked_itself(version.class, object.py()).then_some(reduced)
    }

    /// Whether a class's own class leaves it to the class what its `__reduce__` is. That may change without a new version of the
    /// class.
    #[inline]
    fn is_asked_itself(class: *mut ffi::PyTypeObject, py: Python<'_>) -> bool {
        // SAFETY: the class of an object that is alive, and its own class, which it keeps alive; slots are read, not written. The
        // look-ups are as in `class_attribute`.
        unsafe {
            let metaclass = ffi::Py_TYPE(class.cast());
            let usual = &raw mut ffi::PyType_Type;
            if metaclass == usual {
                return true;
            }
            let name = intern!(py, "__reduce__").as_ptr();
            (*metaclass).tp_getattro.zip((*usual).tp_getattro).is_some_and(|(own, usual)| std::ptr::fn_addr_eq(own, usual))
                && _PyType_Lookup(metaclass, name) == _PyType_Lookup(usual, name)
        }
    }

    /// Remembers how objects of an object's class are reduced, now that its `__reduce_ex__` has returned.
    #[inline]
    pub(crate) fn remember(object: &Bound<'_, PyAny>) {
        // before 3.11 there is no `object.__getstate__`
        if cfg!(Py_3_11) && ClassVersion::of(object).is_none_or(|version| Self::known(version).is_none()) {
            Self::look(object);
        }
    }

    #[cold]
    #[inline(never)]
    fn look(object: &Bound<'_, PyAny>) {
        let py = object.py();
        let class = object.get_type();
        let base = py.get_type::<PyAny>();
        let is_inherited = |name| match (class_attribute(&class, name), class_attribute(&base, name)) {
            (Some(own), Some(inherited)) => own.is(&inherited),
            (own, inherited) => own.is_none() && inherited.is_none(),
        };
        let names = [
            intern!(py, "__reduce_ex__"),
            intern!(py, "__reduce__"),
            intern!(py, "__getnewargs_ex__"),
            intern!(py, "__getnewargs__"),
            intern!(py, "__class__"),
        ];
        let class_pointer = class.as_type_ptr();
        // SAFETY: a class that is alive; its slots are read, not written.
        let (flags, dict_offset, getattro) =
            unsafe { ((*class_pointer).tp_flags, (*class_pointer).tp_dictoffset, (*class_pointer).tp_getattro) };
        let is_generic = getattro.is_some_and(|get| std::ptr::fn_addr_eq(get, ffi::PyObject_GenericGetAttr as ffi::getattrofunc));
        let has_items = flags & (ffi::Py_TPFLAGS_LIST_SUBCLASS | ffi::Py_TPFLAGS_DICT_SUBCLASS) != 0;
        let has_dict = has_dict(dict_offset, flags);
        // what stands in for `__dict__` may be no dict, or one that has other attributes than the object
        let dict_name = intern!(py, "__dict__");
        let is_own_dict =
            if has_dict { plain_attributes(object, dict_name) } else { class_attribute(&class, dict_name).is_none() };
        // an object that was reduced by what is its own shows nothing of the others
        if has_dict && is_own_dict && !object.getattr(dict_name).is_ok_and(|own| Self::is_usual(&own).unwrap_or(false)) {
            return;
        }
        let how = if !is_generic || has_items || !is_own_dict || !names.into_iter().all(is_inherited) {
            OTHERWISE
        } else if is_inherited(intern!(py, "__getstate__")) {
            BY_DEFAULT
        } else if !has_dict {
            WITH_OWN_STATE
        } else {
            OTHERWISE
        };
        // the look-ups have given the class a version
        if let Some(ClassVersion { class, version }) = ClassVersion::of(object) {
            let (known_class, known) = Self::place(class);
            known_class.store(class as usize, Ordering::Relaxed);
            known.store(u64::from(version) << HOW_BITS | how, Ordering::Relaxed);
        }
    }

    /// The object's state, or `None` where its `__dict__` has what only a class usually has: then it is reduced in another way.
    #[inline]
    pub(crate) fn state<'py>(&self, object: &Bound<'py, PyAny>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let py = object.py();
        let name = intern!(py, "__getstate__");
        if let ReducedByDefault::OwnState = self {
            return object.call_method0(name).map(Some);
        }
        let Some(get_state) = class_attribute(&object.get_type(), name) else { return Ok(None) };
        let state = get_state.call1((object,))?;
        let attributes = match state.cast_exact::<PyTuple>() {
            Ok(pair) => &*pair.get_borrowed_item(0)?,
            Err(_) => &state,
        };
        Ok(if Self::is_usual(attributes)? { Some(state) } else { None })
    }

    /// Whether attributes of an object are none that only a class usually has, and by which it is reduced in another way.
    #[inline]
    fn is_usual(attributes: &Bound<'_, PyAny>) -> PyResult<bool> {
        let py = attributes.py();
        let Ok(attributes) = attributes.cast::<PyDict>() else { return Ok(true) };
        for name in [
            intern!(py, "__reduce_ex__"),
            intern!(py, "__getnewargs_ex__"),
            intern!(py, "__getnewargs__"),
            intern!(py, "__getstate__"),
        ] {
            if attributes.contains(name)? {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// Sets an attribute of an object with [`plain_attributes`]. Says whether it did: not where the class has a data descriptor of the name.
///
/// `free` is the class that was last found to have none, and to get none but by becoming another version.
#[inline]
pub(crate) fn set_plain_attribute(
    object: &Bound<'_, PyAny>,
    name: &Bound<'_, PyAny>,
    value: &Bound<'_, PyAny>,
    free: &mut Option<ClassVersion>,
) -> PyResult<bool> {
    if super::kind(name) != super::Kind::Str {
        return Ok(false);
    }
    // SAFETY: an object, a string and a value. The descriptor is a borrowed reference, of which only its type is looked at, at once.
    unsafe {
        if free.is_none() || *free != ClassVersion::of(object) {
            let descriptor = _PyType_Lookup(object.get_type_ptr(), name.as_ptr());
            let descriptor_type = if descriptor.is_null() { None } else { Some(ffi::Py_TYPE(descriptor)) };
            if descriptor_type.is_some_and(|descriptor_type| (*descriptor_type).tp_descr_set.is_some()) {
                return Ok(false);
            }
            // a type that is a class can be made one of data descriptors later
            let stays = descriptor_type.is_none_or(|descriptor_type| (*descriptor_type).tp_flags & ffi::Py_TPFLAGS_HEAPTYPE == 0);
            // the look-up has given the class a version
            *free = if stays { ClassVersion::of(object) } else { None };
        }
        match ffi::PyObject_GenericSetAttr(object.as_ptr(), name.as_ptr(), value.as_ptr()) {
            0 => Ok(true),
            _ => Err(PyErr::fetch(object.py())),
        }
    }
}

/// Imports a module, by a look at `sys.modules` if it is there and is not being imported by another thread.
#[inline]
pub(crate) fn import<'py>(name: &Bound<'py, PyString>) -> PyResult<Bound<'py, PyAny>> {
    let py = name.py();
    // SAFETY: a string; the result is a new reference, or null with or without an exception.
    match unsafe { Bound::from_owned_ptr_or_opt(py, ffi::PyImport_GetModule(name.as_ptr())) } {
        Some(module) if !module.is_none() => Ok(module),
        _ => match PyErr::take(py) {
            Some(error) => Err(error),
            None => Ok(py.import(name)?.into_any()),
        },
    }
}

/// Calls an object with a tuple of arguments.
#[inline]
pub(crate) fn call<'py>(callable: &Bound<'py, PyAny>, args: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    let Ok(args) = args.cast::<PyTuple>() else {
        return Err(PyTypeError::new_err("argument list must be a tuple"));
    };
    // SAFETY: a callable (or not: then it raises) and a tuple; the result is a new reference or null with an exception.
    unsafe {
        Bound::from_owned_ptr_or_err(callable.py(), ffi::PyObject_Call(callable.as_ptr(), args.as_ptr(), std::ptr::null_mut()))
    }
}

/// Refuses an object that `object.__reduce_ex__` would take for one that its class can make again: here that refuses it itself.
#[inline]
pub(crate) fn check_reducible(_object: &Bound<'_, PyAny>) -> PyResult<()> {
    Ok(())
}

/// The module of a name, if it was imported. Imports nothing.
#[inline]
pub(crate) fn imported_module<'py>(py: Python<'py>, name: &Bound<'py, PyString>) -> Option<Bound<'py, PyAny>> {
    // SAFETY: the interpreter's dict of modules is a borrowed reference that lives as long as the interpreter; the item is a
    // borrowed reference that is made our own before any other code runs. A failed look-up leaves no exception.
    unsafe {
        let modules = ffi::PyImport_GetModuleDict();
        Bound::from_borrowed_ptr_or_opt(py, ffi::PyDict_GetItem(modules, name.as_ptr()))
    }
}

/// Raises the audit event that `pickle` raises before it looks a global up (PEP 578).
#[inline]
pub(crate) fn audit_find_class(module: &Bound<'_, PyString>, name: &Bound<'_, PyString>) -> PyResult<()> {
    // SAFETY: the format string names two objects, which are what follows.
    match unsafe { PySys_Audit(c"pickle.find_class".as_ptr(), c"OO".as_ptr(), module.as_ptr(), name.as_ptr()) } {
        0 => Ok(()),
        _ => Err(PyErr::fetch(module.py())),
    }
}

unsafe extern "C" {
    /// Up to 3.12 under the name that it had before it was made public.
    #[cfg_attr(not(Py_3_13), link_name = "_PyObject_LookupAttr")]
    fn PyObject_GetOptionalAttr(
        object: *mut ffi::PyObject,
        name: *mut ffi::PyObject,
        result: *mut *mut ffi::PyObject,
    ) -> std::ffi::c_int;
    /// Of `cpython/object.h`, which the bindings lack.
    fn _PyType_Lookup(class: *mut ffi::PyTypeObject, name: *mut ffi::PyObject) -> *mut ffi::PyObject;
    /// Of CPython's `sysmodule.h` (3.8 and later), which the bindings lack.
    fn PySys_Audit(event: *const std::ffi::c_char, format: *const std::ffi::c_char, ...) -> std::ffi::c_int;
    /// Of `object.h`, which the bindings lack.
    #[cfg(Py_3_13)]
    fn PyRefTracer_GetTracer(
        data: *mut *mut std::ffi::c_void,
    ) -> Option<unsafe extern "C" fn(*mut ffi::PyObject, std::ffi::c_int, *mut std::ffi::c_void) -> std::ffi::c_int>;
}
