//! [`Elements`], [`Entries`] and [`Pairs`]: what containers hold, one after the other.

use std::fmt;

use serde::de::{self, DeserializeSeed, MapAccess, SeqAccess};

use super::{arena::Value, seen::Seen, walk::Walk};
use crate::{Error, ErrorKind};

/// The items of a sequence.
pub(super) struct Elements<'a, 'de, 's> {
    walk: &'a mut Walk<'de, 's>,
    all: usize,
    rest: std::slice::Iter<'s, Value>,
}

impl<'a, 'de, 's> Elements<'a, 'de, 's> {
    pub(super) fn new(walk: &'a mut Walk<'de, 's>, items: &'s [Value]) -> Self {
        Elements { walk, all: items.len(), rest: items.iter() }
    }

    /// Checks that none is left.
    pub(super) fn end(&self) -> Result<(), Error> {
        check_length(self.all, self.rest.len())
    }
}

impl<'de> SeqAccess<'de> for Elements<'_, 'de, '_> {
    type Error = Error;

    #[inline]
    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Error> {
        match self.rest.next() {
            Some(&value) => match self.walk.seed(value, seed) {
                Ok(item) => Ok(Some(item)),
                Err(error) => Err(error.within(format!("[{}]", self.all - self.rest.len() - 1))),
            },
            None => Ok(None),
        }
    }

    #[inline]
    fn size_hint(&self) -> Option<usize> {
        Some(self.rest.len())
    }
}

/// The keys and values of a dict, or of two.
pub(super) struct Entries<'a, 'de, 's> {
    walk: &'a mut Walk<'de, 's>,
    all: usize,
    rest: std::slice::Iter<'s, [Value; 2]>,
    behind: std::slice::Iter<'s, [Value; 2]>,
    /// The key that was read last and its value, until that is read too.
    item: Option<[Value; 2]>,
}

impl<'a, 'de, 's> Entries<'a, 'de, 's> {
    pub(super) fn new(walk: &'a mut Walk<'de, 's>, first: &'s [Value], second: &'s [Value]) -> Self {
        let (rest, behind) = (first.as_chunks().0.iter(), second.as_chunks().0.iter());
        Entries { walk, all: rest.len() + behind.len(), rest, behind, item: None }
    }

    fn left(&self) -> usize {
        self.rest.len() + self.behind.len()
    }

    /// Checks that none is left.
    pub(super) fn end(&self) -> Result<(), Error> {
        check_length(self.all, self.left())
    }
}

impl<'de> MapAccess<'de> for Entries<'_, 'de, '_> {
    type Error = Error;

    #[inline]
    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Error> {
        let Some(&item) = self.rest.next().or_else(|| self.behind.next()) else { return Ok(None) };
        self.item = Some(item);
        read_key(self.walk, item[0], seed).map(Some)
    }

    #[inline]
    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Error> {
        read_value(self.walk, self.item.take(), seed)
    }

    #[inline]
    fn size_hint(&self) -> Option<usize> {
        Some(self.left())
    }
}

/// The keys and values of a dict that is written as a list of pairs.
pub(super) struct Pairs<'a, 'de, 's> {
    walk: &'a mut Walk<'de, 's>,
    all: usize,
    rest: std::slice::Iter<'s, Value>,
    /// The key that was read last and its value, until that is read too.
    item: Option<[Value; 2]>,
}

impl<'a, 'de, 's> Pairs<'a, 'de, 's> {
    pub(super) fn new(walk: &'a mut Walk<'de, 's>, pairs: &'s [Value]) -> Self {
        Pairs { walk, all: pairs.len(), rest: pairs.iter(), item: None }
    }

    /// Checks that none is left.
    pub(super) fn end(&self) -> Result<(), Error> {
        check_length(self.all, self.rest.len())
    }
}

impl<'de> MapAccess<'de> for Pairs<'_, 'de, '_> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Error> {
        let Some(&pair) = self.rest.next() else { return Ok(None) };
        let Seen::Seq(&[key, value]) = self.walk.look(pair)? else {
            return Err(self.walk.error(ErrorKind::Data("a list of pairs has an item that is no pair".into()).into(), pair));
        };
        self.item = Some([key, value]);
        read_key(self.walk, key, seed).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Error> {
        read_value(self.walk, self.item.take(), seed)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.rest.len())
    }
}

#[inline]
fn read_key<'de, K: DeserializeSeed<'de>>(walk: &mut Walk<'de, '_>, key: Value, seed: K) -> Result<K::Value, Error> {
    match walk.seed(key, seed) {
        Ok(key) => Ok(key),
        Err(error) => Err(error.within(format!("[key {}]", walk.text_of_key(key)))),
    }
}

#[inline]
fn read_value<'de, V: DeserializeSeed<'de>>(
    walk: &mut Walk<'de, '_>,
    item: Option<[Value; 2]>,
    seed: V,
) -> Result<V::Value, Error> {
    let Some([key, value]) = item else { return Err(value_before_key()) };
    match walk.seed(value, seed) {
        Ok(value) => Ok(value),
        Err(error) => Err(error.within(walk.step_by_key(key))),
    }
}

#[cold]
fn value_before_key() -> Error {
    de::Error::custom("a value was asked for before its key")
}

#[inline]
fn check_length(all: usize, left: usize) -> Result<(), Error> {
    if left == 0 { Ok(()) } else { Err(de::Error::invalid_length(all, &Fewer(all - left))) }
}

/// What was expected where there was more.
struct Fewer(usize);

impl de::Expected for Fewer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            1 => f.write_str("1 item"),
            count => write!(f, "{count} items"),
        }
    }
}
