//! `cargo xtask bench`: the module's times beside those of cloudpickle with `pickle`, dill and pyfory.

use std::{collections::BTreeMap, path::Path};

use anyhow::{Context as _, bail};
use cloud_reduce::PythonVersion;
use xshell::{Shell, cmd};

use crate::{
    flags::BenchOptions,
    python,
    ratios::MEANT,
    target,
    venv::{UPSTREAM, Venv},
};

/// What is aimed at: how many times faster than cloudpickle `dumps` is to be, and than `pickle` `loads`. `None` where that it copies
/// nothing is all that counts, which the script checks.
struct Aim {
    case: &'static str,
    dumps: Option<f64>,
    loads: Option<f64>,
}

const fn aim(case: &'static str, dumps: f64, loads: f64) -> Aim {
    Aim { case, dumps: Some(dumps), loads: Some(loads) }
}

/// The aims on Python [`MEANT`].
const AIMS: [Aim; 16] = [
    aim("lambda", 8.0, 2.0),
    aim("function of __main__", 8.0, 2.0),
    aim("closure", 8.0, 2.0),
    aim("class of __main__", 6.0, 2.0),
    aim("instance of it", 6.0, 2.0),
    aim("task: function, args, kwargs", 7.0, 2.0),
    aim("function with 3 packages", 30.0, 2.0),
    aim("1,000 dataclass instances", 2.0, 1.2),
    aim("records of dicts", 1.3, 1.1),
    aim("tweets-like JSON", 1.3, 1.1),
    aim("50,000 ints", 1.5, 1.1),
    aim("50,000 consecutive ints", 1.5, 1.1),
    aim("50,000 floats", 1.3, 1.1),
    aim("50,000 distinct strings", 1.1, 1.1),
    aim("8 MB of bytes, in band", 1.5, 1.0),
    Aim { case: "numpy array, out of band", dumps: None, loads: None },
];

/// What part of an aim is enough on any other version.
const ELSEWHERE: f64 = 0.8;

/// How the script names this project's module.
const OURS: &str = "cloudpickle_rs";

/// How it names cloudpickle for `dumps` and `pickle` for `loads`.
const ORIGINAL: &str = "cloudpickle";

/// The libraries that are shown for comparison.
const PEERS: [&str; 2] = ["dill", "pyfory"];

/// What the script measures with, where pip has it for this Python.
const NUMPY: &str = "numpy";

/// Builds the module for each chosen interpreter and prints a table of ratios.
///
/// # Errors
///
/// When there is no Python, when the module does not build, or, with `--check`, when an aim is missed.
pub(crate) fn bench(shell: &Shell, options: &BenchOptions) -> anyhow::Result<()> {
    let found = python::find(&options.python);
    let pythons = if options.python.is_empty() { found.with_upstream().take(1).collect() } else { found.one_per_version() };
    if pythons.is_empty() {
        found.print();
        bail!("there is no Python to measure on: {}", python::HOW_TO_INSTALL);
    }
    let mut missed = Vec::new();
    for python in pythons {
        println!("{python}: building the module");
        let venv = Venv::new(shell, python, target().join("bench").join(python.slug()))?;
        venv.install(&[UPSTREAM])?;
        let mut absent = Vec::new();
        for library in PEERS.into_iter().chain([NUMPY]) {
            // what would have to be compiled may take very long, or fail
            if let Err(error) = venv.install(&["--only-binary=:all:", library]) {
                absent.push((library, reason(&format!("{error:#}"))));
            }
        }
        venv.install_module()?;
        let rows = measure(shell, &venv.python(), false)?;
        print(&rows, &absent, python.version);
        for row in &rows {
            missed.extend(row.missed(python.version).into_iter().map(|what| format!("{python}: {what}")));
        }
    }
    if options.check && !missed.is_empty() {
        bail!("below the aim:\n  {}", missed.join("\n  "));
    }
    Ok(())
}

/// Why pip could not install something: the last line that says so.
fn reason(error: &str) -> String {
    let told = error.lines().rev().find_map(|line| line.trim().strip_prefix("ERROR: "));
    told.unwrap_or("pip could not install it").to_owned()
}

