//! How the verdicts of the layers become one decision.

use smallvec::SmallVec;

use super::{
    Allowed, Decision, Denial, Denied, LayerKind, LayerPlace, LayerTrace, NeedsFetch, Obligation,
    Obligations, Trace, Undecided,
};
use crate::engine::{Fault, Reason, Verdict};
use crate::facts::Facts;
use crate::registry::Attribute;

/// What one layer said, borrowed from its tree where that knew.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Judged<'a> {
    pub(crate) verdict: Verdict,
    pub(crate) reasons: &'a [Reason],
    pub(crate) obligations: &'a [Obligation],
    pub(crate) fetched: bool,
    pub(crate) remembered: bool,
}

/// The verdicts so far.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    granted: bool,
    /// A grant gave no answer, or waits: it might still allow.
    grant_open: bool,
    undecided: Option<(LayerPlace, Fault)>,
    wanted: SmallVec<[Attribute; 2]>,
    obligations: Obligations,
    trace: Trace,
}

impl Tally {
    /// Counts a verdict; a decision where it denies, whatever the layers behind it say.
    pub(crate) fn judged(
        &mut self,
        place: LayerPlace,
        kind: LayerKind,
        judged: Judged<'_>,
        facts: &dyn Facts,
    ) -> Option<Decision> {
        self.trace.push(LayerTrace {
            layer: place,
            verdict: Some(judged.verdict),
            remembered: judged.remembered,
        });
        match (kind, judged.verdict) {
            (_, Verdict::Deny) => return Some(self.deny(Denial::Verdict(place), judged.reasons)),
            (LayerKind::Limit, Verdict::NoOpinion) => {
                return Some(self.deny(Denial::Unlimited(place), judged.reasons));
            }
            (LayerKind::Grant, Verdict::Allow) => self.granted = true,
            (LayerKind::Grant | LayerKind::Guard, Verdict::NoOpinion)
            | (LayerKind::Limit | LayerKind::Guard, Verdict::Allow) => {}
        }
        self.obligations.expect_fetched_version |= judged.fetched;
        for obligation in judged.obligations {
            if let Err(unfulfillable) = self.obligations.add(obligation, facts) {
                let denial = Denial::Unfulfillable(place, unfulfillable);
                return Some(self.deny(denial, judged.reasons));
            }
        }
        None
    }

    /// Counts a layer that gives no answer.
    pub(crate) fn failed(&mut self, place: LayerPlace, kind: LayerKind, fault: Fault) {
        self.open(place, kind);
        self.undecided.get_or_insert((place, fault));
    }

    /// Counts a layer that waits for an attribute.
    pub(crate) fn waits(&mut self, place: LayerPlace, kind: LayerKind, attribute: Attribute) {
        self.open(place, kind);
        self.wanted.push(attribute);
    }

    fn open(&mut self, place: LayerPlace, kind: LayerKind) {
        self.trace.push(LayerTrace {
            layer: place,
            verdict: None,
            remembered: false,
        });
        self.grant_open |= kind == LayerKind::Grant;
    }

    /// The decision when every layer was asked and none denied.
    pub(crate) fn decide(mut self) -> Decision {
        if !self.granted && !self.grant_open {
            return self.deny(Denial::Ungranted, &[]);
        }
        if let Some((layer, fault)) = self.undecided {
            return Decision::Undecided(Undecided {
                layer,
                fault,
                trace: self.trace,
            });
        }
        if !self.wanted.is_empty() {
            return Decision::NeedsFetch(NeedsFetch {
                wanted: self.wanted,
            });
        }
        Decision::Allowed(Allowed {
            obligations: self.obligations,
            trace: self.trace,
        })
    }

    fn deny(&mut self, denial: Denial, reasons: &[Reason]) -> Decision {
        let trace = std::mem::take(&mut self.trace);
        Decision::Denied(Denied {
            denial,
            reasons: reasons.iter().cloned().collect(),
            trace,
        })
    }
}
