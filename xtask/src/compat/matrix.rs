//! [`Matrix`]: interpreter by check, as text and as JSON.

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use anyhow::bail;
use serde_json::{Value as Json, json};

use super::{
    Check,
    setting::{Failure, Outcome, Setting},
};
use crate::python::Python;

/// How wide a terminal is taken to be.
const COLUMNS: usize = 80;

/// What one check came to on one interpreter.
pub(super) struct Cell {
    pub(super) python: String,
    path: String,
    pub(super) check: &'static str,
    /// Whether other interpreters have had their say.
    asks_others: bool,
    pub(super) outcome: Outcome,
    pub(super) took: Duration,
}

impl Cell {
    pub(super) fn new(python: &Python, check: &Check, outcome: Outcome, took: Duration) -> Cell {
        let (path, asks_others) = (python.path.display().to_string(), check.asks_others);
        Cell { python: python.name(), path, check: check.name, asks_others, outcome, took }
    }

    /// What stands in the matrix.
    pub(super) fn text(&self) -> String {
        match &self.outcome {
            Outcome::Passed { .. } => format!("ok {:.1}s", self.took.as_secs_f64()),
            Outcome::Failed(_) => "FAILED".into(),
            Outcome::NotRun(_) => "not run".into(),
            Outcome::NotApplicable(_) => "-".into(),
        }
    }

    /// The same in a line of its own.
    pub(super) fn line(&self) -> String {
        let told = match &self.outcome {
            Outcome::Passed { cases, .. } => format!("ok       {cases} cases"),
            Outcome::Failed(failures) => {
                let case = failures.first().and_then(|failure| failure.case.lines().next()).unwrap_or_default();
                format!("FAILED   {}", case.chars().take(60).collect::<String>())
            }
            Outcome::NotRun(why) => format!("not run  {}", why.lines().next().unwrap_or("")),
            Outcome::NotApplicable(why) => format!("-        {why}"),
        };
        format!("{:<10} {:<13} {:>6.1} s  {told}", self.python, self.check, self.took.as_secs_f64())
    }

    fn status(&self) -> &'static str {
        match self.outcome {
            Outcome::Passed { .. } => "passed",
            Outcome::Failed(_) => "failed",
            Outcome::NotRun(_) => "not run",
            Outcome::NotApplicable(_) => "not applicable",
        }
    }

    /// The command that repeats it.
    pub(super) fn again(&self, matrix: &Matrix) -> String {
        let quick = if matrix.quick { " --quick" } else { "" };
        let pythons = if self.asks_others { &matrix.given[..] } else { std::slice::from_ref(&self.path) };
        let pythons: String = pythons.iter().map(|path| format!(" --python {path}")).collect();
        format!("cargo xtask compat{pythons} --check {} --seed {}{quick}", self.check, matrix.seed)
    }
}

/// Every cell of a run.
pub(super) struct Matrix {
    pub(super) pythons: Vec<String>,
    /// Names and claims.
    pub(super) checks: Vec<(&'static str, &'static str)>,
    /// The interpreters that were named, if the installed ones were not looked for.
    given: Vec<String>,
    pub(super) seed: u64,
    pub(super) quick: bool,
    pub(super) took: Duration,
    cells: BTreeMap<(String, &'static str), Cell>,
}

impl Matrix {
    pub(super) fn new(setting: &Setting, checks: &[&Check], given: &[PathBuf], cells: Vec<Cell>, took: Duration) -> Matrix {
        Matrix {
            given: given.iter().map(|path| path.display().to_string()).collect(),
            pythons: setting.pythons.iter().map(Python::name).collect(),
            checks: checks.iter().map(|check| (check.name, check.claim)).collect(),
            seed: setting.seed,
            quick: setting.quick,
            took,
            cells: cells.into_iter().map(|cell| ((cell.python.clone(), cell.check), cell)).collect(),
        }
    }

    pub(super) fn cell(&self, python: &str, check: &'static str) -> Option<&Cell> {
        self.cells.get(&(python.to_owned(), check))
    }

    /// Every cell, interpreter by interpreter.
    pub(super) fn cells(&self) -> impl Iterator<Item = &Cell> {
        self.pythons.iter().flat_map(|python| self.checks.iter().filter_map(|(check, _)| self.cell(python, check)))
    }

    fn failed(&self) -> impl Iterator<Item = (&Cell, &[Failure])> {
        self.cells().filter_map(|cell| match &cell.outcome {
            Outcome::Failed(failures) => Some((cell, &failures[..])),
            _ => None,
        })
    }

