//! All tasks and their options.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// The project's tasks.
#[derive(Parser)]
#[command(name = "xtask", bin_name = "cargo xtask")]
pub(crate) struct Xtask {
    #[command(subcommand)]
    pub(crate) task: Task,
}

#[derive(Subcommand)]
pub(crate) enum Task {
    /// Pickle a lambda in one Python process and call it in another, step by step
    Demo {
        /// An interpreter to use instead of the installed ones (repeatable)
        #[arg(long, value_name = "PATH")]
        python: Vec<PathBuf>,
    },
    /// Check everything: formatting, lints, Rust tests, and the module's suite on each Python found
    Test(TestOptions),
    /// Check every claim with every Python found, and show which hold where
    Compat(CompatOptions),
    /// Time the module beside upstream, in one process, the crates beside their peers, or `pkl scan` beside picklescan
    Bench(BenchOptions),
    /// Run real engines (Dask, joblib, PySpark, Ray, Beam) with the module behind their use of cloudpickle
    Engines(EnginesOptions),
    /// Run the fuzz targets in turn
    Fuzz(FuzzOptions),
    /// Make the golden pickles again, with the installed interpreters
    Corpus {
        /// An interpreter to use instead of the installed ones (repeatable); files of others stay as they are
        #[arg(long, value_name = "PATH")]
        python: Vec<PathBuf>,
    },
    /// Take the opcode tables of installed interpreters into cloud-reduce
    Codegen {
        /// An interpreter to ask instead of the installed ones (repeatable)
        #[arg(long, value_name = "PATH")]
        python: Vec<PathBuf>,
    },
    /// List the interpreters that the other tasks find
    Pythons {
        /// An interpreter to look at instead of the installed ones (repeatable)
        #[arg(long, value_name = "PATH")]
        python: Vec<PathBuf>,
    },
}

#[derive(Args)]
pub(crate) struct TestOptions {
    /// An interpreter to test on instead of the installed ones (repeatable)
    #[arg(long, value_name = "PATH")]
    pub(crate) python: Vec<PathBuf>,
    /// Leave the Rust steps out
    #[arg(long, conflicts_with = "rust_only")]
    pub(crate) python_only: bool,
    /// Leave the Python steps out
    #[arg(long)]
    pub(crate) rust_only: bool,
    /// Arguments for pytest
    #[arg(last = true, value_name = "PYTEST ARGUMENTS")]
    pub(crate) pytest: Vec<String>,
}

#[derive(Args)]
pub(crate) struct CompatOptions {
    /// An interpreter to check instead of the installed ones (repeatable)
    #[arg(long, value_name = "PATH")]
    pub(crate) python: Vec<PathBuf>,
    /// Show the interpreters that are found, and the checks, and do no more
    #[arg(long)]
    pub(crate) list: bool,
    /// A check to run instead of all (repeatable)
    #[arg(long, value_name = "NAME")]
    pub(crate) check: Vec<String>,
    /// Make up fewer cases, look at a part of the standard library, and leave the module's own suite out
    #[arg(long)]
    pub(crate) quick: bool,
    /// Make up the cases that this seed gave before
    #[arg(long, value_name = "N")]
    pub(crate) seed: Option<u64>,
    /// Write the matrix and all failures as JSON
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
    /// Write the matrix and all failures as a page
    #[arg(long, value_name = "FILE")]
    pub(crate) html: Option<PathBuf>,
}

#[derive(Args)]
pub(crate) struct BenchOptions {
    /// An interpreter to measure on instead of the first found (repeatable)
    #[arg(long, value_name = "PATH")]
    pub(crate) python: Vec<PathBuf>,
    /// Fail when a case is slower than it must be
    #[arg(long)]
    pub(crate) check: bool,
    /// Measure the crates, beside CPython's `pickle` and `pickletools`, serde-pickle and deser-pickle
    #[arg(long)]
    pub(crate) rust: bool,
    /// Measure `pkl scan`, beside picklescan
    #[arg(long, conflicts_with = "rust")]
    pub(crate) scan: bool,
    /// Measure at three sizes up to 1 GB as well
    #[arg(long, requires = "rust")]
    pub(crate) large: bool,
    /// A pickle to measure with instead of the generated ones (repeatable)
    #[arg(value_name = "PICKLE", requires = "rust")]
    pub(crate) pickles: Vec<PathBuf>,
}

#[derive(Args)]
pub(crate) struct FuzzOptions {
    /// The targets to run instead of all
    #[arg(value_name = "TARGET")]
    pub(crate) targets: Vec<String>,
    /// How long each target runs
    #[arg(long, default_value_t = 60)]
    pub(crate) seconds: u64,
}

#[derive(Args)]
pub(crate) struct EnginesOptions {
    /// The engines to run instead of all
    #[arg(value_name = "NAME")]
    pub(crate) engines: Vec<Engine>,
    /// The interpreter to use
    #[arg(long, value_name = "PATH")]
    pub(crate) python: Option<PathBuf>,
    /// How many tasks are timed in each round; with fewer than 100 chance has its way
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(100..))]
    pub(crate) tasks: Option<u32>,
}

/// An engine that sends Python functions to other processes.
#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum Engine {
    Dask,
    Joblib,
    Pyspark,
    Ray,
    Beam,
}
