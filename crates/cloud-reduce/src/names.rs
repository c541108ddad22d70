//! The names under which pickles find cloudpickle's functions: its reconstructors, now and in past releases, and the modules
//! that carry them.

/// The module under which cloudpickle 3 names all of its reconstructors.
pub const MODULE: &str = "cloudpickle.cloudpickle";

/// The module that cloudpickle 1.2 to 2.2 kept its C-accelerated pickler in, and with it some of the reconstructors.
pub const FAST_MODULE: &str = "cloudpickle.cloudpickle_fast";

/// What Beam's copy, told to pickle functions by where their code is, calls behind a `functools.partial` of what finds the code.
///
/// It is no [`Reconstructor`]: cloudpickle has none of that name, and it makes a function of any code that the process has.
pub const MAKE_FUNCTION_FROM_IDENTIFIER: &str = "_make_function_from_identifier";

macro_rules! define_reconstructors {
    ($($variant:ident $name:literal ($($arg:literal),*) $required:literal $first:tt..$last:tt $doc:literal;)*) => {
        /// A function (or, in one case, an object) of cloudpickle's module that a pickle names in order to rebuild something.
        ///
        /// ```
        /// use cloud_reduce::Reconstructor;
        ///
        /// let make = Reconstructor::from_name("_make_function").unwrap();
        /// assert_eq!(make, Reconstructor::MakeFunction);
        /// assert_eq!(make.parameters(), ["code", "globals", "name", "argdefs", "closure"]);
        /// assert!(make.is_current());
        /// ```
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub enum Reconstructor {
            $(
                #[doc = concat!("`", $name, "(", $($arg, ", ",)* ")`: ", $doc)]
                $variant,
            )*
        }

        impl Reconstructor {
            /// Every reconstructor: first those that cloudpickle 3 writes, then those of past releases.
            pub const ALL: [Reconstructor; [$($name),*].len()] = [$(Reconstructor::$variant),*];

            /// The name it has in its module.
            #[inline]
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Reconstructor::$variant => $name,)* }
            }

            /// The reconstructor of a name, or `None` where cloudpickle never had one of that name.
            #[must_use]
            pub fn from_name(name: &str) -> Option<Reconstructor> {
                match name {
                    $($name => Some(Reconstructor::$variant),)*
                    _ => None,
                }
            }

            /// The names of its positional parameters, in order, the optional ones last.
            #[must_use]
            pub const fn parameters(self) -> &'static [&'static str] {
                match self { $(Reconstructor::$variant => &[$($arg),*],)* }
            }

            /// How many of [`parameters`](Self::parameters) have no default.
            #[must_use]
            pub const fn required_parameters(self) -> usize {
                match self { $(Reconstructor::$variant => $required,)* }
            }

            /// The first release of cloudpickle, as major and minor version, that writes it. `(0, 0)` stands for a release
            /// before 0.5.
            #[must_use]
            pub const fn first_release(self) -> (u8, u8) {
                match self { $(Reconstructor::$variant => define_reconstructors!(@release $first),)* }
            }

            /// The last release of cloudpickle that writes it, or `None` where the newest one still does.
            #[must_use]
            pub const fn last_release(self) -> Option<(u8, u8)> {
                match self { $(Reconstructor::$variant => define_reconstructors!(@last $last),)* }
            }

            /// What it does, in one line.
            #[must_use]
            pub const fn doc(self) -> &'static str {
                match self { $(Reconstructor::$variant => $doc,)* }
            }
        }
    };
    (@release $release:tt) => { $release };
    (@last now) => { None };
    (@last $release:tt) => { Some($release) };
}

