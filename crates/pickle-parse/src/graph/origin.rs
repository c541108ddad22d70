//! What a pickle shows of the pickler that wrote it.

use pickle_graph::Pickler;
use pickle_opcodes::{Opcode, Protocol};

use crate::Ops;

/// Whether a pickle without `PROTO` is of protocol 1 rather than 0, as far as its first telling opcode says.
pub(super) fn has_binary_opcodes(pickle: &[u8]) -> bool {
    Ops::new(pickle).filter_map(Result::ok).find_map(|(_, op)| is_binary(op.opcode())).unwrap_or(false)
}

/// Whether an opcode tells that a pickle is of protocol 1, or that it is of protocol 0; most tell nothing.
pub(super) fn is_binary(opcode: Opcode) -> Option<bool> {
    match opcode {
        // Protocol 1 has shorter ones for the same.
        Opcode::Float | Opcode::String | Opcode::Unicode | Opcode::Put | Opcode::Get | Opcode::PersId => Some(false),
        _ if opcode.protocol() == Protocol::V0 => None,
        _ => Some(true),
    }
}

/// What was seen of a pickle that tells picklers apart; see [`Pickler`].
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Signs {
    /// The index at which the first object was put into the memo.
    pub(super) first_index: Option<usize>,
    /// A `str` of Python 2, or an `INT` of more than 32 bits.
    pub(super) python2: bool,
    /// An integer of up to 32 bits written by `LONG`.
    pub(super) small_long: bool,
    /// An item appended or set by itself behind a full batch.
    pub(super) alone_behind_batch: bool,
}

impl Signs {
    pub(super) fn pickler(self, protocol: Protocol) -> Pickler {
        if protocol <= Protocol::V2 && self.first_index == Some(1) {
            Pickler::CPickle
        } else if protocol <= Protocol::V2 && self.python2 {
            // Written in Python, it puts every string in the memo.
            if self.first_index.is_some() { Pickler::Pickle2 } else { Pickler::CPickle }
        } else if protocol <= Protocol::V1 && self.small_long {
            Pickler::CPython3_6
        } else if self.alone_behind_batch {
            Pickler::CPython3_15
        } else {
            Pickler::default()
        }
    }
}
