//! [`IdentifiedFunction`]: a function whose code is not in the pickle.

use pickle_graph::{Graph, NodeId, Step, Str};

use super::{
    callee::Callee,
    function::FunctionParts,
    value::{Attributes, Fields},
};
use crate::{Dialect, Error, ErrorKind, Reconstructor};

/// A function that is pickled with its state but without its code, which is found, where it is loaded, by an identifier: what
/// Beam's copy of cloudpickle writes where stable code identifiers are asked for. It borrows from the graph.
#[derive(Clone, Copy, Debug)]
pub struct IdentifiedFunction<'a> {
    /// The function.
    pub id: NodeId,
    /// Whose copy of cloudpickle wrote it.
    pub dialect: Dialect,
    /// What is called with the identifier and returns the code: Beam's is
    /// `apache_beam.internal.code_object_pickler.get_code_from_identifier`.
    pub finder: NodeId,
    /// Where the code is: a module that is imported already, then attributes and constants, such as
    /// `jobs.daily.main.__code__.co_consts[<lambda>, ('x',)]`.
    pub identifier: Str<'a>,
    /// `__name__`.
    pub name: Str<'a>,
    /// `__qualname__`.
    pub qualname: Str<'a>,
    /// `__module__`.
    pub module: Option<Str<'a>>,
    /// The globals that its code names.
    pub globals: Attributes<'a>,
    /// `__defaults__`: the values of the last positional parameters.
    pub defaults: &'a [NodeId],
    /// All that it is made of, as a [`Function`](super::Function) is; but `code` is the identifier.
    pub parts: FunctionParts,
}

impl<'a> IdentifiedFunction<'a> {
    pub(crate) const MODEL: &'static str = "function by identifier";

    /// Reads the function that a node is.
    ///
    /// # Errors
    ///
    /// Where the node is no such function, or a part of it is what Beam does not write.
    pub fn read(graph: &'a Graph, id: NodeId) -> Result<IdentifiedFunction<'a>, Error> {
        let fields = Fields { graph, model: Self::MODEL, node: id };
        let Some((Callee::FunctionFinder(dialect, finder), args)) = Callee::of_call(graph, id) else {
            return Err(fields.not_this());
        };
        let &[identifier, base_globals, _, _] = args else {
            return Err(fields.error(ErrorKind::ArgumentCount { found: args.len() }, ""));
        };
        let state = graph.steps(id).find_map(|step| match step {
            Step::SetState { setter, state } => match Callee::of(graph, setter) {
                Callee::Reconstructor(_, Reconstructor::FunctionSetstate) => Some(state),
                _ => None,
            },
            _ => None,
        });
        let state = state.ok_or_else(|| fields.missing("state"))?;
        let (parts, _) = FunctionParts::of_state(fields, [identifier, base_globals, NodeId::NONE], state)?;
        fields.attributes("globals", base_globals)?;
        fields.attributes("__dict__", parts.dict)?;
        Ok(IdentifiedFunction {
            id,
            dialect,
            finder,
            identifier: fields.text("code_path", identifier)?,
            name: fields.text("__name__", parts.name)?,
            qualname: fields.text("__qualname__", parts.qualname)?,
            module: fields.optional_text("__module__", parts.module)?,
            globals: fields.attributes("__globals__", parts.globals)?,
            defaults: fields.optional_tuple("__defaults__", parts.defaults)?.unwrap_or_default(),
            parts,
        })
    }
}

/// The functions of a graph whose code is found by an identifier, in the order in which their pickle makes them.
///
/// Each is an error where its parts are what Beam does not write.
pub fn identified_functions(graph: &Graph) -> impl Iterator<Item = Result<IdentifiedFunction<'_>, Error>> {
    let is_one = |id: &NodeId| matches!(Callee::of_call(graph, *id), Some((Callee::FunctionFinder(..), _)));
    graph.ids().filter(is_one).map(|id| IdentifiedFunction::read(graph, id))
}
