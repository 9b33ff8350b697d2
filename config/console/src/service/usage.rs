//! What was asked, moved and stored: sums as documents and as a table. The columns stand once, for lines, table and schema alike.

use postern_config::directory::{
    AccessKeyId, ConsoleAtom, Place, Quota, QuotaOf, Rate, RateOf, State as Snapshot, TenantId,
    UserId,
};
use postern_config::metering::{By, Hour, Item, Moment, Period, Report, Step, Sums, Wanted};
use s3_protocol::BucketId;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::find;
use super::list::{Listing, strange_cursor};
use crate::caller::Caller;
use crate::shape::{Schema, Shape, named, object, shapes};
use crate::{Admin, Problem};

shapes! {
    asked
    /// What is summed up.
    UsageAsk {
        /// Of this account, by name or number, and of those below it; of all unless told otherwise.
        tenant: Option<String>,
        /// Of this user of the account, by name or number.
        user: Option<String>,
        /// Of this access key.
        key: Option<AccessKeyId>,
        /// In this bucket of the account, by name or number, whoever used it.
        bucket: Option<String>,
        /// The first hour: of this month, where nothing is said.
        from: Option<Moment>,
        /// The hour after the last: after this one, where nothing is said.
        to: Option<Moment>,
        /// In place of the two: a month or a day.
        period: Option<Period>,
        /// How long the spans are that have lines of their own; the whole, unless told otherwise.
        step: Option<Step>,
        /// What has a line of its own in each span.
        by: Option<By>,
        /// Lines of a page, 1 to 1,000.
        limit: Option<usize>,
        /// The `next` of the page before.
        cursor: Option<String>,
    }

    asked
    /// What is summed up, and how it is written.
    UsageExportAsk {
        /// Of this account, by name or number, and of those below it; of all unless told otherwise.
        tenant: Option<String>,
        /// Of this user of the account, by name or number.
        user: Option<String>,
        /// Of this access key.
        key: Option<AccessKeyId>,
        /// In this bucket of the account, by name or number, whoever used it.
        bucket: Option<String>,
        /// The first hour: of this month, where nothing is said.
        from: Option<Moment>,
        /// The hour after the last: after this one, where nothing is said.
        to: Option<Moment>,
        /// In place of the two: a month or a day.
        period: Option<Period>,
        /// How long the spans are that have lines of their own; the whole, unless told otherwise.
        step: Option<Step>,
        /// What has a line of its own in each span; each key, unless told otherwise.
        by: Option<By>,
        /// `json`, which it is unless told otherwise, or `csv`.
        format: Option<UsageFormat>,
    }

    told
    /// Sums over a span of time.
    UsageShown {
        /// The first hour.
        from: Moment,
        /// The hour after the last.
        to: Moment,
        /// How long the spans are that have lines of their own.
        step: Step,
        /// What has a line of its own.
        by: By,
        /// The sum of all lines.
        total: UsageSums,
        /// The lines.
        items: Vec<UsageLine>,
        /// The cursor of the next page; null after the last.
        next: Option<String>,
        /// The quota of what is asked about, where that is one thing that can have a quota.
        quota: Option<QuotaShown>,
    }

    told
    /// A quota, and what is stored of it.
    QuotaShown {
        /// Bytes of objects that may be stored; null: not bounded.
        bytes: Option<u64>,
        /// Objects that may be stored; null: not bounded.
        objects: Option<u64>,
        /// Bytes that are stored; null where the node does not say.
        stored_bytes: Option<u64>,
        /// Objects that are stored.
        stored_objects: Option<u64>,
    }

    asked
    /// A quota. What is absent is not bounded.
    NewQuota {
        /// Bytes of objects that may be stored.
        bytes: Option<u64>,
        /// Objects that may be stored.
        objects: Option<u64>,
    }

    told
    /// A rate.
    RateShown {
        /// Requests a second; null: not bounded.
        requests: Option<u64>,
        /// Bytes a second, of requests' and answers' bodies together; null: not bounded.
        bytes: Option<u64>,
    }

    asked
    /// A rate. What is absent is not bounded.
    NewRate {
        /// Requests a second.
        requests: Option<u64>,
        /// Bytes a second, of requests' and answers' bodies together.
        bytes: Option<u64>,
    }

    asked
    /// What has a quota or a rate: the finest that is named.
    BoundedAsk {
        /// An account, by name or number.
        tenant: Option<String>,
        /// A user of the account.
        user: Option<String>,
        /// A bucket of the account; it has a quota and no rate.
        bucket: Option<String>,
        /// An access key; it has a rate and no quota.
        key: Option<AccessKeyId>,
    }
}

