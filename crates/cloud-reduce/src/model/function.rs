//! [`Function`]: a function pickled by value.

use pickle_graph::{Graph, NodeId, Step, Str};

use super::{
    Cell, Code,
    callee::Callee,
    fills::{Fills, filled_object},
    shared_cells::SharedCells,
    value::{Attributes, Fields, text},
};
use crate::{Dialect, Error, ErrorKind, Implementation, PythonVersion, Reconstructor, function::FunctionState};

/// A function pickled by value, with all of its state. It borrows from the graph.
///
/// What the pickle lacks, as cloudpickle of its time did not write it, is `None` or empty.
#[derive(Clone, Debug)]
pub struct Function<'a> {
    graph: &'a Graph,
    /// The function: the node that its own code, and everything inside of the function, refers to it by.
    pub id: NodeId,
    /// The call that gave it its state and returns it, by which everything outside of the function may refer to it; `None` from
    /// cloudpickle 1.5 on, and from 1.2 on under Python 3.8 and later.
    pub fill: Option<NodeId>,
    /// Whose copy of cloudpickle wrote it, or `None` where the pickle names none.
    pub dialect: Option<Dialect>,
    /// The code object.
    pub code: Code<'a>,
    /// `__name__`.
    pub name: Str<'a>,
    /// `__qualname__`.
    pub qualname: Option<Str<'a>>,
    /// `__module__`.
    pub module: Option<Str<'a>>,
    /// `__doc__`, which need not be a string.
    pub doc: Option<NodeId>,
    /// What its namespace begins with, and shares with other functions of the pickle: `__name__`, `__package__`, ...
    pub base_globals: Attributes<'a>,
    /// The globals that its code names, those of nested functions among them. Names that are not here are builtins or were not
    /// defined.
    pub globals: Attributes<'a>,
    /// `__defaults__`: the values of the last positional parameters.
    pub defaults: &'a [NodeId],
    /// `__kwdefaults__`: the values of keyword-only parameters.
    pub kwdefaults: Attributes<'a>,
    /// `__annotations__`.
    pub annotations: Attributes<'a>,
    /// The function's own attributes: its `__dict__`.
    pub dict: Attributes<'a>,
    /// Modules that are to be imported before it runs: those below a package that it refers to.
    pub submodules: &'a [NodeId],
    /// The cells of its closure, or what is in them.
    closure: Closure<'a>,
    shared_cells: SharedCells,
    parts: Option<FunctionParts>,
}

/// The nodes that a function is made of, in the form that cloudpickle has written since 1.2: what
/// [`Function::parts`] reads and [`Writer::function`](crate::Writer::function) writes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FunctionParts {
    /// A code object.
    pub code: NodeId,
    /// A dict of what its namespace begins with. Functions that have one dict share their globals when they are loaded.
    pub base_globals: NodeId,
    /// A dict: its `__dict__`.
    pub dict: NodeId,
    /// `__name__`: a `str`.
    pub name: NodeId,
    /// `__qualname__`: a `str`.
    pub qualname: NodeId,
    /// `__annotations__`: a dict.
    pub annotations: NodeId,
    /// `__kwdefaults__`: a dict or `None`.
    pub kwdefaults: NodeId,
    /// `__defaults__`: a tuple or `None`.
    pub defaults: NodeId,
    /// `__module__`: a `str` or `None`.
    pub module: NodeId,
    /// `__doc__`: any object.
    pub doc: NodeId,
    /// `__closure__`: a tuple of as many cells as the code object has free variables, or `None`.
    pub closure: NodeId,
    /// The cells that it is made with, a tuple of as many, which those of `closure` are copied into when it gets its state; `None`
    /// for new empty ones. Functions that are made with the same cell share it when they are loaded, and all but the first to get
    /// its state have it in `closure` too.
    pub made_with: NodeId,
    /// A list of modules that are to be imported before it runs.
    pub submodules: NodeId,
    /// A dict of the globals that its code names.
    pub globals: NodeId,
}

