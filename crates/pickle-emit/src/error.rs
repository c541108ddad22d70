//! [`Error`]: what cannot be written, and why.

use pickle_graph::NodeId;
use pickle_opcodes::{Opcode, Protocol};

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

#[cfg(feature = "serde")]
impl Error {
    /// The stream that a pickle goes to failed.
    #[cold]
    #[expect(clippy::needless_pass_by_value, reason = "it comes by value")]
    pub(crate) fn output(error: std::io::Error) -> Error {
        ErrorKind::Output { kind: error.kind(), text: error.to_string().into() }.into()
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
    /// A global's module or name that `GLOBAL` cannot carry: it is empty, has a line break, or is not ASCII below protocol 3.
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
    /// A payload that is longer than the length in front of it can say.
    #[error("{opcode} carries up to {max} bytes, not {length}")]
    ArgTooLong {
        /// The opcode.
        opcode: Opcode,
        /// The payload's length, in bytes.
        length: u64,
        /// The longest that the opcode can carry, in bytes.
        max: u64,
    },
    /// A text that is to stand on a line of its own and holds a line break.
    #[error("{opcode}'s argument holds a line break")]
    ArgLineBreak {
        /// The opcode.
        opcode: Opcode,
    },
    /// An op that does not fit behind those before it.
    #[error("{opcode}: {what}")]
    Discipline {
        /// The opcode.
        opcode: Opcode,
        /// What it lacks.
        what: String,
    },
    /// An op that names nothing that was put in the memo.
    #[error("{opcode} names nothing in the memo")]
    MemoIndex {
        /// The opcode.
        opcode: Opcode,
    },
    /// A protocol that there is not.
    #[error("unsupported pickle protocol: {version}")]
    UnknownProtocol {
        /// Its number.
        version: u8,
    },
    /// A tuple, or the arguments of an object, that hold themselves with no list, dict, set or object in between: no pickle can
    /// make such a thing.
    #[error("{node:?} holds itself, and nothing between can be made before it")]
    Cycle {
        /// The node.
        node: NodeId,
    },
    /// Tuples that hold themselves in so many ways that writing them would take more than linear time.
    #[error("{node:?} is part of too many cycles of tuples")]
    TooManyCycles {
        /// The node.
        node: NodeId,
    },
    /// An out-of-band buffer that was to be written in band and was not given.
    #[error("out-of-band buffer {index} was not given")]
    NoBuffer {
        /// Its index.
        index: u32,
    },
    /// A value's `Serialize` says that it cannot be written; the text is its own.
    #[error("{0}")]
    Data(Box<str>),
    /// The stream that the pickle goes to failed.
    #[error("{text}")]
    Output {
        /// In what way.
        kind: std::io::ErrorKind,
        /// What the stream said.
        text: Box<str>,
    },
}
