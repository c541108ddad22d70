//! Why CPython's objects refuse what an op does to them, in its words.
//!
//! Each takes the type of the object, `None` where the pickle does not tell: then there is nothing to refuse.

use crate::ErrorKind;

// Boxed, as builders have their errors.
type Done = Result<(), Box<ErrorKind>>;

#[cold]
#[inline(never)]
fn value(text: String) -> Box<ErrorKind> {
    Box::new(ErrorKind::Value(text.into()))
}

#[cold]
#[inline(never)]
fn wrong_type(text: String) -> Box<ErrorKind> {
    Box::new(ErrorKind::WrongType(text.into()))
}

#[cold]
#[inline(never)]
fn attribute(text: String) -> Box<ErrorKind> {
    Box::new(ErrorKind::NoAttribute(text.into()))
}

fn no_attribute(type_name: &str, name: &str) -> Box<ErrorKind> {
    attribute(format!("'{type_name}' object has no attribute '{name}'"))
}

/// `APPEND` and `APPENDS`, of what is no list: the latter wants `extend`, and `append` where there is none.
#[cold]
pub(crate) fn append(type_name: Option<&str>) -> Done {
    match type_name {
        None | Some("bytearray") => Ok(()),
        Some(type_name) => Err(no_attribute(type_name, "append")),
    }
}

/// `ADDITEMS`, of what is no set.
#[cold]
pub(crate) fn add(type_name: Option<&str>) -> Done {
    type_name.map_or(Ok(()), |type_name| Err(no_attribute(type_name, "add")))
}

/// `SETITEM` and `SETITEMS`, of what is no dict.
#[cold]
pub(crate) fn set_item(type_name: Option<&str>) -> Done {
    match type_name {
        None | Some("list" | "bytearray") => Ok(()),
        Some(type_name) => Err(wrong_type(format!("'{type_name}' object does not support item assignment"))),
    }
}

/// `REDUCE` and `OBJ`.
#[inline]
pub(crate) fn call(type_name: Option<&str>) -> Done {
    type_name.map_or(Ok(()), |type_name| Err(wrong_type(format!("'{type_name}' object is not callable"))))
}

/// The arguments of `REDUCE`, where they are no tuple.
#[cold]
pub(crate) fn call_args(type_name: Option<&str>) -> Done {
    type_name.map_or(Ok(()), |_| Err(wrong_type("argument list must be a tuple".to_owned())))
}

/// The class of `NEWOBJ` or `NEWOBJ_EX`.
#[inline]
pub(crate) fn class(type_name: Option<&str>, opcode: &str) -> Done {
    type_name.map_or(Ok(()), |type_name| Err(value(format!("{opcode} class argument must be a type, not {type_name}"))))
}

/// The arguments of `NEWOBJ` or `NEWOBJ_EX`, where they are no tuple.
#[cold]
pub(crate) fn args(type_name: Option<&str>, opcode: &str) -> Done {
    type_name.map_or(Ok(()), |type_name| Err(value(format!("{opcode} args argument must be a tuple, not {type_name}"))))
}

/// The keyword arguments of `NEWOBJ_EX`, where they are no dict.
#[cold]
pub(crate) fn kwargs(type_name: Option<&str>) -> Done {
    type_name.map_or(Ok(()), |type_name| Err(value(format!("NEWOBJ_EX kwargs argument must be a dict, not {type_name}"))))
}

/// `READONLY_BUFFER`, of what is no buffer.
#[cold]
pub(crate) fn buffer(type_name: Option<&str>) -> Done {
    type_name
        .map_or(Ok(()), |type_name| Err(wrong_type(format!("memoryview: a bytes-like object is required, not '{type_name}'"))))
}

/// `BUILD` of an object of a built-in type, which has neither `__setstate__` nor `__dict__`; `state` is the type of its state, or
/// of the first part of that where it is a tuple of two.
#[cold]
pub(crate) fn state(type_name: &str, state: Option<&str>) -> Done {
    match state {
        None | Some("NoneType") => Ok(()),
        Some("dict") => Err(no_attribute(type_name, "__dict__")),
        Some(_) => Err(value("state is not a dictionary".to_owned())),
    }
}

/// The second part of the state of such an object, where it is no dict with items.
#[cold]
pub(crate) fn slots(slots: Option<&str>) -> Done {
    match slots {
        None | Some("dict") => Ok(()),
        Some(_) => Err(value("slot state is not a dictionary".to_owned())),
    }
}

/// The first key of the second part of the state of such an object.
#[cold]
pub(crate) fn slot(type_name: &str, name: &str) -> Done {
    Err(attribute(format!("'{type_name}' object has no attribute '{name}' and no __dict__ for setting new attributes")))
}

/// That key, where it is no `str`.
#[cold]
pub(crate) fn slot_name(key: Option<&str>) -> Done {
    key.map_or(Ok(()), |key| Err(wrong_type(format!("attribute name must be string, not '{key}'"))))
}
