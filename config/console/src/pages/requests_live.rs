//! Requests of the S3 side as they end: server-sent events, each with a request as a row of the table.
//!
//! Nothing of it is kept: who was not there when a request ended finds it in the access log.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse as _, Response};
use futures_util::stream;
use http::HeaderMap;
use postern_config::directory::{ConsoleAtom, Tenant, TenantId};
use postern_config::usage::Ended;
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::{Instant, timeout_at};

use super::fields::Asked;
use super::filters;
use super::filters::say;
use super::frame::{Frame, Here, Nav};
use super::reader::Reader;
use crate::api::asked::Of;
use crate::caller::Caller;
use crate::limits::LIVE_SECONDS_MAX;
use crate::service::keys::hint;

#[derive(askama::Template)]
#[template(path = "access.html")]
struct AccessPage {
    frame: Frame,
    /// Where they come from.
    live: String,
    /// Whether those alone that were refused or failed.
    refused: bool,
}

/// The page, empty at first.
pub(crate) async fn show(reader: Reader, of: Of<Tenant>, Asked(fields): Asked) -> Response {
    let refused = fields.text("show") == "refused";
    let show = if refused { "refused" } else { "" };
    let page = AccessPage {
        frame: reader.frame(Here {
            title: reader.say(say!("Requests as they end")).to_owned(),
            nav: Nav::Access,
            tenant: Some(&of.it),
            trail: Vec::new(),
        }),
        live: format!("{}/live?show={show}", reader.path),
        refused,
    };
    reader.shows(&page)
}

/// What ends from now on.
pub(crate) async fn live(
    reader: Reader,
    of: Of<Tenant>,
    (headers, Asked(fields)): (HeaderMap, Asked),
) -> Response {
    let watch = Watch {
        ended: reader.admin.usage.requests(),
        until: Instant::now() + Duration::from_secs(LIVE_SECONDS_MAX),
        tenant: of.it.id,
        refused: fields.text("show") == "refused",
        reader,
        headers,
    };
    Sse::new(stream::unfold(watch, Watch::next)).into_response()
}

/// Who watches what.
struct Watch {
    ended: broadcast::Receiver<Arc<Ended>>,
    /// When the browser has to come again, as who it is then.
    until: Instant,
    tenant: TenantId,
    refused: bool,
    reader: Reader,
    headers: HeaderMap,
}

#[derive(askama::Template)]
#[template(path = "access_row.html")]
struct Row<'r> {
    it: &'r Ended,
    key: String,
    operation: String,
    code: String,
    why: Option<String>,
}

impl Watch {
    async fn next(mut self) -> Option<(Result<Event, Infallible>, Self)> {
        loop {
            let event = match timeout_at(self.until, self.ended.recv()).await {
                Ok(Ok(ended)) if self.wants(&ended) => self.row(&ended),
                Ok(Ok(_)) => continue,
                Ok(Err(RecvError::Lagged(lost))) => {
                    let said = self.reader.say(say!("… {} skipped"));
                    let said = said.replacen("{}", &lost.to_string(), 1);
                    Event::default().event("skipped").data(said)
                }
                Ok(Err(RecvError::Closed)) | Err(_) => return None,
            };
            return self.may().then_some((Ok(event), self));
        }
    }

    fn wants(&self, ended: &Ended) -> bool {
        ended.tenant == Some(self.tenant) && (!self.refused || !(200..400).contains(&ended.status))
    }

    /// Whether he may still read it: who may not is sent nothing more.
    fn may(&self) -> bool {
        let caller = Caller::of(&self.reader.admin, &self.headers);
        caller.is_some_and(|it| it.has(ConsoleAtom::AuditRead))
    }

    fn row(&self, it: &Ended) -> Event {
        let why = [("id", it.request.as_str())];
        let row = Row {
            it,
            key: it.key.as_ref().map_or_else(String::new, hint),
            operation: it.operation.map_or("", |it| it.name()).to_owned(),
            code: it.code.map_or("", |it| it.as_str()).to_owned(),
            why: self.reader.link("/requests/{id}", &why),
        };
        let row = askama::Template::render_with_values(&row, &self.reader);
        Event::default().data(row.unwrap_or_default().replace('\n', " "))
    }
}
