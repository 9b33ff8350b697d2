//! What the admin API answers when it refuses: `application/problem+json`. Source: RFC 9457.

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use postern_config::directory::{CommandError, ConsoleAtom};
use postern_config::judge::{ModuleFaults, PolicyFaults, ToolFault};
use postern_config::metering::LedgerError;
use serde_json::json;

use crate::caller::roles_with;
use crate::service::sentences::advice;

/// A refusal of the admin API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The status.
    pub status: StatusCode,
    /// A name that programs compare, such as `not-found`.
    pub code: &'static str,
    /// A sentence for a person.
    pub detail: String,
    /// Each fault by itself, where there are several.
    pub faults: Vec<String>,
    /// The permission that whoever asks lacks.
    pub needs: Option<ConsoleAtom>,
    /// After how many seconds it may be asked again.
    pub wait_seconds: Option<u64>,
}

impl Problem {
    pub(crate) fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        Self {
            status,
            code,
            detail: detail.into(),
            faults: Vec::new(),
            needs: None,
            wait_seconds: None,
        }
    }

    pub(crate) fn not_found(what: &str) -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "not-found",
            format!("there is no such {what}"),
        )
    }

    pub(crate) fn malformed(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "malformed", detail)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut body = json!({
            "type": "about:blank",
            "title": self.status.canonical_reason().unwrap_or(""),
            "status": self.status.as_u16(),
            "code": self.code,
            "detail": self.detail,
        });
        if let (false, Some(body)) = (self.faults.is_empty(), body.as_object_mut()) {
            body.insert("faults".to_owned(), self.faults.clone().into());
        }
        if let (Some(atom), Some(body)) = (self.needs, body.as_object_mut()) {
            let needs = json!({ "permission": atom.as_str(), "roles": roles_with(atom) });
            body.insert("needs".to_owned(), needs);
        }
        let mut response = Response::new(Body::from(body.to_string()));
        *response.status_mut() = self.status;
        let kind = HeaderValue::from_static("application/problem+json");
        response.headers_mut().insert(header::CONTENT_TYPE, kind);
        if let Some(seconds) = self.wait_seconds {
            let headers = response.headers_mut();
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            let scheme = HeaderValue::from_static("Bearer realm=\"postern\"");
            response
                .headers_mut()
                .insert(header::WWW_AUTHENTICATE, scheme);
        }
        // A page says the same to a person.
        response.extensions_mut().insert(self);
        response
    }
}

impl From<CommandError> for Problem {
    fn from(error: CommandError) -> Self {
        let detail = error.to_string();
        match error {
            CommandError::NotFound { .. } => Self::new(StatusCode::NOT_FOUND, "not-found", detail),
            CommandError::Taken { .. } => Self::new(StatusCode::CONFLICT, "taken", detail),
            CommandError::Refused(refusal) => {
                let (status, code, _) = advice(refusal);
                Self::new(status, code, detail)
            }
            CommandError::Stale { .. } => {
                Self::new(StatusCode::PRECONDITION_FAILED, "stale", detail)
            }
            CommandError::File(_) => Self::new(StatusCode::UNPROCESSABLE_ENTITY, "file", detail),
            CommandError::Contended => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "contended", detail)
            }
            CommandError::Seal(_) | CommandError::Engine(_) | CommandError::Row(_) => {
                tracing::error!(error = &error as &dyn std::error::Error, "a command failed");
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", detail)
            }
        }
    }
}

impl From<LedgerError> for Problem {
    fn from(error: LedgerError) -> Self {
        let detail = error.to_string();
        match error {
            LedgerError::NotEnded | LedgerError::NotClosed | LedgerError::Corrections => {
                Self::new(StatusCode::CONFLICT, "refused", detail)
            }
            LedgerError::TooLong => Self::malformed(detail),
            LedgerError::Store(_) | LedgerError::Schema(_) | LedgerError::Damaged(_) => {
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    "usage is not answered"
                );
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", detail)
            }
        }
    }
}

impl From<ModuleFaults> for Problem {
    fn from(faults: ModuleFaults) -> Self {
        let detail = "this is not a module that can be used";
        let problem = Self::new(StatusCode::UNPROCESSABLE_ENTITY, "module", detail);
        Self {
            faults: faults.0,
            ..problem
        }
    }
}

impl From<PolicyFaults> for Problem {
    fn from(faults: PolicyFaults) -> Self {
        let detail = "this is not a policy document that can be used";
        let problem = Self::new(StatusCode::UNPROCESSABLE_ENTITY, "policy", detail);
        Self {
            faults: faults.0,
            ..problem
        }
    }
}

impl From<ToolFault> for Problem {
    fn from(fault: ToolFault) -> Self {
        let detail = fault.to_string();
        match fault {
            ToolFault::NotFound(what) => Self::not_found(what),
            ToolFault::Malformed(_) => Self::malformed(detail),
            ToolFault::Off(_) => Self::new(StatusCode::CONFLICT, "off", detail),
            ToolFault::Busy => Self::new(StatusCode::TOO_MANY_REQUESTS, "busy", detail),
            ToolFault::Module(faults) => faults.into(),
            ToolFault::Failed(_) => {
                Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", detail)
            }
        }
    }
}
