//! `postern access`: who may do what, asked of the policies in force and of versions that are not.
//!
//! The exit code is the answer for scripts: 0 allowed, proven or nothing found; 3 denied or refuted; 7 nobody knows.

mod bounds;
mod enumerate;
mod report;
mod right_size;
mod simulate;
mod who_can;

pub(super) use bounds::Bounds;
pub(super) use enumerate::{completeness, plain};
pub(super) use right_size::reach;

use clap::Subcommand;
use postern_config::directory::AccessKeyId;
use serde_json::{Value, json};

use super::module::{Preferred, Whose, binary};
use super::{CliError, Connection, Exit, Style, print, print_json};

/// Who may do what.
#[derive(Debug, Subcommand)]
pub(super) enum Access {
    /// Ask what would be answered to a request that might be, and why. Ends with 0 where it is allowed, 3 where it is denied, 7
    /// where the policies do not answer, 1 where it is refused for another reason.
    #[command(after_help = "Example:
  postern access simulate --as PKAAAAAAAAAAAAAAAAAA --do GetObject site/page.html --from 10.0.0.7 --at 14:00")]
    Simulate(simulate::Simulate),
    /// Show every way in which something is allowed, each with a request that takes it, or prove with `--never` that there is none.
    #[command(after_help = "Examples:
  postern access enumerate --allows 's3:DeleteObject*' --under site
  postern access enumerate --allows DeleteObject --under site/legal/ --never")]
    Enumerate(enumerate::Enumerate),
    /// Say who may do something, or might on a day that is over, key by key.
    #[command(after_help = "Examples:
  postern access who-can s3:DeleteObject site/legal/
  postern access who-can s3:GetObject site/plans.pdf --at 2026-01-31")]
    WhoCan(who_can::WhoCan),
    /// Propose a narrower scope for a key, from what it was used for.
    #[command(after_help = "Example:
  postern access right-size PKAAAAAAAAAAAAAAAAAA --since 30d")]
    RightSize(right_size::RightSize),
    /// Who has which key with which rights, on one page: for auditors.
    #[command(
        after_help = "Examples:\n  postern access report --tenant acme\n  postern access report --format csv --out review.csv\n  postern access report --unused-days 90"
    )]
    Report(report::Report),
}

impl Access {
    pub(super) fn run(self, style: Style) -> Result<(), CliError> {
        match self {
            Self::Simulate(simulate) => simulate.run(style),
            Self::Enumerate(enumerate) => enumerate.run(style),
            Self::WhoCan(who_can) => who_can.run(style),
            Self::RightSize(right_size) => right_size.run(style),
            Self::Report(report) => report.run(style),
        }
    }
}

/// Asks a tool.
pub(super) fn ask(connection: &Connection, tool: &str, asked: &Value) -> Result<Value, CliError> {
    let body = Some(("application/json", asked.to_string().into_bytes()));
    let path = format!("/api/v1/tools/{tool}");
    Ok(connection.ask(http::Method::POST, &path, body)?)
}

/// Prints an answer, and ends with what it says to scripts.
pub(super) fn answer(style: Style, value: &Value, text: &str, exit: Exit) -> Result<(), CliError> {
    if style.json {
        print_json(value)?;
    } else {
        print(text.trim_end())?;
    }
    match exit {
        Exit::Ok => Ok(()),
        exit => Err(CliError::Answered(exit)),
    }
}

/// The access key that is meant, or nobody.
pub(super) fn key(text: Option<&str>) -> Result<Option<AccessKeyId>, CliError> {
    let read = |text: &str| {
        text.parse()
            .map_err(|fault| CliError::Usage(format!("`{text}`: {fault}")))
    };
    text.map(read).transpose()
}

/// The version that `NAME`, `NAME@DIGEST` or a file means, as the admin API takes it.
pub(super) fn version(whose: &Whose, text: &str) -> Result<Value, CliError> {
    let tenant = whose.tenant()?;
    if let Some(name) = file_name(text) {
        let wasm = hex::encode(binary(text.as_ref())?);
        return Ok(json!({ "tenant": tenant, "name": name, "wasm": wasm }));
    }
    let (name, digest) = match text.split_once('@') {
        Some((name, digest)) => (name, Some(digest)),
        None => (text, None),
    };
    let digest = whose.version(name, digest, Preferred::Last)?;
    Ok(json!({ "tenant": tenant, "name": name, "digest": digest }))
}

/// The name that the module in a file has: that of the file. None where the text does not end as a file of a module does.
pub(super) fn file_name(text: &str) -> Option<&str> {
    let text = text.rsplit('/').next().unwrap_or(text);
    text.strip_suffix(".wasm")
        .or_else(|| text.strip_suffix(".wat"))
}
