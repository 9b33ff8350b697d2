//! Versions against a plain model: writes, deletions, copies, uploads, tags and locks in buckets whose versioning comes and goes;
//! after each step the same lists, bytes and counts, also from the volumes alone.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::support::*;
use bytes::Bytes;
use proptest::prelude::*;
use s3_protocol::call::{
    CompleteMultipartUpload, Conditions, CopyObject, CopySource, CreateMultipartUpload, DeleteIf,
    DeleteObject, Directive, Encoding, GetObject, ListObjectVersions, PayloadDigests, PutObject,
    TagMatch, UploadPart, WriteHead,
};
use s3_protocol::object::{CompletedPart, VersionKind};
use s3_protocol::setting::{DefaultRetention, LockConfiguration, LockMode, Period, Versioning};
use s3_protocol::{S3Code, VersionId};
use storage_node::{Bypass, Change, Compaction, CopyRead, FacetChange, Guards, Node, NodeError};

const KEYS: [&str; 6] = ["a", "a/1", "a/2", "a\0", "b", "ü"];
const SIZES: [usize; 4] = [0, 3, 5_000, 70_000];

#[derive(Clone, Debug)]
enum Step {
    Versioning(bool),
    Put {
        key: usize,
        size: usize,
        absent: bool,
    },
    Delete {
        key: usize,
    },
    /// A version by its place among those of its key, from the newest; past the last, one that never was.
    DeleteVersion {
        key: usize,
        which: usize,
    },
    DeleteNull {
        key: usize,
    },
    Copy {
        from: usize,
        which: usize,
        to: usize,
    },
    Upload {
        key: usize,
        size: usize,
    },
    Tag {
        key: usize,
        which: usize,
        tag: u8,
    },
    List {
        prefix: usize,
        max: u32,
    },
    Settle,
    /// Everything that stands is moved, and the volumes it stood in go.
    Compact,
    /// Volumes with so much garbage go, in thousandths; others stay with what they have.
    CompactSome(u16),
    Reopen,
    /// Everything but the volumes is lost.
    Rebuild,
}

fn step() -> impl Strategy<Value = Step> {
    let (key, size, which) = (0..KEYS.len(), 0..SIZES.len(), 0..4_usize);
    prop_oneof![
        2 => any::<bool>().prop_map(Step::Versioning),
        8 => (key.clone(), size.clone(), prop::bool::weighted(0.2))
            .prop_map(|(key, size, absent)| Step::Put { key, size, absent }),
        4 => key.clone().prop_map(|key| Step::Delete { key }),
        5 => (key.clone(), which.clone()).prop_map(|(key, which)| Step::DeleteVersion { key, which }),
        2 => key.clone().prop_map(|key| Step::DeleteNull { key }),
        2 => (key.clone(), which.clone(), key.clone())
            .prop_map(|(from, which, to)| Step::Copy { from, which, to }),
        2 => (key.clone(), size).prop_map(|(key, size)| Step::Upload { key, size }),
        2 => (key, which, any::<u8>()).prop_map(|(key, which, tag)| Step::Tag { key, which, tag }),
        2 => (0..3_usize, 1..5_u32).prop_map(|(prefix, max)| Step::List { prefix, max }),
        1 => Just(Step::Settle),
        1 => Just(Step::Compact),
        2 => (1..900_u16).prop_map(Step::CompactSome),
        1 => Just(Step::Reopen),
        1 => Just(Step::Rebuild),
    ]
}

/// A version: its name, its content unless it is a marker, its tags and access.
#[derive(Clone, Debug, PartialEq)]
struct Version {
    name: VersionId,
    content: Option<Vec<u8>>,
    tag: Option<u8>,
    acl: Option<u8>,
}

#[derive(Default)]
struct Model {
    versioning: Option<Versioning>,
    /// From the newest.
    keys: BTreeMap<String, Vec<Version>>,
    seed: u64,
}

/// A version that no node ever made.
const NEVER: VersionId = VersionId::Id(77);

