//! The disks of a node: folders in which its volumes live. The node's own folder is the first of them, and the only one unless its
//! options name others.
//!
//! Each has a file that says whose it is and which others there are, so that a folder without a disk mounted is never taken for an empty
//! disk, nor a disk of another node for one of ours. A node that has its own folder alone has no such file, and needs none.

mod admission;
mod member;

use std::fs::{DirBuilder, File};
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

pub(crate) use admission::{Purpose, open};

use crate::faults::Faults;
use crate::options::{FreeBytes, NodeDisk};
use crate::volume;
use crate::volume::set::VolumeSet;
use member::Members;

/// A disk as it is used.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DiskUse {
    /// The folder.
    pub path: String,
    /// Volumes on it.
    pub volumes: u64,
    /// Bytes of these.
    pub bytes: u64,
    /// Bytes of them that nothing refers to.
    pub garbage_bytes: u64,
    /// Bytes that its file system has left, where it says so.
    pub free_bytes: Option<u64>,
    /// Whether it takes no new volumes, and compaction moves off it what stands there.
    pub drains: bool,
    /// Whether a write or flush on it failed since the node was opened: new volumes go elsewhere as long as there is room.
    pub has_failed: bool,
}

impl DiskUse {
    /// Bytes on it that are to be moved before it is empty.
    pub const fn left_bytes(&self) -> u64 {
        self.bytes.saturating_sub(self.garbage_bytes)
    }
}

/// A disk that is open.
pub(crate) struct OpenDisk {
    /// What its file calls it.
    id: u128,
    path: PathBuf,
    /// The folder of its volumes.
    pub(crate) volumes: PathBuf,
    pub(crate) faults: Faults,
    pub(crate) drains: bool,
    free: FreeBytes,
    /// Less than the reserve is left.
    low: AtomicBool,
    /// A write or flush failed.
    failed: AtomicBool,
    /// What failed could not be cut off: nothing is written there any more.
    stuck: AtomicBool,
}

impl OpenDisk {
    pub(crate) fn new(id: u128, settings: NodeDisk) -> Self {
        let NodeDisk {
            path,
            drain,
            free_bytes,
            faults,
        } = settings;
        let free = free_bytes.unwrap_or_else(|| free_bytes_of(path.clone()));
        Self {
            id,
            volumes: path.join("volumes"),
            path,
            faults,
            drains: drain,
            free,
            low: AtomicBool::new(false),
            failed: AtomicBool::new(false),
            stuck: AtomicBool::new(false),
        }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The file of a volume.
    pub(crate) fn file(&self, number: u32) -> PathBuf {
        self.volumes.join(volume::file_name(number))
    }

    pub(crate) fn free_bytes(&self) -> u64 {
        (self.free)().unwrap_or(u64::MAX)
    }

    /// A write or flush failed: others are asked first from now on.
    pub(crate) fn fail(&self) {
        self.failed.store(true, Ordering::Relaxed);
    }

    pub(crate) fn has_failed(&self) -> bool {
        self.failed.load(Ordering::Relaxed)
    }

    /// Whether volumes may begin on it.
    fn is_open_to_writes(&self) -> bool {
        !self.drains && !self.stuck.load(Ordering::Relaxed)
    }

    fn is_low(&self) -> bool {
        self.low.load(Ordering::Relaxed)
    }
}

impl std::fmt::Debug for OpenDisk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut told = f.debug_struct("OpenDisk");
        told.field("path", &self.path).finish_non_exhaustive()
    }
}

/// Asks the file system under a folder.
fn free_bytes_of(path: PathBuf) -> FreeBytes {
    Arc::new(move || {
        let stat = rustix::fs::statvfs(&path).ok()?;
        Some(stat.f_bavail.saturating_mul(stat.f_frsize))
    })
}

/// All disks of a node.
#[derive(Debug)]
pub(crate) struct Disks {
    /// The node's own folder first.
    all: Vec<Arc<OpenDisk>>,
    /// The node, where a file of a disk says so.
    node: Option<u128>,
    reserve_bytes: u64,
    /// What the files say; none where the node has its own folder alone. Guards their writing.
    members: Mutex<Option<Members>>,
    /// Disks that are none of the node's yet: their files are made before a volume is.
    joining: Vec<u128>,
}

