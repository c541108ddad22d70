//! What this crate keeps beside a code object, for as long as the code object lives.

use std::{ffi::c_void, sync::OnceLock};

use pyo3::{ffi, prelude::*};

use crate::pickler::CodeFacts;

/// The index under which the interpreter keeps our data beside each code object; negative if it has none left.
fn extra_index() -> ffi::Py_ssize_t {
    static INDEX: OnceLock<ffi::Py_ssize_t> = OnceLock::new();

    /// Called when a code object dies.
    unsafe extern "C" fn free(extra: *mut c_void) {
        if !extra.is_null() {
            // SAFETY: only `set_code_extra` stores under our index, and it stores a leaked `Box<CodeFacts>`. A code object dies in a
            // thread that is attached to its interpreter. Attaching once more would wait for ever, before CPython 3.12, where that is
            // not the main one.
            let (facts, py) = unsafe { (Box::from_raw(extra.cast::<CodeFacts>()), Python::assume_attached()) };
            facts.release(py);
        }
    }

    // SAFETY: the interpreter is attached (the callers hold a `Bound`), and `free` fits what will be stored.
    *INDEX.get_or_init(|| unsafe { ffi::PyUnstable_Eval_RequestCodeExtraIndex(free) })
}

/// The data of a code object, if there is any.
pub(crate) fn code_extra<'a>(code: &'a Bound<'_, PyAny>) -> Option<&'a CodeFacts> {
    let index = extra_index();
    if index < 0 || super::kind(code) != super::Kind::Code {
        return None;
    }
    let mut extra = std::ptr::null_mut();
    // SAFETY: it is a code object and the index is ours. What is stored is a leaked box that lives until the code object dies
    // (it is set once and never replaced), and the borrow of `code` keeps the code object alive.
    unsafe {
        if ffi::PyUnstable_Code_GetExtra(code.as_ptr(), index, &mut extra) < 0 {
            // the exception says that it is no code object, which it is
            ffi::PyErr_Clear();
            return None;
        }
        extra.cast::<CodeFacts>().as_ref()
    }
}

/// Stores the data of a code object that has none, and gives it back; hands the data back where that cannot be.
pub(crate) fn set_code_extra<'a>(code: &'a Bound<'_, PyAny>, facts: CodeFacts) -> Result<&'a CodeFacts, CodeFacts> {
    let index = extra_index();
    if index < 0 || super::kind(code) != super::Kind::Code || code_extra(code).is_some() {
        return Err(facts);
    }
    let facts = Box::into_raw(Box::new(facts));
    // SAFETY: it is a code object without data under our index; `free` will take the box back. Where storing fails the box is
    // still ours alone.
    unsafe {
        if ffi::PyUnstable_Code_SetExtra(code.as_ptr(), index, facts.cast()) < 0 {
            ffi::PyErr_Clear();
            return Err(*Box::from_raw(facts));
        }
        Ok(&*facts)
    }
}
