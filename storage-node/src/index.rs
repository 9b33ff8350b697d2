//! The index: redb tables that can be rebuilt from the volumes at any time.
//!
//! Changes come in batches, each of which ends where a round of the log ended; `applied` says where. Batches are not flushed;
//! a checkpoint is, and a restart replays the log from the last one.

pub(crate) mod file;
mod orphans;

pub(crate) use orphans::attempts_of;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use redb::{
    Builder, Database, Durability, ReadOnlyTable, ReadTransaction, ReadableDatabase, ReadableTable,
    TableDefinition, WriteTransaction,
};
use s3_protocol::BucketId;

use crate::error::NodeError;
use crate::faults::Faults;
use crate::index::file::IndexFile;
use crate::keys::{self, Attempt, Table};
use crate::limits::REAP_ROWS_MAX;
use crate::log::Position;
use crate::overlay::{Layer, Slice, Slot, Span};
use crate::record::fields::{Delta, Glance};
use crate::record::record_bytes;
use crate::row;
use crate::wire::Reader;
use crate::writer::numbers_of;

type Rows = TableDefinition<'static, &'static [u8], &'static [u8]>;
const COUNTS: TableDefinition<'static, u128, (i64, i64)> = TableDefinition::new("counts");
const GARBAGE: TableDefinition<'static, u32, i64> = TableDefinition::new("garbage");
/// When something in a volume was deleted or overwritten last, in milliseconds since 1970.
const DEATHS: TableDefinition<'static, u32, u64> = TableDefinition::new("deaths");
const META: TableDefinition<'static, &'static str, &'static [u8]> = TableDefinition::new("meta");
const APPLIED: &str = "applied";
const NODE: &str = "node";
const VOLUMES: &str = "volumes";

const fn rows(table: Table) -> Rows {
    TableDefinition::new(table.name())
}

/// The open index, in the applier's hands.
#[derive(Debug)]
pub(crate) struct Index {
    database: Database,
}

/// What a checkpoint says of the node it belongs to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Checkpoint {
    /// Where the log stood.
    pub(crate) applied: Position,
    /// The node.
    pub(crate) node: u128,
    /// The volumes that were there.
    pub(crate) volumes: Vec<(u32, u128)>,
    /// Those of them, and of all before, that its rows do not point into.
    pub(crate) emptied: Vec<u32>,
}

impl Index {
    /// Opens or makes the index file.
    pub(crate) fn open(path: &Path, cache: usize, faults: Faults) -> Result<Self, NodeError> {
        let file = IndexFile::open(path, faults).map_err(failed)?;
        let mut builder = Builder::new();
        builder.set_cache_size(cache);
        let database = builder.create_with_backend(file).map_err(failed)?;
        Ok(Self { database })
    }

    /// What the last checkpoint says; `None` in a new index.
    pub(crate) fn checkpoint(&self) -> Result<Option<Checkpoint>, NodeError> {
        let read = self.database.begin_read().map_err(failed)?;
        let meta = match read.open_table(META) {
            Ok(meta) => meta,
            Err(redb::TableError::TableDoesNotExist(_)) => return Ok(None),
            Err(error) => return Err(failed(error)),
        };
        let get = |name| meta.get(name).map_err(failed);
        let (Some(applied), Some(node), Some(volumes)) = (get(APPLIED)?, get(NODE)?, get(VOLUMES)?)
        else {
            return Ok(None);
        };
        let applied = Position::decode(applied.value()).map_err(row::damaged)?;
        let node = Reader(node.value()).u128_be().map_err(row::damaged)?;
        let mut reader = Reader(volumes.value());
        let mut volumes = Vec::new();
        while !reader.is_empty() {
            let number = reader.u32().map_err(row::damaged)?;
            volumes.push((number, reader.u128_be().map_err(row::damaged)?));
        }
        let emptied = read.open_table(rows(Table::Emptied)).map_err(failed)?;
        let emptied = match emptied.get(&[][..]).map_err(failed)? {
            Some(row) => numbers_of(row::decode(&[], row.value())?.1),
            None => Vec::new(),
        };
        Ok(Some(Checkpoint {
            applied,
            node,
            volumes,
            emptied,
        }))
    }

