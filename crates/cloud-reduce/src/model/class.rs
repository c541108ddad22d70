//! [`Class`] and [`Enum`]: classes pickled by value.

use pickle_graph::{Graph, Node, NodeId, Step, Str};

use super::{
    callee::Callee,
    fills::{Fills, filled_object},
    value::{Attributes, Fields},
};
use crate::{
    Dialect, Error, ErrorKind, Reconstructor,
    class::{ABC_IMPL, SLOTS},
};

/// A class pickled by value, with all of its attributes. It borrows from the graph.
#[derive(Clone, Copy, Debug)]
pub struct Class<'a> {
    /// The class: the node that its own methods, and everything inside of the class, refer to it by.
    pub id: NodeId,
    /// The call that gave it its attributes and returns it, by which everything outside of the class may refer to it; `None` from
    /// cloudpickle 1.5 on, and from 1.2 on under Python 3.8 and later.
    pub fill: Option<NodeId>,
    /// Whose copy of cloudpickle wrote it.
    pub dialect: Dialect,
    /// What makes it: its metaclass.
    pub metaclass: NodeId,
    /// `__name__`.
    pub name: Str<'a>,
    /// `__bases__`, or `__orig_bases__` where it has them.
    pub bases: &'a [NodeId],
    /// What its namespace has from the start: its `__module__`, in old releases its `__doc__` and `__slots__`.
    pub type_kwargs: Attributes<'a>,
    /// By which a process knows the class again; `None` before cloudpickle 1.1.
    pub tracker_id: Option<Str<'a>>,
    /// Its attributes: methods, properties, class variables, `__doc__`, `__qualname__`, ...
    pub attributes: Attributes<'a>,
    parts: ClassParts,
}

/// An enum pickled by value, with its members and all of its attributes. It borrows from the graph.
#[derive(Clone, Copy, Debug)]
pub struct Enum<'a> {
    /// The enum: the node that its own methods, and everything inside of the enum, refer to it by.
    pub id: NodeId,
    /// The call that gave it its attributes and returns it: as [`Class::fill`].
    pub fill: Option<NodeId>,
    /// Whose copy of cloudpickle wrote it.
    pub dialect: Dialect,
    /// `__bases__`, the last of which is an enum.
    pub bases: &'a [NodeId],
    /// `__name__`.
    pub name: Str<'a>,
    /// `__qualname__`.
    pub qualname: Option<Str<'a>>,
    /// Its members and their values, without aliases.
    pub members: Attributes<'a>,
    /// `__module__`.
    pub module: Option<Str<'a>>,
    /// By which a process knows the enum again.
    pub tracker_id: Option<Str<'a>>,
    /// Its other attributes.
    pub attributes: Attributes<'a>,
    parts: EnumParts,
}

/// The nodes that a class is made of: what [`Class::parts`] reads and [`Writer::class`](crate::Writer::class) writes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ClassParts {
    /// What makes it: its metaclass.
    pub metaclass: NodeId,
    /// `__name__`: a `str`.
    pub name: NodeId,
    /// `__bases__`, or `__orig_bases__` where it has them: a tuple.
    pub bases: NodeId,
    /// A dict of what its namespace has from the start: its `__module__`.
    pub type_kwargs: NodeId,
    /// By which a process knows the class again: a `str`, or `None` for one that is made anew each time.
    pub tracker_id: NodeId,
    /// A dict of its attributes.
    pub attributes: NodeId,
}

/// The nodes that an enum is made of: what [`Enum::parts`] reads and [`Writer::enumeration`](crate::Writer::enumeration) writes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct EnumParts {
    /// `__bases__`: a tuple, the last item of which is an enum.
    pub bases: NodeId,
    /// `__name__`: a `str`.
    pub name: NodeId,
    /// `__qualname__`: a `str`.
    pub qualname: NodeId,
    /// A dict of its members' values.
    pub members: NodeId,
    /// `__module__`: a `str`.
    pub module: NodeId,
    /// By which a process knows the enum again: a `str`, or `None` for one that is made anew each time.
    pub tracker_id: NodeId,
    /// A dict of its other attributes.
    pub attributes: NodeId,
}

impl<'a> Class<'a> {
    pub(crate) const MODEL: &'static str = "class";

