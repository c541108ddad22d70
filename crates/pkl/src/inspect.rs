//! `pkl inspect`: the report on a pickle.

use std::{collections::HashSet, io::Write};

use anyhow::Result;
use clap::Args;
use cloud_reduce::{
    CarriedClass, CarriedEnum, CarriedFunction, CarriedIdentifiedFunction, CarriedMethod, Code, Function, NamedTexts, Policy,
    Report, SizeTree, Summary,
};
use serde::Serialize;

use crate::{input::Input, judged::Allowed, style};

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
            let data = file.read_pickle()?;
            let length = data.len() as u64;
            let mut end = 0;
            for report in Report::all(data) {
                end = report.start() + report.length() as u64;
                if self.json {
                    let (path, start) = (&*file.to_string(), report.start());
                    serde_json::to_writer_pretty(&mut out, &Told { path, start, summary: report.summary(&policy) })?;
                    writeln!(out)?;
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

        let summary = report.summary(policy);
        let functions = [summary.functions.len(), summary.identified_functions.len()];
        let others = [summary.classes.len(), summary.enums.len(), summary.unread.len()];
        if (functions, others) != ([0; 2], [0; 3]) {
            writeln!(out, "\n{heading}What it carries{heading:#}")?;
        }
        for (carried, function) in summary.functions.iter().zip(report.functions().flatten()) {
            write_function(out, carried)?;
            if self.code {
                write_codes(out, report, &function)?;
            }
        }
        for function in &summary.identified_functions {
            write_identified_function(out, function)?;
        }
        for class in &summary.classes {
            write_class(out, class)?;
        }
        for class in &summary.enums {
            write_enum(out, class)?;
        }
        for error in &summary.unread {
            writeln!(out, "  {bad}{error}{bad:#}")?;
        }
        if summary.is_cut {
            writeln!(out, "  {dim}... what is shared is not told for each that shares it{dim:#}")?;
        }

        let tree = report.size_tree(report.sizes().pickle().div_ceil(50));
        if !tree.parts.is_empty() {
            writeln!(out, "\n{heading}Where its bytes go{heading:#}")?;
            write_sizes(out, &tree)?;
        }

        if !summary.findings.is_empty() {
            writeln!(out, "\n{heading}What is not allowed{heading:#}")?;
        }
        for finding in &summary.findings {
            writeln!(out, "  {bad}{finding}{bad:#}")?;
            if let Some(rule) = &finding.rule {
                writeln!(out, "      {dim}to allow it:{dim:#} {hint}--allow '{rule}'{hint:#}")?;
            }
        }
        Ok(())
    }
}

/// A carried function, class or enum: the line that its source begins with, and its size.
fn write_head(out: &mut impl Write, line: &str, bytes: u64, place: &str) -> Result<()> {
    let (heading, dim, line, size) = (style::HEADING, style::DIM, style::name(line), style::bytes(bytes));
    writeln!(out, "  {heading}{line}{heading:#}  {dim}{size}{}{dim:#}", style::name(place))?;
    Ok(())
}

/// Names of a kind, where there are any.
fn write_names(out: &mut impl Write, what: &str, names: &[impl AsRef<str>]) -> Result<()> {
    if !names.is_empty() {
        let names: Vec<&str> = names.iter().map(AsRef::as_ref).collect();
        writeln!(out, "      {what}: {}", style::name(&names.join(", ")))?;
    }
    Ok(())
}

/// By its qualified name, where that ends with its name, which it need not.
fn qualified<'a>(name: &'a str, qualname: &'a Option<String>) -> &'a str {
    qualname.as_deref().filter(|qualname| qualname.ends_with(name)).unwrap_or(name)
}

