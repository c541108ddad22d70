//! `cargo xtask corpus`: the golden pickles that lie beside tests, made again by the interpreters that are installed.

use std::{collections::BTreeMap, path::PathBuf};

use anyhow::{Context as _, bail};
use cloud_reduce::{Implementation, PythonVersion, code::OpcodeTable};
use xshell::{Shell, cmd};

use crate::{
    python::{self, Python},
    root,
    steps::{Steps, quietly},
    target,
    venv::{UPSTREAM, Venv},
};

/// The folders of golden pickles, each with the script that makes them, save for the last, whose script is the demo's.
const OPS: &str = "crates/pickle-parse/tests/data";
const GRAPHS: &str = "crates/pickle-emit/tests/data";
const CLOUDPICKLES: &str = "crates/cloud-reduce/tests/data";
const DEMO: &str = "xtask/pickles";

/// All golden pickles, with what is said of them, have at most so many bytes.
const LARGEST: u64 = 2_000_000;

/// The Python whose `pickletools` lists, and whose files are complete.
const JUDGE: PythonVersion = PythonVersion::new(3, 13);

/// Who writes the golden pickles of [`OPS`], by name: CPython 2.7, and who has a table of opcodes. All are needed, since one file has
/// those of all.
fn writers() -> Vec<String> {
    let known = OpcodeTable::all().map(|table| match table.implementation() {
        Implementation::CPython => table.version().to_string(),
        other @ Implementation::PyPy => format!("{other} {}", table.version()),
    });
    ["2.7".to_owned()].into_iter().chain(known).collect()
}

