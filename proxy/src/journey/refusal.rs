//! Every way in which a request is refused, and the one place that names each to the client.

use s3_protocol::{S3Code, S3Error};
use sigv4::{AuthError, BodyError, Place};

use crate::meter::pace::{self, TooFast};
use crate::meter::quota::{self, OverQuota};
use crate::observe::Modules;

/// Why a request is refused. Each step of the journey has its own cause; [`Refusal::answer`] is their one mouth.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// The request is not one that S3 has, or it is outside the limits.
    #[error("not accepted: {0}")]
    Accept(S3Error),
    /// The signature, or the form's policy, does not hold.
    #[error("not authenticated: {0}")]
    Authenticate(#[from] AuthError),
    /// The form's policy does not allow what the form says.
    #[error("the form is not what its policy allows: {0}")]
    Form(S3Error),
    /// The access key is unknown, disabled, or its owner is: one answer for all of them.
    #[error("the access key is not valid")]
    UnknownKey,
    /// The token of temporary credentials was not issued here, belongs to another key id, or has expired.
    #[error("the session token is not valid: {0}")]
    Session(S3Error),
    /// A policy said no.
    #[error("denied by {layer}: {reason}")]
    Denied {
        /// The layer that decided.
        layer: String,
        /// The statement that decided.
        reason: String,
        /// The version of each module that was asked.
        modules: Option<Modules>,
    },
    /// The policies could not answer: a trap, a budget, a module that does not load, a fetch that failed.
    #[error("undecided by {layer}: {cause}")]
    Undecided {
        /// The layer that could not answer.
        layer: String,
        /// Why.
        cause: String,
        /// The version of each module that was asked.
        modules: Option<Modules>,
    },
    /// It came faster than a rate allows.
    #[error("too fast for the rate of the {}: {} {} a second", pace::name(.0.of), .0.rate, .0.what)]
    TooFast(TooFast),
    /// A quota does not allow what would be stored.
    #[error("over the quota of the {}: {} {}", quota::name(.0.of), .0.quota, .0.what)]
    OverQuota(OverQuota),
    /// The access log cannot be written, and the settings say that nothing is done then.
    #[error("the access log cannot be written")]
    Unrecorded,
    /// The operation is known and not built.
    #[error("not built: {0}")]
    Unbuilt(s3_protocol::Operation),
    /// The body is not what was signed or declared.
    #[error("the body does not hold: {0}")]
    Body(S3Error),
    /// The upstream refuses: no such key, a condition that does not hold, no space.
    #[error("upstream: {0}")]
    Upstream(S3Error),
}

impl Refusal {
    /// The limit that it is about, for programs: whose, of what, how much; and after how many seconds to try again.
    pub(super) fn limit(&self) -> Option<(String, Option<u64>)> {
        match self {
            Self::TooFast(it) => {
                let wait = it.wait.as_millis().div_ceil(1_000).max(1);
                let limit = format!("{}; {}/s; {}", pace::name(it.of), it.what, it.rate);
                Some((limit, u64::try_from(wait).ok()))
            }
            Self::OverQuota(it) => Some((
                format!("{}; {}; {}", quota::name(it.of), it.what, it.quota),
                None,
            )),
            Self::Accept(_)
            | Self::Session(_)
            | Self::Authenticate(_)
            | Self::Form(_)
            | Self::UnknownKey
            | Self::Denied { .. }
            | Self::Undecided { .. }
            | Self::Unrecorded
            | Self::Unbuilt(_)
            | Self::Body(_)
            | Self::Upstream(_) => None,
        }
    }

