//! `postern token`: what programs come in with at the admin side.

use clap::Subcommand;
use http::Method;
use postern_config::directory::Name;
use serde_json::{Value, json};

use super::module::{encoded, text};
use super::operator::Scope;
use super::span::Span;
use super::table::Listing;
use super::whose::{change, given};
use super::{CliError, Connection, Style, print, print_json};

const ALL: &str = "/api/v1/tokens";

/// Tokens of the admin API.
#[derive(Debug, Subcommand)]
pub(super) enum Token {
    /// Make a token of one's own. It may do no more than one may oneself, and is printed this once.
    #[command(after_help = "Examples:
  postern token create ci --role reader --expires 90d
  postern token create provisioning --tenant acme --quiet > provisioning.token")]
    Create {
        /// What it is called.
        name: Name,
        /// What it may do at most: owner, admin, contributor, reader. [default: what one may oneself]
        #[arg(long)]
        role: Option<String>,
        /// How long it works, such as 90d. [default: it has no end]
        #[arg(long)]
        expires: Option<Span>,
        #[command(flatten)]
        scope: Scope,
        #[command(flatten)]
        connection: Connection,
    },
    /// List tokens: one's own, and those that one may end.
    #[command(after_help = "Example:\n  postern token list")]
    List {
        #[command(flatten)]
        listing: Listing,
        #[command(flatten)]
        connection: Connection,
    },
    /// End a token, from the next request on.
    #[command(after_help = "Example:\n  postern token revoke 17")]
    Revoke {
        /// Its number, or its name where one token alone is called so.
        #[arg(value_name = "TOKEN")]
        which: String,
        #[command(flatten)]
        connection: Connection,
    },
}

const COLUMNS: &[(&str, &str)] = &[
    ("NUMBER", "id"),
    ("NAME", "name"),
    ("OPERATOR", "operator"),
    ("ROLE", "role"),
    ("SCOPE", "scope.kind"),
    ("TENANT", "scope.tenant"),
    ("WORKS", "works"),
    ("EXPIRES", "expires@"),
    ("LAST USED", "last_used@"),
];

impl Token {
    pub(super) fn run(self, style: Style) -> Result<(), CliError> {
        match self {
            Self::Create {
                name,
                role,
                expires,
                scope,
                connection,
            } => {
                let now = jiff::Timestamp::now().as_second();
                let end = expires.map(|span| {
                    json!(now.saturating_add(i64::try_from(span.0).unwrap_or(i64::MAX)))
                });
                let document = given([
                    ("name", Some(json!(name))),
                    ("role", role.map(|it| json!(it))),
                    ("expires", end),
                    ("scope", scope.document()),
                ]);
                let made = change(&connection, (Method::POST, ALL), &document, None)?;
                let secret = text(&made, "secret");
                if style.json {
                    print_json(&made)
                } else if style.quiet {
                    print(&secret)
                } else {
                    print(&format!(
                        "token `{name}`, shown this once:\n  {secret}\nit is sent as `Authorization: Bearer …`; for `postern`, set POSTERN_TOKEN"
                    ))
                }
            }
            Self::List {
                listing,
                connection,
            } => {
                let fetched = listing.fetch(&connection, ALL, &[])?;
                Listing::show(style, &fetched, "id", COLUMNS)
            }
            Self::Revoke { which, connection } => {
                let number = number(&connection, &which)?;
                let path = format!("{ALL}/{number}");
                let done = connection.ask(Method::DELETE, &path, None)?;
                if style.json {
                    print_json(&done)
                } else {
                    print(&format!("token `{}` is over", text(&done, "deleted")))
                }
            }
        }
    }
}

/// The number of a token that is named by number or name.
fn number(connection: &Connection, word: &str) -> Result<String, CliError> {
    if word.bytes().all(|byte| byte.is_ascii_digit()) {
        return Ok(word.to_owned());
    }
    let path = format!("{ALL}?limit=1000&q={}", encoded(word));
    let page = connection.ask(Method::GET, &path, None)?;
    let mut found = super::ask::list(&page, "items")
        .iter()
        .filter(|item| text(item, "name").eq_ignore_ascii_case(word))
        .filter_map(|item| item.get("id").and_then(Value::as_u64));
    match (found.next(), found.next()) {
        (Some(number), None) => Ok(number.to_string()),
        (None, _) => Err(CliError::NotFound(format!("there is no token `{word}`"))),
        (Some(_), Some(_)) => {
            let said = format!("several tokens are called `{word}`: name one by its number");
            Err(CliError::Usage(said))
        }
    }
}
