//! `cargo xtask bench --rust`: the crates' times and memory beside those of their peers, measured in turns in one run.

use std::{
    fmt, fs,
    io::{BufRead as _, BufReader, Write as _},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

use anyhow::{Context as _, bail};
use cloud_reduce::PythonVersion;
use xshell::{Shell, cmd};

use crate::{flags::BenchOptions, python, python::Python, root, target};

/// The Python that the ratios are meant for, taken where it is installed.
pub(crate) const MEANT: PythonVersion = PythonVersion::new(3, 13);

/// Each work is measured this often, unless that would take longer than [`ENOUGH`].
const ROUNDS: usize = 7;

/// After so many seconds on one work no further round begins.
const ENOUGH: f64 = 3.0;

/// How many times larger the pickles are that show how cost grows, of about 11 MB.
const GROWN: [usize; 2] = [10, 95];

/// Who does a work.
#[derive(Clone, Copy, PartialEq)]
enum Side {
    Rust,
    Python,
}

/// What is measured together: a work of ours, and those of the peers, with how many times faster ours is to be.
struct Race {
    title: &'static str,
    ours: &'static str,
    peers: &'static [Peer],
}

struct Peer {
    side: Side,
    work: &'static str,
    shown: &'static str,
    target: Option<f64>,
}

const fn peer(side: Side, work: &'static str, shown: &'static str, target: Option<f64>) -> Peer {
    Peer { side, work, shown, target }
}

const fn python(work: &'static str, shown: &'static str, target: f64) -> Peer {
    peer(Side::Python, work, shown, Some(target))
}

const fn rust(work: &'static str, target: Option<f64>) -> Peer {
    peer(Side::Rust, work, work, target)
}

const RACES: &[Race] = &[
    Race { title: "ops", ours: "ops", peers: &[python("genops", "pickletools.genops", 50.0)] },
    Race {
        title: "graph",
        ours: "graph",
        peers: &[
            rust("serde-pickle: value_from_slice", Some(8.0)),
            rust("deser-pickle: from_slice::<Value>", None),
            python("loads", "pickle.loads", 2.0),
        ],
    },
    Race {
        title: "graph -> bytes",
        ours: "emit",
        peers: &[python("dumps", "pickle.dumps", 3.0), rust("serde-pickle: value_to_vec", None)],
    },
    Race { title: "listing", ours: "dis", peers: &[python("dis", "pickletools.dis", 30.0)] },
    Race {
        title: "serde, typed",
        ours: "serde: from_slice",
        peers: &[rust("serde-pickle: from_slice", Some(5.0)), rust("deser-pickle: from_slice", Some(5.0))],
    },
    Race { title: "serde, to_vec", ours: "serde: to_vec", peers: &[rust("serde-pickle: to_vec", Some(3.0))] },
];

/// Builds the measuring program, generates the corpora, and prints the table.
///
/// # Errors
///
/// When there is no Python, when the program does not build, or when one of the two sides fails.
pub(crate) fn ratios(shell: &Shell, options: &BenchOptions) -> anyhow::Result<()> {
    let found = python::find(&options.python);
    let of_3_13 = found.with_upstream().find(|python| python.version == MEANT);
    let Some(python) = of_3_13.or_else(|| found.with_upstream().next()) else {
        found.print();
        bail!("there is no Python to measure beside: {}", python::HOW_TO_INSTALL);
    };
    println!("building the measuring program ...");
    cmd!(shell, "cargo build --quiet --release --package benches --example ratios").quiet().run()?;
    let program = target().join("release/examples").join(format!("ratios{}", std::env::consts::EXE_SUFFIX));
    let folder = shell.create_dir(target().join("bench/pickles"))?;
    let sides = Sides { shell, program, python, script: root().join("xtask/python/ratios.py"), folder };
    let (program, folder) = (&sides.program, &sides.folder);
    cmd!(shell, "{program} corpora {folder}").quiet().run()?;
    let pickles = if options.pickles.is_empty() {
        ["records", "floats", "strings", "blobs"].map(|name| folder.join(format!("{name}.pickle"))).to_vec()
    } else {
        options.pickles.clone()
    };

    println!("The best of up to {ROUNDS} rounds, in turns; {python}. A ratio is the peer's time by ours; in brackets, the aim.");
    let mut below = Vec::new();
    for pickle in &pickles {
        measure(&sides, pickle, &mut below)?;
    }
    if options.large {
        grow(&sides)?;
    }
    if below.is_empty() {
        println!("\nall ratios are as high as they are to be");
    } else {
        println!("\nbelow the aim:\n  {}", below.join("\n  "));
    }
    Ok(())
}

/// How the two sides are run.
struct Sides<'a> {
    shell: &'a Shell,
    program: PathBuf,
    python: &'a Python,
    script: PathBuf,
    /// Where pickles are written.
    folder: PathBuf,
}

