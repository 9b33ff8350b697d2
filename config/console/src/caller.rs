//! Who asks, and what he may do where: what admission has found out, and handlers ask again where the place is in what they read.

use axum::extract::FromRequestParts;
use http::request::Parts;
use http::{HeaderMap, Method, StatusCode, header};
use postern_config::UnixMillis;
use postern_config::directory::{
    AccessKey, Bucket, ConsoleAtom, Digest, ModuleScope, Office, OperatorId, OperatorScope, Place,
    Role, RoleAtoms, State, Tenant, TenantId, User, Who,
};

use crate::sessions::{Carrier, Session, SessionHash};
use crate::{Admin, Problem};

/// Name of the session's cookie. Source: RFC 6265bis section 4.1.3.2: with this beginning it is of this host, over TLS, for all paths.
pub(crate) const COOKIE: &str = "__Host-postern";
/// Digits of a token's hash by which audit records tell it from the one before.
const FINGERPRINT_DIGITS: usize = 16;

/// Who asks.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    /// Who.
    pub(crate) who: Who,
    /// What he may do; none: everything.
    pub(crate) office: Option<Office>,
    /// The session by which he asks.
    pub(crate) session: Option<(SessionHash, Session)>,
}

impl FromRequestParts<Admin> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &Admin) -> Result<Self, Problem> {
        // INVARIANT: admission lets nobody to a handler that asks for this without having found out who he is.
        let found = parts.extensions.get::<Self>().cloned();
        found.ok_or_else(nobody)
    }
}

/// The answer to whoever has not come in.
pub(crate) fn nobody() -> Problem {
    let detail =
        "this needs a token as a bearer token, or the session of an operator who has signed in";
    Problem::new(StatusCode::UNAUTHORIZED, "unauthorized", detail)
}

impl Caller {
    /// Who asks by these headers; none where they show nothing that works.
    pub(crate) fn of(admin: &Admin, headers: &HeaderMap) -> Option<Self> {
        let bearer = headers.get_all(header::AUTHORIZATION).iter();
        let mut bearer = bearer.peekable();
        let cookie = cookie(headers, COOKIE);
        match (bearer.next(), bearer.next(), cookie) {
            (Some(bearer), None, Ok(None)) => by_bearer(admin, bearer.as_bytes()),
            (None, None, Ok(Some(id))) => by_session(admin, id.as_bytes(), Carrier::Cookie),
            // Two credentials are none: it is not for the server to choose whose request it is.
            _ => None,
        }
    }

    fn platform(who: Who) -> Self {
        Self {
            who,
            office: None,
            session: None,
        }
    }

    /// The operator who asks himself, by his session.
    pub(crate) fn person(&self) -> Result<(OperatorId, SessionHash, &Session), Problem> {
        match (&self.who, &self.session) {
            (Who::Operator { operator }, Some((hash, session))) => Ok((*operator, *hash, session)),
            _ => {
                let detail = "this is for an operator who has signed in: a token is not a person";
                Err(Problem::new(StatusCode::FORBIDDEN, "person", detail))
            }
        }
    }

    /// Whether he asks by a browser's cookie.
    pub(crate) fn is_browser(&self) -> bool {
        let session = self.session.as_ref();
        session.is_some_and(|(_, session)| session.carrier == Carrier::Cookie)
    }

    /// Whether his scope reaches the place whole.
    pub(crate) fn sees(&self, state: &State, place: &Place) -> bool {
        self.office
            .as_ref()
            .is_none_or(|office| office.scope.covers(state, place))
    }

    /// Whether his scope reaches something of the account.
    pub(crate) fn touches(&self, state: &State, tenant: TenantId) -> bool {
        self.office
            .as_ref()
            .is_none_or(|office| office.scope.touches(state, tenant))
    }

    /// Whether his scope reaches the user.
    pub(crate) fn sees_user(&self, state: &State, user: &User) -> bool {
        self.sees(state, &Place::User(user.tenant, user.id))
    }

    /// Whether nothing is beyond his scope: what is not there may be told from what is.
    pub(crate) fn sees_all(&self) -> bool {
        self.office
            .as_ref()
            .is_none_or(|office| office.scope == OperatorScope::Deployment)
    }

    /// Whether he has the permission, wherever that is.
    pub(crate) fn has(&self, atom: ConsoleAtom) -> bool {
        self.office
            .as_ref()
            .is_none_or(|office| office.atoms.console.contains(&atom))
    }

