//! Items of lists and dicts that may change while they are looked at, and the memory behind buffers.

use pyo3::{
    buffer::PyBuffer,
    ffi,
    prelude::*,
    types::{PyDict, PyList},
};

/// The item of a list at an index, or `None` behind its end.
///
/// Unlike an iterator it lets the list change between two calls.
#[inline]
pub(crate) fn list_item<'py>(list: &Bound<'py, PyList>, index: usize) -> Option<Bound<'py, PyAny>> {
    if index >= list.len() {
        return None;
    }
    // SAFETY: it is a list (or of a subclass), the index is below its length, and no other code has run since it was checked.
    // The item is a borrowed reference that is made our own at once.
    unsafe { Bound::from_borrowed_ptr_or_opt(list.py(), ffi::PyList_GET_ITEM(list.as_ptr(), index as ffi::Py_ssize_t)) }
}

/// Goes through a dict's entries by position, as `PyDict_Next` does: the dict may change on the way, which then skips or repeats
/// entries but is never unsafe. Callers compare sizes.
pub(crate) struct DictEntries<'a, 'py> {
    dict: &'a Bound<'py, PyDict>,
    position: ffi::Py_ssize_t,
}

impl<'a, 'py> DictEntries<'a, 'py> {
    pub(crate) fn new(dict: &'a Bound<'py, PyDict>) -> Self {
        DictEntries { dict, position: 0 }
    }
}

impl<'py> Iterator for DictEntries<'_, 'py> {
    type Item = (Bound<'py, PyAny>, Bound<'py, PyAny>);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let (mut key, mut value) = (std::ptr::null_mut(), std::ptr::null_mut());
        // SAFETY: it is a dict; the position is one that `PyDict_Next` gave, and it checks it against the dict as it now is.
        // Key and value are borrowed references that are made our own before any other code runs.
        unsafe {
            if ffi::PyDict_Next(self.dict.as_ptr(), &mut self.position, &mut key, &mut value) == 0 {
                return None;
            }
            Some((Bound::from_borrowed_ptr(self.dict.py(), key), Bound::from_borrowed_ptr(self.dict.py(), value)))
        }
    }
}

/// The memory of a contiguous buffer (C or Fortran order), or `None` if it is scattered. The bytes must not be kept beyond the next
/// time that Python code runs, since a writable buffer may be written to.
pub(crate) fn contiguous_buffer<'a>(buffer: &'a PyBuffer<u8>) -> Option<&'a [u8]> {
    if !(buffer.is_c_contiguous() || buffer.is_fortran_contiguous()) {
        return None;
    }
    if buffer.len_bytes() == 0 {
        return Some(&[]);
    }
    // SAFETY: the exporter guarantees `len_bytes` contiguous bytes at `buf_ptr` while the buffer is held, which `'a` ensures.
    // No Python code runs while the callers (the encoder) copy them.
    Some(unsafe { std::slice::from_raw_parts(buffer.buf_ptr().cast(), buffer.len_bytes()) })
}
