//! What a version goes through at the command line between being stored and being in force, and after.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use clap::Subcommand;
use policy_wasm::engine::{Engine, EngineOptions};
use policy_wasm::manifest::EmbeddedTest;
use postern_config::directory::read_signature;
use serde_json::{Value, json};

use super::super::ask::outline;
use super::super::{CliError, Style, print, print_json};
use super::{Preferred, Whose, binary, names_a_file, text};
use crate::files;

/// Largest file of cases, in bytes.
const CASES_BYTES_MAX: u64 = 1_024 * 1_024;
/// Largest file that holds a signature, in bytes.
const SIGNATURE_FILE_BYTES_MAX: u64 = 1_024;

/// What a version goes through.
#[derive(Debug, Subcommand)]
pub(in crate::cli) enum Life {
    /// Run a version's own cases, and those of a file. Each case that fails is shown with its questions and answers.
    #[command(after_help = "Example:
  postern module test working-hours.wasm --cases cases.json")]
    Test {
        /// A file (`.wasm` or `.wat`, no server is asked), or the name of a stored module.
        module: String,
        /// The version of a stored module. [default: the version that was stored last]
        digest: Option<String>,
        /// A JSON list of cases, each as `tests` of a manifest has them.
        #[arg(long)]
        cases: Option<PathBuf>,
        #[command(flatten)]
        whose: Whose,
    },
    /// Ask a version on live traffic without obeying it, and see how it would differ.
    #[command(group(clap::ArgGroup::new("shadow").args(["status", "stop"])))]
    #[command(after_help = "Examples:
  postern module shadow working-hours --tenant acme
  postern module shadow working-hours --status --tenant acme
  postern module shadow working-hours --stop --tenant acme")]
    Shadow {
        /// The module's name.
        name: String,
        /// The version: its digest, or how it begins. [default: the version that was stored last]
        #[arg(conflicts_with = "shadow")]
        digest: Option<String>,
        /// Show what was seen.
        #[arg(long)]
        status: bool,
        /// End it.
        #[arg(long)]
        stop: bool,
        #[command(flatten)]
        whose: Whose,
    },
    /// Obey a version for a share of the access keys. It is taken back by itself when it gives no answer too often.
    #[command(group(clap::ArgGroup::new("canary").args(["share", "status", "stop", "promote"]).required(true)))]
    #[command(after_help = "Examples:
  postern module canary working-hours --share 5% --tenant acme
  postern module canary working-hours --promote --tenant acme")]
    Canary {
        /// The module's name.
        name: String,
        /// The version: its digest, or how it begins. [default: the version that was stored last]
        digest: Option<String>,
        /// How many of the keys: `5%`, `0.5%`.
        #[arg(long)]
        share: Option<Share>,
        /// Show what was seen.
        #[arg(long, conflicts_with = "digest")]
        status: bool,
        /// End it: everybody obeys the version in force.
        #[arg(long, conflicts_with = "digest")]
        stop: bool,
        /// Put its version in force.
        #[arg(long, conflicts_with = "digest")]
        promote: bool,
        #[command(flatten)]
        whose: Whose,
    },
    /// Carry out what another person has proposed, where two must agree.
    #[command(after_help = "Example:
  postern module approve working-hours --tenant acme")]
    Approve {
        /// The module's name.
        name: String,
        #[command(flatten)]
        whose: Whose,
    },
    /// Take a proposal back, or refuse it.
    #[command(after_help = "Example:
  postern module reject working-hours --tenant acme")]
    Reject {
        /// The module's name.
        name: String,
        #[command(flatten)]
        whose: Whose,
    },
    /// Show what was done with a module, by whom, when, and what came of it.
    #[command(after_help = "Example:
  postern module history working-hours --tenant acme")]
    History {
        /// The module's name.
        name: String,
        #[command(flatten)]
        whose: Whose,
    },
}

