//! All volumes of a node by number. Readers take a snapshot; only the log adds to it.

use std::collections::BTreeMap;
use std::sync::Arc;

use arc_swap::ArcSwap;

use crate::error::NodeError;
use crate::volume::Volume;

/// The volumes.
#[derive(Debug, Default)]
pub(crate) struct VolumeSet {
    by_number: ArcSwap<BTreeMap<u32, Arc<Volume>>>,
}

impl VolumeSet {
    pub(crate) fn get(&self, number: u32) -> Result<Arc<Volume>, NodeError> {
        let volumes = self.by_number.load();
        let found = volumes.get(&number).map(Arc::clone);
        found.ok_or_else(|| NodeError::Damaged(format!("volume {number:08x} is missing")))
    }

    pub(crate) fn add(&self, volume: &Arc<Volume>) {
        self.by_number.rcu(|volumes| {
            let mut volumes = BTreeMap::clone(volumes);
            volumes.insert(volume.head.number, Arc::clone(volume));
            volumes
        });
    }

    pub(crate) fn all(&self) -> Vec<Arc<Volume>> {
        self.by_number.load().values().map(Arc::clone).collect()
    }
}