/// How an export is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum UsageFormat {
    /// Comma-separated values. Source: RFC 4180.
    Csv,
    /// One document.
    #[default]
    Json,
}

/// The numbers of a line, by the names of [`NUMBERS`].
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(transparent)]
pub(crate) struct UsageSums(Map<String, Value>);

/// A line: whose it is, as far as it is told apart, by the names of [`WHOSE`], and the numbers.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(transparent)]
pub(crate) struct UsageLine(Map<String, Value>);

impl UsageSums {
    /// A number of [`NUMBERS`].
    pub(crate) fn number(&self, name: &str) -> u64 {
        self.0.get(name).and_then(Value::as_u64).unwrap_or_default()
    }
}

impl UsageLine {
    /// A number of [`NUMBERS`].
    pub(crate) fn number(&self, name: &str) -> u64 {
        self.0.get(name).and_then(Value::as_u64).unwrap_or_default()
    }

    /// A word of [`WHOSE`].
    pub(crate) fn word(&self, name: &str) -> &str {
        self.0.get(name).and_then(Value::as_str).unwrap_or_default()
    }
}

/// What a line says of whose it is. Names are those of now; what is gone has its number alone.
const WHOSE: [(&str, &str, Kind); 11] = [
    ("start", "Where its span begins.", Kind::Text),
    ("reseller", "The account above.", Kind::Text),
    ("reseller_id", "Its number.", Kind::Number),
    ("tenant", "The account.", Kind::Text),
    ("tenant_id", "Its number.", Kind::Number),
    ("user", "The user.", Kind::Text),
    ("user_id", "His number.", Kind::Number),
    ("sub_user_id", "The number of the sub-user.", Kind::Number),
    ("key", "The access key.", Kind::Text),
    ("bucket", "The bucket.", Kind::Text),
    (
        "bucket_id",
        "Its number, 32 hexadecimal digits.",
        Kind::Text,
    ),
];

#[derive(Clone, Copy, Debug)]
enum Kind {
    Text,
    Number,
}

/// The numbers of a line.
const NUMBERS: [(&str, &str); 18] = [
    ("read", "Requests that read."),
    ("write", "Requests that write."),
    ("list", "Requests that list."),
    ("delete", "Requests that delete."),
    ("other", "Other requests."),
    ("requests", "All requests."),
    ("refused", "Of them, refused."),
    ("failed", "Of them, failed by the server's fault."),
    ("cut", "Of them, cut while bytes moved."),
    (
        "late",
        "Of them, of a period that was closed when they were counted.",
    ),
    ("bytes_in", "Bytes of requests' bodies."),
    ("bytes_out", "Bytes of answers' bodies."),
    ("byte_hours", "Bytes stored, times the hours."),
    ("object_hours", "Objects stored, times the hours."),
    (
        "corrected_requests",
        "Corrections of closed periods: requests.",
    ),
    ("corrected_bytes_in", "The same of bytes of requests."),
    ("corrected_bytes_out", "The same of bytes of answers."),
    ("corrected_byte_hours", "The same of bytes stored."),
];

/// A page of sums.
pub(crate) async fn page(
    admin: &Admin,
    caller: &Caller,
    ask: &UsageAsk,
) -> Result<UsageShown, Problem> {
    let listing = Listing {
        limit: ask.limit,
        ..Listing::default()
    };
    let limit = listing.limit()?;
    let cursor = ask.cursor.as_deref().filter(|cursor| !cursor.is_empty());
    let skip = cursor.map_or(Ok(0), |it| it.parse().map_err(|_| strange_cursor()))?;
    let state = admin.directory.state();
    let report = report(admin, caller, ask, (Step::Total, By::Total)).await?;
    let all = report.items();
    let lines = all.len();
    let items = all.skip(skip).take(limit);
    let items: Vec<_> = items.map(|item| line(&state, &item)).collect();
    let end = skip.saturating_add(items.len());
    let next = (end < lines).then(|| end.to_string());
    let of = match ask.key {
        Some(_) => None,
        None => place(&state, caller, [&ask.tenant, &ask.user, &ask.bucket])?,
    };
    let quota = match of {
        Some(of) => Some(quota(admin, &state, of).await),
        None => None,
    };
    Ok(UsageShown {
        items,
        next,
        quota,
        ..empty(&report)
    })
}

