//! The domains of an account.

use axum::extract::State;
use axum::response::Response;
use postern_config::directory::{Command, Host};

use super::asked::{At, By, Document, tagged};
use crate::service::domains::{self, NewDomain};
use crate::service::find;
use crate::{Admin, Problem};

pub(crate) async fn list(
    State(admin): State<Admin>,
    At(tenant): At<String>,
) -> Result<Response, Problem> {
    let state = admin.directory.state();
    let shown = domains::show(find::tenant(&state, &tenant)?);
    Ok(tagged(shown.revision, shown))
}

pub(crate) async fn add(
    State(admin): State<Admin>,
    At(tenant): At<String>,
    document: Document<NewDomain>,
) -> Result<Response, Problem> {
    let state = admin.directory.state();
    let tenant = find::tenant(&state, &tenant)?;
    let command = Command::AddHost(tenant.id, document.asked.domain);
    let shown = domains::change(&admin, document.actor, tenant, command).await?;
    Ok(tagged(shown.revision, shown))
}

pub(crate) async fn remove(
    State(admin): State<Admin>,
    At((tenant, domain)): At<(String, String)>,
    By(actor): By,
) -> Result<Response, Problem> {
    let state = admin.directory.state();
    let tenant = find::tenant(&state, &tenant)?;
    let domain: Host = domain.parse().map_err(|_| Problem::not_found("domain"))?;
    let command = Command::RemoveHost(tenant.id, domain);
    let shown = domains::change(&admin, actor, tenant, command).await?;
    Ok(tagged(shown.revision, shown))
}
