//! Counting on the path of a request: each thread adds to rows of its own, and what was added is written once a second.

use std::cell::Cell;
use std::collections::HashMap;
use std::fmt;
use std::mem;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use foldhash::fast::RandomState;
use parking_lot::Mutex;
use s3_protocol::Operation;

use super::ledger::{Batch, Ledger, LedgerError};
use super::row::{Class, Counts, Hour, LastUse, Whose};
use crate::directory::AccessKeyId;
use crate::limits::{
    METER_PENDING_ROWS_MAX, METER_SHARD_COARSE_ROWS_MAX, METER_SHARD_ROWS_MAX, METER_SHARDS,
};
use crate::time::{Clock, UnixMillis};

/// Counts requests, and writes what it counted.
pub struct Meter {
    shards: Vec<Mutex<Shard>>,
    /// The next thread that has no shard yet gets this one.
    next: AtomicUsize,
    /// What is being written. Held by whoever writes.
    pending: Mutex<Pending>,
    ledger: Arc<Ledger>,
    clock: Clock,
    coarse: AtomicU64,
    failures: AtomicU64,
    flushes: AtomicU64,
}

/// A finished request.
#[derive(Clone, Copy, Debug)]
pub struct Event {
    /// When it ended.
    pub at: UnixMillis,
    /// Who pays.
    pub whose: Whose,
    /// What it was; none where it could not be understood.
    pub operation: Option<Operation>,
    /// The status of its answer; 0 where there was none.
    pub status: u16,
    /// Whether the answer went out whole.
    pub whole: bool,
    /// Bytes of its body that came.
    pub bytes_in: u64,
    /// Bytes of the answer's body that went.
    pub bytes_out: u64,
    /// Where it came from.
    pub address: IpAddr,
}

/// How the meter itself does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MeterNumbers {
    /// Requests that were counted without user, key and bucket, since there were too many rows.
    pub coarse: u64,
    /// Writes that failed.
    pub failures: u64,
    /// Writes.
    pub flushes: u64,
}

/// Rows of some threads, since the last write.
#[derive(Default)]
struct Shard {
    rows: Rows,
    coarse_rows: usize,
}

type Rows = HashMap<(Hour, Whose), Tally, RandomState>;

#[derive(Clone, Copy, Default)]
struct Tally {
    counts: Counts,
    last: Option<LastUse>,
}

#[derive(Default)]
struct Pending {
    /// What a store that failed did not take.
    rows: Rows,
    /// An empty map that changes places with a shard's: its memory is used again.
    spare: Rows,
}

thread_local! {
    /// The shard of this thread, once it has one.
    static PLACE: Cell<Option<usize>> = const { Cell::new(None) };
}

impl Meter {
    /// A meter that writes into these books.
    pub fn new(ledger: Arc<Ledger>, clock: Clock) -> Self {
        Self {
            shards: std::iter::repeat_with(Mutex::default)
                .take(METER_SHARDS)
                .collect(),
            next: AtomicUsize::new(0),
            pending: Mutex::default(),
            ledger,
            clock,
            coarse: AtomicU64::new(0),
            failures: AtomicU64::new(0),
            flushes: AtomicU64::new(0),
        }
    }

    /// The books.
    pub fn ledger(&self) -> &Arc<Ledger> {
        &self.ledger
    }

    /// Its clock.
    pub fn now(&self) -> UnixMillis {
        self.clock.now()
    }

