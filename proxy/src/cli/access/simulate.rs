//! `postern access simulate`: a request that might be.

use std::net::IpAddr;

use clap::Args;
use serde_json::{Value, json};

use super::super::ask::{checks, word};
use super::super::module::Whose;
use super::super::{CliError, Exit, Style};
use super::{answer, ask, key, version};

/// Ask what would be answered to a request that might be.
#[derive(Debug, Args)]
#[command(group(clap::ArgGroup::new("who").required(true).args(["as", "anonymous"])))]
pub(in crate::cli) struct Simulate {
    /// Who signs it: an access key's id.
    #[arg(long = "as", id = "as", value_name = "KEY_ID")]
    signer: Option<String>,
    /// Nobody signs it.
    #[arg(long)]
    anonymous: bool,
    /// What it does: an operation of S3 (`GetObject`), or a method of HTTP (`GET`).
    #[arg(long = "do", value_name = "OPERATION")]
    operation: String,
    /// To what: `bucket/key`, and a query where there is one, as in a URL. Nothing for the service itself.
    #[arg(default_value = "")]
    target: String,
    /// The address that it comes from. [default: this machine]
    #[arg(long)]
    from: Option<IpAddr>,
    /// When it comes: `14:00` (today, UTC) or RFC 3339. [default: now]
    #[arg(long)]
    at: Option<String>,
    /// A header, `name: value`. May be given several times.
    #[arg(long = "header", value_name = "HEADER")]
    headers: Vec<String>,
    /// It comes over TLS. This is the default.
    #[arg(long, overrides_with = "no_tls")]
    tls: bool,
    /// It comes without TLS.
    #[arg(long)]
    no_tls: bool,
    /// It is a presigned URL with a life of so many seconds.
    #[arg(long, value_name = "SECONDS", conflicts_with = "anonymous")]
    presigned: Option<u64>,
    /// Ask a version in the place of the one in force: `NAME@DIGEST` (or how the digest begins), or a file.
    #[arg(long)]
    module: Option<String>,
    #[command(flatten)]
    whose: Whose,
}

impl Simulate {
    pub(super) fn run(self, style: Style) -> Result<(), CliError> {
        let headers: Vec<(&str, &str)> = self
            .headers
            .iter()
            .map(|header| {
                let pair = header.split_once(':').ok_or_else(|| {
                    CliError::Usage(format!("`{header}` is not a header, `name: value`"))
                });
                pair.map(|(name, value)| (name.trim(), value.trim()))
            })
            .collect::<Result<_, _>>()?;
        let module = match &self.module {
            Some(module) => version(&self.whose, module)?,
            None => Value::Null,
        };
        let asked = json!({
            "access_key_id": key(self.signer.as_deref())?.map(|id| id.to_string()),
            "operation": self.operation,
            "target": self.target,
            "from": self.from,
            "at": self.at,
            "headers": headers,
            "tls": self.tls || !self.no_tls,
            "presigned_seconds": self.presigned,
            "module": module,
        });
        let told = ask(&self.whose.connection, "simulate", &asked)?;
        let exit = match told.get("decision").and_then(Value::as_str) {
            Some("allowed") => Exit::Ok,
            Some("denied") => Exit::Denied,
            Some("undecided") => Exit::Undecided,
            _ => Exit::Failure,
        };
        answer(style, &told, &words(&told), exit)
    }
}

/// The answer for people: the request, what would be answered, and each check.
fn words(told: &Value) -> String {
    let at = |path: &str| told.pointer(path).map(word).unwrap_or_default();
    let millis = told.pointer("/request/at_ms").and_then(Value::as_i64);
    let time = jiff::Timestamp::from_second(millis.unwrap_or(0) / 1_000).unwrap_or_default();
    let tls = if told.pointer("/request/tls") == Some(&Value::Bool(true)) {
        "over TLS"
    } else {
        "without TLS"
    };
    let who = match told.pointer("/request/access_key_id") {
        Some(Value::String(key)) => format!("{} · key {key}", at("/request/caller")),
        _ => "nobody: it is not signed".to_owned(),
    };
    let mut text = format!(
        "request {} · {time} · from {} · {tls}\ncaller  {who}\n",
        at("/request/line"),
        at("/request/source_ip"),
    );
    if told.get("module").is_some_and(Value::is_object) {
        text.push_str(&format!(
            "asking  {} {} in the place of the version in force\n",
            at("/module/name"),
            at("/module/digest")
        ));
    }
    let decision = at("/decision");
    text.push_str(&match told.get("answer") {
        Some(_) => format!(
            "answer  {decision}: {} {} ({})\n",
            at("/answer/status"),
            at("/answer/code"),
            at("/answer/message")
        ),
        None => format!("answer  {decision}\n"),
    });
    text.push_str(&checks(told));
    text
}
