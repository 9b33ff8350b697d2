//! `postern module`: modules of one's own, and the life of policy modules through the admin API.

mod diff;
mod life;
mod replay;
mod toolchain;
mod workshop;

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use http::Method;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use life::Life;
use workshop::Workshop;

use super::ask::outline;
use super::{CliError, Connection, Style, print, print_json};
use crate::files;

/// Largest module source or binary that is read, in bytes; the server has its own limit.
const MODULE_FILE_BYTES_MAX: u64 = 64 * 1_024 * 1_024;

/// Where the admin API has modules.
const MODULES: &str = "/api/v1/modules";

/// Policy modules.
#[derive(Debug, Subcommand)]
pub(super) enum Module {
    #[command(flatten)]
    Workshop(Workshop),
    /// Check a module (`.wasm`, or `.wat` text) and store it as a version. It is not in force yet.
    #[command(after_help = "Examples:
  postern module push working-hours.wasm --tenant acme
  postern module push working-hours.wasm --activate --platform")]
    Push {
        /// The file.
        file: PathBuf,
        /// The module's name. [default: the file's name]
        #[arg(long)]
        name: Option<String>,
        /// Put it in force at once.
        #[arg(long)]
        activate: bool,
        /// An Ed25519 signature over the file's bytes, in a file: 64 bytes, or base64 of them. It is of what is pushed, so of the
        /// `.wasm` and not of its text.
        #[arg(long)]
        signature: Option<PathBuf>,
        #[command(flatten)]
        whose: Whose,
    },
    /// List versions.
    #[command(after_help = "Example:
  postern module list --tenant acme")]
    List {
        #[command(flatten)]
        whose: Whose,
    },
    /// Put a version in force; requests at work finish under the old one.
    #[command(after_help = "Example:
  postern module activate working-hours --tenant acme")]
    Activate {
        /// The module's name.
        name: String,
        /// The version: its digest, or how it begins. [default: the version that was stored last]
        digest: Option<String>,
        #[command(flatten)]
        whose: Whose,
    },
    /// Put the version before in force again.
    #[command(after_help = "Example:
  postern module rollback working-hours --tenant acme")]
    Rollback {
        /// The module's name.
        name: String,
        #[command(flatten)]
        whose: Whose,
    },
    /// Switch a module off; its versions are kept.
    #[command(after_help = "Example:
  postern module deactivate working-hours --tenant acme")]
    Deactivate {
        /// The module's name.
        name: String,
        #[command(flatten)]
        whose: Whose,
    },
    #[command(flatten)]
    Life(Life),
    /// Show where two versions decide differently, each area with a request in it.
    #[command(after_help = "Example:
  postern module diff working-hours 3f9a 77c0 --tenant acme")]
    Diff(diff::Diff),
    /// Decide the recorded requests again with a version in the place of the one in force, and show where they differ.
    #[command(after_help = "Example:
  postern module replay working-hours --since 24h --tenant acme")]
    Replay(replay::Replay),
    /// Show a module: manifest, attributes, size, questions; of a stored version its work and trees, too.
    #[command(after_help = "Examples:
  postern module inspect working-hours.wasm
  postern module inspect working-hours --tenant acme")]
    Inspect {
        /// A file (`.wasm` or `.wat`, no server is asked), or the name of a stored module.
        module: String,
        /// The version of a stored module: its digest, or how it begins. [default: the one in force, else the last]
        digest: Option<String>,
        #[command(flatten)]
        whose: Whose,
    },
}

/// Whose module is meant.
#[derive(Debug, Args)]
pub(super) struct Whose {
    /// The tenant. [default: `demo` in development mode]
    #[arg(long, conflicts_with = "platform")]
    tenant: Option<String>,
    /// The platform's: it guards every tenant.
    #[arg(long)]
    platform: bool,
    #[command(flatten)]
    pub(super) connection: Connection,
}

impl Module {
    pub(super) fn run(self, style: Style) -> Result<(), CliError> {
        match self {
            Self::Workshop(workshop) => workshop.run(style),
            Self::Push {
                file,
                name,
                activate,
                signature,
                whose,
            } => whose.push(&file, name, activate, signature.as_deref(), style),
            Self::List { whose } => whose.list(style),
            Self::Activate {
                name,
                digest,
                whose,
            } => {
                let digest = whose.version(&name, digest.as_deref(), Preferred::Last)?;
                let done = whose.act(&name, "activate", Some(&digest))?;
                whose.report_step(style, &done, (&name, &digest), "is in force")
            }
            Self::Rollback { name, whose } => {
                let done = whose.act(&name, "rollback", None)?;
                let sentence = match done.get("active").and_then(Value::as_str) {
                    Some(digest) => format!("{name} {digest} is in force again"),
                    None => format!("{name} is switched off, as it was before its first version"),
                };
                whose.report(style, &done, &text(&done, "active"), &sentence)
            }
            Self::Deactivate { name, whose } => {
                let done = whose.act(&name, "deactivate", None)?;
                whose.report_step(style, &done, (&name, ""), "is switched off")
            }
            Self::Life(life) => life.run(style),
            Self::Diff(diff) => diff.run(style),
            Self::Replay(replay) => replay.run(style),
            Self::Inspect { module, .. } if names_a_file(&module) => {
                workshop::inspect(Path::new(&module), style)
            }
            Self::Inspect {
                module,
                digest,
                whose,
            } => {
                let digest = whose.version(&module, digest.as_deref(), Preferred::Active)?;
                let found =
                    whose
                        .connection
                        .ask(Method::GET, &format!("{MODULES}/{digest}"), None)?;
                if style.json {
                    print_json(&found)
                } else {
                    print(outline(&found, 0).trim_end())
                }
            }
        }
    }
}

