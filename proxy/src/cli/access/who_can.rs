//! `postern access who-can`: which keys may do something, or might on a day that is over.

use clap::Args;
use serde_json::{Value, json};

use super::super::ask::{list, word};
use super::super::module::Whose;
use super::super::{CliError, Exit, Style};
use super::bounds::Bounds;
use super::enumerate::completeness;
use super::{answer, ask};

/// Say who may do something. Ends with 7 where not everything could be looked at.
#[derive(Debug, Args)]
pub(in crate::cli) struct WhoCan {
    /// What: an IAM action or an operation of S3, with `*` and `?`: `s3:DeleteObject`.
    action: String,
    /// Where: `bucket` or `bucket/prefix`.
    under: String,
    /// Whose bucket, where each user has buckets of his own: the user's name. [default: those of all]
    #[arg(long)]
    user: Option<String>,
    /// When: a date, which means its end, or a time: `2026-01-31`, `2026-01-31T14:00:00Z`. Names are those of that day. [default: now]
    #[arg(long, value_name = "TIME")]
    at: Option<String>,
    #[command(flatten)]
    bounds: Bounds,
    #[command(flatten)]
    whose: Whose,
}

impl WhoCan {
    pub(super) fn run(self, style: Style) -> Result<(), CliError> {
        let tenant = self.whose.tenant()?.ok_or_else(|| {
            CliError::Usage("the bucket of which tenant? (--tenant NAME)".to_owned())
        })?;
        let asked = json!({
            "tenant": tenant, "user": self.user, "action": self.action, "under": self.under,
            "at": self.at, "bounds": self.bounds.told(),
        });
        let told = ask(&self.whose.connection, "who-can", &asked)?;
        let exit = if told.get("complete") == Some(&Value::Bool(true)) {
            Exit::Ok
        } else {
            Exit::Undecided
        };
        answer(style, &told, &words(&told), exit)
    }
}

fn words(told: &Value) -> String {
    let at = |value: &Value, field: &str| value.get(field).map(word).unwrap_or_default();
    let mut text = String::new();
    for bucket in list(told, "buckets") {
        let (name, owner) = (at(bucket, "bucket"), at(bucket, "owner"));
        text.push_str(&format!(
            "{} under {} of {owner}\n",
            at(told, "action"),
            at(told, "under")
        ));
        let who = list(bucket, "who");
        if who.is_empty() {
            text.push_str(&format!("  nobody may do this in {name}\n"));
        }
        for caller in who {
            match caller.get("access_key_id").and_then(Value::as_str) {
                Some(key) => text.push_str(&format!(
                    "  {key}  {:<10}  {}\n",
                    at(caller, "level"),
                    at(caller, "caller")
                )),
                None => text.push_str("  whoever does not sign\n"),
            }
            for operation in list(caller, "operations") {
                text.push_str(&how(operation));
            }
        }
    }
    let callers = told.get("callers").and_then(Value::as_u64).unwrap_or(0);
    let (at, complete) = (at(told, "at"), completeness(told));
    text.push_str(&format!(
        "{callers} callers of {at} were asked about; {complete}"
    ));
    text
}

/// Under which conditions.
fn how(operation: &Value) -> String {
    let name = operation.get("operation").map(word).unwrap_or_default();
    if operation.get("always") == Some(&Value::Bool(true)) {
        return format!("    {name}: always\n");
    }
    let ways = list(operation, "ways");
    let count = operation.get("count").and_then(Value::as_u64).unwrap_or(0);
    let mut text = String::new();
    for way in ways {
        let conditions: Vec<String> = list(way, "conditions").iter().map(word).collect();
        text.push_str(&format!(
            "    {name}: where {}\n",
            conditions.join(", and ")
        ));
    }
    let shown = u64::try_from(ways.len()).unwrap_or(u64::MAX);
    if count > shown {
        text.push_str(&format!("    {name}: and {} other ways\n", count - shown));
    }
    text
}
