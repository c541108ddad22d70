//! [`Code`]: a code object.

use std::{borrow::Cow, collections::HashSet};

use pickle_graph::{Graph, NodeId, Str};

use super::{
    callee::Callee,
    value::{Fields, Names, bytes},
};
use crate::{
    Error, ErrorKind, Implementation, PythonVersion,
    code::{CodeField, CodeLayout, CodeShape, GlobalOps, LineTable, LineTableFormat, OpcodeTable},
};

/// A code object: a function's body and all that is known of it before it runs.
///
/// It borrows from the graph. What its bytecode means depends on the version of Python, which a pickle does not tell;
/// [`versions`](Self::versions) says which it may be. With the version at hand, [`Instructions`](crate::code::Instructions),
/// [`LineTable`] and [`ExceptionHandlers`](crate::code::ExceptionHandlers) take it further apart.
#[derive(Clone, Copy, Debug)]
pub struct Code<'a> {
    graph: &'a Graph,
    id: NodeId,
    layout: &'static CodeLayout,
    args: &'a [NodeId],
    numbers: Numbers,
}

/// The names of a code object's variables; made by [`Code::variables`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Variables<'a> {
    /// Those that an [`Operand::Local`](crate::code::Operand::Local) or
    /// [`Operand::LocalPair`](crate::code::Operand::LocalPair) counts.
    pub locals: Vec<Str<'a>>,
    /// Those that an [`Operand::Free`](crate::code::Operand::Free) counts. CPython 3.11 and later count all variables as one
    /// list: local ones, then cells that are none of these, then free ones. (PyPy 3.11's `dis` counts so too, with all cells.)
    pub free: Vec<Str<'a>>,
}

/// The fields that are numbers; those that the layout lacks are 0.
#[derive(Clone, Copy, Default, Debug)]
struct Numbers {
    argcount: i32,
    posonlyargcount: i32,
    kwonlyargcount: i32,
    nlocals: i32,
    stacksize: i32,
    flags: i32,
    firstlineno: i32,
}

impl<'a> Code<'a> {
    pub(crate) const MODEL: &'static str = "code object";

    /// Reads the code object that a node is.
    ///
    /// # Errors
    ///
    /// Where the node is no code object of CPython 3.6 to 3.15 or PyPy 3.11.
    pub fn read(graph: &'a Graph, id: NodeId) -> Result<Code<'a>, Error> {
        let fields = Fields { graph, model: Self::MODEL, node: id };
        let Some((Callee::Type("CodeType"), args)) = Callee::of_call(graph, id) else { return Err(fields.not_this()) };
        let layout = CodeLayout::ALL
            .into_iter()
            .find(|layout| layout.fields().len() == args.len())
            .ok_or_else(|| fields.error(ErrorKind::ArgumentCount { found: args.len() }, ""))?;
        let mut numbers = Numbers::default();
        for (&field, &arg) in layout.fields().iter().zip(args) {
            let name = field.attribute();
            let number = match field {
                CodeField::Argcount => &mut numbers.argcount,
                CodeField::Posonlyargcount => &mut numbers.posonlyargcount,
                CodeField::Kwonlyargcount => &mut numbers.kwonlyargcount,
                CodeField::Nlocals => &mut numbers.nlocals,
                CodeField::Stacksize | CodeField::Framesize => &mut numbers.stacksize,
                CodeField::Flags => &mut numbers.flags,
                CodeField::Firstlineno => &mut numbers.firstlineno,
                CodeField::Code | CodeField::Lnotab | CodeField::Linetable | CodeField::Exceptiontable => {
                    fields.check_bytes(name, arg)?;
                    continue;
                }
                CodeField::Consts | CodeField::Names | CodeField::Varnames | CodeField::Freevars | CodeField::Cellvars => {
                    fields.tuple(name, arg)?;
                    continue;
                }
                CodeField::Filename | CodeField::Name | CodeField::Qualname => {
                    fields.text(name, arg)?;
                    continue;
                }
                CodeField::Ndefaultargs
                | CodeField::Nmeta
                | CodeField::ExcHandlers
                | CodeField::JumpTable
                | CodeField::Free2reg
                | CodeField::Cell2reg => continue,
            };
            *number = fields.int(name, arg)?;
        }
        Ok(Code { graph, id, layout, args, numbers })
    }

    /// The node that it was read from.
    #[must_use]
    pub fn id(&self) -> NodeId {
        self.id
    }

    /// The order of its arguments. That of 3.8 stands for that of 3.10 too: they have as many, of the same types.
    #[must_use]
    pub fn layout(&self) -> &'static CodeLayout {
        self.layout
    }

