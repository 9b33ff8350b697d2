//! Writes, deletions and changes of versions: what a bucket's versioning makes of each is decided here, in the same turn as the
//! conditions.

use bytes::Bytes;
use s3_protocol::VersionId;
use s3_protocol::object::DeleteOutput;

use super::judge::{self, Removal};
use super::{
    Amendment, BucketId, Deletion, Delta, Entry, Fault, Fields, Kind, NodeError, Pending, Reply,
    Rules, Turn, VersionMark, Versioning, Writer, keys, put_version,
};
use crate::effects::{VersionRow, place_of};
use crate::row::damaged;

/// Bits of a version's place below its time.
const RANDOM_BITS: u32 = 80;

impl Writer {
    /// Writes a version; what it replaces or leaves behind is as the bucket's versioning says.
    pub(super) fn write_version(
        &mut self,
        key: &[u8],
        mut fields: Vec<u8>,
        (size, rules): (u64, Rules),
        payload: Vec<Bytes>,
        turn: &mut Turn<'_, '_>,
    ) -> Result<Reply, Fault> {
        let versioning = self.versioning(turn.pending, key)?;
        let current = turn.pending.current(key)?;
        judge::replace(current.as_ref(), &rules)?;
        let mark = mark(turn, key, versioning, current.as_ref())?;
        let replaced = replaced(turn.pending, key, versioning, current)?;
        if let Some(mark) = mark {
            put_version(&mut fields, mark);
        }
        turn.add(Entry {
            delta: added(size) + less(replaced.as_ref())?,
            payload,
            ..Entry::plain(Kind::Version, key, &fields)
        })?;
        Ok(Reply::Version(mark.map(VersionMark::id)))
    }

    /// Deletions, one after the other, each on what those before it left.
    pub(super) fn delete(
        &mut self,
        deletions: Vec<Deletion>,
        turn: &mut Turn<'_, '_>,
    ) -> Result<Reply, Fault> {
        let mut answers = Vec::with_capacity(deletions.len());
        for deletion in deletions {
            self.bucket_is_there(turn.pending, &deletion.key)?;
            match self.delete_one(&deletion, turn) {
                Ok(output) => answers.push(Ok(output)),
                Err(Fault::Refused(error)) => answers.push(Err(error.into())),
                Err(error @ Fault::Halfway(_)) => return Err(error),
            }
        }
        Ok(Reply::Deleted(answers))
    }

    fn delete_one(
        &mut self,
        deletion: &Deletion,
        turn: &mut Turn<'_, '_>,
    ) -> Result<DeleteOutput, Fault> {
        let key = &deletion.key;
        let versioning = self.versioning(turn.pending, key)?;
        let found = match deletion.version {
            Some(version) => by_name(turn.pending, key, version)?,
            None => turn.pending.current(key)?,
        };
        // Where the last deletion left a marker, that is what is there.
        if let (None, None) = (deletion.version, &found)
            && !deletion.only_if.is_empty()
            && let Some(marker) = turn.pending.newest_behind(key)?
        {
            judge::only_if(&deletion.only_if, &marker.read()?.1)?;
        }
        let removal = judge::delete(found.as_ref(), deletion, turn.now_ms)?;
        let mut output = DeleteOutput {
            version: deletion.version,
            marker: false,
        };
        match (deletion.version, versioning, removal, found) {
            (_, _, Removal::Hidden, _) | (Some(_), _, _, None) | (None, None, _, None) => {}
            (Some(_), Some(_), Removal::Due, Some(found)) => {
                let glance = found.glance()?;
                output.marker = glance.version.is_some_and(|mark| mark.marker);
                remove(turn, key, &found, true)?;
            }
            (_, None, Removal::Due, Some(found)) => remove(turn, key, &found, false)?,
            (None, Some(_), Removal::Due, current) => {
                let mark = leave_marker(turn, key, versioning, current)?;
                output.version = Some(mark.id());
                output.marker = true;
            }
        }
        Ok(output)
    }

    /// Changes tags or locks of a version.
    pub(super) fn amend(
        &mut self,
        amendment: Amendment,
        turn: &mut Turn<'_, '_>,
    ) -> Result<Reply, Fault> {
        let key = &amendment.key;
        self.bucket_is_there(turn.pending, key)?;
        let versioning = self.versioning(turn.pending, key)?;
        let found = match amendment.version {
            Some(version) => by_name(turn.pending, key, version)?,
            None => turn.pending.current(key)?,
        };
        let found = judge::amend(found, &amendment, turn.now_ms)?;
        let mark = found.glance()?.version;
        let mut fields = amendment.fields;
        fields.version = Some(mark.unwrap_or(VersionMark {
            id: 0,
            null: true,
            marker: false,
        }));
        turn.add(Entry::plain(Kind::Amend, key, &fields.encode()))?;
        let shown = mark.map_or(VersionId::Null, VersionMark::id);
        Ok(Reply::Version(versioning.map(|_| shown)))
    }

