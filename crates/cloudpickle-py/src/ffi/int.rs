//! Ints.

use pyo3::{ffi, prelude::*};

/// The value of an `int` that has 64 bits or less, or `None` if it has more or if the object is no `int`.
#[inline]
pub(crate) fn small_int(int: &Bound<'_, PyAny>) -> Option<i64> {
    if super::kind(int) != super::Kind::Int {
        return None;
    }
    // SAFETY: it is exactly an int.
    if let Some(value) = unsafe { short_value(int.as_ptr()) } {
        return Some(value);
    }
    let mut overflow = 0;
    // SAFETY: it is exactly an int, for which this neither fails nor runs Python code.
    let value = unsafe { ffi::PyLong_AsLongLongAndOverflow(int.as_ptr(), &mut overflow) };
    (overflow == 0).then_some(value)
}

/// An int as it lies in memory, up to its second digit.
#[repr(C)]
struct Int {
    base: ffi::PyObject,
    /// From 3.12 on `lv_tag`: the number of digits above three bits of flags, of which the lower two are 0 for positive ints, 1 for
    /// zero and 2 for negative ones. Before, `ob_size`: the number of digits, negative for negative ints.
    tag: isize,
    /// The least significant digit comes first.
    digits: [u32; 2],
}

/// How many bits a digit has, unless CPython was configured otherwise; the module is not for such an interpreter.
const DIGIT_BITS: u32 = if cfg!(target_pointer_width = "64") { 30 } else { 15 };

/// How many digits are looked at: as many as surely fit.
const MAX_DIGITS: usize = if DIGIT_BITS == 30 { 2 } else { 1 };

/// The largest int, regardless of its sign, of which the interpreter may have but one: they go from -5 to 256, and to 1024 from 3.15
/// on.
const MAX_SHARED: u64 = 1024;

/// An int.
///
/// One that has two digits at most is made here: the interpreter's function does the same once it knows how many there are.
#[inline]
pub(crate) fn new_int(py: Python<'_>, value: i64) -> PyResult<Bound<'_, PyAny>> {
    let magnitude = value.unsigned_abs();
    if MAX_DIGITS < 2 || magnitude <= MAX_SHARED || magnitude >> (2 * DIGIT_BITS) != 0 {
        // SAFETY: a new reference, or null.
        return unsafe { Bound::from_owned_ptr_or_err(py, ffi::PyLong_FromLongLong(value)) };
    }
    let (low, high) = (magnitude & ((1 << DIGIT_BITS) - 1), magnitude >> DIGIT_BITS);
    let count = 1 + isize::from(high != 0);
    let tag = match (cfg!(Py_3_12), value < 0) {
        (true, negative) => count << 3 | isize::from(negative) << 1,
        (false, true) => -count,
        (false, false) => count,
    };
    // SAFETY: ints of every supported version have this layout, in which those of one digit and of two are of the same size.
    unsafe {
        let int = super::object::allocate(py, size_of::<Int>(), &raw mut ffi::PyLong_Type)?;
        let fields = int.as_ptr().cast::<Int>();
        (*fields).tag = tag;
        (*fields).digits = [low as u32, high as u32];
        Ok(int)
    }
}

/// Whether this interpreter's ints have the digits that this module counts on.
pub(crate) fn has_known_digits(py: Python<'_>) -> PyResult<bool> {
    let info = py.import("sys")?.getattr("int_info")?;
    Ok(info.getattr("bits_per_digit")?.extract::<u32>()? == DIGIT_BITS)
}

/// The value of an int of two digits at most, or `None` for a longer one.
///
/// # Safety
/// The object must be an int.
#[inline]
pub(super) unsafe fn short_value(int: *mut ffi::PyObject) -> Option<i64> {
    // SAFETY: ints of every supported version have this layout; one of at most one digit has its digit (zero's is 0) in memory.
    unsafe {
        let int = int.cast::<Int>();
        let tag = (*int).tag;
        let (count, sign) =
            if cfg!(Py_3_12) { (tag as usize >> 3, 1 - (tag as i64 & 3)) } else { (tag.unsigned_abs(), tag.signum() as i64) };
        if count > MAX_DIGITS {
            return None;
        }
        // Random ints have one digit or two at random, which no branch predictor learns: hence the same way for both. The digits
        // are an array, of which only those that are there are read.
        let digits = (&raw const (*int).digits).cast::<u32>();
        let (low, last) = (i64::from(*digits), i64::from(*digits.add(count.saturating_sub(1))));
        let high = last & -i64::from(count == 2);
        Some(sign * (low | high << DIGIT_BITS))
    }
}
