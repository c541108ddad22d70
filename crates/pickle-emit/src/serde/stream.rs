//! [`Stream`]: a sink in front of an [`io::Write`].

use std::io;

use crate::{Error, Sink};

/// How many bytes are gathered before they are written out.
const GATHERED: usize = 1 << 16;

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
