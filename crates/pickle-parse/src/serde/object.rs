//! What objects are to serde: those of known classes what they mean, others their items, their state or their arguments.

use std::borrow::Cow;

use super::{
    arena::{Kind, Object, Place, Value},
    class::Class,
    date,
    seen::{self, Seen},
    walk::{Found, Look, Walk},
};

impl<'de, 's> Walk<'de, 's> {
    /// What an object is.
    pub(super) fn object(&mut self, object: &'s Object) -> Found<Look<'de, 's>> {
        let args = self.tuple(object.args);
        let class = self.class(object.callable);
        let known = match (class, args) {
            (Class::Other, _) => None,
            (Class::Reconstructor, &[class, _, _]) if self.class(class) == Class::Uuid => self.uuid(object)?.map(text),
            (Class::Reconstructor, &[_, _, state]) => return Ok(self.reconstructed(object, state)),
            (Class::NewObj, [_, args @ ..]) => return Ok(self.instance(object, args, None)),
            (Class::NewObjEx, &[_, args, kwargs]) => return Ok(self.instance(object, self.tuple(args), Some(kwargs))),
            (Class::GetAttr, &[_, name]) => Some(Look::Value(name)),
            (Class::Encode | Class::Bytes, args) => self.bytes_of(args)?.map(Look::Seen),
            (Class::Sequence, args) => match (self.arena.range(object.appended), args) {
                ([], []) => Some(Look::Seen(Seen::Seq(&[]))),
                // A deque with a length that it may have.
                ([], &[items] | &[items, _]) => Some(Look::Value(items)),
                (items, _) => Some(Look::Seen(Seen::Seq(items))),
            },
            (Class::Mapping, args) => self.mapping(object, args)?,
            (Class::DateTime | Class::Date | Class::Time | Class::TimeZone | Class::ZoneInfo, args) => {
                self.date_or_time(class, args)?.map(text)
            }
            (Class::Uuid, _) => self.uuid(object)?.map(text),
            (Class::Path, args) => self.path(args)?.map(text),
            _ => None,
        };
        Ok(match known {
            Some(look) => look,
            None => self.instance(object, args, object.kwargs),
        })
    }

    /// What protocols 0 and 1 make of a class, the instance of a base class of it, and a state.
    fn reconstructed(&self, object: &'s Object, base: Value) -> Look<'de, 's> {
        match self.instance(object, &[], None) {
            // Of a `list`, `dict`, `int`, ...
            Look::Seen(Seen::Empty) if !self.is_none(base) => Look::Value(base),
            look => look,
        }
    }

    /// An object of no known class: its items, or else its state, or else what it was made of.
    fn instance(&self, object: &'s Object, args: &'s [Value], kwargs: Option<Value>) -> Look<'de, 's> {
        let arena = self.arena;
        if let items @ [_, ..] = arena.range(object.set) {
            return Look::Seen(Seen::Map(items, &[]));
        }
        if let items @ [_, ..] = arena.range(object.appended) {
            return Look::Seen(Seen::Seq(items));
        }
        let from_args = match (args, kwargs.and_then(|kwargs| self.attributes(kwargs))) {
            ([], Some(kwargs @ [_, ..])) => Seen::Map(kwargs, &[]),
            ([], _) => Seen::Empty,
            _ => Seen::Args(args),
        };
        let Some(state) = object.state else { return Look::Seen(from_args) };
        let attributes = match self.attributes(state) {
            Some(attributes) => Some((attributes, &[][..])),
            // The `__dict__` and the slots.
            None => match self.tuple(state) {
                &[dict, slots] => self.attributes(dict).zip(self.attributes(slots)),
                _ => None,
            },
        };
        match attributes {
            Some(([], [])) if !matches!(from_args, Seen::Empty) => Look::Seen(from_args),
            Some(([], [])) => Look::Seen(Seen::Empty),
            Some((dict, slots)) => Look::Seen(Seen::Map(dict, slots)),
            None => Look::Value(state),
        }
    }

