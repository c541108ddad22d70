//! [`Places`]: where Pythons are installed.

use std::{
    env,
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
};

/// Names interpreters to look at before all others, separated as in `PATH`.
pub(crate) const VARIABLE: &str = "CLOUDPICKLE_RS_PYTHONS";

/// The folders of the machine, and what the environment says of them.
pub(crate) struct Places<V> {
    /// A variable of the environment.
    variable: V,
    /// Below which the folders of the system lie.
    root: PathBuf,
}

impl Places<fn(&str) -> Option<OsString>> {
    pub(crate) fn of_this_machine() -> Self {
        Places { variable: |name| env::var_os(name), root: "/".into() }
    }
}

impl<V: Fn(&str) -> Option<OsString>> Places<V> {
    /// Every path that may be an interpreter, in order of preference.
    pub(crate) fn candidates(&self) -> Vec<PathBuf> {
        let mut found: Vec<PathBuf> = self.listed(VARIABLE).into_iter().filter(|path| !path.as_os_str().is_empty()).collect();
        for folder in self.listed("PATH").into_iter().chain(self.system_folders()) {
            found.extend(interpreters_in(&folder));
        }
        for folder in self.version_folders() {
            found.extend(interpreters_in(&folder));
            found.extend(interpreters_in(&folder.join("bin")));
        }
        found
    }

    /// A variable that holds a path.
    fn path(&self, name: &str) -> Option<PathBuf> {
        (self.variable)(name).map(PathBuf::from)
    }

    /// A variable that holds a list of paths.
    fn listed(&self, name: &str) -> Vec<PathBuf> {
        (self.variable)(name).iter().flat_map(env::split_paths).collect()
    }

    fn below_root<const N: usize>(&self, folders: [&str; N]) -> [PathBuf; N] {
        folders.map(|folder| self.root.join(folder))
    }

    /// Folders of executables that may be missing in `PATH`.
    fn system_folders(&self) -> Vec<PathBuf> {
        if cfg!(windows) {
            return Vec::new();
        }
        let folders = ["usr/bin", "usr/local/bin", "opt/homebrew/bin", "home/linuxbrew/.linuxbrew/bin", "opt/local/bin"];
        self.below_root(folders).into()
    }

    /// Folders that hold one installed Python each: pyenv's, uv's, asdf's, conda's environments, what Homebrew has not linked, those of
    /// the installers of python.org, and what was unpacked below `/opt`.
    fn version_folders(&self) -> Vec<PathBuf> {
        let home = self.path(if cfg!(windows) { "USERPROFILE" } else { "HOME" }).unwrap_or_default();
        let mut parents = vec![
            self.path("PYENV_ROOT").unwrap_or_else(|| home.join(".pyenv")).join("versions"),
            home.join(".pyenv/pyenv-win/versions"),
            self.path("UV_PYTHON_INSTALL_DIR").unwrap_or_else(|| home.join(".local/share/uv/python")),
            self.path("ASDF_DATA_DIR").unwrap_or_else(|| home.join(".asdf")).join("installs/python"),
        ];
        parents.extend(self.below_root([
            "Library/Frameworks/Python.framework/Versions",
            "opt",
            "opt/python",
            "opt/homebrew/opt",
            "usr/local/opt",
            "home/linuxbrew/.linuxbrew/opt",
        ]));
        parents.extend(self.path("APPDATA").map(|data| data.join("uv/python")));
        parents.extend(self.path("LOCALAPPDATA").map(|data| data.join("Programs/Python")));
        let mut condas: Vec<PathBuf> = self.path("CONDA_PREFIX").into_iter().collect();
        condas.extend(["miniconda3", "anaconda3", "miniforge3", "mambaforge", ".conda"].map(|name| home.join(name)));
        condas.extend(self.below_root(["opt/conda", "opt/miniconda3", "opt/anaconda3", "opt/miniforge3"]));
        let mut folders = Vec::new();
        for conda in condas {
            parents.push(conda.join("envs"));
            folders.push(conda);
        }
        // Where conda writes down its environments, wherever they are.
        let listed = fs::read_to_string(home.join(".conda/environments.txt")).unwrap_or_default();
        folders.extend(listed.lines().map(str::trim).filter(|line| !line.is_empty()).map(PathBuf::from));
        for parent in parents {
            folders.extend(sorted_entries(&parent));
        }
        folders
    }
}

/// The interpreters that lie directly in `folder`; a link to nowhere is one too, so that it is told of.
fn interpreters_in(folder: &Path) -> impl Iterator<Item = PathBuf> {
    sorted_entries(folder).into_iter().filter(|path| {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        is_interpreter_name(name.strip_suffix(env::consts::EXE_SUFFIX).unwrap_or_default()) && !path.is_dir()
    })
}

