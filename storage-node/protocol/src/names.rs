//! Names that requests carry: buckets, keys, versions, uploads, entity tags. Each has one fallible door.
//!
//! Names are shared, not copied: a request hands its key to its checks, to the upstream and to the log.
//! A key is bytes, never a path: `.`, `..` and `a//b` are three ordinary keys. It is valid UTF-8, as in S3.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::limits::{BUCKET_NAME_BYTES_MAX, BUCKET_NAME_BYTES_MIN, KEY_BYTES_MAX};

/// A bucket's name: 3 to 63 bytes of `a-z 0-9 . -`, no `--`, no `..`, not an IPv4 address.
/// Source: S3 User Guide, "Bucket naming rules"; `--` is ours (it separates a bucket from an alias in host names).
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BucketName(Arc<str>);

/// An object's key: 1 to 1,024 bytes of UTF-8. Source: S3 User Guide, "Object key names".
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ObjectKey(Arc<str>);

/// A version of an object: `null`, or 128 bits, written as 32 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum VersionId {
    /// The version of a bucket that is not versioned.
    Null,
    /// A version of a versioned bucket.
    Id(u128),
}

/// A multipart upload: 128 bits, written as 32 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct UploadId(pub u128);

/// A bucket as the upstream knows it: 128 bits from the directory, never used twice.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct BucketId(pub u128);

/// Why a text is not a name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// The bucket's name breaks a naming rule.
    #[error("not a bucket name: {0}")]
    Bucket(&'static str),
    /// The key has no byte.
    #[error("a key has at least one byte")]
    KeyEmpty,
    /// The key is too long.
    #[error("a key has at most {KEY_BYTES_MAX} bytes: {bytes}")]
    KeyTooLong {
        /// How long it is.
        bytes: usize,
    },
    /// The version is neither `null` nor 32 hexadecimal digits.
    #[error("not a version id")]
    Version,
    /// The upload is not 32 hexadecimal digits.
    #[error("not an upload id")]
    Upload,
}

impl BucketName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for BucketName {
    type Err = NameError;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let bytes = name.as_bytes();
        let alphanumeric =
            |byte: Option<&u8>| byte.is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
        let fault = if !(BUCKET_NAME_BYTES_MIN..=BUCKET_NAME_BYTES_MAX).contains(&bytes.len()) {
            "it has 3 to 63 characters"
        } else if !bytes
            .iter()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'.' | b'-'))
        {
            "it is made of lower-case letters, digits, `.` and `-`"
        } else if !alphanumeric(bytes.first()) || !alphanumeric(bytes.last()) {
            "it begins and ends with a letter or digit"
        } else if name.contains("..") || name.contains("--") {
            "it has neither `..` nor `--`"
        } else if name.contains(".-") || name.contains("-.") {
            // Source: RFC 1123, section 2.1: each label of a host's name begins and ends with a letter or digit.
            "it has no `-` beside a `.`"
        } else if name.parse::<std::net::Ipv4Addr>().is_ok() {
            "it is not an address"
        } else {
            return Ok(Self(name.into()));
        };
        Err(NameError::Bucket(fault))
    }
}

impl fmt::Display for BucketName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl ObjectKey {
    /// The key as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ObjectKey {
    type Err = NameError;

    fn from_str(key: &str) -> Result<Self, Self::Err> {
        match key.len() {
            0 => Err(NameError::KeyEmpty),
            1..=KEY_BYTES_MAX => Ok(Self(key.into())),
            bytes => Err(NameError::KeyTooLong { bytes }),
        }
    }
}

impl fmt::Debug for ObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ObjectKey({:?})", self.0)
    }
}

/// 32 lower-case hexadecimal digits.
/// A name travels as its text, and comes back through its one door.
macro_rules! travels {
    ($($name:ident)*) => {$(
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                to.serialize_str(self.as_str())
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                String::deserialize(from)?.parse().map_err(de::Error::custom)
            }
        }
    )*};
}

travels! { BucketName ObjectKey }

fn parse_id(text: &str) -> Option<u128> {
    let hexadecimal = text
        .bytes()
        .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    (text.len() == 32 && hexadecimal).then(|| u128::from_str_radix(text, 16).ok())?
}

impl fmt::Display for VersionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Id(id) => write!(f, "{id:032x}"),
        }
    }
}

impl FromStr for VersionId {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "null" {
            return Ok(Self::Null);
        }
        parse_id(text).map(Self::Id).ok_or(NameError::Version)
    }
}

impl fmt::Display for UploadId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl FromStr for UploadId {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        parse_id(text).map(Self).ok_or(NameError::Upload)
    }
}

impl fmt::Display for BucketId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Debug for BucketId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BucketId({self})")
    }
}
