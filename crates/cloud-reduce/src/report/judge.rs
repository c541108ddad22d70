//! Finds what a pickle does and a policy does not allow.

mod call;
mod change;
mod instance;

use std::{
    cell::OnceCell,
    collections::{HashMap, HashSet},
};

use pickle_graph::{Graph, Node, NodeId, Step};
use rustc_hash::{FxHashMap, FxHashSet};

use super::{
    callables::takes_apart,
    expansion::expansion,
    finding::{Finding, FindingKind},
    hooks::{Hook, Hooks, imports_maker},
    resolve::{Name, Object},
    shown,
    trace::{Action, Event, Trace},
};
use crate::{Policy, Use, scan::Budget};

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
        offsets: None,
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
        findings.push(Finding::new(FindingKind::Opaque, offset, subject));
    }
    if let Some(offset) = trace.crossed_frame {
        let subject = "an opcode that crosses the end of a frame";
        findings.push(Finding::new(FindingKind::Frames, offset, subject));
    }
    if let Some(subject) = expansion(trace) {
        findings.push(Finding::new(FindingKind::Expansion, 0, subject));
    }
    if let Some(error) = &trace.error {
        findings.push(Finding::new(FindingKind::Broken, error.offset(), error.to_string()));
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
    /// Where the last event of each object is, once that was asked for.
    offsets: Option<FxHashMap<NodeId, u64>>,
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
        let mut findings = self.findings;
        if !findings.iter().any(|finding| finding.kind == FindingKind::Import) {
            return findings;
        }
        let used = |finding: &&Finding| matches!(finding.kind, FindingKind::Call | FindingKind::New);
        let used: HashSet<&str> = findings.iter().filter(used).filter_map(|finding| finding.rule.as_deref().map(bare)).collect();
        let is_used = |finding: &Finding| {
            finding.kind == FindingKind::Import && finding.rule.as_deref().is_some_and(|rule| used.contains(bare(rule)))
        };
        let mut stays = findings.iter().map(|finding| !is_used(finding)).collect::<Vec<_>>().into_iter();
        findings.retain(|_| stays.next().unwrap_or(true));
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

    fn hooks(&self) -> &Hooks {
        self.hooks.get_or_init(|| Hooks::of(self.graph, self.events))
    }
}

/// The rule by which a policy would allow an object that much.
fn rule(name: &Name<'_>, most: Use) -> String {
    name.text_behind(match most {
        Use::Call => "",
        Use::New => "new:",
        Use::Import => "import:",
    })
}

/// A rule without what it allows.
fn bare(rule: &str) -> &str {
    rule.strip_prefix("import:").or_else(|| rule.strip_prefix("new:")).unwrap_or(rule)
}
