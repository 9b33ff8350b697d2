//! Commands that ask a running server about itself, or tell it something.

use clap::Args;
use http::Method;
use rustix::process::{Pid, Signal as ProcessSignal, kill_process, test_kill_process};
use serde_json::Value;

use super::{CliError, Connection, Style, print, print_json};
use crate::observe::RequestId;

/// Say why a request was answered as it was.
#[derive(Debug, Args)]
pub(super) struct Explain {
    /// The request's id: `x-amz-request-id` of the answer.
    request: String,
    #[command(flatten)]
    connection: Connection,
}

/// Say how the running server is.
#[derive(Debug, Args)]
pub(super) struct Status {
    #[command(flatten)]
    connection: Connection,
}

/// Tell the running server something.
#[derive(Debug, Args)]
pub(super) struct Signal {
    #[command(flatten)]
    connection: Connection,
}

impl Explain {
    pub(super) fn run(self, style: Style) -> Result<(), CliError> {
        let id: RequestId = self
            .request
            .parse()
            .map_err(|fault| CliError::Usage(format!("`{}`: {fault}", self.request)))?;
        let explained =
            self.connection
                .ask(Method::GET, &format!("/api/v1/requests/{id}/explain"), None)?;
        if style.json {
            print_json(&explained)
        } else {
            print(told(&explained).trim_end())
        }
    }
}

/// An explanation for people: who asked, then each check with what its layers asked, heard and said.
fn told(explained: &Value) -> String {
    let field = |name: &str| explained.get(name).map(word).unwrap_or_default();
    let mut text = format!(
        "request {} · {} · from {}\ncaller  {} · key {}\n",
        field("request"),
        field("operation"),
        field("source_ip"),
        field("caller"),
        field("access_key_id"),
    );
    text.push_str(&checks(explained));
    text
}

/// Each check with what its layers said, and what would have to change.
pub(super) fn checks(explained: &Value) -> String {
    let mut text = String::new();
    for check in list(explained, "checks") {
        let of = |name: &str| check.get(name).map(word).unwrap_or_default();
        text.push_str(&format!("\n{} on {}\n", of("operation"), of("resource")));
        // The gate writes this text itself; what came from clients is escaped in it.
        let plan = check
            .get("text")
            .and_then(Value::as_str)
            .unwrap_or("undecided: the plan cannot be built\n");
        text.push_str(plan);
        let Some(change) = check.get("change").filter(|change| change.is_object()) else {
            continue;
        };
        let found = change.get("change").map(|found| list(found, "changes"));
        match found {
            Some(changes) => {
                text.push_str("\nthe smallest change that would allow it\n");
                for change in changes {
                    text.push_str(&format!("  {}\n", word(change)));
                }
            }
            None => {
                let why = change.get("why").map(word).unwrap_or_default();
                text.push_str(&format!("\nno smallest change: {why}\n"));
            }
        }
    }
    text
}

/// The list in a field; nothing where there is none.
pub(super) fn list<'v>(value: &'v Value, field: &str) -> &'v [Value] {
    let found = value.get(field).and_then(Value::as_array);
    found.map(Vec::as_slice).unwrap_or_default()
}

impl Status {
    pub(super) fn run(self, style: Style) -> Result<(), CliError> {
        let status = self.connection.ask(Method::GET, "/api/v1/status", None)?;
        if style.json {
            print_json(&status)
        } else {
            print(outline(&status, 0).trim_end())
        }
    }
}

impl Signal {
    pub(super) fn reload(self) -> Result<(), CliError> {
        self.send(ProcessSignal::HUP)?;
        print("told to reload; the server's log says what it did")
    }

    pub(super) fn drain(self) -> Result<(), CliError> {
        self.send(ProcessSignal::TERM)?;
        print("told to drain; the process ends when its requests have")
    }

    fn send(&self, signal: ProcessSignal) -> Result<(), CliError> {
        let pid = self.connection.notice()?.pid;
        let gone = || CliError::NotFound(format!("process {pid} does not run any more"));
        let process = i32::try_from(pid)
            .ok()
            .and_then(Pid::from_raw)
            .ok_or_else(gone)?;
        // The number may have gone to another program since.
        let name = std::fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
        if test_kill_process(process).is_err() || name.trim() != "postern" {
            return Err(gone());
        }
        kill_process(process, signal).map_err(|cause| CliError::Io {
            what: format!("signal process {pid}"),
            source: cause.into(),
        })
    }
}

/// A document as indented lines, for people.
pub(super) fn outline(value: &Value, depth: usize) -> String {
    let indent = "  ".repeat(depth);
    match value {
        Value::Object(fields) => fields
            .iter()
            .map(|(name, value)| match value {
                Value::Object(inner) if inner.is_empty() => format!("{indent}{name}: -\n"),
                Value::Array(inner) if inner.is_empty() => format!("{indent}{name}: -\n"),
                Value::Object(_) | Value::Array(_) => {
                    format!("{indent}{name}:\n{}", outline(value, depth + 1))
                }
                plain => format!("{indent}{name}: {}\n", word(plain)),
            })
            .collect(),
        Value::Array(items) => items
            .iter()
            .map(|item| match item {
                Value::Object(_) | Value::Array(_) => {
                    let inner = outline(item, depth + 1);
                    format!("{indent}- {}", inner.trim_start())
                }
                plain => format!("{indent}- {}\n", word(plain)),
            })
            .collect(),
        plain => format!("{indent}{}\n", word(plain)),
    }
}

/// A value on a line of its own: control characters stay escaped, since keys and agents come from clients.
pub(super) fn word(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::String(text) if !text.chars().any(char::is_control) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_document_is_outlined_for_people() {
        let value = json!({"decision": "denied", "layers": [{"name": "level", "answers": ["a", "b"]}, {"name": "key"}], "none": null, "evil": "\u{1b}[31m"});
        let expected = "decision: denied\nevil: \"\\u001b[31m\"\nlayers:\n  - answers:\n      - a\n      - b\n    name: level\n  - name: key\nnone: -\n";
        assert_eq!(outline(&value, 0), expected);
    }
}
