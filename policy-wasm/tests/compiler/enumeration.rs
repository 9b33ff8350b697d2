//! Every way through a module is found, once, with a request that takes it, and nothing is proven that is not so.

use std::cell::Cell;
use std::sync::Arc;

use policy_wasm::compiler::levels::{Cell as LevelCell, Row};
use policy_wasm::compiler::{Condition, Statement, key_scope, levels};
use policy_wasm::engine::{Module, Verdict};
use policy_wasm::facts::OwnedValue;
use policy_wasm::manifest::Manifest;
use policy_wasm::plan::{
    ActionId, Decision, Layer, LayerKind, Obligation, ObligationKind, ObligationOperand, Plan,
    TreeScope,
};
use policy_wasm::question::{Answer, Ask, Question, Work, answer};
use policy_wasm::tools::{
    Answered, Bounds, Enumeration, Incomplete, Never, Outcome, Path, Query, Situation, Subject,
    Witness, attach, diff, enumerate, never, who_can,
};
use proptest::prelude::*;

use super::facts::Known;
use super::{Bench, attribute, id, key_is, random};

/// Facts as the registry promises them: what an attribute requires is there, a prefix only in a list, a length only
/// where there is a body.
pub(crate) fn coherent(mut facts: Known) -> Known {
    let has = |facts: &Known, name: &str| facts.values(&attribute(name)).is_some();
    if has(&facts, "s3:prefix") {
        facts = facts.text("postern:Operation", "ListObjects");
        facts
            .0
            .retain(|(known, _)| *known != attribute("postern:ContentLength"));
    } else if has(&facts, "postern:ContentLength") {
        facts = facts.text("postern:Operation", "PutObject");
    }
    if !has(&facts, "postern:Bucket") && (has(&facts, "postern:Key") || has(&facts, "s3:prefix")) {
        facts = facts.text("postern:Bucket", "b");
    }
    facts
        .text("postern:KeyLevel", "read")
        .text("aws:PrincipalArn", "arn:aws:iam::1:user/a")
}

fn question(name: &str, ask: Ask) -> Question {
    Question {
        attribute: attribute(name),
        ask,
    }
}

fn takes(facts: &Known, path: &[Answered]) -> bool {
    path.iter().all(|answered| {
        answer(&answered.question, facts, &mut Work::full()) == Ok(Answer::Truth(answered.answer))
    })
}

fn outcome(verdict: Verdict) -> Outcome {
    match verdict {
        Verdict::NoOpinion => Outcome::NoOpinion,
        Verdict::Allow => Outcome::Allow,
        Verdict::Deny => Outcome::Deny,
    }
}

fn bounds(paths: usize) -> Bounds<'static> {
    Bounds {
        paths,
        ..Bounds::new(&|| 0)
    }
}

/// The real decision is that of the one path that the request takes.
fn assert_covered(found: &Enumeration, module: &Arc<Module>, facts: &Known) {
    let said = module.evaluate(facts, 0).expect("an answer");
    let taken: Vec<&Path> = found
        .paths
        .iter()
        .filter(|path| takes(facts, &path.conditions))
        .collect();
    match taken.as_slice() {
        [path] => {
            let reasons: Vec<String> = said.reasons.iter().map(ToString::to_string).collect();
            assert_eq!(
                (path.outcome, &path.reasons, &path.obligations),
                (outcome(said.verdict), &reasons, &said.obligations)
            );
        }
        [] => assert!(!found.is_complete(), "no path for {facts:?}\n{found}"),
        more => panic!("{} paths for {facts:?}", more.len()),
    }
}

