//! How often a watched version does not answer, over windows of time. The clock is an argument.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use postern_config::directory::{Digest, Failures, ModuleScope, Name};
use serde_json::{Value, json};

use crate::limits::{FAILING_PER_MILLE_MAX, FAILING_REQUESTS_MIN, FAILING_WINDOW};

/// A version that is watched. Threads race on the window, which moves a count by one or two and harms nobody.
#[derive(Debug)]
pub struct Watch {
    failing: Failing,
    /// The first millisecond at which it is not watched any more.
    until_ms: u64,
    window_began: AtomicU64,
    asked: AtomicU64,
    failed: AtomicU64,
    asked_in_all: AtomicU64,
    failed_in_all: AtomicU64,
    /// Whether it was told that this version is to be taken back.
    told: AtomicBool,
}

/// A version that does not answer.
#[derive(Clone, Debug)]
pub struct Failing {
    /// Whose it is.
    pub scope: ModuleScope,
    /// The module's name.
    pub name: Name,
    /// The version.
    pub digest: Digest,
    /// The numbers.
    pub failures: Failures,
}

impl Failing {
    pub(super) const fn new(scope: ModuleScope, name: Name, digest: Digest) -> Self {
        let failures = Failures {
            asked: 0,
            failed: 0,
            seconds: FAILING_WINDOW.as_secs(),
        };
        Self {
            scope,
            name,
            digest,
            failures,
        }
    }
}

impl Watch {
    pub(super) fn new(failing: Failing, until_ms: u64) -> Self {
        Self {
            failing,
            until_ms,
            window_began: AtomicU64::new(0),
            asked: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            asked_in_all: AtomicU64::new(0),
            failed_in_all: AtomicU64::new(0),
            told: AtomicBool::new(false),
        }
    }

    /// Counts an answer, or that there was none. Says so, once, when the version is to be taken back.
    pub(crate) fn count(&self, answered: bool, now_ms: u64) -> Option<Failing> {
        self.asked_in_all.fetch_add(1, Ordering::Relaxed);
        self.failed_in_all
            .fetch_add(u64::from(!answered), Ordering::Relaxed);
        if now_ms >= self.until_ms {
            return None;
        }
        let began = self.window_began.load(Ordering::Relaxed);
        let window = u64::try_from(FAILING_WINDOW.as_millis()).unwrap_or(u64::MAX);
        if now_ms < began || now_ms - began >= window {
            self.window_began.store(now_ms, Ordering::Relaxed);
            self.asked.store(0, Ordering::Relaxed);
            self.failed.store(0, Ordering::Relaxed);
        }
        let asked = self.asked.fetch_add(1, Ordering::Relaxed) + 1;
        let failed = self
            .failed
            .fetch_add(u64::from(!answered), Ordering::Relaxed)
            + u64::from(!answered);
        let too_often = asked >= FAILING_REQUESTS_MIN
            && failed.saturating_mul(1_000) > asked.saturating_mul(FAILING_PER_MILLE_MAX);
        if answered || !too_often || self.told.swap(true, Ordering::Relaxed) {
            return None;
        }
        let failures = Failures {
            asked,
            failed,
            ..self.failing.failures
        };
        Some(Failing {
            failures,
            ..self.failing.clone()
        })
    }

    /// Whether it still counts.
    pub(super) const fn lasts(&self, now_ms: u64) -> bool {
        now_ms < self.until_ms
    }

    pub(super) fn is_of(&self, failing: &Failing) -> bool {
        self.failing.scope == failing.scope
            && self.failing.name == failing.name
            && self.failing.digest == failing.digest
    }

    /// Lets it be told again.
    pub(super) fn again(&self) {
        self.told.store(false, Ordering::Relaxed);
    }

    pub(super) fn report(&self) -> Value {
        let until = (self.until_ms != u64::MAX).then_some(self.until_ms / 1_000);
        json!({
            "asked": self.asked_in_all.load(Ordering::Relaxed),
            "unanswered": self.failed_in_all.load(Ordering::Relaxed),
            "watched_until": until,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn watch(until_ms: u64) -> Watch {
        let name = "guard".parse().unwrap();
        let failing = Failing::new(ModuleScope::Platform, name, Digest::of(b"x"));
        Watch::new(failing, until_ms)
    }

    #[test]
    fn a_few_requests_are_no_measure() {
        let watch = watch(u64::MAX);
        for _ in 1..FAILING_REQUESTS_MIN {
            assert!(watch.count(false, 1_000).is_none());
        }
        let failing = watch.count(false, 1_000).unwrap();
        assert_eq!(failing.failures.asked, FAILING_REQUESTS_MIN);
        assert_eq!(failing.failures.failed, FAILING_REQUESTS_MIN);
        // It is told once.
        assert!(watch.count(false, 1_000).is_none());
        watch.again();
        assert!(watch.count(false, 1_000).is_some());
    }

    #[test]
    fn a_version_at_the_threshold_stays_and_one_beyond_it_does_not() {
        let watch = watch(u64::MAX);
        for _ in 0..1_000 - FAILING_PER_MILLE_MAX {
            assert!(watch.count(true, 5).is_none());
        }
        for _ in 0..FAILING_PER_MILLE_MAX {
            assert!(watch.count(false, 5).is_none());
        }
        assert!(watch.count(false, 5).is_some());
    }

    #[test]
    fn each_window_counts_for_itself() {
        let window = u64::try_from(FAILING_WINDOW.as_millis()).unwrap();
        let watch = watch(u64::MAX);
        for turn in 1..10 {
            for _ in 1..FAILING_REQUESTS_MIN {
                assert!(watch.count(false, turn * window).is_none());
            }
        }
    }

    #[test]
    fn after_its_time_a_version_is_not_taken_back() {
        let watch = watch(10_000);
        for _ in 0..10 * FAILING_REQUESTS_MIN {
            assert!(watch.count(false, 10_000).is_none());
        }
        let told = (0..FAILING_REQUESTS_MIN).filter_map(|_| watch.count(false, 9_999));
        assert_eq!(told.count(), 1);
    }
}
