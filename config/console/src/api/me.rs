//! Who asks, and what is his own: details, password, second factor, sessions.

use axum::Json;
use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Response};
use http::StatusCode;

use super::asked::{By, Document, tagged};
use crate::caller::Caller;
use crate::pages::brand::NAME;
use crate::service::list::Page;
use crate::service::me::{self, CodeAsk, MeChange, MeShown, NewPassword, SessionShown};
use crate::service::passkeys::{self, PasskeyShown};
use crate::{Admin, Problem};

pub(crate) async fn show(
    State(admin): State<Admin>,
    caller: Caller,
) -> Result<Json<MeShown>, Problem> {
    Ok(Json(me::show(&admin, &caller)))
}

pub(crate) async fn change(
    State(admin): State<Admin>,
    caller: Caller,
    document: Document<MeChange>,
) -> Result<Response, Problem> {
    let who = (&caller, document.actor);
    let shown = me::change(&admin, who, document.asked).await?;
    Ok(tagged(shown.revision, shown))
}

pub(crate) async fn set_password(
    State(admin): State<Admin>,
    caller: Caller,
    document: Document<NewPassword>,
) -> Result<Response, Problem> {
    let who = (&caller, document.actor);
    me::set_password(&admin, who, &document.asked).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

pub(crate) async fn enrol(
    State(admin): State<Admin>,
    caller: Caller,
    By(actor): By,
) -> Result<Response, Problem> {
    let enrolled = me::enrol(&admin, (&caller, actor), NAME).await?;
    Ok((StatusCode::CREATED, super::json(enrolled)).into_response())
}

pub(crate) async fn confirm(
    State(admin): State<Admin>,
    caller: Caller,
    document: Document<CodeAsk>,
) -> Result<Response, Problem> {
    let who = (&caller, document.actor);
    let shown = me::confirm(&admin, who, &document.asked).await?;
    Ok(tagged(shown.revision, shown))
}

pub(crate) async fn remove_one_time(
    State(admin): State<Admin>,
    caller: Caller,
    By(actor): By,
) -> Result<Response, Problem> {
    let shown = me::remove_one_time(&admin, (&caller, actor)).await?;
    Ok(tagged(shown.revision, shown))
}

pub(crate) async fn passkeys(
    State(admin): State<Admin>,
    caller: Caller,
) -> Result<Json<Page<PasskeyShown>>, Problem> {
    Ok(Json(passkeys::list(&admin, &caller)?))
}

pub(crate) async fn remove_passkey(
    State(admin): State<Admin>,
    caller: Caller,
    By(actor): By,
    Path(word): Path<String>,
) -> Result<Response, Problem> {
    let shown = passkeys::remove(&admin, (&caller, actor), &word).await?;
    Ok(tagged(shown.revision, shown))
}

pub(crate) async fn sessions(
    State(admin): State<Admin>,
    caller: Caller,
) -> Result<Json<Page<SessionShown>>, Problem> {
    Ok(Json(me::sessions(&admin, &caller)?))
}

pub(crate) async fn end_sessions(
    State(admin): State<Admin>,
    caller: Caller,
    By(actor): By,
) -> Result<Response, Problem> {
    me::end_sessions(&admin, (&caller, actor)).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
