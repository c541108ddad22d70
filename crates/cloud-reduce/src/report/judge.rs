//! Finds what a pickle does and a policy does not allow.

use std::{
    cell::OnceCell,
    collections::{HashMap, HashSet},
};

use bytes::Bytes;
use pickle_graph::{Graph, Node, NodeId, Step};
use rustc_hash::{FxHashMap, FxHashSet};

use super::{
    callables::{Given, converts, finds_by_name, given, holds, takes_apart},
    expansion::expansion,
    finding::{Finding, FindingKind},
    hooks::{Hook, Hooks, imports_maker},
    resolve::{Name, Object, makes_carried, short_text},
    shown,
    trace::{Action, Event, Trace},
};
use crate::{
    Policy, Reconstructor, Use, model,
    scan::{self, Budget},
};

/// So many findings are found again sooner by looking at each.
const FEW: usize = 16;

/// How deep pickles within pickles are looked at.
pub(crate) const MAX_NESTED: usize = 8;

/// The findings of a pickle, in its order; `depth` pickles are around it, and the budget is for those within.
pub(crate) fn findings(trace: &Trace, policy: &Policy, depth: usize, budget: &Budget) -> Vec<Finding> {
    let mut judge = Judge {
        graph: &trace.graph,
        events: &trace.events,
        policy,
        depth,
        budget,
        findings: Vec::new(),
        places: HashMap::new(),
        states: FxHashSet::default(),
        looked_at: FxHashSet::default(),
        nested: FxHashSet::default(),
        hooks: OnceCell::new(),
        carries: false,
    };
    for event in &trace.events {
        judge.event(event);
    }
    judge.keys();
    let mut findings = judge.finish();
    for (start, array) in &trace.arrays {
        for mut finding in self::findings(array, policy, depth, budget) {
            finding.offset += *start as u64;
            findings.push(finding);
        }
    }
    if let Some(plain) = &trace.plain {
        let known: HashSet<(FindingKind, u64)> = findings.iter().map(|finding| (finding.kind, finding.offset)).collect();
        // Numbers that are read as opcodes spell anything, but hardly ever a name and its call.
        findings.extend(self::findings(plain, policy, depth, budget).into_iter().filter(|finding| {
            matches!(finding.kind, FindingKind::Call | FindingKind::New) && !known.contains(&(finding.kind, finding.offset))
        }));
    }
    if let Some(offset) = trace.untold_array {
        let subject = "an array of joblib whose size cannot be told";
        findings.push(Finding { kind: FindingKind::Opaque, offset, subject: subject.into(), rule: None, count: 1, inner: None });
    }
    if let Some(offset) = trace.crossed_frame {
        let subject = "an opcode that crosses the end of a frame";
        findings.push(Finding { kind: FindingKind::Frames, offset, subject: subject.into(), rule: None, count: 1, inner: None });
    }
    if let Some(subject) = expansion(trace) {
        let subject = subject.into();
        findings.push(Finding { kind: FindingKind::Expansion, offset: 0, subject, rule: None, count: 1, inner: None });
    }
    if let Some(error) = &trace.error {
        findings.push(Finding {
            kind: FindingKind::Broken,
            offset: error.offset(),
            subject: error.to_string().into(),
            rule: None,
            count: 1,
            inner: None,
        });
    }
    findings
}

struct Judge<'a> {
    graph: &'a Graph,
    events: &'a [Event],
    policy: &'a Policy,
    depth: usize,
    budget: &'a Budget,
    findings: Vec<Finding>,
    /// Which finding there is of a kind and a subject, once there are more than [`FEW`].
    places: HashMap<(FindingKind, Box<str>), usize>,
    /// States whose keys were looked at.
    states: FxHashSet<NodeId>,
    /// Lists and tuples of which the items were looked at, for instances.
    looked_at: FxHashSet<NodeId>,
    /// Bytes that were looked into.
    nested: FxHashSet<NodeId>,
    hooks: OnceCell<Hooks>,
    /// Whether a class or a function may have been carried up to here.
    carries: bool,
}

