//! The checks of the wire format: `opcodes`, `listing`, `roundtrip`, `values`.

use std::collections::{BTreeMap, BTreeSet};

use cloud_reduce::PythonVersion;
use pickle_emit::{GraphEncoder, OpWriter, graph_to_vec};
use pickle_graph::is_isomorphic;
use pickle_opcodes::{Op, Opcode, Protocol};
use pickle_parse::{Loader, Ops};
use serde::Deserialize;
use serde_json::json;

use super::{
    describe,
    setting::{Failure, Outcome, Setting, both},
    value::{Value, hex, unhex, values},
};
use crate::python::Python;

/// A row of `pickletools.opcodes`.
#[derive(Deserialize, PartialEq, Debug)]
struct Row {
    name: String,
    byte: u8,
    arg: Option<String>,
    before: Vec<String>,
    after: Vec<String>,
    protocol: u8,
}

impl Row {
    fn of(opcode: Opcode) -> Row {
        let names = |items: &[pickle_opcodes::StackItem]| items.iter().map(|item| item.name().to_owned()).collect();
        Row {
            name: opcode.name().to_owned(),
            byte: opcode.byte(),
            arg: opcode.arg().map(|arg| arg.name().to_owned()),
            before: names(opcode.stack_before()),
            after: names(opcode.stack_after()),
            protocol: opcode.protocol().version(),
        }
    }

    /// What Python 2 calls otherwise, in the words of Python 3: its types, and the memo's indices, which it reads as signed.
    fn in_new_words(mut self, python: &Python) -> Row {
        if python.version.major == 2 {
            for name in self.before.iter_mut().chain(&mut self.after) {
                *name = match &name[..] {
                    "str" => "bytes_or_str".into(),
                    "unicode" => "str".into(),
                    "long" => "int".into(),
                    _ => continue,
                };
            }
            if self.name.starts_with("LONG_BIN") {
                self.arg = self.arg.map(|arg| arg.replace("int4", "uint4"));
            }
        }
        self
    }
}

#[derive(Deserialize)]
struct Opcodes {
    opcodes: Vec<Row>,
}

/// Our table says what `pickletools` says of each opcode that it knows, and lacks none.
pub(super) fn opcodes(_: &Setting, python: &Python) -> anyhow::Result<Outcome> {
    let told: Opcodes = Setting::worker(&python.path, &[]).ask("wire.opcodes", json!({}))?;
    let highest = told.opcodes.iter().map(|row| row.protocol).max().unwrap_or(0);
    let mut theirs: BTreeMap<u8, Row> = told.opcodes.into_iter().map(|row| (row.byte, row.in_new_words(python))).collect();
    let mut failures = Vec::new();
    for opcode in Opcode::ALL.into_iter().filter(|opcode| opcode.protocol().version() <= highest) {
        let ours = Row::of(opcode);
        match theirs.remove(&ours.byte) {
            Some(row) => failures.extend(Failure::unless_same(&ours.name.clone(), &ours, &row)),
            None => failures.push(Failure::new(ours.name.clone(), format!("{ours:?}"), "no such opcode")),
        }
    }
    failures.extend(theirs.into_values().map(|row| Failure::new(row.name.clone(), "no such opcode", format!("{row:?}"))));
    Ok(Outcome::of(Opcode::ALL.len(), failures))
}

/// What a worker says of a value.
#[derive(Deserialize)]
struct Made {
    described: String,
    pickles: Vec<String>,
}

/// What an interpreter says that a value is, and the different pickles of it that its picklers write.
fn made(worker: &mut super::worker::Worker, value: &Value) -> anyhow::Result<(String, Vec<Vec<u8>>)> {
    let mut request = value.to_json();
    request["protocols"] = json!([0, 1, 2, 3, 4, 5]);
    let made: Made = worker.ask("values.make", request)?;
    let pickles = made.pickles.iter().map(|pickle| unhex(pickle)).collect::<anyhow::Result<_>>()?;
    Ok((made.described, pickles))
}

