//! A payload on its way in: counted, hashed, cut into chunks, and compared with what the client said of it.
//!
//! Nothing refers to a payload before its end is good. What was written of one that fails is told to the log as garbage.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::{Bytes, BytesMut};
use http::HeaderMap;
use md5::{Digest as _, Md5};
use s3_protocol::call::PayloadDigests;
use s3_protocol::checksum::{Checksum, ChecksumAlgorithm, Hasher};
use s3_protocol::{S3Code, S3Error};
use tokio::sync::oneshot;

use super::Inner;
use crate::checksum::FrameSums;
use crate::crypt::{ObjectKey, Sealed};
use crate::error::NodeError;
use crate::keys::Attempt;
use crate::limits::{
    CHUNK_BYTES, CHUNK_BYTES_MAX, CHUNK_BYTES_MIN, INLINE_BYTES_MAX, PIECE_BYTES_MIN,
    UPLOADS_BUFFER_BYTES_MAX,
};
use crate::payload::{Payload, PayloadError};
use crate::writer::{Reply, Work};

/// A payload of which this much is known to come is cut into the largest chunks.
const LARGE_BYTES: u64 = 64 * 1_024 * 1_024;

/// What is expected of a payload.
pub(super) struct Expected {
    /// Its attempt, should it need chunks.
    pub(super) attempt: Attempt,
    /// The upload that must be open, by its key; such a payload is always in chunks.
    pub(super) upload: Option<Vec<u8>>,
    /// Its length, where the client said it.
    pub(super) length: Option<u64>,
    /// The most that it may have.
    pub(super) bytes_max: u64,
    /// What the client says of it.
    pub(super) digests: PayloadDigests,
    /// The checksum that is computed if the client names none, or beside the one he names.
    pub(super) wanted: Option<ChecksumAlgorithm>,
    /// The key under which it is written.
    pub(super) key: Option<ObjectKey>,
}

/// A payload that is whole and as it should be.
pub(super) struct Ingested {
    pub(super) size: u64,
    pub(super) md5: [u8; 16],
    /// The client's algorithm first, then the wanted one.
    pub(super) checksums: Vec<Checksum>,
    pub(super) stored: Stored,
}

/// Where a payload is.
pub(super) enum Stored {
    /// In memory, small enough to stand in its version's record.
    Small {
        pieces: Vec<Bytes>,
        frames: Vec<u32>,
        tags: Vec<u8>,
    },
    /// In chunks; to be abandoned unless something refers to it.
    Chunks(Unowned),
}

/// Chunks to which nothing refers yet. Dropped before [`keep`](Self::keep), they are told to the log as garbage.
pub(super) struct Unowned {
    inner: Arc<Inner>,
    attempt: Option<Attempt>,
}

impl Unowned {
    pub(super) fn keep(mut self) {
        self.attempt = None;
    }
}

impl Drop for Unowned {
    fn drop(&mut self) {
        if let Some(attempt) = self.attempt {
            self.inner.post(Work::Abandon(attempt));
        }
    }
}

/// Takes a payload in.
pub(super) async fn ingest<B: Payload>(
    inner: &Arc<Inner>,
    expected: Expected,
    payload: B,
) -> Result<Ingested, NodeError> {
    if expected
        .length
        .is_some_and(|length| length > expected.bytes_max)
    {
        return Err(S3Code::EntityTooLarge.into());
    }
    let mut payload = pin!(payload);
    let mut intake = Intake::new(inner, &expected);
    let mut trailers = None;
    while let Some(frame) = poll_fn(|context| payload.as_mut().poll_frame(context)).await {
        let frame = frame.map_err(|error| {
            let PayloadError(error) = error.into();
            NodeError::Refused(error)
        })?;
        match frame.into_data() {
            Ok(data) => intake.take(data).await?,
            Err(frame) => trailers = frame.into_trailers().ok(),
        }
    }
    intake.finish(trailers.as_ref()).await
}

struct Intake<'a> {
    inner: &'a Arc<Inner>,
    expected: &'a Expected,
    size: u64,
    md5: Md5,
    hashers: Vec<Hasher>,
    gathered: Gathered,
    /// First byte of what is gathered.
    first: u64,
    unowned: Option<Unowned>,
    flying: Option<oneshot::Receiver<Result<Reply, NodeError>>>,
    chunk_bytes: usize,
}

