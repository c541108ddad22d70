//! [`Hooks`]: which methods of the classes that a pickle carries run while it is loaded.

use std::{cell::OnceCell, collections::HashSet};

use pickle_graph::{Graph, Node, NodeId, Step};
use rustc_hash::{FxHashMap, FxHashSet};

use super::{
    resolve::{Name, Object, short_global, short_text},
    trace::{Action, Event},
};
use crate::{Reconstructor, class::ABC_IMPL, classes, enums};

/// A method that Python calls by itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Hook {
    /// `__new__`, or that of the metaclass.
    New,
    /// `__call__`, `__prepare__` and `mro`, by which a metaclass makes its classes, and these their instances.
    Meta,
    /// `__init__`.
    Init,
    /// `__setstate__`.
    SetState,
    /// `append`, `extend`, `add` and `__setitem__`.
    Items,
    /// `__setattr__`.
    SetAttribute,
    /// `__del__`.
    Del,
    /// `__init_subclass__`.
    InitSubclass,
    /// `_missing_` of an enum.
    Missing,
    /// `__hash__`.
    Hash,
    /// `register`, which cloudpickle calls of a class that has `_abc_impl`.
    Register,
    /// `_abc_impl`.
    AbcImpl,
    /// No method that Python calls, but an attribute by which methods of a class that is inherited from may run code.
    Override,
    /// A property, or another object that is told of it when its attribute is set.
    Property,
    /// `__subclasshook__` and its like, by which `issubclass` and `isinstance` ask.
    Check,
    /// `keys`, `items` and other attributes by which functions look whether they may take an object for a mapping or a list. They
    /// find them in classes and functions too.
    Duck,
    /// Any other method that making an enum may call of a class that it inherits from.
    Member,
}

impl Hook {
    fn of(attribute: &str) -> Option<Hook> {
        Some(match attribute {
            "__new__" => Hook::New,
            "__call__" | "__prepare__" | "mro" => Hook::Meta,
            "__subclasshook__" | "__subclasscheck__" | "__instancecheck__" => Hook::Check,
            "keys" | "items" | "update" | "__typing_subst__" | "__typing_is_unpacked_typevartuple__" => Hook::Duck,
            "__init__" => Hook::Init,
            "__setstate__" => Hook::SetState,
            "append" | "extend" | "add" | "__setitem__" => Hook::Items,
            "__setattr__" | "__getattribute__" | "__getattr__" | "__dict__" | "__class__" => Hook::SetAttribute,
            "register" => Hook::Register,
            ABC_IMPL => Hook::AbcImpl,
            "__del__" => Hook::Del,
            "__init_subclass__" => Hook::InitSubclass,
            "_missing_" => Hook::Missing,
            "__hash__" | "__eq__" => Hook::Hash,
            _ => return None,
        })
    }
}

/// Which hooks there are of the classes that a graph carries. What is no class here is a function, which runs when it is called.
#[derive(Debug, Default)]
pub(super) struct Hooks {
    known: FxHashMap<NodeId, Known>,
    /// The names that properties have in any class.
    properties: HashSet<Box<str>>,
}

