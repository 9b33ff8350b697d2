//! What was deleted or overwritten lately comes back, whole, also after compaction and without the index; later it is gone.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::support::*;
use super::versions::{get_version, versions_listed};
use s3_protocol::call::{
    CompleteMultipartUpload, Conditions, CreateMultipartUpload, DeleteObject, GetObject,
    PayloadDigests, UploadPart,
};
use s3_protocol::object::CompletedPart;
use s3_protocol::setting::Versioning;
use s3_protocol::{S3Code, VersionId};
use storage_node::{
    Change, Compaction, Deleted, Ending, FacetChange, Guards, Node, NodeError, NodeOptions, Rate,
    Undelete,
};

const ALL: Compaction = Compaction {
    garbage_per_mille: 0,
    bytes_per_second: None,
};
const HOUR_MS: u64 = 3_600_000;

/// A node that keeps what was deleted for an hour of a clock that goes when it is told to.
fn open_kept(dir: &Path, now: &Arc<AtomicU64>) -> Node {
    let clock = Arc::clone(now);
    let options = NodeOptions {
        volume_bytes: 256 * 1_024,
        undelete: Duration::from_millis(HOUR_MS),
        clock: Arc::new(move || clock.fetch_add(1, Ordering::Relaxed)),
        ..options(dir)
    };
    Node::open(options).unwrap()
}

fn start() -> Arc<AtomicU64> {
    Arc::new(AtomicU64::new(1_700_000_000_000))
}

async fn delete(node: &Node, key: &str, version: Option<VersionId>) {
    let ask = DeleteObject {
        version,
        ..DeleteObject::default()
    };
    node.delete_object(&place(key), &ask, Guards::default())
        .await
        .unwrap();
}

async fn deleted(node: &Node, prefix: &str) -> Vec<Deleted> {
    node.deleted(BUCKET, prefix, Rate(None)).await.unwrap()
}

async fn back(
    node: &Node,
    what: &Deleted,
    to: Option<&str>,
) -> Result<Option<VersionId>, NodeError> {
    let wanted = Undelete {
        what: what.clone(),
        to: to.map(|to| to.parse().unwrap()),
    };
    let mut answers = node.undelete(vec![wanted], Rate(None)).await.unwrap();
    answers.remove(0)
}

#[tokio::test]
async fn what_was_deleted_or_overwritten_comes_back_and_never_over_what_stands() {
    let (dir, now) = (tempfile::tempdir().unwrap(), start());
    let node = open_kept(dir.path(), &now);
    node.create_bucket(BUCKET).await.unwrap();
    let contents = [bytes(1, 3_000), bytes(2, 1_300_000), Vec::new()];
    for (key, content) in ["small", "large", "empty"].iter().zip(&contents) {
        put(&node, key, content).await.unwrap();
    }
    put(&node, "kept", b"first").await.unwrap();
    put(&node, "kept", b"second").await.unwrap();
    for key in ["small", "large", "empty"] {
        delete(&node, key, None).await;
    }
    settled(&node).await;
    assert_eq!(node.compact(ALL).await.unwrap().volumes, 0);
    let found = deleted(&node, "").await;
    let told: Vec<_> = found
        .iter()
        .map(|one| (one.key.as_str(), one.size, one.ending))
        .collect();
    let expected = [
        ("empty", 0, Ending::Deleted),
        ("kept", 5, Ending::Overwritten),
        ("large", 1_300_000, Ending::Deleted),
        ("small", 3_000, Ending::Deleted),
    ];
    assert_eq!(told, expected);
    assert_eq!(deleted(&node, "la").await.len(), 1);
    // Another stands under its name: that one stays, and the old one comes back under another name.
    let refused = back(&node, &found[1], None).await;
    assert_eq!(code(refused), S3Code::PreconditionFailed);
    assert_eq!(get(&node, "kept").await.unwrap().1, &b"second"[..]);
    back(&node, &found[1], Some("kept before")).await.unwrap();
    assert_eq!(get(&node, "kept before").await.unwrap().1, &b"first"[..]);
    for one in [&found[0], &found[2], &found[3]] {
        back(&node, one, None).await.unwrap();
    }
    for restarted in [false, true] {
        let node = if restarted {
            node.close().await;
            std::fs::remove_file(dir.path().join("index.redb")).unwrap();
            open_kept(dir.path(), &now)
        } else {
            node.clone()
        };
        for (key, content) in ["small", "large", "empty"].iter().zip(&contents) {
            assert!(get(&node, key).await.unwrap().1 == *content, "{key}");
        }
        assert_eq!(node.bucket_stats(BUCKET).await.unwrap().objects, 5);
        settled(&node).await;
        let verified = node.verify(Rate(None)).await.unwrap();
        assert!(verified.is_sound(), "{verified:#?}");
        if restarted {
            node.close().await;
        }
    }
}

