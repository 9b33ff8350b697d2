//! The tables of the index and their keys. Keys are compared as bytes, so numbers are big-endian.

use s3_protocol::{BucketId, ObjectKey, UploadId};

use crate::node::ObjectPlace;
use crate::wire::{Reader, WireError};

/// A table of the index, and of the overlay before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Table {
    /// bucket → what it is.
    Buckets,
    /// bucket, key → the object's current version; none where the newest version is a delete marker.
    Objects,
    /// bucket, key (escaped), place from the newest → a version that is not current, or a delete marker.
    Versions,
    /// bucket, key (escaped) → the place of its `null` version, where that is among the versions.
    Nulls,
    /// bucket, key (escaped), upload → an open upload.
    Uploads,
    /// upload, part number → a part that is whole.
    Parts,
    /// blob, part, attempt, first byte → a chunk's place.
    Extents,
    /// blob, part, attempt → a payload that has begun and is not whole.
    Open,
    /// A prefix of extents → these chunks are garbage.
    Dead,
    /// Nothing → the volumes that compaction has emptied, 4 bytes each.
    Emptied,
}

impl Table {
    pub(crate) const ALL: [Self; 10] = [
        Self::Buckets,
        Self::Objects,
        Self::Versions,
        Self::Nulls,
        Self::Uploads,
        Self::Parts,
        Self::Extents,
        Self::Open,
        Self::Dead,
        Self::Emptied,
    ];
    /// How many tables there are.
    pub(crate) const COUNT: usize = Self::ALL.len();

    /// Its name in redb.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Buckets => "buckets",
            Self::Objects => "objects",
            Self::Versions => "versions",
            Self::Nulls => "nulls",
            Self::Uploads => "uploads",
            Self::Parts => "parts",
            Self::Extents => "extents",
            Self::Open => "open",
            Self::Dead => "dead",
            Self::Emptied => "emptied",
        }
    }
}

/// One attempt to write a payload: a plain object's (part 0, attempt 0, a blob of its own), or a part's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Attempt {
    /// The blob: an upload's id, or a number of its own.
    pub(crate) blob: u128,
    /// The part's number; 0 for a plain object.
    pub(crate) part: u16,
    /// Tells two uploads of one part apart.
    pub(crate) turn: u32,
}

impl Attempt {
    /// A plain object's.
    pub(crate) const fn plain(blob: u128) -> Self {
        Self {
            blob,
            part: 0,
            turn: 0,
        }
    }

    /// The prefix of its extents, and its key in [`Table::Open`] and [`Table::Dead`].
    pub(crate) fn key(self) -> Vec<u8> {
        let mut key = Vec::with_capacity(30);
        key.extend_from_slice(&self.blob.to_be_bytes());
        key.extend_from_slice(&self.part.to_be_bytes());
        key.extend_from_slice(&self.turn.to_be_bytes());
        key
    }

    /// The key of its chunk that begins at `first`.
    pub(crate) fn extent(self, first: u64) -> Vec<u8> {
        let mut key = self.key();
        key.extend_from_slice(&first.to_be_bytes());
        key
    }

    /// Reads the attempt from the key of one of its chunks, or from its own.
    pub(crate) fn read(key: &[u8]) -> Result<Self, WireError> {
        let mut reader = Reader(key);
        Ok(Self {
            blob: reader.u128_be()?,
            part: u16::from_be_bytes(reader.array()?),
            turn: u32::from_be_bytes(reader.array()?),
        })
    }
}

/// The first byte of a chunk, from its key.
pub(crate) fn extent_first(key: &[u8]) -> Result<u64, WireError> {
    let mut reader = Reader(key);
    reader.take(22)?;
    Ok(u64::from_be_bytes(reader.array()?))
}

/// A bucket's key, and the prefix of its objects and uploads.
pub(crate) fn bucket(bucket: BucketId) -> [u8; 16] {
    bucket.0.to_be_bytes()
}

/// The bucket that a key of objects or uploads begins with.
pub(crate) fn bucket_of(key: &[u8]) -> Result<BucketId, WireError> {
    Ok(BucketId(Reader(key).u128_be()?))
}

/// An object's key.
pub(crate) fn object(place: &ObjectPlace) -> Vec<u8> {
    object_from(place.bucket, place.key.as_str())
}

/// The key at which objects of a bucket with this text, or after it, begin.
pub(crate) fn object_from(bucket: BucketId, text: &str) -> Vec<u8> {
    let mut key = Vec::with_capacity(16 + text.len());
    key.extend_from_slice(&bucket.0.to_be_bytes());
    key.extend_from_slice(text.as_bytes());
    key
}

/// The key's text in an object's key.
pub(crate) fn object_text(key: &[u8]) -> Result<&str, WireError> {
    let mut reader = Reader(key);
    reader.take(16)?;
    std::str::from_utf8(reader.0).map_err(|_| WireError::Value("a key is UTF-8"))
}

/// The prefix of the uploads of one object.
pub(crate) fn uploads_of(bucket: BucketId, key: &str) -> Vec<u8> {
    let mut out = uploads_from(bucket, key);
    out.extend_from_slice(&[0, 0]);
    out
}

