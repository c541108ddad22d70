//! [`Worker`]: an interpreter that does what it is asked, one request after the other.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    path::PathBuf,
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

use anyhow::{Context as _, bail};
use serde::de::DeserializeOwned;
use serde_json::Value as Json;

use crate::root;

/// An interpreter, started with the first request, and again after it died. It is stopped when this is dropped.
pub(super) struct Worker {
    python: PathBuf,
    import_path: Vec<PathBuf>,
    /// Whether what is installed for the interpreter can be imported.
    with_site: bool,
    running: Option<Running>,
}

struct Running {
    process: Child,
    requests: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Worker {
    /// An interpreter with `import_path` before where it finds modules by itself; without site-packages if not `with_site`.
    pub(super) fn new(python: PathBuf, import_path: Vec<PathBuf>, with_site: bool) -> Worker {
        Worker { python, import_path, with_site, running: None }
    }

    fn start(&self) -> anyhow::Result<Running> {
        let mut command = Command::new(&self.python);
        command
            .args((!self.with_site).then_some("-S"))
            .arg(root().join("xtask/python/compat/worker.py"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .env("PYTHONHASHSEED", "0")
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .env("PYTHONIOENCODING", "utf-8")
            .env("PYTHONWARNINGS", "ignore")
            .env_remove("PYTHONPATH");
        if !self.import_path.is_empty() {
            command.env("PYTHONPATH", std::env::join_paths(&self.import_path)?);
        }
        let mut process = command.spawn().with_context(|| format!("{} does not start", self.python.display()))?;
        let requests = process.stdin.take().context("a worker without standard input")?;
        let answers = BufReader::new(process.stdout.take().context("a worker without standard output")?);
        Ok(Running { process, requests, answers })
    }

    /// Sends `{"do": name, ...}`, where the name is that of a module and a function, with the members of the object `request`; returns the answer.
    ///
    /// # Errors
    ///
    /// The interpreter's traceback, or how it died.
    pub(super) fn ask<T: DeserializeOwned>(&mut self, name: &str, mut request: Json) -> anyhow::Result<T> {
        request["do"] = name.into();
        let mut line = serde_json::to_string(&request)?;
        line.push('\n');
        let mut running = match self.running.take() {
            Some(running) => running,
            None => self.start()?,
        };
        // One that is gone does not read; the reason is in what it said before.
        let sent = running.requests.write_all(line.as_bytes());
        let mut answer = String::new();
        let read = running.answers.read_line(&mut answer);
        if sent.is_err() || !matches!(read, Ok(1..)) {
            bail!("{}", running.how_it_died());
        }
        self.running = Some(running);
        let answer: Json = serde_json::from_str(&answer)?;
        if let Some(error) = answer.get("error").and_then(Json::as_str) {
            bail!("{}", error.trim_end());
        }
        Ok(serde_json::from_value(answer)?)
    }
}

impl Running {
    fn how_it_died(mut self) -> String {
        let _ = self.process.kill();
        let status = self.process.wait().map(|status| status.to_string()).unwrap_or_default();
        let mut said = String::new();
        if let Some(mut errors) = self.process.stderr.take() {
            let _ = errors.read_to_string(&mut said);
        }
        format!("the interpreter died ({status})\n{}", said.trim_end())
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        if let Some(mut running) = self.running.take() {
            let _ = running.process.kill();
            let _ = running.process.wait();
        }
    }
}
