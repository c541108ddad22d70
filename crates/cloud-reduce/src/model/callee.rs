//! [`Callee`]: what a call in a pickle calls, as far as cloudpickle has to do with it.

use pickle_graph::{Graph, Node, NodeId, Step};

use crate::{Dialect, Reconstructor, names::MAKE_FUNCTION_FROM_IDENTIFIER};

/// What a call in a pickle calls, as far as cloudpickle has to do with it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Callee<'a> {
    /// One of cloudpickle's functions.
    Reconstructor(Dialect, Reconstructor),
    /// What makes a function of code that is found by an identifier, and the function that finds it.
    FunctionFinder(Dialect, NodeId),
    /// A type, by its name in the `types` module.
    Type(&'a str),
    /// Another object of a module; that of builtins is `builtins` here, as in Python 3.
    Global(&'a str, &'a str),
    /// What is no object of a module.
    Other,
}

impl<'a> Callee<'a> {
    pub(crate) fn of(graph: &'a Graph, id: NodeId) -> Callee<'a> {
        match graph.node(id) {
            // So that a forged name of a megabyte is not read anew for each call.
            Node::Global { module, name } if module.len() + name.len() > 256 => Callee::Other,
            Node::Global { module, name } => match (module.as_str(), name.as_str()) {
                (Some(module), Some(name)) => Callee::of_global(module, name),
                _ => Callee::Other,
            },
            Node::Reduce { callable, args } => {
                let Some((module, name)) = graph.node(callable).as_global() else { return Callee::Other };
                match (Callee::of_global(module, name), graph.node(args).as_tuple()) {
                    (Callee::Reconstructor(_, Reconstructor::BuiltinType), Some(&[name])) => {
                        match graph.node(name).as_str() {
                            // What releases before 1.3 called `type`.
                            Some("ClassType") => Callee::Global("builtins", "type"),
                            name => name.map_or(Callee::Other, Callee::Type),
                        }
                    }
                    // Beam calls its reconstructors with a keyword argument or two.
                    (Callee::Global("functools", "partial"), _) => match graph.steps(id).next() {
                        Some(Step::Build(state)) => Callee::of_partial(graph, state),
                        _ => Callee::Other,
                    },
                    _ => Callee::Other,
                }
            }
            _ => Callee::Other,
        }
    }

    fn of_global(module: &'a str, name: &'a str) -> Callee<'a> {
        match (module, name) {
            ("types", name) => Callee::Type(name),
            ("__builtin__", name) => Callee::Global("builtins", name),
            (module, name) => match Reconstructor::from_global(module, name) {
                Some((dialect, reconstructor)) => Callee::Reconstructor(dialect, reconstructor),
                None => Callee::Global(module, name),
            },
        }
    }

    /// What a `functools.partial` calls, out of its state: a reconstructor, if the partial has no positional arguments, or what
    /// makes a function of the code that its only one finds.
    fn of_partial(graph: &'a Graph, state: NodeId) -> Callee<'a> {
        let Some(&[function, args, _, _]) = graph.node(state).as_tuple() else { return Callee::Other };
        let Some((module, name)) = graph.node(function).as_global() else { return Callee::Other };
        match (graph.node(args).as_tuple(), Callee::of_global(module, name)) {
            (Some([]), reconstructor @ Callee::Reconstructor(..)) => reconstructor,
            (Some(&[finder]), Callee::Global(module, MAKE_FUNCTION_FROM_IDENTIFIER)) => {
                Dialect::from_module(module).map_or(Callee::Other, |dialect| Callee::FunctionFinder(dialect, finder))
            }
            _ => Callee::Other,
        }
    }

    /// What a node calls, and the arguments, where it is a call.
    pub(crate) fn of_call(graph: &'a Graph, id: NodeId) -> Option<(Callee<'a>, &'a [NodeId])> {
        match graph.node(id) {
            Node::Reduce { callable, args } => Some((Callee::of(graph, callable), graph.node(args).as_tuple()?)),
            _ => None,
        }
    }
}
