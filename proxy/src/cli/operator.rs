//! `postern operator`: the people who sign in to the admin side.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use http::Method;
use postern_config::directory::{Email, Language, Timezone};
use serde_json::{Value, json};

use super::login::new_password;
use super::module::{encoded, text};
use super::removal::{Care, Removal};
use super::span::Span;
use super::table::{Listing, show};
use super::tenant::told;
use super::whose::{change, create, given};
use super::{CliError, Connection, Style, print, print_json};

const ALL: &str = "/api/v1/operators";

/// Operators.
#[derive(Debug, Subcommand)]
pub(super) enum Operator {
    /// Make an operator, and an invitation by which he sets his password.
    #[command(after_help = "Examples:
  postern operator create ann@acme.example --role admin --tenant acme
  postern operator create tech@msp.example --role contributor --tenant acme --users web,mail
  postern operator create boss@x.example --role owner --password-file -      # the password is set here

Roles:
  owner        everything
  admin        everything but what is an owner's
  contributor  configures buckets
  reader       sees")]
    Create(Create),
    /// Make an invitation by which an operator sets his password, once. One that was made before no longer works.
    #[command(after_help = "Example:\n  postern operator invite ann@acme.example --valid 24h")]
    Invite {
        #[command(flatten)]
        which: Which,
        /// How long it works: 30 days at most.
        #[arg(long, default_value = "72h")]
        valid: Span,
    },
    /// List operators.
    #[command(after_help = "Example:\n  postern operator list --status passive")]
    List {
        /// Those who are active, or passive.
        #[arg(long)]
        status: Option<String>,
        #[command(flatten)]
        listing: Listing,
        #[command(flatten)]
        connection: Connection,
    },
    /// Show an operator.
    #[command(after_help = "Example:\n  postern operator show ann@acme.example")]
    Show(Which),
    /// Let an operator sign in no more, from now on; all is kept.
    #[command(after_help = "Example:\n  postern operator disable ann@acme.example")]
    Disable(Which),
    /// Let an operator sign in again.
    #[command(after_help = "Example:\n  postern operator enable ann@acme.example")]
    Enable(Which),
    /// Give an operator another role, or another scope.
    #[command(after_help = "Examples:
  postern operator role ann@acme.example reader
  postern operator role ann@acme.example --tenant acme --users web")]
    Role {
        #[command(flatten)]
        which: Which,
        /// The role: owner, admin, contributor, reader, or one that the account has made.
        #[arg(required_unless_present = "tenant")]
        role: Option<String>,
        #[command(flatten)]
        scope: Scope,
    },
    /// Make an invitation by which an operator sets another password; or set it here.
    #[command(after_help = "Examples:
  postern operator reset-password ann@acme.example
  postern operator reset-password ann@acme.example --password-file -")]
    ResetPassword {
        #[command(flatten)]
        which: Which,
        /// A file with the password; `-` reads it from standard input. [default: make an invitation]
        #[arg(long)]
        password_file: Option<PathBuf>,
    },
    /// Take the second factor and the passkeys of somebody who has lost his telephone.
    #[command(after_help = "Example:\n  postern operator reset-mfa ann@acme.example")]
    ResetMfa(Which),
    /// Delete an operator with his tokens and all that is personal about him. `disable` keeps him.
    #[command(after_help = "Examples:
  postern operator delete ann@acme.example --dry-run
  postern operator delete ann@acme.example --confirm ann@acme.example      # in a script")]
    Delete {
        #[command(flatten)]
        which: Which,
        #[command(flatten)]
        removal: Removal,
    },
}

/// An operator to make.
#[derive(Debug, Args)]
pub(super) struct Create {
    /// The e-mail address with which he signs in.
    email: Email,
    /// The role: owner, admin, contributor, reader, or one that the account has made.
    #[arg(long)]
    role: String,
    /// His name as people write it.
    #[arg(long)]
    name: Option<String>,
    /// In which time he wants to read, such as Europe/Berlin.
    #[arg(long)]
    timezone: Option<Timezone>,
    /// In which language, such as de.
    #[arg(long)]
    language: Option<Language>,
    /// A file with his password; `-` reads it from standard input. [default: make an invitation]
    #[arg(long)]
    password_file: Option<PathBuf>,
    #[command(flatten)]
    scope: Scope,
    #[command(flatten)]
    connection: Connection,
}

