//! `postern access report`: the access review.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use http::Method;
use serde_json::Value;

use super::super::ask::list;
use super::super::audit::save;
use super::super::module::encoded;
use super::super::table::{cell, table};
use super::super::{CliError, Connection, Style, print, print_json};

/// The access review.
#[derive(Debug, Args)]
pub(in super::super) struct Report {
    /// Of this tenant, by name or number. [default: of all]
    #[arg(long, short)]
    tenant: Option<String>,
    /// Only keys that work and were not used for so many days, nor made.
    #[arg(long, value_name = "DAYS")]
    unused_days: Option<u32>,
    /// How it is written. [default: a short table]
    #[arg(long, value_enum)]
    format: Option<Format>,
    /// The file. [default: standard output]
    #[arg(long, short, requires = "format")]
    out: Option<PathBuf>,
    #[command(flatten)]
    connection: Connection,
}

/// How it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// One document.
    Json,
    /// A table for a spreadsheet.
    Csv,
}

impl Report {
    pub(super) fn run(&self, style: Style) -> Result<(), CliError> {
        let format = match self.format {
            Some(Format::Csv) => "csv",
            Some(Format::Json) | None => "json",
        };
        let whose = self
            .tenant
            .as_deref()
            .map(|tenant| format!("&tenant={}", encoded(tenant)));
        let unused = self.unused_days.map(|days| format!("&unused_days={days}"));
        let path = format!(
            "/api/v1/access-review?format={format}{}{}",
            whose.unwrap_or_default(),
            unused.unwrap_or_default()
        );
        let text = self
            .connection
            .send(Method::GET, &path, None, &[])?
            .text()?;
        if let Some(out) = &self.out {
            return save(out, &text);
        }
        if self.format.is_some() {
            return print(text.trim_end());
        }
        let review: Value = serde_json::from_str(&text).unwrap_or_default();
        if style.json {
            return print_json(&review);
        }
        let rows = list(&review, "items");
        if style.quiet {
            let keys = rows
                .iter()
                .filter_map(|row| row.get("access_key")?.as_str());
            return print(&keys.collect::<Vec<_>>().join("\n"));
        }
        let fields = [
            "tenant",
            "user",
            "access_key",
            "level",
            "works",
            "why_not",
            "buckets",
            "prefixes",
            "expires",
            "last_used",
        ];
        let heads = [
            "TENANT",
            "USER",
            "KEY",
            "LEVEL",
            "WORKS",
            "WHY NOT",
            "BUCKETS",
            "PREFIXES",
            "EXPIRES",
            "LAST USED",
        ];
        let row = |row: &Value| fields.iter().map(|field| cell(row, field)).collect();
        print(&table(&heads, rows.iter().map(row).collect()))
    }
}