impl Model {
    fn of(&self, key: usize) -> &[Version] {
        self.keys.get(KEYS[key]).map_or(&[], Vec::as_slice)
    }

    fn current(&self, key: usize) -> Option<&Version> {
        self.of(key).first().filter(|it| it.content.is_some())
    }

    fn name_of(&self, key: usize, which: usize) -> VersionId {
        self.of(key).get(which).map_or(NEVER, |it| it.name)
    }

    /// Takes in what the node wrote.
    fn wrote(&mut self, key: usize, name: Option<VersionId>, content: Option<Vec<u8>>) {
        let versions = self.keys.entry(KEYS[key].to_owned()).or_default();
        let expected_null = self.versioning != Some(Versioning::Enabled);
        // A write does not name the `null` version; of a marker it is told.
        let unnamed = match content {
            Some(_) => expected_null,
            None => self.versioning.is_none(),
        };
        assert_eq!(name.is_none(), unnamed);
        let name = name.unwrap_or(VersionId::Null);
        assert_eq!(name == VersionId::Null, expected_null);
        assert!(expected_null || versions.iter().all(|it| it.name != name));
        if expected_null {
            versions.retain(|it| it.name != VersionId::Null);
        }
        let tag = None;
        let version = Version {
            name,
            content,
            tag,
            acl: None,
        };
        versions.insert(0, version);
    }

    fn forget(&mut self, key: usize, name: VersionId) -> Option<Version> {
        let versions = self.keys.get_mut(KEYS[key])?;
        let at = versions.iter().position(|it| it.name == name)?;
        let gone = versions.remove(at);
        if versions.is_empty() {
            self.keys.remove(KEYS[key]);
        }
        Some(gone)
    }

    async fn run(&mut self, node: &Node, step: &Step) {
        match *step {
            Step::Versioning(on) => {
                let versioning = if on {
                    Versioning::Enabled
                } else {
                    Versioning::Suspended
                };
                node.configure_bucket(BUCKET, Change::Versioning(versioning))
                    .await
                    .unwrap();
                self.versioning = Some(versioning);
            }
            Step::Put { key, size, absent } => self.put(node, key, size, absent).await,
            Step::Delete { key } => {
                let done = node
                    .delete_object(
                        &place(KEYS[key]),
                        &DeleteObject::default(),
                        Guards::default(),
                    )
                    .await
                    .unwrap();
                assert_eq!(done.marker, self.versioning.is_some());
                match self.versioning {
                    None => drop(self.forget(key, VersionId::Null)),
                    Some(_) => self.wrote(key, done.version, None),
                }
            }
            Step::DeleteVersion { key, which } => {
                self.delete_version(node, key, self.name_of(key, which))
                    .await;
            }
            Step::DeleteNull { key } => self.delete_version(node, key, VersionId::Null).await,
            Step::Copy { from, which, to } => self.copy(node, from, which, to).await,
            Step::Upload { key, size } => self.upload(node, key, size).await,
            Step::Tag { key, which, tag } => self.tag(node, key, which, tag).await,
            Step::List { prefix, max } => self.lists(node, ["", "a", "a/"][prefix], max).await,
            Step::Settle => settled(node).await,
            Step::Compact => drop(compact_all(node).await),
            Step::CompactSome(garbage_per_mille) => {
                let how = Compaction {
                    garbage_per_mille,
                    bytes_per_second: None,
                };
                assert_eq!(node.compact(how).await.unwrap().damaged, 0);
            }
            Step::Reopen | Step::Rebuild => {}
        }
    }

    fn fresh(&mut self, size: usize) -> Vec<u8> {
        self.seed += 1;
        bytes(self.seed, SIZES[size])
    }

    async fn put(&mut self, node: &Node, key: usize, size: usize, absent: bool) {
        let content = self.fresh(size);
        let ask = PutObject {
            conditions: Conditions {
                if_none_match: absent.then_some(TagMatch::Any),
                ..Conditions::default()
            },
            ..PutObject::default()
        };
        let got = node
            .put_object(&place(KEYS[key]), ask, by("key"), body(content.clone()))
            .await;
        if absent && self.current(key).is_some() {
            assert_eq!(code(got), S3Code::PreconditionFailed);
        } else {
            self.wrote(key, got.unwrap().version, Some(content));
        }
    }

