//! The check `code`: layouts, bytecode, tables and names of every code object of the standard library.

use std::{collections::HashSet, fmt::Debug};

use anyhow::Context as _;
use cloud_reduce::{
    Implementation,
    code::{
        CodeLayout, ExceptionHandlers, GlobalOps, Instruction, Instructions, LineTable, LineTableFormat, OpcodeTable, Operand,
    },
};
use serde::Deserialize;
use serde_json::json;

use super::{
    functions::{upstream, upstream_runs_on},
    makers::Makers,
    records::{ABSENT, Records, Said, Shape},
    setting::{Failure, Outcome, Setting, both},
    value::hex,
};
use crate::python::Python;

/// One file in so many is looked at in a quick run.
const QUICK: u64 = 40;

/// What `dis.cmp_op` has had.
const COMPARISONS: [&str; 12] = ["<", "<=", "==", "!=", ">", ">=", "in", "not in", "is", "is not", "exception match", "BAD"];

/// The source files of the standard library, and the names of opcodes by their numbers.
#[derive(Deserialize)]
struct Files {
    files: Vec<String>,
    names: Vec<String>,
}

/// What a worker answers when it has written records.
#[derive(Deserialize)]
pub(super) struct Written {}

/// Our instructions, lines, positions, handlers and layout are the interpreter's own over the standard library, names of globals
/// are those that upstream extracts, and the code tells who made it.
pub(super) fn code(setting: &Setting, python: &Python) -> anyhow::Result<Outcome> {
    let maker @ (implementation, version) = (python.implementation(), python.version);
    let Some((table, layout)) =
        OpcodeTable::of(implementation, version).zip(CodeLayout::for_python(version.major, version.minor))
    else {
        return Ok(match version.major {
            2 => Outcome::NotApplicable("cloud-reduce reads the code of Python 3.6 and newer".into()),
            _ => Outcome::Failed(vec![Failure::new(python.to_string(), "a version without opcodes or layout", "a Python")]),
        });
    };
    let layout: Vec<&str> = layout.fields().iter().map(|field| field.attribute()).collect();
    let release = upstream_runs_on(python).then(|| setting.release(upstream()));
    let import_path = release.as_ref().and_then(|release| release.as_ref().ok());
    let mut worker = Setting::worker(&python.path, import_path.map_or(&[], std::slice::from_ref));
    let Files { files, names } = worker.ask("bytecode.files", json!({}))?;
    let mut library = Library {
        table,
        globals: GlobalOps::of(implementation, version).context("opcodes without those of globals")?,
        names,
        codes: 0,
        instructions: 0,
        smallest: Vec::new(),
        makers: Makers::new(maker),
    };
    let into = Setting::folder().join(format!("code-{}", python.slug()));
    let (first, step) = if setting.quick { ((setting.seed % QUICK) as usize, QUICK as usize) } else { (0, 1) };
    for file in files.iter().skip(first).step_by(step) {
        let request = json!({ "file": file, "into": into, "layout": layout, "with_upstream": import_path.is_some() });
        let Written {} = worker.ask("bytecode.code", request)?;
        library.read(file, &std::fs::read(&into)?).with_context(|| format!("the records of {file} are not as they must be"))?;
    }
    library.makers.compare(&setting.pythons, &into)?;
    std::fs::remove_file(into)?;
    let outcome = library.outcome();
    Ok(match release {
        Some(Err(why)) => both(outcome, Outcome::NotRun(format!("cloudpickle {} could not be installed: {why}", upstream()))),
        _ => outcome,
    })
}

