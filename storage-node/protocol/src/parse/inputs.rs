//! The typed input of each operation that is built.

use http::{HeaderMap, HeaderName, HeaderValue, header};

use super::Head;
use super::copy;
use super::headers::{
    checksum, conditions, content_md5, digits, if_range, range, tags, text_of, trailer,
};
use super::query::{Query, number};
use super::write::{length, payload_digests, write_head};
use crate::call::{
    BodyDigests, Call, CompleteMultipartUpload, CopyObject, CreateBucket, CreateMultipartUpload,
    DeleteObject, Encoding, GetObject, ListBuckets, ListFrom, ListMultipartUploads, ListObjects,
    ListParts, PutObject, TagMatch, Target, UploadPart, UploadPartCopy,
};
use crate::checksum::{ChecksumAlgorithm, ChecksumKind};
use crate::error::{S3Code, S3Error};
use crate::host::Namespace;
use crate::limits::{LIST_BUCKETS_MAX, LIST_KEYS_MAX, PARTS_MAX};
use crate::names::{UploadId, VersionId};
use crate::operation::Operation;
use crate::token;

/// The query's overrides of an answer's headers. Source: S3 API Reference, GetObject.
const OVERRIDES: [(&str, HeaderName); 6] = [
    ("response-content-type", header::CONTENT_TYPE),
    ("response-content-language", header::CONTENT_LANGUAGE),
    ("response-expires", header::EXPIRES),
    ("response-cache-control", header::CACHE_CONTROL),
    ("response-content-disposition", header::CONTENT_DISPOSITION),
    ("response-content-encoding", header::CONTENT_ENCODING),
];

/// Reads what the operation needs from head and query.
#[expect(clippy::too_many_lines, reason = "an arm for each operation")]
pub(super) fn read(
    operation: Operation,
    head: &Head<'_>,
    target: &Target,
    query: &Query<'_>,
) -> Result<Call, S3Error> {
    let headers = head.headers;
    Ok(match operation {
        Operation::GetObject => Call::GetObject(get_object(headers, query)?),
        Operation::HeadObject => Call::HeadObject(get_object(headers, query)?),
        Operation::PutObject => Call::PutObject(PutObject {
            head: write_head(headers)?,
            length: length(headers)?,
            digests: payload_digests(headers, query.is_presigned())?,
            conditions: conditions(headers)?,
        }),
        Operation::DeleteObject | Operation::DeleteObjectVersion => {
            Call::DeleteObject(delete_object(headers, query)?)
        }
        Operation::ListObjects => Call::ListObjects(list_objects(query, marker(query)?)?),
        Operation::ListObjectsV2 => Call::ListObjects(list_objects(query, page(query)?)?),
        Operation::HeadBucket => Call::HeadBucket,
        Operation::UploadPart => Call::UploadPart(UploadPart {
            upload: upload(query)?,
            part_number: required_part_number(query)?,
            length: length(headers)?,
            digests: payload_digests(headers, query.is_presigned())?,
        }),
        Operation::CopyObject => {
            let copy = copy_object(headers)?;
            if head.addressing.namespace == Namespace::Caller {
                copy::refuse_no_change(&copy, target)?;
            }
            Call::CopyObject(copy)
        }
        Operation::UploadPartCopy => Call::UploadPartCopy(UploadPartCopy {
            upload: upload(query)?,
            part_number: required_part_number(query)?,
            source: copy::source(headers)?,
            range: copy::range(headers)?,
        }),
        Operation::DeleteObjects => Call::DeleteObjects(required_digests(headers)?),
        Operation::CreateMultipartUpload => {
            Call::CreateMultipartUpload(create_multipart_upload(headers)?)
        }
        Operation::CompleteMultipartUpload => {
            Call::CompleteMultipartUpload(complete_multipart_upload(headers, query)?)
        }
        Operation::AbortMultipartUpload => Call::AbortMultipartUpload(upload(query)?),
        Operation::ListParts => Call::ListParts(list_parts(query)?),
        Operation::ListMultipartUploads => {
            Call::ListMultipartUploads(list_multipart_uploads(query)?)
        }
        Operation::ListBuckets => Call::ListBuckets(list_buckets(query)?),
        Operation::CreateBucket => Call::CreateBucket(CreateBucket {
            object_lock: false,
            digests: body_digests(headers)?,
        }),
        Operation::DeleteBucket => Call::DeleteBucket,
        Operation::GetBucketLocation => Call::GetBucketLocation,
        Operation::GetBucketAcl => Call::GetBucketAcl,
        Operation::PutBucketAcl => {
            Call::PutBucketAcl(crate::acl::from_headers(headers)?, body_digests(headers)?)
        }
        Operation::GetPublicAccessBlock => Call::GetPublicAccessBlock,
        Operation::PutPublicAccessBlock => Call::PutPublicAccessBlock(body_digests(headers)?),
        Operation::DeletePublicAccessBlock => Call::DeletePublicAccessBlock,
        Operation::GetBucketOwnershipControls => Call::GetBucketOwnershipControls,
        Operation::PutBucketOwnershipControls => {
            Call::PutBucketOwnershipControls(body_digests(headers)?)
        }
        Operation::DeleteBucketOwnershipControls => Call::DeleteBucketOwnershipControls,
        Operation::GetBucketPolicyStatus => Call::GetBucketPolicyStatus,
        Operation::GetBucketPolicy => Call::GetBucketPolicy,
        Operation::PutBucketPolicy => Call::PutBucketPolicy(body_digests(headers)?),
        Operation::DeleteBucketPolicy => Call::DeleteBucketPolicy,
        Operation::PostObject => Call::PostObject,
        _ => Call::Unbuilt,
    })
}

