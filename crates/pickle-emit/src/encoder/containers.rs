//! Tuples and empty containers: the opcodes by which each protocol makes them.

use pickle_opcodes::{Opcode, Protocol};

use super::Encoder;
use crate::Sink;

impl<S: Sink> Encoder<S> {
    /// Writes an empty tuple, which CPython's pickler never puts in the memo.
    #[inline]
    pub fn empty_tuple(&mut self) {
        self.empty(Opcode::EmptyTuple, Opcode::Tuple);
    }

    /// Writes an empty list.
    #[inline]
    pub fn empty_list(&mut self) {
        self.empty(Opcode::EmptyList, Opcode::List);
    }

    /// Writes an empty dict.
    #[inline]
    pub fn empty_dict(&mut self) {
        self.empty(Opcode::EmptyDict, Opcode::Dict);
    }

    #[inline]
    pub(crate) fn empty(&mut self, opcode: Opcode, of_protocol_0: Opcode) {
        if self.protocol > Protocol::V0 {
            self.op(opcode);
        } else {
            self.op(Opcode::Mark);
            self.op(of_protocol_0);
        }
    }

    /// The opcode that makes a tuple of the topmost `len` items: `TUPLE1` to `TUPLE3` for so many from protocol 2 on, `TUPLE`
    /// otherwise, which takes what lies above the topmost mark.
    ///
    /// ```
    /// use pickle_emit::Encoder;
    /// use pickle_opcodes::{Opcode, Protocol};
    ///
    /// assert_eq!(Encoder::new(Vec::new(), Protocol::V2).tuple_opcode(3), Opcode::Tuple3);
    /// assert_eq!(Encoder::new(Vec::new(), Protocol::V2).tuple_opcode(4), Opcode::Tuple);
    /// assert_eq!(Encoder::new(Vec::new(), Protocol::V1).tuple_opcode(1), Opcode::Tuple);
    /// ```
    #[inline]
    #[must_use]
    pub fn tuple_opcode(&self, len: usize) -> Opcode {
        match len {
            _ if self.protocol < Protocol::V2 => Opcode::Tuple,
            1 => Opcode::Tuple1,
            2 => Opcode::Tuple2,
            3 => Opcode::Tuple3,
            _ => Opcode::Tuple,
        }
    }

    /// Writes the mark that a tuple of `len` items begins with, unless its [opcode](Self::tuple_opcode) needs none.
    #[inline]
    pub fn begin_tuple(&mut self, len: usize) {
        if self.tuple_opcode(len) == Opcode::Tuple {
            self.op(Opcode::Mark);
        }
    }
}
