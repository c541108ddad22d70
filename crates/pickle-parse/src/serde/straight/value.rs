//! [`StraightDeserializer`]: the value that comes next, as serde asks for it.

use pickle_graph::serde::names;
use serde::de::{
    Deserializer, EnumAccess, VariantAccess, Visitor,
    value::{BorrowedStrDeserializer, SeqDeserializer},
};

use super::{super::seen, *};
use access::{Dict, Items, Sequence};

/// The value that comes next.
pub(super) struct StraightDeserializer<'a, 'de, 'o> {
    pub(super) pickle: &'a mut Pickle<'de, 'o>,
    pub(super) then: Then,
}

impl<'de> Pickle<'de, '_> {
    /// A value of any kind.
    #[inline]
    fn any<V: Visitor<'de>>(&mut self, then: Then, visitor: V) -> Step<V::Value> {
        let opcode = self.next()?;
        let offset = self.offset();
        self.skip_opcode();
        match opcode {
            // Apart from scalars, which in builds without optimisation need much of the stack.
            EMPTY_LIST | EMPTY_DICT | EMPTY_SET | MARK => self.container(opcode, offset, then, visitor),
            BINGET | LONG_BINGET => {
                let index = self.index(opcode)?;
                match self.get_recent(index) {
                    Some(text) => {
                        self.spend(text.len())?;
                        visitor.visit_borrowed_str(text)
                    }
                    None => self.get_elsewhere(index)?.visit(visitor),
                }
            }
            _ => self.scalar(opcode, offset, visitor),
        }
    }

    #[inline]
    fn scalar<V: Visitor<'de>>(&mut self, opcode: u8, offset: usize, visitor: V) -> Step<V::Value> {
        take_plain(opcode, self.rest, Scalar { pickle: self, opcode, offset, visitor })
    }

    /// A list, dict or set, or a tuple or frozenset that begins with a mark, its opcode taken.
    #[inline]
    fn container<V: Visitor<'de>>(&mut self, opcode: u8, offset: usize, then: Then, visitor: V) -> Step<V::Value> {
        if opcode != MARK {
            self.memoize(offset)?;
        }
        match opcode {
            EMPTY_LIST => self.sequence(Items::list(then), visitor),
            EMPTY_DICT => self.dict(then, visitor),
            EMPTY_SET => self.sequence(Items::set(), visitor),
            _ => self.sequence(Items::Marked, visitor),
        }
    }

    /// An empty tuple, or an integer of more than 64 bits, its opcode taken.
    #[inline(never)]
    fn odd_scalar<V: Visitor<'de>>(&mut self, opcode: u8, visitor: V) -> Step<V::Value> {
        match opcode {
            EMPTY_TUPLE => visitor.visit_seq(SeqDeserializer::<std::iter::Empty<()>, GaveUp>::new(std::iter::empty())),
            LONG1 => visit_wide(seen::significant(arg!(self, Long1)), visitor),
            _ => Err(GaveUp),
        }
    }

    #[inline]
    fn sequence<V: Visitor<'de>>(&mut self, items: Items, visitor: V) -> Step<V::Value> {
        self.enter()?;
        let items = self.begin(items);
        let mut sequence = Sequence { pickle: self, items };
        let value = visitor.visit_seq(&mut sequence)?;
        sequence.end()?;
        self.leave();
        Ok(value)
    }

    #[inline]
    fn dict<V: Visitor<'de>>(&mut self, then: Then, visitor: V) -> Step<V::Value> {
        self.enter()?;
        let items = self.begin(Items::dict(then));
        let mut dict = Dict { pickle: self, items };
        let value = visitor.visit_map(&mut dict)?;
        dict.end()?;
        self.leave();
        Ok(value)
    }

    /// A sequence: a scalar begins a tuple.
    #[inline]
    fn seq<V: Visitor<'de>>(&mut self, then: Then, visitor: V) -> Step<V::Value> {
        let opcode = self.next()?;
        match opcode {
            EMPTY_LIST | MARK | EMPTY_SET | EMPTY_TUPLE => self.any(then, visitor),
            EMPTY_DICT => Err(GaveUp),
            SHORT_BINBYTES | BINBYTES | BINBYTES8 | BYTEARRAY8 => self.bytes_or_tuple(visitor),
            _ => self.sequence(Items::Small(0), visitor),
        }
    }

    /// Bytes as a sequence of numbers, unless they begin a tuple.
    #[inline(never)]
    fn bytes_or_tuple<V: Visitor<'de>>(&mut self, visitor: V) -> Step<V::Value> {
        if self.begins_tuple()? {
            return self.sequence(Items::Small(0), visitor);
        }
        let opcode = self.next()?;
        let offset = self.offset();
        self.skip_opcode();
        let Some(Plain::Bytes(bytes)) = self.plain(opcode, offset)? else { return Err(GaveUp) };
        let mut numbers = SeqDeserializer::<_, GaveUp>::new(bytes.iter().copied());
        let value = visitor.visit_seq(&mut numbers)?;
        numbers.end()?;
        Ok(value)
    }

    fn option<V: Visitor<'de>>(&mut self, then: Then, visitor: V) -> Step<V::Value> {
        if self.take_if(NONE)? { visitor.visit_none() } else { visitor.visit_some(StraightDeserializer { pickle: self, then }) }
    }

    /// Bytes; of strings, their UTF-8.
    fn bytes<V: Visitor<'de>>(&mut self, then: Then, visitor: V) -> Step<V::Value> {
        match self.next()? {
            EMPTY_LIST | EMPTY_DICT | EMPTY_SET | EMPTY_TUPLE | MARK | LONG1 => self.any(then, visitor),
            opcode => match self.text(opcode)? {
                Plain::Str(text) => visitor.visit_borrowed_bytes(text.as_bytes()),
                plain => plain.visit(visitor),
            },
        }
    }

    /// The scalar that comes next, written here or fetched from the memo.
    fn text(&mut self, opcode: u8) -> Step<Plain<'de>> {
        let offset = self.offset();
        self.skip_opcode();
        match self.plain(opcode, offset)? {
            Some(plain) => Ok(plain),
            None => self.get(opcode),
        }
    }

    /// A float: an integer of more than 64 bits would have to become one.
    #[inline]
    fn float<V: Visitor<'de>>(&mut self, then: Then, visitor: V) -> Step<V::Value> {
        if self.next()? == LONG1 && !matches!(self.rest, [LONG1, 0..=8, ..]) {
            return Err(GaveUp);
        }
        self.any(then, visitor)
    }

    /// Nothing, and what is nothing to Python.
    fn unit<V: Visitor<'de>>(&mut self, _: Then, visitor: V) -> Step<V::Value> {
        self.take(NONE)?;
        visitor.visit_unit()
    }

    fn ignored<V: Visitor<'de>>(&mut self, then: Then, visitor: V) -> Step<V::Value> {
        self.skip(then)?;
        visitor.visit_unit()
    }

    fn big_int<V: Visitor<'de>>(&mut self, then: Then, visitor: V) -> Step<V::Value> {
        match self.next()? {
            LONG1 => {
                self.skip_opcode();
                let bytes = seen::significant(arg!(self, Long1));
                match seen::small(bytes) {
                    Some(value) => Plain::Signed(value).visit(visitor),
                    None => visitor.visit_borrowed_bytes(bytes),
                }
            }
            BININT | BININT1 | BININT2 => self.any(then, visitor),
            _ => Err(GaveUp),
        }
    }

    /// A variant's name, or a dict of a variant's name and content.
    fn variant<V: Visitor<'de>>(&mut self, _: Then, visitor: V) -> Step<V::Value> {
        let opcode = self.next()?;
        let offset = self.offset();
        self.enter()?;
        let value = match opcode {
            EMPTY_DICT => {
                self.skip_opcode();
                self.memoize(offset)?;
                let end = if self.take_if(MARK)? { SETITEMS } else { SETITEM };
                let value = visitor.visit_enum(Content { pickle: self, end })?;
                self.take(end)?;
                value
            }
            BINGET | LONG_BINGET | SHORT_BINUNICODE | BINUNICODE => {
                let name = self.name()?;
                visitor.visit_enum(BorrowedStrDeserializer::<GaveUp>::new(name))?
            }
            _ => return Err(GaveUp),
        };
        self.leave();
        Ok(value)
    }

    fn name(&mut self) -> Step<&'de str> {
        let opcode = self.next()?;
        match self.text(opcode)? {
            Plain::Str(name) => Ok(name),
            _ => Err(GaveUp),
        }
    }
}

