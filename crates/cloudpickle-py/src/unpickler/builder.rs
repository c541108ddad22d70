//! [`LiveBuilder`]: what the pickle machine makes live objects with.

use std::borrow::Cow;

use pickle_parse::{Builder, Items};
use pyo3::{
    exceptions::{PyTypeError, PyValueError},
    intern,
    prelude::*,
    types::{PyByteArray, PyBytes, PyDict, PyFrozenSet, PyInt, PyList, PyMemoryView, PySet, PyString, PyTuple, PyType},
};

use super::global::{find_class, python3_name};
use crate::{ffi, reconstruct, report::Judged, state::State, unpickler::Unpickler};

/// How a pickle is to be read.
#[derive(Clone)]
pub(crate) struct Options<'py> {
    pub(crate) fix_imports: bool,
    /// How the strings of Python 2 are decoded; `"bytes"` leaves them as bytes.
    pub(crate) encoding: Cow<'static, str>,
    pub(crate) errors: Cow<'static, str>,
    /// An iterator over out-of-band buffers.
    pub(crate) buffers: Option<Bound<'py, PyAny>>,
    /// A subclass's or instance's own `find_class`, and whose it is.
    pub(crate) find_class: Option<(Bound<'py, Unpickler>, Bound<'py, PyAny>)>,
    pub(crate) persistent_load: Option<Bound<'py, PyAny>>,
}

impl Default for Options<'_> {
    fn default() -> Self {
        Options {
            fix_imports: true,
            encoding: "ASCII".into(),
            errors: "strict".into(),
            buffers: None,
            find_class: None,
            persistent_load: None,
        }
    }
}

/// Why an object could not be made, in one word.
pub(crate) struct BuildError(Box<BuildErrorKind>);

impl BuildError {
    pub(crate) fn into_kind(self) -> BuildErrorKind {
        *self.0
    }
}

/// Why an object could not be made.
pub(crate) enum BuildErrorKind {
    /// The pickle asks for something that makes no sense: an `UnpicklingError`.
    Pickle(String),
    /// Whatever else was raised.
    Raised(PyErr),
}

impl From<PyErr> for BuildError {
    #[cold]
    fn from(error: PyErr) -> Self {
        BuildError(Box::new(BuildErrorKind::Raised(error)))
    }
}

impl From<pyo3::CastIntoError<'_>> for BuildError {
    #[cold]
    fn from(error: pyo3::CastIntoError<'_>) -> Self {
        PyErr::from(error).into()
    }
}

#[cold]
fn fault<T>(message: impl Into<String>) -> Result<T, BuildError> {
    Err(BuildError(Box::new(BuildErrorKind::Pickle(message.into()))))
}

/// Makes live objects.
pub(crate) struct LiveBuilder<'py> {
    py: Python<'py>,
    state: &'static State,
    options: Options<'py>,
    /// The protocol that the pickle says it has.
    protocol: u8,
    /// Strings of the pickle that name attributes, at places that depend on their addresses: a thousand instances of a class have the
    /// same strings in their states.
    attribute_names: Vec<Option<AttributeName<'py>>>,
    /// The object that the bytes of the next op lie in.
    lent: Option<Bound<'py, PyBytes>>,
    /// What was judged of the pickle, where it is loaded under a policy.
    judged: Option<Box<Judged<'py>>>,
}

/// What is known of a string that names attributes.
#[derive(Clone)]
struct AttributeName<'py> {
    as_read: Value<'py>,
    /// By which looking the attribute up compares pointers.
    interned: Bound<'py, PyString>,
    /// The class of the last object that was given such an attribute, if it has no data descriptor of that name.
    free: Option<ffi::ClassVersion>,
}

/// How many strings that name attributes are remembered.
const ATTRIBUTE_NAMES: usize = 32;

type Value<'py> = Bound<'py, PyAny>;

impl<'py> LiveBuilder<'py> {
    pub(crate) fn new(py: Python<'py>, options: Options<'py>) -> PyResult<Self> {
        Ok(LiveBuilder {
            py,
            state: State::get(py)?,
            options,
            protocol: 0,
            attribute_names: Vec::new(),
            lent: None,
            judged: None,
        })
    }

