//! A node over several disks: where volumes go, what is refused when a disk is missing, swapped or another's, what one that fails or
//! fills up leaves to the others, and how one is emptied and taken out.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::support::*;
use s3_protocol::call::DeleteObject;
use storage_node::{
    Compaction, DiskUse, Faults, Guards, Node, NodeDisk, NodeError, NodeOptions, OpenError, Rate,
};

/// What is emptied for being garbage by half; and what is to be emptied in any case.
const HALF: Compaction = Compaction {
    garbage_per_mille: 500,
    bytes_per_second: None,
};
const ALL: Compaction = Compaction {
    garbage_per_mille: 0,
    bytes_per_second: None,
};
const MIB: u64 = 1 << 20;

/// A node's folder and those of its disks, below one root.
pub(crate) struct House {
    root: tempfile::TempDir,
    disks: Vec<NodeDisk>,
    free: BTreeMap<PathBuf, Arc<AtomicU64>>,
}

impl House {
    /// With a folder for each disk.
    pub(crate) fn with(names: &[&str]) -> Self {
        let mut house = Self {
            root: tempfile::tempdir().unwrap(),
            disks: Vec::new(),
            free: BTreeMap::new(),
        };
        for name in names {
            house.add(name);
        }
        house
    }

    fn add(&mut self, name: &str) {
        let path = self.path(name);
        fs::create_dir_all(&path).unwrap();
        let free = Arc::new(AtomicU64::new(64 * MIB));
        let asked = Arc::clone(&free);
        self.disks.push(NodeDisk {
            free_bytes: Some(Arc::new(move || Some(asked.load(Ordering::Relaxed)))),
            ..NodeDisk::new(&path)
        });
        self.free.insert(path, free);
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    pub(crate) fn disk(&mut self, name: &str) -> &mut NodeDisk {
        let path = self.path(name);
        self.disks.iter_mut().find(|it| it.path == path).unwrap()
    }

    fn forget(&mut self, name: &str) {
        let path = self.path(name);
        self.disks.retain(|it| it.path != path);
    }

    pub(crate) fn has_free(&self, name: &str, bytes: u64) {
        self.free[&self.path(name)].store(bytes, Ordering::Relaxed);
    }

    pub(crate) fn faults(&mut self, name: &str) -> Faults {
        self.disk(name).faults.clone()
    }

    pub(crate) fn options(&self) -> NodeOptions {
        NodeOptions {
            disks: self.disks.clone(),
            volume_bytes: 256 * 1_024,
            reserve_bytes: MIB,
            ..options(&self.path("node"))
        }
    }

    async fn open(&self) -> Node {
        let node = Node::open(self.options()).unwrap();
        node.create_bucket(BUCKET).await.unwrap();
        node
    }

    /// Why it does not open; nothing that stands anywhere was changed.
    fn refused(&self) -> String {
        let before = self.files();
        let refused = Node::open(self.options()).map(drop);
        let Err(OpenError::Disk { path, what }) = refused else {
            panic!("not refused for a disk: {refused:?}");
        };
        assert_eq!(self.files(), before, "{what}");
        format!(
            "{}: {what}",
            path.strip_prefix(self.root.path())
                .unwrap_or(&path)
                .display()
        )
    }

    /// Every file but locks, with a sum of its contents.
    fn files(&self) -> BTreeMap<PathBuf, u64> {
        let (mut found, mut folders) = (BTreeMap::new(), vec![self.root.path().to_owned()]);
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else if path.file_name().unwrap() != "lock" {
                    let sum = fs::read(&path).unwrap().iter().fold(7_u64, |sum, byte| {
                        sum.wrapping_mul(31).wrapping_add(u64::from(*byte))
                    });
                    found.insert(path, sum);
                }
            }
        }
        found
    }

    /// Volumes that have something in them, on a disk.
    fn volumes(&self, name: &str) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.path(name).join("volumes")).into_iter();
        let mut volumes: Vec<PathBuf> = entries
            .flatten()
            .map(|entry| entry.unwrap().path())
            .filter(|path| fs::read(path).unwrap().iter().any(|byte| *byte != 0))
            .collect();
        volumes.sort();
        volumes
    }
}

fn used(node: &Node, name: &str) -> DiskUse {
    let mut disks = node.stats().disks.into_iter();
    disks.find(|it| it.path.ends_with(name)).unwrap()
}

