//! The books on disk: a redb file of their own, so that counting never waits for the directory, nor the directory for counting.
//!
//! ```text
//! counts       hour, who, hour it is late of  → requests, bytes     each transaction adds to what is there
//! stored       hour, owner, bucket            → byte-hours, what was seen
//! last-used    access key                     → when, from where, for what
//! corrections  number                         → what is added or taken, why, by whom
//! periods      first hour, hour after         → closed when, by whom, digest of all its rows
//! ```
//!
//! One lock serves all writers: whether an hour is closed is decided in the transaction that writes into it.

use std::collections::BTreeMap;
use std::path::Path;

use parking_lot::Mutex;
use redb::{
    Database, ReadTransaction, ReadableDatabase, ReadableTable, ReadableTableMetadata as _,
    TableDefinition, TableHandle as _, WriteTransaction,
};
use s3_protocol::BucketId;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::period::Period;
use super::report::{Report, Wanted};
use super::row::{Counts, Hour, LastUse, Place, Sums, Whose};
use crate::directory::{AccessKeyId, Digest, TenantId, UserId};
use crate::limits::{CORRECTIONS_MAX, REPORT_ITEMS_MAX};
use crate::time::UnixMillis;

const COUNTS: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("counts");
const STORED: TableDefinition<'_, (u32, u64, u64, u128), (u128, u128, u32, u64)> =
    TableDefinition::new("stored");
const LAST: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("last-used");
const CORRECTIONS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("corrections");
const PERIODS: TableDefinition<'_, (u32, u32), &[u8]> = TableDefinition::new("periods");
const META: TableDefinition<'_, &str, u64> = TableDefinition::new("meta");

/// The layout that this build reads and writes.
const SCHEMA: u64 = 1;

/// The books.
#[derive(Debug)]
pub struct Ledger {
    database: Database,
    /// The closed spans. Held by whoever writes, from the look at what is closed to the commit.
    closed: Mutex<Vec<(Hour, Hour)>>,
}

/// Why the books do not answer.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// The store failed. What was being written may be there or not; it answers nothing else until it is opened anew.
    #[error("the store of usage failed: {0}")]
    Store(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The store was written by a later version.
    #[error("usage is kept in layout {0}; this version knows {SCHEMA}")]
    Schema(u64),
    /// A row is not what was written.
    #[error("a row of the store of usage is damaged: {0}")]
    Damaged(&'static str),
    /// The period has not ended.
    #[error("the period has not ended: it can be closed when it has")]
    NotEnded,
    /// Nobody has closed it.
    #[error("the period is not closed: what is counted wrong in it is counted on, not corrected")]
    NotClosed,
    /// There are too many corrections.
    #[error("there are {CORRECTIONS_MAX} corrections, and there may be no more")]
    Corrections,
    /// The report has too many lines.
    #[error(
        "the report has more than {REPORT_ITEMS_MAX} lines: ask for a longer step, or for less"
    )]
    TooLong,
}

/// What is added in one transaction.
#[derive(Debug, Default)]
pub struct Batch {
    pub(super) counts: Vec<(Hour, Whose, Counts)>,
    pub(super) last: Vec<(AccessKeyId, LastUse)>,
}

/// What a bucket holds in an hour, or in several that nobody looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    /// The account above that of its owner.
    pub reseller: Option<TenantId>,
    /// The account of its owner.
    pub tenant: TenantId,
    /// Its owner.
    pub user: UserId,
    /// The bucket.
    pub bucket: BucketId,
    /// Bytes.
    pub bytes: u64,
    /// Objects.
    pub objects: u64,
}

/// A period that was closed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Closed {
    /// The period.
    pub period: Period,
    /// When it was closed.
    pub closed_ms: UnixMillis,
    /// By whom, as the audit record names him.
    pub closed_by: String,
    /// SHA-256 over all its rows.
    pub digest: Digest,
    /// How many they are.
    pub rows: u64,
    /// Whether the audit log has it.
    pub audited: bool,
}

/// A closed period, looked at again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Verified {
    /// What was written when it was closed.
    #[serde(flatten)]
    pub closed: Closed,
    /// Whether its rows still have that digest.
    pub intact: bool,
}

