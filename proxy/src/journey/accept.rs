//! The first step: bytes of HTTP become an S3 request, within limits, or nothing.

use http::header::HOST;
use http::request::Parts;
use http::{HeaderMap, Request, Uri};
use s3_protocol::host::{self, Addressing};
use s3_protocol::parse::{self, Head};
use s3_protocol::{S3Code, S3Error, S3Request};

use super::gate::Gate;
use super::refusal::Refusal;
use crate::edge::{Intake, Peer};

/// A request, understood. Nobody knows yet who sends it.
#[derive(Debug)]
pub struct Accepted {
    /// When it came, milliseconds since 1970.
    pub(super) now_ms: u64,
    pub(super) peer: Peer,
    pub(super) parts: Parts,
    /// The headers, with the names that a presigned URL carries in place of headers.
    pub(super) headers: Option<HeaderMap>,
    pub(super) request: S3Request,
    pub(super) addressing: Addressing,
    pub(super) body: Intake,
}

/// What came and is not a request of S3.
#[derive(Debug)]
pub(super) struct Misread {
    /// When it came, milliseconds since 1970.
    pub(super) now_ms: u64,
    pub(super) parts: Parts,
    /// What to answer if its signature holds.
    pub(super) refusal: Refusal,
}

/// Understands a request.
///
/// # Errors
/// [`Misread`] with S3's answer to what is not a request.
pub(super) fn parse(
    gate: &Gate,
    peer: &Peer,
    wire: Request<Intake>,
    now_ms: u64,
) -> Result<Accepted, Box<Misread>> {
    let (parts, body) = wire.into_parts();
    match understand(gate, &parts) {
        Ok((request, addressing, headers)) => Ok(Accepted {
            now_ms,
            peer: peer.clone(),
            headers,
            request,
            addressing,
            body,
            parts,
        }),
        Err(refusal) => Err(Box::new(Misread {
            now_ms,
            parts,
            refusal,
        })),
    }
}

/// Understands a head.
pub(super) fn understand(
    gate: &Gate,
    parts: &Parts,
) -> Result<(S3Request, Addressing, Option<HeaderMap>), Refusal> {
    let addressing =
        host::resolve(host_of(parts)?, &gate.place.domains).map_err(Refusal::Accept)?;
    let headers = merged(parts)?;
    let head = Head {
        method: &parts.method,
        path: parts.uri.path().as_bytes(),
        query: parts.uri.query().unwrap_or_default().as_bytes(),
        headers: headers.as_ref().unwrap_or(&parts.headers),
        addressing: &addressing,
    };
    let request = parse::parse(head).map_err(Refusal::Accept)?;
    Ok((request, addressing, headers))
}

/// The host that a request is for. There must be one: HTTP/1.1 demands it, and a signature covers it.
fn host_of(parts: &Parts) -> Result<&str, Refusal> {
    let missing = || {
        Refusal::Accept(S3Error::with(
            S3Code::InvalidRequest,
            "A Host header is required.",
        ))
    };
    match parts.uri.authority() {
        Some(authority) => Ok(authority.as_str()),
        None => parts
            .headers
            .get(HOST)
            .and_then(|host| host.to_str().ok())
            .ok_or_else(missing),
    }
}

/// A presigned URL may carry `x-amz-*` names in its query, to be read as headers: they are signed with it. That none of them is
/// also a header is checked with the signature.
fn merged(parts: &Parts) -> Result<Option<HeaderMap>, Refusal> {
    let Some(query) = presigned(&parts.uri) else {
        return Ok(None);
    };
    let hoisted = sigv4::presigned_headers(query)?;
    if hoisted.is_empty() {
        return Ok(None);
    }
    let mut headers = parts.headers.clone();
    // A checksum in a URL would be that of whoever made it, not of what is sent: S3 does not look at it either.
    let hoisted = hoisted.into_iter().filter(|(name, _)| {
        name.as_ref()
            .is_none_or(|name| !name.as_str().starts_with("x-amz-checksum-"))
    });
    headers.extend(hoisted);
    Ok(Some(headers))
}

/// The query, where it could hold such names. Encoded letters (`%58-Amz-…`) count too: what is decoded is decided there.
fn presigned(uri: &Uri) -> Option<&str> {
    let query = uri.query()?;
    let may = query
        .as_bytes()
        .windows(2)
        .any(|pair| matches!(pair, [b'x' | b'X', b'-'] | [b'%', b'5' | b'7' | b'2']));
    may.then_some(query)
}

impl Accepted {
    /// What is asked.
    pub fn request(&self) -> &S3Request {
        &self.request
    }
}
