//! Verifying: the index against the log, and its counts against its rows. It reports, and changes nothing.
//!
//! Writes go on meanwhile. What does not fit is looked at once more: a row that has changed since is another row.

mod owners;

use std::collections::BTreeSet;
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use s3_protocol::BucketId;

use super::pace::{Rate, Steps, waiting};
use super::{Inner, Node};
use crate::checksum::frames_fit;
use crate::error::NodeError;
use crate::keys::{self, Attempt, Table};
use crate::limits::{FAULTS_TOLD_MAX, VERIFY_ROWS_MAX};
use crate::record::Kind;
use crate::record::fields::{Content, Fields};
use crate::row::{self, Place, damaged};
use crate::volume::record;
use crate::wire::{Reader, to_usize};

/// What a verification found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verified {
    /// Rows that were looked at.
    pub rows: u64,
    /// Bytes of payload that they name.
    pub bytes: u64,
    /// Rows that name no record, or one that does not read or fit its checksums; the first of them.
    pub faults: Vec<RowFault>,
    /// How many more.
    pub more_faults: u64,
    /// Buckets whose kept counts are not what their rows say.
    pub miscounted: Vec<Miscount>,
    /// Buckets of whose counts nothing can be said: they were written all the time, or have rows that cannot be read.
    pub unsettled: u64,
    /// Payloads whose chunks are kept and that nothing has; none where a row that cannot be read may have them.
    pub orphans: Option<u64>,
}

/// A row that does not stand for what it should.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowFault {
    /// The table.
    pub table: &'static str,
    /// The bucket, where the row is of one.
    pub bucket: Option<BucketId>,
    /// The object's key, where the row has one.
    pub key: Option<String>,
    /// The volume that it names.
    pub volume: u32,
    /// The place of the payload in it.
    pub offset: u64,
    /// What is wrong.
    pub what: String,
}

/// A bucket whose kept counts are wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Miscount {
    /// Which.
    pub bucket: BucketId,
    /// Objects, versions and markers that are kept as the count, and that there are.
    pub objects: (u64, u64),
    /// The same of bytes.
    pub bytes: (u64, u64),
}

impl Verified {
    /// Whether nothing is wrong.
    pub fn is_sound(&self) -> bool {
        self.faults.is_empty() && self.miscounted.is_empty() && self.orphans == Some(0)
    }
}

/// Tables whose rows name records.
const TABLES: [Table; 7] = [
    Table::Buckets,
    Table::Objects,
    Table::Versions,
    Table::Uploads,
    Table::Parts,
    Table::Extents,
    Table::Emptied,
];

/// How often a bucket is counted that changes meanwhile.
const COUNTS_MAX: u32 = 3;

impl Node {
    /// Compares the index with the log and with itself: every row names a record that reads and fits its checksums, the counts of
    /// every bucket are those of its rows, no chunk is kept that nothing has. It may be dropped at any time.
    ///
    /// # Errors
    /// The index is away or the node was closed: begin again.
    pub async fn verify(&self, rate: Rate) -> Result<Verified, NodeError> {
        let mut found = Verified::default();
        let began = self.inner.writer.last_lsn.load(Ordering::Acquire);
        for table in TABLES {
            self.verify_table(table, rate, &mut found).await?;
        }
        for bucket in self.bucket_ids().await? {
            self.verify_counts(bucket, &mut found).await?;
        }
        found.orphans = match self.count_orphans(began).await {
            Ok(orphans) => Some(orphans),
            // It is among the faults.
            Err(NodeError::Damaged(_)) => None,
            Err(error) => return Err(error),
        };
        Ok(found)
    }

    async fn verify_table(
        &self,
        table: Table,
        rate: Rate,
        found: &mut Verified,
    ) -> Result<(), NodeError> {
        let mut steps = Steps::over(table, &[], VERIFY_ROWS_MAX);
        while let Some(rows) = steps.next(&self.inner) {
            let rows = rows?;
            let inner = Arc::clone(&self.inner);
            let count = rows.len() as u64;
            let checked = waiting(move || {
                let checked = rows.into_iter().map(|(key, row)| {
                    let bytes = inner.check_row(table, &key, row);
                    bytes.map_err(|fault| fault_of(table, &key, fault))
                });
                Ok(checked.collect::<Vec<_>>())
            });
            let mut bytes = 0;
            for checked in checked.await? {
                match checked {
                    Ok(more) => bytes += more,
                    Err(fault) if found.faults.len() < FAULTS_TOLD_MAX => found.faults.push(fault),
                    Err(_) => found.more_faults += 1,
                }
            }
            found.rows += count;
            found.bytes += bytes;
            rate.spend(bytes).await;
        }
        Ok(())
    }

