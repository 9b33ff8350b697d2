//! What a record does to the rows: the one place that says so, for the writer and for the replay alike.
//!
//! It is a function of the record and of the rows before it, so that a replay counts and clears the same.

mod moved;
mod versions;

pub(crate) use versions::{VersionRow, is_null, place_of};

use bytes::Bytes;
use s3_protocol::UploadId;

use crate::error::NodeError;
use crate::index::attempts_of;
use crate::keys::{self, Attempt, Table};
use crate::limits::SCAN_ROWS_MAX;
use crate::overlay::{Layer, Page, Slot, Span, Store};
use crate::record::fields::{Delta, Fields, Glance};
use crate::record::{Kind, record_bytes};
use crate::row::{self, Place, damaged};

/// A record as the rows see it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Record<'a> {
    pub(crate) kind: Kind,
    pub(crate) key: &'a [u8],
    /// Its fields without the delta.
    pub(crate) fields: &'a [u8],
    pub(crate) delta: Delta,
    pub(crate) place: Place,
    /// Whether compaction wrote it: then it says what stood at that time.
    pub(crate) moved: bool,
}

/// The rows as they will be: changes of this round, before the store.
#[derive(Debug)]
pub(crate) struct Pending<'a> {
    pub(crate) store: &'a Store,
    pub(crate) layer: Layer,
    /// When its records are written, in milliseconds since 1970.
    now_ms: u64,
}

impl<'a> Pending<'a> {
    /// The rows as they are, to be looked at.
    pub(crate) fn new(store: &'a Store) -> Self {
        Self::at(store, 0)
    }

    /// The rows as records of this time will leave them.
    pub(crate) fn at(store: &'a Store, now_ms: u64) -> Self {
        Self {
            store,
            layer: Layer::default(),
            now_ms,
        }
    }

    pub(crate) fn get(&self, table: Table, key: &[u8]) -> Result<Slot, NodeError> {
        match self.layer.get(table, key) {
            Some(slot) => Ok(slot.clone()),
            None => self.store.get(table, key),
        }
    }

    /// All rows whose key begins with `prefix`.
    pub(crate) fn all(
        &self,
        table: Table,
        prefix: &[u8],
    ) -> Result<Vec<(Bytes, Bytes)>, NodeError> {
        let end = keys::after_prefix(prefix);
        let mut from = prefix.to_vec();
        let mut all = Vec::new();
        loop {
            let limit = SCAN_ROWS_MAX;
            let span = Span {
                table,
                from: &from,
                end: end.as_deref(),
                limit,
            };
            let Page { rows, next } = self.store.scan_over(Some(&self.layer), span)?;
            all.extend(rows);
            match next {
                Some(next) => from = next,
                None => return Ok(all),
            }
        }
    }

    fn put(&mut self, table: Table, key: &[u8], row: Bytes) {
        self.layer
            .put(table, Bytes::copy_from_slice(key), Some(row));
    }

    fn remove(&mut self, table: Table, key: &[u8]) {
        self.layer.put(table, Bytes::copy_from_slice(key), None);
    }

    fn bury(&mut self, prefix: &[u8], place: Place) {
        self.put(Table::Dead, prefix, row::encode(prefix, place, &[]));
    }

    /// The same for what was deleted or overwritten: it says when.
    fn bury_deleted(&mut self, prefix: &[u8], place: Place) {
        let fields = Fields {
            time_ms: self.now_ms,
            ..Fields::default()
        };
        let row = row::encode(prefix, place, &fields.encode());
        self.put(Table::Dead, prefix, row);
    }

    /// Applies a record.
    pub(crate) fn apply(&mut self, record: &Record<'_>) -> Result<(), NodeError> {
        let Record {
            kind,
            key,
            fields,
            place,
            ..
        } = *record;
        if record.moved {
            return self.apply_moved(record);
        }
        match kind {
            Kind::Version => self.apply_version(record)?,
            Kind::Delete => self.apply_delete(record)?,
            Kind::Amend => {
                let change = Fields::decode(fields).map_err(damaged)?;
                self.amend(key, &change, place.lsn)?;
            }
            Kind::Chunk => {
                if keys::extent_first(key).map_err(damaged)? == 0 {
                    let attempt = Attempt::read(key).map_err(damaged)?.key();
                    self.put(Table::Open, &attempt, row::encode(&attempt, place, &[]));
                }
                self.put(Table::Extents, key, row::encode(key, place, fields));
            }
            Kind::Upload => self.put(Table::Uploads, key, row::encode(key, place, fields)),
            Kind::Part => self.apply_part(record)?,
            Kind::Abort => {
                let (_, upload) = keys::upload_text(key).map_err(damaged)?;
                self.end_upload(key, upload, place)?;
            }
            Kind::Abandon => {
                self.remove(Table::Open, key);
                self.bury(key, place);
            }
            Kind::Bucket => self.put(Table::Buckets, key, row::encode(key, place, fields)),
            Kind::BucketEnd => {
                for (upload_key, _) in self.all(Table::Uploads, key)? {
                    let (_, upload) = keys::upload_text(&upload_key).map_err(damaged)?;
                    self.end_upload(&upload_key, upload, place)?;
                }
                self.remove(Table::Buckets, key);
            }
            Kind::Emptied => self.put(Table::Emptied, key, row::encode(key, place, fields)),
        }
        if matches!(
            kind,
            Kind::Delete | Kind::Abort | Kind::Abandon | Kind::BucketEnd
        ) {
            // It ends something, and keeps nothing. Where compaction has to carry it along, it is not counted again.
            self.layer.waste(place.volume, record_bytes(key, fields, 0));
        }
        if record.delta != Delta::default() {
            self.layer
                .count(keys::bucket_of(key).map_err(damaged)?, record.delta);
        }
        Ok(())
    }

