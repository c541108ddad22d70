//! Functions as a person reads them: their signature and their bytecode.

use std::fmt::Write;

use pickle_graph::{Graph, NodeId};

use super::{meaning, shown};
use crate::{
    Code, Function, Implementation, PythonVersion,
    code::{Instructions, LineTableFormat, OpcodeTable, Operand},
};

/// One instruction, as `dis` shows it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ListedInstruction {
    /// The line of the source that it begins, where it begins one.
    pub line: Option<i32>,
    /// Its offset in the bytecode.
    pub offset: usize,
    /// Its opcode's name, or the number of an unknown one in brackets.
    pub opcode: String,
    /// Its argument, where it has one.
    pub arg: Option<u32>,
    /// What the argument stands for: a name, a constant, where a jump goes.
    pub meaning: String,
}

/// `CO_VARARGS` and `CO_VARKEYWORDS` of the `inspect` module.
const VARARGS: i32 = 0x4;
const VARKEYWORDS: i32 = 0x8;

/// The signature of a function, as `def` has it: `f(a, /, b=1, *, c: int = 2) -> str`.
pub(super) fn signature(graph: &Graph, function: &Function<'_>) -> String {
    let code = function.code;
    let names: Vec<String> = code.varnames().iter().map(|name| name.to_string()).collect();
    let count = |count: i32| usize::try_from(count).unwrap_or_default();
    let (positional, only, keyword) = (count(code.argcount()), count(code.posonlyargcount()), count(code.kwonlyargcount()));
    let mut parameters = Vec::new();
    let first_default = positional.saturating_sub(function.defaults.len());
    for (index, name) in names.iter().take(positional).enumerate() {
        let default = index.checked_sub(first_default).and_then(|index| function.defaults.get(index));
        parameters.push(parameter(graph, function, name, default.copied()));
        if index + 1 == only {
            parameters.push("/".to_owned());
        }
    }
    let mut rest = names.iter().skip(positional.saturating_add(keyword));
    if code.flags() & VARARGS != 0 {
        parameters.extend(rest.next().map(|name| format!("*{}", parameter(graph, function, name, None))));
    } else if keyword > 0 {
        parameters.push("*".to_owned());
    }
    for name in names.iter().skip(positional).take(keyword) {
        parameters.push(parameter(graph, function, name, function.kwdefaults.get(name)));
    }
    if code.flags() & VARKEYWORDS != 0 {
        parameters.extend(rest.next().map(|name| format!("**{}", parameter(graph, function, name, None))));
    }
    let returned = function.annotations.get("return").map(|annotation| format!(" -> {}", shown::expression(graph, annotation)));
    format!("{}({}){}", function.name, parameters.join(", "), returned.unwrap_or_default())
}

/// A parameter with its annotation and its default, with blanks around `=` where there are both, as PEP 8 has it.
fn parameter(graph: &Graph, function: &Function<'_>, name: &str, default: Option<NodeId>) -> String {
    let default = default.map(|default| shown::value(graph, default));
    match (function.annotations.get(name).map(|annotation| shown::expression(graph, annotation)), default) {
        (None, None) => name.to_owned(),
        (None, Some(default)) => format!("{name}={default}"),
        (Some(annotation), None) => format!("{name}: {annotation}"),
        (Some(annotation), Some(default)) => format!("{name}: {annotation} = {default}"),
    }
}

/// The instructions of a code object; nothing where its version is not known.
pub(super) fn instructions(
    graph: &Graph,
    code: &Code<'_>,
    versions: &[(Implementation, PythonVersion)],
) -> Vec<ListedInstruction> {
    let table = versions.iter().find_map(|&(implementation, version)| OpcodeTable::of(implementation, version));
    let Some(table) = table else { return Vec::new() };
    let lines = code.line_table_bytes();
    let format = LineTableFormat::of(table.implementation(), table.version());
    let mut starts = code.line_table(format, &lines).ranges().peekable();
    let (names, consts, variables, co_code) = (code.names(), code.consts(), code.variables(table), code.co_code());
    let mut last_line = None;
    Instructions::new(table, &co_code)
        .map(|instruction| {
            let mut line = None;
            while let Some(range) = starts.next_if(|range| range.start <= instruction.offset) {
                if range.line.is_some() && range.line != last_line {
                    (line, last_line) = (range.line, range.line);
                }
            }
            let local = |index: u32| variables.locals.get(index as usize).map(ToString::to_string).unwrap_or_default();
            let meaning = match instruction.operand {
                Operand::Nothing => String::new(),
                Operand::Number(arg) => meaning::number(table, instruction.name().unwrap_or_default(), arg),
                Operand::Const(index) => consts.get(index as usize).map(|&id| shown::object(graph, id)).unwrap_or_default(),
                Operand::Name { index, flags } => {
                    let name = names.get(index as usize).map(|name| name.to_string()).unwrap_or_default();
                    meaning::name(table, instruction.name().unwrap_or_default(), name, flags)
                }
                Operand::Local(index) => local(index),
                Operand::LocalPair(first, second) => format!("{}, {}", local(first), local(second)),
                Operand::Free(index) => variables.free.get(index as usize).map(ToString::to_string).unwrap_or_default(),
                Operand::Compare(operator) => meaning::comparison(table, operator, instruction.arg.unwrap_or_default()),
                Operand::Jump(target) => format!("to {target}"),
            };
            let mut opcode = instruction.name().unwrap_or_default().to_owned();
            if opcode.is_empty() {
                let _ = write!(opcode, "<{}>", instruction.opcode);
            }
            ListedInstruction { line, offset: instruction.offset, opcode, arg: instruction.arg, meaning }
        })
        .collect()
}
