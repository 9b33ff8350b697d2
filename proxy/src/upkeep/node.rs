//! Takes care of the object node: compaction and scrubs by themselves, and the tasks that an operator begins.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::future::BoxFuture;
use parking_lot::Mutex;
use postern_config::UnixMillis;
use postern_config::node::{
    BucketHolds, DeletedObject, DiskState, NodeCare, NodeFault, NodeState, NodeTask, Revived,
    TaskKind, TaskState, VolumeState,
};
use postern_config::settings::{NodeSettings, ShipSettings};
use s3_protocol::{BucketId, S3Error};
use serde_json::{Value, json};
use storage_node::{
    Compacted, Compaction, Deleted, DiskUse, Ending, Node, NodeError, NodeStats, Rate, Scrubbed,
    Undelete, Verified,
};

use super::ship::{ShipFault, Shipper};
use crate::clock::Clock;
use crate::files;
use crate::observe::Reading;
use crate::upstream::CareCounts;

/// How often volumes are looked at.
const LOOK_TIME: Duration = Duration::from_secs(60);
/// The share of garbage at which a volume is emptied where writes are refused for want of space, in thousandths.
const URGENT_PER_MILLE: u16 = 10;
/// How often it is asked whether a scrub is due.
const DUE_TIME: Duration = Duration::from_secs(600);
/// Damaged objects and flaws that the answer of a task names.
const TOLD_MAX: usize = 100;
/// How often a day lifecycles are looked at.
const SWEEPS_A_DAY: u32 = 4;
/// The file that says when everything was scrubbed last, in milliseconds since 1970.
const SCRUBBED: &str = "scrubbed";

/// Takes care of the object node.
#[derive(Debug)]
pub(crate) struct Caretaker {
    node: Node,
    clock: Clock,
    settings: NodeSettings,
    data: PathBuf,
    shipper: Arc<Shipper>,
    /// The last task of each kind. Guarded for the time of a look or a change.
    tasks: Mutex<BTreeMap<TaskKind, TaskState>>,
    counts: Counts,
}

/// What compaction has done.
#[derive(Debug, Default)]
struct Counts {
    volumes: AtomicU64,
    freed_bytes: AtomicU64,
    moved_bytes: AtomicU64,
    damaged: AtomicU64,
}

impl Caretaker {
    pub(crate) fn new(
        node: Node,
        (settings, ship): (&NodeSettings, &ShipSettings),
        data: &Path,
        clock: Clock,
    ) -> Self {
        let shipper = Shipper::new(node.clone(), ship, clock.clone());
        Self {
            node,
            clock,
            settings: settings.clone(),
            data: data.to_owned(),
            shipper: Arc::new(shipper),
            tasks: Mutex::default(),
            counts: Counts::default(),
        }
    }