/// Which version is meant when none is named.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Preferred {
    Last,
    Active,
}

impl Whose {
    fn push(
        &self,
        file: &Path,
        name: Option<String>,
        activate: bool,
        signature: Option<&Path>,
        style: Style,
    ) -> Result<(), CliError> {
        let name = match name {
            Some(name) => name,
            None => file
                .file_stem()
                .map(|stem| stem.to_string_lossy().into_owned())
                .unwrap_or_default(),
        };
        let bytes = binary(file)?;
        let whose = self
            .tenant()?
            .map(|tenant| format!("&tenant={}", encoded(&tenant)))
            .unwrap_or_default();
        let signature = signature.map(life::signature).transpose()?;
        let signature = signature.map(|hex| format!("&signature={hex}"));
        let path = format!(
            "{MODULES}?name={}{whose}{}",
            encoded(&name),
            signature.unwrap_or_default()
        );
        let stored = self
            .connection
            .ask(Method::POST, &path, Some(("application/wasm", bytes)))?;
        let digest = text(&stored, "digest");
        let state = if activate {
            let done = self.act(&name, "activate", Some(&digest))?;
            if done.get("proposed").is_some() {
                "stored and proposed; `postern module approve` by another person puts it in force"
            } else {
                "stored and in force"
            }
        } else {
            "stored; `postern module activate` puts it in force"
        };
        self.report(
            style,
            &stored,
            &digest,
            &format!("{name} {digest} is {state}"),
        )
    }

    fn list(&self, style: Style) -> Result<(), CliError> {
        let list = self.versions()?;
        if style.json {
            return print_json(&list);
        }
        let lines: Vec<String> = rows(&list)
            .map(|row| {
                let digest = text(row, "digest");
                if style.quiet {
                    return digest;
                }
                let active = if row.get("active").and_then(Value::as_bool) == Some(true) {
                    "*"
                } else {
                    " "
                };
                let broken = if row.get("unloadable").is_some_and(Value::is_string) {
                    "  cannot be loaded: what it should judge is refused"
                } else {
                    ""
                };
                format!(
                    "{active} {:<24} {digest} {:>8} bytes  {}{broken}",
                    text(row, "name"),
                    text(row, "bytes"),
                    text(row, "stage")
                )
            })
            .collect();
        if lines.is_empty() {
            Ok(())
        } else {
            print(&lines.join("\n"))
        }
    }

    /// The whole digest of the version that is meant.
    pub(super) fn version(
        &self,
        name: &str,
        digest: Option<&str>,
        preferred: Preferred,
    ) -> Result<String, CliError> {
        if let Some(digest) = digest.filter(|digest| digest.len() == 64) {
            return Ok(digest.to_owned());
        }
        let list = self.versions()?;
        let of_name = || rows(&list).filter(|row| text(row, "name") == name);
        let found: Vec<String> = match digest {
            Some(beginning) => of_name()
                .map(|row| text(row, "digest"))
                .filter(|d| d.starts_with(beginning))
                .collect(),
            None => {
                let active =
                    of_name().find(|row| row.get("active").and_then(Value::as_bool) == Some(true));
                let last = of_name().max_by_key(|row| row.get("pushed").and_then(Value::as_u64));
                let chosen = if preferred == Preferred::Active {
                    active.or(last)
                } else {
                    last
                };
                chosen.map(|row| text(row, "digest")).into_iter().collect()
            }
        };
        match found.as_slice() {
            [one] => Ok(one.clone()),
            [] => Err(CliError::NotFound(format!(
                "there is no such version of `{name}`; `postern module list` shows all"
            ))),
            [..] => Err(CliError::Usage(format!(
                "several versions of `{name}` begin like that"
            ))),
        }
    }

    fn versions(&self) -> Result<Value, CliError> {
        let whose = self
            .tenant()?
            .map(|tenant| format!("?tenant={}", encoded(&tenant)))
            .unwrap_or_default();
        Ok(self
            .connection
            .ask(Method::GET, &format!("{MODULES}{whose}"), None)?)
    }

    fn act(&self, name: &str, verb: &str, digest: Option<&str>) -> Result<Value, CliError> {
        let digest = digest.map(|digest| ("digest", Value::from(digest)));
        self.tell(name, verb, digest.into_iter())
    }

