//! [`FunctionMut`]: a function that is edited in its graph.

use pickle_graph::{Graph, Node, NodeId, Step};

use crate::{
    Dialect, Error, ErrorKind, Function, Reconstructor, ToNode, Writer,
    function::FunctionState,
    model::{Callee, SharedCells},
};

/// A function in a graph, to be edited there. Whatever refers to the function goes on to.
///
/// ```
/// use cloud_reduce::{FunctionMut, functions};
///
/// // lambda x: x ** 2 + CONSTANT, in a Python in which CONSTANT was 42
/// let mut graph = pickle_parse::graph(std::fs::read("tests/data/lambda.pkl")?)?;
/// let id = functions(&graph).next().unwrap()?.id;
/// let mut function = FunctionMut::new(&mut graph, id)?;
/// function.set_global("CONSTANT", 1000);
/// function.set_default("x", 7)?;
/// // pickle.loads(pickle)() == 1049
/// let pickle = pickle_emit::graph_to_vec(&graph)?;
/// # let again = pickle_parse::graph(pickle)?;
/// # let function = functions(&again).next().unwrap()?;
/// # assert_eq!(again.node(function.globals.get("CONSTANT").unwrap()).as_int(), Some(1000));
/// # assert_eq!(again.node(function.defaults[0]).as_int(), Some(7));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Panics
///
/// All of its methods as [`Graph::push`] does.
#[derive(Debug)]
pub struct FunctionMut<'g> {
    graph: &'g mut Graph,
    id: NodeId,
    /// The dict of its state.
    slots: NodeId,
    form: Form,
    dialect: Dialect,
}

/// How a pickle gives a function its state.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Form {
    /// `_function_setstate`, since cloudpickle 1.2.
    State,
    /// `_fill_function`, until cloudpickle 1.4.
    Fill,
}

impl Form {
    fn key(self, field: FunctionState) -> &'static str {
        match (self, field) {
            (Form::State, field) => field.key(),
            (Form::Fill, FunctionState::Closure) => "closure_values",
            (Form::Fill, FunctionState::Submodules) => FunctionState::Submodules.key(),
            (Form::Fill, field) => field.key().trim_matches('_'),
        }
    }

    pub(super) fn module_keys(self) -> &'static [&'static str] {
        match self {
            Form::State => &["__module__"],
            Form::Fill => &["module"],
        }
    }
}

/// The dict of a function's state, and how the pickle has it; `None` where it has none.
pub(super) fn slots(graph: &Graph, function: &Function<'_>) -> Option<(NodeId, Form)> {
    if let Some(fill) = function.fill {
        return match Callee::of_call(graph, fill)? {
            (_, &[_, state]) => Some((state, Form::Fill)),
            _ => None,
        };
    }
    graph.steps(function.id).find_map(|step| match step {
        Step::SetState { setter, state } => match (Callee::of(graph, setter), graph.node(state).as_tuple()?) {
            (Callee::Reconstructor(_, Reconstructor::FunctionSetstate), &[_, slots]) => Some((slots, Form::State)),
            _ => None,
        },
        _ => None,
    })
}

impl<'g> FunctionMut<'g> {
    /// The function that a node is.
    ///
    /// # Errors
    ///
    /// Those of [`Function::read`], and [`ErrorKind::Missing`] for one whose state is no dict: those of cloudpickle before 0.5.
    pub fn new(graph: &'g mut Graph, id: NodeId) -> Result<FunctionMut<'g>, Error> {
        let function = Function::read(graph, id)?;
        let (slots, form) =
            slots(graph, &function).ok_or_else(|| Error::new(ErrorKind::Missing, Function::MODEL, function.id, "state"))?;
        let (id, dialect) = (function.id, function.dialect.unwrap_or(Dialect::Cloudpickle));
        Ok(FunctionMut { graph, id, slots, form, dialect })
    }

    /// The function's node.
    #[must_use]
    pub fn id(&self) -> NodeId {
        self.id
    }

    /// The graph, in which new values can be made.
    #[must_use]
    pub fn graph(&mut self) -> &mut Graph {
        self.graph
    }

    /// The function as it is now.
    ///
    /// # Errors
    ///
    /// Those of [`Function::read`], where an edit has made it what no cloudpickle writes.
    pub fn function(&self) -> Result<Function<'_>, Error> {
        Function::read(self.graph, self.id)
    }

    /// Gives a global a value, as the function's code finds it.
    pub fn set_global(&mut self, name: &str, value: impl ToNode) {
        let value = value.to_node(self.graph);
        match self.field(FunctionState::Globals) {
            Some(globals) => self.graph.insert(globals, name, value),
            None => {
                let key = name.to_node(self.graph);
                self.set_new(FunctionState::Globals, Node::Dict(&[[key, value]]));
            }
        }
    }

    /// Takes a global away, so that the function's code does not find it, unless it is a builtin. Whether there was one.
    pub fn remove_global(&mut self, name: &str) -> bool {
        self.field(FunctionState::Globals).is_some_and(|globals| remove(self.graph, globals, name))
    }

