//! From the head of an HTTP request to an [`S3Request`]: the one classifier, for the gate and for the node.
//!
//! A request is parsed once, and what is authorized and forwarded is the typed value, so nothing may mean two things: a
//! parameter that comes twice, two sub-resources in one query, a header that comes twice, and a name that the operation does
//! not have are refused. Object reads alone drop names they do not know, because caches and browsers add theirs to URLs.

mod classify;
mod copy;
mod headers;
mod inputs;
mod query;
mod seal;
mod target;
mod write;

pub(crate) use target::key as object_key;
pub(crate) use write::{checked_each_tag, checked_tags, payload_digests, write_head};

use http::{HeaderMap, Method};

use crate::call::{Call, ExpectedOwners, S3Request};
use crate::error::S3Error;
use crate::escalations::Escalations;
use crate::host::Addressing;
use crate::operation::Operation;
use query::Query;

/// The head of a request, as it came.
#[derive(Clone, Copy, Debug)]
pub struct Head<'a> {
    /// The method.
    pub method: &'a Method,
    /// The path as it stands on the wire, still percent-encoded.
    pub path: &'a [u8],
    /// What follows `?`, still percent-encoded; empty where there is nothing.
    pub query: &'a [u8],
    /// The headers; of a presigned URL also the signed `x-amz-*` names of its query.
    pub headers: &'a HeaderMap,
    /// What the host says, by [`resolve`](crate::host::resolve).
    pub addressing: &'a Addressing,
}

/// Understands a request, or refuses it with S3's answer.
///
/// # Errors
/// What S3 answers to a request that cannot be understood, such as `InvalidURI`, `InvalidBucketName`, `KeyTooLongError`,
/// `InvalidArgument` and `MethodNotAllowed`.
pub fn parse(head: Head<'_>) -> Result<S3Request, S3Error> {
    let target = target::read(head.addressing, head.path)?;
    let query = Query::read(head.query)?;
    let operation = classify::operation(&head, &target, &query)?;

    let mut escalations = Escalations::read(head.headers);
    let deletes = matches!(
        operation,
        Operation::DeleteObject | Operation::DeleteObjectVersion
    );
    let unbuilt =
        !operation.is_built() || escalations.asks_unbuilt() || (escalations.deletes_if && !deletes);
    if escalations.kms {
        seal::agrees_with_itself(head.headers)?;
    }
    let call = if unbuilt {
        Call::Unbuilt
    } else {
        query.expect_only(operation)?;
        inputs::read(operation, &head, &target, &query)?
    };
    escalations.matches_tag = inputs::matches_tag(&call);
    let acl = if call.makes() {
        crate::acl::from_headers(head.headers)?
    } else {
        None
    };
    let expected = ExpectedOwners {
        bucket: headers::text_of(head.headers, "x-amz-expected-bucket-owner")?,
        source: headers::text_of(head.headers, "x-amz-source-expected-bucket-owner")?,
    };
    Ok(S3Request {
        operation,
        target,
        call,
        escalations,
        acl,
        expected,
    })
}
