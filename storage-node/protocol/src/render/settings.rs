//! Settings of buckets, and what stands beside objects.

use bytes::Bytes;
use http::header::LAST_MODIFIED;
use http::{Response, StatusCode};

use super::head::{put_text, version};
use super::{document, empty};
use crate::call::{Attribute, GetObjectAttributes};
use crate::date;
use crate::names::VersionId;
use crate::object::{AttributeParts, ObjectHead};
use crate::setting::Fixed;
use crate::xml::write::Xml;

/// What stands beside a version, by its canonical text.
pub fn facet(text: String, of: Option<VersionId>) -> Response<Bytes> {
    let mut response = document(StatusCode::OK, text);
    version(response.headers_mut(), of);
    response
}

/// It was done: a setting was put there, or what stands beside this version.
pub fn done(of: Option<VersionId>) -> Response<Bytes> {
    let mut response = empty(StatusCode::OK);
    version(response.headers_mut(), of);
    response
}

/// A setting that no bucket here has; what is missing altogether is an error instead.
pub fn fixed(fixed: Fixed) -> Response<Bytes> {
    let empty = |root: &'static str| Xml::document(root, 128).finish(root);
    let text = match fixed {
        Fixed::RequestPayment => {
            const ROOT: &str = "RequestPaymentConfiguration";
            let mut xml = Xml::document(ROOT, 192);
            xml.text("Payer", "BucketOwner");
            xml.finish(ROOT)
        }
        Fixed::Accelerate => empty("AccelerateConfiguration"),
        Fixed::Notification => empty("NotificationConfiguration"),
        Fixed::Logging => empty("BucketLoggingStatus"),
        Fixed::Website => empty("WebsiteConfiguration"),
        Fixed::Replication => empty("ReplicationConfiguration"),
    };
    document(StatusCode::OK, text)
}

/// GetObjectAttributes.
pub fn object_attributes(
    asked: &GetObjectAttributes,
    head: &ObjectHead,
    parts: &AttributeParts,
) -> Response<Bytes> {
    const ROOT: &str = "GetObjectAttributesResponse";
    let wants = |attribute| asked.wanted.contains(&attribute);
    let mut xml = Xml::document(ROOT, 512 + parts.entries.len() * 160);
    if wants(Attribute::ETag) {
        // Without quotes, unlike everywhere else.
        xml.plain("ETag", &head.etag);
    }
    if wants(Attribute::Checksum) && !head.checksums.is_empty() {
        xml.open("Checksum");
        xml.checksums(&head.checksums);
        xml.checksum_type(&head.checksums);
        xml.close("Checksum");
    }
    if wants(Attribute::ObjectParts) && head.parts.is_some() {
        xml.open("ObjectParts");
        // The name on the wire; clients call it the total.
        xml.plain("PartsCount", parts.total);
        xml.plain("PartNumberMarker", asked.after);
        let last = parts.next.or(parts.entries.last().map(|part| part.number));
        xml.plain("NextPartNumberMarker", last.unwrap_or_default());
        xml.plain("MaxParts", asked.max_parts);
        xml.plain("IsTruncated", parts.next.is_some());
        for part in &parts.entries {
            xml.open("Part");
            xml.plain("PartNumber", part.number);
            xml.plain("Size", part.size);
            xml.checksums(&part.checksums);
            xml.close("Part");
        }
        xml.close("ObjectParts");
    }
    if wants(Attribute::StorageClass) {
        xml.text(
            "StorageClass",
            head.storage_class.as_deref().unwrap_or("STANDARD"),
        );
    }
    if wants(Attribute::ObjectSize) {
        xml.plain("ObjectSize", head.size);
    }
    let mut response = document(StatusCode::OK, xml.finish(ROOT));
    let headers = response.headers_mut();
    put_text(headers, LAST_MODIFIED, date::http(head.modified_ms));
    version(headers, head.version);
    response
}
