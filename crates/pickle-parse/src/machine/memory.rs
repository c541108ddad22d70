//! The memory that a run takes, held to [`Limits::memory`](crate::Limits::memory).

use super::{Machine, MachineError};
use crate::{Builder, Error, ErrorKind};

/// After how many bytes of a pickle the memory is looked at again.
const PIECE: usize = 64 * 1024;

impl<B: Builder> Machine<B> {
    /// How many bytes of a pickle are executed between two looks at the memory.
    #[inline]
    pub(super) fn piece(&self) -> usize {
        if self.limits.memory == u64::MAX { usize::MAX } else { PIECE }
    }

    fn memory(&self) -> usize {
        self.stack.capacity() * size_of::<B::Value>()
            + self.marks.capacity() * size_of::<usize>()
            + self.memo.memory()
            + self.popped.memory()
            + self.builder.memory()
    }

    /// Looks at the memory, before the op at `offset`.
    #[cold]
    #[inline(never)]
    pub(super) fn check_memory(&mut self, offset: u64) -> Result<(), MachineError<B::Error>> {
        let limit = self.limits.memory;
        if self.memory() as u64 <= limit {
            return Ok(());
        }
        self.reset();
        Err(Error::new(ErrorKind::Limit { what: "bytes of memory", limit }, offset, None).into())
    }
}
