//! What cloudpickle means: functions, classes, code objects and cells.
//!
//! Every fact of the format of cloudpickle 3.1 is stated here once, for picklers of live objects and for programs that read
//! pickles without a Python: the names of the reconstructors ([`names`]), the order in which a function ([`function`]), a class
//! ([`class`]) and a code object ([`code`]) are taken apart, and which globals a function's bytecode names.

pub mod class;
pub mod code;
pub mod function;
pub mod names;
mod version;

pub use names::{Dialect, Reconstructor};
pub use version::{Implementation, PythonVersion};
