//! Writes under load until it is killed, and says on its standard output what was acknowledged. The crash test runs it.
#![expect(clippy::unwrap_used, reason = "a helper of a test: a failure ends it")]

use std::io::Write as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http_body_util::Full;
use s3_protocol::BucketId;
use s3_protocol::call::{DeleteObject, PutObject};
use storage_node::{Guards, Node, NodeOptions, ObjectPlace, WriteAs};

fn main() {
    let mut arguments = std::env::args().skip(1);
    let dir: PathBuf = arguments.next().unwrap().into();
    let round: u64 = arguments.next().unwrap().parse().unwrap();
    let clock = Arc::new(|| {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        u64::try_from(now.as_millis()).unwrap_or(0)
    });
    let options = NodeOptions {
        volume_bytes: 2 * 1_024 * 1_024,
        overlay_bytes: 256 * 1_024,
        index_cache_bytes: 4 * 1_024 * 1_024,
        apply_after: Duration::from_millis(2),
        checkpoint_every: Duration::from_millis(40),
        ..NodeOptions::new(dir, clock)
    };
    let node = Node::open(options).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    runtime.block_on(async {
        node.create_bucket(BucketId(1)).await.unwrap();
        let mut writers = tokio::task::JoinSet::new();
        for writer in 0..8 {
            writers.spawn(write(node.clone(), round, writer));
        }
        while writers.join_next().await.is_some() {}
    });
}

/// Each writer has its own keys, so that what it was told last is what must be there.
async fn write(node: Node, round: u64, writer: u64) {
    for turn in 0_u64.. {
        let slot = turn % 25;
        let key = format!("w{writer}/{slot}");
        let place = ObjectPlace { bucket: BucketId(1), key: key.parse().unwrap() };
        let seed = round * 1_000_000 + writer * 100_000 + turn;
        if turn % 11 == 10 {
            say(&format!("try {key} -"));
            node.delete_object(&place, &DeleteObject::default(), Guards::default()).await.unwrap();
            say(&format!("did {key} -"));
            continue;
        }
        let length = match seed % 13 {
            0 => 150_000 + usize::try_from(seed % 1_000).unwrap(),
            other => usize::try_from(other * 700).unwrap(),
        };
        let content = content(seed, length);
        say(&format!("try {key} {seed} {length}"));
        let body = Full::new(Bytes::from(content));
        node.put_object(&place, PutObject::default(), WriteAs::default(), body).await.unwrap();
        say(&format!("did {key} {seed} {length}"));
    }
}

/// One line in one write: a kill may cut it, and then it was not said.
fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    out.write_all(format!("{line}\n").as_bytes()).unwrap();
    out.flush().unwrap();
}

fn content(seed: u64, length: usize) -> Vec<u8> {
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
