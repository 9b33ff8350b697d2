//! `postern job`: what goes on after the command that asked for it.

use std::io::{self, Write as _};
use std::time::Duration;

use clap::Subcommand;
use http::Method;
use serde_json::Value;

use super::module::{encoded, text};
use super::table::{Listing, show};
use super::{CliError, Connection, Style, print, print_json};

/// How often a job that is waited for is looked at.
const LOOK_TIME: Duration = Duration::from_millis(500);

/// Jobs.
#[derive(Debug, Subcommand)]
pub(super) enum Job {
    /// List jobs, the latest first: deletions that take data along.
    #[command(after_help = "Example:\n  postern job list --state running")]
    List {
        /// Those of this state: running, done.
        #[arg(long)]
        state: Option<String>,
        #[command(flatten)]
        listing: Listing,
        #[command(flatten)]
        connection: Connection,
    },
    /// Show a job and how far it is.
    #[command(after_help = "Examples:\n  postern job show 17\n  postern job show 17 --wait")]
    Show {
        /// Its number.
        job: u64,
        /// Wait until it is done, and say meanwhile how far it is.
        #[arg(long)]
        wait: bool,
        #[command(flatten)]
        connection: Connection,
    },
}

const FIELDS: &[(&str, &str)] = &[
    ("job", "id"),
    ("kind", "kind"),
    ("tenant", "tenant"),
    ("user", "user"),
    ("state", "state"),
    ("progress", "progress"),
    ("does not get on", "hindrance"),
    ("asked by", "asked_by"),
    ("asked", "asked"),
    ("finished", "finished"),
];

const COLUMNS: &[(&str, &str)] = &[
    ("JOB", "id"),
    ("KIND", "kind"),
    ("TENANT", "tenant"),
    ("USER", "user"),
    ("STATE", "state"),
    ("ASKED", "asked"),
    ("PROGRESS", "progress"),
];

impl Job {
    pub(super) fn run(self, style: Style) -> Result<(), CliError> {
        match self {
            Self::List {
                state,
                listing,
                connection,
            } => {
                let fetched = listing.fetch(&connection, "/api/v1/jobs", &[("state", state)])?;
                Listing::show(style, &fetched, "id", COLUMNS)
            }
            Self::Show {
                job,
                wait,
                connection,
            } => {
                let found = if wait {
                    wait_for(&connection, job)?
                } else {
                    ask(&connection, job)?
                };
                show(style, &found, "id", FIELDS)
            }
        }
    }
}

/// Says that a deletion goes on as a job, or waits for its end.
pub(super) fn begun(
    connection: &Connection,
    style: Style,
    (what, done, job): (&str, &Value, u64),
    wait: bool,
) -> Result<(), CliError> {
    if wait {
        let found = wait_for(connection, job)?;
        return match (style.json, style.quiet) {
            (true, _) => print_json(&found),
            (false, true) => print(&job.to_string()),
            (false, false) => {
                let progress = text(&found, "progress");
                print(&format!(
                    "{what} `{}` is deleted: {progress}",
                    text(done, "deleted")
                ))
            }
        };
    }
    match (style.json, style.quiet) {
        (true, _) => print_json(done),
        (false, true) => print(&job.to_string()),
        (false, false) => print(&format!(
            "{what} `{}` works no more; job {job} removes the data: `postern job show {job} --wait`",
            text(done, "deleted")
        )),
    }
}

fn ask(connection: &Connection, job: u64) -> Result<Value, CliError> {
    let path = format!("/api/v1/jobs/{}", encoded(&job.to_string()));
    Ok(connection.ask(Method::GET, &path, None)?)
}

/// Looks at a job until it is done, and says how far it is where that changes.
fn wait_for(connection: &Connection, job: u64) -> Result<Value, CliError> {
    let mut said = String::new();
    loop {
        let found = ask(connection, job)?;
        if text(&found, "state") == "done" {
            return Ok(found);
        }
        let progress = match found.get("hindrance").and_then(Value::as_str) {
            Some(hindrance) => format!("{}; waits: {hindrance}", text(&found, "progress")),
            None => text(&found, "progress"),
        };
        if progress != said {
            drop(writeln!(io::stderr(), "job {job}: {progress}"));
            said = progress;
        }
        std::thread::sleep(LOOK_TIME);
    }
}
