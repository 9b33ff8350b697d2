//! How a node is opened. Clock, randomness and free space are arguments, so that tests own them.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::crypt::RingSeal;
use crate::faults::Faults;
use crate::limits;

/// A clock: milliseconds since 1970.
pub type Clock = Arc<dyn Fn() -> u64 + Send + Sync>;
/// How many bytes the file system under the volumes has left; `None` where it cannot say.
pub type FreeBytes = Arc<dyn Fn() -> Option<u64> + Send + Sync>;

/// Settings of a node.
#[derive(Clone)]
pub struct NodeOptions {
    /// The folder: `volumes/`, `index.redb` and `lock` are in it. Made if it is missing.
    pub dir: PathBuf,
    /// Disks for its volumes; none: the folder itself holds them. Where some are named and the folder is not among them, what it has of
    /// volumes is moved off it.
    pub disks: Vec<NodeDisk>,
    /// Size of a volume, in bytes; a new one is preallocated at this size.
    pub volume_bytes: u64,
    /// redb's cache, in bytes.
    pub index_cache_bytes: usize,
    /// Bound of the overlay in memory, in bytes; writers wait at it.
    pub overlay_bytes: usize,
    /// Space of each disk that is never given to writes, in bytes.
    pub reserve_bytes: u64,
    /// How long a change may wait before it is moved into the index.
    pub apply_after: Duration,
    /// How often the index is made durable while changes arrive.
    pub checkpoint_every: Duration,
    /// Smallest part but the last, in bytes; S3's own unless a test says otherwise.
    pub part_bytes_min: u64,
    /// How long a day of a lifecycle is, in milliseconds: a day, unless a test cannot wait for one.
    pub lifecycle_day_ms: u64,
    /// For how long compaction leaves what was deleted or overwritten where it is, to be brought back; zero: not at all.
    pub undelete: Duration,
    /// Whether writes and deletions are refused until [`Node::set_read_only`](crate::Node::set_read_only) says otherwise.
    pub read_only: bool,
    /// What the ring of keys is sealed under: any of them opens it. Without one, its file is as secret as the disk keeps it.
    pub seals: Vec<RingSeal>,
    /// The clock.
    pub clock: Clock,
    /// Free space; `None` asks the file system.
    pub free_bytes: Option<FreeBytes>,
    /// The disk under the index, which tests make fail.
    pub index_faults: Faults,
    /// The disk under the log, which tests make fail.
    pub log_faults: Faults,
}

/// A folder for volumes, on a disk of its own.
#[derive(Clone)]
pub struct NodeDisk {
    /// The folder. It must be there; a new one is empty.
    pub path: PathBuf,
    /// Whether it takes no new volumes, and compaction moves off it what stands there.
    pub drain: bool,
    /// Free space; `None` asks the file system. That of the node's own folder is [`NodeOptions::free_bytes`].
    pub free_bytes: Option<FreeBytes>,
    /// The disk, which tests make fail. That of the node's own folder is [`NodeOptions::log_faults`].
    pub faults: Faults,
}

impl NodeDisk {
    /// A disk that takes volumes.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            drain: false,
            free_bytes: None,
            faults: Faults::default(),
        }
    }
}

impl fmt::Debug for NodeDisk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut told = f.debug_struct("NodeDisk");
        told.field("path", &self.path).field("drain", &self.drain);
        told.finish_non_exhaustive()
    }
}

impl NodeOptions {
    /// The default settings in `dir`, with the given clock.
    pub fn new(dir: impl Into<PathBuf>, clock: Clock) -> Self {
        Self {
            dir: dir.into(),
            disks: Vec::new(),
            volume_bytes: limits::VOLUME_BYTES_DEFAULT,
            index_cache_bytes: limits::INDEX_CACHE_BYTES_DEFAULT,
            overlay_bytes: limits::OVERLAY_BYTES_DEFAULT,
            reserve_bytes: limits::RESERVE_BYTES_DEFAULT,
            apply_after: Duration::from_millis(limits::APPLY_AFTER_MS_DEFAULT),
            checkpoint_every: Duration::from_millis(limits::CHECKPOINT_EVERY_MS_DEFAULT),
            part_bytes_min: s3_protocol::limits::PART_BYTES_MIN,
            lifecycle_day_ms: s3_protocol::setting::Day::REAL.ms,
            undelete: Duration::ZERO,
            read_only: false,
            seals: Vec::new(),
            clock,
            free_bytes: None,
            index_faults: Faults::default(),
            log_faults: Faults::default(),
        }
    }
}

impl fmt::Debug for NodeOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NodeOptions")
            .field("dir", &self.dir)
            .field("disks", &self.disks)
            .field("volume_bytes", &self.volume_bytes)
            .field("index_cache_bytes", &self.index_cache_bytes)
            .field("overlay_bytes", &self.overlay_bytes)
            .field("reserve_bytes", &self.reserve_bytes)
            .finish_non_exhaustive()
    }
}
