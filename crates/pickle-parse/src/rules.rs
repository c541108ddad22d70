//! [`Rules`]: where CPython's unpicklers are not of one mind.

/// By which of CPython's rules a pickle is read, where its versions differ in what they accept.
///
/// No pickler writes what they differ in, so all read the same of what any pickler wrote. The default is
/// [`PYTHON_3_13`](Self::PYTHON_3_13): nothing is refused that some interpreter would run, as who looks into pickles of unknown
/// origin needs it. Whoever wants the answer of one interpreter gives its rules.
///
/// ```
/// use pickle_parse::{Loader, Rules};
///
/// // A frame of two bytes, and an op of five.
/// let pickle = &b"\x80\x04\x95\x02\0\0\0\0\0\0\0J\x01\0\0\0."[..];
/// assert!(Loader::new().load(pickle).is_ok());
/// let error = Loader::new().rules(Rules::PYTHON_3_15).load(pickle).unwrap_err();
/// assert_eq!(error.to_string(), "pickle exhausted before end of frame (BININT at byte 11)");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Rules {
    /// Whether opcodes, lengths, lines and other arguments have to end in the frame in which they begin, and a frame before the
    /// next one begins (PEP 3154). So read 3.13 from 3.13.15 on, 3.14 from 3.14.7 on, and 3.15 (CPython's issue 154848); before,
    /// nothing came of where a frame ends.
    pub enclosing_frames: bool,
    /// Whether `INT` and `LONG` are decimal, with leading zeros or without, as from 3.14 on; before, a `0x`, `0o` or `0b` set the
    /// base, and so did a mere `0` for `INT`, whose `010` was 8.
    pub decimal_ints: bool,
    /// Whether `INT` makes a bool of `00` and `01` alone, as from 3.15 on (CPython's issue 135241); before, also of what else is
    /// 0 or 1 and has two characters, such as `+1`.
    pub literal_bools: bool,
    /// Whether the length of `BINSTRING` is signed, so that none is beyond 2^31 - 1, as from 3.14 on.
    pub signed_lengths: bool,
    /// Whether `APPENDS` and `ADDITEMS` turn to their object even where they have no items for it, as from 3.15 on, so that it
    /// has to be one that takes items; before, any would do.
    pub empty_batches: bool,
}

impl Rules {
    /// Those of CPython 3.9 to 3.13.14.
    pub const PYTHON_3_13: Rules =
        Rules { enclosing_frames: false, decimal_ints: false, literal_bools: false, signed_lengths: false, empty_batches: false };

    /// Those of CPython 3.14, from 3.14.7 on.
    pub const PYTHON_3_14: Rules =
        Rules { enclosing_frames: true, decimal_ints: true, signed_lengths: true, ..Rules::PYTHON_3_13 };

    /// Those of CPython 3.15.
    pub const PYTHON_3_15: Rules = Rules { literal_bools: true, empty_batches: true, ..Rules::PYTHON_3_14 };
}

impl Default for Rules {
    fn default() -> Self {
        Rules::PYTHON_3_13
    }
}
