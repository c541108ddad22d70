//! `pkl scan`: whether loading files would do what no policy allows.

use std::{
    fs,
    io::{self, BufWriter, IsTerminal, Write},
    path::{Path, PathBuf},
    process::ExitCode,
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};

use anstream::{AutoStream, ColorChoice};
use anstyle::Style;
use anyhow::Result;
use clap::Args;
use cloud_reduce::{Member, Policy, ScanLimits, has_pickle_name, scan_file_within};
use indicatif::{ProgressBar, ProgressStyle};
use pickle_parse::ErrorKind;
use serde_json::{Value, json};

use crate::{
    input::Input,
    judged::{Allowed, finding_json},
    style,
};

/// Look for pickles that would do more, when they are loaded, than a policy allows
///
/// Files, whole folders, zip archives (such as PyTorch's .pt, and .npz), .npy, and what zlib or gzip compressed, as joblib does it. In
/// folders, files that are no pickles are passed over. The policy is `models` unless given: what ordinary models of scikit-learn,
/// numpy and PyTorch need, and plain data.
///
/// What cannot be looked into counts as a finding: 7z, tar, bzip2, xz, LZMA, LZ4, Zstandard and RAR, a member that needs a password,
/// what is damaged, archives deeper within each other than four.
///
/// An opcode that one byte holds may take 50 bytes of memory. So that a small file that unpacks to very many of them takes no more than
/// its share, no more are looked at than eight for each byte of the file, or --max-opcodes; what has more cannot be read.
///
/// The exit code is 0 where nothing was found, 1 where something was, and 2 where nothing was found but a file cannot be read, or
/// where the command line is wrong.
#[derive(Args)]
#[command(after_help = "\
Examples:
  pkl scan model.pt
  pkl scan --policy sklearn --allow 'new:acme.**' models/
  pkl scan --policy cloudpickle,numpy jobs/
  pkl scan --json downloads/ | jq '.files[] | select(.members[].findings != [])'")]
pub(crate) struct Scan {
    /// Files and folders; `-` is standard input
    #[arg(value_name = "PATH", required = true)]
    paths: Vec<Input>,

    #[command(flatten)]
    allowed: Allowed,

    /// How many opcodes a file may have, where that is more than eight for each of its bytes
    #[arg(long, value_name = "N", default_value_t = ScanLimits::DEFAULT.opcodes)]
    max_opcodes: u64,

    /// How many bytes a file may unpack to beyond its own; one that unpacks to more is a finding
    #[arg(long, value_name = "BYTES", default_value_t = ScanLimits::DEFAULT.unpacked)]
    max_unpacked: u64,

    /// Tell it all in JSON
    #[arg(long)]
    json: bool,

    /// Tell of each file, not only of those with findings
    #[arg(short, long)]
    verbose: bool,
}

/// How much is written at once, and how much of a file is read at first, in bytes.
const OUTPUT: usize = 1 << 16;
const SMALL: usize = 1 << 16;

/// A file to scan.
struct Target {
    input: Input,
    /// It was found in a folder, where not every file is a pickle.
    in_folder: bool,
}

/// What became of a file.
enum Outcome {
    Scanned(Vec<Member>),
    NoPickle,
    Unreadable(String),
}

impl Scan {
    pub(crate) fn run(&self) -> Result<ExitCode> {
        let policy = self.allowed.policy(Policy::models);
        let mut targets = Vec::new();
        let mut unreadable = Vec::new();
        for input in &self.paths {
            match input.path().filter(|path| path.is_dir()) {
                Some(folder) => walk(folder, &mut targets, &mut unreadable),
                None => targets.push(Target { input: input.clone(), in_folder: false }),
            }
        }
        let mut limits = ScanLimits::default();
        (limits.opcodes, limits.unpacked) = (self.max_opcodes, self.max_unpacked);
        let outcomes = scan_all(&targets, &policy, &limits);
        let has_colours = AutoStream::choice(&io::stdout()) != ColorChoice::Never;
        // To leave colours away from the start costs less than to take them out again.
        let stdout: Box<dyn Write> =
            if has_colours { Box::new(anstream::stdout().lock()) } else { Box::new(io::stdout().lock()) };
        let mut out = BufWriter::with_capacity(OUTPUT, stdout);
        let tally = if self.json {
            write_json(&mut out, &targets, &outcomes, &unreadable)?
        } else {
            let styles =
                [style::BAD, style::HINT, style::DIM, style::GOOD].map(|style| if has_colours { style } else { Style::new() });
            self.write(&mut out, styles, &targets, &outcomes, &unreadable)?
        };
        out.flush()?;
        Ok(match tally {
            Tally { with_findings: 1.., .. } => ExitCode::from(1),
            Tally { unreadable: 1.., .. } => ExitCode::from(2),
            _ => ExitCode::SUCCESS,
        })
    }

