//! [`Memory`] and [`Stream`]: the sinks that values are written into.

use std::io;

use crate::{Error, Sink};

/// How many bytes are gathered before they are written out.
const GATHERED: usize = 1 << 16;

/// From so many bytes on, memory grows by half rather than to twice its size.
const LARGE: usize = 1 << 20;

/// A vector that grows more slowly where it is large: it is all touched, and what is allocated in vain costs most there.
#[derive(Debug)]
pub(super) struct Memory(pub(super) Vec<u8>);

impl Memory {
    #[inline(always)]
    fn has_room(&self, bytes: usize) -> bool {
        bytes <= self.0.capacity() - self.0.len()
    }

    #[cold]
    #[inline(never)]
    fn grow(&mut self, bytes: usize) {
        let usual = if self.0.len() < LARGE { self.0.len() } else { self.0.len() / 2 };
        self.0.reserve_exact(bytes.max(usual).max(256));
    }

    #[cold]
    #[inline(never)]
    fn write_grown(&mut self, head: &[u8], body: &[u8]) {
        self.grow(head.len() + body.len());
        self.0.extend_from_slice(head);
        self.0.extend_from_slice(body);
    }
}

impl Sink for Memory {
    #[inline]
    fn position(&self) -> usize {
        self.0.len()
    }

    #[inline(always)]
    fn write(&mut self, bytes: &[u8]) {
        // Two branches, so that the vector need not look for room once more.
        if self.has_room(bytes.len()) {
            self.0.extend_from_slice(bytes);
        } else {
            self.write_grown(bytes, &[]);
        }
    }

    #[inline(always)]
    fn write_parts(&mut self, head: &[u8], body: &[u8]) {
        if self.has_room(head.len() + body.len()) {
            self.0.extend_from_slice(head);
            self.0.extend_from_slice(body);
        } else {
            self.write_grown(head, body);
        }
    }

    fn overwrite(&mut self, offset: usize, bytes: &[u8]) {
        Sink::overwrite(&mut self.0, offset, bytes);
    }

    fn remove(&mut self, offset: usize, count: usize) {
        Sink::remove(&mut self.0, offset, count);
    }
}

/// Holds what may still change, which is the frame that is being written, and passes the rest on.
pub(super) struct Stream<W> {
    writer: W,
    held: Vec<u8>,
    /// How many bytes were passed on.
    passed: usize,
    /// What the writer said first. Nothing is passed on then.
    error: Option<io::Error>,
}

impl<W: io::Write> Stream<W> {
    pub(super) fn new(writer: W) -> Self {
        Stream { writer, held: Vec::new(), passed: 0, error: None }
    }

    fn pass(&mut self) {
        if self.error.is_none() {
            self.error = self.writer.write_all(&self.held).err();
        }
        self.passed += self.held.len();
        self.held.clear();
    }

    /// Passes on what is left.
    pub(super) fn end(mut self) -> Result<(), Error> {
        self.pass();
        match self.error.map_or_else(|| self.writer.flush(), Err) {
            Ok(()) => Ok(()),
            Err(error) => Err(Error::output(error)),
        }
    }
}

impl<W: io::Write> Sink for Stream<W> {
    fn position(&self) -> usize {
        self.passed + self.held.len()
    }

    fn write(&mut self, bytes: &[u8]) {
        self.held.extend_from_slice(bytes);
    }

    fn overwrite(&mut self, offset: usize, bytes: &[u8]) {
        Sink::overwrite(&mut self.held, offset - self.passed, bytes);
    }

    fn remove(&mut self, offset: usize, count: usize) {
        Sink::remove(&mut self.held, offset - self.passed, count);
    }

    fn piece_ends(&mut self) {
        if self.held.len() >= GATHERED {
            self.pass();
        }
    }
}