fn assert_verified(found: &Enumeration, module: &Arc<Module>) {
    for path in &found.paths {
        if let Witness::Verified(situation) = &path.witness {
            let said = module.evaluate(situation, 0).expect("an answer");
            assert_eq!(outcome(said.verdict), path.outcome);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn every_request_takes_exactly_one_path_and_that_says_what_is_decided(
        statements in random::statements(),
        checks in proptest::collection::vec(random::facts().prop_map(coherent), 1..12),
    ) {
        let bench = Bench::new();
        let module = bench.module(&statements);
        let found = enumerate(Subject::Module(&module), &Query::any(), None, &bounds(1_000));
        assert_verified(&found, &module);
        for facts in &checks {
            assert_covered(&found, &module, facts);
        }
    }

    #[test]
    fn what_a_query_fixes_leaves_the_paths_of_those_requests(
        statements in random::statements(),
        checks in proptest::collection::vec(random::facts().prop_map(coherent), 1..8),
        fixed in any::<u32>(),
    ) {
        let bench = Bench::new();
        let module = bench.module(&statements);
        for facts in &checks {
            let some = facts.0.iter().enumerate().filter(|(place, _)| fixed >> (place % 32) & 1 == 1);
            let query = Query {
                fixed: Situation::of(facts, some.map(|(_, (attribute, _))| attribute)),
                ..Query::any()
            };
            let found = enumerate(Subject::Module(&module), &query, None, &bounds(500));
            assert_verified(&found, &module);
            assert_covered(&found, &module, facts);
        }
    }

    #[test]
    fn what_is_proven_to_happen_never_does_not(
        statements in random::statements(),
        checks in proptest::collection::vec(random::facts().prop_map(coherent), 1..16),
    ) {
        let bench = Bench::new();
        let module = bench.module(&statements);
        for wanted in [Outcome::Allow, Outcome::Deny, Outcome::NoOpinion] {
            match never(Subject::Module(&module), &Query::any(), wanted, &bounds(500)) {
                Never::Proven => {
                    for facts in &checks {
                        let said = module.evaluate(facts, 0).expect("an answer");
                        prop_assert_ne!(outcome(said.verdict), wanted, "{:?}", facts);
                    }
                }
                Never::Refuted(path) => {
                    let Witness::Verified(situation) = &path.witness else {
                        panic!("refuted without a request");
                    };
                    let said = module.evaluate(situation, 0).expect("an answer");
                    prop_assert_eq!(outcome(said.verdict), wanted);
                }
                Never::Undecided(_) => {}
            }
        }
    }

    #[test]
    fn two_modules_differ_where_a_comparison_says_so_and_nowhere_else(
        before in random::statements(),
        after in random::statements(),
        checks in proptest::collection::vec(random::facts().prop_map(coherent), 1..12),
    ) {
        let bench = Bench::new();
        let (before, after) = (bench.module(&before), bench.module(&after));
        let found = diff(Subject::Module(&before), Subject::Module(&after), &Query::any(), &bounds(1_000));
        let said = |module: &Arc<Module>, facts: &Known| {
            let said = module.evaluate(facts, 0).expect("an answer");
            let mut owed: Vec<String> = said.obligations.iter().map(|o| format!("{o:?}")).collect();
            owed.sort();
            (said.verdict, owed)
        };
        for facts in &checks {
            let areas = found.areas.iter().filter(|area| takes(facts, &area.conditions)).count();
            let differs = said(&before, facts) != said(&after, facts);
            prop_assert!(areas <= 1);
            prop_assert!(areas == usize::from(differs) || !found.is_complete(), "{facts:?}\n{found}");
            prop_assert!(differs || areas == 0, "{facts:?}\n{found}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn a_path_of_a_plan_says_what_the_plan_decides(
        grant in random::statements(),
        limit in random::statements(),
        guard in random::statements(),
        checks in proptest::collection::vec(random::facts().prop_map(coherent), 1..12),
    ) {
        let bench = Bench::new();
        let plan = Plan::new(vec![
            layer(LayerKind::Grant, "grant", bench.module(&grant)),
            layer(LayerKind::Limit, "limit", bench.module(&limit)),
            layer(LayerKind::Guard, "guard", bench.module(&guard)),
        ])
        .expect("a plan");
        let found = enumerate(Subject::Plan(&plan), &Query::any(), None, &bounds(500));
        for facts in &checks {
            let real = match bench.decider.decide(&plan, ActionId(1), facts) {
                Decision::Allowed(_) => Outcome::Allow,
                Decision::Denied(_) => Outcome::Deny,
                other => panic!("{other:?}"),
            };
            prop_assert_eq!(Subject::Plan(&plan).decide(facts).outcome, real);
            let taken: Vec<&Path> = found.paths.iter().filter(|path| takes(facts, &path.conditions)).collect();
            match taken.as_slice() {
                // What is demanded depends on more than the questions.
                [path] => prop_assert!(path.outcome == real || !path.obligations.is_empty(), "{path}"),
                [] => prop_assert!(!found.is_complete()),
                more => panic!("{} paths", more.len()),
            }
        }
        for path in &found.paths {
            if let Witness::Verified(situation) = &path.witness {
                let real = bench.decider.decide(&plan, ActionId(1), situation);
                prop_assert_eq!(matches!(real, Decision::Allowed(_)), path.outcome == Outcome::Allow);
            }
        }
    }
}

#[test]
fn a_witness_can_fulfil_what_is_demanded() {
    let bench = Bench::new();
    let own = Obligation {
        kind: ObligationKind::RequireCreator,
        operand: ObligationOperand::None,
    };
    let module = bench.module(&[Statement::allow(id("own")).when(key_is("a")).owing(own)]);
    let plan = Plan::new(vec![layer(LayerKind::Grant, "grant", module)]).expect("a plan");
    let found = never(
        Subject::Plan(&plan),
        &Query::any(),
        Outcome::Allow,
        &bounds(10),
    );
    assert!(matches!(found, Never::Refuted(_)), "{found}");
    // A bucket cannot be created by the one who has made it before.
    let fixed = Situation::default().with_text(attribute("postern:Operation"), "CreateBucket");
    let query = Query {
        fixed,
        ..Query::any()
    };
    let found = never(Subject::Plan(&plan), &query, Outcome::Allow, &bounds(10));
    assert!(matches!(found, Never::Undecided(_)), "{found}");
}

#[test]
fn impossible_answers_are_not_followed() {
    let bench = Bench::new();
    let deny = |name: &str, conditions: Vec<Condition>| {
        conditions
            .into_iter()
            .fold(Statement::deny(id(name)), Statement::when)
    };
    let key = || attribute("postern:Key");
    let address = attribute("aws:SourceIp");
    let within = |block: &str| {
        let block = policy_wasm::question::Operand::Constant(block.parse().unwrap());
        Condition::any(
            address.clone(),
            policy_wasm::question::Test::Network(vec![block]),
        )
    };
    let before = |seconds| {
        let bound = policy_wasm::question::Operand::Constant(seconds);
        let order = policy_wasm::question::Order::Below;
        Condition::any(
            attribute("aws:CurrentTime"),
            policy_wasm::question::Test::Time(order, vec![bound]),
        )
    };
    let level = |name| Condition::one_of(attribute("postern:KeyLevel"), [name]);
    let impossible = [
        deny("two values", vec![key_is("a"), key_is("b")]),
        deny(
            "prefix",
            vec![
                Condition::like(key(), ["a/*"]),
                Condition::like(key(), ["b/*"]),
            ],
        ),
        deny(
            "nested",
            vec![
                Condition::like(key(), ["a/b/*"]),
                Condition::like(key(), ["a/*"]).negated(),
            ],
        ),
        deny(
            "suffix",
            vec![key_is("x.jpg"), Condition::like(key(), ["*.jpg"]).negated()],
        ),
        deny(
            "networks",
            vec![within("10.0.0.0/8"), within("192.168.0.0/16")],
        ),
        deny(
            "inner network",
            vec![within("10.1.0.0/16"), within("10.0.0.0/8").negated()],
        ),
        deny("below", vec![before(100), before(200).negated()]),
        deny(
            "present",
            vec![key_is("a"), Condition::present(key()).negated()],
        ),
        deny(
            "domain",
            ["full", "read-write", "read", "write"]
                .map(|name| level(name).negated())
                .into_iter()
                .chain([Condition::present(attribute("postern:KeyLevel"))])
                .collect(),
        ),
        deny(
            "registry",
            vec![
                key_is("a"),
                Condition::present(attribute("postern:Bucket")).negated(),
            ],
        ),
        deny(
            "operation",
            vec![
                Condition::present(attribute("s3:prefix")),
                Condition::one_of(attribute("postern:Operation"), ["GetObject"]),
            ],
        ),
        deny(
            "truth",
            vec![
                Condition::truth(attribute("aws:SecureTransport"), true),
                Condition::truth(attribute("aws:SecureTransport"), false),
            ],
        ),
    ];
    for statement in impossible {
        let name = statement.id.to_string();
        let module = bench.module(&[statement]);
        let found = never(
            Subject::Module(&module),
            &Query::any(),
            Outcome::Deny,
            &bounds(100),
        );
        assert!(matches!(found, Never::Proven), "{name}: {found}");
    }
}

#[test]
fn several_values_may_be_what_one_value_cannot() {
    let bench = Bench::new();
    let is = |name| Condition::one_of(attribute("postern:RoleAtoms"), [name]);
    let module = bench.module(&[Statement::allow(id("both"))
        .when(is("obj.read"))
        .when(is("obj.write"))]);
    let found = never(
        Subject::Module(&module),
        &Query::any(),
        Outcome::Allow,
        &bounds(100),
    );
    assert!(matches!(found, Never::Refuted(_)), "{found}");
}

/// `count` statements on keys of their own.
fn many(count: usize) -> Vec<Statement> {
    (0..count)
        .map(|n| Statement::deny(id(&format!("s{n}"))).when(key_is(&format!("key{n}"))))
        .collect()
}

#[test]
fn as_many_paths_as_the_bound_are_complete_and_one_more_is_not() {
    let bench = Bench::new();
    // Each statement has a path, and none of them another.
    let found = |count: usize, paths: usize| {
        let module = bench.module(&many(count));
        enumerate(
            Subject::Module(&module),
            &Query::any(),
            None,
            &bounds(paths),
        )
    };
    assert!(found(9, 10).is_complete());
    let cut = found(10, 10);
    assert_eq!(cut.incomplete, [Incomplete::Paths { most: 10 }]);
    assert_eq!(cut.followed, 10);
}

#[test]
fn as_many_questions_as_the_bound_are_complete_and_one_more_is_not() {
    let bench = Bench::new();
    let found = |count: usize| {
        let module = bench.module(&many(count));
        let bounds = Bounds {
            questions: 10,
            ..Bounds::new(&|| 0)
        };
        enumerate(Subject::Module(&module), &Query::any(), None, &bounds)
    };
    assert!(found(10).is_complete());
    assert_eq!(found(11).incomplete, [Incomplete::Questions { most: 10 }]);
}

#[test]
fn as_much_time_as_the_bound_ends_it() {
    let bench = Bench::new();
    let module = bench.module(&many(10));
    let now = Cell::new(0);
    let clock = || {
        now.set(now.get() + 1);
        now.get()
    };
    let found = |milliseconds| {
        now.set(0);
        let bounds = Bounds {
            milliseconds,
            ..Bounds::new(&clock)
        };
        enumerate(Subject::Module(&module), &Query::any(), None, &bounds).incomplete
    };
    // The clock is read once at the start and once after each of the eleven paths.
    assert_eq!(found(12), []);
    assert_eq!(found(11), [Incomplete::Time { milliseconds: 11 }]);
}

fn reading() -> (Bench, Arc<Module>) {
    let bench = Bench::new();
    let wasm = wat::parse_str(
        r#"(module
            (import "postern" "read" (func $read (param i32 i32 i32) (result i32)))
            (memory (export "memory") 1 1)
            (func (export "decide") (result i32)
                (i32.add (i32.const 1) (i32.eq (call $read (i32.const 0) (i32.const 0) (i32.const 8)) (i32.const 3)))))"#,
    )
    .expect("it is WebAssembly");
    let mut manifest = Manifest::new("reads", "1");
    manifest.attributes = vec!["postern:Key".to_owned()];
    let wasm = attach(&wasm, &manifest).expect("it is a module");
    let module = bench.engine.load(&wasm).expect("the engine takes it");
    (bench, module)
}

#[test]
fn what_a_module_reads_is_not_enumerated_unless_the_query_fixes_it() {
    let (_bench, module) = reading();
    let attribute = "postern:Key".to_owned();
    let found = enumerate(Subject::Module(&module), &Query::any(), None, &bounds(10));
    assert_eq!(found.incomplete, [Incomplete::Reads { attribute }]);
    let fixed = Situation::default().with_text(super::attribute("postern:Key"), "abc");
    let query = Query {
        fixed,
        ..Query::any()
    };
    let found = enumerate(Subject::Module(&module), &query, None, &bounds(10));
    assert!(found.is_complete());
    assert_eq!(found.paths.len(), 1);
    assert_eq!(found.paths[0].outcome, Outcome::Deny);
}

#[test]
fn a_question_that_changes_nothing_is_left_out() {
    let bench = Bench::new();
    let module = bench.module(&[
        Statement::deny(id("never"))
            .when(key_is("a"))
            .when(key_is("b")),
        Statement::allow(id("all")),
    ]);
    let found = enumerate(Subject::Module(&module), &Query::any(), None, &bounds(10));
    assert_eq!(found.paths.len(), 1, "{found}");
    assert_eq!(found.paths[0].conditions, []);
}

/// Rows of the table of levels that are about objects.
pub(crate) fn rows() -> Vec<Row> {
    use LevelCell::{Allow, DeletesAll, DeletesMarkers, Deny, Filtered};
    let row = |operation: &str, atom: &str, cells: [LevelCell; 4]| Row {
        operation: operation.to_owned(),
        atom: atom.to_owned(),
        cells: ["full", "read-write", "read", "write"]
            .map(str::to_owned)
            .into_iter()
            .zip(cells)
            .collect(),
    };
    vec![
        row("GetObject", "obj.read", [Allow, Allow, Allow, Deny]),
        row("PutObject", "obj.write", [Allow, Allow, Deny, Allow]),
        row(
            "ListBuckets",
            "ns.list",
            [Allow, Filtered, Filtered, Filtered],
        ),
        row("ListObjectsV2", "bkt.list", [Allow, Allow, Allow, Deny]),
        row(
            "DeleteObject",
            "obj.delete",
            [Allow, Allow, Deny, DeletesMarkers],
        ),
        row(
            "DeleteObject",
            "obj.delver",
            [Allow, Allow, Deny, DeletesAll],
        ),
        row("PutBucketAcl", "acl.write", [Allow, Deny, Deny, Deny]),
    ]
}

pub(crate) fn layer(kind: LayerKind, name: &str, module: Arc<Module>) -> Layer {
    Layer {
        kind,
        name: name.into(),
        module,
        scope: TreeScope::Shared,
    }
}

/// Levels grant, the scope of the key limits.
pub(crate) fn gate(bench: &Bench) -> Plan {
    let levels = levels::statements(&rows(), &attribute("postern:KeyLevel"));
    Plan::new(vec![
        layer(LayerKind::Grant, "levels", bench.module(&levels)),
        layer(
            LayerKind::Limit,
            "key",
            bench.module(&key_scope::statements()),
        ),
    ])
    .expect("a plan")
}

/// Deletes of one key under `archive/`.
fn deletes_under_archive() -> Query {
    let fixed = Situation::default()
        .with_text(attribute("postern:Operation"), "DeleteObject")
        .with_text(attribute("postern:Atom"), "obj.delete")
        .with_text(attribute("postern:Bucket"), "backups");
    let starts = Ask::StartsWith(Arc::from(*b"archive/"));
    Query {
        fixed,
        ..Query::any()
    }
    .assume(question("postern:Key", starts), true)
}

#[test]
fn who_can_ever_delete_under_archive() {
    let bench = Bench::new();
    let plan = gate(&bench);
    let found = enumerate(
        Subject::Plan(&plan),
        &deletes_under_archive(),
        Some(Outcome::Allow),
        &bounds(100_000),
    );
    assert!(found.is_complete(), "{found}");
    assert!(!found.paths.is_empty());
    for path in &found.paths {
        let Witness::Verified(situation) = &path.witness else {
            panic!("{path}");
        };
        let level = situation.values(&attribute("postern:KeyLevel"));
        assert_ne!(level, Some(&[OwnedValue::text("read")][..]), "{path}");
        let Some([OwnedValue::Text(key)]) = situation.values(&attribute("postern:Key")) else {
            panic!("{path}");
        };
        assert!(key.starts_with(b"archive/"), "{path}");
    }
}

#[test]
fn a_key_that_reads_never_deletes() {
    let bench = Bench::new();
    let plan = gate(&bench);
    let mut query = deletes_under_archive();
    query.fixed = query.fixed.with_text(attribute("postern:KeyLevel"), "read");
    let found = never(
        Subject::Plan(&plan),
        &query,
        Outcome::Allow,
        &bounds(100_000),
    );
    assert!(matches!(found, Never::Proven), "{found}");
    query.fixed = query.fixed.with_text(attribute("postern:KeyLevel"), "full");
    let found = never(
        Subject::Plan(&plan),
        &query,
        Outcome::Allow,
        &bounds(100_000),
    );
    assert!(matches!(found, Never::Refuted(_)), "{found}");
}

#[test]
fn callers_who_can_are_listed_with_what_is_left_to_be_true() {
    let bench = Bench::new();
    let plan = gate(&bench);
    let caller = |level: &str, prefixes: Option<&[&str]>| {
        let caller = [
            "KeyOperations",
            "KeyNetworks",
            "KeyNotBefore",
            "KeyExpires",
            "KeyTlsOnly",
            "KeyPresign",
            "KeyPresignMaxAge",
            "KeyAppendOnly",
            "KeyMaxObjectBytes",
            "KeyLockBypass",
            "KeyBuckets",
        ]
        .iter()
        .fold(Situation::default(), |s, name| {
            s.without(attribute(&format!("postern:{name}")))
        })
        .with_text(attribute("postern:KeyLevel"), level)
        .with_text(attribute("postern:WriteDeletes"), "no");
        match prefixes {
            Some(list) => caller.with(
                attribute("postern:KeyPrefixes"),
                list.iter().map(OwnedValue::text),
            ),
            None => caller.without(attribute("postern:KeyPrefixes")),
        }
    };
    let callers = [
        ("reader", caller("read", None)),
        ("owner", caller("full", None)),
        ("elsewhere", caller("full", Some(&["live/"]))),
        ("below", caller("read-write", Some(&["archive/2024/"]))),
        ("writer", caller("write", None)),
    ];
    let found = who_can(
        Subject::Plan(&plan),
        &deletes_under_archive(),
        callers,
        &bounds(100_000),
    );
    let names: Vec<&str> = found.iter().map(|access| access.caller).collect();
    assert_eq!(names, ["owner", "below"]);
    let below = &found[1].ways;
    assert!(below.is_complete() && below.paths.len() == 1, "{below}");
    assert!(below.to_string().contains("postern:KeyPrefixes"), "{below}");
}

#[test]
fn the_ways_that_are_followed_grow_no_faster_than_the_square_of_the_statements() {
    let bench = Bench::new();
    for count in [20, 100, 200] {
        let statements: Vec<Statement> = (0..count)
            .map(|n| {
                let statement = if n % 4 == 0 {
                    Statement::deny(id(&format!("s{n}")))
                } else {
                    Statement::allow(id(&format!("s{n}")))
                };
                let actions = ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"];
                statement
                    .to(Condition::one_of(
                        attribute("postern:Action"),
                        [actions[n % 3]],
                    ))
                    .on(Condition::like(
                        attribute("postern:Resource"),
                        [format!("arn:aws:s3:::bucket{n}/*")],
                    ))
                    .when(Condition::truth(
                        attribute("aws:SecureTransport"),
                        n % 2 == 0,
                    ))
            })
            .collect();
        let module = bench.module(&statements);
        let found = enumerate(
            Subject::Module(&module),
            &Query::any(),
            Some(Outcome::Allow),
            &bounds(100_000),
        );
        assert!(found.is_complete());
        assert!(
            found.followed <= count * count,
            "{count}: {}",
            found.followed
        );
    }
}
