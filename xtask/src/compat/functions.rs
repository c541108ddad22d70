//! The checks of functions and classes: `functions`, `history`, `live`, `cross`.

use cloud_reduce::{Function, Implementation, PythonVersion, functions as functions_in};
use pickle_emit::{GraphEncoder, graph_to_vec};
use pickle_graph::{Graph, is_isomorphic};
use pickle_opcodes::Protocol;
use serde::Deserialize;
use serde_json::json;

use super::{
    program::{Program, programs},
    setting::{Failure, Outcome, Setting, both},
    value::{Value, hex, unhex, values},
    wire,
    worker::Worker,
};
use crate::{python::Python, venv::UPSTREAM};

/// What an interpreter says of a function.
#[derive(Deserialize, PartialEq, Debug, Default)]
struct Facts {
    name: String,
    qualname: String,
    module: Option<String>,
    doc: Option<String>,
    globals: Vec<String>,
    defaults: usize,
    kwdefaults: Vec<String>,
    dict: Vec<String>,
    /// Names, and whether the cell is full.
    closure: Vec<(String, bool)>,
    /// Arguments, those before `/`, those behind `*`, local variables, stack, flags, first line, constants.
    numbers: [i64; 8],
    varnames: Vec<String>,
    names: Vec<String>,
    co_code: String,
}

#[derive(Deserialize)]
struct Pickled {
    class: Option<String>,
    pickle: String,
    calls: String,
}

/// What became of an object that a release was given.
#[derive(Deserialize)]
#[serde(untagged)]
enum Dump {
    Failed { failed: String },
    Pickled(Pickled),
}

/// What became of a pickle in another process.
#[derive(Deserialize, Debug)]
#[serde(rename_all = "lowercase")]
enum Told {
    /// It does not load.
    Failed(String),
    Loaded {
        /// What the calls gave.
        outcomes: Vec<String>,
        /// What the interpreter says of the function, if it is one.
        facts: Option<Box<Facts>>,
    },
}

/// What the model says of the function that a node is.
fn facts(function: &Function<'_>) -> anyhow::Result<Facts> {
    let sorted = |mut names: Vec<String>| {
        names.sort();
        names
    };
    let code = &function.code;
    let mut closure = Vec::new();
    for captured in function.closure() {
        let captured = captured?;
        closure.push((captured.name.to_string(), captured.cell.contents.is_some()));
    }
    Ok(Facts {
        name: function.name.to_string(),
        qualname: function.qualname.map(|name| name.to_string()).unwrap_or_default(),
        module: function.module.map(|name| name.to_string()),
        doc: function.doc_text().map(|text| text.to_string()),
        globals: sorted(function.globals.names().map(|name| name.to_string()).collect()),
        defaults: function.defaults.len(),
        kwdefaults: sorted(function.kwdefaults.names().map(|name| name.to_string()).collect()),
        dict: sorted(function.dict.names().map(|name| name.to_string()).collect()),
        closure,
        numbers: [
            code.argcount().into(),
            code.posonlyargcount().into(),
            code.kwonlyargcount().into(),
            code.nlocals().into(),
            code.stacksize().into(),
            code.flags().into(),
            code.firstlineno().into(),
            code.consts().len() as i64,
        ],
        varnames: code.varnames().iter().map(|name| name.to_string()).collect(),
        names: code.names().iter().map(|name| name.to_string()).collect(),
        co_code: hex(&code.co_code()),
    })
}

/// Compares the models with what the interpreter says of the same function or class.
fn compare(graph: &Graph, pickled: &Pickled, copy: Option<&Facts>, python: &Python) -> anyhow::Result<Option<Failure>> {
    if let Some(theirs) = copy {
        let function = Function::read(graph, graph.root())?;
        let ours = facts(&function)?;
        if let Some(failure) = Failure::unless_same("what the function is", &ours, theirs) {
            return Ok(Some(failure));
        }
        if !function.code.shape(|shape| shape.may_be_made_by(python.implementation(), python.version)) {
            let versions: Vec<String> = function.versions().iter().map(|(_, version)| version.to_string()).collect();
            return Ok(Some(Failure::new("which versions may have made it", versions.join(", "), python.to_string())));
        }
    }
    if let Some(name) = &pickled.class {
        let names: Vec<String> =
            cloud_reduce::classes(graph).map(|class| class.map(|class| class.name.to_string())).collect::<Result<_, _>>()?;
        if !names.contains(name) {
            return Ok(Some(Failure::new("the classes in the pickle", names.join(", "), name.clone())));
        }
    }
    // Nothing that the pickle holds by value is without a model.
    for function in functions_in(graph) {
        function?;
    }
    Ok(None)
}

