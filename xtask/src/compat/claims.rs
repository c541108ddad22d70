//! The check `claims`, and what README.md claims: the words, and what shows that they hold.

use serde::Deserialize;
use serde_json::json;

use super::setting::{Failure, Outcome, Setting};
use crate::python::Python;

/// What shows a claim.
#[derive(Clone, Copy)]
pub(crate) enum Shown {
    /// A check of `cargo xtask compat`.
    By(&'static str),
    /// A function of `python/compat/claims.py`, which the check `claims` runs.
    Here(&'static str),
    /// The same, where cloudpickle itself can be imported.
    BesideUpstream(&'static str),
    /// Another command, since it takes long or needs more than a Python.
    Command(&'static str),
}

use Shown::{BesideUpstream, By, Command, Here};

/// Words of README.md, as they stand there but for line breaks, and what shows them.
pub(crate) const CLAIMS: &[(&str, &[Shown])] = &[
    ("the same bytes, several times faster", &[By("live"), Command("cargo xtask bench --check")]),
    ("A Rust program reads, writes and judges such pickles", &[By("functions"), By("history"), Command("cargo test")]),
    ("new_squared(2)", &[By("live"), Command("cargo xtask demo")]),
    ("A function of `__main__` takes along what it refers to", &[By("live"), By("functions")]),
    ("**The bytes are those of cloudpickle", &[By("live"), By("suite")]),
    (
        "loads them with plain `pickle.loads` and needs nothing of ours",
        &[By("live"), BesideUpstream("named_for_other_libraries")],
    ),
    ("loads them with plain `pickle.loads` after `import cloudpickle_rs`", &[By("live")]),
    ("Functions that share a variable still share it in the copies", &[Here("shared_variables")]),
    ("cloudpickle gives each copy its own", &[BesideUpstream("upstream_shares_none")]),
    ("A function that shares none has cloudpickle's bytes", &[BesideUpstream("bytes_where_none_is_shared")]),
    ("A class that cannot be hashed", &[Here("unhashable_classes")]),
    ("cloudpickle cannot, but loads it", &[BesideUpstream("upstream_refuses_unhashable_classes"), Here("unhashable_classes")]),
    ("A broken pickle is an `UnpicklingError` that says at which byte and opcode", &[Here("broken_pickles"), By("pickletester")]),
    ("takes no more memory than its length justifies", &[Here("memory_for_broken_pickles"), Command("cargo xtask fuzz")]),
    ("What an intact one calls may raise anything", &[Here("intact_pickles_that_raise")]),
    ("A function that another Python version pickled is refused by that version's name", &[By("cross")]),
    ("What cannot be pickled raises what cloudpickle raises", &[BesideUpstream("what_cloudpickle_raises")]),
    ("with the way to the culprit in the exception's `path`", &[Here("the_way_to_the_culprit")]),
    ("Nothing is written to the file", &[Here("nothing_is_written")]),
    ("`cloudpickle_rs.inspect(data)` tells what a pickle does", &[Here("inspected")]),
    ("DisallowedPickleError: the pickle calls os.system('id')", &[Here("disallowed")]),
    ("`cloudpickle_rs.install()` puts this implementation behind `cloudpickle`", &[BesideUpstream("installed"), By("suite")]),
    ("the workers stay as they are", &[BesideUpstream("named_for_other_libraries"), Command("cargo xtask engines")]),
    ("LOKY_PICKLER=cloudpickle_rs", &[Command("cargo xtask engines joblib")]),
    ("`cargo xtask engines` runs them all", &[Command("cargo xtask engines")]),
    ("What `install` does not reach", &[By("suite")]),
    ("it prints `<lambda>, of 1 argument`", &[By("functions"), Command("cargo test")]),
    ("prints what `python -m pickletools FILE` prints", &[By("listing")]),
    ("the wire format as one table", &[By("opcodes")]),
    ("bytes to opcodes, without copies", &[By("roundtrip"), By("values")]),
    ("opcodes and graphs to bytes, in CPython's own form", &[By("roundtrip"), By("values")]),
    ("code objects of every Python version", &[By("code"), By("functions"), By("history")]),
    ("CPython 3.9 to", &[By("live"), By("suite"), By("pickletester")]),
    ("There cloudpickle itself cannot be imported, unless", &[Here("upstream_answers_by_us")]),
    ("One interpreter of a process can import the module", &[By("suite")]),
    ("a function goes to a process of the same Python minor version", &[By("cross")]),
    ("The Rust crates read without running", &[By("functions"), Here("inspected")]),
    ("What cloudpickle loses, its pickles lose, ours too", &[BesideUpstream("lost_as_by_upstream")]),
    ("is a `PicklingError`", &[Here("nested_too_deep")]),
    ("As in CPython, bytecode or a dict key that was made to crash the interpreter", &[By("suite")]),
];

/// What the worker answers.
#[derive(Deserialize)]
struct Told {
    /// The case, what is, and what should be.
    differs: Option<[String; 3]>,
}

/// What README.md says of the module beyond its bytes holds.
pub(super) fn claims(setting: &Setting, python: &Python) -> anyhow::Result<Outcome> {
    let module = match setting.module(python) {
        Ok(module) => module,
        Err(why) => return Ok(Outcome::NotRun(why)),
    };
    let mut worker = Setting::worker(&module.python, &[]);
    let (mut shown, mut failures) = (Vec::new(), Vec::new());
    for (words, by) in CLAIMS {
        for by in *by {
            let name = match by {
                Here(name) => *name,
                BesideUpstream(name) if python.is_cpython() => *name,
                _ => continue,
            };
            if shown.contains(&name) {
                continue;
            }
            shown.push(name);
            match worker.ask::<Told>("claims.show", json!({ "name": name, "alone": module.alone })) {
                Ok(Told { differs: None }) => {}
                Ok(Told { differs: Some([case, is_so, should_be]) }) => {
                    failures.push(Failure::new(format!("README.md: {words}\n{case}"), is_so, should_be));
                }
                Err(error) => {
                    failures.push(Failure::new(format!("README.md: {words}\n{name}"), format!("{error:#}"), "it holds"));
                }
            }
        }
    }
    Ok(Outcome::of(shown.len(), failures))
}

/// Prints each claim, with what shows it.
pub(super) fn print() {
    println!("\nwhat README.md claims, and what shows it:");
    for (words, by) in CLAIMS {
        let shown: Vec<String> = by
            .iter()
            .map(|by| match by {
                By(check) => (*check).to_owned(),
                Here(name) | BesideUpstream(name) => format!("claims ({name})"),
                Command(command) => format!("`{command}`"),
            })
            .collect();
        println!("  {words}\n      {}", shown.join(", "));
    }
}

#[cfg(test)]
mod tests {
    use super::{super::CHECKS, *};

    /// README.md with single spaces, its parts that claim something apart: paragraphs and items of lists.
    fn parts() -> Vec<String> {
        let text = std::fs::read_to_string(crate::root().join("README.md")).unwrap();
        let text = text.replace("\n* ", "\n\n* ");
        text.split("\n\n").map(|part| part.split_whitespace().collect::<Vec<_>>().join(" ")).collect()
    }

    #[test]
    fn every_claim_stands_in_the_readme() {
        let readme = parts().join(" ");
        for (words, _) in CLAIMS {
            assert!(
                readme.contains(words),
                "README.md does not say {words:?} any more: mend `CLAIMS` in xtask/src/compat/claims.rs"
            );
        }
    }

    #[test]
    fn what_shows_a_claim_is_there() {
        let script = std::fs::read_to_string(crate::root().join("xtask/python/compat/claims.py")).unwrap();
        for by in CLAIMS.iter().flat_map(|(_, by)| by.iter()) {
            match by {
                By(check) => assert!(CHECKS.iter().any(|known| known.name == *check), "{check}"),
                Here(name) | BesideUpstream(name) => assert!(script.contains(&format!("\ndef {name}():\n")), "{name}"),
                Command(command) => assert!(command.starts_with("cargo "), "{command}"),
            }
        }
    }

    #[test]
    fn every_item_of_the_readme_has_a_claim_that_is_shown() {
        for item in parts().iter().filter(|part| part.starts_with("* ")) {
            let is_shown = CLAIMS.iter().any(|(words, _)| item.contains(words));
            assert!(is_shown, "nothing shows what README.md says: add it to `CLAIMS` in xtask/src/compat/claims.rs\n{item}");
        }
    }
}
