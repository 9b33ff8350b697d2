//! Statements mean the same to the compiled module, run afresh or remembered in a tree, and to a plain interpreter.

#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on fails"
)]

#[path = "compiler/changes.rs"]
mod changes;
#[path = "compiler/enumeration.rs"]
mod enumeration;
#[path = "compiler/facts.rs"]
mod facts;
#[path = "compiler/interpreter.rs"]
mod interpreter;
#[path = "compiler/key_scope.rs"]
mod key_scope;
#[path = "compiler/levels.rs"]
mod levels;
#[path = "compiler/permissions.rs"]
mod permissions;
#[path = "compiler/random.rs"]
mod random;
#[path = "compiler/right_size.rs"]
mod right_size;

use std::sync::Arc;

use policy_wasm::compiler::{CompileError, Condition, Effect, Statement, StatementId, compile};
use policy_wasm::decider::{Decider, DeciderOptions};
use policy_wasm::engine::{Engine, EngineOptions, Module, Verdict};
use policy_wasm::manifest::Manifest;
use policy_wasm::plan::{
    ActionId, Layer, LayerKind, Obligation, ObligationKind, ObligationOperand, Outcome, TreeScope,
};
use policy_wasm::question::{Operand, Template, Templates, Test, TextMatch};
use policy_wasm::registry::Attribute;
use policy_wasm::tools;
use proptest::prelude::*;

use facts::Known;
use interpreter::Opinion;

/// An engine and a decider for one test.
struct Bench {
    engine: Engine,
    decider: Decider,
}

impl Bench {
    fn new() -> Self {
        let options = EngineOptions {
            instances: 16,
            ..EngineOptions::default()
        };
        Self {
            engine: Engine::new(options).expect("an engine"),
            decider: Decider::new(DeciderOptions::new(|| 0)),
        }
    }

    fn module(&self, statements: &[Statement]) -> Arc<Module> {
        let wasm = compile(statements, &Manifest::new("test", "1")).expect("it compiles");
        let module = self.engine.load(&wasm).expect("the engine takes it");
        assert!(
            module.inspection().reusable,
            "what the compiler emits is reused"
        );
        module
    }

    /// What the module says, afresh and through its tree, which must be the same.
    fn opinion(&self, module: &Arc<Module>, facts: &Known) -> Opinion {
        let layer = Layer {
            kind: LayerKind::Guard,
            name: "test".into(),
            module: Arc::clone(module),
            scope: TreeScope::Shared,
        };
        let fresh = module.evaluate(facts, 0).expect("an answer");
        let fresh = Opinion {
            verdict: fresh.verdict,
            reasons: fresh.reasons.iter().map(ToString::to_string).collect(),
            obligations: fresh.obligations,
        };
        for _ in 0..2 {
            let Outcome::Answered {
                verdict,
                reasons,
                obligations,
            } = self.decider.judge(&layer, ActionId(1), facts)
            else {
                panic!("the tree gives no answer");
            };
            let reasons = reasons.iter().map(ToString::to_string).collect();
            assert_eq!(
                Opinion {
                    verdict,
                    reasons,
                    obligations
                },
                fresh,
                "the tree disagrees"
            );
        }
        fresh
    }
}

/// The module names one of the statements that hold, and says otherwise what the interpreter says.
fn assert_agrees(module: &Opinion, plain: &Opinion) {
    assert_eq!(module.verdict, plain.verdict, "{module:?} and {plain:?}");
    match module.reasons.as_slice() {
        [] => assert_eq!(module.verdict, Verdict::NoOpinion),
        [reason] => assert!(plain.reasons.contains(reason), "{module:?} and {plain:?}"),
        more => panic!("several reasons: {more:?}"),
    }
    assert_eq!(
        module.obligations.len(),
        plain.obligations.len(),
        "{module:?} and {plain:?}"
    );
    for obligation in &plain.obligations {
        assert!(
            module.obligations.contains(obligation),
            "{module:?} and {plain:?}"
        );
    }
}

fn attribute(name: &str) -> Attribute {
    name.parse().expect("an attribute of the registry")
}

fn id(text: &str) -> StatementId {
    text.parse().expect("a name")
}

fn key_is(text: &str) -> Condition {
    Condition::one_of(attribute("postern:Key"), [text])
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 192, ..ProptestConfig::default() })]

    #[test]
    fn a_module_says_what_its_statements_say(
        statements in random::statements(),
        checks in proptest::collection::vec(random::facts(), 1..12),
    ) {
        let bench = Bench::new();
        let module = bench.module(&statements);
        for facts in &checks {
            assert_agrees(&bench.opinion(&module, facts), &interpreter::decide(&statements, facts));
        }
    }

    #[test]
    fn the_same_statements_give_the_same_bytes(statements in random::statements()) {
        let manifest = Manifest::new("test", "1");
        let once = compile(&statements, &manifest).expect("it compiles");
        prop_assert_eq!(compile(&statements.clone(), &manifest).expect("it compiles"), once);
    }
}

