//! Access keys: of a user, of a sub-user, and of a whole account.

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use postern_config::directory::{AccessKey, Actor, KeyRights, Level, Tenant, User};

use super::asked::{Ask, At, By, Document, IfMatch, Of, Words, created, tagged};
use crate::service::find;
use crate::service::keys::{self, Holder, KeyShown, Rotation, Standing, Which};
use crate::service::list::{Page, list_queries};
use crate::service::losses::Deletion;
use crate::service::users::Working;
use crate::{Admin, Problem};

list_queries! {
    /// Which access keys are listed.
    KeysAsk
        finds "Those whose id, description, user or sub-user contains this."
        sorts "`user`, `created` or `expires`, with `-` before it from the other end."
    {
        /// Those in this state.
        status: Option<Standing>,
        /// Those of this level.
        level: Option<Level>,
        /// Those of this user, by name or number.
        user: Option<String>,
        /// Those of this sub-user of the user, by name or number.
        sub_user: Option<String>,
    }
}

/// The keys of an account, of a user or of a sub-user: of what the path names.
pub(crate) async fn list(
    State(admin): State<Admin>,
    of: Of<Tenant>,
    At(words): At<Words>,
    Ask(ask): Ask<KeysAsk>,
) -> Result<Json<Page<KeyShown>>, Problem> {
    let user = only(words.user, ask.user.clone(), "user")?;
    let sub_user = only(words.sub_user, ask.sub_user.clone(), "sub_user")?;
    let user = of.user(user.as_deref())?;
    let sub_user = match (user, sub_user) {
        (_, None) => None,
        (Some(user), Some(word)) => Some(&**find::sub_user(&of.state, user, &word)?),
        (None, Some(_)) => {
            let detail = "a sub-user is one of a user: say whose, with `user`";
            return Err(Problem::malformed(detail));
        }
    };
    let which = Which {
        user,
        sub_user,
        level: ask.level,
        state: ask.status,
        among: None,
    };
    let mut page = keys::list(&admin, (&of.caller, &of.it), &ask.listing(), which)?;
    keys::tell_last_use(&admin, page.items.iter_mut()).await?;
    Ok(Json(page))
}

/// A word of the path, or of the query where the path has none.
fn only(
    path: Option<String>,
    query: Option<String>,
    what: &str,
) -> Result<Option<String>, Problem> {
    match (path, query) {
        (Some(_), Some(_)) => {
            let detail = format!("the path says which: leave `{what}` out");
            Err(Problem::malformed(detail))
        }
        (path, query) => Ok(path.or(query)),
    }
}

pub(crate) async fn create(
    State(admin): State<Admin>,
    of: Of<User>,
    document: Document<KeyRights>,
) -> Result<Response, Problem> {
    let new = (&*of.tenant, Holder::User(&of.it), document.asked);
    let (is_new, made) = keys::create(&admin, document.actor, document.once, new).await?;
    Ok(created(is_new, made.key.revision, made))
}

/// A key of a user, or of the account whoever's it is.
pub(crate) async fn show(
    State(admin): State<Admin>,
    of: Of<AccessKey>,
) -> Result<Response, Problem> {
    let mut shown = keys::show(&of.state, &of.it, admin.directory.now().seconds());
    keys::tell_last_use(&admin, std::iter::once(&mut shown)).await?;
    Ok(tagged(of.it.revision.0, shown))
}

pub(crate) async fn set_rights(
    State(admin): State<Admin>,
    of: Of<AccessKey>,
    document: Document<KeyRights>,
) -> Result<Response, Problem> {
    let expected = document.if_match.holds(of.it.revision)?;
    let which = (&*of.tenant, &*of.it, expected);
    let key = keys::set_rights(&admin, document.actor, which, document.asked).await?;
    Ok(tagged(key.revision, key))
}

pub(crate) async fn rotate(
    State(admin): State<Admin>,
    At((tenant, user, key)): At<(String, String, String)>,
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
    of: Of<AccessKey>,
    By(actor): By,
) -> Result<Response, Problem> {
    Ok(super::json(keys::reveal(&admin, actor, &of.it).await?))
}

pub(crate) async fn disable(
    State(admin): State<Admin>,
    of: Of<AccessKey>,
    if_match: IfMatch,
    By(actor): By,
) -> Result<Response, Problem> {
    set_working(&admin, of, (actor, if_match), Working::No).await
}

pub(crate) async fn enable(
    State(admin): State<Admin>,
    of: Of<AccessKey>,
    if_match: IfMatch,
    By(actor): By,
) -> Result<Response, Problem> {
    set_working(&admin, of, (actor, if_match), Working::Yes).await
}

async fn set_working(
    admin: &Admin,
    of: Of<AccessKey>,
    (actor, if_match): (Actor, IfMatch),
    working: Working,
) -> Result<Response, Problem> {
    let expected = if_match.holds(of.it.revision)?;
    let key = keys::set_working(admin, actor, (&of.it, expected), working).await?;
    Ok(tagged(key.revision, key))
}

pub(crate) async fn delete(
    State(admin): State<Admin>,
    of: Of<AccessKey>,
    Ask(deletion): Ask<Deletion>,
    if_match: IfMatch,
    By(actor): By,
) -> Result<Response, Problem> {
    let expected = if_match.holds(of.it.revision)?;
    if !deletion.is_meant(of.it.id.as_str())? {
        return Ok(tagged(of.it.revision.0, keys::losses(&of.it)));
    }
    let deleted = keys::delete(&admin, actor, (&of.it, expected)).await?;
    Ok(super::json(deleted))
}
