//! Objects through the public face: put, get, ranges, conditions, lists, deletes, copies, and all of it again after a restart.

use super::support::*;
use s3_protocol::call::{
    ByteRange, Conditions, CopyObject, CopySource, DeleteIf, DeleteObject, Directive, GetObject,
    PayloadDigests, PutObject, TagMatch,
};
use s3_protocol::checksum::{ChecksumAlgorithm, Hasher};
use s3_protocol::object::Slice;
use s3_protocol::{BucketId, S3Code, S3Error};
use storage_node::{
    CopyRead, CreatorGuard, CreatorMatch, DeleteKey, Guards, Mismatch, Node, NodeOptions,
    ObjectPlace, Stands, WriteAs,
};

const SIZES: [usize; 11] = [
    0, 1, 4_096, 65_535, 65_536, 65_537, 131_072, 1_048_576, 1_048_577, 3_000_000, 5_300_000,
];

#[tokio::test]
async fn objects_of_every_size_come_back_whole_and_in_ranges_also_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let node = open(dir.path()).await;
    for size in SIZES {
        let content = bytes(size as u64, size);
        let output = put(&node, &format!("o{size}"), &content).await.unwrap();
        assert_eq!(
            output.checksums,
            [Hasher::of(ChecksumAlgorithm::DEFAULT, &content)]
        );
        assert_eq!(output.size, size as u64);
    }
    check_sizes(&node).await;
    let before = node.bucket_stats(BUCKET).await.unwrap();
    assert_eq!(
        (before.objects, before.bytes),
        (11, SIZES.iter().sum::<usize>() as u64)
    );
    node.close().await;
    let node = open(dir.path()).await;
    check_sizes(&node).await;
    assert_eq!(node.bucket_stats(BUCKET).await.unwrap(), before);
    node.close().await;
}

async fn check_sizes(node: &Node) {
    for size in SIZES {
        let (key, content) = (format!("o{size}"), bytes(size as u64, size));
        let (output, got) = get(node, &key).await.unwrap();
        assert!(got == content, "{size}");
        assert_eq!(output.slice, Slice::Whole);
        for (first, last) in [
            (0, 0),
            (65_535, 65_536),
            (1_000, 2_000_000),
            (size / 2, size),
        ] {
            let ask = GetObject {
                range: Some(ByteRange::FromTo(first as u64, last as u64)),
                ..GetObject::default()
            };
            let got = get_as(node, &key, ask).await;
            match content.get(first..=last.min(size.saturating_sub(1))) {
                Some(expected) if first < size => {
                    assert!(got.unwrap().1 == expected, "{size} {first} {last}");
                }
                _ => assert_eq!(code(got), S3Code::InvalidRange, "{size} {first}"),
            }
        }
    }
}

#[tokio::test]
async fn a_wrong_digest_or_length_stores_nothing_and_keeps_the_old_object() {
    let dir = tempfile::tempdir().unwrap();
    let node = open(dir.path()).await;
    put(&node, "k", b"old").await.unwrap();
    for size in [3, 2_000_000] {
        let content = bytes(9, size);
        let wrong = Hasher::of(ChecksumAlgorithm::Sha256, b"else");
        let cases = [
            (
                PayloadDigests {
                    md5: Some([0; 16]),
                    ..PayloadDigests::default()
                },
                None,
                S3Code::BadDigest,
            ),
            (
                PayloadDigests {
                    checksum: Some(wrong),
                    ..PayloadDigests::default()
                },
                None,
                S3Code::BadDigest,
            ),
            (
                PayloadDigests {
                    trailer: Some(ChecksumAlgorithm::Crc32),
                    ..PayloadDigests::default()
                },
                None,
                S3Code::MalformedTrailerError,
            ),
            (
                PayloadDigests::default(),
                Some(size as u64 + 1),
                S3Code::IncompleteBody,
            ),
            (
                PayloadDigests::default(),
                Some(size as u64 - 1),
                S3Code::IncompleteBody,
            ),
        ];
        for (digests, length, expected) in cases {
            let ask = PutObject {
                digests,
                length,
                ..PutObject::default()
            };
            let got = node
                .put_object(&place("k"), ask, by("key"), body(content.clone()))
                .await;
            assert_eq!(code(got), expected);
        }
        let guards = Guards {
            max_bytes: Some(size as u64 - 1),
            ..Guards::default()
        };
        let by = WriteAs {
            guards,
            ..by("key")
        };
        let got = node
            .put_object(&place("k"), PutObject::default(), by, body(content.clone()))
            .await;
        assert_eq!(code(got), S3Code::EntityTooLarge);
        let recheck = storage_node::Recheck::here(|| Err(S3Error::new(S3Code::AccessDenied)));
        let guards = Guards {
            recheck: Some(recheck),
            ..Guards::default()
        };
        let by = WriteAs {
            guards,
            ..super::support::by("key")
        };
        let got = node
            .put_object(&place("k"), PutObject::default(), by, body(content))
            .await;
        assert_eq!(code(got), S3Code::AccessDenied);
    }
    assert_eq!(get(&node, "k").await.unwrap().1, &b"old"[..]);
    settled(&node).await;
    // What had been written of the large ones is counted as garbage.
    assert!(node.stats().garbage_bytes >= 2_000_000);
    node.close().await;
}