#[test]
fn no_statement_is_no_opinion() {
    let bench = Bench::new();
    let opinion = bench.opinion(&bench.module(&[]), &Known::default());
    assert_eq!(opinion.verdict, Verdict::NoOpinion);
}

#[test]
fn a_deny_wins_over_an_allow_that_stands_before_it() {
    let bench = Bench::new();
    let statements = [
        Statement::allow(id("all")),
        Statement::deny(id("no-secret")).when(key_is("secret")),
    ];
    let module = bench.module(&statements);
    let secret = bench.opinion(&module, &Known::default().text("postern:Key", "secret"));
    assert_eq!(
        (secret.verdict, secret.reasons),
        (Verdict::Deny, vec!["no-secret".to_owned()])
    );
    let open = bench.opinion(&module, &Known::default().text("postern:Key", "open"));
    assert_eq!(
        (open.verdict, open.reasons),
        (Verdict::Allow, vec!["all".to_owned()])
    );
}

#[test]
fn an_obligation_is_not_escaped_by_a_statement_without_one() {
    let bench = Bench::new();
    let own = Obligation {
        kind: ObligationKind::RequireCreator,
        operand: ObligationOperand::None,
    };
    let statements = [
        Statement::allow(id("all")),
        Statement::allow(id("own"))
            .when(key_is("mine"))
            .owing(own.clone()),
    ];
    let module = bench.module(&statements);
    let mine = bench.opinion(&module, &Known::default().text("postern:Key", "mine"));
    assert_eq!(
        (mine.verdict, mine.obligations),
        (Verdict::Allow, vec![own])
    );
    let other = bench.opinion(&module, &Known::default().text("postern:Key", "other"));
    assert_eq!((other.verdict, other.obligations), (Verdict::Allow, vec![]));
}

#[test]
fn a_question_of_many_statements_is_asked_once() {
    let bench = Bench::new();
    let statements: Vec<Statement> = (0..100)
        .map(|n| {
            Statement::deny(id(&format!("s{n}")))
                .when(Condition::truth(attribute("aws:SecureTransport"), false))
                .when(key_is(&format!("key{n}")))
        })
        .collect();
    let module = bench.module(&statements);
    let secure = Known::default().truth("aws:SecureTransport", true);
    assert_eq!(
        module.evaluate(&secure, 0).expect("an answer").path.len(),
        1
    );
    let plain = Known::default()
        .truth("aws:SecureTransport", false)
        .text("postern:Key", "key99");
    let evaluation = module.evaluate(&plain, 0).expect("an answer");
    assert_eq!(
        (evaluation.verdict, evaluation.path.len()),
        (Verdict::Deny, 101)
    );
}

#[test]
fn a_list_of_some_hundred_principals_is_a_few_questions() {
    let bench = Bench::new();
    let arn = |n: usize| format!("arn:aws:iam::123456789012:user/division/department/user{n:04}");
    let allow = Statement::allow(id("staff")).by(Condition::one_of(
        attribute("postern:Principals"),
        (0..400).map(arn),
    ));
    let deny = Statement::deny(id("strangers")).by(Condition::one_of(
        attribute("postern:Principals"),
        (0..400).map(arn),
    )
    .negated());
    let module = bench.module(&[allow, deny]);
    for n in [0, 199, 200, 399] {
        let name: &'static str = Box::leak(arn(n).into_boxed_str());
        let facts = Known::default().texts("postern:Principals", &["arn:aws:iam::1:root", name]);
        let evaluation = module.evaluate(&facts, 0).expect("an answer");
        assert_eq!(evaluation.verdict, Verdict::Allow, "{name}");
        assert!(
            evaluation.path.len() <= 20,
            "{} questions",
            evaluation.path.len()
        );
    }
    let stranger = Known::default().texts("postern:Principals", &["arn:aws:iam::1:root"]);
    assert_eq!(bench.opinion(&module, &stranger).verdict, Verdict::Deny);
    assert_eq!(
        bench.opinion(&module, &Known::default()).verdict,
        Verdict::Deny
    );
}

#[test]
fn what_must_be_fetched_is_asked_last() {
    let bench = Bench::new();
    let tagged = Condition::one_of(attribute("s3:ExistingObjectTag/class"), ["secret"]);
    let statements = [
        Statement::deny(id("by-tag")).when(tagged.clone()),
        Statement::deny(id("by-key")).when(tagged).when(key_is("k")),
        Statement::deny(id("free")).when(key_is("j")),
    ];
    let module = bench.module(&statements);
    let facts = Known::default().text("postern:Key", "j");
    let evaluation = module.evaluate(&facts, 0).expect("an answer");
    assert_eq!(evaluation.reasons[0].as_str(), "free");
    assert!(!evaluation.fetched);
}

