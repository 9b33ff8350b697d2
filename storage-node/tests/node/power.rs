//! The power is cut after any write, flush, making or removing of a file, and what was not flushed is gone, or torn, or there out of
//! order: what was acknowledged reads the same, also from the volumes alone, and what was deleted stays so.
//!
//! One run of a workload is traced; each moment of it is made into the disk that a cut would have left, which is opened then.
//! Of some, the power is cut once more while the node comes up. One node has its own folder alone, another two disks, of which one is
//! emptied on the way. The long form tries every moment, each in three ways, of five workloads.

use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::support::*;
use super::versions::{get_version, versions_listed};
use s3_protocol::call::{
    CompleteMultipartUpload, Conditions, CopyObject, CopySource, CreateMultipartUpload,
    DeleteObject, Directive, Encoding, ListMultipartUploads, ListParts, PayloadDigests, PutObject,
    UploadPart, WriteHead,
};
use s3_protocol::object::CompletedPart;
use s3_protocol::setting::Versioning;
use s3_protocol::{BucketId, UploadId, VersionId};
use storage_node::{
    Change, Compaction, CopyRead, DeleteKey, Disk, FacetChange, Faults, Guards, Loss, Node,
    NodeDisk, NodeError, NodeOptions, Rate,
};

const KEYS: [&str; 6] = ["a", "a/1", "a/2", "a\0", "b", "ü"];
const SIZES: [usize; 8] = [0, 10, 3_000, 3_000, 30_000, 30_000, 70_000, 1_200_000];
const STEPS: usize = 90;
/// Where there are two disks, one is to be emptied from this step on: the next compaction does so.
const DRAINED_FROM: usize = 70;

/// What a client sees of the node, line by line.
type State = Vec<String>;

/// The next numbers of a seed.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 16) as usize % bound
    }
}

/// What a node has its volumes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum House {
    /// Its own folder.
    Alone,
    /// Two disks. Each takes a volume in its turn.
    Disks,
    /// The same, and the second is to be emptied.
    Draining,
}

/// The node below a root, on disks that lose power together.
fn options_at(root: &Path, disk: &Faults, house: House) -> NodeOptions {
    let turn = Arc::new(AtomicU64::new(0));
    let disk_at = |name: &str, drain| {
        let path = root.join(name);
        std::fs::create_dir_all(&path).unwrap();
        let turn = Arc::clone(&turn);
        NodeDisk {
            path,
            drain,
            free_bytes: Some(Arc::new(move || {
                let turn = turn.fetch_add(1, Ordering::Relaxed);
                Some((1 << 40) | (hash(&turn.to_le_bytes()) >> 32))
            })),
            faults: disk.clone(),
        }
    };
    let disks = match house {
        House::Alone => Vec::new(),
        House::Disks | House::Draining => {
            vec![disk_at("a", false), disk_at("b", house == House::Draining)]
        }
    };
    NodeOptions {
        disks,
        volume_bytes: 192 * 1_024,
        overlay_bytes: 64 * 1_024,
        index_cache_bytes: 1_024 * 1_024,
        index_faults: disk.clone(),
        log_faults: disk.clone(),
        ..options(&root.join("node"))
    }
}

/// A step that was done: when it began and was acknowledged, and what was seen after it.
struct Done {
    began: usize,
    ended: usize,
    state: State,
    compacts: bool,
}

struct Workload {
    node: Node,
    dice: Dice,
    uploads: Vec<(String, UploadId, Vec<CompletedPart>)>,
    seed: u64,
}

impl Workload {
    fn fresh(&mut self) -> Vec<u8> {
        self.seed += 1;
        let size = SIZES[self.dice.below(SIZES.len())];
        bytes(self.seed, size)
    }

    /// One step; whether it compacts.
    async fn step(&mut self, number: usize) -> bool {
        let key = KEYS[self.dice.below(KEYS.len())];
        match (number, self.dice.below(20)) {
            (0, _) => self.node.create_bucket(BUCKET).await.unwrap(),
            (30, _) => self.versioning(Versioning::Enabled).await,
            (65, _) => self.versioning(Versioning::Suspended).await,
            (20 | 28 | 45 | 60 | 75 | 88, _) => {
                let how = Compaction {
                    garbage_per_mille: [400, 0, 150][number % 3],
                    bytes_per_second: None,
                };
                let done = self.node.compact(how).await.unwrap();
                assert_eq!(done.damaged, 0);
                return true;
            }
            (_, 0..=7) => {
                let content = self.fresh();
                put(&self.node, key, &content).await.unwrap();
            }
            (_, 8 | 9) => self.delete(key, None).await,
            (_, 10 | 11) => {
                let (lines, _) = versions_listed(&self.node, key, None, 1_000).await;
                let which = self.dice.below(lines.len().max(1));
                if let Some((key, version, ..)) = lines.get(which) {
                    self.delete(key, Some(*version)).await;
                }
            }
            (_, 12) => self.delete_many().await,
            (_, 13) => self.copy(key).await,
            (_, 14) => {
                let change = FacetChange::Tags(vec![("n".to_owned(), number.to_string())]);
                let changed = self
                    .node
                    .change_object(&place(key), None, change, Guards::default())
                    .await;
                assert!(matches!(changed, Ok(_) | Err(NodeError::Refused(_))));
            }
            (_, 15) => self.put_that_fails(key).await,
            _ => self.upload(key).await,
        }
        false
    }

