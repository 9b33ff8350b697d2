//! Who is let in. One check stands before every route, also before those that do not exist.

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use postern_config::settings::MetricsAccess;

use crate::routes::{self, Permission};
use crate::{Admin, PeerAddress, Problem};

/// Lets a request in, or refuses it. What no route declares needs the token, so that a stranger cannot ask which routes exist.
pub(crate) async fn admit(State(admin): State<Admin>, request: Request, next: Next) -> Response {
    let permission = routes::permission_of(request.uri().path());
    let admitted = match permission {
        Permission::Open => true,
        Permission::Metrics => is_local(&admin, &request) || holds_token(&admin, request.headers()),
        Permission::Token => holds_token(&admin, request.headers()),
    };
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

/// Exactly one `Authorization` header with the scheme `Bearer` and the token.
fn holds_token(admin: &Admin, headers: &HeaderMap) -> bool {
    let mut given = headers.get_all(header::AUTHORIZATION).iter();
    let (Some(value), None) = (given.next(), given.next()) else {
        return false;
    };
    let Some((scheme, token)) = value.as_bytes().split_at_checked("Bearer ".len()) else {
        return false;
    };
    scheme.eq_ignore_ascii_case(b"Bearer ") && admin.token.is(token)
}

fn is_local(admin: &Admin, request: &Request) -> bool {
    let peer = request.extensions().get::<PeerAddress>();
    match admin.metrics {
        MetricsAccess::Token => false,
        MetricsAccess::Loopback => peer.is_some_and(|peer| peer.0.to_canonical().is_loopback()),
    }
}
