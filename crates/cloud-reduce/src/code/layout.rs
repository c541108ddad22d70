//! [`CodeLayout`]: the order in which a code object's attributes are the arguments of `types.CodeType`.

use super::opcodes::NEWEST_MINOR;
use crate::PythonVersion;

macro_rules! define_fields {
    ($($variant:ident $attribute:literal $doc:literal;)*) => {
        /// An attribute of a code object that is also an argument of `types.CodeType`.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub enum CodeField {
            $(#[doc = concat!("`", $attribute, "`: ", $doc)] $variant,)*
        }

        impl CodeField {
            /// Every field, in no version's order.
            pub const ALL: [CodeField; [$($attribute),*].len()] = [$(CodeField::$variant),*];

            /// The name of the code object's attribute, such as `"co_argcount"`.
            #[inline]
            #[must_use]
            pub const fn attribute(self) -> &'static str {
                match self { $(CodeField::$variant => $attribute,)* }
            }
        }
    };
}

define_fields! {
    Argcount "co_argcount" "how many positional parameters it has, with those before a `/`.";
    Posonlyargcount "co_posonlyargcount" "how many of them stand before a `/` (from 3.8 on).";
    Kwonlyargcount "co_kwonlyargcount" "how many keyword-only parameters it has.";
    Nlocals "co_nlocals" "how many local variables it has.";
    Stacksize "co_stacksize" "how deep its stack may become.";
    Flags "co_flags" "the `CO_*` flags of `inspect`.";
    Code "co_code" "the bytecode, without the interpreter's own changes to it.";
    Consts "co_consts" "the constants, code objects of nested functions among them.";
    Names "co_names" "the names of globals, attributes and imports.";
    Varnames "co_varnames" "the names of local variables, parameters first.";
    Filename "co_filename" "the file that it was compiled from.";
    Name "co_name" "its name.";
    Qualname "co_qualname" "its qualified name (from 3.11 on).";
    Firstlineno "co_firstlineno" "the number of its first line.";
    Lnotab "co_lnotab" "the line table up to 3.9.";
    Linetable "co_linetable" "the line table of 3.10, and from 3.11 on the table of positions.";
    Exceptiontable "co_exceptiontable" "the table of exception handlers (from 3.11 on).";
    Freevars "co_freevars" "the names of variables that come from an enclosing function.";
    Cellvars "co_cellvars" "the names of local variables that nested functions refer to.";
    Framesize "co_framesize" "the number of registers (only in the 3.9 without a GIL).";
    Ndefaultargs "co_ndefaultargs" "the number of defaults (likewise).";
    Nmeta "co_nmeta" "the number of constants that are not the code's own (likewise).";
    ExcHandlers "co_exc_handlers" "the exception handlers (likewise).";
    JumpTable "co_jump_table" "the jump table (likewise).";
    Free2reg "co_free2reg" "which register each free variable is in (likewise).";
    Cell2reg "co_cell2reg" "which register each cell variable is in (likewise).";
}

impl CodeField {
    /// Whether cloudpickle pickles a fresh copy of the attribute's value instead of the value itself, so that the value shares
    /// no memo entry with the rest of the pickle: the tuples of names and, among the strings, `co_name`.
    ///
    /// Such a copy is still one object where the interpreter has but one: the empty tuple, the empty string, a string of one
    /// Latin-1 character.
    #[must_use]
    pub const fn is_copied(self) -> bool {
        use CodeField::{Cellvars, Freevars, Name, Names, Varnames};
        matches!(self, Names | Varnames | Name | Freevars | Cellvars)
    }
}

/// The order of the arguments of `types.CodeType` in one or more versions of Python.
///
/// ```
/// use cloud_reduce::code::{CodeField, CodeLayout};
///
/// let layout = CodeLayout::for_python(3, 8).unwrap();
/// assert_eq!(layout.fields().len(), 16);
/// assert_eq!(layout.fields()[1].attribute(), "co_posonlyargcount");
/// assert_eq!(layout.position(CodeField::Code), Some(6));
/// ```
#[derive(PartialEq, Eq, Hash, Debug)]
pub struct CodeLayout {
    fields: &'static [CodeField],
    versions: (PythonVersion, PythonVersion),
}

