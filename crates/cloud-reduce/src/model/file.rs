//! [`TextFile`]: an open file, pickled with what was in it.

use pickle_graph::{Graph, Node, NodeId, Step, Str};

use super::{callee::Callee, value::Fields};
use crate::{Dialect, Error, Reconstructor};

/// A text file that was open for reading. It loads as an `io.StringIO` of what was in it.
#[derive(Clone, Copy, Debug)]
pub struct TextFile<'a> {
    /// The file.
    pub id: NodeId,
    /// Whose copy of cloudpickle wrote it.
    pub dialect: Dialect,
    /// All that was in it.
    pub contents: Str<'a>,
    /// At which character it was.
    pub position: i64,
    /// Its `name`: a path, or the number of a file descriptor.
    pub name: Option<NodeId>,
}

impl<'a> TextFile<'a> {
    pub(crate) const MODEL: &'static str = "file";

    /// Reads the file that a node is: a call of `_file_reconstructor`.
    ///
    /// # Errors
    ///
    /// Where the node is no such call, or not of an `io.StringIO`.
    pub fn read(graph: &'a Graph, id: NodeId) -> Result<TextFile<'a>, Error> {
        let fields = Fields { graph, model: Self::MODEL, node: id };
        let Some((Callee::Reconstructor(dialect, Reconstructor::FileReconstructor), args)) = Callee::of_call(graph, id) else {
            return Err(fields.not_this());
        };
        let [buffer] = fields.arguments(args)?;
        let class = match graph.node(buffer) {
            Node::NewObj { class, .. } => Callee::of(graph, class),
            Node::Reduce { args, .. } => match graph.node(args).as_tuple() {
                // `copyreg.__newobj__` or `copyreg._reconstructor`, below protocol 2.
                Some(&[class, ..]) => Callee::of(graph, class),
                _ => Callee::Other,
            },
            _ => Callee::Other,
        };
        let (Callee::Global("_io" | "io", "StringIO"), Some(Step::Build(state))) = (class, graph.steps(buffer).next()) else {
            return Err(fields.wrong("retval", "an io.StringIO", buffer));
        };
        let Some(&[contents, _newline, position, dict]) = graph.node(state).as_tuple() else {
            return Err(fields.wrong("retval", "an io.StringIO", state));
        };
        let name = if dict == NodeId::NONE { None } else { fields.small_dict("retval.__dict__", dict)?.get("name") };
        Ok(TextFile {
            id,
            dialect,
            contents: fields.text("contents", contents)?,
            position: fields.number("position", position)?,
            name,
        })
    }
}