#[tokio::test]
async fn conditions_are_judged_on_reads_writes_and_deletes() {
    let dir = tempfile::tempdir().unwrap();
    let node = open(dir.path()).await;
    let none_match = Conditions {
        if_none_match: Some(TagMatch::Any),
        ..Conditions::default()
    };
    let ask = |conditions| PutObject {
        conditions,
        ..PutObject::default()
    };
    let first = node
        .put_object(&place("k"), ask(none_match.clone()), by("key"), body("one"))
        .await
        .unwrap();
    let again = node
        .put_object(&place("k"), ask(none_match), by("key"), body("two"))
        .await;
    assert_eq!(code(again), S3Code::PreconditionFailed);
    let matching = |tag: String| Conditions {
        if_match: Some(TagMatch::OneOf(vec![tag])),
        ..Conditions::default()
    };
    let wrong = node
        .put_object(
            &place("k"),
            ask(matching("0".repeat(32))),
            by("key"),
            body("two"),
        )
        .await;
    assert_eq!(code(wrong), S3Code::PreconditionFailed);
    let second = node
        .put_object(
            &place("k"),
            ask(matching(first.etag.to_string())),
            by("key"),
            body("two"),
        )
        .await
        .unwrap();
    let missing = node
        .put_object(
            &place("none"),
            ask(matching(first.etag.to_string())),
            by("key"),
            body("x"),
        )
        .await;
    assert_eq!(code(missing), S3Code::NoSuchKey);

    let known = Conditions {
        if_none_match: Some(TagMatch::OneOf(vec![second.etag.to_string()])),
        ..Conditions::default()
    };
    let got = get_as(
        &node,
        "k",
        GetObject {
            conditions: known,
            ..GetObject::default()
        },
    )
    .await;
    assert_eq!(code(got), S3Code::NotModified);
    let got = get_as(
        &node,
        "k",
        GetObject {
            conditions: matching(first.etag.to_string()),
            ..GetObject::default()
        },
    )
    .await;
    assert_eq!(code(got), S3Code::PreconditionFailed);

    let delete = DeleteObject {
        only_if: DeleteIf {
            tag: Some(TagMatch::OneOf(vec![first.etag.to_string()])),
            ..DeleteIf::default()
        },
        ..DeleteObject::default()
    };
    assert_eq!(
        code(
            node.delete_object(&place("k"), &delete, Guards::default())
                .await
        ),
        S3Code::PreconditionFailed
    );
    node.delete_object(&place("k"), &DeleteObject::default(), Guards::default())
        .await
        .unwrap();
    assert_eq!(code(get(&node, "k").await), S3Code::NoSuchKey);
    node.delete_object(&place("k"), &DeleteObject::default(), Guards::default())
        .await
        .unwrap();
    node.close().await;
}

#[tokio::test]
async fn of_many_append_only_writers_of_one_key_one_wins() {
    let dir = tempfile::tempdir().unwrap();
    let node = open(dir.path()).await;
    let mut writers = tokio::task::JoinSet::new();
    for writer in 0..40 {
        let node = node.clone();
        writers.spawn(async move {
            let guards = Guards {
                if_none_match_any: true,
                ..Guards::default()
            };
            let by = WriteAs {
                guards,
                ..by("key")
            };
            node.put_object(
                &place("k"),
                PutObject::default(),
                by,
                body(format!("{writer}")),
            )
            .await
            .is_ok()
        });
    }
    let won = writers
        .join_all()
        .await
        .into_iter()
        .filter(|won| *won)
        .count();
    assert_eq!(won, 1);
    assert_eq!(node.bucket_stats(BUCKET).await.unwrap().objects, 1);
    node.close().await;
}

