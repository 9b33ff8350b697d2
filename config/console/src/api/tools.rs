//! The policy tools: each is a question as a document, and an answer as a document. They change nothing.

use axum::Json;
use axum::extract::{Request, State};
use postern_config::judge::Tool;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::modules::read_json_of;
use crate::{Admin, Problem};

/// A module in a document takes two hexadecimal digits a byte, and a document may hold two.
const BYTES_OF_A_MODULE: usize = 4;

pub(crate) async fn simulate(
    State(admin): State<Admin>,
    request: Request,
) -> Result<Json<Value>, Problem> {
    asked(&admin, request, Tool::Simulate).await
}

pub(crate) async fn enumerate(
    State(admin): State<Admin>,
    request: Request,
) -> Result<Json<Value>, Problem> {
    asked(&admin, request, Tool::Enumerate).await
}

pub(crate) async fn who_can(
    State(admin): State<Admin>,
    request: Request,
) -> Result<Json<Value>, Problem> {
    asked(&admin, request, Tool::WhoCan).await
}

pub(crate) async fn right_size(
    State(admin): State<Admin>,
    request: Request,
) -> Result<Json<Value>, Problem> {
    asked(&admin, request, Tool::RightSize).await
}

pub(crate) async fn diff(
    State(admin): State<Admin>,
    request: Request,
) -> Result<Json<Value>, Problem> {
    asked(&admin, request, Tool::Diff).await
}

pub(crate) async fn replay(
    State(admin): State<Admin>,
    request: Request,
) -> Result<Json<Value>, Problem> {
    asked(&admin, request, Tool::Replay).await
}

async fn asked<T: DeserializeOwned>(
    admin: &Admin,
    request: Request,
    tool: fn(T) -> Tool,
) -> Result<Json<Value>, Problem> {
    let modules = admin.module_bytes_max.saturating_mul(BYTES_OF_A_MODULE);
    let bytes_max = admin.body_bytes_max.saturating_add(modules);
    let asked: T = read_json_of(request, bytes_max).await?;
    Ok(Json(admin.judge.tool(tool(asked)).await?))
}
