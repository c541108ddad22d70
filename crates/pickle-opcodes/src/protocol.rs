//! [`Protocol`]: the versions of the format.

/// A version of the pickle format.
///
/// ```
/// use pickle_opcodes::Protocol;
///
/// assert_eq!(Protocol::try_from(4), Ok(Protocol::V4));
/// assert_eq!(Protocol::HIGHEST.version(), 5);
/// assert_eq!(Protocol::try_from(6).unwrap_err().to_string(), "unsupported pickle protocol: 6");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[repr(u8)]
pub enum Protocol {
    /// The first one: text.
    V0 = 0,
    /// Binary, of Python 1.4.
    V1 = 1,
    /// [PEP 307](https://peps.python.org/pep-0307/), of Python 2.3: new-style classes.
    V2 = 2,
    /// Of Python 3.0: `bytes`.
    V3 = 3,
    /// [PEP 3154](https://peps.python.org/pep-3154/), of Python 3.4: frames, sets, very large objects.
    V4 = 4,
    /// [PEP 574](https://peps.python.org/pep-0574/), of Python 3.8: out-of-band buffers.
    V5 = 5,
}

impl Protocol {
    /// The highest there is: `pickle.HIGHEST_PROTOCOL` of Python 3.8 and later.
    pub const HIGHEST: Protocol = Protocol::V5;

    /// Every protocol, the oldest first.
    pub const ALL: [Protocol; 6] = [Protocol::V0, Protocol::V1, Protocol::V2, Protocol::V3, Protocol::V4, Protocol::V5];

    /// Its number.
    #[inline]
    #[must_use]
    pub const fn version(self) -> u8 {
        self as u8
    }

    /// Whether pickles of it are written in frames (PEP 3154).
    #[inline]
    #[must_use]
    pub const fn is_framed(self) -> bool {
        self as u8 >= Protocol::V4 as u8
    }
}

impl TryFrom<u8> for Protocol {
    type Error = UnsupportedProtocol;

    fn try_from(version: u8) -> Result<Self, UnsupportedProtocol> {
        Self::ALL.get(usize::from(version)).copied().ok_or(UnsupportedProtocol(version))
    }
}

impl core::fmt::Display for Protocol {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{}", self.version())
    }
}

/// A protocol number above [`Protocol::HIGHEST`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct UnsupportedProtocol(pub u8);

impl core::fmt::Display for UnsupportedProtocol {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "unsupported pickle protocol: {}", self.0)
    }
}

impl core::error::Error for UnsupportedProtocol {}
