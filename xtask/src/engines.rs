//! `cargo xtask engines`: real clusters of processes, with this implementation behind their own use of cloudpickle.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use clap::ValueEnum as _;
use cloud_reduce::PythonVersion;
use xshell::{Shell, cmd};

use crate::{
    flags::{Engine, EnginesOptions},
    python::{self, Python},
    root,
    steps::quietly,
    target,
    venv::{UPSTREAM, Venv},
};

/// The newest Python that all engines have wheels for.
const NEWEST: PythonVersion = PythonVersion::new(3, 13);

/// What is needed to run one engine.
struct Recipe {
    /// For people.
    name: &'static str,
    /// What pip installs, besides the release of cloudpickle that is compared with.
    packages: &'static [&'static str],
    /// The script in `examples` that users copy.
    example: &'static str,
    /// The script in `xtask/python/engines` that lets both implementations meet, and times both.
    check: &'static str,
    /// How many tasks are timed.
    tasks: usize,
    /// Whether the engine's own tests of its serialization are run, by `suites.py`.
    suites: bool,
    /// A program that must be there besides Python, and how to get it.
    program: Option<(&'static str, &'static str)>,
}

impl Engine {
    fn recipe(self) -> Recipe {
        let java = Some(("java", "install Java 17, for example by `apt install openjdk-17-jre-headless`"));
        match self {
            Engine::Dask => Recipe {
                name: "Dask",
                packages: &["distributed", "dask", "numpy", "pytest", "pytest-timeout"],
                example: "dask_cluster.py",
                check: "check_dask.py",
                tasks: 1_000,
                suites: true,
                program: None,
            },
            Engine::Joblib => Recipe {
                name: "joblib",
                packages: &["joblib", "loky", "numpy", "psutil", "pytest"],
                example: "joblib_loky.py",
                check: "check_joblib.py",
                tasks: 1_000,
                suites: true,
                program: None,
            },
            Engine::Pyspark => Recipe {
                name: "PySpark",
                packages: &["pyspark>=4,<5", "pandas", "pyarrow"],
                example: "pyspark_cluster.py",
                check: "check_pyspark.py",
                tasks: 30,
                suites: false,
                program: java,
            },
            Engine::Ray => Recipe {
                name: "Ray",
                packages: &["ray", "numpy"],
                example: "ray_cluster.py",
                check: "check_ray.py",
                tasks: 300,
                suites: false,
                program: None,
            },
            Engine::Beam => Recipe {
                name: "Beam",
                packages: &["apache-beam"],
                example: "beam_pipeline.py",
                check: "check_beam.py",
                tasks: 200,
                suites: false,
                program: None,
            },
        }
    }
}

/// What came of one engine.
enum Outcome {
    /// It cannot be had here.
    NotRun(anyhow::Error),
    Failed(anyhow::Error),
    Works(Told),
}

/// What a check told of an engine that works.
struct Told {
    version: String,
    tasks: usize,
    /// Tasks per second with upstream and with ours.
    rates: [f64; 2],
    /// How many times smaller the time in cloudpickle became, and how much of the whole it was with upstream.
    pickling: f64,
    share: f64,
}

/// Runs the named engines, or all, one after the other, and prints a table.
///
/// # Errors
///
/// When there is no Python, when the module does not build, or when an engine that could be installed fails.
pub(crate) fn engines(shell: &Shell, options: &EnginesOptions) -> anyhow::Result<()> {
    let given: Vec<PathBuf> = options.python.iter().cloned().collect();
    let found = python::find(&given);
    let candidates = found.one_per_version();
    let fitting = candidates.iter().rev().find(|python| python.is_cpython() && python.version <= NEWEST);
    let Some(&python) = fitting.or(if given.is_empty() { None } else { candidates.last() }) else {
        found.print();
        bail!("there is no Python up to {NEWEST} to run engines on: {}", python::HOW_TO_INSTALL);
    };
    let mut wheel = None;
    let mut outcomes = Vec::new();
    let chosen = if options.engines.is_empty() { Engine::value_variants() } else { &options.engines };
    for &engine in chosen {
        let recipe = engine.recipe();
        println!("{}, on {python}", recipe.name);
        let outcome = match prepare(shell, python, &recipe, &mut wheel)? {
            Ok(program) => match run(shell, &program, &recipe, options.tasks.unwrap_or(recipe.tasks)) {
                Ok(told) => Outcome::Works(told),
                Err(error) => Outcome::Failed(error),
            },
            Err(reason) => Outcome::NotRun(reason),
        };
        outcomes.push((recipe.name, outcome));
    }
    print_table(&outcomes);
    let failed: Vec<_> = outcomes.iter().filter(|(_, outcome)| matches!(outcome, Outcome::Failed(_))).map(|it| it.0).collect();
    if !failed.is_empty() {
        bail!("{} does not work", failed.join(", "));
    }
    Ok(())
}

