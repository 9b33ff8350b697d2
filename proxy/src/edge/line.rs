//! One connection as its watch sees it, and the watch over all connections of a listener.
//!
//! No request sets a timer: each connection notes on a coarse clock when its phase began, and one sweep looks at all of
//! them. A timer for each head costs an allocation and the timer wheel's lock, for something that hardly ever fires.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use futures_util::task::AtomicWaker;
use parking_lot::Mutex;

use super::EdgeLimits;

/// What a connection does now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Phase {
    /// No request yet.
    Fresh,
    /// Between two requests.
    Kept,
    /// Some bytes of a head are there.
    Head,
    /// At least one request is being served.
    Busy,
    /// The last byte of an answer is with hyper, and not yet flushed.
    Answered,
}

/// What the connection's own task is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Order {
    /// Go on.
    GoOn,
    /// Finish the request at work, then close.
    Drain,
    /// End now: a limit is exceeded.
    End,
}

/// One connection.
#[derive(Debug)]
pub(super) struct Line {
    watch: Arc<Watch>,
    phase: AtomicU8,
    since: AtomicU64,
    /// When a write began to wait, or 0.
    stalled: AtomicU64,
    order: AtomicU8,
    at_work: AtomicU32,
    /// The body of the request at work has not ended.
    body_open: AtomicBool,
    /// The client is still sending what nobody will read: close slowly.
    linger: AtomicBool,
    task: AtomicWaker,
    /// The bytes of the head being read, as they came: hyper hides which of two framings a head declared.
    /// Guards nothing but itself; never held over an await.
    head: Mutex<Head>,
}

/// The bytes of a head.
#[derive(Debug, Default)]
struct Head {
    bytes: Vec<u8>,
    cut: bool,
}

/// All connections of a listener.
#[derive(Debug)]
pub(super) struct Watch {
    limits: EdgeLimits,
    started: Instant,
    /// Milliseconds since `started`, as of the last sweep, plus one: 0 is never a time.
    now: AtomicU64,
    draining: AtomicBool,
    /// The connections by number. Held for an insertion, a removal or a sweep.
    lines: Mutex<(u64, HashMap<u64, Arc<Line>>)>,
}

/// Takes the connection off the watch when it is dropped.
#[derive(Debug)]
pub(super) struct Watched {
    number: u64,
    pub(super) line: Arc<Line>,
}

impl Watch {
    pub(super) fn new(limits: EdgeLimits) -> Arc<Self> {
        Arc::new(Self {
            limits,
            started: Instant::now(),
            now: AtomicU64::new(1),
            draining: AtomicBool::new(false),
            lines: Mutex::default(),
        })
    }

    /// How often to sweep: often enough that the shortest limit is exceeded by a quarter at most.
    pub(super) fn period(&self) -> Duration {
        let shortest = self
            .limits
            .head_time
            .min(self.limits.keep_alive_time)
            .min(self.limits.body_idle_time);
        (shortest / 4).clamp(Duration::from_millis(25), Duration::from_secs(1))
    }

    /// Begins to watch a connection.
    pub(super) fn enter(self: &Arc<Self>) -> Watched {
        let line = Arc::new(Line {
            watch: Arc::clone(self),
            phase: AtomicU8::new(Phase::Fresh as u8),
            since: AtomicU64::new(self.now()),
            stalled: AtomicU64::new(0),
            order: AtomicU8::new(Order::GoOn as u8),
            at_work: AtomicU32::new(0),
            body_open: AtomicBool::new(false),
            linger: AtomicBool::new(false),
            task: AtomicWaker::new(),
            head: Mutex::default(),
        });
        let mut lines = self.lines.lock();
        lines.0 += 1;
        let number = lines.0;
        lines.1.insert(number, Arc::clone(&line));
        drop(lines);
        if self.draining.load(Ordering::SeqCst) {
            line.tell(Order::Drain);
        }
        Watched { number, line }
    }