#[derive(Deserialize)]
struct Listed {
    listings: Vec<String>,
    optimized: Vec<String>,
}

/// The versions of CPython whose `pickletools` lists as we do. Older ones use other words; 3.14 and later escape and accept more of
/// Python 2's strings, which no Python 3 writes.
const LISTS_ALIKE: [PythonVersion; 2] = [PythonVersion::new(3, 8), PythonVersion::new(3, 13)];

/// A listing without what depends on the version of Unicode, which is 3.13's in ours: which characters are escaped since they cannot
/// be printed, and so how far the annotations stand from them.
fn without_unicode(listing: &str) -> String {
    let mut escaped = String::with_capacity(listing.len());
    for c in listing.chars() {
        match u32::from(c) {
            0..0x80 => escaped.push(c),
            point @ 0x80..0x100 => escaped.push_str(&format!("\\x{point:02x}")),
            point @ 0x100..0x1_0000 => escaped.push_str(&format!("\\u{point:04x}")),
            point => escaped.push_str(&format!("\\U{point:08x}")),
        }
    }
    escaped.split(' ').filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
}

/// Listings and optimized pickles are `pickletools`' own, byte for byte.
pub(super) fn listing(setting: &Setting, python: &Python) -> anyhow::Result<Outcome> {
    let mut writer = Setting::worker(&python.path, &[]);
    let [oldest, newest] = LISTS_ALIKE;
    let is_judge = |python: &&Python| python.is_cpython() && (oldest..=newest).contains(&python.version);
    let judges = setting.pythons.iter().filter(is_judge);
    let Some(judge) = Some(python).filter(|python| python.version >= oldest).or(judges.max_by_key(|python| python.version))
    else {
        return Ok(Outcome::NotRun(format!(
            "its pickletools lists otherwise, and there is no CPython {oldest} to {newest} to ask"
        )));
    };
    // In 3.13 the words of one annotation were mended.
    let annotations: &[usize] = if judge.version < newest { &[0] } else { &[0, 40] };
    let has_our_unicode = judge.version == newest;
    let mut judge = Setting::worker(&judge.path, &[]);
    Ok(setting.try_cases("listing", &Value::fixed(), setting.cases(30, 300), &values(12), |value| {
        let (_, pickles) = made(&mut writer, value)?;
        for &annotate in annotations {
            let request =
                json!({ "pickles": pickles.iter().map(|pickle| hex(pickle)).collect::<Vec<_>>(), "annotate": annotate });
            let listed: Listed = judge.ask("wire.listings", request)?;
            for (i, pickle) in pickles.iter().enumerate() {
                let case = format!("a pickle of {}", hex(pickle));
                let mut ours = Vec::new();
                let told = pickle_parse::Dis::new().annotate(annotate).write(pickle, &mut ours);
                let mut ours = String::from_utf8_lossy(&ours).into_owned();
                if let Err(error) = &told {
                    ours.push_str(&format!("! {}", error.kind()));
                }
                let theirs = &listed.listings[i];
                let is_alike = || !has_our_unicode && without_unicode(&ours) == without_unicode(theirs);
                if ours != *theirs && !is_alike() {
                    return Ok(Some(Failure::new(case, ours, theirs.clone())));
                }
                if told.is_err() {
                    continue;
                }
                let ops: Vec<_> = Ops::new(pickle).map(|op| op.map(|(_, op)| op)).collect::<Result<_, _>>()?;
                let optimized = hex(&pickle_emit::optimize(ops)?);
                if optimized != listed.optimized[i] {
                    return Ok(Some(Failure::new(case, optimized, listed.optimized[i].clone())));
                }
            }
        }
        Ok(None)
    }))
}