/// Whether a write names the entity tag that it wants to find.
pub(super) fn matches_tag(call: &Call) -> bool {
    let if_match = match call {
        Call::PutObject(put) => &put.conditions.if_match,
        Call::CopyObject(copy) => &copy.conditions.if_match,
        Call::CompleteMultipartUpload(complete) => &complete.conditions.if_match,
        Call::DeleteObject(delete) => &delete.if_match,
        _ => &None,
    };
    matches!(if_match, Some(TagMatch::OneOf(_)))
}

fn get_object(headers: &HeaderMap, query: &Query<'_>) -> Result<GetObject, S3Error> {
    let (range, part_number) = (range(headers)?, part_number(query)?);
    if range.is_some() && part_number.is_some() {
        return Err(S3Error::with(
            S3Code::InvalidRequest,
            "Cannot specify both Range header and partNumber query parameter",
        ));
    }
    let mode = text_of(headers, "x-amz-checksum-mode")?;
    Ok(GetObject {
        version: version(query)?,
        range,
        if_range: if_range(headers)?,
        part_number,
        conditions: conditions(headers)?,
        checksum_mode: mode.is_some_and(|mode| mode.eq_ignore_ascii_case("ENABLED")),
        response_overrides: response_overrides(query)?,
    })
}

/// A value that is no header's value (a line break, another control character) is refused, not cleaned.
fn response_overrides(query: &Query<'_>) -> Result<Vec<(HeaderName, HeaderValue)>, S3Error> {
    let mut overrides = Vec::new();
    for (parameter, name) in OVERRIDES {
        let Some(text) = query.get(parameter)? else {
            continue;
        };
        // A tab is a control character too, though a header may carry it.
        let value = HeaderValue::from_str(text)
            .ok()
            .filter(|_| !text.contains('\t'));
        match value {
            Some(value) => overrides.push((name, value)),
            None => {
                return Err(S3Error::argument(
                    "Header value cannot be represented",
                    parameter,
                    text,
                ));
            }
        }
    }
    Ok(overrides)
}

fn delete_object(headers: &HeaderMap, query: &Query<'_>) -> Result<DeleteObject, S3Error> {
    let bypass = text_of(headers, "x-amz-bypass-governance-retention")?;
    Ok(DeleteObject {
        version: version(query)?,
        bypass_governance: bypass.is_some_and(|bypass| bypass.eq_ignore_ascii_case("true")),
        if_match: tags(headers, "if-match"),
    })
}

