//! [`Items`]: the items of a list, dict or set, in batches.

use pickle_graph::NodeId;
use pickle_opcodes::{Opcode, Protocol};

use super::habits::Habits;
use crate::BATCH_SIZE;

/// The items of a list, dict or set that are still to be written, and how.
#[derive(Clone, Copy, Debug)]
pub(super) struct Items<'g> {
    ids: &'g [NodeId],
    next: usize,
    /// Where the batch ends that is being written.
    end: usize,
    /// How the batch that is being written ends; `None` before the first.
    close: Option<Opcode>,
    how: How,
}

/// How items are written.
#[derive(Clone, Copy, Debug)]
struct How {
    /// How many ids an item has: 2 for those of dicts.
    width: u8,
    /// The opcode for one item, where one is used.
    one: Option<Opcode>,
    many: Opcode,
    /// Every item is written by itself.
    one_by_one: bool,
    /// `one` is for containers that have one item in all.
    only_single: bool,
    /// Behind a full last batch stands an empty one.
    empty_last: bool,
}

/// What comes next.
pub(super) enum Next {
    /// An object.
    Id(NodeId),
    /// These opcodes, and then what comes next.
    Ops(Option<Opcode>, Option<Opcode>),
    /// Nothing.
    Done,
}

impl<'g> Items<'g> {
    /// The items of a list; `exact` unless they are those of an object that takes items as a list does.
    pub(super) fn list(ids: &'g [NodeId], exact: bool, protocol: Protocol, habits: &Habits) -> Self {
        let how = How {
            width: 1,
            one: Some(Opcode::Append),
            many: Opcode::Appends,
            one_by_one: protocol == Protocol::V0,
            only_single: exact && habits.append_only_single,
            empty_last: false,
        };
        Items { ids, next: 0, end: 0, close: None, how }
    }

    /// The items of a dict; `exact` unless they are those of an object that takes items as a dict does.
    pub(super) fn dict(items: &'g [[NodeId; 2]], exact: bool, protocol: Protocol, habits: &Habits) -> Self {
        let classic = exact && protocol > Protocol::V0 && habits.set_item_only_single;
        let how = How {
            width: 2,
            one: Some(Opcode::SetItem),
            many: Opcode::SetItems,
            one_by_one: protocol == Protocol::V0,
            only_single: classic,
            empty_last: classic && items.len() > 1,
        };
        Items { ids: items.as_flattened(), next: 0, end: 0, close: None, how }
    }

    /// The items of a set.
    pub(super) fn set(ids: &'g [NodeId], habits: &Habits) -> Self {
        let how = How {
            width: 1,
            one: None,
            many: Opcode::AddItems,
            one_by_one: false,
            only_single: false,
            empty_last: habits.empty_add_items,
        };
        Items { ids, next: 0, end: 0, close: None, how }
    }

    /// What comes next.
    #[inline]
    pub(super) fn next(&mut self) -> Next {
        if self.next < self.end {
            let id = self.ids[self.next];
            self.next += 1;
            Next::Id(id)
        } else {
            self.next_batch()
        }
    }

    fn next_batch(&mut self) -> Next {
        let width = usize::from(self.how.width);
        let left = self.ids.len() - self.next;
        let closed = self.close.take();
        if left > 0 {
            let alone = self.how.one_by_one || left == width && (!self.how.only_single || self.next == 0);
            let (open, close, count) = match self.how.one {
                Some(one) if alone => (None, one, width),
                _ => (Some(Opcode::Mark), self.how.many, left.min(BATCH_SIZE * width)),
            };
            self.close = Some(close);
            self.end = self.next + count;
            Next::Ops(closed, open)
        } else if self.how.empty_last && closed.is_some() && self.next.is_multiple_of(BATCH_SIZE * width) {
            self.how.empty_last = false;
            self.close = Some(self.how.many);
            Next::Ops(closed, Some(Opcode::Mark))
        } else if closed.is_some() {
            Next::Ops(closed, None)
        } else {
            Next::Done
        }
    }
}