    /// Tells the server a step, with what it needs to know.
    fn tell(
        &self,
        name: &str,
        verb: &str,
        with: impl Iterator<Item = (&'static str, Value)>,
    ) -> Result<Value, CliError> {
        let mut asked = json!({ "tenant": self.tenant()? });
        if let Some(asked) = asked.as_object_mut() {
            asked.extend(with.map(|(field, value)| (field.to_owned(), value)));
        }
        let body = Some(("application/json", asked.to_string().into_bytes()));
        Ok(self.connection.ask(
            Method::POST,
            &format!("{MODULES}/{}/{verb}", encoded(name)),
            body,
        )?)
    }

    /// Asks the server about a module.
    fn look(&self, name: &str, what: &str) -> Result<Value, CliError> {
        let whose = self
            .tenant()?
            .map(|tenant| format!("?tenant={}", encoded(&tenant)))
            .unwrap_or_default();
        let path = format!("{MODULES}/{}/{what}{whose}", encoded(name));
        Ok(self.connection.ask(Method::GET, &path, None)?)
    }

    /// Says that a step was done, or that it waits for another person.
    fn report_step(
        &self,
        style: Style,
        done: &Value,
        (name, digest): (&str, &str),
        what: &str,
    ) -> Result<(), CliError> {
        let id = if digest.is_empty() { name } else { digest };
        let whole = format!("{name} {digest}");
        let whole = whole.trim_end();
        let sentence = if done.get("proposed").is_some() {
            format!(
                "{whole} is proposed; `postern module approve {name}` by another person carries it out"
            )
        } else {
            format!("{whole} {what}")
        };
        self.report(style, done, id, &sentence)
    }

    fn report(
        &self,
        style: Style,
        answer: &Value,
        id: &str,
        sentence: &str,
    ) -> Result<(), CliError> {
        match style {
            Style { json: true, .. } => print_json(answer),
            Style { quiet: true, .. } => print(id),
            Style { .. } => print(sentence),
        }
    }

    /// The tenant that is meant; none is the platform.
    pub(super) fn tenant(&self) -> Result<Option<String>, CliError> {
        if self.platform {
            return Ok(None);
        }
        let named = match &self.tenant {
            Some(tenant) => Some(tenant.clone()),
            None => self.connection.tenant()?,
        };
        named.map(Some).ok_or_else(|| {
            CliError::Usage("whose module? (--tenant NAME, or --platform)".to_owned())
        })
    }
}

/// Whether a file is meant, and not a stored module, which is hardly ever called so.
fn names_a_file(module: &str) -> bool {
    let path = Path::new(module);
    let known = |end: &std::ffi::OsStr| end == "wasm" || end == "wat";
    path.extension().is_some_and(known) || path.is_file()
}

/// The module as bytes: a text is translated here, so that its faults are shown with line and column.
pub(super) fn binary(file: &Path) -> Result<Vec<u8>, CliError> {
    let read = |source| CliError::Io {
        what: format!("read `{}`", file.display()),
        source,
    };
    let bytes = files::read_bounded(file, MODULE_FILE_BYTES_MAX).map_err(read)?;
    if bytes.starts_with(b"\0asm") {
        return Ok(bytes);
    }
    let text = String::from_utf8(bytes).map_err(|_| {
        CliError::Usage(format!(
            "`{}` is neither a WebAssembly module nor its text",
            file.display()
        ))
    })?;
    wat::parse_str(&text).map_err(|mut fault| {
        fault.set_path(file);
        CliError::Usage(fault.to_string())
    })
}

pub(super) fn encoded(name: &str) -> String {
    // Words of routes have a hyphen, and are compared as they stand. Source: RFC 3986 section 2.3, "Unreserved Characters".
    const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'~');
    utf8_percent_encode(name, RESERVED).to_string()
}

fn rows(list: &Value) -> impl Iterator<Item = &Value> {
    list.get("modules")
        .and_then(Value::as_array)
        .map(Vec::as_slice)
        .unwrap_or_default()
        .iter()
}

pub(super) fn text(value: &Value, field: &str) -> String {
    match value.get(field) {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Null) | None => String::new(),
        Some(other) => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_becomes_a_module_and_a_faulty_one_is_shown_with_its_line() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("rule.wat");
        std::fs::write(&file, "(module)").unwrap();
        assert!(binary(&file).unwrap().starts_with(b"\0asm"));
        std::fs::write(&file, "(module\n  (nonsense))").unwrap();
        let said = binary(&file).unwrap_err().to_string();
        assert!(said.contains("rule.wat:2"), "{said}");
        std::fs::write(&file, [0xFF, 0xFE]).unwrap();
        assert!(matches!(binary(&file), Err(CliError::Usage(_))));
        assert!(matches!(
            binary(&folder.path().join("none")),
            Err(CliError::Io { .. })
        ));
    }
}