impl FunctionParts {
    /// The parts, and those of [`FunctionState::ALL`] in its order, of the state that `_function_setstate` gets.
    pub(super) fn of_state(
        fields: Fields<'_>,
        [code, base_globals, made_with]: [NodeId; 3],
        state: NodeId,
    ) -> Result<(FunctionParts, [NodeId; FunctionState::ALL.len()]), Error> {
        let [dict, slots] = fields.state("state", state)?;
        let slots = fields.small_dict("state", slots)?;
        let mut values = [NodeId::NONE; FunctionState::ALL.len()];
        for (value, field) in values.iter_mut().zip(FunctionState::ALL) {
            *value = slots.get(field.key()).ok_or_else(|| fields.missing(field.key()))?;
        }
        let [name, qualname, annotations, kwdefaults, defaults, module, doc, closure, submodules, globals] = values;
        let parts = FunctionParts {
            code,
            base_globals,
            dict,
            name,
            qualname,
            annotations,
            kwdefaults,
            defaults,
            module,
            doc,
            closure,
            made_with,
            submodules,
            globals,
        };
        Ok((parts, values))
    }
}

/// How a pickle tells what a function's closure is.
#[derive(Clone, Copy, Debug)]
enum Closure<'a> {
    Cells(&'a [NodeId]),
    Contents(&'a [NodeId]),
}

/// A variable that a function has from the function around it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Captured<'a> {
    /// The variable's name; empty where a forged pickle has more cells than names.
    pub name: Str<'a>,
    /// The cell that holds it.
    pub cell: Cell,
}

impl<'a> Function<'a> {
    pub(crate) const MODEL: &'static str = "function";

    /// Reads the function that a node is.
    ///
    /// To read many, use [`functions`]: a function as cloudpickle wrote them before 1.5, and one that shares a cell of its closure
    /// with an earlier one when it is loaded, takes a look at the whole graph here.
    ///
    /// # Errors
    ///
    /// Where the node is no function pickled by value, or a part of it is what no cloudpickle writes.
    pub fn read(graph: &'a Graph, id: NodeId) -> Result<Function<'a>, Error> {
        let object = filled_object(graph, id, Reconstructor::FillFunction);
        let fills = match Callee::of_call(graph, object) {
            Some((Callee::Reconstructor(_, Reconstructor::MakeSkelFunc), _)) => Fills::of(graph, Reconstructor::FillFunction),
            _ => Fills::default(),
        };
        Ok(Self::read_filled(graph, object, &fills)?.sharing(SharedCells::of_function(graph, object)))
    }

    /// The same, which knows what is in cells that it shares.
    pub(super) fn sharing(self, shared_cells: SharedCells) -> Function<'a> {
        Function { shared_cells, ..self }
    }

