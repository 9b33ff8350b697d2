//! What was done to a bucket: the records of the audit log that are about it.

use axum::response::Response;
use postern_config::directory::Bucket;

use super::bucket_tabs::{self, Tab};
use super::buckets;
use super::fields::Fields;
use super::filters;
use super::filters::say;
use super::frame::Frame;
use super::reader::Reader;
use super::{audit as log_pages, user};
use crate::Problem;
use crate::api::asked::{By, Of};
use crate::service::audit::{self, AuditAsk, AuditShown};
use crate::service::readings;

#[derive(askama::Template)]
#[template(path = "bucket_events.html")]
struct EventsPage {
    frame: Frame,
    tabs: Vec<(&'static str, String, bool)>,
    log: Vec<AuditShown>,
    /// Where all of it is searched.
    all: Option<String>,
    command: String,
}

pub(crate) async fn show(
    reader: Reader,
    of: Of<Bucket>,
    By(actor): By,
) -> Result<Response, Problem> {
    let (tenant, id) = (of.tenant.name.to_string(), of.it.id.to_string());
    let reading = audit::reading(&reader.admin, &of.caller, "page", Some(&tenant))?;
    readings::record(&reader.admin, actor, reading).await?;
    let wanted = Fields::default().with("bucket", &id);
    let ask = AuditAsk {
        limit: Some(user::ENTRIES_SHOWN_MAX),
        ..log_pages::ask_of(&wanted, Some(tenant))
    };
    let found = audit::page(&reader.admin, &of.caller, &ask).await?;
    let log = reader.link_in(&of.tenant, "/audit", &[]);
    let page = EventsPage {
        frame: reader.frame(buckets::here(&reader, &of, say!("Events"))),
        tabs: bucket_tabs::tabs(&reader, (&of.tenant, &of.it), Tab::Events),
        log: found.items,
        all: log.map(|log| format!("{log}?bucket={id}")),
        command: format!(
            "postern audit search --tenant {} --bucket {}",
            of.tenant.name, of.it.name
        ),
    };
    Ok(reader.shows(&page))
}
