//! [`Habits`]: in what the picklers differ that are all correct.

use pickle_graph::Pickler;
use pickle_opcodes::Protocol;

/// In what picklers differ.
#[derive(Clone, Copy, Debug)]
pub(super) struct Habits {
    /// The memo's first index.
    pub(super) memo_start: usize,
    /// Only a list that is a single item has it by `APPEND`; a last batch of one item goes by `APPENDS`.
    pub(super) append_only_single: bool,
    /// The same for dicts and `SETITEM`; and a dict whose items fill their batches ends in an empty one.
    pub(super) set_item_only_single: bool,
    /// A set whose items fill their batches ends in an empty one.
    pub(super) empty_add_items: bool,
    /// Ints are written by `LONG` at protocol 0.
    pub(super) int_by_long: bool,
    /// Floats have 17 digits at protocol 0.
    pub(super) float_17_digits: bool,
    /// `UNICODE` leaves carriage return, NUL and 0x1a as they are.
    pub(super) raw_controls: bool,
    /// Frames are as long as CPython wrote them up to 3.6: large payloads stay within them, and the shortest pickle has one.
    pub(super) early_frames: bool,
}

impl Habits {
    pub(super) fn of(pickler: Pickler, protocol: Protocol) -> Habits {
        let pickler = match pickler {
            Pickler::Pickle2 | Pickler::CPickle if protocol > Protocol::V2 => Pickler::default(),
            pickler => pickler,
        };
        let python2 = matches!(pickler, Pickler::Pickle2 | Pickler::CPickle);
        let early = matches!(pickler, Pickler::CPython3_6 | Pickler::Pickle3_6);
        let batches_end_early = matches!(pickler, Pickler::CPython3_15 | Pickler::Pickle3_6);
        let text = protocol == Protocol::V0;
        Habits {
            memo_start: usize::from(pickler == Pickler::CPickle),
            append_only_single: !python2 && !batches_end_early,
            set_item_only_single: pickler != Pickler::Pickle2 && !batches_end_early,
            empty_add_items: !batches_end_early,
            int_by_long: text && early,
            float_17_digits: text && pickler == Pickler::CPickle,
            raw_controls: text && (python2 || early),
            early_frames: early,
        }
    }
}
