//! What a pickle is and does, told to Python, and pickles loaded under a policy: cloud-reduce's reports and policies.

use std::collections::HashMap;

use cloud_reduce::{Action, Event, Finding, Policy, Report, Summary};
use pickle_graph::{Node, NodeId};
use pyo3::{
    exceptions::{PyTypeError, PyValueError},
    prelude::*,
    types::{PyBytes, PyDict, PyString, PyTuple},
};
use serde::Serialize;

use crate::{
    state::State,
    unpickler::{bytes_of, pickle_exception},
};

pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(inspect, module)?)
}

/// Tells what a pickle is and does, without loading it: nothing is imported and nothing is called.
///
/// It tells of the pickle that the data begins with, which is the one that `loads` loads. How many bytes stand behind it is told
/// as `trailing`; they may be another pickle, of which `inspect(data[report["bytes"]:])` tells.
///
/// `policy` and `allow` say what is no finding: a ready-made policy by its name, and rules beside it, as `loads` takes them.
#[pyfunction]
#[pyo3(signature = (data, /, *, allow=None, policy="cloudpickle"))]
fn inspect<'py>(data: &Bound<'py, PyAny>, allow: Option<Bound<'py, PyAny>>, policy: &str) -> PyResult<Bound<'py, PyDict>> {
    let py = data.py();
    let policy = policy_of(policy, allow.as_ref())?;
    let data = bytes_of(data)?.as_bytes().to_vec();
    let length = data.len();
    let told = py.detach(|| {
        let report = Report::of(data);
        let trailing = report.error().map_or(length - report.length(), |_| 0);
        Told { trailing, summary: report.summary(&policy) }
    });
    Ok(plain_objects(py, &told)?.cast_into()?)
}

/// What `inspect` tells.
#[derive(Serialize)]
struct Told {
    trailing: usize,
    #[serde(flatten)]
    summary: Summary,
}

/// What can be serialized, as dicts, lists, strings and numbers, by way of JSON: its shape is stated once, for all that tell of pickles.
fn plain_objects<'py>(py: Python<'py>, told: &impl Serialize) -> PyResult<Bound<'py, PyAny>> {
    let json = serde_json::to_string(told).map_err(|error| PyValueError::new_err(error.to_string()))?;
    py.import("json")?.call_method1("loads", (json,))
}

/// Raises `DisallowedPickleError` where loading a pickle would do what is not allowed. Nothing has been loaded then. Otherwise gives
/// what loading has to keep to.
pub(crate) fn check<'py>(py: Python<'py>, pickle: &Bound<'py, PyBytes>, allow: &Bound<'py, PyAny>) -> PyResult<Judged<'py>> {
    let policy = policy_of("cloudpickle", Some(allow))?;
    let data = pickle.as_bytes().to_vec();
    let (report, findings) = py.detach(|| {
        let report = Report::of(data);
        let findings = report.findings(&policy);
        (report, findings)
    });
    let Some(finding) = findings.iter().find(|finding| finding.kind != cloud_reduce::FindingKind::Broken) else {
        // What could not be read to its end was not judged to its end: loading might go on where reading did not.
        return match report.error() {
            Some(error) => Err(pickle_exception(py, error)),
            None => Ok(Judged { report, next: 0, found: HashMap::new() }),
        };
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
    Err(disallowed(py, message, &findings)?)
}

fn disallowed(py: Python<'_>, message: String, findings: &[Finding]) -> PyResult<PyErr> {
    let error = State::get(py)?.disallowed_error.bind(py).call1((message,))?;
    error.setattr("findings", plain_objects(py, &findings)?)?;
    Ok(PyErr::from_value(error))
}

/// What was judged of a pickle, in order, to which loading it keeps. The judge reads names as they stand in the pickle; the tables of
/// `_compat_pickle` and the `encoding` of old strings are this process's own.
pub(crate) struct Judged<'py> {
    report: Report,
    next: usize,
    /// What the imports have given.
    found: HashMap<NodeId, Bound<'py, PyAny>>,
}

impl<'py> Judged<'py> {
    /// The next event that is an import, a call or an instance that is made.
    fn event(&mut self) -> Option<Event> {
        let left = self.report.events().get(self.next..)?;
        let place = left.iter().position(|event| matches!(event.action, Action::Import | Action::Call | Action::New))?;
        self.next += place + 1;
        Some(left[place])
    }

    /// An object is about to be imported, by the name that it has in Python 3. Gives its node.
    pub(crate) fn imports(
        &mut self,
        py: Python<'py>,
        module: &Bound<'py, PyString>,
        name: &Bound<'py, PyString>,
    ) -> PyResult<NodeId> {
        let event = self.event().filter(|event| event.action == Action::Import);
        let judged = event.and_then(|event| self.report.graph().node(event.node).as_global());
        match (event, judged, module.to_str(), name.to_str()) {
            (Some(event), Some(judged), Ok(module), Ok(name)) if judged == (module, name) => Ok(event.node),
            _ => {
                let found = format!("imports {}.{}", module.to_string_lossy(), name.to_string_lossy());
                Err(self.differs(py, event, &found)?)
            }
        }
    }

    /// An import gave an object.
    pub(crate) fn found(&mut self, node: NodeId, object: Bound<'py, PyAny>) {
        self.found.insert(node, object);
    }

    /// An object is about to be called, or `__new__` of it.
    pub(crate) fn calls(&mut self, callable: &Bound<'py, PyAny>, args: &Bound<'py, PyAny>) -> PyResult<()> {
        let py = callable.py();
        let event = self.event().filter(|event| event.action != Action::Import);
        let graph = self.report.graph();
        let (callee, judged): (_, &[NodeId]) = match event.map(|event| graph.node(event.node)) {
            Some(Node::Reduce { callable, args }) => (callable, graph.node(args).as_tuple().unwrap_or_default()),
            Some(Node::NewObj { class, .. } | Node::NewObjEx { class, .. }) => (class, &[]),
            Some(Node::Inst { class, args } | Node::Obj { class, args }) => (class, args),
            _ => return Err(self.differs(py, event, "calls something")?),
        };
        let is_judged = self.found.get(&callee).is_none_or(|found| found.is(callable));
        // Names among the arguments.
        let same_texts = || {
            let Ok(args) = args.cast::<PyTuple>() else { return judged.is_empty() };
            judged.iter().zip(args).all(|(&judged, arg)| match (graph.node(judged).as_str(), arg.cast::<PyString>()) {
                (Some(text), Ok(arg)) => arg.to_str().is_ok_and(|arg| arg == text),
                _ => true,
            })
        };
        if is_judged && same_texts() {
            return Ok(());
        }
        let found = format!("calls {} with {}", callable.repr()?, args.repr()?);
        Err(self.differs(py, event, &found)?)
    }

    #[cold]
    fn differs(&self, py: Python<'py>, event: Option<Event>, found: &str) -> PyResult<PyErr> {
        let judged = event.map_or_else(|| "nothing".to_owned(), |event| self.report.describe(&event));
        let message = format!("loading the pickle {found}, where it was judged by what it says: {judged}; this is never allowed");
        disallowed(py, message, &[])
    }
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