    async fn versioning(&mut self, versioning: Versioning) {
        let change = Change::Versioning(versioning);
        self.node.configure_bucket(BUCKET, change).await.unwrap();
    }

    async fn delete(&self, key: &str, version: Option<VersionId>) {
        let ask = DeleteObject {
            version,
            ..DeleteObject::default()
        };
        let deleted = self
            .node
            .delete_object(&place(key), &ask, Guards::default())
            .await;
        deleted.unwrap();
    }

    async fn delete_many(&mut self) {
        let keys = KEYS[..3].iter().map(|key| DeleteKey {
            key: key.parse().unwrap(),
            ask: DeleteObject::default(),
            creator: None,
            stands: None,
        });
        let keys = keys.collect();
        self.node.delete_objects(BUCKET, keys).await.unwrap();
    }

    async fn copy(&mut self, key: &str) {
        let to = KEYS[self.dice.below(KEYS.len())];
        let read = CopyRead {
            place: place(key),
            guards: Guards::default(),
        };
        let source = CopySource {
            bucket: "abc".parse().unwrap(),
            key: key.parse().unwrap(),
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
        let copied = self
            .node
            .copy_object(read, &place(to), ask, by("key"))
            .await;
        assert!(matches!(copied, Ok(_) | Err(NodeError::Refused(_))));
    }

    /// Chunks of it are written, and then given up.
    async fn put_that_fails(&mut self, key: &str) {
        self.seed += 1;
        let ask = PutObject {
            length: Some(1_300_001),
            ..PutObject::default()
        };
        let content = bytes(self.seed, 1_300_000);
        let got = self
            .node
            .put_object(&place(key), ask, by("key"), body(content))
            .await;
        assert!(got.is_err());
    }

    /// The next thing that uploads may do: begin, a part, the same part again, the end.
    async fn upload(&mut self, key: &str) {
        if self.uploads.len() < 2 {
            let ask = CreateMultipartUpload::default();
            let begun = self.node.create_upload(&place(key), ask, by("key")).await;
            let upload = begun.unwrap().upload;
            self.uploads.push((key.to_owned(), upload, Vec::new()));
            return;
        }
        let which = self.dice.below(2);
        let turn = self.dice.below(6);
        let size = [5_000, 1_500_000, 90_000][self.dice.below(3)];
        self.seed += 1;
        let content = bytes(self.seed, size);
        let (key, upload, parts) = &mut self.uploads[which];
        let at = place(key);
        if turn < 4 {
            let number = u16::try_from(turn % 2 + 1).unwrap();
            let ask = UploadPart {
                upload: *upload,
                part_number: number,
                length: None,
                digests: PayloadDigests::default(),
                customer_key: None,
            };
            let part = self
                .node
                .upload_part(&at, ask, Guards::default(), body(content))
                .await
                .unwrap();
            parts.retain(|part| part.number != number);
            parts.push(CompletedPart {
                number,
                etag: part.etag.to_string(),
                checksums: Vec::new(),
            });
            parts.sort_by_key(|part| part.number);
            return;
        }
        let (_, upload, parts) = self.uploads.remove(which);
        if turn == 4 || parts.is_empty() {
            let aborted = self.node.abort_upload(&at, upload, Guards::default()).await;
            aborted.unwrap();
            return;
        }
        let ask = CompleteMultipartUpload {
            upload,
            checksum: None,
            checksum_kind: None,
            object_size: None,
            conditions: Conditions::default(),
            customer_key: None,
        };
        let completed = self
            .node
            .complete_upload(&at, ask, parts, Guards::default())
            .await;
        completed.unwrap();
    }
}

fn hash(bytes: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    hasher.finish()
}

/// Everything that a client can see.
async fn observe(node: &Node) -> State {
    let Ok(stats) = node.bucket_stats(BUCKET).await else {
        return Vec::new();
    };
    let versioning = node.bucket_configuration(BUCKET).await.unwrap().versioning;
    let mut state = vec![format!("{versioning:?}")];
    let (mut count, mut total) = (0, 0);
    let (lines, _) = versions_listed(node, "", None, 1_000).await;
    for (key, version, is_latest, size) in lines {
        count += 1;
        total += size.unwrap_or(0) as u64;
        let mut line = format!("{key:?} {version} {is_latest} {size:?}");
        if size.is_some() {
            let (_, content) = get_version(node, &key, version).await.unwrap();
            let facets = node
                .object_facets(&place(&key), Some(version), Guards::default())
                .await
                .unwrap();
            line += &format!(" {:x} {:?}", hash(&content), facets.tags);
        }
        state.push(line);
    }
    assert_eq!((stats.objects, stats.bytes), (count, total));
    let all = ListMultipartUploads {
        prefix: String::new(),
        delimiter: None,
        max_uploads: 1_000,
        encoding: Encoding::Plain,
        key_marker: None,
        upload_id_marker: None,
    };
    for entry in node.list_uploads(BUCKET, &all).await.unwrap().entries {
        let ask = ListParts {
            upload: entry.upload,
            max_parts: 1_000,
            after: 0,
        };
        let at = place(entry.key.as_str());
        let parts = node.list_parts(&at, &ask, Guards::default()).await.unwrap();
        let parts: Vec<_> = parts
            .entries
            .iter()
            .map(|part| (part.number, part.size, part.etag.to_string()))
            .collect();
        state.push(format!(
            "{:?} {} {parts:?}",
            entry.key.as_str(),
            entry.upload
        ));
    }
    state
}

/// Waits until what the start had to say is said, and everything is in the index.
async fn at_rest(node: &Node) {
    let nowhere = DeleteKey {
        key: "key".parse().unwrap(),
        ask: DeleteObject::default(),
        creator: None,
        stands: None,
    };
    // What was told to the writer before this is done when this is refused.
    let refused = node.delete_objects(BucketId(0xdead), vec![nowhere]).await;
    assert!(refused.is_err());
    for _ in 0..2_000 {
        if node.is_settled() {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(2)).await;
    }
    panic!("it never settled");
}

/// Runs the workload on a traced disk.
async fn run(root: &Path, disk: &Faults, seed: u64, house: House) -> Vec<Done> {
    disk.trace();
    let node = Node::open(options_at(root, disk, house)).unwrap();
    let mut work = Workload {
        node,
        dice: Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1),
        uploads: Vec::new(),
        seed,
    };
    let mut done = vec![Done {
        began: 0,
        ended: 0,
        state: Vec::new(),
        compacts: false,
    }];
    for number in 0..STEPS {
        let began = disk.moment();
        if number == DRAINED_FROM && house == House::Disks {
            work.node.close().await;
            let options = options_at(root, disk, House::Draining);
            work.node = Node::open(options).unwrap();
        }
        let compacts = work.step(number).await;
        let ended = disk.moment();
        let state = observe(&work.node).await;
        done.push(Done {
            began,
            ended,
            state,
            compacts,
        });
    }
    work.node.close().await;
    done
}