impl Disks {
    /// The node's own folder alone.
    pub(crate) fn single(home: NodeDisk, reserve_bytes: u64) -> Self {
        Self {
            all: vec![Arc::new(OpenDisk::new(0, home))],
            node: None,
            reserve_bytes,
            members: Mutex::new(None),
            joining: Vec::new(),
        }
    }

    pub(crate) fn all(&self) -> &[Arc<OpenDisk>] {
        &self.all
    }

    /// Which of them it is.
    pub(crate) fn position(&self, disk: &Arc<OpenDisk>) -> usize {
        let mut all = self.all.iter();
        all.position(|it| Arc::ptr_eq(it, disk)).unwrap_or(0)
    }

    /// The node, where a file of a disk says so.
    pub(crate) fn node(&self) -> Option<u128> {
        self.node
    }

    /// Makes the folders of the volumes, whose names outlive a power cut. They are nobody else's to read.
    pub(crate) fn make_folders(&self) -> Result<(), (PathBuf, io::Error)> {
        for disk in &self.all {
            let mut private = DirBuilder::new();
            private.recursive(true).mode(0o700);
            let made = private.create(&disk.volumes);
            let made = made.and_then(|()| volume::sync_parent(&disk.volumes, &disk.faults));
            made.map_err(|error| (disk.volumes.clone(), error))?;
        }
        Ok(())
    }

    /// Disks that take new volumes, with what they have above the reserve: the one with the most room first, and last what has failed.
    pub(crate) fn by_room(&self) -> Vec<(Arc<OpenDisk>, u64)> {
        let open = self.all.iter().filter(|disk| disk.is_open_to_writes());
        let room = |disk: &Arc<OpenDisk>| {
            let room = disk.free_bytes().saturating_sub(self.reserve_bytes);
            (Arc::clone(disk), room)
        };
        let mut disks: Vec<_> = open.map(room).collect();
        disks.sort_by_key(|(disk, room)| (disk.has_failed(), std::cmp::Reverse(*room)));
        disks
    }

    /// Looks at the free space; whether no disk has any above its reserve.
    pub(crate) fn look(&self) -> bool {
        for disk in &self.all {
            let free = disk.free_bytes();
            let low = free < self.reserve_bytes;
            if disk.low.swap(low, Ordering::Relaxed) != low {
                let (path, reserve) = (disk.path.display(), self.reserve_bytes);
                tracing::warn!(disk = %path, free, reserve, low, "free space against the reserve");
            }
        }
        let mut open = self.all.iter().filter(|disk| disk.is_open_to_writes());
        open.all(|disk| disk.is_low())
    }

    /// Whether a disk is at its reserve and another is not.
    pub(crate) fn is_better_elsewhere(&self, than: &Arc<OpenDisk>) -> bool {
        let is_better =
            |disk: &Arc<OpenDisk>| disk.is_open_to_writes() && !disk.is_low() && !disk.has_failed();
        than.is_low() && self.all.iter().any(is_better)
    }

    /// What failed at the end of a volume could not be cut off. Whether the node goes on on another disk: the volume that begins there
    /// says where this one ends, and it is noted that it must stay for that.
    pub(crate) fn go_on_without(&self, disk: &Arc<OpenDisk>, volume: u32) -> bool {
        disk.stuck.store(true, Ordering::Relaxed);
        if !self.all.iter().any(|disk| disk.is_open_to_writes()) {
            return false;
        }
        let mut members = self.members.lock();
        let Some(members) = members.as_mut() else {
            return false;
        };
        members.uncut.push(volume);
        members.generation += 1;
        match self.write(members) {
            Ok(()) => true,
            Err((path, error)) => {
                tracing::error!(path = %path.display(), %error, "a volume that was not cut off could not be noted");
                false
            }
        }
    }

    /// Volumes that something may stand behind that never was.
    pub(crate) fn uncut(&self) -> Vec<u32> {
        let members = self.members.lock();
        members
            .as_ref()
            .map_or_else(Vec::new, |it| it.uncut.clone())
    }

    /// Whether the volume before one was not cut: this one says where that ends.
    pub(crate) fn is_after_uncut(&self, number: u32) -> bool {
        self.uncut().iter().any(|before| before + 1 == number)
    }

    /// They were cut, or are gone.
    pub(crate) fn forget_uncut(&self, volumes: &[u32]) -> Result<(), (PathBuf, io::Error)> {
        let mut members = self.members.lock();
        let Some(members) = members.as_mut() else {
            return Ok(());
        };
        if volumes.is_empty() {
            return Ok(());
        }
        members.uncut.retain(|number| !volumes.contains(number));
        members.generation += 1;
        self.write(members)
    }

