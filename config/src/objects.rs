//! Objects as a client of the S3 side sees them. What the admin side shows of them, and does to them, it asks at the gate under an
//! access key that a person has given, like any client: no other way leads from the admin side to what is in an object.

use std::fmt;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::{Method, Request, Response};
use s3_protocol::{S3Code, S3Error};

use crate::Secret;

/// An access key with its secret, as a person has given them. Nobody has looked yet whether there is such a one.
#[derive(Debug)]
pub struct HeldKey {
    /// The access key ID.
    pub id: String,
    /// The secret access key.
    pub secret: Secret,
}

/// The S3 side as a client sees it. The gate implements it.
pub trait Objects: Send + Sync + fmt::Debug {
    /// Answers a request that is signed with `key`. Path and query stand as on the wire, `/bucket/key?query`; the extensions are
    /// those of the request by which the person asks, and say where he is.
    ///
    /// # Errors
    /// The key cannot sign it, or the answer is larger than a page can use. A refusal of the gate is an answer.
    fn ask<'a>(
        &'a self,
        key: &'a HeldKey,
        asked: Request<Bytes>,
    ) -> BoxFuture<'a, Result<Response<Bytes>, S3Error>>;

    /// An address under which anybody may ask the same for so many seconds. Path and query stand as on the wire.
    ///
    /// # Errors
    /// The key cannot sign it.
    fn address(
        &self,
        key: &HeldKey,
        asked: (&Method, &str),
        seconds: u64,
    ) -> Result<String, S3Error>;
}

/// No S3 side: for tests of what does not look into buckets.
#[derive(Clone, Copy, Debug)]
pub struct NoObjects;

impl Objects for NoObjects {
    fn ask<'a>(
        &'a self,
        _: &'a HeldKey,
        _: Request<Bytes>,
    ) -> BoxFuture<'a, Result<Response<Bytes>, S3Error>> {
        Box::pin(std::future::ready(Err(S3Code::ServiceUnavailable.into())))
    }

    fn address(&self, _: &HeldKey, _: (&Method, &str), _: u64) -> Result<String, S3Error> {
        Err(S3Code::ServiceUnavailable.into())
    }
}
