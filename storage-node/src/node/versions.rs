//! Versions: found by name, and listed.

#![expect(
    clippy::unused_async,
    reason = "the face is async throughout: where an index read has to wait is not its callers' business"
)]

use std::collections::VecDeque;

use bytes::Bytes;
use s3_protocol::call::ListObjectVersions;
use s3_protocol::object::{VersionEntry, VersionKind, VersionPage};
use s3_protocol::{BucketId, ObjectKey, S3Code, S3Error, VersionId};

use super::list::Roll;
use super::{Node, ObjectPlace};
use crate::effects::{VersionRow, is_null};
use crate::error::NodeError;
use crate::keys::{self, Table};
use crate::limits::SCAN_ROWS_MAX;
use crate::overlay::{Span, Store, next_key};
use crate::record::fields::{Fields, VersionMark};
use crate::row::{self, Place, damaged};
use crate::wire::Reader;

impl Node {
    /// How a version is named in answers; `None` in a bucket that never had versions.
    pub(super) fn shown_version(
        &self,
        bucket: BucketId,
        mark: Option<VersionMark>,
    ) -> Option<VersionId> {
        match mark {
            Some(mark) => Some(mark.id()),
            None => self
                .inner
                .configurations
                .of(bucket)
                .filter(|configuration| configuration.versioning.is_some())
                .map(|_| VersionId::Null),
        }
    }

    /// The current version of a key.
    pub(super) fn read_current(
        &self,
        place: &ObjectPlace,
        key: &[u8],
    ) -> Result<(Place, Fields), NodeError> {
        if let Some(row) = self.inner.store.get(Table::Objects, key)? {
            return read(key, &row);
        }
        self.bucket_exists(place.bucket)?;
        let missing = S3Error::new(S3Code::NoSuchKey).and("Key", place.key.as_str());
        let marker = self.newest_behind(key)?;
        // Between the two looks it may have become the current one.
        let marker = marker
            .map(|row| row.read())
            .transpose()?
            .and_then(|(_, fields)| fields.version.filter(|mark| mark.marker));
        Err(match marker {
            Some(marker) => missing
                .and("VersionId", marker.id().to_string())
                .and("DeleteMarker", "true"),
            None => missing,
        }
        .into())
    }

    /// The version of a key by its name.
    pub(super) fn read_named(
        &self,
        place: &ObjectPlace,
        key: &[u8],
        version: VersionId,
    ) -> Result<(Place, Fields), NodeError> {
        // A version may move from one table to the other between two looks: then the first has it the second time.
        for _ in 0..2 {
            if let Some(found) = self.look_for(key, version)? {
                let (at, fields) = found;
                return match fields.version.filter(|mark| mark.marker) {
                    Some(mark) => Err(marker_named(mark, fields.time_ms)),
                    None => Ok((at, fields)),
                };
            }
        }
        self.bucket_exists(place.bucket)?;
        let missing = S3Error::new(S3Code::NoSuchVersion).and("Key", place.key.as_str());
        Err(missing.and("VersionId", version.to_string()).into())
    }

    fn look_for(
        &self,
        key: &[u8],
        version: VersionId,
    ) -> Result<Option<(Place, Fields)>, NodeError> {
        let is_it = |fields: &Fields| match version {
            VersionId::Null => is_null(fields.version),
            VersionId::Id(id) => fields
                .version
                .is_some_and(|mark| !mark.null && mark.id == id),
        };
        let store = &self.inner.store;
        if let Some(row) = store.get(Table::Objects, key)? {
            let found = read(key, &row)?;
            if is_it(&found.1) {
                return Ok(Some(found));
            }
        }
        let place = match version {
            VersionId::Id(id) => id,
            VersionId::Null => match null_place(store, key)? {
                Some(place) => place,
                None => return Ok(None),
            },
        };
        let key = keys::version(key, place).map_err(damaged)?;
        match store.get(Table::Versions, &key)? {
            Some(row) => Ok(Some(read(&key, &row)?).filter(|(_, fields)| is_it(fields))),
            None => Ok(None),
        }
    }

    fn newest_behind(&self, key: &[u8]) -> Result<Option<VersionRow>, NodeError> {
        crate::effects::Pending::new(&self.inner.store).newest_behind(key)
    }