type Objects = BTreeMap<String, Vec<u8>>;

async fn fill(node: &Node, objects: &mut Objects, names: std::ops::Range<u64>) {
    for n in names {
        let (key, content) = (format!("k{n:03}"), bytes(n, 60_000));
        put(node, &key, &content).await.unwrap();
        objects.insert(key, content);
    }
}

async fn holds(node: &Node, objects: &Objects) {
    let listed = list_all(node, "", None, 1_000).await.entries;
    let keys: Vec<&str> = listed.iter().map(|entry| entry.key.as_str()).collect();
    let expected: Vec<&str> = objects.keys().map(String::as_str).collect();
    assert_eq!(keys, expected);
    for (key, content) in objects {
        assert!(get(node, key).await.unwrap().1 == *content, "{key}");
    }
}

async fn is_sound(node: &Node) {
    settled(node).await;
    let verified = node.verify(Rate(None)).await.unwrap();
    assert!(verified.is_sound(), "{verified:#?}");
    let scrubbed = node.scrub(Rate(None)).await.unwrap();
    assert!(scrubbed.flaws.is_empty(), "{scrubbed:#?}");
}

/// Opened with its index, and from the volumes alone.
async fn opens_twice(house: &House, objects: &Objects) {
    for rebuilt in [false, true] {
        if rebuilt {
            fs::remove_file(house.path("node/index.redb")).unwrap();
        }
        let node = house.open().await;
        assert!(node.stats().damage.is_empty(), "{:?}", node.stats().damage);
        holds(&node, objects).await;
        is_sound(&node).await;
        node.close().await;
    }
}

#[tokio::test]
async fn a_volume_goes_to_the_disk_with_the_most_room_and_everything_works_over_all_of_them() {
    let house = House::with(&["a", "b", "c"]);
    let node = house.open().await;
    let mut objects = Objects::new();
    for (turn, roomy) in ["a", "b", "c", "b"].into_iter().enumerate() {
        for name in ["a", "b", "c"] {
            house.has_free(name, if name == roomy { 60 } else { 30 } * MIB);
        }
        let before = used(&node, roomy).volumes;
        fill(&node, &mut objects, turn as u64 * 20..turn as u64 * 20 + 20).await;
        // One was prepared where there was most room before.
        assert!(
            used(&node, roomy).volumes >= before + 3,
            "{:#?}",
            node.stats().disks
        );
    }
    let disks = node.stats().disks;
    assert_eq!(disks.len(), 4);
    let volumes = node.volumes().unwrap();
    for (number, disk) in disks.iter().enumerate() {
        let on_it = volumes.iter().filter(|volume| volume.disk == number);
        assert_eq!(on_it.count() as u64, disk.volumes);
    }
    assert_eq!(
        (used(&node, "node").volumes, used(&node, "node").drains),
        (0, true)
    );
    assert!(house.volumes("node").is_empty());
    let mode = fs::metadata(house.path("a/volumes")).unwrap();
    assert_eq!(mode.permissions().mode() & 0o777, 0o700);
    for n in 0..30_u64 {
        let key = format!("k{n:03}");
        node.delete_object(&place(&key), &DeleteObject::default(), Guards::default())
            .await
            .unwrap();
        objects.remove(&key);
    }
    settled(&node).await;
    assert!(node.compact(HALF).await.unwrap().volumes > 3);
    holds(&node, &objects).await;
    is_sound(&node).await;

    // A backup has them all in one folder, which is a node by itself.
    let copy = house.path("copy");
    let made = node.backup(&copy, Rate(None)).await.unwrap();
    assert_eq!(
        made.linked + made.copied,
        node.volumes().unwrap().len() as u64
    );
    let ends = node.volume_ends();
    for end in &ends {
        let read = node.read_volume(end, 0, 1 << 20).await.unwrap();
        assert_eq!(read.len() as u64, end.flushed_bytes);
    }
    node.close().await;
    let single = Node::open(options(&copy)).unwrap();
    holds(&single, &objects).await;
    single.close().await;
    opens_twice(&house, &objects).await;
    let rebuilt = Node::rebuild_index(house.options()).unwrap();
    assert_eq!(rebuilt.objects as usize, objects.len());
    // Nobody says where the disks are: they are where they were.
    let rebuilt = Node::rebuild_index(options(&house.path("node"))).unwrap();
    assert_eq!(rebuilt.objects as usize, objects.len());
    opens_twice(&house, &objects).await;
}

