//! Opening: the volumes are the truth, the index is brought up to them, and the end of the log is told from damage.
//!
//! A bad last round is a torn tail: its flush never returned, nobody was told of it, and it is left out. A bad round with a
//! valid later one is damage: what can be followed is put aside and reported, what cannot refuses to open. Lengths are
//! followed, never searched; the search for a later round only ever turns a silent cut into an error.

mod rebuild;
pub(crate) mod scan;
mod survey;
mod uncut;

pub use rebuild::Rebuilt;
pub(crate) use rebuild::rebuild;
pub(crate) use survey::node_of;

use std::fs::File;
use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use crate::disks::{self, Disks, Purpose};
use crate::effects::Pending;
use crate::error::{NodeError, OpenError};
use crate::index::{Batch, Checkpoint, Index};
use crate::keys::Attempt;
use crate::log::spare::{Need, Spare};
use crate::log::{Log, Position, fresh_salt};
use crate::node::Settings;
use crate::overlay::Store;
use crate::recovery::scan::{Scan, Scanned};
use crate::volume::set::VolumeSet;
use crate::volume::{self, HEAD_BYTES, Volume, VolumeHead};
use crate::writer::emptied;

/// A node brought up to its log.
pub(crate) struct Recovered {
    pub(crate) node: u128,
    pub(crate) index: Index,
    pub(crate) store: Arc<Store>,
    pub(crate) volumes: Arc<VolumeSet>,
    pub(crate) spare: Arc<Spare>,
    pub(crate) log: Log,
    /// Payloads that had begun when the node last ended, and that nobody will finish.
    pub(crate) orphans: Vec<Attempt>,
    /// Damage that was put aside, in words.
    pub(crate) damage: Vec<String>,
    /// Held as long as the node lives: one of each disk.
    pub(crate) locks: Vec<File>,
}

/// Opens everything in `settings.dir`.
pub(crate) fn open(settings: &Settings) -> Result<Recovered, OpenError> {
    std::fs::create_dir_all(&settings.dir).map_err(io_at(&settings.dir))?;
    // The names of the folders too must outlive a power cut.
    volume::sync_parent(&settings.dir, &settings.log_faults).map_err(io_at(&settings.dir))?;
    let own = lock(&settings.dir)?;
    let disks = Arc::new(disks::open(settings, Purpose::Open)?);
    let locks = lock_all(own, &disks)?;
    disks.make_folders().map_err(at)?;
    let survey = survey::survey(&disks)?;
    let volumes = Arc::new(VolumeSet::default());
    survey.volumes.iter().for_each(|volume| volumes.add(volume));
    if let Some(last) = survey.volumes.last() {
        // What the page cache holds may be more than the disk has: flush it, drop it, and believe what is read then.
        let disk = last.flush_all().and_then(|()| last.forget_cached());
        disk.map_err(io_at(&last.path))?;
    }
    let (index, checkpoint) = open_index(settings, &survey.volumes)?;
    let node = survey
        .node
        .unwrap_or_else(|| uuid::Uuid::new_v4().as_u128());
    disks.settle(node).map_err(at)?;

    let mut replay = Replay {
        index,
        settings,
        volumes: &volumes,
        node,
    };
    let brought = match replay.up(checkpoint.applied) {
        Ok(brought) if brought.end.lsn >= checkpoint.applied.lsn => brought,
        unusable => {
            let why = match unusable {
                Ok(_) => "it knows more than the volumes hold".to_owned(),
                // It opened, and something in it cannot be read: what it says of its own tables, or a row.
                Err(OpenError::Index(why)) => why,
                Err(other) => return Err(other),
            };
            tracing::warn!(%why, "the index is rebuilt from the volumes");
            replay.index = fresh_index(settings, replay.index)?;
            replay.up(Position::default())?
        }
    };
    clear_emptied(&brought.store, &volumes)?;
    uncut::mend(&disks, &volumes).map_err(at)?;
    disks.note_empty(&volumes).map_err(at)?;
    let log = begin_log((settings, &disks), &volumes, (node, brought.end))?;
    let (log, spare) = log;
    let orphans = brought.store.view().open_attempts().map_err(index_error)?;
    Ok(Recovered {
        node,
        index: replay.index,
        store: Arc::new(brought.store),
        volumes,
        spare,
        log,
        orphans,
        damage: brought.damage,
        locks,
    })
}

