//! Random policy documents and random checks over a small pool of names and values, so that they often meet.

use policy_wasm::facts::Value;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use serde_json::{Map, Value as Json, json};

use super::facts::Known;

pub(crate) const BUCKET: &str = "photos";

const ANN: &str = "arn:aws:iam::111111111111:user/ann";
const SESSION: &str = "arn:aws:sts::111111111111:assumed-role/reader/s1";
const READER: &str = "arn:aws:iam::111111111111:role/reader";
const ONE: &str = "arn:aws:iam::111111111111:root";
const TWO: &str = "arn:aws:iam::222222222222:root";

const PRINCIPALS: [&str; 7] = [
    ANN,
    ONE,
    TWO,
    "111111111111",
    "222222222222",
    READER,
    SESSION,
];

const ACTIONS: [&str; 4] = [
    "s3:GetObject",
    "s3:PutObject",
    "s3:ListBucket",
    "s3:DeleteObject",
];
const ACTION_PATTERNS: [&str; 10] = [
    "*",
    "s3:*",
    "s3:Get*",
    "s3:get*",
    "S3:PUTOBJECT",
    "s3:?etObject",
    "s3:GetObject",
    "s3:List*",
    "s3:*Object",
    "s3:DeleteObject",
];
const RESOURCES: [&str; 9] = [
    "arn:aws:s3:::photos",
    "arn:aws:s3:::photos/a",
    "arn:aws:s3:::photos/é",
    "arn:aws:s3:::photos/home/ann/x",
    "arn:aws:s3:::photos/home/nobody/x",
    "arn:aws:s3:::photos/home/*/x",
    "arn:aws:s3:::photos/home/bob/x:y",
    "arn:aws:s3:::photos/home/${aws:username}/x",
    "arn:aws:s3:::other/a",
];
/// Behind `arn:aws:s3:::photos`.
const PATHS: [&str; 14] = [
    "",
    "*",
    "/*",
    "/a",
    "/?",
    "/??",
    "/home/*",
    "/home/ann/*",
    "/home/${aws:username}/*",
    "/home/${aws:username, 'nobody'}/?",
    "/home/${aws:PrincipalTag/team}/*",
    "/home/${*}/x",
    "/*:y",
    "/home/${$}{aws:username}/*",
];
const FREE_RESOURCES: [&str; 6] = [
    "*",
    "arn:aws:s3:::*",
    "arn:*:s3:::*/a",
    "arn:aws:s3:*::photos/a",
    "arn:aws:s3:*:photos/*:y",
    "arn:aws:s?:::photos/*",
];
const NAMES: [&str; 6] = ["ann", "bob", "*", "a", "Ann", "é"];
const TEXTS: [&str; 18] = [
    "ann",
    "ANN",
    "a*",
    "*",
    "?",
    "??",
    "é",
    "bob",
    "",
    "${aws:username}",
    "${aws:username, 'bob'}",
    "x${aws:username}",
    "${aws:PrincipalTag/team}*",
    "${*}",
    "${?}",
    "a${?}",
    "true",
    "111111111111",
];
const ARNS: [&str; 9] = [
    ANN,
    ONE,
    "*",
    "arn:aws:iam::111111111111:*",
    "arn:aws:*:*:*:*/ann",
    "arn:aws:iam::*:user/${aws:username}",
    "arn:aws:*::111111111111:user/ann",
    "arn:aws:sts::111111111111:assumed-role/*",
    "arn:aws:iam::1*:user/?nn",
];
const NUMBERS: [&str; 6] = ["0", "1", "1.2", "10", "100", "-1"];
const MOMENTS: [&str; 5] = [
    "2026-01-01T00:00:00Z",
    "2026-01-01",
    "1767225600",
    "1767225601",
    "2025-12-31T23:59:59Z",
];
const NOW: [i64; 3] = [1_767_225_599, 1_767_225_600, 1_767_225_601];
const BLOCKS: [&str; 7] = [
    "10.0.0.0/8",
    "10.1.2.3",
    "0.0.0.0/0",
    "::/0",
    "2001:db8::/32",
    "::ffff:10.1.0.0/112",
    "2001:db8::1",
];
const ADDRESSES: [&str; 5] = ["10.1.2.3", "10.9.9.9", "11.0.0.1", "2001:db8::1", "::1"];

