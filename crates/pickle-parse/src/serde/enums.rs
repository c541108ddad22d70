//! [`Access`]: the variants of enums.

use serde::de::{
    self, Deserialize, DeserializeSeed, Deserializer, EnumAccess, Unexpected, VariantAccess, Visitor,
    value::BorrowedStrDeserializer,
};

use super::{arena::Value, value::ValueDeserializer, walk::Walk};
use crate::Error;

/// A variant.
#[derive(Clone, Copy)]
pub(super) struct Variant<'de> {
    pub(super) name: Name<'de>,
    pub(super) content: Option<Value>,
}

/// Where a variant's name is from.
#[derive(Clone, Copy)]
pub(super) enum Name<'de> {
    Value(Value),
    /// The class of the content.
    Class(&'de str),
}

/// A variant and the way to its content.
pub(super) struct Access<'a, 'de, 's> {
    pub(super) walk: &'a mut Walk<'de, 's>,
    pub(super) variant: Variant<'de>,
}

impl<'de> EnumAccess<'de> for Access<'_, 'de, '_> {
    type Error = Error;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self), Error> {
        let name = match self.variant.name {
            Name::Value(name) => self.walk.seed(name, seed)?,
            Name::Class(name) => seed.deserialize(BorrowedStrDeserializer::<Error>::new(name))?,
        };
        Ok((name, self))
    }
}

impl<'a, 'de, 's> Access<'a, 'de, 's> {
    /// The content of a variant that should have some.
    fn content(self, expected: &str) -> Result<ValueDeserializer<'a, 'de, 's>, Error> {
        match self.variant.content {
            Some(value) => Ok(ValueDeserializer { walk: self.walk, value }),
            None => Err(de::Error::invalid_type(Unexpected::UnitVariant, &expected)),
        }
    }
}

impl<'de> VariantAccess<'de> for Access<'_, 'de, '_> {
    type Error = Error;

    fn unit_variant(self) -> Result<(), Error> {
        match self.variant.content {
            Some(value) => Deserialize::deserialize(ValueDeserializer { walk: self.walk, value }),
            None => Ok(()),
        }
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Error> {
        seed.deserialize(self.content("newtype variant")?)
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Error> {
        self.content("tuple variant")?.deserialize_seq(visitor)
    }

    fn struct_variant<V: Visitor<'de>>(self, _: &'static [&'static str], visitor: V) -> Result<V::Value, Error> {
        self.content("struct variant")?.deserialize_map(visitor)
    }
}