/// A correction of a closed period: a row of its own in the hour in which it is made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Correction {
    /// The period that it is about.
    pub period: Period,
    /// The account above the account.
    #[serde(default)]
    pub reseller: Option<TenantId>,
    /// The account.
    pub tenant: TenantId,
    /// The user, where it is about one.
    #[serde(default)]
    pub user: Option<UserId>,
    /// Requests to add; negative to take away.
    #[serde(default)]
    pub requests: i64,
    /// Bytes in, likewise.
    #[serde(default)]
    pub bytes_in: i64,
    /// Bytes out, likewise.
    #[serde(default)]
    pub bytes_out: i64,
    /// Byte-hours, likewise.
    #[serde(default)]
    pub byte_hours: i64,
    /// Why.
    pub reason: String,
    /// By whom, as the audit record names him.
    pub by: String,
    /// When.
    pub at_ms: UnixMillis,
}

/// How long the books are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Footing {
    /// Rows of counts.
    pub counts: u64,
    /// Access keys of which the last use is known.
    pub keys: u64,
}

impl Ledger {
    /// Opens or makes the file. Another process that holds it is an error.
    pub fn open(path: &Path) -> Result<Self, LedgerError> {
        Self::with(Database::create(path).map_err(failed)?)
    }

    /// Books in memory, for tests and trials.
    pub fn in_memory() -> Result<Self, LedgerError> {
        let backend = redb::backends::InMemoryBackend::new();
        let database = Database::builder().create_with_backend(backend);
        Self::with(database.map_err(failed)?)
    }

    fn with(database: Database) -> Result<Self, LedgerError> {
        let transaction = database.begin_write().map_err(failed)?;
        let schema = {
            let mut meta = transaction.open_table(META).map_err(failed)?;
            let found = meta.get("schema").map_err(failed)?.map(|it| it.value());
            match found {
                Some(schema) => schema,
                None => {
                    meta.insert("schema", SCHEMA).map_err(failed)?;
                    SCHEMA
                }
            }
        };
        if schema != SCHEMA {
            return Err(LedgerError::Schema(schema));
        }
        transaction.open_table(COUNTS).map_err(failed)?;
        transaction.open_table(STORED).map_err(failed)?;
        transaction.open_table(LAST).map_err(failed)?;
        transaction.open_table(CORRECTIONS).map_err(failed)?;
        let closed = {
            let periods = transaction.open_table(PERIODS).map_err(failed)?;
            let mut closed = Vec::new();
            for row in periods.iter().map_err(failed)? {
                let (start, end) = row.map_err(failed)?.0.value();
                closed.push((Hour(start), Hour(end)));
            }
            closed
        };
        transaction.commit().map_err(failed)?;
        Ok(Self {
            database,
            closed: Mutex::new(closed),
        })
    }

    /// Adds what was counted, all of it or nothing. What belongs into a closed hour goes into the first that is open from `now`
    /// on, marked with the hour that it is about.
    pub fn add(&self, batch: &Batch, now: Hour) -> Result<(), LedgerError> {
        let closed = self.closed.lock();
        let transaction = self.database.begin_write().map_err(failed)?;
        {
            let mut counts = transaction.open_table(COUNTS).map_err(failed)?;
            let open = open_from(&closed, now);
            for (hour, whose, more) in &batch.counts {
                let late = is_closed(&closed, *hour);
                let place = Place {
                    hour: if late { open } else { *hour },
                    whose: *whose,
                    late_of: late.then_some(*hour),
                };
                let place = place.encode();
                let mut sum = match counts.get(&place[..]).map_err(failed)? {
                    Some(row) => read_counts(row.value())?,
                    None => Counts::default(),
                };
                sum.add(more);
                counts
                    .insert(&place[..], &sum.encode()[..])
                    .map_err(failed)?;
            }
            let mut last = transaction.open_table(LAST).map_err(failed)?;
            for (key, usage) in &batch.last {
                let known = last.get(key.as_str()).map_err(failed)?;
                let known = known.and_then(|row| LastUse::decode(row.value()));
                let latest = usage.later(known).encode();
                last.insert(key.as_str(), &latest[..]).map_err(failed)?;
            }
        }
        transaction.commit().map_err(failed)
    }