/// To whom the role applies. Nothing named: to whom one's own does, which for the server's own token is everything.
#[derive(Clone, Debug, Args)]
pub(super) struct Scope {
    /// An account, by name or number.
    #[arg(long, short)]
    tenant: Option<String>,
    /// The accounts below it as well: it is a reseller's.
    #[arg(long, requires = "tenant", conflicts_with = "users")]
    below: bool,
    /// Of the account these users alone, by name or number.
    #[arg(long, requires = "tenant", value_delimiter = ',')]
    users: Vec<String>,
}

/// Which operator is meant.
#[derive(Debug, Args)]
pub(super) struct Which {
    /// The e-mail address or number.
    operator: String,
    #[command(flatten)]
    connection: Connection,
}

const FIELDS: &[(&str, &str)] = &[
    ("address", "email"),
    ("number", "id"),
    ("name", "name"),
    ("role", "role"),
    ("scope", "scope.kind"),
    ("tenant", "scope.tenant"),
    ("users", "scope.users"),
    ("status", "status"),
    ("second factor", "mfa"),
    ("passkeys", "passkeys"),
    ("password set", "has_password"),
    ("invited until", "invited_until@"),
    ("signed in last", "last_sign_in@"),
    ("time zone", "timezone"),
    ("language", "language"),
    ("created", "created@"),
];

const COLUMNS: &[(&str, &str)] = &[
    ("ADDRESS", "email"),
    ("NAME", "name"),
    ("ROLE", "role"),
    ("SCOPE", "scope.kind"),
    ("TENANT", "scope.tenant"),
    ("STATUS", "status"),
    ("MFA", "mfa"),
    ("LAST SIGN-IN", "last_sign_in@"),
];

impl Scope {
    /// As the API takes it.
    pub(super) fn document(&self) -> Option<Value> {
        let tenant = self.tenant.as_ref()?;
        Some(match (self.below, self.users.as_slice()) {
            (true, _) => json!({ "kind": "reseller", "tenant": tenant }),
            (false, []) => json!({ "kind": "tenant", "tenant": tenant }),
            (false, users) => json!({ "kind": "users", "tenant": tenant, "users": users }),
        })
    }
}

impl Operator {
    pub(super) fn run(self, style: Style) -> Result<(), CliError> {
        match self {
            Self::Create(create) => create.run(style),
            Self::Invite { which, valid } => which.invite(style, Some(valid)),
            Self::List {
                status,
                listing,
                connection,
            } => {
                let fetched = listing.fetch(&connection, ALL, &[("status", status)])?;
                Listing::show(style, &fetched, "email", COLUMNS)
            }
            Self::Show(which) => {
                let path = which.path("");
                let found = which.connection.ask(Method::GET, &path, None)?;
                show(style, &found, "email", FIELDS)
            }
            Self::Disable(which) => which.step(
                style,
                (Method::POST, "/disable"),
                "signs in no more; sessions and tokens have ended",
            ),
            Self::Enable(which) => {
                which.step(style, (Method::POST, "/enable"), "may sign in again")
            }
            Self::Role { which, role, scope } => which.role(style, role, &scope),
            Self::ResetPassword {
                which,
                password_file: None,
            } => which.invite(style, None),
            Self::ResetPassword {
                which,
                password_file: Some(path),
            } => {
                let password = new_password(Some(&path))?;
                let document = json!({ "password": password.as_str() });
                let path = which.path("/password");
                let done = change(&which.connection, (Method::POST, &path), &document, None)?;
                told(
                    style,
                    &done,
                    &format!("{} has another password", text(&done, "email")),
                )
            }
            Self::ResetMfa(which) => which.step(
                style,
                (Method::DELETE, "/totp"),
                "signs in without a second factor now",
            ),
            Self::Delete { which, removal } => {
                let path = which.path("");
                removal.run(&which.connection, (&path, "operator", Care::Name), style)
            }
        }
    }
}