    /// Gives a parameter a default.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NoSuch`] where it has no such parameter, or the positional parameter after it has no default, as a function of
    /// Python cannot, or the parameter is keyword-only and the release of cloudpickle one that did not pickle the defaults of these.
    pub fn set_default(&mut self, parameter: &str, value: impl ToNode) -> Result<(), Error> {
        let function = self.function()?;
        let (code, mut defaults) = (function.code, function.defaults.to_vec());
        let (positional, named) = (code.argcount() as usize, code.kwonlyargcount() as usize);
        let kwdefaults = function.kwdefaults.id();
        let index = code.varnames().iter().take(positional.saturating_add(named)).position(|name| name == parameter);
        let first = positional.saturating_sub(defaults.len());
        let index = match index {
            Some(index) if index >= positional => {
                if self.form == Form::Fill && self.graph.get(self.slots, self.form.key(FunctionState::Kwdefaults)).is_none() {
                    return Err(self.no_such("defaults of keyword-only parameters".into()));
                }
                let value = value.to_node(self.graph);
                if kwdefaults == NodeId::NONE {
                    let key = parameter.to_node(self.graph);
                    self.set_new(FunctionState::Kwdefaults, Node::Dict(&[[key, value]]));
                } else {
                    self.graph.insert(kwdefaults, parameter, value);
                }
                return Ok(());
            }
            Some(index) if index + 1 >= first => index,
            Some(_) => return Err(self.no_such(format!("default for the parameter after {parameter}"))),
            None => return Err(self.no_such(format!("parameter {parameter}"))),
        };
        let value = value.to_node(self.graph);
        match index.checked_sub(first).and_then(|index| defaults.get_mut(index)) {
            Some(default) => *default = value,
            None => defaults.insert(0, value),
        }
        self.set_new(FunctionState::Defaults, Node::Tuple(&defaults));
        Ok(())
    }

    /// Gives a variable that the function has from the function around it a value. Every function that shares the variable sees it,
    /// but for pickles that do not tell which do (cloudpickle before 1.5, under Pythons before 3.8).
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NoSuch`] where it has no such variable.
    pub fn set_cell(&mut self, variable: &str, value: impl ToNode) -> Result<(), Error> {
        let index = self.function()?.code.freevars().iter().position(|name| name == variable);
        let cells = self.field(FunctionState::Closure);
        let (Some(index), Some(cells)) = (index, cells) else { return Err(self.no_such(format!("variable {variable}"))) };
        let value = value.to_node(self.graph);
        match self.form {
            Form::State => {
                let cell = self.graph.node(cells).as_tuple().and_then(|cells| cells.get(index).copied());
                let cell = cell.ok_or_else(|| self.no_such(format!("cell for {variable}")))?;
                let cell = SharedCells::of_function(self.graph, self.id).filler(cell);
                Writer::new(self.graph, self.dialect).set_cell(cell, value);
            }
            Form::Fill => match self.graph.items_mut(cells).get_mut(index) {
                Some(contents) => *contents = value,
                None => return Err(self.no_such(format!("cell for {variable}"))),
            },
        }
        Ok(())
    }

    /// Sets `__name__`.
    pub fn set_name(&mut self, name: &str) {
        self.set_new(FunctionState::Name, Node::Str(name.into()));
    }

    /// Sets `__qualname__`.
    pub fn set_qualname(&mut self, qualname: &str) {
        self.set_new(FunctionState::Qualname, Node::Str(qualname.into()));
    }

    /// Sets `__module__`. [`rename_module`](crate::rename_module) does so for all that is of one module.
    pub fn set_module(&mut self, module: &str) {
        self.set_new(FunctionState::Module, Node::Str(module.into()));
    }

    /// Sets `__doc__`.
    pub fn set_doc(&mut self, doc: impl ToNode) {
        let doc = doc.to_node(self.graph);
        self.set(FunctionState::Doc, doc);
    }

    /// Sets an attribute of the function's own: one of its `__dict__`.
    ///
    /// # Errors
    ///
    /// Those of [`Function::read`].
    pub fn set_attribute(&mut self, name: &str, value: impl ToNode) -> Result<(), Error> {
        let dict = self.function()?.dict.id();
        let value = value.to_node(self.graph);
        self.graph.insert(dict, name, value);
        Ok(())
    }

    /// The value of a field of its state, unless it is `None`.
    fn field(&self, field: FunctionState) -> Option<NodeId> {
        self.graph.get(self.slots, self.form.key(field)).filter(|id| *id != NodeId::NONE)
    }

    fn set(&mut self, field: FunctionState, value: NodeId) {
        self.graph.insert(self.slots, self.form.key(field), value);
    }

    fn set_new(&mut self, field: FunctionState, node: Node<'_>) {
        let value = self.graph.push(node);
        self.set(field, value);
    }

    #[cold]
    fn no_such(&self, what: String) -> Error {
        Error::new(ErrorKind::NoSuch, Function::MODEL, self.id, what)
    }
}

/// Takes a key out of a dict. Whether it was there.
pub(super) fn remove(graph: &mut Graph, dict: NodeId, name: &str) -> bool {
    let items = graph.node(dict).as_dict().unwrap_or_default();
    let kept: Vec<[NodeId; 2]> = items.iter().filter(|[key, _]| graph.node(*key).as_str() != Some(name)).copied().collect();
    // A dict is no constant: it can be replaced.
    kept.len() < items.len() && graph.replace(dict, Node::Dict(&kept)).is_ok()
}