impl Judge<'_> {
    fn event(&mut self, event: &Event) {
        let offset = event.offset;
        let graph = self.graph;
        match event.action {
            Action::Import => match graph.node(event.node) {
                Node::Extension(code) => self.find(FindingKind::Extension, offset, format!("extension code {code}"), None),
                _ => {
                    self.carries = self.carries || imports_maker(graph, event.node);
                    self.import(offset, &Object::of(graph, event.node));
                }
            },
            Action::ImportComputed => {
                let names = match self.graph.node(event.node) {
                    Node::Reduce { args, .. } => {
                        shown::arguments(self.graph, self.graph.node(args).as_tuple().unwrap_or_default())
                    }
                    _ => String::new(),
                };
                self.find(FindingKind::ComputedName, offset, format!("find_class({names})"), None);
            }
            Action::Call => self.call(offset, event.node),
            Action::New => {
                if let Node::NewObj { class, args } | Node::NewObjEx { class, args, .. } = self.graph.node(event.node) {
                    self.new_instance(offset, class);
                    let kwargs = match self.graph.node(event.node) {
                        Node::NewObjEx { kwargs, .. } => kwargs,
                        _ => NodeId::EMPTY_TUPLE,
                    };
                    self.given_to_class(offset, class, &[args, kwargs]);
                    self.look_inside(offset, class, self.graph.node(args).as_tuple().unwrap_or_default(), false);
                }
            }
            Action::Persistent => {
                if !self.policy.persistent_ids() {
                    self.find(FindingKind::PersistentId, offset, "a persistent id".to_owned(), None);
                }
            }
            Action::SetState { state } => {
                let object = Object::of(graph, event.node);
                self.change(offset, event.node, &object, Hook::SetState);
                if matches!(&object, Object::Instance(class) if takes_apart(class)) {
                    self.given_instances(offset, None, &[state]);
                } else if let Object::Instance(class) = Object::of(graph, state) {
                    self.given_instance(offset, None, state, &class);
                }
                self.state(offset, state);
                if let Node::Tuple(&[_, slots]) = self.graph.node(state) {
                    self.properties(offset, event.node, slots);
                }
            }
            Action::AddItems { .. } => {
                let object = Object::of(graph, event.node);
                self.change(offset, event.node, &object, Hook::Items);
                let is_array = match &object {
                    Object::Data => true,
                    Object::Instance(class) => matches!(&**class, Object::Named(name) if &*name.module == "array"),
                    _ => false,
                };
                if is_array {
                    for step in self.graph.steps(event.node) {
                        if let Step::Append(items) = step {
                            self.given_instances(offset, None, items);
                        }
                    }
                }
            }
        }
    }

    fn find(&mut self, kind: FindingKind, offset: u64, subject: String, rule: Option<String>) {
        self.find_inner(kind, offset, subject, rule, None);
    }

    fn find_inner(&mut self, kind: FindingKind, offset: u64, subject: String, rule: Option<String>, inner: Option<Finding>) {
        if let Some(known) = self.place(kind, &subject).filter(|_| inner.is_none()) {
            self.findings[known].count += 1;
            return;
        }
        let (rule, inner) = (rule.map(Into::into), inner.map(Box::new));
        self.findings.push(Finding { kind, offset, subject: subject.into(), rule, count: 1, inner });
        match self.findings.len() {
            ..=FEW => {}
            len => {
                let first = if self.places.is_empty() { 0 } else { len - 1 };
                let places = self.findings[first..].iter().zip(first..);
                self.places.extend(places.map(|(finding, place)| ((finding.kind, finding.subject.clone()), place)));
            }
        }
    }

    /// The last finding of a kind and a subject.
    fn place(&self, kind: FindingKind, subject: &str) -> Option<usize> {
        if self.places.is_empty() {
            return self.findings.iter().rposition(|finding| finding.kind == kind && *finding.subject == *subject);
        }
        self.places.get(&(kind, subject.into())).copied()
    }

    /// All findings. That an object is imported goes without saying where it is called.
    fn finish(self) -> Vec<Finding> {
        if self.findings.is_empty() {
            return self.findings;
        }
        let used = |finding: &Finding| matches!(finding.kind, FindingKind::Call | FindingKind::New);
        let used: HashSet<Box<str>> =
            self.findings.iter().filter(|finding| used(finding)).filter_map(|finding| bare(finding.rule.as_deref()?)).collect();
        let mut findings = self.findings;
        findings.retain(|finding| {
            finding.kind != FindingKind::Import
                || !finding.rule.as_deref().and_then(bare).is_some_and(|name| used.contains(&name))
        });
        findings
    }

    fn import(&mut self, offset: u64, object: &Object<'_>) {
        match object {
            Object::Named(name) if !self.policy.allows(&name.module, &name.qualname, Use::Import) => {
                self.find(FindingKind::Import, offset, name.text_behind(""), Some(rule(name, Use::Import)));
            }
            Object::Module(module) if !self.policy.allows_module(module) => {
                self.find(FindingKind::Import, offset, format!("the module {module}"), Some(format!("import:{module}")));
            }
            _ => {}
        }
    }

    fn call(&mut self, offset: u64, call: NodeId) {
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
                    let subject = format!("{name}({})", shown::arguments(self.graph, args));
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
                    let subject = format!("{name}({})", shown::arguments(self.graph, args));
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
    fn call_carried(&mut self, offset: u64, callable: NodeId, made: NodeId, args: &[NodeId]) {
        if self.policy.carried_code() {
            return;
        }
        let hooks = [Hook::New, Hook::Init, Hook::Missing, Hook::Del, Hook::SetAttribute];
        if self.hooks().runs(self.graph, made, &hooks) {
            let subject = format!("{}({})", shown::carried(self.graph, callable), shown::arguments(self.graph, args));
            self.find(FindingKind::CarriedCode, offset, subject, None);
        }
        self.given_to_class(offset, callable, args);
    }

    fn given(&mut self, offset: u64, given: &Given, args: &[NodeId]) {
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

    /// What a class is given to make an instance of. A class that the pickle carries inherits what looks at it.
    fn given_to_class(&mut self, offset: u64, class: NodeId, args: &[NodeId]) {
        match Object::called(self.graph, class) {
            Object::Named(name) if !holds(&name) => self.given_instances(offset, Some(&name), args),
            Object::Carried(made) if !self.policy.carried_code() && !self.hooks().holds_arguments(self.graph, made) => {
                self.given_instances(offset, None, args);
            }
            _ => {}
        }
    }

    /// What a call is given: instances, at any depth, whose methods it may call.
    fn given_instances(&mut self, offset: u64, callee: Option<&Name<'_>>, args: &[NodeId]) {
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
        let mut pending = args.to_vec();
        while let Some(part) = pending.pop() {
            match self.graph.node(part) {
                Node::Reduce { .. }
                | Node::NewObj { .. }
                | Node::NewObjEx { .. }
                | Node::Inst { .. }
                | Node::Obj { .. }
                | Node::List(_)
                | Node::Tuple(_)
                | Node::Dict(_)
                | Node::Set(_)
                | Node::FrozenSet(_) => {}
                _ => continue,
            }
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
            pending.extend(self.graph.children(part));
        }
    }

    fn given_instance(&mut self, offset: u64, callee: Option<&Name<'_>>, instance: NodeId, class: &Object<'_>) {
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

    /// The state that a class or function is given by a call: a pair of dicts, or one.
    fn plain_state(&mut self, offset: u64, state: NodeId) {
        let graph = self.graph;
        let is_plain = |id: NodeId| id == NodeId::NONE || matches!(graph.node(id), Node::Dict(_));
        let parts = graph.node(state).as_tuple();
        if !parts.map_or_else(|| is_plain(state), |parts| parts.iter().all(|&part| is_plain(part))) {
            self.find(FindingKind::CallOfResult, offset, "a method of a computed state".to_owned(), None);
        }
    }

    fn new_instance(&mut self, offset: u64, class: NodeId) {
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

    /// An object gets a state, attributes or items.
    fn change(&mut self, offset: u64, node: NodeId, object: &Object<'_>, hook: Hook) {
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
    fn properties(&mut self, offset: u64, object: NodeId, slots: NodeId) {
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
    fn state(&mut self, offset: u64, state: NodeId) {
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

    /// Dicts and sets ask their keys for their hashes.
    fn keys(&mut self) {
        if !self.carries || self.policy.carried_code() || !self.hooks().any_class() {
            return;
        }
        let (graph, events) = (self.graph, self.events);
        let mut seen = FxHashSet::default();
        let offsets: FxHashMap<NodeId, u64> = events.iter().map(|event| (event.node, event.offset)).collect();
        for id in graph.ids() {
            let keys: Vec<NodeId> = match graph.node(id) {
                Node::Dict(items) => items.iter().map(|&[key, _]| key).collect(),
                Node::Set(items) | Node::FrozenSet(items) => items.to_vec(),
                _ => Vec::new(),
            };
            let set = graph.steps(id).flat_map(|step| match step {
                Step::SetItems(items) => items.iter().map(|&[key, _]| key).collect(),
                Step::AddItems(items) => items.to_vec(),
                _ => Vec::new(),
            });
            for key in keys.into_iter().chain(set) {
                let mut pending = vec![key];
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
                                    let offset = offsets.get(&part).copied().unwrap_or_default();
                                    self.given_instances(offset, None, &[part]);
                                }
                                continue;
                            };
                            if self.hooks().runs(graph, made, &[Hook::Hash]) {
                                let offset = offsets.get(&part).copied().unwrap_or_default();
                                let subject = format!("{}.__hash__", shown::carried(graph, made));
                                self.find(FindingKind::CarriedCode, offset, subject, None);
                            }
                        }
                    }
                }
            }
        }
    }

    /// Looks for pickles within the bytes that a call is given.
    fn look_inside(&mut self, offset: u64, callable: NodeId, args: &[NodeId], loads: bool) {
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

    fn hooks(&self) -> &Hooks {
        self.hooks.get_or_init(|| Hooks::of(self.graph, self.events))
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

fn rule(name: &Name<'_>, most: Use) -> String {
    name.text_behind(match most {
        Use::Call => "",
        Use::New => "new:",
        Use::Import => "import:",
    })
}

/// A rule without what it allows.
fn bare(rule: &str) -> Option<Box<str>> {
    Some(rule.strip_prefix("import:").or_else(|| rule.strip_prefix("new:")).unwrap_or(rule).into())
}