    async fn delete_version(&mut self, node: &Node, key: usize, name: VersionId) {
        let ask = DeleteObject {
            version: Some(name),
            ..DeleteObject::default()
        };
        let done = node
            .delete_object(&place(KEYS[key]), &ask, Guards::default())
            .await
            .unwrap();
        let gone = self.forget(key, name);
        assert_eq!(done.version, Some(name));
        assert_eq!(done.marker, gone.is_some_and(|it| it.content.is_none()));
    }

    async fn copy(&mut self, node: &Node, from: usize, which: usize, to: usize) {
        let version = self.name_of(from, which);
        let ask = CopyObject {
            source: CopySource {
                bucket: "abc".parse().unwrap(),
                key: KEYS[from].parse().unwrap(),
                version: Some(version),
                conditions: Conditions::default(),
                customer_key: None,
            },
            metadata: Directive::Replace,
            tagging: Directive::Copy,
            head: WriteHead::default(),
            checksum: None,
            conditions: Conditions::default(),
        };
        let read = CopyRead {
            place: place(KEYS[from]),
            guards: Guards::default(),
        };
        let got = node
            .copy_object(read, &place(KEYS[to]), ask, by("key"))
            .await;
        let source = self.of(from).iter().find(|it| it.name == version).cloned();
        match source.map(|it| (it.content, it.tag)) {
            None => assert_eq!(code(got), S3Code::NoSuchVersion),
            Some((None, _)) => assert_eq!(code(got), S3Code::InvalidRequest),
            Some((Some(content), tag)) => {
                let got = got.unwrap();
                assert_eq!(got.source_version, self.versioning.map(|_| version));
                self.wrote(to, got.version, Some(content));
                self.keys.get_mut(KEYS[to]).unwrap()[0].tag = tag;
            }
        }
    }

    async fn upload(&mut self, node: &Node, key: usize, size: usize) {
        let content = self.fresh(size);
        let place = place(KEYS[key]);
        let ask = CreateMultipartUpload::default();
        let upload = node
            .create_upload(&place, ask, by("key"))
            .await
            .unwrap()
            .upload;
        let ask = UploadPart {
            upload,
            part_number: 1,
            length: None,
            digests: PayloadDigests::default(),
            customer_key: None,
        };
        let part = node
            .upload_part(&place, ask, Guards::default(), body(content.clone()))
            .await
            .unwrap();
        let listed = vec![CompletedPart {
            number: 1,
            etag: part.etag.to_string(),
            checksums: Vec::new(),
        }];
        let ask = CompleteMultipartUpload {
            upload,
            checksum: None,
            checksum_kind: None,
            object_size: None,
            conditions: Conditions::default(),
            customer_key: None,
        };
        let done = node
            .complete_upload(&place, ask.clone(), listed.clone(), Guards::default())
            .await
            .unwrap();
        let again = node
            .complete_upload(&place, ask, listed, Guards::default())
            .await
            .unwrap();
        assert_eq!(again, done);
        self.wrote(key, done.version, Some(content));
    }

    async fn tag(&mut self, node: &Node, key: usize, which: usize, tag: u8) {
        let name = self.name_of(key, which);
        let on_access = tag % 2 == 1;
        let change = if on_access {
            FacetChange::Acl(Some(tag.to_string()))
        } else {
            FacetChange::Tags(vec![("t".to_owned(), tag.to_string())])
        };
        let got = node
            .change_object(&place(KEYS[key]), Some(name), change, Guards::default())
            .await;
        let versions = self.keys.get_mut(KEYS[key]);
        let found = versions.and_then(|all| all.iter_mut().find(|it| it.name == name));
        match found {
            None => assert_eq!(code(got), S3Code::NoSuchVersion),
            Some(Version { content: None, .. }) => assert_eq!(code(got), S3Code::MethodNotAllowed),
            Some(version) => {
                assert_eq!(got.unwrap(), self.versioning.map(|_| name));
                if on_access {
                    version.acl = Some(tag);
                } else {
                    version.tag = Some(tag);
                }
            }
        }
    }