/// What may be seen after a cut at a moment: what was acknowledged, and what was under way, as a whole or not at all.
fn allowed(done: &[Done], moment: usize) -> Vec<&State> {
    let last = done.iter().rposition(|step| step.ended <= moment).unwrap();
    let under_way = done.get(last + 1).filter(|step| step.began < moment);
    let mut allowed = vec![&done[last].state];
    allowed.extend(under_way.map(|step| &step.state));
    allowed
}

/// Opens what a cut left, with its index and without.
async fn check(image: &Path, house: House, allowed: &[&State], what: &str) {
    let mut seen = None;
    for rebuilt in [false, true] {
        if rebuilt {
            drop(std::fs::remove_file(image.join("node/index.redb")));
        }
        let options = options_at(image, &Faults::default(), house);
        let node = Node::open(options).unwrap_or_else(|error| panic!("{what}: {error}"));
        assert!(node.stats().damage.is_empty(), "{what}: {:?}", node.stats());
        at_rest(&node).await;
        let state = observe(&node).await;
        match &seen {
            None => assert!(
                allowed.contains(&&state),
                "{what}: {state:#?}\nis none of {allowed:#?}"
            ),
            Some(seen) => assert_eq!(&state, seen, "{what}: from the volumes alone"),
        }
        let verified = node.verify(Rate(None)).await.unwrap();
        assert!(verified.is_sound(), "{what}, {rebuilt}: {verified:#?}");
        node.close().await;
        seen = Some(state);
    }
}

