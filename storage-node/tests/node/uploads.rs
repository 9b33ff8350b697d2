//! Multipart uploads through the public face.

use super::support::*;
use bytes::Bytes;
use s3_protocol::call::{
    CompleteMultipartUpload, Conditions, CopySource, CreateMultipartUpload, DeleteObject, Encoding,
    GetObject, ListMultipartUploads, ListParts, PayloadDigests, PutObject, UploadPart,
    UploadPartCopy,
};
use s3_protocol::checksum::{ChecksumAlgorithm, ChecksumKind, Hasher};
use s3_protocol::object::{CompletedPart, PutOutput, Slice};
use s3_protocol::{S3Code, UploadId};
use std::time::Duration;
use storage_node::{Compaction, CopyRead, Guards, Node, NodeError, Rate};

async fn begin(node: &Node, key: &str, checksum: Option<ChecksumAlgorithm>) -> UploadId {
    let ask = CreateMultipartUpload {
        checksum,
        ..CreateMultipartUpload::default()
    };
    node.create_upload(&place(key), ask, by("key"))
        .await
        .unwrap()
        .upload
}

async fn part(
    node: &Node,
    key: &str,
    upload: UploadId,
    number: u16,
    content: &[u8],
) -> Result<PutOutput, NodeError> {
    let ask = UploadPart {
        upload,
        part_number: number,
        length: None,
        digests: PayloadDigests::default(),
        customer_key: None,
    };
    node.upload_part(&place(key), ask, Guards::default(), body(content.to_vec()))
        .await
}

fn listed(number: u16, output: &PutOutput) -> CompletedPart {
    CompletedPart {
        number,
        etag: output.etag.to_string(),
        checksums: Vec::new(),
    }
}

fn complete_ask(upload: UploadId) -> CompleteMultipartUpload {
    let conditions = Conditions::default();
    CompleteMultipartUpload {
        upload,
        checksum: None,
        checksum_kind: None,
        object_size: None,
        conditions,
        customer_key: None,
    }
}

async fn complete(
    node: &Node,
    key: &str,
    upload: UploadId,
    parts: Vec<CompletedPart>,
) -> Result<PutOutput, NodeError> {
    node.complete_upload(&place(key), complete_ask(upload), parts, Guards::default())
        .await
}

#[tokio::test]
async fn parts_become_one_object_also_out_of_order_and_replaced() {
    let dir = tempfile::tempdir().unwrap();
    let node = open(dir.path()).await;
    let upload = begin(&node, "k", None).await;
    let contents = [bytes(1, 1_500_000), bytes(2, 70_000), bytes(3, 10)];
    let third = part(&node, "k", upload, 9, &contents[2]).await.unwrap();
    part(&node, "k", upload, 1, &bytes(8, 5_000)).await.unwrap();
    let first = part(&node, "k", upload, 1, &contents[0]).await.unwrap();
    let second = part(&node, "k", upload, 2, &contents[1]).await.unwrap();
    part(&node, "k", upload, 3, &bytes(4, 100_000))
        .await
        .unwrap();
    let parts = vec![listed(1, &first), listed(2, &second), listed(9, &third)];
    let done = complete(&node, "k", upload, parts.clone()).await.unwrap();
    let whole = contents.concat();
    assert_eq!(
        done.checksums,
        [Hasher::of(ChecksumAlgorithm::Crc64Nvme, &whole)]
    );
    assert_eq!((done.etag.parts, done.size), (Some(3), whole.len() as u64));
    let again = complete(&node, "k", upload, parts).await.unwrap();
    assert_eq!(again, done);
    for restarted in [false, true] {
        let (output, got) = get(&node, "k").await.unwrap();
        assert!(got == whole && output.head.parts == Some(3), "{restarted}");
        let ask = GetObject {
            part_number: Some(2),
            ..GetObject::default()
        };
        let (output, got) = get_as(&node, "k", ask).await.unwrap();
        assert!(got == contents[1]);
        assert!(matches!(
            output.slice,
            Slice::Range {
                first: 1_500_000,
                whole_part: true,
                ..
            }
        ));
        settled(&node).await;
    }
    // The replaced part and the one that was not listed are garbage.
    has_garbage(&node, 105_000, 60);
    assert_eq!(
        node.bucket_stats(BUCKET).await.unwrap().bytes,
        whole.len() as u64
    );
    node.close().await;
}

