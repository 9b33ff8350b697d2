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
use s3_protocol::checksum::Checksum;
use s3_protocol::conditions::Access;
use s3_protocol::object::{Creator, GetOutput, ObjectHead, Slice};
use s3_protocol::{S3Code, VersionId};

use super::range::{slice, whole_part};
use super::{Node, ObjectPlace};
use crate::applier::Pin as Held;
use crate::checksum::frames_fit;
use crate::crypt::ObjectKey;
use crate::error::NodeError;
use crate::guards::{CreatorGuard, Guards, Mismatch, Stands, StoredFacts};
use crate::keys::{self, Attempt};
use crate::record::fields::{Content, Fields};
use crate::row::Place;
use crate::volume::Volume;
use crate::volume::read::read_exact;
use crate::wire::to_usize;
use crate::writer::{standing, write_id};

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
        let version = self.shown_version(place.bucket, found.fields.version);
        let head = self.head_of(place, found, version).told(ask);
        Ok((GetOutput { head, slice }, body))
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
        let version = self.shown_version(place.bucket, found.fields.version);
        let head = self.head_of(place, found, version).told(ask);
        Ok(GetOutput { head, slice })
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
                write: write_id(at, &fields),
                tags: fields.tags,
                creator: fields.creator,
                acl: fields.acl,
            })),
            Err(NodeError::Refused(refused))
                if matches!(
                    refused.code,
                    S3Code::NoSuchKey | S3Code::NoSuchVersion | S3Code::MethodNotAllowed
                ) =>
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
        found.key = self
            .inner
            .key_of(&found.fields, ask.customer_key.as_ref())?;
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
        Stands::judge(
            guards.stands,
            Stands::Write(write_id(found.at, &found.fields)),
        )?;
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
        let mut found = self.read_row(place, version, &key)?;
        while let Content::Inline(_) = &found.fields.body {
            match self.inner.volumes.get(found.at.volume) {
                Ok(volume) => {
                    found.volume = Some(volume);
                    return Ok(found);
                }
                // Compaction has emptied it between the two looks: its row says now where the record went.
                Err(missing) => {
                    let before = found.at;
                    found = self.read_row(place, version, &key)?;
                    if found.at == before {
                        return Err(missing);
                    }
                }
            }
        }
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
        let (at, fields) = match version {
            None => self.read_current(place, key)?,
            Some(version) => self.read_named(place, key, version)?,
        };
        Ok(Found {
            at,
            fields,
            slice: Slice::Whole,
            volume: None,
            held: None,
            key: None,
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
                let volume = found.volume.take();
                let volume = match volume {
                    Some(volume) => volume,
                    None => self.inner.volumes.get(found.at.volume)?,
                };
                let size = to_usize(found.fields.size);
                let mut bytes = read_exact(&volume, found.at.offset, size).await?;
                if !frames_fit(&bytes, frames) {
                    return Err(NodeError::Damaged(format!(
                        "record {} in volume {:08x}",
                        found.at.lsn, found.at.volume
                    )));
                }
                if let Some(key) = found.key.as_ref() {
                    // The attempt of a small object is the plain one of no blob: its key is its own.
                    key.open_frames(Attempt::plain(0), 0, &mut bytes, &found.fields.frame_tags)?;
                }
                Ok(ObjectBody::whole(
                    Bytes::from(bytes).slice(to_usize(from)..to_usize(to)),
                ))
            }
            Content::Blob(blob) => {
                let segments = segments(*blob, &found.fields, from, to);
                // The hold goes on from the look to the last byte, without a gap.
                let held = found.held.take();
                let key = found.key.take();
                let reader = BlobReader::new(Arc::clone(&self.inner), segments, held, key);
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
    /// The volume of a payload that stands with its version: its file stays readable as long as this is held.
    volume: Option<Arc<Volume>>,
    /// Keeps its chunks.
    held: Option<Held>,
    /// The key of its payload, where that is encrypted.
    pub(super) key: Option<ObjectKey>,
}

/// The checksums of a part, with the kind that the object's have.
fn as_of(part: &[Checksum], whole: &[Checksum]) -> Vec<Checksum> {
    let kind = |of: &Checksum| {
        let same = whole.iter().find(|it| it.algorithm == of.algorithm);
        same.map_or(of.kind, |same| same.kind)
    };
    let told = part.iter().map(|of| Checksum {
        kind: kind(of),
        ..of.clone()
    });
    told.collect()
}

impl Found {
    /// The head as it is answered: a slice that is one whole part has that part's checksums.
    pub(super) fn head(self, version: Option<VersionId>) -> ObjectHead {
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
            Some(part) => as_of(&part.checksums, &fields.checksums),
            None => fields.checksums,
        };
        let parts = fields.etag.as_ref().and_then(|etag| etag.parts);
        let none = s3_protocol::object::ETag {
            md5: [0; 16],
            parts: None,
        };
        ObjectHead {
            version,
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
            retention: fields.retention,
            legal_hold: fields.legal_hold,
            encrypted: None,
            expires: None,
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
