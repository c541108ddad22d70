//! Functions whose code is found by an identifier, as Beam's copy of cloudpickle pickles them if told to. The pickle is of
//! `by_identifier` in `tests/data/make_models.py`.

use cloud_reduce::{
    Dialect, ErrorKind, IdentifiedFunction, Model, Models, Policy, Report, Writer, dialects, functions, rename_module,
    switch_dialect,
};
use pickle_graph::{Graph, Node};

const PICKLE: &[u8] = include_bytes!("data/by-identifier/beam.pkl");

fn read() -> Graph {
    pickle_parse::graph(PICKLE).unwrap()
}

fn function(graph: &Graph) -> IdentifiedFunction<'_> {
    IdentifiedFunction::read(graph, graph.root()).unwrap()
}

#[test]
fn a_function_without_its_code_is_read_with_all_that_is_in_its_pickle() {
    let graph = read();
    let found: Vec<&str> = Models::new(&graph).iter().map(|model| model.unwrap().kind()).collect();
    assert_eq!(found.iter().filter(|kind| **kind == "function by identifier").count(), 1, "{found:?}");
    assert!(matches!(Models::new(&graph).read(graph.root()), Some(Ok(Model::IdentifiedFunction(_)))));
    assert_eq!(functions(&graph).count(), 0, "there is no code object");
    assert_eq!(dialects(&graph), [Dialect::Beam]);

    let function = function(&graph);
    let text = |id| graph.node(id).as_str().unwrap();
    assert_eq!(
        (function.dialect, graph.node(function.finder).as_global().unwrap()),
        (Dialect::Beam, ("apache_beam.internal.code_object_pickler", "get_code_from_identifier"))
    );
    assert_eq!(function.identifier, "__main__.by_identifier.__code__.co_consts[made]");
    assert_eq!((function.name.as_str(), function.qualname.as_str()), (Some("made"), Some("by_identifier.<locals>.made")));
    assert_eq!(function.module.unwrap(), "__main__");
    assert_eq!(function.globals.names().map(|name| name.to_string()).collect::<Vec<_>>(), ["os"]);
    assert_eq!(function.defaults.iter().map(|id| graph.node(*id).as_int()).collect::<Vec<_>>(), [Some(2)]);
    assert_eq!(text(function.parts.doc), "Says a word.");
    assert_eq!(text(graph.get(function.parts.kwdefaults, "end").unwrap()), ".");
    assert_eq!(graph.node(graph.get(function.parts.dict, "attribute").unwrap()).as_int(), Some(3));
    assert_eq!(graph.node(function.parts.closure).as_tuple().map(<[_]>::len), Some(1));
}

#[test]
fn a_report_tells_of_it() {
    let summary = Report::of(PICKLE).summary(&Policy::cloudpickle());
    let [function] = &summary.identified_functions[..] else { panic!("{summary:?}") };
    assert_eq!((&*function.name, &*function.qualname), ("made", "by_identifier.<locals>.made"));
    assert_eq!(function.finder, "apache_beam.internal.code_object_pickler.get_code_from_identifier");
    assert_eq!(function.identifier, "__main__.by_identifier.__code__.co_consts[made]");
    assert_eq!((&function.defaults[..], function.globals.get("os")), (&["2".to_owned()][..], Some("<module os>")));
    assert!(summary.functions.is_empty() && summary.unread.is_empty() && function.bytes > 0);

    let mut graph = read();
    let state = graph.steps(graph.root()).next().unwrap();
    let pickle_graph::Step::SetState { state, .. } = state else { panic!("{state:?}") };
    let fields = graph.node(state).as_tuple().unwrap()[1];
    graph.insert(fields, "__name__", pickle_graph::NodeId::NONE);
    let summary = Report::of(pickle_emit::graph_to_vec(&graph).unwrap()).summary(&Policy::cloudpickle());
    assert!(summary.identified_functions.is_empty() && summary.unread[0].contains("__name__"), "{:?}", summary.unread);
}

#[test]
fn it_is_written_as_it_was_read() {
    let mut graph = read();
    assert_eq!(pickle_emit::graph_to_vec(&graph).unwrap(), PICKLE);
    let (finder, parts) = (function(&graph).finder, function(&graph).parts);
    let written = Writer::new(&mut graph, Dialect::Beam).identified_function(finder, &parts);
    graph.set_root(written);
    assert_eq!(pickle_emit::graph_to_vec(&graph).unwrap(), PICKLE);
}

#[test]
fn its_module_is_renamed_in_the_identifier_too() {
    let mut graph = read();
    rename_module(&mut graph, "__main__", "jobs.daily").unwrap();
    let function = function(&graph);
    assert_eq!(function.identifier, "jobs.daily.by_identifier.__code__.co_consts[made]");
    assert_eq!(function.module.unwrap(), "jobs.daily");
    assert_eq!(graph.node(graph.get(function.parts.base_globals, "__name__").unwrap()).as_str(), Some("jobs.daily"));
}

#[test]
fn another_dialect_still_makes_it_by_beams_function_since_no_other_copy_has_one() {
    let mut graph = read();
    switch_dialect(&mut graph, Dialect::Cloudpickle);
    assert_eq!(function(&graph).dialect, Dialect::Beam);
    assert_eq!(dialects(&graph), [Dialect::Cloudpickle]);
}

#[test]
fn cloudpickles_policy_does_not_allow_it_since_it_makes_a_function_of_any_code() {
    let findings = Report::of(PICKLE.to_vec()).findings(&Policy::cloudpickle());
    assert!(findings.iter().any(|finding| finding.to_string().contains("_make_function_from_identifier")), "{findings:?}");
}

#[test]
fn what_beam_does_not_write_is_an_error_that_says_which_part() {
    type Spoil = fn(&mut Graph, IdentifiedFunction<'static>);
    let leaked: &'static Graph = Box::leak(Box::new(read()));
    let cases: [(&str, Spoil); 3] = [
        ("code_path", |graph, function| {
            let Node::Reduce { args, .. } = graph.node(function.id) else { panic!() };
            graph.items_mut(args)[0] = pickle_graph::NodeId::NONE;
        }),
        ("globals", |graph, function| {
            let Node::Reduce { args, .. } = graph.node(function.id) else { panic!() };
            graph.items_mut(args)[1] = pickle_graph::NodeId::NONE;
        }),
        ("__dict__", |graph, function| graph.replace_references(function.parts.dict, pickle_graph::NodeId::NONE)),
    ];
    for (field, spoil) in cases {
        let mut graph = read();
        spoil(&mut graph, function(leaked));
        let error = IdentifiedFunction::read(&graph, graph.root()).unwrap_err();
        assert!(error.to_string().contains(field), "{field}: {error}");
    }
    let graph = pickle_parse::graph(b"].".to_vec()).unwrap();
    let error = IdentifiedFunction::read(&graph, graph.root()).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::NotThis { .. }), "{error}");
}
