//! `cargo xtask demo`: a lambda leaves one Python process and is called in another.

use std::path::Path;

use anyhow::Context as _;
use pickle_parse::dis;
use xshell::{Shell, cmd};

use crate::{
    bench,
    python::{self, Python},
    shipped, target,
    venv::{UPSTREAM, Venv},
};

/// Shows the main job on the first Python that can do it; with no Python, what Rust reads out of pickles that are at hand.
///
/// # Errors
///
/// When a Python is there but a step fails on it.
pub(crate) fn demo(shell: &Shell, given: &[std::path::PathBuf]) -> anyhow::Result<()> {
    title("Looking for a Python, 3.9 or newer");
    let found = python::find(given);
    found.print();
    let folder = target().join("demo");
    shell.create_dir(&folder)?;
    let mut reasons = Vec::new();
    for python in found.with_upstream() {
        title(&format!("A private environment of {python}"));
        println!("$ {} -m venv {}", python.path.display(), folder.join("venv").display());
        match Venv::new(shell, python, folder.join("venv")) {
            Ok(venv) => return on_python(shell, python, &venv, &folder),
            Err(error) => reasons.push(format!("{error:#}")),
        }
        println!("that does not work: {}", reasons[reasons.len() - 1]);
    }
    title("No Python to run on: what Rust reads out of pickles that real interpreters wrote");
    shipped::show(shell)?;
    println!(
        "\nMissing: a CPython from {} that can make virtual environments.\nTo see the whole demo, {}",
        python::supported_versions(),
        python::HOW_TO_INSTALL
    );
    Ok(())
}

fn on_python(shell: &Shell, python: &Python, venv: &Venv<'_>, folder: &Path) -> anyhow::Result<()> {
    title("The module is built and installed (a minute or two the first time)");
    println!("$ maturin build --release && pip install cloudpickle_rs-*.whl");
    venv.install_module()?;

    let program = venv.python();
    title("One process defines a lambda, a function and a class, and pickles them");
    println!("{}", definitions(shell)?);
    cmd!(shell, "{program} xtask/python/make.py {folder}").env_remove("PYTHONPATH").run()?;

    title("A second process, which has none of the definitions, loads and uses them");
    cmd!(shell, "{program} xtask/python/call.py {folder}").env_remove("PYTHONPATH").run()?;

    title("squared.pickle, as Rust reads it");
    let pickle = shell.read_binary_file(folder.join("squared.pickle"))?;
    print!("{}", dis(&pickle).context("our own pickle cannot be listed")?);

    title("How long dumps takes, in one process with the original");
    let upstream = folder.join("upstream");
    let target = ["--upgrade".into(), "--target".into(), upstream.clone().into_os_string(), UPSTREAM.into()];
    match venv.install(&target) {
        Ok(()) => {
            let _path = shell.push_env("PYTHONPATH", &upstream);
            for row in bench::measure(shell, &program, true)? {
                let [ours, original] = row.dumps().context("the script has measured nothing")?;
                println!(
                    "{}: cloudpickle_rs {ours:.1} us, {UPSTREAM} {original:.1} us: {:.1} times faster",
                    row.case,
                    original / ours
                );
            }
        }
        Err(_) => println!("the original is not here, and pip could not install {UPSTREAM}"),
    }
    println!("\nAll of it worked, on {python}. The files are in {}.", folder.display());
    Ok(())
}

/// The part of the first process's script that a reader wants to see.
fn definitions(shell: &Shell) -> anyhow::Result<String> {
    let script = shell.read_file("xtask/python/make.py")?;
    let lines = script.lines().skip_while(|line| !line.starts_with("squared")).take_while(|line| !line.starts_with("folder"));
    let lines: Vec<&str> =
        lines.map(|line| line.split("  # fmt").next().unwrap_or(line)).filter(|line| !line.is_empty()).collect();
    Ok(format!("    {}\n", lines.join("\n    ")))
}

fn title(text: &str) {
    println!("\n== {text}");
}
