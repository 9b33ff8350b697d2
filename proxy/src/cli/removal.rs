//! Deletions at the command line: what is lost is shown first, and somebody says yes to it.

use std::io::{self, IsTerminal as _, Write as _};

use clap::Args;
use http::Method;
use serde_json::Value;

use super::ask::list;
use super::job::begun;
use super::module::{encoded, text};
use super::table::{cell, table};
use super::{CliError, Connection, Exit, Style, print, print_json};

/// How a deletion is said yes to.
#[derive(Debug, Args)]
pub(super) struct Removal {
    /// Show what would be lost, and delete nothing. Ends with 5 where it cannot be deleted.
    #[arg(long)]
    dry_run: bool,
    /// The name of what is deleted, once more: the yes of a script.
    #[arg(long, value_name = "NAME")]
    confirm: Option<String>,
    /// Do not ask. Of what is deleted by name, `--confirm NAME` is needed all the same.
    #[arg(long, short = 'y')]
    yes: bool,
}

/// Whether a deletion takes data along.
#[derive(Clone, Copy, Debug, Default, Args)]
pub(super) struct Data {
    /// Delete the buckets, too, with everything in them. A job does; nothing of what is deleted works from now on.
    #[arg(long)]
    with_data: bool,
    /// Wait until the data is gone, and say meanwhile how far it is.
    #[arg(long, requires = "with_data")]
    wait: bool,
}

impl Data {
    /// Whether it goes along.
    pub(super) const fn goes_along(self) -> bool {
        self.with_data
    }
}

/// How much of a yes is needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Care {
    /// A yes.
    Yes,
    /// The name.
    Name,
}

impl Removal {
    /// Deletes what is at `path`, which may have a query, and is called `name`.
    pub(super) fn run(
        &self,
        connection: &Connection,
        which: (&str, &str, Care),
        style: Style,
    ) -> Result<(), CliError> {
        self.run_with(connection, which, Data::default(), style)
    }

    /// The same for what may have data.
    pub(super) fn run_with(
        &self,
        connection: &Connection,
        (path, what, care): (&str, &str, Care),
        data: Data,
        style: Style,
    ) -> Result<(), CliError> {
        let asked = if data.with_data {
            format!("{path}{}with_data=true", join(path))
        } else {
            path.to_owned()
        };
        let path = asked.as_str();
        let join = join(path);
        let dry = format!("{path}{join}dry_run=true");
        let raw = connection.send(Method::DELETE, &dry, None, &[])?;
        let losses = raw.value()?;
        let name = losses.pointer("/loses/0/name").and_then(Value::as_str);
        let name = name.unwrap_or_default().to_owned();
        if self.dry_run {
            return report(style, &losses);
        }
        self.agree(&losses, (what, &name, care))?;
        // What was shown is what is lost: if it has changed in between, nothing is deleted.
        let tag = raw.header("etag").unwrap_or("*").to_owned();
        let path = format!("{path}{join}confirm={}", encoded(&name));
        let done = connection.send(Method::DELETE, &path, None, &[("if-match", &tag)])?;
        let done = done.value()?;
        if let Some(job) = done.get("job").and_then(Value::as_u64) {
            return begun(connection, style, (what, &done, job), data.wait);
        }
        if style.json {
            print_json(&done)
        } else if style.quiet {
            print(&text(&done, "deleted"))
        } else {
            print(&format!("{what} `{}` is deleted", text(&done, "deleted")))
        }
    }

    /// Whether nothing is to be deleted.
    pub(super) const fn is_dry(&self) -> bool {
        self.dry_run
    }

