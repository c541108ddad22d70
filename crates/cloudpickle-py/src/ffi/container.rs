//! Items of lists and dicts that may change while they are looked at.

use pyo3::{
    ffi,
    prelude::*,
    types::{PyDict, PyList},
};

use super::reference::own;

/// Goes through the items of a list by position: the list may change on the way.
pub(crate) struct ListItems<'a, 'py> {
    list: &'a Bound<'py, PyList>,
    position: usize,
}

impl<'a, 'py> ListItems<'a, 'py> {
    /// It never fails here, and neither does an item; on PyPy they may.
    #[inline]
    pub(crate) fn new(list: &'a Bound<'py, PyList>) -> PyResult<Self> {
        Ok(ListItems { list, position: 0 })
    }

    /// The next item, as a reference that the list lends. One that is not there yet, as in a list that C code is filling, is none.
    #[inline]
    fn next_lent(&mut self) -> Option<*mut ffi::PyObject> {
        if self.position >= self.list.len() {
            return None;
        }
        // SAFETY: it is a list (or of a subclass), the index is below its length, and no other code has run since it was checked.
        let item = unsafe { ffi::PyList_GET_ITEM(self.list.as_ptr(), self.position as ffi::Py_ssize_t) };
        self.position += 1;
        Some(item).filter(|item| !item.is_null())
    }

    /// The next item.
    #[inline]
    pub(crate) fn next_item(&mut self) -> PyResult<Option<Bound<'py, PyAny>>> {
        let py = self.list.py();
        // SAFETY: an item of the list, not null; the list keeps it alive until it is made our own here.
        Ok(self.next_lent().map(|item| unsafe { own(py, item) }))
    }

    /// As `next_item`, but a scalar comes by its value.
    #[inline]
    pub(crate) fn next_scalar(&mut self) -> PyResult<Option<super::Item<'py>>> {
        let py = self.list.py();
        // SAFETY: an item of the list, not null; the list keeps it alive while it is looked at.
        Ok(self.next_lent().map(|item| unsafe { super::scalar::item(py, item) }))
    }
}

/// Appends items to a list without touching their reference counts: the list takes over each item's reference.
///
/// It does what `list.extend` does (`list_resize` and one store for each item), without an intermediate list.
pub(crate) fn list_extend(list: &Bound<'_, PyList>, items: std::vec::Drain<'_, Bound<'_, PyAny>>) -> PyResult<()> {
    if list.get_type_ptr() != &raw mut ffi::PyList_Type {
        return items.into_iter().try_for_each(|item| list.append(item));
    }
    let object = list.as_ptr().cast::<ffi::PyListObject>();
    let len = list.len();
    let needed = len + items.len();
    // SAFETY: it is exactly a list, so that it has this layout: `allocated` places at `ob_item`, which CPython (with a global lock)
    // allocates with `PyMem_Realloc`, the first `len` of them in use. (A list that is being sorted has null, and -1 for `allocated`.)
    // No Python code runs in here, so nobody sees the list between the steps. Each item's reference goes into one place, behind
    // those in use.
    unsafe {
        if needed as ffi::Py_ssize_t > (*object).allocated {
            // as `list_resize` grows: by an eighth more than is needed
            let allocated = (needed + (needed >> 3) + 6) & !3;
            let places = ffi::PyMem_Realloc((*object).ob_item.cast(), allocated * size_of::<*mut ffi::PyObject>());
            if places.is_null() {
                return Err(pyo3::exceptions::PyMemoryError::new_err(()));
            }
            (*object).ob_item = places.cast();
            (*object).allocated = allocated as ffi::Py_ssize_t;
        }
        let mut place = (*object).ob_item.add(len);
        for item in items {
            place.write(item.into_ptr());
            place = place.add(1);
        }
        (*object).ob_base.ob_size = needed as ffi::Py_ssize_t;
    }
    Ok(())
}

/// A new list.
pub(crate) fn new_list<'py>(
    py: Python<'py>,
    items: impl ExactSizeIterator<Item = Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyList>> {
    PyList::new(py, items)
}

/// A new tuple, which takes over each item's reference.
#[inline]
pub(crate) fn new_tuple<'py>(py: Python<'py>, items: std::vec::Drain<'_, Bound<'py, PyAny>>) -> PyResult<Bound<'py, PyAny>> {
    // SAFETY: a new tuple with as many places as there are items, or null. Each place is filled once, with a reference that the
    // tuple then owns, before anyone else sees the tuple.
    unsafe {
        let tuple = Bound::from_owned_ptr_or_err(py, ffi::PyTuple_New(items.len() as ffi::Py_ssize_t))?;
        for (index, item) in items.enumerate() {
            ffi::PyTuple_SET_ITEM(tuple.as_ptr(), index as ffi::Py_ssize_t, item.into_ptr());
        }
        Ok(tuple)
    }
}

/// Goes through a dict's entries by position, as `PyDict_Next` does: the dict may change on the way, which then skips or repeats
/// entries but is never unsafe. Callers compare sizes.
pub(crate) struct DictEntries<'a, 'py> {
    dict: &'a Bound<'py, PyDict>,
    position: ffi::Py_ssize_t,
}

impl<'a, 'py> DictEntries<'a, 'py> {
    /// It never fails here, and neither does an entry; on PyPy they may.
    pub(crate) fn new(dict: &'a Bound<'py, PyDict>) -> PyResult<Self> {
        Ok(DictEntries { dict, position: 0 })
    }
}

impl<'py> DictEntries<'_, 'py> {
    /// The next entry, its value, if it is a scalar, by value.
    #[inline]
    pub(crate) fn next_scalar(&mut self) -> PyResult<Option<(Bound<'py, PyAny>, super::Item<'py>)>> {
        let (mut key, mut value) = (std::ptr::null_mut(), std::ptr::null_mut());
        // SAFETY: as in `next`; the dict keeps both alive while they are looked at, since no other code runs.
        unsafe {
            if ffi::PyDict_Next(self.dict.as_ptr(), &mut self.position, &mut key, &mut value) == 0 {
                return Ok(None);
            }
            let key = own(self.dict.py(), key);
            Ok(Some((key, super::scalar::item(self.dict.py(), value))))
        }
    }
}

impl<'py> Iterator for DictEntries<'_, 'py> {
    type Item = PyResult<(Bound<'py, PyAny>, Bound<'py, PyAny>)>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let (mut key, mut value) = (std::ptr::null_mut(), std::ptr::null_mut());
        // SAFETY: it is a dict; the position is one that `PyDict_Next` gave, and it checks it against the dict as it now is.
        // Key and value are borrowed references that are made our own before any other code runs.
        unsafe {
            if ffi::PyDict_Next(self.dict.as_ptr(), &mut self.position, &mut key, &mut value) == 0 {
                return None;
            }
            Some(Ok((own(self.dict.py(), key), own(self.dict.py(), value))))
        }
    }
}