impl Sides<'_> {
    fn serve(&self, side: Side, pickle: &Path) -> anyhow::Result<Server> {
        let mut command = match side {
            Side::Rust => Command::new(&self.program),
            Side::Python => {
                let mut command = Command::new(&self.python.path);
                command.arg(&self.script);
                command
            }
        };
        let mut child = command.arg("serve").arg(pickle).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let (Some(ask), Some(answers)) = (child.stdin.take(), child.stdout.take()) else { bail!("a process has no pipes") };
        Ok(Server { child, ask, answers: BufReader::new(answers) })
    }

    /// The most memory that a fresh process has while it reads a pickle and does a work with it once, in bytes, beyond what it has
    /// with a pickle of nothing; where the system tells it.
    fn peak(&self, side: Side, work: &str, pickle: &Path) -> anyhow::Result<Option<f64>> {
        let nothing = self.folder.join("nothing.pickle");
        self.shell.write_file(&nothing, b"N.")?;
        let (shell, python, script, program) = (self.shell, &self.python.path, &self.script, &self.program);
        let mut peaks = [0.0; 2];
        for (peak, pickle) in peaks.iter_mut().zip([pickle, &nothing]) {
            let text = match side {
                Side::Rust => cmd!(shell, "{program} peak {work} {pickle}"),
                Side::Python => cmd!(shell, "{python} {script} peak {work} {pickle}"),
            };
            let text = text.quiet().read()?;
            if text.trim() == "none" {
                return Ok(None);
            }
            *peak = text.trim().parse().with_context(|| format!("{text:?} is no number"))?;
        }
        Ok(Some(peaks[0] - peaks[1]))
    }
}

