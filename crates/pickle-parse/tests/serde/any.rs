//! [`Any`]: what a deserializer says of itself, as text.

use std::fmt;

use serde::de::{Deserialize, Deserializer, EnumAccess, MapAccess, SeqAccess, Visitor};

/// A value as Python would write it.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Any(pub(crate) String);

impl<'de> Deserialize<'de> for Any {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Any, D::Error> {
        deserializer.deserialize_any(Any(String::new()))
    }
}

fn text<E>(text: impl fmt::Display) -> Result<Any, E> {
    Ok(Any(text.to_string()))
}

impl<'de> Visitor<'de> for Any {
    type Value = Any;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("anything")
    }

    fn visit_unit<E>(self) -> Result<Any, E> {
        text("None")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Any, E> {
        text(if value { "True" } else { "False" })
    }

    fn visit_i64<E>(self, value: i64) -> Result<Any, E> {
        assert!(value < 0);
        text(value)
    }

    fn visit_u64<E>(self, value: u64) -> Result<Any, E> {
        text(value)
    }

    fn visit_i128<E>(self, value: i128) -> Result<Any, E> {
        text(value)
    }

    fn visit_u128<E>(self, value: u128) -> Result<Any, E> {
        text(value)
    }

    fn visit_f64<E>(self, value: f64) -> Result<Any, E> {
        text(format_args!("{value:?}"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Any, E> {
        text(format_args!("'{value}'"))
    }

    fn visit_bytes<E>(self, value: &[u8]) -> Result<Any, E> {
        text(format_args!("b'{}'", value.escape_ascii()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Any, A::Error> {
        let mut all = Vec::new();
        while let Some(Any(item)) = items.next_element()? {
            all.push(item);
        }
        text(format_args!("[{}]", all.join(", ")))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut items: A) -> Result<Any, A::Error> {
        let mut all = Vec::new();
        while let Some((Any(key), Any(value))) = items.next_entry()? {
            all.push(format!("{key}: {value}"));
        }
        text(format_args!("{{{}}}", all.join(", ")))
    }

    fn visit_enum<A: EnumAccess<'de>>(self, _: A) -> Result<Any, A::Error> {
        unreachable!("pickles do not tell of enums")
    }
}

/// Reads by the machine only: what is asked for by serde's own trait does not go the straight way.
pub(crate) fn by_machine<'de, T: Deserialize<'de>>(pickle: &'de [u8]) -> Result<T, pickle_parse::Error> {
    T::deserialize(&mut pickle_parse::serde::Deserializer::from_slice(pickle))
}
