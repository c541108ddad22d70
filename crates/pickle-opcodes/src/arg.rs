//! [`ArgKind`]: how an opcode's argument is written.

macro_rules! define_arg_kind {
    ($($(#[doc = $doc:literal])* $variant:ident $name:literal $value:ty;)*) => {
        /// How an opcode's argument is written; the names are those of `pickletools`.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
        pub enum ArgKind {
            $($(#[doc = $doc])* $variant,)*
        }

        impl ArgKind {
            /// Every kind.
            pub const ALL: &'static [ArgKind] = &[$(ArgKind::$variant),*];

            /// The name that `pickletools` gives it, such as `"uint1"`.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(ArgKind::$variant => $name,)* }
            }
        }

        /// What [`Op`](crate::Op) holds of an argument of each kind.
        pub(crate) mod value {
            $(pub(crate) type $variant<'a> = $value;)*
        }
    };
}

define_arg_kind! {
    /// One unsigned byte.
    Uint1 "uint1" u8;
    /// Two bytes, unsigned, little-endian.
    Uint2 "uint2" u16;
    /// Four bytes, signed, little-endian.
    Int4 "int4" i32;
    /// Four bytes, unsigned, little-endian.
    Uint4 "uint4" u32;
    /// Eight bytes, unsigned, little-endian.
    Uint8 "uint8" u64;
    /// A line holding a quoted string with Python's escapes.
    Stringnl "stringnl" &'a [u8];
    /// A line, taken as it stands.
    StringnlNoescape "stringnl_noescape" &'a [u8];
    /// Two lines, taken as they stand: a module and a name in it.
    StringnlNoescapePair "stringnl_noescape_pair" crate::GlobalName<'a>;
    /// A one-byte length and so many bytes.
    String1 "string1" &'a [u8];
    /// A four-byte signed length and so many bytes.
    String4 "string4" &'a [u8];
    /// A one-byte length and so many bytes.
    Bytes1 "bytes1" &'a [u8];
    /// A four-byte unsigned length and so many bytes.
    Bytes4 "bytes4" &'a [u8];
    /// An eight-byte unsigned length and so many bytes.
    Bytes8 "bytes8" &'a [u8];
    /// An eight-byte unsigned length and so many bytes.
    Bytearray8 "bytearray8" &'a [u8];
    /// A line of raw-unicode-escape text.
    Unicodestringnl "unicodestringnl" &'a [u8];
    /// A one-byte length and so many bytes of UTF-8, lone surrogates included.
    Unicodestring1 "unicodestring1" &'a [u8];
    /// A four-byte unsigned length and so many bytes of UTF-8, lone surrogates included.
    Unicodestring4 "unicodestring4" &'a [u8];
    /// An eight-byte unsigned length and so many bytes of UTF-8, lone surrogates included.
    Unicodestring8 "unicodestring8" &'a [u8];
    /// A line holding a decimal integer, or `00` or `01` for a bool.
    DecimalnlShort "decimalnl_short" &'a [u8];
    /// A line holding a decimal integer, with an optional `L` behind it.
    DecimalnlLong "decimalnl_long" &'a [u8];
    /// A line holding the decimal repr of a float.
    Floatnl "floatnl" &'a [u8];
    /// Eight bytes, an IEEE 754 double, big-endian.
    Float8 "float8" f64;
    /// A one-byte length and so many bytes of a little-endian two's complement integer.
    Long1 "long1" &'a [u8];
    /// A four-byte signed length and so many bytes of a little-endian two's complement integer.
    Long4 "long4" &'a [u8];
}
