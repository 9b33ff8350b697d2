//! One bucket with many small objects: how fast they come, what each takes in the index, how much memory, how long a page of a list takes
//! at any depth, and how soon the node is back after it was killed. `cargo bench -p storage-node -- many`
//! (`--objects 10000000`).

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use s3_protocol::call::{Encoding, ListFrom, ListObjects};
use storage_node::{Node, NodeOptions, ObjectPlace};

use crate::workload::{BUCKET, clock, number, put_at, resident};

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

/// Measures.
#[expect(clippy::cast_precision_loss, reason = "a table for people")]
pub(crate) async fn run() {
    let objects = number("--objects", OBJECTS);
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
    Node::open(NodeOptions::new(folder, clock())).unwrap()
}

fn key(number: u64) -> String {
    format!("{:09}/{number:012}.jpg", number / FOLDER)
}

/// Fills a node, says what it took, and waits to be killed.
#[expect(clippy::cast_precision_loss, reason = "a table for people")]
pub(crate) async fn fill(folder: &Path) {
    let objects = number("--objects", OBJECTS);
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
    println!("memory at its highest      {:>10} KiB", resident("VmHWM:"));
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
        let place = ObjectPlace {
            bucket: BUCKET,
            key: key(scattered).parse().unwrap(),
        };
        put_at(&node, &place, payload.clone()).await;
    }
}

/// A prime greater than any count of objects that is asked for.
const STEP: u64 = 1_000_000_007;
