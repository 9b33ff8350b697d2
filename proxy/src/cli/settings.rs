//! `postern config`.

use std::path::PathBuf;

use clap::Subcommand;
use postern_config::settings::{Environment, Overrides, Settings};

use super::{CliError, print};

/// Check and show settings.
#[derive(Debug, Subcommand)]
pub(super) enum Config {
    /// Read a settings file with the environment and report every fault. Ends with 64 if there is one.
    #[command(after_help = "Example:
  postern config check --config /etc/postern/config.toml")]
    Check {
        /// The settings file.
        #[arg(long)]
        config: PathBuf,
    },
    /// Print what is in force after file and environment. Secrets are left out.
    #[command(after_help = "Example:
  postern config show --config /etc/postern/config.toml")]
    Show {
        /// The settings file; without it, the defaults.
        #[arg(long)]
        config: Option<PathBuf>,
    },
}

impl Config {
    pub(super) fn run(self) -> Result<(), CliError> {
        let environment = Environment::of_process();
        match self {
            Self::Check { config } => {
                Settings::load(Some(&config), &environment, &Overrides::new())?;
                print(&format!("{}: no fault", config.display()))
            }
            Self::Show { config } => {
                let settings = Settings::load(config.as_deref(), &environment, &Overrides::new())?;
                // Secrets print as such: `Secret(..)`.
                print(&format!("{settings:#?}"))
            }
        }
    }
}
