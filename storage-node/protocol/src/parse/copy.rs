//! `x-amz-copy-source`: what a copy reads. It is another request's target in a header, and parsed as strictly.

use http::HeaderMap;

use super::headers::{one, source_conditions, text, text_of};
use super::query::number;
use super::seal::{SOURCE, customer_key};
use crate::call::{CopyObject, CopySource, Directive, Target};
use crate::error::{S3Code, S3Error};
use crate::names::VersionId;
use crate::percent;

const NAME: &str = "x-amz-copy-source";

/// The source of a copy. The version is split off before anything is decoded, so that a key may contain `?versionId=`.
pub(super) fn source(headers: &HeaderMap) -> Result<CopySource, S3Error> {
    let raw = one(headers, NAME)?
        .map(http::HeaderValue::as_bytes)
        .unwrap_or_default();
    let refused = |message| {
        let raw = String::from_utf8_lossy(raw).into_owned();
        S3Error::argument(message, NAME, raw)
    };
    let (path, version) = match memchr::memmem::rfind(raw, b"?versionId=") {
        Some(at) => (raw.get(..at), raw.get(at + b"?versionId=".len()..)),
        None => (Some(raw), None),
    };
    let path = path.unwrap_or_default();
    let path = path.strip_prefix(b"/").unwrap_or(path);
    // Some SDKs encode the slash after the bucket as well; no bucket's name has one.
    let decoded =
        percent::decode(path).map_err(|_| refused("Copy Source must be URL-encoded UTF-8"))?;
    let (bucket, key) = decoded.split_once('/').ok_or_else(|| {
        refused("Copy Source must mention the source bucket and key: sourcebucket/sourcekey")
    })?;
    let bucket = bucket
        .parse()
        .map_err(|_| refused("Invalid copy source bucket name"))?;
    if key.is_empty() {
        return Err(refused("Invalid copy source object key"));
    }
    let version = match version {
        None => None,
        Some(version) => Some(self::version(version).ok_or_else(|| {
            let version = String::from_utf8_lossy(version).into_owned();
            S3Error::argument("Invalid version id specified", "versionId", version)
        })?),
    };
    let conditions = source_conditions(headers)?;
    Ok(CopySource {
        bucket,
        key: super::target::key(key)?,
        version,
        conditions,
        customer_key: customer_key(headers, &SOURCE)?,
    })
}

fn version(raw: &[u8]) -> Option<VersionId> {
    percent::decode(raw).ok()?.parse().ok()
}

/// `x-amz-metadata-directive` and `x-amz-tagging-directive`.
pub(super) fn directive(headers: &HeaderMap, name: &'static str) -> Result<Directive, S3Error> {
    match text_of(headers, name)?.as_deref() {
        None | Some("COPY") => Ok(Directive::Copy),
        Some("REPLACE") => Ok(Directive::Replace),
        Some(other) => Err(S3Error::argument("Unknown directive", name, other)),
    }
}

/// `x-amz-copy-source-range`: stricter than `Range`, both ends must be named.
pub(super) fn range(headers: &HeaderMap) -> Result<Option<(u64, u64)>, S3Error> {
    const NAME: &str = "x-amz-copy-source-range";
    let Some(value) = one(headers, NAME)? else {
        return Ok(None);
    };
    let value = text(value);
    let ends = value
        .strip_prefix("bytes=")
        .and_then(|range| range.split_once('-'));
    let ends = ends.and_then(|(first, last)| Some((number(first)?, number(last)?)));
    match ends {
        Some((first, last)) if first <= last => Ok(Some((first, last))),
        _ => Err(S3Error::argument(
            "The x-amz-copy-source-range value must be of the form bytes=first-last where first and \
             last are the zero-based offsets of the first and last bytes to copy",
            NAME,
            value,
        )),
    }
}

/// A copy onto itself must change something. Only where source and destination are in one namespace: the caller's.
pub(super) fn refuse_no_change(copy: &CopyObject, target: &Target) -> Result<(), S3Error> {
    let Target::Object(bucket, key) = target else {
        return Ok(());
    };
    let source = &copy.source;
    let itself = source.bucket == *bucket && source.key == *key && source.version.is_none();
    let changes = copy.metadata == Directive::Replace
        || copy.tagging == Directive::Replace
        || copy.head.storage_class.is_some()
        || copy.head.website_redirect.is_some()
        || copy.head.sealing.is_some()
        || copy.checksum.is_some();
    if itself && !changes {
        return Err(S3Error::with(
            S3Code::InvalidRequest,
            "This copy request is illegal because it is trying to copy an object to itself without \
             changing the object's metadata, storage class, website redirect location or \
             encryption attributes.",
        ));
    }
    Ok(())
}
