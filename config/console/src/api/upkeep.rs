//! Keeping the server.

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use postern_config::directory::SignedHead;
use serde_json::Value;

use super::asked::{By, Document};
use crate::service::upkeep::{self, BackupMade, HeadsCompared, MasterKeyShown};
use crate::{Admin, Problem};

/// Heads that were kept elsewhere.
#[derive(Clone, Debug, PartialEq, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Heads {
    heads: Vec<SignedHead>,
}

pub(crate) async fn master_key(State(admin): State<Admin>) -> Json<MasterKeyShown> {
    Json(upkeep::master_key(&admin))
}

pub(crate) async fn rotate(State(admin): State<Admin>, By(actor): By) -> Result<Response, Problem> {
    let shown = upkeep::rotate(&admin, actor).await?;
    let mut answer = super::json(shown);
    *answer.status_mut() = StatusCode::ACCEPTED;
    Ok(answer)
}

pub(crate) async fn backup(
    State(admin): State<Admin>,
    By(actor): By,
) -> Result<Json<BackupMade>, Problem> {
    Ok(Json(upkeep::backup(&admin, actor).await?))
}

pub(crate) async fn head(State(admin): State<Admin>) -> Result<Json<Value>, Problem> {
    Ok(Json(upkeep::head(&admin)?))
}

pub(crate) async fn compare(
    State(admin): State<Admin>,
    document: Document<Heads>,
) -> Result<Json<HeadsCompared>, Problem> {
    Ok(Json(upkeep::compare(&admin, document.asked.heads).await?))
}
