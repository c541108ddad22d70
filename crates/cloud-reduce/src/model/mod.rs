//! What the nodes of a graph are to cloudpickle: functions, classes, cells and all else that its reducers write.

mod call;
mod callee;
mod cell;
mod class;
mod code;
mod container;
mod file;
mod fills;
mod function;
mod identified;
mod method;
mod module;
mod reference;
mod shared_cells;
mod type_var;
mod value;

pub use call::{Call, Partial};
pub use cell::Cell;
pub use class::{Class, ClassParts, Enum, EnumParts, classes, enums};
pub use code::{Code, Variables};
pub use container::{DictView, DictViewKind, MappingProxy, MemoryView, NamedTuple, WeakSet};
pub use file::TextFile;
pub use function::{Captured, Function, FunctionParts, functions};
pub use identified::{IdentifiedFunction, identified_functions};
pub use method::{Method, MethodDescriptor, MethodKind, Property};
pub use module::Module;
pub use reference::{AttributeOf, BuiltinType, FieldKind, Logger};
pub use type_var::TypeVar;
pub use value::{Attributes, Names};

use pickle_graph::{Graph, NodeId};

use crate::{Dialect, Error, Reconstructor};
pub(crate) use callee::Callee;
use fills::Fills;
pub(crate) use shared_cells::SharedCells;
pub(crate) use value::bytes;

