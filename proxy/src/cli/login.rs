//! `postern login`, `logout` and `whoami`: commands that are given as an operator, and not with a token from a file.

use std::io::{self, BufRead as _, IsTerminal as _, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command as Process, Stdio};

use clap::Args;
use http::Method;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::context::Noted;
use super::module::text;
use super::table::show;
use super::{CliError, Connection, Style, print, print_json};
use crate::files;

/// Longest password or code that is read, in bytes.
const TYPED_BYTES_MAX: u64 = 1_024;

/// Sign in as an operator; commands are given as him until the session ends.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  postern login ann@acme.example
  postern login ann@acme.example --admin https://gate.example:9444 --ca ca.pem --save-as production")]
pub(super) struct Login {
    /// The e-mail address.
    email: String,
    /// The account whose operator it is, where the address is known in several.
    #[arg(long)]
    account: Option<String>,
    /// A file with the password; `-` reads it from standard input. [default: ask]
    #[arg(long)]
    password_file: Option<PathBuf>,
    /// The code of the telephone, where a second factor is on. [default: ask]
    #[arg(long)]
    code: Option<String>,
    /// How the context with the session is called. [default: the one that is meant, or the server's host]
    #[arg(long)]
    save_as: Option<String>,
    #[command(flatten)]
    connection: Connection,
}

/// Sign out, and forget the session's context.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  postern logout")]
pub(super) struct Logout {
    #[command(flatten)]
    connection: Connection,
}

/// Say as whom commands are given, and what he may do.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  postern whoami --json")]
pub(super) struct Whoami {
    #[command(flatten)]
    connection: Connection,
}

const FIELDS: &[(&str, &str)] = &[
    ("kind", "kind"),
    ("address", "operator.email"),
    ("name", "operator.name"),
    ("token", "token.name"),
    ("role", "role"),
    ("scope", "scope.kind"),
    ("tenant", "scope.tenant"),
    ("users", "scope.users"),
    ("second factor", "operator.mfa"),
    ("signed in until", "expires@"),
    ("audit log", "actor"),
    ("permissions", "permissions"),
];

impl Login {
    pub(super) fn run(&self, style: Style) -> Result<(), CliError> {
        let password = match &self.password_file {
            Some(path) => read_password(path)?,
            None => prompt(&format!("password of {}: ", self.email))?,
        };
        let ask = |code: Option<&str>| {
            let document = json!({
                "email": self.email, "password": password.as_str(), "account": self.account,
                "code": code, "session": "bearer",
            });
            let path = "/api/v1/session";
            self.connection.send_openly(path, &document)
        };
        let mut answer = ask(self.code.as_deref())?;
        if answer.problem().as_deref() == Some("code-needed") {
            let code = prompt("code of your telephone: ")?;
            answer = ask(Some(code.as_str()))?;
        }
        let session = answer.value()?;
        let (url, ca) = self.connection.place()?;
        let before = self.connection.meant()?;
        let host = url.trim_start_matches("https://");
        let host = host.split([':', '/']).next().unwrap_or("server");
        let name = self
            .save_as
            .clone()
            .or_else(|| before.as_ref().map(|noted| noted.name.clone()))
            .unwrap_or_else(|| host.to_owned());
        let noted = Noted {
            name: name.clone(),
            url,
            token: text(&session, "token"),
            ca,
            tenant: match before {
                Some(noted) => noted.tenant,
                None => self.connection.tenant()?,
            },
        };
        self.connection.keep(noted)?;
        if style.json {
            let expires = session.get("expires").cloned();
            return print_json(&json!({ "context": name, "expires": expires }));
        }
        if style.quiet {
            return print(&name);
        }
        print(&format!(
            "signed in as {}; commands mean the context `{name}` now, until {}",
            self.email,
            super::table::cell(&session, "expires@")
        ))
    }
}

impl Logout {
    pub(super) fn run(&self, _: Style) -> Result<(), CliError> {
        let done = self.connection.ask(Method::DELETE, "/api/v1/session", None);
        done?;
        if let Some(noted) = self.connection.meant()? {
            self.connection.forget(&noted.name)?;
        }
        print("signed out; the session's context is forgotten")
    }
}

impl Whoami {
    pub(super) fn run(&self, style: Style) -> Result<(), CliError> {
        let me = self.connection.ask(Method::GET, "/api/v1/me", None)?;
        show(style, &me, "actor", FIELDS)
    }
}

/// Reads a password or a code from whoever is there, without showing it.
pub(super) fn prompt(question: &str) -> Result<Zeroizing<String>, CliError> {
    let failed = |source| CliError::Io {
        what: "read what was typed".to_owned(),
        source,
    };
    if !io::stdin().is_terminal() {
        let said = "nobody is there to ask for a password: give `--password-file FILE`, or a token";
        return Err(CliError::Usage(said.to_owned()));
    }
    drop(write!(io::stderr(), "{question}"));
    // Where there is no `stty` it is shown: better than not to ask.
    let _hidden = Hidden::new();
    let mut typed = Zeroizing::new(String::new());
    let mut input = io::stdin().lock().take(TYPED_BYTES_MAX);
    input.read_line(&mut typed).map_err(failed)?;
    drop(writeln!(io::stderr()));
    Ok(Zeroizing::new(
        typed.trim_end_matches(['\r', '\n']).to_owned(),
    ))
}

/// While it lives, the terminal does not show what is typed.
struct Hidden;

impl Hidden {
    fn new() -> Self {
        stty("-echo");
        Self
    }
}

impl Drop for Hidden {
    fn drop(&mut self) {
        stty("echo");
    }
}

fn stty(what: &str) {
    let done = Process::new("stty")
        .arg(what)
        .stdin(Stdio::inherit())
        .stderr(Stdio::null())
        .status();
    drop(done);
}

/// The first line of a file, or of standard input.
pub(super) fn read_password(path: &Path) -> Result<Zeroizing<String>, CliError> {
    let unread = |source| CliError::Io {
        what: format!("read `{}`", path.display()),
        source,
    };
    let bytes = if path == Path::new("-") {
        let mut bytes = Vec::new();
        let mut input = io::stdin().lock().take(TYPED_BYTES_MAX);
        input.read_to_end(&mut bytes).map(|_| bytes)
    } else {
        files::read_bounded(path, TYPED_BYTES_MAX)
    };
    let bytes = Zeroizing::new(bytes.map_err(unread)?);
    let text = String::from_utf8_lossy(&bytes);
    let line = text.lines().next().unwrap_or_default();
    Ok(Zeroizing::new(line.to_owned()))
}

/// A password that is set: asked for twice, or read.
pub(super) fn new_password(file: Option<&Path>) -> Result<Zeroizing<String>, CliError> {
    if let Some(path) = file {
        return read_password(path);
    }
    let one = prompt("new password: ")?;
    let two = prompt("once more: ")?;
    if one == two {
        Ok(one)
    } else {
        Err(CliError::Usage("the two are not the same".to_owned()))
    }
}

/// What a session is told for.
pub(super) fn step_up(password: &str) -> Value {
    json!({ "password": password })
}
