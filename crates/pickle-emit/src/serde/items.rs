//! [`List`], [`Tuple`], [`Map`] and [`Struct`]: what containers hold, one after the other.

use pickle_opcodes::{Opcode, Protocol};
use serde::ser::{self, Serialize};

use super::ser::{Meant, Serializer, Variant};
use crate::{BATCH_SIZE, Error, ErrorKind, Sink};

/// What is filled.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    List,
    /// A list that is the argument of a call, which makes a set of it.
    ListInCall,
    Dict,
    Set,
    FrozenSet,
}

/// How the items of a list, dict or set go into batches.
#[derive(Clone, Copy, Debug)]
pub(super) struct Items {
    kind: Kind,
    /// How many there are to be, if that was told.
    len: Option<usize>,
    /// How many were begun.
    begun: usize,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    /// No item was begun.
    Empty,
    /// The last item was begun without a mark.
    Alone,
    /// A batch was begun, of which there are so many items.
    Batch(usize),
}

impl Items {
    #[inline]
    pub(super) fn new(kind: Kind, len: Option<usize>) -> Self {
        Items { kind, len, begun: 0, state: State::Empty }
    }

    /// The mark of the first batch is written.
    #[inline]
    pub(super) fn in_batch(kind: Kind, len: Option<usize>) -> Self {
        Items { kind, len, begun: 0, state: State::Batch(0) }
    }

    #[inline]
    fn single(self) -> Opcode {
        if self.kind == Kind::Dict { Opcode::SetItem } else { Opcode::Append }
    }

    #[inline]
    fn many(self) -> Opcode {
        match self.kind {
            Kind::List | Kind::ListInCall => Opcode::Appends,
            Kind::Dict => Opcode::SetItems,
            Kind::Set | Kind::FrozenSet => Opcode::AddItems,
        }
    }

    /// Before an item.
    #[inline]
    fn begin<S: Sink>(&mut self, to: &mut Serializer<S>) {
        match &mut self.state {
            State::Batch(count) if *count < BATCH_SIZE => *count += 1,
            _ => self.begin_batch(to),
        }
        self.begun += 1;
    }

    #[inline(never)]
    fn begin_batch<S: Sink>(&mut self, to: &mut Serializer<S>) {
        if self.kind == Kind::FrozenSet {
            self.state = State::Batch(0);
            return;
        }
        match self.state {
            State::Empty => {}
            State::Alone => to.op(self.single()),
            State::Batch(_) => to.op(self.many()),
        }
        let has_single = self.kind != Kind::Set;
        if has_single && (to.options.protocol == Protocol::V0 || self.begun == 0 && self.len == Some(1)) {
            self.state = State::Alone;
        } else {
            to.op(Opcode::Mark);
            self.state = State::Batch(1);
        }
    }

    /// Behind the last item.
    #[inline]
    fn end<S: Sink>(self, to: &mut Serializer<S>) -> Result<(), Error> {
        match (self.state, self.kind) {
            (State::Batch(..BATCH_SIZE), Kind::List | Kind::Dict) if to.options.protocol >= Protocol::V4 => {
                to.op(self.many());
                Ok(())
            }
            _ => self.end_otherwise(to),
        }
    }

    #[inline(never)]
    fn end_otherwise<S: Sink>(self, to: &mut Serializer<S>) -> Result<(), Error> {
        match self.state {
            State::Empty => {}
            State::Alone => to.op(self.single()),
            _ if self.kind == Kind::FrozenSet => {}
            State::Batch(last) => {
                to.op(self.many());
                // As CPython up to 3.14 has it, which sees only then that there are no more.
                if last == BATCH_SIZE && matches!(self.kind, Kind::Dict | Kind::Set) {
                    to.op(Opcode::Mark);
                    to.op(self.many());
                }
            }
        }
        match self.kind {
            Kind::List | Kind::Dict | Kind::Set => {}
            Kind::ListInCall => {
                to.tuple(1)?;
                to.op(Opcode::Reduce);
                to.memoize()?;
            }
            Kind::FrozenSet => {
                to.op(Opcode::FrozenSet);
                to.memoize()?;
            }
        }
        if to.options.protocol < Protocol::V4 {
            to.encoder.sink_mut().piece_ends();
        }
        Ok(())
    }
}

/// A list or set that is being written.
#[derive(Debug)]
pub struct List<'a, S> {
    pub(super) serializer: &'a mut Serializer<S>,
    pub(super) items: Items,
}

impl<S: Sink> ser::SerializeSeq for List<'_, S> {
    type Ok = ();
    type Error = Error;

    #[inline]
    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        self.items.begin(self.serializer);
        value.serialize(&mut *self.serializer)
    }

    #[inline]
    fn end(self) -> Result<(), Error> {
        self.items.end(self.serializer)
    }
}