/// The models of what a release of cloudpickle wrote are what the interpreter says of the same objects; what Rust reads and writes
/// again loads and does the same.
fn of_release(setting: &Setting, python: &Python, release: &str, highest: u8, fixed: &[Program], cases: u32) -> Outcome {
    let folder = match setting.release(release) {
        Ok(folder) => folder,
        Err(why) => return Outcome::NotRun(format!("cloudpickle {release} could not be installed: {why}")),
    };
    let mut writer = Setting::worker(&python.path, std::slice::from_ref(&folder));
    let mut reader = Setting::worker(&python.path, &[folder]);
    let ours = setting.module_if_built(python);
    let mut by_us = ours.map(|module| Setting::worker(&module.python, &[]));
    setting.try_cases(&format!("functions {release}"), fixed, cases, &programs(python.version), |program| {
        for protocol in [2, highest] {
            let request = json!({ "source": program.source, "protocol": protocol });
            let pickled = match writer.ask("programs.dump", request)? {
                Dump::Pickled(pickled) => pickled,
                Dump::Failed { .. } if release != upstream() => return Ok(None), // old releases know fewer types
                Dump::Failed { failed } => return Ok(Some(Failure::new("pickled by upstream", "a case", failed))),
            };
            let pickle = unhex(&pickled.pickle)?;
            let graph = pickle_parse::graph(pickle.clone())?;
            // What the release itself makes of its pickle is what it means; old ones lose some of what the object was.
            let (outcomes, copy) = match call(&mut reader, &pickled.pickle, &pickled.calls, json!({}))? {
                Told::Loaded { outcomes, facts } => (outcomes, facts),
                Told::Failed(_) => return Ok(None), // nor can that release load it
            };
            if let Some(failure) = compare(&graph, &pickled, copy.as_deref(), python)? {
                return Ok(Some(failure));
            }
            let again = graph_to_vec(&graph)?;
            // Before that, cloudpickle's pickler was written in Python, with a form of its own.
            let by_c_pickler = python.version >= PythonVersion::new(3, 8);
            let same = if by_c_pickler { again == pickle } else { is_isomorphic(&pickle_parse::graph(again.clone())?, &graph) };
            if !same {
                return Ok(Some(Failure::new("read and written again", hex(&again), pickled.pickle)));
            }
            let other = if protocol == 2 { highest } else { 2 };
            let other = Protocol::ALL[usize::from(other)];
            let other = GraphEncoder::new().protocol(other).encode(&graph)?;
            let what = format!("cloudpickle {release}, protocol {protocol}, written by Rust at another");
            let told = call(&mut reader, &hex(&other), &pickled.calls, json!({}))?;
            if let Some(failure) = unless_called(&what, told, &outcomes) {
                return Ok(Some(failure));
            }
            if let Some(by_us) = &mut by_us {
                let what = format!("cloudpickle {release}, protocol {protocol}, loaded by our module");
                let told = call(by_us, &pickled.pickle, &pickled.calls, json!({ "by_us": true }))?;
                if let Some(failure) = unless_called(&what, told, &outcomes) {
                    return Ok(Some(failure));
                }
            }
        }
        Ok(None)
    })
}

/// Loads a pickle in another process and calls what it was.
fn call(worker: &mut Worker, pickle: &str, calls: &str, mut request: serde_json::Value) -> anyhow::Result<Told> {
    request["pickled"] = pickle.into();
    request["calls"] = calls.into();
    worker.ask("programs.call", request)
}