/// Removes the files of volumes that were emptied when the node last ended: the checkpoint of just now does not point into them.
fn clear_emptied(store: &Store, volumes: &VolumeSet) -> Result<(), OpenError> {
    for number in emptied(&Pending::new(store)).map_err(index_error)? {
        let Ok(volume) = volumes.get(number) else {
            continue;
        };
        volume::remove(&volume.path, &volume.disk.faults).map_err(io_at(&volume.path))?;
        volumes.remove(number);
    }
    Ok(())
}

/// Brings an index up to the log, or up to one LSN of it.
pub(crate) struct Replay<'a> {
    pub(crate) index: Index,
    pub(crate) settings: &'a Settings,
    pub(crate) volumes: &'a VolumeSet,
    pub(crate) node: u128,
}

/// What a replay found.
pub(crate) struct Brought {
    pub(crate) store: Store,
    pub(crate) end: Position,
    pub(crate) damage: Vec<String>,
}

impl Replay<'_> {
    fn up(&mut self, from: Position) -> Result<Brought, OpenError> {
        self.up_to(from, None)
    }

    /// Replays what comes after `from`, up to the record `until`, and makes it durable.
    pub(crate) fn up_to(
        &mut self,
        from: Position,
        until: Option<u64>,
    ) -> Result<Brought, OpenError> {
        let volumes = self.volumes.all();
        let uuids: Vec<(u32, u128)> = volumes
            .iter()
            .map(|volume| (volume.head.number, volume.head.volume))
            .collect();
        // An empty batch makes the tables, so that there is a view of a new index.
        self.move_in(
            &crate::overlay::Layer::default(),
            from,
            &uuids,
            from.lsn == 0,
        )?;
        let view = self.index.view().map_err(index_error)?;
        let store = Store::new(view, from, self.settings.overlay_bytes);
        let mut scan = Scan::new(volumes, from, until);
        let mut damage = Vec::new();
        while let Scanned::Round(round) = scan.next()? {
            let mut pending = Pending::at(&store, round.time_ms());
            for record in round.records() {
                pending
                    .apply(&record.as_rows_see_it())
                    .map_err(index_error)?;
            }
            pending.layer.waste(round.after().volume, round.beside());
            damage.extend(round.damage().map(str::to_owned));
            store.publish(pending.layer, round.after(), Instant::now());
            if store.bytes() > self.settings.overlay_bytes / 2 {
                self.settle(&store, &uuids, false)?;
            }
        }
        if from.lsn == 0 {
            // Records and their counts may be gone with the volumes that compaction emptied: what stands is counted.
            self.settle(&store, &uuids, false)?;
            self.index.recount().map_err(index_error)?;
            if until.is_none() {
                // In a node that is open an upload may be under way, whose beginning compaction has moved: it is no orphan.
                self.index.bury_orphans().map_err(index_error)?;
            }
            store.refresh(self.index.view().map_err(index_error)?);
        }
        self.settle(&store, &uuids, true)?;
        let emptied = emptied(&Pending::new(&store)).map_err(index_error)?;
        // A walk that ends early has not met the record that says so.
        let lost = scan.gaps().iter().find(|gap| !emptied.contains(gap));
        if let (Some(lost), None) = (lost, until) {
            return Err(OpenError::Damaged {
                volume: *lost,
                offset: 0,
                what: "it is missing, and the log does not say that it was emptied".to_owned(),
            });
        }
        for words in &damage {
            tracing::error!("damage put aside: {words}");
        }
        Ok(Brought {
            store,
            end: scan.position(),
            damage,
        })
    }

    fn settle(
        &mut self,
        store: &Store,
        uuids: &[(u32, u128)],
        durable: bool,
    ) -> Result<(), OpenError> {
        let frozen = store.freeze();
        self.move_in(&frozen.layer, frozen.position, uuids, durable)?;
        store.thaw(self.index.view().map_err(index_error)?);
        Ok(())
    }

    fn move_in(
        &mut self,
        layer: &crate::overlay::Layer,
        position: Position,
        volumes: &[(u32, u128)],
        durable: bool,
    ) -> Result<(), OpenError> {
        let batch = Batch {
            position,
            node: self.node,
            volumes,
            durable,
        };
        self.index.apply(layer, &batch).map_err(index_error)
    }
}

fn lock(dir: &Path) -> Result<File, OpenError> {
    let locked = disks::lock(dir).map_err(io_at(&dir.join("lock")))?;
    locked.ok_or_else(|| OpenError::InUse(dir.to_owned()))
}

/// The locks of all disks; the first is that of the node's own folder.
fn lock_all(own: File, disks: &Disks) -> Result<Vec<File>, OpenError> {
    let mut locks = vec![own];
    for disk in disks.all().iter().skip(1) {
        locks.push(lock(disk.path())?);
    }
    Ok(locks)
}

