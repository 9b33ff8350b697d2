//! What is enumerated, compared and explained: one module, or a whole plan, which is deaf to who answers its questions.

use std::fmt;
use std::sync::Arc;

use serde::Serialize;

use crate::engine::{Answering, Cause, Evaluation, FromFacts, Module, Reason, Verdict};
use crate::facts::Facts;
use crate::plan::{LayerKind, Obligation, ObligationOperand, Obligations, Plan};

/// What is looked into.
#[derive(Clone, Copy, Debug)]
pub enum Subject<'a> {
    /// One module, whose outcome is what it says.
    Module(&'a Arc<Module>),
    /// A plan: grants, limits and guards combined, the most restrictive wins.
    Plan(&'a Plan),
}

/// What a subject says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// It may pass.
    Allow,
    /// It may not.
    Deny,
    /// A module has nothing to say. A plan always has.
    NoOpinion,
    /// A module gives no answer, so the request is refused.
    NoAnswer,
}

/// What a subject says, and in which words.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Judgement {
    /// What it says.
    pub outcome: Outcome,
    /// The statements that it names, behind the name of their layer in a plan.
    pub reasons: Vec<String>,
    /// What it demands of the forwarded request.
    pub obligations: Vec<Obligation>,
}

impl Subject<'_> {
    /// What it says to these answers. Where an answer was refused the judgement means nothing, and whoever refused it
    /// knows.
    pub(super) fn judge(&self, answers: &dyn Answering) -> Judgement {
        match self {
            Self::Module(module) => judge_module(module, answers),
            Self::Plan(plan) => judge_plan(plan, answers),
        }
    }

    /// What it says to these facts, decided afresh. Obligations are filled in: one that the request cannot fulfil
    /// denies.
    pub fn decide(&self, facts: &dyn Facts) -> Judgement {
        let mut judgement = self.judge(&FromFacts(facts));
        if let Self::Plan(_) = self
            && judgement.outcome == Outcome::Allow
        {
            let mut filled = Obligations::default();
            let owed = &judgement.obligations;
            let unfulfillable = owed.iter().find_map(|o| filled.add(o, facts).err());
            if let Some(unfulfillable) = unfulfillable {
                judgement.outcome = Outcome::Deny;
                judgement.reasons = vec![unfulfillable.to_string()];
            }
        }
        judgement
    }
}

fn judge_module(module: &Module, answers: &dyn Answering) -> Judgement {
    match module.interrogate(answers) {
        Ok(said) => Judgement {
            outcome: match said.verdict {
                Verdict::NoOpinion => Outcome::NoOpinion,
                Verdict::Allow => Outcome::Allow,
                Verdict::Deny => Outcome::Deny,
            },
            reasons: said.reasons.iter().map(ToString::to_string).collect(),
            obligations: said.obligations,
        },
        Err(stopped) => no_answer(None, &stopped.cause),
    }
}

/// As the decider counts the layers, one after the other, until one denies.
fn judge_plan(plan: &Plan, answers: &dyn Answering) -> Judgement {
    let mut tally = Tally::default();
    for layer in plan.layers() {
        let said = match layer.module.interrogate(answers) {
            Ok(said) => said,
            Err(stopped) => {
                tally.may_be_granted |= layer.kind == LayerKind::Grant;
                let failed = no_answer(Some(&layer.name), &stopped.cause);
                tally.failed.get_or_insert(failed);
                // Nothing is learned from what others would say to answers that are refused.
                if matches!(stopped.cause, Cause::NotFetched(_)) {
                    break;
                }
                continue;
            }
        };
        if let Some(denied) = tally.count(&layer.name, layer.kind, said) {
            return denied;
        }
    }
    tally.decide()
}

#[derive(Default)]
struct Tally {
    granted: bool,
    may_be_granted: bool,
    failed: Option<Judgement>,
    reasons: Vec<String>,
    obligations: Vec<Obligation>,
}

impl Tally {
    fn count(&mut self, layer: &str, kind: LayerKind, said: Evaluation) -> Option<Judgement> {
        let reasons = said.reasons.iter().map(|reason| named(layer, reason));
        let denied = |mut reasons: Vec<String>| {
            if reasons.is_empty() {
                reasons.push(layer.to_owned());
            }
            Some(Judgement {
                outcome: Outcome::Deny,
                reasons,
                obligations: Vec::new(),
            })
        };
        match (kind, said.verdict) {
            (_, Verdict::Deny) | (LayerKind::Limit, Verdict::NoOpinion) => {
                return denied(reasons.collect());
            }
            (LayerKind::Grant, Verdict::Allow) => self.granted = true,
            (LayerKind::Grant | LayerKind::Guard, Verdict::NoOpinion)
            | (LayerKind::Limit | LayerKind::Guard, Verdict::Allow) => {}
        }
        self.reasons.extend(reasons);
        for obligation in said.obligations {
            if !self.obligations.contains(&obligation) {
                self.obligations.push(obligation);
            }
        }
        None
    }

    fn decide(self) -> Judgement {
        if !self.granted && !self.may_be_granted {
            return Judgement {
                outcome: Outcome::Deny,
                reasons: vec!["no grant allows this".to_owned()],
                obligations: Vec::new(),
            };
        }
        self.failed.unwrap_or(Judgement {
            outcome: Outcome::Allow,
            reasons: self.reasons,
            obligations: self.obligations,
        })
    }
}

fn no_answer(layer: Option<&str>, cause: &Cause) -> Judgement {
    let why = match cause {
        Cause::NotFetched(question) => format!("{} was not answered", question.attribute),
        Cause::Fault(fault) => fault.to_string(),
    };
    Judgement {
        outcome: Outcome::NoAnswer,
        reasons: vec![match layer {
            Some(layer) => format!("{layer}: {why}"),
            None => why,
        }],
        obligations: Vec::new(),
    }
}

fn named(layer: &str, reason: &Reason) -> String {
    format!("{layer}: {reason}")
}

/// An obligation in words.
pub(super) fn owed(obligation: &Obligation) -> String {
    match &obligation.operand {
        ObligationOperand::None => obligation.kind.to_string(),
        ObligationOperand::Constant(bytes) => {
            format!("{} `{}`", obligation.kind, bytes.escape_ascii())
        }
        ObligationOperand::Reference(attribute) => format!("{} ${{{attribute}}}", obligation.kind),
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Allow => "allow",
            Self::Deny => "deny",
            Self::NoOpinion => "no opinion",
            Self::NoAnswer => "no answer",
        })
    }
}