#[derive(Debug, Default)]
struct Known {
    hooks: u32,
    /// Whether one of its methods can be called by Python itself.
    is_active: bool,
    bases: Vec<NodeId>,
    metaclass: Option<NodeId>,
    kind: Kind,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
enum Kind {
    /// A function, or a class of which the parts are not known.
    #[default]
    Other,
    /// A class.
    Class,
    /// An enum's own `__new__` and `__init__` run when it is made, not when a member is looked up.
    Enum,
}

impl Known {
    fn gets(&mut self, (hooks, is_active): (u32, bool)) {
        self.is_active |= is_active;
        self.hooks |= match self.kind {
            Kind::Enum => hooks & !(bit(Hook::New) | bit(Hook::Init)),
            _ => hooks,
        };
    }
}

/// How many classes a class inherits from, as far as is looked.
const MAX_BASES: usize = 64;

impl Hooks {
    /// Those of the classes that a graph carries, of which `events` tell what it imports.
    pub(super) fn of(graph: &Graph, events: &[Event]) -> Hooks {
        // Most graphs carry neither class nor function, which what they import and call tells.
        let (mut carries, mut has_classes) = (false, false);
        for event in events {
            match event.action {
                Action::Import => {
                    let Some(import) = imported(graph, event.node) else { continue };
                    carries |= carries_by(import);
                    has_classes |= makes_class(import) || import == Reconstructor::RehydrateSkeletonClass;
                }
                Action::Call if !carries => carries = matches!(Object::of(graph, event.node), Object::Carried(_)),
                _ => {}
            }
        }
        if !carries {
            return Hooks::default();
        }
        let mut dicts = Dicts { by_dict: FxHashMap::default(), shared: OnceCell::new() };
        let mut known: FxHashMap<NodeId, Known> = FxHashMap::default();
        // Without these, no class can be read.
        for class in has_classes.then(|| classes(graph)).into_iter().flatten().filter_map(Result::ok) {
            let bases = class.bases.iter().copied().take(MAX_BASES).collect();
            let made = known.entry(class.id).or_default();
            (made.bases, made.metaclass, made.kind) = (bases, Some(class.metaclass), Kind::Class);
            for dict in [class.attributes.id(), class.type_kwargs.id()] {
                made.gets(dicts.hooks(graph, dict));
            }
        }
        for class in has_classes.then(|| enums(graph)).into_iter().flatten().filter_map(Result::ok) {
            let made = known.entry(class.id).or_default();
            (made.bases, made.kind) = (class.bases.iter().copied().take(MAX_BASES).collect(), Kind::Enum);
            made.gets(dicts.hooks(graph, class.attributes.id()));
        }
        for id in graph.ids() {
            for step in graph.steps(id) {
                if let Step::SetState { state, .. } | Step::Build(state) = step {
                    give(graph, &mut known, &mut dicts, id, state);
                }
            }
            // The same by a call that is not thrown away.
            if let Some((object, state)) = state_by_call(graph, id) {
                give(graph, &mut known, &mut dicts, object, state);
            }
        }
        let mut properties = HashSet::new();
        for (&dict, _) in dicts.by_dict.iter().filter(|(_, (hooks, _))| hooks & bit(Hook::Property) != 0) {
            for &[key, value] in graph.node(dict).as_dict().unwrap_or_default() {
                if let Some(name) = short_text(graph, key).filter(|_| is_property(&Object::of(graph, value))) {
                    properties.insert(name.into());
                }
            }
        }
        Hooks { known, properties }
    }

    /// Whether a dict has a key by which any class has a property.
    pub(super) fn sets_property(&self, graph: &Graph, slots: NodeId) -> bool {
        let mut keys = graph.node(slots).as_dict().unwrap_or_default().iter();
        keys.any(|&[key, _]| short_text(graph, key).is_some_and(|key| self.properties.contains(key)))
    }

    /// Whether any class or function has a method that Python calls by itself.
    pub(super) fn any_class(&self) -> bool {
        self.known.values().any(|known| known.is_active || known.kind == Kind::Other || known.hooks & bit(Hook::Override) != 0)
    }

    /// The metaclass of a class, where the pickle carries it too.
    pub(super) fn metaclass(&self, graph: &Graph, class: NodeId) -> Option<NodeId> {
        match Object::of(graph, self.known.get(&class)?.metaclass?) {
            Object::Carried(metaclass) => Some(metaclass),
            _ => None,
        }
    }

    /// Whether an object that the pickle carries is a class, as far as its parts are known.
    pub(super) fn is_class(&self, object: NodeId) -> bool {
        self.known.get(&object).is_some_and(|known| matches!(known.kind, Kind::Class | Kind::Enum))
    }

    /// Whether giving a state to a function or class that the pickle carries, by `BUILD`, may run a method: not of a function, unless
    /// it was given such an attribute.
    pub(super) fn runs_by_build(&self, graph: &Graph, object: NodeId) -> bool {
        !is_function(graph, object) || self.known.get(&object).is_some_and(|known| known.hooks != 0)
    }

