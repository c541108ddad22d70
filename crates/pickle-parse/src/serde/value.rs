//! [`ValueDeserializer`]: a value of an arena, as serde asks for it.

use std::borrow::Cow;

use pickle_graph::serde::names;
use serde::de::{self, DeserializeSeed, Deserializer, Unexpected, Visitor, value::SeqDeserializer};

use super::{
    access::{Elements, Entries, Pairs},
    arena::{Kind, Place, Value},
    enums::{self, Variant},
    plain::{BINFLOAT, INT, LONG, LONG1, LONG4, Plain, TakePlain, take_plain},
    seen::{self, Seen, Wide},
    walk::Walk,
};
use crate::{Error, ErrorKind};

/// One value.
pub(super) struct ValueDeserializer<'a, 'de, 's> {
    pub(super) walk: &'a mut Walk<'de, 's>,
    pub(super) value: Value,
}

impl<'de, 's> Walk<'de, 's> {
    /// Hands a value over to a seed.
    #[inline]
    pub(super) fn seed<T: DeserializeSeed<'de>>(&mut self, value: Value, seed: T) -> Result<T::Value, Error> {
        seed.deserialize(ValueDeserializer { walk: self, value })
    }

    /// Hands over what was seen of a value.
    #[inline]
    fn visit<V: Visitor<'de>>(&mut self, value: Value, seen: Seen<'de, 's>, visitor: V) -> Result<V::Value, Error> {
        match seen {
            Seen::None => visitor.visit_unit(),
            Seen::Bool(value) => visitor.visit_bool(value),
            Seen::Int(value) => match u64::try_from(value) {
                Ok(value) => visitor.visit_u64(value),
                Err(_) => visitor.visit_i64(value),
            },
            Seen::Long(bytes) => self.visit_long(&bytes, visitor),
            Seen::Float(value) => visitor.visit_f64(value),
            Seen::Str(Cow::Borrowed(text)) => visitor.visit_borrowed_str(text),
            Seen::Str(Cow::Owned(text)) => visitor.visit_string(text),
            Seen::Surrogates(text) => Err(Error::unlocated(seen::surrogate(&text))),
            Seen::Bytes(bytes) => visit_bytes(bytes, visitor),
            Seen::Seq(items) | Seen::Args(items) => self.visit_seq(value, items, visitor),
            Seen::Map(first, second) => self.visit_map(value, first, second, visitor),
            Seen::Pairs(pairs) => self.visit_pairs(value, pairs, visitor),
            Seen::Empty => self.visit_map(value, &[], &[], visitor),
        }
    }

    #[inline(never)]
    fn visit_long<V: Visitor<'de>>(&mut self, bytes: &[u8], visitor: V) -> Result<V::Value, Error> {
        match seen::wide(bytes) {
            Wide::U64(value) => visitor.visit_u64(value),
            Wide::I128(value) => visitor.visit_i128(value),
            Wide::U128(value) => visitor.visit_u128(value),
            Wide::Big(value) => {
                // As str() has it in Python: making decimals of more digits takes more than linear time.
                let limit = self.options.limits.int_digits;
                if value.bits() > limit as u64 * 10 / 3 {
                    return Err(Error::unlocated(ErrorKind::IntDigits { limit, digits: None }));
                }
                visitor.visit_string(value.to_string())
            }
        }
    }

    #[inline]
    fn visit_seq<V: Visitor<'de>>(&mut self, value: Value, items: &'s [Value], visitor: V) -> Result<V::Value, Error> {
        self.enter(value)?;
        let mut elements = Elements::new(self, items);
        let visited = visitor.visit_seq(&mut elements).and_then(|visited| elements.end().map(|()| visited));
        self.leave();
        visited
    }

    #[inline]
    fn visit_map<V: Visitor<'de>>(
        &mut self,
        value: Value,
        first: &'s [Value],
        second: &'s [Value],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.enter(value)?;
        let mut entries = Entries::new(self, first, second);
        let visited = visitor.visit_map(&mut entries).and_then(|visited| entries.end().map(|()| visited));
        self.leave();
        visited
    }

    fn visit_pairs<V: Visitor<'de>>(&mut self, value: Value, pairs: &'s [Value], visitor: V) -> Result<V::Value, Error> {
        self.enter(value)?;
        let mut entries = Pairs::new(self, pairs);
        let visited = visitor.visit_map(&mut entries).and_then(|visited| entries.end().map(|()| visited));
        self.leave();
        visited
    }

    #[inline]
    fn any<V: Visitor<'de>>(&mut self, value: Value, visitor: V) -> Result<V::Value, Error> {
        match self.arena.place(value) {
            Place::Op(offset) => self.visit_op(offset, value, visitor),
            Place::Node(index) => self.visit_node(index, value, visitor),
        }
    }

    /// Hands over a scalar: the usual ones right away.
    #[inline]
    fn visit_op<V: Visitor<'de>>(&mut self, offset: usize, value: Value, visitor: V) -> Result<V::Value, Error> {
        match self.pickle.get(offset..).and_then(|op| op.split_first()) {
            Some((&opcode, arg)) => take_plain(opcode, arg, Op { walk: self, value, visitor }),
            None => self.visit_odd(value, visitor),
        }
    }

    /// Hands over a container or an object: lists and dicts right away.
    #[inline]
    fn visit_node<V: Visitor<'de>>(&mut self, index: usize, value: Value, visitor: V) -> Result<V::Value, Error> {
        let arena = self.arena;
        let node = &arena.nodes[index];
        match node.kind {
            Kind::List | Kind::Tuple => {
                self.spend(1).map_err(|kind| self.error(kind, value))?;
                self.visit_seq(value, arena.items(node), visitor)
            }
            Kind::Dict => {
                self.spend(1).map_err(|kind| self.error(kind, value))?;
                self.visit_map(value, arena.items(node), &[], visitor)
            }
            _ => self.visit_odd(value, visitor),
        }
    }

    #[inline(never)]
    fn visit_odd<V: Visitor<'de>>(&mut self, value: Value, visitor: V) -> Result<V::Value, Error> {
        let (value, seen) = self.look_through(value)?;
        self.visit(value, seen, visitor)
    }

    /// A number: one that is too large for any of Rust's is an error, except as a float.
    fn number<V: Visitor<'de>>(&mut self, value: Value, visitor: V) -> Result<V::Value, Error> {
        if let Place::Op(offset) = self.arena.place(value)
            && !matches!(self.pickle.get(offset..), Some([LONG1 | LONG4 | INT | LONG, ..]))
        {
            return self.visit_op(offset, value, visitor);
        }
        match self.look_through(value)? {
            (_, Seen::Long(bytes)) if matches!(seen::wide(&bytes), Wide::Big(_)) => {
                Err(de::Error::invalid_value(Unexpected::Other("integer of more than 128 bits"), &visitor))
            }
            (value, seen) => self.visit(value, seen, visitor),
        }
    }

    fn float<V: Visitor<'de>>(&mut self, value: Value, visitor: V) -> Result<V::Value, Error> {
        if let Place::Op(offset) = self.arena.place(value)
            && matches!(self.pickle.get(offset), Some(&BINFLOAT))
        {
            return self.visit_op(offset, value, visitor);
        }
        match self.look_through(value)? {
            (_, Seen::Long(bytes)) => match seen::wide(&bytes) {
                Wide::U64(value) => visitor.visit_f64(value as f64),
                Wide::I128(value) => visitor.visit_f64(value as f64),
                Wide::U128(value) => visitor.visit_f64(value as f64),
                Wide::Big(_) => Err(de::Error::invalid_value(Unexpected::Other("integer of more than 128 bits"), &visitor)),
            },
            (value, seen) => self.visit(value, seen, visitor),
        }
    }

    fn big_int<V: Visitor<'de>>(&mut self, value: Value, visitor: V) -> Result<V::Value, Error> {
        match self.look_through(value)? {
            (_, Seen::Long(bytes)) => visit_bytes(bytes, visitor),
            // What the visitor takes to be an integer.
            (_, Seen::Bytes(bytes)) => Err(de::Error::invalid_type(Unexpected::Bytes(&bytes), &visitor)),
            (_, Seen::Str(text)) => Err(de::Error::invalid_type(Unexpected::Str(&text), &visitor)),
            (value, seen) => self.visit(value, seen, visitor),
        }
    }

    fn bytes<V: Visitor<'de>>(&mut self, value: Value, visitor: V) -> Result<V::Value, Error> {
        match self.look_through(value)? {
            (_, Seen::Str(Cow::Borrowed(text))) => visitor.visit_borrowed_bytes(text.as_bytes()),
            (_, Seen::Str(Cow::Owned(text))) => visitor.visit_byte_buf(text.into_bytes()),
            (_, Seen::Surrogates(text)) => visit_bytes(text, visitor),
            (value, seen) => self.visit(value, seen, visitor),
        }
    }

    fn option<V: Visitor<'de>>(&mut self, value: Value, visitor: V) -> Result<V::Value, Error> {
        if self.is_none(value) { visitor.visit_none() } else { visitor.visit_some(ValueDeserializer { walk: self, value }) }
    }

    fn unit<V: Visitor<'de>>(&mut self, value: Value, visitor: V) -> Result<V::Value, Error> {
        match self.look_through(value)? {
            (_, Seen::Empty | Seen::Seq([]) | Seen::Map([], [])) => visitor.visit_unit(),
            (value, seen) => self.visit(value, seen, visitor),
        }
    }

    /// What is seen of a value that should have parts: not the only argument of its class, if that has none.
    fn look_for_parts(&mut self, value: Value) -> Result<(Value, Seen<'de, 's>), Error> {
        let args = match self.look(value)? {
            Seen::Args(args @ &[_]) => args,
            seen => return Ok((value, seen)),
        };
        let (inner, seen) = self.look_through(args[0])?;
        let stands_for_the_object = match &seen {
            Seen::Seq(_) => !self.is_new(value) || self.is_tuple(inner),
            Seen::Map(..) | Seen::Pairs(_) | Seen::Empty => !self.is_new(value),
            Seen::Bytes(_) => !self.is_new(value),
            _ => false,
        };
        Ok(if stands_for_the_object { (inner, seen) } else { (value, Seen::Args(args)) })
    }

    #[inline]
    fn seq<V: Visitor<'de>>(&mut self, value: Value, visitor: V) -> Result<V::Value, Error> {
        match self.arena.node(value).map(|node| node.kind) {
            Some(Kind::List | Kind::Tuple) => self.any(value, visitor),
            _ => self.odd_seq(value, visitor),
        }
    }

    #[inline(never)]
    fn odd_seq<V: Visitor<'de>>(&mut self, value: Value, visitor: V) -> Result<V::Value, Error> {
        match self.look_for_parts(value)? {
            (_, Seen::Bytes(bytes)) => {
                let mut bytes = SeqDeserializer::<_, Error>::new(bytes.iter().copied());
                let visited = visitor.visit_seq(&mut bytes)?;
                bytes.end()?;
                Ok(visited)
            }
            (value, Seen::Empty | Seen::Map([], [])) => self.visit_seq(value, &[], visitor),
            (value, seen) => self.visit(value, seen, visitor),
        }
    }

    #[inline]
    fn map<V: Visitor<'de>>(&mut self, value: Value, visitor: V) -> Result<V::Value, Error> {
        match self.arena.node(value).map(|node| node.kind) {
            Some(Kind::Dict) => self.any(value, visitor),
            _ => self.odd_map(value, visitor),
        }
    }

    #[inline(never)]
    fn odd_map<V: Visitor<'de>>(&mut self, value: Value, visitor: V) -> Result<V::Value, Error> {
        let (value, seen) = self.look_for_parts(value)?;
        self.visit(value, seen, visitor)
    }

    fn variant<V: Visitor<'de>>(
        &mut self,
        value: Value,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        if let Some(class) = self.class_name(value).filter(|class| variants.contains(class)) {
            return self.visit_variant(value, Variant { name: enums::Name::Class(class), content: Some(value) }, visitor);
        }
        let (value, seen) = self.look_through(value)?;
        let variant = match seen {
            Seen::Map(&[name, content], &[]) | Seen::Map(&[], &[name, content]) => (name, Some(content)),
            // As serde-pickle wrote them up to 0.6.
            Seen::Seq(&[name, content]) | Seen::Args(&[name, content]) => (name, Some(content)),
            Seen::Seq(&[name]) => (name, None),
            Seen::Str(_) | Seen::Bytes(_) | Seen::Int(_) => (value, None),
            Seen::Map(..) => {
                return Err(de::Error::invalid_value(Unexpected::Map, &"a dict with one item, a variant's name and content"));
            }
            seen => return self.visit(value, seen, visitor),
        };
        self.visit_variant(value, Variant { name: enums::Name::Value(variant.0), content: variant.1 }, visitor)
    }

    fn visit_variant<V: Visitor<'de>>(&mut self, value: Value, variant: Variant<'de>, visitor: V) -> Result<V::Value, Error> {
        self.enter(value)?;
        let visited = visitor.visit_enum(enums::Access { walk: self, variant });
        self.leave();
        visited
    }
}

