//! [`CodeShape`]: which versions of Python may have made a code object.

use super::{
    ArgKind, CodeLayout, ExceptionHandlers, Instructions, LineRange, LineTable, LineTableFormat, OpcodeInfo, OpcodeTable,
    Operand, lines::Entry,
};
use crate::{Implementation, PythonVersion};

/// What a code object tells of the Python that made it, without its names and values.
///
/// [`Code::shape`](crate::Code::shape) takes it from a pickle.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct CodeShape<'a> {
    /// How many arguments `types.CodeType` gets.
    pub argument_count: usize,
    /// `co_code`.
    pub co_code: &'a [u8],
    /// `co_lnotab` or `co_linetable`.
    pub line_table: &'a [u8],
    /// `co_exceptiontable`, or nothing.
    pub exception_table: &'a [u8],
    /// `co_flags`.
    pub flags: i32,
    /// How many constants there are.
    pub consts: usize,
    /// How many names of globals and attributes there are.
    pub names: usize,
    /// How many local variables there are.
    pub locals: usize,
    /// How many variables nested functions refer to.
    pub cellvars: usize,
    /// How many variables come from an enclosing function.
    pub freevars: usize,
}

/// `CO_OPTIMIZED`: it is a function's code, with local variables that have numbers.
const OPTIMIZED: i32 = 0x1;
/// `CO_NOFREE`: there are neither cell nor free variables. CPython knew it up to 3.10, PyPy still does.
const NOFREE: i32 = 0x40;
/// `CO_HAS_DOCSTRING`, known from CPython 3.13 on, and to PyPy 3.11.
const HAS_DOCSTRING: i32 = 0x400_0000;
/// `CO_METHOD`, known from CPython 3.14 on.
const METHOD: i32 = 0x800_0000;

