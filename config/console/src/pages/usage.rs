//! What was used: by whom, day by day, and how much of the quota is taken.

use axum::response::Response;
use postern_config::directory::{Bucket, QuotaOf, Tenant};
use postern_config::metering::{By, Period, Step};

use super::chart::{self, Bar, Drawn};
use super::fields::{Asked, Fields};
use super::filters;
use super::filters::say;
use super::frame::{Frame, Here, Nav};
use super::reader::Reader;
use crate::Problem;
use crate::api::asked::Of;
use crate::service::usage::{self, QuotaShown, UsageAsk, UsageLine, UsageSums};

#[derive(askama::Template)]
#[template(path = "usage.html")]
struct UsagePage {
    frame: Frame,
    tenant: String,
    figures: Figures,
    quota_edit: Option<String>,
    exports: Vec<(&'static str, String)>,
}

/// What was used in a time, and how much may be stored.
pub(super) struct Figures {
    pub(super) period: String,
    pub(super) column: Column,
    pub(super) is_of_bucket: bool,
    pub(super) total: UsageSums,
    pub(super) days: Vec<Drawn>,
    pub(super) lines: Vec<UsageLine>,
    pub(super) more: bool,
    pub(super) quota: QuotaShown,
    /// What of the quota is taken, in words and in percent.
    pub(super) taken: Vec<(String, u64)>,
}

/// Lines that a page shows; exports hold all.
const LINES_SHOWN_MAX: usize = 100;

impl Figures {
    /// Of an account, or of one of its buckets, in the month or on the day that the form says.
    pub(super) async fn of<T>(
        reader: &Reader,
        of: &Of<T>,
        (bucket, column): (Option<&Bucket>, Column),
        mut form: Fields,
    ) -> Result<Self, Problem> {
        let admin = &reader.admin;
        let ask = UsageAsk {
            tenant: Some(of.tenant.name.to_string()),
            user: None,
            key: None,
            bucket: bucket.map(|it| it.id.to_string()),
            from: None,
            to: None,
            period: form.may::<Period>("period").flatten(),
            step: Some(Step::Total),
            by: Some(column.by()),
            limit: Some(LINES_SHOWN_MAX),
            cursor: None,
        };
        let daily = UsageAsk {
            step: Some(Step::Day),
            by: Some(By::Total),
            ..ask.clone()
        };
        let days = usage::page(admin, &of.caller, &daily).await?;
        let lines = usage::page(admin, &of.caller, &ask).await?;
        let bars = days.items.iter().map(|line| Bar {
            label: line.word("start").chars().take(10).collect(),
            value: line.number("requests"),
            part: line.number("refused"),
        });
        let bounded = match bucket {
            Some(bucket) => QuotaOf::Bucket(bucket.id),
            None => QuotaOf::Tenant(of.tenant.id),
        };
        let quota = usage::quota(admin, &of.state, bounded).await;
        Ok(Self {
            period: form.text("period").to_owned(),
            column,
            is_of_bucket: bucket.is_some(),
            total: lines.total,
            days: chart::drawn(bars.collect()),
            more: lines.next.is_some(),
            lines: lines.items,
            taken: taken(reader, &quota),
            quota,
        })
    }
}

/// What has a line of its own.
#[derive(Clone, Copy, Debug)]
pub(super) enum Column {
    User,
    Bucket,
    Key,
}

impl Column {
    const fn by(self) -> By {
        match self {
            Self::User => By::User,
            Self::Bucket => By::Bucket,
            Self::Key => By::Key,
        }
    }

    /// As the address has it, and the columns of the figures.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Bucket => "bucket",
            Self::Key => "key",
        }
    }

    pub(super) const fn title(self) -> &'static str {
        match self {
            Self::User => say!("User"),
            Self::Bucket => say!("Bucket"),
            Self::Key => say!("Access key"),
        }
    }

    /// Whose a line is.
    pub(super) fn whose(self, line: &UsageLine) -> &str {
        match line.word(self.word()) {
            "" => "–",
            word => word,
        }
    }
}

pub(crate) async fn show(
    reader: Reader,
    of: Of<Tenant>,
    Asked(form): Asked,
) -> Result<Response, Problem> {
    let wanted = |column: &Column| form.holds("by", column.word());
    let column = [Column::Bucket, Column::Key].into_iter().find(wanted);
    let column = column.unwrap_or(Column::User);
    let exports = ["csv", "json"].map(|format| (format, export(&of.it, &form, format)));
    let page = UsagePage {
        frame: reader.frame(Here {
            title: reader.say(say!("Usage")).to_owned(),
            nav: Nav::Usage,
            tenant: Some(&of.it),
            trail: Vec::new(),
        }),
        tenant: of.it.name.to_string(),
        figures: Figures::of(&reader, &of, (None, column), form).await?,
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
