//! Pages of lists, with S3's order of elements.

use bytes::Bytes;
use http::{Response, StatusCode};

use super::document;
use crate::call::{
    Encoding, ListBuckets, ListFrom, ListMultipartUploads, ListObjectVersions, ListObjects,
    ListParts,
};
use crate::date;
use crate::names::{BucketName, ObjectKey};
use crate::object::{
    BucketPage, ListEntry, ListPage, Owner, PartEntry, PartPage, UploadEntry, UploadPage,
    UploadPeople, VersionEntry, VersionKind, VersionPage,
};
use crate::token;
use crate::xml::write::Xml;

/// What every list of a bucket names.
#[derive(Clone, Copy, Debug)]
pub struct Listing<'a> {
    /// The bucket as the client calls it.
    pub bucket: &'a BucketName,
    /// Its owner, who owns every object in it.
    pub owner: &'a Owner,
}

/// Bytes of an entry, to begin with: a guess that keeps most pages from growing.
const ENTRY_BYTES: usize = 320;

/// ListBuckets.
pub fn list_buckets(asked: &ListBuckets, page: &BucketPage, owner: &Owner) -> Response<Bytes> {
    const ROOT: &str = "ListAllMyBucketsResult";
    let mut xml = Xml::document(ROOT, 256 + page.entries.len() * 160);
    xml.person("Owner", owner);
    xml.open("Buckets");
    for bucket in &page.entries {
        xml.open("Bucket");
        xml.text("Name", bucket.name.as_str());
        xml.text("CreationDate", &date::iso8601(bucket.created_ms));
        xml.text("BucketRegion", &bucket.region);
        xml.close("Bucket");
    }
    xml.close("Buckets");
    xml.optional(
        "ContinuationToken",
        page.next.as_deref().map(token::encode).as_deref(),
    );
    if !asked.prefix.is_empty() {
        xml.text("Prefix", &asked.prefix);
    }
    document(StatusCode::OK, xml.finish(ROOT))
}

/// ListObjects and ListObjectsV2.
pub fn list_objects(listing: Listing<'_>, asked: &ListObjects, page: &ListPage) -> Response<Bytes> {
    const ROOT: &str = "ListBucketResult";
    let encoding = asked.encoding;
    let mut xml = Xml::document(ROOT, 512 + page.entries.len() * ENTRY_BYTES);
    xml.text("Name", listing.bucket.as_str());
    xml.key("Prefix", &asked.prefix, encoding);
    let with_owner = place(&mut xml, asked, page);
    xml.plain("MaxKeys", asked.max_keys);
    if let Some(delimiter) = &asked.delimiter {
        xml.key("Delimiter", delimiter, encoding);
    }
    encoding_type(&mut xml, encoding);
    xml.plain("IsTruncated", page.next.is_some());
    for entry in &page.entries {
        contents(
            &mut xml,
            entry,
            encoding,
            with_owner.then_some(listing.owner),
        );
    }
    common_prefixes(&mut xml, &page.prefixes, encoding);
    document(StatusCode::OK, xml.finish(ROOT))
}

/// Where the page stands, in the language of its version. Tells whether entries name their owner.
fn place(xml: &mut Xml, asked: &ListObjects, page: &ListPage) -> bool {
    match &asked.from {
        ListFrom::Marker(marker) => {
            xml.key(
                "Marker",
                marker.as_deref().unwrap_or_default(),
                asked.encoding,
            );
            // Without a delimiter the last key is the next marker, and S3 does not repeat it.
            if let (Some(next), Some(_)) = (&page.next, &asked.delimiter) {
                xml.key("NextMarker", next, asked.encoding);
            }
            true
        }
        ListFrom::Token {
            raw,
            start_after,
            fetch_owner,
            ..
        } => {
            if let Some(start_after) = start_after {
                xml.key("StartAfter", start_after, asked.encoding);
            }
            xml.optional("ContinuationToken", raw.as_deref());
            let next = page.next.as_deref().map(token::encode);
            xml.optional("NextContinuationToken", next.as_deref());
            xml.plain("KeyCount", page.entries.len() + page.prefixes.len());
            *fetch_owner
        }
    }
}

