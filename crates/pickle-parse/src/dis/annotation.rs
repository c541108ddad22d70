//! What annotated listings say of each opcode.

use pickle_opcodes::Opcode;

/// The words of `pickletools.dis(annotate=...)` of CPython 3.13: the first line of what `pickletools.opcodes` says of each. They
/// are part of the listing's format; what this project itself says is [`Opcode::doc`].
pub(super) fn annotation(opcode: Opcode) -> &'static str {
    match opcode {
        Opcode::Int => "Push an integer or bool.",
        Opcode::BinInt => "Push a four-byte signed integer.",
        Opcode::BinInt1 => "Push a one-byte unsigned integer.",
        Opcode::BinInt2 => "Push a two-byte unsigned integer.",
        Opcode::Long => "Push a long integer.",
        Opcode::Long1 => "Long integer using one-byte length.",
        Opcode::Long4 => "Long integer using four-byte length.",
        Opcode::String | Opcode::BinString | Opcode::ShortBinString => "Push a Python string object.",
        Opcode::BinBytes | Opcode::ShortBinBytes | Opcode::BinBytes8 => "Push a Python bytes object.",
        Opcode::ByteArray8 => "Push a Python bytearray object.",
        Opcode::NextBuffer => "Push an out-of-band buffer object.",
        Opcode::ReadonlyBuffer => "Make an out-of-band buffer object read-only.",
        Opcode::None => "Push None on the stack.",
        Opcode::NewTrue => "Push True onto the stack.",
        Opcode::NewFalse => "Push False onto the stack.",
        Opcode::Unicode | Opcode::ShortBinUnicode | Opcode::BinUnicode | Opcode::BinUnicode8 => {
            "Push a Python Unicode string object."
        }
        Opcode::Float => "Newline-terminated decimal float literal.",
        Opcode::BinFloat => "Float stored in binary form, with 8 bytes of data.",
        Opcode::EmptyList => "Push an empty list.",
        Opcode::Append => "Append an object to a list.",
        Opcode::Appends => "Extend a list by a slice of stack objects.",
        Opcode::List => "Build a list out of the topmost stack slice, after markobject.",
        Opcode::EmptyTuple => "Push an empty tuple.",
        Opcode::Tuple => "Build a tuple out of the topmost stack slice, after markobject.",
        Opcode::Tuple1 => "Build a one-tuple out of the topmost item on the stack.",
        Opcode::Tuple2 => "Build a two-tuple out of the top two items on the stack.",
        Opcode::Tuple3 => "Build a three-tuple out of the top three items on the stack.",
        Opcode::EmptyDict => "Push an empty dict.",
        Opcode::Dict => "Build a dict out of the topmost stack slice, after markobject.",
        Opcode::SetItem => "Add a key+value pair to an existing dict.",
        Opcode::SetItems => "Add an arbitrary number of key+value pairs to an existing dict.",
        Opcode::EmptySet => "Push an empty set.",
        Opcode::AddItems => "Add an arbitrary number of items to an existing set.",
        Opcode::FrozenSet => "Build a frozenset out of the topmost slice, after markobject.",
        Opcode::Pop => "Discard the top stack item, shrinking the stack by one item.",
        Opcode::Dup => "Push the top stack item onto the stack again, duplicating it.",
        Opcode::Mark => "Push markobject onto the stack.",
        Opcode::PopMark => "Pop all the stack objects at and above the topmost markobject.",
        Opcode::Get | Opcode::BinGet | Opcode::LongBinGet => "Read an object from the memo and push it on the stack.",
        Opcode::Put | Opcode::BinPut | Opcode::LongBinPut | Opcode::Memoize => {
            "Store the stack top into the memo.  The stack is not popped."
        }
        Opcode::Ext1 | Opcode::Ext2 | Opcode::Ext4 => "Extension code.",
        Opcode::Global | Opcode::StackGlobal => "Push a global object (module.attr) on the stack.",
        Opcode::Reduce => "Push an object built from a callable and an argument tuple.",
        Opcode::Build => "Finish building an object, via __setstate__ or dict update.",
        Opcode::Inst | Opcode::Obj => "Build a class instance.",
        Opcode::NewObj | Opcode::NewObjEx => "Build an object instance.",
        Opcode::Proto => "Protocol version indicator.",
        Opcode::Stop => "Stop the unpickling machine.",
        Opcode::Frame => "Indicate the beginning of a new frame.",
        Opcode::PersId | Opcode::BinPersId => "Push an object identified by a persistent ID.",
    }
}