    /// A yes to the deletion of so many users, of which `shown` tells.
    pub(super) fn agree_to_many(&self, count: usize, shown: &str) -> Result<(), CliError> {
        let wanted = count.to_string();
        if let Some(typed) = &self.confirm {
            return if *typed == wanted {
                Ok(())
            } else {
                let said = format!(
                    "--confirm says `{typed}`, and {count} users are named: nothing was deleted"
                );
                Err(CliError::Usage(said))
            };
        }
        if !io::stdin().is_terminal() {
            let said = format!(
                "nobody is there to ask: in a script, say yes with `--confirm {count}`, which is how many users are named; `--dry-run` shows what would be lost"
            );
            return Err(CliError::Usage(said));
        }
        let question = format!("type `{count}` to delete these users: ");
        if answer(&format!("{shown}\n{question}"))? == wanted {
            Ok(())
        } else {
            Err(CliError::Failed("nothing was deleted".to_owned()))
        }
    }

    fn agree(
        &self,
        losses: &Value,
        (what, name, care): (&str, &str, Care),
    ) -> Result<(), CliError> {
        if let Some(typed) = &self.confirm {
            return if typed == name {
                Ok(())
            } else {
                let said =
                    format!("--confirm says `{typed}`, and this is `{name}`: nothing was deleted");
                Err(CliError::Usage(said))
            };
        }
        if self.yes && care == Care::Yes {
            return Ok(());
        }
        if !io::stdin().is_terminal() {
            let how = match care {
                Care::Yes => "--yes".to_owned(),
                Care::Name => format!("--confirm {name}"),
            };
            let said = format!(
                "nobody is there to ask: in a script, say yes with `{how}`; `--dry-run` shows what would be lost"
            );
            return Err(CliError::Usage(said));
        }
        if losses.get("possible").and_then(Value::as_bool) == Some(false) {
            let why = text(losses, "why_not");
            drop(writeln!(io::stderr(), "{why}"));
            return Err(CliError::Answered(Exit::Conflict));
        }
        let question = match care {
            Care::Yes => format!("delete {what} `{name}`? [y/N] "),
            Care::Name => format!("type `{name}` to delete the {what} and all of this: "),
        };
        let said = answer(&format!("{}\n{question}", lost(losses)))?;
        let agreed = match care {
            Care::Yes => matches!(said.as_str(), "y" | "yes"),
            Care::Name => said == name,
        };
        if agreed {
            Ok(())
        } else {
            Err(CliError::Failed("nothing was deleted".to_owned()))
        }
    }
}

/// What begins the next field of a query.
fn join(path: &str) -> char {
    if path.contains('?') { '&' } else { '?' }
}

/// Asks somebody at a terminal.
pub(super) fn answer(question: &str) -> Result<String, CliError> {
    drop(write!(io::stderr(), "{question}"));
    let mut said = String::new();
    let read = io::stdin().read_line(&mut said);
    read.map_err(|source| CliError::Io {
        what: "read the answer".to_owned(),
        source,
    })?;
    Ok(said.trim().to_owned())
}

fn report(style: Style, losses: &Value) -> Result<(), CliError> {
    let possible = losses.get("possible").and_then(Value::as_bool) == Some(true);
    if style.json {
        print_json(losses)?;
    } else {
        print(&lost(losses))?;
        if !possible {
            print(&format!(
                "it cannot be deleted now: {}",
                text(losses, "why_not")
            ))?;
        }
    }
    if possible {
        Ok(())
    } else {
        Err(CliError::Answered(Exit::Conflict))
    }
}

/// What would be lost, as a table.
fn lost(losses: &Value) -> String {
    let shown = list(losses, "loses");
    let rows = shown.iter().map(|loss| {
        let about = text(loss, "about");
        vec![cell(loss, "kind"), cell(loss, "name"), about]
    });
    let mut lines = table(&["LOST", "NAME", ""], rows.collect());
    let total = losses.get("total").and_then(Value::as_u64).unwrap_or(0);
    let held = |field| losses.get(field).and_then(Value::as_u64);
    if let (Some(objects), Some(bytes)) = (held("objects"), held("bytes")) {
        lines.push_str(&format!("\n{objects} objects of {bytes} bytes in all"));
    }
    let more = total.saturating_sub(shown.len() as u64);
    if more > 0 {
        lines.push_str(&format!("\nand {more} more"));
    }
    lines
}
