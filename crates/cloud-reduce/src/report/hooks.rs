//! [`Hooks`]: which methods of the classes that a pickle carries run while it is loaded.

use std::collections::HashMap;

use pickle_graph::{Graph, NodeId};

use super::resolve::Object;
use crate::{classes, enums};

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
}

impl Hook {
    fn of(attribute: &str) -> Option<Hook> {
        Some(match attribute {
            "__new__" | "__call__" | "__prepare__" | "__set_name__" => Hook::New,
            "__init__" => Hook::Init,
            "__setstate__" => Hook::SetState,
            "append" | "extend" | "add" | "__setitem__" => Hook::Items,
            "__setattr__" | "__getattribute__" | "__getattr__" => Hook::SetAttribute,
            "__del__" => Hook::Del,
            "__init_subclass__" => Hook::InitSubclass,
            "_missing_" => Hook::Missing,
            "__hash__" => Hook::Hash,
            _ => return None,
        })
    }
}

/// Which hooks there are of the classes that a graph carries. What is no class here is a function, which runs when it is called.
#[derive(Debug, Default)]
pub(super) struct Hooks(HashMap<NodeId, Known>);

#[derive(Debug)]
struct Known {
    hooks: u16,
    bases: Vec<NodeId>,
    metaclass: Option<NodeId>,
}

/// How many classes a class inherits from, as far as is looked.
const MAX_BASES: usize = 64;

impl Hooks {
    pub(super) fn of(graph: &Graph) -> Hooks {
        // Many classes may share one dict.
        let mut by_dict: HashMap<NodeId, u16> = HashMap::new();
        let mut known = HashMap::new();
        for class in classes(graph).filter_map(Result::ok) {
            let hooks = hooks_of(&mut by_dict, class.attributes);
            let bases = class.bases.iter().copied().take(MAX_BASES).collect();
            known.insert(class.id, Known { hooks, bases, metaclass: Some(class.metaclass) });
        }
        for class in enums(graph).filter_map(Result::ok) {
            let hooks = hooks_of(&mut by_dict, class.attributes);
            // An enum's own `__new__` and `__init__` run when it is made, not when a member is looked up.
            let hooks = hooks & !(bit(Hook::New) | bit(Hook::Init));
            known.insert(class.id, Known { hooks, bases: Vec::new(), metaclass: None });
        }
        Hooks(known)
    }

    /// Whether any class has a hook of its own.
    pub(super) fn any(&self, hook: Hook) -> bool {
        self.0.values().any(|known| known.hooks & bit(hook) != 0)
    }

    /// Whether one of these hooks runs code that the pickle carries: always where the object is no class that can be read.
    pub(super) fn runs(&self, graph: &Graph, object: NodeId, hooks: &[Hook]) -> bool {
        let wanted = hooks.iter().fold(0, |bits, &hook| bits | bit(hook));
        let mut pending = vec![object];
        for _ in 0..MAX_BASES {
            let Some(id) = pending.pop() else { return false };
            let Some(known) = self.0.get(&id) else { return true };
            if known.hooks & wanted != 0 {
                return true;
            }
            if let Some(metaclass) = known.metaclass
                && wanted & (bit(Hook::New) | bit(Hook::Init)) != 0
                && matches!(Object::of(graph, metaclass), Object::Carried(_))
            {
                return true;
            }
            pending.extend(known.bases.iter().filter_map(|&base| match Object::of(graph, base) {
                Object::Carried(base) => Some(base),
                _ => None,
            }));
        }
        true
    }
}

/// What a hook is among the others.
fn bit(hook: Hook) -> u16 {
    1 << hook as u8
}

fn hooks_of(by_dict: &mut HashMap<NodeId, u16>, attributes: crate::Attributes<'_>) -> u16 {
    *by_dict.entry(attributes.id()).or_insert_with(|| {
        // `__hash__ = None` is no code.
        let methods = attributes.iter().filter(|&(_, value)| value != NodeId::NONE);
        let hooks = methods.filter_map(|(name, _)| if name.len() < 32 { Hook::of(name.as_str()?) } else { None });
        hooks.fold(0, |bits, hook| bits | bit(hook))
    })
}
