//! `postern access enumerate`: every way in which the policies say yes, or the proof that there is none.

use clap::Args;
use serde_json::{Value, json};

use super::super::ask::{list, word};
use super::super::module::Whose;
use super::super::{CliError, Exit, Style};
use super::bounds::Bounds;
use super::{answer, ask, key, version};

/// Show every way in which something is allowed.
#[derive(Debug, Args)]
pub(in crate::cli) struct Enumerate {
    /// What: IAM actions or operations of S3, with `*` and `?`: `s3:DeleteObject*`.
    #[arg(long, value_name = "ACTION")]
    allows: String,
    /// Where: `bucket` or `bucket/prefix`. [default: everywhere]
    #[arg(long, value_name = "BUCKET/PREFIX")]
    under: Option<String>,
    /// For whom: an access key's id. [default: everybody]
    #[arg(long = "as", value_name = "KEY_ID")]
    signer: Option<String>,
    /// Ask a version in the place of the one in force: `NAME@DIGEST`, or how the digest begins.
    #[arg(long, conflicts_with = "file")]
    module: Option<String>,
    /// Ask a module of a file (`.wasm` or `.wat`) in the place of the one in force under its name.
    #[arg(long)]
    file: Option<String>,
    /// Ask that module by itself, without the plan around it.
    #[arg(long)]
    alone: bool,
    /// Show no ways: prove that there is none. Ends with 0 where that is proven, 3 with a request that is allowed, 7 where nobody
    /// knows.
    #[arg(long)]
    never: bool,
    #[command(flatten)]
    bounds: Bounds,
    #[command(flatten)]
    whose: Whose,
}

impl Enumerate {
    pub(super) fn run(self, style: Style) -> Result<(), CliError> {
        let module = match self.module.as_ref().or(self.file.as_ref()) {
            Some(module) => version(&self.whose, module)?,
            None => Value::Null,
        };
        let tenant = self.whose.tenant()?.ok_or_else(|| {
            CliError::Usage("the plan of which tenant? (--tenant NAME)".to_owned())
        })?;
        let asked = json!({
            "tenant": tenant,
            "allows": self.allows,
            "under": self.under,
            "access_key_id": key(self.signer.as_deref())?.map(|id| id.to_string()),
            "module": module,
            "alone": self.alone,
            "never": self.never,
            "bounds": self.bounds.told(),
        });
        let told = ask(&self.whose.connection, "enumerate", &asked)?;
        if self.never {
            let exit = match told.get("never").and_then(Value::as_str) {
                Some("proven") => Exit::Ok,
                Some("refuted") => Exit::Denied,
                _ => Exit::Undecided,
            };
            return answer(style, &told, &verdict(&told), exit);
        }
        answer(style, &told, &ways(&told), Exit::Ok)
    }
}

fn verdict(told: &Value) -> String {
    let at = |path: &str| told.pointer(path).map(word).unwrap_or_default();
    match told.get("never").and_then(Value::as_str) {
        Some("proven") => "proven: no request is allowed this".to_owned(),
        Some("refuted") => format!(
            "refuted: {} by {}\n{}",
            at("/refutation/operation"),
            at("/refutation/caller"),
            plain(told.pointer("/refutation/text")),
        ),
        _ => {
            let mut text = "undecided: whether a request is allowed this is not known\n".to_owned();
            for doubt in list(told, "doubts") {
                text.push_str(&format!("  {}\n", word(doubt)));
            }
            text
        }
    }
}

fn ways(told: &Value) -> String {
    let mut text = String::new();
    for part in list(told, "operations") {
        let of = |field: &str| part.get(field).map(word).unwrap_or_default();
        text.push_str(&format!(
            "{} ({}) by {}\n",
            of("operation"),
            of("action"),
            of("caller")
        ));
        for line in plain(part.get("text")).lines() {
            text.push_str(&format!("  {line}\n"));
        }
        text.push('\n');
    }
    let count = told.get("paths").and_then(Value::as_u64).unwrap_or(0);
    let ways = if count == 1 { "way" } else { "ways" };
    text.push_str(&format!("{count} {ways} in all, "));
    text.push_str(&completeness(told));
    if let Some(left) = told
        .get("left_out")
        .and_then(Value::as_u64)
        .filter(|left| *left > 0)
    {
        text.push_str(&format!("{left} of them are not shown\n"));
    }
    text
}

/// Whether everything was seen, and why not.
pub(in crate::cli) fn completeness(told: &Value) -> String {
    let why: Vec<String> = list(told, "why_not").iter().map(word).collect();
    if told.get("complete") == Some(&Value::Bool(true)) {
        "complete: there are no others\n".to_owned()
    } else {
        format!("not complete: {}\n", why.join("; "))
    }
}

/// A text of several lines that the server wrote: what came from clients is escaped in it.
pub(in crate::cli) fn plain(text: Option<&Value>) -> &str {
    text.and_then(Value::as_str).unwrap_or_default()
}