macro_rules! layout {
    ($first:literal..=$last:tt $($field:ident)*) => {
        CodeLayout {
            fields: &[$(CodeField::$field),*],
            versions: (PythonVersion::new(3, $first), PythonVersion::new(3, $last)),
        }
    };
}

impl CodeLayout {
    /// The layout of CPython 3.6 and 3.7.
    pub const PYTHON_3_6: CodeLayout = layout!(6..=7 Argcount Kwonlyargcount Nlocals Stacksize Flags Code Consts Names Varnames
        Filename Name Firstlineno Lnotab Freevars Cellvars);

    /// The layout of CPython 3.8 and 3.9, which have positional-only parameters (PEP 570).
    pub const PYTHON_3_8: CodeLayout = layout!(8..=9 Argcount Posonlyargcount Kwonlyargcount Nlocals Stacksize Flags Code
        Consts Names Varnames Filename Name Firstlineno Lnotab Freevars Cellvars);

    /// The layout of CPython 3.10, whose line table is another one (PEP 626).
    pub const PYTHON_3_10: CodeLayout = layout!(10..=10 Argcount Posonlyargcount Kwonlyargcount Nlocals Stacksize Flags Code
        Consts Names Varnames Filename Name Firstlineno Linetable Freevars Cellvars);

    /// The layout of CPython 3.11 and later (PEP 657 and exception tables), and of PyPy 3.11.
    pub const PYTHON_3_11: CodeLayout = layout!(11..=NEWEST_MINOR Argcount Posonlyargcount Kwonlyargcount Nlocals Stacksize Flags Code
        Consts Names Varnames Filename Name Qualname Firstlineno Linetable Exceptiontable Freevars Cellvars);

    /// The layout of "nogil", the experimental branch of CPython 3.9 without a global interpreter lock.
    pub const NOGIL_3_9: CodeLayout = layout!(9..=9 Argcount Posonlyargcount Kwonlyargcount Nlocals Framesize Ndefaultargs Nmeta
        Flags Code Consts Varnames Filename Name Firstlineno Lnotab ExcHandlers JumpTable Freevars Cellvars Free2reg Cell2reg);

    /// Every layout, the oldest first.
    pub const ALL: [&'static CodeLayout; 5] =
        [&Self::PYTHON_3_6, &Self::PYTHON_3_8, &Self::PYTHON_3_10, &Self::PYTHON_3_11, &Self::NOGIL_3_9];

    /// The layout of a version of CPython (which is also that of a PyPy of the same language version), or `None` for a version
    /// that this crate does not know.
    #[must_use]
    pub const fn for_python(major: u8, minor: u8) -> Option<&'static CodeLayout> {
        match (major, minor) {
            (3, 6 | 7) => Some(&Self::PYTHON_3_6),
            (3, 8 | 9) => Some(&Self::PYTHON_3_8),
            (3, 10) => Some(&Self::PYTHON_3_10),
            (3, 11..=NEWEST_MINOR) => Some(&Self::PYTHON_3_11),
            _ => None,
        }
    }

    /// The fields, in the order of the arguments.
    #[inline]
    #[must_use]
    pub const fn fields(&self) -> &'static [CodeField] {
        self.fields
    }

    /// The oldest and the newest known version of CPython that has this layout.
    #[must_use]
    pub const fn versions(&self) -> (PythonVersion, PythonVersion) {
        self.versions
    }

    /// At which argument (the first is 0) a field stands, or `None` where the layout lacks it.
    #[must_use]
    pub fn position(&self, field: CodeField) -> Option<usize> {
        self.fields.iter().position(|f| *f == field)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_known_version_has_the_layout_that_says_so() {
        for version in PythonVersion::known() {
            let layout = CodeLayout::for_python(version.major, version.minor).unwrap();
            let (first, last) = layout.versions();
            assert!(first <= version && version <= last, "{version}");
        }
        assert_eq!(CodeLayout::for_python(2, 7), None);
        assert_eq!(CodeLayout::for_python(3, NEWEST_MINOR + 1), None);
    }

    #[test]
    fn no_layout_has_a_field_twice() {
        for layout in CodeLayout::ALL {
            for (i, field) in layout.fields().iter().enumerate() {
                assert_eq!(layout.position(*field), Some(i), "{field:?}");
            }
        }
    }
}