#[tokio::test]
async fn a_node_gets_disks_one_after_the_other_and_its_own_folder_is_emptied() {
    let mut house = House::with(&[]);
    let mut objects = Objects::new();
    let node = house.open().await;
    fill(&node, &mut objects, 0..10).await;
    node.close().await;
    // As long as it has its own folder alone there is no file that says so.
    assert!(!house.path("node/disk").exists());
    assert!(!house.volumes("node").is_empty());

    house.add("a");
    let node = house.open().await;
    holds(&node, &objects).await;
    fill(&node, &mut objects, 10..20).await;
    assert!(used(&node, "/a").volumes > 0 && used(&node, "/node").volumes > 0);
    let left = used(&node, "/node").left_bytes();
    assert!(left > 500_000, "{left}");
    node.compact(HALF).await.unwrap();
    assert_eq!(used(&node, "/node").volumes, 0);
    assert!(house.volumes("node").is_empty());
    holds(&node, &objects).await;
    node.close().await;
    opens_twice(&house, &objects).await;

    // Its own folder takes volumes where it is named.
    house.add("node");
    house.add("b");
    house.disk("a").drain = true;
    let node = house.open().await;
    assert!(!used(&node, "/node").drains);
    fill(&node, &mut objects, 20..40).await;
    node.compact(HALF).await.unwrap();
    assert_eq!(used(&node, "/a").volumes, 0);
    holds(&node, &objects).await;
    node.close().await;
    opens_twice(&house, &objects).await;
}

#[tokio::test]
async fn a_disk_that_was_moved_is_known_and_one_that_is_not_there_is_never_an_empty_one() {
    let mut house = House::with(&["a", "b"]);
    let node = house.open().await;
    let mut objects = Objects::new();
    for (roomy, other, from) in [("a", "b", 0), ("b", "a", 10), ("a", "b", 20)] {
        house.has_free(roomy, 60 * MIB);
        house.has_free(other, 30 * MIB);
        fill(&node, &mut objects, from..from + 10).await;
    }
    node.close().await;
    let (a, b, away) = (house.path("a"), house.path("b"), house.path("away"));

    // Not mounted: an empty folder in its place, or none.
    fs::rename(&b, &away).unwrap();
    let said = house.refused();
    assert!(
        said.starts_with("b: ") && said.contains("mount it"),
        "{said}"
    );
    fs::create_dir(&b).unwrap();
    let said = house.refused();
    assert!(
        said.starts_with("b: ") && said.contains("mount it"),
        "{said}"
    );
    assert!(fs::read_dir(&b).unwrap().next().is_none());
    let rebuilt = Node::rebuild_index(house.options()).map(drop);
    assert!(
        matches!(rebuilt, Err(OpenError::Disk { .. })),
        "{rebuilt:?}"
    );
    // Another folder with its file alone, which is how a disk looks whose volumes are gone: the log itself misses them.
    fs::copy(away.join("disk"), b.join("disk")).unwrap();
    fs::create_dir(b.join("volumes")).unwrap();
    let index = house.path("node/index.redb");
    let kept = fs::read(&index).unwrap();
    let refused = Node::open(house.options()).map(drop);
    assert!(
        matches!(refused, Err(OpenError::Damaged { .. })),
        "{refused:?}"
    );
    fs::write(&index, kept).unwrap();
    fs::remove_dir_all(&b).unwrap();

    // At another path, and the two of them swapped.
    house.disk("b").path = away.clone();
    opens_twice(&house, &objects).await;
    house.disks[0].path = away.clone();
    house.disks[1].path = a.clone();
    opens_twice(&house, &objects).await;
    // One of them twice, by two names.
    std::os::unix::fs::symlink(&a, &b).unwrap();
    house.add("b");
    let said = house.refused();
    assert!(said.contains("the same disk as"), "{said}");
    fs::remove_file(&b).unwrap();
    let copied = std::process::Command::new("cp")
        .arg("-a")
        .args([&a, &b])
        .status();
    assert!(copied.unwrap().success());
    let said = house.refused();
    assert!(said.contains("the same disk as"), "{said}");
    house.forget("b");
    fs::remove_dir_all(&b).unwrap();

    // Taken out of the options while it holds volumes.
    house.disks.pop();
    let said = house.refused();
    assert!(said.contains("node.drain"), "{said}");
    house.disks.clear();
    let said = house.refused();
    assert!(said.contains("node.drain"), "{said}");

    // A folder that is not empty, and a disk of another node.
    house.disks = vec![NodeDisk::new(&a), NodeDisk::new(&away)];
    house.add("c");
    fs::write(house.path("c/precious"), b"1").unwrap();
    let said = house.refused();
    assert!(
        said.starts_with("c: ") && said.contains("precious"),
        "{said}"
    );
    let other = House::with(&["theirs"]);
    other.open().await.close().await;
    house.disk("c").path = other.path("theirs");
    let said = house.refused();
    assert!(said.contains("disk of node"), "{said}");
    assert!(other.open().await.ready_for_writes().is_ok());
    house.disks.pop();
    // A file that says nothing any more.
    let file = away.join("disk");
    let kept = fs::read(&file).unwrap();
    fs::write(&file, &kept[..kept.len() - 1]).unwrap();
    let said = house.refused();
    assert!(said.contains("damaged"), "{said}");
    fs::remove_file(&file).unwrap();
    let said = house.refused();
    assert!(said.contains("mount it"), "{said}");
    fs::write(&file, kept).unwrap();
    opens_twice(&house, &objects).await;
}