/// One interpreter's library, as far as it was read.
struct Library {
    table: &'static OpcodeTable,
    globals: GlobalOps,
    /// Of opcodes, as the interpreter has them.
    names: Vec<String>,
    codes: usize,
    instructions: usize,
    /// What was found to be read in another way than the interpreter's own: of each kind the case in the smallest code object,
    /// with the number of its instructions.
    smallest: Vec<(&'static str, usize, Failure)>,
    makers: Makers,
}

impl Library {
    /// Compares all that was written of a file; `None` if that is not as it must be.
    fn read(&mut self, file: &str, written: &[u8]) -> Option<()> {
        let mut records = Records::new(written);
        let mut codes = Vec::new();
        while !records.is_empty() {
            codes.push((Shape::read(&mut records)?, Said::read(&mut records)?));
        }
        // From the last to the first, so that the names of what is nested are there: those of the first nested one lie on top.
        let mut names: Vec<Vec<&[u8]>> = Vec::new();
        for (shape, said) in codes.iter().rev() {
            let nested = names.split_off(names.len().checked_sub(said.nested)?);
            let ours = self.global_names(shape, nested.into_iter().rev());
            self.codes += 1;
            self.instructions += said.instructions.len();
            if let Some((kind, ours, theirs)) = self.difference(shape, said, &ours) {
                self.note(file, kind, shape, said, Failure::new(kind, ours, theirs));
            }
            if let Some(versions) = self.makers.count(file, shape, said.instructions.len()) {
                let (kind, (implementation, version)) = ("the versions that may have made it", self.makers.maker());
                self.note(file, kind, shape, said, Failure::new(kind, versions, format!("{implementation} {version}")));
            }
            names.push(ours);
        }
        Some(())
    }

    /// Keeps a failure unless there is one of its kind in a smaller code object.
    fn note(&mut self, file: &str, kind: &'static str, shape: &Shape<'_>, said: &Said<'_>, mut failure: Failure) {
        let size = said.instructions.len();
        let known = self.smallest.iter().position(|(other, ..)| *other == kind);
        if known.is_some_and(|known| self.smallest[known].1 <= size) {
            return;
        }
        let (name, code) = (String::from_utf8_lossy(said.name), hex(shape.co_code));
        failure.case = format!("{kind}, of {name} in {file}, line {}, whose co_code is {code}", shape.first_line);
        match known {
            Some(known) => self.smallest[known] = (kind, size, failure),
            None => self.smallest.push((kind, size, failure)),
        }
    }

    /// The names of globals that a code object and those among its consts have, each once.
    fn global_names<'a>(&self, shape: &Shape<'a>, nested: impl Iterator<Item = Vec<&'a [u8]>>) -> Vec<&'a [u8]> {
        let name = |index: u32| shape.names.get(index as usize).copied().unwrap_or(b"(no name)");
        let own = self.globals.name_indices(shape.co_code).map(name);
        let mut seen = HashSet::new();
        own.chain(nested.flatten()).filter(|name| seen.insert(*name)).collect()
    }

    /// What is read in another way than the interpreter's own, what we read, and what it says.
    fn difference(&self, shape: &Shape<'_>, said: &Said<'_>, globals: &[&[u8]]) -> Option<(&'static str, String, String)> {
        if !said.rebuilt.is_empty() {
            let what = String::from_utf8_lossy(said.rebuilt).into_owned();
            return Some(("made again from its attributes in the order of our layout", what, "the same code object".into()));
        }
        let (implementation, version) = (self.table.implementation(), self.table.version());
        let counted = shape.counted(implementation, version);
        let ours = Instructions::new(self.table, shape.co_code).map(|instruction| Disassembled::ours(&instruction, &counted));
        let theirs = said.instructions.iter().map(|told| Disassembled {
            offset: told.0 as usize,
            name: self.names.get(usize::from(told.1)).map_or("?", String::as_str),
            arg: told.2.then_some(told.3),
            meaning: Some(told.4),
        });
        if let Some((ours, theirs)) = first_difference(ours, theirs) {
            return Some(("an instruction", ours, theirs));
        }

        let table = LineTable {
            format: LineTableFormat::of(implementation, version),
            bytes: shape.line_table,
            first_line: shape.first_line,
            code_length: shape.co_code.len(),
        };
        let ours = table.ranges().map(|range| (range.start, range.end, range.line));
        let theirs =
            said.lines.iter().map(|[start, end, line]| (*start as usize, *end as usize, (*line != ABSENT).then_some(*line)));
        let goes_on = implementation == Implementation::PyPy;
        let length = shape.co_code.len();
        let (ours, theirs) = (of_units(ours, length, goes_on), of_units(theirs, length, goes_on));
        if let Some((ours, theirs)) = first_difference(ours, theirs) {
            return Some(("the line of an instruction", ours, theirs));
        }
        if !said.positions.is_empty() {
            let absent = |number: Option<u32>| number.map_or(ABSENT, |number| number as i32);
            let ours = table.positions().map(|position| {
                let [line, end_line] = [position.line, position.end_line].map(|line| line.unwrap_or(ABSENT));
                [line, end_line, absent(position.column), absent(position.end_column)]
            });
            if let Some((ours, theirs)) = first_difference(ours.enumerate(), said.positions.iter().copied().enumerate()) {
                return Some(("the position of an instruction: its number, lines and columns", ours, theirs));
            }
        }
        let ours = ExceptionHandlers::new(shape.exception_table).map(|handler| {
            let [start, end, target] = [handler.start, handler.end, handler.target].map(|offset| offset as i32);
            [start, end, target, handler.depth as i32, i32::from(handler.lasti)]
        });
        if let Some((ours, theirs)) = first_difference(ours, said.handlers.iter().copied()) {
            return Some(("an exception handler: start, end, target, depth, lasti", ours, theirs));
        }
        let texts = |names: &[&[u8]]| names.iter().map(|name| String::from_utf8_lossy(name).into_owned()).collect::<Vec<_>>();
        (globals != said.globals)
            .then(|| ("the names of globals", format!("{:?}", texts(globals)), format!("{:?}", texts(&said.globals))))
    }

