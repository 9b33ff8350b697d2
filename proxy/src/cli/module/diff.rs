//! `postern module diff`: where two versions decide differently.

use clap::Args;
use serde_json::{Value, json};

use super::super::access::{self, Bounds, completeness, plain};
use super::super::{CliError, Exit, Style};
use super::Whose;

/// Show where two versions decide differently, each area with a request in it. Ends with 0 where there is no difference, 3 where
/// there is one, 7 where none was found and not everything was seen.
#[derive(Debug, Args)]
pub(in crate::cli) struct Diff {
    /// The module's name.
    name: String,
    /// The first version: its digest, how it begins, or a file.
    before: String,
    /// The second.
    after: String,
    #[command(flatten)]
    bounds: Bounds,
    #[command(flatten)]
    whose: Whose,
}

impl Diff {
    pub(super) fn run(self, style: Style) -> Result<(), CliError> {
        let asked = json!({
            "before": version(&self.whose, &self.name, &self.before)?,
            "after": version(&self.whose, &self.name, &self.after)?,
            "bounds": self.bounds.told(),
        });
        let told = access::ask(&self.whose.connection, "diff", &asked)?;
        let count = told.get("count").and_then(Value::as_u64).unwrap_or(0);
        let complete = told.get("complete") == Some(&Value::Bool(true));
        let exit = match (count, complete) {
            (0, true) => Exit::Ok,
            (0, false) => Exit::Undecided,
            _ => Exit::Denied,
        };
        access::answer(style, &told, &words(&told, count), exit)
    }
}

/// A version of this module, told by its digest or a file.
pub(super) fn version(whose: &Whose, name: &str, text: &str) -> Result<Value, CliError> {
    if access::file_name(text).is_some() {
        let mut version = access::version(whose, text)?;
        if let Some(fields) = version.as_object_mut() {
            fields.insert("name".to_owned(), Value::from(name));
        }
        return Ok(version);
    }
    access::version(whose, &format!("{name}@{text}"))
}

fn words(told: &Value, count: u64) -> String {
    let mut text = plain(told.get("text")).to_owned();
    let left = told.get("left_out").and_then(Value::as_u64).unwrap_or(0);
    if left > 0 {
        text.push_str(&format!("and {left} areas that are not shown\n"));
    }
    let complete = completeness(told);
    text.push_str(&match count {
        0 => format!("no difference; {complete}"),
        1 => format!("1 area differs; {complete}"),
        more => format!("{more} areas differ; {complete}"),
    });
    text
}
