//! `cargo xtask stdlib`: cloud-reduce's reading of bytecode, held against `dis` over every code object of each interpreter's standard
//! library, and how often a code object tells which version made it.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    hash::{DefaultHasher, Hash, Hasher},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail};
use cloud_reduce::{
    Implementation, PythonVersion,
    code::{CodeShape, ExceptionHandlers, GlobalOps, Instructions, LineTable, LineTableFormat, OpcodeTable, Operand},
};
use xshell::{Shell, cmd};

use crate::{
    python::{self, Python},
    root,
    steps::quietly,
    target,
};

/// Functions of no more instructions than this may well be the same bytes in every version.
const A_FEW: usize = 8;

/// How often the true version must be alone in the answer, among the functions of more than a few instructions for which no other
/// version in the answer compiles the same source to the same code object.
const ALONE: f64 = 0.99;

/// From which version on that must be. What is older is written in opcodes that mean the same to the next one.
const TOLD_SINCE: PythonVersion = PythonVersion::new(3, 10);

/// What `dis.cmp_op` has had.
const COMPARISONS: [&str; 12] = ["<", "<=", "==", "!=", ">", ">=", "in", "not in", "is", "is not", "exception match", "BAD"];

/// Asks every interpreter, compares, and prints a line for each.
///
/// # Errors
///
/// When a script fails, when something is read as `dis` does not, or when a version is not told as often as it must be.
pub(crate) fn stdlib(shell: &Shell, given: &[PathBuf]) -> anyhow::Result<()> {
    let found = python::find(given);
    let mut pythons: BTreeMap<Maker, &Python> = BTreeMap::new();
    for python in &found.pythons {
        let implementation = if python.is_cpython() { Implementation::CPython } else { Implementation::PyPy };
        if OpcodeTable::of(implementation, python.version).is_some() && !python.is_free_threaded() {
            pythons.entry((implementation, python.version)).or_insert(python);
        }
    }
    let folder = shell.create_dir(target().join("stdlib"))?;
    let mut wrong = Vec::new();
    for (&maker, python) in &pythons {
        let said = say(shell, python, &folder.join("said"), None)?;
        let mut told = Told::of(&said, maker).context("the script's records are not as they must be")?;
        let path = &python.path;
        let library = cmd!(shell, "{path} -c").arg("import sysconfig; print(sysconfig.get_path('stdlib'))").quiet().read()?;
        for other in told.others() {
            if let Some(python) = pythons.get(&other) {
                let said = say(shell, python, &folder.join("said"), Some(&library))?;
                told.compare(other, &said).context("the script's records are not as they must be")?;
            }
        }
        println!("{} {}: {told}", maker.0, maker.1);
        if told.differs() || maker.1 >= TOLD_SINCE && told.share(true) < ALONE {
            wrong.push(format!("{} {}", maker.0, maker.1));
        }
    }
    if !wrong.is_empty() {
        bail!("not as it must be: {}", wrong.join(", "));
    }
    Ok(())
}

type Maker = (Implementation, PythonVersion);

/// Lets an interpreter write what `dis` says of its own library, or what it compiles another's to.
fn say(shell: &Shell, python: &Python, file: &Path, library: Option<&str>) -> anyhow::Result<Vec<u8>> {
    let (program, script) = (&python.path, root().join("xtask/python/stdlib.py"));
    quietly(cmd!(shell, "{program} {script} {file} {library...}"))?;
    Ok(shell.read_binary_file(file)?)
}

/// What was found of one interpreter's library.
#[derive(Default)]
struct Told {
    codes: usize,
    instructions: usize,
    /// How many code objects are read in another way than `dis` reads them: instructions, lines, positions, handlers, globals.
    different: [usize; 5],
    /// How many do not have the true version in the answer.
    missing: usize,
    /// How many have more than a few instructions, and of how many of these the answer is the true version alone.
    long: usize,
    alone: usize,
    /// The other ones, by a hash of all that the bytecode is, with the other versions of the answer that have not been seen to make
    /// the same.
    ambiguous: HashMap<u64, (usize, HashSet<Maker>)>,
}

impl Told {
    fn of(said: &[u8], maker: Maker) -> Option<Told> {
        let table = OpcodeTable::of(maker.0, maker.1)?;
        let globals = GlobalOps::of(maker.0, maker.1)?;
        let mut told = Told::default();
        let mut records = Records(said);
        while !records.0.is_empty() {
            let record = Record::of(&mut records)?;
            let shape = record.shape();
            told.codes += 1;
            let count = told.hold_against_dis(&mut records, &record, table, globals)?;
            told.instructions += count;
            let makers: Vec<Maker> = shape.versions().collect();
            told.missing += usize::from(!makers.contains(&maker));
            if count > A_FEW {
                told.long += 1;
                if makers == [maker] {
                    told.alone += 1;
                } else {
                    let others = makers.into_iter().filter(|other| *other != maker).collect();
                    told.ambiguous.entry(record.identity()).or_insert((0, others)).0 += 1;
                }
            }
        }
        Some(told)
    }

