//! References to objects.

use pyo3::{ffi, prelude::*};

/// A reference of one's own to an object that somebody else keeps alive for now.
///
/// 3.12 and 3.13 write the lower half of the count when they take a reference, and read the whole of it when they give one up: a
/// processor cannot hand what it has yet to write to a load that is wider, and waits. A reference that is soon given up is therefore
/// counted in the whole.
///
/// # Safety
/// The pointer must be to an object that is alive.
#[inline(always)]
pub(super) unsafe fn own(py: Python<'_>, object: *mut ffi::PyObject) -> Bound<'_, PyAny> {
    const IS_READ_AS_A_WHOLE: bool =
        cfg!(all(Py_3_12, not(Py_3_14), target_pointer_width = "64", not(any(PyPy, py_sys_config = "Py_REF_DEBUG"))));
    // SAFETY: the object is alive, and the interpreter attached. The count is the first field of an object. One whose lower half is
    // negative is immortal: it is not counted.
    unsafe {
        if !IS_READ_AS_A_WHOLE {
            return Bound::from_borrowed_ptr(py, object);
        }
        let count = object.cast::<i64>();
        if *count as i32 >= 0 {
            *count += 1;
        }
        Bound::from_owned_ptr(py, object)
    }
}
