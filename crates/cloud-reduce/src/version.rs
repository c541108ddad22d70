//! [`PythonVersion`] and [`Implementation`]: which Python made a code object.

use crate::code::OpcodeTable;

/// An implementation of Python.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Implementation {
    /// The reference implementation.
    CPython,
    /// PyPy: code objects as CPython's of the same language version, with opcodes of its own.
    PyPy,
}

impl core::fmt::Display for Implementation {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.pad(match self {
            Implementation::CPython => "CPython",
            Implementation::PyPy => "PyPy",
        })
    }
}

/// A version of Python, as far as code objects depend on it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct PythonVersion {
    /// The major version: 3.
    pub major: u8,
    /// The minor version.
    pub minor: u8,
}

impl PythonVersion {
    /// The versions of CPython that this crate has opcodes of, the oldest first.
    pub fn known() -> impl Iterator<Item = PythonVersion> {
        OpcodeTable::all().filter(|table| table.implementation() == Implementation::CPython).map(OpcodeTable::version)
    }

    /// The version of two numbers.
    #[inline]
    #[must_use]
    pub const fn new(major: u8, minor: u8) -> PythonVersion {
        PythonVersion { major, minor }
    }
}

impl core::fmt::Display for PythonVersion {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}
