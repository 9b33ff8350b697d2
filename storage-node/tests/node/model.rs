//! The node against a map in memory: random operations, and after each of them the same answers; restarts in between.

use std::collections::BTreeMap;

use super::support::*;
use proptest::prelude::*;
use s3_protocol::call::{
    CompleteMultipartUpload, Conditions, CopyObject, CopySource, CreateMultipartUpload,
    DeleteObject, Directive, PayloadDigests, PutObject, TagMatch, UploadPart, WriteHead,
};
use s3_protocol::object::CompletedPart;
use s3_protocol::{S3Code, UploadId};
use storage_node::{CopyRead, Guards, Node, NodeError};

const KEYS: [&str; 8] = ["a", "a/1", "a/2", "a//", "b", "b/c/d", "z", "ü"];
const SIZES: [usize; 6] = [0, 1, 5_000, 65_536, 65_537, 1_100_000];

#[derive(Clone, Debug)]
enum Step {
    Put {
        key: usize,
        size: usize,
        condition: u8,
    },
    PutThatFails {
        key: usize,
        size: usize,
    },
    Delete {
        key: usize,
    },
    Copy {
        from: usize,
        to: usize,
    },
    Begin {
        key: usize,
    },
    Part {
        upload: usize,
        number: u16,
        size: usize,
    },
    Complete {
        upload: usize,
    },
    Abort {
        upload: usize,
    },
    List {
        prefix: usize,
        max: u32,
    },
    Settle,
    Reopen,
}

fn step() -> impl Strategy<Value = Step> {
    let (key, size) = (0..KEYS.len(), 0..SIZES.len());
    prop_oneof![
        6 => (key.clone(), size.clone(), 0..4_u8).prop_map(|(key, size, condition)| Step::Put { key, size, condition }),
        1 => (key.clone(), size.clone()).prop_map(|(key, size)| Step::PutThatFails { key, size }),
        3 => key.clone().prop_map(|key| Step::Delete { key }),
        2 => (key.clone(), key.clone()).prop_map(|(from, to)| Step::Copy { from, to }),
        2 => key.clone().prop_map(|key| Step::Begin { key }),
        4 => (0..3_usize, 1..4_u16, size).prop_map(|(upload, number, size)| Step::Part { upload, number, size }),
        2 => (0..3_usize).prop_map(|upload| Step::Complete { upload }),
        1 => (0..3_usize).prop_map(|upload| Step::Abort { upload }),
        2 => (0..3_usize, 1..5_u32).prop_map(|(prefix, max)| Step::List { prefix, max }),
        1 => Just(Step::Settle),
        1 => Just(Step::Reopen),
    ]
}

/// What a part was: its content and its entity tag.
type Parts = BTreeMap<u16, (Vec<u8>, String)>;

#[derive(Default)]
struct Model {
    objects: BTreeMap<String, (Vec<u8>, String)>,
    uploads: Vec<(String, UploadId, Parts)>,
    seed: u64,
}

impl Model {
    fn fresh(&mut self, size: usize) -> Vec<u8> {
        self.seed += 1;
        bytes(self.seed, SIZES[size])
    }

    async fn run(&mut self, node: &Node, step: &Step) {
        match *step {
            Step::Put {
                key,
                size,
                condition,
            } => self.put(node, key, size, condition).await,
            Step::PutThatFails { key, size } => {
                let content = self.fresh(size);
                let ask = PutObject {
                    length: Some(content.len() as u64 + 1),
                    ..PutObject::default()
                };
                let got = node
                    .put_object(&place(KEYS[key]), ask, by("key"), body(content))
                    .await;
                assert_eq!(code(got), S3Code::IncompleteBody);
            }
            Step::Delete { key } => {
                node.delete_object(
                    &place(KEYS[key]),
                    &DeleteObject::default(),
                    Guards::default(),
                )
                .await
                .unwrap();
                self.objects.remove(KEYS[key]);
            }
            Step::Copy { from, to } => self.copy(node, KEYS[from], KEYS[to]).await,
            Step::Begin { key } => {
                if self.uploads.len() < 3 {
                    let ask = CreateMultipartUpload::default();
                    let upload = node
                        .create_upload(&place(KEYS[key]), ask, by("key"))
                        .await
                        .unwrap()
                        .upload;
                    self.uploads
                        .push((KEYS[key].to_owned(), upload, Parts::new()));
                }
            }
            Step::Part {
                upload,
                number,
                size,
            } => {
                let content = self.fresh(size);
                let Some((key, id, parts)) = self.uploads.get_mut(upload) else {
                    return;
                };
                let ask = UploadPart {
                    upload: *id,
                    part_number: number,
                    length: None,
                    digests: PayloadDigests::default(),
                    customer_key: None,
                };
                let output = node
                    .upload_part(&place(key), ask, Guards::default(), body(content.clone()))
                    .await
                    .unwrap();
                parts.insert(number, (content, output.etag.to_string()));
            }
            Step::Complete { upload } => self.complete(node, upload).await,
            Step::Abort { upload } => {
                if upload < self.uploads.len() {
                    let (key, id, _) = self.uploads.remove(upload);
                    node.abort_upload(&place(&key), id, Guards::default())
                        .await
                        .unwrap();
                }
            }
            Step::List { prefix, max } => self.list(node, ["", "a", "a/"][prefix], max).await,
            Step::Settle => settled(node).await,
            Step::Reopen => {}
        }
    }

