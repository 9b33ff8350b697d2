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
    Ok(with_cookie(begun))
}

pub(crate) async fn step_up(
    State(admin): State<Admin>,
    caller: Caller,
    document: Document<StepUpAsk>,
) -> Result<Response, Problem> {
    let who = (&caller, document.actor);
    Ok(with_cookie(
        signin::step_up(&admin, who, &document.asked).await?,
    ))
}

pub(crate) async fn sign_out(
    State(admin): State<Admin>,
    caller: Caller,
    By(actor): By,
) -> Result<Response, Problem> {
    signin::sign_out(&admin, (&caller, actor)).await?;
    let response = StatusCode::NO_CONTENT.into_response();
    Ok(if caller.is_browser() {
        forget_cookie(response)
    } else {
        response
    })
}

/// A browser is given the session as a cookie that no script reads and no other site's form sends.
fn with_cookie((id, carrier, told): (Secret, Carrier, SignedIn)) -> Response {
    let response = super::json(told);
    match carrier {
        Carrier::Cookie => give_cookie(response, &id),
        Carrier::Bearer => response,
    }
}

/// An answer with the cookie of a session.
pub(crate) fn give_cookie(response: Response, id: &Secret) -> Response {
    let cookie = id.lend(|id| {
        let id = String::from_utf8_lossy(id);
        format!("{COOKIE}={id}; Path=/; Secure; HttpOnly; SameSite=Lax")
    });
    set_cookie(response, &cookie)
}

/// An answer that takes the cookie away.
pub(crate) fn forget_cookie(response: Response) -> Response {
    let gone = format!("{COOKIE}=; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=0");
    set_cookie(response, &gone)
}

fn set_cookie(mut response: Response, cookie: &str) -> Response {
    // INVARIANT: the id of a session is hexadecimal digits.
    if let Ok(value) = HeaderValue::try_from(cookie) {
        response.headers_mut().insert(header::SET_COOKIE, value);
    }
    response
}
