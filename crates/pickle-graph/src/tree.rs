//! [`Tree`]: a graph as a text for people.

use std::{
    collections::HashMap,
    fmt::{self, Write},
};

use crate::{Graph, Node, NodeId, Step, repr};

impl Graph {
    /// What a node leads to as an indented text, one object a line. An object that is held more than once is shown where it is
    /// held first, with `&1` and so on before it, and as `*1` elsewhere.
    #[must_use]
    pub fn tree(&self, id: NodeId) -> Tree<'_> {
        Tree { graph: self, id, discarded: &[], max_depth: 100, max_items: usize::MAX, max_text: 200, share_leaves: false }
    }
}

/// The [`Tree`] of the root, and of what was discarded.
impl fmt::Display for Graph {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Tree { discarded: self.discarded(), ..self.tree(self.root()) }.fmt(f)
    }
}

impl fmt::Debug for Graph {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Graph of {} nodes, {:?}, {:?}:\n{self}", self.len(), self.protocol(), self.names())
    }
}

/// A text for people of what a node leads to; made by [`Graph::tree`], written by its `Display`.
///
/// ```
/// use pickle_graph::{Graph, Node};
///
/// let mut graph = Graph::new();
/// let class = graph.push(Node::Global { module: "__main__".into(), name: "Point".into() });
/// let point = graph.push(Node::NewObj { class, args: pickle_graph::NodeId::EMPTY_TUPLE });
/// let state = graph.push(Node::Dict(&[]));
/// let x = graph.push(Node::Float(1.5));
/// graph.insert(state, "x", x);
/// graph.insert(state, "me", point);
/// graph.build(point, state);
/// assert_eq!(graph.tree(point).to_string(), "\
/// &1 newobj
///   class: global __main__.Point
///   args: ()
///   build: dict
///     'x': 1.5
///     'me': *1
/// ");
/// assert_eq!(graph.tree(state).max_items(1).to_string(), "\
/// &1 dict
///   'x': 1.5
///   ... 1 more
/// ");
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Tree<'a> {
    graph: &'a Graph,
    id: NodeId,
    discarded: &'a [NodeId],
    max_depth: usize,
    max_items: usize,
    max_text: usize,
    share_leaves: bool,
}

impl Tree<'_> {
    /// How many levels are shown; 100 unless told. The lines of level n begin with 2n spaces, so that a deep graph shown whole
    /// makes a text that grows with the square of its depth.
    #[must_use]
    pub fn max_depth(self, max_depth: usize) -> Self {
        Tree { max_depth, ..self }
    }

    /// How many items of each container are shown; all unless told.
    #[must_use]
    pub fn max_items(self, max_items: usize) -> Self {
        Tree { max_items, ..self }
    }

    /// How many characters of each text and how many bytes of each `bytes` object are shown; 200 unless told.
    #[must_use]
    pub fn max_text(self, max_text: usize) -> Self {
        Tree { max_text, ..self }
    }

    /// Whether strings, bytes and globals that are held more than once are marked too; not unless told.
    #[must_use]
    pub fn share_leaves(self, share_leaves: bool) -> Self {
        Tree { share_leaves, ..self }
    }
}

impl fmt::Display for Tree<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = Shown { held: self.count(), anchors: HashMap::new() };
        let mut stack: Vec<Line> =
            self.discarded.iter().rev().map(|&id| Line { depth: 0, label: Label::Word("discarded"), of: Of::Node(id) }).collect();
        stack.push(Line { depth: 0, label: Label::None, of: Of::Node(self.id) });
        while let Some(line) = stack.pop() {
            write!(f, "{:1$}", "", line.depth * 2)?;
            match line.label {
                Label::None => {}
                Label::Word(word) => write!(f, "{word}: ")?,
                Label::Key(key) => {
                    self.write_leaf(f, key, &mut shown)?;
                    f.write_str(": ")?;
                }
            }
            match line.of {
                Of::More(count) => writeln!(f, "... {count} more")?,
                Of::Heading(word) => writeln!(f, "{word}")?,
                Of::Node(id) if self.is_leaf(id) => {
                    self.write_leaf(f, id, &mut shown)?;
                    f.write_char('\n')?;
                }
                Of::Node(id) => match shown.anchors.get(&id) {
                    Some(anchor) => writeln!(f, "*{anchor}")?,
                    None if line.depth >= self.max_depth => writeln!(f, "{} ...", self.graph.node(id).kind())?,
                    None => {
                        shown.write_anchor(f, id)?;
                        writeln!(f, "{}", self.graph.node(id).kind())?;
                        let first = stack.len();
                        self.lines_of(id, line.depth + 1, &mut stack);
                        stack[first..].reverse();
                    }
                },
            }
        }
        Ok(())
    }
}

