//! What is read and written again is the same pickle, what is edited is another only where it was edited, and what one copy of
//! cloudpickle wrote becomes what another writes.

use std::{collections::BTreeMap, fs, path::PathBuf};

use cloud_reduce::{
    ClassMut, Dialect, DictViewKind, ErrorKind, Function, FunctionMut, MethodKind, Model, Models, Reconstructor, Writer, classes,
    code::CodeField, dialects, drop_tracker_ids, enums, functions, rename_module, switch_dialect,
};
use pickle_graph::{Graph, Node, NodeId, Step, is_isomorphic};

/// Every pickle there is, by name.
fn pickles() -> BTreeMap<String, Vec<u8>> {
    let paths = fs::read_dir("tests/data").unwrap().map(|entry| entry.unwrap().path());
    let pickles: BTreeMap<String, Vec<u8>> = paths
        .filter(|path: &PathBuf| path.extension().is_some_and(|extension| extension == "pkl"))
        .map(|path| (path.file_stem().unwrap().to_str().unwrap().to_owned(), fs::read(&path).unwrap()))
        .collect();
    assert!(pickles.len() > 35, "only {} pickles", pickles.len());
    pickles
}

fn read(pickle: &[u8]) -> Graph {
    pickle_parse::graph(pickle.to_vec()).unwrap()
}

fn encode(graph: &Graph) -> Vec<u8> {
    pickle_emit::graph_to_vec(graph).unwrap()
}

/// The node of the function of a name.
fn function_named(graph: &Graph, name: &str) -> NodeId {
    functions(graph).map(Result::unwrap).find(|function| function.name == name).unwrap().id
}

fn global<'a>(graph: &'a Graph, function: &str, name: &str) -> Option<Node<'a>> {
    let function = Function::read(graph, function_named(graph, function)).unwrap();
    function.globals.get(name).map(|id| graph.node(id))
}

#[test]
fn what_is_read_and_written_again_is_the_same_pickle() {
    for (name, pickle) in pickles() {
        let graph = read(&pickle);
        let again = encode(&graph);
        // Releases before 1.3 put an open file in the memo twice.
        let is_other = name.ends_with("-models") && (name.contains("-0.") || name.contains("cpython-3.7-cloudpickle-1.2.2"));
        assert_eq!(again != pickle, is_other, "{name}");
        assert!(is_isomorphic(&graph, &read(&again)), "{name}");
    }
}

/// Writes every function, class, enum, code object and cell of a graph anew, in the old one's place.
fn write_all_anew(graph: &mut Graph, dialect: Dialect) -> usize {
    let ids: Vec<NodeId> = Models::new(graph).iter().filter_map(|model| model.unwrap().id()).collect();
    let mut written = 0;
    for old in ids {
        let models = Models::new(graph);
        let new = match models.read(old).unwrap().unwrap() {
            Model::Function(function) => {
                let parts = function.parts().unwrap();
                Writer::new(graph, dialect).function(&parts)
            }
            Model::Class(class) => {
                let parts = class.parts();
                Writer::new(graph, dialect).class(&parts)
            }
            Model::Enum(class) => {
                let parts = class.parts();
                Writer::new(graph, dialect).enumeration(&parts)
            }
            Model::Code(code) => {
                let fields: BTreeMap<CodeField, NodeId> =
                    CodeField::ALL.into_iter().filter_map(|field| Some((field, code.field(field)?))).collect();
                let layout = code.layout();
                Writer::new(graph, dialect).code(layout, |_, field| fields[&field])
            }
            Model::Cell(cell) => {
                let mut writer = Writer::new(graph, dialect);
                match cell.contents {
                    Some(contents) => writer.cell(contents),
                    None => writer.empty_cell(),
                }
            }
            _ => continue,
        };
        graph.replace_references(old, new);
        written += 1;
    }
    written
}

