//! The attributes of a function object, however the interpreter keeps them.

/// The attributes of a function object, `None` where one is `None`. CPython lends them, PyPy hands them out.
pub(crate) struct FunctionFields<T> {
    pub(crate) code: T,
    pub(crate) globals: T,
    pub(crate) name: T,
    pub(crate) qualname: T,
    pub(crate) defaults: Option<T>,
    pub(crate) kwdefaults: Option<T>,
    pub(crate) module: Option<T>,
    pub(crate) doc: Option<T>,
    pub(crate) closure: Option<T>,
    pub(crate) dict: Option<T>,
}
