//! Plans: what many verdicts make of one check, and what is demanded of what passes.

use std::sync::Arc;

use policy_wasm::engine::{Engine, Fault, Module};
use policy_wasm::limits::LAYERS_MAX;
use policy_wasm::plan::{
    Decision, Denial, FilterBy, LayerKind, LayerPlace, ObligationKind, Obligations, Outcome, Plan,
};

use super::support::*;

const ATTRIBUTES: &[&str] = &[
    "aws:username",
    "postern:KeyMaxObjectBytes",
    "postern:KeyPrefixes",
    "s3:ExistingObjectTag/x",
];

fn module(engine: &Engine, body: &str) -> Arc<Module> {
    load(engine, &policy(body), ATTRIBUTES)
}

fn constant(engine: &Engine, verdict: i32) -> Arc<Module> {
    module(engine, &format!("(i32.const {verdict})"))
}

fn decide(layers: &[(LayerKind, &Arc<Module>)], facts: &Table) -> Decision {
    let layers = layers
        .iter()
        .map(|(kind, module)| layer(*kind, module))
        .collect();
    let plan = Plan::new(layers).unwrap();
    let decider = decider();
    let first = decider.decide(&plan, ACTION, facts);
    let second = decider.decide(&plan, ACTION, facts);
    let explained = decider.explain(&plan, ACTION, facts).decision;
    assert_eq!(
        summary(&first),
        summary(&second),
        "remembered as it was decided"
    );
    assert_eq!(
        summary(&first),
        summary(&explained),
        "explained as it was decided"
    );
    second
}

/// A decision without its trace, which tells what was remembered.
fn summary(decision: &Decision) -> String {
    match decision {
        Decision::Allowed(allowed) => format!("allowed {:?}", allowed.obligations),
        Decision::Denied(denied) => format!("denied {:?} {:?}", denied.denial, denied.reasons),
        Decision::Undecided(undecided) => {
            format!("undecided {:?} {:?}", undecided.layer, undecided.fault)
        }
        Decision::NeedsFetch(needs) => format!("fetch {:?}", needs.wanted),
    }
}

use LayerKind::{Grant, Guard, Limit};

#[test]
fn the_most_restrictive_layer_wins() {
    let engine = engine();
    let (none, allow, deny) = (
        constant(&engine, 0),
        constant(&engine, 1),
        constant(&engine, 2),
    );
    let facts = Table::default();
    for (layers, allowed) in [
        (vec![], false),
        (vec![(Grant, &allow)], true),
        (vec![(Grant, &none)], false),
        (vec![(Grant, &none), (Grant, &allow)], true),
        (vec![(Grant, &allow), (Grant, &deny)], false),
        (vec![(Limit, &allow)], false),
        (vec![(Guard, &allow)], false),
        (vec![(Grant, &allow), (Limit, &allow)], true),
        (vec![(Grant, &allow), (Limit, &none)], false),
        (vec![(Grant, &allow), (Limit, &deny)], false),
        (vec![(Grant, &allow), (Guard, &none)], true),
        (vec![(Grant, &allow), (Guard, &allow)], true),
        (vec![(Grant, &allow), (Guard, &deny)], false),
        (vec![(Limit, &allow), (Guard, &none), (Grant, &allow)], true),
    ] {
        let decision = decide(&layers, &facts);
        assert_eq!(
            matches!(decision, Decision::Allowed(_)),
            allowed,
            "{layers:?}"
        );
        assert_eq!(
            matches!(decision, Decision::Denied(_)),
            !allowed,
            "{layers:?}"
        );
    }
}

