//! A payload as the node takes it: a body that may end in an S3 error, and whose trailers may carry a checksum.

use bytes::Bytes;
use s3_protocol::S3Error;

/// Why a payload did not end well: the client went away, a chunk's signature or the declared length was wrong. What had been
/// written of it is garbage, and nothing refers to it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the payload failed: {0}")]
pub struct PayloadError(pub S3Error);

impl From<S3Error> for PayloadError {
    fn from(error: S3Error) -> Self {
        Self(error)
    }
}

impl From<std::convert::Infallible> for PayloadError {
    fn from(never: std::convert::Infallible) -> Self {
        match never {}
    }
}

/// A payload: any HTTP body of bytes whose error says what to answer. Its trailers may carry `x-amz-checksum-*`.
pub trait Payload: http_body::Body<Data = Bytes, Error: Into<PayloadError>> + Send {}

impl<B> Payload for B where B: http_body::Body<Data = Bytes, Error: Into<PayloadError>> + Send {}
