//! What a running server tells the commands on the same machine: where it is and whom to trust.

use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::files;

/// Written into the data folder when the server is ready, removed when it ends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// The process.
    pub pid: u32,
    /// URL of the S3 endpoint.
    pub s3: String,
    /// URL of the admin endpoint.
    pub admin: String,
    /// The authority to trust, where it is the server's own.
    pub ca: Option<PathBuf>,
    /// Where the admin token is, unless the settings hold it.
    pub token_file: Option<PathBuf>,
    /// The tenant that commands mean when none is named: that of development mode.
    pub tenant: Option<String>,
}

impl Notice {
    /// The file in a data folder.
    pub fn path(data: &Path) -> PathBuf {
        data.join("run.json")
    }

    /// Reads it.
    ///
    /// # Errors
    /// It is not there, or not what was written.
    pub fn read(data: &Path) -> io::Result<Self> {
        let bytes = files::read_bounded(&Self::path(data), 1 << 16)?;
        serde_json::from_slice(&bytes).map_err(io::Error::other)
    }

    pub(super) fn write(&self, data: &Path) -> io::Result<()> {
        let text = serde_json::to_vec_pretty(self).map_err(io::Error::other)?;
        files::write_private(&Self::path(data), &text)
    }

    pub(super) fn remove(data: &Path) {
        if let Err(cause) = std::fs::remove_file(Self::path(data)) {
            tracing::debug!(%cause, "the notice of this run cannot be removed");
        }
    }
}
