//! One bucket with many small objects: how fast they come, what each takes in the index, how much memory, how long a page of a list takes
//! at any depth, and how soon the node is back after it was killed. `cargo bench -p storage-node --bench many`
//! (`-- --objects 10000000`); `cargo test` builds it and does nothing.
#![expect(clippy::print_stdout, reason = "it prints a table")]
#![expect(clippy::unwrap_used, reason = "a failure ends it")]
#![expect(clippy::cast_precision_loss, reason = "a table for people")]

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http_body_util::Full;
use s3_protocol::BucketId;
use s3_protocol::call::{Encoding, ListFrom, ListObjects, PutObject};
use s3_protocol::object::Creator;
use storage_node::{Node, NodeOptions, ObjectPlace, WriteAs};

const BUCKET: BucketId = BucketId(1);
/// Objects, unless told otherwise.
const OBJECTS: u64 = 200_000;
/// Bytes of each.
const OBJECT_BYTES: usize = 100;
/// Objects of one folder.
const FOLDER: u64 = 1_000;
/// Writers at once.
const WRITERS: u64 = 64;
/// Pages of which the median is told.
const PAGES: u64 = 101;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let value = |name: &str| {
        let at = arguments.iter().position(|argument| argument == name);
        at.and_then(|at| arguments.get(at + 1))
    };
    let objects = value("--objects").map_or(OBJECTS, |text| text.parse().unwrap());
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    if let Some(folder) = value("--fill") {
        runtime.block_on(fill(Path::new(folder), objects));
    } else if arguments.iter().any(|argument| argument == "--bench") {
        runtime.block_on(run(objects));
    }
}

async fn run(objects: u64) {
    println!("{objects} objects of {OBJECT_BYTES} bytes in one bucket, {WRITERS} writers");
    let folder = tempfile::tempdir().unwrap();
    // Another process, so that it can be killed.
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--objects", &objects.to_string(), "--fill"])
        .arg(folder.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    for line in BufReader::new(child.stdout.take().unwrap()).lines() {
        let line = line.unwrap();
        if line == "full" {
            break;
        }
        println!("{line}");
    }
    child.kill().unwrap();
    child.wait().unwrap();

    let began = Instant::now();
    let node = open(folder.path());
    println!(
        "start after SIGKILL        {:>10.2} s",
        began.elapsed().as_secs_f64()
    );
    assert_eq!(node.bucket_stats(BUCKET).await.unwrap().objects, objects);
    for (name, at) in [
        ("start", 0),
        ("middle", objects / 2),
        ("end", objects - FOLDER),
    ] {
        let ask = |turn: u64| page(None, Some(key(at.saturating_sub(turn))));
        told(&format!("1,000 keys from the {name}"), &node, ask).await;
    }
    let folders = |turn: u64| page(Some("/"), Some(format!("{:09}/", turn * 7)));
    told("1,000 folders of them", &node, folders).await;
    node.close().await;
}

/// The median time of a page.
async fn told(name: &str, node: &Node, ask: impl Fn(u64) -> ListObjects) {
    let mut took = Vec::new();
    let mut entries = 0;
    for turn in 0..PAGES {
        let ask = ask(turn);
        let began = Instant::now();
        let page = node.list_objects(BUCKET, &ask).await.unwrap();
        took.push(began.elapsed());
        entries = page.entries.len() + page.prefixes.len();
    }
    took.sort_unstable();
    let median = took.get(took.len() / 2).copied().unwrap_or_default();
    println!(
        "{name:<27}{:>10.2} ms ({entries} entries)",
        median.as_secs_f64() * 1e3
    );
}

fn page(delimiter: Option<&str>, after: Option<String>) -> ListObjects {
    ListObjects {
        prefix: String::new(),
        delimiter: delimiter.map(str::to_owned),
        max_keys: 1_000,
        encoding: Encoding::Plain,
        from: ListFrom::Marker(after),
    }
}

fn open(folder: &Path) -> Node {
    let clock = Arc::new(|| {
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        u64::try_from(now.as_millis()).unwrap_or(0)
    });
    Node::open(NodeOptions::new(folder, clock)).unwrap()
}

fn key(number: u64) -> String {
    format!("{:09}/{number:012}.jpg", number / FOLDER)
}

/// Fills a node, says what it took, and waits to be killed.
async fn fill(folder: &Path, objects: u64) {
    let node = open(folder);
    node.create_bucket(BUCKET).await.unwrap();
    let began = Instant::now();
    let next = Arc::new(AtomicU64::new(0));
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..WRITERS {
        tasks.spawn(write(node.clone(), Arc::clone(&next), objects));
    }
    tasks.join_all().await;
    let took = began.elapsed().as_secs_f64();
    let per_object = |bytes: u64| bytes as f64 / objects as f64;
    println!("objects a second, flushed  {:>10.0}", objects as f64 / took);
    while !node.is_settled() {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let index = std::fs::metadata(folder.join("index.redb")).unwrap().len();
    println!("index, bytes an object     {:>10.0}", per_object(index));
    println!(
        "log, bytes an object       {:>10.0}",
        per_object(node.stats().log_bytes)
    );
    for line in std::fs::read_to_string("/proc/self/status")
        .unwrap()
        .lines()
    {
        if let Some(kib) = line.strip_prefix("VmHWM:") {
            println!("memory at its highest      {:>13}", kib.trim());
        }
    }
    println!("full");
    std::future::pending::<()>().await;
}

async fn write(node: Node, next: Arc<AtomicU64>, objects: u64) {
    let payload = Bytes::from(vec![7; OBJECT_BYTES]);
    loop {
        let number = next.fetch_add(1, Ordering::Relaxed);
        if number >= objects {
            return;
        }
        // Scattered over the bucket, and each number once: the multiplier and the count have no common factor.
        let scattered = number.wrapping_mul(STEP) % objects;
        put(&node, scattered, payload.clone()).await;
    }
}

/// A prime greater than any count of objects that is asked for.
const STEP: u64 = 1_000_000_007;

async fn put(node: &Node, number: u64, payload: Bytes) {
    let place = ObjectPlace {
        bucket: BUCKET,
        key: key(number).parse().unwrap(),
    };
    let by = WriteAs {
        creator: Creator {
            principal: "user/8d1f0c52".into(),
            lineage: "key/5a0b77e1".into(),
        },
        ..WriteAs::default()
    };
    let ask = PutObject {
        length: Some(payload.len() as u64),
        ..PutObject::default()
    };
    node.put_object(&place, ask, by, Full::new(payload))
        .await
        .unwrap();
}