#[test]
fn what_the_writer_makes_of_the_parts_of_models_is_the_same_pickle() {
    let mut files = 0;
    for (name, pickle) in pickles() {
        // Releases before 3 name reconstructors in two modules and make functions by `types.FunctionType`; Beam's setters are partials.
        if !name.contains("-3.1.") || name.contains("beam") {
            continue;
        }
        let mut graph = read(&pickle);
        let dialect = dialects(&graph)[0];
        assert!(write_all_anew(&mut graph, dialect) > 30, "{name}");
        assert!(encode(&graph) == pickle, "{name}");
        files += 1;
    }
    assert!(files > 20, "only {files} pickles");
}

#[test]
fn a_copys_pickle_becomes_upstreams_and_upstreams_a_copys() {
    const ZOO: &str = "cloudpickle-3.1.2-protocol-5-models";
    let pickles = pickles();
    let upstream = &pickles[&format!("cpython-3.13-{ZOO}")];
    for (copy, dialect) in [("pyspark", Dialect::PySpark), ("ray", Dialect::Ray)] {
        let copy = &pickles[&format!("cpython-3.13-{copy}.{ZOO}")];
        for (from, to, dialect) in [(copy, upstream, Dialect::Cloudpickle), (upstream, copy, dialect)] {
            let mut graph = read(from);
            assert!(switch_dialect(&mut graph, dialect) > 10);
            assert_eq!(dialects(&graph), [dialect]);
            assert!(encode(&graph) == *to, "{dialect:?}");
        }
    }
}

#[test]
fn after_a_switch_no_name_is_another_dialects() {
    for (name, pickle) in pickles() {
        let mut graph = read(&pickle);
        for dialect in Dialect::KNOWN.into_iter().chain([Dialect::Cloudpickle]) {
            switch_dialect(&mut graph, dialect);
            assert_eq!(dialects(&graph), [dialect], "{name}");
            assert_eq!(Models::new(&graph).iter().filter(Result::is_err).count(), 0, "{name}");
        }
        assert_eq!(switch_dialect(&mut graph, Dialect::Other), 0);
    }
}

#[test]
fn beams_setters_become_plain_ones() {
    let name = "tests/data/cpython-3.13-apache_beam.internal.cloudpickle-3.1.1-protocol-5-models.pkl";
    let mut graph = read(&fs::read(name).unwrap());
    let class = classes(&graph).next().unwrap().unwrap().id;
    let setter = |graph: &Graph| {
        graph.steps(class).find_map(|step| match step {
            Step::SetState { setter, .. } => Some(setter),
            _ => None,
        })
    };
    assert_eq!(graph.node(setter(&graph).unwrap()).kind(), "reduce");
    switch_dialect(&mut graph, Dialect::Cloudpickle);
    assert_eq!(graph.node(setter(&graph).unwrap()).as_global(), Some(("cloudpickle.cloudpickle", "_class_setstate")));
    assert!(!classes(&graph).next().unwrap().unwrap().attributes.is_empty());
}

