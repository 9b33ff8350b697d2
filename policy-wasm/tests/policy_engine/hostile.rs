//! Modules that mean harm. Each is refused, or gives no answer; none takes the others with it.

use policy_wasm::decider::{Decider, DeciderOptions};
use policy_wasm::engine::{Cause, CheckError, Fault, LoadError, Verdict};
use policy_wasm::limits::{
    FUNCTION_BYTES_MAX, LOCALS_MAX, MEMORY_PAGES_MAX, MODULE_BYTES_MAX, NESTING_MAX,
    OPERAND_BYTES_MAX, QUESTIONS_MAX, REASON_BYTES_MAX, TRIPPED_MILLISECONDS,
};
use policy_wasm::manifest::{ABI, Manifest, ManifestError};
use policy_wasm::plan::{Decision, Layer, LayerKind, Plan, TreeScope};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::support::*;

/// What the module's one evaluation breaks with; and that the engine is as good as before.
fn fault(wat: &str, attributes: &[&str]) -> Fault {
    let engine = engine();
    let module = load(&engine, wat, attributes);
    let facts = Table::default().text("aws:username", "alice");
    for _ in 0..3 {
        let stopped = module.evaluate(&facts, 0).unwrap_err();
        assert!(matches!(stopped.cause, Cause::Fault(_)));
    }
    let good = load(
        &engine,
        &policy("(call $equals (i32.const 0) (i32.const 0) (i32.const 5))"),
        &["aws:username"],
    );
    assert_eq!(good.evaluate(&facts, 0).unwrap().verdict, Verdict::Allow);
    match module.evaluate(&facts, 0).unwrap_err().cause {
        Cause::Fault(fault) => fault,
        Cause::NotFetched(question) => panic!("{question}"),
    }
}

fn refusal(bytes: &[u8]) -> CheckError {
    let engine = engine();
    let refused = engine.check(bytes).unwrap_err();
    assert!(
        matches!(engine.load(bytes), Err(LoadError::Check(_))),
        "checked and loaded alike"
    );
    refused
}

#[test]
fn an_endless_loop_runs_out_of_fuel() {
    assert_eq!(
        fault(&policy("(loop (br 0)) (i32.const 1)"), &[]),
        Fault::OutOfFuel
    );
}

#[test]
fn an_endless_loop_ends_by_the_clock_too() {
    let engine = engine();
    let module = load(
        &engine,
        &policy("(loop (drop (call $present (i32.const 0))) (br 0)) (i32.const 1)"),
        &["aws:username"],
    );
    // The facts let time pass while they are asked.
    struct Slow(Arc<policy_wasm::engine::Engine>);
    impl policy_wasm::facts::Facts for Slow {
        fn get(&self, _: &policy_wasm::registry::Attribute) -> policy_wasm::facts::Fact<'_> {
            self.0.tick();
            policy_wasm::facts::Fact::Absent
        }
    }
    let stopped = module.evaluate(&Slow(Arc::clone(&engine)), 0).unwrap_err();
    assert!(
        matches!(stopped.cause, Cause::Fault(Fault::OutOfTime)),
        "{stopped:?}"
    );
}

#[test]
fn deep_recursion_runs_out_of_stack() {
    let wat = policy_with(
        "(func $deep (param i64 i64 i64 i64) (result i32)
            (i32.add (i32.const 1) (call $deep (local.get 0) (local.get 1) (local.get 2) (local.get 3))))",
        "(call $deep (i64.const 1) (i64.const 2) (i64.const 3) (i64.const 4))",
    );
    assert!(matches!(
        fault(&wat, &[]),
        Fault::OutOfStack | Fault::OutOfFuel
    ));
    // With the fuel of a small frame the stack is what ends it.
    let wide = policy_with(
        &format!(
            "(func $deep (param {0}) (result i32) (i32.add (call $deep {1}) (i32.wrap_i64 (i64.add (local.get 99) (local.get 0)))))",
            "i64 ".repeat(100),
            (0..100)
                .map(|n| format!("(local.get {n}) "))
                .collect::<String>()
        ),
        &format!("(call $deep {})", "(i64.const 1) ".repeat(100)),
    );
    assert_eq!(fault(&wide, &[]), Fault::OutOfStack);
}

