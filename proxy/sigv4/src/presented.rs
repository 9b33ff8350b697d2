//! The first step: what a request presents, read and checked as far as that needs no secret.

use std::borrow::Cow;

use http::header::{AUTHORIZATION, DATE, HOST};
use http::{HeaderMap, HeaderName};
use smallvec::SmallVec;

use crate::authorization::Authorization;
use crate::body::BodyVerifier;
use crate::error::{AuthError, Part, Place};
use crate::head::Head;
use crate::key::Signature;
use crate::limits::{CLOCK_SKEW_SECONDS_MAX, SESSION_TOKEN_BYTES_MAX, SIGNED_HEADERS_MAX};
use crate::payload::{self, CONTENT_SHA256, Framing, PayloadMode, only, says_aws_chunked};
use crate::presigned::QueryCredential;
use crate::scope::{self, Credential, Scope};
use crate::text::split;
use crate::time::Timestamp;

pub(crate) const AMZ_DATE: HeaderName = HeaderName::from_static("x-amz-date");
pub(crate) const SECURITY_TOKEN: HeaderName = HeaderName::from_static("x-amz-security-token");

/// What a deployment takes.
#[derive(Debug, Clone, Copy)]
pub struct Expectation<'a> {
    /// The region that errors name as the right one.
    pub region: &'a str,
    /// Other names of it that are taken too.
    pub aliases: &'a [String],
    /// The service.
    pub service: &'a str,
    /// Whether temporary credentials are issued here.
    pub sessions: Sessions,
    /// The SHA-256 of the body in lower-case hexadecimal digits, where it was read before: other services than S3 do not name
    /// it in a header.
    pub body_sha256: Option<&'a str>,
}

impl<'a> Expectation<'a> {
    /// S3 in `region`, without temporary credentials.
    pub const fn s3(region: &'a str) -> Self {
        Self {
            region,
            aliases: &[],
            service: scope::S3,
            sessions: Sessions::Refused,
            body_sha256: None,
        }
    }

    /// Checks a credential's scope against what is expected, and against the time of the request.
    pub(crate) fn check_scope(
        &self,
        scope: &Scope<'_>,
        time: Timestamp,
        place: Place,
    ) -> Result<(), AuthError> {
        if scope.date() != time.date() {
            return Err(AuthError::ScopeDate { place });
        }
        let region = scope.region();
        if region != self.region && !self.aliases.iter().any(|alias| alias == region) {
            return Err(AuthError::WrongRegion {
                place,
                given: region.to_owned(),
                expected: self.region.to_owned(),
            });
        }
        if scope.service() != self.service {
            return Err(AuthError::WrongService {
                place,
                given: scope.service().to_owned(),
                expected: self.service.to_owned(),
            });
        }
        Ok(())
    }

    /// Refuses a session token where there are none, and one that is no token anywhere.
    pub(crate) fn check_token(&self, token: Option<&str>, place: Place) -> Result<(), AuthError> {
        match (token, self.sessions) {
            (None, _) => Ok(()),
            (Some(_), Sessions::Refused) => Err(AuthError::SessionToken),
            (Some(token), Sessions::Accepted)
                if (1..=SESSION_TOKEN_BYTES_MAX).contains(&token.len()) =>
            {
                Ok(())
            }
            (Some(_), Sessions::Accepted) => Err(AuthError::Malformed {
                place,
                part: Part::SecurityToken,
            }),
        }
    }
}

/// Whether a session token is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Sessions {
    /// A request with a session token is refused.
    Refused,
    /// The token is part of the [`Claim`]; whoever finds the key must check it.
    Accepted,
}

/// What a request presents.
#[expect(
    clippy::large_enum_variant,
    reason = "one at a time on the stack of a request: a box would cost more than the copy"
)]
#[derive(Debug)]
pub enum Presented<'h> {
    /// No credentials at all. Credentials that are there and wrong never become this.
    Anonymous(Anonymous),
    /// Credentials, to be verified.
    Signed(Claim<'h>),
}

