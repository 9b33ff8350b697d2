//! What a plan says to a check.

use smallvec::SmallVec;

use super::{LayerPlace, Obligations, Unfulfillable};
use crate::engine::{Fault, Reason, Verdict};
use crate::registry::Attribute;

/// The answer of a plan to one check.
#[derive(Clone, Debug)]
pub enum Decision {
    /// It may pass, under these obligations.
    Allowed(Allowed),
    /// It may not. This is a decision: 403.
    Denied(Denied),
    /// It could not be decided: 503. Never remembered, never forwarded.
    Undecided(Undecided),
    /// It cannot be decided before attributes are fetched. No layer that needs none of them has denied. Fetch every
    /// attribute that the registry calls fetched, and decide again with the same facts and clock.
    NeedsFetch(NeedsFetch),
}

/// A check that may pass.
#[derive(Clone, Debug)]
pub struct Allowed {
    /// What must hold of the forwarded request.
    pub obligations: Obligations,
    /// What each layer said.
    pub trace: Trace,
}

/// A check that may not pass.
#[derive(Clone, Debug)]
pub struct Denied {
    /// Why.
    pub denial: Denial,
    /// The statements that the denying layer named.
    pub reasons: SmallVec<[Reason; 1]>,
    /// What each layer said, up to the one that decided.
    pub trace: Trace,
}

/// Why a check may not pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Denial {
    /// A layer said no.
    Verdict(LayerPlace),
    /// A limit had no opinion.
    Unlimited(LayerPlace),
    /// No grant allowed.
    Ungranted,
    /// An obligation that the request cannot fulfil, of this layer.
    Unfulfillable(LayerPlace, Unfulfillable),
}

impl Denial {
    /// The layer that decided; `None` where no grant did.
    pub const fn layer(&self) -> Option<LayerPlace> {
        match self {
            Self::Verdict(place) | Self::Unlimited(place) | Self::Unfulfillable(place, _) => {
                Some(*place)
            }
            Self::Ungranted => None,
        }
    }
}

/// A check that could not be decided.
#[derive(Clone, Debug)]
pub struct Undecided {
    /// The first layer that gave no answer.
    pub layer: LayerPlace,
    /// Why it gave none.
    pub fault: Fault,
    /// What each layer said.
    pub trace: Trace,
}

/// A check that waits for attributes of the upstream.
#[derive(Clone, Debug)]
pub struct NeedsFetch {
    /// The attributes that were asked for first, one for each layer that waits.
    pub wanted: SmallVec<[Attribute; 2]>,
}

/// What each layer said, in the order of the plan.
pub type Trace = SmallVec<[LayerTrace; 8]>;

/// What one layer said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LayerTrace {
    /// Which layer.
    pub layer: LayerPlace,
    /// Its verdict; `None` where it could not answer.
    pub verdict: Option<Verdict>,
    /// Whether its tree knew, so that no code ran.
    pub remembered: bool,
}
