//! [`OpcodeTable`]: the opcodes of one version of Python.

use super::opcodes::TABLES;
use crate::{Implementation, PythonVersion};

/// What an instruction's argument stands for, as the lists `hasconst`, `hasname` and so on of Python's `opcode` module tell.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum ArgKind {
    /// The opcode has no argument: its second byte means nothing.
    Nothing,
    /// A number that only the opcode itself can explain.
    Number,
    /// An index into `co_consts`.
    Const,
    /// An index into `co_names`; some opcodes keep flags in its low bits.
    Name,
    /// An index of a local variable.
    Local,
    /// An index of a cell or free variable.
    Free,
    /// A comparison.
    Compare,
    /// A jump's distance from the next instruction.
    JumpRelative,
    /// A jump's target from the start of the bytecode.
    JumpAbsolute,
}

/// What there is to know of one opcode in one version of Python.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct OpcodeInfo {
    /// The name in that version's `opcode` module, such as `"LOAD_GLOBAL"`.
    pub name: &'static str,
    /// How many two-byte inline cache entries follow an instruction of this opcode.
    pub caches: u8,
    /// What its argument stands for.
    pub arg: ArgKind,
    /// For an opcode that only a running interpreter writes in place of another: that other. Such an opcode is never in
    /// `co_code`.
    pub specializes: Option<u8>,
}

impl OpcodeInfo {
    /// Whether it has an argument.
    #[inline]
    #[must_use]
    pub const fn has_arg(&self) -> bool {
        !matches!(self.arg, ArgKind::Nothing)
    }
}

/// A row of a table as `cargo xtask codegen` writes it.
#[derive(Clone, Copy)]
pub(super) struct Row {
    number: u8,
    info: OpcodeInfo,
}

pub(super) const fn op(number: u8, name: &'static str, caches: u8, arg: ArgKind) -> Row {
    Row { number, info: OpcodeInfo { name, caches, arg, specializes: None } }
}

pub(super) const fn specialized(number: u8, name: &'static str, base: u8) -> Row {
    Row { number, info: OpcodeInfo { name, caches: 0, arg: ArgKind::Nothing, specializes: Some(base) } }
}

/// The opcodes of one version of Python.
///
/// ```
/// use cloud_reduce::{PythonVersion, code::OpcodeTable};
///
/// let table = OpcodeTable::cpython(PythonVersion::new(3, 11)).unwrap();
/// let (number, load_global) = table.by_name("LOAD_GLOBAL").unwrap();
/// assert_eq!((number, load_global.caches), (116, 5));
/// assert_eq!(table.get(number), Some(load_global));
/// ```
#[derive(Debug)]
pub struct OpcodeTable {
    implementation: Implementation,
    version: PythonVersion,
    opcodes: [Option<OpcodeInfo>; 256],
}

impl OpcodeTable {
    pub(super) const fn new(implementation: Implementation, version: PythonVersion, rows: &[Row]) -> OpcodeTable {
        let mut opcodes = [None; 256];
        let mut i = 0;
        while i < rows.len() {
            let mut info = rows[i].info;
            if let Some(base) = info.specializes
                && let Some(OpcodeInfo { caches, arg, .. }) = opcodes[base as usize]
            {
                info.caches = caches;
                info.arg = arg;
            }
            opcodes[rows[i].number as usize] = Some(info);
            i += 1;
        }
        OpcodeTable { implementation, version, opcodes }
    }

    /// Every table: those of CPython from the oldest version to the newest, then PyPy's.
    pub fn all() -> impl ExactSizeIterator<Item = &'static OpcodeTable> {
        TABLES.iter().copied()
    }

    /// The table of a version of CPython, or `None` where there is none.
    #[must_use]
    pub fn cpython(version: PythonVersion) -> Option<&'static OpcodeTable> {
        Self::of(Implementation::CPython, version)
    }

    /// The table of an implementation's version, or `None` where there is none.
    #[must_use]
    pub fn of(implementation: Implementation, version: PythonVersion) -> Option<&'static OpcodeTable> {
        Self::all().find(|table| table.implementation == implementation && table.version == version)
    }

    /// Whose opcodes they are.
    #[must_use]
    pub const fn implementation(&self) -> Implementation {
        self.implementation
    }

    /// Which version's opcodes they are.
    #[must_use]
    pub const fn version(&self) -> PythonVersion {
        self.version
    }

    /// What a number stands for, or `None` where it is no opcode of this version.
    #[inline]
    #[must_use]
    pub const fn get(&self, number: u8) -> Option<&OpcodeInfo> {
        self.opcodes[number as usize].as_ref()
    }

    /// The number and the facts of a name, or `None` where this version has no such opcode.
    #[must_use]
    pub fn by_name(&self, name: &str) -> Option<(u8, &OpcodeInfo)> {
        self.iter().find(|(_, info)| info.name == name)
    }

    /// Every opcode with its number, in the order of the numbers.
    pub fn iter(&self) -> impl Iterator<Item = (u8, &OpcodeInfo)> {
        (0..=u8::MAX).zip(&self.opcodes).filter_map(|(number, info)| Some((number, info.as_ref()?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_a_table_for_each_known_version() {
        for version in PythonVersion::KNOWN {
            assert!(OpcodeTable::cpython(version).is_some(), "{version}");
        }
        assert!(OpcodeTable::of(Implementation::PyPy, PythonVersion::new(3, 11)).is_some());
    }

    #[test]
    fn what_every_version_has_is_in_every_table() {
        for table in OpcodeTable::all() {
            for name in ["LOAD_GLOBAL", "STORE_GLOBAL", "DELETE_GLOBAL", "EXTENDED_ARG", "LOAD_CONST", "RETURN_VALUE"] {
                let (number, info) = table.by_name(name).unwrap();
                assert_eq!(table.get(number), Some(info));
                assert_eq!(info.has_arg(), name != "RETURN_VALUE");
            }
        }
    }

    #[test]
    fn a_specialized_opcode_has_the_caches_of_the_one_that_it_stands_for() {
        for table in OpcodeTable::all() {
            for (_, info) in table.iter() {
                if let Some(base) = info.specializes {
                    assert_eq!(info.caches, table.get(base).unwrap().caches, "{} {}", table.version(), info.name);
                }
            }
        }
    }
}
