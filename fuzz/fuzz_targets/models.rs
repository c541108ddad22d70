//! Any bytes: every model of what can be read is read or is an error, whatever stands in the place of what cloudpickle writes; what is
//! edited can be written, and is read again.
#![no_main]

use cloud_reduce::{
    ClassMut, Code, Dialect, FunctionMut, Model, Models, Writer, classes,
    code::{ExceptionHandlers, Instructions, LineTable, LineTableFormat, OpcodeTable},
    dialects, drop_tracker_ids, enums, functions, rename_module, switch_dialect,
};
use libfuzzer_sys::fuzz_target;
use pickle_graph::NodeId;

fuzz_target!(|input: &[u8]| {
    let Ok(mut graph) = pickle_parse::graph(input.to_vec()) else { return };
    let models = Models::new(&graph);
    let mut editable: Vec<NodeId> = Vec::new();
    for model in models.iter() {
        match model {
            Ok(model) => {
                assert!(!model.kind().is_empty());
                editable.extend(model.id());
                match &model {
                    Model::Function(function) => {
                        let _ = function.closure().filter(Result::is_err).count();
                        let _ = (function.globals.names().count(), function.doc_text(), function.versions().len());
                    }
                    Model::Class(class) => {
                        let _ = (class.module(), class.doc(), class.annotations(), class.slots(), class.registered());
                    }
                    Model::Code(code) => read(code),
                    _ => {}
                }
            }
            Err(error) => assert!(!error.to_string().is_empty()),
        }
    }
    let _ = (functions(&graph).count(), classes(&graph).count(), enums(&graph).count(), dialects(&graph));

    let mut left = 16;
    for id in editable {
        if left == 0 {
            break;
        }
        if let Ok(mut function) = FunctionMut::new(&mut graph, id) {
            left -= 1;
            function.set_global("name", 1);
            let _ = (function.set_default("x", 2), function.set_cell("x", 3), function.set_attribute("a", ()));
            function.remove_global("name");
            let parts = function.function().ok().and_then(|function| function.parts());
            if let Some(parts) = parts {
                Writer::new(&mut graph, Dialect::Cloudpickle).function(&parts);
            }
        } else if let Ok(mut class) = ClassMut::new(&mut graph, id) {
            left -= 1;
            let _ = class.set_attribute("name", 1);
            class.set_tracker_id(Some("id"));
        }
    }
    drop_tracker_ids(&mut graph);
    let _ = rename_module(&mut graph, "__main__", "elsewhere");
    switch_dialect(&mut graph, Dialect::PySpark);
    assert!(dialects(&graph).iter().all(|dialect| *dialect == Dialect::PySpark));
    if let Ok(pickle) = pickle_emit::graph_to_vec(&graph) {
        let again = pickle_parse::graph(pickle.clone()).unwrap_or_else(|error| panic!("{}: {error}", pickle.escape_ascii()));
        let _ = Models::new(&again).iter().count();
    }
});

/// Reads all that a code object has.
fn read(code: &Code<'_>) {
    let (bytes, lines) = (code.co_code(), code.line_table_bytes());
    for table in OpcodeTable::all() {
        let _ = (Instructions::new(table, &bytes).count(), code.global_names(table.version()));
        let _ = code.variables(table);
    }
    use LineTableFormat::{Linetable, Lnotab, Locations, PyPy};
    for format in [Lnotab, Linetable, Locations, PyPy] {
        let table: LineTable<'_> = code.line_table(format, &lines);
        let _ = (table.ranges().count(), table.positions().count());
    }
    let _ = ExceptionHandlers::new(&code.exception_table_bytes()).count();
    let _ = (code.versions().len(), code.nested().count());
}
