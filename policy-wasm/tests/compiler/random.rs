//! Random statements and random facts over a small pool of attributes, so that they often meet: lists that are absent,
//! empty or long, addresses in and out of networks, moments on, before and after their bounds.

use std::sync::Arc;

use policy_wasm::compiler::{
    Absent, Check, Condition, Effect, Missing, Sense, Statement, StatementId,
};
use policy_wasm::facts::Value;
use policy_wasm::plan::{Obligation, ObligationKind, ObligationOperand};
use policy_wasm::question::{
    Operand, Order, Part, Predicate, Quantifier, Template, Templates, Test, TextMatch,
};
use policy_wasm::registry::{Attribute, Kind};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use super::facts::Known;

const TEXTS: [&str; 6] = [
    "postern:Operation",
    "postern:Bucket",
    "postern:Key",
    "s3:prefix",
    "postern:KeyPrefixes",
    "postern:KeyBuckets",
];
const ARNS: [&str; 2] = ["postern:Principals", "postern:Resource"];
const NUMBERS: [&str; 2] = ["postern:ContentLength", "postern:KeyMaxObjectBytes"];
const TIMES: [&str; 3] = [
    "aws:CurrentTime",
    "postern:KeyExpires",
    "postern:KeyNotBefore",
];
const TRUTHS: [&str; 2] = ["aws:SecureTransport", "postern:KeyTlsOnly"];

const WORDS: [&str; 8] = ["", "a", "A", "ab", "a/b", "b", "logs/", "logs/a"];
const PATTERNS: [&str; 9] = ["*", "a*", "*b", "a", "?", "a?b", "*o*/*", "logs/*", ""];
const NAMES: [&str; 4] = [
    "arn:aws:iam::1:root",
    "arn:aws:iam::1:user/a",
    "arn:aws:s3:::b/k:x",
    "arn:aws:s3:::b",
];
const NAME_PATTERNS: [&str; 6] = [
    "*",
    "arn:aws:iam::*:root",
    "arn:aws:s3:::b*",
    "arn:*:user/a",
    "arn:aws:iam::1:*",
    "arn:aws:s3:::?",
];
const ADDRESSES: [&str; 4] = ["10.1.2.3", "11.0.0.1", "2001:db8::1", "::1"];
const NETWORKS: [&str; 4] = ["10.0.0.0/8", "0.0.0.0/0", "2001:db8::/32", "10.1.2.3/32"];

pub(crate) fn statements() -> impl Strategy<Value = Vec<Statement>> {
    vec(
        (
            effect(),
            option::of(condition()),
            option::of(condition()),
            vec(condition(), 0..3),
        ),
        0..8,
    )
    .prop_map(|drafts| {
        drafts
            .into_iter()
            .enumerate()
            .map(|(n, (effect, principals, actions, conditions))| Statement {
                id: StatementId::of(&format!("statement {n}")),
                effect,
                principals,
                actions,
                resources: None,
                conditions,
            })
            .collect()
    })
}

pub(crate) fn facts() -> impl Strategy<Value = Known> {
    let all: Vec<BoxedStrategy<(Attribute, Option<Vec<Value<'static>>>)>> = [
        TEXTS.as_slice(),
        &ARNS,
        &NUMBERS,
        &TIMES,
        &TRUTHS,
        &["aws:SourceIp", "postern:KeyNetworks"],
    ]
    .concat()
    .into_iter()
    .map(|name| {
        let attribute = attribute(name);
        let most = if attribute.entry().many { 3 } else { 1 };
        let least = usize::from(!attribute.entry().many);
        let values = vec(value(attribute.entry().kind), least..=most);
        (Just(attribute), option::weighted(0.8, values)).boxed()
    })
    .collect();
    all.prop_map(|all| {
        Known(
            all.into_iter()
                .filter_map(|(name, values)| Some((name, values?)))
                .collect(),
        )
    })
}

fn attribute(name: &str) -> Attribute {
    name.parse().expect("an attribute of the registry")
}

fn value(kind: Kind) -> BoxedStrategy<Value<'static>> {
    match kind {
        Kind::Text => select(&WORDS[..])
            .prop_map(|text| Value::Text(text.as_bytes()))
            .boxed(),
        Kind::Arn => select(&NAMES[..])
            .prop_map(|text| Value::Text(text.as_bytes()))
            .boxed(),
        Kind::Number => (-2_i64..3).prop_map(|n| Value::Number(n * 500)).boxed(),
        Kind::Time => (98_i64..103).prop_map(Value::Time).boxed(),
        Kind::Bool => any::<bool>().prop_map(Value::Bool).boxed(),
        Kind::Address => select(&ADDRESSES[..])
            .prop_map(|text| Value::Address(text.parse().expect("an address")))
            .boxed(),
        Kind::Network => select(&NETWORKS[..])
            .prop_map(|text| Value::Network(text.parse().expect("a network")))
            .boxed(),
    }
}

