//! What was used: by whom, day by day, and how much of the quota is taken.

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use postern_config::Amount;
use postern_config::directory::{Actor, Command, Quota, QuotaOf, Tenant};
use postern_config::metering::{By as LinesBy, Period, Step};

use super::chart::{self, Bar, Drawn};
use super::fields::{Asked, Fields, Sent};
use super::filters;
use super::filters::say;
use super::frame::{Frame, Here, Nav};
use super::reader::Reader;
use crate::api::asked::{By, Of};
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

#[derive(askama::Template)]
#[template(path = "quota.html")]
struct QuotaPage<'p> {
    frame: Frame,
    form: &'p Fields,
    problem: Option<&'p Problem>,
    back: String,
    command: String,
}

fn quota_page(
    reader: &Reader,
    of: &Of<Tenant>,
    answer: (&Fields, StatusCode, Option<&Problem>),
) -> Response {
    let usage = reader.link_in(&of.it, "/usage", &[]);
    let here = Here {
        title: reader.say(say!("Quota of the account")).to_owned(),
        nav: Nav::Usage,
        tenant: Some(&of.it),
        trail: vec![(reader.say(say!("Usage")).to_owned(), usage.clone())],
    };
    let command = format!(
        "postern usage quota --tenant {} --bytes 10Gi --objects 1000000",
        of.it.name
    );
    quota_answer(reader, here, answer, (usage.unwrap_or_default(), command))
}

/// The form of a quota, before it is set or after it was refused.
pub(super) fn quota_answer(
    reader: &Reader,
    here: Here<'_>,
    (form, status, problem): (&Fields, StatusCode, Option<&Problem>),
    (back, command): (String, String),
) -> Response {
    let page = QuotaPage {
        frame: reader.frame(here),
        form,
        problem,
        back,
        command,
    };
    reader.page(status, &page)
}

/// How the form of a quota stands at first.
pub(super) fn quota_form(quota: &Quota) -> Fields {
    let [bytes, objects] = [
        quota.bytes.map(|it| Amount(it).to_string()),
        quota.objects.map(|it| it.to_string()),
    ];
    Fields::default()
        .with("bytes", bytes.unwrap_or_default())
        .with("objects", objects.unwrap_or_default())
}

/// The quota that a form means. None: it means none that can be used.
pub(super) fn quota_of(form: &mut Fields) -> Option<Quota> {
    let bound = |it: Amount| it.0;
    let (bytes, objects) = (form.may("bytes"), form.may("objects"));
    Some(Quota {
        bytes: bytes?.map(bound),
        objects: objects?.map(bound),
    })
}

pub(crate) async fn show_quota(reader: Reader, of: Of<Tenant>) -> Response {
    let form = quota_form(&of.it.quota);
    quota_page(&reader, &of, (&form, StatusCode::OK, None))
}

pub(crate) async fn set_quota(
    State(admin): State<Admin>,
    reader: Reader,
    of: Of<Tenant>,
    By(actor): By,
    Sent(mut form): Sent,
) -> Result<Response, Problem> {
    let Some(quota) = quota_of(&mut form) else {
        return Ok(quota_page(
            &reader,
            &of,
            (&form, StatusCode::UNPROCESSABLE_ENTITY, None),
        ));
    };
    Ok(
        match set(&admin, QuotaOf::Tenant(of.it.id), (actor, quota)).await {
            Ok(revision) => reader.done(
                (
                    say!("The quota is set. What is stored now stays, whatever it says."),
                    "",
                ),
                revision,
                &reader.link_in(&of.it, "/usage", &[]).unwrap_or_default(),
            ),
            Err(problem) => quota_page(&reader, &of, (&form, problem.status, Some(&problem))),
        },
    )
}

pub(super) async fn set(
    admin: &Admin,
    of: QuotaOf,
    (actor, quota): (Actor, Quota),
) -> Result<u64, Problem> {
    let command = Command::SetQuota(of, quota);
    Ok(admin.directory.apply(command, actor).await?.revision.0)
}
