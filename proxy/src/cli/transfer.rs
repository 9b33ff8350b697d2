//! `postern tenant export|plan|apply`: an account as one file.

use std::path::{Path, PathBuf};

use clap::Args;
use http::Method;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::ask::list;
use super::table::{cell, table};
use super::whose::path;
use super::{CliError, Connection, Exit, Style, print, print_json};
use crate::files;

/// Longest file of a passphrase, in bytes.
const PASSPHRASE_BYTES_MAX: u64 = 4_096;
/// Longest file of an account, in bytes.
const FILE_BYTES_MAX: u64 = 32 * 1_024 * 1_024;

/// What opens the secrets in a file.
#[derive(Debug, Args)]
pub(super) struct Passphrase {
    /// A file with the passphrase under which the secrets of access keys are sealed.
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<PathBuf>,
}

impl Passphrase {
    fn read(&self) -> Result<Option<Zeroizing<String>>, CliError> {
        let Some(path) = &self.passphrase_file else {
            return Ok(None);
        };
        let bytes = read(path, PASSPHRASE_BYTES_MAX)?;
        let text = String::from_utf8(bytes)
            .map_err(|_| CliError::Failed(format!("`{}` does not hold a text", path.display())))?;
        Ok(Some(Zeroizing::new(text.trim_end().to_owned())))
    }
}

/// Writes an account to a file, or prints it.
pub(super) fn export(
    connection: &Connection,
    style: Style,
    (tenant, out): (&str, Option<&Path>),
    passphrase: &Passphrase,
) -> Result<(), CliError> {
    let passphrase = passphrase.read()?;
    let with_secrets = passphrase.is_some();
    let asked = match &passphrase {
        Some(text) => json!({ "passphrase": **text }),
        None => json!({}),
    };
    let body = Some(("application/json", asked.to_string().into_bytes()));
    let file = connection.ask(Method::POST, &path(tenant, &["export"]), body)?;
    let text = serde_json::to_string_pretty(&file).unwrap_or_default() + "\n";
    let Some(out) = out else {
        return print(text.trim_end());
    };
    files::write_private(out, text.as_bytes()).map_err(|source| CliError::Io {
        what: format!("write `{}`", out.display()),
        source,
    })?;
    if style.quiet {
        return Ok(());
    }
    let records = list(&file, "records").len();
    print(&format!(
        "{records} records of tenant `{tenant}` are in `{}`{}",
        out.display(),
        if with_secrets {
            "; secrets are sealed under the passphrase"
        } else {
            "; secrets are left out: elsewhere its access keys are not made"
        }
    ))
}

/// Shows what a file would change. Ends with 3 where that is something.
pub(super) fn plan(
    connection: &Connection,
    style: Style,
    file: &Path,
    passphrase: &Passphrase,
) -> Result<(), CliError> {
    let plan = ask(connection, ("plan", file), passphrase, None)?;
    if style.json {
        print_json(&plan)?;
    } else {
        show(&plan)?;
    }
    if list(&plan, "changes").is_empty() {
        Ok(())
    } else {
        Err(CliError::Answered(Exit::Denied))
    }
}

/// Takes a file in, if nothing has changed since it was looked at here.
pub(super) fn apply(
    connection: &Connection,
    style: Style,
    (file, yes): (&Path, bool),
    passphrase: &Passphrase,
) -> Result<(), CliError> {
    let plan = ask(connection, ("plan", file), passphrase, None)?;
    if !style.json {
        show(&plan)?;
    }
    let changes = list(&plan, "changes");
    if !changes.is_empty() && !yes {
        let removed = changes.iter().filter(|it| cell(it, "action") == "remove");
        let removed = removed.count();
        if removed > 0 {
            let said =
                format!("{removed} of these are removals: nothing was done; `--yes` does it");
            return Err(CliError::Usage(said));
        }
    }
    let tag = plan.get("tag").cloned().filter(|tag| !tag.is_null());
    let done = ask(connection, ("apply", file), passphrase, tag)?;
    if style.json {
        return print_json(&done);
    }
    if changes.is_empty() {
        return Ok(());
    }
    print(&format!(
        "{} changes are made, in one transaction: revision {}",
        changes.len(),
        cell(&done, "revision")
    ))
}

fn ask(
    connection: &Connection,
    (what, file): (&str, &Path),
    passphrase: &Passphrase,
    tag: Option<Value>,
) -> Result<Value, CliError> {
    let bytes = read(file, FILE_BYTES_MAX)?;
    let document: Value = serde_json::from_slice(&bytes).map_err(|cause| {
        CliError::Failed(format!(
            "`{}` is no file of a tenant: {cause}",
            file.display()
        ))
    })?;
    let mut asked = json!({ "file": document });
    if let Some(fields) = asked.as_object_mut() {
        if let Some(text) = passphrase.read()? {
            fields.insert("passphrase".to_owned(), json!(*text));
        }
        if let Some(tag) = tag {
            fields.insert("tag".to_owned(), tag);
        }
    }
    let body = Some(("application/json", asked.to_string().into_bytes()));
    Ok(connection.ask(Method::POST, &format!("/api/v1/tenant-files/{what}"), body)?)
}

fn show(plan: &Value) -> Result<(), CliError> {
    let changes = list(plan, "changes");
    if changes.is_empty() {
        print("nothing would change")?;
    } else {
        let row = |change: &Value| {
            let fields = ["action", "kind", "name", "fields"];
            fields.iter().map(|field| cell(change, field)).collect()
        };
        let heads = ["WOULD", "WHAT", "WHICH", "IN"];
        print(&table(&heads, changes.iter().map(row).collect()))?;
    }
    for note in list(plan, "notes") {
        print(&format!("note: {}", note.as_str().unwrap_or_default()))?;
    }
    Ok(())
}

fn read(path: &Path, most: u64) -> Result<Vec<u8>, CliError> {
    files::read_bounded(path, most).map_err(|source| CliError::Io {
        what: format!("read `{}`", path.display()),
        source,
    })
}
