//! `pkl inspect`: the report on a pickle.

use std::io::Write;

use anyhow::Result;
use clap::Args;
use cloud_reduce::{Code, Function, Policy, Report, SizeTree};
use serde_json::{Value, json};

use crate::{
    input::Input,
    judged::{Allowed, finding_json},
    style,
};

/// Tell what a pickle is and does: what loading it imports and calls, what it carries and needs, and where its bytes go
///
/// Functions that it carries are shown with signature, globals and cells, and with --code with bytecode. Findings are what a policy does not allow; it
/// is `cloudpickle` unless given: what cloudpickle itself calls. A broken pickle is told of as far as it goes. Where a file
/// holds several pickles, each is told of, with --json in an object of its own; offsets are from the start of each.
#[derive(Args)]
#[command(after_help = "\
Examples:
  pkl inspect job.pkl
  pkl inspect --code job.pkl                     the bytecode of its functions too
  pkl inspect --policy cloudpickle,numpy --allow 'new:acme.*' job.pkl
  pkl inspect --json job.pkl | jq '.functions[].needs.modules'")]
pub(crate) struct Inspect {
    /// The pickle files; `-` is standard input
    #[arg(value_name = "FILE", required = true)]
    files: Vec<Input>,

    #[command(flatten)]
    allowed: Allowed,

    /// Show the bytecode of functions
    #[arg(short, long)]
    code: bool,

    /// How many steps of loading it to show
    #[arg(short = 'n', long, value_name = "STEPS", default_value_t = 30)]
    steps: usize,

    /// Tell it all in JSON
    #[arg(long)]
    json: bool,
}

impl Inspect {
    pub(crate) fn run(&self) -> Result<()> {
        let policy = self.allowed.policy(Policy::cloudpickle);
        let mut out = anstream::stdout().lock();
        for file in &self.files {
            let data = file.read()?;
            let length = data.len() as u64;
            let mut end = 0;
            for report in Report::all(data) {
                end = report.start() + report.length() as u64;
                if self.json {
                    writeln!(out, "{:#}", report_json(&file.to_string(), &report, &policy))?;
                } else {
                    self.write(&mut out, &file.to_string(), &report, &policy)?;
                }
                if report.error().is_some() {
                    end = length;
                }
            }
            let trailing = length - end;
            if trailing > 0 && !self.json {
                let (dim, size) = (style::DIM, style::bytes(trailing));
                writeln!(out, "\n{dim}{size} behind it are no pickle, and no unpickler looks at them{dim:#}")?;
            }
        }
        out.flush()?;
        Ok(())
    }

    fn write(&self, out: &mut impl Write, name: &str, report: &Report, policy: &Policy) -> Result<()> {
        let (heading, dim, bad, hint) = (style::HEADING, style::DIM, style::BAD, style::HINT);
        let size = style::bytes(report.length() as u64);
        let place = match report.start() {
            0 => String::new(),
            start => {
                writeln!(out)?;
                format!(" from byte {start} on")
            }
        };
        write!(out, "{heading}{}{heading:#}{place}: a pickle of protocol {}, {size}", style::name(name), report.protocol())?;
        match made_by(report) {
            Some(made_by) => writeln!(out, ", made by {made_by}")?,
            None => writeln!(out)?,
        }

        let events = report.events();
        if !events.is_empty() {
            writeln!(out, "\n{heading}Loading it{heading:#}")?;
        }
        for event in events.iter().take(self.steps) {
            writeln!(out, "  {dim}{:>7}{dim:#}  {}", event.offset, report.describe(event))?;
        }
        if events.len() > self.steps {
            writeln!(out, "  {dim}... {} more: --steps {}{dim:#}", events.len() - self.steps, events.len())?;
        }

        let mut carries = false;
        for function in report.functions() {
            if !std::mem::replace(&mut carries, true) {
                writeln!(out, "\n{heading}What it carries{heading:#}")?;
            }
            match function {
                Ok(function) => self.write_function(out, report, &function)?,
                Err(error) => writeln!(out, "  {bad}{error}{bad:#}")?,
            }
        }
        let classes = report.classes().map(|class| class.map(|class| ("class", class.id, class.name, class.attributes.len())));
        let enums = report.enums().map(|class| class.map(|class| ("enum", class.id, class.name, class.members.len())));
        for class in classes.chain(enums) {
            if !std::mem::replace(&mut carries, true) {
                writeln!(out, "\n{heading}What it carries{heading:#}")?;
            }
            match class {
                Ok((kind, id, name, parts)) => {
                    let size = style::bytes(report.sizes().total(id));
                    let parts = if kind == "enum" { format!("{parts} members") } else { format!("{parts} attributes") };
                    let name = style::name(&name.to_string());
                    writeln!(out, "  {kind} {heading}{name}{heading:#} {dim}{size}{dim:#}, {parts}")?;
                }
                Err(error) => writeln!(out, "  {bad}{error}{bad:#}")?,
            }
        }

        let tree = report.size_tree(report.sizes().pickle().div_ceil(50));
        if !tree.parts.is_empty() {
            writeln!(out, "\n{heading}Where its bytes go{heading:#}")?;
            write_sizes(out, &tree)?;
        }

        let findings = report.findings(policy);
        if !findings.is_empty() {
            writeln!(out, "\n{heading}What is not allowed{heading:#}")?;
        }
        for finding in &findings {
            writeln!(out, "  {bad}{finding}{bad:#}")?;
            if let Some(rule) = &finding.rule {
                writeln!(out, "      {dim}to allow it:{dim:#} {hint}--allow '{rule}'{hint:#}")?;
            }
        }
        Ok(())
    }

