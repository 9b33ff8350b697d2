//! The node's public face: one async method for each operation, typed by the language of S3.
//!
//! A bucket is a number of the directory; a key is bytes. A write returns only after its record is flushed; a read never
//! answers a byte that does not fit its checksum.

mod backup;
mod buckets;
mod compact;
mod copy;
mod delete;
mod facets;
mod get;
mod holds;
mod ingest;
mod list;
mod multipart;
mod pace;
mod put;
mod range;
mod scrub;
mod ship;
mod sweep;
mod undelete;
mod uploads;
mod usage;
mod verify;
mod versions;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;
use std::time::Duration;

use parking_lot::{Mutex, RwLock};
use s3_protocol::call::DeleteObject;
use s3_protocol::setting::Day;
use s3_protocol::{BucketId, ObjectKey};
use serde::{Deserialize, Serialize};
use tokio::sync::{mpsc, oneshot};

pub use backup::Backup;
pub use compact::{Compacted, Compaction, VolumeUse};
pub use facets::{Bypass, FacetChange, Facets};
pub use get::ObjectBody;
pub use holds::VolumeHold;
pub use pace::Rate;
pub use scrub::{Damage, DamagedObject, Harm, Scrubbed};
pub use ship::VolumeEnd;
pub use sweep::Swept;
pub use undelete::{Deleted, Ending, Undelete};
pub use usage::{BucketUse, Usage};
pub use verify::{Miscount, RowFault, Verified};

use crate::applier::{Applier, ApplierState};
use crate::configuration::Configurations;
use crate::crypt::{Ring, RingSeal};
use crate::disks::DiskUse;
use crate::error::{NodeError, OpenError};
use crate::faults::Faults;
use crate::guards::Guards;
use crate::keys::Attempt;
use crate::limits;
use crate::log::spare::Spare;
use crate::options::{Clock, FreeBytes, NodeDisk, NodeOptions};
use crate::overlay::Store;
pub use crate::recovery::Rebuilt;
use crate::recovery::{self, Recovered};
use crate::volume::set::VolumeSet;
use crate::writer::{Command, Reply, Work, Writer, WriterState};

/// An object node. Cloning it shares it.
#[derive(Clone)]
pub struct Node {
    inner: Arc<Inner>,
}

/// What all clones share.
struct Inner {
    /// The node's own number.
    id: u128,
    settings: Arc<Settings>,
    store: Arc<Store>,
    volumes: Arc<VolumeSet>,
    spare: Arc<Spare>,
    writer: Arc<WriterState>,
    applier: Arc<ApplierState>,
    /// The way to the writer; `None` once the node is closed.
    commands: RwLock<Option<mpsc::Sender<Command>>>,
    /// The two threads, until someone waits for their end.
    threads: Mutex<Vec<JoinHandle<()>>>,
    /// Blobs are numbered: a random number of this opening above, a counter below.
    blobs: u64,
    blob: std::sync::atomic::AtomicU64,
    /// Bytes that uploads hold in memory.
    buffered: std::sync::atomic::AtomicUsize,
    damage: Vec<String>,
    /// Damaged objects that the last scrub found.
    damaged: std::sync::atomic::AtomicU64,
    /// Writes and deletions are refused: somebody wants it so.
    frozen: std::sync::atomic::AtomicBool,
    holds: Arc<holds::Holds>,
    /// Held by the one compaction that works.
    compacting: tokio::sync::Mutex<()>,
    configurations: Arc<Configurations>,
    ring: Ring,
}

/// The options, with what they leave open filled in.
pub(crate) struct Settings {
    pub(crate) dir: PathBuf,
    pub(crate) disks: Vec<NodeDisk>,
    pub(crate) volume_bytes: u64,
    pub(crate) index_cache_bytes: usize,
    pub(crate) overlay_bytes: usize,
    pub(crate) reserve_bytes: u64,
    pub(crate) apply_after: Duration,
    pub(crate) checkpoint_every: Duration,
    pub(crate) part_bytes_min: u64,
    pub(crate) day: Day,
    pub(crate) undelete: Duration,
    pub(crate) read_only: bool,
    pub(crate) seals: Vec<RingSeal>,
    pub(crate) clock: Clock,
    pub(crate) free_bytes: Option<FreeBytes>,
    pub(crate) faults: Faults,
    pub(crate) log_faults: Faults,
}

