//! [`DictView`], [`MappingProxy`], [`WeakSet`], [`MemoryView`] and [`NamedTuple`]: containers that `pickle` alone cannot write, or
//! not where they were made.

use std::borrow::Cow;

use pickle_graph::{Graph, Node, NodeId, Str};

use super::{
    callee::Callee,
    value::{Attributes, Fields, Names, bytes},
};
use crate::{Dialect, Error, ErrorKind, Reconstructor};

/// Which view of a dict a [`DictView`] is.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum DictViewKind {
    /// `dict.keys()`.
    Keys,
    /// `dict.values()`.
    Values,
    /// `dict.items()`.
    Items,
}

/// A view of a dict or of an `OrderedDict`. The pickle has only what the view shows.
#[derive(Clone, Copy, Debug)]
pub struct DictView<'a> {
    /// The view.
    pub id: NodeId,
    /// Whose copy of cloudpickle wrote it.
    pub dialect: Dialect,
    /// Which view it is.
    pub kind: DictViewKind,
    /// Whether it is the view of an `OrderedDict`.
    pub is_ordered: bool,
    /// The list of keys or values, or the dict of items, that it is made from.
    pub contents: NodeId,
    shown: &'a [NodeId],
}

impl<'a> DictView<'a> {
    pub(crate) const MODEL: &'static str = "dict view";

    /// Reads the view that a node is.
    ///
    /// # Errors
    ///
    /// Where the node is no view of a dict, or a part of it is what no cloudpickle writes.
    pub fn read(graph: &'a Graph, id: NodeId) -> Result<DictView<'a>, Error> {
        let fields = Fields { graph, model: Self::MODEL, node: id };
        let Some((Callee::Reconstructor(dialect, reconstructor), args)) = Callee::of_call(graph, id) else {
            return Err(fields.not_this());
        };
        let kind = match reconstructor {
            Reconstructor::MakeDictKeys => DictViewKind::Keys,
            Reconstructor::MakeDictValues => DictViewKind::Values,
            Reconstructor::MakeDictItems => DictViewKind::Items,
            _ => return Err(fields.not_this()),
        };
        let (contents, is_ordered) = match *args {
            [contents] => (contents, false),
            [contents, is_ordered] => (contents, fields.bool("is_ordered", is_ordered)?),
            _ => return Err(fields.error(ErrorKind::ArgumentCount { found: args.len() }, "")),
        };
        let shown = match kind {
            DictViewKind::Items => fields.attributes("obj", contents)?.items().as_flattened(),
            DictViewKind::Keys | DictViewKind::Values => fields.list("obj", contents)?,
        };
        Ok(DictView { id, dialect, kind, is_ordered, contents, shown })
    }

    /// The keys or the values that it shows; of items, keys and values by turns.
    #[must_use]
    pub fn shown(&self) -> &'a [NodeId] {
        self.shown
    }
}

/// A `types.MappingProxyType`: a dict that cannot be changed through it.
#[derive(Clone, Copy, Debug)]
pub struct MappingProxy<'a> {
    /// The proxy.
    pub id: NodeId,
    /// The dict below it.
    pub dict: Attributes<'a>,
}

impl<'a> MappingProxy<'a> {
    pub(crate) const MODEL: &'static str = "mapping proxy";

    /// Reads the proxy that a node is.
    ///
    /// # Errors
    ///
    /// Where the node is no `types.MappingProxyType`, or not of one dict.
    pub fn read(graph: &'a Graph, id: NodeId) -> Result<MappingProxy<'a>, Error> {
        let fields = Fields { graph, model: Self::MODEL, node: id };
        let Some((Callee::Type("MappingProxyType"), args)) = Callee::of_call(graph, id) else { return Err(fields.not_this()) };
        let [dict] = fields.arguments(args)?;
        Ok(MappingProxy { id, dict: fields.mapping("mapping", dict)? })
    }
}

/// A `weakref.WeakSet`: a set that does not keep its items alive. The pickle does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct WeakSet<'a> {
    /// The set.
    pub id: NodeId,
    /// Its items.
    pub items: &'a [NodeId],
}

impl<'a> WeakSet<'a> {
    pub(crate) const MODEL: &'static str = "weak set";

    /// Reads the weak set that a node is.
    ///
    /// # Errors
    ///
    /// Where the node is no `weakref.WeakSet`, or not of one list.
    pub fn read(graph: &'a Graph, id: NodeId) -> Result<WeakSet<'a>, Error> {
        let fields = Fields { graph, model: Self::MODEL, node: id };
        // The module is where the class is defined.
        let Some((Callee::Global("_weakrefset" | "weakref", "WeakSet"), args)) = Callee::of_call(graph, id) else {
            return Err(fields.not_this());
        };
        let [items] = fields.arguments(args)?;
        Ok(WeakSet { id, items: fields.list("data", items)? })
    }
}

/// What stands for a `memoryview`: from cloudpickle 1.2 on a call of `bytes`. It loads as a `bytes` object.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MemoryView<'a> {
    /// The call.
    pub id: NodeId,
    /// What the view showed.
    pub bytes: Cow<'a, [u8]>,
}

impl<'a> MemoryView<'a> {
    pub(crate) const MODEL: &'static str = "memoryview";

    /// Reads the memoryview that a node is.
    ///
    /// # Errors
    ///
    /// Where the node is no call of `bytes` with one `bytes` object.
    pub fn read(graph: &'a Graph, id: NodeId) -> Result<MemoryView<'a>, Error> {
        let fields = Fields { graph, model: Self::MODEL, node: id };
        let Some((Callee::Global("builtins", "bytes"), &[source])) = Callee::of_call(graph, id) else {
            return Err(fields.not_this());
        };
        let bytes = bytes(graph, source).ok_or_else(|| fields.not_this())?;
        Ok(MemoryView { id, bytes })
    }
}

/// A named tuple, or the class of named tuples, as PySpark writes those of `__main__` and of the shell: by the names of its
/// fields.
#[derive(Clone, Copy, Debug)]
pub struct NamedTuple<'a> {
    /// The tuple or the class.
    pub id: NodeId,
    /// `__name__` of the class.
    pub name: Str<'a>,
    /// `_fields`: the names of its fields.
    pub fields: Names<'a>,
    /// The values of a tuple's fields, or `None` where it is the class.
    pub values: Option<&'a [NodeId]>,
}

impl<'a> NamedTuple<'a> {
    pub(crate) const MODEL: &'static str = "named tuple";

    /// Reads the named tuple that a node is: a call of `pyspark.serializers._restore` or, before Spark 3, of
    /// `pyspark.cloudpickle._load_namedtuple`.
    ///
    /// # Errors
    ///
    /// Where the node is neither, or a part of it is what no PySpark writes.
    pub fn read(graph: &'a Graph, id: NodeId) -> Result<NamedTuple<'a>, Error> {
        let fields = Fields { graph, model: Self::MODEL, node: id };
        let (name, names, values) = match Callee::of_call(graph, id) {
            Some((Callee::Global("pyspark.serializers", "_restore"), args)) => {
                let [name, names, values] = fields.arguments(args)?;
                (name, names, Some(fields.tuple("value", values)?))
            }
            Some((Callee::Global("pyspark.cloudpickle", "_load_namedtuple"), args)) => {
                let [name, names] = fields.arguments(args)?;
                (name, names, None)
            }
            _ => return Err(fields.not_this()),
        };
        let items = match graph.node(names) {
            Node::List(items) => items,
            _ => fields.tuple("fields", names)?,
        };
        Ok(NamedTuple { id, name: fields.text("name", name)?, fields: Names::new(graph, items), values })
    }
}