    /// Takes the disks that are new among the node's, and notes which of them may hold volumes. Nothing is written to a volume before.
    pub(crate) fn settle(&self, node: u128) -> Result<(), (PathBuf, io::Error)> {
        let mut members = self.members.lock();
        let Some(members) = members.as_mut() else {
            return Ok(());
        };
        let mut wanted = Members {
            node,
            disks: Vec::new(),
            ..members.clone()
        };
        for disk in &self.all {
            let holds = !disk.drains || has_volumes(&disk.volumes);
            wanted.add(disk.id, holds, &disk.path);
        }
        if !self.joining.is_empty() {
            // Until its own file is there, a new disk holds nothing, and is missed by nobody.
            let mut first = wanted.clone();
            first.generation += 1;
            for member in &mut first.disks {
                member.holds &= !self.joining.contains(&member.id);
            }
            self.write(&first)?;
            wanted.generation = first.generation;
        }
        if wanted != *members || !self.joining.is_empty() {
            wanted.generation += 1;
            *members = wanted;
        }
        self.write(members)
    }

    /// Notes which disks that take nothing new have nothing left: they may go.
    pub(crate) fn note_empty(&self, volumes: &VolumeSet) -> Result<(), (PathBuf, io::Error)> {
        let mut members = self.members.lock();
        let Some(members) = members.as_mut() else {
            return Ok(());
        };
        let there = volumes.with_emptied();
        let mut is_new = false;
        for disk in self.all.iter().filter(|disk| disk.drains) {
            let is_empty = !there.iter().any(|volume| Arc::ptr_eq(&volume.disk, disk));
            let mut all = members.disks.iter_mut();
            let Some(member) = all.find(|member| member.id == disk.id) else {
                continue;
            };
            if is_empty && member.holds {
                tracing::info!(disk = %disk.path.display(), "a disk is empty: it may be taken out of the settings");
                member.holds = false;
                is_new = true;
            }
        }
        if !is_new {
            return Ok(());
        }
        members.generation += 1;
        self.write(members)
    }

    /// Writes the file of each disk that has an older one. The node's own must be written, and those of new disks; a disk that fails is
    /// told of later by the others.
    fn write(&self, members: &Members) -> Result<(), (PathBuf, io::Error)> {
        for (number, disk) in self.all.iter().enumerate() {
            let there = member::read(&disk.path).ok().flatten();
            if there.is_some_and(|(id, there)| id == disk.id && there == *members) {
                continue;
            }
            let written = member::write(&disk.path, &members.encode(disk.id), &disk.faults);
            match written {
                Err(error) if number == 0 || self.joining.contains(&disk.id) => {
                    return Err((disk.path.clone(), error));
                }
                Err(error) => {
                    tracing::warn!(disk = %disk.path.display(), %error, "the file of a disk could not be written");
                }
                Ok(()) => {}
            }
        }
        Ok(())
    }

    /// How each is used.
    pub(crate) fn used(
        &self,
        volumes: &VolumeSet,
        garbage: &std::collections::BTreeMap<u32, u64>,
    ) -> Vec<DiskUse> {
        let there = volumes.with_emptied();
        let used = self.all.iter().map(|disk| {
            let mut found = DiskUse {
                path: disk.path.display().to_string(),
                free_bytes: (disk.free)(),
                drains: disk.drains,
                has_failed: disk.has_failed(),
                ..DiskUse::default()
            };
            for volume in there.iter().filter(|it| Arc::ptr_eq(&it.disk, disk)) {
                let waste = garbage.get(&volume.head.number).copied().unwrap_or(0);
                found.volumes += 1;
                found.bytes += volume.end();
                found.garbage_bytes += waste.min(volume.end());
            }
            found
        });
        used.collect()
    }
}

/// Whether a folder has files of volumes.
fn has_volumes(folder: &Path) -> bool {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    names.any(|name| volume::file_number(&name).is_some())
}

/// Locks a folder against another process, as long as the file is open.
pub(crate) fn lock(folder: &Path) -> io::Result<Option<File>> {
    let mut options = File::options();
    options.create(true).truncate(false).write(true);
    let file = options.open(folder.join("lock"))?;
    Ok(file.try_lock().ok().map(|()| file))
}