/// Where an object is, or would be.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ObjectPlace {
    /// The bucket.
    pub bucket: BucketId,
    /// The key.
    pub key: ObjectKey,
}

/// The source of a copy, found and permitted by the caller.
#[derive(Debug)]
pub struct CopyRead {
    /// Where it is.
    pub place: ObjectPlace,
    /// The permit to read it.
    pub guards: Guards,
}

/// One key of a DeleteObjects.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeleteKey {
    /// The key.
    pub key: ObjectKey,
    /// What is asked of it.
    pub ask: DeleteObject,
    /// Only what this creator made.
    pub creator: Option<crate::guards::CreatorGuard>,
    /// Only what the decision was made on.
    pub stands: Option<crate::guards::Stands>,
}

/// What a bucket holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BucketStats {
    /// When it was made, in milliseconds since 1970.
    pub created_ms: u64,
    /// Objects (versions, where it has them).
    pub objects: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// What the node does and holds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeStats {
    /// Volumes.
    pub volumes: usize,
    /// Bytes of the log.
    pub log_bytes: u64,
    /// Bytes of the log that nothing refers to.
    pub garbage_bytes: u64,
    /// Changes that wait in memory for the index, in bytes.
    pub overlay_bytes: usize,
    /// Log sequence number of the last flushed record.
    pub last_lsn: u64,
    /// Log sequence number up to which a restart need not replay.
    pub durable_lsn: u64,
    /// Whether writes are refused: the reserve is reached, the log failed, or it is set so.
    pub read_only: bool,
    /// Damage that was found and put aside, in words.
    pub damage: Vec<String>,
    /// Damaged objects that the last scrub found.
    pub damaged: u64,
    /// Its disks, the node's own folder first.
    pub disks: Vec<DiskUse>,
}

impl Settings {
    fn new(options: NodeOptions) -> Self {
        Self {
            dir: options.dir,
            disks: options.disks,
            volume_bytes: options.volume_bytes.max(limits::VOLUME_BYTES_MIN),
            index_cache_bytes: options.index_cache_bytes,
            overlay_bytes: options.overlay_bytes,
            reserve_bytes: options.reserve_bytes,
            apply_after: options.apply_after,
            checkpoint_every: options.checkpoint_every,
            part_bytes_min: options.part_bytes_min,
            day: Day {
                ms: options.lifecycle_day_ms,
            },
            undelete: options.undelete,
            read_only: options.read_only,
            seals: options.seals,
            clock: options.clock,
            free_bytes: options.free_bytes,
            faults: options.index_faults,
            log_faults: options.log_faults,
        }
    }
}

impl Node {
    /// Opens or makes the node in `options.dir`. Blocks while it reads the end of the log.
    ///
    /// # Errors
    /// [`OpenError`]: the folder is in use, a disk is missing or another's, a volume is damaged where the log goes on behind it, or is not of this node.
    pub fn open(options: NodeOptions) -> Result<Self, OpenError> {
        let settings = Arc::new(Settings::new(options));
        let recovered = recovery::open(&settings)?;
        let ring = Ring::open(&settings.dir, &settings.seals);
        let ring = ring.map_err(recovery::io_at(&settings.dir))?;
        let configurations = Configurations::load(&recovered.store)
            .map_err(|error| OpenError::Index(error.to_string()))?;
        let (sender, queue) = mpsc::channel(limits::WRITER_QUEUE_MAX);
        let (writer, applier) = (
            Arc::new(WriterState::default()),
            Arc::new(ApplierState::default()),
        );
        let position = recovered.log.position();
        writer.last_lsn.store(position.lsn, Ordering::Relaxed);
        applier.durable_lsn.store(position.lsn, Ordering::Relaxed);
        let node = Self {
            inner: Arc::new(Inner {
                id: recovered.node,
                settings: Arc::clone(&settings),
                store: Arc::clone(&recovered.store),
                volumes: Arc::clone(&recovered.volumes),
                spare: Arc::clone(&recovered.spare),
                writer: Arc::clone(&writer),
                applier: Arc::clone(&applier),
                commands: RwLock::new(Some(sender)),
                threads: Mutex::new(Vec::with_capacity(2)),
                blobs: uuid::Uuid::new_v4().as_u64_pair().1,
                blob: std::sync::atomic::AtomicU64::new(0),
                buffered: std::sync::atomic::AtomicUsize::new(0),
                damage: recovered.damage.clone(),
                damaged: std::sync::atomic::AtomicU64::new(0),
                frozen: std::sync::atomic::AtomicBool::new(settings.read_only),
                holds: Arc::new(holds::Holds::default()),
                compacting: tokio::sync::Mutex::new(()),
                configurations: Arc::new(configurations),
                ring,
            }),
        };
        for attempt in &recovered.orphans {
            node.inner.post(Work::Abandon(*attempt));
        }
        node.start(recovered, queue)?;
        Ok(node)
    }