    /// Moves a layer in. Durable or not, it is visible in the next [`view`](Self::view).
    pub(crate) fn apply(&self, layer: &Layer, batch: &Batch<'_>) -> Result<(), NodeError> {
        let mut write = self.database.begin_write().map_err(failed)?;
        if batch.durable {
            write.set_quick_repair(true);
        } else {
            write.set_durability(Durability::None).map_err(failed)?;
        }
        for table in Table::ALL {
            let mut rows = write.open_table(rows(table)).map_err(failed)?;
            for (key, slot) in layer.rows(table) {
                let key: &[u8] = key;
                match slot {
                    Some(row) => drop(rows.insert(key, &row[..]).map_err(failed)?),
                    None => drop(rows.remove(key).map_err(failed)?),
                }
            }
        }
        add_counts(&write, layer)?;
        if batch.durable {
            forget_volumes(&write, batch.volumes)?;
        }
        put_meta(&write, batch)?;
        write.commit().map_err(failed)
    }

    /// Clears chunks of dead blobs whose end no reader can still be before; whether there may be more.
    pub(crate) fn reap(&self, oldest_reader: u64) -> Result<bool, NodeError> {
        let write = self.begin_quiet()?;
        let more = reap_some(&write, oldest_reader)?;
        write.commit().map_err(failed)?;
        Ok(more)
    }

    /// A change that is on the disk with the next checkpoint, and not before.
    fn begin_quiet(&self) -> Result<WriteTransaction, NodeError> {
        let mut write = self.database.begin_write().map_err(failed)?;
        write.set_durability(Durability::None).map_err(failed)?;
        Ok(write)
    }

    /// Counts every bucket's versions anew.
    pub(crate) fn recount(&self) -> Result<(), NodeError> {
        let write = self.begin_quiet()?;
        {
            let mut all: BTreeMap<u128, (i64, i64)> = BTreeMap::new();
            for table in [Table::Objects, Table::Versions] {
                let rows = write.open_table(rows(table)).map_err(failed)?;
                for entry in rows.iter().map_err(failed)? {
                    let (key, value) = entry.map_err(failed)?;
                    let (_, fields) = row::decode(key.value(), value.value())?;
                    let size = Glance::decode(fields).map_err(row::damaged)?.size;
                    let bucket = keys::bucket_of(key.value()).map_err(row::damaged)?;
                    let count = all.entry(bucket.0).or_default();
                    count.0 += i64::try_from(size).unwrap_or(i64::MAX);
                    count.1 += 1;
                }
            }
            let mut counts = write.open_table(COUNTS).map_err(failed)?;
            counts.retain(|_, _| false).map_err(failed)?;
            for (bucket, count) in all {
                counts.insert(bucket, count).map_err(failed)?;
            }
        }
        write.commit().map_err(failed)
    }

    /// Whether any dead blob waits.
    pub(crate) fn has_dead(&self) -> Result<bool, NodeError> {
        let read = self.database.begin_read().map_err(failed)?;
        match read.open_table(rows(Table::Dead)) {
            Ok(dead) => Ok(dead.first().map_err(failed)?.is_some()),
            Err(redb::TableError::TableDoesNotExist(_)) => Ok(false),
            Err(error) => Err(failed(error)),
        }
    }

    /// What it holds now, for readers.
    pub(crate) fn view(&self) -> Result<View, NodeError> {
        let read = self.database.begin_read().map_err(failed)?;
        let mut tables = Vec::with_capacity(Table::COUNT);
        for table in Table::ALL {
            tables.push(read.open_table(rows(table)).map_err(failed)?);
        }
        let deaths = read.open_table(DEATHS).map_err(failed)?;
        let counts = read.open_table(COUNTS).map_err(failed)?;
        let garbage = read.open_table(GARBAGE).map_err(failed)?;
        Ok(View(Some(Arc::new(Tables {
            rows: tables,
            deaths,
            counts,
            garbage,
            _read: read,
        }))))
    }
}

/// What a batch says beside its layer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Batch<'a> {
    pub(crate) position: Position,
    pub(crate) node: u128,
    pub(crate) volumes: &'a [(u32, u128)],
    /// A checkpoint: flushed.
    pub(crate) durable: bool,
}

fn add_counts(write: &WriteTransaction, layer: &Layer) -> Result<(), NodeError> {
    let mut counts = write.open_table(COUNTS).map_err(failed)?;
    for (bucket, delta) in layer.counts() {
        let old = counts
            .get(bucket)
            .map_err(failed)?
            .map_or((0, 0), |value| value.value());
        let new = (old.0 + delta.bytes, old.1 + delta.objects);
        counts.insert(bucket, new).map_err(failed)?;
    }
    for (key, slot) in layer.rows(Table::Buckets) {
        if slot.is_none() {
            let bucket = keys::bucket_of(key).map_err(row::damaged)?;
            counts.remove(bucket.0).map_err(failed)?;
        }
    }
    let mut garbage = write.open_table(GARBAGE).map_err(failed)?;
    for (volume, bytes) in layer.garbage() {
        let old = garbage
            .get(volume)
            .map_err(failed)?
            .map_or(0, |value| value.value());
        garbage.insert(volume, old + bytes).map_err(failed)?;
    }
    let mut deaths = write.open_table(DEATHS).map_err(failed)?;
    for (volume, time_ms) in layer.deaths() {
        note_death(&mut deaths, volume, time_ms)?;
    }
    Ok(())
}

