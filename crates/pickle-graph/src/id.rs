//! [`NodeId`]: which node of a graph.

use std::fmt;

/// Which node of a [`Graph`](crate::Graph).
///
/// `None`, `True`, `False`, the empty tuple and integers from -2^29 to 2^29 - 1 are held in the id itself: they take no room in
/// the graph, all of a kind and value share one id, and they are valid in every graph. A pickle cannot tell two of them apart
/// either: it never puts them in the memo. Every other id belongs to the graph that gave it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(u32);

/// Set in ids that hold a constant, clear in ids that are an index.
const CONSTANT: u32 = 1 << 31;
/// Set, beside [`CONSTANT`], in ids that hold an integer.
const INT: u32 = 1 << 30;

/// What an id that holds its value stands for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Constant {
    None,
    Bool(bool),
    EmptyTuple,
    Int(i32),
}

impl NodeId {
    /// Python's `None`.
    pub const NONE: NodeId = NodeId(CONSTANT);
    /// Python's `False`.
    pub const FALSE: NodeId = NodeId(CONSTANT | 1);
    /// Python's `True`.
    pub const TRUE: NodeId = NodeId(CONSTANT | 2);
    /// Python's `()`.
    pub const EMPTY_TUPLE: NodeId = NodeId(CONSTANT | 3);

    /// How many nodes can be told apart by index.
    pub(crate) const MAX_INDEX: usize = (CONSTANT - 1) as usize;

    /// Whether the value is in the id, so that there is no node to replace or to share.
    #[inline]
    #[must_use]
    pub const fn is_constant(self) -> bool {
        self.0 & CONSTANT != 0
    }

    /// The place in the graph's order of creation, or `None` where the value is in the id.
    #[inline]
    #[must_use]
    pub const fn index(self) -> Option<usize> {
        if self.is_constant() { None } else { Some(self.0 as usize) }
    }

    /// The caller has made sure that `index` is below [`NodeId::MAX_INDEX`].
    #[inline]
    pub(crate) const fn from_index(index: usize) -> NodeId {
        NodeId(index as u32)
    }

    #[inline]
    pub(crate) const fn from_bool(value: bool) -> NodeId {
        if value { NodeId::TRUE } else { NodeId::FALSE }
    }

    /// The id that holds `value`, where it is small enough.
    #[inline]
    pub(crate) const fn from_int(value: i64) -> Option<NodeId> {
        let half = (INT / 2) as i64;
        if -half <= value && value < half { Some(NodeId(CONSTANT | INT | (value as u32 & (INT - 1)))) } else { None }
    }

    #[inline]
    pub(crate) const fn constant(self) -> Option<Constant> {
        if !self.is_constant() {
            return None;
        }
        Some(match self {
            _ if self.0 & INT != 0 => Constant::Int(((self.0 << 2) as i32) >> 2),
            NodeId::FALSE => Constant::Bool(false),
            NodeId::TRUE => Constant::Bool(true),
            NodeId::EMPTY_TUPLE => Constant::EmptyTuple,
            _ => Constant::None,
        })
    }
}

impl fmt::Debug for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.constant() {
            None => write!(f, "#{}", self.0),
            Some(Constant::None) => f.write_str("None"),
            Some(Constant::Bool(true)) => f.write_str("True"),
            Some(Constant::Bool(false)) => f.write_str("False"),
            Some(Constant::EmptyTuple) => f.write_str("()"),
            Some(Constant::Int(value)) => write!(f, "{value}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_integers_come_back_out_of_their_ids() {
        for value in [0, 1, -1, 255, -256, 1 << 20, (1 << 29) - 1, -(1 << 29)] {
            let id = NodeId::from_int(value).unwrap();
            assert_eq!(id.constant(), Some(Constant::Int(value as i32)));
            assert_eq!(id.index(), None);
        }
        for value in [1 << 29, -(1 << 29) - 1, i64::MAX, i64::MIN] {
            assert_eq!(NodeId::from_int(value), None, "{value}");
        }
    }

    #[test]
    fn constants_and_indexes_never_meet() {
        let all = [NodeId::NONE, NodeId::FALSE, NodeId::TRUE, NodeId::EMPTY_TUPLE, NodeId::from_index(0), NodeId::from_index(3)];
        for (i, a) in all.iter().enumerate() {
            for b in &all[i + 1..] {
                assert_ne!(a, b);
            }
        }
        assert_eq!(format!("{all:?}"), "[None, False, True, (), #0, #3]");
    }
}
