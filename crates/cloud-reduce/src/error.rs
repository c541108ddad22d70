//! [`Error`]: what can be wrong with a model in a graph.

use std::{borrow::Cow, fmt};

use pickle_graph::NodeId;

/// What can be wrong with a model in a graph. One word wide.
///
/// ```
/// use cloud_reduce::{ErrorKind, Function};
/// use pickle_graph::{Graph, Node};
///
/// let mut graph = Graph::new();
/// let list = graph.push(Node::List(&[]));
/// let error = Function::read(&graph, list).unwrap_err();
/// assert_eq!(error.kind(), ErrorKind::NotThis { found: "list" });
/// assert_eq!(error.to_string(), "#0 is no function but a list");
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Error(Box<Inner>);

#[derive(Clone, PartialEq, Eq, Debug)]
struct Inner {
    kind: ErrorKind,
    model: &'static str,
    node: NodeId,
    field: Cow<'static, str>,
}

/// What an [`Error`] is about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The node is none of what was looked for.
    NotThis {
        /// What it is: [`Node::kind`](pickle_graph::Node::kind).
        found: &'static str,
    },
    /// A reconstructor is called with more or fewer arguments than it takes.
    ArgumentCount {
        /// How many it has.
        found: usize,
    },
    /// A field holds an object of another type than it must.
    Type {
        /// What it must be.
        expected: &'static str,
        /// What it is: [`Node::kind`](pickle_graph::Node::kind).
        found: &'static str,
    },
    /// A field holds a number outside of the range that it may have.
    Range,
    /// A state lacks the field.
    Missing,
    /// What is to be edited is not there.
    NoSuch,
}

impl Error {
    #[cold]
    pub(crate) fn new(kind: ErrorKind, model: &'static str, node: NodeId, field: impl Into<Cow<'static, str>>) -> Error {
        Error(Box::new(Inner { kind, model, node, field: field.into() }))
    }

    /// What it is about.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The node that was read as a model: a function, a class, ... The wrong node itself may be one below it.
    #[must_use]
    pub fn node(&self) -> NodeId {
        self.0.node
    }

    /// What the node was read as: `"function"`, `"code object"`, ...
    #[must_use]
    pub fn model(&self) -> &'static str {
        self.0.model
    }

    /// Which part of it is wrong, by the name that cloudpickle gives it, such as `"__closure__"` or `"co_code"`; empty where it
    /// is the whole.
    #[must_use]
    pub fn field(&self) -> &str {
        &self.0.field
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { kind, model, node, field } = &*self.0;
        match kind {
            ErrorKind::NotThis { found } => write!(f, "{node:?} is no {model} but a {found}"),
            ErrorKind::ArgumentCount { found } => {
                write!(f, "{model} {node:?}: made with {found} arguments, which no version takes")
            }
            ErrorKind::Type { expected, found } => write!(f, "{model} {node:?}: {field} must be {expected}, not a {found}"),
            ErrorKind::Range => write!(f, "{model} {node:?}: {field} is out of range"),
            ErrorKind::Missing => write!(f, "{model} {node:?}: its state has no {field}"),
            ErrorKind::NoSuch => write!(f, "{model} {node:?} has no {field}"),
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
