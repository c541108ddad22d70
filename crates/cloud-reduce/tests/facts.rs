//! Reads pickles that real interpreters and real releases of cloudpickle wrote, and compares the models with what the interpreters
//! said of the same objects (`tests/data/make.py`).

use std::{collections::BTreeSet, error::Error, fs, path::PathBuf};

use cloud_reduce::{
    Code, Function, PythonVersion, classes,
    code::{GlobalOps, Instructions, OpcodeTable, Operand},
    enums, functions,
};
use pickle_graph::{Graph, Node, NodeId};

/// Every pickle that has facts beside it: name, graph and facts.
fn pickles() -> Vec<(String, Graph, String)> {
    let mut pickles = Vec::new();
    for entry in fs::read_dir("tests/data").unwrap() {
        let path: PathBuf = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "facts") {
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            let graph = pickle_parse::graph(fs::read(path.with_extension("pkl")).unwrap()).unwrap();
            pickles.push((name, graph, fs::read_to_string(&path).unwrap()));
        }
    }
    assert!(pickles.len() > 15, "only {} pickles", pickles.len());
    pickles
}

fn python(name: &str) -> PythonVersion {
    let (major, minor) = name.split('-').nth(1).unwrap().split_once('.').unwrap();
    PythonVersion::new(major.parse().unwrap(), minor.parse().unwrap())
}

fn join<T: ToString>(names: impl IntoIterator<Item = T>) -> String {
    let mut names: Vec<String> = names.into_iter().map(|name| name.to_string()).collect();
    names.sort();
    names.join(",")
}

/// The name that a class or a type has, wherever it comes from.
fn class_name(graph: &Graph, id: NodeId) -> String {
    if let Ok(class) = cloud_reduce::Class::read(graph, id) {
        return class.name.to_string();
    }
    match graph.node(id) {
        Node::Global { name, .. } => name.to_string(),
        Node::Reduce { args, .. } => {
            let name = graph.node(args).as_tuple().and_then(|args| graph.node(*args.first()?).as_str()).unwrap_or_default();
            // What cloudpickle before 1.3 called `type`.
            if name == "ClassType" { "type".into() } else { name.into() }
        }
        _ => String::new(),
    }
}

fn function_facts(function: &Function<'_>) -> Result<String, Box<dyn Error>> {
    let code = &function.code;
    let mut closure = Vec::new();
    for captured in function.closure() {
        let captured = captured?;
        closure.push(format!("{}{}", captured.name, if captured.cell.contents.is_none() { "?" } else { "" }));
    }
    let facts = [
        "function".into(),
        function.name.to_string(),
        function.qualname.unwrap_or_default().to_string(),
        function.module.unwrap_or_default().to_string(),
        function.doc_text().unwrap_or_default().to_string(),
        format!("globals {}", join(function.globals.names())),
        format!("defaults {}", function.defaults.len()),
        format!("kwdefaults {}", join(function.kwdefaults.names())),
        format!("annotations {}", join(function.annotations.names())),
        format!("dict {}", join(function.dict.names())),
        format!("closure {}", closure.join(",")),
        format!(
            "code {} {} {} {} {} {}",
            code.argcount(),
            code.kwonlyargcount(),
            code.nlocals(),
            code.flags(),
            code.firstlineno(),
            code.co_code().len()
        ),
        format!("names {}", code.names().len()),
        format!("consts {}", code.consts().len()),
        code.filename().to_string(),
    ];
    Ok(facts.join("\t"))
}

fn is_function(graph: &Graph, id: NodeId) -> bool {
    Function::read(graph, id).is_ok()
}

#[test]
fn functions_classes_and_enums_are_what_the_interpreters_say() {
    for (name, graph, facts) in pickles() {
        let mut lines = Vec::new();
        for function in functions(&graph) {
            lines.push(function_facts(&function.unwrap()).unwrap());
        }
        for class in classes(&graph) {
            let class = class.unwrap();
            lines.push(format!(
                "class\t{}\t{}\tmetaclass {}\tbases {}\tfunctions {}",
                class.name,
                class.module().and_then(|id| graph.node(id).as_str()).unwrap_or_default(),
                class_name(&graph, class.metaclass),
                class.bases.iter().map(|id| class_name(&graph, *id)).collect::<Vec<_>>().join(","),
                join(class.attributes.iter().filter(|(_, value)| is_function(&graph, *value)).map(|(name, _)| name)),
            ));
        }
        for class in enums(&graph) {
            let class = class.unwrap();
            lines.push(format!(
                "enum\t{}\t{}\t{}\tbases {}\tmembers {}\tfunctions {}",
                class.name,
                class.qualname.unwrap_or_default(),
                class.module.unwrap_or_default(),
                class.bases.iter().map(|id| class_name(&graph, *id)).collect::<Vec<_>>().join(","),
                class.members.names().map(|name| name.to_string()).collect::<Vec<_>>().join(","),
                join(class.attributes.iter().filter(|(_, value)| is_function(&graph, *value)).map(|(name, _)| name)),
            ));
        }
        lines.sort();
        let expected: Vec<&str> = facts.lines().collect();
        let different = lines.iter().zip(&expected).find(|(ours, theirs)| ours != theirs);
        assert_eq!(different, None, "{name}");
        assert_eq!(lines.len(), expected.len(), "{name}");
    }
}

