//! Sub-users of a user.

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use postern_config::directory::{Actor, KeyRights, Level, SubUser, User};

use super::asked::{Ask, By, Document, IfMatch, Of, created, tagged};
use crate::service::keys::{self, Holder};
use crate::service::list::{Page, list_queries};
use crate::service::losses::Deletion;
use crate::service::sub_users::{self, NewSubUser, SubUserChange, SubUserShown};
use crate::service::users::{UserStanding, Working};
use crate::{Admin, Problem};

list_queries! {
    /// Which sub-users are listed.
    SubUsersAsk
        finds "Those whose name or description contains this."
        sorts "`name` or `created`, with `-` before it from the other end."
    {
        /// `active`, `passive` (which is `disabled`), `deleting`, or `all`, which is so unless told otherwise.
        status: Option<UserStanding>,
        /// Those of this level.
        level: Option<Level>,
    }
}

pub(crate) async fn list(
    State(admin): State<Admin>,
    of: Of<User>,
    Ask(ask): Ask<SubUsersAsk>,
) -> Result<Json<Page<SubUserShown>>, Problem> {
    let which = (ask.status, ask.level);
    let page = sub_users::list(&admin, &of.it, &ask.listing(), which);
    Ok(Json(page?))
}

pub(crate) async fn create(
    State(admin): State<Admin>,
    of: Of<User>,
    document: Document<NewSubUser>,
) -> Result<Response, Problem> {
    let new = (&*of.it, document.asked);
    let (is_new, made) = sub_users::create(&admin, document.actor, document.once, new).await?;
    Ok(created(is_new, made.revision, made))
}

pub(crate) async fn show(of: Of<SubUser>) -> Response {
    tagged(of.it.revision.0, sub_users::show(&of.state, &of.it))
}

pub(crate) async fn change(
    State(admin): State<Admin>,
    of: Of<SubUser>,
    document: Document<SubUserChange>,
) -> Result<Response, Problem> {
    let expected = document.if_match.holds(of.it.revision)?;
    let which = (&*of.it, expected);
    let changed = sub_users::change(&admin, document.actor, which, document.asked).await?;
    Ok(tagged(changed.revision, changed))
}

pub(crate) async fn disable(
    State(admin): State<Admin>,
    of: Of<SubUser>,
    if_match: IfMatch,
    By(actor): By,
) -> Result<Response, Problem> {
    set_working(&admin, of, (actor, if_match), Working::No).await
}

pub(crate) async fn enable(
    State(admin): State<Admin>,
    of: Of<SubUser>,
    if_match: IfMatch,
    By(actor): By,
) -> Result<Response, Problem> {
    set_working(&admin, of, (actor, if_match), Working::Yes).await
}

async fn set_working(
    admin: &Admin,
    of: Of<SubUser>,
    (actor, if_match): (Actor, IfMatch),
    working: Working,
) -> Result<Response, Problem> {
    let expected = if_match.holds(of.it.revision)?;
    let changed = sub_users::set_working(admin, actor, (&of.it, expected), working).await?;
    Ok(tagged(changed.revision, changed))
}

pub(crate) async fn delete(
    State(admin): State<Admin>,
    of: Of<SubUser>,
    Ask(deletion): Ask<Deletion>,
    if_match: IfMatch,
    By(actor): By,
) -> Result<Response, Problem> {
    let expected = if_match.holds(of.it.revision)?;
    if !deletion.is_meant(of.it.name.as_str())? {
        let losses = sub_users::losses(&of.state, &of.it);
        return Ok(tagged(of.it.revision.0, losses));
    }
    let deleted = sub_users::delete(&admin, actor, (&of.it, expected)).await?;
    Ok(super::json(deleted))
}

pub(crate) async fn create_key(
    State(admin): State<Admin>,
    of: Of<SubUser>,
    document: Document<KeyRights>,
) -> Result<Response, Problem> {
    let new = (&*of.tenant, Holder::SubUser(&of.it), document.asked);
    let (is_new, made) = keys::create(&admin, document.actor, document.once, new).await?;
    Ok(created(is_new, made.key.revision, made))
}