/// The power is cut again while the node comes up from what a cut has left.
async fn cut_again(image: &Path, house: House, allowed: &[&State], what: &str) {
    let disk = Faults::default();
    let mut state = Disk::load(image).unwrap();
    disk.trace();
    let draining = match house {
        House::Alone => House::Alone,
        House::Disks | House::Draining => House::Draining,
    };
    let node = Node::open(options_at(image, &disk, draining)).unwrap();
    at_rest(&node).await;
    node.close().await;
    for part in 1..=3 {
        let moment = disk.moment() * part / 3;
        state.advance(&disk, moment);
        let second = tempfile::tempdir().unwrap();
        let torn = Loss::Some(moment as u64);
        state.cut(torn, image, second.path()).unwrap();
        let what = format!("{what}, and again at {moment}");
        check(second.path(), house, allowed, &what).await;
    }
}

/// Moments to be tried: in a short run all that the log is told while it is compacted, and some of the others.
fn moments(disk: &Faults, done: &[Done], long: bool) -> Vec<usize> {
    let mut chosen = Vec::new();
    let compacting = |moment: usize| {
        let mut steps = done.iter().filter(|step| step.compacts);
        steps.any(|step| (step.began..=step.ended + 2).contains(&moment))
    };
    for moment in 1..=disk.moment() {
        let told = disk.told_at(moment - 1).unwrap();
        let every = match (compacting(moment), told.contains("index.redb")) {
            _ if long => 1,
            (true, false) => 1,
            (true, true) => 37,
            (false, false) => 11,
            (false, true) => 97,
        };
        let is_rare = told.starts_with("removed") || told.starts_with("flushed index");
        let of_disks = told.ends_with(" disk") || told.ends_with(" disk.new");
        if moment % every == 0 || of_disks || (is_rare && compacting(moment)) {
            chosen.push(moment);
        }
    }
    chosen
}

#[tokio::test(flavor = "multi_thread")]
async fn a_power_cut_at_any_write_loses_nothing_that_was_acknowledged() {
    let met = cut_everywhere(House::Alone).await;
    assert!(!met.contains("renamed disk"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_power_cut_of_two_disks_loses_nothing_while_one_of_them_is_emptied() {
    let met = cut_everywhere(House::Disks).await;
    assert!(met.contains("renamed disk"), "{met:?}");
}

/// Cuts the power at moments of a workload, and tells what was done in them while it was compacted.
async fn cut_everywhere(house: House) -> BTreeSet<String> {
    let long = is_long();
    let mut all = BTreeSet::new();
    for seed in 1..=if long { 5 } else { 1 } {
        let root = tempfile::tempdir().unwrap();
        let (dir, disk) = (root.path(), Faults::default());
        let done = run(dir, &disk, seed, house).await;
        let chosen = moments(&disk, &done, long);
        let mut met = BTreeSet::new();
        let mut state = Disk::default();
        for moment in &chosen {
            state.advance(&disk, *moment);
            let told = disk.told_at(*moment - 1).unwrap();
            if done
                .iter()
                .any(|step| step.compacts && (step.began..=step.ended).contains(moment))
            {
                let (what, name) = told.rsplit_once(' ').unwrap();
                let name = name.split('.').next_back().unwrap();
                met.insert(format!("{what} {name}"));
            }
            let torn = Loss::Some(seed << 32 | *moment as u64);
            let losses: &[Loss] = match (long, moment % 3) {
                (true, _) => &[Loss::All, Loss::None, torn],
                (false, 0) => &[Loss::All],
                (false, _) => &[torn],
            };
            for loss in losses {
                let image = tempfile::tempdir().unwrap();
                state.cut(*loss, dir, image.path()).unwrap();
                let what = format!("seed {seed}, moment {moment} ({told}), {loss:?}");
                let allowed = allowed(&done, *moment);
                check(image.path(), house, &allowed, &what).await;
                if moment % if long { 7 } else { 41 } == 0 {
                    let image = tempfile::tempdir().unwrap();
                    state.cut(*loss, dir, image.path()).unwrap();
                    cut_again(image.path(), house, &allowed, &what).await;
                }
            }
        }
        for step in [
            "wrote vol",
            "flushed vol",
            "wrote redb",
            "flushed redb",
            "removed vol",
            "folder flushed volumes",
        ] {
            assert!(met.contains(step), "no cut after `{step}`: {met:?}");
        }
        all.extend(met);
    }
    all
}
