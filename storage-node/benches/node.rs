//! What the node costs: a table of PUT and GET of 4 KiB, on an empty index and on a million rows. `cargo bench -p storage-node --bench node`
//! (`-- --rows 1000000`, `-- --seconds 5`); `cargo test` builds it and does nothing.
#![expect(clippy::print_stdout, reason = "it prints a table")]
#![expect(clippy::unwrap_used, reason = "a failure ends it")]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use s3_protocol::BucketId;
use s3_protocol::call::{GetObject, PutObject};
use s3_protocol::object::Creator;
use storage_node::{Guards, Node, NodeOptions, ObjectPlace, WriteAs};

const BUCKET: BucketId = BucketId(1);

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    if !arguments.iter().any(|argument| argument == "--bench") {
        return;
    }
    let number = |name: &str, default: u64| {
        let at = arguments.iter().position(|argument| argument == name);
        at.and_then(|at| arguments.get(at + 1))
            .map_or(default, |value| value.parse().unwrap())
    };
    let (rows, seconds) = (number("--rows", 1_000_000), number("--seconds", 5));
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(run(rows, Duration::from_secs(seconds)));
}

async fn run(rows: u64, time: Duration) {
    let dir = tempfile::tempdir().unwrap();
    let clock = Arc::new(|| {
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        u64::try_from(now.as_millis()).unwrap_or(0)
    });
    let node = Node::open(NodeOptions::new(dir.path(), clock)).unwrap();
    node.create_bucket(BUCKET).await.unwrap();
    println!(
        "{:<44} {:>9} {:>9} {:>9} {:>9} {:>9}",
        "", "ops/s", "CPU us", "p50 us", "p99.9 us", "max ms"
    );
    row(
        "PUT 4 KiB, 1 writer, small index",
        puts(&node, 1, time, 1_000).await,
    );
    row(
        "PUT 4 KiB, 32 writers, small index",
        puts(&node, 32, time, 1_000).await,
    );
    row(
        "GET 4 KiB, 1 reader, 1,000 keys",
        gets(&node, 1, time, 1_000).await,
    );
    fill(&node, rows).await;
    row(
        "PUT 4 KiB, 32 writers, random of all rows",
        puts(&node, 32, time * 3, rows).await,
    );
    row(
        "GET 4 KiB, 2 readers, random of all rows",
        gets(&node, 2, time, rows).await,
    );
    let stop = Arc::new(AtomicBool::new(false));
    let writer = tokio::spawn(write_until(node.clone(), rows, Arc::clone(&stop)));
    row(
        "the same beside a writer (its CPU included)",
        gets(&node, 2, time, rows).await,
    );
    stop.store(true, Ordering::Relaxed);
    writer.await.unwrap();
    let resident = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let resident = resident
        .lines()
        .filter(|line| line.starts_with("VmRSS") || line.starts_with("VmHWM"));
    println!("{:?}\n{:?}", resident.collect::<Vec<_>>(), node.stats());
    node.close().await;
}

/// What a run measured.
struct Measured {
    operations: u64,
    took: Duration,
    cpu: Duration,
    latencies: Vec<u32>,
}

#[expect(clippy::cast_precision_loss, reason = "a table for people")]
fn row(name: &str, mut measured: Measured) {
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
        "{name:<44} {:>9.0} {:>9.1} {:>9} {:>9} {:>9.1}",
        measured.operations as f64 / measured.took.as_secs_f64(),
        measured.cpu.as_secs_f64() * 1e6 / measured.operations.max(1) as f64,
        at(500),
        at(999),
        f64::from(max) / 1_000.0
    );
}

/// Processor time of this process, from `/proc/self/stat` (hundredths of a second).
fn cpu() -> Duration {
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

async fn measure<F, W>(workers: u64, time: Duration, work: W) -> Measured
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
    }
    latencies
}

fn place(number: u64) -> ObjectPlace {
    // Scattered, as names of real objects are.
    let scattered = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    ObjectPlace {
        bucket: BUCKET,
        key: format!("photos/{scattered:016x}/{number}").parse().unwrap(),
    }
}

async fn put(node: &Node, number: u64, payload: Bytes) {
    let creator = Creator {
        principal: "user/8d1f0c52".into(),
        lineage: "key/5a0b77e1".into(),
    };
    let by = WriteAs {
        creator,
        ..WriteAs::default()
    };
    let mut ask = PutObject {
        length: Some(payload.len() as u64),
        ..PutObject::default()
    };
    ask.head.content.content_type = Some("image/jpeg".to_owned());
    node.put_object(&place(number), ask, by, Full::new(payload))
        .await
        .unwrap();
}

async fn puts(node: &Node, workers: u64, time: Duration, keys: u64) -> Measured {
    let (node, payload) = (node.clone(), Bytes::from(vec![7; 4_096]));
    measure(workers, time, move |random| {
        let (node, payload) = (node.clone(), payload.clone());
        async move { put(&node, random % keys, payload).await }
    })
    .await
}

async fn gets(node: &Node, workers: u64, time: Duration, keys: u64) -> Measured {
    let node = node.clone();
    measure(workers, time, move |random| {
        let node = node.clone();
        async move {
            let got = node
                .get_object(
                    &place(random % keys),
                    &GetObject::default(),
                    Guards::default(),
                )
                .await;
            if let Ok((_, body)) = got {
                assert_eq!(body.collect().await.unwrap().to_bytes().len(), 4_096);
            }
        }
    })
    .await
}

async fn fill(node: &Node, rows: u64) {
    let next = Arc::new(AtomicU64::new(0));
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..64 {
        let (node, next) = (node.clone(), Arc::clone(&next));
        tasks.spawn(async move {
            let payload = Bytes::from(vec![9; 4_096]);
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= rows {
                    return;
                }
                put(&node, number, payload.clone()).await;
            }
        });
    }
    tasks.join_all().await;
}

async fn write_until(node: Node, rows: u64, stop: Arc<AtomicBool>) {
    let mut number = 1_u64;
    while !stop.load(Ordering::Relaxed) {
        number = number
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        put(&node, number % rows, Bytes::from(vec![8; 4_096])).await;
    }
}