    async fn put(&mut self, node: &Node, key: usize, size: usize, condition: u8) {
        let (key, content) = (KEYS[key], self.fresh(size));
        let there = self.objects.get(key);
        let conditions = match condition {
            1 => Conditions {
                if_none_match: Some(TagMatch::Any),
                ..Conditions::default()
            },
            2 => {
                let tag = there.map_or("0".repeat(32), |(_, tag)| tag.clone());
                Conditions {
                    if_match: Some(TagMatch::OneOf(vec![tag])),
                    ..Conditions::default()
                }
            }
            _ => Conditions::default(),
        };
        let expected = match (condition, there.is_some()) {
            (1, true) => Err(S3Code::PreconditionFailed),
            (2, false) => Err(S3Code::NoSuchKey),
            _ => Ok(()),
        };
        let ask = PutObject {
            conditions,
            ..PutObject::default()
        };
        let got = node
            .put_object(&place(key), ask, by("key"), body(content.clone()))
            .await;
        match expected {
            Ok(()) => drop(
                self.objects
                    .insert(key.to_owned(), (content, got.unwrap().etag.to_string())),
            ),
            Err(expected) => assert_eq!(code(got), expected),
        }
    }

    async fn copy(&mut self, node: &Node, from: &str, to: &str) {
        let source = CopySource {
            bucket: "abc".parse().unwrap(),
            key: from.parse().unwrap(),
            version: None,
            conditions: Conditions::default(),
            customer_key: None,
        };
        let ask = CopyObject {
            source,
            metadata: Directive::Replace,
            tagging: Directive::Copy,
            head: WriteHead::default(),
            checksum: None,
            conditions: Conditions::default(),
        };
        let read = CopyRead {
            place: place(from),
            guards: Guards::default(),
        };
        let got = node.copy_object(read, &place(to), ask, by("key")).await;
        match self.objects.get(from).cloned() {
            Some((content, _)) => {
                drop(
                    self.objects
                        .insert(to.to_owned(), (content, got.unwrap().etag.to_string())),
                );
            }
            None => assert_eq!(code(got), S3Code::NoSuchKey),
        }
    }

    async fn complete(&mut self, node: &Node, upload: usize) {
        let Some((key, id, parts)) = self.uploads.get(upload) else {
            return;
        };
        let listed: Vec<CompletedPart> = parts
            .iter()
            .map(|(number, (_, etag))| CompletedPart {
                number: *number,
                etag: etag.clone(),
                checksums: Vec::new(),
            })
            .collect();
        let conditions = Conditions::default();
        let ask = CompleteMultipartUpload {
            upload: *id,
            checksum: None,
            checksum_kind: None,
            object_size: None,
            conditions,
            customer_key: None,
        };
        let got = node
            .complete_upload(&place(key), ask.clone(), listed.clone(), Guards::default())
            .await;
        let last = parts.len().saturating_sub(1);
        if parts.is_empty() {
            assert_eq!(code(got), S3Code::MalformedXML);
        } else if parts
            .values()
            .take(last)
            .any(|(content, _)| content.len() < 1_024)
        {
            assert_eq!(code(got), S3Code::EntityTooSmall);
        } else {
            let output = got.unwrap();
            let again = node
                .complete_upload(&place(key), ask, listed, Guards::default())
                .await
                .unwrap();
            assert_eq!(again, output);
            let content = parts
                .values()
                .map(|(content, _)| content.as_slice())
                .collect::<Vec<_>>()
                .concat();
            self.objects
                .insert(key.clone(), (content, output.etag.to_string()));
            self.uploads.remove(upload);
        }
    }

    async fn list(&self, node: &Node, prefix: &str, max: u32) {
        for delimiter in [None, Some("/")] {
            let page = list_all(node, prefix, delimiter, max).await;
            let (mut keys, mut prefixes) = (Vec::new(), Vec::new());
            for key in self.objects.keys().filter(|key| key.starts_with(prefix)) {
                match key[prefix.len()..]
                    .find('/')
                    .filter(|_| delimiter.is_some())
                {
                    Some(at) => prefixes.push(key[..=prefix.len() + at].to_owned()),
                    None => keys.push(key.clone()),
                }
            }
            prefixes.dedup();
            let got: Vec<String> = page
                .entries
                .iter()
                .map(|entry| entry.key.as_str().to_owned())
                .collect();
            assert_eq!((got, page.prefixes), (keys, prefixes));
        }
    }

    async fn agrees(&self, node: &Node) {
        for key in KEYS {
            match (get(node, key).await, self.objects.get(key)) {
                (Ok((output, content)), Some((expected, tag))) => {
                    assert!(
                        content == *expected && output.head.etag.to_string() == *tag,
                        "{key}"
                    );
                }
                (Err(NodeError::Refused(error)), None) => assert_eq!(error.code, S3Code::NoSuchKey),
                (got, expected) => panic!("{key}: {got:?}, expected {}", expected.is_some()),
            }
        }
        let stats = node.bucket_stats(BUCKET).await.unwrap();
        let bytes: usize = self
            .objects
            .values()
            .map(|(content, _)| content.len())
            .sum();
        assert_eq!(
            (stats.objects, stats.bytes),
            (self.objects.len() as u64, bytes as u64)
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: rounds(24), max_shrink_iters: 200, ..ProptestConfig::default() })]

    #[test]
    fn the_node_is_the_map(steps in proptest::collection::vec(step(), 1..40)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let dir = tempfile::tempdir().unwrap();
            let mut node = open(dir.path()).await;
            let mut model = Model::default();
            for step in &steps {
                model.run(&node, step).await;
                if matches!(step, Step::Reopen) {
                    node.close().await;
                    node = Node::open(options(dir.path())).unwrap();
                }
            }
            model.agrees(&node).await;
            node.close().await;
            let node = Node::open(options(dir.path())).unwrap();
            model.agrees(&node).await;
            node.close().await;
        });
    }
}
