//! What the benches have in common: arguments, objects to put, load for a while, and a line of a table.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http_body_util::Full;
use s3_protocol::BucketId;
use s3_protocol::call::PutObject;
use s3_protocol::object::Creator;
use storage_node::options::Clock;
use storage_node::{Node, ObjectPlace, WriteAs};

pub(crate) const BUCKET: BucketId = BucketId(1);

/// What stands behind an argument.
pub(crate) fn value(name: &str) -> Option<String> {
    let mut arguments = std::env::args().skip_while(|argument| argument != name);
    arguments.nth(1)
}

/// The number behind an argument.
pub(crate) fn number(name: &str, default: u64) -> u64 {
    value(name).map_or(default, |text| text.parse().unwrap())
}

pub(crate) fn clock() -> Clock {
    Arc::new(|| {
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        u64::try_from(now.as_millis()).unwrap_or(0)
    })
}

/// KiB of memory, as `/proc/self/status` names them.
pub(crate) fn resident(field: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(field));
    let digits = line.and_then(|line| line.split_whitespace().next());
    digits.and_then(|text| text.parse().ok()).unwrap_or(0)
}

/// The heads of the table.
pub(crate) fn head() {
    println!(
        "{:<48} {:>9} {:>9} {:>9} {:>9} {:>9} {:>9}",
        "", "ops/s", "CPU us", "p50 us", "p99 us", "p99.9 us", "max ms"
    );
}

/// Who writes.
pub(crate) fn by() -> WriteAs {
    WriteAs {
        creator: Creator {
            principal: "user/8d1f0c52".into(),
            lineage: "key/5a0b77e1".into(),
        },
        ..WriteAs::default()
    }
}

/// What a run measured.
pub(crate) struct Measured {
    operations: u64,
    took: Duration,
    cpu: Duration,
    latencies: Vec<u32>,
}

#[expect(clippy::cast_precision_loss, reason = "a table for people")]
pub(crate) fn row(name: &str, mut measured: Measured) {
    measured.latencies.sort_unstable();
    let at = |share: usize| {
        measured
            .latencies
            .get(measured.latencies.len() * share / 1_000)
            .copied()
            .unwrap_or(0)
    };
    let max = measured.latencies.last().copied().unwrap_or(0);
    println!(
        "{name:<48} {:>9.0} {:>9.1} {:>9} {:>9} {:>9} {:>9.1}",
        measured.operations as f64 / measured.took.as_secs_f64(),
        measured.cpu.as_secs_f64() * 1e6 / measured.operations.max(1) as f64,
        at(500),
        at(990),
        at(999),
        f64::from(max) / 1_000.0
    );
}

/// Processor time of this process, from `/proc/self/stat` (hundredths of a second).
pub(crate) fn cpu() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = stat
        .rsplit(')')
        .next()
        .unwrap_or("")
        .split_whitespace()
        .collect();
    let ticks = |at: usize| {
        fields
            .get(at)
            .and_then(|field| field.parse::<u64>().ok())
            .unwrap_or(0)
    };
    Duration::from_millis((ticks(11) + ticks(12)) * 10)
}

pub(crate) async fn measure<F, W>(workers: u64, time: Duration, work: W) -> Measured
where
    W: Fn(u64) -> F,
    F: Future<Output = ()> + Send + 'static,
    W: Send + Sync + 'static,
{
    let work = Arc::new(work);
    let (cpu_before, began) = (cpu(), Instant::now());
    let mut tasks = tokio::task::JoinSet::new();
    for worker in 0..workers {
        let work = Arc::clone(&work);
        tasks.spawn(one_worker(worker, began, time, work));
    }
    let latencies: Vec<u32> = tasks.join_all().await.into_iter().flatten().collect();
    let (took, cpu) = (began.elapsed(), cpu().saturating_sub(cpu_before));
    Measured {
        operations: latencies.len() as u64,
        took,
        cpu,
        latencies,
    }
}

async fn one_worker<F, W>(worker: u64, began: Instant, time: Duration, work: Arc<W>) -> Vec<u32>
where
    W: Fn(u64) -> F,
    F: Future<Output = ()> + Send,
{
    let mut state = worker * 2 + 0x9e37_79b9_7f4a_7c15;
    let mut latencies = Vec::new();
    while began.elapsed() < time {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        let now = Instant::now();
        work(state).await;
        latencies.push(u32::try_from(now.elapsed().as_micros()).unwrap_or(u32::MAX));
        // What never waits would keep its thread from all others.
        tokio::task::yield_now().await;
    }
    latencies
}

pub(crate) fn place(number: u64) -> ObjectPlace {
    // Scattered, as names of real objects are.
    let scattered = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    ObjectPlace {
        bucket: BUCKET,
        key: format!("photos/{scattered:016x}/{number}").parse().unwrap(),
    }
}

pub(crate) async fn put(node: &Node, number: u64, payload: Bytes) {
    put_at(node, &place(number), payload).await;
}

pub(crate) async fn put_at(node: &Node, place: &ObjectPlace, payload: Bytes) {
    let mut ask = PutObject {
        length: Some(payload.len() as u64),
        ..PutObject::default()
    };
    ask.head.content.content_type = Some("image/jpeg".to_owned());
    node.put_object(place, ask, by(), Full::new(payload))
        .await
        .unwrap();
}
