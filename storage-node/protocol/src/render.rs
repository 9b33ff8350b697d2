//! Typed outputs become HTTP answers, with S3's headers and documents.
//!
//! What a client once sent (metadata, keys, content headers) comes back here, so each value passes the door of
//! [`HeaderValue`] or the escaping of the XML writer; what no header can carry is left out or encoded.

mod documents;
mod error;
mod head;
mod lists;
mod settings;

pub use documents::{
    PostAnswer, bucket_policy, complete_multipart_upload, copy_object, create_bucket,
    create_multipart_upload, delete_objects, location, post_object, upload_part_copy,
};
pub use error::{ErrorContext, error, identify};
pub use head::{delete_object, get_object, head_bucket, no_content, put_object};
pub use lists::{
    Listing, list_buckets, list_multipart_uploads, list_objects, list_parts, list_versions,
};
pub use settings::{done, facet, fixed, object_attributes};

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Response, StatusCode};

/// The content type of every document.
const XML: HeaderValue = HeaderValue::from_static("application/xml");

/// A document that is written already.
pub fn written(xml: String) -> Response<Bytes> {
    document(StatusCode::OK, xml)
}

/// An answer without a body.
fn empty(status: StatusCode) -> Response<Bytes> {
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = status;
    response
}

/// An answer that is a document.
fn document(status: StatusCode, xml: String) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from(xml));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, XML);
    response
}
