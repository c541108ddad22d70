//! Functions, classes, code objects and cells.

use pickle_graph::{Graph, Node, NodeId};

use super::Writer;
use crate::{
    ClassParts, Dialect, EnumParts, FunctionParts, Reconstructor,
    code::{CodeField, CodeLayout},
    function::FunctionState,
    model::Callee,
    names::MAKE_FUNCTION_FROM_IDENTIFIER,
};

impl Writer<'_> {
    /// A function. Where a cell of its closure is to hold the function itself, [`Writer::set_cell`] puts it there afterwards.
    ///
    /// `closure` must be a tuple of cells, or `None`. Where `made_with` is no tuple of as many, as many empty cells are made.
    pub fn function(&mut self, parts: &FunctionParts) -> NodeId {
        let made_with = self.graph.node(parts.made_with).as_tuple().map(<[_]>::len);
        let cells = match self.graph.node(parts.closure) {
            Node::Tuple(cells) if made_with == Some(cells.len()) => parts.made_with,
            Node::Tuple(cells) => {
                let count = cells.len();
                let empty: Vec<NodeId> = (0..count).map(|_| self.empty_cell()).collect();
                self.tuple(&empty)
            }
            _ => NodeId::NONE,
        };
        let args = [parts.code, parts.base_globals, NodeId::NONE, NodeId::NONE, cells];
        let function = self.reconstruct(Reconstructor::MakeFunction, &args);
        self.set_function_state(function, parts);
        function
    }

    /// A function whose code `finder`, such as Beam's `apache_beam.internal.code_object_pickler.get_code_from_identifier`, finds
    /// where it is loaded: `code` of the parts is the identifier, a `str`, and its cells are made to fit the code.
    ///
    /// Only Beam's copy has what the pickle calls, so it is that of [`Dialect::Beam`] whatever the writer's dialect.
    pub fn identified_function(&mut self, finder: NodeId, parts: &FunctionParts) -> NodeId {
        let module = Dialect::Beam.module().unwrap_or_default();
        let make = self.global(module, MAKE_FUNCTION_FROM_IDENTIFIER);
        let maker = self.partial(make, &[finder], &[]);
        // The state has a string of its own.
        let name = self.graph.node(parts.name).as_str().map(str::to_owned);
        let name = name.map_or(parts.name, |name| self.text(&name));
        let function = self.reduce(maker, &[parts.code, parts.base_globals, name, parts.defaults]);
        self.set_function_state(function, parts);
        function
    }

    fn set_function_state(&mut self, function: NodeId, parts: &FunctionParts) {
        let setter = self.reconstructor(Reconstructor::FunctionSetstate);
        let items = FunctionState::ALL.map(|field| {
            let value = match field {
                FunctionState::Name => parts.name,
                FunctionState::Qualname => parts.qualname,
                FunctionState::Annotations => parts.annotations,
                FunctionState::Kwdefaults => parts.kwdefaults,
                FunctionState::Defaults => parts.defaults,
                FunctionState::Module => parts.module,
                FunctionState::Doc => parts.doc,
                FunctionState::Closure => parts.closure,
                FunctionState::Submodules => parts.submodules,
                FunctionState::Globals => parts.globals,
            };
            [self.key(field.key()), value]
        });
        let slots = self.graph.push(Node::Dict(&items));
        let state = self.tuple(&[parts.dict, slots]);
        self.graph.set_state(function, setter, state);
    }

    /// The parts of a function of a code object that has nothing but a name and a module, to be completed.
    pub fn function_parts(&mut self, code: NodeId, name: &str, module: &str) -> FunctionParts {
        let module = self.text(module);
        let name_key = self.key("__name__");
        let base_globals = self.graph.push(Node::Dict(&[[name_key, module]]));
        FunctionParts {
            code,
            base_globals,
            dict: self.graph.push(Node::Dict(&[])),
            name: self.text(name),
            qualname: self.text(name),
            annotations: self.graph.push(Node::Dict(&[])),
            kwdefaults: NodeId::NONE,
            defaults: NodeId::NONE,
            module,
            doc: NodeId::NONE,
            closure: NodeId::NONE,
            made_with: NodeId::NONE,
            submodules: self.graph.push(Node::List(&[])),
            globals: self.graph.push(Node::Dict(&[])),
        }
    }

    /// A code object: `value` gives the node of each argument of `types.CodeType` that a layout has.
    pub fn code(&mut self, layout: &CodeLayout, mut value: impl FnMut(&mut Graph, CodeField) -> NodeId) -> NodeId {
        let args: Vec<NodeId> = layout.fields().iter().map(|field| value(self.graph, *field)).collect();
        let callable = self.builtin_type("CodeType");
        self.reduce(callable, &args)
    }

    /// A closure cell that holds a value.
    pub fn cell(&mut self, contents: NodeId) -> NodeId {
        self.reconstruct(Reconstructor::MakeCell, &[contents])
    }

    /// A closure cell that holds nothing.
    pub fn empty_cell(&mut self) -> NodeId {
        self.reconstruct(Reconstructor::MakeEmptyCell, &[])
    }

    /// Lets a cell hold a value, whatever it held before; whoever had the cell has it still.
    pub fn set_cell(&mut self, cell: NodeId, contents: NodeId) {
        let callable = match (self.graph.node(cell), Callee::of_call(self.graph, cell)) {
            // Releases before 1.5 know but the type.
            (Node::Reduce { callable, .. }, Some((Callee::Type("CellType"), _))) => callable,
            _ => self.reconstructor(Reconstructor::MakeCell),
        };
        let args = self.tuple(&[contents]);
        // A constant is no cell: there is nothing to do.
        let _ = self.graph.replace(cell, Node::Reduce { callable, args });
    }

    /// A class that is no enum.
    pub fn class(&mut self, parts: &ClassParts) -> NodeId {
        let args = [parts.metaclass, parts.name, parts.bases, parts.type_kwargs, parts.tracker_id, NodeId::NONE];
        let class = self.reconstruct(Reconstructor::MakeSkeletonClass, &args);
        self.set_class_state(class, parts.attributes);
        class
    }

    /// The parts of a class of `type` and without bases that has nothing but a name and a module, to be completed.
    pub fn class_parts(&mut self, name: &str, module: &str) -> ClassParts {
        let (name, module, key) = (self.text(name), self.text(module), self.text("__module__"));
        let object = self.global("builtins", "object");
        ClassParts {
            metaclass: self.global("builtins", "type"),
            name,
            bases: self.tuple(&[object]),
            type_kwargs: self.graph.push(Node::Dict(&[[key, module]])),
            tracker_id: NodeId::NONE,
            attributes: self.graph.push(Node::Dict(&[])),
        }
    }

    /// An enum.
    pub fn enumeration(&mut self, parts: &EnumParts) -> NodeId {
        let EnumParts { bases, name, qualname, members, module, tracker_id, attributes } = *parts;
        let args = [bases, name, qualname, members, module, tracker_id, NodeId::NONE];
        let class = self.reconstruct(Reconstructor::MakeSkeletonEnum, &args);
        self.set_class_state(class, attributes);
        class
    }

    fn set_class_state(&mut self, class: NodeId, attributes: NodeId) {
        let setter = self.reconstructor(Reconstructor::ClassSetstate);
        let slots = self.graph.push(Node::Dict(&[]));
        let state = self.tuple(&[attributes, slots]);
        self.graph.set_state(class, setter, state);
    }
}
