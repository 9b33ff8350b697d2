//! Answers that are a head alone, or the head before an object's bytes. This is the hot path: one header map of the right size, and
//! values that are static, or built in the buffer they keep.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_ENCODING, CONTENT_LANGUAGE,
    CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG, EXPIRES, LAST_MODIFIED,
};
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};

use super::empty;
use crate::call::GetObject;
use crate::checksum::Checksum;
use crate::date;
use crate::names::VersionId;
use crate::object::{DeleteOutput, ETag, GetOutput, ObjectHead, PutOutput, Slice};
use crate::seal::Encrypted;

const CHECKSUM_TYPE: HeaderName = HeaderName::from_static("x-amz-checksum-type");
const DELETE_MARKER: HeaderName = HeaderName::from_static("x-amz-delete-marker");
const EXPIRATION: HeaderName = HeaderName::from_static("x-amz-expiration");
const SSE: HeaderName = HeaderName::from_static("x-amz-server-side-encryption");
const SSE_CUSTOMER: HeaderName =
    HeaderName::from_static("x-amz-server-side-encryption-customer-algorithm");
const SSE_CUSTOMER_MD5: HeaderName =
    HeaderName::from_static("x-amz-server-side-encryption-customer-key-md5");
const LOCK_HOLD: HeaderName = HeaderName::from_static("x-amz-object-lock-legal-hold");
const LOCK_MODE: HeaderName = HeaderName::from_static("x-amz-object-lock-mode");
const LOCK_UNTIL: HeaderName = HeaderName::from_static("x-amz-object-lock-retain-until-date");
const MISSING_META: HeaderName = HeaderName::from_static("x-amz-missing-meta");
const PARTS_COUNT: HeaderName = HeaderName::from_static("x-amz-mp-parts-count");
const STORAGE_CLASS: HeaderName = HeaderName::from_static("x-amz-storage-class");
const TAGGING_COUNT: HeaderName = HeaderName::from_static("x-amz-tagging-count");
const SOURCE_VERSION: HeaderName = HeaderName::from_static("x-amz-copy-source-version-id");
const VERSION: HeaderName = HeaderName::from_static("x-amz-version-id");
const WEBSITE_REDIRECT: HeaderName = HeaderName::from_static("x-amz-website-redirect-location");
pub(super) const BUCKET_REGION: HeaderName = HeaderName::from_static("x-amz-bucket-region");

/// The head of GetObject and HeadObject; the body is the caller's.
pub fn get_object(output: &GetOutput, asked: &GetObject) -> Response<()> {
    let head = &output.head;
    let mut headers = HeaderMap::with_capacity(16 + head.metadata.len());
    headers.insert(ETAG, etag(&head.etag));
    put_text(&mut headers, LAST_MODIFIED, date::http(head.modified_ms));
    headers.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    headers.insert(CONTENT_LENGTH, HeaderValue::from(output.length()));
    let (status, whole) = match output.slice {
        Slice::Whole => (StatusCode::OK, true),
        Slice::Range {
            first,
            last,
            whole_part,
        } => {
            put_text(
                &mut headers,
                CONTENT_RANGE,
                format!("bytes {first}-{last}/{}", head.size),
            );
            (StatusCode::PARTIAL_CONTENT, whole_part)
        }
    };
    content(&mut headers, head);
    metadata(&mut headers, &head.metadata);
    version(&mut headers, head.version);
    if asked.part_number.is_some()
        && let Some(parts) = head.parts
    {
        headers.insert(PARTS_COUNT, HeaderValue::from(parts));
    }
    encrypted(&mut headers, head.encrypted.as_ref());
    expires(&mut headers, head.expires.as_ref());
    if let Some(retention) = head.retention {
        headers.insert(LOCK_MODE, HeaderValue::from_static(retention.mode.name()));
        put_text(&mut headers, LOCK_UNTIL, date::iso8601(retention.until_ms));
    }
    if head.legal_hold {
        headers.insert(LOCK_HOLD, HeaderValue::from_static("ON"));
    }
    if head.tags > 0 {
        headers.insert(TAGGING_COUNT, HeaderValue::from(head.tags));
    }
    // The checksum of other bytes than those that follow would make clients call them damaged.
    if asked.checksum_mode && whole {
        checksums(&mut headers, &head.checksums);
    }
    for (name, value) in &asked.response_overrides {
        headers.insert(name.clone(), value.clone());
    }
    let mut response = Response::new(());
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    response
}

/// How something is encrypted.
pub(super) fn encrypted(headers: &mut HeaderMap, encrypted: Option<&Encrypted>) {
    match encrypted {
        None => {}
        Some(Encrypted::Node) => {
            headers.insert(SSE, HeaderValue::from_static("AES256"));
        }
        Some(Encrypted::Customer(md5)) => {
            headers.insert(SSE_CUSTOMER, HeaderValue::from_static("AES256"));
            put_text(headers, SSE_CUSTOMER_MD5, md5.clone());
        }
    }
}

/// When an object ends by itself.
fn expires(headers: &mut HeaderMap, expires: Option<&(u64, String)>) {
    if let Some((at, rule)) = expires {
        let rule = crate::percent::encode_key(rule);
        let text = format!("expiry-date=\"{}\", rule-id=\"{rule}\"", date::http(*at));
        put_text(headers, EXPIRATION, text);
    }
}

