//! How a shadow differs from what is obeyed: counted by operation, effects and statement, each with a few examples.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;
use policy_wasm::engine::Verdict;
use policy_wasm::plan::{Obligation, Outcome};
use s3_protocol::Operation;
use serde_json::{Value, json};

use crate::limits::{SHADOW_DIFFERENCES_MAX, SHADOW_EXAMPLES_MAX, SHADOW_PREFIX_CHARACTERS_MAX};
use crate::observe::RequestId;

/// What was seen of a shadow.
#[derive(Debug, Default)]
pub struct ShadowTally {
    checks: AtomicU64,
    unanswered: AtomicU64,
    differing: AtomicU64,
    /// Locked where a check differs, and where somebody asks.
    differences: Mutex<BTreeMap<Difference, Seen>>,
}

/// A way to differ.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Difference {
    operation: &'static str,
    active: &'static str,
    shadow: &'static str,
    statement: String,
}

#[derive(Debug, Default)]
struct Seen {
    count: u64,
    examples: Vec<Example>,
}

/// The request's id and the beginning of the key.
#[derive(Debug)]
struct Example {
    request: RequestId,
    prefix: String,
}

/// What a version said, as far as it is compared.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    /// Nothing of this name is in force.
    Off,
    /// It gave no answer.
    NoAnswer,
    /// It said this.
    Said {
        verdict: Verdict,
        obligations: Vec<Obligation>,
        statement: String,
    },
}

/// One check as it was seen.
#[derive(Debug)]
pub(crate) struct Sighting<'a> {
    pub(crate) request: RequestId,
    pub(crate) operation: Operation,
    pub(crate) key: &'a str,
    pub(crate) active: Effect,
    pub(crate) shadow: Effect,
}

impl ShadowTally {
    /// Counts a check; whether the shadow said something else, and whether it answered at all.
    pub(crate) fn count(&self, sighting: Sighting<'_>) -> (bool, bool) {
        let Sighting { active, shadow, .. } = &sighting;
        self.checks.fetch_add(1, Ordering::Relaxed);
        let answered = *shadow != Effect::NoAnswer;
        if !answered {
            self.unanswered.fetch_add(1, Ordering::Relaxed);
        }
        let differs = active.counts_for() != shadow.counts_for();
        if differs {
            self.differing.fetch_add(1, Ordering::Relaxed);
            self.note(&sighting);
        }
        (differs, answered)
    }

    fn note(&self, sighting: &Sighting<'_>) {
        let (active, shadow) = (&sighting.active, &sighting.shadow);
        let same = active.name() == shadow.name();
        let difference = Difference {
            operation: sighting.operation.name(),
            active: active.name(),
            shadow: if same { "other demands" } else { shadow.name() },
            statement: shadow
                .statement()
                .or_else(|| active.statement())
                .unwrap_or_default()
                .to_owned(),
        };
        let mut differences = self.differences.lock();
        // What comes when the list is full is in the count of all.
        if differences.len() >= SHADOW_DIFFERENCES_MAX && !differences.contains_key(&difference) {
            return;
        }
        let seen = differences.entry(difference).or_default();
        seen.count += 1;
        if seen.examples.len() < SHADOW_EXAMPLES_MAX {
            seen.examples.push(Example {
                request: sighting.request,
                prefix: prefix(sighting.key),
            });
        }
    }

    pub(super) fn report(&self) -> Value {
        let get = |number: &AtomicU64| number.load(Ordering::Relaxed);
        let differences = self.differences.lock();
        let listed: Vec<Value> = differences
            .iter()
            .map(|(it, seen)| {
                let examples: Vec<Value> = seen
                    .examples
                    .iter()
                    .map(|example| {
                        json!({
                            "request": example.request.as_str(), "operation": it.operation,
                            "key_prefix": example.prefix,
                        })
                    })
                    .collect();
                json!({
                    "operation": it.operation, "active": it.active, "shadow": it.shadow,
                    "statement": it.statement, "count": seen.count, "examples": examples,
                })
            })
            .collect();
        json!({
            "checks": get(&self.checks), "unanswered": get(&self.unanswered),
            "differing": get(&self.differing), "differences": listed,
        })
    }
}