    /// The last use of a key, as far as it is written.
    pub fn last_used(&self, key: &AccessKeyId) -> Result<Option<LastUse>, LedgerError> {
        Ok(self.last_uses(&[*key])?.pop().flatten())
    }

    /// The last use of each of these keys, as far as it is written.
    pub fn last_uses(&self, keys: &[AccessKeyId]) -> Result<Vec<Option<LastUse>>, LedgerError> {
        let transaction = self.database.begin_read().map_err(failed)?;
        let last = transaction.open_table(LAST).map_err(failed)?;
        let one = |key: &AccessKeyId| {
            let row = last.get(key.as_str()).map_err(failed)?;
            Ok(row.and_then(|row| LastUse::decode(row.value())))
        };
        keys.iter().map(one).collect()
    }

    /// Forgets the last use of keys that are not there any more.
    pub fn forget_keys(&self, lives: impl Fn(&AccessKeyId) -> bool) -> Result<u64, LedgerError> {
        let _closed = self.closed.lock();
        let transaction = self.database.begin_write().map_err(failed)?;
        let mut gone = 0;
        {
            let mut last = transaction.open_table(LAST).map_err(failed)?;
            last.retain(|key, _| {
                let keep = key.parse().is_ok_and(|key| lives(&key));
                gone += u64::from(!keep);
                keep
            })
            .map_err(failed)?;
        }
        transaction.commit().map_err(failed)?;
        Ok(gone)
    }

    /// The hour up to which what is stored was looked at.
    pub fn sampled(&self) -> Result<Option<Hour>, LedgerError> {
        let transaction = self.database.begin_read().map_err(failed)?;
        let meta = transaction.open_table(META).map_err(failed)?;
        let hour = meta.get("sampled").map_err(failed)?.map(|it| it.value());
        Ok(hour.and_then(|hour| u32::try_from(hour).ok()).map(Hour))
    }

    /// Writes what is stored in the hours after [`Self::sampled`] up to `now`, at most `gap_max` of them, one row for each bucket and
    /// day. Writing an hour twice is once.
    pub fn sample(&self, samples: &[Sample], now: Hour, gap_max: u32) -> Result<(), LedgerError> {
        let closed = self.closed.lock();
        let transaction = self.database.begin_write().map_err(failed)?;
        {
            let mut meta = transaction.open_table(META).map_err(failed)?;
            let before = meta.get("sampled").map_err(failed)?.map(|it| it.value());
            let before = before.and_then(|hour| u32::try_from(hour).ok());
            let first = before.map_or(now.0, |hour| {
                (hour + 1).max((now.0 + 1).saturating_sub(gap_max))
            });
            // By days, so that none reaches over the end of a period.
            let mut spans: BTreeMap<u32, (u32, u32)> = BTreeMap::new();
            for hour in (first..=now.0).filter(|hour| !is_closed(&closed, Hour(*hour))) {
                let (_, hours) = spans.entry(hour / 24).or_insert((hour, 0));
                *hours += 1;
            }
            let mut stored = transaction.open_table(STORED).map_err(failed)?;
            for (hour, hours) in spans.into_values() {
                for it in samples.iter().filter(|it| it.bytes > 0 || it.objects > 0) {
                    let place = (hour, it.tenant.get(), it.user.get(), it.bucket.0);
                    let times = u128::from(hours);
                    let sums = (
                        u128::from(it.bytes) * times,
                        u128::from(it.objects) * times,
                        hours,
                        it.reseller.map_or(0, TenantId::get),
                    );
                    stored.insert(place, sums).map_err(failed)?;
                }
            }
            if before.is_none_or(|before| before < now.0) {
                meta.insert("sampled", u64::from(now.0)).map_err(failed)?;
            }
        }
        transaction.commit().map_err(failed)
    }

