//! The node under load: durable writes by 1 to 256 writers, reads from memory and from the disk, what compaction costs those who work
//! meanwhile, and one large upload. `cargo bench -p storage-node -- load`
//! (`--seconds 5 --upload-mib 10240`).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body::Frame;
use http_body_util::{BodyExt as _, StreamBody};
use s3_protocol::UploadId;
use s3_protocol::call::{
    CompleteMultipartUpload, Conditions, CreateMultipartUpload, GetObject, PayloadDigests,
    UploadPart,
};
use s3_protocol::object::CompletedPart;
use storage_node::{Compaction, Guards, Node, NodeOptions};

use crate::workload::{
    BUCKET, Measured, by, clock, cpu, head, measure, number, place, put, resident, row,
};

const KIB: usize = 1 << 10;
const MIB: usize = 1 << 20;
/// Keys that writers and readers of the small objects choose from.
const KEYS: u64 = 100_000;
/// Objects of a mebibyte.
const LARGE: u64 = 400;
/// Volumes of this size, so that there is something to be compacted.
const VOLUME_BYTES: u64 = 64 << 20;
/// Bytes that compaction moves in a second: the setting that a server has.
const COMPACT_BYTES: u64 = 32 << 20;
/// Of a part of the large upload.
const PART_BYTES: usize = 64 * MIB;

/// Measures.
pub(crate) async fn run() {
    let time = Duration::from_secs(number("--seconds", 3));
    let upload_mib = usize::try_from(number("--upload-mib", 512)).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let options = NodeOptions {
        volume_bytes: VOLUME_BYTES,
        ..NodeOptions::new(folder.path(), clock())
    };
    let node = Node::open(options).unwrap();
    node.create_bucket(BUCKET).await.unwrap();
    head();
    small(&node, time).await;
    large(&node, time).await;
    beside_compaction(&node, time).await;
    upload(&node, upload_mib).await;
    node.close().await;
}

async fn small(node: &Node, time: Duration) {
    for writers in [1, 4, 16, 64, 256] {
        let done = puts(node, writers, time).await;
        row(&format!("PUT 4 KiB, {writers} writers, flushed"), done);
    }
    for number in 0..KEYS {
        put(node, number, Bytes::from(vec![7; 4 * KIB])).await;
    }
    for readers in [1, 16, 256] {
        let done = gets(node, readers, (0, KEYS), time).await;
        row(&format!("GET 4 KiB, {readers} readers, from memory"), done);
    }
    if forget() {
        let done = gets(node, 16, (0, KEYS), time).await;
        row("GET 4 KiB, 16 readers, from the disk at first", done);
    }
}

async fn large(node: &Node, time: Duration) {
    for number in 0..LARGE {
        put(node, KEYS + number, Bytes::from(vec![7; MIB])).await;
    }
    let done = gets(node, 4, (KEYS, LARGE), time).await;
    row("GET 1 MiB, 4 readers, from memory", done);
    if forget() {
        let done = gets(node, 4, (KEYS, LARGE), time).await;
        row("GET 1 MiB, 4 readers, from the disk at first", done);
    }
}

/// Readers and writers, without and with compaction: what is overwritten all the while is garbage enough for it.
async fn beside_compaction(node: &Node, time: Duration) {
    let time = time * 3;
    let (read, written, _) = mixed(node, time, false).await;
    row("GET 4 KiB, 4 readers beside 4 writers", read);
    row("PUT 4 KiB, 4 writers beside 4 readers", written);
    let before = node.stats().log_bytes;
    let (read, written, moved_bytes) = mixed(node, time, true).await;
    row("GET, the same while volumes are compacted", read);
    row("PUT, the same while volumes are compacted", written);
    let after = node.stats().log_bytes;
    println!(
        "  the log had {} MiB before, {} MiB after; compaction moved {} MiB",
        before >> 20,
        after >> 20,
        moved_bytes >> 20,
    );
}

