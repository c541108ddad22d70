//! `cargo xtask codegen`: asks installed interpreters for their opcodes and writes the tables of cloud-reduce.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail};
use xshell::{Shell, cmd};

/// Where the tables live, from the root of the workspace.
const FOLDER: &str = "crates/cloud-reduce/src/code/opcodes";

/// Tells what an interpreter knows of its own opcodes, a line each.
///
/// `python` is followed by the implementation and the version, `op` by a number, name, count of inline cache entries and kind
/// of argument, `special` by a number, a name and the number of the opcode that it is a specialization of.
const SCRIPT: &str = r#"
import sys, dis, opcode

if sys.version_info < (3, 6):
    sys.exit("bytecode was not made of two-byte units before Python 3.6")

print("python %s %d %d" % ((sys.implementation.name,) + sys.version_info[:2]))
kinds = [("const", "hasconst"), ("name", "hasname"), ("local", "haslocal"), ("free", "hasfree"), ("compare", "hascompare"),
         ("jump_relative", "hasjrel"), ("jump_absolute", "hasjabs")]
with_arg = set(getattr(opcode, "hasarg", range(opcode.HAVE_ARGUMENT, 256)))
entries = getattr(opcode, "_inline_cache_entries", {})

def caches(name, number):
    return entries[number] if isinstance(entries, list) else entries.get(name, 0)

def kind(number):
    for name, attribute in kinds:
        if number in getattr(opcode, attribute):
            return name
    return "number" if number in with_arg else "nothing"

known = {number: name for name, number in opcode.opmap.items() if number < 256}
for number, name in sorted(known.items()):
    print("op", number, name, caches(name, number), kind(number))

bases = getattr(dis, "deoptmap", {})
for name, number in sorted(getattr(dis, "_all_opmap", {}).items(), key=lambda item: item[1]):
    if number < 256 and number not in known and bases.get(name) in opcode.opmap:
        print("special", number, name, opcode.opmap[bases[name]])
"#;

/// What names the newest version of CPython 3, as `to 3.15`, besides the pages that [`pages`] finds.
const DOCUMENTED: &str = "crates/cloud-reduce/src/model/code.rs";

/// Writes one table for each version of the given interpreters, the list of all tables that there are now, and the newest version
/// into the pages that tell it. Tables of versions that no given interpreter has stay as they are.
///
/// # Errors
///
/// When an interpreter of 3.6 or later does not run or says what this does not understand, or when a file cannot be written.
pub(crate) fn codegen(shell: &Shell, pythons: &[PathBuf]) -> anyhow::Result<()> {
    let mut tables = BTreeMap::new();
    for python in pythons {
        let output = cmd!(shell, "{python} -c {SCRIPT}").quiet().ignore_status().output()?;
        let stderr = String::from_utf8_lossy(&output.stderr);
        if !output.status.success() {
            if stderr.contains("before Python 3.6") {
                println!("{}: {}", python.display(), stderr.trim());
                continue;
            }
            bail!("{} does not tell its opcodes:\n{}", python.display(), stderr.trim());
        }
        let table = Table::parse(&String::from_utf8_lossy(&output.stdout))
            .with_context(|| format!("{} tells its opcodes in a way this does not understand", python.display()))?;
        println!("{}: {} {}.{}, {} opcodes", python.display(), table.implementation, table.major, table.minor, table.rows.len());
        tables.insert(table.module(), table);
    }
    for (module, table) in &tables {
        shell.write_file(Path::new(FOLDER).join(format!("{module}.rs")), table.render())?;
    }
    let newest_was = newest(shell)?;
    write_list(shell)?;
    let newest_is = newest(shell)?;
    if newest_is != newest_was {
        let [was, is] = [newest_was, newest_is].map(|minor| format!("to 3.{minor}"));
        for path in pages(shell)? {
            let text = shell.read_file(&path)?;
            if text.contains(&was) {
                println!("{}: {was:?} is now {is:?}", path.display());
                shell.write_file(&path, text.replace(&was, &is))?;
            }
        }
    }
    Ok(())
}

/// The pages that may name the newest version of CPython 3. What has changed in which release is not among them.
fn pages(shell: &Shell) -> anyhow::Result<Vec<PathBuf>> {
    let tracked = cmd!(shell, "git ls-files *.md").quiet().read()?;
    let pages = tracked.lines().filter(|path| !path.ends_with("CHANGELOG.md"));
    Ok(pages.chain([DOCUMENTED]).map(|path| shell.current_dir().join(path)).collect())
}

/// The newest version of CPython 3 that the list of tables has.
fn newest(shell: &Shell) -> anyhow::Result<u8> {
    let list = shell.read_file(Path::new(FOLDER).join("mod.rs"))?;
    let minors = list.lines().filter_map(|line| line.trim().strip_prefix("&cpython_3_")?.strip_suffix("::TABLE,")?.parse().ok());
    minors.max().with_context(|| format!("{FOLDER}/mod.rs lists no table of CPython 3"))
}

/// What one interpreter told.
struct Table {
    implementation: String,
    major: u8,
    minor: u8,
    rows: Vec<String>,
}

