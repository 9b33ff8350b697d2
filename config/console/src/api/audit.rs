//! The audit log, and the access review.

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use futures_util::stream;
use postern_config::directory::Tenant;

use super::asked::{Ask, By, text};
use crate::caller::Caller;
use crate::service::audit::{self, AuditAsk, AuditPage, AuditShown, Filter, Verified};
use crate::service::{readings, review};
use crate::shape::shapes;
use crate::{Admin, Problem};

const CSV: &str = "text/csv; charset=utf-8; header=present";
const JSON_LINES: &str = "application/jsonl";

shapes! {
    asked
    /// Which records are exported, and how.
    ExportAsk {
        /// `jsonl`, which it is unless told otherwise, or `csv`.
        format: Option<ExportFormat>,
        /// Of this account, by name or number.
        tenant: Option<String>,
        /// With an action that begins so: `key.`, `key.create`.
        action: Option<String>,
        /// By somebody whose name contains this.
        actor: Option<String>,
        /// About an object whose name or number contains this, or whose details do.
        object: Option<String>,
        /// About this user of that account, by name or number, or with one of his keys.
        user: Option<String>,
        /// About this bucket of that account, by name or number: itself, its permissions, its policy.
        bucket: Option<String>,
        /// At or after this time: seconds since 1970, a date, or RFC 3339.
        since: Option<String>,
        /// Before this time.
        until: Option<String>,
    }

    asked
    /// Whose access is reviewed, and how it is written.
    ReviewAsk {
        /// Of this account, by name or number; of all unless told otherwise.
        tenant: Option<String>,
        /// `json`, which it is unless told otherwise, or `csv`.
        format: Option<ReviewFormat>,
        /// Only keys that work and have not been used for so many days, since they were made or at all.
        unused_days: Option<u32>,
    }
}

/// How records are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum ExportFormat {
    /// A document a line.
    Jsonl,
    /// A table.
    Csv,
}

/// How a review is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum ReviewFormat {
    /// One document.
    Json,
    /// A table.
    Csv,
}

pub(crate) async fn page(
    State(admin): State<Admin>,
    By(actor): By,
    caller: Caller,
    Ask(ask): Ask<AuditAsk>,
) -> Result<Json<AuditPage>, Problem> {
    let reading = audit::reading(&admin, &caller, "page", ask.tenant.as_deref())?;
    readings::record(&admin, actor, reading).await?;
    Ok(Json(audit::page(&admin, &caller, &ask).await?))
}

pub(crate) async fn verify(
    State(admin): State<Admin>,
    caller: Caller,
    By(actor): By,
) -> Result<Json<Verified>, Problem> {
    let reading = audit::reading(&admin, &caller, "verify", None)?;
    readings::record(&admin, actor, reading).await?;
    Ok(Json(audit::verify(&admin).await?))
}

/// The records, the oldest first, a page at a time: an export of any length takes the memory of one page.
pub(crate) async fn export(
    State(admin): State<Admin>,
    By(actor): By,
    caller: Caller,
    Ask(ask): Ask<ExportAsk>,
) -> Result<Response, Problem> {
    let reading = audit::reading(&admin, &caller, "export", ask.tenant.as_deref())?;
    readings::record(&admin, actor, reading).await?;
    let format = ask.format.unwrap_or(ExportFormat::Jsonl);
    let wanted = AuditAsk {
        tenant: ask.tenant,
        action: ask.action,
        actor: ask.actor,
        object: ask.object,
        user: ask.user,
        bucket: ask.bucket,
        since: ask.since,
        until: ask.until,
        limit: None,
        cursor: None,
    };
    let filter = Filter::of(&admin, &caller, &wanted)?;
    let (kind, head) = match format {
        ExportFormat::Jsonl => (JSON_LINES, ""),
        ExportFormat::Csv => (CSV, audit::CSV_HEAD),
    };
    let pages = stream::unfold(Some(0), move |after| {
        let (admin, filter) = (admin.clone(), filter.clone());
        async move {
            let after = after?;
            // A page that cannot be read ends the export early, and the connection with it: it never looks whole.
            let (records, next) = match audit::onward(&admin, &filter, after).await {
                Ok(page) => page,
                Err(problem) => return Some((Err(Broken(problem.detail)), None)),
            };
            next?;
            let lines: String = records.iter().map(|it| line(it, format)).collect();
            Some((Ok(Bytes::from(lines)), next))
        }
    });
    let head = stream::iter([Ok(Bytes::from_static(head.as_bytes()))]);
    let body = Body::from_stream(futures_util::StreamExt::chain(head, pages));
    Ok(text(kind, body))
}

/// Why an export broke off.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Broken(String);

fn line(record: &AuditShown, format: ExportFormat) -> String {
    match format {
        ExportFormat::Csv => audit::csv_line(record),
        ExportFormat::Jsonl => match serde_json::to_string(record) {
            Ok(line) => line + "\n",
            Err(_) => String::new(),
        },
    }
}

pub(crate) async fn review(
    State(admin): State<Admin>,
    By(actor): By,
    caller: Caller,
    Ask(ask): Ask<ReviewAsk>,
) -> Result<Response, Problem> {
    let reading = audit::reading(&admin, &caller, "access-review", ask.tenant.as_deref())?;
    readings::record(&admin, actor, reading).await?;
    let state = admin.directory.state();
    let now = admin.directory.now().seconds();
    let named = ask.tenant.map(|word| caller.tenant(&state, &word).cloned());
    let mut review = match named.transpose()? {
        Some(tenant) => {
            let one = std::iter::once::<&Tenant>(&tenant);
            review::of(&state, &caller, one, now)
        }
        None => {
            let all = state.tenants().map(|tenant| &**tenant);
            let seen = all.filter(|tenant| caller.touches(&state, tenant.id));
            review::of(&state, &caller, seen, now)
        }
    };
    review.tell_last_use(&admin.meter).await?;
    if let Some(days) = ask.unused_days {
        review.keep_unused(now, days);
    }
    match ask.format.unwrap_or(ReviewFormat::Json) {
        ReviewFormat::Json => Ok(Json(review).into_response()),
        ReviewFormat::Csv => {
            let rows = review.items.iter().map(review::csv_line);
            let table: String = std::iter::once(review::CSV_HEAD.to_owned())
                .chain(rows)
                .collect();
            Ok(text(CSV, table))
        }
    }
}
