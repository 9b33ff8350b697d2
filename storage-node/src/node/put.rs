//! PutObject: one record with its payload where it is small, a chain of chunks and one record where it is not.

use s3_protocol::VersionId;
use s3_protocol::call::{Conditions, PayloadDigests, PutObject, WriteHead};
use s3_protocol::checksum::ChecksumAlgorithm;
use s3_protocol::limits::PUT_BYTES_MAX;
use s3_protocol::object::{ETag, PutOutput};
use s3_protocol::seal::Sealing;

use super::facets::encrypted;
use super::ingest::{Expected, Ingested, Stored, ingest};
use super::{Node, ObjectPlace};
use crate::error::NodeError;
use crate::guards::{Guards, WriteAs};
use crate::keys::{self, Attempt};
use crate::payload::Payload;
use crate::record::fields::{Content, Fields};
use crate::writer::{Rules, Work};

impl Node {
    /// PutObject (and PostObject). Returns when it is flushed; a payload that fails leaves nothing.
    pub async fn put_object<B: Payload>(
        &self,
        place: &ObjectPlace,
        ask: PutObject,
        by: WriteAs,
        payload: B,
    ) -> Result<PutOutput, NodeError> {
        self.inner.ready()?;
        self.inner.may_lock(place.bucket, &ask.head)?;
        let draft = Draft {
            length: ask.length,
            digests: ask.digests,
            wanted: None,
            conditions: ask.conditions,
            sealing: ask.head.sealing.clone(),
            fields: head_fields(ask.head),
        };
        self.write_version(place, draft, by, payload).await
    }

    /// Takes a payload in and commits it as a version.
    pub(super) async fn write_version<B: Payload>(
        &self,
        place: &ObjectPlace,
        draft: Draft,
        by: WriteAs,
        payload: B,
    ) -> Result<PutOutput, NodeError> {
        let WriteAs {
            creator,
            acl,
            mut guards,
        } = by;
        let attempt = self.inner.fresh_attempt();
        let (key, encryption) = self.inner.seal_new(place.bucket, draft.sealing.as_ref())?;
        let expected = Expected {
            attempt,
            upload: None,
            length: draft.length,
            bytes_max: guards.max_bytes.unwrap_or(u64::MAX).min(PUT_BYTES_MAX),
            digests: draft.digests,
            wanted: draft.wanted,
            key,
        };
        let ingested = ingest(&self.inner, expected, payload).await?;
        let sealing = draft.sealing;
        let rules = Rules {
            conditions: draft.conditions,
            none_match_any: guards.if_none_match_any,
            creator: guards.creator.take(),
        };
        let fields = Fields {
            creator,
            encryption,
            acl,
            ..draft.fields
        };
        let commit = Commit {
            place,
            rules,
            fields,
            attempt,
            sealing,
        };
        self.commit_version(commit, ingested, guards).await
    }

    /// Writes the record of a version whose payload is whole.
    async fn commit_version(
        &self,
        commit: Commit<'_>,
        ingested: Ingested,
        guards: Guards,
    ) -> Result<PutOutput, NodeError> {
        let Commit {
            place,
            rules,
            mut fields,
            attempt,
            sealing,
        } = commit;
        let Ingested {
            size,
            md5,
            checksums,
            stored,
        } = ingested;
        let etag = ETag { md5, parts: None };
        fields.size = size;
        fields.etag = Some(etag.clone());
        fields.checksums.clone_from(&checksums);
        let (payload, unowned) = match stored {
            Stored::Small {
                pieces,
                frames,
                tags,
            } => {
                fields.frame_tags = tags;
                fields.body = if frames.is_empty() {
                    Content::None
                } else {
                    Content::Inline(frames)
                };
                (pieces, None)
            }
            Stored::Chunks(unowned) => {
                fields.body = Content::Blob(attempt.blob);
                (Vec::new(), Some(unowned))
            }
        };
        if let Some(recheck) = guards.recheck {
            recheck.ask().await?;
        }
        fields.time_ms = self.inner.now_ms();
        self.inner.lock_new(place.bucket, &mut fields);
        let (key, encoded) = (keys::object(place), fields.encode());
        let reply = self
            .inner
            .ask(Work::Put {
                key,
                fields: encoded,
                size,
                payload,
                rules,
            })
            .await?;
        if let Some(unowned) = unowned {
            unowned.keep();
        }
        let modified_ms = fields.time_ms;
        Ok(PutOutput {
            etag,
            version: named(reply.version()),
            source_version: None,
            encrypted: encrypted(fields.encryption.as_ref(), sealing.as_ref()),
            expires: self.inner.expires(place, &fields),
            checksums,
            size,
            modified_ms,
        })
    }
}

/// A version whose payload is still to come.
pub(super) struct Draft {
    /// Bytes that will come, where they are known.
    pub(super) length: Option<u64>,
    /// What they must hash to.
    pub(super) digests: PayloadDigests,
    /// A checksum that is to be stored although nobody sent it.
    pub(super) wanted: Option<ChecksumAlgorithm>,
    /// What must hold of the version that is replaced.
    pub(super) conditions: Conditions,
    /// How it is to be encrypted.
    pub(super) sealing: Option<Sealing>,
    /// What is known of it but its bytes and who writes it.
    pub(super) fields: Fields,
}

/// A version to be committed.
struct Commit<'a> {
    place: &'a ObjectPlace,
    rules: Rules,
    fields: Fields,
    attempt: Attempt,
    sealing: Option<Sealing>,
}

/// The version as the answer of a write names it: S3 does not name the `null` one.
pub(super) fn named(version: Option<VersionId>) -> Option<VersionId> {
    version.filter(|version| *version != VersionId::Null)
}

/// What a client says of an object, as fields.
pub(super) fn head_fields(head: WriteHead) -> Fields {
    Fields {
        content: head.content,
        metadata: head.metadata,
        tags: head.tags,
        storage_class: head.storage_class.filter(|class| class != "STANDARD"),
        website_redirect: head.website_redirect,
        retention: head.retention,
        legal_hold: head.legal_hold,
        ..Fields::default()
    }
}
