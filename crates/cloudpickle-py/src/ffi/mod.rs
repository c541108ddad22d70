//! All of this crate's `unsafe`: small typed views of what CPython keeps in memory, each with the invariant that it upholds.
//!
//! PyPy keeps its objects in other ways. There, a file of `pypy` takes the place of its namesake here: it has the same functions, by
//! the C API that PyPy has or by attributes. Nothing outside of this folder depends on how objects are kept.
//!
//! Everything here is called with the interpreter attached, which the `Python<'py>` or `Bound<'py, _>` in each signature proves.
#![allow(unsafe_code)]

#[cfg(not(PyPy))]
mod ascii;
mod buffer;
#[cfg_attr(PyPy, path = "pypy/bytes_writer.rs")]
mod bytes_writer;
#[cfg_attr(PyPy, path = "pypy/cell.rs")]
mod cell;
mod closure;
#[cfg_attr(PyPy, path = "pypy/code.rs")]
mod code;
#[cfg_attr(PyPy, path = "pypy/container.rs")]
mod container;
mod fields;
#[cfg_attr(PyPy, path = "pypy/float.rs")]
mod float;
#[cfg_attr(PyPy, path = "pypy/function.rs")]
mod function;
#[cfg_attr(PyPy, path = "pypy/identity.rs")]
mod identity;
#[cfg_attr(PyPy, path = "pypy/int.rs")]
mod int;
mod interpreter;
mod kind;
#[cfg_attr(PyPy, path = "pypy/memo.rs")]
mod memo;
#[cfg_attr(PyPy, path = "pypy/modules_version.rs")]
mod modules_version;
#[cfg_attr(PyPy, path = "pypy/object.rs")]
mod object;
mod recursion;
#[cfg(not(PyPy))]
mod reference;
#[cfg_attr(PyPy, path = "pypy/scalar.rs")]
mod scalar;
mod string;
#[cfg_attr(PyPy, path = "pypy/types.rs")]
mod types;
#[cfg(not(PyPy))]
mod wide;

pub(crate) use buffer::contiguous_buffer;
pub(crate) use bytes_writer::BytesWriter;
pub(crate) use cell::{cell_contents, new_cell, set_cell_contents};
pub(crate) use code::{code_extra, set_code_extra};
pub(crate) use container::{DictEntries, ListItems, list_extend, new_list, new_tuple};
pub(crate) use fields::FunctionFields;
pub(crate) use float::new_float;
pub(crate) use function::{is_python_function, new_function, set_function_field};
pub(crate) use identity::{identity, is_same};
pub(crate) use int::{has_known_digits, new_int, small_int};
pub(crate) use interpreter::interpreter_id;
pub(crate) use kind::{Kind, kind, same_object};
pub(crate) use memo::Memo;
pub(crate) use modules_version::modules_version;
pub(crate) use object::{
    ClassVersion, ReducedByDefault, audit_find_class, call, check_reducible, class_attribute, getattr_opt, import,
    imported_module, look_for_tracer, new_instance, plain_attributes, set_plain_attribute,
};
pub(crate) use recursion::{RecursionGuard, StackLimit};
pub(crate) use scalar::Item;
pub(crate) use string::{decode_utf8, intern, utf8};
