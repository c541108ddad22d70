//! The files that commands read.

use std::{
    ffi::{OsStr, OsString},
    fmt,
    fs::{self, File},
    io::{self, BufRead, BufReader, Read},
    path::Path,
};

use anyhow::{Context, Result};

/// How much of a file is read at once, in bytes.
const BUFFER: usize = 1 << 18;

/// A file named on the command line; `-` is standard input.
#[derive(Clone, Debug)]
pub(crate) struct Input(OsString);

impl From<OsString> for Input {
    fn from(name: OsString) -> Self {
        Input(name)
    }
}

impl Input {
    /// The path, where it is not standard input.
    pub(crate) fn path(&self) -> Option<&Path> {
        (self.0 != OsStr::new("-")).then(|| Path::new(&self.0))
    }

    /// The content, to be read bit by bit.
    pub(crate) fn open(&self) -> Result<Box<dyn BufRead>> {
        Ok(match self.path() {
            None => Box::new(io::stdin().lock()),
            Some(path) => Box::new(BufReader::with_capacity(BUFFER, File::open(path).with_context(|| self.to_string())?)),
        })
    }

    /// The whole content.
    pub(crate) fn read(&self) -> Result<Vec<u8>> {
        let read = if self.0 == OsStr::new("-") {
            let mut content = Vec::new();
            io::stdin().lock().read_to_end(&mut content).map(|_| content)
        } else {
            fs::read(&self.0)
        };
        read.with_context(|| self.to_string())
    }

    /// The whole content, read by way of a buffer: of a file that it holds, no more is asked of the system than its bytes.
    pub(crate) fn read_by(&self, buffer: &mut [u8]) -> Result<Vec<u8>> {
        let Some(path) = self.path() else { return self.read() };
        let mut read = || -> io::Result<Vec<u8>> {
            let mut file = File::open(path)?;
            let mut length = 0;
            while length < buffer.len() {
                match file.read(&mut buffer[length..]) {
                    Ok(0) => return Ok(buffer[..length].to_vec()),
                    Ok(more) => length += more,
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Err(error) => return Err(error),
                }
            }
            let mut content = buffer.to_vec();
            file.read_to_end(&mut content)?;
            Ok(content)
        };
        read().with_context(|| self.to_string())
    }
}

/// The name as messages have it.
impl fmt::Display for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == OsStr::new("-") { f.write_str("<stdin>") } else { Path::new(&self.0).display().fmt(f) }
    }
}
