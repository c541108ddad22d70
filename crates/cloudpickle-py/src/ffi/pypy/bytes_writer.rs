//! A growing buffer, of which a `bytes` object is made at the end.
//!
//! PyPy's `bytes` objects can be written to through its C API only before Python code sees them, and are copied then: writing into
//! one from the start would save nothing.

use pickle_emit::Sink;
use pyo3::{exceptions::PyMemoryError, prelude::*, types::PyBytes};

/// A growing buffer.
pub(crate) struct BytesWriter<'py> {
    py: Python<'py>,
    bytes: Vec<u8>,
    /// Whether it could not grow. From then on it takes nothing more and holds nothing.
    failed: bool,
    /// Where frames and large payloads end, if whoever made it wants to know.
    pieces: Option<Vec<usize>>,
}

impl<'py> BytesWriter<'py> {
    pub(crate) fn new(py: Python<'py>, keep_pieces: bool) -> PyResult<Self> {
        Ok(BytesWriter { py, bytes: Vec::new(), failed: false, pieces: keep_pieces.then(Vec::new) })
    }

    /// Makes room for `more` bytes. Says whether there is room now.
    #[inline]
    fn reserve(&mut self, more: usize) -> bool {
        if self.failed || self.bytes.try_reserve(more).is_err() {
            self.failed = true;
            self.bytes = Vec::new();
        }
        !self.failed
    }

    /// The `bytes` object, or why there is none.
    pub(crate) fn finish(self) -> PyResult<Bound<'py, PyBytes>> {
        if self.failed {
            return Err(PyMemoryError::new_err("the pickle is too large"));
        }
        Ok(PyBytes::new(self.py, &self.bytes))
    }

    /// Where frames and large payloads end; empty unless it was asked for.
    pub(crate) fn take_pieces(&mut self) -> Vec<usize> {
        self.pieces.take().unwrap_or_default()
    }
}

impl Sink for BytesWriter<'_> {
    #[inline]
    fn position(&self) -> usize {
        self.bytes.len()
    }

    #[inline]
    fn write(&mut self, bytes: &[u8]) {
        if self.reserve(bytes.len()) {
            self.bytes.extend_from_slice(bytes);
        }
    }

    #[inline]
    fn write_parts(&mut self, head: &[u8], body: &[u8]) {
        // no overflow: two slices are in memory at once
        if self.reserve(head.len() + body.len()) {
            self.bytes.extend_from_slice(head);
            self.bytes.extend_from_slice(body);
        }
    }

    fn overwrite(&mut self, offset: usize, bytes: &[u8]) {
        if !self.failed {
            self.bytes[offset..offset + bytes.len()].copy_from_slice(bytes);
        }
    }

    fn remove(&mut self, offset: usize, count: usize) {
        if !self.failed {
            self.bytes.drain(offset..offset + count);
        }
    }

    fn piece_ends(&mut self) {
        if let Some(pieces) = &mut self.pieces {
            pieces.push(self.bytes.len());
        }
    }
}
