//! Accounts and aliases.

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use postern_config::directory::{Actor, Alias, Purge, Tenant, TenantStatus};
use postern_config::engine::Revision;

use super::asked::{Ask, By, Document, IfMatch, Of, created, tagged};
use crate::caller::Caller;
use crate::service::jobs;
use crate::service::list::{Page, list_queries};
use crate::service::losses::DataDeletion;
use crate::service::tenants::{
    self, Limits, NewAlias, NewTenant, TenantChange, TenantShown, Transfer,
};
use crate::shape::shapes;
use crate::{Admin, Problem};

list_queries! {
    /// Which accounts are listed.
    TenantsAsk
        finds "Those whose name, description or profile contains this."
        sorts "`name` or `created`, with `-` before it from the other end."
    {
        /// Those of this status.
        status: Option<TenantStatus>,
        /// Those below this account, by name or number.
        parent: Option<String>,
    }
}

shapes! {
    asked
    /// Whose alias is meant.
    AliasAsk {
        /// The user, by name or number, where each user has buckets of his own.
        user: Option<String>,
    }
}

pub(crate) async fn list(
    State(admin): State<Admin>,
    caller: Caller,
    Ask(ask): Ask<TenantsAsk>,
) -> Result<Json<Page<TenantShown>>, Problem> {
    let which = (ask.status, ask.parent.as_deref());
    let page = tenants::list(&admin, &caller, &ask.listing(), which);
    Ok(Json(page?))
}

pub(crate) async fn create(
    State(admin): State<Admin>,
    caller: Caller,
    document: Document<NewTenant>,
) -> Result<Response, Problem> {
    let new = (&caller, document.asked);
    let (is_new, tenant) = tenants::create(&admin, document.actor, document.once, new).await?;
    Ok(created(is_new, tenant.revision, tenant))
}

pub(crate) async fn show(State(admin): State<Admin>, of: Of<Tenant>) -> Response {
    let mut shown = tenants::show(&of.state, &of.it);
    if of.it.status == TenantStatus::Closed {
        shown.deletion = jobs::of(&admin, &of.state, Purge::Tenant(of.it.id)).await;
    }
    tagged(of.it.revision.0, shown)
}

pub(crate) async fn change(
    State(admin): State<Admin>,
    of: Of<Tenant>,
    document: Document<TenantChange>,
) -> Result<Response, Problem> {
    let expected = document.if_match.holds(of.it.revision)?;
    let which = (&*of.it, expected);
    let tenant = tenants::change(&admin, document.actor, which, document.asked).await?;
    Ok(tagged(tenant.revision, tenant))
}

pub(crate) async fn set_limits(
    State(admin): State<Admin>,
    of: Of<Tenant>,
    document: Document<Limits>,
) -> Result<Response, Problem> {
    let expected = document.if_match.holds(of.it.revision)?;
    let which = (&*of.it, expected);
    let tenant = tenants::set_limits(&admin, document.actor, which, &document.asked).await?;
    Ok(tagged(tenant.revision, tenant))
}

pub(crate) async fn transfer(
    State(admin): State<Admin>,
    of: Of<Tenant>,
    document: Document<Transfer>,
) -> Result<Response, Problem> {
    let expected = document.if_match.holds(of.it.revision)?;
    let which = (&*of.it, expected);
    let tenant = tenants::transfer(&admin, document.actor, which, &document.asked).await?;
    Ok(tagged(tenant.revision, tenant))
}

pub(crate) async fn delete(
    State(admin): State<Admin>,
    of: Of<Tenant>,
    Ask(deletion): Ask<DataDeletion>,
    if_match: IfMatch,
    By(actor): By,
) -> Result<Response, Problem> {
    let expected = if_match.holds(of.it.revision)?;
    if !deletion.is_meant(of.it.name.as_str())? {
        let losses = tenants::losses(&admin, &of.it, deletion.reach()).await;
        return Ok(tagged(of.it.revision.0, losses));
    }
    let which = (&*of.it, expected);
    let deleted = tenants::delete(&admin, actor, which, deletion.reach()).await?;
    Ok(super::json(deleted))
}

pub(crate) async fn alias(of: Of<Tenant>, Ask(ask): Ask<AliasAsk>) -> Result<Response, Problem> {
    let user = of.user(ask.user.as_deref())?;
    let shown = tenants::alias(&of.state, &of.tenant, user)?;
    Ok(tagged(shown.revision, shown))
}

pub(crate) async fn set_alias(
    State(admin): State<Admin>,
    of: Of<Tenant>,
    Ask(ask): Ask<AliasAsk>,
    document: Document<NewAlias>,
) -> Result<Response, Problem> {
    let asker = (document.actor, document.if_match);
    put_alias(&admin, (of, ask), asker, Some(document.asked.alias)).await
}

pub(crate) async fn remove_alias(
    State(admin): State<Admin>,
    of: Of<Tenant>,
    Ask(ask): Ask<AliasAsk>,
    if_match: IfMatch,
    By(actor): By,
) -> Result<Response, Problem> {
    put_alias(&admin, (of, ask), (actor, if_match), None).await
}

async fn put_alias(
    admin: &Admin,
    (of, ask): (Of<Tenant>, AliasAsk),
    (actor, if_match): (Actor, IfMatch),
    alias: Option<Alias>,
) -> Result<Response, Problem> {
    let user = of.user(ask.user.as_deref())?;
    let found = tenants::alias(&of.state, &of.tenant, user)?;
    let expected = if_match.holds(Revision(found.revision))?;
    let which = (&*of.tenant, user, expected);
    let shown = tenants::set_alias(admin, actor, which, alias).await?;
    Ok(tagged(shown.revision, shown))
}
