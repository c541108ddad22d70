//! The opcode tables, one module for each version of Python, written by `cargo xtask codegen`.

mod cpython_3_10;
mod cpython_3_11;
mod cpython_3_12;
mod cpython_3_13;
mod cpython_3_14;
mod cpython_3_15;
mod cpython_3_6;
mod cpython_3_7;
mod cpython_3_8;
mod cpython_3_9;
mod pypy_3_11;

use super::opcode::OpcodeTable;

/// The newest minor version of CPython 3 that has a table.
pub(super) const NEWEST_MINOR: u8 = 15;

/// Every table: those of CPython first, each from the oldest version to the newest.
pub(super) static TABLES: [&OpcodeTable; 11] = [
    &cpython_3_6::TABLE,
    &cpython_3_7::TABLE,
    &cpython_3_8::TABLE,
    &cpython_3_9::TABLE,
    &cpython_3_10::TABLE,
    &cpython_3_11::TABLE,
    &cpython_3_12::TABLE,
    &cpython_3_13::TABLE,
    &cpython_3_14::TABLE,
    &cpython_3_15::TABLE,
    &pypy_3_11::TABLE,
];