/// The prefix of the uploads of keys that begin with `text`. NUL is escaped, so that a key sorts before its continuations.
pub(crate) fn uploads_from(bucket: BucketId, text: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(16 + text.len() + 18);
    out.extend_from_slice(&bucket.0.to_be_bytes());
    for byte in text.bytes() {
        out.push(byte);
        if byte == 0 {
            out.push(0xff);
        }
    }
    out
}

/// An upload's key.
pub(crate) fn upload(place: &ObjectPlace, upload: UploadId) -> Vec<u8> {
    let mut out = uploads_of(place.bucket, place.key.as_str());
    out.extend_from_slice(&upload.0.to_be_bytes());
    out
}

/// The object's key and the upload, from an upload's key.
pub(crate) fn upload_text(key: &[u8]) -> Result<(ObjectKey, UploadId), WireError> {
    let mut reader = Reader(key);
    reader.take(16)?;
    let mut text = Vec::with_capacity(reader.0.len());
    loop {
        match reader.byte()? {
            0 if reader.byte()? == 0 => break,
            byte => text.push(byte),
        }
    }
    let upload = UploadId(reader.u128_be()?);
    let text = String::from_utf8(text).map_err(|_| WireError::Value("a key is UTF-8"))?;
    Ok((text.parse().map_err(|_| WireError::Value("a key"))?, upload))
}

/// The prefix of the versions of an object, by the object's key; also its key in [`Table::Nulls`].
pub(crate) fn versions_of(object: &[u8]) -> Result<Vec<u8>, WireError> {
    Ok(uploads_of(bucket_of(object)?, object_text(object)?))
}

/// A version's key: newer ones have a greater place, and come first.
pub(crate) fn version(object: &[u8], place: u128) -> Result<Vec<u8>, WireError> {
    let mut key = versions_of(object)?;
    key.extend_from_slice(&(!place).to_be_bytes());
    Ok(key)
}

/// The object's key and the version's place, from a version's key.
pub(crate) fn version_text(key: &[u8]) -> Result<(ObjectKey, u128), WireError> {
    let (text, UploadId(inverted)) = upload_text(key)?;
    Ok((text, !inverted))
}

/// A part's key.
pub(crate) fn part(upload: UploadId, number: u16) -> Vec<u8> {
    let mut out = Vec::with_capacity(18);
    out.extend_from_slice(&upload.0.to_be_bytes());
    out.extend_from_slice(&number.to_be_bytes());
    out
}

/// The first key after all that begin with `prefix`; `None` where there is none.
pub(crate) fn after_prefix(prefix: &[u8]) -> Option<Vec<u8>> {
    let mut end = prefix.to_vec();
    while let Some(last) = end.pop() {
        if last < 0xff {
            end.push(last + 1);
            return Some(end);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(key: &str) -> ObjectPlace {
        ObjectPlace {
            bucket: BucketId(7),
            key: key.parse().unwrap(),
        }
    }

    #[test]
    fn uploads_sort_by_key_and_then_by_upload() {
        let sorted = ["a", "a\0", "a\0b", "a\u{1}", "ab", "b"];
        let keys: Vec<Vec<u8>> = sorted
            .iter()
            .flat_map(|key| [0, 9].map(|id| upload(&place(key), UploadId(id))))
            .collect();
        assert!(keys.is_sorted());
        for key in sorted {
            let read = upload_text(&upload(&place(key), UploadId(9))).unwrap();
            assert_eq!((read.0.as_str(), read.1), (key, UploadId(9)));
        }
    }

    #[test]
    fn versions_sort_by_key_and_then_from_the_newest() {
        let object = |text| object_from(BucketId(7), text);
        let sorted = ["a", "a\0", "a\u{1}", "ab"];
        let keys: Vec<Vec<u8>> = sorted
            .iter()
            .flat_map(|key| [u128::MAX, 9, 0].map(|place| version(&object(key), place).unwrap()))
            .collect();
        assert!(keys.is_sorted());
        let read = version_text(&version(&object("a\0"), 9).unwrap()).unwrap();
        assert_eq!((read.0.as_str(), read.1), ("a\0", 9));
        assert!(keys[0].starts_with(&versions_of(&object("a")).unwrap()));
    }

    #[test]
    fn the_end_of_a_prefix_is_after_all_of_it() {
        assert_eq!(after_prefix(b"ab"), Some(b"ac".to_vec()));
        assert_eq!(after_prefix(&[1, 0xff]), Some(vec![2]));
        assert_eq!(after_prefix(&[0xff, 0xff]), None);
    }

    #[test]
    fn an_extent_tells_its_attempt_and_first_byte() {
        let attempt = Attempt {
            blob: 5,
            part: 3,
            turn: 9,
        };
        let key = attempt.extent(77);
        assert_eq!(Attempt::read(&key), Ok(attempt));
        assert_eq!(extent_first(&key), Ok(77));
        assert!(key.starts_with(&attempt.key()));
    }
}
