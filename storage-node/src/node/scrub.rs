//! Scrubbing: every record and payload is read from the disk, at a bounded rate, and what is damaged is told by the objects that it
//! belongs to.

use std::collections::BTreeMap;
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use s3_protocol::{BucketId, VersionId};

use super::pace::{Rate, Steps, waiting};
use super::{Inner, Node};
use crate::checksum::frames_fit;
use crate::error::{NodeError, OpenError};
use crate::keys::{self, Attempt, Table};
use crate::limits::{FAULTS_TOLD_MAX, SCAN_ROWS_MAX};
use crate::record::fields::{Content, Fields, VersionMark};
use crate::recovery::scan::{Flaw, Scan, Scanned};
use crate::row::{self, Place, damaged};
use crate::volume::Volume;
use crate::wire::to_usize;

/// What a scrub found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scrubbed {
    /// Volumes that were read.
    pub volumes: u64,
    /// Records in them.
    pub records: u64,
    /// Bytes of them.
    pub bytes: u64,
    /// Places that do not read or do not fit their checksums, whether anything stands there or not.
    pub flaws: Vec<Damage>,
    /// Objects and parts of open uploads that stand there.
    pub objects: Vec<DamagedObject>,
    /// How many more.
    pub more_objects: u64,
}

/// A damaged run of bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// The volume.
    pub volume: u32,
    /// Its first byte, and the one after its last.
    pub bytes: (u64, u64),
    /// What is wrong.
    pub what: String,
}

/// An object that stands, at least in part, in a damaged place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DamagedObject {
    /// Its bucket.
    pub bucket: BucketId,
    /// Its key.
    pub key: String,
    /// Which version; `null` where the bucket has none. An open upload has no version.
    pub version: Option<VersionId>,
    /// The volume.
    pub volume: u32,
    /// The first damaged payload of it there.
    pub offset: u64,
    /// What is lost.
    pub harm: Harm,
}

/// What is damaged of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Harm {
    /// Its bytes: reading them fails. It has to be written anew, or brought back from a backup.
    Payload,
    /// Its record: it reads as long as the index is there, and an index that is rebuilt will not have it. Copy it onto itself.
    Record,
}

impl Node {
    /// Reads everything and tells what is damaged. It may be dropped at any time; volumes that come while it reads are the next
    /// scrub's. The count of damaged objects stands in [`NodeStats`](super::NodeStats) until the next one.
    ///
    /// # Errors
    /// The index is away or the node was closed: begin again.
    pub async fn scrub(&self, rate: Rate) -> Result<Scrubbed, NodeError> {
        let mut found = Scrubbed::default();
        let last = self.inner.writer.last_lsn.load(Ordering::Acquire);
        for volume in self.inner.volumes.all() {
            if volume.head.first_lsn > last {
                break;
            }
            self.scrub_volume(volume, last, rate, &mut found).await?;
            found.volumes += 1;
        }
        if !found.flaws.is_empty() {
            self.tell_objects(&mut found).await?;
        }
        let damaged = found.objects.len() as u64 + found.more_objects;
        self.inner.damaged.store(damaged, Ordering::Relaxed);
        Ok(found)
    }

    async fn scrub_volume(
        &self,
        volume: Arc<Volume>,
        last: u64,
        rate: Rate,
        found: &mut Scrubbed,
    ) -> Result<(), NodeError> {
        let number = volume.head.number;
        // What the page cache has may be better than the disk.
        if let Err(error) = volume.forget_cached() {
            tracing::debug!(%error, "the page cache could not be dropped");
        }
        let mut scan = Scan::of_one(&volume, self.inner.volumes.after(number), Some(last));
        loop {
            let from = scan.position().offset;
            let step = waiting(move || {
                let scanned = scan.next();
                Ok((scan, scanned))
            });
            let (walked, scanned) = step.await?;
            scan = walked;
            let round = match scanned {
                Ok(Scanned::Round(round)) if round.after().volume == number => round,
                Ok(_) => return Ok(()),
                Err(OpenError::Damaged { offset, what, .. }) => {
                    let bytes = (offset, volume.end());
                    let volume = number;
                    found.flaws.push(Damage {
                        volume,
                        bytes,
                        what,
                    });
                    return Ok(());
                }
                Err(error) => return Err(NodeError::Read(error.to_string())),
            };
            let flaws = round.flaws().iter().map(|flaw| told(number, flaw));
            found.flaws.extend(flaws);
            found.records += round.records().count() as u64;
            let bytes = round.after().offset.saturating_sub(from);
            found.bytes += bytes;
            rate.spend(bytes).await;
        }
    }

    /// Finds out what stands in damaged places.
    async fn tell_objects(&self, found: &mut Scrubbed) -> Result<(), NodeError> {
        let chunks = self.damaged_chunks(&found.flaws).await?;
        for table in [Table::Objects, Table::Versions, Table::Parts] {
            let mut steps = Steps::over(table, &[], SCAN_ROWS_MAX);
            while let Some(rows) = steps.next(&self.inner) {
                for (key, row) in rows? {
                    let Some(object) = self.harmed(table, &key, &row, (&found.flaws, &chunks))?
                    else {
                        continue;
                    };
                    if found.objects.len() < FAULTS_TOLD_MAX {
                        found.objects.push(object);
                    } else {
                        found.more_objects += 1;
                    }
                }
                Rate(None).spend(0).await;
            }
        }
        Ok(())
    }

