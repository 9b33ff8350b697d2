//! The end of the log: rounds are put together, written, flushed, and a volume follows the next.
//!
//! After a failed flush nothing is retried and trusted: the round is cut off, the volume is sealed, and if that fails too the
//! log takes nothing more.

pub(crate) mod spare;

use std::io::{self, IoSlice};
use std::sync::Arc;

use bytes::Bytes;

use crate::checksum::crc32c_of;
use crate::error::NodeError;
use crate::limits::ROUND_ALIGN;
use crate::log::spare::{Need, Spare};
use crate::record::fields::{Delta, put_delta};
use crate::record::{Kind, RECORD_HEAD_BYTES, ROUND_HEAD_BYTES, RecordHead, RoundHead, Salt};
use crate::row::Place;
use crate::volume::set::VolumeSet;
use crate::volume::{HEAD_BYTES, Volume, VolumeHead};
use crate::wire::{Reader, WireError, put_bytes};

/// Where the log stands: what was written last, and where the next round begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Position {
    /// LSN of the last record; 0 before the first.
    pub(crate) lsn: u64,
    /// Number of the last round.
    pub(crate) round: u64,
    /// Checksum of the last round.
    pub(crate) sum: u32,
    /// The volume that the last round is in.
    pub(crate) volume: u32,
    /// Where it ends there, aligned.
    pub(crate) offset: u64,
}

impl Position {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(32);
        out.extend_from_slice(&self.lsn.to_le_bytes());
        out.extend_from_slice(&self.round.to_le_bytes());
        out.extend_from_slice(&self.sum.to_le_bytes());
        out.extend_from_slice(&self.volume.to_le_bytes());
        out.extend_from_slice(&self.offset.to_le_bytes());
        out
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, WireError> {
        let mut reader = Reader(bytes);
        Ok(Self {
            lsn: reader.u64()?,
            round: reader.u64()?,
            sum: reader.u32()?,
            volume: reader.u32()?,
            offset: reader.u64()?,
        })
    }
}

/// The next multiple of the rounds' alignment.
pub(crate) fn align(offset: u64) -> u64 {
    offset.next_multiple_of(ROUND_ALIGN)
}

/// Bytes that compaction would win of a round beside its records: its head, and what is left open up to the next. Of a round that
/// compaction itself has written it wins none: it would write the same once more, for ever.
pub(crate) fn beside(start: u64, body: u64, is_compacted: bool) -> u64 {
    if is_compacted {
        return 0;
    }
    align(start + ROUND_HEAD_BYTES as u64 + body) - start - body
}

/// A record that is ready but for its place.
#[derive(Debug)]
pub(crate) struct Draft<'a> {
    pub(crate) kind: Kind,
    pub(crate) key: &'a [u8],
    pub(crate) fields: &'a [u8],
    pub(crate) delta: Delta,
    pub(crate) payload: Vec<Bytes>,
    /// The LSN that it had first, where it is moved.
    pub(crate) original_lsn: Option<u64>,
}

/// A round that is being put together in memory.
#[derive(Debug)]
pub(crate) struct Round {
    salt: Salt,
    volume: u32,
    start: u64,
    number: u64,
    first_lsn: u64,
    next_lsn: u64,
    before: u32,
    /// Everything but payloads, and where payloads stand between: `(heads up to here, payload)`.
    heads: Vec<u8>,
    payloads: Vec<(usize, Bytes)>,
    payload_bytes: u64,
    sums: Vec<u8>,
    /// Whether compaction has written some of it.
    is_compacted: bool,
}

