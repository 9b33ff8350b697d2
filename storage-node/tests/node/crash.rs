//! SIGKILL at random moments under load, compaction running: what was acknowledged is there, whole; what was not is there whole or
//! not at all. `NODE_CRASH_ROUNDS` says how many times, in place of what the long form
//! does. After some of them the node gets two disks, one of which is emptied while it is killed.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write as _};
use std::process::{Command, Stdio};
use std::time::Duration;

use super::support::{body, by, bytes, options, rounds};
use bytes::Bytes;
use http_body_util::BodyExt as _;
use s3_protocol::BucketId;
use s3_protocol::call::{DeleteObject, GetObject, PutObject};
use storage_node::{Compaction, Guards, Node, NodeDisk, NodeOptions, ObjectPlace, Rate};

const ROUNDS: u32 = 24;
/// Rounds before the node gets disks.
const ALONE: u64 = 8;
const DIR: &str = "NODE_CRASH_TEST_DIR";
const ROUND: &str = "NODE_CRASH_TEST_ROUND";

/// What a key may hold: seed and length of its content, or nothing.
type State = Option<(u64, usize)>;

#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_survives_a_kill_at_any_moment() {
    let dir = tempfile::tempdir().unwrap();
    // For each key: what was acknowledged last, and what was begun after it.
    let mut known: BTreeMap<String, Vec<State>> = BTreeMap::new();
    let mut acknowledged = 0;
    let rounds = std::env::var_os("NODE_CRASH_ROUNDS");
    let rounds = rounds.map_or_else(
        || u64::from(self::rounds(ROUNDS)),
        |text| text.to_str().unwrap().parse().unwrap(),
    );
    let mut oldest = 1;
    for round in 0..rounds {
        acknowledged += run_and_kill(dir.path(), round, &mut known);
        let node = Node::open(small(dir.path(), round)).unwrap();
        assert!(
            node.stats().damage.is_empty(),
            "round {round}: {:?}",
            node.stats()
        );
        oldest = oldest.max(node.volumes().unwrap()[0].number);
        if round % 6 == 5 {
            settled_here(&node).await;
            let verified = node.verify(Rate(None)).await.unwrap();
            assert!(verified.is_sound(), "round {round}: {verified:#?}");
        }
        for (key, states) in &mut known {
            let found = read(&node, key).await;
            let state = states.iter().find(|state| match (state, &found) {
                (None, None) => true,
                (Some((seed, length)), Some(found)) => *found == bytes(*seed, *length),
                _ => false,
            });
            let state = state
                .copied()
                .unwrap_or_else(|| panic!("round {round}: {key} holds none of {states:?}"));
            *states = vec![state];
        }
        node.close().await;
        if round % 8 == 7 {
            std::fs::remove_file(dir.path().join("index.redb")).unwrap();
        }
    }
    assert!(
        acknowledged > rounds * 20,
        "too little was written to prove anything: {acknowledged}"
    );
    assert!(oldest > 1, "nothing was compacted");
}

/// Its own folder alone at first, then two disks of which one is to be emptied, in turn.
fn small(dir: &std::path::Path, round: u64) -> NodeOptions {
    let disk = |name: &str| {
        let path = dir.join(name);
        std::fs::create_dir_all(&path).unwrap();
        NodeDisk {
            drain: (round % 4 < 2) == (name == "a"),
            ..NodeDisk::new(path)
        }
    };
    let disks = match round {
        0..ALONE => Vec::new(),
        _ => ["a", "b"].map(disk).to_vec(),
    };
    NodeOptions {
        disks,
        volume_bytes: 2 * 1_024 * 1_024,
        ..options(dir)
    }
}

