//! Why a plan decided as it did, for people: `postern explain`.
//!
//! Who may not read a layer, because it belongs to those above, still learns that it decided and which statement did,
//! and neither its questions nor its answers.

use std::fmt;

use serde::Serialize;

use crate::engine::{Module, Reason};
use crate::plan::{
    Decision, Denial, Explanation, Layer, LayerExplanation, Obligation, ObligationOperand, Outcome,
    Plan,
};

/// Which layers the reader may look into.
pub trait Viewer {
    /// Whether the questions and answers of this layer are shown.
    fn may_read(&self, layer: &Layer) -> bool;
}

impl<F: Fn(&Layer) -> bool> Viewer for F {
    fn may_read(&self, layer: &Layer) -> bool {
        self(layer)
    }
}

/// An explanation that can be printed and serialised.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ExplainedPlan {
    /// What the plan says.
    pub decision: ExplainedDecision,
    /// Why, in a sentence.
    pub why: String,
    /// The layers, in the order in which they are asked.
    pub layers: Vec<ExplainedLayer>,
}

/// What a plan says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ExplainedDecision {
    /// It may pass.
    Allowed,
    /// It may not.
    Denied,
    /// Nobody knows: refused, and not remembered.
    Undecided,
    /// Attributes must be fetched first.
    NeedsFetch,
}

/// One layer of the plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ExplainedLayer {
    /// What its verdict counts for: grant, limit or guard.
    pub kind: String,
    /// What it is called.
    pub name: String,
    /// Its module.
    pub module: ExplainedModule,
    /// What it said: `allow`, `deny`, `no opinion`, or why it said nothing.
    pub said: String,
    /// The statements that it named.
    pub statements: Vec<String>,
    /// What it demands of the forwarded request.
    pub obligations: Vec<String>,
    /// Whether this layer decided for the plan.
    pub decides: bool,
    /// Whether its tree knew, so that no code would run for this request.
    pub remembered: bool,
    /// Its questions with their answers; `None` where the reader may not see them.
    pub asked: Option<Vec<ExplainedAnswer>>,
}

/// Which module a layer is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ExplainedModule {
    /// Its name for people.
    pub name: String,
    /// Its version for people.
    pub version: String,
    /// SHA-256 of its bytes, in hexadecimal digits.
    pub digest: String,
}

/// One question with its answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ExplainedAnswer {
    /// The question in words.
    pub question: String,
    /// The answer: `yes`, `no`, or what was read.
    pub answer: String,
}

/// Puts an explanation of this plan into words.
pub fn explain(plan: &Plan, explanation: &Explanation, viewer: &dyn Viewer) -> ExplainedPlan {
    let deciding = match &explanation.decision {
        Decision::Denied(denied) => denied.denial.layer(),
        Decision::Undecided(undecided) => Some(undecided.layer),
        Decision::Allowed(_) | Decision::NeedsFetch(_) => None,
    };
    let layers = explanation
        .layers
        .iter()
        .filter_map(|layer| Some((plan.layer(layer.layer)?, layer)))
        .map(|(layer, explained)| {
            let decides = deciding == Some(explained.layer);
            let asked = viewer.may_read(layer).then(|| answers(explained));
            self::layer(layer, explained, asked, decides)
        })
        .collect();
    ExplainedPlan {
        decision: match &explanation.decision {
            Decision::Allowed(_) => ExplainedDecision::Allowed,
            Decision::Denied(_) => ExplainedDecision::Denied,
            Decision::Undecided(_) => ExplainedDecision::Undecided,
            Decision::NeedsFetch(_) => ExplainedDecision::NeedsFetch,
        },
        why: why(plan, &explanation.decision),
        layers,
    }
}

fn layer(
    layer: &Layer,
    explained: &LayerExplanation,
    asked: Option<Vec<ExplainedAnswer>>,
    decides: bool,
) -> ExplainedLayer {
    let (said, statements, obligations) = match &explained.outcome {
        Outcome::Answered {
            verdict,
            reasons,
            obligations,
        } => (
            verdict.to_string(),
            names(reasons),
            obligations.iter().map(obligation).collect(),
        ),
        Outcome::NotFetched(attribute) => {
            (format!("waits for {attribute}"), Vec::new(), Vec::new())
        }
        Outcome::Fault(fault) => (format!("no answer: {fault}"), Vec::new(), Vec::new()),
    };
    ExplainedLayer {
        kind: layer.kind.to_string(),
        name: layer.name.to_string(),
        module: module(&layer.module),
        said,
        statements,
        obligations,
        decides,
        remembered: explained.remembered,
        asked,
    }
}