impl Round {
    /// Adds a record and says where it is.
    pub(crate) fn add(&mut self, draft: Draft<'_>) -> Place {
        let lsn = self.next_lsn;
        self.next_lsn += 1;
        let original_lsn = draft.original_lsn.unwrap_or(lsn);
        self.is_compacted |= draft.kind.is_compacted(original_lsn != lsn);
        let mut meta = Vec::with_capacity(draft.key.len() + draft.fields.len() + 16);
        put_bytes(&mut meta, draft.key);
        meta.extend_from_slice(draft.fields);
        if draft.delta != Delta::default() {
            put_delta(&mut meta, draft.delta);
        }
        let payload = draft.payload.iter().map(|piece| piece.len() as u64).sum();
        let head = RecordHead {
            kind: draft.kind,
            meta: u32::try_from(meta.len()).unwrap_or(u32::MAX),
            payload,
            lsn,
            original_lsn,
            round: self.number,
        };
        let head = head.encode(&meta, self.salt);
        self.heads.extend_from_slice(&head);
        self.sums
            .extend_from_slice(head.get(RECORD_HEAD_BYTES - 4..).unwrap_or_default());
        self.heads.extend_from_slice(&meta);
        let offset = self.start + self.heads.len() as u64 + self.payload_bytes;
        self.payload_bytes += payload;
        let at = self.heads.len();
        self.payloads
            .extend(draft.payload.into_iter().map(|piece| (at, piece)));
        Place {
            lsn: original_lsn,
            volume: self.volume,
            offset,
        }
    }

    /// Its volume, and what compaction would win there beside its records.
    pub(crate) fn beside(&self) -> (u32, u64) {
        let body = self.bytes() - ROUND_HEAD_BYTES as u64;
        (self.volume, beside(self.start, body, self.is_compacted))
    }

    /// Bytes that it will take in its volume.
    pub(crate) fn bytes(&self) -> u64 {
        self.heads.len() as u64 + self.payload_bytes
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.next_lsn == self.first_lsn
    }

    /// Writes the round's head before its records; where the log stands after it.
    fn close(&mut self, time_ms: u64) -> Position {
        let head = RoundHead {
            records: u32::try_from(self.next_lsn - self.first_lsn).unwrap_or(u32::MAX),
            round: self.number,
            first_lsn: self.first_lsn,
            last_lsn: self.next_lsn - 1,
            body: self.bytes() - ROUND_HEAD_BYTES as u64,
            heads_sum: crc32c_of(&[&self.salt.0, &self.sums]),
            before: self.before,
            time_ms,
        };
        let bytes = head.encode(self.salt);
        if let Some(place) = self.heads.get_mut(..ROUND_HEAD_BYTES) {
            place.copy_from_slice(&bytes);
        }
        let sum = bytes
            .last_chunk::<4>()
            .map_or(0, |sum| u32::from_le_bytes(*sum));
        Position {
            lsn: head.last_lsn,
            round: self.number,
            sum,
            volume: self.volume,
            offset: align(self.start + self.bytes()),
        }
    }

    /// The round's bytes in order, as pieces for one write.
    fn pieces(&self) -> Vec<IoSlice<'_>> {
        let mut pieces = Vec::with_capacity(self.payloads.len() * 2 + 1);
        let mut from = 0;
        for (at, payload) in &self.payloads {
            if *at > from {
                pieces.push(IoSlice::new(self.heads.get(from..*at).unwrap_or_default()));
                from = *at;
            }
            pieces.push(IoSlice::new(payload));
        }
        pieces.push(IoSlice::new(self.heads.get(from..).unwrap_or_default()));
        pieces
    }
}

/// The log's end.
#[derive(Debug)]
pub(crate) struct Log {
    node: u128,
    volume: Arc<Volume>,
    position: Position,
    volumes: Arc<VolumeSet>,
    spare: Arc<Spare>,
    /// The volume takes no more rounds.
    sealed: bool,
    /// A round could not be cut off: nothing is written any more.
    broken: bool,
}

impl Log {
    pub(crate) fn new(
        node: u128,
        volume: Arc<Volume>,
        position: Position,
        volumes: Arc<VolumeSet>,
        spare: Arc<Spare>,
    ) -> Self {
        Self {
            node,
            volume,
            position,
            volumes,
            spare,
            sealed: false,
            broken: false,
        }
    }

    pub(crate) fn position(&self) -> Position {
        self.position
    }

    pub(crate) fn is_broken(&self) -> bool {
        self.broken
    }