/// A line that is still to be written.
struct Line {
    depth: usize,
    label: Label,
    of: Of,
}

enum Label {
    None,
    Word(&'static str),
    Key(NodeId),
}

enum Of {
    Node(NodeId),
    Heading(&'static str),
    More(usize),
}

/// Which nodes are held more than once, and the numbers of those that were shown.
struct Shown {
    held: Vec<u8>,
    anchors: HashMap<NodeId, usize>,
}

impl Shown {
    fn write_anchor(&mut self, f: &mut fmt::Formatter<'_>, id: NodeId) -> fmt::Result {
        if id.index().is_some_and(|index| self.held[index] > 1) {
            let anchor = self.anchors.len() + 1;
            self.anchors.insert(id, anchor);
            write!(f, "&{anchor} ")?;
        }
        Ok(())
    }
}

impl Tree<'_> {
    /// How many times each node is held, two standing for more.
    fn count(&self) -> Vec<u8> {
        let mut held = vec![0u8; self.graph.len()];
        let mut hold = |id: NodeId| {
            if let Some(index) = id.index() {
                held[index] = (held[index] + 1).min(2);
            }
        };
        let mut walk = self.graph.preorder(self.id);
        hold(self.id);
        for &id in self.discarded {
            walk.and_from(id);
            hold(id);
        }
        for id in walk {
            self.graph.children(id).for_each(&mut hold);
        }
        held
    }

    fn is_leaf(&self, id: NodeId) -> bool {
        self.graph.children(id).next().is_none()
    }

    fn write_leaf(&self, f: &mut fmt::Formatter<'_>, id: NodeId, shown: &mut Shown) -> fmt::Result {
        let node = self.graph.node(id);
        let can_change = matches!(node, Node::List(_) | Node::Dict(_) | Node::Set(_) | Node::ByteArray(_));
        if can_change || (self.share_leaves && node.has_identity()) {
            if let Some(anchor) = shown.anchors.get(&id) {
                return write!(f, "*{anchor}");
            }
            shown.write_anchor(f, id)?;
        }
        match node {
            Node::None => f.write_str("None"),
            Node::Bool(value) => f.write_str(if value { "True" } else { "False" }),
            Node::Int(value) => write!(f, "{value}"),
            // Decimal digits cost more than linear time.
            Node::BigInt(value) if value.bits() > 1024 => write!(f, "int of {} bits", value.bits()),
            Node::BigInt(value) => write!(f, "{value}"),
            Node::Float(value) => repr::write_float(f, value),
            Node::Str(text) => repr::write_str(f, text, self.max_text),
            Node::String(bytes) => {
                f.write_str("string ")?;
                repr::write_bytes(f, bytes, self.max_text)
            }
            Node::Bytes(bytes) => {
                f.write_char('b')?;
                repr::write_bytes(f, bytes, self.max_text)
            }
            Node::ByteArray(bytes) => {
                f.write_str("bytearray b")?;
                repr::write_bytes(f, bytes, self.max_text)
            }
            Node::List(_) => f.write_str("[]"),
            Node::Tuple(_) => f.write_str("()"),
            Node::Dict(_) => f.write_str("{}"),
            Node::Set(_) => f.write_str("set()"),
            Node::FrozenSet(_) => f.write_str("frozenset()"),
            Node::Global { module, name } => write!(f, "global {}.{}", OneLine(module), OneLine(name)),
            Node::Extension(code) => write!(f, "extension {code}"),
            Node::PersistentId(text) => {
                f.write_str("persistent_id ")?;
                repr::write_str(f, text, self.max_text)
            }
            Node::Buffer { index, readonly } => write!(f, "buffer {index}{}", if readonly { " readonly" } else { "" }),
            node => f.write_str(node.kind()),
        }
    }

