//! The memory behind buffers.

use pyo3::buffer::PyBuffer;

/// The memory of a contiguous buffer (C or Fortran order), or `None` if it is scattered. The bytes must not be kept beyond the next
/// time that Python code runs, since a writable buffer may be written to.
pub(crate) fn contiguous_buffer(buffer: &PyBuffer<u8>) -> Option<&[u8]> {
    if !(buffer.is_c_contiguous() || buffer.is_fortran_contiguous()) {
        return None;
    }
    if buffer.len_bytes() == 0 {
        return Some(&[]);
    }
    // SAFETY: the exporter guarantees `len_bytes` contiguous bytes at `buf_ptr` while the buffer is held, which the borrow ensures.
    // No Python code runs while the callers (the encoder) copy them.
    Some(unsafe { std::slice::from_raw_parts(buffer.buf_ptr().cast(), buffer.len_bytes()) })
}