    /// Closes a period that has ended. Closing it twice answers what was closed.
    pub fn close(&self, period: Period, at: UnixMillis, by: &str) -> Result<Closed, LedgerError> {
        let mut closed = self.closed.lock();
        if let Some(known) = self.closed_period(period)? {
            return Ok(known);
        }
        if Hour::of(at) < period.end() {
            return Err(LedgerError::NotEnded);
        }
        let transaction = self.database.begin_write().map_err(failed)?;
        let (digest, rows) = digest(&Tables::of_write(&transaction)?, period)?;
        let done = Closed {
            period,
            closed_ms: at,
            closed_by: by.to_owned(),
            digest,
            rows,
            audited: false,
        };
        put_period(&transaction, &done)?;
        transaction.commit().map_err(failed)?;
        closed.push((period.start(), period.end()));
        Ok(done)
    }

    /// Notes that the audit log has the closing of a period.
    pub fn audited(&self, closed: &Closed) -> Result<(), LedgerError> {
        let _closed = self.closed.lock();
        let transaction = self.database.begin_write().map_err(failed)?;
        put_period(
            &transaction,
            &Closed {
                audited: true,
                ..closed.clone()
            },
        )?;
        transaction.commit().map_err(failed)
    }

    /// The closed periods, the earliest first.
    pub fn periods(&self) -> Result<Vec<Closed>, LedgerError> {
        let transaction = self.database.begin_read().map_err(failed)?;
        let periods = transaction.open_table(PERIODS).map_err(failed)?;
        let rows = periods.iter().map_err(failed)?;
        rows.map(|row| read_json(row.map_err(failed)?.1.value()))
            .collect()
    }

    /// Looks at a closed period again; none where it is open.
    pub fn verify(&self, period: Period) -> Result<Option<Verified>, LedgerError> {
        let Some(closed) = self.closed_period(period)? else {
            return Ok(None);
        };
        let transaction = self.database.begin_read().map_err(failed)?;
        let (digest, rows) = digest(&Tables::of_read(&transaction)?, period)?;
        let intact = (digest, rows) == (closed.digest, closed.rows);
        Ok(Some(Verified { closed, intact }))
    }

    fn closed_period(&self, period: Period) -> Result<Option<Closed>, LedgerError> {
        let transaction = self.database.begin_read().map_err(failed)?;
        let periods = transaction.open_table(PERIODS).map_err(failed)?;
        let row = periods
            .get((period.start().0, period.end().0))
            .map_err(failed)?;
        row.map(|row| read_json(row.value())).transpose()
    }

    /// Writes a correction of a closed period; its number.
    pub fn correct(&self, correction: &Correction) -> Result<u64, LedgerError> {
        let closed = self.closed.lock();
        if !is_closed(&closed, correction.period.start()) {
            return Err(LedgerError::NotClosed);
        }
        let transaction = self.database.begin_write().map_err(failed)?;
        let number = {
            let mut corrections = transaction.open_table(CORRECTIONS).map_err(failed)?;
            let last = corrections
                .last()
                .map_err(failed)?
                .map(|(number, _)| number.value());
            let number = last.unwrap_or(0) + 1;
            if number > CORRECTIONS_MAX {
                return Err(LedgerError::Corrections);
            }
            // A clock that was set back does not write into what is closed.
            let now = Hour::of(correction.at_ms);
            let open = open_from(&closed, now);
            let at_ms = if open == now {
                correction.at_ms
            } else {
                UnixMillis(u64::from(open.0) * 3_600_000)
            };
            let row = Correction {
                at_ms,
                ..correction.clone()
            };
            let row = serde_json::to_vec(&row).map_err(|cause| LedgerError::Store(cause.into()))?;
            corrections.insert(number, &row[..]).map_err(failed)?;
            number
        };
        transaction.commit().map_err(failed)?;
        Ok(number)
    }

    /// Sums up what is wanted.
    pub fn report(&self, wanted: &Wanted) -> Result<Report, LedgerError> {
        let transaction = self.database.begin_read().map_err(failed)?;
        let mut report = Report::new(wanted);
        Tables::of_read(&transaction)?.each((wanted.from, wanted.to), |row| report.take(row))?;
        Ok(report)
    }

    /// How long the books are.
    pub fn footing(&self) -> Result<Footing, LedgerError> {
        let transaction = self.database.begin_read().map_err(failed)?;
        let length = |table: Result<u64, redb::StorageError>| table.map_err(failed);
        Ok(Footing {
            counts: length(transaction.open_table(COUNTS).map_err(failed)?.len())?,
            keys: length(transaction.open_table(LAST).map_err(failed)?.len())?,
        })
    }
}

