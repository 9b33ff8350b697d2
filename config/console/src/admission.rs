//! Who is let in. One check stands before every route, also before those that do not exist.

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use postern_config::directory::{Digest, Who};
use postern_config::settings::MetricsAccess;

use crate::routes::{self, Permission};
use crate::{Admin, PeerAddress, Problem};

/// Digits of a token's hash by which audit records tell it from the one before.
const FINGERPRINT_DIGITS: usize = 16;

/// Lets a request in, or refuses it. What no route declares needs the token, so that a stranger cannot ask which routes exist.
pub(crate) async fn admit(
    State(admin): State<Admin>,
    mut request: Request,
    next: Next,
) -> Response {
    let permission = routes::permission_of(request.uri().path());
    let holder = holder(&admin, request.headers());
    let admitted = match permission {
        Permission::Open => true,
        Permission::Metrics => is_local(&admin, &request) || holder.is_some(),
        Permission::Token => holder.is_some(),
    };
    if let Some(who) = holder {
        request.extensions_mut().insert(Holder(who));
    }
    let mut response = if admitted {
        next.run(request).await
    } else {
        let detail = "this needs the admin token as a bearer token";
        Problem::new(StatusCode::UNAUTHORIZED, "unauthorized", detail).into_response()
    };
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    response
}

/// Who holds the token that a request was let in by.
#[derive(Clone, Debug)]
pub(crate) struct Holder(pub(crate) Who);

/// Exactly one `Authorization` header with the scheme `Bearer` and a token: the server's own, or a person's.
fn holder(admin: &Admin, headers: &HeaderMap) -> Option<Who> {
    let mut given = headers.get_all(header::AUTHORIZATION).iter();
    let (Some(value), None) = (given.next(), given.next()) else {
        return None;
    };
    let (scheme, token) = value.as_bytes().split_at_checked("Bearer ".len())?;
    if !scheme.eq_ignore_ascii_case(b"Bearer ") {
        return None;
    }
    // Whoever has the server's own token is nobody else, should a person have been given the same.
    if admin.token.is(token) {
        return Some(Who::AdminToken);
    }
    let hash = Digest::of(token);
    let person = admin
        .persons
        .iter()
        .find(|person| person.token == *hash.as_bytes())?;
    let mut token = hash.to_string();
    token.truncate(FINGERPRINT_DIGITS);
    let name = person.name.clone();
    Some(Who::Person { name, token })
}

fn is_local(admin: &Admin, request: &Request) -> bool {
    let peer = request.extensions().get::<PeerAddress>();
    match admin.metrics {
        MetricsAccess::Token => false,
        MetricsAccess::Loopback => peer.is_some_and(|peer| peer.0.to_canonical().is_loopback()),
    }
}
