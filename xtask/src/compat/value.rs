//! [`Value`]: Python data that is made up from a seed, and what both sides say of it.

use std::fmt;

use num_bigint::BigInt;
use pickle_graph::{Graph, NodeId};
use proptest::{collection::vec, prelude::*, strategy::Union};
use serde_json::{Value as Json, json};

use super::describe::{self, Described, FROZENSET, Object, SET};

/// One object, which holds others by their index. Lists, dicts and records may hold any, the others only earlier ones. What is
/// unknown is an expression that Python evaluates.
pub(super) type Node = Object<usize>;

/// Objects, of which one is the value.
#[derive(Clone, PartialEq)]
pub(super) struct Value {
    pub(super) nodes: Vec<Node>,
    pub(super) root: usize,
}

/// Modules and names that every Python has, by the same name.
const GLOBALS: [(&str, &str); 4] =
    [("collections", "OrderedDict"), ("math", "floor"), ("os.path", "join"), ("compat_cases", "Record")];

const ATTRIBUTES: [&str; 4] = ["a", "name", "_private", "z"];

const EXPRESSIONS: [&str; 11] = [
    "collections.OrderedDict([(1, 'x'), (0, None)])",
    "collections.defaultdict(int, {1: 2})",
    "collections.deque([1, 2, 3], 5)",
    "complex(1.5, -0.0)",
    "datetime.datetime(2020, 2, 29, 12, 30, 59, 999999)",
    "datetime.timedelta(-1, 5)",
    "decimal.Decimal('-1.10')",
    "fractions.Fraction(-1, 3)",
    "uuid.UUID(int=5)",
    "datetime.date(1, 1, 1)",
    "collections.OrderedDict()",
];

/// Ints at the borders of what opcodes hold.
const INTS: [i64; 18] = [
    0,
    1,
    -1,
    255,
    256,
    -256,
    65_535,
    65_536,
    -65_536,
    i32::MAX as i64,
    i32::MIN as i64,
    i32::MAX as i64 + 1,
    i32::MIN as i64 - 1,
    i64::MAX,
    i64::MIN,
    127,
    128,
    -129,
];

/// A value of up to about `size` objects.
pub(super) fn values(size: usize) -> impl Strategy<Value = Value> {
    (vec(raw_nodes(), 1..size.max(2)), any::<u16>()).prop_map(|(raw, root)| Value::new(raw, root))
}

/// A node whose references are numbers yet to be brought into range.
#[derive(Clone, Debug)]
enum Raw {
    Leaf(Node),
    List(Vec<u16>),
    Tuple(Vec<u16>),
    Dict(Vec<(u16, u16)>),
    Set(Vec<u16>, bool),
    Record(Vec<(usize, u16)>),
}

fn raw_nodes() -> impl Strategy<Value = Raw> {
    let leaves = Union::new_weighted(vec![
        (1, Just(Node::None).boxed()),
        (1, any::<bool>().prop_map(Node::Bool).boxed()),
        (2, any::<usize>().prop_map(|n| Node::Int(INTS[n % INTS.len()].into())).boxed()),
        (1, any::<i64>().prop_map(|n| Node::Int(n.into())).boxed()),
        (1, vec(any::<u8>(), 0..300).prop_map(|bytes| Node::Int(BigInt::from_signed_bytes_le(&bytes))).boxed()),
        (2, any::<f64>().prop_map(Node::Float).boxed()),
        (1, any::<i16>().prop_map(|n| Node::Float(f64::from(n) / 4.0)).boxed()),
        (4, texts().prop_map(Node::Str).boxed()),
        (2, vec(any::<u8>(), 0..40).prop_map(Node::Bytes).boxed()),
        (1, (0..3usize).prop_map(|n| Node::Bytes(vec![b'x'; [255, 256, 70_000][n]])).boxed()),
        (1, vec(any::<u8>(), 0..40).prop_map(Node::ByteArray).boxed()),
        (1, any::<usize>().prop_map(|n| global(GLOBALS[n % GLOBALS.len()])).boxed()),
        (1, any::<usize>().prop_map(|n| expression(EXPRESSIONS[n % EXPRESSIONS.len()])).boxed()),
    ]);
    let few = || vec(any::<u16>(), 0..6);
    let many = prop_oneof![9 => few().boxed(), 1 => (999..1003usize).prop_map(|n| vec![0; n]).boxed()];
    prop_oneof![
        6 => leaves.prop_map(Raw::Leaf),
        2 => many.prop_map(Raw::List),
        2 => few().prop_map(Raw::Tuple),
        2 => vec((any::<u16>(), any::<u16>()), 0..6).prop_map(Raw::Dict),
        1 => (few(), any::<bool>()).prop_map(|(items, frozen)| Raw::Set(items, frozen)),
        1 => vec((0..ATTRIBUTES.len(), any::<u16>()), 0..3).prop_map(Raw::Record),
    ]
}

