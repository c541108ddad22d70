//! Python's types that serde's data model does not have, for fields of your own types: pickle-parse reads and pickle-emit writes
//! them as what they are, other formats as what comes nearest.
//!
//! ```
//! use std::collections::BTreeSet;
//!
//! use num_bigint::BigInt;
//! use pickle_graph::serde::Int;
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Serialize, Deserialize, PartialEq, Debug)]
//! struct Sample {
//!     #[serde(with = "pickle_graph::serde::int")]
//!     product: BigInt,
//!     factors: Vec<Int>,
//!     #[serde(with = "pickle_graph::serde::set")]
//!     labels: BTreeSet<String>,
//!     #[serde(with = "pickle_graph::serde::bytearray")]
//!     buffer: Vec<u8>,
//! }
//!
//! let sample = Sample {
//!     product: BigInt::from(1) << 200,
//!     factors: vec![Int(2.into())],
//!     labels: BTreeSet::from(["a".into()]),
//!     buffer: vec![0],
//! };
//! let json = serde_json::to_string(&sample)?;
//! assert_eq!(json, r#"{"product":"1606938044258990275541962092341162602522202993782792835301376","factors":[2],"labels":["a"],"buffer":[0]}"#);
//! assert_eq!(serde_json::from_str::<Sample>(&json)?, sample);
//! # Ok::<(), serde_json::Error>(())
//! ```

use std::fmt;

use num_bigint::BigInt;
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{self, Visitor},
};

/// The names of newtype structs by which the parts of this module tell a deserializer or a serializer of pickles what is meant.
/// Other formats take no notice of such names.
#[doc(hidden)]
pub mod names {
    /// An integer: bytes when it is read, and when it is written, integers, or text that is hexadecimal in its alternate form.
    pub const INT: &str = "$pickle::int";
    /// A set, which is read and written as a sequence.
    pub const SET: &str = "$pickle::set";
    /// A frozenset, likewise.
    pub const FROZENSET: &str = "$pickle::frozenset";
    /// A bytearray, which is read and written as bytes.
    pub const BYTEARRAY: &str = "$pickle::bytearray";
}

/// An integer of any size, where `#[serde(with = "...")]` cannot stand: within lists, options, maps.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Int(pub BigInt);

impl Serialize for Int {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        int::serialize(&self.0, serializer)
    }
}

impl<'de> Deserialize<'de> for Int {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        int::deserialize(deserializer).map(Int)
    }
}

impl From<BigInt> for Int {
    fn from(value: BigInt) -> Int {
        Int(value)
    }
}

impl fmt::Display for Int {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Integers of any size, `int` in Python, for `#[serde(with = "pickle_graph::serde::int")]`. Other formats have those of more
/// than 128 bits as text in decimal.
pub mod int {
    use super::*;

    /// Writes an integer.
    ///
    /// # Errors
    ///
    /// What the serializer says.
    pub fn serialize<S: Serializer>(value: &BigInt, serializer: S) -> Result<S::Ok, S::Error> {
        if let Ok(value) = i64::try_from(value) {
            serializer.serialize_i64(value)
        } else if let Ok(value) = u64::try_from(value) {
            serializer.serialize_u64(value)
        } else if let Ok(value) = i128::try_from(value) {
            serializer.serialize_i128(value)
        } else if let Ok(value) = u128::try_from(value) {
            serializer.serialize_u128(value)
        } else {
            serializer.serialize_newtype_struct(names::INT, &Digits(value))
        }
    }

    /// Reads an integer, or text in decimal.
    ///
    /// # Errors
    ///
    /// What the deserializer says, and where there is no integer.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BigInt, D::Error> {
        deserializer.deserialize_newtype_struct(names::INT, AnInteger)
    }

