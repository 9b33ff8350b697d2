//! Accounts and aliases.

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use postern_config::directory::{Purge, TenantStatus};

use super::asked::{Ask, At, By, Document, IfMatch, created, tagged};
use crate::caller::Caller;
use crate::service::list::{Listing, Page};
use crate::service::losses::DataDeletion;
use crate::service::tenants::{self, NewAlias, NewTenant, TenantChange, TenantShown};
use crate::service::{find, jobs};
use crate::shape::shapes;
use crate::{Admin, Problem};

shapes! {
    asked
    /// Which accounts are listed.
    TenantsAsk {
        /// Those whose name or profile contains this.
        q: Option<String>,
        /// Those of this status.
        status: Option<TenantStatus>,
        /// `name` or `created`, with `-` before it from the other end.
        sort: Option<String>,
        /// Entries of a page, 1 to 1,000.
        limit: Option<usize>,
        /// The `next` of the page before.
        cursor: Option<String>,
    }

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
    let listing = Listing {
        q: ask.q,
        sort: ask.sort,
        limit: ask.limit,
        cursor: ask.cursor,
    };
    Ok(Json(tenants::list(&admin, &caller, &listing, ask.status)?))
}

pub(crate) async fn create(
    State(admin): State<Admin>,
    document: Document<NewTenant>,
) -> Result<Response, Problem> {
    let (is_new, tenant) =
        tenants::create(&admin, document.actor, document.once, document.asked).await?;
    Ok(created(is_new, tenant.revision, tenant))
}

pub(crate) async fn show(
    State(admin): State<Admin>,
    At(tenant): At<String>,
) -> Result<Response, Problem> {
    let state = admin.directory.state();
    let tenant = find::tenant(&state, &tenant)?;
    let mut shown = tenants::show(&state, tenant);
    if tenant.status == TenantStatus::Closed {
        shown.deletion = jobs::of(&admin, &state, Purge::Tenant(tenant.id)).await;
    }
    Ok(tagged(tenant.revision.0, shown))
}

pub(crate) async fn change(
    State(admin): State<Admin>,
    At(tenant): At<String>,
    document: Document<TenantChange>,
) -> Result<Response, Problem> {
    let state = admin.directory.state();
    let tenant = find::tenant(&state, &tenant)?;
    let expected = document.if_match.holds(tenant.revision)?;
    let which = (&**tenant, expected);
    let tenant = tenants::change(&admin, document.actor, which, document.asked).await?;
    Ok(tagged(tenant.revision, tenant))
}

pub(crate) async fn delete(
    State(admin): State<Admin>,
    At(tenant): At<String>,
    Ask(deletion): Ask<DataDeletion>,
    if_match: IfMatch,
    By(actor): By,
) -> Result<Response, Problem> {
    let state = admin.directory.state();
    let tenant = find::tenant(&state, &tenant)?;
    let expected = if_match.holds(tenant.revision)?;
    if !deletion.is_meant(tenant.name.as_str())? {
        let losses = tenants::losses(&admin, tenant, deletion.reach()).await;
        return Ok(tagged(tenant.revision.0, losses));
    }
    let which = (&**tenant, expected);
    let deleted = tenants::delete(&admin, actor, which, deletion.reach()).await?;
    Ok(super::json(deleted))
}

pub(crate) async fn alias(
    State(admin): State<Admin>,
    At(tenant): At<String>,
    Ask(ask): Ask<AliasAsk>,
) -> Result<Response, Problem> {
    let state = admin.directory.state();
    let tenant = find::tenant(&state, &tenant)?;
    let user = ask
        .user
        .map(|word| find::user(&state, tenant, &word).cloned());
    let shown = tenants::alias(&state, tenant, user.transpose()?.as_deref())?;
    Ok(tagged(shown.revision, shown))
}

pub(crate) async fn set_alias(
    State(admin): State<Admin>,
    At(tenant): At<String>,
    Ask(ask): Ask<AliasAsk>,
    document: Document<NewAlias>,
) -> Result<Response, Problem> {
    let alias = Some(document.asked.alias);
    put_alias(
        &admin,
        (tenant, ask),
        (document.actor, document.if_match),
        alias,
    )
    .await
}

pub(crate) async fn remove_alias(
    State(admin): State<Admin>,
    At(tenant): At<String>,
    Ask(ask): Ask<AliasAsk>,
    if_match: IfMatch,
    By(actor): By,
) -> Result<Response, Problem> {
    put_alias(&admin, (tenant, ask), (actor, if_match), None).await
}

async fn put_alias(
    admin: &Admin,
    (tenant, ask): (String, AliasAsk),
    (actor, if_match): (postern_config::directory::Actor, IfMatch),
    alias: Option<postern_config::directory::Alias>,
) -> Result<Response, Problem> {
    let state = admin.directory.state();
    let tenant = find::tenant(&state, &tenant)?;
    let user = ask
        .user
        .map(|word| find::user(&state, tenant, &word).cloned());
    let user = user.transpose()?;
    let found = tenants::alias(&state, tenant, user.as_deref())?;
    let expected = if_match.holds(postern_config::engine::Revision(found.revision))?;
    let which = (&**tenant, user.as_deref(), expected);
    let shown = tenants::set_alias(admin, actor, which, alias).await?;
    Ok(tagged(shown.revision, shown))
}