    fn apply_version(&mut self, record: &Record<'_>) -> Result<(), NodeError> {
        let Record {
            key, fields, place, ..
        } = *record;
        let glance = Glance::decode(fields).map_err(damaged)?;
        self.make_way(key, glance.version, place)?;
        if let Some(upload) = glance.completes {
            self.complete(record, UploadId(upload))?;
        }
        self.close_attempts(fields)?;
        self.put_newest(key, fields, glance.version, place)
    }

    /// What a version has is whole. Its parts said so too, but their records may be gone with an emptied volume.
    fn close_attempts(&mut self, fields: &[u8]) -> Result<(), NodeError> {
        if Glance::decode(fields).map_err(damaged)?.blob.is_none() {
            return Ok(());
        }
        let fields = Fields::decode(fields).map_err(damaged)?;
        for attempt in attempts_of(&fields) {
            self.remove(Table::Open, &attempt.key());
        }
        Ok(())
    }

    /// Ends the version that the record names; one that names none is of a bucket without versions.
    fn apply_delete(&mut self, record: &Record<'_>) -> Result<(), NodeError> {
        let Record {
            key, fields, place, ..
        } = *record;
        let mark = Glance::decode(fields).map_err(damaged)?.version;
        let old = match mark {
            Some(mark) => self.named(key, mark)?,
            None => self.current(key)?,
        };
        match (old, mark) {
            (Some(old), Some(_)) => self.end(key, &old, place),
            (Some(old), None) => self.take_away(key, &old, place),
            (None, _) => Ok(()),
        }
    }

    /// The upload ends in an object: parts that it does not list die here.
    fn complete(&mut self, record: &Record<'_>, upload: UploadId) -> Result<(), NodeError> {
        let bucket = keys::bucket_of(record.key).map_err(damaged)?;
        let text = keys::object_text(record.key).map_err(damaged)?;
        let mut upload_key = keys::uploads_of(bucket, text);
        upload_key.extend_from_slice(&upload.0.to_be_bytes());
        self.remove(Table::Uploads, &upload_key);
        let listed = Fields::decode(record.fields).map_err(damaged)?.parts;
        for (key, row) in self.all(Table::Parts, &upload.0.to_be_bytes())? {
            let part = part_attempt(upload, &key, &row)?;
            let kept = listed
                .binary_search_by_key(&part.part, |listed| listed.number)
                .is_ok_and(|at| listed.get(at).is_some_and(|one| one.attempt == part.turn));
            if !kept {
                self.bury(&part.key(), record.place);
            }
            self.remove(Table::Parts, &key);
        }
        Ok(())
    }

    fn apply_part(&mut self, record: &Record<'_>) -> Result<(), NodeError> {
        let Record {
            key, fields, place, ..
        } = *record;
        let upload = UploadId(crate::wire::Reader(key).u128_be().map_err(damaged)?);
        if let Some(old) = self.get(Table::Parts, key)? {
            let old = part_attempt(upload, key, &old)?;
            self.bury(&old.key(), place);
        }
        let row = row::encode(key, place, fields);
        let now = part_attempt(upload, key, &row)?;
        self.remove(Table::Open, &now.key());
        self.put(Table::Parts, key, row);
        Ok(())
    }

    fn end_upload(&mut self, key: &[u8], upload: UploadId, place: Place) -> Result<(), NodeError> {
        let blob = upload.0.to_be_bytes();
        for table in [Table::Parts, Table::Open] {
            for (key, _) in self.all(table, &blob)? {
                self.remove(table, &key);
            }
        }
        self.bury(&blob, place);
        self.remove(Table::Uploads, key);
        Ok(())
    }
}

/// The attempt behind a row of parts.
pub(crate) fn part_attempt(
    upload: UploadId,
    key: &[u8],
    part: &[u8],
) -> Result<Attempt, NodeError> {
    let (_, fields) = row::decode(key, part)?;
    let turn = Fields::decode(fields).map_err(damaged)?.attempt;
    let number = key
        .last_chunk::<2>()
        .map_or(0, |number| u16::from_be_bytes(*number));
    Ok(Attempt {
        blob: upload.0,
        part: number,
        turn,
    })
}