fn copy_object(headers: &HeaderMap) -> Result<CopyObject, S3Error> {
    Ok(CopyObject {
        source: copy::source(headers)?,
        metadata: copy::directive(headers, "x-amz-metadata-directive")?,
        tagging: copy::directive(headers, "x-amz-tagging-directive")?,
        head: write_head(headers)?,
        checksum: algorithm(headers)?,
        conditions: conditions(headers)?,
    })
}

fn create_multipart_upload(headers: &HeaderMap) -> Result<CreateMultipartUpload, S3Error> {
    let (checksum, kind) = (algorithm(headers)?, kind(headers)?);
    match (checksum, kind) {
        (None, Some(_)) => {
            return Err(S3Error::with(
                S3Code::InvalidRequest,
                "The x-amz-checksum-type header can only be used with the x-amz-checksum-algorithm \
                 header.",
            ));
        }
        (Some(algorithm), Some(kind)) if !algorithm.allows(kind) => {
            return Err(S3Error::with(
                S3Code::InvalidRequest,
                format!(
                    "The {} checksum type cannot be used with the {algorithm} checksum algorithm.",
                    kind.name()
                ),
            ));
        }
        _ => {}
    }
    Ok(CreateMultipartUpload {
        head: write_head(headers)?,
        checksum,
        checksum_kind: kind,
    })
}

fn complete_multipart_upload(
    headers: &HeaderMap,
    query: &Query<'_>,
) -> Result<CompleteMultipartUpload, S3Error> {
    Ok(CompleteMultipartUpload {
        upload: upload(query)?,
        checksum: checksum(headers, |algorithm, text| algorithm.parse_any(text).ok())?,
        checksum_kind: kind(headers)?,
        object_size: digits(headers, "x-amz-mp-object-size")?,
        conditions: conditions(headers)?,
    })
}

fn list_buckets(query: &Query<'_>) -> Result<ListBuckets, S3Error> {
    let max_buckets = match query.filled("max-buckets")? {
        None => None,
        Some(text) => match number(text) {
            Some(max) if (1..=LIST_BUCKETS_MAX).contains(&max) => Some(max),
            _ => {
                return Err(S3Error::argument(
                    "Argument max-buckets must be an integer between 1 and 10000",
                    "max-buckets",
                    text,
                ));
            }
        },
    };
    let continuation = query
        .get("continuation-token")?
        .map(token::decode)
        .transpose()?;
    Ok(ListBuckets {
        prefix: query.text("prefix")?,
        max_buckets,
        continuation,
    })
}

fn list_objects(query: &Query<'_>, from: ListFrom) -> Result<ListObjects, S3Error> {
    Ok(ListObjects {
        prefix: query.text("prefix")?,
        delimiter: query.filled("delimiter")?.map(str::to_owned),
        max_keys: query.count("max-keys", "maxKeys", LIST_KEYS_MAX)?,
        encoding: encoding(query)?,
        from,
    })
}

fn marker(query: &Query<'_>) -> Result<ListFrom, S3Error> {
    Ok(ListFrom::Marker(query.filled("marker")?.map(str::to_owned)))
}

fn page(query: &Query<'_>) -> Result<ListFrom, S3Error> {
    let raw = query.get("continuation-token")?;
    Ok(ListFrom::Token {
        continuation: raw.map(token::decode).transpose()?,
        raw: raw.map(str::to_owned),
        start_after: query.filled("start-after")?.map(str::to_owned),
        fetch_owner: query.get("fetch-owner")? == Some("true"),
    })
}

fn list_multipart_uploads(query: &Query<'_>) -> Result<ListMultipartUploads, S3Error> {
    Ok(ListMultipartUploads {
        prefix: query.text("prefix")?,
        delimiter: query.filled("delimiter")?.map(str::to_owned),
        max_uploads: query.count("max-uploads", "max-uploads", LIST_KEYS_MAX)?,
        encoding: encoding(query)?,
        key_marker: query.filled("key-marker")?.map(str::to_owned),
        upload_id_marker: query.filled("upload-id-marker")?.map(str::to_owned),
    })
}

