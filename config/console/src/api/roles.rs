//! Roles of an account.

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use postern_config::directory::{CustomRole, Tenant};

use super::asked::{Ask, At, By, Document, IfMatch, Of, Words, created, tagged};
use crate::service::find;
use crate::service::list::{Page, list_queries};
use crate::service::losses::Deletion;
use crate::service::roles::{self, Matrix, RoleAsked, RoleShown};
use crate::{Admin, Problem};

list_queries! {
    /// Which roles are listed.
    RolesAsk
        finds "Those whose name or description contains this."
        sorts "`name`, with `-` before it from the other end. The built-in ones come first."
    {
        /// The built-in ones alone, or those alone that the account has made.
        builtin: Option<bool>,
    }
}

pub(crate) async fn list(
    of: Of<Tenant>,
    Ask(ask): Ask<RolesAsk>,
) -> Result<Json<Page<RoleShown>>, Problem> {
    Ok(Json(roles::list(
        &of.state,
        &of.it,
        &ask.listing(),
        ask.builtin,
    )?))
}

pub(crate) async fn matrix(of: Of<Tenant>) -> Json<Matrix> {
    Json(roles::matrix(&of.state, &of.it))
}

pub(crate) async fn create(
    State(admin): State<Admin>,
    of: Of<Tenant>,
    document: Document<RoleAsked>,
) -> Result<Response, Problem> {
    let new = (&*of.it, document.asked);
    let (is_new, made) = roles::create(&admin, document.actor, document.once, new).await?;
    Ok(created(is_new, made.revision, made))
}

/// A role, built in or made.
pub(crate) async fn show(of: Of<Tenant>, At(words): At<Words>) -> Result<Response, Problem> {
    let word = words.role.unwrap_or_default();
    let role = find::role(&of.state, &of.it, &word)?;
    let shown = roles::show(&of.state, &of.it, role);
    Ok(tagged(shown.revision, shown))
}

pub(crate) async fn change(
    State(admin): State<Admin>,
    of: Of<CustomRole>,
    document: Document<RoleAsked>,
) -> Result<Response, Problem> {
    let expected = document.if_match.holds(of.it.revision)?;
    let which = (&*of.tenant, &*of.it, expected);
    let changed = roles::change(&admin, document.actor, which, document.asked).await?;
    Ok(tagged(changed.revision, changed))
}

pub(crate) async fn delete(
    State(admin): State<Admin>,
    of: Of<CustomRole>,
    Ask(deletion): Ask<Deletion>,
    if_match: IfMatch,
    By(actor): By,
) -> Result<Response, Problem> {
    let expected = if_match.holds(of.it.revision)?;
    if !deletion.is_meant(of.it.name.as_str())? {
        let losses = roles::losses(&of.state, &of.it);
        return Ok(tagged(of.it.revision.0, losses));
    }
    let deleted = roles::delete(&admin, actor, (&of.it, expected)).await?;
    Ok(super::json(deleted))
}
