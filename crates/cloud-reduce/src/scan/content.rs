//! [`Content`]: the bytes of a file or of a member of one, of which only those are read that are looked at.

use std::{
    cell::{Cell, RefCell},
    io::{self, Read, Seek, SeekFrom},
    ops::Range,
};

use bytes::Bytes;

/// What is no longer than this is read at once, in bytes: it takes less time than to read its beginning and its end.
pub(super) const SHORT: u64 = 1 << 17;

/// How many bytes are read of a file at least: where something is looked at, what follows is often looked at next.
const STEP: u64 = 1 << 12;

/// What can be read from any place on.
pub(super) trait Ranges {
    /// So many bytes that there are; none where they cannot be read.
    fn read(&self, start: u64, length: u64) -> Bytes;

    /// As [`read`](Self::read), to be looked at in passing: into memory that the next look gets too.
    fn look(&self, start: u64, length: u64, look: &mut dyn FnMut(&[u8]));

    /// Whether something could not be read.
    fn has_failed(&self) -> bool;
}

/// A file that is open.
pub(super) struct Source<R> {
    reader: RefCell<R>,
    length: u64,
    /// What was read last of no more than a step, and where it begins.
    last: RefCell<(u64, Bytes)>,
    /// For what is looked at in passing.
    passing: RefCell<Vec<u8>>,
    error: Cell<Option<io::Error>>,
    /// Nothing more is read then.
    has_failed: Cell<bool>,
}

impl<R: Read + Seek> Source<R> {
    pub(super) fn new(mut reader: R) -> io::Result<Source<R>> {
        let length = reader.seek(SeekFrom::End(0))?;
        Ok(Source {
            reader: RefCell::new(reader),
            length,
            last: RefCell::default(),
            passing: RefCell::default(),
            error: Cell::new(None),
            has_failed: Cell::new(false),
        })
    }

    /// All of it.
    pub(super) fn content(&self) -> Content<'_> {
        Content::Stored { source: self, start: 0, length: self.length }
    }

    /// Why not all could be read that was asked for, if so.
    pub(super) fn into_error(self) -> Option<io::Error> {
        self.error.into_inner()
    }

    fn read_by_steps(&self, start: u64, length: u64) -> io::Result<Bytes> {
        if length > STEP {
            return self.read_exactly(start, length);
        }
        let mut last = self.last.borrow_mut();
        if start < last.0 || start + length > last.0 + last.1.len() as u64 {
            // What is asked for is within the file.
            *last = (start, self.read_exactly(start, STEP.min(self.length - start))?);
        }
        let begin = (start - last.0) as usize;
        Ok(last.1.slice(begin..begin + length as usize))
    }

    fn read_exactly(&self, start: u64, length: u64) -> io::Result<Bytes> {
        let mut bytes = Vec::new();
        self.read_into(&mut bytes, start, length)?;
        Ok(bytes.into())
    }

    /// Reads bytes into those that there are, and into more where there are fewer.
    fn read_into(&self, bytes: &mut Vec<u8>, start: u64, length: u64) -> io::Result<()> {
        let length = usize::try_from(length).map_err(|_| io::ErrorKind::OutOfMemory)?;
        if length > bytes.len() {
            bytes.try_reserve_exact(length - bytes.len())?;
            bytes.resize(length, 0);
        }
        let mut reader = self.reader.borrow_mut();
        reader.seek(SeekFrom::Start(start))?;
        reader.read_exact(&mut bytes[..length]).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => io::Error::new(error.kind(), "it became shorter while it was read"),
            _ => error,
        })
    }

    #[cold]
    fn fail(&self, error: io::Error) {
        self.has_failed.set(true);
        self.error.set(Some(error));
    }
}

impl<R: Read + Seek> Ranges for Source<R> {
    fn read(&self, start: u64, length: u64) -> Bytes {
        if self.has_failed() {
            return Bytes::new();
        }
        self.read_by_steps(start, length).unwrap_or_else(|error| {
            self.fail(error);
            Bytes::new()
        })
    }

