//! Policy documents mean the same to the compiled module, run afresh or remembered in a tree, and to an interpreter of
//! their JSON. What is wrong with a document is said with its place.

#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on fails"
)]

#[path = "document/cases.rs"]
mod cases;
#[path = "compiler/facts.rs"]
#[expect(dead_code, reason = "what other tests need of it")]
mod facts;
#[path = "document/faults.rs"]
mod faults;
#[path = "document/interpreter.rs"]
mod interpreter;
#[path = "document/random.rs"]
mod random;

use std::sync::Arc;

use policy_wasm::compiler::document::{self, Compiled, Context, Kind, NOT_ALLOWED, Unmentioned};
use policy_wasm::compiler::{Absent, Check, Condition, Effect, Missing, Sense, Statement};
use policy_wasm::decider::{Decider, DeciderOptions};
use policy_wasm::engine::{Engine, EngineOptions, Module, Verdict};
use policy_wasm::manifest::Manifest;
use policy_wasm::plan::{ActionId, Layer, LayerKind, Outcome, TreeScope};
use policy_wasm::question::{Answer, Ask, Question, Work, answer};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use serde_json::Value as Json;

use facts::Known;
use interpreter::{Broken, Decision, Said};

fn context(bucket: bool) -> Context<'static> {
    let name = random::BUCKET;
    Context {
        kind: if bucket {
            Kind::Bucket { name }
        } else {
            Kind::Identity
        },
        unmentioned: Unmentioned::NoOpinion,
    }
}

fn compiled(text: &str, context: &Context<'_>) -> Compiled {
    document::compile_document(text, context, &Manifest::new("document", "1"))
        .unwrap_or_else(|error| panic!("{error}\n{text}"))
}

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

    /// What the module says and which statement it names, afresh and through its tree, which must be the same.
    fn says(&self, module: &Arc<Module>, facts: &Known) -> (Verdict, Option<String>) {
        let layer = Layer {
            kind: LayerKind::Guard,
            name: "document".into(),
            module: Arc::clone(module),
            scope: TreeScope::Shared,
        };
        let fresh = module.evaluate(facts, 0).expect("an answer");
        let said = |reasons: Vec<String>, verdict| {
            assert!(reasons.len() <= 1, "several reasons: {reasons:?}");
            (verdict, reasons.into_iter().next())
        };
        let reasons = fresh.reasons.iter().map(ToString::to_string).collect();
        let fresh = said(reasons, fresh.verdict);
        for _ in 0..2 {
            let outcome = self.decider.judge(&layer, ActionId(1), facts);
            let Outcome::Answered {
                verdict, reasons, ..
            } = outcome
            else {
                panic!("the tree gives no answer");
            };
            let reasons = reasons.iter().map(ToString::to_string).collect();
            assert_eq!(said(reasons, verdict), fresh, "the tree disagrees");
        }
        fresh
    }
}

const fn verdict(decision: Decision) -> Verdict {
    match decision {
        Decision::Nothing => Verdict::NoOpinion,
        Decision::Allow => Verdict::Allow,
        Decision::Deny => Verdict::Deny,
    }
}