#[rustfmt::skip]
define_reconstructors! {
    MakeFunction "_make_function" ("code", "globals", "name", "argdefs", "closure") 5 (2, 1)..now
        "Makes a function of a code object, its future globals and empty cells; its state follows.";
    FunctionSetstate "_function_setstate" ("obj", "state") 2 (1, 2)..now
        "Sets a function's state: a pair of its `__dict__` and a dict of its other attributes.";
    ClassSetstate "_class_setstate" ("obj", "state") 2 (1, 2)..now
        "Sets a class's attributes from a pair of a dict of them and an empty dict.";
    MakeSkeletonClass "_make_skeleton_class" ("type_constructor", "name", "bases", "type_kwargs", "class_tracker_id", "extra") 6 (1, 1)..now
        "Makes a class without its attributes, or finds the one that already has its tracker id.";
    MakeSkeletonEnum "_make_skeleton_enum" ("bases", "name", "qualname", "members", "module", "class_tracker_id", "extra") 7 (1, 1)..now
        "Makes an enum with its members, or finds the one that already has its tracker id.";
    MakeTypevar "_make_typevar" ("name", "bound", "constraints", "covariant", "contravariant", "class_tracker_id") 6 (1, 4)..now
        "Makes a `typing.TypeVar`, or finds the one that already has its tracker id.";
    MakeCell "_make_cell" ("value") 0 (1, 5)..now
        "Makes a closure cell that holds a value.";
    MakeEmptyCell "_make_empty_cell" () 0 (1, 5)..now
        "Makes a closure cell that holds nothing yet.";
    EmptyCellValue "_empty_cell_value" () 0 (0, 4)..now
        "The object that stands for what an empty cell holds; it is named, never called.";
    BuiltinType "_builtin_type" ("name") 1 (0, 0)..now
        "Finds a type of the `types` module by the name it has there; `ClassType`, which releases before 1.3 wrote, is `type`.";
    Subimport "subimport" ("name") 1 (0, 0)..now
        "Imports a module by its full name.";
    DynamicSubimport "dynamic_subimport" ("name", "vars") 2 (0, 0)..now
        "Makes a module that no import finds, out of its name and its attributes.";
    MakeDictKeys "_make_dict_keys" ("obj", "is_ordered") 1 (1, 6)..now
        "Makes a `dict_keys` (or, if ordered, an `odict_keys`) of a list.";
    MakeDictValues "_make_dict_values" ("obj", "is_ordered") 1 (1, 6)..now
        "Makes a `dict_values` (or, if ordered, an `odict_values`) of a list.";
    MakeDictItems "_make_dict_items" ("obj", "is_ordered") 1 (1, 6)..now
        "Makes a `dict_items` (or, if ordered, an `odict_items`) of a dict.";
    FileReconstructor "_file_reconstructor" ("retval") 1 (1, 2)..now
        "Gives back the `io.StringIO` that stands for an open text file.";
    GetDataclassFieldTypeSentinel "_get_dataclass_field_type_sentinel" ("name") 1 (3, 0)..now
        "Finds the object by which `dataclasses` marks a kind of field, by that object's name.";

    MakeSkelFunc "_make_skel_func" ("code", "cell_count", "base_globals") 2 (0, 0)..(1, 4)
        "Makes a function of a code object, with as many empty cells as it is told (none at all for -1); its state follows.";
    FillFunction "_fill_function" ("func", "state") 2 (0, 0)..(1, 4)
        "Sets a function's state from one dict of all of it, and gives the function back.";
    RehydrateSkeletonClass "_rehydrate_skeleton_class" ("skeleton_class", "class_dict") 2 (0, 4)..(1, 4)
        "Sets a class's attributes from one dict of them, and gives the class back.";
    GenEllipsis "_gen_ellipsis" () 0 (0, 0)..(1, 4)
        "Gives `Ellipsis`.";
    GenNotImplemented "_gen_not_implemented" () 0 (0, 0)..(1, 4)
        "Gives `NotImplemented`.";
    RebuildTornadoCoroutine "_rebuild_tornado_coroutine" ("func") 1 (0, 0)..(1, 4)
        "Makes a coroutine of Tornado of the function below it.";
    RestoreAttr "_restore_attr" ("obj", "attr") 2 (0, 0)..(1, 1)
        "Sets an object's attributes from a dict, and gives the object back.";
    Genpartial "_genpartial" ("func", "args", "kwds") 3 (0, 0)..(0, 3)
        "Makes a `functools.partial`.";
    GetDictNew "_get_dict_new" () 0 (0, 4)..(1, 1)
        "Gives `dict.__new__`.";
    GetFrozensetNew "_get_frozenset_new" () 0 (0, 4)..(1, 1)
        "Gives `frozenset.__new__`.";
    GetListNew "_get_list_new" () 0 (0, 4)..(1, 1)
        "Gives `list.__new__`.";
    GetObjectNew "_get_object_new" () 0 (0, 4)..(1, 1)
        "Gives `object.__new__`.";
    GetSetNew "_get_set_new" () 0 (0, 4)..(1, 1)
        "Gives `set.__new__`.";
    GetTupleNew "_get_tuple_new" () 0 (0, 4)..(1, 1)
        "Gives `tuple.__new__`.";
}

