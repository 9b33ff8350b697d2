//! What a restart finds: torn tails at every byte, flipped bits, damage in the middle, a lost index, orphaned payloads.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::support::*;
use s3_protocol::call::{DeleteObject, PutObject};
use storage_node::{Guards, Node, NodeError, NodeOptions, OpenError};

fn last_volume(dir: &Path) -> PathBuf {
    let mut volumes: Vec<PathBuf> = fs::read_dir(dir.join("volumes"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    volumes.sort();
    // The last file is the preallocated spare: zeros.
    volumes
        .into_iter()
        .rev()
        .find(|path| {
            fs::read(path)
                .unwrap()
                .iter()
                .take(8)
                .any(|byte| *byte != 0)
        })
        .unwrap()
}

fn copy_dir(from: &Path, to: &Path) {
    fs::create_dir_all(to.join("volumes")).unwrap();
    for entry in fs::read_dir(from.join("volumes")).unwrap() {
        let path = entry.unwrap().path();
        fs::copy(&path, to.join("volumes").join(path.file_name().unwrap())).unwrap();
    }
}

/// Options with small volumes, so that a copy of the folder is cheap.
fn small(dir: &Path) -> NodeOptions {
    NodeOptions {
        volume_bytes: 64 * 1_024,
        ..options(dir)
    }
}

/// End of the last round in a volume: behind it are zeros.
fn written(bytes: &[u8]) -> usize {
    bytes.iter().rposition(|byte| *byte != 0).unwrap() + 1
}

#[tokio::test]
async fn a_tail_torn_at_any_byte_loses_the_last_round_alone() {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::open(small(dir.path())).unwrap();
    node.create_bucket(BUCKET).await.unwrap();
    put(&node, "kept", b"acknowledged before").await.unwrap();
    let volume = last_volume(dir.path());
    let before = written(&fs::read(&volume).unwrap());
    put(&node, "torn", &bytes(5, 300)).await.unwrap();
    let image = tempfile::tempdir().unwrap();
    copy_dir(dir.path(), image.path());
    node.close().await;
    let whole = fs::read(
        image
            .path()
            .join("volumes")
            .join(volume.file_name().unwrap()),
    )
    .unwrap();
    let start = before.next_multiple_of(512);
    let end = written(&whole);
    assert!(end > start + 300);
    // Every byte of the heads and of the fields, every seventh of the rest.
    for cut in (start..end).filter(|cut| cut % 7 == 0 || cut - start < 80) {
        for garble in [false, true] {
            let mut torn = whole.clone();
            if garble {
                torn[cut] ^= 0x5a;
            } else {
                torn[cut..].fill(0);
            }
            let there = tempfile::tempdir().unwrap();
            copy_dir(image.path(), there.path());
            fs::write(
                there
                    .path()
                    .join("volumes")
                    .join(volume.file_name().unwrap()),
                &torn,
            )
            .unwrap();
            let node = Node::open(small(there.path())).unwrap();
            assert_eq!(
                get(&node, "kept").await.unwrap().1,
                &b"acknowledged before"[..],
                "{cut} {garble}"
            );
            assert!(get(&node, "torn").await.is_err(), "{cut} {garble}");
            assert_eq!(node.bucket_stats(BUCKET).await.unwrap().objects, 1);
            put(&node, "torn", b"again").await.unwrap();
            node.close().await;
        }
    }
}

#[tokio::test]
async fn a_flipped_bit_of_a_payload_is_an_error_and_never_other_bytes() {
    let dir = tempfile::tempdir().unwrap();
    let node = open(dir.path()).await;
    let (small, large) = (bytes(1, 5_000), bytes(2, 1_200_000));
    put(&node, "small", &small).await.unwrap();
    put(&node, "large", &large).await.unwrap();
    settled(&node).await;
    let volume = last_volume(dir.path());
    let mut image = fs::read(&volume).unwrap();
    for content in [&small, &large] {
        let at = image
            .windows(64)
            .position(|window| window == &content[1_000..1_064])
            .unwrap();
        image[at] ^= 1;
    }
    fs::write(&volume, &image).unwrap();
    for key in ["small", "large"] {
        let got = get(&node, key).await;
        assert!(matches!(got, Err(NodeError::Damaged(_))), "{got:?}");
    }
    node.close().await;
    // The log went on behind them (a checkpoint has them): a rebuild puts the damage aside and reports it.
    fs::remove_file(dir.path().join("index.redb")).unwrap();
    let node = open(dir.path()).await;
    assert!(matches!(
        get(&node, "small").await,
        Err(NodeError::Damaged(_))
    ));
    node.close().await;
}

#[tokio::test]
async fn damage_before_a_valid_round_is_reported_and_not_cut() {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::open(small(dir.path())).unwrap();
    node.create_bucket(BUCKET).await.unwrap();
    let mut starts = Vec::new();
    for key in ["one", "two", "three"] {
        starts.push(written(&fs::read(last_volume(dir.path())).unwrap()).next_multiple_of(512));
        put(&node, key, &bytes(7, 600)).await.unwrap();
    }
    let volume = last_volume(dir.path());
    let image = tempfile::tempdir().unwrap();
    copy_dir(dir.path(), image.path());
    node.close().await;
    let path = image
        .path()
        .join("volumes")
        .join(volume.file_name().unwrap());
    let whole = fs::read(&path).unwrap();
    // In the record of "two": put aside, told, and "three" is there.
    let mut bad = whole.clone();
    bad[starts[1] + 64 + 10] ^= 1;
    fs::write(&path, &bad).unwrap();
    let node = Node::open(small(image.path())).unwrap();
    assert_eq!(node.stats().damage.len(), 1);
    assert!(get(&node, "one").await.is_ok() && get(&node, "three").await.is_ok());
    assert!(get(&node, "two").await.is_err());
    node.close().await;
    // In the round's head of "two": what follows cannot be reached, so nothing is opened and nothing is changed.
    let image = tempfile::tempdir().unwrap();
    copy_dir(dir.path(), image.path());
    let path = image
        .path()
        .join("volumes")
        .join(volume.file_name().unwrap());
    let mut bad = whole.clone();
    bad[starts[1] + 20] ^= 1;
    fs::write(&path, &bad).unwrap();
    assert!(matches!(
        Node::open(small(image.path())),
        Err(OpenError::Damaged { .. })
    ));
    assert!(fs::read(&path).unwrap() == bad);
}

type Image = (BTreeMap<String, Vec<u8>>, u64, u64, u64);

async fn image(node: &Node) -> Image {
    settled(node).await;
    let mut objects = BTreeMap::new();
    for entry in list_all(node, "", None, 1_000).await.entries {
        let key = entry.key.as_str().to_owned();
        let content = get(node, &key).await.unwrap().1.to_vec();
        objects.insert(key, content);
    }
    let stats = node.bucket_stats(BUCKET).await.unwrap();
    (
        objects,
        stats.objects,
        stats.bytes,
        node.stats().garbage_bytes,
    )
}

#[tokio::test]
async fn an_index_rebuilt_from_the_volumes_is_the_index_that_was_there() {
    let dir = tempfile::tempdir().unwrap();
    let node = open(dir.path()).await;
    for n in 0..200_u64 {
        let size = if n % 20 == 0 { 1_100_000 } else { 700 };
        put(&node, &format!("k{}", n % 60), &bytes(n, size))
            .await
            .unwrap();
        if n % 7 == 0 {
            let gone = place(&format!("k{}", n % 50));
            node.delete_object(&gone, &DeleteObject::default(), Guards::default())
                .await
                .unwrap();
        }
    }
    let wrong = PutObject {
        length: Some(2_000_000),
        ..PutObject::default()
    };
    let failed = node
        .put_object(
            &place("failed"),
            wrong,
            by("key"),
            body(bytes(3, 1_900_000)),
        )
        .await;
    assert!(failed.is_err());
    let before = image(&node).await;
    node.close().await;
    fs::remove_file(dir.path().join("index.redb")).unwrap();
    let node = open(dir.path()).await;
    assert!(image(&node).await == before);
    node.close().await;
    // An index that is no index is as good as none.
    fs::write(dir.path().join("index.redb"), bytes(1, 10_000)).unwrap();
    let node = open(dir.path()).await;
    assert!(image(&node).await == before);
    node.close().await;
}

#[tokio::test]
async fn an_index_that_fails_is_opened_again_and_loses_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let options = options(dir.path());
    let faults = options.index_faults.clone();
    let node = Node::open(options).unwrap();
    node.create_bucket(BUCKET).await.unwrap();
    for n in 0..50 {
        put(&node, &format!("k{n}"), &bytes(n, 100)).await.unwrap();
    }
    settled(&node).await;
    faults.set(true);
    for n in 50..80 {
        // While the index is away a write may be refused; what is acknowledged counts.
        let _refused = put(&node, &format!("k{n}"), &bytes(n, 100)).await.is_err();
    }
    tokio::time::sleep(std::time::Duration::from_millis(600)).await;
    faults.set(false);
    let mut tries = 0;
    while get(&node, "k0").await.is_err() || !node.is_settled() {
        tries += 1;
        assert!(tries < 500, "the index never came back");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    let there = list_all(&node, "", None, 1_000).await.entries.len();
    assert!(there >= 50);
    for n in 0..50 {
        assert_eq!(get(&node, &format!("k{n}")).await.unwrap().1, bytes(n, 100));
    }
    put(&node, "after", b"x").await.unwrap();
    node.close().await;
    let node = open(dir.path()).await;
    assert_eq!(
        list_all(&node, "", None, 1_000).await.entries.len(),
        there + 1
    );
    node.close().await;
}

#[tokio::test]
async fn a_failed_flush_fails_its_writes_alone_and_nothing_of_them_comes_back() {
    let dir = tempfile::tempdir().unwrap();
    let options = options(dir.path());
    let faults = options.log_faults.clone();
    let node = Node::open(options).unwrap();
    node.create_bucket(BUCKET).await.unwrap();
    put(&node, "before", b"1").await.unwrap();
    let volumes = node.stats().volumes;
    faults.set(true);
    for key in ["lost", "before"] {
        let got = put(&node, key, b"2").await;
        assert!(matches!(got, Err(NodeError::Log(_))), "{got:?}");
    }
    faults.set(false);
    put(&node, "after", b"3").await.unwrap();
    // The volume whose flush failed is never written again.
    assert!(node.stats().volumes > volumes);
    for restarted in [false, true] {
        let node = if restarted {
            open(dir.path()).await
        } else {
            node.clone()
        };
        assert_eq!(get(&node, "before").await.unwrap().1, &b"1"[..]);
        assert_eq!(get(&node, "after").await.unwrap().1, &b"3"[..]);
        assert!(get(&node, "lost").await.is_err());
        assert_eq!(node.bucket_stats(BUCKET).await.unwrap().objects, 2);
        node.close().await;
    }
}