/// A document: whether it is a bucket's, and its JSON.
pub(crate) fn document() -> impl Strategy<Value = (bool, Json)> {
    any::<bool>().prop_flat_map(|bucket| {
        let version = select(
            &[
                Some("2012-10-17"),
                Some("2012-10-17"),
                Some("2012-10-17"),
                Some("2008-10-17"),
                None,
            ][..],
        );
        let list = vec(statement(bucket), 1..4);
        (version, list, any::<bool>()).prop_map(move |(version, mut list, alone)| {
            let mut policy = Map::new();
            if let Some(version) = version {
                policy.insert("Version".into(), version.into());
            }
            let statements = match list.len() {
                1 if alone => list.remove(0),
                _ => Json::Array(list),
            };
            policy.insert("Statement".into(), statements);
            (bucket, Json::Object(policy))
        })
    })
}

fn statement(bucket: bool) -> impl Strategy<Value = Json> {
    let effect = select(&["Allow", "Deny"][..]);
    let who = (principal(), 0..5_u8);
    let what = (some(select(&ACTION_PATTERNS[..]), 3), 0..4_u8);
    let to = (resource(bucket), 0..4_u8);
    let conditions = vec(condition(), 0..3);
    (effect, who, what, to, conditions).prop_map(move |(effect, who, what, to, conditions)| {
        let mut statement = Map::new();
        statement.insert("Effect".into(), effect.into());
        if bucket {
            let not = effect == "Deny" && who.1 == 0;
            statement.insert(if not { "NotPrincipal" } else { "Principal" }.into(), who.0);
        }
        let not = |name: &str, not: u8| {
            if not == 0 {
                format!("Not{name}")
            } else {
                name.into()
            }
        };
        statement.insert(not("Action", what.1), what.0);
        statement.insert(not("Resource", to.1), to.0);
        if !conditions.is_empty() {
            statement.insert("Condition".into(), block(conditions));
        }
        Json::Object(statement)
    })
}

/// Conditions of one operator belong into one block, and a key stands there once.
fn block(conditions: Vec<(String, &'static str, Json)>) -> Json {
    let mut block = Map::new();
    for (operator, key, values) in conditions {
        let keys = block.entry(operator).or_insert_with(|| json!({}));
        keys[key] = values;
    }
    Json::Object(block)
}

fn principal() -> impl Strategy<Value = Json> {
    prop_oneof![
        2 => Just(json!("*")),
        1 => Just(json!({"AWS": "*"})),
        5 => some(select(&PRINCIPALS[..]), 4).prop_map(|names| json!({ "AWS": names })),
    ]
}

fn resource(bucket: bool) -> BoxedStrategy<Json> {
    let own = select(&PATHS[..]).prop_map(|path| format!("arn:aws:s3:::{BUCKET}{path}"));
    let free = select(&FREE_RESOURCES[..]).prop_map(ToOwned::to_owned);
    if bucket {
        some(own, 3).boxed()
    } else {
        some(prop_oneof![3 => own, 1 => free], 3).boxed()
    }
}

/// One value, or a list, which may be empty.
fn some<T>(value: impl Strategy<Value = T> + Clone, most: usize) -> impl Strategy<Value = Json>
where
    T: Into<Json> + std::fmt::Debug,
{
    prop_oneof![
        2 => value.clone().prop_map(Into::into),
        2 => vec(value, 0..=most).prop_map(|list| list.into_iter().map(Into::into).collect()),
    ]
}

fn condition() -> impl Strategy<Value = (String, &'static str, Json)> {
    let text = [
        "StringEquals",
        "StringNotEquals",
        "StringEqualsIgnoreCase",
        "StringNotEqualsIgnoreCase",
        "StringLike",
        "StringNotLike",
    ];
    let arn = ["ArnEquals", "ArnLike", "ArnNotEquals", "ArnNotLike"];
    let number = [
        "NumericEquals",
        "NumericNotEquals",
        "NumericLessThan",
        "NumericLessThanEquals",
        "NumericGreaterThan",
        "NumericGreaterThanEquals",
    ];
    let date = [
        "DateEquals",
        "DateNotEquals",
        "DateLessThan",
        "DateLessThanEquals",
        "DateGreaterThan",
        "DateGreaterThanEquals",
    ];
    let of =
        |operators: &[&'static str], keys: &[&'static str], values: &'static [&'static str]| {
            let many = keys == ["s3:RequestObjectTagKeys"];
            (
                quantified(select(operators.to_vec()), many),
                select(keys.to_vec()),
                some(select(values), 3),
            )
                .boxed()
        };
    prop_oneof![
        4 => of(&text, &["aws:username", "s3:prefix", "aws:PrincipalTag/team", "AWS:userAgent"], &TEXTS),
        3 => of(&text, &["s3:RequestObjectTagKeys"], &TEXTS),
        2 => of(&arn, &["aws:PrincipalArn"], &ARNS),
        1 => of(&text, &["aws:PrincipalArn", "aws:PrincipalAccount"], &TEXTS),
        1 => of(&number, &["s3:max-keys", "s3:TlsVersion", "aws:PrincipalTag/team"], &NUMBERS),
        1 => of(&date, &["aws:CurrentTime", "aws:EpochTime"], &MOMENTS),
        1 => of(&number, &["aws:EpochTime"], &["1767225600", "1767225601.5", "0"]),
        1 => of(&["Bool"], &["aws:SecureTransport"], &["true", "false", "True"]),
        2 => of(&["IpAddress", "NotIpAddress"], &["aws:SourceIp"], &BLOCKS),
        1 => (
            Just("Null".to_owned()),
            select(&["aws:username", "s3:prefix", "s3:RequestObjectTagKeys", "s3:max-keys"][..]),
            some(prop_oneof![Just(json!(true)), Just(json!("false")), Just(json!("true"))], 2),
        ),
    ]
}

