//! `pkl convert` and `pkl optimize`: pickles written anew.

use std::{
    fs::File,
    io::{self, Write},
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use clap::Args;
use pickle_emit::GraphEncoder;
use pickle_opcodes::Protocol;
use pickle_parse::Ops;

use crate::input::Input;

/// Write a pickle anew at another protocol, with nothing of it run
///
/// Names of the standard library become those of the Python that reads the protocol: Python 2's up to 2, Python 3's above.
#[derive(Args)]
#[command(after_help = "Examples:\n  pkl convert --protocol 2 job.pkl -o job2.pkl\n  pkl convert -p 5 - < old.pkl > new.pkl")]
pub(crate) struct Convert {
    /// The pickle file; `-` is standard input
    #[arg(value_name = "FILE")]
    file: Input,

    /// The protocol, from 0 to 5
    #[arg(short, long, value_name = "PROTOCOL", value_parser = clap::value_parser!(u8).range(0..=5))]
    protocol: u8,

    /// Where to write it; to standard output unless given
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

impl Convert {
    pub(crate) fn run(&self) -> Result<()> {
        let graph = pickle_parse::graph(self.file.read_pickle()?).with_context(|| self.file.to_string())?;
        let protocol =
            Protocol::try_from(self.protocol).map_err(|_| anyhow::anyhow!("there is no protocol {}", self.protocol))?;
        let pickle = GraphEncoder::new().protocol(protocol).encode(&graph).with_context(|| self.file.to_string())?;
        write(self.output.as_deref(), &pickle)
    }
}

/// Leave out of a pickle what nothing refers to, as `pickletools.optimize` does
#[derive(Args)]
#[command(after_help = "Examples:\n  pkl optimize model.pkl -o smaller.pkl")]
pub(crate) struct Optimize {
    /// The pickle file; `-` is standard input
    #[arg(value_name = "FILE")]
    file: Input,

    /// Where to write it; to standard output unless given
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

impl Optimize {
    pub(crate) fn run(&self) -> Result<()> {
        let pickle = self.file.read_pickle()?;
        let ops = Ops::new(&pickle).map(|op| op.map(|(_, op)| op)).collect::<Result<Vec<_>, _>>();
        let ops = ops.with_context(|| self.file.to_string())?;
        let optimized = pickle_emit::optimize(ops).with_context(|| self.file.to_string())?;
        write(self.output.as_deref(), &optimized)
    }
}

fn write(path: Option<&Path>, pickle: &[u8]) -> Result<()> {
    match path {
        None => {
            let mut out = io::stdout().lock();
            out.write_all(pickle)?;
            out.flush()?;
        }
        Some(path) => {
            let write = File::create(path).and_then(|mut file| file.write_all(pickle));
            write.with_context(|| path.display().to_string())?;
        }
    }
    Ok(())
}