#[tokio::test]
async fn a_node_whose_own_folder_is_gone_says_so_and_its_index_is_built_from_the_disks() {
    let house = House::with(&["a", "b"]);
    let node = house.open().await;
    let mut objects = Objects::new();
    fill(&node, &mut objects, 0..30).await;
    node.close().await;
    fs::remove_dir_all(house.path("node")).unwrap();
    fs::create_dir(house.path("node")).unwrap();
    let said = house.refused();
    assert!(said.contains("rebuild-index"), "{said}");
    let rebuilt = Node::rebuild_index(house.options()).unwrap();
    assert_eq!(rebuilt.objects, 30);
    opens_twice(&house, &objects).await;
}

#[tokio::test]
async fn volumes_without_a_file_that_says_whose_they_are_are_taken_in_by_a_rebuild_alone() {
    let house = House::with(&["a", "b"]);
    let node = house.open().await;
    let mut objects = Objects::new();
    fill(&node, &mut objects, 0..30).await;
    let copy = house.path("copy");
    node.backup(&copy, Rate(None)).await.unwrap();
    node.close().await;
    // The file of a disk is lost; what is on it is the node's all the same.
    fs::remove_file(house.path("a/disk")).unwrap();
    let said = house.refused();
    assert!(said.starts_with("a: "), "{said}");
    let rebuilt = Node::rebuild_index(house.options()).unwrap();
    assert_eq!(rebuilt.objects, 30);
    opens_twice(&house, &objects).await;

    // A copy that is spread over new disks, and a folder that has nothing but that.
    let other = House::with(&["c", "d"]);
    fs::create_dir_all(other.path("node")).unwrap();
    for (number, entry) in fs::read_dir(copy.join("volumes")).unwrap().enumerate() {
        let from = entry.unwrap().path();
        let to = other.path(["c", "d"][number % 2]).join("volumes");
        fs::create_dir_all(&to).unwrap();
        fs::copy(&from, to.join(from.file_name().unwrap())).unwrap();
    }
    let said = other.refused();
    assert!(said.contains("rebuild-index"), "{said}");
    let rebuilt = Node::rebuild_index(other.options()).unwrap();
    assert_eq!(rebuilt.objects, 30);
    opens_twice(&other, &objects).await;
    // Volumes of another node are taken in by nobody.
    fs::remove_file(other.path("d/disk")).unwrap();
    let strangers = House::with(&["d"]);
    strangers.open().await.close().await;
    for entry in fs::read_dir(strangers.path("d/volumes")).unwrap() {
        let from = entry.unwrap().path();
        let to = other.path("d/volumes").join("000000ff.vol");
        fs::copy(&from, to).unwrap();
    }
    fs::remove_dir_all(strangers.path("d")).unwrap();
    let refused = Node::rebuild_index(other.options()).map(drop);
    assert!(
        matches!(refused, Err(OpenError::Foreign { .. })),
        "{refused:?}"
    );
}