    /// Whether he may see the place, and do that there where it is more than seeing.
    ///
    /// # Errors
    /// 404 where he does not see it, 403 where he may not do it.
    pub(crate) fn demand(
        &self,
        state: &State,
        atom: Option<ConsoleAtom>,
        (place, what): (&Place, &str),
    ) -> Result<(), Problem> {
        if !self.sees(state, place) {
            return Err(match place {
                // That there is a deployment, and something above an account, is no secret.
                Place::Deployment | Place::Above(_) | Place::Below(_) => self.lacks(atom, place),
                Place::Tenant(tenant) if self.touches(state, *tenant) => self.lacks(atom, place),
                _ => Problem::not_found(what),
            });
        }
        match atom {
            Some(atom) if !self.has(atom) => Err(self.lacks(Some(atom), place)),
            _ => Ok(()),
        }
    }

    /// The account that is named, if he sees something of it. Whoever does not see everything is not told what others are called.
    pub(crate) fn tenant<'s>(
        &self,
        state: &'s State,
        word: &str,
    ) -> Result<&'s std::sync::Arc<Tenant>, Problem> {
        match crate::service::find::tenant(state, word) {
            Ok(tenant) if self.touches(state, tenant.id) => Ok(tenant),
            Err(problem) if self.sees_all() => Err(problem),
            Ok(_) | Err(_) => Err(Problem::not_found("tenant")),
        }
    }

    /// The user of an account that is named, if he sees him.
    pub(crate) fn user<'s>(
        &self,
        state: &'s State,
        tenant: &Tenant,
        word: &str,
    ) -> Result<&'s std::sync::Arc<User>, Problem> {
        match crate::service::find::user(state, tenant, word) {
            Ok(user) if self.sees_user(state, user) => Ok(user),
            Err(problem) if self.sees(state, &Place::Tenant(tenant.id)) => Err(problem),
            Ok(_) | Err(_) => Err(Problem::not_found("user")),
        }
    }

    /// The access key of an account that is meant, if he sees whose it is.
    pub(crate) fn key<'s>(
        &self,
        state: &'s State,
        tenant: &Tenant,
        word: &str,
    ) -> Result<&'s std::sync::Arc<AccessKey>, Problem> {
        let sees = |key: &AccessKey| self.sees(state, &Place::User(key.tenant, key.user));
        match crate::service::find::key(state, (tenant, None), word) {
            Ok(key) if sees(key) => Ok(key),
            Err(problem) if self.sees(state, &Place::Tenant(tenant.id)) => Err(problem),
            Ok(_) | Err(_) => Err(Problem::not_found("access key")),
        }
    }

    /// Whether he sees the bucket: its owner.
    pub(crate) fn sees_bucket(&self, state: &State, bucket: &Bucket) -> bool {
        self.sees(state, &Place::User(bucket.tenant, bucket.owner))
    }

    /// The modules of an account, or of the platform, if he may see them, or do that to them.
    pub(crate) fn modules(
        &self,
        state: &State,
        atom: Option<ConsoleAtom>,
        scope: ModuleScope,
    ) -> Result<(), Problem> {
        let place = match scope {
            ModuleScope::Platform => Place::Deployment,
            ModuleScope::Tenant(tenant) => Place::Tenant(tenant),
        };
        self.demand(state, atom, (&place, "tenant"))
    }

    /// Why he may not: what it needs, and which roles have it.
    pub(crate) fn lacks(&self, atom: Option<ConsoleAtom>, place: &Place) -> Problem {
        let (role, scope) = match &self.office {
            Some(office) => (office.role.to_string(), scope_word(&office.scope)),
            None => ("owner".to_owned(), "the deployment"),
        };
        let wanted = match place {
            Place::Deployment => "the deployment as a whole",
            Place::Above(_) => "what stands above the account",
            Place::Below(_) => "the accounts below it",
            Place::Tenant(_) => "the whole account",
            Place::User(..) => "the user",
            Place::Scope(_) => "the same scope or a wider one",
        };
        let detail = match atom {
            Some(atom) if !self.has(atom) => {
                let roles = roles_with(atom).into_iter().map(|it| format!("`{it}`"));
                let roles = roles.collect::<Vec<_>>().join(" or ");
                format!(
                    "this needs the permission `{atom}`, as the role {roles} has it; your role is `{role}`"
                )
            }
            Some(_) | None => {
                format!("this needs a scope that reaches {wanted}; yours is {scope}")
            }
        };
        Problem {
            needs: atom,
            ..Problem::new(StatusCode::FORBIDDEN, "forbidden", detail)
        }
    }
}

