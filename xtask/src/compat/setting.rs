//! [`Setting`]: what all checks of a run share, and [`Outcome`]: what a check comes to.

use std::{
    cell::RefCell,
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{Mutex, OnceLock},
};

use anyhow::Context as _;
use proptest::{
    strategy::Strategy,
    test_runner::{Config, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner},
};
use xshell::Shell;

use super::worker::Worker;
use crate::{
    python::Python,
    root,
    venv::{self, UPSTREAM, Venv},
};

/// How many smaller cases are tried when one has failed.
const PATIENCE: u32 = 1000;

/// What a check comes to on one interpreter.
#[derive(Clone, Debug)]
pub(super) enum Outcome {
    /// It holds.
    Passed {
        /// For how many cases.
        cases: usize,
        /// What was counted on the way.
        notes: Vec<String>,
    },
    /// It does not hold.
    Failed(Vec<Failure>),
    /// It could have been run, but something is missing.
    NotRun(String),
    /// It says nothing about this interpreter.
    NotApplicable(String),
}

/// One case that shows that a claim does not hold.
#[derive(Clone, Debug)]
pub(super) struct Failure {
    /// The smallest case that shows it.
    pub(super) case: String,
    /// What we say.
    pub(super) ours: String,
    /// What Python says.
    pub(super) theirs: String,
}

impl Failure {
    pub(super) fn new(case: impl Into<String>, ours: impl Into<String>, theirs: impl Into<String>) -> Failure {
        Failure { case: case.into(), ours: ours.into(), theirs: theirs.into() }
    }

    /// A failure if two things are not the same.
    pub(super) fn unless_same<T: PartialEq + std::fmt::Debug>(case: &str, ours: &T, theirs: &T) -> Option<Failure> {
        (ours != theirs).then(|| Failure::new(case, format!("{ours:?}"), format!("{theirs:?}")))
    }
}

impl Outcome {
    /// Passed, for so many cases.
    pub(super) fn passed(cases: usize) -> Outcome {
        Outcome::Passed { cases, notes: Vec::new() }
    }

    /// Passed, unless there are failures.
    pub(super) fn of(cases: usize, failures: Vec<Failure>) -> Outcome {
        if failures.is_empty() { Outcome::passed(cases) } else { Outcome::Failed(failures) }
    }

    /// With what was counted, if it passed.
    pub(super) fn noting(mut self, note: String) -> Outcome {
        if let Outcome::Passed { notes, .. } = &mut self {
            notes.push(note);
        }
        self
    }
}

/// The module as it was built for one interpreter.
#[derive(Clone, Debug)]
pub(super) struct Module {
    /// The interpreter of an environment with the module, upstream and pytest.
    pub(super) python: PathBuf,
    /// A folder with the module alone, for an interpreter that has no upstream.
    pub(super) alone: PathBuf,
}

/// What a run has.
pub(super) struct Setting {
    pub(super) pythons: Vec<Python>,
    /// From which cases are made up.
    pub(super) seed: u64,
    /// Whether fewer cases are to do.
    pub(super) quick: bool,
    modules: BTreeMap<String, OnceLock<Result<Module, String>>>,
    upstreams: Mutex<BTreeMap<String, Result<PathBuf, String>>>,
}

impl Setting {
    pub(super) fn new(pythons: Vec<Python>, seed: u64, quick: bool) -> Setting {
        let modules = pythons.iter().map(|python| (python.slug(), OnceLock::new())).collect();
        Setting { pythons, seed, quick, modules, upstreams: Mutex::default() }
    }

    /// How many cases are made up.
    pub(super) fn cases(&self, quick: u32, full: u32) -> u32 {
        if self.quick { quick } else { full }
    }

    /// Where a run keeps what the next run can use again.
    pub(super) fn folder() -> PathBuf {
        venv::folder()
    }

    /// A shell at the root of the workspace.
    ///
    /// # Errors
    ///
    /// When there is no current folder.
    pub(super) fn shell() -> anyhow::Result<Shell> {
        let shell = Shell::new()?;
        shell.change_dir(root());
        Ok(shell)
    }

    /// The module for an interpreter: built, unless nothing was changed since it was built last.
    ///
    /// # Errors
    ///
    /// Why it could not be made, or that no job has made it yet.
    pub(super) fn module(&self, python: &Python) -> Result<Module, String> {
        let made = self.modules.get(&python.slug()).ok_or("it is none of this run's interpreters")?;
        made.get_or_init(|| Setting::build(python).map_err(|error| format!("{error:#}"))).clone()
    }

    /// The module for an interpreter, if a job has made it.
    pub(super) fn module_if_built(&self, python: &Python) -> Option<Module> {
        self.modules.get(&python.slug())?.get()?.clone().ok()
    }

    fn build(python: &Python) -> anyhow::Result<Module> {
        let shell = Setting::shell()?;
        let venv = Venv::of_module(&shell, python)?;
        let upstream = python.is_cpython().then_some(UPSTREAM);
        venv.install(&upstream.into_iter().chain(["pytest"]).chain(crate::test::SUITE_NEEDS).collect::<Vec<_>>())
            .context("pip could not install upstream and pytest")?;
        venv.install_module_if_changed()?;
        Ok(Module { python: venv.python(), alone: venv.module_alone()? })
    }

