//! The files that commands read.

use std::{
    ffi::{OsStr, OsString},
    fmt,
    fs::{self, File},
    io::{self, BufRead, BufReader, Read},
    path::Path,
};

use anyhow::{Context, Result, bail};

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
        let mut content: Box<dyn BufRead> = match self.path() {
            None => Box::new(io::stdin().lock()),
            Some(path) => Box::new(BufReader::with_capacity(BUFFER, File::open(path).with_context(|| self.to_string())?)),
        };
        // What cannot be read is told of by who reads it.
        if content.fill_buf().is_ok_and(is_archive) {
            bail!(self.holds_pickles());
        }
        Ok(content)
    }

    /// The whole content, which is to be a pickle.
    pub(crate) fn read_pickle(&self) -> Result<Vec<u8>> {
        let content = self.read()?;
        if is_archive(&content) {
            bail!(self.holds_pickles());
        }
        Ok(content)
    }

    fn holds_pickles(&self) -> String {
        let told = format!("{self}: a zip archive, which is no pickle but may hold some: `pkl scan` looks into it");
        match self.path() {
            None => told,
            Some(path) => format!("{told}, and `unzip -p '{}' '*/data.pkl' | pkl inspect -` into PyTorch's", path.display()),
        }
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

    /// The whole content where it is short or comes from a pipe; by way of a buffer, so that no more is asked of the system than
    /// the bytes of a file that it holds.
    pub(crate) fn look_into(&self, buffer: &mut [u8]) -> Result<Look> {
        let Some(path) = self.path() else { return self.read().map(Look::Whole) };
        let mut look = || -> io::Result<Look> {
            let mut file = File::open(path)?;
            let mut length = 0;
            while length < buffer.len() {
                match file.read(&mut buffer[length..]) {
                    Ok(0) => return Ok(Look::Whole(buffer[..length].to_vec())),
                    Ok(more) => length += more,
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Err(error) => return Err(error),
                }
            }
            let metadata = file.metadata()?;
            // Files of /proc tell no length.
            if metadata.is_file() && metadata.len() > buffer.len() as u64 {
                return Ok(Look::Part(file));
            }
            let mut content = buffer.to_vec();
            file.read_to_end(&mut content)?;
            Ok(Look::Whole(content))
        };
        look().with_context(|| self.to_string())
    }
}

/// Whether data begins as a zip archive, PyTorch's among them. As a pickle, it would ask for an object by an id of control
/// characters.
fn is_archive(data: &[u8]) -> bool {
    data.starts_with(b"PK\x03\x04")
}

/// What there is to see of an input.
pub(crate) enum Look {
    /// All of its bytes.
    Whole(Vec<u8>),
    /// A long file, any part of which can be read.
    Part(File),
}

/// The name as messages have it.
impl fmt::Display for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == OsStr::new("-") { f.write_str("<stdin>") } else { Path::new(&self.0).display().fmt(f) }
    }
}
