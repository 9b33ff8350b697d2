//! Users of an account.

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use postern_config::directory::{Actor, Purge, Tenant, User, UserKind, UserStatus};

use super::asked::{Ask, By, Document, IfMatch, Of, created, tagged};
use crate::service::jobs;
use crate::service::list::{Page, list_queries};
use crate::service::losses::DataDeletion;
use crate::service::users::{
    self, Details, NewUser, RoleGiven, UserChange, UserShown, UserStanding, Working,
};
use crate::{Admin, Problem};

list_queries! {
    /// Which users are listed.
    UsersAsk
        finds "Those whose name, e-mail address, full name or description contains this."
        sorts "`name`, `created`, or `root`: by name, the root before all; with `-` before it from the other end."
    {
        /// `active`, `passive` (which is `disabled`), `deleting`, or `all`, which is so unless told otherwise.
        status: Option<UserStanding>,
        /// Those of this kind.
        kind: Option<UserKind>,
        /// Those who have this role, by name or number.
        role: Option<String>,
    }
}

pub(crate) async fn list(
    State(admin): State<Admin>,
    of: Of<Tenant>,
    Ask(ask): Ask<UsersAsk>,
) -> Result<Json<Page<UserShown>>, Problem> {
    let which = (ask.status, ask.kind, ask.role.as_deref());
    let page = users::list(&admin, (&of.caller, &of.it), &ask.listing(), which).await?;
    Ok(Json(page))
}

pub(crate) async fn create(
    State(admin): State<Admin>,
    of: Of<Tenant>,
    document: Document<NewUser>,
) -> Result<Response, Problem> {
    let new = (&*of.it, document.asked);
    let (is_new, user) = users::create(&admin, document.actor, document.once, new).await?;
    Ok(created(is_new, user.revision, user))
}

pub(crate) async fn show(State(admin): State<Admin>, of: Of<User>) -> Response {
    let mut shown = users::detail(&admin, &of.tenant, &of.it).await;
    if of.it.status == UserStatus::Deleting {
        shown.deletion = jobs::of(&admin, &of.state, Purge::User(of.it.id)).await;
    }
    tagged(of.it.revision.0, shown)
}

pub(crate) async fn change(
    State(admin): State<Admin>,
    of: Of<User>,
    document: Document<UserChange>,
) -> Result<Response, Problem> {
    let expected = document.if_match.holds(of.it.revision)?;
    let which = (&*of.tenant, &*of.it, expected);
    let user = users::change(&admin, document.actor, which, document.asked).await?;
    Ok(tagged(user.revision, user))
}

pub(crate) async fn set_details(
    State(admin): State<Admin>,
    of: Of<User>,
    document: Document<Details>,
) -> Result<Response, Problem> {
    let expected = document.if_match.holds(of.it.revision)?;
    let which = (&*of.tenant, &*of.it, expected);
    let user = users::set_details(&admin, document.actor, which, document.asked).await?;
    Ok(tagged(user.revision, user))
}

pub(crate) async fn set_role(
    State(admin): State<Admin>,
    of: Of<User>,
    document: Document<RoleGiven>,
) -> Result<Response, Problem> {
    let expected = document.if_match.holds(of.it.revision)?;
    let which = (&*of.tenant, &*of.it, expected);
    let user = users::set_role(&admin, document.actor, which, &document.asked).await?;
    Ok(tagged(user.revision, user))
}

pub(crate) async fn disable(
    State(admin): State<Admin>,
    of: Of<User>,
    if_match: IfMatch,
    By(actor): By,
) -> Result<Response, Problem> {
    set_working(&admin, of, (actor, if_match), Working::No).await
}

pub(crate) async fn enable(
    State(admin): State<Admin>,
    of: Of<User>,
    if_match: IfMatch,
    By(actor): By,
) -> Result<Response, Problem> {
    set_working(&admin, of, (actor, if_match), Working::Yes).await
}

async fn set_working(
    admin: &Admin,
    of: Of<User>,
    (actor, if_match): (Actor, IfMatch),
    working: Working,
) -> Result<Response, Problem> {
    let expected = if_match.holds(of.it.revision)?;
    let which = (&*of.tenant, &*of.it, expected);
    let user = users::set_working(admin, actor, which, working).await?;
    Ok(tagged(user.revision, user))
}

pub(crate) async fn delete(
    State(admin): State<Admin>,
    of: Of<User>,
    Ask(deletion): Ask<DataDeletion>,
    if_match: IfMatch,
    By(actor): By,
) -> Result<Response, Problem> {
    let expected = if_match.holds(of.it.revision)?;
    if !deletion.is_meant(of.it.name.as_str())? {
        let losses = users::losses(&admin, (&of.tenant, &of.it), deletion.reach()).await;
        return Ok(tagged(of.it.revision.0, losses));
    }
    let which = (&*of.tenant, &*of.it, expected);
    let deleted = users::delete(&admin, actor, which, deletion.reach()).await?;
    Ok(super::json(deleted))
}
