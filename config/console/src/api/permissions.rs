//! Permissions on an account and on its containers, and what of a container is public.

use axum::extract::State;
use axum::response::Response;
use postern_config::directory::{Bucket, Tenant};

use super::asked::{Ask, By, Document, IfMatch, Of, tagged};
use super::buckets::BucketAsk;
use crate::service::permissions::{self, AccountAsked, ContainerAsked, Preview, PublicAsked};
use crate::{Admin, Problem};

pub(crate) async fn account(of: Of<Tenant>) -> Result<Response, Problem> {
    let shown = permissions::account(&of.state, &of.it)?;
    Ok(tagged(of.it.revision.0, shown))
}

pub(crate) async fn preview_account(
    of: Of<Tenant>,
    document: Document<AccountAsked>,
) -> Result<Response, Problem> {
    let preview = permissions::preview_account(&of.state, &of.it, &document.asked)?;
    Ok(previewed(preview))
}

pub(crate) async fn set_account(
    State(admin): State<Admin>,
    of: Of<Tenant>,
    document: Document<AccountAsked>,
) -> Result<Response, Problem> {
    let expected = document.if_match.holds(of.it.revision)?;
    let which = (&*of.it, expected);
    let asked = Some(&document.asked);
    let shown = permissions::set_account(&admin, document.actor, which, asked).await?;
    Ok(tagged(shown.revision, shown))
}

pub(crate) async fn reset_account(
    State(admin): State<Admin>,
    of: Of<Tenant>,
    if_match: IfMatch,
    By(actor): By,
) -> Result<Response, Problem> {
    let which = (&*of.it, if_match.holds(of.it.revision)?);
    let shown = permissions::set_account(&admin, actor, which, None).await?;
    Ok(tagged(shown.revision, shown))
}

pub(crate) async fn container(
    of: Of<Bucket>,
    Ask(BucketAsk { .. }): Ask<BucketAsk>,
) -> Result<Response, Problem> {
    let shown = permissions::container(&of.state, &of.tenant, &of.it)?;
    Ok(tagged(of.it.revision.0, shown))
}

pub(crate) async fn preview_container(
    of: Of<Bucket>,
    Ask(BucketAsk { .. }): Ask<BucketAsk>,
    document: Document<ContainerAsked>,
) -> Result<Response, Problem> {
    let which = (&*of.tenant, &*of.it);
    let preview = permissions::preview_container(&of.state, which, &document.asked)?;
    Ok(previewed(preview))
}

pub(crate) async fn set_container(
    State(admin): State<Admin>,
    of: Of<Bucket>,
    Ask(BucketAsk { .. }): Ask<BucketAsk>,
    document: Document<ContainerAsked>,
) -> Result<Response, Problem> {
    let expected = document.if_match.holds(of.it.revision)?;
    let which = (&*of.tenant, &*of.it, expected);
    let asked = Some(&document.asked);
    let shown = permissions::set_container(&admin, document.actor, which, asked).await?;
    Ok(tagged(shown.revision, shown))
}

pub(crate) async fn reset_container(
    State(admin): State<Admin>,
    of: Of<Bucket>,
    Ask(BucketAsk { .. }): Ask<BucketAsk>,
    if_match: IfMatch,
    By(actor): By,
) -> Result<Response, Problem> {
    let which = (&*of.tenant, &*of.it, if_match.holds(of.it.revision)?);
    let shown = permissions::set_container(&admin, actor, which, None).await?;
    Ok(tagged(shown.revision, shown))
}

pub(crate) async fn public(of: Of<Bucket>, Ask(BucketAsk { .. }): Ask<BucketAsk>) -> Response {
    let shown = permissions::public(&of.tenant, &of.it);
    tagged(of.it.revision.0, shown)
}

pub(crate) async fn set_public(
    State(admin): State<Admin>,
    of: Of<Bucket>,
    Ask(BucketAsk { .. }): Ask<BucketAsk>,
    document: Document<PublicAsked>,
) -> Result<Response, Problem> {
    let expected = document.if_match.holds(of.it.revision)?;
    let access = Some(document.asked.access());
    let which = (&*of.it, expected);
    let shown = permissions::set_public(&admin, document.actor, which, access).await?;
    Ok(tagged(shown.revision, shown))
}

pub(crate) async fn make_private(
    State(admin): State<Admin>,
    of: Of<Bucket>,
    Ask(BucketAsk { .. }): Ask<BucketAsk>,
    if_match: IfMatch,
    By(actor): By,
) -> Result<Response, Problem> {
    let which = (&*of.it, if_match.holds(of.it.revision)?);
    let shown = permissions::set_public(&admin, actor, which, None).await?;
    Ok(tagged(shown.revision, shown))
}

/// With the revision that a change after it has to name.
fn previewed(preview: Preview) -> Response {
    tagged(preview.revision, preview)
}
