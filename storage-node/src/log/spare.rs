//! The volume after this one, preallocated while there is time on the disk with the most room, and the reserve that writes may not use.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;

use crate::disks::{Disks, OpenDisk};
use crate::error::NodeError;
use crate::volume::{self, HEAD_BYTES, Volume, VolumeHead};

/// The volume after the one that is written.
#[derive(Debug)]
struct Next {
    number: u32,
    /// The disk that it is preallocated on.
    made: Option<Arc<OpenDisk>>,
}

/// The spare volume and the free space.
#[derive(Debug)]
pub(crate) struct Spare {
    disks: Arc<Disks>,
    volume_bytes: u64,
    /// Guards the file of the next volume: who makes it and who begins it must agree on which that is.
    next: Mutex<Next>,
    /// Every disk is at its reserve: writes are refused.
    low: AtomicBool,
}

/// How much space a volume must find to be begun.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Need {
    /// Whatever there is: the node is being opened.
    Nothing,
    /// So many bytes, of the reserve if need be.
    Urgent(u64),
    /// So many bytes above the reserve.
    Bytes(u64),
}

impl Spare {
    /// The volume `current` is written, or none yet.
    pub(crate) fn new(disks: Arc<Disks>, current: u32, volume_bytes: u64) -> Self {
        Self {
            disks,
            volume_bytes,
            next: Mutex::new(Next {
                number: current + 1,
                made: None,
            }),
            low: AtomicBool::new(false),
        }
    }

    pub(crate) fn volume_bytes(&self) -> u64 {
        self.volume_bytes
    }

    pub(crate) fn disks(&self) -> &Disks {
        &self.disks
    }

    /// Whether writes are refused for space.
    pub(crate) fn is_low(&self) -> bool {
        self.low.load(Ordering::Relaxed)
    }

    /// Looks at the free space and preallocates the next volume, if that is not done and the space allows.
    pub(crate) fn prepare(&self) {
        self.low.store(self.disks.look(), Ordering::Relaxed);
        let mut next = self.next.lock();
        let is_unfit =
            |disk: &mut Arc<OpenDisk>| disk.has_failed() || self.disks.is_better_elsewhere(disk);
        if let Some(disk) = next.made.take_if(is_unfit) {
            remove(&disk, next.number);
        }
        if next.made.is_some() {
            return;
        }
        let disks = self.disks.by_room();
        let Some((disk, room)) = disks.into_iter().next() else {
            return;
        };
        if room < self.volume_bytes {
            return;
        }
        let path = disk.file(next.number);
        match volume::preallocate(&path, self.volume_bytes, &disk.faults) {
            Ok(()) => next.made = Some(disk),
            Err(error) => {
                tracing::warn!(path = %path.display(), %error, "could not preallocate the next volume");
            }
        }
    }

    /// Begins the next volume: the preallocated one, or a fresh one on the disk with the most room. A disk where that fails is passed
    /// over for the next.
    pub(crate) fn take(&self, head: VolumeHead, need: Need) -> Result<Arc<Volume>, NodeError> {
        let mut next = self.next.lock();
        let mut failed: Vec<(Arc<OpenDisk>, io::Error)> = Vec::new();
        for disk in self.candidates(&next, need) {
            match volume::begin(&disk, head) {
                Ok(volume) => {
                    let made = next.made.take();
                    *next = Next {
                        number: head.number + 1,
                        made: None,
                    };
                    let left = failed.into_iter().map(|(disk, _)| disk).chain(made);
                    for other in left.filter(|other| !Arc::ptr_eq(other, &disk)) {
                        remove(&other, head.number);
                    }
                    return Ok(Arc::new(volume));
                }
                Err(error) => {
                    tracing::warn!(?disk, %error, "a volume could not be begun");
                    if error.kind() != io::ErrorKind::StorageFull {
                        disk.fail();
                    }
                    failed.push((disk, error));
                }
            }
        }
        let worst = failed
            .into_iter()
            .map(|(_, error)| error)
            .find(|error| error.kind() != io::ErrorKind::StorageFull);
        Err(worst.map_or(NodeError::Full, |error| {
            NodeError::Log(format!("a volume could not be begun: {error}"))
        }))
    }

    /// Disks that have the space, in the order in which they are asked.
    fn candidates(&self, next: &Next, need: Need) -> Vec<Arc<OpenDisk>> {
        let made = next.made.iter().filter(|disk| !disk.has_failed());
        let made: Vec<Arc<OpenDisk>> = made.map(Arc::clone).collect();
        let has_space = |disk: &OpenDisk, room: u64| match need {
            Need::Nothing => true,
            Need::Urgent(bytes) => disk.free_bytes() >= HEAD_BYTES + bytes,
            Need::Bytes(bytes) => room >= HEAD_BYTES + bytes,
        };
        let others = self.disks.by_room().into_iter();
        let others = others.filter(|(disk, room)| {
            has_space(disk, *room) && !made.iter().any(|it| Arc::ptr_eq(it, disk))
        });
        let others: Vec<_> = others.map(|(disk, _)| disk).collect();
        made.into_iter().chain(others).collect()
    }
}

/// Removes the file of a volume that was not begun there. What cannot be removed is, at the next start.
fn remove(disk: &OpenDisk, number: u32) {
    let path = disk.file(number);
    if let Err(error) = volume::remove(&path, &disk.faults) {
        tracing::warn!(path = %path.display(), %error, "a volume that is not used could not be removed");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::faults::Faults;
    use crate::options::NodeDisk;
    use crate::record::Salt;

    #[test]
    fn a_volume_that_is_written_is_never_preallocated_over() {
        let folder = tempfile::tempdir().unwrap();
        let disks = Arc::new(Disks::single(NodeDisk::new(folder.path()), 0));
        disks.make_folders().unwrap();
        let spare = Spare::new(disks, 1, 8_192);
        let head = |number| VolumeHead {
            node: 1,
            volume: 2,
            number,
            salt: Salt([0; 16]),
            first_lsn: 1,
            first_round: 1,
            before: 0,
            created_ms: 0,
        };
        // Begun before anyone had time to preallocate it.
        let volume = spare.take(head(2), Need::Bytes(100)).unwrap();
        spare.prepare();
        assert_eq!(volume.file.metadata().unwrap().len(), HEAD_BYTES);
        let next = folder.path().join("volumes/00000003.vol");
        assert_eq!(std::fs::metadata(next).unwrap().len(), 8_192);
        assert!(volume::preallocate(&volume.path, 8_192, &Faults::default()).is_err());
    }
}
