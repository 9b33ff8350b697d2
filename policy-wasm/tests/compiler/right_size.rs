//! A proposed scope is never wider than the present one, and allows what was used.

use policy_wasm::tools::{Scope, Use, right_size};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

use super::enumeration::rows;

const LEVELS: [&str; 4] = ["full", "read-write", "read", "write"];
const OPERATIONS: [&str; 6] = [
    "GetObject",
    "PutObject",
    "ListBuckets",
    "ListObjectsV2",
    "DeleteObject",
    "PutBucketAcl",
];
const BUCKETS: [&str; 3] = ["a", "b", "c"];
const PREFIXES: [&str; 6] = ["", "x/", "x/1/", "y", "y/z/", "logs/2026/"];
const KEYS: [&str; 8] = [
    "x/1/a",
    "x/1/b",
    "x/2",
    "y/z/k",
    "yy",
    "logs/2026/1",
    "logs/2025/1",
    "top",
];

fn owned(list: Vec<&str>) -> Vec<String> {
    list.into_iter().map(str::to_owned).collect()
}

fn used() -> impl Strategy<Value = Use> {
    let keys = prop_oneof![
        3 => select(&KEYS[..]).prop_map(str::to_owned),
        1 => (0..30_u32, 0..30_u32).prop_map(|(a, b)| format!("deep/{a}/{b}/k")),
    ];
    (
        select(&OPERATIONS[..]),
        select(&BUCKETS[..]),
        option::weighted(0.9, keys),
    )
        .prop_map(|(operation, bucket, key)| Use {
            operation: operation.to_owned(),
            atoms: Vec::new(),
            bucket: (operation != "ListBuckets").then(|| bucket.to_owned()),
            key: key.filter(|_| operation != "ListBuckets"),
            count: 1,
        })
}

fn scope() -> impl Strategy<Value = Scope> {
    (
        select(&LEVELS[..]),
        option::of(subsequence(&BUCKETS[..], 0..=3)),
        option::of(subsequence(&PREFIXES[..], 0..=6)),
        option::of(subsequence(&OPERATIONS[..], 0..=6)),
    )
        .prop_map(|(level, buckets, prefixes, operations)| Scope {
            level: level.to_owned(),
            buckets: buckets.map(owned),
            prefixes: prefixes.map(owned),
            operations: operations.map(owned),
        })
}

proptest! {
    #[test]
    fn a_proposal_is_never_wider_and_allows_what_was_used(
        present in scope(),
        uses in vec(used(), 0..40),
        others in vec(used(), 40),
    ) {
        let rows = rows();
        let Some(narrower) = right_size(&rows, &present, &uses) else {
            prop_assert!(uses.iter().all(|used| !present.allows(&rows, used)));
            return Ok(());
        };
        for used in &uses {
            prop_assert_eq!(narrower.scope.allows(&rows, used), present.allows(&rows, used), "{:?} {:?}", used, narrower);
        }
        for other in &others {
            prop_assert!(!narrower.scope.allows(&rows, other) || present.allows(&rows, other), "{:?} {:?}", other, narrower);
        }
        if let Some(prefixes) = &narrower.scope.prefixes {
            prop_assert!(prefixes.len() <= 8.max(present.prefixes.as_ref().map_or(0, Vec::len)));
        }
    }
}

fn reads(key: &str) -> Use {
    Use {
        operation: "GetObject".to_owned(),
        atoms: vec!["obj.read".to_owned()],
        bucket: Some("photos".to_owned()),
        key: Some(key.to_owned()),
        count: 3,
    }
}

fn everything() -> Scope {
    Scope {
        level: "full".to_owned(),
        buckets: None,
        prefixes: None,
        operations: None,
    }
}

#[test]
fn a_key_that_only_reads_one_folder_is_proposed_that() {
    let narrower = right_size(&rows(), &everything(), &[reads("2026/a"), reads("2026/b")])
        .expect("it was used");
    assert_eq!(narrower.scope.level, "read");
    assert_eq!(
        narrower.scope.buckets.as_deref(),
        Some(&["photos".to_owned()][..])
    );
    assert_eq!(
        narrower.scope.prefixes.as_deref(),
        Some(&["2026/".to_owned()][..])
    );
    assert!(
        narrower
            .unused
            .operations
            .contains(&"DeleteObject".to_owned())
    );
    assert!(!narrower.unused.operations.contains(&"GetObject".to_owned()));
}

#[test]
fn eight_folders_are_named_and_of_nine_what_they_share() {
    let proposed = |count: usize| {
        let uses: Vec<Use> = (0..count).map(|n| reads(&format!("logs/{n}/a"))).collect();
        right_size(&rows(), &everything(), &uses)
            .expect("it was used")
            .scope
            .prefixes
            .expect("prefixes")
    };
    assert_eq!(proposed(8).len(), 8);
    assert_eq!(proposed(9), ["logs/"]);
}

#[test]
fn a_key_that_nobody_used_is_proposed_nothing() {
    assert_eq!(right_size(&rows(), &everything(), &[]), None);
}
