//! Credentials in the query: presigned URLs.

use std::borrow::Cow;

use http::{HeaderMap, HeaderName, HeaderValue};

use crate::error::{AuthError, Part, Place};
use crate::key::Signature;
use crate::limits::PRESIGNED_SECONDS_MAX;
use crate::payload::decimal;
use crate::scope::{ALGORITHM, Credential};
use crate::text::{cut, split};
use crate::time::Timestamp;

const PLACE: Place = Place::Query;

/// The parameters that are the credential; raw values.
#[derive(Debug, Default)]
pub(crate) struct QueryCredential<'h> {
    algorithm: Option<&'h str>,
    credential: Option<&'h str>,
    date: Option<&'h str>,
    expires: Option<&'h str>,
    signed_headers: Option<&'h str>,
    signature: Option<&'h str>,
    security_token: Option<&'h str>,
    content_sha256: Option<&'h str>,
    /// Signature Version 2, or one of ours in another spelling: a credential, and not one that we take.
    foreign: bool,
}

/// A credential from the query, read.
#[derive(Debug)]
pub(crate) struct Presigned<'h> {
    pub(crate) credential: Credential<'h>,
    pub(crate) signed_headers: Cow<'h, str>,
    pub(crate) signature: Signature,
    pub(crate) time: Timestamp,
    pub(crate) expires: u64,
    pub(crate) security_token: Option<Cow<'h, str>>,
    pub(crate) content_sha256: Option<Cow<'h, str>>,
}

impl<'h> QueryCredential<'h> {
    /// Looks for credentials. Names are compared decoded, so that `X-Amz-Signatur%65` does not slip past.
    pub(crate) fn find(query: &'h str) -> Result<Option<Self>, AuthError> {
        let mut found = Self::default();
        let mut any = false;
        for (raw, value) in pairs(query) {
            let Some(name) = interesting(raw)? else {
                continue;
            };
            let (slot, part) = match &*name {
                "X-Amz-Algorithm" => (&mut found.algorithm, Part::Algorithm),
                "X-Amz-Credential" => (&mut found.credential, Part::Credential),
                "X-Amz-Date" => (&mut found.date, Part::Date),
                "X-Amz-Expires" => (&mut found.expires, Part::Expires),
                "X-Amz-SignedHeaders" => (&mut found.signed_headers, Part::SignedHeaders),
                "X-Amz-Signature" => (&mut found.signature, Part::Signature),
                "X-Amz-Security-Token" => (&mut found.security_token, Part::SecurityToken),
                _ if name.eq_ignore_ascii_case("x-amz-content-sha256") => {
                    if found.content_sha256.replace(value).is_some() {
                        return Err(AuthError::PayloadMode);
                    }
                    continue;
                }
                "AWSAccessKeyId" | "Signature" => {
                    found.foreign = true;
                    any = true;
                    continue;
                }
                other
                    if CREDENTIAL
                        .iter()
                        .any(|name| other.eq_ignore_ascii_case(name)) =>
                {
                    found.foreign = true;
                    any = true;
                    continue;
                }
                _ => continue,
            };
            any = true;
            if slot.replace(value).is_some() {
                return Err(AuthError::Repeated { place: PLACE, part });
            }
        }
        Ok(any.then_some(found))
    }

    /// Reads what was found.
    pub(crate) fn read(self) -> Result<Presigned<'h>, AuthError> {
        let need = |slot: Option<&'h str>, part| {
            slot.ok_or(AuthError::Missing { place: PLACE, part })
                .and_then(decode)
        };
        let malformed = |part| AuthError::Malformed { place: PLACE, part };
        if let Some(algorithm) = self.algorithm {
            if decode(algorithm)? != ALGORITHM {
                return Err(AuthError::UnsupportedAlgorithm { place: PLACE });
            }
        } else if self.foreign {
            return Err(AuthError::UnsupportedAlgorithm { place: PLACE });
        }
        need(self.algorithm, Part::Algorithm)?;
        if self.foreign {
            return Err(malformed(Part::Whole));
        }
        let credential = match need(self.credential, Part::Credential)? {
            Cow::Borrowed(text) => Credential::parse(text, PLACE)?,
            Cow::Owned(text) => Credential::parse(&text, PLACE)?.into_owned(),
        };
        let signature = need(self.signature, Part::Signature)?;
        let date = need(self.date, Part::Date)?;
        Ok(Presigned {
            credential,
            signed_headers: need(self.signed_headers, Part::SignedHeaders)?,
            signature: Signature::parse(signature.as_bytes())
                .ok_or_else(|| malformed(Part::Signature))?,
            time: Timestamp::parse(&date).ok_or_else(|| malformed(Part::Date))?,
            expires: life(&need(self.expires, Part::Expires)?)?,
            security_token: self.security_token.map(decode).transpose()?,
            content_sha256: self.content_sha256.map(decode).transpose()?,
        })
    }
}