impl Effect {
    /// What a module's outcome comes to; none where it waits for what was not fetched, and cannot be compared.
    pub(crate) fn of(outcome: Outcome) -> Option<Self> {
        match outcome {
            Outcome::Answered {
                verdict,
                reasons,
                obligations,
            } => {
                let names: Vec<String> = reasons.iter().map(ToString::to_string).collect();
                let statement = names.join(" ");
                Some(Self::Said {
                    verdict,
                    obligations,
                    statement,
                })
            }
            Outcome::NotFetched(_) => None,
            Outcome::Fault(_) => Some(Self::NoAnswer),
        }
    }

    fn name(&self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::NoAnswer => "no answer",
            Self::Said { verdict, .. } => match verdict {
                Verdict::NoOpinion => "no opinion",
                Verdict::Allow => "allow",
                Verdict::Deny => "deny",
            },
        }
    }

    /// What it counts for in the plan of a guard: whether it lets pass, and under what demands. To have no opinion, to allow and
    /// not to be there are the same; a statement's name changes nothing.
    fn counts_for(&self) -> (Passes, &[Obligation]) {
        match self {
            Self::Off => (Passes::Yes, &[]),
            Self::NoAnswer => (Passes::Unknown, &[]),
            Self::Said {
                verdict: Verdict::Deny,
                ..
            } => (Passes::No, &[]),
            Self::Said {
                verdict: Verdict::NoOpinion | Verdict::Allow,
                obligations,
                ..
            } => (Passes::Yes, obligations),
        }
    }

    fn statement(&self) -> Option<&str> {
        match self {
            Self::Said { statement, .. } if !statement.is_empty() => Some(statement),
            Self::Said { .. } | Self::Off | Self::NoAnswer => None,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Passes {
    Yes,
    No,
    Unknown,
}

/// The key up to its last `/`, within a bound: enough to see what it is about, and not which object.
fn prefix(key: &str) -> String {
    let folder = key.rfind('/').and_then(|at| key.get(..=at)).unwrap_or("");
    folder.chars().take(SHADOW_PREFIX_CHARACTERS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(verdict: Verdict, statement: &str) -> Effect {
        Effect::Said {
            verdict,
            obligations: Vec::new(),
            statement: statement.to_owned(),
        }
    }

    fn see(tally: &ShadowTally, number: u64, active: Effect, shadow: Effect) -> (bool, bool) {
        tally.count(Sighting {
            request: RequestId::from(number),
            operation: Operation::GetObject,
            key: "logs/2026/secret",
            active,
            shadow,
        })
    }

    #[test]
    fn what_differs_is_counted_by_effects_and_statement_with_a_few_examples() {
        let tally = ShadowTally::default();
        for number in 0..20 {
            let seen = see(
                &tally,
                number,
                said(Verdict::NoOpinion, ""),
                said(Verdict::Deny, "no-logs"),
            );
            assert_eq!(seen, (true, true));
        }
        assert_eq!(
            see(&tally, 20, Effect::Off, said(Verdict::Allow, "")),
            (false, true)
        );
        assert_eq!(
            see(&tally, 21, Effect::Off, Effect::NoAnswer),
            (true, false)
        );
        let report = tally.report();
        assert_eq!(report["checks"], 22);
        assert_eq!(report["differing"], 21);
        assert_eq!(report["unanswered"], 1);
        let denied = &report["differences"][0];
        assert_eq!(denied["operation"], "GetObject");
        assert_eq!(
            (&denied["active"], &denied["shadow"]),
            (&json!("no opinion"), &json!("deny"))
        );
        assert_eq!(
            (&denied["statement"], &denied["count"]),
            (&json!("no-logs"), &json!(20))
        );
        let examples = denied["examples"].as_array().unwrap();
        assert_eq!(examples.len(), SHADOW_EXAMPLES_MAX);
        assert_eq!(examples[0]["key_prefix"], "logs/2026/");
    }

    #[test]
    fn differences_are_bounded_and_all_are_counted() {
        let tally = ShadowTally::default();
        let most = u64::try_from(SHADOW_DIFFERENCES_MAX).unwrap();
        for number in 0..=most {
            see(
                &tally,
                number,
                Effect::Off,
                said(Verdict::Deny, &number.to_string()),
            );
        }
        let report = tally.report();
        assert_eq!(report["differing"], most + 1);
        assert_eq!(
            report["differences"].as_array().unwrap().len(),
            SHADOW_DIFFERENCES_MAX
        );
    }
}