    /// Builds the index of a node that is not open anew, from its volumes alone. The old one is kept until the new one stands. Blocks
    /// while it reads all volumes.
    ///
    /// # Errors
    /// [`OpenError`]: the node is open somewhere, it has no volumes, or one is damaged where the log goes on behind it. The old index
    /// is as it was then.
    pub fn rebuild_index(options: NodeOptions) -> Result<Rebuilt, OpenError> {
        recovery::rebuild(&Settings::new(options))
    }

    fn start(&self, recovered: Recovered, queue: mpsc::Receiver<Command>) -> Result<(), OpenError> {
        let inner = &self.inner;
        let writer = Writer {
            log: recovered.log,
            volumes: Arc::clone(&inner.volumes),
            store: Arc::clone(&inner.store),
            clock: Arc::clone(&inner.settings.clock),
            state: Arc::clone(&inner.writer),
            queue,
            buckets: std::collections::HashSet::new(),
            configurations: Arc::clone(&inner.configurations),
        };
        let applier = Applier {
            settings: Arc::clone(&inner.settings),
            node: recovered.node,
            index: Some(recovered.index),
            store: Arc::clone(&inner.store),
            volumes: Arc::clone(&inner.volumes),
            spare: Arc::clone(&inner.spare),
            state: Arc::clone(&inner.applier),
            locks: recovered.locks,
        };
        let (store, state) = (Arc::clone(&inner.store), Arc::clone(&inner.applier));
        let mut threads = inner.threads.lock();
        let io = |source| OpenError::Io {
            path: inner.settings.dir.clone(),
            source,
        };
        threads.push(
            spawn("node-writer", move || {
                writer.run();
                // The writer is done when nobody can ask any more; what it published still has to be moved.
                state.stop.store(true, Ordering::Release);
                store.notify();
            })
            .map_err(io)?,
        );
        threads.push(spawn("node-applier", move || applier.run()).map_err(io)?);
        Ok(())
    }

    /// Ends it: what waits is flushed, moved into the index and made durable. Later operations answer [`NodeError::Closed`]
    /// or that the index is away.
    pub async fn close(&self) {
        drop(self.inner.commands.write().take());
        let threads = std::mem::take(&mut *self.inner.threads.lock());
        let ended = tokio::task::spawn_blocking(move || {
            for thread in threads {
                if thread.join().is_err() {
                    tracing::error!("a thread of the node panicked");
                }
            }
        });
        if ended.await.is_err() {
            tracing::error!("the node's end could not be awaited");
        }
    }

    /// What it does and holds.
    pub fn stats(&self) -> NodeStats {
        let inner = &self.inner;
        let volumes = inner.volumes.all();
        NodeStats {
            volumes: volumes.len(),
            log_bytes: volumes.iter().map(|volume| volume.end()).sum(),
            garbage_bytes: inner.store.view().garbage().unwrap_or(0),
            overlay_bytes: inner.store.bytes(),
            last_lsn: inner.writer.last_lsn.load(Ordering::Acquire),
            durable_lsn: inner.applier.durable_lsn.load(Ordering::Acquire),
            read_only: self.ready_for_writes().is_err(),
            damage: inner.damage.clone(),
            damaged: inner.damaged.load(Ordering::Relaxed),
            disks: self.disks(),
        }
    }

