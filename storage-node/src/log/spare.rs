//! The volume after this one, preallocated while there is time, and the reserve that writes may not use.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;

use crate::error::NodeError;
use crate::options::FreeBytes;
use crate::volume::{self, HEAD_BYTES, Volume, VolumeHead};

/// The spare volume and the free space.
pub(crate) struct Spare {
    folder: PathBuf,
    volume_bytes: u64,
    reserve_bytes: u64,
    free: FreeBytes,
    /// The number of the preallocated volume. The lock guards the file of that number.
    ready: Mutex<Option<u32>>,
    /// The reserve is reached: writes are refused.
    low: AtomicBool,
}

impl std::fmt::Debug for Spare {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Spare")
            .field("ready", &self.ready)
            .field("low", &self.low)
            .finish_non_exhaustive()
    }
}

impl Spare {
    pub(crate) fn new(
        folder: PathBuf,
        volume_bytes: u64,
        reserve_bytes: u64,
        free: FreeBytes,
    ) -> Self {
        let (ready, low) = (Mutex::new(None), AtomicBool::new(false));
        Self {
            folder,
            volume_bytes,
            reserve_bytes,
            free,
            ready,
            low,
        }
    }

    pub(crate) fn volume_bytes(&self) -> u64 {
        self.volume_bytes
    }

    /// Whether writes are refused for space.
    pub(crate) fn is_low(&self) -> bool {
        self.low.load(Ordering::Relaxed)
    }

    /// Looks at the free space and preallocates the volume after `current`, if there is none and the space allows.
    pub(crate) fn prepare(&self, current: u32) {
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
        let number = current + 1;
        let mut ready = self.ready.lock();
        let room = free.saturating_sub(self.reserve_bytes) >= self.volume_bytes;
        if *ready == Some(number) || !room {
            return;
        }
        let path = self.folder.join(volume::file_name(number));
        match volume::preallocate(&path, self.volume_bytes) {
            Ok(()) => *ready = Some(number),
            Err(error) => tracing::warn!(number, %error, "could not preallocate the next volume"),
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
        let mut ready = self.ready.lock();
        if *ready != Some(head.number) {
            let free = (self.free)().unwrap_or(u64::MAX);
            let needed = HEAD_BYTES + bytes + if urgent { 0 } else { self.reserve_bytes };
            if free < needed {
                return Err(NodeError::Full);
            }
        }
        let path = self.folder.join(volume::file_name(head.number));
        let begun = volume::begin(&path, head);
        *ready = None;
        begun.map(Arc::new).map_err(|error| match error.kind() {
            std::io::ErrorKind::StorageFull => NodeError::Full,
            _ => NodeError::Log(format!("a volume could not be begun: {error}")),
        })
    }
}
