//! `cargo xtask bench`: the module's times beside upstream's.

use anyhow::{Context as _, bail};
use xshell::{Shell, cmd};

use crate::{
    flags::BenchOptions,
    python, target,
    venv::{UPSTREAM, Venv},
};

/// How many times faster than upstream the first case, a lambda, must be dumped.
const LAMBDA_DUMPS: f64 = 4.0;

/// Builds the module for each chosen interpreter and prints a table of ratios.
///
/// # Errors
///
/// When there is no Python, when the module does not build, or, with `--check`, when it is too slow.
pub(crate) fn bench(shell: &Shell, options: &BenchOptions) -> anyhow::Result<()> {
    let found = python::find(&options.python);
    let pythons = if options.python.is_empty() { found.supported().take(1).collect() } else { found.one_per_version() };
    if pythons.is_empty() {
        found.print();
        bail!("there is no Python to measure on: {}", python::HOW_TO_INSTALL);
    }
    let mut slow = Vec::new();
    for python in pythons {
        println!("{python}: building the module");
        let venv = Venv::new(shell, python, target().join("bench").join(python.slug()))?;
        venv.install(&[UPSTREAM])?;
        venv.install_module()?;
        let program = venv.python();
        let rows = measure(shell, &program, false)?;
        println!(
            "\n{:<30} {:>11} {:>11} {:>7} {:>13} {:>11} {:>7}",
            "", "dumps", "upstream", "ratio", "loads", "pickle", "ratio"
        );
        for row in &rows {
            let [dumps, upstream_dumps, loads, pickle_loads] = row.micros;
            println!(
                "{:<30} {dumps:>8.1} us {upstream_dumps:>8.1} us {:>6.1}x {loads:>10.1} us {pickle_loads:>8.1} us {:>6.1}x",
                row.case,
                row.dumps_ratio(),
                row.loads_ratio()
            );
        }
        println!();
        if let Some(lambda) = rows.first().filter(|lambda| lambda.dumps_ratio() < LAMBDA_DUMPS) {
            slow.push(format!("{python}: dumps of a lambda is {:.1} times upstream's speed", lambda.dumps_ratio()));
        }
    }
    if options.check && !slow.is_empty() {
        bail!("below {LAMBDA_DUMPS}:\n  {}", slow.join("\n  "));
    }
    Ok(())
}

/// A case and what it took.
pub(crate) struct Row {
    pub(crate) case: String,
    /// Microseconds: our dumps, upstream's, our loads, `pickle.loads`.
    pub(crate) micros: [f64; 4],
}

impl Row {
    /// How many times faster our dumps is.
    pub(crate) fn dumps_ratio(&self) -> f64 {
        self.micros[1] / self.micros[0]
    }

    /// How many times faster our loads is.
    pub(crate) fn loads_ratio(&self) -> f64 {
        self.micros[3] / self.micros[2]
    }
}

/// Measures with an interpreter that has the module and upstream; the quick way measures a lambda alone.
///
/// # Errors
///
/// When the script fails.
pub(crate) fn measure(shell: &Shell, program: &std::path::Path, quick: bool) -> anyhow::Result<Vec<Row>> {
    let quick = quick.then_some("--quick");
    let text = cmd!(shell, "{program} xtask/python/bench.py {quick...}").quiet().read()?;
    text.lines().map(|line| parse(line).with_context(|| format!("what is {line:?}?"))).collect()
}

fn parse(line: &str) -> Option<Row> {
    let mut fields = line.split('\t');
    let case = fields.next()?.to_owned();
    let micros: Vec<f64> = fields.map_while(|field| field.parse().ok()).collect();
    Some(Row { case, micros: micros.try_into().ok()? })
}
