//! What a pickle is and does, told to Python, and pickles loaded under a policy: cloud-reduce's reports and policies.

use cloud_reduce::{Finding, Function, Policy, Report, SizeTree};
use pyo3::{
    exceptions::{PyTypeError, PyValueError},
    prelude::*,
    types::{PyBytes, PyDict, PyList, PyString},
};

use crate::{
    state::State,
    unpickler::{bytes_of, pickle_exception},
};

pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(inspect, module)?)
}

/// Tells what a pickle is and does, without loading it: nothing is imported and nothing is called.
///
/// `policy` and `allow` say what is no finding: a ready-made policy by its name, and rules beside it, as `loads` takes them.
#[pyfunction]
#[pyo3(signature = (data, /, *, allow=None, policy="cloudpickle"))]
fn inspect<'py>(data: &Bound<'py, PyAny>, allow: Option<Bound<'py, PyAny>>, policy: &str) -> PyResult<Bound<'py, PyDict>> {
    let py = data.py();
    let policy = policy_of(policy, allow.as_ref())?;
    let data = bytes_of(data)?.as_bytes().to_vec();
    let (report, findings) = py.detach(|| {
        let report = Report::of(data);
        let findings = report.findings(&policy);
        (report, findings)
    });
    let told = PyDict::new(py);
    told.set_item("protocol", report.protocol().to_string().parse::<u8>().unwrap_or_default())?;
    told.set_item("bytes", report.length())?;
    told.set_item("error", report.error().map(ToString::to_string))?;
    let python: Vec<String> =
        report.python().iter().map(|(implementation, version)| format!("{implementation} {version}")).collect();
    told.set_item("python", python)?;
    told.set_item(
        "loading",
        dicts(py, report.events(), |dict, event| {
            dict.set_item("offset", event.offset)?;
            dict.set_item("text", report.describe(event))
        })?,
    )?;
    let functions: Vec<Function<'_>> = report.functions().flatten().collect();
    told.set_item("functions", dicts(py, &functions, |dict, function| tell_function(dict, &report, function))?)?;
    let classes: Vec<_> = report.classes().flatten().collect();
    told.set_item(
        "classes",
        dicts(py, &classes, |dict, class| {
            dict.set_item("name", class.name.to_string())?;
            dict.set_item("bytes", report.sizes().total(class.id))?;
            dict.set_item("attributes", class.attributes.names().map(|name| name.to_string()).collect::<Vec<_>>())
        })?,
    )?;
    let enums: Vec<_> = report.enums().flatten().collect();
    told.set_item(
        "enums",
        dicts(py, &enums, |dict, class| {
            dict.set_item("name", class.name.to_string())?;
            dict.set_item("bytes", report.sizes().total(class.id))?;
            dict.set_item("members", class.members.names().map(|name| name.to_string()).collect::<Vec<_>>())
        })?,
    )?;
    told.set_item("sizes", sizes(py, &report.size_tree(report.sizes().pickle().div_ceil(100)))?)?;
    told.set_item("findings", dicts(py, &findings, tell_finding)?)?;
    Ok(told)
}

/// Raises `DisallowedPickleError` where loading a pickle would do what is not allowed. Nothing has been loaded then.
pub(crate) fn check(py: Python<'_>, pickle: &Bound<'_, PyBytes>, allow: &Bound<'_, PyAny>) -> PyResult<()> {
    let policy = policy_of("cloudpickle", Some(allow))?;
    let data = pickle.as_bytes().to_vec();
    let (report, findings) = py.detach(|| {
        let report = Report::of(data);
        let findings = report.findings(&policy);
        (report, findings)
    });
    let Some(finding) = findings.iter().find(|finding| finding.kind != cloud_reduce::FindingKind::Broken) else {
        // What could not be read to its end was not judged to its end: loading might go on where reading did not.
        return report.error().map_or(Ok(()), |error| Err(pickle_exception(py, error)));
    };
    let advice = match &finding.rule {
        Some(rule) => format!("; add {rule:?} to `allow` if you trust it"),
        None => "; no rule of `allow` can allow this".to_owned(),
    };
    let more = match findings.len() - 1 {
        0 => String::new(),
        more => format!(" (and {more} more: `findings` has all)"),
    };
    let message = format!("the pickle {finding}, which is not allowed{advice}{more}");
    let error = State::get(py)?.disallowed_error.bind(py).call1((message,))?;
    error.setattr("findings", dicts(py, &findings, tell_finding)?)?;
    Err(PyErr::from_value(error))
}

