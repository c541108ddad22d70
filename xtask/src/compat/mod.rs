//! `cargo xtask compat`: every claim of the project, checked with every Python on the machine.
//!
//! [`CHECKS`] has all checks at a glance. Each runs once for each interpreter; the module is built once for each that it is for.

mod bytecode;
mod claims;
mod describe;
mod functions;
mod html;
mod makers;
mod matrix;
mod program;
mod records;
mod setting;
mod suites;
mod value;
mod wire;
mod worker;

use std::{
    sync::{Condvar, Mutex},
    thread,
    time::{Duration, Instant, SystemTime},
};

use anyhow::bail;
use indicatif::{ProgressBar, ProgressStyle};

use self::{
    matrix::{Cell, Matrix},
    setting::{Failure, Outcome, Setting},
};
use crate::{
    flags::CompatOptions,
    python::{self, Python},
};

/// A claim that is checked for each interpreter.
pub(crate) struct Check {
    /// What `--check` takes.
    pub(crate) name: &'static str,
    /// What holds if it passes.
    pub(crate) claim: &'static str,
    /// What it needs before it can run.
    needs: Needs,
    /// Whether it lets other interpreters have their say.
    pub(crate) asks_others: bool,
    /// Whether a quick run leaves it out.
    slow: bool,
    run: fn(&Setting, &Python) -> anyhow::Result<Outcome>,
}

#[derive(Clone, Copy, PartialEq)]
enum Needs {
    /// Only the interpreter.
    Python,
    /// The module, if it is for this interpreter.
    ModuleIfAny,
    /// The module.
    Module,
}

/// All checks.
pub(crate) const CHECKS: [Check; 12] = [
    Check {
        name: "opcodes",
        claim: "the opcode table is pickletools.opcodes",
        needs: Needs::Python,
        asks_others: false,
        slow: false,
        run: wire::opcodes,
    },
    Check {
        name: "listing",
        claim: "listings and optimized pickles are those of pickletools, byte for byte",
        needs: Needs::Python,
        asks_others: true,
        slow: false,
        run: wire::listing,
    },
    Check {
        name: "roundtrip",
        claim: "ops and graphs of what CPython pickled come out as the same bytes, at every protocol (of PyPy's, and of some tuples that hold \
                themselves by `pickle.py` before 3.13, graphs as the same graphs)",
        needs: Needs::Python,
        asks_others: false,
        slow: false,
        run: wire::roundtrip,
    },
    Check {
        name: "values",
        claim: "Rust reads the value that Python pickled, and Python loads the value that Rust wrote",
        needs: Needs::Python,
        asks_others: false,
        slow: false,
        run: wire::values_agree,
    },
    Check {
        name: "code",
        claim: "code of the whole standard library is read as dis reads it, names of globals as upstream does, and tells its version",
        needs: Needs::Python,
        asks_others: false,
        slow: false,
        run: bytecode::code,
    },
    Check {
        name: "functions",
        claim: "models of what upstream pickled say what Python says, and what Rust writes again runs",
        needs: Needs::ModuleIfAny,
        asks_others: false,
        slow: false,
        run: functions::functions,
    },
    Check {
        name: "live",
        claim: "the module writes upstream's bytes, and its pickles work in fresh processes",
        needs: Needs::Module,
        asks_others: false,
        slow: false,
        run: functions::live,
    },
    Check {
        name: "claims",
        claim: "what README.md says of the module beyond its bytes holds (--list shows it)",
        needs: Needs::Module,
        asks_others: false,
        slow: false,
        run: claims::claims,
    },
    Check {
        name: "suite",
        claim: "the module's own tests pass",
        needs: Needs::Module,
        asks_others: false,
        slow: true,
        run: suites::suite,
    },
    Check {
        name: "pickletester",
        claim: "what upstream passes of CPython's own pickle tests, the module passes",
        needs: Needs::Module,
        asks_others: false,
        slow: false,
        run: suites::pickletester,
    },
    Check {
        name: "cross",
        claim: "data crosses versions, and functions of other versions run or are refused by their version's name",
        needs: Needs::ModuleIfAny,
        asks_others: true,
        slow: false,
        run: functions::cross,
    },
    Check {
        name: "history",
        claim: "pickles by past releases of cloudpickle are read, and by the module loaded and run",
        needs: Needs::ModuleIfAny,
        asks_others: false,
        slow: false,
        run: functions::history,
    },
];

/// Runs the checks and shows what they came to.
///
/// # Errors
///
/// When a claim does not hold, when there is no Python, or when a check does not exist.
pub(crate) fn compat(options: &CompatOptions) -> anyhow::Result<()> {
    let found = python::find(&options.python);
    if options.list {
        found.print();
        println!("\nchecks:");
        for check in &CHECKS {
            println!("  {:<13} {}", check.name, check.claim);
        }
        claims::print();
        return Ok(());
    }
    let chosen = |check: &Check| options.check.is_empty() || options.check.iter().any(|name| name == check.name);
    if let Some(unknown) = options.check.iter().find(|name| CHECKS.iter().all(|check| check.name != *name)) {
        bail!("there is no check {unknown:?}: there are {}", CHECKS.each_ref().map(|check| check.name).join(", "));
    }
    println!("Pythons on this machine:");
    found.print();
    let pythons = found.one_of_each();
    if pythons.is_empty() {
        bail!("there is no Python to check anything with: {}", python::HOW_TO_INSTALL);
    }
    let seed = options.seed.unwrap_or_else(random_seed);
    println!("\nseed {seed}{}\n", if options.quick { ", quick" } else { "" });

    let checks: Vec<&Check> = CHECKS.iter().filter(|check| chosen(check)).collect();
    let setting = Setting::new(pythons, seed, options.quick);
    std::fs::create_dir_all(Setting::folder())?;
    let named = !options.check.is_empty();
    let started = Instant::now();
    let cells = run(&setting, &checks, named)?;
    let matrix = Matrix::new(&setting, &checks, &options.python, cells, started.elapsed());
    matrix.print();
    if let Some(path) = &options.json {
        std::fs::write(path, serde_json::to_string_pretty(&matrix.to_json())? + "\n")?;
        println!("\nin JSON: {}", path.display());
    }
    if let Some(path) = &options.html {
        std::fs::write(path, html::page(&matrix))?;
        println!("\nas a page: {}", path.display());
    }
    matrix.verdict()
}