    /// `id` is no call that fills a function but the function itself.
    pub(super) fn read_filled(graph: &'a Graph, id: NodeId, fills: &Fills) -> Result<Function<'a>, Error> {
        let fields = Fields { graph, model: Self::MODEL, node: id };
        let Some((callee, args)) = maker(graph, id) else { return Err(fields.not_this()) };
        let (dialect, counts) = match callee {
            Callee::Reconstructor(dialect, Reconstructor::MakeFunction) => (Some(dialect), 5..=5),
            Callee::Reconstructor(dialect, _) => (Some(dialect), 2..=3),
            _ => (None, 2..=5),
        };
        if !counts.contains(&args.len()) {
            return Err(fields.error(ErrorKind::ArgumentCount { found: args.len() }, ""));
        }
        let code = Code::read(graph, args[0])?;
        let mut function = Function {
            graph,
            id,
            fill: None,
            dialect,
            code,
            name: code.name(),
            qualname: code.qualname(),
            module: None,
            doc: None,
            base_globals: fields.no_attributes(),
            globals: fields.no_attributes(),
            defaults: &[],
            kwdefaults: fields.no_attributes(),
            annotations: fields.no_attributes(),
            dict: fields.no_attributes(),
            submodules: &[],
            closure: Closure::Cells(&[]),
            shared_cells: SharedCells::default(),
            parts: None,
        };
        if let Callee::Reconstructor(_, Reconstructor::MakeSkelFunc) = callee {
            // Where the module's name stands instead of its globals, there are none (cloudpickle 0.5.4 to 0.7).
            if let Some(&globals) = args.get(2).filter(|id| graph.node(**id).as_dict().is_some()) {
                function.base_globals = fields.attributes("base_globals", globals)?;
            }
            function.submodules = imported_before(graph, id);
            if let Some(fill) = fills.get(id) {
                function.fill = Some(fill);
                function.read_fill(fields, fill)?;
            }
            return Ok(function);
        }
        function.base_globals = fields.attributes("globals", args[1])?;
        if let Some(&name) = args.get(2) {
            function.name = fields.optional_text("name", name)?.unwrap_or(function.name);
        }
        if let Some(&defaults) = args.get(3) {
            function.defaults = fields.optional_tuple("argdefs", defaults)?.unwrap_or_default();
        }
        if let Some(&closure) = args.get(4) {
            function.closure = Closure::Cells(fields.optional_tuple("closure", closure)?.unwrap_or_default());
        }
        for step in graph.steps(id) {
            match step {
                Step::SetState { setter, state } => {
                    if let Callee::Reconstructor(dialect, Reconstructor::FunctionSetstate) = Callee::of(graph, setter) {
                        function.dialect = function.dialect.or(Some(dialect));
                        let made_with = args.get(4).copied().unwrap_or(NodeId::NONE);
                        function.read_state(fields, [args[0], args[1], made_with], state)?;
                    }
                }
                // PyPy's builtin functions, which are functions with nothing but a `__dict__`.
                Step::Build(state) => function.dict = fields.attributes("__dict__", state)?,
                Step::Append(_) | Step::SetItems(_) | Step::AddItems(_) => {}
            }
        }
        Ok(function)
    }

    /// The state that `_function_setstate` gets.
    fn read_state(&mut self, fields: Fields<'a>, arguments: [NodeId; 3], state: NodeId) -> Result<(), Error> {
        let (parts, values) = FunctionParts::of_state(fields, arguments, state)?;
        self.dict = fields.attributes("__dict__", parts.dict)?;
        for (field, value) in FunctionState::ALL.into_iter().zip(values) {
            self.set(fields, field, field.key(), value)?;
        }
        self.parts = Some(parts);
        Ok(())
    }

    fn set(&mut self, fields: Fields<'a>, field: FunctionState, key: &'static str, value: NodeId) -> Result<(), Error> {
        match field {
            FunctionState::Name => self.name = fields.text(key, value)?,
            FunctionState::Qualname => self.qualname = Some(fields.text(key, value)?),
            FunctionState::Annotations => self.annotations = fields.mapping(key, value)?,
            FunctionState::Kwdefaults => self.kwdefaults = fields.optional_attributes(key, value)?,
            FunctionState::Defaults => self.defaults = fields.optional_tuple(key, value)?.unwrap_or_default(),
            FunctionState::Module => self.module = fields.optional_text(key, value)?,
            FunctionState::Doc => self.doc = (value != NodeId::NONE).then_some(value),
            FunctionState::Closure => {
                self.closure = Closure::Cells(fields.optional_tuple(key, value)?.unwrap_or_default());
            }
            FunctionState::Submodules => self.submodules = fields.list(key, value)?,
            FunctionState::Globals => self.globals = fields.attributes(key, value)?,
        }
        Ok(())
    }

    /// The state that `_fill_function` gets: one dict, whose keys grew in number from release to release. Before 0.5 its values
    /// were arguments of their own.
    fn read_fill(&mut self, fields: Fields<'a>, fill: NodeId) -> Result<(), Error> {
        let Some((Callee::Reconstructor(dialect, _), args)) = Callee::of_call(self.graph, fill) else { return Ok(()) };
        self.dialect = Some(dialect);
        const POSITIONAL: [&str; 5] = ["globals", "defaults", "dict", "module", "closure_values"];
        match *args {
            [_, state] => {
                let state = fields.small_dict("state", state)?;
                for key in ["globals", "defaults", "dict", "closure_values"] {
                    let value = state.get(key).ok_or_else(|| fields.missing(key))?;
                    self.set_filled(fields, key, value)?;
                }
                const OPTIONAL: [&str; 7] =
                    ["module", "name", "doc", "annotations", "qualname", "kwdefaults", "_cloudpickle_submodules"];
                for key in OPTIONAL {
                    if let Some(value) = state.get(key) {
                        self.set_filled(fields, key, value)?;
                    }
                }
            }
            [_, globals, defaults, dict, closure_values] => {
                for (key, value) in
                    [("globals", globals), ("defaults", defaults), ("dict", dict), ("closure_values", closure_values)]
                {
                    self.set_filled(fields, key, value)?;
                }
            }
            [_, ref values @ ..] if values.len() == POSITIONAL.len() => {
                for (key, value) in POSITIONAL.into_iter().zip(values) {
                    self.set_filled(fields, key, *value)?;
                }
            }
            _ => return Err(fields.error(ErrorKind::ArgumentCount { found: args.len() }, "")),
        }
        Ok(())
    }

    fn set_filled(&mut self, fields: Fields<'a>, key: &'static str, value: NodeId) -> Result<(), Error> {
        let field = match key {
            "globals" => FunctionState::Globals,
            "defaults" => FunctionState::Defaults,
            "module" => FunctionState::Module,
            "name" => FunctionState::Name,
            "doc" => FunctionState::Doc,
            "annotations" => FunctionState::Annotations,
            "qualname" => FunctionState::Qualname,
            "kwdefaults" => FunctionState::Kwdefaults,
            "_cloudpickle_submodules" => FunctionState::Submodules,
            "closure_values" => {
                if value != NodeId::NONE {
                    self.closure = Closure::Contents(fields.list(key, value)?);
                }
                return Ok(());
            }
            _ => {
                self.dict = fields.attributes(key, value)?;
                return Ok(());
            }
        };
        self.set(fields, field, key, value)
    }

    /// The variables that it has from the function around it, in the order of `co_freevars`. Functions that had a cell in common
    /// have it in common here.
    ///
    /// # Errors
    ///
    /// Each is an error where something stands in a cell's place that is none.
    pub fn closure(&self) -> impl ExactSizeIterator<Item = Result<Captured<'a>, Error>> + use<'a> {
        let (graph, closure, names, shared) = (self.graph, self.closure, self.code.freevars(), self.shared_cells.clone());
        let (Closure::Cells(items) | Closure::Contents(items)) = closure;
        items.iter().enumerate().map(move |(index, &item)| {
            let cell = match closure {
                Closure::Cells(_) => Cell::read(graph, shared.filler(item))?,
                Closure::Contents(_) => Cell { id: None, contents: Cell::contents_of(graph, item) },
            };
            Ok(Captured { name: names.get(index).unwrap_or_default(), cell })
        })
    }

    /// The nodes that it is made of, or `None` where a release before 1.2, or one before 1.5 under a Python before 3.8, wrote it in
    /// another form.
    #[must_use]
    pub fn parts(&self) -> Option<FunctionParts> {
        self.parts
    }

    /// The documentation, where it is a string.
    #[must_use]
    pub fn doc_text(&self) -> Option<Str<'a>> {
        text(self.graph, self.doc?)
    }

