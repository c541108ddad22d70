//! `pkl scan`: whether loading files would do what no policy allows.

mod told;

use std::{
    fs,
    io::{self, BufWriter, IsTerminal, Write},
    ops::Range,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};

use anstream::{AutoStream, ColorChoice};
use anstyle::Style;
use anyhow::Result;
use clap::Args;
use cloud_reduce::{Policy, ScanLimits, has_pickle_name, scan_file_within, scan_reader};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;

use self::told::{Form, Outcome, Verdict, Words};

use crate::{
    input::{Input, Look},
    judged::Allowed,
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
  pkl scan --json downloads/ | jq '.files[] | select(any(.members[]; .findings != [])) | .path'")]
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
        let has_colours = AutoStream::choice(&io::stdout()) != ColorChoice::Never;
        let [bad, hint, dim, good] =
            [style::BAD, style::HINT, style::DIM, style::GOOD].map(|style| if has_colours { style } else { Style::new() });
        let form = match self.json {
            true => Form::Json,
            false => Form::Words(Words { bad, hint, dim, good, verbose: self.verbose }),
        };
        let scanned = scan_all(&targets, &policy, &limits, &form);
        let mut tally = Tally { unreadable: unreadable.len(), ..Tally::default() };
        for (verdict, _) in scanned.files() {
            match verdict {
                Verdict::Clean => tally.clean += 1,
                Verdict::WithFindings => tally.with_findings += 1,
                Verdict::Unreadable => tally.unreadable += 1,
                Verdict::NoPickle => {}
            }
        }
        // To leave colours away from the start costs less than to take them out again.
        let stdout: Box<dyn Write> =
            if has_colours { Box::new(anstream::stdout().lock()) } else { Box::new(io::stdout().lock()) };
        let mut out = BufWriter::with_capacity(OUTPUT, stdout);
        if self.json {
            tally.write_json(&mut out, &scanned, &unreadable)?;
        } else {
            for (_, text) in scanned.files() {
                out.write_all(text.as_bytes())?;
            }
            for error in unreadable {
                writeln!(out, "{bad}{}{bad:#}", style::name(&error))?;
            }
            tally.write(&mut out)?;
        }
        out.flush()?;
        Ok(match tally {
            Tally { with_findings: 1.., .. } => ExitCode::from(1),
            Tally { unreadable: 1.., .. } => ExitCode::from(2),
            _ => ExitCode::SUCCESS,
        })
    }
}

/// How many files there were of each kind.
#[derive(Default)]
struct Tally {
    clean: usize,
    with_findings: usize,
    unreadable: usize,
}

impl Tally {
    fn scanned(&self) -> usize {
        self.clean + self.with_findings + self.unreadable
    }

    fn write(&self, out: &mut impl Write) -> io::Result<()> {
        let files = match self.scanned() {
            1 => "1 file".to_owned(),
            count => format!("{count} files"),
        };
        writeln!(out, "{files} scanned, {} with findings, {} unreadable", self.with_findings, self.unreadable)
    }

    /// An object with the files that were told of and these counts.
    fn write_json(&self, out: &mut impl Write, scanned: &Scanned, unreadable: &[String]) -> Result<()> {
        write!(out, "{{\n  \"cannot_be_read\": {},\n  \"files\": [", self.unreadable)?;
        let mut end = "";
        for (_, text) in scanned.files().filter(|(verdict, _)| *verdict != Verdict::NoPickle) {
            writeln!(out, "{}", if end.is_empty() { "" } else { "," })?;
            out.write_all(text.as_bytes())?;
            end = "\n  ";
        }
        let unreadable = format!("{:#}", json!(unreadable)).replace('\n', "\n  ");
        let (scanned, with_findings) = (self.scanned(), self.with_findings);
        writeln!(
            out,
            "{end}],\n  \"scanned\": {scanned},\n  \"unreadable\": {unreadable},\n  \"with_findings\": {with_findings}\n}}"
        )?;
        Ok(())
    }
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

/// What all files came to.
struct Scanned {
    /// What each thread wrote.
    texts: Vec<String>,
    /// In the order of the files: which of the texts tells of it, and where.
    files: Vec<(Verdict, usize, Range<usize>)>,
}

impl Scanned {
    fn files(&self) -> impl Iterator<Item = (Verdict, &str)> {
        self.files.iter().map(|(verdict, text, range)| (*verdict, &self.texts[*text][range.clone()]))
    }
}

/// Scans files, several at a time. Each thread writes what there is to tell, so that nothing else of a file has to be kept.
fn scan_all(targets: &[Target], policy: &Policy, limits: &ScanLimits, form: &Form) -> Scanned {
    let next = AtomicUsize::new(0);
    let workers = thread::available_parallelism().map_or(1, usize::from).min(targets.len());
    let progress = progress(targets.len());
    let work = || {
        let (mut told, mut text) = (Vec::new(), String::new());
        let mut buffer = vec![0; SMALL];
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(target) = targets.get(index) else { return (told, text) };
            let outcome = scan_one(target, policy, limits, &mut buffer);
            let start = text.len();
            form.tell(&mut text, &target.input, &outcome);
            told.push((index, outcome.verdict(), start..text.len()));
            progress.inc(1);
        }
    };
    let done = thread::scope(|scope| {
        let workers: Vec<_> = (1..workers).map(|_| scope.spawn(work)).collect();
        let mine = work();
        let others = workers.into_iter().map(|worker| worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        [mine].into_iter().chain(others).collect::<Vec<_>>()
    });
    progress.finish_and_clear();
    let (mut texts, mut files) = (Vec::new(), Vec::new());
    for (told, text) in done {
        files.extend(told.into_iter().map(|(index, verdict, range)| (index, (verdict, texts.len(), range))));
        texts.push(text);
    }
    files.sort_unstable_by_key(|(index, _)| *index);
    Scanned { texts, files: files.into_iter().map(|(_, file)| file).collect() }
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
    let scanned = match target.input.look_into(buffer) {
        Ok(Look::Whole(data)) => Ok(scan_file_within(data, policy, limits)),
        Ok(Look::Part(file)) => scan_reader(file, policy, limits).map_err(anyhow::Error::from),
        Err(error) => Err(error),
    };
    let mut members = match scanned {
        Ok(members) => members,
        Err(error) => return Outcome::Unreadable(error.root_cause().to_string()),
    };
    let is_expected = !target.in_folder || has_pickle_name(&target.input.to_string());
    if !is_expected {
        // The first opcodes of many a text are those of a pickle.
        members.retain(|member| !member.path.is_empty() || member.scan.looks_like_a_pickle());
    }
    if members.is_empty() && !is_expected { Outcome::NoPickle } else { Outcome::Scanned(members) }
}
