//! The object node: what it holds, and the care that it takes.

use http::StatusCode;
use postern_config::directory::{Actor, Bucket, Command, NodeNote, State as Snapshot};
use postern_config::node::{
    BucketHolds, DeletedObject, DiskState, NodeFault, NodeState, NodeTask, Revived, TaskState,
};
use serde_json::Value;

use super::audit::written;
use super::sentences::refused;
use crate::limits::UNDELETED_MAX;
use crate::shape::shapes;
use crate::{Admin, Problem};

pub(crate) use postern_config::node::TaskKind;

shapes! {
    told
    /// The object node.
    NodeShown {
        /// Bytes of its log.
        log_bytes: u64,
        /// Of them without use.
        garbage_bytes: u64,
        /// Whether writes are refused: the disk is full, a flush failed, or it is set so.
        read_only: bool,
        /// Damaged objects that the last scrub found.
        damaged_objects: u64,
        /// Damage that was found when the node was opened.
        damage: Vec<String>,
        /// Log sequence number of the last flushed record.
        last_lsn: u64,
        /// Log sequence number up to which a restart need not replay.
        durable_lsn: u64,
        /// Its own number, in hexadecimal digits: its copy elsewhere is called so.
        id: String,
        /// The copy elsewhere; null: this machine has the only one.
        copy: Option<CopyShown>,
        /// Its disks, the node's own folder first.
        disks: Vec<DiskShown>,
        /// Its volumes, the oldest first.
        volumes: Vec<VolumeShown>,
        /// The last task of each kind.
        tasks: Vec<TaskShown>,
    }

    told
    /// A copy of the log, off this machine.
    CopyShown {
        /// Where it is.
        place: String,
        /// How long it has lacked something.
        lag_seconds: u64,
        /// Bytes that it lacks.
        lag_bytes: u64,
        /// Why the last attempt failed; null where it did not.
        fault: Option<String>,
    }

    told
    /// A volume of the log.
    VolumeShown {
        /// Its number.
        number: u32,
        /// Bytes of its file.
        bytes: u64,
        /// Of them without use.
        garbage_bytes: u64,
        /// Whether the log still appends to it.
        active: bool,
        /// The folder of the disk that it is on.
        disk: String,
    }

    told
    /// A folder in which volumes of the log are.
    DiskShown {
        /// The folder.
        path: String,
        /// `in use`; `draining`: it is being emptied; `empty`: it may be taken out of the settings; `failed`: a write or flush on it failed.
        state: &'static str,
        /// Volumes on it.
        volumes: u64,
        /// Bytes of these.
        bytes: u64,
        /// Of them without use.
        garbage_bytes: u64,
        /// Bytes on it that are to be moved before it is empty; null where it is not to be emptied.
        left_bytes: Option<u64>,
        /// Bytes that its file system has left; null where it does not say.
        free_bytes: Option<u64>,
    }

    told
    /// A task of the node.
    TaskShown {
        /// What is done.
        task: TaskKind,
        /// `running`, `done` or `failed`.
        state: &'static str,
        /// When it was begun, in UTC.
        began: String,
        /// When it ended; null while it is at work.
        ended: Option<String>,
        /// Whether it found damage: a person is needed.
        alarming: bool,
        /// What it found or did; null until it has ended.
        told: Value,
        /// Why it failed, where it did.
        failed: Option<String>,
    }

    told
    /// What buckets hold, counted row by row.
    NodeUsage {
        /// The buckets, the one with the most bytes first.
        buckets: Vec<BucketUsage>,
        /// Bytes of objects and versions.
        bytes: u64,
        /// Bytes of the log.
        log_bytes: u64,
        /// Of them without use.
        garbage_bytes: u64,
        /// Its disks, the node's own folder first.
        disks: Vec<DiskShown>,
    }

    told
    /// What a bucket holds.
    BucketUsage {
        /// The account's name; null where the directory knows no such bucket.
        tenant: Option<String>,
        /// The name of the bucket's owner.
        owner: Option<String>,
        /// The bucket's name; its number where the directory does not know it.
        bucket: String,
        /// Keys with a current version which is no marker.
        objects: u64,
        /// Versions that are not current.
        versions: u64,
        /// Delete markers.
        markers: u64,
        /// Bytes of objects and versions.
        bytes: u64,
        /// Open uploads.
        uploads: u64,
        /// Bytes of their parts.
        upload_bytes: u64,
    }

    both
    /// An object or version that was deleted or overwritten.
    DeletedShown {
        /// Its key.
        key: String,
        /// The name of its version; `null` where the bucket had no versions.
        version: String,
        /// Its bytes.
        size: u64,
        /// Its entity tag.
        etag: Option<String>,
        /// When it was written, in milliseconds since 1970.
        written: u64,
        /// When it ended, in milliseconds since 1970.
        ended: u64,
        /// Whether another write ended it, and not a deletion.
        overwritten: bool,
    }

    told
    /// What of a bucket can be brought back.
    DeletedPage {
        /// By key, and of each key from the oldest.
        items: Vec<DeletedShown>,
    }

    told
    /// What became of what was to be brought back.
    UndeletedShown {
        /// One for each, in their order.
        items: Vec<RevivedShown>,
        /// How many are back.
        restored: usize,
    }

    told
    /// What became of one object.
    RevivedShown {
        /// Its key.
        key: String,
        /// Its new version, where the bucket has versions.
        version: Option<String>,
        /// Why it is not back; null where it is.
        refused: Option<String>,
    }
}