fn index_path(settings: &Settings) -> PathBuf {
    settings.dir.join("index.redb")
}

/// Opens the index if it belongs to these volumes, else makes a new one.
fn open_index(
    settings: &Settings,
    volumes: &[Arc<Volume>],
) -> Result<(Index, Checkpoint), OpenError> {
    let path = index_path(settings);
    // redb may panic on a file that was tampered with; for us that is an index to be rebuilt, like any other fault.
    let opened = std::panic::catch_unwind(AssertUnwindSafe(|| {
        let index = Index::open(&path, settings.index_cache_bytes, settings.faults.clone())?;
        let checkpoint = index.checkpoint()?;
        Ok::<_, NodeError>((index, checkpoint))
    }));
    let why = match opened {
        Ok(Ok((index, Some(checkpoint)))) => match stale(&checkpoint, volumes) {
            None => return Ok((index, checkpoint)),
            Some(why) => why.to_owned(),
        },
        Ok(Ok((index, None))) => return Ok((index, Checkpoint::default())),
        Ok(Err(error)) => error.to_string(),
        Err(_) => "it cannot be read".to_owned(),
    };
    tracing::warn!(%why, "the index is rebuilt from the volumes");
    remove_index(settings)?;
    let index = Index::open(&path, settings.index_cache_bytes, settings.faults.clone());
    Ok((index.map_err(index_error)?, Checkpoint::default()))
}

fn fresh_index(settings: &Settings, old: Index) -> Result<Index, OpenError> {
    drop(old);
    remove_index(settings)?;
    Index::open(
        &index_path(settings),
        settings.index_cache_bytes,
        settings.faults.clone(),
    )
    .map_err(index_error)
}

fn remove_index(settings: &Settings) -> Result<(), OpenError> {
    let path = index_path(settings);
    volume::remove(&path, &settings.faults).map_err(io_at(&path))
}

/// Why an index does not belong to these volumes.
fn stale(checkpoint: &Checkpoint, volumes: &[Arc<Volume>]) -> Option<&'static str> {
    let there = |(number, uuid): &(u32, u128)| {
        checkpoint.emptied.contains(number)
            || volumes
                .iter()
                .any(|volume| volume.head.number == *number && volume.head.volume == *uuid)
    };
    if volumes
        .iter()
        .any(|volume| volume.head.node != checkpoint.node)
    {
        return Some("it is another node's");
    }
    if !checkpoint.volumes.iter().all(there) {
        return Some("a volume that it points into is missing");
    }
    None
}

/// Cuts the torn tail off and begins a new volume.
fn begin_log(
    (settings, disks): (&Settings, &Arc<Disks>),
    volumes: &Arc<VolumeSet>,
    (node, mut end): (u128, Position),
) -> Result<(Log, Arc<Spare>), OpenError> {
    let last = volumes.last();
    if let Some(last) = &last {
        let cut = last
            .cut(end.offset.max(HEAD_BYTES))
            .and_then(|()| last.flush_all());
        cut.map_err(io_at(&last.path))?;
    }
    let before = last.map_or(0, |last| last.head.number);
    let head = VolumeHead {
        node,
        volume: uuid::Uuid::new_v4().as_u128(),
        number: before + 1,
        salt: fresh_salt().map_err(index_error)?,
        first_lsn: end.lsn + 1,
        first_round: end.round + 1,
        before: end.sum,
        created_ms: (settings.clock)(),
    };
    let spare = Arc::new(Spare::new(Arc::clone(disks), before, settings.volume_bytes));
    // Without the space the volume grows as it is written, and writes are refused at the reserve.
    spare.prepare();
    let volume = spare.take(head, Need::Nothing);
    let volume = volume.map_err(|error| OpenError::Io {
        path: settings.dir.clone(),
        source: std::io::Error::other(error),
    })?;
    volumes.add(&volume);
    end.volume = head.number;
    end.offset = HEAD_BYTES;
    spare.prepare();
    let log = Log::new(node, volume, end, Arc::clone(volumes), Arc::clone(&spare));
    Ok((log, spare))
}

fn at((path, source): (PathBuf, std::io::Error)) -> OpenError {
    OpenError::Io { path, source }
}

pub(crate) fn io_at(path: &Path) -> impl Fn(std::io::Error) -> OpenError + '_ {
    move |source| OpenError::Io {
        path: path.to_owned(),
        source,
    }
}

#[expect(clippy::needless_pass_by_value, reason = "it stands in map_err")]
fn index_error(error: NodeError) -> OpenError {
    OpenError::Index(error.to_string())
}
