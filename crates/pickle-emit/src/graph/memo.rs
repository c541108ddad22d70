//! [`Memo`]: which nodes are in the memo, and which are being written.

use pickle_graph::NodeId;

use crate::{Error, ErrorKind};

/// Set for nodes that are being written and are not in the memo yet; the other bits are the memo's length at the time.
const OPEN: u32 = 1 << 31;

/// Which nodes are in the memo, and which are being written: a node that needs what it holds before it can be made (a tuple, a
/// call) can be come by again meanwhile, if it holds itself. CPython writes it again then; the innermost one is made first and
/// ends up in the memo, and those around it are thrown away for it.
#[derive(Debug)]
pub(super) struct Memo {
    /// For each node 0, its place in the memo plus 1, or [`OPEN`].
    states: Vec<u32>,
    len: u32,
    /// How many more items of nodes that hold themselves are written again.
    patience: usize,
}

impl Memo {
    pub(super) fn new(nodes: usize) -> Memo {
        Memo { states: vec![0; nodes], len: 0, patience: 10_000_usize.saturating_add(nodes.saturating_mul(4)) }
    }

    #[inline]
    pub(super) fn get(&self, id: NodeId) -> Option<usize> {
        match self.states[id.index()?] {
            0 => None,
            state if state & OPEN != 0 => None,
            state => Some(state as usize - 1),
        }
    }

    /// Puts a node in, and gives its place.
    #[inline]
    pub(super) fn put(&mut self, id: NodeId) -> Result<usize, Error> {
        let place = self.put_nameless()?;
        if let Some(index) = id.index() {
            self.states[index] = self.len;
        }
        Ok(place)
    }

    /// Puts something in that is no node, and gives its place.
    #[inline]
    pub(super) fn put_nameless(&mut self) -> Result<usize, Error> {
        if self.len >= OPEN - 1 {
            return Err(ErrorKind::MemoTooLarge.into());
        }
        self.len += 1;
        Ok(self.len as usize - 1)
    }

    /// Begins a node that can be made only after the `items` things that it holds.
    #[inline]
    pub(super) fn open(&mut self, id: NodeId, items: usize) -> Result<(), Error> {
        if let Some(index) = id.index() {
            let state = self.states[index];
            if state & OPEN != 0 {
                self.reopen(id, state, items)?;
            }
            self.states[index] = OPEN | self.len;
        }
        Ok(())
    }

    /// A node that holds itself: it comes to an end if something was put in the memo on the way round.
    #[cold]
    fn reopen(&mut self, node: NodeId, state: u32, items: usize) -> Result<(), Error> {
        if state & !OPEN == self.len {
            return Err(ErrorKind::Cycle { node }.into());
        }
        match self.patience.checked_sub(items + 1) {
            Some(left) => self.patience = left,
            None => return Err(ErrorKind::TooManyCycles { node }.into()),
        }
        Ok(())
    }

    /// Ends a node that is not put in the memo.
    pub(super) fn forget(&mut self, id: NodeId) {
        if let Some(index) = id.index() {
            self.states[index] = 0;
        }
    }
}
