//! `postern node`: the object node, of a server that works, and of a folder whose server is stopped.

mod recover;
mod serve;

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, Subcommand};
use http::Method;
use serde_json::{Value, json};
use storage_node::{Node, NodeDisk, NodeOptions, OpenError};

use super::ask::{list, outline};
use super::module::text;
use super::table::{cell, show, table};
use super::whose::{change, given};
use super::{CliError, Connection, Exit, Style, print, print_json};
use crate::clock::Clock;

/// How often a task that is waited for is looked at.
const LOOK_TIME: Duration = Duration::from_millis(300);

/// The object node.
#[derive(Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true,
    arg_required_else_help = true
)]
pub(super) struct NodeArgs {
    #[command(subcommand)]
    command: Option<NodeCommand>,
    /// Run a node on this machine by these settings: as `postern node serve --config`.
    #[arg(long, required = true)]
    config: Option<PathBuf>,
}

impl NodeArgs {
    pub(super) fn run(self, style: Style) -> Result<(), CliError> {
        let config = self.config;
        let command = self
            .command
            .unwrap_or(NodeCommand::Serve(serve::Serve { config, data: None }));
        command.run(style)
    }
}

/// The object node: what it holds, and the care that it takes.
#[derive(Debug, Subcommand)]
pub(super) enum NodeCommand {
    /// Run the object node alone, on a machine of its own. The gate is its only client: its settings name it as `node.address`.
    #[command(after_help = "Example:
  postern node serve --config /etc/postern/node.toml")]
    Serve(serve::Serve),
    /// Make an authority and the certificates by which gate and node know each other; what is there and good is kept.
    #[command(after_help = "Example:
  postern node certificates --out /etc/postern/node --host node.example.org")]
    Certificates(serve::Certificates),
    /// Show what the node does and holds, its disks and volumes, and the last task of each kind.
    #[command(after_help = "Example:\n  postern node stats")]
    Stats {
        #[command(flatten)]
        connection: Connection,
    },
    /// Count what each bucket holds, row by row, and what of the disk is garbage.
    #[command(after_help = "Example:\n  postern node df")]
    Df {
        #[command(flatten)]
        connection: Connection,
    },
    /// Empty volumes that hold garbage, and give their space back. The server does so by itself where a volume is garbage by half.
    #[command(after_help = "Example:\n  postern node compact --garbage-percent 10")]
    Compact {
        /// The share of garbage, in percent, at which a volume is emptied. [default: `node.compact_at`]
        #[arg(long, value_name = "PERCENT", value_parser = clap::value_parser!(u16).range(1..=100))]
        garbage_percent: Option<u16>,
        #[command(flatten)]
        task: Task,
    },
    /// Read everything from the disk and name every object that is damaged. Ends with 3 where one is.
    #[command(after_help = "Example:\n  postern node scrub --rate 50000000")]
    Scrub(Task),
    /// Compare the index with the log, and the counts with the rows; change nothing. Ends with 3 where something does not hold.
    #[command(after_help = "Example:\n  postern node verify")]
    Verify(Task),
    /// Make a copy of all objects in the server's data folder while it works: links of what is sealed, which take no space.
    #[command(after_help = "Example:\n  postern node backup
To restore: stop the server, make the folder it names the `node` folder of the data folder, start the server.")]
    Backup(Task),
    /// Send what is new to the copy elsewhere (`ship.to`) now, and wait until it is there. The server does so by itself.
    #[command(after_help = "Example:\n  postern node ship")]
    Ship(Task),
    /// Have writes and deletions refused, until the server starts again or `--off`.
    #[command(after_help = "Examples:\n  postern node read-only\n  postern node read-only --off")]
    ReadOnly {
        /// Take them again.
        #[arg(long)]
        off: bool,
        #[command(flatten)]
        connection: Connection,
    },
    /// Make a node of the copy of one that is lost, in a data folder that has none. What the copy has is checked as it is read: by
    /// the index that is built of it, and by a scrub once the server works.
    #[command(after_help = "Examples:
  postern node recover --config /etc/postern/config.toml --node 0a4c8f1e5b7d4c3a9e2f6b1d8c0a7e55
  postern node recover --from /mnt/second-machine/postern --data /var/lib/postern

The directory is recovered by `postern backup restore`: the copy has objects alone.")]
    Recover(recover::Recover),
    /// Build the index anew from the volumes alone, in a data folder whose server is stopped. The old one is kept until it stands.
    #[command(after_help = "Examples:
  postern node rebuild-index --data /var/lib/postern
  postern node rebuild-index --data /var/lib/postern --disk /srv/a --disk /srv/b

Disks are found where they were. Where the data folder has lost them, or they are elsewhere now, each is named.")]
    RebuildIndex {
        /// The data folder.
        #[arg(long, value_name = "FOLDER")]
        data: PathBuf,
        /// A disk of the node: as `node.disks` names it. May be given several times.
        #[arg(long = "disk", value_name = "FOLDER")]
        disks: Vec<PathBuf>,
    },
}

