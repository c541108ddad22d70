//! How objects are shown within a line.

use std::fmt::Write;

use pickle_graph::{Graph, Node, NodeId, Step, float_repr};

use super::resolve::{Name, Object, short_global, short_text};
use crate::{Code, TypeVar};

/// How many characters of a text are shown, and how many arguments of a call.
const MAX_TEXT: usize = 60;
const MAX_ARGS: usize = 4;

/// Arguments as Python writes them, cut where they are long.
pub(super) fn arguments(graph: &Graph, args: &[NodeId]) -> String {
    let mut text = String::new();
    push_arguments(graph, args, &mut text);
    text
}

/// A call as Python writes it, of a callable that is shown so.
pub(super) fn call(graph: &Graph, callable: String, args: &[NodeId]) -> String {
    let mut text = callable;
    text.push('(');
    push_arguments(graph, args, &mut text);
    text.push(')');
    text
}

fn push_arguments(graph: &Graph, args: &[NodeId], text: &mut String) {
    for (index, &arg) in args.iter().enumerate() {
        if index > 0 {
            text.push_str(", ");
        }
        if index == MAX_ARGS {
            text.push_str("...");
            break;
        }
        text.push_str(&object(graph, arg));
    }
}

/// How deep expressions are shown, and how many items of each.
const MAX_DEPTH: usize = 3;
const MAX_ITEMS: usize = 8;

/// An annotation or a base of a class, as a signature has it: what is built in by its name alone, `list[int]`, `int | None`, and else
/// as any object.
pub(super) fn expression(graph: &Graph, id: NodeId) -> String {
    expression_at(graph, id, 0)
}

fn expression_at(graph: &Graph, id: NodeId, depth: usize) -> String {
    if depth < MAX_DEPTH
        && let Some(text) = composed(graph, id, depth)
    {
        return text;
    }
    let text = object(graph, id);
    match text.strip_prefix("builtins.") {
        Some("Ellipsis") => "...".to_owned(),
        Some(name) if !name.contains(['.', '(']) => name.to_owned(),
        _ => text,
    }
}

/// What is made of other expressions, or is the name of one.
fn composed(graph: &Graph, id: NodeId, depth: usize) -> Option<String> {
    let joined = |items: &[NodeId], between| {
        let shown = items.iter().take(MAX_ITEMS).map(|&item| expression_at(graph, item, depth + 1));
        let cut = (items.len() > MAX_ITEMS).then(|| "...".to_owned());
        shown.chain(cut).collect::<Vec<_>>().join(between)
    };
    let name = |id: NodeId| match Object::of(graph, id) {
        Object::Named(name) => Some((name.module, name.qualname)),
        _ => None,
    };
    match graph.node(id) {
        Node::List(items) if depth > 0 => Some(format!("[{}]", joined(items, ", "))),
        Node::Reduce { callable, args } => {
            let (module, callee) = name(callable)?;
            match (&*module, &*callee, graph.node(args).as_tuple()?) {
                ("_operator", "getitem", &[of, item]) | ("types", "GenericAlias", &[of, item]) => {
                    let items = match graph.node(item) {
                        Node::Tuple(items) => items,
                        _ => &[item],
                    };
                    Some(match name(of).as_ref().map(|(module, name)| (&**module, &**name)) {
                        Some(("types", "UnionType") | ("typing", "Union")) => joined(items, " | "),
                        _ => format!("{}[{}]", expression_at(graph, of, depth + 1), joined(items, ", ")),
                    })
                }
                ("_functools", "reduce", &[or, items]) if short_global(graph, or) == Some(("_operator", "or_")) => {
                    let items = graph.node(items);
                    Some(joined(items.as_tuple().or_else(|| items.as_list())?, " | "))
                }
                ("builtins", "type", [NodeId::NONE]) => Some("None".to_owned()),
                _ => TypeVar::read(graph, id).ok()?.name.as_str().filter(|name| name.len() <= MAX_TEXT).map(plain),
            }
        }
        Node::NewObj { class, .. } => match short_global(graph, class)? {
            ("typing" | "annotationlib", "ForwardRef") => graph.steps(id).find_map(|step| {
                let Step::Build(state) = step else { return None };
                let &[_, slots] = graph.node(state).as_tuple()? else { return None };
                let mut slots = graph.node(slots).as_dict()?.iter().take(MAX_SLOTS);
                let is_text = |key| matches!(short_text(graph, key), Some("__forward_arg__" | "__arg__"));
                slots.find(|[key, _]| is_text(*key)).map(|&[_, text]| object(graph, text))
            }),
            _ => None,
        },
        _ => None,
    }
}

/// How many attributes of a forward reference are looked at.
const MAX_SLOTS: usize = 16;

/// An object as Python writes it, containers and calls with what is in them, where all of it is short; and else as [`object`].
pub(super) fn value(graph: &Graph, id: NodeId) -> String {
    let mut text = String::new();
    match push_value(graph, id, 0, &mut text) {
        Some(()) => text,
        None => object(graph, id),
    }
}