/// Installs an engine and the module. Gives the interpreter, or why the engine cannot be had.
fn prepare(
    shell: &Shell,
    python: &Python,
    recipe: &Recipe,
    wheel: &mut Option<PathBuf>,
) -> anyhow::Result<Result<PathBuf, anyhow::Error>> {
    if let Some((program, how)) = recipe.program
        && quietly(cmd!(shell, "{program} -version")).is_err()
    {
        return Ok(Err(anyhow::anyhow!("there is no {program}: {how}")));
    }
    let venv = Venv::new(shell, python, target().join("engines").join(format!("{}-{}", recipe.name, python.slug())))?;
    println!("  installing the engine");
    let packages: Vec<&str> = recipe.packages.iter().copied().chain([UPSTREAM]).collect();
    if let Err(reason) = venv.install(&packages) {
        return Ok(Err(reason.context("it cannot be installed")));
    }
    let wheel = match wheel {
        Some(wheel) => wheel,
        None => {
            println!("  building the module");
            wheel.insert(venv.build()?)
        }
    };
    venv.install(&["--force-reinstall".as_ref(), "--no-deps".as_ref(), wheel.as_os_str()])?;
    Ok(Ok(venv.python()))
}

/// Runs the example, the check, and the engine's own tests.
fn run(shell: &Shell, program: &Path, recipe: &Recipe, tasks: usize) -> anyhow::Result<Told> {
    let in_root = |folder: &str, file: &str| root().join(folder).join(file);
    let example = in_root("examples", recipe.example);
    println!("  examples/{}", recipe.example);
    quietly(cmd!(shell, "{program} {example}").env_remove("PYTHONPATH"))?;
    println!("  both implementations, in client and workers, and {tasks} tasks with each");
    let check = in_root("xtask/python/engines", recipe.check);
    let count = tasks.to_string();
    let text = read(cmd!(shell, "{program} {check} {count}"))?;
    let told = Told::parse(&text).with_context(|| format!("{} tells\n{text}", recipe.check))?;
    if recipe.suites {
        println!("  its own tests of serialization, with and without the module");
        let suites = in_root("xtask/python/engines", "suites.py");
        let (engine, cache) = (recipe.name, target().join("engines/suites"));
        for line in read(cmd!(shell, "{program} {suites} {engine} {cache}"))?.lines() {
            println!("    {line}");
        }
    }
    Ok(told)
}

/// What a command prints, unless it fails: then the error has all that it printed.
fn read(command: xshell::Cmd<'_>) -> anyhow::Result<String> {
    let line = command.to_string();
    let output = command.env_remove("PYTHONPATH").quiet().ignore_status().output()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    if !output.status.success() {
        bail!("$ {line}\n{text}\n{}\n{}", String::from_utf8_lossy(&output.stderr).trim_end(), output.status);
    }
    Ok(text)
}

impl Told {
    /// Reads the lines that `tell` of `turns.py` prints; an engine may print others among them.
    fn parse(text: &str) -> anyhow::Result<Told> {
        let value = |key: &str| {
            let found = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('\t'));
            found.with_context(|| format!("no {key}"))
        };
        let number = |key: &str| -> anyhow::Result<f64> { Ok(value(key)?.parse()?) };
        Ok(Told {
            version: value("version")?.to_owned(),
            tasks: value("tasks")?.parse()?,
            rates: [number("upstream")?, number("ours")?],
            pickling: number("pickling")?,
            share: number("share")?,
        })
    }
}

fn print_table(outcomes: &[(&str, Outcome)]) {
    println!(
        "\n{:<9} {:<11} {:<8} {:>7} {:>18} {:>12} {:>24}",
        "engine", "version", "works", "tasks", "tasks/s, upstream", "ours", "pickling, upstream's/ours"
    );
    for (name, outcome) in outcomes {
        match outcome {
            Outcome::Works(told) => {
                let [upstream, ours] = told.rates;
                println!(
                    "{name:<9} {:<11} {:<8} {:>7} {upstream:>18.0} {ours:>12.0} {:>13.1}x, was {:>2.0} %",
                    told.version,
                    "yes",
                    told.tasks,
                    told.pickling,
                    told.share * 100.0
                );
            }
            Outcome::Failed(error) => println!("{name:<9} {:<11} no\n{error:#}\n", ""),
            Outcome::NotRun(reason) => println!("{name:<9} {:<11} not run: {reason:#}", ""),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_check_tells_is_read_among_other_lines() {
        let text = "log: x\nversion\t1.2\ntasks\t300\nupstream\t10\nours\t20.5\npickling\t5.1\nshare\t0.25\n";
        let told = Told::parse(text).unwrap();
        assert_eq!((told.version.as_str(), told.tasks, told.rates), ("1.2", 300, [10.0, 20.5]));
        assert_eq!((told.pickling, told.share), (5.1, 0.25));
        assert!(Told::parse(&text.replace("ours", "our")).is_err());
    }

    #[test]
    fn every_engine_has_its_scripts() {
        for engine in Engine::value_variants() {
            let recipe = engine.recipe();
            for file in [format!("examples/{}", recipe.example), format!("xtask/python/engines/{}", recipe.check)] {
                assert!(root().join(&file).is_file(), "{file}");
            }
        }
    }
}