/// A failure if what was loaded does not do what it must.
fn unless_called(what: &str, told: Told, expected: &[String]) -> Option<Failure> {
    match told {
        Told::Loaded { outcomes, .. } if outcomes == expected => None,
        Told::Loaded { outcomes, .. } => Some(Failure::new(what, format!("{outcomes:?}"), format!("{expected:?}"))),
        Told::Failed(error) => Some(Failure::new(what, error, format!("{expected:?}"))),
    }
}

/// The release that is upstream now.
pub(super) fn upstream() -> &'static str {
    UPSTREAM.trim_start_matches("cloudpickle==")
}

/// Whether the release that is upstream now can be imported in an interpreter.
pub(super) fn upstream_runs_on(python: &Python) -> bool {
    python.is_cpython() && python.version >= PythonVersion::new(3, 8)
}

/// The newest protocol that an interpreter has.
fn highest(python: &Python) -> u8 {
    if python.version.minor < 8 { 4 } else { 5 }
}

/// Models agree with Python's own view of what upstream pickles, and what Rust writes again runs.
pub(super) fn functions(setting: &Setting, python: &Python) -> anyhow::Result<Outcome> {
    let release = upstream();
    if python.version < PythonVersion::new(3, 8) {
        return Ok(Outcome::NotApplicable(format!("cloudpickle {release} is for Python 3.8 and newer; see history")));
    }
    if !python.is_cpython() {
        return Ok(Outcome::NotApplicable(format!("cloudpickle {release} is not for {}", python.name())));
    }
    Ok(of_release(setting, python, release, highest(python), &Program::fixed(python.version), setting.cases(25, 250)))
}

/// Past releases of cloudpickle, and the minor versions of CPython 3 that they ran on, the oldest and the newest.
const RELEASES: [(&str, u8, u8); 10] = [
    ("0.5.6", 6, 6),
    ("0.8.1", 6, 7),
    ("1.2.2", 6, 8),
    ("1.3.0", 6, 8),
    ("1.6.0", 6, 9),
    ("2.0.0", 6, 10),
    ("2.2.1", 6, 11),
    ("3.0.0", 8, 12),
    ("3.1.0", 8, 13),
    ("3.1.1", 8, 14),
];

/// What past releases pickled under the Pythons that they ran on is read, and by our module loaded and run.
pub(super) fn history(setting: &Setting, python: &Python) -> anyhow::Result<Outcome> {
    let runs: Vec<&str> = RELEASES
        .iter()
        .filter(|(_, oldest, newest)| {
            python.is_cpython() && python.version.major == 3 && (*oldest..=*newest).contains(&python.version.minor)
        })
        .map(|(release, ..)| *release)
        .collect();
    if runs.is_empty() {
        return Ok(Outcome::NotApplicable("no past release ran on it".into()));
    }
    // Fewer cases of each: there are many releases.
    let cases = setting.cases(4, 60);
    Ok(runs
        .into_iter()
        .map(|release| of_release(setting, python, release, highest(python), &[], cases))
        .reduce(both)
        .unwrap_or(Outcome::passed(0)))
}

#[derive(Deserialize)]
struct Dumped {
    /// What upstream wrote, and what we wrote.
    pairs: Vec<(String, String)>,
    calls: String,
    outcomes: Vec<String>,
}

#[derive(Deserialize)]
struct DumpedValues {
    pairs: Vec<(String, String)>,
    described: String,
    loaded: Vec<String>,
}

