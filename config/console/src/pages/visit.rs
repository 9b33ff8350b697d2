//! What a browser is told beyond what a page says: where to sign in, what went wrong, and what a page may do.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use axum::response::{IntoResponse as _, Response};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};

use super::links::encoded;
use super::reader::Reader;
use super::texts::Tongue;
use super::{brand, error};
use crate::caller::Caller;
use crate::{Admin, Problem};

/// A page runs one script and looks as one style sheet says, both ours; it sends forms to us alone, and nobody frames it.
/// Source: W3C CSP 3, Trusted Types.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; form-action 'self'; \
     frame-ancestors 'none'; base-uri 'none'; require-trusted-types-for 'script'; trusted-types postern";

/// What every page is sent with. The referrer is kept within our origin: without any, a browser sends forms with `Origin: null`.
const HEADERS: [(HeaderName, &str); 5] = [
    (header::CONTENT_SECURITY_POLICY, POLICY),
    (header::REFERRER_POLICY, "same-origin"),
    (header::STRICT_TRANSPORT_SECURITY, "max-age=31536000"),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        "same-origin",
    ),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        "same-origin",
    ),
];

/// A request for a page.
#[derive(Debug)]
pub(crate) struct Visit {
    method: Method,
    pub(super) path: String,
    whole: String,
    /// The name by which the console is reached, without a port.
    pub(super) host: Option<String>,
    /// What the browser likes best.
    pub(super) tongue: Tongue,
    pub(super) cookies: HeaderMap,
}

impl FromRequestParts<Admin> for Visit {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &Admin) -> Result<Self, Infallible> {
        Ok(Self::of(parts))
    }
}

impl Visit {
    /// Keeps what is needed once the request is gone.
    pub(crate) fn of(parts: &Parts) -> Self {
        let mut cookies = HeaderMap::new();
        for cookie in parts.headers.get_all(header::COOKIE) {
            cookies.append(header::COOKIE, cookie.clone());
        }
        let whole = parts.uri.path_and_query().map_or("/", |it| it.as_str());
        Self {
            method: parts.method.clone(),
            path: parts.uri.path().to_owned(),
            whole: whole.to_owned(),
            host: brand::host(&parts.uri, &parts.headers),
            tongue: Tongue::liked(&parts.headers),
            cookies,
        }
    }

    /// Who comes, by the session of his browser.
    pub(crate) fn reader(&self, admin: &Admin) -> Reader {
        let caller = Caller::of(admin, &self.cookies).filter(Caller::is_browser);
        Reader::new(admin, caller, self)
    }

    /// The answer as a browser is given it.
    pub(crate) fn seen(&self, admin: &Admin, response: Response) -> Response {
        let problem = response.extensions().get::<Problem>().cloned();
        let mut response = match problem {
            Some(problem) => self.refused(admin, &problem),
            None => response,
        };
        for (name, value) in HEADERS {
            let value = HeaderValue::from_static(value);
            response.headers_mut().insert(name, value);
        }
        response
    }

    fn refused(&self, admin: &Admin, problem: &Problem) -> Response {
        // A form stands at the path to which it is sent.
        let back = if self.method == Method::GET {
            &self.whole
        } else {
            &self.path
        };
        match problem.code {
            "unauthorized" => see(&format!("/sign-in?to={}", encoded(back))),
            "key-needed" => see(&format!("/me/key?to={}", encoded(back))),
            "step-up" => see(&format!("/step-up?to={}", encoded(back))),
            _ => error::page(&self.reader(admin), problem),
        }
    }
}

/// Sends a browser to another page.
pub(crate) fn see(path: &str) -> Response {
    let mut response = StatusCode::SEE_OTHER.into_response();
    let place = HeaderValue::try_from(path).unwrap_or(HeaderValue::from_static("/"));
    response.headers_mut().insert(header::LOCATION, place);
    response
}