fn list_parts(query: &Query<'_>) -> Result<ListParts, S3Error> {
    let after = query.count("part-number-marker", "part-number-marker", u32::MAX)?;
    let after = if query.filled("part-number-marker")?.is_none() {
        0
    } else {
        after
    };
    Ok(ListParts {
        upload: upload(query)?,
        max_parts: query.count("max-parts", "max-parts", LIST_KEYS_MAX)?,
        // Past the last number a list is empty, wherever it begins.
        after: u16::try_from(after).unwrap_or(u16::MAX),
    })
}

fn encoding(query: &Query<'_>) -> Result<Encoding, S3Error> {
    match query.filled("encoding-type")? {
        None => Ok(Encoding::Plain),
        Some("url") => Ok(Encoding::Url),
        Some(other) => Err(S3Error::argument(
            "Invalid Encoding Method specified in Request",
            "encoding-type",
            other,
        )),
    }
}

/// A text that is no version of ours cannot be any: S3 answers that before it looks for the object.
fn version(query: &Query<'_>) -> Result<Option<VersionId>, S3Error> {
    let Some(text) = query.get("versionId")? else {
        return Ok(None);
    };
    match text.parse() {
        Ok(version) => Ok(Some(version)),
        Err(_) if text.is_empty() => Err(S3Error::argument(
            "Version id cannot be the empty string",
            "versionId",
            text,
        )),
        Err(_) => Err(S3Error::argument(
            "Invalid version id specified",
            "versionId",
            text,
        )),
    }
}

/// A text that is no upload of ours is an upload that is not there.
fn upload(query: &Query<'_>) -> Result<UploadId, S3Error> {
    let text = query.text("uploadId")?;
    text.parse()
        .map_err(|_| S3Error::new(S3Code::NoSuchUpload).and("UploadId", text))
}

fn part_number(query: &Query<'_>) -> Result<Option<u16>, S3Error> {
    let Some(text) = query.get("partNumber")? else {
        return Ok(None);
    };
    match number(text) {
        Some(part) if (1..=PARTS_MAX).contains(&part) => Ok(Some(part)),
        _ => Err(S3Error::argument(
            "Part number must be an integer between 1 and 10000, inclusive",
            "partNumber",
            text,
        )),
    }
}

fn required_part_number(query: &Query<'_>) -> Result<u16, S3Error> {
    part_number(query)?
        .ok_or_else(|| S3Error::argument("This operation requires a part number", "partNumber", ""))
}

fn body_digests(headers: &HeaderMap) -> Result<BodyDigests, S3Error> {
    Ok(BodyDigests {
        md5: content_md5(headers)?,
        checksum: checksum(headers, |algorithm, text| algorithm.parse_value(text).ok())?,
        trailer: trailer(headers)?,
    })
}

/// DeleteObjects must say what its body is: a damaged list deletes other objects. Any one digest will do.
fn required_digests(headers: &HeaderMap) -> Result<BodyDigests, S3Error> {
    let digests = body_digests(headers)?;
    if digests == BodyDigests::default() {
        return Err(S3Error::with(
            S3Code::InvalidRequest,
            "Missing required header for this request: Content-MD5 OR x-amz-checksum-*",
        ));
    }
    Ok(digests)
}

/// `x-amz-checksum-algorithm`.
fn algorithm(headers: &HeaderMap) -> Result<Option<ChecksumAlgorithm>, S3Error> {
    let Some(name) = text_of(headers, "x-amz-checksum-algorithm")? else {
        return Ok(None);
    };
    ChecksumAlgorithm::from_name(&name)
        .map(Some)
        .ok_or_else(|| {
            let names = ChecksumAlgorithm::ALL
                .map(ChecksumAlgorithm::name)
                .join(", ");
            S3Error::with(
                S3Code::InvalidRequest,
                format!(
                    "Checksum algorithm provided is unsupported. Please try again with any of the \
                 valid types: [{names}]"
                ),
            )
        })
}

/// `x-amz-checksum-type`.
fn kind(headers: &HeaderMap) -> Result<Option<ChecksumKind>, S3Error> {
    let Some(name) = text_of(headers, "x-amz-checksum-type")? else {
        return Ok(None);
    };
    ChecksumKind::from_name(&name).map(Some).ok_or_else(|| {
        S3Error::with(
            S3Code::InvalidRequest,
            "Value for x-amz-checksum-type header is invalid.",
        )
    })
}