    /// Looks at every connection and ends those that exceed a limit.
    pub(super) fn sweep(&self) {
        let elapsed = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX - 1);
        self.now.store(elapsed + 1, Ordering::Relaxed);
        for line in self.lines.lock().1.values() {
            if line.is_over(elapsed + 1) {
                line.tell(Order::End);
            }
        }
    }

    /// Asks every connection to finish what it does and to close.
    pub(super) fn drain(&self) {
        self.draining.store(true, Ordering::SeqCst);
        for line in self.lines.lock().1.values() {
            line.tell(Order::Drain);
        }
    }

    /// Ends every connection now.
    pub(super) fn end(&self) {
        for line in self.lines.lock().1.values() {
            line.tell(Order::End);
        }
    }

    fn now(&self) -> u64 {
        self.now.load(Ordering::Relaxed)
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.line.watch.lines.lock().1.remove(&self.number);
    }
}

impl Line {
    pub(super) fn limits(&self) -> &EdgeLimits {
        &self.watch.limits
    }

    pub(super) fn phase(&self) -> Phase {
        match self.phase.load(Ordering::Relaxed) {
            0 => Phase::Fresh,
            1 => Phase::Kept,
            2 => Phase::Head,
            3 => Phase::Busy,
            _ => Phase::Answered,
        }
    }

    fn enter(&self, phase: Phase) {
        self.phase.store(phase as u8, Ordering::Relaxed);
        self.since.store(self.watch.now(), Ordering::Relaxed);
    }

    /// `bytes` came from the client.
    pub(super) fn read(&self, bytes: &[u8]) {
        match self.phase() {
            Phase::Fresh => self.phase.store(Phase::Head as u8, Ordering::Relaxed), // its time runs from the first wait
            Phase::Kept => self.enter(Phase::Head),
            Phase::Head => {}
            Phase::Busy | Phase::Answered => return,
        }
        let mut head = self.head.lock();
        // Room for the largest head and for what came with its last piece.
        if head.bytes.len() + bytes.len() <= 4 * self.watch.limits.head_bytes {
            head.bytes.extend_from_slice(bytes);
        } else {
            head.cut = true;
        }
    }

    /// A request begins.
    pub(super) fn begin(&self) {
        self.at_work.fetch_add(1, Ordering::Relaxed);
        self.enter(Phase::Busy);
    }

    /// Whether the head that was just read, of a request with `Transfer-Encoding`, has a length too, or cannot be seen.
    pub(super) fn head_is_ambiguous(&self, request_line: &str) -> bool {
        let head = self.head.lock();
        let Some(start) = memchr::memmem::find(&head.bytes, request_line.as_bytes()) else {
            return true;
        };
        let bytes = head.bytes.get(start..).unwrap_or_default();
        let ends = [
            memchr::memmem::find(bytes, b"\r\n\r\n"),
            memchr::memmem::find(bytes, b"\n\n"),
        ];
        let Some(end) = ends.into_iter().flatten().min() else {
            return true;
        };
        let lines = bytes
            .get(..end)
            .unwrap_or_default()
            .split(|byte| *byte == b'\n');
        head.cut
            || lines.into_iter().any(|line| {
                line.get(..15)
                    .is_some_and(|name| name.eq_ignore_ascii_case(b"content-length:"))
            })
    }

    /// Forgets the bytes of the head.
    pub(super) fn forget_head(&self) {
        let mut head = self.head.lock();
        head.bytes.clear();
        head.cut = false;
    }

    /// The last byte of an answer was handed to hyper, or the request was given up.
    pub(super) fn answered(&self) {
        if self.at_work.fetch_sub(1, Ordering::Relaxed) == 1 {
            self.enter(Phase::Answered);
        }
    }

    /// All that was written is on its way.
    pub(super) fn flushed(&self) {
        self.stalled.store(0, Ordering::Relaxed);
        if self.phase() == Phase::Answered {
            self.enter(Phase::Kept);
        }
    }

