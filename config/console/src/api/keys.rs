//! Access keys, of a user and of a whole account.

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use postern_config::directory::{Actor, KeyRights, Level};

use super::asked::{Ask, At, By, Document, IfMatch, created, tagged};
use crate::caller::Caller;
use crate::service::find;
use crate::service::keys::{self, KeyShown, Rotation, Standing, Which};
use crate::service::list::{Listing, Page};
use crate::service::losses::Deletion;
use crate::service::users::Working;
use crate::shape::shapes;
use crate::{Admin, Problem};

shapes! {
    asked
    /// Which access keys are listed.
    KeysAsk {
        /// Those whose id, description or user contains this.
        q: Option<String>,
        /// Those in this state.
        status: Option<Standing>,
        /// Those of this level.
        level: Option<Level>,
        /// Those of this user, by name or number.
        user: Option<String>,
        /// `user`, `created` or `expires`, with `-` before it from the other end.
        sort: Option<String>,
        /// Entries of a page, 1 to 1,000.
        limit: Option<usize>,
        /// The `next` of the page before.
        cursor: Option<String>,
    }
}

/// The words of a key's path: account, user, key.
type Words = (String, String, String);

/// The keys of the whole account.
pub(crate) async fn list_all(
    State(admin): State<Admin>,
    caller: Caller,
    At(tenant): At<String>,
    Ask(ask): Ask<KeysAsk>,
) -> Result<Json<Page<KeyShown>>, Problem> {
    listed(&admin, &caller, &tenant, ask)
}

/// The keys of a user.
pub(crate) async fn list(
    State(admin): State<Admin>,
    caller: Caller,
    At((tenant, user)): At<(String, String)>,
    Ask(ask): Ask<KeysAsk>,
) -> Result<Json<Page<KeyShown>>, Problem> {
    if ask.user.is_some() {
        return Err(Problem::malformed(
            "the user is in the path: leave `user` out",
        ));
    }
    let user = Some(user);
    listed(&admin, &caller, &tenant, KeysAsk { user, ..ask })
}

fn listed(
    admin: &Admin,
    caller: &Caller,
    tenant: &str,
    ask: KeysAsk,
) -> Result<Json<Page<KeyShown>>, Problem> {
    let state = admin.directory.state();
    let tenant = find::tenant(&state, tenant)?;
    let user = ask
        .user
        .map(|word| caller.user(&state, tenant, &word).cloned());
    let user = user.transpose()?;
    let which = Which {
        level: ask.level,
        state: ask.status,
    };
    let listing = Listing {
        q: ask.q,
        sort: ask.sort,
        limit: ask.limit,
        cursor: ask.cursor,
    };
    let page = keys::list(admin, caller, (tenant, user.as_deref()), (&listing, which));
    Ok(Json(page?))
}

pub(crate) async fn create(
    State(admin): State<Admin>,
    At((tenant, user)): At<(String, String)>,
    document: Document<KeyRights>,
) -> Result<Response, Problem> {
    let state = admin.directory.state();
    let tenant = find::tenant(&state, &tenant)?;
    let user = find::user(&state, tenant, &user)?;
    let new = (&**tenant, &**user, document.asked);
    let (is_new, made) = keys::create(&admin, document.actor, document.once, new).await?;
    Ok(created(is_new, made.key.revision, made))
}

pub(crate) async fn show(
    State(admin): State<Admin>,
    At((tenant, user, key)): At<Words>,
) -> Result<Response, Problem> {
    let state = admin.directory.state();
    let tenant = find::tenant(&state, &tenant)?;
    let user = find::user(&state, tenant, &user)?;
    let key = find::key(&state, (tenant, Some(user)), &key)?;
    let now = admin.directory.now().seconds();
    Ok(tagged(key.revision.0, keys::show(&state, key, now)))
}

/// A key of the account, whoever's it is: what somebody has who knows its id alone.
pub(crate) async fn show_any(
    State(admin): State<Admin>,
    At((tenant, key)): At<(String, String)>,
) -> Result<Response, Problem> {
    let state = admin.directory.state();
    let tenant = find::tenant(&state, &tenant)?;
    let key = find::key(&state, (tenant, None), &key)?;
    let now = admin.directory.now().seconds();
    Ok(tagged(key.revision.0, keys::show(&state, key, now)))
}

