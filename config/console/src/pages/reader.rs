//! Who reads a page: in which language and time, and what he may open.

use std::any::Any;
use std::borrow::Cow;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::FromRequestParts;
use axum::response::Response;
use http::request::Parts;
use http::{HeaderValue, StatusCode, header};
use jiff::tz::TimeZone;
use postern_config::UnixMillis;
use postern_config::directory::{Operator, State as Snapshot, Tenant, Who};

use super::brand::BrandShown;
use super::frame::{Frame, Here};
use super::links;
use super::texts::Tongue;
use super::visit::{Visit, see};
use crate::caller::Caller;
use crate::sessions::{SessionHash, Told};
use crate::{Admin, Problem};

/// Who reads, in the directory as it was when the request came.
#[derive(Clone, Debug)]
pub(crate) struct Reader {
    pub(crate) admin: Admin,
    pub(crate) state: Arc<Snapshot>,
    /// None: nobody has signed in.
    pub(crate) caller: Option<Caller>,
    /// The path that is read.
    pub(crate) path: String,
    /// The name by which he has reached the console, without a port.
    pub(crate) host: Option<String>,
    /// How the console shows itself to him.
    pub(crate) brand: Arc<BrandShown>,
    /// What he has chosen, or else what his browser likes best.
    pub(crate) tongue: Tongue,
    pub(crate) zone: TimeZone,
    pub(crate) now: UnixMillis,
}

impl FromRequestParts<Admin> for Reader {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, admin: &Admin) -> Result<Self, Problem> {
        let caller = parts.extensions.get::<Caller>().cloned();
        Ok(Self::new(admin, caller, &Visit::of(parts)))
    }
}

impl Reader {
    pub(crate) fn new(admin: &Admin, caller: Option<Caller>, visit: &Visit) -> Self {
        let reader = Self {
            now: admin.directory.now(),
            admin: admin.clone(),
            state: admin.directory.state(),
            caller,
            path: visit.path.clone(),
            host: visit.host.clone(),
            brand: admin.brands().of(visit.host.as_deref()),
            tongue: visit.tongue,
            zone: TimeZone::UTC,
        };
        let chosen = |it: &Operator| (it.details.language.as_ref().map(Tongue::of), zone(it));
        let Some((tongue, zone)) = reader.operator().map(chosen) else {
            return reader;
        };
        Self {
            tongue: tongue.unwrap_or(visit.tongue),
            zone,
            ..reader
        }
    }

    /// The operator who reads.
    pub(crate) fn operator(&self) -> Option<&Operator> {
        match &self.caller.as_ref()?.who {
            Who::Operator { operator } => self.state.operator(*operator).map(|it| &**it),
            _ => None,
        }
    }

    /// Whoever reads, where a page is for those who have signed in.
    pub(crate) fn caller(&self) -> Result<&Caller, Problem> {
        self.caller.as_ref().ok_or_else(crate::caller::nobody)
    }

    /// The page of a path, if he may open it.
    pub(crate) fn link(&self, path: &str, words: &[(&str, &str)]) -> Option<String> {
        links::link(&self.state, self.caller.as_ref(), path, words)
    }

    /// The same below an account.
    pub(crate) fn link_in(
        &self,
        tenant: &Tenant,
        path: &str,
        words: &[(&str, &str)],
    ) -> Option<String> {
        let mut all = vec![("tenant", tenant.name.as_str())];
        all.extend_from_slice(words);
        self.link(&format!("/accounts/{{tenant}}{path}"), &all)
    }

    /// What stands around a page.
    pub(crate) fn frame(&self, here: Here<'_>) -> Frame {
        Frame::new(self, here)
    }

    /// Leaves a sentence for the next page that he reads.
    pub(crate) fn tell(&self, told: Told) {
        if let Some((hash, _)) = self.caller.as_ref().and_then(|it| it.session.as_ref()) {
            self.admin.sessions().tell(*hash, told);
        }
    }

    /// The session by which he reads, where a page is for a browser alone.
    pub(crate) fn session(&self) -> Result<SessionHash, Problem> {
        let session = self.caller()?.session.as_ref();
        session
            .map(|(hash, _)| *hash)
            .ok_or_else(crate::caller::nobody)
    }

    /// A text in his language.
    pub(crate) fn say<'t>(&self, text: &'t str) -> &'t str {
        self.admin.catalogue().say(self.tongue, text)
    }

    /// What services say of a problem, in his language.
    pub(crate) fn said<'t>(&self, text: &'t str) -> Cow<'t, str> {
        self.admin.catalogue().said(self.tongue, text)
    }

    /// Sends him to a page that tells what was done, and which revision has it.
    pub(crate) fn done(
        &self,
        (text, about): (&'static str, impl ToString),
        revision: impl Into<Option<u64>>,
        to: &str,
    ) -> Response {
        self.tell(Told {
            text,
            about: about.to_string(),
            revision: revision.into(),
        });
        see(to)
    }

    /// A page.
    pub(crate) fn page(&self, status: StatusCode, template: &impl askama::Template) -> Response {
        let (status, text) = match template.render_with_values(self) {
            Ok(text) => (status, text),
            Err(error) => {
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    "a page is not written"
                );
                (
                    StatusCode::INTERNAL_SERVER_ERROR,
                    "This page cannot be shown.".to_owned(),
                )
            }
        };
        let mut response = Response::new(Body::from(text));
        *response.status_mut() = status;
        let kind = HeaderValue::from_static("text/html; charset=utf-8");
        response.headers_mut().insert(header::CONTENT_TYPE, kind);
        response
    }

    /// A page that answers what was asked.
    pub(crate) fn shows(&self, template: &impl askama::Template) -> Response {
        self.page(StatusCode::OK, template)
    }
}

/// Filters of templates ask for the reader by this name.
pub(crate) const READER: &str = "reader";

impl askama::Values for Reader {
    fn get_value<'a>(&'a self, key: &str) -> Option<&'a dyn Any> {
        (key == READER).then_some(self as &dyn Any)
    }
}

/// The zone of an operator. What no such zone is called reads in UTC.
fn zone(operator: &Operator) -> TimeZone {
    let name = operator.details.timezone.as_ref();
    let found = name.and_then(|name| TimeZone::get(name.as_str()).ok());
    found.unwrap_or(TimeZone::UTC)
}