#[test]
fn a_function_is_edited_in_every_form_that_releases_gave_it() {
    for (name, pickle) in pickles().into_iter().filter(|(name, _)| name.starts_with("cpython") && !name.ends_with("-models")) {
        let mut graph = read(&pickle);
        let id = function_named(&graph, "documented");
        let mut function = FunctionMut::new(&mut graph, id).unwrap();
        function.set_global("CONSTANT", 1000);
        function.set_global("fresh", vec!["a", "b"]);
        assert!(function.remove_global("TABLE") && !function.remove_global("TABLE"));
        function.set_default("b", 3).unwrap();
        function.set_default("a", "first").unwrap();
        // Before cloudpickle 1.1, a pickle has no defaults of keyword-only parameters.
        let keeps_them = !name.contains("-0.");
        assert_eq!(function.set_default("c", ()).is_ok(), keeps_them, "{name}");
        assert_eq!(function.set_default("d", 5).is_ok(), keeps_them, "{name}");
        function.set_name("renamed");
        function.set_module("elsewhere");
        function.set_qualname("very.renamed");
        function.set_doc("Was edited.");
        function.set_attribute("attribute", 1.5).unwrap();
        let id = function_named(&graph, "up");
        FunctionMut::new(&mut graph, id).unwrap().set_cell("count", 77).unwrap();

        let graph = read(&encode(&graph));
        let function = Function::read(&graph, function_named(&graph, "renamed")).unwrap();
        let globals: Vec<String> = function.globals.names().map(|name| name.to_string()).collect();
        assert_eq!(globals.iter().filter(|name| ["CONSTANT", "TABLE", "fresh"].contains(&name.as_str())).count(), 2, "{name}");
        let show = |id: NodeId| graph.tree(id).to_string().replace('\n', " ");
        assert_eq!(function.defaults.iter().map(|id| show(*id)).collect::<String>(), "'first' 3 ", "{name}");
        if keeps_them {
            assert_eq!(["c", "d"].map(|name| show(function.kwdefaults.get(name).unwrap())), ["None ", "5 "], "{name}");
        }
        assert_eq!(function.module.unwrap(), "elsewhere", "{name}");
        assert_eq!(function.qualname.unwrap(), "very.renamed", "{name}");
        assert_eq!(function.doc_text().unwrap(), "Was edited.", "{name}");
        assert_eq!(show(function.dict.get("attribute").unwrap()), "1.5 ", "{name}");
        let up = Function::read(&graph, function_named(&graph, "up")).unwrap();
        let captured = up.closure().map(Result::unwrap).find(|captured| captured.name == "count").unwrap();
        assert_eq!(show(captured.cell.contents.unwrap()), "77 ", "{name}");
    }
}

#[test]
fn an_edit_of_what_is_not_there_says_so() {
    let mut graph = read(&pickles()["lambda"]);
    let id = functions(&graph).next().unwrap().unwrap().id;
    let mut function = FunctionMut::new(&mut graph, id).unwrap();
    for (error, text) in
        [(function.set_default("y", 1).unwrap_err(), "parameter y"), (function.set_cell("x", 1).unwrap_err(), "variable x")]
    {
        assert_eq!(error.kind(), ErrorKind::NoSuch);
        assert_eq!(error.to_string(), format!("function {id:?} has no {text}"));
    }
    assert_eq!(ClassMut::new(&mut graph, id).unwrap_err().to_string(), format!("{id:?} is no class but a reduce"));
}

#[test]
fn a_module_is_renamed_wherever_it_is_named() {
    for (name, pickle) in pickles() {
        let mut graph = read(&pickle);
        assert!(rename_module(&mut graph, "__main__", "jobs.daily").unwrap() > 0, "{name}");
        let again = read(&encode(&graph));
        for function in functions(&again).map(Result::unwrap) {
            assert!(function.module.is_none_or(|module| module != "__main__"), "{name}: {}", function.name);
            let own_name = function.base_globals.get("__name__").map(|id| again.node(id));
            assert_ne!(own_name, Some(Node::Str("__main__".into())), "{name}: {}", function.name);
        }
        for class in classes(&again).map(Result::unwrap) {
            assert_ne!(class.module().map(|id| again.node(id)), Some(Node::Str("__main__".into())), "{name}: {}", class.name);
        }
        assert!(enums(&again).all(|class| class.unwrap().module.is_none_or(|module| module != "__main__")), "{name}");
        assert!(again.ids().all(|id| again.node(id).as_global().is_none_or(|(module, _)| module != "__main__")), "{name}");
        // And back again, all is as it was, but for names that are now several strings.
        rename_module(&mut graph, "jobs.daily", "__main__").unwrap();
        assert_eq!(rename_module(&mut graph, "jobs", "x").unwrap(), 0, "{name}");
    }
}