impl<'h> Presented<'h> {
    /// Reads the credentials of a request, wherever they stand, and checks all that needs no secret: form,
    /// algorithm, scope, time, that whatever changes the meaning is signed, and the mode of the payload.
    ///
    /// `now` is in seconds since 1970.
    pub fn read(head: Head<'h>, now: u64, expected: &Expectation<'_>) -> Result<Self, AuthError> {
        let host = host(&head)?;
        let header = only(head.headers, &AUTHORIZATION)?;
        let query = head.query.map(QueryCredential::find).transpose()?.flatten();
        match (header, query) {
            (Some(_), Some(_)) => Err(AuthError::TwoCredentials),
            (Some(value), None) => {
                let authorization = Authorization::parse(value)?;
                Claim::from_header(head, host, authorization, now, expected).map(Self::Signed)
            }
            (None, Some(query)) => {
                Claim::from_query(head, host, query, now, expected).map(Self::Signed)
            }
            (None, None) => Anonymous::read(head.headers).map(Self::Anonymous),
        }
    }
}

/// The one host that a request is for: `Host`, or the authority of the target, or both if they agree.
fn host<'h>(head: &Head<'h>) -> Result<&'h str, AuthError> {
    let header = only(head.headers, &HOST)?
        .map(|value| {
            value
                .to_str()
                .map_err(|_| AuthError::MalformedHeader { name: HOST })
        })
        .transpose()?;
    match (header, head.authority) {
        (Some(header), Some(authority)) if !header.eq_ignore_ascii_case(authority) => {
            Err(AuthError::AmbiguousHeader { name: HOST })
        }
        (Some(host), _) | (None, Some(host)) => Ok(host),
        (None, None) => Err(AuthError::MissingHeader { name: HOST }),
    }
}

/// A request without credentials.
#[derive(Debug)]
pub struct Anonymous {
    payload: PayloadMode,
    framing: Option<Framing>,
}

impl Anonymous {
    fn read(headers: &HeaderMap) -> Result<Self, AuthError> {
        if headers.contains_key(SECURITY_TOKEN) {
            return Err(AuthError::Missing {
                place: Place::Header,
                part: Part::Credential,
            });
        }
        let payload = match only(headers, &CONTENT_SHA256)? {
            // SDKs without credentials frame the body for a trailer all the same, and leave the mode out.
            None if says_aws_chunked(headers) => PayloadMode::StreamingUnsignedTrailer,
            None => PayloadMode::Unsigned,
            Some(value) => PayloadMode::parse(value.to_str().map_err(|_| AuthError::PayloadMode)?)?,
        };
        match payload {
            PayloadMode::StreamingSigned { .. } => Err(AuthError::PayloadModeUnfit),
            PayloadMode::Signed(_)
            | PayloadMode::Unsigned
            | PayloadMode::StreamingUnsignedTrailer => Ok(Self {
                payload,
                framing: Framing::read(headers, payload)?,
            }),
        }
    }

    /// How the body is protected, in this case only against accidents.
    pub const fn payload(&self) -> PayloadMode {
        self.payload
    }

    /// What the head says of the chunks, in a streaming mode.
    pub const fn framing(&self) -> Option<&Framing> {
        self.framing.as_ref()
    }

    /// What verifies the body while it flows.
    pub fn body(&self) -> BodyVerifier {
        BodyVerifier::unsigned(self.payload, self.framing.clone())
    }
}

/// What a caller claims to have signed. Nobody may act on it before [`verify`](Claim::verify).
#[derive(Debug)]
pub struct Claim<'h> {
    pub(crate) head: Head<'h>,
    pub(crate) host: &'h str,
    pub(crate) place: Place,
    pub(crate) credential: Credential<'h>,
    pub(crate) signed_headers: Cow<'h, str>,
    pub(crate) signature: Signature,
    pub(crate) time: Timestamp,
    pub(crate) expires: Option<u64>,
    pub(crate) session_token: Option<Cow<'h, str>>,
    pub(crate) payload: PayloadMode,
    /// What stands for the payload in the canonical request.
    pub(crate) payload_text: Cow<'h, str>,
    pub(crate) framing: Option<Framing>,
}

impl<'h> Claim<'h> {
    /// Where the credential stands: in the header, or in the query.
    pub const fn place(&self) -> Place {
        self.place
    }

    /// The access key id, as the caller wrote it.
    pub fn access_key_id(&self) -> &str {
        &self.credential.access_key_id
    }

