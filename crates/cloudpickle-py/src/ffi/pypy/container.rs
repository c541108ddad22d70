//! Items of lists and dicts that may change while they are looked at.
//!
//! PyPy keeps the items of most lists and dicts unboxed. What its C API lends out of them (`PyList_GetItem`, `PyDict_Next`) would
//! have to stay alive by itself, so that only calls that return new references are used here.

use pyo3::{
    exceptions::{PyIndexError, PyMemoryError, PySystemError},
    ffi,
    prelude::*,
    types::{PyDict, PyList},
};

use crate::ffi::Item;

/// The item of a list at an index, or `None` behind its end.
///
/// Unlike an iterator it lets the list change between two calls.
///
/// # Errors
/// `MemoryError` where there is no memory to show the item in: `bytes` and strings are copied for that.
pub(crate) fn list_item<'py>(list: &Bound<'py, PyList>, index: usize) -> PyResult<Option<Bound<'py, PyAny>>> {
    if index >= list.len() {
        return Ok(None);
    }
    // as a sequence: `PyList_GetItem` would box all items for good
    match list.as_sequence().get_item(index) {
        Ok(item) => Ok(Some(item)),
        // another thread has shortened the list
        Err(error) if error.is_instance_of::<PyIndexError>(list.py()) => Ok(None),
        Err(error) => Err(not_shown(list.py(), error)),
    }
}

/// The error that stands for an object that could not be shown: the C API puts the `MemoryError` that it meets into a `SystemError`.
/// Asked once more it may end the process.
#[cold]
fn not_shown(py: Python<'_>, error: PyErr) -> PyErr {
    if error.is_instance_of::<PySystemError>(py) {
        return PyMemoryError::new_err("no memory for a copy of an object, by which PyPy shows it to C");
    }
    error
}

/// As `list_item`, but a scalar comes by its value.
pub(crate) fn list_scalar<'py>(list: &Bound<'py, PyList>, index: usize) -> PyResult<Option<Item<'py>>> {
    Ok(list_item(list, index)?.map(super::scalar::item))
}

/// Appends items to a list.
pub(crate) fn list_extend(list: &Bound<'_, PyList>, items: std::vec::Drain<'_, Bound<'_, PyAny>>) -> PyResult<()> {
    items.into_iter().try_for_each(|item| list.append(item))
}

/// A new tuple.
///
/// It is made of a list: one that is filled through the C API comes to be only when Python code sees it, and with it, one inside of
/// the other, all tuples that it holds.
pub(crate) fn new_tuple<'py>(py: Python<'py>, items: std::vec::Drain<'_, Bound<'py, PyAny>>) -> PyResult<Bound<'py, PyAny>> {
    Ok(PyList::new(py, items)?.to_tuple().into_any())
}

/// Goes through the entries that a dict has at first. Callers compare sizes.
pub(crate) struct DictEntries<'py> {
    entries: Bound<'py, PyList>,
    position: usize,
}

impl<'py> DictEntries<'py> {
    /// # Errors
    /// `MemoryError` where there is no memory for a list of the entries.
    pub(crate) fn new(dict: &Bound<'py, PyDict>) -> PyResult<Self> {
        // SAFETY: it is a dict. The result is a new list, which nobody else has, or null with an exception set.
        let entries = unsafe { Bound::from_owned_ptr_or_err(dict.py(), ffi::PyDict_Items(dict.as_ptr())) };
        let entries = entries.map_err(|error| not_shown(dict.py(), error))?;
        Ok(DictEntries { entries: entries.cast_into()?, position: 0 })
    }

    /// The next entry, its value, if it is a scalar, by value.
    ///
    /// # Errors
    /// As [`list_item`].
    pub(crate) fn next_scalar(&mut self) -> PyResult<Option<(Bound<'py, PyAny>, Item<'py>)>> {
        Ok(self.next_entry()?.map(|(key, value)| (key, super::scalar::item(value))))
    }

    fn next_entry(&mut self) -> PyResult<Option<(Bound<'py, PyAny>, Bound<'py, PyAny>)>> {
        let Some(entry) = list_item(&self.entries, self.position)? else { return Ok(None) };
        self.position += 1;
        entry.extract().map(Some).map_err(|error| not_shown(entry.py(), error))
    }
}

impl<'py> Iterator for DictEntries<'py> {
    type Item = PyResult<(Bound<'py, PyAny>, Bound<'py, PyAny>)>;

    fn next(&mut self) -> Option<Self::Item> {
        self.next_entry().transpose()
    }
}