fn global((module, name): (&'static str, &'static str)) -> Node {
    Node::Global(module.to_owned(), name.to_owned())
}

fn expression(text: &'static str) -> Node {
    Node::Unknown(text.to_owned())
}

/// An instance with attributes of these names.
fn record(attributes: &[(&str, usize)]) -> Node {
    Node::Record(attributes.iter().map(|&(name, value)| (name.chars().map(u32::from).collect(), value)).collect())
}

/// Code points, lone surrogates among them, but never two that could be taken for a pair.
fn texts() -> impl Strategy<Value = Vec<u32>> {
    let point = prop_oneof![
        12 => (0x20..0x7fu32).boxed(),
        2 => (0..0x20u32).boxed(),
        1 => Just(u32::from('\\')).boxed(),
        1 => Just(u32::from('\n')).boxed(),
        2 => any::<char>().prop_map(u32::from).boxed(),
        1 => (0xdc00..0xe000u32).boxed(),
    ];
    prop_oneof![20 => vec(point, 0..12).boxed(), 1 => (254..258usize).prop_map(|n| vec![u32::from('y'); n]).boxed()]
}

impl Value {
    fn new(raw: Vec<Raw>, root: u16) -> Value {
        let count = raw.len();
        let mut value = Value { nodes: Vec::new(), root: count - 1 - usize::from(root) % count };
        let kinds: Vec<bool> = raw.iter().map(|raw| matches!(raw, Raw::List(_) | Raw::Dict(_) | Raw::Record(_))).collect();
        for (index, raw) in raw.into_iter().enumerate() {
            // An earlier one, or a later one that can be filled when all are there.
            let any = |to: u16| {
                let to = usize::from(to) % count;
                if to < index || kinds[to] { to } else { to % index.max(1) }
            };
            let held =
                |items: Vec<u16>| -> Vec<usize> { items.into_iter().map(any).filter(|&to| to < index || kinds[to]).collect() };
            let node = match raw {
                Raw::Leaf(node) => node,
                Raw::List(items) => Node::List(items.into_iter().map(any).collect()),
                Raw::Tuple(items) => Node::Tuple(held(items)),
                Raw::Dict(items) => {
                    let values: Vec<usize> = items.iter().map(|&(_, value)| any(value)).collect();
                    let keys = value.hashable(items.iter().map(|&(key, _)| key));
                    Node::Dict(keys.into_iter().zip(values).collect())
                }
                Raw::Set(items, frozen) => {
                    let items = value.hashable(items.into_iter());
                    Node::Set(if frozen { FROZENSET } else { SET }, items)
                }
                Raw::Record(items) => {
                    let mut attributes: Vec<(&'static str, usize)> =
                        items.into_iter().map(|(name, to)| (ATTRIBUTES[name], any(to))).collect();
                    attributes.sort_unstable();
                    attributes.dedup_by_key(|(name, _)| *name);
                    record(&attributes)
                }
            };
            value.nodes.push(node);
        }
        value
    }

    /// The cases that every run tries: what lies at the borders of opcodes, batches and frames, what holds itself, and standard
    /// objects that pickle by a reduction of their own.
    pub(super) fn fixed() -> Vec<Value> {
        let list_of = |mut leaves: Vec<Node>| {
            let items = (0..leaves.len()).collect();
            leaves.push(Node::List(items));
            Value { root: leaves.len() - 1, nodes: leaves }
        };
        let ints = INTS.iter().map(|&n| Node::Int(n.into()));
        let long_ints = [63, 64, 2032, 2040, 2048].iter().flat_map(|&bits| {
            let power: BigInt = BigInt::from(1) << bits;
            [Node::Int(-&power - 1), Node::Int(-&power), Node::Int(&power - 1), Node::Int(power)]
        });
        // PyPy cannot load the infinities that it writes at protocol 0, and their text loses the sign of a NaN.
        let floats = [0.0, -0.0, 1.5, 1e22, 5e-324, f64::MAX].map(Node::Float);
        let texts = [0, 1, 255, 256].map(|n| Node::Str(vec![u32::from('t'); n]));
        let odd_texts = ["\0\r\n\u{1a}\\", "\\u0041", "é€😀"].map(|text| Node::Str(text.chars().map(u32::from).collect()));
        let bytes = [0, 1, 255, 256, 65_536].map(|n| Node::Bytes(vec![0x80; n]));
        let byte_arrays = [0, 1, 256].map(|n| Node::ByteArray(vec![0xff; n]));
        let many = |n: usize| vec![0; n];
        let batches = [1, 2, 999, 1000, 1001, 2000, 2001].map(|n| Node::List(many(n)));
        let tuples = [0, 1, 2, 3, 4].map(|n| Node::Tuple(many(n)));
        let sets = [SET, FROZENSET].into_iter().flat_map(|kind| [Node::Set(kind, many(1)), Node::Set(kind, Vec::new())]);
        let records = [record(&[]), record(&[("a", 0), ("name", 0)])];
        let first = [Node::None, Node::Bool(true), Node::Bool(false)];
        let plain: Vec<Node> =
            first.into_iter().chain(ints).chain(long_ints).chain(floats).chain(texts).chain(odd_texts).collect();
        let held: Vec<Node> = [Node::None].into_iter().chain(batches).chain(tuples).chain(sets).chain(records).collect();
        // A dict that holds a list that holds it, a record and a tuple with it.
        let cycle = vec![
            Node::Int(0.into()),
            Node::Dict(vec![(0, 2)]),
            Node::List(vec![1, 2, 3, 4]),
            record(&[("a", 1)]),
            Node::Tuple(vec![2, 3, 1]),
        ];
        vec![
            list_of(plain),
            list_of(bytes.into_iter().chain(byte_arrays).collect()),
            list_of(held),
            list_of(GLOBALS.into_iter().map(global).collect()),
            list_of(EXPRESSIONS.into_iter().map(expression).collect()),
            Value { nodes: cycle, root: 1 },
        ]
    }

    /// Earlier objects that can be keys, no two of which any Python holds to be equal.
    fn hashable(&self, wanted: impl Iterator<Item = u16>) -> Vec<usize> {
        let able: Vec<usize> = (0..self.nodes.len()).filter(|&index| self.key(index).is_some()).collect();
        let mut seen = std::collections::HashSet::new();
        wanted
            .filter_map(|to| able.get(usize::from(to) % able.len().max(1)).copied())
            .filter(|&index| seen.insert(self.key(index)))
            .collect()
    }

    /// The same text for objects that are equal in some Python (in Python 2, texts and bytes are), if they can be keys.
    fn key(&self, index: usize) -> Option<String> {
        match self.nodes.get(index)? {
            Node::None => Some("None".into()),
            Node::Int(value) => Some(format!("int {value}")),
            Node::Str(points) => Some(format!("text {points:?}")),
            Node::Bytes(bytes) => Some(format!("text {:?}", bytes.iter().map(|&byte| u32::from(byte)).collect::<Vec<_>>())),
            Node::Tuple(items) => {
                let keys: Option<Vec<String>> = items.iter().map(|&item| self.key(item)).collect();
                keys.filter(|keys| keys.iter().map(String::len).sum::<usize>() < 1000).map(|keys| format!("({})", keys.join(",")))
            }
            _ => None,
        }
    }

    /// Whether Rust knows the value of all that the root holds.
    pub(super) fn is_known(&self) -> bool {
        !self.nodes.iter().any(|node| matches!(node, Node::Unknown(_)))
    }

    /// Whether its pickles hold names of attributes or encodings, which Python 2 writes as its `str`.
    pub(super) fn has_names(&self) -> bool {
        self.nodes.iter().any(|node| matches!(node, Node::ByteArray(_) | Node::Record(_)))
    }

    /// What the worker makes it from.
    pub(super) fn to_json(&self) -> Json {
        json!({ "nodes": self.nodes.iter().map(Node::to_json).collect::<Vec<_>>(), "root": self.root })
    }

    /// What the worker says of it too.
    pub(super) fn describe(&self) -> String {
        describe::describe(self, self.root)
    }

    /// The graph that Rust makes of it.
    pub(super) fn to_graph(&self) -> Graph {
        let mut graph = Graph::new();
        let mut made = Vec::with_capacity(self.nodes.len());
        let later = NodeId::EMPTY_TUPLE;
        for node in &self.nodes {
            made.push(match node {
                Node::List(_) => graph.push(pickle_graph::Node::List(&[])),
                Node::Dict(_) => graph.push(pickle_graph::Node::Dict(&[])),
                Node::Record(_) => {
                    let class = graph.push(pickle_graph::Node::Global { module: "compat_cases".into(), name: "Record".into() });
                    graph.push(pickle_graph::Node::NewObj { class, args: NodeId::EMPTY_TUPLE })
                }
                _ => later,
            });
        }
        for (index, node) in self.nodes.iter().enumerate() {
            let ids = |items: &[usize]| -> Vec<NodeId> { items.iter().map(|&item| made[item]).collect() };
            let id = match node {
                Node::None => graph.push(pickle_graph::Node::None),
                Node::Bool(value) => graph.push(pickle_graph::Node::Bool(*value)),
                Node::Int(value) => match i64::try_from(value) {
                    Ok(value) => graph.push(pickle_graph::Node::Int(value)),
                    Err(_) => graph.push(pickle_graph::Node::BigInt(value)),
                },
                Node::Float(value) => graph.push(pickle_graph::Node::Float(*value)),
                Node::Str(points) => {
                    let utf8: Vec<u8> = points.iter().flat_map(|&point| wtf8(point)).collect();
                    let text = pickle_graph::Str::from_bytes(&utf8).unwrap_or_else(|_| "".into());
                    graph.push(pickle_graph::Node::Str(text))
                }
                Node::Bytes(bytes) => graph.push(pickle_graph::Node::Bytes(bytes)),
                Node::ByteArray(bytes) => graph.push(pickle_graph::Node::ByteArray(bytes)),
                Node::Tuple(items) => graph.push(pickle_graph::Node::Tuple(&ids(items))),
                Node::Set(FROZENSET, items) => graph.push(pickle_graph::Node::FrozenSet(&ids(items))),
                Node::Set(_, items) => graph.push(pickle_graph::Node::Set(&ids(items))),
                Node::Global(module, name) => {
                    graph.push(pickle_graph::Node::Global { module: module.as_str().into(), name: name.as_str().into() })
                }
                Node::List(_) | Node::Dict(_) | Node::Record(_) | Node::Unknown(_) => continue,
            };
            made[index] = id;
        }
        for (index, node) in self.nodes.iter().enumerate() {
            match node {
                Node::List(items) => graph.extend(made[index], &items.iter().map(|&item| made[item]).collect::<Vec<_>>()),
                Node::Dict(items) => {
                    graph.set_items(made[index], &items.iter().map(|&(key, value)| [made[key], made[value]]).collect::<Vec<_>>());
                }
                Node::Record(attributes) if !attributes.is_empty() => {
                    let state = graph.push(pickle_graph::Node::Dict(&[]));
                    for (name, value) in attributes {
                        graph.insert(state, &text(name), made[*value]);
                    }
                    graph.build(made[index], state);
                }
                _ => {}
            }
        }
        graph.set_root(made[self.root]);
        graph
    }
}

/// A code point in UTF-8, extended to lone surrogates.
fn wtf8(point: u32) -> Vec<u8> {
    match char::from_u32(point) {
        Some(c) => c.to_string().into_bytes(),
        None => vec![0xe0 | (point >> 12) as u8, 0x80 | (point >> 6 & 0x3f) as u8, 0x80 | (point & 0x3f) as u8],
    }
}

/// The text of an attribute's name, which has no lone surrogates.
fn text(points: &[u32]) -> String {
    points.iter().filter_map(|&point| char::from_u32(point)).collect()
}

impl Node {
    fn to_json(&self) -> Json {
        match self {
            Node::None => json!(["none", null]),
            Node::Bool(value) => json!(["bool", value]),
            Node::Int(value) => json!(["int", value.to_string()]),
            Node::Float(value) => json!(["float", hex(&value.to_be_bytes())]),
            Node::Str(points) => json!(["str", points]),
            Node::Bytes(bytes) => json!(["bytes", hex(bytes)]),
            Node::ByteArray(bytes) => json!(["bytearray", hex(bytes)]),
            Node::List(items) => json!(["list", items]),
            Node::Tuple(items) => json!(["tuple", items]),
            Node::Dict(items) => json!(["dict", items]),
            Node::Set(kind, items) => json!([kind, items]),
            Node::Record(items) => {
                let items: Vec<_> = items.iter().map(|(name, value)| (text(name), value)).collect();
                json!(["record", items])
            }
            Node::Global(module, name) => json!(["global", [module, name]]),
            Node::Unknown(expression) => json!(["eval", expression]),
        }
    }
}

impl Described for Value {
    type Id = usize;

