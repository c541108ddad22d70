//! Calls: what is called, what that does with its arguments, and the pickles within them.

use bytes::Bytes;
use pickle_graph::{Node, NodeId};

use super::{Judge, MAX_NESTED, rule};
use crate::{
    Reconstructor, Use, model,
    report::{
        FindingKind,
        callables::{Given, finds_by_name, given, holds},
        hooks::Hook,
        resolve::{Name, Object, makes_carried},
        shown,
    },
    scan,
};

impl Judge<'_> {
    pub(super) fn call(&mut self, offset: u64, call: NodeId) {
        let (callable, args): (NodeId, &[NodeId]) = match self.graph.node(call) {
            Node::Reduce { callable, args } => (callable, self.graph.node(args).as_tuple().unwrap_or_default()),
            Node::Inst { class, args } | Node::Obj { class, args } => (class, args),
            _ => return,
        };
        let (callee, binds) = Object::called_with(self.graph, callable);
        if let Node::Reduce { args, .. } = self.graph.node(call)
            && self.graph.node(args).as_tuple().is_none()
        {
            self.find(FindingKind::CallOfResult, offset, format!("{callee} with computed arguments"), None);
        }
        let mut loads = false;
        match &callee {
            Object::Named(name) => {
                self.carries = self.carries || makes_carried(name, args);
                let made = follows(name).then(|| Object::of(self.graph, call));
                let made = made.filter(|made| matches!(made, Object::Named(_) | Object::Module(_)));
                if let Some(made) = &made {
                    self.import(offset, made);
                }
                // What `builtins.getattr` gives is judged by its name; an import by a call, by both.
                let is_name = matches!(made, Some(Object::Named(_)));
                if !is_name && !self.policy.allows(&name.module, &name.qualname, Use::Call) {
                    let subject = shown::call(self.graph, name.text_behind(""), args);
                    self.find(FindingKind::Call, offset, subject, Some(rule(name, Use::Call)));
                }
                let given = given(name);
                if binds && !given.is_empty() {
                    self.find(FindingKind::CallOfResult, offset, format!("{name} with arguments that another call bound"), None);
                }
                if !holds(name) {
                    self.given_instances(offset, Some(name), args);
                }
                // A name that only running it gives.
                if made.is_none() && finds_by_name(name) {
                    let subject = shown::call(self.graph, name.text_behind(""), args);
                    self.find(FindingKind::ComputedName, offset, subject, None);
                }
                for given in given {
                    loads |= matches!(given, Given::Loaded(_));
                    self.given(offset, given, args);
                }
            }
            Object::Carried(made) => self.call_carried(offset, callable, *made, args),
            _ => self.find(FindingKind::CallOfResult, offset, callee.to_string(), None),
        }
        self.look_inside(offset, callable, args, loads);
    }

    /// A call of a class or function that the pickle carries.
    pub(super) fn call_carried(&mut self, offset: u64, callable: NodeId, made: NodeId, args: &[NodeId]) {
        if self.policy.carried_code() {
            return;
        }
        let hooks = [Hook::New, Hook::Init, Hook::Missing, Hook::Del, Hook::SetAttribute];
        if self.hooks().runs(self.graph, made, &hooks) {
            let subject = shown::call(self.graph, shown::carried(self.graph, callable), args);
            self.find(FindingKind::CarriedCode, offset, subject, None);
        }
        self.given_to_class(offset, callable, args);
    }

    pub(super) fn given(&mut self, offset: u64, given: &Given, args: &[NodeId]) {
        let arg = |index: usize| args.get(index).copied();
        match *given {
            Given::Called(index) => {
                let Some(callable) = arg(index) else { return };
                match Object::called(self.graph, callable) {
                    Object::Named(name) => {
                        if !self.policy.allows(&name.module, &name.qualname, Use::Call) {
                            self.find(FindingKind::Call, offset, name.to_string(), Some(rule(&name, Use::Call)));
                        }
                    }
                    Object::Carried(made) => self.call_carried(offset, callable, made, &[]),
                    Object::Data => {}
                    object => self.find(FindingKind::CallOfResult, offset, object.to_string(), None),
                }
            }
            Given::Made(index) => {
                if let Some(class) = arg(index) {
                    self.new_instance(offset, class);
                }
            }
            Given::Array(index) => {
                let Some(class) = arg(index) else { return };
                // Called otherwise, it creates files.
                let is_memmap = matches!(Object::of(self.graph, class), Object::Named(name)
                    if (&*name.module, &*name.qualname) == ("numpy", "memmap"));
                if !is_memmap {
                    self.new_instance(offset, class);
                }
            }
            Given::Metaclass(index) => {
                self.given(offset, &Given::Called(index), args);
                if let Some(metaclass) = arg(index)
                    && let Object::Carried(made) = Object::of(self.graph, metaclass)
                    && !self.policy.carried_code()
                    && self.hooks().runs(self.graph, made, &[Hook::Meta, Hook::Check, Hook::SetAttribute, Hook::Hash])
                {
                    let subject = format!("a method of {}, which makes a class", shown::carried(self.graph, made));
                    self.find(FindingKind::CarriedCode, offset, subject, None);
                }
            }
            Given::Globals(index) => {
                let Some(globals) = arg(index) else { return };
                if Object::of(self.graph, globals) != Object::Data {
                    self.find(FindingKind::ChangesImported, offset, "what another call returned, as globals".to_owned(), None);
                }
            }
            Given::Changed(index) | Given::Restored(index) => {
                let restores = matches!(given, Given::Restored(_));
                let (Some(object), Some(state)) = (arg(index), arg(index + 1)) else { return };
                let graph = self.graph;
                let changed = Object::of(graph, object);
                match &changed {
                    Object::Carried(_) | Object::Named(_) | Object::Module(_) => {
                        self.change(offset, object, &changed, Hook::SetAttribute);
                    }
                    // As cloudpickle gave instances their attributes before 1.2.
                    Object::Instance(class) if restores && matches!(**class, Object::Carried(_)) => {
                        self.change(offset, object, &changed, Hook::SetAttribute);
                        self.state(offset, state);
                        self.properties(offset, object, state);
                    }
                    _ => {
                        let subject = format!("the setter of {}", shown::object(self.graph, object));
                        self.find(FindingKind::CallOfResult, offset, subject, None);
                    }
                }
                self.plain_state(offset, state);
            }
            Given::Bases(index) => {
                // `type` of one argument tells of what type it is.
                let Some(bases) = arg(index) else { return };
                let bases = self.graph.node(bases).as_tuple();
                if bases.is_none() {
                    self.find(FindingKind::CallOfResult, offset, "a subclass hook of computed bases".to_owned(), None);
                }
                // The members of an enum are made together with it.
                let hooks: &[Hook] = if index == 0 {
                    &[
                        Hook::InitSubclass,
                        Hook::New,
                        Hook::Init,
                        Hook::Hash,
                        Hook::SetAttribute,
                        Hook::Del,
                        Hook::Check,
                        Hook::Missing,
                        Hook::Member,
                    ]
                } else {
                    &[Hook::InitSubclass]
                };
                for &base in bases.unwrap_or_default() {
                    match Object::of(self.graph, base) {
                        Object::Named(_) => {}
                        Object::Carried(made) => {
                            if !self.policy.carried_code() && self.hooks().runs(self.graph, made, hooks) {
                                let subject = format!("__init_subclass__ of {}", shown::carried(self.graph, base));
                                self.find(FindingKind::CarriedCode, offset, subject, None);
                            }
                        }
                        object => self.find(FindingKind::CallOfResult, offset, format!("a subclass hook of {object}"), None),
                    }
                }
            }
            // `look_inside` looks at the bytes.
            Given::Loaded(index) => match arg(index).and_then(|data| model::bytes(self.graph, data)) {
                None => self.find(FindingKind::TooDeep, offset, "what the pickle computes".to_owned(), None),
                Some(data) if scan::is_archive(&data) => {
                    self.find(FindingKind::Opaque, offset, "an archive that a call is given".to_owned(), None);
                }
                Some(_) => {}
            },
        }
    }

    pub(super) fn new_instance(&mut self, offset: u64, class: NodeId) {
        match Object::of(self.graph, class) {
            Object::Named(name) => {
                // What a metaclass makes by `__new__` is a class, whose bases are told of it.
                let is_meta = matches!(
                    (&*name.module, &*name.qualname),
                    ("builtins", "type") | ("abc", "ABCMeta") | ("enum", "EnumMeta" | "EnumType")
                );
                if is_meta || !self.policy.allows(&name.module, &name.qualname, Use::New) {
                    self.find(FindingKind::New, offset, name.to_string(), Some(rule(&name, Use::New)));
                }
            }
            Object::Carried(made) => {
                if !self.policy.carried_code() && self.hooks().runs(self.graph, made, &[Hook::New, Hook::Del]) {
                    let subject = format!("{}.__new__", shown::carried(self.graph, class));
                    self.find(FindingKind::CarriedCode, offset, subject, None);
                }
            }
            object => self.find(FindingKind::CallOfResult, offset, object.to_string(), None),
        }
    }

    /// Looks for pickles within the bytes that a call is given.
    pub(super) fn look_inside(&mut self, offset: u64, callable: NodeId, args: &[NodeId], loads: bool) {
        // More arguments than these are no call of anything that loads.
        for &arg in args.iter().take(16) {
            if !matches!(self.graph.node(arg), Node::Bytes(_) | Node::ByteArray(_) | Node::String(_) | Node::Reduce { .. }) {
                continue;
            }
            if !self.nested.insert(arg) {
                continue;
            }
            let Some(bytes) = model::bytes(self.graph, arg).or_else(|| self.graph.node(arg).as_bytes().map(Into::into)) else {
                continue;
            };
            let looks_so = matches!(*bytes, [0x80, 0..=5, _, ..]) && bytes.ends_with(b".");
            if !loads && !looks_so {
                continue;
            }
            let subject = || Object::called(self.graph, callable).to_string();
            if self.depth >= MAX_NESTED {
                self.find(FindingKind::TooDeep, offset, subject(), None);
                continue;
            }
            let bytes = self.graph.shared_bytes(arg).unwrap_or_else(|| Bytes::from(bytes.into_owned()));
            let found = scan::stream(&bytes, self.policy, self.depth + 1, self.budget);
            if self.budget.is_spent() {
                self.find(FindingKind::TooDeep, offset, subject(), None);
            }
            for finding in found {
                // Data that only looks like a pickle is no finding.
                if loads || finding.kind != FindingKind::Broken {
                    self.find_inner(FindingKind::Nested, offset, subject(), None, Some(finding));
                }
            }
        }
    }
}

/// Whether a callable finds an object by a name, so that a call of it is judged by what it finds.
fn follows(callee: &Name<'_>) -> bool {
    match Reconstructor::from_global(&callee.module, &callee.qualname) {
        Some(_) => finds_by_name(callee),
        None => matches!(
            (&*callee.module, &*callee.qualname),
            ("builtins" | "__builtin__", "getattr" | "__import__")
                | ("importlib", "import_module" | "__import__")
                | ("_operator" | "operator", "getitem")
                | ("numpy.core" | "numpy._core", "_ufunc_reconstruct")
        ),
    }
}
