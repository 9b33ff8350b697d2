//! What the directory refuses, in sentences that say what to do.

use http::StatusCode;
use postern_config::directory::{CommandError, Refusal};
use postern_config::upstream::BucketFault;
use s3_protocol::S3Code;

use crate::Problem;

/// A refusal that says about what, and what to do.
pub(crate) fn refused(subject: &str, error: CommandError) -> Problem {
    match error {
        CommandError::Taken { what, name, .. } => {
            let detail =
                format!("the name `{name}` is taken by another {what}: choose another name");
            Problem::new(StatusCode::CONFLICT, "taken", detail)
        }
        CommandError::Refused(refusal) => {
            let (status, code, advice) = advice(refusal);
            let detail = if advice.is_empty() {
                format!("{subject}: {refusal}")
            } else {
                format!("{subject}: {refusal}: {advice}")
            };
            Problem::new(status, code, detail)
        }
        CommandError::Stale { found } => stale(found.0),
        other => other.into(),
    }
}

/// The answer to whoever changes what has changed since.
pub(crate) fn stale(found: u64) -> Problem {
    let detail = format!(
        "the record has changed since it was read: it is at \"{found}\" now; read it again, and send that as `If-Match`"
    );
    Problem::new(StatusCode::PRECONDITION_FAILED, "stale", detail)
}

/// A bucket that was not made or removed.
pub(crate) fn bucket(subject: &str, fault: BucketFault) -> Problem {
    match fault {
        BucketFault::Refused(error) => refused(subject, error),
        BucketFault::Upstream(error) if error.code == S3Code::BucketNotEmpty => {
            let detail = format!(
                "{subject} is not empty: its owner must delete what is in it first (`aws s3 rm --recursive`, or a lifecycle rule)"
            );
            Problem::new(StatusCode::CONFLICT, "not-empty", detail)
        }
        BucketFault::Upstream(error) => {
            let detail = format!("{subject}: the storage answers: {}", error.message);
            Problem::new(StatusCode::SERVICE_UNAVAILABLE, "upstream", detail)
        }
        BucketFault::Unfinished(error) => {
            tracing::error!(
                error = &error as &dyn std::error::Error,
                "a bucket's last step waits"
            );
            let detail = format!("{subject}: the last step waits for the next start of the server");
            Problem::new(StatusCode::SERVICE_UNAVAILABLE, "unfinished", detail)
        }
    }
}

/// What kind of refusal it is, and what to do about it.
pub(crate) fn advice(refusal: Refusal) -> (StatusCode, &'static str, &'static str) {
    let (status, code) = (StatusCode::CONFLICT, "refused");
    match refusal {
        Refusal::MoreThanParent => (
            StatusCode::FORBIDDEN,
            "above",
            "ask for less, or raise the limit above first",
        ),
        Refusal::Needs(_) | Refusal::NotPermitted | Refusal::OwnersAlone => {
            (StatusCode::FORBIDDEN, "forbidden", "")
        }
        Refusal::MoreThanMaker => (
            StatusCode::FORBIDDEN,
            "above",
            "ask for less, or ask somebody who has it",
        ),
        Refusal::NoInvitation => (StatusCode::FORBIDDEN, "invitation", ""),
        Refusal::ShownOnce => (StatusCode::FORBIDDEN, "shown-once", ""),
        Refusal::ScopeUsers | Refusal::InvitationTime | Refusal::TokenTime => {
            (StatusCode::UNPROCESSABLE_ENTITY, "malformed", "")
        }
        Refusal::Rights(_) => (StatusCode::UNPROCESSABLE_ENTITY, "rights", ""),
        Refusal::Inactive => (status, code, "enable it first"),
        Refusal::BeingRemoved => (status, code, "it does not come back; make another"),
        Refusal::OwnsBuckets => (
            status,
            code,
            "delete those first, or ask for a deletion with data",
        ),
        Refusal::Replaced => (
            status,
            code,
            "it stops by itself at the end of its grace; delete it to stop it now, or change the key in its place",
        ),
        Refusal::SecondRoot => (status, code, "make a user of kind `human` or `service`"),
        Refusal::NoNamespace => (
            status,
            code,
            "where each user has buckets of his own, name a user; elsewhere name none",
        ),
        _ => (status, code, ""),
    }
}
