//! Persons, as the audit log knows them: a number in the open, and what is personal sealed under a key of their own.
//!
//! A record says for ever that user 17 deleted a key. From where he did, what he was called and what his address was is sealed
//! under his key, which is a row of its own, itself sealed under the master key. When he is deleted and his profile says so, that
//! row is erased: the chain of records stays what it was, byte by byte, and nobody can read the sealed parts any more.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::audit::AuditRecord;
use super::command::{Actor, Who};
use super::names::{OperatorId, UserId};
use super::rows::{RowError, parse};
use super::state::State;
use super::vault::{Identity, MASTER_KEY_BYTES, SealError, Sealed, Vault};
use crate::Secret;
use crate::engine::{Engine, EngineError, Op, Row};
use crate::time::Entropy;

/// Where the keys of persons begin.
pub(crate) const PERSONS: &str = "per/";

/// Somebody of whom the audit log says something personal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Person {
    /// A user; what is personal of his sub-users is his.
    User(UserId),
    /// An operator.
    Operator(OperatorId),
}

/// What is personal of a record.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Personal {
    /// From where the person asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) address: Option<IpAddr>,
    /// The e-mail address of the person who asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) email: Option<String>,
    /// The full name of the person who asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) full_name: Option<String>,
    /// Details of the record.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub(crate) detail: Map<String, Value>,
}

/// What is personal of a record, as it is stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SealedPart {
    /// Whose.
    pub(crate) person: Person,
    /// The rest.
    pub(crate) text: Sealed,
}

/// The key of a person, as it is stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PersonRow {
    /// Whose.
    pub(crate) person: Person,
    /// The key.
    pub(crate) key: Sealed,
}

impl Person {
    /// Who asks, where that is a person of whom the directory knows.
    pub(crate) fn of(actor: &Actor) -> Option<Self> {
        match &actor.who {
            Who::Key { user, .. } => Some(Self::User(*user)),
            Who::Operator { operator } => Some(Self::Operator(*operator)),
            Who::Token { operator, .. } => operator.map(Self::Operator),
            Who::System | Who::AdminToken | Who::Person { .. } | Who::Nobody => None,
        }
    }

    /// The key of the row with his key.
    pub(crate) fn row(self) -> String {
        match self {
            Self::User(id) => format!("{PERSONS}user/{id}"),
            Self::Operator(id) => format!("{PERSONS}operator/{id}"),
        }
    }
}

impl std::fmt::Display for Person {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::User(id) => write!(f, "user/{id}"),
            Self::Operator(id) => write!(f, "operator/{id}"),
        }
    }
}

/// What of a record is of whom.
pub(crate) type Parts = BTreeMap<Person, Personal>;

/// What is personal of who asks.
pub(crate) fn of_actor(state: &State, actor: &Actor) -> Parts {
    let mut parts = Parts::new();
    if let Some(person) = Person::of(actor) {
        let (email, full_name) = match person {
            Person::User(id) => {
                let details = state.user(id).map(|user| &user.details);
                (
                    details.and_then(|it| it.email.as_ref()),
                    details.map(|it| &it.full_name),
                )
            }
            Person::Operator(id) => {
                let details = state.operator(id).map(|operator| &operator.details);
                (details.map(|it| &it.email), details.map(|it| &it.name))
            }
        };
        let personal = Personal {
            address: actor.address,
            email: email.map(ToString::to_string),
            full_name: full_name
                .map(ToString::to_string)
                .filter(|name| !name.is_empty()),
            detail: Map::new(),
        };
        if personal != Personal::default() {
            parts.insert(person, personal);
        }
    }
    parts
}

impl PersonRow {
    /// A key for somebody who has none yet, and the change that writes it.
    pub(crate) fn make(
        person: Person,
        vault: &Vault,
        entropy: &Entropy,
    ) -> Result<(Vault, Op), SealError> {
        let key = Secret::new(entropy.bytes::<MASTER_KEY_BYTES>()?.to_vec());
        let own = Vault::new(&key)?;
        let key = vault.seal(Identity::Person(person), &key, entropy)?;
        let row = Self { person, key };
        let value = serde_json::to_vec(&row).map_err(|_| SealError::Damaged)?;
        Ok((own, Op::Put(person.row(), value)))
    }

    /// Opens the key.
    pub(crate) fn open(row: &Row, vault: &Vault) -> Result<Vault, PersonFault> {
        let row: Self = parse(row)?;
        let key = vault.open(Identity::Person(row.person), &row.key)?;
        Ok(Vault::new(&key)?)
    }
}

/// Why what is personal cannot be read, though it was not destroyed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PersonFault {
    #[error(transparent)]
    Row(#[from] RowError),
    #[error(transparent)]
    Seal(#[from] SealError),
    #[error(transparent)]
    Engine(#[from] EngineError),
}

impl SealedPart {
    /// Seals what is personal of one person in the record of this number.
    pub(crate) fn seal(
        (person, personal): (Person, &Personal),
        sequence: u64,
        own: &Vault,
        entropy: &Entropy,
    ) -> Result<Self, SealError> {
        let text = serde_json::to_vec(personal).map_err(|_| SealError::Damaged)?;
        let identity = Identity::Personal(person, sequence);
        let text = own.seal(identity, &Secret::new(text), entropy)?;
        Ok(Self { person, text })
    }

    fn open(&self, sequence: u64, own: &Vault) -> Result<Personal, SealError> {
        let opened = own.open(Identity::Personal(self.person, sequence), &self.text)?;
        let read = opened.lend(|text| serde_json::from_slice(text));
        read.map_err(|_| SealError::Damaged)
    }
}

/// The keys of persons that were needed so far; none of those who were forgotten.
#[derive(Debug, Default)]
pub(crate) struct Keys(BTreeMap<Person, Option<Vault>>);

impl Keys {
    /// Puts what is personal of a record back where it was before it was sealed, as far as it is not forgotten.
    pub(crate) async fn open(
        &mut self,
        record: &mut AuditRecord,
        engine: &dyn Engine,
        vault: &Vault,
    ) -> Result<(), PersonFault> {
        for part in std::mem::take(&mut record.sealed) {
            let own = match self.0.entry(part.person) {
                std::collections::btree_map::Entry::Occupied(known) => known.into_mut(),
                std::collections::btree_map::Entry::Vacant(place) => {
                    let row = engine.get(part.person.row()).await?;
                    let own = row.map(|row| PersonRow::open(&row, vault)).transpose()?;
                    place.insert(own)
                }
            };
            match own {
                Some(own) => {
                    let personal = part.open(record.sequence, own)?;
                    record.recall(personal);
                }
                None => record.forgotten = true,
            }
        }
        Ok(())
    }
}
