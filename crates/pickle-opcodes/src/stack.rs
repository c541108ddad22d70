//! [`StackItem`]: what opcodes take off the stack and leave on it.

macro_rules! define_stack_item {
    ($($(#[doc = $doc:literal])* $variant:ident $name:literal;)*) => {
        /// A kind of object on the stack of the pickle machine; the names are those of `pickletools`.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
        pub enum StackItem {
            $($(#[doc = $doc])* $variant,)*
        }

        impl StackItem {
            /// The name that `pickletools` gives it, such as `"int_or_bool"`.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(StackItem::$variant => $name,)* }
            }
        }
    };
}

define_stack_item! {
    /// Any object.
    Any "any";
    /// An `int`.
    Int "int";
    /// An `int`, or a `bool` as protocols 0 and 1 write it.
    IntOrBool "int_or_bool";
    /// A `bool`.
    Bool "bool";
    /// A `float`.
    Float "float";
    /// A Python 2 `str`: `bytes` or `str`, as the reader chooses.
    BytesOrStr "bytes_or_str";
    /// A `bytes` object.
    Bytes "bytes";
    /// A `bytearray` object.
    Bytearray "bytearray";
    /// A `str`.
    Str "str";
    /// `None`.
    None "None";
    /// A tuple.
    Tuple "tuple";
    /// A list.
    List "list";
    /// A dict.
    Dict "dict";
    /// A set.
    Set "set";
    /// A frozenset.
    Frozenset "frozenset";
    /// An object with the buffer interface, handed over beside the pickle.
    Buffer "buffer";
    /// The mark that `MARK` pushes.
    Mark "mark";
    /// All objects above the topmost mark.
    StackSlice "stackslice";
}
