//! Checksums of S3: algorithms, values and the hasher that computes any of them while a payload flows.
//!
//! A value travels as base64 of the digest, big-endian; a composite one (over the parts' digests) ends in `-N`.

mod combine;
mod hasher;

pub use combine::{Piece, combine, composite};
pub use hasher::Hasher;

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderName};
use serde::{Deserialize, Serialize};

use crate::error::{S3Code, S3Error};
use crate::limits::PARTS_MAX;

/// A checksum algorithm. Source: S3 API Reference, `ChecksumAlgorithm`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ChecksumKind {
    /// Over the bytes.
    FullObject,
    /// Over the parts' checksums, written with `-N`.
    Composite,
}

/// A checksum's value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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

/// Why a text is not a checksum.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ChecksumError {
    /// Not base64, or a `-N` that is no number of parts.
    #[error("not base64 of a checksum")]
    Encoding,
    /// The digest does not have the algorithm's length.
    #[error("{algorithm} has {expected} bytes: {bytes}")]
    Length {
        /// The algorithm.
        algorithm: ChecksumAlgorithm,
        /// How long its digests are.
        expected: usize,
        /// How long this one is.
        bytes: usize,
    },
}

impl ChecksumAlgorithm {
    /// Every algorithm, in the order in which the API Reference lists the elements of a document.
    pub const ALL: [Self; 10] = [
        Self::Crc32,
        Self::Crc32c,
        Self::Crc64Nvme,
        Self::Sha1,
        Self::Sha256,
        Self::Sha512,
        Self::Md5,
        Self::Xxhash64,
        Self::Xxhash3,
        Self::Xxhash128,
    ];

    /// What the server computes when nobody asked for another. Source: S3 User Guide, "Checking object integrity".
    pub const DEFAULT: Self = Self::Crc64Nvme;

    /// The name in documents and headers' values, such as `CRC64NVME`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Crc32 => "CRC32",
            Self::Crc32c => "CRC32C",
            Self::Crc64Nvme => "CRC64NVME",
            Self::Sha1 => "SHA1",
            Self::Sha256 => "SHA256",
            Self::Sha512 => "SHA512",
            Self::Md5 => "MD5",
            Self::Xxhash64 => "XXHASH64",
            Self::Xxhash3 => "XXHASH3",
            Self::Xxhash128 => "XXHASH128",
        }
    }

    /// The header, such as `x-amz-checksum-crc64nvme`.
    pub const fn header(self) -> HeaderName {
        HeaderName::from_static(self.header_text())
    }

    /// The header's name as text: also what `x-amz-trailer` declares, and the field of a form.
    pub const fn header_text(self) -> &'static str {
        match self {
            Self::Crc32 => "x-amz-checksum-crc32",
            Self::Crc32c => "x-amz-checksum-crc32c",
            Self::Crc64Nvme => "x-amz-checksum-crc64nvme",
            Self::Sha1 => "x-amz-checksum-sha1",
            Self::Sha256 => "x-amz-checksum-sha256",
            Self::Sha512 => "x-amz-checksum-sha512",
            Self::Md5 => "x-amz-checksum-md5",
            Self::Xxhash64 => "x-amz-checksum-xxhash64",
            Self::Xxhash3 => "x-amz-checksum-xxhash3",
            Self::Xxhash128 => "x-amz-checksum-xxhash128",
        }
    }

    /// The element of a document, such as `ChecksumCRC64NVME`.
    pub const fn element(self) -> &'static str {
        match self {
            Self::Crc32 => "ChecksumCRC32",
            Self::Crc32c => "ChecksumCRC32C",
            Self::Crc64Nvme => "ChecksumCRC64NVME",
            Self::Sha1 => "ChecksumSHA1",
            Self::Sha256 => "ChecksumSHA256",
            Self::Sha512 => "ChecksumSHA512",
            Self::Md5 => "ChecksumMD5",
            Self::Xxhash64 => "ChecksumXXHASH64",
            Self::Xxhash3 => "ChecksumXXHASH3",
            Self::Xxhash128 => "ChecksumXXHASH128",
        }
    }

    /// Bytes of a digest.
    pub const fn digest_bytes(self) -> usize {
        match self {
            Self::Crc32 | Self::Crc32c => 4,
            Self::Crc64Nvme | Self::Xxhash64 | Self::Xxhash3 => 8,
            Self::Md5 | Self::Xxhash128 => 16,
            Self::Sha1 => 20,
            Self::Sha256 => 32,
            Self::Sha512 => 64,
        }
    }

    /// The algorithm by its name, in any case (SDKs send upper case, hand-written tools do not).
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|algorithm| algorithm.name().eq_ignore_ascii_case(name))
    }

    /// The algorithm by its header, in any case.
    pub fn from_header(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|algorithm| algorithm.header_text().eq_ignore_ascii_case(name))
    }

    /// Whether a multipart object may have this kind of it: only CRCs combine to one over all bytes, and CRC64NVME is
    /// only ever that. Source: S3 User Guide, "Checking object integrity", table of checksum types.
    pub const fn allows(self, kind: ChecksumKind) -> bool {
        match kind {
            ChecksumKind::FullObject => {
                matches!(self, Self::Crc32 | Self::Crc32c | Self::Crc64Nvme)
            }
            ChecksumKind::Composite => !matches!(self, Self::Crc64Nvme),
        }
    }

    /// The kind of a multipart upload that names the algorithm and no kind.
    pub const fn default_kind(self) -> ChecksumKind {
        match self {
            Self::Crc64Nvme => ChecksumKind::FullObject,
            _ => ChecksumKind::Composite,
        }
    }

    /// Reads a full-object value: base64 of exactly the digest.
    pub fn parse_value(self, text: &str) -> Result<Checksum, ChecksumError> {
        let value = STANDARD.decode(text).map_err(|_| ChecksumError::Encoding)?;
        let (expected, bytes) = (self.digest_bytes(), value.len());
        if bytes != expected {
            return Err(ChecksumError::Length {
                algorithm: self,
                expected,
                bytes,
            });
        }
        Ok(Checksum {
            algorithm: self,
            kind: ChecksumKind::FullObject,
            value,
            parts: None,
        })
    }

    /// Reads a value with or without the `-N` of a composite one.
    pub fn parse_any(self, text: &str) -> Result<Checksum, ChecksumError> {
        let Some((digest, parts)) = text.split_once('-') else {
            return self.parse_value(text);
        };
        let parts: u16 = parts.parse().map_err(|_| ChecksumError::Encoding)?;
        if !(1..=PARTS_MAX).contains(&parts) {
            return Err(ChecksumError::Encoding);
        }
        let mut checksum = self.parse_value(digest)?;
        checksum.kind = ChecksumKind::Composite;
        checksum.parts = Some(parts);
        Ok(checksum)
    }

    /// Reads the value that a payload's trailers were declared to carry.
    ///
    /// # Errors
    /// [`S3Code::MalformedTrailerError`] where it is missing, comes twice, or is no checksum.
    pub fn read_trailer(self, trailers: Option<&HeaderMap>) -> Result<Checksum, S3Error> {
        let mut values = trailers
            .into_iter()
            .flat_map(|map| map.get_all(self.header_text()));
        let value = values.next().filter(|_| values.next().is_none());
        let text = value.and_then(|value| value.to_str().ok());
        let checksum = text.and_then(|text| self.parse_value(text.trim()).ok());
        checksum.ok_or_else(|| S3Error::new(S3Code::MalformedTrailerError))
    }

    /// The refusal of a header's value that is no checksum of this algorithm.
    pub fn refusal(self) -> S3Error {
        S3Error::with(
            S3Code::BadDigest,
            format!("Value for {} header is invalid.", self.header_text()),
        )
    }

    /// The refusal of a payload that does not have the declared checksum.
    pub fn mismatch(self) -> S3Error {
        S3Error::with(
            S3Code::BadDigest,
            format!(
                "The {} you specified did not match the calculated checksum.",
                self.name()
            ),
        )
    }
}

