//! [`of_interpreter`]: how strict the interpreter's own unpickler is.

use pickle_parse::Rules;
use pyo3::{
    prelude::*,
    types::{PyBool, PyBytes},
};

/// The rules by which the interpreter's `_pickle` reads, as it shows by reading a few bytes: they came with patch releases too, and
/// a distribution may have taken a patch without the release, so the version tells less. Those of Python 3.13 where there is no
/// `_pickle`.
pub(crate) fn of_interpreter(py: Python<'_>) -> PyResult<Rules> {
    let mut rules = Rules::PYTHON_3_13;
    let Ok(pickle) = py.import("_pickle") else { return Ok(rules) };
    let loads = pickle.getattr("loads")?;
    let load = |pickle: &[u8]| loads.call1((PyBytes::new(py, pickle),));
    // a frame of two bytes, and an op of five
    rules.enclosing_frames = load(b"\x95\x02\0\0\0\0\0\0\0J\x01\0\0\0.").is_err();
    rules.decimal_ints = load(b"I010\n.").and_then(|value| value.eq(10)).unwrap_or(false);
    rules.literal_bools = load(b"I+1\n.").is_ok_and(|value| value.cast::<PyBool>().is_err());
    rules.signed_lengths = load(b"T\0\0\0\x80").is_err_and(|error| error.to_string().contains("negative"));
    rules.empty_batches = load(b"N(e.").is_err();
    Ok(rules)
}