/// `None` where it would be too long, or too deep.
fn push_value(graph: &Graph, id: NodeId, depth: usize, text: &mut String) -> Option<()> {
    if depth > MAX_DEPTH {
        return None;
    }
    let mut push_items = |items: &[NodeId], [before, behind]: [&str; 2]| {
        text.push_str(before);
        for (index, &item) in items.iter().enumerate() {
            if index > 0 {
                text.push_str(", ");
            }
            push_value(graph, item, depth + 1, text)?;
        }
        text.push_str(behind);
        Some(())
    };
    match graph.node(id) {
        Node::List(items) => push_items(items, ["[", "]"])?,
        Node::Tuple(items @ [_]) => push_items(items, ["(", ",)"])?,
        Node::Tuple(items) => push_items(items, ["(", ")"])?,
        Node::Set(items @ [_, ..]) => push_items(items, ["{", "}"])?,
        Node::FrozenSet(items @ [_, ..]) => push_items(items, ["frozenset({", "})"])?,
        Node::Dict(items) => {
            text.push('{');
            for (index, &[key, value]) in items.iter().enumerate() {
                if index > 0 {
                    text.push_str(", ");
                }
                push_value(graph, key, depth + 1, text)?;
                text.push_str(": ");
                push_value(graph, value, depth + 1, text)?;
            }
            text.push('}');
        }
        Node::Reduce { callable, args } => match (Object::of(graph, callable), Object::of(graph, id), graph.node(args)) {
            (Object::Named(name), Object::Instance(_) | Object::Data | Object::Unknown, Node::Tuple(args)) => {
                push_items(args, [&format!("{name}("), ")"])?;
            }
            _ => text.push_str(&object(graph, id)),
        },
        _ => text.push_str(&object(graph, id)),
    }
    (text.len() <= MAX_VALUE).then_some(())
}

/// How many bytes a text of a value has that is short.
const MAX_VALUE: usize = 2 * MAX_TEXT;

/// An object in a few words: its value where it is a short one, or its kind.
pub(crate) fn object(graph: &Graph, id: NodeId) -> String {
    match graph.node(id) {
        Node::None => "None".to_owned(),
        Node::Bool(true) => "True".to_owned(),
        Node::Bool(false) => "False".to_owned(),
        Node::Int(value) => value.to_string(),
        Node::Float(value) => {
            let mut digits = Vec::new();
            float_repr(value, &mut digits);
            String::from_utf8_lossy(&digits).into_owned()
        }
        Node::Str(text) => quoted("'", text.code_points()),
        Node::Bytes(bytes) => quoted("b'", bytes.iter().map(|&byte| u32::from(byte))),
        Node::String(bytes) => quoted("'", bytes.iter().map(|&byte| u32::from(byte))),
        Node::List([]) => "[]".to_owned(),
        Node::Tuple([]) => "()".to_owned(),
        Node::Dict([]) => "{}".to_owned(),
        Node::Set([]) => "set()".to_owned(),
        Node::FrozenSet([]) => "frozenset()".to_owned(),
        Node::List(items) => format!("[... {}]", items.len()),
        Node::Tuple(items) => format!("(... {})", items.len()),
        Node::Dict(items) => format!("{{... {}}}", items.len()),
        Node::Global { module, name } => Name::new(module, name).text_behind(""),
        Node::Reduce { callable, .. } => match Object::of(graph, id) {
            Object::Carried(id) => carried(graph, id),
            Object::Named(name) => name.to_string(),
            Object::Module(name) => format!("<module {name}>"),
            _ => format!("{}(...)", Object::of(graph, callable)),
        },
        Node::NewObj { class, .. } | Node::NewObjEx { class, .. } | Node::Inst { class, .. } | Node::Obj { class, .. } => {
            format!("<{}>", Object::of(graph, class))
        }
        node => format!("<{}>", node.kind()),
    }
}

/// A function or class that the pickle carries, by its name.
pub(crate) fn carried(graph: &Graph, id: NodeId) -> String {
    let made = match Object::of(graph, id) {
        Object::Carried(made) => made,
        _ => id,
    };
    let text = |id: NodeId| short_text(graph, id).map(ToOwned::to_owned);
    let name = match graph.node(made) {
        Node::Reduce { callable, args } => match (Object::of(graph, callable).name(), graph.node(args).as_tuple()) {
            (Some(name), Some(&[first, second, ..])) => match &*name.qualname {
                "_make_skeleton_class" | "_make_skeleton_enum" => text(second),
                _ => Code::read(graph, first).ok().map(|code| code.name().to_string()),
            },
            _ => None,
        },
        _ => None,
    };
    name.map_or_else(|| "what it carries".to_owned(), |name| plain(&name))
}

/// A name without what a terminal would obey.
fn plain(name: &str) -> String {
    let mut text = String::new();
    for c in name.chars().take(MAX_TEXT) {
        match c.is_ascii_graphic() || c == ' ' || c.is_alphanumeric() {
            true => text.push(c),
            false => text.extend(c.escape_default()),
        }
    }
    text
}

fn quoted(quote: &str, points: impl Iterator<Item = u32>) -> String {
    let mut text = quote.to_owned();
    let mut points = points.peekable();
    for _ in 0..MAX_TEXT {
        let Some(point) = points.next() else { break };
        // Lone surrogates have no character; nothing beyond ASCII is let through to a terminal but letters.
        let _ = match char::from_u32(point) {
            Some('\'') => write!(text, "\\'"),
            Some('\\') => write!(text, "\\\\"),
            Some(c) if c == ' ' || c.is_ascii_graphic() || (c.is_alphanumeric() && quote == "'") => {
                text.push(c);
                Ok(())
            }
            Some(c @ ('\n' | '\r' | '\t')) => write!(text, "{}", c.escape_default()),
            _ if point < 0x100 => write!(text, "\\x{point:02x}"),
            _ => write!(text, "\\u{point:04x}"),
        };
    }
    text.push_str(if points.peek().is_some() { "...'" } else { "'" });
    text
}