    /// The node of a field, or `None` where the layout lacks it. (A `co_linetable` of 3.10 is a `co_lnotab` here.)
    #[must_use]
    pub fn field(&self, field: CodeField) -> Option<NodeId> {
        self.args.get(self.layout.position(field)?).copied()
    }

    /// The versions of Python that may have made it, the oldest first: [`CodeShape::versions`], which takes a walk over its
    /// bytecode with the table of each. Nothing for bytecode that no compiler writes.
    #[must_use]
    pub fn versions(&self) -> Vec<(Implementation, PythonVersion)> {
        self.shape(|shape| shape.versions().collect())
    }

    /// `co_argcount`: how many positional parameters it has, those before a `/` among them.
    #[must_use]
    pub fn argcount(&self) -> i32 {
        self.numbers.argcount
    }

    /// `co_posonlyargcount`: how many parameters stand before a `/`.
    #[must_use]
    pub fn posonlyargcount(&self) -> i32 {
        self.numbers.posonlyargcount
    }

    /// `co_kwonlyargcount`: how many keyword-only parameters it has.
    #[must_use]
    pub fn kwonlyargcount(&self) -> i32 {
        self.numbers.kwonlyargcount
    }

    /// `co_nlocals`: how many local variables it has.
    #[must_use]
    pub fn nlocals(&self) -> i32 {
        self.numbers.nlocals
    }

    /// `co_stacksize`: how deep its stack may become.
    #[must_use]
    pub fn stacksize(&self) -> i32 {
        self.numbers.stacksize
    }

    /// `co_flags`: the `CO_*` flags of Python's `inspect`.
    #[must_use]
    pub fn flags(&self) -> i32 {
        self.numbers.flags
    }

    /// `co_firstlineno`: the number of its first line.
    #[must_use]
    pub fn firstlineno(&self) -> i32 {
        self.numbers.firstlineno
    }

