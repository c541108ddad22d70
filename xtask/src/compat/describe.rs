//! A text that is the same for equal values with equal sharing. `python/compat/values.py` gives the same one.

use std::{collections::HashMap, fmt::Write as _, hash::Hash};

use num_bigint::BigInt;
use pickle_graph::{Graph, Node, NodeId, Step};

/// One object, as it is described.
pub(super) enum View<I> {
    None,
    Bool(bool),
    Int(BigInt),
    Float(f64),
    Str(Vec<u32>),
    Bytes(Vec<u8>),
    ByteArray(Vec<u8>),
    List(Vec<I>),
    Tuple(Vec<I>),
    Dict(Vec<(I, I)>),
    /// With the type's name.
    Set(&'static str, Vec<I>),
    Record(Vec<(Vec<u32>, I)>),
    Global(String),
    /// Something else, told as well as can be.
    Unknown(String),
}

/// Objects that can be described.
pub(super) trait Described {
    type Id: Copy + Eq + Hash;

    fn view(&self, id: Self::Id) -> View<Self::Id>;
}

enum Work<I> {
    Object(I),
    Text(String),
}

/// Describes an object and all that it holds.
pub(super) fn describe<D: Described>(objects: &D, root: D::Id) -> String {
    let mut text = String::new();
    let mut names: HashMap<D::Id, usize> = HashMap::new();
    let mut work = vec![Work::Object(root)];
    while let Some(next) = work.pop() {
        let id = match next {
            Work::Object(id) => id,
            Work::Text(literally) => {
                text.push_str(&literally);
                continue;
            }
        };
        let view = objects.view(id);
        if matches!(view, View::List(_) | View::Dict(_) | View::Record(_)) {
            if let Some(name) = names.get(&id) {
                let _ = write!(text, "*{name} ");
                continue;
            }
            names.insert(id, names.len());
        }
        match view {
            View::List(items) => open(&mut text, &mut work, ["[ ", "] "], &items),
            View::Tuple(items) => open(&mut text, &mut work, ["( ", ") "], &items),
            View::Dict(items) => {
                let items = items.into_iter().map(|(key, value)| (describe(objects, key), value)).collect();
                open_items(&mut text, &mut work, "{ ", items);
            }
            View::Record(items) => {
                let items = items.into_iter().map(|(name, value)| (described_text(&name), value)).collect();
                open_items(&mut text, &mut work, "Record{ ", items);
            }
            View::Set(kind, items) => {
                let mut items: Vec<String> = items.into_iter().map(|item| describe(objects, item)).collect();
                items.sort_unstable();
                items.dedup();
                let _ = write!(text, "{kind}< {}> ", items.concat());
            }
            View::None => text.push_str("None "),
            View::Bool(value) => text.push_str(if value { "True " } else { "False " }),
            View::Int(value) => text.push_str(&format!("int:{value} ")),
            View::Float(value) => text.push_str(&format!("float:{} ", super::value::hex(&value.to_be_bytes()))),
            View::Str(points) => text.push_str(&described_text(&points)),
            View::Bytes(bytes) => text.push_str(&format!("bytes:{} ", super::value::hex(&bytes))),
            View::ByteArray(bytes) => text.push_str(&format!("bytearray:{} ", super::value::hex(&bytes))),
            View::Global(name) => text.push_str(&format!("global:{name} ")),
            View::Unknown(what) => text.push_str(&format!("unknown:{what} ")),
        }
    }
    text
}

fn described_text(points: &[u32]) -> String {
    let points: Vec<String> = points.iter().map(|point| format!("{point:x}")).collect();
    format!("str:{} ", points.join("."))
}

fn open<I: Copy>(text: &mut String, work: &mut Vec<Work<I>>, [opening, closing]: [&str; 2], items: &[I]) {
    text.push_str(opening);
    work.push(Work::Text(closing.into()));
    work.extend(items.iter().rev().map(|&item| Work::Object(item)));
}

fn open_items<I: Copy>(text: &mut String, work: &mut Vec<Work<I>>, opening: &str, mut items: Vec<(String, I)>) {
    text.push_str(opening);
    work.push(Work::Text("} ".into()));
    items.sort_by(|(a, _), (b, _)| b.cmp(a));
    for (key, value) in items {
        work.push(Work::Object(value));
        work.push(Work::Text(key));
    }
}

/// A graph is described as what loading its pickle would make, as far as that is data.
impl Described for Graph {
    type Id = NodeId;