#[tokio::test]
async fn compaction_waits_as_long_as_it_may_come_back_and_no_longer() {
    let (dir, now) = (tempfile::tempdir().unwrap(), start());
    let node = open_kept(dir.path(), &now);
    node.create_bucket(BUCKET).await.unwrap();
    for n in 0..30_u64 {
        put(&node, &format!("k{n}"), &bytes(n, 30_000))
            .await
            .unwrap();
    }
    put(&node, "large", &bytes(99, 1_500_000)).await.unwrap();
    settled(&node).await;
    now.fetch_add(3 * HOUR_MS, Ordering::Relaxed);
    delete(&node, "k0", None).await;
    delete(&node, "large", None).await;
    settled(&node).await;
    // Volumes in which nothing was deleted go; those of the two stay, also over a restart.
    let done = node.compact(ALL).await.unwrap();
    assert!(done.volumes > 0 && done.waiting >= 2, "{done:?}");
    node.close().await;
    let node = open_kept(dir.path(), &now);
    let done = node.compact(ALL).await.unwrap();
    assert!(done.waiting >= 2, "{done:?}");
    let found = deleted(&node, "").await;
    let keys: Vec<_> = found.iter().map(|one| one.key.as_str()).collect();
    assert_eq!(keys, ["k0", "large"]);
    back(&node, &found[1], None).await.unwrap();
    assert!(get(&node, "large").await.unwrap().1 == bytes(99, 1_500_000));
    now.fetch_add(HOUR_MS, Ordering::Relaxed);
    let late = back(&node, &found[0], None).await;
    assert!(matches!(late, Err(NodeError::NotThere(_))), "{late:?}");
    assert!(deleted(&node, "").await.is_empty());
    let done = node.compact(ALL).await.unwrap();
    assert!(done.waiting == 0 && done.volumes > 1, "{done:?}");
    assert!(get(&node, "large").await.unwrap().1 == bytes(99, 1_500_000));
    settled(&node).await;
    assert!(node.verify(Rate(None)).await.unwrap().is_sound());
    node.close().await;
}

#[tokio::test]
async fn a_version_of_parts_comes_back_with_its_tags() {
    let (dir, now) = (tempfile::tempdir().unwrap(), start());
    let node = open_kept(dir.path(), &now);
    node.create_bucket(BUCKET).await.unwrap();
    let change = Change::Versioning(Versioning::Enabled);
    node.configure_bucket(BUCKET, change).await.unwrap();
    let at = place("parts");
    let ask = CreateMultipartUpload::default();
    let begun = node.create_upload(&at, ask, by("key")).await.unwrap();
    let contents = [bytes(1, 1_200_000), bytes(2, 70_000)];
    let mut parts = Vec::new();
    for (number, content) in (1..).zip(&contents) {
        let ask = UploadPart {
            upload: begun.upload,
            part_number: number,
            length: None,
            digests: PayloadDigests::default(),
            customer_key: None,
        };
        let part = node
            .upload_part(&at, ask, Guards::default(), body(content.clone()))
            .await
            .unwrap();
        parts.push(CompletedPart {
            number,
            etag: part.etag.to_string(),
            checksums: Vec::new(),
        });
    }
    let ask = CompleteMultipartUpload {
        upload: begun.upload,
        checksum: None,
        checksum_kind: None,
        object_size: None,
        conditions: Conditions::default(),
        customer_key: None,
    };
    let done = node
        .complete_upload(&at, ask, parts, Guards::default())
        .await
        .unwrap();
    let tags = FacetChange::Tags(vec![("colour".to_owned(), "red".to_owned())]);
    node.change_object(&at, done.version, tags, Guards::default())
        .await
        .unwrap();
    // Moved while it stands, and deleted then.
    now.fetch_add(2 * HOUR_MS, Ordering::Relaxed);
    settled(&node).await;
    assert_eq!(node.compact(ALL).await.unwrap().damaged, 0);
    delete(&node, "parts", done.version).await;
    settled(&node).await;
    let found = deleted(&node, "parts").await;
    assert_eq!(found.len(), 1);
    assert_eq!(Some(found[0].version), done.version);
    let fresh = back(&node, &found[0], None).await.unwrap();
    assert!(fresh.is_some() && fresh != done.version);
    for restarted in [false, true] {
        let node = if restarted {
            node.close().await;
            std::fs::remove_file(dir.path().join("index.redb")).unwrap();
            open_kept(dir.path(), &now)
        } else {
            node.clone()
        };
        settled(&node).await;
        let (output, content) = get_version(&node, "parts", fresh.unwrap()).await.unwrap();
        assert!(content == contents.concat());
        assert_eq!(output.head.etag, done.etag);
        let facets = node
            .object_facets(&at, fresh, Guards::default())
            .await
            .unwrap();
        assert_eq!(facets.tags, [("colour".to_owned(), "red".to_owned())]);
        assert_eq!(versions_listed(&node, "", None, 10).await.0.len(), 1);
        let verified = node.verify(Rate(None)).await.unwrap();
        assert!(verified.is_sound(), "{verified:#?}");
        if restarted {
            node.close().await;
        }
    }
}

