//! `postern usage`: the books of usage, for people and for programs that write bills.

use clap::{Args, Subcommand, ValueEnum};
use http::Method;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use postern_config::directory::AccessKeyId;
use postern_config::metering::{Moment, Period};
use postern_config::{Amount, NotAnAmount};
use serde_json::{Value, json};

use super::ask::list;
use super::{CliError, Connection, Style, print, print_json};

/// The books of usage.
#[derive(Debug, Subcommand)]
pub(super) enum Usage {
    /// Show sums: of this month, where no time is named.
    #[command(after_help = "Examples:
  postern usage show --tenant acme --by key
  postern usage show --tenant acme --user web --step day --from 2026-11-01")]
    Show(Show),
    /// Write every line as CSV or JSON, for whoever makes the bill.
    #[command(after_help = "Example:
  postern usage export --period 2026-10 --by user > october.csv")]
    Export(Export),
    /// List the billing periods that are closed.
    #[command(after_help = "Example:
  postern usage periods")]
    Periods {
        #[command(flatten)]
        connection: Connection,
    },
    /// Close a billing period that has ended. Nothing is added to it from then on; what comes too late counts in the open one.
    #[command(after_help = "Example:
  postern usage close 2026-10")]
    Close {
        /// A month or a day of UTC: 2026-11 or 2026-11-22.
        period: Period,
        #[command(flatten)]
        connection: Connection,
    },
    /// Correct a closed period: a line of its own in the open one.
    #[command(after_help = "Example:
  postern usage correct 2026-10 --tenant acme --requests -5 --reason 'an outage on our side'")]
    Correct(Correct),
    /// Show or set how much a tenant, a user or a bucket may store.
    #[command(after_help = "Example:
  postern usage quota --tenant acme --user web --bytes 10Gi --objects 1000000")]
    Quota(Quota),
    /// Show or set how fast a tenant, a user or an access key may ask.
    #[command(after_help = "Example:
  postern usage rate --tenant acme --user web --requests 50 --bytes 10Mi")]
    Rate(Rate),
    /// Say when, from where and for what an access key was last used.
    #[command(after_help = "Example:
  postern usage last-used PKAAAAAAAAAAAAAAAAAA")]
    LastUsed {
        /// The access key.
        key: AccessKeyId,
        #[command(flatten)]
        connection: Connection,
    },
}

