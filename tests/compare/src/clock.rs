//! What is measured: processor time of this thread, memory of this process.

use std::hint::black_box;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// The processor time that this thread has used. Source: clock_gettime(2), `CLOCK_THREAD_CPUTIME_ID`.
pub fn used() -> Duration {
    Duration::try_from(clock_gettime(ClockId::ThreadCPUTime)).expect("no time before the start")
}

/// The processor time of `work`, and what it made.
pub fn timed<T>(work: impl FnOnce() -> T) -> (Duration, T) {
    let begin = used();
    let made = black_box(work());
    (used() - begin, made)
}

/// Nanoseconds of one of `count` things that took so long together.
pub fn each(spent: Duration, count: usize) -> f64 {
    spent.as_secs_f64() * 1e9 / count.max(1) as f64
}

/// The middle one.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Resident memory of this process in bytes: all of it, and what is no file's. Source: proc_pid_status(5).
pub fn resident() -> (u64, u64) {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let field = |name: &str| {
        let line = status.lines().find(|line| line.starts_with(name));
        let kib = line.and_then(|line| line.split_ascii_whitespace().nth(1));
        kib.and_then(|kib| kib.parse::<u64>().ok()).unwrap_or(0) * 1024
    };
    (field("VmRSS:"), field("RssAnon:"))
}

/// Memory maps of this process. Linux allows `vm.max_map_count` of them, usually 65,530.
pub fn maps() -> usize {
    std::fs::read_to_string("/proc/self/maps").map_or(0, |maps| maps.lines().count())
}