/// The module decides as the interpreter does, and names one of the statements that hold.
fn assert_agrees(said: &(Verdict, Option<String>), other: &Said, compiled: &Compiled) {
    assert_eq!(said.0, verdict(other.decision), "{said:?} and {other:?}");
    let names: Vec<&str> = other
        .because
        .iter()
        .map(|number| compiled.document.places[*number].id.as_str())
        .collect();
    match &said.1 {
        Some(name) => assert!(names.contains(&name.as_str()), "{name} and {names:?}"),
        None => assert!(names.is_empty(), "nobody and {names:?}"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_module_says_what_its_document_says(
        (bucket, json) in random::document(),
        checks in proptest::collection::vec(random::facts(), 1..24),
    ) {
        let bench = Bench::new();
        let compiled = compiled(&json.to_string(), &context(bucket));
        let module = bench.engine.load(&compiled.module).expect("the engine takes it");
        prop_assert!(module.inspection().reusable);
        for facts in &checks {
            let said = bench.says(&module, facts);
            let other = interpreter::judge(&json, facts, None).expect("an opinion");
            assert_agrees(&said, &other, &compiled);
        }
    }
}

/// Documents with checks, the same in each run.
fn samples(count: usize) -> impl Iterator<Item = (bool, Json, Vec<Known>)> {
    let mut runner = TestRunner::deterministic();
    let strategy = (
        random::document(),
        proptest::collection::vec(random::facts(), 20),
    );
    (0..count).map(move |_| {
        let ((bucket, json), checks) = strategy.new_tree(&mut runner).expect("a sample").current();
        (bucket, json, checks)
    })
}

#[test]
fn a_principal_that_is_named_is_allowed_what_is_named_and_nothing_else() {
    let text = r#"{"Statement": [
        {"Sid": "ann", "Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111111111111:user/ann"},
         "Action": "s3:GetObject", "Resource": "arn:aws:s3:::photos/*"},
        {"Sid": "all", "Effect": "Allow", "Principal": "*",
         "Action": "s3:GetObject", "Resource": "arn:aws:s3:::photos/public/*"},
        {"Sid": "bob", "Effect": "Deny", "Principal": {"AWS": "arn:aws:iam::111111111111:user/bob"},
         "Action": "s3:GetObject", "Resource": "arn:aws:s3:::photos/*"}
    ]}"#;
    let bench = Bench::new();
    let says = |unmentioned, action, name: Option<&'static str>| {
        let context = Context {
            unmentioned,
            ..context(true)
        };
        let compiled = compiled(text, &context);
        assert_eq!(compiled.document.statements.len(), 3);
        let module = bench.engine.load(&compiled.module).expect("a module");
        let facts = Known::default()
            .text("postern:Action", action)
            .text("postern:Resource", "arn:aws:s3:::photos/a");
        let root = "arn:aws:iam::111111111111:root";
        let facts = match name {
            Some(name) => facts.texts("postern:Principals", &[name, root]),
            None => facts,
        };
        bench.says(&module, &facts)
    };
    let ann = Some("arn:aws:iam::111111111111:user/ann");
    let bob = Some("arn:aws:iam::111111111111:user/bob");
    let (narrow, wide) = (Unmentioned::DeniedToNamed, Unmentioned::NoOpinion);
    let reason = |name: &str| Some(name.to_owned());
    let nothing = (Verdict::NoOpinion, None);
    let (get, put) = ("s3:GetObject", "s3:PutObject");
    assert_eq!(says(narrow, get, ann), (Verdict::Allow, reason("ann")));
    assert_eq!(says(narrow, put, ann), (Verdict::Deny, reason(NOT_ALLOWED)));
    assert_eq!(says(wide, put, ann), nothing);
    assert_eq!(says(narrow, get, bob), (Verdict::Deny, reason("bob")));
    assert_eq!(says(narrow, put, bob), nothing, "a deny does not narrow");
    assert_eq!(says(narrow, put, None), nothing);
}

/// What statements say, and which of them say it.
fn decide(statements: &[Statement], facts: &Known) -> (Verdict, Vec<usize>) {
    let hold = |deny: bool| -> Vec<usize> {
        let numbered = statements.iter().enumerate();
        let wanted = numbered.filter(|(_, said)| (said.effect == Effect::Deny) == deny);
        let holding = wanted.filter(|(_, said)| said.terms().all(|term| holds(term, facts)));
        holding.map(|(number, _)| number).collect()
    };
    let (denied, allowed) = (hold(true), hold(false));
    match (denied.is_empty(), allowed.is_empty()) {
        (false, _) => (Verdict::Deny, denied),
        (true, false) => (Verdict::Allow, allowed),
        (true, true) => (Verdict::NoOpinion, Vec::new()),
    }
}

fn holds(condition: &Condition, facts: &Known) -> bool {
    let absent = |attribute: &_| facts.values(attribute).is_none();
    if condition.missing != Missing::FitsNothing && condition.requires().iter().any(absent) {
        return condition.missing == Missing::Holds;
    }
    let wanted = condition.sense == Sense::Is;
    let Check::Passes(predicate) = &condition.check else {
        return absent(&condition.attribute) != wanted;
    };
    if absent(&condition.attribute) {
        return condition.absent == Absent::Holds;
    }
    let question = Question {
        attribute: condition.attribute.clone(),
        ask: Ask::Test(Arc::new(predicate.clone())),
    };
    answer(&question, facts, &mut Work::full()) == Ok(Answer::Truth(wanted))
}

/// The statements of a document are judged without their module here, which takes a thousandth of the time: that module
/// and statements agree is another test.
#[test]
fn the_random_documents_notice_each_mechanism_that_is_broken() {
    let mut unnoticed = Broken::ALL.to_vec();
    for (count, (bucket, json, checks)) in samples(20_000).enumerate() {
        let text = json.to_string();
        let read =
            document::read(&text, &context(bucket)).unwrap_or_else(|e| panic!("{e}\n{text}"));
        for facts in &checks {
            let said = decide(&read.statements, facts);
            let agrees = |broken| {
                let other = interpreter::judge(&json, facts, broken).expect("an opinion");
                (verdict(other.decision), other.because) == said
            };
            assert!(agrees(None), "{text}\n{facts:?}\n{said:?}");
            unnoticed.retain(|broken| agrees(Some(*broken)));
        }
        if unnoticed.is_empty() && count > 2_000 {
            return;
        }
    }
    assert_eq!(unnoticed, [], "broken, and nothing noticed");
}