    /// A write waits for the client (`true`) or went on.
    pub(super) fn write_waits(&self, waits: bool) {
        match (waits, self.stalled.load(Ordering::Relaxed)) {
            (true, 0) => self.stalled.store(self.watch.now(), Ordering::Relaxed),
            (false, 1..) => self.stalled.store(0, Ordering::Relaxed),
            _ => {}
        }
    }

    pub(super) fn set_body_open(&self, open: bool) {
        self.body_open.store(open, Ordering::Relaxed);
    }

    pub(super) fn body_open(&self) -> bool {
        self.body_open.load(Ordering::Relaxed)
    }

    pub(super) fn set_linger(&self) {
        self.linger.store(true, Ordering::Relaxed);
    }

    pub(super) fn linger(&self) -> bool {
        self.linger.load(Ordering::Relaxed)
    }

    /// What the connection's task is told; it is woken when that changes.
    pub(super) fn order(&self, cx: &std::task::Context<'_>) -> Order {
        self.task.register(cx.waker());
        match self.order.load(Ordering::Acquire) {
            0 => Order::GoOn,
            1 => Order::Drain,
            _ => Order::End,
        }
    }

    fn tell(&self, order: Order) {
        if self.order.fetch_max(order as u8, Ordering::AcqRel) < order as u8 {
            self.task.wake();
        }
    }

    fn is_over(&self, now: u64) -> bool {
        let limits = &self.watch.limits;
        let longer =
            |since: u64, limit: Duration| u128::from(now.saturating_sub(since)) > limit.as_millis();
        let since = self.since.load(Ordering::Relaxed);
        let stalled = self.stalled.load(Ordering::Relaxed);
        let waited = match self.phase() {
            Phase::Fresh | Phase::Head => longer(since, limits.head_time),
            Phase::Kept => longer(since, limits.keep_alive_time),
            Phase::Busy => false,
            Phase::Answered => longer(since, limits.body_idle_time),
        };
        waited || (stalled != 0 && longer(stalled, limits.body_idle_time))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(watch: &Watch, millis: u64) {
        watch.now.store(millis, Ordering::Relaxed);
    }

    #[test]
    fn the_time_of_a_head_runs_from_the_first_wait() {
        let watch = Watch::new(EdgeLimits::default());
        let limit = u64::try_from(watch.limits.head_time.as_millis()).unwrap();
        let watched = watch.enter();
        at(&watch, 1 + limit / 2);
        // A client that says a byte at the last moment has no more time than one that says nothing.
        watched.line.read(b"G");
        assert!(!watched.line.is_over(1 + limit));
        assert!(watched.line.is_over(2 + limit));
    }

    #[test]
    fn on_a_kept_connection_a_head_has_its_own_time() {
        let watch = Watch::new(EdgeLimits::default());
        let limit = u64::try_from(watch.limits.head_time.as_millis()).unwrap();
        let kept = u64::try_from(watch.limits.keep_alive_time.as_millis()).unwrap();
        let watched = watch.enter();
        watched.line.read(b"GET / HTTP/1.1\r\n\r\n");
        watched.line.begin();
        watched.line.answered();
        watched.line.flushed();
        assert!(!watched.line.is_over(1 + kept));
        assert!(watched.line.is_over(2 + kept));
        at(&watch, kept);
        watched.line.read(b"G");
        assert!(!watched.line.is_over(kept + limit));
        assert!(watched.line.is_over(kept + limit + 1));
    }

    #[test]
    fn a_write_that_stands_still_ends_a_request_at_work_and_one_that_flows_does_not() {
        let watch = Watch::new(EdgeLimits::default());
        let idle = u64::try_from(watch.limits.body_idle_time.as_millis()).unwrap();
        let watched = watch.enter();
        watched.line.begin();
        assert!(!watched.line.is_over(u64::MAX), "it may take its time");
        watched.line.write_waits(true);
        at(&watch, idle);
        // It still waits for the same bytes.
        watched.line.write_waits(true);
        assert!(!watched.line.is_over(1 + idle));
        assert!(watched.line.is_over(2 + idle));
        watched.line.write_waits(false);
        assert!(!watched.line.is_over(u64::MAX));
    }
}
