//! Reads a blob: the chunks of its segments in order, in pieces of whole frames.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;

use crate::applier::Pin as Held;
use crate::checksum::{frame_count, frames_fit};
use crate::crypt::{ObjectKey, TAG_BYTES};
use crate::error::NodeError;
use crate::keys::{self, Attempt, Table};
use crate::limits::{BODY_PIECE_BYTES, CHUNK_BYTES_MAX, EXTENTS_AHEAD_MAX, FRAME_BYTES};
use crate::node::Inner;
use crate::overlay::Span;
use crate::record::fields::{Content, Fields};
use crate::row::{self, Place, damaged};
use crate::volume::read::read_exact;
use crate::wire::to_usize;

/// A run of bytes of one attempt.
#[derive(Clone, Copy, Debug)]
pub(super) struct Segment {
    pub(super) attempt: Attempt,
    pub(super) from: u64,
    pub(super) to: u64,
}

/// A chunk's place.
struct Extent {
    first: u64,
    size: u64,
    place: Place,
    frames: Vec<u32>,
    tags: Vec<u8>,
}

/// What is still to be read.
pub(super) struct BlobReader {
    /// The key of the payload, where it is encrypted.
    key: Option<ObjectKey>,
    inner: Arc<Inner>,
    segments: VecDeque<Segment>,
    extents: VecDeque<Extent>,
    /// Keeps the chunks while they are read.
    _held: Option<Held>,
}

impl BlobReader {
    pub(super) fn new(
        inner: Arc<Inner>,
        segments: Vec<Segment>,
        held: Option<Held>,
        key: Option<ObjectKey>,
    ) -> Self {
        Self {
            key,
            inner,
            segments: segments.into(),
            extents: VecDeque::new(),
            _held: held,
        }
    }

    /// The next piece; empty at the end.
    pub(super) async fn next(&mut self) -> Result<Bytes, NodeError> {
        while let Some(segment) = self.segments.front().copied() {
            if segment.from >= segment.to {
                self.segments.pop_front();
                self.extents.clear();
                continue;
            }
            return self.piece(segment).await;
        }
        Ok(Bytes::new())
    }

    async fn piece(&mut self, segment: Segment) -> Result<Bytes, NodeError> {
        while self
            .extents
            .front()
            .is_some_and(|at| at.first + at.size <= segment.from)
        {
            self.extents.pop_front();
        }
        if self.extents.is_empty() {
            self.look_ahead(segment)?;
        }
        let missing = || {
            NodeError::Damaged(format!(
                "chunk of {:?} at {}",
                segment.attempt, segment.from
            ))
        };
        let extent = self.extents.front().ok_or_else(missing)?;
        if extent.first > segment.from {
            return Err(missing());
        }
        // Whole frames around the wanted bytes, up to one piece.
        let frame = FRAME_BYTES as u64;
        let begin = (segment.from - extent.first) / frame * frame;
        let wanted = segment.to.min(extent.first + extent.size) - extent.first;
        let end = wanted
            .min(begin + BODY_PIECE_BYTES as u64)
            .next_multiple_of(frame);
        let end = end.min(extent.size);
        let volume = self.inner.volumes.get(extent.place.volume)?;
        let length = to_usize(end - begin);
        let mut bytes = read_exact(&volume, extent.place.offset + begin, length).await?;
        let frames = extent.frames.get(to_usize(begin / frame)..frame_count(end));
        if !frames.is_some_and(|frames| frames_fit(&bytes, frames)) {
            let Place { lsn, volume, .. } = extent.place;
            return Err(NodeError::Damaged(format!(
                "record {lsn} in volume {volume:08x}"
            )));
        }
        if let Some(key) = &self.key {
            let tags = extent.tags.get(to_usize(begin / frame) * TAG_BYTES..);
            let first = extent.first + begin;
            key.open_frames(segment.attempt, first, &mut bytes, tags.unwrap_or_default())?;
        }
        let skip = to_usize(segment.from - extent.first - begin);
        let take = to_usize(wanted.min(end) - begin);
        if let Some(segment) = self.segments.front_mut() {
            segment.from = extent.first + wanted.min(end);
        }
        Ok(Bytes::from(bytes).slice(skip..take))
    }

    /// Looks up the chunks from the segment's first byte on: no read of the index stays open between pieces.
    fn look_ahead(&mut self, segment: Segment) -> Result<(), NodeError> {
        let back = CHUNK_BYTES_MAX as u64 - 1;
        let from = segment.attempt.extent(segment.from.saturating_sub(back));
        let end = segment.attempt.extent(segment.to);
        let mut from = from;
        loop {
            let table = Table::Extents;
            let span = Span {
                table,
                from: &from,
                end: Some(&end),
                limit: EXTENTS_AHEAD_MAX,
            };
            let page = self.inner.store.scan(span)?;
            for (key, row) in page.rows {
                let extent = read_extent(&key, &row)?;
                if extent.first + extent.size > segment.from {
                    self.extents.push_back(extent);
                }
            }
            match page.next {
                Some(next) if self.extents.is_empty() => from = next,
                _ => return Ok(()),
            }
        }
    }
}

fn read_extent(key: &[u8], row: &[u8]) -> Result<Extent, NodeError> {
    let (place, fields) = row::decode(key, row)?;
    let fields = Fields::decode(fields).map_err(damaged)?;
    let first = keys::extent_first(key).map_err(damaged)?;
    let Content::Inline(frames) = fields.body else {
        return Err(NodeError::Damaged("a chunk without frames".to_owned()));
    };
    Ok(Extent {
        first,
        size: fields.size,
        place,
        frames,
        tags: fields.frame_tags,
    })
}
