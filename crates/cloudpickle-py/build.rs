//! Hands the `Py_3_x` configuration flags of the interpreter that the module is built for to this crate.

fn main() {
    pyo3_build_config::use_pyo3_cfgs();
}