    /// What the signing key must be derived for.
    pub const fn scope(&self) -> &Scope<'h> {
        &self.credential.scope
    }

    /// When the request was signed.
    pub const fn time(&self) -> Timestamp {
        self.time
    }

    /// For how many seconds a presigned URL is good; nothing for other requests.
    pub const fn expires(&self) -> Option<u64> {
        self.expires
    }

    /// The names of the signed headers, in lower case, ascending.
    pub fn signed_headers(&self) -> impl Iterator<Item = &str> {
        split(&self.signed_headers, b';')
    }

    /// The session token, where [`Sessions::Accepted`].
    pub fn session_token(&self) -> Option<&str> {
        self.session_token.as_deref()
    }

    /// How the body is protected.
    pub const fn payload(&self) -> PayloadMode {
        self.payload
    }

    fn from_header(
        head: Head<'h>,
        host: &'h str,
        authorization: Authorization<'h>,
        now: u64,
        expected: &Expectation<'_>,
    ) -> Result<Self, AuthError> {
        let place = Place::Header;
        let Authorization {
            credential,
            signed_headers,
            signature,
        } = authorization;
        check_headers(head.headers, signed_headers, place)?;
        let time = header_time(head.headers, signed_headers)?;
        expected.check_scope(&credential.scope, time, place)?;
        if time.unix().abs_diff(now) > CLOCK_SKEW_SECONDS_MAX {
            return Err(AuthError::Skewed {
                request: time.unix(),
                server: now,
            });
        }
        let token = only(head.headers, &SECURITY_TOKEN)?
            .map(|value| {
                value.to_str().map_err(|_| AuthError::MalformedHeader {
                    name: SECURITY_TOKEN,
                })
            })
            .transpose()?;
        expected.check_token(token, place)?;
        let payload_text = match (only(head.headers, &CONTENT_SHA256)?, expected.body_sha256) {
            (Some(named), _) => Cow::Borrowed(named.to_str().map_err(|_| AuthError::PayloadMode)?),
            (None, Some(read)) => Cow::Owned(read.to_owned()),
            (None, None) => {
                return Err(AuthError::MissingHeader {
                    name: CONTENT_SHA256,
                });
            }
        };
        let payload = PayloadMode::parse(&payload_text)?;
        Ok(Self {
            head,
            host,
            place,
            credential,
            signed_headers: Cow::Borrowed(signed_headers),
            signature,
            time,
            expires: None,
            session_token: token.map(Cow::Borrowed),
            payload,
            payload_text,
            framing: Framing::read(head.headers, payload)?,
        })
    }

    fn from_query(
        head: Head<'h>,
        host: &'h str,
        query: QueryCredential<'h>,
        now: u64,
        expected: &Expectation<'_>,
    ) -> Result<Self, AuthError> {
        let place = Place::Query;
        let presigned = query.read()?;
        check_headers(head.headers, &presigned.signed_headers, place)?;
        expected.check_scope(&presigned.credential.scope, presigned.time, place)?;
        check_life(presigned.time.unix(), presigned.expires, now)?;
        if let Some(value) = only(head.headers, &AMZ_DATE)?
            && value.as_bytes() != presigned.time.basic()
        {
            return Err(AuthError::AmbiguousHeader { name: AMZ_DATE });
        }
        expected.check_token(presigned.security_token.as_deref(), place)?;
        let (payload, payload_text) = presigned_payload(
            head.headers,
            presigned.content_sha256,
            &presigned.signed_headers,
        )?;
        Ok(Self {
            head,
            host,
            place,
            credential: presigned.credential,
            signed_headers: presigned.signed_headers,
            signature: presigned.signature,
            time: presigned.time,
            expires: Some(presigned.expires),
            session_token: presigned.security_token,
            payload,
            payload_text,
            framing: Framing::read(head.headers, payload)?,
        })
    }
}

/// Checks that a presigned URL is good now. Its clock may be ahead of ours by the usual skew; its last second is
/// exact.
pub(crate) fn check_life(from: u64, expires: u64, now: u64) -> Result<(), AuthError> {
    if from > now.saturating_add(CLOCK_SKEW_SECONDS_MAX) {
        return Err(AuthError::NotYetValid { from, server: now });
    }
    let at = from + expires;
    if now > at {
        return Err(AuthError::Expired { at, server: now });
    }
    Ok(())
}