    /// Whether cloudpickle calls a method `register` that the pickle carries, when it gives a class its attributes.
    pub(super) fn registers(&self, graph: &Graph, class: NodeId) -> bool {
        let is_known = self.is_class(class) || is_function(graph, class);
        !is_known
            || self.has(class, Hook::AbcImpl)
                && (self.runs(graph, class, &[Hook::Register, Hook::Check])
                    || self.runs_of_metaclass(graph, class, Hook::Register))
            || self.is_asked(graph, class)
    }

    /// Whether a class itself has a hook, as far as it is one that can be read.
    fn has(&self, object: NodeId, hook: Hook) -> bool {
        self.known.get(&object).is_some_and(|known| known.hooks & bit(hook) != 0)
    }

    /// Whether the metaclass of a class has a hook of its own.
    pub(super) fn runs_of_metaclass(&self, graph: &Graph, class: NodeId, hook: Hook) -> bool {
        self.metaclass(graph, class).is_some_and(|metaclass| self.runs(graph, metaclass, &[hook]))
    }

    /// Whether a class is asked, by `__subclasshook__`, when any `isinstance` asks for another class that it inherits from.
    fn is_asked(&self, graph: &Graph, class: NodeId) -> bool {
        let Some(known) = self.known.get(&class).filter(|known| known.hooks & bit(Hook::Check) != 0) else { return false };
        known.bases.iter().any(|&base| match Object::of(graph, base) {
            Object::Named(name) => !is_passive_base(&name) && !matches!(&*name.module, "builtins" | "enum"),
            _ => true,
        })
    }

    /// Whether what makes an instance of a class gets no more of its arguments than to hold them.
    pub(super) fn holds_arguments(&self, graph: &Graph, class: NodeId) -> bool {
        let mut pending = vec![class];
        for _ in 0..MAX_BASES {
            let Some(id) = pending.pop() else { return true };
            let Some(known) = self.known.get(&id).filter(|known| known.kind == Kind::Class) else { return false };
            for &base in &known.bases {
                match Object::of(graph, base) {
                    Object::Carried(base) => pending.push(base),
                    Object::Named(name) if is_passive_base(&name) || is_plain_exception(&name) => {}
                    _ => return false,
                }
            }
        }
        false
    }

    /// Whether no code that the pickle carries runs when a function is given an instance of a class: its methods are such as nothing
    /// but the pickle's own code knows, and so are those of its bases.
    pub(super) fn is_passive(&self, graph: &Graph, class: NodeId) -> bool {
        let mut pending = vec![class];
        for _ in 0..MAX_BASES {
            let Some(id) = pending.pop() else { return true };
            let Some(known) = self.known.get(&id).filter(|known| !known.is_active) else { return false };
            for &base in &known.bases {
                match Object::of(graph, base) {
                    Object::Carried(base) => pending.push(base),
                    Object::Named(name) if is_passive_base(&name) => {}
                    _ => return false,
                }
            }
        }
        false
    }

    /// Whether code that the pickle carries runs when a function is given the class or function itself.
    pub(super) fn runs_as_argument(&self, graph: &Graph, object: NodeId) -> bool {
        let Some(known) = self.known.get(&object) else { return !is_function(graph, object) };
        known.hooks & bit(Hook::Duck) != 0 || !self.has_passive_metaclass(graph, object)
    }

    /// Whether the methods of a class's metaclass are such as nothing but the pickle's own code knows. Its `__new__`, `__init__` and
    /// `__call__` are looked at where they run.
    fn has_passive_metaclass(&self, graph: &Graph, class: NodeId) -> bool {
        let Some(metaclass) = self.metaclass(graph, class) else { return true };
        self.known.get(&metaclass).is_some_and(|known| !known.is_active)
    }

