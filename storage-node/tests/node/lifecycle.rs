//! What lifecycles end, and what they leave; encryption at rest.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::support::*;
use http_body_util::BodyExt as _;
use s3_protocol::call::{
    ByteRange, CompleteMultipartUpload, Conditions, CopyObject, CopySource, CreateMultipartUpload,
    DeleteObject, Directive, Encoding, GetObject, ListObjectVersions, PayloadDigests, PutObject,
    UploadPart, WriteHead,
};
use s3_protocol::checksum::{ChecksumAlgorithm, Hasher};
use s3_protocol::object::CompletedPart;
use s3_protocol::seal::{CustomerKey, Encrypted, Sealing};
use s3_protocol::setting::{DefaultEncryption, Lifecycle, Setting, Versioning};
use s3_protocol::{S3Code, UploadId};
use storage_node::{Change, CopyRead, FacetChange, Guards, Node, NodeOptions, Swept};

const DAY: u64 = 1_000;

/// A node whose days are a second long, and the hand of its clock.
async fn clocked(dir: &Path) -> (Node, Arc<AtomicU64>) {
    let now = Arc::new(AtomicU64::new(1_700_000_000_000));
    let hand = Arc::clone(&now);
    let options = NodeOptions {
        clock: Arc::new(move || hand.load(Ordering::Relaxed)),
        lifecycle_day_ms: DAY,
        ..options(dir)
    };
    let node = Node::open(options).unwrap();
    node.create_bucket(BUCKET).await.unwrap();
    (node, now)
}

async fn rules(node: &Node, rules: &str) {
    let text = format!("<LifecycleConfiguration>{rules}</LifecycleConfiguration>");
    let text = Lifecycle::read(text.as_bytes()).unwrap().write();
    node.configure_bucket(BUCKET, Change::Document(Setting::Lifecycle, Some(text)))
        .await
        .unwrap();
}

fn pass(now: &AtomicU64, days: u64) {
    now.fetch_add(days * DAY, Ordering::Relaxed);
}

async fn keys(node: &Node) -> Vec<String> {
    let page = list_all(node, "", None, 1_000).await;
    let keys = page
        .entries
        .iter()
        .map(|entry| entry.key.as_str().to_owned());
    keys.collect()
}

async fn versions(node: &Node) -> usize {
    let ask = ListObjectVersions {
        prefix: String::new(),
        delimiter: None,
        max_keys: 1_000,
        encoding: Encoding::Plain,
        key_marker: None,
        version_id_marker: None,
    };
    node.list_versions(BUCKET, &ask)
        .await
        .unwrap()
        .entries
        .len()
}

fn deleted(deleted: u64) -> Swept {
    Swept {
        deleted,
        ..Swept::default()
    }
}

#[tokio::test]
async fn objects_end_in_their_time_by_prefix_size_and_tag() {
    let dir = tempfile::tempdir().unwrap();
    let (node, now) = clocked(dir.path()).await;
    rules(
        &node,
        "<Rule><ID>old</ID><Status>Enabled</Status><Filter><Prefix>a/</Prefix></Filter><Expiration><Days>2</Days></Expiration></Rule>\
         <Rule><ID>big</ID><Status>Enabled</Status><Filter><ObjectSizeGreaterThan>10</ObjectSizeGreaterThan></Filter>\
         <Expiration><Days>3</Days></Expiration></Rule>\
         <Rule><ID>tagged</ID><Status>Enabled</Status><Filter><Tag><Key>k</Key><Value>v</Value></Tag></Filter>\
         <Expiration><Days>1</Days></Expiration></Rule>",
    )
    .await;
    for key in ["a/1", "b", "c"] {
        put(&node, key, b"small").await.unwrap();
    }
    put(&node, "d", &[0; 11]).await.unwrap();
    let tags = FacetChange::Tags(vec![("k".to_owned(), "v".to_owned())]);
    node.change_object(&place("c"), None, tags, Guards::default())
        .await
        .unwrap();
    let head = get(&node, "a/1").await.unwrap().0.head;
    assert_eq!(
        head.expires,
        Some((1_700_000_000_000 + 2 * DAY, "old".to_owned()))
    );
    assert_eq!(node.sweep().await, Swept::default());
    pass(&now, 1);
    assert_eq!(node.sweep().await, deleted(1));
    assert_eq!(keys(&node).await, ["a/1", "b", "d"]);
    // What is written again begins again.
    put(&node, "a/1", b"again").await.unwrap();
    pass(&now, 2);
    assert_eq!(node.sweep().await, deleted(2));
    assert_eq!(keys(&node).await, ["b"]);
    node.close().await;
}

