//! One change for many users at the command line: a result for each.

use http::Method;
use serde_json::{Value, json};

use super::ask::list;
use super::module::text;
use super::removal::{Data, Removal};
use super::table::table;
use super::whose::{Whose, change};
use super::{CliError, Exit, Style, print, print_json};

/// Disables or enables these users.
pub(super) fn set_working(
    whose: &Whose,
    style: Style,
    (action, users): (&str, &[String]),
) -> Result<(), CliError> {
    let document = json!({ "action": action, "users": users });
    report(style, &ask(whose, &document)?, &format!("{action}d"))
}

/// Deletes these users, after somebody has said yes to how many they are.
pub(super) fn delete(
    whose: &Whose,
    style: Style,
    (users, removal, data): (&[String], &Removal, Data),
) -> Result<(), CliError> {
    let with_data = data.goes_along();
    let dry = json!({
        "action": "delete", "users": users, "with_data": with_data, "dry_run": true,
    });
    let preview = ask(whose, &dry)?;
    if removal.is_dry() {
        return report(style, &preview, "can be deleted");
    }
    let shown = results(&preview, "can be deleted");
    removal.agree_to_many(users.len(), &shown)?;
    let document = json!({
        "action": "delete", "users": users, "with_data": with_data, "confirm": users.len(),
    });
    report(style, &ask(whose, &document)?, "deleted")
}

fn ask(whose: &Whose, document: &Value) -> Result<Value, CliError> {
    let path = whose.path(&["bulk", "users"])?;
    change(&whose.connection, (Method::POST, &path), document, None)
}

/// Says what came of each. Where one was refused, it ends with the number of a conflict.
fn report(style: Style, done: &Value, said: &str) -> Result<(), CliError> {
    if style.json {
        print_json(done)?;
    } else if style.quiet {
        let is_done = |item: &&Value| item.get("ok").and_then(Value::as_bool) == Some(true);
        let items = list(done, "items").iter().filter(is_done);
        let names: Vec<String> = items.map(|item| text(item, "user")).collect();
        if !names.is_empty() {
            print(&names.join("\n"))?;
        }
    } else {
        print(&results(done, said))?;
    }
    match done.get("failed").and_then(Value::as_u64) {
        Some(0) => Ok(()),
        _ => Err(CliError::Answered(Exit::Conflict)),
    }
}

fn results(done: &Value, said: &str) -> String {
    let row = |item: &Value| {
        let why = text(item, "detail");
        let what = if why.is_empty() { said.to_owned() } else { why };
        vec![text(item, "user"), what]
    };
    let rows = list(done, "items").iter().map(row).collect();
    table(&["USER", "RESULT"], rows)
}