/// Whatever cloudpickle's reducers write: found by [`Models`].
#[derive(Clone, Debug)]
#[non_exhaustive]
#[expect(clippy::large_enum_variant, reason = "functions are what most pickles hold, and models are read one at a time")]
pub enum Model<'a> {
    /// A function.
    Function(Function<'a>),
    /// A function whose code is not in the pickle.
    IdentifiedFunction(IdentifiedFunction<'a>),
    /// A class that is no enum.
    Class(Class<'a>),
    /// An enum.
    Enum(Enum<'a>),
    /// A code object, of a function or nested in another.
    Code(Code<'a>),
    /// A closure cell.
    Cell(Cell),
    /// A module.
    Module(Module<'a>),
    /// A bound method.
    Method(Method),
    /// A `classmethod` or `staticmethod`.
    MethodDescriptor(MethodDescriptor),
    /// A `property`.
    Property(Property),
    /// A type variable.
    TypeVar(TypeVar<'a>),
    /// A view of a dict.
    DictView(DictView<'a>),
    /// A `types.MappingProxyType`.
    MappingProxy(MappingProxy<'a>),
    /// A `weakref.WeakSet`.
    WeakSet(WeakSet<'a>),
    /// A `memoryview`, as bytes.
    MemoryView(MemoryView<'a>),
    /// A named tuple of PySpark's, or its class.
    NamedTuple(NamedTuple<'a>),
    /// A text file.
    TextFile(TextFile<'a>),
    /// A type of the interpreter.
    BuiltinType(BuiltinType<'a>),
    /// An attribute of another object.
    AttributeOf(AttributeOf<'a>),
    /// A `logging.Logger`.
    Logger(Logger<'a>),
    /// What `dataclasses` marks a field with.
    FieldKind(FieldKind<'a>),
    /// A `functools.partial`.
    Partial(Partial<'a>),
    /// Another call of one of cloudpickle's functions.
    Call(Call<'a>),
}

impl Model<'_> {
    /// What it is, as errors call it: `"function"`, `"class"`, `"dict view"`, ...
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Model::Function(_) => Function::MODEL,
            Model::IdentifiedFunction(_) => IdentifiedFunction::MODEL,
            Model::Class(_) => Class::MODEL,
            Model::Enum(_) => Enum::MODEL,
            Model::Code(_) => Code::MODEL,
            Model::Cell(_) => Cell::MODEL,
            Model::Module(_) => Module::MODEL,
            Model::Method(_) => Method::MODEL,
            Model::MethodDescriptor(_) => MethodDescriptor::MODEL,
            Model::Property(_) => Property::MODEL,
            Model::TypeVar(_) => TypeVar::MODEL,
            Model::DictView(_) => DictView::MODEL,
            Model::MappingProxy(_) => MappingProxy::MODEL,
            Model::WeakSet(_) => WeakSet::MODEL,
            Model::MemoryView(_) => MemoryView::MODEL,
            Model::NamedTuple(_) => NamedTuple::MODEL,
            Model::TextFile(_) => TextFile::MODEL,
            Model::BuiltinType(_) => BuiltinType::MODEL,
            Model::AttributeOf(_) => AttributeOf::MODEL,
            Model::Logger(_) => Logger::MODEL,
            Model::FieldKind(_) => FieldKind::MODEL,
            Model::Partial(_) => Partial::MODEL,
            Model::Call(_) => Call::MODEL,
        }
    }

    /// The node that it was read from; `None` for a cell of which a pickle tells only what is in it, which no node is.
    #[must_use]
    pub fn id(&self) -> Option<NodeId> {
        Some(match self {
            Model::Function(model) => model.id,
            Model::IdentifiedFunction(model) => model.id,
            Model::Class(model) => model.id,
            Model::Enum(model) => model.id,
            Model::Code(model) => model.id(),
            Model::Cell(model) => return model.id,
            Model::Module(model) => model.id,
            Model::Method(model) => model.id,
            Model::MethodDescriptor(model) => model.id,
            Model::Property(model) => model.id,
            Model::TypeVar(model) => model.id,
            Model::DictView(model) => model.id,
            Model::MappingProxy(model) => model.id,
            Model::WeakSet(model) => model.id,
            Model::MemoryView(model) => model.id,
            Model::NamedTuple(model) => model.id,
            Model::TextFile(model) => model.id,
            Model::BuiltinType(model) => model.id,
            Model::AttributeOf(model) => model.id,
            Model::Logger(model) => model.id,
            Model::FieldKind(model) => model.id,
            Model::Partial(model) => model.id,
            Model::Call(model) => model.id,
        })
    }
}

/// Reads what the nodes of one graph are. Making it takes a look at the whole graph, for the sake of cloudpickle before 1.5, where a
/// function or a class got its state by a call that stood elsewhere; reading a node then takes a look at what the node is made of.
///
/// ```
/// use cloud_reduce::{Model, Models};
///
/// let graph = pickle_parse::graph(std::fs::read("tests/data/lambda.pkl")?)?;
/// let models = Models::new(&graph);
/// let kinds: Vec<_> = models.iter().map(|model| Ok(model?.kind())).collect::<Result<_, cloud_reduce::Error>>()?;
/// assert_eq!(kinds, ["builtin type", "code object", "function"]);
/// assert!(matches!(models.read(graph.root()), Some(Ok(Model::Function(_)))));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Models<'a> {
    graph: &'a Graph,
    functions: Fills,
    classes: Fills,
    shared_cells: SharedCells,
}

impl<'a> Models<'a> {
    /// Looks through a graph.
    #[must_use]
    pub fn new(graph: &'a Graph) -> Models<'a> {
        Models {
            graph,
            functions: Fills::of(graph, Reconstructor::FillFunction),
            classes: Fills::of(graph, Reconstructor::RehydrateSkeletonClass),
            shared_cells: SharedCells::of(graph),
        }
    }

    /// The graph that is read.
    #[must_use]
    pub fn graph(&self) -> &'a Graph {
        self.graph
    }

    /// What a node is, or `None` where it is nothing that cloudpickle has to do with. A call that fills a function or a class is
    /// read as what it fills.
    ///
    /// It is an error where the node is one of these by what it calls, and its parts are what no cloudpickle writes.
    #[must_use]
    pub fn read(&self, id: NodeId) -> Option<Result<Model<'a>, Error>> {
        let graph = self.graph;
        let (callee, args) = Callee::of_call(graph, id)?;
        Some(match callee {
            Callee::Reconstructor(_, reconstructor) => match reconstructor {
                Reconstructor::MakeFunction | Reconstructor::MakeSkelFunc => self.function(id),
                Reconstructor::FillFunction if self.functions.is_filler(graph, id) => self.function(*args.first()?),
                Reconstructor::MakeSkeletonClass => self.class(id),
                Reconstructor::MakeSkeletonEnum => self.enum_(id),
                Reconstructor::RehydrateSkeletonClass if self.classes.is_filler(graph, id) => {
                    let object = *args.first()?;
                    match Callee::of_call(graph, object)?.0 {
                        Callee::Reconstructor(_, Reconstructor::MakeSkeletonEnum) => self.enum_(object),
                        _ => self.class(object),
                    }
                }
                Reconstructor::MakeCell | Reconstructor::MakeEmptyCell => Cell::read(graph, id).map(Model::Cell),
                Reconstructor::MakeTypevar => TypeVar::read(graph, id).map(Model::TypeVar),
                Reconstructor::Subimport | Reconstructor::DynamicSubimport => Module::read(graph, id).map(Model::Module),
                Reconstructor::MakeDictKeys | Reconstructor::MakeDictValues | Reconstructor::MakeDictItems => {
                    DictView::read(graph, id).map(Model::DictView)
                }
                Reconstructor::FileReconstructor => TextFile::read(graph, id).map(Model::TextFile),
                Reconstructor::BuiltinType => BuiltinType::read(graph, id).map(Model::BuiltinType),
                Reconstructor::GetDataclassFieldTypeSentinel => FieldKind::read(graph, id).map(Model::FieldKind),
                Reconstructor::Genpartial => Partial::read(graph, id).map(Model::Partial),
                // They give nothing back; what they do is read with the object that they do it to.
                Reconstructor::FunctionSetstate | Reconstructor::ClassSetstate => return None,
                _ => Call::read(graph, id).map(Model::Call),
            },
            Callee::FunctionFinder(..) => IdentifiedFunction::read(graph, id).map(Model::IdentifiedFunction),
            Callee::Type("FunctionType" | "LambdaType") => self.function(id),
            Callee::Type("CodeType") => Code::read(graph, id).map(Model::Code),
            Callee::Type("CellType") => Cell::read(graph, id).map(Model::Cell),
            Callee::Type("ClassMethodDescriptorType") => MethodDescriptor::read(graph, id).map(Model::MethodDescriptor),
            Callee::Type("MethodType") => Method::read(graph, id).map(Model::Method),
            Callee::Type("MappingProxyType") => MappingProxy::read(graph, id).map(Model::MappingProxy),
            Callee::Global(module, name) => match (module, name) {
                ("builtins", "classmethod" | "staticmethod") | ("abc", "abstractclassmethod" | "abstractstaticmethod") => {
                    MethodDescriptor::read(graph, id).map(Model::MethodDescriptor)
                }
                ("builtins", "property") | ("abc", "abstractproperty") => Property::read(graph, id).map(Model::Property),
                ("builtins", "getattr") => AttributeOf::read(graph, id).map(Model::AttributeOf),
                // Calls of these three are much else, too.
                ("builtins", "type") => match BuiltinType::read(graph, id) {
                    Ok(model) => Ok(Model::BuiltinType(model)),
                    Err(_) => return self.metaclass_call(id),
                },
                ("builtins", "bytes") => Ok(Model::MemoryView(MemoryView::read(graph, id).ok()?)),
                ("functools", "partial") => Partial::read(graph, id).map(Model::Partial),
                ("_weakrefset" | "weakref", "WeakSet") => WeakSet::read(graph, id).map(Model::WeakSet),
                ("logging", "getLogger") => Logger::read(graph, id).map(Model::Logger),
                ("pyspark.serializers", "_restore") | ("pyspark.cloudpickle", "_load_namedtuple") => {
                    NamedTuple::read(graph, id).map(Model::NamedTuple)
                }
                _ => return self.metaclass_call(id),
            },
            Callee::Type(_) | Callee::Other => return self.metaclass_call(id),
        })
    }

    /// All models, wherever they are, in the order in which the pickle makes them; each once.
    pub fn iter(&self) -> impl Iterator<Item = Result<Model<'a>, Error>> {
        self.graph
            .ids()
            .filter(|&id| !self.functions.is_filler(self.graph, id) && !self.classes.is_filler(self.graph, id))
            .filter_map(|id| self.read(id))
    }

    fn function(&self, id: NodeId) -> Result<Model<'a>, Error> {
        let function = Function::read_filled(self.graph, id, &self.functions)?;
        Ok(Model::Function(function.sharing(self.shared_cells.clone())))
    }

    fn class(&self, id: NodeId) -> Result<Model<'a>, Error> {
        Class::read_filled(self.graph, id, &self.classes).map(Model::Class)
    }

    fn enum_(&self, id: NodeId) -> Result<Model<'a>, Error> {
        Enum::read_filled(self.graph, id, &self.classes).map(Model::Enum)
    }

    /// A class of cloudpickle before 1.1, which called the metaclass itself.
    fn metaclass_call(&self, id: NodeId) -> Option<Result<Model<'a>, Error>> {
        self.classes.get(id).map(|_| self.class(id))
    }
}

/// Whose copies of cloudpickle wrote a graph, by the modules of the reconstructors that it names, each once, in the order in which
/// they come. More than one where a pickle holds what another had loaded by reference.
///
/// ```
/// use cloud_reduce::{Dialect, dialects};
///
/// let graph = pickle_parse::graph(std::fs::read("tests/data/lambda.pkl")?)?;
/// assert_eq!(dialects(&graph), [Dialect::Cloudpickle]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use]
pub fn dialects(graph: &Graph) -> Vec<Dialect> {
    let mut dialects = Vec::new();
    for id in graph.ids() {
        if let Some((module, name)) = graph.node(id).as_global()
            && let Some((dialect, _)) = Reconstructor::from_global(module, name)
            && !dialects.contains(&dialect)
        {
            dialects.push(dialect);
        }
    }
    dialects
}
