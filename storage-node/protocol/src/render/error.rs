//! The error document, and the few codes that also speak in headers.

use bytes::Bytes;
use http::header::{ALLOW, CONTENT_RANGE, ETAG, LAST_MODIFIED, LOCATION};
use http::{HeaderMap, HeaderName, Response, StatusCode};

use super::head::{BUCKET_REGION, put_text};
use super::{document, empty};
use crate::error::{S3Code, S3Error};
use crate::xml::write::Xml;

/// What an error's document says beside the error itself.
#[derive(Clone, Copy, Debug)]
pub struct ErrorContext<'a> {
    /// The request's id.
    pub request_id: &'a str,
    /// The host's id (`x-amz-id-2`).
    pub host_id: &'a str,
    /// The path that was asked for, decoded.
    pub resource: &'a str,
    /// Whether the request was a HEAD, whose answer has no body.
    pub is_head: bool,
}

/// Sets `x-amz-request-id` and `x-amz-id-2`, which every answer carries.
pub fn identify(headers: &mut HeaderMap, request_id: &str, host_id: &str) {
    put_text(
        headers,
        HeaderName::from_static("x-amz-request-id"),
        request_id.to_owned(),
    );
    put_text(
        headers,
        HeaderName::from_static("x-amz-id-2"),
        host_id.to_owned(),
    );
}

/// An error as S3 answers it.
pub fn error(error: &S3Error, context: &ErrorContext<'_>) -> Response<Bytes> {
    let status =
        StatusCode::from_u16(error.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = if context.is_head || error.code == S3Code::NotModified {
        empty(status)
    } else {
        document(status, body(error, context))
    };
    let headers = response.headers_mut();
    identify(headers, context.request_id, context.host_id);
    for (element, value) in &error.extra {
        let Some(name) = header(error.code, element) else {
            continue;
        };
        let value = match name {
            CONTENT_RANGE => format!("bytes */{value}"),
            _ => value.clone(),
        };
        put_text(headers, name, value);
    }
    response
}

/// The header that repeats an element of the document.
fn header(code: S3Code, element: &str) -> Option<HeaderName> {
    Some(match (code, element) {
        (_, "Region") => BUCKET_REGION,
        (_, "Location") => LOCATION,
        (S3Code::NotModified, "ETag") => ETAG,
        (S3Code::NotModified | S3Code::MethodNotAllowed, "LastModified") => LAST_MODIFIED,
        // Where a version is missing, its name is the request's own.
        (S3Code::NoSuchVersion, "VersionId") => return None,
        (_, "VersionId") => HeaderName::from_static("x-amz-version-id"),
        (_, "DeleteMarker") => HeaderName::from_static("x-amz-delete-marker"),
        (S3Code::InvalidRange, "ActualObjectSize") => CONTENT_RANGE,
        (S3Code::MethodNotAllowed, "Allow") => ALLOW,
        (_, "RetryAfter") => http::header::RETRY_AFTER,
        _ => return None,
    })
}

fn body(error: &S3Error, context: &ErrorContext<'_>) -> String {
    let mut xml = Xml::bare(512);
    xml.open("Error");
    xml.text("Code", error.code.as_str());
    xml.text("Message", &error.message);
    for (element, value) in &error.extra {
        xml.text(element, value);
    }
    xml.text("Resource", context.resource);
    xml.text("RequestId", context.request_id);
    xml.text("HostId", context.host_id);
    xml.finish("Error")
}
