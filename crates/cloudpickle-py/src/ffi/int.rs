//! Ints.

use pyo3::{ffi, prelude::*};

/// The value of an `int` that has 64 bits or less, or `None` if it has more or if the object is no `int`.
#[inline]
pub(crate) fn small_int(int: &Bound<'_, PyAny>) -> Option<i64> {
    if super::kind(int) != super::Kind::Int {
        return None;
    }
    // SAFETY: it is exactly an int.
    if let Some(value) = unsafe { compact_value(int.as_ptr()) } {
        return Some(value);
    }
    let mut overflow = 0;
    // SAFETY: it is exactly an int, for which this neither fails nor runs Python code.
    let value = unsafe { ffi::PyLong_AsLongLongAndOverflow(int.as_ptr(), &mut overflow) };
    (overflow == 0).then_some(value)
}

/// An int as it lies in memory, of which only the first digit (of 15 or 30 bits) is looked at.
#[repr(C)]
struct Int {
    base: ffi::PyObject,
    /// From 3.12 on `lv_tag`: the number of digits above three bits of flags, of which the lower two are 0 for positive ints, 1 for
    /// zero and 2 for negative ones. Before, `ob_size`: the number of digits, negative for negative ints.
    tag: isize,
    digit: u32,
}

/// The value of an int of one digit at most (`PyUnstable_Long_CompactValue`, which is a macro), or `None` for a longer one.
///
/// # Safety
/// The object must be an int.
#[inline]
pub(super) unsafe fn compact_value(int: *mut ffi::PyObject) -> Option<i64> {
    // SAFETY: ints of every supported version have this layout; one of at most one digit has its digit (zero's is 0) in memory.
    unsafe {
        let int = int.cast::<Int>();
        let tag = (*int).tag;
        if cfg!(Py_3_12) {
            (tag < 2 << 3).then(|| (1 - (tag as i64 & 3)) * i64::from((*int).digit))
        } else {
            (-1..=1).contains(&tag).then(|| if tag == 0 { 0 } else { tag as i64 * i64::from((*int).digit) })
        }
    }
}
