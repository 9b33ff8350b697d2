//! Backups of a running node, and what shipping its volumes needs: what was acknowledged before is there after a restore.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use super::care::{small, volumes_in};
use super::support::*;
use s3_protocol::call::DeleteObject;
use storage_node::{Compaction, Guards, Node, NodeError, Rate, VolumeEnd};

const ALL: Compaction = Compaction {
    garbage_per_mille: 0,
    bytes_per_second: None,
};

async fn filled(dir: &Path) -> (Node, BTreeMap<String, Vec<u8>>) {
    let node = Node::open(small(dir)).unwrap();
    node.create_bucket(BUCKET).await.unwrap();
    let mut objects = BTreeMap::new();
    for n in 0..60_u64 {
        let key = format!("k{}", n % 40);
        let content = bytes(n + 1, if n % 7 == 0 { 120_000 } else { 6_000 });
        put(&node, &key, &content).await.unwrap();
        objects.insert(key, content);
    }
    let gone = place("k5");
    node.delete_object(&gone, &DeleteObject::default(), Guards::default())
        .await
        .unwrap();
    objects.remove("k5");
    (node, objects)
}

async fn holds(dir: &Path, objects: &BTreeMap<String, Vec<u8>>) {
    let node = Node::open(small(dir)).unwrap();
    let listed = list_all(&node, "", None, 1_000).await.entries;
    let keys: Vec<&str> = listed.iter().map(|entry| entry.key.as_str()).collect();
    let expected: Vec<&str> = objects.keys().map(String::as_str).collect();
    assert_eq!(keys, expected);
    for (key, content) in objects {
        assert!(get(&node, key).await.unwrap().1 == *content, "{key}");
    }
    settled(&node).await;
    assert!(node.verify(Rate(None)).await.unwrap().is_sound());
    put(&node, "after", b"x").await.unwrap();
    node.close().await;
}

#[tokio::test]
async fn a_backup_is_the_node_as_it_was_whatever_comes_after() {
    let dir = tempfile::tempdir().unwrap();
    let (node, objects) = filled(dir.path()).await;
    let to = dir.path().join("backup");
    let done = node.backup(&to, Rate(None)).await.unwrap();
    assert_eq!(done.copied, 1);
    assert!(done.linked > 2 && done.last_lsn == node.stats().last_lsn);
    assert!(!to.join("index.redb").exists());
    // The links are links: they cost nothing, until the node has others.
    let linked = volumes_in(&to);
    assert_eq!(fs::metadata(&linked[0]).unwrap().nlink(), 2);
    let again = node.backup(&to, Rate(None)).await;
    assert!(matches!(again, Err(NodeError::File { .. })), "{again:?}");
    for key in objects.keys().take(20) {
        node.delete_object(&place(key), &DeleteObject::default(), Guards::default())
            .await
            .unwrap();
    }
    let freed = node.compact(ALL).await.unwrap();
    assert!(freed.volumes > 2 && freed.held == 0);
    assert_eq!(fs::metadata(&linked[0]).unwrap().nlink(), 1);
    node.close().await;
    holds(&to, &objects).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_of_a_node_that_is_written_and_compacted_has_all_that_came_before() {
    let dir = tempfile::tempdir().unwrap();
    let (node, objects) = filled(dir.path()).await;
    let busy = node.clone();
    let writer = tokio::spawn(async move {
        for n in 0_u64.. {
            let key = format!("other{}", n % 30);
            if put(&busy, &key, &bytes(n, 20_000)).await.is_err() {
                return;
            }
            if n % 25 == 24 {
                drop(busy.compact(ALL).await);
            }
        }
    });
    for number in 0..4 {
        let to = dir.path().join(format!("backup{number}"));
        node.backup(&to, Rate(Some(50_000_000))).await.unwrap();
        let restored = Node::open(small(&to)).unwrap();
        for (key, content) in &objects {
            assert!(get(&restored, key).await.unwrap().1 == *content, "{key}");
        }
        assert!(get(&restored, "k5").await.is_err());
        settled(&restored).await;
        assert!(restored.verify(Rate(None)).await.unwrap().is_sound());
        restored.close().await;
    }
    node.close().await;
    writer.await.unwrap();
}

/// Reads what is new of the volumes into `to`, as who ships them would.
async fn ship(node: &Node, to: &Path, shipped: &mut BTreeMap<u32, u64>) -> Vec<VolumeEnd> {
    fs::create_dir_all(to.join("volumes")).unwrap();
    let ends = node.volume_ends();
    for end in &ends {
        let at = shipped.entry(end.number).or_default();
        let path = to.join(format!("volumes/{:08x}.vol", end.number));
        let mut bytes = fs::read(&path).unwrap_or_default();
        while *at < end.flushed_bytes {
            let piece = node.read_volume(end, *at, 50_000).await.unwrap();
            assert!(!piece.is_empty() && piece.len() <= 50_000);
            bytes.extend_from_slice(&piece);
            *at += piece.len() as u64;
        }
        fs::write(&path, &bytes).unwrap();
    }
    ends
}

#[tokio::test]
async fn shipped_volumes_are_the_node_and_stay_until_they_are_shipped() {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::open(small(dir.path())).unwrap();
    node.create_bucket(BUCKET).await.unwrap();
    let mut objects = BTreeMap::new();
    let (to, mut shipped) = (dir.path().join("shipped"), BTreeMap::new());
    for n in 0..60_u64 {
        let (key, content) = (format!("k{}", n % 20), bytes(n + 1, 20_000));
        put(&node, &key, &content).await.unwrap();
        objects.insert(key, content);
        if n % 17 == 0 {
            ship(&node, &to, &mut shipped).await;
        }
    }
    // Nothing goes before it is shipped.
    let hold = node.hold_volumes();
    let held = node.compact(ALL).await.unwrap();
    assert!(held.volumes == 0 && held.held > 2);
    let ends = ship(&node, &to, &mut shipped).await;
    let (active, sealed) = ends.split_last().unwrap();
    assert!(!active.is_sealed && sealed.iter().all(|end| end.is_sealed));
    let past = node.read_volume(active, active.flushed_bytes, 100).await;
    assert!(past.unwrap().is_empty());
    holds(&to, &objects).await;
    drop(hold);
    let done = node.compact(ALL).await.unwrap();
    assert_eq!((done.volumes, done.held), (sealed.len() as u64, 0));
    let gone = node.read_volume(&sealed[0], 0, 100).await;
    assert!(matches!(gone, Err(NodeError::NotThere(_))), "{gone:?}");
    node.close().await;
}

#[tokio::test]
async fn what_was_emptied_while_it_was_held_goes_when_it_is_let_go() {
    let dir = tempfile::tempdir().unwrap();
    let (node, mut objects) = filled(dir.path()).await;
    let hold = node.hold_volumes();
    let held = node.compact(ALL).await.unwrap();
    assert_eq!(held.volumes, 0);
    assert_eq!(held.held, hold.numbers().len() as u64 - 1);
    drop(hold);
    assert!(node.compact(ALL).await.unwrap().volumes > 2);
    node.delete_object(&place("k7"), &DeleteObject::default(), Guards::default())
        .await
        .unwrap();
    objects.remove("k7");
    node.close().await;
    fs::remove_file(dir.path().join("index.redb")).unwrap();
    holds(dir.path(), &objects).await;
}