/// Every line, as a document or a table, and how it is written.
pub(crate) async fn export(
    admin: &Admin,
    caller: &Caller,
    ask: UsageExportAsk,
) -> Result<(UsageFormat, String), Problem> {
    let format = ask.format.unwrap_or_default();
    let ask = UsageAsk {
        tenant: ask.tenant,
        user: ask.user,
        key: ask.key,
        bucket: ask.bucket,
        from: ask.from,
        to: ask.to,
        period: ask.period,
        step: ask.step,
        by: ask.by,
        limit: None,
        cursor: None,
    };
    let state = admin.directory.state();
    let report = report(admin, caller, &ask, (Step::Total, By::Key)).await?;
    let text = match format {
        UsageFormat::Json => {
            let items = report.items().map(|item| line(&state, &item)).collect();
            let shown = UsageShown {
                items,
                ..empty(&report)
            };
            json!(shown).to_string()
        }
        UsageFormat::Csv => csv(&state, &report),
    };
    Ok((format, text))
}

/// A quota as it is now, with what is stored of it.
pub(crate) async fn quota(admin: &Admin, state: &Snapshot, of: QuotaOf) -> QuotaShown {
    let quota = match of {
        QuotaOf::Tenant(id) => state.tenant(id).map(|it| it.quota),
        QuotaOf::User(id) => state.user(id).map(|it| it.quota),
        QuotaOf::Bucket(id) => state.bucket_by_id(id).map(|it| it.quota),
    };
    let Quota { bytes, objects } = quota.unwrap_or_default();
    let stored = admin.usage.stored(of).await;
    QuotaShown {
        bytes,
        objects,
        stored_bytes: stored.map(|it| it.bytes),
        stored_objects: stored.map(|it| it.objects),
    }
}

/// A rate as it is now.
pub(crate) fn rate(state: &Snapshot, of: RateOf) -> RateShown {
    let rate = match of {
        RateOf::Tenant(id) => state.tenant(id).map(|it| it.rate),
        RateOf::User(id) => state.user(id).map(|it| it.rate),
        RateOf::Key(id) => state.key(&id).map(|it| it.rate),
    };
    let Rate { requests, bytes } = rate.unwrap_or_default();
    RateShown { requests, bytes }
}

impl BoundedAsk {
    /// What has the quota.
    pub(crate) fn quota_of(&self, state: &Snapshot, caller: &Caller) -> Result<QuotaOf, Problem> {
        if self.key.is_some() {
            return Err(Problem::malformed(
                "a key stores nothing: it has a rate, and no quota",
            ));
        }
        let found = place(state, caller, [&self.tenant, &self.user, &self.bucket])?;
        found.ok_or_else(|| {
            Problem::malformed("a `tenant`, one of its users or a bucket has a quota")
        })
    }

    /// What has the rate.
    pub(crate) fn rate_of(&self, state: &Snapshot, caller: &Caller) -> Result<RateOf, Problem> {
        if let Some(key) = self.key {
            let found = state
                .key(&key)
                .filter(|key| caller.sees(state, &Place::User(key.tenant, key.user)));
            let found = found.ok_or_else(|| Problem::not_found("access key"))?;
            return Ok(RateOf::Key(found.id));
        }
        match place(state, caller, [&self.tenant, &self.user, &self.bucket])? {
            Some(QuotaOf::Tenant(id)) => Ok(RateOf::Tenant(id)),
            Some(QuotaOf::User(id)) => Ok(RateOf::User(id)),
            Some(QuotaOf::Bucket(_)) | None => Err(Problem::malformed(
                "a `tenant`, one of its users or a `key` has a rate",
            )),
        }
    }
}

/// The finest that is named of account, user and bucket.
fn place(
    state: &Snapshot,
    caller: &Caller,
    named: [&Option<String>; 3],
) -> Result<Option<QuotaOf>, Problem> {
    let (tenant, user, bucket) = meant(state, caller, named)?;
    let bucket = bucket.map(QuotaOf::Bucket);
    let user = user.map(QuotaOf::User);
    Ok(bucket.or(user).or(tenant.map(QuotaOf::Tenant)))
}

/// Account, user and bucket by their words. User and bucket are looked for in the account.
fn meant(
    state: &Snapshot,
    caller: &Caller,
    [tenant, user, bucket]: [&Option<String>; 3],
) -> Result<(Option<TenantId>, Option<UserId>, Option<BucketId>), Problem> {
    let Some(tenant) = tenant else {
        return match (user, bucket) {
            (None, None) => Ok((None, None, None)),
            (Some(_), _) => Err(Problem::malformed("say in which `tenant` the `user` is")),
            (None, Some(_)) => Err(Problem::malformed("say in which `tenant` the `bucket` is")),
        };
    };
    let tenant = caller.tenant(state, tenant)?;
    let user = user.as_deref().map(|word| caller.user(state, tenant, word));
    let user = user.transpose()?.map(AsRef::as_ref);
    let bucket = bucket
        .as_deref()
        .map(|word| find::bucket(state, caller, (tenant, user), word));
    let bucket = bucket.transpose()?.map(|bucket| bucket.id);
    Ok((Some(tenant.id), user.map(|user| user.id), bucket))
}