fn policy_of(name: &str, allow: Option<&Bound<'_, PyAny>>) -> PyResult<Policy> {
    let Some(mut policy) = Policy::named(name) else {
        let message = format!("there is no policy {name:?}, only {}", Policy::NAMES.join(", "));
        return Err(PyValueError::new_err(message));
    };
    let Some(allow) = allow.filter(|allow| !allow.is_none()) else { return Ok(policy) };
    if allow.cast::<PyString>().is_ok() {
        return Err(PyTypeError::new_err("allow must be a list of rules, not a str"));
    }
    for rule in allow.try_iter()? {
        let rule: String = rule?.extract()?;
        policy.allow(rule.parse().map_err(|error: cloud_reduce::RuleError| PyValueError::new_err(error.to_string()))?);
    }
    Ok(policy)
}

fn tell_function(dict: &Bound<'_, PyDict>, report: &Report, function: &Function<'_>) -> PyResult<()> {
    let py = dict.py();
    dict.set_item("name", function.name.to_string())?;
    dict.set_item("signature", report.signature(function))?;
    dict.set_item("module", function.module.map(|module| module.to_string()))?;
    dict.set_item("file", function.code.filename().to_string())?;
    dict.set_item("line", function.code.firstlineno())?;
    dict.set_item("bytes", report.sizes().total(function.id))?;
    let globals = PyDict::new(py);
    for (name, value) in function.globals.iter() {
        globals.set_item(name.to_string(), report.show(value))?;
    }
    dict.set_item("globals", globals)?;
    let cells = PyDict::new(py);
    for captured in function.closure().flatten() {
        cells.set_item(captured.name.to_string(), captured.cell.contents.map(|value| report.show(value)))?;
    }
    dict.set_item("cells", cells)?;
    let (told, needs) = (PyDict::new(py), report.needs(function));
    for (what, names) in
        [("modules", needs.modules), ("globals", needs.globals), ("builtins", needs.builtins), ("attributes", needs.attributes)]
    {
        told.set_item(what, names)?;
    }
    dict.set_item("needs", told)
}

/// Pickles within pickles are looked at to a small depth.
fn tell_finding(dict: &Bound<'_, PyDict>, finding: &Finding) -> PyResult<()> {
    dict.set_item("kind", finding.kind.word())?;
    dict.set_item("offset", finding.offset)?;
    dict.set_item("subject", &*finding.subject)?;
    dict.set_item("count", finding.count)?;
    dict.set_item("allow", finding.rule.as_deref())?;
    dict.set_item("text", finding.to_string())?;
    let inner = match &finding.inner {
        Some(inner) => {
            let told = PyDict::new(dict.py());
            tell_finding(&told, inner)?;
            Some(told)
        }
        None => None,
    };
    dict.set_item("inner", inner)
}

/// A tree whose depth is bounded.
fn sizes<'py>(py: Python<'py>, tree: &SizeTree) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    dict.set_item("path", &tree.path)?;
    dict.set_item("what", &tree.what)?;
    dict.set_item("bytes", tree.bytes)?;
    let parts = tree.parts.iter().map(|part| sizes(py, part)).collect::<PyResult<Vec<_>>>()?;
    dict.set_item("parts", parts)?;
    Ok(dict)
}

/// A list with a dict for each item.
fn dicts<'py, T>(
    py: Python<'py>,
    items: &[T],
    tell: impl Fn(&Bound<'py, PyDict>, &T) -> PyResult<()>,
) -> PyResult<Bound<'py, PyList>> {
    let list = PyList::empty(py);
    for item in items {
        let dict = PyDict::new(py);
        tell(&dict, item)?;
        list.append(dict)?;
    }
    Ok(list)
}