    /// Compacts what is worth it, again and again. It runs until the server stops.
    pub(crate) async fn compact(self: Arc<Self>) {
        let mut ticks = tokio::time::interval(LOOK_TIME);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            match self.node.compact(self.how(None, None)).await {
                Ok(done) => self.counts.add(done),
                Err(NodeError::Closed) => return,
                Err(NodeError::Frozen) => {}
                Err(error) => {
                    tracing::error!(alarm = true, %error, "volumes cannot be compacted");
                }
            }
        }
    }

    /// Scrubs when it is due: so long after the last time, also where that was before a restart. It runs until the server stops.
    pub(crate) async fn scrub(self: Arc<Self>) {
        let every = u64::try_from(self.settings.scrub_every.as_millis()).unwrap_or(u64::MAX);
        if every == 0 {
            return;
        }
        let mut ticks = tokio::time::interval(DUE_TIME);
        loop {
            ticks.tick().await;
            let last = self.scrubbed_at();
            if last.is_none() {
                // A new node has nothing to be read yet: the time counts from here.
                self.note_scrubbed();
            }
            let due = last.is_some_and(|last| last.saturating_add(every) <= self.clock.now_ms());
            if due {
                let task = NodeTask {
                    kind: TaskKind::Scrub,
                    bytes_per_second: Some(self.settings.scrub_bytes_per_second),
                    garbage_percent: None,
                };
                if let Ok(began) = self.enter(task.kind) {
                    self.carry_out(task, began).await;
                }
            }
        }
    }

    /// Keeps up the copy elsewhere. It runs until the server stops.
    pub(crate) async fn ship(self: Arc<Self>) {
        self.shipper.run().await;
    }

    /// Ends what lifecycles say is due, several times a day. It runs until the server stops.
    pub(crate) async fn sweep(self: Arc<Self>) {
        let mut ticks = tokio::time::interval(self.settings.lifecycle_day / SWEEPS_A_DAY);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            let swept = self.node.sweep().await;
            if swept.deleted > 0 || swept.aborted > 0 {
                let (deleted, aborted, kept) = (swept.deleted, swept.aborted, swept.kept);
                tracing::info!(deleted, aborted, kept, "lifecycles ended what was due");
            }
        }
    }

    fn scrubbed_at(&self) -> Option<u64> {
        let read = files::read_bounded(&self.data.join("node").join(SCRUBBED), 64).ok()?;
        std::str::from_utf8(&read).ok()?.trim().parse().ok()
    }

    fn note_scrubbed(&self) {
        let path = self.data.join("node").join(SCRUBBED);
        let text = self.clock.now_ms().to_string();
        if let Err(error) = files::write_private(&path, text.as_bytes()) {
            tracing::warn!(%error, "when everything was scrubbed cannot be written down");
        }
    }

    /// Where a write would be refused for want of space, all garbage is worth its way, and nobody is spared.
    fn how(&self, percent: Option<u16>, rate: Option<u64>) -> Compaction {
        match self.node.ready_for_writes() {
            Err(NodeError::Full) => Compaction {
                garbage_per_mille: URGENT_PER_MILLE,
                bytes_per_second: None,
            },
            _ => Compaction {
                garbage_per_mille: percent
                    .unwrap_or(self.settings.compact_at)
                    .saturating_mul(10),
                bytes_per_second: Some(rate.unwrap_or(self.settings.compact_bytes_per_second)),
            },
        }
    }

    /// Notes that a task begins, unless one of its kind is at work.
    fn enter(&self, kind: TaskKind) -> Result<TaskState, NodeFault> {
        let mut tasks = self.tasks.lock();
        if tasks.get(&kind).is_some_and(|task| task.ended.is_none()) {
            return Err(NodeFault::Busy);
        }
        let began = TaskState {
            kind,
            began: UnixMillis(self.clock.now_ms()),
            ended: None,
            told: None,
            failed: None,
            is_alarming: false,
        };
        tasks.insert(kind, began.clone());
        Ok(began)
    }

    /// Does a task that was entered, and notes how it ended.
    async fn carry_out(&self, task: NodeTask, began: TaskState) {
        let done = self.work(task).await;
        let mut ended = TaskState {
            ended: Some(UnixMillis(self.clock.now_ms())),
            ..began
        };
        match done {
            Ok((told, is_alarming)) => {
                if is_alarming {
                    let task = task.kind.as_str();
                    tracing::error!(alarm = true, task, %told, "the object node is damaged");
                }
                (ended.told, ended.is_alarming) = (Some(told), is_alarming);
            }
            Err(error) => {
                tracing::error!(alarm = true, task = task.kind.as_str(), %error, "a task of the object node failed");
                ended.failed = Some(error.to_string());
            }
        }
        self.tasks.lock().insert(task.kind, ended);
    }

    /// What a task says at its end, and whether that needs a person.
    async fn work(&self, task: NodeTask) -> Result<(Value, bool), ShipFault> {
        let rate = Rate(task.bytes_per_second);
        Ok(match task.kind {
            TaskKind::Compact => {
                let how = self.how(task.garbage_percent, task.bytes_per_second);
                let done = self.node.compact(how).await?;
                self.counts.add(done);
                (compacted(done), done.damaged > 0)
            }
            TaskKind::Scrub => {
                let found = self.node.scrub(rate).await?;
                self.note_scrubbed();
                (scrubbed(&found), !found.flaws.is_empty())
            }
            TaskKind::Verify => {
                let found = self.node.verify(rate).await?;
                (verified(&found), !found.is_sound())
            }
            TaskKind::Ship => {
                let copied = self.shipper.turn().await?;
                let bytes: u64 = copied.volumes.iter().map(|volume| volume.bytes).sum();
                let volumes = copied.volumes.len();
                let told = json!({
                    "volumes": volumes, "bytes": bytes, "last_lsn": copied.last_lsn,
                });
                (told, false)
            }
            TaskKind::Backup => {
                let to = self
                    .data
                    .join(format!("node-backup-{}", self.clock.now_ms()));
                let made = self.node.backup(&to, rate).await?;
                let told = json!({
                    "folder": to.display().to_string(), "linked": made.linked, "copied": made.copied,
                    "bytes": made.bytes, "last_lsn": made.last_lsn,
                });
                (told, false)
            }
        })
    }

    /// What compaction has done.
    pub(crate) fn counts(&self) -> CareCounts {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        CareCounts {
            volumes: read(&self.counts.volumes),
            freed_bytes: read(&self.counts.freed_bytes),
            moved_bytes: read(&self.counts.moved_bytes),
            damaged_volumes: read(&self.counts.damaged),
            copy: self.shipper.counts(),
        }
    }

    fn state(&self) -> Result<NodeState, NodeFault> {
        let node = &self.node;
        let stats = node.stats();
        let volumes = node.volumes().map_err(failed)?;
        let shown = |it: storage_node::VolumeUse| VolumeState {
            number: it.number,
            bytes: it.bytes,
            garbage_bytes: it.garbage_bytes,
            is_active: it.is_active,
            disk: it.disk,
        };
        let disk = |it: storage_node::DiskUse| DiskState {
            path: it.path,
            volumes: it.volumes,
            bytes: it.bytes,
            garbage_bytes: it.garbage_bytes,
            free_bytes: it.free_bytes,
            drains: it.drains,
            has_failed: it.has_failed,
        };
        Ok(NodeState {
            disks: stats.disks.into_iter().map(disk).collect(),
            volumes: volumes.into_iter().map(shown).collect(),
            log_bytes: stats.log_bytes,
            garbage_bytes: stats.garbage_bytes,
            last_lsn: stats.last_lsn,
            durable_lsn: stats.durable_lsn,
            read_only: stats.read_only,
            damaged_objects: stats.damaged,
            id: node.id(),
            copy: self.shipper.state(),
            damage: stats.damage,
        })
    }
}

