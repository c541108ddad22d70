//! [`File`]: a Python file object as Rust's `BufRead`.

use std::io::{self, BufRead, Read};

use pyo3::{
    exceptions::{PyNotImplementedError, PyTypeError, PyValueError},
    intern,
    prelude::*,
    types::{PyByteArray, PyBytes, PyInt, PyMemoryView, PySlice, PyString},
};

use super::bytes_of;

/// A Python file object, from which no byte behind the pickle is taken.
///
/// A file that can `peek` lends its own buffer. From any other one only bytes that are known to belong to the pickle are read:
/// those that an opcode asks for, the lines of one that has lines, and the whole of a frame.
///
/// As with CPython's unpickler, what the file gives may be any bytes-like object, and the bytes that an opcode counts are had by
/// `readinto`, where the file has one of its own. Unlike there, `read` and `readinto` may give less than what is asked for, as an
/// unbuffered file does, and not more.
pub(crate) struct File<'py> {
    read: Bound<'py, PyAny>,
    readline: Bound<'py, PyAny>,
    peek: Option<Bound<'py, PyAny>>,
    /// Not of the files of `io` itself: nobody sees how those are read, and their `read` makes the object without a copy.
    readinto: Option<Bound<'py, PyAny>>,
    /// What was read or peeked, and how much of it was used.
    buffer: Bound<'py, PyBytes>,
    used: usize,
    /// Whether `buffer` was only peeked: what is used of it still has to be read.
    peeked: bool,
    /// Whether `buffer` is a frame, which its opcodes do not leave.
    framed: bool,
    /// What the file raised.
    error: Option<PyErr>,
}

/// How many bytes are asked for at a time of a long frame, since its length is no proof that so many follow.
const CHUNK: usize = 1 << 20;

/// How many bytes may be asked for at once for an object.
const MAX_OBJECT: usize = 1 << 26;

impl<'py> File<'py> {
    /// # Errors
    /// `TypeError` for an object without `read` and `readline`.
    pub(crate) fn new(file: &Bound<'py, PyAny>) -> PyResult<Self> {
        let py = file.py();
        let (Some(read), Some(readline)) = (file.getattr_opt(intern!(py, "read"))?, file.getattr_opt(intern!(py, "readline"))?)
        else {
            return Err(PyTypeError::new_err("file must have 'read' and 'readline' attributes"));
        };
        Ok(File {
            read,
            readline,
            peek: file.getattr_opt(intern!(py, "peek"))?,
            readinto: if is_of_io(file)? { None } else { file.getattr_opt(intern!(py, "readinto"))? },
            buffer: PyBytes::new(py, b""),
            used: 0,
            peeked: false,
            framed: false,
            error: None,
        })
    }

    pub(crate) fn py(&self) -> Python<'py> {
        self.read.py()
    }

    /// Reads at most so many bytes from the file.
    fn read_bytes(&self, count: usize) -> PyResult<Bound<'py, PyBytes>> {
        let bytes = bytes_of(&self.read.call1((count,))?)?;
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
            self.buffer = PyBytes::new(self.py(), b"");
        }
        Ok(())
    }

    fn fill(&mut self) -> PyResult<()> {
        if self.used < self.buffer.as_bytes().len() {
            return Ok(());
        }
        self.read_used()?;
        (self.used, self.framed) = (0, false);
        if let Some(peek) = &self.peek {
            match peek.call1((1 << 16,)) {
                Ok(peeked) => self.buffer = bytes_of(&peeked)?,
                // a file that only seems to be able to peek is read from
                Err(error) if error.is_instance_of::<PyNotImplementedError>(self.py()) => self.peek = None,
                Err(error) => return Err(error),
            }
            self.peeked = !self.buffer.as_bytes().is_empty();
            if self.peeked {
                return Ok(());
            }
        }
        self.buffer = self.read_bytes(1)?;
        Ok(())
    }

    /// Appends what is left of a line to `out`, with its newline if the file has one there.
    fn read_line(&mut self, out: &mut Vec<u8>) -> PyResult<usize> {
        let before = out.len();
        let buffered = &self.buffer.as_bytes()[self.used..];
        if let Some(end) = buffered.iter().position(|&byte| byte == b'\n') {
            out.extend_from_slice(&buffered[..=end]);
            self.used += end + 1;
            return Ok(out.len() - before);
        }
        if !self.peeked {
            out.extend_from_slice(buffered);
        }
        self.read_used()?;
        (self.buffer, self.used) = (bytes_of(&self.readline.call0()?)?, 0);
        let line = self.buffer.as_bytes();
        self.used = line.iter().position(|&byte| byte == b'\n').map_or(line.len(), |end| end + 1);
        out.extend_from_slice(&line[..self.used]);
        Ok(out.len() - before)
    }

    /// Reads so many bytes by `readinto`; fewer where the file ends.
    fn read_into(&self, readinto: &Bound<'py, PyAny>, length: usize) -> PyResult<Bound<'py, PyBytes>> {
        let py = self.py();
        let mut bytes = Vec::new();
        while bytes.len() < length {
            // as much again as there is: a length is no proof that so many bytes follow
            let part = (length - bytes.len()).min(bytes.len().max(CHUNK));
            let view = PyMemoryView::from(&PyByteArray::new(py, &vec![0; part]))?;
            let mut filled = 0;
            while filled < part {
                let left = part - filled;
                let rest = view.get_item(PySlice::new(py, filled as isize, part as isize, 1))?;
                let count = readinto.call1((rest,))?;
                let count = count.cast::<PyInt>().map_err(|_| PyTypeError::new_err("an integer is required"))?;
                let count: isize = count.extract()?;
                let count = usize::try_from(count).map_err(|_| PyValueError::new_err("readinto() returned negative size"))?;
                if count > left {
                    return Err(PyValueError::new_err(format!("readinto() returned too much data: {count} bytes, not {left}")));
                }
                if count == 0 {
                    break;
                }
                filled += count;
            }
            // a copy, since what the file kept of the view may go on writing there
            let read = view.get_item(PySlice::new(py, 0, filled as isize, 1))?;
            bytes.extend_from_slice(bytes_of(&read)?.as_bytes());
            if filled < part {
                break;
            }
        }
        Ok(PyBytes::new(py, &bytes))
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
        Ok(bytes.len())
    }
}

