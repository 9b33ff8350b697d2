//! A node over three disks against a map in memory: random writes, deletions and compaction while disks fill up, fail, are emptied and
//! come back, with restarts in between; after each the same objects, also from the volumes alone.

use std::collections::BTreeMap;

use super::disks::House;
use super::support::*;
use proptest::prelude::*;
use s3_protocol::call::DeleteObject;
use storage_node::{Compaction, Faults, Guards, Node, NodeError, Rate};

const NAMES: [&str; 3] = ["a", "b", "c"];
const SIZES: [usize; 5] = [0, 900, 30_000, 70_000, 1_100_000];
const MIB: u64 = 1 << 20;

#[derive(Clone, Debug)]
enum Step {
    Put {
        key: u8,
        size: usize,
    },
    Delete {
        key: u8,
    },
    Compact {
        garbage_per_mille: u16,
    },
    /// A disk has so many mebibytes left above its reserve.
    Room {
        disk: usize,
        mib: u64,
    },
    /// A disk fails, or is well again.
    Fail {
        disk: usize,
        fails: bool,
        is_stuck: bool,
    },
    /// The node is opened again, with one disk to be emptied or none, and with its index or without.
    Reopen {
        drained: Option<usize>,
        is_rebuilt: bool,
    },
    Settle,
}

fn step() -> impl Strategy<Value = Step> {
    let disk = 0..NAMES.len();
    prop_oneof![
        10 => (0..12_u8, 0..SIZES.len()).prop_map(|(key, size)| Step::Put { key, size }),
        3 => (0..12_u8).prop_map(|key| Step::Delete { key }),
        3 => prop_oneof![Just(0), Just(300)].prop_map(|garbage_per_mille| Step::Compact { garbage_per_mille }),
        3 => (disk.clone(), 0..4_u64).prop_map(|(disk, mib)| Step::Room { disk, mib: mib * 20 }),
        3 => (disk.clone(), any::<bool>(), any::<bool>())
            .prop_map(|(disk, fails, is_stuck)| Step::Fail { disk, fails, is_stuck }),
        2 => (proptest::option::of(disk), any::<bool>())
            .prop_map(|(drained, is_rebuilt)| Step::Reopen { drained, is_rebuilt }),
        1 => Just(Step::Settle),
    ]
}

/// What a key may hold: what was acknowledged last, and what was refused since and may be there after a restart.
type Known = BTreeMap<String, Vec<Option<Vec<u8>>>>;

struct Run {
    house: House,
    faults: Vec<Faults>,
    node: Node,
    known: Known,
    seed: u64,
}

impl Run {
    async fn begin() -> Self {
        let mut house = House::with(&NAMES);
        let faults = NAMES.map(|name| house.faults(name)).to_vec();
        let node = Node::open(house.options()).unwrap();
        node.create_bucket(BUCKET).await.unwrap();
        Self {
            house,
            faults,
            node,
            known: Known::new(),
            seed: 0,
        }
    }

    async fn step(&mut self, step: &Step) {
        match *step {
            Step::Put { key, size } => {
                self.seed += 1;
                let (key, content) = (format!("k{key}"), bytes(self.seed, SIZES[size]));
                let done = put(&self.node, &key, &content).await.map(drop);
                self.note(&key, Some(content), done);
            }
            Step::Delete { key } => {
                let key = format!("k{key}");
                let at = place(&key);
                let ask = DeleteObject::default();
                let done = self.node.delete_object(&at, &ask, Guards::default());
                let done = done.await.map(drop);
                self.note(&key, None, done);
            }
            Step::Compact { garbage_per_mille } => {
                let how = Compaction {
                    garbage_per_mille,
                    bytes_per_second: None,
                };
                match self.node.compact(how).await {
                    Ok(done) => assert_eq!(done.damaged, 0),
                    Err(error) => is_of_the_disks(&error),
                }
            }
            Step::Room { disk, mib } => {
                self.house.has_free(NAMES[disk], (mib + 1) * MIB);
                self.node.look_at_space();
            }
            Step::Fail {
                disk,
                fails,
                is_stuck,
            } => {
                self.faults[disk].set(fails);
                self.faults[disk].set_stuck(fails && is_stuck);
            }
            Step::Reopen {
                drained,
                is_rebuilt,
            } => self.reopen(drained, is_rebuilt).await,
            Step::Settle => {
                for _ in 0..2_000 {
                    if self.node.is_settled() {
                        break;
                    }
                    tokio::time::sleep(std::time::Duration::from_millis(2)).await;
                }
            }
        }
    }

    fn note(&mut self, key: &str, to: Option<Vec<u8>>, done: Result<(), NodeError>) {
        let states = self
            .known
            .entry(key.to_owned())
            .or_insert_with(|| vec![None]);
        match done {
            Ok(()) => *states = vec![to],
            Err(error) => {
                is_of_the_disks(&error);
                states.push(to);
            }
        }
    }

    async fn reopen(&mut self, drained: Option<usize>, is_rebuilt: bool) {
        self.agrees(false).await;
        self.node.close().await;
        for (disk, name) in NAMES.iter().enumerate() {
            self.house.disk(name).drain = drained == Some(disk);
            // A node that is opened must be able to write.
            self.faults[disk].set(false);
            self.faults[disk].set_stuck(false);
        }
        if is_rebuilt {
            std::fs::remove_file(self.house.path("node/index.redb")).unwrap();
        }
        self.node = Node::open(self.house.options()).unwrap();
        assert!(self.node.stats().damage.is_empty());
        self.agrees(true).await;
    }

    /// Each key holds what it may. Only a restart brings what was refused to light.
    async fn agrees(&mut self, is_restarted: bool) {
        for (key, states) in &mut self.known {
            let found = get(&self.node, key).await;
            let found = match found {
                Ok((_, content)) => Some(content.to_vec()),
                Err(NodeError::Refused(_)) => None,
                Err(error) => panic!("{key}: {error}"),
            };
            let may_be = if is_restarted {
                &states[..]
            } else {
                &states[..1]
            };
            assert!(may_be.contains(&found), "{key}, {is_restarted}");
            if is_restarted {
                *states = vec![found];
            }
        }
    }

    async fn end(mut self) {
        for is_rebuilt in [false, true] {
            self.reopen(None, is_rebuilt).await;
            for name in NAMES {
                self.house.has_free(name, 64 * MIB);
            }
            settled(&self.node).await;
            let verified = self.node.verify(Rate(None)).await.unwrap();
            assert!(verified.is_sound(), "{verified:#?}");
            let all = Compaction {
                garbage_per_mille: 0,
                bytes_per_second: None,
            };
            let done = self.node.compact(all).await.unwrap();
            assert_eq!((done.held, done.damaged), (0, 0));
            self.agrees(false).await;
        }
        self.node.close().await;
    }
}

/// A disk that fails or is full may have anything refused; nothing may be damaged.
fn is_of_the_disks(error: &NodeError) {
    let is_expected = matches!(
        error,
        NodeError::Full | NodeError::Log(_) | NodeError::ReadOnly | NodeError::File { .. }
    );
    assert!(is_expected, "{error}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: rounds(24), max_shrink_iters: 200, ..ProptestConfig::default() })]

    #[test]
    fn three_disks_are_the_map_whatever_becomes_of_them(steps in proptest::collection::vec(step(), 1..60)) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_time().build().unwrap();
        runtime.block_on(async {
            let mut run = Run::begin().await;
            for step in &steps {
                run.step(step).await;
            }
            run.end().await;
        });
    }
}