    /// A page of ListObjectVersions: by key, and of each key from the newest.
    ///
    /// # Errors
    /// NoSuchBucket.
    pub async fn list_versions(
        &self,
        bucket: BucketId,
        ask: &ListObjectVersions,
    ) -> Result<VersionPage, NodeError> {
        self.bucket_exists(bucket)?;
        let mut page = VersionPage::default();
        let most = usize::try_from(ask.max_keys).unwrap_or(usize::MAX);
        if most == 0 {
            return Ok(page);
        }
        let roll = Roll {
            prefix: &ask.prefix,
            delimiter: ask.delimiter.as_deref(),
        };
        let mut walk = Walk::begin(&self.inner.store, bucket, &ask.prefix);
        if let Some(marker) = &ask.key_marker {
            if roll.common(marker) == Some(marker) {
                walk.after_prefix(marker);
            } else {
                walk.after(marker, ask.version_id_marker)?;
            }
        }
        let mut last: Option<(String, Option<VersionId>)> = None;
        // The key whose newest version was passed already.
        let mut seen = ask
            .key_marker
            .clone()
            .filter(|_| ask.version_id_marker.is_some());
        while let Some(found) = walk.next()? {
            if page.entries.len() + page.prefixes.len() == most {
                page.next = last;
                return Ok(page);
            }
            let text = found.key.as_str();
            if let Some(common) = roll.common(text) {
                let common = common.to_owned();
                walk.after_prefix(&common);
                page.prefixes.push(common.clone());
                last = Some((common, None));
                continue;
            }
            let is_latest = seen.as_deref() != Some(text);
            seen = Some(text.to_owned());
            let entry = entry(found, is_latest);
            last = Some((entry.key.as_str().to_owned(), Some(entry.version)));
            page.entries.push(entry);
        }
        Ok(page)
    }
}

fn read(key: &[u8], row: &[u8]) -> Result<(Place, Fields), NodeError> {
    let (at, fields) = row::decode(key, row)?;
    Ok((at, Fields::decode(fields).map_err(damaged)?))
}

fn null_place(store: &Store, key: &[u8]) -> Result<Option<u128>, NodeError> {
    let pointer = keys::versions_of(key).map_err(damaged)?;
    let Some(row) = store.get(Table::Nulls, &pointer)? else {
        return Ok(None);
    };
    let (_, place) = row::decode(&pointer, &row)?;
    Reader(place).u128_be().map(Some).map_err(damaged)
}

/// A marker has no bytes to be read. Source: S3 User Guide, "Working with delete markers".
fn marker_named(mark: VersionMark, time_ms: u64) -> NodeError {
    S3Error::new(S3Code::MethodNotAllowed)
        .and("Method", "GET")
        .and("ResourceType", "DeleteMarker")
        .and("Allow", "DELETE")
        .and("VersionId", mark.id().to_string())
        .and("DeleteMarker", "true")
        .and("LastModified", s3_protocol::date::http(time_ms))
        .into()
}

/// A version on its way into a page.
pub(super) struct Found {
    pub(super) key: ObjectKey,
    pub(super) at: Place,
    pub(super) fields: Fields,
}

fn entry(found: Found, is_latest: bool) -> VersionEntry {
    let fields = found.fields;
    let marker = fields.version.is_some_and(|mark| mark.marker);
    let kind = if marker {
        VersionKind::Marker
    } else {
        VersionKind::Object {
            size: fields.size,
            checksums: fields
                .checksums
                .iter()
                .map(|checksum| (checksum.algorithm, checksum.kind))
                .collect(),
            etag: fields.etag.unwrap_or(s3_protocol::object::ETag {
                md5: [0; 16],
                parts: None,
            }),
            storage_class: fields.storage_class,
        }
    };
    VersionEntry {
        key: found.key,
        version: fields.version.map_or(VersionId::Null, VersionMark::id),
        is_latest,
        modified_ms: fields.time_ms,
        creator: fields.creator,
        kind,
    }
}

/// Both tables as one list: by key, the current version before the others.
pub(super) struct Walk<'a> {
    store: &'a Store,
    bucket: BucketId,
    current: Rows,
    behind: Rows,
}

/// Rows of one table, some of them read ahead. No read of the index is open between two steps.
struct Rows {
    table: Table,
    /// Where the next rows begin; `None` at the end.
    from: Option<Vec<u8>>,
    end: Option<Vec<u8>>,
    ready: VecDeque<(Bytes, Bytes)>,
    limit: usize,
}

/// Rows that the first step takes; later ones take more.
const FIRST_STEP_ROWS: usize = 16;

