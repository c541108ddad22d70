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

fn attribute(type_name: &str, name: &str) -> Box<ErrorKind> {
    value(format!("'{type_name}' object has no attribute '{name}'"))
}

/// `APPEND` (`method` is `append`) and `APPENDS` (`extend`), of what is no list.
#[cold]
pub(crate) fn append(type_name: Option<&str>, method: &str) -> Done {
    match type_name {
        None | Some("bytearray") => Ok(()),
        Some(type_name) => Err(attribute(type_name, method)),
    }
}

/// `ADDITEMS`, of what is no set.
#[cold]
pub(crate) fn add(type_name: Option<&str>) -> Done {
    type_name.map_or(Ok(()), |type_name| Err(attribute(type_name, "add")))
}

/// `SETITEM` and `SETITEMS`, of what is no dict.
#[cold]
pub(crate) fn set_item(type_name: Option<&str>) -> Done {
    match type_name {
        None | Some("list" | "bytearray") => Ok(()),
        Some(type_name) => Err(value(format!("'{type_name}' object does not support item assignment"))),
    }
}

/// `REDUCE` and `OBJ`.
#[inline]
pub(crate) fn call(type_name: Option<&str>) -> Done {
    type_name.map_or(Ok(()), |type_name| Err(value(format!("'{type_name}' object is not callable"))))
}

/// The arguments of `REDUCE`, where they are no tuple.
#[cold]
pub(crate) fn call_args(type_name: Option<&str>) -> Done {
    type_name.map_or(Ok(()), |_| Err(value("argument list must be a tuple".to_owned())))
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
    type_name.map_or(Ok(()), |type_name| Err(value(format!("memoryview: a bytes-like object is required, not '{type_name}'"))))
}

/// `BUILD` of an object without a `__dict__`, the state being a dict, or a tuple of two.
#[cold]
pub(crate) fn no_dict(type_name: &str) -> Box<ErrorKind> {
    attribute(type_name, "__dict__")
}

/// `BUILD` of an object without `__setstate__`, the state being no dict.
#[cold]
pub(crate) fn state() -> Box<ErrorKind> {
    value("state is not a dictionary".to_owned())
}