/// A scalar, its opcode taken.
struct Scalar<'a, 'de, 'o, V> {
    pickle: &'a mut Pickle<'de, 'o>,
    opcode: u8,
    /// Where the opcode stands.
    offset: usize,
    visitor: V,
}

impl<'de, V: Visitor<'de>> TakePlain<'de> for Scalar<'_, 'de, '_, V> {
    type Taken = Step<V::Value>;

    #[inline(always)]
    fn plain(self, rest: &'de [u8], plain: Plain<'de>) -> Step<V::Value> {
        self.pickle.rest = rest;
        if plain.is_text() {
            self.pickle.memoize(self.offset)?;
        }
        plain.visit(self.visitor)
    }

    #[inline(always)]
    fn other(self) -> Step<V::Value> {
        self.pickle.odd_scalar(self.opcode, self.visitor)
    }
}

#[cold]
fn visit_wide<'de, V: Visitor<'de>>(bytes: &[u8], visitor: V) -> Step<V::Value> {
    match seen::wide(bytes) {
        seen::Wide::U64(value) => visitor.visit_u64(value),
        seen::Wide::I128(value) => visitor.visit_i128(value),
        seen::Wide::U128(value) => visitor.visit_u128(value),
        seen::Wide::Big(_) => Err(GaveUp),
    }
}

