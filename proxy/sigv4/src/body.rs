//! Bodies, verified while they flow.

use bytes::Bytes;
use http::{HeaderMap, HeaderName};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::chunked::ChunkDecoder;
use crate::payload::{Framing, PayloadMode};

/// Why a body is refused. Whatever was handed out of it before must not be kept.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    /// The body is not the one whose hash was signed.
    #[error("the body does not have the SHA-256 in `x-amz-content-sha256`")]
    Digest,
    /// The signature of a chunk does not match.
    #[error("the signature of a chunk does not match")]
    ChunkSignature,
    /// The signature of the trailers does not match.
    #[error("the signature of the trailers does not match")]
    TrailerSignature,
    /// The line before a chunk, or the end of one, is not what the framing says.
    #[error("malformed chunk")]
    MalformedChunk,
    /// A trailer line is not one.
    #[error("malformed trailer")]
    MalformedTrailer,
    /// More bytes of trailers than [`TRAILER_BYTES_MAX`](crate::limits::TRAILER_BYTES_MAX).
    #[error("too many bytes of trailers")]
    TrailersTooLong,
    /// A trailer came that was not declared, or came twice.
    #[error("the trailer `{name}` was not declared, or came twice")]
    TrailerUndeclared {
        /// Which.
        name: String,
    },
    /// A trailer was declared and did not come.
    #[error("the trailer `{name}` was declared and is not there")]
    TrailerAbsent {
        /// Which.
        name: HeaderName,
    },
    /// The chunks hold more than `x-amz-decoded-content-length`.
    #[error("the chunks hold more than the declared {declared} bytes")]
    TooLong {
        /// What was declared.
        declared: u64,
    },
    /// The chunks hold less than `x-amz-decoded-content-length`.
    #[error("the chunks hold {received} bytes, not the declared {declared}")]
    TooShort {
        /// What was declared.
        declared: u64,
        /// What came.
        received: u64,
    },
    /// The body ended inside a chunk, or before the last one.
    #[error("the body ended before its last chunk")]
    Truncated,
    /// Bytes came after the end of the last chunk.
    #[error("bytes after the last chunk")]
    AfterEnd,
}

/// Verifies one body. Feed what arrives to [`push`](Self::push), pass on what it gives out, and commit only after
/// [`finish`](Self::finish) has returned without error.
#[derive(Debug)]
pub enum BodyVerifier {
    /// There is nothing to verify.
    Unsigned,
    /// The SHA-256 of the whole.
    Hashed(PayloadHasher),
    /// Chunks, with or without signatures.
    Chunked(Box<ChunkDecoder>),
}

impl BodyVerifier {
    /// For a body that no key protects.
    pub(crate) fn unsigned(payload: PayloadMode, framing: Option<Framing>) -> Self {
        match (payload, framing) {
            (PayloadMode::Signed(hash), _) => Self::Hashed(PayloadHasher::new(hash)),
            (_, Some(framing)) => Self::Chunked(Box::new(ChunkDecoder::unsigned(framing))),
            (_, None) => Self::Unsigned,
        }
    }

    /// Bytes of the object, where the head declares them for a chunked body.
    pub const fn decoded_length(&self) -> Option<u64> {
        match self {
            Self::Unsigned | Self::Hashed(_) => None,
            Self::Chunked(decoder) => Some(decoder.decoded_length()),
        }
    }

    /// Takes bytes from the front of `input` and gives out the next piece of the object, without copying it.
    /// Nothing means that `input` is used up and more is needed: call it until then.
    pub fn push(&mut self, input: &mut Bytes) -> Result<Option<Bytes>, BodyError> {
        if input.is_empty() {
            return Ok(None);
        }
        match self {
            Self::Unsigned => Ok(Some(std::mem::take(input))),
            Self::Hashed(hasher) => {
                hasher.update(input);
                Ok(Some(std::mem::take(input)))
            }
            Self::Chunked(decoder) => decoder.push(input),
        }
    }

    /// Ends the body: everything that was handed out is verified now, or there is an error. Gives out the
    /// trailers, which are checksums that the caller must compare.
    pub fn finish(&mut self) -> Result<HeaderMap, BodyError> {
        match self {
            Self::Unsigned => Ok(HeaderMap::new()),
            Self::Hashed(hasher) => hasher.finish().map(|()| HeaderMap::new()),
            Self::Chunked(decoder) => decoder.finish(),
        }
    }
}

/// Compares a body with the hash that was signed.
#[derive(Debug, Clone)]
pub struct PayloadHasher {
    hash: Sha256,
    expected: [u8; 32],
}

impl PayloadHasher {
    /// Expects a body with this SHA-256.
    pub fn new(expected: [u8; 32]) -> Self {
        Self {
            hash: Sha256::new(),
            expected,
        }
    }

    /// Takes the next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.hash.update(bytes);
    }

    /// Ends the body.
    pub fn finish(&mut self) -> Result<(), BodyError> {
        let actual: [u8; 32] = self.hash.finalize_reset().into();
        if bool::from(actual.ct_eq(&self.expected)) {
            Ok(())
        } else {
            Err(BodyError::Digest)
        }
    }
}