#[test]
fn adding_a_limit_or_a_guard_never_widens() {
    let engine = engine();
    let trap = module(&engine, "unreachable");
    let modules = [
        constant(&engine, 0),
        constant(&engine, 1),
        constant(&engine, 2),
        trap,
    ];
    let kinds = [Grant, Limit, Guard];
    let facts = Table::default();
    let all: Vec<_> = kinds
        .iter()
        .flat_map(|kind| modules.iter().map(move |m| (*kind, m)))
        .collect();
    let allows = |layers: &[(LayerKind, &Arc<Module>)]| {
        matches!(decide(layers, &facts), Decision::Allowed(_))
    };
    for first in &all {
        for second in &all {
            let plan = [*first, *second];
            if allows(&plan) {
                continue;
            }
            for added in all.iter().filter(|(kind, _)| *kind != Grant) {
                assert!(!allows(&[*first, *second, *added]), "{plan:?} + {added:?}");
                assert!(!allows(&[*added, *first, *second]), "{added:?} + {plan:?}");
            }
        }
    }
}

#[test]
fn a_plan_that_cannot_answer_is_undecided_unless_a_layer_denies() {
    let engine = engine();
    let (allow, deny) = (constant(&engine, 1), constant(&engine, 2));
    let trap = module(&engine, "unreachable");
    let facts = Table::default();
    for (layers, undecided) in [
        (vec![(Grant, &trap)], true),
        (vec![(Grant, &allow), (Grant, &trap)], true),
        (vec![(Grant, &allow), (Limit, &trap)], true),
        (vec![(Grant, &allow), (Guard, &trap)], true),
        (vec![(Grant, &allow), (Guard, &trap), (Limit, &deny)], false),
        (vec![(Grant, &deny), (Guard, &trap)], false),
        (vec![(Limit, &trap)], false),
    ] {
        let decision = decide(&layers, &facts);
        assert_eq!(
            matches!(decision, Decision::Undecided(_)),
            undecided,
            "{layers:?}"
        );
        assert_eq!(
            matches!(decision, Decision::Denied(_)),
            !undecided,
            "{layers:?}"
        );
    }
}

#[test]
fn a_denial_names_its_layer_and_its_statement() {
    let engine = engine();
    let allow = constant(&engine, 1);
    let deny = module(
        &engine,
        "(call $because (i32.const 32) (i32.const 4)) (i32.const 2)",
    );
    let Decision::Denied(denied) = decide(&[(Grant, &allow), (Guard, &deny)], &Table::default())
    else {
        panic!("denied");
    };
    assert_eq!(denied.denial, Denial::Verdict(LayerPlace(1)));
    assert_eq!(denied.reasons[0].as_str(), "logs");
    assert_eq!(denied.trace.len(), 2);
    assert!(
        denied.trace.iter().all(|layer| layer.remembered),
        "the second time both trees knew"
    );
}

#[test]
fn nothing_is_fetched_before_the_layers_that_need_no_fetch_have_passed() {
    let engine = engine();
    let (allow, deny) = (constant(&engine, 1), constant(&engine, 2));
    let tags = module(
        &engine,
        "(call $equals (i32.const 3) (i32.const 0) (i32.const 5))",
    );
    let unfetched = Table::default().with("s3:ExistingObjectTag/x", Held::Unfetched);
    let wants = decide(&[(Grant, &tags), (Limit, &allow)], &unfetched);
    assert!(
        matches!(&wants, Decision::NeedsFetch(needs) if needs.wanted[0].to_string() == "s3:ExistingObjectTag/x")
    );
    assert!(matches!(
        decide(&[(Grant, &tags), (Limit, &deny)], &unfetched),
        Decision::Denied(_)
    ));
    assert!(
        matches!(decide(&[(Limit, &tags)], &unfetched), Decision::Denied(_)),
        "no grant could allow"
    );
    let fetched = Table::default().text("s3:ExistingObjectTag/x", "alice");
    let Decision::Allowed(allowed) = decide(&[(Grant, &tags), (Limit, &allow)], &fetched) else {
        panic!("allowed");
    };
    assert!(
        allowed.obligations.expect_fetched_version,
        "what was fetched must still hold"
    );
}

fn obligations(bodies: &[&str], facts: Table) -> Result<Obligations, Denial> {
    let engine = engine();
    let modules: Vec<_> = bodies
        .iter()
        .map(|body| module(&engine, &format!("{body} (i32.const 1)")))
        .collect();
    let layers: Vec<_> = modules.iter().map(|module| (Grant, module)).collect();
    match decide(&layers, &facts) {
        Decision::Allowed(allowed) => Ok(allowed.obligations),
        Decision::Denied(denied) => Err(denied.denial),
        other => panic!("{other:?}"),
    }
}

