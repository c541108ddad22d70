//! [`SizeTree`]: where the bytes of a pickle go, by paths as Python writes them.

use pickle_graph::{Graph, Node, NodeId, Step};

use super::{
    resolve::{Object, short_text},
    shown,
    sizes::Sizes,
};
use crate::{Reconstructor, code::CodeLayout, function::FunctionArg};

/// An object of a pickle with the bytes that it takes, and its parts that take the most.
#[derive(Clone, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct SizeTree {
    /// How to come by it from the pickled object, in Python: `.__globals__['df']`. Where Python has no way, it goes by what the
    /// object's `__reduce__` gave. Empty for the pickled object itself.
    pub path: String,
    /// What it is, in short.
    pub what: String,
    /// How many bytes it takes with all that it holds and nothing before it held.
    pub bytes: u64,
    /// Its parts, the largest first.
    pub parts: Vec<SizeTree>,
}

/// How many levels are shown, those that have no path of their own not counted.
const MAX_DEPTH: usize = 32;

/// What a node is to the one that holds it, where that decides on how its own parts are called.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    /// An object with a path.
    Object,
    /// The arguments of a call.
    Args(Callee),
    /// The state that an object is given; with attributes or in two halves, as `BUILD` and cloudpickle's setters take it.
    State,
    /// A dict of attributes.
    Attributes,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Callee {
    Function,
    Class,
    Code(usize),
    Cell,
    Other,
}

impl SizeTree {
    pub(super) fn of(graph: &Graph, sizes: &Sizes, least: u64) -> SizeTree {
        // Built level by level: a tree whose parts lie behind it in the list, to be put together from its end.
        struct Entry {
            tree: SizeTree,
            holder: usize,
        }
        let root = graph.root();
        let tree = |id, path, bytes| SizeTree { path, what: shown::object(graph, id), bytes, parts: Vec::new() };
        let mut entries = vec![Entry { tree: tree(root, String::new(), sizes.pickle()), holder: 0 }];
        let mut pending = vec![(root, Role::Object, 0, 0)];
        while let Some((id, role, holder, depth)) = pending.pop() {
            if depth > MAX_DEPTH {
                continue;
            }
            for (label, child, role) in parts(graph, id, role) {
                let bytes = sizes.total(child);
                if bytes < least.max(1) || !sizes.counts_with(child, id) {
                    continue;
                }
                let path = &entries[holder].tree.path;
                match label {
                    None => pending.push((child, role, holder, depth + 1)),
                    Some(label) => {
                        let path = format!("{path}{label}");
                        entries.push(Entry { tree: tree(child, path, bytes), holder });
                        pending.push((child, role, entries.len() - 1, depth + 1));
                    }
                }
            }
        }
        while let Some(Entry { mut tree, holder }) = entries.pop() {
            tree.parts.sort_by(|a, b| b.bytes.cmp(&a.bytes).then_with(|| a.path.cmp(&b.path)));
            match entries.get_mut(holder) {
                Some(holder) => holder.tree.parts.push(tree),
                None => return tree,
            }
        }
        tree(root, String::new(), sizes.pickle())
    }

    /// The smallest part that takes more than half of the whole: what to look at first. The whole itself where no part does.
    ///
    /// ```
    /// // {'name': 'squares', 'sizes': [1000, 1001, ..., 1049]}
    /// let sizes: Vec<u8> = (1000..1050u16).flat_map(|size| [&b"M"[..], &size.to_le_bytes()].concat()).collect();
    /// let pickle = [b"\x80\x04}(\x8c\x04name\x8c\x07squares\x8c\x05sizes](", &sizes[..], b"eu."].concat();
    /// let tree = cloud_reduce::Report::of(pickle).size_tree(1);
    /// assert_eq!((&*tree.heaviest().path, tree.heaviest().bytes, tree.bytes), ("['sizes']", 153, 181));
    /// ```
    #[must_use]
    pub fn heaviest(&self) -> &SizeTree {
        let mut tree = self;
        while let Some(part) = tree.parts.first().filter(|part| part.bytes > self.bytes / 2) {
            tree = part;
        }
        tree
    }
}