impl Reconstructor {
    /// Whether the newest release of cloudpickle still writes it.
    #[must_use]
    pub const fn is_current(self) -> bool {
        self.last_release().is_none()
    }

    /// Whether it gives its first argument the state that is its second.
    #[must_use]
    pub const fn sets_state(self) -> bool {
        use Reconstructor::{ClassSetstate, FillFunction, FunctionSetstate, RehydrateSkeletonClass, RestoreAttr};
        matches!(self, FunctionSetstate | ClassSetstate | FillFunction | RehydrateSkeletonClass | RestoreAttr)
    }

    /// Finds a reconstructor by the module and name under which a pickle names it, in any [`Dialect`].
    ///
    /// ```
    /// use cloud_reduce::{Dialect, Reconstructor};
    ///
    /// let found = Reconstructor::from_global("pyspark.cloudpickle.cloudpickle", "_make_cell");
    /// assert_eq!(found, Some((Dialect::PySpark, Reconstructor::MakeCell)));
    /// assert_eq!(Reconstructor::from_global("os", "_make_cell"), None);
    /// ```
    #[must_use]
    pub fn from_global(module: &str, name: &str) -> Option<(Dialect, Reconstructor)> {
        // The name first: nearly all are others, which takes a look at the length to tell.
        let reconstructor = Reconstructor::from_name(name)?;
        Some((Dialect::from_module(module)?, reconstructor))
    }
}

impl core::fmt::Display for Reconstructor {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.pad(self.name())
    }
}

macro_rules! define_dialects {
    ($($variant:ident $module:literal [$($other:literal),*] $doc:literal;)*) => {
        /// Whose copy of cloudpickle wrote a pickle, told by the module that its reconstructors are named in.
        ///
        /// Projects that carry a copy of cloudpickle inside their own package change little but that module's name. A module that
        /// none of the known ones has, and whose name ends as those of copies do, is [`Dialect::Other`]: what its functions do when
        /// the pickle is loaded is up to that module.
        ///
        /// ```
        /// use cloud_reduce::Dialect;
        ///
        /// assert_eq!(Dialect::from_module("pyspark.cloudpickle"), Some(Dialect::PySpark));
        /// assert_eq!(Dialect::from_module("inhouse.vendor.cloudpickle.cloudpickle"), Some(Dialect::Other));
        /// assert_eq!(Dialect::from_module("pickle"), None);
        /// ```
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        #[non_exhaustive]
        pub enum Dialect {
            $(#[doc = $doc] $variant,)*
            /// The copy inside a package that this crate does not know.
            Other,
        }

        impl Dialect {
            /// Every known dialect.
            pub const KNOWN: [Dialect; [$($module),*].len()] = [$(Dialect::$variant),*];

            /// The module that its newest release names reconstructors in, or `None` for [`Dialect::Other`].
            #[must_use]
            pub const fn module(self) -> Option<&'static str> {
                match self {
                    $(Dialect::$variant => Some($module),)*
                    Dialect::Other => None,
                }
            }

            /// Every module that any of its releases names reconstructors in, the newest first; none for [`Dialect::Other`].
            #[must_use]
            pub const fn modules(self) -> &'static [&'static str] {
                match self {
                    $(Dialect::$variant => &[$module, $($other),*],)*
                    Dialect::Other => &[],
                }
            }

            /// The dialect that names its reconstructors in a module, or `None` for a module that is no copy of cloudpickle by its
            /// name.
            #[must_use]
            pub fn from_module(module: &str) -> Option<Dialect> {
                match module {
                    $($module $(| $other)* => Some(Dialect::$variant),)*
                    _ => COPIES.iter().any(|end| module.ends_with(end)).then_some(Dialect::Other),
                }
            }
        }
    };
}