pub(crate) async fn show(admin: &Admin) -> Result<NodeShown, Problem> {
    let state = admin.node.state().await.map_err(fault)?;
    let NodeState {
        disks,
        volumes,
        log_bytes,
        garbage_bytes,
        last_lsn,
        durable_lsn,
        read_only,
        damaged_objects,
        damage,
        id,
        copy,
    } = state;
    let copy = copy.map(|it| CopyShown {
        place: it.place,
        lag_seconds: it.lag_seconds,
        lag_bytes: it.lag_bytes,
        fault: it.fault,
    });
    let volumes = volumes.into_iter().map(|it| VolumeShown {
        number: it.number,
        bytes: it.bytes,
        garbage_bytes: it.garbage_bytes,
        active: it.is_active,
        disk: disks
            .get(it.disk)
            .map_or_else(String::new, |disk| disk.path.clone()),
    });
    let volumes: Vec<VolumeShown> = volumes.collect();
    let tasks = admin.node.tasks().await.map_err(fault)?;
    Ok(NodeShown {
        log_bytes,
        garbage_bytes,
        read_only,
        damaged_objects,
        damage,
        last_lsn,
        durable_lsn,
        id: format!("{id:032x}"),
        copy,
        disks: disks.into_iter().map(disk).collect(),
        volumes,
        tasks: tasks.into_iter().map(task).collect(),
    })
}

pub(crate) async fn usage(admin: &Admin) -> Result<NodeUsage, Problem> {
    let held = admin.node.usage().await.map_err(fault)?;
    let state = admin.node.state().await.map_err(fault)?;
    let snapshot = admin.directory.state();
    let bytes = held.iter().map(|it| it.bytes).sum();
    let mut buckets: Vec<BucketUsage> = held.iter().map(|it| of_bucket(&snapshot, it)).collect();
    buckets.sort_by_key(|it| std::cmp::Reverse(it.bytes));
    Ok(NodeUsage {
        buckets,
        bytes,
        log_bytes: state.log_bytes,
        garbage_bytes: state.garbage_bytes,
        disks: state.disks.into_iter().map(disk).collect(),
    })
}

fn disk(state: DiskState) -> DiskShown {
    let left = state.bytes.saturating_sub(state.garbage_bytes);
    DiskShown {
        state: state.word(),
        left_bytes: state.drains.then_some(left),
        path: state.path,
        volumes: state.volumes,
        bytes: state.bytes,
        garbage_bytes: state.garbage_bytes,
        free_bytes: state.free_bytes,
    }
}

fn of_bucket(snapshot: &Snapshot, held: &BucketHolds) -> BucketUsage {
    let found = snapshot.bucket_by_id(held.bucket);
    let tenant = found.and_then(|found| snapshot.tenant(found.tenant));
    BucketUsage {
        tenant: tenant.map(|tenant| tenant.name.to_string()),
        owner: found
            .and_then(|found| snapshot.user(found.owner))
            .map(|owner| owner.name.to_string()),
        bucket: found.map_or_else(|| held.bucket.to_string(), |found| found.name.to_string()),
        objects: held.objects,
        versions: held.versions,
        markers: held.markers,
        bytes: held.bytes,
        uploads: held.uploads,
        upload_bytes: held.upload_bytes,
    }
}