/// Its numbers among the metrics.
pub(crate) fn readings(counts: CareCounts, stats: &NodeStats) -> Vec<Reading> {
    let mut readings = counts.copy.map_or_else(Vec::new, super::ship::readings);
    readings.extend([
        Reading::counter(
            "node_compacted_volumes",
            "Volumes that compaction has removed",
            counts.volumes,
        ),
        Reading::counter(
            "node_compacted_freed_bytes",
            "Bytes of volumes that compaction has removed",
            counts.freed_bytes,
        ),
        Reading::counter(
            "node_compacted_moved_bytes",
            "Bytes that compaction has written anew",
            counts.moved_bytes,
        ),
        Reading::gauge(
            "node_compaction_damaged_volumes",
            "Volumes that cannot be compacted, since something in them cannot be read",
            counts.damaged_volumes,
        ),
        Reading::gauge(
            "node_damaged_objects",
            "Damaged objects that the last scrub found",
            stats.damaged,
        ),
    ]);
    readings.extend(stats.disks.iter().flat_map(of_disk));
    readings
}

/// Of one disk.
fn of_disk(disk: &DiskUse) -> Vec<Reading> {
    let mut readings = vec![
        Reading::gauge(
            "node_disk_bytes",
            "Bytes of the volumes on a disk of the object node",
            disk.bytes,
        ),
        Reading::gauge(
            "node_disk_left_bytes",
            "Bytes on a disk that is to be emptied",
            if disk.drains { disk.left_bytes() } else { 0 },
        ),
        Reading::gauge(
            "node_disk_failed",
            "1 once a write or flush on a disk has failed, until the node starts again",
            u64::from(disk.has_failed),
        ),
    ];
    if let Some(free) = disk.free_bytes {
        readings.push(Reading::gauge(
            "node_disk_free_bytes",
            "Bytes that the file system of a disk has left",
            free,
        ));
    }
    let named = |reading: Reading| reading.of("disk", &disk.path);
    readings.into_iter().map(named).collect()
}

