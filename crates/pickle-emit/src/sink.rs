//! [`Sink`]: the growing memory that a pickle is written into.

/// Growing memory that a pickle is written into.
///
/// A `Vec<u8>` is one; the Python module has one that is a `bytes` object, so that the finished pickle is never copied. Writing
/// does not fail: a sink that cannot grow either aborts, as `Vec` does, or remembers the failure and reports it at the end.
pub trait Sink {
    /// How many bytes it holds.
    fn position(&self) -> usize;

    /// Appends bytes.
    fn write(&mut self, bytes: &[u8]);

    /// Appends a few bytes and then some more: an opcode with its length, and the payload.
    #[inline]
    fn write_parts(&mut self, head: &[u8], body: &[u8]) {
        self.write(head);
        self.write(body);
    }

    /// Appends the first `len` of eight bytes, or all of them if it is larger. Where it does not matter what lies behind its end,
    /// a sink can take all eight in one step.
    #[inline]
    fn write_short(&mut self, bytes: [u8; 8], len: usize) {
        self.write(&bytes[..len.min(bytes.len())]);
    }

    /// Appends a payload that is as long as a frame at least, and stands outside of frames. It is most of its pickle, or one of its
    /// kind.
    #[inline]
    fn write_payload(&mut self, payload: &[u8]) {
        self.write(payload);
    }

    /// Overwrites bytes that were written before, beginning at an offset.
    fn overwrite(&mut self, offset: usize, bytes: &[u8]);

    /// Removes `count` bytes, beginning at an offset.
    fn remove(&mut self, offset: usize, count: usize);

    /// Tells that a frame or a large payload ends here, so that a sink in front of a file may write out what it holds in such
    /// pieces.
    #[inline]
    fn piece_ends(&mut self) {}
}

impl Sink for Vec<u8> {
    #[inline]
    fn position(&self) -> usize {
        self.len()
    }

    #[inline]
    fn write(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }

    fn overwrite(&mut self, offset: usize, bytes: &[u8]) {
        self[offset..offset + bytes.len()].copy_from_slice(bytes);
    }

    fn remove(&mut self, offset: usize, count: usize) {
        self.drain(offset..offset + count);
    }
}
