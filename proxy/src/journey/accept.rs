//! The first step: bytes of HTTP become an S3 request, within limits, or nothing.

use http::header::HOST;
use http::request::Parts;
use http::{HeaderMap, Request, Uri};
use postern_config::directory::TenantId;
use s3_protocol::host::{self, Addressing};
use s3_protocol::parse::{self, Head};
use s3_protocol::{S3Code, S3Error, S3Request};

use super::gate::Gate;
use super::refusal::Refusal;
use crate::edge::{Intake, Peer};
use crate::world::World;

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
    /// The account whose own host was asked.
    pub(super) host: Option<TenantId>,
    pub(super) body: Intake,
}

/// What came and is not a request of S3.
#[derive(Debug)]
pub(super) struct Misread {
    /// When it came, milliseconds since 1970.
    pub(super) now_ms: u64,
    pub(super) parts: Parts,
    /// The account whose own host was asked.
    pub(super) host: Option<TenantId>,
    /// What to answer if its signature holds.
    pub(super) refusal: Refusal,
}

/// Understands a request.
///
/// # Errors
/// [`Misread`] with S3's answer to what is not a request.
pub(super) fn parse(
    (gate, world): (&Gate, &World),
    peer: &Peer,
    wire: Request<Intake>,
    now_ms: u64,
) -> Result<Accepted, Box<Misread>> {
    let (parts, body) = wire.into_parts();
    let host = own_host(gate, world, &parts).map(|(tenant, _)| tenant);
    match understand(gate, world, &parts) {
        Ok((request, addressing, headers)) => Ok(Accepted {
            now_ms,
            peer: peer.clone(),
            headers,
            request,
            addressing,
            host,
            body,
            parts,
        }),
        Err(refusal) => Err(Box::new(Misread {
            now_ms,
            parts,
            host,
            refusal,
        })),
    }
}

/// Understands a head.
pub(super) fn understand(
    gate: &Gate,
    world: &World,
    parts: &Parts,
) -> Result<(S3Request, Addressing, Option<HeaderMap>), Refusal> {
    let addressing = match own_host(gate, world, parts) {
        Some((_, label)) => below(label.as_deref()).map_err(Refusal::Accept)?,
        None => host::resolve(host_of(parts)?, &gate.place.domains).map_err(Refusal::Accept)?,
    };
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

/// The account whose own host a request is for, and what stands before that. The deployment's own domains are nobody else's, whatever
/// the directory says.
fn own_host(gate: &Gate, world: &World, parts: &Parts) -> Option<(TenantId, Option<String>)> {
    let host = host_of(parts).ok()?;
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    let name = name.trim_end_matches('.').to_ascii_lowercase();
    let is_ours = |ours: &String| {
        let rest = name.strip_suffix(ours.as_str());
        rest.is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    };
    if gate.place.hosts.iter().any(is_ours) {
        return None;
    }
    let (tenant, label) = world.state.host(&name)?;
    Some((tenant, label.map(str::to_owned)))
}

/// A host of an account is path style; what stands before it is a bucket.
fn below(label: Option<&str>) -> Result<Addressing, S3Error> {
    let bucket = label.map(|label| {
        label
            .parse()
            .map_err(|_| S3Error::new(S3Code::InvalidBucketName).and("BucketName", label))
    });
    Ok(Addressing {
        bucket: bucket.transpose()?,
        ..Addressing::PATH
    })
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
