//! `postern audit`: what was done, by whom, when; and whether the log is the one that was written.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};
use http::Method;
use serde_json::{Value, json};

use super::ask::list;
use super::module::{encoded, text};
use super::span::When;
use super::table::{cell, table};
use super::{CliError, Connection, Style, print, print_json};

/// Where the admin API has the audit log.
const AUDIT: &str = "/api/v1/audit";
/// How often a log that is followed is asked for more.
const FOLLOW_TIME: Duration = Duration::from_secs(1);
/// Heads of one request: a body of the admin API is bounded.
const HEADS_OF_REQUEST: usize = 100;
/// Longest file of a head, in bytes.
const HEAD_BYTES_MAX: u64 = 4_096;
/// Records of one request: as many as the server gives.
const PAGE_ENTRIES: usize = 1_000;

/// The audit log.
#[derive(Debug, Subcommand)]
pub(super) enum Audit {
    /// Print the latest records, the last one last.
    #[command(
        after_help = "Examples:\n  postern audit tail\n  postern audit tail --follow --action key."
    )]
    Tail {
        /// How many.
        #[arg(long, short = 'n', default_value_t = 20)]
        lines: usize,
        /// Go on as records come, until interrupted.
        #[arg(long, short)]
        follow: bool,
        #[command(flatten)]
        filter: Filter,
        #[command(flatten)]
        connection: Connection,
    },
    /// Search, the latest record first.
    #[command(after_help = "Examples:
  postern audit search --tenant acme --since 7d
  postern audit search --action key.delete --object PKAAAAAAAAAAAAAAAAAA --json")]
    Search {
        /// Most records.
        #[arg(long, default_value_t = 100)]
        limit: usize,
        #[command(flatten)]
        filter: Filter,
        #[command(flatten)]
        connection: Connection,
    },
    /// Print all records, or write them to a file, the oldest first.
    #[command(after_help = "Examples:
  postern audit export --format csv --out audit.csv --since 2026-01-01
  postern audit export | jq .action")]
    Export {
        /// A table for a spreadsheet, or a JSON document a line.
        #[arg(long, value_enum, default_value_t = Format::Jsonl)]
        format: Format,
        /// The file. [default: standard output]
        #[arg(long, short)]
        out: Option<PathBuf>,
        #[command(flatten)]
        filter: Filter,
        #[command(flatten)]
        connection: Connection,
    },
    /// Follow the chain of hashes from the first record to the sealed head. Ends with 3 where somebody has changed the log.
    #[command(
        after_help = "Examples:\n  postern audit verify\n  postern audit verify --heads /mnt/elsewhere/heads"
    )]
    Verify {
        /// Compare it also with signed heads that were kept elsewhere: a file, or a folder of them.
        #[arg(long, value_name = "PATH")]
        heads: Option<PathBuf>,
        #[command(flatten)]
        connection: Connection,
    },
    /// Print the signed head of the log, to be kept elsewhere, and how far heads have got by themselves.
    #[command(after_help = "Example:\n  postern audit head --json > head.json")]
    Head {
        #[command(flatten)]
        connection: Connection,
    },
}

/// Which records are meant.
#[derive(Debug, Args)]
pub(super) struct Filter {
    /// Those of this tenant, by name or number.
    #[arg(long, short)]
    tenant: Option<String>,
    /// Those whose action begins so: `key.`, `key.create`.
    #[arg(long)]
    action: Option<String>,
    /// Those by somebody whose name contains this.
    #[arg(long)]
    actor: Option<String>,
    /// Those about something whose name or number contains this.
    #[arg(long)]
    object: Option<String>,
    /// Those about this user of the account, and what was done with his keys.
    #[arg(long, requires = "tenant")]
    user: Option<String>,
    /// Those about this bucket of the account: itself, its permissions, its policy.
    #[arg(long, requires = "tenant")]
    bucket: Option<String>,
    /// Those at or after this time: a date, a time, or how long ago, such as `24h`.
    #[arg(long, value_name = "WHEN")]
    since: Option<When>,
    /// Those before this time.
    #[arg(long, value_name = "WHEN")]
    until: Option<When>,
}

/// How records are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// A JSON document a line.
    Jsonl,
    /// A table.
    Csv,
}

