//! GetObject and HeadObject. A small object is one look into the index and one read, before its head is answered; a large one
//! flows in pieces, each verified before it is sent.

#![expect(
    clippy::unused_async,
    reason = "the face is async throughout: where an index read has to wait is not its callers' business"
)]

mod blob;

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Frame, SizeHint};
use s3_protocol::call::GetObject;
use s3_protocol::conditions::Access;
use s3_protocol::object::{Creator, GetOutput, ObjectHead, Slice};
use s3_protocol::{S3Code, VersionId};

use super::range::{slice, whole_part};
use super::{Node, ObjectPlace};
use crate::applier::Pin as Held;
use crate::checksum::frames_fit;
use crate::error::NodeError;
use crate::guards::{CreatorGuard, Guards, Mismatch, Stands, StoredFacts, WriteId};
use crate::keys::{self, Attempt, Table};
use crate::record::fields::{Content, Fields, VersionMark};
use crate::row::{self, Place, damaged};
use crate::volume::read::read_exact;
use crate::wire::to_usize;
use crate::writer::standing;

use blob::{BlobReader, Segment};

impl Node {
    /// GetObject. A 304 is the error NotModified with what a cache keeps.
    ///
    /// # Errors
    /// NoSuchKey, NoSuchVersion, NoSuchBucket, PreconditionFailed, NotModified, InvalidRange, InvalidPartNumber; AccessDenied or
    /// NoSuchKey by the guard.
    pub async fn get_object(
        &self,
        place: &ObjectPlace,
        ask: &GetObject,
        guards: Guards,
    ) -> Result<(GetOutput, ObjectBody), NodeError> {
        let mut found = self.look(place, ask, &guards)?;
        let slice = found.slice;
        let body = self.open_body(&mut found).await?;
        Ok((
            GetOutput {
                head: found.head(),
                slice,
            },
            body,
        ))
    }

    /// HeadObject: all of GetObject but the body.
    pub async fn head_object(
        &self,
        place: &ObjectPlace,
        ask: &GetObject,
        guards: Guards,
    ) -> Result<GetOutput, NodeError> {
        let found = self.look(place, ask, &guards)?;
        let slice = found.slice;
        Ok(GetOutput {
            head: found.head(),
            slice,
        })
    }