/// A release of cloudpickle, the module that carries it, and under which CPython 3 and at which protocol it pickles the zoo of
/// [`CLOUDPICKLES`].
type Release = (&'static str, &'static str, &'static [(u8, u8)]);

/// Upstream's own module.
const CLOUDPICKLE: &str = "cloudpickle";

/// The release that is upstream now pickles the zoo under every Python at the highest protocol as well.
const RELEASES: [Release; 7] = [
    ("0.5.6", CLOUDPICKLE, &[(6, 2), (6, 4)]),
    ("0.8.1", CLOUDPICKLE, &[(7, 4)]),
    ("1.2.2", CLOUDPICKLE, &[(7, 4), (8, 5)]),
    ("1.6.0", CLOUDPICKLE, &[(7, 4), (8, 5)]),
    ("2.2.1", CLOUDPICKLE, &[(6, 4)]),
    ("2.2.1", "pyspark.cloudpickle", &[(11, 5)]),
    ("3.1.2", CLOUDPICKLE, &[(13, 0), (13, 2)]),
];

/// A package that brings a copy of cloudpickle along, its release, the module of the copy, of which
/// [`CLOUDPICKLES`] has pickles. The copy alone is taken out of the package, so that nothing else of it is needed.
///
/// `pyspark-client` has the same copy as `pyspark`, which is 300 times as large.
const COPIES: [(&str, &str, &str); 4] = [
    ("apache-beam", "2.77.0", "apache_beam.internal.cloudpickle"),
    ("joblib", "1.5.2", "joblib.externals.cloudpickle"),
    ("pyspark-client", "4.2.0", "pyspark.cloudpickle"),
    ("ray", "2.60.0", "ray.cloudpickle"),
];

/// Makes what the interpreters at hand can make, and tells which files are others than before.
///
/// # Errors
///
/// When there is no CPython 3.13, when a script fails, when the files have become too large, or when one of them names a place of
/// this machine.
pub(crate) fn corpus(shell: &Shell, given: &[PathBuf]) -> anyhow::Result<()> {
    let found = python::find(given);
    let mut pythons: BTreeMap<String, &Python> = BTreeMap::new();
    for python in found.pythons.iter().filter(|python| !python.is_free_threaded()) {
        pythons.entry(python.name()).or_insert(python);
    }
    let Some(judge) = pythons.get(&JUDGE.to_string()) else {
        found.print();
        bail!("the golden pickles are made with CPython {JUDGE}: {}", python::HOW_TO_INSTALL);
    };
    let before = files(shell)?;
    let corpus = Corpus { shell, pythons: &pythons, folder: target().join("corpus"), judge };
    let _seed = shell.push_env("PYTHONHASHSEED", "0");
    let _no_cache = shell.push_env("PYTHONDONTWRITEBYTECODE", "1");
    let _encoding = shell.push_env("PYTHONIOENCODING", "utf-8");

    let mut steps = Steps::new(5);
    steps.step(OPS, || corpus.ops());
    let releases = steps.step("releases of cloudpickle", || corpus.install());
    for folder in [GRAPHS, CLOUDPICKLES, DEMO] {
        if releases.is_none() {
            steps.skip(folder);
            continue;
        }
        steps.step(folder, || match folder {
            GRAPHS => corpus.graphs(),
            CLOUDPICKLES => corpus.cloudpickles(),
            _ => corpus.demo(),
        });
    }
    let after = files(shell)?;
    for (path, bytes) in &after {
        match before.get(path) {
            None => println!("new      {}", path.display()),
            Some(old) if old != bytes => println!("changed  {}", path.display()),
            Some(_) => {}
        }
    }
    for path in before.keys().filter(|path| !after.contains_key(*path)) {
        println!("gone     {}", path.display());
    }
    if before == after {
        println!("\nnothing changed");
    }
    let total: u64 = after.values().map(|bytes| bytes.len() as u64).sum();
    println!("{} files, {:.2} MB", after.len(), total as f64 / 1e6);
    if total > LARGEST {
        bail!("the golden pickles may have {:.0} MB", LARGEST as f64 / 1e6);
    }
    for (path, bytes) in &after {
        if let Some(place) = corpus.places().find(|place| holds(bytes, place.as_bytes())) {
            bail!("{} names {place}, which is elsewhere on another machine: its script is to leave that out", path.display());
        }
    }
    steps.finish()
}

fn holds(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

/// Every golden file.
fn files(shell: &Shell) -> anyhow::Result<BTreeMap<PathBuf, Vec<u8>>> {
    let mut files = BTreeMap::new();
    for folder in [OPS, GRAPHS, CLOUDPICKLES, DEMO] {
        for path in shell.read_dir(folder)?.into_iter().filter(|path| path.extension().is_some_and(|end| end != "py")) {
            let bytes = shell.read_binary_file(&path)?;
            files.insert(path.strip_prefix(root()).unwrap_or(&path).to_owned(), bytes);
        }
    }
    Ok(files)
}

/// Who makes golden pickles, and where what they need lies.
struct Corpus<'a> {
    shell: &'a Shell,
    /// By name: `3.13`, `PyPy 3.11`.
    pythons: &'a BTreeMap<String, &'a Python>,
    folder: PathBuf,
    judge: &'a Python,
}

impl Corpus<'_> {
    /// Pickles of every Python at every protocol, with listings, and those that serde reads.
    fn ops(&self) -> anyhow::Result<()> {
        let writers = writers();
        let missing: Vec<&str> = writers.iter().map(String::as_str).filter(|name| !self.pythons.contains_key(*name)).collect();
        if !missing.is_empty() {
            bail!("one file has the pickles of all Pythons, and these are not at hand: {}", missing.join(", "));
        }
        let writers: Vec<&PathBuf> = writers.iter().map(|name| &self.pythons[name].path).collect();
        let (judge, folder) = (&self.judge.path, root().join(OPS));
        for script in ["make.py", "make_serde.py"] {
            let script = folder.join(script);
            let writers = &writers;
            quietly(cmd!(self.shell, "{judge} -W ignore {script} {writers...}"))?;
        }
        Ok(())
    }

    /// The releases of cloudpickle, each in a folder of its own, from where any Python imports it.
    fn install(&self) -> anyhow::Result<()> {
        let venv = Venv::new(self.shell, self.judge, self.folder.join("venv"))?;
        for (release, module, _) in RELEASES {
            let folder = self.release(release, module);
            if self.shell.path_exists(&folder) {
                continue;
            }
            let made = self.folder.join("made");
            self.shell.remove_path(&made)?;
            venv.install(&[
                "--no-deps".into(),
                "--no-compile".into(),
                "--target".into(),
                made.clone().into_os_string(),
                format!("cloudpickle=={release}").into(),
            ])?;
            if let Some((package, _)) = module.split_once('.') {
                self.carry(&made, package)?;
            }
            std::fs::rename(&made, &folder)?;
        }
        for (package, release, module) in COPIES {
            let folder = self.release(release, module);
            if self.shell.path_exists(&folder) {
                continue;
            }
            let (made, kept) = (self.folder.join("made"), self.folder.join("kept"));
            self.shell.remove_path(&made)?;
            self.shell.remove_path(&kept)?;
            venv.install(&[
                "--no-deps".into(),
                "--no-compile".into(),
                "--target".into(),
                made.clone().into_os_string(),
                format!("{package}=={release}").into(),
            ])?;
            let path: PathBuf = module.split('.').collect();
            for above in path.ancestors().skip(1).filter(|above| !above.as_os_str().is_empty()) {
                self.shell.write_file(kept.join(above).join("__init__.py"), "")?;
            }
            std::fs::rename(made.join(&path), kept.join(&path))?;
            self.shell.remove_path(&made)?;
            std::fs::rename(&kept, &folder)?;
        }
        Ok(())
    }

    /// Lets another package carry cloudpickle, as those that bring a copy along do: under its own name, and importing itself by it.
    fn carry(&self, folder: &std::path::Path, package: &str) -> anyhow::Result<()> {
        let (own, copy) = (folder.join("cloudpickle"), folder.join(package).join("cloudpickle"));
        self.shell.write_file(folder.join(package).join("__init__.py"), "")?;
        std::fs::rename(own, &copy)?;
        for path in self.shell.read_dir(&copy)?.into_iter().filter(|path| path.extension().is_some_and(|end| end == "py")) {
            let text = self.shell.read_file(&path)?.replace("from cloudpickle", &format!("from {package}.cloudpickle"));
            self.shell.write_file(path, text)?;
        }
        Ok(())
    }

    /// Where things lie on this machine: the repository, what is built, and the standard libraries, whose functions tell it.
    fn places(&self) -> impl Iterator<Item = String> {
        let libraries = self.pythons.values().filter_map(|python| Some(python.path.parent()?.parent()?.join("lib/py")));
        [root().to_owned(), target()].into_iter().chain(libraries).map(|place| place.display().to_string())
    }

    fn release(&self, release: &str, module: &str) -> PathBuf {
        self.folder.join(format!("{module}-{release}"))
    }

    /// The path for imports on which a release is, and before it what makes its pickles the same in every run.
    fn import_path(&self, release: &str, module: &str) -> anyhow::Result<std::ffi::OsString> {
        Ok(std::env::join_paths([root().join("xtask/python/corpus"), self.release(release, module)])?)
    }

    fn upstream(&self) -> anyhow::Result<std::ffi::OsString> {
        let release = UPSTREAM.split_once("==").context("upstream has no version")?.1;
        self.import_path(release, CLOUDPICKLE)
    }

    /// Pickles that graphs are to come out as, by every CPython, and those that serde writes.
    fn graphs(&self) -> anyhow::Result<()> {
        let writers = writers();
        let writers = writers.iter().filter_map(|name| self.pythons.get(name)).filter(|python| python.is_cpython());
        let writers = writers.map(|python| &python.path);
        let judge = &self.judge.path;
        let _folder = self.shell.push_dir(root().join(GRAPHS));
        quietly(cmd!(self.shell, "{judge} -W ignore make.py {writers...}"))?;
        quietly(cmd!(self.shell, "{judge} make_serde.py"))?;
        quietly(cmd!(self.shell, "{judge} make_cloudpickle.py").env("PYTHONPATH", self.upstream()?))
    }

    /// Functions and classes by releases of cloudpickle, with what the interpreters say of them.
    fn cloudpickles(&self) -> anyhow::Result<()> {
        let _folder = self.shell.push_dir(root().join(CLOUDPICKLES));
        for (release, module, runs) in RELEASES {
            let path = self.import_path(release, module)?;
            for (minor, protocol) in runs {
                if let Some(python) = self.pythons.get(&PythonVersion::new(3, *minor).to_string()) {
                    let (python, protocol) = (&python.path, protocol.to_string());
                    quietly(cmd!(self.shell, "{python} make.py {protocol} {module}").env("PYTHONPATH", &path))?;
                    if module == CLOUDPICKLE {
                        quietly(cmd!(self.shell, "{python} -W ignore make_models.py {protocol}").env("PYTHONPATH", &path))?;
                    }
                }
            }
        }
        for python in self.pythons.values().filter(|python| python.is_cpython() && python.version >= PythonVersion::new(3, 8)) {
            let python = &python.path;
            quietly(cmd!(self.shell, "{python} make.py").env("PYTHONPATH", self.upstream()?))?;
            quietly(cmd!(self.shell, "{python} -W ignore make_models.py").env("PYTHONPATH", self.upstream()?))?;
        }
        for (_, release, module) in COPIES {
            let (judge, path) = (&self.judge.path, self.import_path(release, module)?);
            quietly(cmd!(self.shell, "{judge} -W ignore make_models.py 5 {module}").env("PYTHONPATH", path))?;
        }
        Ok(())
    }

    /// What the demo pickles, by upstream under every Python that the demo runs on.
    fn demo(&self) -> anyhow::Result<()> {
        // The path of the script would be in its code objects.
        const RUN: &str = "__file__ = 'make.py'; exec(compile(open(__file__).read(), __file__, 'exec'))";
        let made = self.shell.create_dir(self.folder.join("demo"))?;
        let _folder = self.shell.push_dir(root().join("xtask/python"));
        for python in self.pythons.values().filter(|python| python.is_cpython() && python.unsupported().is_none()) {
            let (program, version) = (&python.path, python.version);
            quietly(cmd!(self.shell, "{program} -c {RUN} {made}").env("PYTHONPATH", self.upstream()?))?;
            for path in self.shell.read_dir(&made)? {
                let name = path.file_stem().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
                self.shell.copy_file(path, root().join(DEMO).join(format!("{name}-{version}.pickle")))?;
            }
        }
        Ok(())
    }
}