fn note_death(
    deaths: &mut redb::Table<'_, u32, u64>,
    volume: u32,
    time_ms: u64,
) -> Result<(), NodeError> {
    let old = deaths.get(volume).map_err(failed)?.map(|old| old.value());
    if old.is_none_or(|old| old < time_ms) {
        deaths.insert(volume, time_ms).map_err(failed)?;
    }
    Ok(())
}

/// Forgets the garbage of volumes that are gone.
fn forget_volumes(write: &WriteTransaction, volumes: &[(u32, u128)]) -> Result<(), NodeError> {
    let mut garbage = write.open_table(GARBAGE).map_err(failed)?;
    let there = |number: u32| volumes.binary_search_by_key(&number, |it| it.0).is_ok();
    garbage.retain(|number, _| there(number)).map_err(failed)?;
    let mut deaths = write.open_table(DEATHS).map_err(failed)?;
    deaths.retain(|number, _| there(number)).map_err(failed)
}

fn put_meta(write: &WriteTransaction, batch: &Batch<'_>) -> Result<(), NodeError> {
    let mut meta = write.open_table(META).map_err(failed)?;
    let mut volumes = Vec::with_capacity(batch.volumes.len() * 20);
    for (number, uuid) in batch.volumes {
        volumes.extend_from_slice(&number.to_le_bytes());
        volumes.extend_from_slice(&uuid.to_be_bytes());
    }
    meta.insert(APPLIED, &batch.position.encode()[..])
        .map_err(failed)?;
    meta.insert(NODE, &batch.node.to_be_bytes()[..])
        .map_err(failed)?;
    meta.insert(VOLUMES, &volumes[..]).map_err(failed)?;
    Ok(())
}

fn reap_some(write: &WriteTransaction, oldest_reader: u64) -> Result<bool, NodeError> {
    let mut dead = write.open_table(rows(Table::Dead)).map_err(failed)?;
    let mut extents = write.open_table(rows(Table::Extents)).map_err(failed)?;
    let mut garbage = write.open_table(GARBAGE).map_err(failed)?;
    let mut deaths = write.open_table(DEATHS).map_err(failed)?;
    let mut room = REAP_ROWS_MAX;
    let mut ripe = Vec::new();
    for entry in dead.iter().map_err(failed)?.take(REAP_ROWS_MAX) {
        let (key, value) = entry.map_err(failed)?;
        let (place, fields) = row::decode(key.value(), value.value())?;
        if place.lsn < oldest_reader {
            ripe.push((key.value().to_vec(), row::time_of(fields)?));
        }
    }
    let mut more = ripe.len() == REAP_ROWS_MAX;
    for (prefix, time_ms) in ripe {
        let end = keys::after_prefix(&prefix).unwrap_or_else(|| vec![0xff; 31]);
        let mut victims = Vec::new();
        for entry in extents
            .range(&prefix[..]..&end[..])
            .map_err(failed)?
            .take(room)
        {
            let (key, value) = entry.map_err(failed)?;
            let (place, fields) = row::decode(key.value(), value.value())?;
            let size = Glance::decode(fields).map_err(row::damaged)?.size;
            let bytes = record_bytes(key.value(), fields, size);
            victims.push((key.value().to_vec(), place.volume, bytes));
        }
        room -= victims.len();
        for (key, volume, bytes) in victims {
            extents.remove(&key[..]).map_err(failed)?;
            if time_ms > 0 {
                note_death(&mut deaths, volume, time_ms)?;
            }
            let old = garbage
                .get(volume)
                .map_err(failed)?
                .map_or(0, |value| value.value());
            let bytes = i64::try_from(bytes).unwrap_or(i64::MAX);
            garbage
                .insert(volume, old.saturating_add(bytes))
                .map_err(failed)?;
        }
        if room == 0 {
            more = true;
            break;
        }
        dead.remove(&prefix[..]).map_err(failed)?;
    }
    Ok(more)
}

/// What all buckets hold.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Totals {
    pub(crate) buckets: u64,
    pub(crate) objects: u64,
    pub(crate) bytes: u64,
}

/// A snapshot of the index for readers; away while the index is being opened again.
#[derive(Clone, Debug)]
pub(crate) struct View(Option<Arc<Tables>>);

