//! What handlers are given of a request: words of the path, the query, a document, who asks, and under which conditions. What is
//! malformed is a problem with a sentence, never a bare status.

use axum::Json;
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::response::{IntoResponse as _, Response};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use postern_config::directory::{Actor, Digest};
use postern_config::engine::Revision;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::modules::{actor_of, check_type};
use super::read_body;
use crate::service::creations;
use crate::service::sentences::stale;
use crate::{Admin, Problem};

/// The words of the path.
#[derive(Debug)]
pub(crate) struct At<T>(pub(crate) T);

impl<T: DeserializeOwned + Send> FromRequestParts<Admin> for At<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, admin: &Admin) -> Result<Self, Problem> {
        let Path(words) = Path::from_request_parts(parts, admin).await?;
        Ok(Self(words))
    }
}

/// The query.
#[derive(Debug)]
pub(crate) struct Ask<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequestParts<Admin> for Ask<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, admin: &Admin) -> Result<Self, Problem> {
        let Query(asked) = Query::from_request_parts(parts, admin).await?;
        Ok(Self(asked))
    }
}

/// Who asks.
#[derive(Debug)]
pub(crate) struct By(pub(crate) Actor);

/// The revisions of which one must be that of the record; none: any.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct IfMatch(Option<Vec<u64>>);

impl FromRequestParts<Admin> for IfMatch {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &Admin) -> Result<Self, Problem> {
        Self::of(&parts.headers)
    }
}

impl IfMatch {
    /// Source: RFC 9110 section 13.1.1. Weak tags never match.
    fn of(headers: &HeaderMap) -> Result<Self, Problem> {
        let given = headers.get_all(header::IF_MATCH);
        let mut revisions = Vec::new();
        let mut is_given = false;
        for value in given {
            is_given = true;
            let wrong = || {
                let detail = "`If-Match` is the `ETag` of an answer, such as \"42\", or *";
                Problem::malformed(detail)
            };
            for tag in value
                .to_str()
                .map_err(|_| wrong())?
                .split(',')
                .map(str::trim)
            {
                if tag == "*" {
                    return Ok(Self(None));
                }
                let strong = tag.strip_prefix("W/").is_none();
                let tag = tag.trim_start_matches("W/");
                let inner = tag.strip_prefix('"').and_then(|it| it.strip_suffix('"'));
                let inner = inner.ok_or_else(wrong)?;
                revisions.extend(inner.parse::<u64>().ok().filter(|_| strong));
            }
        }
        Ok(Self(is_given.then_some(revisions)))
    }

    /// The revision at which a command is carried out, if the record is at one of those that are wanted.
    pub(crate) fn holds(&self, found: Revision) -> Result<Option<Revision>, Problem> {
        match &self.0 {
            None => Ok(None),
            Some(wanted) if wanted.contains(&found.0) => Ok(Some(found)),
            Some(_) => Err(stale(found.0)),
        }
    }
}

/// A document of JSON, who sends it, and whether it is to be carried out once.
#[derive(Debug)]
pub(crate) struct Document<T> {
    /// The document.
    pub(crate) asked: T,
    /// Who sends it.
    pub(crate) actor: Actor,
    /// The conditions on what it changes.
    pub(crate) if_match: IfMatch,
    /// The `Idempotency-Key`, where there is one.
    pub(crate) once: Option<creations::Asked>,
}

impl<T: DeserializeOwned> FromRequest<Admin> for Document<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, admin: &Admin) -> Result<Self, Problem> {
        let headers = request.headers();
        check_type(headers, &["application/json"])?;
        let if_match = IfMatch::of(headers)?;
        let mut keys = headers.get_all("idempotency-key").iter();
        let key = keys.next().cloned();
        if keys.next().is_some() {
            return Err(Problem::malformed("there are two `Idempotency-Key`s"));
        }
        let actor = actor_of(&request);
        let line = format!("{} {}\n", request.method(), request.uri());
        let bytes = read_body(request.into_body(), admin.body_bytes_max).await?;
        let what = Digest::of(&[line.as_bytes(), &bytes].concat());
        let once = key.map(|key| creations::Asked::new(key.as_bytes(), &what));
        let asked = serde_json::from_slice(&bytes).map_err(|fault| {
            let problem = Problem::malformed(format!("the document: {fault}"));
            Problem {
                status: StatusCode::UNPROCESSABLE_ENTITY,
                ..problem
            }
        })?;
        Ok(Self {
            asked,
            actor,
            if_match,
            once: once.transpose()?,
        })
    }
}

impl FromRequestParts<Admin> for By {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &Admin) -> Result<Self, Problem> {
        Ok(Self(super::modules::actor_in(&parts.extensions)))
    }
}

/// An answer with the revision of its record as `ETag`.
pub(crate) fn tagged<T: Serialize>(revision: u64, body: T) -> Response {
    let mut response = Json(body).into_response();
    if let Ok(tag) = HeaderValue::try_from(format!("\"{revision}\"")) {
        response.headers_mut().insert(header::ETAG, tag);
    }
    response
}

/// The answer to a creation: 201, or 200 with a mark where the same key has made it before.
pub(crate) fn created<T: Serialize>(is_new: bool, revision: u64, body: T) -> Response {
    let mut response = tagged(revision, body);
    if is_new {
        *response.status_mut() = StatusCode::CREATED;
    } else {
        let mark = HeaderValue::from_static("true");
        response.headers_mut().insert("idempotent-replayed", mark);
    }
    response
}

/// A whole document that is no JSON.
pub(crate) fn text(kind: &'static str, body: impl Into<axum::body::Body>) -> Response {
    let mut response = Response::new(body.into());
    let kind = HeaderValue::from_static(kind);
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(value: &'static str) -> Result<IfMatch, Problem> {
        let mut headers = HeaderMap::new();
        headers.insert(header::IF_MATCH, HeaderValue::from_static(value));
        IfMatch::of(&headers)
    }

    #[test]
    fn a_condition_is_a_list_of_strong_tags() {
        let found = Revision(42);
        assert_eq!(of("\"42\"").unwrap().holds(found), Ok(Some(found)));
        assert_eq!(of("\"1\", \"42\"").unwrap().holds(found), Ok(Some(found)));
        assert_eq!(of("*").unwrap().holds(found), Ok(None));
        for stale in ["\"41\"", "W/\"42\"", "\"x\""] {
            assert_eq!(of(stale).unwrap().holds(found).unwrap_err().code, "stale");
        }
        for malformed in ["42", "", "\"42"] {
            assert_eq!(of(malformed).unwrap_err().code, "malformed");
        }
        let none = IfMatch::of(&HeaderMap::new()).unwrap();
        assert_eq!(none.holds(found), Ok(None));
    }
}
