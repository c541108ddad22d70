//! [`Partial`] and [`Call`]: functions with their arguments.

use pickle_graph::{Graph, Node, NodeId, Step};

use super::{
    callee::Callee,
    value::{Attributes, Fields},
};
use crate::{Dialect, Error, Reconstructor};

/// A `functools.partial`: a function with some of its arguments.
#[derive(Clone, Copy, Debug)]
pub struct Partial<'a> {
    /// The partial.
    pub id: NodeId,
    /// `func`: what it calls.
    pub function: NodeId,
    /// `args`: its first positional arguments.
    pub args: &'a [NodeId],
    /// `keywords`: its keyword arguments.
    pub kwargs: Attributes<'a>,
    /// Its own attributes: its `__dict__`.
    pub dict: Attributes<'a>,
}

impl<'a> Partial<'a> {
    pub(crate) const MODEL: &'static str = "partial";

    /// Reads the partial that a node is.
    ///
    /// # Errors
    ///
    /// Where the node is no `functools.partial`, or a part of it is what Python does not write.
    pub fn read(graph: &'a Graph, id: NodeId) -> Result<Partial<'a>, Error> {
        let fields = Fields { graph, model: Self::MODEL, node: id };
        let (function, args, kwargs, dict) = match Callee::of_call(graph, id) {
            Some((Callee::Global("functools", "partial"), _)) => match graph.steps(id).next() {
                Some(Step::Build(state)) => match graph.node(state) {
                    Node::Tuple(&[function, args, kwargs, dict]) => (function, args, kwargs, dict),
                    _ => return Err(fields.wrong("state", "a tuple of four", state)),
                },
                _ => return Err(fields.missing("state")),
            },
            Some((Callee::Reconstructor(_, Reconstructor::Genpartial), args)) => {
                let [function, args, kwargs] = fields.arguments(args)?;
                (function, args, kwargs, NodeId::NONE)
            }
            _ => return Err(fields.not_this()),
        };
        Ok(Partial {
            id,
            function,
            args: fields.optional_tuple("args", args)?.unwrap_or_default(),
            kwargs: fields.optional_attributes("keywords", kwargs)?,
            dict: fields.optional_attributes("__dict__", dict)?,
        })
    }
}

/// A call of one of cloudpickle's functions that no other model is made by: `_gen_ellipsis()`, `_restore_attr(obj, attr)` and
/// others of past releases.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Call<'a> {
    /// The call.
    pub id: NodeId,
    /// Whose copy of cloudpickle wrote it.
    pub dialect: Dialect,
    /// What is called.
    pub reconstructor: Reconstructor,
    /// The arguments, which may be more or fewer than [`Reconstructor::parameters`].
    pub args: &'a [NodeId],
}

impl<'a> Call<'a> {
    pub(crate) const MODEL: &'static str = "call of a reconstructor";

    /// Reads the call that a node is, of whichever of cloudpickle's functions.
    ///
    /// # Errors
    ///
    /// Where the node is no such call.
    pub fn read(graph: &'a Graph, id: NodeId) -> Result<Call<'a>, Error> {
        match Callee::of_call(graph, id) {
            Some((Callee::Reconstructor(dialect, reconstructor), args)) => Ok(Call { id, dialect, reconstructor, args }),
            _ => Err(Fields { graph, model: Self::MODEL, node: id }.not_this()),
        }
    }
}
