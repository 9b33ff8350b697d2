//! PutObject: one record with its payload where it is small, a chain of chunks and one record where it is not.

use s3_protocol::call::{PutObject, WriteHead};
use s3_protocol::limits::PUT_BYTES_MAX;
use s3_protocol::object::{ETag, PutOutput};

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
        let WriteAs {
            creator,
            mut guards,
        } = by;
        let attempt = self.inner.fresh_attempt();
        let expected = Expected {
            attempt,
            upload: None,
            length: ask.length,
            bytes_max: guards.max_bytes.unwrap_or(u64::MAX).min(PUT_BYTES_MAX),
            digests: ask.digests,
            wanted: None,
        };
        let ingested = ingest(&self.inner, expected, payload).await?;
        let rules = Rules {
            conditions: ask.conditions,
            none_match_any: guards.if_none_match_any,
            creator: guards.creator.take(),
        };
        let fields = Fields {
            creator,
            ..head_fields(ask.head)
        };
        let commit = Commit {
            place,
            rules,
            fields,
            attempt,
        };
        self.commit_version(commit, ingested, guards).await
    }

    /// Writes the record of a version whose payload is whole.
    pub(super) async fn commit_version(
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
            Stored::Small { pieces, frames } => {
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
            recheck()?;
        }
        fields.time_ms = self.inner.now_ms();
        let (key, encoded) = (keys::object(place), fields.encode());
        self.inner
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
            version: None,
            checksums,
            size,
            modified_ms,
        })
    }
}

/// A version to be committed.
pub(super) struct Commit<'a> {
    pub(super) place: &'a ObjectPlace,
    pub(super) rules: Rules,
    pub(super) fields: Fields,
    pub(super) attempt: Attempt,
}

/// What a client says of an object, as fields.
pub(super) fn head_fields(head: WriteHead) -> Fields {
    Fields {
        content: head.content,
        metadata: head.metadata,
        tags: head.tags,
        storage_class: head.storage_class.filter(|class| class != "STANDARD"),
        website_redirect: head.website_redirect,
        ..Fields::default()
    }
}
