//! `postern module replay`: what a version would have said to the recorded requests.

use clap::Args;
use serde_json::{Value, json};

use super::super::access::{self, reach};
use super::super::ask::{list, word};
use super::super::span::Span;
use super::super::{CliError, Exit, Style};
use super::{Preferred, Whose, diff};

/// Decide the recorded requests again, by what is in force and with a version in its place, and show where they differ. Ends with 0
/// where nothing differs, 3 where something does, 7 where nothing differs and not everything could be decided.
#[derive(Debug, Args)]
pub(in crate::cli) struct Replay {
    /// The module's name.
    name: String,
    /// The version: its digest, how it begins, or a file. [default: the version that was stored last]
    digest: Option<String>,
    /// How far back the record is read: 24h, 30d. [default: all of it]
    #[arg(long)]
    since: Option<Span>,
    /// How many requests are named as examples of each difference.
    #[arg(long, default_value_t = 3)]
    examples: usize,
    #[command(flatten)]
    whose: Whose,
}

impl Replay {
    pub(super) fn run(self, style: Style) -> Result<(), CliError> {
        let module = match &self.digest {
            Some(digest) => diff::version(&self.whose, &self.name, digest)?,
            None => {
                let digest = self.whose.version(&self.name, None, Preferred::Last)?;
                diff::version(&self.whose, &self.name, &digest)?
            }
        };
        let asked = json!({
            "module": module, "since_seconds": self.since.map(|it| it.0), "examples": self.examples,
        });
        let told = access::ask(&self.whose.connection, "replay", &asked)?;
        let number = |field: &str| told.get(field).and_then(Value::as_u64).unwrap_or(0);
        let whole = told.get("cut_short") != Some(&Value::Bool(true));
        let exit = if number("differing") > 0 {
            Exit::Denied
        } else if number("undecidable") > 0 || number("decided") == 0 || !whole {
            Exit::Undecided
        } else {
            Exit::Ok
        };
        access::answer(style, &told, &words(&told), exit)
    }
}

fn words(told: &Value) -> String {
    let of = |value: &Value, field: &str| value.get(field).map(word).unwrap_or_default();
    let number = |field: &str| told.get(field).and_then(Value::as_u64).unwrap_or(0);
    let mut text = String::new();
    for group in list(told, "differences") {
        let key = match group.get("access_key_id") {
            Some(Value::String(key)) => key.clone(),
            _ => "nobody, unsigned".to_owned(),
        };
        let (operation, prefix) = (of(group, "operation"), of(group, "prefix"));
        let (before, after) = (of(group, "before"), of(group, "after"));
        text.push_str(&format!(
            "{:>9} × {operation} by {key} in {prefix}\n            {before} → {after}\n",
            of(group, "count"),
        ));
        for example in list(group, "examples") {
            let (request, resource) = (of(example, "request"), of(example, "resource"));
            text.push_str(&format!("            for example {request} {resource}\n"));
        }
    }
    let left = number("differences_left_out");
    if left > 0 {
        text.push_str(&format!(
            "{left} more differ in ways that are not told apart here\n"
        ));
    }
    let (checks, differing, undecidable) =
        (number("checks"), number("differing"), number("undecidable"));
    text.push_str(&format!(
        "{checks} checks recorded, {} · {differing} would be decided differently\n",
        reach(told)
    ));
    if checks == 0 {
        text.push_str("nothing was recorded, so that nothing is known\n");
    } else if undecidable == 0 {
        text.push_str("every one of them could be decided again\n");
    } else {
        text.push_str(&format!(
            "{undecidable} of {checks} could not be decided again\n"
        ));
        for why in list(told, "why") {
            text.push_str(&format!("{:>9} × {}\n", of(why, "count"), of(why, "why")));
        }
    }
    if told.get("cut_short") == Some(&Value::Bool(true)) {
        text.push_str("cut short: it took too long; --since reads less\n");
    }
    let changed = number("changed_since");
    if changed > 0 {
        text.push_str(&format!(
            "{changed} were decided otherwise when they came than what is in force now decides them\n"
        ));
    }
    text
}
