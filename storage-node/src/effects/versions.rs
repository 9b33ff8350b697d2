//! What a record does to the versions of its key.
//!
//! `objects` has the current version of a key, and nothing where that is a delete marker; `versions` has the others, the newest
//! first, and every marker. A list of objects never meets what it does not show, and a read of a current version is one look.

use bytes::Bytes;

use super::Pending;
use crate::error::NodeError;
use crate::keys::{self, Table};
use crate::overlay::Span;
use crate::record::fields::{Fields, Glance, VersionMark};
use crate::record::record_bytes;
use crate::row::{self, Place, damaged};
use crate::wire::Reader;

/// A version's row and where it stands.
#[derive(Clone, Debug)]
pub(crate) struct VersionRow {
    pub(crate) table: Table,
    pub(crate) key: Vec<u8>,
    pub(crate) row: Bytes,
}

impl VersionRow {
    /// What is known of it at a glance.
    pub(crate) fn glance(&self) -> Result<Glance, NodeError> {
        let (_, fields) = row::decode(&self.key, &self.row)?;
        Glance::decode(fields).map_err(damaged)
    }

    /// Its record's place and all its fields.
    pub(crate) fn read(&self) -> Result<(Place, Fields), NodeError> {
        let (place, fields) = row::decode(&self.key, &self.row)?;
        Ok((place, Fields::decode(fields).map_err(damaged)?))
    }
}

/// Whether a version is the one that is called `null`: also what was written before the bucket had versions.
pub(crate) fn is_null(version: Option<VersionMark>) -> bool {
    version.is_none_or(|version| version.null)
}

/// The place of a version among those of its key.
pub(crate) fn place_of(version: Option<VersionMark>) -> u128 {
    version.map_or(0, |version| version.id)
}