    fn write(
        &self,
        out: &mut impl Write,
        [bad, hint, dim, good]: [Style; 4],
        targets: &[Target],
        outcomes: &[Outcome],
        unreadable: &[String],
    ) -> Result<Tally> {
        let mut tally = Tally::new(outcomes, unreadable);
        for (target, outcome) in targets.iter().zip(outcomes) {
            let name = || style::name(&target.input.to_string());
            match outcome {
                Outcome::NoPickle => {}
                Outcome::Unreadable(error) => writeln!(out, "{bad}{}:{bad:#} cannot be read: {error}", name())?,
                Outcome::Scanned(members) => {
                    if self.verbose && !members.iter().any(|member| has_findings(member) || member.scan.error.is_some()) {
                        writeln!(out, "{}: {good}nothing found{good:#}", name())?;
                    }
                    for member in members.iter().filter(|member| has_findings(member) || member.scan.error.is_some()) {
                        let path = match &*member.path {
                            "" => name(),
                            path => format!("{}!{}", name(), style::name(path)),
                        };
                        match &member.scan.error {
                            Some(error) if matches!(error.kind(), ErrorKind::Limit { .. }) => {
                                writeln!(out, "{bad}{path}:{bad:#} cannot be read to its end: {error}")?;
                                writeln!(out, "    {dim}to allow more:{dim:#} {hint}--max-opcodes N{hint:#}")?;
                            }
                            Some(error) => writeln!(out, "{bad}{path}:{bad:#} cannot be read as a pickle: {error}")?,
                            None => {}
                        }
                        for finding in &member.scan.findings {
                            writeln!(out, "{bad}{path}:{bad:#} {finding}")?;
                            if let Some(rule) = &finding.rule {
                                writeln!(out, "    {dim}to allow it:{dim:#} {hint}--allow '{rule}'{hint:#}")?;
                            }
                        }
                    }
                }
            }
        }
        for error in unreadable {
            writeln!(out, "{bad}{}{bad:#}", style::name(error))?;
        }
        tally.scanned += tally.with_findings + tally.unreadable;
        writeln!(
            out,
            "{} scanned, {} with findings, {} unreadable",
            files(tally.scanned),
            tally.with_findings,
            tally.unreadable
        )?;
        Ok(tally)
    }
}

/// How many files there were of each kind.
#[derive(Default)]
struct Tally {
    scanned: usize,
    with_findings: usize,
    unreadable: usize,
}

impl Tally {
    fn new(outcomes: &[Outcome], unreadable: &[String]) -> Tally {
        let mut tally = Tally { unreadable: unreadable.len(), ..Tally::default() };
        for outcome in outcomes {
            match outcome {
                Outcome::NoPickle => {}
                Outcome::Unreadable(_) => tally.unreadable += 1,
                Outcome::Scanned(members) if members.iter().any(has_findings) => tally.with_findings += 1,
                Outcome::Scanned(members) if members.iter().any(|member| member.scan.error.is_some()) => tally.unreadable += 1,
                Outcome::Scanned(_) => tally.scanned += 1,
            }
        }
        tally
    }
}

fn files(count: usize) -> String {
    if count == 1 { "1 file".to_owned() } else { format!("{count} files") }
}

fn has_findings(member: &Member) -> bool {
    !member.scan.findings.is_empty()
}