    async fn verify_counts(&self, bucket: BucketId, found: &mut Verified) -> Result<(), NodeError> {
        let lsn = || self.inner.writer.last_lsn.load(Ordering::Acquire);
        for _ in 0..COUNTS_MAX {
            let before = lsn();
            let Ok(kept) = self.bucket_stats(bucket).await else {
                return Ok(());
            };
            let counted = match self.count(bucket).await {
                Ok(counted) => counted,
                Err(NodeError::Damaged(_)) => break,
                Err(error) => return Err(error),
            };
            if (kept.objects, kept.bytes) == (counted.all(), counted.bytes) {
                return Ok(());
            }
            if before == lsn() {
                found.miscounted.push(Miscount {
                    bucket,
                    objects: (kept.objects, counted.all()),
                    bytes: (kept.bytes, counted.bytes),
                });
                return Ok(());
            }
        }
        found.unsettled += 1;
        Ok(())
    }
}

/// What is wrong with a row, and where it points.
struct Fault(Place, String);

fn fault_of(table: Table, key: &[u8], Fault(place, what): Fault) -> RowFault {
    let text = match table {
        Table::Objects => keys::object_text(key).map(str::to_owned).ok(),
        Table::Versions | Table::Uploads => {
            let read = keys::upload_text(key);
            read.map(|(key, _)| key.as_str().to_owned()).ok()
        }
        _ => None,
    };
    let has_bucket = matches!(
        table,
        Table::Buckets | Table::Objects | Table::Versions | Table::Uploads
    );
    let bucket = keys::bucket_of(key).ok().filter(|_| has_bucket);
    RowFault {
        table: table.name(),
        bucket,
        key: text,
        volume: place.volume,
        offset: place.offset,
        what,
    }
}

impl Inner {
    /// Looks at a row's record; one that changed meanwhile is looked at as it is now. Answers the bytes of its payload.
    fn check_row(&self, table: Table, key: &[u8], mut row: Bytes) -> Result<u64, Fault> {
        loop {
            let checked = self.check_record(table, key, &row);
            let Err(fault) = checked else {
                return checked;
            };
            match self.store.get(table, key) {
                Ok(Some(now)) if now == row => {
                    let dead = table == Table::Extents && self.is_dead(key).unwrap_or(false);
                    return if dead { Ok(0) } else { Err(fault) };
                }
                Ok(Some(now)) => row = now,
                Ok(None) => return Ok(0),
                Err(error) => return Err(Fault(Place::default(), error.to_string())),
            }
        }
    }