    /// Reads the class that a node is.
    ///
    /// To read many, use [`classes`]: a class as cloudpickle wrote them before 1.5 takes a look at the whole graph here.
    ///
    /// # Errors
    ///
    /// Where the node is no class pickled by value, or a part of it is what no cloudpickle writes.
    pub fn read(graph: &'a Graph, id: NodeId) -> Result<Class<'a>, Error> {
        let object = filled_object(graph, id, Reconstructor::RehydrateSkeletonClass);
        Self::read_filled(graph, object, &fills_for(graph, object))
    }

    pub(super) fn read_filled(graph: &'a Graph, id: NodeId, fills: &Fills) -> Result<Class<'a>, Error> {
        let fields = Fields { graph, model: Self::MODEL, node: id };
        let fill = fills.get(id);
        let maker = Maker::of(graph, id, fills).ok_or_else(|| fields.not_this())?;
        let Some([metaclass, name, bases, type_kwargs]) = maker.parts else {
            return Err(fields.error(ErrorKind::ArgumentCount { found: maker.arguments.len() }, ""));
        };
        let attributes = attributes(fields, fill)?;
        Ok(Class {
            id,
            fill,
            dialect: maker.dialect,
            metaclass,
            name: fields.text("name", name)?,
            bases: fields.tuple("bases", bases)?,
            type_kwargs: fields.attributes("type_kwargs", type_kwargs)?,
            tracker_id: fields.optional_text("class_tracker_id", maker.tracker_id)?,
            attributes,
            parts: ClassParts { metaclass, name, bases, type_kwargs, tracker_id: maker.tracker_id, attributes: attributes.id() },
        })
    }

    /// `__module__`, which stands in `type_kwargs` or, in old releases, among the attributes.
    #[must_use]
    pub fn module(&self) -> Option<NodeId> {
        self.type_kwargs.get("__module__").or_else(|| self.attributes.get("__module__"))
    }

    /// The nodes that it is made of. The dict of attributes is `None` where the pickle has none.
    #[must_use]
    pub fn parts(&self) -> ClassParts {
        self.parts
    }

    /// `__doc__`, which need not be a string.
    #[must_use]
    pub fn doc(&self) -> Option<NodeId> {
        let doc = self.attributes.get("__doc__").or_else(|| self.type_kwargs.get("__doc__"));
        doc.filter(|&id| id != NodeId::NONE)
    }

    /// `__annotations__`: a dict. From Python 3.14 on a class has one only where somebody asked for it before the class was
    /// pickled (PEP 649), and it stands under another name.
    #[must_use]
    pub fn annotations(&self) -> Option<NodeId> {
        self.attributes.get("__annotations__").or_else(|| self.attributes.get("__annotations_cache__"))
    }

    /// `__slots__`: a tuple or a list of names, or one name.
    #[must_use]
    pub fn slots(&self) -> Option<NodeId> {
        self.attributes.get(SLOTS).or_else(|| self.type_kwargs.get(SLOTS))
    }

    /// `__type_params__`: a tuple of type variables, from Python 3.12 on.
    #[must_use]
    pub fn type_params(&self) -> Option<NodeId> {
        self.attributes.get("__type_params__")
    }

    /// The classes that are registered with an abstract base class: a list.
    #[must_use]
    pub fn registered(&self) -> Option<NodeId> {
        self.attributes.get(ABC_IMPL)
    }
}

impl<'a> Enum<'a> {
    pub(crate) const MODEL: &'static str = "enum";

    /// Reads the enum that a node is.
    ///
    /// To read many, use [`enums`]: an enum as cloudpickle wrote them before 1.5 takes a look at the whole graph here.
    ///
    /// # Errors
    ///
    /// Where the node is no enum pickled by value, or a part of it is what no cloudpickle writes.
    pub fn read(graph: &'a Graph, id: NodeId) -> Result<Enum<'a>, Error> {
        let object = filled_object(graph, id, Reconstructor::RehydrateSkeletonClass);
        Self::read_filled(graph, object, &fills_for(graph, object))
    }

    pub(super) fn read_filled(graph: &'a Graph, id: NodeId, fills: &Fills) -> Result<Enum<'a>, Error> {
        let fields = Fields { graph, model: Self::MODEL, node: id };
        let Some((Callee::Reconstructor(dialect, Reconstructor::MakeSkeletonEnum), args)) = Callee::of_call(graph, id) else {
            return Err(fields.not_this());
        };
        let [bases, name, qualname, members, module, tracker_id, _extra] = *args else {
            return Err(fields.error(ErrorKind::ArgumentCount { found: args.len() }, ""));
        };
        let fill = fills.get(id);
        let attributes = attributes(fields, fill)?;
        Ok(Enum {
            id,
            fill,
            dialect,
            bases: fields.tuple("bases", bases)?,
            name: fields.text("name", name)?,
            qualname: fields.optional_text("qualname", qualname)?,
            members: fields.attributes("members", members)?,
            module: fields.optional_text("module", module)?,
            tracker_id: fields.optional_text("class_tracker_id", tracker_id)?,
            attributes,
            parts: EnumParts { bases, name, qualname, members, module, tracker_id, attributes: attributes.id() },
        })
    }
}

impl Enum<'_> {
    /// The nodes that it is made of. The dict of attributes is `None` where the pickle has none.
    #[must_use]
    pub fn parts(&self) -> EnumParts {
        self.parts
    }
}

/// A call that makes a class.
struct Maker<'a> {
    dialect: Dialect,
    /// The metaclass and the arguments that it has in all releases, where their number is right.
    parts: Option<[NodeId; 4]>,
    tracker_id: NodeId,
    arguments: &'a [NodeId],
}

impl<'a> Maker<'a> {
    fn of(graph: &'a Graph, id: NodeId, fills: &Fills) -> Option<Maker<'a>> {
        let Node::Reduce { callable, args } = graph.node(id) else { return None };
        let arguments = graph.node(args).as_tuple()?;
        match Callee::of(graph, callable) {
            Callee::Reconstructor(dialect, Reconstructor::MakeSkeletonClass) => {
                let (parts, tracker_id) = match *arguments {
                    [metaclass, name, bases, type_kwargs, tracker_id, _extra] => {
                        (Some([metaclass, name, bases, type_kwargs]), tracker_id)
                    }
                    _ => (None, NodeId::NONE),
                };
                Some(Maker { dialect, parts, tracker_id, arguments })
            }
            Callee::Reconstructor(_, Reconstructor::MakeSkeletonEnum) => None,
            // Before cloudpickle 1.1, the metaclass itself was called.
            _ => {
                let Callee::Reconstructor(dialect, _) = Callee::of_call(graph, fills.get(id)?)?.0 else { return None };
                let parts = match *arguments {
                    [name, bases, type_kwargs] => Some([callable, name, bases, type_kwargs]),
                    _ => None,
                };
                Some(Maker { dialect, parts, tracker_id: NodeId::NONE, arguments })
            }
        }
    }
}

/// The attributes that `_class_setstate` or `_rehydrate_skeleton_class` gives to a class.
fn attributes<'a>(fields: Fields<'a>, fill: Option<NodeId>) -> Result<Attributes<'a>, Error> {
    if let Some(fill) = fill {
        return match Callee::of_call(fields.graph, fill) {
            Some((_, &[_, attributes])) => fields.attributes("class_dict", attributes),
            Some((_, args)) => Err(fields.error(ErrorKind::ArgumentCount { found: args.len() }, "class_dict")),
            None => Ok(fields.no_attributes()),
        };
    }
    let mut attributes = fields.no_attributes();
    for step in fields.graph.steps(fields.node) {
        if let Step::SetState { setter, state } = step
            && let Callee::Reconstructor(_, Reconstructor::ClassSetstate) = Callee::of(fields.graph, setter)
        {
            let [dict, _slots] = fields.state("state", state)?;
            attributes = fields.attributes("state", dict)?;
        }
    }
    Ok(attributes)
}

/// The call that fills the object of a single node; only its graph as a whole can tell.
fn fills_for(graph: &Graph, object: NodeId) -> Fills {
    if graph.steps(object).next().is_some() { Fills::default() } else { Fills::of(graph, Reconstructor::RehydrateSkeletonClass) }
}

/// The classes that a graph holds by value, wherever they are, in the order in which their pickle makes them; enums are not among
/// them.
///
/// Each is an error where its parts are what no cloudpickle writes.
pub fn classes(graph: &Graph) -> impl Iterator<Item = Result<Class<'_>, Error>> {
    let fills = Fills::of(graph, Reconstructor::RehydrateSkeletonClass);
    graph.ids().filter_map(move |id| {
        Maker::of(graph, id, &fills)?;
        Some(Class::read_filled(graph, id, &fills))
    })
}

/// The enums that a graph holds by value, wherever they are, in the order in which their pickle makes them.
///
/// Each is an error where its parts are what no cloudpickle writes.
pub fn enums(graph: &Graph) -> impl Iterator<Item = Result<Enum<'_>, Error>> {
    let fills = Fills::of(graph, Reconstructor::RehydrateSkeletonClass);
    graph.ids().filter_map(move |id| match Callee::of_call(graph, id)? {
        (Callee::Reconstructor(_, Reconstructor::MakeSkeletonEnum), _) => Some(Enum::read_filled(graph, id, &fills)),
        _ => None,
    })
}