#[tokio::test]
async fn a_guard_on_the_creator_hides_or_denies_and_anonymous_owns_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let node = open(dir.path()).await;
    put(&node, "k", b"mine").await.unwrap();
    let anonymous = WriteAs::default();
    node.put_object(
        &place("a"),
        PutObject::default(),
        anonymous,
        body("nobody's"),
    )
    .await
    .unwrap();
    let guard = |who, mismatch| Guards {
        creator: Some(CreatorGuard { who, mismatch }),
        ..Guards::default()
    };
    let lineage = |text: &str| CreatorMatch::Lineage(text.to_owned());
    let ask = GetObject::default();
    node.get_object(&place("k"), &ask, guard(lineage("key"), Mismatch::Hide))
        .await
        .unwrap();
    let hidden = node
        .get_object(&place("k"), &ask, guard(lineage("other"), Mismatch::Hide))
        .await;
    assert_eq!(code(hidden), S3Code::NoSuchKey);
    let denied = node
        .head_object(&place("k"), &ask, guard(lineage("other"), Mismatch::Deny))
        .await;
    assert_eq!(code(denied), S3Code::AccessDenied);
    let denied = node
        .head_object(&place("a"), &ask, guard(lineage(""), Mismatch::Deny))
        .await;
    assert_eq!(code(denied), S3Code::AccessDenied);
    let denied = node
        .delete_object(
            &place("k"),
            &DeleteObject::default(),
            guard(lineage("other"), Mismatch::Deny),
        )
        .await;
    assert_eq!(code(denied), S3Code::AccessDenied);
    let kept = node
        .delete_object(
            &place("k"),
            &DeleteObject::default(),
            guard(lineage("other"), Mismatch::Hide),
        )
        .await;
    kept.unwrap();
    assert_eq!(get(&node, "k").await.unwrap().1, &b"mine"[..]);
    assert_eq!(
        node.stored_facts(&place("k"), None)
            .await
            .unwrap()
            .unwrap()
            .creator
            .lineage,
        "key"
    );
    node.close().await;
}

#[tokio::test]
async fn lists_page_roll_up_and_begin_after() {
    let dir = tempfile::tempdir().unwrap();
    let node = open(dir.path()).await;
    let keys = [
        "a", "a//b", "a/b", "a/c/d", "b", "b/1", "b/2", "c\u{1}", "d ü", "z/",
    ];
    for key in keys {
        put(&node, key, b"x").await.unwrap();
    }
    node.delete_object(&place("b"), &DeleteObject::default(), Guards::default())
        .await
        .unwrap();
    for restarted in [false, true] {
        for max in [1, 2, 3, 1_000] {
            let all = list_all(&node, "", None, max).await;
            let got: Vec<&str> = all.entries.iter().map(|entry| entry.key.as_str()).collect();
            assert_eq!(
                got,
                [
                    "a", "a//b", "a/b", "a/c/d", "b/1", "b/2", "c\u{1}", "d ü", "z/"
                ],
                "{max} {restarted}"
            );
            let all = list_all(&node, "", Some("/"), max).await;
            let got: Vec<&str> = all.entries.iter().map(|entry| entry.key.as_str()).collect();
            assert_eq!(
                (got, all.prefixes),
                (
                    vec!["a", "c\u{1}", "d ü"],
                    vec!["a/".into(), "b/".into(), "z/".into()]
                )
            );
            let all = list_all(&node, "a/", Some("/"), max).await;
            let got: Vec<&str> = all.entries.iter().map(|entry| entry.key.as_str()).collect();
            assert_eq!(
                (got, all.prefixes),
                (vec!["a/b"], vec!["a//".into(), "a/c/".into()])
            );
        }
        if !restarted {
            settled(&node).await;
        }
    }
    let none = node
        .list_objects(BUCKET, &list_ask("", None, 0, None))
        .await
        .unwrap();
    assert_eq!((none.entries.len(), none.next), (0, None));
    assert_eq!(
        code(
            node.list_objects(BucketId(1), &list_ask("", None, 1, None))
                .await
        ),
        S3Code::NoSuchBucket
    );
    node.close().await;
}

