//! [`Object`]: what an object of a pickle is, as far as it can be told without importing or calling anything.

use std::{borrow::Cow, fmt};

use pickle_graph::{Graph, Node, NodeId, Step, Str};

use crate::Reconstructor;

/// What an object of a pickle is, as far as it can be told without importing or calling anything. Attribute chains
/// (`getattr(importlib.import_module("os"), "system")`) are followed.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Object<'a> {
    /// An object that an import finds.
    Named(Name<'a>),
    /// A module that the pickle imports by a call.
    Module(Cow<'a, str>),
    /// A function or class that the pickle carries by value.
    Carried(NodeId),
    /// An instance of a class, as far as the class is known.
    Instance(Box<Object<'a>>),
    /// Plain data.
    Data,
    /// What a call returns of which nothing more is known, an extension code, a persistent id.
    Unknown,
}

/// The name of an object: its module, and its path in the module.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Name<'a> {
    /// The module's full name.
    pub module: Cow<'a, str>,
    /// The names by which it is found in the module, with dots between.
    pub qualname: Cow<'a, str>,
}

impl<'a> Name<'a> {
    /// The name of two texts. Lone surrogates, with which no import works, come as Python escapes them.
    pub(crate) fn new(module: Str<'a>, name: Str<'a>) -> Name<'a> {
        Name { module: part(module), qualname: part(name) }
    }
}

/// A part of a name. One that is longer than any real one is cut, so that what holds it a million times takes no more than its
/// share; with the mark of the cut, it equals no name.
fn part(text: Str<'_>) -> Cow<'_, str> {
    // Whether it is UTF-8 is only asked of what is short.
    match text.as_bytes().get(..MAX_PATH) {
        None => text.as_str().map_or_else(|| text.to_string().into(), Cow::Borrowed),
        Some(start) => shortened(start),
    }
}

/// The same of what is put together.
fn cut(text: Cow<'_, str>) -> Cow<'_, str> {
    match text.as_bytes().get(..MAX_PATH) {
        None => text,
        Some(start) => shortened(start),
    }
}

fn shortened(start: &[u8]) -> Cow<'static, str> {
    format!("{}\u{2026}", String::from_utf8_lossy(start)).into()
}

impl Name<'_> {
    /// As Python writes it where the path is one name, and with a colon, as entry points are written, where it has dots.
    fn parts(&self) -> [&str; 3] {
        [&self.module, if self.qualname.contains('.') { ":" } else { "." }, &self.qualname]
    }

    /// As it is displayed, behind another text. Findings are full of names, for which formatting is slow.
    pub(super) fn text_behind(&self, start: &str) -> String {
        let [module, between, qualname] = self.parts();
        if !is_graphic(module) || !is_graphic(qualname) {
            return format!("{start}{self}");
        }
        [start, module, between, qualname].concat()
    }
}

fn is_graphic(part: &str) -> bool {
    // Without an end before the last byte, many are looked at at once.
    part.bytes().fold(true, |is_graphic, byte| is_graphic & byte.is_ascii_graphic())
}

impl fmt::Display for Name<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Names come to terminals, which control characters would command.
        self.parts().into_iter().try_for_each(|part| {
            if is_graphic(part) {
                return f.write_str(part);
            }
            part.split_inclusive(char::is_control).try_for_each(|part| match part.char_indices().next_back() {
                Some((end, last)) if last.is_control() => write!(f, "{}{}", &part[..end], last.escape_unicode()),
                _ => f.write_str(part),
            })
        })
    }
}

impl fmt::Display for Object<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Object::Named(name) => name.fmt(f),
            Object::Module(name) => write!(f, "module {name}"),
            Object::Carried(_) => f.write_str("a function or class that the pickle carries"),
            Object::Instance(class) => write!(f, "an instance of {class}"),
            Object::Data => f.write_str("plain data"),
            Object::Unknown => f.write_str("what another call returned"),
        }
    }
}

/// A `str` that is no longer than names are, so that a forged one of a megabyte is not read anew wherever it is held.
pub(super) fn short_text(graph: &Graph, id: NodeId) -> Option<&str> {
    match graph.node(id) {
        Node::Str(text) if text.len() <= MAX_PATH => text.as_str(),
        _ => None,
    }
}

/// The module and name of what an import finds, where they are as short as those of Python's own.
pub(super) fn short_global(graph: &Graph, id: NodeId) -> Option<(&str, &str)> {
    match graph.node(id) {
        Node::Global { module, name } if module.len() + name.len() <= MAX_PATH => Some((module.as_str()?, name.as_str()?)),
        _ => None,
    }
}

