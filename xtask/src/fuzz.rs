//! `cargo xtask fuzz`: every fuzz target in turn, each for a while.

use std::{
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use anyhow::bail;
use xshell::{Cmd, Shell, cmd};

use crate::{flags::FuzzOptions, root, steps::quietly, target};

/// Where inputs to start from lie, from the root of the workspace. libFuzzer reads them and writes elsewhere.
const SEEDS: [&str; 2] = ["fuzz/seeds", "xtask/pickles"];

/// The opcodes, as a dictionary of libFuzzer's.
const DICTIONARY: &str = "fuzz/opcodes.dict";

/// More memory than this is a finding, in MiB. The targets themselves, with the sanitizer, stay below a quarter of it.
const MEMORY: u32 = 2048;

/// One input that takes longer than this is a finding, in seconds.
const PATIENCE: u32 = 20;

/// Builds the targets, runs them in turn, tells of each, and sums up.
///
/// # Errors
///
/// When a tool is missing, when the targets do not build, or when one of them found something.
pub(crate) fn fuzz(shell: &Shell, options: &FuzzOptions) -> anyhow::Result<()> {
    tools(shell)?;
    let folder = target().join("fuzz");
    let all: Vec<String> = cmd!(shell, "cargo +nightly fuzz list").quiet().read()?.lines().map(str::to_owned).collect();
    if let Some(unknown) = options.targets.iter().find(|name| !all.contains(name)) {
        bail!("there is no fuzz target {unknown:?}: there are {}", all.join(", "));
    }
    let targets = if options.targets.is_empty() { &all } else { &options.targets };
    print!("building {} targets ... ", all.len());
    io::stdout().flush()?;
    quietly(cmd!(shell, "cargo +nightly fuzz build --target-dir {folder}"))?;
    println!("ok");

    let width = targets.iter().map(String::len).max().unwrap_or(0);
    let mut findings = Vec::new();
    for name in targets {
        print!("{name:<width$}  ");
        io::stdout().flush()?;
        let run = Run::new(shell, &folder, name, options.seconds)?;
        println!("{run}");
        if let Some(artefact) = &run.artefact {
            let again = cmd!(shell, "cargo +nightly fuzz run --target-dir {folder} {name} {artefact}");
            println!("\n{}\n\n  input:  {}\n  again:  {again}\n", run.tail, artefact.display());
            findings.push(format!("{name}: {}", artefact.display()));
        } else if !run.ended_well {
            println!("\n{}\n", run.tail);
            findings.push(format!("{name}: it stopped and left no input"));
        }
    }
    if !findings.is_empty() {
        bail!("{} of {} targets found something:\n  {}", findings.len(), targets.len(), findings.join("\n  "));
    }
    println!("nothing was found; what the targets learnt is in {}", folder.join("corpus").display());
    Ok(())
}

/// Checks that a nightly toolchain and cargo-fuzz are there.
fn tools(shell: &Shell) -> anyhow::Result<()> {
    let works = |command: Cmd<'_>| quietly(command).is_ok();
    if !works(cmd!(shell, "cargo +nightly --version")) {
        bail!("fuzzing needs a nightly toolchain: rustup toolchain install nightly --profile minimal");
    }
    if !works(cmd!(shell, "cargo +nightly fuzz --version")) {
        bail!("fuzzing needs cargo-fuzz: cargo install cargo-fuzz --locked");
    }
    Ok(())
}

/// What became of one target.
struct Run {
    ended_well: bool,
    /// How many inputs were tried.
    executions: u64,
    /// Edges of the program that the inputs at hand, and then all inputs, went through.
    coverage: [u64; 2],
    /// The input that was a finding.
    artefact: Option<PathBuf>,
    /// The end of what libFuzzer printed, from the panic on if there was one.
    tail: String,
}

impl Run {
    fn new(shell: &Shell, folder: &Path, name: &str, seconds: u64) -> anyhow::Result<Run> {
        let corpus = shell.create_dir(folder.join("corpus").join(name))?;
        // libFuzzer takes what follows `=` as the beginning of file names.
        let artefacts = shell.create_dir(folder.join("artifacts").join(name))?.join("");
        let artefacts = artefacts.display();
        let seeds = SEEDS.map(|seeds| root().join(seeds));
        let dictionary = root().join(DICTIONARY);
        let dictionary = dictionary.display();
        let (seconds, memory, patience) = (seconds.to_string(), MEMORY.to_string(), PATIENCE.to_string());
        let output = cmd!(shell, "cargo +nightly fuzz run --target-dir {folder} {name} {corpus} {seeds...} --")
            .arg(format!("-dict={dictionary}"))
            .arg(format!("-artifact_prefix={artefacts}"))
            .args([format!("-max_total_time={seconds}"), format!("-rss_limit_mb={memory}"), format!("-timeout={patience}")])
            .arg("-print_final_stats=1")
            .quiet()
            .ignore_status()
            .output()?;
        let mut run = Run::told(&String::from_utf8_lossy(&output.stderr));
        run.ended_well = output.status.success();
        Ok(run)
    }

    /// Reads what libFuzzer prints, such as `#1234 DONE   cov: 812 ft: 2044 corp: 301/9Kb ...`.
    fn told(log: &str) -> Run {
        let number = |line: &str, name: &str| {
            let digits: String = line.split_once(name)?.1.trim_start().chars().take_while(char::is_ascii_digit).collect();
            digits.parse::<u64>().ok()
        };
        let mut run = Run { ended_well: true, executions: 0, coverage: [0; 2], artefact: None, tail: String::new() };
        for line in log.lines() {
            if let Some(path) = line.split_once("Test unit written to ") {
                run.artefact = Some(path.1.trim().into());
            } else if let Some(executions) = number(line, "stat::number_of_executed_units:") {
                run.executions = executions;
            } else if let Some(coverage) = number(line, " cov: ").filter(|_| line.starts_with('#')) {
                run.coverage[1] = coverage;
                if line.contains("INITED") {
                    run.coverage[0] = coverage;
                }
            }
        }
        let lines: Vec<&str> = log.lines().collect();
        let panic = lines.iter().position(|line| line.contains("panicked at") || line.contains("ERROR: "));
        let end = panic.map_or(lines.len(), |panic| (panic + 6).min(lines.len()));
        run.tail = lines[panic.unwrap_or(lines.len().saturating_sub(6))..end].join("\n");
        run
    }
}

impl std::fmt::Display for Run {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let [before, after] = self.coverage;
        let end = if self.artefact.is_none() && self.ended_well { "ok" } else { "FINDING" };
        let Run { executions, .. } = self;
        write!(f, "{end:<8} {executions:>10} executions, coverage {after} (+{})", after.saturating_sub(before))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_libfuzzer_prints_is_understood() {
        let run = Run::told(
            "INFO: seed corpus: files: 171 min: 1b max: 70b total: 9000b rss: 40Mb\n\
             #172\tINITED cov: 800 ft: 2000 corp: 100/4Kb exec/s: 0 rss: 50Mb\n\
             #1234\tNEW    cov: 812 ft: 2044 corp: 101/4Kb lim: 70 exec/s: 0 rss: 60Mb L: 9/70 MS: 1 EraseBytes-\n\
             #20000\tDONE   cov: 815 ft: 2050 corp: 102/4Kb lim: 70 exec/s: 2000 rss: 60Mb\n\
             stat::number_of_executed_units: 20000\n",
        );
        assert_eq!(run.to_string(), "ok            20000 executions, coverage 815 (+15)");
    }

    #[test]
    fn a_finding_is_told_with_its_panic() {
        let run = Run::told(
            "#172\tINITED cov: 800 ft: 2000 corp: 100/4Kb exec/s: 0 rss: 50Mb\n\
             thread '<unnamed>' panicked at fuzz_targets/ops.rs:12:9:\n\
             no\n\
             ==1== ERROR: libFuzzer: deadly signal\n\
             artifact_prefix='x/'; Test unit written to x/crash-1\n",
        );
        assert_eq!(run.artefact.as_deref(), Some(Path::new("x/crash-1")));
        assert!(run.tail.starts_with("thread '<unnamed>' panicked at") && run.to_string().starts_with("FINDING"));
    }
}
