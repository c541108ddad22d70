//! The object graph that a pickle describes.

mod change;
mod edit;
mod error;
mod graph;
mod id;
mod isomorphic;
mod items;
mod node;
mod repr;
mod step;
mod str;
mod tree;
mod walk;

pub use error::{Error, ErrorKind};
pub use graph::{Graph, IntForm, Names};
pub use id::NodeId;
pub use isomorphic::is_isomorphic;
pub use node::Node;
pub use step::{Step, Steps};
pub use str::{CodePoints, Str};
pub use tree::Tree;
pub use walk::{Children, Walk};