#[test]
fn the_globals_of_a_function_are_named_by_its_code_or_by_code_in_it() {
    for (name, graph, _) in pickles() {
        let python = python(&name);
        let ops = GlobalOps::for_python(python.major, python.minor).unwrap();
        for function in functions(&graph) {
            let function = function.unwrap();
            let mut named = BTreeSet::new();
            let mut codes = vec![function.code];
            while let Some(code) = codes.pop() {
                let bytecode = code.co_code();
                named.extend(ops.name_indices(&bytecode).map(|index| code.names().get(index as usize).unwrap()));
                codes.extend(code.nested());
            }
            for global in function.globals.names() {
                assert!(named.contains(&global), "{name}: {} has the global {global}", function.name);
            }
        }
    }
}

#[test]
fn the_version_that_made_a_function_is_among_those_that_its_code_tells() {
    for (name, graph, _) in pickles() {
        for id in graph.ids() {
            if let Ok(code) = Code::read(&graph, id) {
                let made_by: Vec<_> = code.versions().into_iter().map(|(_, version)| version).collect();
                assert!(made_by.contains(&python(&name)), "{name}: {} by {made_by:?}", code.name());
            }
        }
    }
}

#[test]
fn a_call_that_fills_a_function_is_read_as_that_function() {
    let mut fills = 0;
    for (name, graph, _) in pickles() {
        for function in functions(&graph) {
            let function = function.unwrap();
            for id in [Some(function.id), function.fill].into_iter().flatten() {
                let again = Function::read(&graph, id).unwrap();
                assert_eq!((again.id, again.fill, again.qualname), (function.id, function.fill, function.qualname), "{name}");
            }
            fills += usize::from(function.fill.is_some());
        }
    }
    assert!(fills > 50, "only {fills} functions of old releases");
}

#[test]
fn submodules_that_a_function_uses_are_told_in_every_release() {
    for (name, graph, _) in pickles() {
        for function in functions(&graph) {
            let function = function.unwrap();
            let modules = function.submodules.iter().map(|id| cloud_reduce::Module::read(&graph, *id).unwrap().name);
            let expected: &[&str] = if function.name == "uses_submodule" { &["xml.etree", "xml.etree.ElementTree"] } else { &[] };
            assert_eq!(join(modules), expected.join(","), "{name}: {}", function.name);
        }
    }
}

#[test]
fn two_functions_that_shared_a_cell_share_it_in_the_graph() {
    for (name, graph, _) in pickles().into_iter().filter(|(name, ..)| name.contains("-3.1.2-")) {
        let cell_of = |wanted: &str| {
            let function = functions(&graph).map(Result::unwrap).find(|function| function.name == wanted).unwrap();
            function.closure().next().unwrap().unwrap()
        };
        let (up, down) = (cell_of("up"), cell_of("down"));
        assert_eq!(up.name, "count");
        assert_eq!(up.cell, down.cell, "{name}");
        assert!(up.cell.id.is_some());
    }
}

#[test]
fn instructions_name_the_variables_that_they_work_on() {
    for (name, graph, _) in pickles() {
        let table = OpcodeTable::cpython(python(&name)).unwrap();
        let function = functions(&graph).map(Result::unwrap).find(|function| function.name == "up").unwrap();
        let variables = function.code.variables(table);
        let mut used = BTreeSet::new();
        for instruction in Instructions::new(table, &function.code.co_code()) {
            used.extend(match instruction.operand {
                Operand::Local(index) => Some(variables.locals[index as usize]),
                Operand::Free(index) => Some(variables.free[index as usize]),
                _ => None,
            });
        }
        assert_eq!(join(used), "count,step", "{name}");
    }
}

#[test]
fn a_dialect_is_known_by_its_module() {
    for (name, graph, _) in pickles() {
        let dialect = functions(&graph).next().unwrap().unwrap().dialect.unwrap();
        assert_eq!(name.contains("pyspark"), dialect == cloud_reduce::Dialect::PySpark, "{name}");
    }
}
