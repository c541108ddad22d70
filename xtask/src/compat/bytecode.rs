//! The check `code`: layouts, bytecode, tables and names of every code object of the standard library.

use cloud_reduce::{
    Implementation,
    code::{CodeLayout, ExceptionHandlers, GlobalOps, Instructions, LineTable, LineTableFormat, OpcodeTable, Operand},
};
use serde::Deserialize;
use serde_json::json;

use super::{
    setting::{Failure, Outcome, Setting},
    value::unhex,
};
use crate::python::Python;

/// Line, last line, column and column behind the end.
type Position = (Option<i32>, Option<i32>, Option<u32>, Option<u32>);

/// What an interpreter says of a code object.
#[derive(Deserialize)]
struct Told {
    name: String,
    firstlineno: i32,
    co_code: String,
    co_names: Vec<Vec<u32>>,
    /// Offset and number, as `dis.findlinestarts` gives them.
    lines: Vec<(usize, Option<i32>)>,
    /// `co_linetable` or `co_lnotab`.
    table: String,
    exceptions: String,
    handlers: Vec<(usize, usize, usize, usize, bool)>,
    /// Offset, name, argument and jump target.
    instructions: Vec<(usize, String, Option<u32>, Option<i64>)>,
    globals: Vec<Vec<u32>>,
    /// What is wrong with a code object that is made from its attributes in the order of our layout.
    rebuilt: Option<String>,
    positions: Option<Vec<Position>>,
}

#[derive(Deserialize)]
struct Codes {
    codes: Vec<Told>,
}

#[derive(Deserialize)]
struct Files {
    files: Vec<String>,
}

/// One file in so many is looked at in a quick run.
const QUICK: u64 = 40;

/// Our instructions, lines, positions, handlers, global names and layout are the interpreter's own, over the standard library.
pub(super) fn code(setting: &Setting, python: &Python) -> anyhow::Result<Outcome> {
    let implementation = if python.is_cpython() { Implementation::CPython } else { Implementation::PyPy };
    let known =
        OpcodeTable::of(implementation, python.version).zip(CodeLayout::for_python(python.version.major, python.version.minor));
    let Some((table, layout)) = known else {
        return Ok(match python.version.major {
            2 => Outcome::NotApplicable("cloud-reduce reads the code of Python 3.6 and newer".into()),
            _ => Outcome::Failed(vec![Failure::new(python.to_string(), "a version without opcodes or layout", "a Python")]),
        });
    };
    let layout: Vec<&str> = layout.fields().iter().map(|field| field.attribute()).collect();
    let mut worker = Setting::worker(&python.path, &[]);
    let files: Files = worker.ask("bytecode.files", json!({}))?;
    let mut compared = 0;
    let mut smallest: Option<(usize, Failure)> = None;
    let (first, step) = if setting.quick { ((setting.seed % QUICK) as usize, QUICK as usize) } else { (0, 1) };
    for file in files.files.into_iter().skip(first).step_by(step) {
        let told: Codes = worker.ask("bytecode.code", json!({ "file": file, "layout": layout }))?;
        for told in told.codes {
            compared += 1;
            if let Some(failure) = compare(&told, table, implementation, python)? {
                let size = told.instructions.len();
                if smallest.as_ref().is_none_or(|(other, _)| size < *other) {
                    let case = format!("{}, line {}, {}: {}", file, told.firstlineno, told.name, failure.case);
                    smallest = Some((size, Failure { case, ..failure }));
                }
            }
        }
    }
    Ok(Outcome::of(compared, smallest.into_iter().map(|(_, failure)| failure).collect()))
}

fn compare(
    told: &Told,
    table: &'static OpcodeTable,
    implementation: Implementation,
    python: &Python,
) -> anyhow::Result<Option<Failure>> {
    if let Some(what) = &told.rebuilt {
        return Ok(Some(Failure::new("made again from its attributes in the order of our layout", what, "the same code object")));
    }
    let co_code = unhex(&told.co_code)?;
    let ours: Vec<_> = Instructions::new(table, &co_code)
        .map(|instruction| {
            let jump = if let Operand::Jump(target) = instruction.operand { Some(target) } else { None };
            (instruction.offset, instruction.name().unwrap_or("?").to_owned(), instruction.arg, jump)
        })
        .collect();
    if let Some((ours, theirs)) = ours.iter().zip(&told.instructions).find(|(ours, theirs)| ours != theirs) {
        return Ok(Failure::unless_same("an instruction", ours, theirs));
    }
    if ours.len() != told.instructions.len() {
        return Ok(Failure::unless_same("how many instructions there are", &ours.len(), &told.instructions.len()));
    }

    let bytes = unhex(&told.table)?;
    let line_table = LineTable {
        format: LineTableFormat::of(implementation, python.version),
        bytes: &bytes,
        first_line: told.firstlineno,
        code_length: co_code.len(),
    };
    let starts = line_starts(line_table, python);
    if let Some(failure) = Failure::unless_same("where lines start", &starts, &told.lines) {
        return Ok(Some(failure));
    }
    if let Some(positions) = &told.positions {
        let ours: Vec<_> = line_table.positions().map(|at| (at.line, at.end_line, at.column, at.end_column)).collect();
        if let Some(failure) = Failure::unless_same("positions", &ours, positions) {
            return Ok(Some(failure));
        }
    }
    let exceptions = unhex(&told.exceptions)?;
    let handlers: Vec<_> = ExceptionHandlers::new(&exceptions).map(|h| (h.start, h.end, h.target, h.depth, h.lasti)).collect();
    if let Some(failure) = Failure::unless_same("exception handlers", &handlers, &told.handlers) {
        return Ok(Some(failure));
    }

    let mut globals: Vec<&Vec<u32>> = Vec::new();
    if let Some(ops) = GlobalOps::of(implementation, python.version) {
        for index in ops.name_indices(&co_code) {
            if let Some(name) = told.co_names.get(index as usize).filter(|name| !globals.contains(name)) {
                globals.push(name);
            }
        }
    }
    let theirs: Vec<&Vec<u32>> = told.globals.iter().collect();
    Ok(Failure::unless_same("names of globals", &globals, &theirs))
}

/// What `dis.findlinestarts` gives: where the line becomes another one.
fn line_starts(table: LineTable<'_>, python: &Python) -> Vec<(usize, Option<i32>)> {
    let tells_none = python.version >= cloud_reduce::PythonVersion::new(3, 13);
    let mut starts: Vec<(usize, Option<i32>)> = Vec::new();
    let mut last = Some(None);
    for range in table.ranges() {
        if range.line.is_none() && !tells_none {
            continue;
        }
        if last != Some(range.line) || (starts.is_empty() && tells_none && range.line.is_none()) {
            last = Some(range.line);
            starts.push((range.start, range.line));
        }
    }
    starts
}