/// The module writes upstream's bytes, and what it writes works in processes that have none of the definitions: by plain `pickle`
/// beside upstream, by plain `pickle` beside our module alone, and by our `loads`.
pub(super) fn live(setting: &Setting, python: &Python) -> anyhow::Result<Outcome> {
    let module = match setting.module(python) {
        Ok(module) => module,
        Err(why) => return Ok(Outcome::NotRun(why)),
    };
    if !python.is_cpython() {
        return Ok(Outcome::NotApplicable(format!("upstream is not for {}; see suite", python.name())));
    }
    let mut writer = Setting::worker(&module.python, &[]);
    let mut beside_upstream = Setting::worker(&module.python, &[]);
    let mut alone = Setting::worker_alone(python, &module);
    let of_programs = setting.try_cases(
        "live",
        &Program::fixed(python.version),
        setting.cases(25, 250),
        &programs(python.version),
        |program: &Program| {
            let request = json!({ "source": program.source, "protocols": [2, 3, 4, 5] });
            let dumped: Dumped = writer.ask("programs.dump_both", request)?;
            let mut pickles = Vec::new();
            for (protocol, (upstream, ours)) in (2..).zip(dumped.pairs) {
                if ours != upstream {
                    let case = format!("what upstream and we pickle at protocol {protocol}");
                    return Ok(Some(Failure::new(case, ours, upstream)));
                }
                pickles.push(ours);
            }
            for (is_alone, what, request) in [
                (false, "loaded by pickle beside upstream", json!({})),
                (true, "loaded by pickle where only our module is", json!({ "with_upstream": false })),
                (true, "loaded by our module alone", json!({ "with_upstream": false, "by_us": true })),
            ] {
                let worker = if is_alone { &mut alone } else { &mut beside_upstream };
                for pickle in &pickles {
                    let told = call(worker, pickle, &dumped.calls, request.clone())?;
                    if let Some(failure) = unless_called(what, told, &dumped.outcomes) {
                        return Ok(Some(failure));
                    }
                }
            }
            Ok(None)
        },
    );
    let of_values = setting.try_cases("live values", &Value::fixed(), setting.cases(40, 400), &values(14), |value| {
        let mut request = value.to_json();
        request["protocols"] = json!([0, 1, 2, 3, 4, 5]);
        let dumped: DumpedValues = writer.ask("values.dump_values", request)?;
        for (protocol, ((upstream, ours), loaded)) in dumped.pairs.into_iter().zip(dumped.loaded).enumerate() {
            if ours != upstream {
                let case = format!("what upstream and we pickle at protocol {protocol}");
                return Ok(Some(Failure::new(case, ours, upstream)));
            }
            if loaded != dumped.described {
                return Ok(Some(Failure::new(format!("loaded from {upstream}"), loaded, dumped.described)));
            }
        }
        Ok(None)
    });
    Ok(both(of_programs, of_values))
}

/// Data of all other interpreters is the same here, and a function of another version runs or is refused by that version's name.
pub(super) fn cross(setting: &Setting, python: &Python) -> anyhow::Result<Outcome> {
    let data = wire::data_crosses(setting, python)?;
    let Some(module) = setting.module_if_built(python) else { return Ok(data) };
    let release = upstream();
    let folder = match setting.release(release) {
        Ok(folder) => folder,
        Err(why) => return Ok(both(data, Outcome::NotRun(format!("cloudpickle {release} could not be installed: {why}")))),
    };
    let mut outcome = data;
    let mut reader = Setting::worker(&module.python, &[]);
    let writers = setting.pythons.iter().filter(|other| upstream_runs_on(other) && other.version != python.version);
    for other in writers {
        let mut writer = Setting::worker(&other.path, std::slice::from_ref(&folder));
        // What both have the syntax of.
        let syntax = programs(python.version.min(other.version));
        let tried = setting.try_cases(&format!("functions from {other}"), &[], setting.cases(3, 30), &syntax, |program| {
            let request = json!({ "source": program.source, "protocol": 5 });
            let pickled: Pickled = writer.ask("programs.dump", request)?;
            let graph = pickle_parse::graph(unhex(&pickled.pickle)?)?;
            let runs_here = |function: Function<'_>| {
                function.code.shape(|shape| shape.may_be_made_by(Implementation::CPython, python.version))
            };
            let mut all_run_here = true;
            for function in functions_in(&graph) {
                all_run_here &= runs_here(function?);
            }
            match call(&mut reader, &pickled.pickle, &pickled.calls, json!({ "by_us": true }))? {
                Told::Failed(error) if error.contains("was pickled by") && error.contains(&python.version.to_string()) => {}
                Told::Loaded { .. } if all_run_here => {}
                told => {
                    let expected = format!("refused: pickled by Python {}, and this is {}", other.version, python.version);
                    return Ok(Some(Failure::new("loaded by another version", format!("{told:?}"), expected)));
                }
            }
            Ok(None)
        });
        outcome = both(outcome, tried);
    }
    Ok(outcome)
}
