//! The pickle wire format, as one table.
//!
//! A pickle is a program for a small machine with a stack and a memo. This is the pickle of `(1, "a")` at protocol 4, as
//! `python -m pickletools` lists it:
//!
//! ```text
//!     0: \x80 PROTO      4
//!     2: \x95 FRAME      9
//!    11: K    BININT1    1
//!    13: \x8c SHORT_BINUNICODE 'a'
//!    16: \x94 MEMOIZE    (as 0)
//!    17: \x86 TUPLE2
//!    18: \x94 MEMOIZE    (as 1)
//!    19: .    STOP
//! ```
//!
//! This crate says what each of those words means: [`for_each_opcode!`] holds one row for each of the 68 opcodes (its name,
//! byte, argument kind, stack effect, first protocol and one line of documentation), and [`Opcode`], [`ArgKind`], [`StackItem`],
//! [`Protocol`] and [`Op`] are made from it.
//!
//! ```
//! use pickle_opcodes::{Opcode, StackItem};
//!
//! let opcode = Opcode::from_byte(0x86).unwrap();
//! assert_eq!(opcode.name(), "TUPLE2");
//! assert_eq!(opcode.stack_before(), [StackItem::Any, StackItem::Any]);
//! assert_eq!(opcode.stack_after(), [StackItem::Tuple]);
//! println!("{opcode}: {}", opcode.doc());
//! ```
//!
//! It reads and writes nothing: `pickle-parse` turns bytes into [`Op`]s, `pickle-emit` turns [`Op`]s into bytes. It needs neither
//! `std` nor an allocator.
#![no_std]

#[macro_use]
mod table;

mod arg;
mod op;
mod opcode;
mod protocol;
mod stack;

pub use arg::ArgKind;
pub use op::{GlobalName, Op};
pub use opcode::{Opcode, UnknownOpcode};
pub use protocol::{Protocol, UnsupportedProtocol};
pub use stack::StackItem;

/// The README's examples.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