    fn view(&self, id: NodeId) -> View<NodeId> {
        let points = |text: pickle_graph::Str<'_>| text.code_points().collect();
        match self.node(id) {
            Node::None => View::None,
            Node::Bool(value) => View::Bool(value),
            Node::Int(value) => View::Int(value.into()),
            Node::BigInt(value) => View::Int(value.clone()),
            Node::Float(value) => View::Float(value),
            Node::Str(text) => View::Str(points(text)),
            Node::String(bytes) | Node::Bytes(bytes) => View::Bytes(bytes.to_vec()),
            Node::ByteArray(bytes) => View::ByteArray(bytes.to_vec()),
            Node::List(items) => View::List(items.to_vec()),
            Node::Tuple(items) => View::Tuple(items.to_vec()),
            Node::Dict(items) => View::Dict(items.iter().map(|&[key, value]| (key, value)).collect()),
            Node::Set(items) => View::Set("set", items.to_vec()),
            Node::FrozenSet(items) => View::Set("frozenset", items.to_vec()),
            Node::Global { name, .. } => View::Global(name.to_string()),
            Node::NewObj { class, .. } => self.record(id, class),
            Node::Reduce { callable, args } => self.reduced(id, callable, args),
            other => View::Unknown(other.kind().to_owned()),
        }
    }
}

/// What a pickle below protocol 5 says of data that its protocol lacks.
trait Reduced {
    fn record(&self, id: NodeId, class: NodeId) -> View<NodeId>;
    fn reduced(&self, id: NodeId, callable: NodeId, args: NodeId) -> View<NodeId>;
    fn encoded(&self, args: &[NodeId]) -> Option<Vec<u8>>;
}

impl Reduced for Graph {
    fn record(&self, id: NodeId, class: NodeId) -> View<NodeId> {
        if self.node(class).as_global() != Some(("compat_cases", "Record")) {
            return View::Unknown(self.node(class).kind().to_owned());
        }
        let mut attributes = Vec::new();
        for step in self.steps(id) {
            let Step::Build(state) = step else { return View::Unknown("a step of a record".into()) };
            for &[name, value] in self.node(state).as_dict().unwrap_or_default() {
                match self.node(name) {
                    Node::Str(name) => attributes.push((name.code_points().collect(), value)),
                    Node::String(name) => attributes.push((name.iter().map(|&byte| u32::from(byte)).collect(), value)),
                    other => return View::Unknown(format!("an attribute named by a {}", other.kind())),
                }
            }
        }
        View::Record(attributes)
    }

    fn reduced(&self, id: NodeId, callable: NodeId, args: NodeId) -> View<NodeId> {
        let (Some((module, name)), Some(args)) = (self.node(callable).as_global(), self.node(args).as_tuple()) else {
            return View::Unknown("a call".into());
        };
        let items = |args: &[NodeId]| match args {
            [] => Some(Vec::new()),
            [items] => self.node(*items).as_list().or(self.node(*items).as_tuple()).map(<[_]>::to_vec),
            _ => None,
        };
        let known = match (module, name) {
            ("_codecs", "encode") => self.encoded(args).map(View::Bytes),
            ("builtins" | "__builtin__", "bytes") if args.is_empty() => Some(View::Bytes(Vec::new())),
            ("builtins" | "__builtin__", "bytearray") => match args {
                [] => Some(View::ByteArray(Vec::new())),
                [bytes] => match self.view(*bytes) {
                    View::Bytes(bytes) => Some(View::ByteArray(bytes)),
                    _ => None,
                },
                args => self.encoded(args).map(View::ByteArray),
            },
            ("builtins" | "__builtin__", "set") => items(args).map(|items| View::Set("set", items)),
            ("builtins" | "__builtin__", "frozenset") => items(args).map(|items| View::Set("frozenset", items)),
            ("copyreg" | "copy_reg", "_reconstructor") => args.first().map(|&class| self.record(id, class)),
            _ => None,
        };
        known.unwrap_or_else(|| View::Unknown(format!("a call of {module}.{name}")))
    }

    /// The bytes of a text whose encoding is Latin-1.
    fn encoded(&self, args: &[NodeId]) -> Option<Vec<u8>> {
        let [text, encoding] = args else { return None };
        let is_latin1 = match self.node(*encoding) {
            Node::Str(name) => matches!(name.as_str(), Some("latin1" | "latin-1")),
            Node::String(name) => matches!(name, b"latin1" | b"latin-1"),
            _ => false,
        };
        let Node::Str(text) = self.node(*text) else { return None };
        if !is_latin1 {
            return None;
        }
        text.code_points().map(|point| u8::try_from(point).ok()).collect()
    }
}