impl fmt::Display for ChecksumAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl ChecksumKind {
    /// `FULL_OBJECT` or `COMPOSITE`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::FullObject => "FULL_OBJECT",
            Self::Composite => "COMPOSITE",
        }
    }

    /// The kind by its name.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::FullObject, Self::Composite]
            .into_iter()
            .find(|kind| kind.name() == name)
    }
}

/// The value as headers and documents carry it.
impl fmt::Display for Checksum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&STANDARD.encode(&self.value))?;
        match self.parts {
            Some(parts) => write!(f, "-{parts}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_algorithm_reads_back_by_name_and_by_header() {
        for algorithm in ChecksumAlgorithm::ALL {
            assert_eq!(
                ChecksumAlgorithm::from_name(algorithm.name()),
                Some(algorithm)
            );
            assert_eq!(
                ChecksumAlgorithm::from_header(algorithm.header_text()),
                Some(algorithm)
            );
            assert_eq!(algorithm.header().as_str(), algorithm.header_text());
        }
        assert_eq!(
            ChecksumAlgorithm::from_name("crc32c"),
            Some(ChecksumAlgorithm::Crc32c)
        );
        assert_eq!(ChecksumAlgorithm::from_name("CRC"), None);
    }

    #[test]
    fn a_value_has_exactly_the_length_of_its_digest() {
        let algorithm = ChecksumAlgorithm::Crc32;
        assert!(algorithm.parse_value("AAAAAA==").is_ok());
        assert_eq!(
            algorithm.parse_value("AAAAAAA="),
            Err(ChecksumError::Length {
                algorithm,
                expected: 4,
                bytes: 5
            })
        );
        assert_eq!(
            algorithm.parse_value("AAAAAA"),
            Err(ChecksumError::Encoding)
        );
        assert_eq!(algorithm.parse_value(""), {
            Err(ChecksumError::Length {
                algorithm,
                expected: 4,
                bytes: 0,
            })
        });
    }

    #[test]
    fn a_composite_value_reads_back_with_its_parts() {
        let read = ChecksumAlgorithm::Crc32.parse_any("AAAAAA==-3").unwrap();
        assert_eq!((read.kind, read.parts), (ChecksumKind::Composite, Some(3)));
        assert_eq!(read.to_string(), "AAAAAA==-3");
        for wrong in ["AAAAAA==-0", "AAAAAA==-10001", "AAAAAA==-x", "AAAAAA==-"] {
            assert_eq!(
                ChecksumAlgorithm::Crc32.parse_any(wrong),
                Err(ChecksumError::Encoding)
            );
        }
    }

    #[test]
    fn only_crcs_are_full_object_and_crc64nvme_is_nothing_else() {
        for algorithm in ChecksumAlgorithm::ALL {
            let full = algorithm.name().starts_with("CRC");
            assert_eq!(
                algorithm.allows(ChecksumKind::FullObject),
                full,
                "{algorithm}"
            );
            let composite = algorithm != ChecksumAlgorithm::Crc64Nvme;
            assert_eq!(
                algorithm.allows(ChecksumKind::Composite),
                composite,
                "{algorithm}"
            );
            assert!(algorithm.allows(algorithm.default_kind()));
        }
    }
}
