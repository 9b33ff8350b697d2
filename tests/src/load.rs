//! Load: connections that each send one request after another, and what a server paid for it in processor time.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rustls::ClientConfig;

use crate::wire::Wire;

/// What /proc counts processor time in. Source: proc(5), `sysconf(_SC_CLK_TCK)`: 100 on every Linux of today.
const TICKS_PER_SECOND: f64 = 100.0;

/// Whom to load, and how.
#[derive(Debug)]
pub struct Load<'a> {
    /// The server.
    pub to: SocketAddr,
    /// What to trust, and which cipher to speak; none: plain HTTP.
    pub tls: Option<&'a Arc<ClientConfig>>,
    /// How many connections, each with a thread.
    pub connections: usize,
    /// The status of each answer; another counts as a failure.
    pub wanted: u16,
    /// The processes whose processor time is counted.
    pub pids: &'a [u32],
    /// How long to run before counting.
    pub warm_up: Duration,
    /// How long to count.
    pub duration: Duration,
}

/// What came of it.
#[derive(Clone, Debug)]
pub struct Report {
    /// Requests answered while counting.
    pub requests: u64,
    /// How long was counted.
    pub elapsed: Duration,
    /// Processor time of the server, user and system, while counting.
    pub cpu: Duration,
    /// How long each answer took, in µs, ascending.
    pub latencies: Vec<u32>,
    /// What went wrong, a few of each.
    pub failures: Vec<String>,
}

/// Makes the request of a connection into the buffer: connection, number of the request.
pub type Requests<'r> = dyn Fn(usize, u64, &mut Vec<u8>) + Sync + 'r;

impl Load<'_> {
    /// Runs it.
    pub fn run(&self, requests: &Requests<'_>) -> Report {
        let (stop, counting) = (AtomicBool::new(false), AtomicBool::new(false));
        let answered = AtomicU64::new(0);
        let latencies = Mutex::new(Vec::new());
        let failures = Mutex::new(Vec::new());
        let (mut elapsed, mut cpu) = (Duration::ZERO, Duration::ZERO);

        std::thread::scope(|scope| {
            for connection in 0..self.connections {
                let shared = (&stop, &counting, &answered, &latencies, &failures);
                scope.spawn(move || {
                    let (stop, counting, answered, latencies, failures) = shared;
                    let mut mine = Vec::new();
                    let outcome = self.connection(connection, requests, stop, |latency| {
                        if counting.load(Ordering::Relaxed) {
                            answered.fetch_add(1, Ordering::Relaxed);
                            mine.push(latency);
                        }
                    });
                    latencies.lock().expect("no panic").extend(mine);
                    if let Err(failure) = outcome {
                        failures.lock().expect("no panic").push(failure);
                    }
                });
            }
            std::thread::sleep(self.warm_up);
            let (begin, before) = (Instant::now(), self.cpu());
            counting.store(true, Ordering::Relaxed);
            std::thread::sleep(self.duration);
            counting.store(false, Ordering::Relaxed);
            (elapsed, cpu) = (begin.elapsed(), self.cpu().saturating_sub(before));
            stop.store(true, Ordering::Relaxed);
        });

        let mut latencies = latencies.into_inner().expect("no panic");
        latencies.sort_unstable();
        let failures = failures.into_inner().expect("no panic");
        Report {
            requests: answered.into_inner(),
            elapsed,
            cpu,
            latencies,
            failures,
        }
    }

    fn connection(
        &self,
        connection: usize,
        requests: &Requests<'_>,
        stop: &AtomicBool,
        mut done: impl FnMut(u32),
    ) -> Result<(), String> {
        let connect = || Wire::open(self.to, "localhost", self.tls).map_err(|e| e.to_string());
        let mut wire = connect()?;
        let mut scratch = vec![0; 256 * 1024];
        let mut request = Vec::with_capacity(8 * 1024);
        let mut nth = 0;
        while !stop.load(Ordering::Relaxed) {
            request.clear();
            requests(connection, nth, &mut request);
            let begin = Instant::now();
            wire.send(&request)
                .map_err(|error| format!("sending request {nth}: {error}"))?;
            let is_head = request.starts_with(b"HEAD ");
            let (status, _) = if is_head {
                wire.skim_head(&mut scratch)
            } else {
                wire.skim(&mut scratch)
            }
            .map_err(|error| format!("answer to request {nth}: {error}"))?;
            if status != self.wanted {
                return Err(format!("status {status} for request {nth}"));
            }
            done(u32::try_from(begin.elapsed().as_micros()).unwrap_or(u32::MAX));
            nth += 1;
        }
        Ok(())
    }

    fn cpu(&self) -> Duration {
        self.pids.iter().map(|pid| cpu(*pid)).sum()
    }
}

impl Report {
    /// Requests a second.
    pub fn rate(&self) -> f64 {
        self.requests as f64 / self.elapsed.as_secs_f64()
    }

    /// Processor time of the server for a request, in µs.
    pub fn cpu_each(&self) -> f64 {
        self.cpu.as_secs_f64() * 1e6 / self.requests.max(1) as f64
    }

    /// The latency in µs that `share` of the requests stay within.
    pub fn within(&self, share: f64) -> u32 {
        let last = self.latencies.len().saturating_sub(1);
        self.latencies
            .get((last as f64 * share) as usize)
            .copied()
            .unwrap_or(0)
    }
}

/// The processor time that a process has used in all its threads, user and system. Source: proc_pid_stat(5).
pub fn cpu(pid: u32) -> Duration {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let after_name = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let fields: Vec<u64> = after_name
        .split_ascii_whitespace()
        .map(|field| field.parse().unwrap_or(0))
        .collect();
    let ticks = fields.get(11).unwrap_or(&0) + fields.get(12).unwrap_or(&0);
    Duration::from_secs_f64(ticks as f64 / TICKS_PER_SECOND)
}

/// The memory of a process that is resident, in bytes: all of it, and the part that is not a file's.
pub fn memory(pid: u32) -> (u64, u64) {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let field = |name: &str| {
        let line = status.lines().find(|line| line.starts_with(name));
        let kib = line.and_then(|line| line.split_ascii_whitespace().nth(1));
        kib.and_then(|kib| kib.parse::<u64>().ok()).unwrap_or(0) * 1024
    };
    (field("VmRSS:"), field("RssAnon:"))
}
