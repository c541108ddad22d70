//! [`Failure`]: a Python exception on its way up through the walk, and the way that it took.

use pyo3::{
    CastError,
    exceptions::PyRecursionError,
    intern,
    prelude::*,
    types::{PyFunction, PyModule, PyString, PyType},
};

/// A Python exception and where in the pickled object it arose, in one word.
pub(crate) struct Failure(Box<Inner>);

struct Inner {
    error: PyErr,
    /// The innermost step first.
    steps: Vec<Step>,
}

/// One step from an object to what it is made of.
struct Step {
    object: Py<PyAny>,
    to: To,
}

/// What was being written of an object.
pub(crate) enum To {
    /// An item of a list or tuple, or one that is appended.
    Index(usize),
    /// The value of an item of a dict, or of one that is set.
    Key(Py<PyAny>),
    /// An element of a set.
    Element,
    Class,
    NewArguments,
    Reconstructor,
    ReconstructorArguments,
    State,
    StateSetter,
    /// Any part of an object that a reducer describes.
    Object,
}

impl To {
    /// A key.
    pub(crate) fn key(key: &Bound<'_, PyAny>) -> To {
        To::Key(key.clone().unbind())
    }
}

/// How many steps are kept: an error in what nests deeper is told by its innermost part.
const MOST_STEPS: usize = 100;

impl From<PyErr> for Failure {
    #[cold]
    #[inline(never)]
    fn from(error: PyErr) -> Self {
        Failure(Box::new(Inner { error, steps: Vec::new() }))
    }
}

impl From<Failure> for PyErr {
    #[cold]
    #[inline(never)]
    fn from(failure: Failure) -> Self {
        failure.0.error
    }
}

impl Failure {
    /// What was taken for an object of a certain type is none.
    #[cold]
    #[inline(never)]
    pub(crate) fn wrong_type(error: CastError<'_, '_>) -> Failure {
        PyErr::from(error).into()
    }

    /// Notes one step of the way.
    #[cold]
    #[inline(never)]
    pub(crate) fn at(mut self, object: &Bound<'_, PyAny>, to: To) -> Failure {
        if self.0.steps.len() < MOST_STEPS {
            self.0.steps.push(Step { object: object.clone().unbind(), to });
        }
        self
    }

    /// The exception that the user gets: with the path to the culprit as its attribute `path` and, from Python 3.11 on, in a note.
    /// From Python 3.14 on it has the notes that `pickle`'s own exceptions have there.
    #[cold]
    #[inline(never)]
    pub(crate) fn into_error(self, py: Python<'_>) -> PyErr {
        let Inner { error, steps } = *self.0;
        if steps.is_empty() || error.is_instance_of::<PyRecursionError>(py) {
            return error;
        }
        let value = error.value(py);
        if cfg!(Py_3_14) {
            for step in &steps {
                if let Ok(note) = step.note(py) {
                    let _ = value.call_method1(intern!(py, "add_note"), (note,));
                }
            }
        }
        // An exception that takes no attributes or notes is raised without them.
        if let Ok(path) = path(py, &steps) {
            // There, the notes alone lead through plain data.
            if !cfg!(Py_3_14) || steps.iter().any(|step| step.is_by_value(py)) {
                let note = format!("{path}: {}", value.str().map(|text| text.to_string()).unwrap_or_default());
                let _ = value.call_method1(intern!(py, "add_note"), (note,));
            }
            let _ = value.setattr(intern!(py, "path"), path);
        }
        error
    }
}

impl Step {
    /// Whether it leads into a function or a class, which `pickle` never takes apart.
    fn is_by_value(&self, py: Python<'_>) -> bool {
        let object = self.object.bind(py);
        object.is_instance_of::<PyFunction>() || object.is_instance_of::<PyType>()
    }

    /// The words of CPython 3.14.
    fn note(&self, py: Python<'_>) -> PyResult<String> {
        let of = type_name(self.object.bind(py))?;
        Ok(match &self.to {
            To::Index(index) => format!("when serializing {of} item {index}"),
            To::Key(key) => format!("when serializing {of} item {}", key.bind(py).repr()?),
            To::Element => format!("when serializing {of} element"),
            To::Class => format!("when serializing {of} class"),
            To::NewArguments => format!("when serializing {of} __new__ arguments"),
            To::Reconstructor => format!("when serializing {of} reconstructor"),
            To::ReconstructorArguments => format!("when serializing {of} reconstructor arguments"),
            To::State => format!("when serializing {of} state"),
            To::StateSetter => format!("when serializing {of} state setter"),
            To::Object => format!("when serializing {of} object"),
        })
    }
}