fn quantified(
    operator: impl Strategy<Value = &'static str>,
    many: bool,
) -> impl Strategy<Value = String> {
    let prefixes: &[&str] = if many {
        &["ForAnyValue:", "ForAllValues:"]
    } else {
        &["", "", "", "", "", "ForAnyValue:", "ForAllValues:"]
    };
    (select(prefixes), operator, prop::bool::weighted(0.2)).prop_map(
        |(prefix, operator, if_exists)| {
            format!(
                "{prefix}{operator}{}",
                if if_exists { "IfExists" } else { "" }
            )
        },
    )
}

/// A check: a caller, an action on a resource, and what the request brings.
pub(crate) fn facts() -> impl Strategy<Value = Known> {
    let brought = (
        select(&ACTIONS[..]),
        select(&RESOURCES[..]),
        (
            option::of(select(&["ann", "é", "*", "?", "bob", "xann", "", "a*"][..])),
            option::of(subsequence(&["ann", "bob", "ANN", "?", "a"][..], 0..=3)),
            option::of(select(&[0_i64, 1_000, 1_200, 10_000, 100_000][..])),
            option::of(select(&[1_200_i64, 1_300][..])),
        ),
        select(&NOW[..]),
        any::<bool>(),
        select(&ADDRESSES[..]),
        option::of(select(&["ann", "true", "é", "a", "bob"][..])),
    );
    (caller(), brought).prop_map(|(caller, brought)| {
        let (action, resource, list, now, secure, address, agent) = brought;
        let (prefix, tag_keys, max_keys, tls) = list;
        let number = |known: Known, name, number: Option<i64>| match number {
            Some(number) => known.with(name, [Value::Number(number)]),
            None => known,
        };
        let mut known = caller
            .text("postern:Action", action)
            .text("postern:Resource", resource)
            .time("aws:CurrentTime", now)
            .number("aws:EpochTime", now)
            .truth("aws:SecureTransport", secure)
            .address("aws:SourceIp", address);
        known = number(known, "s3:max-keys", max_keys);
        known = number(known, "s3:TlsVersion", tls);
        if let Some(prefix) = prefix {
            known = known.text("s3:prefix", prefix);
        }
        if let Some(keys) = tag_keys {
            known = known.texts("s3:RequestObjectTagKeys", &keys);
        }
        if let Some(agent) = agent {
            known = known.text("aws:UserAgent", agent);
        }
        known
    })
}

/// Nobody, a user, a root user, or a session of a role.
fn caller() -> impl Strategy<Value = Known> {
    let team = option::of(select(&["red", "ann", "1", "*", "10"][..]));
    let signed = |arn: &'static str, principals: &[&'static str], account: &'static str| {
        Known::default()
            .text("aws:PrincipalArn", arn)
            .texts("postern:Principals", principals)
            .text("aws:PrincipalAccount", account)
    };
    let (one, two) = ("111111111111", "222222222222");
    let caller = prop_oneof![
        1 => Just(Known::default()),
        3 => select(&NAMES[..]).prop_map(move |name| {
            signed(ANN, &[ANN, ONE, one], one).text("aws:username", name)
        }),
        1 => Just(signed(ONE, &[ONE, one], one)),
        1 => Just(signed(SESSION, &[SESSION, READER, ONE, one], one)),
        1 => Just(signed("arn:aws:iam::222222222222:user/bob", &["arn:aws:iam::222222222222:user/bob", TWO, two], two)
            .text("aws:username", "bob")),
    ];
    (caller, team).prop_map(|(caller, team)| match team {
        Some(team) if !caller.0.is_empty() => caller.text("aws:PrincipalTag/team", team),
        _ => caller,
    })
}
