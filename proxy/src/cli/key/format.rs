//! How a new key is printed: for people, or for the program that will use it.

use clap::ValueEnum;
use http::Method;
use serde_json::Value;

use super::super::table::cell;
use super::super::{CliError, Connection};
use crate::dev::quoted;

/// How a new key is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum Format {
    /// Variables for a shell: `eval "$(postern key create … --format env)"`.
    Env,
    /// A profile for `~/.aws/credentials`.
    Aws,
    /// A remote for `rclone.conf`.
    Rclone,
    /// A file for `s3cmd -c`.
    S3cmd,
    /// JSON.
    Json,
}

/// For people.
pub(super) fn plain(made: &Value) -> String {
    let fields = [
        ("access key", "key.id"),
        ("secret", "secret_access_key"),
        ("user", "key.user"),
        ("level", "key.rights.level"),
    ];
    let lines = fields.map(|(head, field)| format!("{head:<11} {}", cell(made, field)));
    format!("{}\n\n{}", lines.join("\n"), cell(made, "note"))
}

impl Format {
    /// For a program: with the address, the region and the authority of the server.
    pub(super) fn write(self, made: &Value, connection: &Connection) -> Result<String, CliError> {
        let status = connection.ask(Method::GET, "/api/v1/status", None)?;
        let place = Place {
            id: cell(made, "key.id"),
            secret: cell(made, "secret_access_key"),
            name: format!("{}-{}", cell(made, "key.tenant"), cell(made, "key.user")),
            url: cell(&status, "server.s3"),
            region: cell(&status, "server.region"),
            ca: connection
                .authority()
                .map(|path| path.display().to_string()),
        };
        Ok(match self {
            Self::Env => place.env(),
            Self::Aws => place.aws(),
            Self::Rclone => place.rclone(),
            Self::S3cmd => place.s3cmd(),
            Self::Json => made.to_string(),
        })
    }
}

/// What a program needs to know.
struct Place {
    id: String,
    secret: String,
    name: String,
    url: String,
    region: String,
    ca: Option<String>,
}

impl Place {
    fn env(&self) -> String {
        let mut variables = vec![
            ("AWS_ACCESS_KEY_ID", &self.id),
            ("AWS_SECRET_ACCESS_KEY", &self.secret),
            ("AWS_REGION", &self.region),
            ("AWS_DEFAULT_REGION", &self.region),
            ("AWS_ENDPOINT_URL", &self.url),
        ];
        variables.extend(self.ca.iter().map(|ca| ("AWS_CA_BUNDLE", ca)));
        let lines = variables
            .into_iter()
            .map(|(name, value)| format!("export {name}={}", quoted(value)));
        lines.collect::<Vec<_>>().join("\n")
    }

    fn aws(&self) -> String {
        let ca = self.ca.as_ref().map(|ca| format!("\nca_bundle = {ca}"));
        format!(
            "[{}]\naws_access_key_id = {}\naws_secret_access_key = {}\nregion = {}\nendpoint_url = {}{}",
            self.name,
            self.id,
            self.secret,
            self.region,
            self.url,
            ca.unwrap_or_default()
        )
    }

    fn rclone(&self) -> String {
        let ca = self
            .ca
            .as_ref()
            .map(|ca| format!("# rclone --ca-cert {}\n", quoted(ca)));
        format!(
            "{}[{}]\ntype = s3\nprovider = Other\naccess_key_id = {}\nsecret_access_key = {}\nregion = {}\nendpoint = {}",
            ca.unwrap_or_default(),
            self.name,
            self.id,
            self.secret,
            self.region,
            self.url
        )
    }

    fn s3cmd(&self) -> String {
        let host = self.url.split("://").last().unwrap_or_default();
        let ca = self.ca.as_ref().map(|ca| format!("\nca_certs_file = {ca}"));
        format!(
            "[default]\naccess_key = {}\nsecret_key = {}\nhost_base = {host}\nhost_bucket = {host}\nbucket_location = {}\nuse_https = True{}",
            self.id,
            self.secret,
            self.region,
            ca.unwrap_or_default()
        )
    }
}