/// Begins a task; the audit record is written before it works.
pub(crate) async fn begin(
    admin: &Admin,
    actor: Actor,
    asked: NodeTask,
) -> Result<TaskShown, Problem> {
    let running = |it: &TaskState| it.kind == asked.kind && it.ended.is_none();
    let tasks = admin.node.tasks().await.map_err(fault)?;
    if tasks.iter().any(running) {
        return Err(fault(NodeFault::Busy));
    }
    note(admin, actor, NodeNote::Task(asked.kind)).await?;
    Ok(task(admin.node.begin(asked).await.map_err(fault)?))
}

/// Has writes and deletions refused, or taken again.
pub(crate) async fn set_read_only(
    admin: &Admin,
    actor: Actor,
    read_only: bool,
) -> Result<NodeShown, Problem> {
    note(admin, actor, NodeNote::ReadOnly(read_only)).await?;
    let set = admin.node.set_read_only(read_only).await;
    set.map_err(fault)?;
    show(admin).await
}

/// What of a bucket can be brought back.
pub(crate) async fn deleted(
    admin: &Admin,
    bucket: &Bucket,
    prefix: &str,
) -> Result<DeletedPage, Problem> {
    let found = admin.node.deleted(bucket.id, prefix).await;
    let shown = |it: DeletedObject| DeletedShown {
        key: it.key,
        version: it.version,
        size: it.size,
        etag: it.etag,
        written: it.written.0,
        ended: it.ended.0,
        overwritten: it.is_overwritten,
    };
    let items = found.map_err(fault)?.into_iter().map(shown);
    Ok(DeletedPage {
        items: items.collect(),
    })
}

/// Brings objects back, each under its own key. Where something stands there now it stays, and the answer says so.
pub(crate) async fn undelete(
    admin: &Admin,
    actor: Actor,
    bucket: &Bucket,
    wanted: Vec<DeletedShown>,
) -> Result<UndeletedShown, Problem> {
    if wanted.is_empty() || wanted.len() > UNDELETED_MAX {
        let detail = format!("1 to {UNDELETED_MAX} objects are brought back at a time");
        return Err(Problem::malformed(detail));
    }
    let undelete = NodeNote::Undelete {
        bucket: bucket.id,
        objects: wanted.len(),
    };
    note(admin, actor, undelete).await?;
    let asked = |it: DeletedShown| DeletedObject {
        key: it.key,
        version: it.version,
        size: it.size,
        etag: it.etag,
        written: postern_config::UnixMillis(it.written),
        ended: postern_config::UnixMillis(it.ended),
        is_overwritten: it.overwritten,
    };
    let wanted = wanted.into_iter().map(asked).collect();
    let done = admin.node.undelete(bucket.id, wanted).await;
    let shown = |it: Revived| RevivedShown {
        key: it.key,
        version: it.version,
        refused: it.refused,
    };
    let items: Vec<RevivedShown> = done.map_err(fault)?.into_iter().map(shown).collect();
    let restored = items.iter().filter(|it| it.refused.is_none()).count();
    Ok(UndeletedShown { items, restored })
}

async fn note(admin: &Admin, actor: Actor, note: NodeNote) -> Result<(), Problem> {
    let noted = admin.directory.apply(Command::NoteNode(note), actor).await;
    noted
        .map(drop)
        .map_err(|error| refused("the object node", error))
}

fn task(state: TaskState) -> TaskShown {
    TaskShown {
        task: state.kind,
        state: match (&state.ended, &state.failed) {
            (None, _) => "running",
            (Some(_), None) => "done",
            (Some(_), Some(_)) => "failed",
        },
        began: written(state.began.0),
        ended: state.ended.map(|ended| written(ended.0)),
        alarming: state.is_alarming,
        told: state.told.unwrap_or_default(),
        failed: state.failed,
    }
}

fn fault(fault: NodeFault) -> Problem {
    let detail = fault.to_string();
    match fault {
        NodeFault::Busy => Problem::new(StatusCode::CONFLICT, "busy", detail),
        NodeFault::NotThere(_) => Problem::new(StatusCode::CONFLICT, "not-there", detail),
        NodeFault::Node(_) => Problem::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", detail),
    }
}
