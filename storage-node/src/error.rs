//! Why the node did not do it: causes, each of which can be matched, and the one place that turns them into S3's words.

use std::io;
use std::path::PathBuf;

use s3_protocol::{S3Code, S3Error};
use serde::{Deserialize, Serialize};

/// Why an operation failed.
#[derive(Clone, Debug, thiserror::Error, Serialize, Deserialize)]
pub enum NodeError {
    /// S3 itself has a word for it: a missing key, a failed condition, a wrong digest, a payload that failed.
    #[error(transparent)]
    Refused(#[from] S3Error),
    /// The space left is the reserve: writes are refused until some is freed.
    #[error("no space: only the reserve is left")]
    Full,
    /// The log could not be written or flushed. What was asked is not done, and never will be by itself.
    #[error("the log failed: {0}")]
    Log(String),
    /// The log failed and could not be cut back: this node only reads until it is opened again.
    #[error("the node is read-only after a failed flush: look at its disk, then open it again")]
    ReadOnly,
    /// The node was set to take no writes and no deletions.
    #[error("the node is set to read-only: switch that off to write or delete")]
    Frozen,
    /// An operation's folder or file could not be used.
    #[error("cannot use `{path}`: {why}; mend that and begin again")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// What was asked of an operation is not there, or not any more.
    #[error("{0}")]
    NotThere(String),
    /// The index failed and is being opened again.
    #[error("the index failed: {0}")]
    Index(String),
    /// Stored bytes do not fit their checksum: they are never answered.
    #[error("damaged: {0}")]
    Damaged(String),
    /// A volume could not be read.
    #[error("a volume could not be read: {0}")]
    Read(String),
    /// The node is shutting down.
    #[error("the node is closed")]
    Closed,
    /// The node is on another machine and did not answer. What was asked of it may have been done.
    #[error("the object node cannot be reached: {0}")]
    Away(String),
    /// As much is asked of a node on another machine as may be at a time.
    #[error("too much is asked of the object node at a time")]
    Busy,
}

impl From<S3Code> for NodeError {
    fn from(code: S3Code) -> Self {
        Self::Refused(S3Error::new(code))
    }
}

impl From<NodeError> for S3Error {
    fn from(error: NodeError) -> Self {
        match error {
            NodeError::Refused(error) => error,
            NodeError::Full => Self::with(
                S3Code::ServiceUnavailable,
                "No space is left. Delete something, or try again later.",
            ),
            NodeError::Frozen => Self::with(
                S3Code::ServiceUnavailable,
                "The service takes no writes and no deletions at the moment. Try again later.",
            ),
            NodeError::ReadOnly | NodeError::Index(_) | NodeError::Closed | NodeError::Away(_) => {
                Self::new(S3Code::ServiceUnavailable)
            }
            NodeError::Busy => Self::new(S3Code::SlowDown),
            NodeError::Log(_)
            | NodeError::Damaged(_)
            | NodeError::Read(_)
            | NodeError::File { .. }
            | NodeError::NotThere(_) => Self::new(S3Code::InternalError),
        }
    }
}

impl NodeError {
    /// Whether the node itself is at fault, so that it belongs into the log.
    pub fn is_fault(&self) -> bool {
        !matches!(
            self,
            Self::Refused(_)
                | Self::Full
                | Self::Frozen
                | Self::Closed
                | Self::NotThere(_)
                // Said once, when the connection is lost.
                | Self::Away(_)
                | Self::Busy
        )
    }

    /// Whether it is open whether the node has done what was asked, or does it still.
    pub const fn is_in_doubt(&self) -> bool {
        matches!(self, Self::Away(_))
    }
}

/// Why a node does not open.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// A file or folder could not be used.
    #[error("cannot use `{path}`: {source}")]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Another process has the node open.
    #[error("`{0}` is in use by another process")]
    InUse(PathBuf),
    /// The index could not be opened or rebuilt.
    #[error("the index cannot be used: {0}")]
    Index(String),
    /// A volume is damaged where valid rounds follow: opening would silently lose what was acknowledged.
    #[error("volume {volume:08x} is damaged at byte {offset}: {what}; nothing was changed")]
    Damaged {
        /// The volume's number.
        volume: u32,
        /// Where.
        offset: u64,
        /// What is wrong.
        what: String,
    },
    /// A disk is missing, or a folder is none of this node's disks.
    #[error("disk `{path}` cannot be used: {what}")]
    Disk {
        /// Its folder.
        path: PathBuf,
        /// Why, and what to do.
        what: String,
    },
    /// A volume was written by a newer version, or belongs to another node.
    #[error("volume `{path}` cannot be used: {what}")]
    Foreign {
        /// Which.
        path: PathBuf,
        /// Why.
        what: String,
    },
}