/// Whether a file is one of the standard `io`, and not of a subclass.
fn is_of_io(file: &Bound<'_, PyAny>) -> PyResult<bool> {
    let module = file.get_type().getattr(intern!(file.py(), "__module__"))?;
    Ok(module.cast::<PyString>().is_ok_and(|module| module == "_io"))
}

/// Where pickles come from, told what is known of what comes next.
pub(crate) trait Stream<'py>: BufRead {
    /// Takes so many bytes, a frame that begins behind what was consumed, into the buffer. Says whether there are so many.
    ///
    /// # Errors
    /// What the stream raised.
    fn begin_frame(&mut self, length: u64) -> PyResult<bool>;

    /// Has so many bytes in the buffer, which belong to the pickle, where the stream wants to make all objects of bytes by itself;
    /// says whether it does, and they are there.
    ///
    /// # Errors
    /// What the stream raised.
    fn begin_object(&mut self, header: usize) -> PyResult<bool> {
        let _ = header;
        Ok(false)
    }

    /// Consumes a header in the buffer and the bytes that it counts, and gives those as the object that the stream makes of them,
    /// which has fewer where the stream ends. `None` where the stream makes no objects: then nothing is consumed.
    ///
    /// # Errors
    /// What the stream raised.
    fn take_object(&mut self, header: usize, length: usize) -> PyResult<Option<Bound<'py, PyBytes>>> {
        let _ = (header, length);
        Ok(None)
    }
}

impl<'py> Stream<'py> for File<'py> {
    fn begin_frame(&mut self, length: u64) -> PyResult<bool> {
        // so that the whole frame is read at once
        self.read_used()?;
        let buffered = &self.buffer.as_bytes()[self.used..];
        let Some(missing) = length.checked_sub(buffered.len() as u64).filter(|&missing| missing > 0) else { return Ok(true) };
        let missing = usize::try_from(missing).unwrap_or(usize::MAX);
        let mut frame = buffered.to_vec();
        let mut left = missing;
        while left > 0 {
            let read = self.read_bytes(left.min(CHUNK))?;
            let bytes = read.as_bytes();
            left -= bytes.len();
            if bytes.is_empty() {
                break;
            }
            if frame.is_empty() && left == 0 {
                // as usual: in one piece
                (self.buffer, self.used, self.framed) = (read, 0, true);
                return Ok(true);
            }
            frame.extend_from_slice(bytes);
        }
        (self.buffer, self.used, self.framed) = (PyBytes::new(self.py(), &frame), 0, true);
        Ok(left == 0)
    }

    fn begin_object(&mut self, header: usize) -> PyResult<bool> {
        if self.readinto.is_none() || self.framed {
            return Ok(false);
        }
        let buffered = &self.buffer.as_bytes()[self.used..];
        let Some(missing) = header.checked_sub(buffered.len()).filter(|&missing| missing > 0) else { return Ok(true) };
        let mut read = buffered.to_vec();
        if self.peeked {
            self.used += read.len();
            self.read_used()?;
        }
        read.extend_from_slice(self.read_bytes(missing)?.as_bytes());
        (self.buffer, self.used) = (PyBytes::new(self.py(), &read), 0);
        Ok(read.len() == header)
    }

    fn take_object(&mut self, header: usize, length: usize) -> PyResult<Option<Bound<'py, PyBytes>>> {
        if let Some(readinto) = self.readinto.clone().filter(|_| !self.framed) {
            self.used += header;
            self.read_used()?;
            let object = self.read_into(&readinto, length)?;
            (self.buffer, self.used) = (PyBytes::new(self.py(), b""), 0);
            return Ok(Some(object));
        }
        if !self.peeked || length > MAX_OBJECT {
            return Ok(None);
        }
        // once this is read, what comes next in the file is the object
        self.used += header;
        self.read_used()?;
        let object = self.read_bytes(length)?;
        self.buffer = PyBytes::new(self.py(), b"");
        Ok(Some(object))
    }
}

impl Stream<'_> for &[u8] {
    fn begin_frame(&mut self, length: u64) -> PyResult<bool> {
        Ok(length <= self.len() as u64)
    }
}

impl Read for File<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.used == self.buffer.as_bytes().len() && self.peek.is_none() {
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
        Ok(&self.buffer.as_bytes()[self.used..])
    }

    fn consume(&mut self, amount: usize) {
        self.used += amount;
    }

    fn read_until(&mut self, byte: u8, out: &mut Vec<u8>) -> io::Result<usize> {
        debug_assert_eq!(byte, b'\n', "opcodes have lines only");
        self.read_line(out).map_err(|error| self.failed(error))
    }
}