#[tokio::test]
async fn buckets_are_made_once_and_deleted_empty() {
    let dir = tempfile::tempdir().unwrap();
    let node = open(dir.path()).await;
    let made = node.bucket_stats(BUCKET).await.unwrap();
    node.create_bucket(BUCKET).await.unwrap();
    assert_eq!(node.bucket_stats(BUCKET).await.unwrap(), made);
    put(&node, "k", b"x").await.unwrap();
    assert_eq!(
        code(node.delete_bucket(BUCKET).await),
        S3Code::BucketNotEmpty
    );
    node.delete_object(&place("k"), &DeleteObject::default(), Guards::default())
        .await
        .unwrap();
    node.delete_bucket(BUCKET).await.unwrap();
    assert_eq!(code(node.delete_bucket(BUCKET).await), S3Code::NoSuchBucket);
    assert_eq!(code(put(&node, "k", b"x").await), S3Code::NoSuchBucket);
    assert_eq!(code(get(&node, "k").await), S3Code::NoSuchBucket);
    assert_eq!(code(node.bucket_stats(BUCKET).await), S3Code::NoSuchBucket);
    node.close().await;
}

#[tokio::test]
async fn a_delete_of_many_keys_answers_each_and_a_thousand_are_one_round() {
    let dir = tempfile::tempdir().unwrap();
    let node = open(dir.path()).await;
    for key in 0..20 {
        put(&node, &format!("k{key}"), b"x").await.unwrap();
    }
    let key = |key: String| DeleteKey {
        key: key.parse().unwrap(),
        ask: DeleteObject::default(),
        creator: None,
        stands: None,
    };
    let keys: Vec<DeleteKey> = (0..1_000).map(|n| key(format!("k{n}"))).collect();
    let answers = node.delete_objects(BUCKET, keys).await.unwrap();
    assert!(answers.len() == 1_000 && answers.iter().all(Result::is_ok));
    let stats = node.bucket_stats(BUCKET).await.unwrap();
    assert_eq!((stats.objects, stats.bytes), (0, 0));
    node.close().await;
}

#[tokio::test]
async fn a_copy_has_its_own_bytes_and_the_head_that_the_directives_say() {
    let dir = tempfile::tempdir().unwrap();
    let node = open(dir.path()).await;
    let content = bytes(1, 2_500_000);
    let mut ask = PutObject::default();
    ask.head.metadata = vec![("m".into(), "1".into())];
    ask.head.content.content_type = Some("a/b".into());
    node.put_object(&place("from"), ask, by("key"), body(content.clone()))
        .await
        .unwrap();
    let copy = |to: &str, metadata| {
        let ask = CopyObject {
            source: CopySource {
                bucket: "abc".parse().unwrap(),
                key: "from".parse().unwrap(),
                version: None,
                conditions: Conditions::default(),
                customer_key: None,
            },
            metadata,
            tagging: Directive::Copy,
            head: s3_protocol::call::WriteHead::default(),
            checksum: None,
            conditions: Conditions::default(),
        };
        let (node, to) = (node.clone(), place(to));
        async move {
            let source = CopyRead {
                place: place("from"),
                guards: Guards::default(),
            };
            node.copy_object(source, &to, ask, by("other")).await
        }
    };
    copy("to", Directive::Copy).await.unwrap();
    copy("bare", Directive::Replace).await.unwrap();
    assert_eq!(
        code(copy("from", Directive::Copy).await),
        S3Code::InvalidRequest
    );
    copy("from", Directive::Replace).await.unwrap();
    node.delete_object(&place("from"), &DeleteObject::default(), Guards::default())
        .await
        .unwrap();
    settled(&node).await;
    let (output, got) = get(&node, "to").await.unwrap();
    assert!(got == content);
    assert_eq!(output.head.metadata, [("m".to_owned(), "1".to_owned())]);
    assert_eq!(
        (
            output.head.content.content_type.as_deref(),
            output.head.creator.lineage.as_str()
        ),
        (Some("a/b"), "other")
    );
    let (output, got) = get(&node, "bare").await.unwrap();
    assert!(
        got == content
            && output.head.metadata.is_empty()
            && output.head.content.content_type.is_none()
    );
    node.close().await;
}

