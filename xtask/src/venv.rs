//! Private virtual environments under cargo's target directory, and the module built into them.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use xshell::{Shell, cmd};

use crate::{python::Python, root, steps::quietly, target};

/// The release of cloudpickle whose bytes are ours.
pub(crate) const UPSTREAM: &str = "cloudpickle==3.1.2";

/// Builds wheels from Rust.
const MATURIN: &str = "maturin>=1.9,<2";

/// Where the environments in which the module is tested are kept.
pub(crate) fn folder() -> PathBuf {
    target().join("compat")
}

/// A virtual environment.
pub(crate) struct Venv<'sh> {
    shell: &'sh Shell,
    folder: PathBuf,
    /// The interpreter whose pip installs into this one, where this one has none.
    pip: Option<PathBuf>,
}

impl<'sh> Venv<'sh> {
    /// Makes a virtual environment of `python` at `folder`, unless one of that very interpreter is there already.
    ///
    /// # Errors
    ///
    /// When `python` can make none, with what is missing.
    pub(crate) fn new(shell: &'sh Shell, python: &Python, folder: PathBuf) -> anyhow::Result<Venv<'sh>> {
        let mut venv = Venv { shell, folder, pip: None };
        let (path, folder) = (&python.path, &venv.folder);
        let mark = folder.join("made-for");
        let made_for = format!("{} {python}", path.display());
        let works = |program: &Path| quietly(cmd!(shell, "{program} -m pip --version")).is_ok();
        if shell.read_file(&mark).is_ok_and(|text| text == made_for) && works(&venv.python()) {
            return Ok(venv);
        }
        shell.remove_path(folder)?;
        let made = quietly(cmd!(shell, "{path} -m venv {folder}"));
        if made.is_err() {
            // Debian's Python comes without ensurepip, but the pip beside it can install into another environment.
            shell.remove_path(folder)?;
            if !works(path) || quietly(cmd!(shell, "{path} -m venv --without-pip {folder}")).is_err() {
                made.with_context(|| {
                    format!("{python} cannot make a virtual environment; on Debian: `apt install python{}-venv`", python.version)
                })?;
            }
            venv.pip = Some(path.clone());
        } else {
            shell.write_file(&mark, made_for)?;
        }
        Ok(venv)
    }

    /// The environment of `python` in which the module is tested.
    ///
    /// # Errors
    ///
    /// Those of [`new`](Venv::new).
    pub(crate) fn of_module(shell: &'sh Shell, python: &Python) -> anyhow::Result<Venv<'sh>> {
        Venv::new(shell, python, folder().join(python.slug()))
    }

    /// Its interpreter.
    pub(crate) fn python(&self) -> PathBuf {
        self.program("python")
    }

    /// A program that was installed into it.
    fn program(&self, name: &str) -> PathBuf {
        let folder = self.folder.join(if cfg!(windows) { "Scripts" } else { "bin" });
        folder.join(format!("{name}{}", std::env::consts::EXE_SUFFIX))
    }

    /// Installs what pip can find.
    ///
    /// # Errors
    ///
    /// When pip fails: its output.
    pub(crate) fn install(&self, requirements: &[impl AsRef<std::ffi::OsStr>]) -> anyhow::Result<()> {
        let python = self.python();
        let pip = match &self.pip {
            Some(other) => cmd!(self.shell, "{other} -m pip --python {python} install"),
            None => cmd!(self.shell, "{python} -m pip install"),
        };
        quietly(pip.arg("--quiet").arg("--disable-pip-version-check").args(requirements))
    }

    /// Builds the module's wheel for this interpreter; returns where it lies. What does not depend on Python is built once for
    /// all interpreters.
    ///
    /// # Errors
    ///
    /// When maturin cannot be installed or does not build: its output.
    pub(crate) fn build(&self) -> anyhow::Result<PathBuf> {
        self.install(&[MATURIN])?;
        let (maturin, python) = (self.program("maturin"), self.python());
        let out = self.folder.join("wheels");
        self.shell.remove_path(&out)?;
        let manifest = root().join("crates/cloudpickle-py/Cargo.toml");
        quietly(
            cmd!(self.shell, "{maturin} build --release --manifest-path {manifest} --interpreter {python} --out {out}")
                .env("CARGO_TARGET_DIR", target()),
        )?;
        let wheels = self.shell.read_dir(&out)?;
        match &wheels[..] {
            [wheel] => Ok(wheel.clone()),
            other => bail!("maturin left {} wheels in {}", other.len(), out.display()),
        }
    }

    /// Builds the module and installs it.
    ///
    /// # Errors
    ///
    /// Those of [`build`](Venv::build) and [`install`](Venv::install).
    pub(crate) fn install_module(&self) -> anyhow::Result<()> {
        let wheel = self.build()?;
        self.install(&["--force-reinstall".as_ref(), "--no-deps".as_ref(), wheel.as_os_str()])
    }
    /// Builds the module and installs it, unless it is installed and no source was changed since.
    ///
    /// # Errors
    ///
    /// Those of [`install_module`](Venv::install_module).
    pub(crate) fn install_module_if_changed(&self) -> anyhow::Result<()> {
        let mark = self.folder.join("built-from");
        let sources = sources(self.shell)?;
        if self.shell.read_file(&mark).is_ok_and(|text| text == sources) {
            return Ok(());
        }
        self.install_module()?;
        self.shell.write_file(&mark, sources)?;
        Ok(())
    }

    /// A folder that holds the installed module and nothing else.
    ///
    /// # Errors
    ///
    /// When the module is not installed.
    pub(crate) fn module_alone(&self) -> anyhow::Result<PathBuf> {
        let python = self.python();
        let installed = cmd!(self.shell, "{python} -c")
            .arg("import cloudpickle_rs; print(cloudpickle_rs.__path__[0])")
            .env_remove("PYTHONPATH")
            .quiet()
            .read()?;
        let alone = self.folder.join("alone");
        self.shell.remove_path(&alone)?;
        let package = self.shell.create_dir(alone.join("cloudpickle_rs"))?;
        for path in self.shell.read_dir(installed)?.into_iter().filter(|path| path.is_file()) {
            self.shell.copy_file(path, &package)?;
        }
        Ok(alone)
    }
}

/// What the module is built from: names, sizes and times of change.
fn sources(shell: &Shell) -> anyhow::Result<String> {
    let mut lines = Vec::new();
    let mut folders = vec![root().join("crates")];
    let mut files = vec![root().join("Cargo.lock"), root().join("Cargo.toml")];
    while let Some(folder) = folders.pop() {
        for path in shell.read_dir(folder)? {
            let is_other = path.file_name().is_some_and(|name| name == "tests" || name == "__pycache__");
            if path.is_dir() && !is_other {
                folders.push(path);
            } else if path.is_file() {
                files.push(path);
            }
        }
    }
    for path in files {
        let about = path.metadata()?;
        let changed = about.modified()?.duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        lines.push(format!("{} {} {}", path.display(), about.len(), changed.as_nanos()));
    }
    lines.sort();
    Ok(lines.join("\n"))
}
