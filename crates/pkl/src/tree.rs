//! `pkl tree`: the objects of a pickle.

use std::io::Write;

use anyhow::{Context, Result};
use clap::Args;
use pickle_parse::{Loader, Strings};
use serde_json::json;

use crate::{input::Input, style};

/// Show the objects that a pickle makes, one a line
///
/// An object that is held more than once is shown where it is held first, with `&1` and so on before it, and as `*1` elsewhere.
#[derive(Args)]
#[command(after_help = "Examples:\n  pkl tree job.pkl\n  pkl tree --max-depth 3 --max-items 10 model.pkl")]
pub(crate) struct Tree {
    /// The pickle files; `-` is standard input
    #[arg(value_name = "FILE", required = true)]
    files: Vec<Input>,

    /// How many levels to show
    #[arg(short = 'd', long, value_name = "LEVELS", default_value_t = 100)]
    max_depth: usize,

    /// How many items of each container to show
    #[arg(short = 'n', long, value_name = "ITEMS", default_value_t = usize::MAX, hide_default_value = true)]
    max_items: usize,

    /// How many characters of each text to show
    #[arg(short = 't', long, value_name = "CHARACTERS", default_value_t = 200)]
    max_text: usize,

    /// Tell it in JSON: the tree as lines
    #[arg(long)]
    json: bool,
}

impl Tree {
    pub(crate) fn run(&self) -> Result<()> {
        let mut out = anstream::stdout().lock();
        for file in &self.files {
            let graph = Loader::new().strings(Strings::Keep).load(file.read_pickle()?).with_context(|| file.to_string())?;
            let tree = |id| graph.tree(id).max_depth(self.max_depth).max_items(self.max_items).max_text(self.max_text);
            if self.json {
                let text = tree(graph.root()).to_string();
                let lines: Vec<&str> = text.lines().collect();
                writeln!(out, "{:#}", json!({"path": file.to_string(), "nodes": graph.len(), "tree": lines}))?;
                continue;
            }
            if self.files.len() > 1 {
                writeln!(out, "==> {} <==", style::name(&file.to_string()))?;
            }
            for &id in graph.discarded() {
                write!(out, "discarded: {}", tree(id))?;
            }
            write!(out, "{}", tree(graph.root()))?;
        }
        out.flush()?;
        Ok(())
    }
}
