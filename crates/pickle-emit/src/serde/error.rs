//! What serde says of [`Error`]s.

use std::fmt;

use serde::ser;

use crate::{Error, ErrorKind};

impl ser::Error for Error {
    #[cold]
    fn custom<T: fmt::Display>(message: T) -> Self {
        ErrorKind::Data(message.to_string().into()).into()
    }
}
