//! Machine code that is kept: found again, and never trusted when it is not ours.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use policy_wasm::engine::{Engine, EngineOptions, MachineCodeStore, Verdict};

use super::support::*;

fn engine_at(directory: &Path, key: u8) -> Arc<Engine> {
    let store = MachineCodeStore::new(directory, [key; 32]);
    let options = EngineOptions {
        machine_code: Some(store),
        instances: 16,
        ..EngineOptions::default()
    };
    Arc::new(Engine::new(options).unwrap())
}

fn files(directory: &Path) -> Vec<std::path::PathBuf> {
    fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect()
}

fn allows(engine: &Engine, wat: &str) -> (bool, u32) {
    let module = load(engine, wat, &["aws:username"]);
    let facts = Table::default().text("aws:username", "alice");
    let allows = module.evaluate(&facts, 0).unwrap().verdict == Verdict::Allow;
    // A module whose machine code was found was not looked through again.
    (allows, module.inspection().functions)
}

#[test]
fn machine_code_is_found_again_by_the_next_engine() {
    let directory = tempfile::tempdir().unwrap();
    let wat = policy("(call $equals (i32.const 0) (i32.const 0) (i32.const 5))");
    assert_eq!(allows(&engine_at(directory.path(), 1), &wat), (true, 1));
    assert_eq!(files(directory.path()).len(), 1);
    assert_eq!(allows(&engine_at(directory.path(), 1), &wat), (true, 0));
    let module = load(&engine_at(directory.path(), 1), &wat, &["aws:username"]);
    assert!(module.inspection().reusable);
}

#[test]
fn machine_code_that_was_changed_cut_or_swapped_is_never_run() {
    let directory = tempfile::tempdir().unwrap();
    let wat = policy("(call $equals (i32.const 0) (i32.const 0) (i32.const 5))");
    allows(&engine_at(directory.path(), 1), &wat);
    let path = files(directory.path()).remove(0);
    let good = fs::read(&path).unwrap();
    for place in [0, 10, 40, 41, 100, good.len() / 2, good.len() - 1] {
        let mut bent = good.clone();
        bent[place] ^= 1;
        fs::write(&path, &bent).unwrap();
        assert_eq!(
            allows(&engine_at(directory.path(), 1), &wat),
            (true, 1),
            "byte {place}"
        );
    }
    for length in [0, 8, 40, 41, good.len() - 1] {
        fs::write(&path, &good[..length]).unwrap();
        assert_eq!(
            allows(&engine_at(directory.path(), 1), &wat),
            (true, 1),
            "{length} bytes"
        );
    }
    // Another module's machine code under this module's name.
    let other = tempfile::tempdir().unwrap();
    allows(&engine_at(other.path(), 1), &policy("(i32.const 2)"));
    fs::copy(files(other.path()).remove(0), &path).unwrap();
    assert_eq!(allows(&engine_at(directory.path(), 1), &wat), (true, 1));
}

#[test]
fn machine_code_of_another_key_is_never_run() {
    let directory = tempfile::tempdir().unwrap();
    let wat = policy("(i32.const 1)");
    allows(&engine_at(directory.path(), 1), &wat);
    assert_eq!(allows(&engine_at(directory.path(), 2), &wat), (true, 1));
    assert_eq!(
        allows(&engine_at(directory.path(), 2), &wat),
        (true, 0),
        "and is replaced by ours"
    );
}

#[test]
fn a_module_that_is_loaded_twice_is_one() {
    let engine = engine();
    let bytes = assemble(&policy("(i32.const 1)"), &[]);
    assert!(Arc::ptr_eq(
        &engine.load(&bytes).unwrap(),
        &engine.load(&bytes).unwrap()
    ));
}
