//! `cargo xtask TASK`: what is done in this workspace besides building it. `flags.rs` has all tasks at a glance.

mod bench;
mod codegen;
mod compat;
mod corpus;
mod demo;
mod engines;
mod flags;
mod fuzz;
mod places;
mod python;
mod ratios;
mod scan;
mod shipped;
mod steps;
mod test;
mod venv;

use std::{path::PathBuf, process::ExitCode};

use clap::Parser as _;
use xshell::Shell;

use crate::flags::{Task, Xtask};

fn main() -> ExitCode {
    match run(Xtask::parse().task) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\nerror: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(task: Task) -> anyhow::Result<()> {
    let shell = Shell::new()?;
    shell.change_dir(root());
    match task {
        Task::Demo { python } => demo::demo(&shell, &python),
        Task::Test(options) => test::test(&shell, &options),
        Task::Compat(options) => compat::compat(&options),
        Task::Bench(options) if options.scan => scan::scan(&shell, &options),
        Task::Bench(options) if options.rust => ratios::ratios(&shell, &options),
        Task::Bench(options) => bench::bench(&shell, &options),
        Task::Engines(options) => engines::engines(&shell, &options),
        Task::Fuzz(options) => fuzz::fuzz(&shell, &options),
        Task::Corpus { python } => corpus::corpus(&shell, &python),
        Task::Codegen { python } => codegen::codegen(&shell, &python::interpreters(&python)),
        Task::Pythons { python } => {
            python::find(&python).print();
            Ok(())
        }
    }
}

/// The root of the workspace.
fn root() -> PathBuf {
    let xtask = std::env::var_os("CARGO_MANIFEST_DIR").map_or_else(|| env!("CARGO_MANIFEST_DIR").into(), PathBuf::from);
    xtask.parent().map_or_else(|| ".".into(), Into::into)
}

/// Where builds, venvs and wheels go: cargo's target directory.
fn target() -> PathBuf {
    root().join(std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| "target".into(), PathBuf::from))
}
