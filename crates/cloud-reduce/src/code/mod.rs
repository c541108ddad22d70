//! Code objects: how they are pickled, and what their bytecode says.

mod globals;
mod layout;
mod opcode;
mod opcodes;

pub use globals::{GlobalOps, NameIndices};
pub use layout::{CodeField, CodeLayout};
pub use opcode::{ArgKind, OpcodeInfo, OpcodeTable};