/// PutObject and UploadPart.
pub fn put_object(output: &PutOutput) -> Response<Bytes> {
    let mut response = empty(StatusCode::OK);
    let headers = response.headers_mut();
    headers.insert(ETAG, etag(&output.etag));
    version(headers, output.version);
    checksums(headers, &output.checksums);
    encrypted(headers, output.encrypted.as_ref());
    expires(headers, output.expires.as_ref());
    response
}

/// DeleteObject.
pub fn delete_object(output: &DeleteOutput) -> Response<Bytes> {
    let mut response = empty(StatusCode::NO_CONTENT);
    let headers = response.headers_mut();
    version(headers, output.version);
    if output.marker {
        headers.insert(DELETE_MARKER, HeaderValue::from_static("true"));
    }
    response
}

/// HeadBucket.
pub fn head_bucket(region: &str) -> Response<Bytes> {
    let mut response = empty(StatusCode::OK);
    let headers = response.headers_mut();
    put_text(headers, BUCKET_REGION, region.to_owned());
    headers.insert(CONTENT_TYPE, super::XML);
    headers.insert(
        HeaderName::from_static("x-amz-access-point-alias"),
        HeaderValue::from_static("false"),
    );
    response
}

/// DeleteBucket and AbortMultipartUpload.
pub fn no_content() -> Response<Bytes> {
    empty(StatusCode::NO_CONTENT)
}

pub(super) fn version(headers: &mut HeaderMap, version: Option<VersionId>) {
    if let Some(version) = version {
        put_text(headers, VERSION, version.to_string());
    }
}

pub(super) fn source_version(headers: &mut HeaderMap, version: Option<VersionId>) {
    if let Some(version) = version {
        put_text(headers, SOURCE_VERSION, version.to_string());
    }
}

pub(super) fn checksums(headers: &mut HeaderMap, checksums: &[Checksum]) {
    for checksum in checksums {
        put_text(headers, checksum.algorithm.header(), checksum.to_string());
    }
    if let Some(checksum) = checksums.first() {
        headers.insert(
            CHECKSUM_TYPE,
            HeaderValue::from_static(checksum.kind.name()),
        );
    }
}

/// The entity tag in its quotes, written once and kept.
pub(super) fn etag(etag: &ETag) -> HeaderValue {
    let mut text = vec![b'"'; 34];
    let written = text
        .get_mut(1..33)
        .map(|digits| hex::encode_to_slice(etag.md5, digits));
    debug_assert!(matches!(written, Some(Ok(()))));
    if let Some(parts) = etag.parts {
        text.truncate(33);
        text.extend_from_slice(format!("-{parts}\"").as_bytes());
    }
    HeaderValue::from_maybe_shared(Bytes::from(text))
        .unwrap_or_else(|_| HeaderValue::from_static("\"\""))
}

/// A value that no header can carry is left out.
pub(super) fn put_text(headers: &mut HeaderMap, name: HeaderName, text: String) {
    if let Ok(value) = HeaderValue::try_from(text) {
        headers.insert(name, value);
    }
}

fn content(headers: &mut HeaderMap, head: &ObjectHead) {
    match &head.content.content_type {
        Some(text) => put_text(headers, CONTENT_TYPE, text.clone()),
        None => {
            headers.insert(
                CONTENT_TYPE,
                HeaderValue::from_static("binary/octet-stream"),
            );
        }
    }
    let others = [
        (CONTENT_ENCODING, &head.content.content_encoding),
        (CONTENT_LANGUAGE, &head.content.content_language),
        (CONTENT_DISPOSITION, &head.content.content_disposition),
        (CACHE_CONTROL, &head.content.cache_control),
        (EXPIRES, &head.content.expires),
        (STORAGE_CLASS, &head.storage_class),
        (WEBSITE_REDIRECT, &head.website_redirect),
    ];
    for (name, text) in others {
        if let Some(text) = text {
            put_text(headers, name, text.clone());
        }
    }
}

/// `x-amz-meta-*`. Names that are none of HTTP's are counted in `x-amz-missing-meta`, as S3 does.
fn metadata(headers: &mut HeaderMap, metadata: &[(String, String)]) {
    let mut missing = 0_u32;
    for (name, value) in metadata {
        let mut full = Vec::with_capacity(11 + name.len());
        full.extend_from_slice(b"x-amz-meta-");
        full.extend_from_slice(name.as_bytes());
        match (HeaderName::from_bytes(&full), metadata_value(value)) {
            (Ok(name), Ok(value)) => {
                headers.insert(name, value);
            }
            _ => missing += 1,
        }
    }
    if missing > 0 {
        headers.insert(MISSING_META, HeaderValue::from(missing));
    }
}

/// ASCII as it is, anything else as one encoded word. Source: S3 User Guide, "User-defined object metadata"; RFC 2047.
fn metadata_value(text: &str) -> Result<HeaderValue, http::header::InvalidHeaderValue> {
    let plain = text.bytes().all(|byte| matches!(byte, b'\t' | b' '..=b'~'));
    if plain {
        return HeaderValue::from_str(text);
    }
    HeaderValue::try_from(format!("=?UTF-8?B?{}?=", STANDARD.encode(text)))
}
