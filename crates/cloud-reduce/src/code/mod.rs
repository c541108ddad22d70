//! Code objects: how they are pickled.

mod layout;

pub use layout::{CodeField, CodeLayout};
