//! [`Opcode`]: which opcodes there are, and what the table says of each.

use crate::{ArgKind, Protocol, StackItem};

macro_rules! optional_arg {
    () => {
        Option::None
    };
    ($arg:ident) => {
        Option::Some(ArgKind::$arg)
    };
}

macro_rules! define_opcode {
    ($($variant:ident $name:literal $byte:literal $(($arg:ident))? [$($before:ident)*] [$($after:ident)*] $protocol:ident
       $doc:literal;)*) => {
        /// An opcode of the pickle format; as a `u8` it is the byte that stands in the pickle.
        ///
        /// ```
        /// use pickle_opcodes::{ArgKind, Opcode, Protocol};
        ///
        /// let opcode = Opcode::from_byte(b'K').unwrap();
        /// assert_eq!(opcode, Opcode::BinInt1);
        /// assert_eq!(opcode.name(), "BININT1");
        /// assert_eq!(opcode.arg(), Some(ArgKind::Uint1));
        /// assert_eq!(opcode.protocol(), Protocol::V1);
        /// ```
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        #[repr(u8)]
        pub enum Opcode {
            $(#[doc = concat!("`", $name, "`: ", $doc)] $variant = $byte,)*
        }

        impl Opcode {
            /// Every opcode, in the order of `pickletools.opcodes`.
            pub const ALL: [Opcode; [$($name),*].len()] = [$(Opcode::$variant),*];

            /// The opcode that a byte stands for, or `None` where it stands for none.
            #[inline]
            #[must_use]
            pub const fn from_byte(byte: u8) -> Option<Opcode> {
                match byte {
                    $($byte => Option::Some(Opcode::$variant),)*
                    _ => Option::None,
                }
            }

            /// The name that `pickletools` gives it, such as `"BININT1"`.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Opcode::$variant => $name,)* }
            }

            /// How its argument is written, or `None` where it has none.
            #[must_use]
            pub const fn arg(self) -> Option<ArgKind> {
                match self { $(Opcode::$variant => optional_arg!($($arg)?),)* }
            }

            /// What it takes off the stack, the bottommost first.
            #[must_use]
            pub const fn stack_before(self) -> &'static [StackItem] {
                match self { $(Opcode::$variant => &[$(StackItem::$before),*],)* }
            }

            /// What it leaves on the stack in exchange, the bottommost first.
            #[must_use]
            pub const fn stack_after(self) -> &'static [StackItem] {
                match self { $(Opcode::$variant => &[$(StackItem::$after),*],)* }
            }

            /// The first protocol that has it.
            #[must_use]
            pub const fn protocol(self) -> Protocol {
                match self { $(Opcode::$variant => Protocol::$protocol,)* }
            }

            /// What it does, in one line.
            #[must_use]
            pub const fn doc(self) -> &'static str {
                match self { $(Opcode::$variant => $doc,)* }
            }
        }
    };
}
for_each_opcode!(define_opcode);

impl Opcode {
    /// The byte that stands in the pickle.
    #[inline]
    #[must_use]
    pub const fn byte(self) -> u8 {
        self as u8
    }
}

impl core::fmt::Display for Opcode {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.pad(self.name())
    }
}

impl TryFrom<u8> for Opcode {
    type Error = UnknownOpcode;

    fn try_from(byte: u8) -> Result<Self, UnknownOpcode> {
        Opcode::from_byte(byte).ok_or(UnknownOpcode(byte))
    }
}

/// A byte that is no opcode.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct UnknownOpcode(pub u8);

impl core::fmt::Display for UnknownOpcode {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "0x{:02x} is no pickle opcode", self.0)
    }
}

impl core::error::Error for UnknownOpcode {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_is_the_opcode_that_it_says_or_none() {
        let known = (0..=255u8).filter_map(Opcode::from_byte);
        assert_eq!(known.clone().count(), 68);
        for opcode in known {
            assert_eq!(Opcode::from_byte(opcode.byte()), Some(opcode));
            assert!(Opcode::ALL.contains(&opcode));
        }
    }

    #[test]
    fn names_and_docs_are_distinct_and_docs_are_sentences() {
        for (i, a) in Opcode::ALL.iter().enumerate() {
            assert!(a.doc().ends_with('.') && !a.doc().contains('\n'), "{a}");
            for b in &Opcode::ALL[i + 1..] {
                assert_ne!(a.name(), b.name());
                assert_ne!(a.doc(), b.doc());
            }
        }
    }

    #[test]
    fn a_slice_of_the_stack_always_has_a_mark_somewhere_below_it() {
        for opcode in Opcode::ALL {
            let before = opcode.stack_before();
            if before.contains(&StackItem::StackSlice) {
                assert!(before.contains(&StackItem::Mark), "{opcode}");
                assert_eq!(before.last(), Some(&StackItem::StackSlice), "{opcode}");
            }
        }
    }
}
