//! What the admin side asks of the object node: what it holds, and the care that it takes. The binary implements it.

use std::fmt;

use futures_util::future::BoxFuture;
use s3_protocol::BucketId;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::UnixMillis;

/// Takes care of the object node.
pub trait NodeCare: Send + Sync + fmt::Debug {
    /// What it does and holds.
    ///
    /// # Errors
    /// The index is away.
    fn state(&self) -> BoxFuture<'_, Result<NodeState, NodeFault>>;

    /// What each bucket holds, counted row by row: it takes as long as there are rows.
    fn usage(&self) -> BoxFuture<'_, Result<Vec<BucketHolds>, NodeFault>>;

    /// Begins a task, or says that one of its kind is at work.
    ///
    /// # Errors
    /// [`NodeFault::Busy`].
    fn begin(&self, task: NodeTask) -> BoxFuture<'_, Result<TaskState, NodeFault>>;

    /// The last task of each kind.
    ///
    /// # Errors
    /// The node is on another machine and does not answer.
    fn tasks(&self) -> BoxFuture<'_, Result<Vec<TaskState>, NodeFault>>;

    /// Has writes and deletions refused, or taken again. A restart takes what the settings say.
    ///
    /// # Errors
    /// There is no node.
    fn set_read_only(&self, read_only: bool) -> BoxFuture<'_, Result<(), NodeFault>>;

    /// What of a bucket was deleted or overwritten lately, under keys that begin with `prefix`.
    fn deleted<'a>(
        &'a self,
        bucket: BucketId,
        prefix: &'a str,
    ) -> BoxFuture<'a, Result<Vec<DeletedObject>, NodeFault>>;

    /// Brings objects back, each under its own key. One answer for each, in their order.
    fn undelete(
        &self,
        bucket: BucketId,
        wanted: Vec<DeletedObject>,
    ) -> BoxFuture<'_, Result<Vec<Revived>, NodeFault>>;
}

/// What the node does and holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeState {
    /// Its own number, after which its copy elsewhere is called.
    pub id: u128,
    /// Its disks, the node's own folder first.
    pub disks: Vec<DiskState>,
    /// Its volumes, the oldest first.
    pub volumes: Vec<VolumeState>,
    /// Bytes of the log.
    pub log_bytes: u64,
    /// Of them without use.
    pub garbage_bytes: u64,
    /// Log sequence number of the last flushed record.
    pub last_lsn: u64,
    /// Log sequence number up to which a restart need not replay.
    pub durable_lsn: u64,
    /// Whether writes are refused: the disk is full, a flush failed, or somebody wants it so.
    pub read_only: bool,
    /// Damaged objects that the last scrub found.
    pub damaged_objects: u64,
    /// Damage that was found when the node was opened, in words.
    pub damage: Vec<String>,
    /// The copy elsewhere; none: this machine has the only one.
    pub copy: Option<CopyState>,
}

/// How far the copy of the node's volumes is, off this machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CopyState {
    /// Where it is.
    pub place: String,
    /// How long it has lacked something.
    pub lag_seconds: u64,
    /// Bytes that it lacks.
    pub lag_bytes: u64,
    /// Why the last attempt failed, where it did.
    pub fault: Option<String>,
}

/// A volume.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VolumeState {
    /// Its number.
    pub number: u32,
    /// Bytes of its file.
    pub bytes: u64,
    /// Of them without use.
    pub garbage_bytes: u64,
    /// Whether the log still appends to it.
    pub is_active: bool,
    /// Which of the disks it is on.
    pub disk: usize,
}

/// A disk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DiskState {
    /// Its folder.
    pub path: String,
    /// Volumes on it.
    pub volumes: u64,
    /// Bytes of these.
    pub bytes: u64,
    /// Of them without use.
    pub garbage_bytes: u64,
    /// Bytes that its file system has left, where it says so.
    pub free_bytes: Option<u64>,
    /// Whether it is to be emptied.
    pub drains: bool,
    /// Whether a write or flush on it failed since the node was started.
    pub has_failed: bool,
}

impl DiskState {
    /// How it is, in a word; `empty` is one that may be taken out of the settings.
    pub const fn word(&self) -> &'static str {
        match (self.has_failed, self.drains, self.volumes) {
            (true, _, _) => "failed",
            (false, true, 0) => "empty",
            (false, true, _) => "draining",
            (false, false, _) => "in use",
        }
    }
}

/// What a bucket holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BucketHolds {
    /// Which.
    pub bucket: BucketId,
    /// Keys with a current version which is no marker.
    pub objects: u64,
    /// Versions that are not current.
    pub versions: u64,
    /// Delete markers.
    pub markers: u64,
    /// Bytes of objects and versions.
    pub bytes: u64,
    /// Open uploads.
    pub uploads: u64,
    /// Bytes of their parts.
    pub upload_bytes: u64,
}