/// Whether all that is summed up is within reach. An account is summed up with those below it.
fn reaches(
    state: &Snapshot,
    caller: &Caller,
    (tenant, user, bucket): (Option<TenantId>, Option<UserId>, Option<BucketId>),
    key: Option<AccessKeyId>,
) -> Result<(), Problem> {
    let key = key.and_then(|key| state.key(&key));
    let place = match (tenant, user, key) {
        (Some(tenant), Some(user), _) => Place::User(tenant, user),
        (Some(tenant), None, _) if bucket.is_some() => Place::Tenant(tenant),
        (None, _, Some(key)) => Place::User(key.tenant, key.user),
        (Some(tenant), None, _) if state.children(tenant).next().is_some() => Place::Below(tenant),
        (Some(tenant), None, _) => Place::Tenant(tenant),
        (None, _, None) => Place::Deployment,
    };
    caller.demand(state, Some(ConsoleAtom::UsageRead), (&place, "access key"))
}

async fn report(
    admin: &Admin,
    caller: &Caller,
    ask: &UsageAsk,
    (step, by): (Step, By),
) -> Result<Report, Problem> {
    let state = admin.directory.state();
    let state = &*state;
    let now = Hour::of(admin.meter.now());
    let (from, to) = match (ask.period, ask.from, ask.to) {
        (Some(period), None, None) => (period.start(), period.end()),
        (Some(_), ..) => {
            return Err(Problem::malformed(
                "`period` stands in the place of `from` and `to`",
            ));
        }
        (None, from, to) => {
            let month = || Period::month_of(now).map_or(now, Period::start);
            let next = Hour(now.0.saturating_add(1));
            (
                from.map_or_else(month, |it| it.0),
                to.map_or(next, |it| it.0),
            )
        }
    };
    if from >= to {
        return Err(Problem::malformed("`from` lies before `to`"));
    }
    let (tenant, user, bucket) = meant(state, caller, [&ask.tenant, &ask.user, &ask.bucket])?;
    reaches(state, caller, (tenant, user, bucket), ask.key)?;
    let wanted = Wanted {
        from,
        to,
        step: ask.step.unwrap_or(step),
        by: ask.by.unwrap_or(by),
        // A bucket says whose it is; others may have used it, whom not everybody sees.
        tenant: tenant.filter(|_| bucket.is_none() || !caller.sees_all()),
        user: user.filter(|_| bucket.is_none()),
        key: ask.key,
        bucket,
    };
    Ok(admin
        .meter
        .ask(move |ledger| ledger.report(&wanted))
        .await?)
}

/// What a report says of itself, without lines.
fn empty(report: &Report) -> UsageShown {
    let wanted = report.wanted();
    UsageShown {
        from: Moment(wanted.from),
        to: Moment(wanted.to),
        step: wanted.step,
        by: wanted.by,
        total: UsageSums(numbers(&report.total).collect()),
        items: Vec::new(),
        next: None,
        quota: None,
    }
}

fn line(state: &Snapshot, item: &Item) -> UsageLine {
    let whose = whose(state, item).filter(|(_, value)| !value.is_null());
    UsageLine(whose.chain(numbers(&item.sums)).collect())
}

/// The cells of [`WHOSE`].
fn whose(state: &Snapshot, item: &Item) -> impl Iterator<Item = (String, Value)> + use<> {
    let whose = &item.whose;
    let tenant_name = |id: Option<TenantId>| {
        let tenant = id.and_then(|id| state.tenant(id));
        json!(tenant.map(|tenant| tenant.name.as_str()))
    };
    let user = whose.user.and_then(|id| state.user(id));
    let bucket = whose.bucket.and_then(|id| state.bucket_by_id(id));
    let cells: [Value; WHOSE.len()] = [
        json!(Moment(item.start)),
        tenant_name(whose.reseller),
        json!(whose.reseller.map(TenantId::get)),
        tenant_name(whose.tenant),
        json!(whose.tenant.map(TenantId::get)),
        json!(user.map(|user| user.name.as_str())),
        json!(whose.user.map(UserId::get)),
        json!(whose.sub_user),
        json!(whose.key),
        json!(bucket.map(|bucket| bucket.name.as_str())),
        json!(whose.bucket.map(|id| id.to_string())),
    ];
    let names = WHOSE.iter().map(|(name, ..)| (*name).to_owned());
    names.zip(cells)
}

