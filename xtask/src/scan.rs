//! `cargo xtask bench --scan`: `pkl scan` beside picklescan, on the same folders, in turns.

use anyhow::{Context as _, bail};
use xshell::{Shell, cmd};

use crate::{
    flags::BenchOptions,
    python,
    ratios::MEANT,
    target,
    venv::{UPSTREAM, Venv},
};

/// How many times faster than picklescan's command ours is to be, by wall time.
const AIM: f64 = 20.0;

/// The release that is measured, whose rules of what is looked at in a file decide what it takes.
const PICKLESCAN: &str = "picklescan==1.0.5";

/// What the folders are made up from.
const SEED: &str = "1";

/// How the script names our side.
const OURS: &str = "pkl scan";

/// Builds `pkl`, makes the folders, and prints a table of ratios.
///
/// # Errors
///
/// When there is no Python, when picklescan cannot be installed, when `pkl` does not build, or, with `--check`, when the aim is
/// missed.
pub(crate) fn scan(shell: &Shell, options: &BenchOptions) -> anyhow::Result<()> {
    let found = python::find(&options.python);
    let of_3_13 = found.with_upstream().find(|python| python.version == MEANT);
    let Some(python) = of_3_13.or_else(|| found.with_upstream().next()) else {
        found.print();
        bail!("there is no Python to measure beside: {}", python::HOW_TO_INSTALL);
    };
    println!("{python}: installing {PICKLESCAN}");
    let venv = Venv::new(shell, python, target().join("bench").join(format!("{}-picklescan", python.slug())))?;
    venv.install(&[PICKLESCAN, UPSTREAM, "numpy"])?;
    println!("building pkl ...");
    cmd!(shell, "cargo build --quiet --release --package pkl").quiet().run()?;
    let pkl = target().join("release").join(format!("pkl{}", std::env::consts::EXE_SUFFIX));
    let script = "xtask/python/scan.py";
    let (python, folder) = (venv.python(), target().join("bench/scan"));
    shell.remove_path(&folder)?;
    cmd!(shell, "{python} {script} folders {folder} {SEED}").quiet().run()?;

    println!(
        "\nThe best of several rounds, in turns. How many times longer picklescan takes: as a command, and by its function in a"
    );
    println!("process that runs already, beside the command `pkl scan`; the aim is {AIM} for commands, by wall time.\n");
    println!("{:<28}{:>11}{:>11}{:>22}{:>24}", "", OURS, "", "picklescan, command", "picklescan, function");
    println!("{:<28}{:>11}{:>11}{:>11}{:>11}{:>13}{:>11}", "", "wall", "processor", "wall", "processor", "wall", "processor");
    let mut missed = Vec::new();
    for folder in shell.read_dir(&folder)? {
        let text = cmd!(shell, "{python} {script} measure {pkl} {folder}").quiet().read()?;
        let times = text.lines().map(Times::read).collect::<Option<Vec<_>>>();
        let Some([ours, command, function]) = times.as_deref() else { bail!("what is {text:?}?") };
        let name = folder.file_name().context("the folder has no name")?.to_string_lossy();
        let [wall, processor] = ours.0.map(|seconds| format!("{:.1} ms", seconds * 1e3));
        print!("{name:<28}{wall:>11}{processor:>11}");
        for (peer, widths) in [(command, [11, 11]), (function, [13, 11])] {
            for (ratio, width) in peer.by(ours).into_iter().zip(widths) {
                print!("{:>width$}", format!("{ratio:.1}x"));
            }
        }
        println!();
        let [wall, _] = command.by(ours);
        if wall < AIM {
            missed.push(format!("{name}: {wall:.1}x"));
        }
    }
    if missed.is_empty() {
        println!("\nall are as fast as they are to be");
    } else if options.check {
        bail!("below the aim of {AIM}x:\n  {}", missed.join("\n  "));
    } else {
        println!("\nbelow the aim of {AIM}x:\n  {}", missed.join("\n  "));
    }
    Ok(())
}

/// Seconds by the wall and of processors.
struct Times([f64; 2]);

impl Times {
    /// Reads a line of the script.
    fn read(line: &str) -> Option<Times> {
        let (_, times) = line.split_once('\t')?;
        let (wall, processor) = times.split_once('\t')?;
        Some(Times([wall.parse().ok()?, processor.parse().ok()?]))
    }

    /// How many times longer each is than another's.
    fn by(&self, other: &Times) -> [f64; 2] {
        [self.0[0] / other.0[0], self.0[1] / other.0[1]]
    }
}