struct Tables {
    rows: Vec<ReadOnlyTable<&'static [u8], &'static [u8]>>,
    deaths: ReadOnlyTable<u32, u64>,
    counts: ReadOnlyTable<u128, (i64, i64)>,
    garbage: ReadOnlyTable<u32, i64>,
    _read: ReadTransaction,
}

impl std::fmt::Debug for Tables {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tables").finish_non_exhaustive()
    }
}

impl View {
    /// The view of an index that is not there.
    pub(crate) const AWAY: Self = Self(None);

    fn tables(&self) -> Result<&Tables, NodeError> {
        self.0
            .as_deref()
            .ok_or_else(|| NodeError::Index("it is being opened again".to_owned()))
    }

    fn table(
        &self,
        table: Table,
    ) -> Result<&ReadOnlyTable<&'static [u8], &'static [u8]>, NodeError> {
        let tables = self.tables()?;
        tables
            .rows
            .get(table as usize)
            .ok_or_else(|| NodeError::Index("no table".to_owned()))
    }

    pub(crate) fn get(&self, table: Table, key: &[u8]) -> Result<Slot, NodeError> {
        let found = self.table(table)?.get(key).map_err(failed)?;
        Ok(found.map(|row| Bytes::copy_from_slice(row.value())))
    }

    pub(crate) fn slice(&self, span: &Span<'_>) -> Result<Slice, NodeError> {
        let table = self.table(span.table)?;
        let entries = match span.end {
            Some(end) if end <= span.from => return Ok(Slice::default()),
            Some(end) => table.range(span.from..end),
            None => table.range(span.from..),
        };
        let mut slice = Slice::default();
        for entry in entries.map_err(failed)? {
            if slice.rows.len() == span.limit {
                slice.more = true;
                break;
            }
            let (key, row) = entry.map_err(failed)?;
            let key = Bytes::copy_from_slice(key.value());
            slice
                .rows
                .push((key, Some(Bytes::copy_from_slice(row.value()))));
        }
        Ok(slice)
    }

    pub(crate) fn counts(&self, bucket: BucketId) -> Result<Delta, NodeError> {
        let found = self.tables()?.counts.get(bucket.0).map_err(failed)?;
        let (bytes, objects) = found.map_or((0, 0), |value| value.value());
        Ok(Delta { bytes, objects })
    }

    /// What all buckets hold, as it is counted.
    pub(crate) fn totals(&self) -> Result<Totals, NodeError> {
        let mut totals = Totals::default();
        for _ in self.table(Table::Buckets)?.iter().map_err(failed)? {
            totals.buckets += 1;
        }
        for entry in self.tables()?.counts.iter().map_err(failed)? {
            let (bytes, objects) = entry.map_err(failed)?.1.value();
            totals.objects += u64::try_from(objects).unwrap_or(0);
            totals.bytes += u64::try_from(bytes).unwrap_or(0);
        }
        Ok(totals)
    }

    /// Bytes that nothing refers to, over all volumes.
    pub(crate) fn garbage(&self) -> Result<u64, NodeError> {
        let mut sum = 0_i64;
        for entry in self.tables()?.garbage.iter().map_err(failed)? {
            sum = sum.saturating_add(entry.map_err(failed)?.1.value());
        }
        Ok(u64::try_from(sum).unwrap_or(0))
    }

    /// The same by volume, in bytes.
    pub(crate) fn garbage_of_volumes(&self) -> Result<BTreeMap<u32, u64>, NodeError> {
        let mut all = BTreeMap::new();
        for entry in self.tables()?.garbage.iter().map_err(failed)? {
            let (volume, bytes) = entry.map_err(failed)?;
            let bytes = u64::try_from(bytes.value()).unwrap_or(0);
            all.insert(volume.value(), bytes);
        }
        Ok(all)
    }

    /// When something in a volume was deleted or overwritten last, by volume.
    pub(crate) fn deaths(&self) -> Result<BTreeMap<u32, u64>, NodeError> {
        let mut all = BTreeMap::new();
        for entry in self.tables()?.deaths.iter().map_err(failed)? {
            let (volume, time_ms) = entry.map_err(failed)?;
            all.insert(volume.value(), time_ms.value());
        }
        Ok(all)
    }

    /// Every attempt that had begun and was not whole.
    pub(crate) fn open_attempts(&self) -> Result<Vec<Attempt>, NodeError> {
        let mut attempts = Vec::new();
        for entry in self.table(Table::Open)?.iter().map_err(failed)? {
            let (key, _) = entry.map_err(failed)?;
            attempts.push(Attempt::read(key.value()).map_err(row::damaged)?);
        }
        Ok(attempts)
    }
}

fn failed(error: impl std::fmt::Display) -> NodeError {
    NodeError::Index(error.to_string())
}