/// A scalar.
struct Op<'a, 'de, 's, V> {
    walk: &'a mut Walk<'de, 's>,
    value: Value,
    visitor: V,
}

impl<'de, V: Visitor<'de>> TakePlain<'de> for Op<'_, 'de, '_, V> {
    type Taken = Result<V::Value, Error>;

    #[inline(always)]
    fn plain(self, _: &'de [u8], plain: Plain<'de>) -> Self::Taken {
        match self.walk.spend(1 + plain.len()) {
            Ok(()) => plain.visit(self.visitor),
            Err(kind) => Err(self.walk.error(kind, self.value)),
        }
    }

    #[inline(always)]
    fn other(self) -> Self::Taken {
        self.walk.visit_odd(self.value, self.visitor)
    }
}

#[inline]
fn visit_bytes<'de, V: Visitor<'de>>(bytes: Cow<'de, [u8]>, visitor: V) -> Result<V::Value, Error> {
    match bytes {
        Cow::Borrowed(bytes) => visitor.visit_borrowed_bytes(bytes),
        Cow::Owned(bytes) => visitor.visit_byte_buf(bytes),
    }
}

/// Each method is one of [`Walk`]'s, with the errors located.
macro_rules! by_walk {
    ($($method:ident as $walk:ident;)*) => {$(
        #[inline]
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            match self.walk.$walk(self.value, visitor) {
                Ok(visited) => Ok(visited),
                Err(error) => Err(self.walk.locate(error, self.value)),
            }
        }
    )*};
}

