//! Machine code that is kept: found again, and never trusted when it is not ours.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
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

/// Whether the module allows, and how many were compiled, found and rejected until now.
fn allows(engine: &Engine, wat: &str) -> (bool, [u64; 3]) {
    let module = load(engine, wat, &["aws:username"]);
    let facts = Table::default().text("aws:username", "alice");
    let allows = module.evaluate(&facts, 0).unwrap().verdict == Verdict::Allow;
    // Found or compiled, the same is known of it.
    assert_eq!(module.inspection().functions, 1);
    assert_eq!(module.inspection().memory_pages, 1);
    assert_eq!(module.inspection().imports.len(), 8);
    let counted = engine.statistics();
    (allows, [counted.compiled, counted.found, counted.rejected])
}

const COMPILED: (bool, [u64; 3]) = (true, [1, 0, 0]);
const FOUND: (bool, [u64; 3]) = (true, [0, 1, 0]);
const REJECTED: (bool, [u64; 3]) = (true, [1, 0, 1]);

#[test]
fn machine_code_is_found_again_by_the_next_engine() {
    let directory = tempfile::tempdir().unwrap();
    let wat = policy("(call $equals (i32.const 0) (i32.const 0) (i32.const 5))");
    assert_eq!(allows(&engine_at(directory.path(), 1), &wat), COMPILED);
    let written = files(directory.path());
    assert_eq!(written.len(), 1);
    let mode = fs::metadata(&written[0]).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "nobody else reads it or writes it");
    assert_eq!(allows(&engine_at(directory.path(), 1), &wat), FOUND);
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
            REJECTED,
            "byte {place}"
        );
        // It is gone, and what was compiled in its place is found.
        assert_eq!(allows(&engine_at(directory.path(), 1), &wat), FOUND);
    }
    for length in [0, 8, 40, 41, good.len() - 1] {
        fs::write(&path, &good[..length]).unwrap();
        assert_eq!(
            allows(&engine_at(directory.path(), 1), &wat),
            REJECTED,
            "{length} bytes"
        );
    }
    // Another module's machine code under this module's name.
    let other = tempfile::tempdir().unwrap();
    allows(&engine_at(other.path(), 1), &policy("(i32.const 2)"));
    fs::copy(files(other.path()).remove(0), &path).unwrap();
    assert_eq!(allows(&engine_at(directory.path(), 1), &wat), REJECTED);
}

#[test]
fn machine_code_of_another_key_is_never_run() {
    let directory = tempfile::tempdir().unwrap();
    let wat = policy("(i32.const 1)");
    allows(&engine_at(directory.path(), 1), &wat);
    assert_eq!(allows(&engine_at(directory.path(), 2), &wat), REJECTED);
    assert_eq!(
        allows(&engine_at(directory.path(), 2), &wat),
        FOUND,
        "and is replaced by ours"
    );
}

#[test]
fn machine_code_of_another_engine_and_unfinished_files_are_deleted_and_strange_files_stay() {
    let directory = tempfile::tempdir().unwrap();
    let wat = policy("(i32.const 1)");
    allows(&engine_at(directory.path(), 1), &wat);
    let ours = files(directory.path()).remove(0);
    let digest = ours.file_name().unwrap().to_str().unwrap();
    let digest = digest.split('.').next().unwrap().to_owned();
    let another = directory
        .path()
        .join(format!("{digest}.0123456789abcdef.code"));
    let unfinished = ours.with_extension("code.3.new");
    let strange = directory.path().join("README");
    for path in [&another, &unfinished, &strange] {
        fs::copy(&ours, path).unwrap();
    }
    let engine = engine_at(directory.path(), 1);
    assert_eq!(engine.statistics().rejected, 1);
    assert_eq!(allows(&engine, &wat), (true, [0, 1, 1]));
    assert!(ours.exists() && strange.exists());
    assert!(!another.exists() && !unfinished.exists());
}

/// A module of its own for each number.
fn numbered(number: u32) -> String {
    policy(&format!("(drop (i32.const {number})) (i32.const 1)"))
}

#[test]
fn a_store_at_its_bound_keeps_everything_and_one_past_it_deletes_what_was_used_longest_ago() {
    let directory = tempfile::tempdir().unwrap();
    let engine = || {
        let store = MachineCodeStore::new(directory.path(), [1; 32]).bounded(10, u64::MAX);
        let options = EngineOptions {
            machine_code: Some(store),
            instances: 16,
            ..EngineOptions::default()
        };
        Engine::new(options).unwrap()
    };
    let first = engine();
    for number in 0..10 {
        load(&first, &numbered(number), &[]);
    }
    assert_eq!(files(directory.path()).len(), 10);
    // The first is used again, by the next engine; the second is now the oldest.
    let back = fs::File::options();
    for path in files(directory.path()) {
        let file = back.clone().write(true).open(path).unwrap();
        file.set_modified(std::time::UNIX_EPOCH).unwrap();
    }
    let second = engine();
    load(&second, &numbered(0), &[]);
    load(&second, &numbered(10), &[]);
    assert_eq!(files(directory.path()).len(), 9, "a tenth makes room");
    let third = engine();
    load(&third, &numbered(0), &[]);
    load(&third, &numbered(10), &[]);
    assert_eq!(third.statistics().found, 2);
}

#[test]
fn a_store_past_its_bytes_deletes_files() {
    let directory = tempfile::tempdir().unwrap();
    load(&engine_at(directory.path(), 1), &numbered(0), &[]);
    let bytes = fs::metadata(files(directory.path()).remove(0))
        .unwrap()
        .len();
    for (most, left) in [(2 * bytes, 2), (2 * bytes - 1, 1)] {
        let store = MachineCodeStore::new(directory.path(), [1; 32]).bounded(100, most);
        let options = EngineOptions {
            machine_code: Some(store),
            instances: 16,
            ..EngineOptions::default()
        };
        load(&Engine::new(options).unwrap(), &numbered(1), &[]);
        assert_eq!(files(directory.path()).len(), left, "{most} bytes");
    }
}

#[test]
fn a_second_start_with_a_thousand_modules_compiles_none() {
    let directory = tempfile::tempdir().unwrap();
    let first = engine_at(directory.path(), 1);
    for number in 0..1_000 {
        load(&first, &numbered(number), &[]);
    }
    assert_eq!(first.statistics().compiled, 1_000);
    drop(first);
    let second = engine_at(directory.path(), 1);
    for number in 0..1_000 {
        load(&second, &numbered(number), &[]);
    }
    let counted = second.statistics();
    assert_eq!((counted.compiled, counted.found), (0, 1_000));
}

#[test]
fn memory_for_modules_at_its_bound_holds_all_and_one_more_puts_one_out() {
    let weight = u64::try_from(load(&engine(), &numbered(0), &[]).code_bytes()).unwrap();
    let options = EngineOptions {
        compiled_bytes: 3 * weight,
        instances: 16,
        ..EngineOptions::default()
    };
    let engine = Engine::new(options).unwrap();
    for number in 0..3 {
        load(&engine, &numbered(number), &[]);
    }
    let counted = engine.statistics();
    assert_eq!((counted.modules, counted.code_bytes), (3, 3 * weight));
    load(&engine, &numbered(3), &[]);
    let counted = engine.statistics();
    assert_eq!((counted.modules, counted.code_bytes), (3, 3 * weight));
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