fn contents(xml: &mut Xml, entry: &ListEntry, encoding: Encoding, owner: Option<&Owner>) {
    xml.open("Contents");
    xml.key("Key", entry.key.as_str(), encoding);
    xml.text("LastModified", &date::iso8601(entry.modified_ms));
    xml.etag(&entry.etag);
    for (algorithm, _) in &entry.checksums {
        xml.text("ChecksumAlgorithm", algorithm.name());
    }
    if let Some((_, kind)) = entry.checksums.first() {
        xml.text("ChecksumType", kind.name());
    }
    xml.plain("Size", entry.size);
    if let Some(owner) = owner {
        xml.person("Owner", owner);
    }
    storage_class(xml, entry.storage_class.as_deref());
    xml.close("Contents");
}

/// ListObjectVersions.
pub fn list_versions(
    listing: Listing<'_>,
    asked: &ListObjectVersions,
    page: &VersionPage,
) -> Response<Bytes> {
    const ROOT: &str = "ListVersionsResult";
    let encoding = asked.encoding;
    let mut xml = Xml::document(ROOT, 512 + page.entries.len() * ENTRY_BYTES);
    xml.text("Name", listing.bucket.as_str());
    xml.key("Prefix", &asked.prefix, encoding);
    let marker = asked.key_marker.as_deref().unwrap_or_default();
    xml.key("KeyMarker", marker, encoding);
    match asked.version_id_marker {
        Some(version) => xml.plain("VersionIdMarker", version),
        None => xml.text("VersionIdMarker", ""),
    }
    if let Some((key, version)) = &page.next {
        xml.key("NextKeyMarker", key, encoding);
        if let Some(version) = version {
            xml.plain("NextVersionIdMarker", version);
        }
    }
    xml.plain("MaxKeys", asked.max_keys);
    if let Some(delimiter) = &asked.delimiter {
        xml.key("Delimiter", delimiter, encoding);
    }
    encoding_type(&mut xml, encoding);
    xml.plain("IsTruncated", page.next.is_some());
    for entry in &page.entries {
        version(&mut xml, entry, encoding, listing.owner);
    }
    common_prefixes(&mut xml, &page.prefixes, encoding);
    document(StatusCode::OK, xml.finish(ROOT))
}

fn version(xml: &mut Xml, entry: &VersionEntry, encoding: Encoding, owner: &Owner) {
    let element = match entry.kind {
        VersionKind::Object { .. } => "Version",
        VersionKind::Marker => "DeleteMarker",
    };
    xml.open(element);
    xml.key("Key", entry.key.as_str(), encoding);
    xml.plain("VersionId", entry.version);
    xml.plain("IsLatest", entry.is_latest);
    xml.text("LastModified", &date::iso8601(entry.modified_ms));
    if let VersionKind::Object {
        size,
        etag,
        storage_class: class,
        checksums,
    } = &entry.kind
    {
        xml.etag(etag);
        for (algorithm, _) in checksums {
            xml.text("ChecksumAlgorithm", algorithm.name());
        }
        if let Some((_, kind)) = checksums.first() {
            xml.text("ChecksumType", kind.name());
        }
        xml.plain("Size", size);
        storage_class(xml, class.as_deref());
    }
    xml.person("Owner", owner);
    xml.close(element);
}