/// As `open_kept`, with volumes in which all of a test fits: each start begins another.
fn open_wide(dir: &Path, now: &Arc<AtomicU64>) -> Node {
    let clock = Arc::clone(now);
    let options = NodeOptions {
        undelete: Duration::from_millis(HOUR_MS),
        clock: Arc::new(move || clock.fetch_add(1, Ordering::Relaxed)),
        ..options(dir)
    };
    Node::open(options).unwrap()
}

#[tokio::test]
async fn what_is_deleted_while_its_volume_is_emptied_may_come_back_too() {
    let (dir, now) = (tempfile::tempdir().unwrap(), start());
    let node = open_wide(dir.path(), &now);
    node.create_bucket(BUCKET).await.unwrap();
    for n in 0..60 {
        put(&node, &format!("k{n:02}"), &bytes(n, 60_000))
            .await
            .unwrap();
    }
    node.close().await;
    let node = open_wide(dir.path(), &now);
    settled(&node).await;
    now.fetch_add(2 * HOUR_MS, Ordering::Relaxed);
    let before = node.stats().last_lsn;
    let busy = node.clone();
    let compacting = tokio::spawn(async move {
        let how = Compaction {
            garbage_per_mille: 0,
            bytes_per_second: Some(2_000_000),
        };
        busy.compact(how).await.unwrap()
    });
    while node.stats().last_lsn == before {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    // The first objects are elsewhere by now, and the last ones are not.
    delete(&node, "k59", None).await;
    let done = compacting.await.unwrap();
    assert_eq!((done.volumes, done.waiting), (0, 1), "{done:?}");
    let found = deleted(&node, "").await;
    assert_eq!(found.len(), 1);
    back(&node, &found[0], None).await.unwrap();
    assert!(get(&node, "k59").await.unwrap().1 == bytes(59, 60_000));
    node.close().await;
}

#[tokio::test]
async fn chunks_that_wait_for_a_reader_keep_their_volume_too() {
    let (dir, now) = (tempfile::tempdir().unwrap(), start());
    let node = open_wide(dir.path(), &now);
    node.create_bucket(BUCKET).await.unwrap();
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
    let payload = body(bytes(1, 900_000));
    let part = node
        .upload_part(&at, ask, Guards::default(), payload)
        .await
        .unwrap();
    // The version is in another volume than its chunks, and both are written no more.
    node.close().await;
    let node = open_wide(dir.path(), &now);
    let ask = CompleteMultipartUpload {
        upload: begun.upload,
        checksum: None,
        checksum_kind: None,
        object_size: None,
        conditions: Conditions::default(),
        customer_key: None,
    };
    let listed = vec![CompletedPart {
        number: 1,
        etag: part.etag.to_string(),
        checksums: Vec::new(),
    }];
    node.complete_upload(&at, ask, listed, Guards::default())
        .await
        .unwrap();
    node.close().await;
    let node = open_wide(dir.path(), &now);
    now.fetch_add(2 * HOUR_MS, Ordering::Relaxed);
    let reader = node
        .get_object(&at, &GetObject::default(), Guards::default())
        .await
        .unwrap();
    delete(&node, "parts", None).await;
    let done = tokio::time::timeout(Duration::from_secs(20), node.compact(ALL)).await;
    let done = done
        .expect("it waits for the reader, and should not have begun")
        .unwrap();
    assert_eq!((done.volumes, done.waiting), (0, 2), "{done:?}");
    drop(reader);
    node.close().await;
}

#[tokio::test]
async fn where_nothing_is_kept_it_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let node = open(dir.path()).await;
    let refused = node.deleted(BUCKET, "", Rate(None)).await;
    assert!(
        matches!(refused, Err(NodeError::NotThere(_))),
        "{refused:?}"
    );
    node.close().await;
}
