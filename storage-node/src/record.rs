//! Heads of rounds and records: the frame around everything in a volume. `DESIGN.md` draws them byte by byte.
//!
//! A head is trusted only when its salted checksum fits; a length that it carries is followed only then.

pub(crate) mod fields;

use crate::checksum::crc32c_of;
use crate::wire::{Reader, WireError};

/// Bytes of a round's head.
pub(crate) const ROUND_HEAD_BYTES: usize = 64;
/// Bytes of a record's head.
pub(crate) const RECORD_HEAD_BYTES: usize = 48;
const ROUND_MARK: u8 = b'R';

/// Bytes that a record takes in a volume.
pub(crate) const fn record_bytes(key: &[u8], fields: &[u8], payload: u64) -> u64 {
    (RECORD_HEAD_BYTES + key.len() + fields.len()) as u64 + payload
}

/// What a record is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    /// A version of an object; with an upload's field it completes that upload.
    Version,
    /// A piece of a payload.
    Chunk,
    /// The end of a version: the one that it names, else the only one of a bucket without versions.
    Delete,
    /// A multipart upload begins.
    Upload,
    /// A part of an upload is whole.
    Part,
    /// An upload ends without an object.
    Abort,
    /// A payload that had begun will never be whole.
    Abandon,
    /// A bucket begins, or is configured anew.
    Bucket,
    /// A bucket ends.
    BucketEnd,
    /// Tags or locks of a version change.
    Amend,
    /// The volumes that compaction has emptied so far, all of them.
    Emptied,
}

impl Kind {
    pub(crate) const ALL: [Self; 11] = [
        Self::Version,
        Self::Chunk,
        Self::Delete,
        Self::Upload,
        Self::Part,
        Self::Abort,
        Self::Abandon,
        Self::Bucket,
        Self::BucketEnd,
        Self::Amend,
        Self::Emptied,
    ];

    pub(crate) const fn byte(self) -> u8 {
        match self {
            Self::Version => 1,
            Self::Chunk => 2,
            Self::Delete => 3,
            Self::Upload => 4,
            Self::Part => 5,
            Self::Abort => 6,
            Self::Abandon => 7,
            Self::Bucket => 8,
            Self::BucketEnd => 9,
            Self::Amend => 10,
            Self::Emptied => 11,
        }
    }

    /// Whether compaction wrote a record of this kind: what it moved, and what it notes of itself.
    pub(crate) const fn is_compacted(self, is_moved: bool) -> bool {
        is_moved || matches!(self, Self::Emptied)
    }

    fn read(byte: u8) -> Result<Self, WireError> {
        let known = Self::ALL.into_iter().find(|kind| kind.byte() == byte);
        known.ok_or(WireError::Value("a kind of record"))
    }
}

/// The random salt of a volume: 128 bits that no client ever sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Salt(pub(crate) [u8; 16]);

/// A round's head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RoundHead {
    /// How many records.
    pub(crate) records: u32,
    /// The round's number; rounds of a node have no gap but where a flush failed.
    pub(crate) round: u64,
    /// LSN of its first record.
    pub(crate) first_lsn: u64,
    /// LSN of its last record.
    pub(crate) last_lsn: u64,
    /// Bytes of its records.
    pub(crate) body: u64,
    /// Checksum over the checksums of its records' heads.
    pub(crate) heads_sum: u32,
    /// Checksum of the round before.
    pub(crate) before: u32,
    /// When it was written, in milliseconds since 1970.
    pub(crate) time_ms: u64,
}

impl RoundHead {
    /// The head's bytes; the last four are the round's checksum.
    pub(crate) fn encode(&self, salt: Salt) -> [u8; ROUND_HEAD_BYTES] {
        let mut out = Vec::with_capacity(ROUND_HEAD_BYTES);
        out.extend_from_slice(&[ROUND_MARK, 0]);
        out.extend_from_slice(&64_u16.to_le_bytes());
        out.extend_from_slice(&self.records.to_le_bytes());
        for number in [self.round, self.first_lsn, self.last_lsn, self.body] {
            out.extend_from_slice(&number.to_le_bytes());
        }
        out.extend_from_slice(&self.heads_sum.to_le_bytes());
        out.extend_from_slice(&self.before.to_le_bytes());
        out.extend_from_slice(&self.time_ms.to_le_bytes());
        out.extend_from_slice(&[0; 4]);
        let sum = crc32c_of(&[&salt.0, &out]);
        out.extend_from_slice(&sum.to_le_bytes());
        let mut head = [0; ROUND_HEAD_BYTES];
        head.copy_from_slice(&out);
        head
    }

    /// Reads a head and its checksum.
    pub(crate) fn decode(
        bytes: &[u8; ROUND_HEAD_BYTES],
        salt: Salt,
    ) -> Result<(Self, u32), WireError> {
        let mut reader = Reader(bytes);
        let covered = reader.take(ROUND_HEAD_BYTES - 4)?;
        let sum = reader.u32()?;
        if crc32c_of(&[&salt.0, covered]) != sum {
            return Err(WireError::Value("a round's checksum"));
        }
        let mut reader = Reader(covered);
        if reader.byte()? != ROUND_MARK || reader.byte()? != 0 || reader.u16()? != 64 {
            return Err(WireError::Value("a round"));
        }
        let head = Self {
            records: reader.u32()?,
            round: reader.u64()?,
            first_lsn: reader.u64()?,
            last_lsn: reader.u64()?,
            body: reader.u64()?,
            heads_sum: reader.u32()?,
            before: reader.u32()?,
            time_ms: reader.u64()?,
        };
        Ok((head, sum))
    }
}

