//! All volumes of a node by number. Readers take a snapshot; only the log adds to it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arc_swap::ArcSwap;

use crate::error::NodeError;
use crate::volume::Volume;

/// The volumes.
#[derive(Debug, Default)]
pub(crate) struct VolumeSet {
    by_number: ArcSwap<BTreeMap<u32, Arc<Volume>>>,
    /// Volumes that nothing points into any more: the next checkpoint does without them, readers who began before do not.
    emptied: ArcSwap<BTreeSet<u32>>,
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

    /// Those that something may point into.
    pub(crate) fn all(&self) -> Vec<Arc<Volume>> {
        let emptied = self.emptied.load();
        let volumes = self.by_number.load();
        let volumes = volumes
            .iter()
            .filter(|(number, _)| !emptied.contains(number));
        volumes.map(|(_, volume)| Arc::clone(volume)).collect()
    }

    /// The number of the first whose file is there, emptied or not: a rebuild would meet what stands in it.
    pub(crate) fn oldest(&self) -> Option<u32> {
        self.by_number.load().keys().next().copied()
    }

    /// The newest.
    pub(crate) fn last(&self) -> Option<Arc<Volume>> {
        let volumes = self.by_number.load();
        volumes.values().next_back().map(Arc::clone)
    }

    /// Those that are there, with what nothing points into any more.
    pub(crate) fn with_emptied(&self) -> Vec<Arc<Volume>> {
        self.by_number.load().values().map(Arc::clone).collect()
    }

    /// Those that nothing points into any more and that are still there.
    pub(crate) fn emptied(&self) -> Vec<u32> {
        self.emptied.load().iter().copied().collect()
    }

    /// The first after a number that something may point into.
    pub(crate) fn after(&self, number: u32) -> Option<Arc<Volume>> {
        let mut volumes = self.all().into_iter();
        volumes.find(|volume| volume.head.number > number)
    }

    /// Nothing points into this one any more.
    pub(crate) fn empty(&self, number: u32) {
        self.emptied.rcu(|emptied| {
            let mut emptied = BTreeSet::clone(emptied);
            emptied.insert(number);
            emptied
        });
    }

    /// Lets go of one whose file is gone.
    pub(crate) fn remove(&self, number: u32) {
        self.by_number.rcu(|volumes| {
            let mut volumes = BTreeMap::clone(volumes);
            volumes.remove(&number);
            volumes
        });
        self.emptied.rcu(|emptied| {
            let mut emptied = BTreeSet::clone(emptied);
            emptied.remove(&number);
            emptied
        });
    }
}
