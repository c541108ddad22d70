//! A text that is the same for equal values with equal sharing. `python/compat/values.py` gives the same one.

use std::{collections::HashMap, fmt::Write as _, hash::Hash};

use num_bigint::BigInt;
use pickle_graph::{Graph, Node, NodeId, Step};

/// One object, which holds others by what identifies them.
#[derive(Clone, PartialEq)]
pub(super) enum Object<I> {
    None,
    Bool(bool),
    Int(BigInt),
    Float(f64),
    /// By its code points.
    Str(Vec<u32>),
    Bytes(Vec<u8>),
    ByteArray(Vec<u8>),
    List(Vec<I>),
    Tuple(Vec<I>),
    Dict(Vec<(I, I)>),
    /// With the type's name.
    Set(&'static str, Vec<I>),
    /// An instance of `compat_cases.Record` with attributes of these names.
    Record(Vec<(Vec<u32>, I)>),
    /// Module and name, of which only the latter is the same in every Python.
    Global(String, String),
    /// Something else, told as well as can be: Rust does not know its value.
    Unknown(String),
}

/// The names of the types of [`Object::Set`].
pub(super) const SET: &str = "set";
pub(super) const FROZENSET: &str = "frozenset";

/// Objects that can be described.
pub(super) trait Described {
    type Id: Copy + Eq + Hash;

