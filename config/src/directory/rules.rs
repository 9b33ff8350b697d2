//! What modules must meet before they are stored or obeyed: settings, not records.

use super::signature::Signer;

/// What modules must meet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ModuleRules {
    /// Who must agree to what changes what is obeyed.
    pub approval: Approval,
    /// Whose signature a module needs; with none, it needs none.
    pub signers: Vec<Signer>,
}

/// Who must agree.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Approval {
    /// Whoever asks.
    #[default]
    OnePerson,
    /// Whoever asks, and another person before the proposal expires.
    TwoPersons {
        /// How long a proposal waits, in seconds.
        seconds: u64,
    },
}
