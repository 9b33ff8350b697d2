//! The volume after this one, preallocated while there is time, and the reserve that writes may not use.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;

use crate::error::NodeError;
use crate::faults::Faults;
use crate::options::FreeBytes;
use crate::volume::{self, HEAD_BYTES, Volume, VolumeHead};

/// The volume after the one that is written.
#[derive(Debug)]
struct Next {
    number: u32,
    preallocated: bool,
}

/// The spare volume and the free space.
pub(crate) struct Spare {
    folder: PathBuf,
    volume_bytes: u64,
    reserve_bytes: u64,
    free: FreeBytes,
    faults: Faults,
    /// Guards the file of the next volume: who makes it and who begins it must agree on which that is.
    next: Mutex<Next>,
    /// The reserve is reached: writes are refused.
    low: AtomicBool,
}

/// What the space is measured by.
pub(crate) struct Space {
    pub(crate) volume_bytes: u64,
    pub(crate) reserve_bytes: u64,
    pub(crate) free: FreeBytes,
    pub(crate) faults: Faults,
}

impl std::fmt::Debug for Spare {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Spare")
            .field("next", &self.next)
            .field("low", &self.low)
            .finish_non_exhaustive()
    }
}

impl Spare {
    /// The volume `current` is written.
    pub(crate) fn new(folder: PathBuf, current: u32, space: Space) -> Self {
        let Space {
            volume_bytes,
            reserve_bytes,
            free,
            faults,
        } = space;
        let next = Mutex::new(Next {
            number: current + 1,
            preallocated: false,
        });
        Self {
            folder,
            volume_bytes,
            reserve_bytes,
            free,
            faults,
            next,
            low: AtomicBool::new(false),
        }
    }

    pub(crate) fn volume_bytes(&self) -> u64 {
        self.volume_bytes
    }

    /// Whether writes are refused for space.
    pub(crate) fn is_low(&self) -> bool {
        self.low.load(Ordering::Relaxed)
    }

    /// Looks at the free space and preallocates the next volume, if that is not done and the space allows.
    pub(crate) fn prepare(&self) {
        let free = (self.free)().unwrap_or(u64::MAX);
        let low = free < self.reserve_bytes;
        if self.low.swap(low, Ordering::Relaxed) != low {
            tracing::warn!(
                free,
                reserve = self.reserve_bytes,
                low,
                "free space against the reserve"
            );
        }
        let mut next = self.next.lock();
        let room = free.saturating_sub(self.reserve_bytes) >= self.volume_bytes;
        if next.preallocated || !room {
            return;
        }
        let path = self.folder.join(volume::file_name(next.number));
        match volume::preallocate(&path, self.volume_bytes, &self.faults) {
            Ok(()) => next.preallocated = true,
            Err(error) => {
                tracing::warn!(number = next.number, %error, "could not preallocate the next volume");
            }
        }
    }

    /// Begins the next volume: the preallocated one, or a fresh one if the space allows; past the reserve only what is urgent
    /// gets one, of just the size that it needs.
    pub(crate) fn take(
        &self,
        head: VolumeHead,
        bytes: u64,
        urgent: bool,
    ) -> Result<Arc<Volume>, NodeError> {
        let mut next = self.next.lock();
        if !next.preallocated {
            let free = (self.free)().unwrap_or(u64::MAX);
            let needed = HEAD_BYTES + bytes + if urgent { 0 } else { self.reserve_bytes };
            if free < needed {
                return Err(NodeError::Full);
            }
        }
        let path = self.folder.join(volume::file_name(head.number));
        let begun = volume::begin(&path, head, &self.faults);
        if begun.is_ok() {
            *next = Next {
                number: head.number + 1,
                preallocated: false,
            };
        }
        begun.map(Arc::new).map_err(|error| match error.kind() {
            std::io::ErrorKind::StorageFull => NodeError::Full,
            _ => NodeError::Log(format!("a volume could not be begun: {error}")),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Salt;

    #[test]
    fn a_volume_that_is_written_is_never_preallocated_over() {
        let folder = tempfile::tempdir().unwrap();
        let room = Space {
            volume_bytes: 8_192,
            reserve_bytes: 0,
            free: Arc::new(|| None),
            faults: Faults::default(),
        };
        let spare = Spare::new(folder.path().to_owned(), 1, room);
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
        let volume = spare.take(head(2), 100, false).unwrap();
        spare.prepare();
        assert_eq!(volume.file.metadata().unwrap().len(), HEAD_BYTES);
        assert_eq!(
            std::fs::metadata(folder.path().join("00000003.vol"))
                .unwrap()
                .len(),
            8_192
        );
        assert!(volume::preallocate(&volume.path, 8_192, &Faults::default()).is_err());
    }
}