/// A tuple that is being written.
#[derive(Debug)]
pub struct Tuple<'a, S> {
    pub(super) serializer: &'a mut Serializer<S>,
    /// How many items it has.
    pub(super) len: usize,
    /// How many of them are to come.
    pub(super) left: usize,
    /// The variant of which it is the content.
    pub(super) around: Option<Variant>,
}

impl<S: Sink> Tuple<'_, S> {
    #[inline]
    fn item<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        match self.left.checked_sub(1) {
            Some(left) => self.left = left,
            None => return Err(wrong_length(self.len)),
        }
        value.serialize(&mut *self.serializer)
    }

    #[inline]
    fn end(self) -> Result<(), Error> {
        if self.left > 0 {
            return Err(wrong_length(self.len));
        }
        if self.len == 0 {
            self.serializer.encoder.empty_tuple();
        } else {
            self.serializer.tuple(self.len)?;
        }
        match self.around {
            Some(around) => self.serializer.end_variant(around),
            None => Ok(()),
        }
    }
}

#[cold]
fn wrong_length(len: usize) -> Error {
    ErrorKind::Data(format!("a tuple was to have {len} items and has more or fewer").into()).into()
}

impl<S: Sink> ser::SerializeTuple for Tuple<'_, S> {
    type Ok = ();
    type Error = Error;

    #[inline]
    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        self.item(value)
    }

    #[inline]
    fn end(self) -> Result<(), Error> {
        Tuple::end(self)
    }
}

impl<S: Sink> ser::SerializeTupleStruct for Tuple<'_, S> {
    type Ok = ();
    type Error = Error;

    #[inline]
    fn serialize_field<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        self.item(value)
    }

    #[inline]
    fn end(self) -> Result<(), Error> {
        Tuple::end(self)
    }
}

impl<S: Sink> ser::SerializeTupleVariant for Tuple<'_, S> {
    type Ok = ();
    type Error = Error;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        self.item(value)
    }

    fn end(self) -> Result<(), Error> {
        Tuple::end(self)
    }
}

/// A dict that is being written.
#[derive(Debug)]
pub struct Map<'a, S> {
    pub(super) serializer: &'a mut Serializer<S>,
    pub(super) items: Items,
}

impl<S: Sink> ser::SerializeMap for Map<'_, S> {
    type Ok = ();
    type Error = Error;

    #[inline]
    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Error> {
        self.items.begin(self.serializer);
        self.serializer.meant = Meant::Key;
        key.serialize(&mut *self.serializer)?;
        self.serializer.meant = Meant::Itself;
        Ok(())
    }

    #[inline]
    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        value.serialize(&mut *self.serializer)
    }

    #[inline]
    fn end(self) -> Result<(), Error> {
        self.items.end(self.serializer)
    }
}

/// A struct that is being written.
#[derive(Debug)]
pub struct Struct<'a, S> {
    pub(super) serializer: &'a mut Serializer<S>,
    pub(super) form: Form,
    /// The variant of which it is the content.
    pub(super) around: Option<Variant>,
}

/// What a struct becomes.
#[derive(Clone, Copy, Debug)]
pub(super) enum Form {
    Dict(Items),
    /// A tuple of so many items, of which so many are to come.
    Tuple {
        len: usize,
        left: usize,
    },
    /// The state of an instance.
    State(Items),
    /// An instance that has no state.
    NoState,
}

impl<S: Sink> Struct<'_, S> {
    #[inline]
    fn field<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Result<(), Error> {
        match &mut self.form {
            Form::Dict(items) | Form::State(items) => {
                items.begin(self.serializer);
                self.serializer.name(name)?;
            }
            Form::Tuple { len, left } => match left.checked_sub(1) {
                Some(fewer) => *left = fewer,
                None => return Err(wrong_length(*len)),
            },
            Form::NoState => return Err(wrong_length(0)),
        }
        value.serialize(&mut *self.serializer)
    }

    #[inline]
    fn end(self) -> Result<(), Error> {
        match self.form {
            Form::Dict(items) => items.end(self.serializer)?,
            Form::Tuple { len, left } => Tuple { serializer: &mut *self.serializer, len, left, around: None }.end()?,
            Form::State(items) => {
                items.end(self.serializer)?;
                self.serializer.op(Opcode::Build);
            }
            Form::NoState => {}
        }
        match self.around {
            Some(around) => self.serializer.end_variant(around),
            None => Ok(()),
        }
    }
}

impl<S: Sink> ser::SerializeStruct for Struct<'_, S> {
    type Ok = ();
    type Error = Error;

    #[inline]
    fn serialize_field<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Result<(), Error> {
        self.field(name, value)
    }

    #[inline]
    fn end(self) -> Result<(), Error> {
        Struct::end(self)
    }
}

impl<S: Sink> ser::SerializeStructVariant for Struct<'_, S> {
    type Ok = ();
    type Error = Error;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Result<(), Error> {
        self.field(name, value)
    }

    fn end(self) -> Result<(), Error> {
        Struct::end(self)
    }
}
