//! What a pickle shows of the pickler that wrote it.

use pickle_graph::Pickler;
use pickle_opcodes::{Op, Opcode, Protocol};

use crate::{Ops, arg};

/// What the opcodes of a pickle of protocol 0 or 1 show, which has no `PROTO`, beside what the objects show.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct TextSigns {
    /// Whether the first opcode that tells protocols 0 and 1 apart is of protocol 1.
    pub(super) binary: Option<bool>,
    /// An int, not a bool, that `INT` wrote.
    int: bool,
    /// NUL, a carriage return or 0x1a as it is in a `UNICODE`, where CPython writes an escape since 3.7.
    raw_controls: bool,
    /// A `FLOAT` with the 17 digits of `cPickle` where fewer tell it.
    float_17_digits: bool,
}

impl TextSigns {
    /// What a pickle without `PROTO` shows.
    pub(super) fn of(pickle: &[u8]) -> TextSigns {
        let mut signs = TextSigns::default();
        signs.note_all(pickle);
        signs
    }

    /// Looks at more ops, which `part` of a pickle begins with.
    pub(super) fn note_all(&mut self, part: &[u8]) {
        let mut ops = Ops::new(part).map_while(Result::ok);
        while self.binary != Some(true)
            && let Some((_, op)) = ops.next()
        {
            self.note(&op);
        }
    }

    /// Looks at one more op. Behind one that is of protocol 1 alone, none tells more.
    pub(super) fn note(&mut self, op: &Op<'_>) {
        if self.binary == Some(true) {
            return;
        }
        if self.binary.is_none() {
            self.binary = is_binary(op.opcode());
        }
        match *op {
            Op::Int(text) => self.int |= !matches!(text, b"00" | b"01"),
            Op::Unicode(text) if !self.raw_controls => {
                self.raw_controls = text.iter().any(|byte| matches!(byte, 0 | b'\r' | 0x1a));
            }
            Op::Float(text) if !self.float_17_digits => self.float_17_digits = has_17_digits(text),
            _ => {}
        }
    }
}

/// Whether an opcode tells that a pickle is of protocol 1, or that it is of protocol 0; most tell nothing.
fn is_binary(opcode: Opcode) -> Option<bool> {
    match opcode {
        // Protocol 1 has shorter ones for the same.
        Opcode::Float | Opcode::String | Opcode::Unicode | Opcode::Put | Opcode::Get | Opcode::PersId => Some(false),
        _ if opcode.protocol() == Protocol::V0 => None,
        _ => Some(true),
    }
}

/// Whether a float has the digits that `cPickle` gives it and not those of its `repr`.
fn has_17_digits(text: &[u8]) -> bool {
    let Ok(value) = arg::float(text) else { return false };
    let mut repr = Vec::with_capacity(text.len());
    pickle_graph::float_repr(value, &mut repr);
    repr != text
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
    /// How many dicts and sets end in a full batch of items, with no empty one behind it.
    pub(super) open_batches: i64,
    /// A frame that is too short to be worth it.
    pub(super) short_frame: bool,
    /// A payload in a frame that is large enough to stand outside of it.
    pub(super) large_in_frame: bool,
}

impl Signs {
    pub(super) fn pickler(self, protocol: Protocol, text: &TextSigns) -> Pickler {
        let no_empty_batches = self.alone_behind_batch || self.open_batches > 0;
        // Python 3 has one type of int, and writes all small ones alike.
        let two_ints = self.small_long && (text.int || matches!(protocol, Protocol::V1 | Protocol::V2));
        let python2 = self.python2 || two_ints || text.int && text.raw_controls;
        if protocol <= Protocol::V2 && (self.first_index == Some(1) || text.float_17_digits) {
            Pickler::CPickle
        } else if protocol <= Protocol::V2 && python2 {
            // Written in Python, it puts every string in the memo.
            if self.first_index.is_some() { Pickler::Pickle2 } else { Pickler::CPickle }
        } else if protocol == Protocol::V0 && (self.small_long || text.raw_controls) || self.large_in_frame || self.short_frame {
            if no_empty_batches { Pickler::Pickle3_6 } else { Pickler::CPython3_6 }
        } else if no_empty_batches {
            Pickler::CPython3_15
        } else {
            Pickler::default()
        }
    }
}