#[tokio::test]
async fn at_the_reserve_writes_are_refused_and_deletes_are_not() {
    let dir = tempfile::tempdir().unwrap();
    let free = std::sync::Arc::new(std::sync::atomic::AtomicU64::new(1 << 40));
    let shown = std::sync::Arc::clone(&free);
    let options = NodeOptions {
        free_bytes: Some(std::sync::Arc::new(move || {
            Some(shown.load(std::sync::atomic::Ordering::Relaxed))
        })),
        reserve_bytes: 1 << 20,
        ..options(dir.path())
    };
    let node = Node::open(options).unwrap();
    node.create_bucket(BUCKET).await.unwrap();
    put(&node, "k", b"kept").await.unwrap();
    free.store(1 << 19, std::sync::atomic::Ordering::Relaxed);
    node.look_at_space();
    assert!(matches!(
        put(&node, "new", b"x").await,
        Err(storage_node::NodeError::Full)
    ));
    assert!(node.ready_for_writes().is_err() && node.stats().read_only);
    assert_eq!(get(&node, "k").await.unwrap().1, &b"kept"[..]);
    node.delete_object(&place("k"), &DeleteObject::default(), Guards::default())
        .await
        .unwrap();
    free.store(1 << 40, std::sync::atomic::Ordering::Relaxed);
    node.look_at_space();
    put(&node, "new", b"x").await.unwrap();
    node.close().await;
}

#[tokio::test]
async fn a_folder_is_open_once() {
    let dir = tempfile::tempdir().unwrap();
    let node = open(dir.path()).await;
    assert!(matches!(
        Node::open(options(dir.path())),
        Err(storage_node::OpenError::InUse(_))
    ));
    node.close().await;
    open(dir.path()).await.close().await;
}

#[tokio::test]
async fn objects_of_two_buckets_do_not_meet() {
    let dir = tempfile::tempdir().unwrap();
    let node = open(dir.path()).await;
    let other = BucketId(0xb1);
    node.create_bucket(other).await.unwrap();
    put(&node, "k", b"x").await.unwrap();
    let there = ObjectPlace {
        bucket: other,
        key: "k".parse().unwrap(),
    };
    assert_eq!(
        code(
            node.head_object(&there, &GetObject::default(), Guards::default())
                .await
        ),
        S3Code::NoSuchKey
    );
    assert!(
        node.list_objects(other, &list_ask("", None, 10, None))
            .await
            .unwrap()
            .entries
            .is_empty()
    );
    node.close().await;
}

#[tokio::test]
async fn what_was_decided_on_an_object_is_not_done_to_another_in_its_place() {
    let dir = tempfile::tempdir().unwrap();
    let node = open(dir.path()).await;
    let under = |stands| Guards {
        stands: Some(stands),
        ..Guards::default()
    };
    let ask = GetObject::default();
    assert_eq!(node.stored_facts(&place("k"), None).await.unwrap(), None);
    put(&node, "k", b"first").await.unwrap();
    let first = node.stored_facts(&place("k"), None).await.unwrap().unwrap();
    let stands = Stands::Write(first.write);
    node.get_object(&place("k"), &ask, under(stands))
        .await
        .unwrap();
    put(&node, "k", b"second").await.unwrap();
    for void in [stands, Stands::Nothing] {
        let get = node.get_object(&place("k"), &ask, under(void)).await;
        assert_eq!(code(get), S3Code::ServiceUnavailable);
        let head = node.head_object(&place("k"), &ask, under(void)).await;
        assert_eq!(code(head), S3Code::ServiceUnavailable);
        let delete = DeleteObject::default();
        let deleted = node.delete_object(&place("k"), &delete, under(void)).await;
        assert_eq!(code(deleted), S3Code::ServiceUnavailable);
        let source = CopyRead {
            place: place("k"),
            guards: under(void),
        };
        let copy = node
            .copy_object(source, &place("c"), copy_of_k(), WriteAs::default())
            .await;
        assert_eq!(code(copy), S3Code::ServiceUnavailable);
    }
    node.head_object(&place("k"), &ask, Guards::default())
        .await
        .unwrap();
    let second = node.stored_facts(&place("k"), None).await.unwrap().unwrap();
    assert_ne!(first.write, second.write);
    let delete = DeleteObject::default();
    node.delete_object(&place("k"), &delete, under(Stands::Write(second.write)))
        .await
        .unwrap();
    node.delete_object(&place("k"), &delete, under(Stands::Nothing))
        .await
        .unwrap();
}

fn copy_of_k() -> CopyObject {
    CopyObject {
        source: CopySource {
            bucket: "abc".parse().unwrap(),
            key: "k".parse().unwrap(),
            version: None,
            conditions: Conditions::default(),
            customer_key: None,
        },
        metadata: Directive::Copy,
        tagging: Directive::Copy,
        head: s3_protocol::call::WriteHead::default(),
        checksum: None,
        conditions: Conditions::default(),
    }
}