    fn object(&self, index: usize) -> Node {
        self.nodes[index].clone()
    }
}

impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.to_json())
    }
}

/// What the value holds, an object a line, without those that it does not hold.
impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut reached = vec![false; self.nodes.len()];
        let mut work = vec![self.root];
        while let Some(index) = work.pop() {
            if std::mem::replace(&mut reached[index], true) {
                continue;
            }
            match &self.nodes[index] {
                Node::List(items) | Node::Tuple(items) | Node::Set(_, items) => work.extend(items),
                Node::Dict(items) => work.extend(items.iter().flat_map(|&(key, value)| [key, value])),
                Node::Record(items) => work.extend(items.iter().map(|(_, value)| value)),
                _ => {}
            }
        }
        write!(f, "object {} of", self.root)?;
        for (index, node) in self.nodes.iter().enumerate().filter(|&(index, _)| reached[index]) {
            let text: String = node.to_json().to_string().chars().take(300).collect();
            write!(f, "\n  {index}: {text}")?;
        }
        Ok(())
    }
}

/// Bytes in hexadecimal.
pub(super) fn hex(bytes: &[u8]) -> String {
    let digit = |number: u8| char::from(b"0123456789abcdef"[usize::from(number)]);
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

/// Bytes from hexadecimal.
///
/// # Errors
///
/// Where the text is something else.
pub(super) fn unhex(text: &str) -> anyhow::Result<Vec<u8>> {
    anyhow::ensure!(text.len().is_multiple_of(2) && text.is_ascii(), "no hexadecimal: {text:?}");
    Ok((0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16)).collect::<Result<_, _>>()?)
}
