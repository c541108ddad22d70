//! Code objects: how they are pickled, and what their bytecode says.

mod exceptions;
mod globals;
mod instruction;
mod layout;
mod lines;
mod opcode;
mod opcodes;
mod shape;

pub use exceptions::{ExceptionHandler, ExceptionHandlers};
pub use globals::{GlobalOps, NameIndices};
pub use instruction::{Instruction, Instructions, Operand};
pub use layout::{CodeField, CodeLayout};
pub use lines::{LineRange, LineRanges, LineTable, LineTableFormat, Position, Positions};
pub use opcode::{ArgKind, OpcodeInfo, OpcodeTable};
pub use shape::CodeShape;
