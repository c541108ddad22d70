//! [`Loader`] and [`graph`]: bytes to the graph that a pickle describes.

mod builder;
mod origin;

use std::io::BufRead;

use bytes::Bytes;
use pickle_graph::{Graph, NodeId};

use crate::{Error, Limits, Machine, OpReader, Rules};
pub use builder::GraphBuilder;
use origin::TextSigns;

/// Up to this length, in bytes, a pickle cannot make a graph too large: no op takes less than a byte, or adds more than one node
/// and one reference, and items that move when their container grows take no more than four times their room.
const SURELY_SMALL: usize = 1 << 29;

/// Reads the graph that a pickle describes, with a [`Loader`]'s defaults. Nothing is imported and nothing is called.
///
/// Strings and bytes are not copied: the graph holds on to the input. What comes behind the pickle is not looked at.
///
/// ```
/// use pickle_graph::Node;
///
/// let graph = pickle_parse::graph(&b"\x80\x04\x95\x0f\0\0\0\0\0\0\0}\x94\x8c\x06answer\x94K\x2as."[..])?;
/// assert_eq!(graph.to_string(), "dict\n  'answer': 42\n");
///
/// let answer = graph.get(graph.root(), "answer").unwrap();
/// assert_eq!(graph.node(answer), Node::Int(42));
/// # Ok::<(), pickle_parse::Error>(())
/// ```
///
/// # Errors
///
/// What CPython's unpickler refuses; see [`Loader::load`].
pub fn graph(input: impl Into<Bytes>) -> Result<Graph, Error> {
    Loader::new().load(input)
}

/// Reads graphs, with choices to be made.
///
/// ```
/// use pickle_parse::{Loader, Strings};
///
/// // Written by Python 2: a str and a built-in.
/// let pickle = &b"(U\x05nameqc__builtin__\nxrange\nt."[..];
/// let graph = Loader::new().strings(Strings::Latin1).python3_names(true).load(pickle)?;
/// assert_eq!(graph.to_string(), "tuple\n  'nameq'\n  global builtins.range\n");
/// # Ok::<(), pickle_parse::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Loader {
    limits: Limits,
    rules: Rules,
    strings: Strings,
    python3_names: bool,
    buffers: Option<usize>,
}

/// What becomes of the `str`s of Python 2, whose encoding a pickle does not tell: `pickle.loads`'s `encoding`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Strings {
    /// They stay what they are: [`Node::String`](pickle_graph::Node::String).
    #[default]
    Keep,
    /// `str`; bytes beyond ASCII are an error.
    Ascii,
    /// `str`, each byte a character.
    Latin1,
    /// `str`; bytes that are not UTF-8 are an error.
    Utf8,
    /// `bytes`.
    Bytes,
}

impl Loader {
    /// Reads as [`graph`] does.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// How much a pickle may ask for.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Which of CPython's unpicklers is asked, where they differ; those up to 3.13 unless given, which refuse least.
    #[must_use]
    pub fn rules(mut self, rules: Rules) -> Self {
        self.rules = rules;
        self
    }

    /// What becomes of the `str`s of Python 2; they stay what they are unless given.
    #[must_use]
    pub fn strings(mut self, strings: Strings) -> Self {
        self.strings = strings;
        self
    }

    /// Whether globals of pickles of protocols 0 to 2 get the names that they have in Python 3 (`pickle.loads`'s `fix_imports`);
    /// not unless given.
    #[must_use]
    pub fn python3_names(mut self, python3_names: bool) -> Self {
        self.python3_names = python3_names;
        self
    }

    /// How many out-of-band buffers there are; as many as the pickle asks for unless given.
    #[must_use]
    pub fn buffers(mut self, buffers: usize) -> Self {
        self.buffers = Some(buffers);
        self
    }

    /// Reads the graph of the pickle that `input` begins with.
    ///
    /// # Errors
    ///
    /// What CPython's unpickler refuses, of what shows without importing or calling anything, and in its words. That a list
    /// cannot be a key, say, shows only later. [`ErrorKind::Limit`](crate::ErrorKind::Limit) where the graph would have more than
    /// 2^31 - 1 nodes.
    pub fn load(&self, input: impl Into<Bytes>) -> Result<Graph, Error> {
        self.load_first(&input.into()).map(|(graph, _)| graph)
    }

    /// Reads the graph of the pickle that `input` begins with, and returns the pickle's length in bytes too: there the next one
    /// begins, if any.
    ///
    /// # Errors
    ///
    /// As [`load`](Self::load).
    pub fn load_first(&self, input: &Bytes) -> Result<(Graph, usize), Error> {
        let mut machine = Machine::with_limits(self.builder(input.clone()), self.limits).with_rules(self.rules);
        let (root, length) = machine.run(input)?;
        Ok((machine.into_builder().finish(root, &input[..length]), length))
    }

    /// The builder that makes the graph of a pickle out of `source`, for a [`Machine`] of yours.
    #[must_use]
    pub fn builder(&self, source: Bytes) -> GraphBuilder {
        let may_be_too_large = source.is_empty() || source.len() > SURELY_SMALL;
        GraphBuilder::new(self.clone(), source, may_be_too_large)
    }

    /// Reads the graph of the next pickle of a stream, or `None` where the stream ends. Strings and bytes are copied.
    ///
    /// # Errors
    ///
    /// As [`load`](Self::load), and what the stream says.
    pub fn read<R: BufRead>(&self, reader: &mut OpReader<R>) -> Result<Option<Graph>, Error> {
        let mut machine = Machine::with_limits(self.builder(Bytes::new()), self.limits).with_rules(self.rules);
        let mut text = TextSigns::default();
        loop {
            if let Some(root) = run_buffered(&mut machine, reader, &mut text)? {
                return Ok(Some(machine.into_builder().finish_with(root, text)));
            }
            // An op that does not stand in the stream's buffer as a whole, or a fault, or the end.
            let (offset, op) = match reader.next_op() {
                Ok(Some(read)) => read,
                Ok(None) => return Ok(None),
                Err(error) => return Err(machine.unread(error, reader)),
            };
            if machine.builder().is_without_proto() {
                text.note(&op);
            }
            if let Some(root) = machine.step(offset, &op)? {
                return Ok(Some(machine.into_builder().finish_with(root, text)));
            }
        }
    }
}

/// Executes the ops that stand in a stream's buffer as a whole. Returns the pickle's value, if its `STOP` is among them.
fn run_buffered<R: BufRead>(
    machine: &mut Machine<GraphBuilder>,
    reader: &mut OpReader<R>,
    text: &mut TextSigns,
) -> Result<Option<NodeId>, Error> {
    let offset = reader.offset();
    let buffered = reader.buffered_within_limit()?;
    match machine.run_part(offset, buffered) {
        Ok(part) => {
            if machine.builder().is_without_proto() {
                text.note_all(&buffered[..part.executed]);
            }
            reader.skip(part.executed, part.value.is_some());
            Ok(part.value)
        }
        Err(error) => {
            let error = Error::from(error);
            reader.skip((error.offset() - offset) as usize, false);
            // The op at fault is passed, too: who reads on begins behind it.
            let _ = reader.next_op();
            Err(error)
        }
    }
}

#[cfg(test)]
mod tests;