/// What can be done to the node while it works.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeTask {
    /// What.
    pub kind: TaskKind,
    /// Bytes that are read or moved in a second at most; none: as fast as it goes.
    pub bytes_per_second: Option<u64>,
    /// Of a compaction: the share of garbage, in percent, at which a volume is emptied; none: the setting.
    pub garbage_percent: Option<u16>,
}

/// Kinds of tasks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TaskKind {
    /// Empties volumes that hold garbage.
    Compact,
    /// Reads everything and tells what is damaged.
    Scrub,
    /// Compares index and log, and counts against rows.
    Verify,
    /// Sends what is new to the copy elsewhere.
    Ship,
    /// Makes a copy of the log: links of what is sealed.
    Backup,
}

/// How far a task is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskState {
    /// What.
    pub kind: TaskKind,
    /// When it was begun.
    pub began: UnixMillis,
    /// When it ended; none: it is at work.
    pub ended: Option<UnixMillis>,
    /// What it found or did, once it has ended.
    #[serde(with = "as_text")]
    pub told: Option<Value>,
    /// Why it failed, where it did.
    pub failed: Option<String>,
    /// Whether something needs a person: damage was found.
    pub is_alarming: bool,
}

/// An object or version that was deleted or overwritten.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeletedObject {
    /// Its key.
    pub key: String,
    /// The name of its version; `null` where the bucket had no versions.
    pub version: String,
    /// Its bytes.
    pub size: u64,
    /// Its entity tag.
    pub etag: Option<String>,
    /// When it was written.
    pub written: UnixMillis,
    /// When it ended.
    pub ended: UnixMillis,
    /// Whether another write ended it, and not a deletion.
    pub is_overwritten: bool,
}

/// What became of an object that was to be brought back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revived {
    /// Its key.
    pub key: String,
    /// Its new version, where the bucket has versions.
    pub version: Option<String>,
    /// Why it is not back, where it is not.
    pub refused: Option<String>,
}

/// Why it was not done.
#[derive(Debug, thiserror::Error, Serialize, Deserialize)]
pub enum NodeFault {
    /// One of its kind is at work.
    #[error("a task of this kind is at work: wait for its end")]
    Busy,
    /// What was asked for is not there, or not kept.
    #[error("{0}")]
    NotThere(String),
    /// The node failed; its log says why.
    #[error("the object node cannot answer: {0}")]
    Node(String),
}

impl TaskKind {
    /// Every kind.
    pub const ALL: [Self; 5] = [
        Self::Compact,
        Self::Scrub,
        Self::Verify,
        Self::Ship,
        Self::Backup,
    ];

    /// As it is written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Compact => "compact",
            Self::Scrub => "scrub",
            Self::Verify => "verify",
            Self::Ship => "ship",
            Self::Backup => "backup",
        }
    }
}

/// A gate without an object node of its own.
#[derive(Clone, Copy, Debug)]
pub struct NoNode;

impl NoNode {
    fn none<T>() -> Result<T, NodeFault> {
        Err(NodeFault::NotThere(
            "this server has no object node of its own".to_owned(),
        ))
    }
}

impl NodeCare for NoNode {
    fn state(&self) -> BoxFuture<'_, Result<NodeState, NodeFault>> {
        Box::pin(async { Self::none() })
    }

    fn usage(&self) -> BoxFuture<'_, Result<Vec<BucketHolds>, NodeFault>> {
        Box::pin(async { Self::none() })
    }

    fn begin(&self, _: NodeTask) -> BoxFuture<'_, Result<TaskState, NodeFault>> {
        Box::pin(async { Self::none() })
    }

    fn tasks(&self) -> BoxFuture<'_, Result<Vec<TaskState>, NodeFault>> {
        Box::pin(async { Ok(Vec::new()) })
    }

    fn set_read_only(&self, _: bool) -> BoxFuture<'_, Result<(), NodeFault>> {
        Box::pin(async { Self::none() })
    }

    fn deleted<'a>(
        &'a self,
        _: BucketId,
        _: &'a str,
    ) -> BoxFuture<'a, Result<Vec<DeletedObject>, NodeFault>> {
        Box::pin(async { Self::none() })
    }

    fn undelete(
        &self,
        _: BucketId,
        _: Vec<DeletedObject>,
    ) -> BoxFuture<'_, Result<Vec<Revived>, NodeFault>> {
        Box::pin(async { Self::none() })
    }
}

/// A document of JSON in a format that must know what comes: as its text.
mod as_text {
    use serde::{Deserialize as _, Deserializer, Serialize as _, Serializer, de};
    use serde_json::Value;

    pub(super) fn serialize<S: Serializer>(told: &Option<Value>, to: S) -> Result<S::Ok, S::Error> {
        told.as_ref().map(Value::to_string).serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Option<Value>, D::Error> {
        let text = Option::<String>::deserialize(from)?;
        text.map(|text| serde_json::from_str(&text).map_err(de::Error::custom))
            .transpose()
    }
}
