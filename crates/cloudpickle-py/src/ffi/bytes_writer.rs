//! A `bytes` object that grows, so that a finished pickle need not be copied.

use pickle_emit::Sink;
use pyo3::{ffi, prelude::*, types::PyBytes};

/// A growing `bytes` object.
///
/// Invariant: `object` is a `bytes` object of `capacity` bytes that nobody else refers to, and the first `len` of them have been
/// written; or it is null, `capacity` and `len` are 0 and `failure` says why. Growing is the only thing that moves the bytes.
pub(crate) struct BytesWriter<'py> {
    py: Python<'py>,
    object: *mut ffi::PyObject,
    data: *mut u8,
    len: usize,
    capacity: usize,
    /// What kept it from growing. From then on it takes nothing more and holds nothing.
    failure: Option<PyErr>,
    /// Where frames and large payloads end, if whoever made it wants to know.
    pieces: Option<Vec<usize>>,
}

/// How many bytes a writer has room for at first.
const INITIAL_CAPACITY: usize = 1024;

impl<'py> BytesWriter<'py> {
    pub(crate) fn new(py: Python<'py>, keep_pieces: bool) -> PyResult<Self> {
        // SAFETY: the size is positive; a new `bytes` object whose bytes nobody reads before they are written, or null.
        let object = unsafe { ffi::PyBytes_FromStringAndSize(std::ptr::null(), INITIAL_CAPACITY as ffi::Py_ssize_t) };
        if object.is_null() {
            return Err(PyErr::fetch(py));
        }
        // SAFETY: it is a `bytes` object.
        let data = unsafe { ffi::PyBytes_AS_STRING(object) }.cast_mut().cast();
        let pieces = keep_pieces.then(Vec::new);
        Ok(BytesWriter { py, object, data, len: 0, capacity: INITIAL_CAPACITY, failure: None, pieces })
    }

    /// Makes room for `more` bytes behind those that are written. Says whether there is room now.
    #[cold]
    #[inline(never)]
    fn grow(&mut self, more: usize) -> bool {
        if self.failure.is_some() {
            return false;
        }
        let wanted = self.len.checked_add(more).and_then(|needed| Some(needed.max(self.capacity.checked_mul(2)?)));
        let Some(wanted) = wanted.filter(|&wanted| isize::try_from(wanted).is_ok()) else {
            self.fail(pyo3::exceptions::PyMemoryError::new_err("the pickle is too large"));
            return false;
        };
        // SAFETY: `object` is a `bytes` object with one reference, ours. On failure it is freed and the pointer becomes null.
        if unsafe { _PyBytes_Resize(&mut self.object, wanted as ffi::Py_ssize_t) } < 0 {
            let error = PyErr::fetch(self.py);
            self.fail(error);
            return false;
        }
        // SAFETY: as above; the bytes may have moved.
        self.data = unsafe { ffi::PyBytes_AS_STRING(self.object) }.cast_mut().cast();
        self.capacity = wanted;
        true
    }

    fn fail(&mut self, error: PyErr) {
        self.failure = Some(error);
        // SAFETY: the writer's own reference, given up, or null.
        unsafe { ffi::Py_XDECREF(std::mem::replace(&mut self.object, std::ptr::null_mut())) };
        self.len = 0;
        self.capacity = 0;
    }

    /// The `bytes` object, or why there is none.
    pub(crate) fn finish(mut self) -> PyResult<Bound<'py, PyBytes>> {
        if let Some(error) = self.failure.take() {
            return Err(error);
        }
        // SAFETY: as in `grow`; all bytes that remain have been written. The reference is handed over, and null left in its place.
        unsafe {
            if _PyBytes_Resize(&mut self.object, self.len as ffi::Py_ssize_t) < 0 {
                return Err(PyErr::fetch(self.py));
            }
            let object = std::mem::replace(&mut self.object, std::ptr::null_mut());
            Ok(Bound::from_owned_ptr(self.py, object).cast_into_unchecked())
        }
    }

    /// Where frames and large payloads end; empty unless it was asked for.
    pub(crate) fn take_pieces(&mut self) -> Vec<usize> {
        self.pieces.take().unwrap_or_default()
    }
}

impl Drop for BytesWriter<'_> {
    fn drop(&mut self) {
        // SAFETY: the writer's own reference, or null.
        unsafe { ffi::Py_XDECREF(self.object) };
    }
}

impl Sink for BytesWriter<'_> {
    #[inline]
    fn position(&self) -> usize {
        self.len
    }

    #[inline]
    fn write(&mut self, bytes: &[u8]) {
        if self.capacity - self.len < bytes.len() && !self.grow(bytes.len()) {
            return;
        }
        // SAFETY: there are `capacity - len >= bytes.len()` bytes of room at `data + len`, and a shared slice cannot overlap
        // memory that this writer alone may write.
        unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), self.data.add(self.len), bytes.len()) };
        self.len += bytes.len();
    }

    #[inline]
    fn write_parts(&mut self, head: &[u8], body: &[u8]) {
        let more = head.len() + body.len();
        if self.capacity - self.len < more && !self.grow(more) {
            return;
        }
        // SAFETY: as in `write`, for both parts together.
        unsafe {
            let end = self.data.add(self.len);
            std::ptr::copy_nonoverlapping(head.as_ptr(), end, head.len());
            std::ptr::copy_nonoverlapping(body.as_ptr(), end.add(head.len()), body.len());
        }
        self.len += more;
    }

    fn overwrite(&mut self, offset: usize, bytes: &[u8]) {
        if self.failure.is_some() {
            return;
        }
        assert!(offset + bytes.len() <= self.len, "only what was written is overwritten");
        // SAFETY: the assertion: the range lies in what was written.
        unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), self.data.add(offset), bytes.len()) };
    }

    fn remove(&mut self, offset: usize, count: usize) {
        if self.failure.is_some() {
            return;
        }
        let end = offset + count;
        assert!(end <= self.len, "only what was written is removed");
        // SAFETY: the assertion: both ranges lie in what was written; they may overlap.
        unsafe { std::ptr::copy(self.data.add(end), self.data.add(offset), self.len - end) };
        self.len -= count;
    }

    fn piece_ends(&mut self) {
        if let Some(pieces) = &mut self.pieces {
            pieces.push(self.len);
        }
    }
}

unsafe extern "C" {
    /// Of CPython's `bytesobject.h` (and its stable ABI), which the bindings keep to themselves.
    fn _PyBytes_Resize(bytes: *mut *mut ffi::PyObject, size: ffi::Py_ssize_t) -> std::ffi::c_int;
}