    fn write_function(&self, out: &mut impl Write, report: &Report, function: &Function<'_>) -> Result<()> {
        let (heading, dim) = (style::HEADING, style::DIM);
        let code = &function.code;
        let signature = style::name(&report.signature(function));
        let size = style::bytes(report.sizes().total(function.id));
        let place = style::name(&format!("{}:{}", code.filename(), code.firstlineno()));
        writeln!(out, "  {heading}def {signature}{heading:#} {dim}{size}, {place}{dim:#}")?;
        for (name, value) in function.globals.iter() {
            writeln!(out, "      global {} = {}", style::name(&name.to_string()), report.show(value))?;
        }
        for captured in function.closure().flatten() {
            let value = captured.cell.contents.map_or_else(|| "empty".to_owned(), |value| report.show(value));
            writeln!(out, "      cell {} = {value}", style::name(&captured.name.to_string()))?;
        }
        let needs = report.needs(function);
        for (what, names) in [("modules", &needs.modules), ("built-ins", &needs.builtins), ("attributes", &needs.attributes)] {
            if !names.is_empty() {
                writeln!(out, "      {what}: {}", style::name(&names.join(", ")))?;
            }
        }
        if self.code {
            let mut pending = vec![*code];
            let mut left = MAX_CODES;
            while let Some(code) = pending.pop() {
                write_code(out, report, &code)?;
                left -= 1;
                if left == 0 {
                    break;
                }
                let mut nested: Vec<Code<'_>> = code.nested().take(left).collect();
                nested.reverse();
                pending.append(&mut nested);
            }
        }
        Ok(())
    }
}

/// How many code objects are shown of one function.
const MAX_CODES: usize = 100;

fn write_code(out: &mut impl Write, report: &Report, code: &Code<'_>) -> Result<()> {
    let dim = style::DIM;
    writeln!(out, "      {dim}bytecode of {}{dim:#}", style::name(&code.name().to_string()))?;
    for instruction in report.instructions(code) {
        let line = instruction.line.map(|line| line.to_string()).unwrap_or_default();
        let arg = instruction.arg.map(|arg| arg.to_string()).unwrap_or_default();
        let meaning = match &*instruction.meaning {
            "" => String::new(),
            meaning => format!(" ({})", style::name(meaning)),
        };
        let text = format!("      {line:>5} {:>5} {:<28} {arg:>4}{meaning}", instruction.offset, instruction.opcode);
        writeln!(out, "{}", text.trim_end())?;
    }
    Ok(())
}

