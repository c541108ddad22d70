//! [`Serializer`]: values as serde tells them, to opcodes.

use std::fmt;

use pickle_graph::{Names, serde::names};
use pickle_opcodes::{Opcode, Protocol};
use serde::ser::{self, Serialize};

use super::{
    items::{Form, Items, Kind, List, Map, Struct, Tuple},
    options::{Enums, Options, Structs},
    texts::{self, Texts},
};
use crate::{Encoder, Error, Sink, by_call::ByCall};

/// Writes one value as a pickle; a mutable reference to it is a [`serde::Serializer`](ser::Serializer), for where serde asks for
/// that.
///
/// ```
/// use pickle_emit::serde::{Options, Serializer};
/// use serde::Serialize;
///
/// let mut serializer = Serializer::new(Vec::new(), Options::new());
/// (1, "a").serialize(&mut serializer)?;
/// assert_eq!(serializer.end(), b"\x80\x04\x95\x09\0\0\0\0\0\0\0K\x01\x8c\x01a\x94\x86\x94.");
/// # Ok::<(), pickle_emit::Error>(())
/// ```
pub struct Serializer<S> {
    pub(super) encoder: Encoder<S>,
    pub(super) options: Options,
    /// How many objects the memo holds.
    memo: usize,
    texts: Texts,
    /// The places in the memo of classes and functions.
    globals: Vec<((String, String), usize)>,
    /// What the value that comes next is meant to be.
    pub(super) meant: Meant,
}

/// What a value is meant to be that serde has no word for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Meant {
    /// What it seems.
    Itself,
    /// The key of a dict.
    Key,
    /// An integer, told as text in hexadecimal.
    Int,
    Set,
    FrozenSet,
    ByteArray,
}

impl<S> fmt::Debug for Serializer<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Serializer").field("options", &self.options).field("memo", &self.memo).finish_non_exhaustive()
    }
}

impl<S: Sink> Serializer<S> {
    /// Begins a pickle in a sink, behind what the sink holds already.
    pub fn new(sink: S, options: Options) -> Self {
        let mut encoder = Encoder::new(sink, options.protocol);
        encoder.begin();
        Serializer { encoder, options, memo: 0, texts: Texts::new(), globals: Vec::new(), meant: Meant::Itself }
    }

    /// Ends the pickle, of which one value must have been written, and returns the sink.
    pub fn end(mut self) -> S {
        self.encoder.end();
        self.encoder.into_sink()
    }

    #[inline]
    pub(super) fn op(&mut self, opcode: Opcode) {
        self.encoder.op(opcode);
    }

    /// Writes an opcode that makes an object, which is then put in the memo.
    #[inline]
    fn op_memoized(&mut self, opcode: Opcode) -> Result<(), Error> {
        if self.options.protocol < Protocol::V4 {
            self.op(opcode);
            return self.memoize().map(|_| ());
        }
        self.encoder.sink_mut().write(&[opcode.byte(), Opcode::Memoize.byte()]);
        self.memo += 1;
        Ok(())
    }

    /// Puts the object on top of the stack in the memo.
    #[inline]
    pub(super) fn memoize(&mut self) -> Result<usize, Error> {
        let place = self.memo;
        self.encoder.memoize(place)?;
        self.memo += 1;
        Ok(place)
    }

    /// A string that is one object wherever it stands.
    pub(super) fn text(&mut self, text: &str) -> Result<usize, Error> {
        self.encoder.boundary();
        if let Some(place) = self.texts.get(text) {
            self.encoder.get(place as usize)?;
            return Ok(place as usize);
        }
        self.encoder.str(text.as_bytes())?;
        let place = self.memoize()?;
        if let Ok(place) = u32::try_from(place) {
            self.texts.insert(text, place);
        }
        Ok(place)
    }