/// A task at the server.
#[derive(Debug, Args)]
pub(super) struct Task {
    /// Bytes that are read or moved in a second at most.
    #[arg(long, value_name = "BYTES", value_parser = clap::value_parser!(u64).range(1..))]
    rate: Option<u64>,
    /// Begin it and do not wait for its end: `postern node stats` shows it.
    #[arg(long)]
    detach: bool,
    #[command(flatten)]
    connection: Connection,
}

const FIELDS: &[(&str, &str)] = &[
    ("log bytes", "log_bytes"),
    ("garbage bytes", "garbage_bytes"),
    ("read only", "read_only"),
    ("damaged objects", "damaged_objects"),
    ("damage", "damage"),
    ("last record", "last_lsn"),
    ("index up to", "durable_lsn"),
    ("number", "id"),
];

const COPY: &[(&str, &str)] = &[
    ("copy at", "place"),
    ("seconds behind", "lag_seconds"),
    ("bytes behind", "lag_bytes"),
    ("fault", "fault"),
];

impl NodeCommand {
    pub(super) fn run(self, style: Style) -> Result<(), CliError> {
        match self {
            Self::Serve(serve) => serve.run(),
            Self::Certificates(certificates) => certificates.run(style),
            Self::Stats { connection } => stats(style, &ask(&connection)?),
            Self::Df { connection } => {
                let found = connection.ask(Method::GET, "/api/v1/node/usage", None)?;
                df(style, &found)
            }
            Self::Compact {
                garbage_percent,
                task,
            } => task.run(style, "compact", garbage_percent),
            Self::Scrub(task) => task.run(style, "scrub", None),
            Self::Verify(task) => task.run(style, "verify", None),
            Self::Backup(task) => task.run(style, "backup", None),
            Self::Ship(task) => task.run(style, "ship", None),
            Self::Recover(recover) => recover.run(style),
            Self::ReadOnly { off, connection } => {
                let document = json!({ "read_only": !off });
                let path = (Method::PUT, "/api/v1/node/mode");
                let found = change(&connection, path, &document, None)?;
                match (style.json, off) {
                    (true, _) => print_json(&found),
                    (false, false) => print(
                        "writes and deletions are refused, until `postern node read-only --off` or the next start",
                    ),
                    (false, true) => print("writes and deletions are taken"),
                }
            }
            Self::RebuildIndex { data, disks } => rebuild(style, &data, &disks),
        }
    }
}

impl Task {
    fn run(&self, style: Style, kind: &str, percent: Option<u16>) -> Result<(), CliError> {
        let document = given([
            ("task", Some(json!(kind))),
            ("bytes_per_second", self.rate.map(|rate| json!(rate))),
            ("garbage_percent", percent.map(|percent| json!(percent))),
        ]);
        let path = (Method::POST, "/api/v1/node/tasks");
        let begun = change(&self.connection, path, &document, None)?;
        if self.detach {
            if style.json {
                return print_json(&begun);
            }
            return print(&format!(
                "{kind} has begun: `postern node stats` shows how it ends"
            ));
        }
        let task = loop {
            let shown = ask(&self.connection)?;
            let mine = list(&shown, "tasks")
                .iter()
                .find(|it| text(it, "task") == kind);
            match mine {
                Some(task) if text(task, "state") != "running" => break task.clone(),
                Some(_) => std::thread::sleep(LOOK_TIME),
                None => {
                    let said = format!("the server was started anew: the {kind} has no end");
                    return Err(CliError::Failed(said));
                }
            }
        };
        if let Some(why) = task.get("failed").and_then(Value::as_str) {
            return Err(CliError::Failed(format!("the {kind} failed: {why}")));
        }
        let told = task.get("told").cloned().unwrap_or_default();
        if style.json {
            print_json(&told)?;
        } else {
            print(outline(&told, 0).trim_end())?;
        }
        match task.get("alarming").and_then(Value::as_bool) {
            Some(true) => Err(CliError::Answered(Exit::Denied)),
            _ => Ok(()),
        }
    }
}

