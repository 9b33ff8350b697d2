//! Health, readiness and metrics.

use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use http::{HeaderValue, StatusCode, header};
use postern_config::usage::Readiness;

use crate::Admin;

/// The process answers.
pub(crate) async fn healthz() -> &'static str {
    "ok\n"
}

/// The server takes requests. Why it does not is said to the holder of the token alone, by `/api/v1/status`.
pub(crate) async fn readyz(State(admin): State<Admin>) -> Response {
    match admin.usage.readiness() {
        Readiness::Ready => "ready\n".into_response(),
        Readiness::NotReady { .. } => {
            (StatusCode::SERVICE_UNAVAILABLE, "not ready\n").into_response()
        }
    }
}

pub(crate) async fn metrics(State(admin): State<Admin>) -> Response {
    let mut response = admin.usage.metrics().into_response();
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}
