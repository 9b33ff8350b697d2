//! Where the directory lives: rows under keys, changed by transactions that compare before they write.
//!
//! The trait is what an embedded store and a replicated one can both promise: each transaction has a revision of its
//! own, one above the last; a page can be read as of a revision; changes can be watched from a revision on. What rows were
//! is kept until the engine is told to forget it, changes for a bounded while; what is older is [`EngineError::Compacted`], and
//! the reader begins again.

mod embedded;

use std::fmt;
use std::path::PathBuf;

use futures_util::future::BoxFuture;
use serde::{Deserialize, Serialize};

pub use embedded::EmbeddedEngine;

/// The number of a transaction. The empty store has revision 0.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Revision(pub u64);

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// A row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Its key.
    pub key: String,
    /// Its value.
    pub value: Vec<u8>,
    /// The transaction that wrote it.
    pub revision: Revision,
}

/// What must hold for a transaction to be carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Compare {
    /// The key.
    pub key: String,
    /// The transaction that last wrote it; `None` when there must be no such row.
    pub written_by: Option<Revision>,
}

/// One change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Op {
    /// Writes a row.
    Put(String, Vec<u8>),
    /// Removes a row, if it is there.
    Delete(String),
    /// Removes a row with everything that history holds of it: no page of any revision shows it again, and no watch tells of it.
    Erase(String),
}

impl Op {
    /// The key that it changes.
    pub fn key(&self) -> &str {
        match self {
            Self::Put(key, _) | Self::Delete(key) | Self::Erase(key) => key,
        }
    }
}

/// Rows in ascending order of their keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// The rows.
    pub rows: Vec<Row>,
    /// Whether more follow the last.
    pub more: bool,
}

/// The changes of one transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Its number.
    pub revision: Revision,
    /// What it changed.
    pub ops: Vec<Op>,
}

/// Changes as they happen, in order and without gaps.
pub trait Watch: Send + fmt::Debug {
    /// The next change; waits for it. An error ends the watch.
    fn next(&mut self) -> BoxFuture<'_, Result<Change, EngineError>>;
}

/// Why an engine did not do it.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// A comparison did not hold: another writer was faster.
    #[error("another writer was faster")]
    Conflict,
    /// The revision is older than the history that is kept.
    #[error("the history before revision {oldest} is gone")]
    Compacted {
        /// The oldest revision that can be asked for.
        oldest: Revision,
    },
    /// The revision has not happened yet.
    #[error("there is no revision {asked}: the last is {last}")]
    Future {
        /// What was asked for.
        asked: Revision,
        /// The last there is.
        last: Revision,
    },
    /// The store failed. What was asked may have been done or not; the engine answers nothing else until it is opened anew.
    #[error("the store failed")]
    Store(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// A row of the store is not what it wrote.
    #[error("a row of the store is damaged: {0}")]
    Damaged(&'static str),
    /// The engine has been closed.
    #[error("the store is closed")]
    Closed,
}

/// A store of rows with revisions.
pub trait Engine: Send + Sync + fmt::Debug {
    /// Carries out all of `ops` if all of `compares` hold, else nothing, and answers the transaction's number. When it
    /// returns, the change is on disk.
    fn txn(
        &self,
        compares: Vec<Compare>,
        ops: Vec<Op>,
    ) -> BoxFuture<'_, Result<Revision, EngineError>>;

    /// The rows whose keys begin with `prefix` and stand after `after`, as they were at `at`; at most `limit` of them.
    fn page(
        &self,
        prefix: String,
        at: Revision,
        after: Option<String>,
        limit: usize,
    ) -> BoxFuture<'_, Result<Page, EngineError>>;

    /// One row as it is now.
    fn get(&self, key: String) -> BoxFuture<'_, Result<Option<Row>, EngineError>>;

    /// The changes after `after`, those that have happened and those to come.
    fn watch(&self, after: Revision) -> BoxFuture<'_, Result<Box<dyn Watch>, EngineError>>;

    /// Forgets what rows were before a revision, and what changed up to it: watchers and pages begin there.
    fn forget(&self, before: Revision) -> BoxFuture<'_, Result<(), EngineError>>;

    /// Writes everything as it is at one moment into a new file, while others read and write. Answers that moment's revision.
    fn backup(&self, to: PathBuf) -> BoxFuture<'_, Result<Revision, EngineError>>;

    /// The last transaction's number. A read that sees everything that was acknowledged before it was asked.
    fn now(&self) -> BoxFuture<'_, Result<Revision, EngineError>>;
}
