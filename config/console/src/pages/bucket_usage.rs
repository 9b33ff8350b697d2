//! What was used of a bucket, by which keys, and how much it may hold.

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use postern_config::directory::{Bucket, QuotaOf};
use postern_config::metering::{By as LinesBy, Period, Step};

use super::bucket_tabs::{self, Tab};
use super::buckets::{page_of, trail};
use super::chart::{self, Bar, Drawn};
use super::fields::{Asked, Fields, Sent};
use super::filters;
use super::filters::say;
use super::frame::{Frame, Here, Nav};
use super::reader::Reader;
use super::usage::{quota_answer, quota_form, quota_of, set, taken};
use crate::api::asked::{By, Of};
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
fn back(reader: &Reader, of: &Of<Bucket>) -> String {
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

pub(crate) async fn show_quota(reader: Reader, of: Of<Bucket>) -> Response {
    let form = quota_form(&of.it.quota);
    quota_page(&reader, &of, (&form, StatusCode::OK, None))
}

fn quota_page(
    reader: &Reader,
    of: &Of<Bucket>,
    answer: (&Fields, StatusCode, Option<&Problem>),
) -> Response {
    let command = format!(
        "postern usage quota --tenant {} --bucket {} --bytes 10Gi --objects 1000000",
        of.tenant.name, of.it.name
    );
    let title = reader.say(say!("Quota of bucket {}"));
    let here = Here {
        title: title.replacen("{}", of.it.name.as_str(), 1),
        nav: Nav::Buckets,
        tenant: Some(&of.tenant),
        trail: trail(reader, &of.tenant, Some(&of.it)),
    };
    quota_answer(reader, here, answer, (back(reader, of), command))
}

pub(crate) async fn set_quota(
    State(admin): State<Admin>,
    reader: Reader,
    of: Of<Bucket>,
    By(actor): By,
    Sent(mut form): Sent,
) -> Response {
    let Some(quota) = quota_of(&mut form) else {
        let answer = (&form, StatusCode::UNPROCESSABLE_ENTITY, None);
        return quota_page(&reader, &of, answer);
    };
    match set(&admin, QuotaOf::Bucket(of.it.id), (actor, quota)).await {
        Ok(revision) => {
            let text = say!("The quota is set. What is stored now stays, whatever it says.");
            reader.done((text, ""), revision, &back(&reader, &of))
        }
        Err(problem) => quota_page(&reader, &of, (&form, problem.status, Some(&problem))),
    }
}
