//! A plan: the modules that judge a check, and what each of them is for. The most restrictive wins.
//!
//! At least one **grant** must allow, every **limit** must allow, and a **guard** may have no opinion. A deny anywhere
//! denies. Adding a limit or a guard can therefore never widen what a plan allows.

mod decision;
mod explanation;
mod obligation;
mod tally;

use std::fmt;
use std::sync::Arc;

use crate::engine::Module;
use crate::limits::LAYERS_MAX;

pub use decision::{Allowed, Decision, Denial, Denied, LayerTrace, NeedsFetch, Trace, Undecided};
pub use explanation::{Asked, Explanation, LayerExplanation, Outcome};
pub use obligation::{
    Filter, FilterBy, Kind as ObligationKind, Obligation, Obligations,
    Operand as ObligationOperand, Unfulfillable,
};
pub(crate) use tally::{Judged, Tally};

/// The layers that judge one shape of request, in the order in which they are asked.
#[derive(Debug)]
pub struct Plan {
    layers: Box<[Layer]>,
}

/// One module of a plan.
#[derive(Clone, Debug)]
pub struct Layer {
    /// What its verdict counts for.
    pub kind: LayerKind,
    /// What it is called in logs and explanations: `key`, `role`, `bucket-policy`.
    pub name: Arc<str>,
    /// The module.
    pub module: Arc<Module>,
    /// Who shares its tree.
    pub scope: TreeScope,
}

/// What the verdict of a layer counts for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LayerKind {
    /// At least one grant of a plan must allow.
    Grant,
    /// Each limit must allow; no opinion is a deny.
    Limit,
    /// A guard must not deny.
    Guard,
}

/// Who shares a tree. A tree holds nothing but questions and answers, yet its shape and its fullness would tell one
/// tenant of another, so a module that a tenant uploaded has a tree for that tenant alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TreeScope {
    /// Everyone: for modules that come with the product.
    Shared,
    /// The tenant of this number: for uploaded modules.
    Tenant(u64),
}

/// An action, as a small number that the caller of the engine interns and never reuses. Trees are kept apart by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ActionId(pub u32);

impl Plan {
    /// A plan of these layers.
    ///
    /// # Errors
    /// More than [`LAYERS_MAX`] layers.
    pub fn new(layers: Vec<Layer>) -> Result<Self, PlanError> {
        if layers.len() > LAYERS_MAX {
            return Err(PlanError {
                layers: layers.len(),
            });
        }
        Ok(Self {
            layers: layers.into(),
        })
    }

    /// The layers, in order.
    pub fn layers(&self) -> &[Layer] {
        &self.layers
    }

    /// The layer of a decision.
    pub fn layer(&self, place: LayerPlace) -> Option<&Layer> {
        self.layers.get(usize::from(place.0))
    }
}

/// The place of a layer in its plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LayerPlace(pub u8);

/// A plan has too many layers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a plan of {layers} layers, at most {LAYERS_MAX}")]
pub struct PlanError {
    /// How many.
    pub layers: usize,
}

impl fmt::Display for LayerKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Grant => "grant",
            Self::Limit => "limit",
            Self::Guard => "guard",
        })
    }
}
