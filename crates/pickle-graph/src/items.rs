//! Where the items of all containers are: one vector, of which each container has a range that can grow.

use crate::NodeId;

/// The range of one container.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Range {
    start: u32,
    len: u32,
    /// How many items have room before the next container's range begins; the last range may grow beyond it.
    capacity: u32,
}

impl Range {
    pub(crate) const EMPTY: Range = Range { start: 0, len: 0, capacity: 0 };

    /// The three items from `start` on.
    #[inline]
    pub(crate) const fn three(start: u32) -> Range {
        Range { start, len: 3, capacity: 3 }
    }

    #[inline]
    pub(crate) const fn len(self) -> usize {
        self.len as usize
    }

    #[inline]
    pub(crate) const fn start(self) -> u32 {
        self.start
    }
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Items(Vec<NodeId>);

impl Items {
    /// Whether a container of any size has room for `additional` items more: a range that grows moves to the end and takes twice
    /// its size.
    #[inline]
    pub(crate) fn has_room(&self, additional: usize) -> bool {
        (self.0.len() as u64).saturating_mul(3).saturating_add((additional as u64).saturating_mul(2)) < u64::from(u32::MAX)
    }

    #[inline]
    pub(crate) fn get(&self, range: Range) -> &[NodeId] {
        &self.0[range.start as usize..][..range.len as usize]
    }

    #[inline]
    pub(crate) fn get_mut(&mut self, range: Range) -> &mut [NodeId] {
        &mut self.0[range.start as usize..][..range.len as usize]
    }

    #[inline]
    pub(crate) fn add(&mut self, items: &[NodeId]) -> Range {
        if items.is_empty() {
            return Range::EMPTY;
        }
        let start = self.position(self.0.len());
        self.0.extend_from_slice(items);
        let len = self.position(items.len());
        Range { start, len, capacity: len }
    }

    /// Adds items to the end of a range, which moves where there is no room behind it.
    #[inline]
    pub(crate) fn extend(&mut self, range: &mut Range, items: &[NodeId]) {
        if range.len == 0 && range.capacity == 0 {
            *range = self.add(items);
            return;
        }
        let end = (range.start + range.len) as usize;
        if end == self.0.len() {
            self.0.extend_from_slice(items);
            range.len = self.position(range.len as usize + items.len());
            range.capacity = range.capacity.max(range.len);
        } else if items.len() <= (range.capacity - range.len) as usize {
            self.0[end..][..items.len()].copy_from_slice(items);
            range.len += items.len() as u32;
        } else {
            self.extend_elsewhere(range, items);
        }
    }

    #[cold]
    fn extend_elsewhere(&mut self, range: &mut Range, items: &[NodeId]) {
        let from = range.start as usize..(range.start + range.len) as usize;
        let start = self.position(self.0.len());
        let len = self.position(from.len() + items.len());
        let capacity = self.position((from.len() * 2).max(from.len() + items.len()));
        self.position(start as usize + capacity as usize);
        self.0.reserve(capacity as usize);
        self.0.extend_from_within(from);
        self.0.extend_from_slice(items);
        self.0.resize((start + capacity) as usize, NodeId::NONE);
        *range = Range { start, len, capacity };
    }

    /// All ids of all ranges, and whatever else is between them.
    pub(crate) fn all_mut(&mut self) -> &mut [NodeId] {
        &mut self.0
    }

    pub(crate) fn reserve(&mut self, additional: usize) {
        self.0.reserve(additional);
    }

    pub(crate) fn memory(&self) -> usize {
        self.0.capacity() * size_of::<NodeId>()
    }

    #[inline]
    fn position(&self, index: usize) -> u32 {
        u32::try_from(index).unwrap_or_else(|_| crate::graph::too_large())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(range: std::ops::Range<usize>) -> Vec<NodeId> {
        range.map(NodeId::from_index).collect()
    }

    #[test]
    fn ranges_grow_side_by_side_without_touching_each_other() {
        let mut items = Items::default();
        let mut ranges = [Range::EMPTY; 3];
        let mut expected = [Vec::new(), Vec::new(), Vec::new()];
        for round in 0..200 {
            let which = [0, 1, 0, 2, 2][round % 5];
            let more = ids(round * 10..round * 10 + [0, 1, 3, 7][round % 4]);
            items.extend(&mut ranges[which], &more);
            expected[which].extend(more);
            for (range, expected) in ranges.iter().zip(&expected) {
                assert_eq!(items.get(*range), expected);
            }
        }
    }

    #[test]
    fn appending_one_by_one_in_turns_costs_a_small_multiple() {
        let mut items = Items::default();
        let mut ranges = [Range::EMPTY; 10];
        for i in 0..10_000 {
            items.extend(&mut ranges[i % 10], &ids(i..i + 1));
        }
        assert!(items.0.len() < 50_000, "{}", items.0.len());
    }
}
