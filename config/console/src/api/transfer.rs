//! An account as one file.

use axum::Json;
use axum::extract::{Request, State};
use postern_config::directory::{ImportPlan, TenantFile};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::asked::{At, By, Document};
use super::modules::{actor_of, check_type};
use super::read_body;
use crate::limits::FILE_BYTES_MAX;
use crate::service::find;
use crate::service::transfer::{self, ExportAsk, FileAsk};
use crate::{Admin, Problem};

pub(crate) async fn export(
    State(admin): State<Admin>,
    At(tenant): At<String>,
    document: Document<ExportAsk>,
) -> Result<Json<TenantFile>, Problem> {
    let state = admin.directory.state();
    let tenant = find::tenant(&state, &tenant)?;
    let file = transfer::export(&admin, document.actor, tenant, document.asked).await?;
    Ok(Json(file))
}

pub(crate) async fn plan(
    State(admin): State<Admin>,
    request: Request,
) -> Result<Json<ImportPlan>, Problem> {
    let (_, ask) = large::<FileAsk>(request).await?;
    Ok(Json(transfer::plan(&admin, ask).await?))
}

pub(crate) async fn apply(
    State(admin): State<Admin>,
    request: Request,
) -> Result<Json<Value>, Problem> {
    let (By(actor), ask) = large::<FileAsk>(request).await?;
    Ok(Json(transfer::apply(&admin, actor, ask).await?))
}

/// A document that may be larger than others: a whole account.
async fn large<T: DeserializeOwned>(request: Request) -> Result<(By, T), Problem> {
    check_type(request.headers(), &["application/json"])?;
    let actor = actor_of(&request);
    let bytes = read_body(request.into_body(), FILE_BYTES_MAX).await?;
    let asked = serde_json::from_slice(&bytes).map_err(|fault| {
        let problem = Problem::malformed(format!("the document: {fault}"));
        Problem {
            status: http::StatusCode::UNPROCESSABLE_ENTITY,
            ..problem
        }
    })?;
    Ok((By(actor), asked))
}