/// Waits until everything is in the index; what payloads were given up at the start is told by then.
async fn settled_here(node: &Node) {
    node.create_bucket(BucketId(1)).await.unwrap();
    while !node.is_settled() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

async fn read(node: &Node, key: &str) -> Option<Bytes> {
    let place = ObjectPlace {
        bucket: BucketId(1),
        key: key.parse().unwrap(),
    };
    let (output, body) = node
        .get_object(&place, &GetObject::default(), Guards::default())
        .await
        .ok()?;
    let bytes = body.collect().await.unwrap().to_bytes();
    assert_eq!(bytes.len() as u64, output.head.size);
    Some(bytes)
}

fn run_and_kill(
    dir: &std::path::Path,
    round: u64,
    known: &mut BTreeMap<String, Vec<State>>,
) -> u64 {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "node::crash::the_writer_that_is_killed",
            "--ignored",
            "--nocapture",
        ])
        .env(DIR, dir)
        .env(ROUND, round.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let output = BufReader::new(child.stdout.take().unwrap());
    // A moment that differs each round and is counted from the first acknowledgement.
    let moment = Duration::from_millis(20 + round * 37 % 260);
    let (begun, begin) = std::sync::mpsc::sync_channel(1);
    let killer = std::thread::spawn(move || {
        let _dead_already = begin.recv().is_err();
        std::thread::sleep(moment);
        child.kill().unwrap();
        child.wait().unwrap();
    });
    let mut acknowledged = 0;
    for line in output.lines() {
        // A kill may cut the last line: what is not a whole line was not said.
        let Ok(line) = line else { break };
        let Some(line) = line.strip_suffix('.') else {
            continue;
        };
        let words: Vec<&str> = line.split(' ').collect();
        if !matches!(words[0], "try" | "did") {
            continue;
        }
        let state = match words[2..] {
            [seed, length] => Some((seed.parse().unwrap(), length.parse().unwrap())),
            _ => None,
        };
        let states = known
            .entry(words[1].to_owned())
            .or_insert_with(|| vec![None]);
        if words[0] == "try" {
            states.push(state);
            continue;
        }
        acknowledged += 1;
        *states = vec![state];
        let _sent_already = begun.try_send(()).is_err();
    }
    drop(begun);
    killer.join().unwrap();
    acknowledged
}

/// This test's own binary, run again as the process that is killed. Says on its standard output what was acknowledged.
#[test]
#[ignore = "run by the test above"]
fn the_writer_that_is_killed() {
    let (Some(dir), Some(round)) = (std::env::var_os(DIR), std::env::var_os(ROUND)) else {
        return;
    };
    let round: u64 = round.to_str().unwrap().parse().unwrap();
    let options = NodeOptions {
        overlay_bytes: 256 * 1_024,
        apply_after: Duration::from_millis(2),
        checkpoint_every: Duration::from_millis(40),
        ..small(dir.as_ref(), round)
    };
    say("");
    let node = Node::open(options).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_time()
        .build()
        .unwrap();
    runtime.block_on(async {
        node.create_bucket(BucketId(1)).await.unwrap();
        let mut writers = tokio::task::JoinSet::new();
        for writer in 0..8 {
            writers.spawn(write(node.clone(), round, writer));
        }
        let busy = node.clone();
        writers.spawn(async move {
            loop {
                for garbage_per_mille in [500, 100, 0] {
                    let how = Compaction {
                        garbage_per_mille,
                        bytes_per_second: None,
                    };
                    busy.compact(how).await.unwrap();
                    tokio::time::sleep(Duration::from_millis(3)).await;
                }
            }
        });
        while let Some(ended) = writers.join_next().await {
            ended.unwrap();
        }
    });
}

/// Each writer has its own keys, so that what it was told last is what must be there.
async fn write(node: Node, round: u64, writer: u64) {
    for turn in 0_u64.. {
        let key = format!("w{writer}/{}", turn % 25);
        let place = ObjectPlace {
            bucket: BucketId(1),
            key: key.parse().unwrap(),
        };
        let seed = round * 1_000_000 + writer * 100_000 + turn;
        if turn % 11 == 10 {
            say(&format!("try {key} -."));
            node.delete_object(&place, &DeleteObject::default(), Guards::default())
                .await
                .unwrap();
            say(&format!("did {key} -."));
            continue;
        }
        let length = match seed % 13 {
            0 => 150_000 + usize::try_from(seed % 1_000).unwrap(),
            other => usize::try_from(other * 700).unwrap(),
        };
        say(&format!("try {key} {seed} {length}."));
        let payload = body(bytes(seed, length));
        node.put_object(&place, PutObject::default(), by("key"), payload)
            .await
            .unwrap();
        say(&format!("did {key} {seed} {length}."));
    }
}

/// One line in one write.
fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    out.write_all(format!("{line}\n").as_bytes()).unwrap();
    out.flush().unwrap();
}