fn ask(connection: &Connection) -> Result<Value, CliError> {
    Ok(connection.ask(Method::GET, "/api/v1/node", None)?)
}

fn stats(style: Style, found: &Value) -> Result<(), CliError> {
    show(style, found, "last_lsn", FIELDS)?;
    if style.json || style.quiet {
        return Ok(());
    }
    match found.get("copy").filter(|copy| copy.is_object()) {
        Some(copy) => show(style, copy, "place", COPY)?,
        None => print("copy at            nowhere: this machine has the only one (`ship.to`)")?,
    }
    print_disks(found)?;
    let columns = ["number", "bytes", "garbage_bytes", "active", "disk"];
    print_rows(
        &["VOLUME", "BYTES", "GARBAGE", "ACTIVE", "DISK"],
        found,
        "volumes",
        &columns,
    )?;
    let columns = ["task", "state", "began", "ended", "alarming"];
    print_rows(
        &["TASK", "STATE", "BEGAN", "ENDED", "ALARM"],
        found,
        "tasks",
        &columns,
    )
}

fn df(style: Style, found: &Value) -> Result<(), CliError> {
    if style.json {
        return print_json(found);
    }
    let heads = [
        "TENANT",
        "OWNER",
        "BUCKET",
        "OBJECTS",
        "VERSIONS",
        "MARKERS",
        "BYTES",
        "UPLOADS",
        "UPLOAD BYTES",
    ];
    let columns = [
        "tenant",
        "owner",
        "bucket",
        "objects",
        "versions",
        "markers",
        "bytes",
        "uploads",
        "upload_bytes",
    ];
    print_rows(&heads, found, "buckets", &columns)?;
    print_disks(found)?;
    print(&format!(
        "\n{} bytes of objects; the log has {} bytes, {} of them garbage",
        cell(found, "bytes"),
        cell(found, "log_bytes"),
        cell(found, "garbage_bytes"),
    ))
}

/// What is left to be moved off a disk stands where it is to be emptied.
fn print_disks(found: &Value) -> Result<(), CliError> {
    let heads = [
        "DISK", "STATE", "VOLUMES", "BYTES", "GARBAGE", "LEFT", "FREE",
    ];
    let columns = [
        "path",
        "state",
        "volumes",
        "bytes",
        "garbage_bytes",
        "left_bytes",
        "free_bytes",
    ];
    print_rows(&heads, found, "disks", &columns)
}

fn print_rows(
    heads: &[&str],
    found: &Value,
    field: &str,
    columns: &[&str],
) -> Result<(), CliError> {
    let items = list(found, field);
    if items.is_empty() {
        return Ok(());
    }
    let row = |item: &Value| columns.iter().map(|column| cell(item, column)).collect();
    let rows = items.iter().map(row).collect();
    print(&format!("\n{}", table(heads, rows)))
}

fn rebuild(style: Style, data: &Path, disks: &[PathBuf]) -> Result<(), CliError> {
    let folder = data.join("node");
    if !folder.is_dir() {
        let said = format!(
            "`{}` is no data folder: it has no `node` in it",
            data.display()
        );
        return Err(CliError::NotFound(said));
    }
    let disks = disks.iter().map(NodeDisk::new).collect();
    let told = built(&folder, disks)
        .map_err(|error| format!("the index is not built anew, the old one stays: {error}"));
    let told = told.map_err(CliError::Failed)?;
    tell(style, &told)
}

/// Builds the index of the node in `folder`, and says what it holds.
fn built(folder: &Path, disks: Vec<NodeDisk>) -> Result<Value, OpenError> {
    let clock = Clock::system();
    let rebuilt = Node::rebuild_index(NodeOptions {
        disks,
        ..NodeOptions::new(folder, clock.shared())
    })?;
    Ok(json!({
        "buckets": rebuilt.buckets, "objects": rebuilt.objects, "bytes": rebuilt.bytes,
        "last_lsn": rebuilt.last_lsn, "damage": rebuilt.damage,
    }))
}

fn tell(style: Style, told: &Value) -> Result<(), CliError> {
    if style.json {
        return print_json(told);
    }
    print(outline(told, 0).trim_end())
}
