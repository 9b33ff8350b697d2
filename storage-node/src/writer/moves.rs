//! Compaction's side of the writer: what still stands of a record is written once more, and the row follows.
//!
//! Whether it stands is judged here, on the rows as this round will leave them. A record that ends something stands as long as a
//! volume is there that may hold what it ended: a rebuild from the volumes would bring that back.

use bytes::Bytes;
use s3_protocol::UploadId;

use super::{Entry, Fault, NodeError, Pending, Turn, Writer, keys};
use crate::effects::is_null;
use crate::keys::{Attempt, Table};
use crate::record::Kind;
use crate::record::fields::{Amends, Fields, Glance, VersionMark};
use crate::row::{self, Place, damaged};

/// A record of a volume that is being emptied.
#[derive(Clone, Debug)]
pub(crate) struct Candidate {
    pub(crate) kind: Kind,
    pub(crate) key: Vec<u8>,
    pub(crate) fields: Vec<u8>,
    /// Where it is.
    pub(crate) place: Place,
    /// Its payload, where it had one that stood when it was read.
    pub(crate) payload: Bytes,
}

impl Candidate {
    /// Bytes that it takes at most.
    pub(crate) fn bytes(&self) -> usize {
        // What was changed beside a version since comes along: tags, retention, hold, access.
        const BESIDE: usize = 16 * 1_024;
        self.key.len() + self.fields.len() + self.payload.len() + BESIDE
    }
}

/// What is written in a record's stead.
struct Moved {
    kind: Kind,
    key: Vec<u8>,
    fields: Vec<u8>,
    has_payload: bool,
    lsn: u64,
}

impl Writer {
    /// Writes what stands of these records.
    pub(super) fn move_on(
        &mut self,
        candidates: Vec<Candidate>,
        turn: &mut Turn<'_, '_>,
    ) -> Result<(), Fault> {
        for candidate in candidates {
            let is_oldest = self.volumes.oldest() == Some(candidate.place.volume);
            let Some(moved) = standing(turn.pending, &candidate, is_oldest)? else {
                continue;
            };
            let payload = if moved.has_payload && !candidate.payload.is_empty() {
                vec![candidate.payload]
            } else {
                Vec::new()
            };
            turn.add(Entry {
                payload,
                original_lsn: Some(moved.lsn),
                ..Entry::plain(moved.kind, &moved.key, &moved.fields)
            })?;
        }
        Ok(())
    }

    /// Notes that a volume is empty: whoever misses it finds out that it is not lost.
    pub(super) fn note_emptied(
        &mut self,
        volume: u32,
        turn: &mut Turn<'_, '_>,
    ) -> Result<(), Fault> {
        let mut emptied = emptied(turn.pending)?;
        if !emptied.contains(&volume) {
            emptied.push(volume);
        }
        let fields: Vec<u8> = emptied.into_iter().flat_map(u32::to_le_bytes).collect();
        turn.add(Entry::plain(Kind::Emptied, &[], &fields))
    }
}

/// The volumes that compaction has emptied.
pub(crate) fn emptied(pending: &Pending<'_>) -> Result<Vec<u32>, NodeError> {
    let Some(row) = pending.get(Table::Emptied, &[])? else {
        return Ok(Vec::new());
    };
    let (_, numbers) = row::decode(&[], &row)?;
    Ok(numbers_of(numbers))
}

/// Reads the list of a record.
pub(crate) fn numbers_of(fields: &[u8]) -> Vec<u32> {
    let (numbers, _) = fields.as_chunks::<4>();
    numbers
        .iter()
        .map(|bytes| u32::from_le_bytes(*bytes))
        .collect()
}

