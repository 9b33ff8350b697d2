//! One plan and any number of objects: what is remembered of the first serves the last.

use std::hint::black_box;
use std::sync::Arc;

use policy_wasm::decider::{Decider, DeciderOptions, Statistics};
use policy_wasm::engine::{Engine, EngineOptions, Module};
use policy_wasm::manifest::Manifest;
use policy_wasm::tools::attach;

use crate::ours::{self, Scene};
use crate::{clock, rules};

/// Statements of the policy.
const STATEMENTS: usize = 20;
/// Digits of a key's number.
const DIGITS: usize = 12;
/// Rows whose module reads each key end here: nothing is remembered of them, so more would only take longer.
const READ_MAX: u64 = 1_000_000;

/// Prints the table.
pub fn many(counts: &[u64]) {
    let engine = Engine::new(EngineOptions::default()).expect("an engine");
    let rules = rules::rules(STATEMENTS);
    let asking = ours::load(&engine, &ours::compile_rules(&rules));
    let reading = ours::load(&engine, &reader());
    println!(
        "| objects | module | ns a decision | found in the tree | module ran | trees | memory of the trees | resident memory grew by |"
    );
    println!("|---|---|---|---|---|---|---|---|");
    for count in counts {
        row(&asking, "20 statements", *count);
    }
    for count in counts.iter().filter(|count| **count <= READ_MAX) {
        row(&reading, "reads the key", *count);
    }
}

fn row(module: &Arc<Module>, name: &str, count: u64) {
    let clock = std::sync::atomic::AtomicU64::new(0);
    let decider = Decider::new(DeciderOptions::new(move || {
        clock.fetch_add(1, std::sync::atomic::Ordering::Relaxed)
    }));
    let plan = ours::plan(module, 1);
    let mut scenes = scenes();
    // What the keys take alone, to be taken off.
    let (keys, ()) = clock::timed(|| {
        each_key(&mut scenes, count, |scene| {
            black_box(&scene.resource);
        });
    });
    let (before, _) = clock::resident();
    let (spent, ()) = clock::timed(|| {
        each_key(&mut scenes, count, |scene| {
            black_box(decider.decide(&plan, ours::action(scene.action), black_box(scene)));
        });
    });
    decider.tidy();
    let (after, _) = clock::resident();
    let Statistics {
        decisions,
        hits,
        evaluations,
        faults,
        trees,
        ..
    } = decider.statistics();
    assert_eq!((decisions, faults), (count, 0));
    println!(
        "| {count} | {name} | {:.0} | {:.4} % | {evaluations} × | {} | {:.1} KiB | {:.1} MiB |",
        clock::each(
            spent.saturating_sub(keys),
            usize::try_from(count).expect("64 bits")
        ),
        hits as f64 * 100.0 / decisions as f64,
        trees.trees,
        trees.bytes as f64 / 1024.0,
        (after.saturating_sub(before)) as f64 / 1_048_576.0,
    );
}

/// The requests of the comparison, each about an object that does not exist yet.
fn scenes() -> Vec<Scene> {
    let requests = rules::requests(&rules::rules(STATEMENTS));
    let scene = |request: &rules::Request| {
        let mut scene = Scene::of(request);
        scene.resource.push('/');
        scene.resource.push_str(&"0".repeat(DIGITS));
        scene
    };
    requests.iter().map(scene).collect()
}

/// Calls `work` for so many objects, no two of the same key.
fn each_key(scenes: &mut [Scene], count: u64, mut work: impl FnMut(&Scene)) {
    let mut digits = [b'0'; DIGITS];
    let mut done = 0;
    'all: loop {
        for scene in &mut *scenes {
            if done == count {
                break 'all;
            }
            let text = std::str::from_utf8(&digits).expect("digits");
            scene.resource.truncate(scene.resource.len() - DIGITS);
            scene.resource.push_str(text);
            work(scene);
            for digit in digits.iter_mut().rev() {
                *digit += 1;
                if *digit <= b'9' {
                    break;
                }
                *digit = b'0';
            }
            done += 1;
        }
    }
}

/// A module that does the worst: it reads the whole resource of each request, where it could have asked about it.
fn reader() -> Vec<u8> {
    let module = wat::parse_str(
        r#"(module
            (import "postern" "read" (func $read (param i32 i32 i32) (result i32)))
            (memory (export "memory") 1 1)
            (func (export "decide") (result i32)
                (drop (call $read (i32.const 0) (i32.const 0) (i32.const 1024)))
                (i32.const 1)))"#,
    );
    let mut manifest = Manifest::new("reader", "1");
    manifest.attributes = vec!["postern:Resource".to_owned()];
    attach(&module.expect("a module"), &manifest).expect("a manifest")
}