/// What the admin side asks. A task holds what it works with, so that it goes on when the request is answered.
#[derive(Debug)]
pub(crate) struct Care(pub(crate) Arc<Caretaker>);

impl NodeCare for Care {
    fn state(&self) -> BoxFuture<'_, Result<NodeState, NodeFault>> {
        Box::pin(std::future::ready(self.0.state()))
    }

    fn usage(&self) -> BoxFuture<'_, Result<Vec<BucketHolds>, NodeFault>> {
        Box::pin(async move {
            let usage = self.0.node.usage().await.map_err(failed)?;
            let shown = |it: storage_node::BucketUse| BucketHolds {
                bucket: it.bucket,
                objects: it.objects,
                versions: it.versions,
                markers: it.markers,
                bytes: it.bytes,
                uploads: it.uploads,
                upload_bytes: it.upload_bytes,
            };
            Ok(usage.buckets.into_iter().map(shown).collect())
        })
    }

    fn begin(&self, task: NodeTask) -> BoxFuture<'_, Result<TaskState, NodeFault>> {
        Box::pin(async move {
            let began = self.0.enter(task.kind)?;
            let (caretaker, state) = (Arc::clone(&self.0), began.clone());
            tokio::spawn(async move { caretaker.carry_out(task, state).await });
            Ok(began)
        })
    }

    fn tasks(&self) -> BoxFuture<'_, Result<Vec<TaskState>, NodeFault>> {
        let tasks = self.0.tasks.lock().values().cloned().collect();
        Box::pin(std::future::ready(Ok(tasks)))
    }

    fn set_read_only(&self, read_only: bool) -> BoxFuture<'_, Result<(), NodeFault>> {
        self.0.node.set_read_only(read_only);
        Box::pin(std::future::ready(Ok(())))
    }

    fn deleted<'a>(
        &'a self,
        bucket: BucketId,
        prefix: &'a str,
    ) -> BoxFuture<'a, Result<Vec<DeletedObject>, NodeFault>> {
        Box::pin(async move {
            let found = self.0.node.deleted(bucket, prefix, Rate(None)).await;
            Ok(found.map_err(failed)?.iter().map(shown).collect())
        })
    }

    fn undelete(
        &self,
        bucket: BucketId,
        wanted: Vec<DeletedObject>,
    ) -> BoxFuture<'_, Result<Vec<Revived>, NodeFault>> {
        Box::pin(async move {
            let prefix = common_prefix(&wanted);
            let found = self.0.node.deleted(bucket, prefix, Rate(None)).await;
            let found = found.map_err(failed)?;
            let mut asked = Vec::with_capacity(wanted.len());
            for one in &wanted {
                let what = found.iter().find(|it| shown(it) == *one).cloned();
                let what = what.ok_or_else(|| {
                    NodeFault::NotThere(format!("`{}` is kept no longer", one.key))
                })?;
                asked.push(Undelete { what, to: None });
            }
            let answers = self.0.node.undelete(asked, Rate(None)).await;
            let answers = answers.map_err(failed)?;
            let told = |(one, answer): (DeletedObject, Result<Option<_>, NodeError>)| {
                let (version, refused) = match answer {
                    Ok(version) => (version, None),
                    Err(error) => (None, Some(S3Error::from(error).message)),
                };
                Revived {
                    key: one.key,
                    version: version.map(|it: s3_protocol::VersionId| it.to_string()),
                    refused: refused.map(Into::into),
                }
            };
            Ok(wanted.into_iter().zip(answers).map(told).collect())
        })
    }
}

impl Counts {
    fn add(&self, done: Compacted) {
        let counts = [
            (&self.volumes, done.volumes),
            (&self.freed_bytes, done.freed_bytes),
            (&self.moved_bytes, done.moved_bytes),
        ];
        for (counter, by) in counts {
            counter.fetch_add(by, Ordering::Relaxed);
        }
        self.damaged.store(done.damaged, Ordering::Relaxed);
        if done.volumes > 0 {
            let (volumes, freed, moved) = (done.volumes, done.freed_bytes, done.moved_bytes);
            tracing::info!(volumes, freed, moved, "volumes were compacted");
        }
    }
}

