//! [`Memo`]: the objects that a pickle refers back to.

use std::collections::BTreeMap;

/// How many more places than objects the vector may have, beside as many again.
const MAX_GAPS: usize = 64;

/// The memo of the pickle machine: objects by index.
///
/// Picklers number their objects 0, 1, 2, ..., so it is a vector; an index far from all others, as only a hostile pickle has
/// one, goes to a map on the side and costs no more than any other.
///
/// ```
/// use pickle_parse::Memo;
///
/// let mut memo = Memo::new();
/// memo.set(0, "a");
/// memo.set(4_294_967_295, "b");
/// assert_eq!(memo.get(4_294_967_295), Some(&"b"));
/// assert_eq!(memo.get(1), None);
/// assert_eq!(memo.len(), 2);
/// ```
#[derive(Clone, Debug)]
pub struct Memo<V> {
    dense: Vec<Option<V>>,
    /// Indexes from `dense.len()` on. Ordered rather than hashed: no choice of indexes makes it slow.
    far: BTreeMap<usize, V>,
    len: usize,
}

impl<V> Default for Memo<V> {
    fn default() -> Self {
        Memo { dense: Vec::new(), far: BTreeMap::new(), len: 0 }
    }
}

impl<V> Memo<V> {
    /// An empty memo.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The object at `index`, if one was stored there.
    #[inline]
    #[must_use]
    pub fn get(&self, index: usize) -> Option<&V> {
        match self.dense.get(index) {
            Some(value) => value.as_ref(),
            None if self.far.is_empty() => None,
            None => self.far.get(&index),
        }
    }

    /// Stores an object at `index`, in place of the one that was there.
    #[inline]
    pub fn set(&mut self, index: usize, value: V) {
        if index == self.dense.len() && self.far.is_empty() {
            self.dense.push(Some(value));
            self.len += 1;
        } else {
            self.set_elsewhere(index, value);
        }
    }

    #[inline(never)]
    fn set_elsewhere(&mut self, index: usize, value: V) {
        if index >= self.dense.len() && index <= 2 * self.len + MAX_GAPS {
            for index in self.dense.len()..=index {
                self.dense.push(self.far.remove(&index));
            }
        }
        let old = match self.dense.get_mut(index) {
            Some(slot) => slot.replace(value),
            None => self.far.insert(index, value),
        };
        self.len += usize::from(old.is_none());
    }

    /// How many objects are stored: the index at which `MEMOIZE` stores the next one, as PEP 3154 has it. (CPython 3.15's
    /// `_pickle` does not count those whose index is far beyond all others; no pickler writes such.)
    #[inline]
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether nothing is stored.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// How much memory it takes, in bytes: of the map roughly, whose nodes are half empty at worst.
    pub(crate) fn memory(&self) -> usize {
        self.dense.capacity() * size_of::<Option<V>>() + self.far.len() * 2 * size_of::<(usize, V)>()
    }

    /// Makes room for so many more objects.
    pub(crate) fn reserve(&mut self, objects: usize) {
        self.dense.reserve(objects);
    }

    /// Forgets all objects.
    pub fn clear(&mut self) {
        self.dense.clear();
        self.far.clear();
        self.len = 0;
    }

    /// The memo with each object made into another; it takes no longer for more objects where that changes no bit of them.
    #[must_use]
    pub fn map<U>(self, mut make: impl FnMut(V) -> U) -> Memo<U> {
        let dense = self.dense.into_iter().map(|value| value.map(&mut make)).collect();
        let far = self.far.into_iter().map(|(index, value)| (index, make(value))).collect();
        Memo { dense, far, len: self.len }
    }

    /// All objects with their indexes, in the order of the indexes.
    pub fn iter(&self) -> impl Iterator<Item = (usize, &V)> {
        let dense = self.dense.iter().enumerate().filter_map(|(index, value)| Some((index, value.as_ref()?)));
        dense.chain(self.far.iter().map(|(&index, value)| (index, value)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_holds_what_a_map_would_hold_whatever_the_indexes() {
        let mut state = 1u64;
        for spread in [3, 40, 100, 1_000, usize::MAX] {
            let (mut memo, mut map) = (Memo::new(), BTreeMap::new());
            for value in 0..2_000 {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                let index = if value % 3 == 0 { memo.len() } else { (state >> 20) as usize % spread };
                memo.set(index, value);
                map.insert(index, value);
                assert_eq!(memo.len(), map.len());
                assert_eq!(memo.get(index), Some(&value));
            }
            assert!(memo.iter().eq(map.iter().map(|(&index, value)| (index, value))));
            assert!((0..3_000).all(|index| memo.get(index) == map.get(&index)));
        }
    }

    #[test]
    fn gaps_take_no_more_room_than_the_objects_beside_them() {
        let mut memo = Memo::new();
        for n in 0..10_000 {
            memo.set(50 * n, n);
        }
        assert!(memo.dense.len() <= 2 * memo.len() + MAX_GAPS);
        assert!((0..10_000).all(|n| memo.get(50 * n) == Some(&n)));
        let memory = memo.memory();
        for n in 0..500_000 {
            memo.set(n, n);
        }
        assert!(memory < memo.memory() && memo.far.is_empty());
    }

    #[test]
    fn a_far_index_takes_no_room_for_those_before_it() {
        let mut memo = Memo::new();
        memo.set(usize::MAX, 'a');
        memo.set(usize::MAX, 'b');
        assert_eq!((memo.len(), memo.dense.capacity()), (1, 0));
        assert_eq!(memo.get(usize::MAX), Some(&'b'));
        memo.clear();
        assert!(memo.is_empty() && memo.get(usize::MAX).is_none());
    }
}