    async fn lists(&self, node: &Node, prefix: &str, max: u32) {
        for delimiter in [None, Some("/")] {
            let (got, got_prefixes) = versions_listed(node, prefix, delimiter, max).await;
            let (mut versions, mut prefixes, mut current) = (Vec::new(), Vec::new(), Vec::new());
            for (key, all) in self.keys.iter().filter(|(key, _)| key.starts_with(prefix)) {
                let at = key[prefix.len()..]
                    .find('/')
                    .filter(|_| delimiter.is_some());
                if let Some(at) = at {
                    prefixes.push(key[..=prefix.len() + at].to_owned());
                    continue;
                }
                for (place, version) in all.iter().enumerate() {
                    let size = version.content.as_ref().map(Vec::len);
                    versions.push((key.clone(), version.name, place == 0, size));
                }
                current.extend(all[0].content.as_ref().map(|_| key.clone()));
            }
            prefixes.dedup();
            assert_eq!((got, got_prefixes), (versions, prefixes));
            if delimiter.is_none() {
                let page = list_all(node, prefix, None, max).await;
                let keys: Vec<_> = page.entries.iter().map(|it| it.key.as_str()).collect();
                assert_eq!(keys, current);
            }
        }
    }

    async fn agrees(&self, node: &Node) {
        for max in [2, 1_000] {
            self.lists(node, "", max).await;
        }
        for (number, key) in KEYS.iter().enumerate() {
            let current = get(node, key).await;
            match (current, self.current(number)) {
                (Ok((_, content)), Some(expected)) => {
                    assert_eq!(Some(&content[..]), expected.content.as_deref());
                }
                (Err(NodeError::Refused(error)), None) => {
                    assert_eq!(error.code, S3Code::NoSuchKey);
                    let marker = error.extra.iter().any(|(name, _)| *name == "DeleteMarker");
                    assert_eq!(marker, !self.of(number).is_empty());
                }
                (got, expected) => panic!("{key}: {got:?}, expected {expected:?}"),
            }
            for version in self.of(number) {
                let got = get_version(node, key, version.name).await;
                match &version.content {
                    Some(content) => {
                        let (output, bytes) = got.unwrap();
                        assert!(bytes == *content, "{key} {}", version.name);
                        assert_eq!(output.head.tags, usize::from(version.tag.is_some()));
                        let facets = node
                            .object_facets(&place(key), Some(version.name), Guards::default())
                            .await
                            .unwrap();
                        let value = facets.tags.first().map(|(_, value)| value.clone());
                        assert_eq!(value, version.tag.map(|tag| tag.to_string()));
                        assert_eq!(facets.acl, version.acl.map(|acl| acl.to_string()));
                    }
                    None => assert_eq!(code(got), S3Code::MethodNotAllowed),
                }
            }
            assert_eq!(
                code(get_version(node, key, NEVER).await),
                S3Code::NoSuchVersion
            );
        }
        let all = self.keys.values().flatten();
        let bytes: usize = all
            .clone()
            .filter_map(|it| it.content.as_ref())
            .map(Vec::len)
            .sum();
        let stats = node.bucket_stats(BUCKET).await.unwrap();
        assert_eq!(
            (stats.objects, stats.bytes),
            (all.count() as u64, bytes as u64)
        );
        let left = node.delete_bucket(BUCKET).await;
        assert_eq!(left.is_ok(), self.keys.is_empty());
        if left.is_ok() {
            node.create_bucket(BUCKET).await.unwrap();
            if let Some(versioning) = self.versioning {
                node.configure_bucket(BUCKET, Change::Versioning(versioning))
                    .await
                    .unwrap();
            }
        }
    }
}

pub(crate) async fn get_version(
    node: &Node,
    key: &str,
    version: VersionId,
) -> Result<(s3_protocol::object::GetOutput, Bytes), NodeError> {
    let ask = GetObject {
        version: Some(version),
        ..GetObject::default()
    };
    get_as(node, key, ask).await
}

