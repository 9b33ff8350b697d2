//! How often somebody may guess. Each failure after the first few makes the next attempt wait, twice as long each time; a
//! success, or a quiet while, forgets them.
//!
//! Asked for the account and for the address, each by itself: an attacker with many addresses is slowed by the account,
//! one who tries many accounts by the address.

use std::net::IpAddr;
use std::time::Duration;

use moka::sync::Cache;

use crate::limits::{THROTTLE_FREE_ATTEMPTS, THROTTLE_SUBJECTS_MAX, THROTTLE_WAIT_SECONDS_MAX};
use crate::time::UnixMillis;

/// Counts failures, by what they were about. In memory: a restart forgets them.
#[derive(Debug)]
pub struct Throttle {
    failures: Cache<String, Failures>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Failures {
    count: u32,
    last_ms: u64,
}

/// How long to wait before the next attempt, in seconds; at least 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("too many attempts; try again in {0} s")]
pub struct Wait(pub u64);

impl Default for Throttle {
    fn default() -> Self {
        let failures = Cache::builder()
            .max_capacity(THROTTLE_SUBJECTS_MAX)
            .time_to_idle(Duration::from_secs(2 * THROTTLE_WAIT_SECONDS_MAX))
            .build();
        Self { failures }
    }
}

impl Throttle {
    /// Whether an attempt may be made now.
    ///
    /// # Errors
    /// How long to wait.
    pub fn admit(&self, subjects: &[String], now: UnixMillis) -> Result<(), Wait> {
        let waits = subjects.iter().filter_map(|subject| {
            let failures = self.failures.get(subject)?;
            let over = failures
                .last_ms
                .saturating_add(failures.wait_seconds() * 1_000);
            let left = over.saturating_sub(now.0).div_ceil(1_000);
            (left > 0).then_some(left)
        });
        waits.max().map_or(Ok(()), |seconds| Err(Wait(seconds)))
    }

    /// An attempt failed.
    pub fn failed(&self, subjects: &[String], now: UnixMillis) {
        for subject in subjects {
            self.failures
                .entry_by_ref(subject)
                .and_upsert_with(|known| {
                    let known = known.map(moka::Entry::into_value).unwrap_or_default();
                    Failures {
                        count: known.count.saturating_add(1),
                        last_ms: now.0,
                    }
                });
        }
    }

    /// An attempt succeeded: what failed before was a slip of the fingers. Of an address nothing is forgotten: others are behind it.
    pub fn succeeded(&self, account: &str) {
        self.failures.invalidate(account);
    }

    /// What an address is counted under: an IPv6 host has a whole /64 to itself.
    pub fn address(address: IpAddr) -> String {
        match address.to_canonical() {
            IpAddr::V4(address) => format!("address {address}"),
            IpAddr::V6(address) => {
                let [a, b, c, d, ..] = address.segments();
                format!("address {a:x}:{b:x}:{c:x}:{d:x}::/64")
            }
        }
    }
}

impl Failures {
    const fn wait_seconds(self) -> u64 {
        let Some(over) = self.count.checked_sub(THROTTLE_FREE_ATTEMPTS) else {
            return 0;
        };
        let wait = match 1_u64.checked_shl(over) {
            Some(wait) => wait,
            None => THROTTLE_WAIT_SECONDS_MAX,
        };
        if wait < THROTTLE_WAIT_SECONDS_MAX {
            wait
        } else {
            THROTTLE_WAIT_SECONDS_MAX
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_few_are_free_and_each_after_them_waits_twice_as_long() {
        let throttle = Throttle::default();
        let ada = ["account ada".to_owned()];
        let mut waits = Vec::new();
        for _ in 0..THROTTLE_FREE_ATTEMPTS + 3 {
            throttle.failed(&ada, UnixMillis(0));
            waits.push(throttle.admit(&ada, UnixMillis(0)).err().map(|wait| wait.0));
        }
        assert_eq!(
            waits,
            [None, None, None, None, Some(1), Some(2), Some(4), Some(8)]
        );
        assert_eq!(throttle.admit(&ada, UnixMillis(7_999)), Err(Wait(1)));
        assert_eq!(throttle.admit(&ada, UnixMillis(8_000)), Ok(()));
        for _ in 0..80 {
            throttle.failed(&ada, UnixMillis(8_000));
        }
        let longest = Err(Wait(THROTTLE_WAIT_SECONDS_MAX));
        assert_eq!(throttle.admit(&ada, UnixMillis(8_000)), longest);
    }

    #[test]
    fn one_account_does_not_wait_for_another_and_success_forgets() {
        let throttle = Throttle::default();
        let (ada, bob) = ("account ada".to_owned(), "account bob".to_owned());
        for _ in 0..10 {
            throttle.failed(std::slice::from_ref(&ada), UnixMillis(0));
        }
        assert_eq!(throttle.admit(&[bob], UnixMillis(0)), Ok(()));
        assert!(
            throttle
                .admit(std::slice::from_ref(&ada), UnixMillis(0))
                .is_err()
        );
        throttle.succeeded(&ada);
        assert_eq!(throttle.admit(&[ada], UnixMillis(0)), Ok(()));
    }

    #[test]
    fn an_address_is_counted_with_its_neighbours() {
        let of = |text: &str| Throttle::address(text.parse().unwrap());
        assert_eq!(of("2001:db8::1"), of("2001:db8::2:3"));
        assert_ne!(of("2001:db8::1"), of("2001:db8:0:1::1"));
        assert_eq!(of("::ffff:192.0.2.1"), of("192.0.2.1"));
        assert_ne!(of("192.0.2.2"), of("192.0.2.1"));
    }
}
