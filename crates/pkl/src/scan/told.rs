//! What `pkl scan` tells of each file, in words or in JSON.

use std::fmt::{self, Write};

use anstyle::Style;
use cloud_reduce::Member;
use pickle_parse::ErrorKind;
use serde_json::json;

use crate::{input::Input, style};

/// What became of a file.
pub(super) enum Outcome {
    Scanned(Vec<Member>),
    NoPickle,
    Unreadable(String),
}

/// What counts of that.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Clean,
    WithFindings,
    Unreadable,
    NoPickle,
}

impl Outcome {
    pub(super) fn verdict(&self) -> Verdict {
        match self {
            Outcome::Scanned(members) if members.iter().any(has_findings) => Verdict::WithFindings,
            Outcome::Scanned(members) if members.iter().any(|member| member.scan.error.is_some()) => Verdict::Unreadable,
            Outcome::Scanned(_) => Verdict::Clean,
            Outcome::Unreadable(_) => Verdict::Unreadable,
            Outcome::NoPickle => Verdict::NoPickle,
        }
    }
}

fn has_findings(member: &Member) -> bool {
    !member.scan.findings.is_empty()
}

/// How files are told of.
pub(super) enum Form {
    Words(Words),
    Json,
}

impl Form {
    /// Tells of a file; nothing of one that is no pickle.
    pub(super) fn tell(&self, out: &mut String, input: &Input, outcome: &Outcome) {
        // Memory takes all that is written.
        let _ = match self {
            Form::Words(words) => words.tell(out, input, outcome),
            Form::Json => tell_in_json(out, input, outcome),
        };
    }
}

/// The colours of words, and whether files are told of in which nothing was found.
#[derive(Clone, Copy)]
pub(super) struct Words {
    pub(super) bad: Style,
    pub(super) hint: Style,
    pub(super) dim: Style,
    pub(super) good: Style,
    pub(super) verbose: bool,
}

impl Words {
    fn tell(&self, out: &mut String, input: &Input, outcome: &Outcome) -> fmt::Result {
        let &Words { bad, good, verbose, .. } = self;
        let name = || style::name(&input.to_string());
        match outcome {
            Outcome::NoPickle => Ok(()),
            Outcome::Unreadable(error) => writeln!(out, "{bad}{}:{bad:#} cannot be read: {error}", name()),
            Outcome::Scanned(members) => {
                if verbose && outcome.verdict() == Verdict::Clean {
                    writeln!(out, "{}: {good}nothing found{good:#}", name())?;
                }
                let mut told = members.iter().filter(|member| has_findings(member) || member.scan.error.is_some()).peekable();
                if told.peek().is_none() {
                    return Ok(());
                }
                let name = name();
                told.try_for_each(|member| match &*member.path {
                    "" => self.tell_member(out, &name, member),
                    path => self.tell_member(out, &format!("{name}!{}", style::name(path)), member),
                })
            }
        }
    }

    fn tell_member(&self, out: &mut String, path: &str, member: &Member) -> fmt::Result {
        let &Words { bad, hint, dim, .. } = self;
        match &member.scan.error {
            Some(error) if matches!(error.kind(), ErrorKind::Limit { .. }) => {
                writeln!(out, "{bad}{path}:{bad:#} cannot be read to its end: {error}")?;
                writeln!(out, "    {dim}to allow more:{dim:#} {hint}--max-opcodes N{hint:#}")?;
            }
            Some(error) => writeln!(out, "{bad}{path}:{bad:#} cannot be read as a pickle: {error}")?,
            None => {}
        }
        for finding in &member.scan.findings {
            writeln!(out, "{bad}{path}:{bad:#} {finding}")?;
            if let Some(rule) = &finding.rule {
                writeln!(out, "    {dim}to allow it:{dim:#} {hint}--allow '{rule}'{hint:#}")?;
            }
        }
        Ok(())
    }
}

fn tell_in_json(out: &mut String, input: &Input, outcome: &Outcome) -> fmt::Result {
    let path = input.to_string();
    let told = match outcome {
        Outcome::NoPickle => return Ok(()),
        Outcome::Unreadable(error) => json!({"path": path, "error": error, "members": []}),
        Outcome::Scanned(members) => json!({
            "path": path,
            "error": null,
            "members": members.iter().map(|member| json!({
                "path": member.path,
                "pickles": member.scan.pickles,
                "trailing": member.scan.trailing,
                "error": member.scan.error.as_ref().map(ToString::to_string),
                "findings": member.scan.findings,
            })).collect::<Vec<_>>(),
        }),
    };
    // As an item of a list that is a value of the outermost object; no string has a line's end in it.
    for (at, line) in format!("{told:#}").lines().enumerate() {
        write!(out, "{}    {line}", if at == 0 { "" } else { "\n" })?;
    }
    Ok(())
}