#[tokio::test]
async fn versions_end_behind_those_that_are_kept_and_lone_markers_with_them() {
    let dir = tempfile::tempdir().unwrap();
    let (node, now) = clocked(dir.path()).await;
    node.configure_bucket(BUCKET, Change::Versioning(Versioning::Enabled))
        .await
        .unwrap();
    rules(
        &node,
        "<Rule><ID>a</ID><Status>Enabled</Status><Filter/><NoncurrentVersionExpiration><NoncurrentDays>1</NoncurrentDays>\
         <NewerNoncurrentVersions>2</NewerNoncurrentVersions></NoncurrentVersionExpiration></Rule>\
         <Rule><ID>b</ID><Status>Enabled</Status><Filter/><Expiration>\
         <ExpiredObjectDeleteMarker>true</ExpiredObjectDeleteMarker></Expiration></Rule>",
    )
    .await;
    for number in 0..700_u32 {
        put(&node, "key", &number.to_le_bytes()).await.unwrap();
        pass(&now, 1);
    }
    // More than one batch; the current one and the two newest behind it stay.
    assert_eq!(node.sweep().await, deleted(697));
    assert_eq!(versions(&node).await, 3);
    assert_eq!(
        get(&node, "key").await.unwrap().1[..],
        699_u32.to_le_bytes()
    );
    node.delete_object(&place("lone"), &DeleteObject::default(), Guards::default())
        .await
        .unwrap();
    node.delete_object(&place("key"), &DeleteObject::default(), Guards::default())
        .await
        .unwrap();
    // The marker over versions stays, the other goes, and with it the third version behind the first.
    assert_eq!(node.sweep().await, deleted(2));
    assert_eq!(versions(&node).await, 3);
    assert!(keys(&node).await.is_empty());
    node.close().await;
}

#[tokio::test]
async fn an_upload_that_nobody_completes_is_aborted() {
    let dir = tempfile::tempdir().unwrap();
    let (node, now) = clocked(dir.path()).await;
    rules(
        &node,
        "<Rule><Status>Enabled</Status><Filter><Prefix>a</Prefix></Filter><AbortIncompleteMultipartUpload>\
         <DaysAfterInitiation>2</DaysAfterInitiation></AbortIncompleteMultipartUpload></Rule>",
    )
    .await;
    for key in ["a", "b"] {
        let ask = CreateMultipartUpload::default();
        node.create_upload(&place(key), ask, by("key"))
            .await
            .unwrap();
    }
    pass(&now, 2);
    let swept = node.sweep().await;
    assert_eq!((swept.aborted, swept.deleted), (1, 0));
    assert_eq!(node.sweep().await, Swept::default());
    node.close().await;
}

fn sealed(sealing: Sealing) -> PutObject {
    PutObject {
        head: WriteHead {
            sealing: Some(sealing),
            ..WriteHead::default()
        },
        ..PutObject::default()
    }
}

/// Whether bytes stand anywhere in the volumes.
fn on_disk(dir: &Path, wanted: &[u8]) -> bool {
    let volumes = std::fs::read_dir(dir.join("volumes")).unwrap();
    volumes
        .map(|entry| std::fs::read(entry.unwrap().path()).unwrap())
        .any(|bytes| bytes.windows(wanted.len()).any(|window| window == wanted))
}

#[tokio::test]
async fn what_is_encrypted_is_read_in_any_range_and_is_not_on_the_disk() {
    let dir = tempfile::tempdir().unwrap();
    let node = open(dir.path()).await;
    for (key, length) in [
        ("empty", 0),
        ("small", 5_000),
        ("frames", 65_536),
        ("large", 3_000_000),
    ] {
        let content = bytes(9, length);
        let output = node
            .put_object(
                &place(key),
                sealed(Sealing::Node),
                by("key"),
                body(content.clone()),
            )
            .await
            .unwrap();
        assert_eq!(output.encrypted, Some(Encrypted::Node));
        let (output, got) = get(&node, key).await.unwrap();
        assert!(got == content && output.head.encrypted == Some(Encrypted::Node));
        for (first, last) in [
            (0, 0),
            (1, 70_000),
            (65_535, 65_536),
            (1_048_570, 2_100_000),
        ] {
            if last as usize >= length {
                continue;
            }
            let ask = GetObject {
                range: Some(ByteRange::FromTo(first, last)),
                ..GetObject::default()
            };
            let (_, got) = get_as(&node, key, ask).await.unwrap();
            assert!(got == content[first as usize..=last as usize]);
        }
    }
    settled(&node).await;
    assert!(!on_disk(dir.path(), &bytes(9, 64)));
    put(&node, "plain", &bytes(9, 64)).await.unwrap();
    assert!(on_disk(dir.path(), &bytes(9, 64)));
    node.close().await;
    let node = Node::open(options(dir.path())).unwrap();
    assert!(get(&node, "large").await.unwrap().1 == bytes(9, 3_000_000));
    node.close().await;
}

