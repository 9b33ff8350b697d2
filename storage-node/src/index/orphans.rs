//! Chunks that nothing has: what ended them went with an emptied volume, or never came because of a crash.
//!
//! Who owns what is gathered in a table of the index itself, so that a node of any size needs no more memory than redb's cache.

use redb::{ReadableTable, TableDefinition, WriteTransaction};
use s3_protocol::UploadId;

use super::{Index, failed, rows};
use crate::effects::part_attempt;
use crate::error::NodeError;
use crate::keys::{Attempt, Table};
use crate::record::fields::{Content, Fields};
use crate::row;
use crate::wire::Reader;

/// Attempts whose chunks somebody has. It is there while orphans are looked for, and never on the disk.
const OWNED: TableDefinition<'static, &'static [u8], ()> = TableDefinition::new("owned");

impl Index {
    /// Buries the chunks of attempts that no version, part or open attempt has.
    pub(crate) fn bury_orphans(&self) -> Result<u64, NodeError> {
        let write = self.begin_quiet()?;
        gather(&write)?;
        let buried = bury(&write)?;
        write.delete_table(OWNED).map_err(failed)?;
        write.commit().map_err(failed)?;
        Ok(buried)
    }
}

fn gather(write: &WriteTransaction) -> Result<(), NodeError> {
    let mut owned = write.open_table(OWNED).map_err(failed)?;
    let mut own = |attempt: Attempt| {
        let done = owned.insert(&attempt.key()[..], ());
        done.map(drop).map_err(failed)
    };
    for table in [Table::Objects, Table::Versions] {
        let versions = write.open_table(rows(table)).map_err(failed)?;
        for entry in versions.iter().map_err(failed)? {
            let (key, value) = entry.map_err(failed)?;
            let (_, fields) = row::decode(key.value(), value.value())?;
            attempts_of(&Fields::decode(fields).map_err(row::damaged)?)
                .into_iter()
                .try_for_each(&mut own)?;
        }
    }
    let parts = write.open_table(rows(Table::Parts)).map_err(failed)?;
    for entry in parts.iter().map_err(failed)? {
        let (key, value) = entry.map_err(failed)?;
        let upload = Reader(key.value()).u128_be().map_err(row::damaged)?;
        own(part_attempt(UploadId(upload), key.value(), value.value())?)?;
    }
    let open = write.open_table(rows(Table::Open)).map_err(failed)?;
    for entry in open.iter().map_err(failed)? {
        let (key, _) = entry.map_err(failed)?;
        own(Attempt::read(key.value()).map_err(row::damaged)?)?;
    }
    Ok(())
}

/// The attempts that a version's bytes are in.
pub(crate) fn attempts_of(fields: &Fields) -> Vec<Attempt> {
    let Content::Blob(blob) = fields.body else {
        return Vec::new();
    };
    if fields.parts.is_empty() {
        return vec![Attempt::plain(blob)];
    }
    let parts = fields.parts.iter().map(|part| Attempt {
        blob,
        part: part.number,
        turn: part.attempt,
    });
    parts.collect()
}

fn bury(write: &WriteTransaction) -> Result<u64, NodeError> {
    let owned = write.open_table(OWNED).map_err(failed)?;
    let extents = write.open_table(rows(Table::Extents)).map_err(failed)?;
    let mut dead = write.open_table(rows(Table::Dead)).map_err(failed)?;
    let mut last = None;
    let mut buried = 0;
    for entry in extents.iter().map_err(failed)? {
        let (key, value) = entry.map_err(failed)?;
        let attempt = Attempt::read(key.value()).map_err(row::damaged)?;
        if last == Some(attempt) {
            continue;
        }
        last = Some(attempt);
        let prefix = attempt.key();
        let blob = attempt.blob.to_be_bytes();
        let is_known = owned.get(&prefix[..]).map_err(failed)?.is_some()
            || dead.get(&prefix[..]).map_err(failed)?.is_some()
            || dead.get(&blob[..]).map_err(failed)?.is_some();
        if !is_known {
            let (place, _) = row::decode(key.value(), value.value())?;
            let row = row::encode(&prefix, place, &[]);
            dead.insert(&prefix[..], &row[..]).map_err(failed)?;
            buried += 1;
        }
    }
    Ok(buried)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::faults::Faults;
    use crate::index::Batch;
    use crate::log::Position;
    use crate::overlay::{Layer, Span};
    use crate::record::fields::ListedPart;
    use crate::row::Place;

    const PLACE: Place = Place {
        lsn: 1,
        volume: 1,
        offset: 9,
    };

    fn put(layer: &mut Layer, table: Table, key: &[u8], fields: &[u8]) {
        let row = row::encode(key, PLACE, fields);
        layer.put(table, bytes::Bytes::copy_from_slice(key), Some(row));
    }

    fn attempt(blob: u128, part: u16, turn: u32) -> Attempt {
        Attempt { blob, part, turn }
    }

    /// A version of two parts, a plain object, an upload with one part, and an attempt that is written.
    fn owners() -> Layer {
        let listed = |number, attempt| ListedPart {
            number,
            attempt,
            size: 1,
            md5: [0; 16],
            checksums: Vec::new(),
        };
        let version = Fields {
            body: Content::Blob(1),
            parts: vec![listed(1, 7), listed(2, 8)],
            ..Fields::default()
        };
        let plain = Fields {
            body: Content::Blob(4),
            ..Fields::default()
        };
        let part = Fields {
            attempt: 3,
            ..Fields::default()
        };
        let mut layer = Layer::default();
        let part_key = [&2_u128.to_be_bytes()[..], &[0, 1]].concat();
        put(&mut layer, Table::Versions, b"version", &version.encode());
        put(&mut layer, Table::Objects, b"object", &plain.encode());
        put(&mut layer, Table::Parts, &part_key, &part.encode());
        put(&mut layer, Table::Open, &attempt(3, 0, 0).key(), &[]);
        layer
    }

    #[test]
    fn single_attempts_of_blobs_that_are_there_are_buried_too() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("index");
        let index = Index::open(&path, 1 << 20, Faults::default()).unwrap();
        let owned = [(1, 1, 7), (1, 2, 8), (2, 1, 3), (3, 0, 0), (4, 0, 0)];
        let orphans = [(1, 1, 6), (1, 2, 9), (2, 1, 2), (2, 2, 1), (9, 0, 0)];
        let mut layer = owners();
        for (blob, part, turn) in owned.into_iter().chain(orphans) {
            for first in [0, 77] {
                let key = attempt(blob, part, turn).extent(first);
                put(&mut layer, Table::Extents, &key, &[]);
            }
        }
        let batch = Batch {
            position: Position::default(),
            node: 1,
            volumes: &[],
            durable: true,
        };
        index.apply(&layer, &batch).unwrap();
        assert_eq!(index.bury_orphans().unwrap(), 5);
        let span = Span {
            table: Table::Dead,
            from: &[],
            end: None,
            limit: 99,
        };
        let dead = index.view().unwrap().slice(&span).unwrap().rows;
        let dead: Vec<_> = dead.iter().map(|(key, _)| Attempt::read(key)).collect();
        let expected = orphans.map(|(blob, part, turn)| Ok(attempt(blob, part, turn)));
        assert_eq!(dead, expected);
        // Once is enough.
        assert_eq!(index.bury_orphans().unwrap(), 0);
    }
}
