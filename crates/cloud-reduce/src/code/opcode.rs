//! [`OpcodeTable`]: the opcodes of one version of Python.

use super::opcodes::TABLES;
use crate::{Implementation, PythonVersion};

/// What an instruction's argument stands for, as the lists `hasconst`, `hasname` and so on of Python's `opcode` module and the
/// decoding of its `dis` module tell.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum ArgKind {
    /// The opcode has no argument: its second byte means nothing.
    Nothing,
    /// A number that only the opcode itself can explain.
    Number,
    /// An index into `co_consts`.
    Const,
    /// An index into `co_names`.
    Name {
        /// How many flag bits stand below the index.
        flags: u8,
    },
    /// An index of a local variable: into `co_varnames`, and from CPython 3.11 on into all variables.
    Local,
    /// Two indices of local variables, of four bits each.
    LocalPair,
    /// An index of a cell or free variable: into `co_cellvars` and `co_freevars` after one another, and from CPython 3.11 on
    /// into all variables.
    Free,
    /// A comparison.
    Compare {
        /// How many flag bits stand below its number.
        flags: u8,
    },
    /// A jump's distance forward from the end of the instruction and its caches.
    JumpForward,
    /// A jump's distance backward from the end of the instruction and its caches.
    JumpBackward,
    /// A jump's target from the start of the bytecode.
    JumpAbsolute,
}

/// A list of Python's `opcode` module that an opcode stands in.
#[derive(Clone, Copy)]
pub(super) enum Listed {
    Nothing,
    Number,
    Const,
    Name,
    Local,
    Free,
    Compare,
    JumpRelative,
    JumpAbsolute,
}

impl Listed {
    /// What the lists do not tell: the rules of each version's `dis`.
    const fn kind(self, name: &str, implementation: Implementation, version: PythonVersion) -> ArgKind {
        let minor = match implementation {
            Implementation::CPython => version.minor,
            // PyPy kept the arguments of CPython 3.10.
            Implementation::PyPy if version.minor <= 11 => 10,
            Implementation::PyPy => version.minor,
        };
        match (self, name.as_bytes()) {
            (Listed::Name, b"LOAD_GLOBAL") if minor >= 11 => ArgKind::Name { flags: 1 },
            (Listed::Name, b"LOAD_ATTR") if minor >= 12 => ArgKind::Name { flags: 1 },
            (Listed::Name, b"LOAD_SUPER_ATTR") if minor >= 12 => ArgKind::Name { flags: 2 },
            (Listed::Name, b"IMPORT_NAME") if minor >= 15 => ArgKind::Name { flags: 2 },
            (Listed::Name, _) => ArgKind::Name { flags: 0 },
            (
                _,
                b"LOAD_FAST_LOAD_FAST"
                | b"LOAD_FAST_BORROW_LOAD_FAST_BORROW"
                | b"STORE_FAST_LOAD_FAST"
                | b"STORE_FAST_STORE_FAST",
            ) => ArgKind::LocalPair,
            (
                Listed::JumpRelative,
                b"JUMP_BACKWARD"
                | b"JUMP_BACKWARD_NO_INTERRUPT"
                | b"POP_JUMP_BACKWARD_IF_FALSE"
                | b"POP_JUMP_BACKWARD_IF_TRUE"
                | b"POP_JUMP_BACKWARD_IF_NONE"
                | b"POP_JUMP_BACKWARD_IF_NOT_NONE"
                | b"INSTRUMENTED_JUMP_BACKWARD"
                | b"END_ASYNC_FOR"
                | b"INSTRUMENTED_END_ASYNC_FOR",
            ) => ArgKind::JumpBackward,
            (Listed::JumpRelative, _) => ArgKind::JumpForward,
            (Listed::Compare, _) => ArgKind::Compare {
                flags: match minor {
                    0..=11 => 0,
                    12 => 4,
                    _ => 5,
                },
            },
            (Listed::JumpAbsolute, _) => ArgKind::JumpAbsolute,
            (Listed::Const, _) => ArgKind::Const,
            (Listed::Local, _) => ArgKind::Local,
            (Listed::Free, _) => ArgKind::Free,
            (Listed::Number, _) => ArgKind::Number,
            (Listed::Nothing, _) => ArgKind::Nothing,
        }
    }
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
pub(super) enum Row {
    Op { number: u8, name: &'static str, caches: u8, listed: Listed },
    Specialized { number: u8, name: &'static str, base: u8 },
}

pub(super) const fn op(number: u8, name: &'static str, caches: u8, listed: Listed) -> Row {
    Row::Op { number, name, caches, listed }
}

pub(super) const fn specialized(number: u8, name: &'static str, base: u8) -> Row {
    Row::Specialized { number, name, base }
}

/// The opcode from which on opcodes had an argument, up to CPython 3.12.
pub(super) const HAVE_ARGUMENT: u8 = 90;

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
            match rows[i] {
                Row::Op { number, name, caches, listed } => {
                    let arg = listed.kind(name, implementation, version);
                    opcodes[number as usize] = Some(OpcodeInfo { name, caches, arg, specializes: None });
                }
                Row::Specialized { number, name, base } => {
                    if let Some(OpcodeInfo { caches, arg, .. }) = opcodes[base as usize] {
                        opcodes[number as usize] = Some(OpcodeInfo { name, caches, arg, specializes: Some(base) });
                    }
                }
            }
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

    /// Whether an instruction whose opcode has this number has an argument. Up to CPython 3.11 that depends on the number alone,
    /// so that it is known of numbers too that are no opcode; from 3.12 on these have none.
    #[must_use]
    pub fn has_arg(&self, number: u8) -> bool {
        match self.get(number) {
            Some(info) => info.has_arg(),
            None => self.version < PythonVersion::new(3, 12) && number >= HAVE_ARGUMENT,
        }
    }

    /// Every opcode with its number, in the order of the numbers.
    pub fn iter(&self) -> impl Iterator<Item = (u8, &OpcodeInfo)> {
        (0..=u8::MAX).zip(&self.opcodes).filter_map(|(number, info)| Some((number, info.as_ref()?)))
    }
}

#[cfg(test)]
mod tests {
    use super::{super::opcodes::NEWEST_MINOR, *};

    #[test]
    fn there_is_a_table_for_each_version_from_3_6_to_the_newest() {
        let versions: Vec<PythonVersion> = PythonVersion::known().collect();
        let expected: Vec<PythonVersion> = (6..=NEWEST_MINOR).map(|minor| PythonVersion::new(3, minor)).collect();
        assert_eq!(versions, expected);
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