impl CodeShape<'_> {
    /// The versions that may have made it: those that take as many arguments, whose opcodes its bytecode is made of, whose
    /// arguments stay within what the code object has, whose inline caches are where they must be and empty, whose jumps and
    /// handlers lead to instructions, and whose line table covers the bytecode.
    ///
    /// Some versions compile a simple function to the same bytes, so that there can be more than one: among the code objects of the
    /// standard libraries that have more than eight instructions, the answer is one version for all of 3.10, 3.13 to 3.15 and PyPy
    /// 3.11 and for 99.9 % of 3.11 and 3.12. It is so for 28 % of 3.8, 30 % of 3.9, 70 % of 3.7 and hardly any of 3.6: of the library of
    /// 3.8, 3.9 compiles more than half to the very same code objects, which nothing can tell apart, and of that of 3.6, 3.7 a third.
    /// `cargo xtask compat --check code` counts them. The true version is among
    /// them for whatever a compiler made; for bytecode that was made by hand there may be none.
    pub fn versions(&self) -> impl Iterator<Item = (Implementation, PythonVersion)> {
        OpcodeTable::all().filter(|table| self.may_be_of(table)).map(|table| (table.implementation(), table.version()))
    }

    /// Whether a version may have made it: whether it is among [`versions`](Self::versions). `false` for a version that this crate
    /// does not know.
    #[must_use]
    pub fn may_be_made_by(&self, implementation: Implementation, version: PythonVersion) -> bool {
        OpcodeTable::of(implementation, version).is_some_and(|table| self.may_be_of(table))
    }

    /// The offset and the number of the first opcode that no compiler of a version writes: an unknown one, or one that only a
    /// running interpreter puts in place of another. `None` if there is no such opcode, or for an unknown version.
    ///
    /// An interpreter may crash on such bytecode before it runs any of it.
    #[must_use]
    pub fn alien_opcode(&self, implementation: Implementation, version: PythonVersion) -> Option<(usize, u8)> {
        let table = OpcodeTable::of(implementation, version)?;
        let mut offset = 0;
        while let Some(&number) = self.co_code.get(offset) {
            let written = |info: &&OpcodeInfo| {
                info.specializes.is_none()
                    && !info.name.starts_with("INSTRUMENTED_")
                    && !matches!(info.name, "ENTER_EXECUTOR" | "RESERVED" | "CACHE")
            };
            let Some(info) = table.get(number).filter(written) else { return Some((offset, number)) };
            offset += 2 * (1 + usize::from(info.caches));
        }
        None
    }

    fn may_be_of(&self, table: &'static OpcodeTable) -> bool {
        let (implementation, version) = (table.implementation(), table.version());
        CodeLayout::for_python(version.major, version.minor).is_some_and(|layout| layout.fields().len() == self.argument_count)
            && self.flags_may_be_of(implementation, version)
            && self.lines_may_be_of(LineTableFormat::of(implementation, version))
            && (version != PythonVersion::new(3, 9) || self.is_written_by_3_9())
            && self.instructions_may_be_of(table)
    }

    fn flags_may_be_of(&self, implementation: Implementation, version: PythonVersion) -> bool {
        let closed = self.cellvars == 0 && self.freevars == 0;
        let is_nofree = self.flags & NOFREE != 0;
        let nofree_fits = match implementation {
            Implementation::CPython => is_nofree == (closed && version.minor <= 10),
            // PyPy sets it in functions, and in some other code.
            Implementation::PyPy => {
                if self.flags & OPTIMIZED != 0 {
                    is_nofree == closed
                } else {
                    closed || !is_nofree
                }
            }
        };
        nofree_fits
            && (version.minor >= 13 || implementation == Implementation::PyPy || self.flags & HAS_DOCSTRING == 0)
            && (version.minor >= 14 || implementation == Implementation::PyPy || self.flags & METHOD == 0)
    }

    fn lines_may_be_of(&self, format: LineTableFormat) -> bool {
        let table = LineTable { format, bytes: self.line_table, first_line: 0, code_length: self.co_code.len() };
        match format {
            // The last line's first instruction is before the end of the code, unless what followed was optimized away: that is
            // rarer by far than a table of 3.10.
            LineTableFormat::Lnotab => {
                self.line_table.len().is_multiple_of(2)
                    && (self.summed_line_table() != self.co_code.len() || !self.is_written_by_3_10())
            }
            LineTableFormat::Linetable => {
                self.line_table.len().is_multiple_of(2)
                    && self.summed_line_table() == self.co_code.len()
                    && self.is_written_by_3_10()
            }
            LineTableFormat::Locations | LineTableFormat::PyPy => {
                let end = table.ranges().last().map_or(0, |LineRange { end, .. }| end);
                end == self.co_code.len()
            }
        }
    }

    /// How many bytes the pairs of the line table cover.
    fn summed_line_table(&self) -> usize {
        self.line_table.iter().step_by(2).map(|&bytes| usize::from(bytes)).sum()
    }

    /// Whether the pairs of the line table are such as the compiler of 3.10 writes: it needs a pair of no bytes only for a step of
    /// more than 127 lines, and never covers 255 bytes by one pair.
    fn is_written_by_3_10(&self) -> bool {
        self.line_table
            .as_chunks()
            .0
            .iter()
            .all(|&[bytes, lines]| bytes != 255 && (bytes != 0 || matches!(lines as i8, -127 | 127)))
    }

    /// Whether the entries of a table of positions are cut as a version cuts them. 3.11 has one for each instruction; later ones have
    /// one for as many instructions as have one position, and begin another after eight units only.
    fn entries_may_be_of(&self, table: &'static OpcodeTable) -> bool {
        const LONGEST: usize = 16;
        let lines = self.line_table_of(table);
        if table.version() > PythonVersion::new(3, 11) {
            let mut before: Option<Entry> = None;
            return lines.entries().all(|entry| {
                let cut = before.is_none_or(|before| before.position != entry.position || before.end - before.start == LONGEST);
                before = Some(entry);
                cut
            });
        }
        let mut entries = lines.entries();
        let mut end = 0;
        let mut extended = false;
        Instructions::new(table, self.co_code).all(|instruction| {
            let starts = instruction.offset;
            let is_part = std::mem::replace(&mut extended, instruction.name() == Some("EXTENDED_ARG"));
            if is_part {
                return true;
            }
            // The entries up to here are those of the instructions before.
            while end < starts {
                match entries.next() {
                    Some(entry) => end = entry.end,
                    None => return true,
                }
            }
            end == starts
        })
    }

    fn line_table_of(&self, table: &'static OpcodeTable) -> LineTable<'_> {
        LineTable {
            format: LineTableFormat::of(table.implementation(), table.version()),
            bytes: self.line_table,
            first_line: 0,
            code_length: self.co_code.len(),
        }
    }

    /// Whether every pair of the line table is such as the compiler of 3.9 writes: it adds none for a step of no lines, but where a step
    /// is of more than 255 bytes, or is whole after pairs of the longest steps. 3.8 does, where it begins a statement on the line of
    /// the one before.
    fn is_written_by_3_9(&self) -> bool {
        let mut longest = false;
        self.line_table.as_chunks().0.iter().all(|&[bytes, lines]| {
            let after_longest = std::mem::replace(&mut longest, matches!(lines as i8, i8::MIN | i8::MAX));
            lines != 0 || bytes == 255 || (bytes == 0 && after_longest)
        })
    }

    /// Whether a constant is loaded and returned by two instructions of one position, for which CPython 3.12 and 3.13 use
    /// `RETURN_CONST`: the `None` at the end of a function. They use two, of different positions, where these came together only
    /// after jumps had been followed, as for `return x and 1`.
    fn returns_const_in_two(&self, table: &'static OpcodeTable) -> bool {
        let positions: Vec<_> = self.line_table_of(table).positions().collect();
        let mut before = None;
        Instructions::new(table, self.co_code).any(|instruction| {
            let unit = instruction.offset / 2;
            let returns = instruction.name() == Some("RETURN_VALUE") && before == Some("LOAD_CONST");
            before = instruction.name();
            returns && positions.get(unit - 1) == positions.get(unit)
        })
    }

    fn instructions_may_be_of(&self, table: &'static OpcodeTable) -> bool {
        let version = table.version();
        let joined = version.minor >= 11 && table.implementation() == Implementation::CPython;
        let cells = self.cellvars + self.freevars;
        let variables = self.locals + cells;
        let mut starts = vec![false; self.co_code.len() / 2 + 1];
        let mut resumes = false;
        let mut last = None;
        for instruction in Instructions::new(table, self.co_code) {
            starts[instruction.offset / 2] = true;
            let Some(info) = instruction.info else { return false };
            let is_written = info.specializes.is_none() && !info.name.starts_with("INSTRUMENTED_") && info.name != "CACHE";
            // 3.10's optimizer leaves arguments behind in what it turns into a NOP or a ROT_TWO; PyPy's COPY has one that nothing
            // reads.
            let is_empty = info.has_arg()
                || version.minor == 10
                || table.implementation() == Implementation::PyPy
                || self.co_code.get(instruction.offset + 1) == Some(&0);
            let is_within = match instruction.operand {
                Operand::Const(index) => (index as usize) < self.consts,
                Operand::Name { index, .. } => (index as usize) < self.names,
                Operand::Local(index) => (index as usize) < if joined { variables } else { self.locals },
                Operand::LocalPair(first, second) => (first.max(second) as usize) < variables,
                Operand::Free(index) => (index as usize) < if joined { variables } else { cells },
                Operand::Number(_) => !matches!(info.arg, ArgKind::Compare { .. }),
                Operand::Nothing | Operand::Compare(_) | Operand::Jump(_) => true,
            };
            if !is_written || !is_empty || !is_within || instruction.caches.iter().any(|&byte| byte != 0) {
                return false;
            }
            resumes |= info.name == "RESUME";
            last = Some(info.name);
        }
        let leads_somewhere = |offset: usize| offset.is_multiple_of(2) && starts.get(offset / 2) == Some(&true);
        let jumps = Instructions::new(table, self.co_code).all(|instruction| match instruction.operand {
            Operand::Jump(target) => usize::try_from(target).is_ok_and(leads_somewhere),
            _ => true,
        });
        let handlers = ExceptionHandlers::new(self.exception_table)
            .all(|handler| handler.end <= self.co_code.len() && leads_somewhere(handler.target));
        let knows_return_const = joined && table.by_name("RETURN_CONST").is_some();
        jumps
            && handlers
            && (resumes || !joined)
            && last.is_some_and(|name| ends(name, version))
            && !(knows_return_const && self.returns_const_in_two(table))
            && (!joined || self.entries_may_be_of(table))
    }
}

/// Whether code can end with an instruction: with one that nothing follows. Up to 3.9, dead code may follow.
fn ends(name: &str, version: PythonVersion) -> bool {
    version.minor <= 9 || name.starts_with("RETURN") || name.starts_with("JUMP") || matches!(name, "RAISE_VARARGS" | "RERAISE")
}
