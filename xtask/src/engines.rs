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
    /// The packages in whose sources `names.py` looks for what they take from cloudpickle.
    sources: &'static [&'static str],
    /// The script in `examples` that users copy.
    example: &'static str,
    /// The script in `xtask/python/engines` that lets both implementations meet, and times both.
    check: &'static str,
    /// How many tasks are timed in each round.
    tasks: u32,
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
                sources: &["dask", "distributed"],
                example: "dask_cluster.py",
                check: "check_dask.py",
                tasks: 1_000,
                suites: true,
                program: None,
            },
            Engine::Joblib => Recipe {
                name: "joblib",
                packages: &["joblib", "loky", "numpy", "psutil", "pytest"],
                sources: &["joblib", "loky"],
                example: "joblib_loky.py",
                check: "check_joblib.py",
                tasks: 1_000,
                suites: true,
                program: None,
            },
            Engine::Pyspark => Recipe {
                name: "PySpark",
                packages: &["pyspark>=4,<5", "pandas", "pyarrow"],
                sources: &["pyspark"],
                example: "pyspark_cluster.py",
                check: "check_pyspark.py",
                tasks: 100,
                suites: false,
                program: java,
            },
            Engine::Ray => Recipe {
                name: "Ray",
                packages: &["ray", "numpy"],
                sources: &["ray"],
                example: "ray_cluster.py",
                check: "check_ray.py",
                tasks: 300,
                suites: false,
                program: None,
            },
            Engine::Beam => Recipe {
                name: "Beam",
                packages: &["apache-beam", "pytest", "parameterized", "pyhamcrest"],
                sources: &["apache_beam"],
                example: "beam_pipeline.py",
                check: "check_beam.py",
                tasks: 200,
                suites: true,
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
    Works(Box<Told>),
}

/// What a check told of an engine that works.
struct Told {
    version: String,
    /// The kinds of work that were done, and in how many combinations of implementations in client and workers.
    kinds: String,
    worlds: usize,
    /// How many tasks those were, and in how many worker processes.
    tasks: usize,
    workers: usize,
    /// How many tasks were timed, in each round.
    timed: usize,
    upstream: Side,
    ours: Side,
    /// How much of the whole was in cloudpickle with upstream.
    share: f64,
    /// How many times less ours took than upstream in the same round, as the median of the rounds, the worst and the best: time
    /// from the first task to the last result, processor time of the client's process, and processor time in cloudpickle.
    wall_less: String,
    processor_less: String,
    pickling_less: String,
    /// The same of processor time in cloudpickle in a scheduler, where the client's process has one.
    scheduler_less: Option<String>,
    /// What the engine takes from cloudpickle, and what came of its own tests, a line each.
    held: Vec<String>,
}

