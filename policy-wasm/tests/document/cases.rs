//! Cases that are worked out in AWS's documentation, and in ours: `cases.toml` has documents, requests and decisions. The
//! module, its tree and the second opinion must all decide as written there.

use std::collections::BTreeMap;

use policy_wasm::compiler::document::{Context, Kind};
use policy_wasm::engine::Verdict;
use policy_wasm::facts::Value;
use policy_wasm::manifest::{EmbeddedTest, ExpectedVerdict, TestValue};
use policy_wasm::question::{fixed_point, moment};
use policy_wasm::registry::{Attribute, Kind as Type};
use serde::Deserialize;

use super::facts::Known;
use super::{Bench, assert_agrees, compiled, interpreter};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Cases {
    policy: Vec<Policy>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Policy {
    name: String,
    /// The page that the policy is from.
    source: String,
    /// The bucket that it is attached to; without one it is an identity policy.
    bucket: Option<String>,
    document: String,
    /// What all of its requests have in common.
    #[serde(default)]
    facts: BTreeMap<String, TestValue>,
    case: Vec<EmbeddedTest>,
}

#[test]
fn documents_decide_as_their_authors_say_they_do() {
    let cases: Cases = toml::from_str(include_str!("cases.toml")).expect("the cases are TOML");
    assert!(cases.policy.len() >= 30);
    let bench = Bench::new();
    for policy in &cases.policy {
        assert!(!policy.source.is_empty());
        let kind = match policy.bucket.as_deref() {
            Some(name) => Kind::Bucket { name },
            None => Kind::Identity,
        };
        let context = Context {
            kind,
            ..super::context(true)
        };
        let compiled = compiled(&policy.document, &context);
        let json = serde_json::from_str(&policy.document).expect("JSON");
        let module = bench.engine.load(&compiled.module).expect("a module");
        for case in &policy.case {
            let which = format!("{}: {}", policy.name, case.name);
            let mut facts = Known::default();
            for (name, value) in policy.facts.iter().chain(&case.facts) {
                facts = with(facts, name, value);
            }
            let said = bench.says(&module, &facts);
            let expected = match case.expect {
                ExpectedVerdict::NoOpinion => Verdict::NoOpinion,
                ExpectedVerdict::Allow => Verdict::Allow,
                ExpectedVerdict::Deny => Verdict::Deny,
            };
            assert_eq!(said.0, expected, "{which}: {said:?}");
            if case.because.is_some() {
                assert_eq!(said.1, case.because, "{which}");
            }
            let other = interpreter::judge(&json, &facts, None).expect("an opinion");
            assert_agrees(&said, &other, &compiled);
        }
    }
}

fn with(facts: Known, name: &str, value: &TestValue) -> Known {
    let attribute: Attribute = name.parse().expect("an attribute of the registry");
    let texts = match value {
        TestValue::One(one) => std::slice::from_ref(one),
        TestValue::Many(many) => many,
    };
    let values = texts.iter().map(|text| read(attribute.entry().kind, text));
    facts.with(name, values)
}

fn read(kind: Type, text: &str) -> Value<'static> {
    match kind {
        Type::Text | Type::Arn => Value::Text(Box::leak(Box::<[u8]>::from(text.as_bytes()))),
        Type::Number => Value::Number(fixed_point(text.as_bytes()).expect("a number")),
        Type::Time => Value::Time(moment(text.as_bytes()).expect("a moment")),
        Type::Bool => Value::Bool(text.parse().expect("a truth value")),
        Type::Address => Value::Address(text.parse().expect("an address")),
        Type::Network => Value::Network(text.parse().expect("a network")),
    }
}
