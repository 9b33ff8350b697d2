//! What the writer checks before a record: on the rows as they will be when the round is flushed.

use s3_protocol::call::Conditions;
use s3_protocol::conditions::{Access, Standing};
use s3_protocol::object::Creator;
use s3_protocol::{BucketId, S3Code, S3Error, UploadId};

use super::{Deletion, Fault, Rules};
use crate::effects::{Pending, part_attempt};
use crate::error::NodeError;
use crate::guards::{CreatorGuard, Mismatch, Stands, WriteId};
use crate::keys::{self, Table};
use crate::overlay::Span;
use crate::record::fields::{Delta, Fields, Glance, VersionMark};
use crate::row::{self, damaged};

/// Judges a write on what it replaces; what it adds to the bucket's counts.
pub(super) fn replace(
    pending: &Pending<'_>,
    key: &[u8],
    rules: &Rules,
    size: u64,
) -> Result<Delta, Fault> {
    let old = pending.get(Table::Objects, key)?;
    let Some(old) = old else {
        judge_absent(&rules.conditions)?;
        return Ok(Delta {
            bytes: signed(size),
            objects: 1,
        });
    };
    let (_, fields) = row::decode(key, &old)?;
    if !rules.is_empty() {
        judge_standing(fields, rules)?;
    }
    let glance = Glance::decode(fields).map_err(damaged)?;
    Ok(Delta {
        bytes: signed(size) - signed(glance.size),
        objects: 0,
    })
}

fn judge_absent(conditions: &Conditions) -> Result<(), NodeError> {
    Ok(conditions.judge(Access::Write, None)?)
}

fn judge_standing(fields: &[u8], rules: &Rules) -> Result<(), NodeError> {
    let fields = Fields::decode(fields).map_err(damaged)?;
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
    let standing = standing(&fields)?;
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

/// Judges a deletion; `None` where there is nothing to delete.
pub(super) fn delete(pending: &Pending<'_>, deletion: &Deletion) -> Result<Option<Delta>, Fault> {
    let rules = Rules {
        conditions: Conditions {
            if_match: deletion.if_match.clone(),
            ..Conditions::default()
        },
        none_match_any: false,
        creator: None,
    };
    let Some(old) = pending.get(Table::Objects, &deletion.key)? else {
        Stands::judge(deletion.stands, Stands::Nothing)?;
        // Deleting what is not there is done, unless the client insists on what should be there.
        judge_absent(&rules.conditions)?;
        return Ok(None);
    };
    let (at, fields) = row::decode(&deletion.key, &old)?;
    Stands::judge(deletion.stands, Stands::Write(WriteId(at.lsn)))?;
    let fields_read = Fields::decode(fields).map_err(damaged)?;
    let strangers = deletion
        .creator
        .as_ref()
        .filter(|guard| !guard.admits(&fields_read.creator));
    if let Some(guard) = strangers {
        return match guard.mismatch {
            Mismatch::Hide => Ok(None),
            Mismatch::Deny => Err(NodeError::from(S3Code::AccessDenied).into()),
        };
    }
    // Where object lock is built, retention and legal hold are judged here, before anything is written.
    judge_standing(fields, &rules)?;
    Ok(Some(Delta {
        bytes: -signed(fields_read.size),
        objects: -1,
    }))
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

/// The bucket is there and has no object.
pub(super) fn bucket_is_empty(pending: &Pending<'_>, bucket: BucketId) -> Result<(), NodeError> {
    if !bucket_exists(pending, bucket)? {
        return Err(S3Code::NoSuchBucket.into());
    }
    let key = keys::bucket(bucket);
    let end = keys::after_prefix(&key);
    let mut from = key.to_vec();
    loop {
        let span = Span {
            table: Table::Objects,
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

fn signed(size: u64) -> i64 {
    i64::try_from(size).unwrap_or(i64::MAX)
}
