//! Reads Python pickles: opcode by opcode, as graphs of objects, and as listings. No Python is needed, nothing is imported and
//! nothing is called.
//!
//! This is a pickle that Python 3.13 made of `{"name": "squares", "sizes": [1, 2]}`, and what it says:
//!
//! ```
//! let pickle = b"\x80\x04\x95\x26\0\0\0\0\0\0\0}\x94(\x8c\x04name\x94\x8c\x07squares\x94\x8c\x05sizes\x94]\x94(K\x01K\x02eu.";
//!
//! let graph = pickle_parse::graph(&pickle[..])?;
//! assert_eq!(graph.to_string(), "\
//! dict
//!   'name': 'squares'
//!   'sizes': list
//!     1
//!     2
//! ");
//! # Ok::<(), pickle_parse::Error>(())
//! ```
//!
//! # Pickles are programs
//!
//! A pickle does not hold objects, it tells a machine with a stack and a memo how to make them. [`dis()`] shows the program, in
//! the very words of `python -m pickletools` of CPython 3.13:
//!
//! ```
//! # let pickle = b"\x80\x04\x95\x26\0\0\0\0\0\0\0}\x94(\x8c\x04name\x94\x8c\x07squares\x94\x8c\x05sizes\x94]\x94(K\x01K\x02eu.";
//! assert_eq!(pickle_parse::dis(pickle)?, r"    0: \x80 PROTO      4
//!     2: \x95 FRAME      38
//!    11: }    EMPTY_DICT
//!    12: \x94 MEMOIZE    (as 0)
//!    13: (    MARK
//!    14: \x8c     SHORT_BINUNICODE 'name'
//!    20: \x94     MEMOIZE    (as 1)
//!    21: \x8c     SHORT_BINUNICODE 'squares'
//!    30: \x94     MEMOIZE    (as 2)
//!    31: \x8c     SHORT_BINUNICODE 'sizes'
//!    38: \x94     MEMOIZE    (as 3)
//!    39: ]        EMPTY_LIST
//!    40: \x94     MEMOIZE    (as 4)
//!    41: (        MARK
//!    42: K            BININT1    1
//!    44: K            BININT1    2
//!    46: e            APPENDS    (MARK at 41)
//!    47: u        SETITEMS   (MARK at 13)
//!    48: .    STOP
//! highest protocol among opcodes = 4
//! ");
//! # Ok::<(), pickle_parse::Error>(())
//! ```
//!
//! There are five ways to read it, all but the last each made of the one before:
//!
//! | | gives | for |
//! |---|---|---|
//! | [`op()`], [`Ops`], [`OpReader`] | opcodes with their arguments, borrowed from the input or read from a stream | scanning, rewriting, statistics |
//! | [`Machine`] with a [`Builder`] of yours | whatever you make of the objects | loading into a language or a data model of your own |
//! | [`graph()`], [`Loader`] | a [`Graph`](pickle_graph::Graph): every object once, and how it is made | looking into pickles, changing them |
//! | [`dis()`], [`Dis`] | the listing | people |
#![cfg_attr(
    feature = "serde",
    doc = "| [`from_slice`], [`from_reader`], [`serde`](mod@serde) | values of your own types | reading data |"
)]
#![cfg_attr(
    not(feature = "serde"),
    doc = "| `from_slice`, `from_reader`, with the feature `serde` | values of your own types | reading data |"
)]
//!
//! # Opcodes
//!
//! [`Ops`] goes from opcode to opcode and copies nothing, and text arguments stay the text they are, so that nothing is lost.
//! Here it finds what a pickle would import, which is what to look at before a pickle of unknown origin is loaded anywhere:
//!
//! ```
//! use pickle_opcodes::Op;
//! use pickle_parse::Ops;
//!
//! let pickle = b"cos\nsystem\n(S'echo hello'\ntR.";
//! for op in Ops::new(pickle) {
//!     if let (offset, Op::Global(global)) = op? {
//!         assert_eq!((offset, global.module, global.name), (0, &b"os"[..], &b"system"[..]));
//!     }
//! }
//! # Ok::<(), pickle_parse::Error>(())
//! ```
//!
//! What a text argument means, [`arg`] tells, by the rules of CPython's unpickler.
//!
//! # Graphs
//!
//! The graph keeps what the pickle says and a tree would lose: which objects are one and the same, which hold themselves, and how
//! objects that are not plain data are made.
//!
//! ```
//! use pickle_graph::Node;
//!
//! // The same call, as a graph: nothing was called.
//! let graph = pickle_parse::graph(&b"cos\nsystem\n(S'echo hello'\ntR."[..])?;
//! let Node::Reduce { callable, args } = graph.node(graph.root()) else { panic!("not a call") };
//! assert_eq!(graph.node(callable).as_global(), Some(("os", "system")));
//! assert_eq!(graph.node(args).as_tuple().map(<[_]>::len), Some(1));
//!
//! // l = []; l.append(l)
//! let graph = pickle_parse::graph(&b"]q\0h\0a."[..])?;
//! assert_eq!(graph.node(graph.root()).as_list(), Some(&[graph.root()][..]));
//! # Ok::<(), pickle_parse::Error>(())
//! ```
//!
//! | In the pickle | In the graph |
//! |---|---|
//! | `None`, `bool`, `int`, `float` | themselves; ints of any size, floats bit for bit |
//! | `str` | [`Node::Str`](pickle_graph::Node::Str), which can hold lone surrogates |
//! | `str` of Python 2 | [`Node::String`](pickle_graph::Node::String), or what [`Loader::strings`] makes of it |
//! | `bytes`, `bytearray` | a slice of the input, shared and not copied |
//! | list, tuple, dict, set, frozenset | their items in the pickle's order, repeated keys too |
//! | classes and functions by name | [`Node::Global`](pickle_graph::Node::Global); renamed to Python 3's names by [`Loader::python3_names`] |
//! | instances and calls | how they are made, and in [`Graph::steps`](pickle_graph::Graph::steps) what is done to them then |
//! | persistent ids, extension codes, out-of-band buffers | named; what they stand for is not in the pickle |
//!
//! # A machine of your own
//!
//! [`Machine`] executes what CPython's `_pickle.Unpickler` executes and refuses what that refuses; where its versions differ,
//! [`Rules`] say which of them is meant. It knows of stack, marks and memo only: what an object is, its [`Builder`] decides. A
//! builder that makes live Python objects is what `cloudpickle_rs.loads` is made of.
//!
//! # Streams
//!
//! A file may hold many pickles, one behind the other:
//!
//! ```
//! use pickle_parse::{Loader, OpReader};
//!
//! let file = &b"K\x01.K\x02."[..]; // anything that is BufRead
//! let mut reader = OpReader::new(file);
//! let mut values = Vec::new();
//! while let Some(graph) = Loader::new().read(&mut reader)? {
//!     values.push(graph.node(graph.root()).as_int());
//! }
//! assert_eq!(values, [Some(1), Some(2)]);
//! # Ok::<(), pickle_parse::Error>(())
//! ```
//!
//! # Errors
//!
//! An [`Error`] is one word wide and tells what was wrong, in CPython's words, where, and which exception CPython raises:
//!
//! ```
//! use pickle_parse::PythonException;
//!
//! let error = pickle_parse::graph(&b"]K\x01K\x02e."[..]).unwrap_err();
//! assert_eq!(error.to_string(), "could not find MARK (APPENDS at byte 5)");
//! assert_eq!(error.offset(), 5);
//! assert_eq!(error.kind().python_exception(), PythonException::UnpicklingError);
//! ```
//!
//! # Bytes that are not trusted
//!
//! No input panics, recurses, or takes more time or memory than a small multiple of its own length. A length that a pickle claims
//! is compared with what is there before anything is allocated, and an index of the memo is a key and not a size. What cannot be
//! had in linear time has a limit: digits of integers in decimal ([`Limits::int_digits`]), open marks in listings
//! ([`Dis::max_depth`]). For a compressed pickle, a small multiple of its length can be too much: [`Limits::memory`] is a bound
//! of yours.
//!
//! ```
//! use pickle_parse::{ErrorKind, Limits, Loader};
//!
//! let mut limits = Limits::default();
//! limits.memory = 10_000_000;
//! let lists = [&b"]".repeat(5_000_000)[..], b"."].concat();
//! let error = Loader::new().limits(limits).load(lists).unwrap_err();
//! assert_eq!(error.kind(), &ErrorKind::Limit { what: "bytes of memory", limit: 10_000_000 });
//! ```
//!
//! Since nothing is imported or called, there is nothing that a pickle could do; what it would do elsewhere
//! is in the graph.

pub mod arg;

mod builder;
mod dis;
mod error;
mod frame;
mod graph;
mod limits;
mod machine;
mod memo;
mod op;
mod reader;
mod refusal;
mod repr;
mod rules;
#[cfg(feature = "serde")]
pub mod serde;
mod utf8;

pub use builder::{Builder, Items};
pub use dis::{Dis, dis};
pub use error::{Error, ErrorKind, PythonException};
pub use graph::{GraphBuilder, Loader, Strings, graph};
pub use limits::Limits;
pub use machine::{Machine, MachineError, Part};
pub use memo::Memo;
pub use op::{OpError, Ops, op};
pub use reader::OpReader;
pub use rules::Rules;
#[cfg(feature = "serde")]
#[doc(inline)]
pub use serde::{from_reader, from_slice};
pub use utf8::text as utf8_text;

/// The README's examples.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
