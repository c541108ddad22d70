//! [`Error`]: what cannot be written, and why.

use pickle_opcodes::Protocol;

/// Why something cannot be written as a pickle. One word wide.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct Error(Box<ErrorKind>);

impl Error {
    /// What went wrong.
    #[must_use]
    pub fn kind(&self) -> &ErrorKind {
        &self.0
    }
}

impl From<ErrorKind> for Error {
    #[cold]
    fn from(kind: ErrorKind) -> Self {
        Error(Box::new(kind))
    }
}

/// What went wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A payload whose length the protocol's opcodes cannot carry.
    #[error("serializing {what} larger than {limit} requires pickle protocol {needs} or higher")]
    TooLarge {
        /// What it is, such as `a string`.
        what: &'static str,
        /// The size that the protocol can carry, in words.
        limit: &'static str,
        /// The first protocol that can carry it.
        needs: Protocol,
    },
    /// An integer of more bytes than a pickle can carry.
    #[error("int too large to pickle")]
    IntTooLarge,
    /// A global's module or name that a protocol below 3 cannot carry, because it is not ASCII or has a line break.
    #[error("can't pickle global identifier '{module}.{name}' using pickle protocol {protocol}")]
    GlobalName {
        /// The module.
        module: String,
        /// The name in it.
        name: String,
        /// The protocol that was asked for.
        protocol: Protocol,
    },
    /// A memo that has outgrown what opcodes can address.
    #[error("memo id too large for LONG_BINGET")]
    MemoTooLarge,
    /// Something that the protocol has no opcode for.
    #[error("{opcode} requires pickle protocol {needs} or higher")]
    NeedsProtocol {
        /// The opcode's name.
        opcode: &'static str,
        /// The first protocol that has it.
        needs: Protocol,
    },
}
