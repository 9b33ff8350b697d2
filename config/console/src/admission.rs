//! Who is let in. One check stands before every route, also before those that do not exist: it finds out who asks, and whether the
//! line of the operation in [`crate::needs`] is met.

use axum::extract::{FromRequestParts as _, RawPathParams, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use http::request::Parts;
use http::{HeaderValue, StatusCode, header};
use postern_config::directory::{Place, Reauth, State as Snapshot, Tenant};
use postern_config::settings::MetricsAccess;

use crate::caller::{Caller, is_own_page, nobody};
use crate::needs::{Again, At, Need, Row};
use crate::pages::visit::Visit;
use crate::routes::{Permission, Route};
use crate::service::find;
use crate::{Admin, PeerAddress, Problem};

/// What the check knows before a request comes.
#[derive(Clone, Debug)]
pub(crate) struct Gate {
    pub(crate) admin: Admin,
    /// The route behind it; none: there is none.
    pub(crate) route: Option<&'static Route>,
}

impl Gate {
    /// The visit to a page; what is no page has none. What is not there is one to a browser.
    fn visit(&self, parts: &Parts) -> Option<Visit> {
        match self.route.map(|route| route.permission) {
            Some(Permission::Page { .. }) => Some(Visit::of(parts)),
            Some(Permission::Open | Permission::Metrics | Permission::Token) => None,
            None => wants_page(parts).then(|| Visit::of(parts)),
        }
    }
}

/// Whether a browser asks for what it shows.
fn wants_page(parts: &Parts) -> bool {
    let accepts = parts.headers.get(header::ACCEPT);
    let accepts = accepts.and_then(|it| it.to_str().ok()).unwrap_or_default();
    !parts.uri.path().starts_with("/api/") && accepts.contains("text/html")
}

/// Lets a request in, or refuses it. What no route declares needs a caller, so that a stranger cannot ask which routes exist.
pub(crate) async fn admit(State(gate): State<Gate>, request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    let visit = gate.visit(&parts);
    let mut response = match admitted(&gate, &mut parts).await {
        Ok(()) => next.run(Request::from_parts(parts, body)).await,
        Err(problem) => problem.into_response(),
    };
    if let Some(visit) = visit {
        response = visit.seen(&gate.admin, response);
    }
    let headers = response.headers_mut();
    // What never changes under its name says so itself.
    let kept = headers.entry(header::CACHE_CONTROL);
    kept.or_insert(HeaderValue::from_static("no-store"));
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    response
}

async fn admitted(gate: &Gate, parts: &mut Parts) -> Result<(), Problem> {
    let admin = &gate.admin;
    let caller = Caller::of(admin, &parts.headers);
    let is_browser = caller.as_ref().is_some_and(Caller::is_browser);
    if !is_own_page(&parts.method, &parts.headers, is_browser) {
        let detail =
            "a browser sent this from a page of another origin, or does not say from which";
        return Err(Problem::new(StatusCode::FORBIDDEN, "cross-site", detail));
    }
    let Some(route) = gate.route else {
        // The router answers 404, to whoever has come in.
        return caller.map(|_| ()).ok_or_else(nobody);
    };
    match route.permission {
        Permission::Open => return Ok(()),
        Permission::Metrics if is_local(admin, parts) => return Ok(()),
        Permission::Metrics => {
            let caller = caller.ok_or_else(nobody)?;
            let state = admin.directory.state();
            return caller.demand(&state, None, (&Place::Deployment, "route"));
        }
        Permission::Token | Permission::Page { .. } => {}
    }
    let row = route.row(parts.method.as_str());
    if row.is_some_and(|row| row.need == Need::Nothing) {
        return Ok(());
    }
    let is_page = matches!(route.permission, Permission::Page { .. });
    // Pages are for people: a token reads what they show from the API.
    let caller = caller.filter(|caller| !is_page || caller.is_browser());
    let caller = caller.ok_or_else(nobody)?;
    match row {
        Some(row) => meets(admin, parts, (&caller, &row)).await?,
        // The route answers 405: there is nothing that could be done.
        None if !route.methods.contains(&parts.method.as_str()) => {}
        None => {
            tracing::error!(route = route.path, "an operation has no line of needs");
            return Err(Problem::not_found("route"));
        }
    }
    parts.extensions.insert(caller);
    Ok(())
}

/// Whether a line is met, as far as the path says where.
async fn meets(
    admin: &Admin,
    parts: &mut Parts,
    (caller, row): (&Caller, &Row),
) -> Result<(), Problem> {
    let words = RawPathParams::from_request_parts(parts, admin).await;
    let words = words.map_err(|rejection| Problem::malformed(rejection.body_text()))?;
    let word = |name: &str| {
        let found = words.iter().find(|(key, _)| *key == name);
        found.map_or("", |(_, value)| value)
    };
    let state = admin.directory.state();
    let tenant = may(&state, (caller, row), word)?;
    shown(admin, caller, (row.again, tenant))
}

/// Whether somebody may do what a line says to what the words of its path name. Answers the account that they name.
pub(crate) fn may<'s, 'w>(
    state: &'s Snapshot,
    (caller, row): (&Caller, &Row),
    word: impl Fn(&str) -> &'w str,
) -> Result<Option<&'s Tenant>, Problem> {
    let atom = match row.need {
        Need::Nothing | Need::Anyone | Need::See => None,
        Need::Person => {
            caller.person()?;
            None
        }
        Need::Do(atom) => Some(atom),
    };
    match row.at {
        At::Oneself => Ok(None),
        At::Deployment => {
            caller.demand(state, atom, (&Place::Deployment, "route"))?;
            Ok(None)
        }
        // The handler knows what it is about.
        At::Reach | At::Named | At::Operator => match atom {
            Some(atom) if !caller.has(atom) => Err(caller.lacks(Some(atom), &Place::Deployment)),
            _ => Ok(None),
        },
        At::Tenant | At::PartOfTenant | At::AboveTenant | At::User | At::Key | At::Bucket => {
            let tenant = caller.tenant(state, word("tenant"))?;
            let names = (word("user"), word("key"));
            match (place(state, caller, (tenant, row.at), names)?, atom) {
                (Some((place, what)), atom) => caller.demand(state, atom, (&place, what))?,
                (None, Some(atom)) if !caller.has(atom) => {
                    return Err(caller.lacks(Some(atom), &Place::Tenant(tenant.id)));
                }
                (None, _) => {}
            }
            Ok(Some(tenant))
        }
    }
}

