//! What the writer checks before a record: on the rows as they will be when the round is flushed.

use s3_protocol::call::{Conditions, DeleteIf};
use s3_protocol::conditions::{Access, Standing};
use s3_protocol::object::Creator;
use s3_protocol::setting::{LockMode, Retention};
use s3_protocol::{BucketId, S3Code, S3Error, UploadId};

use super::{Amendment, Deletion, Fault, Rules};
use crate::configuration::Change;
use crate::effects::{Pending, VersionRow, part_attempt};
use crate::error::NodeError;
use crate::guards::{CreatorGuard, Mismatch, Stands, WriteId};
use crate::keys::{self, Table};
use crate::overlay::Span;
use crate::record::fields::{Fields, VersionMark};
use crate::row::{self, Place, damaged};

/// Judges a write on the current version.
pub(super) fn replace(current: Option<&VersionRow>, rules: &Rules) -> Result<(), NodeError> {
    let Some(current) = current else {
        return judge_absent(&rules.conditions);
    };
    if rules.is_empty() {
        return Ok(());
    }
    judge_standing(&current.read()?.1, rules)
}

fn judge_absent(conditions: &Conditions) -> Result<(), NodeError> {
    Ok(conditions.judge(Access::Write, None)?)
}

fn judge_standing(fields: &Fields, rules: &Rules) -> Result<(), NodeError> {
    // Whether it may be touched at all comes before what it is: a stranger learns nothing of its tag.
    let admitted = rules
        .creator
        .as_ref()
        .is_none_or(|guard| guard.admits(&fields.creator));
    if !admitted {
        return Err(S3Code::AccessDenied.into());
    }
    if rules.none_match_any {
        return Err(S3Code::PreconditionFailed.into());
    }
    if rules.conditions.is_empty() {
        return Ok(());
    }
    let standing = standing(fields)?;
    Ok(rules.conditions.judge(Access::Write, Some(standing))?)
}

/// An object as conditions see it.
pub(crate) fn standing(fields: &Fields) -> Result<Standing<'_>, NodeError> {
    let version = fields.version.map(VersionMark::id);
    let etag = fields.etag().map_err(damaged)?;
    Ok(Standing {
        etag,
        modified_ms: fields.time_ms,
        version,
    })
}

/// What becomes of a deletion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Removal {
    /// It is done.
    Due,
    /// To this caller the object is not there: nothing happens.
    Hidden,
}

/// Judges a deletion of what was found, if anything was.
pub(super) fn delete(
    found: Option<&VersionRow>,
    deletion: &Deletion,
    now_ms: u64,
) -> Result<Removal, NodeError> {
    let Some(found) = found else {
        Stands::judge(deletion.stands, Stands::Nothing)?;
        // Deleting what is not there is done. Who wants to delete but one thing leaves no marker where nothing is.
        return Ok(if deletion.only_if.is_empty() {
            Removal::Due
        } else {
            Removal::Hidden
        });
    };
    let (at, fields) = found.read()?;
    Stands::judge(deletion.stands, Stands::Write(write_id(at, &fields)))?;
    let strangers = deletion
        .creator
        .as_ref()
        .filter(|guard| !guard.admits(&fields.creator));
    if let Some(guard) = strangers {
        return match guard.mismatch {
            Mismatch::Hide => Ok(Removal::Hidden),
            Mismatch::Deny => Err(S3Code::AccessDenied.into()),
        };
    }
    only_if(&deletion.only_if, &fields)?;
    // A marker over a locked version is no deletion.
    if deletion.version.is_some() {
        let kept = fields.legal_hold
            || fields
                .retention
                .is_some_and(|retention| binds(retention, now_ms, deletion.bypass));
        if kept {
            return Err(locked());
        }
    }
    Ok(Removal::Due)
}

/// Judges what a deletion wants to find, where something is.
pub(super) fn only_if(only_if: &DeleteIf, fields: &Fields) -> Result<(), NodeError> {
    Ok(only_if.judge(fields.etag.as_ref(), fields.size, fields.time_ms)?)
}

/// Judges a change of what stands beside a version.
pub(super) fn amend(
    found: Option<VersionRow>,
    amendment: &Amendment,
    now_ms: u64,
) -> Result<VersionRow, NodeError> {
    let Some(found) = found else {
        Stands::judge(amendment.stands, Stands::Nothing)?;
        return Err(match amendment.version {
            Some(_) => S3Code::NoSuchVersion.into(),
            None => S3Code::NoSuchKey.into(),
        });
    };
    let (at, fields) = found.read()?;
    if fields.version.is_some_and(|mark| mark.marker) {
        return Err(S3Code::MethodNotAllowed.into());
    }
    Stands::judge(amendment.stands, Stands::Write(write_id(at, &fields)))?;
    let strangers = amendment
        .creator
        .as_ref()
        .filter(|guard| !guard.admits(&fields.creator));
    if let Some(guard) = strangers {
        return Err(match guard.mismatch {
            Mismatch::Hide => S3Code::NoSuchKey.into(),
            Mismatch::Deny => S3Code::AccessDenied.into(),
        });
    }
    if amendment.fields.amends.retention {
        let (old, new) = (fields.retention, amendment.fields.retention);
        if !may_retain(old, new, now_ms, amendment.bypass) {
            return Err(locked());
        }
    }
    Ok(found)
}

