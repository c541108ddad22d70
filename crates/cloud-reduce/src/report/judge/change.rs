//! What objects are given after they were made: states, attributes and items.

use pickle_graph::{Node, NodeId};

use super::Judge;
use crate::report::{
    FindingKind,
    hooks::Hook,
    resolve::{Name, Object, short_text},
    shown,
};

impl Judge<'_> {
    /// An object gets a state, attributes or items.
    pub(super) fn change(&mut self, offset: u64, node: NodeId, object: &Object<'_>, hook: Hook) {
        match object {
            Object::Named(_) | Object::Module(_) => {
                self.find(FindingKind::ChangesImported, offset, object.to_string(), None);
            }
            // Cloudpickle gives functions and classes their attributes by calls. On PyPy, functions have states too.
            &Object::Carried(made) if !self.policy.carried_code() => {
                let hooks = self.hooks();
                let runs = match hook {
                    Hook::SetAttribute => {
                        hooks.registers(self.graph, made)
                            || hooks.is_class(made) && hooks.runs_of_metaclass(self.graph, made, Hook::SetAttribute)
                    }
                    Hook::SetState => hooks.runs_by_build(self.graph, made),
                    _ => true,
                };
                if runs {
                    let subject = format!("a method of {}", shown::carried(self.graph, node));
                    self.find(FindingKind::CarriedCode, offset, subject, None);
                }
            }
            Object::Instance(class) => {
                let of_all = |name: &Name<'_>| match (&*name.module, &*name.qualname) {
                    ("logging", "getLogger") => true,
                    // They change what they were made of.
                    ("collections", "ChainMap" | "UserDict" | "UserList") => hook == Hook::Items,
                    _ => false,
                };
                if let Object::Named(name) = &**class
                    && of_all(name)
                {
                    self.find(FindingKind::ChangesImported, offset, format!("an object by {name}"), None);
                }
                if let Object::Carried(made) = **class
                    && !self.policy.carried_code()
                    && self.hooks().runs(self.graph, made, &[hook, Hook::SetAttribute])
                {
                    let subject = format!("a method of {}", shown::carried(self.graph, made));
                    self.find(FindingKind::CarriedCode, offset, subject, None);
                }
            }
            Object::Unknown if !matches!(self.graph.node(node), Node::PersistentId(_) | Node::BinPersistentId(_)) => {
                self.find(FindingKind::CallOfResult, offset, "a method of what another call returned".to_owned(), None);
            }
            _ => {}
        }
    }

    /// What a state has for slots is set by `setattr`, which runs properties.
    pub(super) fn properties(&mut self, offset: u64, object: NodeId, slots: NodeId) {
        if self.policy.carried_code() || self.graph.node(slots).as_dict().is_none_or(<[_]>::is_empty) {
            return;
        }
        if let Object::Instance(class) = Object::of(self.graph, object)
            && let Object::Carried(made) = *class
            && self.hooks().runs(self.graph, made, &[Hook::Property])
            && self.hooks().sets_property(self.graph, slots)
        {
            let subject = format!("a property of {}", shown::carried(self.graph, made));
            self.find(FindingKind::CarriedCode, offset, subject, None);
        }
    }

    /// Loading looks for these on the object itself, so that a state can put them there.
    pub(super) fn state(&mut self, offset: u64, state: NodeId) {
        let parts = match self.graph.node(state) {
            Node::Tuple(&[dict, slots]) => [dict, slots],
            _ => [state, NodeId::NONE],
        };
        for part in parts {
            if !self.states.insert(part) {
                continue;
            }
            for &[key, value] in self.graph.node(part).as_dict().unwrap_or_default() {
                let Some(key) = short_text(self.graph, key) else { continue };
                let is_method = match key {
                    "__setstate__" | "__class__" | "__reduce__" | "__reduce_ex__" => true,
                    "append" | "extend" | "add" => !matches!(Object::of(self.graph, value), Object::Data),
                    _ => false,
                };
                if is_method {
                    self.find(FindingKind::SetsMethod, offset, key.to_owned(), None);
                }
            }
        }
    }

    /// The state that a class or function is given by a call: a pair of dicts, or one.
    pub(super) fn plain_state(&mut self, offset: u64, state: NodeId) {
        let graph = self.graph;
        let is_plain = |id: NodeId| id == NodeId::NONE || matches!(graph.node(id), Node::Dict(_));
        let parts = graph.node(state).as_tuple();
        if !parts.map_or_else(|| is_plain(state), |parts| parts.iter().all(|&part| is_plain(part))) {
            self.find(FindingKind::CallOfResult, offset, "a method of a computed state".to_owned(), None);
        }
    }
}