    /// Counts one request.
    pub fn count(&self, event: &Event) {
        let place = PLACE.get().unwrap_or_else(|| {
            let place = self.next.fetch_add(1, Ordering::Relaxed);
            PLACE.set(Some(place));
            place
        });
        let Some(shard) = self.shards.get(place % METER_SHARDS) else {
            return;
        };
        let (hour, counts) = (Hour::of(event.at), event.counts());
        let mut shard = shard.lock();
        let (whose, is_coarse) = shard.place(hour, event.whose);
        let tally = shard.rows.entry((hour, whose)).or_default();
        tally.counts.add(&counts);
        if whose.key.is_some() {
            tally.last = Some(event.last_use());
        }
        drop(shard);
        if is_coarse {
            self.coarse.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Writes what was counted since the last write. What cannot be written waits for the next.
    pub fn flush(&self) -> Result<(), LedgerError> {
        let mut pending = self.pending.lock();
        for shard in &self.shards {
            if pending.rows.len() >= METER_PENDING_ROWS_MAX {
                break;
            }
            let Pending { rows, spare } = &mut *pending;
            {
                let mut shard = shard.lock();
                if shard.rows.is_empty() {
                    continue;
                }
                mem::swap(&mut shard.rows, spare);
                shard.coarse_rows = 0;
            }
            for (place, tally) in spare.drain() {
                rows.entry(place).or_default().merge(&tally);
            }
        }
        if pending.rows.is_empty() {
            return Ok(());
        }
        let batch = Batch::of(&pending.rows);
        self.flushes.fetch_add(1, Ordering::Relaxed);
        match self.ledger.add(&batch, Hour::of(self.clock.now())) {
            Ok(()) => {
                pending.rows.clear();
                Ok(())
            }
            Err(cause) => {
                self.failures.fetch_add(1, Ordering::Relaxed);
                Err(cause)
            }
        }
    }

    /// Asks the books where that may wait for the disk, after what was counted so far is written.
    pub async fn ask<T: Send + 'static>(
        self: &Arc<Self>,
        ask: impl FnOnce(&Ledger) -> Result<T, LedgerError> + Send + 'static,
    ) -> Result<T, LedgerError> {
        let meter = Arc::clone(self);
        let asked = tokio::task::spawn_blocking(move || {
            meter.flush()?;
            ask(&meter.ledger)
        });
        asked
            .await
            .unwrap_or_else(|cause| Err(LedgerError::Store(Box::new(cause))))
    }

    /// How it does.
    pub fn numbers(&self) -> MeterNumbers {
        let get = |number: &AtomicU64| number.load(Ordering::Relaxed);
        MeterNumbers {
            coarse: get(&self.coarse),
            failures: get(&self.failures),
            flushes: get(&self.flushes),
        }
    }
}

impl Shard {
    /// Where a request is counted: under whom it belongs to, unless there are too many rows already.
    fn place(&mut self, hour: Hour, whose: Whose) -> (Whose, bool) {
        let fine = self.rows.len().saturating_sub(self.coarse_rows);
        let full = fine >= METER_SHARD_ROWS_MAX;
        if !full || self.rows.contains_key(&(hour, whose)) {
            return (whose, false);
        }
        let account = whose.account();
        if self.rows.contains_key(&(hour, account)) {
            return (account, true);
        }
        if self.coarse_rows < METER_SHARD_COARSE_ROWS_MAX {
            self.coarse_rows += 1;
            return (account, true);
        }
        (Whose::NOBODY, true)
    }
}

impl Tally {
    fn merge(&mut self, more: &Self) {
        self.counts.add(&more.counts);
        self.last = match (self.last, more.last) {
            (Some(last), more) => Some(last.later(more)),
            (None, more) => more,
        };
    }
}

impl Event {
    fn counts(&self) -> Counts {
        let mut counts = Counts {
            refused: u64::from((400..500).contains(&self.status)),
            failed: u64::from(self.status >= 500),
            cut: u64::from(self.status == 0 || !self.whole),
            bytes_in: self.bytes_in,
            bytes_out: self.bytes_out,
            ..Counts::default()
        };
        let [read, write, list, delete, other] = &mut counts.requests;
        *match Class::of(self.operation) {
            Class::Read => read,
            Class::Write => write,
            Class::List => list,
            Class::Delete => delete,
            Class::Other => other,
        } = 1;
        counts
    }

    fn last_use(&self) -> LastUse {
        LastUse {
            at: self.at,
            address: self.address,
            operation: self.operation,
        }
    }
}

impl Batch {
    fn of(rows: &Rows) -> Self {
        let mut last: HashMap<AccessKeyId, LastUse, RandomState> = HashMap::default();
        let mut counts = Vec::with_capacity(rows.len());
        for ((hour, whose), tally) in rows {
            counts.push((*hour, *whose, tally.counts));
            if let (Some(key), Some(usage)) = (whose.key, tally.last) {
                let known = last.get(&key).copied();
                last.insert(key, usage.later(known));
            }
        }
        // In the order of the store: neighbours share pages.
        counts.sort_unstable_by_key(|(hour, whose, _)| (*hour, *whose));
        Self {
            counts,
            last: last.into_iter().collect(),
        }
    }
}

impl fmt::Debug for Meter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Meter")
            .field("numbers", &self.numbers())
            .finish_non_exhaustive()
    }
}