#[tokio::test]
async fn a_disk_is_emptied_and_then_taken_out() {
    let mut house = House::with(&["a", "b"]);
    let node = house.open().await;
    let mut objects = Objects::new();
    house.has_free("a", 30 * MIB);
    fill(&node, &mut objects, 0..20).await;
    house.has_free("b", 20 * MIB);
    fill(&node, &mut objects, 20..40).await;
    node.close().await;

    house.disk("b").drain = true;
    let node = house.open().await;
    let before = used(&node, "/b");
    assert!(before.drains && before.left_bytes() > 300_000, "{before:?}");
    fill(&node, &mut objects, 40..50).await;
    assert_eq!(used(&node, "/b").volumes, before.volumes);
    // Stopped on its way: it goes on later, and until then the disk may not go.
    node.close().await;
    let kept = house.disks.clone();
    house.forget("b");
    let said = house.refused();
    assert!(
        said.starts_with("b: ") && said.contains("node.drain"),
        "{said}"
    );
    house.disks = kept;
    let node = house.open().await;
    let done = node.compact(HALF).await.unwrap();
    assert!(done.moved_bytes > 300_000, "{done:?}");
    assert_eq!(used(&node, "/b").volumes, 0);
    assert_eq!(used(&node, "/b").left_bytes(), 0);
    assert!(house.volumes("b").is_empty());
    holds(&node, &objects).await;
    node.close().await;
    house.forget("b");
    fs::remove_dir_all(house.path("b")).unwrap();
    opens_twice(&house, &objects).await;

    // A disk that was emptied comes back, as it is or made anew.
    house.add("b");
    opens_twice(&house, &objects).await;
    // With nothing but disks that are to be emptied there is no place for anything.
    house.disk("a").drain = true;
    house.disk("b").drain = true;
    assert!(house.refused().contains("every disk"));
    house.disk("b").drain = false;
    let node = house.open().await;
    node.compact(HALF).await.unwrap();
    node.close().await;
    house.forget("a");
    opens_twice(&house, &objects).await;
}

#[tokio::test]
async fn a_full_disk_leaves_the_writes_to_the_other_and_both_keep_their_reserve() {
    let house = House::with(&["a", "b"]);
    house.has_free("b", 30 * MIB);
    let node = house.open().await;
    let mut objects = Objects::new();
    fill(&node, &mut objects, 0..5).await;
    // What the volume may still take is there: its disk is at the reserve all the same.
    house.has_free("a", MIB - 1);
    house.has_free("b", 2 * MIB);
    node.look_at_space();
    let before = used(&node, "/a").bytes;
    fill(&node, &mut objects, 5..20).await;
    assert_eq!(used(&node, "/a").bytes, before);
    assert!(used(&node, "/b").volumes > 0);
    assert!(node.ready_for_writes().is_ok());
    house.has_free("b", MIB - 1);
    node.look_at_space();
    assert!(matches!(node.ready_for_writes(), Err(NodeError::Full)));
    // Deletions, and compaction, are taken.
    for n in 0..6 {
        let key = format!("k{n:03}");
        node.delete_object(&place(&key), &DeleteObject::default(), Guards::default())
            .await
            .unwrap();
        objects.remove(&key);
    }
    house.has_free("a", 3 * MIB);
    node.look_at_space();
    fill(&node, &mut objects, 20..24).await;
    holds(&node, &objects).await;
    node.close().await;
    opens_twice(&house, &objects).await;
}

#[tokio::test]
async fn a_disk_is_not_emptied_into_the_reserve_of_the_others() {
    let mut house = House::with(&["a", "b"]);
    house.has_free("b", 30 * MIB);
    let node = house.open().await;
    let mut objects = Objects::new();
    fill(&node, &mut objects, 0..20).await;
    node.close().await;
    house.disk("a").drain = true;
    house.has_free("b", MIB + 100_000);
    let node = house.open().await;
    let before = used(&node, "/a").bytes;
    house.has_free("b", MIB - 1);
    node.look_at_space();
    let stopped = node.compact(HALF).await;
    assert!(matches!(stopped, Err(NodeError::Full)), "{stopped:?}");
    assert!(used(&node, "/a").bytes >= before - 300_000);
    house.has_free("b", 30 * MIB);
    node.look_at_space();
    node.compact(HALF).await.unwrap();
    assert_eq!(used(&node, "/a").volumes, 0);
    holds(&node, &objects).await;
    node.close().await;
    opens_twice(&house, &objects).await;
}

