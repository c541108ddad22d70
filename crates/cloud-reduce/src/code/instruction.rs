//! [`Instructions`]: bytecode taken apart as `dis.get_instructions` does it.

use super::{ArgKind, OpcodeInfo, OpcodeTable};
use crate::PythonVersion;

/// One instruction of bytecode. An `EXTENDED_ARG` is one too.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Instruction<'a> {
    /// Where it is: how many bytes are before it.
    pub offset: usize,
    /// The number of its opcode.
    pub opcode: u8,
    /// What the version's table says of the opcode, or `None` where it has no such opcode.
    pub info: Option<&'static OpcodeInfo>,
    /// Its argument, with the bits that `EXTENDED_ARG`s before it give, or `None` where the opcode has none. Bits above the
    /// thirty-second are lost.
    pub arg: Option<u32>,
    /// The argument made out.
    pub operand: Operand,
    /// The inline cache entries behind it, two bytes each.
    pub caches: &'a [u8],
}

impl Instruction<'_> {
    /// The name of the opcode, such as `"LOAD_GLOBAL"`, or `None` where the version has no such opcode.
    #[must_use]
    pub fn name(&self) -> Option<&'static str> {
        self.info.map(|info| info.name)
    }
}

/// What an instruction works on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Operand {
    /// Nothing.
    Nothing,
    /// A number that only the opcode itself can explain.
    Number(u32),
    /// An index into `co_consts`.
    Const(u32),
    /// An index into `co_names`, and the flags below it (see [`ArgKind::Name`]).
    Name {
        /// The index.
        index: u32,
        /// The flags.
        flags: u8,
    },
    /// An index of a local variable (see [`ArgKind::Local`]).
    Local(u32),
    /// Two indices of local variables.
    LocalPair(u32, u32),
    /// An index of a cell or free variable (see [`ArgKind::Free`]).
    Free(u32),
    /// A comparison: `"<"`, `"=="`, ...
    Compare(&'static str),
    /// The offset that a jump goes to, in bytes; in hostile code it may be outside of the code.
    Jump(i64),
}

/// The operators of `COMPARE_OP`. The last six are used up to CPython 3.8.
const COMPARISONS: [&str; 12] = ["<", "<=", "==", "!=", ">", ">=", "in", "not in", "is", "is not", "exception match", "BAD"];

/// An iterator over the instructions of bytecode. It yields what `dis.get_instructions` of the same version yields, without
/// its caches shown. Any bytes are accepted; an odd last byte is left out.
///
/// ```
/// use cloud_reduce::{PythonVersion, code::{Instructions, OpcodeTable, Operand}};
///
/// // The body of `lambda x: x + 1` in Python 3.8.
/// let code = [124, 0, 100, 1, 23, 0, 83, 0];
/// let table = OpcodeTable::cpython(PythonVersion::new(3, 8)).unwrap();
/// let listing: Vec<_> = Instructions::new(table, &code).map(|i| (i.offset, i.name().unwrap(), i.operand)).collect();
/// assert_eq!(listing, [
///     (0, "LOAD_FAST", Operand::Local(0)),
///     (2, "LOAD_CONST", Operand::Const(1)),
///     (4, "BINARY_ADD", Operand::Nothing),
///     (6, "RETURN_VALUE", Operand::Nothing),
/// ]);
/// ```
#[derive(Clone, Debug)]
pub struct Instructions<'a> {
    table: &'static OpcodeTable,
    code: &'a [u8],
    offset: usize,
    extended: u32,
}

impl<'a> Instructions<'a> {
    /// Takes the `co_code` of the version that a table is of.
    #[must_use]
    pub fn new(table: &'static OpcodeTable, co_code: &'a [u8]) -> Instructions<'a> {
        Instructions { table, code: co_code, offset: 0, extended: 0 }
    }

    fn operand(&self, info: &OpcodeInfo, arg: u32, offset: usize) -> Operand {
        // Jumps count units of two bytes from CPython 3.10 on, and bytes before.
        let unit = if self.table.version() >= PythonVersion::new(3, 10) { 2 } else { 1 };
        let jump = unit * i64::from(arg);
        let next = offset as i64 + 2 + 2 * i64::from(info.caches);
        match info.arg {
            ArgKind::Nothing => Operand::Nothing,
            ArgKind::Number => Operand::Number(arg),
            ArgKind::Const => Operand::Const(arg),
            ArgKind::Name { flags } => Operand::Name { index: arg >> flags, flags: (arg & ((1 << flags) - 1)) as u8 },
            ArgKind::Local => Operand::Local(arg),
            ArgKind::LocalPair => Operand::LocalPair(arg >> 4, arg & 15),
            ArgKind::Free => Operand::Free(arg),
            ArgKind::Compare { flags } => {
                let known = if self.table.version() >= PythonVersion::new(3, 9) { &COMPARISONS[..6] } else { &COMPARISONS[..] };
                known.get((arg >> flags) as usize).map_or(Operand::Number(arg), |name| Operand::Compare(name))
            }
            ArgKind::JumpForward => Operand::Jump(next + jump),
            ArgKind::JumpBackward => Operand::Jump(next - jump),
            ArgKind::JumpAbsolute => Operand::Jump(jump),
        }
    }
}

impl<'a> Iterator for Instructions<'a> {
    type Item = Instruction<'a>;

    fn next(&mut self) -> Option<Instruction<'a>> {
        let rest = &self.code[self.offset..];
        let [opcode, low, after @ ..] = rest else { return None };
        let (opcode, offset) = (*opcode, self.offset);
        let info = self.table.get(opcode);
        let caches = info.map_or(0, |info| 2 * usize::from(info.caches));
        let caches = &after[..caches.min(after.len())];
        self.offset = offset + 2 + caches.len();

        // A number that is no opcode has an argument where opcodes of its size have.
        let has_arg = info.map_or_else(|| self.table.has_arg(opcode), OpcodeInfo::has_arg);
        let (mut arg, mut operand) = (None, Operand::Nothing);
        if has_arg {
            let value = self.extended | u32::from(*low);
            let is_extended_arg = info.is_some_and(|info| info.name == "EXTENDED_ARG");
            self.extended = if is_extended_arg { value << 8 } else { 0 };
            arg = Some(value);
            operand = info.map_or(Operand::Number(value), |info| self.operand(info, value, offset));
        } else if self.table.version() >= PythonVersion::new(3, 10) {
            self.extended = 0;
        }
        Some(Instruction { offset, opcode, info, arg, operand, caches })
    }
}

impl core::iter::FusedIterator for Instructions<'_> {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_bytes_end_and_are_covered() {
        for table in OpcodeTable::all() {
            for byte in 0..=255 {
                let code = [byte; 41];
                let mut end = 0;
                for instruction in Instructions::new(table, &code) {
                    assert_eq!(instruction.offset, end);
                    end = instruction.offset + 2 + instruction.caches.len();
                }
                assert!(end >= 40, "{} {byte}", table.version());
            }
        }
    }

    #[test]
    fn jumps_are_counted_from_the_end_of_the_caches() {
        // FOR_ITER +1 of 3.12, which has one cache entry.
        let table = OpcodeTable::cpython(PythonVersion::new(3, 12)).unwrap();
        let (for_iter, info) = table.by_name("FOR_ITER").unwrap();
        assert_eq!(info.caches, 1);
        let code = [for_iter, 1, 0, 0, 9, 0, 9, 0];
        let first = Instructions::new(table, &code).next().unwrap();
        assert_eq!(first.operand, Operand::Jump(6));
    }
}
