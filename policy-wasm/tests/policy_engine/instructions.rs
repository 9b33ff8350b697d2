//! Modules that reach past what is theirs, one instruction at a time; and what a hostile neighbour may not take from others.

use std::sync::{Arc, Barrier};

use policy_wasm::engine::{Cause, Digest, Engine, EngineOptions, Fault, Module, Verdict};
use policy_wasm::limits::{
    INSTANCES_MAX, MODULE_MAPS, READ_BYTES_MAX, REUSED_INSTANCES_MAX, TABLE_ELEMENTS_MAX,
};

use super::support::*;

fn stops(wat: &str) -> Fault {
    let engine = engine();
    let module = load(&engine, wat, &["aws:username"]);
    let facts = Table::default().text("aws:username", "alice");
    let fault = || match module.evaluate(&facts, 0).unwrap_err().cause {
        Cause::Fault(fault) => fault,
        Cause::NotFetched(question) => panic!("{question}"),
    };
    let first = fault();
    assert_eq!(fault(), first, "it stops alike each time: {wat}");
    first
}

#[test]
fn instructions_that_reach_past_the_memory_trap() {
    for body in [
        "(i32.load (i32.const 65533))",
        "(i32.load8_u offset=65536 (i32.const 0))",
        "(i32.load offset=4294967295 (i32.const 1))",
        "(i32.store (i32.const 65536) (i32.const 1)) (i32.const 1)",
        "(i64.store offset=65529 (i32.const 0) (i64.const 1)) (i32.const 1)",
        "(v128.store (i32.const 65528) (v128.const i64x2 0 0)) (i32.const 1)",
        "(memory.fill (i32.const 0) (i32.const 1) (i32.const 65537)) (i32.const 1)",
        "(memory.fill (i32.const -1) (i32.const 1) (i32.const 2)) (i32.const 1)",
        "(memory.copy (i32.const 0) (i32.const 1) (i32.const 65536)) (i32.const 1)",
    ] {
        assert!(matches!(stops(&policy(body)), Fault::Trap(_)), "{body}");
    }
    // What is too long to be paid for is not even looked at.
    let all = "(memory.copy (i32.const -1) (i32.const 0) (i32.const -1)) (i32.const 1)";
    assert_eq!(stops(&policy(all)), Fault::OutOfFuel);
    let init = policy_with(
        r#"(data $d "abc")"#,
        "(memory.init $d (i32.const 0) (i32.const 0) (i32.const 4)) (i32.const 1)",
    );
    assert!(matches!(stops(&init), Fault::Trap(_)));
}

#[test]
fn segments_that_do_not_fit_stop_the_instance_and_not_the_engine() {
    for fields in [
        r#"(data (i32.const 65535) "ab")"#,
        r#"(data (i32.const -1) "a")"#,
        "(table 1 funcref) (elem (i32.const 1) $f) (func $f)",
    ] {
        let fault = stops(&policy_with(fields, "(i32.const 1)"));
        assert!(matches!(fault, Fault::Trap(_)), "{fields}: {fault:?}");
    }
}

#[test]
fn calls_through_a_table_are_checked() {
    let table = "(type $yes (func (result i32))) (type $long (func (result i64)))
        (table $t 4 funcref) (elem (i32.const 0) $one $wide)
        (func $one (result i32) (i32.const 1)) (func $wide (result i64) (i64.const 1))";
    let call = |place: i64| format!("(call_indirect $t (type $yes) (i32.const {place}))");
    let good = load(&engine(), &policy_with(table, &call(0)), &[]);
    let evaluation = good.evaluate(&Table::default(), 0).unwrap();
    assert_eq!(evaluation.verdict, Verdict::Allow);
    // Of another type, nothing, past the end.
    for place in [1, 2, 3, 4, -1] {
        let fault = stops(&policy_with(table, &call(place)));
        assert!(matches!(fault, Fault::Trap(_)), "{place}: {fault:?}");
    }
    let each_other = policy_with(
        "(type $f (func (result i32))) (table $t 2 funcref) (elem (i32.const 0) $a $b)
         (func $a (result i32) (i32.add (i32.const 1) (call_indirect $t (type $f) (i32.const 1))))
         (func $b (result i32) (i32.add (i32.const 1) (call_indirect $t (type $f) (i32.const 0))))",
        "(call $a)",
    );
    assert!(matches!(
        stops(&each_other),
        Fault::OutOfStack | Fault::OutOfFuel
    ));
}

#[test]
fn a_table_stays_at_its_size() {
    for size in ["0", "4", "4 1000000", &format!("{TABLE_ELEMENTS_MAX}")] {
        let count = size.split(' ').next().unwrap();
        let wat = policy_with(
            &format!("(table $t {size} funcref)"),
            &format!(
                "(loop $again (br_if $again (i32.ne (i32.const -1) (table.grow $t (ref.null func) (i32.const 1)))))
                 (i32.eq (table.size $t) (i32.const {count}))"
            ),
        );
        let module = load(&engine(), &wat, &[]);
        for _ in 0..3 {
            let evaluation = module.evaluate(&Table::default(), 0).unwrap();
            assert_eq!(evaluation.verdict, Verdict::Allow, "{size}");
        }
    }
}

