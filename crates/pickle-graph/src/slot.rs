//! [`Slot`]: a node as the graph keeps it, in 16 bytes.

use crate::{IntForm, NodeId, items::Range, step::Tail};

/// One node.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Slot {
    /// What a node that was replaced by a constant is.
    Constant(NodeId),
    Int {
        form: IntForm,
        value: i64,
    },
    BigInt {
        index: u32,
    },
    Float(f64),
    Text {
        kind: TextKind,
        place: Place,
        len: u32,
        start: u64,
    },
    Container {
        kind: ContainerKind,
        items: Range,
    },
    Global {
        index: u32,
    },
    Extension(i32),
    Reduce {
        callable: NodeId,
        args: NodeId,
        steps: Tail,
    },
    NewObj {
        class: NodeId,
        args: NodeId,
        steps: Tail,
    },
    /// `parts` are the class, the arguments and the keyword arguments.
    NewObjEx {
        parts: u32,
        steps: Tail,
    },
    /// `parts` are the class and then the arguments.
    Inst {
        parts: Range,
    },
    Obj {
        parts: Range,
    },
    BinPersistentId(NodeId),
    Buffer {
        readonly: bool,
        index: u32,
    },
}

const _: () = assert!(size_of::<Slot>() == 16);

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum TextKind {
    Str,
    String,
    Bytes,
    ByteArray,
    PersistentId,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum ContainerKind {
    List,
    Tuple,
    Dict,
    Set,
    FrozenSet,
}

/// Which buffer a text stands in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Place {
    Source,
    Texts,
    /// Its start is an index of `Graph::shared`; it is the whole of that.
    Shared,
}

/// Where a text stands.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Span {
    pub(crate) place: Place,
    pub(crate) len: u32,
    pub(crate) start: u64,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct GlobalSlot {
    pub(crate) module: Span,
    pub(crate) name: Span,
    /// The two strings that `STACK_GLOBAL` took from the stack.
    pub(crate) ids: Option<(NodeId, NodeId)>,
}