    /// Compares one code object, and gives the number of its instructions.
    fn hold_against_dis(
        &mut self,
        records: &mut Records<'_>,
        record: &Record<'_>,
        table: &'static OpcodeTable,
        globals: GlobalOps,
    ) -> Option<usize> {
        let maker = (table.implementation(), table.version());
        let variables = record.variables(maker);
        let expected = records.rows(|row| Some((row.u32()?, row.u8()?, row.u8()? != 0, row.u32()?, row.i64()?)))?;
        let lines = records.rows(Records::i32)?;
        let positions = records.rows(Records::array::<4>)?;
        let handlers = records.rows(Records::array::<5>)?;
        let names = records.rows(Records::u32)?;

        let mut instructions = 0;
        let same_instructions = Instructions::new(table, record.co_code)
            .map(|instruction| {
                instructions += 1;
                let arg = instruction.arg.unwrap_or(0);
                let meaning = meaning(instruction.operand, arg, &variables).unwrap_or(i64::MIN);
                (instruction.offset as u32, instruction.opcode, instruction.arg.is_some(), arg, meaning)
            })
            .eq(expected);
        let lines_table = LineTable {
            format: LineTableFormat::of(maker.0, maker.1),
            bytes: record.line_table,
            first_line: record.first_line,
            code_length: record.co_code.len(),
        };
        let mut ours = vec![ABSENT; record.co_code.len() / 2];
        for range in lines_table.ranges() {
            for line in ours.get_mut(range.start / 2..range.end / 2)? {
                // PyPy's `dis` goes on with the line before where there is none.
                *line = range.line.unwrap_or(ABSENT);
            }
        }
        if maker.0 == Implementation::PyPy {
            for unit in 1..ours.len() {
                if ours[unit] == ABSENT {
                    ours[unit] = ours[unit - 1];
                }
            }
        }
        let absent = |number: Option<u32>| number.map_or(ABSENT, |number| number as i32);
        let same_positions = positions.is_empty()
            || lines_table
                .positions()
                .map(|position| {
                    let [line, end_line] = [position.line, position.end_line].map(|line| line.unwrap_or(ABSENT));
                    [line, end_line, absent(position.column), absent(position.end_column)]
                })
                .eq(positions);
        let same_handlers = ExceptionHandlers::new(record.exception_table)
            .map(|handler| {
                let [start, end, target] = [handler.start, handler.end, handler.target].map(|offset| offset as i32);
                [start, end, target, handler.depth as i32, i32::from(handler.lasti)]
            })
            .eq(handlers);
        let same_globals = globals.name_indices(record.co_code).eq(names);
        let same = [same_instructions, ours == lines, same_positions, same_handlers, same_globals];
        for (different, same) in self.different.iter_mut().zip(same) {
            *different += usize::from(!same);
        }
        Some(instructions)
    }

    /// The versions that the ambiguous ones may be of.
    fn others(&self) -> Vec<Maker> {
        let mut others: Vec<Maker> = self.ambiguous.values().flat_map(|(_, others)| others).copied().collect();
        others.sort_unstable();
        others.dedup();
        others
    }

    /// Notes what another version compiles the same library to.
    fn compare(&mut self, other: Maker, said: &[u8]) -> Option<()> {
        let mut records = Records(said);
        while !records.0.is_empty() {
            let identity = Record::of(&mut records)?.identity();
            if let Some((_, others)) = self.ambiguous.get_mut(&identity) {
                others.remove(&other);
            }
        }
        Some(())
    }

    /// Of how many of the long ones the answer is the true version alone, or with such versions only as make the very same of them.
    fn share(&self, or_the_same: bool) -> f64 {
        let same = self.ambiguous.values().filter(|(_, others)| others.is_empty()).map(|(count, _)| count).sum::<usize>();
        (self.alone + if or_the_same { same } else { 0 }) as f64 / self.long.max(1) as f64
    }

    fn differs(&self) -> bool {
        self.missing > 0 || self.different != [0; 5]
    }
}