    /// Finds a global, by a subclass's `find_class` if there is one.
    fn find(&mut self, module: &Bound<'py, PyString>, name: &Bound<'py, PyString>) -> Result<Value<'py>, BuildError> {
        match &self.options.find_class {
            Some((unpickler, find_class)) => {
                // what it falls back on needs to know
                unpickler.borrow_mut().reads_protocol(self.protocol);
                Ok(find_class.call1((module, name))?)
            }
            None => {
                let (state, protocol, fix_imports) = (self.state, self.protocol, self.options.fix_imports);
                if self.judged.is_none() {
                    return Ok(find_class(state, protocol, fix_imports, module, name)?);
                }
                let (module3, name3) = python3_name(state, protocol, fix_imports, module, name)?;
                let node = self.judged.as_mut().map(|judged| judged.imports(self.py, &module3, &name3)).transpose()?;
                let found = find_class(state, protocol, fix_imports, module, name)?;
                if let (Some(judged), Some(node)) = (&mut self.judged, node) {
                    judged.found(node, found.clone());
                }
                Ok(found)
            }
        }
    }

    /// Lets it do no more than was judged.
    pub(crate) fn keep_to(&mut self, judged: Judged<'py>) {
        self.judged = Some(Box::new(judged));
    }

    #[inline]
    fn calls(&mut self, callable: &Value<'py>, args: &Value<'py>) -> Result<(), BuildError> {
        match &mut self.judged {
            None => Ok(()),
            Some(judged) => Ok(judged.calls(callable, args)?),
        }
    }

    /// Whether no code of a user's unpickler takes part.
    pub(crate) fn has_no_hooks(&self) -> bool {
        self.options.find_class.is_none() && self.options.persistent_load.is_none()
    }

    /// Lends an object for the next op, which makes a `bytes` object of the very bytes that this one has.
    pub(crate) fn lend(&mut self, bytes: Bound<'py, PyBytes>) {
        self.lent = Some(bytes);
    }

    /// The protocol of the pickle that was read last.
    pub(crate) fn protocol(&self) -> u8 {
        self.protocol
    }

    fn text(&self, bytes: &[u8]) -> Result<Bound<'py, PyString>, BuildError> {
        match std::str::from_utf8(bytes) {
            Ok(text) => Ok(PyString::new(self.py, text)),
            // raises the interpreter's own error
            Err(_) => {
                let error = PyBytes::new(self.py, bytes).call_method1(intern!(self.py, "decode"), (intern!(self.py, "utf-8"),));
                Ok(error?.cast_into::<PyString>()?)
            }
        }
    }

    /// Makes an instance as `INST` and `OBJ` do.
    fn instantiate(&self, class: &Value<'py>, args: &Bound<'py, PyTuple>) -> Result<Value<'py>, BuildError> {
        let py = self.py;
        if args.is_empty() && class.cast::<PyType>().is_ok() && class.getattr_opt(intern!(py, "__getinitargs__"))?.is_none() {
            return Ok(class.call_method1(intern!(py, "__new__"), (class,))?);
        }
        Ok(class.call1(args)?)
    }

    /// What is known of a string that names an attribute. Of anything else nothing is.
    #[inline]
    fn attribute_name(&mut self, name: &Value<'py>) -> Option<&mut AttributeName<'py>> {
        if self.attribute_names.is_empty() {
            self.attribute_names.resize(ATTRIBUTE_NAMES, None);
        }
        // Strings of about the same length lie at the same distance from each other: the product spreads them.
        let place = (name.as_ptr() as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (u64::BITS - ATTRIBUTE_NAMES.ilog2());
        let known = &mut self.attribute_names[place as usize];
        if known.as_ref().is_none_or(|known| !known.as_read.is(name)) {
            *known = name.cast_exact::<PyString>().ok().map(|name| AttributeName {
                as_read: name.clone().into_any(),
                interned: ffi::intern(name.clone()),
                free: None,
            });
        }
        known.as_mut()
    }

    /// Sets an attribute of an object whose attributes are [plain](ffi::plain_attributes), or in `attributes`, its `__dict__`.
    #[inline]
    fn set_attribute(
        &mut self,
        object: &Value<'py>,
        attributes: &mut Option<Value<'py>>,
        is_plain: bool,
        name: Value<'py>,
        value: Value<'py>,
    ) -> Result<(), BuildError> {
        let Some(known) = self.attribute_name(&name) else { return set_dict_item(object, attributes, &name, &value) };
        if is_plain && ffi::set_plain_attribute(object, &known.interned, &value, &mut known.free)? {
            return Ok(());
        }
        set_dict_item(object, attributes, known.interned.as_any(), &value)
    }

    fn class_argument(&self, opcode: &str, class: Value<'py>) -> Result<Bound<'py, PyType>, BuildError> {
        class
            .cast_into::<PyType>()
            .or_else(|error| fault(format!("{opcode} class argument must be a type, not {}", type_name(&error.into_inner()))))
    }

    fn tuple_argument(&self, opcode: &str, args: Value<'py>) -> Result<Bound<'py, PyTuple>, BuildError> {
        args.cast_into::<PyTuple>()
            .or_else(|error| fault(format!("{opcode} args argument must be a tuple, not {}", type_name(&error.into_inner()))))
    }

    fn make_new(
        &self,
        opcode: &str,
        class: &Bound<'py, PyType>,
        args: &Bound<'py, PyTuple>,
        kwargs: Option<&Bound<'py, PyDict>>,
    ) -> Result<Value<'py>, BuildError> {
        match ffi::new_instance(class, args, kwargs) {
            Some(made) => Ok(made?),
            None => fault(format!("{opcode} class argument '{}' doesn't have __new__", type_name_of(class))),
        }
    }
}

/// Sets an item of an object's `__dict__`, which `attributes` is once it was asked for.
fn set_dict_item<'py>(
    object: &Value<'py>,
    attributes: &mut Option<Value<'py>>,
    name: &Value<'py>,
    value: &Value<'py>,
) -> Result<(), BuildError> {
    let attributes = match attributes {
        Some(attributes) => attributes,
        None => attributes.insert(object.getattr(intern!(object.py(), "__dict__"))?),
    };
    match attributes.cast_exact::<PyDict>() {
        Ok(attributes) => attributes.set_item(name, value)?,
        Err(_) => attributes.set_item(name, value)?,
    }
    Ok(())
}

pub(super) fn type_name(object: &Bound<'_, PyAny>) -> String {
    type_name_of(&object.get_type())
}

fn type_name_of(class: &Bound<'_, PyType>) -> String {
    class.name().map_or_else(|_| "object".to_owned(), |name| name.to_string())
}

impl<'py> Builder for LiveBuilder<'py> {
    type Value = Value<'py>;
    type Error = BuildError;

    fn proto(&mut self, version: u8) -> Result<(), BuildError> {
        self.protocol = version;
        Ok(())
    }

    #[inline]
    fn none(&mut self) -> Result<Value<'py>, BuildError> {
        Ok(self.py.None().into_bound(self.py))
    }

    #[inline]
    fn bool(&mut self, value: bool) -> Result<Value<'py>, BuildError> {
        Ok(pyo3::types::PyBool::new(self.py, value).to_owned().into_any())
    }

    #[inline]
    fn int(&mut self, value: i64) -> Result<Value<'py>, BuildError> {
        Ok(ffi::new_int(self.py, value)?)
    }

    fn long(&mut self, twos_complement_le: &[u8]) -> Result<Value<'py>, BuildError> {
        let py = self.py;
        if twos_complement_le.len() <= size_of::<i64>() {
            let negative = twos_complement_le.last().is_some_and(|&last| last >= 0x80);
            let mut value = [if negative { 0xff } else { 0 }; size_of::<i64>()];
            value[..twos_complement_le.len()].copy_from_slice(twos_complement_le);
            return self.int(i64::from_le_bytes(value));
        }
        let keywords = PyDict::new(py);
        keywords.set_item(intern!(py, "signed"), true)?;
        let arguments = (PyBytes::new(py, twos_complement_le), intern!(py, "little"));
        Ok(py.get_type::<PyInt>().call_method(intern!(py, "from_bytes"), arguments, Some(&keywords))?)
    }

    #[inline]
    fn float(&mut self, value: f64) -> Result<Value<'py>, BuildError> {
        Ok(ffi::new_float(self.py, value)?)
    }

    #[inline]
    fn str(&mut self, utf8: &[u8]) -> Result<Value<'py>, BuildError> {
        if let Some(name) = self.state.known_name(utf8) {
            return Ok(name.bind(self.py).clone().into_any());
        }
        Ok(ffi::decode_utf8(self.py, utf8)?)
    }

    fn string(&mut self, bytes: &[u8]) -> Result<Value<'py>, BuildError> {
        let bytes = PyBytes::new(self.py, bytes);
        if self.options.encoding == "bytes" {
            return Ok(bytes.into_any());
        }
        Ok(bytes.call_method1(intern!(self.py, "decode"), (&*self.options.encoding, &*self.options.errors))?)
    }

    #[inline]
    fn bytes(&mut self, bytes: &[u8]) -> Result<Value<'py>, BuildError> {
        if let Some(lent) = self.lent.take_if(|lent| lent.as_bytes().as_ptr_range() == bytes.as_ptr_range()) {
            return Ok(lent.into_any());
        }
        Ok(PyBytes::new(self.py, bytes).into_any())
    }

    fn bytearray(&mut self, bytes: &[u8]) -> Result<Value<'py>, BuildError> {
        Ok(PyByteArray::new(self.py, bytes).into_any())
    }

    fn next_buffer(&mut self) -> Result<Value<'py>, BuildError> {
        let Some(buffers) = &self.options.buffers else {
            return fault("pickle stream refers to out-of-band data but no *buffers* argument was given");
        };
        match buffers.try_iter()?.next() {
            Some(buffer) => Ok(buffer?),
            None => fault("not enough out-of-band buffers"),
        }
    }

    fn readonly_buffer(&mut self, buffer: Value<'py>) -> Result<Value<'py>, BuildError> {
        let view = PyMemoryView::from(&buffer)?;
        if view.getattr(intern!(self.py, "readonly"))?.is_truthy()? {
            return Ok(buffer);
        }
        Ok(view.call_method0(intern!(self.py, "toreadonly"))?)
    }

    #[inline]
    fn empty_list(&mut self) -> Result<Value<'py>, BuildError> {
        Ok(PyList::empty(self.py).into_any())
    }

    #[inline]
    fn empty_dict(&mut self) -> Result<Value<'py>, BuildError> {
        Ok(PyDict::new(self.py).into_any())
    }

    fn empty_set(&mut self) -> Result<Value<'py>, BuildError> {
        Ok(PySet::empty(self.py)?.into_any())
    }

    #[inline]
    fn empty_tuple(&mut self) -> Result<Value<'py>, BuildError> {
        Ok(self.state.empty_tuple.bind(self.py).clone().into_any())
    }

    #[inline]
    fn tuple(&mut self, items: Items<'_, Value<'py>>) -> Result<Value<'py>, BuildError> {
        Ok(ffi::new_tuple(self.py, items)?)
    }

    fn list(&mut self, items: Items<'_, Value<'py>>) -> Result<Value<'py>, BuildError> {
        Ok(ffi::new_list(self.py, items)?.into_any())
    }

    fn dict(&mut self, items: Items<'_, Value<'py>>) -> Result<Value<'py>, BuildError> {
        let dict = self.empty_dict()?;
        self.set_items(&dict, items)?;
        Ok(dict)
    }

    fn frozenset(&mut self, items: Items<'_, Value<'py>>) -> Result<Value<'py>, BuildError> {
        Ok(PyFrozenSet::new(self.py, items)?.into_any())
    }

    #[inline]
    fn append(&mut self, list: &Value<'py>, item: Value<'py>) -> Result<(), BuildError> {
        match list.cast_exact::<PyList>() {
            Ok(list) => list.append(item)?,
            Err(_) => drop(list.call_method1(intern!(self.py, "append"), (item,))?),
        }
        Ok(())
    }

    fn extend(&mut self, list: &Value<'py>, items: Items<'_, Value<'py>>) -> Result<(), BuildError> {
        if let Ok(list) = list.cast_exact::<PyList>() {
            return Ok(ffi::list_extend(list, items)?);
        }
        if let Some(extend) = list.getattr_opt(intern!(self.py, "extend"))? {
            extend.call1((ffi::new_list(self.py, items)?,))?;
            return Ok(());
        }
        let append = list.getattr(intern!(self.py, "append"))?;
        for item in items {
            append.call1((item,))?;
        }
        Ok(())
    }

    #[inline]
    fn set_item(&mut self, dict: &Value<'py>, key: Value<'py>, value: Value<'py>) -> Result<(), BuildError> {
        match dict.cast_exact::<PyDict>() {
            Ok(dict) => dict.set_item(key, value)?,
            Err(_) => dict.set_item(key, value)?,
        }
        Ok(())
    }

    fn set_items(&mut self, dict: &Value<'py>, mut items: Items<'_, Value<'py>>) -> Result<(), BuildError> {
        match dict.cast_exact::<PyDict>() {
            Ok(dict) => {
                while let (Some(key), Some(value)) = (items.next(), items.next()) {
                    dict.set_item(key, value)?;
                }
            }
            Err(_) => {
                while let (Some(key), Some(value)) = (items.next(), items.next()) {
                    dict.set_item(key, value)?;
                }
            }
        }
        Ok(())
    }

    fn add_items(&mut self, set: &Value<'py>, items: Items<'_, Value<'py>>) -> Result<(), BuildError> {
        if let Ok(set) = set.cast::<PySet>() {
            for item in items {
                set.add(item)?;
            }
            return Ok(());
        }
        let add = set.getattr(intern!(self.py, "add"))?;
        for item in items {
            add.call1((item,))?;
        }
        Ok(())
    }

    fn global(&mut self, module: &[u8], name: &[u8]) -> Result<Value<'py>, BuildError> {
        let (module, name) = (self.text(module)?, self.text(name)?);
        self.find(&module, &name)
    }

    #[inline]
    fn stack_global(&mut self, module: Value<'py>, name: Value<'py>) -> Result<Value<'py>, BuildError> {
        match (module.cast_exact::<PyString>(), name.cast_exact::<PyString>()) {
            (Ok(module), Ok(name)) => self.find(module, name),
            _ => fault("STACK_GLOBAL requires str"),
        }
    }

    fn extension(&mut self, code: i32) -> Result<Value<'py>, BuildError> {
        let py = self.py;
        let cache = self.state.extension_cache.bind(py);
        if let Some(object) = cache.get_item(code)? {
            return Ok(object);
        }
        let Some(pair) = self.state.inverted_registry.bind(py).get_item(code)? else {
            return Err(PyValueError::new_err(format!("unregistered extension code {code}")).into());
        };
        let Ok((module, name)) = pair.extract::<(Bound<'py, PyString>, Bound<'py, PyString>)>() else {
            return Err(PyValueError::new_err(format!("_inverted_registry[{code}] isn't a 2-tuple of strings")).into());
        };
        let object = self.find(&module, &name)?;
        cache.set_item(code, &object)?;
        Ok(object)
    }

    fn reduce(&mut self, callable: Value<'py>, args: Value<'py>) -> Result<Value<'py>, BuildError> {
        self.calls(&callable, &args)?;
        if let Some(made) = reconstruct::call(self.state, &callable, &args) {
            return Ok(made?);
        }
        Ok(ffi::call(&callable, &args)?)
    }

    fn new_obj(&mut self, class: Value<'py>, args: Value<'py>) -> Result<Value<'py>, BuildError> {
        self.calls(&class, &args)?;
        let class = self.class_argument("NEWOBJ", class)?;
        let args = self.tuple_argument("NEWOBJ", args)?;
        self.make_new("NEWOBJ", &class, &args, None)
    }

    fn new_obj_ex(&mut self, class: Value<'py>, args: Value<'py>, kwargs: Value<'py>) -> Result<Value<'py>, BuildError> {
        self.calls(&class, &args)?;
        let class = self.class_argument("NEWOBJ_EX", class)?;
        let args = self.tuple_argument("NEWOBJ_EX", args)?;
        let kwargs = match kwargs.cast_into::<PyDict>() {
            Ok(kwargs) => kwargs,
            Err(error) => {
                let name = type_name(&error.into_inner());
                return fault(format!("NEWOBJ_EX kwargs argument must be a dict, not {name}"));
            }
        };
        self.make_new("NEWOBJ_EX", &class, &args, Some(&kwargs))
    }

    fn inst(&mut self, module: &[u8], name: &[u8], args: Items<'_, Value<'py>>) -> Result<Value<'py>, BuildError> {
        let (module, name) = (self.text(module)?, self.text(name)?);
        let class = self.find(&module, &name)?;
        let args = PyTuple::new(self.py, args)?;
        self.calls(&class, args.as_any())?;
        self.instantiate(&class, &args)
    }

    fn obj(&mut self, class: Value<'py>, args: Items<'_, Value<'py>>) -> Result<Value<'py>, BuildError> {
        let args = PyTuple::new(self.py, args)?;
        self.calls(&class, args.as_any())?;
        self.instantiate(&class, &args)
    }

    fn build(&mut self, object: &Value<'py>, state: Value<'py>) -> Result<(), BuildError> {
        let py = self.py;
        if let Some(set_state) = ffi::getattr_opt(object, intern!(py, "__setstate__"))? {
            set_state.call1((state,))?;
            return Ok(());
        }
        let (state, slot_state) = match state.cast_exact::<PyTuple>() {
            Ok(pair) if pair.len() == 2 => (pair.get_item(0)?, Some(pair.get_item(1)?)),
            _ => (state, None),
        };
        if !state.is_none() {
            let Ok(state) = state.cast_into::<PyDict>() else { return fault("state is not a dictionary") };
            let dict_name = intern!(py, "__dict__");
            // up to 3.10 each attribute would be looked for in the class before it is put into the `__dict__`
            let is_plain = cfg!(Py_3_11) && ffi::plain_attributes(object, dict_name);
            let mut attributes = if is_plain { None } else { Some(object.getattr(dict_name)?) };
            for entry in ffi::DictEntries::new(&state)? {
                let (name, value) = entry?;
                self.set_attribute(object, &mut attributes, is_plain, name, value)?;
            }
        }
        let Some(slot_state) = slot_state.filter(|slot_state| !slot_state.is_none()) else { return Ok(()) };
        let Ok(slot_state) = slot_state.cast_into::<PyDict>() else { return fault("slot state is not a dictionary") };
        for entry in ffi::DictEntries::new(&slot_state)? {
            let (name, value) = entry?;
            match self.attribute_name(&name) {
                Some(known) => object.setattr(&known.interned, value)?,
                None => {
                    let name = name.cast_into::<PyString>().map_err(|_| PyTypeError::new_err("attribute name must be string"))?;
                    object.setattr(name, value)?;
                }
            }
        }
        Ok(())
    }

    fn persistent_id(&mut self, id: &[u8]) -> Result<Value<'py>, BuildError> {
        if !id.is_ascii() {
            // `pickle` has these words and no others
            let message = "persistent IDs in protocol 0 must be ASCII strings";
            return Err(self.state.unpickling_error(self.py, message).into());
        }
        let id = self.text(id)?;
        self.bin_persistent_id(id.into_any())
    }

    fn bin_persistent_id(&mut self, id: Value<'py>) -> Result<Value<'py>, BuildError> {
        match &self.options.persistent_load {
            Some(load) => Ok(load.call1((id,))?),
            None => fault("A load persistent id instruction was encountered, but no persistent_load function was specified."),
        }
    }
}
