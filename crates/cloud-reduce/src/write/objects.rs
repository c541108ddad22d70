//! Modules, methods, properties, type variables, views and other objects that are one call each.

use pickle_graph::{Node, NodeId};

use super::Writer;
use crate::{DictViewKind, MethodKind, Reconstructor};

impl Writer<'_> {
    /// A module that is imported by its full name.
    pub fn import(&mut self, name: &str) -> NodeId {
        let name = self.text(name);
        self.reconstruct(Reconstructor::Subimport, &[name])
    }

    /// A module made of its name and a dict of its attributes.
    pub fn module(&mut self, name: &str, attributes: NodeId) -> NodeId {
        let name = self.text(name);
        self.reconstruct(Reconstructor::DynamicSubimport, &[name, attributes])
    }

    /// A type of the interpreter, by its name in `types`: `CodeType`, `MethodType`, ... (`types` names those of
    /// `None`, `Ellipsis` and `NotImplemented` from Python 3.10 on.)
    pub fn builtin_type(&mut self, name: &str) -> NodeId {
        if let Some(&id) = self.types.get(name) {
            return id;
        }
        let text = self.text(name);
        let id = self.reconstruct(Reconstructor::BuiltinType, &[text]);
        self.types.insert(name.to_owned(), id);
        id
    }

    /// A method bound to the object that it is called on.
    pub fn method(&mut self, function: NodeId, receiver: NodeId) -> NodeId {
        let callable = self.builtin_type("MethodType");
        self.reduce(callable, &[function, receiver])
    }

    /// A `classmethod` or `staticmethod` of a function.
    pub fn method_descriptor(&mut self, kind: MethodKind, function: NodeId) -> NodeId {
        let callable = self.global(
            "builtins",
            match kind {
                MethodKind::Class => "classmethod",
                MethodKind::Static => "staticmethod",
            },
        );
        self.reduce(callable, &[function])
    }

    /// A `property` of functions that read, set and delete it, and its documentation: [`NodeId::NONE`] for each that it lacks.
    pub fn property(&mut self, getter: NodeId, setter: NodeId, deleter: NodeId, doc: NodeId) -> NodeId {
        let callable = self.global("builtins", "property");
        self.reduce(callable, &[getter, setter, deleter, doc])
    }

    /// A type variable with its bound (or [`NodeId::NONE`]), its constraints, and whether it is covariant and contravariant. It
    /// is made anew whenever it is loaded.
    pub fn type_var(
        &mut self,
        name: &str,
        bound: NodeId,
        constraints: &[NodeId],
        [covariant, contravariant]: [bool; 2],
    ) -> NodeId {
        let (name, constraints) = (self.text(name), self.tuple(constraints));
        let (covariant, contravariant) = (self.value(covariant), self.value(contravariant));
        self.reconstruct(Reconstructor::MakeTypevar, &[name, bound, constraints, covariant, contravariant, NodeId::NONE])
    }

    /// A view of a dict, or of an `OrderedDict`, that shows a list of keys or values or a dict of items.
    pub fn dict_view(&mut self, kind: DictViewKind, contents: NodeId, is_ordered: bool) -> NodeId {
        let reconstructor = match kind {
            DictViewKind::Keys => Reconstructor::MakeDictKeys,
            DictViewKind::Values => Reconstructor::MakeDictValues,
            DictViewKind::Items => Reconstructor::MakeDictItems,
        };
        let args: &[NodeId] = if is_ordered { &[contents, NodeId::TRUE] } else { &[contents] };
        self.reconstruct(reconstructor, args)
    }

    /// A `types.MappingProxyType` of a dict.
    pub fn mapping_proxy(&mut self, dict: NodeId) -> NodeId {
        let callable = self.builtin_type("MappingProxyType");
        self.reduce(callable, &[dict])
    }

    /// A `weakref.WeakSet` of items.
    pub fn weak_set(&mut self, items: &[NodeId]) -> NodeId {
        let callable = self.global("_weakrefset", "WeakSet");
        let items = self.graph.push(Node::List(items));
        self.reduce(callable, &[items])
    }

    /// A `logging.Logger` by its name, or the root logger.
    pub fn logger(&mut self, name: Option<&str>) -> NodeId {
        let callable = self.global("logging", "getLogger");
        let name = name.map(|name| self.text(name));
        self.reduce(callable, name.as_slice())
    }

    /// An attribute of an object, as `getattr` finds it.
    pub fn attribute(&mut self, object: NodeId, name: &str) -> NodeId {
        let (callable, name) = (self.global("builtins", "getattr"), self.text(name));
        self.reduce(callable, &[object, name])
    }

    /// What `dataclasses` marks a kind of field with: `_FIELD`, `_FIELD_CLASSVAR` or `_FIELD_INITVAR`.
    pub fn field_kind(&mut self, name: &str) -> NodeId {
        let name = self.text(name);
        self.reconstruct(Reconstructor::GetDataclassFieldTypeSentinel, &[name])
    }

    /// A text file that is at a character: it loads as an `io.StringIO` with a `name`.
    pub fn text_file(&mut self, name: &str, contents: &str, position: i64) -> NodeId {
        let class = self.global("_io", "StringIO");
        let buffer = self.graph.push(Node::NewObj { class, args: NodeId::EMPTY_TUPLE });
        let (key, name) = (self.text("name"), self.text(name));
        let state = [self.text(contents), self.text("\n"), self.value(position), self.graph.push(Node::Dict(&[[key, name]]))];
        let state = self.tuple(&state);
        self.graph.build(buffer, state);
        self.reconstruct(Reconstructor::FileReconstructor, &[buffer])
    }
}
