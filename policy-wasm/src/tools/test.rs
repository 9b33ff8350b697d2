//! The cases of a module: those that it brings in its manifest, run before it may be stored or put in force, and those of a
//! file beside it.

use std::collections::BTreeMap;
use std::sync::Arc;

use ipnet::IpNet;
use serde::Serialize;

use super::explain::ExplainedAnswer;
use crate::engine::{Cause, Module, Stopped, Verdict};
use crate::facts::{Fact, Facts, Value, Values};
use crate::limits::EMBEDDED_TESTS_MAX;
use crate::manifest::{EmbeddedTest, ExpectedVerdict, TestValue};
use crate::question::{Answer, Question, fixed_point, moment};
use crate::registry::{Attribute, Kind};

/// What came of a module's cases.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TestReport {
    /// How many passed.
    pub passed: usize,
    /// Those that did not.
    pub failed: Vec<FailedCase>,
}

/// A case that did not come out as expected, with everything that the module asked and heard.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FailedCase {
    /// Its name.
    pub name: String,
    /// What is wrong, in a sentence.
    pub why: String,
    /// The verdict that was expected.
    pub expected: String,
    /// The verdict that came; none where there was no answer.
    pub got: Option<String>,
    /// The statements that the module named.
    pub statements: Vec<String>,
    /// Its questions with their answers, in order.
    pub asked: Vec<ExplainedAnswer>,
}

/// Why a text is no list of cases.
#[derive(Debug, thiserror::Error)]
pub enum CasesError {
    /// It is no JSON list of cases.
    #[error("not a list of cases: {0}")]
    Json(#[from] serde_json::Error),
    /// There are too many.
    #[error("{0} cases, at most {EMBEDDED_TESTS_MAX}")]
    TooMany(usize),
}

/// Reads cases from a file: a JSON list, each as `tests` of a manifest has them.
///
/// # Errors
/// Where it is none, or too long.
pub fn cases(json: &[u8]) -> Result<Vec<EmbeddedTest>, CasesError> {
    let cases: Vec<EmbeddedTest> = serde_json::from_slice(json)?;
    if cases.len() > EMBEDDED_TESTS_MAX {
        return Err(CasesError::TooMany(cases.len()));
    }
    Ok(cases)
}

/// Runs the module's own cases, and then these.
pub fn test(module: &Arc<Module>, cases: &[EmbeddedTest]) -> TestReport {
    let all = module.manifest().tests.iter().chain(cases);
    let failed: Vec<FailedCase> = all.filter_map(|case| failure(module, case)).collect();
    let ran = module.manifest().tests.len() + cases.len();
    TestReport {
        passed: ran - failed.len(),
        failed,
    }
}

/// Runs the embedded tests; one line for each that fails, none where all pass.
pub fn failed_tests(module: &Arc<Module>) -> Vec<String> {
    let report = test(module, &[]);
    let line = |case: &FailedCase| format!("test `{}`: {}", case.name, case.why);
    report.failed.iter().map(line).collect()
}

fn failure(module: &Module, case: &EmbeddedTest) -> Option<FailedCase> {
    let expected = match case.expect {
        ExpectedVerdict::NoOpinion => Verdict::NoOpinion,
        ExpectedVerdict::Allow => Verdict::Allow,
        ExpectedVerdict::Deny => Verdict::Deny,
    };
    let failed = |why: String| FailedCase {
        name: case.name.clone(),
        why,
        expected: expected.to_string(),
        got: None,
        statements: Vec::new(),
        asked: Vec::new(),
    };
    let facts = match GivenFacts::read(case) {
        Ok(facts) => facts,
        Err(why) => return Some(failed(why)),
    };
    let evaluation = match module.evaluate(&facts.borrow(), 0) {
        Ok(evaluation) => evaluation,
        Err(Stopped { cause, path }) => {
            let why = match cause {
                Cause::NotFetched(question) => format!("it waits for {}", question.attribute),
                Cause::Fault(fault) => fault.to_string(),
            };
            return Some(FailedCase {
                asked: asked(&path),
                ..failed(format!("no answer: {why}"))
            });
        }
    };
    let got = evaluation.verdict;
    let names = |because: &String| {
        let mut reasons = evaluation.reasons.iter();
        reasons.any(|reason| reason.as_str() == because)
    };
    let why = match &case.because {
        _ if got != expected => format!("expected {expected}, got {got}"),
        Some(because) if !names(because) => {
            format!("expected the statement `{because}` among the reasons")
        }
        Some(_) | None => return None,
    };
    Some(FailedCase {
        got: Some(got.to_string()),
        statements: evaluation.reasons.iter().map(ToString::to_string).collect(),
        asked: asked(&evaluation.path),
        ..failed(why)
    })
}

fn asked(path: &[(Question, Answer<'static>)]) -> Vec<ExplainedAnswer> {
    let words = |(question, answer): &(Question, Answer<'static>)| ExplainedAnswer {
        question: question.to_string(),
        answer: answer.to_string(),
    };
    path.iter().map(words).collect()
}

/// The facts of a test, as text became values.
pub(super) struct GivenFacts(BTreeMap<String, Vec<Given>>);

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

pub(super) struct Borrowed<'a>(BTreeMap<&'a str, Vec<Value<'a>>>);

impl GivenFacts {
    pub(super) fn read(test: &EmbeddedTest) -> Result<Self, String> {
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

    pub(super) fn borrow(&self) -> Borrowed<'_> {
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