#[test]
fn a_bulk_fill_is_paid_for() {
    let fill =
        "(loop (memory.fill (i32.const 0) (i32.const 1) (i32.const 65536)) (br 0)) (i32.const 1)";
    assert_eq!(fault(&policy(fill), &[]), Fault::OutOfFuel);
}

#[test]
fn a_memory_stays_at_its_minimum_whatever_maximum_it_declares() {
    let engine = engine();
    // Linkers leave the maximum out unless told otherwise; an instance may not grow towards one either way.
    for limits in ["1", "1 1", "1 2", "1 65536", "0 1", "17", "2 32"] {
        let pages = limits.split(' ').next().unwrap();
        let wat = format!(
            r#"(module (memory (export "memory") {limits})
            (func (export "decide") (result i32)
                (if (i32.ne (memory.grow (i32.const 0)) (i32.const {pages})) (then (return (i32.const 2))))
                (loop $again (br_if $again (i32.ne (memory.grow (i32.const 1)) (i32.const -1))))
                (i32.eq (memory.size) (i32.const {pages}))))"#
        );
        let module = load(&engine, &wat, &[]);
        for _ in 0..3 {
            let evaluation = module.evaluate(&Table::default(), 0).unwrap();
            assert_eq!(evaluation.verdict, Verdict::Allow, "{limits}");
        }
    }
}

#[test]
fn a_memory_at_the_bound_is_taken_and_one_page_more_is_not() {
    let wat = |limits: &str| {
        format!(
            r#"(module (memory (export "memory") {limits}) (func (export "decide") (result i32) (i32.const 1)))"#
        )
    };
    let engine = engine();
    let (most, over) = (MEMORY_PAGES_MAX, MEMORY_PAGES_MAX + 1);
    for limits in [
        format!("{most}"),
        format!("{most} {most}"),
        format!("{most} {over}"),
    ] {
        let module = load(&engine, &wat(&limits), &[]);
        assert!(module.evaluate(&Table::default(), 0).is_ok(), "{limits}");
    }
    for limits in [format!("{over}"), format!("{over} {over}")] {
        let refused = refusal(&assemble(&wat(&limits), &[]));
        assert!(matches!(refused, CheckError::TooMany { .. }), "{limits}");
    }
}

#[test]
fn a_trap_is_no_answer() {
    assert!(matches!(fault(&policy("unreachable"), &[]), Fault::Trap(_)));
    assert!(matches!(
        fault(&policy("(i32.div_u (i32.const 1) (i32.const 0))"), &[]),
        Fault::Trap(_)
    ));
    assert!(matches!(
        fault(&policy("(i32.load (i32.const -4))"), &[]),
        Fault::Trap(_)
    ));
}

