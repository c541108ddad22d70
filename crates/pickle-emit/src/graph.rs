//! [`GraphEncoder`]: graphs to pickles, in the canonical form of CPython's pickler.

mod attempts;
mod convert;
mod frames;
mod habits;
mod items;
mod memo;
mod walk;

use bytes::Bytes;
use pickle_graph::{Graph, Pickler};
use pickle_opcodes::Protocol;

use crate::{Error, Sink};

/// Writes graphs as pickles, as CPython's own pickler would write the objects: with the smallest opcodes, items in batches of
/// 1000, everything in the memo that CPython puts there, and frames of 64 KiB with large payloads outside.
///
/// A graph that was read from a pickle of CPython's comes out as the same bytes at the same protocol. At another protocol it
/// comes out as a pickle that loads as the same value.
///
/// ```
/// use pickle_emit::GraphEncoder;
/// use pickle_graph::{Graph, Node};
/// use pickle_opcodes::Protocol;
///
/// let mut graph = Graph::new();
/// let text = graph.push(Node::Str("ab".into()));
/// let list = graph.push(Node::List(&[text, text]));
/// graph.set_root(list);
///
/// let pickle = GraphEncoder::new().protocol(Protocol::V2).encode(&graph)?;
/// assert_eq!(pickle, b"\x80\x02]q\x00(X\x02\x00\x00\x00abq\x01h\x01e.");
/// # Ok::<(), pickle_emit::Error>(())
/// ```
///
/// # What becomes of what an older protocol has no opcode for
///
/// | Object | below protocol | is written as |
/// |---|---|---|
/// | `bytes` | 3 | a call of `_codecs.encode` with the text that has these bytes in Latin-1 |
/// | `bytearray` | 5 | a call of `bytearray` with `bytes` |
/// | sets and frozensets | 4 | a call of `set` or `frozenset` with a list |
/// | what `NEWOBJ` made | 2 | a call of `copyreg.__newobj__` |
/// | what `NEWOBJ_EX` made | 4 | a call of `copyreg.__newobj_ex__` |
/// | globals whose name has dots | 4 | calls of `getattr` |
/// | names of the standard library | 3 | its name in Python 2, see [`GraphEncoder::fix_imports`] |
/// | extension codes | 2 | an error |
/// | out-of-band buffers | 5 | an error |
#[derive(Clone, Copy, Debug)]
pub struct GraphEncoder<'b> {
    protocol: Option<Protocol>,
    pickler: Option<Pickler>,
    fix_imports: bool,
    in_band: Option<&'b [Bytes]>,
}

/// A pickle, and the out-of-band buffers that belong to it.
#[derive(Clone, Debug)]
pub struct Pickled<S> {
    /// Where the pickle was written.
    pub sink: S,
    /// Which buffers go with it, by their [`Node::Buffer`](pickle_graph::Node::Buffer) index, in the order in which the pickle
    /// takes them.
    pub buffers: Vec<u32>,
}

impl Default for GraphEncoder<'_> {
    fn default() -> Self {
        Self::new()
    }
}

impl<'b> GraphEncoder<'b> {
    /// An encoder that writes each graph at the protocol that it was read at, with the habits of the pickler that wrote it. (At
    /// another protocol it has those of the current CPython.)
    #[must_use]
    pub const fn new() -> Self {
        GraphEncoder { protocol: None, pickler: None, fix_imports: true, in_band: None }
    }

    /// Writes at this protocol, whatever the graph was read at.
    #[must_use]
    pub const fn protocol(self, protocol: Protocol) -> Self {
        GraphEncoder { protocol: Some(protocol), ..self }
    }

    /// Writes with the habits of this pickler, whoever wrote what the graph was read from.
    #[must_use]
    pub const fn pickler(self, pickler: Pickler) -> Self {
        GraphEncoder { pickler: Some(pickler), ..self }
    }

    /// Whether names of the standard library are Python 2's at protocols 0 to 2 and Python 3's above; they are unless told.
    /// Graphs that have the right ones already are left as they are.
    #[must_use]
    pub const fn fix_imports(self, fix_imports: bool) -> Self {
        GraphEncoder { fix_imports, ..self }
    }

    /// Writes out-of-band buffers into the pickle, as `bytes` and `bytearray` objects: `buffers` are what the graph's buffer
    /// indexes mean.
    #[must_use]
    pub const fn in_band(self, buffers: &'b [Bytes]) -> Self {
        GraphEncoder { in_band: Some(buffers), ..self }
    }

    /// The pickle of a graph's root.
    ///
    /// # Errors
    ///
    /// [`ErrorKind`](crate::ErrorKind) says what cannot be written at a protocol, and what not at all.
    pub fn encode(&self, graph: &Graph) -> Result<Vec<u8>, Error> {
        let mut pickle = Vec::new();
        // With so much room, what was written is not moved; without, it is.
        _ = pickle.try_reserve(guess(graph));
        Ok(self.encode_to(graph, pickle)?.sink)
    }

    /// Writes the pickle of a graph's root behind what a sink holds, and tells which out-of-band buffers go with it.
    ///
    /// # Errors
    ///
    /// As [`GraphEncoder::encode`]. The sink is lost then, with what was written of the pickle.
    pub fn encode_to<S: Sink>(&self, graph: &Graph, sink: S) -> Result<Pickled<S>, Error> {
        let protocol = self.protocol.unwrap_or(graph.protocol());
        let as_read = protocol == graph.protocol();
        let pickler = self.pickler.unwrap_or(if as_read { graph.pickler() } else { Pickler::default() });
        walk::Writer::new(self, graph, sink, protocol, pickler).write(graph.root())
    }
}

/// About how many bytes the pickle of a graph has.
fn guess(graph: &Graph) -> usize {
    let source = graph.source().len();
    // The source may be a file of many pickles: it is a good guess only where there are nodes enough for it.
    if 0 < source && source / 32 < graph.len() { source } else { graph.text_len().saturating_add(graph.len() * 6) }
}

/// The pickle of a graph's root at the protocol that the graph was read at, as [`GraphEncoder`] writes it unless told otherwise.
///
/// # Errors
///
/// As [`GraphEncoder::encode`].
pub fn graph_to_vec(graph: &Graph) -> Result<Vec<u8>, Error> {
    GraphEncoder::new().encode(graph)
}
