//! What the tests of the node share: a folder, a clock that only goes forward, bodies, and short names for requests.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use s3_protocol::call::{GetObject, ListFrom, ListObjects, PutObject};
use s3_protocol::object::{Creator, GetOutput, ListPage, PutOutput};
use s3_protocol::{BucketId, S3Code};
use storage_node::{
    Compacted, Compaction, Guards, Node, NodeError, NodeOptions, ObjectPlace, WriteAs,
};

/// Whether the long forms of the tests run: `POSTERN_TEST_LONG=1`.
pub(crate) fn is_long() -> bool {
    std::env::var_os("POSTERN_TEST_LONG").is_some_and(|it| it != "0")
}

/// Rounds or cases of a test: in its long form ten times as many.
pub(crate) fn rounds(short: u32) -> u32 {
    if is_long() { short * 10 } else { short }
}

pub(crate) const BUCKET: BucketId = BucketId(0xb0);

pub(crate) fn options(dir: &Path) -> NodeOptions {
    let clock = AtomicU64::new(1_700_000_000_000);
    let clock = Arc::new(move || clock.fetch_add(1, Ordering::Relaxed));
    NodeOptions {
        volume_bytes: 8 * 1_024 * 1_024,
        overlay_bytes: 2 * 1_024 * 1_024,
        index_cache_bytes: 8 * 1_024 * 1_024,
        apply_after: Duration::from_millis(5),
        checkpoint_every: Duration::from_millis(300),
        part_bytes_min: 1_024,
        ..NodeOptions::new(dir, clock)
    }
}

pub(crate) async fn open(dir: &Path) -> Node {
    let node = Node::open(options(dir)).unwrap();
    node.create_bucket(BUCKET).await.unwrap();
    node
}

pub(crate) fn place(key: &str) -> ObjectPlace {
    ObjectPlace {
        bucket: BUCKET,
        key: key.parse().unwrap(),
    }
}

pub(crate) fn by(lineage: &str) -> WriteAs {
    let creator = Creator {
        principal: "somebody".to_owned(),
        lineage: lineage.to_owned(),
    };
    WriteAs {
        creator,
        ..WriteAs::default()
    }
}

pub(crate) fn body(bytes: impl Into<Bytes>) -> Full<Bytes> {
    Full::new(bytes.into())
}

/// Bytes that differ by seed.
pub(crate) fn bytes(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut out = Vec::with_capacity(length + 8);
    while out.len() < length {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        out.extend_from_slice(&state.to_le_bytes());
    }
    out.truncate(length);
    out
}

pub(crate) async fn put(node: &Node, key: &str, content: &[u8]) -> Result<PutOutput, NodeError> {
    let payload = body(content.to_vec());
    node.put_object(&place(key), PutObject::default(), by("key"), payload)
        .await
}

pub(crate) async fn get(node: &Node, key: &str) -> Result<(GetOutput, Bytes), NodeError> {
    get_as(node, key, GetObject::default()).await
}

pub(crate) async fn get_as(
    node: &Node,
    key: &str,
    ask: GetObject,
) -> Result<(GetOutput, Bytes), NodeError> {
    let (output, body) = node
        .get_object(&place(key), &ask, Guards::default())
        .await?;
    let bytes = body.collect().await?.to_bytes();
    assert_eq!(bytes.len() as u64, output.length());
    Ok((output, bytes))
}

pub(crate) fn list_ask(
    prefix: &str,
    delimiter: Option<&str>,
    max_keys: u32,
    after: Option<String>,
) -> ListObjects {
    ListObjects {
        prefix: prefix.to_owned(),
        delimiter: delimiter.map(str::to_owned),
        max_keys,
        encoding: s3_protocol::call::Encoding::Plain,
        from: ListFrom::Marker(after),
    }
}

/// All pages of a list, with `max_keys` on each.
pub(crate) async fn list_all(
    node: &Node,
    prefix: &str,
    delimiter: Option<&str>,
    max_keys: u32,
) -> ListPage {
    let mut all = ListPage::default();
    let mut after = None;
    loop {
        let page = node
            .list_objects(BUCKET, &list_ask(prefix, delimiter, max_keys, after))
            .await
            .unwrap();
        assert!(page.entries.len() + page.prefixes.len() <= max_keys as usize);
        all.entries.extend(page.entries);
        all.prefixes.extend(page.prefixes);
        match page.next {
            Some(next) => after = Some(next),
            None => return all,
        }
    }
}

pub(crate) fn code<T: std::fmt::Debug>(result: Result<T, NodeError>) -> S3Code {
    match result.unwrap_err() {
        NodeError::Refused(error) => error.code,
        other => panic!("not a refusal: {other}"),
    }
}

/// Waits until everything is in the index.
pub(crate) async fn settled(node: &Node) {
    // What was told to the writer before this is done when this is answered.
    node.create_bucket(BUCKET).await.unwrap();
    for _ in 0..2_000 {
        if node.is_settled() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("it never settled");
}

/// There is garbage of so many bytes of payload, and what records and rounds take beside it, at most so many of them.
pub(crate) fn has_garbage(node: &Node, payload: u64, records: u64) {
    // A chunk of 4 MiB has a checksum of 4 bytes for each of its 64 frames; a round is a multiple of 512 bytes.
    const BESIDE_MAX: u64 = 512 + 64;
    let found = node.stats().garbage_bytes;
    let most = payload + records * BESIDE_MAX;
    assert!(
        (payload + 1..=most).contains(&found),
        "{found} of {payload}"
    );
}

/// Empties every volume but the one that is written.
pub(crate) async fn compact_all(node: &Node) -> Compacted {
    let how = Compaction {
        garbage_per_mille: 0,
        bytes_per_second: None,
    };
    let before = node.volumes().unwrap();
    let done = node.compact(how).await.unwrap();
    let idle: Vec<u32> = before
        .iter()
        .filter(|volume| !volume.is_active)
        .map(|volume| volume.number)
        .collect();
    assert_eq!((done.volumes, done.damaged), (idle.len() as u64, 0));
    let left = node.volumes().unwrap();
    assert!(left.iter().all(|volume| !idle.contains(&volume.number)));
    done
}