    fn look(&self, start: u64, length: u64, look: &mut dyn FnMut(&[u8])) {
        let mut bytes = self.passing.borrow_mut();
        if !self.has_failed() {
            match self.read_into(&mut bytes, start, length) {
                // Neither is longer.
                Ok(()) => look(&bytes[..length as usize]),
                Err(error) => self.fail(error),
            }
        }
    }

    fn has_failed(&self) -> bool {
        self.has_failed.get()
    }
}

/// Bytes, wherever they are.
#[derive(Clone)]
pub(super) enum Content<'s> {
    /// All in memory.
    Held(Bytes),
    /// Somewhere in a file.
    Stored { source: &'s dyn Ranges, start: u64, length: u64 },
}

impl Content<'_> {
    /// How many bytes there are.
    pub(super) fn len(&self) -> u64 {
        match self {
            Content::Held(bytes) => bytes.len() as u64,
            Content::Stored { length, .. } => *length,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Those of a range that there are.
    pub(super) fn get(&self, range: Range<u64>) -> Bytes {
        match self.part(range) {
            Content::Held(bytes) => bytes,
            Content::Stored { source, start, length } => source.read(start, length),
        }
    }

    /// Looks at those of a range that there are, and keeps none; `None` where they cannot be read.
    pub(super) fn look<T>(&self, range: Range<u64>, look: impl Fn(&[u8]) -> T) -> Option<T> {
        match self.part(range) {
            Content::Held(bytes) => Some(look(&bytes)),
            Content::Stored { source, start, length } => {
                let mut seen = None;
                source.look(start, length, &mut |bytes| seen = Some(look(bytes)));
                seen
            }
        }
    }

    /// All of them, in memory.
    pub(super) fn whole(&self) -> Bytes {
        self.get(0..self.len())
    }

    /// As [`get`](Self::get), with nothing read.
    pub(super) fn part(&self, range: Range<u64>) -> Self {
        let end = range.end.min(self.len());
        let begin = range.start.min(end);
        match self {
            // Both are at most the length.
            Content::Held(bytes) => Content::Held(bytes.slice(begin as usize..end as usize)),
            Content::Stored { source, start, .. } => {
                Content::Stored { source: *source, start: start + begin, length: end - begin }
            }
        }
    }

    /// The same, in memory where it is short.
    pub(super) fn held_if_short(&self) -> Self {
        match self {
            Content::Stored { length: ..=SHORT, .. } => Content::Held(self.whole()),
            _ => self.clone(),
        }
    }

    /// Whether the file could not be read.
    pub(super) fn has_failed(&self) -> bool {
        matches!(self, Content::Stored { source, .. } if source.has_failed())
    }
}

/// Content that is looked at from place to place, most of them near the one before.
pub(super) struct View<'c> {
    content: &'c Content<'c>,
    /// What was read last, and where it begins.
    piece: Bytes,
    start: u64,
    /// How many bytes are read at least.
    step: u64,
}

impl<'c> View<'c> {
    pub(super) fn new(content: &'c Content<'c>, step: u64) -> View<'c> {
        let piece = match content {
            Content::Held(bytes) => bytes.clone(),
            Content::Stored { .. } => Bytes::new(),
        };
        View { content, piece, start: 0, step }
    }

    /// So many bytes from a place on; fewer where there are no more.
    pub(super) fn get(&mut self, at: u64, length: usize) -> &[u8] {
        let within = |view: &Self| {
            let begin = usize::try_from(at.checked_sub(view.start)?).ok()?;
            Some(begin..begin.checked_add(length)?)
        };
        if let Some(range) = within(self)
            && range.end <= self.piece.len()
        {
            return &self.piece[range];
        }
        self.piece = self.content.get(at..at.saturating_add(self.step.max(length as u64)));
        self.start = at;
        &self.piece[..length.min(self.piece.len())]
    }

    /// As many bytes as there have to be; `None` where they are not there.
    pub(super) fn array<const N: usize>(&mut self, at: u64) -> Option<[u8; N]> {
        self.get(at, N).try_into().ok()
    }
}
