//! `postern permission`: what the members of an account may do to containers, and what may be done to the objects of a container.
//!
//! What would change is shown before it is saved, since rows for all members and rows for users throw each other away.

use std::io::{self, IsTerminal as _};
use std::str::FromStr;

use clap::{Args, Subcommand};
use http::Method;
use serde_json::{Value, json};

use super::ask::list;
use super::module::{encoded, text};
use super::removal::answer;
use super::table::{cell, table};
use super::whose::Whose;
use super::{CliError, Style, print, print_json};

/// Permissions.
#[derive(Debug, Subcommand)]
pub(super) enum Permission {
    /// Show permissions: on the account, or on a container.
    #[command(after_help = "Examples:
  postern permission show --tenant acme
  postern permission show --bucket site --tenant acme")]
    Show(Place),
    /// Set permissions, for all alike or for each user. They take the place of all that was set before; what would change is shown first.
    #[command(after_help = "Examples:
  postern permission set --members r --tenant acme                     # all members see the containers, none makes one
  postern permission set --user ann=rw --user bob=r --tenant acme      # each for himself; who is not named has none
  postern permission set --bucket site --all-users r --members rw --tenant acme --yes

Permissions: rw, r, w, none. On the account r sees containers and w makes and deletes them; on a container r lists and
downloads and w uploads and deletes.")]
    Set {
        #[command(flatten)]
        place: Place,
        /// What all members may do.
        #[arg(long, value_name = "RW", conflicts_with = "users")]
        members: Option<ReadWrite>,
        /// What everyone may do, signed or not; who is no member reads at most. On a container alone.
        #[arg(long, value_name = "RW", conflicts_with = "users", requires = "bucket")]
        all_users: Option<ReadWrite>,
        /// What one user may do; may be given several times.
        #[arg(long = "user", value_name = "USER=RW")]
        users: Vec<Row>,
        /// Show what would change for whom, and change nothing.
        #[arg(long)]
        dry_run: bool,
        /// Do not ask.
        #[arg(long, short = 'y')]
        yes: bool,
    },
    /// Take back what was set: on the account what its profile says holds, on a container what the layers above allow.
    #[command(
        after_help = "Example:\n  postern permission reset --bucket site --tenant acme --yes"
    )]
    Reset {
        #[command(flatten)]
        place: Place,
        /// Do not ask.
        #[arg(long, short = 'y')]
        yes: bool,
    },
}

/// On what.
#[derive(Debug, Args)]
pub(super) struct Place {
    /// On this container. [default: on the account]
    #[arg(long)]
    bucket: Option<String>,
    /// Its owner, where several users have a bucket of this name.
    #[arg(long, requires = "bucket")]
    owner: Option<String>,
    #[command(flatten)]
    whose: Whose,
}

/// Read and write, or one of them, or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ReadWrite {
    read: bool,
    write: bool,
}

/// The text says no permissions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("permissions are one of rw, r, w, none")]
pub(super) struct NotReadWrite;

impl FromStr for ReadWrite {
    type Err = NotReadWrite;

    fn from_str(text: &str) -> Result<Self, NotReadWrite> {
        let (read, write) = match text {
            "rw" => (true, true),
            "r" => (true, false),
            "w" => (false, true),
            "none" => (false, false),
            _ => return Err(NotReadWrite),
        };
        Ok(Self { read, write })
    }
}

impl ReadWrite {
    fn document(self) -> Value {
        json!({ "read": self.read, "write": self.write })
    }
}

/// What one user may do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Row {
    user: String,
    held: ReadWrite,
}

/// The text is no row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a row is a user and what he may do: ann=rw; permissions are one of rw, r, w, none")]
pub(super) struct NotARow;

impl FromStr for Row {
    type Err = NotARow;

    fn from_str(text: &str) -> Result<Self, NotARow> {
        let (user, held) = text.rsplit_once('=').ok_or(NotARow)?;
        let held = held.parse().map_err(|_| NotARow)?;
        let user = user.to_owned();
        (!user.is_empty())
            .then_some(Self { user, held })
            .ok_or(NotARow)
    }
}

