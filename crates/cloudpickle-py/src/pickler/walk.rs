//! [`Walk`]: the walk over live objects that writes them.
//!
//! The order of everything written here is that of CPython's C pickler (`Modules/_pickle.c`, `save`), with cloudpickle's reducers
//! in their places, so that the bytes are the same.

use pickle_emit::Encoder;
use pickle_opcodes::Opcode;
use pyo3::{
    prelude::*,
    types::{PyBool, PyDict, PyString},
};

use crate::{
    failure::Failure,
    ffi::{self, BytesWriter, Item, Kind, Memo, RecursionGuard, StackLimit, kind},
    pickler::cells::SharedCells,
    state::State,
};

/// What a pickler keeps from one dump to the next.
#[derive(Default)]
pub(crate) struct Kept {
    pub(crate) memo: Memo,
    /// For each dict of globals, by its `id`: the dict that stands for it in the pickle. Made when it is needed.
    pub(crate) globals_ref: Option<Py<PyDict>>,
    pub(crate) cells: SharedCells,
}

/// What a user of a pickler, or a subclass of it, has put in place of what a pickler does.
#[derive(Default)]
pub(crate) struct Hooks<'py> {
    pub(crate) persistent_id: Option<Bound<'py, PyAny>>,
    pub(crate) reducer_override: Option<Bound<'py, PyAny>>,
    pub(crate) dispatch_table: Option<Bound<'py, PyAny>>,
    pub(crate) buffer_callback: Option<Bound<'py, PyAny>>,
    /// The module that the pickle names reconstructors in, where it is not cloudpickle's own: that of a copy of cloudpickle in
    /// another project, whose processes may have no cloudpickle.
    pub(crate) reconstructors_module: Option<Bound<'py, PyString>>,
    /// What sets the state of classes that are pickled by value, where that is not `_class_setstate`.
    pub(crate) class_setter: Option<Bound<'py, PyAny>>,
    pub(crate) fast: bool,
}

/// One dump.
pub(crate) struct Walk<'a, 'py> {
    pub(crate) py: Python<'py>,
    pub(crate) state: &'static State,
    pub(crate) encoder: Encoder<BytesWriter<'py>>,
    pub(crate) kept: &'a mut Kept,
    pub(crate) hooks: &'a Hooks<'py>,
    pub(crate) fix_imports: bool,
    pub(crate) stack: StackLimit,
    /// The name of the reconstructors' module, once it is known.
    pub(crate) module_name: Option<Bound<'py, PyString>>,
    /// In fast mode: how deeply containers are nested, and from a certain depth on which ones they are.
    pub(crate) fast_nesting: Vec<usize>,
}

impl Kept {
    /// The dict of dicts of globals.
    pub(crate) fn globals_ref<'py>(&mut self, py: Python<'py>) -> Bound<'py, PyDict> {
        self.globals_ref.get_or_insert_with(|| PyDict::new(py).unbind()).bind(py).clone()
    }
}