/// A process that measures on request.
struct Server {
    child: Child,
    ask: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Server {
    /// The seconds that a work takes; nothing when it cannot be done.
    fn seconds(&mut self, work: &str) -> anyhow::Result<Option<f64>> {
        writeln!(self.ask, "{work}")?;
        let mut line = String::new();
        self.answers.read_line(&mut line)?;
        match line.trim() {
            "none" => Ok(None),
            "" => bail!("the process that measures {work:?} ended"),
            seconds => Ok(Some(seconds.parse().with_context(|| format!("{seconds:?} is no number"))?)),
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Measures all races on one pickle.
fn measure(sides: &Sides<'_>, pickle: &Path, below: &mut Vec<String>) -> anyhow::Result<()> {
    let length = fs::metadata(pickle)?.len() as f64;
    let name = pickle.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    println!("\n{name}, {}", Bytes(length));
    for race in RACES {
        // Each work in a process of its own, so that what one keeps is in nobody's way.
        let mut servers = vec![sides.serve(Side::Rust, pickle)?];
        for peer in race.peers {
            servers.push(sides.serve(peer.side, pickle)?);
        }
        let works: Vec<&str> = std::iter::once(race.ours).chain(race.peers.iter().map(|peer| peer.work)).collect();
        let best = best_of(&mut servers, &works)?;
        let Some(ours) = best[0] else { continue };
        for (peer, theirs) in race.peers.iter().zip(&best[1..]) {
            let Some(theirs) = *theirs else {
                println!("  {:<15} {:>9}   {:<36} cannot read it", race.title, Seconds(ours).to_string(), peer.shown);
                continue;
            };
            let ratio = theirs / ours;
            let aim = peer.target.map(|target| format!("  ({target})")).unwrap_or_default();
            let (ours, theirs) = (Seconds(ours).to_string(), Seconds(theirs).to_string());
            println!("  {:<15} {ours:>9}   {:<36} {theirs:>9}  {ratio:>7.1}x{aim}", race.title, peer.shown);
            if peer.target.is_some_and(|target| ratio < target) {
                below.push(format!("{name}: {} beside {}: {ratio:.1}x{aim}", race.title, peer.shown));
            }
        }
    }
    let memory = (sides.peak(Side::Rust, "graph", pickle)?, sides.peak(Side::Python, "loads", pickle)?);
    let (Some(ours), Some(theirs)) = memory else { return Ok(()) };
    let (our, their) = (Bytes(ours).to_string(), Bytes(theirs).to_string());
    println!("  {:<15} {our:>9}   {:<36} {their:>9}  {:>7.1}x  (1)", "graph, memory", "pickle.loads", theirs / ours);
    if theirs < ours {
        below.push(format!("{name}: memory beside pickle.loads: {:.2}x  (1)", theirs / ours));
    }
    Ok(())
}

/// The best time of each work, in seconds.
fn best_of(servers: &mut [Server], works: &[&str]) -> anyhow::Result<Vec<Option<f64>>> {
    let mut best = vec![None; works.len()];
    let mut spent = vec![0.0; works.len()];
    for round in 0..ROUNDS {
        for (which, (server, work)) in servers.iter_mut().zip(works).enumerate() {
            if round > 0 && (spent[which] > ENOUGH || best[which].is_none()) {
                continue;
            }
            if let Some(seconds) = server.seconds(work)? {
                spent[which] += seconds;
                best[which] = Some(best[which].map_or(seconds, |best: f64| best.min(seconds)));
            }
        }
        if best[0].is_none() {
            break;
        }
    }
    Ok(best)
}

/// Shows what a byte costs at three sizes.
fn grow(sides: &Sides<'_>) -> anyhow::Result<()> {
    let Sides { shell, program, folder, .. } = sides;
    let smallest = folder.join("records.pickle");
    let mut pickles = vec![smallest.clone()];
    for copies in GROWN {
        let (copy, out) = (copies.to_string(), folder.join(format!("records-{copies}.pickle")));
        cmd!(shell, "{program} grow {copy} {smallest} {out}").quiet().run()?;
        pickles.push(out);
    }
    println!("\nrecords at three sizes: nanoseconds for a byte, and memory for a byte of the pickle");
    println!("{:>12} {:>8} {:>8} {:>15} {:>8} {:>14}", "", "ops", "graph", "graph -> bytes", "listing", "graph, memory");
    for pickle in pickles {
        let length = fs::metadata(&pickle)?.len() as f64;
        let mut nanos = Vec::new();
        for work in ["ops", "graph", "emit", "dis"] {
            let best = best_of(&mut [sides.serve(Side::Rust, &pickle)?], &[work])?;
            nanos.push(best[0].context("it cannot be read")? * 1e9 / length);
        }
        let memory = sides.peak(Side::Rust, "graph", &pickle)?.map_or(f64::NAN, |peak| peak / length);
        let [ops, graph, emit, dis] = nanos[..] else { bail!("four works were measured") };
        println!("{:>12} {ops:>8.3} {graph:>8.3} {emit:>15.3} {dis:>8.3} {memory:>14.2}", Bytes(length).to_string());
        if pickle != smallest {
            shell.remove_path(pickle)?;
        }
    }
    Ok(())
}

/// A time as a person reads it.
struct Seconds(f64);

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            ..1e-4 => write!(f, "{:.2} us", self.0 * 1e6),
            ..1.0 => write!(f, "{:.2} ms", self.0 * 1e3),
            _ => write!(f, "{:.2} s", self.0),
        }
    }
}

/// A size as a person reads it.
struct Bytes(f64);

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 < 1e9 { write!(f, "{:.1} MB", self.0 / 1e6) } else { write!(f, "{:.2} GB", self.0 / 1e9) }
    }
}
