//! `postern policy`: documents in AWS's language. Reading, testing and compiling one needs no server.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use http::Method;
use policy_wasm::compiler::document::{
    Compiled, Context, DocumentError, Kind, Unmentioned, compile_document,
};
use policy_wasm::engine::{Engine, EngineOptions};
use policy_wasm::manifest::Manifest;
use policy_wasm::tools;
use postern_config::limits::POLICY_BYTES_MAX;
use serde_json::{Value, json};

use super::module::{encoded, text};
use super::{CliError, Connection, Style, print, print_json};
use crate::files;

/// Where the admin API has policy documents.
const POLICIES: &str = "/api/v1/policies";
/// Longest file of cases that is read, in bytes: as long as a module may be.
const CASES_BYTES_MAX: u64 = 1_024 * 1_024;

/// Policy documents.
#[derive(Debug, Subcommand)]
pub(super) enum Policy {
    /// Print a document to begin with.
    #[command(after_help = "Example:
  postern policy new --bucket site > policy.json")]
    New(Language),
    /// Read a document and report every fault with line and column. Ends with 1 if there is one. No server is needed.
    #[command(after_help = "Example:
  postern policy check policy.json --bucket site")]
    Check {
        /// The document.
        file: PathBuf,
        #[command(flatten)]
        language: Language,
    },
    /// Run cases against a document: a JSON list of `{"name", "facts", "expect", "because"}`. Ends with 1 if one fails. No server is
    /// needed.
    #[command(after_help = "Example:
  postern policy test policy.json --cases cases.json --bucket site")]
    Test {
        /// The document.
        file: PathBuf,
        /// The cases.
        #[arg(long)]
        cases: PathBuf,
        #[command(flatten)]
        language: Language,
    },
    /// Make a module of a document, to be pushed, tried in the shadow and put in force as any other. No server is needed.
    #[command(after_help = "Example:
  postern policy compile policy.json --out policy.wasm --bucket site")]
    Compile {
        /// The document.
        file: PathBuf,
        /// Where the module goes.
        #[arg(long, short)]
        out: PathBuf,
        #[command(flatten)]
        language: Language,
    },
    /// Attach a document to a bucket or a user. It is obeyed from the next request on.
    #[command(after_help = "Examples:
  postern policy put policy.json --bucket site --tenant acme
  postern policy put ci.json --user ci --name builds-only --tenant acme")]
    Put {
        /// The document.
        file: PathBuf,
        /// Look whether it could be attached, and change nothing.
        #[arg(long)]
        dry_run: bool,
        #[command(flatten)]
        place: Place,
    },
    /// Print the document that is attached to a bucket or a user.
    #[command(after_help = "Example:
  postern policy get --bucket site --tenant acme")]
    Get {
        #[command(flatten)]
        place: Place,
    },
    /// Take a document away, also one that locks its owner out.
    #[command(after_help = "Example:
  postern policy delete --user ci --name builds-only --tenant acme")]
    Delete {
        #[command(flatten)]
        place: Place,
    },
    /// List the documents of a tenant.
    #[command(after_help = "Example:
  postern policy list --tenant acme")]
    List {
        #[command(flatten)]
        whose: Whose,
    },
}

/// In which of the two languages a document is written.
#[derive(Debug, Args)]
pub(super) struct Language {
    /// It is the policy of this bucket: statements name principals. [default: the policy of a user]
    #[arg(long)]
    bucket: Option<String>,
}

/// What a document is attached to.
#[derive(Debug, Args)]
pub(super) struct Place {
    /// The bucket.
    #[arg(long, conflicts_with = "name", required_unless_present = "user")]
    bucket: Option<String>,
    /// The user; with `--bucket`, whose bucket it is, where each user has buckets of his own.
    #[arg(long)]
    user: Option<String>,
    /// The name of the user's document.
    #[arg(long, required_unless_present = "bucket")]
    name: Option<String>,
    #[command(flatten)]
    whose: Whose,
}

/// Whose documents are meant.
#[derive(Debug, Args)]
pub(super) struct Whose {
    /// The tenant. [default: `demo` in development mode]
    #[arg(long)]
    tenant: Option<String>,
    #[command(flatten)]
    connection: Connection,
}

impl Policy {
    pub(super) fn run(self, style: Style) -> Result<(), CliError> {
        match self {
            Self::New(language) => print(&language.example()),
            Self::Check { file, language } => language.check(&file, style),
            Self::Test {
                file,
                cases,
                language,
            } => language.test(&file, &cases, style),
            Self::Compile {
                file,
                out,
                language,
            } => language.compile(&file, &out, style),
            Self::Put {
                file,
                dry_run,
                place,
            } => place.put(&file, dry_run, style),
            Self::Get { place } => place.get(style),
            Self::Delete { place } => place.delete(style),
            Self::List { whose } => whose.list(style),
        }
    }
}

