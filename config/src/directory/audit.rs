//! The audit chain: one record for each change, in the same transaction, each with the hash of the one before.
//!
//! The hash is taken over the row as it is stored, so nothing needs a canonical form. The head of the directory holds the
//! last hash and a seal over it: a flipped byte, a missing, swapped or added record and a cut tail are all found.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::command::Actor;
use super::names::{Digest, TenantId};
use super::rows::{AUDIT, Head, RowError, parse};
use super::vault::{Identity, Vault};
use crate::engine::{Op, Row};
use crate::time::UnixMillis;

/// What was changed, by whom, when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuditRecord {
    /// Its number; the first is 1.
    pub sequence: u64,
    /// The hash of the record before.
    pub previous: Digest,
    /// When, by the server's clock.
    pub time_ms: UnixMillis,
    /// By whom.
    pub actor: Actor,
    /// The account that it concerns; none for the platform.
    pub tenant: Option<TenantId>,
    /// What was done, such as `key.create`.
    pub action: String,
    /// To what kind of thing.
    pub object_type: String,
    /// To which.
    pub object: String,
    /// With what details. Never a secret.
    pub detail: Value,
}

/// Where the chain does not hold.
#[derive(Debug, thiserror::Error)]
pub enum AuditFault {
    /// A record does not follow from the one before.
    #[error("audit record {sequence} does not follow from the one before it")]
    Broken {
        /// Its number.
        sequence: u64,
    },
    /// Records are missing at the end, or there are too many.
    #[error("the audit chain has {found} records, its head says {expected}")]
    Length {
        /// How many there are.
        found: u64,
        /// How many there should be.
        expected: u64,
    },
    /// The head does not fit the last record, or its seal does not fit the head.
    #[error("the head of the audit chain is not the one that was sealed")]
    Head,
    /// A record cannot be read.
    #[error(transparent)]
    Row(#[from] RowError),
    /// The engine failed.
    #[error("the directory's engine failed")]
    Engine(#[from] crate::engine::EngineError),
}

impl AuditRecord {
    /// The change that writes it, and the hash that the next record holds.
    pub(crate) fn put(&self) -> Result<(Op, Digest), RowError> {
        let key = key(self.sequence);
        match serde_json::to_vec(self) {
            Ok(value) => {
                let hash = hash(&value);
                Ok((Op::Put(key, value), hash))
            }
            Err(source) => Err(RowError::Malformed { key, source }),
        }
    }
}

/// The key of a record's row.
pub(crate) fn key(sequence: u64) -> String {
    format!("{AUDIT}{sequence:016x}")
}

/// What the first record holds as the hash of the one before: no two directories begin alike.
pub(crate) fn genesis(directory: &str) -> Digest {
    hash(directory.as_bytes())
}

fn hash(row: &[u8]) -> Digest {
    let digest: [u8; 32] = Sha256::new()
        .chain_update(b"postern audit 1\0")
        .chain_update(row)
        .finalize()
        .into();
    Digest::from(digest)
}

/// Follows a chain from its first record to its head.
#[derive(Debug)]
pub(crate) struct Verifier {
    last: Digest,
    count: u64,
}

impl Verifier {
    pub(crate) fn new(head: &Head) -> Self {
        Self {
            last: genesis(&head.directory),
            count: 0,
        }
    }

    /// Takes the next row.
    pub(crate) fn follow(&mut self, row: &Row) -> Result<AuditRecord, AuditFault> {
        let sequence = self.count + 1;
        let record: AuditRecord = parse(row)?;
        let follows =
            record.sequence == sequence && record.previous == self.last && row.key == key(sequence);
        if !follows {
            return Err(AuditFault::Broken { sequence });
        }
        self.count = sequence;
        self.last = hash(&row.value);
        Ok(record)
    }

    /// Compares what was followed with the head.
    pub(crate) fn finish(self, head: &Head, vault: &Vault) -> Result<u64, AuditFault> {
        if self.count != head.audits {
            return Err(AuditFault::Length {
                found: self.count,
                expected: head.audits,
            });
        }
        let sealed = Identity::AuditHead(head.audits, head.audit_hash);
        let genuine = vault.open(sealed, &head.audit_seal).is_ok();
        if self.last != head.audit_hash || !genuine {
            return Err(AuditFault::Head);
        }
        Ok(self.count)
    }
}
