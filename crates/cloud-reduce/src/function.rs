//! How cloudpickle takes a function apart: the arguments of `_make_function` and the order of its state.
//!
//! A function that is pickled by value is six things, as `__reduce_ex__` may return them: `_make_function`, its arguments
//! ([`FunctionArg::ALL`]), a state (a pair: the function's `__dict__`, and a dict with the keys of [`FunctionState::ALL`]), no
//! list items, no dict items, and `_function_setstate`, which is called with the function and the state.

/// An argument of `_make_function`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum FunctionArg {
    /// `code`: the code object.
    Code,
    /// `globals`: a dict that all functions of one module share in one pickle, with those of [`BASE_GLOBALS`] that the
    /// function's own globals have.
    Globals,
    /// `name`: always `None`, the state has the name.
    Name,
    /// `argdefs`: always `None`, the state has the defaults.
    Argdefs,
    /// `closure`: `None`, or a tuple of as many empty cells as the code object has free variables; the state fills them.
    Closure,
}

impl FunctionArg {
    /// Every argument, in order.
    pub const ALL: [FunctionArg; 5] =
        [FunctionArg::Code, FunctionArg::Globals, FunctionArg::Name, FunctionArg::Argdefs, FunctionArg::Closure];
}

macro_rules! define_state {
    ($($variant:ident $key:literal $in_attribute:literal $doc:literal;)*) => {
        /// A key of the second dict of a function's state.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub enum FunctionState {
            $(#[doc = concat!("`", $key, "`: ", $doc)] $variant,)*
        }

        impl FunctionState {
            /// Every key, in the order in which the dict has them.
            pub const ALL: [FunctionState; [$($key),*].len()] = [$(FunctionState::$variant),*];

            /// The key itself.
            #[inline]
            #[must_use]
            pub const fn key(self) -> &'static str {
                match self { $(FunctionState::$variant => $key,)* }
            }

            /// The value that a key stands for, or `None` where a function's state has no such key.
            #[must_use]
            pub fn from_key(key: &str) -> Option<FunctionState> {
                match key {
                    $($key => Some(FunctionState::$variant),)*
                    _ => None,
                }
            }

            /// Whether the pickled value is what the function's attribute of the same name holds. `__globals__` is only a
            /// part of the attribute and `_cloudpickle_submodules` is none.
            #[must_use]
            pub const fn is_attribute(self) -> bool {
                match self { $(FunctionState::$variant => $in_attribute,)* }
            }
        }
    };
}

define_state! {
    Name "__name__" true "a copy of the name that shares no identity with other strings of the pickle.";
    Qualname "__qualname__" true "a copy of the qualified name, likewise.";
    Annotations "__annotations__" true "a dict.";
    Kwdefaults "__kwdefaults__" true "a dict or `None`.";
    Defaults "__defaults__" true "a tuple or `None`.";
    Module "__module__" true "the name of the module that defines it.";
    Doc "__doc__" true "a string or `None`.";
    Closure "__closure__" true "a tuple of cells or `None`.";
    Submodules "_cloudpickle_submodules" false
        "a list of modules that are there only to be imported: those below a package that the function refers to.";
    Globals "__globals__" false "those globals that the function's code, or code nested in it, names.";
}

/// The keys of the second dict of a function's state, in order.
pub const STATE: [&str; FunctionState::ALL.len()] = {
    let mut keys = [""; FunctionState::ALL.len()];
    let mut i = 0;
    while i < keys.len() {
        keys[i] = FunctionState::ALL[i].key();
        i += 1;
    }
    keys
};

/// The globals that a function's relative imports need, in the order in which `_make_function`'s `globals` has them. Those
/// that the function's module lacks are left out.
pub const BASE_GLOBALS: [&str; 4] = ["__package__", "__name__", "__path__", "__file__"];

/// The global that is never pickled: reconstructors set it to the loading process's own.
pub const BUILTINS: &str = "__builtins__";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_of_the_state_is_found_again() {
        for (key, state) in STATE.iter().zip(FunctionState::ALL) {
            assert_eq!(FunctionState::from_key(key), Some(state));
        }
    }

    #[test]
    fn the_arguments_are_those_of_the_reconstructor() {
        assert_eq!(crate::Reconstructor::MakeFunction.parameters().len(), FunctionArg::ALL.len());
    }
}
