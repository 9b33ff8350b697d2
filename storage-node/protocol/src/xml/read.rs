//! The documents of requests, typed.

use super::tree::{Node, Tree, malformed};
use crate::call::{DeleteIf, DeleteObject, TagMatch};
use crate::checksum::ChecksumAlgorithm;
use crate::date;
use crate::error::{S3Code, S3Error};
use crate::limits::{DELETE_KEYS_MAX, KEY_BYTES_MAX, PARTS_MAX};
use crate::names::{NameError, ObjectKey};
use crate::object::CompletedPart;

/// The body of DeleteObjects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delete {
    /// Answer failures alone.
    pub quiet: bool,
    /// What to delete, in the order of the body: 1 to 1,000.
    pub entries: Vec<DeleteEntry>,
}

/// One object to delete.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeleteEntry {
    /// The key as the client sent it, to be echoed.
    pub key: String,
    /// The version as the client sent it, to be echoed.
    pub version: Option<String>,
    /// The same, typed; or why this one entry is refused.
    pub target: Result<(ObjectKey, DeleteObject), S3Error>,
}

/// The body of CreateBucket.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CreateBucketConfiguration {
    /// `LocationConstraint`; `None` is the region of the endpoint.
    pub location: Option<String>,
}

/// Reads the body of DeleteObjects.
pub fn delete(body: &[u8]) -> Result<Delete, S3Error> {
    let tree = Tree::read(body)?;
    let (mut quiet, mut entries) = (false, Vec::new());
    for child in tree.root("Delete")?.children() {
        match child.name() {
            "Quiet" => quiet = boolean(child)?,
            "Object" if entries.len() < DELETE_KEYS_MAX => entries.push(delete_entry(child)?),
            _ => return Err(malformed()),
        }
    }
    if entries.is_empty() {
        return Err(malformed());
    }
    Ok(Delete { quiet, entries })
}

fn delete_entry(node: Node<'_>) -> Result<DeleteEntry, S3Error> {
    let (mut key, mut version, mut etag) = (None, None, None);
    let (mut size, mut modified) = (None, None);
    for child in node.children() {
        let text = child.text().to_owned();
        let twice = match child.name() {
            "Key" => key.replace(text).is_some(),
            "VersionId" => version.replace(text).is_some(),
            "ETag" => etag.replace(text).is_some(),
            "LastModifiedTime" => modified.replace(text).is_some(),
            "Size" => size.replace(text).is_some(),
            _ => true,
        };
        if twice {
            return Err(malformed());
        }
    }
    let key = key.filter(|key| !key.is_empty()).ok_or_else(malformed)?;
    let target = only_if(etag.as_deref(), size.as_deref(), modified.as_deref())
        .and_then(|only_if| delete_target(&key, version.as_deref(), only_if));
    Ok(DeleteEntry {
        key,
        version: version.filter(|version| !version.is_empty()),
        target,
    })
}

/// What an entry says is to be found there.
fn only_if(
    etag: Option<&str>,
    size: Option<&str>,
    modified: Option<&str>,
) -> Result<DeleteIf, S3Error> {
    let tag = etag.map(|etag| match etag.trim() {
        "*" => TagMatch::Any,
        etag => TagMatch::OneOf(vec![unquoted(etag).to_owned()]),
    });
    let bytes = |text: &str| text.trim().parse().map_err(|_| malformed());
    let time = |text: &str| date::parse_any(text.trim()).ok_or_else(malformed);
    Ok(DeleteIf {
        tag,
        size: size.map(bytes).transpose()?,
        modified: modified.map(time).transpose()?,
    })
}

fn delete_target(
    key: &str,
    version: Option<&str>,
    only_if: DeleteIf,
) -> Result<(ObjectKey, DeleteObject), S3Error> {
    let key = key.parse().map_err(|error| match error {
        NameError::KeyTooLong { bytes } => S3Error::new(S3Code::KeyTooLongError)
            .and("Size", bytes.to_string())
            .and("MaxSizeAllowed", KEY_BYTES_MAX.to_string()),
        _ => malformed(),
    })?;
    let version = match version {
        None | Some("") => None,
        Some(text) => Some(text.parse().map_err(|_| {
            S3Error::with(
                S3Code::NoSuchVersion,
                "The version ID specified in the request does not match an existing version.",
            )
        })?),
    };
    Ok((
        key,
        DeleteObject {
            version,
            bypass_governance: false,
            only_if,
        },
    ))
}