    /// What the client is told. There is no `_` arm: a new way to refuse must be named here before it compiles.
    pub(crate) fn answer(&self) -> S3Error {
        match self {
            Self::Accept(error)
            | Self::Session(error)
            | Self::Form(error)
            | Self::Body(error)
            | Self::Upstream(error) => error.clone(),
            Self::Authenticate(cause) => authentication(cause),
            Self::UnknownKey => S3Code::InvalidAccessKeyId.into(),
            Self::Denied { .. } => S3Code::AccessDenied.into(),
            Self::TooFast(it) => {
                let (who, does) = (
                    pace::name(it.of),
                    if it.what == "bytes" { "move" } else { "send" },
                );
                let message = format!(
                    "Reduce your request rate: this {who} may {does} {} {} a second.",
                    it.rate, it.what
                );
                S3Error::with(S3Code::SlowDown, message)
            }
            Self::OverQuota(it) => {
                let message = format!(
                    "The quota of this {} is {} {}; what is stored leaves no room for {} more.",
                    quota::name(it.of),
                    it.quota,
                    it.what,
                    it.asked
                );
                S3Error::with(S3Code::QuotaExceeded, message)
            }
            Self::Undecided { .. } | Self::Unrecorded => S3Code::ServiceUnavailable.into(),
            Self::Unbuilt(operation) if operation.is_built() => S3Error::with(
                S3Code::NotImplemented,
                "A header asks for what is not implemented: encryption, or a feature of directory buckets.",
            ),
            Self::Unbuilt(operation) => S3Error::with(
                S3Code::NotImplemented,
                format!("{operation} is not implemented."),
            ),
        }
    }
}

/// Names the cause of a failed signature. Source: S3 API Reference, "List of error codes", and what SDKs act upon: a client
/// that is told its region or its clock is wrong mends it by itself.
fn authentication(cause: &AuthError) -> S3Error {
    use AuthError as A;
    let say = |code: S3Code| S3Error::with(code, sentence(cause));
    let malformed = |place: &Place| match place {
        Place::Header => S3Code::AuthorizationHeaderMalformed,
        Place::Query => S3Code::AuthorizationQueryParametersError,
        Place::Form => S3Code::InvalidPolicyDocument,
    };
    match cause {
        A::Missing { place, .. } | A::Repeated { place, .. } | A::Malformed { place, .. } => {
            say(malformed(place))
        }
        A::ScopeDate { place } | A::WrongService { place, .. } => say(malformed(place)),
        A::WrongRegion {
            place, expected, ..
        } => say(malformed(place)).and("Region", expected.clone()),
        A::ExpiresOutOfRange => say(S3Code::AccessDenied),
        A::TwoCredentials
        | A::UnsupportedAlgorithm { .. }
        | A::RepeatedHeader { .. }
        | A::MalformedHeader { .. }
        | A::AmbiguousHeader { .. }
        | A::MalformedQuery
        | A::PayloadModeUnfit
        | A::ChunkedUnannounced
        | A::TrailerUnfit => say(S3Code::InvalidRequest),
        A::MalformedPath => say(S3Code::InvalidURI),
        A::PayloadMode => say(S3Code::InvalidArgument),
        A::MissingHeader { name } if name == "x-amz-content-sha256" => say(S3Code::InvalidRequest),
        A::MissingHeader { .. } => say(S3Code::MissingSecurityHeader),
        A::HostNotSigned | A::UnsignedHeaders { .. } | A::SignedHeaderAbsent { .. } => {
            say(S3Code::AccessDenied)
        }
        A::Skewed { .. } => S3Code::RequestTimeTooSkewed.into(),
        A::NotYetValid { .. } => S3Error::with(S3Code::AccessDenied, "Request is not yet valid."),
        A::Expired { .. } => S3Error::with(S3Code::AccessDenied, "Request has expired."),
        A::SessionToken => say(S3Code::InvalidToken),
        A::Mismatch => S3Code::SignatureDoesNotMatch.into(),
    }
}

/// Names the cause of a body that does not hold.
pub(super) fn body(cause: &BodyError) -> S3Error {
    let code = match cause {
        BodyError::Digest => S3Code::XAmzContentSHA256Mismatch,
        BodyError::ChunkSignature | BodyError::TrailerSignature => S3Code::SignatureDoesNotMatch,
        BodyError::MalformedTrailer
        | BodyError::TrailersTooLong
        | BodyError::TrailerUndeclared { .. }
        | BodyError::TrailerAbsent { .. } => S3Code::MalformedTrailerError,
        BodyError::MalformedChunk | BodyError::AfterEnd => S3Code::InvalidRequest,
        BodyError::TooLong { .. } | BodyError::TooShort { .. } | BodyError::Truncated => {
            S3Code::IncompleteBody
        }
    };
    S3Error::with(code, sentence(cause))
}

/// A cause as a sentence for a person.
pub(super) fn sentence(cause: &impl std::fmt::Display) -> String {
    let mut text = cause.to_string();
    if let Some(first) = text.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    text.push('.');
    text
}
