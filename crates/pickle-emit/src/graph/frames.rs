//! [`Frame`]: what is still to be written, on a stack of the writer's own.

use pickle_graph::{NodeId, Steps};
use pickle_opcodes::Opcode;

use super::items::Items;

/// Something that is still to be written. What is on top comes first.
#[derive(Clone, Debug)]
pub(super) enum Frame<'g> {
    /// A node.
    Save(NodeId),
    /// All these nodes.
    All(std::slice::Iter<'g, NodeId>),
    /// The items of a list, dict or set.
    Items(Items<'g>),
    /// An opcode.
    Op(Opcode),
    /// The end of a tuple.
    Tuple(NodeId),
    /// The end of a tuple that is no node: of so many objects.
    NamelessTuple(usize),
    /// The end of a frozenset.
    FrozenSet(NodeId),
    /// The opcode of an object that is on top of the stack but for this opcode.
    Make(NodeId, Opcode),
    /// The end of an object by `INST`.
    Inst(NodeId),
    /// What was done to an object after it was made.
    Steps(Steps<'g>, NodeId),
}
