//! Checksums of S3: algorithms, values and the hasher that computes any of them while a payload flows.

/// A checksum algorithm. Source: S3 API Reference, `ChecksumAlgorithm`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the names are those of the S3 API Reference")]
pub enum ChecksumAlgorithm {
    Crc32,
    Crc32c,
    Crc64Nvme,
    Sha1,
    Sha256,
    Sha512,
    Md5,
    Xxhash64,
    Xxhash3,
    Xxhash128,
}

/// Whether a multipart object's checksum is over its bytes, or over its parts' checksums.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ChecksumKind {
    /// Over the bytes.
    FullObject,
    /// Over the parts' checksums, written with `-N`.
    Composite,
}

/// A checksum's value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checksum {
    /// The algorithm.
    pub algorithm: ChecksumAlgorithm,
    /// Over what.
    pub kind: ChecksumKind,
    /// The digest, big-endian, as base64 carries it.
    pub value: Vec<u8>,
    /// The number of parts, for a composite one.
    pub parts: Option<u16>,
}
