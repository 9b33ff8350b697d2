//! One change for many users, or many access keys, at the command line: a result for each.

use http::Method;
use serde_json::{Value, json};

use super::ask::list;
use super::module::text;
use super::removal::{Data, Removal};
use super::table::table;
use super::whose::{Whose, change};
use super::{CliError, Exit, Style, print, print_json};

/// What is changed, as the admin API calls it.
#[derive(Clone, Copy, Debug)]
pub(super) enum Many {
    Users,
    Keys,
}

impl Many {
    const fn word(self) -> &'static str {
        match self {
            Self::Users => "users",
            Self::Keys => "keys",
        }
    }

    const fn column(self) -> &'static str {
        match self {
            Self::Users => "USER",
            Self::Keys => "KEY",
        }
    }

    /// Asks for a change of these; `more` is what else is said of it.
    fn ask(
        self,
        whose: &Whose,
        (action, names): (&str, &[String]),
        more: Said,
    ) -> Result<Value, CliError> {
        let mut said = more;
        said.extend([("action", json!(action)), (self.word(), json!(names))]);
        let said = said
            .into_iter()
            .map(|(field, value)| (field.to_owned(), value));
        let path = whose.path(&["bulk", self.word()])?;
        let document = Value::Object(said.collect());
        change(&whose.connection, (Method::POST, &path), &document, None)
    }
}

/// Fields of a document for the admin API.
type Said = Vec<(&'static str, Value)>;

/// Disables or enables these.
pub(super) fn set_working(
    whose: &Whose,
    style: Style,
    (many, action, names): (Many, &str, &[String]),
) -> Result<(), CliError> {
    let done = many.ask(whose, (action, names), Said::new())?;
    report(style, (many, &done), &format!("{action}d"))
}

/// Deletes these, after somebody has said yes to how many they are. Users may take their data along.
pub(super) fn delete(
    whose: &Whose,
    style: Style,
    (many, names, removal): (Many, &[String], &Removal),
    data: Option<Data>,
) -> Result<(), CliError> {
    let data = data.map(|data| ("with_data", json!(data.goes_along())));
    let asked = |more| {
        let said = data.iter().cloned().chain([more]).collect();
        many.ask(whose, ("delete", names), said)
    };
    let preview = asked(("dry_run", json!(true)))?;
    if removal.is_dry() {
        return report(style, (many, &preview), "can be deleted");
    }
    let shown = results((many, &preview), "can be deleted");
    removal.agree_to_many(names.len(), &shown)?;
    let done = asked(("confirm", json!(names.len())))?;
    report(style, (many, &done), "deleted")
}

/// Says what came of each. Where one was refused, it ends with the number of a conflict.
fn report(style: Style, (many, done): (Many, &Value), said: &str) -> Result<(), CliError> {
    if style.json {
        print_json(done)?;
    } else if style.quiet {
        let is_done = |item: &&Value| item.get("ok").and_then(Value::as_bool) == Some(true);
        let items = list(done, "items").iter().filter(is_done);
        let names: Vec<String> = items.map(|item| text(item, "name")).collect();
        if !names.is_empty() {
            print(&names.join("\n"))?;
        }
    } else {
        print(&results((many, done), said))?;
    }
    match done.get("failed").and_then(Value::as_u64) {
        Some(0) => Ok(()),
        _ => Err(CliError::Answered(Exit::Conflict)),
    }
}

fn results((many, done): (Many, &Value), said: &str) -> String {
    let row = |item: &Value| {
        let why = text(item, "detail");
        let what = if why.is_empty() { said.to_owned() } else { why };
        vec![text(item, "name"), what]
    };
    let rows = list(done, "items").iter().map(row).collect();
    table(&[many.column(), "RESULT"], rows)
}
