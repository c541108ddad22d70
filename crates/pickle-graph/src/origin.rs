//! [`Pickler`] and [`IntForm`]: what a graph remembers of the pickle that it was read from.

#[cfg(doc)]
use crate::Graph;

/// A pickler with its habits: for some values, picklers that are all correct write different bytes. They
/// are told apart by what a pickle shows of them; whoever reads one says so by [`Graph::set_pickler`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Pickler {
    /// `pickle` of Python 2, written in Python.
    Pickle2,
    /// `cPickle` of Python 2: its memo begins at 1, floats have 17 digits at protocol 0, and it puts in the memo only what
    /// something else holds as well ([`Graph::set_memoized`]).
    CPickle,
    /// `_pickle` of CPython up to 3.6: ints are written by `LONG` at protocol 0, every pickle of protocol 4 has a frame, however
    /// short, and large payloads stay within frames.
    CPython3_6,
    /// `pickle` of CPython up to 3.6, written in Python: as [`CPython3_6`](Pickler::CPython3_6), but for the items of containers,
    /// which it writes as [`CPython3_15`](Pickler::CPython3_15).
    Pickle3_6,
    /// `_pickle` of CPython 3.7 to 3.14.
    #[default]
    CPython3_7,
    /// `_pickle` of CPython 3.15, and `pickle` since 3.7 where it is written in Python: no empty batches of items, and the last
    /// item alone is appended or set by itself.
    CPython3_15,
}

/// How an integer was written, where not in the way that `_pickle` of the current Python would choose.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum IntForm {
    /// The shortest form.
    #[default]
    Shortest,
    /// By `INT` although it needs more than 32 bits, as Python 2 writes an `int`.
    Int,
    /// By `LONG` or `LONG1` although it fits in 32 bits, as Python 2 writes a `long`, and early Python 3 any `int` at protocol 0.
    Long,
}
