//! The typed input of each operation that is built.

use http::{HeaderMap, HeaderName, HeaderValue, header};

use super::Head;
use super::copy;
use super::headers::{
    checksum, conditions, content_md5, digits, if_range, range, tags, text, text_of, trailer,
};
use super::query::{Query, number};
use super::seal::{OWN, customer_key};
use super::write::{length, payload_digests, write_head};
use crate::call::{
    Attribute, BodyDigests, Call, CompleteMultipartUpload, CopyObject, CreateBucket,
    CreateMultipartUpload, DeleteIf, DeleteObject, Encoding, GetObject, GetObjectAttributes,
    ListBuckets, ListFrom, ListMultipartUploads, ListObjectVersions, ListObjects, ListParts,
    PutFacet, PutObject, PutObjectAcl, TagMatch, Target, UploadPart, UploadPartCopy,
};
use crate::checksum::{ChecksumAlgorithm, ChecksumKind};
use crate::date;
use crate::error::{S3Code, S3Error};
use crate::host::Namespace;
use crate::limits::{LIST_BUCKETS_MAX, LIST_KEYS_MAX, PARTS_MAX};
use crate::names::{UploadId, VersionId};
use crate::operation::Operation;
use crate::setting::{Facet, Fixed, Setting};
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
            customer_key: customer_key(headers, &OWN)?,
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
            customer_key: customer_key(headers, &OWN)?,
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
            object_lock: text_of(headers, "x-amz-bucket-object-lock-enabled")?
                .is_some_and(|text| text.eq_ignore_ascii_case("true")),
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
        Operation::ListObjectVersions => Call::ListObjectVersions(list_versions(query)?),
        Operation::GetObjectAttributes => Call::GetObjectAttributes(attributes(headers, query)?),
        _ => return setting_or_facet(operation, headers, query),
    })
}

/// Settings of buckets, and what stands beside objects.
fn setting_or_facet(
    operation: Operation,
    headers: &HeaderMap,
    query: &Query<'_>,
) -> Result<Call, S3Error> {
    let get_facet = |facet| Ok(Call::GetFacet(facet, version(query)?));
    Ok(match operation {
        Operation::GetBucketVersioning => Call::GetSetting(Setting::Versioning),
        Operation::PutBucketVersioning => {
            Call::PutSetting(Setting::Versioning, body_digests(headers)?)
        }
        Operation::GetObjectLockConfiguration => Call::GetSetting(Setting::ObjectLock),
        Operation::PutObjectLockConfiguration => {
            Call::PutSetting(Setting::ObjectLock, body_digests(headers)?)
        }
        Operation::GetBucketTagging => Call::GetSetting(Setting::Tagging),
        Operation::PutBucketTagging => Call::PutSetting(Setting::Tagging, body_digests(headers)?),
        Operation::DeleteBucketTagging => Call::DeleteSetting(Setting::Tagging),
        Operation::GetBucketCors => Call::GetSetting(Setting::Cors),
        Operation::PutBucketCors => Call::PutSetting(Setting::Cors, body_digests(headers)?),
        Operation::DeleteBucketCors => Call::DeleteSetting(Setting::Cors),
        Operation::GetBucketLifecycleConfiguration => Call::GetSetting(Setting::Lifecycle),
        Operation::PutBucketLifecycleConfiguration => {
            Call::PutSetting(Setting::Lifecycle, body_digests(headers)?)
        }
        Operation::DeleteBucketLifecycle => Call::DeleteSetting(Setting::Lifecycle),
        Operation::GetBucketEncryption => Call::GetSetting(Setting::Encryption),
        Operation::PutBucketEncryption => {
            Call::PutSetting(Setting::Encryption, body_digests(headers)?)
        }
        Operation::DeleteBucketEncryption => Call::DeleteSetting(Setting::Encryption),
        Operation::Preflight => Call::Preflight,
        Operation::GetBucketNotificationConfiguration => Call::GetFixed(Fixed::Notification),
        Operation::GetBucketRequestPayment => Call::GetFixed(Fixed::RequestPayment),
        Operation::GetBucketAccelerateConfiguration => Call::GetFixed(Fixed::Accelerate),
        Operation::GetBucketWebsite => Call::GetFixed(Fixed::Website),
        Operation::GetBucketLogging => Call::GetFixed(Fixed::Logging),
        Operation::GetBucketReplication => Call::GetFixed(Fixed::Replication),
        Operation::GetObjectTagging => return get_facet(Facet::Tagging),
        Operation::GetObjectRetention => return get_facet(Facet::Retention),
        Operation::GetObjectLegalHold => return get_facet(Facet::LegalHold),
        Operation::PutObjectTagging => put_facet(Facet::Tagging, headers, query)?,
        Operation::PutObjectRetention => put_facet(Facet::Retention, headers, query)?,
        Operation::PutObjectLegalHold => put_facet(Facet::LegalHold, headers, query)?,
        Operation::GetObjectAcl => Call::GetObjectAcl(version(query)?),
        Operation::PutObjectAcl => Call::PutObjectAcl(PutObjectAcl {
            version: version(query)?,
            ask: crate::acl::from_headers(headers)?,
            digests: body_digests(headers)?,
        }),
        Operation::DeleteObjectTagging => Call::DeleteTagging(version(query)?),
        _ => Call::Unbuilt,
    })
}