#[tokio::test]
async fn a_bucket_encrypts_by_itself_and_its_copies_are_encrypted_anew() {
    let dir = tempfile::tempdir().unwrap();
    let node = open(dir.path()).await;
    let text = DefaultEncryption.write();
    node.configure_bucket(BUCKET, Change::Document(Setting::Encryption, Some(text)))
        .await
        .unwrap();
    let output = put(&node, "key", &bytes(3, 100_000)).await.unwrap();
    assert_eq!(output.encrypted, Some(Encrypted::Node));
    let copied = copy(&node, None, None).await.unwrap();
    assert_eq!(copied.encrypted, Some(Encrypted::Node));
    assert!(get(&node, "copy").await.unwrap().1 == bytes(3, 100_000));
    node.close().await;
}

async fn copy(
    node: &Node,
    source: Option<CustomerKey>,
    target: Option<Sealing>,
) -> Result<s3_protocol::object::PutOutput, storage_node::NodeError> {
    let ask = CopyObject {
        source: CopySource {
            bucket: "abc".parse().unwrap(),
            key: "key".parse().unwrap(),
            version: None,
            conditions: Conditions::default(),
            customer_key: source,
        },
        metadata: Directive::Copy,
        tagging: Directive::Copy,
        head: WriteHead {
            sealing: target,
            ..WriteHead::default()
        },
        checksum: None,
        conditions: Conditions::default(),
    };
    let read = CopyRead {
        place: place("key"),
        guards: Guards::default(),
    };
    node.copy_object(read, &place("copy"), ask, by("key")).await
}

#[tokio::test]
async fn a_customers_key_opens_what_it_closed_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let node = open(dir.path()).await;
    let (mine, other) = (CustomerKey::new([1; 32]), CustomerKey::new([2; 32]));
    let content = bytes(4, 200_000);
    let ask = sealed(Sealing::Customer(mine.clone()));
    let output = node
        .put_object(&place("key"), ask, by("key"), body(content.clone()))
        .await
        .unwrap();
    assert_eq!(output.encrypted, Some(Encrypted::Customer(mine.md5_text())));
    let with = |key: &CustomerKey| GetObject {
        customer_key: Some(key.clone()),
        ..GetObject::default()
    };
    let (output, got) = get_as(&node, "key", with(&mine)).await.unwrap();
    assert!(got == content);
    assert_eq!(
        output.head.encrypted,
        Some(Encrypted::Customer(mine.md5_text()))
    );
    assert_eq!(
        code(get_as(&node, "key", with(&other)).await),
        S3Code::InvalidRequest
    );
    assert_eq!(code(get(&node, "key").await), S3Code::InvalidRequest);
    let head = node
        .head_object(&place("key"), &GetObject::default(), Guards::default())
        .await;
    assert_eq!(code(head), S3Code::InvalidRequest);
    assert_eq!(code(copy(&node, None, None).await), S3Code::InvalidRequest);
    copy(
        &node,
        Some(mine.clone()),
        Some(Sealing::Customer(other.clone())),
    )
    .await
    .unwrap();
    assert!(get_as(&node, "copy", with(&other)).await.unwrap().1 == content);
    copy(&node, Some(mine), None).await.unwrap();
    assert!(get(&node, "copy").await.unwrap().1 == content);
    node.close().await;
}

