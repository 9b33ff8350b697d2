//! What a request says about its body before it sends it: the mode of its payload, and its framing.

use std::borrow::Cow;

use http::header::CONTENT_ENCODING;
use http::{HeaderMap, HeaderName, HeaderValue};
use sha2::{Digest, Sha256};
use smallvec::SmallVec;

use crate::error::AuthError;
use crate::key::parse_sha256;
use crate::limits::{DECODED_BYTES_MAX, TRAILERS_MAX};

/// How a body is protected. Source: S3 API Reference, "Signature Calculations for the Authorization Header".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PayloadMode {
    /// Its SHA-256 is in the signed head.
    Signed([u8; 32]),
    /// `UNSIGNED-PAYLOAD`: by TLS alone.
    Unsigned,
    /// `STREAMING-AWS4-HMAC-SHA256-PAYLOAD`, and the same with `-TRAILER`: each chunk has a signature that
    /// chains to the one before.
    StreamingSigned {
        /// Whether signed trailers follow.
        trailer: bool,
    },
    /// `STREAMING-UNSIGNED-PAYLOAD-TRAILER`: chunks without signatures; the checksum in the trailer is the only
    /// integrity there is, so whoever stores the body must compare it.
    StreamingUnsignedTrailer,
}

impl PayloadMode {
    /// Reads the value of `x-amz-content-sha256`.
    pub(crate) fn parse(text: &str) -> Result<Self, AuthError> {
        match text {
            UNSIGNED => Ok(Self::Unsigned),
            STREAMING_SIGNED => Ok(Self::StreamingSigned { trailer: false }),
            STREAMING_SIGNED_TRAILER => Ok(Self::StreamingSigned { trailer: true }),
            STREAMING_UNSIGNED_TRAILER => Ok(Self::StreamingUnsignedTrailer),
            _ => parse_sha256(text.as_bytes())
                .map(Self::Signed)
                .ok_or(AuthError::PayloadMode),
        }
    }

    /// The value of `x-amz-content-sha256`.
    pub fn to_text(self) -> Cow<'static, str> {
        Cow::Borrowed(match self {
            Self::Signed(hash) => return Cow::Owned(hex::encode(hash)),
            Self::Unsigned => UNSIGNED,
            Self::StreamingSigned { trailer: false } => STREAMING_SIGNED,
            Self::StreamingSigned { trailer: true } => STREAMING_SIGNED_TRAILER,
            Self::StreamingUnsignedTrailer => STREAMING_UNSIGNED_TRAILER,
        })
    }

    /// The mode that signs all of `body` with the head.
    pub fn sign(body: &[u8]) -> Self {
        Self::Signed(Sha256::digest(body).into())
    }

    /// Whether the body is framed as `aws-chunked`.
    pub const fn is_streaming(self) -> bool {
        match self {
            Self::StreamingSigned { .. } | Self::StreamingUnsignedTrailer => true,
            Self::Signed(_) | Self::Unsigned => false,
        }
    }
}

/// What stands for the hash of a body that is not signed.
pub(crate) const UNSIGNED: &str = "UNSIGNED-PAYLOAD";
const STREAMING_SIGNED: &str = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD";
const STREAMING_SIGNED_TRAILER: &str = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER";
const STREAMING_UNSIGNED_TRAILER: &str = "STREAMING-UNSIGNED-PAYLOAD-TRAILER";

pub(crate) const CONTENT_SHA256: HeaderName = HeaderName::from_static("x-amz-content-sha256");
pub(crate) const DECODED_LENGTH: HeaderName =
    HeaderName::from_static("x-amz-decoded-content-length");
pub(crate) const TRAILER: HeaderName = HeaderName::from_static("x-amz-trailer");

/// What the head of an `aws-chunked` request says about what the chunks hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Framing {
    decoded_length: u64,
    trailers: SmallVec<[HeaderName; 1]>,
}

