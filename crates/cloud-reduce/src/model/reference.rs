//! [`BuiltinType`], [`AttributeOf`], [`Logger`], [`FieldKind`]: objects that are found again, not made again.

use pickle_graph::{Graph, Node, NodeId, Str};

use super::{callee::Callee, value::Fields};
use crate::{Error, ErrorKind, Reconstructor};

/// A type of the interpreter, as `types.CodeType`, by the name that it has in `types`; also the types of `None`, `Ellipsis` and
/// `NotImplemented`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BuiltinType<'a> {
    /// The type.
    pub id: NodeId,
    /// Its name in `types`, such as `CodeType` or `NoneType`.
    pub name: Str<'a>,
}

impl<'a> BuiltinType<'a> {
    pub(crate) const MODEL: &'static str = "builtin type";

    /// Reads the type that a node is: a call of `_builtin_type`, or of `type` with one of the three single objects.
    ///
    /// # Errors
    ///
    /// Where the node is neither, or the name is no string.
    pub fn read(graph: &'a Graph, id: NodeId) -> Result<BuiltinType<'a>, Error> {
        let fields = Fields { graph, model: Self::MODEL, node: id };
        let name = match Callee::of_call(graph, id) {
            Some((Callee::Reconstructor(_, Reconstructor::BuiltinType), args)) => {
                let [name] = fields.arguments(args)?;
                fields.text("name", name)?
            }
            Some((Callee::Global("builtins", "type"), &[single])) => {
                single_type(graph, single).ok_or_else(|| fields.not_this())?.into()
            }
            _ => return Err(fields.not_this()),
        };
        Ok(BuiltinType { id, name })
    }
}

/// The name in `types` of the type of `None`, `Ellipsis` or `NotImplemented`.
fn single_type(graph: &Graph, id: NodeId) -> Option<&'static str> {
    match Callee::of(graph, id) {
        Callee::Global("builtins", "Ellipsis") => return Some("EllipsisType"),
        Callee::Global("builtins", "NotImplemented") => return Some("NotImplementedType"),
        _ => {}
    }
    match Callee::of_call(graph, id) {
        Some((Callee::Reconstructor(_, Reconstructor::GenEllipsis), [])) => Some("EllipsisType"),
        Some((Callee::Reconstructor(_, Reconstructor::GenNotImplemented), [])) => Some("NotImplementedType"),
        _ => matches!(graph.node(id), Node::None).then_some("NoneType"),
    }
}

/// What `getattr` finds: a method or a descriptor of a class, a type variable of a module, `sys.stdout`, a method of an object.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AttributeOf<'a> {
    /// The attribute.
    pub id: NodeId,
    /// What has it.
    pub object: NodeId,
    /// Its name.
    pub name: Str<'a>,
}

impl<'a> AttributeOf<'a> {
    pub(crate) const MODEL: &'static str = "attribute";

    /// Reads the attribute that a node is: a call of `getattr` with an object and a name.
    ///
    /// # Errors
    ///
    /// Where the node is no such call, or the name is no string.
    pub fn read(graph: &'a Graph, id: NodeId) -> Result<AttributeOf<'a>, Error> {
        let fields = Fields { graph, model: Self::MODEL, node: id };
        let Some((Callee::Global("builtins", "getattr"), args)) = Callee::of_call(graph, id) else {
            return Err(fields.not_this());
        };
        let [object, name] = fields.arguments(args)?;
        Ok(AttributeOf { id, object, name: fields.text("name", name)? })
    }
}

/// A `logging.Logger`, by its name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Logger<'a> {
    /// The logger.
    pub id: NodeId,
    /// Its name, or `None` for the root logger.
    pub name: Option<Str<'a>>,
}

impl<'a> Logger<'a> {
    pub(crate) const MODEL: &'static str = "logger";

    /// Reads the logger that a node is: a call of `logging.getLogger`.
    ///
    /// # Errors
    ///
    /// Where the node is no such call, or the name is no string.
    pub fn read(graph: &'a Graph, id: NodeId) -> Result<Logger<'a>, Error> {
        let fields = Fields { graph, model: Self::MODEL, node: id };
        let Some((Callee::Global("logging", "getLogger"), args)) = Callee::of_call(graph, id) else {
            return Err(fields.not_this());
        };
        let name = match *args {
            [] => None,
            [name] => fields.optional_text("name", name)?,
            _ => return Err(fields.error(ErrorKind::ArgumentCount { found: args.len() }, "")),
        };
        Ok(Logger { id, name })
    }
}

/// The object by which `dataclasses` marks a kind of field, as classes made by `@dataclass` refer to it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FieldKind<'a> {
    /// The object.
    pub id: NodeId,
    /// Its name: `_FIELD`, `_FIELD_CLASSVAR` or `_FIELD_INITVAR`.
    pub name: Str<'a>,
}

impl<'a> FieldKind<'a> {
    pub(crate) const MODEL: &'static str = "kind of field";

    /// Reads the kind of field that a node is.
    ///
    /// # Errors
    ///
    /// Where the node is none, or the name is no string.
    pub fn read(graph: &'a Graph, id: NodeId) -> Result<FieldKind<'a>, Error> {
        let fields = Fields { graph, model: Self::MODEL, node: id };
        match Callee::of_call(graph, id) {
            Some((Callee::Reconstructor(_, Reconstructor::GetDataclassFieldTypeSentinel), args)) => {
                let [name] = fields.arguments(args)?;
                Ok(FieldKind { id, name: fields.text("name", name)? })
            }
            _ => Err(fields.not_this()),
        }
    }
}
