//! Items of lists and dicts that may change while they are looked at.
//!
//! PyPy keeps the items of most lists and dicts unboxed. What its C API lends out of them (`PyDict_Next`) would have to stay alive by
//! itself, so that only calls that return new references are used here. What takes or puts the item of a list by its index
//! (`PyList_GetItem`, `PySequence_GetItem`, `PyList_SetItem`) makes the list one that lies in C's memory, as objects of C's, for good:
//! Python code is slower with it from then on, and PyPy 8 crashes where threads share it. So it is given only to lists that nobody
//! else sees; others are sliced and appended to. (An iterator would do, but that ends the process where there is no memory to show an
//! item to C.)

use pyo3::{
    exceptions::{PyMemoryError, PySystemError},
    ffi,
    prelude::*,
    types::{PyDict, PyList},
};

use crate::ffi::Item;

/// How many items of a list are shown to C at once.
const SLICE: usize = 32;

/// Goes through the items of a list, which may change on the way.
pub(crate) struct ListItems<'a, 'py> {
    list: &'a Bound<'py, PyList>,
    /// Where the items stand that come behind those of the slice.
    position: usize,
    slice: PrivateItems<'py>,
}

impl<'a, 'py> ListItems<'a, 'py> {
    /// # Errors
    /// `MemoryError`.
    pub(crate) fn new(list: &'a Bound<'py, PyList>) -> PyResult<Self> {
        Ok(ListItems { list, position: 0, slice: PrivateItems { list: PyList::empty(list.py()), position: 0 } })
    }

    /// The next item.
    ///
    /// # Errors
    /// `MemoryError` where there is no memory to show the item in: `bytes` and strings are copied for that.
    pub(crate) fn next_item(&mut self) -> PyResult<Option<Bound<'py, PyAny>>> {
        if let Some(item) = self.slice.next_item()? {
            return Ok(Some(item));
        }
        let py = self.list.py();
        let (start, end) = (self.position as ffi::Py_ssize_t, (self.position + SLICE) as ffi::Py_ssize_t);
        // SAFETY: it is a list, and an end behind its own is no error. The result is a new list, or null with an exception set.
        let slice = unsafe { Bound::from_owned_ptr_or_err(py, ffi::PyList_GetSlice(self.list.as_ptr(), start, end)) };
        let list: Bound<'_, PyList> = slice.map_err(|error| not_shown(py, error))?.cast_into()?;
        self.position += list.len();
        self.slice = PrivateItems { list, position: 0 };
        self.slice.next_item()
    }

    /// As `next_item`, but a scalar comes by its value.
    ///
    /// # Errors
    /// As `next_item`.
    pub(crate) fn next_scalar(&mut self) -> PyResult<Option<Item<'py>>> {
        Ok(self.next_item()?.map(super::scalar::item))
    }
}

/// The items of a list that nobody else sees.
struct PrivateItems<'py> {
    list: Bound<'py, PyList>,
    position: usize,
}

impl<'py> PrivateItems<'py> {
    fn next_item(&mut self) -> PyResult<Option<Bound<'py, PyAny>>> {
        if self.position >= self.list.len() {
            return Ok(None);
        }
        let item = self.list.as_sequence().get_item(self.position).map_err(|error| not_shown(self.list.py(), error))?;
        self.position += 1;
        Ok(Some(item))
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

/// Appends items to a list.
pub(crate) fn list_extend<'py>(
    list: &Bound<'py, PyList>,
    mut items: impl ExactSizeIterator<Item = Bound<'py, PyAny>>,
) -> PyResult<()> {
    items.try_for_each(|item| list.append(item))
}

/// A new list.
pub(crate) fn new_list<'py>(
    py: Python<'py>,
    items: impl ExactSizeIterator<Item = Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyList>> {
    let list = PyList::empty(py);
    list_extend(&list, items)?;
    Ok(list)
}

/// A new tuple.
///
/// It is made of a list: one that is filled through the C API comes to be only when Python code sees it, and with it, one inside of
/// the other, all tuples that it holds.
pub(crate) fn new_tuple<'py>(py: Python<'py>, items: std::vec::Drain<'_, Bound<'py, PyAny>>) -> PyResult<Bound<'py, PyAny>> {
    // nobody else sees this list, so that C's memory does it no harm
    Ok(PyList::new(py, items)?.to_tuple().into_any())
}

/// Goes through the entries that a dict has at first. Callers compare sizes.
pub(crate) struct DictEntries<'py> {
    entries: PrivateItems<'py>,
}

impl<'py> DictEntries<'py> {
    /// # Errors
    /// `MemoryError` where there is no memory for a list of the entries.
    pub(crate) fn new(dict: &Bound<'py, PyDict>) -> PyResult<Self> {
        // SAFETY: it is a dict. The result is a new list, which nobody else has, or null with an exception set.
        let entries = unsafe { Bound::from_owned_ptr_or_err(dict.py(), ffi::PyDict_Items(dict.as_ptr())) };
        let list = entries.map_err(|error| not_shown(dict.py(), error))?.cast_into()?;
        Ok(DictEntries { entries: PrivateItems { list, position: 0 } })
    }

    /// The next entry, its value, if it is a scalar, by value.
    ///
    /// # Errors
    /// As [`ListItems::next_item`].
    pub(crate) fn next_scalar(&mut self) -> PyResult<Option<(Bound<'py, PyAny>, Item<'py>)>> {
        Ok(self.next_entry()?.map(|(key, value)| (key, super::scalar::item(value))))
    }

    fn next_entry(&mut self) -> PyResult<Option<(Bound<'py, PyAny>, Bound<'py, PyAny>)>> {
        let Some(entry) = self.entries.next_item()? else { return Ok(None) };
        entry.extract().map(Some).map_err(|error| not_shown(entry.py(), error))
    }
}

impl<'py> Iterator for DictEntries<'py> {
    type Item = PyResult<(Bound<'py, PyAny>, Bound<'py, PyAny>)>;

    fn next(&mut self) -> Option<Self::Item> {
        self.next_entry().transpose()
    }
}
