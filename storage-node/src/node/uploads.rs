//! What is known of open uploads: their lists, their parts, who began them.

#![expect(
    clippy::unused_async,
    reason = "the face is async throughout: where an index read has to wait is not its callers' business"
)]

use s3_protocol::call::{ListMultipartUploads, ListParts};
use s3_protocol::object::{Creator, ETag, PartEntry, PartPage, UploadEntry, UploadPage};
use s3_protocol::{BucketId, ObjectKey, S3Code, UploadId};

use super::list::Roll;
use super::{Node, ObjectPlace};
use crate::error::NodeError;
use crate::guards::{CreatorGuard, Guards};
use crate::keys::{self, Table};
use crate::limits::SCAN_ROWS_MAX;
use crate::overlay::{Span, next_key};
use crate::record::fields::Fields;
use crate::row::{self, damaged};
use crate::writer::admit_upload;

impl Node {
    /// Who began an upload.
    ///
    /// # Errors
    /// NoSuchUpload.
    pub async fn upload_creator(
        &self,
        place: &ObjectPlace,
        upload: UploadId,
    ) -> Result<Creator, NodeError> {
        Ok(self.open_upload(place, upload, None)?.creator)
    }

    /// An open upload's fields.
    pub(super) fn open_upload(
        &self,
        place: &ObjectPlace,
        upload: UploadId,
        guard: Option<&CreatorGuard>,
    ) -> Result<Fields, NodeError> {
        let key = keys::upload(place, upload);
        let Some(row) = self.inner.store.get(Table::Uploads, &key)? else {
            self.bucket_exists(place.bucket)?;
            return Err(S3Code::NoSuchUpload.into());
        };
        let (_, fields) = row::decode(&key, &row)?;
        let fields = Fields::decode(fields).map_err(damaged)?;
        if let Some(guard) = guard {
            admit_upload(guard, &fields.creator)?;
        }
        Ok(fields)
    }

    /// A page of ListMultipartUploads, ascending by key, then by when they began.
    ///
    /// # Errors
    /// NoSuchBucket.
    pub async fn list_uploads(
        &self,
        bucket: BucketId,
        ask: &ListMultipartUploads,
    ) -> Result<UploadPage, NodeError> {
        self.bucket_exists(bucket)?;
        let mut page = UploadPage::default();
        let most = usize::try_from(ask.max_uploads).unwrap_or(usize::MAX);
        if most == 0 {
            return Ok(page);
        }
        let roll = Roll {
            prefix: &ask.prefix,
            delimiter: ask.delimiter.as_deref(),
        };
        let start = keys::uploads_from(bucket, &ask.prefix);
        let end = keys::after_prefix(&start);
        let mut from = match &ask.key_marker {
            Some(marker) => start.max(past(bucket, marker, ask.upload_id_marker.as_deref(), roll)),
            None => start,
        };
        let mut last = None;
        'steps: loop {
            let limit = SCAN_ROWS_MAX.min(most + 1);
            let span = Span {
                table: Table::Uploads,
                from: &from,
                end: end.as_deref(),
                limit,
            };
            let scanned = self.inner.store.scan(span)?;
            for (key, row) in &scanned.rows {
                let (text, upload) = keys::upload_text(key).map_err(damaged)?;
                if page.entries.len() + page.prefixes.len() == most {
                    page.next = last;
                    return Ok(page);
                }
                if let Some(common) = roll.common(text.as_str()) {
                    let common = common.to_owned();
                    match keys::after_prefix(&keys::uploads_from(bucket, &common)) {
                        Some(next) => from = next,
                        None => break 'steps,
                    }
                    page.prefixes.push(common.clone());
                    last = Some((common, None));
                    continue 'steps;
                }
                last = Some((text.as_str().to_owned(), Some(upload)));
                let (_, fields) = row::decode(key, row)?;
                let fields = Fields::decode(fields).map_err(damaged)?;
                page.entries.push(entry(text, upload, fields));
            }
            match scanned.next {
                Some(next) => from = next,
                None => break,
            }
        }
        Ok(page)
    }

    /// A page of ListParts.
    ///
    /// # Errors
    /// NoSuchUpload, or AccessDenied by the guard.
    pub async fn list_parts(
        &self,
        place: &ObjectPlace,
        ask: &ListParts,
        guards: Guards,
    ) -> Result<PartPage, NodeError> {
        let fields = self.open_upload(place, ask.upload, guards.creator.as_ref())?;
        let upload = entry(place.key.clone(), ask.upload, fields);
        let mut page = PartPage {
            upload,
            entries: Vec::new(),
            next: None,
        };
        let most = usize::from(u16::try_from(ask.max_parts).unwrap_or(u16::MAX));
        let mut from = next_key(&keys::part(ask.upload, ask.after));
        let end = keys::after_prefix(&ask.upload.0.to_be_bytes());
        while page.entries.len() < most {
            let limit = most - page.entries.len();
            let span = Span {
                table: Table::Parts,
                from: &from,
                end: end.as_deref(),
                limit,
            };
            let scanned = self.inner.store.scan(span)?;
            for (key, row) in &scanned.rows {
                page.entries.push(part_entry(key, row)?);
            }
            let Some(next) = scanned.next else {
                return Ok(page);
            };
            from = next;
        }
        page.next = match page.entries.last() {
            Some(last) if self.has_part_after(ask.upload, &from)? => Some(last.number),
            _ => None,
        };
        Ok(page)
    }

    fn has_part_after(&self, upload: UploadId, from: &[u8]) -> Result<bool, NodeError> {
        let end = keys::after_prefix(&upload.0.to_be_bytes());
        let span = Span {
            table: Table::Parts,
            from,
            end: end.as_deref(),
            limit: 1,
        };
        Ok(!self.inner.store.scan(span)?.rows.is_empty())
    }
}

/// The first key after an upload, after all uploads of a key, or after all of a common prefix.
fn past(bucket: BucketId, key: &str, upload: Option<&str>, roll: Roll<'_>) -> Vec<u8> {
    if roll.common(key) == Some(key) {
        let prefix = keys::uploads_from(bucket, key);
        return keys::after_prefix(&prefix).unwrap_or(prefix);
    }
    let uploads = keys::uploads_of(bucket, key);
    match upload.and_then(|upload| upload.parse::<UploadId>().ok()) {
        Some(upload) => {
            let mut key = uploads;
            key.extend_from_slice(&upload.0.to_be_bytes());
            next_key(&key)
        }
        None => keys::after_prefix(&uploads).unwrap_or(uploads),
    }
}

/// An upload as lists show it.
pub(super) fn entry(key: ObjectKey, upload: UploadId, fields: Fields) -> UploadEntry {
    UploadEntry {
        key,
        upload,
        initiated_ms: fields.time_ms,
        creator: fields.creator,
        acl: fields.acl,
        storage_class: fields.storage_class,
        checksum: fields.wanted,
        encrypted: None,
    }
}

/// A part as lists show it.
pub(super) fn part_entry(key: &[u8], row: &[u8]) -> Result<PartEntry, NodeError> {
    let (_, fields) = row::decode(key, row)?;
    let fields = Fields::decode(fields).map_err(damaged)?;
    let ETag { md5, .. } = fields.etag().map_err(damaged)?.clone();
    let number = key
        .last_chunk::<2>()
        .map_or(0, |number| u16::from_be_bytes(*number));
    Ok(PartEntry {
        number,
        size: fields.size,
        etag: ETag { md5, parts: None },
        modified_ms: fields.time_ms,
        checksums: fields.checksums,
    })
}
