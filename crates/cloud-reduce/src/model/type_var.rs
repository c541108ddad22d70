//! [`TypeVar`]: a type variable pickled by value.

use pickle_graph::{Graph, NodeId, Str};

use super::{callee::Callee, value::Fields};
use crate::{Dialect, Error, Reconstructor};

/// A `typing.TypeVar` that no import finds.
///
/// One of an importable module is an [`AttributeOf`](super::AttributeOf) that module. Cloudpickle writes a `ParamSpec` or a
/// `TypeVarTuple` as their own reductions tell: as a global, by the name of the module and the variable's own.
#[derive(Clone, Copy, Debug)]
pub struct TypeVar<'a> {
    /// The type variable.
    pub id: NodeId,
    /// Whose copy of cloudpickle wrote it.
    pub dialect: Dialect,
    /// `__name__`.
    pub name: Str<'a>,
    /// `__bound__`, or `None` where it has no bound.
    pub bound: Option<NodeId>,
    /// `__constraints__`.
    pub constraints: &'a [NodeId],
    /// `__covariant__`.
    pub covariant: bool,
    /// `__contravariant__`.
    pub contravariant: bool,
    /// By which a process knows it again.
    pub tracker_id: Option<Str<'a>>,
}

impl<'a> TypeVar<'a> {
    pub(crate) const MODEL: &'static str = "type variable";

    /// Reads the type variable that a node is.
    ///
    /// # Errors
    ///
    /// Where the node is no type variable pickled by value, or a part of it is what no cloudpickle writes.
    pub fn read(graph: &'a Graph, id: NodeId) -> Result<TypeVar<'a>, Error> {
        let fields = Fields { graph, model: Self::MODEL, node: id };
        let Some((Callee::Reconstructor(dialect, Reconstructor::MakeTypevar), args)) = Callee::of_call(graph, id) else {
            return Err(fields.not_this());
        };
        let [name, bound, constraints, covariant, contravariant, tracker_id] = fields.arguments(args)?;
        Ok(TypeVar {
            id,
            dialect,
            name: fields.text("name", name)?,
            bound: (bound != NodeId::NONE).then_some(bound),
            constraints: fields.tuple("constraints", constraints)?,
            covariant: fields.bool("covariant", covariant)?,
            contravariant: fields.bool("contravariant", contravariant)?,
            tracker_id: fields.optional_text("class_tracker_id", tracker_id)?,
        })
    }
}