    /// The name of a field or variant.
    #[inline]
    pub(super) fn name(&mut self, name: &'static str) -> Result<(), Error> {
        match self.texts.name(name) {
            Some(place) => {
                self.encoder.boundary();
                self.encoder.get(place)
            }
            None => self.new_name(name),
        }
    }

    #[inline(never)]
    fn new_name(&mut self, name: &'static str) -> Result<(), Error> {
        let place = self.text(name)?;
        if let Ok(place) = u32::try_from(place) {
            self.texts.note(name, place);
        }
        Ok(())
    }

    #[inline]
    fn str(&mut self, text: &str) -> Result<(), Error> {
        if self.meant == Meant::Key || texts::is_kept(text) {
            self.meant = Meant::Itself;
            return self.text(text).map(|_| ());
        }
        self.encoder.boundary();
        self.encoder.str(text.as_bytes())?;
        self.memoize().map(|_| ())
    }

    fn bytes(&mut self, bytes: &[u8]) -> Result<(), Error> {
        if std::mem::replace(&mut self.meant, Meant::Itself) == Meant::ByteArray {
            return self.bytearray(bytes);
        }
        self.encoder.boundary();
        if let Some(Some(place)) = self.texts.kept_bytes(bytes) {
            return self.encoder.get(*place as usize);
        }
        if self.options.protocol >= Protocol::V3 {
            self.encoder.bytes(bytes)?;
        } else {
            self.bytes_by_call(bytes)?;
        }
        let place = self.memoize()?;
        if let (Some(kept), Ok(place)) = (self.texts.kept_bytes(bytes), u32::try_from(place)) {
            *kept = Some(place);
        }
        Ok(())
    }

    fn bytearray(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.encoder.boundary();
        if self.options.protocol >= Protocol::V5 {
            self.encoder.bytearray(bytes)?;
        } else {
            self.bytearray_by_call(bytes)?;
        }
        self.memoize().map(|_| ())
    }

    /// An integer of any size.
    fn long(&mut self, twos_complement: &[u8]) -> Result<(), Error> {
        self.encoder.boundary();
        self.encoder.long(twos_complement)
    }

    /// A class or function, by its names in Python 3.
    pub(super) fn global(&mut self, module: &str, name: &str) -> Result<(), Error> {
        self.encoder.boundary();
        if let Some((_, place)) = self.globals.iter().find(|((known, of_module), _)| known == module && of_module == name) {
            return self.encoder.get(*place);
        }
        if self.options.protocol >= Protocol::V4 {
            self.text(module)?;
            self.text(name)?;
            self.op(Opcode::StackGlobal);
        } else {
            let names = if self.options.protocol < Protocol::V3 { Names::Python2 } else { Names::Python3 };
            let (module, name) = names.of(module, name);
            self.encoder.global(module, name)?;
        }
        let place = self.memoize()?;
        self.globals.push(((module.to_owned(), name.to_owned()), place));
        Ok(())
    }

    /// A tuple of the topmost items, below which there is a mark unless they are few.
    #[inline]
    pub(super) fn tuple(&mut self, len: usize) -> Result<(), Error> {
        let opcode = self.encoder.tuple_opcode(len);
        self.op_memoized(opcode)
    }

    /// An empty list or dict, to be filled.
    #[inline]
    pub(super) fn empty(&mut self, opcode: Opcode, of_protocol_0: Opcode) -> Result<(), Error> {
        if self.options.protocol >= Protocol::V4 {
            return self.op_memoized(opcode);
        }
        self.encoder.empty(opcode, of_protocol_0);
        self.memoize().map(|_| ())
    }

    /// An empty list or dict, and the beginning of its first batch where it is to have one.
    #[inline]
    fn begin_items(&mut self, kind: Kind, len: Option<usize>, opcode: Opcode, of_protocol_0: Opcode) -> Result<Items, Error> {
        if self.options.protocol < Protocol::V4 || !matches!(len, Some(2..)) {
            self.empty(opcode, of_protocol_0)?;
            return Ok(Items::new(kind, len));
        }
        self.encoder.sink_mut().write(&[opcode.byte(), Opcode::Memoize.byte(), Opcode::Mark.byte()]);
        self.memo += 1;
        Ok(Items::in_batch(kind, len))
    }

