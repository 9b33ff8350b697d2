//! What was used of a bucket, by which keys, and how much it may hold.

use axum::response::Response;
use postern_config::directory::Bucket;

use super::bucket_tabs::{self, Tab};
use super::buckets::{self, page_of};
use super::fields::Asked;
use super::filters;
use super::filters::say;
use super::frame::Frame;
use super::reader::Reader;
use super::usage::{Column, Figures};
use crate::Problem;
use crate::api::asked::Of;

#[derive(askama::Template)]
#[template(path = "bucket_usage.html")]
struct UsagePage {
    frame: Frame,
    tabs: Vec<(&'static str, String, bool)>,
    figures: Figures,
    quota_edit: Option<String>,
    command: String,
}

/// Where one goes from the quota: whoever may set that of a user's bucket may not see who used it.
pub(super) fn back(reader: &Reader, of: &Of<Bucket>) -> String {
    let id = of.it.id.to_string();
    let usage = reader.link_in(&of.tenant, "/buckets/{bucket}/usage", &[("bucket", &id)]);
    usage.unwrap_or_else(|| page_of(&of.tenant, &id))
}

pub(crate) async fn show(
    reader: Reader,
    of: Of<Bucket>,
    Asked(form): Asked,
) -> Result<Response, Problem> {
    let id = of.it.id.to_string();
    let quota = "/buckets/{bucket}/usage/quota";
    let page = UsagePage {
        frame: reader.frame(buckets::here(&reader, &of, say!("Usage"))),
        tabs: bucket_tabs::tabs(&reader, (&of.tenant, &of.it), Tab::Usage),
        figures: Figures::of(&reader, &of, (Some(&of.it), Column::Key), form).await?,
        quota_edit: reader.link_in(&of.tenant, quota, &[("bucket", &id)]),
        command: format!(
            "postern usage show --tenant {} --bucket {}",
            of.tenant.name, of.it.name
        ),
    };
    Ok(reader.shows(&page))
}
