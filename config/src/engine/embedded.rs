//! The engine of a single node: a redb file, locked for this process.
//!
//! Five tables: `rows` holds what is now; `history` what a row was until a revision, so that a page can be read as of
//! an earlier one; `changes` what each of the last revisions changed, for watchers; `counters` the last revision and the
//! oldest that history and changes reach. One transaction writes all of them.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use redb::{
    Database, ReadOnlyTable, ReadableDatabase, ReadableTable, Table, TableDefinition,
    WriteTransaction,
};
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use super::{Change, Compare, Engine, EngineError, Op, Page, Revision, Row, Watch};
use crate::limits::{ENGINE_CACHE_BYTES, FORGOTTEN_REVISIONS_MAX, WATCHED_REVISIONS_MAX};

/// Key → (revision that wrote it, value).
const ROWS: TableDefinition<'_, &str, (u64, &[u8])> = TableDefinition::new("rows");
/// (key, revision that replaced or removed it) → (revision that had written it, value); none where there was no row.
const HISTORY: TableDefinition<'_, (&str, u64), Option<(u64, &[u8])>> =
    TableDefinition::new("history");
/// Revision → its changes.
const CHANGES: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("changes");
/// Revision → the keys that `history` holds for it, so that old ones can be dropped.
const REPLACED: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("replaced");
/// Entries of one row's history that are passed one by one; beyond, the next row is looked up.
const STEPS_MAX: u32 = 16;
/// `revision`; `oldest`, which pages reach; `watched`, from which changes are there.
const COUNTERS: TableDefinition<'_, &str, u64> = TableDefinition::new("counters");

/// An embedded engine.
#[derive(Debug, Clone)]
pub struct EmbeddedEngine {
    store: Arc<Store>,
}

#[derive(Debug)]
struct Store {
    database: Database,
    /// The last revision, told to watchers after it is on disk.
    last: watch::Sender<u64>,
    /// Of how many revisions the changes are kept.
    watched: u64,
}

impl EmbeddedEngine {
    /// Opens or makes the file. Another process that holds it is an error.
    pub fn open(path: &Path) -> Result<Self, EngineError> {
        let mut options = Database::builder();
        let database = options.set_cache_size(ENGINE_CACHE_BYTES).create(path);
        Self::with(database.map_err(failed)?, WATCHED_REVISIONS_MAX)
    }

    /// An engine in memory, for tests and trials.
    pub fn in_memory() -> Result<Self, EngineError> {
        Self::in_memory_watched(WATCHED_REVISIONS_MAX)
    }

    /// The same, with the changes of so many revisions.
    pub fn in_memory_watched(watched: u64) -> Result<Self, EngineError> {
        let backend = redb::backends::InMemoryBackend::new();
        let database = Database::builder()
            .create_with_backend(backend)
            .map_err(failed)?;
        Self::with(database, watched)
    }

    fn with(database: Database, watched: u64) -> Result<Self, EngineError> {
        let transaction = database.begin_write().map_err(failed)?;
        transaction.open_table(ROWS).map_err(failed)?;
        transaction.open_table(HISTORY).map_err(failed)?;
        transaction.open_table(CHANGES).map_err(failed)?;
        transaction.open_table(REPLACED).map_err(failed)?;
        let last = {
            let counters = transaction.open_table(COUNTERS).map_err(failed)?;
            counters
                .get("revision")
                .map_err(failed)?
                .map_or(0, |value| value.value())
        };
        transaction.commit().map_err(failed)?;
        let (last, _) = watch::channel(last);
        Ok(Self {
            store: Arc::new(Store {
                database,
                last,
                watched,
            }),
        })
    }

    /// Runs `work` where it may wait for the disk.
    fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Store) -> Result<T, EngineError> + Send + 'static,
    ) -> BoxFuture<'static, Result<T, EngineError>> {
        let store = Arc::clone(&self.store);
        async move {
            let done = tokio::task::spawn_blocking(move || work(&store)).await;
            done.unwrap_or(Err(EngineError::Closed))
        }
        .boxed()
    }
}

