//! What stands beside a version and changes without it: tags, retention, legal hold, access.

#![expect(
    clippy::unused_async,
    reason = "the face is async throughout: where an index read has to wait is not its callers' business"
)]

use s3_protocol::call::{GetObjectAttributes, WriteHead};
use s3_protocol::object::{AttributePart, AttributeParts, ObjectHead};
use s3_protocol::seal::{CustomerKey, Encrypted, Sealing};
use s3_protocol::setting::Retention;
use s3_protocol::setting::lifecycle::Candidate;
use s3_protocol::{BucketId, S3Code, S3Error, VersionId};
use serde::{Deserialize, Serialize};

use super::get::Found;
use super::{Inner, Node, ObjectPlace};
use crate::crypt::ObjectKey;
use crate::error::NodeError;
use crate::guards::Guards;
use crate::keys;
use crate::record::fields::{Amends, Encryption, Fields};
use crate::writer::{Amendment, Work};

/// A change of one facet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum FacetChange {
    /// These tags replace those that were.
    Tags(Vec<(String, String)>),
    /// This retention, or none; what binds is shortened only by who may bypass it.
    Retention(Option<Retention>, Bypass),
    /// Whether the version is held.
    LegalHold(bool),
    /// Who may do what with it; none: what is usual.
    Acl(Option<String>),
}

/// What stands beside a version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facets {
    /// The version itself, with its locks.
    pub head: ObjectHead,
    /// Its tags.
    pub tags: Vec<(String, String)>,
    /// Who may do what with it, as it was written.
    pub acl: Option<String>,
}

/// Whether a retention of mode governance may be passed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Bypass {
    /// The caller may, and says so.
    Governance,
    /// It binds him.
    None,
}

impl Node {
    /// What stands beside a version: what GetObjectTagging, GetObjectRetention, GetObjectLegalHold and GetObjectAcl show.
    ///
    /// # Errors
    /// NoSuchKey, NoSuchVersion, NoSuchBucket, MethodNotAllowed for a delete marker; those of the guards.
    pub async fn object_facets(
        &self,
        place: &ObjectPlace,
        version: Option<VersionId>,
        guards: Guards,
    ) -> Result<Facets, NodeError> {
        let mut found = self.find_under(&guards, place, version)?;
        let tags = std::mem::take(&mut found.fields.tags);
        let acl = found.fields.acl.take();
        let version = self.shown_version(place.bucket, found.fields.version);
        let head = ObjectHead {
            tags: tags.len(),
            ..found.head(version)
        };
        Ok(Facets { head, tags, acl })
    }

    /// Changes a facet of a version, and says which version that is.
    ///
    /// # Errors
    /// Those of reading it; InvalidRequest for locks in a bucket without object lock; AccessDenied where a lock binds.
    pub async fn change_object(
        &self,
        place: &ObjectPlace,
        version: Option<VersionId>,
        change: FacetChange,
        guards: Guards,
    ) -> Result<Option<VersionId>, NodeError> {
        self.inner.ready()?;
        let mut fields = Fields::default();
        let mut bypass = Bypass::None;
        match change {
            FacetChange::Tags(tags) => {
                fields.amends.tags = true;
                fields.tags = tags;
            }
            FacetChange::Retention(retention, may) => {
                self.inner.has_lock(place.bucket)?;
                self.inner.is_to_come(retention)?;
                fields.amends.retention = true;
                fields.retention = retention;
                bypass = may;
            }
            FacetChange::LegalHold(hold) => {
                self.inner.has_lock(place.bucket)?;
                fields.amends.legal_hold = true;
                fields.legal_hold = hold;
            }
            FacetChange::Acl(acl) => {
                fields.amends.acl = true;
                fields.acl = acl;
            }
        }
        debug_assert_ne!(fields.amends, Amends::default());
        if let Some(recheck) = guards.recheck {
            recheck.ask().await?;
        }
        let amendment = Amendment {
            key: keys::object(place),
            version,
            fields,
            bypass: bypass == Bypass::Governance,
            creator: guards.creator,
            stands: guards.stands,
        };
        let reply = self.inner.ask(Work::Amend(Box::new(amendment))).await?;
        Ok(reply.version())
    }

    /// GetObjectAttributes: the head of a version, and a page of its parts.
    ///
    /// # Errors
    /// Those of reading it.
    pub async fn object_attributes(
        &self,
        place: &ObjectPlace,
        ask: &GetObjectAttributes,
        guards: Guards,
    ) -> Result<(ObjectHead, AttributeParts), NodeError> {
        let found = self.find_under(&guards, place, ask.version)?;
        self.inner
            .key_of(&found.fields, ask.customer_key.as_ref())?;
        let listed = &found.fields.parts;
        let mut parts = AttributeParts {
            total: u16::try_from(listed.len()).unwrap_or(u16::MAX),
            ..AttributeParts::default()
        };
        let most = usize::try_from(ask.max_parts).unwrap_or(usize::MAX);
        let mut after = listed.iter().filter(|part| part.number > ask.after);
        parts.entries = after
            .by_ref()
            .take(most)
            .map(|part| AttributePart {
                number: part.number,
                size: part.size,
                checksums: part.checksums.clone(),
            })
            .collect();
        let more = after.next().is_some();
        parts.next = parts
            .entries
            .last()
            .map(|part| part.number)
            .filter(|_| more);
        let version = self.shown_version(place.bucket, found.fields.version);
        Ok((found.head(version), parts))
    }