    /// How its disks are used, the node's own folder first.
    pub fn disks(&self) -> Vec<DiskUse> {
        let inner = &self.inner;
        let garbage = inner.store.view().garbage_of_volumes();
        let disks = inner.spare.disks();
        disks.used(&inner.volumes, &garbage.unwrap_or_default())
    }

    /// Whether a write would be taken now: asked before a body is read.
    ///
    /// # Errors
    /// [`NodeError::Full`], [`NodeError::ReadOnly`], [`NodeError::Frozen`].
    pub fn ready_for_writes(&self) -> Result<(), NodeError> {
        self.inner.ready()
    }

    /// Has writes and deletions refused, compaction too, or taken again. What has begun to be written is not waited for; only
    /// notes that an upload came to nothing are still made. Reading, listing, scrubbing and backups go on.
    pub fn set_read_only(&self, read_only: bool) {
        self.inner.frozen.store(read_only, Ordering::Release);
    }

    /// Looks at the free space now, instead of in half a second.
    pub fn look_at_space(&self) {
        self.inner.spare.prepare();
    }

    /// Whether everything is in the index and nothing waits to be cleared.
    pub fn is_settled(&self) -> bool {
        self.inner.store.bytes() == 0 && self.inner.applier.idle.load(Ordering::Acquire)
    }
}

impl Inner {
    fn ready(&self) -> Result<(), NodeError> {
        if self.writer.broken.load(Ordering::Relaxed) {
            return Err(NodeError::ReadOnly);
        }
        if self.frozen.load(Ordering::Acquire) {
            return Err(NodeError::Frozen);
        }
        if self.spare.is_low() {
            return Err(NodeError::Full);
        }
        Ok(())
    }

    /// A blob of its own for a plain object.
    fn fresh_attempt(&self) -> Attempt {
        let blob = self.blob.fetch_add(1, Ordering::Relaxed);
        Attempt::plain(u128::from(self.blobs) << 64 | u128::from(blob))
    }

    fn now_ms(&self) -> u64 {
        (self.settings.clock)()
    }

    fn sender(&self) -> Result<mpsc::Sender<Command>, NodeError> {
        self.commands.read().clone().ok_or(NodeError::Closed)
    }

    /// Hands work to the writer; the answer comes when it is flushed.
    async fn send(
        &self,
        work: Work,
    ) -> Result<oneshot::Receiver<Result<Reply, NodeError>>, NodeError> {
        if self.frozen.load(Ordering::Acquire) && !matches!(work, Work::Abandon(_)) {
            return Err(NodeError::Frozen);
        }
        let (reply, answer) = oneshot::channel();
        let sender = self.sender()?;
        sender
            .send(Command { work, reply })
            .await
            .map_err(|_| NodeError::Closed)?;
        Ok(answer)
    }

    /// Has work done.
    async fn ask(&self, work: Work) -> Result<Reply, NodeError> {
        self.send(work)
            .await?
            .await
            .map_err(|_| NodeError::Closed)?
    }

    /// Hands work to the writer without waiting, from where nothing can wait. What does not fit now is sent later.
    fn post(&self, work: Work) {
        let Ok(sender) = self.sender() else { return };
        let (reply, _) = oneshot::channel();
        if let Err(mpsc::error::TrySendError::Full(command)) =
            sender.try_send(Command { work, reply })
            && let Ok(runtime) = tokio::runtime::Handle::try_current()
        {
            runtime.spawn(async move { sender.send(command).await.is_ok() });
        }
    }
}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> std::io::Result<JoinHandle<()>> {
    std::thread::Builder::new()
        .name(name.to_owned())
        .spawn(work)
}

impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Node").finish_non_exhaustive()
    }
}
