//! What was used of a bucket, by which keys, and how much it may hold.

use axum::extract::State;
use axum::response::Response;
use postern_config::directory::{Bucket, QuotaOf};
use postern_config::metering::{By as LinesBy, Period, Step};

use super::bucket_tabs::{self, Tab};
use super::buckets::{page_of, trail};
use super::chart::{self, Bar, Drawn};
use super::fields::Asked;
use super::filters;
use super::filters::say;
use super::frame::{Frame, Here, Nav};
use super::reader::Reader;
use super::usage::taken;
use crate::api::asked::Of;
use crate::service::usage::{self, QuotaShown, UsageAsk, UsageLine, UsageSums};
use crate::{Admin, Problem};

#[derive(askama::Template)]
#[template(path = "bucket_usage.html")]
struct UsagePage {
    frame: Frame,
    tabs: Vec<(&'static str, String, bool)>,
    period: String,
    total: UsageSums,
    days: Vec<Drawn>,
    /// By access key.
    lines: Vec<UsageLine>,
    more: bool,
    quota: QuotaShown,
    /// What of the quota is taken, in words and in percent.
    taken: Vec<(String, u64)>,
    quota_edit: Option<String>,
    command: String,
}

/// Keys that the page shows; exports hold all.
const LINES_SHOWN_MAX: usize = 100;

/// Where one goes from the quota: whoever may set that of a user's bucket may not see who used it.
pub(super) fn back(reader: &Reader, of: &Of<Bucket>) -> String {
    let id = of.it.id.to_string();
    let usage = reader.link_in(&of.tenant, "/buckets/{bucket}/usage", &[("bucket", &id)]);
    usage.unwrap_or_else(|| page_of(&of.tenant, &id))
}

pub(crate) async fn show(
    State(admin): State<Admin>,
    reader: Reader,
    of: Of<Bucket>,
    Asked(mut form): Asked,
) -> Result<Response, Problem> {
    let period = form.may::<Period>("period").flatten();
    let id = of.it.id.to_string();
    let ask = |step, by| UsageAsk {
        tenant: Some(of.tenant.name.to_string()),
        user: None,
        key: None,
        bucket: Some(id.clone()),
        from: None,
        to: None,
        period,
        step: Some(step),
        by: Some(by),
        limit: Some(LINES_SHOWN_MAX),
        cursor: None,
    };
    let days = usage::page(&admin, &of.caller, &ask(Step::Day, LinesBy::Total)).await?;
    let lines = usage::page(&admin, &of.caller, &ask(Step::Total, LinesBy::Key)).await?;
    let bars = days.items.iter().map(|line| Bar {
        label: line.word("start").chars().take(10).collect(),
        value: line.number("requests"),
        part: line.number("refused"),
    });
    let quota = usage::quota(&admin, &of.state, QuotaOf::Bucket(of.it.id)).await;
    let page = UsagePage {
        frame: reader.frame(Here {
            title: reader.say(say!("Usage")).to_owned(),
            nav: Nav::Buckets,
            tenant: Some(&of.tenant),
            trail: trail(&reader, &of.tenant, Some(&of.it)),
        }),
        tabs: bucket_tabs::tabs(&reader, (&of.tenant, &of.it), Tab::Usage),
        period: form.text("period").to_owned(),
        total: lines.total,
        days: chart::drawn(bars.collect()),
        more: lines.next.is_some(),
        lines: lines.items,
        taken: taken(&reader, &quota),
        quota,
        quota_edit: reader.link_in(
            &of.tenant,
            "/buckets/{bucket}/usage/quota",
            &[("bucket", &id)],
        ),
        command: format!(
            "postern usage show --tenant {} --bucket {}",
            of.tenant.name, of.it.name
        ),
    };
    Ok(reader.shows(&page))
}