impl Create {
    fn run(&self, style: Style) -> Result<(), CliError> {
        let password = match &self.password_file {
            Some(path) => Some(new_password(Some(path))?),
            None => None,
        };
        let document = given([
            ("email", Some(json!(self.email))),
            ("role", Some(json!(self.role))),
            ("name", self.name.as_ref().map(|it| json!(it))),
            ("timezone", self.timezone.as_ref().map(|it| json!(it))),
            ("language", self.language.as_ref().map(|it| json!(it))),
            ("scope", self.scope.document()),
            ("password", password.as_ref().map(|it| json!(it.as_str()))),
        ]);
        let made = create(&self.connection, ALL, &document)?;
        if password.is_some() {
            let said = format!(
                "operator {} is made; `postern login {}` signs in",
                self.email, self.email
            );
            return told(style, &made, &said);
        }
        let number = made.get("id").and_then(Value::as_u64).unwrap_or_default();
        let which = Which {
            operator: number.to_string(),
            connection: self.connection.clone(),
        };
        which.invite(style, None)
    }
}

impl Which {
    fn path(&self, below: &str) -> String {
        format!("{ALL}/{}{below}", encoded(&self.operator))
    }

    fn step(
        &self,
        style: Style,
        (method, below): (Method, &str),
        said: &str,
    ) -> Result<(), CliError> {
        let done = self.connection.ask(method, &self.path(below), None)?;
        told(style, &done, &format!("{} {said}", text(&done, "email")))
    }

    fn role(&self, style: Style, role: Option<String>, scope: &Scope) -> Result<(), CliError> {
        let path = self.path("");
        let document = given([
            ("role", role.map(|it| json!(it))),
            ("scope", scope.document()),
        ]);
        let done = change(&self.connection, (Method::PATCH, &path), &document, None)?;
        let said = format!(
            "{} is {} of the scope `{}` from now on; sessions have ended",
            text(&done, "email"),
            text(&done, "role"),
            super::table::cell(&done, "scope.kind")
        );
        told(style, &done, &said)
    }

    /// Makes an invitation and prints it.
    fn invite(&self, style: Style, valid: Option<Span>) -> Result<(), CliError> {
        let document = given([("seconds", valid.map(|span| json!(span.0)))]);
        let path = self.path("/invite");
        let invited = change(&self.connection, (Method::POST, &path), &document, None)?;
        if style.json {
            return print_json(&invited);
        }
        let token = text(&invited, "token");
        if style.quiet {
            return print(&token);
        }
        let (url, _) = self.connection.place()?;
        let email = super::table::cell(&invited, "operator.email");
        let until = super::table::cell(&invited, "expires@");
        print(&format!(
            "{email} sets a password with this invitation, once, until {until}:\n  postern accept {token} --admin {url} --ca CA.pem"
        ))
    }
}

/// Set one's password by an invitation.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  postern accept 5Dk… --admin https://gate.example:9444 --ca ca.pem"
)]
pub(super) struct Accept {
    /// The invitation.
    invitation: String,
    /// A file with the password; `-` reads it from standard input. [default: ask]
    #[arg(long)]
    password_file: Option<PathBuf>,
    #[command(flatten)]
    connection: Connection,
}

impl Accept {
    pub(super) fn run(&self, style: Style) -> Result<(), CliError> {
        let password = new_password(self.password_file.as_deref())?;
        let document = json!({ "token": self.invitation, "password": password.as_str() });
        let path = "/api/v1/invitations/accept";
        let done = self.connection.send_openly(path, &document)?.value()?;
        let email = text(&done, "email");
        told(
            style,
            &done,
            &format!("{email} has a password; `postern login {email}` signs in"),
        )
    }
}
