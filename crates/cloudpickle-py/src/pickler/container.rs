//! Lists, tuples, dicts and sets.

use pickle_emit::BATCH_SIZE;
use pickle_opcodes::{Opcode, Protocol};
use pyo3::{
    exceptions::PyRuntimeError,
    intern,
    prelude::*,
    types::{PyDict, PyFrozenSet, PyIterator, PyList, PySet, PyTuple},
};

use crate::{
    failure::{Failure, To},
    ffi::{self, DictEntries, ListItems, RecursionGuard},
    pickler::walk::Walk,
};

/// CPython 3.15 writes a lone item behind full batches without a mark, as it has always written the only item of a list or dict,
/// and no empty batch behind full ones. So does the pickler that is written in Python, which is PyPy's.
pub(super) const BATCHES_TO_THE_POINT: bool = cfg!(any(Py_3_15, PyPy));

/// From how many nested containers on fast mode looks for cycles.
const FAST_NESTING_LIMIT: usize = 50;

#[cold]
#[inline(never)]
fn changed_size(class: &str) -> Failure {
    PyRuntimeError::new_err(format!("{class} changed size during iteration")).into()
}

impl<'py> Walk<'_, 'py> {
    #[inline(never)]
    pub(super) fn save_list(&mut self, object: &Bound<'py, PyAny>) -> Result<(), Failure> {
        let list = object.cast::<PyList>().map_err(Failure::wrong_type)?;
        self.enter_fast(object)?;
        self.encoder.empty_list();
        self.memoize(object)?;
        if !list.is_empty() {
            let _level = RecursionGuard::enter(self.py, self.stack)?;
            if self.encoder.protocol() > Protocol::V0 {
                self.put_list_items(list)?;
            } else {
                self.put_appended(object, object.try_iter()?)?;
            }
        }
        self.leave_fast();
        Ok(())
    }

    /// Writes the items of a list, which may change on the way, in batches.
    fn put_list_items(&mut self, list: &Bound<'py, PyList>) -> Result<(), Failure> {
        let mut items = ListItems::new(list)?;
        let mut index = 0;
        loop {
            let lone = list.len() == index + 1 && (index == 0 || BATCHES_TO_THE_POINT);
            if lone && let Some(item) = items.next_item()? {
                self.save(&item).map_err(|failure| failure.at(list, To::Index(index)))?;
                self.encoder.op(Opcode::Append);
                return Ok(());
            }
            self.encoder.op(Opcode::Mark);
            let end = index + BATCH_SIZE;
            if self.hooks.persistent_id.is_some() {
                while index < end
                    && let Some(item) = items.next_item()?
                {
                    self.save(&item).map_err(|failure| failure.at(list, To::Index(index)))?;
                    index += 1;
                }
            } else {
                while index < end
                    && let Some(item) = items.next_scalar()?
                {
                    self.save_item(item).map_err(|failure| failure.at(list, To::Index(index)))?;
                    index += 1;
                }
            }
            self.encoder.op(Opcode::Appends);
            if index < end || index >= list.len() {
                return Ok(());
            }
        }
    }

    /// Writes the items of an iterator, to be appended to the list or list-like object on the stack.
    #[inline(never)]
    pub(super) fn put_appended(&mut self, object: &Bound<'py, PyAny>, mut items: Bound<'py, PyIterator>) -> Result<(), Failure> {
        let mut index = 0;
        let mut save = |walk: &mut Self, item: &Bound<'py, PyAny>| {
            index += 1;
            walk.save(item).map_err(|failure| failure.at(object, To::Index(index - 1)))
        };
        if self.encoder.protocol() == Protocol::V0 {
            for item in items {
                save(self, &item?)?;
                self.encoder.op(Opcode::Append);
            }
            return Ok(());
        }
        loop {
            let Some(first) = items.next().transpose()? else { return Ok(()) };
            let Some(second) = items.next().transpose()? else {
                save(self, &first)?;
                self.encoder.op(Opcode::Append);
                return Ok(());
            };
            self.encoder.op(Opcode::Mark);
            save(self, &first)?;
            let mut next = Some(second);
            let mut count = 1;
            while let Some(item) = next {
                save(self, &item)?;
                count += 1;
                if count == BATCH_SIZE {
                    break;
                }
                next = items.next().transpose()?;
            }
            self.encoder.op(Opcode::Appends);
            if count < BATCH_SIZE {
                return Ok(());
            }
        }
    }

    #[inline(never)]
    pub(super) fn save_tuple(&mut self, object: &Bound<'py, PyAny>) -> Result<(), Failure> {
        let tuple = object.cast::<PyTuple>().map_err(Failure::wrong_type)?;
        let len = tuple.len();
        if len == 0 {
            self.encoder.empty_tuple();
            return Ok(());
        }
        let marked = len > 3 || self.encoder.protocol() < Protocol::V2;
        if marked {
            self.encoder.op(Opcode::Mark);
        }
        for (index, item) in tuple.iter_borrowed().enumerate() {
            self.save(&item).map_err(|failure| failure.at(object, To::Index(index)))?;
        }
        // Where it is in the memo by now, it holds itself: what was pushed is dropped again.
        if let Some(index) = self.kept.memo.get(object) {
            if marked && self.encoder.protocol() > Protocol::V0 {
                self.encoder.op(Opcode::PopMark);
            } else {
                for _ in 0..len + usize::from(marked) {
                    self.encoder.op(Opcode::Pop);
                }
            }
            return Ok(self.encoder.get(index)?);
        }
        self.encoder.op(self.encoder.tuple_opcode(len));
        self.memoize(object)
    }

    #[inline(never)]
    pub(super) fn save_dict(&mut self, object: &Bound<'py, PyAny>) -> Result<(), Failure> {
        let dict = object.cast::<PyDict>().map_err(Failure::wrong_type)?;
        self.enter_fast(object)?;
        self.encoder.empty_dict();
        self.memoize(object)?;
        if !dict.is_empty() {
            let _level = RecursionGuard::enter(self.py, self.stack)?;
            if self.encoder.protocol() > Protocol::V0 {
                self.put_dict_items(dict)?;
            } else {
                let items = object.call_method0(intern!(self.py, "items"))?;
                self.put_set_items(object, items.try_iter()?)?;
            }
        }
        self.leave_fast();
        Ok(())
    }

    /// Writes the items of a dict in batches. Up to CPython 3.14, an empty batch comes behind a last one that is full.
    fn put_dict_items(&mut self, dict: &Bound<'py, PyDict>) -> Result<(), Failure> {
        let size = dict.len();
        let mut entries = DictEntries::new(dict)?;
        let mut left = size;
        loop {
            if left == 1
                && (size == 1 || BATCHES_TO_THE_POINT)
                && let Some((key, value)) = entries.next().transpose()?
            {
                self.save_entry(dict, &key, &value)?;
                self.encoder.op(Opcode::SetItem);
                return Ok(());
            }
            self.encoder.op(Opcode::Mark);
            let mut count = 0;
            if self.hooks.persistent_id.is_some() {
                while count < BATCH_SIZE
                    && let Some((key, value)) = entries.next().transpose()?
                {
                    self.save_entry(dict, &key, &value)?;
                    count += 1;
                }
            } else {
                while count < BATCH_SIZE
                    && let Some((key, value)) = entries.next_scalar()?
                {
                    self.save(&key)?;
                    self.save_item(value).map_err(|failure| failure.at(dict, To::key(&key)))?;
                    count += 1;
                }
            }
            self.encoder.op(Opcode::SetItems);
            if dict.len() != size {
                return Err(changed_size("dictionary"));
            }
            left = left.saturating_sub(count);
            if count < BATCH_SIZE || (BATCHES_TO_THE_POINT && left == 0) {
                return Ok(());
            }
        }
    }

    /// Writes a key and its value.
    #[inline]
    fn save_entry(
        &mut self,
        object: &Bound<'py, PyAny>,
        key: &Bound<'py, PyAny>,
        value: &Bound<'py, PyAny>,
    ) -> Result<(), Failure> {
        self.save(key)?;
        self.save(value).map_err(|failure| failure.at(object, To::key(key)))
    }

    /// Writes the pairs of an iterator, to be set as items of the dict or dict-like object on the stack.
    #[inline(never)]
    pub(super) fn put_set_items(&mut self, object: &Bound<'py, PyAny>, items: Bound<'py, PyIterator>) -> Result<(), Failure> {
        let mut pairs = items.map(|pair| -> Result<_, Failure> {
            let pair = pair?;
            let pair = pair.cast::<PyTuple>().ok().filter(|pair| pair.len() == 2).ok_or_else(|| {
                Failure::from(pyo3::exceptions::PyTypeError::new_err("dict items iterator must return 2-tuples"))
            })?;
            Ok((pair.get_item(0)?, pair.get_item(1)?))
        });
        if self.encoder.protocol() == Protocol::V0 {
            for pair in pairs {
                let (key, value) = pair?;
                self.save_entry(object, &key, &value)?;
                self.encoder.op(Opcode::SetItem);
            }
            return Ok(());
        }
        loop {
            let Some((key, value)) = pairs.next().transpose()? else { return Ok(()) };
            let Some(second) = pairs.next().transpose()? else {
                self.save_entry(object, &key, &value)?;
                self.encoder.op(Opcode::SetItem);
                return Ok(());
            };
            self.encoder.op(Opcode::Mark);
            self.save_entry(object, &key, &value)?;
            let mut next = Some(second);
            let mut count = 1;
            while let Some((key, value)) = next {
                self.save_entry(object, &key, &value)?;
                count += 1;
                if count == BATCH_SIZE {
                    break;
                }
                next = pairs.next().transpose()?;
            }
            self.encoder.op(Opcode::SetItems);
            if count < BATCH_SIZE {
                return Ok(());
            }
        }
    }

    #[inline(never)]
    pub(super) fn save_set(&mut self, object: &Bound<'py, PyAny>) -> Result<(), Failure> {
        if self.encoder.protocol() < Protocol::V4 {
            return self.save_set_as_call(object);
        }
        let set = object.cast::<PySet>().map_err(Failure::wrong_type)?;
        self.encoder.op(Opcode::EmptySet);
        self.memoize(object)?;
        if set.is_empty() {
            return Ok(());
        }
        let mut items = object.try_iter()?;
        let size = set.len();
        let mut left = size;
        loop {
            self.encoder.op(Opcode::Mark);
            let mut count = 0;
            while count < BATCH_SIZE
                && let Some(item) = items.next().transpose()?
            {
                self.save(&item).map_err(|failure| failure.at(object, To::Element))?;
                if set.len() != size {
                    return Err(changed_size("set"));
                }
                count += 1;
            }
            self.encoder.op(Opcode::AddItems);
            left = left.saturating_sub(count);
            if count < BATCH_SIZE || (BATCHES_TO_THE_POINT && left == 0) {
                return Ok(());
            }
        }
    }

    #[inline(never)]
    pub(super) fn save_frozenset(&mut self, object: &Bound<'py, PyAny>) -> Result<(), Failure> {
        if self.encoder.protocol() < Protocol::V4 {
            return self.save_set_as_call(object);
        }
        object.cast::<PyFrozenSet>().map_err(Failure::wrong_type)?;
        self.encoder.op(Opcode::Mark);
        for item in object.try_iter()? {
            self.save(&item?).map_err(|failure| failure.at(object, To::Element))?;
        }
        // Where it is in the memo by now, it holds itself.
        if let Some(index) = self.kept.memo.get(object) {
            self.encoder.op(Opcode::PopMark);
            return Ok(self.encoder.get(index)?);
        }
        self.encoder.op(Opcode::FrozenSet);
        self.memoize(object)
    }

    /// Writes a set or frozenset as protocols without opcodes for them do.
    fn save_set_as_call(&mut self, object: &Bound<'py, PyAny>) -> Result<(), Failure> {
        let items = PyList::empty(self.py);
        for item in object.try_iter()? {
            items.append(item?)?;
        }
        let arguments = PyTuple::new(self.py, [items])?;
        self.save_call(object.get_type().as_any(), &arguments, Some(object))
    }

    /// In fast mode, which has no memo: notes that a container is entered, and refuses one that it is inside of.
    #[inline]
    pub(super) fn enter_fast(&mut self, object: &Bound<'py, PyAny>) -> Result<(), Failure> {
        if !self.hooks.fast {
            return Ok(());
        }
        let address = ffi::identity(object);
        if self.fast_nesting.len() >= FAST_NESTING_LIMIT && self.fast_nesting.contains(&address) {
            let name = object.get_type().name()?;
            return Err(pyo3::exceptions::PyValueError::new_err(format!(
                "fast mode: can't pickle cyclic objects including object type {name} at {address:#x}"
            ))
            .into());
        }
        self.fast_nesting.push(address);
        Ok(())
    }

    #[inline]
    pub(super) fn leave_fast(&mut self) {
        if self.hooks.fast {
            self.fast_nesting.pop();
        }
    }
}
