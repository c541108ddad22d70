//! Edits the pickles of a folder that `xtask/python/edited/make.py` wrote, and builds others: what comes out is loaded and called by
//! `check.py` beside it. `cargo xtask test` runs the three of them on each Python.
//!
//!     cargo run -p cloud-reduce --example edit FOLDER

use std::{error::Error, fs, path::Path};

use cloud_reduce::{
    ClassMut, Dialect, FunctionMut, MethodKind, Writer, classes, drop_tracker_ids, functions, rename_module, switch_dialect,
};
use pickle_graph::{Graph, NodeId};

type Done<T = ()> = Result<T, Box<dyn Error>>;

fn main() -> Done {
    let folder = std::env::args_os().nth(1).ok_or("which folder?")?;
    let folder = Path::new(&folder);
    let read = |name: &str| -> Done<Graph> {
        let mut graph = pickle_parse::graph(fs::read(folder.join(name).with_extension("pickle"))?)?;
        // Whichever copy wrote it, the original is to load it.
        switch_dialect(&mut graph, Dialect::Cloudpickle);
        Ok(graph)
    };
    let write = |name: &str, graph: &Graph| -> Done {
        Ok(fs::write(folder.join(name).with_extension("edited"), pickle_emit::graph_to_vec(graph)?)?)
    };

    let mut graph = read("function")?;
    rename_module(&mut graph, "__main__", "jobs.daily")?;
    let id = named(&graph, "function")?;
    let mut function = FunctionMut::new(&mut graph, id)?;
    function.set_global("CONSTANT", 1000);
    function.set_default("b", 20)?;
    function.set_default("a", 10)?;
    function.set_default("c", 30)?;
    function.set_name("renamed");
    function.set_doc("Was edited.");
    function.set_attribute("note", ("a", 1))?;
    write("function", &graph)?;

    let mut graph = read("counter")?;
    let id = named(&graph, "up")?;
    FunctionMut::new(&mut graph, id)?.set_cell("count", 100)?;
    write("counter", &graph)?;

    for name in ["parity", "parse"] {
        write(name, &read(name)?)?;
    }

    let mut graph = read("thing")?;
    let id = classes(&graph).next().ok_or("no class")??.id;
    let mut class = ClassMut::new(&mut graph, id)?;
    class.set_attribute("number", 100)?;
    class.set_attribute("greeting", "hello")?;
    class.set_tracker_id(None);
    write("thing", &graph)?;

    let mut graph = read("color")?;
    drop_tracker_ids(&mut graph);
    write("color", &graph)?;

    built(&read("function")?, &read("counter")?, &read("lambda")?, write)
}

/// Builds calls, a task, a function and a class.
fn built(function: &Graph, counter: &Graph, lambda: &Graph, write: impl Fn(&str, &Graph) -> Done) -> Done {
    let mut graph = Graph::new();
    let mut writer = Writer::new(&mut graph, Dialect::Cloudpickle);
    let (format, pi, precision) = (writer.global("builtins", "format"), writer.value(std::f64::consts::PI), writer.value(".3f"));
    let call = writer.call(format, &[pi, precision], &[]);
    graph.set_root(call);
    write("call", &graph)?;

    let mut graph = Graph::new();
    let mut writer = Writer::new(&mut graph, Dialect::Cloudpickle);
    let (sorted, list, reverse) = (writer.global("builtins", "sorted"), writer.value([2, 3, 1]), writer.value(true));
    let call = writer.call(sorted, &[list], &[("reverse", reverse)]);
    graph.set_root(call);
    write("sorted", &graph)?;

    let mut graph = Graph::new();
    let function = graph.graft(function, function.root());
    let mut writer = Writer::new(&mut graph, Dialect::Cloudpickle);
    let (two, five) = (writer.value(2), writer.value(5));
    let task = writer.task(function, &[two], &[("b", five)]);
    graph.set_root(task);
    write("task", &graph)?;

    let mut graph = Graph::new();
    let peek = functions(counter).flatten().find(|function| function.name == "peek").ok_or("no peek")?;
    let code = graph.graft(counter, peek.code.id());
    let lambda = graph.graft(lambda, lambda.root());
    let mut writer = Writer::new(&mut graph, Dialect::Cloudpickle);
    let mut parts = writer.function_parts(code, "made", "jobs");
    let text = writer.value("made here");
    let cell = writer.cell(text);
    parts.closure = writer.value((cell,));
    let made = writer.function(&parts);
    let static_ = writer.method_descriptor(MethodKind::Static, lambda);
    let parts = writer.class_parts("Made", "jobs");
    let class = writer.class(&parts);
    writer.graph().insert(parts.attributes, "static", static_);
    let whole = writer.value("whole");
    writer.graph().insert(parts.attributes, "whole", whole);
    let all = writer.value((made, class, made));
    graph.set_root(all);
    write("made", &graph)
}

fn named(graph: &Graph, name: &str) -> Done<NodeId> {
    for function in functions(graph) {
        let function = function?;
        if function.name == name {
            return Ok(function.id);
        }
    }
    Err(format!("no function {name}").into())
}