#[test]
fn a_value_is_never_read_past_the_memory() {
    let read = |pointer: i64, length: i64| {
        format!(
            r#"(module (import "postern" "read" (func $read (param i32 i32 i32) (result i32)))
            (memory (export "memory") 1 1)
            (func (export "decide") (result i32)
                (drop (call $read (i32.const 0) (i32.const {pointer}) (i32.const {length})))
                (i32.const 1)))"#
        )
    };
    let most = i64::try_from(READ_BYTES_MAX).unwrap();
    for (pointer, length) in [(65_536, 1), (65_535, 2), (-1, 1), (-8, 16), (65_536 - 5, 6)] {
        let fault = stops(&read(pointer, length));
        assert!(
            matches!(fault, Fault::OutOfBounds { .. }),
            "{pointer} {length}: {fault:?}"
        );
    }
    // More than may be read is read as much as may be.
    for length in [most + 1, 0x7fff_ffff, -1] {
        let fault = stops(&read(65_536 - most + 1, length));
        assert!(
            matches!(fault, Fault::OutOfBounds { .. }),
            "{length}: {fault:?}"
        );
        let module = load(&engine(), &read(65_536 - most, length), &["aws:username"]);
        let facts = Table::default().text("aws:username", &"a".repeat(5_000));
        assert!(module.evaluate(&facts, 0).is_ok(), "{length}");
    }
    for (pointer, length) in [(0, most), (65_531, 5), (65_536, 0), (0, 0)] {
        let module = load(&engine(), &read(pointer, length), &["aws:username"]);
        let facts = Table::default().text("aws:username", "alice");
        assert!(module.evaluate(&facts, 0).is_ok(), "{pointer} {length}");
    }
}

#[test]
fn a_module_that_is_refused_leaves_the_one_before_it_in_place() {
    let engine = engine();
    let good = load(&engine, &policy("(i32.const 1)"), &[]);
    let plan = grant(&good);
    let decider = decider();
    let bad = assemble(
        r#"(module (memory (export "memory") 1) (func (export "decide")))"#,
        &[],
    );
    let mut cut = assemble(&policy("(i32.const 1)"), &[]);
    cut.truncate(cut.len() - 7);
    for bytes in [bad, cut, Vec::new(), b"\0asm\x01\0\0\0".to_vec()] {
        assert!(engine.load(&bytes).is_err());
        assert!(engine.loaded(Digest::of(&bytes)).is_none());
        let kept = engine.loaded(good.digest()).unwrap();
        assert!(Arc::ptr_eq(&kept, &good));
        let decision = decider.decide(&plan, ACTION, &Table::default());
        assert!(matches!(decision, policy_wasm::plan::Decision::Allowed(_)));
    }
}

fn numbered(engine: &Engine, number: usize) -> Arc<Module> {
    // The number makes it another module; nothing makes it another answer.
    load(
        engine,
        &policy(&format!("(drop (i32.const {number})) (i32.const 1)")),
        &[],
    )
}

#[test]
fn instances_that_one_thread_keeps_make_room_for_its_next_module() {
    let engine = Engine::new(EngineOptions {
        instances: 4,
        ..EngineOptions::default()
    })
    .unwrap();
    for number in 0..20 {
        let module = numbered(&engine, number);
        assert!(module.inspection().reusable);
        let evaluation = module.evaluate(&Table::default(), 0);
        assert_eq!(evaluation.unwrap().verdict, Verdict::Allow);
    }
}

/// As many threads as a large machine has, each of which has evaluated the modules of many tenants.
#[test]
fn instances_that_idle_threads_keep_leave_room_for_another_thread() {
    let engine = Engine::new(EngineOptions::default()).unwrap();
    let modules: Vec<_> = (0..REUSED_INSTANCES_MAX)
        .map(|number| numbered(&engine, number))
        .collect();
    let threads = usize::try_from(INSTANCES_MAX).unwrap() / REUSED_INSTANCES_MAX + 1;
    let done = Barrier::new(threads);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                let verdicts: Vec<_> = modules
                    .iter()
                    .map(|module| module.evaluate(&Table::default(), 0))
                    .collect();
                // Nobody goes before the last has been answered.
                done.wait();
                for said in verdicts {
                    assert_eq!(said.unwrap().verdict, Verdict::Allow);
                }
            });
        }
    });
}

/// What [`MODULE_MAPS`] says is what the system counts, and it comes back.
#[test]
fn a_module_takes_no_more_memory_maps_than_are_counted_for_it() {
    const MODULES: usize = 200;
    let maps = || {
        let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
        maps.lines().count()
    };
    let engine = Engine::new(EngineOptions {
        compiled_bytes: 0,
        ..EngineOptions::default()
    })
    .unwrap();
    // Other tests run beside this one: their maps are some, and not hundreds.
    let before = maps();
    let held: Vec<_> = (0..MODULES)
        .map(|number| numbered(&engine, number))
        .collect();
    let taken = maps().saturating_sub(before);
    assert!(taken <= MODULES * MODULE_MAPS + 100, "{taken} maps");
    drop(held);
    let left = maps().saturating_sub(before);
    assert!(left <= 150, "{left} maps are left");
}