#[test]
fn exports_must_be_there_and_of_their_type() {
    let missing = |wat: &str| refusal(&assemble(wat, &[]));
    let decide = r#"(func (export "decide") (result i32) (i32.const 1))"#;
    assert!(matches!(
        missing(&format!("(module {decide})")),
        CheckError::MissingExport(_)
    ));
    assert!(matches!(
        missing(r#"(module (memory (export "memory") 1))"#),
        CheckError::MissingExport(_)
    ));
    for wrong in [
        r#"(func (export "decide") (result i64) (i64.const 1))"#,
        r#"(func (export "decide") (param i32) (result i32) (i32.const 1))"#,
        r#"(func (export "decide"))"#,
        r#"(global (export "decide") i32 (i32.const 1))"#,
    ] {
        let wat = format!(r#"(module (memory (export "memory") 1) {wrong})"#);
        assert!(
            matches!(missing(&wat), CheckError::MistypedExport("decide")),
            "{wrong}"
        );
    }
    let wat = format!(r#"(module (global (export "memory") i32 (i32.const 1)) {decide})"#);
    assert!(matches!(
        missing(&wat),
        CheckError::MistypedExport("memory")
    ));
}

#[test]
fn an_answer_out_of_range_is_no_answer() {
    for answer in [3, -1, i32::MAX, i32::MIN] {
        assert_eq!(
            fault(&policy(&format!("(i32.const {answer})")), &[]),
            Fault::Verdict(answer)
        );
    }
}

#[test]
fn pointers_outside_the_memory_are_no_answer() {
    for (pointer, length) in [(65_536, 1), (65_535, 2), (-1, 1), (-1, 0), (i32::MIN, 16)] {
        for import in ["equals", "in_network", "test"] {
            let body = format!(
                "(call ${import} (i32.const 0) (i32.const {pointer}) (i32.const {length}))"
            );
            assert!(
                matches!(
                    fault(&policy(&body), &["aws:username"]),
                    Fault::OutOfBounds { .. }
                ),
                "{body}"
            );
        }
        let body =
            format!("(call $because (i32.const {pointer}) (i32.const {length})) (i32.const 1)");
        assert!(matches!(
            fault(&policy(&body), &[]),
            Fault::OutOfBounds { .. }
        ));
        let body = format!(
            "(call $oblige (i32.const 4) (i32.const -1) (i32.const {pointer}) (i32.const {length})) (i32.const 1)"
        );
        assert!(matches!(
            fault(&policy(&body), &[]),
            Fault::OutOfBounds { .. }
        ));
    }
}

#[test]
fn enormous_lengths_are_no_answer() {
    for length in [
        i64::try_from(OPERAND_BYTES_MAX).unwrap() + 1,
        0x7fff_ffff,
        -1,
    ] {
        let body = format!("(call $equals (i32.const 0) (i32.const 0) (i32.const {length}))");
        assert!(matches!(
            fault(&policy(&body), &["aws:username"]),
            Fault::OperandTooLong { .. }
        ));
    }
    let engine = engine();
    let body =
        format!("(call $equals (i32.const 0) (i32.const 0) (i32.const {OPERAND_BYTES_MAX}))");
    let module = load(&engine, &policy(&body), &["aws:username"]);
    assert!(
        module.evaluate(&Table::default(), 0).is_ok(),
        "the bound itself is taken"
    );
}

#[test]
fn an_attribute_past_the_table_is_no_answer() {
    for place in [1, -1, i32::MAX, i32::MIN] {
        let body = format!("(call $present (i32.const {place}))");
        assert_eq!(
            fault(&policy(&body), &["aws:username"]),
            Fault::Attribute { place }
        );
    }
}

#[test]
fn more_questions_than_the_bound_are_no_answer() {
    let ask = |times: usize| {
        format!(
            "(local $i i32) (loop $again (drop (call $present (i32.const 0)))
                (local.set $i (i32.add (local.get $i) (i32.const 1)))
                (br_if $again (i32.lt_u (local.get $i) (i32.const {times})))) (i32.const 1)"
        )
    };
    assert_eq!(
        fault(&policy(&ask(QUESTIONS_MAX + 1)), &["aws:username"]),
        Fault::TooManyQuestions
    );
    let module = load(&engine(), &policy(&ask(QUESTIONS_MAX)), &["aws:username"]);
    assert_eq!(
        module.evaluate(&Table::default(), 0).unwrap().path.len(),
        QUESTIONS_MAX
    );
}

#[test]
fn a_start_function_may_not_ask() {
    let wat = policy_with(
        "(func $start (drop (call $present (i32.const 0)))) (start $start)",
        "(i32.const 1)",
    );
    assert_eq!(fault(&wat, &["aws:username"]), Fault::AskedTooEarly);
    let endless = policy_with(
        "(func $start (loop (br 0))) (start $start)",
        "(i32.const 1)",
    );
    assert_eq!(fault(&endless, &[]), Fault::OutOfFuel);
}

#[test]
fn a_start_function_runs_before_each_evaluation() {
    let wat = policy_with(
        "(global $n (mut i32) (i32.const 0)) (func $start (global.set $n (i32.add (global.get $n) (i32.const 1)))) (start $start)",
        "(global.get $n)",
    );
    let module = load(&engine(), &wat, &[]);
    assert!(!module.inspection().reusable);
    for _ in 0..3 {
        assert_eq!(
            module.evaluate(&Table::default(), 0).unwrap().verdict,
            Verdict::Allow
        );
    }
}

#[test]
fn unknown_and_mistyped_imports_are_refused() {
    let module = |import: &str| {
        let wat = format!(
            r#"(module {import} (memory (export "memory") 1) (func (export "decide") (result i32) (i32.const 1)))"#
        );
        refusal(&assemble(&wat, &[]))
    };
    for unknown in [
        r#"(import "env" "abort" (func))"#,
        r#"(import "postern" "clock" (func (result i64)))"#,
        r#"(import "wasi_snapshot_preview1" "fd_write" (func (param i32 i32 i32 i32) (result i32)))"#,
        r#"(import "postern" "" (func))"#,
    ] {
        assert!(
            matches!(module(unknown), CheckError::UnknownImport { .. }),
            "{unknown}"
        );
    }
    for mistyped in [
        r#"(import "postern" "present" (func (param i64) (result i32)))"#,
        r#"(import "postern" "present" (func (param i32)))"#,
        r#"(import "postern" "equals" (global i32))"#,
        r#"(import "postern" "equals" (memory 1))"#,
    ] {
        assert!(
            matches!(module(mistyped), CheckError::MistypedImport { .. }),
            "{mistyped}"
        );
    }
}

/// Every way in which a module could carry something from one evaluation to the next.
#[test]
fn the_counter_reads_one_twice() {
    let count_global = (
        "(global $n (mut i32) (i32.const 0))",
        "(global.set $n (i32.add (global.get $n) (i32.const 1))) (global.get $n)",
    );
    let count_memory = (
        "",
        "(i32.store (i32.const 1024) (i32.add (i32.load (i32.const 1024)) (i32.const 1))) (i32.load (i32.const 1024))",
    );
    let count_fill = (
        "",
        "(local $n i32) (local.set $n (i32.add (i32.load8_u (i32.const 1024)) (i32.const 1)))
         (memory.fill (i32.const 1024) (local.get $n) (i32.const 1)) (local.get $n)",
    );
    let count_table = (
        "(table $t 1 funcref) (elem declare func $one) (func $one)",
        "(if (result i32) (ref.is_null (table.get $t (i32.const 0)))
            (then (table.set $t (i32.const 0) (ref.func $one)) (i32.const 1))
            (else (i32.const 2)))",
    );
    let count_drop = (
        r#"(data $d "\01")"#,
        "(memory.init $d (i32.const 2048) (i32.const 0) (i32.const 1)) (data.drop $d) (i32.load8_u (i32.const 2048))",
    );
    let count_vector = (
        "",
        "(v128.store (i32.const 1024) (i32x4.add (v128.load (i32.const 1024)) (v128.const i32x4 1 0 0 0))) (i32.load (i32.const 1024))",
    );
    for (fields, body) in [
        count_global,
        count_memory,
        count_fill,
        count_table,
        count_drop,
        count_vector,
    ] {
        let module = load(&engine(), &policy_with(fields, body), &[]);
        assert!(!module.inspection().reusable, "{body}");
        for _ in 0..3 {
            let verdict = module.evaluate(&Table::default(), 0).unwrap().verdict;
            assert_eq!(verdict, Verdict::Allow, "{body}");
        }
    }
}

#[test]
fn only_a_module_that_keeps_nothing_is_reused() {
    let module = load(
        &engine(),
        &policy("(call $equals (i32.const 0) (i32.const 0) (i32.const 5))"),
        &["aws:username"],
    );
    assert!(module.inspection().reusable);
    let facts = [
        Table::default().text("aws:username", "alice"),
        Table::default().text("aws:username", "bob"),
    ];
    for round in 0..10 {
        let verdict = module.evaluate(&facts[round % 2], 0).unwrap().verdict;
        assert_eq!(verdict == Verdict::Allow, round % 2 == 0);
    }
}

#[test]
fn two_tenants_of_one_module_get_their_own_answers() {
    let engine = engine();
    let module = load(
        &engine,
        &policy("(call $equals (i32.const 0) (i32.const 0) (i32.const 5))"),
        &["aws:username"],
    );
    let plan = |tenant| {
        let layer = Layer {
            scope: TreeScope::Tenant(tenant),
            ..layer(LayerKind::Grant, &module)
        };
        Plan::new(vec![layer]).unwrap()
    };
    let decider = decider();
    let (ours, theirs) = (
        Table::default().text("aws:username", "alice"),
        Table::default().text("aws:username", "eve"),
    );
    for _ in 0..3 {
        assert!(matches!(
            decider.decide(&plan(1), ACTION, &ours),
            Decision::Allowed(_)
        ));
        assert!(matches!(
            decider.decide(&plan(2), ACTION, &theirs),
            Decision::Denied(_)
        ));
    }
    assert_eq!(decider.inspect(&module).trees, 2, "a tree for each");
}

#[test]
fn a_module_that_breaks_is_never_remembered_and_refuses() {
    let engine = engine();
    let module = load(
        &engine,
        &policy("(drop (call $present (i32.const 0))) unreachable"),
        &["aws:username"],
    );
    let decider = decider();
    let plan = grant(&module);
    for _ in 0..3 {
        let decision = decider.decide(&plan, ACTION, &Table::default());
        assert!(matches!(decision, Decision::Undecided(_)), "{decision:?}");
    }
    assert_eq!(decider.statistics().faults, 3);
    assert_eq!(decider.statistics().trees.nodes, 0);
}

#[test]
fn a_module_that_could_not_be_loaded_refuses() {
    let module =
        policy_wasm::engine::Module::unavailable(policy_wasm::engine::Digest::of(b"gone"), "gone");
    let decision = decider().decide(&grant(&module), ACTION, &Table::default());
    assert!(
        matches!(decision, Decision::Undecided(undecided) if undecided.fault == Fault::Unavailable)
    );
}

#[test]
fn a_module_that_wastes_the_processor_is_tripped_and_its_tree_still_answers() {
    let now = Arc::new(AtomicU64::new(1_000));
    let clock = Arc::clone(&now);
    let decider = Decider::new(DeciderOptions::new(move || clock.load(Ordering::Relaxed)));
    let engine = engine();
    let body = "(if (call $equals (i32.const 0) (i32.const 0) (i32.const 5)) (then (return (i32.const 1)))) (loop (br 0)) (i32.const 1)";
    let module = load(&engine, &policy(body), &["aws:username"]);
    let plan = grant(&module);
    let alice = Table::default().text("aws:username", "alice");
    let eve = Table::default().text("aws:username", "eve");
    assert!(matches!(
        decider.decide(&plan, ACTION, &alice),
        Decision::Allowed(_)
    ));
    let tripped = |decision: Decision| matches!(decision, Decision::Undecided(u) if u.fault == Fault::Tripped);
    let rounds = (0..1_000)
        .take_while(|_| !tripped(decider.decide(&plan, ACTION, &eve)))
        .count();
    assert!((10..1_000).contains(&rounds), "{rounds}");
    assert!(
        matches!(decider.decide(&plan, ACTION, &alice), Decision::Allowed(_)),
        "the tree knows"
    );
    let explanation = decider.explain(&plan, ACTION, &alice);
    assert!(
        matches!(explanation.decision, Decision::Allowed(_)),
        "and so does its explanation"
    );
    now.fetch_add(TRIPPED_MILLISECONDS + 1, Ordering::Relaxed);
    assert!(
        !tripped(decider.decide(&plan, ACTION, &eve)),
        "for a while only"
    );
}

#[test]
fn reasons_and_obligations_have_bounds() {
    let because = |length: usize| {
        format!("(call $because (i32.const 100) (i32.const {length})) (i32.const 1)")
    };
    assert_eq!(
        fault(&policy(&because(REASON_BYTES_MAX + 1)), &[]),
        Fault::Because
    );
    let module = load(&engine(), &policy(&because(REASON_BYTES_MAX)), &[]);
    assert!(module.evaluate(&Table::default(), 0).is_ok());
    for kind in [0, 7, -1, i32::MAX] {
        let body = format!(
            "(call $oblige (i32.const {kind}) (i32.const -1) (i32.const 0) (i32.const 0)) (i32.const 1)"
        );
        assert_eq!(fault(&policy(&body), &[]), Fault::Oblige);
    }
    let not_utf8 = policy_with(
        r#"(data (i32.const 64) "\ff\fe")"#,
        "(call $because (i32.const 64) (i32.const 2)) (i32.const 1)",
    );
    assert_eq!(fault(&not_utf8, &[]), Fault::Because);
}

#[test]
fn modules_that_are_too_much_for_the_compiler_are_refused() {
    let decide = |body: &str| {
        format!(
            r#"(module (memory (export "memory") 1) (func (export "decide") (result i32) {body} (i32.const 1)))"#
        )
    };
    let too_many = |wat: &str| matches!(refusal(&assemble(wat, &[])), CheckError::TooMany { .. });
    assert!(too_many(&decide(
        &"(drop (i32.const 1))".repeat(FUNCTION_BYTES_MAX / 3)
    )));
    assert!(too_many(&decide(&format!(
        "(local {})",
        "i32 ".repeat(usize::try_from(LOCALS_MAX).unwrap() + 1)
    ))));
    assert!(too_many(&decide(&format!(
        "{}{}",
        "(block ".repeat(usize::try_from(NESTING_MAX).unwrap() + 1),
        ")".repeat(usize::try_from(NESTING_MAX).unwrap() + 1)
    ))));
    assert!(
        engine()
            .check(&assemble(
                &decide(&format!(
                    "{}{}",
                    "(block ".repeat(usize::try_from(NESTING_MAX).unwrap()),
                    ")".repeat(usize::try_from(NESTING_MAX).unwrap())
                )),
                &[]
            ))
            .is_ok()
    );
    assert!(matches!(
        refusal(&vec![0; MODULE_BYTES_MAX + 1]),
        CheckError::TooLarge { .. }
    ));
}

#[test]
fn features_that_policies_do_not_have_are_refused() {
    let decide =
        r#"(memory (export "memory") 1) (func (export "decide") (result i32) (i32.const 1))"#;
    for feature in [
        "(memory 1)",
        "(func (result i32) (return_call 0))",
        "(tag (param i32))",
        "(func (param f32x4))",
        "(type (struct))",
        "(func (drop (f32x4.relaxed_madd (v128.const i64x2 0 0) (v128.const i64x2 0 0) (v128.const i64x2 0 0))))",
        "(global i32 (i32.add (i32.const 1) (i32.const 2)))",
    ] {
        let Ok(module) = wat::parse_str(format!("(module {decide} {feature})")) else {
            continue;
        };
        let manifest = Manifest::new("test", "1").to_json().unwrap();
        let refused = engine().load(&with_section(&module, &manifest));
        assert!(
            matches!(refused, Err(LoadError::Check(_))),
            "{feature}: {refused:?}"
        );
    }
    let wide = r#"(module (memory (export "memory") i64 1) (func (export "decide") (result i32) (i32.const 1)))"#;
    assert!(engine().load(&assemble(wide, &[])).is_err());
}

#[test]
fn a_manifest_must_be_there_once_and_make_sense() {
    let bare = wat::parse_str(r#"(module (memory (export "memory") 1) (func (export "decide") (result i32) (i32.const 1)))"#).unwrap();
    assert!(matches!(refusal(&bare), CheckError::NoManifest));
    let good = Manifest::new("test", "1").to_json().unwrap();
    assert!(matches!(
        refusal(&with_section(&with_section(&bare, &good), &good)),
        CheckError::NoManifest
    ));
    let wrong = |json: &str| refusal(&with_section(&bare, json.as_bytes()));
    assert!(matches!(
        wrong("{"),
        CheckError::Manifest(ManifestError::Json(_))
    ));
    assert!(matches!(
        wrong(r#"{"abi":"postern:policy/2","name":"x","version":"1"}"#),
        CheckError::Manifest(ManifestError::Abi { .. })
    ));
    assert!(matches!(
        wrong(&format!(
            r#"{{"abi":"{ABI}","name":"x","version":"1","more":1}}"#
        )),
        CheckError::Manifest(ManifestError::Json(_))
    ));
    assert!(matches!(
        wrong(&format!(
            r#"{{"abi":"{ABI}","name":"x","version":"1","attributes":["aws:Nothing"]}}"#
        )),
        CheckError::Attribute(_)
    ));
    let many = vec!["aws:SourceIp"; policy_wasm::limits::ATTRIBUTES_MAX + 1].join("\",\"");
    assert!(matches!(
        wrong(&format!(
            r#"{{"abi":"{ABI}","name":"x","version":"1","attributes":["{many}"]}}"#
        )),
        CheckError::Manifest(ManifestError::TooMany { .. })
    ));
}

#[test]
fn bytes_that_are_no_module_are_refused() {
    let good = assemble(&policy("(i32.const 1)"), &["aws:SourceIp"]);
    for cut in 0..good.len() {
        assert!(engine_check(&good[..cut]).is_err(), "{cut}");
    }
    for place in (0..good.len()).step_by(3) {
        let mut bent = good.clone();
        bent[place] ^= 0x55;
        // Whatever comes of it, it comes as a value.
        drop(engine_check(&bent));
    }
}

fn engine_check(bytes: &[u8]) -> Result<(), CheckError> {
    thread_local!(static ENGINE: Arc<policy_wasm::engine::Engine> = engine());
    ENGINE.with(|engine| engine.check(bytes).map(drop))
}