#[test]
fn classes_are_edited_and_their_tracker_ids_dropped() {
    for (name, pickle) in pickles().into_iter().filter(|(name, _)| name.contains("protocol") && !name.ends_with("-models")) {
        let mut graph = read(&pickle);
        let tracked = classes(&graph).filter(|class| class.as_ref().unwrap().tracker_id.is_some()).count()
            + enums(&graph).filter(|class| class.as_ref().unwrap().tracker_id.is_some()).count();
        // A release that cannot pickle properties has none of it.
        let Some(id) = classes(&graph).map(Result::unwrap).find(|class| class.name == "Base").map(|class| class.id) else {
            continue;
        };
        let mut class = ClassMut::new(&mut graph, id).unwrap();
        class.set_attribute("number", 12).unwrap();
        class.set_attribute("fresh", "new").unwrap();
        assert!(class.remove_attribute("static"), "{name}");
        class.set_tracker_id(Some("0123"));
        let edited = cloud_reduce::Class::read(&graph, id).unwrap();
        assert_eq!(graph.node(edited.attributes.get("number").unwrap()).as_int(), Some(12), "{name}");
        assert!(edited.attributes.get("fresh").is_some() && edited.attributes.get("static").is_none(), "{name}");
        if tracked > 0 {
            assert_eq!(edited.tracker_id.unwrap(), "0123", "{name}");
        }
        assert_eq!(drop_tracker_ids(&mut graph), tracked, "{name}");
        assert!(classes(&graph).all(|class| class.unwrap().tracker_id.is_none()), "{name}");
    }
}

#[test]
fn each_object_that_the_writer_makes_is_read_as_what_it_is() {
    let mut graph = Graph::new();
    let mut writer = Writer::new(&mut graph, Dialect::Joblib);
    let (text, number) = (writer.value("text"), writer.value(1_i64 << 40));
    let dict = writer.value(BTreeMap::from([("k", 1)]));
    let list = writer.value([1, 2]);
    let print = writer.global("builtins", "print");
    assert_eq!(writer.global("builtins", "print"), print);
    let class = writer.class_parts("Made", "here");
    let made = [
        (writer.cell(number), "cell"),
        (writer.empty_cell(), "cell"),
        (writer.class(&class), "class"),
        (writer.import("os.path"), "module"),
        (writer.module("made", dict), "module"),
        (writer.builtin_type("FrameType"), "builtin type"),
        (writer.method(print, text), "method"),
        (writer.method_descriptor(MethodKind::Class, print), "method descriptor"),
        (writer.method_descriptor(MethodKind::Static, print), "method descriptor"),
        (writer.property(print, NodeId::NONE, NodeId::NONE, text), "property"),
        (writer.type_var("T", NodeId::NONE, &[print, print], [true, false]), "type variable"),
        (writer.dict_view(DictViewKind::Keys, list, false), "dict view"),
        (writer.dict_view(DictViewKind::Items, dict, true), "dict view"),
        (writer.mapping_proxy(dict), "mapping proxy"),
        (writer.weak_set(&[print]), "weak set"),
        (writer.logger(Some("a.b")), "logger"),
        (writer.logger(None), "logger"),
        (writer.attribute(print, "__call__"), "attribute"),
        (writer.field_kind("_FIELD"), "kind of field"),
        (writer.text_file("name.txt", "one\n", 2), "file"),
        (writer.partial(print, &[text], &[("end", text)]), "partial"),
    ];
    let ids = made.map(|(id, _)| id);
    let all = graph.push(Node::List(&ids));
    graph.set_root(all);
    let graph = read(&encode(&graph));
    let models = Models::new(&graph);
    for (&id, (_, kind)) in graph.node(graph.root()).as_list().unwrap().iter().zip(made) {
        assert_eq!(models.read(id).unwrap().unwrap().kind(), kind);
    }
    assert_eq!(dialects(&graph), [Dialect::Joblib]);
    assert!(Reconstructor::ALL.iter().filter(|name| name.is_current()).count() > 10);
}

#[test]
fn a_global_that_a_function_lacks_is_set_and_a_value_is_taken_over_from_another_pickle() {
    let other = read(&pickles()["cpython-3.13-cloudpickle-3.1.2-protocol-5"]);
    let mut graph = read(&pickles()["lambda"]);
    let helper = graph.graft(&other, function_named(&other, "even"));
    let id = function_named(&graph, "<lambda>");
    FunctionMut::new(&mut graph, id).unwrap().set_global("CONSTANT", helper);
    let graph = read(&encode(&graph));
    assert!(matches!(global(&graph, "<lambda>", "CONSTANT"), Some(Node::Reduce { .. })));
    assert_eq!(functions(&graph).count(), 3);
}