fn module(module: &Module) -> ExplainedModule {
    ExplainedModule {
        name: module.manifest().name.clone(),
        version: module.manifest().version.clone(),
        digest: module.digest().to_string(),
    }
}

fn answers(layer: &LayerExplanation) -> Vec<ExplainedAnswer> {
    layer
        .asked
        .iter()
        .map(|asked| ExplainedAnswer {
            question: asked.question.to_string(),
            answer: asked.answer.to_string(),
        })
        .collect()
}

fn names(reasons: &[Reason]) -> Vec<String> {
    reasons.iter().map(ToString::to_string).collect()
}

fn obligation(obligation: &Obligation) -> String {
    match &obligation.operand {
        ObligationOperand::None => obligation.kind.to_string(),
        ObligationOperand::Constant(bytes) => {
            format!("{} `{}`", obligation.kind, bytes.escape_ascii())
        }
        ObligationOperand::Reference(attribute) => format!("{} ${{{attribute}}}", obligation.kind),
    }
}

fn why(plan: &Plan, decision: &Decision) -> String {
    let called = |place| {
        plan.layer(place).map_or_else(String::new, |layer| {
            format!("the {} `{}`", layer.kind, layer.name)
        })
    };
    match decision {
        Decision::Allowed(_) => "a grant allows, every limit allows, and nothing denies".to_owned(),
        Decision::Denied(denied) => match denied.denial {
            Denial::Verdict(place) => {
                format!("{} denies{}", called(place), by(&denied.reasons))
            }
            Denial::Unlimited(place) => {
                format!("{} has no statement that allows this", called(place))
            }
            Denial::Ungranted => "no grant allows this".to_owned(),
            Denial::Unfulfillable(place, unfulfillable) => {
                format!("{}: {unfulfillable}", called(place))
            }
        },
        Decision::Undecided(undecided) => {
            format!(
                "{} gives no answer: {}",
                called(undecided.layer),
                undecided.fault
            )
        }
        Decision::NeedsFetch(waiting) => {
            let wanted: Vec<String> = waiting.wanted.iter().map(ToString::to_string).collect();
            format!("these must be fetched first: {}", wanted.join(", "))
        }
    }
}

fn by(reasons: &[Reason]) -> String {
    if reasons.is_empty() {
        return String::new();
    }
    format!(", by the statement `{}`", names(reasons).join("`, `"))
}

impl fmt::Display for ExplainedDecision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Allowed => "allowed",
            Self::Denied => "denied",
            Self::Undecided => "undecided",
            Self::NeedsFetch => "needs attributes of the upstream",
        })
    }
}

impl fmt::Display for ExplainedPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}: {}", self.decision, self.why)?;
        for layer in &self.layers {
            writeln!(f)?;
            write!(f, "{layer}")?;
        }
        Ok(())
    }
}

impl fmt::Display for ExplainedLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            kind,
            name,
            module,
            said,
            statements,
            obligations,
            ..
        } = self;
        write!(f, "{kind} `{name}`: {said}")?;
        f.write_str(if self.decides {
            "  ← this decides\n"
        } else {
            "\n"
        })?;
        writeln!(
            f,
            "  module     {} {} sha256:{}",
            module.name, module.version, module.digest
        )?;
        if !statements.is_empty() {
            writeln!(f, "  statement  {}", statements.join(", "))?;
        }
        if !obligations.is_empty() {
            writeln!(f, "  demands    {}", obligations.join(", "))?;
        }
        writeln!(
            f,
            "  tree       {}",
            if self.remembered {
                "knows this"
            } else {
                "does not know this yet"
            }
        )?;
        let Some(asked) = &self.asked else {
            return writeln!(f, "  (its questions are not yours to read)");
        };
        for ExplainedAnswer { question, answer } in asked {
            writeln!(f, "  {question}? {answer}")?;
        }
        Ok(())
    }
}