/// One row of a period, of whatever table.
#[derive(Debug)]
pub(super) struct Row<'a> {
    pub(super) hour: Hour,
    pub(super) whose: Whose,
    pub(super) sums: Sums,
    /// The row as it is stored: table, key, value.
    stored: [&'a [u8]; 3],
}

/// The tables whose rows belong to hours.
struct Tables<C, S, K> {
    counts: C,
    stored: S,
    corrections: K,
}

impl Tables<(), (), ()> {
    fn of_read(
        transaction: &ReadTransaction,
    ) -> Result<
        Tables<
            impl ReadableTable<&'static [u8], &'static [u8]> + use<>,
            impl ReadableTable<(u32, u64, u64, u128), (u128, u128, u32, u64)> + use<>,
            impl ReadableTable<u64, &'static [u8]> + use<>,
        >,
        LedgerError,
    > {
        Ok(Tables {
            counts: transaction.open_table(COUNTS).map_err(failed)?,
            stored: transaction.open_table(STORED).map_err(failed)?,
            corrections: transaction.open_table(CORRECTIONS).map_err(failed)?,
        })
    }

    fn of_write(
        transaction: &WriteTransaction,
    ) -> Result<
        Tables<
            impl ReadableTable<&'static [u8], &'static [u8]> + use<'_>,
            impl ReadableTable<(u32, u64, u64, u128), (u128, u128, u32, u64)> + use<'_>,
            impl ReadableTable<u64, &'static [u8]> + use<'_>,
        >,
        LedgerError,
    > {
        Ok(Tables {
            counts: transaction.open_table(COUNTS).map_err(failed)?,
            stored: transaction.open_table(STORED).map_err(failed)?,
            corrections: transaction.open_table(CORRECTIONS).map_err(failed)?,
        })
    }
}

