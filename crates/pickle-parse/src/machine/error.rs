//! [`MachineError`]: what ends a run, and [`Fault`]: what ends it within an op.

use std::fmt;

use pickle_opcodes::Opcode;

use crate::{Error, ErrorKind};

/// Why a pickle could not be executed.
#[derive(Debug)]
pub enum MachineError<E> {
    /// The pickle is at fault.
    Pickle(Error),
    /// The builder could not make an object.
    Builder {
        /// The offset of the opcode, in bytes.
        offset: u64,
        /// The opcode.
        opcode: Opcode,
        /// The builder's error.
        error: E,
    },
}

impl<E> From<Error> for MachineError<E> {
    fn from(error: Error) -> Self {
        MachineError::Pickle(error)
    }
}

impl From<MachineError<ErrorKind>> for Error {
    /// A builder whose errors are [`ErrorKind`]s has them completed by where they occurred.
    fn from(error: MachineError<ErrorKind>) -> Error {
        match error {
            MachineError::Pickle(error) => error,
            MachineError::Builder { offset, opcode, error } => Error::new(error, offset, Some(opcode)),
        }
    }
}

impl From<MachineError<Box<ErrorKind>>> for Error {
    /// As for a builder whose errors are not boxed.
    fn from(error: MachineError<Box<ErrorKind>>) -> Error {
        match error {
            MachineError::Pickle(error) => error,
            MachineError::Builder { offset, opcode, error } => Error::new(*error, offset, Some(opcode)),
        }
    }
}

impl<E: fmt::Display> fmt::Display for MachineError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            MachineError::Pickle(error) => error.fmt(f),
            MachineError::Builder { offset, opcode, error } => write!(f, "{error} ({opcode} at byte {offset})"),
        }
    }
}

impl<E: fmt::Debug + fmt::Display> std::error::Error for MachineError<E> {}

/// Why an op could not be executed.
pub(super) enum Fault<E> {
    // Boxed, so that results come back in registers where the builder's error is as small.
    Pickle(Box<ErrorKind>),
    Builder(E),
}

impl<E> From<ErrorKind> for Fault<E> {
    #[cold]
    #[inline(never)]
    fn from(kind: ErrorKind) -> Self {
        Fault::Pickle(Box::new(kind))
    }
}