/// What tasks took with one implementation in the client, in the best of the rounds.
struct Side {
    /// Tasks per second.
    rate: f64,
    /// The rates of the worst and the best round.
    range: String,
    /// Microseconds in the client until a task is submitted.
    client: f64,
    /// Microseconds of processor time in cloudpickle, for a task.
    pickling: f64,
    /// The same in a scheduler in the client's process.
    scheduler: f64,
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
                Ok(told) => Outcome::Works(Box::new(told)),
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

/// Runs the example, the check, and the engine's own tests, and looks what it takes from cloudpickle.
fn run(shell: &Shell, program: &Path, recipe: &Recipe, tasks: u32) -> anyhow::Result<Told> {
    let in_root = |folder: &str, file: &str| root().join(folder).join(file);
    let example = in_root("examples", recipe.example);
    println!("  examples/{}", recipe.example);
    quietly(cmd!(shell, "{program} {example}").env_remove("PYTHONPATH"))?;
    println!("  both implementations, in client and workers, and {tasks} tasks with each");
    let check = in_root("xtask/python/engines", recipe.check);
    let count = tasks.to_string();
    let text = read(cmd!(shell, "{program} {check} {count}"))?;
    let mut told = Told::parse(&text).with_context(|| format!("{} tells\n{text}", recipe.check))?;
    let lines = |script: &str, arguments: &[&str]| -> anyhow::Result<Vec<String>> {
        let script = in_root("xtask/python/engines", script);
        Ok(read(cmd!(shell, "{program} {script} {arguments...}"))?.lines().map(str::to_owned).collect())
    };
    told.held = lines("names.py", recipe.sources)?;
    if recipe.suites {
        println!("  its own tests of serialization, with and without the module");
        let cache = target().join("engines/suites");
        told.held.extend(lines("suites.py", &[recipe.name, &cache.to_string_lossy()])?);
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
        let side = |name: &str| -> anyhow::Result<Side> {
            Ok(Side {
                rate: number(name)?,
                range: value(&format!("{name}_range"))?.to_owned(),
                client: number(&format!("{name}_client"))?,
                pickling: number(&format!("{name}_pickling"))?,
                scheduler: number(&format!("{name}_scheduler"))?,
            })
        };
        Ok(Told {
            version: value("version")?.to_owned(),
            kinds: value("kinds")?.to_owned(),
            worlds: value("worlds")?.parse()?,
            tasks: value("tasks")?.parse()?,
            workers: value("workers")?.parse()?,
            timed: value("timed")?.parse()?,
            upstream: side("upstream")?,
            ours: side("ours")?,
            share: number("share")?,
            wall_less: value("wall_less")?.to_owned(),
            processor_less: value("processor_less")?.to_owned(),
            pickling_less: value("pickling_less")?.to_owned(),
            scheduler_less: value("scheduler_less").ok().map(str::to_owned),
            held: Vec::new(),
        })
    }
}

/// How many times less `ours` is.
fn times_less(upstream: f64, ours: f64) -> String {
    format!("{upstream:.1} / {ours:.1} = {:.1}x", upstream / ours)
}

fn print_table(outcomes: &[(&str, Outcome)]) {
    println!("\nThe best rounds of upstream and ours, in turns: tasks per second (worst to best), and microseconds of a task.\n");
    println!(
        "{:<9} {:<9} {:<6} {:>6} {:>20} {:>20} {:>25} {:>23}  (share)",
        "engine", "version", "works", "tasks", "tasks/s, upstream", "tasks/s, ours", "client", "in cloudpickle",
    );
    for (name, outcome) in outcomes {
        match outcome {
            Outcome::Works(told) => {
                let Told { version, timed, upstream, ours, share, .. } = &**told;
                let rate = |side: &Side| format!("{:.0} ({})", side.rate, side.range);
                println!(
                    "{name:<9} {version:<9} {:<6} {timed:>6} {:>20} {:>20} {:>25} {:>23}  (was {:.1} %)",
                    "yes",
                    rate(upstream),
                    rate(ours),
                    times_less(upstream.client, ours.client),
                    times_less(upstream.pickling, ours.pickling),
                    share * 100.0,
                );
            }
            Outcome::Failed(error) => println!("{name:<9} {:<9} no\n{error:#}\n", ""),
            Outcome::NotRun(reason) => println!("{name:<9} {:<9} not run: {reason:#}", ""),
        }
    }
    println!("\nHow many times less ours took than upstream in the same round: the median of the rounds (worst to best).\n");
    println!("{:<9} {:>22} {:>22} {:>22}", "engine", "wall time", "client's processors", "in cloudpickle");
    for (name, outcome) in outcomes {
        let Outcome::Works(told) = outcome else { continue };
        println!("{name:<9} {:>22} {:>22} {:>22}", told.wall_less, told.processor_less, told.pickling_less);
    }
    for (name, outcome) in outcomes {
        let Outcome::Works(told) = outcome else { continue };
        if let Some(less) = &told.scheduler_less {
            let best = times_less(told.upstream.scheduler, told.ours.scheduler);
            println!("{name}'s scheduler, a thread of the client's process, pickles tasks once more: {best}, {less}");
        }
    }
    println!("\nWhat was done with ours in the client, in the workers, and in both:\n");
    for (name, outcome) in outcomes {
        let Outcome::Works(told) = outcome else { continue };
        println!("{name}: {}", told.kinds);
        println!("  {} tasks in {} combinations, in {} worker processes", told.tasks, told.worlds, told.workers);
        for line in &told.held {
            println!("  {line}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_check_tells_is_read_among_other_lines() {
        let text = "log: x\nversion\t1.2\nkinds\tmap, bag\nworlds\t3\ntasks\t300\nworkers\t6\ntimed\t200\n\
            upstream\t10.5\nupstream_range\t9 to 11\nupstream_client\t80.1\nupstream_pickling\t40\nupstream_scheduler\t8\n\
            ours\t20.5\nours_range\t19 to 21\nours_client\t20\nours_pickling\t8.5\nours_scheduler\t2\n\
            share\t0.25\nwall_less\t1.05 (0.99 to 1.1)\n\
            processor_less\t1.1 (1 to 1.2)\npickling_less\t4.6 (4.1 to 5.2)\n";
        let told = Told::parse(text).unwrap();
        assert_eq!((told.version.as_str(), told.kinds.as_str()), ("1.2", "map, bag"));
        assert_eq!((told.worlds, told.tasks, told.workers, told.timed), (3, 300, 6, 200));
        let of = |side: &Side| (side.rate, side.range.clone(), side.client, side.pickling, side.scheduler);
        assert_eq!(of(&told.upstream), (10.5, "9 to 11".to_owned(), 80.1, 40.0, 8.0));
        assert_eq!(of(&told.ours), (20.5, "19 to 21".to_owned(), 20.0, 8.5, 2.0));
        assert_eq!((told.share, told.wall_less.as_str()), (0.25, "1.05 (0.99 to 1.1)"));
        assert_eq!((told.processor_less.as_str(), told.pickling_less.as_str()), ("1.1 (1 to 1.2)", "4.6 (4.1 to 5.2)"));
        assert_eq!(told.scheduler_less, None);
        let with_scheduler = Told::parse(&format!("{text}scheduler_less\t2.4 (2 to 3)\n")).unwrap();
        assert_eq!(with_scheduler.scheduler_less.as_deref(), Some("2.4 (2 to 3)"));
        assert!(Told::parse(&text.replace("ours_client", "our_client")).is_err());
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