/// Ops and graphs of what CPython's picklers wrote come out as the same bytes; of PyPy's, and of what [`forgets_texts`], ops as the
/// same bytes and graphs as the same graphs.
pub(super) fn roundtrip(setting: &Setting, python: &Python) -> anyhow::Result<Outcome> {
    let mut worker = Setting::worker(&python.path, &[]);
    Ok(setting.try_cases("roundtrip", &Value::fixed(), setting.cases(60, 600), &values(14), |value| {
        for pickle in made(&mut worker, value)?.1 {
            let mut writer = OpWriter::with_checks(Vec::new());
            for op in Ops::new(&pickle) {
                writer.write(&op?.1)?;
            }
            if writer.sink() != &pickle {
                return Ok(Some(Failure::new("ops written again", hex(writer.sink()), hex(&pickle))));
            }
            let graph = pickle_parse::graph(pickle.clone())?;
            let written = graph_to_vec(&graph)?;
            // The canonical form is CPython's; PyPy has another one here and there.
            let same = if python.is_cpython() && !forgets_texts(python, &pickle)? {
                written == pickle
            } else {
                is_isomorphic(&pickle_parse::graph(written.clone())?, &graph)
            };
            if !same {
                return Ok(Some(Failure::new("a graph written again", hex(&written), hex(&pickle))));
            }
        }
        Ok(None)
    }))
}

/// Whether a pickle is one of those in which `pickle.py` before 3.13, whose memo has an escaped text in place of the text, wrote a text
/// twice, once in a tuple that holds itself and that it throws away again: nothing of that one is in the graph.
fn forgets_texts(python: &Python, pickle: &[u8]) -> anyhow::Result<bool> {
    let (mut escapes, mut throws_away) = (false, false);
    for op in Ops::new(pickle) {
        match op?.1 {
            Op::Unicode(text) => escapes |= text.contains(&b'\\'),
            Op::Pop => throws_away = true,
            _ => {}
        }
    }
    Ok(python.version < PythonVersion::new(3, 13) && escapes && throws_away)
}

#[derive(Deserialize)]
struct Loaded {
    described: Vec<String>,
}

/// What Python pickles, Rust reads as the same value; what Rust writes, at any protocol, Python loads as the same value.
pub(super) fn values_agree(setting: &Setting, python: &Python) -> anyhow::Result<Outcome> {
    let mut worker = Setting::worker(&python.path, &[]);
    let highest = if python.version.major == 2 {
        2
    } else if python.version.minor < 8 {
        4
    } else {
        5
    };
    let protocols = || Protocol::ALL.into_iter().filter(move |protocol| protocol.version() <= highest);
    let from_python = setting.try_cases("values from Python", &Value::fixed(), setting.cases(40, 400), &values(14), |value| {
        let (described, pickles) = made(&mut worker, value)?;
        // Most of its pickles are the same ones when Rust has written them again.
        let mut written: BTreeMap<Vec<u8>, &[u8]> = BTreeMap::new();
        for pickle in &pickles {
            let graph = pickle_parse::graph(pickle.clone())?;
            if value.is_known() {
                let ours = describe::describe(&graph, graph.root());
                if ours != described {
                    return Ok(Some(Failure::new(format!("read from {}", hex(pickle)), ours, described)));
                }
            }
            for protocol in protocols() {
                written.entry(GraphEncoder::new().protocol(protocol).encode(&graph)?).or_insert(pickle);
            }
        }
        let request = json!({ "pickles": written.keys().map(|pickle| hex(pickle)).collect::<Vec<_>>() });
        let loaded: Loaded = worker.ask("values.load", request)?;
        for (ours, (written, pickle)) in loaded.described.into_iter().zip(written) {
            if ours != described {
                let case = format!("{} written as {}", hex(pickle), hex(&written));
                return Ok(Some(Failure::new(case, ours, described)));
            }
        }
        Ok(None)
    });
    let from_rust = setting.try_cases("values from Rust", &Value::fixed(), setting.cases(40, 400), &values(14), |value| {
        if !value.is_known() {
            return Ok(None);
        }
        let (graph, described) = (value.to_graph(), value.describe());
        let mut written = Vec::new();
        for protocol in protocols() {
            written.push(GraphEncoder::new().protocol(protocol).encode(&graph)?);
        }
        let request = json!({ "pickles": written.iter().map(|pickle| hex(pickle)).collect::<Vec<_>>() });
        let loaded: Loaded = worker.ask("values.load", request)?;
        for (theirs, written) in loaded.described.into_iter().zip(written) {
            if theirs != described {
                return Ok(Some(Failure::new(format!("a pickle that Rust wrote, {}", hex(&written)), described, theirs)));
            }
        }
        Ok(None)
    });
    Ok(both(from_python, from_rust))
}

