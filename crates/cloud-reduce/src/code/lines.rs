//! [`LineTable`]: which line, and from CPython 3.11 on which columns, each instruction was compiled from.

use crate::{Implementation, PythonVersion};

/// How a line table is encoded.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum LineTableFormat {
    /// `co_lnotab` up to CPython 3.9: pairs of the distance to a line's first instruction and the distance between lines.
    Lnotab,
    /// `co_linetable` of CPython 3.10 (PEP 626): pairs of a range's length and the distance between lines.
    Linetable,
    /// `co_linetable` from CPython 3.11 on (PEP 657): a position for each range, in entries of five forms.
    Locations,
    /// `co_linetable` of PyPy 3.11: an entry for each two-byte unit.
    PyPy,
}

impl LineTableFormat {
    /// The format of an implementation's version.
    #[must_use]
    pub const fn of(implementation: Implementation, version: PythonVersion) -> LineTableFormat {
        match (implementation, version.minor) {
            (_, 0..=9) => LineTableFormat::Lnotab,
            (Implementation::PyPy, _) => LineTableFormat::PyPy,
            (Implementation::CPython, 10) => LineTableFormat::Linetable,
            (Implementation::CPython, _) => LineTableFormat::Locations,
        }
    }
}

/// The instructions of one line that follow each other.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LineRange {
    /// The offset of the first instruction, in bytes.
    pub start: usize,
    /// The offset behind the last instruction, in bytes.
    pub end: usize,
    /// The line's number, or `None` for instructions that no line stands for.
    pub line: Option<i32>,
}

/// Where in the source an instruction comes from. Columns count bytes of UTF-8, from 0.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Position {
    /// The line it begins in.
    pub line: Option<i32>,
    /// The line it ends in.
    pub end_line: Option<i32>,
    /// The column it begins at.
    pub column: Option<u32>,
    /// The column behind its end.
    pub end_column: Option<u32>,
}

/// A code object's line table.
///
/// ```
/// use cloud_reduce::code::{LineRange, LineTable, LineTableFormat};
///
/// let table = LineTable { format: LineTableFormat::Lnotab, bytes: &[0, 1, 8, 1], first_line: 10, code_length: 12 };
/// let ranges: Vec<_> = table.ranges().collect();
/// assert_eq!(ranges, [LineRange { start: 0, end: 8, line: Some(11) }, LineRange { start: 8, end: 12, line: Some(12) }]);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct LineTable<'a> {
    /// How it is encoded.
    pub format: LineTableFormat,
    /// `co_lnotab` or `co_linetable`.
    pub bytes: &'a [u8],
    /// `co_firstlineno`.
    pub first_line: i32,
    /// The length of `co_code`, in bytes.
    pub code_length: usize,
}

impl<'a> LineTable<'a> {
    /// The ranges, as `co_lines()` gives them (CPython 3.11 gives the parts of a range one by one; for a `co_lnotab`, a range goes
    /// from each of `dis.findlinestarts` to the next). Tables that break off end early, numbers that do not fit wrap around.
    #[must_use]
    pub fn ranges(self) -> LineRanges<'a> {
        LineRanges { table: self, entries: Entries::new(self), pending: None }
    }

    /// The position of each two-byte unit of the bytecode, as `co_positions()` gives them: caches have that of their
    /// instruction. Tables older than 3.11 give lines only, where they have an entry for the unit.
    #[must_use]
    pub fn positions(self) -> Positions<'a> {
        Positions { entries: Entries::new(self), code_length: self.code_length, end: 0, current: Position::default(), left: 0 }
    }

    /// The entries as they are written.
    pub(super) fn entries(self) -> Entries<'a> {
        Entries::new(self)
    }
}

/// One entry of a table: a range and its position.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) position: Position,
}

/// The entries of a table, one by one.
#[derive(Clone, Debug)]
pub(super) struct Entries<'a> {
    format: LineTableFormat,
    rest: &'a [u8],
    line: i32,
    end: usize,
    code_length: usize,
    done: bool,
}