impl Permission {
    pub(super) fn run(self, style: Style) -> Result<(), CliError> {
        match self {
            Self::Show(place) => {
                let path = place.path("permissions")?;
                let found = place.whose.connection.ask(Method::GET, &path, None)?;
                shown(style, &found)
            }
            Self::Set {
                place,
                members,
                all_users,
                users,
                dry_run,
                yes,
            } => {
                let document = document(members, all_users, &users)?;
                set(style, &place, &document, (dry_run, yes))
            }
            Self::Reset { place, yes } => reset(style, &place, yes),
        }
    }
}

impl Place {
    fn path(&self, last: &str) -> Result<String, CliError> {
        let words = self.bucket.as_deref().map(|bucket| ["buckets", bucket]);
        let words: Vec<&str> = words.into_iter().flatten().collect();
        let last: Vec<&str> = last.split('/').collect();
        let owner = self.owner.as_deref();
        let owner = owner.map(|owner| format!("?owner={}", encoded(owner)));
        Ok(self.whose.path(&[words, last].concat())? + &owner.unwrap_or_default())
    }
}

fn document(
    members: Option<ReadWrite>,
    all_users: Option<ReadWrite>,
    users: &[Row],
) -> Result<Value, CliError> {
    if members.is_none() && all_users.is_none() && users.is_empty() {
        let how = "nothing is to be set: give --members RW (and --all-users RW on a container), or --user NAME=RW for each user";
        return Err(CliError::Usage(how.to_owned()));
    }
    if !users.is_empty() {
        let row =
            |row: &Row| json!({ "user": row.user, "read": row.held.read, "write": row.held.write });
        return Ok(json!({ "users": users.iter().map(row).collect::<Vec<Value>>() }));
    }
    let rows = [("members", members), ("all_users", all_users)];
    let rows = rows
        .into_iter()
        .filter_map(|(field, held)| Some((field.to_owned(), held?.document())));
    Ok(Value::Object(rows.collect()))
}

/// Shows what would change, and changes it where somebody says yes.
fn set(
    style: Style,
    place: &Place,
    document: &Value,
    (dry_run, yes): (bool, bool),
) -> Result<(), CliError> {
    let connection = &place.whose.connection;
    let body = || Some(("application/json", document.to_string().into_bytes()));
    let path = place.path("permissions/preview")?;
    let raw = connection.send(Method::POST, &path, body(), &[])?;
    let preview = raw.value()?;
    if dry_run {
        return if style.json {
            print_json(&preview)
        } else {
            print(&change(&preview))
        };
    }
    if !yes {
        let dry = "`--dry-run` shows what would change";
        agree((&change(&preview), "set these?", dry))?;
    }
    // What was shown is what is changed: if it is another by now, nothing is.
    let tag = raw.header("etag").unwrap_or("*").to_owned();
    let path = place.path("permissions")?;
    let done = connection.send(Method::PUT, &path, body(), &[("if-match", &tag)])?;
    shown(style, &done.value()?)
}

/// Takes back what was set, where somebody says yes: what he has seen, and nothing that came after it.
fn reset(style: Style, place: &Place, yes: bool) -> Result<(), CliError> {
    let connection = &place.whose.connection;
    let path = place.path("permissions")?;
    let found = connection.send(Method::GET, &path, None, &[])?;
    if !yes {
        let rows = lines(&found.value()?);
        let dry = "`postern permission show` shows what would go";
        agree((&rows, "throw these away?", dry))?;
    }
    let tag = found.header("etag").unwrap_or("*").to_owned();
    let done = connection.send(Method::DELETE, &path, None, &[("if-match", &tag)])?;
    shown(style, &done.value()?)
}