/// The built-in roles that have a permission.
pub(crate) fn roles_with(atom: ConsoleAtom) -> Vec<String> {
    let roles = [Role::Owner, Role::Admin, Role::Contributor, Role::Reader];
    let with = roles.into_iter().filter(|role| {
        RoleAtoms::of_builtin(*role).is_some_and(|atoms| atoms.console.contains(&atom))
    });
    with.map(|role| role.to_string()).collect()
}

const fn scope_word(scope: &OperatorScope) -> &'static str {
    match scope {
        OperatorScope::Deployment => "the deployment",
        OperatorScope::Reseller(_) => "a reseller's accounts",
        OperatorScope::Tenant(_) => "one account",
        OperatorScope::Users(..) => "some users of an account",
    }
}

/// The value of a cookie. Two of its name are none.
pub(crate) fn cookie(headers: &HeaderMap, name: &str) -> Result<Option<String>, ()> {
    let mut found = None;
    for value in headers.get_all(header::COOKIE) {
        let Ok(value) = value.to_str() else {
            continue;
        };
        for pair in value.split(';') {
            if let Some((found_name, id)) = pair.trim().split_once('=')
                && found_name == name
                && found.replace(id.to_owned()).is_some()
            {
                return Err(());
            }
        }
    }
    Ok(found)
}

fn by_session(admin: &Admin, id: &[u8], carrier: Carrier) -> Option<Caller> {
    let state = admin.directory.state();
    let now = admin.directory.now();
    let (hash, session) = admin.sessions().find(id, carrier, (&state, now))?;
    let operator = session.operator;
    Some(Caller {
        who: Who::Operator { operator },
        office: Some(state.office(operator)?),
        session: Some((hash, session)),
    })
}

/// The scheme `Bearer` and a token: the server's own, a person's of the settings, one of the API, or a session's.
fn by_bearer(admin: &Admin, value: &[u8]) -> Option<Caller> {
    let (scheme, token) = value.split_at_checked("Bearer ".len())?;
    if !scheme.eq_ignore_ascii_case(b"Bearer ") {
        return None;
    }
    // Whoever has the server's own token is nobody else, should a person have been given the same.
    if admin.token.is(token) {
        return Some(Caller::platform(Who::AdminToken));
    }
    let hash = Digest::of(token);
    let mut persons = admin.persons.iter();
    if let Some(person) = persons.find(|person| person.token == *hash.as_bytes()) {
        let mut token = hash.to_string();
        token.truncate(FINGERPRINT_DIGITS);
        let name = person.name.clone();
        return Some(Caller::platform(Who::Person { name, token }));
    }
    let state = admin.directory.state();
    if let Some(found) = state.api_token_presented(token) {
        let now = admin.directory.now();
        let office = state.office_of_token(found.id, now.seconds())?;
        admin.note_use(found.id, now);
        return Some(Caller {
            who: Who::Token {
                token: found.id,
                operator: found.operator,
            },
            office: Some(office),
            session: None,
        });
    }
    by_session(admin, token, Carrier::Bearer)
}

/// Whether a change that a browser sends comes from our own pages. Source: W3C Fetch Metadata; where a browser does not send it, the
/// origin must be ours. `Origin: null` is nobody's.
pub(crate) fn is_own_page(method: &Method, headers: &HeaderMap, is_browser: bool) -> bool {
    if method.is_safe() {
        return true;
    }
    let text = |name| headers.get(name).map(|it| it.to_str().unwrap_or("?"));
    match text(http::HeaderName::from_static("sec-fetch-site")) {
        Some(site) => matches!(site, "same-origin" | "none"),
        None if is_browser => {
            let ours = text(header::HOST).map(|host| format!("https://{host}"));
            let origin = text(header::ORIGIN);
            origin.is_some() && origin == ours.as_deref()
        }
        None => true,
    }
}

/// Seconds of a moment, for answers.
pub(crate) const fn seconds(moment: UnixMillis) -> u64 {
    moment.0 / 1_000
}
