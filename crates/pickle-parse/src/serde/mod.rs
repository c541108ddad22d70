//! Pickles to Rust types, by [serde](https://serde.rs). Nothing is imported and nothing is called.
//!
//! ```
//! use serde::Deserialize;
//!
//! #[derive(Deserialize, Debug, PartialEq)]
//! struct User {
//!     name: String,
//!     tags: Vec<String>,
//! }
//!
//! // pickle.dumps(User("Ada", ["admin"])), User being a dataclass of the module app
//! let pickle = b"\x80\x04\x957\0\0\0\0\0\0\0\x8c\x03app\x94\x8c\x04User\x94\x93\x94)\x81\x94}\x94(\
//!     \x8c\x04name\x94\x8c\x03Ada\x94\x8c\x04tags\x94]\x94\x8c\x05admin\x94aub.";
//! let user: User = pickle_parse::from_slice(pickle)?;
//! assert_eq!(user, User { name: "Ada".into(), tags: vec!["admin".into()] });
//! # Ok::<(), pickle_parse::Error>(())
//! ```
//!
//! [`from_slice`] and [`from_reader`] read one value. A [`Deserializer`] reads many pickles in a row, and has the choices to be
//! made: limits, out-of-band buffers, the strings of Python 2, lone surrogates.
//!
//! # What Python's values are
//!
//! | Python | is to serde | so that it can be read as |
//! |---|---|---|
//! | `None` | unit, none | `()`, `Option` |
//! | `bool` | bool | `bool` |
//! | `int` | the smallest of u64, i64, i128, u128 that holds it; beyond, its decimal digits as a str | integers, floats; of any size: [`Int`](pickle_graph::serde::Int) and [`int`](mod@pickle_graph::serde::int) |
//! | `float` | f64 | `f64`, `f32` |
//! | `str` | str, borrowed from the input where it stands there as it is | `&str`, `String`, `char`; as bytes, its UTF-8 |
//! | `str` with lone surrogates | an error, or with U+FFFD in their places ([`lossy`](Deserializer::lossy)) | bytes always: three for each surrogate |
//! | `bytes`, `bytearray` | bytes, borrowed likewise | `&[u8]`, `serde_bytes`; `Vec<u8>` and other sequences of numbers |
//! | `str` of Python 2 | as [`strings`](Deserializer::strings) says: str if it is UTF-8, otherwise bytes | |
//! | `list`, `tuple`, `set`, `frozenset`, `deque` | a sequence | `Vec`, tuples, arrays, sets, structs by position |
//! | `dict`, `OrderedDict`, `defaultdict`, `Counter` | a map; keys of any type, in the pickle's order, repeated ones too | maps, structs |
//! | dataclass instances, other instances with a `__dict__` or slots | a map of the attributes | structs, maps |
//! | namedtuples | a sequence | structs, tuples |
//! | instances of subclasses of `list`, `dict`, ... | what the base class is | |
//! | members of an `Enum` | their value | an enum whose variants are named like the values |
//! | `datetime`, `date`, `time`, with their time zone | a str, as `isoformat()` has it; the zone of a `ZoneInfo` in brackets | `String`, the types of `chrono`, `jiff` and `time` |
//! | `timedelta` | a sequence: days, seconds, microseconds | |
//! | `Decimal` | a str, `1.50` | `String`, types of decimal numbers |
//! | `UUID` | a str, `12345678-1234-...` | `String`, `uuid::Uuid` |
//! | `PosixPath`, `PurePosixPath` | a str | `PathBuf` |
//! | other instances and calls | see below | |
//! | classes and functions | a str, `module.name` | |
//! | persistent ids | the id itself | |
//! | out-of-band buffers | bytes, of [`buffers`](Deserializer::buffers) | |
//! | objects of extension codes (`copyreg.add_extension`) | an error: they are not in the pickle | |
//! | arrays of numpy and other objects whose state only their class understands | the call or state as it stands in the pickle | |
//!
//! `IgnoredAny` and fields that are left out take anything, the errors of the table too.
//!
//! ```
//! use pickle_parse::from_slice;
//! use serde::Deserialize;
//! use std::collections::{BTreeMap, BTreeSet};
//!
//! // [1, 2**64, -1]
//! let pickle = b"\x80\x04\x95\x17\0\0\0\0\0\0\0]\x94(K\x01\x8a\x09\0\0\0\0\0\0\0\0\x01J\xff\xff\xff\xffe.";
//! assert_eq!(from_slice::<Vec<i128>>(pickle)?, [1, 1 << 64, -1]);
//!
//! // {7}
//! let pickle = b"\x80\x04\x95\x07\0\0\0\0\0\0\0\x8f\x94(K\x07\x90.";
//! assert_eq!(from_slice::<BTreeSet<u8>>(pickle)?, BTreeSet::from([7]));
//!
//! // b"\xff\0"
//! let pickle = b"\x80\x04\x95\x06\0\0\0\0\0\0\0C\x02\xff\0\x94.";
//! assert_eq!(from_slice::<&[u8]>(pickle)?, b"\xff\0");
//!
//! // {(1, 2): "a"}
//! let pickle = b"\x80\x04\x95\x0e\0\0\0\0\0\0\0}\x94K\x01K\x02\x86\x94\x8c\x01a\x94s.";
//! assert_eq!(from_slice::<BTreeMap<(i32, i32), &str>>(pickle)?, BTreeMap::from([((1, 2), "a")]));
//!
//! // Point(1, 2), Point being a namedtuple
//! #[derive(Deserialize, PartialEq, Debug)]
//! struct Point { x: i32, y: i32 }
//! let pickle = b"\x80\x04\x95\x19\0\0\0\0\0\0\0\x8c\x03app\x94\x8c\x05Point\x94\x93\x94K\x01K\x02\x86\x94\x81\x94.";
//! assert_eq!(from_slice::<Point>(pickle)?, Point { x: 1, y: 2 });
//!
//! // Color.RED, whose value is "red"
//! #[derive(Deserialize, PartialEq, Debug)]
//! enum Color { #[serde(rename = "red")] Red }
//! let pickle = b"\x80\x04\x95\x1b\0\0\0\0\0\0\0\x8c\x03app\x94\x8c\x05Color\x94\x93\x94\x8c\x03red\x94\x85\x94R\x94.";
//! assert_eq!(from_slice::<Color>(pickle)?, Color::Red);
//!
//! // datetime(2024, 2, 29, 12, 30, tzinfo=timezone.utc)
//! let pickle = b"\x80\x04\x95W\0\0\0\0\0\0\0\x8c\x08datetime\x94\x8c\x08datetime\x94\x93\x94C\n\x07\xe8\x02\x1d\x0c\x1e\0\0\0\0\
//!     \x94h\0\x8c\x08timezone\x94\x93\x94h\0\x8c\x09timedelta\x94\x93\x94K\0K\0K\0\x87\x94R\x94\x85\x94R\x94\x86\x94R\x94.";
//! assert_eq!(from_slice::<String>(pickle)?, "2024-02-29T12:30:00+00:00");
//!
//! // Decimal("1.50")
//! let pickle = b"\x80\x04\x95\"\0\0\0\0\0\0\0\x8c\x07decimal\x94\x8c\x07Decimal\x94\x93\x94\x8c\x041.50\x94\x85\x94R\x94.";
//! assert_eq!(from_slice::<&str>(pickle)?, "1.50");
//!
//! // {"a": [1, None], "b": True}
//! let pickle = b"\x80\x04\x95\x15\0\0\0\0\0\0\0}\x94(\x8c\x01a\x94]\x94(K\x01Ne\x8c\x01b\x94\x88u.";
//! let value: serde_json::Value = from_slice(pickle)?;
//! assert_eq!(value, serde_json::json!({"a": [1, null], "b": true}));
//! # Ok::<(), pickle_parse::Error>(())
//! ```
//!
//! # Objects of unknown classes
//!
//! The class is not there to ask, so an object is what the pickle says of it, the first of these that it has:
//!
//! 1. the items that are set, appended or added: a map or a sequence;
//! 2. its state: the attributes of its `__dict__` and its slots as one map, or whatever else `__getstate__` returned;
//! 3. the arguments that its class was called with: keywords as a map; one argument as that argument; more as a sequence; where
//!    there are none, an empty map.
//!
//! A struct, sequence or map is read from a single argument only where that is what it holds; otherwise the argument is its first
//! part.
//!
//! # Enums
//!
//! A variant is written in serde's own way, as its name or as a dict of its name and content. It may also be an instance of a
//! class that is named like the variant, as in Python's unions of dataclasses:
//!
//! ```
//! #[derive(serde::Deserialize, PartialEq, Debug)]
//! enum Shape { Circle { radius: f64 }, Square { side: f64 } }
//!
//! // [Circle(1.5)]
//! let pickle = b"\x80\x04\x95.\0\0\0\0\0\0\0]\x94\x8c\x03app\x94\x8c\x06Circle\x94\x93\x94)\x81\x94}\x94\
//!     \x8c\x06radius\x94G?\xf8\0\0\0\0\0\0sba.";
//! assert_eq!(pickle_parse::from_slice::<Vec<Shape>>(pickle)?, [Shape::Circle { radius: 1.5 }]);
//! # Ok::<(), pickle_parse::Error>(())
//! ```
//!
//! # Shared objects and cycles
//!
//! serde's data model is a tree. An object that is held in several places is handed over in each of them:
//!
//! ```
//! // l = [1]; [l, l]
//! let pickle = b"\x80\x04\x95\x0c\0\0\0\0\0\0\0]\x94(]\x94K\x01ah\x01e.";
//! assert_eq!(pickle_parse::from_slice::<Vec<Vec<u8>>>(pickle)?, [[1], [1]]);
//! # Ok::<(), pickle_parse::Error>(())
//! ```
//!
//! How far a pickle may expand so is limited ([`max_expansion`](Deserializer::max_expansion)), and an object that holds itself is
//! an [error](crate::ErrorKind::Cycle). Where sharing matters, read a [graph](crate::graph).
//!
//! # Errors
//!
//! An error tells the way to the value that is not as it should be, and the opcode that made it:
//!
//! ```
//! // [{"zip": "A1"}]
//! let error = pickle_parse::from_slice::<Vec<std::collections::BTreeMap<String, u32>>>(b"]}\x8c\x03zip\x8c\x02A1sa.").unwrap_err();
//! assert_eq!(error.path(), "[0].zip");
//! assert_eq!(error.to_string(), "invalid type: string \"A1\", expected u32 in [0].zip (SHORT_BINUNICODE at byte 7)");
//! ```
//!
//! # Bytes that are not trusted
//!
//! No input panics, or takes more time and memory than a multiple of its length that the caller can set. Reading recurses as deep
//! as values lie within each other, which is limited ([`max_depth`](Deserializer::max_depth)).
//!
//! # How it is done
//!
//! Most pickles can be read like JSON, from the first byte to the last, each value handed over as it comes, and so they are read.
//! A pickle that holds more than plain data, or that is not of the type that is asked for, is then run by the
//! [machine](crate::Machine), which notes where things stand, and what it made is handed over from its root. So a type's
//! `Deserialize` may be asked twice; what it is asked first comes to nothing then. Deserializing by serde's own trait from a
//! [`Deserializer`] always goes the second way.

mod access;
mod arena;
mod builder;
mod class;
mod date;
mod de;
mod enums;
mod error;
mod object;
mod options;
mod plain;
mod seen;
mod straight;
mod value;
mod walk;

pub use de::{Deserializer, IntoIter, Slice, Stream};
#[doc(inline)]
pub use de::{from_reader, from_slice};
