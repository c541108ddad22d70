//! How objects are shown within a line.

use std::fmt::Write;

use pickle_graph::{Graph, Node, NodeId, float_repr};

use super::resolve::{Name, Object, short_text};
use crate::Code;

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
