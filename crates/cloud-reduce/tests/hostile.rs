//! Whatever a graph holds in the place of what cloudpickle writes, the models are read or are errors; nothing panics.

use cloud_reduce::{
    Cell, Class, Code, Enum, ErrorKind, Function, classes,
    code::{ExceptionHandlers, Instructions, LineTable, LineTableFormat, OpcodeTable},
    enums, functions,
};
use pickle_graph::{Graph, Node, NodeId};

/// Reads all that there is to read and gives the number of errors.
fn read_all(graph: &Graph) -> usize {
    let mut errors = 0;
    for function in functions(graph) {
        match function {
            Ok(function) => {
                errors += function.closure().filter(Result::is_err).count();
                let all = [function.globals, function.base_globals, function.dict, function.kwdefaults, function.annotations];
                assert!(all.iter().all(|attributes| attributes.names().count() <= attributes.len()));
                let _ = (function.doc_text(), function.versions().len(), function.code.nested().count());
                read_code(&function.code);
            }
            Err(error) => {
                assert!(!error.to_string().is_empty());
                errors += 1;
            }
        }
    }
    errors + classes(graph).filter(Result::is_err).count() + enums(graph).filter(Result::is_err).count()
}

fn read_code(code: &Code<'_>) {
    let bytes = code.co_code();
    let lines = code.line_table_bytes();
    for table in OpcodeTable::all() {
        let _ = Instructions::new(table, &bytes).count();
        let _ = code.global_names(table.version());
    }
    use LineTableFormat::{Linetable, Lnotab, Locations, PyPy};
    for format in [Lnotab, Linetable, Locations, PyPy] {
        let table: LineTable<'_> = code.line_table(format, &lines);
        let _ = (table.ranges().count(), table.positions().count());
    }
    let _ = ExceptionHandlers::new(&code.exception_table_bytes()).count();
    let _ = code.versions().len();
}

#[test]
fn any_object_in_the_place_of_any_other_is_read_or_an_error() {
    for (name, step) in
        [("lambda", 1), ("cpython-3.7-cloudpickle-1.2.2-protocol-4", 97), ("cpython-3.13-cloudpickle-3.1.2-protocol-2", 97)]
    {
        let graph = pickle_parse::graph(std::fs::read(format!("tests/data/{name}.pkl")).unwrap()).unwrap();
        assert_eq!(read_all(&graph), 0, "{name}");
        let mut errors = 0;
        for (number, id) in graph.ids().enumerate() {
            for index in 0..graph.clone().items_mut(id).len() {
                if (number + index) % step != 0 {
                    continue;
                }
                let mut changed = graph.clone();
                let list = changed.push(Node::List(&[id]));
                let big = changed.push(Node::Int(i64::MIN));
                for other in [NodeId::NONE, NodeId::TRUE, NodeId::EMPTY_TUPLE, list, big, id, graph.root()] {
                    changed.items_mut(id)[index] = other;
                    errors += read_all(&changed);
                }
            }
        }
        assert!(errors > 10, "{name}: {errors}");
    }
}

#[test]
fn what_is_no_model_says_what_it_is() {
    let mut graph = Graph::new();
    let text = graph.push(Node::Str("text".into()));
    let not_this = ErrorKind::NotThis { found: "str" };
    assert_eq!(Function::read(&graph, text).unwrap_err().kind(), not_this);
    assert_eq!(Class::read(&graph, text).unwrap_err().kind(), not_this);
    assert_eq!(Enum::read(&graph, text).unwrap_err().kind(), not_this);
    assert_eq!(Code::read(&graph, text).unwrap_err().kind(), not_this);
    assert_eq!(Cell::read(&graph, text).unwrap_err().to_string(), "#0 is no cell but a str");
}

#[test]
fn a_wrong_part_is_named() {
    let mut graph = pickle_parse::graph(std::fs::read("tests/data/lambda.pkl").unwrap()).unwrap();
    let (function, code) = {
        let function = functions(&graph).next().unwrap().unwrap();
        (function.id, function.code.id())
    };
    let Node::Reduce { args, .. } = graph.node(code) else { panic!("code is made by a call") };
    let short: Vec<NodeId> = graph.node(args).as_tuple().unwrap()[..7].to_vec();
    graph.items_mut(args)[0] = args;
    let error = Function::read(&graph, function).unwrap_err();
    assert_eq!((error.model(), error.field(), error.node()), ("code object", "co_argcount", code));
    assert_eq!(error.to_string(), format!("code object {code:?}: co_argcount must be an int, not a tuple"));

    graph.replace(args, Node::Tuple(&short)).unwrap();
    let error = Function::read(&graph, function).unwrap_err();
    assert_eq!(error.to_string(), format!("code object {code:?}: made with 7 arguments, which no version takes"));
}
