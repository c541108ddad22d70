//! Writes pickles, in the canonical form of CPython's own pickler.

mod arg;
mod encoder;
mod error;
mod frame;
mod sink;

pub use encoder::{BATCH_SIZE, Encoder};
pub use error::{Error, ErrorKind};
pub use frame::{FRAME_HEADER_SIZE, FRAME_SIZE_MIN, FRAME_SIZE_TARGET};
pub use sink::Sink;
