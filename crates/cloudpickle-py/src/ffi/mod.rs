//! All of this crate's `unsafe`: small typed views of what CPython keeps in memory, each with the invariant that it upholds.
//!
//! Everything here is called with the interpreter attached, which the `Python<'py>` or `Bound<'py, _>` in each signature proves.
#![allow(unsafe_code)]

mod bytes_writer;
mod cell;
mod code;
mod container;
mod function;
mod int;
mod kind;
mod memo;
mod modules_version;
mod object;
mod recursion;
mod scalar;

pub(crate) use bytes_writer::BytesWriter;
pub(crate) use cell::{cell_contents, new_cell, set_cell_contents};
pub(crate) use code::{code_extra, set_code_extra};
pub(crate) use container::{DictEntries, contiguous_buffer, list_extend, list_item, list_scalar, new_tuple};
pub(crate) use function::{FunctionFields, new_function, set_function_field};
pub(crate) use int::{has_known_digits, small_int};
pub(crate) use kind::{Kind, kind, same_object};
pub(crate) use memo::Memo;
pub(crate) use modules_version::modules_version;
pub(crate) use object::{
    audit_find_class, call, class_attribute, decode_utf8, getattr_opt, import, imported_module, intern, new_instance,
    plain_attributes, set_plain_attribute,
};
pub(crate) use recursion::{RecursionGuard, StackLimit};
pub(crate) use scalar::Item;
