//! The types that PyPy's C API does not know.

use pyo3::{ffi, prelude::*, sync::PyOnceLock, types::PyType};

/// Types that are looked up once. A type's address stays what it is for as long as the type lives.
pub(super) struct Types {
    pub(super) function: Py<PyType>,
    pub(super) code: Py<PyType>,
    pub(super) cell: Py<PyType>,
    pub(super) pickle_buffer: Py<PyType>,
    /// `builtins.id`.
    pub(super) id: Py<PyAny>,
    /// `operator.is_`.
    pub(super) is: Py<PyAny>,
}

impl Types {
    /// # Errors
    /// `ImportError` or `AttributeError` from a standard library that lacks one.
    pub(super) fn get(py: Python<'_>) -> PyResult<&Types> {
        static TYPES: PyOnceLock<Types> = PyOnceLock::new();
        TYPES.get_or_try_init(py, || {
            let types = py.import("types")?;
            Ok(Types {
                function: types.getattr("FunctionType")?.cast_into()?.unbind(),
                code: types.getattr("CodeType")?.cast_into()?.unbind(),
                cell: types.getattr("CellType")?.cast_into()?.unbind(),
                pickle_buffer: py.import("pickle")?.getattr("PickleBuffer")?.cast_into()?.unbind(),
                is: py.import("operator")?.getattr("is_")?.unbind(),
                id: py.import("builtins")?.getattr("id")?.unbind(),
            })
        })
    }
}

/// The type of code objects.
pub(super) fn code_type(py: Python<'_>) -> *mut ffi::PyTypeObject {
    address(Types::get(py).map(|types| &types.code))
}

/// The type `pickle.PickleBuffer`.
pub(super) fn pickle_buffer_type(py: Python<'_>) -> *mut ffi::PyTypeObject {
    address(Types::get(py).map(|types| &types.pickle_buffer))
}

/// Where a type lies; null, where no object's type lies, for one that could not be looked up.
fn address(class: PyResult<&Py<PyType>>) -> *mut ffi::PyTypeObject {
    class.map_or(std::ptr::null_mut(), |class| class.as_ptr().cast())
}
