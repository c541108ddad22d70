//! Writes pickles, in the canonical form of CPython's own pickler.
//!
//! This is the pickle of `{'squares': [1, 4, 9]}` at protocol 4, as `python -m pickletools` lists it:
//!
//! ```text
//!     0: \x80 PROTO      4
//!     2: \x95 FRAME      24
//!    11: }    EMPTY_DICT
//!    12: \x94 MEMOIZE    (as 0)
//!    13: \x8c SHORT_BINUNICODE 'squares'
//!    22: \x94 MEMOIZE    (as 1)
//!    23: ]    EMPTY_LIST
//!    24: \x94 MEMOIZE    (as 2)
//!    25: (    MARK
//!    26: K        BININT1    1
//!    28: K        BININT1    4
//!    30: K        BININT1    9
//!    32: e        APPENDS    (MARK at 25)
//!    33: s    SETITEM
//!    34: .    STOP
//! ```
//!
//! And this writes it, byte for byte:
//!
//! ```
//! use pickle_emit::GraphEncoder;
//! use pickle_graph::{Graph, Node};
//! use pickle_opcodes::Protocol;
//!
//! let mut graph = Graph::new();
//! let squares = [1, 4, 9].map(|square| graph.push(Node::Int(square)));
//! let list = graph.push(Node::List(&squares));
//! let dict = graph.push(Node::Dict(&[]));
//! graph.insert(dict, "squares", list);
//! graph.set_root(dict);
//!
//! let pickle = GraphEncoder::new().protocol(Protocol::V4).encode(&graph)?;
//! assert_eq!(
//!     pickle,
//!     b"\x80\x04\x95\x18\0\0\0\0\0\0\0}\x94\x8c\x07squares\x94]\x94(K\x01K\x04K\x09es."
//! );
//! # Ok::<(), pickle_emit::Error>(())
//! ```
//!
//! # Five ways to write
//!
//! | From | by | which sees to |
//! |---|---|---|
//! | a [`Graph`](pickle_graph::Graph) | [`GraphEncoder`] | everything: order, memo, batches, frames, what a protocol lacks |
//! | values, one by one | [`Encoder`] | the smallest opcode, and frames |
//! | [`Op`](pickle_opcodes::Op)s | [`OpWriter`], [`write_op`] | each op's bytes, and that the ops make a pickle |
//! | the ops of a pickle | [`optimize`] | what `pickletools.optimize` does |
#![cfg_attr(
    feature = "serde",
    doc = "| values of your own types | [`to_vec`], [`to_writer`], [`serde`](mod@serde) | everything, as CPython writes plain data |"
)]
#![cfg_attr(
    not(feature = "serde"),
    doc = "| values of your own types | `to_vec`, `to_writer`, with the feature `serde` | everything |"
)]
//!
//! # The canonical form
//!
//! For one object there are many pickles. CPython's pickler writes one of them: the smallest opcode that carries each value;
//! items in batches of 1000; after every object that has an identity a `MEMOIZE` (or `PUT`), needed or not; frames of 64 KiB,
//! with payloads as large as that between them. What was read from such a pickle comes out as the same bytes, recursive tuples
//! and all:
//!
//! ```
//! // t = ([],); t[0].append(t)
//! let pickle = b"\x80\x04\x95\x0b\0\0\0\0\0\0\0]\x94h\0\x85\x94a0h\x01.";
//! let graph = pickle_parse::graph(&pickle[..]).unwrap();
//! assert_eq!(graph.to_string(), "&1 tuple\n  &2 list\n    *1\ndiscarded: *2\n");
//! assert_eq!(pickle_emit::graph_to_vec(&graph)?, pickle);
//! # Ok::<(), pickle_emit::Error>(())
//! ```
//!
//! Python 2's picklers, and those of CPython 3.15, write some values otherwise. A graph remembers what it was read from
//! ([`Pickler`](pickle_graph::Pickler)), and is written like that again.
//!
//! # What cannot be written
//!
//! Graphs can be made by hand that no pickle makes, such as a tuple that holds nothing but itself. They are an [`Error`]. Writing
//! never recurses, and takes time in proportion to the graph.

mod arg;
mod by_call;
mod encoder;
mod error;
mod frame;
mod graph;
mod memo;
mod op;
mod optimize;
#[cfg(feature = "serde")]
pub mod serde;
mod sink;

pub use encoder::{BATCH_SIZE, Encoder};
pub use error::{Error, ErrorKind};
pub use frame::{FRAME_HEADER_SIZE, FRAME_SIZE_MIN, FRAME_SIZE_TARGET};
pub use graph::{GraphEncoder, Pickled, graph_to_vec};
pub use op::{OpWriter, write_op};
pub use optimize::optimize;
#[cfg(feature = "serde")]
#[doc(inline)]
pub use serde::{to_vec, to_vec_with, to_writer};
pub use sink::Sink;

/// The README's examples.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