/// Each method is one of [`Pickle`]'s, and an error that comes by is remembered.
macro_rules! by_pickle {
    ($($method:ident as $pickle:ident;)*) => {$(
        #[inline]
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Step<V::Value> {
            let value = self.pickle.$pickle(self.then, visitor);
            self.pickle.passing(value)
        }
    )*};
}

impl<'de> Deserializer<'de> for StraightDeserializer<'_, 'de, '_> {
    type Error = GaveUp;

    by_pickle! {
        deserialize_any as any;
        deserialize_bool as any;
        deserialize_i8 as any;
        deserialize_i16 as any;
        deserialize_i32 as any;
        deserialize_i64 as any;
        deserialize_i128 as any;
        deserialize_u8 as any;
        deserialize_u16 as any;
        deserialize_u32 as any;
        deserialize_u64 as any;
        deserialize_u128 as any;
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
        deserialize_map as any;
        deserialize_identifier as any;
        deserialize_ignored_any as ignored;
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Step<V::Value> {
        self.deserialize_unit(visitor)
    }

    #[inline]
    fn deserialize_newtype_struct<V: Visitor<'de>>(self, name: &'static str, visitor: V) -> Step<V::Value> {
        if name == names::INT {
            let value = self.pickle.big_int(self.then, visitor);
            return self.pickle.passing(value);
        }
        visitor.visit_newtype_struct(self)
    }

    #[inline]
    fn deserialize_tuple<V: Visitor<'de>>(self, _: usize, visitor: V) -> Step<V::Value> {
        self.deserialize_seq(visitor)
    }

    #[inline]
    fn deserialize_tuple_struct<V: Visitor<'de>>(self, _: &'static str, _: usize, visitor: V) -> Step<V::Value> {
        self.deserialize_seq(visitor)
    }

    #[inline]
    fn deserialize_struct<V: Visitor<'de>>(self, _: &'static str, _: &'static [&'static str], visitor: V) -> Step<V::Value> {
        self.deserialize_any(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(self, _: &'static str, _: &'static [&'static str], visitor: V) -> Step<V::Value> {
        let value = self.pickle.variant(self.then, visitor);
        self.pickle.passing(value)
    }
}

/// The name and content of a variant in a dict, which ends with an opcode.
struct Content<'a, 'de, 'o> {
    pickle: &'a mut Pickle<'de, 'o>,
    end: u8,
}

impl<'a, 'de, 'o> Content<'a, 'de, 'o> {
    fn value(self) -> StraightDeserializer<'a, 'de, 'o> {
        StraightDeserializer { pickle: self.pickle, then: Then::Op(self.end) }
    }
}

impl<'de> EnumAccess<'de> for Content<'_, 'de, '_> {
    type Error = GaveUp;
    type Variant = Self;

    fn variant_seed<V: de::DeserializeSeed<'de>>(self, seed: V) -> Step<(V::Value, Self)> {
        let name = self.pickle.name()?;
        let variant = seed.deserialize(BorrowedStrDeserializer::<GaveUp>::new(name));
        Ok((self.pickle.passing(variant)?, self))
    }
}

impl<'de> VariantAccess<'de> for Content<'_, 'de, '_> {
    type Error = GaveUp;

    fn unit_variant(self) -> Step<()> {
        Deserialize::deserialize(self.value())
    }

    fn newtype_variant_seed<T: de::DeserializeSeed<'de>>(self, seed: T) -> Step<T::Value> {
        seed.deserialize(self.value())
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Step<V::Value> {
        self.value().deserialize_seq(visitor)
    }

    fn struct_variant<V: Visitor<'de>>(self, _: &'static [&'static str], visitor: V) -> Step<V::Value> {
        self.value().deserialize_any(visitor)
    }
}