/// The parameters that are a credential, in the one spelling that we take.
const CREDENTIAL: [&str; 7] = [
    "X-Amz-Algorithm",
    "X-Amz-Credential",
    "X-Amz-Date",
    "X-Amz-Expires",
    "X-Amz-SignedHeaders",
    "X-Amz-Signature",
    "X-Amz-Security-Token",
];

/// The `x-amz-*` names in the query of a presigned URL, which are to be read as headers: `x-amz-acl`,
/// `x-amz-meta-*` and so on, in lower case. They are signed, since the whole query is.
///
/// Left out are the credential itself, and checksums, which S3 ignores there: the one who made the URL did not
/// know the body. A name that occurs twice is an error.
pub fn presigned_headers(query: &str) -> Result<HeaderMap, AuthError> {
    let mut headers = HeaderMap::new();
    for (raw, value) in pairs(query) {
        let name = decode(raw)?;
        let starts = |prefix: &str| {
            name.get(..prefix.len())
                .is_some_and(|start| start.eq_ignore_ascii_case(prefix))
        };
        if !starts("x-amz-")
            || starts("x-amz-checksum-")
            || name.eq_ignore_ascii_case("x-amz-sdk-checksum-algorithm")
            || name.eq_ignore_ascii_case("x-amz-content-sha256")
            || CREDENTIAL
                .iter()
                .any(|credential| name.eq_ignore_ascii_case(credential))
        {
            continue;
        }
        let name =
            HeaderName::from_bytes(name.as_bytes()).map_err(|_| AuthError::MalformedQuery)?;
        let value = HeaderValue::from_str(decode(value)?.trim_matches(' '))
            .map_err(|_| AuthError::MalformedHeader { name: name.clone() })?;
        if headers.insert(name.clone(), value).is_some() {
            return Err(AuthError::RepeatedHeader { name });
        }
    }
    Ok(headers)
}

/// Names and values of a raw query.
pub(crate) fn pairs(query: &str) -> impl Iterator<Item = (&str, &str)> {
    split(query, b'&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| cut(pair, b'=').unwrap_or((pair, "")))
}

/// The decoded name, where it could be a credential's.
fn interesting(raw: &str) -> Result<Option<Cow<'_, str>>, AuthError> {
    match raw.as_bytes().first() {
        Some(b'x' | b'X' | b'a' | b'A' | b's' | b'S' | b'%') => decode(raw).map(Some),
        _ => Ok(None),
    }
}

/// Decodes one name or value of a query: `%XX`, and `+` for a space.
fn decode(raw: &str) -> Result<Cow<'_, str>, AuthError> {
    if !raw.bytes().any(|byte| matches!(byte, b'%' | b'+')) {
        return Ok(Cow::Borrowed(raw));
    }
    let spaced = raw.replace('+', " ");
    percent_encoding::percent_decode_str(&spaced)
        .decode_utf8()
        .map(|text| Cow::Owned(text.into_owned()))
        .map_err(|_| AuthError::MalformedQuery)
}

/// Reads `X-Amz-Expires`: digits only, 1 to 604,800.
fn life(text: &str) -> Result<u64, AuthError> {
    let negative = text.strip_prefix('-').unwrap_or_default();
    if !negative.is_empty() && negative.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(AuthError::ExpiresOutOfRange);
    }
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(AuthError::Malformed {
            place: PLACE,
            part: Part::Expires,
        });
    }
    decimal(text.as_bytes())
        .filter(|seconds| (1..=PRESIGNED_SECONDS_MAX).contains(seconds))
        .ok_or(AuthError::ExpiresOutOfRange)
}