impl Table {
    fn parse(output: &str) -> anyhow::Result<Table> {
        let mut table = Table { implementation: String::new(), major: 0, minor: 0, rows: Vec::new() };
        for line in output.lines() {
            let words: Vec<&str> = line.split(' ').collect();
            match words[..] {
                ["python", implementation, major, minor] => {
                    table.implementation = match implementation {
                        "cpython" => "CPython".into(),
                        "pypy" => "PyPy".into(),
                        other => bail!("the implementation {other:?} is none that cloud-reduce knows"),
                    };
                    table.major = major.parse()?;
                    table.minor = minor.parse()?;
                }
                ["op", number, name, caches, kind] => {
                    let kind = match kind {
                        "nothing" => "Nothing",
                        "number" => "Number",
                        "const" => "Const",
                        "name" => "Name",
                        "local" => "Local",
                        "free" => "Free",
                        "compare" => "Compare",
                        "jump_relative" => "JumpRelative",
                        "jump_absolute" => "JumpAbsolute",
                        other => bail!("{other:?} is no kind of argument"),
                    };
                    let (number, caches): (u8, u8) = (number.parse()?, caches.parse()?);
                    table.rows.push(format!("op({number}, {name:?}, {caches}, {kind}),"));
                }
                ["special", number, name, base] => {
                    let (number, base): (u8, u8) = (number.parse()?, base.parse()?);
                    table.rows.push(format!("specialized({number}, {name:?}, {base}),"));
                }
                _ => bail!("what is {line:?}?"),
            }
        }
        if table.rows.is_empty() || table.implementation.is_empty() {
            bail!("there is nothing in {output:?}");
        }
        Ok(table)
    }

    /// The name of the module, such as `cpython_3_11`.
    fn module(&self) -> String {
        format!("{}_{}_{}", self.implementation.to_lowercase(), self.major, self.minor)
    }

    fn render(&self) -> String {
        let Table { implementation, major, minor, rows } = self;
        let mut text = format!("//! The opcodes of {implementation} {major}.{minor}, written by `cargo xtask codegen`.\n\n");
        let all = rows.concat();
        let kinds = ["Compare", "Const", "Free", "JumpAbsolute", "JumpRelative", "Local", "Name", "Nothing", "Number"];
        let used: Vec<&str> = kinds.into_iter().filter(|kind| all.contains(&format!(", {kind})"))).collect();
        let constructors = if all.contains("specialized(") { "op, specialized" } else { "op" };
        writeln!(text, "use super::super::opcode::{{").unwrap();
        writeln!(text, "    Listed::{{{}}},", used.join(", ")).unwrap();
        writeln!(text, "    OpcodeTable, {constructors},").unwrap();
        writeln!(text, "}};\nuse crate::{{Implementation, PythonVersion}};\n").unwrap();
        writeln!(text, "pub(super) static TABLE: OpcodeTable = OpcodeTable::new(").unwrap();
        writeln!(text, "    Implementation::{implementation},\n    PythonVersion::new({major}, {minor}),\n    &[").unwrap();
        for row in rows {
            writeln!(text, "        {row}").unwrap();
        }
        text.push_str("    ],\n);\n");
        text
    }
}

/// Writes the module that lists all tables: those of CPython first, each from the oldest version to the newest.
fn write_list(shell: &Shell) -> anyhow::Result<()> {
    let mut modules = Vec::new();
    for path in shell.read_dir(FOLDER)? {
        let Some(stem) = path.file_stem().and_then(|stem| stem.to_str()) else { continue };
        let mut parts = stem.split('_');
        if let (Some(implementation), Some(Ok(major)), Some(Ok(minor))) =
            (parts.next(), parts.next().map(str::parse::<u8>), parts.next().map(str::parse::<u8>))
        {
            modules.push((implementation.to_owned(), major, minor, stem.to_owned()));
        }
    }
    modules.sort();
    // rustfmt wants declarations in the order of their spelling.
    let mut declarations: Vec<&str> = modules.iter().map(|(.., stem)| stem.as_str()).collect();
    declarations.sort_unstable();
    let mut text =
        String::from("//! The opcode tables, one module for each version of Python, written by `cargo xtask codegen`.\n\n");
    for module in &declarations {
        writeln!(text, "mod {module};").unwrap();
    }
    text.push_str("\nuse super::opcode::OpcodeTable;\n\n");
    let newest = modules.iter().filter(|(name, major, ..)| name == "cpython" && *major == 3).map(|(_, _, minor, _)| *minor).max();
    text.push_str("/// The newest minor version of CPython 3 that has a table.\n");
    writeln!(text, "pub(super) const NEWEST_MINOR: u8 = {};\n", newest.unwrap_or_default()).unwrap();
    text.push_str("/// Every table: those of CPython first, each from the oldest version to the newest.\n");
    writeln!(text, "pub(super) static TABLES: [&OpcodeTable; {}] = [", modules.len()).unwrap();
    for (.., module) in &modules {
        writeln!(text, "    &{module}::TABLE,").unwrap();
    }
    text.push_str("];\n");
    shell.write_file(Path::new(FOLDER).join("mod.rs"), text)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pages_name_the_newest_version() {
        let shell = Shell::new().unwrap();
        shell.change_dir(crate::root());
        let newest = format!("to 3.{}", newest(&shell).unwrap());
        let naming: Vec<PathBuf> =
            pages(&shell).unwrap().into_iter().filter(|path| shell.read_file(path).unwrap().contains(&newest)).collect();
        for page in ["README.md", "crates/cloudpickle-py/README.md", "crates/cloud-reduce/README.md", DOCUMENTED] {
            assert!(naming.iter().any(|path| path.ends_with(page)), "{page} does not name {newest:?}");
        }
    }
}