impl Audit {
    #[expect(
        clippy::too_many_lines,
        reason = "a table: one arm for each command, so that none is forgotten"
    )]
    pub(super) fn run(self, style: Style) -> Result<(), CliError> {
        match self {
            Self::Tail {
                lines,
                follow,
                filter,
                connection,
            } => {
                let mut found = filter.search(&connection, lines)?;
                found.reverse();
                write(style, &found)?;
                let last = |found: &[Value]| found.iter().filter_map(number).max();
                let mut seen = last(&found).unwrap_or(0);
                if !follow {
                    return Ok(());
                }
                loop {
                    std::thread::sleep(FOLLOW_TIME);
                    let mut more = filter.search(&connection, PAGE_ENTRIES)?;
                    more.retain(|record| number(record).is_some_and(|number| number > seen));
                    more.reverse();
                    seen = last(&more).unwrap_or(seen);
                    if !more.is_empty() {
                        write(style, &more)?;
                    }
                }
            }
            Self::Search {
                limit,
                filter,
                connection,
            } => {
                let found = filter.search(&connection, limit)?;
                if style.json {
                    return print_json(&json!({ "items": found }));
                }
                write(style, &found)
            }
            Self::Export {
                format,
                out,
                filter,
                connection,
            } => filter.export(&connection, format, out),
            Self::Verify { heads, connection } => {
                verify(&connection, style)?;
                match heads {
                    Some(path) => compare(&connection, &path, style),
                    None => Ok(()),
                }
            }
            Self::Head { connection } => {
                let told = connection.ask(Method::GET, &format!("{AUDIT}/head"), None)?;
                let head = told.get("head").cloned().unwrap_or_default();
                if style.json {
                    return print_json(&head);
                }
                let sent = list(&told, "sent");
                let row = |place: &Value| {
                    let fields = ["place", "records", "lag_seconds", "fault"];
                    fields.iter().map(|field| cell(place, field)).collect()
                };
                let [records, hash, signer] =
                    ["records", "hash", "signer"].map(|field| text(&head, field));
                print(&format!(
                    "{records} records, the last {hash}, signed by {signer}"
                ))?;
                if sent.is_empty() {
                    return print("heads are sent nowhere: `audit.heads_to` says where to");
                }
                let heads = ["SENT TO", "RECORDS", "SECONDS BEHIND", "FAULT"];
                print(&table(&heads, sent.iter().map(row).collect()))
            }
        }
    }
}

impl Filter {
    fn query(&self) -> String {
        let now = postern_config::system_clock().now().seconds();
        let time = |when: Option<When>| when.map(|when| when.ago(now).0.to_string());
        let fields = [
            ("tenant", self.tenant.clone()),
            ("action", self.action.clone()),
            ("actor", self.actor.clone()),
            ("object", self.object.clone()),
            ("user", self.user.clone()),
            ("bucket", self.bucket.clone()),
            ("since", time(self.since)),
            ("until", time(self.until)),
        ];
        let given = fields
            .into_iter()
            .filter_map(|(name, value)| Some(format!("&{name}={}", encoded(&value?))));
        given.collect()
    }

    /// The latest records, the latest first.
    fn search(&self, connection: &Connection, most: usize) -> Result<Vec<Value>, CliError> {
        let query = self.query();
        let mut found: Vec<Value> = Vec::new();
        let mut cursor = String::new();
        while found.len() < most {
            let limit = (most - found.len()).min(PAGE_ENTRIES);
            let path = format!("{AUDIT}?limit={limit}{query}{cursor}");
            let page = connection.ask(Method::GET, &path, None)?;
            found.extend(list(&page, "items").iter().cloned());
            match page.get("next").and_then(Value::as_str) {
                Some(next) => cursor = format!("&cursor={}", encoded(next)),
                None => break,
            }
        }
        Ok(found)
    }

    fn export(
        &self,
        connection: &Connection,
        format: Format,
        out: Option<PathBuf>,
    ) -> Result<(), CliError> {
        let word = match format {
            Format::Jsonl => "jsonl",
            Format::Csv => "csv",
        };
        let path = format!("{AUDIT}/export?format={word}{}", self.query());
        let text = connection.send(Method::GET, &path, None, &[])?.text()?;
        match out {
            None => print(text.trim_end()),
            Some(path) => save(&path, &text),
        }
    }
}