impl Language {
    fn context(&self) -> Context<'_> {
        Context {
            kind: match &self.bucket {
                Some(name) => Kind::Bucket { name },
                None => Kind::Identity,
            },
            unmentioned: Unmentioned::DeniedToNamed,
        }
    }

    /// Reads a file, and reports what is wrong with it as compilers do.
    fn read(&self, file: &Path) -> Result<Compiled, CliError> {
        let text = read_document(file)?;
        let name = file.file_stem().unwrap_or_default().to_string_lossy();
        let manifest = Manifest::new(name, "");
        compile_document(&text, &self.context(), &manifest)
            .map_err(|error| CliError::Failed(faults(file, &error).join("\n")))
    }

    fn check(&self, file: &Path, style: Style) -> Result<(), CliError> {
        let Compiled { document, module } = self.read(file)?;
        let warnings: Vec<String> = document.warnings.iter().map(ToString::to_string).collect();
        if style.json {
            return print_json(&json!({
                "statements": document.statements.len(), "warnings": warnings,
                "public": document.is_public(), "module_bytes": module.len(),
            }));
        }
        for warning in &warnings {
            print(&format!("{}: {warning}", file.display()))?;
        }
        if document.is_public() {
            print(&format!(
                "{}: it opens something to everyone",
                file.display()
            ))?;
        }
        let count = document.statements.len();
        print(&format!(
            "{}: {count} statement(s), no fault",
            file.display()
        ))
    }

    fn test(&self, file: &Path, cases: &Path, style: Style) -> Result<(), CliError> {
        let bytes =
            files::read_bounded(cases, CASES_BYTES_MAX).map_err(|source| unread(cases, source))?;
        let cases = tools::cases(&bytes)
            .map_err(|fault| CliError::Failed(format!("{}: {fault}", cases.display())))?;
        let failed = |fault: &dyn std::fmt::Display| {
            CliError::Failed(format!("{}: {fault}", file.display()))
        };
        let engine = Engine::new(EngineOptions::default()).map_err(|fault| failed(&fault))?;
        let module = engine
            .load(&self.read(file)?.module)
            .map_err(|fault| failed(&fault))?;
        let report = tools::test(&module, &cases);
        if style.json {
            print_json(&json!(report))?;
        }
        let count = report.failed.len();
        if count > 0 {
            let lines: Vec<String> = report
                .failed
                .iter()
                .map(|case| format!("{}: {}", case.name, case.why))
                .collect();
            let passed = report.passed;
            let lines = lines.join("\n");
            return Err(CliError::Failed(format!(
                "{count} of {} cases failed\n{lines}",
                passed + count
            )));
        }
        if style.json {
            return Ok(());
        }
        print(&format!("{} cases passed", report.passed))
    }

    fn compile(&self, file: &Path, out: &Path, style: Style) -> Result<(), CliError> {
        let Compiled { document, module } = self.read(file)?;
        std::fs::write(out, &module).map_err(|source| CliError::Io {
            what: format!("write `{}`", out.display()),
            source,
        })?;
        let (count, bytes) = (document.statements.len(), module.len());
        if style.json {
            return print_json(&json!({ "statements": count, "module_bytes": bytes }));
        }
        print(&format!(
            "{}: {count} statement(s) in {bytes} bytes; `postern module push {}` stores it",
            out.display(),
            out.display()
        ))
    }

    /// A document that says something useful and can be put to work as it stands.
    fn example(&self) -> String {
        match &self.bucket {
            Some(bucket) => EXAMPLE_OF_BUCKET.replace("BUCKET", bucket),
            None => EXAMPLE_OF_USER.to_owned(),
        }
    }
}

/// Nothing of the bucket without TLS.
const EXAMPLE_OF_BUCKET: &str = r#"{
  "Version": "2012-10-17",
  "Statement": [
    {
      "Sid": "OverTlsOnly",
      "Effect": "Deny",
      "Principal": "*",
      "Action": "s3:*",
      "Resource": ["arn:aws:s3:::BUCKET", "arn:aws:s3:::BUCKET/*"],
      "Condition": { "Bool": { "aws:SecureTransport": "false" } }
    }
  ]
}"#;

/// To each user the folder of his own name.
const EXAMPLE_OF_USER: &str = r#"{
  "Version": "2012-10-17",
  "Statement": [
    {
      "Sid": "OwnFolder",
      "Effect": "Allow",
      "Action": ["s3:GetObject", "s3:PutObject"],
      "Resource": "arn:aws:s3:::*/${aws:username}/*"
    }
  ]
}"#;