    /// InvalidRequest for locks in a bucket without object lock.
    ///
    /// # Errors
    /// As it says, and NoSuchBucket.
    pub async fn has_object_lock(&self, bucket: BucketId) -> Result<(), NodeError> {
        self.bucket_exists(bucket)?;
        self.inner.has_lock(bucket)
    }
}

impl Node {
    /// The head as it is answered, with what is known of it beyond its row.
    pub(super) fn head_of(
        &self,
        place: &ObjectPlace,
        found: Found,
        version: Option<VersionId>,
    ) -> ObjectHead {
        let told = stored_encryption(found.fields.encryption.as_ref());
        let expires = self.inner.expires(place, &found.fields);
        ObjectHead {
            encrypted: told,
            expires,
            ..found.head(version)
        }
    }
}

/// How a write was encrypted, as its answer says it; by a customer's key alone where he brought it.
pub(super) fn encrypted(
    stored: Option<&Encryption>,
    sealing: Option<&Sealing>,
) -> Option<Encrypted> {
    match sealing {
        Some(sealing) => Some(sealing.told()),
        None => stored_encryption(stored),
    }
}

/// How something is encrypted, as far as its row knows: a customer's key is not in it.
fn stored_encryption(stored: Option<&Encryption>) -> Option<Encrypted> {
    stored
        .filter(|stored| stored.customer_key_hmac.is_empty())
        .map(|_| Encrypted::Node)
}

impl Inner {
    /// The key for a new payload: as the request asks, else as the bucket says.
    pub(super) fn seal_new(
        &self,
        bucket: BucketId,
        sealing: Option<&Sealing>,
    ) -> Result<(Option<ObjectKey>, Option<Encryption>), NodeError> {
        let by_bucket = || {
            let configuration = self.configurations.of(bucket);
            configuration.is_some_and(|configuration| configuration.encryption.is_some())
        };
        let sealing = match sealing {
            Some(sealing) => sealing,
            None if by_bucket() => &Sealing::Node,
            None => return Ok((None, None)),
        };
        let (key, encryption) = ObjectKey::fresh(&self.ring, sealing)?;
        Ok((Some(key), Some(encryption)))
    }

    /// The key of a stored payload.
    pub(super) fn key_of(
        &self,
        fields: &Fields,
        customer: Option<&CustomerKey>,
    ) -> Result<Option<ObjectKey>, NodeError> {
        ObjectKey::open(&self.ring, fields.encryption.as_ref(), customer)
    }

    /// When an object ends by itself.
    pub(super) fn expires(&self, place: &ObjectPlace, fields: &Fields) -> Option<(u64, String)> {
        let configuration = self.configurations.of(place.bucket)?;
        let candidate = Candidate {
            key: place.key.as_str(),
            size: fields.size,
            tags: &fields.tags,
            marker: false,
        };
        let lifecycle = configuration.lifecycle.as_ref()?;
        let (at, rule) = lifecycle.expires(candidate, fields.time_ms, self.settings.day)?;
        Some((at, rule.to_owned()))
    }

    /// A write may bring locks where the bucket has object lock.
    pub(super) fn may_lock(&self, bucket: BucketId, head: &WriteHead) -> Result<(), NodeError> {
        if head.retention.is_some() || head.legal_hold {
            self.has_lock(bucket)?;
        }
        self.is_to_come(head.retention)
    }

    /// Gives a new version the bucket's default retention, unless it came with one.
    pub(super) fn lock_new(&self, bucket: BucketId, fields: &mut Fields) {
        if fields.retention.is_some() {
            return;
        }
        let configuration = self.configurations.of(bucket);
        let default = configuration
            .and_then(|configuration| configuration.lock)
            .and_then(|lock| lock.default);
        fields.retention = default.map(|default| default.from(fields.time_ms));
    }

    fn has_lock(&self, bucket: BucketId) -> Result<(), NodeError> {
        let configuration = self.configurations.of(bucket);
        if configuration.is_some_and(|configuration| configuration.lock.is_some()) {
            return Ok(());
        }
        let message = "Bucket is missing Object Lock Configuration";
        Err(S3Error::with(S3Code::InvalidRequest, message).into())
    }

    fn is_to_come(&self, retention: Option<Retention>) -> Result<(), NodeError> {
        match retention {
            Some(retention) if retention.until_ms <= self.now_ms() => {
                let message = "The retain until date must be in the future!";
                Err(S3Error::with(S3Code::InvalidArgument, message).into())
            }
            Some(_) | None => Ok(()),
        }
    }
}
