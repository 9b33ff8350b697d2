//! What a module costs, and the fuse that keeps one module from taking the processor from all the others.
//!
//! The cost is counted in units of fuel and bytes, not in time: a busy machine makes every module slow and none guilty.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::limits::{TRIPPED_MILLISECONDS, WASTE_UNITS_PER_SECOND_MAX};

/// Counters of one module. Threads race on the window, which moves the fuse by an evaluation or two and harms nobody.
#[derive(Debug)]
pub(super) struct Meter {
    evaluations: AtomicU64,
    faults: AtomicU64,
    units: AtomicU64,
    window_started: AtomicU64,
    window_units: AtomicU64,
    tripped_until: AtomicU64,
}

/// What was counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spent {
    /// How often the code ran.
    pub evaluations: u64,
    /// How often it gave no answer.
    pub faults: u64,
    /// Fuel and bytes.
    pub units: u64,
}

impl Meter {
    pub(super) const fn new() -> Self {
        Self {
            evaluations: AtomicU64::new(0),
            faults: AtomicU64::new(0),
            units: AtomicU64::new(0),
            window_started: AtomicU64::new(0),
            window_units: AtomicU64::new(0),
            tripped_until: AtomicU64::new(0),
        }
    }

    /// Whether the module is not to be evaluated at this moment of the monotonic clock, in milliseconds.
    pub(super) fn is_tripped(&self, now: u64) -> bool {
        now < self.tripped_until.load(Ordering::Relaxed)
    }

    /// Counts one evaluation; true where it tripped the fuse.
    pub(super) fn count(&self, units: u64, fault: bool, now: u64) -> bool {
        self.evaluations.fetch_add(1, Ordering::Relaxed);
        self.faults.fetch_add(u64::from(fault), Ordering::Relaxed);
        self.units.fetch_add(units, Ordering::Relaxed);
        let started = self.window_started.load(Ordering::Relaxed);
        if now.saturating_sub(started) >= 1_000 || now < started {
            self.window_started.store(now, Ordering::Relaxed);
            self.window_units.store(units, Ordering::Relaxed);
            return false;
        }
        let burnt = self
            .window_units
            .fetch_add(units, Ordering::Relaxed)
            .saturating_add(units);
        let trips = burnt > WASTE_UNITS_PER_SECOND_MAX;
        if trips {
            self.tripped_until
                .store(now.saturating_add(TRIPPED_MILLISECONDS), Ordering::Relaxed);
        }
        trips
    }

    pub(super) fn spent(&self) -> Spent {
        Spent {
            evaluations: self.evaluations.load(Ordering::Relaxed),
            faults: self.faults.load(Ordering::Relaxed),
            units: self.units.load(Ordering::Relaxed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_module_within_its_share_is_never_tripped() {
        let meter = Meter::new();
        for second in 0..100 {
            assert!(!meter.count(WASTE_UNITS_PER_SECOND_MAX, false, second * 1_000));
        }
        assert!(!meter.is_tripped(100_000));
    }

    #[test]
    fn a_module_that_burns_more_is_tripped_for_a_while() {
        let meter = Meter::new();
        assert!(!meter.count(WASTE_UNITS_PER_SECOND_MAX, true, 5_000));
        assert!(meter.count(1, true, 5_999));
        assert!(meter.is_tripped(5_999) && meter.is_tripped(5_998 + TRIPPED_MILLISECONDS));
        assert!(!meter.is_tripped(5_999 + TRIPPED_MILLISECONDS));
    }
}