impl Place {
    fn put(&self, file: &Path, dry_run: bool, style: Style) -> Result<(), CliError> {
        let document = read_document(file)?;
        let dry = if dry_run { "&dry_run=true" } else { "" };
        let path = format!("{}{dry}", self.path()?);
        let body = Some(("application/json", document.into_bytes()));
        let done = self.whose.connection.ask(Method::PUT, &path, body)?;
        if style.json {
            return print_json(&done);
        }
        let warnings = done.get("warnings").and_then(Value::as_array);
        for warning in warnings.into_iter().flatten().filter_map(Value::as_str) {
            print(&format!("{}: {warning}", file.display()))?;
        }
        if done.get("public").and_then(Value::as_bool) == Some(true) {
            print("it opens something to everyone")?;
        }
        let what = if dry_run {
            "could be attached"
        } else {
            "is attached"
        };
        let count = text(&done, "statements");
        print(&format!(
            "{}: {count} statement(s), {what} to {self}",
            file.display()
        ))
    }

    fn get(&self, style: Style) -> Result<(), CliError> {
        let found = self
            .whose
            .connection
            .ask(Method::GET, &self.path()?, None)?;
        if style.json {
            print_json(&found)
        } else {
            print(text(&found, "text").trim_end())
        }
    }

    fn delete(&self, style: Style) -> Result<(), CliError> {
        let done = self
            .whose
            .connection
            .ask(Method::DELETE, &self.path()?, None)?;
        if style.json {
            print_json(&done)
        } else {
            print(&format!("{self} has this policy no more"))
        }
    }

    fn path(&self) -> Result<String, CliError> {
        let mut path = format!(
            "{POLICIES}/document?tenant={}",
            encoded(&self.whose.tenant()?)
        );
        for (field, value) in [
            ("bucket", &self.bucket),
            ("user", &self.user),
            ("name", &self.name),
        ] {
            if let Some(value) = value {
                path.push_str(&format!("&{field}={}", encoded(value)));
            }
        }
        Ok(path)
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (&self.bucket, &self.user) {
            (Some(bucket), Some(user)) => write!(f, "bucket {bucket} of {user}"),
            (Some(bucket), None) => write!(f, "bucket {bucket}"),
            (None, user) => write!(f, "user {}", user.as_deref().unwrap_or_default()),
        }
    }
}

impl Whose {
    fn list(&self, style: Style) -> Result<(), CliError> {
        let path = format!("{POLICIES}?tenant={}", encoded(&self.tenant()?));
        let list = self.connection.ask(Method::GET, &path, None)?;
        if style.json {
            return print_json(&list);
        }
        let policies = list.get("policies").and_then(Value::as_array);
        let lines: Vec<String> = policies
            .into_iter()
            .flatten()
            .map(|policy| {
                let of = match text(policy, "bucket") {
                    none if none.is_empty() => {
                        format!("user {} {}", text(policy, "user"), text(policy, "name"))
                    }
                    bucket => format!("bucket {bucket} of {}", text(policy, "owner")),
                };
                let (bytes, by) = (text(policy, "bytes"), text(policy, "put_by"));
                format!("{of:<48} {bytes:>6} bytes  by {by}")
            })
            .collect();
        if lines.is_empty() {
            Ok(())
        } else {
            print(&lines.join("\n"))
        }
    }

    fn tenant(&self) -> Result<String, CliError> {
        let named = match &self.tenant {
            Some(tenant) => Some(tenant.clone()),
            None => self.connection.tenant()?,
        };
        named.ok_or_else(|| CliError::Usage("whose policy? (--tenant NAME)".to_owned()))
    }
}

fn read_document(file: &Path) -> Result<String, CliError> {
    let most = u64::try_from(POLICY_BYTES_MAX).unwrap_or(u64::MAX);
    let bytes = files::read_bounded(file, most).map_err(|source| unread(file, source))?;
    String::from_utf8(bytes)
        .map_err(|_| CliError::Failed(format!("{}: it is not UTF-8", file.display())))
}

/// One line for each fault, behind the file's name.
fn faults(file: &Path, error: &DocumentError) -> Vec<String> {
    let said = |fault: &dyn std::fmt::Display| format!("{}: {fault}", file.display());
    match error {
        DocumentError::Faults(faults) => faults.as_slice().iter().map(|it| said(it)).collect(),
        DocumentError::Compile { .. } => vec![said(error)],
    }
}

fn unread(file: &Path, source: std::io::Error) -> CliError {
    CliError::Io {
        what: format!("read `{}`", file.display()),
        source,
    }
}