/// Reads the body of CompleteMultipartUpload: parts in ascending order, each once.
pub fn complete_multipart_upload(body: &[u8]) -> Result<Vec<CompletedPart>, S3Error> {
    let tree = Tree::read(body)?;
    let mut parts: Vec<CompletedPart> = Vec::new();
    for child in tree.root("CompleteMultipartUpload")?.children() {
        if child.name() != "Part" || parts.len() >= usize::from(PARTS_MAX) {
            return Err(malformed());
        }
        let part = completed_part(child)?;
        if parts.last().is_some_and(|last| last.number >= part.number) {
            return Err(S3Error::new(S3Code::InvalidPartOrder));
        }
        parts.push(part);
    }
    if parts.is_empty() {
        return Err(malformed());
    }
    Ok(parts)
}

fn completed_part(node: Node<'_>) -> Result<CompletedPart, S3Error> {
    let (mut number, mut etag, mut checksums) = (None, None, Vec::new());
    for child in node.children() {
        let text = child.text().trim();
        match child.name() {
            "PartNumber" if number.is_none() => number = Some(part_number(text)?),
            "ETag" if etag.is_none() => etag = Some(unquoted(text).to_owned()),
            name => {
                let algorithm = ChecksumAlgorithm::ALL
                    .into_iter()
                    .find(|algorithm| algorithm.element() == name)
                    .ok_or_else(malformed)?;
                let checksum = algorithm
                    .parse_value(text)
                    .map_err(|_| algorithm.refusal())?;
                checksums.push(checksum);
            }
        }
    }
    match (number, etag) {
        (Some(number), Some(etag)) => Ok(CompletedPart {
            number,
            etag,
            checksums,
        }),
        _ => Err(malformed()),
    }
}

fn part_number(text: &str) -> Result<u16, S3Error> {
    let number: i64 = text.parse().map_err(|_| malformed())?;
    u16::try_from(number)
        .ok()
        .filter(|number| (1..=PARTS_MAX).contains(number))
        .ok_or_else(|| {
            S3Error::argument(
                "Part number must be an integer between 1 and 10000, inclusive",
                "partNumber",
                text,
            )
        })
}

/// Reads the body of CreateBucket, which may be empty.
pub fn create_bucket_configuration(body: &[u8]) -> Result<CreateBucketConfiguration, S3Error> {
    if body.trim_ascii().is_empty() {
        return Ok(CreateBucketConfiguration::default());
    }
    let tree = Tree::read(body)?;
    let mut location = None;
    for child in tree.root("CreateBucketConfiguration")?.children() {
        match child.name() {
            "LocationConstraint" if location.is_none() => {
                location = Some(child.text().trim().to_owned());
            }
            // Directory buckets, and tags on buckets.
            "Location" | "Bucket" | "Tags" => return Err(S3Error::new(S3Code::NotImplemented)),
            _ => return Err(malformed()),
        }
    }
    Ok(CreateBucketConfiguration {
        location: location.filter(|location| !location.is_empty()),
    })
}

/// Reads an object's tags.
pub fn tagging(body: &[u8]) -> Result<Vec<(String, String)>, S3Error> {
    crate::parse::checked_tags(tag_set(body)?)
}

/// Reads a set of tags of any number.
pub(crate) fn tag_set(body: &[u8]) -> Result<Vec<(String, String)>, S3Error> {
    let tree = Tree::read(body)?;
    let mut tags = Vec::new();
    for set in tree.root("Tagging")?.children() {
        if set.name() != "TagSet" {
            return Err(malformed());
        }
        for tag in set.children() {
            let (mut key, mut value) = (None, None);
            for child in tag.children() {
                let text = child.text().to_owned();
                let twice = match child.name() {
                    "Key" => key.replace(text).is_some(),
                    "Value" => value.replace(text).is_some(),
                    _ => true,
                };
                if twice {
                    return Err(malformed());
                }
            }
            let (Some(key), Some(value)) = (key, value) else {
                return Err(malformed());
            };
            tags.push((key, value));
        }
    }
    Ok(tags)
}

fn boolean(node: Node<'_>) -> Result<bool, S3Error> {
    match node.text().trim() {
        "true" => Ok(true),
        "false" | "" => Ok(false),
        _ => Err(malformed()),
    }
}

/// An entity tag's text: its quotes are optional in documents.
fn unquoted(tag: &str) -> &str {
    tag.strip_prefix('"')
        .and_then(|tag| tag.strip_suffix('"'))
        .unwrap_or(tag)
}