    /// Why checks were not run, and which cells say so.
    pub(super) fn reasons(&self) -> BTreeMap<(&'static str, &str), Vec<&Cell>> {
        let mut reasons: BTreeMap<(&'static str, &str), Vec<&Cell>> = BTreeMap::new();
        for cell in self.cells() {
            if let Outcome::NotRun(why) | Outcome::NotApplicable(why) = &cell.outcome {
                reasons.entry((cell.status(), why)).or_default().push(cell);
            }
        }
        reasons
    }

    /// What was counted on the way, and in which cell.
    pub(super) fn notes(&self) -> impl Iterator<Item = (&Cell, &str)> {
        self.cells().flat_map(|cell| match &cell.outcome {
            Outcome::Passed { notes, .. } => notes.iter().map(|note| (cell, note.as_str())).collect(),
            _ => Vec::new(),
        })
    }

    /// The checks with the widths of their columns, as many at a time as a terminal has room for beside a column of `first`.
    fn parts(&self, first: usize) -> Vec<Vec<(&'static str, usize)>> {
        let mut parts: Vec<Vec<(&'static str, usize)>> = Vec::new();
        let mut room = 0;
        for &(check, _) in &self.checks {
            let texts = self.cells().filter(|cell| cell.check == check).map(|cell| cell.text().len());
            let width = texts.chain([check.len()]).max().unwrap_or(0);
            match parts.last_mut() {
                Some(part) if 2 + width <= room => part.push((check, width)),
                _ => {
                    parts.push(vec![(check, width)]);
                    room = COLUMNS.saturating_sub(first);
                }
            }
            room = room.saturating_sub(2 + width);
        }
        parts
    }

    /// Prints the matrix, what was counted, why checks were not run, and each failure.
    pub(super) fn print(&self) {
        let first = self.pythons.iter().map(String::len).max().unwrap_or(0);
        for part in self.parts(first) {
            print!("\n{:first$}", "");
            for (check, width) in &part {
                print!("  {check:<width$}");
            }
            println!();
            for python in &self.pythons {
                print!("{python:first$}");
                for (check, width) in &part {
                    let text = self.cell(python, check).map(Cell::text).unwrap_or_default();
                    print!("  {text:<width$}");
                }
                println!();
            }
        }
        println!();
        for (cell, note) in self.notes() {
            println!("{} {}: {note}", cell.python, cell.check);
        }
        for ((status, why), cells) in self.reasons() {
            let mut checks: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
            for cell in cells {
                checks.entry(&cell.python).or_default().push(cell.check);
            }
            let whose: Vec<String> = checks.iter().map(|(python, checks)| format!("{python}: {}", checks.join(", "))).collect();
            println!("{status}: {}\n    {}", why.trim_end().replace('\n', "\n    "), whose.join("; "));
        }
        for (cell, failures) in self.failed() {
            for failure in failures {
                println!("\n{} {} FAILED\n  {}", cell.python, cell.check, indented(&failure.case, 2));
                println!("  ours:\n    {}\n  Python's:\n    {}", indented(&failure.ours, 4), indented(&failure.theirs, 4));
            }
            println!("  again: {}", cell.again(self));
        }
    }

    /// Sums up.
    ///
    /// # Errors
    ///
    /// When a claim does not hold.
    pub(super) fn verdict(&self) -> anyhow::Result<()> {
        let count = |status: &str| self.cells().filter(|cell| cell.status() == status).count();
        let summary = format!(
            "{} passed, {} failed, {} not run, {} not applicable, in {:.0} s",
            count("passed"),
            count("failed"),
            count("not run"),
            count("not applicable"),
            self.took.as_secs_f64()
        );
        if count("failed") > 0 {
            bail!("{summary}");
        }
        println!("\n{summary}");
        Ok(())
    }

    /// The whole run as JSON.
    pub(super) fn to_json(&self) -> Json {
        let cells: Vec<Json> = self
            .cells()
            .map(|cell| {
                let mut told = json!({
                    "python": cell.python,
                    "path": cell.path,
                    "check": cell.check,
                    "status": cell.status(),
                    "seconds": cell.took.as_secs_f64(),
                });
                match &cell.outcome {
                    Outcome::Passed { cases, notes } => {
                        told["cases"] = (*cases).into();
                        told["notes"] = notes.as_slice().into();
                    }
                    Outcome::NotRun(why) | Outcome::NotApplicable(why) => told["reason"] = why.as_str().into(),
                    Outcome::Failed(failures) => {
                        told["again"] = cell.again(self).into();
                        let failures = failures.iter().map(|f| json!({ "case": f.case, "ours": f.ours, "theirs": f.theirs }));
                        told["failures"] = failures.collect();
                    }
                }
                told
            })
            .collect();
        let checks: Vec<Json> = self.checks.iter().map(|(name, claim)| json!({ "name": name, "claim": claim })).collect();
        json!({
            "seed": self.seed,
            "quick": self.quick,
            "seconds": self.took.as_secs_f64(),
            "pythons": self.pythons,
            "checks": checks,
            "cells": cells,
        })
    }
}

/// A text whose lines after the first are indented, cut where it becomes too long to be read.
fn indented(text: &str, by: usize) -> String {
    const LONGEST: usize = 3000;
    let mut shown: String = text.chars().take(LONGEST).collect();
    if shown.len() < text.len() {
        shown.push_str(&format!(" ... ({} characters; all of them are in --json)", text.chars().count()));
    }
    shown.trim_end().replace('\n', &format!("\n{:by$}", ""))
}