#[tokio::test]
async fn a_list_that_does_not_fit_what_was_uploaded_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let node = open(dir.path()).await;
    let upload = begin(&node, "k", None).await;
    let one = part(&node, "k", upload, 1, &bytes(1, 2_000)).await.unwrap();
    let small = part(&node, "k", upload, 2, &bytes(2, 10)).await.unwrap();
    let two = part(&node, "k", upload, 3, &bytes(3, 2_000)).await.unwrap();
    let cases = [
        (vec![], S3Code::MalformedXML),
        (
            vec![listed(3, &two), listed(1, &one)],
            S3Code::InvalidPartOrder,
        ),
        (
            vec![listed(1, &one), listed(1, &one)],
            S3Code::InvalidPartOrder,
        ),
        (vec![listed(1, &two)], S3Code::InvalidPart),
        (vec![listed(4, &one)], S3Code::InvalidPart),
        (
            vec![listed(1, &one), listed(2, &small), listed(3, &two)],
            S3Code::EntityTooSmall,
        ),
    ];
    for (parts, expected) in cases {
        assert_eq!(code(complete(&node, "k", upload, parts).await), expected);
    }
    let sized = CompleteMultipartUpload {
        object_size: Some(1),
        ..complete_ask(upload)
    };
    let got = node
        .complete_upload(&place("k"), sized, vec![listed(1, &one)], Guards::default())
        .await;
    assert_eq!(code(got), S3Code::InvalidRequest);
    let guards = Guards {
        if_none_match_any: true,
        ..Guards::default()
    };
    put(&node, "k", b"there").await.unwrap();
    let got = node
        .complete_upload(
            &place("k"),
            complete_ask(upload),
            vec![listed(1, &one)],
            guards,
        )
        .await;
    assert_eq!(code(got), S3Code::PreconditionFailed);
    node.abort_upload(&place("k"), upload, Guards::default())
        .await
        .unwrap();
    assert_eq!(
        code(
            node.abort_upload(&place("k"), upload, Guards::default())
                .await
        ),
        S3Code::NoSuchUpload
    );
    assert_eq!(
        code(part(&node, "k", upload, 1, b"x").await),
        S3Code::NoSuchUpload
    );
    settled(&node).await;
    has_garbage(&node, 4_010, 40);
    node.close().await;
}

#[tokio::test]
async fn an_upload_with_an_algorithm_has_its_composite_and_takes_no_other() {
    let dir = tempfile::tempdir().unwrap();
    let node = open(dir.path()).await;
    let upload = begin(&node, "k", Some(ChecksumAlgorithm::Sha256)).await;
    let contents = [bytes(1, 2_000), bytes(2, 2_000)];
    let mut parts = Vec::new();
    for (number, content) in (1..).zip(&contents) {
        let output = part(&node, "k", upload, number, content).await.unwrap();
        assert_eq!(
            output.checksums,
            [Hasher::of(ChecksumAlgorithm::Sha256, content)]
        );
        parts.push(listed(number, &output));
    }
    let other = UploadPart {
        upload,
        part_number: 3,
        length: None,
        digests: PayloadDigests {
            checksum: Some(Hasher::of(ChecksumAlgorithm::Crc32, b"x")),
            ..PayloadDigests::default()
        },
        customer_key: None,
    };
    let got = node
        .upload_part(&place("k"), other, Guards::default(), body("x"))
        .await;
    assert_eq!(code(got), S3Code::InvalidRequest);
    let done = complete(&node, "k", upload, parts).await.unwrap();
    assert_eq!(
        (done.checksums[0].kind, done.checksums[0].parts),
        (ChecksumKind::Composite, Some(2))
    );
    node.close().await;
}

