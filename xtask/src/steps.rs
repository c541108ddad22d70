//! Steps that are told as they happen, and what became of them.

use std::{
    io::{self, Write as _},
    time::{Duration, Instant},
};

use anyhow::bail;
use xshell::Cmd;

/// A run of steps whose number is known before.
pub(crate) struct Steps {
    total: usize,
    started: usize,
    since: Instant,
    failed: Vec<String>,
}

impl Steps {
    pub(crate) fn new(total: usize) -> Steps {
        Steps { total, started: 0, since: Instant::now(), failed: Vec::new() }
    }

    /// Runs a step and tells how it ended; a failure's output is shown in full. Returns what it gave, if it did not fail.
    pub(crate) fn step<T>(&mut self, title: &str, step: impl FnOnce() -> anyhow::Result<T>) -> Option<T> {
        self.started += 1;
        let width = self.total.to_string().len();
        print!("[{:>width$}/{}] {title:<58} ", self.started, self.total);
        let _ = io::stdout().flush();
        let started = Instant::now();
        let result = step();
        let (took, all) = (told(started.elapsed()), told(self.since.elapsed()));
        match result {
            Ok(value) => {
                println!("ok      {took:>7}  (at {all})");
                Some(value)
            }
            Err(error) => {
                println!("FAILED  {took:>7}  (at {all})\n\n{error:#}\n");
                self.failed.push(title.to_owned());
                None
            }
        }
    }

    /// A step that is not run because an earlier one that it needs failed.
    pub(crate) fn skip(&mut self, title: &str) {
        self.step(title, || -> anyhow::Result<()> { bail!("not run: it needs a step that failed") });
    }

    /// Sums up.
    ///
    /// # Errors
    ///
    /// When a step failed.
    pub(crate) fn finish(self) -> anyhow::Result<()> {
        let all = told(self.since.elapsed());
        if self.failed.is_empty() {
            println!("\nall {} steps are ok, in {all}", self.started);
            return Ok(());
        }
        bail!("{} of {} steps failed, in {all}:\n  {}", self.failed.len(), self.started, self.failed.join("\n  "))
    }
}

/// Runs a command without a word unless it fails: then the error is all that it printed.
///
/// # Errors
///
/// When it cannot be run or says that it failed.
pub(crate) fn quietly(command: Cmd<'_>) -> anyhow::Result<()> {
    let line = command.to_string();
    let output = command.quiet().ignore_status().output()?;
    if output.status.success() {
        return Ok(());
    }
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim_end().to_owned();
    bail!("$ {line}\n{}\n{}\n{}", text(&output.stdout), text(&output.stderr), output.status)
}

/// A duration as a person reads it.
fn told(duration: Duration) -> String {
    match duration.as_secs() {
        0..60 => format!("{:.1} s", duration.as_secs_f64()),
        seconds => format!("{}:{:02} m", seconds / 60, seconds % 60),
    }
}
