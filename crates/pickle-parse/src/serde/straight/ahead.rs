//! Looking ahead: what an op can mean depends on what follows.

use super::{
    access::{Items, NO_SINGLE},
    *,
};

impl<'de> Pickle<'de, '_> {
    /// Whether an item follows that is alone in its list or dict, rather than what comes behind an empty one. `next` is the next
    /// opcode, `single` the one that adds such an item, and `then` what comes behind the container.
    #[inline]
    pub(super) fn is_alone(&mut self, next: u8, single: u8, then: Then) -> Step<bool> {
        match then {
            _ if single == NO_SINGLE => Ok(false),
            Then::Op(opcode) => Ok(next != opcode),
            Then::Key | Then::Item if !begins_value(next) => Ok(false),
            // Nothing that can be changed is a key.
            Then::Key if single == APPEND && matches!(next, EMPTY_LIST | EMPTY_DICT | EMPTY_SET) => Ok(true),
            Then::Key | Then::Item => self.look_for_single(single),
        }
    }

    /// Whether a value follows (of a dict, a key and a value), and behind it `single`.
    #[inline(never)]
    fn look_for_single(&mut self, single: u8) -> Step<bool> {
        let (rest, memo, depth) = (self.rest, self.memo.len(), self.depth);
        let mut found = Ok(());
        if single == SETITEM {
            found = self.skip(Then::Item);
        }
        let found = found.and_then(|()| self.skip(Then::Op(single))).and_then(|()| self.take(single)).is_ok();
        self.look_back(rest, memo, depth)?;
        Ok(found)
    }

    /// Whether the scalar that follows is the first item of a tuple, rather than all there is.
    pub(super) fn begins_tuple(&mut self) -> Step<bool> {
        let (rest, memo, depth) = (self.rest, self.memo.len(), self.depth);
        let mut found = Err(GaveUp);
        for end in [TUPLE1, TUPLE2, TUPLE3] {
            if self.skip(Then::Item).is_err() {
                break;
            }
            if self.next()? == end {
                found = Ok(());
                break;
            }
        }
        self.look_back(rest, memo, depth)?;
        Ok(found.is_ok())
    }

    /// Goes back to where it looked from. What is looked at twice may be no more than the whole pickle.
    fn look_back(&mut self, rest: &'de [u8], memo: usize, depth: usize) -> Step<()> {
        self.ahead = self.ahead.checked_sub(rest.len() - self.rest.len()).ok_or(GaveUp)?;
        self.rest = rest;
        self.memo.truncate(memo);
        self.depth = depth;
        Ok(())
    }

    /// Skips the value that comes next.
    pub(super) fn skip(&mut self, then: Then) -> Step<()> {
        let opcode = self.next()?;
        let offset = self.offset();
        self.skip_opcode();
        if self.plain(opcode, offset)?.is_some() {
            return Ok(());
        }
        let items = match opcode {
            EMPTY_TUPLE => return Ok(()),
            BINGET | LONG_BINGET => return self.get(opcode).map(|_| ()),
            LONG1 => {
                arg!(self, Long1);
                return Ok(());
            }
            EMPTY_LIST => Items::list(then),
            EMPTY_DICT => Items::dict(then),
            EMPTY_SET => Items::set(),
            MARK => Items::Marked,
            _ => return Err(GaveUp),
        };
        if opcode != MARK {
            self.memoize(offset)?;
        }
        self.skip_items(items, opcode == EMPTY_DICT)
    }

    fn skip_items(&mut self, mut items: Items, is_dict: bool) -> Step<()> {
        self.enter()?;
        while self.another(&mut items)? {
            if is_dict {
                self.skip(Then::Item)?;
            }
            let then = self.behind(items);
            self.skip(then)?;
        }
        self.leave();
        Ok(())
    }
}

/// Whether an opcode begins a value, rather than end a container.
#[inline]
fn begins_value(opcode: u8) -> bool {
    matches!(
        opcode,
        NONE | NEWTRUE
            | NEWFALSE
            | BININT
            | BININT1
            | BININT2
            | LONG1
            | BINFLOAT
            | SHORT_BINUNICODE
            | BINUNICODE
            | BINUNICODE8
            | SHORT_BINBYTES
            | BINBYTES
            | BINBYTES8
            | BYTEARRAY8
            | BINGET
            | LONG_BINGET
            | EMPTY_TUPLE
            | EMPTY_LIST
            | EMPTY_DICT
            | EMPTY_SET
            | MARK
    )
}