impl<'a> Entries<'a> {
    fn new(table: LineTable<'a>) -> Entries<'a> {
        Entries {
            format: table.format,
            rest: table.bytes,
            line: table.first_line,
            end: 0,
            code_length: table.code_length,
            done: false,
        }
    }

    fn byte(&mut self) -> Option<u8> {
        let (&byte, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(byte)
    }

    /// A number of six bits a byte, the lowest first.
    fn unsigned(&mut self) -> Option<u32> {
        let (mut value, mut shift) = (0u32, 0);
        loop {
            let byte = self.byte()?;
            value |= u32::from(byte & 0x3f).checked_shl(shift).unwrap_or(0);
            shift += 6;
            if byte & 0x40 == 0 {
                return Some(value);
            }
        }
    }

    /// Such a number whose lowest bit is the sign.
    fn signed(&mut self) -> Option<i32> {
        let value = self.unsigned()?;
        let magnitude = (value >> 1) as i32;
        Some(if value & 1 == 1 { -magnitude } else { magnitude })
    }

    /// Lines end where the next pair with a distance in bytes begins; the last one ends with the code.
    fn next_lnotab(&mut self) -> Option<Entry> {
        let start = self.end;
        while !self.done {
            let [bytes, lines, rest @ ..] = self.rest else {
                self.done = true;
                self.end = self.code_length.max(start);
                return Some(self.entry(start, Some(self.line)));
            };
            let line = self.line;
            self.rest = rest;
            self.line = self.line.wrapping_add(i32::from(*lines as i8));
            if *bytes != 0 {
                self.end += usize::from(*bytes);
                if self.end >= self.code_length {
                    // What follows was optimized away.
                    self.done = true;
                    self.end = self.code_length;
                }
                return Some(self.entry(start, Some(line)));
            }
        }
        None
    }

    fn next_linetable(&mut self) -> Option<Entry> {
        let [bytes, lines, rest @ ..] = self.rest else { return None };
        let (bytes, lines) = (*bytes, *lines as i8);
        self.rest = rest;
        let start = self.end;
        self.end += usize::from(bytes);
        if lines == i8::MIN {
            return Some(self.entry(start, None));
        }
        self.line = self.line.wrapping_add(i32::from(lines));
        Some(self.entry(start, Some(self.line)))
    }

    fn next_location(&mut self) -> Option<Entry> {
        let first = self.byte()?;
        let code = first >> 3 & 15;
        let start = self.end;
        let mut columns = None;
        let mut lines = 0;
        match code {
            0..=9 => {
                let second = self.byte()?;
                let column = u32::from(code) << 3 | u32::from(second >> 4 & 7);
                columns = Some((column, column + u32::from(second & 15)));
            }
            10..=12 => {
                self.line = self.line.wrapping_add(i32::from(code - 10));
                columns = Some((u32::from(self.byte()?), u32::from(self.byte()?)));
            }
            13 => self.line = self.line.wrapping_add(self.signed()?),
            14 => {
                self.line = self.line.wrapping_add(self.signed()?);
                lines = self.unsigned()? as i32;
                columns = Some((self.unsigned()?.wrapping_sub(1), self.unsigned()?.wrapping_sub(1)));
            }
            _ => {}
        }
        self.end += 2 * (usize::from(first & 7) + 1);
        let known = |column: u32| (column != u32::MAX).then_some(column);
        let line = (code != 15).then_some(self.line);
        Some(Entry {
            start,
            end: self.end,
            position: Position {
                line,
                end_line: line.map(|line| line.wrapping_add(lines)),
                column: columns.and_then(|(column, _)| known(column)),
                end_column: columns.and_then(|(_, column)| known(column)),
            },
        })
    }

    fn next_pypy(&mut self) -> Option<Entry> {
        let (mut line, mut shift) = (0u32, 0);
        loop {
            let byte = self.byte()?;
            line |= u32::from(byte & 0x7f).checked_shl(shift).unwrap_or(0);
            shift += 7;
            if byte & 0x80 == 0 {
                break;
            }
        }
        let start = self.end;
        self.end += 2;
        // Lines and columns are one more than they are, so that 0 can stand for none.
        let Some(distance) = line.checked_sub(1) else { return Some(self.entry(start, None)) };
        let line = self.line.wrapping_add(distance as i32);
        let mut entry = self.entry(start, Some(line));
        if let Some(column) = self.byte()?.checked_sub(1) {
            entry.position.column = Some(u32::from(column));
            entry.position.end_column = self.byte()?.checked_sub(1).map(u32::from);
            entry.position.end_line = Some(line.wrapping_add(i32::from(self.byte()?)));
        } else {
            entry.position.end_line = None;
        }
        Some(entry)
    }

    fn entry(&self, start: usize, line: Option<i32>) -> Entry {
        Entry { start, end: self.end, position: Position { line, end_line: line, column: None, end_column: None } }
    }
}

impl Iterator for Entries<'_> {
    type Item = Entry;

    fn next(&mut self) -> Option<Entry> {
        match self.format {
            LineTableFormat::Lnotab => self.next_lnotab(),
            LineTableFormat::Linetable => self.next_linetable(),
            LineTableFormat::Locations => self.next_location(),
            LineTableFormat::PyPy => self.next_pypy(),
        }
    }
}

/// An iterator over ranges of lines; see [`LineTable::ranges`].
#[derive(Clone, Debug)]
pub struct LineRanges<'a> {
    table: LineTable<'a>,
    entries: Entries<'a>,
    /// The range that the next entries may still extend.
    pending: Option<LineRange>,
}

impl Iterator for LineRanges<'_> {
    type Item = LineRange;

    fn next(&mut self) -> Option<LineRange> {
        for entry in self.entries.by_ref() {
            let range = LineRange { start: entry.start, end: entry.end, line: entry.position.line };
            if range.start == range.end {
                continue;
            }
            if self.table.format == LineTableFormat::Linetable {
                return Some(range);
            }
            match &mut self.pending {
                Some(pending) if pending.line == range.line => pending.end = range.end,
                pending => {
                    if let Some(whole) = pending.replace(range) {
                        return Some(whole);
                    }
                }
            }
        }
        self.pending.take()
    }
}

impl core::iter::FusedIterator for LineRanges<'_> {}

/// An iterator over the positions of two-byte units; see [`LineTable::positions`].
#[derive(Clone, Debug)]
pub struct Positions<'a> {
    entries: Entries<'a>,
    code_length: usize,
    /// Where the current entry ends, in units.
    end: usize,
    current: Position,
    /// How many units of the current entry are still to come.
    left: usize,
}

impl Iterator for Positions<'_> {
    type Item = Position;

    fn next(&mut self) -> Option<Position> {
        while self.left == 0 {
            let entry = self.entries.next()?;
            // Entries behind the end of the code stand for nothing.
            let end = entry.end.min(self.code_length).div_ceil(2);
            self.left = end.saturating_sub(self.end);
            self.end = end;
            self.current = entry.position;
        }
        self.left -= 1;
        Some(self.current)
    }
}

impl core::iter::FusedIterator for Positions<'_> {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_bytes_end() {
        use LineTableFormat::{Linetable, Lnotab, Locations, PyPy};
        for format in [Lnotab, Linetable, Locations, PyPy] {
            for byte in 0..=255 {
                let table = LineTable { format, bytes: &[byte; 99], first_line: i32::MAX, code_length: 20 };
                assert!(table.ranges().count() <= 100);
                assert!(table.positions().count() <= 10);
            }
        }
    }
}
