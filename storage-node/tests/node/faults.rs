//! Disks that fail: flushes that answer an error, one that cannot be cut back, one that is full. What was acknowledged stays, what
//! was not is never there, and the client is told.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::care::{small, volumes_in};
use super::support::*;
use s3_protocol::S3Code;
use s3_protocol::call::DeleteObject;
use storage_node::{Compaction, Guards, Node, NodeError, NodeOptions, Rate};

const ALL: Compaction = Compaction {
    garbage_per_mille: 0,
    bytes_per_second: None,
};

async fn holds(node: &Node, objects: &BTreeMap<String, Vec<u8>>) {
    let listed = list_all(node, "", None, 1_000).await.entries;
    let keys: Vec<&str> = listed.iter().map(|entry| entry.key.as_str()).collect();
    let expected: Vec<&str> = objects.keys().map(String::as_str).collect();
    assert_eq!(keys, expected);
    for (key, content) in objects {
        assert!(get(node, key).await.unwrap().1 == *content, "{key}");
    }
}

#[tokio::test]
async fn after_a_flush_that_failed_the_volume_is_sealed_whatever_was_being_written() {
    let dir = tempfile::tempdir().unwrap();
    let options = small(dir.path());
    let disk = options.log_faults.clone();
    let node = Node::open(options).unwrap();
    node.create_bucket(BUCKET).await.unwrap();
    let mut objects = BTreeMap::new();
    for n in 0..u64::from(rounds(30)) {
        let (key, content) = (format!("k{n}"), bytes(n, 25_000));
        put(&node, &key, &content).await.unwrap();
        objects.insert(key, content);
        if n % 5 != 0 {
            continue;
        }
        let before = node.volume_ends();
        disk.set(true);
        let lost = put(&node, "lost", &bytes(n, 1_000)).await;
        assert!(matches!(lost, Err(NodeError::Log(_))), "{lost:?}");
        let kept = node
            .delete_object(&place("k0"), &DeleteObject::default(), Guards::default())
            .await;
        assert!(matches!(kept, Err(NodeError::Log(_))), "{kept:?}");
        // Compaction too loses nothing and removes nothing.
        assert!(node.compact(ALL).await.is_err() || before.len() == 1);
        let there = volumes_in(dir.path()).len();
        disk.set(false);
        assert!(there >= before.len());
        put(&node, "k0", &objects["k0"]).await.unwrap();
        let after = node.volume_ends();
        let sealed = after
            .iter()
            .find(|end| Some(end.number) == before.last().map(|end| end.number));
        assert!(sealed.unwrap().is_sealed);
    }
    holds(&node, &objects).await;
    node.compact(ALL).await.unwrap();
    settled(&node).await;
    assert!(node.verify(Rate(None)).await.unwrap().is_sound());
    node.close().await;
    fs::remove_file(dir.path().join("index.redb")).unwrap();
    let node = Node::open(small(dir.path())).unwrap();
    holds(&node, &objects).await;
    node.close().await;
}

#[tokio::test]
async fn a_round_that_cannot_be_cut_off_leaves_a_node_that_reads_alone() {
    let dir = tempfile::tempdir().unwrap();
    let options = small(dir.path());
    let disk = options.log_faults.clone();
    let node = Node::open(options).unwrap();
    node.create_bucket(BUCKET).await.unwrap();
    put(&node, "kept", b"1").await.unwrap();
    disk.set(true);
    disk.set_stuck(true);
    let lost = put(&node, "lost", b"2").await;
    assert!(matches!(lost, Err(NodeError::Log(_))), "{lost:?}");
    disk.set(false);
    disk.set_stuck(false);
    // The disk is well again, and is not trusted.
    for _ in 0..3 {
        let refused = put(&node, "kept", b"3").await.unwrap_err();
        assert!(matches!(refused, NodeError::ReadOnly), "{refused}");
    }
    let deleted = node
        .delete_object(&place("kept"), &DeleteObject::default(), Guards::default())
        .await;
    assert!(matches!(deleted, Err(NodeError::ReadOnly)));
    assert!(node.stats().read_only);
    assert_eq!(get(&node, "kept").await.unwrap().1, &b"1"[..]);
    assert_eq!(code(get(&node, "lost").await), S3Code::NoSuchKey);
    node.close().await;
    // What was written and not acknowledged may be there after a start: it is whole, or it is not there.
    let node = Node::open(small(dir.path())).unwrap();
    assert_eq!(get(&node, "kept").await.unwrap().1, &b"1"[..]);
    if let Ok((_, content)) = get(&node, "lost").await {
        assert_eq!(content, &b"2"[..]);
    }
    put(&node, "after", b"4").await.unwrap();
    settled(&node).await;
    assert!(node.verify(Rate(None)).await.unwrap().is_sound());
    node.close().await;
}