/// The place within an account; none where any part of it will do.
fn place(
    state: &Snapshot,
    caller: &Caller,
    (tenant, at): (&Tenant, At),
    (user, key): (&str, &str),
) -> Result<Option<(Place, &'static str)>, Problem> {
    // Whoever sees some users alone is not told what others are called.
    let hidden = |what: &str, problem: Problem| {
        if caller.sees(state, &Place::Tenant(tenant.id)) {
            problem
        } else {
            Problem::not_found(what)
        }
    };
    Ok(match at {
        At::Tenant => Some((Place::Tenant(tenant.id), "tenant")),
        At::AboveTenant => Some((Place::Above(tenant.id), "tenant")),
        At::User => {
            let user = find::user(state, tenant, user).map_err(|it| hidden("user", it))?;
            Some((Place::User(tenant.id, user.id), "user"))
        }
        At::Key => {
            let key = find::key(state, (tenant, None), key);
            let key = key.map_err(|it| hidden("access key", it))?;
            Some((Place::User(tenant.id, key.user), "access key"))
        }
        At::PartOfTenant
        | At::Bucket
        | At::Oneself
        | At::Deployment
        | At::Reach
        | At::Named
        | At::Operator => None,
    })
}

/// Whether he has shown lately that it is he, where that is asked.
pub(crate) fn shown(
    admin: &Admin,
    caller: &Caller,
    (again, tenant): (Again, Option<&Tenant>),
) -> Result<(), Problem> {
    let asks = |what: Reauth| {
        tenant.is_some_and(|tenant| tenant.profile.rules().reauth_for.contains(&what))
    };
    let is_asked = match again {
        Again::No => false,
        Again::Where(what) => asks(what),
        Again::Always | Again::PersonAlone => true,
    };
    let now = admin.directory.now();
    match &caller.session {
        Some((_, session)) if is_asked && !session.is_fresh(now) => {
            let detail = "show once more that it is you: send your password to /api/v1/session/step-up, then ask again";
            Err(Problem::new(StatusCode::FORBIDDEN, "step-up", detail))
        }
        None if again == Again::PersonAlone => {
            caller.person()?;
            Ok(())
        }
        _ => Ok(()),
    }
}

fn is_local(admin: &Admin, parts: &Parts) -> bool {
    let peer = parts.extensions.get::<PeerAddress>();
    match admin.metrics {
        MetricsAccess::Token => false,
        MetricsAccess::Loopback => peer.is_some_and(|peer| peer.0.to_canonical().is_loopback()),
    }
}
