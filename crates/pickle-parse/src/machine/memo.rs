//! `GET` and `PUT` in all their forms.

use super::{Fault, Machine};
use crate::{Builder, ErrorKind, arg};

impl<B: Builder> Machine<B> {
    #[inline]
    pub(super) fn get(&mut self, index: i64) -> Result<(), Fault<B::Error>> {
        let value = usize::try_from(index).ok().and_then(|index| self.memo.get(index));
        let Some(value) = value else {
            return Err(ErrorKind::MemoMissing(index).into());
        };
        self.stack.push(value.clone());
        Ok(())
    }

    #[inline]
    pub(super) fn put(&mut self, index: usize) -> Result<(), Fault<B::Error>> {
        let top = self.top()?.clone();
        self.builder.memoized(index, &top);
        self.memo.set(index, top);
        Ok(())
    }

    pub(super) fn put_text(&mut self, text: &[u8]) -> Result<(), Fault<B::Error>> {
        if text.is_empty() {
            return Err(ErrorKind::Truncated.into());
        }
        self.top()?;
        match usize::try_from(arg::memo_index(text)?) {
            Ok(index) => self.put(index),
            Err(_) => Err(ErrorKind::NegativePut.into()),
        }
    }

    pub(super) fn get_text(&mut self, text: &[u8]) -> Result<(), Fault<B::Error>> {
        self.get(arg::memo_index(text)?)
    }
}