/// The full name of an object's type, without the modules that everybody knows.
pub(crate) fn type_name(object: &Bound<'_, PyAny>) -> PyResult<String> {
    let class = object.get_type();
    let name = class.qualname()?.to_string();
    match class.module()?.to_string().as_str() {
        "builtins" | "__main__" => Ok(name),
        module => Ok(format!("{module}.{name}")),
    }
}

/// What a path begins with: the name of a function, class or module, and the type of anything else.
fn root_name(object: &Bound<'_, PyAny>) -> PyResult<String> {
    if object.is_instance_of::<PyFunction>() || object.is_instance_of::<PyType>() || object.is_instance_of::<PyModule>() {
        return Ok(object.getattr("__name__")?.to_string());
    }
    Ok(object.get_type().name()?.to_string())
}

/// The way to the culprit as a Python expression, as far as there is one: `f.__globals__['client'].session`.
fn path(py: Python<'_>, steps: &[Step]) -> PyResult<String> {
    let attribute = |step: Option<&Step>| match step.map(|step| &step.to) {
        Some(To::Key(key)) if key.bind(py).is_instance_of::<PyString>() => Some(key.bind(py).to_string()),
        _ => None,
    };
    let Some((outermost, _)) = steps.split_last() else { return Ok(String::new()) };
    let mut path = root_name(outermost.object.bind(py))?;
    let mut rest = steps;
    while let Some((step, inner)) = rest.split_last() {
        rest = inner;
        match &step.to {
            // told by the step that follows
            To::Object => {}
            To::Index(index) => path.push_str(&format!("[{index}]")),
            To::Key(key) => path.push_str(&format!("[{}]", key.bind(py).repr()?)),
            To::Element => path.push_str("{element}"),
            To::Class => path.push_str(".__class__"),
            To::Reconstructor => path.push_str(".__reduce__()[0]"),
            To::NewArguments => path.push_str(".__getnewargs__()"),
            To::StateSetter => path.push_str(".__reduce__()[5]"),
            To::ReconstructorArguments => {
                let name = match inner.last() {
                    Some(Step { to: To::Index(index), .. }) => argument_name(step.object.bind(py), *index),
                    _ => None,
                };
                match name {
                    Some(name) => {
                        rest = &inner[..inner.len() - 1];
                        path.push_str(&format!(".{name}"));
                    }
                    None => path.push_str(".__reduce__()[1]"),
                }
            }
            // a state is a dict of attributes, or a pair of that and one of slots
            To::State => match inner {
                [deeper @ .., _, Step { to: To::Index(0 | 1), .. }] if attribute(inner.iter().rev().nth(1)).is_some() => {
                    path.push_str(&format!(".{}", attribute(inner.iter().rev().nth(1)).unwrap_or_default()));
                    rest = deeper;
                }
                [deeper @ .., last] if attribute(Some(last)).is_some() => {
                    path.push_str(&format!(".{}", attribute(Some(last)).unwrap_or_default()));
                    rest = deeper;
                }
                _ => path.push_str(".__getstate__()"),
            },
        }
    }
    Ok(path)
}

/// The attribute that an argument of an object's reconstructor comes from.
fn argument_name(object: &Bound<'_, PyAny>, index: usize) -> Option<&'static str> {
    let class = object.get_type();
    let names: &[&str] = match class.name().ok()?.to_str().ok()? {
        "cell" => &["cell_contents"],
        "method" => &["__func__", "__self__"],
        "function" => &["__code__"],
        "property" => &["fget", "fset", "fdel"],
        "staticmethod" | "classmethod" => &["__func__"],
        "partial" => &["func"],
        _ if object.is_instance_of::<PyType>() => &["__class__", "__name__", "__bases__"],
        _ => return None,
    };
    names.get(index).copied()
}