impl Framing {
    /// A framing of `decoded_length` bytes in the chunks, followed by exactly these trailers.
    pub fn new(decoded_length: u64, trailers: impl IntoIterator<Item = HeaderName>) -> Self {
        Self {
            decoded_length,
            trailers: trailers.into_iter().collect(),
        }
    }

    /// Bytes of the object, in all chunks together: `x-amz-decoded-content-length`.
    pub const fn decoded_length(&self) -> u64 {
        self.decoded_length
    }

    /// The trailers that were declared in `x-amz-trailer`, each a checksum.
    pub fn trailers(&self) -> &[HeaderName] {
        &self.trailers
    }

    /// Reads the framing that fits `mode`: none for a plain body, and then nothing may speak of one.
    pub(crate) fn read(headers: &HeaderMap, mode: PayloadMode) -> Result<Option<Self>, AuthError> {
        if !mode.is_streaming() {
            if says_aws_chunked(headers) {
                return Err(AuthError::ChunkedUnannounced);
            }
            if headers.contains_key(TRAILER) {
                return Err(AuthError::TrailerUnfit);
            }
            return Ok(None);
        }
        let Some(length) = only(headers, &DECODED_LENGTH)? else {
            return Err(AuthError::MissingHeader {
                name: DECODED_LENGTH,
            });
        };
        let decoded_length = decimal(length.as_bytes())
            .filter(|&length| length <= DECODED_BYTES_MAX)
            .ok_or(AuthError::MalformedHeader {
                name: DECODED_LENGTH,
            })?;
        let trailers = match only(headers, &TRAILER)? {
            None => SmallVec::new(),
            Some(_) if mode == (PayloadMode::StreamingSigned { trailer: false }) => {
                return Err(AuthError::TrailerUnfit);
            }
            Some(value) => declared(value)?,
        };
        Ok(Some(Self {
            decoded_length,
            trailers,
        }))
    }
}

/// Reads the list in `x-amz-trailer`. Only checksums may follow a body: anything else would change the meaning of
/// a request after it was judged.
fn declared(value: &HeaderValue) -> Result<SmallVec<[HeaderName; 1]>, AuthError> {
    let mut names = SmallVec::new();
    for name in value.as_bytes().split(|&byte| byte == b',') {
        let name =
            HeaderName::from_bytes(name.trim_ascii()).map_err(|_| AuthError::TrailerUnfit)?;
        if !name.as_str().starts_with("x-amz-checksum-")
            || names.contains(&name)
            || names.len() == TRAILERS_MAX
        {
            return Err(AuthError::TrailerUnfit);
        }
        names.push(name);
    }
    Ok(names)
}

/// Whether any `Content-Encoding` names `aws-chunked`.
pub(crate) fn says_aws_chunked(headers: &HeaderMap) -> bool {
    headers.get_all(CONTENT_ENCODING).iter().any(|value| {
        value
            .as_bytes()
            .split(|&byte| byte == b',')
            .any(|coding| coding.trim_ascii().eq_ignore_ascii_case(b"aws-chunked"))
    })
}

/// The one value of a header that must not be repeated.
pub(crate) fn only<'h>(
    headers: &'h HeaderMap,
    name: &HeaderName,
) -> Result<Option<&'h HeaderValue>, AuthError> {
    let mut values = headers.get_all(name).iter();
    let first = values.next();
    match values.next() {
        None => Ok(first),
        Some(_) => Err(AuthError::RepeatedHeader { name: name.clone() }),
    }
}

/// Reads decimal digits and nothing else: no sign, no space, not more than 19.
pub(crate) fn decimal(text: &[u8]) -> Option<u64> {
    if text.is_empty() || text.len() > 19 {
        return None;
    }
    text.iter().try_fold(0_u64, |number, byte| {
        byte.is_ascii_digit()
            .then(|| number * 10 + u64::from(byte - b'0'))
    })
}