#[tokio::test]
async fn the_parts_of_an_encrypted_upload_are_encrypted() {
    let dir = tempfile::tempdir().unwrap();
    let node = open(dir.path()).await;
    let mine = CustomerKey::new([7; 32]);
    for sealing in [Sealing::Node, Sealing::Customer(mine.clone())] {
        let customer_key = match &sealing {
            Sealing::Customer(key) => Some(key.clone()),
            Sealing::Node => None,
        };
        let head = WriteHead {
            sealing: Some(sealing),
            ..WriteHead::default()
        };
        let ask = CreateMultipartUpload {
            head,
            ..CreateMultipartUpload::default()
        };
        let created = node
            .create_upload(&place("key"), ask, by("key"))
            .await
            .unwrap();
        assert!(created.encrypted.is_some());
        let mut listed = Vec::new();
        for number in 1..=3_u16 {
            let part = part(created.upload, number, customer_key.clone());
            let content = body(bytes(u64::from(number), 100_000));
            let output = node
                .upload_part(&place("key"), part, Guards::default(), content)
                .await
                .unwrap();
            listed.push(CompletedPart {
                number,
                etag: output.etag.to_string(),
                checksums: Vec::new(),
            });
        }
        if customer_key.is_some() {
            let keyless = part(created.upload, 4, None);
            let refused = node
                .upload_part(&place("key"), keyless, Guards::default(), body(&b"x"[..]))
                .await;
            assert_eq!(code(refused), S3Code::InvalidRequest);
        }
        let ask = CompleteMultipartUpload {
            upload: created.upload,
            checksum: None,
            checksum_kind: None,
            object_size: None,
            conditions: Conditions::default(),
            customer_key: None,
        };
        node.complete_upload(&place("key"), ask, listed, Guards::default())
            .await
            .unwrap();
        let whole: Vec<u8> = (1..=3).flat_map(|number| bytes(number, 100_000)).collect();
        let ask = GetObject {
            customer_key,
            ..GetObject::default()
        };
        let (_, stream) = node
            .get_object(&place("key"), &ask, Guards::default())
            .await
            .unwrap();
        assert!(stream.collect().await.unwrap().to_bytes() == whole);
    }
    settled(&node).await;
    assert!(!on_disk(dir.path(), &bytes(2, 64)));
    node.close().await;
}

#[tokio::test]
async fn an_upload_with_a_customers_key_is_completed_with_that_key() {
    let dir = tempfile::tempdir().unwrap();
    let node = open(dir.path()).await;
    let (mine, other) = (CustomerKey::new([7; 32]), CustomerKey::new([8; 32]));
    let named = Some(ChecksumAlgorithm::Crc32);
    // AWS needs the key where a checksum was asked for: of the whole, or of a part.
    for (of_whole, of_part, needed) in [
        (named, None, true),
        (None, named, true),
        (None, None, false),
    ] {
        let (upload, listed) = one_part(&node, &mine, of_whole, of_part).await;
        let finish = |brought: Option<&CustomerKey>| {
            let ask = CompleteMultipartUpload {
                upload,
                checksum: None,
                checksum_kind: None,
                object_size: None,
                conditions: Conditions::default(),
                customer_key: brought.cloned(),
            };
            let (place, listed) = (place("key"), listed.clone());
            let node = &node;
            async move {
                node.complete_upload(&place, ask, listed, Guards::default())
                    .await
            }
        };
        assert_eq!(code(finish(Some(&other)).await), S3Code::InvalidRequest);
        let keyless = finish(None).await;
        if needed {
            assert_eq!(code(keyless), S3Code::InvalidRequest);
        } else {
            assert_eq!(keyless.unwrap().encrypted, None);
        }
        // The second time it is a retry, which tells no more than the first.
        for _ in 0..2 {
            let told = finish(Some(&mine)).await.unwrap().encrypted;
            assert_eq!(told, Some(Encrypted::Customer(mine.md5_text())));
            assert_eq!(code(finish(Some(&other)).await), S3Code::InvalidRequest);
        }
    }
    node.close().await;
}

/// An upload under a customer's key with one part.
async fn one_part(
    node: &Node,
    key: &CustomerKey,
    of_whole: Option<ChecksumAlgorithm>,
    of_part: Option<ChecksumAlgorithm>,
) -> (UploadId, Vec<CompletedPart>) {
    let ask = CreateMultipartUpload {
        head: WriteHead {
            sealing: Some(Sealing::Customer(key.clone())),
            ..WriteHead::default()
        },
        checksum: of_whole,
        ..CreateMultipartUpload::default()
    };
    let created = node.create_upload(&place("key"), ask, by("key")).await;
    let upload = created.unwrap().upload;
    let mut part = part(upload, 1, Some(key.clone()));
    part.digests.checksum = of_part.map(|algorithm| Hasher::of(algorithm, b"x"));
    let stored = node
        .upload_part(&place("key"), part, Guards::default(), body(&b"x"[..]))
        .await
        .unwrap();
    let listed = CompletedPart {
        number: 1,
        etag: stored.etag.to_string(),
        checksums: Vec::new(),
    };
    (upload, vec![listed])
}

fn part(upload: UploadId, part_number: u16, customer_key: Option<CustomerKey>) -> UploadPart {
    UploadPart {
        upload,
        part_number,
        length: None,
        digests: PayloadDigests::default(),
        customer_key,
    }
}
