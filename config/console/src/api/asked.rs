//! What handlers are given of a request: what the path names, the query, a document, who asks, and under which conditions. What is
//! malformed is a problem with a sentence, never a bare status.

use std::sync::Arc;

use axum::Json;
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::response::{IntoResponse as _, Response};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use postern_config::directory::{
    AccessKey, Actor, Bucket, CustomRole, Digest, State as Snapshot, SubUser, Tenant, User,
};
use postern_config::engine::Revision;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::modules::{actor_of, check_type};
use super::read_body;
use crate::caller::Caller;
use crate::service::sentences::stale;
use crate::service::{creations, find};
use crate::{Admin, Problem};

/// What a path names, in the directory as it was when the request came.
#[derive(Debug)]
pub(crate) struct Of<T> {
    /// The directory.
    pub(crate) state: Arc<Snapshot>,
    /// Who asks.
    pub(crate) caller: Caller,
    /// The account.
    pub(crate) tenant: Arc<Tenant>,
    /// What the last words name.
    pub(crate) it: Arc<T>,
}

/// The words of a path, by the names that routes give them.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Words {
    /// The account.
    pub(crate) tenant: String,
    /// A user.
    pub(crate) user: Option<String>,
    /// A sub-user of the user.
    pub(crate) sub_user: Option<String>,
    /// An access key.
    pub(crate) key: Option<String>,
    /// A role.
    pub(crate) role: Option<String>,
    /// A bucket.
    pub(crate) bucket: Option<String>,
    /// Whose bucket: a word of the query, where several users have one of that name.
    pub(crate) owner: Option<String>,
}

/// What the words of a path can name.
pub(crate) trait Named: Sized {
    /// Finds it in its account.
    fn find(within: &Within<'_>, words: &Words) -> Result<Arc<Self>, Problem>;
}

/// Where something is looked for, and by whom.
#[derive(Debug)]
pub(crate) struct Within<'w> {
    state: &'w Snapshot,
    caller: &'w Caller,
    tenant: &'w Arc<Tenant>,
}

impl<T> Of<T> {
    /// The user of the account who is named further on, if one is.
    pub(crate) fn user(&self, word: Option<&str>) -> Result<Option<&User>, Problem> {
        let user = word.map(|word| self.caller.user(&self.state, &self.tenant, word));
        Ok(user.transpose()?.map(|user| &**user))
    }
}

impl<T: Named> FromRequestParts<Admin> for Of<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, admin: &Admin) -> Result<Self, Problem> {
        /// A query may say more.
        #[derive(Deserialize)]
        struct Owned {
            owner: Option<String>,
        }
        let Path(words): Path<Words> = Path::from_request_parts(parts, admin).await?;
        let Query(Owned { owner }) = Query::from_request_parts(parts, admin).await?;
        let words = Words { owner, ..words };
        let caller = Caller::from_request_parts(parts, admin).await?;
        let state = admin.directory.state();
        let tenant = Arc::clone(caller.tenant(&state, &words.tenant)?);
        let within = Within {
            state: &state,
            caller: &caller,
            tenant: &tenant,
        };
        let it = T::find(&within, &words)?;
        Ok(Self {
            state,
            caller,
            tenant,
            it,
        })
    }
}

/// A word that the route of a handler has.
fn word<'w>(word: Option<&'w String>, what: &str) -> Result<&'w str, Problem> {
    word.map(String::as_str)
        .ok_or_else(|| Problem::not_found(what))
}

impl<'w> Within<'w> {
    fn user(&self, word: &str) -> Result<&'w Arc<User>, Problem> {
        self.caller.user(self.state, self.tenant, word)
    }
}

impl Named for Tenant {
    fn find(within: &Within<'_>, _: &Words) -> Result<Arc<Self>, Problem> {
        Ok(Arc::clone(within.tenant))
    }
}

impl Named for User {
    fn find(within: &Within<'_>, words: &Words) -> Result<Arc<Self>, Problem> {
        within.user(word(words.user.as_ref(), "user")?).cloned()
    }
}

impl Named for SubUser {
    fn find(within: &Within<'_>, words: &Words) -> Result<Arc<Self>, Problem> {
        let user = User::find(within, words)?;
        let sub_user = word(words.sub_user.as_ref(), "sub-user")?;
        find::sub_user(within.state, &user, sub_user).cloned()
    }
}

/// Where the path names no user, the key is found whoever's it is: by somebody who knows its id alone.
impl Named for AccessKey {
    fn find(within: &Within<'_>, words: &Words) -> Result<Arc<Self>, Problem> {
        let user = words.user.as_deref();
        let user = user.map(|user| within.user(user)).transpose()?;
        let key = word(words.key.as_ref(), "access key")?;
        let whose = (&**within.tenant, user.map(|user| &**user));
        find::key(within.state, whose, key).cloned()
    }
}

impl Named for CustomRole {
    fn find(within: &Within<'_>, words: &Words) -> Result<Arc<Self>, Problem> {
        let role = word(words.role.as_ref(), "role")?;
        find::custom_role(within.state, within.tenant, role).cloned()
    }
}

impl Named for Bucket {
    fn find(within: &Within<'_>, words: &Words) -> Result<Arc<Self>, Problem> {
        let owner = words.owner.as_deref();
        let owner = owner.map(|owner| within.user(owner)).transpose()?;
        let bucket = word(words.bucket.as_ref(), "bucket")?;
        let whose = (&**within.tenant, owner.map(|owner| &**owner));
        find::bucket(within.state, within.caller, whose, bucket).cloned()
    }
}

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
