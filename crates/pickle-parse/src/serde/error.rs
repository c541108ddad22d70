//! What serde says of [`Error`]s.

use std::fmt;

use serde::de;

use crate::{Error, ErrorKind};

impl de::Error for Error {
    #[cold]
    fn custom<T: fmt::Display>(message: T) -> Self {
        Error::unlocated(ErrorKind::Data(message.to_string().into()))
    }
}