/// A seed that no run before has had.
fn random_seed() -> u64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    // Short enough to be typed.
    now.as_nanos() as u64 % 1_000_000_000
}

/// What is to be done, and by which of a setting's interpreters.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Job {
    Build(usize),
    Check(usize, usize),
}

/// What is yet to be done, and what was.
struct Queue {
    waiting: Vec<Job>,
    /// Whether the module is being built: cargo builds one after the other.
    building: bool,
    built: Vec<bool>,
    running: usize,
    cells: Vec<Cell>,
}

/// Runs all checks on all interpreters, as many at once as there are cores.
fn run(setting: &Setting, checks: &[&Check], named: bool) -> anyhow::Result<Vec<Cell>> {
    let mut waiting = Vec::new();
    let mut built = Vec::new();
    let mut cells = Vec::new();
    for (p, python) in setting.pythons.iter().enumerate() {
        let is_built_for = python.unsupported().is_none();
        let wanted = checks.iter().any(|check| check.needs != Needs::Python && !left_out(setting, check, named));
        if is_built_for && wanted {
            waiting.push(Job::Build(p));
        }
        built.push(!(is_built_for && wanted));
    }
    for (c, check) in checks.iter().enumerate() {
        for (p, python) in setting.pythons.iter().enumerate() {
            if left_out(setting, check, named) && !(check.needs == Needs::Module && python.unsupported().is_some()) {
                cells.push(Cell::new(python, check, Outcome::NotRun("left out by --quick".into()), Duration::ZERO));
            } else {
                waiting.push(Job::Check(p, c));
            }
        }
    }
    let progress = ProgressBar::new(waiting.len() as u64);
    progress.set_style(
        ProgressStyle::with_template("{bar:40} {pos}/{len} {elapsed} {msg}").unwrap_or_else(|_| ProgressStyle::default_bar()),
    );
    let queue = (Mutex::new(Queue { waiting, building: false, built, running: 0, cells }), Condvar::new());
    let workers = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                while let Some(job) = next(&queue) {
                    let cell = work(setting, checks, job);
                    let (lock, woken) = &queue;
                    let Ok(mut queue) = lock.lock() else { return };
                    queue.running -= 1;
                    match job {
                        Job::Build(p) => {
                            queue.building = false;
                            queue.built[p] = true;
                        }
                        Job::Check(..) => {}
                    }
                    if let Some(cell) = cell {
                        tell(&progress, &cell);
                        queue.cells.push(cell);
                    }
                    progress.inc(1);
                    woken.notify_all();
                }
            });
        }
    });
    progress.finish_and_clear();
    match queue.0.into_inner() {
        Ok(queue) => Ok(queue.cells),
        Err(_) => bail!("a check panicked"),
    }
}

fn left_out(setting: &Setting, check: &Check, named: bool) -> bool {
    setting.quick && check.slow && !named
}

/// The next job that can be done, or `None` when none is left.
fn next((lock, woken): &(Mutex<Queue>, Condvar)) -> Option<Job> {
    let mut queue = lock.lock().ok()?;
    loop {
        let ready = queue.waiting.iter().position(|job| match *job {
            Job::Build(_) => !queue.building,
            Job::Check(p, _) => queue.built[p],
        });
        if let Some(ready) = ready {
            let job = queue.waiting.remove(ready);
            queue.building |= matches!(job, Job::Build(_));
            queue.running += 1;
            return Some(job);
        }
        if queue.waiting.is_empty() {
            return None;
        }
        queue = woken.wait(queue).ok()?;
    }
}

fn work(setting: &Setting, checks: &[&Check], job: Job) -> Option<Cell> {
    let started = Instant::now();
    match job {
        Job::Build(p) => {
            // What went wrong is told by the checks that need it.
            let _ = setting.module(&setting.pythons[p]);
            None
        }
        Job::Check(p, c) => {
            let (python, check) = (&setting.pythons[p], checks[c]);
            let outcome = match python.unsupported() {
                Some(why) if check.needs == Needs::Module => Outcome::NotApplicable(why),
                _ => (check.run)(setting, python).unwrap_or_else(|error| {
                    Outcome::Failed(vec![Failure::new("the check itself", format!("{error:#}"), "it runs")])
                }),
            };
            Some(Cell::new(python, check, outcome, started.elapsed()))
        }
    }
}

/// A line for a check that has ended; in a pipe, where there is no bar, too.
fn tell(progress: &ProgressBar, cell: &Cell) {
    let line = cell.line();
    if progress.is_hidden() { println!("{line}") } else { progress.println(line) }
}
