//! What text arguments mean: the numbers and strings of protocol 0, read as CPython reads them.

mod number;
mod text;

pub use number::{Int, float, int, long, memo_index};
pub use text::{string, unicode};

pub(crate) use number::{IntFault, float_prefix, python_int, trim};
pub(crate) use text::unescape;
