//! The admin API, version 1.

pub(crate) mod asked;
pub(crate) mod audit;
pub(crate) mod buckets;
pub(crate) mod bulk;
pub(crate) mod domains;
pub(crate) mod jobs;
pub(crate) mod keys;
pub(crate) mod life;
pub(crate) mod me;
pub(crate) mod modules;
pub(crate) mod node;
pub(crate) mod operators;
pub(crate) mod permissions;
pub(crate) mod policies;
pub(crate) mod roles;
pub(crate) mod session;
pub(crate) mod sub_users;
pub(crate) mod tenants;
pub(crate) mod tokens;
pub(crate) mod tools;
pub(crate) mod transfer;
pub(crate) mod upkeep;
pub(crate) mod usage;
pub(crate) mod users;

use axum::Json;
use axum::body::Body;
use axum::extract::rejection::{JsonRejection, PathRejection, QueryRejection};
use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use http::StatusCode;
use http_body_util::{BodyExt as _, Limited};
use serde_json::{Value, json};

use crate::{Admin, Problem};

/// Longest id of a request, in bytes.
const REQUEST_ID_BYTES_MAX: usize = 64;

pub(crate) async fn status(State(admin): State<Admin>) -> Json<Value> {
    let state = admin.directory.state();
    Json(json!({
        "server": admin.usage.status(),
        "directory": { "revision": state.revision(), "access_keys": state.key_count() },
    }))
}

pub(crate) async fn explain(
    State(admin): State<Admin>,
    id: Result<Path<String>, PathRejection>,
) -> Result<Json<Value>, Problem> {
    let Path(id) = id?;
    explained(&admin, &id).await.map(Json)
}

/// Why a request was answered as it was.
pub(crate) async fn explained(admin: &Admin, id: &str) -> Result<Value, Problem> {
    if id.len() > REQUEST_ID_BYTES_MAX
        || !id
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    {
        return Err(Problem::malformed("this is not the id of a request"));
    }
    admin
        .judge
        .explain(id)
        .await
        .ok_or_else(|| Problem::new(StatusCode::NOT_FOUND, "not-found", FORGOTTEN))
}

/// Why a request that was answered may not be there to be explained.
const FORGOTTEN: &str = "no such request is remembered: the last few thousand that a policy refused are, and some hundred that \
     passed, but none that was refused before a policy was asked (its answer says why)";

/// The document that describes this API.
pub(crate) async fn openapi() -> Response {
    asked::text("application/json", crate::openapi::text())
}

/// An answer without a revision.
pub(crate) fn json<T: serde::Serialize>(body: T) -> Response {
    Json(body).into_response()
}

/// Reads a whole body of at most `limit` bytes.
pub(crate) async fn read_body(body: Body, limit: usize) -> Result<Bytes, Problem> {
    match Limited::new(body, limit).collect().await {
        Ok(whole) => Ok(whole.to_bytes()),
        Err(error) if error.is::<http_body_util::LengthLimitError>() => {
            let detail = format!("the body has more than {limit} bytes");
            Err(Problem::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                "too-large",
                detail,
            ))
        }
        Err(_) => Err(Problem::malformed("the body ended early")),
    }
}

macro_rules! rejections {
    ($($rejection:ty)*) => { $(
        impl From<$rejection> for Problem {
            fn from(rejection: $rejection) -> Self {
                Self::malformed(rejection.body_text())
            }
        }
    )* };
}

rejections! { PathRejection QueryRejection JsonRejection }
