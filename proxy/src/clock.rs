//! What time it is, as an argument: a clock is handed to whoever needs one, so that a test can set it.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// Reads the time of day in milliseconds since 1970-01-01T00:00:00Z. It may step back; durations are measured on
/// [`std::time::Instant`] instead.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> u64 + Send + Sync>);

impl Clock {
    /// The machine's clock. A machine whose clock stands before 1970 reads as 1970.
    pub fn system() -> Self {
        Self::from_fn(|| {
            SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .map_or(0, |since| {
                    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
                })
        })
    }

    /// A clock that reads what `now_ms` returns.
    pub fn from_fn(now_ms: impl Fn() -> u64 + Send + Sync + 'static) -> Self {
        Self(Arc::new(now_ms))
    }

    /// A clock that stands still, and the hand that moves it.
    pub fn by_hand(now_ms: u64) -> (Self, Arc<AtomicU64>) {
        let hand = Arc::new(AtomicU64::new(now_ms));
        let read = Arc::clone(&hand);
        (Self::from_fn(move || read.load(Ordering::SeqCst)), hand)
    }

    /// Milliseconds since the epoch.
    pub fn now_ms(&self) -> u64 {
        (self.0)()
    }

    /// Whole seconds since the epoch.
    pub fn now_seconds(&self) -> u64 {
        self.now_ms() / 1_000
    }

    /// The same clock as a shared function of milliseconds.
    pub fn shared(&self) -> Arc<dyn Fn() -> u64 + Send + Sync> {
        Arc::clone(&self.0)
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Clock({} ms)", self.now_ms())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_by_hand_reads_what_the_hand_says() {
        let (clock, hand) = Clock::by_hand(1_999);
        assert_eq!((clock.now_ms(), clock.now_seconds()), (1_999, 1));
        hand.store(5_000, Ordering::SeqCst);
        assert_eq!((clock.now_ms(), (clock.shared())()), (5_000, 5_000));
    }

    #[test]
    fn the_system_clock_is_past_2026() {
        assert!(Clock::system().now_seconds() > 1_767_225_600);
    }
}