/// The cells of [`NUMBERS`].
fn numbers(sums: &Sums) -> impl Iterator<Item = (String, Value)> + use<> {
    let counts = &sums.counts;
    // More than 64 bits of byte-hours are more than the world has stored.
    let large = |number: u128| Value::from(u64::try_from(number).unwrap_or(u64::MAX));
    let signed = |number: i128| Value::from(i64::try_from(number).unwrap_or(i64::MAX));
    let cells = [
        counts.all().into(),
        counts.refused.into(),
        counts.failed.into(),
        counts.cut.into(),
        sums.late.into(),
        counts.bytes_in.into(),
        counts.bytes_out.into(),
        large(sums.byte_hours),
        large(sums.object_hours),
    ];
    let by_class = counts.requests.map(Value::from);
    let all = by_class.into_iter().chain(cells);
    let all = all.chain(sums.corrected.map(signed));
    let names = NUMBERS.iter().map(|(name, _)| (*name).to_owned());
    names.zip(all)
}

fn csv(state: &Snapshot, report: &Report) -> String {
    let names = WHOSE.iter().map(|(name, ..)| *name);
    let names: Vec<&str> = names.chain(NUMBERS.iter().map(|(name, _)| *name)).collect();
    let mut text = names.join(",");
    text.push_str("\r\n");
    for item in report.items() {
        let cells = whose(state, &item).chain(numbers(&item.sums));
        let cells: Vec<String> = cells.map(|(_, value)| cell(&value)).collect();
        text.push_str(&cells.join(","));
        text.push_str("\r\n");
    }
    text
}

/// One cell. A text that a spreadsheet would take for a formula is marked as text. Source: OWASP, "CSV injection".
fn cell(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => {
            let formula = text.starts_with(['=', '+', '-', '@']);
            let text = if formula {
                format!("'{text}")
            } else {
                text.clone()
            };
            if text.contains([',', '"', '\n', '\r']) {
                format!("\"{}\"", text.replace('"', "\"\""))
            } else {
                text
            }
        }
        other => other.to_string(),
    }
}

type Field = (&'static str, &'static str, Schema, bool);

fn number_fields() -> impl Iterator<Item = Field> {
    let number = || json!({ "type": "integer" });
    NUMBERS
        .iter()
        .map(move |(name, about)| (*name, *about, number(), false))
}

impl Shape for UsageSums {
    fn schema() -> Schema {
        named("UsageSums")
    }

    fn named(all: &mut Vec<(&'static str, Schema)>) {
        let sums = object("Numbers of a span.", number_fields().collect());
        all.push(("UsageSums", sums));
    }
}

impl Shape for UsageLine {
    fn schema() -> Schema {
        named("UsageLine")
    }

    fn named(all: &mut Vec<(&'static str, Schema)>) {
        let whose = WHOSE.iter().map(|(name, about, kind)| {
            let schema = match kind {
                Kind::Text => String::schema(),
                Kind::Number => u64::schema(),
            };
            (*name, *about, schema, *name != "start")
        });
        let fields = whose.chain(number_fields()).collect();
        let about = "A line: whose it is, as far as it is told apart, and the numbers.";
        all.push(("UsageLine", object(about, fields)));
    }
}

#[cfg(test)]
mod tests {
    use postern_config::metering::Class;

    use super::*;

    #[test]
    fn a_cell_is_no_formula_and_ends_where_it_should() {
        let cells = ["plain", "a,b", "say \"x\"", "=1+1", "@sum"].map(|text| cell(&json!(text)));
        assert_eq!(
            cells,
            ["plain", "\"a,b\"", "\"say \"\"x\"\"\"", "'=1+1", "'@sum"]
        );
        assert_eq!(
            (cell(&Value::Null), cell(&json!(-7))),
            (String::new(), "-7".to_owned())
        );
    }

    #[test]
    fn each_number_stands_under_its_name() {
        let classes = Class::ALL.map(Class::name);
        let named: Vec<&str> = NUMBERS.iter().map(|(name, _)| *name).collect();
        assert_eq!(named[..classes.len()], classes);
        assert_eq!(numbers(&Sums::default()).count(), NUMBERS.len());
    }
}
