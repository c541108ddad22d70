//! Rust values to pickles, by [serde](https://serde.rs).
//!
//! ```
//! #[derive(serde::Serialize)]
//! struct User {
//!     name: String,
//!     tags: Vec<String>,
//! }
//!
//! let user = User { name: "Ada".into(), tags: vec!["admin".into()] };
//! // What CPython makes of {"name": "Ada", "tags": ["admin"]}, byte for byte.
//! assert_eq!(
//!     pickle_emit::to_vec(&user)?,
//!     b"\x80\x04\x95$\0\0\0\0\0\0\0}\x94(\x8c\x04name\x94\x8c\x03Ada\x94\x8c\x04tags\x94]\x94\x8c\x05admin\x94au."
//! );
//! # Ok::<(), pickle_emit::Error>(())
//! ```
//!
//! [`to_vec`] and [`to_writer`] write protocol 4. [`Options`] has the choices to be made: the protocol, and what structs and
//! enums become. What is written here, pickle-parse reads by serde into the same types again.
//!
//! # What Rust's values become
//!
//! | serde | Python |
//! |---|---|
//! | `()`, `None`, unit structs | `None` |
//! | `Some`, newtype structs | what they hold |
//! | `bool` | `bool` |
//! | integers up to 128 bits | `int` |
//! | [`Int`](pickle_graph::serde::Int), [`int`](mod@pickle_graph::serde::int) | `int` of any size |
//! | `f32`, `f64` | `float`, bit for bit |
//! | `char`, `str` | `str` |
//! | bytes (`serde_bytes`) | `bytes`; below protocol 3 a call that makes them, of which Python 2 makes a `str` |
//! | [`bytearray`](mod@pickle_graph::serde::bytearray) | `bytearray` |
//! | sequences: `Vec`, slices, sets | `list` |
//! | [`set`](mod@pickle_graph::serde::set), [`frozenset`](mod@pickle_graph::serde::frozenset) | `set`, `frozenset` |
//! | tuples, arrays, tuple structs | `tuple` |
//! | maps | `dict`, in the map's order |
//! | structs | `dict` of the fields, or as [`Structs`] says: a tuple, or an instance of a class |
//! | unit variants of enums | their name, a `str` |
//! | other variants | `dict` of one item: name and content, or as [`Enums`] says |
//!
//! ```
//! use pickle_emit::to_vec;
//! use std::collections::BTreeMap;
//!
//! assert_eq!(to_vec(&None::<u8>)?, b"\x80\x04N.");
//! assert_eq!(to_vec(&-1)?, b"\x80\x04\x95\x06\0\0\0\0\0\0\0J\xff\xff\xff\xff.");
//! assert_eq!(to_vec(&u64::MAX)?, b"\x80\x04\x95\x0c\0\0\0\0\0\0\0\x8a\x09\xff\xff\xff\xff\xff\xff\xff\xff\0.");
//! assert_eq!(to_vec(&vec![1, 2])?, b"\x80\x04\x95\x09\0\0\0\0\0\0\0]\x94(K\x01K\x02e.");
//! assert_eq!(to_vec(&(1, 2))?, b"\x80\x04\x95\x07\0\0\0\0\0\0\0K\x01K\x02\x86\x94.");
//! // {(1, 2): "ab"}
//! assert_eq!(
//!     to_vec(&BTreeMap::from([((1, 2), "ab")]))?,
//!     b"\x80\x04\x95\x0f\0\0\0\0\0\0\0}\x94K\x01K\x02\x86\x94\x8c\x02ab\x94s."
//! );
//!
//! #[derive(serde::Serialize)]
//! enum Shape { Dot, Circle(f64) }
//! // "Dot"
//! assert_eq!(to_vec(&Shape::Dot)?, b"\x80\x04\x95\x07\0\0\0\0\0\0\0\x8c\x03Dot\x94.");
//! // {"Circle": 1.5}
//! assert_eq!(
//!     to_vec(&Shape::Circle(1.5))?,
//!     b"\x80\x04\x95\x16\0\0\0\0\0\0\0}\x94\x8c\x06Circle\x94G?\xf8\0\0\0\0\0\0s."
//! );
//! # Ok::<(), pickle_emit::Error>(())
//! ```
//!
//! # The canonical form
//!
//! The bytes are those of CPython's own pickler (3.7 to 3.14) for the same value: opcodes, batches, frames, memo. In Python,
//! equal strings can be one object or several, which the bytes show. Here the names of fields and variants, the keys of dicts and
//! strings of no more than one character are one object each, as they are in Python where dicts are written out or read by
//! `json`; all other values are objects of their own.
//!
//! Whether a list has one item, which is written in a way of its own, must be known before: a sequence or map whose `Serialize`
//! does not tell its length is taken to have several. Python loads it all the same.
//!
//! # Errors
//!
//! Little can fail: see [`Options::to_vec`]. Writing recurses as deep as values lie within each other, since serde does.

mod error;
mod items;
mod options;
mod ser;
mod sink;
mod texts;

use std::io;

use serde::Serialize;

use crate::Error;
pub use items::{List, Map, Struct, Tuple};
pub use options::{Enums, Options, Structs};
pub use ser::Serializer;

/// Writes a value as a pickle of protocol 4, with structs and enums as dicts.
///
/// ```
/// assert_eq!(pickle_emit::to_vec(&[true, false])?, b"\x80\x04\x95\x05\0\0\0\0\0\0\0\x88\x89\x86\x94.");
/// # Ok::<(), pickle_emit::Error>(())
/// ```
///
/// # Errors
///
/// As [`Options::to_vec`].
pub fn to_vec<T: Serialize + ?Sized>(value: &T) -> Result<Vec<u8>, Error> {
    Options::new().to_vec(value)
}

/// Writes a value as a pickle with choices made: [`Options::to_vec`], for who looks for it by this name.
///
/// # Errors
///
/// As [`Options::to_vec`].
pub fn to_vec_with<T: Serialize + ?Sized>(value: &T, options: &Options) -> Result<Vec<u8>, Error> {
    options.to_vec(value)
}

/// Writes a value as a pickle of protocol 4 into a stream, with structs and enums as dicts. Several pickles can be written one
/// behind the other.
///
/// ```
/// let mut file = Vec::new(); // anything that is Write
/// pickle_emit::to_writer(&mut file, &1)?;
/// pickle_emit::to_writer(&mut file, &2)?;
/// assert_eq!(file, b"\x80\x04K\x01.\x80\x04K\x02.");
/// # Ok::<(), pickle_emit::Error>(())
/// ```
///
/// # Errors
///
/// As [`Options::to_writer`].
pub fn to_writer<W: io::Write, T: Serialize + ?Sized>(writer: W, value: &T) -> Result<(), Error> {
    Options::new().to_writer(writer, value)
}
