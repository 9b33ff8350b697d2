//! What is asked of a running node: whether it is whole, what it holds, that it writes nothing for a while; and its index built anew.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::support::*;
use super::versions::versions_listed;
use redb::{Database, ReadableTable as _, TableDefinition};
use s3_protocol::call::{CreateMultipartUpload, DeleteObject, PayloadDigests, UploadPart};
use s3_protocol::setting::Versioning;
use s3_protocol::{BucketId, S3Code, S3Error};
use storage_node::{
    Change, Compaction, Guards, Harm, Node, NodeError, NodeOptions, OpenError, Rate,
};

const OBJECTS: TableDefinition<'static, &'static [u8], &'static [u8]> =
    TableDefinition::new("objects");

pub(crate) fn small(dir: &Path) -> NodeOptions {
    NodeOptions {
        volume_bytes: 256 * 1_024,
        ..options(dir)
    }
}

pub(crate) fn volumes_in(dir: &Path) -> Vec<PathBuf> {
    let mut volumes: Vec<PathBuf> = fs::read_dir(dir.join("volumes"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    volumes.sort();
    volumes
}

async fn fill(node: &Node) {
    for n in 0..40_u64 {
        let size = if n % 8 == 0 { 150_000 } else { 9_000 };
        put(node, &format!("k{n}"), &bytes(n + 1, size))
            .await
            .unwrap();
    }
    for n in [3, 16] {
        let gone = place(&format!("k{n}"));
        node.delete_object(&gone, &DeleteObject::default(), Guards::default())
            .await
            .unwrap();
    }
    settled(node).await;
}

async fn small_node(dir: &Path) -> Node {
    let node = Node::open(small(dir)).unwrap();
    node.create_bucket(BUCKET).await.unwrap();
    node
}

/// A queue of small things, one after the other: what is left of a volume is heads, fields and what ended them, and all of it comes back.
#[tokio::test]
async fn small_objects_that_come_and_go_leave_no_log_behind() {
    let dir = tempfile::tempdir().unwrap();
    let node = small_node(dir.path()).await;
    let how = Compaction {
        garbage_per_mille: 500,
        bytes_per_second: None,
    };
    for n in 0..1_500_u64 {
        let key = format!("queue/{n}");
        put(&node, &key, &bytes(n, 10)).await.unwrap();
        node.delete_object(&place(&key), &DeleteObject::default(), Guards::default())
            .await
            .unwrap();
    }
    settled(&node).await;
    let before = node.stats().log_bytes;
    assert_eq!(node.compact(how).await.unwrap().volumes, 5);
    // The volume that was being written stays.
    let left = node.stats().log_bytes;
    assert!(left < before / 4, "{left} of {before}");
    node.close().await;
}

/// What compaction has written is as close together as it writes: where every hundredth counts, it does not write it again and again.
#[tokio::test]
async fn small_objects_that_stay_are_written_anew_once() {
    let dir = tempfile::tempdir().unwrap();
    let options = NodeOptions {
        volume_bytes: 4 * 1_024 * 1_024,
        ..options(dir.path())
    };
    let node = Node::open(options.clone()).unwrap();
    node.create_bucket(BUCKET).await.unwrap();
    for n in 0..1_500_u64 {
        put(&node, &format!("k{n}"), &bytes(n, 10)).await.unwrap();
    }
    node.close().await;
    // An opening begins a volume, so that those before it are written no more.
    for turn in 0..3 {
        let node = Node::open(options.clone()).unwrap();
        settled(&node).await;
        let how = Compaction {
            garbage_per_mille: 10,
            bytes_per_second: None,
        };
        let before = node.stats().log_bytes;
        let done = node.compact(how).await.unwrap();
        let after = node.stats().log_bytes;
        match turn {
            0 => assert!(after < before / 2, "{after} of {before}"),
            _ => assert_eq!(done.moved_bytes, 0, "turn {turn}"),
        }
        node.close().await;
    }
    let node = Node::open(options).unwrap();
    for n in 0..1_500_u64 {
        assert!(get(&node, &format!("k{n}")).await.unwrap().1 == bytes(n, 10));
    }
    node.close().await;
}

/// Changes the index of a node that is closed.
fn tamper(dir: &Path, change: impl FnOnce(&redb::WriteTransaction)) {
    let database = Database::open(dir.join("index.redb")).unwrap();
    let write = database.begin_write().unwrap();
    change(&write);
    write.commit().unwrap();
}

#[tokio::test]
async fn verifying_finds_what_is_missing_miscounted_or_nobodys() {
    let dir = tempfile::tempdir().unwrap();
    let node = small_node(dir.path()).await;
    fill(&node).await;
    let verified = node.verify(Rate(None)).await.unwrap();
    assert!(
        verified.is_sound() && verified.unsettled == 0,
        "{verified:?}"
    );
    assert!(verified.rows > 40 && verified.bytes > 800_000);
    node.close().await;
    // A large object's row goes: its chunks are nobody's, and the counts are wrong. Another row stands for a key that it is not of.
    let key = |text: &str| [&BUCKET.0.to_be_bytes()[..], text.as_bytes()].concat();
    tamper(dir.path(), |write| {
        let mut objects = write.open_table(OBJECTS).unwrap();
        assert!(objects.remove(&key("k8")[..]).unwrap().is_some());
        let row = objects.get(&key("k1")[..]).unwrap();
        let row = row.map(|row| row.value().to_vec()).unwrap();
        objects.insert(&key("k2")[..], &row[..]).unwrap();
    });
    let node = Node::open(small(dir.path())).unwrap();
    let verified = node.verify(Rate(None)).await.unwrap();
    let keys: Vec<_> = verified.faults.iter().map(|fault| &fault.key).collect();
    assert_eq!(keys, [&Some("k2".to_owned())]);
    // Nothing is told of counts and owners where a row cannot be read.
    assert_eq!((verified.unsettled, verified.orphans), (1, None));
    node.close().await;
    tamper(dir.path(), |write| {
        let mut objects = write.open_table(OBJECTS).unwrap();
        objects.remove(&key("k2")[..]).unwrap();
    });
    let node = Node::open(small(dir.path())).unwrap();
    let verified = node.verify(Rate(None)).await.unwrap();
    assert_eq!((verified.orphans, verified.miscounted.len()), (Some(1), 1));
    assert_eq!(verified.miscounted[0].objects, (38, 36));
    node.close().await;
    // Built anew it is whole again.
    let rebuilt = Node::rebuild_index(small(dir.path())).unwrap();
    assert_eq!((rebuilt.buckets, rebuilt.objects), (1, 38));
    let node = Node::open(small(dir.path())).unwrap();
    assert!(node.verify(Rate(None)).await.unwrap().is_sound());
    assert_eq!(get(&node, "k8").await.unwrap().1, bytes(9, 150_000));
    node.close().await;
}

#[tokio::test]
async fn verifying_goes_on_while_the_node_is_written_and_compacted() {
    let dir = tempfile::tempdir().unwrap();
    let node = small_node(dir.path()).await;
    fill(&node).await;
    let busy = node.clone();
    let writer = tokio::spawn(async move {
        for n in 0..120_u64 {
            let size = if n % 5 == 0 { 130_000 } else { 4_000 };
            put(&busy, &format!("k{}", n % 50), &bytes(n, size))
                .await
                .unwrap();
            if n % 40 == 39 {
                let how = Compaction {
                    garbage_per_mille: 100,
                    bytes_per_second: None,
                };
                busy.compact(how).await.unwrap();
            }
        }
    });
    let mut turns = 0;
    while !writer.is_finished() || turns == 0 {
        let verified = node.verify(Rate(None)).await.unwrap();
        assert!(verified.is_sound(), "{verified:#?}");
        assert!(node.scrub(Rate(None)).await.unwrap().flaws.is_empty());
        turns += 1;
    }
    writer.await.unwrap();
    assert!(node.verify(Rate(None)).await.unwrap().is_sound());
    node.close().await;
}

#[tokio::test]
async fn a_scrub_names_every_object_that_does_not_read_and_no_other() {
    for seed in 1..=u64::from(rounds(6)) {
        let dir = tempfile::tempdir().unwrap();
        let node = small_node(dir.path()).await;
        fill(&node).await;
        let clean = node.scrub(Rate(None)).await.unwrap();
        assert!(clean.flaws.is_empty() && clean.objects.is_empty());
        assert!(clean.records > 40 && node.stats().damaged == 0);
        // Bits flip anywhere in what was written, heads of volumes aside.
        let mut dice = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        for end in node.volume_ends() {
            let path = volumes_in(dir.path())
                .into_iter()
                .find(|path| path.ends_with(format!("{:08x}.vol", end.number)))
                .unwrap();
            let mut image = fs::read(&path).unwrap();
            let written = usize::try_from(end.flushed_bytes).unwrap().min(image.len());
            for _ in 0..2 {
                dice ^= dice << 13;
                dice ^= dice >> 7;
                dice ^= dice << 17;
                let room = written.saturating_sub(4_096);
                if room > 0 {
                    let at = 4_096 + usize::try_from(dice >> 8).unwrap() % room;
                    image[at] ^= 1 << (dice % 8);
                }
            }
            fs::write(&path, &image).unwrap();
        }
        let mut unreadable = BTreeSet::new();
        for n in 0..40_u64 {
            let key = format!("k{n}");
            let size = if n % 8 == 0 { 150_000 } else { 9_000 };
            match get(&node, &key).await {
                Ok((_, content)) => assert!(content == bytes(n + 1, size), "{key}: other bytes"),
                Err(NodeError::Damaged(_)) => drop(unreadable.insert(key)),
                Err(NodeError::Refused(S3Error {
                    code: S3Code::NoSuchKey,
                    ..
                })) => assert!(n == 3 || n == 16),
                Err(other) => panic!("{key}: {other}"),
            }
        }
        let found = node.scrub(Rate(None)).await.unwrap();
        let named: BTreeSet<String> = found
            .objects
            .iter()
            .filter(|object| object.harm == Harm::Payload)
            .map(|object| object.key.clone())
            .collect();
        assert_eq!(named, unreadable, "seed {seed}: {found:#?}");
        assert!(!found.flaws.is_empty());
        assert_eq!(node.stats().damaged, found.objects.len() as u64);
        // And verifying finds all of these too.
        let verified = node.verify(Rate(None)).await.unwrap();
        assert!(verified.faults.len() >= usize::from(!unreadable.is_empty()));
        // What is damaged is not compacted away.
        let how = Compaction {
            garbage_per_mille: 0,
            bytes_per_second: None,
        };
        assert!(node.compact(how).await.unwrap().damaged > 0 || unreadable.is_empty());
        node.close().await;
    }
}

#[tokio::test]
async fn a_bit_that_flips_in_the_index_is_an_error_or_mended_and_never_other_bytes() {
    let dir = tempfile::tempdir().unwrap();
    let node = small_node(dir.path()).await;
    fill(&node).await;
    node.close().await;
    let whole = fs::read(dir.path().join("index.redb")).unwrap();
    let mut dice = 7_u64;
    for _ in 0..rounds(60) {
        let mut bad = whole.clone();
        for _ in 0..4 {
            dice ^= dice << 13;
            dice ^= dice >> 7;
            dice ^= dice << 17;
            let at = usize::try_from(dice >> 8).unwrap() % bad.len();
            bad[at] ^= 1 << (dice % 8);
        }
        fs::write(dir.path().join("index.redb"), &bad).unwrap();
        // An index that does not open is built anew.
        let node = Node::open(small(dir.path())).unwrap();
        for n in 0..40_u64 {
            let size = if n % 8 == 0 { 150_000 } else { 9_000 };
            if let Ok((_, content)) = get(&node, &format!("k{n}")).await {
                assert!(content == bytes(n + 1, size), "k{n}: other bytes");
            }
        }
        node.close().await;
    }
}

/// The index opens, and a table in it is not what it should be: it is built anew, like one that does not open.
#[tokio::test]
async fn an_index_whose_tables_are_others_is_built_anew() {
    const OTHER: TableDefinition<'static, u64, u64> = TableDefinition::new("counts");
    let dir = tempfile::tempdir().unwrap();
    let node = small_node(dir.path()).await;
    fill(&node).await;
    node.close().await;
    tamper(dir.path(), |write| {
        let old: TableDefinition<'static, u128, (i64, i64)> = TableDefinition::new("counts");
        assert!(write.delete_table(old).unwrap());
        write.open_table(OTHER).unwrap().insert(1, 1).unwrap();
    });
    let node = Node::open(small(dir.path())).unwrap();
    assert_eq!(node.bucket_stats(BUCKET).await.unwrap().objects, 38);
    assert!(node.verify(Rate(None)).await.unwrap().is_sound());
    node.close().await;
}

#[tokio::test]
async fn usage_tells_objects_from_versions_markers_and_uploads() {
    let dir = tempfile::tempdir().unwrap();
    let node = small_node(dir.path()).await;
    node.create_bucket(BucketId(7)).await.unwrap();
    let change = Change::Versioning(Versioning::Enabled);
    node.configure_bucket(BUCKET, change).await.unwrap();
    for content in [&b"1"[..], b"22", b"333"] {
        put(&node, "key", content).await.unwrap();
    }
    put(&node, "gone", b"4444").await.unwrap();
    let gone = place("gone");
    node.delete_object(&gone, &DeleteObject::default(), Guards::default())
        .await
        .unwrap();
    let ask = CreateMultipartUpload::default();
    let begun = node.create_upload(&place("up"), ask, by("key")).await;
    let ask = UploadPart {
        upload: begun.unwrap().upload,
        part_number: 1,
        length: None,
        digests: PayloadDigests::default(),
        customer_key: None,
    };
    node.upload_part(&place("up"), ask, Guards::default(), body(bytes(1, 5_000)))
        .await
        .unwrap();
    let usage = node.usage().await.unwrap();
    let [empty, used] = usage.buckets[..] else {
        panic!("{usage:?}")
    };
    assert_eq!((empty.bucket, empty.all()), (BucketId(7), 0));
    assert_eq!((used.objects, used.versions, used.markers), (1, 3, 1));
    assert_eq!(
        (used.bytes, used.uploads, used.upload_bytes),
        (10, 1, 5_000)
    );
    assert_eq!(usage.volumes, node.volumes().unwrap());
    node.close().await;
}

#[tokio::test]
async fn a_node_that_is_set_to_read_only_refuses_writes_and_deletions_until_it_is_not() {
    let dir = tempfile::tempdir().unwrap();
    let node = small_node(dir.path()).await;
    put(&node, "key", b"kept").await.unwrap();
    node.set_read_only(true);
    let before = node.stats().last_lsn;
    assert!(node.stats().read_only);
    let refused = put(&node, "new", b"x").await.unwrap_err();
    assert!(matches!(refused, NodeError::Frozen));
    let told = S3Error::from(refused);
    assert_eq!(told.code, S3Code::ServiceUnavailable);
    let deleted = node
        .delete_object(&place("key"), &DeleteObject::default(), Guards::default())
        .await;
    assert!(matches!(deleted, Err(NodeError::Frozen)));
    assert!(matches!(
        node.create_bucket(BucketId(9)).await,
        Err(NodeError::Frozen)
    ));
    let how = Compaction {
        garbage_per_mille: 0,
        bytes_per_second: None,
    };
    let compacted = node.compact(how).await;
    assert!(matches!(compacted, Err(NodeError::Frozen)) || compacted.unwrap().volumes == 0);
    assert_eq!(get(&node, "key").await.unwrap().1, &b"kept"[..]);
    assert!(node.scrub(Rate(None)).await.unwrap().flaws.is_empty());
    assert_eq!(node.stats().last_lsn, before);
    node.set_read_only(false);
    put(&node, "new", b"x").await.unwrap();
    node.close().await;
    let options = NodeOptions {
        read_only: true,
        ..small(dir.path())
    };
    let node = Node::open(options).unwrap();
    assert!(matches!(
        put(&node, "new", b"y").await,
        Err(NodeError::Frozen)
    ));
    assert_eq!(get(&node, "new").await.unwrap().1, &b"x"[..]);
    node.close().await;
}

#[tokio::test]
async fn an_index_is_built_anew_only_of_a_closed_node_and_kept_where_that_fails() {
    let dir = tempfile::tempdir().unwrap();
    let node = small_node(dir.path()).await;
    fill(&node).await;
    let before = versions_listed(&node, "", None, 1_000).await;
    assert!(matches!(
        Node::rebuild_index(small(dir.path())),
        Err(OpenError::InUse(_))
    ));
    node.close().await;
    let index = dir.path().join("index.redb");
    let old = fs::read(&index).unwrap();
    // A volume is missing in the middle: nothing can be built, and what was there stays.
    let volumes = volumes_in(dir.path());
    let aside = dir.path().join("aside");
    fs::rename(&volumes[1], &aside).unwrap();
    let refused = Node::rebuild_index(small(dir.path()));
    assert!(
        matches!(refused, Err(OpenError::Damaged { .. })),
        "{refused:?}"
    );
    assert!(fs::read(&index).unwrap() == old);
    fs::rename(&aside, &volumes[1]).unwrap();
    let rebuilt = Node::rebuild_index(small(dir.path())).unwrap();
    assert_eq!((rebuilt.objects, rebuilt.damage.len()), (38, 0));
    let names: BTreeSet<_> = fs::read_dir(dir.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    let expected = ["index.redb", "lock", "volumes"].map(str::to_owned);
    assert_eq!(names, BTreeSet::from(expected));
    let node = Node::open(small(dir.path())).unwrap();
    assert!(versions_listed(&node, "", None, 1_000).await == before);
    assert!(node.verify(Rate(None)).await.unwrap().is_sound());
    node.close().await;
}