/// Asks whoever sits there.
fn agree((what, question, dry): (&str, &str, &str)) -> Result<(), CliError> {
    if !io::stdin().is_terminal() {
        let said =
            format!("{what}\nnobody is there to ask: in a script, say yes with `--yes`; {dry}");
        return Err(CliError::Usage(said));
    }
    let said = answer(&format!("{what}\n{question} [y/N] "))?;
    if matches!(said.as_str(), "y" | "yes") {
        Ok(())
    } else {
        Err(CliError::Failed("nothing was changed".to_owned()))
    }
}

/// What would change, for people.
fn change(preview: &Value) -> String {
    let rows = |sign: &str, field: &str| -> Vec<Vec<String>> {
        let rows = list(preview, field).iter();
        rows.map(|row| vec![format!("{sign} {}", text(row, "subject")), held(row)])
            .collect()
    };
    let all = [rows("-", "removed"), rows("+", "added")].concat();
    if all.is_empty() {
        return "nothing would change".to_owned();
    }
    let mut said = table(&["ROW", "MAY"], all);
    if preview.get("changes_kind").and_then(Value::as_bool) == Some(true) {
        said.push_str("\nrows for all and rows for users exclude each other: the ones marked - are thrown away");
    }
    let effects = list(preview, "effects");
    let affected = preview.get("affected").and_then(Value::as_u64).unwrap_or(0);
    if effects.is_empty() {
        said.push_str("\n\nfor nobody does this change what he may do");
        return said;
    }
    let none = Value::Null;
    let side = |effect: &Value, field: &str| held(effect.get(field).unwrap_or(&none));
    let rows = effects.iter().map(|effect| {
        let (before, after) = (side(effect, "before"), side(effect, "after"));
        vec![text(effect, "user"), before, after]
    });
    said.push_str("\n\n");
    said.push_str(&table(&["FOR", "BEFORE", "AFTER"], rows.collect()));
    let more = affected.saturating_sub(effects.len() as u64);
    if more > 0 {
        said.push_str(&format!("\nand {more} more"));
    }
    said
}

/// What a row allows, as it is written at the command line.
fn held(row: &Value) -> String {
    let has = |field: &str| row.get(field).and_then(Value::as_bool) == Some(true);
    match (has("read"), has("write")) {
        (true, true) => "rw",
        (true, false) => "r",
        (false, true) => "w",
        (false, false) => "none",
    }
    .to_owned()
}

/// Permissions as they are.
fn shown(style: Style, found: &Value) -> Result<(), CliError> {
    if style.json {
        return print_json(found);
    }
    if style.quiet {
        return print(&text(found, "kind"));
    }
    print(&lines(found))
}

/// The same, for people.
fn lines(found: &Value) -> String {
    let for_all = [("everyone", "all_users"), ("all members", "members")];
    let mut rows: Vec<Vec<String>> = for_all
        .into_iter()
        .filter_map(|(who, field)| {
            let row = found.get(field).filter(|row| row.is_object())?;
            Some(vec![who.to_owned(), held(row)])
        })
        .collect();
    let users = list(found, "users").iter();
    rows.extend(users.map(|row| vec![text(row, "user"), held(row)]));
    if rows.is_empty() {
        let said = if text(found, "kind") == "per-user" {
            "no user is named: no member has any"
        } else {
            "nothing is set: members may do what the layers above allow"
        };
        return said.to_owned();
    }
    let mut said = table(&["WHO", "MAY"], rows);
    if found.get("is_default").and_then(Value::as_bool) == Some(true) {
        said.push_str("\nso says the profile; nothing was set");
    }
    let exempt = cell(found, "exempt_roles");
    if !exempt.is_empty() && exempt != "-" {
        said.push_str(&format!("\nnot bound by this: {exempt}"));
    }
    said
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_a_user_and_what_he_may_do() {
        let row: Row = "a=b=rw".parse().unwrap();
        assert_eq!((row.user.as_str(), row.held.write), ("a=b", true));
        for wrong in ["ann", "=rw", "ann=x", ""] {
            assert!(wrong.parse::<Row>().is_err(), "{wrong}");
        }
    }
}
