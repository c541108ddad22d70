//! The stack and its marks.

use super::{Fault, Machine};
use crate::{Builder, ErrorKind};

/// What `APPENDS`, `SETITEMS` and `ADDITEMS` work on, and where on the stack the items for it begin; nothing if there are none.
pub(super) type Target<V> = Option<(V, usize)>;

impl<B: Builder> Machine<B> {
    #[cold]
    #[inline(never)]
    pub(super) fn underflow(&self) -> Fault<B::Error> {
        if self.marks.is_empty() { ErrorKind::StackUnderflow } else { ErrorKind::UnexpectedMark }.into()
    }

    #[inline]
    pub(super) fn pop(&mut self) -> Result<B::Value, Fault<B::Error>> {
        if self.stack.len() > self.fence
            && let Some(value) = self.stack.pop()
        {
            return Ok(value);
        }
        Err(self.underflow())
    }

    #[inline]
    pub(super) fn top(&self) -> Result<&B::Value, Fault<B::Error>> {
        match self.stack.last() {
            Some(top) if self.stack.len() > self.fence => Ok(top),
            _ => Err(self.underflow()),
        }
    }

    /// Takes the topmost mark off; returns the height of the stack at it.
    #[inline]
    pub(super) fn mark(&mut self) -> Result<usize, Fault<B::Error>> {
        match self.marks.pop() {
            Some(mark) => {
                self.fence = self.marks.last().copied().unwrap_or(0);
                Ok(mark)
            }
            None => Err(ErrorKind::NoMark.into()),
        }
    }

    pub(super) fn pop_op(&mut self) -> Result<(), Fault<B::Error>> {
        if self.marks.last() == Some(&self.stack.len()) {
            self.mark()?;
        } else {
            let value = self.pop()?;
            if let Some(number) = self.builder.discard(value)
                && B::FOLLOWS_POPPED
            {
                self.popped.add(number, self.stack.len() + self.marks.len());
            }
        }
        Ok(())
    }

    /// Tells the builder what stands in the places of popped objects, where that is about to be used.
    #[cold]
    #[inline(never)]
    pub(super) fn follow_popped(&mut self) {
        let height = self.stack.len() + self.marks.len();
        // A mark on top is no object.
        let top = self.stack.last().filter(|_| self.marks.last() != Some(&self.stack.len()));
        while let Some((popped, [first, last])) = self.popped.follow(height, top) {
            self.builder.replaced(popped, &first, &last);
        }
    }

    /// For `APPENDS`, `SETITEMS` and `ADDITEMS`: the object below the topmost mark, and where the items for it begin. `None` if
    /// there are no items, unless it matters even then what object it is.
    #[inline]
    pub(super) fn target(&mut self, even_if_empty: bool) -> Result<Target<B::Value>, Fault<B::Error>> {
        let mark = self.mark()?;
        if mark <= self.fence {
            return Err(self.underflow());
        }
        let target = &self.stack[mark - 1];
        if mark == self.stack.len() {
            self.builder.no_items(target);
            if !even_if_empty {
                return Ok(None);
            }
        }
        Ok(Some((target.clone(), mark)))
    }

    #[inline]
    pub(super) fn mark_op(&mut self) -> Result<(), Fault<B::Error>> {
        self.fence = self.stack.len();
        self.marks.push(self.fence);
        Ok(())
    }

    pub(super) fn pop_mark(&mut self) -> Result<(), Fault<B::Error>> {
        let mark = self.mark()?;
        for value in self.stack.drain(mark..) {
            self.builder.discard(value);
        }
        Ok(())
    }

    #[inline]
    pub(super) fn dup(&mut self) -> Result<(), Fault<B::Error>> {
        let top = self.top()?.clone();
        self.stack.push(top);
        Ok(())
    }
}