/// What is asked about.
#[derive(Clone, Debug, Args)]
pub(super) struct About {
    /// The tenant, by name or number.
    #[arg(long)]
    tenant: Option<String>,
    /// One of its users.
    #[arg(long, requires = "tenant")]
    user: Option<String>,
    /// An access key.
    #[arg(long)]
    key: Option<AccessKeyId>,
    /// A bucket, by name (of a tenant, and of a user where each has his own names) or id, whoever used it.
    #[arg(long)]
    bucket: Option<String>,
    /// A month or a day of UTC, in place of the next two.
    #[arg(long, conflicts_with_all = ["from", "to"])]
    period: Option<Period>,
    /// The first hour: 2026-11, 2026-11-22 or 2026-11-22T10:00:00Z. This month's, where nothing is said.
    #[arg(long)]
    from: Option<Moment>,
    /// The hour after the last. The one after this, where nothing is said.
    #[arg(long)]
    to: Option<Moment>,
    /// How long the spans are that have lines of their own.
    #[arg(long, value_enum)]
    step: Option<Step>,
    /// What has lines of its own.
    #[arg(long, value_enum)]
    by: Option<By>,
    #[command(flatten)]
    connection: Connection,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Step {
    Hour,
    Day,
    Month,
    Total,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum By {
    Total,
    Reseller,
    Tenant,
    User,
    Key,
    Bucket,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum Format {
    #[default]
    Csv,
    Json,
}

/// Sums.
#[derive(Debug, Args)]
pub(super) struct Show {
    #[command(flatten)]
    about: About,
}

/// Every line.
#[derive(Debug, Args)]
pub(super) struct Export {
    /// How it is written. `--json` says json, too.
    #[arg(long, value_enum)]
    format: Option<Format>,
    #[command(flatten)]
    about: About,
}

/// A correction.
#[derive(Debug, Args)]
pub(super) struct Correct {
    /// The closed period that it is about.
    period: Period,
    /// The tenant.
    #[arg(long)]
    tenant: String,
    /// One of its users.
    #[arg(long)]
    user: Option<String>,
    /// Requests to add; negative to take away.
    #[arg(long, default_value_t = 0, allow_negative_numbers = true)]
    requests: i64,
    /// Bytes in, likewise.
    #[arg(long, default_value_t = 0, allow_negative_numbers = true)]
    bytes_in: i64,
    /// Bytes out, likewise.
    #[arg(long, default_value_t = 0, allow_negative_numbers = true)]
    bytes_out: i64,
    /// Byte-hours, likewise.
    #[arg(long, default_value_t = 0, allow_negative_numbers = true)]
    byte_hours: i64,
    /// Why: it stands on the line.
    #[arg(long)]
    reason: String,
    #[command(flatten)]
    connection: Connection,
}

/// A bound: a number, with K, M, G, T (thousands) or Ki, Mi, Gi, Ti behind it, or `none`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Bound(Option<u64>);

/// The text is no bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}; or it is `none`")]
struct NotABound(NotAnAmount);

impl std::str::FromStr for Bound {
    type Err = NotABound;

    fn from_str(text: &str) -> Result<Self, NotABound> {
        if text == "none" {
            return Ok(Self(None));
        }
        let Amount(bound) = text.parse().map_err(NotABound)?;
        Ok(Self(Some(bound)))
    }
}

/// How much may be stored. Without `--bytes` and `--objects` it is shown.
#[derive(Debug, Args)]
pub(super) struct Quota {
    /// The tenant, by name or number.
    #[arg(long)]
    tenant: String,
    /// One of its users: all buckets that are his.
    #[arg(long)]
    user: Option<String>,
    /// A bucket, by name (of a tenant, and of a user where each has his own names) or id.
    #[arg(long)]
    bucket: Option<String>,
    /// Bytes of objects: 10Gi, 500M, none.
    #[arg(long)]
    bytes: Option<Bound>,
    /// Objects, likewise.
    #[arg(long)]
    objects: Option<Bound>,
    #[command(flatten)]
    connection: Connection,
}

/// How fast may be asked. Without `--requests` and `--bytes` it is shown.
#[derive(Debug, Args)]
pub(super) struct Rate {
    /// The tenant, by name or number.
    #[arg(long, required_unless_present = "key")]
    tenant: Option<String>,
    /// One of its users: all his keys together.
    #[arg(long, requires = "tenant")]
    user: Option<String>,
    /// An access key.
    #[arg(long, conflicts_with_all = ["tenant", "user"])]
    key: Option<AccessKeyId>,
    /// Requests a second, or none.
    #[arg(long)]
    requests: Option<Bound>,
    /// Bytes a second, in and out together: 10Mi, none.
    #[arg(long)]
    bytes: Option<Bound>,
    #[command(flatten)]
    connection: Connection,
}

/// Shows a document of bounds, or changes those that are named and shows what came of it.
fn bound(
    connection: &Connection,
    path: &str,
    changes: [(&'static str, Option<Bound>); 2],
) -> Result<Value, CliError> {
    let mut shown = connection.ask(Method::GET, path, None)?;
    if changes.iter().any(|(_, change)| change.is_some()) {
        let [first, second] = changes.map(|(name, change)| {
            let now = shown.get(name).and_then(Value::as_u64);
            (name, change.map_or(now, |Bound(bound)| bound))
        });
        let mut body = serde_json::Map::new();
        for (name, bound) in [first, second] {
            body.extend(bound.map(|bound| (name.to_owned(), json!(bound))));
        }
        let body = Value::Object(body).to_string().into_bytes();
        shown = connection.ask(Method::PUT, path, Some(("application/json", body)))?;
    }
    Ok(shown)
}

/// A bound on a line.
fn said(shown: &Value, name: &str) -> String {
    let bound = shown.get(name).and_then(Value::as_u64);
    bound.map_or_else(|| "no bound".to_owned(), |bound| bound.to_string())
}

impl Quota {
    fn run(self, style: Style) -> Result<(), CliError> {
        let fields = [
            ("tenant", Some(self.tenant)),
            ("user", self.user),
            ("bucket", self.bucket),
        ];
        let path = format!("/api/v1/usage/quotas?{}", query(fields));
        let changes = [("bytes", self.bytes), ("objects", self.objects)];
        let shown = bound(&self.connection, &path, changes)?;
        if style.json {
            return print_json(&shown);
        }
        let stored = |name: &str| {
            shown
                .get(name)
                .map_or_else(|| "-".to_owned(), Value::to_string)
        };
        print(&format!(
            "bytes    {:>20} stored, quota {}\nobjects  {:>20} stored, quota {}",
            stored("stored_bytes"),
            said(&shown, "bytes"),
            stored("stored_objects"),
            said(&shown, "objects"),
        ))
    }
}

impl Rate {
    fn run(self, style: Style) -> Result<(), CliError> {
        let key = self.key.map(|key| key.as_str().to_owned());
        let fields = [("tenant", self.tenant), ("user", self.user), ("key", key)];
        let path = format!("/api/v1/usage/rates?{}", query(fields));
        let changes = [("requests", self.requests), ("bytes", self.bytes)];
        let shown = bound(&self.connection, &path, changes)?;
        if style.json {
            return print_json(&shown);
        }
        print(&format!(
            "requests a second  {}\nbytes a second     {}",
            said(&shown, "requests"),
            said(&shown, "bytes"),
        ))
    }
}

/// Fields as a query.
fn query(fields: impl IntoIterator<Item = (&'static str, Option<String>)>) -> String {
    let fields = fields.into_iter().filter_map(|(name, value)| {
        let value = value?;
        Some(format!(
            "{name}={}",
            utf8_percent_encode(&value, NON_ALPHANUMERIC)
        ))
    });
    fields.collect::<Vec<_>>().join("&")
}

impl Usage {
    pub(super) fn run(self, style: Style) -> Result<(), CliError> {
        match self {
            Self::Show(show) => show.run(style),
            Self::Export(export) => export.run(style),
            Self::Periods { connection } => periods(&connection, style),
            Self::Close { period, connection } => close(&connection, period, style),
            Self::Correct(correct) => correct.run(style),
            Self::Quota(quota) => quota.run(style),
            Self::Rate(rate) => rate.run(style),
            Self::LastUsed { key, connection } => last_used(&connection, &key, style),
        }
    }
}

impl About {
    /// The query of a request.
    fn query(&self) -> String {
        let word = |value: Option<clap::builder::PossibleValue>| {
            value.map(|value| value.get_name().to_owned())
        };
        let fields = [
            ("tenant", self.tenant.clone()),
            ("user", self.user.clone()),
            ("key", self.key.map(|key| key.as_str().to_owned())),
            ("bucket", self.bucket.clone()),
            ("period", self.period.map(|it| it.to_string())),
            ("from", self.from.map(|it| it.to_string())),
            ("to", self.to.map(|it| it.to_string())),
            (
                "step",
                self.step.and_then(|it| word(it.to_possible_value())),
            ),
            ("by", self.by.and_then(|it| word(it.to_possible_value()))),
        ];
        query(fields)
    }
}

impl Show {
    fn run(self, style: Style) -> Result<(), CliError> {
        let path = format!("/api/v1/usage?{}", self.about.query());
        let shown = self.about.connection.ask(Method::GET, &path, None)?;
        if style.json {
            return print_json(&shown);
        }
        print(&table(&shown))
    }
}

impl Export {
    fn run(self, style: Style) -> Result<(), CliError> {
        let format = match self.format {
            Some(format) => format,
            None if style.json => Format::Json,
            None => Format::Csv,
        };
        let word = match format {
            Format::Csv => "csv",
            Format::Json => "json",
        };
        let query = self.about.query();
        let path = format!("/api/v1/usage/export?format={word}&{query}");
        match self
            .about
            .connection
            .ask(Method::GET, path.trim_end_matches('&'), None)?
        {
            Value::String(text) => print(text.trim_end()),
            value => print_json(&value),
        }
    }
}

impl Correct {
    fn run(self, style: Style) -> Result<(), CliError> {
        let body = json!({
            "tenant": self.tenant,
            "user": self.user,
            "requests": self.requests,
            "bytes_in": self.bytes_in,
            "bytes_out": self.bytes_out,
            "byte_hours": self.byte_hours,
            "reason": self.reason,
        });
        let path = format!("/api/v1/usage/periods/{}/corrections", self.period);
        let body = Some(("application/json", body.to_string().into_bytes()));
        let done = self.connection.ask(Method::POST, &path, body)?;
        if style.json {
            return print_json(&done);
        }
        let number = done.get("number").and_then(Value::as_u64).unwrap_or(0);
        print(&format!("correction {number} of {}", self.period))
    }
}

fn periods(connection: &Connection, style: Style) -> Result<(), CliError> {
    let closed = connection.ask(Method::GET, "/api/v1/usage/periods", None)?;
    if style.json {
        return print_json(&closed);
    }
    let items = list(&closed, "items");
    if items.is_empty() {
        return print("no period is closed; postern usage close 2026-11 closes one that has ended");
    }
    let lines: Vec<String> = items.iter().map(told).collect();
    print(&lines.join("\n"))
}

fn close(connection: &Connection, period: Period, style: Style) -> Result<(), CliError> {
    let path = format!("/api/v1/usage/periods/{period}/close");
    let closed = connection.ask(Method::POST, &path, None)?;
    if style.json {
        return print_json(&closed);
    }
    print(&told(&closed))
}

/// A closed period on a line.
fn told(closed: &Value) -> String {
    let text = |name: &str| closed.get(name).and_then(Value::as_str).unwrap_or("-");
    let rows = closed.get("rows").and_then(Value::as_u64).unwrap_or(0);
    let at = closed.get("closed_ms").and_then(Value::as_u64).unwrap_or(0);
    format!(
        "{:<10}  closed {} by {}  {rows} rows  sha256 {}",
        text("period"),
        moment(at),
        text("closed_by"),
        text("digest"),
    )
}

fn last_used(connection: &Connection, key: &AccessKeyId, style: Style) -> Result<(), CliError> {
    let path = format!("/api/v1/usage/keys/{}/last-used", key.as_str());
    let last = connection.ask(Method::GET, &path, None)?;
    if style.json {
        return print_json(&last);
    }
    let Some(at) = last.get("at_ms").and_then(Value::as_u64) else {
        return print(&format!("{} was never used", key.as_str()));
    };
    let text = |name: &str| last.get(name).and_then(Value::as_str).unwrap_or("-");
    let line = format!(
        "{}  {}  from {}  {}",
        key.as_str(),
        moment(at),
        text("address"),
        text("operation")
    );
    print(&line)
}

fn moment(at_ms: u64) -> String {
    let at = i64::try_from(at_ms).ok();
    let at = at.and_then(|at| jiff::Timestamp::from_millisecond(at).ok());
    at.map_or_else(
        || "-".to_owned(),
        |at| at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
    )
}

/// A report for people: whose lines they are on the left, numbers on the right, the sum below.
fn table(report: &Value) -> String {
    const LEFT: [&str; 6] = ["start", "reseller", "tenant", "user", "key", "bucket"];
    const RIGHT: [&str; 10] = [
        "requests",
        "read",
        "write",
        "list",
        "delete",
        "other",
        "refused",
        "bytes_in",
        "bytes_out",
        "byte_hours",
    ];
    let items = list(report, "items");
    let shown = |name: &&&str| items.iter().any(|item| cell(item, name) != "-");
    let left: Vec<&str> = LEFT.iter().filter(shown).copied().collect();
    let names: Vec<&str> = left.iter().chain(&RIGHT).copied().collect();
    let line = |item: &Value| names.iter().map(|name| cell(item, name)).collect();
    let mut rows: Vec<Vec<String>> = vec![names.iter().map(ToString::to_string).collect()];
    rows.extend(items.iter().map(line));
    if let (Some(total), true) = (report.get("total"), items.len() != 1) {
        let first = (0..left.len()).map(|at| if at == 0 { "total" } else { "" }.to_owned());
        let sums = RIGHT.iter().map(|name| cell(total, name));
        rows.push(first.chain(sums).collect());
    }
    let mut text = aligned(&rows, left.len());
    if let Some(next) = report.get("next").and_then(Value::as_str) {
        text.push_str(&format!(
            "… and more after line {next}: narrow the question, or use `postern usage export`\n"
        ));
    }
    text.trim_end().to_owned()
}

/// One cell of a report. What is gone has a number alone; what signed nothing has none.
fn cell(item: &Value, name: &str) -> String {
    match (item.get(name), item.get(format!("{name}_id"))) {
        (Some(Value::String(text)), _) => text.clone(),
        (Some(Value::Number(number)), _) => number.to_string(),
        (_, Some(Value::Number(number))) => format!("#{number}"),
        (_, Some(Value::String(id))) => id.clone(),
        _ => "-".to_owned(),
    }
}

/// Rows in columns, of which the first so many are texts and the others numbers.
fn aligned(rows: &[Vec<String>], texts: usize) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |at: usize| {
        rows.iter()
            .filter_map(|row| row.get(at))
            .map(String::len)
            .max()
    };
    let widths: Vec<usize> = (0..columns).map(|at| width(at).unwrap_or(0)).collect();
    let mut text = String::new();
    for row in rows {
        let cells = row.iter().zip(&widths).enumerate();
        let cells = cells.map(|(at, (cell, width))| {
            if at < texts {
                format!("{cell:<width$}")
            } else {
                format!("{cell:>width$}")
            }
        });
        text.push_str(cells.collect::<Vec<_>>().join("  ").trim_end());
        text.push('\n');
    }
    text
}