    /// Whether one of these hooks runs code that the pickle carries: always where the object is no class that can be read.
    pub(super) fn runs(&self, graph: &Graph, object: NodeId, hooks: &[Hook]) -> bool {
        let wanted = hooks.iter().fold(0, |bits, &hook| bits | bit(hook));
        let calls_library = hooks
            .iter()
            .any(|hook| !matches!(hook, Hook::InitSubclass | Hook::Missing | Hook::Register | Hook::Property | Hook::Check));
        let (mut overrides, mut has_library) = (false, false);
        let mut pending = vec![object];
        for _ in 0..MAX_BASES {
            let Some(id) = pending.pop() else { return overrides && has_library };
            let Some(known) = self.known.get(&id).filter(|known| known.kind != Kind::Other) else { return true };
            if known.hooks & wanted != 0 {
                return true;
            }
            if let Some(metaclass) = known.metaclass
                && wanted & (bit(Hook::New) | bit(Hook::Init)) != 0
                && matches!(Object::of(graph, metaclass), Object::Carried(_))
            {
                return true;
            }
            overrides |= known.hooks & bit(Hook::Override) != 0;
            for &base in &known.bases {
                match Object::of(graph, base) {
                    Object::Carried(base) => pending.push(base),
                    Object::Named(name) => has_library |= calls_library && calls_overrides(&name, hooks.contains(&Hook::Items)),
                    _ => {}
                }
            }
        }
        true
    }
}

/// Whether an imported object is a function of cloudpickle's without which no class is carried, and no function has attributes: each
/// is made or filled by one.
pub(super) fn imports_maker(graph: &Graph, import: NodeId) -> bool {
    imported(graph, import).is_some_and(carries_by)
}

fn carries_by(reconstructor: Reconstructor) -> bool {
    reconstructor.sets_state() || makes_class(reconstructor)
}

/// The function of cloudpickle's that an import finds.
fn imported(graph: &Graph, import: NodeId) -> Option<Reconstructor> {
    let (module, name) = short_global(graph, import)?;
    Some(Reconstructor::from_global(module, name)?.1)
}

fn makes_class(reconstructor: Reconstructor) -> bool {
    matches!(reconstructor, Reconstructor::MakeSkeletonClass | Reconstructor::MakeSkeletonEnum)
}

/// Whether a class is a built-in exception that keeps its arguments as they are, and looks into none.
pub(super) fn is_plain_exception(class: &Name<'_>) -> bool {
    let name = &*class.qualname;
    let is_exception =
        || ["Error", "Exception", "Exit", "Interrupt", "Iteration", "Warning"].iter().any(|end| name.ends_with(end));
    // What is no exception is told first: most callables are none.
    &*class.module == "builtins" && is_exception() && !looks_into_arguments(name)
}

/// Whether a built-in exception of a name does more with its arguments than to hold them.
fn looks_into_arguments(exception: &str) -> bool {
    const STARTS: [&str; 12] = [
        "Blocking",
        "Broken",
        "Child",
        "Connection",
        "Environment",
        "File",
        "Interrupted",
        "IsA",
        "NotA",
        "Permission",
        "Process",
        "Unicode",
    ];
    ["OS", "IO", "Group"].iter().any(|part| exception.contains(part))
        || STARTS.iter().any(|start| exception.starts_with(start))
        || matches!(exception, "TimeoutError" | "SyntaxError" | "IndentationError" | "TabError")
}

/// Whether methods of a class that is inherited from call none of the class that inherits it.
fn is_passive_base(name: &Name<'_>) -> bool {
    matches!(
        (&*name.module, &*name.qualname),
        ("builtins", "object") | ("abc", "ABC") | ("typing", "Generic" | "Protocol" | "Generic[]" | "Protocol[]")
    )
}

/// Whether methods of a class that an import finds, which run while an instance is loaded, may call those of a class that inherits
/// it: when it is given items, or for any reason. The built-in classes call none, nor have enum classes such methods.
fn calls_overrides(name: &Name<'_>, items: bool) -> bool {
    match &*name.module {
        "builtins" => false,
        // `MutableSequence.extend` calls `insert`, ...
        "collections.abc" => items,
        "abc" => &*name.qualname != "ABC",
        "enum" => !matches!(&*name.qualname, "Enum" | "Flag" | "IntEnum" | "IntFlag" | "ReprEnum" | "StrEnum"),
        "typing" | "typing_extensions" => match name.qualname.strip_suffix("[]").unwrap_or(&name.qualname) {
            "Generic" | "Protocol" | "NamedTuple" | "TypedDict" | "Any" => false,
            "Dict" | "FrozenSet" | "List" | "Set" | "Tuple" | "Type" => false,
            protocol if protocol.starts_with("Supports") => false,
            // They stand for classes of `collections.abc`, and some for those of `collections`.
            "ChainMap" | "Counter" | "DefaultDict" | "Deque" | "OrderedDict" => true,
            _ => items,
        },
        _ => true,
    }
}

/// What a hook is among the others.
fn bit(hook: Hook) -> u32 {
    1 << hook as u8
}

/// What an object that the pickle carries is given after it was made: a pair of dicts of attributes, or one dict.
fn give(graph: &Graph, known: &mut FxHashMap<NodeId, Known>, dicts: &mut Dicts, object: NodeId, state: NodeId) {
    let Object::Carried(made) = Object::of(graph, object) else { return };
    let known = known.entry(made).or_default();
    for &dict in graph.node(state).as_tuple().unwrap_or(&[state]).iter().take(2).filter(|&&dict| dict != NodeId::NONE) {
        known.gets(dicts.hooks(graph, dict));
    }
}

/// The object and its state, where a node is a call that gives an object a state.
fn state_by_call(graph: &Graph, id: NodeId) -> Option<(NodeId, NodeId)> {
    let Node::Reduce { callable, args } = graph.node(id) else { return None };
    let &[object, state, ..] = graph.node(args).as_tuple()? else { return None };
    if let Some((_, name)) = short_global(graph, callable) {
        // Most calls are of something else.
        Reconstructor::from_name(name).filter(|reconstructor| reconstructor.sets_state())?;
    }
    let Object::Named(name) = Object::called(graph, callable) else { return None };
    let (_, reconstructor) = Reconstructor::from_global(&name.module, &name.qualname)?;
    reconstructor.sets_state().then_some((object, state))
}

/// Whether an object that the pickle carries is a function, not a class.
fn is_function(graph: &Graph, object: NodeId) -> bool {
    let Node::Reduce { callable, .. } = graph.node(object) else { return false };
    let Object::Named(name) = Object::of(graph, callable) else { return false };
    match Reconstructor::from_global(&name.module, &name.qualname) {
        Some((_, reconstructor)) => matches!(reconstructor, Reconstructor::MakeFunction | Reconstructor::MakeSkelFunc),
        None => matches!((&*name.module, &*name.qualname), ("types", "FunctionType" | "LambdaType")),
    }
}

/// Which hooks dicts of attributes have, and whether they have a method that Python calls by itself.
struct Dicts {
    /// Many classes may share one dict.
    by_dict: FxHashMap<NodeId, (u32, bool)>,
    shared: OnceCell<FxHashSet<NodeId>>,
}

/// What an object may have of which the attributes cannot be told.
const ANY: (u32, bool) = (u32::MAX, true);

impl Dicts {
    fn hooks(&mut self, graph: &Graph, dict: NodeId) -> (u32, bool) {
        *self.by_dict.entry(dict).or_insert_with(|| {
            // One that another object holds too may get more by way of that object.
            let is_shared = || self.shared.get_or_init(|| shared_dicts(graph)).contains(&dict);
            let Some(items) = graph.node(dict).as_dict().filter(|_| !is_shared()) else { return ANY };
            let (mut hooks, mut is_active) = (0, false);
            for &[key, value] in items {
                // `__hash__ = None` is no code.
                if value == NodeId::NONE {
                    continue;
                }
                let Some(name) = short_text(graph, key) else {
                    match Object::of(graph, key) {
                        Object::Data => continue,
                        _ => return ANY,
                    }
                };
                // With which no class is registered.
                if name == ABC_IMPL && matches!(graph.node(value), Node::List([])) {
                    continue;
                }
                hooks |= Hook::of(name).map_or(0, bit);
                let object = Object::of(graph, value);
                let (told, is_plain) = (is_property(&object), is_plain(&object));
                if !is_plain && (!is_passive_attribute(name) || told && is_special(name)) {
                    is_active = true;
                    hooks |= if OPERATORS.contains(&name) { 0 } else { bit(Hook::Member) };
                }
                if !is_plain && (name == "__init__" || !OF_EVERY_CLASS.contains(&name)) {
                    hooks |= bit(Hook::Override);
                }
                if told {
                    hooks |= bit(Hook::Property);
                }
            }
            (hooks, is_active)
        })
    }
}

/// Whether an attribute of a class is none that runs anything: data, or the `__new__` of a built-in class or of `Enum`.
fn is_plain(value: &Object<'_>) -> bool {
    match value {
        Object::Data => true,
        Object::Named(name) => matches!(&*name.module, "builtins" | "enum") && name.qualname.ends_with(".__new__"),
        _ => false,
    }
}

/// The dicts that more than one object holds, or one more than once.
fn shared_dicts(graph: &Graph) -> FxHashSet<NodeId> {
    // Of each object, by its number, whether one holds it that was come by.
    let mut held = vec![false; graph.len()];
    let mut shared = FxHashSet::default();
    for child in graph.ids().flat_map(|id| graph.children(id)) {
        let Some(held) = child.index().and_then(|index| held.get_mut(index)) else { continue };
        if std::mem::replace(held, true) && matches!(graph.node(child), Node::Dict(_)) {
            shared.insert(child);
        }
    }
    shared
}

/// Whether an attribute of a class may be told when it is set or read: it is an object of a class, and not of one whose objects are
/// known to be told nothing.
fn is_property(value: &Object<'_>) -> bool {
    match value {
        Object::Instance(class) => !matches!(&**class, Object::Named(name) if is_told_nothing(name)),
        Object::Unknown => true,
        _ => false,
    }
}

/// Whether objects of a class, as attributes of other classes, are told nothing when these are set or read.
fn is_told_nothing(class: &Name<'_>) -> bool {
    match (&*class.module, &*class.qualname) {
        ("builtins", name) => matches!(
            name,
            "bool"
                | "bytearray"
                | "bytes"
                | "classmethod"
                | "complex"
                | "dict"
                | "float"
                | "frozenset"
                | "int"
                | "list"
                | "set"
                | "staticmethod"
                | "str"
                | "tuple"
        ),
        ("collections", name) => matches!(name, "OrderedDict" | "deque" | "defaultdict"),
        // What PyPy calls `classmethod`.
        ("types", name) => name == "ClassMethodDescriptorType",
        (module, name) => (module, name) == ("_codecs", "encode"),
    }
}

/// What every class may have, and nothing calls.
const OF_EVERY_CLASS: [&str; 17] = [
    "__module__",
    "__qualname__",
    "__name__",
    "__doc__",
    "__weakref__",
    "__slots__",
    "__slotnames__",
    "__annotations__",
    "__annotations_cache__",
    "__firstlineno__",
    "__static_attributes__",
    "__init__",
    "__orig_bases__",
    "__parameters__",
    "__type_params__",
    "__match_args__",
    "__abstractmethods__",
];

/// What making an enum does not call, of the methods that are no attributes of every class.
const OPERATORS: [&str; 12] = [
    "__add__",
    "__call__",
    "__format__",
    "__ge__",
    "__gt__",
    "__le__",
    "__lt__",
    "__mul__",
    "__repr__",
    "__str__",
    "__sub__",
    "__truediv__",
];

fn is_special(name: &str) -> bool {
    name.starts_with('_') && name.ends_with('_')
}

/// Whether an attribute of a class is none by which Python, or a function of the standard library, would run code of the class when
/// it gets an instance.
fn is_passive_attribute(name: &str) -> bool {
    match is_special(name) {
        true => OF_EVERY_CLASS.contains(&name),
        false => !matches!(name, "keys" | "items" | "append" | "extend" | "add" | "update" | "numerator" | "as_integer_ratio"),
    }
}