    /// Whether a chunk waits to be cleared.
    pub(super) fn is_dead(&self, key: &[u8]) -> Result<bool, NodeError> {
        let attempt = Attempt::read(key).map_err(damaged)?;
        for prefix in [attempt.blob.to_be_bytes().to_vec(), attempt.key()] {
            if self.store.get(Table::Dead, &prefix)?.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn check_record(&self, table: Table, key: &[u8], row: &[u8]) -> Result<u64, Fault> {
        let nowhere = |error: NodeError| Fault(Place::default(), error.to_string());
        let (place, fields) = row::decode(key, row).map_err(nowhere)?;
        let here = |what: String| Fault(place, what);
        let volume = self.volumes.get(place.volume);
        let volume = volume.map_err(|error| here(error.to_string()))?;
        let found = record::before(&volume, place.offset);
        let found = found.map_err(|error| here(error.to_string()))?;
        let Some(found) = found else {
            return Err(here("no record is there".to_owned()));
        };
        let expected = record_key(table, key).map_err(|error| here(error.to_string()))?;
        let is_it = found.head.kind == kind_of(table)
            && found.key == expected
            && found.head.original_lsn == place.lsn;
        if !is_it {
            return Err(here("another record is there".to_owned()));
        }
        if !matches!(found.head.kind, Kind::Version | Kind::Chunk) {
            return Ok(0);
        }
        let fields = Fields::decode(fields).map_err(|error| here(error.to_string()))?;
        let Content::Inline(frames) = &fields.body else {
            return Ok(0);
        };
        let mut bytes = vec![0; to_usize(fields.size)];
        let read = volume.file.read_exact_at(&mut bytes, place.offset);
        read.map_err(|error| here(error.to_string()))?;
        if found.head.payload == fields.size && frames_fit(&bytes, frames) {
            Ok(fields.size)
        } else {
            Err(here("its payload does not fit its checksums".to_owned()))
        }
    }
}

/// The kind of record that a table's rows name.
fn kind_of(table: Table) -> Kind {
    match table {
        Table::Objects | Table::Versions | Table::Nulls => Kind::Version,
        Table::Buckets => Kind::Bucket,
        Table::Uploads => Kind::Upload,
        Table::Parts => Kind::Part,
        Table::Extents | Table::Open | Table::Dead => Kind::Chunk,
        Table::Emptied => Kind::Emptied,
    }
}

/// The key of the record that a row names.
fn record_key(table: Table, key: &[u8]) -> Result<Vec<u8>, NodeError> {
    if table != Table::Versions {
        return Ok(key.to_vec());
    }
    let bucket = keys::bucket_of(key).map_err(damaged)?;
    let (text, _) = keys::version_text(key).map_err(damaged)?;
    Ok(keys::object_from(bucket, text.as_str()))
}

impl Node {
    /// Payloads that were there when this began and that nothing has.
    async fn count_orphans(&self, began: u64) -> Result<u64, NodeError> {
        let owners = self.gather_owners().await?;
        let mut unowned = BTreeSet::new();
        let mut more = 0;
        let mut last = None;
        let mut steps = Steps::over(Table::Extents, &[], VERIFY_ROWS_MAX);
        while let Some(rows) = steps.next(&self.inner) {
            for (key, row) in rows? {
                let attempt = Attempt::read(&key).map_err(damaged)?;
                if last == Some(attempt) {
                    continue;
                }
                last = Some(attempt);
                let (place, _) = row::decode(&key, &row)?;
                let is_known =
                    place.lsn > began || owners.has(attempt)? || self.inner.is_dead(&key)?;
                match (is_known, unowned.len() < FAULTS_TOLD_MAX) {
                    (true, _) => {}
                    (false, true) => drop(unowned.insert(attempt.key())),
                    (false, false) => more += 1,
                }
            }
            Rate(None).spend(0).await;
        }
        drop(owners);
        if !unowned.is_empty() {
            // A version that became the current one while the owners were gathered may have been missed.
            self.retain_unowned(&mut unowned).await?;
        }
        let mut orphans = more;
        for prefix in unowned {
            let mut rows = Steps::over(Table::Extents, &prefix, 1);
            let first = rows.next(&self.inner).transpose()?.unwrap_or_default();
            let is_there = match first.first() {
                Some((key, _)) => !self.inner.is_dead(key)?,
                None => false,
            };
            orphans += u64::from(is_there);
        }
        Ok(orphans)
    }

    /// Calls with every attempt that somebody has. An attempt goes from `open` to a part, from there to a version: who begins
    /// at the first and goes the same way misses none.
    async fn each_owned(
        &self,
        mut own: impl FnMut(Attempt) -> Result<(), NodeError>,
    ) -> Result<(), NodeError> {
        for table in [Table::Open, Table::Parts, Table::Objects, Table::Versions] {
            let mut steps = Steps::over(table, &[], VERIFY_ROWS_MAX);
            while let Some(rows) = steps.next(&self.inner) {
                for (key, row) in rows? {
                    for attempt in owned_by(table, &key, &row)? {
                        own(attempt)?;
                    }
                }
                Rate(None).spend(0).await;
            }
        }
        Ok(())
    }

    async fn retain_unowned(&self, unowned: &mut BTreeSet<Vec<u8>>) -> Result<(), NodeError> {
        self.each_owned(|attempt| {
            unowned.remove(&attempt.key());
            Ok(())
        })
        .await
    }
}

fn owned_by(table: Table, key: &[u8], row: &[u8]) -> Result<Vec<Attempt>, NodeError> {
    match table {
        Table::Open => Ok(vec![Attempt::read(key).map_err(damaged)?]),
        Table::Parts => {
            let upload = Reader(key).u128_be().map_err(damaged)?;
            let part = crate::effects::part_attempt(s3_protocol::UploadId(upload), key, row)?;
            Ok(vec![part])
        }
        _ => {
            let (_, fields) = row::decode(key, row)?;
            let fields = Fields::decode(fields).map_err(damaged)?;
            Ok(crate::index::attempts_of(&fields))
        }
    }
}
