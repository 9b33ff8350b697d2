//! What a moved record does. Compaction writes what stands: whatever a replay has made of the records before, this is how it was.

use super::{Pending, Record, VersionRow, part_attempt, place_of};
use crate::error::NodeError;
use crate::keys::{self, Table};
use crate::record::Kind;
use crate::record::fields::{Fields, Glance, VersionMark};
use crate::row::{self, Place, damaged};
use s3_protocol::UploadId;

/// How the version of a bucket without versions is named.
const ONLY: VersionMark = VersionMark {
    id: 0,
    null: true,
    marker: false,
};

impl Pending<'_> {
    pub(super) fn apply_moved(&mut self, record: &Record<'_>) -> Result<(), NodeError> {
        let Record {
            kind,
            key,
            fields,
            place,
            ..
        } = *record;
        match kind {
            Kind::Version => {
                if let Some(upload) = Glance::decode(fields).map_err(damaged)?.completes {
                    self.complete(record, UploadId(upload))?;
                }
                self.close_attempts(fields)?;
                self.move_version(key, fields, place)
            }
            Kind::Delete => {
                let mark = Glance::decode(fields).map_err(damaged)?.version;
                match self.named(key, mark.unwrap_or(ONLY))? {
                    // What came after the deletion is another version.
                    Some(old) if is_before(&old, place)? => self.end(key, &old, place),
                    _ => Ok(()),
                }
            }
            Kind::Amend => {
                let change = Fields::decode(fields).map_err(damaged)?;
                self.amend(key, &change, place.lsn)
            }
            Kind::Chunk => {
                self.put(Table::Extents, key, row::encode(key, place, fields));
                Ok(())
            }
            Kind::Part => self.move_part(key, fields, place),
            Kind::Upload => {
                self.put(Table::Uploads, key, row::encode(key, place, fields));
                Ok(())
            }
            Kind::Bucket => {
                self.put(Table::Buckets, key, row::encode(key, place, fields));
                Ok(())
            }
            Kind::Abort => {
                let (_, upload) = keys::upload_text(key).map_err(damaged)?;
                self.end_upload(key, upload, place)
            }
            Kind::Abandon => {
                self.remove(Table::Open, key);
                self.bury(key, place);
                Ok(())
            }
            Kind::BucketEnd => {
                for (upload_key, _) in self.all(Table::Uploads, key)? {
                    let (_, upload) = keys::upload_text(&upload_key).map_err(damaged)?;
                    self.end_upload(&upload_key, upload, place)?;
                }
                self.remove(Table::Buckets, key);
                Ok(())
            }
            Kind::Emptied => {
                self.put(Table::Emptied, key, row::encode(key, place, fields));
                Ok(())
            }
        }
    }

    /// A version is here now. Where a replay has not met it before, it takes its place among those of its key.
    fn move_version(&mut self, key: &[u8], fields: &[u8], place: Place) -> Result<(), NodeError> {
        let mark = Glance::decode(fields).map_err(damaged)?.version;
        if let Some(found) = self.named(key, mark.unwrap_or(ONLY))? {
            let (at, _) = row::decode(&found.key, &found.row)?;
            if at.lsn == place.lsn {
                let row = row::encode(&found.key, place, fields);
                self.put(found.table, &found.key, row);
                return Ok(());
            }
            // Another of the same name: what it was replaced by was moved, and stands behind it in the log.
            self.take_away(key, &found, place)?;
        }
        let newer = |other: &VersionRow| {
            let other = place_of(other.glance()?.version);
            Ok::<_, NodeError>(other > place_of(mark))
        };
        let current = self.current(key)?;
        let behind = self.newest_behind(key)?;
        let stands_behind = match (&current, &behind) {
            (Some(current), _) => newer(current)?,
            (None, Some(behind)) => newer(behind)?,
            (None, None) => false,
        };
        let row = VersionRow {
            table: Table::Objects,
            key: key.to_vec(),
            row: row::encode(key, place, fields),
        };
        if stands_behind {
            return self.put_behind(key, &row);
        }
        if let Some(current) = current {
            self.remove(Table::Objects, key);
            self.put_behind(key, &current)?;
        }
        self.put_newest(key, fields, mark, place)
    }

    fn move_part(&mut self, key: &[u8], fields: &[u8], place: Place) -> Result<(), NodeError> {
        let upload = UploadId(crate::wire::Reader(key).u128_be().map_err(damaged)?);
        let row = row::encode(key, place, fields);
        let now = part_attempt(upload, key, &row)?;
        if let Some(old) = self.get(Table::Parts, key)? {
            let old = part_attempt(upload, key, &old)?;
            if old != now {
                self.bury(&old.key(), place);
            }
        }
        self.remove(Table::Open, &now.key());
        self.put(Table::Parts, key, row);
        Ok(())
    }
}

/// Whether a version was written before a moved deletion was first.
fn is_before(old: &VersionRow, deletion: Place) -> Result<bool, NodeError> {
    let (at, _) = row::decode(&old.key, &old.row)?;
    Ok(at.lsn < deletion.lsn)
}