/// Writes a file and says so.
pub(super) fn save(path: &std::path::Path, text: &str) -> Result<(), CliError> {
    crate::files::write_private(path, text.as_bytes()).map_err(|source| CliError::Io {
        what: format!("write `{}`", path.display()),
        source,
    })?;
    print(&format!(
        "{} lines are in `{}`",
        text.lines().count(),
        path.display()
    ))
}

fn number(record: &Value) -> Option<u64> {
    record.get("sequence")?.as_u64()
}

fn write(style: Style, records: &[Value]) -> Result<(), CliError> {
    if style.json {
        let lines = records.iter().map(Value::to_string);
        return print(&lines.collect::<Vec<_>>().join("\n"));
    }
    if style.quiet {
        let numbers = records.iter().filter_map(number).map(|it| it.to_string());
        return print(&numbers.collect::<Vec<_>>().join("\n"));
    }
    let row = |record: &Value| {
        let fields = [
            "sequence",
            "time",
            "actor",
            "address",
            "tenant",
            "description",
        ];
        fields.iter().map(|field| cell(record, field)).collect()
    };
    let heads = ["NO", "TIME", "ACTOR", "FROM", "TENANT", "WHAT"];
    print(&table(&heads, records.iter().map(row).collect()))
}

fn verify(connection: &Connection, style: Style) -> Result<(), CliError> {
    let path = format!("{AUDIT}/verify");
    let raw = connection.send(Method::GET, &path, None, &[])?;
    if raw.problem().as_deref() == Some("chain-broken") {
        let said = raw.value().err().map(|error| error.to_string());
        drop(print(&said.unwrap_or_default()));
        return Err(CliError::Answered(super::Exit::Denied));
    }
    let done = raw.value()?;
    if style.json {
        print_json(&done)
    } else {
        print(&format!(
            "the chain holds: {} records",
            text(&done, "records")
        ))
    }
}

/// Compares the log with heads that were kept elsewhere, a request for so many.
fn compare(connection: &Connection, path: &std::path::Path, style: Style) -> Result<(), CliError> {
    let heads = kept(path)?;
    let mut found = 0;
    for some in heads.chunks(HEADS_OF_REQUEST) {
        let body = json!({ "heads": some }).to_string().into_bytes();
        let raw = connection.send(
            Method::POST,
            &format!("{AUDIT}/compare"),
            Some(("application/json", body)),
            &[],
        )?;
        if raw.problem().as_deref() == Some("chain-broken") {
            let said = raw.value().err().map(|error| error.to_string());
            drop(print(&said.unwrap_or_default()));
            return Err(CliError::Answered(super::Exit::Denied));
        }
        let done = raw.value()?;
        found += done.get("found").and_then(Value::as_u64).unwrap_or(0);
    }
    let all = heads.len();
    if style.json {
        print_json(&json!({ "holds": true, "heads": all, "found": found }))
    } else {
        print(&format!(
            "{all} heads that were kept elsewhere are this log's; {found} of their records are there still"
        ))
    }
}

/// The heads in a file, or in the files of a folder.
fn kept(path: &std::path::Path) -> Result<Vec<Value>, CliError> {
    let io = |source| CliError::Io {
        what: format!("read `{}`", path.display()),
        source,
    };
    let mut files = Vec::new();
    if path.is_dir() {
        for entry in std::fs::read_dir(path).map_err(io)? {
            let file = entry.map_err(io)?.path();
            if file.extension().is_some_and(|it| it == "json") {
                files.push(file);
            }
        }
    } else {
        files.push(path.to_owned());
    }
    files.sort();
    let mut heads = Vec::with_capacity(files.len());
    for file in files {
        let bytes = crate::files::read_bounded(&file, HEAD_BYTES_MAX).map_err(io)?;
        let head = serde_json::from_slice(&bytes);
        heads.push(head.map_err(|cause| {
            CliError::Failed(format!("`{}` is no signed head: {cause}", file.display()))
        })?);
    }
    if heads.is_empty() {
        let said = format!("there are no heads in `{}`", path.display());
        return Err(CliError::Failed(said));
    }
    Ok(heads)
}