impl<C, S, K> Tables<C, S, K>
where
    C: ReadableTable<&'static [u8], &'static [u8]>,
    S: ReadableTable<(u32, u64, u64, u128), (u128, u128, u32, u64)>,
    K: ReadableTable<u64, &'static [u8]>,
{
    /// Every row of the hours from one up to another, table by table.
    fn each(
        &self,
        (from, to): (Hour, Hour),
        mut take: impl FnMut(Row<'_>) -> Result<(), LedgerError>,
    ) -> Result<(), LedgerError> {
        if from >= to {
            return Ok(());
        }
        self.each_count((from, to), &mut take)?;
        self.each_sample((from, to), &mut take)?;
        self.each_correction((from, to), &mut take)
    }

    fn each_count(
        &self,
        (from, to): (Hour, Hour),
        take: &mut impl FnMut(Row<'_>) -> Result<(), LedgerError>,
    ) -> Result<(), LedgerError> {
        let (first, end) = (from.0.to_be_bytes(), to.0.to_be_bytes());
        for row in self.counts.range(&first[..]..&end[..]).map_err(failed)? {
            let (key, value) = row.map_err(failed)?;
            let place = Place::decode(key.value()).ok_or(LedgerError::Damaged("counts"))?;
            let counts = read_counts(value.value())?;
            let late = place.late_of.map_or(0, |_| counts.all());
            let sums = Sums {
                counts,
                late,
                ..Sums::default()
            };
            take(Row {
                hour: place.hour,
                whose: place.whose,
                sums,
                stored: [COUNTS.name().as_bytes(), key.value(), value.value()],
            })?;
        }
        Ok(())
    }

    fn each_sample(
        &self,
        (from, to): (Hour, Hour),
        take: &mut impl FnMut(Row<'_>) -> Result<(), LedgerError>,
    ) -> Result<(), LedgerError> {
        let span = (from.0, 0, 0, 0)..(to.0, 0, 0, 0);
        for row in self.stored.range(span).map_err(failed)? {
            let (key, value) = row.map_err(failed)?;
            let ((hour, tenant, user, bucket), (byte_hours, object_hours, hours, reseller)) =
                (key.value(), value.value());
            let whose = Whose {
                reseller: (reseller != 0).then_some(TenantId(reseller)),
                tenant: Some(TenantId(tenant)),
                user: Some(UserId(user)),
                bucket: Some(BucketId(bucket)),
                ..Whose::NOBODY
            };
            let sums = Sums {
                byte_hours,
                object_hours,
                ..Sums::default()
            };
            let text = format!("{hour} {tenant} {user} {bucket}");
            let said = format!("{byte_hours} {object_hours} {hours} {reseller}");
            take(Row {
                hour: Hour(hour),
                whose,
                sums,
                stored: [STORED.name().as_bytes(), text.as_bytes(), said.as_bytes()],
            })?;
        }
        Ok(())
    }

    fn each_correction(
        &self,
        (from, to): (Hour, Hour),
        take: &mut impl FnMut(Row<'_>) -> Result<(), LedgerError>,
    ) -> Result<(), LedgerError> {
        for row in self.corrections.iter().map_err(failed)? {
            let (number, value) = row.map_err(failed)?;
            let correction: Correction = read_json(value.value())?;
            let hour = Hour::of(correction.at_ms);
            if hour < from || hour >= to {
                continue;
            }
            take(Row {
                hour,
                whose: Whose {
                    reseller: correction.reseller,
                    tenant: Some(correction.tenant),
                    user: correction.user,
                    ..Whose::NOBODY
                },
                sums: correction.sums(),
                stored: [
                    CORRECTIONS.name().as_bytes(),
                    &number.value().to_be_bytes(),
                    value.value(),
                ],
            })?;
        }
        Ok(())
    }
}

impl Correction {
    fn sums(&self) -> Sums {
        let corrected = [
            self.requests,
            self.bytes_in,
            self.bytes_out,
            self.byte_hours,
        ];
        Sums {
            corrected: corrected.map(i128::from),
            ..Sums::default()
        }
    }
}

/// SHA-256 over the rows of a period, each piece behind its length, and how many they are.
fn digest<C, S, K>(tables: &Tables<C, S, K>, period: Period) -> Result<(Digest, u64), LedgerError>
where
    C: ReadableTable<&'static [u8], &'static [u8]>,
    S: ReadableTable<(u32, u64, u64, u128), (u128, u128, u32, u64)>,
    K: ReadableTable<u64, &'static [u8]>,
{
    let mut hasher = Sha256::new().chain_update(b"postern usage 1\0");
    hasher.update(period.to_string());
    let mut rows = 0;
    tables.each((period.start(), period.end()), |row| {
        rows += 1;
        for piece in row.stored {
            hasher.update((piece.len() as u64).to_be_bytes());
            hasher.update(piece);
        }
        Ok(())
    })?;
    let digest: [u8; 32] = hasher.finalize().into();
    Ok((Digest::from(digest), rows))
}

fn put_period(transaction: &WriteTransaction, closed: &Closed) -> Result<(), LedgerError> {
    let row = serde_json::to_vec(closed).map_err(|cause| LedgerError::Store(cause.into()))?;
    let place = (closed.period.start().0, closed.period.end().0);
    let mut periods = transaction.open_table(PERIODS).map_err(failed)?;
    periods.insert(place, &row[..]).map_err(failed)?;
    Ok(())
}

fn is_closed(closed: &[(Hour, Hour)], hour: Hour) -> bool {
    closed
        .iter()
        .any(|(start, end)| (*start..*end).contains(&hour))
}

/// The first hour from `now` on that is not closed.
fn open_from(closed: &[(Hour, Hour)], now: Hour) -> Hour {
    let mut open = now;
    while let Some((_, end)) = closed
        .iter()
        .find(|(start, end)| (*start..*end).contains(&open))
    {
        open = *end;
    }
    open
}

fn read_counts(bytes: &[u8]) -> Result<Counts, LedgerError> {
    Counts::decode(bytes).ok_or(LedgerError::Damaged("counts"))
}

fn read_json<T: serde::de::DeserializeOwned>(bytes: &[u8]) -> Result<T, LedgerError> {
    serde_json::from_slice(bytes).map_err(|_| LedgerError::Damaged("a document"))
}

fn failed(cause: impl std::error::Error + Send + Sync + 'static) -> LedgerError {
    LedgerError::Store(Box::new(cause))
}