/// All files below a folder, in the order of their names. Links to folders are not followed.
fn walk(folder: &Path, targets: &mut Vec<Target>, unreadable: &mut Vec<String>) {
    let mut pending = vec![folder.to_owned()];
    while let Some(path) = pending.pop() {
        let entries = fs::read_dir(&path).and_then(Iterator::collect::<io::Result<Vec<_>>>);
        let mut entries = match entries {
            Ok(entries) => entries,
            Err(error) => {
                unreadable.push(format!("{}: {error}", path.display()));
                continue;
            }
        };
        entries.sort_by_cached_key(fs::DirEntry::file_name);
        let mut folders: Vec<PathBuf> = Vec::new();
        for entry in entries {
            let path = entry.path();
            // Only links have to be asked again what they lead to.
            let kind = match entry.file_type() {
                Ok(kind) if kind.is_symlink() => fs::metadata(&path).map(|metadata| (metadata.file_type(), true)),
                kind => kind.map(|kind| (kind, false)),
            };
            match kind {
                Ok((kind, false)) if kind.is_dir() => folders.push(path),
                // Pipes and devices have no end.
                Ok((kind, _)) if kind.is_file() => {
                    targets.push(Target { input: path.into_os_string().into(), in_folder: true });
                }
                Err(error) if has_pickle_name(&path.to_string_lossy()) => {
                    unreadable.push(format!("{}: {error}", path.display()));
                }
                _ => {}
            }
        }
        pending.extend(folders.into_iter().rev());
    }
}

/// Scans files, several at a time.
fn scan_all(targets: &[Target], policy: &Policy, limits: &ScanLimits) -> Vec<Outcome> {
    let next = AtomicUsize::new(0);
    let workers = thread::available_parallelism().map_or(1, usize::from).min(targets.len());
    let progress = progress(targets.len());
    let mut found: Vec<(usize, Outcome)> = thread::scope(|scope| {
        let work = || {
            let mut found = Vec::new();
            let mut buffer = vec![0; SMALL];
            loop {
                let index = next.fetch_add(1, Ordering::Relaxed);
                let Some(target) = targets.get(index) else { return found };
                found.push((index, scan_one(target, policy, limits, &mut buffer)));
                progress.inc(1);
            }
        };
        let workers: Vec<_> = (1..workers).map(|_| scope.spawn(work)).collect();
        let mut found = work();
        for worker in workers {
            match worker.join() {
                Ok(more) => found.extend(more),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        found
    });
    progress.finish_and_clear();
    found.sort_by_key(|&(index, _)| index);
    found.into_iter().map(|(_, outcome)| outcome).collect()
}

fn progress(files: usize) -> ProgressBar {
    if files < 2 || !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(files as u64);
    match ProgressStyle::with_template("{bar:40} {pos} of {len} files, {eta} left") {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

fn scan_one(target: &Target, policy: &Policy, limits: &ScanLimits, buffer: &mut [u8]) -> Outcome {
    let data = match target.input.read_by(buffer) {
        Ok(data) => data,
        Err(error) => return Outcome::Unreadable(format!("{:#}", error.root_cause())),
    };
    let is_expected = !target.in_folder || has_pickle_name(&target.input.to_string());
    let mut members = scan_file_within(data, policy, limits);
    if !is_expected {
        // The first opcodes of many a text are those of a pickle.
        members.retain(|member| !member.path.is_empty() || member.scan.looks_like_a_pickle());
    }
    if members.is_empty() && !is_expected { Outcome::NoPickle } else { Outcome::Scanned(members) }
}

fn write_json(out: &mut impl Write, targets: &[Target], outcomes: &[Outcome], unreadable: &[String]) -> Result<Tally> {
    let tally = Tally::new(outcomes, unreadable);
    let files: Vec<Value> = targets
        .iter()
        .zip(outcomes)
        .filter_map(|(target, outcome)| {
            let path = target.input.to_string();
            Some(match outcome {
                Outcome::NoPickle => return None,
                Outcome::Unreadable(error) => json!({"path": path, "error": error, "members": []}),
                Outcome::Scanned(members) => json!({
                    "path": path,
                    "error": null,
                    "members": members.iter().map(|member| json!({
                        "path": member.path,
                        "pickles": member.scan.pickles,
                        "trailing": member.scan.trailing,
                        "error": member.scan.error.as_ref().map(ToString::to_string),
                        "findings": member.scan.findings.iter().map(finding_json).collect::<Vec<_>>(),
                    })).collect::<Vec<_>>(),
                }),
            })
        })
        .collect();
    let scanned = tally.scanned + tally.with_findings + tally.unreadable;
    let all = json!({
        "files": files,
        "unreadable": unreadable,
        "scanned": scanned,
        "with_findings": tally.with_findings,
        "cannot_be_read": tally.unreadable,
    });
    writeln!(out, "{all:#}")?;
    Ok(tally)
}
