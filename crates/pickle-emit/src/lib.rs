//! Writes pickles, in the canonical form of CPython's own pickler.

mod arg;
mod encoder;
mod error;
mod frame;
mod graph;
mod op;
mod optimize;
mod sink;

pub use encoder::{BATCH_SIZE, Encoder};
pub use error::{Error, ErrorKind};
pub use frame::{FRAME_HEADER_SIZE, FRAME_SIZE_MIN, FRAME_SIZE_TARGET};
pub use graph::{GraphEncoder, Pickled, graph_to_vec};
pub use op::{OpWriter, write_op};
pub use optimize::optimize;
pub use sink::Sink;
