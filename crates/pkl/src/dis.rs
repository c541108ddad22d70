//! `pkl dis`: the listing of `python -m pickletools`.

use std::{
    error,
    fs::File,
    io::{self, Write},
    path::PathBuf,
};

use anyhow::{Context, Error, Result, bail};
use clap::Args;
use pickle_parse::{ErrorKind, OpReader};

use crate::input::Input;

/// List the opcodes of pickles, as `python -m pickletools` does
///
/// Each file's first pickle is listed; what comes behind its STOP is not looked at.
#[derive(Args)]
#[command(after_help = "\
Examples:
  pkl dis job.pkl
  pkl dis --annotate job.pkl           what each opcode does
  pkl dis --memo first.pkl second.pkl  two pickles of one pickler
  cat job.pkl | pkl dis -")]
pub(crate) struct Dis {
    /// The pickle files; `-` is standard input
    #[arg(value_name = "FILE", required = true)]
    files: Vec<Input>,

    /// Write the listing to this file
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,

    /// Keep the memo from one file to the next, for pickles of one pickler
    #[arg(short, long)]
    memo: bool,

    /// By how many blanks to indent for each open mark
    #[arg(short = 'l', long, value_name = "BLANKS", default_value_t = 4)]
    indentlevel: usize,

    /// Say on each line what the opcode does
    #[arg(short, long)]
    annotate: bool,

    /// What to print before each listing if there are several files
    #[arg(short, long, value_name = "TEXT", default_value = "==> {name} <==")]
    preamble: String,
}

/// The column of annotations that `python -m pickletools -a` asks for.
const ANNOTATIONS: usize = 30;

impl Dis {
    pub(crate) fn run(&self) -> Result<()> {
        match &self.output {
            None => self.write(&mut io::stdout().lock()),
            Some(path) => {
                let mut file = File::create(path).with_context(|| path.display().to_string())?;
                self.write(&mut file)
            }
        }
    }

    fn write(&self, out: &mut impl Write) -> Result<()> {
        let column = if self.annotate { ANNOTATIONS } else { 0 };
        let mut dis = pickle_parse::Dis::new().indent(self.indentlevel).annotate(column).keep_memo(self.memo);
        for file in &self.files {
            if self.files.len() > 1 {
                writeln!(out, "{}", preamble(&self.preamble, &file.to_string())?)?;
            }
            let mut reader = OpReader::new(file.open()?);
            if let Err(error) = dis.write_next(&mut reader, out) {
                // What the system says, once, and of the file that it is about.
                let of_system = |kind, why: &dyn error::Error| Error::new(io::Error::new(kind, why.to_string()));
                return Err(match (error.kind(), error::Error::source(&error)) {
                    (&ErrorKind::Output(kind), Some(why)) => of_system(kind, why).context("the listing cannot be written"),
                    (&ErrorKind::Input(kind), Some(why)) => of_system(kind, why).context(file.to_string()),
                    _ => Error::new(error).context(file.to_string()),
                });
            }
        }
        out.flush()?;
        Ok(())
    }
}

/// Puts the name into a format of Python's: `{name}` is it, doubled braces are braces.
fn preamble(format: &str, name: &str) -> Result<String> {
    let mut text = String::new();
    let mut rest = format;
    while let Some(brace) = rest.find(['{', '}']) {
        text.push_str(&rest[..brace]);
        rest = &rest[brace..];
        let (stands_for, length) = match rest {
            _ if rest.starts_with("{{") => ("{", 2),
            _ if rest.starts_with("}}") => ("}", 2),
            _ if rest.starts_with("{name}") => (name, 6),
            _ => bail!("--preamble: `{format}` has a brace that is neither doubled nor of `{{name}}`"),
        };
        text.push_str(stands_for);
        rest = &rest[length..];
    }
    text.push_str(rest);
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn preambles_have_the_name_where_they_say_so() {
        assert_eq!(preamble("==> {name} <==", "a.pkl").unwrap(), "==> a.pkl <==");
        assert_eq!(preamble("{{{name}}} {name}", "{").unwrap(), "{{} {");
        assert!(preamble("{nam}", "a").is_err());
        assert!(preamble("}", "a").is_err());
    }
}
