//! [`ToNode`]: nodes of Rust values.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use pickle_graph::{Graph, Node, NodeId, Str};

/// A Rust value that a Python object can be made of.
///
/// | Rust | Python |
/// |---|---|
/// | `()`, [`None`] | `None` |
/// | [`bool`], integers of up to 64 bits, floats | `bool`, `int`, `float` |
/// | `&str`, [`String`], [`Str`] | `str` |
/// | slices, arrays and [`Vec`]s | `list` |
/// | tuples of up to four | `tuple` |
/// | maps | `dict`: a [`HashMap`] in whichever order it has |
/// | sets | `set` |
/// | [`NodeId`] | the object that it is in the same graph |
///
/// `bytes` are [`Node::Bytes`], which [`Graph::push`] takes; other values can be serialized with `pickle-emit`'s `serde` feature and
/// taken over with [`Graph::graft`].
///
/// ```
/// use cloud_reduce::ToNode;
/// use pickle_graph::Graph;
///
/// let mut graph = Graph::new();
/// let options = [("retries", Some(3)), ("timeout", None)];
/// let root = std::collections::BTreeMap::from(options).to_node(&mut graph);
/// assert_eq!(graph.tree(root).to_string(), "dict\n  'retries': 3\n  'timeout': None\n");
/// ```
pub trait ToNode {
    /// Puts it in a graph.
    ///
    /// # Panics
    ///
    /// As [`Graph::push`] does.
    fn to_node(&self, graph: &mut Graph) -> NodeId;
}

impl ToNode for NodeId {
    fn to_node(&self, _graph: &mut Graph) -> NodeId {
        *self
    }
}

impl ToNode for () {
    fn to_node(&self, _graph: &mut Graph) -> NodeId {
        NodeId::NONE
    }
}

impl<T: ToNode> ToNode for Option<T> {
    fn to_node(&self, graph: &mut Graph) -> NodeId {
        self.as_ref().map_or(NodeId::NONE, |value| value.to_node(graph))
    }
}

impl<T: ToNode + ?Sized> ToNode for &T {
    fn to_node(&self, graph: &mut Graph) -> NodeId {
        (**self).to_node(graph)
    }
}

impl ToNode for bool {
    fn to_node(&self, graph: &mut Graph) -> NodeId {
        graph.push(Node::Bool(*self))
    }
}

macro_rules! ints {
    ($($int:ident)*) => {
        $(impl ToNode for $int {
            fn to_node(&self, graph: &mut Graph) -> NodeId {
                graph.push(Node::Int(i64::from(*self)))
            }
        })*
    };
}

ints! { i8 i16 i32 i64 u8 u16 u32 }

impl ToNode for u64 {
    fn to_node(&self, graph: &mut Graph) -> NodeId {
        match i64::try_from(*self) {
            Ok(value) => graph.push(Node::Int(value)),
            // As a pickle has it: with the zero byte that makes it positive.
            Err(_) => graph.push_long(&u128::from(*self).to_le_bytes()[..9]),
        }
    }
}

impl ToNode for usize {
    fn to_node(&self, graph: &mut Graph) -> NodeId {
        (*self as u64).to_node(graph)
    }
}

impl ToNode for f64 {
    fn to_node(&self, graph: &mut Graph) -> NodeId {
        graph.push(Node::Float(*self))
    }
}

impl ToNode for f32 {
    fn to_node(&self, graph: &mut Graph) -> NodeId {
        f64::from(*self).to_node(graph)
    }
}

impl ToNode for str {
    fn to_node(&self, graph: &mut Graph) -> NodeId {
        graph.push(Node::Str(self.into()))
    }
}

impl ToNode for String {
    fn to_node(&self, graph: &mut Graph) -> NodeId {
        self.as_str().to_node(graph)
    }
}

impl ToNode for Str<'_> {
    fn to_node(&self, graph: &mut Graph) -> NodeId {
        graph.push(Node::Str(*self))
    }
}

/// The nodes of some values.
fn nodes<T: ToNode>(values: impl IntoIterator<Item = T>, graph: &mut Graph) -> Vec<NodeId> {
    values.into_iter().map(|value| value.to_node(graph)).collect()
}

/// A dict of keys and values.
fn dict<K: ToNode, V: ToNode>(items: impl IntoIterator<Item = (K, V)>, graph: &mut Graph) -> NodeId {
    let items: Vec<[NodeId; 2]> = items.into_iter().map(|(key, value)| [key.to_node(graph), value.to_node(graph)]).collect();
    graph.push(Node::Dict(&items))
}

impl<T: ToNode> ToNode for [T] {
    fn to_node(&self, graph: &mut Graph) -> NodeId {
        let items = nodes(self, graph);
        graph.push(Node::List(&items))
    }
}

impl<T: ToNode, const N: usize> ToNode for [T; N] {
    fn to_node(&self, graph: &mut Graph) -> NodeId {
        self.as_slice().to_node(graph)
    }
}

impl<T: ToNode> ToNode for Vec<T> {
    fn to_node(&self, graph: &mut Graph) -> NodeId {
        self.as_slice().to_node(graph)
    }
}

impl<K: ToNode, V: ToNode> ToNode for BTreeMap<K, V> {
    fn to_node(&self, graph: &mut Graph) -> NodeId {
        dict(self, graph)
    }
}

impl<K: ToNode, V: ToNode, S> ToNode for HashMap<K, V, S> {
    fn to_node(&self, graph: &mut Graph) -> NodeId {
        dict(self, graph)
    }
}

impl<T: ToNode> ToNode for BTreeSet<T> {
    fn to_node(&self, graph: &mut Graph) -> NodeId {
        let items = nodes(self, graph);
        graph.push(Node::Set(&items))
    }
}

impl<T: ToNode, S> ToNode for HashSet<T, S> {
    fn to_node(&self, graph: &mut Graph) -> NodeId {
        let items = nodes(self, graph);
        graph.push(Node::Set(&items))
    }
}

macro_rules! tuples {
    ($(($($name:ident $index:tt),*))*) => {
        $(impl<$($name: ToNode),*> ToNode for ($($name,)*) {
            fn to_node(&self, graph: &mut Graph) -> NodeId {
                let items = [$(self.$index.to_node(graph)),*];
                graph.push(Node::Tuple(&items))
            }
        })*
    };
}

tuples! { (A 0) (A 0, B 1) (A 0, B 1, C 2) (A 0, B 1, C 2, D 3) }

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rust_values_are_the_python_objects_of_the_table() {
        let cases: [(&dyn ToNode, &str); 9] = [
            (&(), "None\n"),
            (&Some(true), "True\n"),
            (&-5_i8, "-5\n"),
            (&u64::MAX, "18446744073709551615\n"),
            (&1.5_f32, "1.5\n"),
            (&"text", "'text'\n"),
            (&vec![1, 2], "list\n  1\n  2\n"),
            (&("a", 1), "tuple\n  'a'\n  1\n"),
            (&BTreeSet::from([3, 4]), "set\n  3\n  4\n"),
        ];
        for (value, tree) in cases {
            let mut graph = Graph::new();
            let id = value.to_node(&mut graph);
            assert_eq!(graph.tree(id).to_string(), tree);
        }
    }
}
