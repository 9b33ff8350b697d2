//! Why a request is not authenticated: causes, without status codes or the names of S3's errors.

use http::HeaderName;

/// Where a credential stands; S3 words its errors by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Place {
    /// In the `Authorization` header.
    Header,
    /// In the query: a presigned URL.
    Query,
    /// In the fields of a POST form.
    Form,
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Header => "authorization header",
            Self::Query => "query",
            Self::Form => "form",
        })
    }
}

/// A part of a credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Part {
    /// The whole: it does not even fall into parts.
    Whole,
    /// `Algorithm`.
    Algorithm,
    /// `Credential`.
    Credential,
    /// The `aws4_request` that ends a credential.
    Terminator,
    /// `SignedHeaders`.
    SignedHeaders,
    /// `Signature`.
    Signature,
    /// The time of signing.
    Date,
    /// `Expires`.
    Expires,
    /// The session token.
    SecurityToken,
    /// The base64 policy of a form.
    Policy,
}

impl std::fmt::Display for Part {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Whole => "credentials",
            Self::Algorithm => "algorithm",
            Self::Credential => "credential",
            Self::Terminator => "terminator of the credential",
            Self::SignedHeaders => "list of signed headers",
            Self::Signature => "signature",
            Self::Date => "date",
            Self::Expires => "expiry",
            Self::SecurityToken => "security token",
            Self::Policy => "policy",
        })
    }
}

/// Why a request is not authenticated.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AuthError {
    /// Credentials both in the header and in the query: which of them is meant?
    #[error("credentials in the header and in the query")]
    TwoCredentials,
    /// A part that is needed is not there.
    #[error("the {place} has no {part}")]
    Missing {
        /// Where it should be.
        place: Place,
        /// What is missing.
        part: Part,
    },
    /// A part is there twice.
    #[error("the {place} has more than one {part}")]
    Repeated {
        /// Where.
        place: Place,
        /// What.
        part: Part,
    },
    /// A part cannot be read.
    #[error("the {part} in the {place} is malformed")]
    Malformed {
        /// Where.
        place: Place,
        /// What.
        part: Part,
    },
    /// Any algorithm but `AWS4-HMAC-SHA256`: Signature Version 2, the asymmetric 4a, another spelling.
    #[error("the algorithm in the {place} is not AWS4-HMAC-SHA256")]
    UnsupportedAlgorithm {
        /// Where.
        place: Place,
    },
    /// A header is there twice that must be there once.
    #[error("more than one `{name}` header")]
    RepeatedHeader {
        /// Which.
        name: HeaderName,
    },
    /// A header is not there that every signed request has.
    #[error("no `{name}` header")]
    MissingHeader {
        /// Which.
        name: HeaderName,
    },
    /// A header cannot be read.
    #[error("the `{name}` header is malformed")]
    MalformedHeader {
        /// Which.
        name: HeaderName,
    },
    /// A header says one thing and the query, or the request target, another.
    #[error("`{name}` is said twice")]
    AmbiguousHeader {
        /// Which.
        name: HeaderName,
    },
    /// `Host` is not among the signed headers.
    #[error("the host is not signed")]
    HostNotSigned,
    /// Headers arrived that would change the meaning of the request, and the signature does not cover them.
    #[error("headers are not signed: {}", join(.names))]
    UnsignedHeaders {
        /// Which.
        names: Vec<HeaderName>,
    },
    /// A signed header did not arrive.
    #[error("the signed header `{name}` is not in the request")]
    SignedHeaderAbsent {
        /// Which.
        name: String,
    },
    /// The credential is for another day than the request.
    #[error("the date of the credential in the {place} is not that of the request")]
    ScopeDate {
        /// Where.
        place: Place,
    },
    /// The credential is for another region.
    #[error("the region `{given}` is wrong; expecting `{expected}`")]
    WrongRegion {
        /// Where.
        place: Place,
        /// The one in the credential.
        given: String,
        /// The right one.
        expected: String,
    },
    /// The credential is for another service.
    #[error("the service `{given}` is wrong; expecting `{expected}`")]
    WrongService {
        /// Where.
        place: Place,
        /// The one in the credential.
        given: String,
        /// The right one.
        expected: String,
    },
    /// The request was signed too long ago, or too far in the future. Seconds since 1970.
    #[error("the time of the request is too far from that of the server: {request}, {server}")]
    Skewed {
        /// When it was signed.
        request: u64,
        /// When it arrived.
        server: u64,
    },
    /// A presigned URL, or a form, of the future. Seconds since 1970.
    #[error("the request is valid from {from}, and it is {server}")]
    NotYetValid {
        /// When it becomes valid.
        from: u64,
        /// When it arrived.
        server: u64,
    },
    /// A presigned URL whose time is over. Seconds since 1970.
    #[error("the request expired at {at}, and it is {server}")]
    Expired {
        /// Its last second.
        at: u64,
        /// When it arrived.
        server: u64,
    },
    /// A presigned URL's life is not between 1 and 604,800 seconds.
    #[error("the life of a presigned URL is 1 to 604800 seconds")]
    ExpiresOutOfRange,
    /// Temporary credentials, which are not issued here.
    #[error("session tokens are not supported")]
    SessionToken,
    /// The path has a `%` without two hex digits.
    #[error("the path is not percent-encoded")]
    MalformedPath,
    /// The query has a `%` without two hex digits, or too many parameters.
    #[error("the query is not percent-encoded, or too long")]
    MalformedQuery,
    /// `x-amz-content-sha256` is none of the values that exist.
    #[error("`x-amz-content-sha256` is neither 64 lower-case hex digits nor a known mode")]
    PayloadMode,
    /// A mode of the payload that this kind of credential cannot have.
    #[error("the mode of the payload does not fit the kind of request")]
    PayloadModeUnfit,
    /// `aws-chunked` framing without a mode that defines it.
    #[error("an aws-chunked body needs a STREAMING mode in `x-amz-content-sha256`")]
    ChunkedUnannounced,
    /// A trailer that is not a checksum, or in a mode that has none.
    #[error("`x-amz-trailer` does not fit the mode of the payload")]
    TrailerUnfit,
    /// The signature is not that of the request under the key: wrong key, or altered request.
    #[error("the signature does not match")]
    Mismatch,
}

fn join(names: &[HeaderName]) -> String {
    names
        .iter()
        .map(HeaderName::as_str)
        .collect::<Vec<_>>()
        .join(", ")
}