fn write_function(out: &mut impl Write, function: &CarriedFunction) -> Result<()> {
    let parameters = function.signature.strip_prefix(&*function.name).unwrap_or("(...)");
    let line = format!("def {}{parameters}", qualified(&function.name, &function.qualname));
    write_head(out, &line, function.bytes, &format!(", {}:{}", function.file, function.line))?;
    for (name, value) in function.globals.iter() {
        writeln!(out, "      global {} = {value}", style::name(name))?;
    }
    for cell in &function.cells {
        writeln!(out, "      cell {} = {}", style::name(&cell.name), cell.value.as_deref().unwrap_or("empty"))?;
    }
    let needs = &function.needs;
    write_names(out, "modules", &needs.modules)?;
    write_names(out, "built-ins", &needs.builtins)?;
    write_names(out, "attributes", &needs.attributes)
}

fn write_identified_function(out: &mut impl Write, function: &CarriedIdentifiedFunction) -> Result<()> {
    let line = format!("def {}(...)", function.qualname);
    write_head(out, &line, function.bytes, &format!(", its code is {}", function.identifier))?;
    for (name, value) in function.globals.iter() {
        writeln!(out, "      global {} = {value}", style::name(name))?;
    }
    write_names(out, "found by", &[&function.finder])
}

/// The methods of a class, and its other attributes but for those of Python's own.
fn write_attributes(out: &mut impl Write, methods: &[CarriedMethod], attributes: &NamedTexts) -> Result<()> {
    let shown = methods.iter().map(|method| match method.kind {
        "method" => method.name.clone(),
        kind => format!("{} ({kind})", method.name),
    });
    write_names(out, "methods", &shown.collect::<Vec<_>>())?;
    let methods: HashSet<&str> = methods.iter().map(|method| &*method.name).collect();
    let is_python_s = |name: &str| name.starts_with("__") && name.ends_with("__");
    let own = attributes.iter().map(|(name, _)| name).filter(|name| !methods.contains(name) && !is_python_s(name));
    write_names(out, "attributes", &own.collect::<Vec<_>>())
}

fn write_class(out: &mut impl Write, class: &CarriedClass) -> Result<()> {
    let mut bases = class.bases.clone();
    bases.retain(|base| base != "object");
    if class.metaclass != "type" {
        bases.push(format!("metaclass={}", class.metaclass));
    }
    let bases = if bases.is_empty() { String::new() } else { format!("({})", bases.join(", ")) };
    write_head(out, &format!("class {}{bases}", qualified(&class.name, &class.qualname)), class.bytes, "")?;
    write_attributes(out, &class.methods, &class.attributes)
}

fn write_enum(out: &mut impl Write, class: &CarriedEnum) -> Result<()> {
    let line = format!("class {}({})", qualified(&class.name, &class.qualname), class.bases.join(", "));
    write_head(out, &line, class.bytes, "")?;
    let members: Vec<String> = class.members.iter().map(|(name, value)| format!("{name} = {value}")).collect();
    write_names(out, "members", &members)?;
    write_attributes(out, &class.methods, &class.attributes)
}

/// How many code objects are shown of one function.
const MAX_CODES: usize = 100;

/// The bytecode of a function, and of those within it.
fn write_codes(out: &mut impl Write, report: &Report, function: &Function<'_>) -> Result<()> {
    let mut pending = vec![function.code];
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
    Ok(())
}

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

/// What takes bytes, for the end of a line.
fn shortened(mut what: String) -> String {
    const MOST: usize = 60;
    if let Some((end, _)) = what.char_indices().nth(MOST) {
        what.truncate(end);
        what.push_str("...");
    }
    what
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
        let what = shortened(style::name(&part.what));
        writeln!(out, "  {percent:>4} %  {size:>8}  {path} {dim}{what}{dim:#}")?;
        pending.extend(part.parts.iter().rev());
    }
    Ok(())
}

fn made_by(report: &Report) -> Option<String> {
    let versions: Vec<String> =
        report.python().iter().map(|(implementation, version)| format!("{implementation} {version}")).collect();
    (!versions.is_empty()).then(|| versions.join(" or "))
}

/// A report in JSON.
#[derive(Serialize)]
struct Told<'a> {
    path: &'a str,
    start: u64,
    #[serde(flatten)]
    summary: Summary,
}