#[tokio::test]
async fn a_disk_whose_flush_fails_leaves_the_log_to_the_other_one() {
    for is_stuck in [false, true] {
        let mut house = House::with(&["a", "b"]);
        house.has_free("a", 60 * MIB);
        house.has_free("b", 30 * MIB);
        let disk = house.faults("a");
        let node = house.open().await;
        let mut objects = Objects::new();
        fill(&node, &mut objects, 0..10).await;
        disk.set(true);
        disk.set_stuck(is_stuck);
        let lost = put(&node, "lost", &bytes(99, 3_000)).await;
        assert!(matches!(lost, Err(NodeError::Log(_))), "{lost:?}");
        // The next write is taken by the other disk, while this one fails still.
        fill(&node, &mut objects, 10..30).await;
        assert!(used(&node, "/a").has_failed && !used(&node, "/b").has_failed);
        assert!(used(&node, "/b").volumes > 3, "{:#?}", node.stats().disks);
        assert!(node.ready_for_writes().is_ok());
        assert_eq!(
            code(get(&node, "lost").await),
            s3_protocol::S3Code::NoSuchKey
        );
        holds(&node, &objects).await;
        // What is compacted meanwhile must not take away what says where the volume that failed ends.
        let failed = node.volumes().unwrap();
        let failed = failed.iter().rfind(|it| it.disk == 1).unwrap().number;
        for n in 0..25_u64 {
            let key = format!("k{n:03}");
            let gone = place(&key);
            node.delete_object(&gone, &DeleteObject::default(), Guards::default())
                .await
                .unwrap();
            objects.remove(&key);
        }
        settled(&node).await;
        let done = node.compact(ALL).await.unwrap();
        let left = node.volumes().unwrap();
        let has_next = left.iter().any(|it| it.number == failed + 1);
        assert_eq!(has_next, is_stuck, "{done:?}");
        assert_eq!(done.held > 0, is_stuck, "{done:?}");
        let copy = house.path("copy");
        node.backup(&copy, Rate(None)).await.unwrap();
        node.close().await;
        disk.set(false);
        disk.set_stuck(false);
        let copied = Node::open(house_options(&copy)).unwrap();
        holds(&copied, &objects).await;
        copied.compact(ALL).await.unwrap();
        copied.close().await;
        fs::remove_file(copy.join("index.redb")).unwrap();
        let copied = Node::open(house_options(&copy)).unwrap();
        holds(&copied, &objects).await;
        copied.close().await;
        // The disk is well again: what was not cut is cut, and the next volume may go.
        opens_twice(&house, &objects).await;
        let node = house.open().await;
        assert!(!used(&node, "/a").has_failed);
        assert_eq!(node.compact(ALL).await.unwrap().held, 0);
        node.close().await;
        opens_twice(&house, &objects).await;
    }
}

fn house_options(dir: &Path) -> NodeOptions {
    NodeOptions {
        volume_bytes: 256 * 1_024,
        ..options(dir)
    }
}

#[tokio::test]
async fn what_failed_and_could_not_be_cut_is_cut_before_the_volume_after_it_goes() {
    let mut house = House::with(&["a", "b"]);
    house.has_free("a", 60 * MIB);
    house.has_free("b", 30 * MIB);
    let disk = house.faults("a");
    let node = house.open().await;
    let mut objects = Objects::new();
    fill(&node, &mut objects, 0..2).await;
    disk.set(true);
    disk.set_stuck(true);
    put(&node, "lost", &bytes(99, 3_000)).await.unwrap_err();
    fill(&node, &mut objects, 2..4).await;
    node.close().await;
    let failed = house.volumes("a").pop().unwrap();
    let text = fs::read_to_string(house.path("node/disk")).unwrap();
    assert!(text.contains("\nuncut "), "{text}");
    let was = fs::metadata(&failed).unwrap().len();
    // The disk cannot be cut still: the node works, and says the same.
    house.has_free("a", 20 * MIB);
    let node = house.open().await;
    fill(&node, &mut objects, 4..30).await;
    node.close().await;
    let text = fs::read_to_string(house.path("b/disk")).unwrap();
    assert!(text.contains("\nuncut "), "{text}");
    disk.set(false);
    disk.set_stuck(false);
    house.open().await.close().await;
    assert!(fs::metadata(&failed).unwrap().len() < was);
    let text = fs::read_to_string(house.path("node/disk")).unwrap();
    assert!(!text.contains("uncut"), "{text}");
    opens_twice(&house, &objects).await;
}