pub(crate) type Line = (String, VersionId, bool, Option<usize>);

/// All pages of a list of versions, with `max_keys` on each.
pub(crate) async fn versions_listed(
    node: &Node,
    prefix: &str,
    delimiter: Option<&str>,
    max_keys: u32,
) -> (Vec<Line>, Vec<String>) {
    let (mut lines, mut prefixes) = (Vec::new(), Vec::new());
    let (mut key_marker, mut version_id_marker) = (None, None);
    loop {
        let ask = ListObjectVersions {
            prefix: prefix.to_owned(),
            delimiter: delimiter.map(str::to_owned),
            max_keys,
            encoding: Encoding::Plain,
            key_marker,
            version_id_marker,
        };
        let page = node.list_versions(BUCKET, &ask).await.unwrap();
        assert!(page.entries.len() + page.prefixes.len() <= max_keys as usize);
        lines.extend(page.entries.into_iter().map(|entry| {
            let size = match entry.kind {
                VersionKind::Object { size, .. } => Some(usize::try_from(size).unwrap()),
                VersionKind::Marker => None,
            };
            (
                entry.key.as_str().to_owned(),
                entry.version,
                entry.is_latest,
                size,
            )
        }));
        prefixes.extend(page.prefixes);
        match page.next {
            Some((key, version)) => (key_marker, version_id_marker) = (Some(key), version),
            None => return (lines, prefixes),
        }
    }
}

fn copy_volumes(from: &Path, to: &Path) {
    std::fs::create_dir_all(to.join("volumes")).unwrap();
    for entry in std::fs::read_dir(from.join("volumes")).unwrap() {
        let path = entry.unwrap().path();
        std::fs::copy(&path, to.join("volumes").join(path.file_name().unwrap())).unwrap();
    }
}

fn small(dir: &Path) -> storage_node::NodeOptions {
    storage_node::NodeOptions {
        volume_bytes: 1_024 * 1_024,
        ..options(dir)
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: rounds(48), max_shrink_iters: 400, ..ProptestConfig::default() })]

    #[test]
    fn the_node_keeps_versions_as_the_model_does(steps in proptest::collection::vec(step(), 1..60)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let root = tempfile::tempdir().unwrap();
            let mut turn = 0;
            let dir_of = |turn: u32| -> PathBuf { root.path().join(turn.to_string()) };
            let mut node = Node::open(small(&dir_of(turn))).unwrap();
            node.create_bucket(BUCKET).await.unwrap();
            let mut model = Model::default();
            for step in &steps {
                model.run(&node, step).await;
                match step {
                    Step::Reopen => {
                        node.close().await;
                        node = Node::open(small(&dir_of(turn))).unwrap();
                        model.agrees(&node).await;
                    }
                    Step::Rebuild => {
                        // The disk as it is while the node lives: what was acknowledged is in the volumes.
                        copy_volumes(&dir_of(turn), &dir_of(turn + 1));
                        node.close().await;
                        turn += 1;
                        node = Node::open(small(&dir_of(turn))).unwrap();
                        model.agrees(&node).await;
                    }
                    _ => {}
                }
            }
            model.agrees(&node).await;
            node.close().await;
        });
    }
}

async fn versioned(dir: &Path) -> Node {
    let node = open(dir).await;
    node.configure_bucket(BUCKET, Change::Versioning(Versioning::Enabled))
        .await
        .unwrap();
    node
}

#[tokio::test]
async fn a_thousand_versions_are_listed_from_the_newest_and_found_by_name() {
    let dir = tempfile::tempdir().unwrap();
    let node = versioned(dir.path()).await;
    let mut names = Vec::new();
    for number in 0..1_000_u32 {
        let output = put(&node, "key", &number.to_le_bytes()).await.unwrap();
        names.push(output.version.unwrap());
    }
    put(&node, "kez", b"next").await.unwrap();
    let (lines, _) = versions_listed(&node, "", None, 7).await;
    let listed: Vec<_> = lines.iter().map(|line| line.1).collect();
    names.reverse();
    assert_eq!(listed[..1_000], names);
    assert_eq!(lines[1_000].0, "kez");
    let (_, content) = get_version(&node, "key", names[400]).await.unwrap();
    assert_eq!(content[..], 599_u32.to_le_bytes());
    node.close().await;
}

