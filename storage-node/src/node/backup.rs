//! A backup of a running node: links of the volumes that are sealed, a copy of the one that is written, and the ring of keys.
//!
//! It is the log as it was flushed at one moment. The index is no part of it: who puts the files in place and opens the node has it
//! built. Compaction removes names and never writes into a sealed volume, so that a link stays what it was.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::Node;
use super::holds::VolumeHold;
use super::pace::{Rate, waiting};
use super::ship::read_flushed;
use crate::crypt::RING_FILE;
use crate::error::NodeError;
use crate::faults::Faults;
use crate::limits::SHIP_BYTES_MAX;
use crate::volume::{self, Volume};

/// What a backup has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Backup {
    /// Volumes that are linked: they take no space as long as the node has them too.
    pub linked: u64,
    /// Volumes that were copied: the one that is written, and all where the folder is on another file system.
    pub copied: u64,
    /// Bytes of both.
    pub bytes: u64,
    /// Every record up to this log sequence number is in it.
    pub last_lsn: u64,
}

impl Node {
    /// Makes a backup in `to`, a folder that is empty or not there, while the node goes on. It holds everything that was acknowledged
    /// before the call. To restore: make the folder the node's, and open it. It may be dropped at any time; what it has made until
    /// then is no backup.
    ///
    /// # Errors
    /// [`NodeError::File`]: the folder is not empty, or cannot be written.
    pub async fn backup(&self, to: &Path, rate: Rate) -> Result<Backup, NodeError> {
        let folder = to.join("volumes");
        let made = folder.clone();
        waiting(move || make_empty(&made).map_err(at(&made))).await?;
        // What is held stays. Every record up to this one is in these volumes, before the ends that are read after it.
        let last_lsn = self.inner.writer.last_lsn.load(Ordering::Acquire);
        let hold = self.hold_volumes();
        let volumes = self.flushed(&hold);
        let mut done = Backup {
            last_lsn,
            ..Backup::default()
        };
        let active = volumes.len().saturating_sub(1);
        let uncut = self.inner.spare.disks().uncut();
        for (number, (volume, end)) in volumes.into_iter().enumerate() {
            let path = folder.join(volume::file_name(volume.head.number));
            let (from, link) = (volume.path.clone(), path.clone());
            // A link would have what stands behind a volume that could not be cut, and nothing that tells it apart.
            let is_uncut = uncut.contains(&volume.head.number);
            let is_linked = number != active
                && !is_uncut
                && waiting(move || link_or_not(&from, &link).map_err(at(&link))).await?;
            done.bytes += end;
            if is_linked {
                done.linked += 1;
            } else {
                copy(volume, end, path, rate).await?;
                done.copied += 1;
            }
        }
        let (keys, there) = (self.inner.settings.dir.join(RING_FILE), to.join(RING_FILE));
        let to = to.to_owned();
        waiting(move || copy_keys(&keys, &there, &folder, &to)).await?;
        drop(hold);
        Ok(done)
    }

    /// The volumes that are held, and how far each is flushed.
    fn flushed(&self, hold: &VolumeHold) -> Vec<(Arc<Volume>, u64)> {
        let mut volumes = self.inner.volumes.with_emptied();
        volumes.retain(|volume| hold.numbers().contains(&volume.head.number));
        let with_end = |volume: Arc<Volume>| {
            let end = volume.end();
            (volume, end)
        };
        volumes.into_iter().map(with_end).collect()
    }
}

fn make_empty(folder: &Path) -> io::Result<()> {
    if let Some(parent) = folder.parent()
        && let Ok(mut entries) = fs::read_dir(parent)
        && entries.next().is_some()
    {
        return Err(io::Error::other("the folder is not empty"));
    }
    fs::create_dir_all(folder)
}

/// Links a file; false where that cannot be.
fn link_or_not(from: &Path, to: &Path) -> io::Result<bool> {
    match fs::hard_link(from, to) {
        Ok(()) => Ok(true),
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::CrossesDevices | io::ErrorKind::Unsupported
            ) || error.kind() == io::ErrorKind::PermissionDenied =>
        {
            Ok(false)
        }
        Err(error) => Err(error),
    }
}

/// Copies a volume up to its flushed end.
async fn copy(volume: Arc<Volume>, end: u64, path: PathBuf, rate: Rate) -> Result<(), NodeError> {
    let mut offset = 0;
    let mut file: Option<File> = None;
    while offset < end {
        let length =
            usize::try_from(end - offset).map_or(SHIP_BYTES_MAX, |left| left.min(SHIP_BYTES_MAX));
        let (from, to, open) = (Arc::clone(&volume), path.clone(), file.take());
        let step = waiting(move || {
            let bytes = read_flushed(&from, offset, length)?;
            let written = write_at(open, &to, &bytes, offset);
            written.map_err(at(&to))
        });
        file = Some(step.await?);
        offset += length as u64;
        rate.spend(length as u64).await;
    }
    waiting(move || {
        let flushed = file.map_or(Ok(()), |file| file.sync_all());
        flushed.map_err(at(&path))
    })
    .await
}

fn write_at(open: Option<File>, path: &Path, bytes: &[u8], offset: u64) -> io::Result<File> {
    let file = match open {
        Some(file) => file,
        None => File::options().write(true).create_new(true).open(path)?,
    };
    file.write_all_at(bytes, offset)?;
    Ok(file)
}

/// Copies the ring, where there is one, and flushes the names of everything.
fn copy_keys(keys: &Path, to: &Path, volumes: &Path, root: &Path) -> Result<(), NodeError> {
    use std::os::unix::fs::OpenOptionsExt as _;
    match fs::read(keys) {
        Ok(bytes) => {
            let mut options = File::options();
            options.write(true).create_new(true).mode(0o600);
            let mut file = options.open(to).map_err(at(to))?;
            file.write_all(&bytes).map_err(at(to))?;
            file.sync_all().map_err(at(to))?;
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(at(keys)(error)),
    }
    let none = Faults::default();
    volume::sync_folder(volumes, &none).map_err(at(volumes))?;
    volume::sync_folder(root, &none).map_err(at(root))?;
    volume::sync_parent(root, &none).map_err(at(root))
}

fn at(path: &Path) -> impl Fn(io::Error) -> NodeError + '_ {
    move |error| NodeError::File {
        path: path.to_owned(),
        why: error.to_string(),
    }
}