    struct Digits<'a>(&'a BigInt);

    impl Serialize for Digits<'_> {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.collect_str(self)
        }
    }

    impl fmt::Display for Digits<'_> {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            // Hexadecimal is made, and read, in linear time.
            if f.alternate() { write!(f, "{:x}", self.0) } else { write!(f, "{}", self.0) }
        }
    }

    struct AnInteger;

    impl<'de> Visitor<'de> for AnInteger {
        type Value = BigInt;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an integer")
        }

        fn visit_i64<E>(self, value: i64) -> Result<BigInt, E> {
            Ok(value.into())
        }

        fn visit_u64<E>(self, value: u64) -> Result<BigInt, E> {
            Ok(value.into())
        }

        fn visit_i128<E>(self, value: i128) -> Result<BigInt, E> {
            Ok(value.into())
        }

        fn visit_u128<E>(self, value: u128) -> Result<BigInt, E> {
            Ok(value.into())
        }

        /// Two's complement, little-endian.
        fn visit_bytes<E>(self, bytes: &[u8]) -> Result<BigInt, E> {
            Ok(BigInt::from_signed_bytes_le(bytes))
        }

        fn visit_str<E: de::Error>(self, text: &str) -> Result<BigInt, E> {
            text.parse().map_err(|_| E::invalid_value(de::Unexpected::Str(text), &self))
        }

        fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<BigInt, D::Error> {
            deserializer.deserialize_any(self)
        }
    }
}

/// Sets, which serde has as sequences, for `#[serde(with = "pickle_graph::serde::set")]`: a pickle gets a `set`. The items should
/// be hashable in Python, and none be there twice.
pub mod set {
    use super::*;

    /// Writes a set.
    ///
    /// # Errors
    ///
    /// What the serializer says.
    pub fn serialize<T: Serialize + ?Sized, S: Serializer>(items: &T, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_newtype_struct(names::SET, items)
    }

    /// Reads what a sequence can be read from.
    ///
    /// # Errors
    ///
    /// What the deserializer says.
    pub fn deserialize<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
        T::deserialize(deserializer)
    }
}

/// As [`set`], but a pickle gets a `frozenset`, which can be an item of sets and a key of dicts.
pub mod frozenset {
    use super::*;

    /// Writes a frozenset.
    ///
    /// # Errors
    ///
    /// What the serializer says.
    pub fn serialize<T: Serialize + ?Sized, S: Serializer>(items: &T, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_newtype_struct(names::FROZENSET, items)
    }

    pub use super::set::deserialize;
}

/// Bytes that can be changed, for `#[serde(with = "pickle_graph::serde::bytearray")]`: a pickle gets a `bytearray`. For `bytes`,
/// there is the crate `serde_bytes`.
pub mod bytearray {
    use super::*;

    /// Writes a bytearray.
    ///
    /// # Errors
    ///
    /// What the serializer says.
    pub fn serialize<T: AsRef<[u8]> + ?Sized, S: Serializer>(bytes: &T, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_newtype_struct(names::BYTEARRAY, &Bytes(bytes.as_ref()))
    }

    /// Reads bytes, or a sequence of them.
    ///
    /// # Errors
    ///
    /// What the deserializer says, and where there are no bytes.
    pub fn deserialize<'de, T: From<Vec<u8>>, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
        deserializer.deserialize_byte_buf(SomeBytes).map(T::from)
    }

    struct Bytes<'a>(&'a [u8]);

    impl Serialize for Bytes<'_> {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.serialize_bytes(self.0)
        }
    }

    struct SomeBytes;

    impl<'de> Visitor<'de> for SomeBytes {
        type Value = Vec<u8>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("bytes")
        }

        fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Vec<u8>, E> {
            Ok(bytes.to_vec())
        }

        fn visit_byte_buf<E>(self, bytes: Vec<u8>) -> Result<Vec<u8>, E> {
            Ok(bytes)
        }

        fn visit_seq<A: de::SeqAccess<'de>>(self, mut items: A) -> Result<Vec<u8>, A::Error> {
            let mut bytes = Vec::new();
            while let Some(byte) = items.next_element()? {
                bytes.push(byte);
            }
            Ok(bytes)
        }
    }
}
