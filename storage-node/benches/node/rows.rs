//! PUT and GET of 4 KiB, on an empty index and on a million rows: `cargo bench -p storage-node` (`-- --rows 1000000 --seconds 5`).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::BodyExt as _;
use s3_protocol::call::GetObject;
use storage_node::{Guards, Node, NodeOptions};

use crate::workload::{BUCKET, Measured, clock, head, measure, number, place, put, resident, row};

/// Measures.
pub(crate) async fn run() {
    let (rows, seconds) = (number("--rows", 1_000_000), number("--seconds", 5));
    let time = Duration::from_secs(seconds);
    let dir = tempfile::tempdir().unwrap();
    let node = Node::open(NodeOptions::new(dir.path(), clock())).unwrap();
    node.create_bucket(BUCKET).await.unwrap();
    head();
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
    let (now, most) = (resident("VmRSS:"), resident("VmHWM:"));
    println!(
        "memory: {now} KiB, {most} KiB at its highest\n{:?}",
        node.stats()
    );
    node.close().await;
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