/// A file system of its own in a file, unmounted when it is dropped.
struct Mounted {
    point: PathBuf,
    _root: tempfile::TempDir,
}

impl Mounted {
    /// None where nothing can be mounted; says why.
    fn new(mib: u64) -> Option<Self> {
        let root = tempfile::tempdir().unwrap();
        let (image, point) = (root.path().join("disk"), root.path().join("there"));
        let file = fs::File::create(&image).unwrap();
        file.set_len(mib * 1_024 * 1_024).unwrap();
        fs::create_dir(&point).unwrap();
        let made = run("mkfs.ext4", &["-q", "-m", "0"], &[&image]);
        let mounted = made.and_then(|()| run("mount", &["-o", "loop"], &[&image, &point]));
        if let Err(why) = mounted {
            use std::io::Write as _;
            let mut out = std::io::stderr().lock();
            writeln!(out, "skipped: no file system can be mounted here: {why}").unwrap();
            return None;
        }
        Some(Self { point, _root: root })
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        drop(run("umount", &[], &[&self.point]));
    }
}

fn run(program: &str, options: &[&str], paths: &[&Path]) -> Result<(), String> {
    let output = Command::new(program).args(options).args(paths).output();
    let output = output.map_err(|error| format!("{program}: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let words = String::from_utf8_lossy(&output.stderr);
    Err(format!("{program}: {}", words.trim()))
}

#[tokio::test]
async fn on_a_full_disk_writes_are_refused_old_objects_read_and_deletions_make_room() {
    for (turn, reserve_bytes) in (0..u64::from(rounds(1))).flat_map(|n| [(n, 4 << 20), (n, 0)]) {
        let Some(disk) = Mounted::new(48 + turn % 5 * 4) else {
            return;
        };
        let dir = disk.point.join("node");
        let options = || NodeOptions {
            volume_bytes: 4 << 20,
            reserve_bytes,
            ..options(&dir)
        };
        let node = Node::open(options()).unwrap();
        node.create_bucket(BUCKET).await.unwrap();
        let mut objects = BTreeMap::new();
        let mut full = None;
        for n in 0..400_u64 {
            let (key, content) = (format!("k{n:03}"), bytes(n, 300_000));
            match put(&node, &key, &content).await {
                Ok(_) => drop(objects.insert(key, content)),
                Err(error) => {
                    full = Some(error);
                    break;
                }
            }
        }
        let full = full.expect("it never filled up");
        assert!(
            matches!(full, NodeError::Full) || (reserve_bytes == 0 && full.is_fault()),
            "{full}"
        );
        assert!(objects.len() > 60, "{}", objects.len());
        if reserve_bytes > 0 {
            holds(&node, &objects).await;
            for n in 0..objects.len() as u64 / 2 {
                let key = format!("k{n:03}");
                node.delete_object(&place(&key), &DeleteObject::default(), Guards::default())
                    .await
                    .unwrap();
                objects.remove(&key);
            }
            settled_full(&node).await;
            let how = Compaction {
                garbage_per_mille: 900,
                ..ALL
            };
            assert!(node.compact(how).await.unwrap().volumes > 2);
            node.look_at_space();
            put(&node, "new", b"there is room again").await.unwrap();
            objects.insert("new".to_owned(), b"there is room again".to_vec());
            holds(&node, &objects).await;
        }
        node.close().await;
        // Whatever the full disk did to the index: what was acknowledged is in the volumes.
        let node = Node::open(options());
        match node {
            Ok(node) => {
                holds(&node, &objects).await;
                node.close().await;
            }
            Err(error) => assert!(reserve_bytes == 0, "{error}"),
        }
    }
}

/// As `settled`, where a bucket cannot be made.
async fn settled_full(node: &Node) {
    for _ in 0..2_000 {
        if node.is_settled() {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    panic!("it never settled");
}
