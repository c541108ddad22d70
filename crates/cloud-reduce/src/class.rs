//! How cloudpickle takes a class apart: the arguments of `_make_skeleton_class` and `_make_skeleton_enum`, and which of a
//! class's attributes are not pickled.
//!
//! A class that is pickled by value is six things, as `__reduce_ex__` may return them: a reconstructor, its arguments
//! ([`ClassArg::ALL`] or [`EnumArg::ALL`]), a state (a pair: a dict of the attributes, and an empty dict), no list items, no
//! dict items, and `_class_setstate`, which is called with the class and the state.
//!
//! The dict of attributes has the class's own in the order of their names, without those whose value is the very object that
//! the first of its bases with such a name in its own `__dict__` has there, and without those that [`is_unpickled`] tells.

use crate::PythonVersion;

/// An argument of `_make_skeleton_class`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum ClassArg {
    /// `type_constructor`: the metaclass.
    Metaclass,
    /// `name`: the class's `__name__`.
    Name,
    /// `bases`: its `__orig_bases__` where its own `__dict__` has them, its `__bases__` otherwise.
    Bases,
    /// `type_kwargs`: a dict of what its namespace must have from the start; see [`TYPE_KWARGS`].
    TypeKwargs,
    /// `class_tracker_id`: 32 hexadecimal digits by which a process knows the class again, or `None`.
    TrackerId,
    /// `extra`: always `None`, kept for the format's future.
    Extra,
}

impl ClassArg {
    /// Every argument, in order.
    pub const ALL: [ClassArg; 6] =
        [ClassArg::Metaclass, ClassArg::Name, ClassArg::Bases, ClassArg::TypeKwargs, ClassArg::TrackerId, ClassArg::Extra];
}

/// An argument of `_make_skeleton_enum`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum EnumArg {
    /// `bases`: its `__bases__`, of which the last one is an enum and gives the metaclass.
    Bases,
    /// `name`: its `__name__`.
    Name,
    /// `qualname`: its `__qualname__`.
    Qualname,
    /// `members`: a dict from each member's name to its value, as iterating over the enum gives them: without aliases.
    Members,
    /// `module`: its `__module__`.
    Module,
    /// `class_tracker_id`: 32 hexadecimal digits by which a process knows the enum again, or `None`.
    TrackerId,
    /// `extra`: always `None`, kept for the format's future.
    Extra,
}

impl EnumArg {
    /// Every argument, in order.
    pub const ALL: [EnumArg; 7] =
        [EnumArg::Bases, EnumArg::Name, EnumArg::Qualname, EnumArg::Members, EnumArg::Module, EnumArg::TrackerId, EnumArg::Extra];
}

/// The keys that `type_kwargs` may have, in order: `__module__` where the class's own `__dict__` has it, and `__dict__` where
/// the class's own `__dict__` has a property of that name.
pub const TYPE_KWARGS: [&str; 2] = ["__module__", "__dict__"];

/// The attribute that stands for the registry of an abstract base class. In the state it is the last key, and a list of the
/// registered classes.
pub const ABC_IMPL: &str = "_abc_impl";

/// The attributes of an abstract base class that are caches of `isinstance` and `issubclass` or, as `_abc_registry` and
/// `_abc_impl`, are pickled under [`ABC_IMPL`] in another form.
pub const ABC_CACHES: [&str; 5] = ["_abc_cache", "_abc_negative_cache", "_abc_negative_cache_version", "_abc_registry", ABC_IMPL];

/// The attribute whose list of names (or one name) tells which member descriptors the interpreter makes again by itself.
pub const SLOTS: &str = "__slots__";

/// The attributes that every class has by itself after it was made anew.
pub const REMADE: [&str; 2] = ["__weakref__", "__dict__"];

/// The function that computes a class's annotations from CPython 3.14 on (PEP 649): its closure refers to the namespace of the
/// class's body, so it cannot be pickled, and assigning `__annotations__` needs it no more.
pub const ANNOTATE_FUNC: &str = "__annotate_func__";

/// The attributes of an enum that its metaclass makes again from the members. The members themselves go as well.
pub const ENUM_REMADE: [&str; 5] =
    ["_generate_next_value_", "_member_names_", "_member_map_", "_member_type_", "_value2member_map_"];

/// The attribute that CPython 3.13 and later delete on each assignment to the class, and that `_class_setstate` therefore sets
/// once more at the end.
pub const FIRSTLINENO: &str = "__firstlineno__";

/// What kind of class it is, as far as its pickled attributes depend on that.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct ClassKind {
    /// Whether its metaclass is `abc.ABCMeta` or derives from it.
    pub is_abstract: bool,
    /// Whether it derives from `enum.Enum`.
    pub is_enum: bool,
}

/// Whether cloudpickle leaves an attribute of a class's own `__dict__` out of the state by its name alone, when run by a
/// version of Python. (Descriptors of `__slots__`, members of enums and inherited values are left out too; these depend on more
/// than the name.)
///
/// ```
/// use cloud_reduce::{PythonVersion, class::{ClassKind, is_unpickled}};
///
/// let plain = ClassKind::default();
/// assert!(is_unpickled("__weakref__", plain, PythonVersion::new(3, 9)));
/// assert!(!is_unpickled("__annotate_func__", plain, PythonVersion::new(3, 13)));
/// assert!(is_unpickled("__annotate_func__", plain, PythonVersion::new(3, 14)));
/// ```
#[must_use]
pub fn is_unpickled(attribute: &str, kind: ClassKind, python: PythonVersion) -> bool {
    REMADE.contains(&attribute)
        || (kind.is_abstract && ABC_CACHES.contains(&attribute))
        || (kind.is_enum && ENUM_REMADE.contains(&attribute))
        || (python >= PythonVersion::new(3, 14) && attribute == ANNOTATE_FUNC)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Reconstructor;

    #[test]
    fn the_arguments_are_those_of_the_reconstructors() {
        assert_eq!(Reconstructor::MakeSkeletonClass.parameters().len(), ClassArg::ALL.len());
        assert_eq!(Reconstructor::MakeSkeletonEnum.parameters().len(), EnumArg::ALL.len());
    }

    #[test]
    fn the_registry_is_only_special_in_an_abstract_class() {
        let version = PythonVersion::new(3, 13);
        assert!(!is_unpickled(ABC_IMPL, ClassKind::default(), version));
        assert!(is_unpickled(ABC_IMPL, ClassKind { is_abstract: true, is_enum: false }, version));
    }
}
