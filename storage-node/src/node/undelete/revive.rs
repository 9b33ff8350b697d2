//! Writes once more what was deleted: its chunks under a blob of its own, then its version.

use std::collections::BTreeMap;
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;

use bytes::Bytes;
use s3_protocol::VersionId;

use super::{Deleted, Undelete};
use crate::checksum::frames_fit;
use crate::error::NodeError;
use crate::index::attempts_of;
use crate::keys::{self, Attempt};
use crate::node::pace::{Rate, waiting};
use crate::node::{Inner, Node, ObjectPlace};
use crate::record::Kind;
use crate::record::fields::{Content, Fields};
use crate::row::{Place, damaged};
use crate::wire::to_usize;
use crate::writer::{Rules, Work};

/// Chunks by attempt, each by its first byte.
pub(super) type Chunks = BTreeMap<Vec<u8>, BTreeMap<u64, Chunk>>;

/// A chunk in the log.
#[derive(Clone, Debug)]
pub(super) struct Chunk {
    place: Place,
    size: u64,
    frames: Vec<u32>,
    tags: Vec<u8>,
}

/// Chunks that were written for an object that is not there yet: garbage, unless they are kept.
struct Revived {
    inner: Arc<Inner>,
    attempts: Vec<Attempt>,
}

impl Revived {
    fn keep(mut self) {
        self.attempts.clear();
    }
}

impl Drop for Revived {
    fn drop(&mut self) {
        for attempt in self.attempts.drain(..) {
            self.inner.post(Work::Abandon(attempt));
        }
    }
}

impl Node {
    /// The chunks of what is wanted, wherever they are in the log.
    pub(super) async fn find_chunks(
        &self,
        wanted: &[Undelete],
        rate: Rate,
    ) -> Result<Chunks, NodeError> {
        let attempts = wanted.iter().flat_map(|one| attempts_of(&one.what.fields));
        let mut chunks: Chunks = attempts
            .map(|attempt| (attempt.key(), BTreeMap::new()))
            .collect();
        if chunks.is_empty() {
            return Ok(chunks);
        }
        self.each_round(rate, |round| {
            for record in round.records() {
                let seen = record.as_rows_see_it();
                if seen.kind != Kind::Chunk {
                    continue;
                }
                let attempt = Attempt::read(seen.key).map_err(damaged)?;
                let Some(found) = chunks.get_mut(&attempt.key()) else {
                    continue;
                };
                let fields = Fields::decode(seen.fields).map_err(damaged)?;
                let Content::Inline(frames) = fields.body else {
                    continue;
                };
                let chunk = Chunk {
                    place: seen.place,
                    size: fields.size,
                    frames,
                    tags: fields.frame_tags,
                };
                // Where it was moved the later one is the one that is kept.
                found.insert(keys::extent_first(seen.key).map_err(damaged)?, chunk);
            }
            Ok(())
        })
        .await?;
        Ok(chunks)
    }

    /// Writes a deleted object under a key where nothing stands.
    pub(super) async fn revive(
        &self,
        what: Deleted,
        to: &ObjectPlace,
        chunks: &Chunks,
        rate: Rate,
    ) -> Result<Option<VersionId>, NodeError> {
        let since_ms = self.inner.undelete_since_ms();
        if since_ms.is_none_or(|since_ms| what.ended_ms < since_ms) {
            return Err(NodeError::NotThere(format!(
                "`{}` was deleted longer ago than is kept",
                what.key.as_str()
            )));
        }
        let mut fields = *what.fields;
        let payload = match &fields.body {
            Content::None | Content::Blob(_) => Vec::new(),
            Content::Inline(frames) => {
                let chunk = Chunk {
                    place: what.place,
                    size: fields.size,
                    frames: frames.clone(),
                    tags: Vec::new(),
                };
                vec![self.read_chunk(chunk).await?]
            }
        };
        let revived = self.copy_chunks(&mut fields, chunks, rate).await?;
        fields.version = None;
        fields.completes = None;
        fields.amended = 0;
        fields.time_ms = self.inner.now_ms();
        let work = Work::Put {
            key: keys::object(to),
            fields: fields.encode(),
            size: fields.size,
            payload,
            rules: Rules {
                none_match_any: true,
                ..Rules::default()
            },
        };
        let reply = self.inner.ask(work).await?;
        revived.keep();
        rate.spend(fields.size).await;
        Ok(reply.version())
    }

    /// Writes its chunks under a new blob, as they stand: their nonces are of part, attempt and first byte, which stay.
    async fn copy_chunks(
        &self,
        fields: &mut Fields,
        chunks: &Chunks,
        rate: Rate,
    ) -> Result<Revived, NodeError> {
        let mut revived = Revived {
            inner: Arc::clone(&self.inner),
            attempts: Vec::new(),
        };
        let sizes: Vec<u64> = match fields.parts.as_slice() {
            [] => vec![fields.size],
            parts => parts.iter().map(|part| part.size).collect(),
        };
        let attempts = attempts_of(fields);
        if attempts.is_empty() {
            return Ok(revived);
        }
        let blob = self.inner.fresh_attempt().blob;
        fields.body = Content::Blob(blob);
        for (old, size) in attempts.into_iter().zip(sizes) {
            let attempt = Attempt { blob, ..old };
            let mut at = 0;
            for (first, chunk) in chunks.get(&old.key()).into_iter().flatten() {
                if *first != at {
                    break;
                }
                at += chunk.size;
                let bytes = self.read_chunk(chunk.clone()).await?;
                if *first == 0 {
                    revived.attempts.push(attempt);
                }
                let work = Work::Chunk {
                    attempt,
                    first: *first,
                    payload: vec![bytes],
                    frames: chunk.frames.clone(),
                    tags: chunk.tags.clone(),
                    upload: None,
                };
                self.inner.ask(work).await?;
                rate.spend(chunk.size).await;
            }
            if at != size {
                return Err(NodeError::NotThere(format!(
                    "its bytes from {at} on are not in the log any more"
                )));
            }
        }
        Ok(revived)
    }

    async fn read_chunk(&self, chunk: Chunk) -> Result<Bytes, NodeError> {
        let volume = self.inner.volumes.get(chunk.place.volume)?;
        waiting(move || {
            let mut bytes = vec![0; to_usize(chunk.size)];
            let read = volume.file.read_exact_at(&mut bytes, chunk.place.offset);
            read.map_err(|error| NodeError::Read(error.to_string()))?;
            if frames_fit(&bytes, &chunk.frames) {
                return Ok(Bytes::from(bytes));
            }
            let Place { lsn, volume, .. } = chunk.place;
            Err(NodeError::Damaged(format!(
                "record {lsn} in volume {volume:08x}"
            )))
        })
        .await
    }
}
