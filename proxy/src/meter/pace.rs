//! How fast may be asked: of each access key, user and account that has a rate, how far it is ahead of it.
//!
//! A rate is a bucket that fills once a second to the brim and holds one second's worth. A request takes one token before it
//! is judged; the bytes that it moved are taken when it has ended, and may leave a debt: a transfer that began is never
//! slowed, what comes after it waits. The crate `governor` has no debts and one rate for all keys of a limiter; what is left
//! of it here is one number for each bucket: the moment at which it would be full again.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use foldhash::quality::RandomState;
use parking_lot::Mutex;
use postern_config::directory::{Rate, RateOf};
use smallvec::SmallVec;

use crate::limits::PACES_MAX;

/// One second's worth may be taken at once.
const BURST: u64 = 1_000_000_000;
/// Maps, so that threads rarely wait for each other.
const SHARDS: usize = 16;

/// The buckets of everybody who has a rate.
#[derive(Debug, Default)]
pub(crate) struct Paces {
    hasher: RandomState,
    /// Held for a look-up.
    shards: [Mutex<HashMap<RateOf, Arc<Pace>, RandomState>>; SHARDS],
}

/// The two buckets of one who has a rate.
#[derive(Debug, Default)]
struct Pace {
    requests: Bucket,
    bytes: Bucket,
}

/// The moment at which it would be full, in nanoseconds of the paces' clock.
#[derive(Debug, Default)]
struct Bucket(AtomicU64);

/// Whoever asks is too fast.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooFast {
    /// Whose rate it is.
    pub of: RateOf,
    /// `requests` or `bytes`.
    pub what: &'static str,
    /// How many a second.
    pub rate: u64,
    /// When it is worth to ask again.
    pub wait: Duration,
}

/// What a request owes when it has ended.
#[derive(Debug, Default)]
pub(crate) struct Debt(SmallVec<[(Arc<Pace>, u64); 3]>);

impl Paces {
    /// Takes a token of each of `rates`, or none of any. `now` is the time since any fixed moment.
    pub(crate) fn take(
        &self,
        rates: impl Iterator<Item = (RateOf, Rate)>,
        now: Duration,
    ) -> Result<Debt, TooFast> {
        let now = nanoseconds(now);
        let mut debt = Debt::default();
        let mut taken: SmallVec<[(Arc<Pace>, u64); 3]> = SmallVec::new();
        for (of, rate) in rates.filter(|(_, rate)| !rate.is_none()) {
            let pace = self.pace(of, now);
            let passed = pace.pass(rate, now);
            if let Err((what, rate, wait)) = passed {
                for (pace, rate) in taken {
                    pace.requests.give_back(rate);
                }
                return Err(TooFast {
                    of,
                    what,
                    rate,
                    wait: Duration::from_nanos(wait),
                });
            }
            if let Some(rate) = rate.bytes {
                debt.0.push((Arc::clone(&pace), rate));
            }
            if let Some(rate) = rate.requests {
                taken.push((pace, rate));
            }
        }
        Ok(debt)
    }

    fn pace(&self, of: RateOf, now: u64) -> Arc<Pace> {
        use std::hash::BuildHasher as _;
        let place = usize::try_from(self.hasher.hash_one(of)).unwrap_or(0) % SHARDS;
        let Some(shard) = self.shards.get(place) else {
            return Arc::default();
        };
        let mut shard = shard.lock();
        if let Some(pace) = shard.get(&of) {
            return Arc::clone(pace);
        }
        if shard.len() >= PACES_MAX / SHARDS {
            // A bucket that is full says nothing: it is made anew when somebody asks.
            shard.retain(|_, pace| !pace.is_full(now));
        }
        if shard.len() >= PACES_MAX / SHARDS {
            let fullest = shard.iter().min_by_key(|(_, pace)| pace.full_at());
            if let Some(fullest) = fullest.map(|(of, _)| *of) {
                shard.remove(&fullest);
            }
        }
        Arc::clone(shard.entry(of).or_default())
    }

    #[cfg(test)]
    fn len(&self) -> usize {
        self.shards.iter().map(|shard| shard.lock().len()).sum()
    }
}

impl Pace {
    /// Takes a token, where there is one, and no debt of bytes; else what there is not, its rate, and the wait in nanoseconds.
    fn pass(&self, rate: Rate, now: u64) -> Result<(), (&'static str, u64, u64)> {
        if let Some(bytes) = rate.bytes {
            let ahead = self.bytes.ahead(now);
            if ahead >= BURST {
                return Err(("bytes", bytes, ahead - BURST + 1));
            }
        }
        match rate.requests {
            Some(requests) => self
                .requests
                .take(requests, now)
                .map_err(|wait| ("requests", requests, wait)),
            None => Ok(()),
        }
    }

    fn full_at(&self) -> u64 {
        let get = |bucket: &Bucket| bucket.0.load(Ordering::Relaxed);
        get(&self.requests).max(get(&self.bytes))
    }

    fn is_full(&self, now: u64) -> bool {
        self.full_at() <= now
    }
}

impl Bucket {
    fn ahead(&self, now: u64) -> u64 {
        self.0.load(Ordering::Relaxed).saturating_sub(now)
    }

