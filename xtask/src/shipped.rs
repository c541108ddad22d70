//! What Rust reads out of pickles that lie in `xtask/pickles`, for a machine without a Python.
//!
//! Cloudpickle 3.1.2 wrote them for the three objects of `python/make.py`: `squared-3.13.pickle` under Python 3.13, and so on.

use std::fmt::Write as _;

use anyhow::Context as _;
use cloud_reduce::{
    Code, Function, PythonVersion, classes,
    code::{Instructions, OpcodeTable, Operand},
    functions,
};
use pickle_parse::{dis, graph};
use xshell::Shell;

const FOLDER: &str = "xtask/pickles";

/// The version whose pickles are shown in full.
const SHOWN: &str = "3.13";

/// Prints a line for each pickle, then what is in those of one version, and the listing of its lambda.
///
/// # Errors
///
/// When a pickle is not what it must be.
pub(crate) fn show(shell: &Shell) -> anyhow::Result<()> {
    for path in shell.read_dir(FOLDER)? {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
        let pickle = shell.read_binary_file(&path)?;
        let told = tell(&name, &pickle).with_context(|| name.clone())?;
        println!("{name}, {} bytes: {told}", pickle.len());
    }
    println!("\nsquared-{SHOWN}.pickle, op by op:");
    print!("{}", dis(&shell.read_binary_file(format!("{FOLDER}/squared-{SHOWN}.pickle"))?)?);
    Ok(())
}

/// What is in a pickle: for the version that is shown, in full.
fn tell(name: &str, pickle: &[u8]) -> anyhow::Result<String> {
    let graph = graph(pickle.to_vec())?;
    let in_full = name.contains(&format!("-{SHOWN}."));
    let mut text = Vec::new();
    for class in classes(&graph) {
        let class = class?;
        let mut line = format!("class {}", class.name);
        if in_full {
            let names: Vec<String> = class.attributes.names().map(|name| name.to_string()).collect();
            write!(line, ", which has {}", names.join(", "))?;
        }
        text.push(line);
    }
    for function in functions(&graph) {
        text.push(tell_function(&function?, &graph, in_full)?);
    }
    Ok(if in_full { format!("\n    {}", text.join("\n").replace('\n', "\n    ")) } else { text.join(", ") })
}

fn tell_function(function: &Function<'_>, graph: &pickle_graph::Graph, in_full: bool) -> anyhow::Result<String> {
    let parameters: Vec<String> =
        function.code.varnames().iter().take(function.code.argcount().max(0) as usize).map(|name| name.to_string()).collect();
    let mut text = format!("{}({})", function.qualname.unwrap_or(function.name), parameters.join(", "));
    if !in_full {
        return Ok(text);
    }
    for (name, value) in function.globals.iter() {
        write!(text, "\n  needs the global {name} = {}", graph.tree(value).to_string().trim_end())?;
    }
    let version: Vec<u8> = SHOWN.split('.').map(str::parse).collect::<Result<_, _>>()?;
    let table = OpcodeTable::cpython(PythonVersion::new(version[0], version[1])).context("no opcodes for the version shown")?;
    for instruction in Instructions::new(table, &function.code.co_code()) {
        let name = instruction.name().unwrap_or("?");
        let operand = tell_operand(&function.code, instruction.operand, graph);
        text.push_str(format!("\n  {:>4} {name:<22} {operand}", instruction.offset).trim_end());
    }
    Ok(text)
}

fn tell_operand(code: &Code<'_>, operand: Operand, graph: &pickle_graph::Graph) -> String {
    let local = |index: u32| code.varnames().get(index as usize).map(|name| name.to_string()).unwrap_or_default();
    match operand {
        Operand::Const(index) => match code.consts().get(index as usize) {
            Some(&id) => graph.tree(id).to_string().trim_end().to_owned(),
            None => String::new(),
        },
        Operand::Name { index, .. } => code.names().get(index as usize).map(|name| name.to_string()).unwrap_or_default(),
        Operand::Local(index) => local(index),
        Operand::LocalPair(first, second) => format!("{}, {}", local(first), local(second)),
        Operand::Number(number) => number.to_string(),
        Operand::Compare(comparison) => comparison.to_owned(),
        Operand::Free(_) | Operand::Jump(_) | Operand::Nothing => String::new(),
    }
}