/// Prints the table, and below it what was not run and why.
fn print(rows: &[Row], absent: &[(&str, String)], version: PythonVersion) {
    let libraries = |original: &'static str| [original].into_iter().chain(PEERS);
    let head = |original| libraries(original).map(|library| format!("{library:>13}")).collect::<String>();
    println!("\n{:<28}{:>14}{}{:>14}{}", "", "dumps", head("cloudpickle"), "loads", head("pickle"));
    for row in rows {
        print!("{:<28}", row.case);
        for what in [What::Dumps, What::Loads] {
            match row.micros(OURS, what) {
                Some(micros) => print!("{micros:>11.1} us"),
                None => print!("{:>14}", "not run"),
            }
            for library in libraries(ORIGINAL) {
                let aim = row.aim(what, version).filter(|_| library == ORIGINAL).map(|aim| format!("({aim:.1})"));
                let shown = match row.ratio(library, what) {
                    Some(ratio) => format!("{ratio:.1}x {}", aim.unwrap_or_default()),
                    None => "not run".to_owned(),
                };
                print!("{:>13}", shown.trim_end());
            }
        }
        println!();
    }
    println!("\nHow many times faster than each, with the aim in brackets.");
    for (library, reason) in absent {
        println!("not installed: {library}: {reason}");
    }
    for row in rows {
        for (library, reason) in &row.not_run {
            if !absent.iter().any(|(absent, _)| absent == library) {
                println!("not run: {}, {library}: {reason}", row.case);
            }
        }
    }
    println!();
}

#[derive(Clone, Copy)]
enum What {
    Dumps,
    Loads,
}

/// A case and what it took.
#[derive(Default)]
pub(crate) struct Row {
    pub(crate) case: String,
    /// By library: the microseconds of `dumps` and of `loads`.
    times: BTreeMap<String, [f64; 2]>,
    /// By library: why it was not measured.
    not_run: BTreeMap<String, String>,
}

impl Row {
    fn micros(&self, library: &str, what: What) -> Option<f64> {
        Some(self.times.get(library)?[what as usize])
    }

    /// How many times faster ours is.
    fn ratio(&self, library: &str, what: What) -> Option<f64> {
        Some(self.micros(library, what)? / self.micros(OURS, what)?)
    }

    /// The microseconds of `dumps`: ours and the original's.
    pub(crate) fn dumps(&self) -> Option<[f64; 2]> {
        Some([self.micros(OURS, What::Dumps)?, self.micros(ORIGINAL, What::Dumps)?])
    }

    fn aim(&self, what: What, version: PythonVersion) -> Option<f64> {
        let aim = AIMS.iter().find(|aim| aim.case == self.case)?;
        let aim = match what {
            What::Dumps => aim.dumps,
            What::Loads => aim.loads,
        };
        Some(aim? * if version == MEANT { 1.0 } else { ELSEWHERE })
    }

    /// Which aims are missed, in words.
    fn missed(&self, version: PythonVersion) -> Vec<String> {
        let missed = |(name, what)| {
            let (ratio, aim) = (self.ratio(ORIGINAL, what)?, self.aim(what, version)?);
            (ratio < aim).then(|| format!("{}: {name} is {ratio:.2} times faster, not {aim:.2}", self.case))
        };
        [("dumps", What::Dumps), ("loads", What::Loads)].into_iter().filter_map(missed).collect()
    }
}

/// Measures with an interpreter that has the module and upstream; the quick way measures a lambda alone.
///
/// # Errors
///
/// When the script fails.
pub(crate) fn measure(shell: &Shell, program: &Path, quick: bool) -> anyhow::Result<Vec<Row>> {
    let quick = quick.then_some("--quick");
    let text = cmd!(shell, "{program} xtask/python/bench.py {quick...}").quiet().read()?;
    let mut rows: Vec<Row> = Vec::new();
    for line in text.lines() {
        read(line, &mut rows).with_context(|| format!("what is {line:?}?"))?;
    }
    Ok(rows)
}

/// Takes over a line of the script.
fn read(line: &str, rows: &mut Vec<Row>) -> Option<()> {
    let fields: Vec<&str> = line.split('\t').collect();
    let [case, library, dumps, loads] = fields[..] else { return None };
    if rows.last().is_none_or(|row| row.case != case) {
        rows.push(Row { case: case.to_owned(), ..Row::default() });
    }
    let row = rows.last_mut()?;
    if dumps == "not run" {
        row.not_run.insert(library.to_owned(), loads.to_owned());
    } else {
        row.times.insert(library.to_owned(), [dumps.parse().ok()?, loads.parse().ok()?]);
    }
    Some(())
}
