//! [`Method`], [`MethodDescriptor`] and [`Property`]: what makes functions into attributes of objects and classes.

use pickle_graph::{Graph, NodeId};

use super::{callee::Callee, value::Fields};
use crate::Error;

/// A method bound to the object that it is called on: `types.MethodType`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Method {
    /// The method.
    pub id: NodeId,
    /// `__func__`: what is called.
    pub function: NodeId,
    /// `__self__`: its first argument.
    pub receiver: NodeId,
}

impl Method {
    pub(crate) const MODEL: &'static str = "method";

    /// Reads the bound method that a node is.
    ///
    /// # Errors
    ///
    /// Where the node is no bound method, or made with other than two arguments.
    pub fn read(graph: &Graph, id: NodeId) -> Result<Method, Error> {
        let fields = Fields { graph, model: Self::MODEL, node: id };
        let Some((Callee::Type("MethodType"), args)) = Callee::of_call(graph, id) else { return Err(fields.not_this()) };
        let [function, receiver] = fields.arguments(args)?;
        Ok(Method { id, function, receiver })
    }
}

/// Which descriptor a [`MethodDescriptor`] is.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum MethodKind {
    /// `classmethod`, or `abc.abstractclassmethod`.
    Class,
    /// `staticmethod`, or `abc.abstractstaticmethod`.
    Static,
}

/// A `classmethod` or a `staticmethod`: a function as a class's `__dict__` holds it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct MethodDescriptor {
    /// The descriptor.
    pub id: NodeId,
    /// Which it is.
    pub kind: MethodKind,
    /// Whether its type is that of `abc` that marks it as abstract.
    pub is_abstract: bool,
    /// `__func__`: the function below it.
    pub function: NodeId,
}

impl MethodDescriptor {
    pub(crate) const MODEL: &'static str = "method descriptor";

    /// Reads the `classmethod` or `staticmethod` that a node is.
    ///
    /// # Errors
    ///
    /// Where the node is neither, or made with other than one argument.
    pub fn read(graph: &Graph, id: NodeId) -> Result<MethodDescriptor, Error> {
        let fields = Fields { graph, model: Self::MODEL, node: id };
        let Some((callee, args)) = Callee::of_call(graph, id) else { return Err(fields.not_this()) };
        let (kind, is_abstract) = match callee {
            // On PyPy, `classmethod` says that it is found so.
            Callee::Global("builtins", "classmethod") | Callee::Type("ClassMethodDescriptorType") => (MethodKind::Class, false),
            Callee::Global("builtins", "staticmethod") => (MethodKind::Static, false),
            Callee::Global("abc", "abstractclassmethod") => (MethodKind::Class, true),
            Callee::Global("abc", "abstractstaticmethod") => (MethodKind::Static, true),
            _ => return Err(fields.not_this()),
        };
        let [function] = fields.arguments(args)?;
        Ok(MethodDescriptor { id, kind, is_abstract, function })
    }
}

/// A `property`, with the functions that it calls.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Property {
    /// The property.
    pub id: NodeId,
    /// Whether it is an `abc.abstractproperty`.
    pub is_abstract: bool,
    /// `fget`: what reads it.
    pub getter: Option<NodeId>,
    /// `fset`: what sets it.
    pub setter: Option<NodeId>,
    /// `fdel`: what deletes it.
    pub deleter: Option<NodeId>,
    /// `__doc__`, which need not be a string.
    pub doc: Option<NodeId>,
}

impl Property {
    pub(crate) const MODEL: &'static str = "property";

    /// Reads the property that a node is.
    ///
    /// # Errors
    ///
    /// Where the node is no property, or made with other than four arguments.
    pub fn read(graph: &Graph, id: NodeId) -> Result<Property, Error> {
        let fields = Fields { graph, model: Self::MODEL, node: id };
        let (is_abstract, args) = match Callee::of_call(graph, id) {
            Some((Callee::Global("builtins", "property"), args)) => (false, args),
            Some((Callee::Global("abc", "abstractproperty"), args)) => (true, args),
            _ => return Err(fields.not_this()),
        };
        let [getter, setter, deleter, doc] = fields.arguments(args)?.map(|id| (id != NodeId::NONE).then_some(id));
        Ok(Property { id, is_abstract, getter, setter, deleter, doc })
    }
}
