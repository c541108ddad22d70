//! [`Shape`] and [`Said`]: the records of code objects that `python/compat/bytecode.py` writes, whose first lines say how.

use std::hash::{DefaultHasher, Hash, Hasher};

use cloud_reduce::{Implementation, PythonVersion, code::CodeShape};

/// What stands for an absent number.
pub(super) const ABSENT: i32 = i32::MIN;

/// What an interpreter writes of each code object of a file, read from the start to the end.
pub(super) struct Records<'a>(&'a [u8]);

/// What a code object is made of.
#[derive(Hash)]
pub(super) struct Shape<'a> {
    arguments: i32,
    flags: i32,
    consts: i32,
    pub(super) names: Vec<&'a [u8]>,
    /// `co_varnames`, `co_cellvars` and `co_freevars`.
    variables: [Vec<&'a [u8]>; 3],
    pub(super) co_code: &'a [u8],
    pub(super) line_table: &'a [u8],
    pub(super) exception_table: &'a [u8],
    pub(super) first_line: i32,
}

/// What the interpreter says of it.
pub(super) struct Said<'a> {
    pub(super) name: &'a [u8],
    /// What is wrong with a code object that is made from its attributes in the order of our layout.
    pub(super) rebuilt: &'a [u8],
    /// How many code objects are among its consts.
    pub(super) nested: usize,
    /// Offset, opcode, whether it has an argument, argument and what that means.
    pub(super) instructions: Vec<(u32, u8, bool, u32, i64)>,
    /// Start, end and line.
    pub(super) lines: Vec<[i32; 3]>,
    pub(super) positions: Vec<[i32; 4]>,
    pub(super) handlers: Vec<[i32; 5]>,
    pub(super) globals: Vec<&'a [u8]>,
}

impl<'a> Shape<'a> {
    /// Reads the next record that has no more than this, or `None` where there is none.
    pub(super) fn read(records: &mut Records<'a>) -> Option<Shape<'a>> {
        Some(Shape {
            arguments: records.i32()?,
            flags: records.i32()?,
            consts: records.i32()?,
            names: records.rows(Records::bytes)?,
            variables: [records.rows(Records::bytes)?, records.rows(Records::bytes)?, records.rows(Records::bytes)?],
            co_code: records.bytes()?,
            line_table: records.bytes()?,
            exception_table: records.bytes()?,
            first_line: records.i32()?,
        })
    }

    /// What cloud-reduce tells versions by.
    pub(super) fn as_code_shape(&self) -> CodeShape<'a> {
        let [varnames, cellvars, freevars] = &self.variables;
        CodeShape {
            argument_count: self.arguments as usize,
            co_code: self.co_code,
            line_table: self.line_table,
            exception_table: self.exception_table,
            flags: self.flags,
            consts: self.consts as usize,
            names: self.names.len(),
            locals: varnames.len(),
            cellvars: cellvars.len(),
            freevars: freevars.len(),
        }
    }

    /// A hash of all of it.
    pub(super) fn identity(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.hash(&mut hasher);
        hasher.finish()
    }

    /// The variables that arguments of `LOAD_FAST` and of `LOAD_DEREF` count, as the documentation of `dis` has it: for each, the
    /// first index of its name in `co_varnames`, `co_cellvars` and `co_freevars` together.
    pub(super) fn counted(&self, implementation: Implementation, version: PythonVersion) -> [Vec<usize>; 2] {
        let [varnames, cellvars, freevars] = &self.variables;
        let all: Vec<&[u8]> = self.variables.iter().flatten().copied().collect();
        let first = |name: &[u8]| all.iter().position(|other| *other == name);
        let locals = varnames.iter().filter_map(|name| first(name));
        let cells = cellvars.iter().chain(freevars);
        if version < PythonVersion::new(3, 11) {
            return [locals.collect(), cells.filter_map(|name| first(name)).collect()];
        }
        let is_new =
            |name: &&&[u8]| implementation == Implementation::PyPy || freevars.contains(name) || !varnames.contains(name);
        let counted: Vec<usize> = locals.chain(cells.filter(is_new).filter_map(|name| first(name))).collect();
        [counted.clone(), counted]
    }
}

impl<'a> Said<'a> {
    /// Reads what stands behind a [`Shape`], or `None` where it does not.
    pub(super) fn read(records: &mut Records<'a>) -> Option<Said<'a>> {
        Some(Said {
            name: records.bytes()?,
            rebuilt: records.bytes()?,
            nested: records.u32()? as usize,
            instructions: records.rows(|row| Some((row.u32()?, row.u8()?, row.u8()? != 0, row.u32()?, row.i64()?)))?,
            lines: records.rows(Records::array)?,
            positions: records.rows(Records::array)?,
            handlers: records.rows(Records::array)?,
            globals: records.rows(Records::bytes)?,
        })
    }
}

impl<'a> Records<'a> {
    pub(super) fn new(written: &'a [u8]) -> Records<'a> {
        Records(written)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

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
