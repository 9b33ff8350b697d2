//! The audit log as it grows: server-sent events, each with a record as a row of the table. Source: HTML Standard, "Server-sent events".
//!
//! A tail keeps its place in the log and nothing else. Who reads more slowly than the log grows is told how much was left out.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::time::Duration;

use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse as _, Response};
use futures_util::stream;
use http::HeaderMap;
use postern_config::directory::{Actor, ConsoleAtom, Tenant};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout_at};

use super::audit::ask_of;
use super::fields::{Asked, Fields};
use super::filters;
use super::filters::say;
use super::reader::Reader;
use crate::Problem;
use crate::api::asked::{By, Of};
use crate::caller::{Caller, nobody};
use crate::limits::{LIVE_BREATH_MS, LIVE_RECORDS_MAX, LIVE_SECONDS_MAX};
use crate::service::audit::{self, AuditAsk, AuditShown, Filter};
use crate::service::readings;

/// What the log of an account grows by.
pub(crate) async fn of_account(
    reader: Reader,
    of: Of<Tenant>,
    By(actor): By,
    (headers, Asked(fields)): (HeaderMap, Asked),
) -> Result<Response, Problem> {
    let name = of.it.name.to_string();
    tail(reader, (Some(name), actor), (headers, fields)).await
}

/// What the log of all that somebody sees grows by.
pub(crate) async fn of_all(
    reader: Reader,
    By(actor): By,
    (headers, Asked(fields)): (HeaderMap, Asked),
) -> Result<Response, Problem> {
    tail(reader, (None, actor), (headers, fields)).await
}

async fn tail(
    reader: Reader,
    (tenant, actor): (Option<String>, Actor),
    (headers, fields): (HeaderMap, Fields),
) -> Result<Response, Problem> {
    let admin = reader.admin.clone();
    let reading = audit::reading(&admin, reader.caller()?, "live", tenant.as_deref())?;
    readings::record(&admin, actor, reading).await?;
    let ask = ask_of(&fields, tenant);
    // What is wrong with it is said now, and not by a stream that ends.
    Filter::of(&admin, reader.caller()?, &ask)?;
    // A browser that comes again says itself what it had last; the script does where somebody has paused.
    let last = headers.get("last-event-id").and_then(|it| it.to_str().ok());
    let last = last.unwrap_or_else(|| fields.text("after"));
    let newest = admin.directory.audits();
    let tail = Tail {
        after: last.parse().unwrap_or(newest).min(newest),
        grown: admin.audit_growth(),
        until: Instant::now() + Duration::from_secs(LIVE_SECONDS_MAX),
        pending: VecDeque::new(),
        reader,
        headers,
        ask,
    };
    Ok(Sse::new(stream::unfold(tail, Tail::next)).into_response())
}

/// A place in the log, and who reads from there.
struct Tail {
    reader: Reader,
    headers: HeaderMap,
    ask: AuditAsk,
    /// The last record that was looked at.
    after: u64,
    grown: watch::Receiver<u64>,
    /// When the browser has to come again, as who it is then.
    until: Instant,
    /// At most [`LIVE_RECORDS_MAX`] and one.
    pending: VecDeque<Event>,
}

#[derive(askama::Template)]
#[template(path = "audit_row.html")]
struct Row {
    it: AuditShown,
}

impl Tail {
    async fn next(mut self) -> Option<(Result<Event, Infallible>, Self)> {
        loop {
            if let Some(event) = self.pending.pop_front() {
                return Some((Ok(event), self));
            }
            let after = self.after;
            let grown = self.grown.wait_for(|newest| *newest > after);
            let has_grown = matches!(timeout_at(self.until, grown).await, Ok(Ok(_)));
            if !has_grown || self.look().await.is_err() {
                return None;
            }
            // What comes in the meantime comes together.
            sleep(Duration::from_millis(LIVE_BREATH_MS)).await;
        }
    }

    /// Looks at what has come. Who may no longer read it reads no further.
    async fn look(&mut self) -> Result<(), Problem> {
        let admin = &self.reader.admin;
        let caller = Caller::of(admin, &self.headers).ok_or_else(nobody)?;
        if !caller.has(ConsoleAtom::AuditRead) {
            return Err(nobody());
        }
        let filter = Filter::of(admin, &caller, &self.ask)?;
        let newest = admin.directory.audits();
        let left_out = newest
            .saturating_sub(self.after)
            .saturating_sub(LIVE_RECORDS_MAX);
        if left_out > 0 {
            self.after += left_out;
            let said = self.reader.say(say!("… {} skipped"));
            let said = said.replacen("{}", &left_out.to_string(), 1);
            self.pending
                .push_back(Event::default().event("skipped").data(said));
        }
        let (records, last) = audit::onward(admin, &filter, self.after).await?;
        self.after = last.unwrap_or(newest);
        for it in records {
            let id = it.sequence.to_string();
            let row = askama::Template::render_with_values(&Row { it }, &self.reader);
            let row = row.unwrap_or_default().replace('\n', " ");
            self.pending.push_back(Event::default().id(id).data(row));
        }
        Ok(())
    }
}
