//! The requests of a while ago, as they were judged: what `explain` answers from.
//!
//! A request is remembered with its plan and its clock, so that judging it again gives the decision of then, also after the
//! module that decided was swapped. Memory is bounded: the oldest is forgotten.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;

use crate::journey::{Bench, Check, Checks, Scene};
use crate::observe::RequestId;
use crate::world::World;

/// Most requests that are remembered; one holds its headers, about 2 KiB.
pub(crate) const REMEMBERED_MAX: usize = 4_096;
/// Most checks of one request that are remembered: DeleteObjects may have a thousand.
pub(crate) const CHECKS_REMEMBERED_MAX: usize = 16;

/// A request as it was judged.
#[derive(Clone, Debug)]
pub(crate) struct Remembered {
    pub(crate) id: RequestId,
    pub(crate) scene: Arc<Scene>,
    pub(crate) world: Arc<World>,
    pub(crate) checks: Checks,
    pub(crate) now_ms: u64,
}

/// The requests of a while ago.
pub(crate) struct Recall {
    /// Each guards one place of the ring, for the time of one exchange.
    places: Box<[Mutex<Option<Remembered>>]>,
    next: AtomicUsize,
}

impl Default for Recall {
    fn default() -> Self {
        let places = (0..REMEMBERED_MAX).map(|_| Mutex::new(None)).collect();
        Self {
            places,
            next: AtomicUsize::new(0),
        }
    }
}

impl Recall {
    /// Remembers what is about to be judged.
    pub(crate) fn remember(&self, id: RequestId, bench: &Bench<'_>, checks: &[Check]) {
        let place = self.next.fetch_add(1, Ordering::Relaxed) % self.places.len();
        let remembered = Remembered {
            id,
            scene: Arc::clone(bench.scene),
            world: Arc::clone(bench.world),
            checks: checks.iter().take(CHECKS_REMEMBERED_MAX).cloned().collect(),
            now_ms: bench.now_ms,
        };
        if let Some(place) = self.places.get(place) {
            // What was there is dropped after the lock is given back.
            let _forgotten = place.lock().replace(remembered);
        }
    }

    /// Finds a request.
    pub(crate) fn find(&self, id: RequestId) -> Option<Remembered> {
        self.places.iter().find_map(|place| {
            let place = place.lock();
            place
                .as_ref()
                .filter(|remembered| remembered.id == id)
                .cloned()
        })
    }
}