    /// The items of a dict; none of `None`.
    fn attributes(&self, value: Value) -> Option<&'s [Value]> {
        let arena = self.arena;
        match arena.node(value) {
            Some(node) if node.kind == Kind::Dict => Some(arena.items(node)),
            None if self.is_none(value) => Some(&[]),
            _ => None,
        }
    }

    fn mapping(&mut self, object: &'s Object, args: &'s [Value]) -> Found<Option<Look<'de, 's>>> {
        let arena = self.arena;
        if let items @ [_, ..] = arena.range(object.set) {
            return Ok(Some(Look::Seen(Seen::Map(items, &[]))));
        }
        let &[arg] = args else { return Ok(args.is_empty().then_some(Look::Seen(Seen::Map(&[], &[])))) };
        Ok(match arena.node(arg).map(|node| node.kind) {
            Some(Kind::Dict) => Some(Look::Value(arg)),
            // As Python 2 has it of an OrderedDict.
            Some(Kind::List) => arena.node(arg).map(|node| Look::Seen(Seen::Pairs(arena.items(node)))),
            // The factory of a defaultdict.
            _ => Some(Look::Seen(Seen::Map(&[], &[]))),
        })
    }

    /// Bytes of a text in Latin-1, or of other bytes.
    fn bytes_of(&mut self, args: &'s [Value]) -> Found<Option<Seen<'de, 's>>> {
        let mut scalars = Vec::with_capacity(2);
        for &arg in args.iter().take(3) {
            // Bytes within are a call of their own at protocols 0 to 2.
            let seen = match self.arena.node(arg) {
                None => match self.arena.place(arg) {
                    Place::Op(offset) => self.scalar(offset)?,
                    Place::Node(_) => return Ok(None),
                },
                Some(node) if node.kind == Kind::Object => {
                    let inner = &self.arena.objects[node.index()];
                    match (self.class(inner.callable), self.tuple(inner.args)) {
                        (Class::Encode, &[text, encoding]) if self.is_scalar(text) && self.is_scalar(encoding) => {
                            match self.bytes_of(self.tuple(inner.args))? {
                                Some(bytes) => bytes,
                                None => return Ok(None),
                            }
                        }
                        _ => return Ok(None),
                    }
                }
                Some(_) => return Ok(None),
            };
            scalars.push(seen);
        }
        Ok(match &scalars[..] {
            [] => Some(Seen::Bytes(Cow::Borrowed(&[]))),
            [Seen::Bytes(bytes)] => Some(Seen::Bytes(bytes.clone())),
            [Seen::Str(text), Seen::Str(encoding)] if matches!(&**encoding, "latin1" | "latin-1") => {
                let bytes: Result<Vec<u8>, _> = text.chars().map(|c| u8::try_from(u32::from(c))).collect();
                bytes.ok().map(|bytes| Seen::Bytes(Cow::Owned(bytes)))
            }
            _ => None,
        })
    }

    fn is_scalar(&self, value: Value) -> bool {
        matches!(self.arena.place(value), Place::Op(_))
    }

    /// A value of which nothing but a scalar is expected: an integer, a `str`, bytes.
    fn expect_scalar(&mut self, value: Value) -> Found<Option<Seen<'de, 's>>> {
        match self.arena.place(value) {
            Place::Op(offset) => self.scalar(offset).map(Some),
            Place::Node(_) => Ok(None),
        }
    }

    fn date_or_time(&mut self, class: Class, args: &'s [Value]) -> Found<Option<String>> {
        let [first, rest @ ..] = args else { return Ok(None) };
        if class == Class::TimeZone {
            return self.time_zone(*first);
        }
        let state = match class {
            Class::ZoneInfo => self.expect_scalar(*first)?,
            // A str in Python 2, and a call that makes bytes at protocols 0 to 2.
            _ => match self.bytes_of(std::slice::from_ref(first))? {
                Some(bytes) => Some(bytes),
                None => self.expect_scalar(*first)?,
            },
        };
        let state = match &state {
            Some(Seen::Bytes(bytes)) => &**bytes,
            Some(Seen::Str(text)) => text.as_bytes(),
            _ => return Ok(None),
        };
        let text = match class {
            Class::ZoneInfo => return Ok(std::str::from_utf8(state).ok().map(|key| format!("[{key}]"))),
            Class::Date => date::date(state),
            Class::Time => date::time(state),
            _ => date::date_time(state),
        };
        let zone = match rest {
            [] => Some(String::new()),
            [zone, ..] => self.zone(*zone)?,
        };
        Ok(text.zip(zone).map(|(text, zone)| text + &zone))
    }

    /// The text of a `tzinfo`.
    fn zone(&mut self, zone: Value) -> Found<Option<String>> {
        let Some(node) = self.arena.node(zone).filter(|node| node.kind == Kind::Object) else { return Ok(None) };
        let object = &self.arena.objects[node.index()];
        let args = self.tuple(object.args);
        match (self.class(object.callable), args) {
            (Class::TimeZone, [offset, ..]) => self.time_zone(*offset),
            (Class::ZoneInfo, [key, ..]) => match self.expect_scalar(*key)? {
                Some(Seen::Str(key)) => Ok(Some(format!("[{key}]"))),
                _ => Ok(None),
            },
            _ => Ok(None),
        }
    }

    /// The text of a `timezone`, made of a `timedelta`.
    fn time_zone(&mut self, delta: Value) -> Found<Option<String>> {
        let Some(node) = self.arena.node(delta).filter(|node| node.kind == Kind::Object) else { return Ok(None) };
        let &[days, seconds, microseconds] = self.tuple(self.arena.objects[node.index()].args) else { return Ok(None) };
        let mut int = |value| match self.expect_scalar(value) {
            Ok(Some(Seen::Int(value))) => Some(value),
            _ => None,
        };
        Ok(match (int(days), int(seconds), int(microseconds)) {
            (Some(days), Some(seconds), Some(microseconds)) => date::offset(days, seconds, microseconds),
            _ => None,
        })
    }

    /// The text of a UUID, whose state is a dict of its 128 bits.
    fn uuid(&mut self, object: &'s Object) -> Found<Option<String>> {
        let Some(attributes) = object.state.and_then(|state| self.attributes(state)) else { return Ok(None) };
        for &[key, value] in attributes.as_chunks().0 {
            match self.expect_scalar(key)? {
                Some(Seen::Str(key)) if key == "int" => {}
                _ => continue,
            }
            let value = match self.expect_scalar(value)? {
                Some(Seen::Int(value)) => u128::try_from(value).ok(),
                Some(Seen::Long(bytes)) => match seen::wide(&bytes) {
                    seen::Wide::U64(value) => Some(value.into()),
                    seen::Wide::I128(value) => u128::try_from(value).ok(),
                    seen::Wide::U128(value) => Some(value),
                    seen::Wide::Big(_) => None,
                },
                _ => None,
            };
            return Ok(value.map(|value| {
                let digits = format!("{value:032x}");
                [&digits[..8], &digits[8..12], &digits[12..16], &digits[16..20], &digits[20..]].join("-")
            }));
        }
        Ok(None)
    }

    /// The text of a path, of its parts.
    fn path(&mut self, parts: &'s [Value]) -> Found<Option<String>> {
        let mut path = String::new();
        for &part in parts {
            let Some(Seen::Str(part)) = self.expect_scalar(part)? else { return Ok(None) };
            if !path.is_empty() && !path.ends_with('/') {
                path.push('/');
            }
            path.push_str(&part);
        }
        Ok(Some(if path.is_empty() { ".".to_owned() } else { path }))
    }
}

fn text<'de, 's>(text: String) -> Look<'de, 's> {
    Look::Seen(Seen::Str(Cow::Owned(text)))
}
