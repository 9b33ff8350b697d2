//! `postern master-key`: the key under which everything secret of the directory is sealed.

use std::time::Duration;

use clap::Subcommand;
use http::Method;
use serde_json::Value;

use super::{CliError, Connection, Style, print, print_json};

/// How often a rotation that is waited for is looked at.
const LOOK_TIME: Duration = Duration::from_millis(300);

/// The master key.
#[derive(Debug, Subcommand)]
pub(super) enum MasterKey {
    /// Make another, and seal everything under it while the server works. When it is done, the old one opens nothing; temporary
    /// credentials that were issued before have ended. Backups that were made before open under the old one: keep it with them.
    #[command(after_help = "Example:\n  postern master-key rotate --wait")]
    Rotate {
        /// Wait until the old one opens nothing any more.
        #[arg(long)]
        wait: bool,
        #[command(flatten)]
        connection: Connection,
    },
    /// Say whether a rotation goes on.
    #[command(after_help = "Example:\n  postern master-key show")]
    Show {
        #[command(flatten)]
        connection: Connection,
    },
}

impl MasterKey {
    pub(super) fn run(self, style: Style) -> Result<(), CliError> {
        let (connection, mut shown, wait) = match self {
            Self::Rotate { wait, connection } => {
                let begun = connection.ask(Method::POST, "/api/v1/master-key/rotate", None)?;
                (connection, begun, wait)
            }
            Self::Show { connection } => {
                let shown = connection.ask(Method::GET, "/api/v1/master-key", None)?;
                (connection, shown, false)
            }
        };
        while wait && goes_on(&shown) {
            std::thread::sleep(LOOK_TIME);
            shown = connection.ask(Method::GET, "/api/v1/master-key", None)?;
        }
        if style.json {
            return print_json(&shown);
        }
        print(if goes_on(&shown) {
            "the master key is being rotated: both keys open until it is done (`postern master-key show`)"
        } else {
            "one master key opens everything, and no other opens anything"
        })
    }
}

fn goes_on(shown: &Value) -> bool {
    shown.get("rotating").and_then(Value::as_bool) == Some(true)
}
