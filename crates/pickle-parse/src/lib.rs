//! Reads pickles: ops, the pickle machine, graphs and listings.

pub mod arg;

mod builder;
mod dis;
mod error;
mod frame;
mod graph;
mod limits;
mod machine;
mod memo;
mod op;
mod printable;
mod reader;
mod repr;
mod utf8;

pub use builder::{Builder, Items};
pub use dis::{Dis, dis};
pub use error::{Error, ErrorKind, PythonException};
pub use graph::{Loader, Strings, graph};
pub use limits::Limits;
pub use machine::{Machine, MachineError};
pub use memo::Memo;
pub use op::{OpError, Ops, op};
pub use reader::OpReader;