impl<'a> Intake<'a> {
    fn new(inner: &'a Arc<Inner>, expected: &'a Expected) -> Self {
        let digests = &expected.digests;
        let named = digests
            .checksum
            .as_ref()
            .map(|checksum| checksum.algorithm)
            .or(digests.trailer);
        let mut algorithms = Vec::with_capacity(2);
        algorithms.extend(named);
        algorithms.extend(expected.wanted.filter(|wanted| Some(*wanted) != named));
        if algorithms.is_empty() {
            algorithms.push(ChecksumAlgorithm::DEFAULT);
        }
        let large = expected.length.is_some_and(|length| length > LARGE_BYTES);
        Self {
            inner,
            expected,
            size: 0,
            md5: Md5::new(),
            hashers: algorithms.into_iter().map(Hasher::new).collect(),
            gathered: Gathered::new(inner),
            first: 0,
            unowned: None,
            flying: None,
            chunk_bytes: if large { CHUNK_BYTES_MAX } else { CHUNK_BYTES },
        }
    }

    async fn take(&mut self, mut data: Bytes) -> Result<(), NodeError> {
        self.size += data.len() as u64;
        if self.size > self.expected.bytes_max {
            return Err(S3Code::EntityTooLarge.into());
        }
        if self
            .expected
            .length
            .is_some_and(|length| self.size > length)
        {
            return Err(S3Code::IncompleteBody.into());
        }
        self.md5.update(&data);
        self.hashers
            .iter_mut()
            .for_each(|hasher| hasher.update(&data));
        while !data.is_empty() {
            let room = self.chunk_bytes - self.gathered.length;
            self.gathered.add(data.split_to(room.min(data.len())));
            // Many slow uploads at once write smaller chunks instead of filling the memory.
            let crowded = self.inner.buffered.load(Ordering::Relaxed) > UPLOADS_BUFFER_BYTES_MAX;
            let enough = if crowded {
                CHUNK_BYTES_MIN + INLINE_BYTES_MAX
            } else {
                self.chunk_bytes
            };
            if self.gathered.length >= enough {
                self.write().await?;
            }
        }
        Ok(())
    }

    /// Hands what is gathered to the writer; one chunk is written while the next arrives.
    async fn write(&mut self) -> Result<(), NodeError> {
        self.land().await?;
        let gathered = std::mem::replace(&mut self.gathered, Gathered::new(self.inner));
        let attempt = self.expected.attempt;
        let Written {
            length,
            payload,
            frames,
            tags,
        } = gathered.finish(self.expected, self.first)?;
        if self.unowned.is_none() {
            self.inner.ready()?;
            let inner = Arc::clone(self.inner);
            self.unowned = Some(Unowned {
                inner,
                attempt: Some(attempt),
            });
        }
        let (first, upload) = (self.first, self.expected.upload.clone());
        let work = Work::Chunk {
            attempt,
            first,
            payload,
            frames,
            tags,
            upload,
        };
        self.flying = Some(self.inner.send(work).await?);
        self.first += length;
        Ok(())
    }

    async fn land(&mut self) -> Result<(), NodeError> {
        match self.flying.take() {
            Some(flying) => flying.await.map_err(|_| NodeError::Closed)?.map(drop),
            None => Ok(()),
        }
    }

    async fn finish(mut self, trailers: Option<&HeaderMap>) -> Result<Ingested, NodeError> {
        if self
            .expected
            .length
            .is_some_and(|length| self.size != length)
        {
            return Err(S3Code::IncompleteBody.into());
        }
        let md5: [u8; 16] = std::mem::take(&mut self.md5).finalize().into();
        let hashers = std::mem::take(&mut self.hashers);
        let checksums: Vec<Checksum> = hashers.into_iter().map(Hasher::finish).collect();
        compare(&self.expected.digests, trailers, md5, checksums.first())?;
        let small = self.expected.upload.is_none()
            && self.unowned.is_none()
            && self.gathered.length <= INLINE_BYTES_MAX;
        let stored = if small {
            let gathered = std::mem::replace(&mut self.gathered, Gathered::new(self.inner));
            let Written {
                payload: pieces,
                frames,
                tags,
                ..
            } = gathered.finish(self.expected, 0)?;
            Stored::Small {
                pieces,
                frames,
                tags,
            }
        } else {
            if self.gathered.length > 0 {
                self.write().await?;
            }
            self.land().await?;
            let inner = Arc::clone(self.inner);
            // A part without a byte has no chunk, and nothing to abandon.
            Stored::Chunks(self.unowned.take().unwrap_or(Unowned {
                inner,
                attempt: None,
            }))
        };
        Ok(Ingested {
            size: self.size,
            md5,
            checksums,
            stored,
        })
    }
}

