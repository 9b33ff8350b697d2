//! Users of an account.

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use postern_config::directory::{Purge, UserStatus};

use super::asked::{Ask, At, By, Document, IfMatch, created, tagged};
use crate::caller::Caller;
use crate::service::list::{Listing, Page};
use crate::service::losses::DataDeletion;
use crate::service::users::{self, NewUser, UserShown, Working};
use crate::service::{find, jobs};
use crate::shape::shapes;
use crate::{Admin, Problem};

shapes! {
    asked
    /// Which users are listed.
    UsersAsk {
        /// Those whose name or description contains this.
        q: Option<String>,
        /// Those of this status.
        status: Option<UserStatus>,
        /// `name` or `created`, with `-` before it from the other end.
        sort: Option<String>,
        /// Entries of a page, 1 to 1,000.
        limit: Option<usize>,
        /// The `next` of the page before.
        cursor: Option<String>,
    }
}

pub(crate) async fn list(
    State(admin): State<Admin>,
    caller: Caller,
    At(tenant): At<String>,
    Ask(ask): Ask<UsersAsk>,
) -> Result<Json<Page<UserShown>>, Problem> {
    let state = admin.directory.state();
    let tenant = find::tenant(&state, &tenant)?;
    let listing = Listing {
        q: ask.q,
        sort: ask.sort,
        limit: ask.limit,
        cursor: ask.cursor,
    };
    Ok(Json(users::list(
        &admin,
        &caller,
        tenant,
        (&listing, ask.status),
    )?))
}

pub(crate) async fn create(
    State(admin): State<Admin>,
    At(tenant): At<String>,
    document: Document<NewUser>,
) -> Result<Response, Problem> {
    let state = admin.directory.state();
    let tenant = find::tenant(&state, &tenant)?;
    let new = (&**tenant, document.asked);
    let (is_new, user) = users::create(&admin, document.actor, document.once, new).await?;
    Ok(created(is_new, user.revision, user))
}

pub(crate) async fn show(
    State(admin): State<Admin>,
    At((tenant, user)): At<(String, String)>,
) -> Result<Response, Problem> {
    let state = admin.directory.state();
    let tenant = find::tenant(&state, &tenant)?;
    let user = find::user(&state, tenant, &user)?;
    let mut shown = users::show(&state, tenant, user);
    if user.status == UserStatus::Deleting {
        shown.deletion = jobs::of(&admin, &state, Purge::User(user.id)).await;
    }
    Ok(tagged(user.revision.0, shown))
}

pub(crate) async fn disable(
    State(admin): State<Admin>,
    At(which): At<(String, String)>,
    if_match: IfMatch,
    By(actor): By,
) -> Result<Response, Problem> {
    set_working(&admin, which, (actor, if_match), Working::No).await
}

pub(crate) async fn enable(
    State(admin): State<Admin>,
    At(which): At<(String, String)>,
    if_match: IfMatch,
    By(actor): By,
) -> Result<Response, Problem> {
    set_working(&admin, which, (actor, if_match), Working::Yes).await
}

async fn set_working(
    admin: &Admin,
    (tenant, user): (String, String),
    (actor, if_match): (postern_config::directory::Actor, IfMatch),
    working: Working,
) -> Result<Response, Problem> {
    let state = admin.directory.state();
    let tenant = find::tenant(&state, &tenant)?;
    let user = find::user(&state, tenant, &user)?;
    let expected = if_match.holds(user.revision)?;
    let which = (&**tenant, &**user, expected);
    let user = users::set_working(admin, actor, which, working).await?;
    Ok(tagged(user.revision, user))
}

pub(crate) async fn delete(
    State(admin): State<Admin>,
    At((tenant, user)): At<(String, String)>,
    Ask(deletion): Ask<DataDeletion>,
    if_match: IfMatch,
    By(actor): By,
) -> Result<Response, Problem> {
    let state = admin.directory.state();
    let tenant = find::tenant(&state, &tenant)?;
    let user = find::user(&state, tenant, &user)?;
    let expected = if_match.holds(user.revision)?;
    if !deletion.is_meant(user.name.as_str())? {
        let losses = users::losses(&admin, (tenant, user), deletion.reach()).await;
        return Ok(tagged(user.revision.0, losses));
    }
    let which = (&**tenant, &**user, expected);
    let deleted = users::delete(&admin, actor, which, deletion.reach()).await?;
    Ok(super::json(deleted))
}