/// The payload of a presigned URL: unsigned, unless the one who made the URL said otherwise in the query or in a
/// signed header. An unsigned header can ask for a check of the body, and for nothing else.
fn presigned_payload<'h>(
    headers: &'h HeaderMap,
    in_query: Option<Cow<'h, str>>,
    signed_headers: &str,
) -> Result<(PayloadMode, Cow<'h, str>), AuthError> {
    let header = only(headers, &CONTENT_SHA256)?
        .map(|value| value.to_str().map_err(|_| AuthError::PayloadMode))
        .transpose()?;
    let header_is_signed = split(signed_headers, b';').any(|name| name == CONTENT_SHA256.as_str());
    let (mode, text) = match (in_query, header) {
        (Some(query), Some(header)) if query != header => {
            return Err(AuthError::AmbiguousHeader {
                name: CONTENT_SHA256,
            });
        }
        (Some(text), _) => (PayloadMode::parse(&text)?, text),
        (None, Some(header)) if header_is_signed => {
            (PayloadMode::parse(header)?, Cow::Borrowed(header))
        }
        (None, None) => (PayloadMode::Unsigned, Cow::Borrowed(payload::UNSIGNED)),
        (None, Some(header)) => match PayloadMode::parse(header)? {
            mode @ (PayloadMode::Signed(_) | PayloadMode::Unsigned) => {
                (mode, Cow::Borrowed(payload::UNSIGNED))
            }
            PayloadMode::StreamingSigned { .. } | PayloadMode::StreamingUnsignedTrailer => {
                return Err(AuthError::UnsignedHeaders {
                    names: vec![CONTENT_SHA256],
                });
            }
        },
    };
    match mode {
        // The signature in a URL is no seed: chunks would have to be signed by whoever uses it.
        PayloadMode::StreamingSigned { .. } => Err(AuthError::PayloadModeUnfit),
        PayloadMode::Signed(_) | PayloadMode::Unsigned | PayloadMode::StreamingUnsignedTrailer => {
            Ok((mode, text))
        }
    }
}

/// The time of a request that is signed in the header: `x-amz-date`, else `Date`, signed in either case.
fn header_time(headers: &HeaderMap, signed_headers: &str) -> Result<Timestamp, AuthError> {
    let date = only(headers, &DATE)?;
    let (name, value) = match only(headers, &AMZ_DATE)? {
        Some(value) => (AMZ_DATE, value),
        None => (
            DATE,
            date.ok_or(AuthError::MissingHeader { name: AMZ_DATE })?,
        ),
    };
    if !split(signed_headers, b';').any(|signed| signed == name.as_str()) {
        return Err(AuthError::UnsignedHeaders { names: vec![name] });
    }
    let text = value.to_str().ok();
    let time = if name == AMZ_DATE {
        text.and_then(Timestamp::parse)
    } else {
        text.and_then(Timestamp::parse_http)
    };
    time.ok_or(AuthError::Malformed {
        place: Place::Header,
        part: Part::Date,
    })
}

/// Checks the list of signed headers: well-formed, `host` in it, and every `x-amz-*` header of the request in it
/// that could change the meaning.
fn check_headers(headers: &HeaderMap, signed: &str, place: Place) -> Result<(), AuthError> {
    let mut list = SmallVec::<[&str; 24]>::new();
    for name in split(signed, b';') {
        let is_name = !name.is_empty()
            && name.bytes().fold(true, |fits, byte| {
                fits & byte.is_ascii_graphic() & !byte.is_ascii_uppercase()
            });
        // Ascending also means: none twice.
        if !is_name
            || list.len() == SIGNED_HEADERS_MAX
            || list.last().is_some_and(|last| *last >= name)
        {
            return Err(AuthError::Malformed {
                place,
                part: Part::SignedHeaders,
            });
        }
        list.push(name);
    }
    if list.binary_search(&HOST.as_str()).is_err() {
        return Err(AuthError::HostNotSigned);
    }
    let unsigned = |name: &&HeaderName| {
        let name = name.as_str();
        name.starts_with("x-amz-") && !EXEMPT.contains(&name) && list.binary_search(&name).is_err()
    };
    if headers.keys().any(|name| unsigned(&name)) {
        let names = headers.keys().filter(unsigned).cloned().collect();
        return Err(AuthError::UnsignedHeaders { names });
    }
    Ok(())
}

/// `x-amz-*` headers that need no signature: the first is part of the canonical request in any case, the next
/// three are checked against the body, and the last one CloudFront adds, and nobody reads.
const EXEMPT: [&str; 5] = [
    "x-amz-content-sha256",
    "x-amz-decoded-content-length",
    "x-amz-trailer",
    "x-amz-checksum-algorithm",
    "x-amz-cf-id",
];
