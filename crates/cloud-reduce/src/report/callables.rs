//! What callables do with their arguments, of those that a policy may well allow.

use super::{
    hooks::is_plain_exception,
    resolve::{Name, Object},
};
use crate::Reconstructor;

/// What a callable does with one of its arguments beside holding it.
pub(super) enum Given {
    /// It is called.
    Called(usize),
    /// An instance is made of it by `__new__`.
    Made(usize),
    /// An array of this class is made, of no more than a shape, by `numpy.ndarray.__new__`.
    Array(usize),
    /// A class is made by it.
    Metaclass(usize),
    /// It becomes the globals of a function: a dict, to which others are added.
    Globals(usize),
    /// A class or function gets attributes, by the argument that follows.
    Changed(usize),
    /// The same, or an instance gets them.
    Restored(usize),
    /// Its items are the bases of a class.
    Bases(usize),
    /// It is the pickle that is loaded.
    Loaded(usize),
}

/// What callables do with their arguments, of those that a policy may well allow.
pub(super) fn given(name: &Name<'_>) -> &'static [Given] {
    use Given::{Array, Bases, Called, Changed, Globals, Loaded, Made, Metaclass, Restored};
    if let Some((_, reconstructor)) = Reconstructor::from_global(&name.module, &name.qualname) {
        use Reconstructor as R;
        return match reconstructor {
            // Before 1.1, a class of a metaclass that the pickle carries is what that made.
            R::RestoreAttr | R::RehydrateSkeletonClass => &[Restored(0)],
            reconstructor if reconstructor.sets_state() => &[Changed(0)],
            R::MakeSkeletonClass => &[Metaclass(0), Bases(2)],
            R::MakeFunction => &[Globals(1)],
            R::MakeSkelFunc => &[Globals(2)],
            R::MakeSkeletonEnum => &[Bases(0)],
            _ => &[],
        };
    }
    match (&*name.module, &*name.qualname) {
        ("builtins", "type") | ("abc", "ABCMeta") => &[Bases(1)],
        ("types", "FunctionType" | "LambdaType") => &[Globals(1)],
        ("copyreg" | "copy_reg", "_reconstructor") => &[Made(0), Called(1)],
        ("copyreg" | "copy_reg", "__newobj__" | "__newobj_ex__") => &[Made(0)],
        (
            "builtins",
            "object.__new__" | "dict.__new__" | "list.__new__" | "set.__new__" | "tuple.__new__" | "frozenset.__new__",
        ) => &[Made(0)],
        ("numpy.core.multiarray" | "numpy._core.multiarray", "_reconstruct") => &[Array(0)],
        ("sklearn.metrics._dist_metrics" | "sklearn.neighbors._ball_tree" | "sklearn.neighbors._kd_tree", "newObj") => &[Made(0)],
        ("numpy.ma.core", "_mareconstruct") => &[Made(0), Made(1)],
        ("numpy.random._pickle", "__bit_generator_ctor") => &[Called(0)],
        ("numpy.random._pickle", "__generator_ctor" | "__randomstate_ctor") => &[Called(1)],
        ("torch._tensor", "_rebuild_from_type_v2") => &[Called(0), Made(1)],
        ("torch._utils", "_rebuild_wrapper_subclass") => &[Made(0)],
        ("torch.storage", "_load_from_bytes")
        | (
            "pickle"
            | "_pickle"
            | "cPickle"
            | "cloudpickle"
            | "cloudpickle.cloudpickle"
            | "cloudpickle_rs"
            | "dill"
            | "dill._dill",
            "loads",
        ) => &[Loaded(0)],
        _ => &[],
    }
}

/// Whether a callable keeps what it is given and calls none of its methods.
pub(super) fn holds(callee: &Name<'_>) -> bool {
    if let Some((_, reconstructor)) = Reconstructor::from_global(&callee.module, &callee.qualname) {
        use Reconstructor as R;
        // What sets a state is looked at by itself.
        return reconstructor.sets_state()
            || matches!(reconstructor, R::MakeFunction | R::MakeSkelFunc | R::MakeCell | R::FileReconstructor | R::Genpartial);
    }
    match (&*callee.module, &*callee.qualname) {
        ("functools", "partial")
        | ("types", "MethodType" | "MappingProxyType" | "CellType" | "FunctionType" | "LambdaType" | "CodeType") => true,
        ("builtins", "slice" | "getattr" | "object") => true,
        ("copyreg" | "copy_reg", "__newobj__" | "__newobj_ex__") => true,
        ("_operator" | "operator", "itemgetter") => true,
        _ => is_plain_exception(callee),
    }
}

/// Whether a callable is one of cloudpickle's that find an object by a name.
pub(super) fn finds_by_name(callee: &Name<'_>) -> bool {
    let found = Reconstructor::from_global(&callee.module, &callee.qualname);
    matches!(found, Some((_, Reconstructor::Subimport | Reconstructor::BuiltinType)))
}

/// Whether instances of a class take apart the state that they are given.
pub(super) fn takes_apart(class: &Object<'_>) -> bool {
    matches!(class, Object::Named(name) if matches!(
        &*name.module,
        "_io" | "array" | "datetime" | "decimal" | "_decimal" | "fractions" | "ipaddress" | "random" | "uuid" | "zoneinfo"
    ))
}

/// Whether a callable makes plain data of what it is given, by methods of what is none.
pub(super) fn converts(callee: &Name<'_>) -> bool {
    match (&*callee.module, &*callee.qualname) {
        ("builtins", name) => matches!(
            name,
            "bool"
                | "bytearray"
                | "bytes"
                | "complex"
                | "dict"
                | "float"
                | "frozenset"
                | "int"
                | "list"
                | "set"
                | "str"
                | "tuple"
        ),
        ("numpy", name) => {
            name.ends_with('_')
                || name.ends_with(|c: char| c.is_ascii_digit())
                || matches!(name, "bool" | "longdouble" | "clongdouble")
        }
        _ => false,
    }
}
