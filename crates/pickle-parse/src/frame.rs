//! Frames: what `FRAME` promises (PEP 3154).

use crate::ErrorKind;

/// Checks a frame as CPython's unpickler (`load_frame` of `_pickle.c`) checks it: the bytes that it claims are there. Where it
/// ends matters to nothing else: an op may cross its end, and it may hold another frame.
///
/// # Errors
///
/// [`ErrorKind::FrameTooLong`] if the length is beyond 2^63 - 1, [`ErrorKind::FrameExhausted`] if fewer bytes are left.
#[inline]
pub(crate) fn check(length: u64, left: usize) -> Result<(), ErrorKind> {
    if length <= left as u64 {
        Ok(())
    } else if length > i64::MAX as u64 {
        Err(ErrorKind::FrameTooLong)
    } else {
        Err(ErrorKind::FrameExhausted)
    }
}
