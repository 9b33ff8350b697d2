//! `postern access right-size`: what a key needs of what it may.

use clap::Args;
use serde_json::{Value, json};

use super::super::ask::{list, word};
use super::super::span::Span;
use super::super::{CliError, Connection, Exit, Style};
use super::{answer, ask, key};

/// Propose a narrower scope for a key, from what it was used for. It does not know what the key is needed for tomorrow.
#[derive(Debug, Args)]
pub(in crate::cli) struct RightSize {
    /// The access key's id.
    key_id: String,
    /// How far back the record is read: 24h, 30d. [default: all of it]
    #[arg(long)]
    since: Option<Span>,
    #[command(flatten)]
    connection: Connection,
}

impl RightSize {
    pub(super) fn run(self, style: Style) -> Result<(), CliError> {
        let id = key(Some(&self.key_id))?.map(|id| id.to_string());
        let asked = json!({ "access_key_id": id, "since_seconds": self.since.map(|it| it.0) });
        let told = ask(&self.connection, "right-size", &asked)?;
        answer(style, &told, &words(&told), Exit::Ok)
    }
}

fn words(told: &Value) -> String {
    let at = |path: &str| told.pointer(path).map(word).unwrap_or_default();
    let used: Vec<String> = list(told, "operations").iter().map(word).collect();
    let mut text = format!(
        "key {} · level {} · {} checks allowed, {} refused · recorded {}\n",
        at("/access_key_id"),
        at("/present/level"),
        at("/allowed"),
        at("/refused"),
        reach(told),
    );
    if used.is_empty() {
        text.push_str("it was not used: as far as the record reaches nobody needs it\n");
        return text;
    }
    text.push_str(&format!("used for {}\n", used.join(", ")));
    if told.get("too_many_uses") == Some(&Value::Bool(true)) {
        text.push_str("no proposal: it was used in more ways than are told apart\n");
        return text;
    }
    if told.get("narrows") != Some(&Value::Bool(true)) {
        text.push_str("it needs what it may: nothing narrower is proposed\n");
        return text;
    }
    text.push_str("proposed\n");
    text.push_str(&format!("  level       {}\n", at("/proposal/scope/level")));
    for field in ["buckets", "prefixes", "operations"] {
        let found = told.pointer(&format!("/proposal/scope/{field}"));
        if let Some(Value::Array(entries)) = found {
            let entries: Vec<String> = entries.iter().map(word).collect();
            text.push_str(&format!("  {field:<10}  {}\n", entries.join(", ")));
        }
    }
    if let Some(unused) = told.pointer("/proposal/unused") {
        for field in ["operations", "buckets", "prefixes"] {
            let entries: Vec<String> = list(unused, field).iter().map(word).collect();
            if !entries.is_empty() {
                text.push_str(&format!("unused {field}: {}\n", entries.join(", ")));
            }
        }
    }
    text
}

/// From when to when there is a record.
pub(in crate::cli) fn reach(told: &Value) -> String {
    let time = |field: &str| {
        let millis = told.get(field).and_then(Value::as_i64)?;
        jiff::Timestamp::from_second(millis / 1_000).ok()
    };
    match (time("from_ms"), time("to_ms")) {
        (Some(from), Some(to)) => format!("{from} to {to}"),
        _ => "nothing".to_owned(),
    }
}