impl Engine for EmbeddedEngine {
    fn txn(
        &self,
        compares: Vec<Compare>,
        ops: Vec<Op>,
    ) -> BoxFuture<'_, Result<Revision, EngineError>> {
        self.blocking(move |store| store.txn(&compares, &ops))
    }

    fn page(
        &self,
        prefix: String,
        at: Revision,
        after: Option<String>,
        limit: usize,
    ) -> BoxFuture<'_, Result<Page, EngineError>> {
        self.blocking(move |store| store.page(&prefix, at, after.as_deref(), limit))
    }

    fn get(&self, key: String) -> BoxFuture<'_, Result<Option<Row>, EngineError>> {
        self.blocking(move |store| {
            let transaction = store.database.begin_read().map_err(failed)?;
            let rows = transaction.open_table(ROWS).map_err(failed)?;
            let found = rows.get(key.as_str()).map_err(failed)?;
            Ok(found.map(|found| {
                let (revision, value) = found.value();
                row(&key, revision, value)
            }))
        })
    }

    fn watch(&self, after: Revision) -> BoxFuture<'_, Result<Box<dyn Watch>, EngineError>> {
        let engine = self.clone();
        self.blocking(move |store| {
            store.check_reach(after, "watched")?;
            let told = store.last.subscribe();
            Ok(Box::new(EmbeddedWatch {
                engine,
                seen: after.0,
                told,
            }) as Box<dyn Watch>)
        })
    }

    fn forget(&self, before: Revision) -> BoxFuture<'_, Result<(), EngineError>> {
        self.blocking(move |store| {
            let mut is_done = false;
            while !is_done {
                let transaction = store.database.begin_write().map_err(failed)?;
                is_done = forget(&transaction, before.0)?;
                transaction.commit().map_err(failed)?;
            }
            Ok(())
        })
    }

    fn backup(&self, to: PathBuf) -> BoxFuture<'_, Result<Revision, EngineError>> {
        self.blocking(move |store| store.backup(&to))
    }

    fn now(&self) -> BoxFuture<'_, Result<Revision, EngineError>> {
        let last = *self.store.last.borrow();
        async move { Ok(Revision(last)) }.boxed()
    }
}

#[derive(Debug)]
struct EmbeddedWatch {
    engine: EmbeddedEngine,
    seen: u64,
    told: watch::Receiver<u64>,
}

impl Watch for EmbeddedWatch {
    fn next(&mut self) -> BoxFuture<'_, Result<Change, EngineError>> {
        async move {
            let seen = self.seen;
            self.told
                .wait_for(|last| *last > seen)
                .await
                .map_err(|_| EngineError::Closed)?;
            let change = self
                .engine
                .blocking(move |store| store.change(seen + 1))
                .await?;
            self.seen = change.revision.0;
            Ok(change)
        }
        .boxed()
    }
}

/// A change as the table holds it.
#[derive(Serialize, Deserialize)]
struct StoredOp {
    key: String,
    #[serde(default, with = "base64_bytes")]
    value: Option<Vec<u8>>,
}

impl Store {
    fn txn(&self, compares: &[Compare], ops: &[Op]) -> Result<Revision, EngineError> {
        let transaction = self.database.begin_write().map_err(failed)?;
        {
            let rows = transaction.open_table(ROWS).map_err(failed)?;
            for compare in compares {
                let found = rows.get(compare.key.as_str()).map_err(failed)?;
                let written_by = found.map(|found| Revision(found.value().0));
                if written_by != compare.written_by {
                    return Err(EngineError::Conflict);
                }
            }
        }
        let revision = write(&transaction, ops)?;
        forget_changes(&transaction, revision.saturating_sub(self.watched))?;
        transaction.commit().map_err(failed)?;
        // Two writers finish in the order of their revisions: redb has one at a time, but the second may get here first.
        self.last.send_if_modified(|last| {
            let later = revision > *last;
            *last = revision.max(*last);
            later
        });
        Ok(Revision(revision))
    }

