//! Finds the head of a record from where its payload begins: rows know that place alone.
//!
//! It is used to compare an index with its volumes. Recovery never searches.

use std::io;
use std::os::unix::fs::FileExt as _;

use crate::limits::META_BYTES_MAX;
use crate::record::{RECORD_HEAD_BYTES, RecordHead};
use crate::volume::{HEAD_BYTES, Volume};
use crate::wire::{Reader, to_usize};

/// Bytes before the payload in which the head is looked for: most are in the first of these.
const WINDOWS: [usize; 3] = [1_024, 64 * 1_024, META_BYTES_MAX + 2 * RECORD_HEAD_BYTES];

/// A record's head, its key and its fields.
pub(crate) struct Before {
    pub(crate) head: RecordHead,
    pub(crate) key: Vec<u8>,
}

/// The record whose payload begins at `offset`.
pub(crate) fn before(volume: &Volume, offset: u64) -> io::Result<Option<Before>> {
    let room = to_usize(offset.saturating_sub(HEAD_BYTES));
    for window in WINDOWS {
        let length = window.min(room);
        let mut bytes = vec![0; length];
        let from = offset - length as u64;
        match volume.file.read_exact_at(&mut bytes, from) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
            Err(error) => return Err(error),
        }
        if let Some(found) = find(volume, &bytes) {
            return Ok(Some(found));
        }
        if length == room {
            break;
        }
    }
    Ok(None)
}

/// A head whose key and fields end where the bytes do.
fn find(volume: &Volume, bytes: &[u8]) -> Option<Before> {
    let last = bytes.len().checked_sub(RECORD_HEAD_BYTES)?;
    (0..=last).rev().find_map(|at| {
        let rest = bytes.get(at..)?;
        let meta = u32::try_from(rest.len() - RECORD_HEAD_BYTES).ok()?;
        let fits = rest.get(1..8)? == [&[0, 48, 0][..], &meta.to_le_bytes()].concat();
        if !fits {
            return None;
        }
        let (head, meta, _) = RecordHead::decode(&mut Reader(rest), volume.head.salt).ok()?;
        let key = Reader(meta).bytes().ok()?.to_vec();
        Some(Before { head, key })
    })
}