impl Rows {
    fn new(table: Table, from: Vec<u8>) -> Self {
        Self {
            table,
            end: keys::after_prefix(&from),
            from: Some(from),
            ready: VecDeque::new(),
            limit: FIRST_STEP_ROWS,
        }
    }

    /// Goes on at `from`, if that is further.
    fn skip_to(&mut self, from: Vec<u8>) {
        self.ready.retain(|(key, _)| key[..] >= from[..]);
        if self.from.as_ref().is_some_and(|old| *old < from) {
            self.from = Some(from);
            self.limit = FIRST_STEP_ROWS;
        }
    }

    fn fill(&mut self, store: &Store) -> Result<(), NodeError> {
        while self.ready.is_empty() {
            let Some(from) = self.from.take() else {
                return Ok(());
            };
            let page = store.scan(Span {
                table: self.table,
                from: &from,
                end: self.end.as_deref(),
                limit: self.limit,
            })?;
            self.limit = (self.limit * 2).min(SCAN_ROWS_MAX);
            self.ready.extend(page.rows);
            self.from = page.next;
        }
        Ok(())
    }
}

impl<'a> Walk<'a> {
    pub(super) fn begin(store: &'a Store, bucket: BucketId, prefix: &str) -> Self {
        Self {
            store,
            bucket,
            current: Rows::new(Table::Objects, keys::object_from(bucket, prefix)),
            behind: Rows::new(Table::Versions, keys::uploads_from(bucket, prefix)),
        }
    }

    /// Goes on after all keys that begin with `prefix`.
    fn after_prefix(&mut self, prefix: &str) {
        let end = |prefix: Vec<u8>| keys::after_prefix(&prefix).unwrap_or(prefix);
        self.current
            .skip_to(end(keys::object_from(self.bucket, prefix)));
        self.behind
            .skip_to(end(keys::uploads_from(self.bucket, prefix)));
    }

    /// Goes on after a key, or after one version of it.
    pub(super) fn after(
        &mut self,
        text: &str,
        version: Option<VersionId>,
    ) -> Result<(), NodeError> {
        let object = keys::object_from(self.bucket, text);
        let behind = keys::versions_of(&object).map_err(damaged)?;
        let Some(version) = version else {
            self.current.skip_to(next_key(&object));
            let end = keys::after_prefix(&behind).unwrap_or(behind);
            self.behind.skip_to(end);
            return Ok(());
        };
        let current = match self.store.get(Table::Objects, &object)? {
            Some(row) => read(&object, &row)?.1.version,
            None => None,
        };
        let is_current = match version {
            VersionId::Null => {
                self.store.get(Table::Objects, &object)?.is_some() && is_null(current)
            }
            VersionId::Id(id) => current.is_some_and(|mark| !mark.null && mark.id == id),
        };
        self.current.skip_to(next_key(&object));
        if is_current {
            self.behind.skip_to(behind);
            return Ok(());
        }
        let place = match version {
            VersionId::Id(id) => Some(id),
            VersionId::Null => null_place(self.store, &object)?,
        };
        self.behind.skip_to(match place {
            Some(place) => next_key(&keys::version(&object, place).map_err(damaged)?),
            // It is gone, and nobody knows where it was: the next key follows.
            None => keys::after_prefix(&behind).unwrap_or(behind),
        });
        Ok(())
    }

    pub(super) fn next(&mut self) -> Result<Option<Found>, NodeError> {
        self.current.fill(self.store)?;
        self.behind.fill(self.store)?;
        let current = match self.current.ready.front() {
            Some((key, _)) => Some(keys::object_text(key).map_err(damaged)?.to_owned()),
            None => None,
        };
        let behind = match self.behind.ready.front() {
            Some((key, _)) => Some(keys::version_text(key).map_err(damaged)?.0),
            None => None,
        };
        let current_first = match (&current, &behind) {
            (Some(current), Some(behind)) => current.as_str() <= behind.as_str(),
            (Some(_), None) => true,
            (None, _) => false,
        };
        let rows = if current_first {
            &mut self.current
        } else {
            &mut self.behind
        };
        let Some((key, row)) = rows.ready.pop_front() else {
            return Ok(None);
        };
        let text = if current_first {
            current
        } else {
            behind.map(|key| key.as_str().to_owned())
        };
        let text = text.unwrap_or_default();
        let (at, fields) = read(&key, &row)?;
        let key = text
            .parse()
            .map_err(|_| NodeError::Damaged("a key of the index".to_owned()))?;
        Ok(Some(Found { key, at, fields }))
    }
}
