//! `postern tenant domain`: the hosts by which an account alone is found.

use clap::Subcommand;
use http::Method;
use postern_config::directory::Host;
use serde_json::{Value, json};

use super::ask::list;
use super::whose::path;
use super::{CliError, Connection, Style, print, print_json};

/// Domains of an account.
#[derive(Debug, Subcommand)]
pub(super) enum Domain {
    /// Give an account a domain: `https://DOMAIN/bucket/key` and `https://bucket.DOMAIN/key` are its own, and nobody else's keys
    /// work there. Its certificate is `domains/DOMAIN.pem` and `.key` below the data folder, or one of the server's own authority.
    #[command(after_help = "Example:\n  postern tenant domain add acme s3.acme.example")]
    Add {
        /// The account, by name or number.
        tenant: String,
        /// The domain.
        domain: Host,
        #[command(flatten)]
        connection: Connection,
    },
    /// List the domains of an account.
    #[command(after_help = "Example:\n  postern tenant domain list acme")]
    List {
        /// The account, by name or number.
        tenant: String,
        #[command(flatten)]
        connection: Connection,
    },
    /// Take a domain away from an account.
    #[command(after_help = "Example:\n  postern tenant domain remove acme s3.acme.example")]
    Remove {
        /// The account, by name or number.
        tenant: String,
        /// The domain.
        domain: Host,
        #[command(flatten)]
        connection: Connection,
    },
}

impl Domain {
    pub(super) fn run(self, style: Style) -> Result<(), CliError> {
        let shown = match self {
            Self::Add {
                tenant,
                domain,
                connection,
            } => {
                let body = json!({ "domain": domain }).to_string().into_bytes();
                let body = Some(("application/json", body));
                connection.ask(Method::POST, &path(&tenant, &["domains"]), body)?
            }
            Self::List { tenant, connection } => {
                connection.ask(Method::GET, &path(&tenant, &["domains"]), None)?
            }
            Self::Remove {
                tenant,
                domain,
                connection,
            } => {
                let path = path(&tenant, &["domains", domain.as_str()]);
                connection.ask(Method::DELETE, &path, None)?
            }
        };
        if style.json {
            return print_json(&shown);
        }
        let domains: Vec<&str> = list(&shown, "domains")
            .iter()
            .filter_map(Value::as_str)
            .collect();
        match (domains.is_empty(), style.quiet) {
            (true, true) => Ok(()),
            (true, false) => print("there are none"),
            (false, _) => print(&domains.join("\n")),
        }
    }
}
