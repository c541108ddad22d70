//! What cloudpickle means: functions, classes, code objects and cells.
//!
//! Every fact of the format of cloudpickle 3.1 is stated here once, for picklers of live objects and for programs that read
//! pickles without a Python: the names of the reconstructors ([`names`]), the order in which a function ([`function`]), a class
//! ([`class`]) and a code object ([`code`]) are taken apart, and which globals a function's bytecode names.

pub mod class;
pub mod code;
mod error;
pub mod function;
mod model;
pub mod names;
mod version;

pub use error::{Error, ErrorKind};
pub use model::{Attributes, Captured, Cell, Class, Code, Enum, Function, Names, classes, enums, functions};
pub use names::{Dialect, Reconstructor};
pub use version::{Implementation, PythonVersion};