impl Pending<'_> {
    /// The current version of an object.
    pub(crate) fn current(&self, object: &[u8]) -> Result<Option<VersionRow>, NodeError> {
        let row = self.get(Table::Objects, object)?;
        Ok(row.map(|row| VersionRow {
            table: Table::Objects,
            key: object.to_vec(),
            row,
        }))
    }

    /// The newest version that is not the current one: a delete marker, where there is no current one.
    pub(crate) fn newest_behind(&self, object: &[u8]) -> Result<Option<VersionRow>, NodeError> {
        let from = keys::versions_of(object).map_err(damaged)?;
        let end = keys::after_prefix(&from);
        let mut from = from;
        loop {
            let span = Span {
                table: Table::Versions,
                from: &from,
                end: end.as_deref(),
                limit: 8,
            };
            let page = self.store.scan_over(Some(&self.layer), span)?;
            if let Some((key, row)) = page.rows.into_iter().next() {
                return Ok(Some(VersionRow {
                    table: Table::Versions,
                    key: key.to_vec(),
                    row,
                }));
            }
            match page.next {
                Some(next) => from = next,
                None => return Ok(None),
            }
        }
    }

    /// The `null` version of an object, wherever it stands.
    pub(crate) fn null_version(&self, object: &[u8]) -> Result<Option<VersionRow>, NodeError> {
        if let Some(current) = self.current(object)?
            && is_null(current.glance()?.version)
        {
            return Ok(Some(current));
        }
        let pointer = keys::versions_of(object).map_err(damaged)?;
        let Some(row) = self.get(Table::Nulls, &pointer)? else {
            return Ok(None);
        };
        let (_, place) = row::decode(&pointer, &row)?;
        let place = Reader(place).u128_be().map_err(damaged)?;
        self.behind(object, place)
    }

    /// The version at a place, wherever it stands.
    pub(crate) fn version_at(
        &self,
        object: &[u8],
        place: u128,
    ) -> Result<Option<VersionRow>, NodeError> {
        if let Some(current) = self.current(object)?
            && current
                .glance()?
                .version
                .is_some_and(|mark| !mark.null && mark.id == place)
        {
            return Ok(Some(current));
        }
        let Some(found) = self.behind(object, place)? else {
            return Ok(None);
        };
        let is_null = is_null(found.glance()?.version);
        Ok((!is_null).then_some(found))
    }

    /// The version that a record names by its mark.
    pub(crate) fn named(
        &self,
        object: &[u8],
        mark: VersionMark,
    ) -> Result<Option<VersionRow>, NodeError> {
        if mark.null {
            self.null_version(object)
        } else {
            self.version_at(object, mark.id)
        }
    }

    fn behind(&self, object: &[u8], place: u128) -> Result<Option<VersionRow>, NodeError> {
        let key = keys::version(object, place).map_err(damaged)?;
        let row = self.get(Table::Versions, &key)?;
        Ok(row.map(|row| VersionRow {
            table: Table::Versions,
            key,
            row,
        }))
    }

    /// Makes way for a version with this mark: the `null` version ends where another comes, any other current version stays.
    pub(super) fn make_way(
        &mut self,
        object: &[u8],
        mark: Option<VersionMark>,
        place: Place,
    ) -> Result<(), NodeError> {
        let Some(mark) = mark else {
            // A bucket without versions has no other.
            return match self.current(object)? {
                Some(old) => self.take_away(object, &old, place),
                None => Ok(()),
            };
        };
        if mark.null
            && let Some(old) = self.null_version(object)?
        {
            self.take_away(object, &old, place)?;
        }
        if let Some(current) = self.current(object)? {
            self.remove(Table::Objects, object);
            self.put_behind(object, &current)?;
        }
        Ok(())
    }

    /// Puts a new version where it belongs.
    pub(super) fn put_newest(
        &mut self,
        object: &[u8],
        fields: &[u8],
        mark: Option<VersionMark>,
        place: Place,
    ) -> Result<(), NodeError> {
        let row = row::encode(object, place, fields);
        if mark.is_some_and(|mark| mark.marker) {
            let newest = VersionRow {
                table: Table::Objects,
                key: object.to_vec(),
                row,
            };
            return self.put_behind(object, &newest);
        }
        self.put(Table::Objects, object, row);
        Ok(())
    }

    /// Ends one version; the newest that is left becomes the current one, unless it is a marker.
    pub(super) fn end(
        &mut self,
        object: &[u8],
        old: &VersionRow,
        place: Place,
    ) -> Result<(), NodeError> {
        self.take_away(object, old, place)?;
        if self.get(Table::Objects, object)?.is_some() {
            return Ok(());
        }
        let Some(next) = self.newest_behind(object)? else {
            return Ok(());
        };
        let mark = next.glance()?.version;
        if mark.is_some_and(|mark| mark.marker) {
            return Ok(());
        }
        self.remove(Table::Versions, &next.key);
        if is_null(mark) {
            let pointer = keys::versions_of(object).map_err(damaged)?;
            self.remove(Table::Nulls, &pointer);
        }
        let (at, fields) = row::decode(&next.key, &next.row)?;
        let row = row::encode(object, at, fields);
        self.put(Table::Objects, object, row);
        Ok(())
    }

    /// Takes a version's row away; what it had is garbage from here on.
    pub(super) fn take_away(
        &mut self,
        object: &[u8],
        old: &VersionRow,
        place: Place,
    ) -> Result<(), NodeError> {
        let glance = old.glance()?;
        let (old_place, fields) = row::decode(&old.key, &old.row)?;
        if let Some(blob) = glance.blob {
            self.bury_deleted(&blob.to_be_bytes(), place);
        }
        let payload = if glance.inline { glance.size } else { 0 };
        let bytes = record_bytes(object, fields, payload);
        self.layer.waste(old_place.volume, bytes);
        self.layer.died(old_place.volume, self.now_ms);
        self.remove(old.table, &old.key);
        if old.table == Table::Versions && is_null(glance.version) {
            let pointer = keys::versions_of(object).map_err(damaged)?;
            self.remove(Table::Nulls, &pointer);
        }
        Ok(())
    }

    /// Puts a version among those that are not current.
    pub(super) fn put_behind(&mut self, object: &[u8], old: &VersionRow) -> Result<(), NodeError> {
        let mark = old.glance()?.version;
        let key = keys::version(object, place_of(mark)).map_err(damaged)?;
        let (at, fields) = row::decode(&old.key, &old.row)?;
        let row = row::encode(&key, at, fields);
        self.put(Table::Versions, &key, row);
        if is_null(mark) {
            let pointer = keys::versions_of(object).map_err(damaged)?;
            let row = row::encode(&pointer, at, &place_of(mark).to_be_bytes());
            self.put(Table::Nulls, &pointer, row);
        }
        Ok(())
    }

    /// Writes tags, locks and access beside a version; its bytes stay where they are.
    pub(super) fn amend(
        &mut self,
        object: &[u8],
        change: &Fields,
        lsn: u64,
    ) -> Result<(), NodeError> {
        let mark = change.version.unwrap_or(VersionMark {
            id: 0,
            null: true,
            marker: false,
        });
        let Some(found) = self.named(object, mark)? else {
            return Ok(());
        };
        let (at, mut fields) = found.read()?;
        if change.amends.tags {
            fields.tags.clone_from(&change.tags);
        }
        if change.amends.retention {
            fields.retention = change.retention;
        }
        if change.amends.legal_hold {
            fields.legal_hold = change.legal_hold;
        }
        if change.amends.acl {
            fields.acl.clone_from(&change.acl);
        }
        fields.amended = lsn;
        let row = row::encode(&found.key, at, &fields.encode());
        self.put(found.table, &found.key, row);
        Ok(())
    }
}