#[tokio::test]
async fn uploads_and_parts_are_listed_in_pages() {
    let dir = tempfile::tempdir().unwrap();
    let node = open(dir.path()).await;
    let mut expected = Vec::new();
    for key in ["a", "a", "b/1", "b/2", "c"] {
        expected.push((key.to_owned(), begin(&node, key, None).await));
    }
    for max in [1, 2, 100] {
        let mut ask = ListMultipartUploads {
            prefix: String::new(),
            delimiter: None,
            max_uploads: max,
            encoding: Encoding::default(),
            key_marker: None,
            upload_id_marker: None,
        };
        let mut got = Vec::new();
        loop {
            let page = node.list_uploads(BUCKET, &ask).await.unwrap();
            got.extend(
                page.entries
                    .iter()
                    .map(|entry| (entry.key.as_str().to_owned(), entry.upload)),
            );
            let Some((key, upload)) = page.next else {
                break;
            };
            ask.key_marker = Some(key);
            ask.upload_id_marker = upload.map(|upload| upload.to_string());
        }
        assert_eq!(got, expected, "{max}");
        ask.delimiter = Some("/".to_owned());
        (ask.key_marker, ask.upload_id_marker, ask.max_uploads) = (None, None, 100);
        assert_eq!(
            node.list_uploads(BUCKET, &ask).await.unwrap().prefixes,
            ["b/"]
        );
    }
    let upload = expected[0].1;
    for number in [1, 2, 5, 10_000] {
        part(&node, "a", upload, number, b"x").await.unwrap();
    }
    assert_eq!(
        code(part(&node, "a", upload, 10_001, b"x").await),
        S3Code::InvalidArgument
    );
    let ask = |max_parts, after| ListParts {
        upload,
        max_parts,
        after,
    };
    let page = node
        .list_parts(&place("a"), &ask(2, 0), Guards::default())
        .await
        .unwrap();
    assert_eq!((page.entries.len(), page.next), (2, Some(2)));
    let page = node
        .list_parts(&place("a"), &ask(2, 2), Guards::default())
        .await
        .unwrap();
    assert_eq!((page.entries[1].number, page.next), (10_000, None));
    node.close().await;
}

#[tokio::test]
async fn a_part_may_be_a_range_of_another_object() {
    let dir = tempfile::tempdir().unwrap();
    let node = open(dir.path()).await;
    let content = bytes(1, 2_000_000);
    put(&node, "from", &content).await.unwrap();
    let upload = begin(&node, "k", None).await;
    let copy = |part_number, range| {
        let source = CopySource {
            bucket: "abc".parse().unwrap(),
            key: "from".parse().unwrap(),
            version: None,
            conditions: Conditions::default(),
            customer_key: None,
        };
        let ask = UploadPartCopy {
            upload,
            part_number,
            source,
            range,
            customer_key: None,
        };
        let read = CopyRead {
            place: place("from"),
            guards: Guards::default(),
        };
        let node = node.clone();
        async move {
            node.upload_part_copy(read, &place("k"), ask, Guards::default())
                .await
        }
    };
    let one = copy(1, Some((100, 1_200_099))).await.unwrap();
    let two = copy(2, None).await.unwrap();
    assert_eq!(
        code(copy(3, Some((0, 2_000_000))).await),
        S3Code::InvalidRange
    );
    complete(&node, "k", upload, vec![listed(1, &one), listed(2, &two)])
        .await
        .unwrap();
    let got = get(&node, "k").await.unwrap().1;
    assert!(got == [&content[100..1_200_100], &content[..]].concat());
    node.close().await;
}

