//! The guard against running out of C stack.

use pyo3::{exceptions::PyRecursionError, ffi, prelude::*};

/// The address that the stack of a thread is not to grow beyond (it grows downwards).
///
/// Up to CPython 3.13 the interpreter only counts how deep calls are nested, which is enough for the stack of a main thread and
/// not for a smaller one.
#[derive(Clone, Copy)]
pub(crate) struct StackLimit(usize);

/// What is left to the code that objects run when they are pickled, and to that of the interpreter, in bytes.
const RESERVE: usize = 64 << 10;

impl StackLimit {
    /// The limit of the thread that this is called in.
    pub(crate) fn of_thread() -> Self {
        // What is no stack of the system's, such as a coroutine's, has other bounds than the thread's.
        let remaining = stacker::remaining_stack().filter(|&remaining| remaining > 0 && isize::try_from(remaining).is_ok());
        match remaining {
            Some(remaining) => StackLimit(here() - remaining + RESERVE.min(remaining / 4)),
            None => StackLimit(0),
        }
    }
}

/// An address in the frame of the function that this is inlined into.
#[inline(always)]
fn here() -> usize {
    let local = 0_u8;
    std::ptr::from_ref(std::hint::black_box(&local)).addr()
}

/// One level of recursion, which ends when this is dropped.
pub(crate) struct RecursionGuard<'py>(Python<'py>);

impl<'py> RecursionGuard<'py> {
    /// Enters one more level, or raises `RecursionError`.
    #[inline(always)]
    pub(crate) fn enter(py: Python<'py>, limit: StackLimit) -> PyResult<Self> {
        // SAFETY: the interpreter is attached; each successful call is paired with one `Py_LeaveRecursiveCall`, here or in `drop`.
        if unsafe { ffi::Py_EnterRecursiveCall(c" while pickling an object".as_ptr()) } != 0 {
            return Err(raised(py));
        }
        let level = RecursionGuard(py);
        if here() < limit.0 {
            return Err(out_of_stack());
        }
        Ok(level)
    }
}

// out of line, lest each level take the room that they need

#[cold]
#[inline(never)]
fn raised(py: Python<'_>) -> PyErr {
    PyErr::fetch(py)
}

#[cold]
#[inline(never)]
fn out_of_stack() -> PyErr {
    PyRecursionError::new_err("maximum recursion depth exceeded while pickling an object")
}

impl Drop for RecursionGuard<'_> {
    #[inline]
    fn drop(&mut self) {
        let _attached = self.0;
        // SAFETY: paired with the successful call in `enter`.
        unsafe { ffi::Py_LeaveRecursiveCall() };
    }
}