#[tokio::test]
async fn a_clock_that_steps_back_changes_no_order() {
    let dir = tempfile::tempdir().unwrap();
    let clock = std::sync::atomic::AtomicU64::new(1_700_000_000_000);
    let backwards = move || clock.fetch_sub(50, std::sync::atomic::Ordering::Relaxed);
    let options = storage_node::NodeOptions {
        clock: std::sync::Arc::new(backwards),
        ..options(dir.path())
    };
    let node = Node::open(options).unwrap();
    node.create_bucket(BUCKET).await.unwrap();
    node.configure_bucket(BUCKET, Change::Versioning(Versioning::Enabled))
        .await
        .unwrap();
    let mut names = Vec::new();
    for number in 0..20_u8 {
        names.insert(
            0,
            put(&node, "key", &[number]).await.unwrap().version.unwrap(),
        );
    }
    let (lines, _) = versions_listed(&node, "", None, 3).await;
    let listed: Vec<_> = lines.iter().map(|line| line.1).collect();
    assert_eq!(listed, names);
    assert_eq!(get(&node, "key").await.unwrap().1[..], [19]);
    node.close().await;
}

#[tokio::test]
async fn deletions_of_one_request_see_each_other() {
    let dir = tempfile::tempdir().unwrap();
    let node = versioned(dir.path()).await;
    let first = put(&node, "key", b"1").await.unwrap().version;
    let second = put(&node, "key", b"2").await.unwrap().version;
    let key = |version| storage_node::DeleteKey {
        key: "key".parse().unwrap(),
        ask: DeleteObject {
            version,
            ..DeleteObject::default()
        },
        creator: None,
        stands: None,
    };
    let done = node
        .delete_objects(BUCKET, vec![key(second), key(None), key(first)])
        .await
        .unwrap();
    let marker = done[1].as_ref().unwrap();
    assert!(marker.marker);
    let (lines, _) = versions_listed(&node, "", None, 10).await;
    assert_eq!(
        lines,
        [("key".to_owned(), marker.version.unwrap(), true, None)]
    );
    let again = node
        .delete_objects(BUCKET, vec![key(marker.version), key(first)])
        .await
        .unwrap();
    assert!(again[0].as_ref().unwrap().marker && !again[1].as_ref().unwrap().marker);
    node.delete_bucket(BUCKET).await.unwrap();
    node.close().await;
}

async fn locked(dir: &Path, default: Option<DefaultRetention>) -> Node {
    let node = open(dir).await;
    node.configure_bucket(BUCKET, Change::Lock(LockConfiguration { default }))
        .await
        .unwrap();
    node
}

async fn delete_version(
    node: &Node,
    key: &str,
    version: Option<VersionId>,
    bypass: bool,
) -> Result<s3_protocol::object::DeleteOutput, NodeError> {
    let ask = DeleteObject {
        version,
        bypass_governance: bypass,
        only_if: DeleteIf::default(),
    };
    node.delete_object(&place(key), &ask, Guards::default())
        .await
}