    fn outcome(self) -> Outcome {
        let mut failures: Vec<Failure> = self.smallest.into_iter().map(|(.., failure)| failure).collect();
        failures.extend(self.makers.failure());
        let note = format!("{} code objects, {} instructions; {}", self.codes, self.instructions, self.makers);
        Outcome::of(self.codes, failures).noting(note)
    }
}

/// An instruction, as it is compared.
#[derive(PartialEq, Debug)]
struct Disassembled<'a> {
    offset: usize,
    name: &'a str,
    arg: Option<u32>,
    /// The meaning of the argument, as the worker gives it.
    meaning: Option<i64>,
}

impl Disassembled<'_> {
    /// `counted` are the variables that arguments of `LOAD_FAST` and of `LOAD_DEREF` count.
    fn ours(instruction: &Instruction<'_>, [locals, free]: &[Vec<usize>; 2]) -> Disassembled<'static> {
        let variable = |variables: &[usize], index: u32| variables.get(index as usize).map(|index| *index as i64);
        let number = i64::from(instruction.arg.unwrap_or(0));
        let meaning = match instruction.operand {
            Operand::Nothing => Some(0),
            Operand::Number(_) | Operand::Const(_) => Some(number),
            Operand::Name { index, .. } => Some(i64::from(index)),
            Operand::Local(index) => variable(locals, index),
            Operand::Free(index) => variable(free, index),
            Operand::LocalPair(first, second) => {
                variable(locals, first).zip(variable(locals, second)).map(|(first, second)| first << 31 ^ second)
            }
            Operand::Compare(name) => COMPARISONS.iter().position(|known| *known == name).map(|index| index as i64),
            Operand::Jump(target) => Some(target),
        };
        Disassembled { offset: instruction.offset, name: instruction.name().unwrap_or("?"), arg: instruction.arg, meaning }
    }
}

/// The first place where two lists differ, as each has it.
fn first_difference<T: PartialEq + Debug>(
    ours: impl IntoIterator<Item = T>,
    theirs: impl IntoIterator<Item = T>,
) -> Option<(String, String)> {
    let told = |item: Option<T>| item.map_or_else(|| "no more".to_owned(), |item| format!("{item:?}"));
    let (mut ours, mut theirs) = (ours.into_iter(), theirs.into_iter());
    loop {
        match (ours.next(), theirs.next()) {
            (None, None) => return None,
            (ours, theirs) if ours != theirs => return Some((told(ours), told(theirs))),
            _ => {}
        }
    }
}

/// The offset and the line of each two bytes; if it `goes_on`, as PyPy's `dis` tells it, a line stands for what follows without one.
fn of_units(
    ranges: impl Iterator<Item = (usize, usize, Option<i32>)>,
    length: usize,
    goes_on: bool,
) -> impl Iterator<Item = (usize, Option<i32>)> {
    let mut lines = vec![None; length / 2];
    for (start, end, line) in ranges {
        let end = (end / 2).min(lines.len());
        if let Some(units) = lines.get_mut(start / 2..end) {
            units.fill(line);
        }
    }
    let mut last = None;
    lines.into_iter().enumerate().map(move |(unit, line)| {
        last = if goes_on { line.or(last) } else { line };
        (2 * unit, last)
    })
}