#[test]
fn a_condition_on_an_empty_list_never_holds_and_its_opposite_always() {
    let bench = Bench::new();
    let nobody = || Condition::one_of(attribute("postern:Key"), [""; 0]);
    let module = bench.module(&[
        Statement::deny(id("never")).when(nobody()),
        Statement::allow(id("always")).when(nobody().negated()),
    ]);
    let opinion = bench.opinion(&module, &Known::default().text("postern:Key", "k"));
    assert_eq!(
        (opinion.verdict, opinion.reasons),
        (Verdict::Allow, vec!["always".to_owned()])
    );
}

#[test]
fn as_many_questions_as_an_evaluation_may_ask_compile_and_one_more_does_not() {
    let statements = |count: usize| -> Vec<Statement> {
        (0..count)
            .map(|n| Statement::deny(id("s")).when(key_is(&format!("key{n}"))))
            .collect()
    };
    let manifest = Manifest::new("test", "1");
    let bench = Bench::new();
    let module = bench.module(&statements(512));
    let last = bench.opinion(&module, &Known::default().text("postern:Key", "key511"));
    assert_eq!(last.verdict, Verdict::Deny);
    assert!(matches!(
        compile(&statements(513), &manifest),
        Err(CompileError::TooManyQuestions { count: 513 })
    ));
}

#[test]
fn an_operand_longer_than_the_interface_takes_is_refused() {
    let manifest = Manifest::new("test", "1");
    let of = |length: usize| Statement::deny(id("long")).when(key_is(&"k".repeat(length)));
    assert!(compile(&[of(2_048)], &manifest).is_ok());
    assert!(matches!(
        compile(&[of(2_049)], &manifest),
        Err(CompileError::Predicate { .. })
    ));
}

#[test]
fn a_statement_has_a_name_of_at_most_64_printable_bytes() {
    assert!("a".repeat(64).parse::<StatementId>().is_ok());
    for wrong in [&"a".repeat(65), "", "tab\t", "é"] {
        assert!(wrong.parse::<StatementId>().is_err(), "{wrong:?}");
    }
    assert_eq!(StatementId::of(&"é".repeat(80)).as_str(), "_".repeat(64));
}

#[test]
fn the_inspection_lists_every_question_in_words() {
    let bench = Bench::new();
    let statements = [
        Statement::deny(id("a"))
            .when(key_is("k"))
            .when(Condition::present(attribute("s3:prefix"))),
        Statement::allow(id("b"))
            .when(Condition::like(attribute("postern:Key"), ["logs/*", "x?y"]))
            .when(Condition::any(
                attribute("aws:SourceIp"),
                Test::Network(vec![Operand::Constant("10.0.0.0/8".parse().unwrap())]),
            )),
    ];
    let wasm = compile(&statements, &Manifest::new("inspected", "3")).unwrap();
    let report = tools::inspect(&bench.engine, &wasm).unwrap();
    assert!(report.reusable && report.asks.complete, "{report:#?}");
    assert_eq!(
        report.asks.questions,
        [
            "s3:prefix is present",
            "postern:Key is `k`",
            "aws:SourceIp is in 10.0.0.0/8",
            "postern:Key has a value that fits `logs/*` or `x?y`",
        ]
    );
    let text = report.to_string();
    assert!(
        text.contains("inspected 3") && text.contains(&report.digest),
        "{text}"
    );
    assert!(
        serde_json::to_string(&report)
            .unwrap()
            .contains("\"reusable\":true")
    );
}

#[test]
fn a_manifest_is_attached_in_the_place_of_another() {
    let bench = Bench::new();
    let wasm = compile(&[Statement::allow(id("all"))], &Manifest::new("old", "1")).unwrap();
    let wasm = tools::attach(&wasm, &Manifest::new("new", "2")).unwrap();
    let module = bench.engine.load(&wasm).unwrap();
    assert_eq!(
        (&*module.manifest().name, &*module.manifest().version),
        ("new", "2")
    );
    assert_eq!(
        bench.opinion(&module, &Known::default()).verdict,
        Verdict::Allow
    );
    assert!(tools::attach(b"no module", &Manifest::new("new", "2")).is_err());
}

#[test]
fn a_literal_star_is_no_wildcard() {
    let bench = Bench::new();
    let starred = Templates::new([Template {
        parts: vec![
            policy_wasm::question::Part::Literal(Box::from(*b"a*")),
            policy_wasm::question::Part::AnyCharacter,
        ],
    }]);
    let module = bench.module(&[Statement::deny(id("star")).when(Condition::any(
        attribute("postern:Key"),
        Test::Text(TextMatch::Like, starred),
    ))]);
    let said = |key| {
        bench
            .opinion(&module, &Known::default().text("postern:Key", key))
            .verdict
    };
    assert_eq!(
        (said("a*b"), said("axb")),
        (Verdict::Deny, Verdict::NoOpinion)
    );
    assert!(matches!(Statement::deny(id("d")).effect, Effect::Deny));
}