fn operation(name: &str) -> Table {
    Table::default().text("postern:Operation", name)
}

const CREATOR: &str = "(call $oblige (i32.const 1) (i32.const -1) (i32.const 0) (i32.const 0))";
const NO_OVERWRITE: &str =
    "(call $oblige (i32.const 2) (i32.const -1) (i32.const 0) (i32.const 0))";
const THOUSAND_BYTES: &str =
    "(call $oblige (i32.const 4) (i32.const -1) (i32.const 48) (i32.const 4))";
const KEY_BYTES: &str = "(call $oblige (i32.const 4) (i32.const 1) (i32.const 0) (i32.const 0))";
const KEY_PREFIXES: &str = "(call $oblige (i32.const 3) (i32.const 2) (i32.const 0) (i32.const 0))";
const STRIP_ALICE: &str = "(call $oblige (i32.const 6) (i32.const -1) (i32.const 0) (i32.const 5))";

#[test]
fn the_smallest_of_the_largest_sizes_holds() {
    let facts = operation("PutObject").with("postern:KeyMaxObjectBytes", Held::Number(10));
    assert_eq!(
        obligations(&[THOUSAND_BYTES, KEY_BYTES], facts)
            .unwrap()
            .max_bytes,
        Some(10)
    );
    let facts = operation("PutObject").with("postern:KeyMaxObjectBytes", Held::Number(5_000));
    assert_eq!(
        obligations(&[THOUSAND_BYTES, KEY_BYTES], facts)
            .unwrap()
            .max_bytes,
        Some(1_000)
    );
    assert_eq!(
        obligations(&[KEY_BYTES], operation("PutObject"))
            .unwrap()
            .max_bytes,
        None,
        "not set"
    );
}

#[test]
fn a_reference_is_resolved_for_each_check_and_not_remembered() {
    let engine = engine();
    let module = module(&engine, &format!("{KEY_BYTES} (i32.const 1)"));
    let decider = decider();
    let plan = grant(&module);
    for size in [7, 8, 9] {
        let facts = operation("PutObject").with("postern:KeyMaxObjectBytes", Held::Number(size));
        let Decision::Allowed(allowed) = decider.decide(&plan, ACTION, &facts) else {
            panic!()
        };
        assert_eq!(allowed.obligations.max_bytes, u64::try_from(size).ok());
    }
    assert_eq!(decider.statistics().evaluations, 1);
}

#[test]
fn lists_show_what_every_filter_shows() {
    let prefixes = |list: &[&str]| {
        operation("ListObjectsV2").with(
            "postern:KeyPrefixes",
            Held::Texts(list.iter().map(|text| (*text).to_owned()).collect()),
        )
    };
    let held = obligations(&[KEY_PREFIXES], prefixes(&["logs/", "tmp/"])).unwrap();
    assert_eq!(held.filters[0].by, FilterBy::KeyPrefix);
    assert!(held.filters[0].shows(b"logs/1") && !held.filters[0].shows(b"log"));
    let nothing = obligations(&[KEY_PREFIXES], prefixes(&[])).unwrap();
    assert!(
        !nothing.filters[0].shows(b"anything"),
        "an empty list matches nothing"
    );
    assert!(
        obligations(&[KEY_PREFIXES], operation("ListObjectsV2"))
            .unwrap()
            .filters
            .is_empty()
    );
}