    /// What policies may ask about an object (or one version of it); `None` where there is none.
    ///
    /// # Errors
    /// NoSuchBucket, and what the index fails with.
    pub async fn stored_facts(
        &self,
        place: &ObjectPlace,
        version: Option<VersionId>,
    ) -> Result<Option<StoredFacts>, NodeError> {
        let key = keys::object(place);
        match self.read_row(place, version, &key) {
            Ok(Found { at, fields, .. }) => Ok(Some(StoredFacts {
                tags: fields.tags,
                creator: fields.creator,
                write: WriteId(at.lsn),
            })),
            Err(NodeError::Refused(refused))
                if matches!(refused.code, S3Code::NoSuchKey | S3Code::NoSuchVersion) =>
            {
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// The version that a request wants, with its conditions judged.
    pub(super) fn look(
        &self,
        place: &ObjectPlace,
        ask: &GetObject,
        guards: &Guards,
    ) -> Result<Found, NodeError> {
        let mut found = self.find_under(guards, place, ask.version)?;
        ask.conditions
            .judge(Access::Read, Some(standing(&found.fields)?))?;
        found.slice = slice(ask, &found.fields)?;
        Ok(found)
    }

    /// The version at a place, where the guards let it be touched.
    pub(super) fn find_under(
        &self,
        guards: &Guards,
        place: &ObjectPlace,
        version: Option<VersionId>,
    ) -> Result<Found, NodeError> {
        let found = self.find(place, version)?;
        Stands::judge(guards.stands, Stands::Write(WriteId(found.at.lsn)))?;
        admit(guards.creator.as_ref(), &found.fields.creator)?;
        Ok(found)
    }

    /// The version at a place. One whose bytes are in chunks is held: they stay while it is read.
    pub(super) fn find(
        &self,
        place: &ObjectPlace,
        version: Option<VersionId>,
    ) -> Result<Found, NodeError> {
        let key = keys::object(place);
        let found = self.read_row(place, version, &key)?;
        if !matches!(found.fields.body, Content::Blob(_)) {
            return Ok(found);
        }
        let lsn = self
            .inner
            .writer
            .last_lsn
            .load(std::sync::atomic::Ordering::Acquire);
        let held = Held::new(&self.inner.applier, lsn);
        // What was found before the hold may be gone by now.
        let mut found = self.read_row(place, version, &key)?;
        found.held = Some(held);
        Ok(found)
    }

    fn read_row(
        &self,
        place: &ObjectPlace,
        version: Option<VersionId>,
        key: &[u8],
    ) -> Result<Found, NodeError> {
        let Some(row) = self.inner.store.get(Table::Objects, key)? else {
            self.bucket_exists(place.bucket)?;
            return Err(match version {
                Some(VersionId::Id(_)) => S3Code::NoSuchVersion.into(),
                Some(VersionId::Null) | None => S3Code::NoSuchKey.into(),
            });
        };
        let (at, fields) = row::decode(key, &row)?;
        let fields = Fields::decode(fields).map_err(damaged)?;
        // Where versions are built, an older one is looked up here.
        let named = matches!(version, Some(VersionId::Id(id)) if fields.version.is_none_or(|mark| mark.id != id));
        if named {
            return Err(S3Code::NoSuchVersion.into());
        }
        Ok(Found {
            at,
            fields,
            slice: Slice::Whole,
            held: None,
        })
    }

    /// Reads the first piece of what is wanted: an error is still an answer then.
    pub(super) async fn open_body(&self, found: &mut Found) -> Result<ObjectBody, NodeError> {
        let (from, to) = match found.slice {
            Slice::Whole => (0, found.fields.size),
            Slice::Range { first, last, .. } => (first, last + 1),
        };
        match &found.fields.body {
            Content::None => Ok(ObjectBody::whole(Bytes::new())),
            Content::Inline(frames) => {
                let volume = self.inner.volumes.get(found.at.volume)?;
                let size = to_usize(found.fields.size);
                let bytes = read_exact(&volume, found.at.offset, size).await?;
                if !frames_fit(&bytes, frames) {
                    return Err(NodeError::Damaged(format!(
                        "record {} in volume {:08x}",
                        found.at.lsn, found.at.volume
                    )));
                }
                Ok(ObjectBody::whole(
                    Bytes::from(bytes).slice(to_usize(from)..to_usize(to)),
                ))
            }
            Content::Blob(blob) => {
                let segments = segments(*blob, &found.fields, from, to);
                // The hold goes on from the look to the last byte, without a gap.
                let held = found.held.take();
                let reader = BlobReader::new(Arc::clone(&self.inner), segments, held);
                ObjectBody::begin(reader, to - from).await
            }
        }
    }
}

/// NoSuchKey or AccessDenied for who must not read it.
fn admit(guard: Option<&CreatorGuard>, creator: &Creator) -> Result<(), NodeError> {
    match guard {
        Some(guard) if !guard.admits(creator) => Err(match guard.mismatch {
            Mismatch::Hide => S3Code::NoSuchKey.into(),
            Mismatch::Deny => S3Code::AccessDenied.into(),
        }),
        Some(_) | None => Ok(()),
    }
}

/// A version that was found, and which bytes of it are wanted.
pub(super) struct Found {
    at: Place,
    pub(super) fields: Fields,
    pub(super) slice: Slice,
    /// Keeps its chunks.
    held: Option<Held>,
}

impl Found {
    /// The head as it is answered: a slice that is one whole part has that part's checksums.
    fn head(self) -> ObjectHead {
        let Self { fields, slice, .. } = self;
        let part = match slice {
            Slice::Range {
                first,
                last,
                whole_part: true,
            } => whole_part(first, last, &fields),
            Slice::Range { .. } | Slice::Whole => None,
        };
        let checksums = match part.and_then(|index| fields.parts.get(index)) {
            Some(part) => part.checksums.clone(),
            None => fields.checksums,
        };
        let parts = fields.etag.as_ref().and_then(|etag| etag.parts);
        let none = s3_protocol::object::ETag {
            md5: [0; 16],
            parts: None,
        };
        ObjectHead {
            version: fields.version.map(VersionMark::id),
            size: fields.size,
            etag: fields.etag.unwrap_or(none),
            modified_ms: fields.time_ms,
            content: fields.content,
            metadata: fields.metadata,
            checksums,
            parts,
            tags: fields.tags.len(),
            storage_class: fields.storage_class,
            website_redirect: fields.website_redirect,
            creator: fields.creator,
        }
    }
}

/// The runs of bytes of a blob that are `from..to` of its object.
fn segments(blob: u128, fields: &Fields, from: u64, to: u64) -> Vec<Segment> {
    if fields.parts.is_empty() {
        return vec![Segment {
            attempt: Attempt::plain(blob),
            from,
            to,
        }];
    }
    let mut segments = Vec::new();
    let mut begins = 0;
    for part in &fields.parts {
        let ends = begins + part.size;
        if begins < to && ends > from {
            let attempt = Attempt {
                blob,
                part: part.number,
                turn: part.attempt,
            };
            let (from, to) = (from.max(begins) - begins, to.min(ends) - begins);
            segments.push(Segment { attempt, from, to });
        }
        begins = ends;
    }
    segments
}

type NextPiece = Pin<Box<dyn Future<Output = Result<(BlobReader, Bytes), NodeError>> + Send>>;

/// An object's body. Every byte of it has been verified.
pub struct ObjectBody {
    left: u64,
    state: State,
}

enum State {
    /// A piece that is ready, and who reads the next.
    Ready(Bytes, Option<BlobReader>),
    Reading(NextPiece),
    Done,
}

impl ObjectBody {
    fn whole(bytes: Bytes) -> Self {
        Self {
            left: bytes.len() as u64,
            state: State::Ready(bytes, None),
        }
    }

    async fn begin(mut reader: BlobReader, length: u64) -> Result<Self, NodeError> {
        let first = reader.next().await?;
        Ok(Self {
            left: length,
            state: State::Ready(first, Some(reader)),
        })
    }

    /// Bytes that are still to come.
    pub fn remaining(&self) -> u64 {
        self.left
    }

    /// The rest of the body, if it has been read already (always so up to 64 KiB): head and body can be one write then.
    pub fn take_ready(&mut self) -> Option<Bytes> {
        match std::mem::replace(&mut self.state, State::Done) {
            State::Ready(bytes, _) if bytes.len() as u64 == self.left => {
                self.left = 0;
                Some(bytes)
            }
            state => {
                self.state = state;
                None
            }
        }
    }
}

impl http_body::Body for ObjectBody {
    type Data = Bytes;
    type Error = NodeError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, NodeError>>> {
        if self.left == 0 {
            self.state = State::Done;
            return Poll::Ready(None);
        }
        loop {
            match std::mem::replace(&mut self.state, State::Done) {
                State::Ready(bytes, reader) if !bytes.is_empty() => {
                    self.left = self.left.saturating_sub(bytes.len() as u64);
                    self.state = State::Ready(Bytes::new(), reader);
                    return Poll::Ready(Some(Ok(Frame::data(bytes))));
                }
                State::Done | State::Ready(_, None) => return Poll::Ready(None),
                State::Ready(_, Some(mut reader)) => {
                    self.state = State::Reading(Box::pin(async move {
                        let bytes = reader.next().await?;
                        Ok((reader, bytes))
                    }));
                }
                State::Reading(mut reading) => match reading.as_mut().poll(context) {
                    Poll::Pending => {
                        self.state = State::Reading(reading);
                        return Poll::Pending;
                    }
                    Poll::Ready(Ok((reader, bytes))) => {
                        self.state = State::Ready(bytes, Some(reader));
                    }
                    Poll::Ready(Err(error)) => return Poll::Ready(Some(Err(error))),
                },
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

impl fmt::Debug for ObjectBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ObjectBody")
            .field("left", &self.left)
            .finish_non_exhaustive()
    }
}
