//! The table: one row per opcode. Everything else in this crate is made from it.

/// Calls a macro with every row of the opcode table.
///
/// A row is `Variant "NAME" byte (ArgKind) [stack before] [stack after] protocol "doc";`, where the parenthesised argument
/// kind is absent for opcodes that have no argument. `NAME`, the argument kinds, the stack effects and the protocols are those
/// of Python's `pickletools` module, whose order the rows also follow.
///
/// ```
/// macro_rules! count_opcodes {
///     ($($variant:ident $name:literal $byte:literal $(($arg:ident))? [$($before:ident)*] [$($after:ident)*] $protocol:ident
///        $doc:literal;)*) => {
///         [$($name),*].len()
///     };
/// }
/// assert_eq!(pickle_opcodes::for_each_opcode!(count_opcodes), 68);
/// ```
#[macro_export]
#[rustfmt::skip]
macro_rules! for_each_opcode {
    ($callback:ident) => {
        $callback! {
            Int "INT" b'I' (DecimalnlShort) [] [IntOrBool] V0 "Push an integer written in decimal, or a bool written as `00` or `01`.";
            BinInt "BININT" b'J' (Int4) [] [Int] V1 "Push a signed four-byte integer.";
            BinInt1 "BININT1" b'K' (Uint1) [] [Int] V1 "Push an unsigned one-byte integer.";
            BinInt2 "BININT2" b'M' (Uint2) [] [Int] V1 "Push an unsigned two-byte integer.";
            Long "LONG" b'L' (DecimalnlLong) [] [Int] V0 "Push an integer of any size, written in decimal with an optional `L` behind it.";
            Long1 "LONG1" 0x8a (Long1) [] [Int] V2 "Push an integer of up to 255 bytes, in two's complement.";
            Long4 "LONG4" 0x8b (Long4) [] [Int] V2 "Push an integer of up to 2^31 - 1 bytes, in two's complement.";
            String "STRING" b'S' (Stringnl) [] [BytesOrStr] V0 "Push a Python 2 `str`, written as its quoted repr.";
            BinString "BINSTRING" b'T' (String4) [] [BytesOrStr] V1 "Push a Python 2 `str` with a four-byte signed length.";
            ShortBinString "SHORT_BINSTRING" b'U' (String1) [] [BytesOrStr] V1 "Push a Python 2 `str` of up to 255 bytes.";
            BinBytes "BINBYTES" b'B' (Bytes4) [] [Bytes] V3 "Push a `bytes` object with a four-byte length.";
            ShortBinBytes "SHORT_BINBYTES" b'C' (Bytes1) [] [Bytes] V3 "Push a `bytes` object of up to 255 bytes.";
            BinBytes8 "BINBYTES8" 0x8e (Bytes8) [] [Bytes] V4 "Push a `bytes` object with an eight-byte length.";
            ByteArray8 "BYTEARRAY8" 0x96 (Bytearray8) [] [Bytearray] V5 "Push a `bytearray` object with an eight-byte length.";
            NextBuffer "NEXT_BUFFER" 0x97 [] [Buffer] V5 "Push the next out-of-band buffer.";
            ReadonlyBuffer "READONLY_BUFFER" 0x98 [Buffer] [Buffer] V5 "Make the out-of-band buffer on top of the stack read-only.";
            None "NONE" b'N' [] [None] V0 "Push `None`.";
            NewTrue "NEWTRUE" 0x88 [] [Bool] V2 "Push `True`.";
            NewFalse "NEWFALSE" 0x89 [] [Bool] V2 "Push `False`.";
            Unicode "UNICODE" b'V' (Unicodestringnl) [] [Str] V0 "Push a `str` written in raw-unicode-escape up to the end of the line.";
            ShortBinUnicode "SHORT_BINUNICODE" 0x8c (Unicodestring1) [] [Str] V4 "Push a `str` of up to 255 bytes of UTF-8.";
            BinUnicode "BINUNICODE" b'X' (Unicodestring4) [] [Str] V1 "Push a `str` of UTF-8 with a four-byte length.";
            BinUnicode8 "BINUNICODE8" 0x8d (Unicodestring8) [] [Str] V4 "Push a `str` of UTF-8 with an eight-byte length.";
            Float "FLOAT" b'F' (Floatnl) [] [Float] V0 "Push a float written as its decimal repr.";
            BinFloat "BINFLOAT" b'G' (Float8) [] [Float] V1 "Push a float of eight big-endian bytes.";
            EmptyList "EMPTY_LIST" b']' [] [List] V1 "Push an empty list.";
            Append "APPEND" b'a' [List Any] [List] V0 "Append the top of the stack to the list below it.";
            Appends "APPENDS" b'e' [List Mark StackSlice] [List] V1 "Extend the list below the topmost mark by the objects above the mark.";
            List "LIST" b'l' [Mark StackSlice] [List] V0 "Make a list of the objects above the topmost mark.";
            EmptyTuple "EMPTY_TUPLE" b')' [] [Tuple] V1 "Push an empty tuple.";
            Tuple "TUPLE" b't' [Mark StackSlice] [Tuple] V0 "Make a tuple of the objects above the topmost mark.";
            Tuple1 "TUPLE1" 0x85 [Any] [Tuple] V2 "Make a tuple of the top object.";
            Tuple2 "TUPLE2" 0x86 [Any Any] [Tuple] V2 "Make a tuple of the top two objects.";
            Tuple3 "TUPLE3" 0x87 [Any Any Any] [Tuple] V2 "Make a tuple of the top three objects.";
            EmptyDict "EMPTY_DICT" b'}' [] [Dict] V1 "Push an empty dict.";
            Dict "DICT" b'd' [Mark StackSlice] [Dict] V0 "Make a dict of the keys and values above the topmost mark.";
            SetItem "SETITEM" b's' [Dict Any Any] [Dict] V0 "Set one item of the dict below a key and a value.";
            SetItems "SETITEMS" b'u' [Dict Mark StackSlice] [Dict] V1 "Set the items of the dict below the topmost mark to the keys and values above the mark.";
            EmptySet "EMPTY_SET" 0x8f [] [Set] V4 "Push an empty set.";
            AddItems "ADDITEMS" 0x90 [Set Mark StackSlice] [Set] V4 "Add the objects above the topmost mark to the set below it.";
            FrozenSet "FROZENSET" 0x91 [Mark StackSlice] [Frozenset] V4 "Make a frozenset of the objects above the topmost mark.";
            Pop "POP" b'0' [Any] [] V0 "Discard the top of the stack.";
            Dup "DUP" b'2' [Any] [Any Any] V0 "Push the top of the stack once more.";
            Mark "MARK" b'(' [] [Mark] V0 "Push a mark, where a slice of the stack begins.";
            PopMark "POP_MARK" b'1' [Mark StackSlice] [] V1 "Discard the stack down to and with the topmost mark.";
            Get "GET" b'g' (DecimalnlShort) [] [Any] V0 "Push the memo's object at an index written in decimal.";
            BinGet "BINGET" b'h' (Uint1) [] [Any] V1 "Push the memo's object at a one-byte index.";
            LongBinGet "LONG_BINGET" b'j' (Uint4) [] [Any] V1 "Push the memo's object at a four-byte index.";
            Put "PUT" b'p' (DecimalnlShort) [] [] V0 "Store the top of the stack in the memo at an index written in decimal.";
            BinPut "BINPUT" b'q' (Uint1) [] [] V1 "Store the top of the stack in the memo at a one-byte index.";
            LongBinPut "LONG_BINPUT" b'r' (Uint4) [] [] V1 "Store the top of the stack in the memo at a four-byte index.";
            Memoize "MEMOIZE" 0x94 [Any] [Any] V4 "Store the top of the stack in the memo at the index that is the memo's length.";
            Ext1 "EXT1" 0x82 (Uint1) [] [Any] V2 "Push the object of a one-byte extension code.";
            Ext2 "EXT2" 0x83 (Uint2) [] [Any] V2 "Push the object of a two-byte extension code.";
            Ext4 "EXT4" 0x84 (Int4) [] [Any] V2 "Push the object of a four-byte extension code.";
            Global "GLOBAL" b'c' (StringnlNoescapePair) [] [Any] V0 "Push a global, its module and name written on two lines.";
            StackGlobal "STACK_GLOBAL" 0x93 [Str Str] [Any] V4 "Push a global, its module and name taken from the stack.";
            Reduce "REDUCE" b'R' [Any Any] [Any] V0 "Call the object below the top with the tuple on top as its arguments.";
            Build "BUILD" b'b' [Any Any] [Any] V0 "Give the object below the top the state on top, by `__setstate__` or into its `__dict__`.";
            Inst "INST" b'i' (StringnlNoescapePair) [Mark StackSlice] [Any] V0 "Make an instance of a class written on two lines, with the objects above the topmost mark as arguments.";
            Obj "OBJ" b'o' [Mark Any StackSlice] [Any] V1 "Make an instance of the class right above the topmost mark, with the objects above that as arguments.";
            NewObj "NEWOBJ" 0x81 [Any Any] [Any] V2 "Call `cls.__new__` of the class below the top with the tuple on top.";
            NewObjEx "NEWOBJ_EX" 0x92 [Any Any Any] [Any] V4 "Call `cls.__new__` with a tuple of arguments and a dict of keyword arguments.";
            Proto "PROTO" 0x80 (Uint1) [] [] V2 "Tell the protocol's version; a pickle of protocol 2 or later begins with it.";
            Stop "STOP" b'.' [Any] [] V0 "End the pickle; the top of the stack is its value.";
            Frame "FRAME" 0x95 (Uint8) [] [] V4 "Begin a frame of so many bytes.";
            PersId "PERSID" b'P' (StringnlNoescape) [] [Any] V0 "Push the object of a persistent id written on a line.";
            BinPersId "BINPERSID" b'Q' [Any] [Any] V1 "Push the object of the persistent id on top of the stack.";
        }
    };
}
