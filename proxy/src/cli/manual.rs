//! `postern completions` and `postern man`: what packages install beside the binary.

use std::path::{Path, PathBuf};

use clap::{Args, CommandFactory as _};
use clap_complete::Shell;

use super::{Cli, CliError, print};

/// Completions for a shell.
#[derive(Debug, Args)]
pub(super) struct Completions {
    /// The shell.
    #[arg(value_enum)]
    shell: Shell,
}

/// Pages of the manual.
#[derive(Debug, Args)]
pub(super) struct Man {
    /// Write a page for each command into this folder. [default: print the first page]
    #[arg(long)]
    out: Option<PathBuf>,
}

impl Completions {
    pub(super) fn run(&self) -> Result<(), CliError> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut Cli::command(), "postern", &mut script);
        print(String::from_utf8_lossy(&script).trim_end())
    }
}

impl Man {
    pub(super) fn run(&self) -> Result<(), CliError> {
        let failed = |path: &Path, source| CliError::Io {
            what: format!("write `{}`", path.display()),
            source,
        };
        match &self.out {
            None => {
                let mut page = Vec::new();
                let made = clap_mangen::Man::new(Cli::command()).render(&mut page);
                made.map_err(|source| failed(Path::new("-"), source))?;
                print(String::from_utf8_lossy(&page).trim_end())
            }
            Some(folder) => {
                std::fs::create_dir_all(folder).map_err(|source| failed(folder, source))?;
                let made = clap_mangen::generate_to(Cli::command(), folder);
                made.map_err(|source| failed(folder, source))?;
                print(&format!("the pages are in `{}`", folder.display()))
            }
        }
    }
}
