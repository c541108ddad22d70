//! [`Needs`]: what a function takes from where it runs.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    sync::Arc,
};

use pickle_graph::{Graph, NodeId};

use super::resolve::Object;
use crate::{
    Code, Function, Implementation, PythonVersion,
    code::{Instructions, OpcodeTable, Operand},
};

/// What a function takes from where it runs, by the names in its bytecode and in that of the functions within it; each list is in
/// alphabetical order, and has 4,096 names at most.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
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

/// How many names of a kind are told of one code object with those within it. Together with [`CodeNames`] it bounds the time by
/// the number of code objects and functions; no compiler's output that people write comes near it.
const MAX_NAMES: usize = 1 << 12;

/// What the code objects of a graph name, each with those within it.
#[derive(Debug, Default)]
pub(super) struct CodeNames(HashMap<NodeId, CodeName>);

#[derive(Debug, Default)]
struct CodeName {
    imported: BTreeSet<Arc<str>>,
    global: BTreeSet<Arc<str>>,
    attributes: BTreeSet<Arc<str>>,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum NameKind {
    Imported,
    Global,
    Attribute,
}

impl CodeName {
    /// The names of a code object, without those within it.
    fn of(code: &Code<'_>, table: &'static OpcodeTable) -> CodeName {
        let (names, co_code) = (code.names(), code.co_code());
        let mut used = BTreeSet::new();
        for instruction in Instructions::new(table, &co_code) {
            let (Operand::Name { index, .. }, Some(opcode)) = (instruction.operand, instruction.name()) else { continue };
            used.insert(match opcode {
                "LOAD_GLOBAL" | "STORE_GLOBAL" | "DELETE_GLOBAL" => (NameKind::Global, index),
                "IMPORT_NAME" => (NameKind::Imported, index),
                // In the bodies of classes, where they may be the class's own.
                "LOAD_NAME" | "STORE_NAME" | "DELETE_NAME" => continue,
                _ => (NameKind::Attribute, index),
            });
        }
        let mut found = CodeName::default();
        for (kind, index) in used {
            let Some(name) = names.get(index as usize) else { continue };
            let names = match kind {
                NameKind::Imported => &mut found.imported,
                NameKind::Global => &mut found.global,
                NameKind::Attribute => &mut found.attributes,
            };
            if names.len() < MAX_NAMES {
                names.insert(name.to_string().into());
            }
        }
        found
    }

    fn add(&mut self, inner: &CodeName) {
        for (names, inner) in
            [(&mut self.imported, &inner.imported), (&mut self.global, &inner.global), (&mut self.attributes, &inner.attributes)]
        {
            let room = MAX_NAMES.saturating_sub(names.len());
            names.extend(inner.iter().take(room).cloned());
        }
    }
}

impl CodeNames {
    pub(super) fn of(graph: &Graph, versions: &[(Implementation, PythonVersion)]) -> CodeNames {
        let table = versions.iter().find_map(|&(implementation, version)| OpcodeTable::of(implementation, version));
        let Some(table) = table else { return CodeNames::default() };
        let mut known: HashMap<NodeId, CodeName> = HashMap::new();
        // A pickle makes what is within a code object before the code object.
        for code in graph.ids().filter_map(|id| Code::read(graph, id).ok()) {
            let mut names = CodeName::of(&code, table);
            let inner: HashSet<NodeId> = code.nested().map(|inner| inner.id()).collect();
            for inner in inner.iter().filter_map(|inner| known.get(inner)) {
                names.add(inner);
            }
            known.insert(code.id(), names);
        }
        CodeNames(known)
    }
}

impl Needs {
    pub(super) fn of(graph: &Graph, function: &Function<'_>, names: &CodeNames) -> Needs {
        let nothing = CodeName::default();
        let used = names.0.get(&function.code.id()).unwrap_or(&nothing);
        let mut modules: BTreeSet<String> = used.imported.iter().map(ToString::to_string).collect();
        let globals: BTreeSet<String> = function.globals.names().take(MAX_NAMES).map(|name| name.to_string()).collect();
        let values = function.globals.items().iter().map(|&[_, value]| value);
        let captured = function.closure().filter_map(|captured| captured.ok()?.cell.contents);
        let held = values.take(MAX_NAMES).chain(captured.take(MAX_NAMES));
        let held = held.chain(function.defaults.iter().chain(function.submodules).copied().take(MAX_NAMES));
        modules.extend(held.filter_map(|value| module_of(graph, value)));
        Needs {
            modules: modules.into_iter().collect(),
            builtins: used.global.iter().filter(|&name| !globals.contains(&**name)).map(ToString::to_string).collect(),
            globals: globals.into_iter().collect(),
            attributes: used.attributes.iter().map(ToString::to_string).collect(),
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
        let needs = Needs::of(&graph, &function, &CodeNames::of(&graph, &[]));
        assert_eq!((needs.globals, needs.builtins), (vec!["CONSTANT".to_owned()], vec![]));
    }

    #[test]
    fn the_bytecode_of_a_code_object_is_read_once_for_all_functions_that_have_it() {
        let report = crate::Report::of(std::fs::read("tests/data/lambda.pkl").unwrap());
        let function = report.functions().next().unwrap().unwrap();
        let first = report.needs(&function);
        let names = std::ptr::from_ref(report.names.get().unwrap());
        assert_eq!(report.needs(&function), first);
        assert_eq!(std::ptr::from_ref(report.names.get().unwrap()), names);
        assert_eq!(report.names.get().unwrap().0.len(), 1);
    }

    #[test]
    fn names_of_code_that_nests_the_same_code_many_times_are_told_once() {
        let (mut outer, mut inner) = (CodeName::default(), CodeName::default());
        inner.attributes = (0..2 * MAX_NAMES).map(|number| number.to_string().into()).collect();
        outer.add(&inner);
        outer.add(&inner);
        assert_eq!(outer.attributes.len(), MAX_NAMES);
    }
}