impl Life {
    pub(super) fn run(self, style: Style) -> Result<(), CliError> {
        match self {
            Self::Test {
                module,
                digest,
                cases,
                whose,
            } => test(&whose, &module, digest.as_deref(), cases.as_deref(), style),
            Self::Shadow {
                name,
                digest,
                status,
                stop,
                whose,
            } => match (status, stop) {
                (true, _) => show(&whose, &name, "shadow", style),
                (_, true) => end(&whose, &name, "shadow", style),
                (false, false) => shadow(&whose, &name, digest.as_deref(), style),
            },
            Self::Canary {
                name,
                digest,
                share,
                status,
                stop,
                promote,
                whose,
            } => match (share, status, stop, promote) {
                (Some(share), ..) => canary(&whose, &name, digest.as_deref(), share, style),
                (None, true, ..) => show(&whose, &name, "canary", style),
                (None, _, true, _) => end(&whose, &name, "canary", style),
                (None, ..) => promoted(&whose, &name, style),
            },
            Self::Approve { name, whose } => approve(&whose, &name, style),
            Self::Reject { name, whose } => reject(&whose, &name, style),
            Self::History { name, whose } => history(&whose, &name, style),
        }
    }
}

/// A share of the access keys, in thousandths: written as `5%` or `0.5%`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cli) struct Share(u16);

/// The text is no share.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a share is a number from 0.1% to 100%, such as `5%` or `0.5%`")]
pub(in crate::cli) struct NotAShare;

impl FromStr for Share {
    type Err = NotAShare;

    fn from_str(text: &str) -> Result<Self, NotAShare> {
        let percent = text.strip_suffix('%').ok_or(NotAShare)?;
        let (whole, tenth) = percent.split_once('.').unwrap_or((percent, "0"));
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|it| it.is_ascii_digit());
        if !digits(whole) || !digits(tenth) || tenth.len() != 1 {
            return Err(NotAShare);
        }
        let number: u16 = format!("{whole}{tenth}").parse().map_err(|_| NotAShare)?;
        if (1..=1_000).contains(&number) {
            Ok(Self(number))
        } else {
            Err(NotAShare)
        }
    }
}

/// Runs cases: here for a file, at the server for what is stored.
fn test(
    whose: &Whose,
    module: &str,
    digest: Option<&str>,
    cases: Option<&Path>,
    style: Style,
) -> Result<(), CliError> {
    let usage = |cause: &dyn std::fmt::Display| CliError::Usage(cause.to_string());
    let (cases, parsed) = read_cases(cases)?;
    let report = if names_a_file(module) {
        let engine = Engine::new(EngineOptions::default()).map_err(|cause| usage(&cause))?;
        let bytes = binary(Path::new(module))?;
        let loaded = engine.load(&bytes).map_err(|cause| usage(&cause))?;
        let report = policy_wasm::tools::test(&loaded, &parsed);
        json!({
            "digest": loaded.digest().to_string(), "passed": report.passed,
            "failed": report.failed.len(), "failures": report.failed,
        })
    } else {
        let digest = whose.version(module, digest, Preferred::Last)?;
        let cases = serde_json::from_slice(&cases).map_err(|cause| usage(&cause))?;
        let with = [("digest", Value::from(digest)), ("cases", cases)];
        whose.tell(module, "test", with.into_iter())?
    };
    let failed = report.get("failed").and_then(Value::as_u64) != Some(0);
    if style.json || failed {
        print_json(&report)?;
    } else if !style.quiet {
        print(&format!("{} cases passed", text(&report, "passed")))?;
    }
    if failed {
        let (failed, passed) = (text(&report, "failed"), text(&report, "passed"));
        return Err(CliError::Failed(format!(
            "{failed} cases failed, {passed} passed"
        )));
    }
    Ok(())
}

/// The cases of a file, as they stand there and as they are read; none without a file.
pub(super) fn read_cases(path: Option<&Path>) -> Result<(Vec<u8>, Vec<EmbeddedTest>), CliError> {
    let json = match path {
        Some(path) => read(path, CASES_BYTES_MAX)?,
        None => b"[]".to_vec(),
    };
    let cases = policy_wasm::tools::cases(&json);
    let cases = cases.map_err(|cause| CliError::Usage(cause.to_string()))?;
    Ok((json, cases))
}

fn shadow(whose: &Whose, name: &str, digest: Option<&str>, style: Style) -> Result<(), CliError> {
    let digest = whose.version(name, digest, Preferred::Last)?;
    let done = whose.act(name, "shadow", Some(&digest))?;
    whose.report_step(style, &done, (name, &digest), "is asked and not obeyed")
}