    /// Makes sure that a round of `bytes` fits, and begins it. Only what frees space (`urgent`) may use the reserve.
    pub(crate) fn begin(
        &mut self,
        bytes: u64,
        urgent: bool,
        now_ms: u64,
    ) -> Result<Round, NodeError> {
        if self.broken {
            return Err(NodeError::ReadOnly);
        }
        let fits = self.position.offset + bytes <= self.spare.volume_bytes();
        let fresh = self.position.offset <= HEAD_BYTES;
        let need = if urgent {
            Need::Urgent(bytes)
        } else {
            Need::Bytes(bytes)
        };
        if self.sealed || !(fits || fresh) {
            self.rotate(need, now_ms)?;
        } else if self.spare.disks().is_better_elsewhere(&self.volume.disk) {
            // What is left of this disk is its reserve. Where no other has the room after all, the volume goes on.
            if let Err(error) = self.rotate(need, now_ms) {
                tracing::debug!(%error, "no other disk takes a volume");
            }
        }
        Ok(Round {
            salt: self.volume.head.salt,
            volume: self.volume.head.number,
            start: self.position.offset,
            number: self.position.round + 1,
            first_lsn: self.position.lsn + 1,
            next_lsn: self.position.lsn + 1,
            before: self.position.sum,
            heads: vec![0; ROUND_HEAD_BYTES],
            payloads: Vec::new(),
            payload_bytes: 0,
            sums: Vec::new(),
            is_compacted: false,
        })
    }

    /// Writes and flushes a round. When it fails, nothing of it is there and the volume takes no more.
    pub(crate) fn commit(&mut self, round: &mut Round, now_ms: u64) -> Result<Position, NodeError> {
        let after = round.close(now_ms);
        let written = self.volume.append(&mut round.pieces(), round.start);
        let flushed = written.and_then(|()| self.volume.flush());
        match flushed {
            Ok(()) => {
                self.volume.set_end(after.offset);
                self.position = after;
                Ok(after)
            }
            Err(error) => Err(self.cut_back(&error)),
        }
    }

    fn cut_back(&mut self, error: &io::Error) -> NodeError {
        tracing::error!(volume = self.volume.head.number, %error, "a round could not be written or flushed");
        self.sealed = true;
        let disk = &self.volume.disk;
        let is_full = error.raw_os_error() == Some(rustix::io::Errno::NOSPC.raw_os_error());
        if !is_full {
            disk.fail();
        }
        let cut = self
            .volume
            .cut(self.position.offset)
            .and_then(|()| self.volume.flush_all());
        if let Err(error) = cut {
            // The next volume says where this one ends, whatever stands behind it: on another disk the log can go on.
            let disks = self.spare.disks();
            self.broken = !disks.go_on_without(disk, self.volume.head.number);
            let only_reads = self.broken;
            tracing::error!(%error, ?disk, only_reads, "and could not be cut off: its disk takes nothing more");
        }
        if is_full {
            return NodeError::Full;
        }
        NodeError::Log(error.to_string())
    }

    /// Seals the volume and begins the next.
    fn rotate(&mut self, need: Need, now_ms: u64) -> Result<(), NodeError> {
        let head = VolumeHead {
            node: self.node,
            volume: uuid::Uuid::new_v4().as_u128(),
            number: self.volume.head.number + 1,
            salt: fresh_salt()?,
            first_lsn: self.position.lsn + 1,
            first_round: self.position.round + 1,
            before: self.position.sum,
            created_ms: now_ms,
        };
        let next = self.spare.take(head, need)?;
        // What was preallocated behind the last round goes back. If this is lost, zeros stay there.
        if let Err(error) = self.volume.cut(self.position.offset) {
            tracing::warn!(volume = self.volume.head.number, %error, "could not cut a full volume");
        }
        self.volumes.add(&next);
        self.position.volume = next.head.number;
        self.position.offset = HEAD_BYTES;
        self.volume = next;
        self.sealed = false;
        Ok(())
    }
}

/// A salt from the system's randomness.
pub(crate) fn fresh_salt() -> Result<Salt, NodeError> {
    let mut salt = [0; 16];
    getrandom::fill(&mut salt).map_err(|error| NodeError::Log(error.to_string()))?;
    Ok(Salt(salt))
}
