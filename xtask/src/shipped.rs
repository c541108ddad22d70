//! Pickles that lie in `xtask/pickles`, for a machine without a Python: `squared-3.13.pickle` is what cloudpickle 3.1.2 wrote for
//! the lambda of `python/make.py` under Python 3.13, and so on.

use anyhow::Context as _;
use pickle_parse::dis;

/// Prints what the pickles hold.
pub(crate) fn show() -> anyhow::Result<()> {
    let data = include_bytes!("../pickles/squared-3.13.pickle");
    print!("{}", dis(data).context("squared-3.13.pickle")?);
    Ok(())
}