    /// The lines below that of a node, in order.
    fn lines_of(&self, id: NodeId, depth: usize, lines: &mut Vec<Line>) {
        let mut part = |word, id| lines.push(Line { depth, label: Label::Word(word), of: Of::Node(id) });
        match self.graph.node(id) {
            Node::List(items) | Node::Tuple(items) | Node::Set(items) | Node::FrozenSet(items) => {
                self.items(items, depth, lines);
            }
            Node::Dict(items) => self.pairs(items, depth, lines),
            Node::Reduce { callable, args } => {
                part("callable", callable);
                part("args", args);
            }
            Node::NewObj { class, args } => {
                part("class", class);
                part("args", args);
            }
            Node::NewObjEx { class, args, kwargs } => {
                part("class", class);
                part("args", args);
                part("kwargs", kwargs);
            }
            Node::Inst { class, args } | Node::Obj { class, args } => {
                part("class", class);
                self.group("args", depth, lines);
                self.items(args, depth + 1, lines);
            }
            Node::BinPersistentId(id) => part("id", id),
            _ => {}
        }
        for step in self.graph.steps(id) {
            let mut part = |word, id| lines.push(Line { depth, label: Label::Word(word), of: Of::Node(id) });
            match step {
                Step::Build(state) => part("build", state),
                Step::SetState { setter, state } => {
                    part("setter", setter);
                    part("state", state);
                }
                Step::Append(items) => {
                    self.group("appended", depth, lines);
                    self.items(items, depth + 1, lines);
                }
                Step::AddItems(items) => {
                    self.group("added", depth, lines);
                    self.items(items, depth + 1, lines);
                }
                Step::SetItems(items) => {
                    self.group("set", depth, lines);
                    self.pairs(items, depth + 1, lines);
                }
            }
        }
    }

    fn group(&self, word: &'static str, depth: usize, lines: &mut Vec<Line>) {
        lines.push(Line { depth, label: Label::None, of: Of::Heading(word) });
    }

    fn items(&self, items: &[NodeId], depth: usize, lines: &mut Vec<Line>) {
        let shown = items.len().min(self.max_items);
        lines.extend(items[..shown].iter().map(|&id| Line { depth, label: Label::None, of: Of::Node(id) }));
        self.more(items.len() - shown, depth, lines);
    }

    fn pairs(&self, items: &[[NodeId; 2]], depth: usize, lines: &mut Vec<Line>) {
        let shown = items.len().min(self.max_items);
        for &[key, value] in &items[..shown] {
            if self.is_leaf(key) {
                lines.push(Line { depth, label: Label::Key(key), of: Of::Node(value) });
            } else {
                lines.push(Line { depth, label: Label::Word("key"), of: Of::Node(key) });
                lines.push(Line { depth, label: Label::Word("value"), of: Of::Node(value) });
            }
        }
        self.more(items.len() - shown, depth, lines);
    }

    fn more(&self, count: usize, depth: usize, lines: &mut Vec<Line>) {
        if count > 0 {
            lines.push(Line { depth, label: Label::None, of: Of::More(count) });
        }
    }
}

/// A name as it is, but for what would break the line.
struct OneLine<'a>(crate::Str<'a>);

impl fmt::Display for OneLine<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.code_points().try_for_each(|point| match char::from_u32(point) {
            Some(c) if c == ' ' || !(c.is_control() || c.is_whitespace()) => f.write_char(c),
            Some(c) => write!(f, "{}", c.escape_unicode()),
            None => write!(f, "\\u{point:04x}"),
        })
    }
}