    /// The versions of Python that may have made it, the oldest first: [`Code::versions`].
    #[must_use]
    pub fn versions(&self) -> Vec<(Implementation, PythonVersion)> {
        self.code.versions()
    }
}

/// The modules that cloudpickle before 1.2 imported for a function: by calls of `subimport`, right before it made the function, that
/// it threw away.
fn imported_before(graph: &Graph, function: NodeId) -> &[NodeId] {
    let discarded = graph.discarded();
    let end = discarded.partition_point(|id| *id < function);
    let mut start = end;
    let Some(index) = function.index() else { return &[] };
    // Back to the function before, or to where something else was thrown away.
    let mut before = graph.ids().take(index).rev().take_while(|id| maker(graph, *id).is_none());
    while let Some(&module) = start.checked_sub(1).and_then(|last| discarded.get(last))
        && matches!(Callee::of_call(graph, module), Some((Callee::Reconstructor(_, Reconstructor::Subimport), _)))
        && before.any(|id| id == module)
    {
        start -= 1;
    }
    discarded.get(start..end).unwrap_or_default()
}

/// What makes a function, and its arguments, where a node is one.
fn maker(graph: &Graph, id: NodeId) -> Option<(Callee<'_>, &[NodeId])> {
    Callee::of_call(graph, id).filter(|(callee, _)| {
        matches!(
            callee,
            Callee::Reconstructor(_, Reconstructor::MakeFunction | Reconstructor::MakeSkelFunc)
                | Callee::Type("FunctionType" | "LambdaType")
        )
    })
}

/// The functions that a graph holds by value, wherever they are, in the order in which their pickle makes them.
///
/// Each is an error where its parts are what no cloudpickle writes.
pub fn functions(graph: &Graph) -> impl Iterator<Item = Result<Function<'_>, Error>> {
    let fills = Fills::of(graph, Reconstructor::FillFunction);
    let shared = SharedCells::of(graph);
    let functions = graph.ids().filter(|&id| maker(graph, id).is_some());
    functions.map(move |id| Ok(Function::read_filled(graph, id, &fills)?.sharing(shared.clone())))
}
