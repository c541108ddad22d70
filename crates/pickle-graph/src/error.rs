//! [`Error`]: what can be wrong with a graph or with what is put into it.

use std::fmt;

/// What can be wrong with a graph or with what is put into it. One word wide.
#[derive(Clone, PartialEq, Eq)]
pub struct Error(Box<ErrorKind>);

/// What an [`Error`] is about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The graph would hold more than 2^31 - 1 nodes or some 2^32 references between them.
    TooLarge,
    /// Bytes that are not UTF-8, not even with surrogates let through.
    InvalidUtf8 {
        /// How many bytes before the wrong one are right.
        valid_up_to: usize,
    },
    /// The id holds a constant (`None`, a bool, a small integer, the empty tuple), which has no node that could be replaced.
    Constant,
}

impl Error {
    #[cold]
    pub(crate) fn new(kind: ErrorKind) -> Error {
        Error(Box::new(kind))
    }

    /// What it is about.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        *self.0
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self.0 {
            ErrorKind::TooLarge => f.write_str("the graph is too large: it holds at most 2^31 - 1 nodes"),
            ErrorKind::InvalidUtf8 { valid_up_to } => write!(f, "invalid utf-8 at position {valid_up_to}"),
            ErrorKind::Constant => f.write_str(
                "None, bools, small integers and the empty tuple cannot be replaced: replace them where they are held",
            ),
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl std::error::Error for Error {}

const _: () = assert!(size_of::<Result<(), Error>>() == size_of::<usize>());
