//! The Rust side of `cargo xtask bench --rust`: measures what it is asked for, while `xtask/python/ratios.py` measures the peers
//! of CPython on the same files.
//!
//! * `ratios corpora FOLDER` writes the generated corpora.
//! * `ratios grow COPIES PICKLE OUT` writes a pickle of a list that holds a pickle's object many times over.
//! * `ratios peak WORK PICKLE` does a work once and prints the most memory that it had, in bytes, where the system tells it.
//! * `ratios serve PICKLE` reads names of works from its standard input, a line each, and answers each with the seconds that it
//!   takes, or with `none` when it cannot be done with this pickle.

use std::{
    error::Error,
    fs,
    hint::black_box,
    io::{self, BufRead as _, Write as _},
    path::Path,
    time::{Duration, Instant},
};

use benches::typed::{Floats, Records, Strings};
use bytes::Bytes;
use deser_value::Value;
use pickle_emit::{graph_to_vec, write_op};
use pickle_opcodes::Op;
use pickle_parse::{Dis, Ops, graph};
use serde::{Serialize, de::DeserializeOwned};

/// A call that is shorter than this is measured many times over.
const SHORT: Duration = Duration::from_millis(20);

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// What is measured: a call, made ready.
type Work<'a> = Box<dyn FnMut() + 'a>;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["corpora", folder] => {
            for corpus in benches::corpora()? {
                fs::write(Path::new(folder).join(format!("{}.pickle", corpus.name)), corpus.pickle)?;
            }
        }
        ["grow", copies, pickle, out] => grow(copies.parse()?, &fs::read(pickle)?, out)?,
        ["peak", name, pickle] => {
            let pickle = Bytes::from(fs::read(pickle)?);
            work(name, &pickle).ok_or("this cannot be done with it")?();
            println!("{}", peak().map_or_else(|| "none".to_owned(), |bytes| bytes.to_string()));
        }
        ["serve", pickle] => serve(&Bytes::from(fs::read(pickle)?))?,
        _ => return Err("usage: ratios corpora FOLDER | grow COPIES PICKLE OUT | peak WORK PICKLE | serve PICKLE".into()),
    }
    Ok(())
}

fn serve(pickle: &Bytes) -> Result<()> {
    drop(graph(pickle.clone())?);
    let mut ready: Option<(String, Option<Work<'_>>)> = None;
    for name in io::stdin().lock().lines() {
        let name = name?;
        if ready.as_ref().is_none_or(|(other, _)| *other != name) {
            drop(ready.take());
            ready = Some((name.clone(), work(&name, pickle)));
        }
        match ready.as_mut().and_then(|(_, work)| work.as_mut()) {
            Some(work) => println!("{}", seconds(work)),
            None => println!("none"),
        }
        io::stdout().flush()?;
    }
    Ok(())
}

fn seconds(work: &mut Work<'_>) -> f64 {
    let started = Instant::now();
    work();
    let once = started.elapsed();
    if once >= SHORT {
        return once.as_secs_f64();
    }
    let times = (SHORT.as_secs_f64() / once.as_secs_f64().max(1e-8)) as u32;
    let started = Instant::now();
    for _ in 0..times {
        work();
    }
    started.elapsed().as_secs_f64() / f64::from(times)
}

/// The most memory that this process ever had, in bytes, as Linux counts it.
fn peak() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.split_whitespace().next()?.parse::<u64>().ok()? * 1024)
}

/// The call of that name, unless the pickle is none of those that it can be done with. What a call returns is dropped in it, as it
/// is in Python.
fn work<'a>(name: &str, pickle: &'a Bytes) -> Option<Work<'a>> {
    Some(match name {
        "ops" => Box::new(move || {
            for op in Ops::new(black_box(pickle)) {
                // The whole op is made, as `genops` makes it.
                let _ = black_box(&op);
            }
        }),
        "graph" => Box::new(move || drop(black_box(graph(black_box(pickle).clone())))),
        "emit" => {
            let graph = graph(pickle.clone()).ok()?;
            Box::new(move || drop(black_box(graph_to_vec(black_box(&graph)))))
        }
        "dis" => {
            Dis::new().write(pickle, &mut io::sink()).ok()?;
            Box::new(move || drop(black_box(Dis::new().write(black_box(pickle), &mut io::sink()))))
        }
        "serde-pickle: value_from_slice" => {
            serde_pickle::value_from_slice(pickle, serde_pickle::DeOptions::new()).ok()?;
            Box::new(move || drop(black_box(serde_pickle::value_from_slice(black_box(pickle), serde_pickle::DeOptions::new()))))
        }
        "serde-pickle: value_to_vec" => {
            let value = serde_pickle::value_from_slice(pickle, serde_pickle::DeOptions::new()).ok()?;
            Box::new(move || drop(black_box(serde_pickle::value_to_vec(black_box(&value), serde_pickle::SerOptions::new()))))
        }
        "deser-pickle: from_slice::<Value>" => {
            let config = deser_pickle::DeserializerConfig::builder().max_shared_events(usize::MAX).build();
            config.from_slice::<Value>(pickle).ok()?;
            Box::new(move || drop(black_box(config.from_slice::<Value>(black_box(pickle)))))
        }
        _ => {
            return typed::<Records>(name, pickle)
                .or_else(|| typed::<Floats>(name, pickle))
                .or_else(|| typed::<Strings>(name, pickle));
        }
    })
}

/// The call of that name with values of a Rust type, if the pickle holds one.
fn typed<'a, T: Serialize + DeserializeOwned + for<'de> deser::Deserialize<'de> + 'a>(
    name: &str,
    pickle: &'a Bytes,
) -> Option<Work<'a>> {
    let value: T = pickle_parse::from_slice(pickle).ok()?;
    Some(match name {
        "serde: from_slice" => Box::new(move || drop(black_box(pickle_parse::from_slice::<T>(black_box(pickle))))),
        "serde-pickle: from_slice" => {
            serde_pickle::from_slice::<T>(pickle, serde_pickle::DeOptions::new()).ok()?;
            Box::new(move || drop(black_box(serde_pickle::from_slice::<T>(black_box(pickle), serde_pickle::DeOptions::new()))))
        }
        "deser-pickle: from_slice" => {
            let config = deser_pickle::DeserializerConfig::builder().max_shared_events(usize::MAX).build();
            config.from_slice::<T>(pickle).ok()?;
            Box::new(move || drop(black_box(config.from_slice::<T>(black_box(pickle)))))
        }
        "serde: to_vec" => Box::new(move || drop(black_box(pickle_emit::to_vec(black_box(&value))))),
        "serde-pickle: to_vec" => {
            Box::new(move || drop(black_box(serde_pickle::to_vec(black_box(&value), serde_pickle::SerOptions::new()))))
        }
        _ => return None,
    })
}

/// Opcodes but no frame, since the frames of the copies would not fit; all copies name the memo of the first.
fn grow(copies: usize, pickle: &[u8], out: &str) -> Result<()> {
    let mut one = Vec::with_capacity(pickle.len());
    for op in Ops::new(pickle) {
        match op?.1 {
            Op::Proto(_) | Op::Frame(_) | Op::Stop => {}
            op => write_op(&mut one, &op)?,
        }
    }
    let mut out = io::BufWriter::new(fs::File::create(out)?);
    out.write_all(b"\x80\x05](")?;
    for _ in 0..copies {
        out.write_all(&one)?;
    }
    out.write_all(b"e.")?;
    out.flush()?;
    Ok(())
}
