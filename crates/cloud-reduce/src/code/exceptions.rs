//! [`ExceptionHandlers`]: the table of exception handlers that code objects have from CPython 3.11 on.

/// Which instructions an exception handler guards, and what it does first.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ExceptionHandler {
    /// The offset of the first guarded instruction, in bytes.
    pub start: usize,
    /// The offset behind the last guarded instruction, in bytes.
    pub end: usize,
    /// The offset of the handler, in bytes.
    pub target: usize,
    /// To which depth the stack is unwound.
    pub depth: usize,
    /// Whether the offset of the instruction that raised is pushed before the exception.
    pub lasti: bool,
}

/// An iterator over the handlers of a `co_exceptiontable`, as CPython's `Objects/exception_handling_notes.txt` describes it. It
/// ends where the table ends or breaks off.
///
/// ```
/// use cloud_reduce::code::{ExceptionHandler, ExceptionHandlers};
///
/// let handlers: Vec<_> = ExceptionHandlers::new(&[0x82, 0x05, 0x09, 0x03]).collect();
/// assert_eq!(handlers, [ExceptionHandler { start: 4, end: 14, target: 18, depth: 1, lasti: true }]);
/// ```
#[derive(Clone, Debug)]
pub struct ExceptionHandlers<'a> {
    rest: &'a [u8],
}

impl<'a> ExceptionHandlers<'a> {
    /// Takes a `co_exceptiontable`.
    #[must_use]
    pub const fn new(co_exceptiontable: &'a [u8]) -> ExceptionHandlers<'a> {
        ExceptionHandlers { rest: co_exceptiontable }
    }

    /// A number of six bits a byte, the highest first. Bits that no `usize` holds are lost.
    fn number(&mut self) -> Option<usize> {
        let mut value = 0usize;
        loop {
            let (&byte, rest) = self.rest.split_first()?;
            self.rest = rest;
            value = value << 6 | usize::from(byte & 0x3f);
            if byte & 0x40 == 0 {
                return Some(value);
            }
        }
    }
}

impl Iterator for ExceptionHandlers<'_> {
    type Item = ExceptionHandler;

    fn next(&mut self) -> Option<ExceptionHandler> {
        let (start, length, target, depth) = (self.number()?, self.number()?, self.number()?, self.number()?);
        Some(ExceptionHandler {
            start: start.saturating_mul(2),
            end: start.saturating_add(length).saturating_mul(2),
            target: target.saturating_mul(2),
            depth: depth >> 1,
            lasti: depth & 1 == 1,
        })
    }
}

impl core::iter::FusedIterator for ExceptionHandlers<'_> {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_that_breaks_off_ends_with_its_last_whole_entry() {
        assert_eq!(ExceptionHandlers::new(&[1, 2, 3, 4, 5, 6]).count(), 1);
        assert_eq!(ExceptionHandlers::new(&[0xff; 100]).count(), 0);
    }
}
