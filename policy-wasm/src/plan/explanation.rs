//! What a decision rests on, layer by layer, for people.

use smallvec::SmallVec;

use super::{Decision, LayerPlace, Obligation};
use crate::engine::{Fault, Reason, Verdict};
use crate::question::{Answer, Question};
use crate::registry::Attribute;

/// A decision, with every layer evaluated afresh, also those behind the one that decided.
#[derive(Clone, Debug)]
pub struct Explanation {
    /// What the plan says.
    pub decision: Decision,
    /// What each layer asked, heard and said.
    pub layers: Vec<LayerExplanation>,
}

/// What one layer asked, heard and said.
#[derive(Clone, Debug)]
pub struct LayerExplanation {
    /// Which layer of the plan; name, kind and module are there.
    pub layer: LayerPlace,
    /// Its questions with their answers, in order.
    pub asked: Vec<Asked>,
    /// What came of it.
    pub outcome: Outcome,
    /// Whether its tree knew the way already. It is not taught by an explanation.
    pub remembered: bool,
}

/// One question with its answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// The question.
    pub question: Question,
    /// The answer.
    pub answer: Answer<'static>,
}

/// What came of a layer.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// It gave a verdict.
    Answered {
        /// What it said.
        verdict: Verdict,
        /// The statements that it named.
        reasons: SmallVec<[Reason; 1]>,
        /// What it demands.
        obligations: Vec<Obligation>,
    },
    /// It waits for this attribute.
    NotFetched(Attribute),
    /// It gave no answer.
    Fault(Fault),
}
