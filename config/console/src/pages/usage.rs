//! What was used: by whom, day by day, and how much of the quota is taken.

use axum::extract::State;
use axum::response::Response;
use postern_config::directory::{QuotaOf, Tenant};
use postern_config::metering::{By as LinesBy, Period, Step};

use super::chart::{self, Bar, Drawn};
use super::fields::{Asked, Fields};
use super::filters;
use super::filters::say;
use super::frame::{Frame, Here, Nav};
use super::reader::Reader;
use crate::api::asked::Of;
use crate::service::usage::{self, QuotaShown, UsageAsk, UsageLine, UsageSums};
use crate::{Admin, Problem};

#[derive(askama::Template)]
#[template(path = "usage.html")]
struct UsagePage {
    frame: Frame,
    tenant: String,
    period: String,
    by: String,
    total: UsageSums,
    days: Vec<Drawn>,
    lines: Vec<UsageLine>,
    more: bool,
    quota: QuotaShown,
    /// What of the quota is taken, in words and in percent.
    taken: Vec<(String, u64)>,
    quota_edit: Option<String>,
    exports: Vec<(&'static str, String)>,
}

impl UsagePage {
    /// Whose a line is, by the column that is asked for.
    fn whose<'l>(&self, line: &'l UsageLine) -> &'l str {
        match self.by.as_str() {
            "bucket" => line.word("bucket"),
            "key" => line.word("key"),
            _ => line.word("user"),
        }
    }
}

/// Lines that the page shows; exports hold all.
const LINES_SHOWN_MAX: usize = 100;

pub(crate) async fn show(
    State(admin): State<Admin>,
    reader: Reader,
    of: Of<Tenant>,
    Asked(mut form): Asked,
) -> Result<Response, Problem> {
    let period = form.may::<Period>("period").flatten();
    let by = match form.text("by") {
        by @ ("bucket" | "key") => by.to_owned(),
        _ => "user".to_owned(),
    };
    let lines_by = match by.as_str() {
        "bucket" => LinesBy::Bucket,
        "key" => LinesBy::Key,
        _ => LinesBy::User,
    };
    let ask = |step, by| UsageAsk {
        tenant: Some(of.it.name.to_string()),
        user: None,
        key: None,
        bucket: None,
        from: None,
        to: None,
        period,
        step: Some(step),
        by: Some(by),
        limit: Some(LINES_SHOWN_MAX),
        cursor: None,
    };
    let days = usage::page(&admin, &of.caller, &ask(Step::Day, LinesBy::Total)).await?;
    let lines = usage::page(&admin, &of.caller, &ask(Step::Total, lines_by)).await?;
    let bars = days.items.iter().map(|line| Bar {
        label: line.word("start").chars().take(10).collect(),
        value: line.number("requests"),
        part: line.number("refused"),
    });
    let quota = usage::quota(&admin, &of.state, QuotaOf::Tenant(of.it.id)).await;
    let exports = ["csv", "json"].map(|format| (format, export(&of.it, &form, format)));
    let page = UsagePage {
        frame: reader.frame(Here {
            title: reader.say(say!("Usage")).to_owned(),
            nav: Nav::Usage,
            tenant: Some(&of.it),
            trail: Vec::new(),
        }),
        tenant: of.it.name.to_string(),
        period: form.text("period").to_owned(),
        by,
        total: lines.total,
        days: chart::drawn(bars.collect()),
        more: lines.next.is_some(),
        lines: lines.items,
        taken: taken(&reader, &quota),
        quota,
        quota_edit: reader.link_in(&of.it, "/usage/quota", &[]),
        exports: exports.into(),
    };
    Ok(reader.shows(&page))
}

/// What of each bound is taken. What is not bounded, or not known, is not said.
pub(super) fn taken(reader: &Reader, quota: &QuotaShown) -> Vec<(String, u64)> {
    let number = |it: u64| filters::thousands(&it.to_string());
    let bounds: [(_, _, &dyn Fn(u64) -> String); 2] = [
        (quota.stored_bytes, quota.bytes, &filters::size),
        (quota.stored_objects, quota.objects, &number),
    ];
    let told = bounds.into_iter().filter_map(|(taken, bound, written)| {
        let (taken, bound) = (taken?, bound?);
        let text = reader.say(say!("{} of {}"));
        let text = text
            .replacen("{}", &written(taken), 1)
            .replacen("{}", &written(bound), 1);
        let percent = u128::from(taken) * 100 / u128::from(bound.max(1));
        Some((text, u64::try_from(percent.min(100)).unwrap_or(100)))
    });
    told.collect()
}

/// Where the same numbers are as a file.
fn export(tenant: &Tenant, form: &Fields, format: &str) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.append_pair("format", format);
    query.append_pair("tenant", tenant.name.as_str());
    query.append_pair("step", "day");
    let period = form.text("period");
    if !period.is_empty() {
        query.append_pair("period", period);
    }
    format!("/api/v1/usage/export?{}", query.finish())
}
