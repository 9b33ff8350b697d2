//! What the admin side asks of the server's keeping of itself: another master key, a backup, how far heads of the audit log have
//! got. The binary implements it, since keys and copies are files.

use std::fmt;

use futures_util::future::BoxFuture;
use serde_json::Value;

use crate::directory::{Actor, CommandError};
use crate::engine::{EngineError, Revision};

/// Keeps the server.
pub trait Upkeep: Send + Sync + fmt::Debug {
    /// Makes another master key and begins to seal everything under it. The rest goes on by itself.
    fn rotate_master_key(&self, actor: Actor) -> BoxFuture<'_, Result<(), UpkeepFault>>;

    /// Writes the directory as it is now into a new file on the server's machine.
    fn backup(&self) -> BoxFuture<'_, Result<Backup, UpkeepFault>>;

    /// How far heads of the audit log have got, each place for itself.
    fn heads(&self) -> Value;

    /// Counts what the audit log was to say of a reading and could not. Answers whether the reading may go on all the same.
    fn unrecorded(&self) -> bool;
}

/// A backup.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backup {
    /// The file, on the server's machine.
    pub file: String,
    /// The revision of the directory that it holds.
    pub revision: Revision,
    /// Its length, in bytes.
    pub bytes: u64,
    /// The SHA-256 of it, as hexadecimal digits.
    pub sha256: String,
}

/// Why it was not done.
#[derive(Debug, thiserror::Error)]
pub enum UpkeepFault {
    /// The master key is not in the data folder but in the settings: whoever gives it changes it.
    #[error(
        "the master key is given by the settings (`directory.master_key`): give the next one as `directory.master_key_next` and start the server again"
    )]
    KeyIsGiven,
    /// The directory refuses.
    #[error(transparent)]
    Command(#[from] CommandError),
    /// The engine failed.
    #[error("the copy cannot be written")]
    Engine(#[from] EngineError),
    /// A file.
    #[error("a file cannot be written")]
    Io(#[from] std::io::Error),
}
