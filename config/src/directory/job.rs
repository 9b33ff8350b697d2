//! Work that goes on after the command that asked for it: what it is about, and how much there was to do. How far it is is never
//! written: it is what was there at the beginning less what is there still.

use serde::{Deserialize, Serialize};

use super::names::{JobId, TenantId, UserId};
use crate::engine::Revision;
use crate::time::UnixSeconds;

/// Work that goes on after the command that asked for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Job {
    /// The number.
    pub id: JobId,
    /// The account.
    pub tenant: TenantId,
    /// What is done.
    pub purge: Purge,
    /// Who asked for it, as the audit record names him.
    pub asked_by: String,
    /// When he did.
    pub asked: UnixSeconds,
    /// What there was to do; none until it was counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub totals: Option<Totals>,
    /// When it was done; none while it goes on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished: Option<UnixSeconds>,
    /// The revision that wrote this record.
    #[serde(skip)]
    pub revision: Revision,
}

/// What is removed with all its buckets and what is in them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Purge {
    /// A user.
    User(UserId),
    /// An account, with its users.
    Tenant(TenantId),
}

/// How much there is to remove.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Totals {
    /// Buckets.
    pub buckets: u64,
    /// Objects; versions, where they have them.
    pub objects: u64,
    /// Their bytes.
    pub bytes: u64,
}

impl Totals {
    /// What of this is done when `left` is there still. What came in between is not counted twice.
    #[must_use]
    pub const fn less(self, left: Self) -> Self {
        Self {
            buckets: self.buckets.saturating_sub(left.buckets),
            objects: self.objects.saturating_sub(left.objects),
            bytes: self.bytes.saturating_sub(left.bytes),
        }
    }
}
