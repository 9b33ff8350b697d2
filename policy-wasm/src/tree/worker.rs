//! What each thread keeps for itself: the trees it walked lately, and its counters.
//!
//! A hit in the shared cache costs a quarter of a microsecond when two threads are at it, and so does a counter that
//! they share. A tree that is kept here may lack what another thread taught the shared one; then the walk falls off
//! and looks there. It can never be wrong.

use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::{Tree, TreeKey};
use crate::limits::{WORKER_TREE_BYTES_MAX, WORKER_TREES_MAX};

/// The small table of one thread.
#[derive(Debug, Default)]
pub(crate) struct Worker {
    owner: u64,
    slots: Vec<Option<(TreeKey, Arc<Tree>)>>,
    bytes: u64,
    counters: Arc<Counters>,
}

/// Counted by one thread, read by all.
#[derive(Debug, Default)]
#[repr(align(128))]
pub(crate) struct Counters {
    pub(crate) decisions: Counter,
    pub(crate) hits: Counter,
    pub(crate) misses: Counter,
    pub(crate) evaluations: Counter,
    pub(crate) faults: Counter,
    pub(crate) fickle: Counter,
    pub(crate) replaced: Counter,
}

/// A number that one thread counts up.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    /// Not an atomic addition: there is one writer.
    pub(crate) fn up(&self) {
        self.0.store(self.get().wrapping_add(1), Ordering::Relaxed);
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    /// For counters that no thread writes any more.
    pub(crate) fn add(&self, count: u64) {
        self.0.fetch_add(count, Ordering::Relaxed);
    }
}

thread_local! {
    static WORKER: RefCell<Worker> = RefCell::default();
}

/// Slots that a key may stand in.
const WAYS: usize = 4;

impl Worker {
    /// Lends the worker of this thread. `join` is called when it is new to the owner, with the counters to come.
    pub(crate) fn lend<T>(
        owner: u64,
        join: impl FnOnce(&Arc<Counters>),
        work: impl FnOnce(&mut Self) -> T,
    ) -> T {
        WORKER.with(|worker| match worker.try_borrow_mut() {
            Ok(mut worker) => {
                if worker.owner != owner {
                    *worker = Self {
                        owner,
                        ..Self::default()
                    };
                    join(&worker.counters);
                }
                work(&mut worker)
            }
            // Facts that decide while they are asked: slower, and as right.
            Err(_) => {
                let mut worker = Self::default();
                join(&worker.counters);
                work(&mut worker)
            }
        })
    }

    pub(crate) fn counters(&self) -> &Counters {
        &self.counters
    }

    /// The tree of a key, where this thread has it.
    pub(crate) fn tree(&self, key: &TreeKey, hash: u64) -> Option<&Arc<Tree>> {
        (0..WAYS).find_map(|way| match self.slots.get(slot(hash, way)) {
            Some(Some((other, tree))) if other == key => Some(tree),
            _ => None,
        })
    }

    /// Keeps a tree, in the place of another if need be.
    pub(crate) fn keep(&mut self, key: TreeKey, hash: u64, tree: Arc<Tree>) {
        if self.slots.is_empty() {
            self.slots.resize_with(WORKER_TREES_MAX, || None);
        }
        self.bytes = self.bytes.saturating_add(u64::from(tree.bytes()));
        if self.bytes > WORKER_TREE_BYTES_MAX {
            self.slots.fill(None);
            self.bytes = u64::from(tree.bytes());
        }
        let fits = |way: &usize| match self.slots.get(slot(hash, *way)) {
            Some(Some((other, _))) => *other == key,
            Some(None) | None => true,
        };
        let way = (0..WAYS).find(fits).unwrap_or(0);
        if let Some(place) = self.slots.get_mut(slot(hash, way)) {
            if let Some((_, old)) = place.take() {
                self.bytes = self.bytes.saturating_sub(u64::from(old.bytes()));
            }
            *place = Some((key, tree));
        }
    }
}

fn slot(hash: u64, way: usize) -> usize {
    let start = usize::try_from(hash % u64::try_from(WORKER_TREES_MAX).unwrap_or(1)).unwrap_or(0);
    (start + way) % WORKER_TREES_MAX
}