impl<'py> Walk<'_, 'py> {
    /// Writes a whole pickle.
    pub(crate) fn dump(&mut self, object: &Bound<'py, PyAny>) -> Result<(), Failure> {
        self.encoder.begin();
        self.save(object)?;
        self.encoder.end();
        Ok(())
    }

    /// Writes an object.
    #[inline]
    pub(crate) fn save(&mut self, object: &Bound<'py, PyAny>) -> Result<(), Failure> {
        self.encoder.boundary();
        if self.hooks.persistent_id.is_some() && self.save_persistent_id(object)? {
            return Ok(());
        }
        self.save_without_persistent_id(object)
    }

    /// Writes an object out of a container. There must be no hook for persistent ids, which is to see scalars as objects.
    #[inline(always)]
    pub(crate) fn save_item(&mut self, item: Item<'py>) -> Result<(), Failure> {
        debug_assert!(self.hooks.persistent_id.is_none());
        // Each arm begins with the boundary, lest they all meet there and part again.
        match item {
            Item::None => {
                self.encoder.boundary();
                self.encoder.none();
            }
            Item::Bool(value) => {
                self.encoder.boundary();
                self.encoder.bool(value);
            }
            Item::Int(value) => {
                self.encoder.boundary();
                self.encoder.int(value);
            }
            Item::Float(value) => {
                self.encoder.boundary();
                self.encoder.float(value);
            }
            Item::Object(object) => return self.save_object(&object),
        }
        Ok(())
    }

    /// [`save_item`](Self::save_item) of what is no scalar.
    #[inline(never)]
    fn save_object(&mut self, object: &Bound<'py, PyAny>) -> Result<(), Failure> {
        self.encoder.boundary();
        self.save_without_persistent_id(object)
    }

    #[inline(always)]
    fn save_without_persistent_id(&mut self, object: &Bound<'py, PyAny>) -> Result<(), Failure> {
        let kind = kind(object);
        match kind {
            Kind::None => self.encoder.none(),
            Kind::Int => return self.save_int(object),
            Kind::Float => return self.save_float(object),
            _ => return self.save_memoized(object, kind),
        }
        Ok(())
    }

    /// Writes an object of a type that is memoized, or a bool.
    fn save_memoized(&mut self, object: &Bound<'py, PyAny>, kind: Kind) -> Result<(), Failure> {
        if kind == Kind::Bool {
            self.encoder.bool(object.cast::<PyBool>().is_ok_and(|value| value.is_true()));
            return Ok(());
        }
        if let Some(index) = self.kept.memo.get(object) {
            return Ok(self.encoder.get(index)?);
        }
        match kind {
            Kind::Str => self.save_str(object),
            Kind::Bytes => self.save_bytes(object),
            _ => self.save_nested(object, kind),
        }
    }

    /// Writes an object that may hold others.
    #[inline(never)]
    fn save_nested(&mut self, object: &Bound<'py, PyAny>, kind: Kind) -> Result<(), Failure> {
        let _level = RecursionGuard::enter(self.py, self.stack)?;
        match kind {
            Kind::Dict => self.save_dict(object),
            Kind::List => self.save_list(object),
            Kind::Tuple => self.save_tuple(object),
            Kind::Set => self.save_set(object),
            Kind::FrozenSet => self.save_frozenset(object),
            Kind::ByteArray => self.save_bytearray(object),
            Kind::PickleBuffer => self.save_pickle_buffer(object),
            _ => self.save_other(object, kind),
        }
    }

    /// Asks the hook for an object's persistent id. Says whether it had one and was written by it.
    #[cold]
    fn save_persistent_id(&mut self, object: &Bound<'py, PyAny>) -> Result<bool, Failure> {
        let Some(hook) = &self.hooks.persistent_id else { return Ok(false) };
        let id = hook.call1((object,))?;
        if id.is_none() {
            return Ok(false);
        }
        if self.encoder.protocol() > pickle_opcodes::Protocol::V0 {
            self.encoder.boundary();
            self.save_without_persistent_id(&id)?;
            self.encoder.op(Opcode::BinPersId);
        } else {
            let text = id.str()?;
            let line = text.to_str().ok().filter(|line| line.is_ascii() && !line.contains('\n'));
            let Some(line) = line else {
                return Err(self.state.pickling_error(self.py, "persistent IDs in protocol 0 must be ASCII strings").into());
            };
            self.encoder.text(Opcode::PersId, line.as_bytes());
        }
        Ok(true)
    }

    /// Gives an object the next memo index.
    #[inline]
    pub(crate) fn memoize(&mut self, object: &Bound<'py, PyAny>) -> Result<(), Failure> {
        if self.hooks.fast {
            return Ok(());
        }
        self.check_memo()?;
        let index = self.kept.memo.insert(object);
        Ok(self.encoder.memoize(index)?)
    }

    /// Gives the next memo index to an object that nothing can refer to again.
    #[inline]
    pub(crate) fn memoize_unshared(&mut self) -> Result<(), Failure> {
        if self.hooks.fast {
            return Ok(());
        }
        self.check_memo()?;
        let index = self.kept.memo.skip();
        Ok(self.encoder.memoize(index)?)
    }

    #[inline]
    fn check_memo(&self) -> Result<(), Failure> {
        if self.kept.memo.is_full() { Err(memo_is_full()) } else { Ok(()) }
    }

    /// Writes `None` where an object is expected.
    #[inline]
    pub(crate) fn put_none(&mut self) {
        self.encoder.boundary();
        self.encoder.none();
    }

    /// Writes a copy of a string that is no other string of the pickle, as upstream makes of names by `"".join(name)`, lest the
    /// bytes depend on which strings the interpreter has interned. The interpreter has but one empty string and one of each
    /// Latin-1 character, so that copies of those are shared after all.
    pub(crate) fn put_copied_str(&mut self, text: &Bound<'py, PyAny>) -> Result<(), Failure> {
        let exact = text.cast::<PyString>().ok().and_then(|text| ffi::utf8(text).ok());
        match exact {
            Some(utf8) if utf8.len() > 2 => {
                self.encoder.boundary();
                self.encoder.str(utf8.as_bytes())?;
                self.memoize_unshared()
            }
            _ => {
                let copy = copied_str(text)?;
                self.save(&copy)
            }
        }
    }

    /// Begins a tuple of so many items: call [`end_tuple`](Self::end_tuple) behind them.
    #[inline]
    pub(crate) fn begin_tuple(&mut self, len: usize) {
        self.encoder.boundary();
        if len > 3 || (len > 0 && self.encoder.protocol() < pickle_opcodes::Protocol::V2) {
            self.encoder.op(Opcode::Mark);
        }
    }

    /// Ends a tuple that nothing can refer to again.
    #[inline]
    pub(crate) fn end_tuple(&mut self, len: usize) -> Result<(), Failure> {
        if len == 0 {
            self.encoder.empty_tuple();
            return Ok(());
        }
        self.encoder.op(self.encoder.tuple_opcode(len));
        self.memoize_unshared()
    }

    /// A `PicklingError`.
    #[cold]
    pub(crate) fn error(&self, message: impl Into<String>) -> Failure {
        self.state.pickling_error(self.py, message).into()
    }
}

#[cold]
#[inline(never)]
fn memo_is_full() -> Failure {
    pickle_emit::Error::from(pickle_emit::ErrorKind::MemoTooLarge).into()
}

/// What `"".join(text)` gives.
pub(crate) fn copied_str<'py>(text: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    let py = text.py();
    match text.cast::<PyString>().ok().and_then(|text| text.to_str().ok()) {
        Some(utf8) => Ok(PyString::new(py, utf8).into_any()),
        None => PyString::new(py, "").call_method1(pyo3::intern!(py, "join"), (text,)),
    }
}