    /// A folder from which an interpreter imports a release of cloudpickle.
    ///
    /// # Errors
    ///
    /// Why pip could not install it.
    pub(super) fn release(&self, release: &str) -> Result<PathBuf, String> {
        let mut upstreams = self.upstreams.lock().map_err(|_| "another check panicked".to_owned())?;
        upstreams.entry(release.to_owned()).or_insert_with(|| self.install(release).map_err(|e| format!("{e:#}"))).clone()
    }

    fn install(&self, release: &str) -> anyhow::Result<PathBuf> {
        let folder = Setting::folder().join("releases").join(release);
        if folder.join("cloudpickle/__init__.py").is_file() {
            return Ok(folder);
        }
        let newest = self.pythons.iter().filter(|python| python.unsupported().is_none()).max_by_key(|python| python.version);
        let python = newest.context("no interpreter whose pip could install a release of cloudpickle")?;
        let shell = Setting::shell()?;
        let venv = Venv::new(&shell, python, Setting::folder().join("pip"))?;
        venv.install(&[
            "--no-deps".into(),
            "--no-compile".into(),
            "--ignore-requires-python".into(),
            "--target".into(),
            folder.clone().into_os_string(),
            format!("cloudpickle=={release}").into(),
        ])?;
        Ok(folder)
    }

    /// An interpreter that answers, with `import_path` before where it finds modules by itself.
    pub(super) fn worker(python: &Path, import_path: &[PathBuf]) -> Worker {
        Worker::new(python.to_owned(), import_path.to_vec(), true)
    }

    /// An interpreter that has the module, its own standard library, and nothing else.
    pub(super) fn worker_alone(python: &Python, module: &Module) -> Worker {
        Worker::new(python.path.clone(), vec![module.alone.clone()], false)
    }

    /// Tries a claim on fixed cases, then on cases that are made up; of a failure among these the smallest case that shows it is told.
    ///
    /// The same seed gives the same cases, for each check others. An error of `test` is a failure too.
    pub(super) fn try_cases<S: Strategy>(
        &self,
        check: &str,
        fixed: &[S::Value],
        cases: u32,
        strategy: &S,
        mut test: impl FnMut(&S::Value) -> anyhow::Result<Option<Failure>>,
    ) -> Outcome {
        let tried = fixed.len() + cases as usize;
        let mut try_one = |case: &S::Value| {
            let failure = test(case).unwrap_or_else(|error| Some(Failure::new("", "it cannot be told", format!("{error:#}"))));
            failure.map(|mut failure| {
                let of = if failure.case.is_empty() { "" } else { ", of\n" };
                failure.case = format!("{}{of}{case:?}", failure.case);
                failure
            })
        };
        let failures: Vec<Failure> = fixed.iter().filter_map(&mut try_one).collect();
        if !failures.is_empty() {
            return Outcome::Failed(failures);
        }
        let mut seed = [0; 32];
        seed[..8].copy_from_slice(&self.seed.to_le_bytes());
        for (place, byte) in seed[8..].iter_mut().zip(check.bytes()) {
            *place = byte;
        }
        let config = Config { cases, failure_persistence: None, max_shrink_iters: u32::MAX - 1, ..Config::default() };
        let mut runner = TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &seed));
        let state = RefCell::new((try_one, Vec::new(), PATIENCE));
        let result = runner.run(strategy, |case| {
            let (try_one, failed, patience) = &mut *state.borrow_mut();
            if !failed.is_empty() {
                // Among those that are left there may be a smaller one, but this is small enough.
                let Some(left) = patience.checked_sub(1) else { return Ok(()) };
                *patience = left;
            }
            let Some(failure) = try_one(&case) else { return Ok(()) };
            // The last one to fail is the smallest.
            *failed = vec![failure];
            Err(TestCaseError::fail("it does not hold"))
        });
        match result {
            Ok(()) => Outcome::passed(tried),
            Err(TestError::Fail(..)) => Outcome::Failed(state.into_inner().1),
            Err(TestError::Abort(reason)) => Outcome::NotRun(reason.to_string()),
        }
    }
}

/// Both outcomes in one: the worse of them, and the cases of both.
pub(super) fn both(a: Outcome, b: Outcome) -> Outcome {
    match (a, b) {
        (Outcome::Passed { cases, mut notes }, Outcome::Passed { cases: more, notes: others }) => {
            notes.extend(others);
            Outcome::Passed { cases: cases + more, notes }
        }
        (Outcome::Failed(mut a), Outcome::Failed(b)) => {
            a.extend(b);
            Outcome::Failed(a)
        }
        (failed @ Outcome::Failed(_), _) | (_, failed @ Outcome::Failed(_)) => failed,
        (missing @ Outcome::NotRun(_), _) | (_, missing @ Outcome::NotRun(_)) => missing,
        (Outcome::NotApplicable(_), other) | (other, Outcome::NotApplicable(_)) => other,
    }
}
