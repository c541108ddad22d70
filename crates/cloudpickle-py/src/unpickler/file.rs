//! [`File`]: a Python file object as Rust's `BufRead`.

use std::io::{self, BufRead, Read};

use pyo3::{
    exceptions::{PyNotImplementedError, PyTypeError, PyValueError},
    intern,
    prelude::*,
    types::PyBytes,
};

/// A Python file object, from which no byte behind the pickle is taken.
///
/// A file that can `peek` lends its own buffer. From any other one only bytes that are known to belong to the pickle are read: those
/// that an opcode asks for, and the whole of a frame.
pub(crate) struct File<'py> {
    read: Bound<'py, PyAny>,
    peek: Option<Bound<'py, PyAny>>,
    /// What was read or peeked, and how much of it was used.
    buffer: Vec<u8>,
    used: usize,
    /// Whether `buffer` was only peeked: what is used of it still has to be read.
    peeked: bool,
    /// How many bytes behind the buffer are known to belong to the pickle.
    expected: usize,
    /// What the file raised.
    error: Option<PyErr>,
}

/// How many bytes are asked for at a time when a claimed length is large, since a claim is no proof that so many follow.
const CHUNK: usize = 1 << 20;

impl<'py> File<'py> {
    /// # Errors
    /// `TypeError` for an object without `read` and `readline`.
    pub(crate) fn new(file: &Bound<'py, PyAny>) -> PyResult<Self> {
        let py = file.py();
        let (Some(read), Some(_)) = (file.getattr_opt(intern!(py, "read"))?, file.getattr_opt(intern!(py, "readline"))?) else {
            return Err(PyTypeError::new_err("file must have 'read' and 'readline' attributes"));
        };
        Ok(File {
            read,
            peek: file.getattr_opt(intern!(py, "peek"))?,
            buffer: Vec::new(),
            used: 0,
            peeked: false,
            expected: 0,
            error: None,
        })
    }

    pub(crate) fn py(&self) -> Python<'py> {
        self.read.py()
    }

    /// Tells that so many bytes more than were used so far belong to the pickle.
    pub(crate) fn expect(&mut self, length: u64) {
        self.expected = usize::try_from(length).unwrap_or(usize::MAX);
    }

    /// Reads at most so many bytes from the file.
    fn read_bytes(&self, count: usize) -> PyResult<Bound<'py, PyBytes>> {
        let bytes = self.read.call1((count,))?.cast_into::<PyBytes>().map_err(|error| {
            let class = error.into_inner().get_type();
            PyTypeError::new_err(format!("read() returned non-bytes object ({class}): the file must be binary"))
        })?;
        let len = bytes.as_bytes().len();
        if len > count {
            return Err(PyValueError::new_err(format!("read() returned too much data: {len} bytes, not {count}")));
        }
        Ok(bytes)
    }

    /// Gives back what was peeked and used: reads it for good. Returns what the file raised, if it did.
    pub(crate) fn finish(mut self) -> Option<PyErr> {
        if let Err(error) = self.read_used() {
            return Some(error);
        }
        self.error
    }

    /// Reads for good what was used of a peeked buffer.
    fn read_used(&mut self) -> PyResult<()> {
        if std::mem::take(&mut self.peeked) {
            let mut left = std::mem::take(&mut self.used);
            while left > 0 {
                let read = self.read_bytes(left)?.as_bytes().len();
                if read == 0 {
                    break;
                }
                left -= read;
            }
            self.buffer.clear();
        }
        Ok(())
    }

    fn fill(&mut self) -> PyResult<()> {
        if self.used < self.buffer.len() {
            return Ok(());
        }
        self.read_used()?;
        self.buffer.clear();
        self.used = 0;
        if let Some(peek) = &self.peek {
            let peeked = match peek.call1((1 << 16,)) {
                Ok(peeked) => Some(peeked),
                // a file that only seems to be able to peek is read from
                Err(error) if error.is_instance_of::<PyNotImplementedError>(self.py()) => None,
                Err(error) => return Err(error),
            };
            if let Some(bytes) = &peeked
                && let Ok(bytes) = bytes.cast::<PyBytes>()
                && !bytes.as_bytes().is_empty()
            {
                self.buffer.extend_from_slice(bytes.as_bytes());
                self.peeked = true;
                return Ok(());
            }
        }
        let bytes = self.read_bytes(self.expected.clamp(1, CHUNK))?;
        self.buffer.extend_from_slice(bytes.as_bytes());
        self.expected = self.expected.saturating_sub(self.buffer.len());
        Ok(())
    }

    fn failed(&mut self, error: PyErr) -> io::Error {
        let text = error.to_string();
        self.error.get_or_insert(error);
        io::Error::other(text)
    }

    /// Reads bytes that belong to the pickle straight from the file.
    fn read_direct(&mut self, out: &mut [u8]) -> PyResult<usize> {
        let bytes = self.read_bytes(out.len())?;
        let bytes = bytes.as_bytes();
        out[..bytes.len()].copy_from_slice(bytes);
        self.expected = self.expected.saturating_sub(bytes.len());
        Ok(bytes.len())
    }
}

impl Read for File<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.used == self.buffer.len() && self.peek.is_none() {
            return self.read_direct(out).map_err(|error| self.failed(error));
        }
        let available = self.fill_buf()?;
        let count = available.len().min(out.len());
        out[..count].copy_from_slice(&available[..count]);
        self.consume(count);
        Ok(count)
    }
}

impl BufRead for File<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if let Err(error) = self.fill() {
            return Err(self.failed(error));
        }
        Ok(&self.buffer[self.used..])
    }

    fn consume(&mut self, amount: usize) {
        self.used += amount;
    }
}
