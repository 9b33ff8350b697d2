//! The tests that a module brings in its manifest: run before it may be stored.

use std::collections::BTreeMap;
use std::sync::Arc;

use ipnet::IpNet;

use crate::engine::{Module, Verdict};
use crate::facts::{Fact, Facts, Value, Values};
use crate::manifest::{EmbeddedTest, ExpectedVerdict, TestValue};
use crate::question::{fixed_point, moment};
use crate::registry::{Attribute, Kind};

/// Runs the embedded tests; one line for each that fails, none where all pass.
pub fn failed_tests(module: &Arc<Module>) -> Vec<String> {
    let tests = module.manifest().tests.clone();
    tests
        .iter()
        .filter_map(|test| failure(module, test).map(|why| format!("test `{}`: {why}", test.name)))
        .collect()
}

fn failure(module: &Module, test: &EmbeddedTest) -> Option<String> {
    let facts = match GivenFacts::read(test) {
        Ok(facts) => facts,
        Err(why) => return Some(why),
    };
    let owned = facts.borrow();
    let evaluation = match module.evaluate(&owned, 0) {
        Ok(evaluation) => evaluation,
        Err(stopped) => return Some(format!("no answer: {stopped:?}")),
    };
    let expected = match test.expect {
        ExpectedVerdict::NoOpinion => Verdict::NoOpinion,
        ExpectedVerdict::Allow => Verdict::Allow,
        ExpectedVerdict::Deny => Verdict::Deny,
    };
    if evaluation.verdict != expected {
        return Some(format!("expected {expected}, got {}", evaluation.verdict));
    }
    let because = test.because.as_deref()?;
    let named = evaluation
        .reasons
        .iter()
        .any(|reason| reason.as_str() == because);
    (!named).then(|| format!("expected the statement `{because}` among the reasons"))
}

/// The facts of a test, as text became values.
struct GivenFacts(BTreeMap<String, Vec<Given>>);

enum Given {
    Text(Vec<u8>),
    Value(Value<'static>),
}

impl Given {
    fn borrow(&self) -> Value<'_> {
        match self {
            Self::Text(bytes) => Value::Text(bytes),
            Self::Value(value) => *value,
        }
    }
}

struct Borrowed<'a>(BTreeMap<&'a str, Vec<Value<'a>>>);

impl GivenFacts {
    fn read(test: &EmbeddedTest) -> Result<Self, String> {
        let mut facts = BTreeMap::new();
        for (name, value) in &test.facts {
            let attribute: Attribute = name.parse().map_err(|unknown| format!("{unknown}"))?;
            let texts = match value {
                TestValue::One(one) => std::slice::from_ref(one),
                TestValue::Many(texts) => texts.as_slice(),
            };
            let values = texts
                .iter()
                .map(|given| read(attribute.entry().kind, given));
            let values: Option<Vec<Given>> = values.collect();
            let values = values.ok_or_else(|| format!("a value of `{name}` is not of its type"))?;
            facts.insert(attribute.to_string(), values);
        }
        Ok(Self(facts))
    }

    fn borrow(&self) -> Borrowed<'_> {
        let named = |(name, list)| -> (&str, Vec<Value<'_>>) {
            let (name, list): (&String, &Vec<Given>) = (name, list);
            (name.as_str(), list.iter().map(Given::borrow).collect())
        };
        Borrowed(self.0.iter().map(named).collect())
    }
}

impl Facts for Borrowed<'_> {
    fn get(&self, attribute: &Attribute) -> Fact<'_> {
        self.0
            .get(attribute.to_string().as_str())
            .map_or(Fact::Absent, |values| Fact::Present(Values::Many(values)))
    }
}

fn read(kind: Kind, text: &str) -> Option<Given> {
    Some(match kind {
        Kind::Text | Kind::Arn => Given::Text(text.as_bytes().to_vec()),
        Kind::Number => Given::Value(Value::Number(fixed_point(text.as_bytes())?)),
        Kind::Time => Given::Value(Value::Time(moment(text.as_bytes())?)),
        Kind::Bool => Given::Value(Value::Bool(text.parse().ok()?)),
        Kind::Address => Given::Value(Value::Address(
            text.parse::<std::net::IpAddr>().ok()?.to_canonical(),
        )),
        Kind::Network => Given::Value(Value::Network(text.parse::<IpNet>().ok()?)),
    })
}