/// Compares what came with what the client said would come.
fn compare(
    digests: &PayloadDigests,
    trailers: Option<&HeaderMap>,
    md5: [u8; 16],
    computed: Option<&Checksum>,
) -> Result<(), S3Error> {
    if digests.md5.is_some_and(|expected| expected != md5) {
        return Err(S3Code::BadDigest.into());
    }
    let Some(computed) = computed else {
        return Ok(());
    };
    let named = digests.checksum.as_ref();
    if named.is_some_and(|expected| expected.value != computed.value) {
        return Err(computed.algorithm.mismatch());
    }
    if let Some(algorithm) = digests.trailer {
        let header = trailers.and_then(|trailers| trailers.get(algorithm.header_text()));
        let Some(header) = header else {
            return Err(S3Code::MalformedTrailerError.into());
        };
        let text = header.to_str().map_err(|_| algorithm.refusal())?;
        let expected = algorithm
            .parse_value(text)
            .map_err(|_| algorithm.refusal())?;
        if algorithm == computed.algorithm && expected.value != computed.value {
            return Err(algorithm.mismatch());
        }
    }
    Ok(())
}

/// Pieces of a chunk to be. Small ones are copied together, so that a payload of single bytes does not cost a handle each.
struct Gathered {
    inner: Arc<Inner>,
    pieces: Vec<Bytes>,
    tail: BytesMut,
    frames: FrameSums,
    length: usize,
}

impl Gathered {
    fn new(inner: &Arc<Inner>) -> Self {
        let (pieces, tail, frames) = (Vec::new(), BytesMut::new(), FrameSums::new());
        Self {
            inner: Arc::clone(inner),
            pieces,
            tail,
            frames,
            length: 0,
        }
    }

    fn add(&mut self, piece: Bytes) {
        self.frames.update(&piece);
        self.length += piece.len();
        self.inner
            .buffered
            .fetch_add(piece.len(), Ordering::Relaxed);
        if piece.len() < PIECE_BYTES_MIN {
            self.tail.extend_from_slice(&piece);
            return;
        }
        self.close_tail();
        self.pieces.push(piece);
    }

    fn close_tail(&mut self) {
        if !self.tail.is_empty() {
            self.pieces.push(self.tail.split().freeze());
        }
    }

    /// What is written of it: as it came, or encrypted and summed as it will stand on the disk.
    fn finish(mut self, expected: &Expected, first: u64) -> Result<Written, NodeError> {
        self.close_tail();
        let frames = std::mem::replace(&mut self.frames, FrameSums::new());
        let (length, pieces) = (self.length as u64, std::mem::take(&mut self.pieces));
        let Some(key) = &expected.key else {
            return Ok(Written {
                length,
                payload: pieces,
                frames: frames.finish(),
                tags: Vec::new(),
            });
        };
        let Sealed { payload, tags } = key.seal(expected.attempt, first, pieces)?;
        let mut frames = FrameSums::new();
        for piece in &payload {
            frames.update(piece);
        }
        Ok(Written {
            length,
            payload,
            frames: frames.finish(),
            tags,
        })
    }
}

/// A piece of a payload as it stands on the disk.
struct Written {
    length: u64,
    payload: Vec<Bytes>,
    frames: Vec<u32>,
    tags: Vec<u8>,
}

impl Drop for Gathered {
    fn drop(&mut self) {
        self.inner
            .buffered
            .fetch_sub(self.length, Ordering::Relaxed);
    }
}