/// ListMultipartUploads; `people` are those of the page's uploads, in their order.
pub fn list_multipart_uploads(
    bucket: &BucketName,
    asked: &ListMultipartUploads,
    page: &UploadPage,
    people: &[UploadPeople],
) -> Response<Bytes> {
    const ROOT: &str = "ListMultipartUploadsResult";
    let encoding = asked.encoding;
    let mut xml = Xml::document(ROOT, 512 + page.entries.len() * ENTRY_BYTES);
    xml.text("Bucket", bucket.as_str());
    xml.key(
        "KeyMarker",
        asked.key_marker.as_deref().unwrap_or_default(),
        encoding,
    );
    xml.text(
        "UploadIdMarker",
        asked.upload_id_marker.as_deref().unwrap_or_default(),
    );
    if let Some((key, upload)) = &page.next {
        xml.key("NextKeyMarker", key, encoding);
        match upload {
            Some(upload) => xml.upload("NextUploadIdMarker", *upload),
            None => xml.text("NextUploadIdMarker", ""),
        }
    }
    xml.key("Prefix", &asked.prefix, encoding);
    if let Some(delimiter) = &asked.delimiter {
        xml.key("Delimiter", delimiter, encoding);
    }
    encoding_type(&mut xml, encoding);
    xml.plain("MaxUploads", asked.max_uploads);
    xml.plain("IsTruncated", page.next.is_some());
    for (entry, people) in page.entries.iter().zip(people) {
        upload(&mut xml, entry, encoding, people);
    }
    common_prefixes(&mut xml, &page.prefixes, encoding);
    document(StatusCode::OK, xml.finish(ROOT))
}

fn upload(xml: &mut Xml, entry: &UploadEntry, encoding: Encoding, people: &UploadPeople) {
    xml.open("Upload");
    xml.key("Key", entry.key.as_str(), encoding);
    xml.upload("UploadId", entry.upload);
    xml.person("Initiator", &people.initiator);
    xml.person("Owner", &people.owner);
    storage_class(xml, entry.storage_class.as_deref());
    xml.text("Initiated", &date::iso8601(entry.initiated_ms));
    if let Some((algorithm, kind)) = entry.checksum {
        xml.text("ChecksumAlgorithm", algorithm.name());
        xml.text("ChecksumType", kind.name());
    }
    xml.close("Upload");
}

/// ListParts.
pub fn list_parts(
    bucket: &BucketName,
    key: &ObjectKey,
    asked: &ListParts,
    page: &PartPage,
    people: &UploadPeople,
) -> Response<Bytes> {
    const ROOT: &str = "ListPartsResult";
    let mut xml = Xml::document(ROOT, 512 + page.entries.len() * ENTRY_BYTES);
    xml.text("Bucket", bucket.as_str());
    xml.text("Key", key.as_str());
    xml.upload("UploadId", asked.upload);
    xml.person("Initiator", &people.initiator);
    xml.person("Owner", &people.owner);
    storage_class(&mut xml, page.upload.storage_class.as_deref());
    xml.plain("PartNumberMarker", asked.after);
    let last = page.next.or(page.entries.last().map(|part| part.number));
    xml.plain("NextPartNumberMarker", last.unwrap_or_default());
    xml.plain("MaxParts", asked.max_parts);
    xml.plain("IsTruncated", page.next.is_some());
    if let Some((algorithm, kind)) = page.upload.checksum {
        xml.text("ChecksumAlgorithm", algorithm.name());
        xml.text("ChecksumType", kind.name());
    }
    for entry in &page.entries {
        part(&mut xml, entry);
    }
    document(StatusCode::OK, xml.finish(ROOT))
}

fn part(xml: &mut Xml, entry: &PartEntry) {
    xml.open("Part");
    xml.plain("PartNumber", entry.number);
    xml.text("LastModified", &date::iso8601(entry.modified_ms));
    xml.etag(&entry.etag);
    xml.plain("Size", entry.size);
    xml.checksums(&entry.checksums);
    xml.close("Part");
}

fn storage_class(xml: &mut Xml, class: Option<&str>) {
    xml.text("StorageClass", class.unwrap_or("STANDARD"));
}

fn encoding_type(xml: &mut Xml, encoding: Encoding) {
    if encoding == Encoding::Url {
        xml.text("EncodingType", "url");
    }
}

fn common_prefixes(xml: &mut Xml, prefixes: &[String], encoding: Encoding) {
    for prefix in prefixes {
        xml.open("CommonPrefixes");
        xml.key("Prefix", prefix, encoding);
        xml.close("CommonPrefixes");
    }
}
