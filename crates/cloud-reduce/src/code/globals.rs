//! [`GlobalOps`]: which globals a function's bytecode names.

use super::{ArgKind, OpcodeTable, opcode::HAVE_ARGUMENT};
use crate::{Implementation, PythonVersion};

/// Finds the globals that bytecode of one version of Python names.
///
/// What it finds are the arguments of `LOAD_GLOBAL`, `STORE_GLOBAL` and `DELETE_GLOBAL`, as `dis.get_instructions` of that
/// version decodes them. It is made to be picked once and then run over many code objects: a value of it is two words.
///
/// ```
/// use cloud_reduce::code::GlobalOps;
///
/// // The body of `lambda: len(x)` in Python 3.8, whose co_names is ('len', 'x').
/// let code = [116, 0, 116, 1, 131, 1, 83, 0];
/// let ops = GlobalOps::for_python(3, 8).unwrap();
/// assert_eq!(ops.name_indices(&code).collect::<Vec<_>>(), [0, 1]);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct GlobalOps {
    steps: &'static Steps,
}

/// What to do at each opcode. The low bits tell how many two-byte units the instruction takes with its caches.
#[derive(Debug)]
struct Steps {
    by_opcode: [u8; 256],
    /// Opcodes below it leave an `EXTENDED_ARG` before them in force: so does `dis` up to 3.9, where no other opcode lacks an
    /// argument. From 3.10 on, an `EXTENDED_ARG` counts for the next instruction only, and this is 0.
    transparent_below: u8,
}

const UNITS: u8 = 0x1f;
/// The opcode is `EXTENDED_ARG`.
const EXTENDED: u8 = 0x20;
/// The argument is an index into `co_names`.
const NAME: u8 = 0x40;
/// The argument is twice an index into `co_names`, and a flag in the lowest bit.
const NAME_AND_FLAG: u8 = 0x80;

impl Steps {
    const fn new(table: &OpcodeTable) -> Steps {
        let version = table.version();
        let mut by_opcode = [1; 256];
        let mut number = 0;
        while number < 256 {
            if let Some(info) = table.get(number as u8) {
                assert!(info.caches < UNITS, "more caches than a step has bits for");
                by_opcode[number] = 1 + info.caches;
                if info.specializes.is_none() {
                    by_opcode[number] |= match (info.name.as_bytes(), info.arg) {
                        (b"EXTENDED_ARG", _) => EXTENDED,
                        (b"LOAD_GLOBAL" | b"STORE_GLOBAL" | b"DELETE_GLOBAL", ArgKind::Name { flags: 0 }) => NAME,
                        (b"LOAD_GLOBAL", ArgKind::Name { flags: 1 }) => NAME_AND_FLAG,
                        (b"LOAD_GLOBAL" | b"STORE_GLOBAL" | b"DELETE_GLOBAL", _) => panic!("no step for these flags"),
                        _ => 0,
                    };
                }
            }
            number += 1;
        }
        Steps { by_opcode, transparent_below: if version.minor < 10 { HAVE_ARGUMENT } else { 0 } }
    }
}

/// The steps of each of [`TABLES`](super::opcodes::TABLES), in the same order.
static STEPS: [Steps; super::opcodes::TABLES.len()] = {
    let mut steps = [const { Steps { by_opcode: [0; 256], transparent_below: 0 } }; super::opcodes::TABLES.len()];
    let mut i = 0;
    while i < steps.len() {
        steps[i] = Steps::new(super::opcodes::TABLES[i]);
        i += 1;
    }
    steps
};

impl GlobalOps {
    /// For a version of CPython, or `None` for one that this crate does not know.
    #[must_use]
    pub fn for_python(major: u8, minor: u8) -> Option<GlobalOps> {
        Self::of(Implementation::CPython, PythonVersion::new(major, minor))
    }

    /// For a version of PyPy, or `None` for one that this crate does not know.
    #[must_use]
    pub fn for_pypy(major: u8, minor: u8) -> Option<GlobalOps> {
        Self::of(Implementation::PyPy, PythonVersion::new(major, minor))
    }

    /// For an implementation's version, or `None` for one that this crate does not know.
    #[must_use]
    pub fn of(implementation: Implementation, version: PythonVersion) -> Option<GlobalOps> {
        let index =
            OpcodeTable::all().position(|table| table.implementation() == implementation && table.version() == version)?;
        STEPS.get(index).map(|steps| GlobalOps { steps })
    }

    /// The indices into `co_names` that the global instructions of a `co_code` have, in the order of the bytecode, repeated
    /// names repeatedly. Names that code objects among `co_consts` use are not among them.
    ///
    /// Any bytes are accepted. The indices of hostile ones may lie outside of `co_names`; an argument of more than 32 bits
    /// loses those above.
    #[inline]
    #[must_use]
    pub fn name_indices(self, co_code: &[u8]) -> NameIndices<'_> {
        NameIndices { steps: self.steps, rest: co_code, extended: 0 }
    }
}

/// An iterator over indices into `co_names`; see [`GlobalOps::name_indices`].
#[derive(Clone, Debug)]
pub struct NameIndices<'a> {
    steps: &'static Steps,
    rest: &'a [u8],
    /// The bits that `EXTENDED_ARG`s before the next instruction give to its argument.
    extended: u32,
}

impl Iterator for NameIndices<'_> {
    type Item = u32;

    #[inline]
    fn next(&mut self) -> Option<u32> {
        while let [opcode, arg, ..] = *self.rest {
            let step = self.steps.by_opcode[usize::from(opcode)];
            let skipped = 2 * usize::from(step & UNITS);
            self.rest = self.rest.get(skipped..).unwrap_or_default();
            if step <= UNITS {
                if opcode >= self.steps.transparent_below {
                    self.extended = 0;
                }
                continue;
            }
            let arg = self.extended | u32::from(arg);
            if step & EXTENDED != 0 {
                self.extended = arg << 8;
                continue;
            }
            self.extended = 0;
            return Some(if step & NAME_AND_FLAG != 0 { arg >> 1 } else { arg });
        }
        None
    }
}

impl core::iter::FusedIterator for NameIndices<'_> {}

#[cfg(test)]
mod tests {
    use super::*;

    fn indices(minor: u8, code: &[u8]) -> Vec<u32> {
        GlobalOps::for_python(3, minor).unwrap().name_indices(code).collect()
    }

    #[test]
    fn extended_arguments_reach_over_what_has_no_argument_only_up_to_python_3_9() {
        // EXTENDED_ARG 1, NOP, STORE_GLOBAL 2
        let code = [144, 1, 9, 0, 97, 2];
        assert_eq!(indices(9, &code), [0x102]);
        assert_eq!(indices(10, &code), [2]);
    }

    #[test]
    fn bytes_of_inline_caches_are_never_taken_for_instructions() {
        // LOAD_GLOBAL 1 + NULL with four caches in 3.12, which look like STORE_GLOBAL; then STORE_GLOBAL 3.
        let code = [116, 3, 97, 9, 97, 9, 97, 9, 97, 9, 97, 3];
        assert_eq!(indices(12, &code), [1, 3]);
    }

    #[test]
    fn any_bytes_end() {
        for PythonVersion { minor, .. } in PythonVersion::known() {
            for byte in 0..=255 {
                let _ = indices(minor, &[byte; 7]);
                assert_eq!(indices(minor, &[byte]), []);
            }
        }
        assert_eq!(indices(12, &[]), []);
    }
}
