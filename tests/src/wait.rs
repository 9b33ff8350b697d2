//! Waiting for a state, with a deadline. The short pause between two looks is the only sleep in these tests.

use std::time::{Duration, Instant};

/// Looks until `look` finds something. Panics with `what` when `limit` has passed.
#[track_caller]
pub fn until<T>(what: &str, limit: Duration, mut look: impl FnMut() -> Option<T>) -> T {
    let begin = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(begin.elapsed() < limit, "{what}: not within {limit:?}");
        std::thread::sleep(Duration::from_millis(5));
    }
}