/// What stands of a record; `is_oldest` where no volume before its own is left.
fn standing(
    pending: &Pending<'_>,
    candidate: &Candidate,
    is_oldest: bool,
) -> Result<Option<Moved>, NodeError> {
    let Candidate {
        kind,
        key,
        fields,
        place,
        ..
    } = candidate;
    let moved = |fields: Vec<u8>, has_payload| Moved {
        kind: *kind,
        key: key.clone(),
        fields,
        has_payload,
        lsn: place.lsn,
    };
    match kind {
        Kind::Version => version(pending, candidate, is_oldest),
        Kind::Chunk => {
            let lives = stands_at(pending, Table::Extents, key, *place)?.is_some()
                && !is_dead(pending, key)?;
            Ok(lives.then(|| moved(fields.clone(), true)))
        }
        Kind::Upload | Kind::Part | Kind::Bucket | Kind::Emptied => {
            let table = match kind {
                Kind::Upload => Table::Uploads,
                Kind::Part => Table::Parts,
                Kind::Bucket => Table::Buckets,
                _ => Table::Emptied,
            };
            let fields = stands_at(pending, table, key, *place)?;
            Ok(fields.map(|fields| moved(fields, false)))
        }
        Kind::Delete | Kind::Abort | Kind::Abandon => {
            Ok((!is_oldest).then(|| moved(fields.clone(), false)))
        }
        Kind::BucketEnd => {
            let is_over = pending.get(Table::Buckets, key)?.is_none();
            Ok((!is_oldest && is_over).then(|| moved(fields.clone(), false)))
        }
        Kind::Amend => amendment(pending, candidate),
    }
}

/// A version with what was changed beside it since; of one that is over, that its upload is.
fn version(
    pending: &Pending<'_>,
    candidate: &Candidate,
    is_oldest: bool,
) -> Result<Option<Moved>, NodeError> {
    let Candidate { key, place, .. } = candidate;
    let glance = Glance::decode(&candidate.fields).map_err(damaged)?;
    if let Some(found) = pending.named(key, only(glance.version))? {
        let (at, fields) = row::decode(&found.key, &found.row)?;
        if at == *place {
            return Ok(Some(Moved {
                kind: Kind::Version,
                key: key.clone(),
                fields: fields.to_vec(),
                has_payload: true,
                lsn: place.lsn,
            }));
        }
        // A walk that was cut short has moved it already.
        if at.lsn == place.lsn {
            return Ok(None);
        }
    }
    let Some(upload) = glance.completes.filter(|_| !is_oldest) else {
        return Ok(None);
    };
    // Its upload may have begun in an older volume: it must not be open again.
    let mut upload_key = keys::versions_of(key).map_err(damaged)?;
    upload_key.extend_from_slice(&UploadId(upload).0.to_be_bytes());
    Ok(Some(Moved {
        kind: Kind::Abort,
        key: upload_key,
        fields: Vec::new(),
        has_payload: false,
        lsn: place.lsn,
    }))
}

/// What stands beside a version now, unless the version itself was moved since and has it.
fn amendment(pending: &Pending<'_>, candidate: &Candidate) -> Result<Option<Moved>, NodeError> {
    let Candidate {
        key, fields, place, ..
    } = candidate;
    let mark = Glance::decode(fields).map_err(damaged)?.version;
    let Some(found) = pending.named(key, only(mark))? else {
        return Ok(None);
    };
    let (at, now) = found.read()?;
    if at.volume > place.volume {
        return Ok(None);
    }
    let beside = Fields {
        version: Some(only(mark)),
        tags: now.tags,
        retention: now.retention,
        legal_hold: now.legal_hold,
        acl: now.acl,
        amends: Amends::ALL,
        ..Fields::default()
    };
    Ok(Some(Moved {
        kind: Kind::Amend,
        key: key.clone(),
        fields: beside.encode(),
        has_payload: false,
        lsn: now.amended.max(place.lsn),
    }))
}

/// How a version is named: one that was written in a bucket without versions is the `null` one.
fn only(mark: Option<VersionMark>) -> VersionMark {
    mark.unwrap_or(VersionMark {
        id: 0,
        null: is_null(mark),
        marker: false,
    })
}

/// The fields of a row, if it is of the record at this place.
fn stands_at(
    pending: &Pending<'_>,
    table: Table,
    key: &[u8],
    place: Place,
) -> Result<Option<Vec<u8>>, NodeError> {
    let Some(row) = pending.get(table, key)? else {
        return Ok(None);
    };
    let (at, fields) = row::decode(key, &row)?;
    Ok((at == place).then(|| fields.to_vec()))
}

/// Whether a chunk waits to be cleared: its blob is over, or its attempt.
fn is_dead(pending: &Pending<'_>, key: &[u8]) -> Result<bool, NodeError> {
    let attempt = Attempt::read(key).map_err(damaged)?;
    for prefix in [attempt.blob.to_be_bytes().to_vec(), attempt.key()] {
        if pending.get(Table::Dead, &prefix)?.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}
