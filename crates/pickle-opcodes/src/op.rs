//! [`Op`]: an opcode with its argument.

use crate::{Opcode, arg::value};

/// A module and a name in it, as `GLOBAL` and `INST` write them: two lines, without their newlines.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct GlobalName<'a> {
    /// The module's full name.
    pub module: &'a [u8],
    /// The object's name in it; from protocol 4 on it may have dots.
    pub name: &'a [u8],
}

macro_rules! ignore_arg {
    ($arg:ident) => {
        _
    };
}

macro_rules! define_op {
    ($($variant:ident $name:literal $byte:literal $(($arg:ident))? [$($before:ident)*] [$($after:ident)*] $protocol:ident
       $doc:literal;)*) => {
        /// An opcode with its argument, which borrows from the pickle that it was read from.
        ///
        /// Numbers are decoded. Text arguments and counted strings are the bytes as they stand in the pickle (without the
        /// newline or the length), so that an op that was read can be written again as it was.
        ///
        /// ```
        /// use pickle_opcodes::{Op, Opcode};
        ///
        /// let op = Op::ShortBinUnicode(b"hello");
        /// assert_eq!(op.opcode(), Opcode::ShortBinUnicode);
        /// ```
        #[derive(Clone, Copy, PartialEq, Debug)]
        pub enum Op<'a> {
            $(#[doc = concat!("`", $name, "`: ", $doc)] $variant $((value::$arg<'a>))?,)*
        }

        impl Op<'_> {
            /// Which opcode it is.
            #[inline]
            #[must_use]
            pub const fn opcode(&self) -> Opcode {
                match self { $(Op::$variant $((ignore_arg!($arg)))? => Opcode::$variant,)* }
            }
        }
    };
}
for_each_opcode!(define_op);
