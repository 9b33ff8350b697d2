//! One change for many users, or many access keys.

use axum::Json;
use axum::extract::State;
use postern_config::directory::Tenant;

use super::asked::{Document, Of};
use crate::service::bulk::{self, BulkDone, BulkKeys, BulkUsers};
use crate::{Admin, Problem};

pub(crate) async fn users(
    State(admin): State<Admin>,
    of: Of<Tenant>,
    document: Document<BulkUsers>,
) -> Result<Json<BulkDone>, Problem> {
    let whose = (&of.caller, &*of.it);
    let done = bulk::users(&admin, document.actor, whose, document.asked).await?;
    Ok(Json(done))
}

pub(crate) async fn keys(
    State(admin): State<Admin>,
    of: Of<Tenant>,
    document: Document<BulkKeys>,
) -> Result<Json<BulkDone>, Problem> {
    let whose = (&of.caller, &*of.it);
    let done = bulk::keys(&admin, document.actor, whose, document.asked).await?;
    Ok(Json(done))
}
