//! The requests of a while ago, as they were judged: what `explain` answers from.
//!
//! A request is remembered with its plan and its clock, so that judging it again gives the decision of then, also after the
//! module that decided was swapped. Memory is bounded: the oldest is forgotten. Whoever asks mostly asks about a refusal, so
//! refusals are kept longer: under load, those that passed would soon have pushed them out.

use std::cell::Cell;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;

use crate::journey::{Bench, Checks, Scene};
use crate::observe::RequestId;
use crate::world::World;

/// Most refused requests that a part remembers; one holds its headers, about 2 KiB.
pub(crate) const REFUSED_REMEMBERED_MAX: usize = 2_048;
/// Most requests that passed and that a part remembers. Few, so that the memory of one is still in the processor's cache when
/// another takes its place: with thousands of them each request costs a tenth more.
pub(crate) const PASSED_REMEMBERED_MAX: usize = 128;
/// Most checks of one request that are remembered: DeleteObjects may have a thousand.
pub(crate) const CHECKS_REMEMBERED_MAX: usize = 16;
/// Parts, which threads take in turn: what a worker allocated it frees itself, and it waits for no other's lock.
const PARTS: usize = 8;

/// A request as it was judged.
#[derive(Clone, Debug)]
pub(crate) struct Remembered {
    pub(crate) id: RequestId,
    pub(crate) scene: Arc<Scene>,
    pub(crate) world: Arc<World>,
    /// The checks that came from the body; those of any other request follow from the request.
    pub(crate) deletes: Option<Box<Checks>>,
    pub(crate) now_ms: u64,
}

/// The requests of a while ago.
#[derive(Default)]
pub(crate) struct Recall {
    /// Each guards its own two queues, for the time of one exchange.
    parts: [Mutex<Part>; PARTS],
}

#[derive(Default)]
struct Part {
    passed: VecDeque<Remembered>,
    refused: VecDeque<Remembered>,
}

impl Recall {
    /// Remembers what was judged, by `deletes` where the checks came from its body, and whether it `passed`.
    pub(crate) fn remember(
        &self,
        id: RequestId,
        bench: &Bench<'_>,
        deletes: Option<&Checks>,
        passed: bool,
    ) {
        let remembered = Remembered {
            id,
            scene: Arc::clone(bench.scene),
            world: Arc::clone(bench.world),
            deletes: deletes.map(first),
            now_ms: bench.now_ms,
        };
        let Some(part) = self.parts.get(part_of_this_thread()) else {
            return;
        };
        let mut part = part.lock();
        let (queue, most) = if passed {
            (&mut part.passed, PASSED_REMEMBERED_MAX)
        } else {
            (&mut part.refused, REFUSED_REMEMBERED_MAX)
        };
        let forgotten = (queue.len() >= most).then(|| queue.pop_front());
        queue.push_back(remembered);
        drop(part);
        drop(forgotten);
    }

    /// Finds a request.
    pub(crate) fn find(&self, id: RequestId) -> Option<Remembered> {
        self.parts.iter().find_map(|part| {
            let part = part.lock();
            part.refused
                .iter()
                .chain(&part.passed)
                .find(|remembered| remembered.id == id)
                .cloned()
        })
    }
}

fn first(checks: &Checks) -> Box<Checks> {
    Box::new(checks.iter().take(CHECKS_REMEMBERED_MAX).cloned().collect())
}

/// Threads take the parts in turn.
fn part_of_this_thread() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        static PART: Cell<Option<usize>> = const { Cell::new(None) };
    }
    let taken = PART.get();
    let part = taken.unwrap_or_else(|| NEXT.fetch_add(1, Ordering::Relaxed) % PARTS);
    PART.set(Some(part));
    part
}