/// Whether a retention may become another: what binds is lengthened alone.
fn may_retain(old: Option<Retention>, new: Option<Retention>, now_ms: u64, bypass: bool) -> bool {
    let Some(old) = old.filter(|old| binds(*old, now_ms, bypass)) else {
        return true;
    };
    new.is_some_and(|new| new.mode == old.mode && new.until_ms >= old.until_ms)
}

fn binds(retention: Retention, now_ms: u64, bypass: bool) -> bool {
    let passed = retention.mode == LockMode::Governance && bypass;
    retention.until_ms > now_ms && !passed
}

fn locked() -> NodeError {
    let message = "Access Denied because object protected by object lock.";
    S3Error::with(S3Code::AccessDenied, message).into()
}

/// Which write or change a version stands by.
pub(crate) fn write_id(at: Place, fields: &Fields) -> WriteId {
    WriteId(at.lsn.max(fields.amended))
}

/// A bucket's fields as a change makes them.
pub(super) fn configured(
    pending: &Pending<'_>,
    key: &[u8],
    change: Change,
) -> Result<Fields, NodeError> {
    let Some(row) = pending.get(Table::Buckets, key)? else {
        return Err(S3Code::NoSuchBucket.into());
    };
    let (_, fields) = row::decode(key, &row)?;
    let mut fields = Fields::decode(fields).map_err(damaged)?;
    change.apply(&mut fields)?;
    Ok(fields)
}

/// The upload is open, and made by whom it should be.
pub(super) fn upload_is_open(
    pending: &Pending<'_>,
    key: &[u8],
    creator: Option<&CreatorGuard>,
) -> Result<(), Fault> {
    let Some(row) = pending.get(Table::Uploads, key)? else {
        return Err(NodeError::from(S3Code::NoSuchUpload).into());
    };
    let (_, fields) = row::decode(key, &row)?;
    if let Some(guard) = creator {
        let fields = Fields::decode(fields).map_err(damaged)?;
        admit_upload(guard, &fields.creator)?;
    }
    Ok(())
}

/// Whether a guard admits an upload's creator.
pub(crate) fn admit_upload(guard: &CreatorGuard, creator: &Creator) -> Result<(), NodeError> {
    match (guard.admits(creator), guard.mismatch) {
        (true, _) => Ok(()),
        (false, Mismatch::Hide) => Err(S3Code::NoSuchUpload.into()),
        (false, Mismatch::Deny) => Err(S3Code::AccessDenied.into()),
    }
}

/// The parts are still the ones that the object was put together from.
pub(super) fn parts_stand(
    pending: &Pending<'_>,
    upload: UploadId,
    parts: &[(u16, u32)],
) -> Result<(), Fault> {
    let mut standing = Vec::with_capacity(parts.len());
    for (key, row) in pending.all(Table::Parts, &upload.0.to_be_bytes())? {
        let attempt = part_attempt(upload, &key, &row)?;
        standing.push((attempt.part, attempt.turn));
    }
    let stands = parts
        .iter()
        .all(|part| standing.binary_search(part).is_ok());
    if stands {
        return Ok(());
    }
    // A part was uploaded again in between: the client's list is of what is gone.
    Err(NodeError::from(S3Error::new(S3Code::InvalidPart)).into())
}

pub(super) fn bucket_exists(pending: &Pending<'_>, bucket: BucketId) -> Result<bool, NodeError> {
    Ok(pending
        .get(Table::Buckets, &keys::bucket(bucket))?
        .is_some())
}

/// The bucket is there and has no object, no version and no marker.
pub(super) fn bucket_is_empty(pending: &Pending<'_>, bucket: BucketId) -> Result<(), NodeError> {
    if !bucket_exists(pending, bucket)? {
        return Err(S3Code::NoSuchBucket.into());
    }
    for table in [Table::Objects, Table::Versions] {
        table_is_empty(pending, table, bucket)?;
    }
    Ok(())
}

fn table_is_empty(pending: &Pending<'_>, table: Table, bucket: BucketId) -> Result<(), NodeError> {
    let key = keys::bucket(bucket);
    let end = keys::after_prefix(&key);
    let mut from = key.to_vec();
    loop {
        let span = Span {
            table,
            from: &from,
            end: end.as_deref(),
            limit: 64,
        };
        let page = pending.store.scan_over(Some(&pending.layer), span)?;
        match (page.rows.is_empty(), page.next) {
            (false, _) => return Err(S3Code::BucketNotEmpty.into()),
            (true, None) => return Ok(()),
            // Nothing but deletions so far.
            (true, Some(next)) => from = next,
        }
    }
}

pub(super) fn signed(size: u64) -> i64 {
    i64::try_from(size).unwrap_or(i64::MAX)
}