/// How the modules of copies of cloudpickle end.
const COPIES: [&str; 3] = [".cloudpickle", ".cloudpickle.cloudpickle", ".cloudpickle.cloudpickle_fast"];

#[rustfmt::skip]
define_dialects! {
    Cloudpickle "cloudpickle.cloudpickle" ["cloudpickle.cloudpickle_fast", "cloudpickle"] "cloudpickle itself.";
    PySpark "pyspark.cloudpickle.cloudpickle" ["pyspark.cloudpickle.cloudpickle_fast", "pyspark.cloudpickle"] "The copy inside PySpark (a single module before Spark 3.1).";
    Ray "ray.cloudpickle.cloudpickle" ["ray.cloudpickle.cloudpickle_fast", "ray.cloudpickle"] "The copy inside Ray.";
    Joblib "joblib.externals.cloudpickle.cloudpickle" ["joblib.externals.cloudpickle.cloudpickle_fast", "joblib.externals.cloudpickle"] "The copy inside joblib up to 1.5, which loky and scikit-learn use.";
    SklearnJoblib "sklearn.externals.joblib.externals.cloudpickle.cloudpickle" ["sklearn.externals.joblib.externals.cloudpickle"] "The copy inside the joblib that scikit-learn carried before 0.23.";
    Beam "apache_beam.internal.cloudpickle.cloudpickle" ["apache_beam.internal.cloudpickle.cloudpickle_fast", "apache_beam.internal.cloudpickle"] "The copy inside Apache Beam, whose state setters are `functools.partial`s.";
    Srsly "srsly.cloudpickle.cloudpickle" ["srsly.cloudpickle.cloudpickle_fast", "srsly.cloudpickle"] "The copy inside srsly, which spaCy uses.";
    Modal "modal._vendor.cloudpickle" [] "The copy inside Modal's client.";
    CloudpickleRs "cloudpickle_rs.cloudpickle" ["cloudpickle_rs.cloudpickle_fast", "cloudpickle_rs"] "This project's module, which itself writes cloudpickle's own names.";
}

impl Dialect {
    /// The module of this dialect that has what another dialect's `module` has: `cloudpickle_fast` of one package for that of
    /// another, otherwise the module of the newest release. `None` for [`Dialect::Other`].
    ///
    /// ```
    /// use cloud_reduce::Dialect;
    ///
    /// assert_eq!(Dialect::Cloudpickle.module_for("pyspark.cloudpickle"), Some("cloudpickle.cloudpickle"));
    /// assert_eq!(Dialect::Ray.module_for("cloudpickle.cloudpickle_fast"), Some("ray.cloudpickle.cloudpickle_fast"));
    /// ```
    #[must_use]
    pub fn module_for(self, module: &str) -> Option<&'static str> {
        const FAST: &str = ".cloudpickle_fast";
        let fast = module.ends_with(FAST).then(|| self.modules().iter().find(|own| own.ends_with(FAST))).flatten();
        fast.copied().or(self.module())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_again_and_required_parameters_are_not_more_than_there_are() {
        for reconstructor in Reconstructor::ALL {
            assert_eq!(Reconstructor::from_name(reconstructor.name()), Some(reconstructor));
            assert!(reconstructor.required_parameters() <= reconstructor.parameters().len(), "{reconstructor}");
            assert!(reconstructor.doc().ends_with('.'), "{reconstructor}");
            if let Some(last) = reconstructor.last_release() {
                assert!(reconstructor.first_release() <= last, "{reconstructor}");
            }
        }
    }

    #[test]
    fn every_module_belongs_to_the_dialect_that_lists_it() {
        for dialect in Dialect::KNOWN {
            assert_eq!(Some(dialect.modules()[0]), dialect.module());
            for module in dialect.modules() {
                assert_eq!(Dialect::from_module(module), Some(dialect));
            }
        }
        assert_eq!(Dialect::Cloudpickle.module(), Some(MODULE));
        assert_eq!(Dialect::from_module(FAST_MODULE), Some(Dialect::Cloudpickle));
    }
}