#[tokio::test]
async fn interleaved_uploads_and_readers_do_not_disturb_each_other() {
    let dir = tempfile::tempdir().unwrap();
    let node = open(dir.path()).await;
    let mut tasks = tokio::task::JoinSet::new();
    for task in 0..8_u64 {
        let node = node.clone();
        tasks.spawn(async move {
            for turn in 0..3_u64 {
                let key = format!("k{task}");
                let content = bytes(task * 10 + turn, 2_300_000 + task as usize);
                let pieces: Vec<Result<_, storage_node::PayloadError>> = content
                    .chunks(50_021)
                    .map(|piece| Ok(http_body::Frame::data(Bytes::copy_from_slice(piece))))
                    .collect();
                let stream = http_body_util::StreamBody::new(futures_util::stream::iter(pieces));
                node.put_object(&place(&key), PutObject::default(), by("key"), stream)
                    .await
                    .unwrap();
                assert!(get(&node, &key).await.unwrap().1 == content);
            }
        });
    }
    while let Some(done) = tasks.join_next().await {
        done.unwrap();
    }
    settled(&node).await;
    let payload = (0..8).map(|task| 2 * (2_300_000 + task)).sum();
    has_garbage(&node, payload, 400);
    node.close().await;
}

#[tokio::test]
async fn a_reader_of_a_deleted_object_reads_it_to_its_end() {
    use http_body_util::BodyExt as _;
    let dir = tempfile::tempdir().unwrap();
    let node = open(dir.path()).await;
    let content = bytes(1, 80_000_000);
    put(&node, "k", &content).await.unwrap();
    let (_, body) = node
        .get_object(&place("k"), &GetObject::default(), Guards::default())
        .await
        .unwrap();
    node.delete_object(&place("k"), &DeleteObject::default(), Guards::default())
        .await
        .unwrap();
    // Long enough for the deletion to reach the index and for the clearing to look at it.
    while node.stats().overlay_bytes > 0 {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    tokio::time::sleep(std::time::Duration::from_millis(700)).await;
    assert!(!node.is_settled());
    assert!(body.collect().await.unwrap().to_bytes() == content);
    settled(&node).await;
    has_garbage(&node, 80_000_000, 200);
    node.close().await;
}

/// What a cut compaction has moved stands behind the volume that it began. The next one meets the records there once more.
#[tokio::test]
async fn a_compaction_that_was_cut_short_and_begins_again_ends_no_object_of_parts() {
    let dir = tempfile::tempdir().unwrap();
    let node = open(dir.path()).await;
    // Each opening begins a volume: one that stays, one with the object and garbage behind it, one that is written.
    put(&node, "old", &bytes(1, 9_000)).await.unwrap();
    node.close().await;
    let node = open(dir.path()).await;
    let content = bytes(2, 200_000);
    let upload = begin(&node, "parts", None).await;
    let one = part(&node, "parts", upload, 1, &content).await.unwrap();
    complete(&node, "parts", upload, vec![listed(1, &one)])
        .await
        .unwrap();
    put(&node, "garbage", &bytes(3, 3_000_000)).await.unwrap();
    node.delete_object(
        &place("garbage"),
        &DeleteObject::default(),
        Guards::default(),
    )
    .await
    .unwrap();
    node.close().await;
    let node = open(dir.path()).await;
    settled(&node).await;

    let endless = Compaction {
        garbage_per_mille: 500,
        bytes_per_second: Some(1),
    };
    let lsn = node.stats().last_lsn;
    let cut = node.compact(endless);
    assert!(
        tokio::time::timeout(Duration::from_secs(2), cut)
            .await
            .is_err()
    );
    assert!(node.stats().last_lsn > lsn, "nothing was moved");
    compact_all(&node).await;
    settled(&node).await;
    assert!(get(&node, "parts").await.unwrap().1 == content);
    assert!(node.verify(Rate(None)).await.unwrap().is_sound());
    node.close().await;
    let node = open(dir.path()).await;
    settled(&node).await;
    assert!(get(&node, "parts").await.unwrap().1 == content);
    node.close().await;
}