    #[inline]
    fn begin_list(&mut self, len: Option<usize>) -> Result<List<'_, S>, Error> {
        let kind = match self.meant {
            Meant::Set => return self.begin_set(len, "set"),
            Meant::FrozenSet => return self.begin_set(len, "frozenset"),
            _ => Kind::List,
        };
        self.meant = Meant::Itself;
        self.encoder.boundary();
        let items = self.begin_items(kind, len, Opcode::EmptyList, Opcode::List)?;
        Ok(List { items, serializer: self })
    }

    fn begin_set(&mut self, len: Option<usize>, class: &'static str) -> Result<List<'_, S>, Error> {
        self.meant = Meant::Itself;
        self.encoder.boundary();
        let kind = if self.options.protocol < Protocol::V4 {
            self.global("builtins", class)?;
            self.encoder.begin_tuple(1);
            self.empty(Opcode::EmptyList, Opcode::List)?;
            Kind::ListInCall
        } else if class == "set" {
            self.op(Opcode::EmptySet);
            self.memoize()?;
            Kind::Set
        } else {
            self.op(Opcode::Mark);
            Kind::FrozenSet
        };
        Ok(List { items: Items::new(kind, len), serializer: self })
    }

    #[inline]
    fn begin_tuple(&mut self, len: usize) -> Tuple<'_, S> {
        self.meant = Meant::Itself;
        self.encoder.boundary();
        if len > 0 {
            self.encoder.begin_tuple(len);
        }
        Tuple { serializer: self, len, left: len, around: None }
    }

    #[inline]
    fn begin_map(&mut self, len: Option<usize>) -> Result<Items, Error> {
        self.meant = Meant::Itself;
        self.encoder.boundary();
        self.begin_items(Kind::Dict, len, Opcode::EmptyDict, Opcode::Dict)
    }

    #[inline]
    fn begin_struct(&mut self, name: &'static str, len: usize) -> Result<Struct<'_, S>, Error> {
        let form = match self.options.structs {
            Structs::Dicts => Form::Dict(self.begin_map(Some(len))?),
            Structs::Tuples => {
                _ = self.begin_tuple(len);
                Form::Tuple { len, left: len }
            }
            Structs::Instances(_) => return self.begin_instance(name, len),
        };
        Ok(Struct { serializer: self, form, around: None })
    }

    /// Writes an instance without its state.
    fn instance(&mut self, class: &str) -> Result<(), Error> {
        let Structs::Instances(module) = self.options.structs.clone() else { return Ok(()) };
        self.meant = Meant::Itself;
        self.encoder.boundary();
        if self.options.protocol >= Protocol::V2 {
            self.global(&module, class)?;
            self.encoder.boundary();
            self.encoder.empty_tuple();
            self.op(Opcode::NewObj);
        } else {
            self.global("copyreg", "_reconstructor")?;
            self.op(Opcode::Mark);
            self.global(&module, class)?;
            self.global("builtins", "object")?;
            self.encoder.none();
            self.tuple(3)?;
            self.op(Opcode::Reduce);
        }
        self.memoize().map(|_| ())
    }

    fn begin_instance(&mut self, class: &'static str, len: usize) -> Result<Struct<'_, S>, Error> {
        self.instance(class)?;
        let form = if len == 0 { Form::NoState } else { Form::State(self.begin_map(Some(len))?) };
        Ok(Struct { serializer: self, form, around: None })
    }

    /// Begins what holds a variant's name and content, and writes the name.
    fn begin_variant(&mut self, variant: &'static str) -> Result<Variant, Error> {
        self.meant = Meant::Itself;
        self.encoder.boundary();
        match self.options.enums {
            Enums::Dicts => self.empty(Opcode::EmptyDict, Opcode::Dict)?,
            Enums::Tuples => self.encoder.begin_tuple(2),
        }
        self.name(variant)?;
        Ok(Variant)
    }

    /// Ends what holds a variant's name and content.
    pub(super) fn end_variant(&mut self, Variant: Variant) -> Result<(), Error> {
        match self.options.enums {
            Enums::Dicts => self.op(Opcode::SetItem),
            Enums::Tuples => self.tuple(2)?,
        }
        Ok(())
    }
}

/// What holds a variant's name and content was begun.
#[derive(Clone, Copy, Debug)]
pub(super) struct Variant;

impl<S: Sink> ByCall for Serializer<S> {
    type Sink = S;

    fn encoder(&mut self) -> &mut Encoder<S> {
        &mut self.encoder
    }

    fn memoize_top(&mut self) -> Result<(), Error> {
        self.memoize().map(|_| ())
    }

    fn known_global(&mut self, module: &'static str, name: &'static str) -> Result<(), Error> {
        self.global(module, name)
    }

    fn known_str(&mut self, text: &'static str) -> Result<(), Error> {
        self.text(text).map(|_| ())
    }

    fn value_str(&mut self, text: &str) -> Result<(), Error> {
        self.str(text)
    }

    fn value_bytes(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.bytes(bytes)
    }
}

impl<'a, S: Sink> ser::Serializer for &'a mut Serializer<S> {
    type Ok = ();
    type Error = Error;
    type SerializeSeq = List<'a, S>;
    type SerializeTuple = Tuple<'a, S>;
    type SerializeTupleStruct = Tuple<'a, S>;
    type SerializeTupleVariant = Tuple<'a, S>;
    type SerializeMap = Map<'a, S>;
    type SerializeStruct = Struct<'a, S>;
    type SerializeStructVariant = Struct<'a, S>;

    #[inline]
    fn serialize_bool(self, value: bool) -> Result<(), Error> {
        self.encoder.boundary();
        self.encoder.bool(value);
        Ok(())
    }

    #[inline]
    fn serialize_i8(self, value: i8) -> Result<(), Error> {
        self.serialize_i64(value.into())
    }

    #[inline]
    fn serialize_i16(self, value: i16) -> Result<(), Error> {
        self.serialize_i64(value.into())
    }

    #[inline]
    fn serialize_i32(self, value: i32) -> Result<(), Error> {
        self.serialize_i64(value.into())
    }

    #[inline]
    fn serialize_i64(self, value: i64) -> Result<(), Error> {
        self.encoder.boundary();
        self.encoder.int(value);
        Ok(())
    }

    fn serialize_i128(self, value: i128) -> Result<(), Error> {
        self.long(&value.to_le_bytes())
    }

    #[inline]
    fn serialize_u8(self, value: u8) -> Result<(), Error> {
        self.serialize_i64(value.into())
    }

    #[inline]
    fn serialize_u16(self, value: u16) -> Result<(), Error> {
        self.serialize_i64(value.into())
    }

    #[inline]
    fn serialize_u32(self, value: u32) -> Result<(), Error> {
        self.serialize_i64(value.into())
    }

    #[inline]
    fn serialize_u64(self, value: u64) -> Result<(), Error> {
        match i64::try_from(value) {
            Ok(value) => self.serialize_i64(value),
            Err(_) => self.serialize_i128(value.into()),
        }
    }

    fn serialize_u128(self, value: u128) -> Result<(), Error> {
        // A byte more, so that it is not negative.
        let mut bytes = [0; 17];
        bytes[..16].copy_from_slice(&value.to_le_bytes());
        self.long(&bytes)
    }

    #[inline]
    fn serialize_f32(self, value: f32) -> Result<(), Error> {
        self.serialize_f64(value.into())
    }

    #[inline]
    fn serialize_f64(self, value: f64) -> Result<(), Error> {
        self.encoder.boundary();
        self.encoder.float(value);
        Ok(())
    }

    fn serialize_char(self, value: char) -> Result<(), Error> {
        self.str(value.encode_utf8(&mut [0; 4]))
    }

    #[inline]
    fn serialize_str(self, value: &str) -> Result<(), Error> {
        self.str(value)
    }

    fn serialize_bytes(self, value: &[u8]) -> Result<(), Error> {
        self.bytes(value)
    }

    #[inline]
    fn serialize_none(self) -> Result<(), Error> {
        self.serialize_unit()
    }

    #[inline]
    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Error> {
        value.serialize(self)
    }

    #[inline]
    fn serialize_unit(self) -> Result<(), Error> {
        self.encoder.boundary();
        self.encoder.none();
        Ok(())
    }

    fn serialize_unit_struct(self, name: &'static str) -> Result<(), Error> {
        match self.options.structs {
            Structs::Instances(_) => self.instance(name),
            Structs::Dicts | Structs::Tuples => self.serialize_unit(),
        }
    }

    #[inline]
    fn serialize_unit_variant(self, _: &'static str, _: u32, variant: &'static str) -> Result<(), Error> {
        self.name(variant)
    }

    #[inline]
    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, name: &'static str, value: &T) -> Result<(), Error> {
        if let Some(b'$') = name.as_bytes().first() {
            self.meant = match name {
                names::INT => Meant::Int,
                names::SET => Meant::Set,
                names::FROZENSET => Meant::FrozenSet,
                names::BYTEARRAY => Meant::ByteArray,
                _ => Meant::Itself,
            };
        }
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<(), Error> {
        let around = self.begin_variant(variant)?;
        value.serialize(&mut *self)?;
        self.end_variant(around)
    }

    #[inline]
    fn serialize_seq(self, len: Option<usize>) -> Result<List<'a, S>, Error> {
        self.begin_list(len)
    }

    #[inline]
    fn serialize_tuple(self, len: usize) -> Result<Tuple<'a, S>, Error> {
        Ok(self.begin_tuple(len))
    }

    #[inline]
    fn serialize_tuple_struct(self, _: &'static str, len: usize) -> Result<Tuple<'a, S>, Error> {
        Ok(self.begin_tuple(len))
    }

    fn serialize_tuple_variant(self, _: &'static str, _: u32, variant: &'static str, len: usize) -> Result<Tuple<'a, S>, Error> {
        let around = self.begin_variant(variant)?;
        let mut tuple = self.begin_tuple(len);
        tuple.around = Some(around);
        Ok(tuple)
    }

    #[inline]
    fn serialize_map(self, len: Option<usize>) -> Result<Map<'a, S>, Error> {
        let items = self.begin_map(len)?;
        Ok(Map { serializer: self, items })
    }

    #[inline]
    fn serialize_struct(self, name: &'static str, len: usize) -> Result<Struct<'a, S>, Error> {
        self.begin_struct(name, len)
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        len: usize,
    ) -> Result<Struct<'a, S>, Error> {
        // An instance tells its variant by its class.
        if let Structs::Instances(_) = self.options.structs {
            return self.begin_instance(variant, len);
        }
        let around = self.begin_variant(variant)?;
        let mut fields = self.begin_struct(variant, len)?;
        fields.around = Some(around);
        Ok(fields)
    }

    fn collect_str<T: fmt::Display + ?Sized>(self, value: &T) -> Result<(), Error> {
        if self.meant == Meant::Int {
            self.meant = Meant::Itself;
            let digits = format!("{value:#}");
            if let Some(value) = num_bigint::BigInt::parse_bytes(digits.as_bytes(), 16) {
                return self.long(&value.to_signed_bytes_le());
            }
        }
        self.str(&value.to_string())
    }
}
