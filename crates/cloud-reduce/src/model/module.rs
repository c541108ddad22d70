//! [`Module`]: a module, by name or by value.

use pickle_graph::{Graph, NodeId, Str};

use super::{
    callee::Callee,
    value::{Attributes, Fields},
};
use crate::{Dialect, Error, Reconstructor};

/// A module: one to import, or one that no import finds and that is pickled with all that it holds.
#[derive(Clone, Copy, Debug)]
pub struct Module<'a> {
    /// The module.
    pub id: NodeId,
    /// Whose copy of cloudpickle wrote it.
    pub dialect: Dialect,
    /// `__name__`, with the packages that it is in.
    pub name: Str<'a>,
    /// The attributes of a module pickled by value, or `None` where it is imported by its name.
    pub attributes: Option<Attributes<'a>>,
}

impl<'a> Module<'a> {
    pub(crate) const MODEL: &'static str = "module";

    /// Reads the module that a node is: a call of `subimport` or `dynamic_subimport`.
    ///
    /// # Errors
    ///
    /// Where the node is no module, or a part of it is what no cloudpickle writes.
    pub fn read(graph: &'a Graph, id: NodeId) -> Result<Module<'a>, Error> {
        let fields = Fields { graph, model: Self::MODEL, node: id };
        match Callee::of_call(graph, id) {
            Some((Callee::Reconstructor(dialect, Reconstructor::Subimport), args)) => {
                let [name] = fields.arguments(args)?;
                Ok(Module { id, dialect, name: fields.text("name", name)?, attributes: None })
            }
            Some((Callee::Reconstructor(dialect, Reconstructor::DynamicSubimport), args)) => {
                let [name, vars] = fields.arguments(args)?;
                let attributes = Some(fields.attributes("vars", vars)?);
                Ok(Module { id, dialect, name: fields.text("name", name)?, attributes })
            }
            _ => Err(fields.not_this()),
        }
    }

    /// Whether it is pickled by value.
    #[must_use]
    pub fn is_dynamic(&self) -> bool {
        self.attributes.is_some()
    }
}
