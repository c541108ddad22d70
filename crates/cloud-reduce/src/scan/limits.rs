//! [`ScanLimits`]: how much an untrusted file may ask for, and how much of that is left.

use std::cell::Cell;

use pickle_parse::{Error, ErrorKind};

/// How much a scan does for an untrusted file beyond what its own bytes account for. What is compressed may be a thousand times as
/// long as the file.
///
/// ```
/// use cloud_reduce::ScanLimits;
///
/// let mut limits = ScanLimits::default();
/// assert_eq!(limits.opcodes, 10_000_000);
/// limits.opcodes = 100_000_000;
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct ScanLimits {
    /// How many opcodes are executed for a file of less than an eighth of so many bytes; for a longer one, it is eight for each byte.
    /// An opcode takes some 50 bytes of memory at most, its argument left out. The default is ten million.
    pub opcodes: u64,
    /// How many bytes a file may unpack to beyond its own, all members together. The default is 1 GiB.
    pub unpacked: u64,
}

impl ScanLimits {
    /// The limits that hold unless others are given.
    pub const DEFAULT: ScanLimits = ScanLimits { opcodes: 10_000_000, unpacked: 1 << 30 };
}

impl Default for ScanLimits {
    fn default() -> Self {
        ScanLimits::DEFAULT
    }
}

/// How many opcodes are executed for each byte of a file, at the least: as a pickle, within bytes that other pickles hold, and again
/// where joblib and `pickle.load` read different opcodes.
const OPCODES_PER_BYTE: u64 = 8;

/// How many opcodes may still be executed for a file.
#[derive(Clone, Debug)]
pub(crate) struct Budget {
    limit: u64,
    left: Cell<u64>,
    is_spent: Cell<bool>,
}

impl Budget {
    /// That of a file of so many bytes.
    pub(crate) fn new(limits: &ScanLimits, bytes: u64) -> Budget {
        let limit = limits.opcodes.max(bytes.saturating_mul(OPCODES_PER_BYTE));
        Budget { limit, left: Cell::new(limit), is_spent: Cell::new(false) }
    }

    /// How many opcodes are left.
    pub(crate) fn left(&self) -> u64 {
        self.left.get()
    }

    /// So many opcodes were executed.
    pub(crate) fn spend(&self, opcodes: u64) {
        self.left.set(self.left.get().saturating_sub(opcodes));
    }

    /// More opcodes would be executed than there may be: nothing of the file is, from now on.
    #[cold]
    pub(crate) fn exceed(&self, offset: u64) -> Error {
        self.left.set(0);
        self.is_spent.set(true);
        self.error(offset)
    }

    /// Whether something was not executed.
    pub(crate) fn is_spent(&self) -> bool {
        self.is_spent.get()
    }

    /// What says so, of what begins or goes on at an offset.
    #[cold]
    pub(crate) fn error(&self, offset: u64) -> Error {
        Error::new(ErrorKind::Limit { what: "opcodes in a file of its length", limit: self.limit }, offset, None)
    }
}