#[tokio::test]
async fn where_every_disk_fails_the_node_only_reads() {
    let mut house = House::with(&["a", "b"]);
    let (a, b) = (house.faults("a"), house.faults("b"));
    let node = house.open().await;
    let mut objects = Objects::new();
    fill(&node, &mut objects, 0..10).await;
    for disk in [&a, &b] {
        disk.set(true);
        disk.set_stuck(true);
    }
    for n in 0..3 {
        put(&node, "lost", &bytes(n, 3_000)).await.unwrap_err();
    }
    assert!(matches!(node.ready_for_writes(), Err(NodeError::ReadOnly)));
    holds(&node, &objects).await;
    node.close().await;
    for disk in [&a, &b] {
        disk.set(false);
        disk.set_stuck(false);
    }
    let node = house.open().await;
    holds_or_also(&node, &mut objects, "lost").await;
    fill(&node, &mut objects, 10..20).await;
    node.close().await;
    opens_twice(&house, &objects).await;
}

/// What was not acknowledged may be there after a start, as a whole.
async fn holds_or_also(node: &Node, objects: &mut Objects, key: &str) {
    if let Ok((_, content)) = get(node, key).await {
        assert!((0..3).any(|n| content == bytes(n, 3_000)));
        objects.insert(key.to_owned(), content.to_vec());
    }
    holds(node, objects).await;
}

#[tokio::test]
async fn what_one_disk_does_not_read_is_an_error_for_its_objects_alone() {
    let house = House::with(&["a", "b"]);
    house.has_free("a", 60 * MIB);
    house.has_free("b", 30 * MIB);
    let node = house.open().await;
    let mut objects = Objects::new();
    fill(&node, &mut objects, 0..12).await;
    house.has_free("b", 63 * MIB);
    fill(&node, &mut objects, 12..40).await;
    settled(&node).await;
    // Its files end before their bytes do, as a device that has gone.
    for volume in house.volumes("b") {
        let file = fs::File::options().write(true).open(volume).unwrap();
        file.set_len(0).unwrap();
    }
    let (mut read, mut failed) = (0, 0);
    for (key, content) in &objects {
        match get(&node, key).await {
            Ok((_, found)) => {
                assert!(found == *content, "{key}");
                read += 1;
            }
            Err(error) => {
                assert!(matches!(error, NodeError::Read(_)), "{error}");
                failed += 1;
            }
        }
    }
    assert!(read >= 10 && failed >= 10, "{read} {failed}");
    assert_eq!(list_all(&node, "", None, 1_000).await.entries.len(), 40);
    node.close().await;
}

#[tokio::test]
async fn of_two_volumes_of_one_number_the_one_that_was_used_stays() {
    let house = House::with(&["a", "b"]);
    house.has_free("b", 30 * MIB);
    let node = house.open().await;
    let mut objects = Objects::new();
    fill(&node, &mut objects, 0..20).await;
    node.close().await;
    // One was begun, which failed after its head was on the disk, and begun on the other.
    let used = house.volumes("a").remove(1);
    let left = house.path("b/volumes").join(used.file_name().unwrap());
    let whole = fs::read(&used).unwrap();
    for (kept, failed) in [(&used, &left), (&left, &used)] {
        fs::write(kept, &whole).unwrap();
        fs::write(failed, &whole[..4_096]).unwrap();
        opens_twice(&house, &objects).await;
        assert!(!failed.exists());
    }
    // Two that were used are a riddle for a person.
    fs::write(&used, &whole).unwrap();
    let refused = Node::open(house.options()).map(drop);
    assert!(
        matches!(refused, Err(OpenError::Foreign { .. })),
        "{refused:?}"
    );
    fs::remove_file(&left).unwrap();
    opens_twice(&house, &objects).await;
}

#[tokio::test]
async fn a_disk_is_in_use_by_one_node_at_a_time() {
    let house = House::with(&["a", "b"]);
    let node = house.open().await;
    // Another process with the same folder would be told by that; this one has a copy of it.
    let copy = house.path("copy");
    fs::create_dir(&copy).unwrap();
    fs::copy(house.path("node/disk"), copy.join("disk")).unwrap();
    let options = NodeOptions {
        dir: copy,
        ..house.options()
    };
    let refused = Node::open(options).map(drop);
    assert!(matches!(refused, Err(OpenError::InUse(_))), "{refused:?}");
    node.close().await;
}
