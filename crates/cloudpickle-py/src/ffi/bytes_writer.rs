//! A `bytes` object that grows, so that a finished pickle need not be copied.

use std::ptr::NonNull;

use pickle_emit::Sink;
use pyo3::{
    ffi::{self, compat},
    prelude::*,
    types::PyBytes,
};

/// A growing `bytes` object.
///
/// Invariant: `data` points at `capacity` writable bytes that `writer` owns, and the first `len` of them have been written.
/// Growing is the only thing that moves them, and it renews `data`.
pub(crate) struct BytesWriter<'py> {
    py: Python<'py>,
    writer: NonNull<compat::PyBytesWriter>,
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
        // SAFETY: the size is positive; null is checked below.
        let writer = unsafe { compat::PyBytesWriter_Create(INITIAL_CAPACITY as ffi::Py_ssize_t) };
        let writer = NonNull::new(writer).ok_or_else(|| PyErr::fetch(py))?;
        // SAFETY: the writer was just made, with room for so many bytes.
        let data = unsafe { compat::PyBytesWriter_GetData(writer.as_ptr()) }.cast();
        let pieces = keep_pieces.then(Vec::new);
        Ok(BytesWriter { py, writer, data, len: 0, capacity: INITIAL_CAPACITY, failure: None, pieces })
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
        // SAFETY: the writer is alive (it is taken only by `finish` and `drop`), and the size is not negative. On failure the
        // writer stays as it was.
        let status = unsafe { compat::PyBytesWriter_Resize(self.writer.as_ptr(), wanted as ffi::Py_ssize_t) };
        if status < 0 {
            let error = PyErr::fetch(self.py);
            self.fail(error);
            return false;
        }
        // SAFETY: as above; the memory may have moved.
        self.data = unsafe { compat::PyBytesWriter_GetData(self.writer.as_ptr()) }.cast();
        self.capacity = wanted;
        true
    }

    fn fail(&mut self, error: PyErr) {
        self.failure = Some(error);
        self.len = 0;
        self.capacity = 0;
    }

    /// The `bytes` object, or why there is none.
    pub(crate) fn finish(mut self) -> PyResult<Bound<'py, PyBytes>> {
        if let Some(error) = self.failure.take() {
            return Err(error);
        }
        let this = std::mem::ManuallyDrop::new(self);
        // SAFETY: `this` is never dropped, so that nobody else ends the writer; `len` bytes of it have been written. The result
        // is a new reference to a `bytes` object, or null with an exception.
        unsafe {
            let bytes = compat::PyBytesWriter_FinishWithSize(this.writer.as_ptr(), this.len as ffi::Py_ssize_t);
            // `pieces` and `failure` are the only fields that own memory
            drop(std::ptr::read(&raw const this.pieces));
            Ok(Bound::from_owned_ptr_or_err(this.py, bytes)?.cast_into_unchecked())
        }
    }

    /// Where frames and large payloads end; empty unless it was asked for.
    pub(crate) fn take_pieces(&mut self) -> Vec<usize> {
        self.pieces.take().unwrap_or_default()
    }
}

impl Drop for BytesWriter<'_> {
    fn drop(&mut self) {
        // SAFETY: the writer is alive and nobody uses it after this.
        unsafe { compat::PyBytesWriter_Discard(self.writer.as_ptr()) };
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
