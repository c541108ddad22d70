//! Reads pickles of one object of every kind that cloudpickle has a reducer for, by real interpreters and real releases, and compares
//! each model with what the interpreter said of the same object (`tests/data/make_models.py`).

use std::{fs, path::PathBuf};

use cloud_reduce::{BuiltinType, Class, DictViewKind, FieldKind, Function, MethodKind, Model, Models};
use pickle_graph::{Graph, Node, NodeId, Str};

/// Every pickle that has such facts beside it: name, graph and facts.
fn pickles() -> Vec<(String, Graph, String)> {
    let mut pickles = Vec::new();
    for entry in fs::read_dir("tests/data").unwrap() {
        let path: PathBuf = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "models") {
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            let graph = pickle_parse::graph(fs::read(path.with_extension("pkl")).unwrap()).unwrap();
            pickles.push((name, graph, fs::read_to_string(&path).unwrap()));
        }
    }
    assert!(pickles.len() > 15, "only {} pickles", pickles.len());
    pickles
}

/// A value as the script shows it.
fn show(models: &Models<'_>, id: NodeId) -> String {
    let graph = models.graph();
    let join = |items: &[NodeId]| items.iter().map(|id| show(models, *id)).collect::<Vec<_>>().join(" ");
    match models.read(id).map(Result::unwrap) {
        Some(Model::Function(function)) => return function.name.to_string(),
        Some(Model::Class(class)) => return class.name.to_string(),
        Some(_) => panic!("not shown"),
        None => {}
    }
    match graph.node(id) {
        Node::None => "None".into(),
        Node::Bool(true) => "True".into(),
        Node::Bool(false) => "False".into(),
        Node::Int(value) => value.to_string(),
        Node::Str(text) => format!("{text:?}"),
        // Up to protocol 2, these two have the names of Python 2.
        Node::Global { name, .. } if name == "long" => "int".into(),
        Node::Global { name, .. } if name == "unicode" => "str".into(),
        Node::Global { name, .. } => name.to_string(),
        Node::List(items) | Node::Tuple(items) => format!("[{}]", join(items)),
        Node::Dict(items) => {
            let items: Vec<_> =
                items.iter().map(|[key, value]| format!("{}:{}", show(models, *key), show(models, *value))).collect();
            format!("{{{}}}", items.join(" "))
        }
        Node::NewObj { class, .. } => format!("<{}>", show(models, class)),
        // `object.__new__(Thing)` of releases before 1.3, below protocol 2 `copyreg._reconstructor(Thing, object, None)`.
        Node::Reduce { args, .. } => format!("<{}>", show(models, graph.node(args).as_tuple().unwrap()[0])),
        node => panic!("{node:?} is not shown"),
    }
}

fn optional(models: &Models<'_>, id: Option<NodeId>) -> String {
    show(models, id.unwrap_or(NodeId::NONE))
}

