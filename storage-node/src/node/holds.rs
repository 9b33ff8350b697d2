//! Volumes that compaction leaves where they are while a backup takes them along, or who ships them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use parking_lot::Mutex;

use super::Node;

/// Who holds what.
#[derive(Debug, Default)]
pub(super) struct Holds(Mutex<Held>);

#[derive(Debug, Default)]
struct Held {
    /// How many guards hold which.
    volumes: BTreeMap<u32, usize>,
    /// Emptied ones whose files are being removed: it is too late to hold them.
    going: BTreeSet<u32>,
}

impl Holds {
    pub(super) fn has(&self, number: u32) -> bool {
        self.0.lock().has(number)
    }

    /// Whether a file may be removed; nobody can hold it from then on.
    pub(super) fn may_go(&self, number: u32) -> bool {
        let mut held = self.0.lock();
        let is_free = !held.has(number);
        if is_free {
            held.going.insert(number);
        }
        is_free
    }

    /// The file is gone, and the volume is none any more.
    pub(super) fn gone(&self, number: u32) {
        self.0.lock().going.remove(&number);
    }
}

impl Held {
    fn has(&self, number: u32) -> bool {
        self.volumes.contains_key(&number)
    }
}

/// Volumes whose files stay as long as this does.
#[must_use = "the volumes may go when this is dropped"]
#[derive(Debug)]
pub struct VolumeHold {
    holds: Arc<Holds>,
    numbers: Vec<u32>,
}

impl Node {
    /// Holds the files of all volumes that are there now, also of those that were emptied, unless they are being removed.
    pub fn hold_volumes(&self) -> VolumeHold {
        let mut held = self.inner.holds.0.lock();
        let volumes = self.inner.volumes.with_emptied();
        let numbers = volumes.iter().map(|volume| volume.head.number);
        let numbers: Vec<u32> = numbers
            .filter(|number| !held.going.contains(number))
            .collect();
        for number in &numbers {
            *held.volumes.entry(*number).or_default() += 1;
        }
        VolumeHold {
            holds: Arc::clone(&self.inner.holds),
            numbers,
        }
    }
}

impl VolumeHold {
    /// The numbers of the volumes.
    pub fn numbers(&self) -> &[u32] {
        &self.numbers
    }
}

impl Drop for VolumeHold {
    fn drop(&mut self) {
        let mut held = self.holds.0.lock();
        for number in &self.numbers {
            if let Some(count) = held.volumes.get_mut(number) {
                *count -= 1;
                if *count == 0 {
                    held.volumes.remove(number);
                }
            }
        }
    }
}
