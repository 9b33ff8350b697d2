//! `postern serve`.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;
use postern_config::directory::Profile;
use postern_config::settings::{Environment, Overrides, Settings};

use super::CliError;
use crate::app::{self, Mode};
use crate::dev;

/// Run the server.
#[derive(Debug, Args)]
#[command(group(clap::ArgGroup::new("how").required(true).args(["dev", "config"])))]
pub(super) struct Serve {
    /// Development mode: this machine alone, everything made in one folder.
    #[arg(long)]
    dev: bool,
    /// Whose rules the tenant of a new development folder follows: e3-primary, e3-root, sobject, vpsa, datastream, s3.
    #[arg(long, requires = "dev", default_value_t)]
    profile: Profile,
    /// The settings file.
    #[arg(long)]
    config: Option<PathBuf>,
    /// The data folder. [default: ./postern-dev in development mode, else what the settings say]
    #[arg(long)]
    data: Option<PathBuf>,
    /// Where the S3 API listens, such as 127.0.0.1:9443; port 0 asks for any free one.
    #[arg(long)]
    s3_listen: Option<SocketAddr>,
    /// Where the admin API listens.
    #[arg(long)]
    admin_listen: Option<SocketAddr>,
}

impl Serve {
    pub(super) fn run(self) -> Result<(), CliError> {
        let environment = Environment::of_process();
        let (mode, overrides) = if self.dev {
            let data = self.data.unwrap_or_else(|| dev::FOLDER.into());
            let overrides = dev::overrides(&data, self.s3_listen, self.admin_listen)
                .map_err(|refused| CliError::Usage(refused.to_string()))?;
            // What is tried out here is looked into, too, and the traffic is one person's. Who measures switches it off.
            let overrides = match environment.get("POSTERN_RECORD__REQUESTS") {
                Some(_) => overrides,
                None => overrides.with("--dev", "record.requests", "true"),
            };
            let overrides = match environment.get("POSTERN_NODE__VOLUME_BYTES") {
                Some(_) => overrides,
                None => overrides.with("--dev", "node.volume_bytes", dev::VOLUME),
            };
            (Mode::Dev(self.profile), overrides)
        } else {
            let mut overrides = Overrides::new();
            if let Some(data) = &self.data {
                overrides = overrides.with("--data", "data.folder", data.display().to_string());
            }
            for (option, field, address) in [
                ("--s3-listen", "s3.listen", self.s3_listen),
                ("--admin-listen", "admin.listen", self.admin_listen),
            ] {
                if let Some(address) = address {
                    overrides = overrides.with(option, field, address.to_string());
                }
            }
            (Mode::Configured, overrides)
        };
        let settings = Settings::load(self.config.as_deref(), &environment, &overrides)?;
        Ok(app::run(settings, mode, &environment)?)
    }
}
