//! What a pickle is written into: memory that is kept for the next one and, for a large pickle, the `bytes` object itself.

use std::sync::Mutex;

use pickle_emit::Sink;
use pyo3::{exceptions::PyMemoryError, ffi, prelude::*, types::PyBytes};

/// A growing pickle, that ends as a `bytes` object.
///
/// Up to [`SCRATCH_LIMIT`] it grows in memory that one writer leaves to the next, and is copied into an object of its very size:
/// making such an object is cheaper than growing one and cutting it, which asks the system for new pages again and again. A larger
/// pickle, or one with a large payload outside of frames, moves into a `bytes` object, where it grows and stays.
///
/// Invariant: `data` is the start of `capacity` writable bytes that nobody else refers to, those of `object` or else of `scratch`,
/// and the first `len` of them have been written; or `capacity` and `len` are 0 and `failure` says why. Growing is the only thing
/// that moves the bytes.
pub(crate) struct BytesWriter<'py> {
    py: Python<'py>,
    data: *mut u8,
    len: usize,
    capacity: usize,
    scratch: Vec<u8>,
    /// A `bytes` object of `capacity` bytes, or null.
    object: *mut ffi::PyObject,
    /// What kept it from growing. From then on it takes nothing more and holds nothing.
    failure: Option<PyErr>,
    /// Where frames and large payloads end, if whoever made it wants to know.
    pieces: Option<Vec<usize>>,
}

/// How many bytes new scratch memory has.
const INITIAL_CAPACITY: usize = 1024;

/// Up to how many bytes a pickle is written into scratch memory, which is kept.
const SCRATCH_LIMIT: usize = 1 << 23;

/// A pickle of more bytes is too large. No object has as many.
const MAX_CAPACITY: usize = isize::MAX as usize / 2;

/// A pickle in a `bytes` object may leave as much as one part in so many of it unused. Cutting it would save little, and the
/// allocator that gets back the same size that it gave keeps the pages for the next one.
const UNUSED_PART: usize = 32;

/// What the last writer left.
static SCRATCH: Mutex<Vec<u8>> = Mutex::new(Vec::new());

impl<'py> BytesWriter<'py> {
    pub(crate) fn new(py: Python<'py>, keep_pieces: bool) -> PyResult<Self> {
        // a writer inside of another one finds none and makes its own
        let mut scratch = SCRATCH.try_lock().map(|mut left| std::mem::take(&mut *left)).unwrap_or_default();
        scratch.clear();
        scratch.try_reserve(INITIAL_CAPACITY).map_err(|_| PyMemoryError::new_err(()))?;
        let (data, capacity) = (scratch.as_mut_ptr(), scratch.capacity());
        let pieces = keep_pieces.then(Vec::new);
        Ok(BytesWriter { py, data, len: 0, capacity, scratch, object: std::ptr::null_mut(), failure: None, pieces })
    }

    /// Makes room for `more` bytes behind those that are written. Says whether there is room now.
    #[cold]
    #[inline(never)]
    fn grow(&mut self, more: usize) -> bool {
        if self.failure.is_some() {
            return false;
        }
        let needed = self.len.checked_add(more).filter(|&needed| needed < MAX_CAPACITY);
        let Some(needed) = needed else {
            return self.fail(PyMemoryError::new_err("the pickle is too large"));
        };
        if self.object.is_null() && needed <= SCRATCH_LIMIT {
            // SAFETY: the first `len` bytes of the scratch memory have been written.
            unsafe { self.scratch.set_len(self.len) };
            if self.scratch.try_reserve(more).is_err() {
                return self.fail(PyMemoryError::new_err(()));
            }
            self.data = self.scratch.as_mut_ptr();
            self.capacity = self.scratch.capacity();
            return true;
        }
        // a large payload is most of its pickle; what grows by small steps is likely to go on
        let spare = if more >= self.len { needed / (2 * UNUSED_PART) } else { self.capacity / 2 };
        self.resize(needed + spare)
    }

    /// Gives the object so many bytes, and makes it if there is none. Says whether it has them now.
    fn resize(&mut self, capacity: usize) -> bool {
        // SAFETY: `object` is null or a `bytes` object with one reference, ours, which on failure is freed and becomes null. In a
        // new one the bytes are not read before they are written, the first `len` of them, which is no more than `capacity`, at once
        // from scratch memory.
        unsafe {
            if self.object.is_null() {
                self.object = ffi::PyBytes_FromStringAndSize(std::ptr::null(), capacity as ffi::Py_ssize_t);
                if !self.object.is_null() {
                    let data = ffi::PyBytes_AS_STRING(self.object).cast_mut().cast();
                    std::ptr::copy_nonoverlapping(self.data, data, self.len);
                }
            } else {
                _PyBytes_Resize(&mut self.object, capacity as ffi::Py_ssize_t);
            }
            if self.object.is_null() {
                return self.fail(PyErr::fetch(self.py));
            }
            self.data = ffi::PyBytes_AS_STRING(self.object).cast_mut().cast();
        }
        self.capacity = capacity;
        true
    }

    fn fail(&mut self, error: PyErr) -> bool {
        self.failure = Some(error);
        // SAFETY: the writer's own reference, given up, or null.
        unsafe { ffi::Py_XDECREF(std::mem::replace(&mut self.object, std::ptr::null_mut())) };
        self.len = 0;
        self.capacity = 0;
        false
    }

    /// The `bytes` object, or why there is none.
    pub(crate) fn finish(mut self) -> PyResult<Bound<'py, PyBytes>> {
        if let Some(error) = self.failure.take() {
            return Err(error);
        }
        if self.object.is_null() {
            // SAFETY: the first `len` bytes have been written.
            return Ok(PyBytes::new(self.py, unsafe { std::slice::from_raw_parts(self.data, self.len) }));
        }
        let unused = self.capacity - self.len;
        if unused > self.len / UNUSED_PART {
            let len = self.len;
            if !self.resize(len) {
                return Err(self.failure.take().unwrap_or_else(|| PyMemoryError::new_err(())));
            }
        } else if unused > 0 {
            // SAFETY: a `bytes` object of more than `len` bytes that nobody else has seen, so that its hash is not known yet. It ends
            // with a zero behind its bytes.
            unsafe {
                (*self.object.cast::<ffi::PyVarObject>()).ob_size = self.len as ffi::Py_ssize_t;
                self.data.add(self.len).write(0);
            }
        }
        // SAFETY: a `bytes` object of `len` bytes, all of them written. The reference is handed over, and null left in its place.
        unsafe {
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
        if let Ok(mut left) = SCRATCH.try_lock()
            && left.capacity() < self.scratch.capacity()
        {
            *left = std::mem::take(&mut self.scratch);
        }
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

    #[inline]
    fn write_short(&mut self, bytes: [u8; 8], len: usize) {
        let len = len.min(bytes.len());
        if self.capacity - self.len < bytes.len() && !self.grow(bytes.len()) {
            return;
        }
        // SAFETY: there is room for all eight bytes; those behind `len` do not count as written.
        unsafe { self.data.add(self.len).cast::<[u8; 8]>().write_unaligned(bytes) };
        self.len += len;
    }

    fn write_payload(&mut self, payload: &[u8]) {
        // from scratch memory it would have to be copied again
        if self.object.is_null() && self.failure.is_none() {
            let needed = self.len.saturating_add(payload.len());
            if needed < MAX_CAPACITY && !self.resize(needed + needed / (2 * UNUSED_PART)) {
                return;
            }
        }
        self.write(payload);
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
