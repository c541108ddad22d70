//! [`Limits`]: how much an untrusted pickle may ask for.

/// How much an untrusted pickle may ask for.
///
/// Whatever the limits say, nothing is allocated for a length that the input merely claims, and a memo index is a key, not a
/// size; so the memory that a pickle takes is bounded by a small multiple of its own length. Where that is too much, as it may be
/// where a pickle was compressed, [`memory`](Limits::memory) is the bound.
///
/// ```
/// use pickle_parse::Limits;
///
/// let mut limits = Limits::default();
/// assert_eq!(limits.int_digits, 4300);
/// limits.int_digits = 1_000_000;
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Limits {
    /// How many digits an integer written in decimal may have, because converting takes more than linear time. The default is
    /// CPython's, 4300 (`sys.get_int_max_str_digits`). Does not apply to the binary `LONG1` and `LONG4`.
    pub int_digits: usize,
    /// How long the argument of one opcode may be, in bytes, when reading from a stream. (A slice is its own limit.) The default
    /// is no limit.
    pub arg_bytes: u64,
    /// How much memory a pickle may take while it is executed, in bytes: the stack, the memo, and what is built, as far as the
    /// builder tells of it ([`Builder::memory`](crate::Builder::memory)); the pickle itself does not count. It is looked at once
    /// in 64 KiB of the pickle, by what is allocated; so, as vectors double when they grow, a pickle that is refused may have
    /// taken more than twice as much. The default is no limit.
    pub memory: u64,
}

impl Limits {
    /// The limits that hold unless others are given.
    pub const DEFAULT: Limits = Limits { int_digits: 4300, arg_bytes: u64::MAX, memory: u64::MAX };
}

impl Default for Limits {
    fn default() -> Self {
        Limits::DEFAULT
    }
}
