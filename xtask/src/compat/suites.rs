//! The checks that run other suites: `suite`, the module's own, and `pickletester`, CPython's.

use std::collections::BTreeSet;

use serde::Deserialize;
use xshell::cmd;

use super::setting::{Failure, Outcome, Setting};
use crate::{python::Python, steps::quietly};

/// The module's pytest suite passes.
pub(super) fn suite(setting: &Setting, python: &Python) -> anyhow::Result<Outcome> {
    let module = match setting.module(python) {
        Ok(module) => module,
        Err(why) => return Ok(Outcome::NotRun(why)),
    };
    let shell = Setting::shell()?;
    let (program, cache) = (module.python, Setting::folder().join("pytest-cache"));
    let run = cmd!(shell, "{program} -m pytest --quiet -p no:cacheprovider -o cache_dir={cache} crates/cloudpickle-py/tests")
        .env("COLUMNS", "1000") // so that each failure is told with its reason, in a line
        .env_remove("PYTHONPATH");
    let output = run.quiet().ignore_status().output()?;
    let text = String::from_utf8_lossy(&output.stdout);
    let summary = text.trim_end().lines().next_back().unwrap_or_default().to_owned();
    if output.status.success() {
        return Ok(Outcome::passed(counted(&summary, "passed")));
    }
    let failed: Vec<Failure> = text
        .lines()
        .filter_map(|line| line.strip_prefix("FAILED ").or_else(|| line.strip_prefix("ERROR ")))
        .map(|line| line.split_once(" - ").unwrap_or((line, "")))
        .map(|(test, why)| Failure::new(format!("pytest crates/cloudpickle-py/tests, {test}"), why, "the test passes"))
        .collect();
    let end = text.lines().rev().take(30).collect::<Vec<_>>().into_iter().rev().collect::<Vec<_>>().join("\n");
    Ok(Outcome::Failed(if failed.is_empty() {
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        vec![Failure::new("pytest crates/cloudpickle-py/tests", format!("{}\n{end}\n{errors}", output.status), "the tests pass")]
    } else {
        failed
    }))
}

/// The number before a word, as in `3 failed, 1203 passed in 12.3s`.
fn counted(summary: &str, word: &str) -> usize {
    let words: Vec<&str> = summary.split([' ', ',']).collect();
    words.windows(2).find(|pair| pair[1] == word).and_then(|pair| pair[0].parse().ok()).unwrap_or(0)
}

/// What `python/compat/pickletester.py` tells.
#[derive(Deserialize)]
struct Ran {
    run: usize,
    /// Names of tests, each with the end of its traceback.
    failed: Vec<(String, String)>,
}

/// Every test of CPython's `test.pickletester` that upstream's Pickler passes with `pickle`'s Unpickler, ours pass.
pub(super) fn pickletester(setting: &Setting, python: &Python) -> anyhow::Result<Outcome> {
    let module = match setting.module(python) {
        Ok(module) => module,
        Err(why) => return Ok(Outcome::NotRun(why)),
    };
    if !python.is_cpython() {
        return Ok(Outcome::NotApplicable(format!("upstream is not for {}", python.name())));
    }
    let shell = Setting::shell()?;
    let program = module.python;
    if quietly(cmd!(shell, "{program} -c").arg("import test.pickletester")).is_err() {
        return Ok(Outcome::NotRun("this Python comes without its own tests (`test.pickletester`)".into()));
    }
    let mut results = Vec::new();
    for whose in ["upstream", "ours"] {
        let output = cmd!(shell, "{program} xtask/python/compat/pickletester.py {whose}")
            .env_remove("PYTHONPATH")
            .quiet()
            .ignore_status()
            .output()?;
        let text = String::from_utf8_lossy(&output.stdout);
        let Some(ran) = text.lines().next_back().and_then(|line| serde_json::from_str::<Ran>(line).ok()) else {
            let errors = String::from_utf8_lossy(&output.stderr);
            let end: String = errors.lines().rev().take(20).collect::<Vec<_>>().into_iter().rev().collect::<Vec<_>>().join("\n");
            return Ok(Outcome::Failed(vec![Failure::new(
                format!("all tests, {whose}"),
                format!("{}\n{end}", output.status),
                "they run",
            )]));
        };
        results.push(ran);
    }
    let upstream: BTreeSet<&String> = results[0].failed.iter().map(|(test, _)| test).collect();
    let failures = results[1]
        .failed
        .iter()
        .filter(|(test, _)| !upstream.contains(test))
        .map(|(test, why)| Failure::new(test, why, "the test passes"))
        .collect();
    Ok(Outcome::of(results[1].run, failures))
}

#[cfg(test)]
mod tests {
    use super::counted;

    #[test]
    fn the_number_of_tests_that_passed_is_read_from_what_pytest_prints() {
        assert_eq!(counted("1203 passed, 4 skipped in 12.30s", "passed"), 1203);
        assert_eq!(counted("3 failed, 7 passed in 1.0s", "passed"), 7);
        assert_eq!(counted("no tests ran in 0.01s", "passed"), 0);
    }
}