fn put_facet(facet: Facet, headers: &HeaderMap, query: &Query<'_>) -> Result<Call, S3Error> {
    Ok(Call::PutFacet(PutFacet {
        facet,
        version: version(query)?,
        bypass_governance: bypasses(headers)?,
        digests: body_digests(headers)?,
    }))
}

fn list_versions(query: &Query<'_>) -> Result<ListObjectVersions, S3Error> {
    let key_marker = query.filled("key-marker")?.map(str::to_owned);
    let version_id_marker = match query.get("version-id-marker")? {
        None => None,
        Some(text) if key_marker.is_none() && !text.is_empty() => {
            return Err(S3Error::argument(
                "A version-id marker cannot be specified without a key marker.",
                "version-id-marker",
                text,
            ));
        }
        // An answer's own empty marker, sent back.
        Some("") => None,
        Some(text) => Some(text.parse().map_err(|_| {
            S3Error::argument("Invalid version id specified", "version-id-marker", text)
        })?),
    };
    Ok(ListObjectVersions {
        prefix: query.text("prefix")?,
        delimiter: query.filled("delimiter")?.map(str::to_owned),
        max_keys: query.count("max-keys", "maxKeys", LIST_KEYS_MAX)?,
        encoding: encoding(query)?,
        key_marker,
        version_id_marker,
    })
}

fn attributes(headers: &HeaderMap, query: &Query<'_>) -> Result<GetObjectAttributes, S3Error> {
    const NAME: &str = "x-amz-object-attributes";
    let mut wanted = Vec::new();
    for value in headers.get_all(NAME) {
        for name in text(value).split(',') {
            let attribute = match name.trim() {
                "ETag" => Attribute::ETag,
                "Checksum" => Attribute::Checksum,
                "ObjectParts" => Attribute::ObjectParts,
                "StorageClass" => Attribute::StorageClass,
                "ObjectSize" => Attribute::ObjectSize,
                other => {
                    return Err(S3Error::argument(
                        "Invalid attribute name specified.",
                        NAME,
                        other,
                    ));
                }
            };
            wanted.push(attribute);
        }
    }
    if wanted.is_empty() {
        return Err(S3Error::argument(
            "The x-amz-object-attributes header specifying the attributes to be retrieved is either missing or empty",
            NAME,
            "",
        ));
    }
    let count = |name| {
        Ok::<_, S3Error>(digits(headers, name)?.map(|n| u32::try_from(n).unwrap_or(u32::MAX)))
    };
    let after = count("x-amz-part-number-marker")?.unwrap_or(0);
    Ok(GetObjectAttributes {
        version: version(query)?,
        wanted,
        max_parts: count("x-amz-max-parts")?
            .unwrap_or(LIST_KEYS_MAX)
            .min(LIST_KEYS_MAX),
        after: u16::try_from(after).unwrap_or(u16::MAX),
        customer_key: customer_key(headers, &OWN)?,
    })
}

/// `x-amz-bypass-governance-retention`.
fn bypasses(headers: &HeaderMap) -> Result<bool, S3Error> {
    let bypass = text_of(headers, "x-amz-bypass-governance-retention")?;
    Ok(bypass.is_some_and(|bypass| bypass.eq_ignore_ascii_case("true")))
}

/// Whether a write names the entity tag that it wants to find.
pub(super) fn matches_tag(call: &Call) -> bool {
    let if_match = match call {
        Call::PutObject(put) => &put.conditions.if_match,
        Call::CopyObject(copy) => &copy.conditions.if_match,
        Call::CompleteMultipartUpload(complete) => &complete.conditions.if_match,
        Call::DeleteObject(delete) => return delete.only_if.compares(),
        _ => &None,
    };
    matches!(if_match, Some(TagMatch::OneOf(_)))
}

fn get_object(headers: &HeaderMap, query: &Query<'_>) -> Result<GetObject, S3Error> {
    // How an object is to be encrypted is said where it is written.
    if let Some(text) = text_of(headers, "x-amz-server-side-encryption")? {
        return Err(S3Error::argument(
            "x-amz-server-side-encryption header is not supported for this operation.",
            "x-amz-server-side-encryption",
            text,
        ));
    }
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
        customer_key: customer_key(headers, &OWN)?,
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

/// What a deletion is to find.
fn only_if(headers: &HeaderMap) -> Result<DeleteIf, S3Error> {
    let (size, modified) = ("x-amz-if-match-size", "x-amz-if-match-last-modified-time");
    let wrong = |name: &'static str, text: &str| S3Error::argument("Invalid condition", name, text);
    let bytes = |text: String| text.parse().map_err(|_| wrong(size, &text));
    let time = |text: String| date::parse_any(&text).ok_or_else(|| wrong(modified, &text));
    Ok(DeleteIf {
        tag: tags(headers, "if-match"),
        size: text_of(headers, size)?.map(bytes).transpose()?,
        modified: text_of(headers, modified)?.map(time).transpose()?,
    })
}

fn delete_object(headers: &HeaderMap, query: &Query<'_>) -> Result<DeleteObject, S3Error> {
    Ok(DeleteObject {
        version: version(query)?,
        bypass_governance: bypasses(headers)?,
        only_if: only_if(headers)?,
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
        customer_key: customer_key(headers, &OWN)?,
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
        // An empty one is where a list begins.
        continuation: raw
            .filter(|raw| !raw.is_empty())
            .map(token::decode)
            .transpose()?,
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