/// What `folder` holds, by name; nothing if it cannot be read.
fn sorted_entries(folder: &Path) -> Vec<PathBuf> {
    let mut entries: Vec<PathBuf> = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    entries.sort();
    entries
}

/// Whether a file of this name is run to see what it is: `python`, `python3`, `python3.13`, `python3.13t`, `pypy3`, `pypy3.11`.
fn is_interpreter_name(name: &str) -> bool {
    let Some(version) = name.strip_prefix("python").or_else(|| name.strip_prefix("pypy")) else { return false };
    let version = version.strip_suffix('t').unwrap_or(version);
    version.is_empty() || version.split('.').all(|number| !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn interpreters_are_told_from_what_lies_beside_them_by_name() {
        for name in ["python", "python3", "python3.9", "python3.15", "python3.13t", "pypy3", "pypy3.11", "python2.7"] {
            assert!(is_interpreter_name(name), "{name}");
        }
        for name in ["python-config", "python3-config", "python3.", "pythonw", "ipython", "pypy3clean", "python3.12-gdb.py", "py"]
        {
            assert!(!is_interpreter_name(name), "{name}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn pythons_are_found_where_pyenv_uv_conda_asdf_homebrew_and_people_install_them() {
        let scratch = tempfile::tempdir().unwrap();
        let (root, home) = (scratch.path(), scratch.path().join("home/someone"));
        let expected = [
            "named/python3.9",
            "on-path/python3",
            "usr/bin/python3.11",
            "usr/local/bin/python3",
            "opt/homebrew/bin/python3.13",
            "home/linuxbrew/.linuxbrew/bin/python3.12",
            "home/someone/.pyenv/versions/3.10.13/bin/python3.10",
            "home/someone/.pyenv/versions/pypy3.11-7.3.20/bin/pypy3",
            "home/someone/.local/share/uv/python/cpython-3.14.2-linux-x86_64-gnu/bin/python3.14",
            "home/someone/.asdf/installs/python/3.8.18/bin/python3.8",
            "home/someone/miniconda3/bin/python",
            "home/someone/miniconda3/envs/old/bin/python3.7",
            "elsewhere/env/bin/python",
            "opt/conda/bin/python3",
            "opt/conda/envs/new/bin/python",
            "opt/python3.6/bin/python3.6",
            "opt/python/3.12.1/bin/python3",
            "opt/homebrew/opt/python@3.9/bin/python3.9",
        ];
        let of_other_names = ["usr/bin/python3-config", "opt/conda/bin/ipython", "home/someone/.pyenv/versions/3.10.13/bin/pip"];
        for file in expected.iter().chain(&of_other_names) {
            let path = root.join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        std::os::unix::fs::symlink(root.join("gone"), root.join("usr/bin/python3.5")).unwrap();
        fs::create_dir_all(home.join(".conda")).unwrap();
        fs::write(home.join(".conda/environments.txt"), format!("{}\n\n", root.join("elsewhere/env").display())).unwrap();
        let variable = |name: &str| match name {
            VARIABLE => Some(root.join("named/python3.9").into()),
            "PATH" => Some(root.join("on-path").into()),
            "HOME" => Some(home.clone().into()),
            _ => None,
        };
        let mut found = Places { variable, root: root.to_owned() }.candidates();
        found.sort();
        // What lies in a folder of the system and in that of an installation is named twice, and asked once.
        found.dedup();
        let mut expected: Vec<PathBuf> = expected.iter().chain(&["usr/bin/python3.5"]).map(|file| root.join(file)).collect();
        expected.sort();
        assert_eq!(found, expected);
    }

    #[test]
    fn folders_that_the_environment_names_are_looked_into() {
        let scratch = tempfile::tempdir().unwrap();
        let name = |version: &str| format!("{version}{}", env::consts::EXE_SUFFIX);
        let named = [
            ("PYENV_ROOT", "versions/3.9"),
            ("UV_PYTHON_INSTALL_DIR", "a"),
            ("ASDF_DATA_DIR", "installs/python/b"),
            ("CONDA_PREFIX", ""),
        ];
        for (variable, below) in named {
            let folder = scratch.path().join(variable);
            let path = folder.join(below).join("bin").join(name("python3"));
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, "").unwrap();
            let said = |name: &str| (name == variable).then(|| folder.clone().into());
            let found = Places { variable: said, root: scratch.path().join("empty") }.candidates();
            assert_eq!(found, [path], "{variable}");
        }
    }
}
