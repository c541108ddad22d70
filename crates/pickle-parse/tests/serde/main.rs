//! Reading pickles by serde, from outside.

mod any;
mod golden;
mod hostile;
mod model;
