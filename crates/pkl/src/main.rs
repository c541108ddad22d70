//! `pkl`: lists and reads pickles from the command line, with no Python installed.

mod dis;
mod input;

use std::{io, process::ExitCode};

use clap::{Parser, Subcommand};

/// Looks into Python pickles without running them. No Python is needed.
#[derive(Parser)]
#[command(name = "pkl", version, max_term_width = 100)]
struct Pkl {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Dis(dis::Dis),
}

fn main() -> ExitCode {
    let done = match Pkl::parse().command {
        Command::Dis(dis) => dis.run(),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever read the output has read enough.
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("pkl: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let io_errors = error.chain().filter_map(|cause| cause.downcast_ref::<io::Error>());
    io_errors.into_iter().any(|error| error.kind() == io::ErrorKind::BrokenPipe)
}