    /// Takes one, or says in how many nanoseconds there is one.
    fn take(&self, rate: u64, now: u64) -> Result<(), u64> {
        let step = worth(1, rate);
        let taken = self
            .0
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |full_at| {
                let next = full_at.max(now).saturating_add(step);
                (next.saturating_sub(now) <= BURST).then_some(next)
            });
        taken
            .map(drop)
            .map_err(|full_at| full_at.saturating_add(step).saturating_sub(now) - BURST)
    }

    fn give_back(&self, rate: u64) {
        let step = worth(1, rate);
        let back = self
            .0
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |full_at| {
                Some(full_at.saturating_sub(step))
            });
        debug_assert!(back.is_ok(), "the update has no condition");
    }

    /// Takes so many, whether they are there or not.
    fn owe(&self, number: u64, rate: u64, now: u64) {
        let step = worth(number, rate);
        let owed = self
            .0
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |full_at| {
                Some(full_at.max(now).saturating_add(step))
            });
        debug_assert!(owed.is_ok(), "the update has no condition");
    }
}

impl Debt {
    /// Whether nothing is owed, whatever moves.
    pub(crate) fn is_none(&self) -> bool {
        self.0.is_empty()
    }

    /// So many bytes have moved.
    pub(crate) fn settle(&self, bytes: u64, now: Duration) {
        let now = nanoseconds(now);
        for (pace, rate) in &self.0 {
            pace.bytes.owe(bytes, *rate, now);
        }
    }
}

/// The time that so many are worth at a rate.
fn worth(number: u64, rate: u64) -> u64 {
    let time = u128::from(number) * u128::from(BURST) / u128::from(rate.max(1));
    u64::try_from(time).unwrap_or(u64::MAX)
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// Who is meant, for the client.
pub(crate) const fn name(of: RateOf) -> &'static str {
    match of {
        RateOf::Tenant(_) => "tenant",
        RateOf::User(_) => "user",
        RateOf::Key(_) => "access key",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn key(text: &str) -> RateOf {
        RateOf::Key(text.parse().unwrap())
    }

    fn requests(rate: u64) -> Rate {
        Rate {
            requests: Some(rate),
            bytes: None,
        }
    }

    fn id(number: usize) -> RateOf {
        key(&format!("PK{number:018}"))
    }

    #[test]
    fn a_rate_lets_one_seconds_worth_pass_and_not_one_more() {
        let paces = Paces::default();
        let ask = |at: Duration| {
            paces
                .take([(id(1), requests(10))].into_iter(), at)
                .map(drop)
        };
        for round in 1..4 {
            let now = SECOND * 10 * round;
            for _ in 0..10 {
                assert_eq!(ask(now), Ok(()));
            }
            let too_fast = ask(now).unwrap_err();
            assert_eq!((too_fast.what, too_fast.rate), ("requests", 10));
            assert_eq!(too_fast.wait, Duration::from_millis(100));
            assert!(ask(now + Duration::from_millis(99)).is_err());
            assert_eq!(ask(now + Duration::from_millis(100)), Ok(()));
        }
    }

    #[test]
    fn who_is_refused_by_one_rate_spends_nothing_of_another() {
        let paces = Paces::default();
        let (first, second) = ((id(1), requests(5)), (id(2), requests(1)));
        let both = || paces.take([first, second].into_iter(), SECOND).map(drop);
        assert_eq!(both(), Ok(()));
        for _ in 0..50 {
            assert_eq!(both().unwrap_err().of, second.0);
        }
        let alone = || paces.take([first].into_iter(), SECOND).map(drop);
        for _ in 0..4 {
            assert_eq!(alone(), Ok(()));
        }
        assert!(alone().is_err());
    }

    #[test]
    fn bytes_that_moved_are_owed_and_the_next_request_waits_for_them() {
        let paces = Paces::default();
        let rate = Rate {
            requests: None,
            bytes: Some(1_000),
        };
        let ask = |at| paces.take([(id(1), rate)].into_iter(), at);
        ask(SECOND).unwrap().settle(500, SECOND);
        ask(SECOND).unwrap().settle(2_500, SECOND);
        // 3,000 bytes at 1,000 a second, of which one second's worth may be ahead.
        let too_fast = ask(SECOND).unwrap_err();
        assert_eq!((too_fast.what, too_fast.wait.as_secs()), ("bytes", 2));
        assert!(ask(SECOND * 3).is_err());
        assert!(ask(SECOND * 3 + Duration::from_nanos(1)).is_ok());
        assert!(
            paces
                .take([(id(2), requests(1))].into_iter(), SECOND)
                .unwrap()
                .is_none()
        );
    }

    #[test]
    fn many_threads_together_pass_as_often_as_one() {
        let paces = Paces::default();
        let passed = AtomicU64::new(0);
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..1_000 {
                        let taken = paces.take([(id(1), requests(700))].into_iter(), SECOND);
                        passed.fetch_add(u64::from(taken.is_ok()), Ordering::Relaxed);
                    }
                });
            }
        });
        assert_eq!(passed.into_inner(), 700);
    }

    #[test]
    fn no_more_buckets_are_kept_than_the_bound_says() {
        let paces = Paces::default();
        let ask = |number, at| {
            paces
                .take([(id(number), requests(1))].into_iter(), at)
                .is_ok()
        };
        for number in 0..PACES_MAX + 1_000 {
            assert!(ask(number, SECOND));
        }
        assert!(paces.len() <= PACES_MAX);
        // Who was kept is still held; buckets that are full again make room.
        for number in 0..PACES_MAX + 1_000 {
            ask(PACES_MAX * 2 + number, SECOND * 100);
        }
        assert!(paces.len() <= PACES_MAX);
    }
}
