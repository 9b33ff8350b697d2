//! Every way in which these APIs refuse, and the one place that names each to the client. Source: IAM API Reference, "Common
//! errors" and the errors of each action.

use http::StatusCode;
use postern_config::directory::{CommandError, Refusal as Rule, SessionError};
use postern_config::judge::PolicyFaults;
use sigv4::AuthError;

use crate::journey::Refusal;

/// Why a request is refused.
#[derive(Debug, thiserror::Error)]
pub(super) enum Fault {
    /// The body is too long, came too slowly or ended early, or is not what was signed.
    #[error("the body is too long, did not come to its end, or is not what was signed")]
    Body,
    /// Nobody signed it.
    #[error("the request must be signed")]
    Unsigned,
    /// The signature does not hold.
    #[error("{0}")]
    Signature(AuthError),
    /// The session does not hold, or the key's secret could not be opened.
    #[error("{0}")]
    Credential(Box<Refusal>),
    /// The access key is unknown, disabled, or its owner is: one answer for all of them.
    #[error("the security token included in the request is invalid")]
    UnknownKey,
    /// There is no such action here.
    #[error("there is no action {0} here")]
    UnknownAction(String),
    /// A parameter is wrong.
    #[error("{0}")]
    Invalid(String),
    /// The caller may not.
    #[error("{0}")]
    Denied(&'static str),
    /// What policies say could not be found out.
    #[error("it could not be decided whether this is allowed")]
    Undecided,
    /// There is no such thing, or none that the caller may know of.
    #[error("the {what} with name {which} cannot be found")]
    Missing {
        /// `user`, …
        what: &'static str,
        /// Which was asked for.
        which: String,
    },
    /// It has to be emptied first.
    #[error("{0}")]
    InUse(&'static str),
    /// The document is not one.
    #[error("{0}")]
    Policy(PolicyFaults),
    /// The directory refuses.
    #[error("{0}")]
    Directory(#[from] CommandError),
    /// A session could not be made.
    #[error("{0}")]
    Session(#[from] SessionError),
}

impl Fault {
    pub(super) fn invalid(said: impl Into<String>) -> Self {
        Self::Invalid(said.into())
    }

    pub(super) fn missing(what: &'static str, which: impl ToString) -> Self {
        Self::Missing {
            what,
            which: which.to_string(),
        }
    }

    /// Whether a rule said no to somebody who is known.
    pub(super) const fn is_a_denial(&self) -> bool {
        matches!(self, Self::Denied(_))
    }

    pub(super) fn status(&self) -> StatusCode {
        self.told().0
    }

    pub(super) fn code(&self) -> &'static str {
        self.told().1
    }

    fn told(&self) -> (StatusCode, &'static str) {
        use StatusCode as S;
        match self {
            Self::Body => (S::BAD_REQUEST, "ValidationError"),
            Self::Unsigned => (S::FORBIDDEN, "MissingAuthenticationToken"),
            Self::Signature(AuthError::Mismatch) => (S::FORBIDDEN, "SignatureDoesNotMatch"),
            Self::Signature(AuthError::Skewed { .. } | AuthError::Expired { .. }) => {
                (S::FORBIDDEN, "RequestExpired")
            }
            Self::Signature(_) => (S::BAD_REQUEST, "IncompleteSignature"),
            Self::Credential(refusal) => match &**refusal {
                Refusal::Session(cause) if cause.code == s3_protocol::S3Code::ExpiredToken => {
                    (S::FORBIDDEN, "ExpiredToken")
                }
                Refusal::Session(_) => (S::FORBIDDEN, "InvalidClientTokenId"),
                _ => (S::SERVICE_UNAVAILABLE, "ServiceUnavailable"),
            },
            Self::UnknownKey => (S::FORBIDDEN, "InvalidClientTokenId"),
            Self::UnknownAction(_) => (S::BAD_REQUEST, "InvalidAction"),
            Self::Invalid(_) | Self::Session(SessionError::Length) => {
                (S::BAD_REQUEST, "ValidationError")
            }
            Self::Session(SessionError::Policy) => (S::BAD_REQUEST, "PackedPolicyTooLarge"),
            Self::Denied(_) => (S::FORBIDDEN, "AccessDenied"),
            Self::Undecided => (S::SERVICE_UNAVAILABLE, "ServiceUnavailable"),
            Self::Missing { .. } | Self::Directory(CommandError::NotFound { .. }) => {
                (S::NOT_FOUND, "NoSuchEntity")
            }
            Self::InUse(_)
            | Self::Directory(CommandError::Refused(Rule::OwnsBuckets | Rule::StillHas(_))) => {
                (S::CONFLICT, "DeleteConflict")
            }
            Self::Policy(_) => (S::BAD_REQUEST, "MalformedPolicyDocument"),
            Self::Directory(CommandError::Taken { .. }) => (S::CONFLICT, "EntityAlreadyExists"),
            Self::Directory(CommandError::Refused(
                Rule::UserPolicies | Rule::PolicySize | Rule::TooMany(_) | Rule::TrustSize,
            )) => (S::CONFLICT, "LimitExceeded"),
            Self::Directory(CommandError::Refused(
                Rule::RootHasOneKey | Rule::Keys | Rule::Users,
            )) => (S::CONFLICT, "LimitExceeded"),
            Self::Directory(CommandError::Refused(_)) => (S::BAD_REQUEST, "ValidationError"),
            Self::Directory(CommandError::Stale { .. } | CommandError::Contended) => {
                (S::CONFLICT, "ConcurrentModification")
            }
            Self::Directory(_) | Self::Session(SessionError::Seal(_)) => {
                (S::SERVICE_UNAVAILABLE, "ServiceUnavailable")
            }
        }
    }
}
