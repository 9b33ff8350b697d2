//! The path: a bucket and a key, or only a key where the host has named the bucket.
//!
//! The raw path is split first and each piece decoded once. A path is never normalised: what follows the bucket's slash is
//! the key, byte by byte.

use crate::call::Target;
use crate::error::{S3Code, S3Error};
use crate::host::Addressing;
use crate::limits::KEY_BYTES_MAX;
use crate::names::{BucketName, NameError, ObjectKey};
use crate::percent;

/// Where Object Lambda functions answer.
pub(super) const OBJECT_LAMBDA: &[u8] = b"WriteGetObjectResponse";

/// What the path addresses.
pub(super) fn read(addressing: &Addressing, path: &[u8]) -> Result<Target, S3Error> {
    // `OPTIONS *` and an absent path both mean the endpoint itself.
    let path = match path {
        b"" | b"*" => b"",
        [b'/', rest @ ..] => rest,
        _ => return Err(S3Error::new(S3Code::InvalidURI)),
    };
    if let Some(bucket) = &addressing.bucket {
        return object(bucket.clone(), path);
    }
    // The one path of S3 that names no bucket; no bucket has a capital letter.
    if path.is_empty() || path == OBJECT_LAMBDA {
        return Ok(Target::Service);
    }
    let slash = memchr::memchr(b'/', path).unwrap_or(path.len());
    let (name, rest) = path.split_at_checked(slash).unwrap_or((path, b""));
    let name = decode(name)?;
    let bucket = name.parse::<BucketName>().map_err(|_| {
        S3Error::new(S3Code::InvalidBucketName).and("BucketName", name.into_owned())
    })?;
    object(bucket, rest.get(1..).unwrap_or_default())
}

fn object(bucket: BucketName, key: &[u8]) -> Result<Target, S3Error> {
    if key.is_empty() {
        return Ok(Target::Bucket(bucket));
    }
    let key = decode(key)?;
    Ok(Target::Object(bucket, self::key(&key)?))
}

/// A key, or what S3 answers to a text that is none.
pub(crate) fn key(text: &str) -> Result<ObjectKey, S3Error> {
    text.parse().map_err(|error| match error {
        NameError::KeyTooLong { bytes } => S3Error::new(S3Code::KeyTooLongError)
            .and("Size", bytes.to_string())
            .and("MaxSizeAllowed", KEY_BYTES_MAX.to_string()),
        _ => S3Error::argument("A key has at least one byte", "Key", text),
    })
}

fn decode(raw: &[u8]) -> Result<std::borrow::Cow<'_, str>, S3Error> {
    percent::decode(raw).map_err(|_| {
        let raw = String::from_utf8_lossy(raw).into_owned();
        S3Error::with(S3Code::InvalidURI, "Couldn't parse the specified URI.").and("URI", raw)
    })
}
