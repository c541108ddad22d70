//! Which Pythons are on this machine: candidates from the usual places, each run to be believed.

use std::{
    collections::HashSet,
    fmt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail};
use cloud_reduce::{Implementation, PythonVersion, code::OpcodeTable};

use crate::places::Places;

/// The oldest version that the extension module is built for.
const OLDEST: PythonVersion = PythonVersion::new(3, 9);

/// What a candidate must print within [`PATIENCE`]. It runs on any Python since 2.6.
const SCRIPT: &str = r#"
import os, platform, sys
try:
    from sysconfig import get_config_var
except ImportError:
    get_config_var = lambda name: None
print("implementation " + platform.python_implementation())
print("version " + ".".join(map(str, sys.version_info[:3])))
print("level " + sys.version_info[3])
print("threading " + ("free" if get_config_var("Py_GIL_DISABLED") else "gil"))
print("executable " + sys.executable)
print("real " + os.path.realpath(sys.executable))
"#;

const PATIENCE: Duration = Duration::from_secs(20);

/// An interpreter that ran.
#[derive(Clone, Debug)]
pub(crate) struct Python {
    /// What to run.
    pub(crate) path: PathBuf,
    /// The file that this is in the end.
    real: PathBuf,
    /// `CPython`, `PyPy`, ...
    implementation: String,
    /// The first two numbers of the version.
    pub(crate) version: PythonVersion,
    /// The version with all three numbers, such as `3.13.0`.
    full_version: String,
    free_threaded: bool,
}

impl Python {
    /// Why the extension module cannot be built for this one, if it cannot.
    pub(crate) fn unsupported(&self) -> Option<String> {
        let newest = newest();
        let is_known_pypy = self.implementation == "PyPy" && OpcodeTable::of(Implementation::PyPy, self.version).is_some();
        if self.version < OLDEST {
            Some(format!("older than {OLDEST}"))
        } else if !self.is_cpython() && !is_known_pypy {
            Some("only CPython and PyPy 3.11 are supported".into())
        } else if self.version > newest {
            Some(format!("newer than {newest}: CONTRIBUTING.md tells how to add it"))
        } else if self.free_threaded {
            Some("free-threaded builds are not supported yet".into())
        } else {
            None
        }
    }

    /// Which implementation cloud-reduce takes it for: what is not CPython itself is taken for PyPy.
    pub(crate) fn implementation(&self) -> Implementation {
        if self.is_cpython() { Implementation::CPython } else { Implementation::PyPy }
    }

    /// Whether it is CPython itself.
    pub(crate) fn is_cpython(&self) -> bool {
        self.implementation == "CPython"
    }

    /// Whether it was built to run without the global interpreter lock.
    pub(crate) fn is_free_threaded(&self) -> bool {
        self.free_threaded
    }

    /// A name for people, short: `3.13`, `PyPy 3.11`.
    pub(crate) fn name(&self) -> String {
        if self.is_cpython() { self.version.to_string() } else { format!("{} {}", self.implementation, self.version) }
    }

    /// A name for folders: `cpython-3.13.0`.
    pub(crate) fn slug(&self) -> String {
        format!("{}-{}", self.implementation.to_lowercase(), self.full_version)
    }
}

impl fmt::Display for Python {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.implementation, self.full_version)?;
        if self.free_threaded { f.write_str(" free-threaded") } else { Ok(()) }
    }
}

/// The newest version that the extension module is built for.
fn newest() -> PythonVersion {
    PythonVersion::known().max().unwrap_or(OLDEST)
}

/// The versions of CPython that the extension module is built for, as in `3.9 to 3.13`.
pub(crate) fn supported_versions() -> String {
    format!("{OLDEST} to {}", newest())
}

/// All that was found.
pub(crate) struct Found {
    /// The interpreters that ran, the first found first.
    pub(crate) pythons: Vec<Python>,
    /// The candidates that did not run, with the reason.
    broken: Vec<(PathBuf, String)>,
}

impl Found {
    /// The interpreters that the extension module can be built for.
    pub(crate) fn supported(&self) -> impl Iterator<Item = &Python> {
        self.pythons.iter().filter(|python| python.unsupported().is_none())
    }

    /// The interpreters that the extension module can be built for and cloudpickle itself can be imported in, which PyPy is not.
    pub(crate) fn with_upstream(&self) -> impl Iterator<Item = &Python> {
        self.supported().filter(|python| python.is_cpython())
    }

    /// One interpreter for each version that the module can be built for, the oldest version first and PyPy last. Of several builds
    /// of one version the first found is taken.
    pub(crate) fn one_per_version(&self) -> Vec<&Python> {
        let mut chosen: Vec<&Python> = Vec::new();
        for python in self.supported() {
            if chosen.iter().all(|other| other.name() != python.name()) {
                chosen.push(python);
            }
        }
        chosen.sort_by_key(|python| (!python.is_cpython(), python.version));
        chosen
    }