/// Whether a call makes a function or a class of parts that the pickle carries.
pub(super) fn makes_carried(callee: &Name<'_>, args: &[NodeId]) -> bool {
    match (&*callee.module, &*callee.qualname, args) {
        ("types", "FunctionType" | "LambdaType", _)
        // As cloudpickle made classes before 1.1.
        | ("builtins", "type", [_, _, _])
        | ("abc", "ABCMeta", [_, _, _]) => true,
        (module, name, _) => {
            Reconstructor::from_global(module, name).is_some_and(|(_, reconstructor)| makes_function_or_class(reconstructor))
        }
    }
}

fn makes_function_or_class(reconstructor: Reconstructor) -> bool {
    use Reconstructor::{MakeFunction, MakeSkelFunc, MakeSkeletonClass, MakeSkeletonEnum};
    matches!(reconstructor, MakeFunction | MakeSkelFunc | MakeSkeletonClass | MakeSkeletonEnum)
}

/// How many calls deep an object is followed. Longer chains than anybody writes are [`Object::Unknown`].
const MAX_CHAIN: usize = 16;

/// The bytes of the longest path that is put together of attributes.
const MAX_PATH: usize = 1 << 10;

impl<'a> Object<'a> {
    /// What a node is. Takes no longer for a deep graph than for a shallow one.
    #[must_use]
    pub fn of(graph: &'a Graph, id: NodeId) -> Object<'a> {
        Self::within(graph, id, MAX_CHAIN)
    }

    /// What runs when a node is called: as [`of`](Object::of), but of a bound method its function, and of a `functools.partial`
    /// what it calls.
    #[must_use]
    pub fn called(graph: &'a Graph, id: NodeId) -> Object<'a> {
        Self::called_with(graph, id).0
    }

    /// What runs when a node is called, and whether it gets arguments that the node binds: then those of the call are others
    /// than they seem.
    pub(super) fn called_with(graph: &'a Graph, id: NodeId) -> (Object<'a>, bool) {
        let (mut id, mut binds) = (id, false);
        for _ in 0..MAX_CHAIN {
            let Node::Reduce { callable, args } = graph.node(id) else { break };
            let Object::Named(name) = Self::of(graph, callable) else { break };
            let wraps = match Reconstructor::from_global(&name.module, &name.qualname) {
                Some((_, reconstructor)) => reconstructor == Reconstructor::Genpartial,
                None => {
                    matches!((&*name.module, &*name.qualname), ("types", "MethodType") | ("functools" | "_functools", "partial"))
                }
            };
            let Some(&[function, ref bound @ ..]) = graph.node(args).as_tuple().filter(|_| wraps) else { break };
            binds |= !bound.is_empty();
            for step in graph.steps(id) {
                // A partial's state is its function, arguments, keyword arguments and attributes.
                let Step::Build(state) = step else { return (Object::Unknown, true) };
                match graph.node(state).as_tuple() {
                    Some(&[same, args, keywords, _]) if same == function => {
                        binds |= args != NodeId::EMPTY_TUPLE || Self::binds_parameter(graph, function, keywords);
                    }
                    // Another function than it was made with.
                    _ => return (Object::Unknown, true),
                }
            }
            id = function;
        }
        (Self::of(graph, id), binds)
    }

    /// Whether one of a few keyword arguments is a positional parameter too, as far as these are known.
    fn binds_parameter(graph: &'a Graph, function: NodeId, keywords: NodeId) -> bool {
        let keywords = graph.node(keywords).as_dict().unwrap_or_default();
        let Object::Named(name) = Self::of(graph, function) else { return !keywords.is_empty() };
        let parameters =
            Reconstructor::from_global(&name.module, &name.qualname).map(|(_, reconstructor)| reconstructor.parameters());
        keywords.len() > MAX_CHAIN
            || keywords.iter().any(|&[key, _]| match (short_text(graph, key), parameters) {
                (Some(key), Some(parameters)) => parameters.contains(&key),
                _ => true,
            })
    }

    fn within(graph: &'a Graph, id: NodeId, chain: usize) -> Object<'a> {
        let Some(chain) = chain.checked_sub(1) else { return Object::Unknown };
        match graph.node(id) {
            Node::Global { module, name } => Object::Named(Name::new(module, name)),
            Node::Reduce { callable, args } => match graph.node(args).as_tuple() {
                Some(args) => Self::of_call(graph, id, &Self::within(graph, callable, chain), args, chain),
                None => Object::Unknown,
            },
            Node::NewObj { class, .. } | Node::NewObjEx { class, .. } | Node::Inst { class, .. } | Node::Obj { class, .. } => {
                Object::Instance(Box::new(Self::within(graph, class, chain)))
            }
            // How PyTorch wrote classes of modules before 1.6: `('module', class, file, source)`.
            Node::BinPersistentId(id) => match graph.node(id).as_tuple() {
                Some(&[kind, class, _, _]) if short_text(graph, kind) == Some("module") => Self::within(graph, class, chain),
                _ => Object::Unknown,
            },
            Node::Extension(_) | Node::PersistentId(_) => Object::Unknown,
            _ => Object::Data,
        }
    }

    /// What a call returns.
    fn of_call(graph: &'a Graph, call: NodeId, callee: &Object<'a>, args: &'a [NodeId], chain: usize) -> Object<'a> {
        let text = |id: &NodeId| short_text(graph, *id);
        let Object::Named(name) = callee else {
            return match callee {
                Object::Carried(_) => Object::Instance(Box::new(callee.clone())),
                _ => Object::Unknown,
            };
        };
        if let Some((_, reconstructor)) = Reconstructor::from_global(&name.module, &name.qualname) {
            use Reconstructor as R;
            return match (reconstructor, args) {
                (reconstructor, _) if makes_function_or_class(reconstructor) => Object::Carried(call),
                (
                    R::ClassSetstate
                    | R::FillFunction
                    | R::RehydrateSkeletonClass
                    | R::RestoreAttr
                    | R::FileReconstructor
                    | R::RebuildTornadoCoroutine,
                    [object, ..],
                ) => Self::within(graph, *object, chain),
                (R::BuiltinType, [name]) => match text(name) {
                    Some("ClassType") => Self::named("builtins", "type"),
                    Some(name) => Self::named("types", name),
                    None => Object::Unknown,
                },
                (R::Subimport, [name]) => text(name).map_or(Object::Unknown, |name| Object::Module(cut(name.into()))),
                (R::GetDictNew, []) => Self::named("builtins", "dict.__new__"),
                (R::GetFrozensetNew, []) => Self::named("builtins", "frozenset.__new__"),
                (R::GetListNew, []) => Self::named("builtins", "list.__new__"),
                (R::GetObjectNew, []) => Self::named("builtins", "object.__new__"),
                (R::GetSetNew, []) => Self::named("builtins", "set.__new__"),
                (R::GetTupleNew, []) => Self::named("builtins", "tuple.__new__"),
                (R::DynamicSubimport, _) => Self::instance("types", "ModuleType"),
                (R::MakeCell | R::MakeEmptyCell, _) => Self::instance("types", "CellType"),
                (R::MakeTypevar, _) => Self::instance("typing", "TypeVar"),
                (R::MakeDictKeys, _) => Self::instance("builtins", "dict_keys"),
                (R::MakeDictValues, _) => Self::instance("builtins", "dict_values"),
                (R::MakeDictItems, _) => Self::instance("builtins", "dict_items"),
                (R::FunctionSetstate, _) => Object::Data,
                (R::Genpartial, _) => Self::instance("functools", "partial"),
                _ => Object::Unknown,
            };
        }
        match (&*name.module, &*name.qualname, args) {
            ("builtins" | "__builtin__", "getattr", [object, attribute, ..]) => {
                match (Self::within(graph, *object, chain), text(attribute)) {
                    (Object::Named(name), Some(attribute)) if name.qualname.len() + attribute.len() < MAX_PATH => {
                        Self::named(name.module, format!("{}.{attribute}", name.qualname))
                    }
                    (Object::Module(module), Some(attribute)) => Self::named(module, attribute),
                    _ => Object::Unknown,
                }
            }
            ("importlib" | "importlib._bootstrap", "import_module" | "__import__" | "_gcd_import", [name])
            | ("builtins" | "__builtin__", "__import__", [name]) => {
                text(name).map_or(Object::Unknown, |name| Object::Module(cut(name.into())))
            }
            ("numpy.core" | "numpy._core", "_ufunc_reconstruct", [module, name]) => match (text(module), text(name)) {
                (Some(module), Some(name)) => Self::named(module, name),
                _ => Object::Unknown,
            },
            _ if makes_carried(name, args) => Object::Carried(call),
            // typing.List[int] and the like
            ("_operator" | "operator", "getitem", [object, _]) => match Self::within(graph, *object, chain) {
                Object::Named(name) if matches!(&*name.module, "typing" | "collections.abc") => {
                    Self::named(name.module, format!("{}[]", name.qualname))
                }
                _ => Object::Unknown,
            },
            ("copyreg" | "copy_reg", "__newobj__" | "__newobj_ex__" | "_reconstructor", [class, ..]) => {
                Object::Instance(Box::new(Self::within(graph, *class, chain)))
            }
            _ => Object::Instance(Box::new(callee.clone())),
        }
    }

    fn instance(module: impl Into<Cow<'a, str>>, qualname: impl Into<Cow<'a, str>>) -> Object<'a> {
        Object::Instance(Box::new(Self::named(module, qualname)))
    }

    fn named(module: impl Into<Cow<'a, str>>, qualname: impl Into<Cow<'a, str>>) -> Object<'a> {
        Object::Named(Name { module: cut(module.into()), qualname: cut(qualname.into()) })
    }

    /// The name of the object itself, or of the class of an instance.
    #[must_use]
    pub fn name(&self) -> Option<&Name<'a>> {
        match self {
            Object::Named(name) => Some(name),
            Object::Instance(class) => class.name(),
            _ => None,
        }
    }
}
