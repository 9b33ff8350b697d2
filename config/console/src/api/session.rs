//! How people come in: the first of them, an invitation, signing in and out.

use axum::extract::{FromRequestParts, State};
use axum::response::{IntoResponse as _, Response};
use http::request::Parts;
use http::{HeaderValue, StatusCode, header};
use postern_config::Secret;

use super::asked::{By, Document};
use crate::caller::{COOKIE, Caller};
use crate::service::signin::{self, AcceptAsk, SetUpAsk, SignInAsk, SignedIn, StepUpAsk, Stranger};
use crate::sessions::Carrier;
use crate::{Admin, PeerAddress, Problem};

impl FromRequestParts<Admin> for Stranger {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &Admin) -> Result<Self, Problem> {
        let agent = parts.headers.get(header::USER_AGENT);
        let agent = agent.and_then(|it| it.to_str().ok()).unwrap_or_default();
        Ok(Self {
            address: parts.extensions.get::<PeerAddress>().map(|peer| peer.0),
            agent: agent.to_owned(),
        })
    }
}

pub(crate) async fn set_up(
    State(admin): State<Admin>,
    stranger: Stranger,
    document: Document<SetUpAsk>,
) -> Result<Response, Problem> {
    let made = signin::set_up(&admin, &stranger, document.asked).await?;
    Ok((StatusCode::CREATED, super::json(made)).into_response())
}

pub(crate) async fn accept(
    State(admin): State<Admin>,
    stranger: Stranger,
    document: Document<AcceptAsk>,
) -> Result<Response, Problem> {
    let accepted = signin::accept(&admin, &stranger, &document.asked).await?;
    Ok(super::json(accepted))
}

pub(crate) async fn sign_in(
    State(admin): State<Admin>,
    stranger: Stranger,
    document: Document<SignInAsk>,
) -> Result<Response, Problem> {
    let begun = signin::sign_in(&admin, &stranger, &document.asked).await?;
    with_cookie(begun)
}

pub(crate) async fn step_up(
    State(admin): State<Admin>,
    caller: Caller,
    document: Document<StepUpAsk>,
) -> Result<Response, Problem> {
    let who = (&caller, document.actor);
    with_cookie(signin::step_up(&admin, who, &document.asked).await?)
}

pub(crate) async fn sign_out(
    State(admin): State<Admin>,
    caller: Caller,
    By(actor): By,
) -> Result<Response, Problem> {
    signin::sign_out(&admin, (&caller, actor)).await?;
    let mut response = StatusCode::NO_CONTENT.into_response();
    if caller.is_browser() {
        let gone = format!("{COOKIE}=; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=0");
        set_cookie(&mut response, &gone)?;
    }
    Ok(response)
}

/// A browser is given the session as a cookie that no script reads and no other site sends.
fn with_cookie((id, carrier, told): (Secret, Carrier, SignedIn)) -> Result<Response, Problem> {
    let mut response = super::json(told);
    if carrier == Carrier::Cookie {
        let cookie = id.lend(|id| {
            let id = String::from_utf8_lossy(id);
            format!("{COOKIE}={id}; Path=/; Secure; HttpOnly; SameSite=Strict")
        });
        set_cookie(&mut response, &cookie)?;
    }
    Ok(response)
}

fn set_cookie(response: &mut Response, cookie: &str) -> Result<(), Problem> {
    let value = HeaderValue::try_from(cookie).map_err(|_| Problem::malformed("a cookie"))?;
    response.headers_mut().insert(header::SET_COOKIE, value);
    Ok(())
}
