//! Answers that are one small document.

use bytes::Bytes;
use http::header::{CONTENT_TYPE, ETAG, LOCATION};
use http::{HeaderName, HeaderValue, Response, StatusCode};

use super::head::{checksums, encrypted, etag, put_text, source_version, version};
use super::{document, empty};
use crate::date;
use crate::names::{BucketName, ObjectKey};
use crate::object::{Deleted, PutOutput, UploadEntry};
use crate::percent;
use crate::xml::write::Xml;

/// The content type of a bucket's policy.
const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// What a form asked to be answered with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PostAnswer {
    /// 204, or 200: a head alone.
    Empty(StatusCode),
    /// 201 with a document.
    Document,
    /// 303 to this URL, to which bucket, key and entity tag are added.
    Redirect(String),
}

/// CreateBucket.
pub fn create_bucket(bucket: &BucketName) -> Response<Bytes> {
    let mut response = empty(StatusCode::OK);
    put_text(response.headers_mut(), LOCATION, format!("/{bucket}"));
    response
}

/// GetBucketPolicy: the text, as it was put there.
pub fn bucket_policy(text: String) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from(text));
    response.headers_mut().insert(CONTENT_TYPE, JSON);
    response
}

/// GetBucketLocation. `us-east-1` has no name there, as in S3.
pub fn location(region: &str) -> Response<Bytes> {
    const ROOT: &str = "LocationConstraint";
    let mut xml = Xml::document(ROOT, 256);
    if region != "us-east-1" {
        xml.characters(region);
    }
    document(StatusCode::OK, xml.finish(ROOT))
}

/// CopyObject.
pub fn copy_object(output: &PutOutput) -> Response<Bytes> {
    let mut response = copied("CopyObjectResult", output);
    encrypted(response.headers_mut(), output.encrypted.as_ref());
    source_version(response.headers_mut(), output.source_version);
    version(response.headers_mut(), output.version);
    response
}

/// UploadPartCopy.
pub fn upload_part_copy(output: &PutOutput) -> Response<Bytes> {
    let mut response = copied("CopyPartResult", output);
    encrypted(response.headers_mut(), output.encrypted.as_ref());
    source_version(response.headers_mut(), output.source_version);
    response
}

fn copied(root: &'static str, output: &PutOutput) -> Response<Bytes> {
    let mut xml = Xml::document(root, 512);
    xml.text("LastModified", &date::iso8601(output.modified_ms));
    xml.etag(&output.etag);
    xml.checksum_type(&output.checksums);
    xml.checksums(&output.checksums);
    document(StatusCode::OK, xml.finish(root))
}

/// CreateMultipartUpload.
pub fn create_multipart_upload(
    bucket: &BucketName,
    key: &ObjectKey,
    created: &UploadEntry,
) -> Response<Bytes> {
    const ROOT: &str = "InitiateMultipartUploadResult";
    let mut xml = Xml::document(ROOT, 512);
    xml.text("Bucket", bucket.as_str());
    xml.text("Key", key.as_str());
    xml.upload("UploadId", created.upload);
    let mut response = document(StatusCode::OK, xml.finish(ROOT));
    encrypted(response.headers_mut(), created.encrypted.as_ref());
    if let Some((algorithm, kind)) = created.checksum {
        let headers = response.headers_mut();
        let text = |text: &str| text.to_owned();
        let name = HeaderName::from_static("x-amz-checksum-algorithm");
        put_text(headers, name, text(algorithm.name()));
        put_text(
            headers,
            HeaderName::from_static("x-amz-checksum-type"),
            text(kind.name()),
        );
    }
    response
}

/// CompleteMultipartUpload; `location` is the object's URL.
pub fn complete_multipart_upload(
    location: &str,
    bucket: &BucketName,
    key: &ObjectKey,
    output: &PutOutput,
) -> Response<Bytes> {
    const ROOT: &str = "CompleteMultipartUploadResult";
    let mut xml = Xml::document(ROOT, 768);
    xml.text("Location", location);
    xml.text("Bucket", bucket.as_str());
    xml.text("Key", key.as_str());
    xml.etag(&output.etag);
    xml.checksums(&output.checksums);
    xml.checksum_type(&output.checksums);
    let mut response = document(StatusCode::OK, xml.finish(ROOT));
    let headers = response.headers_mut();
    version(headers, output.version);
    encrypted(headers, output.encrypted.as_ref());
    response
}

/// DeleteObjects: failures always, successes unless the client asked for quiet.
pub fn delete_objects(entries: &[Deleted], quiet: bool) -> Response<Bytes> {
    const ROOT: &str = "DeleteResult";
    let mut xml = Xml::document(ROOT, 256 + entries.len() * 128);
    for entry in entries {
        match &entry.outcome {
            Ok(_) if quiet => {}
            Ok(output) => {
                xml.open("Deleted");
                xml.text("Key", &entry.key);
                xml.optional("VersionId", entry.version.as_deref());
                if output.marker {
                    xml.text("DeleteMarker", "true");
                    let version = output.version.map(|version| version.to_string());
                    xml.optional("DeleteMarkerVersionId", version.as_deref());
                }
                xml.close("Deleted");
            }
            Err(error) => {
                xml.open("Error");
                xml.text("Key", &entry.key);
                xml.optional("VersionId", entry.version.as_deref());
                xml.text("Code", error.code.as_str());
                xml.text("Message", &error.message);
                xml.close("Error");
            }
        }
    }
    document(StatusCode::OK, xml.finish(ROOT))
}

/// PostObject; `location` is the object's URL.
pub fn post_object(
    answer: &PostAnswer,
    location: &str,
    bucket: &BucketName,
    key: &ObjectKey,
    output: &PutOutput,
) -> Response<Bytes> {
    let mut response = match answer {
        PostAnswer::Empty(status) => empty(*status),
        PostAnswer::Document => {
            let mut xml = Xml::bare(512);
            xml.open("PostResponse");
            xml.text("Location", location);
            xml.text("Bucket", bucket.as_str());
            xml.text("Key", key.as_str());
            xml.etag(&output.etag);
            document(StatusCode::CREATED, xml.finish("PostResponse"))
        }
        PostAnswer::Redirect(_) => empty(StatusCode::SEE_OTHER),
    };
    let headers = response.headers_mut();
    headers.insert(ETAG, etag(&output.etag));
    version(headers, output.version);
    checksums(headers, &output.checksums);
    encrypted(headers, output.encrypted.as_ref());
    let location = match answer {
        PostAnswer::Redirect(url) => redirect(url, bucket, key, output),
        PostAnswer::Empty(_) | PostAnswer::Document => location.to_owned(),
    };
    put_text(headers, LOCATION, location);
    response
}

/// The URL with bucket, key and entity tag in its query, before any fragment.
fn redirect(url: &str, bucket: &BucketName, key: &ObjectKey, output: &PutOutput) -> String {
    let (url, fragment) = match url.split_once('#') {
        Some((url, fragment)) => (url, Some(fragment)),
        None => (url, None),
    };
    let joint = if url.contains('?') { '&' } else { '?' };
    let key = percent::encode_value(key.as_str());
    let mut to = format!(
        "{url}{joint}bucket={bucket}&key={key}&etag=%22{}%22",
        output.etag
    );
    if let Some(fragment) = fragment {
        to.push('#');
        to.push_str(fragment);
    }
    to
}
