//! Rebuilding the index of a node that is not open, from its volumes alone. The old one stays until the new one stands.

use super::{Replay, at, index_error, index_path, io_at, lock, lock_all, survey};
use crate::disks::{self, Purpose};
use crate::error::OpenError;
use crate::index::Index;
use crate::log::Position;
use crate::node::Settings;
use crate::volume::set::VolumeSet;
use crate::volume::sync_parent;

/// What a rebuilt index holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rebuilt {
    /// Buckets.
    pub buckets: u64,
    /// Objects, versions and markers.
    pub objects: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Log sequence number of the last record.
    pub last_lsn: u64,
    /// Damage that was put aside, in words: what stood there is not in the index.
    pub damage: Vec<String>,
}

/// Builds the index anew beside the one that is there, and puts it in its place.
pub(crate) fn rebuild(settings: &Settings) -> Result<Rebuilt, OpenError> {
    let own = lock(&settings.dir)?;
    let disks = disks::open(settings, Purpose::Rebuild)?;
    let locks = lock_all(own, &disks)?;
    disks.make_folders().map_err(at)?;
    let survey = survey::survey(&disks)?;
    let Some(node) = survey.node else {
        return Err(OpenError::Index(format!(
            "`{}` has no volumes to build one from",
            settings.dir.display()
        )));
    };
    let volumes = VolumeSet::default();
    survey.volumes.iter().for_each(|volume| volumes.add(volume));
    if let Some(last) = survey.volumes.last() {
        let disk = last.flush_all().and_then(|()| last.forget_cached());
        disk.map_err(io_at(&last.path))?;
    }
    let path = index_path(settings);
    let fresh = path.with_extension("new");
    remove(&fresh)?;
    let rebuilt = fill(settings, &volumes, node, &fresh);
    if rebuilt.is_err() {
        // The old one is as it was; what was begun beside it is of no use.
        remove(&fresh)?;
    }
    let rebuilt = rebuilt?;
    // A crash between the two leaves none, and a start without one builds it.
    let old = path.with_extension("old");
    if path.exists() {
        std::fs::rename(&path, &old).map_err(io_at(&path))?;
    }
    std::fs::rename(&fresh, &path).map_err(io_at(&fresh))?;
    sync_parent(&path, &settings.log_faults).map_err(io_at(&path))?;
    remove(&old)?;
    // A folder that had nothing of the node is the node's own from now on.
    disks.settle(node).map_err(at)?;
    drop(locks);
    Ok(rebuilt)
}

fn fill(
    settings: &Settings,
    volumes: &VolumeSet,
    node: u128,
    path: &std::path::Path,
) -> Result<Rebuilt, OpenError> {
    let faults = settings.faults.clone();
    let index = Index::open(path, settings.index_cache_bytes, faults).map_err(index_error)?;
    let mut replay = Replay {
        index,
        settings,
        volumes,
        node,
    };
    let brought = replay.up_to(Position::default(), None)?;
    let totals = brought.store.view().totals().map_err(index_error)?;
    Ok(Rebuilt {
        buckets: totals.buckets,
        objects: totals.objects,
        bytes: totals.bytes,
        last_lsn: brought.end.lsn,
        damage: brought.damage,
    })
}

fn remove(path: &std::path::Path) -> Result<(), OpenError> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(io_at(path)(error)),
        Ok(()) | Err(_) => Ok(()),
    }
}
