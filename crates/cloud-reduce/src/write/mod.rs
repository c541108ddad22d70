//! [`Writer`]: puts what cloudpickle means into a graph, in the form that cloudpickle 3 gives it.

mod call;
mod function;
mod objects;
mod value;

pub use value::ToNode;

use std::collections::HashMap;

use pickle_graph::{Graph, Names, Node, NodeId, Step};

use crate::{
    Dialect, IdentifiedFunction, Reconstructor,
    function::{BASE_GLOBALS, STATE},
    functions,
    model::Callee,
    names::MODULE,
};

/// Puts functions, classes, calls and all else that cloudpickle has a form for into a graph.
///
/// What it writes is what cloudpickle 3 would: the same calls of the same reconstructors, named in the module of a [`Dialect`], and
/// the strings that cloudpickle names things by once in the whole pickle. Parts are nodes of the graph: [`ToNode`] makes them of
/// Rust values, [`Graph::graft`] takes them over from other pickles.
///
/// ```
/// use cloud_reduce::{Dialect, Writer};
/// use pickle_graph::Graph;
///
/// let mut graph = Graph::new();
/// let mut writer = Writer::new(&mut graph, Dialect::Cloudpickle);
/// let text = writer.value("%.3f");
/// let pi = writer.value(3.14159);
/// let format = writer.global("_operator", "mod");
/// let call = writer.call(format, &[text, pi], &[]);
/// graph.set_root(call);
/// assert_eq!(graph.to_string(), "reduce\n  callable: global _operator.mod\n  args: tuple\n    '%.3f'\n    3.14159\n");
/// ```
///
/// # Panics
///
/// All of its methods as [`Graph::push`] does.
#[derive(Debug)]
pub struct Writer<'g> {
    graph: &'g mut Graph,
    module: &'static str,
    reconstructors: HashMap<Reconstructor, NodeId>,
    globals: HashMap<(String, String), NodeId>,
    /// Types of the interpreter, by their names in `types`.
    types: HashMap<String, NodeId>,
    /// The keys of states and base globals: cloudpickle's own strings, of which there is one each in a process.
    keys: HashMap<&'static str, NodeId>,
}

impl<'g> Writer<'g> {
    /// A writer into a graph. What the graph has already of the dialect's reconstructors is used again.
    ///
    /// [`Dialect::Other`] has no module of its own: it is written as [`Dialect::Cloudpickle`].
    #[must_use]
    pub fn new(graph: &'g mut Graph, dialect: Dialect) -> Writer<'g> {
        let mut writer = Writer {
            module: dialect.module().unwrap_or(MODULE),
            reconstructors: HashMap::new(),
            globals: HashMap::new(),
            types: HashMap::new(),
            keys: HashMap::new(),
            graph,
        };
        writer.take_stock(dialect);
        writer
    }

    /// The graph that is written to.
    #[must_use]
    pub fn graph(&mut self) -> &mut Graph {
        self.graph
    }

    /// A node of a Rust value.
    pub fn value(&mut self, value: impl ToNode) -> NodeId {
        value.to_node(self.graph)
    }

    /// An object of a module, by its name in Python 3: one node for as many times as it is asked for.
    pub fn global(&mut self, module: &str, name: &str) -> NodeId {
        if let Some(&id) = self.globals.get(&(module.to_owned(), name.to_owned())) {
            return id;
        }
        let (here, there) = if self.graph.names() == Names::Python2 { Names::Python2.of(module, name) } else { (module, name) };
        let id = self.graph.push(Node::Global { module: here.into(), name: there.into() });
        self.globals.insert((module.to_owned(), name.to_owned()), id);
        id
    }

    /// Notes what the graph has already that cloudpickle has one of in a process.
    fn take_stock(&mut self, dialect: Dialect) {
        let python2 = self.graph.names() == Names::Python2;
        for id in self.graph.ids() {
            let Some((module, name)) = self.graph.node(id).as_global() else {
                if let Some((Callee::Reconstructor(found, Reconstructor::BuiltinType), &[name])) = Callee::of_call(self.graph, id)
                    && let Some(name) = self.graph.node(name).as_str()
                    && found == dialect
                {
                    self.types.entry(name.to_owned()).or_insert(id);
                }
                continue;
            };
            match Reconstructor::from_global(module, name) {
                Some((found, reconstructor)) if found == dialect => {
                    self.reconstructors.entry(reconstructor).or_insert(id);
                }
                _ => {
                    let (module, name) = if python2 { Names::Python3.of(module, name) } else { (module, name) };
                    self.globals.entry((module.to_owned(), name.to_owned())).or_insert(id);
                }
            }
        }
        let function = functions(self.graph).flatten().find_map(|function| Some((function.id, function.parts()?)));
        let identified = || self.graph.ids().find_map(|id| IdentifiedFunction::read(self.graph, id).ok());
        if let Some((id, parts)) = function.or_else(|| identified().map(|function| (function.id, function.parts))) {
            let state = self.graph.steps(id).find_map(|step| match step {
                Step::SetState { state, .. } => self.graph.node(state).as_tuple()?.get(1).copied(),
                _ => None,
            });
            let items = state.and_then(|slots| self.graph.node(slots).as_dict()).unwrap_or_default();
            for &[key, _] in items.iter().chain(self.graph.node(parts.base_globals).as_dict().unwrap_or_default()) {
                let text = self.graph.node(key).as_str();
                if let Some(known) = STATE.iter().chain(&BASE_GLOBALS).find(|known| text == Some(known)) {
                    self.keys.entry(known).or_insert(key);
                }
            }
        }
    }

    fn reconstructor(&mut self, reconstructor: Reconstructor) -> NodeId {
        let Writer { graph, module, reconstructors, .. } = self;
        *reconstructors
            .entry(reconstructor)
            .or_insert_with(|| graph.push(Node::Global { module: (*module).into(), name: reconstructor.name().into() }))
    }

    /// A string of cloudpickle's own.
    fn key(&mut self, key: &'static str) -> NodeId {
        *self.keys.entry(key).or_insert_with(|| self.graph.push(Node::Str(key.into())))
    }

    fn text(&mut self, text: &str) -> NodeId {
        self.graph.push(Node::Str(text.into()))
    }

    fn tuple(&mut self, items: &[NodeId]) -> NodeId {
        self.graph.push(Node::Tuple(items))
    }

    /// What a call of a node returns.
    fn reduce(&mut self, callable: NodeId, args: &[NodeId]) -> NodeId {
        let args = self.tuple(args);
        self.graph.push(Node::Reduce { callable, args })
    }

    fn reconstruct(&mut self, reconstructor: Reconstructor, args: &[NodeId]) -> NodeId {
        let callable = self.reconstructor(reconstructor);
        self.reduce(callable, args)
    }
}
