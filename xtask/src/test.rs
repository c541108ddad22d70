//! `cargo xtask test`: every check there is.

use std::path::Path;

use anyhow::bail;
use xshell::{Shell, cmd};

use crate::{
    flags::TestOptions,
    python::{self, Python},
    steps::{Steps, quietly},
    venv::{self, UPSTREAM, Venv},
};

/// What cargo's own subcommands need, and how to get it.
const TOOLS: [(&str, &str); 2] = [("fmt", "rustup component add rustfmt"), ("clippy", "rustup component add clippy")];

/// What the module's suite needs besides upstream and pytest: what it imports, and what runs it on all cores.
pub(crate) const SUITE_NEEDS: [&str; 2] = ["hypothesis", "pytest-xdist"];

/// Runs all steps, goes on where one fails, and sums up.
///
/// # Errors
///
/// When a tool is missing or a step failed.
pub(crate) fn test(shell: &Shell, options: &TestOptions) -> anyhow::Result<()> {
    println!("Pythons on this machine:");
    let found = python::find(&options.python);
    found.print();
    println!();
    let pythons = found.one_per_version();
    let mut missing: Vec<String> = TOOLS
        .iter()
        .filter(|(tool, _)| quietly(cmd!(shell, "cargo {tool} --version")).is_err())
        .map(|(tool, install)| format!("`cargo {tool}` is missing: {install}"))
        .collect();
    if pythons.is_empty() && !options.rust_only {
        missing.push(format!("there is no Python to test the module on: {}", python::HOW_TO_INSTALL));
    }
    if !missing.is_empty() {
        bail!("{}", missing.join("\n"));
    }

    let rust = if options.python_only { Vec::new() } else { rust_steps(shell, &pythons) };
    let pythons = if options.rust_only { Vec::new() } else { pythons };
    let mut steps = Steps::new(rust.len() + pythons.iter().map(|python| titles(python).len()).sum::<usize>());
    for (title, command) in rust {
        steps.step(&title, || quietly(command));
    }
    for python in pythons {
        on_python(shell, &mut steps, python, &options.pytest);
    }
    steps.finish()
}

/// The steps that cargo does. The lints of the extension module depend on the Python that it is built for, so the oldest CPython, the
/// newest, and PyPy are checked.
fn rust_steps<'sh>(shell: &'sh Shell, pythons: &[&Python]) -> Vec<(String, xshell::Cmd<'sh>)> {
    let mut steps = vec![
        ("formatting".into(), cmd!(shell, "cargo fmt --all --check")),
        (
            "lints".into(),
            cmd!(shell, "cargo clippy --quiet --workspace --exclude cloudpickle-py --all-targets --all-features -- -D warnings"),
        ),
    ];
    for (index, python) in pythons.iter().enumerate() {
        let is_newest = pythons.get(index + 1).is_none_or(|next| !next.is_cpython());
        if index > 0 && python.is_cpython() && !is_newest {
            continue;
        }
        steps.push((
            format!("lints of the module, {python}"),
            cmd!(shell, "cargo clippy --quiet --package cloudpickle-py --all-targets -- -D warnings")
                .env("PYO3_PYTHON", &python.path),
        ));
    }
    steps.push((
        "Rust tests".into(),
        cmd!(shell, "cargo test --quiet --workspace --exclude cloudpickle-py --all-features --lib --bins --tests --examples"),
    ));
    steps.push((
        "documentation tests".into(),
        cmd!(shell, "cargo test --quiet --workspace --exclude cloudpickle-py --all-features --doc"),
    ));
    steps.push((
        "documentation".into(),
        cmd!(shell, "cargo doc --quiet --workspace --exclude cloudpickle-py --all-features --no-deps")
            .env("RUSTDOCFLAGS", "-D warnings"),
    ));
    steps
}

/// The steps on one interpreter. Upstream makes the pickles that are edited, and cannot be imported on PyPy.
fn titles(python: &Python) -> Vec<String> {
    let edited = python.is_cpython().then_some("edited pickles");
    ["environment", "module built", "module's tests"].into_iter().chain(edited).map(|what| format!("{python}: {what}")).collect()
}

/// Builds the module for one interpreter and runs its suite there.
fn on_python(shell: &Shell, steps: &mut Steps, python: &Python, pytest: &[String]) {
    let titles = titles(python);
    let venv = steps.step(&titles[0], || {
        let venv = Venv::of_module(shell, python)?;
        venv.install(&[UPSTREAM, "pytest"].into_iter().chain(SUITE_NEEDS).collect::<Vec<_>>())?;
        Ok(venv)
    });
    let Some(venv) = venv else {
        titles[1..].iter().for_each(|title| steps.skip(title));
        return;
    };
    if let Some(title) = titles.get(3) {
        steps.step(title, || edited_pickles(shell, &venv.python()));
    }
    if steps.step(&titles[1], || venv.install_module_if_changed()).is_none() {
        steps.skip(&titles[2]);
        return;
    }
    let (program, cache) = (venv.python(), venv::folder().join("pytest-cache"));
    steps.step(&titles[2], || {
        quietly(
            cmd!(
                shell,
                "{program} -m pytest --quiet --numprocesses auto -o cache_dir={cache} crates/cloudpickle-py/tests {pytest...}"
            )
            .env_remove("PYTHONPATH"),
        )
    });
}

/// Pickles by upstream, edited and built by Rust alone, work in a Python.
fn edited_pickles(shell: &Shell, python: &Path) -> anyhow::Result<()> {
    let folder = shell.create_dir(venv::folder().join("edited"))?;
    quietly(cmd!(shell, "{python} xtask/python/edited/make.py cloudpickle {folder}"))?;
    quietly(cmd!(shell, "cargo run --quiet --package cloud-reduce --example edit {folder}"))?;
    quietly(cmd!(shell, "{python} xtask/python/edited/check.py {folder}"))
}