/// Data of every other interpreter is the same value here: as it is, by our module where it is built, and carried by Rust, which
/// reads it and writes it at the newest protocol that this interpreter has.
pub(super) fn data_crosses(setting: &Setting, python: &Python) -> anyhow::Result<Outcome> {
    let module = setting.module_if_built(python);
    let by_us = module.is_some();
    let mut reader = Setting::worker(module.as_ref().map_or(&python.path, |module| &module.python), &[]);
    let others: Vec<&Python> = setting.pythons.iter().filter(|other| other.slug() != python.slug()).collect();
    if others.is_empty() {
        return Ok(Outcome::NotRun("there is no other Python whose data could be loaded".into()));
    }
    let mut outcome = Outcome::passed(0);
    for other in others {
        let mut writer = Setting::worker(&other.path, &[]);
        let from_python_2 = other.version.major == 2;
        let check = format!("from {}", other.name());
        let tried = setting.try_cases(&check, &[], setting.cases(4, 40), &values(10), |value| {
            // What standard classes pickle as differs from version to version, and of Python 2's `str`s only the reader knows
            // whether they are text.
            if !value.is_known() || (from_python_2 && value.has_names()) {
                return Ok(None);
            }
            let (described, pickles) = made(&mut writer, value)?;
            let mut sent = BTreeSet::new();
            for pickle in pickles {
                let graph = Loader::new().python3_names(from_python_2 && python.version.major > 2).load(pickle.clone())?;
                let protocol = highest_of(python);
                sent.insert((GraphEncoder::new().protocol(protocol).encode(&graph)?, false));
                if graph.protocol() <= protocol && python.version.major >= other.version.major {
                    sent.insert((pickle, true));
                }
            }
            for as_it_is in [false, true] {
                let sent: Vec<String> = sent.iter().filter(|sent| sent.1 == as_it_is).map(|(pickle, _)| hex(pickle)).collect();
                let request = json!({ "pickles": &sent, "writer_is_python_2": from_python_2, "by_us": as_it_is && by_us });
                let loaded: Loaded = reader.ask("values.load", request)?;
                for (theirs, sent) in loaded.described.into_iter().zip(sent) {
                    if theirs != described {
                        let case = format!("a value of {other}, loaded from {sent}");
                        return Ok(Some(Failure::new(case, theirs, described)));
                    }
                }
            }
            Ok(None)
        });
        outcome = both(outcome, tried);
    }
    Ok(outcome)
}

fn highest_of(python: &Python) -> Protocol {
    match (python.version.major, python.version.minor) {
        (2, _) => Protocol::V2,
        (_, 0..8) => Protocol::V4,
        _ => Protocol::V5,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn listings_by_two_versions_of_unicode_are_alike() {
        let (ours, theirs) = ("    0: V    UNICODE    '\\U0001cc00' Push\n", "    0: V    UNICODE    '\u{1cc00}'   Push\n");
        assert_eq!(without_unicode(ours), without_unicode(theirs));
        assert_ne!(without_unicode(ours), without_unicode("    0: V    UNICODE    '\u{1cc01}' Push\n"));
    }
}