    /// `co_code`: the bytecode.
    #[must_use]
    pub fn co_code(&self) -> Cow<'a, [u8]> {
        self.bytes(CodeField::Code)
    }

    /// `co_consts`: the constants.
    #[must_use]
    pub fn consts(&self) -> &'a [NodeId] {
        self.field(CodeField::Consts).and_then(|id| self.graph.node(id).as_tuple()).unwrap_or_default()
    }

    /// `co_names`: the names of globals, attributes and imports. (The 3.9 without a GIL has none.)
    #[must_use]
    pub fn names(&self) -> Names<'a> {
        self.tuple_of_names(CodeField::Names)
    }

    /// `co_varnames`: the names of local variables, parameters first.
    #[must_use]
    pub fn varnames(&self) -> Names<'a> {
        self.tuple_of_names(CodeField::Varnames)
    }

    /// `co_freevars`: the names of variables that come from an enclosing function.
    #[must_use]
    pub fn freevars(&self) -> Names<'a> {
        self.tuple_of_names(CodeField::Freevars)
    }

    /// `co_cellvars`: the names of local variables that nested functions refer to.
    #[must_use]
    pub fn cellvars(&self) -> Names<'a> {
        self.tuple_of_names(CodeField::Cellvars)
    }

    /// `co_filename`: the file that it was compiled from.
    #[must_use]
    pub fn filename(&self) -> Str<'a> {
        self.text(CodeField::Filename).unwrap_or_default()
    }

    /// `co_name`: its name.
    #[must_use]
    pub fn name(&self) -> Str<'a> {
        self.text(CodeField::Name).unwrap_or_default()
    }

    /// `co_qualname`: its qualified name, which there is from 3.11 on.
    #[must_use]
    pub fn qualname(&self) -> Option<Str<'a>> {
        self.text(CodeField::Qualname)
    }

    /// The code objects among its constants: of the functions, classes and comprehensions in it.
    pub fn nested(&self) -> impl Iterator<Item = Code<'a>> + use<'a> {
        let graph = self.graph;
        self.consts().iter().filter_map(move |id| Code::read(graph, *id).ok())
    }

    /// The names of the globals that its instructions name, in their order and as often as they do, when it is code of a
    /// version; `None` for a version that this crate does not know. Nested code objects have their own.
    #[must_use]
    pub fn global_names(&self, version: PythonVersion) -> Option<Vec<Str<'a>>> {
        let ops = GlobalOps::for_python(version.major, version.minor)?;
        let names = self.names();
        Some(ops.name_indices(&self.co_code()).filter_map(|index| names.get(index as usize)).collect())
    }

    /// The bytes of its line table: `co_lnotab` or `co_linetable`.
    #[must_use]
    pub fn line_table_bytes(&self) -> Cow<'a, [u8]> {
        let field = if self.layout.position(CodeField::Linetable).is_some() { CodeField::Linetable } else { CodeField::Lnotab };
        self.bytes(field)
    }

    /// Its line table, out of its bytes (which [`line_table_bytes`](Self::line_table_bytes) gives), in a format.
    #[must_use]
    pub fn line_table<'b>(&self, format: LineTableFormat, bytes: &'b [u8]) -> LineTable<'b> {
        LineTable { format, bytes, first_line: self.firstlineno(), code_length: self.co_code().len() }
    }

    /// The bytes of its table of exception handlers, which there is from 3.11 on.
    #[must_use]
    pub fn exception_table_bytes(&self) -> Cow<'a, [u8]> {
        self.bytes(CodeField::Exceptiontable)
    }

    /// The names of its variables by the numbers that its instructions have for them, when it is code of a table's version.
    #[must_use]
    pub fn variables(&self, table: &OpcodeTable) -> Variables<'a> {
        let (varnames, cellvars, freevars) = (self.varnames(), self.cellvars(), self.freevars());
        if table.version().minor <= 10 {
            return Variables { locals: varnames.iter().collect(), free: cellvars.iter().chain(freevars.iter()).collect() };
        }
        let parameters: HashSet<Str<'a>> = match table.implementation() {
            Implementation::CPython => varnames.iter().collect(),
            Implementation::PyPy => HashSet::new(),
        };
        let cells = cellvars.iter().filter(|name| !parameters.contains(name));
        let all: Vec<Str<'a>> = varnames.iter().chain(cells).chain(freevars.iter()).collect();
        Variables { locals: all.clone(), free: all }
    }

    /// Calls a function with what the code object tells of the Python that made it.
    ///
    /// ```
    /// # use cloud_reduce::{Code, Implementation, PythonVersion};
    /// fn runs_on(code: &Code<'_>, version: PythonVersion) -> bool {
    ///     code.shape(|shape| shape.may_be_made_by(Implementation::CPython, version))
    /// }
    /// ```
    pub fn shape<R>(&self, with: impl FnOnce(CodeShape<'_>) -> R) -> R {
        with(CodeShape {
            argument_count: self.args.len(),
            co_code: &self.co_code(),
            line_table: &self.line_table_bytes(),
            exception_table: &self.exception_table_bytes(),
            flags: self.flags(),
            consts: self.consts().len(),
            names: self.names().len(),
            locals: self.varnames().len(),
            cellvars: self.cellvars().len(),
            freevars: self.freevars().len(),
        })
    }

    fn bytes(&self, field: CodeField) -> Cow<'a, [u8]> {
        self.field(field).and_then(|id| bytes(self.graph, id)).unwrap_or_default()
    }

    fn text(&self, field: CodeField) -> Option<Str<'a>> {
        super::value::text(self.graph, self.field(field)?)
    }

    fn tuple_of_names(&self, field: CodeField) -> Names<'a> {
        let items = self.field(field).and_then(|id| self.graph.node(id).as_tuple()).unwrap_or_default();
        Names::new(self.graph, items)
    }
}
