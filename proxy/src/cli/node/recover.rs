//! `postern node recover`.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use clap::Args;
use postern_config::settings::{Destination, Environment, Overrides, Settings};
use serde_json::json;
use uuid::Uuid;

use super::{built, tell};
use crate::app::disks_of;
use crate::cli::{CliError, Style};
use crate::clock::Clock;
use crate::upkeep::{Depot, RecoverFault, recover};

/// Make a node of the copy of one that is lost.
#[derive(Debug, Args)]
#[command(group(clap::ArgGroup::new("where").required(true).multiple(true).args(["config", "from"])))]
pub(in crate::cli) struct Recover {
    /// The settings file, whose section `ship` says where the copy is and what the place is shown.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Where the copy is: a folder, or an `https://` URL. [default: `ship.to`]
    #[arg(long, value_name = "PLACE")]
    from: Option<String>,
    /// The data folder. [default: `data.folder`]
    #[arg(long, value_name = "FOLDER")]
    data: Option<PathBuf>,
    /// The number of the lost node: the name of its folder in the copy. It may be left out where a folder has one copy alone.
    #[arg(long, value_name = "NUMBER")]
    node: Option<Uuid>,
}

impl Recover {
    pub(super) fn run(self, style: Style) -> Result<(), CliError> {
        let mut overrides = Overrides::new();
        if let Some(from) = &self.from {
            overrides = overrides.with("--from", "ship.to", from.clone());
        }
        if let Some(data) = &self.data {
            overrides = overrides.with("--data", "data.folder", data.display().to_string());
        }
        let environment = Environment::of_process();
        let settings = Settings::load(self.config.as_deref(), &environment, &overrides)?;
        let Some(to) = &settings.ship.to else {
            let said = "there is no `ship.to` in the settings: name the place with --from";
            return Err(CliError::Usage(said.to_owned()));
        };
        let node = self.node.map_or_else(|| only_node(to), Ok)?;
        let (ship, clock) = (&settings.ship, Clock::system());
        let depot = Depot::new(to, ship.pass.as_ref(), ship.ca.as_deref(), clock);
        let is_quiet = style.json || style.quiet;
        let progress = |done, all, bytes| {
            if !is_quiet {
                drop(writeln!(
                    io::stderr(),
                    "volume {done} of {all}: {bytes} bytes"
                ));
            }
        };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        let runtime = runtime.map_err(|source| CliError::Io {
            what: "begin".to_owned(),
            source,
        })?;
        let disks = disks_of(&settings.data, &settings.node);
        let open = disks.iter().filter(|disk| !disk.drain);
        let folders: Vec<PathBuf> = open.map(|disk| disk.path.clone()).collect();
        let place = (settings.data.as_path(), &folders[..]);
        let work = recover(&depot, node.as_u128(), place, progress);
        let manifest = runtime.block_on(work).map_err(|fault| match fault {
            RecoverFault::Nothing { .. } => CliError::NotFound(fault.to_string()),
            _ => CliError::Failed(fault.to_string()),
        })?;
        let folder = settings.data.join("node");
        let mut told = built(&folder, disks).map_err(|error| {
            let folder = folder.display();
            CliError::Failed(format!(
                "`{folder}` is there, and its index cannot be built: {error}"
            ))
        })?;
        if let Some(told) = told.as_object_mut() {
            told.insert("copied_ms".to_owned(), json!(manifest.made_ms));
            told.insert("volumes".to_owned(), json!(manifest.whole.volumes.len()));
        }
        tell(style, &told)
    }
}

/// The one node of which a folder has a copy.
fn only_node(to: &Destination) -> Result<Uuid, CliError> {
    const SAY: &str = "say with --node whose copy is meant: the name of its folder there, which `postern node stats` shows as well";
    let Destination::Folder(folder) = to else {
        return Err(CliError::Usage(SAY.to_owned()));
    };
    let nodes = nodes_in(folder).map_err(|source| CliError::Io {
        what: format!("read `{}`", folder.display()),
        source,
    })?;
    match nodes[..] {
        [node] => Ok(node),
        [] => {
            let said = format!("`{}` has no copy of a node", folder.display());
            Err(CliError::NotFound(said))
        }
        _ => {
            let names: Vec<String> = nodes.iter().map(|it| it.simple().to_string()).collect();
            let names = names.join(", ");
            Err(CliError::Usage(format!(
                "there are copies of {names}: {SAY}"
            )))
        }
    }
}

fn nodes_in(folder: &Path) -> io::Result<Vec<Uuid>> {
    let mut nodes = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let node = entry
            .file_name()
            .to_str()
            .and_then(|it| it.parse::<Uuid>().ok());
        if entry.path().join("manifest.json").is_file() {
            nodes.extend(node);
        }
    }
    Ok(nodes)
}
