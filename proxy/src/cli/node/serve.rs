//! `postern node serve`, and the certificates that it needs.

use std::path::PathBuf;

use clap::Args;
use postern_config::settings::{Environment, NodeProcess, Overrides};
use serde_json::json;

use super::super::{CliError, Style, print, print_json};
use crate::app;
use crate::clock::Clock;
use crate::edge::CertificateFiles;
use crate::edge::authority::Authority;
use crate::files;

/// Run the object node alone.
#[derive(Debug, Args)]
pub(in crate::cli) struct Serve {
    /// The settings file.
    #[arg(long)]
    pub(super) config: Option<PathBuf>,
    /// The data folder, whose folder `node` holds the objects. [default: what the settings say]
    #[arg(long)]
    pub(super) data: Option<PathBuf>,
}

impl Serve {
    pub(super) fn run(self) -> Result<(), CliError> {
        let environment = Environment::of_process();
        let mut overrides = Overrides::new();
        if let Some(data) = &self.data {
            overrides = overrides.with("--data", "data.folder", data.display().to_string());
        }
        let settings = NodeProcess::load(self.config.as_deref(), &environment, &overrides)?;
        Ok(app::node::run(settings, &environment)?)
    }
}

/// Make the certificates of gate and node.
#[derive(Debug, Args)]
pub(in crate::cli) struct Certificates {
    /// The folder: `ca.pem` goes to both machines, `node.pem` and `node.key` to the node's, `gate.pem` and `gate.key` to the gate's,
    /// `ca.key` to neither.
    #[arg(long, value_name = "FOLDER")]
    out: PathBuf,
    /// A name or an address of the node's machine, as the gate's settings call it.
    #[arg(long, value_name = "NAME", required = true)]
    host: Vec<String>,
    /// The name in the gate's certificate, as the node's settings call it.
    #[arg(long, value_name = "NAME", default_value = "postern-gate")]
    client_name: String,
}

impl Certificates {
    pub(super) fn run(self, style: Style) -> Result<(), CliError> {
        let folder = &self.out;
        let failed = |cause: &dyn std::fmt::Display| CliError::Failed(cause.to_string());
        files::make_private_folder(folder).map_err(|error| failed(&error))?;
        let now_ms = Clock::system().now_ms();
        let pair = |name: &str| CertificateFiles {
            cert: folder.join(format!("{name}.pem")),
            key: folder.join(format!("{name}.key")),
        };
        let authority = Authority::open(folder, now_ms).map_err(|error| failed(&error))?;
        let node = authority.certify_in(pair("node"), &self.host, now_ms);
        let node = node.map_err(|error| failed(&error))?;
        let names = [self.client_name];
        let gate = authority.certify_client(pair("gate"), &names, now_ms);
        let gate = gate.map_err(|error| failed(&error))?;
        let told = json!({
            "ca": authority.certificate(),
            "node": { "cert": node.cert, "key": node.key },
            "gate": { "cert": gate.cert, "key": gate.key },
        });
        if style.json {
            return print_json(&told);
        }
        let folder = folder.display();
        print(&format!(
            "{folder}/ca.pem      for both machines\n{folder}/node.pem    and node.key, for the node's\n\
             {folder}/gate.pem    and gate.key, for the gate's\n{folder}/ca.key      for neither: keep it apart"
        ))
    }
}