    /// Attempts with a chunk in a damaged place, and the first of these.
    async fn damaged_chunks(&self, flaws: &[Damage]) -> Result<Chunks, NodeError> {
        let mut chunks = Chunks::new();
        let mut steps = Steps::over(Table::Extents, &[], SCAN_ROWS_MAX);
        while let Some(rows) = steps.next(&self.inner) {
            for (key, row) in rows? {
                // What of the index cannot be read is told by verifying.
                let Ok((place, fields)) = row::decode(&key, &row) else {
                    continue;
                };
                if !is_in(flaws, place) || self.inner.is_dead(&key)? {
                    continue;
                }
                let fields = Fields::decode(fields).map_err(damaged)?;
                let harm = self.inner.harm(place, &fields);
                let attempt = Attempt::read(&key).map_err(damaged)?.key();
                let first = chunks.entry(attempt).or_insert((place, harm));
                if harm == Harm::Payload && first.1 == Harm::Record {
                    *first = (place, harm);
                }
            }
            Rate(None).spend(0).await;
        }
        Ok(chunks)
    }

    /// What a row stands for, if it is harmed.
    fn harmed(
        &self,
        table: Table,
        key: &[u8],
        row: &[u8],
        (flaws, chunks): (&[Damage], &Chunks),
    ) -> Result<Option<DamagedObject>, NodeError> {
        let Ok((place, fields)) = row::decode(key, row) else {
            return Ok(None);
        };
        let fields = Fields::decode(fields).map_err(damaged)?;
        let attempts = match table {
            Table::Parts => {
                let upload = crate::wire::Reader(key).u128_be().map_err(damaged)?;
                let upload = s3_protocol::UploadId(upload);
                vec![crate::effects::part_attempt(upload, key, row)?]
            }
            _ => crate::index::attempts_of(&fields),
        };
        let mut harms: Vec<(Place, Harm)> = attempts
            .iter()
            .filter_map(|attempt| chunks.get(&attempt.key()).copied())
            .collect();
        if is_in(flaws, place) {
            harms.push((place, self.inner.harm(place, &fields)));
        }
        let worst = harms.iter().find(|(_, harm)| *harm == Harm::Payload);
        let Some((place, harm)) = worst.or(harms.first()).copied() else {
            return Ok(None);
        };
        let (bucket, text, version) = match table {
            Table::Parts => self.upload_of(key)?,
            Table::Objects => {
                let text = keys::object_text(key).map_err(damaged)?.to_owned();
                let bucket = keys::bucket_of(key).map_err(damaged)?;
                (bucket, text, Some(name_of(&fields)))
            }
            _ => {
                let (text, _) = keys::version_text(key).map_err(damaged)?;
                let bucket = keys::bucket_of(key).map_err(damaged)?;
                (bucket, text.as_str().to_owned(), Some(name_of(&fields)))
            }
        };
        Ok(Some(DamagedObject {
            bucket,
            key: text,
            version,
            volume: place.volume,
            offset: place.offset,
            harm,
        }))
    }

    /// The bucket and key of the upload that a part is of.
    fn upload_of(&self, part: &[u8]) -> Result<(BucketId, String, Option<VersionId>), NodeError> {
        let upload = crate::wire::Reader(part).u128_be().map_err(damaged)?;
        let mut steps = Steps::over(Table::Uploads, &[], SCAN_ROWS_MAX);
        while let Some(rows) = steps.next(&self.inner) {
            for (key, _) in rows? {
                let (text, id) = keys::upload_text(&key).map_err(damaged)?;
                if id.0 == upload {
                    let bucket = keys::bucket_of(&key).map_err(damaged)?;
                    return Ok((bucket, text.as_str().to_owned(), None));
                }
            }
        }
        Err(NodeError::Damaged("a part without its upload".to_owned()))
    }
}

/// Attempts with a damaged chunk, the chunk's place, and what is damaged of it.
type Chunks = BTreeMap<Vec<u8>, (Place, Harm)>;

impl Inner {
    /// Whether what stands at a damaged place still reads.
    fn harm(&self, place: Place, fields: &Fields) -> Harm {
        let Content::Inline(frames) = &fields.body else {
            return Harm::Record;
        };
        let Ok(volume) = self.volumes.get(place.volume) else {
            return Harm::Payload;
        };
        let mut bytes = vec![0; to_usize(fields.size)];
        let read = volume.file.read_exact_at(&mut bytes, place.offset);
        if read.is_ok() && frames_fit(&bytes, frames) {
            Harm::Record
        } else {
            Harm::Payload
        }
    }
}

fn told(volume: u32, flaw: &Flaw) -> Damage {
    Damage {
        volume,
        bytes: (flaw.from, flaw.to),
        what: flaw.words.clone(),
    }
}

/// Whether a payload begins, or a record without one ends, in a damaged place.
fn is_in(flaws: &[Damage], place: Place) -> bool {
    flaws.iter().any(|flaw| {
        let (from, to) = flaw.bytes;
        flaw.volume == place.volume && (from..=to).contains(&place.offset)
    })
}

fn name_of(fields: &Fields) -> VersionId {
    fields.version.map_or(VersionId::Null, VersionMark::id)
}
