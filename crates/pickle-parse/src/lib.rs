//! Reads pickles: ops, the pickle machine, graphs and listings.

pub mod arg;

mod error;
mod frame;
mod limits;
mod machine;
mod memo;
mod op;
mod printable;
mod repr;
mod utf8;

pub use error::{Error, ErrorKind, PythonException};
pub use limits::Limits;
pub use machine::{Builder, Items, Machine, MachineError};
pub use memo::Memo;
pub use op::{OpError, Ops, op};