    /// One interpreter for each implementation and version, whether or not the module can be built for it, the oldest first.
    pub(crate) fn one_of_each(&self) -> Vec<Python> {
        let mut chosen: Vec<Python> = Vec::new();
        for python in self.pythons.iter().filter(|python| !python.is_free_threaded()) {
            if chosen.iter().all(|other| other.name() != python.name()) {
                chosen.push(python.clone());
            }
        }
        chosen.sort_by_key(|python| (!python.is_cpython(), python.version));
        chosen
    }

    /// Tells what was found, and of what is no use, why.
    pub(crate) fn print(&self) {
        for python in &self.pythons {
            let note = python.unsupported().map(|why| format!("   ({why})")).unwrap_or_default();
            println!("  {python:<22} {}{note}", python.path.display());
        }
        for (path, why) in &self.broken {
            println!("  {:<22} {}   ({why})", "does not run", path.display());
        }
        if self.pythons.is_empty() {
            println!("  no Python at all");
        }
    }
}

/// Says how to get a Python, for a machine that has none to use.
pub(crate) const HOW_TO_INSTALL: &str = "install one, for example: `uv python install 3.13`, `pyenv install 3.13`, \
     `apt install python3 python3-venv`, `brew install python` or `winget install Python.Python.3.13`";

/// Looks at the `given` interpreters, or, when none are, at every candidate in the usual places.
pub(crate) fn find(given: &[PathBuf]) -> Found {
    let candidates = if given.is_empty() { Places::of_this_machine().candidates() } else { given.to_vec() };
    let mut seen = HashSet::new();
    let candidates: Vec<PathBuf> =
        candidates.into_iter().filter(|path| seen.insert(path.canonicalize().unwrap_or_else(|_| path.clone()))).collect();
    let answers: Vec<_> = thread::scope(|scope| {
        let running: Vec<_> = candidates.iter().map(|path| scope.spawn(|| ask(path))).collect();
        running.into_iter().map(|thread| thread.join().unwrap_or_else(|_| bail!("its check panicked"))).collect()
    });
    let mut found = Found { pythons: Vec::new(), broken: Vec::new() };
    for (path, answer) in candidates.into_iter().zip(answers) {
        match answer {
            Ok(python) => {
                if found.pythons.iter().all(|other| (&other.real, &other.full_version) != (&python.real, &python.full_version)) {
                    found.pythons.push(python);
                }
            }
            Err(error) => found.broken.push((path, format!("{error:#}"))),
        }
    }
    found
}

/// The paths of the `given` interpreters, or of all that are found, whatever their version.
pub(crate) fn interpreters(given: &[PathBuf]) -> Vec<PathBuf> {
    if given.is_empty() { find(given).pythons.into_iter().map(|python| python.path).collect() } else { given.to_vec() }
}

/// Runs a candidate and believes what it says of itself.
fn ask(path: &Path) -> anyhow::Result<Python> {
    let mut child = Command::new(path)
        .args(["-E", "-c", SCRIPT])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    // The answer is a few hundred bytes, which a pipe holds: waiting before reading cannot block.
    let started = Instant::now();
    while child.try_wait()?.is_none() {
        if started.elapsed() > PATIENCE {
            child.kill()?;
            child.wait()?;
            bail!("no answer within {} s", PATIENCE.as_secs());
        }
        thread::sleep(Duration::from_millis(5));
    }
    let output = child.wait_with_output()?;
    let stdout = String::from_utf8_lossy(&output.stdout);
    if !output.status.success() {
        let stderr = String::from_utf8_lossy(&output.stderr);
        bail!("{}", stderr.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or("it fails and says nothing"));
    }
    let field = |name: &str| {
        let found = stdout.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        found.with_context(|| format!("it does not tell its {name}"))
    };
    let full_version = field("version")?.to_owned();
    let mut numbers = full_version.split('.').map(str::parse);
    let (Some(Ok(major)), Some(Ok(minor))) = (numbers.next(), numbers.next()) else {
        bail!("{full_version:?} is no version");
    };
    // A shim's own path goes on to another interpreter when the folder changes: what it stands for is run from here on.
    let executable = PathBuf::from(field("executable")?);
    Ok(Python {
        path: if executable.is_file() { executable } else { path.to_owned() },
        real: PathBuf::from(field("real")?),
        implementation: field("implementation")?.to_owned(),
        version: PythonVersion::new(major, minor),
        full_version,
        free_threaded: field("threading")? == "free",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn a_candidate_that_does_not_run_is_told_and_not_fatal() {
        let found = find(&["/no/such/python".into(), "/bin/cat".into()]);
        assert!(found.pythons.is_empty());
        assert_eq!(found.broken.len(), 2);
    }
}
