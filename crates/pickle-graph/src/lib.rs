//! The object graph that a pickle describes.
//!
//! A pickle is a program that makes objects. Run by a machine that notes what it is told to make, instead of making it, it leaves
//! a [`Graph`]: every object once, who holds whom, and how each was made. Nothing is imported and nothing is called. This is what
//! `pickle-parse` gives for the pickle of an instance of a class of `__main__`, whose `tags` are two references to one list:
//!
//! ```text
//! newobj
//!   class: global __main__.Job
//!   args: ()
//!   build: dict
//!     'name': 'squares'
//!     'tags': tuple
//!       &1 list
//!         'cpu'
//!       *1
//! ```
//!
//! And this is how to make it by hand, and to read it:
//!
//! ```
//! use pickle_graph::{Graph, Node, NodeId, Step};
//!
//! let mut graph = Graph::new();
//! let class = graph.push(Node::Global { module: "__main__".into(), name: "Job".into() });
//! let job = graph.push(Node::NewObj { class, args: NodeId::EMPTY_TUPLE });
//! let state = graph.push(Node::Dict(&[]));
//! let name = graph.push(Node::Str("squares".into()));
//! let cpu = graph.push(Node::Str("cpu".into()));
//! let list = graph.push(Node::List(&[cpu]));
//! let tags = graph.push(Node::Tuple(&[list, list]));
//! graph.insert(state, "name", name);
//! graph.insert(state, "tags", tags);
//! graph.build(job, state);
//! graph.set_root(job);
//!
//! let Node::NewObj { class, .. } = graph.node(graph.root()) else { panic!("an instance") };
//! assert_eq!(graph.node(class).as_global(), Some(("__main__", "Job")));
//! let Some(Step::Build(state)) = graph.steps(job).next() else { panic!("a state") };
//! let name = graph.get(state, "name").and_then(|name| graph.node(name).as_str());
//! assert_eq!(name, Some("squares"));
//! # assert_eq!(graph.to_string(), "\
//! # newobj\n  class: global __main__.Job\n  args: ()\n  build: dict\n    'name': 'squares'\n    'tags': tuple\n      \
//! # &1 list\n        'cpu'\n      *1\n");
//! ```
//!
//! # What becomes of what
//!
//! | In the pickle | [`Node`] | After it was made |
//! |---|---|---|
//! | `None`, bools | [`None`](Node::None), [`Bool`](Node::Bool) | |
//! | ints | [`Int`](Node::Int), beyond 64 bits [`BigInt`](Node::BigInt) | |
//! | floats | [`Float`](Node::Float), bit for bit | |
//! | `str` | [`Str`](Node::Str), which may hold lone surrogates | |
//! | `str` of Python 2 | [`String`](Node::String): bytes of an unknown encoding | |
//! | `bytes`, `bytearray` | [`Bytes`](Node::Bytes), [`ByteArray`](Node::ByteArray) | |
//! | lists, tuples, sets, frozensets | [`List`](Node::List), [`Tuple`](Node::Tuple), [`Set`](Node::Set), [`FrozenSet`](Node::FrozenSet), in the pickle's order | the node has more items |
//! | dicts | [`Dict`](Node::Dict), in the pickle's order, repeated keys too | the node has more items |
//! | classes, functions of modules | [`Global`](Node::Global), or [`Extension`](Node::Extension) by code | |
//! | other objects | how they were made: [`Reduce`](Node::Reduce), [`NewObj`](Node::NewObj), [`NewObjEx`](Node::NewObjEx), [`Inst`](Node::Inst), [`Obj`](Node::Obj) | [`Graph::steps`]: states, items |
//! | what the pickle only names | [`PersistentId`](Node::PersistentId), [`BinPersistentId`](Node::BinPersistentId), [`Buffer`](Node::Buffer) | |
//! | what is made and thrown away | [`Graph::discarded`] | |
//!
//! # Shared objects and cycles
//!
//! One Python object is one node, however often it is held: [`NodeId`]s are what holds. An object that holds itself is made
//! first and given to itself afterwards, as pickles do it too. [`Graph::preorder`] and [`Graph::postorder`] come by each node
//! once, [`is_isomorphic`] compares sharing along with values, and the printed tree marks what is held twice.
//!
//! ```
//! use pickle_graph::{Graph, Node};
//!
//! let mut graph = Graph::new();
//! let me = graph.push(Node::Dict(&[]));
//! graph.insert(me, "me", me);
//! assert_eq!(graph.tree(me).to_string(), "&1 dict\n  'me': *1\n");
//! assert_eq!(graph.preorder(me).count(), 2);
//! ```
//!
//! # Bytes that are not trusted
//!
//! Walking, comparing, printing, copying and dropping are iterative and take time and memory in proportion to the graph, however
//! deep it is and however it goes round. A printed tree ends at 100 levels unless told otherwise, since each level indents its
//! lines. What a builder has to ask is [`Graph::check_room`]: a graph has room for 2^31 - 1 nodes.

mod change;
mod compat;
mod compat_tables;
mod edit;
mod error;
mod float;
mod graph;
mod id;
mod isomorphic;
mod items;
mod node;
mod origin;
mod printable;
mod repr;
#[cfg(feature = "serde")]
pub mod serde;
mod slot;
mod step;
mod str;
mod text;
mod tree;
mod walk;

pub use compat::Names;
pub use error::{Error, ErrorKind};
pub use float::float_repr;
pub use graph::Graph;
pub use id::NodeId;
pub use isomorphic::is_isomorphic;
pub use node::Node;
pub use origin::{IntForm, Pickler};
pub use printable::is_printable;
pub use step::{Step, Steps};
pub use str::{CodePoints, Str};
pub use tree::Tree;
pub use walk::{Children, Walk};

/// The README's examples.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