fn shown(deleted: &Deleted) -> DeletedObject {
    DeletedObject {
        key: deleted.key.as_str().to_owned(),
        version: deleted.version.to_string(),
        size: deleted.size,
        etag: deleted.etag.as_ref().map(ToString::to_string),
        written: UnixMillis(deleted.written_ms),
        ended: UnixMillis(deleted.ended_ms),
        is_overwritten: deleted.ending == Ending::Overwritten,
    }
}

/// What all keys begin with.
fn common_prefix(wanted: &[DeletedObject]) -> &str {
    let mut keys = wanted.iter().map(|it| it.key.as_str());
    let Some(first) = keys.next() else { return "" };
    keys.fold(first, |prefix, key| {
        let same = prefix.char_indices().zip(key.chars());
        let end = same.take_while(|((_, one), other)| one == other).last();
        let end = end.map_or(0, |((at, last), _)| at + last.len_utf8());
        prefix.get(..end).unwrap_or_default()
    })
}

fn failed(error: NodeError) -> NodeFault {
    match error {
        NodeError::NotThere(what) => NodeFault::NotThere(what),
        error => NodeFault::Node(error.to_string()),
    }
}

fn compacted(done: Compacted) -> Value {
    json!({
        "volumes": done.volumes, "freed_bytes": done.freed_bytes, "moved_bytes": done.moved_bytes,
        "damaged_volumes": done.damaged,
    })
}

fn scrubbed(found: &Scrubbed) -> Value {
    let flaw = |it: &storage_node::Damage| json!({ "volume": it.volume, "from": it.bytes.0, "to": it.bytes.1, "what": it.what });
    let object = |it: &storage_node::DamagedObject| {
        let lost = match it.harm {
            storage_node::Harm::Payload => "payload",
            storage_node::Harm::Record => "record",
        };
        json!({
            "bucket": it.bucket.to_string(), "key": it.key, "version": it.version.map(|it| it.to_string()),
            "volume": it.volume, "offset": it.offset, "lost": lost,
        })
    };
    let objects = found.objects.len() as u64 + found.more_objects;
    json!({
        "volumes": found.volumes, "records": found.records, "bytes": found.bytes,
        "flaws": found.flaws.iter().take(TOLD_MAX).map(flaw).collect::<Vec<_>>(),
        "damaged_objects": objects,
        "objects": found.objects.iter().take(TOLD_MAX).map(object).collect::<Vec<_>>(),
    })
}

fn verified(found: &Verified) -> Value {
    let fault = |it: &storage_node::RowFault| {
        json!({
            "table": it.table, "bucket": it.bucket.map(|it| it.to_string()), "key": it.key,
            "volume": it.volume, "offset": it.offset, "what": it.what,
        })
    };
    let miscount = |it: &storage_node::Miscount| {
        json!({
            "bucket": it.bucket.to_string(),
            "objects": { "kept": it.objects.0, "found": it.objects.1 },
            "bytes": { "kept": it.bytes.0, "found": it.bytes.1 },
        })
    };
    let faults = found.faults.len() as u64 + found.more_faults;
    json!({
        "sound": found.is_sound(), "rows": found.rows, "bytes": found.bytes,
        "row_faults": faults,
        "rows_at_fault": found.faults.iter().take(TOLD_MAX).map(fault).collect::<Vec<_>>(),
        "miscounted": found.miscounted.iter().take(TOLD_MAX).map(miscount).collect::<Vec<_>>(),
        "unsettled_buckets": found.unsettled, "orphans": found.orphans,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_searched_begins_as_all_that_is_wanted() {
        let one = |key: &str| DeletedObject {
            key: key.to_owned(),
            version: "null".to_owned(),
            size: 0,
            etag: None,
            written: UnixMillis(0),
            ended: UnixMillis(0),
            is_overwritten: false,
        };
        assert_eq!(common_prefix(&[]), "");
        assert_eq!(common_prefix(&[one("a/b")]), "a/b");
        assert_eq!(common_prefix(&[one("a/bü"), one("a/bö"), one("a/c")]), "a/");
        assert_eq!(common_prefix(&[one("a"), one("b")]), "");
        assert_eq!(common_prefix(&[one("ü1"), one("ü2")]), "ü");
    }
}
