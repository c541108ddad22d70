//! Instances whose methods run because they are given to a call, or because they are keys.

use pickle_graph::{Node, NodeId, Step};
use rustc_hash::FxHashSet;

use super::Judge;
use crate::report::{
    FindingKind,
    callables::{converts, holds},
    hooks::Hook,
    resolve::{Name, Object},
    shown,
};

impl Judge<'_> {
    /// What a class is given to make an instance of. A class that the pickle carries inherits what looks at it.
    pub(super) fn given_to_class(&mut self, offset: u64, class: NodeId, args: &[NodeId]) {
        match Object::called(self.graph, class) {
            Object::Named(name) if !holds(&name) => self.given_instances(offset, Some(&name), args),
            Object::Carried(made) if !self.policy.carried_code() && !self.hooks().holds_arguments(self.graph, made) => {
                self.given_instances(offset, None, args);
            }
            _ => {}
        }
    }

    /// What a call is given: instances, at any depth, whose methods it may call.
    pub(super) fn given_instances(&mut self, offset: u64, callee: Option<&Name<'_>>, args: &[NodeId]) {
        let converts = callee.is_some_and(converts);
        for &arg in args.iter().filter(|_| converts) {
            if let Object::Instance(class) = Object::of(self.graph, arg)
                && let Object::Named(name) = *class
                && !matches!(&*name.module, "builtins" | "_codecs")
            {
                self.find(FindingKind::CallOfResult, offset, format!("a method of an instance of {name}"), None);
            }
        }
        if self.policy.carried_code() {
            return;
        }
        let graph = self.graph;
        let holds = |&part: &NodeId| match graph.node(part) {
            Node::Reduce { .. } | Node::NewObj { .. } | Node::NewObjEx { .. } | Node::Inst { .. } | Node::Obj { .. } => true,
            node => matches!(node, Node::List(_) | Node::Tuple(_) | Node::Dict(_) | Node::Set(_) | Node::FrozenSet(_)),
        };
        let mut pending: Vec<NodeId> = args.iter().copied().filter(holds).collect();
        while let Some(part) = pending.pop() {
            // One time is enough for all calls that are given the same.
            if !self.looked_at.insert(part) {
                continue;
            }
            match Object::of(self.graph, part) {
                Object::Instance(class) => self.given_instance(offset, callee, part, &class),
                Object::Carried(made) => {
                    if self.hooks().runs_as_argument(self.graph, made) {
                        let subject = format!("attributes of {}, which a call is given", shown::carried(self.graph, made));
                        self.find(FindingKind::CarriedCode, offset, subject, None);
                    }
                    continue;
                }
                Object::Named(_) | Object::Module(_) => continue,
                Object::Data | Object::Unknown => {}
            }
            pending.extend(graph.children(part).filter(holds));
        }
    }

    pub(super) fn given_instance(&mut self, offset: u64, callee: Option<&Name<'_>>, instance: NodeId, class: &Object<'_>) {
        let Object::Carried(made) = *class else { return };
        if !self.policy.carried_code() && !self.hooks().is_passive(self.graph, made) {
            let what = shown::carried(self.graph, made);
            let subject = match callee {
                Some(callee) => format!("methods of {what}, which {callee} is given"),
                None => format!("methods of {what}, which {} is given", shown::object(self.graph, instance)),
            };
            self.find(FindingKind::CarriedCode, offset, subject, None);
        }
    }

    /// Dicts and sets ask their keys for their hashes.
    pub(super) fn keys(&mut self) {
        if !self.carries || self.policy.carried_code() || !self.hooks().any_class() {
            return;
        }
        let graph = self.graph;
        let (mut seen, mut keys, mut pending) = (FxHashSet::default(), Vec::new(), Vec::new());
        for id in graph.ids() {
            let is_hashed = |key: &NodeId| !matches!(graph.node(*key), Node::Str(_) | Node::Int(_) | Node::Bytes(_));
            keys.clear();
            match graph.node(id) {
                Node::Dict(items) => keys.extend(items.iter().map(|&[key, _]| key).filter(is_hashed)),
                Node::Set(items) | Node::FrozenSet(items) => keys.extend(items.iter().copied().filter(is_hashed)),
                _ => {}
            }
            for step in graph.steps(id) {
                match step {
                    Step::SetItems(items) => keys.extend(items.iter().map(|&[key, _]| key).filter(is_hashed)),
                    Step::AddItems(items) => keys.extend(items.iter().copied().filter(is_hashed)),
                    _ => {}
                }
            }
            for &key in &keys {
                pending.push(key);
                while let Some(part) = pending.pop() {
                    match graph.node(part) {
                        // Many keys may hold the same.
                        Node::Tuple(items) | Node::FrozenSet(items) => {
                            if seen.insert(part) {
                                pending.extend(items);
                            }
                        }
                        _ => {
                            let hashed = match Object::of(graph, part) {
                                Object::Instance(class) => *class,
                                Object::Carried(made) => match self.hooks().metaclass(graph, made) {
                                    Some(metaclass) => Object::Carried(metaclass),
                                    None => continue,
                                },
                                _ => continue,
                            };
                            let Object::Carried(made) = hashed else {
                                // Its hash may be that of what it holds.
                                if graph.children(part).next().is_some() {
                                    let offset = self.offset_of(part);
                                    self.given_instances(offset, None, &[part]);
                                }
                                continue;
                            };
                            if self.hooks().runs(graph, made, &[Hook::Hash]) {
                                let offset = self.offset_of(part);
                                let subject = format!("{}.__hash__", shown::carried(graph, made));
                                self.find(FindingKind::CarriedCode, offset, subject, None);
                            }
                        }
                    }
                }
            }
        }
    }

    /// Where the last event of an object is.
    pub(super) fn offset_of(&mut self, object: NodeId) -> u64 {
        let events = self.events;
        let offsets = self.offsets.get_or_insert_with(|| events.iter().map(|event| (event.node, event.offset)).collect());
        offsets.get(&object).copied().unwrap_or_default()
    }
}