#[tokio::test]
async fn what_is_locked_stays_until_its_time_or_its_bypass() {
    for (mode, bypass_helps) in [(LockMode::Governance, true), (LockMode::Compliance, false)] {
        let dir = tempfile::tempdir().unwrap();
        let period = Period::Days(1);
        let node = locked(dir.path(), Some(DefaultRetention { mode, period })).await;
        let version = put(&node, "key", b"kept").await.unwrap().version;
        let denied = delete_version(&node, "key", version, false).await;
        assert_eq!(code(denied), S3Code::AccessDenied);
        // A marker over it is no deletion of it.
        assert!(
            delete_version(&node, "key", None, false)
                .await
                .unwrap()
                .marker
        );
        let head = get_version(&node, "key", version.unwrap())
            .await
            .unwrap()
            .0
            .head;
        let retention = head.retention.unwrap();
        let shorter = s3_protocol::setting::Retention {
            until_ms: retention.until_ms - 1,
            ..retention
        };
        let longer = s3_protocol::setting::Retention {
            until_ms: retention.until_ms + 1,
            ..retention
        };
        let change = async |retention, bypass| {
            let change = FacetChange::Retention(retention, bypass);
            node.change_object(&place("key"), version, change, Guards::default())
                .await
        };
        assert_eq!(
            code(change(Some(shorter), Bypass::None).await),
            S3Code::AccessDenied
        );
        assert_eq!(code(change(None, Bypass::None).await), S3Code::AccessDenied);
        change(Some(longer), Bypass::None).await.unwrap();
        assert_eq!(change(None, Bypass::Governance).await.is_ok(), bypass_helps);
        let hold = FacetChange::LegalHold(true);
        node.change_object(&place("key"), version, hold, Guards::default())
            .await
            .unwrap();
        let held = delete_version(&node, "key", version, true).await;
        assert_eq!(code(held), S3Code::AccessDenied);
        node.close().await;
        let node = Node::open(options(dir.path())).unwrap();
        let held = delete_version(&node, "key", version, true).await;
        assert_eq!(code(held), S3Code::AccessDenied);
        let free = FacetChange::LegalHold(false);
        node.change_object(&place("key"), version, free, Guards::default())
            .await
            .unwrap();
        let freed = delete_version(&node, "key", version, true).await;
        assert_eq!(freed.is_ok(), bypass_helps);
        node.close().await;
    }
}

#[tokio::test]
async fn a_lock_ends_with_its_time() {
    let dir = tempfile::tempdir().unwrap();
    let now = std::sync::Arc::new(std::sync::atomic::AtomicU64::new(1_700_000_000_000));
    let clock = std::sync::Arc::clone(&now);
    let options = storage_node::NodeOptions {
        clock: std::sync::Arc::new(move || clock.load(std::sync::atomic::Ordering::Relaxed)),
        ..options(dir.path())
    };
    let node = Node::open(options).unwrap();
    node.create_bucket(BUCKET).await.unwrap();
    let default = Some(DefaultRetention {
        mode: LockMode::Compliance,
        period: Period::Days(1),
    });
    node.configure_bucket(BUCKET, Change::Lock(LockConfiguration { default }))
        .await
        .unwrap();
    let version = put(&node, "key", b"kept").await.unwrap().version;
    now.fetch_add(86_400_000 - 1, std::sync::atomic::Ordering::Relaxed);
    assert!(delete_version(&node, "key", version, true).await.is_err());
    now.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    assert!(delete_version(&node, "key", version, false).await.is_ok());
    node.close().await;
}

#[tokio::test]
async fn locks_need_a_bucket_that_has_them_and_keep_it_versioned() {
    let dir = tempfile::tempdir().unwrap();
    let node = versioned(dir.path()).await;
    put(&node, "key", b"free").await.unwrap();
    let hold = FacetChange::LegalHold(true);
    let refused = node
        .change_object(&place("key"), None, hold, Guards::default())
        .await;
    assert_eq!(code(refused), S3Code::InvalidRequest);
    let ask = PutObject {
        head: WriteHead {
            legal_hold: true,
            ..WriteHead::default()
        },
        ..PutObject::default()
    };
    let refused = node
        .put_object(&place("key"), ask, by("key"), body(&b"x"[..]))
        .await;
    assert_eq!(code(refused), S3Code::InvalidRequest);
    node.configure_bucket(BUCKET, Change::Lock(LockConfiguration::default()))
        .await
        .unwrap();
    let suspended = node
        .configure_bucket(BUCKET, Change::Versioning(Versioning::Suspended))
        .await;
    assert_eq!(code(suspended), S3Code::InvalidBucketState);
    node.close().await;
}
