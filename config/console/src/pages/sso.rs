//! To the provider and back.

use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use postern_config::Secret;

use super::fields::{Asked, Fields};
use super::links::own;
use super::passkeys::authority;
use super::reader::Reader;
use super::session::{sign_in_page, step_up_page};
use super::visit::{Visit, see};
use crate::api::session::give_cookie;
use crate::caller::{Caller, cookie};
use crate::limits::SSO_ATTEMPT_MS_MAX;
use crate::service::signin::Stranger;
use crate::service::sso::{self, Out, Return, Wish};
use crate::{Admin, Problem};

/// Where the provider sends browsers back to.
const CALLBACK: &str = "/sso/callback";
/// By what a browser is known while it is at the provider.
const COOKIE: &str = "__Host-postern-sso";

pub(crate) async fn begin(
    State(admin): State<Admin>,
    reader: Reader,
    stranger: Stranger,
    headers: HeaderMap,
    Asked(form): Asked,
) -> Result<Response, Problem> {
    // Whoever is in already is not sent away.
    let caller = Caller::of(&admin, &headers);
    if caller.as_ref().is_some_and(Caller::is_browser) {
        return Ok(see(own(form.text("to"))));
    }
    let begun = sso::begin(&admin, (&stranger, None), wish(&headers, &form)?).await;
    Ok(match begun {
        Ok((address, held)) => away(&address, &held),
        Err(problem) => sign_in_page(&reader, (&form, problem.status), Some(&problem)),
    })
}

/// He is sent there once more, to show that it is he.
pub(crate) async fn again(
    State(admin): State<Admin>,
    reader: Reader,
    stranger: Stranger,
    headers: HeaderMap,
    Asked(form): Asked,
) -> Result<Response, Problem> {
    let who = (&stranger, Some(reader.caller()?));
    let (address, held) = sso::begin(&admin, who, wish(&headers, &form)?).await?;
    Ok(away(&address, &held))
}

pub(crate) async fn finish(
    State(admin): State<Admin>,
    stranger: Stranger,
    visit: Visit,
    Asked(form): Asked,
) -> Response {
    let held = cookie(&visit.cookies, COOKIE).ok().flatten();
    let back = Return {
        state: form.exactly("state"),
        code: form.exactly("code"),
        error: form.exactly("error"),
        issuer: form.exactly("iss"),
        held: held.as_deref(),
    };
    let response = match sso::finish(&admin, &stranger, &back).await {
        Ok(come) => give_cookie(see(own(&come.to)), &come.id),
        Err(out) => stays_out(&visit.reader(&admin), &out),
    };
    with_cookie(response, "; Max-Age=0", None)
}

/// What is wrong, and where he may begin again.
fn stays_out(reader: &Reader, out: &Out) -> Response {
    let (status, problem) = (out.problem.status, Some(&out.problem));
    if out.again {
        return step_up_page(reader, (&out.to, status), problem);
    }
    let form = Fields::default().with("to", &out.to);
    sign_in_page(reader, (&form, status), problem)
}

/// What a browser wants that asks for this. The provider sends it back to the name by which it has reached us.
fn wish(headers: &HeaderMap, form: &Fields) -> Result<Wish, Problem> {
    let host = authority(headers)?;
    Ok(Wish {
        redirect: format!("https://{host}{CALLBACK}"),
        to: own(form.text("to")).to_owned(),
        account: Some(form.text("account").to_owned()).filter(|it| !it.is_empty()),
    })
}

/// Sends a browser to the provider.
fn away(address: &str, held: &Secret) -> Response {
    let mut response = see("/");
    match HeaderValue::try_from(address) {
        Ok(place) => response.headers_mut().insert(header::LOCATION, place),
        Err(_) => return StatusCode::BAD_GATEWAY.into_response(),
    };
    let life = format!("; Max-Age={}", SSO_ATTEMPT_MS_MAX / 1_000);
    with_cookie(response, &life, Some(held))
}

/// An answer that gives or takes what the browser holds. `Lax`: the provider sends it back from another site.
fn with_cookie(mut response: Response, life: &str, held: Option<&Secret>) -> Response {
    let held = held.map(|it| it.lend(|it| String::from_utf8_lossy(it).into_owned()));
    let held = held.unwrap_or_default();
    let cookie = format!("{COOKIE}={held}; Path=/; Secure; HttpOnly; SameSite=Lax{life}");
    // INVARIANT: hexadecimal digits and our own words.
    if let Ok(value) = HeaderValue::try_from(cookie) {
        response.headers_mut().append(header::SET_COOKIE, value);
    }
    response
}