/// Readers, writers, and the bytes that compaction moved meanwhile.
async fn mixed(node: &Node, time: Duration, is_compacting: bool) -> (Measured, Measured, u64) {
    let stop = Arc::new(AtomicBool::new(false));
    let mut others = tokio::task::JoinSet::new();
    if is_compacting {
        let (node, stop) = (node.clone(), Arc::clone(&stop));
        others.spawn(async move {
            let how = Compaction {
                garbage_per_mille: 300,
                bytes_per_second: Some(COMPACT_BYTES),
            };
            let mut moved_bytes = 0;
            while !stop.load(Ordering::Relaxed) {
                moved_bytes += node.compact(how).await.unwrap().moved_bytes;
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            moved_bytes
        });
    }
    let readers = gets(node, 4, (0, KEYS), time);
    let (read, written) = tokio::join!(readers, puts(node, 4, time));
    stop.store(true, Ordering::Relaxed);
    let moved_bytes = others.join_all().await.into_iter().sum();
    (read, written, moved_bytes)
}

/// One object in parts, written and read once: how fast, and in how much memory.
async fn upload(node: &Node, mib: usize) {
    // The kernel counts the most memory anew from here, where it lets us.
    drop(std::fs::write("/proc/self/clear_refs", "5"));
    let before = resident("VmRSS:");
    let (cpu_before, began) = (cpu(), Instant::now());
    let place = place(u64::MAX);
    let ask = CreateMultipartUpload::default();
    let upload = node.create_upload(&place, ask, by()).await.unwrap().upload;
    let parts = (mib * MIB).div_ceil(PART_BYTES).max(1);
    let mut listed = Vec::with_capacity(parts);
    for number in 1..=u16::try_from(parts).unwrap() {
        listed.push(part(node, upload, number).await);
    }
    let complete = CompleteMultipartUpload {
        upload,
        checksum: None,
        checksum_kind: None,
        object_size: None,
        conditions: Conditions::default(),
        customer_key: None,
    };
    node.complete_upload(&place, complete, listed, Guards::default())
        .await
        .unwrap();
    let bytes = parts * PART_BYTES;
    told("upload", bytes, (began, cpu_before));
    let (cpu_before, began) = (cpu(), Instant::now());
    let (_, mut body) = node
        .get_object(&place, &GetObject::default(), Guards::default())
        .await
        .unwrap();
    let mut read = 0;
    while let Some(frame) = body.frame().await {
        read += frame.unwrap().into_data().map_or(0, |data| data.len());
    }
    assert_eq!(read, bytes);
    told("reading it", bytes, (began, cpu_before));
    let most = resident("VmHWM:");
    println!("  memory: {before} KiB before, {most} KiB at its highest");
}

async fn part(node: &Node, upload: UploadId, number: u16) -> CompletedPart {
    let piece = Bytes::from(vec![u8::try_from(number % 251).unwrap(); 256 * KIB]);
    let pieces = (0..PART_BYTES / piece.len())
        .map(move |_| Ok::<_, std::convert::Infallible>(Frame::data(piece.clone())));
    let body = StreamBody::new(futures_util::stream::iter(pieces));
    let ask = UploadPart {
        upload,
        part_number: number,
        length: None,
        digests: PayloadDigests::default(),
        customer_key: None,
    };
    let place = place(u64::MAX);
    let done = node.upload_part(&place, ask, Guards::default(), body);
    CompletedPart {
        number,
        etag: done.await.unwrap().etag.to_string(),
        checksums: Vec::new(),
    }
}

#[expect(clippy::cast_precision_loss, reason = "a table for people")]
fn told(what: &str, bytes: usize, (began, cpu_before): (Instant, Duration)) {
    let seconds = began.elapsed().as_secs_f64();
    let cpu = cpu().saturating_sub(cpu_before).as_secs_f64();
    let mib = bytes as f64 / MIB as f64;
    println!(
        "{:<48}{:>9.0} MiB/s, {:.2} ms of CPU a MiB",
        format!(
            "{what} of {mib:.0} MiB in parts of {} MiB",
            PART_BYTES / MIB
        ),
        mib / seconds,
        cpu * 1e3 / mib,
    );
}

async fn puts(node: &Node, writers: u64, time: Duration) -> Measured {
    let (node, payload) = (node.clone(), Bytes::from(vec![7; 4 * KIB]));
    measure(writers, time, move |random| {
        let (node, payload) = (node.clone(), payload.clone());
        async move { put(&node, random % KEYS, payload).await }
    })
    .await
}

async fn gets(node: &Node, readers: u64, (first, keys): (u64, u64), time: Duration) -> Measured {
    let node = node.clone();
    measure(readers, time, move |random| {
        let node = node.clone();
        async move {
            let place = place(first + random % keys);
            let ask = GetObject::default();
            let got = node.get_object(&place, &ask, Guards::default()).await;
            drop(got.unwrap().1.collect().await.unwrap());
        }
    })
    .await
}

/// Has the kernel forget what it has read, and says whether it did: only root may ask.
fn forget() -> bool {
    std::fs::write("/proc/sys/vm/drop_caches", "1").is_ok()
}