    fn object(&self, id: Self::Id) -> Object<Self::Id>;
}

enum Work<I> {
    Of(I),
    Text(String),
}

/// Describes an object and all that it holds.
pub(super) fn describe<D: Described>(objects: &D, root: D::Id) -> String {
    let mut text = String::new();
    let mut names: HashMap<D::Id, usize> = HashMap::new();
    let mut work = vec![Work::Of(root)];
    while let Some(next) = work.pop() {
        let id = match next {
            Work::Of(id) => id,
            Work::Text(literally) => {
                text.push_str(&literally);
                continue;
            }
        };
        let object = objects.object(id);
        if matches!(object, Object::List(_) | Object::Dict(_) | Object::Record(_)) {
            if let Some(name) = names.get(&id) {
                let _ = write!(text, "*{name} ");
                continue;
            }
            names.insert(id, names.len());
        }
        match object {
            Object::List(items) => open(&mut text, &mut work, ["[ ", "] "], &items),
            Object::Tuple(items) => open(&mut text, &mut work, ["( ", ") "], &items),
            Object::Dict(items) => {
                let items = items.into_iter().map(|(key, value)| (describe(objects, key), value)).collect();
                open_items(&mut text, &mut work, "{ ", items);
            }
            Object::Record(items) => {
                let items = items.into_iter().map(|(name, value)| (described_text(&name), value)).collect();
                open_items(&mut text, &mut work, "Record{ ", items);
            }
            Object::Set(kind, items) => {
                let mut items: Vec<String> = items.into_iter().map(|item| describe(objects, item)).collect();
                items.sort_unstable();
                items.dedup();
                let _ = write!(text, "{kind}< {}> ", items.concat());
            }
            Object::None => text.push_str("None "),
            Object::Bool(value) => text.push_str(if value { "True " } else { "False " }),
            Object::Int(value) => text.push_str(&format!("int:{value} ")),
            Object::Float(value) => text.push_str(&format!("float:{} ", super::value::hex(&value.to_be_bytes()))),
            Object::Str(points) => text.push_str(&described_text(&points)),
            Object::Bytes(bytes) => text.push_str(&format!("bytes:{} ", super::value::hex(&bytes))),
            Object::ByteArray(bytes) => text.push_str(&format!("bytearray:{} ", super::value::hex(&bytes))),
            Object::Global(_, name) => text.push_str(&format!("global:{name} ")),
            Object::Unknown(what) => text.push_str(&format!("unknown:{what} ")),
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
    work.extend(items.iter().rev().map(|&item| Work::Of(item)));
}

fn open_items<I: Copy>(text: &mut String, work: &mut Vec<Work<I>>, opening: &str, mut items: Vec<(String, I)>) {
    text.push_str(opening);
    work.push(Work::Text("} ".into()));
    items.sort_by(|(a, _), (b, _)| b.cmp(a));
    for (key, value) in items {
        work.push(Work::Of(value));
        work.push(Work::Text(key));
    }
}

/// A graph is described as what loading its pickle would make, as far as that is data.
impl Described for Graph {
    type Id = NodeId;

    fn object(&self, id: NodeId) -> Object<NodeId> {
        let points = |text: pickle_graph::Str<'_>| text.code_points().collect();
        match self.node(id) {
            Node::None => Object::None,
            Node::Bool(value) => Object::Bool(value),
            Node::Int(value) => Object::Int(value.into()),
            Node::BigInt(value) => Object::Int(value.clone()),
            Node::Float(value) => Object::Float(value),
            Node::Str(text) => Object::Str(points(text)),
            Node::String(bytes) | Node::Bytes(bytes) => Object::Bytes(bytes.to_vec()),
            Node::ByteArray(bytes) => Object::ByteArray(bytes.to_vec()),
            Node::List(items) => Object::List(items.to_vec()),
            Node::Tuple(items) => Object::Tuple(items.to_vec()),
            Node::Dict(items) => Object::Dict(items.iter().map(|&[key, value]| (key, value)).collect()),
            Node::Set(items) => Object::Set(SET, items.to_vec()),
            Node::FrozenSet(items) => Object::Set(FROZENSET, items.to_vec()),
            Node::Global { module, name } => Object::Global(module.to_string(), name.to_string()),
            Node::NewObj { class, .. } => self.record(id, class),
            Node::Reduce { callable, args } => self.reduced(id, callable, args),
            other => Object::Unknown(other.kind().to_owned()),
        }
    }
}

/// What a pickle below protocol 5 says of data that its protocol lacks.
trait Reduced {
    fn record(&self, id: NodeId, class: NodeId) -> Object<NodeId>;
    fn reduced(&self, id: NodeId, callable: NodeId, args: NodeId) -> Object<NodeId>;
    fn encoded(&self, args: &[NodeId]) -> Option<Vec<u8>>;
}

impl Reduced for Graph {
    fn record(&self, id: NodeId, class: NodeId) -> Object<NodeId> {
        if self.node(class).as_global() != Some(("compat_cases", "Record")) {
            return Object::Unknown(self.node(class).kind().to_owned());
        }
        let mut attributes = Vec::new();
        for step in self.steps(id) {
            let Step::Build(state) = step else { return Object::Unknown("a step of a record".into()) };
            for &[name, value] in self.node(state).as_dict().unwrap_or_default() {
                match self.node(name) {
                    Node::Str(name) => attributes.push((name.code_points().collect(), value)),
                    Node::String(name) => attributes.push((name.iter().map(|&byte| u32::from(byte)).collect(), value)),
                    other => return Object::Unknown(format!("an attribute named by a {}", other.kind())),
                }
            }
        }
        Object::Record(attributes)
    }

    fn reduced(&self, id: NodeId, callable: NodeId, args: NodeId) -> Object<NodeId> {
        let (Some((module, name)), Some(args)) = (self.node(callable).as_global(), self.node(args).as_tuple()) else {
            return Object::Unknown("a call".into());
        };
        let items = |args: &[NodeId]| match args {
            [] => Some(Vec::new()),
            [items] => self.node(*items).as_list().or(self.node(*items).as_tuple()).map(<[_]>::to_vec),
            _ => None,
        };
        let known = match (module, name) {
            ("_codecs", "encode") => self.encoded(args).map(Object::Bytes),
            ("builtins" | "__builtin__", "bytes") if args.is_empty() => Some(Object::Bytes(Vec::new())),
            ("builtins" | "__builtin__", "bytearray") => match args {
                [] => Some(Object::ByteArray(Vec::new())),
                [bytes] => match self.object(*bytes) {
                    Object::Bytes(bytes) => Some(Object::ByteArray(bytes)),
                    _ => None,
                },
                args => self.encoded(args).map(Object::ByteArray),
            },
            ("builtins" | "__builtin__", "set") => items(args).map(|items| Object::Set(SET, items)),
            ("builtins" | "__builtin__", "frozenset") => items(args).map(|items| Object::Set(FROZENSET, items)),
            ("copyreg" | "copy_reg", "_reconstructor") => args.first().map(|&class| self.record(id, class)),
            _ => None,
        };
        known.unwrap_or_else(|| Object::Unknown(format!("a call of {module}.{name}")))
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