impl std::fmt::Display for Told {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let [instructions, lines, positions, handlers, globals] = self.different;
        write!(
            f,
            "{} code objects, {} instructions; different: {instructions} in instructions, {lines} in lines, {positions} in \
             positions, {handlers} in handlers, {globals} in globals; the version is missing in {}, alone in {:.2} %, alone or with \
             versions that compile it to the same in {:.2} % of {}",
            self.codes,
            self.instructions,
            self.missing,
            100.0 * self.share(false),
            100.0 * self.share(true),
            self.long,
        )
    }
}

/// What stands for an absent number.
const ABSENT: i32 = i32::MIN;

/// The meaning of an argument, as the script gives it. `variables` are those of `LOAD_FAST` and of `LOAD_DEREF`.
fn meaning(operand: Operand, arg: u32, [locals, free]: &[Vec<u32>; 2]) -> Option<i64> {
    let variable = |variables: &[u32], index: u32| variables.get(index as usize).map(|hash| i64::from(*hash));
    Some(match operand {
        Operand::Nothing => 0,
        Operand::Number(_) | Operand::Const(_) => i64::from(arg),
        Operand::Name { index, .. } => i64::from(index),
        Operand::Local(index) => variable(locals, index)?,
        Operand::Free(index) => variable(free, index)?,
        Operand::LocalPair(first, second) => variable(locals, first)? << 31 ^ variable(locals, second)?,
        Operand::Compare(name) => COMPARISONS.iter().position(|known| *known == name)? as i64,
        Operand::Jump(target) => target,
    })
}

/// A code object as the script writes it, without what `dis` says of it.
#[derive(Hash)]
struct Record<'a> {
    arguments: i32,
    flags: i32,
    consts: i32,
    names: i32,
    /// Hashes of `co_varnames`, `co_cellvars` and `co_freevars`.
    variables: [Vec<u32>; 3],
    co_code: &'a [u8],
    line_table: &'a [u8],
    exception_table: &'a [u8],
    first_line: i32,
}

impl<'a> Record<'a> {
    fn of(records: &mut Records<'a>) -> Option<Record<'a>> {
        Some(Record {
            arguments: records.i32()?,
            flags: records.i32()?,
            consts: records.i32()?,
            names: records.i32()?,
            variables: [records.rows(Records::u32)?, records.rows(Records::u32)?, records.rows(Records::u32)?],
            co_code: records.bytes()?,
            line_table: records.bytes()?,
            exception_table: records.bytes()?,
            first_line: records.i32()?,
        })
    }

    fn shape(&self) -> CodeShape<'a> {
        let [varnames, cellvars, freevars] = &self.variables;
        CodeShape {
            argument_count: self.arguments as usize,
            co_code: self.co_code,
            line_table: self.line_table,
            exception_table: self.exception_table,
            flags: self.flags,
            consts: self.consts as usize,
            names: self.names as usize,
            locals: varnames.len(),
            cellvars: cellvars.len(),
            freevars: freevars.len(),
        }
    }

    /// A hash of all of it.
    fn identity(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.hash(&mut hasher);
        hasher.finish()
    }

    /// The variables that arguments count, as the documentation of `dis` has it.
    fn variables(&self, (implementation, version): Maker) -> [Vec<u32>; 2] {
        let [varnames, cellvars, freevars] = &self.variables;
        let cells = cellvars.iter().chain(freevars).copied();
        if version < PythonVersion::new(3, 11) {
            return [varnames.clone(), cells.collect()];
        }
        let is_new = |name: &u32| implementation == Implementation::PyPy || freevars.contains(name) || !varnames.contains(name);
        let all: Vec<u32> = varnames.iter().copied().chain(cells.filter(is_new)).collect();
        [all.clone(), all]
    }
}

/// What the script wrote, from some place on.
struct Records<'a>(&'a [u8]);

impl<'a> Records<'a> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*taken)
    }

    fn u8(&mut self) -> Option<u8> {
        self.take().map(u8::from_le_bytes)
    }

    fn u32(&mut self) -> Option<u32> {
        self.take().map(u32::from_le_bytes)
    }

    fn i32(&mut self) -> Option<i32> {
        self.take().map(i32::from_le_bytes)
    }

    fn i64(&mut self) -> Option<i64> {
        self.take().map(i64::from_le_bytes)
    }

    fn array<const N: usize>(&mut self) -> Option<[i32; N]> {
        let mut row = [0; N];
        for number in &mut row {
            *number = self.i32()?;
        }
        Some(row)
    }

    fn rows<T>(&mut self, mut row: impl FnMut(&mut Records<'a>) -> Option<T>) -> Option<Vec<T>> {
        (0..self.u32()?).map(|_| row(self)).collect()
    }

    fn bytes(&mut self) -> Option<&'a [u8]> {
        let length = self.u32()? as usize;
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }
}
