//! SIGKILL at random moments under load: what was acknowledged is there, whole; what was not is there whole or not at all.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::BodyExt as _;
use s3_protocol::BucketId;
use s3_protocol::call::GetObject;
use storage_node::{Guards, Node, NodeOptions, ObjectPlace};
use super::support::{bytes, options};

const ROUNDS: u64 = 24;

/// What a key may hold: seed and length of its content, or nothing.
type State = Option<(u64, usize)>;

#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_survives_a_kill_at_any_moment() {
    let dir = tempfile::tempdir().unwrap();
    // For each key: what was acknowledged last, and what was begun after it.
    let mut known: BTreeMap<String, Vec<State>> = BTreeMap::new();
    let mut acknowledged = 0;
    for round in 0..ROUNDS {
        acknowledged += run_and_kill(dir.path(), round, &mut known);
        let node = Node::open(small(dir.path())).unwrap();
        assert!(node.stats().damage.is_empty());
        for (key, states) in &mut known {
            let found = read(&node, key).await;
            let state = states.iter().find(|state| match (state, &found) {
                (None, None) => true,
                (Some((seed, length)), Some(found)) => *found == bytes(*seed, *length),
                _ => false,
            });
            let state = state.copied().unwrap_or_else(|| panic!("round {round}: {key} holds none of {states:?}"));
            *states = vec![state];
        }
        node.close().await;
    }
    assert!(acknowledged > ROUNDS * 20, "too little was written to prove anything: {acknowledged}");
}

fn small(dir: &std::path::Path) -> NodeOptions {
    NodeOptions { volume_bytes: 2 * 1_024 * 1_024, ..options(dir) }
}

async fn read(node: &Node, key: &str) -> Option<Bytes> {
    let place = ObjectPlace { bucket: BucketId(1), key: key.parse().unwrap() };
    let (output, body) = node.get_object(&place, &GetObject::default(), Guards::default()).await.ok()?;
    let bytes = body.collect().await.unwrap().to_bytes();
    assert_eq!(bytes.len() as u64, output.head.size);
    Some(bytes)
}

fn run_and_kill(dir: &std::path::Path, round: u64, known: &mut BTreeMap<String, Vec<State>>) -> u64 {
    let mut child = Command::new(writer())
        .arg(dir)
        .arg(round.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let output = BufReader::new(child.stdout.take().unwrap());
    // A moment that differs each round and is counted from the first acknowledgement.
    let moment = Duration::from_millis(20 + round * 37 % 160);
    let (begun, begin) = std::sync::mpsc::sync_channel(1);
    let killer = std::thread::spawn(move || {
        let _dead_already = begin.recv().is_err();
        std::thread::sleep(moment);
        child.kill().unwrap();
        child.wait().unwrap();
    });
    let mut acknowledged = 0;
    for line in output.lines() {
        let line = line.unwrap();
        let words: Vec<&str> = line.split(' ').collect();
        let state = match words[2..] {
            [seed, length] => Some((seed.parse().unwrap(), length.parse().unwrap())),
            _ => None,
        };
        let states = known.entry(words[1].to_owned()).or_insert_with(|| vec![None]);
        match words[0] {
            "try" => states.push(state),
            _ => {
                acknowledged += 1;
                *states = vec![state];
                let _sent_already = begun.try_send(()).is_err();
            }
        }
    }
    drop(begun);
    killer.join().unwrap();
    acknowledged
}

/// The example beside this test's own binary: Cargo builds examples with the tests.
fn writer() -> PathBuf {
    let mut path = std::env::current_exe().unwrap();
    path.pop();
    path.pop();
    path.join("examples").join("crash_writer")
}
