//! What a restart finds: torn tails at every byte, flipped bits, damage in the middle, a lost index, orphaned payloads.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::support::*;
use s3_protocol::call::{
    CompleteMultipartUpload, Conditions, CreateMultipartUpload, DeleteObject, PayloadDigests,
    PutObject, UploadPart,
};
use s3_protocol::object::CompletedPart;
use storage_node::{Compaction, Guards, Node, NodeError, NodeOptions, OpenError, Rate};

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
    // Every byte of the heads and of the fields, every seventh of the rest; in the long form every one.
    for cut in (start..end).filter(|cut| is_long() || cut % 7 == 0 || cut - start < 80) {
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

#[tokio::test]
async fn volumes_of_any_number_are_emptied_and_missed_by_nobody() {
    let dir = tempfile::tempdir().unwrap();
    let options = || NodeOptions {
        volume_bytes: 64 * 1_024,
        ..options(dir.path())
    };
    let node = Node::open(options()).unwrap();
    node.create_bucket(BUCKET).await.unwrap();
    // One volume each, past the numbers that fit into a byte, and a few that stay.
    for n in 0..140_u64 {
        put(&node, &format!("k{}", n % 70), &bytes(n, 40_000))
            .await
            .unwrap();
    }
    settled(&node).await;
    for garbage_per_mille in [500, 0] {
        let how = Compaction {
            garbage_per_mille,
            bytes_per_second: None,
        };
        assert!(node.compact(how).await.unwrap().volumes > 60);
    }
    node.close().await;
    fs::remove_file(dir.path().join("index.redb")).unwrap();
    let node = Node::open(options()).unwrap();
    assert!(node.stats().damage.is_empty(), "{:?}", node.stats().damage);
    for n in 70..140 {
        let content = get(&node, &format!("k{}", n % 70)).await.unwrap().1;
        assert!(content == bytes(n, 40_000), "{n}");
    }
    assert_eq!(node.bucket_stats(BUCKET).await.unwrap().objects, 70);
    settled(&node).await;
    assert!(node.verify(Rate(None)).await.unwrap().is_sound());
    node.close().await;
}

#[tokio::test]
async fn chunks_whose_version_was_moved_are_no_orphans_to_a_rebuild() {
    let dir = tempfile::tempdir().unwrap();
    let options = || NodeOptions {
        volume_bytes: 256 * 1_024,
        ..options(dir.path())
    };
    let node = Node::open(options()).unwrap();
    node.create_bucket(BUCKET).await.unwrap();
    let junk = async |turn: u64| {
        for n in 0..7 {
            put(&node, &format!("junk{turn}{n}"), &bytes(n, 30_000))
                .await
                .unwrap();
        }
    };
    // A chunk fills a volume; what makes an object of it stands in the next one, with much that goes.
    put(&node, "large", &bytes(1, 300_000)).await.unwrap();
    junk(1).await;
    let at = place("parts");
    let ask = CreateMultipartUpload::default();
    let begun = node.create_upload(&at, ask, by("key")).await.unwrap();
    let ask = UploadPart {
        upload: begun.upload,
        part_number: 1,
        length: None,
        digests: PayloadDigests::default(),
        customer_key: None,
    };
    let payload = body(bytes(2, 300_000));
    let part = node
        .upload_part(&at, ask, Guards::default(), payload)
        .await
        .unwrap();
    let listed = vec![CompletedPart {
        number: 1,
        etag: part.etag.to_string(),
        checksums: Vec::new(),
    }];
    let ask = CompleteMultipartUpload {
        upload: begun.upload,
        checksum: None,
        checksum_kind: None,
        object_size: None,
        conditions: Conditions::default(),
        customer_key: None,
    };
    node.complete_upload(&at, ask, listed, Guards::default())
        .await
        .unwrap();
    junk(2).await;
    junk(3).await;
    for entry in list_all(&node, "junk", None, 1_000).await.entries {
        let gone = place(entry.key.as_str());
        node.delete_object(&gone, &DeleteObject::default(), Guards::default())
            .await
            .unwrap();
    }
    settled(&node).await;
    let how = Compaction {
        garbage_per_mille: 500,
        bytes_per_second: None,
    };
    assert!(node.compact(how).await.unwrap().volumes >= 2);
    node.close().await;
    fs::remove_file(dir.path().join("index.redb")).unwrap();
    for _ in 0..2 {
        let node = Node::open(options()).unwrap();
        settled(&node).await;
        assert!(get(&node, "large").await.unwrap().1 == bytes(1, 300_000));
        assert!(get(&node, "parts").await.unwrap().1 == bytes(2, 300_000));
        assert!(node.verify(Rate(None)).await.unwrap().is_sound());
        node.close().await;
    }
}

#[tokio::test]
async fn damage_at_the_end_of_a_volume_before_a_gap_is_no_torn_tail() {
    let dir = tempfile::tempdir().unwrap();
    let options = || NodeOptions {
        volume_bytes: 256 * 1_024,
        ..options(dir.path())
    };
    let node = Node::open(options()).unwrap();
    node.create_bucket(BUCKET).await.unwrap();
    for n in 0..40 {
        put(&node, &format!("k{n:02}"), &bytes(n, 30_000))
            .await
            .unwrap();
    }
    // The second volume goes: nothing tells any more where the first one ends.
    for n in 8..16 {
        let gone = place(&format!("k{n:02}"));
        node.delete_object(&gone, &DeleteObject::default(), Guards::default())
            .await
            .unwrap();
    }
    settled(&node).await;
    let how = Compaction {
        garbage_per_mille: 800,
        bytes_per_second: None,
    };
    assert_eq!(node.compact(how).await.unwrap().volumes, 1);
    settled(&node).await;
    let first = dir.path().join("volumes/00000001.vol");
    assert!(!dir.path().join("volumes/00000002.vol").exists());
    let whole = fs::read(&first).unwrap();
    let round = whole
        .chunks(512)
        .rposition(|sector| sector.starts_with(&[b'R', 0, 64, 0]))
        .unwrap();
    let mut bad = whole.clone();
    bad[round * 512 + 20] ^= 1;
    fs::write(&first, &bad).unwrap();
    // Compaction sees it and keeps the volume; a scrub names what stands there, which reads as long as the index is there.
    let how = Compaction {
        garbage_per_mille: 0,
        bytes_per_second: None,
    };
    assert_eq!(node.compact(how).await.unwrap().damaged, 1);
    assert!(first.exists());
    let found = node.scrub(Rate(None)).await.unwrap();
    assert_eq!((found.flaws.len(), found.flaws[0].volume), (1, 1));
    node.close().await;
    fs::remove_file(dir.path().join("index.redb")).unwrap();
    assert!(matches!(
        Node::open(options()),
        Err(OpenError::Damaged { volume: 1, .. })
    ));
    fs::write(&first, &whole).unwrap();
    let node = Node::open(options()).unwrap();
    for n in (0..8).chain(16..40) {
        assert_eq!(
            get(&node, &format!("k{n:02}")).await.unwrap().1,
            bytes(n, 30_000)
        );
    }
    node.close().await;
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
