//! [`Sequence`] and [`Dict`]: what containers hold, while it is read.

use serde::de::{DeserializeSeed, MapAccess, SeqAccess};

use super::{value::StraightDeserializer, *};

/// How many items picklers add at once.
const BATCH: u32 = 1000;

/// For sets, of which no opcode adds a single item.
pub(super) const NO_SINGLE: u8 = 0;

/// Where in a container the pickle stands.
#[derive(Clone, Copy, Debug)]
pub(super) enum Items {
    /// Of a list, set or dict: behind its opcode.
    Outside(Container),
    /// Behind a full batch.
    Full(Container),
    /// In a batch, behind so many items.
    Batch(Container, u32),
    /// Behind the only item of a list or dict.
    Alone(Container),
    /// Of a tuple or frozenset that began with a mark.
    Marked,
    /// Of a tuple that has no mark, behind so many items.
    Small(u8),
    /// Behind the last item, and behind what ends the container.
    End,
}

/// A container that is filled behind its opcode.
#[derive(Clone, Copy, Debug)]
pub(super) struct Container {
    /// What ends a batch.
    batch: u8,
    /// What adds a single item.
    single: u8,
    /// What comes behind the container.
    then: Then,
}

impl Items {
    #[inline(always)]
    pub(super) fn list(then: Then) -> Items {
        Items::Outside(Container { batch: APPENDS, single: APPEND, then })
    }

    #[inline(always)]
    pub(super) fn dict(then: Then) -> Items {
        Items::Outside(Container { batch: SETITEMS, single: SETITEM, then })
    }

    #[inline(always)]
    pub(super) fn set() -> Items {
        Items::Outside(Container { batch: ADDITEMS, single: NO_SINGLE, then: Then::Item })
    }
}

impl Pickle<'_, '_> {
    /// Steps into a batch, where one begins.
    #[inline(always)]
    pub(super) fn begin(&mut self, items: Items) -> Items {
        match (items, self.rest) {
            (Items::Outside(container), [MARK, rest @ ..]) => {
                self.rest = rest;
                Items::Batch(container, 0)
            }
            _ => items,
        }
    }

    /// Whether there is another item.
    #[inline(always)]
    pub(super) fn another(&mut self, items: &mut Items) -> Step<bool> {
        // What is usual, in the loop that reads it.
        if let Items::Batch(container, count) = items
            && let Some((&next, rest)) = self.rest.split_first()
            && next != FRAME
        {
            if next != container.batch {
                *count += 1;
                return Ok(true);
            }
            if *count != BATCH {
                self.rest = rest;
                *items = Items::End;
                return Ok(false);
            }
        }
        self.another_by_step(items)
    }

    #[inline(never)]
    fn another_by_step(&mut self, items: &mut Items) -> Step<bool> {
        loop {
            if let Items::End = items {
                return Ok(false);
            }
            let next = self.next()?;
            match *items {
                Items::Batch(container, count) => {
                    if next != container.batch {
                        *items = Items::Batch(container, count + 1);
                        return Ok(true);
                    }
                    self.skip_opcode();
                    if count != BATCH {
                        *items = Items::End;
                        return Ok(false);
                    }
                    *items = Items::Full(container);
                }
                Items::Outside(container) | Items::Full(container) if next == MARK => {
                    self.skip_opcode();
                    *items = Items::Batch(container, 0);
                }
                Items::Full(_) => {
                    *items = Items::End;
                    return Ok(false);
                }
                Items::Outside(container) => {
                    let another = self.is_alone(next, container.single, container.then)?;
                    *items = if another { Items::Alone(container) } else { Items::End };
                    return Ok(another);
                }
                Items::Alone(container) => {
                    self.take(container.single)?;
                    *items = Items::End;
                    return Ok(false);
                }
                Items::Marked if matches!(next, TUPLE | FROZENSET) => {
                    let offset = self.offset();
                    self.skip_opcode();
                    self.memoize(offset)?;
                    *items = Items::End;
                    return Ok(false);
                }
                Items::Marked => return Ok(true),
                Items::Small(count) => {
                    let end = [0, TUPLE1, TUPLE2, TUPLE3].get(usize::from(count)).ok_or(GaveUp)?;
                    // A tuple of none has an opcode that begins it, and 0 is none.
                    if count == 0 || next != *end {
                        *items = Items::Small(count + 1);
                        return Ok(true);
                    }
                    let offset = self.offset();
                    self.skip_opcode();
                    self.memoize(offset)?;
                    *items = Items::End;
                    return Ok(false);
                }
                Items::End => return Ok(false),
            }
        }
    }

    /// What comes behind an item, or behind the value of one.
    #[inline]
    pub(super) fn behind(&self, items: Items) -> Then {
        match items {
            Items::Alone(container) => Then::Op(container.single),
            Items::Batch(Container { batch: SETITEMS, .. }, _) => Then::Key,
            _ => Then::Item,
        }
    }
}

/// The items of a list, tuple or set.
pub(super) struct Sequence<'a, 'de, 'o> {
    pub(super) pickle: &'a mut Pickle<'de, 'o>,
    pub(super) items: Items,
}

impl Sequence<'_, '_, '_> {
    /// Checks that none is left.
    #[inline]
    pub(super) fn end(&mut self) -> Step<()> {
        if self.pickle.another(&mut self.items)? { Err(GaveUp) } else { Ok(()) }
    }
}

impl<'de> SeqAccess<'de> for Sequence<'_, 'de, '_> {
    type Error = GaveUp;

    #[inline]
    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Step<Option<T::Value>> {
        if !self.pickle.another(&mut self.items)? {
            return Ok(None);
        }
        let then = self.pickle.behind(self.items);
        let value = seed.deserialize(StraightDeserializer { pickle: self.pickle, then });
        self.pickle.passing(value).map(Some)
    }
}

/// The keys and values of a dict.
pub(super) struct Dict<'a, 'de, 'o> {
    pub(super) pickle: &'a mut Pickle<'de, 'o>,
    pub(super) items: Items,
}

impl Dict<'_, '_, '_> {
    /// Checks that none is left.
    #[inline]
    pub(super) fn end(&mut self) -> Step<()> {
        if self.pickle.another(&mut self.items)? { Err(GaveUp) } else { Ok(()) }
    }
}

impl<'de> MapAccess<'de> for Dict<'_, 'de, '_> {
    type Error = GaveUp;

    #[inline]
    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Step<Option<K::Value>> {
        if !self.pickle.another(&mut self.items)? {
            return Ok(None);
        }
        let key = seed.deserialize(StraightDeserializer { pickle: self.pickle, then: Then::Item });
        self.pickle.passing(key).map(Some)
    }

    #[inline]
    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Step<V::Value> {
        let then = self.pickle.behind(self.items);
        let value = seed.deserialize(StraightDeserializer { pickle: self.pickle, then });
        self.pickle.passing(value)
    }
}
