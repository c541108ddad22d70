//! `pkl`: lists, judges and rewrites pickles from the command line, with no Python installed.

mod convert;
mod dis;
mod input;
mod inspect;
mod judged;
mod scan;
mod style;
mod tree;

use std::{
    io::{self, Write},
    process::ExitCode,
};

use clap::{CommandFactory, Parser, Subcommand};
use clap_complete::Shell;

/// Looks into Python pickles without running them. No Python is needed.
#[derive(Parser)]
#[command(name = "pkl", version, max_term_width = 100, after_help = EXAMPLES)]
struct Pkl {
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "\
Examples:
  pkl scan models/                       what loading the files would do beyond models' needs
  pkl inspect job.pkl                    what a pickle does, carries, needs and weighs
  pkl tree job.pkl                       the objects in it
  pkl dis job.pkl                        its opcodes, as python -m pickletools lists them
  pkl convert --protocol 2 job.pkl -o old.pkl
  cat job.pkl | pkl inspect --json - | jq .findings";

#[derive(Subcommand)]
enum Command {
    Dis(dis::Dis),
    Tree(tree::Tree),
    Inspect(inspect::Inspect),
    Scan(scan::Scan),
    Convert(convert::Convert),
    Optimize(convert::Optimize),
    /// Print what makes a shell complete pkl's commands and options
    #[command(after_help = "\
Examples:
  pkl completions bash > ~/.local/share/bash-completion/completions/pkl
  pkl completions zsh > ~/.zfunc/_pkl              with ~/.zfunc in $fpath
  pkl completions fish > ~/.config/fish/completions/pkl.fish")]
    Completions {
        /// The shell
        shell: Shell,
    },
}

fn main() -> ExitCode {
    let done = match Pkl::parse().command {
        Command::Dis(dis) => dis.run().map(|()| ExitCode::SUCCESS),
        Command::Tree(tree) => tree.run().map(|()| ExitCode::SUCCESS),
        Command::Inspect(inspect) => inspect.run().map(|()| ExitCode::SUCCESS),
        Command::Scan(scan) => scan.run(),
        Command::Convert(convert) => convert.run().map(|()| ExitCode::SUCCESS),
        Command::Optimize(optimize) => optimize.run().map(|()| ExitCode::SUCCESS),
        Command::Completions { shell } => completions(shell).map(|()| ExitCode::SUCCESS),
    };
    match done {
        Ok(code) => code,
        // Whoever read the output has read enough.
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            anstream::eprintln!("{}pkl:{} {}", style::BAD, style::RESET, style::name(&format!("{error:#}")));
            ExitCode::FAILURE
        }
    }
}

fn completions(shell: Shell) -> anyhow::Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Pkl::command(), "pkl", &mut script);
    io::stdout().lock().write_all(&script)?;
    Ok(())
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let io_errors = error.chain().filter_map(|cause| cause.downcast_ref::<io::Error>());
    io_errors.into_iter().any(|error| error.kind() == io::ErrorKind::BrokenPipe)
}
