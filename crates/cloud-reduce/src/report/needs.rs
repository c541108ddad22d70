//! [`Needs`]: what a function takes from where it runs.

use std::collections::{BTreeSet, HashSet};

use pickle_graph::{Graph, NodeId};

use super::resolve::Object;
use crate::{
    Function, Implementation, PythonVersion,
    code::{Instructions, OpcodeTable, Operand},
};

/// What a function takes from where it runs, by the names in its bytecode and in that of the functions within it; each list is in
/// alphabetical order.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Needs {
    /// Modules: those that its globals, closure and defaults refer to, and those that its code imports.
    pub modules: Vec<String>,
    /// Globals that the pickle carries a value of.
    pub globals: Vec<String>,
    /// Globals that the pickle does not carry: built-ins, or names that were not defined.
    pub builtins: Vec<String>,
    /// Attributes that its code reads, sets or deletes, of whatever object.
    pub attributes: Vec<String>,
}

impl Needs {
    pub(super) fn of(graph: &Graph, function: &Function<'_>, versions: &[(Implementation, PythonVersion)]) -> Needs {
        let (mut modules, mut named, mut attributes) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
        let table = versions.iter().find_map(|&(implementation, version)| OpcodeTable::of(implementation, version));
        let mut pending = vec![function.code];
        let mut seen: HashSet<NodeId> = HashSet::new();
        while let (Some(code), Some(table)) = (pending.pop(), table) {
            if !seen.insert(code.id()) {
                continue;
            }
            let (names, co_code) = (code.names(), code.co_code());
            for instruction in Instructions::new(table, &co_code) {
                let (Operand::Name { index, .. }, Some(opcode)) = (instruction.operand, instruction.name()) else { continue };
                let Some(name) = names.get(index as usize).map(|name| name.to_string()) else { continue };
                match opcode {
                    "LOAD_GLOBAL" | "STORE_GLOBAL" | "DELETE_GLOBAL" => named.insert(name),
                    "IMPORT_NAME" => modules.insert(name),
                    // In the bodies of classes, where they may be the class's own.
                    "LOAD_NAME" | "STORE_NAME" | "DELETE_NAME" => false,
                    _ => attributes.insert(name),
                };
            }
            pending.extend(code.nested());
        }
        let globals: BTreeSet<String> = function.globals.names().map(|name| name.to_string()).collect();
        let values = function.globals.items().iter().map(|&[_, value]| value);
        let captured = function.closure().filter_map(|captured| captured.ok()?.cell.contents);
        for value in values.chain(captured).chain(function.defaults.iter().copied()) {
            modules.extend(module_of(graph, value));
        }
        for &module in function.submodules {
            modules.extend(module_of(graph, module));
        }
        let builtins = named.difference(&globals).cloned().collect();
        Needs {
            modules: modules.into_iter().collect(),
            globals: globals.into_iter().collect(),
            builtins,
            attributes: attributes.into_iter().collect(),
        }
    }
}

/// The module that an object is, or stands in.
fn module_of(graph: &Graph, id: NodeId) -> Option<String> {
    match Object::of(graph, id) {
        Object::Module(module) => Some(module.into()),
        object @ (Object::Named(_) | Object::Instance(_)) => object.name().map(|name| name.module.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_of_an_unknown_version_names_nothing() {
        let graph = pickle_parse::graph(std::fs::read("tests/data/lambda.pkl").unwrap()).unwrap();
        let function = crate::functions(&graph).next().unwrap().unwrap();
        let needs = Needs::of(&graph, &function, &[]);
        assert_eq!((needs.globals, needs.builtins), (vec!["CONSTANT".to_owned()], vec![]));
    }
}