pub(crate) async fn set_rights(
    State(admin): State<Admin>,
    At((tenant, user, key)): At<Words>,
    document: Document<KeyRights>,
) -> Result<Response, Problem> {
    let state = admin.directory.state();
    let tenant = find::tenant(&state, &tenant)?;
    let user = find::user(&state, tenant, &user)?;
    let key = find::key(&state, (tenant, Some(user)), &key)?;
    let expected = document.if_match.holds(key.revision)?;
    let which = (&**tenant, &**key, expected);
    let key = keys::set_rights(&admin, document.actor, which, document.asked).await?;
    Ok(tagged(key.revision, key))
}

pub(crate) async fn rotate(
    State(admin): State<Admin>,
    At((tenant, user, key)): At<Words>,
    document: Document<Rotation>,
) -> Result<Response, Problem> {
    let (actor, once) = (&document.actor, document.once.as_ref());
    if let Some(made) = keys::made_before(&admin, actor, once).await? {
        return Ok(created(false, made.key.revision, made));
    }
    let state = admin.directory.state();
    let tenant = find::tenant(&state, &tenant)?;
    let user = find::user(&state, tenant, &user)?;
    let key = find::key(&state, (tenant, Some(user)), &key)?;
    let expected = document.if_match.holds(key.revision)?;
    let which = (&**key, expected, document.once);
    let (is_new, made) = keys::rotate(&admin, document.actor, which, &document.asked).await?;
    Ok(created(is_new, made.key.revision, made))
}

/// The secret of a key once more, where the profile has it: to a person who has shown that it is he.
pub(crate) async fn reveal(
    State(admin): State<Admin>,
    At((tenant, user, key)): At<Words>,
    By(actor): By,
) -> Result<Response, Problem> {
    let state = admin.directory.state();
    let tenant = find::tenant(&state, &tenant)?;
    let user = find::user(&state, tenant, &user)?;
    let key = find::key(&state, (tenant, Some(user)), &key)?;
    Ok(super::json(keys::reveal(&admin, actor, key).await?))
}

pub(crate) async fn disable(
    State(admin): State<Admin>,
    At(which): At<Words>,
    if_match: IfMatch,
    By(actor): By,
) -> Result<Response, Problem> {
    set_working(&admin, which, (actor, if_match), Working::No).await
}

pub(crate) async fn enable(
    State(admin): State<Admin>,
    At(which): At<Words>,
    if_match: IfMatch,
    By(actor): By,
) -> Result<Response, Problem> {
    set_working(&admin, which, (actor, if_match), Working::Yes).await
}

async fn set_working(
    admin: &Admin,
    (tenant, user, key): Words,
    (actor, if_match): (Actor, IfMatch),
    working: Working,
) -> Result<Response, Problem> {
    let state = admin.directory.state();
    let tenant = find::tenant(&state, &tenant)?;
    let user = find::user(&state, tenant, &user)?;
    let key = find::key(&state, (tenant, Some(user)), &key)?;
    let expected = if_match.holds(key.revision)?;
    let key = keys::set_working(admin, actor, (key, expected), working).await?;
    Ok(tagged(key.revision, key))
}

pub(crate) async fn delete(
    State(admin): State<Admin>,
    At((tenant, user, key)): At<Words>,
    Ask(deletion): Ask<Deletion>,
    if_match: IfMatch,
    By(actor): By,
) -> Result<Response, Problem> {
    let state = admin.directory.state();
    let tenant = find::tenant(&state, &tenant)?;
    let user = find::user(&state, tenant, &user)?;
    let key = find::key(&state, (tenant, Some(user)), &key)?;
    let expected = if_match.holds(key.revision)?;
    if !deletion.is_meant(key.id.as_str())? {
        return Ok(tagged(key.revision.0, keys::losses(key)));
    }
    Ok(super::json(
        keys::delete(&admin, actor, (key, expected)).await?,
    ))
}
