//! [`Hooks`]: which methods of the classes that a pickle carries run while it is loaded.

use std::collections::{HashMap, HashSet};

use pickle_graph::{Graph, NodeId, Step};

use super::{
    resolve::{Name, Object, short_text},
    trace::{Action, Event},
};
use crate::{Reconstructor, class::ABC_IMPL, classes, enums};

/// A method that Python calls by itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Hook {
    /// `__new__`, or that of the metaclass; also `__set_name__`, which a class calls that is made later.
    New,
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
}

impl Hook {
    fn of(attribute: &str) -> Option<Hook> {
        Some(match attribute {
            "__new__" | "__call__" | "__prepare__" | "__set_name__" | "mro" => Hook::New,
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
    known: HashMap<NodeId, Known>,
    /// The names that properties have in any class.
    properties: HashSet<Box<str>>,
}

#[derive(Debug)]
struct Known {
    hooks: u16,
    /// Whether none of its methods can be called by Python itself.
    is_passive: bool,
    bases: Vec<NodeId>,
    metaclass: Option<NodeId>,
}

/// How many classes a class inherits from, as far as is looked.
const MAX_BASES: usize = 64;

impl Hooks {
    /// Those of the classes that a graph carries, of which `events` tell what it imports.
    pub(super) fn of(graph: &Graph, events: &[Event]) -> Hooks {
        // Most graphs carry none, which a look at what they import tells.
        if !events.iter().any(|event| event.action == Action::Import && makes_classes(graph, event.node)) {
            return Hooks::default();
        }
        // Many classes may share one dict.
        let mut by_dict: HashMap<NodeId, (u16, bool)> = HashMap::new();
        let mut known = HashMap::new();
        for class in classes(graph).filter_map(Result::ok) {
            let (mut hooks, mut is_passive) = (0, true);
            for dict in states(graph, class.id).chain([class.attributes.id(), class.type_kwargs.id()]) {
                let (more, passive) = hooks_of(graph, &mut by_dict, dict);
                hooks |= more;
                is_passive &= passive;
            }
            let bases = class.bases.iter().copied().take(MAX_BASES).collect();
            known.insert(class.id, Known { hooks, is_passive, bases, metaclass: Some(class.metaclass) });
        }
        for class in enums(graph).filter_map(Result::ok) {
            let (mut hooks, mut is_passive) = (0, true);
            for dict in states(graph, class.id).chain([class.attributes.id()]) {
                let (more, passive) = hooks_of(graph, &mut by_dict, dict);
                hooks |= more;
                is_passive &= passive;
            }
            // An enum's own `__new__` and `__init__` run when it is made, not when a member is looked up.
            let hooks = hooks & !(bit(Hook::New) | bit(Hook::Init));
            known.insert(class.id, Known { hooks, is_passive, bases: Vec::new(), metaclass: None });
        }
        let mut properties = HashSet::new();
        for (&dict, _) in by_dict.iter().filter(|(_, (hooks, _))| hooks & bit(Hook::Property) != 0) {
            for &[key, value] in graph.node(dict).as_dict().unwrap_or_default() {
                if let Some(name) = short_text(graph, key).filter(|_| is_property(graph, value)) {
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

    /// Whether any class has a hook of its own.
    pub(super) fn any(&self, hook: Hook) -> bool {
        self.known.values().any(|known| known.hooks & bit(hook) != 0)
    }

    /// Whether an object is a class that the pickle carries.
    pub(super) fn is_class(&self, object: NodeId) -> bool {
        self.known.contains_key(&object)
    }

    /// Whether cloudpickle calls a method `register` that the pickle carries, when it gives a class its attributes.
    pub(super) fn registers(&self, graph: &Graph, class: NodeId) -> bool {
        self.has(class, Hook::AbcImpl)
            && (self.runs(graph, class, &[Hook::Register]) || self.runs_of_metaclass(graph, class, Hook::Register))
    }

    /// Whether a class itself has a hook, as far as it is one that can be read.
    fn has(&self, object: NodeId, hook: Hook) -> bool {
        self.known.get(&object).is_some_and(|known| known.hooks & bit(hook) != 0)
    }

    /// Whether the metaclass of a class has a hook of its own.
    pub(super) fn runs_of_metaclass(&self, graph: &Graph, class: NodeId, hook: Hook) -> bool {
        let metaclass = self.known.get(&class).and_then(|known| known.metaclass);
        match metaclass.map(|metaclass| Object::of(graph, metaclass)) {
            Some(Object::Carried(metaclass)) => self.runs(graph, metaclass, &[hook]),
            _ => false,
        }
    }

    /// Whether no code that the pickle carries runs when a function is given an instance of a class: its methods are such as nothing
    /// but the pickle's own code knows, and so are those of its bases.
    pub(super) fn is_passive(&self, graph: &Graph, class: NodeId) -> bool {
        let mut pending = vec![class];
        for _ in 0..MAX_BASES {
            let Some(id) = pending.pop() else { return true };
            let Some(known) = self.known.get(&id).filter(|known| known.is_passive) else { return false };
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

    /// Whether one of these hooks runs code that the pickle carries: always where the object is no class that can be read.
    pub(super) fn runs(&self, graph: &Graph, object: NodeId, hooks: &[Hook]) -> bool {
        let wanted = hooks.iter().fold(0, |bits, &hook| bits | bit(hook));
        let calls_library =
            hooks.iter().any(|hook| !matches!(hook, Hook::InitSubclass | Hook::Missing | Hook::Register | Hook::Property));
        let (mut overrides, mut has_library) = (false, false);
        let mut pending = vec![object];
        for _ in 0..MAX_BASES {
            let Some(id) = pending.pop() else { return overrides && has_library };
            let Some(known) = self.known.get(&id) else { return true };
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
                    Object::Named(name) => has_library |= calls_library && calls_overrides(&name),
                    _ => {}
                }
            }
        }
        true
    }
}

/// Whether an imported object is a function of cloudpickle's without which no class is carried: each is made or filled by one.
fn makes_classes(graph: &Graph, import: NodeId) -> bool {
    use Reconstructor::{MakeSkeletonClass, MakeSkeletonEnum, RehydrateSkeletonClass};
    let reconstructor = graph.node(import).as_global().and_then(|(module, name)| Reconstructor::from_global(module, name));
    matches!(reconstructor, Some((_, MakeSkeletonClass | MakeSkeletonEnum | RehydrateSkeletonClass)))
}

/// Whether methods of a class that is inherited from call none of the class that inherits it.
fn is_passive_base(name: &Name) -> bool {
    matches!(
        (&*name.module, &*name.qualname),
        ("builtins", "object") | ("abc", "ABC") | ("typing", "Generic" | "Protocol" | "Generic[]" | "Protocol[]")
    )
}

/// Whether methods of a class that an import finds, which run while an instance is loaded, may call those of a class that inherits
/// it. The built-in classes call none, nor have abstract and enum classes such methods.
fn calls_overrides(name: &Name) -> bool {
    !matches!(&*name.module, "builtins" | "abc" | "typing" | "typing_extensions" | "collections.abc" | "enum")
}

/// What a hook is among the others.
fn bit(hook: Hook) -> u16 {
    1 << hook as u8
}

/// The dicts of attributes that a class is given after it was made.
fn states(graph: &Graph, class: NodeId) -> impl Iterator<Item = NodeId> {
    graph.steps(class).flat_map(|step| match step {
        Step::SetState { state, .. } => graph.node(state).as_tuple().unwrap_or_default().iter().copied().take(2),
        _ => [].iter().copied().take(2),
    })
}

/// Which hooks a dict of attributes has, and whether it has no method that Python calls by itself.
fn hooks_of(graph: &Graph, by_dict: &mut HashMap<NodeId, (u16, bool)>, dict: NodeId) -> (u16, bool) {
    *by_dict.entry(dict).or_insert_with(|| {
        let (mut hooks, mut is_passive) = (0, true);
        for &[key, value] in graph.node(dict).as_dict().unwrap_or_default() {
            // `__hash__ = None` is no code.
            let Some(name) = short_text(graph, key).filter(|_| value != NodeId::NONE) else { continue };
            hooks |= Hook::of(name).map_or(0, bit);
            is_passive &= is_passive_attribute(name);
            let is_own = Object::of(graph, value) == Object::Data || name != "__init__" && OF_EVERY_CLASS.contains(&name);
            if !is_own {
                hooks |= bit(Hook::Override);
            }
            if is_property(graph, value) {
                hooks |= bit(Hook::Property);
            }
        }
        (hooks, is_passive)
    })
}

/// Whether an attribute of a class may be told when it is set.
fn is_property(graph: &Graph, value: NodeId) -> bool {
    matches!(Object::of(graph, value), Object::Instance(_) | Object::Unknown)
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

/// Whether an attribute of a class is none by which Python, or a function of the standard library, would run code of the class when
/// it gets an instance.
fn is_passive_attribute(name: &str) -> bool {
    let is_special = name.starts_with("__") && name.ends_with("__");
    if is_special {
        OF_EVERY_CLASS.contains(&name)
    } else {
        !matches!(name, "keys" | "items" | "append" | "extend" | "add" | "update")
    }
}