#[test]
fn an_obligation_that_does_not_apply_refuses_and_one_that_holds_by_nature_does_not() {
    let refused = |body, name| {
        matches!(
            obligations(&[body], operation(name)),
            Err(Denial::Unfulfillable(LayerPlace(0), _))
        )
    };
    assert!(refused(CREATOR, "ListBuckets") && !refused(CREATOR, "HeadObject"));
    assert!(refused(NO_OVERWRITE, "GetObject") && !refused(NO_OVERWRITE, "PutObject"));
    assert!(refused(THOUSAND_BYTES, "DeleteObject") && !refused(THOUSAND_BYTES, "UploadPart"));
    assert!(refused(KEY_PREFIXES, "GetObject"));
    assert!(
        refused(CREATOR, "SomethingNew"),
        "an unknown operation refuses"
    );
    assert!(refused(STRIP_ALICE, "") == refused(STRIP_ALICE, "GetObject"));
    let held = obligations(&[NO_OVERWRITE], operation("UploadPart")).unwrap();
    assert!(!held.if_none_match, "a part replaces no object");
    let both = obligations(&[CREATOR, CREATOR], operation("HeadObject")).unwrap();
    assert!(both.require_creator);
}

#[test]
fn an_obligation_without_an_operation_to_bind_refuses() {
    assert!(matches!(
        obligations(&[NO_OVERWRITE], Table::default()),
        Err(Denial::Unfulfillable(_, unfulfillable)) if unfulfillable.kind == ObligationKind::IfNoneMatch
    ));
}

#[test]
fn an_explanation_tells_every_layer_also_behind_a_denial() {
    let engine = engine();
    let deny = module(
        &engine,
        "(drop (call $present (i32.const 0))) (i32.const 2)",
    );
    let ask = module(
        &engine,
        "(call $equals (i32.const 0) (i32.const 0) (i32.const 5))",
    );
    let trap = module(&engine, "unreachable");
    let plan = Plan::new(vec![
        layer(Limit, &deny),
        layer(Grant, &ask),
        layer(Guard, &trap),
    ])
    .unwrap();
    let decider = decider();
    let facts = Table::default().text("aws:username", "alice");
    let explanation = decider.explain(&plan, ACTION, &facts);
    assert!(matches!(explanation.decision, Decision::Denied(_)));
    assert_eq!(explanation.layers.len(), 3);
    assert_eq!(
        explanation.layers[1].asked[0].question.to_string(),
        "aws:username is `alice`"
    );
    assert_eq!(explanation.layers[1].asked[0].answer.to_string(), "yes");
    assert!(matches!(
        explanation.layers[2].outcome,
        Outcome::Fault(Fault::Trap(_))
    ));
    assert!(explanation.layers.iter().all(|layer| !layer.remembered));
    assert_eq!(
        decider.statistics().trees.nodes,
        0,
        "an explanation teaches nothing"
    );
    decider.decide(&plan, ACTION, &facts);
    assert!(decider.explain(&plan, ACTION, &facts).layers[0].remembered);
}

#[test]
fn a_module_runs_once_for_all_who_answer_alike() {
    let engine = engine();
    let module = module(
        &engine,
        "(call $equals (i32.const 0) (i32.const 0) (i32.const 5))",
    );
    let (decider, plan) = (decider(), grant(&module));
    let (alice, eve) = (
        Table::default().text("aws:username", "alice"),
        Table::default().text("aws:username", "eve"),
    );
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..500 {
                    assert!(matches!(
                        decider.decide(&plan, ACTION, &alice),
                        Decision::Allowed(_)
                    ));
                    assert!(matches!(
                        decider.decide(&plan, ACTION, &eve),
                        Decision::Denied(_)
                    ));
                }
            });
        }
    });
    let statistics = decider.statistics();
    assert_eq!(
        (statistics.decisions, statistics.evaluations),
        (4_000, 2),
        "{statistics:?}"
    );
    assert_eq!(statistics.hits + statistics.misses, 4_000);
    assert_eq!(statistics.trees.nodes, 1);
}

#[test]
fn a_plan_has_a_bound() {
    let engine = engine();
    let allow = constant(&engine, 1);
    let layers = |count| (0..count).map(|_| layer(Grant, &allow)).collect::<Vec<_>>();
    assert!(Plan::new(layers(LAYERS_MAX)).is_ok());
    assert!(Plan::new(layers(LAYERS_MAX + 1)).is_err());
}
