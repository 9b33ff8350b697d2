//! A row of the index: where its record's payload is, its fields, and a checksum over key and row.
//!
//! The checksum is ours because redb trusts its pages once they are open: a flipped bit in a row must be an error, never
//! another object's bytes.

use bytes::Bytes;

use crate::checksum::crc32c_of;
use crate::error::NodeError;
use crate::wire::{Reader, WireError};

/// Bytes before the fields.
const PLACE_BYTES: usize = 20;
const SUM_BYTES: usize = 4;

/// Where a record is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Place {
    /// Its LSN; the one that it had first, where compaction has moved it.
    pub(crate) lsn: u64,
    /// Its volume.
    pub(crate) volume: u32,
    /// Where its payload begins in the volume (where its fields end, if it has none).
    pub(crate) offset: u64,
}

/// Makes a row.
pub(crate) fn encode(key: &[u8], place: Place, fields: &[u8]) -> Bytes {
    let mut out = Vec::with_capacity(PLACE_BYTES + fields.len() + SUM_BYTES);
    out.extend_from_slice(&place.lsn.to_le_bytes());
    out.extend_from_slice(&place.volume.to_le_bytes());
    out.extend_from_slice(&place.offset.to_le_bytes());
    out.extend_from_slice(fields);
    let sum = crc32c_of(&[key, &out]);
    out.extend_from_slice(&sum.to_le_bytes());
    Bytes::from(out)
}

/// Reads a row that belongs to `key`.
pub(crate) fn decode<'a>(key: &[u8], row: &'a [u8]) -> Result<(Place, &'a [u8]), NodeError> {
    read(key, row).map_err(|error| NodeError::Damaged(format!("a row of the index: {error}")))
}

fn read<'a>(key: &[u8], row: &'a [u8]) -> Result<(Place, &'a [u8]), WireError> {
    let (covered, sum) = row
        .split_last_chunk::<SUM_BYTES>()
        .ok_or(WireError::Short)?;
    if crc32c_of(&[key, covered]) != u32::from_le_bytes(*sum) {
        return Err(WireError::Value("its checksum"));
    }
    let mut reader = Reader(covered);
    let place = Place {
        lsn: reader.u64()?,
        volume: reader.u32()?,
        offset: reader.u64()?,
    };
    Ok((place, reader.0))
}

/// The time in a row's fields; 0 where there is none.
pub(crate) fn time_of(fields: &[u8]) -> Result<u64, NodeError> {
    let fields = crate::record::fields::Fields::decode(fields).map_err(damaged)?;
    Ok(fields.time_ms)
}

/// Turns what cannot be read in a row's fields into an error that says so.
#[expect(clippy::needless_pass_by_value, reason = "it stands in map_err")]
pub(crate) fn damaged(error: WireError) -> NodeError {
    NodeError::Damaged(format!("a row's fields: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_belongs_to_its_key_and_no_bit_of_it_may_flip() {
        let place = Place {
            lsn: 1,
            volume: 2,
            offset: 3,
        };
        let row = encode(b"key", place, b"fields");
        assert_eq!(decode(b"key", &row).unwrap(), (place, &b"fields"[..]));
        assert!(decode(b"kez", &row).is_err());
        for bit in 0..row.len() * 8 {
            let mut bad = row.to_vec();
            bad[bit / 8] ^= 1 << (bit % 8);
            assert!(decode(b"key", &bad).is_err());
        }
    }
}