impl<'de> Deserializer<'de> for ValueDeserializer<'_, 'de, '_> {
    type Error = Error;

    by_walk! {
        deserialize_any as any;
        deserialize_bool as any;
        deserialize_i8 as number;
        deserialize_i16 as number;
        deserialize_i32 as number;
        deserialize_i64 as number;
        deserialize_i128 as number;
        deserialize_u8 as number;
        deserialize_u16 as number;
        deserialize_u32 as number;
        deserialize_u64 as number;
        deserialize_u128 as number;
        deserialize_f32 as float;
        deserialize_f64 as float;
        deserialize_char as any;
        deserialize_str as any;
        deserialize_string as any;
        deserialize_bytes as bytes;
        deserialize_byte_buf as bytes;
        deserialize_option as option;
        deserialize_unit as unit;
        deserialize_seq as seq;
        deserialize_map as map;
        deserialize_identifier as any;
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_unit(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, name: &'static str, visitor: V) -> Result<V::Value, Error> {
        if name == names::INT {
            return match self.walk.big_int(self.value, visitor) {
                Ok(visited) => Ok(visited),
                Err(error) => Err(self.walk.locate(error, self.value)),
            };
        }
        visitor.visit_newtype_struct(self)
    }

    #[inline]
    fn deserialize_tuple<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(self, _: &'static str, _: usize, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_seq(visitor)
    }

    #[inline]
    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.deserialize_map(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        match self.walk.variant(self.value, variants, visitor) {
            Ok(visited) => Ok(visited),
            Err(error) => Err(self.walk.locate(error, self.value)),
        }
    }

    #[inline]
    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_unit()
    }
}
