//! The audit chain: one record for each change, in the same transaction, each with the hash of the one before.
//!
//! The hash is taken over the row as it is stored, so nothing needs a canonical form. The head of the directory holds the
//! last hash and a seal over it: a flipped byte, a missing, swapped or added record and a cut tail are all found.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::command::Actor;
use super::names::{Digest, TenantId, UserId};
use super::person::{PersonFault, Personal, SealedPart};
use super::rows::{AUDIT, Head, RowError, parse};
use super::vault::{Identity, SealError, Vault};
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
    /// The user whose records it changed, or whose sub-users', keys' or buckets', where it is one's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<UserId>,
    /// What was done, such as `key.create`.
    pub action: String,
    /// To what kind of thing.
    pub object_type: String,
    /// To which.
    pub object: String,
    /// With what details. Never a secret.
    pub detail: Value,
    /// What is personal of it, as it is stored; empty once it was opened.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) sealed: Vec<SealedPart>,
    /// The e-mail address that who asked had then.
    #[serde(skip)]
    pub email: Option<String>,
    /// The full name that who asked had then.
    #[serde(skip)]
    pub full_name: Option<String>,
    /// Whether something personal was in it of somebody who is forgotten.
    #[serde(skip)]
    pub forgotten: bool,
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
    /// What is personal of a record cannot be opened, though nobody has destroyed its key.
    #[error("what is personal of a record is damaged")]
    Personal(#[source] SealError),
    /// A head that was kept elsewhere is not one of this chain.
    #[error("the head of record {sequence} that was kept elsewhere is not this chain's")]
    Foreign {
        /// The number of the record.
        sequence: u64,
    },
    /// The engine failed.
    #[error("the directory's engine failed")]
    Engine(#[from] crate::engine::EngineError),
}

impl From<PersonFault> for AuditFault {
    fn from(fault: PersonFault) -> Self {
        match fault {
            PersonFault::Row(fault) => Self::Row(fault),
            PersonFault::Seal(fault) => Self::Personal(fault),
            PersonFault::Engine(fault) => Self::Engine(fault),
        }
    }
}

impl AuditRecord {
    /// Puts back what was sealed.
    pub(crate) fn recall(&mut self, personal: Personal) {
        let Personal {
            address,
            email,
            full_name,
            detail,
        } = personal;
        self.actor.address = self.actor.address.or(address);
        self.email = self.email.take().or(email);
        self.full_name = self.full_name.take().or(full_name);
        if !detail.is_empty() {
            match &mut self.detail {
                Value::Object(fields) => fields.extend(detail),
                rest => *rest = Value::Object(detail),
            }
        }
    }

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

/// The hash of a record's row.
pub(crate) fn hash_of(row: &[u8]) -> Digest {
    hash(row)
}

fn hash(row: &[u8]) -> Digest {
    let digest: [u8; 32] = Sha256::new()
        .chain_update(b"postern audit 1\0")
        .chain_update(row)
        .finalize()
        .into();
    Digest::from(digest)
}

/// Follows a chain from its first record, or from the checkpoint that stands for what retention took, to its head.
#[derive(Debug)]
pub(crate) struct Verifier {
    last: Digest,
    count: u64,
}

impl Verifier {
    pub(crate) fn new(head: &Head) -> Self {
        match &head.audit_base {
            Some(base) => Self {
                last: base.hash,
                count: base.through,
            },
            None => Self {
                last: genesis(&head.directory),
                count: 0,
            },
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
        let based = head.audit_base.as_ref().is_none_or(|base| {
            let sealed = Identity::AuditBase(base.through, base.hash);
            vault.open(sealed, &base.seal).is_ok()
        });
        let genuine = based && vault.open(sealed, &head.audit_seal).is_ok();
        if self.last != head.audit_hash || !genuine {
            return Err(AuditFault::Head);
        }
        Ok(self.count)
    }
}