fn canary(
    whose: &Whose,
    name: &str,
    digest: Option<&str>,
    share: Share,
    style: Style,
) -> Result<(), CliError> {
    let digest = whose.version(name, digest, Preferred::Last)?;
    let with = [
        ("digest", Value::from(digest.as_str())),
        ("per_mille", share.0.into()),
    ];
    let done = whose.tell(name, "canary", with.into_iter())?;
    let what = format!(
        "is obeyed for {}.{}% of the keys",
        share.0 / 10,
        share.0 % 10
    );
    whose.report_step(style, &done, (name, &digest), &what)
}

/// What was seen of the shadow or the canary.
fn show(whose: &Whose, name: &str, trial: &str, style: Style) -> Result<(), CliError> {
    let found = whose.look(name, "trials")?;
    if style.json {
        return print_json(&found);
    }
    let seen = found
        .get("trials")
        .and_then(|trials| trials.get(trial))
        .filter(|seen| !seen.is_null())
        .ok_or_else(|| CliError::NotFound(format!("`{name}` has no {trial}")))?;
    print(outline(seen, 0).trim_end())
}

fn end(whose: &Whose, name: &str, trial: &str, style: Style) -> Result<(), CliError> {
    let done = whose.act(name, &format!("{trial}/stop"), None)?;
    whose.report(
        style,
        &done,
        name,
        &format!("the {trial} of {name} has ended"),
    )
}

fn promoted(whose: &Whose, name: &str, style: Style) -> Result<(), CliError> {
    let done = whose.act(name, "canary/promote", None)?;
    let digest = text(&done, "active");
    whose.report_step(style, &done, (name, &digest), "is in force")
}

fn approve(whose: &Whose, name: &str, style: Style) -> Result<(), CliError> {
    let done = whose.act(name, "approve", None)?;
    let id = match text(&done, "active") {
        digest if digest.is_empty() => name.to_owned(),
        digest => digest,
    };
    whose.report(
        style,
        &done,
        &id,
        &format!("{name}: what was proposed is done"),
    )
}

fn reject(whose: &Whose, name: &str, style: Style) -> Result<(), CliError> {
    let done = whose.act(name, "reject", None)?;
    whose.report(style, &done, name, &format!("{name}: the proposal is gone"))
}

/// The latest first, one step a line.
fn history(whose: &Whose, name: &str, style: Style) -> Result<(), CliError> {
    let found = whose.look(name, "history")?;
    if style.json {
        return print_json(&found);
    }
    let records = found.get("history").and_then(Value::as_array);
    for record in records.map(Vec::as_slice).unwrap_or_default() {
        let millis = record.get("time_ms").and_then(Value::as_i64).unwrap_or(0);
        let at = jiff::Timestamp::from_second(millis / 1_000).unwrap_or_default();
        print(&format!(
            "{at}  {:<20} {:<20} {:<12} {}",
            text(record, "step"),
            text(record, "who"),
            text(record, "digest").get(..12).unwrap_or("-"),
            text(record, "outcome"),
        ))?;
    }
    Ok(())
}

/// The signature of a file, in hexadecimal digits.
pub(super) fn signature(path: &Path) -> Result<String, CliError> {
    let bytes = read(path, SIGNATURE_FILE_BYTES_MAX)?;
    let signature = read_signature(&bytes).ok_or_else(|| {
        let path = path.display();
        CliError::Usage(format!(
            "`{path}` holds no Ed25519 signature: 64 bytes, or base64 of them"
        ))
    })?;
    Ok(hex::encode(signature))
}

fn read(path: &Path, bytes_max: u64) -> Result<Vec<u8>, CliError> {
    files::read_bounded(path, bytes_max).map_err(|source| CliError::Io {
        what: format!("read `{}`", path.display()),
        source,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_percent_with_at_most_one_tenth() {
        let share = |text: &str| text.parse::<Share>();
        assert_eq!(share("5%"), Ok(Share(50)));
        assert_eq!(share("0.1%"), Ok(Share(1)));
        assert_eq!(share("100%"), Ok(Share(1_000)));
        for wrong in [
            "5", "0%", "0.0%", "100.1%", "0.05%", "-1%", "%", ".5%", "5.%", "1e1%",
        ] {
            assert_eq!(share(wrong), Err(NotAShare), "{wrong}");
        }
    }
}