/// A record's head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RecordHead {
    /// What it is.
    pub(crate) kind: Kind,
    /// Bytes of key and fields, which follow the head.
    pub(crate) meta: u32,
    /// Bytes of payload, which follow key and fields.
    pub(crate) payload: u64,
    /// Its place in the order of everything.
    pub(crate) lsn: u64,
    /// The LSN that it had before compaction moved it; the same if it was never moved.
    pub(crate) original_lsn: u64,
    /// The round that it is in.
    pub(crate) round: u64,
}

impl RecordHead {
    /// Whether compaction has moved it here: then it says what stood when it was moved.
    pub(crate) const fn is_moved(&self) -> bool {
        self.original_lsn != self.lsn
    }

    /// The head's bytes, whose checksum covers `meta` too.
    pub(crate) fn encode(&self, meta: &[u8], salt: Salt) -> [u8; RECORD_HEAD_BYTES] {
        let mut head = [0; RECORD_HEAD_BYTES];
        let mut out = Vec::with_capacity(RECORD_HEAD_BYTES);
        out.extend_from_slice(&[self.kind.byte(), 0]);
        out.extend_from_slice(&48_u16.to_le_bytes());
        out.extend_from_slice(&self.meta.to_le_bytes());
        for number in [self.payload, self.lsn, self.original_lsn, self.round] {
            out.extend_from_slice(&number.to_le_bytes());
        }
        // log2 of the frame's bytes, and three bytes that are kept at zero.
        out.extend_from_slice(&[16, 0, 0, 0]);
        let sum = crc32c_of(&[&salt.0, &out, meta]);
        out.extend_from_slice(&sum.to_le_bytes());
        head.copy_from_slice(&out);
        head
    }

    /// Reads a record's head and what follows it, up to its payload: head, key and fields, checksum.
    pub(crate) fn decode<'a>(
        reader: &mut Reader<'a>,
        salt: Salt,
    ) -> Result<(Self, &'a [u8], u32), WireError> {
        let covered = reader.take(RECORD_HEAD_BYTES - 4)?;
        let sum = reader.u32()?;
        let mut fixed = Reader(covered);
        let (kind, flags, length) = (fixed.byte()?, fixed.byte()?, fixed.u16()?);
        let meta_bytes = fixed.u32()?;
        let meta = reader.take(crate::wire::to_usize(u64::from(meta_bytes)))?;
        if crc32c_of(&[&salt.0, covered, meta]) != sum {
            return Err(WireError::Value("a record's checksum"));
        }
        if flags != 0 || length != 48 {
            return Err(WireError::Value("a record's flags"));
        }
        let head = Self {
            kind: Kind::read(kind)?,
            meta: meta_bytes,
            payload: fixed.u64()?,
            lsn: fixed.u64()?,
            original_lsn: fixed.u64()?,
            round: fixed.u64()?,
        };
        if fixed.u32()? != 16 {
            return Err(WireError::Value("a frame's size"));
        }
        Ok((head, meta, sum))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SALT: Salt = Salt([7; 16]);

    fn round() -> RoundHead {
        RoundHead {
            records: 2,
            round: 9,
            first_lsn: 100,
            last_lsn: 101,
            body: 4_096,
            heads_sum: 5,
            before: 6,
            time_ms: 1_700_000_000_000,
        }
    }

    fn record() -> RecordHead {
        let lsn = 100;
        RecordHead {
            kind: Kind::Version,
            meta: 4,
            payload: 3,
            lsn,
            original_lsn: lsn,
            round: 9,
        }
    }

    #[test]
    fn heads_read_back_as_themselves() {
        let bytes = round().encode(SALT);
        assert_eq!(RoundHead::decode(&bytes, SALT).unwrap().0, round());
        let mut bytes = record().encode(b"meta", SALT).to_vec();
        bytes.extend_from_slice(b"metapay");
        let mut reader = Reader(&bytes);
        let (head, meta, _) = RecordHead::decode(&mut reader, SALT).unwrap();
        assert_eq!(
            (head, meta, reader.0),
            (record(), &b"meta"[..], &b"pay"[..])
        );
    }

    #[test]
    fn a_flipped_bit_or_another_salt_is_seen() {
        let good = round().encode(SALT);
        assert!(RoundHead::decode(&good, Salt([8; 16])).is_err());
        for bit in 0..good.len() * 8 {
            let mut bad = good;
            bad[bit / 8] ^= 1 << (bit % 8);
            assert!(RoundHead::decode(&bad, SALT).is_err(), "bit {bit}");
        }
        let mut good = record().encode(b"meta", SALT).to_vec();
        good.extend_from_slice(b"meta");
        for bit in 0..good.len() * 8 {
            let mut bad = good.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            assert!(
                RecordHead::decode(&mut Reader(&bad), SALT).is_err(),
                "bit {bit}"
            );
        }
    }

    #[test]
    fn every_kind_has_its_own_byte() {
        for kind in Kind::ALL {
            assert_eq!(Kind::read(kind.byte()), Ok(kind));
        }
        assert!(Kind::read(0).is_err());
    }
}
