//! [`Options`]: the choices that a [`Serializer`] has.

use std::{borrow::Cow, io};

use pickle_opcodes::Protocol;
use serde::ser::Serialize;

use super::{
    ser::Serializer,
    sink::{Memory, Stream},
};
use crate::Error;

/// How values are written.
///
/// ```
/// use pickle_emit::serde::{Options, Structs};
/// use pickle_opcodes::Protocol;
///
/// #[derive(serde::Serialize)]
/// struct Point { x: i32, y: i32 }
///
/// let point = Point { x: 1, y: 2 };
/// let options = Options::new().protocol(Protocol::V2);
/// assert_eq!(options.to_vec(&point)?, b"\x80\x02}q\0(X\x01\0\0\0xq\x01K\x01X\x01\0\0\0yq\x02K\x02u.");
/// let options = options.structs(Structs::Tuples);
/// assert_eq!(options.to_vec(&point)?, b"\x80\x02K\x01K\x02\x86q\0.");
/// # Ok::<(), pickle_emit::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Options {
    pub(super) protocol: Protocol,
    pub(super) structs: Structs,
    pub(super) enums: Enums,
}

/// What structs become, and variants of enums that have fields with names.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub enum Structs {
    /// Dicts of their fields.
    #[default]
    Dicts,
    /// Tuples of the values of their fields, without the names.
    Tuples,
    /// Instances of the classes of this name in a module, which is imported by who loads the pickle: `app`. The fields become
    /// attributes, as those of a dataclass do that has no slots; `__init__` is not called.
    ///
    /// ```
    /// use pickle_emit::serde::{Options, Structs};
    ///
    /// #[derive(serde::Serialize)]
    /// struct User { name: String }
    ///
    /// // What CPython makes of User("Ada"), User being a dataclass of the module app.
    /// assert_eq!(
    ///     Options::new().structs(Structs::Instances("app".into())).to_vec(&User { name: "Ada".into() })?,
    ///     b"\x80\x04\x95$\0\0\0\0\0\0\0\x8c\x03app\x94\x8c\x04User\x94\x93\x94)\x81\x94}\x94\x8c\x04name\x94\x8c\x03Ada\x94sb."
    /// );
    /// # Ok::<(), pickle_emit::Error>(())
    /// ```
    Instances(Cow<'static, str>),
}

/// What variants of enums become that have content.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub enum Enums {
    /// Dicts of one item: name and content.
    #[default]
    Dicts,
    /// Tuples of name and content.
    Tuples,
}

impl Options {
    /// Protocol 4, structs and variants as dicts.
    #[must_use]
    pub fn new() -> Self {
        Options { protocol: Protocol::V4, structs: Structs::Dicts, enums: Enums::Dicts }
    }

    /// The protocol: the default is 4, which every Python from 3.4 on reads and which is CPython's own default from 3.8 to 3.13.
    #[must_use]
    pub fn protocol(self, protocol: Protocol) -> Self {
        Options { protocol, ..self }
    }

    /// What structs become.
    #[must_use]
    pub fn structs(self, structs: Structs) -> Self {
        Options { structs, ..self }
    }

    /// What variants of enums become that have content.
    #[must_use]
    pub fn enums(self, enums: Enums) -> Self {
        Options { enums, ..self }
    }

    /// Writes a value as a pickle.
    ///
    /// # Errors
    ///
    /// What the protocol cannot carry (strings of 4 GiB below protocol 4), and what the value's `Serialize` says.
    pub fn to_vec<T: Serialize + ?Sized>(&self, value: &T) -> Result<Vec<u8>, Error> {
        let mut serializer = Serializer::new(Memory(Vec::new()), self.clone());
        value.serialize(&mut serializer)?;
        Ok(serializer.end().0)
    }

    /// Writes a value as a pickle into a stream, piece by piece: the memory that it takes is that of a frame and of the longest
    /// string.
    ///
    /// # Errors
    ///
    /// As [`to_vec`](Self::to_vec), and what the stream says: then part of the pickle may have been written.
    pub fn to_writer<W: io::Write, T: Serialize + ?Sized>(&self, writer: W, value: &T) -> Result<(), Error> {
        let mut serializer = Serializer::new(Stream::new(writer), self.clone());
        value.serialize(&mut serializer)?;
        serializer.end().end()
    }
}

impl Default for Options {
    fn default() -> Self {
        Options::new()
    }
}
