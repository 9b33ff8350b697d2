//! ListObjects: a page of keys and common prefixes. What is rolled up is passed over in one step, so that a page costs what it
//! shows and not what the bucket holds; no read of the index is open between two steps.

#![expect(
    clippy::unused_async,
    reason = "the face is async throughout: where an index read has to wait is not its callers' business"
)]

use s3_protocol::BucketId;
use s3_protocol::call::{ListFrom, ListObjects};
use s3_protocol::object::{ListEntry, ListPage};

use super::Node;
use crate::error::NodeError;
use crate::keys::{self, Table};
use crate::limits::SCAN_ROWS_MAX;
use crate::overlay::{Span, next_key};
use crate::record::fields::Fields;
use crate::row::{self, damaged};

/// Rows that the first step of a page takes, where a delimiter may make it jump at once.
const FIRST_STEP_ROWS: usize = 8;

impl Node {
    /// A page of ListObjects or ListObjectsV2.
    ///
    /// # Errors
    /// NoSuchBucket.
    pub async fn list_objects(
        &self,
        bucket: BucketId,
        ask: &ListObjects,
    ) -> Result<ListPage, NodeError> {
        self.bucket_exists(bucket)?;
        let mut page = ListPage::default();
        if ask.max_keys == 0 {
            return Ok(page);
        }
        let roll = Roll {
            prefix: &ask.prefix,
            delimiter: ask.delimiter.as_deref(),
        };
        let after = after(&ask.from);
        let start = keys::object_from(bucket, &ask.prefix);
        let end = keys::after_prefix(&start);
        let mut from = match after {
            Some(after) => start.max(past(bucket, after, roll)),
            None => start,
        };
        let most = usize::try_from(ask.max_keys).unwrap_or(usize::MAX);
        let mut last: Option<String> = None;
        let mut limit = if roll.delimiter.is_some() {
            FIRST_STEP_ROWS
        } else {
            SCAN_ROWS_MAX
        };
        'steps: loop {
            let wanted = limit.min(most + 1);
            let span = Span {
                table: Table::Objects,
                from: &from,
                end: end.as_deref(),
                limit: wanted,
            };
            let scanned = self.inner.store.scan(span)?;
            for (key, row) in &scanned.rows {
                let text = keys::object_text(key).map_err(damaged)?;
                if page.entries.len() + page.prefixes.len() == most {
                    page.next = last;
                    return Ok(page);
                }
                if let Some(common) = roll.common(text) {
                    let common = common.to_owned();
                    // Straight to the first key that does not begin so.
                    match keys::after_prefix(&keys::object_from(bucket, &common)) {
                        Some(next) => from = next,
                        None => break 'steps,
                    }
                    page.prefixes.push(common.clone());
                    last = Some(common);
                    limit = FIRST_STEP_ROWS;
                    continue 'steps;
                }
                page.entries.push(entry(key, row, text)?);
                last = Some(text.to_owned());
            }
            limit = (limit * 2).min(SCAN_ROWS_MAX);
            match scanned.next {
                Some(next) => from = next,
                None => break,
            }
        }
        Ok(page)
    }
}

fn after(from: &ListFrom) -> Option<&str> {
    match from {
        ListFrom::Marker(marker) => marker.as_deref(),
        ListFrom::Token {
            continuation,
            start_after,
            ..
        } => continuation.as_deref().or(start_after.as_deref()),
    }
}

/// The first key after a key, or after all of a common prefix.
fn past(bucket: BucketId, after: &str, roll: Roll<'_>) -> Vec<u8> {
    let key = keys::object_from(bucket, after);
    match roll.common(after) {
        Some(common) if common == after => keys::after_prefix(&key).unwrap_or(key),
        Some(_) | None => next_key(&key),
    }
}

/// How keys are rolled up.
#[derive(Clone, Copy, Debug)]
pub(super) struct Roll<'a> {
    pub(super) prefix: &'a str,
    pub(super) delimiter: Option<&'a str>,
}

impl Roll<'_> {
    /// The common prefix that stands for a key.
    pub(super) fn common<'k>(&self, key: &'k str) -> Option<&'k str> {
        let delimiter = self.delimiter.filter(|delimiter| !delimiter.is_empty())?;
        let rest = key.strip_prefix(self.prefix)?;
        let found = rest.find(delimiter)?;
        key.get(..self.prefix.len() + found + delimiter.len())
    }
}

fn entry(key: &[u8], row: &[u8], text: &str) -> Result<ListEntry, NodeError> {
    let (_, fields) = row::decode(key, row)?;
    let fields = Fields::decode(fields).map_err(damaged)?;
    let etag = fields.etag().map_err(damaged)?.clone();
    let checksums = fields
        .checksums
        .iter()
        .map(|checksum| (checksum.algorithm, checksum.kind))
        .collect();
    let key = text
        .parse()
        .map_err(|_| NodeError::Damaged("a key of the index".to_owned()))?;
    Ok(ListEntry {
        key,
        size: fields.size,
        etag,
        modified_ms: fields.time_ms,
        storage_class: fields.storage_class,
        checksums,
        creator: fields.creator,
    })
}