/// What a node holds: each with its label, or none where the holder's own path leads to it.
fn parts(graph: &Graph, id: NodeId, role: Role) -> Vec<(Option<String>, NodeId, Role)> {
    let mut parts = Vec::new();
    let node = graph.node(id);
    let item = |index: usize| format!("[{index}]");
    match (node, role) {
        (Node::Tuple(items), Role::Args(callee)) => {
            for (index, &arg) in items.iter().enumerate() {
                parts.push(argument(callee, index, arg));
            }
        }
        (Node::Tuple(&[dict, slots]), Role::State) => {
            parts.push((None, dict, Role::Attributes));
            parts.push((None, slots, Role::Attributes));
        }
        (Node::Dict(items), Role::State | Role::Attributes) => {
            for &[key, value] in items {
                let name = short_text(graph, key).filter(|name| is_name(name));
                let label = name.map_or_else(|| format!(".__dict__[{}]", shown::object(graph, key)), |name| format!(".{name}"));
                parts.push((Some(label), value, Role::Object));
            }
        }
        (Node::Dict(items), _) => {
            for &[key, value] in items {
                parts.push((Some(format!("[{}]", shown::object(graph, key))), value, Role::Object));
            }
        }
        (Node::List(items) | Node::Tuple(items), _) => {
            parts.extend(items.iter().enumerate().map(|(index, &id)| (Some(item(index)), id, Role::Object)));
        }
        (Node::Set(items) | Node::FrozenSet(items), _) => {
            parts.extend(items.iter().enumerate().map(|(index, &id)| (Some(format!(".{{{index}}}")), id, Role::Object)));
        }
        (Node::Reduce { callable, args }, _) => {
            parts.push((Some(".__reduce__()[0]".to_owned()), callable, Role::Object));
            parts.push((None, args, Role::Args(callee(graph, callable, args))));
        }
        (Node::NewObj { class, args } | Node::NewObjEx { class, args, .. }, _) => {
            parts.push((Some(".__class__".to_owned()), class, Role::Object));
            parts.push((None, args, Role::Args(Callee::Other)));
            if let Node::NewObjEx { kwargs, .. } = node {
                parts.push((None, kwargs, Role::Object));
            }
        }
        (Node::Inst { class, args } | Node::Obj { class, args }, _) => {
            parts.push((Some(".__class__".to_owned()), class, Role::Object));
            parts.extend(args.iter().enumerate().map(|(index, &arg)| argument(Callee::Other, index, arg)));
        }
        (Node::BinPersistentId(inner), _) => parts.push((Some(".persistent_id".to_owned()), inner, Role::Object)),
        _ => {}
    }
    let mut appended = 0;
    for step in graph.steps(id) {
        match step {
            Step::Append(items) | Step::AddItems(items) => {
                parts.extend(items.iter().enumerate().map(|(index, &id)| (Some(item(appended + index)), id, Role::Object)));
                appended += items.len();
            }
            Step::SetItems(items) => {
                for &[key, value] in items {
                    parts.push((Some(format!("[{}]", shown::object(graph, key))), value, Role::Object));
                }
            }
            Step::Build(state) | Step::SetState { state, .. } => {
                let is_attributes = matches!(graph.node(state), Node::Dict(_) | Node::Tuple(&[_, _]));
                let label = (!is_attributes).then(|| ".__reduce__()[2]".to_owned());
                parts.push((label, state, if is_attributes { Role::State } else { Role::Object }));
            }
        }
    }
    parts
}

/// An argument of a call, by what it becomes.
fn argument(callee: Callee, index: usize, arg: NodeId) -> (Option<String>, NodeId, Role) {
    let label = match (callee, index) {
        (Callee::Function, _) => match FunctionArg::ALL.get(index) {
            Some(FunctionArg::Code) => ".__code__",
            Some(FunctionArg::Globals) => ".__globals__",
            Some(FunctionArg::Closure) => ".__closure__",
            Some(FunctionArg::Argdefs) => ".__defaults__",
            Some(FunctionArg::Name) => ".__name__",
            None => "",
        },
        (Callee::Class, 0) => ".__class__",
        (Callee::Class, 1) => ".__name__",
        (Callee::Class, 2) => ".__bases__",
        (Callee::Class, 3) => return (None, arg, Role::Attributes),
        (Callee::Code(arguments), _) => CodeLayout::ALL
            .iter()
            .find(|layout| layout.fields().len() == arguments)
            .and_then(|layout| layout.fields().get(index))
            .map_or("", |field| field.attribute()),
        (Callee::Cell, _) => ".cell_contents",
        _ => "",
    };
    let label = match label {
        "" => format!(".__reduce__()[1][{index}]"),
        label if label.starts_with('.') => label.to_owned(),
        label => format!(".{label}"),
    };
    (Some(label), arg, Role::Object)
}

fn callee(graph: &Graph, callable: NodeId, args: NodeId) -> Callee {
    let Object::Named(name) = Object::of(graph, callable) else { return Callee::Other };
    if (&*name.module, &*name.qualname) == ("types", "CodeType") {
        return Callee::Code(graph.node(args).as_tuple().map_or(0, <[_]>::len));
    }
    match Reconstructor::from_global(&name.module, &name.qualname) {
        Some((_, Reconstructor::MakeFunction)) => Callee::Function,
        Some((_, Reconstructor::MakeSkeletonClass)) => Callee::Class,
        Some((_, Reconstructor::MakeCell)) => Callee::Cell,
        _ => Callee::Other,
    }
}

/// Whether an attribute of this name is written after a dot.
fn is_name(name: &str) -> bool {
    name.len() <= 100
        && name.chars().next().is_some_and(|c| c == '_' || c.is_alphabetic())
        && name.chars().all(|c| c == '_' || c.is_alphanumeric())
}
