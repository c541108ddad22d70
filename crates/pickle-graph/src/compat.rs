//! [`Names`]: which Python's names globals have, and from one to the other.

use crate::compat_tables::{MODULES_TO_PYTHON2, MODULES_TO_PYTHON3, NAMES_TO_PYTHON2, NAMES_TO_PYTHON3};

/// Which Python's names globals have: pickles of protocols 0 to 2 are written with Python 2's (`__builtin__`, `copy_reg`, ...),
/// also by Python 3 unless its `fix_imports` is off.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Names {
    /// Python 2's.
    Python2,
    /// Python 3's.
    #[default]
    Python3,
}

impl Names {
    /// What a global of the other Python is called in this one, as `pickle`'s `fix_imports` has it; names that are the same in
    /// both come back as they are.
    ///
    /// ```
    /// use pickle_graph::Names;
    ///
    /// assert_eq!(Names::Python3.of("__builtin__", "xrange"), ("builtins", "range"));
    /// assert_eq!(Names::Python3.of("copy_reg", "_reconstructor"), ("copyreg", "_reconstructor"));
    /// assert_eq!(Names::Python2.of("builtins", "set"), ("__builtin__", "set"));
    /// assert_eq!(Names::Python2.of("numpy", "ndarray"), ("numpy", "ndarray"));
    /// ```
    #[must_use]
    pub fn of<'a>(self, module: &'a str, name: &'a str) -> (&'a str, &'a str) {
        let (names, modules) = match self {
            Names::Python2 => (NAMES_TO_PYTHON2, MODULES_TO_PYTHON2),
            Names::Python3 => (NAMES_TO_PYTHON3, MODULES_TO_PYTHON3),
        };
        if let Ok(row) = names.binary_search_by(|row| (row.0, row.1).cmp(&(module, name))) {
            (names[row].2, names[row].3)
        } else if let Ok(row) = modules.binary_search_by(|row| row.0.cmp(module)) {
            (modules[row].1, name)
        } else {
            (module, name)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_sorted_so_that_everything_in_them_is_found() {
        for names in [NAMES_TO_PYTHON2, NAMES_TO_PYTHON3] {
            assert!(names.is_sorted_by(|a, b| (a.0, a.1) < (b.0, b.1)));
        }
        for modules in [MODULES_TO_PYTHON2, MODULES_TO_PYTHON3] {
            assert!(modules.is_sorted_by(|a, b| a.0 < b.0));
        }
    }
}
