//! [`Node`]: one object of a graph, to be matched on.

use num_bigint::BigInt;

use crate::{NodeId, Str};

/// One object of a [`Graph`](crate::Graph): what [`Graph::node`](crate::Graph::node) shows and
/// [`Graph::push`](crate::Graph::push) takes. It borrows from the graph and is cheap to make.
///
/// What was done to an object after it was made (`BUILD`, items appended to a list subclass, ...) is not here but in
/// [`Graph::steps`](crate::Graph::steps).
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Node<'a> {
    /// `None`.
    None,
    /// `True` or `False`.
    Bool(bool),
    /// An `int` of up to 64 bits; Python 2's `long` too (see [`Graph::int_form`](crate::Graph::int_form)).
    Int(i64),
    /// An `int` of more than 64 bits.
    BigInt(&'a BigInt),
    /// A `float`, bit for bit.
    Float(f64),
    /// A `str` (Python 2: `unicode`).
    Str(Str<'a>),
    /// A Python 2 `str`, which is bytes of an unknown encoding.
    String(&'a [u8]),
    /// A `bytes` object.
    Bytes(&'a [u8]),
    /// A `bytearray`.
    ByteArray(&'a [u8]),
    /// A list.
    List(&'a [NodeId]),
    /// A tuple.
    Tuple(&'a [NodeId]),
    /// A dict: keys and values in the pickle's order, keys that come twice included.
    Dict(&'a [[NodeId; 2]]),
    /// A set, in the pickle's order.
    Set(&'a [NodeId]),
    /// A frozenset, in the pickle's order.
    FrozenSet(&'a [NodeId]),
    /// An object that a module holds: a class, a function, ...
    Global {
        /// The module's full name.
        module: Str<'a>,
        /// The name in the module; it may have dots.
        name: Str<'a>,
    },
    /// An object of the extension registry (`copyreg.add_extension`), by its code.
    Extension(i32),
    /// What a call of `callable` with the tuple `args` returns.
    Reduce {
        /// What is called.
        callable: NodeId,
        /// The tuple of arguments.
        args: NodeId,
    },
    /// What `class.__new__(class, *args)` returns.
    NewObj {
        /// The class.
        class: NodeId,
        /// The tuple of arguments.
        args: NodeId,
    },
    /// What `class.__new__(class, *args, **kwargs)` returns.
    NewObjEx {
        /// The class.
        class: NodeId,
        /// The tuple of arguments.
        args: NodeId,
        /// The dict of keyword arguments.
        kwargs: NodeId,
    },
    /// An instance made by `INST`, as Python 2 writes instances of its old-style classes at protocol 0.
    Inst {
        /// The class.
        class: NodeId,
        /// The arguments; without any, Python 2 does not call the class's `__init__`.
        args: &'a [NodeId],
    },
    /// An instance made by `OBJ`, as Python 2 writes instances of its old-style classes at protocols 1 and 2.
    Obj {
        /// The class.
        class: NodeId,
        /// The arguments; without any, Python 2 does not call the class's `__init__`.
        args: &'a [NodeId],
    },
    /// What the reader's `persistent_load` makes of this text (`PERSID`).
    PersistentId(Str<'a>),
    /// What the reader's `persistent_load` makes of this object (`BINPERSID`).
    BinPersistentId(NodeId),
    /// A buffer that travels beside the pickle (PEP 574).
    Buffer {
        /// Which of the pickle's out-of-band buffers, in the order of its `NEXT_BUFFER`s.
        index: u32,
        /// Whether the reader sees it read-only.
        readonly: bool,
    },
}

impl<'a> Node<'a> {
    /// The text of a `str`, or `None` where it is something else or holds lone surrogates.
    #[must_use]
    pub fn as_str(self) -> Option<&'a str> {
        match self {
            Node::Str(text) => text.as_str(),
            _ => None,
        }
    }

    /// The value of an `int` of up to 64 bits.
    #[must_use]
    pub fn as_int(self) -> Option<i64> {
        match self {
            Node::Int(value) => Some(value),
            _ => None,
        }
    }

    /// The bytes of a `bytes` object, a `bytearray` or a Python 2 `str`.
    #[must_use]
    pub fn as_bytes(self) -> Option<&'a [u8]> {
        match self {
            Node::Bytes(bytes) | Node::ByteArray(bytes) | Node::String(bytes) => Some(bytes),
            _ => None,
        }
    }

    /// The items of a tuple.
    #[must_use]
    pub fn as_tuple(self) -> Option<&'a [NodeId]> {
        match self {
            Node::Tuple(items) => Some(items),
            _ => None,
        }
    }

    /// The items of a list.
    #[must_use]
    pub fn as_list(self) -> Option<&'a [NodeId]> {
        match self {
            Node::List(items) => Some(items),
            _ => None,
        }
    }

    /// The keys and values of a dict.
    #[must_use]
    pub fn as_dict(self) -> Option<&'a [[NodeId; 2]]> {
        match self {
            Node::Dict(items) => Some(items),
            _ => None,
        }
    }

    /// The module and name of a global, where both are without lone surrogates.
    #[must_use]
    pub fn as_global(self) -> Option<(&'a str, &'a str)> {
        match self {
            Node::Global { module, name } => Some((module.as_str()?, name.as_str()?)),
            _ => None,
        }
    }

    /// Whether a pickle can tell one such object from another of the same value, and so says which it means: everything but
    /// `None`, bools, numbers and the empty tuple, which CPython never puts in the memo.
    #[must_use]
    pub fn has_identity(self) -> bool {
        !matches!(self, Node::None | Node::Bool(_) | Node::Int(_) | Node::BigInt(_) | Node::Float(_) | Node::Tuple([]))
    }

    /// What it is, in one word: `"list"`, `"reduce"`, ...
    #[must_use]
    pub fn kind(self) -> &'static str {
        match self {
            Node::None => "None",
            Node::Bool(_) => "bool",
            Node::Int(_) | Node::BigInt(_) => "int",
            Node::Float(_) => "float",
            Node::Str(_) => "str",
            Node::String(_) => "string",
            Node::Bytes(_) => "bytes",
            Node::ByteArray(_) => "bytearray",
            Node::List(_) => "list",
            Node::Tuple(_) => "tuple",
            Node::Dict(_) => "dict",
            Node::Set(_) => "set",
            Node::FrozenSet(_) => "frozenset",
            Node::Global { .. } => "global",
            Node::Extension(_) => "extension",
            Node::Reduce { .. } => "reduce",
            Node::NewObj { .. } => "newobj",
            Node::NewObjEx { .. } => "newobj_ex",
            Node::Inst { .. } => "inst",
            Node::Obj { .. } => "obj",
            Node::PersistentId(_) | Node::BinPersistentId(_) => "persistent_id",
            Node::Buffer { .. } => "buffer",
        }
    }
}
