//! [`Options`]: what a [`Deserializer`](super::Deserializer) was told.

use crate::{Limits, Strings};

#[derive(Clone, Copy, Debug)]
pub(super) struct Options {
    pub(super) limits: Limits,
    pub(super) max_depth: usize,
    pub(super) max_expansion: u64,
    pub(super) strings: Strings,
    /// Whether lone surrogates become U+FFFD.
    pub(super) lossy: bool,
}

/// How deep values may lie within each other unless told otherwise.
pub(super) const MAX_DEPTH: usize = 128;

/// How many times its own length a pickle may expand to unless told otherwise.
pub(super) const MAX_EXPANSION: u64 = 100;

/// What any pickle may expand to, in bytes.
const SMALL: u64 = 1 << 20;

impl Options {
    pub(super) const DEFAULT: Options = Options {
        limits: Limits::DEFAULT,
        max_depth: MAX_DEPTH,
        max_expansion: MAX_EXPANSION,
        strings: Strings::Keep,
        lossy: false,
    };

    /// How much may be handed over of a pickle of so many bytes: each value counts one, and strings and bytes their length.
    pub(super) fn expansion(&self, bytes: usize) -> u64 {
        (bytes as u64).saturating_mul(self.max_expansion).max(SMALL)
    }
}