    /// The versioning of a key's bucket, as this round will leave it.
    fn versioning(
        &self,
        pending: &Pending<'_>,
        key: &[u8],
    ) -> Result<Option<Versioning>, NodeError> {
        let bucket: BucketId = keys::bucket_of(key).map_err(damaged)?;
        let row_key = keys::bucket(bucket);
        match pending.layer.get(keys::Table::Buckets, &row_key) {
            Some(Some(row)) => {
                let (_, fields) = crate::row::decode(&row_key, row)?;
                Ok(Fields::decode(fields).map_err(damaged)?.versioning)
            }
            Some(None) => Ok(None),
            None => Ok(self
                .configurations
                .of(bucket)
                .and_then(|configuration| configuration.versioning)),
        }
    }
}

/// The version of a key by its name.
fn by_name(
    pending: &Pending<'_>,
    key: &[u8],
    version: VersionId,
) -> Result<Option<VersionRow>, NodeError> {
    match version {
        VersionId::Null => pending.null_version(key),
        VersionId::Id(place) => pending.version_at(key, place),
    }
}

/// The mark of a version that is written now. Its place is after all that its key has, whatever the clock says.
fn mark(
    turn: &Turn<'_, '_>,
    key: &[u8],
    versioning: Option<Versioning>,
    current: Option<&VersionRow>,
) -> Result<Option<VersionMark>, NodeError> {
    let Some(versioning) = versioning else {
        return Ok(None);
    };
    let newest = match current {
        Some(current) => Some(current.glance()?),
        None => turn
            .pending
            .newest_behind(key)?
            .map(|newest| newest.glance())
            .transpose()?,
    };
    let last = newest.map_or(0, |newest| place_of(newest.version));
    let random = uuid::Uuid::new_v4().as_u128() >> (128 - RANDOM_BITS);
    let place = u128::from(turn.now_ms) << RANDOM_BITS | random;
    Ok(Some(VersionMark {
        id: place.max(last.saturating_add(1)),
        null: versioning == Versioning::Suspended,
        marker: false,
    }))
}

/// The version that a write ends: the only one, or the `null` one.
fn replaced(
    pending: &Pending<'_>,
    key: &[u8],
    versioning: Option<Versioning>,
    current: Option<VersionRow>,
) -> Result<Option<VersionRow>, NodeError> {
    match versioning {
        None => Ok(current),
        Some(Versioning::Enabled) => Ok(None),
        Some(Versioning::Suspended) => pending.null_version(key),
    }
}

/// Ends a version; `named` in a bucket that has or had versions.
fn remove(
    turn: &mut Turn<'_, '_>,
    key: &[u8],
    found: &VersionRow,
    named: bool,
) -> Result<(), Fault> {
    let mut fields = Vec::new();
    if named {
        let mark = found.glance()?.version.unwrap_or(VersionMark {
            id: 0,
            null: true,
            marker: false,
        });
        put_version(&mut fields, mark);
    }
    turn.add(Entry {
        delta: less(Some(found))?,
        ..Entry::plain(Kind::Delete, key, &fields)
    })
}

/// Leaves a delete marker as the newest version.
fn leave_marker(
    turn: &mut Turn<'_, '_>,
    key: &[u8],
    versioning: Option<Versioning>,
    current: Option<VersionRow>,
) -> Result<VersionMark, Fault> {
    let mark = mark(turn, key, versioning, current.as_ref())?
        .ok_or_else(|| NodeError::Damaged("a marker in a bucket without versions".to_owned()))?;
    let mark = VersionMark {
        marker: true,
        ..mark
    };
    let replaced = replaced(turn.pending, key, versioning, current)?;
    let fields = Fields {
        time_ms: turn.now_ms,
        version: Some(mark),
        ..Fields::default()
    };
    turn.add(Entry {
        delta: added(0) + less(replaced.as_ref())?,
        ..Entry::plain(Kind::Version, key, &fields.encode())
    })?;
    Ok(mark)
}

fn added(size: u64) -> Delta {
    Delta {
        bytes: judge::signed(size),
        objects: 1,
    }
}

/// What the counts lose with a version.
fn less(version: Option<&VersionRow>) -> Result<Delta, NodeError> {
    Ok(match version {
        Some(version) => Delta {
            bytes: -judge::signed(version.glance()?.size),
            objects: -1,
        },
        None => Delta::default(),
    })
}