fn effect() -> impl Strategy<Value = Effect> {
    let obligation = prop_oneof![
        Just((ObligationKind::RequireCreator, ObligationOperand::None)),
        Just((ObligationKind::IfNoneMatch, ObligationOperand::None)),
        Just((
            ObligationKind::MaxBytes,
            ObligationOperand::Constant(Arc::from(*b"100"))
        )),
        Just((
            ObligationKind::MaxBytes,
            ObligationOperand::Reference(attribute("postern:KeyMaxObjectBytes"))
        )),
    ]
    .prop_map(|(kind, operand)| Obligation { kind, operand });
    prop_oneof![
        1 => Just(Effect::Deny),
        1 => Just(Effect::DenyUnlessAllowed),
        2 => Just(Effect::Allow(Vec::new())),
        1 => vec(obligation, 1..3).prop_map(Effect::Allow),
    ]
}

fn condition() -> impl Strategy<Value = Condition> {
    let test = prop_oneof![
        4 => (select(&TEXTS[..]), text_test(&WORDS, &PATTERNS)),
        2 => (select(&ARNS[..]), text_test(&NAMES, &NAME_PATTERNS)),
        1 => (select(&NUMBERS[..]), (order(), vec(bound((-2_i64..3).prop_map(|n| n * 500), &NUMBERS), 0..3))
            .prop_map(|(order, bounds)| Test::Number(order, bounds))),
        1 => (select(&TIMES[..]), (order(), vec(bound(98_i64..103, &TIMES), 0..3))
            .prop_map(|(order, bounds)| Test::Time(order, bounds))),
        1 => (Just("aws:SourceIp"), vec(bound(
                select(&NETWORKS[..]).prop_map(|text| text.parse().expect("a network")),
                &["postern:KeyNetworks"],
            ), 0..3).prop_map(Test::Network)),
        1 => (select(&TRUTHS[..]), vec(bound(any::<bool>(), &TRUTHS), 0..2).prop_map(Test::Bool)),
    ];
    let check = prop_oneof![
        1 => select(&TEXTS[..]).prop_map(|name| (name, Check::Present)),
        6 => (test, select(&[Quantifier::Any, Quantifier::Any, Quantifier::Every][..]))
            .prop_map(|((name, test), quantifier)| {
                (name, Check::Passes(Predicate { quantifier, test }))
            }),
    ];
    (
        check,
        select(&[Sense::Is, Sense::IsNot][..]),
        select(&[Absent::Fails, Absent::Holds][..]),
        select(&[Missing::FitsNothing, Missing::Fails, Missing::Holds][..]),
    )
        .prop_map(|((name, check), sense, absent, missing)| Condition {
            attribute: attribute(name),
            check,
            sense,
            absent,
            missing,
        })
}

fn order() -> impl Strategy<Value = Order> {
    select(
        &[
            Order::Equal,
            Order::Below,
            Order::AtMost,
            Order::Above,
            Order::AtLeast,
        ][..],
    )
}

fn bound<T: std::fmt::Debug + Clone + 'static>(
    constant: impl Strategy<Value = T> + 'static,
    names: &'static [&'static str],
) -> impl Strategy<Value = Operand<T>> {
    prop_oneof![
        3 => constant.prop_map(Operand::Constant),
        1 => select(names).prop_map(|name| Operand::Reference(attribute(name))),
    ]
}

fn text_test(
    words: &'static [&'static str],
    patterns: &'static [&'static str],
) -> impl Strategy<Value = Test> {
    let exact = prop_oneof![
        3 => select(words).prop_map(Template::literal),
        1 => select(&TEXTS[..]).prop_map(|name| Template { parts: vec![Part::Reference(attribute(name))] }),
    ];
    let wild = prop_oneof![
        3 => select(patterns).prop_map(|pattern| Template::pattern(pattern.as_bytes())),
        1 => select(&TEXTS[..]).prop_map(|name| Template {
            parts: vec![Part::Reference(attribute(name)), Part::AnyText],
        }),
        1 => (select(&TEXTS[..]), select(&WORDS[..])).prop_map(|(name, word)| Template {
            parts: vec![
                Part::ReferenceOr(attribute(name), Box::from(word.as_bytes())),
                Part::AnyCharacter,
            ],
        }),
        1 => (select(&TEXTS[..]), select(&TEXTS[..])).prop_map(|(first, second)| Template {
            parts: vec![
                Part::Reference(attribute(first)),
                Part::Literal(Box::from(*b"/")),
                Part::Reference(attribute(second)),
            ],
        }),
    ];
    prop_oneof![
        (
            select(&[TextMatch::Equals, TextMatch::EqualsIgnoreCase][..]),
            vec(exact, 0..4)
        ),
        (
            select(
                &[
                    TextMatch::Like,
                    TextMatch::LikeIgnoreCase,
                    TextMatch::ArnLike
                ][..]
            ),
            vec(wild, 0..4)
        ),
    ]
    .prop_map(|(how, templates)| Test::Text(how, Templates::new(templates)))
}