    fn page(
        &self,
        prefix: &str,
        at: Revision,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Page, EngineError> {
        self.check_reach(at, "oldest")?;
        let transaction = self.database.begin_read().map_err(failed)?;
        let rows = transaction.open_table(ROWS).map_err(failed)?;
        let history = transaction.open_table(HISTORY).map_err(failed)?;
        let from = after.map_or_else(|| prefix.to_owned(), |after| format!("{after}\0"));
        let mut live = rows.range(from.as_str()..).map_err(failed)?.peekable();
        let mut past = history
            .range((from.as_str(), 0)..)
            .map_err(failed)?
            .peekable();
        let mut page = Page {
            rows: Vec::new(),
            more: false,
        };
        loop {
            // The next key in either table.
            let live_key = match live.peek() {
                Some(Ok((key, _))) => Some(key.value().to_owned()),
                Some(Err(_)) => return Err(next_error(&mut live)),
                None => None,
            };
            let past_key = match past.peek() {
                Some(Ok((key, _))) => Some(key.value().0.to_owned()),
                Some(Err(_)) => return Err(next_error(&mut past)),
                None => None,
            };
            let Some(key) = [&live_key, &past_key].into_iter().flatten().min().cloned() else {
                return Ok(page);
            };
            if !key.starts_with(prefix) {
                return Ok(page);
            }
            let mut found = None;
            if live_key.as_deref() == Some(&*key)
                && let Some(entry) = live.next()
            {
                let (_, value) = entry.map_err(failed)?;
                let (revision, value) = value.value();
                found = (revision <= at.0).then(|| row(&key, revision, value));
            }
            if past_key.as_deref() == Some(&*key) {
                if found.is_none() {
                    found = past_row(&history, &key, at)?;
                }
                // Most rows were written a few times, some with every revision.
                let mut steps = 0;
                while let Some(Ok((entry, _))) = past.peek()
                    && entry.value().0 == key
                {
                    steps += 1;
                    if steps > STEPS_MAX {
                        let beyond = history.range((key.as_str(), u64::MAX)..);
                        past = beyond.map_err(failed)?.peekable();
                        break;
                    }
                    past.next();
                }
            }
            if let Some(found) = found {
                if page.rows.len() == limit {
                    page.more = true;
                    return Ok(page);
                }
                page.rows.push(found);
            }
        }
    }

    fn change(&self, revision: u64) -> Result<Change, EngineError> {
        let transaction = self.database.begin_read().map_err(failed)?;
        let changes = transaction.open_table(CHANGES).map_err(failed)?;
        let Some(stored) = changes.get(revision).map_err(failed)? else {
            let counters = transaction.open_table(COUNTERS).map_err(failed)?;
            let oldest = counter(&counters, "watched")?;
            return Err(EngineError::Compacted {
                oldest: Revision(oldest),
            });
        };
        let stored: Vec<StoredOp> = serde_json::from_slice(stored.value())
            .map_err(|_| EngineError::Damaged("a change cannot be read"))?;
        let ops = stored.into_iter().map(|op| match op.value {
            Some(value) => Op::Put(op.key, value),
            None => Op::Delete(op.key),
        });
        Ok(Change {
            revision: Revision(revision),
            ops: ops.collect(),
        })
    }

    /// Copies what is now, without history, into a file that is not there yet. A reader of redb sees one moment, whatever is
    /// written meanwhile.
    fn backup(&self, to: &Path) -> Result<Revision, EngineError> {
        drop(new_file(to)?);
        let copy = Database::create(to).map_err(failed)?;
        let read = self.database.begin_read().map_err(failed)?;
        let from = read.open_table(ROWS).map_err(failed)?;
        let counters = read.open_table(COUNTERS).map_err(failed)?;
        let revision = counter(&counters, "revision")?;
        let write = copy.begin_write().map_err(failed)?;
        {
            let mut rows = write.open_table(ROWS).map_err(failed)?;
            for entry in from.iter().map_err(failed)? {
                let (key, value) = entry.map_err(failed)?;
                rows.insert(key.value(), value.value()).map_err(failed)?;
            }
            let mut counters = write.open_table(COUNTERS).map_err(failed)?;
            for name in ["revision", "oldest", "watched"] {
                counters.insert(name, revision).map_err(failed)?;
            }
        }
        write.commit().map_err(failed)?;
        Ok(Revision(revision))
    }

    /// Whether what the counter `reach` tells of goes back to `asked`.
    fn check_reach(&self, asked: Revision, reach: &str) -> Result<(), EngineError> {
        let transaction = self.database.begin_read().map_err(failed)?;
        let counters = transaction.open_table(COUNTERS).map_err(failed)?;
        let (last, oldest) = (counter(&counters, "revision")?, counter(&counters, reach)?);
        if asked.0 > last {
            return Err(EngineError::Future {
                asked,
                last: Revision(last),
            });
        }
        if asked.0 < oldest {
            return Err(EngineError::Compacted {
                oldest: Revision(oldest),
            });
        }
        Ok(())
    }
}

/// Carries out the changes under the next revision.
fn write(transaction: &WriteTransaction, ops: &[Op]) -> Result<u64, EngineError> {
    let mut counters = transaction.open_table(COUNTERS).map_err(failed)?;
    let revision = counter(&counters, "revision")? + 1;
    counters.insert("revision", revision).map_err(failed)?;

    let mut rows = transaction.open_table(ROWS).map_err(failed)?;
    let mut history = transaction.open_table(HISTORY).map_err(failed)?;
    let mut changes = transaction.open_table(CHANGES).map_err(failed)?;
    let mut stored = Vec::with_capacity(ops.len());
    let mut replaced = Vec::with_capacity(ops.len());
    for op in ops {
        let key = op.key();
        let before = match op {
            Op::Put(_, value) => rows
                .insert(key, (revision, value.as_slice()))
                .map_err(failed)?,
            Op::Delete(_) => rows.remove(key).map_err(failed)?,
            Op::Erase(_) => {
                drop(rows.remove(key).map_err(failed)?);
                erase(&mut history, &mut changes, key)?;
                stored.push(StoredOp {
                    key: key.to_owned(),
                    value: None,
                });
                continue;
            }
        };
        let before = before.as_ref().map(redb::AccessGuard::value);
        history.insert((key, revision), before).map_err(failed)?;
        replaced.push(key);
        let value = match op {
            Op::Put(_, value) => Some(value.clone()),
            Op::Delete(_) | Op::Erase(_) => None,
        };
        stored.push(StoredOp {
            key: key.to_owned(),
            value,
        });
    }
    let stored = serde_json::to_vec(&stored).map_err(failed)?;
    changes.insert(revision, &*stored).map_err(failed)?;
    let replaced = serde_json::to_vec(&replaced).map_err(failed)?;
    transaction
        .open_table(REPLACED)
        .map_err(failed)?
        .insert(revision, &*replaced)
        .map_err(failed)?;
    Ok(revision)
}

/// Takes a key out of what history holds, and its values out of the changes that are kept for watchers.
fn erase(
    history: &mut Table<'_, (&'static str, u64), Option<(u64, &'static [u8])>>,
    changes: &mut Table<'_, u64, &'static [u8]>,
    key: &str,
) -> Result<(), EngineError> {
    let mut revisions = Vec::new();
    for entry in history.range((key, 0)..=(key, u64::MAX)).map_err(failed)? {
        let (entry, _) = entry.map_err(failed)?;
        revisions.push(entry.value().1);
    }
    for revision in revisions {
        history.remove((key, revision)).map_err(failed)?;
        let stored = changes.get(revision).map_err(failed)?;
        let Some(stored) = stored.map(|stored| stored.value().to_vec()) else {
            continue;
        };
        let mut stored: Vec<StoredOp> = serde_json::from_slice(&stored)
            .map_err(|_| EngineError::Damaged("a change cannot be read"))?;
        for op in stored.iter_mut().filter(|op| op.key == key) {
            op.value = None;
        }
        let stored = serde_json::to_vec(&stored).map_err(failed)?;
        changes.insert(revision, &*stored).map_err(failed)?;
    }
    Ok(())
}

/// What a row was as of a revision, if it is another now: of what it has been, the first that was replaced later.
fn past_row(
    history: &ReadOnlyTable<(&'static str, u64), Option<(u64, &'static [u8])>>,
    key: &str,
    at: Revision,
) -> Result<Option<Row>, EngineError> {
    let later = (key, at.0.saturating_add(1))..=(key, u64::MAX);
    let mut later = history.range(later).map_err(failed)?;
    let Some(entry) = later.next() else {
        return Ok(None);
    };
    let (_, before) = entry.map_err(failed)?;
    let before = before.value();
    Ok(before.map(|(revision, value)| row(key, revision, value)))
}

/// Drops changes up to a revision.
fn forget_changes(transaction: &WriteTransaction, last: u64) -> Result<(), EngineError> {
    let mut counters = transaction.open_table(COUNTERS).map_err(failed)?;
    let before = counter(&counters, "watched")?;
    if last <= before {
        return Ok(());
    }
    counters.insert("watched", last).map_err(failed)?;
    let mut changes = transaction.open_table(CHANGES).map_err(failed)?;
    for gone in before + 1..=last {
        changes.remove(gone).map_err(failed)?;
    }
    Ok(())
}

/// Drops what rows were before `asked`, and changes up to it, as far as one transaction goes. Answers whether that is all.
fn forget(transaction: &WriteTransaction, asked: u64) -> Result<bool, EngineError> {
    let before = {
        let counters = transaction.open_table(COUNTERS).map_err(failed)?;
        counter(&counters, "oldest")?
    };
    let oldest = asked.min(before.saturating_add(FORGOTTEN_REVISIONS_MAX));
    if oldest <= before {
        return Ok(true);
    }
    forget_changes(transaction, oldest)?;
    let mut counters = transaction.open_table(COUNTERS).map_err(failed)?;
    counters.insert("oldest", oldest).map_err(failed)?;
    let mut replaced = transaction.open_table(REPLACED).map_err(failed)?;
    let mut history = transaction.open_table(HISTORY).map_err(failed)?;
    for gone in before + 1..=oldest {
        let keys = replaced.remove(gone).map_err(failed)?;
        let keys: Vec<String> = keys
            .and_then(|keys| serde_json::from_slice(keys.value()).ok())
            .unwrap_or_default();
        for key in keys {
            history.remove((key.as_str(), gone)).map_err(failed)?;
        }
    }
    Ok(oldest >= asked)
}

/// A file that only its owner may read, and that was not there.
fn new_file(path: &Path) -> Result<std::fs::File, EngineError> {
    let mut options = std::fs::OpenOptions::new();
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.read(true).write(true).create_new(true).open(path);
    file.map_err(failed)
}

fn counter(
    counters: &impl ReadableTable<&'static str, u64>,
    name: &str,
) -> Result<u64, EngineError> {
    Ok(counters
        .get(name)
        .map_err(failed)?
        .map_or(0, |value| value.value()))
}

fn row(key: &str, revision: u64, value: &[u8]) -> Row {
    Row {
        key: key.to_owned(),
        value: value.to_vec(),
        revision: Revision(revision),
    }
}

fn failed(error: impl std::error::Error + Send + Sync + 'static) -> EngineError {
    EngineError::Store(Box::new(error))
}

/// The error that a range of the store holds next.
fn next_error<T>(range: &mut impl Iterator<Item = Result<T, redb::StorageError>>) -> EngineError {
    match range.next() {
        Some(Err(error)) => failed(error),
        Some(Ok(_)) | None => EngineError::Closed,
    }
}

mod base64_bytes {
    use base64::Engine as _;
    use base64::prelude::BASE64_STANDARD;
    use serde::de::Error as _;
    use serde::{Deserialize as _, Deserializer, Serialize as _, Serializer};

    pub(super) fn serialize<S: Serializer>(
        value: &Option<Vec<u8>>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        value
            .as_ref()
            .map(|bytes| BASE64_STANDARD.encode(bytes))
            .serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Vec<u8>>, D::Error> {
        let text = Option::<String>::deserialize(deserializer)?;
        text.map(|text| BASE64_STANDARD.decode(text))
            .transpose()
            .map_err(D::Error::custom)
    }
}
