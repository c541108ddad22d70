//! [`optimize`]: a pickle without what it puts in the memo and never gets from there.

use std::collections::{HashMap, HashSet};

use pickle_opcodes::{Op, Protocol};

use crate::{
    Encoder, Error, ErrorKind,
    frame::FRAME_SIZE_TARGET,
    memo::{get_index, put_index},
    op::write_op,
};

/// Writes the ops of a pickle again without the `PUT`s that no `GET` refers to; the bytes are those of `pickletools.optimize`.
/// The memo's indexes are counted anew, and so are the frames.
///
/// ```
/// use pickle_emit::optimize;
/// use pickle_opcodes::Op;
///
/// let ops = [Op::Proto(2), Op::EmptyList, Op::BinPut(0), Op::BinInt1(1), Op::BinPut(1), Op::BinGet(0), Op::Stop];
/// assert_eq!(optimize(ops)?, b"\x80\x02]q\x00K\x01h\x00.");
/// # Ok::<(), pickle_emit::Error>(())
/// ```
///
/// # Errors
///
/// [`ErrorKind::MemoIndex`] where a `GET` comes before its `PUT` or an index is no number, [`ErrorKind::UnknownProtocol`] where
/// `PROTO` names a protocol that there is not, and as [`write_op`].
pub fn optimize<'a>(ops: impl IntoIterator<Item = Op<'a>>) -> Result<Vec<u8>, Error> {
    let ops: Vec<Op<'a>> = ops.into_iter().collect();
    let mut put = HashSet::new();
    let mut used = HashMap::new();
    let mut protocol = Protocol::V0;
    let mut indexes = Vec::new();
    for op in &ops {
        if let Some(index) = put_index(op, put.len()) {
            let index = index.ok_or(ErrorKind::MemoIndex { opcode: op.opcode() })?;
            put.insert(index.clone());
            indexes.push(index);
        } else if let Some(index) = get_index(op) {
            let index = index.ok_or(ErrorKind::MemoIndex { opcode: op.opcode() })?;
            protocol = protocol.max(op.opcode().protocol());
            used.insert(index.clone(), None);
            indexes.push(index);
        } else if let Op::Proto(version) = *op {
            protocol = protocol.max(Protocol::try_from(version).map_err(|_| ErrorKind::UnknownProtocol { version })?);
        }
    }
    let mut out = Rewriter { encoder: Encoder::new(Vec::new(), protocol) };
    let mut rest = &ops[..];
    if let [first @ Op::Proto(_), after @ ..] = rest {
        write_op(out.encoder.sink_mut(), first)?;
        rest = after;
    }
    out.encoder.begin_frame();
    let mut indexes = indexes.into_iter();
    let mut kept = 0;
    let mut op_bytes = Vec::new();
    for op in rest {
        let opcode = op.opcode();
        if put_index(op, 0).is_some() {
            let Some(new) = indexes.next().and_then(|index| used.get_mut(&index)) else { continue };
            out.encoder.boundary();
            out.encoder.memoize(kept)?;
            *new = Some(kept);
            kept += 1;
        } else if get_index(op).is_some() {
            let new = indexes.next().and_then(|index| used.get(&index).copied().flatten());
            out.encoder.boundary();
            out.encoder.get(new.ok_or(ErrorKind::MemoIndex { opcode })?)?;
        } else if !matches!(op, Op::Frame(_)) {
            op_bytes.clear();
            write_op(&mut op_bytes, op)?;
            out.copy(&op_bytes);
        }
    }
    out.encoder.end_frame();
    Ok(out.encoder.into_sink())
}

struct Rewriter {
    encoder: Encoder<Vec<u8>>,
}

impl Rewriter {
    /// Copies an op; one that is larger than a frame stands outside of frames, its opcode included.
    fn copy(&mut self, op: &[u8]) {
        if op.len() > FRAME_SIZE_TARGET && self.encoder.protocol().is_framed() {
            self.encoder.end_frame();
            self.encoder.sink_mut().extend_from_slice(op);
            self.encoder.begin_frame();
        } else {
            self.encoder.boundary();
            self.encoder.sink_mut().extend_from_slice(op);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_fetched_stays_in_the_memo_under_new_indexes() {
        let one = Op::BinInt1(1);
        let cases: [(&[Op<'_>], &[u8]); 6] = [
            (&[one, Op::BinPut(5), Op::Stop], b"K\x01."),
            (&[one, Op::BinPut(5), Op::Pop, one, Op::BinPut(7), Op::BinGet(7), Op::Stop], b"K\x010K\x01q\0h\0."),
            (&[Op::None, Op::Put(b"9"), Op::Get(b"9"), Op::Stop], b"Np0\ng0\n."),
            (&[Op::None, Op::Put(b"-1"), Op::Put(b"1_0"), Op::Get(b" +10"), Op::Stop], b"Np0\ng0\n."),
            (&[Op::Proto(4), Op::Frame(3), one, Op::Memoize, Op::Stop], b"\x80\x04K\x01."),
            (
                &[Op::Proto(4), Op::Frame(9), one, Op::Memoize, Op::None, Op::Memoize, Op::BinGet(1), Op::Stop],
                b"\x80\x04\x95\x07\0\0\0\0\0\0\0K\x01N\x94h\0.",
            ),
        ];
        for (ops, expected) in cases {
            assert_eq!(optimize(ops.iter().copied()).unwrap(), expected, "{ops:?}");
        }
    }

    #[test]
    fn a_get_without_a_put_before_it_is_refused() {
        for ops in [&[Op::BinGet(0), Op::Stop][..], &[Op::BinGet(0), Op::BinPut(0), Op::Stop], &[Op::Get(b"x"), Op::Stop]] {
            let error = optimize(ops.iter().copied()).unwrap_err();
            assert!(matches!(error.kind(), ErrorKind::MemoIndex { .. }), "{error}");
        }
    }
}