/// The fields of a model as the script writes them.
fn facts(models: &Models<'_>, model: &Model<'_>) -> String {
    let graph = models.graph();
    let list = |items: &[NodeId]| format!("[{}]", items.iter().map(|id| show(models, *id)).collect::<Vec<_>>().join(" "));
    let truth = |value| if value { "True" } else { "False" };
    let string = |text: Option<Str<'_>>| text.map_or("None".into(), |text| format!("{text:?}"));
    let fields = match model {
        Model::Function(Function { name, qualname, module, doc, defaults, kwdefaults, .. }) => format!(
            "__name__={name:?}\t__qualname__={}\t__module__={}\t__doc__={}\t__defaults__={}\t__kwdefaults__={}",
            string(*qualname),
            string(*module),
            optional(models, *doc),
            list(defaults),
            show(models, kwdefaults.id()),
        ),
        Model::Class(class @ Class { name, bases, metaclass, .. }) => format!(
            "__name__={name:?}\t__module__={}\t__doc__={}\t__bases__={}\tmetaclass={}",
            optional(models, class.module()),
            optional(models, class.doc()),
            list(bases),
            metaclass_name(models, *metaclass),
        ),
        Model::Enum(class) => {
            format!("__name__={:?}\t__qualname__={}\t__module__={}", class.name, string(class.qualname), string(class.module))
        }
        Model::Code(code) => format!(
            "co_name={:?}\tco_argcount={}\tco_kwonlyargcount={}\tco_varnames=[{}]\tco_filename={:?}\tco_firstlineno={}",
            code.name(),
            code.argcount(),
            code.kwonlyargcount(),
            code.varnames().iter().map(|name| format!("{name:?}")).collect::<Vec<_>>().join(" "),
            code.filename(),
            code.firstlineno()
        ),
        Model::Cell(cell) => match cell.contents {
            Some(contents) => format!("cell_contents={}", show(models, contents)),
            None => "empty".into(),
        },
        Model::Module(module) => match module.attributes {
            None => format!("__name__={:?}", module.name),
            Some(attributes) => {
                let mut names: Vec<_> =
                    attributes.names().map(|name| name.to_string()).filter(|name| name != "__builtins__").collect();
                names.sort();
                format!("__name__={:?}\tattributes={}", module.name, names.join(" "))
            }
        },
        Model::Method(method) => {
            format!("__func__={}\t__self__={}", show(models, method.function), show(models, method.receiver))
        }
        Model::MethodDescriptor(method) => {
            let kind = match (method.is_abstract, method.kind) {
                (false, MethodKind::Class) => "classmethod",
                (false, MethodKind::Static) => "staticmethod",
                (true, MethodKind::Class) => "abstractclassmethod",
                (true, MethodKind::Static) => "abstractstaticmethod",
            };
            format!("__func__={}\ttype={kind}", show(models, method.function))
        }
        Model::Property(property) => format!(
            "fget={}\tfset={}\tfdel={}\t__doc__={}",
            optional(models, property.getter),
            optional(models, property.setter),
            optional(models, property.deleter),
            optional(models, property.doc)
        ),
        Model::TypeVar(variable) => format!(
            "__name__={:?}\t__bound__={}\t__constraints__={}\t__covariant__={}\t__contravariant__={}",
            variable.name,
            optional(models, variable.bound),
            list(variable.constraints),
            truth(variable.covariant),
            truth(variable.contravariant)
        ),
        Model::DictView(view) => {
            let kind = match view.kind {
                DictViewKind::Keys => "keys",
                DictViewKind::Values => "values",
                DictViewKind::Items => "items",
            };
            format!("kind={}dict_{kind}\tshown={}", if view.is_ordered { "o" } else { "" }, list(view.shown()))
        }
        Model::MappingProxy(proxy) => format!("dict={}", show(models, proxy.dict.id())),
        Model::WeakSet(set) => format!("items={}", list(set.items)),
        Model::MemoryView(view) => format!("bytes=b'{}'", view.bytes.escape_ascii()),
        Model::TextFile(file) => format!("contents={:?}\tposition={}", file.contents, file.position),
        Model::BuiltinType(BuiltinType { name, .. }) | Model::FieldKind(FieldKind { name, .. }) => format!("name={name:?}"),
        Model::AttributeOf(attribute) => {
            assert!(!matches!(graph.node(attribute.object), Node::None));
            format!("name={:?}", attribute.name)
        }
        Model::Logger(logger) => match logger.name {
            Some(name) => format!("name={name:?}"),
            None => return "logger".into(),
        },
        Model::Partial(partial) => {
            format!(
                "func={}\targs={}\tkeywords={}",
                show(models, partial.function),
                list(partial.args),
                show(models, partial.kwargs.id())
            )
        }
        // `Ellipsis` and `NotImplemented` of releases before 1.5.
        Model::Call(call) if call.args.is_empty() => return "none".into(),
        model => panic!("{model:?} is not of the zoo"),
    };
    format!("{}\t{fields}", model.kind())
}

/// The metaclass, which releases before 1.3 called by another name.
fn metaclass_name(models: &Models<'_>, id: NodeId) -> String {
    match models.read(id) {
        Some(Ok(Model::BuiltinType(_))) => "type".into(),
        _ => show(models, id),
    }
}

#[test]
fn every_object_is_what_the_interpreter_says() {
    for (name, graph, facts_of_python) in pickles() {
        let models = Models::new(&graph);
        let objects = graph.node(graph.root()).as_list().unwrap();
        assert_eq!(objects.len(), facts_of_python.lines().count(), "{name}");
        for (&id, expected) in objects.iter().zip(facts_of_python.lines()) {
            let found = match models.read(id) {
                Some(model) => facts(&models, &model.unwrap()),
                None => "none".into(),
            };
            assert_eq!(found, expected, "{name}");
        }
    }
}

#[test]
fn models_are_found_wherever_they_are_and_each_once() {
    for (name, graph, _) in pickles() {
        let mut ids: Vec<NodeId> = Models::new(&graph).iter().map(|model| model.unwrap().id().unwrap()).collect();
        let functions = cloud_reduce::functions(&graph).count();
        assert!(functions > 5, "{name}: {functions}");
        let all = ids.len();
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), all, "{name}");
        assert_eq!(Models::new(&graph).iter().filter(|model| matches!(model, Ok(Model::Function(_)))).count(), functions);
    }
}