/// The parts of a tree that say something: those that are not nearly all of what is around them.
fn write_sizes(out: &mut impl Write, tree: &SizeTree) -> Result<()> {
    let dim = style::DIM;
    let whole = tree.bytes.max(1);
    let heaviest = tree.heaviest();
    if !heaviest.path.is_empty() {
        let (percent, size) = ((heaviest.bytes as f64 * 100.0 / whole as f64).round(), style::bytes(tree.bytes));
        writeln!(out, "  {percent} % of its {size} are {}", style::name(&heaviest.path))?;
    }
    let mut pending: Vec<&SizeTree> = tree.parts.iter().rev().collect();
    let mut left = 20;
    while let Some(part) = pending.pop() {
        if left == 0 {
            break;
        }
        left -= 1;
        let percent = (part.bytes as f64 * 100.0 / whole as f64).round();
        let (path, size) = (style::name(&part.path), style::bytes(part.bytes));
        writeln!(out, "  {percent:>4} %  {size:>8}  {path} {dim}{}{dim:#}", style::name(&part.what))?;
        pending.extend(part.parts.iter().rev());
    }
    Ok(())
}

fn made_by(report: &Report) -> Option<String> {
    let versions: Vec<String> =
        report.python().iter().map(|(implementation, version)| format!("{implementation} {version}")).collect();
    (!versions.is_empty()).then(|| versions.join(" or "))
}

fn report_json(name: &str, report: &Report, policy: &Policy) -> Value {
    let offsets = report.events().iter().map(|event| json!({"offset": event.offset, "text": report.describe(event)}));
    let functions = report.functions().map(|function| match function {
        Err(error) => json!({"error": error.to_string()}),
        Ok(function) => {
            let needs = report.needs(&function);
            let globals =
                function.globals.iter().map(|(name, value)| json!({"name": name.to_string(), "value": report.show(value)}));
            let cells = function.closure().flatten().map(|captured| {
                json!({"name": captured.name.to_string(), "value": captured.cell.contents.map(|value| report.show(value))})
            });
            json!({
                "name": function.name.to_string(),
                "signature": report.signature(&function),
                "module": function.module.map(|module| module.to_string()),
                "file": function.code.filename().to_string(),
                "line": function.code.firstlineno(),
                "bytes": report.sizes().total(function.id),
                "globals": globals.collect::<Vec<_>>(),
                "cells": cells.collect::<Vec<_>>(),
                "needs": {
                    "modules": needs.modules,
                    "globals": needs.globals,
                    "builtins": needs.builtins,
                    "attributes": needs.attributes,
                },
            })
        }
    });
    let classes = report.classes().map(|class| match class {
        Err(error) => json!({"error": error.to_string()}),
        Ok(class) => json!({
            "name": class.name.to_string(),
            "bytes": report.sizes().total(class.id),
            "attributes": class.attributes.names().map(|name| name.to_string()).collect::<Vec<_>>(),
            "tracker_id": class.tracker_id.map(|id| id.to_string()),
        }),
    });
    let enums = report.enums().map(|class| match class {
        Err(error) => json!({"error": error.to_string()}),
        Ok(class) => json!({
            "name": class.name.to_string(),
            "bytes": report.sizes().total(class.id),
            "members": class.members.names().map(|name| name.to_string()).collect::<Vec<_>>(),
        }),
    });
    let python = report.python();
    let python = python.iter().map(|(implementation, version)| format!("{implementation} {version}"));
    json!({
        "path": name,
        "start": report.start(),
        "protocol": report.protocol().to_string().parse::<u8>().ok(),
        "bytes": report.length(),
        "python": python.collect::<Vec<_>>(),
        "error": report.error().map(ToString::to_string),
        "loading": offsets.collect::<Vec<_>>(),
        "functions": functions.collect::<Vec<_>>(),
        "classes": classes.collect::<Vec<_>>(),
        "enums": enums.collect::<Vec<_>>(),
        "sizes": sizes_json(&report.size_tree(report.sizes().pickle().div_ceil(100))),
        "findings": report.findings(policy).iter().map(finding_json).collect::<Vec<_>>(),
    })
}

/// A tree of sizes, whose depth is bounded.
fn sizes_json(tree: &SizeTree) -> Value {
    json!({
        "path": tree.path,
        "what": tree.what,
        "bytes": tree.bytes,
        "parts": tree.parts.iter().map(sizes_json).collect::<Vec<_>>(),
    })
}
