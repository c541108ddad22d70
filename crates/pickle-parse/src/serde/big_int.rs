//! [`big_int`]: integers of any size.

use std::fmt;

use num_bigint::BigInt;
use serde::de::{self, Deserializer, Visitor};

/// The name by which [`big_int`] asks this crate's deserializers for an integer's bytes.
pub(super) const BIG_INT: &str = "$pickle_parse::BigInt";

/// Reads an integer of any size; for `#[serde(deserialize_with = "pickle_parse::serde::big_int")]`.
///
/// From other formats it reads integers, and integers in decimal in strings.
///
/// ```
/// use num_bigint::BigInt;
/// use serde::Deserialize;
///
/// #[derive(Deserialize)]
/// struct Number(#[serde(deserialize_with = "pickle_parse::serde::big_int")] BigInt);
///
/// // pickle.dumps(2 ** 200)
/// let pickle = b"\x80\x04\x95\x1d\0\0\0\0\0\0\0\x8a\x1a\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01.";
/// let number: Number = pickle_parse::from_slice(pickle)?;
/// assert_eq!(number.0, BigInt::from(1) << 200);
/// # Ok::<(), pickle_parse::Error>(())
/// ```
///
/// # Errors
///
/// What the deserializer says, and where there is no integer.
pub fn big_int<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BigInt, D::Error> {
    deserializer.deserialize_newtype_struct(BIG_INT, Number)
}

struct Number;

impl<'de> Visitor<'de> for Number {
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
