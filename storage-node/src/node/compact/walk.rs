//! Compaction's reader: what of a volume may still stand, batch by batch.

use std::os::unix::fs::FileExt as _;
use std::sync::Arc;

use bytes::Bytes;

use crate::checksum::frames_fit;
use crate::error::NodeError;
use crate::keys::Table;
use crate::limits::COMPACTION_BATCH_BYTES;
use crate::node::Inner;
use crate::record::Kind;
use crate::record::fields::{Content, Fields};
use crate::recovery::scan::{Scan, Scanned};
use crate::row::damaged;
use crate::volume::Volume;
use crate::wire::to_usize;
use crate::writer::Candidate;

/// A walk through a volume, and what it found that may stand.
pub(super) struct Walk {
    inner: Arc<Inner>,
    volume: Arc<Volume>,
    scan: Scan,
}

impl Walk {
    pub(super) fn begin(inner: Arc<Inner>, volume: Arc<Volume>) -> Self {
        // The next volume tells where this one ends, or that it has ended.
        let next = inner.volumes.after(volume.head.number);
        let scan = Scan::of_one(&volume, next, None);
        Self {
            inner,
            volume,
            scan,
        }
    }

    /// Records up to a batch; none at the volume's end.
    pub(super) fn gather(&mut self) -> Result<Vec<Candidate>, NodeError> {
        let mut batch = Vec::new();
        let mut bytes = 0;
        while bytes < COMPACTION_BATCH_BYTES {
            if self.scan.position().volume != self.volume.head.number {
                break;
            }
            let scanned = self.scan.next();
            let Scanned::Round(round) =
                scanned.map_err(|error| NodeError::Damaged(error.to_string()))?
            else {
                break;
            };
            if round.after().volume != self.volume.head.number {
                break;
            }
            if let Some(what) = round.damage().next() {
                return Err(NodeError::Damaged(what.to_owned()));
            }
            for record in round.records() {
                let seen = record.as_rows_see_it();
                let mut candidate = Candidate {
                    kind: seen.kind,
                    key: seen.key.to_vec(),
                    fields: seen.fields.to_vec(),
                    place: seen.place,
                    payload: Bytes::new(),
                };
                if record.payload_bytes() > 0 && self.may_stand(&candidate)? {
                    candidate.payload = self.payload(&candidate, record.payload_bytes())?;
                }
                bytes += candidate.bytes();
                batch.push(candidate);
            }
        }
        Ok(batch)
    }

    /// Whether a payload is worth reading: the writer has the last word. A version that is not current is told by the writer alone.
    fn may_stand(&self, candidate: &Candidate) -> Result<bool, NodeError> {
        if candidate.kind != Kind::Chunk {
            return Ok(true);
        }
        let row = self.inner.store.get(Table::Extents, &candidate.key)?;
        Ok(row.is_some())
    }

    fn payload(&self, candidate: &Candidate, length: u64) -> Result<Bytes, NodeError> {
        let mut bytes = vec![0; to_usize(length)];
        let read = self
            .volume
            .file
            .read_exact_at(&mut bytes, candidate.place.offset);
        read.map_err(|cause| NodeError::Read(cause.to_string()))?;
        // The walk has seen it fit; what is written once more is what was read just now.
        let fields = Fields::decode(&candidate.fields).map_err(damaged)?;
        match fields.body {
            Content::Inline(frames) if frames_fit(&bytes, &frames) => Ok(bytes.into()),
            _ => Err(NodeError::Damaged(format!(
                "record {} in volume {:08x}",
                candidate.place.lsn, candidate.place.volume
            ))),
        }
    }
}
